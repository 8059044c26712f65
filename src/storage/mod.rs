//! Bytes at rest: the SQLite catalog in the DuckLake 1.0 layout, Parquet segments, secrets.
//!
//! ```text
//! data_dir/            0700
//!   LOCK               locked exclusively while a server runs
//!   lake.sqlite        DuckLake 1.0 tables + commons_* tables: one file, one atomic commit
//!   secrets.sqlite     0600: password verifiers, keyed by role OID
//!   data/t<table>/<uuidv7>.parquet
//!   tmp/               spills and temporary tables; emptied at start
//! ```
//!
//! Everything here is synchronous: callers on an async runtime use `spawn_blocking`.

mod columns;
mod files;
mod form;
mod lake;
mod memory;
mod pages;
mod reader;
pub mod secrets;
mod statistics;
mod sweep;
#[cfg(test)]
mod tests;
mod writer;

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use crate::base::{Error, Oid, Result, SqlState, Version};
use crate::catalog::{Relation, Snapshot, Standing};

use files::Files;
use lake::{Lake, PageReader};
use secrets::Vault;

pub use form::{restore, stored_type};
pub use memory::merge_batches;
pub use pages::{PAGE_BYTES, Pages};
pub use reader::read_segment;
pub use sweep::History;
pub use writer::{SegmentWriter, seal, spill};

/// The open data directory. Dropping it releases the lock.
#[derive(Debug)]
pub struct Store {
    files: Files,
    /// Plain mutexes: held for one transaction of SQLite, by blocking threads.
    lake: Mutex<Lake>,
    vault: Mutex<Vault>,
    /// Reads the pages of large objects.
    pages: Mutex<PageReader>,
    /// A commit failed in a way that leaves open whether it is on disk. Only a restart finds out,
    /// so nothing more is written: the next commit could contradict it.
    fenced: AtomicBool,
    orphans_swept: AtomicBool,
    started: SystemTime,
    /// Unlocked when it is closed.
    _lock: File,
}

/// What recovery found.
#[derive(Debug)]
pub struct Recovered {
    /// The catalog as of the last durable commit, or genesis.
    pub snapshot: Snapshot,
    /// The next OID never given.
    pub next_oid: Oid,
    /// Whether nothing was ever committed: the first start, or one after a first start that did not
    /// get far.
    pub first_start: bool,
    /// Where sequences stand that were ever used.
    pub sequences: Vec<SequenceState>,
}

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SequenceState {
    /// Which.
    pub oid: Oid,
    /// Which of its generations.
    pub generation: u64,
    /// At rest: the last value that may have been given.
    pub standing: Standing,
}

/// One commit to make durable.
#[derive(Debug)]
pub struct CommitRecord<'a> {
    /// The catalog before.
    pub before: &'a Snapshot,
    /// The catalog after; its version is `before`'s next. Every segment of it that is new is a
    /// sealed file.
    pub after: &'a Snapshot,
    /// The first OID not given when the commit was made.
    pub next_oid: Oid,
    /// Role that commits (DuckLake's `author`).
    pub author: &'a str,
    /// Password changes of the same transaction: role, verifier.
    pub passwords: &'a [(Oid, Option<String>)],
    /// Pages of large objects that the transaction wrote.
    pub pages: Option<&'a Pages>,
}

impl Store {
    /// Opens (or creates) the directory, locks it, recovers.
    ///
    /// # Errors
    /// `55000` locked by another server; `0A000` a newer format; `XX001` damaged; `58030` I/O.
    pub fn open(root: &Path) -> Result<(Self, Recovered)> {
        files::create_directory(root)?;
        let root = root
            .canonicalize()
            .map_err(|error| files::io_error("open", root, &error))?;
        // Before anything else is looked at: another server may be writing.
        let lock = lock(&root)?;
        files::restrict(&root, 0o700)?;
        empty_tmp(&root)?;
        files::create_directory(&root.join(files::DATA))?;

        let (lake, loaded) = Lake::open(&root)?;
        let version = loaded.snapshot.version();
        let vault = Vault::open(&root, version)?;
        files::sync_directory(&root).map_err(|error| files::io_error("fsync", &root, &error))?;
        let pages = Mutex::new(PageReader::open(&root)?);
        let store = Self {
            files: Files::new(root),
            lake: Mutex::new(lake),
            pages,
            vault: Mutex::new(vault),
            fenced: AtomicBool::new(false),
            orphans_swept: AtomicBool::new(false),
            started: SystemTime::now(),
            _lock: lock,
        };
        let recovered = Recovered {
            first_start: version == Snapshot::genesis().version(),
            snapshot: loaded.snapshot,
            next_oid: loaded.next_oid,
            sequences: loaded.sequences,
        };
        Ok((store, recovered))
    }

