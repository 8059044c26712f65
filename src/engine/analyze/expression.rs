//! Expressions.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use sqlparser::ast::{self, BinaryOperator, CastKind, Expr as Ast, UnaryOperator, Value};
use sqlparser::tokenizer::Span;

use super::coerce::array_element;
use super::level::Level;
use super::names::is_call;
use super::subquery::negated_if;
use super::typed::{self, Typed, and, not, or};
use super::{Analyst, Converted, place};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::{ARGUMENT, ASSIGNED, PINNED, PREFIX_OPERATOR, fold};
use crate::engine::semantics;
use crate::types::PgType;

impl Analyst<'_> {
    /// A column where it is named; errors about it point there.
    fn mentioned(&self, value: Typed, place: Span) -> Typed {
        if let Expr::Column(column) = &value.expr {
            let mut mentions = self.shared.mentions.borrow_mut();
            mentions.entry(column.clone()).or_insert(place);
        }
        value
    }

    /// An expression over what `level` can name.
    pub(super) fn expression(&self, level: &Level<'_>, expression: &Ast) -> Result<Typed> {
        self.scope.watch.glance()?;
        match self.meaning(level, expression) {
            Ok(value) => Ok(value.at(place::start(expression))),
            // What fails when a value is computed has no place.
            Err(error) if error.state().is_about_the_statement() => {
                Err(error.or_at(place::sign(expression)))
            }
            Err(error) => Err(error),
        }
    }

    fn meaning(&self, level: &Level<'_>, expression: &Ast) -> Result<Typed> {
        let analysed = |expression: &Ast| self.expression(level, expression);
        match expression {
            Ast::Identifier(ident) if is_call(ident) => {
                let name = fold(ident);
                let name = if name == "user" {
                    "current_user"
                } else {
                    &name
                };
                self.native(name, Vec::new())
            }
            Ast::Identifier(ident) => Ok(self.mentioned(self.column(level, ident)?, ident.span)),
            Ast::CompoundIdentifier(parts) => {
                let place = parts.first().map_or_else(Span::empty, |part| part.span);
                Ok(self.mentioned(self.qualified(level, parts)?, place))
            }
            Ast::CompoundFieldAccess { root, access_chain } => {
                self.access(level, root, access_chain)
            }
            Ast::Nested(inner) => analysed(inner),
            Ast::Value(value) => self.literal(level, value),
            Ast::TypedString(typed) => self.typed_string(typed),
            Ast::Interval(interval) => self.interval(level, interval),
            Ast::IsNull(inner) => self.is_null(analysed(inner)?, false),
            Ast::IsNotNull(inner) => self.is_null(analysed(inner)?, true),
            Ast::IsTrue(inner) => self.is_truth(level, inner, "IS TRUE", Expr::IsTrue),
            Ast::IsNotTrue(inner) => self.is_truth(level, inner, "IS NOT TRUE", Expr::IsNotTrue),
            Ast::IsFalse(inner) => self.is_truth(level, inner, "IS FALSE", Expr::IsFalse),
            Ast::IsNotFalse(inner) => self.is_truth(level, inner, "IS NOT FALSE", Expr::IsNotFalse),
            Ast::IsUnknown(inner) => self.is_truth(level, inner, "IS UNKNOWN", Expr::IsUnknown),
            Ast::IsNotUnknown(inner) => {
                self.is_truth(level, inner, "IS NOT UNKNOWN", Expr::IsNotUnknown)
            }
            Ast::IsDistinctFrom(left, right) => {
                self.distinct(analysed(left)?, analysed(right)?, false)
            }
            Ast::IsNotDistinctFrom(left, right) => {
                self.distinct(analysed(left)?, analysed(right)?, true)
            }
            Ast::InList {
                expr,
                list,
                negated,
            } => self.in_list(level, expr, list, *negated),
            Ast::InSubquery {
                expr,
                subquery,
                negated,
            } => {
                let value = analysed(expr)?;
                self.in_subquery(level, value, subquery, *negated)
            }
            Ast::Between {
                expr,
                negated,
                low,
                high,
            } => self.between(level, expr, low, high, *negated),
            Ast::BinaryOp { left, op, right } => self.binary_op(level, left, op, right),
            Ast::UnaryOp { op, expr } => self.unary_op(level, op, expr),
            Ast::Like {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(level, expr, pattern, escape_char.as_ref(), *negated, false),
            Ast::ILike {
                negated,
                any: false,
                expr,
                pattern,
                escape_char,
            } => self.like(level, expr, pattern, escape_char.as_ref(), *negated, true),
            Ast::SimilarTo {
                negated,
                expr,
                pattern,
                escape_char,
            } => self.similar(level, expr, pattern, escape_char.as_ref(), *negated),
            Ast::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.any_or_all(level, left, &sign(compare_op)?, right, false),
            Ast::AllOp {
                left,
                compare_op,
                right,
            } => self.any_or_all(level, left, &sign(compare_op)?, right, true),
            Ast::Like {
                negated,
                any: true,
                expr,
                pattern,
                escape_char: None,
            } => {
                let sign = if *negated { "!~~" } else { "~~" };
                self.any_or_all(level, expr, sign, pattern, false)
            }
            Ast::ILike {
                negated,
                any: true,
                expr,
                pattern,
                escape_char: None,
            } => {
                let sign = if *negated { "!~~*" } else { "~~*" };
                self.any_or_all(level, expr, sign, pattern, false)
            }
            Ast::Like { any: true, .. } | Ast::ILike { any: true, .. } => {
                Err(Error::unsupported("LIKE ANY … ESCAPE"))
            }
            Ast::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                ..
            } => self.cast_written(level, expr, data_type),
            Ast::Cast { .. } => Err(Error::unsupported("TRY_CAST")),
            Ast::Collate { expr, collation } => self.collated(level, expr, collation),
            Ast::Function(function) => self.function(level, function),
            Ast::Case {
                operand,
                conditions,
                else_result,
                ..
            } => self.case_when(
                level,
                operand.as_deref(),
                conditions,
                else_result.as_deref(),
            ),
            Ast::Exists { subquery, negated } => {
                let exists = self.exists(level, subquery)?;
                Ok(Typed::bool(negated_if(exists.expr, *negated)))
            }
            Ast::Subquery(query) => self.scalar_subquery(level, query),
            // Read for GROUP BY alone.
            Ast::Tuple(items) if items.is_empty() => {
                let message = "syntax error at or near \")\"";
                Err(Error::new(SqlState::SYNTAX_ERROR, message))
            }
            Ast::Tuple(items) => self.row(level, items),
            Ast::Array(array) => self.array(level, &array.elem),
            Ast::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                let (time, zone) = (analysed(timestamp)?, analysed(time_zone)?);
                self.at_time_zone(time, zone)
            }
            Ast::Extract { .. }
            | Ast::Ceil { .. }
            | Ast::Floor { .. }
            | Ast::Position { .. }
            | Ast::Substring { .. }
            | Ast::Trim { .. }
            | Ast::Overlay { .. } => self.special_form(level, expression),
            Ast::IsNormalized {
                expr,
                form,
                negated,
            } => self.is_normalized(level, expr, form.as_ref(), *negated),
            Ast::Prefixed { prefix, value } if prefix.value.starts_with(PREFIX_OPERATOR) => {
                let value = analysed(value)?;
                self.prefix(&prefix.value[PREFIX_OPERATOR.len()..], value)
            }
            Ast::Prefixed { prefix, value } if prefix.value == PINNED => {
                self.pinned(|pinned| pinned.expression(level, value))
            }
            Ast::Prefixed { prefix, value } if prefix.value.starts_with(ASSIGNED) => {
                self.assigned_row(analysed(value)?, &prefix.value[ASSIGNED.len()..])
            }
            Ast::Prefixed { prefix, value } if prefix.value.starts_with(ARGUMENT) => {
                self.argument_of(level, &prefix.value[ARGUMENT.len()..], value)
            }
            Ast::Prefixed { prefix, value } => Err(Error::unsupported(format!("{prefix} {value}"))),
            Ast::QualifiedWildcard(name, _) => self.star_row(level, name),
            Ast::Wildcard(_) => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "row expansion via \"*\" is not supported here",
            )),
            Ast::Rollup(_) | Ast::Cube(_) | Ast::GroupingSets(_) => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "grouping sets are only allowed in GROUP BY",
            )),
            Ast::InUnnest { .. }
            | Ast::JsonAccess { .. }
            | Ast::RLike { .. }
            | Ast::Convert { .. }
            | Ast::Struct { .. }
            | Ast::Named { .. }
            | Ast::Dictionary(_)
            | Ast::Map(_)
            | Ast::MatchAgainst { .. }
            | Ast::OuterJoin(_)
            | Ast::Prior(_)
            | Ast::Lambda(_)
            | Ast::MemberOf(_) => Err(Error::unsupported("this kind of expression")
                .detail(expression.to_string().chars().take(200).collect::<String>())),
        }
    }

    /// `CAST (expr AS data_type)`, `expr::data_type`
    fn cast_written(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        data_type: &ast::DataType,
    ) -> Result<Typed> {
        let analysed = |expression: &Ast| self.expression(level, expression);
        let to = self.resolve_type(data_type)?;
        let value = match (strip(expr), array_element(to.undomained())) {
            (Ast::Array(array), Some(element)) => {
                self.array_as(level, &array.elem, Some(element))?
            }
            (Ast::Value(number), _) if super::coerce::is_float(to) => {
                // Read as it is written, not as a numeric first.
                match &number.value {
                    Value::Number(text, _) => self.read(text, to)?,
                    _ => analysed(expr)?,
                }
            }
            _ => match super::literal::negative_literal(expr) {
                Some(value) => value?,
                None => analysed(expr)?,
            },
        };
        self.cast(value, to)
    }

    fn is_null(&self, value: Typed, negated: bool) -> Result<Typed> {
        if (value.row.is_some() || Self::is_there(&value))
            && let Some(fields) = self.fields(&value)
        {
            return Ok(self.row_is_null(&fields, negated));
        }
        if let Some(shape) = value.ty.shape() {
            return Ok(Typed::bool(semantics::null_test(
                value.expr, shape, negated,
            )));
        }
        let value = self.settled(value)?;
        Ok(Typed::bool(if negated {
            value.expr.is_not_null()
        } else {
            value.expr.is_null()
        }))
    }

    fn is_truth(
        &self,
        level: &Level<'_>,
        inner: &Ast,
        name: &str,
        make: fn(Box<Expr>) -> Expr,
    ) -> Result<Typed> {
        let value = self.expression(level, inner)?;
        let value = self.condition(value, name)?;
        Ok(Typed::bool(make(Box::new(value))))
    }

    fn in_list(&self, level: &Level<'_>, expr: &Ast, list: &[Ast], negated: bool) -> Result<Typed> {
        let value = self.expression(level, expr)?;
        let items = list
            .iter()
            .map(|item| self.expression(level, item))
            .collect::<Result<Vec<_>>>()?;
        // A list of plain values of one type is looked up at once.
        let all: Vec<&Typed> = std::iter::once(&value).chain(&items).collect();
        if value.row.is_none()
            && items.len() > 1
            && !self.has_users_operators(if negated { "<>" } else { "=" })
            && items
                .iter()
                .all(|item| item.row.is_none() && !item.expr.any_column_refs())
            && let Ok(ty) = self.common_type(&all, "IN")
            && self.equality_types(ty, ty).is_ok()
            && ty.oid != PgType::INTERVAL.oid
            && ty.oid != PgType::BPCHAR.oid
            && ty.oid != PgType::JSONB.oid
            && ty.oid != PgType::NUMERIC.oid
            && !ty.has_keyed_bounds()
            && array_element(ty).is_none()
            && !ty.is_composite()
        {
            let value = self.coerced(value, ty)?.expr;
            let items = items
                .into_iter()
                .map(|item| Ok(self.coerced(item, ty)?.expr))
                .collect::<Result<Vec<_>>>()?;
            let (value, items) = match super::coerce::is_float(ty) {
                true => self.with_one_zero(value, items, ty)?,
                false => (value, items),
            };
            return Ok(Typed::bool(Expr::InList(
                datafusion::logical_expr::expr::InList::new(Box::new(value), items, negated),
            )));
        }
        self.scope.watch.repeat(&value.expr)?;
        let mut result: Option<Expr> = None;
        for item in items {
            let sign = if negated { "<>" } else { "=" };
            let one = self.operate(sign, value.clone(), item)?.expr;
            result = Some(match (result, negated) {
                (None, _) => one,
                (Some(so_far), false) => or(so_far, one),
                (Some(so_far), true) => and(so_far, one),
            });
        }
        Ok(Typed::bool(
            result.unwrap_or_else(|| typed::boolean(Some(negated))),
        ))
    }

    /// `x BETWEEN a AND b` is `x >= a AND x <= b`, whatever the types.
    pub(super) fn between(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        low: &Ast,
        high: &Ast,
        negated: bool,
    ) -> Result<Typed> {
        let value = self.expression(level, expr)?;
        let mut low = low.clone();
        // The mark that `parse::patch` leaves of SYMMETRIC.
        let symmetric = take_mark(&mut low);
        self.scope.watch.repeat(&value.expr)?;
        let (low, high) = (self.expression(level, &low)?, self.expression(level, high)?);
        let within = |low: &Typed, high: &Typed| -> Result<Expr> {
            let (first, second) = if negated { ("<", ">") } else { (">=", "<=") };
            let first = self.operate(first, value.clone(), low.clone())?.expr;
            let second = self.operate(second, value.clone(), high.clone())?.expr;
            Ok(if negated {
                or(first, second)
            } else {
                and(first, second)
            })
        };
        let mut result = within(&low, &high)?;
        if symmetric {
            self.scope.watch.repeat(&low.expr)?;
            self.scope.watch.repeat(&high.expr)?;
            let other = within(&high, &low)?;
            result = if negated {
                and(result, other)
            } else {
                or(result, other)
            };
        }
        Ok(Typed::bool(result))
    }

    fn binary_op(
        &self,
        level: &Level<'_>,
        left: &Ast,
        op: &BinaryOperator,
        right: &Ast,
    ) -> Result<Typed> {
        if let BinaryOperator::And | BinaryOperator::Or = op {
            let (word, make): (&str, fn(Expr, Expr) -> Expr) = match op {
                BinaryOperator::And => ("AND", and),
                _ => ("OR", or),
            };
            let left = self.expression(level, left)?;
            let left = self.condition(left, word)?;
            let right = self.expression(level, right)?;
            let right = self.condition(right, word)?;
            return Ok(Typed::bool(make(left, right)));
        }
        if let BinaryOperator::Overlaps = op {
            let (left, right) = (
                self.expression(level, left)?,
                self.expression(level, right)?,
            );
            return self.overlaps(left, right);
        }
        if *op == BinaryOperator::Eq
            && let Some(tested) = null_tested(left, right)
            && self.scope.context.settings.transforms_null_equals()
        {
            return self.expression(level, &Ast::IsNull(Box::new(tested.clone())));
        }
        let mut sign = sign(op)?;
        // A sign at the end of an operator of plain letters is the operand's: `a->-1`.
        let signed = match sign.strip_suffix('-') {
            Some(shorter)
                if !shorter.is_empty()
                    && !sign.starts_with('\0')
                    && !shorter.contains(['~', '!', '@', '#', '%', '^', '&', '|', '`', '?']) =>
            {
                sign = shorter.to_owned();
                Some(Ast::UnaryOp {
                    op: UnaryOperator::Minus,
                    expr: Box::new(right.clone()),
                })
            }
            _ => None,
        };
        let right = signed.as_ref().unwrap_or(right);
        // A row beside a subquery: the row it gives.
        let side = |mine: &Ast, other: &Ast| match (strip(mine), strip(other)) {
            (Ast::Subquery(query), Ast::Tuple(_)) => self.row_of_subquery(level, query),
            _ => self.expression(level, mine),
        };
        let (left_value, right_value) = (side(left, right)?, side(right, left)?);
        self.operate(&sign, left_value, right_value)
    }

    fn unary_op(&self, level: &Level<'_>, op: &UnaryOperator, expr: &Ast) -> Result<Typed> {
        let sign = match op {
            UnaryOperator::Not => {
                let value = self.expression(level, expr)?;
                let value = self.condition(value, "NOT")?;
                return Ok(Typed::bool(not(value)));
            }
            // A sign belongs to the number before it, not to its power.
            UnaryOperator::Minus | UnaryOperator::Plus
                if let Ast::BinaryOp {
                    left,
                    op: BinaryOperator::PGExp,
                    right,
                } = expr =>
            {
                let base = self.unary_op(level, op, left)?;
                let exponent = self.expression(level, right)?;
                return self.operate("^", base, exponent);
            }
            UnaryOperator::Minus => {
                if let Some((text, negative)) = super::literal::signed(expr) {
                    return super::literal::number(text, !negative);
                }
                "-"
            }
            UnaryOperator::Plus => "+",
            UnaryOperator::BitwiseNot => "~",
            UnaryOperator::PGAbs => "@",
            UnaryOperator::PGSquareRoot => "|/",
            UnaryOperator::PGCubeRoot => "||/",
            UnaryOperator::Hash => "#",
            UnaryOperator::AtDashAt => "@-@",
            UnaryOperator::DoubleAt => "@@",
            UnaryOperator::PGPrefixFactorial => "!!",
            UnaryOperator::QuestionDash => "?-",
            UnaryOperator::QuestionPipe => "?|",
            other => return Err(super::operator::no_operator(&other.to_string())),
        };
        let value = self.expression(level, expr)?;
        self.prefix(sign, value)
    }

    pub(super) fn any_or_all(
        &self,
        level: &Level<'_>,
        left: &Ast,
        sign: &str,
        right: &Ast,
        all: bool,
    ) -> Result<Typed> {
        let value = self.expression(level, left)?;
        let (schema, bare) = super::routine::schema_and_sign(sign);
        if schema.is_some_and(|schema| schema != "pg_catalog") {
            let what = format!("operator {bare}, which a user made, with ANY or ALL");
            return Err(Error::unsupported(what));
        }
        let sign = bare;
        if let Ast::Subquery(query) = strip(right) {
            return self.quantified(level, value, sign, all, query);
        }
        let array = self.expression(level, right)?;
        self.over_elements(sign, all, value, array)
    }

    /// The value of an expression that is one already.
    pub(super) fn constant(&self, expr: Expr) -> Result<Option<ScalarValue>> {
        // With PostgreSQL's casts and arithmetic, as it will be computed.
        let plan = super::query::project(vec![expr.alias("value")], super::query::one_row())?;
        let plan = semantics::coerce(self.scope, plan).converted()?;
        let expr = match plan {
            LogicalPlan::Projection(mut projection) => projection.expr.remove(0).unalias(),
            _ => return Ok(None),
        };
        let simplifier = ExprSimplifier::new(
            SimplifyContext::builder()
                .with_config_options(self.scope.state.config_options().clone())
                .build(),
        );
        let simple = simplifier.simplify(expr).converted()?;
        Ok(match simple {
            Expr::Literal(value, _) => Some(value),
            _ => None,
        })
    }
}

