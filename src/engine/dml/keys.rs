//! Unique indexes, enforced: no stored structure, but for every segment the sorted hashes of its
//! keys, made when first asked for and kept while memory allows. Segments never change, so neither
//! do those.
//!
//! A hash that is found is only a suspicion: the segment's keys are then read and compared. Rows
//! are taken in the order the statement makes them, each against the table as the rows before it
//! left it, as PostgreSQL checks a constraint that is not deferrable.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use arrow::array::{
    Array, ArrayRef, AsArray, Decimal128Array, Float32Array, Float64Array, UInt64Array,
};
use arrow::compute::take;
use arrow::datatypes::{
    DataType, Float32Type, Float64Type, IntervalMonthDayNanoType, IntervalUnit,
};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};

use crate::base::{Error, Oid, Result, SegmentId, SqlState};
use crate::catalog::{Column, Index, Location, ObjectId, Privilege, Relation, Segment};
use crate::pg_catalog::names::Names;
use crate::privileges::has_privilege;
use crate::statement::StatementContext;
use crate::storage::read_segment;
use crate::types::text::TextColumn;

/// Hashes kept at most, of all tables together: 8 bytes each.
const HASHES_MAX: usize = 32 * 1024 * 1024;
/// Batches in memory whose hashes are kept at most; those that are gone make room first.
const BATCHES_MAX: usize = 1024;

/// Sorted hashes of the keys of whole segments, by segment and columns.
#[derive(Debug, Default)]
pub(in crate::engine) struct KeyCache {
    /// A plain mutex, held to look and to insert.
    hashes: Mutex<Cached>,
}

#[derive(Debug, Default)]
struct Cached {
    by_segment: HashMap<(SegmentId, Vec<i16>), Arc<[u64]>>,
    count: usize,
    /// Of batches in memory, by the addresses of their columns: rows that a transaction adds one
    /// by one join the same segment, but most of its batches stay what they are.
    by_batch: HashMap<(Vec<usize>, Vec<i16>), Batch>,
}

/// Columns in memory with the hashes of their rows.
type Batch = (Vec<Weak<dyn Array>>, Arc<[u64]>);

impl KeyCache {
    fn get(&self, segment: SegmentId, columns: &[i16]) -> Option<Arc<[u64]>> {
        let cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        cached.by_segment.get(&(segment, columns.to_vec())).cloned()
    }

    fn keep(&self, segment: SegmentId, columns: &[i16], hashes: &Arc<[u64]>) {
        let mut cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.count + hashes.len() > HASHES_MAX {
            *cached = Cached::default();
        }
        cached.count += hashes.len();
        let key = (segment, columns.to_vec());
        cached.by_segment.insert(key, Arc::clone(hashes));
    }

    fn get_batch(&self, arrays: &[ArrayRef], columns: &[i16]) -> Option<Arc<[u64]>> {
        let cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (addresses(arrays), columns.to_vec());
        cached
            .by_batch
            .get(&key)
            .map(|(_, hashes)| Arc::clone(hashes))
    }

    fn keep_batch(&self, arrays: &[ArrayRef], columns: &[i16], hashes: &Arc<[u64]>) {
        let mut cached = self.hashes.lock().unwrap_or_else(PoisonError::into_inner);
        if cached.by_batch.len() >= BATCHES_MAX {
            let lives = |arrays: &[Weak<dyn Array>]| arrays.iter().all(|a| a.strong_count() > 0);
            cached.by_batch.retain(|_, (arrays, _)| lives(arrays));
            if cached.by_batch.len() >= BATCHES_MAX / 2 {
                cached.by_batch.clear();
            }
        }
        let key = (addresses(arrays), columns.to_vec());
        // As long as the weak references are here, no other columns have these addresses.
        let arrays = arrays.iter().map(Arc::downgrade).collect();
        cached.by_batch.insert(key, (arrays, Arc::clone(hashes)));
    }
}

fn addresses(arrays: &[ArrayRef]) -> Vec<usize> {
    let address = |array: &ArrayRef| Arc::as_ptr(array).cast::<()>() as usize;
    arrays.iter().map(address).collect()
}

/// One row's key, comparable byte by byte; `None` for one that is equal to no other.
type Key = Option<Box<[u8]>>;

