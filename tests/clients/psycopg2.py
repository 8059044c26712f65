"""psycopg2: the simple protocol, client-side binding, named cursors, COPY, notifications."""
import io
import os
import select
import tempfile
import threading

import psycopg2
import psycopg2.extras
from psycopg2 import errorcodes
from psycopg2.extras import DateRange, DateTimeRange, DateTimeTZRange, NumericRange
from trial import fails, run, shows
from values import ARRAYS, DOCUMENT, RANGES, SCALARS

connection = psycopg2.connect("")
connection.autocommit = True
cursor = connection.cursor()
cursor.execute("SET timezone = 'UTC'")
psycopg2.extras.register_uuid()


@shows("parameters and results")
def types():
    for ty, value, text in SCALARS + ARRAYS:
        cursor.execute(f"SELECT CAST(%s AS {ty}), CAST(CAST(%s AS {ty}) AS text), NULL::{ty}", (value, value))
        got, written, null = cursor.fetchone()
        if ty == "bytea":
            got = bytes(got)
        assert got == value and written == text and null is None, (ty, value, got, written)
    for ty in ("json", "jsonb"):
        cursor.execute(f"SELECT %s::{ty}", (psycopg2.extras.Json(DOCUMENT),))
        assert cursor.fetchone() == (DOCUMENT,)
    kinds = {"daterange": DateRange, "tsrange": DateTimeRange, "tstzrange": DateTimeTZRange}
    for ty, bounds, within, text in RANGES:
        kind = kinds.get(ty, NumericRange)
        value = kind(*bounds, within) if bounds else kind(empty=True)
        cursor.execute(f"SELECT CAST(%s AS {ty}), CAST(CAST(%s AS {ty}) AS text), ARRAY[CAST(%s AS {ty})]", (value,) * 3)
        assert cursor.fetchone() == (value, text, [value]), (ty, value)
    cursor.execute("SELECT %(a)s, 10 %% 3, %(a)s::text", {"a": 1})
    assert cursor.fetchone() == (1, 1, "1")
    cursor.execute("SELECT 1 AS a, 'x'::varchar(3) AS b, 2.5::numeric(4,1) AS c")
    assert [(c.name, c.type_code) for c in cursor.description] == [("a", 23), ("b", 1043), ("c", 1700)]


@shows("named cursors")
def cursors():
    with psycopg2.connect("") as other:
        with other.cursor("forward") as named:
            named.itersize = 100
            named.execute("SELECT generate_series(1, 1000)")
            assert [row[0] for row in named] == list(range(1, 1001))
        with other.cursor("scrolls", scrollable=True) as named:
            named.execute("SELECT generate_series(1, 10)")
            assert named.fetchmany(5)[-1] == (5,)
            named.scroll(-3)
            assert named.fetchone() == (3,)
        with other.cursor("held", withhold=True) as named:
            named.execute("SELECT generate_series(1, 10)")
            other.commit()
            assert len(named.fetchall()) == 10


@shows("execute_values, execute_batch, executemany")
def many():
    cursor.execute("CREATE TABLE many (a int, b text)")
    psycopg2.extras.execute_values(cursor, "INSERT INTO many VALUES %s", [(n, str(n)) for n in range(1000)])
    psycopg2.extras.execute_batch(cursor, "UPDATE many SET b = %s WHERE a = %s", [("x", n) for n in range(20)])
    cursor.executemany("INSERT INTO many VALUES (%s, %s)", [(n, None) for n in range(10)])
    cursor.execute("SELECT count(*), count(b), count(*) FILTER (WHERE b = 'x') FROM many")
    assert cursor.fetchone() == (1010, 1000, 20)
    rows = psycopg2.extras.execute_values(cursor, "INSERT INTO many VALUES %s RETURNING a", [(7, "y"), (8, "z")], fetch=True)
    assert rows == [(7,), (8,)]


@shows("COPY in and out")
def copies():
    cursor.execute("CREATE TABLE copied (k int, s text)")
    cursor.copy_from(io.StringIO("1\tone\n2\t\\N\n"), "copied")
    cursor.copy_expert("COPY copied FROM STDIN (FORMAT csv)", io.StringIO('3,"a,b"\n4,\n'))
    out = io.StringIO()
    cursor.copy_to(out, "copied", null="?")
    assert out.getvalue() == "1\tone\n2\t?\n3\ta,b\n4\t?\n", out.getvalue()
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT * FROM copied ORDER BY k DESC) TO STDOUT (FORMAT csv, HEADER)", out)
    assert out.getvalue() == 'k,s\n4,\n3,"a,b"\n2,\n1,one\n', out.getvalue()


