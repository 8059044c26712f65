//! What the catalog knows of a table's segments, column by column: for skipping segments and for
//! DataFusion's planner.
//!
//! The catalog's bounds are text; only the columns a scan reads or filters by are parsed, all
//! segments of a column at once. A bound that is absent or does not parse means "unknown", never
//! "empty".

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, UInt64Array};
use arrow::datatypes::SchemaRef;
use datafusion::catalog::Session;
use datafusion::common::pruning::PruningStatistics;
use datafusion::common::stats::Precision;
use datafusion::common::{
    Column as ColumnName, ColumnStatistics, DFSchema, ScalarValue, Statistics,
};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::conjunction as physical_conjunction;
use datafusion::physical_optimizer::pruning::PruningPredicateBuilder;

use crate::catalog::{Column, Segment};
use crate::types::{PgType, Style, text};

/// Segments times columns beyond which files are given no statistics of their own: they would cost
/// more memory than the skipping at run time saves.
const FILE_STATISTICS_MAX: usize = 100_000;

/// Bytes of a string view: length, and the text or where it is.
const VIEW_BYTES: usize = 16;
/// How many bytes of text a byte in a file becomes, roughly: for choosing what to hold in memory.
const UNPACKED: u64 = 3;

/// Statistics of some columns over all segments of a table.
pub(super) struct Bounds<'a> {
    segments: &'a [Arc<Segment>],
    columns: BTreeMap<usize, ColumnBounds>,
    names: BTreeMap<String, usize>,
}

/// One column, one array slot for each segment.
struct ColumnBounds {
    min: Option<ArrayRef>,
    max: Option<ArrayRef>,
    nulls: UInt64Array,
    /// Bytes of a value in memory, apart from those of long text.
    width: u64,
    /// Bytes in the file, of types whose values have no fixed size.
    bytes: Vec<u64>,
    /// Whether the bounds are values of the column. A float's are not: a zero stands for both.
    exact: bool,
}

/// The columns (indexes into `schema`) that `projection` and `filters` name.
pub(super) fn columns_of(
    schema: &SchemaRef,
    projection: &[usize],
    filters: &[Expr],
) -> BTreeSet<usize> {
    let mut wanted: BTreeSet<usize> = projection.iter().copied().collect();
    for filter in filters {
        for column in filter.column_refs() {
            if let Ok(index) = schema.index_of(&column.name) {
                wanted.insert(index);
            }
        }
    }
    wanted
}

/// Which containers of rows may have some that pass `filters`.
pub(super) fn passing<S: PruningStatistics>(
    containers: &S,
    state: &dyn Session,
    schema: &SchemaRef,
    filters: &[Expr],
) -> Vec<bool> {
    let all = || vec![true; containers.num_containers()];
    if filters.is_empty() {
        return all();
    }
    // Whatever cannot be decided here is decided by the filter above the scan.
    let Ok(df_schema) = DFSchema::try_from(schema.clone()) else {
        return all();
    };
    let usable = filters
        .iter()
        .filter_map(|filter| state.create_physical_expr(filter.clone(), &df_schema).ok());
    PruningPredicateBuilder::new()
        .with_file_schema(schema.clone())
        .try_build(physical_conjunction(usable))
        .and_then(|predicate| predicate.prune(containers))
        .unwrap_or_else(|_| all())
}

impl<'a> Bounds<'a> {
    pub(super) fn new(
        columns: &[Column],
        segments: &'a [Arc<Segment>],
        wanted: &BTreeSet<usize>,
    ) -> Self {
        let known = wanted
            .iter()
            .filter_map(|&index| Some((index, columns.get(index)?)))
            .map(|(index, column)| (index, ColumnBounds::new(column, segments)))
            .collect();
        let names = wanted
            .iter()
            .filter_map(|&index| Some((columns.get(index)?.name.clone(), index)))
            .collect();
        Self {
            segments,
            columns: known,
            names,
        }
    }

    /// The segments that may have rows passing `filters`.
    pub(super) fn prune(
        &self,
        state: &dyn Session,
        schema: &SchemaRef,
        filters: &[Expr],
    ) -> Vec<usize> {
        let keep = passing(self, state, schema, filters);
        (0..keep.len()).filter(|&index| keep[index]).collect()
    }

    /// One segment's statistics for a schema `width` columns wide.
    pub(super) fn of_segment(&self, segment: usize, width: usize) -> Option<Statistics> {
        if self.columns.is_empty() || self.segments.len() * width > FILE_STATISTICS_MAX {
            return None;
        }
        Some(self.of_segments(&[segment], width))
    }

    /// The statistics of `segments` together.
    pub(super) fn of_segments(&self, segments: &[usize], width: usize) -> Statistics {
        let rows: u64 = segments.iter().map(|&i| self.segments[i].rows).sum();
        let bytes: u64 = self
            .columns
            .values()
            .map(|column| column.width * rows + column.packed(segments) * UNPACKED)
            .sum();
        let mut column_statistics = vec![ColumnStatistics::new_unknown(); width];
        for (&index, column) in &self.columns {
            column_statistics[index] = column.over(segments, self.segments);
        }
        Statistics {
            num_rows: Precision::Exact(rows as usize),
            total_byte_size: Precision::Inexact(bytes as usize),
            column_statistics,
        }
    }

