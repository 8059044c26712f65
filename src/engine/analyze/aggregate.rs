//! GROUP BY and aggregates.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef};
use datafusion::functions_aggregate::count::count_udaf;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{
    Aggregate, Expr, GroupingSet, LogicalPlan, SortExpr, Subquery, Union,
};
use sqlparser::ast::{self, GroupByExpr};

use super::level::Level;
use super::ordered_set::{direct_arguments, ungrouped_argument};
use super::query::{plain, project};
use super::select::Target;
use super::set::is_set_column;
use super::subquery::has_subquery;
use super::typed::int8;
use super::{Analyst, Converted, at};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::GROUP_BY_DISTINCT;
use crate::engine::semantics::guarded;
use crate::functions::FOLD;

/// The grouping sets of a GROUP BY; one for a plain one.
pub(super) struct Groups {
    pub(super) sets: Vec<Vec<Expr>>,
    /// Whether it was written with ROLLUP, CUBE or GROUPING SETS.
    pub(super) several: bool,
}

impl Groups {
    /// Whether an expression is in some of several grouping sets.
    pub(super) fn has_in_sets(&self, expr: &Expr) -> bool {
        self.several && self.sets.iter().flatten().any(|by| by == expr)
    }
}

/// Most grouping sets of one GROUP BY, as in PostgreSQL.
const SETS_MAX: usize = 4096;

/// Whether an expression has an aggregate in it, outside of subqueries.
pub(super) fn is_aggregated(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::AggregateFunction(_))))
        .unwrap_or(false)
}

