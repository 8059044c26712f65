//! Names to plan.
//!
//! normalise the AST → SqlToRel → canonical scans → literals and parameters typed as PostgreSQL
//! does → type coercion → an output PostgreSQL has types for. Everything here is synchronous and
//! runs on the engine's runtime, whose stacks are big.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::logical_expr::expr::{Cast, Placeholder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use datafusion::sql::planner::{NullOrdering, ParserOptions, PlannerContext, SqlToRel};
use sqlparser::ast;

use super::error::convert;
use super::scans::{self, Reads};
use super::scope::Scope;
use super::{Bound, OutputColumn, dialect, semantics};
use crate::base::limits::{COLUMNS_MAX, PARAMETERS_MAX};
use crate::base::{Error, Oid, Result, SqlState};
use crate::types::PgType;

/// Resolves the names of a query as `scope` sees them.
pub(super) fn bind(
    scope: &Scope<'_>,
    query: &ast::Query,
    declared: &[Option<PgType>],
) -> Result<Bound> {
    let mentioned = mentioned_parameters(query);
    let query = dialect::normalise(scope, query.clone())?;
    let declared_fields: Vec<Option<FieldRef>> = declared
        .iter()
        .map(|ty| ty.map(|ty| Arc::new(ty.field("", true))))
        .collect();
    let mut planner_context = PlannerContext::new().with_prepare_param_data_types(declared_fields);
    let plan = SqlToRel::new_with_options(scope, parser_options())
        .sql_statement_to_plan_with_context(
            ast::Statement::Query(Box::new(query)),
            &mut planner_context,
        )
        .map_err(convert)?;
    let plan = scans::canonical(plan, &scope.context.snapshot).map_err(convert)?;
    let plan = semantics::before_coercion(scope, plan).map_err(convert)?;
    let (plan, parameters) = type_parameters(plan, declared, &mentioned)?;
    let plan = semantics::coerce(scope, plan).map_err(convert)?;
    let (plan, columns) = output(plan)?;
    let reads = Reads::of(&plan, scope.role).map_err(convert)?;
    Ok(Bound {
        plan,
        needs: reads.needs,
        parameters,
        columns,
        reads: reads.relations,
        version: scope.context.snapshot.version(),
    })
}

pub(super) fn parser_options() -> ParserOptions {
    ParserOptions::new()
        .with_parse_float_as_decimal(true)
        .with_collect_spans(true)
        .with_support_varchar_with_length(true)
        .with_map_string_types_to_utf8view(true)
        .with_default_null_ordering(NullOrdering::NullsMax)
}

