//! Where the values of new rows come from: column by column from the statement, from defaults,
//! from sequences; and from the table's rules.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, new_null_array};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use sqlparser::ast::{Expr, SelectItem};

use super::assign::{assign, check_assignable};
use super::rows::{self, ROWS};
use super::rules::Rules;
use super::values::{Cell, Inputs, Parameters, default_of, repeat};
use crate::base::{Error, Oid, Result};
use crate::catalog::{Generation, ObjectId, Privilege, Privileges, Relation};
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

/// What makes whole rows of a table out of what a statement gives.
#[derive(Debug, Clone)]
pub(in crate::engine) struct Feeds {
    pub(super) relation: Arc<Relation>,
    /// For each column of the relation: where its values come from.
    pub(super) columns: Vec<Feed>,
    /// Defaults that must be evaluated once for each row: a query over [`ROWS`].
    per_row: Option<Bound>,
    pub(super) rules: Rules,
}

/// Where one column's values come from.
#[derive(Debug, Clone)]
pub(super) enum Feed {
    /// Column of the source; `None` as type: a literal whose type nobody said.
    Source(usize, Option<PgType>),
    /// The same for all rows.
    Constant(Cell),
    /// Column of the per-row defaults.
    PerRow(usize),
    /// The next value of a sequence.
    Sequence(Oid),
    /// Made by the rules, once the other columns are there.
    Generated,
}

impl Engine {
    /// Binds what fills the columns of `relation`; `given` says which position of the source a
    /// column has, with its type.
    pub(in crate::engine) async fn bind_feeds(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        given: impl Fn(usize) -> Option<(usize, Option<PgType>)>,
        needs: &mut Vec<Need>,
    ) -> Result<Feeds> {
        let mut columns = Vec::with_capacity(relation.columns.len());
        let mut per_row = Vec::new();
        for (index, column) in relation.columns.iter().enumerate() {
            columns.push(if column.expression().is_some() {
                Feed::Generated
            } else if let Some((position, ty)) = given(index) {
                Feed::Source(position, ty)
            } else if let Some(sequence) = column.sequence() {
                // An identity column's sequence is part of the table.
                if column.generation.is_none() {
                    needs.push(sequence_need(context, sequence));
                }
                Feed::Sequence(sequence)
            } else {
                match default_of(context, column)? {
                    None => Feed::Constant(Cell::NULL),
                    Some(expr) => match Cell::of(&expr) {
                        Some(cell @ Cell::Literal { .. }) => {
                            cell.check(&context.snapshot, column, &mut Parameters::new(&[]))?;
                            Feed::Constant(cell)
                        }
                        _ => {
                            per_row.push((index, expr));
                            Feed::PerRow(per_row.len() - 1)
                        }
                    },
                }
            });
        }
        let per_row = self.bind_per_row(context, relation, per_row).await?;
        let rules = self.bind_rules(context, relation).await?;
        Ok(Feeds {
            relation: relation.clone(),
            columns,
            per_row,
            rules,
        })
    }

    /// Defaults as a query over as many rows as are inserted, so that `random()` differs from row
    /// to row.
    async fn bind_per_row(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        defaults: Vec<(usize, Expr)>,
    ) -> Result<Option<Bound>> {
        if defaults.is_empty() {
            return Ok(None);
        }
        let columns: Vec<usize> = defaults.iter().map(|(index, _)| *index).collect();
        let items = defaults
            .into_iter()
            .map(|(_, expr)| SelectItem::UnnamedExpr(expr))
            .collect();
        let query = super::select_from(items, ROWS, None);
        let bound = self
            .bind_with(
                &context.outside(),
                &query,
                &[],
                &[rows::numbered(relation.oid)],
            )
            .await?;
        for (index, output) in columns.iter().zip(&bound.columns) {
            let column = &relation.columns[*index];
            check_assignable(&context.snapshot, &column.name, output.ty, column.ty)?;
        }
        Ok(Some(bound))
    }

