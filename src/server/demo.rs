//! `commons demo`: sample data, three people, and what to paste, in a temporary folder.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use super::bootstrap::{Administrator, random_password};
use super::config::{Config, Overrides};
use super::{Server, progress, run};
use crate::base::name::quote_literal;
use crate::base::{Error, Result, SqlState};

/// The sample data, inside the binary: there is nothing else to install.
const SAMPLES: &[(&str, &[u8])] = &[
    ("penguins", include_bytes!("../../samples/penguins.parquet")),
    ("flights", include_bytes!("../../samples/flights.parquet")),
    ("airlines", include_bytes!("../../samples/airlines.parquet")),
    ("airports", include_bytes!("../../samples/airports.parquet")),
    ("planes", include_bytes!("../../samples/planes.parquet")),
    ("weather", include_bytes!("../../samples/weather.parquet")),
];

/// The people of the demo.
const PEOPLE: [&str; 3] = ["ann", "bob", "carol"];

/// A demo server and what was made for it.
#[derive(Debug)]
pub(super) struct Demo {
    pub(super) server: Server,
    passwords: [String; 3],
    folder: Folder,
}

/// A folder that goes away with the demo.
#[derive(Debug)]
struct Folder(PathBuf);

impl Drop for Folder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::warn!(%error, folder = %self.0.display(), "could not remove the demo's folder");
        }
    }
}

/// Starts a demo server on the first free port from 5432 up (unless `overrides` says where) and
/// fills it.
///
/// # Errors
/// Whatever keeps it from serving.
pub(super) async fn start(mut overrides: Overrides) -> Result<Demo> {
    let folder =
        Folder(std::env::temp_dir().join(format!("commons-demo-{}", uuid::Uuid::new_v4())));
    let samples = folder.0.join("samples");
    unpack(&samples)?;
    overrides.data_dir = Some(folder.0.join("data"));
    let port_is_free = overrides.listen.is_none();
    if port_is_free {
        overrides.listen = Some(first_free_port(5432)?.to_string());
    }
    if overrides.admin_listen.is_none() {
        overrides.admin_listen = Some(first_free_port(8432)?.to_string());
    }
    overrides
        .tables
        .push(("samples".to_owned(), samples.clone()));
    let tables = overrides.tables.split_off(overrides.tables.len() - 1);
    let mut config = Config::load(None, overrides)?;
    config
        .file_roots
        .extend(tables.into_iter().map(|(_, path)| path));
    let server = run::start(&config, Some(random_password())).await?;
    let passwords = [random_password(), random_password(), random_password()];
    let mut administrator = Administrator::open(&server.shared).await?;
    progress::shown(
        "loading sample data",
        fill(&mut administrator, &samples, &passwords),
    )
    .await?;
    Ok(Demo {
        server,
        passwords,
        folder,
    })
}

fn unpack(samples: &Path) -> Result<()> {
    let io = |error: std::io::Error| {
        Error::new(
            SqlState::IO_ERROR,
            format!("could not write \"{}\": {error}", samples.display()),
        )
    };
    std::fs::create_dir_all(samples).map_err(io)?;
    for (name, bytes) in SAMPLES {
        std::fs::write(samples.join(format!("{name}.parquet")), bytes).map_err(io)?;
    }
    Ok(())
}

/// The first port from `first` up that nobody listens on, on loopback.
fn first_free_port(first: u16) -> Result<SocketAddr> {
    (first..first.saturating_add(1000))
        .map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)))
        .find(|address| TcpListener::bind(address).is_ok())
        .ok_or_else(|| Error::new(SqlState::IO_ERROR, format!("no free port from {first} up")))
}

/// Roles and tables: the flights are ann's alone, the penguins everybody's.
async fn fill(
    administrator: &mut Administrator,
    samples: &Path,
    passwords: &[String; 3],
) -> Result<()> {
    for (person, password) in PEOPLE.iter().zip(passwords) {
        let password = quote_literal(password);
        administrator
            .run(&format!("CREATE ROLE {person} LOGIN PASSWORD {password}"))
            .await?;
    }
    administrator
        .run("CREATE SCHEMA nyc AUTHORIZATION ann")
        .await?;
    for (name, _) in SAMPLES {
        let schema = if *name == "penguins" { "public" } else { "nyc" };
        let path = samples.join(format!("{name}.parquet"));
        let path = quote_literal(&path.to_string_lossy());
        let owner = if schema == "nyc" {
            format!("ALTER TABLE nyc.{name} OWNER TO ann;")
        } else {
            String::new()
        };
        administrator
            .run(&format!(
                "CREATE FOREIGN TABLE public.{name}_file () SERVER files OPTIONS (path {path});
                 CREATE TABLE {schema}.{name} AS SELECT * FROM public.{name}_file;
                 DROP FOREIGN TABLE public.{name}_file; {owner}"
            ))
            .await?;
    }
    administrator
        .run(
            "GRANT SELECT ON public.penguins TO PUBLIC;
             COMMENT ON TABLE public.penguins IS 'Palmer Archipelago penguins: 344 birds of three species';
             COMMENT ON TABLE nyc.flights IS 'All 336,776 flights that left New York City in 2013';",
        )
        .await
}

impl Demo {
    /// What to paste, per tool.
    pub(super) fn welcome(&self) -> String {
        let address = self.server.address;
        let (host, port) = (address.ip(), address.port());
        let [ann, bob, carol] = &self.passwords;
        let url = |user: &str, password: &str| {
            format!("postgresql://{user}:{password}@{host}:{port}/commons")
        };
        let admin = match self.server.admin_address {
            Some(address) => format!("    metrics http://{address}/metrics"),
            None => String::new(),
        };
        let (ann, bob_url, carol) = (url("ann", ann), url("bob", bob), url("carol", carol));
        let sqlalchemy = bob_url.replacen("postgresql://", "postgresql+psycopg://", 1);
        format!(
            "commons {version}    listening on {address} (TLS off: loopback only){admin}
sample data   nyc.flights (336,776 rows), nyc.airlines, airports, planes, weather; public.penguins
people        ann publishes (nyc is hers), bob reads, carol has no rights yet
folder        {folder} (removed at the end)

  psql, ann        psql {ann}
  psql, bob        psql {bob_url}
  psql, carol      psql {carol}
  pandas           pd.read_sql(\"SELECT * FROM penguins\", sqlalchemy.create_engine(\"{sqlalchemy}\"))
  polars           pl.read_database_uri(\"SELECT * FROM penguins\", \"{bob_url}\")
  JDBC             jdbc:postgresql://{host}:{port}/commons?user=bob&password={bob}

try   as bob       LISTEN commons;
      as ann       CREATE SCHEMA team; GRANT USAGE ON SCHEMA team TO bob;
                   BEGIN;
                   CREATE VIEW team.delays AS
                     SELECT carrier, avg(arr_delay) AS delay, count(*) AS n FROM nyc.flights GROUP BY 1;
                   GRANT SELECT ON team.delays TO bob; COMMIT;
      as bob       SELECT * FROM team.delays ORDER BY delay DESC;

Ctrl-C stops it.
",
            version = env!("CARGO_PKG_VERSION"),
            folder = self.folder.0.display(),
        )
    }
}
