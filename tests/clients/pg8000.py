"""pg8000: pure Python, text format, named prepared statements."""
import io
from importlib.metadata import version

import pg8000
import pg8000.dbapi
import pg8000.native
from trial import DATABASE, HOST, PASSWORD, PORT, USER, fails, run, shows
from values import ARRAYS, DOCUMENT, RANGES, SCALARS

login = dict(user=USER, password=PASSWORD, host=HOST, port=PORT, database=DATABASE)
native = pg8000.native.Connection(**login)
native.run("SET timezone = 'UTC'")


@shows("typed parameters and results")
def types():
    for ty, value, text in SCALARS + ARRAYS:
        got, written, null = native.run(f"SELECT CAST(:v AS {ty}), CAST(CAST(:v AS {ty}) AS text), CAST(NULL AS {ty})", v=value)[0]
        assert got == value and written == text and null is None, (ty, value, got, written)
    for ty, bounds, within, text in RANGES:
        value = pg8000.Range(*bounds, bounds=within) if bounds else pg8000.Range(is_empty=True)
        got, written = native.run(f"SELECT CAST(:v AS {ty}), CAST(CAST(:v AS {ty}) AS text)", v=value)[0]
        assert got == value and written == text, (ty, value, got, written)
    for ty in ("json", "jsonb"):
        assert native.run(f"SELECT CAST(:v AS {ty})", v=DOCUMENT) == [[DOCUMENT]]
    native.run("SELECT 1 AS a, 'x' AS b")
    assert [(c["name"], c["type_oid"]) for c in native.columns] == [("a", 23), ("b", 25)]


@shows("prepared statements")
def prepared():
    statement = native.prepare("SELECT :n + 1")
    assert [statement.run(n=n)[0][0] for n in range(10)] == list(range(1, 11))
    statement.close()


@shows("DB-API transactions, executemany")
def transactions():
    connection = pg8000.dbapi.connect(**login)
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE many (a int, b text)")
    cursor.executemany("INSERT INTO many VALUES (%s, %s)", [(n, str(n)) for n in range(100)])
    assert cursor.rowcount == 100
    connection.commit()
    cursor.execute("DELETE FROM many")
    connection.rollback()
    cursor.execute("SELECT count(*), sum(a) FROM many")
    assert cursor.fetchone() == [100, 4950]
    connection.close()


@shows("COPY in and out")
def copies():
    native.run("CREATE TABLE copied (k int, s text)")
    native.run("COPY copied FROM STDIN", stream=iter(["1\tone\n", "2\ttwo\n"]))
    out = io.StringIO()
    native.run("COPY copied TO STDOUT (FORMAT csv)", stream=out)
    assert out.getvalue() == "1,one\n2,two\n", out.getvalue()


@shows("errors with their fields")
def errors():
    native.run("CREATE TABLE keyed (a int PRIMARY KEY)")
    native.run("INSERT INTO keyed VALUES (1)")
    fields = fails("23505", lambda: native.run("INSERT INTO keyed VALUES (:a)", a=1)).args[0]
    assert (fields["s"], fields["t"], fields["n"]) == ("public", "keyed", "keyed_pkey")
    assert fails("42703", lambda: native.run("SELECT nothing")).args[0]["P"] == "8"


@shows("notices and notifications")
def notifications():
    native.run("LISTEN news")
    native.run("NOTIFY news, 'hello'")
    native.run("SELECT 1")
    assert [(n[1], n[2]) for n in native.notifications] == [("news", "hello")], native.notifications
    native.run("DROP TABLE IF EXISTS never_there")
    assert native.notices[-1][b"C"] == b"00000"


run("pg8000", version("pg8000"))
