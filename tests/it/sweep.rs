//! Every operator, cast and function of PostgreSQL's catalog over sample values
//! (`tests/sweep/samples.tsv`): commons gives the same answer or the same class of error, or
//! refuses.
//!
//! What depends on a server, and what is known to differ, is in `tests/sweep/excused.tsv` with the
//! reason; an excuse that is needed no more fails the test.

use std::collections::{BTreeMap, BTreeSet};

use libtest_mimic::{Failed, Trial};
use tokio_postgres::{Client, SimpleQueryMessage};

use super::answers::{Answer, ask, sessions};
use super::server::InProcess;

const SAMPLES: &str = include_str!("../sweep/samples.tsv");
const EXCUSED: &str = include_str!("../sweep/excused.tsv");
/// Calls of one operator or function at most.
const CALLS: usize = 12;
/// Refused calls at most, of a hundred: of functions PostgreSQL has for its own use there are many.
const REFUSED_PERCENT: usize = 25;

/// The queries a kind of object is called in, by the object they call.
type Calls = BTreeMap<String, Vec<String>>;

/// One trial for each kind of object.
pub(crate) fn trials() -> Vec<Trial> {
    ["operators", "casts", "functions"]
        .map(|kind| Trial::test(format!("sweep/{kind}"), move || run(kind)))
        .into()
}

fn run(kind: &str) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let server = InProcess::start();
    runtime.block_on(async {
        let (ours, theirs) = sessions(&server, &format!("sweep_{kind}")).await?;
        // What PostgreSQL answers in time, a busy machine may take longer for.
        for (client, timeout) in [(&ours, "60s"), (&theirs, "5s")] {
            let zone = "SET TimeZone = 'America/New_York'";
            let settings = format!("{zone}; SET statement_timeout = '{timeout}'");
            client.batch_execute(&settings).await?;
        }
        let calls = match kind {
            "operators" => operators(&theirs).await?,
            "casts" => casts(),
            _ => functions(&theirs).await?,
        };
        compare(kind, &calls, &ours, &theirs).await
    })
}

async fn compare(kind: &str, calls: &Calls, ours: &Client, theirs: &Client) -> Result<(), Failed> {
    let excused: BTreeSet<&str> = lines(EXCUSED)
        .filter(|(of, _)| *of == kind)
        .filter_map(|(_, rest)| rest.split('\t').next())
        .collect();
    let mut wrong = BTreeSet::new();
    let (mut all, mut refused, mut different) = (0, 0, 0);
    for (object, queries) in calls {
        for query in queries {
            let expected = ask(theirs, query).await;
            // What PostgreSQL refuses to call says nothing, nor what it has no end with.
            let silent = |state: &String| is_refusal(state) || state == "57014";
            if expected.as_ref().is_err_and(silent) {
                continue;
            }
            let actual = ask(ours, query).await;
            all += 1;
            if actual.as_ref().is_err_and(|state| is_refusal(state)) {
                refused += 1;
            } else if !agree(&expected, &actual) {
                wrong.insert(object.as_str());
                if !excused.contains(object.as_str()) {
                    different += 1;
                    eprintln!(
                        "{object}: {query}\n  PostgreSQL: {expected:?}\n  commons:    {actual:?}"
                    );
                }
            }
        }
    }
    eprintln!("sweep/{kind}: {all} calls, {refused} refused, {different} different");
    let needless: Vec<_> = excused.difference(&wrong).collect();
    if !needless.is_empty() {
        return Err(format!("excused without need: {needless:?}").into());
    }
    if different > 0 {
        return Err(format!("{different} of {all} calls differ").into());
    }
    if refused * 100 > all * REFUSED_PERCENT {
        return Err(format!("{refused} of {all} calls were refused").into());
    }
    Ok(())
}

/// There is no such function, operator, cast or type here, or not for this; or it is too much.
fn is_refusal(state: &str) -> bool {
    ["42883", "0A000", "42725", "42804"].contains(&state) || state.starts_with("54")
}

fn agree(expected: &Answer, actual: &Answer) -> bool {
    match (expected, actual) {
        (Err(a), Err(b)) => a.get(..2) == b.get(..2),
        (Ok(a), Ok(b)) => a.agree(b),
        _ => false,
    }
}

/// The lines of a file of tab-separated values, each by its first field and the rest.
fn lines(text: &'static str) -> impl Iterator<Item = (&'static str, &'static str)> {
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| line.split_once('\t'))
}

/// Values of a type.
fn samples(ty: &str) -> Vec<&'static str> {
    lines(SAMPLES)
        .filter(|(name, _)| *name == ty)
        .map(|(_, value)| value)
        .collect()
}