/// An expression without parentheses around it.
pub(in crate::engine) fn strip(expression: &Ast) -> &Ast {
    match expression {
        Ast::Nested(inner) => strip(inner),
        other => other,
    }
}

/// Takes the mark of BETWEEN SYMMETRIC off the start of an expression.
pub(super) fn take_mark(expression: &mut Ast) -> bool {
    match expression {
        Ast::UnaryOp {
            op: UnaryOperator::PGPrefixFactorial,
            expr,
        } => {
            *expression = expr.as_ref().clone();
            true
        }
        Ast::BinaryOp { left, .. } => take_mark(left),
        Ast::Cast { expr, .. } | Ast::Collate { expr, .. } => take_mark(expr),
        Ast::AtTimeZone { timestamp, .. } => take_mark(timestamp),
        Ast::CompoundFieldAccess { root, .. } => take_mark(root),
        _ => false,
    }
}

/// What is compared with a NULL that is written.
fn null_tested<'a>(left: &'a Ast, right: &'a Ast) -> Option<&'a Ast> {
    let is_null =
        |side: &Ast| matches!(strip(side), Ast::Value(value) if value.value == Value::Null);
    match (is_null(left), is_null(right)) {
        (_, true) => Some(left),
        (true, false) => Some(right),
        (false, false) => None,
    }
}

/// An operator's sign.
pub(in crate::engine) fn sign(op: &BinaryOperator) -> Result<String> {
    Ok(match op {
        BinaryOperator::PGCustomBinaryOperator(parts) => match parts.as_slice() {
            [sign] => sign.clone(),
            [schema, sign] => super::routine::with_schema(schema, sign),
            parts => return Err(super::operator::no_operator(&parts.join("."))),
        },
        BinaryOperator::Custom(sign) => sign.clone(),
        BinaryOperator::PGLikeMatch => "~~".to_owned(),
        BinaryOperator::PGBitwiseXor => "#".to_owned(),
        BinaryOperator::PGExp | BinaryOperator::BitwiseXor => "^".to_owned(),
        other => other.to_string(),
    })
}
