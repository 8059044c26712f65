//! Removing files that nothing can reach.
//!
//! Three kinds: files of transactions that did not commit, files whose last snapshot was forgotten,
//! and orphans: what a server that was killed had written and not committed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::{Store, files};
use crate::base::{Result, Version};

/// How much of the past is kept for readers of old snapshots.
#[derive(Debug, Clone, Copy)]
pub struct History {
    /// Snapshots younger than this are kept…
    pub age: chrono::TimeDelta,
    /// …but not more than this many.
    pub versions: u64,
}

impl Store {
    /// Removes files that no snapshot in use (`oldest` and later) or kept as history can reach,
    /// files of transactions that are gone, and once per start orphans of crashed ones. Returns how
    /// many files went.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn sweep(&self, oldest: Version) -> Result<usize> {
        self.sweep_history(oldest, History::default())
    }

    /// [`Store::sweep`] with another idea of what history is worth.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn sweep_history(&self, oldest: Version, history: History) -> Result<usize> {
        if self.is_fenced() {
            // Some commit may or may not be on disk: nothing is known to be garbage.
            return Ok(0);
        }
        let mut gone = self.files().discard();
        self.lake().expire_pages(oldest)?;
        let expired = self.lake().expire(oldest, history)?;
        for file in &expired {
            let path = Path::new(files::DATA).join(&file.path);
            files::remove(&self.root().join(&path));
            if let Some(directory) = path.parent() {
                self.files().remove_directory(directory);
            }
        }
        if !expired.is_empty() {
            self.lake().removed(&expired)?;
        }
        gone += expired.len();
        if self.first_sweep() {
            gone += self.sweep_orphans()?;
        }
        Ok(gone)
    }

    /// Removes the files of uncommitted segments that nobody has any more. Cheap; called when a
    /// transaction ends.
    pub fn discard(&self) {
        if !self.is_fenced() {
            self.files().discard();
        }
    }

    fn sweep_orphans(&self) -> Result<usize> {
        let mut gone = 0;
        for path in files_below(&self.root().join(files::DATA)) {
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            let is_ours = path.strip_prefix(self.root()).is_ok_and(|relative| {
                written_before(name, self.started()) && !self.files().is_uncommitted(relative)
            });
            if is_ours && !self.lake().knows(name)? {
                tracing::info!(
                    path = %path.display(),
                    "removing a file of a transaction that never committed"
                );
                files::remove(&path);
                gone += 1;
            }
        }
        Ok(gone)
    }
}

/// Whether a segment's file was made before `time`: its name begins with when.
fn written_before(name: &str, time: SystemTime) -> bool {
    let Some(id) = name
        .strip_suffix(".parquet")
        .and_then(|stem| uuid::Uuid::parse_str(stem).ok())
    else {
        // Not a file of ours; not ours to remove.
        return false;
    };
    id.get_timestamp().is_some_and(|made| {
        let (seconds, nanos) = made.to_unix();
        SystemTime::UNIX_EPOCH + Duration::new(seconds, nanos) < time
    })
}

/// The files in the directories of `data`.
fn files_below(data: &Path) -> Vec<PathBuf> {
    let entries = |path: &Path| {
        fs::read_dir(path)
            .into_iter()
            .flatten()
            .flatten()
            .map(|entry| entry.path())
            .collect::<Vec<_>>()
    };
    entries(data)
        .iter()
        .flat_map(|directory| entries(directory))
        .collect()
}
