"""ibis's PostgreSQL backend: tables as expressions, compiled to SQL there, answers as pandas, polars and Arrow."""
import ibis
import pandas as pd
from ibis import _
from trial import DATABASE, HOST, PASSWORD, PORT, USER, run, shows

connection = ibis.postgres.connect(host=HOST, port=PORT, user=USER, password=PASSWORD, database=DATABASE)
frame = pd.DataFrame(
    {
        "k": range(1000),
        "g": [f"g{n % 7}" for n in range(1000)],
        "x": [n / 3 for n in range(1000)],
        "at": pd.date_range("2024-01-01", periods=1000, freq="h"),
    }
)


@shows("create_table from a frame, list, schema")
def create():
    connection.create_table("frame", frame)
    assert "frame" in connection.list_tables() and "public" in connection.list_databases()
    schema = connection.table("frame").schema()
    assert str(schema["k"]).endswith("int64") and str(schema["g"]).endswith("string"), schema


@shows("filter, mutate, group, join, window, order, limit")
def expressions():
    t = connection.table("frame")
    grouped = t.filter(_.k >= 10).group_by("g").agg(n=_.count(), mean=_.x.mean(), last=_.at.max()).order_by("g").to_pandas()
    wanted = frame[frame.k >= 10].groupby("g").agg(n=("k", "count"), mean=("x", "mean"), last=("at", "max")).reset_index()
    pd.testing.assert_frame_equal(grouped, wanted, check_dtype=False)
    ranked = t.mutate(rank=ibis.row_number().over(group_by="g", order_by=_.k.desc())).filter(_["rank"] == 0)
    assert sorted(ranked.to_pandas()["k"]) == list(range(993, 1000))
    other = t.select(k2=t.k, y=t.x * 2)
    joined = t.join(other, t.k == other.k2).filter(_.k < 5).order_by(_.k.desc()).limit(3)
    assert joined.to_pandas()["y"].round(6).tolist() == [round(n / 3 * 2, 6) for n in (4, 3, 2)]
    days = t.group_by(day=_.at.truncate("D")).agg(n=_.count()).count().execute()
    assert days == 42, days
    cases = t.mutate(s=ibis.cases((_.k < 10, "few"), else_="many"), y=_.at.year(), u=_.g.upper(), c=_.k.cast("string"))
    assert cases.filter(_.k == 3).select("s", "y", "u", "c").to_pandas().iloc[0].tolist() == ["few", 2024, "G3", "3"]
    assert t.g.nunique().execute() == 7 and t.x.isnull().sum().execute() == 0
    wide = t.group_by("g").agg(a=_.x.std(), b=_.x.median(), d=_.k.quantile(0.25)).to_pandas()
    assert len(wide) == 7


@shows("answers as pandas, polars and Arrow")
def answers():
    t = connection.table("frame").order_by("k").limit(5)
    assert t.to_polars()["k"].to_list() == t.to_pyarrow()["k"].to_pylist() == t.to_pandas()["k"].tolist() == list(range(5))
    assert sum(batch.num_rows for batch in connection.table("frame").to_pyarrow_batches(chunk_size=300)) == 1000


@shows("SQL, views, insert, drop")
def rest():
    counted = connection.sql("SELECT g, count(*) AS n FROM frame GROUP BY g")
    assert counted.n.sum().execute() == 1000
    connection.create_view("few", connection.table("frame").filter(_.k < 10))
    assert connection.table("few").count().execute() == 10
    connection.insert("frame", frame.head(10))
    assert connection.table("frame").count().execute() == 1010
    connection.truncate_table("frame")
    connection.drop_view("few")
    connection.drop_table("frame")
    connection.raw_sql("SELECT 1").close()


run("ibis", ibis.__version__)
