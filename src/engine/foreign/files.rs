//! A path, folder or glob to files: found anew at every scan, resolved to their real paths, and
//! kept inside the folders the server may read.

use std::fs;
use std::io;
use std::path::{Component, Path, PathBuf};

use regex::Regex;

use super::options::FileOptions;
use crate::base::{Error, Result, SqlState};

/// Files of one table at most.
const FILES_MAX: usize = 100_000;

/// One file to read.
#[derive(Debug, Clone)]
pub(super) struct File {
    /// Its real path, symbolic links resolved.
    pub(super) path: PathBuf,
    pub(super) bytes: u64,
    pub(super) modified: std::time::SystemTime,
}

/// The files `options.path` means now, by name. Blocking.
///
/// # Errors
/// `58P01` nothing there; `42501` outside `roots` (unless that is empty) or refused by the
/// operating system.
pub(super) fn find(options: &FileOptions, roots: &[PathBuf]) -> Result<Vec<File>> {
    let path = Path::new(&options.path);
    if !path.is_absolute() {
        return Err(Error::new(
            SqlState::INVALID_NAME,
            format!(
                "relative path not allowed for a foreign table: \"{}\"",
                options.path
            ),
        ));
    }
    let mut found = Vec::new();
    if let Some(pattern) = Pattern::new(path)? {
        pattern.walk(&pattern.base.clone(), &mut found)?;
    } else if path.is_dir() {
        folder(options, path, &mut found)?;
    } else {
        found.push(path.to_owned());
    }
    found.sort();
    if found.is_empty() {
        return Err(Error::new(
            SqlState::UNDEFINED_FILE,
            format!("no files match \"{}\"", options.path),
        ));
    }
    let roots: Vec<PathBuf> = roots
        .iter()
        .map(|root| fs::canonicalize(root).unwrap_or_else(|_| root.clone()))
        .collect();
    found
        .into_iter()
        .map(|path| {
            let real = fs::canonicalize(&path).map_err(|error| cannot_open(&path, &error))?;
            if !roots.is_empty() && !roots.iter().any(|root| real.starts_with(root)) {
                return Err(Error::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    format!("permission denied for file \"{}\"", path.display()),
                )
                .detail("The file is outside the folders this server may read.")
                .hint("The setting file_roots of the server's configuration lists them."));
            }
            let metadata = fs::metadata(&real).map_err(|error| cannot_open(&path, &error))?;
            if !metadata.is_file() {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a file", path.display()),
                ));
            }
            Ok(File {
                path: real,
                bytes: metadata.len(),
                modified: metadata.modified().unwrap_or(std::time::UNIX_EPOCH),
            })
        })
        .collect()
}

/// PostgreSQL's error for a file that cannot be opened.
pub(super) fn cannot_open(path: &Path, error: &io::Error) -> Error {
    let (state, reason) = match error.kind() {
        io::ErrorKind::NotFound => (
            SqlState::UNDEFINED_FILE,
            "No such file or directory".to_owned(),
        ),
        io::ErrorKind::PermissionDenied => (
            SqlState::INSUFFICIENT_PRIVILEGE,
            "Permission denied".to_owned(),
        ),
        _ => (SqlState::IO_ERROR, error.to_string()),
    };
    Error::new(
        state,
        format!(
            "could not open file \"{}\" for reading: {reason}",
            path.display()
        ),
    )
}

/// The table's files below a folder; hidden ones and those starting with an underscore (markers of
/// other tools) left out.
fn folder(options: &FileOptions, folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).map_err(|error| cannot_open(folder, &error))? {
        let entry = entry.map_err(|error| cannot_open(folder, &error))?;
        let name = entry.file_name();
        let Some(name) = name.to_str() else { continue };
        if name.starts_with(['.', '_']) {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            self::folder(options, &path, found)?;
        } else if options.takes(name) {
            push(found, path)?;
        }
    }
    Ok(())
}

fn push(found: &mut Vec<PathBuf>, path: PathBuf) -> Result<()> {
    if found.len() >= FILES_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("a foreign table has more than {FILES_MAX} files"),
        ));
    }
    found.push(path);
    Ok(())
}

/// A glob: `*` and `?` within a name, `[abc]`, and `**` for any number of folders.
struct Pattern {
    /// The part before the first wildcard.
    base: PathBuf,
    regex: Regex,
}

impl Pattern {
    /// `None` if the path has no wildcard, or names an existing file that has them in its name.
    fn new(path: &Path) -> Result<Option<Self>> {
        let has_wildcard = |text: &str| text.contains(['*', '?', '[']);
        let Some(text) = path.to_str() else {
            return Err(Error::new(
                SqlState::INVALID_NAME,
                "a path must be valid UTF-8",
            ));
        };
        if !has_wildcard(text) || path.exists() {
            return Ok(None);
        }
        let base = path
            .components()
            .take_while(|component| match component {
                Component::Normal(name) => name.to_str().is_some_and(|name| !has_wildcard(name)),
                _ => true,
            })
            .collect();
        let mut regex = String::from("^");
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            match character {
                '*' if characters.peek() == Some(&'*') => {
                    characters.next();
                    if characters.peek() == Some(&'/') {
                        characters.next();
                        regex.push_str("(.*/)?");
                    } else {
                        regex.push_str(".*");
                    }
                }
                '*' => regex.push_str("[^/]*"),
                '?' => regex.push_str("[^/]"),
                '[' => {
                    let class: String = characters.by_ref().take_while(|c| *c != ']').collect();
                    let (negated, class) = match class.strip_prefix('!') {
                        Some(class) => ("^", class.to_owned()),
                        None => ("", class),
                    };
                    regex.push_str(&format!("[{negated}{}]", class.replace('\\', "\\\\")));
                }
                other => regex.push_str(&regex::escape(other.encode_utf8(&mut [0; 4]))),
            }
        }
        regex.push('$');
        let regex = Regex::new(&regex).map_err(|_| {
            Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid pattern \"{text}\""),
            )
        })?;
        Ok(Some(Self { base, regex }))
    }

    fn walk(&self, folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
        for entry in fs::read_dir(folder).map_err(|error| cannot_open(folder, &error))? {
            let path = entry.map_err(|error| cannot_open(folder, &error))?.path();
            // Links to folders are not followed: they can lead in circles.
            if path.is_dir() && !path.is_symlink() {
                self.walk(&path, found)?;
            } else if path.to_str().is_some_and(|path| self.regex.is_match(path)) {
                push(found, path)?;
            }
        }
        Ok(())
    }
}
