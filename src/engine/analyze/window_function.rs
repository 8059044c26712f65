//! Functions that are only window functions.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, WindowFunctionDefinition};
use sqlparser::ast::{self, Function};

use super::Analyst;
use super::aggregate_call::{Modifiers, check_place};
use super::level::{Clause, Level};
use super::subquery::has_subquery;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::types::PgType;

impl Analyst<'_> {
    /// A function that is only a window function.
    pub(super) fn window_function(
        &self,
        level: &Level<'_>,
        name: &str,
        function: &Function,
        list: &ast::FunctionArgumentList,
        modifiers: &Modifiers<'_>,
    ) -> Result<Typed> {
        let Some(over) = &function.over else {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("window function {name} requires an OVER clause"),
            ));
        };
        check_place(level.clause.get(), true)?;
        let udwf = functions::window(name).ok_or_else(|| self.no_function(name, &[]))?;
        let args = level.within(Clause::WindowArgument, || {
            list.args
                .iter()
                .map(|arg| self.argument(level, arg))
                .collect::<Result<Vec<_>>>()
        })?;
        // Of what has a default, what both have in common is no domain.
        let declared = match args.as_slice() {
            [first] | [first, _] => Some(first.ty),
            _ => None,
        };
        let args = args.into_iter().map(Typed::undomained).collect();
        let mut args = self.resolved(name, "w", args)?;
        if function.filter.is_some() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "FILTER is not implemented for non-aggregate window functions",
            ));
        }
        // The value and the default of lag and lead are of the type they have in common.
        if matches!(name, "lag" | "lead")
            && let [value, _, default] = args.as_mut_slice()
        {
            let context = name.to_uppercase();
            let (both, ty) = self.in_common(vec![value.clone(), default.clone()], &context)?;
            if let [a, b] = self.one_type(both, ty)?.as_slice() {
                (*value, *default) = (a.clone(), b.clone());
            }
        }
        let ty = args.first().map(Typed::base);
        if let [_, count, ..] = args.as_mut_slice()
            && matches!(name, "lag" | "lead" | "nth_value")
        {
            if super::operator::is_null(&count.expr)
                && let Some(ty) = ty
            {
                return typed::null(ty);
            }
            *count = self.coerced(count.clone(), PgType::INT8)?;
        }
        check_positive(name, &args)?;
        // DataFusion's default is one value for all rows.
        let own = match (name, args.as_slice()) {
            ("lag" | "lead", [_, _, default]) if !is_same_for_all(&default.expr) => args.pop(),
            _ => None,
        };
        let exprs: Vec<Expr> = args.into_iter().map(|arg| arg.expr).collect();
        let made = |exprs: Vec<Expr>| {
            let fun = WindowFunctionDefinition::WindowUDF(Arc::clone(&udwf));
            self.window_call(level, fun, exprs, over, None, modifiers.nulls)
        };
        let call = match own {
            Some(default) => {
                let mut there = exprs.clone();
                there[0] = typed::int8(1).expr;
                let nowhere = made(there)?.is_null();
                typed::case(vec![(nowhere, default.expr)], Some(made(exprs)?))
            }
            None => made(exprs)?,
        };
        let schema = self.schema_for(&[&call])?;
        let shown = typed::shown(call, &schema)?;
        Ok(match (name, ty) {
            ("ntile", _) => self.coerced(shown, PgType::INT4)?,
            ("lag" | "lead" | "first_value" | "last_value" | "nth_value", Some(ty)) => {
                let domain = declared.and_then(|declared| declared.domain);
                Typed::new(shown.expr, PgType { domain, ..ty })
            }
            _ => shown,
        })
    }
}

/// The constants of `ntile` and `nth_value` must be above zero.
fn check_positive(name: &str, args: &[Typed]) -> Result<()> {
    let (arg, state) = match name {
        "ntile" => (args.first(), SqlState::INVALID_ARGUMENT_FOR_NTILE_FUNCTION),
        "nth_value" => (
            args.get(1),
            SqlState::INVALID_ARGUMENT_FOR_NTH_VALUE_FUNCTION,
        ),
        _ => return Ok(()),
    };
    let number = match arg.map(innermost) {
        Some(Expr::Literal(ScalarValue::Int32(Some(number)), _)) => i64::from(*number),
        Some(Expr::Literal(ScalarValue::Int64(Some(number)), _)) => *number,
        _ => return Ok(()),
    };
    if number > 0 {
        return Ok(());
    }
    Err(Error::new(
        state,
        format!("argument of {name} must be greater than zero"),
    ))
}

/// Whether a value is the same for every row.
fn is_same_for_all(expr: &Expr) -> bool {
    !expr.any_column_refs() && !expr.is_volatile() && !expr.contains_outer() && !has_subquery(expr)
}

/// What is cast.
fn innermost(value: &Typed) -> &Expr {
    let mut expr = &value.expr;
    while let Expr::Cast(cast) = expr {
        expr = &cast.expr;
    }
    expr
}
