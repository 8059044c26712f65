# Types of rows outlive a kill -9, and the columns of them, their arrays and fields.

commons> CREATE TYPE place AS (x int, y numeric)
commons> CREATE TYPE span AS (a place, b place, names text[])
commons> COMMENT ON COLUMN place.x IS 'to the right'
commons> CREATE TABLE lines (id int, l span, more span[], p place UNIQUE)
commons> INSERT INTO lines VALUES (1, ROW(ROW(1, 2.50), NULL, '{p,q}'), NULL, '(1,1.0)'), (2, NULL, ARRAY[ROW(NULL, ROW(3, 4), NULL)::span], '(1,)')
commons> CREATE FUNCTION left_of(place) RETURNS int LANGUAGE sql AS 'SELECT $1.x'
server! kill
server! start
commons> SELECT id, l, more, (l).a.y, left_of(p) FROM lines ORDER BY p
commons> INSERT INTO lines(p) VALUES ('(1,1.00)')
commons> SELECT col_description('place'::regclass, 1), pg_typeof((l).a) FROM lines WHERE id = 1
commons> ALTER TYPE place RENAME TO spot
server! kill
server! start
commons> SELECT (l).names, p FROM lines WHERE p = ROW(1, 1)::spot
----
commons: id | l | more | y | left_of
commons: 1 | ("(1,2.50)",,"{p,q}") | NULL | 2.50 | 1
commons: 2 | NULL | {"(,\"(3,4)\",)"} | NULL | 1
commons: ERROR 23505: duplicate key value violates unique constraint "lines_p_key"
commons: DETAIL: Key (p)=((1,1.00)) already exists.
commons: col_description | pg_typeof
commons: to the right | place
commons: names | p
commons: {p,q} | (1,1.0)
