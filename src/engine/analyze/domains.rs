//! Values in domains: let through once the domain's constraints have seen them.

use datafusion::logical_expr::Expr;

use super::Analyst;
use super::level::{Level, Named};
use super::typed::{self, Typed, case};
use crate::base::{Error, Result};
use crate::engine::parse::parse_expression;
use crate::types::PgType;

impl Analyst<'_> {
    /// A value of the type beneath as one of the domain `to`; as it is if `to` is none.
    ///
    /// # Errors
    /// `0A000` for a value that is not the same each time: each constraint reads it anew.
    pub(super) fn in_domain(&self, value: Typed, to: PgType) -> Result<Typed> {
        let Some(domain) = to.domain else {
            return Ok(value);
        };
        let rules = self.scope.context.snapshot.domain_rules(domain);
        let ty = PgType {
            domain: Some(domain),
            ..value.ty
        };
        if rules.is_empty() {
            return Ok(Typed { ty, ..value });
        }
        if value.expr.is_volatile() {
            return Err(Error::unsupported(format!(
                "a value that is not the same each time as a {to}, which has constraints,"
            )));
        }
        let level = Level::new(None, None);
        level.columns.borrow_mut().push(Named {
            name: "value".to_owned(),
            value: value.clone(),
        });
        let mut all: Option<Expr> = None;
        for rule in rules {
            let condition = parse_expression(&rule.condition)?;
            let verdict = self.pinned(|pinned| pinned.expression(&level, &condition));
            let verdict = verdict.map_err(Error::without_position)?;
            let mut args = vec![self.condition(verdict, "CHECK")?];
            args.push(typed::int8(i64::from(rule.domain.0)).expr);
            args.extend(rule.check.as_deref().map(|name| typed::text(name).expr));
            let kept = self.native("\0in domain", args)?.expr;
            all = Some(match all {
                Some(before) => typed::and(before, kept),
                None => kept,
            });
        }
        let expr = match all {
            Some(all) => case(vec![(all, value.expr)], None),
            None => value.expr,
        };
        Ok(Typed::new(expr, ty))
    }
}
