"""psycopg 3, whole: every cursor it has, in text and binary, pipelines, COPY both ways, cancel, notifications."""
import asyncio
import threading
import time
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Json, Jsonb
from psycopg.types.multirange import Multirange
from psycopg.types.range import Range
from psycopg_pool import ConnectionPool
from trial import fails, run, shows
from values import ARRAYS, DOCUMENT, RANGES, SCALARS

connection = psycopg.connect(autocommit=True)
connection.execute("SET timezone = 'UTC'")


@shows("typed parameters and results in text and binary")
def types():
    for ty, value, text in SCALARS + ARRAYS:
        for binary in (False, True):
            for mark in ("%s", "%b", "%t"):
                cursor = connection.cursor(binary=binary)
                query = f"SELECT {mark}::{ty}, ({mark}::{ty})::text, NULL::{ty}"
                got, written, null = cursor.execute(query, (value, value)).fetchone()
                assert got == value and type(got) is type(value), (ty, value, got, binary, mark)
                assert written == text, (ty, text, written, binary, mark)
                assert null is None
    for binary in (False, True):
        cursor = connection.cursor(binary=binary)
        for wrap, ty in ((Json, "json"), (Jsonb, "jsonb")):
            assert cursor.execute(f"SELECT %s::{ty}", (wrap(DOCUMENT),)).fetchone() == (DOCUMENT,)
        for value in (ip_interface("10.0.0.1/24"), ip_address("::1"), ip_network("10.0.0.0/8"), [ip_address("1.2.3.4"), None]):
            assert cursor.execute("SELECT %s", (value,)).fetchone() == (value,), (value, binary)
    for ty, bounds, within, text in RANGES:
        made = Range(*bounds, within) if bounds else Range(empty=True)
        several = Multirange([] if made.isempty else [made])
        sets = ((ty, made, text), (ty.replace("range", "multirange"), several, f"{{{text}}}" if bounds else "{}"))
        for ty, value, text in sets:
            for binary in (False, True):
                for mark in ("%s", "%b", "%t"):
                    cursor = connection.cursor(binary=binary)
                    query = f"SELECT {mark}::{ty}, ({mark}::{ty})::text, array[{mark}::{ty}, NULL]"
                    row = cursor.execute(query, (value, value, value)).fetchone()
                    assert row == (value, text, [value, None]), (ty, value, row, binary, mark)
    # Without a cast PostgreSQL finds the type.
    row = connection.execute("SELECT %s + 1, %s || 'x', %s = ANY(%s)", (1, "y", 3, [1, 2, 3])).fetchone()
    assert row == (2, "yx", True), row
    description = connection.execute("SELECT 1::int2 AS a, 1.5::numeric(8,3) AS b, 'x'::varchar(7) AS c").description
    assert [(c.name, c.type_code) for c in description] == [("a", 21), ("b", 1700), ("c", 1043)], description
    assert (description[1].precision, description[1].scale) == (8, 3) and description[2].display_size == 7


@shows("prepared statements")
def prepared():
    for n in range(12):
        assert connection.execute("SELECT %s::int8 * 2", (n,), prepare=True).fetchone() == (2 * n,)
    connection.execute("CREATE TABLE again (a int)")
    for _ in range(3):
        connection.execute("SELECT * FROM again", prepare=True)
    with psycopg.connect(autocommit=True) as other:
        other.execute("ALTER TABLE again ADD COLUMN b text")
    error = fails("0A000", lambda: connection.execute("SELECT * FROM again", prepare=True))
    assert "cached plan must not change result type" in str(error)
    # A plan used again goes by the settings of now.
    connection.execute("SET statement_timeout = '10s'")
    take = "SELECT pg_advisory_lock(70)"
    for _ in range(2):
        connection.execute(take, prepare=True)
        connection.execute("SELECT pg_advisory_unlock(70)")
    with psycopg.connect(autocommit=True) as other:
        other.execute(take)
        connection.execute("SET lock_timeout = '100ms'")
        fails("55P03", lambda: connection.execute(take, prepare=True))
    connection.execute("RESET lock_timeout")
    connection.execute("RESET statement_timeout")


@shows("pipelines")
def pipelines():
    with connection.pipeline() as pipeline:
        cursors = [connection.execute("SELECT %s::int", (n,)) for n in range(200)]
        assert [c.fetchone()[0] for c in cursors] == list(range(200))

    def broken():
        with connection.pipeline() as pipeline:
            connection.execute("SELECT 1 / %s::int", (0,))
            connection.execute("CREATE TABLE skipped (a int)")
            pipeline.sync()

    fails("22012", broken)
    assert connection.execute("SELECT to_regclass('skipped')").fetchone() == (None,)
    with psycopg.connect() as other, other.pipeline(), other.cursor() as cursor:
        other.execute("CREATE TEMP TABLE piped (a int, b text)")
        cursor.executemany("INSERT INTO piped VALUES (%s, %s) RETURNING a", [(n, str(n)) for n in range(500)], returning=True)
        got = [cursor.fetchone()[0]]
        while cursor.nextset():
            got.append(cursor.fetchone()[0])
        assert got == list(range(500))


