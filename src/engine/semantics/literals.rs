//! Literals as PostgreSQL types them: an integer that fits is `integer`, and a quoted literal has
//! no type until something beside it has one, whose input function then reads it.

use std::sync::Arc;

use arrow::array::UInt32Array;
use arrow::datatypes::{DataType, Field};
use datafusion::common::metadata::FieldMetadata;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{DFSchema, ScalarValue};
use datafusion::logical_expr::expr::{Between, BinaryExpr, Cast, InList};
use datafusion::logical_expr::{Expr, ExprSchemable, LogicalPlan, Operator};

use super::{Result, map_expressions, map_node};
use crate::base::Error;
use crate::engine::scope::{Scope, external};
use crate::pg_catalog::names::parse_reg;
use crate::types::PgType;
use crate::types::text::parse_column;

/// Whether the plan has a place where the type of a literal is already written down elsewhere: the
/// columns of a recursive query are those of its first term as it was.
pub(super) fn keeps_types(plan: &LogicalPlan) -> Result<bool> {
    let mut found = false;
    plan.apply_with_subqueries(|plan| {
        found |= matches!(plan, LogicalPlan::RecursiveQuery(_));
        Ok(if found {
            TreeNodeRecursion::Stop
        } else {
            TreeNodeRecursion::Continue
        })
    })?;
    Ok(found)
}

/// Makes integer literals that fit 32 bits `integer`.
pub(super) fn narrow(plan: LogicalPlan) -> Result<LogicalPlan> {
    plan.transform_up_with_subqueries(|plan| match plan {
        // LIMIT and OFFSET are bigint in PostgreSQL too.
        LogicalPlan::Limit(_) => Ok(Transformed::no(plan)),
        plan => map_node(plan, &|expression, _| expression.transform_down(narrow_one)),
    })
    .map(|transformed| transformed.data)
}

fn narrow_one(expression: Expr) -> Result<Transformed<Expr>> {
    Ok(match expression {
        Expr::Literal(ScalarValue::Int64(Some(value)), None) => match i32::try_from(value) {
            Ok(value) => Transformed::yes(Expr::Literal(ScalarValue::Int32(Some(value)), None)),
            Err(_) => Transformed::no(expression),
        },
        // `count(*)` is count over a certain literal, which the optimizer knows by its type.
        Expr::AggregateFunction(call) if call.func.name() == "count" => Transformed::new(
            Expr::AggregateFunction(call),
            false,
            TreeNodeRecursion::Jump,
        ),
        Expr::WindowFunction(call) if call.fun.name() == "count" => {
            Transformed::new(Expr::WindowFunction(call), false, TreeNodeRecursion::Jump)
        }
        expression => Transformed::no(expression),
    })
}

/// Gives quoted literals the type of what they are compared with, and reads those that are cast.
pub(super) fn type_unknown(scope: &Scope<'_>, plan: LogicalPlan) -> Result<LogicalPlan> {
    map_expressions(plan, &|expression, schema| {
        Ok(match expression {
            Expr::Cast(cast) => read_cast(scope, cast)?,
            Expr::BinaryExpr(BinaryExpr { left, op, right }) if is_comparison(op) => {
                let (left, left_changed) = beside(scope, *left, &right, schema)?;
                let (right, right_changed) = beside(scope, *right, &left, schema)?;
                let expression =
                    Expr::BinaryExpr(BinaryExpr::new(Box::new(left), op, Box::new(right)));
                if left_changed || right_changed {
                    Transformed::yes(expression)
                } else {
                    Transformed::no(expression)
                }
            }
            Expr::InList(InList {
                expr,
                list,
                negated,
            }) => {
                let list = list
                    .into_iter()
                    .map(|item| Ok(beside(scope, item, &expr, schema)?.0))
                    .collect::<Result<Vec<_>>>()?;
                Transformed::yes(Expr::InList(InList::new(expr, list, negated)))
            }
            Expr::Between(Between {
                expr,
                negated,
                low,
                high,
            }) => {
                let (low, _) = beside(scope, *low, &expr, schema)?;
                let (high, _) = beside(scope, *high, &expr, schema)?;
                Transformed::yes(Expr::Between(Between::new(
                    expr,
                    negated,
                    Box::new(low),
                    Box::new(high),
                )))
            }
            expression => Transformed::no(expression),
        })
    })
}

