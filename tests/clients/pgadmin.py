"""pgAdmin 4: the queries behind its tree, its properties and statistics tabs and its dashboard, rendered from its own templates."""
import re
from importlib.metadata import files, version
from pathlib import Path

import jinja2
import psycopg
from psycopg import sql
from trial import DATABASE, run, shows

connection = psycopg.connect(autocommit=True)
for statement in (
    "CREATE SCHEMA lab",
    "CREATE TABLE lab.parent (id int PRIMARY KEY, name varchar(20) NOT NULL DEFAULT 'x' UNIQUE, n serial, CHECK (id > 0))",
    "CREATE TABLE lab.child (parent int REFERENCES lab.parent)",
    "CREATE INDEX child_parent ON lab.child (parent)",
    "CREATE VIEW lab.names AS SELECT name FROM lab.parent",
    "CREATE MATERIALIZED VIEW lab.counted AS SELECT count(*) AS n FROM lab.parent",
    "GRANT SELECT ON lab.parent TO PUBLIC",
    "COMMENT ON TABLE lab.parent IS 'of children'",
):
    connection.execute(statement)

(here,) = [file for file in files("pgadmin4") if str(file).endswith("pgadmin/__init__.py")]
root = Path(str(here.locate())).parent
NUMBER = connection.info.server_version


def quoted(kind):
    return lambda value, *_: kind(str(value)).as_string(connection)


def template(kind, name):
    """A template about a kind of thing: of `default`, `12_plus`, `16_plus`, … the newest that is not too new."""
    found = []
    for path in root.rglob(f"templates/{kind}/**/{name}"):
        match = re.search(r"/(\d+)\.?\d*_plus/", str(path))
        number = int(match[1]) * 10000 if match else 0
        if number <= NUMBER and "/ppas/" not in str(path):
            found.append((number, path))
    assert found, f"no template {name} about {kind}"
    return max(found)[1].read_text()


def ask(kind, name, wanted=0, **values):
    """Renders a template and runs it; the rows, which must be so many at least."""
    kinds = {name: template(kind, name)}
    environment = jinja2.Environment(loader=jinja2.FunctionLoader(lambda other: kinds.get(other) or macro(other)), extensions=["jinja2.ext.do"])
    environment.filters.update(qtLiteral=quoted(sql.Literal), qtIdent=quoted(sql.Identifier), qtTypeIdent=quoted(sql.Identifier))
    text = environment.get_template(name).render(conn=None, _=str, gettext=str, show_sysobj=True, show_system_objects=True, **values)
    try:
        rows = connection.execute(text).fetchall() if text.strip() else []
    except psycopg.Error as error:
        raise AssertionError(f"{kind}/{name}: {error}\n{text}") from None
    assert len(rows) >= wanted, (kind, name, text, rows)
    return rows


def macro(name):
    """What a template includes, by the end of its path."""
    return max(root.rglob(Path(name).name), key=lambda path: str(path).endswith(name)).read_text()


def oid(name):
    return connection.execute(f"SELECT '{name}'::regclass::oid").fetchone()[0]


