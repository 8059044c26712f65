//! Runs `tests/story/**/*.story`: several people, one server, what each of them sees.
//!
//! ```text
//! ann> SELECT 1          a statement as role ann (made at first mention, password = name)
//! bob! notices 2         waits for that many notifications and prints them
//! server! kill           kill -9; `server! start` starts it again on the same directory
//! ----
//! …                      what the steps since the last block printed
//! ```
//! With `UPDATE_STORIES=1` the expected blocks are rewritten in place; read the diff.

use std::collections::HashMap;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::SimpleQueryMessage;

use super::server::{Client, PASSWORD, Program};

/// How long a notification may take before the story says there is none.
const NOTICE_WAIT: Duration = Duration::from_secs(5);
/// How long a story waits to be sure that nothing comes.
const SILENCE: Duration = Duration::from_millis(300);

/// One trial per file.
pub(crate) fn trials() -> Vec<Trial> {
    files(
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/story")),
        "story",
    )
    .into_iter()
    .map(|path| {
        let name = format!(
            "story/{}",
            path.file_stem().unwrap_or_default().to_string_lossy()
        );
        Trial::test(name, move || run(&path))
    })
    .collect()
}

/// Every file under `folder` with this extension, sorted.
pub(crate) fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("readable folder") {
            let path = entry.expect("entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|found| found == extension) {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn run(path: &Path) -> Result<(), Failed> {
    let text = std::fs::read_to_string(path)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()?;
    let played = runtime.block_on(play(&text))?;
    if std::env::var_os("UPDATE_STORIES").is_some() {
        std::fs::write(path, &played)?;
    } else if played != text {
        return Err(format!("the story went otherwise:\n{}", difference(&text, &played)).into());
    }
    Ok(())
}

/// Plays the steps; gives the file's text with what was really printed.
async fn play(text: &str) -> Result<String, Failed> {
    let mut stage = Stage {
        program: Program::start(),
        clients: HashMap::new(),
    };
    let (mut out, mut printed) = (String::new(), String::new());
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        writeln!(out, "{line}")?;
        if line == "----" {
            while lines.peek().is_some_and(|next| !next.is_empty()) {
                lines.next();
            }
            out.push_str(&std::mem::take(&mut printed));
        } else if line.starts_with('#') || line.is_empty() {
        } else if let Some((who, sql)) = line.split_once("> ") {
            stage.statement(who.trim(), sql, &mut printed).await?;
        } else if let Some((who, order)) = line.split_once("! ") {
            stage.order(who.trim(), order, &mut printed).await?;
        } else {
            return Err(format!("not a step: {line}").into());
        }
    }
    Ok(out)
}

struct Stage {
    program: Program,
    clients: HashMap<String, Client>,
}

impl Stage {
    async fn client(&mut self, who: &str) -> Result<&mut Client, Failed> {
        if !self.clients.contains_key(who) {
            let address = self.program.address();
            let password = if who == "commons" { PASSWORD } else { who };
            let client = match Client::connect(address, who, password).await {
                Ok(client) => client,
                Err(error) if error.as_db_error().is_some() => {
                    let admin = Client::connect(address, "commons", PASSWORD).await?;
                    admin
                        .client
                        .batch_execute(&format!("CREATE ROLE \"{who}\" LOGIN PASSWORD '{who}'"))
                        .await?;
                    Client::connect(address, who, password).await?
                }
                Err(error) => return Err(error.into()),
            };
            self.clients.insert(who.to_owned(), client);
        }
        Ok(self.clients.get_mut(who).expect("just inserted"))
    }

    async fn statement(&mut self, who: &str, sql: &str, out: &mut String) -> Result<(), Failed> {
        let client = self.client(who).await?;
        match client.client.simple_query(sql).await {
            Ok(messages) => {
                for message in messages {
                    match message {
                        SimpleQueryMessage::RowDescription(columns) => {
                            let names: Vec<_> =
                                columns.iter().map(|column| column.name()).collect();
                            writeln!(out, "{who}: {}", names.join(" | "))?;
                        }
                        SimpleQueryMessage::Row(row) => {
                            let values: Vec<_> = (0..row.len())
                                .map(|i| row.get(i).unwrap_or("NULL"))
                                .collect();
                            writeln!(out, "{who}: {}", values.join(" | "))?;
                        }
                        _ => {}
                    }
                }
            }
            Err(error) => match error.as_db_error() {
                Some(error) => {
                    writeln!(
                        out,
                        "{who}: {} {}: {}",
                        error.severity(),
                        error.code().code(),
                        error.message()
                    )?;
                    for (label, text) in [("DETAIL", error.detail()), ("HINT", error.hint())] {
                        if let Some(text) = text {
                            writeln!(out, "{who}: {label}: {text}")?;
                        }
                    }
                }
                None => writeln!(out, "{who}: connection lost")?,
            },
        }
        Ok(())
    }

    async fn order(&mut self, who: &str, order: &str, out: &mut String) -> Result<(), Failed> {
        match (who, order.split_whitespace().collect::<Vec<_>>().as_slice()) {
            ("server", ["kill"]) => {
                self.program.kill();
                self.clients.clear();
            }
            ("server", ["start"]) => self.program.restart(),
            (_, ["notices", count]) => {
                let wanted: usize = count.parse()?;
                let client = self.client(who).await?;
                for _ in 0..wanted {
                    match client.notification(NOTICE_WAIT).await {
                        Some(n) => {
                            writeln!(out, "{who}: [{}] {}", n.channel(), timeless(n.payload()))?
                        }
                        None => writeln!(out, "{who}: no notice came")?,
                    }
                }
                while let Some(n) = client.notification(SILENCE).await {
                    writeln!(
                        out,
                        "{who}: one more: [{}] {}",
                        n.channel(),
                        timeless(n.payload())
                    )?;
                }
            }
            (_, ["disconnect"]) => {
                self.clients.remove(who);
            }
            _ => return Err(format!("not an order: {who}! {order}").into()),
        }
        Ok(())
    }
}

/// A payload without what differs from run to run.
fn timeless(payload: &str) -> String {
    match payload.split_once("\"at\":\"") {
        Some((before, rest)) => match rest.split_once('"') {
            Some((_, after)) => format!("{before}\"at\":\"…\"{after}"),
            None => payload.to_owned(),
        },
        None => payload.to_owned(),
    }
}

/// The lines that differ, with what was expected first.
pub(crate) fn difference(expected: &str, found: &str) -> String {
    let (expected, found): (Vec<_>, Vec<_>) = (expected.lines().collect(), found.lines().collect());
    let mut text = String::new();
    for (at, (left, right)) in expected
        .iter()
        .map(Some)
        .chain(std::iter::repeat(None))
        .zip(found.iter().map(Some).chain(std::iter::repeat(None)))
        .take(expected.len().max(found.len()))
        .enumerate()
    {
        if left != right {
            let _ = writeln!(
                text,
                "line {}:\n  expected {left:?}\n  found    {right:?}",
                at + 1
            );
        }
    }
    text
}
