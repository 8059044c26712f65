//! Calls with arguments of the types that the functions take.

use sqlparser::ast::{
    self, Expr as Ast, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
};

use super::super::Analyst;
use super::super::from::part;
use super::super::level::Level;
use super::super::typed::Typed;
use super::{Written, not_written};
use crate::base::Result;
use crate::catalog::{RoutineBody, Volatility};
use crate::engine::parse::{VARIADIC, is_filled_in};
use crate::functions;
use crate::pg_catalog::relations::functions::by_name;
use crate::pg_catalog::volatility;
use crate::types::PgType;

/// A call of a function of PostgreSQL's.
pub(super) fn call(name: &str, args: Vec<Ast>) -> Ast {
    let args = args.into_iter();
    let args = args.map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)));
    Ast::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

impl Analyst<'_> {
    pub(super) fn called_written(&self, level: &Level<'_>, function: &Function) -> Result<Ast> {
        let list = match &function.args {
            FunctionArguments::None => {
                self.note(false);
                return Ok(Ast::Function(function.clone()));
            }
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return Err(not_written()),
        };
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.within_group.is_empty()
            && list.duplicate_treatment.is_none()
            && list.clauses.is_empty();
        if !plain {
            return Err(not_written());
        }
        let mut parts: Vec<String> = function.name.0.iter().map(part).collect();
        let args = &list.args;
        if let Some(called) = self.routine_call(level, &parts, args)? {
            if args.iter().any(|arg| named(arg).is_some()) {
                return Err(not_written());
            }
            let schema = self.scope.context.snapshot.schema(called.routine.schema);
            let schema = schema.ok_or_else(not_written)?;
            let taken = called.routine.input_types();
            if taken.len() != args.len() || called.routine.is_variadic() {
                return Err(not_written());
            }
            let immutable = called.routine.volatility == Volatility::Immutable;
            match called.routine.body {
                RoutineBody::Text(_) if !immutable => self.shared.inlines.set(true),
                _ => self.note(immutable),
            }
            let args = args.iter().zip(called.input_types());
            let args = args.map(|(arg, ty)| {
                let written = self.written(level, unnamed(arg)?)?;
                self.as_type(written, *ty)
            });
            let mut whole = call("", args.collect::<Result<_>>()?);
            if let Ast::Function(written) = &mut whole {
                let parts = [schema.name.as_str(), called.routine.name.as_str()];
                let parts = parts.map(|part| Ident::with_quote('"', part));
                written.name = ObjectName::from(parts.to_vec());
            }
            return Ok(whole);
        }
        if parts.len() == 2 && parts[0] == "pg_catalog" {
            parts.remove(0);
        }
        let [name] = parts.as_slice() else {
            return Err(not_written());
        };
        match name.as_str() {
            "row" => {
                let items = args
                    .iter()
                    .map(|arg| self.field_written(level, unnamed(arg)?));
                return Ok(Ast::Tuple(items.collect::<Result<_>>()?));
            }
            "coalesce" | "greatest" | "least" => {
                let values = args.iter().map(|arg| self.written(level, unnamed(arg)?));
                let values = values.collect::<Result<Vec<_>>>()?;
                let args = self.written_alike(values, &name.to_uppercase())?;
                return Ok(call(name, args));
            }
            "nullif" => {
                let [a, b] = args.as_slice() else {
                    return Err(not_written());
                };
                let (a, b) = (
                    self.written(level, unnamed(a)?)?,
                    self.written(level, unnamed(b)?)?,
                );
                let (to_a, to_b) = self.taken("=", &a.value, &b.value)?;
                return Ok(call(
                    name,
                    vec![self.as_operand(a, to_a)?, self.as_operand(b, to_b)?],
                ));
            }
            "current_timestamp" | "current_time" | "localtime" | "localtimestamp" => {
                self.note(false);
                let args = args.iter().map(|arg| Ok(unnamed(arg)?.clone()));
                return Ok(call(name, args.collect::<Result<_>>()?));
            }
            "normalize" => return Err(not_written()),
            _ => {}
        }
        if functions::aggregate(name).is_some() || functions::window(name).is_some() {
            return Err(not_written());
        }
        self.native_call(level, name, args)
    }

    /// The call of one of PostgreSQL's own functions.
    fn native_call(&self, level: &Level<'_>, name: &str, args: &[FunctionArg]) -> Result<Ast> {
        let by_name = args.iter().any(|arg| named(arg).is_some());
        if by_name {
            return self.by_name(level, name, args);
        }
        let written = args.iter().map(|arg| self.written(level, unnamed(arg)?));
        let written = written.collect::<Result<Vec<_>>>()?;
        let args = self.as_parameters(name, written)?;
        Ok(call(name, args))
    }

    /// A call whose arguments say which parameters they are for: these are as they are.
    fn by_name(&self, level: &Level<'_>, name: &str, args: &[FunctionArg]) -> Result<Ast> {
        let variadic = |arg: &FunctionArg| named(arg).is_some_and(|of| of.value == VARIADIC);
        if !args.iter().any(variadic) {
            let parameters = functions::parameters(name).ok_or_else(not_written)?;
            // Refuses names that it has not.
            self.positional(level, parameters, args)?;
        }
        let mut named_so = by_name(name).into_iter();
        self.note(named_so.all(|(oid, _)| volatility::is_immutable(oid)));
        let args = args.iter().map(|arg| match arg {
            FunctionArg::Named {
                name,
                arg: FunctionArgExpr::Expr(value),
                operator,
            } => {
                let written = self.written(level, value)?;
                if written.value.is_unknown() {
                    return Err(not_written());
                }
                Ok(FunctionArg::Named {
                    name: name.clone(),
                    arg: FunctionArgExpr::Expr(written.ast),
                    operator: operator.clone(),
                })
            }
            arg => {
                let written = self.written(level, unnamed(arg)?)?;
                if written.value.is_unknown() {
                    return Err(not_written());
                }
                Ok(FunctionArg::Unnamed(FunctionArgExpr::Expr(written.ast)))
            }
        });
        let args = args.collect::<Result<Vec<_>>>()?;
        let mut whole = call(name, Vec::new());
        if let Ast::Function(function) = &mut whole
            && let FunctionArguments::List(list) = &mut function.args
        {
            list.args = args;
        }
        Ok(whole)
    }

    /// Arguments as the function of that name takes them.
    fn as_parameters(&self, name: &str, args: Vec<Written>) -> Result<Vec<Ast>> {
        let values: Vec<Typed> = args.iter().map(|arg| arg.value.clone()).collect();
        let types = self.parameter_types(name, &values)?;
        let types = types.ok_or_else(not_written)?;
        let args = args.into_iter().zip(types);
        args.map(|(arg, ty)| match ty {
            Some(ty) => self.as_type(arg, ty),
            None => Ok(arg.ast),
        })
        .collect()
    }

    /// The arguments of a function that has a grammar of its own: PostgreSQL does not show what it
    /// converts there.
    pub(super) fn as_parts(&self, name: &str, args: Vec<Written>) -> Result<Vec<Ast>> {
        let shown: Vec<Option<Ast>> = args
            .iter()
            .map(|arg| (!arg.value.is_unknown()).then(|| arg.ast.clone()))
            .collect();
        let full = self.as_parameters(name, args)?.into_iter().zip(shown);
        Ok(full.map(|(full, shown)| shown.unwrap_or(full)).collect())
    }

    /// Forms with a grammar of their own.
    pub(super) fn form_written(&self, level: &Level<'_>, expression: &Ast) -> Result<Ast> {
        let of = |name: &str, args: &[&Ast]| {
            let args = args.iter().map(|arg| self.written(level, arg));
            let args = args.collect::<Result<Vec<_>>>()?;
            let boxed = self.as_parts(name, args)?.into_iter().map(Box::new);
            Ok::<_, crate::base::Error>(boxed.collect::<Vec<_>>().into_iter())
        };
        let called = |name: &str, args: &[&Ast]| {
            let args = args.iter().map(|arg| self.written(level, arg));
            self.as_parameters(name, args.collect::<Result<Vec<_>>>()?)
        };
        let next = |args: &mut std::vec::IntoIter<Box<Ast>>| args.next().ok_or_else(not_written);
        let mut written = expression.clone();
        match &mut written {
            Ast::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let mut args = of("timezone", &[time_zone, timestamp])?;
                (*time_zone, *timestamp) = (next(&mut args)?, next(&mut args)?);
            }
            Ast::Extract { expr, .. } => {
                let field = Ast::value(ast::Value::SingleQuotedString("year".to_owned()));
                let mut args = of("extract", &[&field, expr])?;
                next(&mut args)?;
                *expr = next(&mut args)?;
            }
            Ast::Ceil { expr, .. } => {
                **expr = called("ceil", &[expr])?.remove(0);
            }
            Ast::Floor { expr, .. } => {
                **expr = called("floor", &[expr])?.remove(0);
            }
            Ast::Position { expr, r#in } => {
                let mut args = of("position", &[r#in, expr])?;
                (*r#in, *expr) = (next(&mut args)?, next(&mut args)?);
            }
            Ast::Substring {
                expr,
                substring_from,
                substring_for,
                special,
                shorthand,
            } => {
                let name = if *shorthand { "substr" } else { "substring" };
                let one = Ast::value(ast::Value::Number("1".to_owned(), false));
                let mut parts: Vec<&Ast> = vec![expr];
                if substring_from.is_none() && substring_for.is_some() {
                    parts.push(&one);
                }
                parts.extend(substring_from.as_deref());
                parts.extend(substring_for.as_deref());
                let full = called(name, &parts)?;
                let patterned = full.get(1).is_some_and(is_text);
                if *special || *shorthand || patterned && full.len() == 2 {
                    return Ok(called_in_full(name, full));
                }
                if patterned {
                    return Err(not_written());
                }
                let mut args = of(name, &parts)?;
                *expr = next(&mut args)?;
                *substring_from = args.next();
                *substring_for = args.next();
            }
            Ast::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => {
                let name = match trim_where {
                    Some(ast::TrimWhereField::Leading) => "ltrim",
                    Some(ast::TrimWhereField::Trailing) => "rtrim",
                    Some(ast::TrimWhereField::Both) | None => "btrim",
                };
                let what = match (&trim_what, &trim_characters) {
                    (Some(what), None) if is_filled_in(what) => None,
                    (Some(what), None) => Some(what.as_ref()),
                    (None, Some(what)) if what.len() == 1 => what.first(),
                    (None, None) => None,
                    _ => return Err(not_written()),
                };
                let mut parts: Vec<&Ast> = vec![expr];
                parts.extend(what);
                let mut args = of(name, &parts)?;
                *expr = next(&mut args)?;
                *trim_what = args.next();
                *trim_characters = None;
                trim_where.get_or_insert(ast::TrimWhereField::Both);
            }
            Ast::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                let mut parts: Vec<&Ast> = vec![expr, overlay_what, overlay_from];
                parts.extend(overlay_for.as_deref());
                let mut args = of("overlay", &parts)?;
                *expr = next(&mut args)?;
                *overlay_what = next(&mut args)?;
                *overlay_from = next(&mut args)?;
                *overlay_for = args.next();
            }
            Ast::IsNormalized {
                expr,
                negated: false,
                ..
            } => {
                let inner = self.written(level, expr)?;
                **expr = self.as_type(inner, PgType::TEXT)?;
            }
            _ => return Err(not_written()),
        }
        Ok(written)
    }
}

/// `"substring"(…)`: the name in quotes, for what is a word of the grammar.
fn called_in_full(name: &str, args: Vec<Ast>) -> Ast {
    let mut whole = call(name, args);
    if let Ast::Function(function) = &mut whole {
        let quoted = crate::base::name::quote(name) != name;
        let ident = match quoted {
            true => Ident::with_quote('"', name),
            false => Ident::new(name),
        };
        function.name = ObjectName::from(vec![ident]);
    }
    whole
}

/// Whether an argument is written as a text.
fn is_text(ast: &Ast) -> bool {
    match ast {
        Ast::Cast { data_type, .. } => *data_type == ast::DataType::Text,
        _ => false,
    }
}

fn unnamed(arg: &FunctionArg) -> Result<&Ast> {
    match arg {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => Ok(value),
        _ => Err(not_written()),
    }
}

fn named(arg: &FunctionArg) -> Option<&Ident> {
    match arg {
        FunctionArg::Named { name, .. } => Some(name),
        _ => None,
    }
}
