//! Subqueries that DataFusion cannot unnest, as joins: for every row outside, an aggregate over the
//! rows inside.
//!
//! DataFusion unnests a correlated scalar subquery if all that ties it to the query around is
//! `inner = outer`, and EXISTS and IN where they filter. The rest is done here: number the rows
//! outside, join the rows inside to them on whatever ties them, group by row. A marker tells a
//! joined row from the one a left join makes up where there is none.
//!
//! Not done: ties below LIMIT, DISTINCT, GROUP BY, set operations or the far side of an outer join,
//! and ties to a query further out than the next. DataFusion refuses those by itself.

use std::cell::Cell;
use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, JoinType, ScalarValue};
use datafusion::functions_aggregate::bool_and_or::bool_or_udaf;
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::functions_window::row_number::row_number;
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::split_conjunction_owned;
use datafusion::logical_expr::{
    Aggregate, BinaryExpr, Case, Expr, LogicalPlan, LogicalPlanBuilder, Operator, Subquery, lit,
};

use super::Result;
use super::pulled::{Pulled, as_outer, column, pull, without_outer};
use crate::engine::dependent::{is_volatile, refers_from_inside};
use crate::engine::planning::Watch;
use crate::engine::scope::external;

/// Replaces the subqueries DataFusion cannot unnest.
pub(super) fn unnest(plan: LogicalPlan, watch: &Watch) -> Result<LogicalPlan> {
    let mut numbers = numbered(&plan)?;
    plan.transform_up_with_subqueries(|plan| unnest_node(plan, &mut numbers, watch))
        .map(|transformed| transformed.data)
}

