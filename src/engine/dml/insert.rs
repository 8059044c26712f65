//! INSERT: bound into cells or a query, defaults for what is left out, executed into segments.

use std::sync::Arc;

use arrow::datatypes::DataType;
use arrow::record_batch::RecordBatch;
use sqlparser::ast::{self, Expr, SelectItem, SetExpr, TableObject};

use super::arbiter::arbiters;
use super::assign::check_assignable;
use super::conflict::{Conflict, set_on_conflict};
use super::feeds::{Feeds, default_expression};
use super::fields;
use super::items::{Untyped, untyped_columns};
use super::names::Names;
use super::route::Router;
use super::set::{check_count, check_list};
use super::spread;
use super::target::{self, at, is_default, named_columns, position};
use super::through::{Aim, Through};
use super::values::{Cell, Parameters, given_type, settle_used, used_parameters};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Column, Generation, Privilege, Relation};
use crate::engine::analyze::misplaced;
use crate::engine::command::{Inference, Overriding};
use crate::engine::parse::changes_rows;
use crate::engine::{Bound, Engine};
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

/// Expressions put into one query: planning grows faster than their number.
const EXPRESSIONS_PER_QUERY: usize = 200;

/// A bound INSERT.
#[derive(Debug, Clone)]
pub(super) struct Insert {
    pub(super) relation: Arc<Relation>,
    pub(super) source: Source,
    pub(super) feeds: Feeds,
    /// Single-row queries for cells that are neither literals nor parameters.
    pub(super) computed: Vec<Bound>,
    /// ON CONFLICT
    pub(super) conflict: Option<Conflict>,
    /// The view it was named by.
    pub(super) through: Option<Through>,
    /// Whether ON CONFLICT reads the table.
    pub(super) reads_target: bool,
    /// Which partitions its rows are for, of a partitioned table.
    pub(super) router: Option<Router>,
    /// Whether RETURNING reads its rows.
    pub(super) returning: bool,
}

/// Where rows come from.
#[derive(Debug, Clone)]
#[expect(
    clippy::large_enum_variant,
    reason = "one per statement, and never kept in numbers"
)]
pub(super) enum Source {
    /// VALUES, DEFAULT VALUES.
    Values(Vec<Vec<Cell>>),
    /// Any other query.
    Query(Bound),
    /// Rows that are whole, of COPY.
    Copied(Vec<RecordBatch>),
}

