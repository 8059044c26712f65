//! Function calls: scalar functions, aggregates, window functions, sets.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::expr::{AggregateFunction, NullTreatment};
use datafusion::logical_expr::type_coercion::functions::fields_with_udf;
use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr, WindowFunctionDefinition};
use sqlparser::ast::{
    self, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause, FunctionArguments,
    ObjectName,
};
use std::sync::Arc;

use super::aggregate::is_aggregated;
use super::coerce::array_element;
use super::from::part;
use super::level::{Clause, Level};
use super::typed::{self, Typed, case};
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::types::PgType;

/// Functions that see a `char(n)` with its padding.
const COUNTS_PADDING: &[&str] = &["octet_length", "bit_length", "pg_column_size", "format"];

/// What a call may say beside its arguments.
struct Modifiers<'f> {
    distinct: bool,
    order: &'f [ast::OrderByExpr],
    nulls: Option<NullTreatment>,
}

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
        typed::call(function, args, &schema)
    }

    /// One argument.
    pub(super) fn argument(&self, level: &Level<'_>, arg: &FunctionArg) -> Result<Typed> {
        match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => {
                self.expression(level, expression)
            }
            FunctionArg::Unnamed(FunctionArgExpr::QualifiedWildcard(name)) => {
                let parts: Vec<String> = name.0.iter().map(part).collect();
                let columns = match parts.as_slice() {
                    [relation] => self.starred(level, None, relation)?,
                    [schema, relation] => self.starred(level, Some(schema), relation)?,
                    _ => return Err(Error::unsupported("this form of *")),
                };
                self.row_of(
                    columns
                        .into_iter()
                        .map(|column| (column.name, column.value))
                        .collect(),
                )
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
                let name = if name == "user" { "current_user" } else { &name };
                return self.native(name, Vec::new());
            }
            FunctionArguments::List(list) => list,
        };
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
        let values = list
            .args
            .iter()
            .map(|arg| self.argument(level, arg))
            .collect::<Result<Vec<_>>>()?;
        if let Some(elements) = self.elements(&name, values.clone())? {
            return self.set_column(level, elements);
        }
        self.scalar_call(level, &name, values, &function.name)
    }

    /// A function of one value.
    pub(super) fn scalar_call(
        &self,
        _level: &Level<'_>,
        name: &str,
        args: Vec<Typed>,
        written: &ObjectName,
    ) -> Result<Typed> {
        match name {
            "coalesce" | "greatest" | "least" => {
                let word = name.to_uppercase();
                let (values, ty) = self.in_common(args, &word)?;
                let values = self.one_type(values, ty)?;
                let args = values.into_iter().map(|value| value.expr).collect();
                let call = self.native(name, args)?;
                return Ok(Typed::new(call.expr, ty));
            }
            "nullif" => {
                let [a, b] = <[Typed; 2]>::try_from(args)
                    .map_err(|args| self.no_function("nullif", &args))?;
                let equal = self.operate("=", a.clone(), b)?.expr;
                let a = self.settled(a)?;
                let null = typed::null(a.ty)?.expr;
                let expr = case(vec![(equal, null)], Some(a.expr));
                return Ok(Typed::new(expr, a.ty));
            }
            "row_to_json" | "to_json" | "to_jsonb" if args.iter().any(|arg| arg.row.is_some()) => {
                let row = self.json_row(args.into_iter().next(), name == "to_jsonb")?;
                return Ok(row);
            }
            // The type is known, also where DataFusion has forgotten it.
            "pg_typeof" if args.len() == 1 => {
                let oid = ScalarValue::UInt32(Some(args[0].ty.oid.0));
                return Ok(typed::literal(oid, PgType::REGTYPE));
            }
            _ => {}
        }
        // Padding is no part of the text a function sees.
        let args = args
            .into_iter()
            .map(|arg| {
                if arg.is(PgType::BPCHAR) && !COUNTS_PADDING.contains(&name) {
                    self.coerced(arg, PgType::TEXT)
                } else {
                    Ok(arg)
                }
            })
            .collect::<Result<Vec<_>>>()?;
        let Some(function) = functions::scalar(self.scope.context, name) else {
            let error = match written.0.as_slice() {
                [_] => self.no_function(name, &args),
                _ => self.no_function(&name.to_owned(), &args),
            };
            let span = match written.0.first() {
                Some(ast::ObjectNamePart::Identifier(ident)) => ident.span,
                _ => sqlparser::tokenizer::Span::empty(),
            };
            return Err(super::at(error, span));
        };
        let args = self.typed_arguments(&function, args)?;
        let schema = self.schema_for(&args.iter().collect::<Vec<_>>())?;
        typed::call(function, args, &schema)
    }

    /// Arguments of which parameters without a type take the one the function wants.
    fn typed_arguments(
        &self,
        function: &Arc<datafusion::logical_expr::ScalarUDF>,
        args: Vec<Typed>,
    ) -> Result<Vec<Expr>> {
        let untyped = |arg: &Typed| arg.is_unknown() && matches!(arg.expr, Expr::Placeholder(_));
        if !args.iter().any(untyped) {
            return Ok(args.into_iter().map(|arg| self.said(arg)).collect());
        }
        let exprs: Vec<&Expr> = args.iter().map(|arg| &arg.expr).collect();
        let schema = self.schema_for(&exprs)?;
        let fields = args
            .iter()
            .map(|arg| {
                if untyped(arg) {
                    Ok(Arc::new(arrow::datatypes::Field::new(
                        "",
                        arrow::datatypes::DataType::Null,
                        true,
                    )))
                } else {
                    arg.expr.to_field(&schema).map(|(_, field)| field)
                }
            })
            .collect::<std::result::Result<Vec<_>, _>>()
            .converted()?;
        let wanted = fields_with_udf(&fields, function.as_ref()).ok();
        args.into_iter()
            .enumerate()
            .map(|(index, arg)| {
                if !untyped(&arg) {
                    return Ok(arg.expr);
                }
                let ty = wanted
                    .as_ref()
                    .and_then(|fields| fields.get(index))
                    .filter(|field| !field.data_type().is_null())
                    .map_or(PgType::TEXT, |field| PgType::of_field(field));
                Ok(self.coerced(arg, ty)?.expr)
            })
            .collect()
    }

    /// An argument that says its type where DataFusion has forgotten it.
    fn said(&self, arg: Typed) -> Expr {
        let declared = !arg.is_unknown() && !arg.ty.field("", true).metadata().is_empty();
        let forgets = !matches!(
            arg.expr,
            Expr::Column(_) | Expr::Literal(..) | Expr::Cast(_) | Expr::OuterReferenceColumn(..)
        );
        if declared && forgets && arg.row.is_none() && array_element(arg.ty).is_none() {
            typed::cast(arg.expr, PgType { typmod: -1, ..arg.ty })
        } else {
            arg.expr
        }
    }

    /// A row as a JSON object.
    fn json_row(&self, row: Option<Typed>, binary: bool) -> Result<Typed> {
        let Some(fields) = row.and_then(|row| row.row) else {
            return Err(Error::unsupported("this as JSON"));
        };
        let ty = if binary { PgType::JSONB } else { PgType::JSON };
        let mut parts: Vec<Expr> = Vec::new();
        for (index, (name, value)) in fields.iter().enumerate() {
            let quoted = serde_json::Value::String(name.clone()).to_string();
            let separator = if index == 0 { "{" } else { "," };
            let separator = if binary && index > 0 { ", " } else { separator };
            let colon = if binary { ": " } else { ":" };
            parts.push(typed::text(&format!("{separator}{quoted}{colon}")).expr);
            let value = self.settled(value.clone())?;
            let value = if value.row.is_some() {
                self.json_row(Some(value), binary)?
            } else {
                let arg = self.said(value);
                self.native(if binary { "to_jsonb" } else { "to_json" }, vec![arg])?
            };
            let shown = self.coerced(value, PgType::TEXT)?.expr;
            let filled = self.native("coalesce", vec![shown, typed::text("null").expr])?;
            parts.push(filled.expr);
        }
        parts.push(typed::text(if fields.is_empty() { "{}" } else { "}" }).expr);
        let text = self.native("concat", parts)?;
        Ok(Typed::new(typed::cast(text.expr, ty), ty))
    }

    /// An aggregate, or one as a window function.
    fn aggregate(
        &self,
        level: &Level<'_>,
        name: &str,
        function: &Function,
        list: &ast::FunctionArgumentList,
        modifiers: &Modifiers<'_>,
    ) -> Result<Typed> {
        let clause = level.clause.get();
        let over = function.over.as_ref();
        check_place(clause, over.is_some())?;
        let inside = if over.is_some() {
            Clause::WindowArgument
        } else {
            Clause::Aggregate
        };
        let (mut args, mut order) = level.within(inside, || {
            let args = match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if name == "count" => {
                    vec![typed::int8(1)]
                }
                [] if name == "count" => {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        "count(*) must be used to call a parameterless aggregate function",
                    ));
                }
                args => args
                    .iter()
                    .map(|arg| self.argument(level, arg))
                    .collect::<Result<Vec<_>>>()?,
            };
            let order = self.aggregate_order(level, modifiers.order)?;
            Ok::<_, Error>((args, order))
        })?;
        let filter = match &function.filter {
            Some(filter) => Some(level.within(Clause::Filter, || {
                let value = self.expression(level, filter)?;
                self.condition(value, "FILTER")
            })?),
            None => None,
        };
        if name == "grouping" {
            return self.grouping(args);
        }
        if !function.within_group.is_empty() {
            let within = level.within(inside, || {
                self.aggregate_order(level, &function.within_group)
            })?;
            let first = within.first().map(|sort| sort.expr.clone());
            let ty = level.within(inside, || -> Result<PgType> {
                match function.within_group.first() {
                    Some(item) => Ok(self.expression(level, &item.expr)?.base()),
                    None => Ok(PgType::TEXT),
                }
            })?;
            if let Some(first) = first {
                args.insert(0, Typed::new(first, ty));
            }
            order = within;
        }
        for arg in &mut args {
            if arg.row.is_some() {
                *arg = match name {
                    "json_agg" => self.json_row(Some(arg.clone()), false)?,
                    "jsonb_agg" => self.json_row(Some(arg.clone()), true)?,
                    // A row is there if any of its columns is.
                    "count" => {
                        let fields = arg.row.clone().unwrap_or_default();
                        let empty = self.row_is_null(&fields, false);
                        let one = typed::int8(1);
                        Typed::new(
                            case(vec![(typed::not(empty.expr), one.expr)], None),
                            one.ty,
                        )
                    }
                    _ => arg.clone(),
                };
            }
            if arg.is_unknown() {
                *arg = self.settled(arg.clone())?;
            }
        }
        let nested = args.iter().map(|arg| &arg.expr).any(is_aggregated);
        if nested && over.is_none() {
            return Err(nested_calls());
        }
        let udaf = self.aggregate_function(name, &mut args)?;
        let first = args.first().map(|arg| (arg.base(), arg.expr.clone()));
        let exprs: Vec<Expr> = args.into_iter().map(|arg| self.said(arg)).collect();
        let schema = self.schema_for(&exprs.iter().collect::<Vec<_>>())?;
        let result = |expr: Expr, schema_of: &Expr| -> Result<Typed> {
            let field = schema_of.to_field(&schema).map_err(|error| {
                self.aggregate_error(error, name, &exprs, &schema)
            })?;
            let shown = typed::shown(expr, &self.schema_for(&[schema_of])?)?;
            let ty = match (&first, name) {
                (Some((ty, _)), "min" | "max" | "first_value" | "last_value" | "nth_value") => *ty,
                (Some((ty, _)), "array_agg") if array_element(*ty).is_some() => *ty,
                (Some((ty, _)), "array_agg") => ty.array().unwrap_or(shown.ty),
                _ => shown.ty,
            };
            let _ = field;
            Ok(Typed::new(shown.expr, ty))
        };
        let Some(over) = over else {
            if !modifiers.distinct && modifiers.nulls.is_some() {
                return Err(Error::unsupported("IGNORE or RESPECT NULLS of an aggregate"));
            }
            let call = Expr::AggregateFunction(AggregateFunction::new_udf(
                udaf,
                exprs.clone(),
                modifiers.distinct,
                filter.map(Box::new),
                order,
                None,
            ));
            return result(call.clone(), &call);
        };
        if modifiers.distinct {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "DISTINCT is not implemented for window functions",
            ));
        }
        if !order.is_empty() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "aggregate ORDER BY is not implemented for window functions",
            ));
        }
        let fun = WindowFunctionDefinition::AggregateUDF(udaf);
        let call = self.window_call(level, fun, exprs.clone(), over, filter, modifiers.nulls)?;
        let schema_call = call.clone();
        result(call, &schema_call)
    }

    /// The aggregate of a name for these arguments.
    fn aggregate_function(
        &self,
        name: &str,
        args: &mut [Typed],
    ) -> Result<Arc<datafusion::logical_expr::AggregateUDF>> {
        // Sums of small integers are bigint.
        if name == "sum"
            && let [arg] = args
            && (arg.is(PgType::INT2) || arg.is(PgType::INT4))
            && let Some(sum) = functions::bigint_sum()
        {
            *arg = self.coerced(arg.clone(), PgType::INT8)?;
            return Ok(sum);
        }
        functions::aggregate(name).ok_or_else(|| self.no_function(name, args))
    }

    fn aggregate_error(
        &self,
        error: datafusion::common::DataFusionError,
        name: &str,
        exprs: &[Expr],
        schema: &datafusion::common::DFSchema,
    ) -> Error {
        let types: Option<Vec<Typed>> = exprs
            .iter()
            .map(|expr| {
                let field = expr.to_field(schema).ok()?.1;
                Some(Typed::new(expr.clone(), PgType::of_field(&field)))
            })
            .collect();
        match types {
            Some(types) => self.no_function(name, &types),
            None => crate::engine::error::convert(error),
        }
    }

    /// `GROUPING(a, b, …)`
    fn grouping(&self, args: Vec<Typed>) -> Result<Typed> {
        let udaf = functions::aggregate("grouping")
            .ok_or_else(|| Error::unsupported("GROUPING"))?;
        let exprs = args.into_iter().map(|arg| arg.expr).collect();
        let call = super::subquery::aggregate_call(udaf, exprs, Vec::new());
        Ok(Typed::new(call, PgType::INT4))
    }

    fn aggregate_order(
        &self,
        level: &Level<'_>,
        order: &[ast::OrderByExpr],
    ) -> Result<Vec<SortExpr>> {
        order
            .iter()
            .map(|item| {
                let value = self.expression(level, &item.expr)?;
                let value = self.settled(value)?;
                self.ordering_exists(value.base())?;
                let key = self.key(value)?;
                self.sort_expr(item, key)
            })
            .collect()
    }

    /// A function that is only a window function.
    fn window_function(
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
        let mut args = level.within(Clause::WindowArgument, || {
            list.args
                .iter()
                .map(|arg| {
                    let value = self.argument(level, arg)?;
                    self.settled(value)
                })
                .collect::<Result<Vec<_>>>()
        })?;
        if function.filter.is_some() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "FILTER is not implemented for non-aggregate window functions",
            ));
        }
        let ty = args.first().map(Typed::base);
        // The default of lag and lead is of the value's type.
        if matches!(name, "lag" | "lead")
            && let [value, _, default] = args.as_mut_slice()
        {
            let context = name.to_uppercase();
            let (both, ty) =
                self.in_common(vec![value.clone(), default.clone()], &context)?;
            if let [a, b] = self.one_type(both, ty)?.as_slice() {
                (*value, *default) = (a.clone(), b.clone());
            }
        }
        if let [_, count, ..] = args.as_mut_slice()
            && matches!(name, "lag" | "lead" | "nth_value")
        {
            *count = self.coerced(count.clone(), PgType::INT8)?;
        }
        let exprs: Vec<Expr> = args.into_iter().map(|arg| arg.expr).collect();
        let fun = WindowFunctionDefinition::WindowUDF(udwf);
        let call = self.window_call(level, fun, exprs, over, None, modifiers.nulls)?;
        let schema = self.schema_for(&[&call])?;
        let shown = typed::shown(call, &schema)?;
        Ok(match (name, ty) {
            ("ntile", _) => self.coerced(shown, PgType::INT4)?,
            ("lag" | "lead" | "first_value" | "last_value" | "nth_value", Some(ty)) => {
                Typed::new(shown.expr, ty)
            }
            _ => shown,
        })
    }
}

