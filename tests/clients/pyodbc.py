"""ODBC: psqlODBC through unixODBC, from Python and from isql."""
import subprocess
import threading
from datetime import date, datetime
from decimal import Decimal

import pyodbc
from trial import DATABASE, HOST, PASSWORD, PORT, USER, run, shows

LOGIN = f"Driver=PostgreSQL Unicode;Server={HOST};Port={PORT};Uid={USER};Pwd={{{PASSWORD}}};Database={DATABASE};BoolsAsChar=0"
connection = pyodbc.connect(LOGIN, autocommit=True)
cursor = connection.cursor()


@shows("parameters and results of every type")
def types():
    values = [
        ("int2", 7), ("int4", -(2**31)), ("int8", 2**62), ("float8", 0.1), ("numeric(12,4)", Decimal("12.5000")), ("text", "é 'x' \\ 漢"),
        ("varchar(10)", "ten"), ("bool", True), ("bytea", b"\0\xff"), ("date", date(2024, 2, 29)), ("timestamp", datetime(2024, 2, 29, 1, 2, 3, 4000)),
    ]
    for ty, value in values:
        got, none = cursor.execute(f"SELECT CAST(? AS {ty}), CAST(NULL AS {ty})", value).fetchone()
        assert got == value and none is None, (ty, value, got)
    row = cursor.execute("SELECT '{1,2}'::int4[], '{\"a\": 1}'::jsonb, '0123e567-e89b-12d3-a456-426614174000'::uuid").fetchone()
    assert row[0] == "{1,2}" and str(row[2]).lower().startswith("0123e567"), row
    assert [d[0] for d in cursor.description] == ["int4", "jsonb", "uuid"]


@shows("catalog functions: tables, columns, keys, statistics, procedures, type info")
def catalog():
    cursor.execute("CREATE TABLE parent (a int, b varchar(20) NOT NULL DEFAULT 'x', PRIMARY KEY (a, b)); CREATE INDEX parent_b ON parent (b)")
    cursor.execute("CREATE TABLE child (c int PRIMARY KEY, a int, b varchar(20), FOREIGN KEY (a, b) REFERENCES parent)")
    cursor.execute("CREATE VIEW looks AS SELECT a FROM parent")
    assert sorted((t.table_name, t.table_type) for t in cursor.tables(schema="public")) == [("child", "TABLE"), ("looks", "VIEW"), ("parent", "TABLE")]
    columns = cursor.columns(table="parent").fetchall()
    assert [(c.column_name, c.type_name, c.nullable) for c in columns] == [("a", "int4", 0), ("b", "varchar", 0)], columns
    assert columns[1].column_size == 20 and "x" in columns[1].column_def
    assert [(k.column_name, k.key_seq) for k in cursor.primaryKeys(table="parent")] == [("a", 1), ("b", 2)]
    assert [(k.pktable_name, k.fkcolumn_name) for k in cursor.foreignKeys(foreignTable="child")] == [("parent", "a"), ("parent", "b")]
    assert {s.index_name for s in cursor.statistics("parent")} >= {"parent_pkey", "parent_b"}
    assert {t.type_name for t in cursor.getTypeInfo()} >= {"int4", "text", "timestamptz"}
    cursor.procedures(procedure="lower").fetchall()
    assert connection.getinfo(pyodbc.SQL_DBMS_NAME) == "PostgreSQL"


@shows("prepared statements, executemany, fast_executemany")
def many():
    cursor.execute("CREATE TABLE many (a int, b text)")
    for n in range(20):
        cursor.execute("INSERT INTO many VALUES (?, ?)", n, str(n))
    cursor.executemany("INSERT INTO many VALUES (?, ?)", [(n, None) for n in range(100)])
    cursor.fast_executemany = True
    cursor.executemany("INSERT INTO many VALUES (?, ?)", [(n, "x") for n in range(500)])
    assert tuple(cursor.execute("SELECT count(*), count(b) FROM many").fetchone()) == (620, 520)
    assert len(cursor.execute("SELECT * FROM many").fetchmany(7)) == 7


@shows("UseDeclareFetch cursors")
def declared():
    other = pyodbc.connect(LOGIN + ";UseDeclareFetch=1;Fetch=50")
    rows = other.execute("SELECT i FROM generate_series(1, 1000) AS g(i)").fetchall()
    assert [row[0] for row in rows] == list(range(1, 1001))
    other.close()


@shows("transactions, errors with SQLSTATE, statement rollback")
def transactions():
    other = pyodbc.connect(LOGIN)
    inside = other.cursor()
    inside.execute("CREATE TABLE kept (a int PRIMARY KEY)")
    inside.execute("INSERT INTO kept VALUES (1)")
    error = None
    try:
        inside.execute("INSERT INTO kept VALUES (1)")
    except pyodbc.IntegrityError as caught:
        error = caught
    assert error.args[0] == "23505" and "kept_pkey" in error.args[1], error
    # The driver set a savepoint: the transaction goes on.
    inside.execute("INSERT INTO kept VALUES (2)")
    other.commit()
    inside.execute("DELETE FROM kept")
    other.rollback()
    assert inside.execute("SELECT count(*) FROM kept").fetchone()[0] == 2
    other.close()


@shows("cancel")
def cancel():
    threading.Timer(0.3, cursor.cancel).start()
    try:
        cursor.execute("SELECT pg_sleep(30)")
    except pyodbc.Error as error:
        assert error.args[0] in ("57014", "HY008"), error
    else:
        raise AssertionError("not cancelled")


@shows("isql")
def isql():
    command = ["isql", "-k", "-b", "-v", LOGIN.replace(f"{{{PASSWORD}}}", PASSWORD)]
    done = subprocess.run(command, input="SELECT 6 * 7 AS answer\nhelp parent\n", capture_output=True, text=True)
    assert "42" in done.stdout and "parent" in done.stdout, done.stdout + done.stderr


run("psqlODBC", f"{connection.getinfo(pyodbc.SQL_DRIVER_VER)}, pyodbc {pyodbc.version}")
