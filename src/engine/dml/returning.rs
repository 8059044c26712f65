//! Expressions over rows that came about in several relations at once: RETURNING of UPDATE … FROM,
//! SET of ON CONFLICT DO UPDATE.
//!
//! The query is bound over one local relation for each side, so that every name means what it
//! should. Then their cross join in the plan gives way to one relation that has the columns of all
//! sides, row by row as they belong together.

use std::path::Path;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::compute::cast;
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, TableReference};
use datafusion::datasource::empty::EmptyTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, JoinType, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, SelectItem};

use super::names::Names;
use super::values::Parameters;
use super::values::settle_used;
use super::{rewrite, target};
use crate::base::{Error, Oid, Result};
use crate::catalog::Relation;
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::scan::{family_provider, members_provider, table_provider};
use crate::engine::{Bound, Engine};
use crate::statement::StatementContext;

/// One of the relations.
#[derive(Debug, Clone)]
pub(super) struct Side {
    /// What the statement calls it.
    pub(super) alias: String,
    /// Its columns.
    pub(super) fields: Vec<Field>,
    /// The catalog relation it is of, if it is of one.
    pub(super) relation: Oid,
    /// Which column of the catalog each of them is, as [`LocalRelation::origins`].
    pub(super) origins: Vec<Option<(Oid, i16)>>,
}

/// The columns of all sides, one after the other.
pub(super) fn joined_schema(sides: &[Side]) -> SchemaRef {
    let fields = sides.iter().flat_map(|side| &side.fields).enumerate();
    Arc::new(Schema::new(
        fields
            .map(|(index, field)| {
                let field = field.clone().with_nullable(true);
                field.with_name(format!("\0c{index}"))
            })
            .collect::<Vec<_>>(),
    ))
}

/// Columns as a batch of [`joined_schema`].
pub(super) fn joined_batch(
    schema: &SchemaRef,
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let failed = |error| Error::internal("putting rows side by side", error);
    let arrays = arrays
        .iter()
        .zip(schema.fields())
        .map(|(array, field)| cast(array, field.data_type()).map_err(failed))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(schema.clone(), arrays, &options).map_err(failed)
}

impl Engine {
    /// Binds `SELECT items FROM sides WHERE selection`, to be run over a relation `name` of
    /// [`joined_schema`].
    #[expect(clippy::too_many_arguments, reason = "the parts of one query")]
    pub(super) async fn bind_over(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        items: Vec<SelectItem>,
        sides: &[Side],
        selection: Option<ast::Expr>,
        names: &Names,
        name: &str,
        parameters: &mut Parameters,
    ) -> Result<Bound> {
        let mut from = Vec::with_capacity(sides.len());
        let mut locals = Vec::with_capacity(sides.len());
        for (index, side) in sides.iter().enumerate() {
            let local = format!("{name}{index}");
            from.push(ast::TableWithJoins {
                relation: target::table(&local, Some(&side.alias)),
                joins: Vec::new(),
            });
            let fields: Vec<Field> = side
                .fields
                .iter()
                .map(|field| field.clone().with_nullable(true))
                .collect();
            locals.push(LocalRelation {
                name: local,
                relation: side.relation,
                origins: side.origins.clone(),
                rows: LocalRows::Provider(Arc::new(EmptyTable::new(Arc::new(Schema::new(fields))))),
            });
        }
        let query = names.around(target::select(items, from, selection));
        let mut bound = self
            .bind_with(context, &query, parameters.known(), &names.beside(&locals))
            .await?;
        settle_used(parameters, &query, &bound);
        let names: Vec<&str> = locals.iter().map(|local| local.name.as_str()).collect();
        bound.plan = join_sides(bound.plan, sides, &names, name)
            .map_err(|error| Error::internal("binding over joined rows", error))?;
        Ok(bound)
    }

    /// The columns that `alias.*` has, of a relation in FROM.
    pub(super) async fn bind_side(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        alias: &ast::Ident,
        from: Vec<ast::TableWithJoins>,
        names: &Names,
        locals: &[LocalRelation],
        parameters: &Parameters,
    ) -> Result<Side> {
        let name = ast::ObjectName::from(vec![alias.clone()]);
        let star = SelectItem::QualifiedWildcard(
            ast::SelectItemQualifiedWildcardKind::ObjectName(name),
            ast::WildcardAdditionalOptions::default(),
        );
        let query = names.around(target::select(vec![star], from, None));
        let bound = self
            .bind_with(context, &query, parameters.known(), locals)
            .await?;
        let fields = bound.plan.schema().fields().iter().zip(&bound.columns);
        // What a view or a function reads is not what the statement names.
        let origins = bound.columns.iter().map(|column| {
            let of = (column.table, column.attnum);
            bound.names.contains(&of).then_some(of)
        });
        Ok(Side {
            origins: origins.collect(),
            alias: target::fold(alias),
            fields: fields
                .map(|(field, column)| {
                    let shape = column.ty.field(&column.name, true);
                    shape.with_data_type(field.data_type().clone())
                })
                .collect(),
            relation: Oid::INVALID,
        })
    }
}

