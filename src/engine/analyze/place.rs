//! Where in the statement errors are said to be, as PostgreSQL says it: an operator's errors at its
//! sign, a call's at its name, those of a value that does not fit at the value's first character.
//!
//! Spans hold (1, character position), see `parse/split`. What has no span of its own is found in
//! the text by its sign or keyword when the error is told.

use std::borrow::Cow;

use sqlparser::ast::{CastKind, Expr, Query, SelectItem, SetExpr, Spanned, UnaryOperator};
use sqlparser::tokenizer::Span;

use crate::base::Place;

/// Where a span starts.
pub(super) fn starts(span: Span) -> Place {
    match usize::try_from(span.start.column) {
        Ok(column) if column > 0 => Place::At(column),
        _ => Place::Unknown,
    }
}

/// A token before a span.
pub(super) fn before(span: Span, token: &'static str) -> Place {
    match starts(span) {
        Place::At(position) => Place::Before(position, Cow::Borrowed(token)),
        other => other,
    }
}

/// A token after a span.
fn after(span: Span, token: impl Into<Cow<'static, str>>) -> Place {
    match usize::try_from(span.end.column) {
        Ok(column) if column > 0 => Place::After(column, token.into(), 0),
        _ => Place::Unknown,
    }
}

/// The first character of an expression; parentheses around it do not count.
pub(super) fn start(expr: &Expr) -> Place {
    match expr {
        Expr::Nested(inner) => start(inner),
        Expr::BinaryOp { left, .. }
        | Expr::AnyOp { left, .. }
        | Expr::AllOp { left, .. }
        | Expr::IsDistinctFrom(left, _)
        | Expr::IsNotDistinctFrom(left, _) => start(left),
        Expr::IsNull(inner)
        | Expr::IsNotNull(inner)
        | Expr::IsTrue(inner)
        | Expr::IsNotTrue(inner)
        | Expr::IsFalse(inner)
        | Expr::IsNotFalse(inner)
        | Expr::IsUnknown(inner)
        | Expr::IsNotUnknown(inner)
        | Expr::Cast {
            kind: CastKind::DoubleColon,
            expr: inner,
            ..
        }
        | Expr::Collate { expr: inner, .. }
        | Expr::AtTimeZone {
            timestamp: inner, ..
        }
        | Expr::InList { expr: inner, .. }
        | Expr::InSubquery { expr: inner, .. }
        | Expr::Between { expr: inner, .. }
        | Expr::Like { expr: inner, .. }
        | Expr::ILike { expr: inner, .. }
        | Expr::SimilarTo { expr: inner, .. }
        | Expr::CompoundFieldAccess { root: inner, .. } => start(inner),
        Expr::Function(function) => starts(function.name.span()),
        _ => keyword(expr),
    }
}

/// Where an error about an expression itself is, and not about one of its parts.
pub(super) fn sign(expr: &Expr) -> Place {
    match expr {
        Expr::Nested(inner) => sign(inner),
        Expr::BinaryOp { left, op, .. } => match super::expression::sign(op) {
            Ok(sign) if sign == "<>" => after(left.span(), op.to_string()),
            Ok(sign) => after(left.span(), sign),
            Err(_) => Place::Unknown,
        },
        Expr::AnyOp {
            left, compare_op, ..
        }
        | Expr::AllOp {
            left, compare_op, ..
        } => after(left.span(), compare_op.to_string()),
        Expr::Cast {
            kind: CastKind::DoubleColon,
            expr,
            ..
        } => match after(expr.span(), "::") {
            Place::After(position, token, _) => Place::After(position, token, casts(expr)),
            other => other,
        },
        Expr::Collate { expr, .. } => after(expr.span(), "COLLATE"),
        Expr::IsDistinctFrom(left, _) | Expr::IsNotDistinctFrom(left, _) => {
            after(left.span(), "IS")
        }
        Expr::AtTimeZone { timestamp, .. } => after(timestamp.span(), "AT"),
        Expr::Like { expr, negated, .. } => after(expr.span(), negated_or(*negated, "LIKE")),
        Expr::ILike { expr, negated, .. } => after(expr.span(), negated_or(*negated, "ILIKE")),
        Expr::SimilarTo { expr, negated, .. } => {
            after(expr.span(), negated_or(*negated, "SIMILAR"))
        }
        Expr::Between { expr, negated, .. } => after(expr.span(), negated_or(*negated, "BETWEEN")),
        Expr::InList { expr, negated, .. } | Expr::InSubquery { expr, negated, .. } => {
            after(expr.span(), negated_or(*negated, "IN"))
        }
        _ => start(expr),
    }
}

/// How many casts with `::` stand between an expression's own end and what follows it.
fn casts(expr: &Expr) -> usize {
    match expr {
        Expr::Cast {
            kind: CastKind::DoubleColon,
            expr,
            ..
        } => 1 + casts(expr),
        _ => 0,
    }
}

/// The first word of a negated operator, or of a plain one.
fn negated_or(negated: bool, plain: &'static str) -> &'static str {
    if negated { "NOT" } else { plain }
}

/// Expressions that begin with a word or a sign that has no span.
fn keyword(expr: &Expr) -> Place {
    let token = match expr {
        Expr::UnaryOp { op, expr } => {
            let token = match op {
                UnaryOperator::Not => "NOT",
                UnaryOperator::Minus => "-",
                UnaryOperator::Plus => "+",
                UnaryOperator::BitwiseNot => "~",
                _ => return starts(expr.span()),
            };
            return before(expr.span(), token);
        }
        Expr::Case { case_token, .. } => return starts(case_token.0.span),
        Expr::Cast { .. } => "CAST",
        Expr::Exists { .. } => "EXISTS",
        Expr::Subquery(_) | Expr::Tuple(_) => "(",
        Expr::Array(_) => "ARRAY",
        Expr::Extract { .. } => "EXTRACT",
        Expr::Position { .. } => "POSITION",
        Expr::Substring { .. } => "SUBSTRING",
        Expr::Trim { .. } => "TRIM",
        Expr::Overlay { .. } => "OVERLAY",
        _ => return starts(expr.span()),
    };
    before(expr.span(), token)
}

/// An item of a select list.
pub(super) fn item(item: &SelectItem) -> Place {
    match item {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => start(expr),
        other => starts(other.span()),
    }
}

/// A column of what stands beside UNION, by its index; the first if there is no such.
pub(super) fn column(body: &SetExpr, index: usize) -> Place {
    match body {
        SetExpr::Select(select) => {
            let wild = select
                .projection
                .iter()
                .take(index + 1)
                .any(|item| matches!(item, SelectItem::Wildcard(_)));
            match select.projection.get(if wild { 0 } else { index }) {
                Some(found) => item(found),
                None => select.projection.first().map_or(Place::Unknown, item),
            }
        }
        SetExpr::Values(values) => {
            let row = values.rows.first();
            let expr = row.and_then(|row| row.content.get(index).or(row.content.first()));
            expr.map_or(Place::Unknown, start)
        }
        SetExpr::SetOperation { left, .. } => column(left, index),
        SetExpr::Query(query) => column(&query.body, index),
        _ => Place::Unknown,
    }
}

/// The parenthesis a subquery stands in.
pub(super) fn parenthesis(query: &Query) -> Place {
    before(query.span(), "(")
}
