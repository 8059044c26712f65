//! Runs `tests/sql/**/*.slt` over the wire, each file on a server of its own, in simple/text and in
//! extended/binary mode. Files under `tests/sql/pg` run on a real PostgreSQL 15 too and must agree.
//!
//! The connection's name is the login role: `connection ann` opens a session as ann, `connection
//! ann.2` another one. Roles are made at first mention; the default connection is the superuser.
//! NULL prints as `NULL`, an empty string as `(empty)`.

use std::path::Path;
use std::sync::{Arc, Mutex};

use libtest_mimic::{Failed, Trial};
use sqllogictest::{AsyncDB, Connection, DBOutput, DefaultColumnType, Record};
use tokio_postgres::{Config, NoTls, SimpleQueryMessage};

use super::binary::Binary;
use super::server::{InProcess, PASSWORD};
use super::{postgres, story};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sql");

/// How statements are sent.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    /// Query messages, text values.
    Simple,
    /// Parse, Bind, Execute; binary values.
    Extended,
}

/// Three trials per file at most.
pub(crate) fn trials() -> Vec<Trial> {
    let root = Path::new(ROOT);
    let mut trials = Vec::new();
    for path in story::files(root, "slt") {
        let relative = path
            .strip_prefix(root)
            .expect("under the root")
            .with_extension("");
        let name = format!("sql/{}", relative.to_string_lossy());
        for (suffix, mode) in [("simple", Mode::Simple), ("extended", Mode::Extended)] {
            let path = path.clone();
            trials.push(Trial::test(format!("{name} ({suffix})"), move || {
                on_commons(&path, mode)
            }));
        }
        if relative.starts_with("pg") {
            trials.push(Trial::test(format!("{name} (PostgreSQL)"), move || {
                on_postgres(&path)
            }));
        }
    }
    trials
}

fn on_commons(path: &Path, mode: Mode) -> Result<(), Failed> {
    let server = InProcess::start();
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(server.address().port())
        .dbname("commons");
    run(
        path,
        Target {
            config,
            superuser: "commons",
            password: Some(PASSWORD),
            mode,
        },
    )
}

fn on_postgres(path: &Path) -> Result<(), Failed> {
    let postgres = postgres::shared();
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(postgres.port)
        .dbname("postgres");
    let place = path.with_extension("");
    let place = place.strip_prefix(ROOT).unwrap_or(&place);
    let database = format!("t_{}", place.to_string_lossy().replace('/', "_"));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let (client, connection) = config.clone().user("postgres").connect(NoTls).await?;
        tokio::spawn(connection);
        client
            .simple_query(&format!("CREATE DATABASE \"{database}\""))
            .await
    })?;
    config.dbname(&database);
    run(
        path,
        Target {
            config,
            superuser: "postgres",
            password: None,
            mode: Mode::Extended,
        },
    )
}

/// Where a file runs.
#[derive(Clone)]
struct Target {
    config: Config,
    superuser: &'static str,
    password: Option<&'static str>,
    mode: Mode,
}

fn run(path: &Path, target: Target) -> Result<(), Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        // The runner makes a connection at the first statement after `connection NAME`; this says
        // which.
        let role = Arc::new(Mutex::new(target.superuser.to_owned()));
        let mode = target.mode;
        let (make_role, make_target) = (role.clone(), target.clone());
        let mut runner = sqllogictest::Runner::new(move || {
            let role = make_role.lock().expect("unpoisoned").clone();
            Session::connect(make_target.clone(), role)
        });
        if mode == Mode::Extended {
            runner.with_column_validator(sqllogictest::strict_column_validator);
        }
        for record in sqllogictest::parse_file(path)? {
            if let Record::Connection(connection) = &record {
                *role.lock().expect("unpoisoned") = match connection {
                    Connection::Default => target.superuser.to_owned(),
                    Connection::Named(name) => {
                        name.split('.').next().unwrap_or_default().to_owned()
                    }
                };
            }
            runner
                .run_async(record)
                .await
                .map_err(|error| error.display(false).to_string())?;
        }
        runner.shutdown_async().await;
        Ok(())
    })
}