fn is_comparison(op: Operator) -> bool {
    matches!(
        op,
        Operator::Eq
            | Operator::NotEq
            | Operator::Lt
            | Operator::LtEq
            | Operator::Gt
            | Operator::GtEq
            | Operator::IsDistinctFrom
            | Operator::IsNotDistinctFrom
    )
}

/// A quoted literal, read as a value of `other`'s type.
fn beside(
    scope: &Scope<'_>,
    expression: Expr,
    other: &Expr,
    schema: &DFSchema,
) -> Result<(Expr, bool)> {
    let Some(text) = unknown(&expression) else {
        return Ok((expression, false));
    };
    let Ok((_, field)) = other.to_field(schema) else {
        return Ok((expression, false));
    };
    if is_text(field.data_type()) || field.data_type().is_null() {
        return Ok((expression, false));
    }
    let mut ty = PgType::of_field(&field);
    if field.data_type().is_nested() && ty.element().is_none() {
        return Ok((expression, false));
    }
    // The literal takes the type, not the length: a longer text is just not equal.
    ty.typmod = if ty.oid == PgType::NUMERIC.oid {
        ty.typmod
    } else {
        -1
    };
    if matches!(
        field.data_type(),
        DataType::Decimal128(_, _) | DataType::Decimal256(_, _)
    ) {
        // As many digits as were written, so that 0.125 does not round to a column's two digits.
        ty.typmod = -1;
    }
    let text = text.to_owned();
    Ok((read(scope, &text, ty)?, true))
}

/// The text of a literal without a type.
fn unknown(expression: &Expr) -> Option<&str> {
    match expression {
        Expr::Literal(
            ScalarValue::Utf8(Some(text))
            | ScalarValue::Utf8View(Some(text))
            | ScalarValue::LargeUtf8(Some(text)),
            None,
        ) => Some(text),
        _ => None,
    }
}

pub(super) fn is_text(data_type: &DataType) -> bool {
    matches!(
        data_type,
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View
    )
}

/// `'…'::type`: the type's input function reads the literal now.
fn read_cast(scope: &Scope<'_>, cast: Cast) -> Result<Transformed<Expr>> {
    let Some(text) = unknown(&cast.expr) else {
        return Ok(Transformed::no(Expr::Cast(cast)));
    };
    let ty = PgType::of_field(&cast.field);
    // Plain text stays a literal without more ado; char(n) and varchar(n) cut and pad, see `casts`.
    if is_text(cast.field.data_type()) && (ty.oid == PgType::TEXT.oid || ty.typmod >= 0) {
        return Ok(Transformed::no(Expr::Cast(cast)));
    }
    Ok(Transformed::yes(read(scope, text, ty)?))
}

/// A literal of type `ty` from its text.
pub(super) fn read(scope: &Scope<'_>, text: &str, ty: PgType) -> Result<Expr> {
    let array = if ty.is_reg() {
        let oid = parse_reg(scope.context, ty, text).map_err(external)?;
        Arc::new(UInt32Array::from(vec![oid.0]))
    } else {
        parse_column(
            &[Some(text)],
            ty,
            &scope.context.style,
            scope.context.transaction_time,
        )
        .map_err(|failed| external(failed.error))?
    };
    literal(ty, crate::functions::scalar_value(&array)?)
}

/// A literal that says its PostgreSQL type.
fn literal(ty: PgType, value: ScalarValue) -> Result<Expr> {
    let field: Field = ty.field("", true);
    if field.data_type() != &value.data_type() && !field.data_type().is_nested() {
        return Err(external(Error::internal(
            "reading a literal",
            format!("{} instead of {}", value.data_type(), field.data_type()),
        )));
    }
    let metadata = (!field.metadata().is_empty()).then(|| FieldMetadata::new_from_field(&field));
    Ok(Expr::Literal(value, metadata))
}
