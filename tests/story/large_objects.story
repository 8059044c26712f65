# Large objects are kept as tables are: what is committed is there after a kill -9 and a start, and two who write one object conflict.

commons> CREATE ROLE ann LOGIN PASSWORD 'ann'
commons> SELECT lo_from_bytea(500001, convert_to(repeat('x', 5000), 'UTF8'))
commons> GRANT SELECT, UPDATE ON LARGE OBJECT 500001 TO ann
commons> COMMENT ON LARGE OBJECT 500001 IS 'kept'
ann> SELECT lo_create(500002)
ann> SELECT lo_put(500002, 10000, 'end')
ann> BEGIN
ann> SELECT lo_put(500001, 0, 'never committed')
ann> SELECT lo_unlink(500002), lo_create(500003)
server! kill
server! start
ann> SELECT length(lo_get(500001)), convert_from(lo_get(500001, 4990, 100), 'UTF8'), length(lo_get(500002))
ann> SELECT oid, lomowner::regrole, lomacl FROM pg_largeobject_metadata ORDER BY oid
ann> SELECT obj_description(500001, 'pg_largeobject')
ann> SELECT lo_unlink(500002)
ann> SELECT lo_create(500002)
ann> SELECT length(lo_get(500002))
# The first who commits wins; the other is told to try again.
ann> BEGIN
ann> SELECT lo_put(500001, 0, 'ann')
commons> SELECT lo_put(500001, 0, 'commons')
ann> SELECT 1
ann> ROLLBACK
ann> SELECT convert_from(lo_get(500001, 0, 10), 'UTF8')
# Who began to read goes on reading what was there.
ann> BEGIN
ann> SELECT lo_open(500001, 262144)
commons> SELECT lo_unlink(500001)
ann> SELECT convert_from(loread(0, 10), 'UTF8')
ann> SELECT lo_open(500001, 262144)
ann> ROLLBACK
# A held cursor reads on.
ann> SELECT lo_put(500002, 0, 'held')
ann> BEGIN
ann> DECLARE c CURSOR WITH HOLD FOR SELECT convert_from(lo_get(500002), 'UTF8')
ann> COMMIT
ann> SELECT lo_put(500002, 0, 'HELD')
ann> FETCH c
ann> SELECT convert_from(lo_get(500002), 'UTF8'), count(*) FROM pg_largeobject_metadata
----
commons: lo_from_bytea
commons: 500001
ann: lo_create
ann: 500002
ann: lo_put
ann: 
ann: lo_put
ann: 
ann: lo_unlink | lo_create
ann: 1 | 500003
ann: length | convert_from | length
ann: 5000 | xxxxxxxxxx | 10003
ann: oid | lomowner | lomacl
ann: 500001 | commons | {commons=rw/commons,ann=rw/commons}
ann: 500002 | ann | NULL
ann: obj_description
ann: kept
ann: lo_unlink
ann: 1
ann: lo_create
ann: 500002
ann: length
ann: 0
ann: lo_put
ann: 
commons: lo_put
commons: 
ann: ERROR 40001: could not serialize access due to concurrent update
ann: convert_from
ann: commonsxxx
ann: lo_open
ann: 0
commons: lo_unlink
commons: 1
ann: convert_from
ann: commonsxxx
ann: ERROR 42704: large object 500001 does not exist
ann: lo_put
ann: 
ann: lo_put
ann: 
ann: convert_from
ann: held
ann: convert_from | count
ann: HELD | 1