/// One session of a file.
struct Session {
    client: tokio_postgres::Client,
    mode: Mode,
}

impl Session {
    async fn connect(target: Target, role: String) -> Result<Self, tokio_postgres::Error> {
        let login = |user: &str, password: Option<&str>| {
            let mut config = target.config.clone();
            config.user(user);
            if let Some(password) = password {
                config.password(password);
            }
            config
        };
        if role != target.superuser {
            let (admin, connection) = login(target.superuser, target.password)
                .connect(NoTls)
                .await?;
            tokio::spawn(connection);
            let known = admin
                .query("SELECT rolname FROM pg_catalog.pg_roles", &[])
                .await?
                .iter()
                .any(|row| row.get::<_, String>(0) == role);
            if !known {
                admin
                    .batch_execute(&format!("CREATE ROLE \"{role}\" LOGIN PASSWORD '{role}'"))
                    .await?;
            }
        }
        let password = if role == target.superuser {
            target.password
        } else {
            Some(role.as_str())
        };
        let (client, connection) = login(&role, password).connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(Self {
            client,
            mode: target.mode,
        })
    }

    async fn simple(
        &self,
        sql: &str,
    ) -> Result<DBOutput<DefaultColumnType>, tokio_postgres::Error> {
        let (mut rows, mut columns, mut count) = (Vec::new(), None, 0);
        for message in self.client.simple_query(sql).await? {
            match message {
                SimpleQueryMessage::RowDescription(description) => {
                    columns = Some(description.len())
                }
                SimpleQueryMessage::Row(row) => {
                    rows.push(
                        (0..row.len())
                            .map(|i| shown(row.get(i).map(str::to_owned)))
                            .collect(),
                    );
                }
                SimpleQueryMessage::CommandComplete(n) => count = n,
                _ => {}
            }
        }
        Ok(match columns {
            Some(columns) => DBOutput::Rows {
                types: vec![DefaultColumnType::Any; columns],
                rows,
            },
            None => DBOutput::StatementComplete(count),
        })
    }

    async fn extended(
        &self,
        sql: &str,
    ) -> Result<DBOutput<DefaultColumnType>, tokio_postgres::Error> {
        let statement = self.client.prepare(sql).await?;
        if statement.columns().is_empty() {
            return Ok(DBOutput::StatementComplete(
                self.client.execute(&statement, &[]).await?,
            ));
        }
        let types = statement
            .columns()
            .iter()
            .map(|column| match column.type_().name() {
                "int2" | "int4" | "int8" | "oid" => DefaultColumnType::Integer,
                "float4" | "float8" | "numeric" => DefaultColumnType::FloatingPoint,
                _ => DefaultColumnType::Text,
            })
            .collect();
        let mut rows = Vec::new();
        for row in self.client.query(&statement, &[]).await? {
            let mut values = Vec::new();
            for i in 0..row.len() {
                values.push(shown(
                    row.try_get::<_, Option<Binary>>(i)?.map(|value| value.0),
                ));
            }
            rows.push(values);
        }
        Ok(DBOutput::Rows { types, rows })
    }
}

/// A value as the files write it.
fn shown(value: Option<String>) -> String {
    match value {
        None => "NULL".to_owned(),
        Some(text) if text.is_empty() => "(empty)".to_owned(),
        // A value with a line break stays on the row's line.
        Some(text) => text.replace('\n', "\\n"),
    }
}

#[async_trait::async_trait]
impl AsyncDB for Session {
    type Error = tokio_postgres::Error;
    type ColumnType = DefaultColumnType;

    async fn run(&mut self, sql: &str) -> Result<DBOutput<DefaultColumnType>, Self::Error> {
        match self.mode {
            Mode::Simple => self.simple(sql).await,
            Mode::Extended => self.extended(sql).await,
        }
    }

    async fn shutdown(&mut self) {}

    fn error_sql_state(error: &Self::Error) -> Option<String> {
        error
            .as_db_error()
            .map(|error| error.code().code().to_owned())
    }
}
