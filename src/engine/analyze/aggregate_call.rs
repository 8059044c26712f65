//! Aggregates and window functions.

use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::TreeNode;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery, NullTreatment};
use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr, WindowFunctionDefinition};
use sqlparser::ast::{self, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause};

use super::Analyst;
use super::aggregate::is_aggregated;
use super::coerce::{array_element, undetermined};
use super::level::{Clause, Level};
use super::subquery::has_subquery;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::types::PgType;

/// What a call may say beside its arguments.
pub(super) struct Modifiers<'f> {
    pub(super) distinct: bool,
    pub(super) order: &'f [ast::OrderByExpr],
    pub(super) nulls: Option<NullTreatment>,
}

impl Analyst<'_> {
    /// An aggregate, or one as a window function.
    pub(super) fn aggregate(
        &self,
        level: &Level<'_>,
        name: &str,
        function: &Function,
        list: &ast::FunctionArgumentList,
        modifiers: &Modifiers<'_>,
    ) -> Result<Typed> {
        if function.over.is_none() {
            let again = |query: &Level<'_>| {
                self.aggregate(query, name, function, list, modifiers)
                    .map(Some)
            };
            let outer = self.outer_aggregate(level, (function, list, modifiers), name, &again)?;
            if let Some(value) = outer {
                return Ok(value);
            }
        }
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
                    .map(|arg| self.argument(level, arg).map(Typed::undomained))
                    .collect::<Result<Vec<_>>>()?,
            };
            let order = self.aggregate_order(level, modifiers.order, false)?;
            Ok::<_, Error>((args, order))
        })?;
        let filter = self.aggregate_filter(level, function)?;
        if name == "grouping" {
            return self.grouping(args);
        }
        if function.within_group.is_empty()
            && matches!(name, "mode" | "percentile_cont" | "percentile_disc")
        {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("WITHIN GROUP is required for ordered-set aggregate {name}"),
            ));
        }
        if !function.within_group.is_empty() {
            let within = level.within(inside, || {
                self.aggregate_order(level, &function.within_group, true)
            })?;
            // The value itself: what it is ordered by may be another.
            let first = level.within(inside, || match function.within_group.first() {
                Some(item) => {
                    let value = self.expression(level, &item.expr)?;
                    if value.is_unknown() && matches!(name, "mode" | "percentile_disc") {
                        return Err(undetermined());
                    }
                    self.settled(value).map(Some)
                }
                None => Ok(None),
            })?;
            if let Some(mut first) = first {
                // A cast may say what its operand says of its type, and the answer is of that.
                let plain = first.ty.field("", true).metadata().is_empty();
                if plain && matches!(first.expr, Expr::Cast(_)) {
                    first.expr = typed::cast(first.expr, first.ty);
                }
                args.insert(0, first);
            }
            order = within;
        }
        if function.within_group.is_empty() {
            args = self.resolved(name, "a", args)?;
        }
        for arg in args.iter_mut().filter(|arg| arg.is_unknown()) {
            *arg = self.settled(arg.clone())?;
        }
        self.as_json_text(name, &mut args)?;
        for arg in &mut args {
            // The types PostgreSQL has such an aggregate of.
            let of = match name {
                "min" | "max" if arg.is(PgType::VARCHAR) => PgType::TEXT,
                "sum" | "avg" if arg.is(PgType::TIME) => PgType::INTERVAL,
                _ => continue,
            };
            *arg = self.coerced(arg.clone(), of)?;
        }
        let nested = args.iter().map(|arg| &arg.expr).any(is_aggregated);
        if nested && over.is_none() {
            return Err(nested_calls());
        }
        if modifiers.distinct {
            for arg in &mut args {
                self.counted_once(name, arg)?;
            }
        }
        let mut filter = filter;
        let udaf = match self.array_extreme(name, &args, over.is_some())? {
            Some((first, there)) => {
                order = vec![first];
                filter = Some(match filter {
                    Some(filter) => typed::and(filter, there),
                    None => there,
                });
                first_value_udaf()
            }
            None => self.aggregate_function(name, &mut args)?,
        };
        let first = args.first().map(|arg| (arg.base(), arg.expr.clone()));
        let exprs = args.into_iter().map(|arg| self.said(arg));
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        let result = |expr: Expr, schema_of: &Expr| -> Result<Typed> {
            let schema = self.schema_for(&[schema_of])?;
            let field = schema_of
                .to_field(&schema)
                .map_err(|error| self.aggregate_error(error, name, &exprs, &schema))?;
            let shown = typed::shown(expr, &self.schema_for(&[schema_of])?)?;
            let ty = match (&first, name) {
                (Some((ty, _)), "min" | "max" | "first_value" | "last_value" | "nth_value") => *ty,
                (Some((ty, _)), "mode" | "percentile_disc") if ty.is_encoded() => {
                    // Of several fractions there are several values.
                    let several = shown.ty.element().and(ty.array());
                    several.unwrap_or(*ty)
                }
                (Some((ty, _)), "range_agg" | "range_intersect_agg") => {
                    return Ok(Self::range_gathered(shown, name, *ty));
                }
                (Some((ty, _)), "array_agg") if array_element(*ty).is_some() => *ty,
                (Some((ty, _)), "array_agg") => ty.array().unwrap_or(shown.ty),
                _ => shown.ty,
            };
            let _ = field;
            let result = Typed::new(shown.expr, ty);
            match (&first, name) {
                (Some((ty, _)), "sum") if ty.oid == PgType::FLOAT4.oid => {
                    self.coerced(result, PgType::FLOAT4)
                }
                _ => Ok(result),
            }
        };
        let Some(over) = over else {
            if modifiers.distinct && function.within_group.is_empty() {
                ordered_by_arguments(list, modifiers, &exprs, &mut order)?;
                // Values are told apart by sorting them, and stay sorted.
                if order.is_empty()
                    && matches!(name, "array_agg" | "string_agg")
                    && let Some(value) = exprs.first()
                {
                    order.push(SortExpr::new(value.clone(), true, false));
                }
            }
            if !modifiers.distinct && modifiers.nulls.is_some() {
                return Err(Error::unsupported(
                    "IGNORE or RESPECT NULLS of an aggregate",
                ));
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
        if let Some(over_codes) = self.coded_aggregate(name, args)? {
            return Ok(over_codes);
        }
        self.enum_aggregate(name, args)?;
        if name == "array_agg"
            && let [arg] = args
            && array_element(arg.ty).is_some()
            && let Some(of_arrays) = functions::aggregate(functions::OF_ARRAYS)
        {
            let held = arg.base().plain().with_any_dimensions();
            arg.expr = typed::cast(arg.expr.clone(), held);
            return Ok(of_arrays);
        }
        // Sums of small integers are bigint.
        if name == "sum"
            && let [arg] = args
            && (arg.is(PgType::INT2) || arg.is(PgType::INT4))
            && let Some(sum) = functions::bigint_sum()
        {
            *arg = self.coerced(arg.clone(), PgType::INT8)?;
            return Ok(sum);
        }
        if let [arg] = &args[..]
            && let Some(average) = functions::aggregate_over(name, &arg.base().data_type())
        {
            return Ok(average);
        }
        // There is an order of these, but no smallest and largest of them.
        let unordered = |arg: &Typed| {
            [
                PgType::BOOL,
                PgType::BYTEA,
                PgType::UUID,
                PgType::JSON,
                PgType::JSONB,
                PgType::RECORD,
            ]
            .iter()
            .any(|ty| arg.is(*ty))
                || arg.ty.is_composite()
        };
        if matches!(name, "min" | "max") && args.iter().any(unordered) {
            return Err(self.no_function(name, args));
        }
        if let [arg] = &mut *args
            && arg.is(PgType::BPCHAR)
            && matches!(name, "min" | "max" | "array_agg")
        {
            *arg = self.cast(arg.clone(), PgType::BPCHAR)?;
        }
        if let Some(arg) = args.first()
            && self.is_open(arg)?
        {
            if let Some(extreme) = functions::numeric_extreme(name) {
                return Ok(extreme);
            }
            if !functions::aggregates_numerics(name) {
                for arg in args.iter_mut() {
                    *arg = self.unopened(arg.clone())?;
                }
            }
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
        let udaf =
            functions::aggregate("grouping").ok_or_else(|| Error::unsupported("GROUPING"))?;
        let exprs = args.into_iter().map(|arg| arg.expr).collect();
        let call = super::subquery::aggregate_call(udaf, exprs, Vec::new());
        Ok(Typed::new(call, PgType::INT4))
    }

    /// The condition of FILTER.
    pub(super) fn aggregate_filter(
        &self,
        level: &Level<'_>,
        function: &ast::Function,
    ) -> Result<Option<Expr>> {
        let filter = function.filter.as_ref().map(|filter| {
            level.within(Clause::Filter, || {
                let value = self.expression(level, filter)?;
                self.condition(value, "FILTER")
            })
        });
        filter.transpose()
    }

    pub(super) fn aggregate_order(
        &self,
        level: &Level<'_>,
        order: &[ast::OrderByExpr],
        constants: bool,
    ) -> Result<Vec<SortExpr>> {
        let mut keys = Vec::with_capacity(order.len());
        for item in order {
            let value = self.expression(level, &item.expr)?;
            let value = self.settled(value)?;
            self.ordering_exists(value.base())?;
            let ty = value.ty;
            let key = self.key(value)?;
            // What is the same for every row orders nothing.
            let differs = !key.column_refs().is_empty()
                || key.is_volatile()
                || key.contains_outer()
                || key.exists(|part| Ok(is_tied(part))).unwrap_or(true);
            if constants {
                keys.push(self.sort_expr(item, key)?);
            } else if differs {
                keys.extend(self.sort_keys(item, ty, key)?);
            }
        }
        Ok(keys)
    }

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
                .map(|arg| self.argument(level, arg).map(Typed::undomained))
                .collect::<Result<Vec<_>>>()
        })?;
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

