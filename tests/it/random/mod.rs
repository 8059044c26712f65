//! Random queries, on commons and on a real PostgreSQL 15: names, types, values, the order of rows
//! where a query orders them, and the class of errors must agree.
//!
//! 2,000 queries by default, and 1,000 over the same tables made of partitions and with others
//! under them; `COMMONS_RANDOM` says another number, `COMMONS_SEED` another start.
//! Some are statements that change a table. A query commons refuses by name (0A000) is skipped, and
//! few may be.

mod aggregate;
mod change;
mod condition;
mod expression;
mod generator;
mod window;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::Client;

use super::answers::{Rows, ask, sessions};
use super::server::InProcess;
use generator::Generator;

/// Queries of an ordinary run.
const QUERIES: usize = 2_000;

/// Small tables with NULLs, repeated values, and values that meet across tables.
const TABLES: &str = "
CREATE TABLE a (i int, j bigint, n numeric(8,2), f double precision, s text, b boolean, d date,
 p interval, r int[]);
CREATE TABLE b (i int, k smallint, t text, v varchar(5), m numeric, ts timestamp);
CREATE TABLE c (i int, x int, s text, q jsonb);
";

/// The same tables, of partitions and with others under them, some of which have their columns
/// otherwise.
const FAMILIES: &str = "
CREATE TABLE a (i int, j bigint, n numeric(8,2), f double precision, s text, b boolean, d date,
 p interval, r int[]) PARTITION BY RANGE (i);
CREATE TABLE a_low PARTITION OF a FOR VALUES FROM (MINVALUE) TO (2);
CREATE TABLE a_mid (r int[], gone int, s text, i int, b boolean, d date, p interval, j bigint,
 n numeric(8,2), f double precision);
ALTER TABLE a_mid DROP COLUMN gone;
ALTER TABLE a ATTACH PARTITION a_mid FOR VALUES FROM (2) TO (4);
CREATE TABLE a_rest PARTITION OF a DEFAULT PARTITION BY LIST (s);
CREATE TABLE a_none PARTITION OF a_rest FOR VALUES IN (NULL, '');
CREATE TABLE a_some PARTITION OF a_rest DEFAULT;
CREATE TABLE b (i int, k smallint, t text, v varchar(5), m numeric, ts timestamp);
CREATE TABLE b_one (own int) INHERITS (b);
CREATE TABLE b_two (ts timestamp, v varchar(5), i int) INHERITS (b);
CREATE TABLE b_under () INHERITS (b_one, b_two);
CREATE TABLE c (i int, x int, s text, q jsonb) PARTITION BY HASH (i);
CREATE TABLE c_even PARTITION OF c FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE c_odd PARTITION OF c FOR VALUES WITH (MODULUS 2, REMAINDER 1);
";

/// Their rows.
const ROWS: &str = "
INSERT INTO a VALUES
 (1, 10, 1.50, 0.5, 'one', true, '2024-01-01', '1 day', '{1,2}'),
 (2, 20, -2.25, 1.25, 'two', false, '2024-02-29', '-3 hours', '{}'),
 (3, NULL, 3.00, NULL, 'three', NULL, '2023-12-31', NULL, '{2,NULL,3}'),
 (NULL, 40, NULL, -4.5, NULL, true, NULL, '1 month', NULL),
 (5, 50, 0.00, 2, '', false, '2024-01-01', '23 hours', '{5}'),
 (2, 21, 10.10, -0.25, 'Two', true, '2025-06-15', '00:00:00.25', '{1,2}'),
 (-7, 0, -0.01, 100, 'a b', NULL, '1999-12-31', '1 year 2 days', '{-7,3}'),
 (3, 3, 3.33, 3.5, 'three', false, '2024-03-01', NULL, '{3,3}');
INSERT INTO b VALUES
 (1, 1, 'one', 'x', 1, '2024-01-01 10:00'), (2, 2, 'zwei', 'yy', 2.5, '2024-01-02 00:00'),
 (2, NULL, 'two', NULL, NULL, NULL), (4, 4, NULL, 'zzz', -1.125, '2023-12-31 23:59:59'),
 (NULL, 5, 'five', 'x', 0, '2024-01-01 10:00'), (3, -3, 'three', 'abcde', 7, NULL);
