//! `sql/errors.md` is made from the tests: where an error's fields (message, detail, hint,
//! position, names) are other than PostgreSQL 15's. The trial fails when the file is behind;
//! `COMMONS_WRITE=1` writes it.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use sqllogictest::{DefaultColumnType, QueryExpect, Record, StatementExpect};
use tokio_postgres::Client;
use tokio_postgres::error::{DbError, ErrorPosition};

use super::server::InProcess;
use super::{answers, made, story};

/// The one trial.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("errors/fields", || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = compared(&root.join("tests/sql/pg"))?;
        made::up_to_date("sql/errors.md", &made, "errors/fields")
    })]
}

/// Every file's errors on both servers.
fn compared(folder: &Path) -> Result<String, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let (mut count, mut differing) = (0, 0);
    let mut lines = String::new();
    for (number, path) in story::files(folder, "slt").into_iter().enumerate() {
        // Roles are all databases', and other trials run these files at the same time.
        if fs::read_to_string(&path)?
            .to_lowercase()
            .contains("create role")
        {
            continue;
        }
        let server = InProcess::start();
        let database = format!("errors{number}");
        let found = runtime.block_on(async {
            let (ours, theirs) = answers::sessions(&server, &database).await?;
            file(&path, &ours, &theirs).await
        })?;
        count += found.count;
        differing += found.differences.len();
        if found.differences.is_empty() {
            continue;
        }
        let name = path.strip_prefix(folder).unwrap_or(&path).display();
        let _ = writeln!(lines, "\n## {name}\n");
        for (sql, fields) in found.differences {
            let _ = writeln!(lines, "* `{sql}`");
            for field in fields {
                let _ = writeln!(lines, "  * {field}");
            }
        }
    }
    Ok(format!(
        "# Errors\n\nMade from the tests (`COMMONS_WRITE=1 cargo test errors/fields`).\n\nOf {count} errors \
         in `tests/sql/pg`, all of which have PostgreSQL 15's SQLSTATE, {} have its message, detail, hint, \
         position and names, too. The others, PostgreSQL's before commons':\n{lines}",
        count - differing,
    ))
}

#[derive(Default)]
struct Found {
    /// Errors compared.
    count: usize,
    /// Statements, each with the fields that differ.
    differences: Vec<(String, Vec<String>)>,
}

/// The errors of one file, as far as one session goes.
async fn file(path: &Path, ours: &Client, theirs: &Client) -> Result<Found, Failed> {
    let mut found = Found::default();
    for record in sqllogictest::parse_file::<DefaultColumnType>(path)? {
        let (sql, fails) = match &record {
            Record::Statement { sql, expected, .. } => {
                (sql, matches!(expected, StatementExpect::Error(_)))
            }
            Record::Query { sql, expected, .. } => (sql, matches!(expected, QueryExpect::Error(_))),
            Record::Connection(_) => break,
            _ => continue,
        };
        let (mine, real) = (ours.simple_query(sql).await, theirs.simple_query(sql).await);
        if !fails {
            continue;
        }
        let (Err(mine), Err(real)) = (mine, real) else {
            continue;
        };
        let (Some(mine), Some(real)) = (mine.as_db_error(), real.as_db_error()) else {
            return Err(format!("{sql}: {mine}; {real}").into());
        };
        found.count += 1;
        let fields: Vec<_> = fields(real)
            .into_iter()
            .zip(fields(mine))
            .filter(|((_, real), (_, mine))| real != mine)
            .map(|((name, real), (_, mine))| format!("{name}: {} — {}", shown(&real), shown(&mine)))
            .collect();
        if !fields.is_empty() {
            let words: Vec<_> = sql.split_whitespace().collect();
            found.differences.push((words.join(" "), fields));
        }
    }
    Ok(found)
}

/// What an error says, by name.
fn fields(error: &DbError) -> [(&'static str, Option<String>); 8] {
    let text = |text: Option<&str>| text.map(str::to_owned);
    let position = error.position().map(|position| match position {
        ErrorPosition::Original(at) => at.to_string(),
        ErrorPosition::Internal { position, .. } => format!("inside {position}"),
    });
    [
        ("message", text(Some(error.message()))),
        ("detail", text(error.detail())),
        ("hint", text(error.hint())),
        ("position", position),
        ("schema", text(error.schema())),
        ("table", text(error.table())),
        ("column", text(error.column())),
        ("constraint", text(error.constraint())),
    ]
}

/// A field on one line, OIDs of objects made by the tests masked.
fn shown(field: &Option<String>) -> String {
    let Some(text) = field else {
        return "none".to_owned();
    };
    let (mut line, mut digits) = (String::new(), String::new());
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        match digits.len() >= 5 {
            true => line.push('…'),
            false => line.push_str(&digits),
        }
        digits.clear();
        line.push(c);
    }
    format!("`{}`", line.trim_end().replace('\n', " / "))
}
