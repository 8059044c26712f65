//! Answers of two servers to one query, compared: names, types, values, the class of errors.
//! Numbers are compared as numbers: `numeric` values may differ in trailing zeros, floating point
//! in the last digits.

use tokio_postgres::{Client, Config, NoTls, SimpleQueryMessage};

use super::postgres;
use super::server::{InProcess, PASSWORD};

/// A query's answer, or its error's SQLSTATE.
pub(crate) type Answer = Result<Rows, String>;

#[derive(Debug)]
pub(crate) struct Rows {
    /// Name and type of each column.
    pub(crate) columns: Vec<(String, String)>,
    pub(crate) rows: Vec<Row>,
}

/// Values as text.
pub(crate) type Row = Vec<Option<String>>;

/// Sessions on a commons and on the real PostgreSQL, there in a new database of this name.
pub(crate) async fn sessions(
    server: &InProcess,
    database: &str,
) -> Result<(Client, Client), tokio_postgres::Error> {
    let mut ours = Config::new();
    ours.host("127.0.0.1")
        .port(server.address().port())
        .dbname("commons")
        .user("commons")
        .password(PASSWORD);
    let mut theirs = Config::new();
    theirs
        .host("127.0.0.1")
        .port(postgres::shared().port)
        .user("postgres")
        .dbname("postgres");
    let admin = connect(&theirs).await?;
    admin
        .batch_execute(&format!("CREATE DATABASE {database}"))
        .await?;
    theirs.dbname(database);
    Ok((connect(&ours).await?, connect(&theirs).await?))
}

async fn connect(config: &Config) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

/// What a server answers.
pub(crate) async fn ask(client: &Client, query: &str) -> Answer {
    let state = |error: tokio_postgres::Error| match error.as_db_error() {
        Some(error) => error.code().code().to_owned(),
        None => format!("no answer: {error}"),
    };
    let statement = client.prepare(query).await.map_err(state)?;
    let columns = statement
        .columns()
        .iter()
        .map(|column| (column.name().to_owned(), column.type_().name().to_owned()))
        .collect();
    let mut rows: Vec<Row> = Vec::new();
    for message in client.simple_query(query).await.map_err(state)? {
        if let SimpleQueryMessage::Row(row) = message {
            rows.push(
                (0..row.len())
                    .map(|i| row.get(i).map(str::to_owned))
                    .collect(),
            );
        }
    }
    Ok(Rows { columns, rows })
}

impl Rows {
    /// The same rows in an order that depends on them alone.
    pub(crate) fn sorted(mut self) -> Self {
        // What may differ in its last digits comes last, and without them.
        let floats: Vec<bool> = self
            .columns
            .iter()
            .map(|(_, ty)| ty.starts_with("float"))
            .collect();
        self.rows.sort_by_cached_key(|row| {
            let part = |wanted: bool| {
                let values = row.iter().zip(&floats);
                let values = values.filter(move |(_, float)| **float == wanted);
                values.map(move |(value, _)| {
                    let value = value.as_deref()?;
                    Some(match value.parse::<f64>() {
                        Ok(float) if wanted => format!("{float:.9e}"),
                        _ => digits(value).to_owned(),
                    })
                })
            };
            part(false).chain(part(true)).collect::<Vec<_>>()
        });
        self
    }

    /// Whether these rows are those of another answer, one by one.
    pub(crate) fn agree(&self, other: &Self) -> bool {
        self.columns == other.columns
            && self.rows.len() == other.rows.len()
            && self
                .rows
                .iter()
                .zip(&other.rows)
                .all(|(a, b)| self.same_row(a, b))
    }

    /// Whether two rows of this answer's types are equal.
    pub(crate) fn same_row(&self, a: &[Option<String>], b: &[Option<String>]) -> bool {
        a.iter()
            .zip(b)
            .zip(&self.columns)
            .all(|((a, b), (_, ty))| same(a.as_deref(), b.as_deref(), ty))
    }
}

/// Whether two values of a type are equal.
fn same(a: Option<&str>, b: Option<&str>, ty: &str) -> bool {
    let (Some(a), Some(b)) = (a, b) else {
        return a == b;
    };
    match ty {
        "numeric" => digits(a) == digits(b) || close(a, b),
        "float4" | "float8" => a == b || close(a, b),
        _ => a == b,
    }
}

/// A number without trailing zeros behind its point, zero without a sign.
fn digits(text: &str) -> &str {
    if text == "-0" {
        "0"
    } else if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.')
    } else {
        text
    }
}

fn close(a: &str, b: &str) -> bool {
    match (a.parse::<f64>(), b.parse::<f64>()) {
        (Ok(a), Ok(b)) => (a - b).abs() <= 1e-9 * a.abs().max(b.abs()),
        _ => false,
    }
}
