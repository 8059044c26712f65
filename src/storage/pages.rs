//! The pages of large objects that a transaction has written and not committed.
//!
//! They wait in a file without a name, so that an object of any size takes little memory and a
//! crash leaves nothing behind. A page may be there several times: as a savepoint, a descriptor or
//! a running statement still sees it, and as it is now.

use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::{Arc, Weak};

use super::files::{self, TMP};
use crate::base::{Error, Oid, Result};

/// Bytes of a page, PostgreSQL's `LOBLKSIZE`.
pub const PAGE_BYTES: usize = 2048;

/// What is kept of a page: the body it is of, and its number.
type Key = (u64, i32);

/// Pages not committed yet.
#[derive(Debug, Default)]
pub struct Pages {
    file: Option<File>,
    /// Where the next new place in the file is.
    end: u64,
    /// Of each page the oldest version first.
    index: BTreeMap<Key, Vec<Kept>>,
    /// The objects that have the bodies.
    oids: BTreeMap<u64, Oid>,
    /// Versions written from now on are of this age.
    epoch: u64,
    pins: Vec<Weak<u64>>,
}

/// One version of a page.
#[derive(Debug, Clone, Copy)]
struct Kept {
    epoch: u64,
    at: u64,
    /// `None`: the page is gone.
    length: Option<u16>,
}

impl Pages {
    /// What is there now stays as it is for whoever holds the mark.
    pub fn pin(&mut self) -> Arc<u64> {
        let mark = Arc::new(self.epoch);
        self.epoch += 1;
        self.pins.retain(|pin| pin.strong_count() > 0);
        self.pins.push(Arc::downgrade(&mark));
        mark
    }

    /// The age of what is written now: more than every mark given so far.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Writes a page of the object `oid`, at most [`PAGE_BYTES`]; `None` takes it away.
    ///
    /// # Errors
    /// `58030`/`53100` storage.
    pub fn put(
        &mut self,
        root: &Path,
        oid: Oid,
        (body, number): Key,
        data: Option<&[u8]>,
    ) -> Result<()> {
        self.oids.insert(body, oid);
        let epoch = self.epoch;
        let kept = self.index.entry((body, number)).or_default();
        let length = data.map(|data| u16::try_from(data.len()).unwrap_or(u16::MAX));
        let at = match kept.as_slice() {
            [.., last] if last.epoch == epoch => {
                let at = last.at;
                kept.pop();
                at
            }
            // Nobody sees the one that is followed by another one any more.
            [.., seen, last]
                if !self
                    .pins
                    .iter()
                    .filter_map(Weak::upgrade)
                    .any(|pin| (seen.epoch..last.epoch).contains(&*pin)) =>
            {
                let at = seen.at;
                kept.remove(kept.len() - 2);
                at
            }
            _ => {
                let at = self.end;
                self.end += PAGE_BYTES as u64;
                at
            }
        };
        kept.push(Kept { epoch, at, length });
        let Some(data) = data else { return Ok(()) };
        let failed = |error: std::io::Error| files::io_error("write", Path::new(TMP), &error);
        if self.file.is_none() {
            self.file = Some(nameless(root)?);
        }
        match &self.file {
            Some(file) => file.write_all_at(data, at).map_err(failed),
            None => Ok(()),
        }
    }

    /// A page as the holder of the mark `seen` sees it: `None` if it was not written, `Some(None)`
    /// if it is gone.
    ///
    /// # Errors
    /// `58030` I/O.
    pub fn get(&self, key: Key, seen: u64) -> Result<Option<Option<Vec<u8>>>> {
        match self.index.get(&key).and_then(|kept| visible(kept, seen)) {
            Some(kept) => self.read(kept).map(Some),
            None => Ok(None),
        }
    }

    /// The numbers of a body's pages from `from` that were written, in order, each with its length
    /// (`None` if it is gone).
    pub fn numbers(
        &self,
        body: u64,
        from: i32,
        seen: u64,
    ) -> impl DoubleEndedIterator<Item = (i32, Option<usize>)> {
        self.index
            .range((body, from)..=(body, i32::MAX))
            .filter_map(move |((_, number), kept)| {
                visible(kept, seen).map(|kept| (*number, kept.length.map(usize::from)))
            })
    }

    /// Back to what the holder of the mark sees.
    pub fn rewind(&mut self, mark: u64) {
        self.index.retain(|_, kept| {
            kept.retain(|kept| kept.epoch <= mark);
            !kept.is_empty()
        });
    }

    /// Whether nothing was written.
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// Every page as it is now: whose it is, and what it holds.
    pub(super) fn latest(
        &self,
    ) -> impl Iterator<Item = (Oid, u64, i32, Result<Option<Vec<u8>>>)> + '_ {
        self.index.iter().filter_map(|((body, number), kept)| {
            let oid = self.oids.get(body).copied().unwrap_or(Oid::INVALID);
            let kept = *kept.last()?;
            Some((oid, *body, *number, self.read(kept)))
        })
    }

    fn read(&self, kept: Kept) -> Result<Option<Vec<u8>>> {
        let Some(length) = kept.length else {
            return Ok(None);
        };
        let mut data = vec![0; usize::from(length)];
        match &self.file {
            Some(file) => file
                .read_exact_at(&mut data, kept.at)
                .map_err(|error| files::io_error("read", Path::new(TMP), &error))?,
            None => return Err(Error::internal("reading a page", "there is no file")),
        }
        Ok(Some(data))
    }
}

fn visible(kept: &[Kept], seen: u64) -> Option<Kept> {
    kept.iter().rev().find(|kept| kept.epoch <= seen).copied()
}

/// A file that is gone once it is closed.
fn nameless(root: &Path) -> Result<File> {
    let path = root
        .join(TMP)
        .join(format!("{}.pages", uuid::Uuid::now_v7()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .map_err(|error| files::io_error("create", &path, &error))?;
    std::fs::remove_file(&path).map_err(|error| files::io_error("remove", &path, &error))?;
    Ok(file)
}