/// The highest number a name made here has in a plan, which may have been here before.
fn numbered(plan: &LogicalPlan) -> Result<usize> {
    let mut highest = 0;
    plan.apply_with_subqueries(|plan| {
        for field in plan.schema().fields() {
            let number = field.name().strip_prefix('\0').and_then(|name| {
                let name = name.trim_start_matches(|c: char| c.is_ascii_lowercase());
                name.split('_').next()?.parse().ok()
            });
            highest = highest.max(number.unwrap_or(0));
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(highest)
}

fn unnest_node(
    plan: LogicalPlan,
    numbers: &mut usize,
    watch: &Watch,
) -> Result<Transformed<LogicalPlan>> {
    let inputs = plan.inputs();
    let [input] = inputs.as_slice() else {
        return Ok(Transformed::no(plan));
    };
    let filters = matches!(plan, LogicalPlan::Filter(_));
    let safe = match &plan {
        LogicalPlan::Filter(filter) => safe_memberships(&filter.predicate),
        _ => Vec::new(),
    };
    let mut wanted = false;
    plan.apply_expressions(|expression| {
        expression.apply(|expression| {
            wanted |= is_wanted(expression, filters, &safe)?;
            Ok(if wanted {
                TreeNodeRecursion::Stop
            } else {
                TreeNodeRecursion::Continue
            })
        })
    })?;
    if !wanted {
        return Ok(Transformed::no(plan));
    }
    let outer = input.schema().clone();
    let mut rows = (*input).clone();
    let names = NamePreserver::new(&plan);
    let expressions = plan
        .expressions()
        .into_iter()
        .map(|expression| {
            let name = names.save(&expression);
            let expression = expression
                .transform_down(|expression| {
                    if !is_wanted(&expression, filters, &safe)? {
                        return Ok(Transformed::no(expression));
                    }
                    watch.check().map_err(external)?;
                    match attach(&rows, &outer, &expression, numbers, watch)? {
                        Some((joined, value)) => {
                            rows = joined;
                            Ok(Transformed::new(value, true, TreeNodeRecursion::Jump))
                        }
                        None => Ok(Transformed::no(expression)),
                    }
                })?
                .data;
            Ok(name.restore(expression))
        })
        .collect::<Result<Vec<_>>>()?;
    let changed = plan.with_new_exprs(expressions, vec![rows])?;
    let kept = changed.schema().fields().len() == plan.schema().fields().len();
    if kept {
        return Ok(Transformed::yes(changed));
    }
    // A filter or sort passes its input's columns on; those made here end with it.
    let columns: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
    let changed = LogicalPlanBuilder::from(changed)
        .project(columns)?
        .build()?;
    Ok(Transformed::yes(changed))
}

/// The `IN (subquery)` of a condition that DataFusion may answer itself. It does not tell false
/// from NULL, so they must stand where both mean that the row goes: under AND and OR alone, and
/// negated only if they decide by themselves; and it minds NULLs in NOT IN only where it joins on a
/// column.
pub(in crate::engine) fn safe_memberships(condition: &Expr) -> Vec<Expr> {
    fn collect(condition: &Expr, alone: bool, safe: &mut Vec<Expr>) {
        match condition {
            Expr::BinaryExpr(BinaryExpr {
                left,
                op: op @ (Operator::And | Operator::Or),
                right,
            }) => {
                let alone = alone && *op == Operator::And;
                collect(left, alone, safe);
                collect(right, alone, safe);
            }
            Expr::InSubquery(within) => {
                let joins_on_column = matches!(within.expr.as_ref(), Expr::Column(_))
                    && within.subquery.outer_ref_columns.is_empty();
                let plain = !has_subquery(&within.expr);
                if plain && (!within.negated || alone && joins_on_column) {
                    safe.push(condition.clone());
                }
            }
            _ => {}
        }
    }
    let mut safe = Vec::new();
    collect(condition, true, &mut safe);
    safe
}

/// Whether an expression is a subquery that must be replaced.
fn is_wanted(expression: &Expr, filters: bool, safe: &[Expr]) -> Result<bool> {
    // What refers outwards from further in is run row by row, and what is volatile for every row.
    if let Expr::ScalarSubquery(subquery)
    | Expr::Exists(Exists { subquery, .. })
    | Expr::InSubquery(InSubquery { subquery, .. }) = expression
        && (refers_from_inside(subquery)?
            || !subquery.outer_ref_columns.is_empty() && is_volatile(&subquery.subquery)?)
    {
        return Ok(false);
    }
    Ok(match expression {
        Expr::ScalarSubquery(subquery) => {
            !subquery.outer_ref_columns.is_empty() && !is_tied_by_equality(&subquery.subquery)?
        }
        Expr::Exists(_) => !filters,
        Expr::InSubquery(_) => !safe.contains(expression),
        _ => false,
    })
}

/// Whether only filters `inner = outer` tie a subquery to the query around it: what DataFusion
/// unnests itself, grouping the inside once instead of joining it row by row.
fn is_tied_by_equality(plan: &LogicalPlan) -> Result<bool> {
    let mut equality = true;
    plan.apply(|plan| {
        match plan {
            LogicalPlan::Filter(filter) => {
                for term in split_conjunction_owned(filter.predicate.clone()) {
                    equality &= !term.contains_outer() || is_equality(&term);
                }
            }
            plan => plan
                .apply_expressions(|expression| {
                    equality &= !expression.contains_outer();
                    Ok(TreeNodeRecursion::Continue)
                })
                .map(|_| ())?,
        }
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(equality)
}

/// `inner = outer`, either way round.
fn is_equality(term: &Expr) -> bool {
    let Expr::BinaryExpr(BinaryExpr {
        left,
        op: Operator::Eq,
        right,
    }) = term
    else {
        return false;
    };
    let outside = |side: &Expr| side.contains_outer() && side.column_refs().is_empty();
    let inside = |side: &Expr| !side.contains_outer() && !side.column_refs().is_empty();
    outside(left) && inside(right) || inside(left) && outside(right)
}

/// Joins a subquery to `rows` and gives the expression that stands for it; `None` if it cannot be
/// done.
fn attach(
    rows: &LogicalPlan,
    outer: &DFSchema,
    expression: &Expr,
    numbers: &mut usize,
    watch: &Watch,
) -> Result<Option<(LogicalPlan, Expr)>> {
    *numbers += 1;
    let number = *numbers;
    match expression {
        Expr::ScalarSubquery(subquery) => {
            let Some((value, aggregate)) = resolve(&subquery.subquery, 0)? else {
                return Ok(None);
            };
            let Some(attached) =
                Attached::new(rows, outer, &aggregate.input, &aggregate.aggr_expr, number)?
            else {
                return Ok(None);
            };
            let value = value
                .transform(|part| {
                    let Expr::Column(column) = &part else {
                        return Ok(Transformed::no(part));
                    };
                    Ok(match aggregate.schema.maybe_index_of_column(column) {
                        Some(index) => Transformed::yes(attached.value(index)),
                        None => Transformed::no(part),
                    })
                })?
                .data;
            Ok(Some((attached.plan, without_outer(value)?)))
        }
        Expr::Exists(Exists { subquery, negated }) => {
            let some = if subquery.outer_ref_columns.is_empty() {
                let first = LogicalPlanBuilder::from(subquery.subquery.as_ref().clone())
                    .limit(0, Some(1))?
                    .build()?;
                return Ok(Some((
                    rows.clone(),
                    compare_count(scalar_count(first, None)?, *negated),
                )));
            } else {
                vec![count(None)]
            };
            let attached = Attached::new(rows, outer, &subquery.subquery, &some, number)?;
            Ok(attached.map(|attached| {
                let value = compare_count(attached.value(0), *negated);
                (attached.plan, value)
            }))
        }
        Expr::InSubquery(within) if within.subquery.outer_ref_columns.is_empty() => {
            attach_list(rows, within, numbers, watch).map(Some)
        }
        Expr::InSubquery(InSubquery {
            expr,
            subquery,
            negated,
        }) => {
            let (rows, operand) = with_operand(rows, expr, numbers, watch)?;
            let item = Expr::from(subquery.subquery.schema().qualified_field(0));
            let equal = as_outer(operand)?.eq(item);
            let any = aggregate_call(bool_or_udaf(), vec![equal.clone()], None);
            let aggregates = [any, count(Some(equal.is_null()))];
            let attached = Attached::new(&rows, outer, &subquery.subquery, &aggregates, number)?;
            Ok(attached.map(|attached| {
                let unknown = attached.value(1).gt(lit(0i64));
                let value = three_valued(
                    vec![(attached.value(0), Some(true)), (unknown, None)],
                    *negated,
                );
                (attached.plan, value)
            }))
        }
        _ => Ok(None),
    }
}

/// The rows with the value of an operand that asks subqueries itself, which a join cannot.
fn with_operand(
    rows: &LogicalPlan,
    operand: &Expr,
    numbers: &mut usize,
    watch: &Watch,
) -> Result<(LogicalPlan, Expr)> {
    if !has_subquery(operand) {
        return Ok((rows.clone(), operand.clone()));
    }
    *numbers += 1;
    let name = format!("\0x{numbers}");
    let mut columns: Vec<Expr> = rows.schema().iter().map(Expr::from).collect();
    columns.push(operand.clone().alias(&name));
    let valued = LogicalPlanBuilder::from(rows.clone())
        .project(columns)?
        .build()?;
    let rows = unnest_node(valued, numbers, watch)?.data;
    Ok((rows, column(&name)))
}

fn has_subquery(expression: &Expr) -> bool {
    let asks = |part: &Expr| {
        matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
        )
    };
    // Looking cannot fail.
    expression.exists(|part| Ok(asks(part))).unwrap_or(true)
}

/// `x IN (subquery)` where nothing ties the subquery: a join with its distinct values.
fn attach_list(
    rows: &LogicalPlan,
    within: &InSubquery,
    numbers: &mut usize,
    watch: &Watch,
) -> Result<(LogicalPlan, Expr)> {
    let number = *numbers;
    let (rows, x) = with_operand(rows, &within.expr, numbers, watch)?;
    let subquery = within.subquery.subquery.as_ref();
    let item = Expr::from(subquery.schema().qualified_field(0));
    let (key, mark) = (format!("\0k{number}"), format!("\0m{number}"));
    let values = LogicalPlanBuilder::from(subquery.clone())
        .project(vec![item.clone().alias(&key)])?
        .distinct()?
        .project(vec![column(&key), lit(true).alias(&mark)])?
        .build()?;
    let plan = LogicalPlanBuilder::from(rows)
        .join_on(values, JoinType::Left, [x.clone().eq(column(&key))])?
        .build()?;
    let some = scalar_count(subquery.clone(), None)?.gt(lit(0i64));
    let nulls = scalar_count(subquery.clone(), Some(item.is_null()))?.gt(lit(0i64));
    let value = three_valued(
        vec![
            (column(&mark).is_not_null(), Some(true)),
            (x.is_null().and(some), None),
            (nulls, None),
        ],
        within.negated,
    );
    Ok((plan, value))
}

/// The first answer whose condition holds, else false; negated if asked for.
fn three_valued(cases: Vec<(Expr, Option<bool>)>, negated: bool) -> Expr {
    let cases = cases
        .into_iter()
        .map(|(when, then)| {
            let then = Expr::Literal(ScalarValue::Boolean(then.map(|then| then != negated)), None);
            (Box::new(when), Box::new(then))
        })
        .collect();
    Expr::Case(Case::new(None, cases, Some(Box::new(lit(negated)))))
}

fn compare_count(count: Expr, negated: bool) -> Expr {
    if negated {
        count.eq(lit(0i64))
    } else {
        count.gt(lit(0i64))
    }
}

/// `(SELECT count(*) FILTER (WHERE …) FROM plan)`, tied to nothing.
fn scalar_count(plan: LogicalPlan, filter: Option<Expr>) -> Result<Expr> {
    let plan = LogicalPlanBuilder::from(plan)
        .aggregate(Vec::<Expr>::new(), vec![count(filter)])?
        .build()?;
    Ok(Expr::ScalarSubquery(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: Vec::new(),
        spans: Default::default(),
    }))
}

fn count(filter: Option<Expr>) -> Expr {
    aggregate_call(count_udaf(), vec![lit(1i64)], filter)
}

fn aggregate_call(
    function: Arc<datafusion::logical_expr::AggregateUDF>,
    args: Vec<Expr>,
    filter: Option<Expr>,
) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        function,
        args,
        false,
        filter.map(Box::new),
        Vec::new(),
        None,
    ))
}

