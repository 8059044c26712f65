# What a table promises holds between sessions, and over a kill -9.

commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> CREATE ROLE bob LOGIN PASSWORD 'bob'
commons> CREATE TABLE public.k (id int PRIMARY KEY, n serial, v text CHECK (v <> 'bad'))
commons> CREATE TABLE public.c (k int REFERENCES public.k)
commons> GRANT ALL ON public.k, public.c TO ann, bob; GRANT USAGE ON SEQUENCE public.k_n_seq TO ann, bob
ann> BEGIN; INSERT INTO k VALUES (1)
bob> SET statement_timeout = 300
bob> INSERT INTO k VALUES (1)
ann> COMMIT
bob> INSERT INTO k VALUES (1)
bob> BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM k
ann> INSERT INTO k VALUES (2)
bob> INSERT INTO k VALUES (2)
bob> ROLLBACK
ann> SELECT id FROM k ORDER BY id
----
bob: ERROR 57014: canceling statement due to statement timeout
bob: ERROR 23505: duplicate key value violates unique constraint "k_pkey"
bob: DETAIL: Key (id)=(1) already exists.
bob: count
bob: 1
bob: ERROR 40001: could not serialize access due to concurrent update
ann: id
ann: 1
ann: 2

# Who refers to a row keeps it from going, also before the commit.
ann> BEGIN; INSERT INTO c VALUES (1)
bob> DELETE FROM k WHERE id = 1
ann> COMMIT
bob> DELETE FROM k WHERE id = 1
bob> BEGIN; DELETE FROM k WHERE id = 2
ann> SET statement_timeout = 300
ann> INSERT INTO c VALUES (2)
bob> COMMIT
ann> INSERT INTO c VALUES (2)
----
bob: ERROR 57014: canceling statement due to statement timeout
bob: ERROR 23503: update or delete on table "k" violates foreign key constraint "c_k_fkey" on table "c"
bob: DETAIL: Key (id)=(1) is still referenced from table "c".
ann: ERROR 57014: canceling statement due to statement timeout
ann: ERROR 23503: insert or update on table "c" violates foreign key constraint "c_k_fkey"
ann: DETAIL: Key (k)=(2) is not present in table "k".

commons> CREATE TABLE seen (v bigint UNIQUE)
commons> INSERT INTO seen SELECT nextval('k_n_seq') FROM generate_series(1, 100)
server! kill
server! start
commons> INSERT INTO seen SELECT nextval('k_n_seq') FROM generate_series(1, 100)
commons> SELECT count(*) FROM seen
commons> INSERT INTO k VALUES (1)
commons> INSERT INTO k VALUES (3, 0, 'bad')
commons> DELETE FROM k WHERE id = 1
commons> SELECT count(*) FROM k WHERE n > 0
----
commons: count
commons: 200
commons: ERROR 23505: duplicate key value violates unique constraint "k_pkey"
commons: DETAIL: Key (id)=(1) already exists.
commons: ERROR 23514: new row for relation "k" violates check constraint "k_v_check"
commons: DETAIL: Failing row contains (3, 0, bad).
commons: ERROR 23503: update or delete on table "k" violates foreign key constraint "c_k_fkey" on table "c"
commons: DETAIL: Key (id)=(1) is still referenced from table "c".
commons: count
commons: 1