/// Puts one scan in place of the cross join of the sides.
fn join_sides(
    plan: LogicalPlan,
    sides: &[Side],
    names: &[&str],
    joined: &str,
) -> datafusion::common::Result<LogicalPlan> {
    let source = provider_as_source(Arc::new(EmptyTable::new(joined_schema(sides))));
    plan.transform_down(|plan| {
        let Some(aliases) = aliases_of(&plan, names) else {
            return Ok(Transformed::no(plan));
        };
        if aliases.len() != sides.len() {
            return Ok(Transformed::no(plan));
        }
        let scan = TableReference::bare(joined);
        let mut expressions = Vec::new();
        for (alias, side) in aliases.iter().zip(sides) {
            for field in &side.fields {
                let column = format!("\0c{}", expressions.len());
                let column = Expr::Column(Column::new(Some(scan.clone()), column));
                expressions.push(column.alias_qualified(Some(alias.clone()), field.name()));
            }
        }
        let plan = LogicalPlanBuilder::scan(scan, source.clone(), None)?
            .project(expressions)?
            .build()?;
        Ok(Transformed::new(plan, true, TreeNodeRecursion::Jump))
    })
    .map(|transformed| transformed.data)
}

/// What the sides are called, in order, if a plan is their cross join (or the only one).
fn aliases_of(plan: &LogicalPlan, names: &[&str]) -> Option<Vec<TableReference>> {
    match plan {
        LogicalPlan::Join(join)
            if join.on.is_empty() && join.filter.is_none() && join.join_type == JoinType::Inner =>
        {
            let mut aliases = aliases_of(&join.left, names)?;
            aliases.extend(aliases_of(&join.right, names)?);
            Some(aliases)
        }
        LogicalPlan::SubqueryAlias(alias) => match alias.input.as_ref() {
            LogicalPlan::TableScan(scan) if names.contains(&scan.table_name.table()) => {
                Some(vec![alias.alias.clone()])
            }
            _ => None,
        },
        _ => None,
    }
}

/// The aliases of FROM or USING, each of which has columns of its own; `None` for what has none.
pub(super) fn aliases(from: &[ast::TableWithJoins]) -> Option<Vec<ast::Ident>> {
    let mut found = Vec::new();
    for table in from {
        aliases_in(&table.relation, &mut found)?;
        for join in &table.joins {
            aliases_in(&join.relation, &mut found)?;
        }
    }
    Some(found)
}

fn aliases_in(factor: &ast::TableFactor, found: &mut Vec<ast::Ident>) -> Option<()> {
    match factor {
        ast::TableFactor::Table { name, alias, .. } => {
            let last = name.0.last().and_then(|part| part.as_ident()).cloned();
            found.push(alias.as_ref().map(|alias| alias.name.clone()).or(last)?);
        }
        ast::TableFactor::Derived { alias, .. }
        | ast::TableFactor::Function { alias, .. }
        | ast::TableFactor::UNNEST { alias, .. }
        | ast::TableFactor::TableFunction { alias, .. } => {
            found.push(alias.as_ref()?.name.clone());
        }
        ast::TableFactor::NestedJoin {
            table_with_joins,
            alias: None,
        } => {
            aliases_in(&table_with_joins.relation, found)?;
            for join in &table_with_joins.joins {
                aliases_in(&join.relation, found)?;
            }
        }
        _ => return None,
    }
    Some(())
}

/// Whether columns of several relations are one column of the join, so that `*` is not simply all
/// columns of each.
pub(super) fn merges_columns(from: &[ast::TableWithJoins]) -> bool {
    from.iter().flat_map(|table| &table.joins).any(|join| {
        use ast::JoinConstraint::{Natural, Using};
        match &join.join_operator {
            ast::JoinOperator::Join(constraint)
            | ast::JoinOperator::Inner(constraint)
            | ast::JoinOperator::Left(constraint)
            | ast::JoinOperator::LeftOuter(constraint)
            | ast::JoinOperator::Right(constraint)
            | ast::JoinOperator::RightOuter(constraint)
            | ast::JoinOperator::FullOuter(constraint) => {
                matches!(constraint, Using(_) | Natural)
            }
            _ => false,
        }
    })
}

/// What RETURNING may call the relations of FROM or USING.
pub(super) fn other_aliases(
    from: &[ast::TableWithJoins],
    returning: &[SelectItem],
) -> Result<Vec<ast::Ident>> {
    let star = returning
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_)));
    if star && merges_columns(from) {
        return Err(Error::unsupported("RETURNING * beside JOIN … USING"));
    }
    aliases(from).ok_or_else(|| Error::unsupported("RETURNING beside this FROM"))
}

/// The rows RETURNING reads, none of them there yet.
pub(super) fn returned_provider(
    context: &StatementContext,
    relation: &Relation,
) -> Arc<dyn TableProvider> {
    let root = context.database.store().root();
    match relation.is_partitioned() {
        true => family_provider(root, relation, &[]),
        false => changed_provider(root, rewrite::with_segments(relation, &[]), Vec::new()),
    }
}

/// The rows of a table, and those of a partition that went to others.
pub(super) fn changed_provider(
    root: &Path,
    relation: Relation,
    moved: Vec<Arc<Relation>>,
) -> Arc<dyn TableProvider> {
    if !relation.is_partition() {
        return table_provider(root, &relation);
    }
    let relation = Arc::new(relation);
    let members = std::iter::once(Arc::clone(&relation)).chain(moved);
    members_provider(root, &relation, &members.collect::<Vec<_>>())
}
