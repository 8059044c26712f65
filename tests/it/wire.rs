//! Message transcripts (`tests/wire/**/*.pt`): what a client sends, byte for byte, and every
//! message that comes back.
//!
//! Those in `tests/wire/pg` run against commons and against a real PostgreSQL 15, and must agree.
//! `WIRE_REWRITE=commons` or `WIRE_REWRITE=postgres` writes what that server answered into the
//! files instead of comparing.
//!
//! ```text
//! # a comment; tls.pt has a server with a certificate
//! [ann user=ann password=secret]     a connection, logged in when first used; [raw x]: a socket
//! Query "select 1"                   messages are sent together, before answers are read
//! ----
//! RowDescription ?column?:23:4:-1:0:-
//! DataRow "1"
//! CommandComplete "SELECT 1"
//! ReadyForQuery I
//!                                    an empty line ends a block
//! ```
//!
//! An expected ErrorResponse may leave fields out at its end, `DataRow *` is any number of rows
//! from one up, and `Closed` is the end of the connection.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use libtest_mimic::{Failed, Trial};

use self::client::Connection;
use super::server::{InProcess, PASSWORD};

#[path = "wire/client.rs"]
mod client;
#[path = "wire/show.rs"]
mod show;

/// Stands for one or more rows.
const ANY_ROWS: &str = "DataRow *";

/// Which server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Server {
    Commons,
    Postgres,
}

impl Server {
    fn word(self) -> &'static str {
        match self {
            Self::Commons => "commons",
            Self::Postgres => "postgres",
        }
    }

    /// Superuser, its password, database.
    fn login(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Commons => ("commons", PASSWORD, "commons"),
            Self::Postgres => ("postgres", "", "postgres"),
        }
    }
}

/// One trial per file and server.
pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/wire");
    let mut trials = Vec::new();
    for (folder, servers) in [
        (root.clone(), &[Server::Commons][..]),
        (root.join("pg"), &[Server::Commons, Server::Postgres]),
    ] {
        for file in transcripts(&folder) {
            for &server in servers {
                let name = file
                    .strip_prefix(&root)
                    .unwrap_or(&file)
                    .with_extension("")
                    .display()
                    .to_string();
                let file = file.clone();
                trials.push(Trial::test(
                    format!("wire/{name}/{}", server.word()),
                    move || run(&file, server),
                ));
            }
        }
    }
    trials
}

