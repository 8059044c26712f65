//! Files that are made from the tests and kept in the repository.

use std::fs;
use std::path::Path;

use libtest_mimic::Failed;

/// Fails if `file` is not what the tests make of it; with `COMMONS_WRITE` set writes it first.
/// `trial` is the one to run for that.
pub(crate) fn up_to_date(file: &str, made: &str, trial: &str) -> Result<(), Failed> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("COMMONS_WRITE").is_some() {
        fs::write(&path, made)?;
    }
    let known = fs::read_to_string(&path).unwrap_or_default();
    if known == made {
        return Ok(());
    }
    let new: Vec<&str> = made
        .lines()
        .filter(|line| !known.lines().any(|other| other == *line))
        .collect();
    let new = new.join("\n");
    Err(format!("{file} is behind the tests: COMMONS_WRITE=1 cargo test {trial}\n{new}").into())
}