    /// As [`Engine::complete`] for a source that has its values already.
    pub(in crate::engine) async fn fill_rows(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        feeds: &Feeds,
        rows: usize,
        source: impl Fn(usize, usize) -> Result<ArrayRef>,
        interrupt: &Interrupt,
    ) -> Result<RecordBatch> {
        let inputs = Inputs {
            context,
            parameters: &[],
            parameter_types: &[],
            computed: &[],
        };
        self.complete(&inputs, feeds, rows, source, interrupt).await
    }

    /// A batch of the relation's columns: the source's, constants, defaults, generated ones. Not
    /// checked yet.
    pub(super) async fn complete(
        self: &Arc<Self>,
        inputs: &Inputs<'_>,
        feeds: &Feeds,
        rows: usize,
        source: impl Fn(usize, usize) -> Result<ArrayRef>,
        interrupt: &Interrupt,
    ) -> Result<RecordBatch> {
        let relation = &feeds.relation;
        let per_row = match &feeds.per_row {
            Some(query) if rows > 0 => {
                let query = query.clone().with_rows(ROWS, rows::counted(rows)?)?;
                Some(self.collect(inputs.context, query, &[], interrupt).await?)
            }
            Some(_) | None => None,
        };
        let mut arrays = Vec::with_capacity(feeds.columns.len());
        for (index, feed) in feeds.columns.iter().enumerate() {
            let column = &relation.columns[index];
            arrays.push(match feed {
                Feed::Source(position, _) => source(*position, index)?,
                Feed::Constant(cell) => {
                    repeat(&inputs.column(column, std::iter::once(cell))?, rows)?
                }
                Feed::PerRow(position) => match &per_row {
                    Some((batch, types)) => assign(
                        inputs.context,
                        batch.column(*position),
                        types[*position],
                        column.ty,
                    )?,
                    None => new_null_array(&column.ty.data_type(), rows),
                },
                Feed::Sequence(sequence) => {
                    let values: ArrayRef = Arc::new(next_values(inputs.context, *sequence, rows)?);
                    assign(inputs.context, &values, PgType::INT8, column.ty)?
                }
                Feed::Generated => new_null_array(&column.ty.data_type(), rows),
            });
        }
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let batch = RecordBatch::try_new_with_options(rows::schema(relation), arrays, &options)
            .map_err(|error| Error::internal("building rows", error))?;
        self.generate(inputs.context, relation, &feeds.rules, batch, interrupt)
            .await
    }
}

impl Feeds {
    /// The table.
    pub(in crate::engine) fn relation(&self) -> &Arc<Relation> {
        &self.relation
    }

    /// Says which columns get values of the statement's own.
    pub(in crate::engine) fn given(&mut self, attnums: impl Iterator<Item = i16>) {
        self.rules.given = attnums.collect();
    }

    /// What rows are checked against.
    pub(in crate::engine) fn rules(&self) -> &Rules {
        &self.rules
    }
}

/// What taking a value from a sequence needs.
pub(super) fn sequence_need(context: &StatementContext, sequence: Oid) -> Need {
    Need::Privilege {
        role: context.role,
        object: ObjectId::Relation(sequence),
        any_of: [Privilege::Usage, Privilege::Update]
            .into_iter()
            .collect::<Privileges>(),
    }
}

/// The next values of a sequence, one for each row.
fn next_values(context: &StatementContext, oid: Oid, rows: usize) -> Result<Int64Array> {
    let relation = context.snapshot.relation(oid);
    let Some((relation, sequence)) = relation.and_then(|r| Some((r, r.sequence()?))) else {
        return Err(Error::internal("filling a column", "its sequence is gone"));
    };
    let values = context
        .database
        .sequences()
        .next(relation, sequence, rows)?;
    if let Some(last) = values.last() {
        context.last_values.note(oid, *last);
    }
    Ok(Int64Array::from(values))
}

/// The value of a default that is nothing but a sequence's next value, of an identity column too.
pub(super) fn default_expression(
    context: &StatementContext,
    column: &crate::catalog::Column,
) -> Result<Option<Expr>> {
    match &column.generation {
        Some(Generation::Identity { sequence, .. }) => {
            crate::engine::parse::parse_expression(&format!("nextval('{sequence}'::regclass)"))
                .map(Some)
        }
        Some(Generation::Stored { .. }) | None => default_of(context, column),
    }
}
