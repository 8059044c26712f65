# A function outlives the server, and those who may call it are told when it is made.

commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> CREATE ROLE bob LOGIN PASSWORD 'bob'
ann> CREATE TABLE points (x int, y int)
ann> INSERT INTO points VALUES (1, 2), (3, 4)
ann> CREATE FUNCTION total(k int DEFAULT 1) RETURNS bigint LANGUAGE sql STABLE AS 'SELECT k * sum(x + y) FROM points'
ann> CREATE FUNCTION twice(i int) RETURNS int IMMUTABLE RETURN i * 2
ann> COMMENT ON FUNCTION total(int) IS 'all of it'
ann> CREATE VIEW doubled AS SELECT twice(x) AS d FROM points
server! kill
server! start
ann> SELECT total(), total(10), twice(4)
ann> SELECT * FROM doubled ORDER BY d
ann> SELECT proname, obj_description(oid, 'pg_proc') AS note FROM pg_proc WHERE proname = 'total'
ann> DROP FUNCTION twice(int)
----
ann: total | total | twice
ann: 10 | 100 | 8
ann: d
ann: 2
ann: 6
ann: proname | note
ann: total | all of it
ann: ERROR 2BP01: cannot drop function twice(integer) because other objects depend on it
ann: DETAIL: view doubled depends on function twice(integer)
ann: HINT: Use DROP ... CASCADE to drop the dependent objects too.
