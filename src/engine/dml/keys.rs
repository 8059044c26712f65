//! Unique indexes, enforced: no stored structure, but for every segment the sorted hashes of its
//! keys, made when first asked for and kept while memory allows. Segments never change, so neither
//! do those.
//!
//! A hash that is found is only a suspicion: the segment's keys are then read and compared. Rows
//! are taken in the order the statement makes them, each against the table as the rows before it
//! left it, as PostgreSQL checks a constraint that is not deferrable.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt64Array};
use arrow::compute::take;
use arrow::record_batch::RecordBatch;
use tokio::runtime::Handle;

use super::key_cache::KeyCache;
use super::key_set::{Key, KeySet, hash};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Index, IndexPart, IndexedBy, Location, ObjectId, Privilege, Relation, Segment,
};
use crate::engine::{Engine, laid_out};
use crate::observe::Interrupt;
use crate::pg_catalog::names::Names;
use crate::privileges::{has_column_privilege, has_privilege, is_limited};
use crate::statement::StatementContext;
use crate::storage::read_segment;
use crate::types::PgType;
use crate::types::text::TextColumn;

/// The keys of a batch: by index, by row.
pub(in crate::engine) struct RowKeys(Vec<Vec<Key>>);

/// The place of a row: its segment's position in the relation, and its number in the segment.
pub(super) type Address = (usize, u64);

/// The unique indexes of a table while a statement makes rows for it.
#[derive(Debug)]
pub(in crate::engine) struct Keys {
    engine: Arc<Engine>,
    /// Of the threads that compute what no plain column is, while this one waits.
    runtime: Handle,
    interrupt: Interrupt,
    context: Arc<StatementContext>,
    relation: Arc<Relation>,
    root: PathBuf,
    cache: Arc<KeyCache>,
    sets: Vec<KeySet>,
}

/// What a key met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Met {
    /// A row of the table.
    Stored(Address),
    /// A row the statement made, by its number.
    Made(u64),
}

