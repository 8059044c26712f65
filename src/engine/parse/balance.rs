//! Long chains of AND and OR as balanced trees.
//!
//! sqlparser nests `a OR b OR c …` as deep as it is long, and whatever clones, drops or plans the
//! tree later recurses as deep. AND and OR may be grouped in any way, so a long chain is regrouped,
//! in order, to the depth of its logarithm.

use std::ops::ControlFlow;

use sqlparser::ast::{BinaryOperator, Expr, Value, VisitMut, VisitorMut};

/// A chain this short stays as it is: deeper than any regrouped chain, so that none is regrouped
/// twice.
const LENGTH_MIN: usize = 16;

/// Regroups every long chain in a tree.
pub(super) fn balance(tree: &mut impl VisitMut) {
    // On the way down: a chain is short before anything descends into it.
    let _: ControlFlow<std::convert::Infallible> = tree.visit(&mut Balancer);
}

struct Balancer;

impl VisitorMut for Balancer {
    type Break = std::convert::Infallible;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Self::Break> {
        if let Expr::BinaryOp {
            op: op @ (BinaryOperator::And | BinaryOperator::Or),
            ..
        } = expression
        {
            let op = op.clone();
            if length(expression, &op) >= LENGTH_MIN {
                let chain = std::mem::replace(expression, Expr::value(Value::Null));
                *expression = regroup(terms(chain, &op), &op);
            }
        }
        ControlFlow::Continue(())
    }
}

/// Operators in the chain.
fn length(mut expression: &Expr, op: &BinaryOperator) -> usize {
    let mut length = 0;
    while let Expr::BinaryOp {
        left, op: other, ..
    } = expression
        && other == op
    {
        length += 1;
        expression = left;
    }
    length
}

/// The chain's terms, in order.
fn terms(mut chain: Expr, op: &BinaryOperator) -> Vec<Expr> {
    let mut terms = Vec::new();
    loop {
        match chain {
            Expr::BinaryOp {
                left,
                op: other,
                right,
            } if other == *op => {
                terms.push(*right);
                chain = *left;
            }
            first => {
                terms.push(first);
                terms.reverse();
                return terms;
            }
        }
    }
}

/// The terms as a balanced tree: neighbours are paired until one is left.
fn regroup(mut terms: Vec<Expr>, op: &BinaryOperator) -> Expr {
    while terms.len() > 1 {
        let mut paired = Vec::with_capacity(terms.len().div_ceil(2));
        let mut rest = terms.into_iter();
        while let Some(left) = rest.next() {
            paired.push(match rest.next() {
                Some(right) => Expr::BinaryOp {
                    left: Box::new(left),
                    op: op.clone(),
                    right: Box::new(right),
                },
                None => left,
            });
        }
        terms = paired;
    }
    terms.pop().unwrap_or_else(|| Expr::value(Value::Null))
}
