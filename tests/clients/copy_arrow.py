"""Data frames in bulk: pyarrow, polars and pandas read COPY … TO STDOUT (FORMAT arrow) and write COPY … FROM STDIN."""
import io
import os
import uuid
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal

import pandas as pd
import polars as pl
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq

e = os.environ
connection = psycopg.connect(
    host=e["PGHOST"], port=e["PGPORT"], user=e["PGUSER"], password=e["PGPASSWORD"], dbname=e["PGDATABASE"],
    autocommit=True,
)


# -- in constant memory; the README has the short form


class Reader(io.RawIOBase):
    """COPY … TO STDOUT as a file."""

    def __init__(self, copy):
        self.copy, self.rest = copy, b""

    def readable(self):
        return True

    def readinto(self, buffer):
        self.rest = self.rest or bytes(self.copy.read())
        part = self.rest[: len(buffer)]
        buffer[: len(part)] = part
        self.rest = self.rest[len(part):]
        return len(part)


def read_arrow(sql):
    with connection.cursor().copy(f"COPY ({sql}) TO STDOUT (FORMAT arrow)") as copy:
        table = pa.ipc.open_stream(io.BufferedReader(Reader(copy), 1 << 20)).read_all()
        assert not copy.read(), "the stream's end is the copy's"
        return table


def write_arrow(table, into, options=""):
    with connection.cursor().copy(f"COPY {into} FROM STDIN (FORMAT arrow{options})") as copy:
        with pa.ipc.new_stream(pa.PythonFile(Writer(copy), mode="w"), table.schema) as writer:
            writer.write_table(table, max_chunksize=65536)


class Writer(io.RawIOBase):
    """COPY … FROM STDIN as a file."""

    def __init__(self, copy):
        self.copy = copy

    def writable(self):
        return True

    def write(self, data):
        self.copy.write(bytes(data))
        return len(data)


def refused(work):
    try:
        work()
    except psycopg.Error as error:
        return f"{error.sqlstate} {error.diag.message_primary} | {error.diag.context or ''}".strip(" |")
    raise AssertionError("it was not refused")


def one(sql):
    return connection.execute(sql).fetchone()


# -- every type, both ways

COLUMNS = {
    "b": "bool", "i2": "int2", "i4": "int4", "i8": "int8", "f4": "float4", "f8": "float8", "n": "numeric(12,2)",
    "free": "numeric", "t": "text", "v": "varchar(10)", "c": "char(4)", "by": "bytea", "d": "date", "ti": "time",
    "ts": "timestamp", "tz": "timestamptz", "iv": "interval", "u": "uuid", "j": "json", "jb": "jsonb", "o": "oid",
    "ai": "int4[]", "at": "text[]", "an": "numeric(6,1)[]", "ad": "timestamptz[]",
    "m": "mood", "am": "mood[]",
}
VALUES = """(true, -32768, 2147483647, -9223372036854775808, 1.5, 0.1, 1234567890.12, 12345678901234567890.123456789,
  'é€😀', 'ten chars!', 'ab', '\\x00ff', '0001-01-01', '23:59:59.999999', '1969-12-31 23:59:59.999999',
  '2024-02-29 12:00:00.5+02', '1 mon -2 days 03:04:05.000006', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', '{"a": 1 }',
  '{"b": [1, null]}', 4294967295, '{1,NULL,3}', '{"",NULL,"x,y"}', '{1.5,-2.0}', '{"2024-01-01 00:00:00+00"}', 'happy', '{sad,NULL}')"""
connection.execute("CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')")
connection.execute(f"CREATE TABLE every ({', '.join(f'{n} {t}' for n, t in COLUMNS.items())})")
connection.execute(f"INSERT INTO every VALUES {VALUES}, ({', '.join(['NULL'] * len(COLUMNS))})")
connection.execute("CREATE TABLE back (LIKE every)")
everything = "SELECT " + ", ".join(f"{n}::text" for n in COLUMNS)

table = read_arrow("SELECT * FROM every ORDER BY b")
expected = {
    "b": pa.bool_(), "i2": pa.int16(), "i4": pa.int32(), "i8": pa.int64(), "f4": pa.float32(), "f8": pa.float64(),
    "n": pa.decimal128(12, 2), "free": pa.string(), "t": pa.string(), "v": pa.string(), "c": pa.string(),
    "by": pa.binary(), "d": pa.date32(), "ti": pa.time64("us"), "ts": pa.timestamp("us"),
    "tz": pa.timestamp("us", "UTC"), "iv": pa.month_day_nano_interval(), "u": pa.uuid(), "j": pa.json_(),
    "jb": pa.json_(), "o": pa.uint32(), "ai": pa.list_(pa.int32()), "at": pa.list_(pa.string()),
    "m": pa.string(), "am": pa.list_(pa.string()),
    "an": pa.list_(pa.decimal128(6, 1)), "ad": pa.list_(pa.timestamp("us", "UTC")),
}
for name, type in expected.items():
    assert table.schema.field(name).type == type, (name, table.schema.field(name).type, type)
