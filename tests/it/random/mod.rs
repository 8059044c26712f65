//! Random queries, on commons and on a real PostgreSQL 15: names, types, values, the order of rows
//! where a query orders them, and the class of errors must agree.
//!
//! 2,000 queries by default; `COMMONS_RANDOM` says another number, `COMMONS_SEED` another start.
//! A query commons refuses by name (0A000) is skipped, and few may be. Numbers are compared as
//! numbers: `numeric` values may differ in trailing zeros, floating point in the last digits.

mod expression;
mod generator;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::postgres;
use super::server::{InProcess, PASSWORD};
use generator::Generator;

/// Queries of an ordinary run.
const QUERIES: usize = 2_000;
/// Disagreements that are shown.
const SHOWN: usize = 20;

/// The one trial.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("random/queries", run)]
}

fn number(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable)
        .ok()
        .and_then(|text| text.parse().ok())
        .unwrap_or(otherwise)
}

fn run() -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let server = InProcess::start();
    runtime.block_on(async {
        let mut ours = Config::new();
        ours.host("127.0.0.1")
            .port(server.address().port())
            .dbname("commons")
            .user("commons")
            .password(PASSWORD);
        let mut theirs = Config::new();
        theirs
            .host("127.0.0.1")
            .port(postgres::shared().port)
            .user("postgres");
        let mut random = theirs.clone();
        random.dbname("random");
        theirs.dbname("postgres");
        let admin = connect(&theirs).await?;
        admin.batch_execute("CREATE DATABASE random").await?;
        let (ours, theirs) = (connect(&ours).await?, connect(&random).await?);
        for client in [&ours, &theirs] {
            client.batch_execute(generator::TABLES).await?;
        }
        compare(&ours, &theirs).await
    })
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn compare(ours: &Client, theirs: &Client) -> Result<(), Failed> {
    let queries = number("COMMONS_RANDOM", QUERIES);
    let seed = number("COMMONS_SEED", 1);
    let mut wrong = Vec::new();
    let (mut refused, mut answered) = (0, 0);
    for index in 0..queries {
        let seed = (seed as u64) << 32 | index as u64;
        let query = Generator::new(seed).query();
        let expected = ask(theirs, &query).await;
        let actual = ask(ours, &query).await;
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
            wrong.push(format!(
                "seed {seed}\n  {}\n  PostgreSQL: {expected:?}\n  commons:    {actual:?}",
                query.text
            ));
        }
    }
    let share = refused * 100 / queries.max(1);
    eprintln!(
        "random/queries: {queries} queries, {answered} answered, {refused} refused ({share} %)"
    );
    if !wrong.is_empty() {
        let count = wrong.len();
        wrong.truncate(SHOWN);
        return Err(format!("{count} of {queries} disagree\n{}", wrong.join("\n")).into());
    }
    if share > 2 {
        return Err(format!("{refused} of {queries} queries were refused").into());
    }
    Ok(())
}

/// A query's answer, or its error's SQLSTATE.
type Answer = Result<Rows, String>;

#[derive(Debug)]
struct Rows {
    /// Name and type of each column.
    columns: Vec<(String, String)>,
    rows: Vec<Vec<Option<String>>>,
}

async fn ask(client: &Client, query: &generator::Query) -> Answer {
    let state = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(error) => error.code().code().to_owned(),
        None => format!("no answer: {error}"),
    };
    let statement = client.prepare(&query.text).await.map_err(state)?;
    let columns = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
        .collect();
    let mut rows: Vec<Vec<Option<String>>> = Vec::new();
    for message in client.simple_query(&query.text).await.map_err(state)? {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push(
                (0..row.len())
                    .map(|i| row.get(i).map(str::to_owned))
                    .collect(),
            );
        }
    }
    if !query.ordered {
        rows.sort_by_cached_key(|row| {
            row.iter()
                .map(|value| value.as_deref().map(|value| digits(value).to_owned()))
                .collect::<Vec<_>>()
        });
    }
    Ok(Rows { columns, rows })
}

fn agree(expected: &Answer, actual: &Answer) -> bool {
    match (expected, actual) {
        (Err(a), Err(b)) => a.get(..2) == b.get(..2),
        (Ok(a), Ok(b)) => {
            a.columns == b.columns
                && a.rows.len() == b.rows.len()
                && a.rows.iter().zip(&b.rows).all(|(a, b)| {
                    a.iter()
                        .zip(b)
                        .zip(&types(expected))
                        .all(|((a, b), ty)| same(a.as_deref(), b.as_deref(), ty))
                })
        }
        _ => false,
    }
}

fn types(answer: &Answer) -> Vec<String> {
    match answer {
        Ok(rows) => rows.columns.iter().map(|(_, ty)| ty.clone()).collect(),
        Err(_) => Vec::new(),
    }
}

fn same(a: Option<&str>, b: Option<&str>, ty: &str) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return a == b;
    };
    match ty {
        "numeric" => digits(a) == digits(b) || close(a, b),
        "float4" | "float8" => a == b || close(a, b),
        _ => a == b,
    }
}

/// A number without trailing zeros behind its point.
fn digits(text: &str) -> &str {
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

fn close(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => false,
    }
}