impl Analyst<'_> {
    /// GROUP BY; `None` if there is none.
    pub(super) fn groups(
        &self,
        level: &Level<'_>,
        group_by: &GroupByExpr,
        targets: &[Target],
    ) -> Result<Option<Groups>> {
        let (items, modifiers) = match group_by {
            GroupByExpr::All(_) => return Err(Error::unsupported("GROUP BY ALL")),
            GroupByExpr::Expressions(items, modifiers) => (items, modifiers),
        };
        let mut several = false;
        for modifier in modifiers {
            match modifier {
                ast::GroupByWithModifier::GroupingSets(_) => {}
                _ => return Err(Error::unsupported("GROUP BY … WITH")),
            }
        }
        let modifier_items: Vec<&ast::Expr> = modifiers
            .iter()
            .filter_map(|modifier| match modifier {
                ast::GroupByWithModifier::GroupingSets(expr) => Some(expr),
                _ => None,
            })
            .collect();
        if items.is_empty() && modifier_items.is_empty() {
            return Ok(None);
        }
        // Several items multiply: each combination of a set of one with a set of another.
        let mut sets: Vec<Vec<Expr>> = vec![Vec::new()];
        let (items, once) = match items.split_first() {
            Some((ast::Expr::Identifier(mark), rest)) if mark.value == GROUP_BY_DISTINCT => {
                (rest, true)
            }
            _ => (items.as_slice(), false),
        };
        for item in items.iter().chain(modifier_items) {
            let choices = self.grouping_sets(level, item, targets, &mut several)?;
            if sets.len().saturating_mul(choices.len()) > SETS_MAX {
                return Err(Error::new(
                    SqlState::STATEMENT_TOO_COMPLEX,
                    format!("too many grouping sets present (maximum {SETS_MAX})"),
                ));
            }
            sets = sets
                .iter()
                .flat_map(|set| {
                    choices.iter().map(|choice| {
                        let mut both = set.clone();
                        for expr in choice {
                            if !both.contains(expr) {
                                both.push(expr.clone());
                            }
                        }
                        both
                    })
                })
                .collect();
        }
        if once {
            let mut kept: Vec<Vec<Expr>> = Vec::with_capacity(sets.len());
            for set in sets {
                let same = |other: &Vec<Expr>| {
                    other.len() == set.len() && set.iter().all(|expr| other.contains(expr))
                };
                if !kept.iter().any(same) {
                    kept.push(set);
                }
            }
            sets = kept;
        }
        Ok(Some(Groups { sets, several }))
    }

    /// The grouping sets one item stands for.
    fn grouping_sets(
        &self,
        level: &Level<'_>,
        item: &ast::Expr,
        targets: &[Target],
        several: &mut bool,
    ) -> Result<Vec<Vec<Expr>>> {
        let group = |items: &[ast::Expr]| -> Result<Vec<Expr>> {
            let mut exprs = Vec::new();
            for item in items {
                exprs.extend(self.group_exprs(level, item, targets)?);
            }
            Ok(exprs)
        };
        Ok(match item {
            ast::Expr::Rollup(parts) => {
                *several = true;
                let parts = parts
                    .iter()
                    .map(|part| group(part))
                    .collect::<Result<Vec<_>>>()?;
                (0..=parts.len())
                    .rev()
                    .map(|length| parts[..length].concat())
                    .collect()
            }
            ast::Expr::Cube(parts) => {
                *several = true;
                if parts.len() > 12 {
                    return Err(Error::new(
                        SqlState::TOO_MANY_COLUMNS,
                        "CUBE is limited to 12 elements",
                    ));
                }
                let parts = parts
                    .iter()
                    .map(|part| group(part))
                    .collect::<Result<Vec<_>>>()?;
                (0..1usize << parts.len())
                    .rev()
                    .map(|mask| {
                        parts
                            .iter()
                            .enumerate()
                            .filter(|(index, _)| mask >> (parts.len() - 1 - index) & 1 == 1)
                            .flat_map(|(_, part)| part.iter().cloned())
                            .collect()
                    })
                    .collect()
            }
            ast::Expr::GroupingSets(parts) => {
                *several = true;
                let mut sets = Vec::new();
                for part in parts {
                    match part.as_slice() {
                        // A grouping set may be a ROLLUP or CUBE itself.
                        [
                            nested @ (ast::Expr::Rollup(_)
                            | ast::Expr::Cube(_)
                            | ast::Expr::GroupingSets(_)),
                        ] => sets.extend(self.grouping_sets(level, nested, targets, several)?),
                        // Here sqlparser reads ROLLUP and CUBE as functions.
                        [ast::Expr::Function(call)] => match grouping_function(call)? {
                            Some(nested) => {
                                sets.extend(self.grouping_sets(level, &nested, targets, several)?);
                            }
                            None => sets.push(group(part)?),
                        },
                        items => sets.push(group(items)?),
                    }
                }
                sets
            }
            item => vec![self.group_exprs(level, item, targets)?],
        })
    }

    /// What one plain item groups by.
    fn group_exprs(
        &self,
        level: &Level<'_>,
        item: &ast::Expr,
        targets: &[Target],
    ) -> Result<Vec<Expr>> {
        if let ast::Expr::Tuple(items) = item {
            let mut exprs = Vec::new();
            for item in items {
                exprs.extend(self.group_exprs(level, item, targets)?);
            }
            return Ok(exprs);
        }
        let value = self.group_value(level, item, targets)?;
        if is_aggregated(&value.expr) {
            return Err(Error::new(
                SqlState::GROUPING_ERROR,
                "aggregate functions are not allowed in GROUP BY",
            ));
        }
        if value
            .expr
            .exists(|part| Ok(matches!(part, Expr::WindowFunction(_))))
            .unwrap_or(false)
        {
            return Err(Error::new(
                SqlState::WINDOWING_ERROR,
                "window functions are not allowed in GROUP BY",
            ));
        }
        if let Some(fields) = value.row.as_ref().filter(|_| Self::is_written(&value)) {
            return Ok(fields.iter().map(|(_, field)| field.expr.clone()).collect());
        }
        self.equality_types(value.base(), value.base())
            .map_err(|_| super::operator::no_equality(value.base()))?;
        Ok(vec![value.expr])
    }

    /// What a query finds out for an aggregate that it orders becomes columns first: DataFusion
    /// names what it keeps of the keys by how they look, which changes when their query has run.
    fn asked(&self, plan: LogicalPlan, calls: &[Expr]) -> Result<(LogicalPlan, Vec<Expr>)> {
        let mut found: Vec<(Expr, String)> = Vec::new();
        let mut made = calls.to_vec();
        for call in &mut made {
            let Expr::AggregateFunction(function) = call else {
                continue;
            };
            let params = &mut function.params;
            if !params.order_by.iter().any(|key| has_subquery(&key.expr)) {
                continue;
            }
            let keys = params.order_by.iter_mut().map(|key| &mut key.expr);
            let filter = params.filter.iter_mut().map(|filter| &mut **filter);
            let parts = params.args.iter_mut().chain(keys).chain(filter);
            for part in parts {
                if !has_subquery(part) {
                    continue;
                }
                let known = found.iter().find(|(expr, _)| *expr == *part);
                let name = match known {
                    Some((_, name)) => name.clone(),
                    None => {
                        let name = format!("\0key{}", self.number());
                        found.push((part.clone(), name.clone()));
                        name
                    }
                };
                *part = plain(&name);
            }
        }
        if found.is_empty() {
            return Ok((plan, made));
        }
        let mut all: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        all.extend(found.into_iter().map(|(expr, name)| expr.alias(name)));
        Ok((project(all, plan)?, made))
    }

    /// Groups the rows; `exprs` and HAVING then refer to groups and aggregates. Aggregates in
    /// subqueries of them are computed under the names they have there.
    pub(super) fn aggregated(
        &self,
        plan: LogicalPlan,
        groups: Option<Groups>,
        exprs: &mut [Expr],
        (having, lifted): (Option<Expr>, Vec<(String, Expr)>),
        order: &[SortExpr],
    ) -> Result<LogicalPlan> {
        let mut groups = groups.unwrap_or(Groups {
            sets: vec![Vec::new()],
            several: false,
        });
        self.add_determined(&mut groups, exprs.iter().chain(&having))?;
        let mut keys: Vec<Expr> = Vec::new();
        for expr in groups.sets.iter().flatten() {
            if !keys.contains(expr) {
                keys.push(expr.clone());
            }
        }
        // Group keys that are expressions become columns first.
        let mut columns = Vec::with_capacity(keys.len());
        let mut extra = Vec::new();
        for key in &keys {
            columns.push(match key {
                Expr::Column(_) => key.clone(),
                key => {
                    let name = format!("\0group{}", self.number());
                    extra.push(key.clone().alias(&name));
                    plain(&name)
                }
            });
        }
        let mut plan = plan;
        if !extra.is_empty() {
            let mut all: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
            all.extend(extra);
            plan = project(all, plan)?;
        }
        let mut having = having;
        let mut calls: Vec<Expr> = Vec::new();
        for expr in exprs.iter().chain(&having) {
            expr.apply(|part| {
                if matches!(part, Expr::AggregateFunction(_)) {
                    if !calls.contains(part) {
                        calls.push(part.clone());
                    }
                    return Ok(TreeNodeRecursion::Jump);
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .converted()?;
        }
        let mut names: Vec<String> = calls
            .iter()
            .map(|_| format!("\0agg{}", self.number()))
            .collect();
        for (name, call) in lifted {
            calls.push(call);
            names.push(name);
        }
        let replaced = Replaced {
            analyst: self,
            keys: &keys,
            columns: &columns,
            calls: &calls,
            names: &names,
            schema: plan.schema().clone(),
        };
        for direct in calls.iter().flat_map(direct_arguments) {
            let checked = replaced.in_expr(direct.clone());
            checked.map_err(ungrouped_argument)?;
        }
        for expr in exprs.iter_mut() {
            *expr = replaced.in_expr(expr.clone())?;
        }
        if let Some(condition) = &mut having {
            *condition = replaced.in_expr(condition.clone())?;
        }
        let (plan, made) = self.asked(plan, &calls)?;
        // `grouping(a)` looks for the column it groups by.
        let mut aggregates: Vec<Expr> = made
            .iter()
            .zip(&names)
            .map(|(call, name)| {
                let call = in_order(call.clone(), order);
                let call = if is_grouping(&call) {
                    replaced.keys_only(call)?
                } else {
                    call
                };
                Ok(call.alias(name))
            })
            .collect::<Result<Vec<_>>>()?;
        if aggregates.is_empty() && (columns.is_empty() || groups.several) {
            let count = AggregateFunction::new_udf(
                count_udaf(),
                vec![int8(1).expr],
                false,
                None,
                Vec::new(),
                None,
            );
            aggregates
                .push(Expr::AggregateFunction(count).alias(format!("\0agg{}", self.number())));
        }
        let group_exprs = if groups.several && !columns.is_empty() {
            let sets = groups
                .sets
                .iter()
                .map(|set| {
                    set.iter()
                        .filter_map(|expr| {
                            let index = keys.iter().position(|key| key == expr)?;
                            Some(columns[index].clone())
                        })
                        .collect()
                })
                .collect();
            vec![Expr::GroupingSet(GroupingSet::GroupingSets(sets))]
        } else {
            columns
        };
        let alone = groups.several && group_exprs.is_empty();
        let mut plan = Aggregate::try_new(Arc::new(plan), group_exprs, aggregates)
            .map(LogicalPlan::Aggregate)
            .converted()?;
        // Sets of nothing are groups of everything, each with a row of its own.
        if alone && groups.sets.len() > 1 {
            let all = Arc::new(plan);
            let inputs = groups.sets.iter().map(|_| Arc::clone(&all)).collect();
            plan = LogicalPlan::Union(Union::try_new_with_loose_types(inputs).converted()?);
        }
        if let Some(condition) = having {
            plan = guarded(plan);
            plan = self.filtered(plan, condition)?;
        }
        Ok(plan)
    }
}

/// `ROLLUP (…)` or `CUBE (…)` that was read as a function's call.
fn grouping_function(call: &ast::Function) -> Result<Option<ast::Expr>> {
    let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else {
        return Ok(None);
    };
    let make: fn(Vec<Vec<ast::Expr>>) -> ast::Expr = match name.value.to_lowercase().as_str() {
        "rollup" if name.quote_style.is_none() => ast::Expr::Rollup,
        "cube" if name.quote_style.is_none() => ast::Expr::Cube,
        _ => return Ok(None),
    };
    let ast::FunctionArguments::List(list) = &call.args else {
        return Ok(None);
    };
    let parts = list
        .args
        .iter()
        .map(|arg| match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Tuple(items))) => {
                Ok(items.clone())
            }
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(item)) => Ok(vec![item.clone()]),
            _ => Err(Error::unsupported("this in GROUPING SETS")),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(Some(make(parts)))
}