/// The keys of a batch: by index, by row.
pub(in crate::engine) struct RowKeys(Vec<Vec<Key>>);

/// The place of a row: its segment's position in the relation, and its number in the segment.
pub(super) type Address = (usize, u64);

/// The unique indexes of a table while a statement makes rows for it.
#[derive(Debug)]
pub(in crate::engine) struct Keys {
    context: Arc<StatementContext>,
    relation: Arc<Relation>,
    root: PathBuf,
    cache: Arc<KeyCache>,
    sets: Vec<KeySet>,
}

#[derive(Debug)]
struct KeySet {
    index: Index,
    columns: Vec<Column>,
    /// Their positions in rows of the relation.
    positions: Vec<usize>,
    attnums: Vec<i16>,
    converter: RowConverter,
    /// Keys of rows that the statement took away.
    removed: HashSet<Box<[u8]>>,
    /// Keys of rows that it made, with the number the caller gave each.
    added: HashMap<Box<[u8]>, u64>,
    /// For each segment, the hashes of its parts.
    hashes: Option<Vec<Vec<Arc<[u64]>>>>,
    /// Segments that had to be read: where each key is.
    exact: HashMap<usize, HashMap<Box<[u8]>, u64>>,
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
    /// For rows of `relation` as the statement sees it; `None` if it has no unique index. Only the
    /// indexes `of` are minded, if some are given.
    pub(in crate::engine) fn new(
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        cache: &Arc<KeyCache>,
        minds: impl Fn(&Index) -> bool,
    ) -> Result<Option<Self>> {
        let mut sets = Vec::new();
        for index in relation.constraints.unique().filter(|index| minds(index)) {
            sets.push(KeySet::new(index, relation)?);
        }
        if sets.is_empty() {
            return Ok(None);
        }
        Ok(Some(Self {
            context: Arc::clone(context),
            relation: Arc::clone(relation),
            root: context.database.store().root().to_owned(),
            cache: Arc::clone(cache),
            sets,
        }))
    }

    /// The keys of `rows`, for [`Keys::find`] and the like.
    pub(in crate::engine) fn of(&self, rows: &RecordBatch) -> Result<RowKeys> {
        let sets = self.sets.iter().map(|set| set.keys(rows));
        Ok(RowKeys(sets.collect::<Result<_>>()?))
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
            if let Some(key) = &keys.0[set][row]
                && self.met(set, key)?.is_some()
            {
                return Err(self.violation(set, rows, row, "already exists"));
            }
        }
        for (set, keys) in self.sets.iter_mut().zip(&keys.0) {
            if let Some(key) = &keys[row] {
                set.added.insert(key.clone(), number);
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

    /// Finds two rows of the table itself with the same key: before an index is declared unique.
    /// Blocking.
    ///
    /// # Errors
    /// `23505`
    pub(in crate::engine) fn check_stored(&mut self) -> Result<()> {
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
                            return Err(self.violation(set, &batch, row, "is duplicated"));
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
        let attnums = &self.sets[set].attnums;
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
            let known = |arrays: &Vec<ArrayRef>| self.cache.get_batch(arrays, &of.attnums);
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
                self.cache.keep_batch(stored, &of.attnums, &hashes);
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
            for (row, key) in set.convert(batch.columns())?.into_iter().enumerate() {
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
        let object = ObjectId::Relation(self.relation.oid);
        if !has_privilege(
            &self.context.snapshot,
            self.context.role,
            object,
            Privilege::Select,
        ) {
            return error;
        }
        match describe_key(
            &self.context,
            &self.sets[set].columns,
            |position| rows.column(self.sets[set].positions[position]),
            row,
        ) {
            Ok(key) => error.detail(format!("Key {key} {is}.")),
            Err(error) => error,
        }
    }
}

/// `1, x`, as messages have it.
pub(super) fn describe_values<'a>(
    context: &Arc<StatementContext>,
    columns: &[Column],
    array: impl Fn(usize) -> &'a ArrayRef,
    row: usize,
) -> Result<String> {
    let names = Names::new(context.clone());
    let mut values = Vec::with_capacity(columns.len());
    for (position, column) in columns.iter().enumerate() {
        let array = array(position);
        let text = TextColumn::new(array.as_ref(), column.ty, &context.style, &names)?;
        let mut bytes = Vec::new();
        values.push(if text.write(row, &mut bytes)? {
            String::from_utf8_lossy(&bytes).into_owned()
        } else {
            "null".to_owned()
        });
    }
    Ok(values.join(", "))
}

/// `(a, b)=(1, x)`, as messages have it.
fn describe_key<'a>(
    context: &Arc<StatementContext>,
    columns: &[Column],
    array: impl Fn(usize) -> &'a ArrayRef,
    row: usize,
) -> Result<String> {
    let values = describe_values(context, columns, array, row)?;
    let shown: Vec<_> = columns
        .iter()
        .map(|column| crate::base::name::quote(&column.name))
        .collect();
    Ok(format!("({})=({values})", shown.join(", ")))
}

impl KeySet {
    fn new(index: &Index, relation: &Relation) -> Result<Self> {
        let attnums: Vec<i16> = index.columns().collect();
        let positions = relation.positions(&attnums);
        let columns: Vec<Column> = positions
            .iter()
            .map(|position| relation.columns[*position].clone())
            .collect();
        let fields = columns
            .iter()
            .map(|column| SortField::new(comparable_type(&column.ty.data_type())))
            .collect();
        let converter =
            RowConverter::new(fields).map_err(|error| Error::internal("comparing keys", error))?;
        Ok(Self {
            index: index.clone(),
            columns,
            positions,
            attnums,
            converter,
            removed: HashSet::new(),
            added: HashMap::new(),
            hashes: None,
            exact: HashMap::new(),
        })
    }

