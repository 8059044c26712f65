//! Large objects of a transaction: what it made, wrote and unlinked, and its descriptors.
//!
//! Functions work on them while their statement runs, so what they do is kept here, beside the
//! changes of the transaction, and becomes changes when the statement is over
//! ([`Transaction::settle`](super::Transaction::settle)). A descriptor lives as long as its
//! transaction, or as the savepoint before which it was opened is not returned to.

mod body;

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::Database;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, LargeObject, ObjectId, Snapshot, duplicate_large_object, missing_large_object,
};
use crate::storage::Pages;

pub use body::Extent;
use body::{BYTES_MAX, Body};

/// The large objects of one transaction, shared with the functions its statements call.
#[derive(Debug)]
pub(super) struct LargeObjects {
    database: Arc<Database>,
    /// A plain mutex: held for one operation, by the thread that runs it.
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    pages: Pages,
    /// What became of objects since the last statement was over; `None` is gone.
    now: BTreeMap<Oid, Option<Arc<LargeObject>>>,
    /// The same as changes.
    changes: Vec<Change>,
    /// The stamps this transaction gave.
    stamps: HashSet<u64>,
    descriptors: Vec<Option<Descriptor>>,
    /// Its transaction is over: nothing more becomes of what functions do.
    ended: bool,
    /// What it wrote can no longer be read here.
    forgotten: bool,
}

/// An open large object.
#[derive(Debug, Clone)]
struct Descriptor {
    oid: Oid,
    position: u64,
    /// What it sees; `None` of one to write, which sees what is there now.
    seen: Option<Seen>,
    /// [`Pages::epoch`] when it was opened.
    opened: u64,
}

/// A body as it was.
#[derive(Debug, Clone)]
struct Seen {
    body: u64,
    base: Arc<Snapshot>,
    mark: Arc<u64>,
}

/// Large objects as one statement sees them.
#[derive(Debug, Clone)]
pub struct LargeObjectView {
    objects: Arc<LargeObjects>,
    /// What is committed, as far as the statement knows.
    base: Arc<Snapshot>,
    /// What the transaction had written when the statement began.
    mark: Arc<u64>,
}

impl LargeObjects {
    pub(super) fn new(database: &Arc<Database>) -> Arc<Self> {
        Arc::new(Self {
            database: Arc::clone(database),
            state: Mutex::default(),
        })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn view(self: &Arc<Self>, base: &Arc<Snapshot>) -> LargeObjectView {
        LargeObjectView {
            objects: Arc::clone(self),
            base: Arc::clone(base),
            mark: self.lock().pages.pin(),
        }
    }

    /// What functions did since this was last asked.
    pub(super) fn take_changes(&self) -> Vec<Change> {
        let mut state = self.lock();
        state.now.clear();
        std::mem::take(&mut state.changes)
    }

    /// Nothing more is made of what functions do.
    pub(super) fn end(&self) {
        self.lock().ended = true;
    }

    /// The transaction is gone, and the room its pages took: a prepared statement may hold on to
    /// this for long.
    pub(super) fn forget(&self) {
        let mut state = self.lock();
        state.ended = true;
        state.descriptors.clear();
        if !state.pages.is_empty() {
            state.pages = Pages::default();
            state.forgotten = true;
        }
    }

    /// What is written, to be committed.
    pub(super) fn written(&self) -> Written<'_> {
        Written(self.lock())
    }

    /// SAVEPOINT: what [`LargeObjects::rewind`] goes back to.
    pub(super) fn mark(&self) -> Arc<u64> {
        self.lock().pages.pin()
    }

    /// ROLLBACK TO SAVEPOINT
    pub(super) fn rewind(&self, mark: u64) {
        let mut state = self.lock();
        state.pages.rewind(mark);
        state.now.clear();
        state.changes.clear();
        for place in &mut state.descriptors {
            place.take_if(|descriptor| descriptor.opened > mark);
        }
    }
}

/// The pages a transaction has written; nobody writes more meanwhile.
pub(super) struct Written<'a>(MutexGuard<'a, State>);

