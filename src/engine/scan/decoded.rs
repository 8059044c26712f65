//! Scans of columns that are kept decoded: rows as they would come from the files, without reading
//! these.

use std::collections::HashSet;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, PrimitiveArray, UInt64Array};
use arrow::compute::{concat, max, min};
use arrow::datatypes::{
    ArrowNumericType, DataType, Date32Type, Decimal128Type, Int16Type, Int32Type, Int64Type,
    SchemaRef, TimeUnit, TimestampMicrosecondType,
};
use arrow::record_batch::RecordBatch;
use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column as ColumnName, Result, ScalarValue, Statistics};
use datafusion::datasource::source::DataSource;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_expr::projection::ProjectionExprs;
use datafusion::physical_expr::{EquivalenceProperties, LexOrdering, Partitioning, PhysicalExpr};
use datafusion::physical_plan::coop::cooperative;
use datafusion::physical_plan::execution_plan::SchedulingType;
use datafusion::physical_plan::memory::MemoryStream;
use datafusion::physical_plan::metrics::{BaselineMetrics, ExecutionPlanMetricsSet};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;

use datafusion::physical_plan::{DisplayFormatType, ExecutionPlan};
use futures::TryStreamExt;

use crate::base::Oid;
use crate::cache::{ColumnKey, DecodedColumn, Loading};
use crate::catalog::{Column, Segment};
use crate::engine::memory::ServerPool;
use crate::storage::read_segment;

/// Columns times segments beyond which a scan does not ask for decoded columns: naming them all
/// would take longer than it saves.
const COLUMNS_MAX: usize = 20_000;

/// The columns of some segments, decoded.
pub(super) struct Decoded {
    /// Arrays of each chunk of rows, segment after segment.
    chunks: Vec<Vec<ArrayRef>>,
    /// For each column, its smallest and largest value in each chunk.
    bounds: Vec<Option<(ArrayRef, ArrayRef)>>,
    names: Vec<String>,
}

/// What is decoded together.
pub(super) struct Wanted<'a> {
    pub(super) columns: Vec<&'a Column>,
    pub(super) segments: Vec<&'a Arc<Segment>>,
    /// About how large it is when decoded.
    pub(super) bytes: usize,
}

impl Wanted<'_> {
    /// The columns, if all of them are kept. If not, and it is worth it, they will be.
    pub(super) fn read(&self, root: &Path, pool: &Arc<ServerPool>) -> Option<Decoded> {
        let count = self.columns.len() * self.segments.len();
        if count == 0 || count > COLUMNS_MAX {
            return None;
        }
        let keys: Vec<ColumnKey> = self
            .segments
            .iter()
            .flat_map(|segment| self.columns.iter().map(|column| key(segment, column)))
            .collect();
        let Some(columns) = pool.columns().read(&keys) else {
            if let Some(loading) = pool.columns().wish(&keys, self.bytes) {
                self.load(root.to_owned(), pool.clone(), loading);
            }
            return None;
        };
        let width = self.columns.len();
        let mut chunks = Vec::new();
        for of_segment in columns.chunks(width) {
            let parts = of_segment.first()?.chunks.len();
            for part in 0..parts {
                let arrays = of_segment
                    .iter()
                    .map(|column| column.chunks.get(part).cloned());
                let arrays = arrays.collect::<Option<Vec<_>>>()?;
                let rows = arrays.first()?.len();
                if arrays.iter().any(|array| array.len() != rows) {
                    return None;
                }
                chunks.push(arrays);
            }
        }
        let bounds = (0..width)
            .map(|index| bounds_of(columns.iter().skip(index).step_by(width)))
            .collect();
        Some(Decoded {
            chunks,
            bounds,
            names: self
                .columns
                .iter()
                .map(|column| column.name.clone())
                .collect(),
        })
    }

    /// Decodes what is lacking beside whoever reads it from files this time.
    fn load(&self, root: PathBuf, pool: Arc<ServerPool>, loading: Loading) {
        let columns: Vec<Column> = self.columns.iter().copied().cloned().collect();
        let segments: Vec<Arc<Segment>> = self.segments.iter().copied().cloned().collect();
        let work = move || {
            for segment in &segments {
                let lacking: Vec<Column> = columns
                    .iter()
                    .filter(|column| loading.lacks(&key(segment, column)))
                    .cloned()
                    .collect();
                if lacking.is_empty() {
                    continue;
                }
                // Whoever needs rows that cannot be read is told by the scan of the file.
                let Ok(decoded) = decode(&root, segment, &lacking) else {
                    return;
                };
                for (column, decoded) in lacking.iter().zip(decoded) {
                    if !loading.keep(segment, key(segment, column), decoded, pool.free()) {
                        return;
                    }
                }
            }
        };
        drop(tokio::task::spawn_blocking(work));
    }
}

