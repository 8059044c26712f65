# A trigger outlives the server, and goes with its table.

commons> CREATE TABLE kept (id int, v text)
commons> CREATE TABLE notes (what text)
commons> CREATE FUNCTION note() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO notes VALUES (tg_op || ' ' || new.v || ' ' || tg_argv[0]); new.v := upper(new.v); RETURN new; END $$
commons> CREATE TRIGGER noted BEFORE INSERT OR UPDATE OF v ON kept FOR EACH ROW WHEN (new.id > 0) EXECUTE FUNCTION note('x')
commons> COMMENT ON TRIGGER noted ON kept IS 'writes notes'
commons> INSERT INTO kept VALUES (1, 'a')
commons> ALTER TABLE kept RENAME COLUMN id TO number
server! kill
server! start
commons> INSERT INTO kept VALUES (2, 'b'), (-3, 'c')
commons> SELECT * FROM kept ORDER BY number
commons> SELECT * FROM notes ORDER BY what
commons> SELECT tgname, obj_description(oid, 'pg_trigger') AS note FROM pg_trigger
commons> DROP FUNCTION note()
commons> DROP TABLE kept
commons> DROP FUNCTION note()
server! kill
server! start
commons> SELECT count(*) FROM pg_trigger
----
commons: number | v
commons: -3 | c
commons: 1 | A
commons: 2 | B
commons: what
commons: INSERT a x
commons: INSERT b x
commons: tgname | note
commons: noted | writes notes
commons: ERROR 2BP01: cannot drop function note() because other objects depend on it
commons: DETAIL: trigger noted on table kept depends on function note()
commons: HINT: Use DROP ... CASCADE to drop the dependent objects too.
commons: count
commons: 0
