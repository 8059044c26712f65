//! What a table's definition says of each new row: its generated columns, NOT NULL, CHECK.
//!
//! Both kinds of expressions are bound once per statement as queries over a relation of the
//! statement's own, [`ROW`], which has the table's columns and the number of each row.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt32Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::datasource::empty::EmptyTable;
use sqlparser::ast::{self, Expr, SelectItem, TableWithJoins};

use super::assign::assign;
use super::domains::OfDomain;
use super::intake::with_keys;
use super::keys::Keys;
use super::route::{holds, outside_bound};
use super::security::Security;
use super::through::Through;
use super::{rows, target};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Relation;
use crate::engine::local::{LocalRelation, LocalRows, origins};
use crate::engine::parse::parse_expression;
use crate::engine::scan::TABLE_COLUMN;
use crate::engine::{Bound, Engine, ExpressionKind};
use crate::observe::Interrupt;
use crate::pg_catalog::family;
use crate::statement::{ConstraintModes, StatementContext};
use crate::types::PgType;

/// The rows under examination.
const ROW: &str = "\0row";
/// The number of each.
const NUMBER: &str = "\0number";

/// A table's rules, bound.
#[derive(Debug, Clone, Default)]
pub(in crate::engine) struct Rules {
    /// The columns that the statement itself gives values: who gave them may be shown them.
    pub(in crate::engine) given: BTreeSet<i16>,
    /// What row security asks.
    pub(super) security: Option<Box<Security>>,
    /// Positions of generated columns, and the query that makes them.
    generated: Option<(Vec<usize>, Bound)>,
    /// What domains ask of columns.
    pub(super) domains: Vec<OfDomain>,
    /// Names of the checks, in the order of the query's columns.
    checks: Option<(Vec<String>, Bound)>,
    /// What the bound of a partition asks.
    pub(in crate::engine) bound: Option<Bound>,
    /// Names of views with CHECK OPTION, in the order of the query's columns.
    views: Option<(Vec<String>, Bound)>,
}

impl Rules {
    /// What is asked of a partitioned table's rows before its partitions ask the rest.
    pub(super) fn of_all_tables(&self) -> Self {
        Self {
            domains: Vec::new(),
            checks: None,
            bound: None,
            ..self.clone()
        }
    }

    /// Whether nothing is asked.
    pub(super) fn is_empty(&self) -> bool {
        self.security.is_none()
            && self.domains.is_empty()
            && self.checks.is_none()
            && self.bound.is_none()
            && self.views.is_none()
    }

    /// The same with other row security.
    pub(super) fn with_security(&self, security: Option<Box<Security>>) -> Self {
        Self {
            security,
            ..self.clone()
        }
    }
}

impl Engine {
    /// The rules of a table.
    pub(in crate::engine) async fn bind_rules(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
    ) -> Result<Rules> {
        let generated: Vec<(usize, &str)> = relation
            .columns
            .iter()
            .enumerate()
            .filter_map(|(position, column)| Some((position, column.expression()?)))
            .collect();
        let mut checks: Vec<_> = relation.constraints.checks.iter().collect();
        // PostgreSQL looks at them in the order of their names.
        checks.sort_by(|a, b| a.name.cmp(&b.name));
        let mut rules = Rules {
            domains: self.bind_domains(context, relation).await?,
            ..Rules::default()
        };
        if !generated.is_empty() {
            let expressions = generated.iter().map(|(_, expression)| *expression);
            let bound = self.bind_kept_rule(context, relation, expressions).await?;
            let positions = generated.iter().map(|(position, _)| *position).collect();
            rules.generated = Some((positions, bound));
        }
        if let Some(condition) = family::condition(context, relation) {
            let condition = std::iter::once(condition.as_str());
            rules.bound = Some(self.bind_kept_rule(context, relation, condition).await?);
        }
        if !checks.is_empty() {
            let expressions = checks.iter().map(|check| check.expression.as_str());
            let bound = self.bind_kept_rule(context, relation, expressions).await?;
            let names = checks.iter().map(|check| check.name.clone()).collect();
            rules.checks = Some((names, bound));
        }
        Ok(rules)
    }

    /// As [`Engine::bind_rules`], for rows that come through a view.
    pub(super) async fn bind_rules_of(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        through: Option<&Through>,
    ) -> Result<Rules> {
        let mut rules = self.bind_rules(context, relation).await?;
        let checks = through.map_or(&[][..], |through| &through.checks);
        if !checks.is_empty() {
            let (names, conditions): (Vec<_>, Vec<_>) = checks.iter().cloned().unzip();
            let bound = self.bind_expressions(context, relation, conditions).await?;
            rules.views = Some((names, bound));
        }
        Ok(rules)
    }

