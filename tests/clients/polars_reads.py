"""polars reads tables as its manual says: through connectorx, which copies in the binary format; psycopg does so too."""
import os
from decimal import Decimal

import polars as pl
import psycopg

e = os.environ
url = "postgresql://{PGUSER}:{PGPASSWORD}@{PGHOST}:{PGPORT}/{PGDATABASE}".format(
    **{**e, "PGPASSWORD": e["PGPASSWORD"].replace(" ", "%20")}
)
with psycopg.connect(url, autocommit=True) as connection:
    connection.execute("CREATE TABLE read (k int8, name text, x float8, at timestamp, ok bool, n numeric(8,2))")
    connection.execute("INSERT INTO read VALUES (1, 'é', 1.5, '2024-02-29 12:00', true, 2.50), (2, NULL, NULL, NULL, NULL, NULL)")
    with connection.cursor().copy("COPY (SELECT * FROM read ORDER BY k) TO STDOUT (FORMAT binary)") as copy:
        copy.set_types(["int8", "text", "float8", "timestamp", "bool", "numeric"])
        rows = list(copy.rows())
    assert [row[0] for row in rows] == [1, 2] and rows[0][5] == Decimal("2.50") and rows[1][1] is None, rows
frame = pl.read_database_uri("SELECT k, name, x, at, ok FROM read ORDER BY k", url)
assert frame["k"].to_list() == [1, 2] and frame["name"].to_list() == ["é", None], frame
assert frame["x"].to_list() == [1.5, None] and frame["ok"].to_list() == [True, None], frame
assert str(frame["at"][0]) == "2024-02-29 12:00:00", frame