fn transcripts(folder: &Path) -> Vec<PathBuf> {
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("tests/wire")
        .map(|entry| entry.expect("entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "pt"))
        .collect();
    files.sort();
    files
}

/// Plays one transcript.
fn run(file: &Path, server: Server) -> Result<(), Failed> {
    let text = std::fs::read_to_string(file)?;
    // A commons of its own for each transcript; PostgreSQL takes too long to start for that.
    let encrypted = file.file_stem().is_some_and(|name| name == "tls");
    let commons = (server == Server::Commons).then(|| match encrypted {
        true => InProcess::start_tls(),
        false => InProcess::start(),
    });
    let address = match &commons {
        Some(commons) => commons.address(),
        None => ([127, 0, 0, 1], super::postgres::shared().port).into(),
    };
    let rewrite = std::env::var("WIRE_REWRITE").is_ok_and(|which| which == server.word());
    let mut play = Play {
        server,
        address,
        rewrite,
        connections: BTreeMap::new(),
        current: "main".to_owned(),
        wrong: String::new(),
        written: String::new(),
    };
    let mut lines = text.lines().enumerate().peekable();
    while let Some((number, line)) = lines.next() {
        let at = |error: String| format!("{}:{}: {error}", file.display(), number + 1);
        play.written.push_str(line);
        play.written.push('\n');
        match line.trim() {
            "" => {}
            comment if comment.starts_with('#') => {}
            "----" => {
                let mut expected = Vec::new();
                while let Some((_, line)) = lines.next_if(|(_, line)| !line.trim().is_empty()) {
                    expected.push(line.trim());
                }
                play.expect(&expected).map_err(at)?;
            }
            command => play.command(command).map_err(at)?,
        }
    }
    if rewrite {
        std::fs::write(file, &play.written)?;
    }
    if play.wrong.is_empty() {
        Ok(())
    } else {
        Err(format!("{}:\n{}", file.display(), play.wrong).into())
    }
}

/// A transcript being played.
struct Play {
    server: Server,
    address: SocketAddr,
    rewrite: bool,
    connections: BTreeMap<String, Connection>,
    current: String,
    /// Differences found.
    wrong: String,
    /// The file as it would be with the answers that came.
    written: String,
}

impl Play {
    /// One line of the client's part.
    fn command(&mut self, line: &str) -> Result<(), String> {
        if let Some(inside) = line.strip_prefix('[').and_then(|l| l.strip_suffix(']')) {
            return self.switch(inside);
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "cancel" => {
                let (id, secret) = self.connection(rest)?.key.clone();
                client::cancel(self.address, id, &secret)
            }
            "cancel-tls" => {
                let (id, secret) = self.connection(rest)?.key.clone();
                client::cancel_encrypted(self.address, id, &secret)
            }
            "cancel-wrong" => {
                let (id, mut secret) = self.connection(rest)?.key.clone();
                secret[0] ^= 1;
                client::cancel(self.address, id, &secret)
            }
            "tls" => {
                let current = self.current.clone();
                self.connection(&current)?.encrypt(rest)
            }
            "refused" => {
                let parameters: Vec<_> = rest
                    .split_whitespace()
                    .filter_map(|word| word.split_once('='))
                    .collect();
                let mut connection = Connection::open(self.address)?;
                if self.log_in(&mut connection, &parameters).is_ok() {
                    return Err(format!("{rest} logged in"));
                }
                self.connections.insert(self.current.clone(), connection);
                Ok(())
            }
            "wait" => {
                let milliseconds = rest.parse().map_err(|e| format!("wait: {e}"))?;
                let current = self.current.clone();
                self.connection(&current)?.send()?;
                std::thread::sleep(Duration::from_millis(milliseconds));
                Ok(())
            }
            "close" => {
                let current = self.current.clone();
                self.connection(&current)?.send()?;
                self.connections.remove(&current);
                Ok(())
            }
            _ => {
                let current = self.current.clone();
                self.connection(&current)?.queue(word, rest)
            }
        }
    }

    /// `name key=value …`, or `raw name`: the connection that speaks from now on.
    fn switch(&mut self, inside: &str) -> Result<(), String> {
        let mut words = inside.split_whitespace();
        let first = words.next().ok_or("[]")?;
        if first == "raw" {
            words.next().ok_or("[raw]")?.clone_into(&mut self.current);
            let socket = Connection::open(self.address)?;
            self.connections.insert(self.current.clone(), socket);
            return Ok(());
        }
        first.clone_into(&mut self.current);
        let parameters: Vec<_> = words.filter_map(|word| word.split_once('=')).collect();
        // A login without parameters waits for the first message: the line may only introduce
        // `refused`.
        if !parameters.is_empty() && !self.connections.contains_key(first) {
            let mut connection = Connection::open(self.address)?;
            self.log_in(&mut connection, &parameters)?;
            self.connections.insert(first.to_owned(), connection);
        }
        Ok(())
    }

    fn log_in(
        &self,
        connection: &mut Connection,
        parameters: &[(&str, &str)],
    ) -> Result<(), String> {
        let (user, password, database) = self.server.login();
        let mut settings = vec![("user", user), ("database", database)];
        let mut secret = password;
        for &(name, value) in parameters {
            match name {
                "password" => secret = value,
                "tls" => connection.encrypt_first(value)?,
                _ => {
                    settings.retain(|(known, _)| *known != name);
                    settings.push((name, value));
                }
            }
        }
        connection.log_in(&settings, secret)
    }

    fn connection(&mut self, name: &str) -> Result<&mut Connection, String> {
        if !self.connections.contains_key(name) {
            let mut connection = Connection::open(self.address)?;
            self.log_in(&mut connection, &[])?;
            self.connections.insert(name.to_owned(), connection);
        }
        self.connections
            .get_mut(name)
            .ok_or_else(|| format!("no connection {name}"))
    }

    /// Sends what is queued; reads and compares what comes.
    fn expect(&mut self, expected: &[&str]) -> Result<(), String> {
        let names: BTreeMap<i32, String> = self
            .connections
            .iter()
            .map(|(name, connection)| (connection.key.0, name.clone()))
            .collect();
        let rewrite = self.rewrite;
        let current = self.current.clone();
        let connection = self.connection(&current)?;
        connection.send()?;
        let any_rows = expected.contains(&ANY_ROWS);
        let mut received = Vec::new();
        // Rewriting reads until the server has nothing more to say; comparing, as much as is
        // expected, and all that is there besides.
        loop {
            let wait = if rewrite {
                Duration::from_millis(400)
            } else if received.len() < expected.len() {
                Duration::from_secs(20)
            } else {
                Duration::from_millis(1)
            };
            match connection.receive(wait)? {
                Some(message) => {
                    let line = show::message(&message, &names);
                    if !(any_rows && line.starts_with("DataRow")) {
                        received.push(line);
                    } else if received.last().is_none_or(|last| last != ANY_ROWS) {
                        received.push(ANY_ROWS.to_owned());
                    }
                }
                None => break,
            }
            if received.last().is_some_and(|line| line == "Closed") {
                break;
            }
        }
        for line in &received {
            self.written.push_str(line);
            self.written.push('\n');
        }
        if self.rewrite {
            return Ok(());
        }
        let same = received.len() == expected.len()
            && received.iter().zip(expected).all(|(got, want)| {
                got == want
                    || ((want.starts_with("ErrorResponse") || want.starts_with("NoticeResponse"))
                        && got.starts_with(&format!("{want} ")))
            });
        if !same {
            let _ = writeln!(
                self.wrong,
                "expected on {current}:\n  {}\nreceived:\n  {}",
                expected.join("\n  "),
                received.join("\n  ")
            );
        }
        Ok(())
    }
}
