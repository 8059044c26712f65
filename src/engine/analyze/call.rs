//! Function calls. Aggregates and window functions are in [`super::aggregate_call`].

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, ExprSchemable};
use sqlparser::ast::{self, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName};

use super::Analyst;
use super::aggregate::is_aggregated;
use super::aggregate_call::modifiers;
use super::coerce::array_element;
use super::from::part;
use super::function::set_elements;
use super::level::Level;
use super::outer_aggregate::around;
use super::routine::Meant;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::{CURRENT_OF, SUBSCRIPTED, VARIADIC};
use crate::functions;
use crate::types::PgType;
use crate::types::shaped::is_shaped;

impl Analyst<'_> {
    /// A function of ours or DataFusion's, by its name, over arguments of the types it takes.
    pub(super) fn native(&self, name: &str, args: Vec<Expr>) -> Result<Typed> {
        let function = functions::scalar(self.scope.context, name).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function {name}() does not exist"),
            )
        })?;
        let schema = self.schema_for(&args.iter().collect::<Vec<_>>())?;
        // DataFusion's own functions know lists alone.
        let args = match functions::is_native(name) && name != "coalesce" {
            true => args
                .into_iter()
                .map(|arg| match arg.get_type(&schema) {
                    Ok(held) if is_shaped(&held) => typed::cast(arg, PgType::of_data_type(&held)),
                    _ => arg,
                })
                .collect(),
            false => args,
        };
        typed::call(function, args, &schema)
    }

    /// One argument.
    pub(super) fn argument(&self, level: &Level<'_>, arg: &FunctionArg) -> Result<Typed> {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                self.expression(level, expression)
            }
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                self.star_row(level, name)
            }
            FunctionArg::Unnamed(_) => Err(Error::unsupported("* as an argument")),
            FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } => {
                Err(Error::unsupported("named function arguments"))
            }
        }
    }

    pub(super) fn function(&self, level: &Level<'_>, function: &Function) -> Result<Typed> {
        if function.uses_odbc_syntax || !matches!(function.parameters, FunctionArguments::None) {
            return Err(Error::unsupported("this form of function call"));
        }
        let mut parts: Vec<String> = function.name.0.iter().map(part).collect();
        if parts.len() == 2 && parts[0] == "pg_catalog" {
            parts.remove(0);
        }
        let name = parts.join(".");
        if name == CURRENT_OF {
            return Err(Error::unsupported("WHERE CURRENT OF here"));
        }
        let list = match &function.args {
            FunctionArguments::Subquery(query) if name == "array" => {
                return self.array_subquery(level, query);
            }
            FunctionArguments::Subquery(query) => {
                let value = self.scalar_subquery(level, query)?;
                return self.scalar_call(level, &name, vec![value], &function.name);
            }
            // `CURRENT_USER` and its kin are calls without parentheses.
            FunctionArguments::None => {
                let name = if name == "user" {
                    "current_user"
                } else {
                    &name
                };
                return self.native(name, Vec::new());
            }
            FunctionArguments::List(list) => list,
        };
        check_callable(&function.name)?;
        if name == SUBSCRIPTED {
            return self.subscripted(level, &list.args);
        }
        let modifiers = modifiers(function, list)?;
        if name == "row" {
            let items = list
                .args
                .iter()
                .map(|arg| match arg {
                    FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                        Ok(expression.clone())
                    }
                    FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                        Ok(ast::Expr::QualifiedWildcard(
                            name.clone(),
                            ast::helpers::attached_token::AttachedToken::empty(),
                        ))
                    }
                    _ => Err(Error::unsupported("this in ROW")),
                })
                .collect::<Result<Vec<_>>>()?;
            return self.row(level, &items);
        }
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.within_group.is_empty()
            && !modifiers.distinct
            && modifiers.order.is_empty();
        let called = match self.users_aggregate(level, function, list, &modifiers)? {
            Meant::Aggregate(value) => return Ok(value),
            Meant::Function(call) => call.filter(|_| plain),
            Meant::Other if plain => self.users_call(level, function, &list.args)?,
            Meant::Other => None,
        };
        if let Some(call) = called {
            return self.routine_value(level, &call);
        }
        // Behind such names are forms of others, which the types of a call's arguments choose.
        if name.contains(' ') {
            return Err(Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("function {name} does not exist"),
            ));
        }
        // A rank WITHIN GROUP is not the window function of its name.
        let name = match functions::within_group(&name) {
            Some(within) if !function.within_group.is_empty() => within.to_owned(),
            _ => name,
        };
        let is_window = functions::window(&name).is_some();
        let is_aggregate = functions::aggregate(&name).is_some() || name == "grouping";
        if is_aggregate && (function.over.is_none() || !is_window) {
            return self.aggregate(level, &name, function, list, &modifiers);
        }
        if is_window {
            return self.window_function(level, &name, function, list, &modifiers);
        }
        let refuse = |what: &str| {
            Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("{what} specified, but {name} is not an aggregate function"),
            ))
        };
        if function.over.is_some() {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!(
                    "OVER specified, but {name} is not a window function nor an aggregate function"
                ),
            ));
        }
        if modifiers.distinct {
            return refuse("DISTINCT");
        }
        if !function.within_group.is_empty() {
            return refuse("WITHIN GROUP");
        }
        if !modifiers.order.is_empty() {
            return refuse("ORDER BY");
        }
        if function.filter.is_some() {
            return refuse("FILTER");
        }
        if let [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] = list.args.as_slice() {
            return refuse("*").map_err(|_: Error| {
                Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("{name}(*) specified, but {name} is not an aggregate function"),
                )
            });
        }
        if let Some((
            FunctionArg::Named {
                name: mark, arg, ..
            },
            fixed,
        )) = list.args.split_last()
            && mark.value == VARIADIC
        {
            let FunctionArgExpr::Expr(array) = arg else {
                return Err(Error::unsupported("this form of function call"));
            };
            let args = fixed
                .iter()
                .map(|arg| self.argument(level, arg))
                .collect::<Result<Vec<_>>>()?;
            let array = self.expression(level, array)?;
            return self.variadic_call(&name, &function.name, args, array);
        }
        let sets = level.sets.borrow().len();
        // The second argument of `normalize` is a word of the grammar.
        let spelled = match list.args.as_slice() {
            [
                text,
                FunctionArg::Unnamed(FunctionArgExpr::Expr(ast::Expr::Identifier(form))),
            ] if name == "normalize" && form.quote_style.is_none() && is_form(&form.value) => {
                Some(vec![self.argument(level, text)?, typed::text(&form.value)])
            }
            _ => None,
        };
        if let (Some(form), None, "normalize") = (list.args.get(1), &spelled, name.as_str()) {
            check_form(&function.name, form)?;
        }
        let by_name = list
            .args
            .iter()
            .any(|arg| matches!(arg, FunctionArg::Named { .. }));
        let values = match functions::parameters(&name).filter(|_| by_name) {
            _ if spelled.is_some() => spelled.unwrap_or_default(),
            Some(parameters) => self.positional(level, parameters, &list.args)?,
            None => list
                .args
                .iter()
                .map(|arg| self.argument(level, arg))
                .collect::<Result<Vec<_>>>()?,
        };
        if name == "coalesce" {
            super::set::none_since(level, sets, "COALESCE")?;
        }
        if let [document] = values.as_slice()
            && name == "unnest"
            && document.is(PgType::TSVECTOR)
            && let Some(columns) = functions::set_as_arrays("unnest tsvector")
        {
            return self.set_row(level, columns, &values, &function.name);
        }
        if let Some(columns) = functions::set_as_arrays(&name) {
            return self.set_row(level, columns, &values, &function.name);
        }
        if let Some(elements) = self.elements(&name, values.clone())? {
            return self.set_column(level, elements);
        }
        self.scalar_call(level, &name, values, &function.name)
    }

    /// The users' function a call means; `None` if it means one of PostgreSQL's.
    pub(super) fn users_call(
        &self,
        level: &Level<'_>,
        function: &Function,
        args: &[FunctionArg],
    ) -> Result<Option<super::routine::Call>> {
        let parts: Vec<String> = function.name.0.iter().map(part).collect();
        let sets = level.sets.borrow().len();
        let noted: Vec<usize> = around(level).map(|of| of.outer.borrow().len()).collect();
        let called = self.routine_call(level, &parts, args);
        if let Ok(None) = &called {
            // The arguments are read again, perhaps where the call belongs to a query around.
            level.sets.borrow_mut().truncate(sets);
            let levels = around(level).zip(noted);
            levels.for_each(|(of, noted)| of.outer.borrow_mut().truncate(noted));
        }
        if let Ok(Some(call)) = &called
            && let [ast::ObjectNamePart::Identifier(ident)] = function.name.0.as_slice()
            && self.chain.is_none()
        {
            let mut called = self.shared.called.borrow_mut();
            let function = (call.routine.schema, call.routine.name.clone());
            let call = (ident.span, function);
            if !called.contains(&call) {
                called.push(call);
            }
        }
        called.map_err(|error| match function.name.0.first() {
            Some(ast::ObjectNamePart::Identifier(ident))
                if [SqlState::UNDEFINED_FUNCTION, SqlState::AMBIGUOUS_FUNCTION]
                    .contains(&error.state()) =>
            {
                super::at(error, ident.span)
            }
            _ => error,
        })
    }

    /// A set-returning function of several columns in a select list: the row they make.
    fn set_row(
        &self,
        level: &Level<'_>,
        columns: &[(&str, &str)],
        args: &[Typed],
        written: &ast::ObjectName,
    ) -> Result<Typed> {
        let fields = columns
            .iter()
            .map(|(behind, column)| {
                let array = self.scalar_call(level, behind, args.to_vec(), written)?;
                let value = self.set_column(level, set_elements(behind, array))?;
                Ok(((*column).to_owned(), value))
            })
            .collect::<Result<Vec<_>>>()?;
        self.row_of(&fields)
    }

    /// Arguments that may be given by name, in the order of the parameters; what is not given is
    /// the parameter's default.
    pub(super) fn positional(
        &self,
        level: &Level<'_>,
        parameters: &[(&str, &str)],
        args: &[FunctionArg],
    ) -> Result<Vec<Typed>> {
        let mut placed: Vec<Option<Typed>> = vec![None; parameters.len()];
        for (index, arg) in args.iter().enumerate() {
            let (place, value) = match arg {
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(value),
                    ..
                } => {
                    let name = crate::engine::parse::fold(name);
                    (
                        parameters.iter().position(|(known, _)| *known == name),
                        self.expression(level, value)?,
                    )
                }
                other => (Some(index), self.argument(level, other)?),
            };
            match place.and_then(|place| placed.get_mut(place)) {
                Some(slot) if slot.is_none() => *slot = Some(value),
                _ => return Err(Error::unsupported("named function arguments like these")),
            }
        }
        // What is behind the last that was given the function knows itself.
        let given = placed.iter().rposition(Option::is_some);
        placed
            .into_iter()
            .zip(parameters)
            .take(given.map_or(0, |last| last + 1))
            .map(|(value, (name, default))| match (value, *default) {
                (Some(value), _) => Ok(value),
                (None, "") => Err(Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("there is no argument named \"{name}\""),
                )),
                (None, "false") => Ok(Typed::bool(typed::boolean(Some(false)))),
                (None, "true") => Ok(Typed::bool(typed::boolean(Some(true)))),
                (None, text) if text.starts_with('{') => Ok(typed::unknown(Some(text))),
                (None, number) => super::literal::number(number, false),
            })
            .collect()
    }

    /// A function of one value.
    pub(super) fn scalar_call(
        &self,
        _level: &Level<'_>,
        name: &str,
        args: Vec<Typed>,
        written: &ObjectName,
    ) -> Result<Typed> {
        super::arguments::check_parameters(name, &args)?;
        match name {
            "coalesce" | "greatest" | "least" => return self.one_of(name, args),
            // A literal has no collation yet.
            "pg_collation_for" if args.len() == 1 && args[0].is_unknown() => {
                return typed::null(PgType::TEXT);
            }
            "nullif" => return self.nullif(args),
            "row_to_json" | "to_json" | "to_jsonb" if args.iter().any(Self::is_there) => {
                let pretty = match args.get(1).map(|pretty| &pretty.expr) {
                    None => false,
                    Some(Expr::Literal(ScalarValue::Boolean(Some(pretty)), _)) => *pretty,
                    Some(_) => return Err(Error::unsupported(format!("{name} of this"))),
                };
                return self.json_row(args.into_iter().next(), name == "to_jsonb", pretty);
            }
            // The type is known, also where DataFusion has forgotten it.
            "pg_typeof" if args.len() == 1 => {
                let oid = ScalarValue::UInt32(Some(args[0].ty.declared().0));
                let ty = typed::literal(oid, PgType::REGTYPE);
                let value = &args[0].expr;
                if !is_aggregated(value) {
                    return Ok(ty);
                }
                // Rows are aggregated all the same.
                let is_null = vec![(value.clone().is_null(), ty.expr.clone())];
                let expr = typed::case(is_null, Some(ty.expr));
                return Ok(Typed::new(expr, PgType::REGTYPE));
            }
            _ => {}
        }
        if let Some(value) = self.enum_call(name, &args)? {
            return Ok(value);
        }
        let args: Vec<Typed> = args.into_iter().map(Typed::undomained).collect();
        let args = self.resolved(name, "f", args)?;
        if let Some(value) = self.range_call(name, written, &args)? {
            return Ok(value);
        }
        if let Some(row) = self.populated_row(name, &args)? {
            return Ok(row);
        }
        // A field of a row may be written as a function of it.
        if let [value] = args.as_slice()
            && Self::is_row(value)
            && functions::scalar(self.scope.context, name).is_none()
            && let Some(fields) = self.fields(value)
            && let Some((_, field)) = fields.iter().find(|(field, _)| field == name)
        {
            return Ok(field.clone());
        }
        if let Some(value) = self.coded_call(name, &args)? {
            return Ok(value);
        }
        let args = self.with_array(name, args)?;
        let args = self.enum_arguments(name, args)?;
        let given: Vec<PgType> = args.iter().map(|arg| arg.ty).collect();
        if name.starts_with("array_") {
            super::composite::one_kind_of_rows(&given)?;
        }
        let args = self.as_taken(name, args)?;
        let Some(function) = functions::scalar(self.scope.context, name) else {
            if let Some(value) = self.otherwise_called(name, &args)? {
                return Ok(value);
            }
            let error = self.no_function(name, &args);
            let span = match written.0.first() {
                Some(ast::ObjectNamePart::Identifier(ident)) => ident.span,
                _ => sqlparser::tokenizer::Span::empty(),
            };
            return Err(super::at(error, span));
        };
        // Now, with so many digits of a second.
        let precision = match (name, args.as_slice()) {
            (
                "current_timestamp" | "current_time" | "localtimestamp" | "localtime",
                [
                    Typed {
                        expr: Expr::Literal(ScalarValue::Int32(Some(digits)), _),
                        ..
                    },
                ],
            ) => Some((*digits).clamp(0, 6)),
            _ => None,
        };
        let args = match functions::takes_numerics(name) {
            true => args,
            false => args
                .into_iter()
                .map(|arg| self.unopened(arg))
                .collect::<Result<_>>()?,
        };
        let args = self.typed_arguments(&function, args)?;
        let schema = self.schema_for(&args.iter().collect::<Vec<_>>())?;
        let result = typed::call(function, args, &schema)?;
        Ok(match precision {
            Some(digits) => Typed::new(result.expr, result.ty.with_typmod(digits)),
            None => Self::enum_result(name, &given, result),
        })
    }

    /// `f(a, VARIADIC array)`
    fn variadic_call(
        &self,
        name: &str,
        written: &ObjectName,
        mut args: Vec<Typed>,
        array: Typed,
    ) -> Result<Typed> {
        if let Some(value) = self.collected_ranges(name, written, &args, &array)? {
            return Ok(value);
        }
        let array = match array.is_unknown() {
            true => self.coerced(array, PgType::of(1009))?,
            false => array,
        };
        if array_element(array.ty).is_none() {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                "VARIADIC argument must be an array",
            ));
        }
        args.push(array);
        let function = functions::scalar(self.scope.context, name).and_then(functions::variadic);
        let Some(function) = function else {
            return Err(self.no_function(name, &args));
        };
        let args: Vec<Expr> = args
            .into_iter()
            .map(|arg| self.said(self.settled(arg)?))
            .collect::<Result<_>>()?;
        let schema = self.schema_for(&args.iter().collect::<Vec<_>>())?;
        typed::call(function, args, &schema)
    }
}

