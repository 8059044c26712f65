//! Replays what clients send: `tests/catalog/statements` holds statements that psql, pg_dump,
//! SQLAlchemy, asyncpg and psycopg were seen to send, `;;` after each, `{schema.name}` for an OID.
//!
//! Columns, types of columns and parameters, and rows that are about the schema's objects must be
//! PostgreSQL's. OIDs of objects are shown as what they are of, and what no two servers agree on
//! (sizes, counts, transaction numbers) is left out.

use std::collections::{BTreeSet, HashMap};
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use regex::Regex;
use tokio_postgres::Client;

use super::shape::rows;
use super::{Pair, block_on, folder, told};
use crate::story;

pub(super) fn trials() -> Vec<Trial> {
    story::files(&folder().join("statements"), "sql")
        .into_iter()
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Trial::test(format!("catalog/replay/{name}"), move || {
                replay(&path, &name)
            })
        })
        .collect()
}

/// Columns no two servers agree on.
const VARYING: &[&str] = &[
    "relpages",
    "reltuples",
    "relfilenode",
    "relfrozenxid",
    "relminmxid",
    "tfrozenxid",
    "tminmxid",
    // commons has no TOAST tables.
    "toid",
    "toastpages",
    "toast_reloptions",
    // Says what server it is.
    "version",
];

/// Rows about objects of the system are PostgreSQL's too, but not in these statements.
const SYSTEM_DIFFERS: &[(&str, &str)] = &[
    (
        "FROM pg_class c",
        "no indexes, TOAST tables and triggers of system tables",
    ),
    (
        "FROM pg_catalog.pg_settings s",
        "settings are the server's own",
    ),
    ("FROM pg_catalog.pg_database d", "one database"),
    (
        "initprivs FROM pg_init_privs",
        "relations of information_schema have OIDs of their own",
    ),
    (
        "FROM pg_rewrite ORDER BY oid",
        "rules have OIDs of their own",
    ),
    (
        "FROM pg_depend WHERE deptype",
        "built-in objects are not listed",
    ),
    (
        "pg_catalog.pg_description ORDER BY",
        "comments of built-in objects are not listed",
    ),
    ("pg_get_viewdef", "a view's text is its author's"),
];

/// What an OID is of, for objects both servers have.
const IDENTITIES: &str = "\
    SELECT oid::text, 'relation ' || oid::regclass::text FROM pg_class
              WHERE oid >= 16384
    UNION ALL SELECT oid::text, 'type ' || oid::regtype::text FROM pg_type WHERE oid >= 16384
    UNION ALL SELECT oid::text, 'constraint ' || conname FROM pg_constraint WHERE oid >= 16384
    UNION ALL SELECT oid::text, 'schema ' || nspname FROM pg_namespace WHERE oid >= 16384
    UNION ALL SELECT oid::text, CASE rolname WHEN 'commons' THEN '' ELSE 'role ' || rolname END
              FROM pg_roles WHERE oid >= 16384
              AND (rolname = 'commons' OR rolname LIKE 'catalog%')
    UNION ALL SELECT oid::text, 'default ' || adrelid::regclass::text || '.' || adnum::text
              FROM pg_attrdef WHERE oid >= 16384 AND adrelid >= 16384
    UNION ALL SELECT oid::text, 'rule ' || ev_class::regclass::text
              FROM pg_rewrite WHERE oid >= 16384 AND ev_class >= 16384";

/// One server as the replay sees it.
struct Side {
    name: &'static str,
    client: Client,
    identities: HashMap<String, String>,
    database: String,
}

impl Side {
    async fn new(name: &'static str, client: Client) -> Result<Self, Failed> {
        let identities = client
            .query(IDENTITIES, &[])
            .await
            .map_err(|error| told(name, &error))?;
        let database = client
            .query_one("SELECT current_database()::text", &[])
            .await?;
        Ok(Self {
            name,
            identities: identities
                .iter()
                .map(|row| (row.get(0), row.get(1)))
                .collect(),
            database: database.get(0),
            client,
        })
    }

    /// The statement with OIDs in place of names.
    async fn statement(&self, text: &str, names: &Regex) -> Result<String, Failed> {
        let mut statement = text.to_owned();
        for found in names.captures_iter(text) {
            let query = format!("SELECT '{}'::regclass::oid::text", &found[1]);
            let oid: String = self.client.query_one(&query, &[]).await?.get(0);
            statement = statement.replace(&found[0], &oid);
        }
        Ok(statement)
    }

    /// Columns and parameters with their types, and rows if there are no parameters.
    async fn answer(&self, statement: &str) -> Result<(Vec<String>, Vec<Vec<String>>), String> {
        let code = |error: tokio_postgres::Error| match error.as_db_error() {
            Some(error) => format!("{} {}", error.code().code(), error.message()),
            None => error.to_string(),
        };
        let prepared = self.client.prepare(statement).await.map_err(code)?;
        let columns = prepared.columns().iter();
        let mut head: Vec<String> = columns
            .map(|column| format!("{} {}", column.name(), column.type_()))
            .collect();
        head.extend(prepared.params().iter().map(|ty| format!("$ {ty}")));
        if !prepared.params().is_empty() {
            return Ok((head, Vec::new()));
        }
        let messages = self.client.simple_query(statement).await.map_err(code)?;
        let names: Vec<&str> = prepared
            .columns()
            .iter()
            .map(|column| column.name())
            .collect();
        let shown = rows(messages).into_iter().map(|row| {
            let values = names.iter().zip(row);
            values
                .map(|(name, value)| self.shown(name, value))
                .collect()
        });
        Ok((head, shown.collect()))
    }

