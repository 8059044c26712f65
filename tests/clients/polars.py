"""polars: frames through connectorx (which copies in binary), ADBC and SQLAlchemy, both ways."""
from datetime import date, datetime
from decimal import Decimal

import connectorx
import polars as pl
import psycopg
import sqlalchemy as sa
from trial import run, shows, url

frame = pl.DataFrame(
    {
        "k": [1, 2, 3],
        "name": ["é", None, "z"],
        "x": [1.5, None, -0.0],
        "d": [date(2024, 2, 29), None, date(1960, 1, 1)],
        "at": [datetime(2024, 2, 29, 12), None, datetime(1969, 12, 31, 23, 59, 59, 999999)],
        "ok": [True, None, False],
    }
)
with psycopg.connect(autocommit=True) as connection:
    connection.execute("CREATE TABLE numbers (n numeric(8,2), i int2, f float4, b bytea, t timestamptz, l int8[], j jsonb, u uuid)")
    connection.execute(
        "INSERT INTO numbers VALUES (2.50, 7, 0.5, '\\x00ff', '2024-01-01 00:00+02', '{1,2}', '{\"a\": 1}',"
        " '0123e567-e89b-12d3-a456-426614174000'), (NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
    )


@shows("write_database over ADBC and SQLAlchemy")
def write():
    frame.write_database("frame", url(), engine="adbc")
    frame.write_database("frame2", url("postgresql+psycopg"), engine="sqlalchemy")
    frame.write_database("frame", url(), engine="adbc", if_table_exists="append")
    with psycopg.connect() as connection:
        assert connection.execute("SELECT count(*), sum(k), count(name) FROM frame").fetchone() == (6, 12, 4)
    frame.write_database("frame", url(), engine="adbc", if_table_exists="replace")


@shows("read_database_uri over connectorx and ADBC")
def read():
    for engine in ("connectorx", "adbc"):
        back = pl.read_database_uri("SELECT * FROM frame ORDER BY k", url(), engine=engine)
        assert back.cast({"at": pl.Datetime("us")}).equals(frame), (engine, back)


@shows("partitioned reads")
def partitions():
    back = pl.read_database_uri(
        "SELECT i AS k, i * 2 AS d FROM generate_series(1, 10000) AS g(i)", url(), partition_on="k", partition_num=4
    )
    assert back.height == 10000 and back["d"].sum() == 100010000


@shows("read_database over SQLAlchemy and psycopg")
def dbapi():
    back = pl.read_database("SELECT * FROM frame2 ORDER BY k", sa.create_engine(url("postgresql+psycopg")))
    assert back.cast({"at": pl.Datetime("us")}).equals(frame), back
    with psycopg.connect() as connection:
        batches = list(pl.read_database("SELECT i FROM generate_series(1, 100) AS g(i)", connection, iter_batches=True, batch_size=30))
    assert sum(batch.height for batch in batches) == 100


@shows("numeric, bytea, timestamptz, uuid, arrays")
def types():
    query = "SELECT n, i, f, t FROM numbers ORDER BY i NULLS LAST"
    cx = connectorx.read_sql(url(), query, return_type="polars")
    assert cx["i"].to_list() == [7, None] and cx["f"].to_list() == [0.5, None] and float(cx["n"][0]) == 2.5, cx
    adbc = pl.read_database_uri("SELECT * FROM numbers ORDER BY i NULLS LAST", url(), engine="adbc")
    assert adbc["b"].to_list() == [b"\x00\xff", None] and adbc["l"].to_list() == [[1, 2], None], adbc
    assert str(adbc["t"][0]).startswith("2023-12-31 22:00:00") and Decimal(adbc["n"][0]) == Decimal("2.50"), adbc


run("polars", f"{pl.__version__}, connectorx {connectorx.__version__}")
