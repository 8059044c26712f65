"""asyncpg: binary alone, its own type introspection, prepared statements, cursors, COPY, listeners."""
import asyncio
import io
import json
from datetime import datetime
from decimal import Decimal
from ipaddress import ip_address, ip_interface, ip_network

import asyncpg
from trial import fails, run, shows
from values import ARRAYS, DOCUMENT, RANGES, SCALARS, UTC


def alone(check):
    """Runs a coroutine with a connection of its own."""

    def go():
        async def main():
            connection = await asyncpg.connect(server_settings={"timezone": "UTC"})
            try:
                await check(connection)
            finally:
                await connection.close()

        asyncio.run(main())

    return go


async def refused(state, awaitable):
    """The error that `awaitable` must fail with."""
    try:
        await awaitable
    except asyncpg.PostgresError as error:
        assert error.sqlstate == state, error
        return error
    raise AssertionError(f"no error, {state} expected")


@shows("typed parameters and results in binary")
@alone
async def types(connection):
    for ty, value, text in SCALARS + ARRAYS:
        row = await connection.fetchrow(f"SELECT $1::{ty} AS got, ($1::{ty})::text AS written, NULL::{ty} AS none", value)
        assert row["got"] == value and row["written"] == text and row["none"] is None, (ty, value, row)
    for ty, bounds, within, text in RANGES:
        inclusive = {"lower_inc": within[0] == "[", "upper_inc": within[1] == "]"}
        value = asyncpg.Range(*bounds, **inclusive) if bounds else asyncpg.Range(empty=True)
        row = await connection.fetchrow(f"SELECT $1::{ty}, ($1::{ty})::text, ARRAY[$1::{ty}, NULL]", value)
        assert tuple(row) == (value, text, [value, None]), (ty, value, row)
        several, ty = [value] if bounds else [], ty.replace("range", "multirange")
        row = await connection.fetchrow(f"SELECT $1::{ty}, ($1::{ty})::text", several)
        assert tuple(row) == (several, f"{{{text}}}" if bounds else "{}"), (ty, several, row)
    for ty in ("json", "jsonb"):
        await connection.set_type_codec(ty, schema="pg_catalog", encoder=json.dumps, decoder=json.loads)
        assert await connection.fetchval(f"SELECT $1::{ty}", DOCUMENT) == DOCUMENT
    assert await connection.fetchval("SELECT count(*) FROM generate_series(1, $1::int) AS g(i) WHERE i = ANY($2)", 9, [1, 3]) == 2
    await refused("22P02", connection.fetchval("SELECT 'x'::text::int4"))
    # Addresses, bit strings and their kin.
    one = (ip_interface("10.0.0.1/24"), ip_network("10.0.0.0/8"), asyncpg.BitString("101"), asyncpg.BitString(""), 5)
    assert tuple(await connection.fetchrow("SELECT $1::inet, $2::cidr, $3::bit(3), $4::varbit, $5::xid8", *one)) == one
    assert await connection.fetchval("SELECT $1::inet[]", [one[0], None]) == [one[0], None]
    assert await connection.fetchval("SELECT $1::inet", ip_address("::1")) == ip_address("::1")
    assert await connection.fetchval("SELECT $1::money + $2::money", "1.5", "2") == "$3.50"
    assert await connection.fetchval("SELECT $1::macaddr", "08002b-010203") == "08:00:2b:01:02:03"
    await connection.execute("CREATE TABLE coded (i inet, n cidr, b bit(3), v varbit, x xid8)")
    await connection.copy_records_to_table("coded", records=[one, (None,) * 5])
    await refused("22026", connection.copy_records_to_table("coded", records=[(asyncpg.BitString("1"),)], columns=["b"]))
    assert tuple(await connection.fetchrow("SELECT * FROM coded WHERE i << $1", ip_network("10.0.0.0/16"))) == one
    await connection.execute("DROP TABLE coded")


@shows("type introspection")
@alone
async def introspection(connection):
    # Arrays of types outside its own table are asked for, with a recursive query over pg_type.
    names = await connection.fetchval("SELECT array_agg(relname ORDER BY relname) FROM pg_class WHERE oid IN (1259, 1247)")
    assert names == ["pg_class", "pg_type"], names
    await connection.reload_schema_state()
    assert connection.get_server_version().major >= 15


@shows("prepared statements")
@alone
async def prepared(connection):
    statement = await connection.prepare("SELECT $1::int4 + $2::int8 AS sum, $3 || '' AS t")
    assert [p.name for p in statement.get_parameters()] == ["int4", "int8", "text"], statement.get_parameters()
    assert [(a.name, a.type.name) for a in statement.get_attributes()] == [("sum", "int8"), ("t", "text")]
    for n in range(20):
        assert tuple(await statement.fetchrow(n, n, "x")) == (2 * n, "x")
    # What was prepared before a change of its table is prepared again.
    await connection.execute("CREATE TABLE changes (a int); INSERT INTO changes VALUES (1)")
    assert await connection.fetch("SELECT * FROM changes") == [(1,)]
    await connection.execute("ALTER TABLE changes ADD b int")
    assert await connection.fetch("SELECT * FROM changes") == [(1, None)]
    assert await statement.fetchmany([(1, 2, "a"), (3, 4, "b")]) == [(3, "a"), (7, "b")]


