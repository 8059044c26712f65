//! Where a node needs no parentheses.

use sqlparser::ast::{BinaryOperator, DataType, Expr, UnaryOperator, Value};

use crate::engine::analyze::{sign, strip};

/// What a node stands in.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Parent {
    /// An operator, by the class of its sign; and whether the node is its first operand.
    Operator(Class, bool),
    /// AND, OR, NOT
    Logic(Logic),
    /// A cast.
    Cast,
    /// Anything else.
    Other,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Logic {
    And,
    Or,
    Not,
}

/// Which operators bind alike.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Class {
    /// `+`, `-`
    Sum,
    /// `*`, `/`, `%`
    Product,
    /// Any other.
    Plain,
}

pub(super) fn logic(of: &Expr) -> Option<Logic> {
    match strip(of) {
        Expr::BinaryOp {
            op: BinaryOperator::And,
            ..
        } => Some(Logic::And),
        Expr::BinaryOp {
            op: BinaryOperator::Or,
            ..
        } => Some(Logic::Or),
        Expr::UnaryOp {
            op: UnaryOperator::Not,
            ..
        } => Some(Logic::Not),
        _ => None,
    }
}

/// The parts of a chain of AND or OR: what stands to its left belongs to it.
pub(super) fn chain(of: &Expr, by: Logic) -> Vec<&Expr> {
    match strip(of) {
        Expr::BinaryOp { left, right, .. } if logic(of) == Some(by) => {
            let mut parts = chain(left, by);
            match right.as_ref() {
                // Long chains are read as trees.
                Expr::BinaryOp { .. } => parts.extend(chain(right, by)),
                right => parts.push(right),
            }
            parts
        }
        _ => vec![of],
    }
}

pub(super) fn class(sign: &str) -> Class {
    match sign {
        "+" | "-" => Class::Sum,
        "*" | "/" | "%" => Class::Product,
        _ => Class::Plain,
    }
}

/// Whether a node needs no parentheses where it stands (`isSimpleNode`).
pub(super) fn is_simple(of: &Expr, parent: Parent) -> bool {
    let of = strip(of);
    if let Some(logic) = logic(of) {
        return match parent {
            Parent::Logic(around) => match logic {
                Logic::Not | Logic::And => around != Logic::Not,
                Logic::Or => around == Logic::Or,
            },
            _ => false,
        };
    }
    match of {
        Expr::Cast {
            expr, data_type, ..
        } => is_constant(expr) || is_function_cast(data_type) || is_simple(expr, parent),
        Expr::BinaryOp {
            op: BinaryOperator::Overlaps,
            ..
        } => true,
        Expr::BinaryOp { op, .. } => {
            let own = sign(op).map_or(Class::Plain, |sign| class(&sign));
            match parent {
                Parent::Operator(around, first) => match (own, around) {
                    (Class::Plain, _) | (_, Class::Plain) => false,
                    (Class::Product, Class::Sum) => true,
                    (Class::Sum, Class::Product) => false,
                    _ => first,
                },
                Parent::Logic(_) => true,
                _ => false,
            }
        }
        Expr::IsNull(_)
        | Expr::IsNotNull(_)
        | Expr::IsTrue(_)
        | Expr::IsNotTrue(_)
        | Expr::IsFalse(_)
        | Expr::IsNotFalse(_)
        | Expr::IsUnknown(_)
        | Expr::IsNotUnknown(_)
        | Expr::IsDistinctFrom(..)
        | Expr::UnaryOp { .. } => matches!(parent, Parent::Logic(_)),
        Expr::AnyOp { .. } | Expr::AllOp { .. } | Expr::Collate { .. } => false,
        _ => true,
    }
}

/// A literal.
fn is_constant(of: &Expr) -> bool {
    matches!(strip(of), Expr::Value(_))
}

/// Whether a cast to a type is, mostly, the call of a function, and not the same bits or the way
/// through a text.
fn is_function_cast(to: &DataType) -> bool {
    !matches!(
        to,
        DataType::Text
            | DataType::CharacterVarying(None)
            | DataType::Varchar(None)
            | DataType::Custom(..)
            | DataType::Array(_)
    )
}

/// Whether a type is one of texts that are cut to a length.
pub(super) fn is_cut(ty: &DataType) -> bool {
    matches!(
        ty,
        DataType::CharacterVarying(Some(_))
            | DataType::Varchar(Some(_))
            | DataType::Character(Some(_))
            | DataType::Char(Some(_))
    )
}

/// Whether a constant stands before its type without parentheses: a literal that is read as one of
/// it, and a number cut to a length.
pub(super) fn is_bare(of: &Expr, ty: &str) -> bool {
    match of {
        Expr::Value(value) => match &value.value {
            Value::Number(text, _) => text.contains('.') && ty.starts_with("numeric("),
            Value::SingleQuotedString(_) | Value::Null => true,
            _ => false,
        },
        Expr::Array(array) => array.elem.is_empty(),
        _ => false,
    }
}
