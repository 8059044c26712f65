//! Aggregates called WITHIN GROUP: over an ordered set of rows, and ranks that a row would have in
//! one.

use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr};
use sqlparser::ast;

use super::coerce::undetermined;
use super::level::{Clause, Level};
use super::typed::Typed;
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

/// What an ordered-set aggregate is of, in the order its implementation takes it.
pub(super) struct OrderedSet {
    /// The values of the rows, then what the call itself says.
    pub(super) args: Vec<Typed>,
    /// How the rows are ordered.
    pub(super) order: Vec<SortExpr>,
}

impl Analyst<'_> {
    /// `name(direct, …) WITHIN GROUP (ORDER BY items)`
    ///
    /// # Errors
    /// `42883` if such an aggregate takes no such arguments.
    pub(super) fn ordered_set(
        &self,
        level: &Level<'_>,
        name: &str,
        direct: Vec<Typed>,
        items: &[ast::OrderByExpr],
    ) -> Result<OrderedSet> {
        let (order, values) = level.within(Clause::Aggregate, || {
            let order = self.aggregate_order(level, items, true)?;
            let values = items.iter().map(|item| {
                let value = self.expression(level, &item.expr)?;
                if value.is_unknown() && matches!(name, "mode" | "percentile_disc") {
                    return Err(undetermined());
                }
                self.settled(value)
            });
            Ok::<_, Error>((order, values.collect::<Result<Vec<_>>>()?))
        })?;
        let shown = name.trim_end_matches(" within group");
        let hypothetical = shown.len() < name.len();
        let takes = match name {
            "mode" => direct.is_empty() && values.len() == 1,
            "percentile_cont" | "percentile_disc" => direct.len() == 1 && values.len() == 1,
            _ => direct.len() == values.len(),
        };
        if !takes {
            let given: Vec<Typed> = direct.iter().chain(&values).cloned().collect();
            let error = self.no_function(shown, &given);
            return Err(match hypothetical {
                true => error.hint(format!(
                    "To use the hypothetical-set aggregate {shown}, the number of hypothetical \
                     direct arguments (here {}) must match the number of ordering columns (here \
                     {}).",
                    direct.len(),
                    values.len()
                )),
                false => error,
            });
        }
        if hypothetical {
            return self.ranked(values, direct, order);
        }
        let mut args = values;
        if let ("mode", Some(value)) = (name, args.first()) {
            // What is equal counts together, whatever it shows.
            args.push(self.keyed(value.clone())?);
        }
        if let Some(first) = args.first_mut() {
            // A cast may say what its operand says of its type, and the answer is of that.
            let plain = first.ty.field("", true).metadata().is_empty();
            if plain && matches!(first.expr, Expr::Cast(_)) {
                first.expr = super::typed::cast(first.expr.clone(), first.ty);
            }
        }
        args.extend(direct);
        Ok(OrderedSet { args, order })
    }

    /// The rows and the one whose rank is asked for, both as what they are compared by.
    fn ranked(
        &self,
        values: Vec<Typed>,
        direct: Vec<Typed>,
        mut order: Vec<SortExpr>,
    ) -> Result<OrderedSet> {
        let (mut rows, mut asked) = (Vec::new(), Vec::new());
        for ((value, direct), sort) in values.into_iter().zip(direct).zip(&mut order) {
            let (both, ty) = self.in_common(vec![direct, value], "WITHIN GROUP")?;
            for (index, side) in self.one_type(both, ty)?.into_iter().enumerate() {
                let key = self.keyed(Typed::new(side.expr, ty))?;
                match index {
                    0 => asked.push(key),
                    _ => {
                        sort.expr = key.expr.clone();
                        rows.push(key);
                    }
                }
            }
        }
        rows.append(&mut asked);
        Ok(OrderedSet { args: rows, order })
    }

    /// A value as what it is compared by.
    fn keyed(&self, value: Typed) -> Result<Typed> {
        let key = self.order_key(value.clone(), false)?;
        if key == value.expr {
            return Ok(value);
        }
        let field = key.to_field(&self.schema_for(&[&key])?).converted()?.1;
        Ok(Typed::new(key, PgType::of_field(&field)))
    }
}

/// What the call of an ordered-set aggregate says of itself, behind the values of its rows.
pub(super) fn direct_arguments(call: &Expr) -> &[Expr] {
    match call {
        Expr::AggregateFunction(call)
            if call.func.supports_within_group_clause() && call.func.name() != "mode" =>
        {
            &call.params.args[call.params.args.len() / 2..]
        }
        _ => &[],
    }
}

/// `42803` for an ordered-set aggregate whose own arguments are not the same for a whole group.
pub(super) fn ungrouped_argument(error: Error) -> Error {
    match error.state() == SqlState::GROUPING_ERROR {
        true => error
            .detail("Direct arguments of an ordered-set aggregate must use only grouped columns."),
        false => error,
    }
}