impl Written<'_> {
    pub(super) fn pages(&self) -> Option<&Pages> {
        Some(&self.0.pages).filter(|pages| !pages.is_empty())
    }
}

impl State {
    /// `0A000` once the transaction is over: what is done then would be in none.
    fn check_open(&self) -> Result<()> {
        match self.ended {
            true => Err(Self::outlived()),
            false => Ok(()),
        }
    }

    /// `0A000` once what the transaction wrote is gone from here.
    fn check_kept(&self) -> Result<()> {
        match self.forgotten {
            true => Err(Self::outlived()),
            false => Ok(()),
        }
    }

    fn outlived() -> Error {
        Error::unsupported("using large objects in a cursor that outlives its transaction")
            .hint("Read what it gives before the COMMIT.")
    }

    fn descriptor(&mut self, number: i32) -> Result<&mut Descriptor> {
        self.check_open()?;
        usize::try_from(number)
            .ok()
            .and_then(|index| self.descriptors.get_mut(index)?.as_mut())
            .ok_or_else(|| {
                Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("invalid large-object descriptor: {number}"),
                )
            })
    }

    /// An object as it is now, after what this statement did.
    fn object(&self, snapshot: &Snapshot, oid: Oid) -> Result<Arc<LargeObject>> {
        match self.now.get(&oid) {
            Some(Some(object)) => Ok(Arc::clone(object)),
            Some(None) => Err(missing_large_object(oid)),
            None => snapshot.must_large_object(oid).cloned(),
        }
    }

    fn opened(&mut self, descriptor: Descriptor) -> i32 {
        let free = self.descriptors.iter().position(Option::is_none);
        let index = free.unwrap_or(self.descriptors.len());
        match self.descriptors.get_mut(index) {
            Some(place) => *place = Some(descriptor),
            None => self.descriptors.push(Some(descriptor)),
        }
        i32::try_from(index).unwrap_or(i32::MAX)
    }
}

impl LargeObjectView {
    /// An object as it is now; `snapshot` is what the statement sees.
    ///
    /// # Errors
    /// `42704`
    pub fn object(&self, snapshot: &Snapshot, oid: Oid) -> Result<Arc<LargeObject>> {
        self.objects.lock().object(snapshot, oid)
    }

    /// Makes an empty object; with `Oid::INVALID` under a fresh OID.
    ///
    /// # Errors
    /// `23505` there is one.
    pub fn create(&self, snapshot: &Snapshot, oid: Oid, owner: Oid) -> Result<Oid> {
        let database = &self.objects.database;
        let mut state = self.objects.lock();
        state.check_open()?;
        let taken = |oid| state.object(snapshot, oid).is_ok();
        let oid = match oid {
            Oid::INVALID => std::iter::repeat_with(|| database.new_oid())
                .find(|oid| !taken(*oid))
                .unwrap_or(Oid::INVALID),
            oid => oid,
        };
        let object = LargeObject {
            oid,
            owner,
            acl: None,
            comment: None,
            body: database.new_stamp(),
            stamp: database.new_stamp(),
        };
        if taken(oid) {
            return Err(duplicate_large_object(oid));
        }
        state.stamps.insert(object.stamp);
        state
            .changes
            .push(Change::CreateLargeObject(object.clone()));
        state.now.insert(oid, Some(Arc::new(object)));
        Ok(oid)
    }

    /// Takes an object away, and closes its descriptors.
    ///
    /// # Errors
    /// `42704`
    pub fn unlink(&self, snapshot: &Snapshot, oid: Oid) -> Result<()> {
        let mut state = self.objects.lock();
        state.check_open()?;
        state.object(snapshot, oid)?;
        for place in &mut state.descriptors {
            place.take_if(|descriptor| descriptor.oid == oid);
        }
        state.changes.push(Change::Drop(ObjectId::LargeObject(oid)));
        state.now.insert(oid, None);
        Ok(())
    }

