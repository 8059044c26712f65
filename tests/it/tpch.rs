//! The 22 TPC-H queries over generated data: the answers are PostgreSQL's.
//!
//! ORDER BY leaves a choice among rows with equal keys, and LIMIT then a choice of rows. So the
//! query without its LIMIT must give the same rows in any order; with it, the same number of rows
//! with the same keys in the same order, all of them among those.

use std::path::{Path, PathBuf};
use std::process::Command;

use futures::SinkExt;
use libtest_mimic::{Failed, Trial};
use tokio_postgres::Client;

use super::answers::{Row, Rows, ask, sessions};
use super::clients::once;
use super::server::InProcess;

/// The generator, pinned: other versions may make other data.
const GENERATOR: &str = "tpchgen-cli==4.0.0";
/// Share of the gigabyte TPC-H starts from.
const SCALE: &str = "0.01";

const TABLES: [(&str, &str); 8] = [
    ("region", "r_regionkey int, r_name text, r_comment text"),
    (
        "nation",
        "n_nationkey int, n_name text, n_regionkey int, n_comment text",
    ),
    (
        "supplier",
        "s_suppkey bigint, s_name text, s_address text, s_nationkey int, s_phone text,
         s_acctbal numeric(15,2), s_comment text",
    ),
    (
        "customer",
        "c_custkey bigint, c_name text, c_address text, c_nationkey int, c_phone text,
         c_acctbal numeric(15,2), c_mktsegment text, c_comment text",
    ),
    (
        "part",
        "p_partkey bigint, p_name text, p_mfgr text, p_brand text, p_type text, p_size int,
         p_container text, p_retailprice numeric(15,2), p_comment text",
    ),
    (
        "partsupp",
        "ps_partkey bigint, ps_suppkey bigint, ps_availqty int, ps_supplycost numeric(15,2),
         ps_comment text",
    ),
    (
        "orders",
        "o_orderkey bigint, o_custkey bigint, o_orderstatus text, o_totalprice numeric(15,2),
         o_orderdate date, o_orderpriority text, o_clerk text, o_shippriority int, o_comment text",
    ),
    (
        "lineitem",
        "l_orderkey bigint, l_partkey bigint, l_suppkey bigint, l_linenumber int,
         l_quantity numeric(15,2), l_extendedprice numeric(15,2), l_discount numeric(15,2),
         l_tax numeric(15,2), l_returnflag text, l_linestatus text, l_shipdate date,
         l_commitdate date, l_receiptdate date, l_shipinstruct text, l_shipmode text,
         l_comment text",
    ),
];

/// Without these PostgreSQL takes minutes for some queries.
const INDEXES: &str = "CREATE INDEX ON lineitem (l_orderkey);
    CREATE INDEX ON lineitem (l_partkey, l_suppkey); CREATE INDEX ON orders (o_custkey);
    CREATE INDEX ON partsupp (ps_partkey, ps_suppkey); ANALYZE;";

/// Which columns each query orders by, counted from 1; none: the whole answer is one row.
const KEYS: [&[usize]; 22] = [
    &[1, 2],
    &[1, 3, 2, 4],
    &[2, 3],
    &[1],
    &[2],
    &[],
    &[1, 2, 3],
    &[1],
    &[1, 2],
    &[3],
    &[2],
    &[1],
    &[2, 1],
    &[],
    &[1],
    &[4, 1, 2, 3],
    &[],
    &[5, 4],
    &[],
    &[1],
    &[2, 1],
    &[1],
];

/// One trial: loading takes most of the time.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("tpch/answers", run)]
}

fn run() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let data = tempfile::TempDir::new()?;
    let generated = Command::new(generator())
        .args(["csv", "-s", SCALE, "--output-dir"])
        .arg(data.path())
        .stdout(std::process::Stdio::null())
        .status()?;
    if !generated.success() {
        return Err(format!("{GENERATOR}: {generated}").into());
    }
    let server = InProcess::start();
    runtime.block_on(async {
        let (ours, theirs) = sessions(&server, "tpch").await?;
        for client in [&ours, &theirs] {
            for (table, columns) in TABLES {
                load(client, data.path(), table, columns).await?;
            }
        }
        theirs.batch_execute(INDEXES).await?;
        let mut wrong = Vec::new();
        for (number, keys) in (1..).zip(KEYS) {
            if let Err(why) = check(&ours, &theirs, number, keys).await {
                wrong.push(format!("q{number:02}: {why}"));
            }
        }
        match wrong.as_slice() {
            [] => Ok(()),
            wrong => Err(wrong.join("\n").into()),
        }
    })
}

