"""Superset and what else still reflects by SQLAlchemy 1.4 over psycopg2: what its PostgreSQL engine asks for datasets and charts."""
import os
import sys
import threading
import time

# Superset's SQLAlchemy is older than the other scripts'; it has a folder of its own beside their environment.
sys.path.insert(0, os.path.join(sys.prefix, "superset"))
import sqlalchemy as sa
from trial import DATABASE, run, shows, url

assert sa.__version__.startswith("1.4."), sa.__version__
engine = sa.create_engine(url("postgresql+psycopg2"))
with engine.begin() as connection:
    for statement in (
        "CREATE SCHEMA shop",
        "CREATE TABLE shop.customer (id serial PRIMARY KEY, name varchar(40) NOT NULL UNIQUE, joined timestamptz, credit numeric(10,2) DEFAULT 0)",
        "CREATE TABLE shop.sale (id bigint PRIMARY KEY, customer int REFERENCES shop.customer, at timestamp, price float8, tags text[], extra jsonb)",
        "CREATE INDEX sale_at ON shop.sale (at)",
        "CREATE VIEW shop.big AS SELECT * FROM shop.sale WHERE price > 50",
        "CREATE MATERIALIZED VIEW shop.counted AS SELECT count(*) AS n FROM shop.sale",
        "COMMENT ON COLUMN shop.sale.price IS 'in euros'",
        "COMMENT ON TABLE shop.sale IS 'what was sold'",
        "INSERT INTO shop.customer (name) SELECT 'c' || i FROM generate_series(1, 5) AS g(i)",
        "INSERT INTO shop.sale (id, customer, at, price) SELECT i, i % 5 + 1, timestamp '2024-01-01' + i * interval '3 hours', i % 100"
        " FROM generate_series(1, 1000) AS g(i)",
    ):
        connection.execute(sa.text(statement))


@shows("datasets: databases, schemas, tables, views, columns, keys, indexes, comments")
def datasets():
    look = sa.inspect(engine)
    assert {"shop", "public", "information_schema"} <= set(look.get_schema_names())
    assert sorted(look.get_table_names("shop")) == ["customer", "sale"] and sorted(look.get_view_names("shop")) == ["big", "counted"]
    columns = {column["name"]: column for column in look.get_columns("sale", "shop")}
    shapes = {name: str(column["type"]) for name, column in columns.items()}
    assert shapes == {
        "id": "BIGINT", "customer": "INTEGER", "at": "TIMESTAMP", "price": "DOUBLE_PRECISION", "tags": "ARRAY", "extra": "JSONB",
    }, shapes
    assert columns["price"]["comment"] == "in euros" and look.get_columns("customer", "shop")[0]["autoincrement"]
    assert look.get_table_comment("sale", "shop") == {"text": "what was sold"}
    assert look.get_pk_constraint("sale", "shop")["constrained_columns"] == ["id"]
    assert look.get_foreign_keys("sale", "shop")[0]["referred_table"] == "customer"
    assert [index["name"] for index in look.get_indexes("sale", "shop")] == ["sale_at"]
    assert [unique["column_names"] for unique in look.get_unique_constraints("customer", "shop")] == [["name"]]
    assert [column["name"] for column in look.get_columns("big", "shop")][:2] == ["id", "customer"]
    assert look.has_table("sale", "shop") and look.get_view_definition("big", "shop")
    with engine.connect() as connection:
        names = connection.execute(sa.text("SELECT datname FROM pg_database WHERE NOT datistemplate")).scalars().all()
    assert DATABASE in names, names


@shows("charts: time grains, virtual tables, filters, totals, percentiles, series limits")
def charts():
    grains = [
        "DATE_TRUNC('second', at)", "DATE_TRUNC('minute', at)", "DATE_TRUNC('hour', at)", "DATE_TRUNC('day', at)", "DATE_TRUNC('week', at)",
        "DATE_TRUNC('month', at)", "DATE_TRUNC('quarter', at)", "DATE_TRUNC('year', at)",
        "DATE_TRUNC('minute', at) - (EXTRACT(minute FROM at)::int % 15) * interval '1 minute'",
        "(DATE_TRUNC('week', at::timestamp + interval '1 day') - interval '1 day')",
    ]
    with engine.connect() as connection:
        for grain in grains:
            rows = connection.execute(
                sa.text(
                    f"SELECT {grain} AS __timestamp, sum(price) AS \"SUM(price)\", count(DISTINCT customer) AS \"COUNT_DISTINCT(customer)\""
                    f" FROM shop.sale WHERE at >= TO_TIMESTAMP('2024-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')"
                    f" AND at < TO_TIMESTAMP('2025-01-01 00:00:00.000000', 'YYYY-MM-DD HH24:MI:SS.US')"
                    f" GROUP BY {grain} ORDER BY \"SUM(price)\" DESC LIMIT 10000"
                )
            ).all()
            assert sum(row[1] for row in rows) == sum(n % 100 for n in range(1, 1001)), grain
        top = connection.execute(
            sa.text(
                "SELECT virtual_table.name AS name, date_trunc('month', at) AS m, avg(price) AS a, percentile_cont(0.5) WITHIN GROUP (ORDER BY price) AS p"
                " FROM (SELECT s.*, c.name FROM shop.sale s JOIN shop.customer c ON c.id = s.customer) AS virtual_table"
                " JOIN (SELECT name AS name__, sum(price) AS mme_inner__ FROM (SELECT s.*, c.name FROM shop.sale s JOIN shop.customer c"
                " ON c.id = s.customer) AS virtual_table GROUP BY name ORDER BY mme_inner__ DESC LIMIT 2) AS series_limit ON name = name__"
                " WHERE price IS NOT NULL AND name IN ('c1', 'c2', 'c3', 'c4', 'c5') AND name ILIKE '%C%' GROUP BY name, m ORDER BY a DESC"
            )
        ).all()
        assert len({row[0] for row in top}) == 2, top
        counted = connection.execute(sa.text("SELECT COUNT(*) AS rowcount FROM (SELECT * FROM shop.big LIMIT 100) AS rowcount_qry"))
        assert counted.scalar() == 100


@shows("SQL Lab: search_path by option, EXPLAIN, cancel")
def lab():
    other = sa.create_engine(url("postgresql+psycopg2"), connect_args={"options": "-csearch_path=shop"})
    with other.connect() as connection:
        assert connection.execute(sa.text("SELECT count(*) FROM sale")).scalar() == 1000
        assert connection.execute(sa.text("EXPLAIN SELECT * FROM sale")).all()
        pid = connection.execute(sa.text("SELECT pg_backend_pid()")).scalar()

        def kill():
            with engine.connect() as killer:
                killer.execute(sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid = :pid"), {"pid": pid})

        threading.Timer(0.3, kill).start()
        started = time.monotonic()
        try:
            connection.execute(sa.text("SELECT pg_sleep(30)"))
        except sa.exc.OperationalError:
            pass
        else:
            raise AssertionError("not cancelled")
        assert time.monotonic() - started < 5


run("Superset (SQLAlchemy 1.4)", sa.__version__)