    /// Opens an object: to write, or to read it as the statement sees it.
    ///
    /// # Errors
    /// `42704`
    pub fn open(&self, snapshot: &Snapshot, oid: Oid, write: bool) -> Result<i32> {
        let mut state = self.objects.lock();
        state.check_open()?;
        let seen = match write {
            true => state.object(snapshot, oid).map(|_| None)?,
            false => Some(self.seen(snapshot, oid)?),
        };
        let opened = state.pages.epoch();
        Ok(state.opened(Descriptor {
            oid,
            position: 0,
            seen,
            opened,
        }))
    }

    fn seen(&self, snapshot: &Snapshot, oid: Oid) -> Result<Seen> {
        Ok(Seen {
            body: snapshot.must_large_object(oid)?.body,
            base: Arc::clone(&self.base),
            mark: Arc::clone(&self.mark),
        })
    }

    /// Closes a descriptor.
    ///
    /// # Errors
    /// `42704` no such descriptor.
    pub fn close(&self, number: i32) -> Result<()> {
        let mut state = self.objects.lock();
        state.descriptor(number)?;
        if let Some(place) = usize::try_from(number)
            .ok()
            .and_then(|index| state.descriptors.get_mut(index))
        {
            *place = None;
        }
        Ok(())
    }

    /// Where a descriptor stands.
    ///
    /// # Errors
    /// `42704` no such descriptor.
    pub fn tell(&self, number: i32) -> Result<u64> {
        Ok(self.objects.lock().descriptor(number)?.position)
    }

    /// Reads on from where a descriptor stands.
    ///
    /// # Errors
    /// `42704` no such descriptor or object.
    pub fn read(&self, snapshot: &Snapshot, number: i32, length: usize) -> Result<Vec<u8>> {
        let mut state = self.objects.lock();
        let descriptor = state.descriptor(number)?.clone();
        let body = self.body_of(&state, snapshot, &descriptor)?;
        let read = body.read(descriptor.position, length)?;
        state.descriptor(number)?.position += read.len() as u64;
        Ok(read)
    }

    /// Moves a descriptor: to `offset` from the beginning (`whence` 0), from where it stands (1) or
    /// from the end (2).
    ///
    /// # Errors
    /// `22023` not a place in an object; `42704` no such descriptor or object.
    pub fn seek(&self, snapshot: &Snapshot, number: i32, offset: i64, whence: i32) -> Result<u64> {
        let mut state = self.objects.lock();
        let descriptor = state.descriptor(number)?.clone();
        let from = match whence {
            0 => 0,
            1 => descriptor.position,
            2 => self.body_of(&state, snapshot, &descriptor)?.size()?,
            _ => {
                return Err(invalid(format!("invalid whence setting: {whence}")));
            }
        };
        let to = i64::try_from(from).unwrap_or(i64::MAX).wrapping_add(offset);
        let position = u64::try_from(to)
            .ok()
            .filter(|to| *to <= BYTES_MAX)
            .ok_or_else(|| invalid(format!("invalid large object seek target: {to}")))?;
        state.descriptor(number)?.position = position;
        Ok(position)
    }

    /// Writes where a descriptor stands.
    ///
    /// # Errors
    /// `55000` it was opened to read; `22023` beyond the largest object; `42704`; storage.
    pub fn write(&self, snapshot: &Snapshot, number: i32, data: &[u8]) -> Result<()> {
        let mut state = self.objects.lock();
        let descriptor = state.writable(number)?;
        self.write_body(
            &mut state,
            snapshot,
            descriptor.oid,
            descriptor.position,
            data,
        )?;
        state.descriptor(number)?.position += data.len() as u64;
        Ok(())
    }

    /// Makes an object shorter or longer.
    ///
    /// # Errors
    /// As [`LargeObjectView::write`].
    pub fn truncate(&self, snapshot: &Snapshot, number: i32, length: i64) -> Result<()> {
        let mut state = self.objects.lock();
        let descriptor = state.writable(number)?;
        let length = u64::try_from(length)
            .ok()
            .filter(|length| *length <= BYTES_MAX)
            .ok_or_else(|| invalid(format!("invalid large object truncation target: {length}")))?;
        let object = self.touch(&mut state, snapshot, descriptor.oid)?;
        body::truncate(
            self.objects.database.store(),
            &mut state.pages,
            (&object, self.base.version()),
            length,
        )
    }