impl Engine {
    /// Binds INSERT. Gives what it needs and its parameters beside it.
    pub(super) async fn bind_insert(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        insert: &ast::Insert,
        (overriding, inference): (Option<Overriding>, Option<&Inference>),
        names: &Names,
        parameters: &mut Parameters,
    ) -> Result<(Insert, Vec<Need>)> {
        target::refuse_extensions(insert)?;
        let (spread, without);
        let own = insert.source.as_ref().and_then(|s| s.with.as_ref());
        if own.is_some_and(changes_rows) {
            return Err(misplaced());
        }
        let TableObject::TableName(name) = &insert.table else {
            return Err(Error::unsupported("INSERT into a function or query"));
        };
        let verb = "insert into";
        let Aim {
            named,
            through,
            relation,
            mut needs,
            ..
        } = self.aim(context, name, verb, None)?;
        let router = match relation.is_partitioned() {
            true => Some(self.bind_router(context, &relation).await?),
            false => None,
        };
        let own_columns = through.is_none().then_some(&*relation);
        let insert = match spread::spread(context, own_columns, insert)? {
            Some(insert) => {
                spread = insert;
                &spread
            }
            None => insert,
        };
        let insert = match fields::without_fields(context, &relation, insert)? {
            Some(insert) => {
                without = insert;
                &without
            }
            None => insert,
        };
        let mut columns = insert.columns.clone();
        let mut beyond = None;
        if let Some(through) = &through {
            if insert.on.is_some() {
                return Err(Error::unsupported("ON CONFLICT of a view"));
            }
            beyond = through.renamed(&mut columns, verb)?.map(str::to_owned);
        }
        if relation.view().is_some() && insert.on.is_some() {
            return Err(Error::unsupported("ON CONFLICT of a view"));
        }
        let targets = match beyond {
            Some(_) if columns.is_empty() => Vec::new(),
            Some(_) | None => named_columns(&relation, &columns)?,
        };
        // A value for what is none of the table's columns.
        let check_given_to = |width: usize| match (&through, &beyond) {
            (Some(through), Some(name)) if width > targets.len() => {
                through.column(name, verb).map(|_| ())
            }
            _ => Ok(()),
        };
        let mut computing = Computing::default();
        let mut source_types = vec![None::<PgType>; targets.len()];
        // Places of the source that only say DEFAULT.
        let mut defaulted = vec![false; targets.len()];
        let source = match insert.source.as_deref() {
            None => Source::Values(vec![Vec::new()]),
            Some(query) => match plain_values(query) {
                Some(rows) => {
                    let row = &rows[0].content;
                    check_given_to(row.len())?;
                    check_count(&insert.columns, row.len(), targets.len())
                        .map_err(|error| at(error, row.get(targets.len()).and_then(position)))?;
                    for (place, of) in defaulted.iter_mut().enumerate().take(row.len()) {
                        let mut cells = rows.iter().map(|row| row.content.get(place));
                        *of = cells.all(|cell| cell.is_some_and(is_default));
                    }
                    let mut cells = Vec::with_capacity(rows.len());
                    for row in rows {
                        let row = Row {
                            cells: &row.content,
                            width: rows[0].content.len(),
                            defaulted: &defaulted,
                            overriding,
                        };
                        cells.push(bind_row(
                            context,
                            &relation,
                            &targets,
                            &row,
                            &mut computing,
                            parameters,
                        )?);
                    }
                    Source::Values(cells)
                }
                None => {
                    let untyped = untyped_columns(query);
                    for (position, kind) in untyped.iter().enumerate() {
                        if let (Untyped::Parameter(index), Some(&column)) =
                            (kind, targets.get(position))
                        {
                            let ty = relation.columns[column].ty.plain();
                            parameters.settle(*index, ty);
                        }
                    }
                    let around = names.around(ast::Query::clone(query));
                    let known = parameters.known();
                    let bound = match names.with {
                        Some(_) => {
                            let locals = names.beside(&[]);
                            self.bind_with(context, &around, known, &locals).await?
                        }
                        None => self.bind(context, query, known).await?,
                    };
                    settle_used(parameters, query, &bound);
                    check_given_to(bound.columns.len())?;
                    check_count(&insert.columns, bound.columns.len(), targets.len())
                        .map_err(|error| at(error, target::item_position(query, targets.len())))?;
                    needs.extend(bound.needs.iter().cloned());
                    for position in 0..bound.columns.len() {
                        let column = &relation.columns[targets[position]];
                        check_given(column, overriding)?;
                        let literal = matches!(untyped.get(position), Some(Untyped::Literal));
                        let item = || target::item_position(query, position);
                        source_types[position] =
                            given_type(&context.snapshot, &bound, position, column, literal, item)?;
                    }
                    Source::Query(bound)
                }
            },
        };
        let width = match &source {
            Source::Values(rows) => rows[0].len(),
            Source::Query(bound) => bound.columns.len(),
            Source::Copied(_) => 0,
        };
        // Columns that are given nothing need no privilege.
        let written = target::inserted(&named, &insert.columns, width);
        let owners = through.iter();
        needs.extend(owners.flat_map(|it| it.needs(Privilege::Insert, Some(&written))));
        let need = target::needs_columns(context, &named, Privilege::Insert, written);
        needs.insert(0, need);
        let given = |index: usize| {
            let position = targets[..width]
                .iter()
                .position(|target| *target == index)?;
            let ignored = is_ignored(&relation.columns[index], overriding);
            (!ignored && !defaulted[position]).then(|| (position, source_types[position]))
        };
        let mut feeds = self
            .bind_feeds(context, &relation, given, &mut needs)
            .await?;
        if through.is_some() {
            feeds.rules = self
                .bind_rules_of(context, &relation, through.as_ref())
                .await?;
        }
        feeds.rules.given = targets[..width]
            .iter()
            .map(|index| relation.columns[*index].attnum)
            .collect();
        let computed = computing
            .bind(self, context, &relation, names, parameters, &mut needs)
            .await?;
        let before = needs.len();
        let conflict = match &insert.on {
            None => None,
            Some(ast::OnInsert::OnConflict(on)) => Some({
                feeds.rules.given.extend(set_on_conflict(&relation, on));
                let of_columns = match &on.conflict_target {
                    Some(ast::ConflictTarget::Columns(names)) => Some(Inference {
                        elements: names.iter().cloned().map(ast::Expr::Identifier).collect(),
                        predicate: None,
                    }),
                    _ => None,
                };
                let target = match inference.or(of_columns.as_ref()) {
                    Some(of) => Some(self.conflict_target(context, &relation, of).await?),
                    None => None,
                };
                let arbiters = arbiters(context, &relation, on, target.as_ref())?;
                self.bind_conflict(
                    context, &relation, insert, on, arbiters, names, parameters, &mut needs,
                )
                .await?
            }),
            Some(_) => return Err(Error::unsupported("ON DUPLICATE KEY")),
        };
        let insert = Insert {
            reads_target: super::security::reads(&needs[before..], relation.oid),
            relation,
            source,
            feeds,
            computed,
            conflict,
            through,
            router,
            returning: insert.returning.is_some(),
        };
        Ok((insert, needs))
    }
}