fn key(segment: &Segment, column: &Column) -> ColumnKey {
    ColumnKey {
        segment: segment.id,
        stored_name: column.stored_name.clone(),
        ty: column.ty,
    }
}

/// The `columns` of a segment. Blocking.
fn decode(
    root: &Path,
    segment: &Segment,
    columns: &[Column],
) -> crate::base::Result<Vec<DecodedColumn>> {
    let mut chunks = vec![Vec::new(); columns.len()];
    for batch in read_segment(root, segment, columns)? {
        for (chunks, array) in chunks.iter_mut().zip(batch?.columns()) {
            chunks.push(array.clone());
        }
    }
    let decoded = chunks.into_iter().map(|chunks| DecodedColumn {
        bounds: extremes(&chunks),
        chunks,
    });
    Ok(decoded.collect())
}

/// The smallest and the largest value of each chunk, of types that Arrow orders as PostgreSQL does.
/// Floats are not among them: bounds would leave NaN out.
fn extremes(chunks: &[ArrayRef]) -> Option<(ArrayRef, ArrayRef)> {
    match chunks.first()?.data_type() {
        DataType::Int16 => extremes_of::<Int16Type>(chunks),
        DataType::Int32 => extremes_of::<Int32Type>(chunks),
        DataType::Int64 => extremes_of::<Int64Type>(chunks),
        DataType::Date32 => extremes_of::<Date32Type>(chunks),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            extremes_of::<TimestampMicrosecondType>(chunks)
        }
        DataType::Decimal128(_, _) => extremes_of::<Decimal128Type>(chunks),
        _ => None,
    }
}

fn extremes_of<T: ArrowNumericType>(chunks: &[ArrayRef]) -> Option<(ArrayRef, ArrayRef)> {
    let arrays: Vec<&PrimitiveArray<T>> = chunks
        .iter()
        .map(|chunk| chunk.as_any().downcast_ref())
        .collect::<Option<_>>()?;
    let data_type = chunks.first()?.data_type();
    let of = |extreme: fn(&PrimitiveArray<T>) -> Option<T::Native>| -> ArrayRef {
        let values: PrimitiveArray<T> = arrays.iter().map(|array| extreme(array)).collect();
        Arc::new(values.with_data_type(data_type.clone()))
    };
    Some((of(min::<T>), of(max::<T>)))
}

/// The bounds of one column's chunks over all segments.
fn bounds_of<'a>(
    segments: impl Iterator<Item = &'a Arc<DecodedColumn>>,
) -> Option<(ArrayRef, ArrayRef)> {
    let bounds: Vec<&(ArrayRef, ArrayRef)> = segments
        .map(|column| column.bounds.as_ref())
        .collect::<Option<_>>()?;
    let of = |pick: fn(&(ArrayRef, ArrayRef)) -> &ArrayRef| {
        let arrays: Vec<&dyn arrow::array::Array> =
            bounds.iter().map(|bounds| pick(bounds).as_ref()).collect();
        concat(&arrays).ok()
    };
    Some((of(|bounds| &bounds.0)?, of(|bounds| &bounds.1)?))
}

impl Decoded {
    /// A scan of the chunks that `keep` names, in order, then of the rows `then`.
    pub(super) fn plan(
        self,
        table: Oid,
        schema: SchemaRef,
        keep: &[bool],
        then: Vec<RecordBatch>,
        statistics: Statistics,
        fetch: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let mut batches = Vec::new();
        for (arrays, _) in self.chunks.into_iter().zip(keep).filter(|(_, keep)| **keep) {
            batches.push(RecordBatch::try_new(schema.clone(), arrays)?);
        }
        batches.extend(then);
        Ok(DataSourceExec::from_data_source(DecodedScan {
            table,
            schema,
            partitions: vec![batches.into()],
            statistics: Arc::new(statistics),
            fetch,
            metrics: ExecutionPlanMetricsSet::new(),
        }))
    }
}

/// A scan of no rows of a table.
pub(super) fn no_rows(table: Oid, schema: SchemaRef) -> Arc<dyn ExecutionPlan> {
    let statistics = Statistics {
        num_rows: Precision::Exact(0),
        total_byte_size: Precision::Exact(0),
        column_statistics: Statistics::unknown_column(&schema),
    };
    DataSourceExec::from_data_source(DecodedScan {
        table,
        schema,
        partitions: vec![Arc::new([])],
        statistics: Arc::new(statistics),
        fetch: None,
        metrics: ExecutionPlanMetricsSet::new(),
    })
}