@shows("cursors")
@alone
async def cursors(connection):
    async with connection.transaction():
        seen = [row[0] async for row in connection.cursor("SELECT generate_series(1, $1::int)", 1000, prefetch=70)]
        assert seen == list(range(1, 1001))
        cursor = await connection.cursor("SELECT generate_series(1, 10)")
        assert [r[0] for r in await cursor.fetch(3)] == [1, 2, 3]
        assert await cursor.forward(2) == 2
        assert (await cursor.fetchrow())[0] == 6


@shows("executemany, COPY in and out")
@alone
async def bulk(connection):
    await connection.execute("CREATE TABLE bulk (a int, b text, c timestamptz, d numeric)")
    await connection.executemany("INSERT INTO bulk (a, b) VALUES ($1, $2)", [(n, str(n)) for n in range(1000)])
    rows = [(n, f"b{n}", datetime(2024, 1, 1, tzinfo=UTC), Decimal(n) / 8) for n in range(1000, 2000)]
    assert await connection.copy_records_to_table("bulk", records=rows) == "COPY 1000"
    out = io.BytesIO()
    assert await connection.copy_from_query("SELECT a, b FROM bulk WHERE a < $1 ORDER BY a", 2, output=out) == "COPY 2"
    assert out.getvalue() == b"0\t0\n1\t1\n"
    await connection.copy_to_table("bulk", source=io.BytesIO(b"5000,x\n"), columns=["a", "b"], format="csv")
    assert await connection.fetchval("SELECT (count(*), sum(a), count(d))::text FROM bulk") == "(2001,2004000,1000)"
    out = io.BytesIO()
    await connection.copy_from_table("bulk", output=out, format="binary")
    assert out.getvalue().startswith(b"PGCOPY\n\xff\r\n\0")


@shows("transactions, isolation and savepoints")
@alone
async def transactions(connection):
    await connection.execute("CREATE TABLE moves (a int)")
    async with connection.transaction():
        await connection.execute("INSERT INTO moves VALUES (1)")
        try:
            async with connection.transaction():
                await connection.execute("INSERT INTO moves VALUES (2)")
                await connection.execute("SELECT 1/0")
        except asyncpg.DivisionByZeroError:
            pass
    assert await connection.fetch("SELECT a FROM moves") == [(1,)]
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        await refused("25006", connection.execute("INSERT INTO moves VALUES (3)"))


@shows("errors with their fields")
@alone
async def errors(connection):
    await connection.execute("CREATE TABLE keyed (a int PRIMARY KEY)")
    await connection.execute("INSERT INTO keyed VALUES (1)")
    error = await refused("23505", connection.execute("INSERT INTO keyed VALUES ($1)", 1))
    assert (error.schema_name, error.table_name, error.constraint_name) == ("public", "keyed", "keyed_pkey")
    assert error.detail == "Key (a)=(1) already exists."
    error = await refused("42703", connection.fetch("SELECT nothing"))
    assert error.position == "8"


@shows("cancel, timeouts")
@alone
async def cancel(connection):
    try:
        await connection.fetch("SELECT pg_sleep(30)", timeout=0.3)
    except asyncio.TimeoutError:
        pass
    assert await connection.fetchval("SELECT 1") == 1
    await connection.execute("SET statement_timeout = 200")
    await refused("57014", connection.fetch("SELECT pg_sleep(30)"))


@shows("notices and notifications")
@alone
async def notifications(connection):
    heard = asyncio.Queue()
    await connection.add_listener("news", lambda *news: heard.put_nowait(news[2:]))
    connection.add_log_listener(lambda _, message: heard.put_nowait(message.message))
    await connection.execute("NOTIFY news, 'hello'")
    assert await asyncio.wait_for(heard.get(), 10) == ("news", "hello")
    await connection.execute("DROP TABLE IF EXISTS never_there")
    assert await asyncio.wait_for(heard.get(), 10) == 'table "never_there" does not exist, skipping'
    await connection.reset()


@shows("pool")
def pool():
    async def main():
        async with asyncpg.create_pool(min_size=2, max_size=4) as connections:
            results = await asyncio.gather(*(connections.fetchval("SELECT $1::int", n) for n in range(50)))
            assert results == list(range(50))
            # What a borrower leaves behind is reset.
            async with connections.acquire() as one:
                await one.execute("SET work_mem = '1MB'; BEGIN")

    asyncio.run(main())


run("asyncpg", asyncpg.__version__)