/// Output column `index` of a subquery as an expression over the aggregate it stands on.
fn resolve(plan: &LogicalPlan, index: usize) -> Result<Option<(Expr, &Aggregate)>> {
    match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => {
            let column = Expr::from(aggregate.schema.qualified_field(index));
            Ok(Some((column, aggregate)))
        }
        LogicalPlan::SubqueryAlias(alias) => resolve(&alias.input, index),
        LogicalPlan::Projection(projection) => {
            let mut found = base(&projection.input);
            let value = projection.expr[index]
                .clone()
                .unalias_nested()
                .data
                .transform(|part| {
                    let Expr::Column(column) = &part else {
                        return Ok(Transformed::no(part));
                    };
                    let inner = projection
                        .input
                        .schema()
                        .maybe_index_of_column(column)
                        .map(|index| resolve(&projection.input, index))
                        .transpose()?
                        .flatten();
                    Ok(match inner {
                        Some((inner, _)) => Transformed::new(inner, true, TreeNodeRecursion::Jump),
                        None => {
                            found = None;
                            Transformed::no(part)
                        }
                    })
                })?
                .data;
            Ok(found.map(|aggregate| (value, aggregate)))
        }
        _ => Ok(None),
    }
}

/// The aggregate a subquery stands on.
fn base(plan: &LogicalPlan) -> Option<&Aggregate> {
    match plan {
        LogicalPlan::Aggregate(aggregate) if aggregate.group_expr.is_empty() => Some(aggregate),
        LogicalPlan::SubqueryAlias(alias) => base(&alias.input),
        LogicalPlan::Projection(projection) => base(&projection.input),
        _ => None,
    }
}

