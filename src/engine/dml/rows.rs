//! Rows on their way into a table: their schema, the checks on them, and the small relations DML's
//! own queries read.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, new_null_array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::datasource::empty::EmptyTable;

use super::assign::{assign, read};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Column, ObjectId, Privilege, Relation};
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::pg_catalog::names::Names;
use crate::privileges::{has_column_privilege, has_privilege, is_limited};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::text::TextColumn;

/// A local relation of as many rows as are being inserted.
pub(super) const ROWS: &str = "\0rows";

/// Bytes of a value shown in "Failing row contains" at most.
const SHOWN_BYTES: usize = 64;

/// The relation's columns as batches have them.
pub(super) fn schema(relation: &Relation) -> SchemaRef {
    Arc::new(Schema::new(
        relation
            .columns
            .iter()
            .map(|column| column.ty.field(&column.name, true))
            .collect::<Vec<_>>(),
    ))
}

/// [`ROWS`], to bind with: no rows yet.
pub(super) fn numbered(relation: Oid) -> LocalRelation {
    LocalRelation {
        name: ROWS.to_owned(),
        relation,
        origins: Vec::new(),
        rows: LocalRows::Provider(Arc::new(EmptyTable::new(number_schema()))),
    }
}

/// [`ROWS`] with `rows` rows.
pub(super) fn counted(rows: usize) -> Result<Arc<dyn TableProvider>> {
    let numbers = Int64Array::from_iter_values(0..rows as i64);
    let batch = RecordBatch::try_new(number_schema(), vec![Arc::new(numbers)])
        .map_err(|error| Error::internal("numbering rows", error))?;
    in_memory(number_schema(), vec![batch])
}

/// Batches as a relation.
pub(super) fn in_memory(
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>> {
    let table = MemTable::try_new(schema, vec![batches])
        .map_err(|error| Error::internal("reading rows back", error))?;
    Ok(Arc::new(table))
}

fn number_schema() -> SchemaRef {
    Arc::new(Schema::new(vec![Field::new(
        "\0number",
        DataType::Int64,
        false,
    )]))
}

/// Reads a column of untyped literals, computed as text, as values of type `to`.
///
/// # Errors
/// As [`read`].
pub(super) fn read_array(
    context: &Arc<StatementContext>,
    array: &ArrayRef,
    to: PgType,
) -> Result<ArrayRef> {
    if array.data_type() == &DataType::Null {
        return Ok(new_null_array(&to.data_type(), array.len()));
    }
    let texts = cast(array, &DataType::Utf8View)
        .map_err(|error| Error::internal("reading a literal", error))?;
    read(context, texts.as_string_view(), to)
}

/// Rows as a relation's columns hold them, of the first of `arrays` and their types; `None` stands
/// for untyped literals, computed as text.
///
/// # Errors
/// As [`assign`] and [`read`].
pub(super) fn held(
    context: &Arc<StatementContext>,
    relation: &Relation,
    arrays: &[ArrayRef],
    types: &[Option<PgType>],
    count: usize,
) -> Result<RecordBatch> {
    let columns = relation.columns.iter().zip(types).zip(arrays);
    let arrays = columns
        .map(|((column, from), array)| match from {
            Some(from) => assign(context, array, *from, column.ty),
            None => read_array(context, array, column.ty),
        })
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    RecordBatch::try_new_with_options(schema(relation), arrays, &options)
        .map_err(|error| Error::internal("building rows", error))
}

/// Refuses NULL in a NOT NULL column.
///
/// # Errors
/// `23502`, showing the row as PostgreSQL does.
pub(in crate::engine) fn check_not_null(
    context: &Arc<StatementContext>,
    relation: &Relation,
    given: &BTreeSet<i16>,
    batch: &RecordBatch,
) -> Result<()> {
    match first_null(relation, batch) {
        None => Ok(()),
        Some((row, column)) => Err(null_violation(
            context, relation, given, column, batch, row,
        )?),
    }
}

/// The first row with a NULL where none may be, and the first such column in it.
pub(super) fn first_null<'a>(
    relation: &'a Relation,
    batch: &RecordBatch,
) -> Option<(usize, &'a Column)> {
    relation
        .columns
        .iter()
        .zip(batch.columns())
        .filter(|(column, array)| column.not_null && array.null_count() > 0)
        .filter_map(|(column, array)| {
            let row = (0..array.len()).find(|&row| array.is_null(row))?;
            Some((row, column))
        })
        .min_by_key(|(row, _)| *row)
}