did = connection.execute("SELECT oid FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone()[0]
scid = connection.execute("SELECT 'lab'::regnamespace::oid").fetchone()[0]
tid, child, vid, mid = (oid(f"lab.{name}") for name in ("parent", "child", "names", "counted"))
IN = dict(did=did, scid=scid, datlastsysoid=16383, datconfig="", db_name=DATABASE)


@shows("connecting")
def connect():
    for statement in (
        "SET DateStyle=ISO; SET client_min_messages=notice; SET client_encoding='utf-8'",
        "SELECT set_config('bytea_output', 'hex', false) FROM pg_show_all_settings() WHERE name = 'bytea_output'",
        "SELECT version()",
        "SELECT oid, datname, datallowconn, pg_encoding_to_char(encoding), has_database_privilege(oid, 'CREATE'), datistemplate"
        " FROM pg_database WHERE datname = current_database()",
        "SELECT oid, rolname, rolsuper, rolcreaterole, rolcreatedb, pg_has_role(oid, 'pg_signal_backend', 'member') FROM pg_roles"
        " WHERE rolname = current_user",
        "SELECT CASE WHEN usesuper THEN pg_is_in_recovery() ELSE false END FROM pg_user WHERE usename = current_user",
        "SELECT gss_authenticated, encrypted FROM pg_stat_gssapi WHERE pid = pg_backend_pid()",
    ):
        connection.execute(statement)


def names(rows):
    return [row[1] for row in rows]


@shows("its tree: databases, roles, schemas, tables, views, columns, constraints, indexes, sequences, types, languages, …")
def tree():
    ask("databases", "nodes.sql", 1, last_system_oid=0, db_restrictions=None)
    ask("roles", "nodes.sql", 2)
    for kind in ("tablespaces", "casts", "event_triggers", "publications", "subscriptions"):
        ask(kind, "nodes.sql", **IN)
    for kind in ("extensions", "foreign_data_wrappers", "languages"):
        ask(kind, "properties.sql", **IN)
    ask("schemas", "nodes.sql", 2, did=did)
    ask("catalog", "nodes.sql", 1, did=did)
    assert names(ask("tables", "nodes.sql", 2, **IN)) == ["child", "parent"]
    assert names(ask("sequences", "nodes.sql", 1, **IN)) == ["parent_n_seq"]
    for kind in ("aggregates", "collations", "domains", "fts_configurations", "fts_dictionaries", "fts_parsers", "fts_templates", "operators", "types"):
        ask(kind, "node.sql" if kind == "domains" else "nodes.sql", **IN)
    for kind in ("foreign_tables", "functions", "procedures", "trigger_functions"):
        ask(kind, "node.sql", **IN)
    assert names(ask("views", "nodes.sql", 1, **IN)) == ["names"]
    assert names(ask("mviews", "nodes.sql", 1, **IN)) == ["counted"]
    assert [row[0] for row in ask("columns", "nodes.sql", 3, tid=tid, clid=None, has_oids=False, **IN)] == ["id", "name", "n"]
    for kind, number in (("check_constraint", tid), ("foreign_key", child), ("index_constraint", tid), ("exclusion_constraint", tid)):
        ask(kind, "nodes.sql", 0 if kind.startswith("ex") else 1, tid=number, constraint_type="p", **IN)
    assert names(ask("indexes", "nodes.sql", 1, tid=child, **IN)) == ["child_parent"]
    for kind in ("rules", "triggers", "row_security_policies", "partitions"):
        ask(kind, "nodes.sql", tid=tid, **IN)


@shows("properties of each, privileges")
def properties():
    ask("databases", "properties.sql", 1, did=did, last_system_oid=0)
    ask("databases", "acl.sql", **IN)
    ask("roles", "properties.sql", 2)
    ask("schemas", "properties.sql", 1, **IN)
    for name in ("acl.sql", "defacl.sql"):
        ask("schemas", name, **IN)
    ask("tables", "properties.sql", 1, tid=tid, **IN)
    ask("tables", "acl.sql", 1, tid=tid, **IN)
    ask("columns", "properties.sql", 3, tid=tid, clid=None, **IN)
    ask("columns", "acl.sql", tid=tid, clid=1, **IN)
    for kind, number in (("check_constraint", tid), ("foreign_key", child), ("index_constraint", tid)):
        ask(kind, "properties.sql", 1, tid=number, constraint_type="p", **IN)
    ask("indexes", "properties.sql", 1, tid=child, idx=oid("lab.child_parent"), **IN)
    ask("sequences", "properties.sql", 1, seid=None, **IN)
    ask("views", "properties.sql", 1, vid=vid, **IN)
    ask("mviews", "properties.sql", 1, vid=mid, **IN)
    for kind in ("casts", "tablespaces"):
        ask(kind, "properties.sql", **IN)


@shows("statistics")
def statistics():
    ask("databases", "stats.sql", 1, did=did, last_system_oid=0)
    ask("tables", "coll_table_stats.sql", 2, schema_name="lab", **IN)
    ask("tables", "stats.sql", 1, tid=tid, schema_name="lab", is_pgstattuple=False, **IN)
    ask("columns", "stats.sql", tid=tid, clid=1, schema="lab", table="parent", column="id", **IN)
    ask("indexes", "stats.sql", 1, tid=child, exid=oid("lab.child_parent"), idx=oid("lab.child_parent"), is_pgstattuple=False, **IN)


@shows("its dashboard: activity, locks, prepared transactions, settings, rates")
def dashboard():
    for name in ("activity.sql", "locks.sql", "prepared.sql", "config.sql"):
        ask("dashboard", name, did=did)
    charts = ["session_stats", "tps_stats", "ti_stats", "to_stats", "bio_stats"]
    assert {row[0] for row in ask("dashboard", "dashboard_stats.sql", 5, did=did, chart_names=charts)} == set(charts)


run("pgAdmin 4", version("pgadmin4"))