/// A chunk is a container of rows to be skipped.
impl PruningStatistics for Decoded {
    fn min_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        Some(self.of(column)?.0.clone())
    }

    fn max_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        Some(self.of(column)?.1.clone())
    }

    fn num_containers(&self) -> usize {
        self.chunks.len()
    }

    fn null_counts(&self, column: &ColumnName) -> Option<ArrayRef> {
        let index = self.names.iter().position(|name| *name == column.name)?;
        let nulls = self
            .chunks
            .iter()
            .map(|arrays| arrays[index].null_count() as u64);
        Some(Arc::new(UInt64Array::from_iter_values(nulls)))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        let rows = self.chunks.iter().map(|arrays| arrays[0].len() as u64);
        Some(Arc::new(UInt64Array::from_iter_values(rows)))
    }

    fn contained(&self, _: &ColumnName, _: &HashSet<ScalarValue>) -> Option<BooleanArray> {
        None
    }
}

impl Decoded {
    fn of(&self, column: &ColumnName) -> Option<&(ArrayRef, ArrayRef)> {
        let index = self.names.iter().position(|name| *name == column.name)?;
        self.bounds[index].as_ref()
    }
}

/// Decoded rows as a source, with the statistics that the files they are from would have.
#[derive(Debug, Clone)]
pub(in crate::engine) struct DecodedScan {
    table: Oid,
    schema: SchemaRef,
    /// Batches, each partition's in stored order.
    partitions: Vec<Arc<[RecordBatch]>>,
    statistics: Arc<Statistics>,
    fetch: Option<usize>,
    metrics: ExecutionPlanMetricsSet,
}

impl DecodedScan {
    /// The table whose rows it reads.
    pub(in crate::engine) fn table(&self) -> Oid {
        self.table
    }
}

impl DataSource for DecodedScan {
    fn open(&self, partition: usize, _: Arc<TaskContext>) -> Result<SendableRecordBatchStream> {
        let batches = self.partitions[partition].to_vec();
        let stream = MemoryStream::try_new(batches, self.schema.clone(), None)?;
        let read = BaselineMetrics::new(&self.metrics, partition);
        let stream = stream.with_fetch(self.fetch).inspect_ok(move |batch| {
            read.record_output(batch.num_rows());
        });
        let stream = RecordBatchStreamAdapter::new(self.schema.clone(), stream);
        Ok(Box::pin(cooperative(stream)))
    }

    fn fmt_as(&self, _: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "decoded, partitions={}", self.partitions.len())?;
        match self.fetch {
            Some(fetch) => write!(f, ", fetch={fetch}"),
            None => Ok(()),
        }
    }

    /// Runs of batches, about equally many rows each: rows stay in stored order within them.
    fn repartitioned(
        &self,
        target_partitions: usize,
        _: usize,
        output_ordering: Option<LexOrdering>,
    ) -> Result<Option<Arc<dyn DataSource>>> {
        let [batches] = self.partitions.as_slice() else {
            return Ok(None);
        };
        if target_partitions < 2
            || batches.len() < target_partitions
            || self.fetch.is_some()
            || output_ordering.is_some()
        {
            return Ok(None);
        }
        let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
        let mut runs = vec![Vec::new(); target_partitions];
        let mut before = 0;
        for batch in batches.iter() {
            let run = before * target_partitions / rows.max(1);
            runs[run.min(target_partitions - 1)].push(batch.clone());
            before += batch.num_rows();
        }
        Ok(Some(Arc::new(Self {
            partitions: runs.into_iter().map(Arc::from).collect(),
            ..self.clone()
        })))
    }

    fn output_partitioning(&self) -> Partitioning {
        Partitioning::UnknownPartitioning(self.partitions.len())
    }

    fn eq_properties(&self) -> EquivalenceProperties {
        EquivalenceProperties::new(self.schema.clone())
    }

    fn scheduling_type(&self) -> SchedulingType {
        SchedulingType::Cooperative
    }

    fn partition_statistics(&self, partition: Option<usize>) -> Result<Arc<Statistics>> {
        match partition {
            Some(_) if self.partitions.len() > 1 => {
                Ok(Arc::new(Statistics::new_unknown(&self.schema)))
            }
            _ => Ok(self.statistics.clone()),
        }
    }

    fn with_fetch(&self, limit: Option<usize>) -> Option<Arc<dyn DataSource>> {
        Some(Arc::new(Self {
            fetch: limit,
            ..self.clone()
        }))
    }

    fn fetch(&self) -> Option<usize> {
        self.fetch
    }

    fn metrics(&self) -> ExecutionPlanMetricsSet {
        self.metrics.clone()
    }

    fn try_swapping_with_projection(
        &self,
        _: &ProjectionExprs,
    ) -> Result<Option<Arc<dyn DataSource>>> {
        Ok(None)
    }

    fn apply_expressions(
        &self,
        _: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }
}