/// Rows with aggregates over a subquery joined to them.
struct Attached {
    plan: LogicalPlan,
    number: usize,
}

impl Attached {
    /// `None` if what ties the subquery sits where it cannot be taken out.
    fn new(
        rows: &LogicalPlan,
        outer: &DFSchema,
        inner: &LogicalPlan,
        aggregates: &[Expr],
        number: usize,
    ) -> Result<Option<Self>> {
        let Some(Pulled { plan, ties }) = pull(inner, rows)? else {
            return Ok(None);
        };
        // Names inside may be names outside: every column inside gets one of its own.
        let inside = plan.schema().clone();
        let own = |index: usize| format!("\0c{number}_{index}");
        let (row, mark) = (format!("\0r{number}"), format!("\0m{number}"));
        let mut columns: Vec<Expr> = inside
            .iter()
            .enumerate()
            .map(|(index, field)| Expr::from(field).alias(own(index)))
            .collect();
        columns.push(lit(true).alias(&mark));
        let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        let known = Cell::new(true);
        let rename = |expression: Expr| {
            expression
                .transform(|part| {
                    Ok(match part {
                        Expr::Column(column) => match inside.maybe_index_of_column(&column) {
                            Some(index) => Transformed::yes(self::column(&own(index))),
                            None => {
                                known.set(false);
                                Transformed::no(Expr::Column(column))
                            }
                        },
                        Expr::OuterReferenceColumn(_, column) => {
                            if outer.maybe_index_of_column(&column).is_none() {
                                known.set(false);
                            }
                            Transformed::yes(Expr::Column(column))
                        }
                        part => Transformed::no(part),
                    })
                })
                .map(|transformed| transformed.data)
        };
        let on = ties.into_iter().map(&rename).collect::<Result<Vec<_>>>()?;
        let aggregates = aggregates
            .iter()
            .enumerate()
            .map(|(index, aggregate)| {
                let mut aggregate = rename(aggregate.clone().unalias())?;
                if let Expr::AggregateFunction(call) = &mut aggregate {
                    let marked = self::column(&mark).is_not_null();
                    call.params.filter = Some(Box::new(match call.params.filter.take() {
                        Some(filter) => filter.and(marked),
                        None => marked,
                    }));
                } else {
                    known.set(false);
                }
                Ok(aggregate.alias(format!("\0a{number}_{index}")))
            })
            .collect::<Result<Vec<_>>>()?;
        if !known.get() {
            return Ok(None);
        }
        let rows = LogicalPlanBuilder::from(rows.clone())
            .window(vec![row_number().alias(&row)])?
            .build()?;
        let groups: Vec<Expr> = rows.schema().iter().map(Expr::from).collect();
        let on = if on.is_empty() { vec![lit(true)] } else { on };
        let plan = LogicalPlanBuilder::from(rows)
            .join_on(plan, JoinType::Left, on)?
            .build()?;
        // The builder would look for each name in all of the plan.
        let plan = Aggregate::try_new(Arc::new(plan), groups, aggregates)?;
        let plan = LogicalPlan::Aggregate(plan);
        Ok(Some(Self { plan, number }))
    }

    /// The value of aggregate `index`.
    fn value(&self, index: usize) -> Expr {
        column(&format!("\0a{}_{index}", self.number))
    }
}
