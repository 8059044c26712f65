//! Rows in memory: put together so that many small batches become few bigger ones.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::concat_batches;
use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;

use crate::base::{Error, Result};

/// Rows of a batch: those in memory are grown to it, files are read by it. DataFusion's own batch
/// size, so that scans get what they like best.
pub(super) const BATCH_ROWS: usize = 8192;
/// Buffers of one string column above which they are copied into one.
const VIEW_BUFFERS_MAX: usize = 16;

/// The batches of `head` followed by those of `tail`. Small neighbours become one, as the carries
/// of a binary counter do, so that adding n rows one at a time copies each of them O(log n) times.
///
/// # Errors
/// `XX000` if Arrow cannot put them together.
pub fn merge_batches(head: &[RecordBatch], tail: &[RecordBatch]) -> Result<Vec<RecordBatch>> {
    let mut merged: Vec<RecordBatch> = head.to_vec();
    for batch in tail {
        merged.push(batch.clone());
        while let [.., before, last] = merged.as_slice() {
            let fits = before.num_rows() <= last.num_rows()
                && before.num_rows() + last.num_rows() <= BATCH_ROWS
                && before.schema_ref() == last.schema_ref();
            if !fits {
                break;
            }
            let one = concat(before, last)?;
            merged.truncate(merged.len() - 2);
            merged.push(one);
        }
    }
    Ok(merged)
}

fn concat(first: &RecordBatch, second: &RecordBatch) -> Result<RecordBatch> {
    let failed = |error| Error::internal("putting rows together", error);
    let one = concat_batches(first.schema_ref(), [first, second]).map_err(failed)?;
    let columns = one.columns().iter().map(gather).collect();
    RecordBatch::try_new(one.schema(), columns).map_err(failed)
}

/// Strings put together one by one keep a buffer each; gathers them once there are many.
fn gather(array: &ArrayRef) -> ArrayRef {
    match array.data_type() {
        DataType::Utf8View => {
            let strings = array.as_string_view();
            if strings.data_buffers().len() > VIEW_BUFFERS_MAX {
                return Arc::new(strings.gc());
            }
            Arc::clone(array)
        }
        _ => Arc::clone(array),
    }
}

/// Bytes of the rows of `batch`, not counting what its buffers have beside them.
pub(super) fn batch_bytes(batch: &RecordBatch) -> u64 {
    batch
        .columns()
        .iter()
        .map(|array| {
            array
                .to_data()
                .get_slice_memory_size()
                .unwrap_or_else(|_| array.get_array_memory_size()) as u64
        })
        .sum()
}
