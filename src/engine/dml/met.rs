//! Rows that proposed ones meet: told apart by their keys, read from where they are.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::Int64Type;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::keys::{Address, Keys, Met};
use super::rows;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Relation;
use crate::statement::StatementContext;
use crate::storage::read_segment;

/// Proposed rows apart: the numbers of those to be inserted, and of those that met a row of the
/// table, with the row's place. Blocking.
pub(super) type Sorted = (Vec<u64>, Vec<(u64, Address)>);

pub(super) fn sort_out(
    keys: &mut Keys,
    rows: &RecordBatch,
    arbiters: &[Oid],
    updates: bool,
) -> Result<Sorted> {
    let of = keys.of(rows)?;
    let (mut inserted, mut met) = (Vec::new(), Vec::new());
    for row in 0..rows.num_rows() {
        match keys.find(&of, row, arbiters)? {
            None => {
                keys.take(rows, &of, row, row as u64)?;
                inserted.push(row as u64);
            }
            Some(_) if !updates => {}
            Some(Met::Stored(place)) => met.push((row as u64, place)),
            Some(Met::Made(_)) => return Err(twice()),
        }
    }
    if !updates {
        keys.settle()?;
    }
    Ok((inserted, met))
}

/// The rows WHERE let through, in the order of their proposals: their places in the answer, and
/// among the rows met.
pub(super) fn settled(
    answer: &RecordBatch,
    met: &[(u64, Address)],
) -> Result<(Vec<u64>, Vec<u64>)> {
    let through = answer.column(0).as_primitive::<Int64Type>();
    let mut places = vec![None; met.len()];
    for (place, number) in through.values().iter().enumerate() {
        places[*number as usize] = Some(place as u64);
    }
    let mut changed = HashSet::new();
    let (mut order, mut sources) = (Vec::new(), Vec::new());
    for (source, (_, address)) in met.iter().enumerate() {
        if changed.contains(address) {
            return Err(twice());
        }
        if let Some(place) = places[source] {
            changed.insert(*address);
            order.push(place);
            sources.push(source as u64);
        }
    }
    Ok((order, sources))
}

fn twice() -> Error {
    Error::new(
        SqlState::CARDINALITY_VIOLATION,
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
    )
    .hint(
        "Ensure that no rows proposed for insertion within the same command have duplicate \
         constrained values.",
    )
}

/// The rows of the table that were met, in that order.
pub(super) async fn fetch(
    context: &Arc<StatementContext>,
    relation: &Arc<Relation>,
    met: &[(u64, Address)],
) -> Result<RecordBatch> {
    let (root, relation) = (context.database.store().root().to_owned(), relation.clone());
    let places: Vec<Address> = met.iter().map(|(_, place)| *place).collect();
    let work = move || -> Result<RecordBatch> {
        let mut segments: Vec<usize> = places.iter().map(|(segment, _)| *segment).collect();
        segments.sort_unstable();
        segments.dedup();
        let mut parts = Vec::with_capacity(segments.len());
        for segment in &segments {
            let stored = &relation.segments()[*segment];
            let batches = read_segment(&root, stored, &relation.columns)?;
            let batches = batches.collect::<Result<Vec<_>>>()?;
            parts.push(
                concat_batches(&rows::schema(&relation), &plain(&relation, batches)?)
                    .map_err(|error| Error::internal("reading rows", error))?,
            );
        }
        let indices: Vec<(usize, usize)> = places
            .iter()
            .map(|(segment, row)| {
                let part = segments.binary_search(segment).unwrap_or(0);
                (part, *row as usize)
            })
            .collect();
        let parts: Vec<&RecordBatch> = parts.iter().collect();
        interleave_record_batch(&parts, &indices)
            .map_err(|error| Error::internal("reading rows", error))
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("reading rows", error))?
}

/// Stored batches under the schema rows have on their way in.
fn plain(relation: &Relation, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
    let schema = rows::schema(relation);
    let batches = batches.into_iter().map(|batch| {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
    });
    batches
        .collect::<Result<_, _>>()
        .map_err(|error| Error::internal("reading rows", error))
}

/// Places as [`super::hits::Hits`] takes them.
pub(super) fn address_batch(places: &[Address]) -> Result<RecordBatch> {
    let segments = Int32Array::from_iter_values(places.iter().map(|(segment, _)| *segment as i32));
    let rows = Int64Array::from_iter_values(places.iter().map(|(_, row)| *row as i64));
    RecordBatch::try_from_iter([
        ("segment", Arc::new(segments) as ArrayRef),
        ("row", Arc::new(rows) as ArrayRef),
    ])
    .map_err(|error| Error::internal("addressing rows", error))
}
