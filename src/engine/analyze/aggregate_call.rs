//! Aggregates and window functions.

use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::functions_aggregate::first_last::first_value_udaf;
use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery, NullTreatment};
use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr, WindowFunctionDefinition};
use sqlparser::ast::{self, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause};

use super::aggregate::is_aggregated;
use super::coerce::{array_element, is_float};
use super::level::{Clause, Level};
use super::order::nulls_apart;
use super::subquery::has_subquery;
use super::typed::{self, Typed};
use super::{Analyst, place};
use crate::base::{Error, Place, Result, SqlState};
use crate::functions::{self, IN_ORDER};
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
        check_repeated(level, over.is_some())?;
        let inside = if over.is_some() {
            Clause::WindowArgument
        } else {
            Clause::Aggregate
        };
        let (mut args, mut order, arrays) = level.within(inside, || {
            let args = match list.args.as_slice() {
                [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)] if modifiers.distinct => {
                    let message = "syntax error at or near \"*\"";
                    return Err(Error::new(SqlState::SYNTAX_ERROR, message));
                }
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
            let over = args.first().and_then(|arg| self.arrays_over(arg.ty));
            let args = args.into_iter().map(Typed::undomained).collect::<Vec<_>>();
            let order = self.aggregate_order(level, modifiers.order, false)?;
            Ok::<_, Error>((args, order, over))
        })?;
        let filter = self.aggregate_filter(level, function)?;
        if name == "grouping" {
            return self.grouping(args);
        }
        let told = match modifiers.distinct && function.within_group.is_empty() {
            true => self.told_apart(&args)?,
            false => Vec::new(),
        };
        if function.within_group.is_empty()
            && matches!(name, "mode" | "percentile_cont" | "percentile_disc")
        {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("WITHIN GROUP is required for ordered-set aggregate {name}"),
            ));
        }
        if !function.within_group.is_empty() {
            let twice = match (modifiers.distinct, modifiers.order) {
                (true, _) => Some("cannot use DISTINCT with WITHIN GROUP"),
                (false, [_, ..]) => Some("cannot use multiple ORDER BY clauses with WITHIN GROUP"),
                (false, []) => None,
            };
            if let Some(message) = twice {
                return Err(Error::new(SqlState::SYNTAX_ERROR, message));
            }
            let set = self.ordered_set(level, name, args, &function.within_group)?;
            (args, order) = (set.args, set.order);
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
        // One that keeps its rows shows them as they are.
        let keeps = name == "array_agg"
            || functions::aggregate(name)
                .is_some_and(|aggregate| functions::keeps_rows(&aggregate));
        if modifiers.distinct && !keeps {
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
                // DataFusion's own forgets what the elements of arrays are.
                let encoded = args[0].ty.element().is_some_and(PgType::is_encoded);
                match functions::aggregate(functions::FIRST).filter(|_| encoded) {
                    Some(first) => first,
                    None => first_value_udaf(),
                }
            }
            None => {
                let ordered = over.is_none() && (modifiers.distinct || !order.is_empty());
                self.aggregate_function(name, &mut args, ordered)?
            }
        };
        // Some tell the values apart themselves.
        let apart = match &args[..] {
            [arg] if modifiers.distinct && (is_float(arg.base()) || self.is_open(arg)?) => {
                functions::aggregate_distinct(name, &arg.base().data_type())
            }
            _ => None,
        };
        let distinct = modifiers.distinct && apart.is_none() && !matches!(name, "min" | "max");
        let udaf = apart.unwrap_or(udaf);
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
                (Some((ty, _)), "array_agg") => arrays.or(ty.array()).unwrap_or(shown.ty),
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
                ordered_by_arguments(list, modifiers, told, &mut order)?;
                if !functions::keeps_rows(&udaf) {
                    order.clear();
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
                distinct,
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

    /// The aggregate of a name for these arguments, perhaps with DISTINCT or an order of its own.
    fn aggregate_function(
        &self,
        name: &str,
        args: &mut [Typed],
        ordered: bool,
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
        let called = match name {
            "array_agg" if ordered => IN_ORDER,
            name => name,
        };
        functions::aggregate(called).ok_or_else(|| self.no_function(name, args))
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
            let key = self.order_key(value, false)?;
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

    /// What tells the rows of a call with DISTINCT apart.
    pub(super) fn told_apart(&self, args: &[Typed]) -> Result<Vec<Told>> {
        let told = args.iter().map(|arg| {
            let arg = self.settled(arg.clone())?;
            let (ty, at) = (arg.base(), arg.place.clone());
            self.equality_types(ty, ty)
                .map_err(|_| super::operator::no_equality(ty).or_at(at))?;
            let up = |key: Expr| nulls_apart(ty, SortExpr::new(key, true, false));
            let keys = up(self.order_key(arg, false)?);
            Ok(Told {
                written: keys.iter().map(|key| key.expr.clone()).collect(),
                keys,
            })
        });
        told.collect()
    }
}

/// What an argument of a call with DISTINCT is sorted by.
pub(super) struct Told {
    /// As an ORDER BY of the call has it.
    written: Vec<Expr>,
    /// What is the same for values that are equal, whatever they show.
    keys: Vec<SortExpr>,
}

/// Rows of a call with DISTINCT are told apart by what they are ordered by: by the items of its
/// ORDER BY, which must be among its arguments, and behind them the other arguments.
pub(super) fn ordered_by_arguments(
    list: &ast::FunctionArgumentList,
    modifiers: &Modifiers<'_>,
    told: Vec<Told>,
    order: &mut Vec<SortExpr>,
) -> Result<()> {
    // Subqueries that are written alike differ in the names inside.
    let written = |item: &ast::OrderByExpr| {
        list.args.iter().position(|arg| {
            matches!(arg, FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)) if *arg == item.expr)
        })
    };
    let alone = match modifiers.order {
        [item] => written(item),
        _ => None,
    };
    let mut left: Vec<SortExpr> = told.iter().flat_map(|arg| arg.keys.clone()).collect();
    let strange = modifiers.order.iter().find(|item| written(item).is_none());
    for sort in order.iter_mut() {
        let asked = alone.filter(|_| has_subquery(&sort.expr));
        let key = match asked.and_then(|index| told.get(index)) {
            Some(arg) => arg.keys.first(),
            None => told.iter().find_map(|arg| {
                let mut pairs = arg.written.iter().zip(&arg.keys);
                pairs.find_map(|(written, key)| (*written == sort.expr).then_some(key))
            }),
        };
        let Some(key) = key else {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list",
            )
            .or_at(strange.map_or(Place::Unknown, |item| place::start(&item.expr))));
        };
        sort.expr = key.expr.clone();
        left.retain(|other| other.expr != sort.expr);
    }
    order.extend(left);
    Ok(())
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

/// `42P19` for an aggregate over the rows that a recursive query found last.
pub(super) fn check_repeated(level: &Level<'_>, window: bool) -> Result<()> {
    if window || !level.repeats.get() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INVALID_RECURSION,
        "aggregate functions are not allowed in a recursive query's recursive term",
    ))
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
