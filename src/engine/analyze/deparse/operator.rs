//! Operators over operands of the types they take, and the forms that stand for operators.

use sqlparser::ast::{self, BinaryOperator, Expr as Ast, UnaryOperator};

use super::super::coerce::{array_element, category};
use super::super::expression::{sign, strip};
use super::super::level::Level;
use super::super::operator::{Choice, choose};
use super::super::operators::OPERATORS;
use super::super::row::row_items;
use super::super::typed::Typed;
use super::super::{Analyst, routine};
use super::{Written, binary, not_written};
use crate::base::Result;
use crate::pg_catalog::volatility;
use crate::types::PgType;

/// What an operator takes on one side; `None` where it takes whatever there is.
type Taken = Option<PgType>;

fn signed(sign: &str) -> BinaryOperator {
    match sign {
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        ">" => BinaryOperator::Gt,
        "<=" => BinaryOperator::LtEq,
        ">=" => BinaryOperator::GtEq,
        other => BinaryOperator::Custom(other.to_owned()),
    }
}

impl Analyst<'_> {
    /// What the operator that is meant takes.
    pub(super) fn taken(&self, sign: &str, left: &Typed, right: &Typed) -> Result<(Taken, Taken)> {
        let (to_left, to_right) = self.taken_by(sign, left, right)?;
        self.note(match (to_left, to_right) {
            // What is joined to a text is made one.
            (None, _) => volatility::is_immutable_cast(left.ty, PgType::TEXT),
            (_, None) => volatility::is_immutable_cast(right.ty, PgType::TEXT),
            (left, Some(right)) => volatility::is_immutable_operator(sign, left, right),
        });
        Ok((to_left, to_right))
    }

    fn taken_by(&self, sign: &str, left: &Typed, right: &Typed) -> Result<(Taken, Taken)> {
        if self.has_users_operators(sign) || Self::is_there(left) || Self::is_there(right) {
            return Err(not_written());
        }
        let (a, b) = (left.ty.plain(), right.ty.plain());
        if a.is_composite() || b.is_composite() {
            return Err(not_written());
        }
        let array = |ty: PgType| array_element(ty).is_some();
        let comparison = matches!(sign, "=" | "<>" | "<" | ">" | "<=" | ">=");
        let either = |value: &Typed| value.is_unknown() || array(value.ty.plain());
        if (array(a) || array(b)) && (either(left) && either(right) || sign == "||") {
            let whole = if array(a) { a } else { b };
            let same = |value: &Typed| value.is_unknown() || value.ty.oid == whole.oid;
            let alike = same(left) && same(right);
            return match sign {
                "@>" | "<@" | "&&" if alike => Ok((Some(whole), Some(whole))),
                "||" if alike => Ok((Some(whole), Some(whole))),
                "||" => {
                    let element = array_element(whole);
                    let fits = |ty: PgType| {
                        ty.oid == whole.oid || element.is_some_and(|of| of.oid == ty.oid)
                    };
                    match fits(a) && fits(b) {
                        true => Ok((Some(a), Some(b))),
                        false => Err(not_written()),
                    }
                }
                _ if comparison && alike => Ok((Some(whole), Some(whole))),
                _ => Err(not_written()),
            };
        }
        if sign == "||" {
            let string = |value: &Typed| category(value.ty) == 'S';
            let loose = |value: &Typed| string(value) || value.is_unknown();
            match (loose(left), loose(right)) {
                (true, true) => {}
                (true, false) if string(left) => return Ok((Some(PgType::TEXT), None)),
                (false, true) if string(right) => return Ok((None, Some(PgType::TEXT))),
                _ => return self.candidate_types(sign, a, b),
            }
            return Ok((Some(PgType::TEXT), Some(PgType::TEXT)));
        }
        self.candidate_types(sign, a, b)
    }

    fn candidate_types(&self, sign: &str, a: PgType, b: PgType) -> Result<(Taken, Taken)> {
        let candidate = self.binary_candidate(sign, a, b)?;
        Ok((candidate.left, Some(candidate.right)))
    }

    /// A value as what an operator takes.
    pub(super) fn as_operand(&self, written: Written, to: Taken) -> Result<Ast> {
        match to {
            Some(ty) => self.as_type(written, ty),
            None => self.as_settled(written),
        }
    }

    fn applied(&self, sign: &str, left: Written, right: Written) -> Result<Ast> {
        if are_rows(&left, &right) {
            return Ok(binary(left.ast, signed(sign), right.ast));
        }
        let (to_left, to_right) = self.taken(sign, &left.value, &right.value)?;
        let left = self.as_operand(left, to_left)?;
        let right = self.as_operand(right, to_right)?;
        Ok(binary(left, signed(sign), right))
    }

    /// `left sign right`
    pub(super) fn operation(
        &self,
        level: &Level<'_>,
        whole: &Ast,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
    ) -> Result<Written> {
        let value = self.expression(level, whole)?;
        if let BinaryOperator::Overlaps = op {
            let (left, right) = (row_items(left), row_items(right));
            let ends = left.into_iter().chain(right).flatten();
            let ends = ends.map(|end| self.written(level, end));
            let mut ends = self.as_parts("overlaps", ends.collect::<Result<_>>()?)?;
            let right = Ast::Tuple(ends.split_off(ends.len() / 2));
            let ast = binary(Ast::Tuple(ends), op.clone(), right);
            return Ok(Written { ast, value });
        }
        let sign = bare(&sign(op)?)?;
        // Its end may be the sign of what is behind it.
        if sign.len() > 1 && sign.ends_with('-') {
            return Err(not_written());
        }
        if let (Some(left), Some(right)) = (row_items(left), row_items(right)) {
            let ast = self.row_operation(level, &left, &sign, &right)?;
            return Ok(Written { ast, value });
        }
        let (left, right) = (self.written(level, left)?, self.written(level, right)?);
        let ast = self.applied(&sign, left, right)?;
        Ok(Written { ast, value })
    }

    /// Rows compared: field by field, where that says all.
    fn row_operation(
        &self,
        level: &Level<'_>,
        left: &[&Ast],
        sign: &str,
        right: &[&Ast],
    ) -> Result<Ast> {
        let all = match sign {
            "=" => BinaryOperator::And,
            "<>" => BinaryOperator::Or,
            "<" | "<=" | ">" | ">=" => {
                let (mut lefts, mut rights) = (Vec::new(), Vec::new());
                for (left, right) in left.iter().zip(right) {
                    let (left, right) = (self.written(level, left)?, self.written(level, right)?);
                    let (to_left, to_right) = self.taken(sign, &left.value, &right.value)?;
                    lefts.push(self.as_operand(left, to_left)?);
                    rights.push(self.as_operand(right, to_right)?);
                }
                return Ok(binary(Ast::Tuple(lefts), signed(sign), Ast::Tuple(rights)));
            }
            _ => return Err(not_written()),
        };
        let pairs = left.iter().zip(right).map(|(left, right)| {
            let (left, right) = (self.written(level, left)?, self.written(level, right)?);
            self.applied(sign, left, right)
        });
        joined(pairs, &all)
    }

    /// `sign operand`
    pub(super) fn prefixed(
        &self,
        level: &Level<'_>,
        whole: &Ast,
        op: &UnaryOperator,
        operand: &Ast,
    ) -> Result<Written> {
        let value = self.expression(level, whole)?;
        // The sign of a number is part of it, and a power's is its base's.
        if super::super::literal::signed(whole).is_some() {
            return self.literal_written(value);
        }
        if let Ast::BinaryOp {
            left,
            op: power @ BinaryOperator::PGExp,
            right,
        } = operand
        {
            let base = Ast::UnaryOp {
                op: *op,
                expr: left.clone(),
            };
            return self.operation(level, whole, &base, power, right);
        }
        let sign = match op {
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
            UnaryOperator::BitwiseNot => "~",
            UnaryOperator::PGAbs => "@",
            UnaryOperator::PGSquareRoot => "|/",
            UnaryOperator::PGCubeRoot => "||/",
            _ => return Err(not_written()),
        };
        if self.has_users_operators(sign) {
            return Err(not_written());
        }
        let written = self.written(level, operand)?;
        let all = OPERATORS.get(sign).map(Vec::as_slice).unwrap_or_default();
        let candidates: Vec<(Vec<PgType>, PgType)> = all
            .iter()
            .filter(|candidate| candidate.left.is_none())
            .map(|candidate| (vec![candidate.right], candidate.right))
            .collect();
        let Choice::One(to) = choose(&candidates, &[written.value.ty.plain()]) else {
            return Err(not_written());
        };
        self.note(volatility::is_immutable_operator(sign, None, to));
        let ast = Ast::UnaryOp {
            op: *op,
            expr: Box::new(self.as_type(written, to)?),
        };
        Ok(Written { ast, value })
    }

    pub(super) fn distinct_written(
        &self,
        level: &Level<'_>,
        left: &Ast,
        right: &Ast,
    ) -> Result<Ast> {
        let (left, right) = (self.written(level, left)?, self.written(level, right)?);
        if are_rows(&left, &right) {
            return Ok(Ast::IsDistinctFrom(Box::new(left.ast), Box::new(right.ast)));
        }
        let (to_left, to_right) = self.taken("=", &left.value, &right.value)?;
        let left = self.as_operand(left, to_left)?;
        let right = self.as_operand(right, to_right)?;
        Ok(Ast::IsDistinctFrom(Box::new(left), Box::new(right)))
    }

    /// `x BETWEEN a AND b` is `x >= a AND x <= b`.
    pub(super) fn between_written(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        low: &Ast,
        high: &Ast,
        negated: bool,
    ) -> Result<Ast> {
        let mut low = low.clone();
        let symmetric = super::super::expression::take_mark(&mut low);
        let (first, second, all, any) = match negated {
            false => (">=", "<=", BinaryOperator::And, BinaryOperator::Or),
            true => ("<", ">", BinaryOperator::Or, BinaryOperator::And),
        };
        let value = self.written(level, expr)?;
        let (low, high) = (self.written(level, &low)?, self.written(level, high)?);
        let within = |low: &Written, high: &Written| -> Result<Ast> {
            let side =
                |sign: &str, bound: &Written| self.applied(sign, value.clone(), bound.clone());
            Ok(binary(side(first, low)?, all.clone(), side(second, high)?))
        };
        let one = within(&low, &high)?;
        Ok(match symmetric {
            true => binary(one, any, within(&high, &low)?),
            false => one,
        })
    }

    /// `x IN (…)`: several that name no column are an array, the others are compared one by one.
    pub(super) fn listed(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        list: &[Ast],
        negated: bool,
    ) -> Result<Ast> {
        let (sign, any) = match negated {
            false => ("=", BinaryOperator::Or),
            true => ("<>", BinaryOperator::And),
        };
        let mut items = Vec::new();
        for item in list {
            items.push((item, self.written(level, item)?));
        }
        // A row has no form of its own here.
        let expr_written = self.written(level, expr);
        let tested = |of: &Result<Written>| match of {
            Ok(written) => Ok(written.clone()),
            Err(_) => Err(not_written()),
        };
        let mut parts = Vec::new();
        let rows = items.iter().any(|(item, _)| row_items(item).is_some());
        let fixed = items
            .iter()
            .filter(|(_, one)| !one.value.expr.any_column_refs());
        if !rows && fixed.count() > 1 {
            let (fixed, rest): (Vec<_>, Vec<_>) = items
                .into_iter()
                .partition(|(_, one)| !one.value.expr.any_column_refs());
            let value = tested(&expr_written)?;
            let mut all = vec![&value.value];
            all.extend(fixed.iter().map(|(_, one)| &one.value));
            let element = self.common_type(&all, "IN")?.plain();
            let fixed = fixed.into_iter().map(|(_, one)| self.as_type(one, element));
            let array = Ast::Array(ast::Array {
                elem: fixed.collect::<Result<_>>()?,
                named: true,
            });
            parts.push(self.of_elements(sign, negated, value, array, element)?);
            items = rest;
        }
        for (item, one) in items {
            parts.push(match (row_items(expr), row_items(item)) {
                (Some(left), Some(right)) => self.row_operation(level, &left, sign, &right)?,
                _ => self.applied(sign, tested(&expr_written)?, one)?,
            });
        }
        joined(parts.into_iter().map(Ok), &any)
    }

    /// `value sign ANY (array)` of an array of `element`.
    fn of_elements(
        &self,
        sign: &str,
        all: bool,
        value: Written,
        array: Ast,
        element: PgType,
    ) -> Result<Ast> {
        let beside = Typed {
            ty: element,
            ..value.value.clone()
        };
        let beside = Typed {
            row: None,
            ..beside
        };
        let (to_left, to_right) = self.taken(sign, &value.value, &beside)?;
        let left = Box::new(self.as_operand(value, to_left)?);
        let array = match to_right {
            Some(to) if to.oid != element.oid => {
                self.cast_to(array, to.array().ok_or_else(not_written)?)?
            }
            _ => array,
        };
        let (compare_op, right) = (signed(sign), Box::new(array));
        Ok(match all {
            false => Ast::AnyOp {
                left,
                compare_op,
                right,
                is_some: false,
            },
            true => Ast::AllOp {
                left,
                compare_op,
                right,
            },
        })
    }

    /// `value op ANY (array)`, `value op ALL (array)`
    pub(super) fn quantified_written(
        &self,
        level: &Level<'_>,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
        all: bool,
    ) -> Result<Ast> {
        let sign = bare(&sign(op)?)?;
        let (value, array) = (self.written(level, left)?, self.written(level, right)?);
        if !array.value.is_unknown() {
            let element = array_element(array.value.ty).ok_or_else(not_written)?;
            return self.of_elements(&sign, all, value, array.ast, element.plain());
        }
        let (_, element) = self.taken(&sign, &value.value, &array.value)?;
        let element = element.ok_or_else(not_written)?;
        let whole = element.array().ok_or_else(not_written)?;
        let array = self.as_type(array, whole)?;
        self.of_elements(&sign, all, value, array, element)
    }

    /// LIKE, ILIKE and SIMILAR TO
    pub(super) fn matched(&self, level: &Level<'_>, expression: &Ast) -> Result<Ast> {
        let (sign, expr, pattern, escape, behind) = match expression {
            Ast::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => {
                let sign = if *negated { "!~~" } else { "~~" };
                (sign, expr, pattern, escape_char, "like_escape")
            }
            Ast::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => {
                let sign = if *negated { "!~~*" } else { "~~*" };
                (sign, expr, pattern, escape_char, "like_escape")
            }
            Ast::SimilarTo {
                negated,
                expr,
                pattern,
                escape_char,
            } => {
                let sign = if *negated { "!~" } else { "~" };
                (sign, expr, pattern, escape_char, "similar_to_escape")
            }
            _ => return Err(not_written()),
        };
        // `LIKE ANY (…)` reads like the call of a function.
        if let Ast::Function(function) = strip(pattern)
            && matches!(
                &*function.name.to_string().to_lowercase(),
                "all" | "any" | "some"
            )
        {
            return Err(not_written());
        }
        let value = self.written(level, expr)?;
        let pattern = self.written(level, pattern)?;
        if behind == "like_escape" && escape.is_none() {
            return self.applied(sign, value, pattern);
        }
        let mut args = vec![self.as_type(pattern, PgType::TEXT)?];
        if let Some(escape) = escape {
            let escape = self.written(level, &Ast::Value(escape.clone()))?;
            args.push(self.as_type(escape, PgType::TEXT)?);
        }
        let call = super::call::call(behind, args);
        let beside = self.expression(level, &call)?;
        let pattern = Written {
            ast: call,
            value: beside,
        };
        self.applied(sign, value, pattern)
    }
}

/// Whether both sides are whole rows, which those of a trigger are of one type.
fn are_rows(left: &Written, right: &Written) -> bool {
    let row = |of: &Written| matches!(of.ast, Ast::Identifier(_)) && of.value.ty.is_composite();
    row(left) && row(right) && left.value.ty.oid == right.value.ty.oid
}

/// A sign of PostgreSQL's own.
fn bare(sign: &str) -> Result<String> {
    match routine::schema_and_sign(sign) {
        (None | Some("pg_catalog"), "!=") => Ok("<>".to_owned()),
        (None | Some("pg_catalog"), sign) => Ok(sign.to_owned()),
        (Some(_), _) => Err(not_written()),
    }
}

/// Conditions joined by AND or OR.
fn joined(parts: impl Iterator<Item = Result<Ast>>, by: &BinaryOperator) -> Result<Ast> {
    let mut all: Option<Ast> = None;
    for part in parts {
        let part = part?;
        all = Some(match all {
            Some(before) => binary(before, by.clone(), part),
            None => part,
        });
    }
    all.ok_or_else(not_written)
}