@shows("server-side cursors")
def cursors():
    with psycopg.connect() as other:
        for binary in (False, True):
            with other.cursor("named", binary=binary) as cursor:
                cursor.itersize = 300
                cursor.execute("SELECT i, i::text FROM generate_series(1, %s) AS g(i)", (1000,))
                assert [row[0] for row in cursor] == list(range(1, 1001))
        with other.cursor("scrolls", scrollable=True) as cursor:
            cursor.execute("SELECT i FROM generate_series(1, 100) AS g(i)")
            assert cursor.fetchmany(3) == [(1,), (2,), (3,)]
            cursor.scroll(-2)
            assert cursor.fetchone() == (2,)
            cursor.scroll(50, mode="absolute")
            assert cursor.fetchone() == (51,)
            assert len(cursor.fetchall()) == 49
        with other.cursor("held", withhold=True) as cursor:
            cursor.execute("SELECT i FROM generate_series(1, 10) AS g(i)")
            other.commit()
            assert cursor.fetchall() == [(n,) for n in range(1, 11)]
        assert [r for r in other.cursor().stream("SELECT generate_series(1, 5)")] == [(n,) for n in range(1, 6)]


@shows("COPY in and out, text and binary")
def copies():
    connection.execute("CREATE TABLE copied (k int4, x float8, n numeric(12,3), s text, at timestamptz, b bytea, l int4[], r numrange)")
    names = ["int4", "float8", "numeric", "text", "timestamptz", "bytea", "int4[]", "numrange"]
    from values import UTC, datetime

    span = Range(Decimal("1.10"), None, "(]")
    rows = [
        (n, n / 7, Decimal(n).scaleb(-3), f"row\t{n}\\", datetime(2024, 1, 1, tzinfo=UTC), bytes([n % 256, 0]), [n, None], span)
        for n in range(1000)
    ] + [(1000, None, None, None, None, None, None, None)]
    for form in ("text", "binary"):
        connection.execute("TRUNCATE copied")
        with connection.cursor().copy(f"COPY copied FROM STDIN (FORMAT {form})") as copy:
            if form == "binary":
                copy.set_types(names)
            for row in rows:
                copy.write_row(row)
        with connection.cursor().copy(f"COPY (SELECT * FROM copied ORDER BY k) TO STDOUT (FORMAT {form})") as copy:
            copy.set_types(names)
            back = list(copy.rows())
        assert back == rows, (form, next((a, b) for a, b in zip(back, rows) if a != b))


@shows("transactions and savepoints")
def transactions():
    with psycopg.connect() as other:
        other.execute("CREATE TABLE moves (a int)")
        with other.transaction():
            other.execute("INSERT INTO moves VALUES (1)")
            try:
                with other.transaction():
                    other.execute("INSERT INTO moves VALUES (2)")
                    other.execute("SELECT 1 / 0")
            except psycopg.errors.DivisionByZero:
                pass
            with other.transaction(force_rollback=True):
                other.execute("INSERT INTO moves VALUES (3)")
        assert other.execute("SELECT a FROM moves").fetchall() == [(1,)]
        other.rollback()
        other.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        other.read_only = True
        assert other.execute("SHOW transaction_isolation").fetchone() == ("repeatable read",)
        error = fails("25006", lambda: other.execute("CREATE TABLE moves2 (a int)"))
        assert "read-only transaction" in str(error)


@shows("errors with their fields")
def errors():
    connection.execute("CREATE TABLE parent (id int PRIMARY KEY, name text NOT NULL CHECK (name <> ''))")
    connection.execute("CREATE TABLE child (id int REFERENCES parent)")
    connection.execute("INSERT INTO parent VALUES (1, 'one')")
    for state, query, wanted in [
        ("23505", "INSERT INTO parent VALUES (1, 'x')", ("public", "parent", None, "parent_pkey")),
        ("23502", "INSERT INTO parent VALUES (2, NULL)", ("public", "parent", "name", None)),
        ("23514", "INSERT INTO parent VALUES (2, '')", ("public", "parent", None, "parent_name_check")),
        ("23503", "INSERT INTO child VALUES (7)", ("public", "child", None, "child_id_fkey")),
    ]:
        diag = fails(state, connection.execute, query).diag
        assert (diag.schema_name, diag.table_name, diag.column_name, diag.constraint_name) == wanted, (query, wanted)
        assert diag.severity_nonlocalized == "ERROR" and diag.message_detail
    diag = fails("42703", connection.execute, "SELECT nothing FROM parent").diag
    assert diag.statement_position == "8", diag.statement_position
    diag = fails("42P01", connection.execute, "SELECT 1 FROM nowhere").diag
    assert diag.statement_position == "15" and diag.message_primary == 'relation "nowhere" does not exist'
    diag = fails("42601", connection.execute, "SELEKT 1").diag
    assert diag.statement_position == "1" and diag.message_primary == 'syntax error at or near "SELEKT"'
    ended = psycopg.connect(autocommit=True)
    fails("57P01", ended.execute, "SELECT pg_terminate_backend(%s)", (ended.info.backend_pid,))
    assert ended.broken