/// `23502`
pub(super) fn null_violation(
    context: &Arc<StatementContext>,
    relation: &Relation,
    given: &BTreeSet<i16>,
    column: &Column,
    batch: &RecordBatch,
    row: usize,
) -> Result<Error> {
    let place = context.snapshot.qualified_name(relation);
    let error = Error::new(
        SqlState::NOT_NULL_VIOLATION,
        format!(
            "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
            column.name, relation.name
        ),
    )
    .table(place.schema, place.name)
    .column(&column.name);
    with_row(context, relation, given, error, batch, row)
}

/// The error with what of the row at fault whoever asks may read, and with what they have `given`
/// it themselves.
pub(super) fn with_row(
    context: &Arc<StatementContext>,
    relation: &Relation,
    given: &BTreeSet<i16>,
    error: Error,
    batch: &RecordBatch,
    row: usize,
) -> Result<Error> {
    let (snapshot, role, oid) = (&context.snapshot, context.role, relation.oid);
    if is_limited(snapshot, role, relation) {
        return Ok(error);
    }
    let select = Privilege::Select;
    let whole = has_privilege(snapshot, role, ObjectId::Relation(oid), select);
    let may = |column: &Column| {
        whole
            || given.contains(&column.attnum)
            || has_column_privilege(snapshot, role, oid, column.attnum, select)
    };
    let mut shown = Vec::with_capacity(batch.num_columns());
    let mut values = Vec::with_capacity(batch.num_columns());
    let names = Names::new(context.clone());
    let columns = relation.columns.iter().zip(batch.columns());
    for (column, array) in columns.filter(|(column, _)| may(column)) {
        shown.push(column.name.as_str());
        let text = TextColumn::new(array.as_ref(), column.ty, &context.style, &names)?;
        let mut bytes = Vec::new();
        values.push(if text.write(row, &mut bytes)? {
            shortened(&String::from_utf8_lossy(&bytes))
        } else {
            "null".to_owned()
        });
    }
    let (shown, values) = (shown.join(", "), values.join(", "));
    Ok(match whole {
        true => error.detail(format!("Failing row contains ({values}).")),
        false if shown.is_empty() => error,
        false => error.detail(format!("Failing row contains ({shown}) = ({values}).")),
    })
}

fn shortened(text: &str) -> String {
    if text.len() <= SHOWN_BYTES {
        return text.to_owned();
    }
    let mut end = SHOWN_BYTES;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    format!("{}...", &text[..end])
}

impl Engine {
    /// Runs a query to its end: one batch, and the type of each column. For answers known to be
    /// small.
    pub(super) async fn collect(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<(RecordBatch, Vec<PgType>)> {
        let types = query.columns.iter().map(|column| column.ty).collect();
        let passed = &parameters[..query.parameters.len().min(parameters.len())];
        let mut rows = self.run(context, query, passed, interrupt).await?;
        let mut batches = Vec::new();
        while let Some(batch) = rows.next().await? {
            batches.push(batch);
        }
        let Some(first) = batches.first() else {
            return Err(Error::internal("evaluating expressions", "no rows"));
        };
        let batch = arrow::compute::concat_batches(&first.schema(), &batches)
            .map_err(|error| Error::internal("joining rows", error))?;
        Ok((batch, types))
    }

    /// Runs a query that answers exactly one row: its values with their types.
    pub(super) async fn single_row(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Vec<(ArrayRef, PgType)>> {
        let (batch, types) = self.collect(context, query, parameters, interrupt).await?;
        if batch.num_rows() != 1 {
            return Err(Error::internal(
                "evaluating expressions",
                format!("{} rows instead of one", batch.num_rows()),
            ));
        }
        Ok(batch.columns().iter().cloned().zip(types).collect())
    }
}