row = table.to_pylist()[0]
assert row["n"] == Decimal("1234567890.12") and row["free"] == "12345678901234567890.123456789", row
assert row["t"] == "é€😀" and row["c"] == "ab  " and row["by"] == b"\x00\xff", row
assert row["d"] == date(1, 1, 1) and row["ti"] == time(23, 59, 59, 999999), row
assert row["ts"] == datetime(1969, 12, 31, 23, 59, 59, 999999), row
assert row["tz"] == datetime(2024, 2, 29, 10, 0, 0, 500000, tzinfo=timezone.utc), row
assert row["u"] == uuid.UUID("a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11") and row["j"] == '{"a": 1 }', row
assert row["ai"] == [1, None, 3] and row["at"] == ["", None, "x,y"], row
assert row["m"] == "happy" and row["am"] == ["sad", None], row
assert set(table.to_pylist()[1].values()) == {None}
write_arrow(table, "back")
assert connection.execute(f"{everything} FROM every").fetchall() == connection.execute(f"{everything} FROM back").fetchall()

for codec in ("none", "lz4", "zstd"):
    with connection.cursor().copy(f"COPY every TO STDOUT (FORMAT arrow, COMPRESSION {codec})") as copy:
        data = b"".join(copy)
    assert pa.ipc.open_stream(data).read_all().equals(table), codec
    connection.execute("TRUNCATE back")
    with connection.cursor().copy("COPY back FROM STDIN (FORMAT arrow)") as copy:
        for at in range(0, len(data), 7):
            copy.write(data[at:at + 7])
    assert connection.execute(f"{everything} FROM every").fetchall() == connection.execute(f"{everything} FROM back").fetchall()

for codec in ("none", "lz4", "zstd", "snappy"):
    with connection.cursor().copy(f"COPY every TO STDOUT (FORMAT parquet, COMPRESSION {codec})") as copy:
        data = b"".join(copy)
    read = pq.read_table(io.BytesIO(data))
    assert read.num_rows == 2 and read.column("n").type == pa.decimal128(12, 2), read.schema
    assert read.column("tz").type == pa.timestamp("us", "UTC"), read.schema
    connection.execute("TRUNCATE back")
    with connection.cursor().copy("COPY back FROM STDIN (FORMAT parquet)") as copy:
        copy.write(data)
    assert connection.execute(f"{everything} FROM every").fetchall() == connection.execute(f"{everything} FROM back").fetchall()

# PostgreSQL's binary, there and back.
connection.execute("TRUNCATE back")
with connection.cursor().copy("COPY every TO STDOUT (FORMAT binary)") as copy:
    data = b"".join(copy)
with connection.cursor().copy("COPY back FROM STDIN (FORMAT binary)") as copy:
    copy.write(data)
assert connection.execute(f"{everything} FROM every").fetchall() == connection.execute(f"{everything} FROM back").fetchall()
with connection.cursor().copy("COPY back (i4, t, n, ts, u, ai) FROM STDIN (FORMAT binary)") as copy:
    copy.set_types(["int4", "text", "numeric", "timestamp", "uuid", "int4[]"])
    copy.write_row((7, "seven", Decimal("7.005"), datetime(2024, 1, 2, 3, 4, 5, 6), uuid.UUID(int=7), [7, None]))
assert one("SELECT t, n, ts, u, ai FROM back WHERE i4 = 7") == (
    "seven", Decimal("7.01"), datetime(2024, 1, 2, 3, 4, 5, 6), uuid.UUID(int=7), [7, None])

# -- what others send: large and dictionary text, views, other units, unsigned integers