/// What an aggregate with DISTINCT is ordered by must be among its arguments.
pub(super) fn ordered_by_arguments(
    list: &ast::FunctionArgumentList,
    modifiers: &Modifiers<'_>,
    exprs: &[Expr],
    order: &mut [SortExpr],
) -> Result<()> {
    // Subqueries that are written alike differ in the names inside.
    let written = |item: &ast::OrderByExpr| {
        list.args.iter().position(|arg| {
            matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) if *arg == item.expr)
        })
    };
    for (sort, item) in order.iter_mut().zip(modifiers.order) {
        if let Some(index) = written(item)
            && modifiers.order.len() == 1
            && has_subquery(&sort.expr)
        {
            sort.expr = exprs[index].clone();
        }
    }
    if order.iter().all(|sort| exprs.contains(&sort.expr)) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INVALID_COLUMN_REFERENCE,
        "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
    ))
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

/// What is cast.
fn innermost(value: &Typed) -> &Expr {
    let mut expr = &value.expr;
    while let Expr::Cast(cast) = expr {
        expr = &cast.expr;
    }
    expr
}

pub(super) fn modifiers<'f>(
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
pub(super) fn check_place(clause: Clause, window: bool) -> Result<()> {
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

pub(super) fn nested_calls() -> Error {
    Error::new(
        SqlState::GROUPING_ERROR,
        "aggregate function calls cannot be nested",
    )
}

/// Whether an expression is a subquery that refers to the rows around it.
fn is_tied(expr: &Expr) -> bool {
    match expr {
        Expr::ScalarSubquery(subquery)
        | Expr::Exists(Exists { subquery, .. })
        | Expr::InSubquery(InSubquery { subquery, .. }) => !subquery.outer_ref_columns.is_empty(),
        _ => false,
    }
}