/// Gives every parameter one type: the declared one, else the one its first use asks for, else
/// text.
fn type_parameters(
    plan: LogicalPlan,
    declared: &[Option<PgType>],
    mentioned: &BTreeSet<String>,
) -> Result<(LogicalPlan, Vec<PgType>)> {
    let mut found: BTreeMap<usize, Option<PgType>> = BTreeMap::new();
    plan.apply_with_subqueries(|plan| {
        plan.apply_expressions(|expression| {
            expression.apply(|expression| {
                // `$1::date`: the cast says what the parameter is.
                if let Expr::Cast(cast) = expression
                    && let Expr::Placeholder(placeholder) = cast.expr.as_ref()
                {
                    let entry = found.entry(number(placeholder)?).or_default();
                    *entry = entry.or(Some(PgType::of_field(&cast.field)));
                }
                if let Expr::Placeholder(placeholder) = expression {
                    let number = number(placeholder)?;
                    let ty = placeholder.field.as_deref().map(PgType::of_field);
                    let entry = found.entry(number).or_default();
                    *entry = entry.or(ty);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })
    .map_err(convert)?;
    let mentioned_max = mentioned
        .iter()
        .filter_map(|name| name.strip_prefix('$')?.parse::<usize>().ok())
        .filter(|number| *number <= PARAMETERS_MAX)
        .max()
        .unwrap_or(0);
    let count = found
        .last_key_value()
        .map_or(0, |(number, _)| *number)
        .max(declared.len())
        .max(mentioned_max);
    if count == 0 {
        return Ok((plan, Vec::new()));
    }
    let types = (1..=count)
        .map(|number| {
            match (
                declared.get(number - 1).copied().flatten(),
                found.get(&number),
            ) {
                (Some(ty), _) => Ok(ty),
                (None, Some(ty)) => Ok(ty.unwrap_or(PgType::TEXT)),
                // Written in a part of the query that can give no row and was left out.
                (None, None) if mentioned.contains(&format!("${number}")) => Ok(PgType::TEXT),
                (None, None) => Err(Error::new(
                    SqlState::INDETERMINATE_DATATYPE,
                    format!("could not determine data type of parameter ${number}"),
                )),
            }
        })
        .collect::<Result<Vec<_>>>()?;
    let fields: Vec<FieldRef> = types
        .iter()
        .map(|ty| Arc::new(ty.field("", true)))
        .collect();
    let plan = semantics::map_expressions(plan, &|expression, _| {
        Ok(match expression {
            Expr::Placeholder(placeholder) => {
                let field = fields.get(number(&placeholder)? - 1).cloned();
                Transformed::yes(Expr::Placeholder(Placeholder::new_with_field(
                    placeholder.id,
                    field,
                )))
            }
            expression => Transformed::no(expression),
        })
    })
    .map_err(convert)?;
    Ok((plan, types))
}

/// Every `$n` of the query as written.
fn mentioned_parameters(query: &ast::Query) -> BTreeSet<String> {
    let mut mentioned = BTreeSet::new();
    let _ = ast::visit_expressions(query, |expression| {
        if let ast::Expr::Value(value) = expression
            && let ast::Value::Placeholder(name) = &value.value
        {
            mentioned.insert(name.clone());
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    mentioned
}

/// The number of `$n`.
fn number(placeholder: &Placeholder) -> Result<usize, DataFusionError> {
    match placeholder.id.trim_start_matches('$').parse() {
        Ok(number @ 1..=PARAMETERS_MAX) => Ok(number),
        _ => Err(super::scope::external(Error::new(
            SqlState::UNDEFINED_PARAMETER,
            format!("there is no parameter {}", placeholder.id),
        ))),
    }
}

/// Makes every column one that PostgreSQL has a type for, and says what it is.
fn output(plan: LogicalPlan) -> Result<(LogicalPlan, Vec<OutputColumn>)> {
    let schema = plan.schema().clone();
    if schema.fields().len() > COLUMNS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_COLUMNS,
            format!("target lists can have at most {COLUMNS_MAX} entries"),
        ));
    }
    let mut columns = Vec::with_capacity(schema.fields().len());
    let mut casts = false;
    let mut expressions = Vec::with_capacity(schema.fields().len());
    for (index, (qualifier, field)) in schema.iter().enumerate() {
        let ty = PgType::of_field(field);
        let (table, attnum) = scans::origin(&plan, index).unwrap_or((Oid::INVALID, 0));
        columns.push(OutputColumn {
            name: field
                .name()
                .split('\0')
                .next()
                .unwrap_or_default()
                .to_owned(),
            ty,
            table,
            attnum,
        });
        let column = Expr::from((qualifier, field));
        expressions.push(match semantics::shown_as(field.data_type(), ty) {
            Some(data_type) => {
                casts = true;
                let shown = ty.field("", true).with_data_type(data_type);
                // The qualifier goes: two columns of one name stay apart by their number.
                Expr::Cast(Cast::new_from_field(Box::new(column), Arc::new(shown)))
                    .alias(format!("{}\0{index}", field.name()))
            }
            None => column,
        });
    }
    if !casts {
        return Ok((plan, columns));
    }
    let plan = LogicalPlanBuilder::from(plan)
        .project(expressions)
        .and_then(LogicalPlanBuilder::build)
        .map_err(convert)?;
    Ok((plan, columns))
}

/// Renames and converts a plan's output to `columns`, by position: what a view shows of its body.
pub(super) fn project_as(
    plan: LogicalPlan,
    columns: &[(String, PgType)],
) -> Result<LogicalPlan, DataFusionError> {
    let schema: &DFSchema = plan.schema();
    let expressions: Vec<Expr> = schema
        .iter()
        .zip(columns)
        .map(|((qualifier, field), (name, ty))| {
            let column = Expr::from((qualifier, field));
            let target = ty.field(name, true);
            let column = if field.data_type() == target.data_type() {
                column
            } else {
                Expr::Cast(Cast::new_from_field(Box::new(column), Arc::new(target)))
            };
            column.alias(name)
        })
        .collect();
    LogicalPlanBuilder::from(plan).project(expressions)?.build()
}