@shows("cancel")
def cancel():
    for kill in (connection.cancel, connection.cancel_safe):
        threading.Timer(0.3, kill).start()
        started = time.monotonic()
        fails("57014", connection.execute, "SELECT pg_sleep(30)")
        assert time.monotonic() - started < 5


@shows("notices and notifications")
def notifications():
    heard = []
    connection.add_notice_handler(lambda notice: heard.append((notice.severity, notice.message_primary)))
    connection.execute("CREATE TABLE IF NOT EXISTS parent (a int)")
    connection.execute("ROLLBACK")
    assert heard == [
        ("NOTICE", 'relation "parent" already exists, skipping'),
        ("WARNING", "there is no transaction in progress"),
    ], heard
    with psycopg.connect(autocommit=True) as listener:
        listener.execute("LISTEN news")
        connection.execute("SELECT pg_notify('news', 'hello')")
        connection.execute("NOTIFY news, 'again'")
        got = [(n.channel, n.payload) for n in listener.notifies(timeout=10, stop_after=2)]
        assert got == [("news", "hello"), ("news", "again")], got


@shows("asyncio")
def asynchronous():
    async def main():
        async with await psycopg.AsyncConnection.connect(autocommit=True) as other:
            cursor = await other.execute("SELECT generate_series(1, %s)", (3,))
            assert await cursor.fetchall() == [(1,), (2,), (3,)]
            async with other.pipeline():
                one = await other.execute("SELECT 1")
                two = await other.execute("SELECT 2")
                assert [await one.fetchone(), await two.fetchone()] == [(1,), (2,)]
            task = asyncio.create_task(other.execute("SELECT pg_sleep(30)"))
            await asyncio.sleep(0.3)
            task.cancel()
            try:
                await task
            except asyncio.CancelledError:
                pass
            assert await (await other.execute("SELECT 3")).fetchone() == (3,)

    asyncio.run(main())


@shows("type information")
def information():
    from psycopg.types import TypeInfo

    info = TypeInfo.fetch(connection, "numeric")
    assert (info.oid, info.array_oid) == (1700, 1231), info
    assert TypeInfo.fetch(connection, "no_such_type") is None
    assert connection.info.server_version >= 150000 and connection.info.encoding == "utf-8"
    assert connection.info.parameter_status("standard_conforming_strings") == "on"
    assert connection.info.transaction_status == psycopg.pq.TransactionStatus.IDLE


@shows("composed SQL, row factories")
def composed():
    connection.execute(sql.SQL("CREATE TABLE {} ({} int)").format(sql.Identifier('odd "name'), sql.Identifier("sel ect")))
    query = sql.SQL("SELECT {}::text AS t, {} AS u").format("li'teral", sql.Literal(7))
    assert connection.cursor(row_factory=dict_row).execute(query).fetchone() == {"t": "li'teral", "u": 7}


@shows("pool")
def pool():
    with ConnectionPool(min_size=2, max_size=4, check=ConnectionPool.check_connection) as connections:
        def work(n):
            with connections.connection() as one:
                return one.execute("SELECT %s::int", (n,)).fetchone()[0]

        threads = []
        results = []
        for n in range(20):
            threads.append(threading.Thread(target=lambda n=n: results.append(work(n))))
            threads[-1].start()
        for thread in threads:
            thread.join()
        assert sorted(results) == list(range(20))


@shows("65,535 parameters, large values")
def large():
    connection.execute("CREATE TEMP TABLE many (a int)")
    values = list(range(65535))
    cursor = connection.execute("INSERT INTO many VALUES " + ",".join(["(%s)"] * 65535), values)
    assert cursor.rowcount == 65535
    big = "x" * 20_000_000
    assert connection.execute("SELECT length(%s::text), %s::bytea", (big, big.encode())).fetchone() == (20_000_000, big.encode())


run("psycopg", psycopg.__version__)
