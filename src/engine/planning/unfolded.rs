//! How large an expression becomes by what the optimizer writes in its place: some of its rules
//! write a part several times, and of parts in each other those double again and again.

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::{Case, Expr};

/// A CASE of truth values with fewer conditions becomes AND and OR of them.
const CONDITIONS_MAX: usize = 3;

/// How many parts an expression has, and what they come to be; counted no further than a little
/// past `max`.
pub(super) fn parts(expr: &Expr, max: usize) -> Result<(usize, usize), DataFusionError> {
    let (mut parts, mut written) = (0_usize, 0_usize);
    let mut waiting = vec![(expr, 1_usize)];
    while let Some((expr, times)) = waiting.pop() {
        parts += 1;
        written = written.saturating_add(times);
        if written > max {
            break;
        }
        let repeated = repeated(expr);
        let mut index = 0;
        expr.apply_children(|child| {
            let more = repeated.get(index).copied().unwrap_or(1);
            waiting.push((child, times.saturating_mul(more)));
            index += 1;
            Ok(TreeNodeRecursion::Continue)
        })?;
    }
    Ok((parts, written))
}

/// How often each of an expression's first children comes to be written; once, those not told of.
fn repeated(expr: &Expr) -> Vec<usize> {
    match expr {
        // Each is asked whether it is there, and then given.
        Expr::ScalarFunction(call) if call.func.name() == "coalesce" => {
            vec![2; call.args.len().saturating_sub(1)]
        }
        Expr::Case(case) if case.expr.is_none() && becomes_logic(case) => {
            // A condition stands with its own result, and negated with each after it.
            let conditions = case.when_then_expr.len();
            let times = (0..conditions).flat_map(|index| [conditions + 1 - index, 1]);
            times.collect()
        }
        _ => Vec::new(),
    }
}

/// Whether the optimizer may make AND and OR of a CASE, as it does of truth values: of no CASE
/// with a literal of another type.
fn becomes_logic(case: &Case) -> bool {
    let truth = |then: &Expr| match then {
        Expr::Literal(ScalarValue::Boolean(value), _) => Some(*value == Some(true)),
        _ => None,
    };
    let results = case.when_then_expr.iter().map(|(_, then)| then);
    let other = |result: &Expr| match result {
        Expr::Literal(value, _) => !matches!(value, ScalarValue::Boolean(_) | ScalarValue::Null),
        _ => false,
    };
    // All of them are of one type.
    if results
        .clone()
        .chain(&case.else_expr)
        .any(|result| other(result))
    {
        return false;
    }
    let results: Vec<Option<bool>> = results.map(|then| truth(then)).collect();
    let trues = results.iter().filter(|truth| **truth == Some(true));
    results.len() < CONDITIONS_MAX
        || results.iter().all(Option::is_some) && trues.count() < CONDITIONS_MAX
}