connection.execute("CREATE TABLE other (a int2, b int4, c int8, t text, u text, v text, d date, s timestamp, m timestamptz, w interval, x float4, y numeric(8,3), z uuid, l int8[])")
stamps = [datetime(2024, 1, 1), None]
sent = pa.table({
    "a": pa.array([255, None], pa.uint8()), "b": pa.array([65535, None], pa.uint16()),
    "c": pa.array([4294967295, None], pa.uint32()), "t": pa.array(["x", None], pa.large_string()),
    "u": pa.array(["y", None]).dictionary_encode(), "v": pa.array(["a view longer than twelve", None], pa.string_view()),
    "d": pa.array([date(2024, 1, 1), None], pa.date64()), "s": pa.array(stamps, pa.timestamp("s")),
    "m": pa.array(stamps, pa.timestamp("ns", "Europe/Berlin")), "w": pa.array([timedelta(hours=25), None], pa.duration("ms")),
    "x": pa.array([0.5, None], pa.float64()), "y": pa.array([Decimal("1.2345"), None], pa.decimal128(10, 4)),
    "z": pa.array([uuid.UUID(int=1).bytes, None], pa.binary()), "l": pa.array([[1, None], None], pa.large_list(pa.int16())),
})
write_arrow(sent, "other")
assert one("SELECT a, b, c, t, u, v, d::text, s::text, (m at time zone 'utc')::text, w::text, x, y, z::text, l FROM other LIMIT 1") == (
    255, 65535, 4294967295, "x", "y", "a view longer than twelve", "2024-01-01", "2024-01-01 00:00:00", "2024-01-01 00:00:00",
    "25:00:00", 0.5, Decimal("1.235"), "00000000-0000-0000-0000-000000000001", [1, None])
assert one("SELECT count(*), count(a), count(l) FROM other") == (2, 1, 1)

# -- what does not fit says which column, and nothing of it is there

connection.execute("CREATE TABLE strict (a int2, s timestamp, t varchar(3), n numeric(4,1), f int4, m mood)")
for column, values, complaint in [
    ("a", pa.array([1, 32768], pa.int32()), '22003 value "32768" is out of range for type smallint | COPY strict, line 2, column a'),
    ("a", pa.array([2**63], pa.uint64()), '22003 value "9223372036854775808" is out of range for type smallint | COPY strict, line 1, column a'),
    ("a", pa.array(["1"]), '42804 column "a" is of type smallint but the data have Utf8'),
    ("a", pa.array([True]), '42804 column "a" is of type smallint but the data have Boolean'),
    ("f", pa.array([1.0, 1.5]), "22P02 a number with a fraction is no integer | COPY strict, line 2, column f"),
    ("s", pa.array([1], pa.timestamp("ns")), "22008 a timestamp with nanoseconds cannot be kept: the finest unit is the microsecond | COPY strict, line 1, column s"),
    ("s", pa.array([2**62], pa.timestamp("s")), "22008 timestamp out of range | COPY strict, line 1, column s"),
    ("s", pa.array([datetime(2024, 1, 1)], pa.timestamp("us", "UTC")), '42804 column "s" is of type timestamp without time zone but the data have Timestamp(µs, "UTC")'),
    ("t", pa.array(["abc", "abcd"]), "22001 value too long for type character varying(3) | COPY strict, line 2, column t"),
    ("t", pa.array([1]), '42804 column "t" is of type character varying(3) but the data have Int64'),
    ("n", pa.array([Decimal("9999.9")]), "22003 numeric field overflow | COPY strict, line 1, column n"),
    ("m", pa.array(["glum"]), '22P02 invalid input value for enum mood: "glum" | COPY strict, line 1, column m'),
    ("m", pa.array([1]), '42804 column "m" is of type mood but the data have Int64'),
    ("zz", pa.array([1]), '22P04 column "zz" of the data is not a column copied'),
]:
    said = refused(lambda: write_arrow(pa.table({column: values}), f"strict ({column if column != 'zz' else 'a'})"))
    assert said == complaint, (said, complaint)
assert refused(lambda: write_arrow(pa.table({"a": [1]}), "strict")) == '22P04 missing data for column "s"'
assert one("SELECT count(*) FROM strict") == (0,)
write_arrow(pa.table({"f": [3.0], "a": [1]}), "strict (a, f)")
write_arrow(pa.table({"p": [1], "q": [2]}), "strict (a, f)", ", MATCH position")
write_arrow(pa.table({"a": [5, 6, None]}), "strict (a)", ") WHERE (a > 5")
assert connection.execute("SELECT a, f FROM strict ORDER BY 1, 2").fetchall() == [(1, 2), (1, 3), (6, None)]
for data, complaint in [
    (b"", "22P04 the data are not an Arrow IPC stream"),
    (b"\xff\xff\xff\xff\x10\0\0\0" + b"x" * 16, "22P04 the data are not an Arrow IPC stream"),
    (b"PAR1", "22P04 the data are not an Arrow IPC stream"),
    (b"\xff\xff\xff\xff\x10\0\0\0abc", "22P04 unexpected EOF in COPY data"),
    (b"\xff\xff\xff\xff\xff\xff\xff\x7f", "22P04 the data are not an Arrow IPC stream"),
]:
    def send():
        with connection.cursor().copy("COPY strict FROM STDIN (FORMAT arrow)") as copy:
            copy.write(data)
    assert refused(send) == complaint, (data, refused(send))