impl Keys {
    /// For rows of `relation` as the statement sees it; `None` if it has no unique index that is
    /// minded. A constraint that waits for the commit is not.
    pub(in crate::engine) async fn open(
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        interrupt: &Interrupt,
        minds: impl Fn(&Index) -> bool,
    ) -> Result<Option<Self>> {
        let waits = |index: &Index| {
            index.constraint.is_some_and(|constraint| {
                context
                    .constraint_modes
                    .is_deferred(constraint, index.timing)
            })
        };
        let mut sets = Vec::new();
        for index in relation.constraints.unique() {
            if !minds(index) || waits(index) {
                continue;
            }
            let computed = match index.is_plain() {
                true => None,
                false => {
                    let expressions = index.parts.iter().filter_map(|part| match &part.of {
                        IndexedBy::Column(_) => None,
                        IndexedBy::Expression(text) => Some(text.as_str()),
                    });
                    let expressions = expressions.chain(index.predicate.as_deref());
                    Some(
                        engine
                            .bind_kept_rule(context, relation, expressions)
                            .await?,
                    )
                }
            };
            sets.push(KeySet::new(index, relation, computed)?);
        }
        if sets.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            engine: Arc::clone(engine),
            runtime: Handle::current(),
            interrupt: interrupt.clone(),
            context: Arc::clone(context),
            relation: Arc::clone(relation),
            root: context.database.store().root().to_owned(),
            cache: Arc::clone(engine.keys()),
            sets,
        }))
    }

    /// The keys of `rows`, for [`Keys::find`] and the like. Blocking.
    pub(in crate::engine) fn of(&self, rows: &RecordBatch) -> Result<RowKeys> {
        let keys = self.sets.iter().map(|set| {
            let answer = self.computed(set, rows)?;
            set.convert(&set.arrays(rows.columns(), &answer), &answer)
        });
        Ok(RowKeys(keys.collect::<Result<_>>()?))
    }

    /// What an index's expressions and WHERE come to for rows of the relation. Blocking.
    fn computed(&self, set: &KeySet, rows: &RecordBatch) -> Result<Vec<ArrayRef>> {
        let Some(query) = &set.computed else {
            return Ok(Vec::new());
        };
        let work = self
            .engine
            .examine(&self.context, &self.relation, query, rows, &self.interrupt);
        self.runtime.block_on(work)
    }

    /// Looks at the constraints that are looked at when the statement is over. Blocking.
    ///
    /// # Errors
    /// `23505`
    pub(in crate::engine) fn settle(&mut self) -> Result<()> {
        for set in 0..self.sets.len() {
            let Some(late) = self.sets[set].late.take() else {
                continue;
            };
            for (key, rows, row) in late {
                let met = self.met(set, &key)?;
                if met.is_some() {
                    return Err(self.violation(set, &rows, row, "already exists"));
                }
                self.sets[set].added.insert(key, 0);
            }
        }
        Ok(())
    }

    /// Takes away the keys of a row that goes, before those of what replaces it come.
    pub(super) fn remove(&mut self, keys: &RowKeys, row: usize) {
        for (set, keys) in self.sets.iter_mut().zip(&keys.0) {
            if let Some(key) = &keys[row]
                // A row the statement made itself may go again, too.
                && set.added.remove(key).is_none()
            {
                set.removed.insert(key.clone());
            }
        }
    }

    /// Each of some rows gives way to the one that it becomes. Blocking.
    ///
    /// # Errors
    /// As [`Keys::take`].
    pub(super) fn replace(&mut self, old: &RecordBatch, new: &RecordBatch) -> Result<()> {
        let (gone, come) = (self.of(old)?, self.of(new)?);
        for row in 0..new.num_rows() {
            self.remove(&gone, row);
            self.take(new, &come, row, 0)?;
        }
        Ok(())
    }

    /// Takes the keys of a row that comes, under a number. Blocking.
    ///
    /// # Errors
    /// `23505` if one is there already; `rows` are the relation's columns.
    pub(in crate::engine) fn take(
        &mut self,
        rows: &RecordBatch,
        keys: &RowKeys,
        row: usize,
        number: u64,
    ) -> Result<()> {
        for set in 0..self.sets.len() {
            if self.sets[set].late.is_none()
                && let Some(key) = &keys.0[set][row]
                && self.met(set, key)?.is_some()
            {
                return Err(self.violation(set, rows, row, "already exists"));
            }
        }
        for (set, keys) in self.sets.iter_mut().zip(&keys.0) {
            let Some(key) = &keys[row] else { continue };
            match &mut set.late {
                Some(late) => late.push((key.clone(), rows.clone(), row)),
                None => {
                    set.added.insert(key.clone(), number);
                }
            }
        }
        Ok(())
    }

    /// Takes whole batches. Blocking.
    ///
    /// # Errors
    /// `23505` for the first row whose key is there already.
    pub(in crate::engine) fn add(&mut self, rows: &RecordBatch) -> Result<()> {
        let keys = self.of(rows)?;
        (0..rows.num_rows()).try_for_each(|row| self.take(rows, &keys, row, 0))
    }

    /// What a row's keys meet first, of the indexes `arbiters` (all, if empty). Blocking.
    pub(super) fn find(
        &mut self,
        keys: &RowKeys,
        row: usize,
        arbiters: &[Oid],
    ) -> Result<Option<Met>> {
        for set in 0..self.sets.len() {
            if !arbiters.is_empty() && !arbiters.contains(&self.sets[set].index.oid) {
                continue;
            }
            if let Some(key) = &keys.0[set][row]
                && let Some(met) = self.met(set, key)?
            {
                return Ok(Some(met));
            }
        }
        Ok(None)
    }

    /// Finds two rows of the table itself with the same key: before an index is `declared` unique,
    /// or before a commit.
    /// Blocking.
    ///
    /// # Errors
    /// `23505`
    pub(in crate::engine) fn check_stored(&mut self, declared: bool) -> Result<()> {
        let is = match declared {
            true => "is duplicated",
            false => "already exists",
        };
        for index in 0..self.relation.segments().len() {
            let segment = Arc::clone(&self.relation.segments()[index]);
            let columns = self.relation.columns.clone();
            for batch in read_segment(&self.root, &segment, &columns)? {
                let batch = batch?;
                let keys = self.of(&batch)?;
                for (set, keys) in keys.0.into_iter().enumerate() {
                    for (row, key) in keys.into_iter().enumerate() {
                        let Some(key) = key else { continue };
                        if self.sets[set].added.insert(key, 0).is_some() {
                            return Err(self.violation(set, &batch, row, is));
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// What `key` meets.
    fn met(&mut self, set: usize, key: &[u8]) -> Result<Option<Met>> {
        if let Some(number) = self.sets[set].added.get(key) {
            return Ok(Some(Met::Made(*number)));
        }
        if self.sets[set].removed.contains(key) {
            return Ok(None);
        }
        self.load(set)?;
        let hash = hash(key);
        let suspects: Vec<usize> = self.sets[set]
            .hashes
            .iter()
            .flatten()
            .enumerate()
            .filter(|(_, parts)| parts.iter().any(|part| part.binary_search(&hash).is_ok()))
            .map(|(segment, _)| segment)
            .collect();
        for segment in suspects {
            if !self.sets[set].exact.contains_key(&segment) {
                let exact = self.read_exactly(set, segment)?;
                self.sets[set].exact.insert(segment, exact);
            }
            if let Some(row) = self.sets[set].exact[&segment].get(key) {
                return Ok(Some(Met::Stored((segment, *row))));
            }
        }
        Ok(None)
    }

    /// The hashes of every segment's keys.
    fn load(&mut self, set: usize) -> Result<()> {
        if self.sets[set].hashes.is_some() {
            return Ok(());
        }
        let segments = self.relation.segments();
        let mut loaded = Vec::with_capacity(segments.len());
        for segment in segments {
            loaded.push(match &segment.location {
                Location::Memory(batches) => self.hashes_in_memory(set, segment, batches)?,
                Location::File { .. } => vec![self.hashes_of_file(set, segment)?],
            });
        }
        self.sets[set].hashes = Some(loaded);
        Ok(())
    }

    fn hashes_of_file(&self, set: usize, segment: &Segment) -> Result<Arc<[u64]>> {
        let attnums = &self.sets[set].remembered;
        if let Some(hashes) = self.cache.get(segment.id, attnums) {
            return Ok(hashes);
        }
        let mut hashes = Vec::with_capacity(segment.rows as usize);
        self.read(set, segment, |_, key| hashes.push(hash(&key)))?;
        hashes.sort_unstable();
        let hashes = Arc::from(hashes);
        self.cache.keep(segment.id, attnums, &hashes);
        Ok(hashes)
    }

    fn hashes_in_memory(
        &self,
        set: usize,
        segment: &Segment,
        batches: &[RecordBatch],
    ) -> Result<Vec<Arc<[u64]>>> {
        let of = &self.sets[set];
        let mut parts = Vec::with_capacity(batches.len());
        for batch in batches {
            let stored = of.columns.iter();
            let stored = stored.map(|column| batch.column_by_name(&column.stored_name).cloned());
            let stored: Option<Vec<ArrayRef>> = stored.collect();
            let known = |arrays: &Vec<ArrayRef>| self.cache.get_batch(arrays, &of.remembered);
            if let Some(hashes) = stored.as_ref().and_then(known) {
                parts.push(hashes);
                continue;
            }
            let alone = Segment {
                location: Location::Memory(vec![batch.clone()]),
                ..segment.clone()
            };
            let mut hashes = Vec::with_capacity(batch.num_rows());
            self.read(set, &alone, |_, key| hashes.push(hash(&key)))?;
            hashes.sort_unstable();
            let hashes = Arc::from(hashes);
            if let Some(stored) = &stored {
                self.cache.keep_batch(stored, &of.remembered, &hashes);
            }
            parts.push(hashes);
        }
        Ok(parts)
    }

    fn read_exactly(&self, set: usize, segment: usize) -> Result<HashMap<Box<[u8]>, u64>> {
        let segment = &self.relation.segments()[segment];
        let mut exact = HashMap::with_capacity(segment.rows as usize);
        self.read(set, segment, |row, key| {
            exact.insert(key, row);
        })?;
        Ok(exact)
    }

    fn read(
        &self,
        set: usize,
        segment: &Segment,
        mut take: impl FnMut(u64, Box<[u8]>),
    ) -> Result<()> {
        let set = &self.sets[set];
        let mut first = 0;
        for batch in read_segment(&self.root, segment, &set.columns)? {
            let batch = batch?;
            let answer = self.computed(set, &batch)?;
            let arrays = set.stored_arrays(batch.columns(), &answer);
            for (row, key) in set.convert(&arrays, &answer)?.into_iter().enumerate() {
                if let Some(key) = key {
                    take(first + row as u64, key);
                }
            }
            first += batch.num_rows() as u64;
        }
        Ok(())
    }

    /// `23505`, with the key if whoever asks may read it.
    fn violation(&self, set: usize, rows: &RecordBatch, row: usize, is: &str) -> Error {
        let index = &self.sets[set].index;
        let message = if is == "is duplicated" {
            format!("could not create unique index \"{}\"", index.name)
        } else {
            format!(
                "duplicate key value violates unique constraint \"{}\"",
                index.name
            )
        };
        let name = self.context.snapshot.qualified_name(&self.relation);
        let error = Error::new(SqlState::UNIQUE_VIOLATION, message)
            .table(name.schema, name.name)
            .constraint(&index.name);
        let (snapshot, role) = (&self.context.snapshot, self.context.role);
        let relation = self.relation.oid;
        let select = Privilege::Select;
        let may = |part: &IndexPart| match part.of {
            IndexedBy::Column(of) => has_column_privilege(snapshot, role, relation, of, select),
            IndexedBy::Expression(_) => false,
        };
        if is_limited(snapshot, role, &self.relation) {
            return error;
        }
        if !has_privilege(snapshot, role, ObjectId::Relation(relation), select)
            && !index.parts.iter().all(may)
        {
            return error;
        }
        let set = &self.sets[set];
        let described = || -> Result<String> {
            let one = rows.slice(row, 1);
            let answer = self.computed(set, &one)?;
            let arrays = set.arrays(one.columns(), &answer);
            let types: Vec<PgType> = set.shown.iter().map(|(_, ty)| *ty).collect();
            let names = index.parts.iter().zip(&set.shown);
            let names = names.map(|(part, (name, _))| match &part.of {
                IndexedBy::Expression(text) => laid_out(&self.context, text, true).as_part(),
                IndexedBy::Column(_) => name.clone(),
            });
            let names: Vec<String> = names.collect();
            let values = describe_values(&self.context, &types, |at| &arrays[at], 0)?;
            Ok(format!("({})=({values})", names.join(", ")))
        };
        match described() {
            Ok(key) => error.detail(format!("Key {key} {is}.")),
            Err(error) => error,
        }
    }
}

/// `1, x`, as messages have it.
pub(super) fn describe_values<'a>(
    context: &Arc<StatementContext>,
    types: &[PgType],
    array: impl Fn(usize) -> &'a ArrayRef,
    row: usize,
) -> Result<String> {
    let names = Names::new(context.clone());
    let mut values = Vec::with_capacity(types.len());
    for (position, ty) in types.iter().enumerate() {
        let array = array(position);
        let text = TextColumn::new(array.as_ref(), *ty, &context.style, &names)?;
        let mut bytes = Vec::new();
        values.push(if text.write(row, &mut bytes)? {
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            "null".to_owned()
        });
    }
    Ok(values.join(", "))
}

/// Rows of a batch, in another order or fewer.
pub(super) fn chosen(batch: &RecordBatch, rows: &[u64]) -> Result<RecordBatch> {
    let rows = UInt64Array::from(rows.to_vec());
    let arrays = batch
        .columns()
        .iter()
        .map(|array| take(array, &rows, None))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| Error::internal("choosing rows", error))?;
    let options = arrow::record_batch::RecordBatchOptions::new().with_row_count(Some(rows.len()));
    RecordBatch::try_new_with_options(batch.schema(), arrays, &options)
        .map_err(|error| Error::internal("choosing rows", error))
}
