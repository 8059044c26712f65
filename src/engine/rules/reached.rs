//! What is right of AND and OR is computed for rows that the left side leaves open, and for no
//! others: `n <> 0 AND 10 / n > 1` divides by no zero.
//!
//! DataFusion computes both sides over many rows at once, and makes such operators of a CASE of
//! truth. In an optimised plan, where nobody looks at conditions any more, those whose right side
//! may fail, or changes something, become a CASE again, which computes its arms where they are
//! reached.

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_binary, split_binary_owned};
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Filter, LogicalPlan, Operator, lit};

use super::anew::anew;
use crate::functions;

/// Functions that give an answer for whatever they are given.
const TOTAL: &[&str] = &[
    "btrim",
    "char_length",
    "character_length",
    "coalesce",
    "concat",
    "date_part",
    "ends_with",
    "length",
    "lower",
    "ltrim",
    "octet_length",
    "rtrim",
    "starts_with",
    "strpos",
    "upper",
];
/// What is written twice must be small.
const TWICE_MAX: usize = 100;
/// So many terms stand within each other at most: planning them takes time that grows with the cube
/// of their number. Longer chains are computed as a whole.
const NESTED_MAX: usize = 16;

/// The plan with its conditions computed where they are reached.
pub(in crate::engine) fn reached(plan: LogicalPlan) -> Result<LogicalPlan> {
    let plan = anew(plan)?;
    plan.transform_up_with_subqueries(|plan| match plan {
        LogicalPlan::Filter(filter) if has_turns(&filter.predicate)? => {
            let predicate = of_filter(filter.predicate)?;
            let filter = Filter::try_new(predicate, filter.input)?;
            Ok(Transformed::yes(LogicalPlan::Filter(filter)))
        }
        LogicalPlan::Join(mut join) => {
            let turns = join.filter.as_ref().map(has_turns).transpose()?;
            if turns == Some(true) {
                join.filter = join.filter.map(in_turn).transpose()?;
            }
            Ok(Transformed::new_transformed(
                LogicalPlan::Join(join),
                turns == Some(true),
            ))
        }
        // These say what may be left out, and a filter stands above.
        plan @ LogicalPlan::TableScan(_) => Ok(Transformed::no(plan)),
        plan if !has_order(&plan)? => Ok(Transformed::no(plan)),
        plan => {
            let names = NamePreserver::new(&plan);
            plan.map_expressions(|expr| {
                let name = names.save(&expr);
                Ok(Transformed::yes(name.restore(within(expr)?)))
            })
        }
    })
    .map(|transformed| transformed.data)
}

