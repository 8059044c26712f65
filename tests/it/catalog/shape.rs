//! Every relation PostgreSQL 15 has in `pg_catalog` and `information_schema` is there, column for
//! column, and can be read by those PostgreSQL lets read it.

use libtest_mimic::{Failed, Trial};
use tokio_postgres::SimpleQueryMessage;

use super::{Pair, block_on, connect};

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("catalog/shape", shape),
        Trial::test("catalog/every_relation_is_read", read),
    ]
}

/// Columns of system relations, a domain shown as what it is of.
const COLUMNS: &str = "\
    SELECT n.nspname || '.' || c.relname || ' ' || c.relkind::text || ' ' || a.attnum
           || ' ' || a.attname || ' ' || coalesce(b.typname, t.typname) || CASE WHEN a.attnotnull THEN '!' ELSE '' END
    FROM pg_catalog.pg_class c
    JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
    JOIN pg_catalog.pg_attribute a ON a.attrelid = c.oid
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type b ON t.typtype = 'd' AND b.oid = t.typbasetype
    WHERE n.nspname IN ('pg_catalog', 'information_schema')
      AND c.relkind IN ('r', 'v') AND a.attnum > 0
    ORDER BY 1";

fn shape() -> Result<(), Failed> {
    let pair = Pair::start("shape")?;
    block_on(async {
        let sessions = pair.sessions().await?;
        let mut lists = Vec::new();
        for client in [&sessions.commons, &sessions.postgres] {
            let rows = client.query(COLUMNS, &[]).await?;
            let lines: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
            lists.push(lines);
        }
        let (ours, theirs) = (&lists[0], &lists[1]);
        let missing: Vec<_> = theirs.iter().filter(|line| !ours.contains(line)).collect();
        let others: Vec<_> = ours.iter().filter(|line| !theirs.contains(line)).collect();
        if missing.is_empty() && others.is_empty() && theirs.len() > 1500 {
            return Ok(());
        }
        Err(format!("missing: {missing:#?}\nother: {others:#?}").into())
    })
}

fn read() -> Result<(), Failed> {
    let pair = Pair::start("read")?;
    block_on(async {
        let sessions = pair.sessions().await?;
        let names = "SELECT n.nspname || '.' || c.relname FROM pg_catalog.pg_class c \
             JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
             WHERE n.nspname IN ('pg_catalog', 'information_schema') AND c.relkind IN ('r', 'v')";
        let names: Vec<String> = sessions
            .postgres
            .query(names, &[])
            .await?
            .iter()
            .map(|row| row.get(0))
            .collect();
        let ann = connect(&pair.commons_as("catalog_ann", "ann")).await?;
        let theirs = connect(&pair.postgres_as("catalog_ann")).await?;
        let mut wrong = Vec::new();
        for name in names {
            let query = format!("SELECT * FROM {name}");
            // PostgreSQL lets everybody read the columns of this one but one.
            if name == "pg_catalog.pg_subscription" {
                continue;
            }
            if let Err(error) = sessions.commons.simple_query(&query).await {
                wrong.push(format!("{name}: {error:?}"));
            }
            let [ours, theirs] = [
                ann.simple_query(&query).await,
                theirs.simple_query(&query).await,
            ];
            let [ours, theirs] = [ours, theirs].map(|answer| state(answer.map(|_| ())));
            if ours != theirs {
                wrong.push(format!(
                    "{name} as a plain role: {ours}, PostgreSQL: {theirs}"
                ));
            }
        }
        match wrong.as_slice() {
            [] => Ok(()),
            wrong => Err(wrong.join("\n").into()),
        }
    })
}

fn state(answer: Result<(), tokio_postgres::Error>) -> String {
    match answer {
        Ok(()) => "rows".to_owned(),
        Err(error) => error
            .code()
            .map_or_else(|| error.to_string(), |code| code.code().to_owned()),
    }
}

/// The rows of an answer, as text.
pub(super) fn rows(messages: Vec<SimpleQueryMessage>) -> Vec<Vec<Option<String>>> {
    let row = |message| match message {
        SimpleQueryMessage::Row(row) => {
            let values = (0..row.len()).map(|at| row.get(at).map(str::to_owned));
            Some(values.collect())
        }
        _ => None,
    };
    messages.into_iter().filter_map(row).collect()
}
