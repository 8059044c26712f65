//! The command line: `commons demo | init | serve`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use super::config::{Config, Overrides};
use super::{demo, init, run};
use crate::base::{Error, Result};

/// A team's shared memory over the PostgreSQL protocol.
#[derive(Debug, Parser)]
#[command(version, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  commons demo                                     sample data, three people, what to paste
  commons init --data-dir /srv/commons             configuration, TLS pair, administrator's password
  commons serve --data-dir /srv/commons --listen 0.0.0.0:5432
  commons serve --table sales=sales.csv --dir parquet-files";

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve sample data to three people from a temporary folder.
    Demo(ServeArgs),
    /// Make a data directory: config.toml, TLS pair, administrator's password (printed once).
    Init(InitArgs),
    /// Serve a data directory.
    Serve(ServeArgs),
}

#[derive(Debug, Args)]
struct InitArgs {
    /// Where data will live; must be empty or absent.
    #[arg(long, env = "COMMONS_DATA_DIR", default_value = "commons-data")]
    data_dir: PathBuf,
    /// Names and addresses the TLS certificate is for.
    #[arg(long = "host", default_values = ["localhost", "127.0.0.1"])]
    hosts: Vec<String>,
    /// The administrator's password; one is made up if absent.
    #[arg(long, env = "COMMONS_PASSWORD", hide_env_values = true, hide = true)]
    password: Option<String>,
}

#[derive(Debug, Args)]
struct ServeArgs {
    /// Where data lives.
    #[arg(long, env = "COMMONS_DATA_DIR")]
    data_dir: Option<PathBuf>,
    /// Configuration file; default: config.toml in the data directory, if there is one.
    #[arg(long, env = "COMMONS_CONFIG")]
    config: Option<PathBuf>,
    /// Where clients connect: HOST:PORT, :PORT or PORT.
    #[arg(long, env = "COMMONS_LISTEN")]
    listen: Option<String>,
    /// Where /healthz, /readyz and /metrics answer, or "off".
    #[arg(long, env = "COMMONS_ADMIN_LISTEN")]
    admin_listen: Option<String>,
    /// Serve a CSV, Parquet or newline-JSON file as table public.NAME; may be given many times.
    #[arg(long = "table", value_name = "NAME=PATH", value_parser = name_and_path)]
    tables: Vec<(String, PathBuf)>,
    /// Serve every such file of a folder under its own name; may be given many times.
    #[arg(long = "dir", value_name = "FOLDER")]
    folders: Vec<PathBuf>,
    /// Memory all queries together may reserve, e.g. 8GB or 60%.
    #[arg(long, env = "COMMONS_MEMORY")]
    memory: Option<String>,
    /// TLS certificate chain, PEM.
    #[arg(long, requires = "tls_key", env = "COMMONS_TLS_CERT")]
    tls_cert: Option<PathBuf>,
    /// TLS private key, PEM.
    #[arg(long, requires = "tls_cert", env = "COMMONS_TLS_KEY")]
    tls_key: Option<PathBuf>,
    /// Take connections beyond loopback without TLS.
    #[arg(long)]
    insecure: bool,
    /// text or json.
    #[arg(long, env = "COMMONS_LOG_FORMAT")]
    log_format: Option<String>,
    /// error, warn, info, debug, trace, or a filter.
    #[arg(long, env = "COMMONS_LOG")]
    log_level: Option<String>,
    /// The administrator's password at first start; one is made up if absent.
    #[arg(long, env = "COMMONS_PASSWORD", hide_env_values = true, hide = true)]
    password: Option<String>,
}

impl ServeArgs {
    fn overrides(&self) -> Overrides {
        Overrides {
            listen: self.listen.clone(),
            data_dir: self.data_dir.clone(),
            insecure: self.insecure,
            admin_listen: self.admin_listen.clone(),
            log_format: self.log_format.clone(),
            log_level: self.log_level.clone(),
            memory: self.memory.clone(),
            tls: self.tls_cert.clone().zip(self.tls_key.clone()),
            tables: self.tables.clone(),
            folders: self.folders.clone(),
        }
    }

    /// The file to read: the one typed, else the data directory's own.
    fn file(&self) -> Option<PathBuf> {
        let own = self.data_dir.as_ref().map(|dir| dir.join("config.toml"));
        self.config
            .clone()
            .or_else(|| own.filter(|path| path.exists()))
    }
}

fn name_and_path(text: &str) -> std::result::Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((name, path)) if !name.is_empty() && !path.is_empty() => {
            Ok((name.to_owned(), PathBuf::from(path)))
        }
        _ => Err("expected NAME=PATH, for example sales=data/sales.csv".to_owned()),
    }
}

/// Runs the command. Exit code 0: it did what was asked; 1: it could not; 2: the command line is
/// wrong.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        // Statements nest as deep as the parser lets them, and are copied and dropped on these
        // threads.
        .thread_stack_size(crate::base::limits::THREAD_STACK_BYTES)
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("commons: could not start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(cli.run());
    // Blocking work that is still going on (a signal cut the drain short) must not keep the
    // process.
    runtime.shutdown_background();
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let fields = error.fields();
            eprintln!("commons: {}", fields.message);
            for (label, text) in [
                ("DETAIL", &fields.detail),
                ("HINT", &fields.hint),
                ("CONTEXT", &fields.context),
            ] {
                if let Some(text) = text {
                    eprintln!("{label}: {text}");
                }
            }
            ExitCode::FAILURE
        }
    }
}

impl Cli {
    async fn run(self) -> Result<()> {
        match self.command {
            Command::Demo(args) => {
                // What a newcomer should read is the welcome, not the log.
                logs(
                    args.log_level.as_deref().unwrap_or("warn"),
                    args.log_format.as_deref() == Some("json"),
                )?;
                let signals = run::Signals::watch()?;
                let demo = demo::start(args.overrides()).await?;
                println!("{}", demo.welcome());
                let demo::Demo { server, .. } = demo;
                server.run_until_signal(signals).await;
                Ok(())
            }
            Command::Init(args) => {
                logs("warn", false)?;
                let directory = args.data_dir.display().to_string();
                let password = init::init(&args.data_dir, args.hosts, args.password).await?;
                println!("Made {directory}: config.toml, tls/server.crt, tls/server.key.");
                if let Some(password) = password {
                    println!("Administrator \"commons\", password (shown this once): {password}");
                }
                println!("Start it:  commons serve --data-dir {directory}");
                Ok(())
            }
            Command::Serve(args) => {
                let config = Config::load(args.file().as_deref(), args.overrides())?;
                logs(&config.log_level, config.log_json)?;
                let signals = run::Signals::watch()?;
                let server = run::start(&config, args.password.clone()).await?;
                if let Some(password) = &server.new_password {
                    println!("Administrator \"commons\", password (shown this once): {password}");
                }
                let tls = if config.tls.is_some() {
                    "TLS on"
                } else {
                    "TLS off"
                };
                println!(
                    "commons {} listening on {} ({tls})",
                    env!("CARGO_PKG_VERSION"),
                    server.address
                );
                server.run_until_signal(signals).await;
                Ok(())
            }
        }
    }
}

fn logs(level: &str, json: bool) -> Result<()> {
    use tracing_subscriber::EnvFilter;
    let filter = EnvFilter::try_new(level).map_err(|error| {
        Error::new(
            crate::base::SqlState::CONFIG_FILE_ERROR,
            format!("log.level \"{level}\" is wrong: {error}"),
        )
    })?;
    let builder = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr);
    if json {
        builder.json().init()
    } else {
        builder.init()
    }
    Ok(())
}
