# Types outlive a kill -9, with their labels in order, and the columns of them.

commons> CREATE TYPE mood AS ENUM ('sad', 'happy')
commons> CREATE TABLE people (name text, m mood, ms mood[])
commons> INSERT INTO people VALUES ('ann', 'happy', '{sad,happy}'), ('bob', 'sad', NULL)
commons> ALTER TYPE mood ADD VALUE 'ok' BEFORE 'happy'
commons> INSERT INTO people VALUES ('eve', 'ok', '{ok}')
commons> COMMENT ON TYPE mood IS 'how one feels'
commons> BEGIN
commons> ALTER TYPE mood ADD VALUE 'lost'
commons> CREATE TYPE lost AS ENUM ('x')
server! kill
server! start
commons> SELECT name, m, ms FROM people ORDER BY m DESC
commons> SELECT enum_range(NULL::mood), obj_description('mood'::regtype)
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
commons: ERROR 42704: type "lost" does not exist
commons: name | m | pg_typeof
commons: bob | sad | feeling
commons: eve | fine | feeling
commons: ERROR 2BP01: cannot drop type feeling because other objects depend on it
commons: DETAIL: column m of table people depends on type feeling
column ms of table people depends on type feeling
commons: HINT: Use DROP ... CASCADE to drop the dependent objects too.
