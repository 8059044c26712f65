//! psql's describing commands, run by the real psql on both servers.

use std::io::Write;
use std::process::{Command, Stdio};

use libtest_mimic::{Failed, Trial};

use super::{Pair, postgres};
use crate::server::PASSWORD;

pub(super) fn trials() -> Vec<Trial> {
    vec![
        Trial::test("catalog/psql_describes_as_on_postgresql", same),
        Trial::test("catalog/psql_describes_everything", all),
    ]
}

/// What must be word for word what it is on PostgreSQL.
const SAME: &[&str] = &[
    "\\d",
    "\\d t",
    "\\d u",
    "\\d team.event",
    "\\d team.line",
    "\\d team.kept",
    "\\d counter",
    "\\d team.line_n_idx",
    "\\d team.line_pkey",
    "\\d team.event_key_idx",
    "\\d team.line_lower_idx",
    "\\d t_pkey",
    "\\d team.result",
    "\\d sums",
    "\\d team.event_id_seq",
    "\\dt",
    "\\dt team.*",
    "\\dv",
    "\\dv team.*",
    "\\dm team.*",
    "\\ds",
    "\\ds team.*",
    "\\di",
    "\\di team.*",
    "\\dn",
    "\\dp",
    "\\dp team.*",
    "\\z t",
    "\\ddp",
    "\\dD",
    "\\dT",
    "\\df",
    "\\dO",
    "\\do",
    "\\dRp",
    "\\dRs",
    "\\dy",
    "\\dP",
    "\\dX",
    "\\dd t_amount_check",
    "\\det",
    "\\deu",
    "\\dc",
    "\\dt *.line",
    "\\d *.kept",
    "\\dg catalog_*",
    "\\du catalog_*",
    "\\drds",
    "\\dl",
];

/// What must be told without an error.
const TOLD: &[&str] = &[
    "\\d+",
    "\\d+ t",
    "\\d+ u",
    "\\d+ team.event",
    "\\d+ team.line",
    "\\d+ team.kept",
    "\\d+ team.result",
    "\\d+ counter",
    "\\d+ team.line_n_idx",
    "\\dS",
    "\\dS+ pg_class",
    "\\dt+",
    "\\dtS",
    "\\dv+",
    "\\dvS",
    "\\dm+",
    "\\ds+",
    "\\di+",
    "\\diS",
    "\\df+",
    "\\dfS",
    "\\dfS+ abs",
    "\\dT+",
    "\\dTS",
    "\\dTS+ int4",
    "\\dD+",
    "\\dDS",
    "\\dn+",
    "\\dnS",
    "\\du",
    "\\du+",
    "\\dg+",
    "\\dp pg_class",
    "\\dC",
    "\\dC+",
    "\\doS",
    "\\doS+ +",
    "\\dO+",
    "\\dOS",
    "\\dRp+",
    "\\dx",
    "\\dx+",
    "\\l",
    "\\l+",
    "\\sv team.result",
    "\\sv+ sums",
    "\\sf abs(int)",
    "\\dconfig",
    "\\dconfig+ work_mem",
    "\\db",
    "\\db+",
    "\\dc+",
    "\\dcS",
    "\\dL",
    "\\dL+",
    "\\dLS",
    "\\dF",
    "\\dF+",
    "\\dFd",
    "\\dFp",
    "\\dFt",
    "\\des",
    "\\dew",
    "\\des+",
    "\\det+",
    "\\dew+",
    "\\deu+",
    "\\dy+",
    "\\dP+",
    "\\dX+",
    "\\dA",
    "\\dA+",
    "\\dAc",
    "\\dAc+",
    "\\dAf",
    "\\dAf+",
    "\\dAo",
    "\\dAo+",
    "\\dAp",
    "\\dAp+",
    "\\dE",
    "\\da",
    "\\daS",
    "\\dd",
    "\\ddp+",
    "\\dRs+",
    "\\dt *.*",
    "\\conninfo",
    "\\encoding",
    "\\dconfig *",
    "\\dS *.*",
];

/// What psql prints for each command: (command, text, errors).
fn described(
    port: u16,
    database: &str,
    commands: &[&str],
) -> Result<Vec<(String, String)>, Failed> {
    let mut child = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            "commons",
            "-d",
            database,
            "-p",
        ])
        .arg(port.to_string())
        .env("PGPASSWORD", PASSWORD)
        .env("PGCLIENTENCODING", "UTF8")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    let mut input = String::from("\\pset pager off\n");
    for command in commands {
        // Errors go where the answers go, so that they stand under their command.
        input.push_str(&format!(
            "\\echo ==== {}\n{command}\n",
            command.replace('\\', "")
        ));
    }
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    let errors = String::from_utf8_lossy(&output.stderr);
    // psql says this of what there is nothing of.
    let is_error = |line: &&str| !line.starts_with("Did not find any");
    if let Some(error) = errors.lines().find(is_error) {
        return Err(format!("psql said: {error}\nof: {errors}").into());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text
        .split("==== ")
        .skip(1)
        .filter_map(|part| part.split_once('\n'))
        .map(|(command, text)| (command.to_owned(), text.to_owned()))
        .collect())
}

fn same() -> Result<(), Failed> {
    let pair = Pair::start("psql_same")?;
    let ours = described(pair.commons.address().port(), "commons", SAME)?;
    let theirs = described(postgres::shared().port, &pair.database, SAME)?;
    // Without the schema only commons has: it makes a list longer and its column wider.
    let shared = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with(" commons |"));
        lines
            .filter(|line| !(line.starts_with('(') && line.ends_with("rows)")))
            .filter(|line| !line.trim_matches(['-', '+']).is_empty())
            .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
            .collect::<Vec<_>>()
            .join("\n")
    };
    let mut wrong = Vec::new();
    for ((command, ours), (_, theirs)) in ours.iter().zip(&theirs) {
        if shared(ours) != shared(theirs) {
            wrong.push(format!("\\{command}\n{ours}\nPostgreSQL:\n{theirs}"));
        }
    }
    match wrong.as_slice() {
        [] if ours.len() == SAME.len() => Ok(()),
        wrong => Err(wrong.join("\n").into()),
    }
}

fn all() -> Result<(), Failed> {
    let pair = Pair::start("psql_all")?;
    let told = described(pair.commons.address().port(), "commons", TOLD)?;
    match told.len() == TOLD.len() {
        true => Ok(()),
        false => Err(format!("psql answered {} of {}", told.len(), TOLD.len()).into()),
    }
}