    /// The data directory.
    pub fn root(&self) -> &Path {
        self.files.root()
    }

    /// Makes commits durable, in order: one SQLite transaction for all, fsynced. On error nothing
    /// happened to any.
    ///
    /// # Errors
    /// `58030` I/O, `53100` disk full.
    pub fn commit(&self, records: &[CommitRecord<'_>]) -> Result<()> {
        let (Some(first), Some(last)) = (records.first(), records.last()) else {
            return Ok(());
        };
        if self.is_fenced() {
            return Err(fenced());
        }
        // Verifiers first: they count only from the version they are stored under, so until that
        // version is there they are not.
        let has_passwords = records.iter().any(|record| !record.passwords.is_empty());
        if has_passwords {
            self.vault().store(records)?;
        }
        if let Err(failure) = self.lake().commit(records) {
            if failure.unknown {
                self.fenced.store(true, Ordering::Relaxed);
                tracing::error!(
                    error = %failure.error,
                    "a commit may or may not be on disk; refusing all writes until restart"
                );
                return Err(fenced().detail(format!("{}.", failure.error.message())));
            }
            if has_passwords {
                self.vault().withdraw(first.before.version())?;
            }
            return Err(failure.error);
        }
        let touched = last.after.relations().filter(|relation| {
            let old = first.before.relation(relation.oid);
            !old.is_some_and(|old| Arc::ptr_eq(old, relation))
        });
        self.files.committed(
            touched
                .flat_map(|relation| Relation::segments(relation))
                .filter_map(|segment| files::path_of(segment)),
        );
        if has_passwords {
            self.vault().settle(last.after);
        }
        Ok(())
    }

    /// The password verifier of a role.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn verifier(&self, role: Oid) -> Result<Option<String>> {
        self.vault().verifier(role)
    }

    /// A secret made with the data directory, for logins to keep to themselves which roles exist.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn mock_secret(&self) -> Result<Vec<u8>> {
        self.vault().mock_secret()
    }

    /// Makes durable that a sequence may stand there. Blocking, and outside of every commit.
    ///
    /// # Errors
    /// `58030` I/O, `53100` disk full.
    pub fn keep_sequence(&self, state: SequenceState) -> Result<()> {
        self.lake().keep_sequence(state)
    }

    /// The pages of a large object from `first` to `last` that a snapshot sees, in order. Blocking.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn pages(
        &self,
        body: u64,
        version: Version,
        range: (i32, i32),
    ) -> Result<Vec<(i32, Vec<u8>)>> {
        self.page_reader().pages(body, version, range)
    }

    /// The numbers and lengths of the pages of a large object from `first` on that a snapshot sees,
    /// the last one first, as long as `more` says so. Blocking.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn page_numbers(
        &self,
        body: u64,
        version: Version,
        first: i32,
        more: &mut dyn FnMut(i32, usize) -> bool,
    ) -> Result<()> {
        self.page_reader().numbers(body, version, first, more)
    }

    fn page_reader(&self) -> MutexGuard<'_, PageReader> {
        self.pages.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn files(&self) -> &Files {
        &self.files
    }

    fn lake(&self) -> MutexGuard<'_, Lake> {
        self.lake.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn vault(&self) -> MutexGuard<'_, Vault> {
        self.vault.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_fenced(&self) -> bool {
        self.fenced.load(Ordering::Relaxed)
    }

    /// Whether orphans have not been looked for since the start; true once.
    fn first_sweep(&self) -> bool {
        !self.orphans_swept.swap(true, Ordering::Relaxed)
    }

    fn started(&self) -> SystemTime {
        self.started
    }
}

fn fenced() -> Error {
    Error::new(
        SqlState::IO_ERROR,
        "the outcome of a commit is unknown, so no more are made",
    )
    .hint("Check the disk and restart the server: it then knows what is on disk.")
}

/// Takes the directory for this process. The lock goes with the process, however it ends.
fn lock(root: &Path) -> Result<File> {
    let path = root.join("LOCK");
    let failed = |error: std::io::Error| files::io_error("lock", &path, &error);
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .map_err(failed)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Who it is is only told to help; not knowing is no reason to fail differently.
            let _ = file.read_to_string(&mut holder);
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "data directory \"{}\" is in use by another server",
                    root.display()
                ),
            )
            .detail(format!("Its process id is {}.", holder.trim()))
            .hint("Stop that server, or use another data directory."));
        }
        Err(TryLockError::Error(error)) => return Err(failed(error)),
    }
    file.set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()))
        .map_err(failed)?;
    Ok(file)
}

fn empty_tmp(root: &Path) -> Result<()> {
    let path = root.join(files::TMP);
    match std::fs::remove_dir_all(&path) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(files::io_error("empty", &path, &error)),
    }
    files::create_directory(&path)
}
