"""Reads a commons data directory as any DuckDB user would: attached read-only, while commons has it open.

Arguments: the folder with the extensions, the data directory, an old version. Prints one line per fact.
"""

import sys

import duckdb

extensions, directory, version = sys.argv[1:]
lake = duckdb.connect(config={"autoinstall_known_extensions": "false"})
for extension in ("sqlite_scanner", "ducklake"):
    lake.execute(f"LOAD '{extensions}/{extension}.duckdb_extension'")
lake.execute("SET TimeZone = 'UTC'")
lake.execute(f"ATTACH 'ducklake:sqlite:{directory}/lake.sqlite' AS lake (READ_ONLY)")


def say(fact, query):
    print(f"{fact}:", *lake.execute(query).fetchall(), sep=" ")


now = 'lake."Team ""one""".measures'
then = f'lake."Team ""one""".measurements AT (VERSION => {version})'
say("schemas", "SELECT schema_name FROM information_schema.schemata WHERE catalog_name = 'lake' ORDER BY 1")
say("tables", "SELECT schema_name, table_name, comment FROM duckdb_tables() WHERE database_name = 'lake' ORDER BY ALL")
say("columns", "SELECT column_name, data_type, is_nullable, comment FROM duckdb_columns() "
    "WHERE database_name = 'lake' AND table_name = 'measures' ORDER BY column_index")
say("head", f"SELECT count(*), sum(id), min(id), max(id) FROM {now}")
say("then", f"SELECT count(*), sum(id), min(id), max(id) FROM {then}")
say("names then", f"SELECT column_name FROM (DESCRIBE SELECT * FROM {then}) LIMIT 2")
say("row", f"SELECT COLUMNS(*)::VARCHAR FROM {now} WHERE id = 7")
say("bounds", f'SELECT min(title), max(title), min("at")::VARCHAR, max(day)::VARCHAR, count(title), min(x), count(added) FROM {now}')
say("nan", f"SELECT count(*) FROM {now} WHERE x > 1e308")
say("point", f"SELECT id FROM {now} WHERE title = 'title 0042'")
say("moved", "SELECT count(*) FROM lake.public.moved")
say("view", "SELECT * FROM lake.public.summary")
try:
    lake.execute(f"INSERT INTO {now} (id) VALUES (1)")
    print("written")
except duckdb.Error:
    print("refused")