/// Whether a word is a form of normalization.
fn is_form(word: &str) -> bool {
    let forms = ["NFC", "NFD", "NFKC", "NFKD"];
    forms.iter().any(|form| form.eq_ignore_ascii_case(word))
}

/// Refuses what is no form of normalization, where the function is called by the grammar's word.
fn check_form(name: &ObjectName, form: &FunctionArg) -> Result<()> {
    match name.0.as_slice() {
        [ast::ObjectNamePart::Identifier(word)] if word.quote_style.is_none() => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!("syntax error at or near \"{form}\""),
        )),
        _ => Ok(()),
    }
}

/// Refuses a call by a word that PostgreSQL's grammar keeps for types and values, unless quoted or
/// with its schema.
pub(super) fn check_callable(name: &ObjectName) -> Result<()> {
    const KEPT: &[&str] = &[
        "bigint",
        "bit",
        "boolean",
        "char",
        "character",
        "current_catalog",
        "current_date",
        "current_role",
        "current_user",
        "dec",
        "decimal",
        "float",
        "int",
        "integer",
        "interval",
        "nchar",
        "numeric",
        "real",
        "session_user",
        "smallint",
        "time",
        "timestamp",
        "user",
        "varchar",
    ];
    match name.0.as_slice() {
        [ast::ObjectNamePart::Identifier(word)]
            if word.quote_style.is_none()
                && KEPT.contains(&word.value.to_ascii_lowercase().as_str()) =>
        {
            let syntax = Error::new(SqlState::SYNTAX_ERROR, "syntax error at or near \"(\"");
            let span = sqlparser::tokenizer::Span::new(word.span.end, word.span.end);
            Err(super::at(syntax, span))
        }
        _ => Ok(()),
    }
}