@shows("transactions and isolation")
def transactions():
    other = psycopg2.connect("")
    other.set_session(isolation_level="REPEATABLE READ", readonly=True)
    with other, other.cursor() as inside:
        inside.execute("SHOW transaction_isolation")
        assert inside.fetchone() == ("repeatable read",)
        fails("25006", inside.execute, "CREATE TABLE refused (a int)")
        other.rollback()
    other.set_session(isolation_level="READ COMMITTED", readonly=False)
    with other, other.cursor() as inside:
        inside.execute("CREATE TABLE kept (a int)")
        inside.execute("SAVEPOINT here")
        fails("22012", inside.execute, "SELECT 1/0")
        assert other.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_INERROR
        fails("25P02", inside.execute, "SELECT 1")
        inside.execute("ROLLBACK TO here")
        inside.execute("INSERT INTO kept VALUES (1)")
    cursor.execute("SELECT * FROM kept")
    assert cursor.fetchall() == [(1,)]
    other.close()


def refused(words, function, *arguments):
    """libpq's large objects tell errors without their SQLSTATE."""
    try:
        function(*arguments)
    except psycopg2.OperationalError as error:
        assert words in str(error), error
        return
    raise AssertionError(f"no error, {words} expected")


@shows("large objects")
def large_objects():
    path = os.path.join(tempfile.mkdtemp(), "exported")
    with psycopg2.connect("") as other:
        made = other.lobject(0, "wb")
        oid = made.oid
        assert made.write(b"0123456789" * 1000) == 10000 and made.tell() == 10000
        assert made.seek(-4, 2) == 9996
        made.truncate(9998)
        made.close()
        other.commit()
        read = other.lobject(oid, "rb")
        assert read.seek(9990) == 9990 and read.read(4) == b"0123" and read.read() == b"4567"
        refused("not opened for writing", read.write, b"x")
        other.rollback()
        text = other.lobject(oid, "rwt")
        assert text.read(3) == "012"
        assert text.write("é") == 2 and text.seek(0) == 0 and text.read(5) == "012é"
        text.export(path)
        with open(path, "rb") as exported:
            assert exported.read() == ("012é".encode() + b"56789" + b"0123456789" * 999)[:9998]
        text.close()
        other.rollback()
        assert other.lobject(oid, "rb").read(5) == b"01234"
        taken = other.lobject(0, "r", 0, path)
        assert taken.read(5) == "012é" and taken.oid != oid
        taken.unlink()
        other.lobject(oid, "n").unlink()
        other.commit()
        refused("does not exist", other.lobject, oid)
        other.rollback()
        cursor.execute("SELECT count(*) FROM pg_largeobject_metadata")
        assert cursor.fetchone() == (0,)


@shows("errors with their fields")
def errors():
    cursor.execute("CREATE TABLE keyed (a int PRIMARY KEY)")
    cursor.execute("INSERT INTO keyed VALUES (1)")
    error = fails(errorcodes.UNIQUE_VIOLATION, cursor.execute, "INSERT INTO keyed VALUES (1)")
    assert isinstance(error, psycopg2.errors.UniqueViolation)
    assert (error.diag.table_name, error.diag.constraint_name) == ("keyed", "keyed_pkey")
    assert error.diag.message_detail == "Key (a)=(1) already exists."
    error = fails("42703", cursor.execute, "SELECT a,\n  b FROM keyed")
    assert "LINE 2:   b FROM keyed\n          ^" in str(error), str(error)


@shows("cancel")
def cancel():
    threading.Timer(0.3, connection.cancel).start()
    fails("57014", cursor.execute, "SELECT pg_sleep(30)")


@shows("notices and notifications")
def notifications():
    cursor.execute("DROP TABLE IF EXISTS never_there")
    assert connection.notices[-1] == 'NOTICE:  table "never_there" does not exist, skipping\n', connection.notices
    cursor.execute("LISTEN news")
    cursor.execute("NOTIFY news, 'mine'")
    with psycopg2.connect("") as other:
        other.cursor().execute("NOTIFY news, 'yours'")
    while len(connection.notifies) < 2:
        assert select.select([connection], [], [], 10)[0], "no notification in time"
        connection.poll()
    assert [(n.channel, n.payload) for n in connection.notifies] == [("news", "mine"), ("news", "yours")]


run("psycopg2", psycopg2.__version__.split()[0])
