//! `sql/compatibility.md` is made from the tests: which statements and functions are held to
//! PostgreSQL 15, and what is refused by name. The trial fails when the file is behind the tests;
//! `COMMONS_WRITE=1` writes it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;
use std::path::Path;

use libtest_mimic::{Failed, Trial};
use sqllogictest::{ExpectedError, QueryExpect, Record, StatementExpect};

use super::{made, story};

/// The one trial.
pub(crate) fn trials() -> Vec<Trial> {
    vec![Trial::test("compatibility/table", || {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let made = Table::read(root)?.markdown();
        made::up_to_date("sql/compatibility.md", &made, "compatibility")
    })]
}

/// What the tests say.
#[derive(Default)]
struct Table {
    /// Statements PostgreSQL answers and we answer the same, and errors that are the same, by kind.
    kinds: BTreeMap<String, (usize, usize)>,
    /// Functions called in statements that are answered.
    functions: BTreeSet<String>,
    /// What is refused though PostgreSQL does it.
    refused: Vec<String>,
}

impl Table {
    fn read(root: &Path) -> Result<Self, Failed> {
        let known: BTreeSet<String> = fs::read_to_string(root.join("sql/pg_catalog/pg_proc.tsv"))?
            .lines()
            .filter_map(|line| line.split('\t').nth(1))
            .map(str::to_owned)
            .collect();
        let mut table = Self::default();
        let folder = root.join("tests/sql");
        for path in story::files(&folder, "slt") {
            let compared = path.starts_with(folder.join("pg"));
            for record in sqllogictest::parse_file::<sqllogictest::DefaultColumnType>(&path)? {
                let (sql, error) = match &record {
                    Record::Statement { sql, expected, .. } => match expected {
                        StatementExpect::Error(error) => (sql, Some(error)),
                        _ => (sql, None),
                    },
                    Record::Query { sql, expected, .. } => match expected {
                        QueryExpect::Error(error) => (sql, Some(error)),
                        QueryExpect::Results { .. } => (sql, None),
                    },
                    _ => continue,
                };
                match error {
                    None if compared => {
                        table.kinds.entry(kind(sql)).or_default().0 += 1;
                        table
                            .functions
                            .extend(calls(sql).filter(|name| known.contains(name)));
                    }
                    Some(_) if compared => table.kinds.entry(kind(sql)).or_default().1 += 1,
                    Some(ExpectedError::SqlState(state)) if state == "0A000" => {
                        let words: Vec<_> = sql.split_whitespace().collect();
                        table.refused.push(words.join(" "));
                    }
                    _ => {}
                }
            }
        }
        table.refused.sort();
        table.refused.dedup();
        Ok(table)
    }

    fn markdown(&self) -> String {
        let (mut answers, mut errors) = (0, 0);
        for (answered, failed) in self.kinds.values() {
            answers += answered;
            errors += failed;
        }
        let mut text = format!(
            "# Which SQL\n\nMade from the tests (`COMMONS_WRITE=1 cargo test compatibility`).\n\n\
             ## Held to PostgreSQL 15\n\n\
             {answers} statements give the same answers and {errors} the same errors as PostgreSQL \
             15, as text and as binary.\n\n\
             | statement | same answer | same error |\n| --- | ---: | ---: |\n"
        );
        for (kind, (answered, failed)) in &self.kinds {
            let _ = writeln!(text, "| {kind} | {answered} | {failed} |");
        }
        let functions: Vec<_> = self
            .functions
            .iter()
            .map(|name| format!("`{name}`"))
            .collect();
        let _ = write!(
            text,
            "\n{} functions among them: {}.\n\n## Refused\n\nWith SQLSTATE 0A000 and the thing's \
             name, changing nothing:\n\n```sql\n{}\n```\n",
            functions.len(),
            functions.join(", "),
            self.refused.join(";\n")
        );
        text
    }
}

/// `SELECT`, `CREATE TABLE`: the words that say what a statement is.
fn kind(sql: &str) -> String {
    let mut words = sql
        .split(|c: char| !c.is_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty())
        .map(str::to_uppercase);
    let first = words.next().unwrap_or_else(|| "(empty)".to_owned());
    if !["CREATE", "ALTER", "DROP", "REFRESH"].contains(&first.as_str()) {
        return first;
    }
    // What stands between the verb and the kind of object.
    let passed = [
        "OR",
        "REPLACE",
        "TEMP",
        "TEMPORARY",
        "UNIQUE",
        "UNLOGGED",
        "RECURSIVE",
    ];
    let object = words.find(|word| !passed.contains(&word.as_str()));
    match object.as_deref() {
        Some(word @ ("MATERIALIZED" | "FOREIGN" | "DEFAULT")) => {
            format!("{first} {word} {}", words.next().unwrap_or_default())
        }
        Some(word) => format!("{first} {word}"),
        None => first,
    }
}

/// Every name that stands before a parenthesis, in lower case.
fn calls(sql: &str) -> impl Iterator<Item = String> {
    sql.match_indices('(').filter_map(|(end, _)| {
        let name: String = sql[..end]
            .chars()
            .rev()
            .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
            .collect();
        (!name.is_empty()).then(|| name.chars().rev().collect::<String>().to_lowercase())
    })
}
