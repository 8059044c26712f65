"""dbt-postgres: a small project seeded, run (view, table, incremental, ephemeral), tested, snapshotted, documented."""
import json
import os
import tempfile
from importlib.metadata import version
from pathlib import Path

import psycopg
from dbt.cli.main import dbtRunner
from trial import DATABASE, HOST, PASSWORD, PORT, USER, run, shows

folder = Path(tempfile.mkdtemp())
FILES = {
    "dbt_project.yml": """
name: shop
version: '1.0'
profile: shop
models: {shop: {+materialized: view}}
flags: {send_anonymous_usage_stats: false}
""",
    "profiles.yml": json.dumps(
        {
            "shop": {
                "target": "dev",
                "outputs": {
                    "dev": {
                        "type": "postgres", "host": HOST, "port": PORT, "user": USER, "password": PASSWORD,
                        "dbname": DATABASE, "schema": "shop", "threads": 4,
                    }
                },
            }
        }
    ),
    "seeds/raw_orders.csv": "id,customer,amount,ordered\n1,ann,10.5,2024-01-01\n2,bob,20,2024-01-02\n3,ann,30.25,2024-01-03\n",
    "models/stage_orders.sql": "select id as order_id, customer, amount::numeric(10,2) as amount, ordered from {{ ref('raw_orders') }}",
    "models/only_large.sql": "{{ config(materialized='ephemeral') }} select * from {{ ref('stage_orders') }} where amount > 15",
    "models/customers.sql": """{{ config(materialized='table', indexes=[{'columns': ['customer'], 'unique': true}]) }}
select customer, count(*) as orders, sum(amount) as total from {{ ref('stage_orders') }} group by 1""",
    "models/large_orders.sql": "{{ config(materialized='incremental', unique_key='order_id') }} select order_id, customer, amount, ordered from {{ ref('only_large') }}"
    "{% if is_incremental() %} where ordered >= (select max(ordered) from {{ this }}) {% endif %}",
    "models/counted.sql": "{{ config(materialized='materialized_view') }} select count(*) as n from {{ ref('customers') }}",
    "models/schema.yml": """
version: 2
models:
  - name: customers
    description: "One line a customer; it's theirs"
    config: {persist_docs: {relation: true, columns: true}}
    columns:
      - {name: customer, description: who, data_tests: [unique, not_null]}
      - {name: total, data_tests: [not_null]}
  - name: large_orders
    columns:
      - name: customer
        data_tests: [{relationships: {to: ref('customers'), field: customer}}, {accepted_values: {values: [ann, bob]}}]
""",
    "tests/no_refunds.sql": "select * from {{ ref('stage_orders') }} where amount < 0",
    "snapshots/kept.sql": """{% snapshot kept %}{{ config(target_schema='shop', unique_key='customer', strategy='check', check_cols=['total']) }}
select customer, total from {{ ref('customers') }}{% endsnapshot %}""",
}
for name, text in FILES.items():
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_text(text)
os.environ["DO_NOT_TRACK"] = "1"


def dbt(*arguments):
    """Runs a command of dbt; each of its parts must succeed."""
    done = dbtRunner().invoke([*arguments, "--project-dir", str(folder), "--profiles-dir", str(folder), "--quiet"])
    results = getattr(done.result, "results", None) or []
    assert done.success, (arguments, done.exception, [r.message for r in results if r.status not in ("success", "pass")])
    return done.result


def rows(query):
    with psycopg.connect(autocommit=True) as connection:
        return connection.execute(query).fetchall()


@shows("debug, seed")
def seed():
    dbt("debug")
    dbt("seed")
    assert rows("SELECT count(*), sum(amount)::text FROM shop.raw_orders") == [(3, "60.75")]


@shows("run: views, tables, materialized views, ephemeral and incremental models")
def models():
    dbt("run")
    assert rows("SELECT * FROM shop.customers ORDER BY 1") == rows("VALUES ('ann'::text, 2::bigint, 40.75), ('bob', 1, 20.00)")
    assert rows("SELECT n FROM shop.counted") == [(2,)]
    rows("INSERT INTO shop.raw_orders VALUES (4, 'bob', 100, '2024-01-04'), (5, 'bob', 1, '2024-01-05') RETURNING 1")
    dbt("run")
    dbt("run", "--full-refresh")
    assert rows("SELECT count(*) FROM shop.large_orders") == [(3,)]
    assert rows("SELECT obj_description('shop.customers'::regclass)") == [("One line a customer; it's theirs",)]


@shows("test")
def test():
    assert len(dbt("test").results) == 6


@shows("snapshot")
def snapshot():
    dbt("snapshot")
    rows("INSERT INTO shop.raw_orders VALUES (6, 'ann', 1, '2024-01-06') RETURNING 1")
    dbt("run", "--select", "customers")
    dbt("snapshot")
    assert rows("SELECT customer, count(*), count(dbt_valid_to) FROM shop.kept GROUP BY 1 ORDER BY 1") == [("ann", 2, 1), ("bob", 1, 0)]


@shows("docs generate")
def docs():
    dbt("docs", "generate")
    catalog = json.loads((folder / "target" / "catalog.json").read_text())
    node = catalog["nodes"]["model.shop.customers"]
    assert node["metadata"]["type"] == "BASE TABLE" and node["metadata"]["owner"] == USER, node
    assert node["columns"]["customer"]["comment"] == "who" and node["columns"]["total"]["type"] == "numeric", node


run("dbt-postgres", f"{version('dbt-postgres')}, dbt-core {version('dbt-core')}")