/// So many combinations of values of the types, from all over.
fn combinations(types: &[&str]) -> Vec<Vec<&'static str>> {
    let mut all: Vec<Vec<&'static str>> = vec![Vec::new()];
    for ty in types {
        let values = samples(ty);
        all = all
            .iter()
            .flat_map(|so_far| {
                values.iter().map(|value| {
                    let mut longer = so_far.clone();
                    longer.push(*value);
                    longer
                })
            })
            .collect();
    }
    let step = (all.len() / CALLS).max(1);
    all.into_iter().step_by(step).take(CALLS).collect()
}

/// The rows of a query of the catalog.
async fn rows(client: &Client, query: &str) -> Result<Vec<Vec<String>>, tokio_postgres::Error> {
    let messages = client.simple_query(query).await?;
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => Some(
            (0..row.len())
                .map(|index| row.get(index).unwrap_or_default().to_owned())
                .collect(),
        ),
        _ => None,
    };
    Ok(messages.into_iter().filter_map(row).collect())
}

async fn operators(theirs: &Client) -> Result<Calls, tokio_postgres::Error> {
    let known = rows(
        theirs,
        "SELECT o.oprname, l.typname, r.typname FROM pg_operator o
         LEFT JOIN pg_type l ON l.oid = o.oprleft JOIN pg_type r ON r.oid = o.oprright
         WHERE o.oprnamespace = 'pg_catalog'::regnamespace ORDER BY 1, 2, 3",
    )
    .await?;
    let mut calls = Calls::new();
    for operator in &known {
        let [sign, left, right] = operator.as_slice() else {
            continue;
        };
        let types: Vec<&str> = [left.as_str(), right]
            .into_iter()
            .filter(|ty| !ty.is_empty())
            .collect();
        let mut queries: Vec<String> = combinations(&types)
            .into_iter()
            .map(|values| match values.as_slice() {
                [left, right] => format!("SELECT {left} {sign} {right}"),
                values => format!("SELECT {sign} {}", values.join(" ")),
            })
            .collect();
        if !left.is_empty() && !right.starts_with("any") && right != "record" {
            let nulls = samples(left).into_iter().take(2);
            queries.extend(nulls.map(|left| format!("SELECT {left} {sign} NULL::\"{right}\"")));
        }
        calls.insert(format!("{left} {sign} {right}"), queries);
    }
    Ok(calls)
}

fn casts() -> Calls {
    let types: BTreeSet<&str> = lines(SAMPLES)
        .map(|(ty, _)| ty)
        .filter(|ty| !ty.starts_with("any") && *ty != "record")
        .collect();
    let mut calls = Calls::new();
    for from in &types {
        for to in &types {
            let values = samples(from).into_iter().take(3);
            calls.insert(
                format!("{from} {to}"),
                values
                    .map(|value| format!("SELECT ({value})::\"{to}\" AS value"))
                    .collect(),
            );
        }
    }
    calls
}

async fn functions(theirs: &Client) -> Result<Calls, tokio_postgres::Error> {
    // Not those that change or wait for something.
    let known = rows(
        theirs,
        "SELECT p.proname, p.prokind, p.proretset,
         array_to_string(ARRAY(SELECT t.typname FROM unnest(p.proargtypes) WITH ORDINALITY a(oid, n)
          JOIN pg_type t ON t.oid = a.oid ORDER BY n), ' ')
         FROM pg_proc p WHERE p.pronamespace = 'pg_catalog'::regnamespace
         AND p.prorettype NOT IN (SELECT oid FROM pg_type WHERE typname IN
          ('internal', 'cstring', 'trigger', 'event_trigger', 'index_am_handler'))
         AND p.proname !~ ('^(pg_(sleep|terminate|cancel|reload|rotate|promote|advisory|'
          || 'replication|logical|create|drop|wal|ls_|switch|backup|read|'
          || 'log_|notify|import|export|stat_)|binary_upgrade|lo_|setseed)')
         ORDER BY 1, 4",
    )
    .await?;
    let mut calls = Calls::new();
    for function in &known {
        let [name, kind, is_set, types] = function.as_slice() else {
            continue;
        };
        let types: Vec<&str> = types.split_whitespace().collect();
        let queries = combinations(&types).into_iter().map(|values| {
            let values = values.join(", ");
            match (kind.as_str(), is_set.as_str()) {
                ("w", _) => format!(
                    "SELECT \"{name}\"({values}) OVER (ORDER BY x) FROM (VALUES (1), (2), (3)) v(x)"
                ),
                ("a", _) if values.is_empty() => {
                    format!("SELECT \"{name}\"(*) FROM (VALUES (1), (2)) v(x)")
                }
                ("a", _) => format!("SELECT \"{name}\"({values}) FROM (VALUES (1), (2)) v(x)"),
                (_, "t") => format!("SELECT * FROM \"{name}\"({values})"),
                _ => format!("SELECT \"{name}\"({values})"),
            }
        });
        calls.insert(format!("{name}({})", types.join(", ")), queries.collect());
    }
    Ok(calls)
}
