//! The files of the data directory: where segments go, who owns them, when they are on disk.
//!
//! A segment's file belongs to its [`Segment`] until a commit names it: when the last owner of an
//! uncommitted segment is gone (rolled back, failed, savepoint undone), so is the reason for the
//! file, and [`Files::discard`] removes it.

use std::collections::{HashMap, HashSet};
use std::fs::{self, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError, Weak};

use crate::base::{Error, Oid, Result, SegmentId, SqlState};
use crate::catalog::{Location, Persistence, Relation, Segment};

/// Committed segments, by table.
pub(super) const DATA: &str = "data";
/// Spills and temporary tables.
pub(super) const TMP: &str = "tmp";

#[derive(Debug)]
pub(super) struct Files {
    root: PathBuf,
    /// Directories whose own names are known to be on disk.
    durable: Mutex<HashSet<PathBuf>>,
    uncommitted: Mutex<HashMap<PathBuf, Owner>>,
}

/// Who an uncommitted file belongs to.
#[derive(Debug)]
enum Owner {
    /// A writer that has not finished; it removes the file itself if it is dropped.
    Writer,
    /// A finished segment.
    Segment(Weak<Segment>),
}

impl Files {
    pub(super) fn new(root: PathBuf) -> Self {
        Self {
            root,
            durable: Mutex::default(),
            uncommitted: Mutex::default(),
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Creates the file of a new segment of `relation`; the path is relative to the data directory.
    /// A table keeps its directory through renames and moves between schemas, so no user's name is
    /// ever in a path.
    pub(super) fn create(&self, relation: &Relation, id: SegmentId) -> Result<(PathBuf, File)> {
        let directory = match relation.persistence {
            Persistence::Permanent => table_directory(relation.oid),
            Persistence::Temporary => PathBuf::from(TMP),
        };
        create_directory(&self.root.join(&directory))?;
        let path = directory.join(format!("{id}.parquet"));
        self.uncommitted().insert(path.clone(), Owner::Writer);
        let absolute = self.root.join(&path);
        let open = || {
            OpenOptions::new()
                .read(true)
                .write(true)
                .create_new(true)
                .mode(0o600)
                .open(&absolute)
        };
        let mut file = open();
        if matches!(&file, Err(error) if error.kind() == io::ErrorKind::NotFound) {
            // A sweep found the directory empty in between.
            create_directory(&self.root.join(&directory))?;
            file = open();
        }
        let file = file.map_err(|error| {
            self.uncommitted().remove(&path);
            io_error("create", &path, &error)
        })?;
        Ok((path, file))
    }

    /// A writer finished `segment`.
    pub(super) fn finished(&self, path: &Path, segment: Weak<Segment>) {
        self.uncommitted()
            .insert(path.to_owned(), Owner::Segment(segment));
    }

    /// A writer gave up: the file goes.
    pub(super) fn abandon(&self, path: &Path) {
        remove(&self.root.join(path));
        self.uncommitted().remove(path);
    }

    /// Commits named these files: they are the catalog's from now on.
    pub(super) fn committed<'a>(&self, paths: impl IntoIterator<Item = &'a Path>) {
        let mut uncommitted = self.uncommitted();
        for path in paths {
            uncommitted.remove(path);
        }
    }

    /// Removes uncommitted files that nobody owns any more; returns how many.
    pub(super) fn discard(&self) -> usize {
        let gone: Vec<PathBuf> = {
            let mut uncommitted = self.uncommitted();
            let gone: Vec<PathBuf> = uncommitted
                .iter()
                .filter(|(_, owner)| match owner {
                    Owner::Writer => false,
                    Owner::Segment(segment) => segment.strong_count() == 0,
                })
                .map(|(path, _)| path.clone())
                .collect();
            for path in &gone {
                uncommitted.remove(path);
            }
            gone
        };
        for path in &gone {
            remove(&self.root.join(path));
        }
        gone.len()
    }

    /// Whether a running transaction may still want this file.
    pub(super) fn is_uncommitted(&self, path: &Path) -> bool {
        self.uncommitted().contains_key(path)
    }

    /// Makes the file of a segment durable: its bytes, and its name in every directory above it.
    pub(super) fn sync(&self, path: &Path) -> Result<()> {
        let failed = |error: io::Error| io_error("fsync", path, &error);
        File::open(self.root.join(path))
            .and_then(|file| file.sync_all())
            .map_err(failed)?;
        // The file's name is in its directory, the directory's in the one above, and so on; a
        // directory that is there already was seen to then.
        let mut named = path;
        while let Some(directory) = named.parent() {
            sync_directory(&self.root.join(directory)).map_err(failed)?;
            if named != path {
                self.durable().insert(named.to_owned());
            }
            if self.durable().contains(directory) {
                break;
            }
            named = directory;
        }
        Ok(())
    }

    /// Removes a table's directory if it is empty; a writer makes it again.
    pub(super) fn remove_directory(&self, relative: &Path) {
        self.durable().remove(relative);
        let _ = fs::remove_dir(self.root.join(relative));
    }

    fn uncommitted(&self) -> MutexGuard<'_, HashMap<PathBuf, Owner>> {
        self.uncommitted
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn durable(&self) -> MutexGuard<'_, HashSet<PathBuf>> {
        self.durable.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Where the segments of a table are, relative to the data directory.
pub(super) fn table_directory(table: Oid) -> PathBuf {
    Path::new(DATA).join(format!("t{table}"))
}

/// The path of a segment's file, if it has one.
pub(super) fn path_of(segment: &Segment) -> Option<&Path> {
    match &segment.location {
        Location::File { path, .. } => Some(path),
        Location::Memory(_) => None,
    }
}

/// Makes a directory that only the server's user can enter, parents included.
pub(super) fn create_directory(path: &Path) -> Result<()> {
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .map_err(|error| io_error("create directory", path, &error))
}

/// Lets only the server's user at `path`.
pub(super) fn restrict(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .map_err(|error| io_error("set permissions of", path, &error))
}

pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Removes a file that nothing refers to; one that is gone already is fine, any other trouble is
/// only worth a line in the log, because the next sweep tries again.
pub(super) fn remove(path: &Path) {
    if let Err(error) = fs::remove_file(path)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(path = %path.display(), %error, "could not remove a file no longer needed");
    }
}

/// `58030`, or `53100` where the disk is full, in PostgreSQL's words.
pub(super) fn io_error(doing: &str, path: &Path, error: &io::Error) -> Error {
    let state = match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => SqlState::DISK_FULL,
        _ => SqlState::IO_ERROR,
    };
    Error::new(
        state,
        format!("could not {doing} file \"{}\": {error}", path.display()),
    )
}
