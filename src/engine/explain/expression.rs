//! Physical expressions as SQL: columns by their names, types by PostgreSQL's.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Operator;
use datafusion::physical_expr::expressions::{
    BinaryExpr, CaseExpr, CastExpr, Column, InListExpr, IsNotNullExpr, IsNullExpr, LikeExpr,
    Literal, NegativeExpr, NotExpr,
};
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr, ScalarFunctionExpr};

use crate::base::name::{quote, quote_literal};
use crate::engine::semantics;
use crate::pg_catalog;
use crate::types::coded::Code;
use crate::types::text::{PLAIN, TextColumn, UNNAMED};
use crate::types::{PgType, Style};

/// Characters of one expression; longer ones are cut.
const CHARACTERS_MAX: usize = 1_000;

/// An expression as SQL.
pub(super) fn sql(expression: &dyn PhysicalExpr) -> String {
    let mut text = written(expression);
    if let Some((cut, _)) = text.char_indices().nth(CHARACTERS_MAX) {
        text.truncate(cut);
        text.push('…');
    }
    text
}

/// A sort key: `a DESC NULLS LAST`.
pub(super) fn sort_key(key: &PhysicalSortExpr) -> String {
    let mut text = sql(key.expr.as_ref());
    if key.options.descending {
        text.push_str(" DESC");
    }
    // PostgreSQL takes NULL for greater than everything.
    match (key.options.descending, key.options.nulls_first) {
        (true, false) => text.push_str(" NULLS LAST"),
        (false, true) => text.push_str(" NULLS FIRST"),
        _ => {}
    }
    text
}

/// A column's name as the user wrote it: what follows a NUL only keeps it apart from others.
pub(super) fn column_name(name: &str) -> String {
    let shown = name.split('\0').next().unwrap_or_default();
    if shown.is_empty() {
        "?column?".to_owned()
    } else if shown.contains(['(', ' ', '.']) {
        // Not a name but an expression that DataFusion named by its text.
        shown.to_owned()
    } else {
        quote(shown).into_owned()
    }
}

/// A literal whose value travels as a code, as it is written; `None` of any other.
fn coded(literal: &Literal) -> Option<String> {
    let field = literal.return_field(&Schema::empty()).ok()?;
    let ty = PgType::of_field(&field);
    if Code::of(ty).is_none() && !ty.has_bounds() {
        return None;
    }
    let array = literal.value().to_array().ok()?;
    let column = TextColumn::new(array.as_ref(), ty, PLAIN, UNNAMED).ok()?;
    let mut text = Vec::new();
    match column.write(0, &mut text) {
        Ok(true) => {
            let text = String::from_utf8_lossy(&text);
            let name = match ty.oid == PgType::BIT.oid {
                true => "\"bit\"".to_owned(),
                false => ty.plain().to_string(),
            };
            Some(format!("'{text}'::{name}"))
        }
        _ => None,
    }
}

fn written(expression: &dyn PhysicalExpr) -> String {
    let all = |list: &[Arc<dyn PhysicalExpr>]| -> String {
        let list: Vec<_> = list.iter().map(|item| written(item.as_ref())).collect();
        list.join(", ")
    };
    if let Some(column) = expression.downcast_ref::<Column>() {
        return column_name(column.name());
    }
    if let Some(literal) = expression.downcast_ref::<Literal>() {
        return coded(literal).unwrap_or_else(|| value(literal.value()));
    }
    if let Some((op, of)) = sides(expression) {
        let mut parts = Vec::new();
        chained(of, op, &mut parts);
        return format!("({})", parts.join(&format!(" {op} ")));
    }
    if let Some(binary) = expression.downcast_ref::<BinaryExpr>() {
        let operator = match binary.op() {
            Operator::NotEq => "<>".to_owned(),
            operator => operator.to_string(),
        };
        let (left, right) = (
            written(binary.left().as_ref()),
            written(binary.right().as_ref()),
        );
        return format!("({left} {operator} {right})");
    }
    if let Some(not) = expression.downcast_ref::<NotExpr>() {
        return format!("(NOT {})", written(not.arg().as_ref()));
    }
    if let Some(negative) = expression.downcast_ref::<NegativeExpr>() {
        return format!("(- {})", written(negative.arg().as_ref()));
    }
    if let Some(is) = expression.downcast_ref::<IsNullExpr>() {
        return format!("({} IS NULL)", written(is.arg().as_ref()));
    }
    if let Some(is) = expression.downcast_ref::<IsNotNullExpr>() {
        return format!("({} IS NOT NULL)", written(is.arg().as_ref()));
    }
    if let Some(cast) = expression.downcast_ref::<CastExpr>() {
        let ty = PgType::of_field(cast.target_field());
        return format!("({})::{ty}", written(cast.expr().as_ref()));
    }
    if let Some(like) = expression.downcast_ref::<LikeExpr>() {
        let operator = match (like.negated(), like.case_insensitive()) {
            (false, false) => "~~",
            (false, true) => "~~*",
            (true, false) => "!~~",
            (true, true) => "!~~*",
        };
        let (left, right) = (
            written(like.expr().as_ref()),
            written(like.pattern().as_ref()),
        );
        return format!("({left} {operator} {right})");
    }
    if let Some(list) = expression.downcast_ref::<InListExpr>() {
        let test = if list.negated() { "<> ALL" } else { "= ANY" };
        let tested = written(list.expr().as_ref());
        return format!("({tested} {test} (ARRAY[{}]))", all(list.list()));
    }
    if let Some(case) = expression.downcast_ref::<CaseExpr>() {
        let mut text = "CASE".to_owned();
        if let Some(tested) = case.expr() {
            text.push_str(&format!(" {}", written(tested.as_ref())));
        }
        for (when, then) in case.when_then_expr() {
            let (when, then) = (written(when.as_ref()), written(then.as_ref()));
            text.push_str(&format!(" WHEN {when} THEN {then}"));
        }
        if let Some(otherwise) = case.else_expr() {
            text.push_str(&format!(" ELSE {}", written(otherwise.as_ref())));
        }
        return text + " END";
    }
    if let Some(call) = expression.downcast_ref::<ScalarFunctionExpr>() {
        if let ("same" | "nullable", [value]) = (call.name(), call.args()) {
            return written(value.as_ref());
        }
        return operation(call)
            .unwrap_or_else(|| format!("{}({})", call.name().replace('\0', ""), all(call.args())));
    }
    // One of the engine's own: its name, and what it is of.
    let children: Vec<_> = expression
        .children()
        .into_iter()
        .map(|child| written(child.as_ref()))
        .collect();
    let shown = expression.to_string();
    let name: String = shown
        .chars()
        .take_while(|c| c.is_alphanumeric() || *c == '_')
        .collect();
    format!("{name}({})", children.join(", "))
}

