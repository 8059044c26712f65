//! COALESCE, GREATEST, LEAST and NULLIF: one of several values.

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::Expr;

use super::Analyst;
use super::coerce::{array_element, category};
use super::typed::{self, Typed, case};
use crate::base::{Error, Result, SqlState};
use crate::engine::numeric;
use crate::engine::semantics::{self, is_volatile};
use crate::functions;
use crate::types::PgType;

impl Analyst<'_> {
    /// `COALESCE(…)`, `GREATEST(…)` or `LEAST(…)`
    pub(super) fn one_of(&self, name: &str, args: Vec<Typed>) -> Result<Typed> {
        if args.is_empty() {
            // To PostgreSQL's grammar these are no functions.
            let message = "syntax error at or near \")\"";
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        }
        let word = name.to_uppercase();
        let (values, ty) = self.in_common(args, &word)?;
        if name != "coalesce" {
            self.equality_types(ty.plain(), ty.plain())
                .map_err(|_| super::operator::no_comparison(ty.plain()))?;
        }
        let values = self.one_type(values, ty)?;
        let open = match values.first() {
            Some(value) => self.is_open(value)?,
            None => false,
        };
        let mut args: Vec<Expr> = values.into_iter().map(|value| value.expr).collect();
        if name == "coalesce" {
            // DataFusion writes all arguments but the last twice.
            let twice = &args[..args.len() - 1];
            if twice.iter().any(is_volatile) {
                let first = first_there(args).map_err(|_| {
                    let what = "a volatile function in an argument of COALESCE before the last";
                    Error::unsupported(what)
                })?;
                return Ok(Typed::new(first, ty));
            }
            if twice.iter().any(has_coalesce) {
                match first_there(args) {
                    Ok(first) => return Ok(Typed::new(first, ty)),
                    Err(given_back) => args = given_back,
                }
            }
        }
        if open && name != "coalesce" {
            return Ok(Typed::new(numeric::extreme(name == "greatest", args), ty));
        }
        if ty.has_keyed_bounds() && name != "coalesce" {
            let how = match name {
                "greatest" => functions::Spanning::Greatest,
                _ => functions::Spanning::Least,
            };
            let args = args.into_iter().map(|arg| Typed::new(arg, ty)).collect();
            return self.spanning(how, args, ty);
        }
        let args = args.into_iter();
        let args = args.map(|arg| Ok(self.told_elements(Typed::new(arg, ty))?.expr));
        let args = args.collect::<Result<Vec<_>>>()?;
        // Intervals are not in the order of their parts.
        let call = match name {
            "greatest" if ty.oid == PgType::INTERVAL.oid => {
                self.native("greatest interval", args)?
            }
            "least" if ty.oid == PgType::INTERVAL.oid => self.native("least interval", args)?,
            // NULL is greater than any other element.
            "greatest" if array_element(ty).is_some() => self.native("greatest array", args)?,
            "least" if array_element(ty).is_some() => self.native("least array", args)?,
            name => self.native(name, args)?,
        };
        Ok(Typed::new(call.expr, ty))
    }

    /// `NULLIF(a, b)`
    pub(super) fn nullif(&self, args: Vec<Typed>) -> Result<Typed> {
        let [a, b] =
            <[Typed; 2]>::try_from(args).map_err(|args| self.no_function("nullif", &args))?;
        typed::once(&a, "the first argument of NULLIF")?;
        let a = if a.is_unknown() && !b.is_unknown() {
            self.coerced(a, b.base())?
        } else {
            a
        };
        self.scope.watch.repeat(&a.expr)?;
        // The answer is of the type that the operator takes.
        let exact = |ty: PgType| ty.oid == PgType::NUMERIC.oid;
        let real = |ty: PgType| ty.oid == PgType::FLOAT8.oid || ty.oid == PgType::FLOAT4.oid;
        let whole = |ty: PgType| !exact(ty) && !real(ty) && category(ty) == 'N';
        let a = match (a.base(), b.base()) {
            (from, to) if exact(to) && whole(from) => self.coerced(a, PgType::NUMERIC)?,
            (from, to) if real(to) && (whole(from) || exact(from)) => {
                self.coerced(a, PgType::FLOAT8)?
            }
            (from, _) if from.oid == PgType::VARCHAR.oid => self.coerced(a, PgType::TEXT)?,
            _ => a,
        };
        let equal = self.operate("=", a.clone(), b)?.expr;
        let a = self.settled(a)?;
        let mut both = self.one_type(vec![a.clone(), typed::null(a.ty)?], a.ty)?;
        let (Some(null), Some(a)) = (both.pop().map(|null| null.expr), both.pop()) else {
            return Err(Error::internal("comparing", "a value is gone"));
        };
        let expr = case(vec![(equal, null)], Some(a.expr));
        Ok(Typed::new(expr, a.ty))
    }
}

/// Whether one COALESCE is in another's arguments, in either of the forms it is given here.
fn has_coalesce(expr: &Expr) -> bool {
    let call = |part: &Expr| match part {
        Expr::ScalarFunction(call) => matches!(call.func.name(), "coalesce" | "first_there"),
        _ => false,
    };
    expr.exists(|part| Ok(call(part))).unwrap_or(false)
}

/// COALESCE that computes no argument twice. It computes all of them; where that may do harm it
/// gives them back.
fn first_there(args: Vec<Expr>) -> std::result::Result<Expr, Vec<Expr>> {
    let harmless = |arg: &Expr| {
        let value = match arg {
            Expr::Cast(cast) => cast.expr.as_ref(),
            value => value,
        };
        matches!(value, Expr::Literal(..) | Expr::Column(_))
    };
    match semantics::computed("first_there") {
        Some(function) if args[1..].iter().all(harmless) => Ok(function.call(args)),
        _ => Err(args),
    }
}