    fn shown(&self, column: &str, value: Option<String>) -> String {
        if VARYING.contains(&column) {
            return "*".to_owned();
        }
        let Some(value) = value else {
            return "NULL".to_owned();
        };
        let value = value
            .replace(&self.database, "commons")
            .replace("postgres", "commons");
        let mut shown = String::new();
        let mut rest = value.as_str();
        while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
            let (head, tail) = rest.split_at(start);
            let end = tail
                .find(|c: char| !c.is_ascii_digit())
                .unwrap_or(tail.len());
            shown.push_str(head);
            match self.identities.get(&tail[..end]) {
                // The superuser has another OID where it did not make the server.
                Some(identity) if identity.is_empty() => shown.push_str("10"),
                Some(identity) => shown.push_str(&format!("«{identity}»")),
                None => shown.push_str(&tail[..end]),
            }
            rest = &tail[end..];
        }
        shown + rest
    }
}

/// Whether a row is about an object of the schema.
fn is_ours(row: &[String]) -> bool {
    let words = [
        "«",
        "catalog_ann",
        "catalog_team",
        "team",
        "sums",
        "counter",
    ];
    row.iter()
        .any(|value| words.iter().any(|word| value.contains(word)))
}

/// Whether a row is about what only one of the servers has: TOAST tables, the schema `commons`,
/// files.
fn is_foreign(row: &[String]) -> bool {
    let only = [
        "pg_toast",
        "RI_ConstraintTrigger",
        "what the team shares",
        "information_schema",
    ];
    row.iter()
        .any(|value| only.iter().any(|word| value.contains(word)))
        || row == ["commons"]
        || row.iter().any(|value| {
            // Also triggers of foreign keys, and the version of an extension.
            matches!(
                value.as_str(),
                "13000" | "13001" | "2620" | env!("CARGO_PKG_VERSION")
            ) || value
                .parse()
                .is_ok_and(|oid: u32| (14000..14200).contains(&oid))
        })
}

/// The rows about the schema's objects, or all others.
fn chosen(rows: &[Vec<String>], ours: bool) -> BTreeSet<Vec<String>> {
    let chosen = rows
        .iter()
        .filter(|row| is_ours(row) == ours && !is_foreign(row));
    chosen.cloned().collect()
}

/// A few rows of `a` that `b` has not.
fn missing(a: &BTreeSet<Vec<String>>, b: &BTreeSet<Vec<String>>) -> Vec<Vec<String>> {
    a.difference(b).take(8).cloned().collect()
}

fn replay(path: &Path, name: &str) -> Result<(), Failed> {
    let pair = Pair::start(&format!("replay_{name}"))?;
    let statements = std::fs::read_to_string(path)?;
    let names = Regex::new(r"\{([a-z_]+\.[a-z_]+)\}")?;
    block_on(async {
        let sessions = pair.sessions().await?;
        let ours = Side::new("commons", sessions.commons).await?;
        let theirs = Side::new("PostgreSQL", sessions.postgres).await?;
        let mut wrong = Vec::new();
        let statements = statements.split("\n;;\n").map(str::trim);
        for statement in statements.filter(|statement| !statement.is_empty()) {
            let (mut answers, mut failed) = (Vec::new(), Vec::new());
            for side in [&ours, &theirs] {
                let text = side.statement(statement, &names).await?;
                match side.answer(&text).await {
                    Ok(answer) => answers.push(answer),
                    Err(error) => failed.push(format!("{}: {error}", side.name)),
                }
            }
            let Ok([(head, rows), (their_head, their_rows)]) = <[_; 2]>::try_from(answers) else {
                wrong.push(format!("{failed:?}\n{statement}"));
                continue;
            };
            if head != their_head {
                wrong.push(format!("columns {head:?}\nnot {their_head:?}\n{statement}"));
                continue;
            }
            let (mine, other) = (chosen(&rows, true), chosen(&their_rows, true));
            let (lacks, adds) = (missing(&other, &mine), missing(&mine, &other));
            let differs = SYSTEM_DIFFERS
                .iter()
                .any(|(part, _)| statement.contains(part));
            let more = match differs {
                true => Vec::new(),
                false => missing(&chosen(&rows, false), &chosen(&their_rows, false)),
            };
            let texts = statement.contains("pg_get_viewdef");
            let differs = !lacks.is_empty() || !adds.is_empty();
            if (differs && !texts) || !more.is_empty() {
                wrong.push(format!(
                    "{statement}\n  lacks {lacks:#?}\n  adds {adds:#?}\n  system {more:#?}"
                ));
            }
        }
        match wrong.as_slice() {
            [] => Ok(()),
            wrong => Err(wrong.join("\n\n").into()),
        }
    })
}