/// The operands of AND or OR, also where the right one is computed after the left.
fn sides(expression: &dyn PhysicalExpr) -> Option<(Operator, [&dyn PhysicalExpr; 2])> {
    if let Some(binary) = expression.downcast_ref::<BinaryExpr>() {
        let logical = matches!(binary.op(), Operator::And | Operator::Or);
        return logical.then(|| (*binary.op(), [&**binary.left(), &**binary.right()]));
    }
    let case = expression.downcast_ref::<CaseExpr>()?;
    let is = |expression: &dyn PhysicalExpr, truth: bool| {
        let literal = expression.downcast_ref::<Literal>();
        literal.is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(truth)))
    };
    let left: &dyn PhysicalExpr = &**case.expr()?;
    let arms = case.when_then_expr().iter();
    let arms: Vec<(&dyn PhysicalExpr, &dyn PhysicalExpr)> =
        arms.map(|(when, then)| (&**when, &**then)).collect();
    match arms.as_slice() {
        [(when, right)] if is(*when, true) && is(&**case.else_expr()?, false) => {
            Some((Operator::And, [left, *right]))
        }
        [(_, right), (when, then)] if is(*when, false) && is(*then, false) => {
            Some((Operator::And, [left, *right]))
        }
        [(when, then), (_, right)] if is(*when, true) && is(*then, true) => {
            Some((Operator::Or, [left, *right]))
        }
        _ => None,
    }
}

/// The operands of a chain of one of AND and OR, each once.
fn chained(of: [&dyn PhysicalExpr; 2], op: Operator, parts: &mut Vec<String>) {
    for side in of {
        match sides(side) {
            Some((inner, of)) if inner == op => chained(of, op, parts),
            _ => {
                let part = written(side);
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
    }
}

/// A call that stands for an operator, as the operator; `None` of any other.
fn operation(call: &ScalarFunctionExpr) -> Option<String> {
    let is_sign = |text: &str| {
        !text.is_empty() && text.chars().all(|sign| "+-*/<>=~!@#%^&|`?".contains(sign))
    };
    let args: Vec<String> = call
        .args()
        .iter()
        .map(|arg| written(arg.as_ref()))
        .collect();
    if let Some((sign, all)) = semantics::quantifier(call.fun()) {
        let [value, array] = args.as_slice() else {
            return None;
        };
        let word = if all { "ALL" } else { "ANY" };
        return Some(format!("({value} {sign} {word} ({array}))"));
    }
    // What follows a blank tells operators of one sign apart.
    let name = call.name();
    let first = name.split(' ').next().unwrap_or(name);
    let sign = match is_sign(first) {
        true => first,
        false => pg_catalog::behind(name)?.sign,
    };
    match args.as_slice() {
        [one] => Some(format!("({sign} {one})")),
        [left, right] => Some(format!("({left} {sign} {right})")),
        _ => None,
    }
}

/// A constant.
fn value(value: &ScalarValue) -> String {
    if value.is_null() {
        return "NULL".to_owned();
    }
    match value {
        ScalarValue::Boolean(_)
        | ScalarValue::Int8(_)
        | ScalarValue::Int16(_)
        | ScalarValue::Int32(_)
        | ScalarValue::Int64(_)
        | ScalarValue::UInt32(_)
        | ScalarValue::UInt64(_) => value.to_string(),
        value => match text(value) {
            Some((text, ty)) => format!("{}::{ty}", quote_literal(&text)),
            None => value.to_string(),
        },
    }
}

/// A constant's text, as PostgreSQL writes values of its type.
fn text(value: &ScalarValue) -> Option<(String, PgType)> {
    let array = value.to_array().ok()?;
    let ty = PgType::of_data_type(array.data_type());
    let style = Style::default();
    let column = TextColumn::new(array.as_ref(), ty, &style, UNNAMED).ok()?;
    let mut text = Vec::new();
    column.write(0, &mut text).ok()?;
    Some((String::from_utf8(text).ok()?, ty))
}
