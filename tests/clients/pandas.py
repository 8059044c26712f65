"""pandas: frames in by to_sql and COPY, out by read_sql over SQLAlchemy and over ADBC with Arrow types."""
import io

import adbc_driver_postgresql.dbapi
import numpy as np
import pandas as pd
import psycopg
import sqlalchemy as sa
from trial import run, shows, url

engine = sa.create_engine(url("postgresql+psycopg"))
frame = pd.DataFrame(
    {
        "k": range(10_000),
        "x": [i / 7 for i in range(10_000)],
        "name": [f"row {i}" for i in range(10_000)],
        "at": pd.date_range("2024-01-01", periods=10_000, freq="min"),
        "ok": [i % 2 == 0 for i in range(10_000)],
    }
)


def same(back):
    pd.testing.assert_frame_equal(back, frame, check_dtype=False)


@shows("to_sql and read_sql")
def to_sql():
    assert frame.to_sql("frame", engine, index=False) is not None
    same(pd.read_sql("SELECT * FROM frame ORDER BY k", engine))
    same(pd.read_sql_table("frame", engine).sort_values("k", ignore_index=True))
    columns = {c["name"]: str(c["type"]) for c in sa.inspect(engine).get_columns("frame")}
    assert columns == {"k": "BIGINT", "x": "DOUBLE PRECISION", "name": "TEXT", "at": "TIMESTAMP", "ok": "BOOLEAN"}, columns
    half = pd.read_sql(sa.text("SELECT * FROM frame WHERE k < :top"), engine, params={"top": 5000})
    assert len(half) == 5000


@shows("if_exists replace and append, method multi, indexes, missing values")
def again():
    small = frame.head(100).astype({"x": "float64"})
    small.loc[3, ["x", "name", "at"]] = [np.nan, None, pd.NaT]
    small.set_index("k").to_sql("again", engine, if_exists="replace")
    small.set_index("k").to_sql("again", engine, if_exists="append", method="multi", chunksize=30)
    back = pd.read_sql("SELECT * FROM again", engine)
    assert len(back) == 200 and back["x"].isna().sum() == 2 and back["name"].isna().sum() == 2 and back["at"].isna().sum() == 2
    assert sa.inspect(engine).get_indexes("again")[0]["column_names"] == ["k"]
    schema = {"k": sa.Integer(), "x": sa.Numeric(10, 3), "name": sa.String(20)}
    small.to_sql("typed", engine, index=False, dtype=schema, schema="public")
    assert str(sa.inspect(engine).get_columns("typed")[1]["type"]) == "NUMERIC(10, 3)"


@shows("chunks")
def chunks():
    with engine.connect().execution_options(stream_results=True) as connection:
        pieces = list(pd.read_sql("SELECT * FROM frame ORDER BY k", connection, chunksize=3000))
    assert [len(piece) for piece in pieces] == [3000, 3000, 3000, 1000]
    same(pd.concat(pieces, ignore_index=True))


@shows("COPY from a CSV buffer")
def copy():
    def rows(table, connection, keys, data):
        buffer = io.StringIO()
        pd.DataFrame(data).to_csv(buffer, index=False, header=False)
        with connection.connection.cursor().copy(f"COPY {table.name} ({', '.join(keys)}) FROM STDIN (FORMAT csv)") as copying:
            copying.write(buffer.getvalue())

    frame.to_sql("copied", engine, index=False, method=rows)
    same(pd.read_sql("SELECT * FROM copied ORDER BY k", engine))


@shows("ADBC: to_sql, read_sql with dtype_backend pyarrow")
def adbc():
    with adbc_driver_postgresql.dbapi.connect(url()) as connection:
        frame.to_sql("arrowed", connection, index=False)
        back = pd.read_sql("SELECT * FROM arrowed ORDER BY k", connection, dtype_backend="pyarrow")
    assert str(back["k"].dtype) == "int64[pyarrow]" and str(back["at"].dtype).startswith("timestamp[us"), back.dtypes
    same(back.astype({"at": "datetime64[us]"}))


@shows("read_sql over psycopg alone")
def dbapi():
    import warnings

    warnings.simplefilter("ignore")
    with psycopg.connect() as connection:
        same(pd.read_sql("SELECT * FROM frame ORDER BY k", connection))


run("pandas", pd.__version__)
