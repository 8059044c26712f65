# Two people, one name; two people, one row. The first to commit wins and the other one is told.

commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> CREATE ROLE bob LOGIN PASSWORD 'bob'
commons> CREATE SCHEMA team; GRANT ALL ON SCHEMA team TO ann, bob
ann> BEGIN; CREATE TABLE team.t (x int)
bob> BEGIN; CREATE TABLE team.t (y int)
ann> COMMIT
bob> COMMIT
bob> SELECT 1 AS alive
----
bob: ERROR 40001: could not serialize access due to concurrent update
bob: DETAIL: relation "t" already exists.
bob: alive
bob: 1

commons> GRANT ALL ON team.t TO bob
ann> INSERT INTO team.t VALUES (1), (2)
bob> BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM team.t
ann> UPDATE team.t SET x = x + 1
bob> DELETE FROM team.t WHERE x = 2
bob> ROLLBACK
bob> DELETE FROM team.t WHERE x = 2
ann> SELECT x FROM team.t
----
bob: count
bob: 2
bob: ERROR 40001: could not serialize access due to concurrent update
ann: x
ann: 3

# Appends do not hinder one another.
ann> BEGIN; INSERT INTO team.t VALUES (10)
bob> BEGIN; INSERT INTO team.t VALUES (20)
ann> COMMIT
bob> COMMIT
ann> SELECT x FROM team.t ORDER BY x
----
ann: x
ann: 3
ann: 10
ann: 20

# Each on call may leave while the other one stays: under SERIALIZABLE the second to go is told.
commons> CREATE TABLE team.calls (doctor text, on_call bool); GRANT ALL ON team.calls TO ann, bob
commons> INSERT INTO team.calls VALUES ('ann', true), ('bob', true)
ann> BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM team.calls WHERE on_call
bob> BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM team.calls WHERE on_call
ann> INSERT INTO team.t VALUES (30)
bob> INSERT INTO team.calls VALUES ('carl', false)
bob> COMMIT
ann> COMMIT
----
ann: count
ann: 2
bob: count
bob: 2
ann: ERROR 40001: could not serialize access due to read/write dependencies among transactions
ann: DETAIL: The transaction read table "calls", which another one has changed since.
ann: HINT: The transaction might succeed if retried.

# What a view reads counts, what nobody changed does not, and who only reads is never told.
commons> CREATE VIEW team.busy AS SELECT * FROM team.calls; GRANT SELECT ON team.busy TO ann
ann> BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM team.busy
ann> INSERT INTO team.t VALUES (40)
bob> INSERT INTO team.t VALUES (50)
ann> COMMIT
ann> BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM team.busy
bob> INSERT INTO team.calls VALUES ('dora', false)
ann> SELECT count(*) FROM team.busy
ann> COMMIT
ann> BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM team.busy
bob> INSERT INTO team.calls VALUES ('emil', false)
ann> INSERT INTO team.t VALUES (60)
ann> COMMIT
----
ann: count
ann: 3
ann: count
ann: 3
ann: count
ann: 3
ann: count
ann: 4
ann: ERROR 40001: could not serialize access due to read/write dependencies among transactions
ann: DETAIL: The transaction read table "calls", which another one has changed since.
ann: HINT: The transaction might succeed if retried.