    fn keys(&self, rows: &RecordBatch) -> Result<Vec<Key>> {
        let arrays: Vec<ArrayRef> = self
            .positions
            .iter()
            .map(|position| Arc::clone(rows.column(*position)))
            .collect();
        self.convert(&arrays)
    }

    fn convert(&self, arrays: &[ArrayRef]) -> Result<Vec<Key>> {
        let comparable = arrays.iter().map(comparable).collect::<Result<Vec<_>>>()?;
        let rows = self
            .converter
            .convert_columns(&comparable)
            .map_err(|error| Error::internal("comparing keys", error))?;
        Ok(rows
            .iter()
            .enumerate()
            .map(|(row, key)| {
                let distinct =
                    !self.index.nulls_not_distinct && arrays.iter().any(|array| array.is_null(row));
                (!distinct).then(|| Box::from(key.as_ref()))
            })
            .collect())
    }
}

/// The type whose bytes are equal exactly if PostgreSQL's values are.
fn comparable_type(ty: &DataType) -> DataType {
    match ty {
        DataType::Interval(IntervalUnit::MonthDayNano) => DataType::Decimal128(38, 0),
        ty => ty.clone(),
    }
}

/// Zero has one sign, NaN one pattern, and a month 30 days of 24 hours.
fn comparable(array: &ArrayRef) -> Result<ArrayRef> {
    Ok(match array.data_type() {
        DataType::Float32 => {
            let floats = array.as_primitive::<Float32Type>();
            let plain: Float32Array = floats.unary(|value| {
                if value.is_nan() {
                    f32::NAN
                } else {
                    value + 0.0
                }
            });
            Arc::new(plain)
        }
        DataType::Float64 => {
            let floats = array.as_primitive::<Float64Type>();
            let plain: Float64Array = floats.unary(|value| {
                if value.is_nan() {
                    f64::NAN
                } else {
                    value + 0.0
                }
            });
            Arc::new(plain)
        }
        DataType::Interval(IntervalUnit::MonthDayNano) => {
            let intervals = array.as_primitive::<IntervalMonthDayNanoType>();
            let spans: Decimal128Array = intervals
                .iter()
                .map(|interval| {
                    interval.map(|interval| {
                        let days = i128::from(interval.months) * 30 + i128::from(interval.days);
                        days * 86_400_000_000_000 + i128::from(interval.nanoseconds)
                    })
                })
                .collect();
            let spans = spans
                .with_precision_and_scale(38, 0)
                .map_err(|error| Error::internal("comparing intervals", error))?;
            Arc::new(spans)
        }
        _ => Arc::clone(array),
    })
}

fn hash(key: &[u8]) -> u64 {
    // Fixed seeds: what is remembered of one segment is asked by other statements.
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
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