INSERT INTO c VALUES (1, 100, 'one', '{\"a\": 1}'), (1, 200, 'uno', '[1, 2, \"x\"]'),
 (3, NULL, NULL, NULL), (NULL, 5, 'two', '{\"a\": \"y\", \"b\": [2, null]}'), (9, -1, '', 'null');
";

/// Rows go under where others stand.
const GOING_UNDER: &str = "
INSERT INTO b_one SELECT * FROM ONLY b WHERE k = 2;
INSERT INTO b_two SELECT * FROM ONLY b WHERE k = 5 OR k IS NULL;
INSERT INTO b_under SELECT * FROM ONLY b WHERE k = 4;
DELETE FROM ONLY b WHERE k IN (2, 4, 5) OR k IS NULL;
";

/// One trial for each kind of tables.
pub(crate) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("random/queries", || run("random", &[TABLES, ROWS], QUERIES)),
        Trial::test("random/families", || {
            run(
                "random_families",
                &[FAMILIES, ROWS, GOING_UNDER],
                QUERIES / 2,
            )
        }),
    ]
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn run(database: &str, tables: &[&str], queries: usize) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let server = InProcess::start();
    runtime.block_on(async {
        let (ours, theirs) = sessions(&server, database).await?;
        for client in [&ours, &theirs] {
            client.batch_execute(&tables.concat()).await?;
        }
        compare(&ours, &theirs, number("COMMONS_RANDOM", queries)).await
    })
}

async fn compare(ours: &Client, theirs: &Client, queries: usize) -> Result<(), Failed> {
    let seed = number("COMMONS_SEED", 1);
    let (mut refused, mut answered, mut wrong) = (0, 0, 0);
    for index in 0..queries {
        let seed = (seed as u64) << 32 | index as u64;
        let query = Generator::new(seed).query();
        let expected = answer(theirs, &query).await;
        let actual = answer(ours, &query).await;
        match (&expected, &actual) {
            (Ok(_), Ok(_)) => answered += 1,
            (_, Err(state)) if state == "0A000" => {
                refused += 1;
                if std::env::var_os("COMMONS_REFUSED").is_some() {
                    eprintln!("refused: {}", query.text);
                }
                continue;
            }
            _ => {}
        }
        if !agree(&expected, &actual) {
            wrong += 1;
            eprintln!(
                "seed {seed}\n  {}\n  PostgreSQL: {expected:?}\n  commons:    {actual:?}",
                query.text
            );
        }
    }
    let share = refused * 100 / queries.max(1);
    eprintln!("random: {queries} queries, {answered} answered, {refused} refused ({share} %)");
    if wrong > 0 {
        return Err(format!("{wrong} of {queries} disagree").into());
    }
    if share > 2 {
        return Err(format!("{refused} of {queries} queries were refused").into());
    }
    Ok(())
}

/// The answer to a query, in an order of its own if the query gives it none; of a statement that
/// changes a table also what the table is then, before all is undone.
async fn answer(client: &Client, query: &generator::Query) -> Result<Vec<Rows>, String> {
    let Some(table) = query.changes else {
        let rows = ask(client, &query.text).await?;
        return Ok(vec![if query.ordered { rows } else { rows.sorted() }]);
    };
    let failed = |error: tokio_postgres::Error| format!("{error}");
    client.batch_execute("BEGIN").await.map_err(failed)?;
    let answers = changed(client, &query.text, table).await;
    client.batch_execute("ROLLBACK").await.map_err(failed)?;
    answers
}

/// What a statement returns, and what it makes of a table.
async fn changed(client: &Client, statement: &str, table: &str) -> Result<Vec<Rows>, String> {
    let returned = ask(client, statement).await?.sorted();
    let left = ask(client, &format!("SELECT * FROM {table}")).await?;
    Ok(vec![returned, left.sorted()])
}

fn agree(expected: &Result<Vec<Rows>, String>, actual: &Result<Vec<Rows>, String>) -> bool {
    match (expected, actual) {
        (Err(a), Err(b)) => a.get(..2) == b.get(..2),
        (Ok(a), Ok(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.agree(b)),
        _ => false,
    }
}
