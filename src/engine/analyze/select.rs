//! One SELECT.
//!
//! FROM → WHERE → GROUP BY and aggregates → HAVING → windows → set-returning functions → the select
//! list, with columns only ORDER BY needs behind it → DISTINCT → ORDER BY → LIMIT. Expressions are
//! analysed over FROM's columns; each stage then puts references to its own columns in the place of
//! what it computed.

use datafusion::common::tree_node::TreeNode;
use datafusion::logical_expr::{Distinct, DistinctOn, Expr, LogicalPlan, SortExpr};
use sqlparser::ast::{self, Select, SelectItem, SelectItemQualifiedWildcardKind};
use std::sync::Arc;

use super::aggregate::{Groups, is_aggregated};
use super::condition::is_constant;
use super::level::{Clause, Level};
use super::names;
use super::order::{
    aliased, in_list, is_written_constant, lifts_nulls, nulls_apart, ordinal, put_off,
};
use super::query::{Answer, Output, Tail, Wanted, one_row, plain, project};
use super::row::check_wildcard;
use super::set::is_set_column;
use super::typed::Typed;
use super::with::Ctes;
use super::{Analyst, Converted, place};
use crate::base::limits::COLUMNS_MAX;
use crate::base::{Error, Place, Result, SqlState};
use crate::engine::expression_kind::ExpressionKind;
use crate::engine::parse::fold;

/// An output column, or one that only ORDER BY or DISTINCT ON needs.
pub(super) struct Target {
    pub(super) name: String,
    pub(super) value: Typed,
}

/// What the last stage of a SELECT works on.
struct Stage {
    targets: Vec<Target>,
    /// What computes the targets over the rows so far.
    exprs: Vec<Expr>,
    names: Vec<String>,
    outputs: usize,
    sorting: Sorting,
}

/// ORDER BY over the targets.
struct Sorting {
    /// Index of a target, and the item's direction.
    keys: Vec<(usize, SortExpr)>,
    /// SELECT DISTINCT.
    distinct: bool,
    /// Targets of DISTINCT ON.
    distinct_on: Vec<usize>,
}

