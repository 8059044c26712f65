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