fn modifiers<'f>(
    function: &Function,
    list: &'f ast::FunctionArgumentList,
) -> Result<Modifiers<'f>> {
    let mut order: &[ast::OrderByExpr] = &[];
    let nulls = |treatment: &ast::NullTreatment| match treatment {
        ast::NullTreatment::IgnoreNulls => NullTreatment::IgnoreNulls,
        ast::NullTreatment::RespectNulls => NullTreatment::RespectNulls,
    };
    if function.null_treatment.is_some() {
        return Err(Error::unsupported("IGNORE or RESPECT NULLS"));
    }
    for clause in &list.clauses {
        match clause {
            FunctionArgumentClause::OrderBy(items) => order = items,
            _ => return Err(Error::unsupported("this clause in a function call")),
        }
    }
    Ok(Modifiers {
        distinct: list.duplicate_treatment == Some(ast::DuplicateTreatment::Distinct),
        order,
        nulls: function.null_treatment.as_ref().map(nulls),
    })
}

/// Whether an aggregate or window function may stand here.
fn check_place(clause: Clause, window: bool) -> Result<()> {
    if window {
        if clause.allows_windows() {
            return Ok(());
        }
        return Err(match clause {
            Clause::Aggregate => Error::new(
                SqlState::GROUPING_ERROR,
                "aggregate function calls cannot contain window function calls",
            ),
            Clause::WindowArgument => Error::new(
                SqlState::WINDOWING_ERROR,
                "window function calls cannot be nested",
            ),
            clause => Error::new(
                SqlState::WINDOWING_ERROR,
                format!("window functions are not allowed in {}", clause.name()),
            ),
        });
    }
    if clause.allows_aggregates() {
        return Ok(());
    }
    Err(match clause {
        Clause::Aggregate => nested_calls(),
        clause => Error::new(
            SqlState::GROUPING_ERROR,
            format!("aggregate functions are not allowed in {}", clause.name()),
        ),
    })
}

fn nested_calls() -> Error {
    Error::new(
        SqlState::GROUPING_ERROR,
        "aggregate function calls cannot be nested",
    )
}