/// An aggregate that depends on the order of its rows takes them in the order of FROM's subquery.
fn in_order(call: Expr, order: &[SortExpr]) -> Expr {
    match call {
        Expr::AggregateFunction(mut call)
            if call.params.order_by.is_empty()
                && !call.params.distinct
                && (call.func.name().starts_with(FOLD)
                    || matches!(
                        call.func.name(),
                        "array_agg" | "string_agg" | "json_agg" | "jsonb_agg" | "json_object_agg"
                    )) =>
        {
            call.params.order_by = order.to_vec();
            Expr::AggregateFunction(call)
        }
        call => call,
    }
}

fn is_grouping(call: &Expr) -> bool {
    matches!(call, Expr::AggregateFunction(call) if call.func.name() == "grouping")
}

/// Puts references to an aggregation's columns into expressions over what was aggregated.
struct Replaced<'a, 'b> {
    analyst: &'a Analyst<'b>,
    keys: &'a [Expr],
    columns: &'a [Expr],
    calls: &'a [Expr],
    names: &'a [String],
    /// Of the rows that are aggregated.
    schema: DFSchemaRef,
}

impl Replaced<'_, '_> {
    fn in_expr(&self, expr: Expr) -> Result<Expr> {
        let mut failed = None;
        let done = expr
            .transform_down(|part| {
                if let Some(index) = self.keys.iter().position(|key| *key == part) {
                    let column = self.columns[index].clone();
                    return Ok(Transformed::new(column, true, TreeNodeRecursion::Jump));
                }
                if let Some(index) = self.calls.iter().position(|call| *call == part) {
                    let column = plain(&self.names[index]);
                    return Ok(Transformed::new(column, true, TreeNodeRecursion::Jump));
                }
                match &part {
                    Expr::Column(column) if !is_set_column(column) => {
                        failed.get_or_insert_with(|| self.ungrouped(column, false));
                    }
                    Expr::ScalarSubquery(subquery) => self.check(subquery, &mut failed),
                    Expr::Exists(exists) => self.check(&exists.subquery, &mut failed),
                    Expr::InSubquery(within) => self.check(&within.subquery, &mut failed),
                    _ => {}
                }
                Ok(Transformed::no(part))
            })
            .converted()?
            .data;
        match failed {
            Some(error) => Err(error),
            None => Ok(done),
        }
    }