/// Expressions waiting to be bound as single-row queries.
#[derive(Default)]
struct Computing {
    /// Expression, and the column of the relation it is for.
    expressions: Vec<(Expr, usize)>,
}

impl Computing {
    fn push(&mut self, expr: Expr, column: usize) -> Cell {
        let place = self.expressions.len();
        self.expressions.push((expr, column));
        Cell::Computed {
            query: place / EXPRESSIONS_PER_QUERY,
            column: place % EXPRESSIONS_PER_QUERY,
        }
    }

    async fn bind(
        self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        names: &Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Vec<Bound>> {
        let mut queries = Vec::new();
        for chunk in self.expressions.chunks(EXPRESSIONS_PER_QUERY) {
            let items = chunk
                .iter()
                .map(|(expr, column)| {
                    let column = &relation.columns[*column];
                    SelectItem::UnnamedExpr(fields::assigned(column, expr.clone()))
                })
                .collect();
            let query = names.around(target::select(items, Vec::new(), None));
            // Parameters of other chunks get their types there.
            let mut known = parameters.known().to_vec();
            let used = used_parameters(&query);
            for (index, ty) in known.iter_mut().enumerate() {
                if !used.contains(&index) {
                    ty.get_or_insert(PgType::TEXT);
                }
            }
            let bound = match names.with {
                Some(_) => {
                    let locals = names.beside(&[]);
                    engine.bind_with(context, &query, &known, &locals).await?
                }
                None => engine.bind(context, &query, &known).await?,
            };
            check_list(&bound, chunk.len())?;
            settle_used(parameters, &query, &bound);
            for (position, (output, (expr, column))) in bound.columns.iter().zip(chunk).enumerate()
            {
                let column = &relation.columns[*column];
                if bound.plan.schema().field(position).data_type() != &DataType::Null {
                    check_assignable(&context.snapshot, &column.name, output.ty, column.ty)
                        .map_err(|error| at(error, target::position(expr)))?;
                }
            }
            needs.extend(bound.needs.iter().cloned());
            queries.push(bound);
        }
        Ok(queries)
    }
}

/// The rows of a query that is nothing but VALUES.
fn plain_values(query: &ast::Query) -> Option<&[ast::Parens<Vec<Expr>>]> {
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none();
    match query.body.as_ref() {
        SetExpr::Values(values) if plain && !values.rows.is_empty() => Some(&values.rows),
        _ => None,
    }
}

/// A row of VALUES.
struct Row<'a> {
    cells: &'a [Expr],
    /// How many the first row has.
    width: usize,
    /// The places where every row says DEFAULT.
    defaulted: &'a [bool],
    overriding: Option<Overriding>,
}

/// Whether values given to a column are not taken.
pub(super) fn is_ignored(column: &Column, overriding: Option<Overriding>) -> bool {
    let identity = matches!(column.generation, Some(Generation::Identity { .. }));
    identity && overriding == Some(Overriding::User)
}

