//! What the catalogs tell: the same schema on commons and on PostgreSQL 15, asked the same.

mod dump;
mod psql;
mod replay;
mod shape;

use std::path::PathBuf;
use std::sync::Mutex;

use libtest_mimic::{Failed, Trial};
use tokio_postgres::{Client, Config, NoTls};

use super::postgres;
use super::server::{InProcess, PASSWORD};

/// All trials of the folder.
pub(crate) fn trials() -> Vec<Trial> {
    [
        replay::trials(),
        shape::trials(),
        psql::trials(),
        dump::trials(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Both servers with the objects of `tests/catalog/schema.sql`. The superuser is called `commons`
/// on both, so that owners and grantors are.
struct Pair {
    commons: InProcess,
    /// PostgreSQL's database.
    database: String,
}

/// One session of each server.
struct Sessions {
    commons: Client,
    postgres: Client,
}

fn folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/catalog"))
}

/// Runs what a trial does.
fn block_on<T>(work: impl Future<Output = Result<T, Failed>>) -> Result<T, Failed> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

async fn connect(config: &Config) -> Result<Client, Failed> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// commons' superuser on PostgreSQL, with everything the one that PostgreSQL begins with has.
const SUPERUSER: &str =
    "CREATE ROLE commons SUPERUSER CREATEDB CREATEROLE REPLICATION BYPASSRLS LOGIN";

/// PostgreSQL's role and databases are the cluster's: one trial at a time makes them.
static MAKING: Mutex<()> = Mutex::new(());

impl Pair {
    /// Starts both; `name` tells PostgreSQL's databases apart.
    fn start(name: &str) -> Result<Self, Failed> {
        let pair = Self {
            commons: InProcess::start(),
            database: format!("catalog_{name}"),
        };
        let schema = std::fs::read_to_string(folder().join("schema.sql"))?;
        block_on(async {
            let ours = connect(&pair.commons_as("commons", PASSWORD)).await?;
            for part in [roles(), vec![schema.clone()]].concat() {
                ours.batch_execute(&part)
                    .await
                    .map_err(|error| told("commons", &error))?;
            }
            Ok(())
        })?;
        let guard = MAKING
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        block_on(async {
            let admin = connect(&postgres_as("postgres", "postgres")).await?;
            for role in [vec![SUPERUSER.to_owned()], roles()].concat() {
                match admin.batch_execute(&role).await {
                    Err(error) if error.code().is_some_and(|code| code.code() == "42710") => {}
                    other => other?,
                }
            }
            let create = format!("CREATE DATABASE {} OWNER commons", pair.database);
            admin.batch_execute(&create).await?;
            Ok(())
        })?;
        drop(guard);
        block_on(async {
            let theirs = connect(&pair.postgres_as("commons")).await?;
            theirs
                .batch_execute(&schema)
                .await
                .map_err(|error| told("PostgreSQL", &error))?;
            Ok(())
        })?;
        Ok(pair)
    }

    fn commons_as(&self, user: &str, password: &str) -> Config {
        let mut config = Config::new();
        config
            .host("127.0.0.1")
            .port(self.commons.address().port())
            .user(user)
            .password(password)
            .dbname("commons");
        config
    }

    fn postgres_as(&self, user: &str) -> Config {
        postgres_as(user, &self.database)
    }

    /// A session of the superuser on each.
    async fn sessions(&self) -> Result<Sessions, Failed> {
        Ok(Sessions {
            commons: connect(&self.commons_as("commons", PASSWORD)).await?,
            postgres: connect(&self.postgres_as("commons")).await?,
        })
    }
}

fn postgres_as(user: &str, database: &str) -> Config {
    let mut config = Config::new();
    config
        .host("127.0.0.1")
        .port(postgres::shared().port)
        .user(user)
        .dbname(database);
    config
}

/// The roles of the schema, one statement each.
fn roles() -> Vec<String> {
    [
        "CREATE ROLE catalog_ann LOGIN PASSWORD 'ann'",
        "CREATE ROLE catalog_team",
    ]
    .map(str::to_owned)
    .to_vec()
}

/// An error with its message.
fn told(what: &str, error: &tokio_postgres::Error) -> Failed {
    let text = match error.as_db_error() {
        Some(error) => format!("{} {}", error.code().code(), error.message()),
        None => error.to_string(),
    };
    format!("{what}: {text}").into()
}
