//! Random queries, on commons and on a real PostgreSQL 15: names, types, values, the order of rows
//! where a query orders them, and the class of errors must agree.
//!
//! 2,000 queries by default; `COMMONS_RANDOM` says another number, `COMMONS_SEED` another start.
//! A query commons refuses by name (0A000) is skipped, and few may be.

mod expression;
mod generator;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::Client;

use super::answers::{Answer, ask, sessions};
use super::server::InProcess;
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
        let (ours, theirs) = sessions(&server, "random").await?;
        for client in [&ours, &theirs] {
            client.batch_execute(generator::TABLES).await?;
        }
        compare(&ours, &theirs).await
    })
}

async fn compare(ours: &Client, theirs: &Client) -> Result<(), Failed> {
    let queries = number("COMMONS_RANDOM", QUERIES);
    let seed = number("COMMONS_SEED", 1);
    let mut wrong = Vec::new();
    let (mut refused, mut answered) = (0, 0);
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

/// The answer to a query, in an order of its own if the query gives it none.
async fn answer(client: &Client, query: &generator::Query) -> Answer {
    let rows = ask(client, &query.text).await?;
    Ok(if query.ordered { rows } else { rows.sorted() })
}

fn agree(expected: &Answer, actual: &Answer) -> bool {
    match (expected, actual) {
        (Err(a), Err(b)) => a.get(..2) == b.get(..2),
        (Ok(a), Ok(b)) => a.agree(b),
        _ => false,
    }
}
