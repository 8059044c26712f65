//! One unique index while a statement makes rows for its table: what it holds of a row, in a form
//! that is equal exactly if PostgreSQL's values are.

use std::collections::{HashMap, HashSet};
use std::hash::Hasher;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::record_batch::RecordBatch;
use arrow::row::{RowConverter, SortField};

use crate::base::name::quote;
use crate::base::{Error, Result};
use crate::catalog::{Column, Index, IndexPart, IndexedBy, Relation};
use crate::engine::Bound;
use crate::functions::{comparable, comparable_type};
use crate::types::PgType;

/// One row's key, comparable byte by byte; `None` for one that is equal to no other.
pub(super) type Key = Option<Box<[u8]>>;

/// A key with its row: a batch, and the row's place in it.
pub(super) type Late = (Box<[u8]>, RecordBatch, usize);

/// A unique index, and the keys of rows that come and go.
#[derive(Debug)]
pub(super) struct KeySet {
    pub(super) index: Index,
    /// The columns read from a stored row.
    pub(super) columns: Vec<Column>,
    /// Their positions in rows of the relation.
    positions: Vec<usize>,
    /// What the hashes are remembered under.
    pub(super) remembered: Vec<i16>,
    /// What it is over, as messages have it, with types.
    pub(super) shown: Vec<(String, PgType)>,
    /// The query of what is no plain column.
    pub(super) computed: Option<Bound>,
    /// For each part, where it is: in the relation, or in the answer of `computed`.
    parts: Vec<Part>,
    converter: RowConverter,
    /// Keys of rows that the statement took away.
    pub(super) removed: HashSet<Box<[u8]>>,
    /// Keys of rows that it made, with the number the caller gave each.
    pub(super) added: HashMap<Box<[u8]>, u64>,
    /// Keys of rows that it made, of a constraint that is looked at when the statement is over.
    pub(super) late: Option<Vec<Late>>,
    /// For each segment, the hashes of its parts.
    pub(super) hashes: Option<Vec<Vec<Arc<[u64]>>>>,
    /// Segments that had to be read: where each key is.
    pub(super) exact: HashMap<usize, HashMap<Box<[u8]>, u64>>,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Column(usize),
    Answer(usize),
}

impl KeySet {
    /// For an index of `relation`; `computed` answers its expressions, then its WHERE, after a
    /// column that numbers the rows.
    pub(super) fn new(index: &Index, relation: &Relation, computed: Option<Bound>) -> Result<Self> {
        let attnums: Vec<i16> = index.columns().collect();
        let (mut parts, mut shown, mut fields) = (Vec::new(), Vec::new(), Vec::new());
        let mut answers = 0;
        for IndexPart { of, .. } in &index.parts {
            match of {
                IndexedBy::Column(attnum) => {
                    let found = relation.columns.iter().position(|c| c.attnum == *attnum);
                    let position =
                        found.ok_or_else(|| Error::internal("comparing keys", "no such column"))?;
                    let column = &relation.columns[position];
                    shown.push((quote(&column.name).into_owned(), column.ty));
                    fields.push(column.ty.data_type());
                    parts.push(Part::Column(position));
                }
                IndexedBy::Expression(text) => {
                    let query = computed.as_ref().ok_or_else(|| {
                        Error::internal("comparing keys", "an expression is not bound")
                    })?;
                    let field = query.plan.schema().field(answers + 1);
                    shown.push((text.clone(), query.columns[answers + 1].ty));
                    fields.push(field.data_type().clone());
                    parts.push(Part::Answer(answers));
                    answers += 1;
                }
            }
        }
        let fields = fields.iter().zip(&shown);
        let fields = fields.map(|(held, (_, ty))| SortField::new(comparable_type(held, *ty)));
        let converter = RowConverter::new(fields.collect())
            .map_err(|error| Error::internal("comparing keys", error))?;
        let (positions, remembered) = match &computed {
            None => (relation.positions(&attnums), attnums),
            // No column has the number 0, so this is nobody else's.
            Some(_) => {
                let oid = index.oid.0;
                let name = vec![0, (oid >> 16) as i16, (oid & 0xffff) as i16];
                ((0..relation.columns.len()).collect(), name)
            }
        };
        let columns = positions.iter().map(|p| relation.columns[*p].clone());
        Ok(Self {
            columns: columns.collect(),
            index: index.clone(),
            positions,
            remembered,
            shown,
            computed,
            parts,
            converter,
            removed: HashSet::new(),
            added: HashMap::new(),
            late: index.timing.is_deferrable().then(Vec::new),
            hashes: None,
            exact: HashMap::new(),
        })
    }

    /// What it is over, of rows of the relation; `answer` is what `computed` says of them.
    pub(super) fn arrays(&self, rows: &[ArrayRef], answer: &[ArrayRef]) -> Vec<ArrayRef> {
        let parts = self.parts.iter().map(|part| match part {
            Part::Column(position) => Arc::clone(&rows[*position]),
            Part::Answer(place) => Arc::clone(&answer[*place]),
        });
        parts.collect()
    }

    /// As [`KeySet::arrays`] of the columns read from stored rows.
    pub(super) fn stored_arrays(&self, stored: &[ArrayRef], answer: &[ArrayRef]) -> Vec<ArrayRef> {
        match self.computed {
            Some(_) => self.arrays(stored, answer),
            None => {
                let places = self.parts.iter().filter_map(|part| match part {
                    Part::Column(position) => self.positions.iter().position(|p| p == position),
                    Part::Answer(_) => None,
                });
                places.map(|place| Arc::clone(&stored[place])).collect()
            }
        }
    }

    /// The keys of rows, from [`KeySet::arrays`].
    pub(super) fn convert(&self, arrays: &[ArrayRef], answer: &[ArrayRef]) -> Result<Vec<Key>> {
        let comparable = arrays
            .iter()
            .zip(&self.shown)
            .map(|(array, (_, ty))| comparable(array, *ty))
            .collect::<Result<Vec<_>>>()?;
        let rows = self
            .converter
            .convert_columns(&comparable)
            .map_err(|error| Error::internal("comparing keys", error))?;
        let held = match &self.index.predicate {
            None => None,
            Some(_) => answer.last().and_then(|array| array.as_boolean_opt()),
        };
        Ok(rows
            .iter()
            .enumerate()
            .map(|(row, key)| {
                let left_out = match held {
                    Some(held) => held.is_null(row) || !held.value(row),
                    // A WHERE that is NULL for every row has no type to be false in.
                    None => self.index.predicate.is_some(),
                };
                let distinct =
                    !self.index.nulls_not_distinct && arrays.iter().any(|array| array.is_null(row));
                (!distinct && !left_out).then(|| Box::from(key.as_ref()))
            })
            .collect())
    }
}

pub(super) fn hash(key: &[u8]) -> u64 {
    // Fixed seeds: what is remembered of one segment is asked by other statements.
    let mut hasher = std::collections::hash_map::DefaultHasher::new();
    hasher.write(key);
    hasher.finish()
}
