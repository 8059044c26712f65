"""ADBC's PostgreSQL driver: ingest and fetch as Arrow over binary COPY, metadata, parameters."""
import datetime as dt
from decimal import Decimal
from importlib.metadata import version

import adbc_driver_postgresql.dbapi as adbc
import pyarrow as pa
from trial import fails, run, shows, url

connection = adbc.connect(url(), autocommit=True)

table = pa.table(
    {
        "i16": pa.array([1, None], pa.int16()),
        "i32": pa.array([1, None], pa.int32()),
        "i64": pa.array([2**62, None], pa.int64()),
        "f32": pa.array([0.5, None], pa.float32()),
        "f64": pa.array([1 / 3, None], pa.float64()),
        "s": pa.array(["é\t\\", None]),
        "b": pa.array([True, None]),
        "y": pa.array([b"\0\xff", None]),
        "d": pa.array([dt.date(2024, 2, 29), None]),
        "t": pa.array([dt.time(1, 2, 3, 4), None], pa.time64("us")),
        "ts": pa.array([dt.datetime(2024, 2, 29, 1, 2, 3, 4), None], pa.timestamp("us")),
        "tz": pa.array([dt.datetime(2024, 2, 29, tzinfo=dt.timezone.utc), None], pa.timestamp("us", "UTC")),
        "l": pa.array([[1, None, 3], None], pa.list_(pa.int32())),
        "n": pa.array([Decimal("12.50"), None], pa.decimal128(10, 2)),
    }
)


@shows("ingest: create, append, replace, create_append, temporary")
def ingest():
    with connection.cursor() as cursor:
        assert cursor.adbc_ingest("frame", table, mode="create") == 2
        assert cursor.adbc_ingest("frame", table, mode="append") == 2
        assert cursor.adbc_ingest("frame", table, mode="create_append") == 2
        cursor.execute("SELECT count(*), sum(i16), sum(n) FROM frame")
        assert cursor.fetchone()[:2] == (6, 3)
        assert cursor.adbc_ingest("frame", table, mode="replace") == 2
        cursor.adbc_ingest("passing", table, mode="create", temporary=True)
        fails(None, lambda: cursor.adbc_ingest("frame", table, mode="create"))


@shows("fetch as Arrow: every type, large results")
def fetch():
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM frame ORDER BY i16")
        back = cursor.fetch_arrow_table()
        for name in table.column_names:
            want = table[name].to_pylist()
            got = back[name].to_pylist()
            if name == "n":
                got = [value and Decimal(value) for value in got]
            assert got == want, (name, got, want, back.schema)
        cursor.execute("SELECT i, i / 7.0::float8 AS x, 'row ' || i AS s FROM generate_series(1, 200000) AS g(i)")
        reader = cursor.fetch_record_batch()
        assert sum(batch.num_rows for batch in reader) == 200000
        cursor.execute("SELECT interval '1 mon 2 days 3.5 s' AS v, 'a'::varchar(3) AS c, '{\"a\": 1}'::jsonb AS j, 'x'::name AS n")
        row = cursor.fetchone()
        assert row[1:] == ("a", '{"a": 1}', "x"), row


@shows("typed parameters, executemany")
def parameters():
    with connection.cursor() as cursor:
        cursor.execute("SELECT $1::int8 + 1, $2 || '!', $3::float8, $4::bool", (41, "x", 0.5, True))
        assert cursor.fetchone() == (42, "x!", 0.5, True)
        cursor.execute("CREATE TABLE bulk (a int8, b text)")
        cursor.executemany("INSERT INTO bulk VALUES ($1, $2)", [(n, str(n)) for n in range(100)])
        cursor.execute("SELECT count(*), sum(a) FROM bulk")
        assert cursor.fetchone()[0] == 100
        cursor.execute("SELECT $1::int4, $2", (None, None))
        assert cursor.fetchone() == (None, None)


@shows("metadata: objects, table schema, table types, driver info")
def metadata():
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE keyed (a int PRIMARY KEY, b text UNIQUE)")
        cursor.execute("CREATE TABLE refers (a int REFERENCES keyed)")
    assert connection.adbc_get_table_schema("frame").names == table.column_names
    objects = connection.adbc_get_objects(depth="all", db_schema_filter="public").read_all().to_pylist()
    tables = {t["table_name"]: t for catalog in objects for s in catalog["catalog_db_schemas"] or [] for t in s["db_schema_tables"] or []}
    assert {"frame", "keyed", "refers"} <= set(tables), tables.keys()
    assert [c["column_name"] for c in tables["keyed"]["table_columns"]] == ["a", "b"]
    kinds = sorted(c["constraint_type"] for c in tables["keyed"]["table_constraints"])
    assert kinds == ["PRIMARY KEY", "UNIQUE"], kinds
    (foreign,) = tables["refers"]["table_constraints"]
    assert foreign["constraint_column_usage"][0]["fk_table"] == "keyed", foreign
    assert "table" in connection.adbc_get_table_types()
    assert "vendor_version" in connection.adbc_get_info()


@shows("transactions, errors")
def transactions():
    with adbc.connect(url()) as other, other.cursor() as cursor:
        cursor.execute("CREATE TABLE lost (a int)")
        other.rollback()
        assert fails("42P01", cursor.execute, "SELECT * FROM lost")
        other.rollback()
        assert fails("22012", lambda: (cursor.execute("SELECT 1 / 0"), cursor.fetchall()))


run("ADBC", version("adbc-driver-postgresql"))
