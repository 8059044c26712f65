//! Names to plan.
//!
//! parse analysis → subqueries made ones DataFusion can run → type coercion → an output PostgreSQL
//! has types for. Everything here is synchronous and runs on the engine's runtime, whose stacks are
//! big.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchema, DataFusionError};
use datafusion::logical_expr::expr::{Cast, Placeholder};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast;

use super::analyze::{Analysis, Output, analyse, analyse_call};
use super::error::convert;
use super::routine::{BoundCall, Callee};
use super::scans::{self, Reads};
use super::scope::Scope;
use super::{Bound, OutputColumn, semantics};
use crate::base::limits::{COLUMNS_MAX, PARAMETERS_MAX};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Routine;
use crate::statement::StatementContext;
use crate::types::shaped::is_shaped;
use crate::types::{PgType, dimensions};

/// Resolves the names of a query as `scope` sees them.
pub(super) fn bind(
    scope: &Scope<'_>,
    query: &ast::Query,
    declared: &[Option<PgType>],
) -> Result<Bound> {
    let mentioned = mentioned_parameters(query);
    let analysis = analyse(scope, query, declared)?;
    finished(scope, analysis, declared, &mentioned)
}

/// Resolves a call of a function that is carried out; `None` if it is none.
pub(super) fn bind_call(
    scope: &Scope<'_>,
    function: &ast::Function,
    declared: &[Option<PgType>],
    wanted: impl Fn(&Routine) -> bool,
) -> Result<Option<BoundCall>> {
    let Some(call) = analyse_call(scope, function, declared, wanted)? else {
        return Ok(None);
    };
    let mentioned = mentioned_parameters(function);
    let arguments = finished(scope, call.arguments, declared, &mentioned)?;
    check_determined(&arguments)?;
    Ok(Some(BoundCall {
        callee: Callee {
            routine: call.routine,
            types: call.types,
            result: call.result,
        },
        arguments,
    }))
}

/// Checks that every parameter of a whole statement has a type. What is only a part of one leaves
/// some to the others.
///
/// # Errors
/// `42P18`
pub(super) fn check_determined(bound: &Bound) -> Result<()> {
    match bound.undetermined {
        None => Ok(()),
        Some(number) => Err(Error::new(
            SqlState::INDETERMINATE_DATATYPE,
            format!("could not determine data type of parameter ${number}"),
        )),
    }
}

fn finished(
    scope: &Scope<'_>,
    analysis: Analysis,
    declared: &[Option<PgType>],
    mentioned: &BTreeSet<usize>,
) -> Result<Bound> {
    let Analysis {
        plan,
        columns,
        parameters,
        routines,
        needs,
        names,
        keys,
        called,
        deparsed,
    } = analysis;
    scope.watch.measure(&plan)?;
    let is_known = |number: usize| {
        let declared = declared.get(number - 1).copied().flatten();
        declared.is_some() || parameters.contains_key(&number) || mentioned.contains(&number)
    };
    let count = parameters
        .last_key_value()
        .map_or(0, |(number, _)| *number)
        .max(declared.len())
        .max(mentioned.last().copied().unwrap_or(0));
    let undetermined = (1..=count).find(|number| !is_known(*number));
    let (plan, parameters) = type_parameters(plan, declared, parameters, count)?;
    let plan = semantics::before_coercion(plan, scope.watch).map_err(convert)?;
    let plan = semantics::coerce(scope, plan).map_err(convert)?;
    let (plan, columns) = output(plan, &columns)?;
    let mut reads = Reads::of(&plan, scope.role, &names, scope.local).map_err(convert)?;
    for need in needs {
        if !reads.needs.contains(&need) {
            reads.needs.push(need);
        }
    }
    for routine in routines {
        if !reads.relations.contains(&routine) {
            reads.relations.push(routine);
        }
    }
    Ok(Bound {
        plan,
        needs: reads.needs,
        parameters,
        undetermined,
        columns,
        reads: reads.relations,
        names,
        keys,
        called,
        deparsed,
        role: scope.role,
        of_policy: None,
        version: scope.context.snapshot.version(),
    })
}

/// Gives every parameter one type: the declared one, else the one its first use asked for, else
/// text.
fn type_parameters(
    plan: LogicalPlan,
    declared: &[Option<PgType>],
    found: BTreeMap<usize, Option<PgType>>,
    count: usize,
) -> Result<(LogicalPlan, Vec<PgType>)> {
    if count == 0 {
        return Ok((plan, Vec::new()));
    }
    let types = (1..=count)
        .map(|number| {
            let found = || found.get(&number).copied().flatten();
            let declared = declared.get(number - 1).copied().flatten();
            declared.or_else(found).unwrap_or(PgType::TEXT)
        })
        .collect::<Vec<_>>();
    let plan = semantics::map_expressions(plan, &|expression, _| {
        Ok(match expression {
            // One that was written before its type was known.
            Expr::Placeholder(Placeholder { id, field: None }) => {
                let number = id.trim_start_matches('$').parse::<usize>().unwrap_or(0);
                let ty = number.checked_sub(1).and_then(|index| types.get(index));
                let field = Arc::new(ty.copied().unwrap_or(PgType::TEXT).field("", true));
                Transformed::yes(Expr::Placeholder(Placeholder::new_with_field(
                    id,
                    Some(field),
                )))
            }
            expression => Transformed::no(expression),
        })
    })
    .map_err(convert)?;
    Ok((plan, types))
}

/// The number of every `$n` of the query as written.
fn mentioned_parameters(query: &impl ast::Visit) -> BTreeSet<usize> {
    let mut mentioned = BTreeSet::new();
    let _ = ast::visit_expressions(query, |expression| {
        if let ast::Expr::Value(value) = expression
            && let ast::Value::Placeholder(name) = &value.value
            && let Some(number) = name.strip_prefix('$').and_then(|n| n.parse().ok())
            && number <= PARAMETERS_MAX
        {
            mentioned.insert(number);
        }
        std::ops::ControlFlow::<()>::Continue(())
    });
    mentioned
}

/// Makes every column one that PostgreSQL has a type for, and says what it is.
fn output(plan: LogicalPlan, outputs: &[Output]) -> Result<(LogicalPlan, Vec<OutputColumn>)> {
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
        let (name, ty) = match outputs.get(index) {
            Some(output) => (output.name.clone(), output.ty),
            None => continue,
        };
        let ty = ty.with_dimensions(dimensions(field.data_type()));
        let (table, attnum) = scans::origin(&plan, index).unwrap_or((Oid::INVALID, 0));
        columns.push(OutputColumn {
            name,
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
    context: &Arc<StatementContext>,
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
            } else if is_shaped(field.data_type()) || is_shaped(target.data_type()) {
                semantics::reshaped(context, column, PgType::of_field(field), *ty)
            } else {
                Expr::Cast(Cast::new_from_field(Box::new(column), Arc::new(target)))
            };
            column.alias(name)
        })
        .collect();
    let plan = semantics::guarded(plan);
    LogicalPlanBuilder::from(plan).project(expressions)?.build()
}