    /// Expressions that `relation` keeps, over a row of it, as a query: the row's number, then each
    /// of them.
    pub(in crate::engine) async fn bind_kept_rule(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        expressions: impl Iterator<Item = &str>,
    ) -> Result<Bound> {
        let expressions = expressions.map(parse_expression).collect::<Result<_>>()?;
        let (query, local) = over_row(relation, expressions);
        let bound = self.bind_kept(context, &query, &[local]).await;
        bound.map_err(Error::without_position)
    }

    /// As [`Engine::bind_kept_rule`], for expressions that are not kept yet.
    pub(in crate::engine) async fn bind_rule(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        expressions: impl Iterator<Item = &str>,
    ) -> Result<Bound> {
        let expressions = expressions.map(parse_expression).collect::<Result<_>>()?;
        let (query, local) = over_row(relation, expressions);
        let bound = self
            .bind_as(kind, &context.outside(), &query, &[local])
            .await;
        bound.map_err(Error::without_position)
    }

    /// Expressions over a row of `relation` that stand wherever the statement has put them.
    pub(super) async fn bind_expressions(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        expressions: Vec<Expr>,
    ) -> Result<Bound> {
        let (query, local) = over_row(relation, expressions);
        let bound = self
            .bind_with(&context.outside(), &query, &[], &[local])
            .await;
        bound.map_err(Error::without_position)
    }

    /// A condition over a row of `relation`, as a query for the numbers of the rows it is true of.
    pub(in crate::engine) async fn bind_condition(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        condition: Expr,
    ) -> Result<Bound> {
        let (query, local) = conditional(relation, condition);
        self.bind_as(kind, &context.outside(), &query, &[local])
            .await
    }