fn bind_row(
    context: &StatementContext,
    relation: &Relation,
    targets: &[usize],
    row: &Row<'_>,
    computing: &mut Computing,
    parameters: &mut Parameters,
) -> Result<Vec<Cell>> {
    if row.cells.len() != row.width {
        let error = Error::new(
            SqlState::SYNTAX_ERROR,
            "VALUES lists must all be the same length",
        );
        return Err(at(error, row.cells.first().and_then(position)));
    }
    let cells = row.cells.iter().zip(row.defaulted);
    cells
        .zip(targets)
        .map(|((expr, defaulted), &index)| {
            let column = &relation.columns[index];
            if *defaulted || is_ignored(column, row.overriding) {
                // It is filled as if it were not there.
                return Ok(Cell::NULL);
            }
            let default;
            let expr = if is_default(expr) {
                match default_expression(context, column)? {
                    None => return Ok(Cell::NULL),
                    Some(expr) => {
                        default = expr;
                        &default
                    }
                }
            } else {
                check_given(column, row.overriding)?;
                expr
            };
            let cell = match Cell::of(expr).filter(|cell| !fields::asks(column.ty, cell)) {
                Some(cell) => cell,
                None => computing.push(expr.clone(), index),
            };
            cell.check(&context.snapshot, column, parameters)
                .map_err(|error| at(error, position(expr)))?;
            Ok(cell)
        })
        .collect()
}

/// `428C9` for a value given to a column that makes its own.
pub(super) fn check_given(column: &Column, overriding: Option<Overriding>) -> Result<()> {
    let refused = Error::new(
        SqlState::GENERATED_ALWAYS,
        format!(
            "cannot insert a non-DEFAULT value into column \"{}\"",
            column.name
        ),
    );
    match &column.generation {
        Some(Generation::Identity { always: true, .. }) if overriding.is_none() => Err(refused
            .detail(format!(
                "Column \"{}\" is an identity column defined as GENERATED ALWAYS.",
                column.name
            ))
            .hint("Use OVERRIDING SYSTEM VALUE to override.")),
        Some(Generation::Stored { .. }) => {
            Err(refused.detail(format!("Column \"{}\" is a generated column.", column.name)))
        }
        Some(Generation::Identity { .. }) | None => Ok(()),
    }
}

impl Insert {
    /// The table or view it names.
    pub(super) fn named(&self) -> &Relation {
        self.through
            .as_ref()
            .map_or(&self.relation, |through| &through.view)
    }

    /// Whether it may change rows that are there.
    pub(super) fn updates(&self) -> bool {
        self.conflict.as_ref().is_some_and(Conflict::updates)
    }

    /// Whether it adds one row.
    pub(super) fn is_one_row(&self) -> bool {
        matches!(&self.source, Source::Values(rows) if rows.len() == 1) && self.conflict.is_none()
    }

    /// The table that its rows come to as triggers leave them, all of them.
    pub(super) fn only_adds_to(&self) -> Option<Oid> {
        let all = self.conflict.is_none() && self.router.is_none();
        arrives_whole(&self.relation).filter(|_| all)
    }

    /// Every query in it that names of WITH may stand in.
    pub(super) fn queries(&mut self) -> impl Iterator<Item = &mut Bound> {
        let source = match &mut self.source {
            Source::Query(query) => Some(query),
            Source::Values(_) | Source::Copied(_) => None,
        };
        source
            .into_iter()
            .chain(self.computed.iter_mut())
            .chain(self.conflict.iter_mut().flat_map(Conflict::queries))
    }

    /// The query its rows come from, for EXPLAIN.
    pub(super) fn query(&self) -> Option<&Bound> {
        match &self.source {
            Source::Query(query) => Some(query),
            Source::Values(_) | Source::Copied(_) => None,
        }
    }
}

/// A table whose new rows are whole once triggers have seen them.
pub(in crate::engine) fn arrives_whole(table: &Relation) -> Option<Oid> {
    let made_later = table.columns.iter().any(|of| of.expression().is_some());
    (!made_later && table.view().is_none()).then_some(table.oid)
}
