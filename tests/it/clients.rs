//! Real clients: Python's, Node's, Java's, Rust's and psql. Environments with pinned packages are
//! made by the test run itself, once per target folder; a client that cannot be had is a failure,
//! not a skip.
//!
//! Every script of `tests/clients` has a server of its own, and ends by printing its row of
//! README's client matrix: the client, its version, and the checks that passed. The row must be in
//! README as printed, and README has no others.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use libtest_mimic::{Failed, Trial};

use super::rust_clients;
use super::server::{PASSWORD, Program};

/// Installs the packages; pip takes minutes for what this does in seconds.
const INSTALLER: &str = "uv==0.13.9";
/// Where Debian's package libpostgresql-jdbc-java puts the driver.
const JDBC: &str = "/usr/share/java/postgresql.jar";

/// One trial per script of `tests/clients` and per notebook, and those that are written here.
pub(crate) fn trials() -> Vec<Trial> {
    let mut trials = vec![
        Trial::test("clients/psql_prints_a_notification_by_itself", psql),
        Trial::test("clients/tokio_postgres", rust_clients::tokio_postgres),
        Trial::test("clients/readme_lists_what_is_tested", listed),
    ];
    for path in scripts() {
        let name = format!("clients/{}", stem(&path));
        trials.push(Trial::test(name, move || client(&path)));
    }
    for path in super::story::files(&root().join("tests/notebooks"), "ipynb") {
        let name = format!("clients/notebook/{}", stem(&path));
        trials.push(Trial::test(name, move || notebook(&path)));
    }
    trials
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn clients() -> PathBuf {
    root().join("tests/clients")
}

fn stem(path: &Path) -> String {
    path.file_stem()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn scripts() -> Vec<PathBuf> {
    ["py", "mjs", "java", "rs"]
        .into_iter()
        .flat_map(|kind| super::story::files(&clients(), kind))
        .filter(|path| path.parent() == Some(&clients()))
        .collect()
}

/// Runs a client's script against a server of its own.
fn client(script: &Path) -> Result<(), Failed> {
    let mut command = match script.extension().and_then(|kind| kind.to_str()) {
        Some("py") => python(script),
        Some("mjs") => {
            // A module finds packages in the folders above its own.
            let folder = node();
            let copy = folder.join(script.file_name().unwrap_or_default());
            std::fs::copy(script, &copy)?;
            let mut command = Command::new("node");
            command.arg(copy);
            command
        }
        Some("rs") => cargo(&stem(script))?,
        _ => {
            let mut command = Command::new("java");
            command.args(["-cp", JDBC]).arg(script);
            command
        }
    };
    let program = Program::start();
    let said = run(&mut command, &program)?;
    let row = said.lines().rev().find(|line| line.starts_with("| "));
    let row = row.ok_or("the script printed no row of the client matrix")?;
    if matrix()?.iter().any(|there| there == row) {
        return Ok(());
    }
    Err(format!("README.md's client matrix should have this row:\n{row}").into())
}

/// Runs a command that finds the server where PostgreSQL's clients look for it; what it printed.
fn run(command: &mut Command, program: &Program) -> Result<String, Failed> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("home");
    std::fs::create_dir_all(&home)?;
    let output = command
        .env("HOME", home)
        .env("PGHOST", "127.0.0.1")
        .env("PGPORT", program.address().port().to_string())
        .env("PGUSER", "commons")
        .env("PGPASSWORD", PASSWORD)
        .env("PGDATABASE", "commons")
        .stdin(Stdio::null())
        .output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if output.status.success() {
        return Ok(said);
    }
    Err(format!("{said}{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// The rows of README's client matrix.
fn matrix() -> Result<Vec<String>, Failed> {
    let readme = std::fs::read_to_string(root().join("README.md"))?;
    let (_, section) = readme
        .split_once("\n## Clients\n")
        .ok_or("README.md has no section \"Clients\"")?;
    let rows = section
        .lines()
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| "))
        .skip(2);
    Ok(rows.map(str::to_owned).collect())
}

/// The matrix has the rows of the clients written in Rust, and as many others as there are scripts
/// to print them.
fn listed() -> Result<(), Failed> {
    let (matrix, rust) = (matrix()?, rust_clients::rows()?);
    if let Some(row) = rust.iter().find(|row| !matrix.contains(row)) {
        return Err(format!("README.md's client matrix should have this row:\n{row}").into());
    }
    let (rows, clients) = (matrix.len(), rust.len() + scripts().len());
    if rows == clients {
        return Ok(());
    }
    Err(format!("README.md lists {rows} clients, and {clients} are tested").into())
}

/// Python on a script, with the packages of `requirements.txt` and what scripts share.
fn python(script: &Path) -> Command {
    static INTERPRETER: OnceLock<PathBuf> = OnceLock::new();
    let interpreter = INTERPRETER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("python");
        let python = folder.join("bin/python");
        let requirements = clients().join("shared/requirements.txt");
        // Superset's SQLAlchemy is not the others', and lives beside them.
        let older = clients().join("shared/requirements-superset.txt");
        let wanted =
            [&requirements, &older].map(|path| std::fs::read_to_string(path).expect("a list"));
        once(
            &folder,
            &format!("{INSTALLER}\n{}", wanted.concat()),
            || {
                let venv = Command::new("python3")
                    .args(["-m", "venv", "--clear"])
                    .arg(&folder)
                    .status();
                let pip = || {
                    Command::new(&python)
                        .args(["-m", "pip", "install", "--quiet", INSTALLER])
                        .status()
                };
                let packages = |list: &Path, target: &[&str]| {
                    Command::new(folder.join("bin/uv"))
                        .args(["pip", "install", "--quiet", "--no-deps", "--python"])
                        .arg(&python)
                        .arg("--requirement")
                        .arg(list)
                        .args(target)
                        .current_dir(&folder)
                        .status()
                };
                [
                    venv,
                    pip(),
                    packages(&requirements, &[]),
                    packages(&older, &["--target", "superset"]),
                ]
            },
        );
        python
    });
    let mut command = Command::new(interpreter);
    command
        // A script may be called as the package that it tries.
        .arg("-P")
        .arg(script)
        .env("PYTHONPATH", clients().join("shared"))
        .env(
            "PYTHONPYCACHEPREFIX",
            Path::new(env!("CARGO_TARGET_TMPDIR")).join("pycache"),
        );
    command
}

/// A folder with the packages of `package-lock.json` and what scripts share.
fn node() -> &'static Path {
    static FOLDER: OnceLock<PathBuf> = OnceLock::new();
    FOLDER.get_or_init(|| {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("node");
        let shared = clients().join("shared");
        let lock = std::fs::read_to_string(shared.join("package-lock.json")).expect("lock file");
        once(&folder, &lock, || {
            for name in ["package.json", "package-lock.json"] {
                std::fs::copy(shared.join(name), folder.join(name)).expect("copy");
            }
            [Command::new("npm")
                .args(["ci", "--silent"])
                .current_dir(&folder)
                .status()]
        });
        std::fs::copy(shared.join("trial.mjs"), folder.join("trial.mjs")).expect("copy");
        folder
    })
}

/// A program in Rust, whose package is in `shared`: it depends on what the server's tests do not.
fn cargo(name: &str) -> Result<Command, Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let package = clients().join("shared").join(name).join("Cargo.toml");
    let built = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--locked", "--manifest-path"])
        .arg(package)
        .arg("--target-dir")
        .arg(&folder)
        .output()?;
    if !built.status.success() {
        return Err(String::from_utf8_lossy(&built.stderr).into_owned().into());
    }
    Ok(Command::new(
        folder.join("debug").join(format!("{name}-client")),
    ))
}

/// Makes a folder with what `wanted` names, unless it is there from an earlier run.
pub(crate) fn once<const N: usize>(
    folder: &Path,
    wanted: &str,
    make: impl FnOnce() -> [std::io::Result<std::process::ExitStatus>; N],
) {
    let marker = folder.join("made of");
    if std::fs::read_to_string(&marker).is_ok_and(|found| found == wanted) {
        return;
    }
    std::fs::create_dir_all(folder).expect("folder");
    for step in make() {
        assert!(
            step.expect("start").success(),
            "making {}",
            folder.display()
        );
    }
    std::fs::write(marker, wanted).expect("write");
}

/// Runs a notebook from its first cell to its last; it must say what it says in the repository.
fn notebook(path: &Path) -> Result<(), Failed> {
    let program = Program::start();
    let mut command = python(&clients().join("shared/notebook.py"));
    run(command.arg(path), &program).map(drop)
}

/// What psql prints for `input`, fed as typed.
fn psql_says(program: &Program, input: &str) -> Result<String, Failed> {
    let mut child = Command::new("psql")
        .args(["-X", "-q", "-h", "127.0.0.1", "-U", "commons"])
        .args(["-d", "commons", "-p"])
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