impl Analyst<'_> {
    pub(super) fn select(
        &self,
        select: &Select,
        tail: Tail<'_>,
        parent: Option<&Level<'_>>,
        ctes: Option<&Ctes<'_>>,
        wanted: Wanted,
    ) -> Result<Answer> {
        super::clauses::check(select)?;
        let kind = self.kind.take();
        let level = Level::new(parent, ctes);
        *level.locks.borrow_mut() = tail.locks.to_vec();
        let from = level.within(Clause::From, || self.from(&level, &select.from))?;
        let mut plan = from.unwrap_or_else(one_row);
        self.define_windows(&level, &select.named_window)?;
        if let Some(condition) = &select.selection {
            let clause = kind.map_or(Clause::Where, Clause::Of);
            let condition = level.within(clause, || {
                let value = self.expression(&level, condition)?;
                self.condition(value, kind.map_or("WHERE", ExpressionKind::keyword))
            })?;
            plan = self.filtered(plan, condition)?;
        }
        level.clause.set(kind.map_or(Clause::Select, Clause::Of));
        let mut targets = self.targets(&level, &select.projection, wanted)?;
        if let Some(kind) = kind.filter(|kind| kind.is_kept()) {
            let deparsed = self.deparsed(&level, kind, select);
            *self.shared.deparsed.borrow_mut() = deparsed;
        }
        let outputs = targets.len();
        let groups = self.groups(&level, &select.group_by, &targets)?;
        let having = match &select.having {
            Some(having) => Some(level.within(Clause::Having, || {
                let value = self.expression(&level, having)?;
                self.condition(value, "HAVING")
            })?),
            None => None,
        };
        let by = groups.as_ref();
        let sorting = self.sorting(&level, select, tail, &mut targets, (outputs, by))?;

        // Every stage rewrites all of these: the targets, then the arrays of set-returning calls.
        let mut calls = level.sets.take();
        let by_set = groups.iter().any(|groups| {
            groups.sets.iter().flatten().any(|expr| {
                expr.column_refs()
                    .iter()
                    .any(|column| is_set_column(column))
            })
        });
        if by_set {
            // What is grouped by must be there before.
            let arrays: Vec<Expr> = calls.iter().map(|call| call.array.clone()).collect();
            plan = self.multiplied(plan, &calls, &arrays)?;
            calls.clear();
        }
        let mut exprs: Vec<Expr> = targets
            .iter()
            .map(|target| target.value.expr.clone())
            .chain(calls.iter().map(|call| call.array.clone()))
            .collect();
        let lifted = level.lifted.take();
        let aggregated = groups.is_some()
            || having.is_some()
            || !lifted.is_empty()
            || exprs.iter().any(is_aggregated);
        let derived_by = if aggregated {
            Some("aggregate functions")
        } else if exprs.iter().any(has_window) {
            Some("window functions")
        } else {
            (!calls.is_empty()).then_some("set-returning functions in the target list")
        };
        super::locking::check(&level, select, derived_by)?;
        if aggregated {
            let order = level.order.borrow().clone();
            plan = self.aggregated(plan, groups, &mut exprs, (having, lifted), &order)?;
        }
        plan = self.windowed(plan, &mut exprs)?;
        let arrays = exprs.split_off(targets.len());
        if !calls.is_empty() {
            plan = self.multiplied(plan, &calls, &arrays)?;
        }
        // Names inside an expression's subquery are nobody's business, and must not meet others.
        let inside = parent.is_some().then(|| self.number());
        let names = names::unique_names(&targets, outputs, inside);
        let stage = Stage {
            targets,
            exprs,
            names,
            outputs,
            sorting,
        };
        self.finished(&level, plan, stage, tail, wanted)
    }

    /// The select list, DISTINCT, ORDER BY and LIMIT over the rows.
    fn finished(
        &self,
        level: &Level<'_>,
        plan: LogicalPlan,
        stage: Stage,
        tail: Tail<'_>,
        wanted: Wanted,
    ) -> Result<Answer> {
        let Stage {
            targets,
            exprs,
            names,
            outputs,
            sorting,
        } = stage;
        let hidden = exprs.len() > outputs;
        let (projected, late) = match sorting.distinct || !sorting.distinct_on.is_empty() {
            true => (aliased(exprs, &names), None),
            false => put_off(exprs, &names, &sorting.keys)?,
        };
        let mut plan = project(projected, plan)?;
        let mut sort: Vec<SortExpr> = Vec::new();
        // Within equal values of DISTINCT ON these need not be told apart.
        let mut order: Vec<SortExpr> = Vec::new();
        for (index, key) in &sorting.keys {
            let shown = plain(&names[*index]);
            let expr = match sorting.distinct {
                true => self.key_of_shown(&targets[*index].value, shown)?,
                false => shown,
            };
            let key = SortExpr {
                expr,
                ..key.clone()
            };
            let keys = nulls_apart(targets[*index].value.ty, key.clone());
            match sorting.distinct_on.contains(index) {
                // A key that repeats decides nothing.
                true if order.iter().any(|known| known.expr == key.expr) => {}
                true => order.push(key),
                false => order.extend(keys.iter().cloned()),
            }
            sort.extend(keys);
        }
        if !sorting.distinct_on.is_empty() {
            let mut on = sorting.distinct_on.clone();
            // In the order of ORDER BY, which they must begin.
            on.sort_by_key(|on| {
                let mut keys = sorting.keys.iter();
                keys.position(|(index, _)| index == on)
                    .unwrap_or(usize::MAX)
            });
            let on: Vec<Expr> = on.iter().map(|index| plain(&names[*index])).collect();
            let all = names.iter().map(|name| plain(name)).collect();
            // What ORDER BY leaves out of them comes in any order.
            let left_out = on.iter().skip(order.len());
            let left_out: Vec<SortExpr> = left_out.map(|on| on.clone().sort(true, false)).collect();
            let order = (!order.is_empty()).then(|| [order, left_out].concat());
            plan = DistinctOn::try_new(on, all, order, Arc::new(plan))
                .map(|distinct| LogicalPlan::Distinct(Distinct::On(distinct)))
                .converted()?;
        } else if sorting.distinct {
            plan = LogicalPlan::Distinct(Distinct::All(Arc::new(plan)));
        }
        plan = self.sorted(plan, &sort)?;
        plan = self.limited(level, plan, tail, &sort)?;
        if let Some(late) = late {
            plan = project(late, plan)?;
        }
        if hidden && wanted != Wanted::Ordered {
            let shown = names[..outputs].iter().map(|name| plain(name)).collect();
            plan = project(shown, plan)?;
        }
        let columns = targets
            .into_iter()
            .take(outputs)
            .map(|target| Output {
                name: target.name,
                ty: target.value.ty,
            })
            .collect();
        let kept = |key: &SortExpr| match &key.expr {
            Expr::Column(column) => plan.schema().maybe_index_of_column(column).is_some(),
            _ => false,
        };
        let order = if sort.iter().all(kept) {
            sort
        } else {
            Vec::new()
        };
        Ok(Answer {
            columns,
            order,
            outer: level.outer.take(),
            plan,
        })
    }

    /// The select list.
    fn targets(
        &self,
        level: &Level<'_>,
        items: &[SelectItem],
        wanted: Wanted,
    ) -> Result<Vec<Target>> {
        let mut targets = Vec::with_capacity(items.len());
        for item in items {
            match item {
                SelectItem::UnnamedExpr(expression) => {
                    // `(row).*`
                    if let Some(fields) = self.row_star(level, expression)? {
                        targets.extend(fields);
                        continue;
                    }
                    let value = self.expression(level, expression)?;
                    let name = names::item_name(item).unwrap_or_default();
                    targets.push(Target { name, value });
                }
                SelectItem::ExprWithAlias { expr, alias } => {
                    let value = names::alias(alias, || self.expression(level, expr))?;
                    targets.push(Target {
                        name: fold(alias),
                        value,
                    });
                }
                SelectItem::Wildcard(options) => {
                    check_wildcard(options)?;
                    if level.relations.borrow().is_empty() {
                        return Err(Error::new(
                            SqlState::SYNTAX_ERROR,
                            "SELECT * with no tables specified is not valid",
                        ));
                    }
                    let columns = self.every_column(level).into_iter();
                    targets.extend(columns.map(|column| Target {
                        name: column.name,
                        value: column.value,
                    }));
                }
                SelectItem::QualifiedWildcard(kind, options) => {
                    check_wildcard(options)?;
                    targets.extend(self.starred_targets(level, kind)?);
                }
                SelectItem::ExprWithAliases { .. } => {
                    return Err(Error::unsupported("a list of names after AS"));
                }
            }
        }
        if targets.len() > COLUMNS_MAX {
            return Err(Error::new(
                SqlState::TOO_MANY_COLUMNS,
                format!("target lists can have at most {COLUMNS_MAX} entries"),
            ));
        }
        if wanted != Wanted::Arm {
            for target in &mut targets {
                target.value = self.settled(target.value.clone())?;
            }
        }
        Ok(targets)
    }

    fn starred_targets(
        &self,
        level: &Level<'_>,
        kind: &SelectItemQualifiedWildcardKind,
    ) -> Result<Vec<Target>> {
        let columns = match kind {
            SelectItemQualifiedWildcardKind::ObjectName(name) => self.starred(level, name)?,
            SelectItemQualifiedWildcardKind::Expr(expression) => {
                let value = self.expression(level, expression)?;
                return self.fields_of(value);
            }
        };
        Ok(columns
            .into_iter()
            .map(|column| Target {
                name: column.name,
                value: column.value,
            })
            .collect())
    }

    /// A row's fields as targets.
    pub(super) fn fields_of(&self, value: Typed) -> Result<Vec<Target>> {
        let Some(fields) = self.fields(&value) else {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("type {} is not composite", value.base()),
            ));
        };
        Ok(fields
            .iter()
            .map(|(name, value)| Target {
                name: name.clone(),
                value: value.clone(),
            })
            .collect())
    }

    /// ORDER BY and DISTINCT [ON]; what they need that is no output is added to the targets.
    fn sorting(
        &self,
        level: &Level<'_>,
        select: &Select,
        tail: Tail<'_>,
        targets: &mut Vec<Target>,
        (outputs, groups): (usize, Option<&Groups>),
    ) -> Result<Sorting> {
        let distinct = match &select.distinct {
            None | Some(ast::Distinct::All) => None,
            Some(distinct) => Some(distinct),
        };
        let mut items = Vec::new();
        for order in tail.order {
            let index = self.sort_target(level, &order.expr, targets, outputs, "ORDER BY")?;
            items.push((index, order));
        }
        let mut distinct_on = Vec::new();
        match distinct {
            Some(ast::Distinct::On(exprs)) => {
                let clause = "SELECT DISTINCT ON";
                let mut meant = Vec::new();
                for expr in exprs {
                    let index = self.sort_target(level, expr, targets, outputs, clause)?;
                    meant.push(index);
                    if !distinct_on.contains(&index) {
                        distinct_on.push(index);
                    }
                }
                let sorted = &items[..items.len().min(distinct_on.len())];
                if !sorted.iter().all(|(index, _)| distinct_on.contains(index)) {
                    let unmatched = exprs.iter().zip(&meant).find_map(|(expr, on)| {
                        (!sorted.iter().any(|(index, _)| index == on)).then_some(expr)
                    });
                    return Err(Error::new(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        "SELECT DISTINCT ON expressions must match initial ORDER BY expressions",
                    )
                    .or_at(unmatched.map_or(Place::Unknown, place::start)));
                }
            }
            Some(_) => {
                if let Some((_, order)) = items.iter().find(|(index, _)| *index >= outputs) {
                    return Err(Error::new(
                        SqlState::INVALID_COLUMN_REFERENCE,
                        "for SELECT DISTINCT, ORDER BY expressions must appear in select list",
                    )
                    .or_at(place::start(&order.expr)));
                }
            }
            None => {}
        }
        let plain_distinct = matches!(distinct, Some(ast::Distinct::Distinct));
        let compared = if plain_distinct {
            (0..outputs).collect()
        } else {
            distinct_on.clone()
        };
        for index in compared {
            let ty = targets[index].value.base();
            self.equality_types(ty, ty)
                .map_err(|_| super::operator::no_equality(ty))?;
        }
        let mut keys = Vec::new();
        let last = match distinct_on.is_empty() && tail.leaves_ties() {
            true => items.len().checked_sub(1),
            false => None,
        };
        for (place, (index, order)) in items.into_iter().enumerate() {
            let value = targets[index].value.clone();
            let ty = value.base();
            self.ordering_exists(ty)?;
            let key = self.order_key(value.clone(), Some(place) == last || plain_distinct)?;
            // A constant orders nothing, unless it is NULL in the grouping sets without it.
            let by_sets = groups.is_some_and(|groups| groups.has_in_sets(&value.expr));
            if !plain_distinct && distinct_on.is_empty() && is_constant(&key) && !by_sets {
                continue;
            }
            // What is compared may be another value than what is shown.
            let index = if key == value.expr || plain_distinct {
                index
            } else {
                let added = add_target(targets, Typed::new(key, ty));
                // DISTINCT ON goes by the same keys as the order.
                for on in distinct_on.iter_mut().filter(|on| **on == index) {
                    *on = added;
                }
                added
            };
            let mut sorted = self.sort_expr(order, plain(""))?;
            if lifts_nulls(ty, &sorted) && !plain_distinct && distinct_on.is_empty() {
                let added = add_target(targets, Typed::bool(value.expr.is_null()));
                let nulls = SortExpr::new(plain(""), !sorted.nulls_first, false);
                keys.push((added, nulls));
                sorted.nulls_first = !sorted.asc;
            }
            keys.push((index, sorted));
        }
        Ok(Sorting {
            keys,
            distinct: plain_distinct,
            distinct_on,
        })
    }

    /// The target an ORDER BY, GROUP BY or DISTINCT ON item means: an output by its position or
    /// name, or an expression over FROM.
    fn sort_target(
        &self,
        level: &Level<'_>,
        expr: &ast::Expr,
        targets: &mut Vec<Target>,
        outputs: usize,
        clause: &str,
    ) -> Result<usize> {
        if let Some(position) = ordinal(expr) {
            return in_list(expr, position, outputs, clause);
        }
        if is_written_constant(expr) {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("non-integer constant in {clause}"),
            )
            .or_at(place::start(expr)));
        }
        if let ast::Expr::Identifier(ident) = expr {
            let name = fold(ident);
            let mut found = targets[..outputs]
                .iter()
                .enumerate()
                .filter(|(_, target)| target.name == name);
            if let Some((index, first)) = found.next() {
                let first = first.value.expr.clone();
                if found.any(|(_, other)| other.value.expr != first) {
                    return Err(super::at(
                        Error::new(
                            SqlState::AMBIGUOUS_COLUMN,
                            format!("{clause} \"{name}\" is ambiguous"),
                        ),
                        ident.span,
                    ));
                }
                return Ok(index);
            }
        }
        let value = level.within(Clause::OrderBy, || self.expression(level, expr))?;
        let value = self.settled(value)?;
        Ok(find_or_add(targets, value))
    }

    /// As [`Self::sort_target`] for GROUP BY, where FROM's columns come before output names.
    pub(super) fn group_value(
        &self,
        level: &Level<'_>,
        expr: &ast::Expr,
        targets: &[Target],
    ) -> Result<Typed> {
        let settled = |target: &Target| self.settled(target.value.clone());
        if let Some(position) = ordinal(expr) {
            return settled(&targets[in_list(expr, position, targets.len(), "GROUP BY")?]);
        }
        if is_written_constant(expr) {
            return Err(
                Error::new(SqlState::SYNTAX_ERROR, "non-integer constant in GROUP BY")
                    .or_at(place::start(expr)),
            );
        }
        if let ast::Expr::Identifier(ident) = expr {
            let name = fold(ident);
            let of_from = level
                .columns
                .borrow()
                .iter()
                .any(|column| column.name == name);
            if !of_from {
                let mut found = targets.iter().filter(|target| target.name == name);
                if let Some(first) = found.next() {
                    if found.any(|other| other.value.expr != first.value.expr) {
                        return Err(Error::new(
                            SqlState::AMBIGUOUS_COLUMN,
                            format!("GROUP BY \"{name}\" is ambiguous"),
                        ));
                    }
                    return settled(first);
                }
            }
        }
        let value = level.within(Clause::GroupBy, || self.expression(level, expr))?;
        self.settled(value)
    }

    /// Whether values of a type can be sorted.
    pub(super) fn ordering_exists(&self, ty: crate::types::PgType) -> Result<()> {
        self.equality_types(ty, ty).map(|_| ()).map_err(|_| {
            Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("could not identify an ordering operator for type {ty}"),
            )
            .hint("Use an explicit ordering operator or modify the query.")
        })
    }
}

/// Whether an expression has a window function in it, outside of subqueries.
fn has_window(expr: &Expr) -> bool {
    expr.exists(|part| Ok(matches!(part, Expr::WindowFunction(_))))
        .unwrap_or(false)
}

/// The target that is this value already, or a new one.
fn find_or_add(targets: &mut Vec<Target>, value: Typed) -> usize {
    // Also a volatile one: what is ordered by is what is shown.
    let same = targets
        .iter()
        .position(|target| target.value.expr == value.expr);
    same.unwrap_or_else(|| add_target(targets, value))
}

fn add_target(targets: &mut Vec<Target>, value: Typed) -> usize {
    targets.push(Target {
        name: String::new(),
        value,
    });
    targets.len() - 1
}