/// Whether in some condition of a plan's it matters what is computed when.
fn has_order(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_expressions(|expr| {
        found |= expr.exists(|part| {
            Ok(match part {
                Expr::BinaryExpr(BinaryExpr {
                    op: Operator::And | Operator::Or,
                    right,
                    ..
                }) => may_fail(right)?,
                _ => false,
            })
        })?;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(found)
}

/// Whether of a condition's terms some may fail.
fn has_turns(predicate: &Expr) -> Result<bool> {
    let conditional = predicate.exists(|part| {
        let is = |op| matches!(op, Operator::And | Operator::Or);
        Ok(matches!(part, Expr::BinaryExpr(binary) if is(binary.op)))
    })?;
    Ok(conditional && may_fail(predicate)?)
}

/// What an operator or a function costs; half of that, each value of a list that is compared with.
const CALL: usize = 2;
/// So many values of a list are put in a hash table, which is asked at the cost of two calls.
const HASHED_LIST: usize = 9;

/// What an expression costs to PostgreSQL, which computes the cheapest condition first: so much for
/// each function and operator, users' functions that are carried out a hundred times that. What
/// commons computes to compare by is a part of the comparison.
fn cost(expr: &Expr) -> Result<usize> {
    let mut cost = 0;
    expr.apply(|part| {
        if let Some(values) = listed(part) {
            cost += list_cost(values);
            return Ok(TreeNodeRecursion::Jump);
        }
        cost += match part {
            Expr::ScalarFunction(call) if functions::is_called(&call.func) => 100 * CALL,
            Expr::BinaryExpr(binary) if matches!(binary.op, Operator::And | Operator::Or) => 0,
            Expr::InList(list) => list_cost(list.list.len()),
            Expr::ScalarFunction(call) if is_key(call.func.name()) => 0,
            Expr::BinaryExpr(_) | Expr::ScalarFunction(_) | Expr::Like(_) | Expr::SimilarTo(_) => {
                CALL
            }
            Expr::Between(_) => 2 * CALL,
            _ => 0,
        };
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(cost)
}

fn list_cost(values: usize) -> usize {
    match values < HASHED_LIST {
        true => values,
        false => 2 * CALL,
    }
}

/// Of an OR that was written as a list of values, `a IN (1, 2)`, how many these are: one column is
/// compared with literals.
fn listed(expr: &Expr) -> Option<usize> {
    let Expr::BinaryExpr(BinaryExpr {
        op: Operator::Or, ..
    }) = expr
    else {
        return None;
    };
    let mut of = None;
    let terms = split_binary(expr, Operator::Or);
    let alike = terms.iter().all(|term| match term {
        Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) if matches!(right.as_ref(), Expr::Literal(..)) => *of.get_or_insert(left) == left,
        _ => false,
    });
    alike.then_some(terms.len())
}

/// Functions that make what values are compared by.
const KEYS: &[&str] = &[
    "array_key",
    "interval_key",
    "jsonb_array_key",
    "bpchar_key",
    "jsonb_key",
    "numeric_key",
    "query_key",
    "range_key",
    "row_array_key",
    "row_key",
];

fn is_key(name: &str) -> bool {
    KEYS.contains(&name)
}

/// Whether an expression may fail, or do something.
pub(super) fn may_fail(expr: &Expr) -> Result<bool> {
    expr.exists(|part| {
        Ok(match part {
            Expr::ScalarFunction(call) => {
                let name = call.func.name();
                functions::is_called(&call.func) || !(TOTAL.contains(&name) || is_key(name))
            }
            Expr::BinaryExpr(binary) => matches!(
                binary.op,
                Operator::Plus
                    | Operator::Minus
                    | Operator::Multiply
                    | Operator::Divide
                    | Operator::Modulo
            ),
            Expr::Cast(cast) => matches!(
                cast.field.data_type(),
                DataType::Int8 | DataType::Int16 | DataType::Int32 | DataType::UInt32
            ),
            _ => false,
        })
    })
}

/// The condition of a filter. What cannot fail stands beside the rest as well: by it files are
/// left out.
fn of_filter(predicate: Expr) -> Result<Expr> {
    let terms = cheapest_first(predicate)?;
    let mut first = 0;
    while first < terms.len() && !may_fail(&terms[first])? {
        first += 1;
    }
    let sure = conjunction(terms[..first].iter().cloned());
    let ordered = chained(terms)?;
    Ok(match sure {
        Some(sure) if matches!(ordered, Expr::Case(_)) => sure.and(ordered),
        _ => ordered,
    })
}

/// A condition of which NULL is as good as false.
fn in_turn(predicate: Expr) -> Result<Expr> {
    chained(cheapest_first(predicate)?)
}

/// The terms of a condition in PostgreSQL's order.
fn cheapest_first(predicate: Expr) -> Result<Vec<Expr>> {
    let split = split_binary_owned(predicate, Operator::And).into_iter();
    let mut split = split
        .map(|term| Ok((cost(&term)?, within(term)?)))
        .collect::<Result<Vec<_>>>()?;
    split.sort_by_key(|(cost, _)| *cost);
    Ok(split.into_iter().map(|(_, term)| term).collect())
}

/// Terms of an operator, each with its own conditions in order.
fn terms(expr: Expr, op: Operator) -> Result<Vec<Expr>> {
    split_binary_owned(expr, op)
        .into_iter()
        .map(within)
        .collect()
}

/// The terms of an AND, each computed for the rows that those before it let through.
fn chained(mut terms: Vec<Expr>) -> Result<Expr> {
    if is_long(&terms)? {
        return Ok(conjunction(terms).unwrap_or_else(|| lit(true)));
    }
    let mut later = 1;
    while later < terms.len() && !may_fail(&terms[later])? {
        later += 1;
    }
    let rest = terms.split_off(later.min(terms.len()));
    let first = conjunction(terms).unwrap_or_else(|| lit(true));
    match rest.is_empty() {
        true => Ok(first),
        false => Ok(case(first, [(true, chained(rest)?)], lit(false))),
    }
}

/// An expression with the conditions in it in order.
fn within(expr: Expr) -> Result<Expr> {
    expr.transform_down(|expr| match expr {
        Expr::BinaryExpr(BinaryExpr {
            op: op @ (Operator::And | Operator::Or),
            ..
        }) => {
            let terms = terms(expr, op)?;
            Ok(Transformed::new(
                joined(terms, op)?,
                true,
                TreeNodeRecursion::Jump,
            ))
        }
        Expr::AggregateFunction(AggregateFunction { func, mut params }) => {
            params.filter = match params.filter {
                // Here PostgreSQL keeps the order in which they are written.
                Some(filter) => Some(Box::new(chained(terms(*filter, Operator::And)?)?)),
                None => None,
            };
            let aggregate = Expr::AggregateFunction(AggregateFunction { func, params });
            Ok(Transformed::yes(aggregate))
        }
        expr => Ok(Transformed::no(expr)),
    })
    .map(|transformed| transformed.data)
}

/// The terms of AND or OR, of which one may be NULL.
fn joined(terms: Vec<Expr>, op: Operator) -> Result<Expr> {
    let is_long = is_long(&terms)?;
    let mut before: Option<Expr> = None;
    for term in terms {
        let Some(left) = before else {
            before = Some(term);
            continue;
        };
        let matters = !is_long && may_fail(&term)? && size(&term)? <= TWICE_MAX;
        before = Some(match (matters, op) {
            (false, Operator::And) => left.and(term),
            (false, _) => left.or(term),
            (true, Operator::And) => {
                let open = unknown().and(term.clone());
                case(left, [(true, term), (false, lit(false))], open)
            }
            (true, _) => {
                let open = unknown().or(term.clone());
                case(left, [(true, lit(true)), (false, term)], open)
            }
        });
    }
    Ok(before.unwrap_or_else(|| lit(op == Operator::And)))
}

/// Whether too many terms may fail.
fn is_long(terms: &[Expr]) -> Result<bool> {
    let mut count = 0;
    for term in terms.iter().skip(1) {
        count += usize::from(may_fail(term)?);
    }
    Ok(count > NESTED_MAX)
}

fn size(expr: &Expr) -> Result<usize> {
    let mut parts = 0;
    expr.apply(|_| {
        parts += 1;
        Ok(TreeNodeRecursion::Continue)
    })?;
    Ok(parts)
}

fn unknown() -> Expr {
    Expr::Literal(ScalarValue::Boolean(None), None)
}

/// `CASE of WHEN … THEN … ELSE otherwise END`
fn case<const N: usize>(of: Expr, arms: [(bool, Expr); N], otherwise: Expr) -> Expr {
    let arms = arms.into_iter();
    let arms = arms.map(|(when, then)| (Box::new(lit(when)), Box::new(then)));
    Expr::Case(Case::new(
        Some(Box::new(of)),
        arms.collect(),
        Some(Box::new(otherwise)),
    ))
}