    /// The rows of `batch` for which a condition is true, in order.
    pub(in crate::engine) async fn choose(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        condition: &Bound,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Vec<usize>> {
        let query = numbered(relation, condition, batch)?;
        let mut answer = self.run(context, query, &[], interrupt).await?;
        let mut chosen = Vec::new();
        while let Some(batch) = answer.next().await.map_err(Error::without_position)? {
            let numbers = batch.column(0).as_primitive::<Int64Type>().values().iter();
            chosen.extend(numbers.map(|number| *number as usize));
        }
        // The engine may have answered in any order.
        chosen.sort_unstable();
        Ok(chosen)
    }

    /// The type of an expression over a row of `relation`, which need not be in the catalog. With
    /// `immutable` it is refused if it may come to something else another time.
    ///
    /// # Errors
    /// As binding a query over it; `42P17` with `immutable`'s words.
    pub async fn rule_type(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        expression: &str,
        immutable: Option<&str>,
    ) -> Result<PgType> {
        let expressions = std::iter::once(expression);
        let bound = self.bind_rule(kind, context, relation, expressions).await?;
        if let Some(words) = immutable
            && !(match bound.deparsed.last() {
                Some(Some(of)) => of.immutable && (!of.inlines || is_immutable(&bound)),
                _ => is_immutable(&bound),
            })
        {
            return Err(Error::new(SqlState::INVALID_OBJECT_DEFINITION, words));
        }
        if !bound.parameters.is_empty() {
            return Err(Error::new(
                SqlState::UNDEFINED_PARAMETER,
                "there is no parameter $1",
            ));
        }
        Ok(match bound.columns.get(1) {
            Some(column) => column.ty.plain(),
            None => PgType::UNKNOWN,
        })
    }

    /// Whether the rows a table has keep a unique index of it that is about to be `declared`, or
    /// waited for the commit.
    ///
    /// # Errors
    /// `23505`
    pub async fn check_index(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        index: Oid,
        declared: bool,
    ) -> Result<()> {
        let context = &undeferred(context);
        let interrupt = Interrupt::new();
        let keys = Keys::open(self, context, relation, &interrupt, |of| of.oid == index);
        match keys.await? {
            None => Ok(()),
            Some(keys) => {
                let check = move |keys: &mut Keys| keys.check_stored(declared);
                with_keys(keys, check).await.map(drop)
            }
        }
    }

    /// The rows with their generated columns made.
    pub(in crate::engine) async fn generate(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        rules: &Rules,
        batch: RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<RecordBatch> {
        let Some((positions, query)) = &rules.generated else {
            return Ok(batch);
        };
        let answer = self
            .examine(context, relation, query, &batch, interrupt)
            .await?;
        let mut arrays = batch.columns().to_vec();
        for (index, position) in positions.iter().enumerate() {
            let column = &relation.columns[*position];
            let from = query.columns[index + 1].ty;
            arrays[*position] = assign(context, &answer[index], from, column.ty)?;
        }
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(batch.schema(), arrays, &options)
            .map_err(|error| Error::internal("generating columns", error))
    }

    /// Looks at domains, NOT NULL and CHECK: the first row at fault.
    pub(in crate::engine) async fn check_rows(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        rules: &Rules,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Option<(usize, Error)>> {
        let foreign = self.check_domains(context, rules, batch, interrupt).await?;
        // Whoever may not make a row is told nothing else of it.
        let sound = foreign.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
        let own = batch.slice(0, sound);
        let secured =
            Box::pin(self.check_all_security(context, relation, rules, &own, interrupt)).await?;
        let cut;
        let (batch, foreign) = match &secured {
            Some((row, _)) => {
                cut = batch.slice(0, *row);
                (&cut, None)
            }
            None => (batch, foreign),
        };
        let null = rows::first_null(relation, batch);
        // A value is of its domain before it is put into a row.
        let null = null.filter(|(row, _)| foreign.as_ref().is_none_or(|(before, _)| row < before));
        let sound = null
            .map(|(row, _)| row)
            .or(foreign.as_ref().map(|(row, _)| *row))
            .unwrap_or(batch.num_rows());
        let unchecked = batch.slice(0, sound);
        if sound > 0
            && let Some((names, query)) = &rules.checks
        {
            let answer = self
                .examine(context, relation, query, &unchecked, interrupt)
                .await?;
            for row in 0..sound {
                if let Some(at) = answer.iter().position(|array| is_false(array, row)) {
                    let error =
                        check_violation(context, relation, (rules, &names[at]), batch, row)?;
                    return Ok(Some((row, error)));
                }
            }
        }
        if sound > 0
            && let Some(query) = &rules.bound
        {
            let answer = self
                .examine(context, relation, query, &unchecked, interrupt)
                .await?;
            if let Some(row) = (0..sound).find(|row| !holds(&answer[0], *row)) {
                let error = outside_bound(context, relation, &rules.given, batch, row)?;
                return Ok(Some((row, error)));
            }
        }
        if sound > 0
            && let Some((names, query)) = &rules.views
        {
            let answer = self
                .examine(context, relation, query, &unchecked, interrupt)
                .await?;
            for row in 0..sound {
                if let Some(at) = answer.iter().position(|array| !holds(array, row)) {
                    let error = Error::new(
                        SqlState::WITH_CHECK_OPTION_VIOLATION,
                        format!("new row violates check option for view \"{}\"", names[at]),
                    );
                    let error = rows::with_row(context, relation, &rules.given, error, batch, row)?;
                    return Ok(Some((row, error)));
                }
            }
        }
        match null {
            None => Ok(secured.or(foreign)),
            Some((row, column)) => {
                let error =
                    rows::null_violation(context, relation, &rules.given, column, batch, row)?;
                Ok(Some((row, error)))
            }
        }
    }

    /// What the expressions of a rule come to, row by row in order.
    pub(super) async fn examine(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
        query: &Bound,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Vec<ArrayRef>> {
        let width = query.columns.len() - 1;
        let count = batch.num_rows();
        if count == 0 {
            let schema = query.plan.schema();
            return Ok((1..=width)
                .map(|index| arrow::array::new_empty_array(schema.field(index).data_type()))
                .collect());
        }
        let query = numbered(relation, query, batch)?;
        let mut answer = self.run(context, query, &[], interrupt).await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await.map_err(Error::without_position)? {
            batches.push(batch);
        }
        let Some(first) = batches.first() else {
            return Err(Error::internal("examining rows", "no answer"));
        };
        let all = concat_batches(&first.schema(), &batches)
            .map_err(|error| Error::internal("examining rows", error))?;
        // The engine may have answered in any order.
        let numbers = all.column(0).as_primitive::<Int64Type>();
        let mut order = vec![0_u32; count];
        for (place, number) in numbers.values().iter().enumerate() {
            order[*number as usize] = place as u32;
        }
        let order = UInt32Array::from(order);
        all.columns()[1..]
            .iter()
            .map(|array| take(array, &order, None))
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| Error::internal("examining rows", error))
    }
}

/// The query of the numbers of the rows of `relation` a condition is true of, and what it reads.
pub(super) fn conditional(relation: &Relation, condition: Expr) -> (ast::Query, LocalRelation) {
    let number = Expr::Identifier(target::quoted(NUMBER));
    let from = TableWithJoins {
        relation: target::table(ROW, Some(&relation.name)),
        joins: Vec::new(),
    };
    let items = vec![SelectItem::UnnamedExpr(number)];
    let query = target::select(items, vec![from], Some(condition));
    let schema = numbered_schema(relation);
    let local = LocalRelation {
        name: ROW.to_owned(),
        relation: relation.oid,
        origins: origins(
            relation,
            schema.fields().iter().map(|field| field.name().as_str()),
        ),
        rows: LocalRows::Provider(Arc::new(EmptyTable::new(schema))),
    };
    (query, local)
}

/// The query of expressions over a row of `relation`, and what it reads.
pub(super) fn over_row(relation: &Relation, expressions: Vec<Expr>) -> (ast::Query, LocalRelation) {
    let number = Expr::Identifier(target::quoted(NUMBER));
    let mut items = vec![SelectItem::UnnamedExpr(number)];
    items.extend(expressions.into_iter().map(SelectItem::UnnamedExpr));
    let query = super::select_from(items, ROW, Some(&relation.name));
    let local = LocalRelation {
        name: ROW.to_owned(),
        relation: relation.oid,
        origins: Vec::new(),
        rows: LocalRows::Provider(Arc::new(EmptyTable::new(numbered_schema(relation)))),
    };
    (query, local)
}

/// The query over the rows of `batch`, numbered; of `relation`, unless they say of which table.
fn numbered(relation: &Relation, query: &Bound, batch: &RecordBatch) -> Result<Bound> {
    let schema = numbered_schema(relation);
    let mut arrays = batch.columns().to_vec();
    if arrays.len() == relation.columns.len() {
        arrays.push(table_column(relation.oid, batch.num_rows()));
    }
    let numbers = Int64Array::from_iter_values(0..batch.num_rows() as i64);
    arrays.push(Arc::new(numbers));
    let numbered = RecordBatch::try_new(schema.clone(), arrays)
        .map_err(|error| Error::internal("numbering rows", error))?;
    let rows = rows::in_memory(schema, vec![numbered])?;
    query.clone().with_rows(ROW, rows)
}

/// The context with no constraint waiting for the commit.
fn undeferred(context: &Arc<StatementContext>) -> Arc<StatementContext> {
    let mut modes = ConstraintModes::default();
    modes.set_all(false);
    Arc::new(StatementContext {
        constraint_modes: Arc::new(modes),
        ..context.as_ref().clone()
    })
}

/// Whether a query's expressions always come to the same.
fn is_immutable(bound: &Bound) -> bool {
    let mut immutable = true;
    let visited = bound.plan.apply_expressions(|expression| {
        expression.apply(|expression| {
            if let datafusion::logical_expr::Expr::ScalarFunction(function) = expression
                && !crate::functions::is_immutable(&function.func)
            {
                immutable = false;
                return Ok(TreeNodeRecursion::Stop);
            }
            Ok(TreeNodeRecursion::Continue)
        })
    });
    immutable && visited.is_ok()
}

/// Whether the verdict on a row is false; NULL is not.
pub(super) fn is_false(verdicts: &ArrayRef, row: usize) -> bool {
    match verdicts.as_boolean_opt() {
        Some(verdicts) => verdicts.is_valid(row) && !verdicts.value(row),
        None => false,
    }
}

/// Rows with the table they are of, where that is not the one whose rules they must meet.
pub(super) fn of_table(rows: &RecordBatch, table: Oid) -> Result<RecordBatch> {
    let fields = rows.schema_ref().fields().iter().cloned();
    let field = Arc::new(PgType::OID.field(TABLE_COLUMN, false));
    let schema = Schema::new(fields.chain([field]).collect::<Vec<_>>());
    let mut arrays = rows.columns().to_vec();
    arrays.push(table_column(table, rows.num_rows()));
    RecordBatch::try_new(Arc::new(schema), arrays)
        .map_err(|error| Error::internal("saying which table rows are of", error))
}

/// So many rows' [`TABLE_COLUMN`].
pub(super) fn table_column(table: Oid, rows: usize) -> ArrayRef {
    Arc::new(UInt32Array::from_value(table.0, rows))
}

fn numbered_schema(relation: &Relation) -> SchemaRef {
    let mut fields: Vec<Field> = relation
        .columns
        .iter()
        .map(|column| column.ty.field(&column.name, true))
        .collect();
    fields.push(PgType::OID.field(TABLE_COLUMN, false));
    fields.push(Field::new(NUMBER, DataType::Int64, false));
    Arc::new(Schema::new(fields))
}

/// `23514`
fn check_violation(
    context: &Arc<StatementContext>,
    relation: &Relation,
    (rules, name): (&Rules, &str),
    batch: &RecordBatch,
    row: usize,
) -> Result<Error> {
    let place = context.snapshot.qualified_name(relation);
    let error = Error::new(
        SqlState::CHECK_VIOLATION,
        format!(
            "new row for relation \"{}\" violates check constraint \"{name}\"",
            relation.name
        ),
    )
    .table(place.schema, place.name)
    .constraint(name);
    rows::with_row(context, relation, &rules.given, error, batch, row)
}
