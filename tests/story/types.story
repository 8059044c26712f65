# Types outlive a kill -9, with their labels in order, and the columns of them.

commons> CREATE TYPE mood AS ENUM ('sad', 'happy')
commons> CREATE TABLE people (name text, m mood, ms mood[])
commons> INSERT INTO people VALUES ('ann', 'happy', '{sad,happy}'), ('bob', 'sad', NULL)
commons> ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy'
commons> INSERT INTO people VALUES ('eve', 'ok', '{ok}')
commons> COMMENT ON TYPE mood IS 'how one feels'
commons> CREATE TABLE stays (room int, during daterange, price nummultirange, seen tstzrange[])
commons> INSERT INTO stays VALUES (1, '[2024-01-01,2024-01-05]', '{[1.50,2),[7,)}', '{empty}'), (2, 'empty', '{}', NULL)
commons> CREATE UNIQUE INDEX ON stays (during)
commons> BEGIN
commons> ALTER TYPE mood ADD VALUE 'lost'
commons> CREATE TYPE lost AS ENUM ('x')
server! kill
server! start
commons> SELECT name, m, ms FROM people ORDER BY m DESC
commons> SELECT enum_range(NULL::mood), obj_description('mood'::regtype)
commons> SELECT * FROM stays ORDER BY during
commons> INSERT INTO stays VALUES (3, '(2023-12-31,2024-01-06)')
commons> SELECT 'x'::lost
commons> ALTER TYPE mood RENAME VALUE 'ok' TO 'fine'
commons> ALTER TYPE mood RENAME TO feeling
server! kill
server! start
commons> SELECT name, m, pg_typeof(m) FROM people WHERE m < 'happy' ORDER BY m
commons> DROP TYPE feeling
----
commons: name | m | ms
commons: ann | happy | {sad,happy}
commons: eve | ok | {ok}
commons: bob | sad | NULL
commons: enum_range | obj_description
commons: {sad,ok,happy} | how one feels
commons: room | during | price | seen
commons: 2 | empty | {} | NULL
commons: 1 | [2024-01-01,2024-01-06) | {[1.50,2),[7,)} | {empty}
commons: ERROR 23505: duplicate key value violates unique constraint "stays_during_idx"
commons: DETAIL: Key (during)=([2024-01-01,2024-01-06)) already exists.
commons: ERROR 42704: type "lost" does not exist
commons: name | m | pg_typeof
commons: bob | sad | feeling
commons: eve | fine | feeling
commons: ERROR 2BP01: cannot drop type feeling because other objects depend on it
commons: DETAIL: column ms of table people depends on type feeling[]
column m of table people depends on type feeling
commons: HINT: Use DROP ... CASCADE to drop the dependent objects too.
