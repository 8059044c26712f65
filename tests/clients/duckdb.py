"""DuckDB attaches the server (TYPE postgres): reads by binary COPY in parallel, writes, transactions, pushdown."""
import os
import sysconfig
from datetime import date, datetime
from decimal import Decimal

import duckdb
from trial import DATABASE, HOST, PASSWORD, PORT, USER, run, shows

duck = duckdb.connect()
# The extension comes as a package of its own, next to the others.
extensions = os.path.join(sysconfig.get_path("purelib"), "duckdb_ext", "extensions")
duck.execute(f"SET extension_directory = '{extensions}'; SET autoinstall_known_extensions = false; LOAD postgres")
# A string of DuckDB's around a string of libpq's.
duck.execute(f"ATTACH 'host={HOST} port={PORT} user={USER} password=''{PASSWORD}'' dbname={DATABASE}' AS pg (TYPE postgres)")


@shows("ATTACH, SHOW TABLES, DESCRIBE")
def attach():
    duck.execute("CREATE TABLE pg.public.kinds (i SMALLINT, k INTEGER, b BIGINT, x DOUBLE, n DECIMAL(10,2), s VARCHAR, d DATE, t TIMESTAMP, z TIMESTAMPTZ, o BOOLEAN, y BLOB, u UUID, l INTEGER[])")
    assert ("kinds",) in duck.execute("SELECT table_name FROM duckdb_tables() WHERE database_name = 'pg'").fetchall()
    shapes = {row[0]: row[1] for row in duck.execute("DESCRIBE pg.kinds").fetchall()}
    assert shapes["n"] == "DECIMAL(10,2)" and shapes["l"] == "INTEGER[]" and shapes["z"] == "TIMESTAMP WITH TIME ZONE", shapes


@shows("INSERT and SELECT of every type")
def types():
    row = (-7, 2**31 - 1, -(2**63), 1 / 3, Decimal("12.50"), "é'\t", date(2024, 2, 29), datetime(2024, 2, 29, 1, 2, 3, 4), None, True, b"\0\xff", None, [1, None, 3])
    duck.execute("INSERT INTO pg.kinds VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", row)
    duck.execute("INSERT INTO pg.kinds (z, u) VALUES ('2024-01-01 00:00:00+00', '0123e567-e89b-12d3-a456-426614174000')")
    assert duck.execute("SELECT * FROM pg.kinds WHERE i = -7").fetchall() == [row]
    assert duck.execute("SELECT epoch(z), u::text FROM pg.kinds WHERE i IS NULL").fetchall() == [(1704067200.0, "0123e567-e89b-12d3-a456-426614174000")]


@shows("large tables both ways, filters pushed down")
def large():
    duck.execute("CREATE TABLE pg.public.big AS SELECT range AS k, range / 7.0 AS x, 'row ' || range AS s FROM range(300000)")
    assert duck.execute("SELECT count(*), sum(k), min(s) FROM pg.big").fetchone() == (300000, 44999850000, "row 0")
    assert duck.execute("SELECT s FROM pg.big WHERE k = 12345 AND s LIKE 'row%'").fetchall() == [("row 12345",)]
    joined = "SELECT count(*) FROM pg.big b JOIN range(10) r ON b.k = r.range"
    assert duck.execute(joined).fetchone() == (10,)


@shows("postgres_query, postgres_execute")
def passed():
    duck.execute("CALL postgres_execute('pg', 'CREATE VIEW few AS SELECT k FROM big WHERE k < 3')")
    assert duck.execute("SELECT sum(k) FROM postgres_query('pg', 'SELECT k FROM few')").fetchone() == (3,)
    duck.execute("CALL pg_clear_cache()")
    assert duck.execute("SELECT count(*) FROM pg.few").fetchone() == (3,)


@shows("transactions, DDL; UPDATE and DELETE through postgres_execute")
def transactions():
    duck.execute("BEGIN; INSERT INTO pg.big VALUES (-1, 0, ''); ROLLBACK")
    assert duck.execute("SELECT count(*) FROM pg.big WHERE k < 0").fetchone() == (0,)
    # DuckDB's own UPDATE finds rows by where they lie in PostgreSQL's files.
    duck.execute("CALL postgres_execute('pg', 'UPDATE big SET x = -1 WHERE k < 10; DELETE FROM big WHERE k >= 100')")
    assert duck.execute("SELECT count(*), sum(x) FILTER (WHERE k < 10) FROM pg.big").fetchone() == (100, -10)
    duck.execute("CREATE SCHEMA pg.made; CREATE TABLE pg.made.t (a INTEGER PRIMARY KEY, b VARCHAR NOT NULL); ALTER TABLE pg.made.t ADD COLUMN c INTEGER")
    duck.execute("INSERT INTO pg.made.t VALUES (1, 'x', 2); DROP TABLE pg.made.t; DROP SCHEMA pg.made")


@shows("copying a table into DuckDB")
def database():
    duck.execute("ATTACH ':memory:' AS local; CREATE TABLE local.kept AS SELECT * FROM pg.big")
    assert duck.execute("SELECT count(*) FROM local.kept").fetchone() == (100,)


run("DuckDB `ATTACH`", duckdb.__version__)