/// The generator's program, in an environment of its own.
fn generator() -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tpch");
    once(&folder, GENERATOR, || {
        let venv = Command::new("python3")
            .args(["-m", "venv", "--clear"])
            .arg(&folder)
            .status();
        let install = Command::new(folder.join("bin/python"))
            .args(["-m", "pip", "install", "--quiet", GENERATOR])
            .status();
        [venv, install]
    });
    folder.join("bin/tpchgen-cli")
}

async fn load(client: &Client, folder: &Path, table: &str, columns: &str) -> Result<(), Failed> {
    client
        .batch_execute(&format!("CREATE TABLE {table} ({columns})"))
        .await?;
    let text = std::fs::read(folder.join(format!("{table}.csv")))?;
    let copy = format!("COPY {table} FROM STDIN (FORMAT csv, HEADER true)");
    let sink = client.copy_in::<_, bytes::Bytes>(&copy).await?;
    let mut sink = std::pin::pin!(sink);
    sink.send(bytes::Bytes::from(text)).await?;
    sink.finish().await?;
    Ok(())
}

async fn check(
    ours: &Client,
    theirs: &Client,
    number: usize,
    keys: &[usize],
) -> Result<(), String> {
    let path = format!(
        "{}/benches/tpch/q{number:02}.sql",
        env!("CARGO_MANIFEST_DIR")
    );
    let text = std::fs::read_to_string(path).map_err(|error| error.to_string())?;
    let text = text.trim().trim_end_matches(';');
    let (whole, limited) = match text.rsplit_once("\nLIMIT ") {
        Some((whole, _)) => (whole, true),
        None => (text, false),
    };
    let (expected, actual) = both(ours, theirs, whole).await?;
    if expected.rows.is_empty() {
        return Err("no rows, which compares nothing".to_owned());
    }
    in_order(&expected, &actual, keys)?;
    let (expected, all) = (expected.sorted(), actual.sorted());
    if !expected.agree(&all) {
        return Err(differ(&expected, &all));
    }
    if limited {
        let (expected, actual) = both(ours, theirs, text).await?;
        in_order(&expected, &actual, keys)?;
        let made_up = |row: &&Row| !all.rows.iter().any(|known| all.same_row(known, row));
        if let Some(row) = actual.rows.iter().find(made_up) {
            return Err(format!("a row that is none of the answer's: {row:?}"));
        }
    }
    Ok(())
}

async fn both(ours: &Client, theirs: &Client, text: &str) -> Result<(Rows, Rows), String> {
    let expected = ask(theirs, text).await;
    let expected = expected.map_err(|state| format!("PostgreSQL fails with {state}"))?;
    let actual = ask(ours, text).await;
    let actual = actual.map_err(|state| format!("commons fails with {state}"))?;
    Ok((expected, actual))
}

/// Both have as many rows, and the same keys in the same places.
fn in_order(expected: &Rows, actual: &Rows, keys: &[usize]) -> Result<(), String> {
    let only = |rows: &Rows| Rows {
        columns: keys
            .iter()
            .map(|key| rows.columns[key - 1].clone())
            .collect(),
        rows: rows
            .rows
            .iter()
            .map(|row| keys.iter().map(|key| row[key - 1].clone()).collect())
            .collect(),
    };
    if expected.columns != actual.columns {
        return Err(format!("{:?} is {:?}", expected.columns, actual.columns));
    }
    let (expected, actual) = (only(expected), only(actual));
    if expected.agree(&actual) {
        Ok(())
    } else {
        Err(differ(&expected, &actual))
    }
}

fn differ(expected: &Rows, actual: &Rows) -> String {
    let first = expected
        .rows
        .iter()
        .zip(&actual.rows)
        .find(|(a, b)| !expected.same_row(a, b));
    format!(
        "PostgreSQL has {} rows, commons {}; first difference {first:?}",
        expected.rows.len(),
        actual.rows.len()
    )
}