    /// A subquery may refer to what is grouped by, and to nothing else of the rows.
    fn check(&self, subquery: &Subquery, failed: &mut Option<Error>) {
        for reference in &subquery.outer_ref_columns {
            let Expr::OuterReferenceColumn(_, column) = reference else {
                continue;
            };
            let grouped = self.keys.contains(&Expr::Column(column.clone()));
            let here = self.schema.maybe_index_of_column(column).is_some();
            if !grouped && here {
                failed.get_or_insert_with(|| self.ungrouped(column, true));
            }
        }
    }

    fn ungrouped(&self, column: &Column, in_subquery: bool) -> Error {
        let shown = self.analyst.shown(column);
        let error = Error::new(
            SqlState::GROUPING_ERROR,
            if in_subquery {
                format!("subquery uses ungrouped column \"{shown}\" from outer query")
            } else {
                format!(
                    "column \"{shown}\" must appear in the GROUP BY clause or be used in an \
                     aggregate function"
                )
            },
        );
        match self.analyst.shared.mentions.borrow().get(column) {
            Some(place) => at(error, *place),
            None => error,
        }
    }

    /// The arguments of GROUPING as the columns grouped by.
    fn keys_only(&self, call: Expr) -> Result<Expr> {
        let Expr::AggregateFunction(mut call) = call else {
            return Ok(call);
        };
        for arg in &mut call.params.args {
            let Some(index) = self.keys.iter().position(|key| key == arg) else {
                return Err(Error::new(
                    SqlState::GROUPING_ERROR,
                    "arguments to GROUPING must be grouping expressions of the associated query \
                     level",
                ));
            };
            *arg = self.columns[index].clone();
        }
        Ok(Expr::AggregateFunction(call))
    }
}