good = io.BytesIO()
with pa.ipc.new_stream(good, pa.schema([("a", pa.int16())])) as writer:
    writer.write_batch(pa.record_batch([pa.array([7], pa.int16())], names=["a"]))
good = bytearray(good.getvalue())
for at in range(0, len(good)):
    broken = bytes(good[:at]) + bytes([good[at] ^ 0xff]) + bytes(good[at + 1:])
    try:
        with connection.cursor().copy("COPY strict (a) FROM STDIN (FORMAT arrow)") as copy:
            copy.write(broken)
    except psycopg.Error as error:
        assert error.sqlstate in ("22P04", "42804", "54000", "22003", "0A000"), (at, error.sqlstate, error)
assert refused(lambda: read_arrow("SELECT 'infinity'::date AS d")).startswith("22008 an infinite date has no place in Arrow")

with connection.cursor().copy("COPY (SELECT avg(x), 1.5::numeric AS y FROM generate_series(1, 4) x) TO STDOUT (FORMAT arrow, NUMERIC float8)") as copy:
    assert pa.ipc.open_stream(b"".join(copy)).read_all().to_pylist() == [{"avg": 2.5, "y": 1.5}]
for options, complaint in [
    ("FORMAT arrow, DELIMITER ','", "42601 cannot specify DELIMITER in ARROW mode"),
    ("FORMAT parquet, NULL 'x'", "42601 cannot specify NULL in PARQUET mode"),
    ("FORMAT arrow, HEADER", "0A000 cannot specify HEADER in ARROW mode"),
    ("FORMAT arrow, COMPRESSION snappy", '22023 COPY compression "snappy" not recognized'),
    ("COMPRESSION lz4", "0A000 COPY compression available only in ARROW and PARQUET mode"),
    ("FORMAT arrow, MATCH name", "0A000 COPY match only available using COPY FROM"),
    ("FORMAT arrow, NUMERIC int", '22023 COPY numeric "int" not recognized'),
    ("FORMAT feather", '22023 COPY format "feather" not recognized'),
]:
    def ask():
        with connection.cursor().copy(f"COPY strict TO STDOUT ({options})") as copy:
            copy.read()
    assert refused(ask) == complaint, (refused(ask), complaint)

# -- an empty answer has its columns; a pandas and a polars frame of 100,000 rows, there and back

assert read_arrow("SELECT * FROM every WHERE false").schema == table.schema
frame = pd.DataFrame({
    "k": range(100_000), "name": [f"row {i}" if i % 7 else None for i in range(100_000)],
    "x": [i / 3 for i in range(100_000)], "at": pd.date_range("2024-01-01", periods=100_000, freq="s"),
    "part": [i if i % 2 else None for i in range(100_000)],
})
connection.execute("CREATE TABLE frame (k int8, name text, x float8, at timestamp, part int4)")
write_arrow(pa.Table.from_pandas(frame, preserve_index=False), "frame")
back = read_arrow("SELECT * FROM frame ORDER BY k").to_pandas()
assert back["k"].equals(frame["k"]) and back["x"].equals(frame["x"]) and back["part"].astype("float64").equals(frame["part"])
assert (back["at"] == frame["at"]).all() and back["name"].isna().sum() == frame["name"].isna().sum()
polars = pl.from_arrow(read_arrow("SELECT k, name, x, at, part FROM frame ORDER BY k"))
assert polars.height == 100_000 and polars["name"][1] == "row 1" and polars["part"].null_count() == 50_000
connection.execute("TRUNCATE frame")
write_arrow(polars.to_arrow(), "frame")
with connection.cursor().copy("COPY frame FROM STDIN (FORMAT arrow)") as copy:
    polars.write_ipc_stream(Writer(copy), compat_level=pl.CompatLevel.oldest())
assert one("SELECT count(*), sum(k), count(DISTINCT name) FROM frame") == (200_000, 2 * 4999950000, 85714)

shown = "`COPY … (FORMAT arrow)` and `(FORMAT parquet)` both ways through psycopg: every type, compression, mistakes refused, frames of pandas and polars"
print(f"| pyarrow | {pa.__version__} | {shown} |")
