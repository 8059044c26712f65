//! A real PostgreSQL 15, started by the test run: the oracle.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use tempfile::TempDir;

use super::server::free_port;

/// A running PostgreSQL; stopped when the test process ends its last use.
pub(crate) struct Postgres {
    folder: TempDir,
    pub(crate) port: u16,
}

/// The one of this test run.
pub(crate) fn shared() -> &'static Postgres {
    static SHARED: OnceLock<Postgres> = OnceLock::new();
    SHARED.get_or_init(Postgres::start)
}

/// Stops the one of this test run, if a case started it.
pub(crate) fn stop() {
    if STARTED.get().is_some() {
        shared().run("pg_ctl", &["-m", "immediate", "stop"]);
    }
}

static STARTED: OnceLock<()> = OnceLock::new();

impl Postgres {
    fn start() -> Self {
        let folder = TempDir::new().expect("temporary folder");
        let postgres = Self {
            folder,
            port: free_port(),
        };
        if is_root() {
            // PostgreSQL refuses to run as root; Debian's package brings a user for it.
            let path = postgres.folder.path().to_string_lossy().into_owned();
            let status = Command::new("chown")
                .args(["postgres", &path])
                .status()
                .expect("chown");
            assert!(status.success(), "chown {path} to postgres");
        }
        postgres.run(
            "initdb",
            &[
                "-U",
                "postgres",
                "-A",
                "trust",
                "-E",
                "UTF8",
                "--locale=C.UTF-8",
                "-N",
            ],
        );
        let options = format!(
            "-c listen_addresses=127.0.0.1 -c port={} -c unix_socket_directories= -c fsync=off \
             -c timezone=UTC -c log_min_messages=panic",
            postgres.port
        );
        postgres.run(
            "pg_ctl",
            &["-w", "-o", &options, "-l", "/dev/null", "start"],
        );
        let _ = STARTED.set(());
        postgres
    }

    /// Runs one of PostgreSQL's programs on the data directory.
    fn run(&self, program: &str, arguments: &[&str]) {
        let program = bin().join(program);
        let data = self.folder.path().join("data");
        let mut command = if is_root() {
            let mut command = Command::new("setpriv");
            command
                .args(["--reuid=postgres", "--regid=postgres", "--clear-groups"])
                .arg(program);
            command
        } else {
            Command::new(program)
        };
        let status = command
            .arg("-D")
            .arg(data)
            .args(arguments)
            .current_dir(self.folder.path())
            .stdout(Stdio::null())
            .status()
            .expect("PostgreSQL 15 is installed");
        assert!(status.success(), "{command:?}");
    }
}

/// Where PostgreSQL 15's programs are (Debian's layout), or wherever `PG_BIN` says.
pub(crate) fn bin() -> PathBuf {
    std::env::var_os("PG_BIN").map_or_else(
        || PathBuf::from("/usr/lib/postgresql/15/bin"),
        PathBuf::from,
    )
}

fn is_root() -> bool {
    let output = Command::new("id").arg("-u").output().expect("id");
    output.stdout == b"0\n"
}