    fn column(&self, column: &ColumnName) -> Option<&ColumnBounds> {
        self.columns.get(self.names.get(&column.name)?)
    }
}

impl ColumnBounds {
    fn new(column: &Column, segments: &[Arc<Segment>]) -> Self {
        let statistics: Vec<_> = segments
            .iter()
            .map(|segment| {
                segment
                    .columns
                    .iter()
                    .find(|statistics| statistics.attnum == column.attnum)
            })
            .collect();
        let is_float = [PgType::FLOAT4.oid, PgType::FLOAT8.oid].contains(&column.ty.oid);
        let nan: Vec<bool> = statistics
            .iter()
            .map(|s| is_float && s.is_none_or(|s| s.contains_nan != Some(false)))
            .collect();
        let parse = |pick: fn(&crate::catalog::ColumnStatistics) -> Option<&str>| {
            let texts: Vec<Option<&str>> = statistics
                .iter()
                .zip(&nan)
                .map(|(statistics, &nan)| statistics.filter(|_| !nan).and_then(pick))
                .collect();
            if texts.iter().all(Option::is_none) {
                return None;
            }
            let array =
                text::parse_column(&texts, column.ty.at_rest(), &Style::default(), 0).ok()?;
            (array.data_type() == &column.ty.data_type()).then_some(array)
        };
        let fixed = column.ty.data_type().primitive_width();
        let bytes = match fixed {
            Some(_) => Vec::new(),
            None => statistics
                .iter()
                .map(|s| s.map_or(0, |s| s.bytes))
                .collect(),
        };
        Self {
            width: fixed.unwrap_or(VIEW_BYTES) as u64,
            bytes,
            min: parse(|statistics| statistics.min.as_deref()),
            max: parse(|statistics| statistics.max.as_deref()),
            nulls: statistics.iter().map(|s| s.map(|s| s.nulls)).collect(),
            exact: !is_float,
        }
    }

    fn packed(&self, segments: &[usize]) -> u64 {
        segments
            .iter()
            .filter_map(|&index| self.bytes.get(index))
            .sum()
    }

    /// Over `indexes` together; unknown as soon as it is for one of them.
    fn over(&self, indexes: &[usize], segments: &[Arc<Segment>]) -> ColumnStatistics {
        let mut statistics = ColumnStatistics::new_unknown();
        let nulls: Option<u64> = indexes
            .iter()
            .map(|&i| self.nulls.is_valid(i).then(|| self.nulls.value(i)))
            .sum();
        if let Some(nulls) = nulls {
            statistics.null_count = Precision::Exact(nulls as usize);
        }
        // Segments of nothing but NULLs have no bounds and need none.
        let valued: Vec<usize> = indexes
            .iter()
            .copied()
            .filter(|&i| !(self.nulls.is_valid(i) && self.nulls.value(i) == segments[i].rows))
            .collect();
        let precision = |value: ScalarValue| match self.exact {
            true => Precision::Exact(value),
            false => Precision::Inexact(value),
        };
        if let Some(min) = extreme(self.min.as_ref(), &valued, std::cmp::Ordering::Less) {
            statistics.min_value = precision(min);
        }
        if let Some(max) = extreme(self.max.as_ref(), &valued, std::cmp::Ordering::Greater) {
            statistics.max_value = precision(max);
        }
        statistics
    }
}

/// The least or greatest of `array` at `indexes`; `None` if one of them is unknown or there are
/// none.
fn extreme(
    array: Option<&ArrayRef>,
    indexes: &[usize],
    wanted: std::cmp::Ordering,
) -> Option<ScalarValue> {
    let array = array?;
    let mut best: Option<ScalarValue> = None;
    for &index in indexes {
        if array.is_null(index) {
            return None;
        }
        let value = ScalarValue::try_from_array(array, index).ok()?;
        best = Some(match best {
            Some(best) if value.partial_cmp(&best) != Some(wanted) => best,
            _ => value,
        });
    }
    best
}

impl PruningStatistics for Bounds<'_> {
    fn min_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        self.column(column)?.min.clone()
    }

    fn max_values(&self, column: &ColumnName) -> Option<ArrayRef> {
        self.column(column)?.max.clone()
    }

    fn num_containers(&self) -> usize {
        self.segments.len()
    }

    fn null_counts(&self, column: &ColumnName) -> Option<ArrayRef> {
        Some(Arc::new(self.column(column)?.nulls.clone()))
    }

    fn row_counts(&self) -> Option<ArrayRef> {
        Some(Arc::new(UInt64Array::from_iter_values(
            self.segments.iter().map(|segment| segment.rows),
        )))
    }

    fn contained(
        &self,
        _column: &ColumnName,
        _values: &HashSet<ScalarValue>,
    ) -> Option<BooleanArray> {
        None
    }
}
