//! Real clients: psql, and Python's drivers in a virtual environment that the test makes itself. A
//! client that cannot be had is a failure, not a skip.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use libtest_mimic::{Failed, Trial};

use super::server::{PASSWORD, Program};

/// The Python packages, pinned.
const PACKAGES: &[&str] = &[
    "psycopg[binary]==3.2.9",
    "SQLAlchemy==2.0.41",
    "pandas==2.2.3",
    "polars==1.30.0",
    "pyarrow==20.0.0",
    "connectorx==0.4.3",
];

/// One trial per script of `tests/clients`.
pub(crate) fn trials() -> Vec<Trial> {
    let folder = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/clients"));
    let mut trials: Vec<_> = super::story::files(folder, "py")
        .into_iter()
        .map(|path| {
            let name = path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            Trial::test(format!("clients/{name}"), move || python(&path))
        })
        .collect();
    trials.push(Trial::test(
        "clients/psql_prints_a_notification_by_itself",
        psql,
    ));
    trials
}

/// Python of a virtual environment with [`PACKAGES`], made once per target folder and set of
/// packages.
fn interpreter() -> &'static Path {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    INTERPRETER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
        let python = folder.join("bin/python");
        let marker = folder.join("packages");
        let wanted = PACKAGES.join("\n");
        if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
            return python;
        }
        let venv = [
            "-m",
            "venv",
            "--clear",
            folder.to_str().expect("UTF-8 path"),
        ];
        must(Command::new("python3").args(venv));
        must(
            Command::new(&python)
                .args(["-m", "pip", "install", "--quiet"])
                .args(PACKAGES),
        );
        std::fs::write(marker, wanted).expect("write");
        python
    })
}

fn must(command: &mut Command) {
    let status = command.status().expect("start");
    assert!(status.success(), "{command:?}");
}

/// Runs a script against a server of its own; its exit code is the verdict.
fn python(script: &Path) -> Result<(), Failed> {
    let program = Program::start();
    let output = Command::new(interpreter())
        .arg(script)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", program.address().port().to_string())
        .env("PGUSER", "commons")
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", "commons")
        .output()?;
    if output.status.success() {
        return Ok(());
    }
    Err(format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    )
    .into())
}

/// What psql prints for `input`, fed as typed.
fn psql_says(program: &Program, input: &str) -> Result<String, Failed> {
    let mut child = Command::new("psql")
        .args([
            "-X",
            "-q",
            "-h",
            "127.0.0.1",
            "-U",
            "commons",
            "-d",
            "commons",
            "-p",
        ])
        .arg(program.address().port().to_string())
        .env("PGPASSWORD", PASSWORD)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?;
    child
        .stdin
        .take()
        .expect("stdin")
        .write_all(input.as_bytes())?;
    let output = child.wait_with_output()?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr))
}

/// psql hears of a colleague's publication with its next prompt.
fn psql() -> Result<(), Failed> {
    let program = Program::start();
    let port = program.address().port();
    let publish = format!(
        "LISTEN commons;\n\\! PGPASSWORD='{PASSWORD}' psql -X -q -h 127.0.0.1 -p {port} -U commons -d commons \
         -c 'CREATE VIEW public.answer AS SELECT 42 AS x'\nSELECT x FROM public.answer;\n"
    );
    let said = psql_says(&program, &publish)?;
    let heard = "Asynchronous notification \"commons\" with payload \"{\"event\":\"publish\",\"object\":\"public.answer\"";
    if said.contains(heard) && said.contains("42") {
        Ok(())
    } else {
        Err(format!("psql said:\n{said}").into())
    }
}
