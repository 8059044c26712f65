//! CASE.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{BinaryExpr, Case, Expr, Operator};
use sqlparser::ast::{self, Expr as Ast};

use super::Analyst;
use super::level::Level;
use super::typed::{self, Typed, case};
use crate::base::{Error, Result};
use crate::engine::semantics::is_volatile;
use crate::types::PgType;

impl Analyst<'_> {
    /// `CASE [operand] WHEN … THEN … ELSE … END`
    pub(super) fn case_when(
        &self,
        level: &Level<'_>,
        operand: Option<&Ast>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Ast>,
    ) -> Result<Typed> {
        let operand = match operand {
            Some(operand) => {
                let value = self.expression(level, operand)?;
                Some(self.settled(value)?)
            }
            None => None,
        };
        let sets = level.sets.borrow().len();
        let mut whens = Vec::with_capacity(conditions.len());
        let mut results = Vec::with_capacity(conditions.len() + 1);
        for branch in conditions {
            let condition = self.expression(level, &branch.condition)?;
            whens.push(match &operand {
                Some(operand) => {
                    self.scope.watch.repeat(&operand.expr)?;
                    self.operate("=", operand.clone(), condition)?.expr
                }
                None => self.condition(condition, "CASE/WHEN")?,
            });
            results.push(self.expression(level, &branch.result)?);
        }
        // ELSE comes first in deciding the type.
        let last = match otherwise {
            Some(otherwise) => self.expression(level, otherwise)?,
            None => typed::unknown(None),
        };
        results.insert(0, last);
        super::set::none_since(level, sets, "CASE")?;
        // PostgreSQL puts the first result in place of a CASE whose first condition is true.
        let only = match (&operand, whens.first()) {
            (None, Some(Expr::Literal(ScalarValue::Boolean(Some(true)), _))) => {
                results.get(1).map(|value| value.ty)
            }
            _ => None,
        };
        let (results, ty) = self.in_common(results, "CASE")?;
        let ty = only.filter(|only| only.oid == ty.oid).map_or(ty, |only| {
            let domain = ty.domain;
            PgType { domain, ..only }
        });
        let mut results = self.one_type(results, ty)?.into_iter();
        let otherwise = results.next().map(|value| value.expr);
        let branches: Vec<_> = whens
            .into_iter()
            .zip(results.map(|value| value.expr))
            .collect();
        match &operand {
            Some(operand) if is_volatile(&operand.expr) => {
                let expr = once(branches, otherwise).ok_or_else(|| {
                    Error::unsupported("a volatile function in the operand of CASE")
                })?;
                Ok(Typed::new(expr, ty))
            }
            _ => Ok(Typed::new(case(branches, otherwise), ty)),
        }
    }
}

/// CASE that computes its operand once, where every branch compares the same value with another.
fn once(branches: Vec<(Expr, Expr)>, otherwise: Option<Expr>) -> Option<Expr> {
    let mut operand = None;
    let mut compared = Vec::with_capacity(branches.len());
    for (condition, result) in branches {
        let Expr::BinaryExpr(BinaryExpr {
            left,
            op: Operator::Eq,
            right,
        }) = condition
        else {
            return None;
        };
        if operand.get_or_insert_with(|| left.clone()) != &left {
            return None;
        }
        compared.push((right, Box::new(result)));
    }
    let otherwise = otherwise.map(Box::new);
    Some(Expr::Case(Case::new(operand, compared, otherwise)))
}