    /// Writes into an object at a place.
    ///
    /// # Errors
    /// As [`LargeObjectView::write`].
    pub fn put(&self, snapshot: &Snapshot, oid: Oid, offset: i64, data: &[u8]) -> Result<()> {
        let mut state = self.objects.lock();
        let at = u64::try_from(offset)
            .ok()
            .filter(|at| *at <= BYTES_MAX)
            .ok_or_else(|| invalid(format!("invalid large object seek target: {offset}")))?;
        self.write_body(&mut state, snapshot, oid, at, data)
    }

    /// Part of an object as the statement sees it; all of it without an extent.
    ///
    /// # Errors
    /// `42704`; `22023` not a place in an object; `54000` more than a value can hold.
    pub fn get(&self, snapshot: &Snapshot, oid: Oid, extent: Option<Extent>) -> Result<Vec<u8>> {
        let state = self.objects.lock();
        state.check_kept()?;
        let seen = self.seen(snapshot, oid)?;
        let body = Body::of(
            self.objects.database.store(),
            &state.pages,
            seen.body,
            (seen.base.version(), *seen.mark),
        );
        body.get(extent)
    }

    /// The pages of an object as the statement sees it, in order.
    ///
    /// # Errors
    /// Storage, and what `each` fails with.
    pub fn pages(
        &self,
        object: &LargeObject,
        mut each: impl FnMut(i32, Vec<u8>) -> Result<()>,
    ) -> Result<()> {
        let state = self.objects.lock();
        state.check_kept()?;
        let store = self.objects.database.store();
        let now = (self.base.version(), *self.mark);
        let body = Body::of(store, &state.pages, object.body, now);
        for number in body.numbers()? {
            if let Some(data) = body.page(number)? {
                each(number, data)?;
            }
        }
        Ok(())
    }

    fn body_of<'a>(
        &'a self,
        state: &'a State,
        snapshot: &Snapshot,
        descriptor: &Descriptor,
    ) -> Result<Body<'a>> {
        let store = self.objects.database.store();
        Ok(match &descriptor.seen {
            Some(seen) => Body::of(
                store,
                &state.pages,
                seen.body,
                (seen.base.version(), *seen.mark),
            ),
            None => {
                let object = state.object(snapshot, descriptor.oid)?;
                let now = (self.base.version(), u64::MAX);
                Body::of(store, &state.pages, object.body, now)
            }
        })
    }

    fn write_body(
        &self,
        state: &mut State,
        snapshot: &Snapshot,
        oid: Oid,
        at: u64,
        data: &[u8],
    ) -> Result<()> {
        if at + data.len() as u64 > BYTES_MAX {
            return Err(invalid(format!(
                "invalid large object write request size: {}",
                data.len()
            )));
        }
        if data.is_empty() {
            return Ok(());
        }
        let object = self.touch(state, snapshot, oid)?;
        body::write(
            self.objects.database.store(),
            &mut state.pages,
            (&object, self.base.version()),
            at,
            data,
        )
    }

    /// Notes that the transaction writes an object.
    fn touch(&self, state: &mut State, snapshot: &Snapshot, oid: Oid) -> Result<Arc<LargeObject>> {
        state.check_open()?;
        let object = state.object(snapshot, oid)?;
        if state.stamps.contains(&object.stamp) {
            return Ok(object);
        }
        let stamp = self.objects.database.new_stamp();
        state.stamps.insert(stamp);
        state.changes.push(Change::WriteLargeObject {
            oid,
            was: object.stamp,
            stamp,
        });
        let written = Arc::new(LargeObject {
            stamp,
            ..LargeObject::clone(&object)
        });
        state.now.insert(oid, Some(Arc::clone(&written)));
        Ok(written)
    }
}

impl State {
    fn writable(&mut self, number: i32) -> Result<Descriptor> {
        let descriptor = self.descriptor(number)?;
        if descriptor.seen.is_some() {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("large object descriptor {number} was not opened for writing"),
            ));
        }
        Ok(descriptor.clone())
    }
}

fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}
