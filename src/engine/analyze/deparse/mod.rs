//! Expressions as PostgreSQL keeps and shows them (`ruleutils.c`): every literal has its type,
//! every conversion is written, and forms that stand for others (BETWEEN, IN, LIKE) are those
//! others.
//!
//! The tree that is made here means what the one it is made of means, wherever and whenever it is
//! read: no types are left to be found. What is not known to be written so is refused, and whoever
//! asked keeps the author's text.

mod call;
mod composed;
mod constant;
mod operator;

use std::ops::ControlFlow;

use sqlparser::ast::{
    self, BinaryOperator, CastKind, Expr as Ast, Ident, UnaryOperator, Value, Visit, Visitor,
};

use super::Analyst;
use super::coerce::array_element;
use super::expression::strip;
use super::level::{Clause, Level};
use super::names::is_call;
use super::typed::Typed;
use crate::base::{Error, Result};
use crate::engine::expression_kind::ExpressionKind;
use crate::engine::parse::{fold, parse_expression};
use crate::pg_catalog::{names, volatility};
use crate::types::PgType;

/// An expression that is written out.
#[derive(Debug, Clone)]
pub(crate) struct Deparsed {
    /// As it is written.
    pub(in crate::engine) ast: Ast,
    /// Whether it always comes to the same.
    pub(in crate::engine) immutable: bool,
    /// Whether it calls functions that are their bodies: whether those come to the same is to be
    /// seen in the plan.
    pub(in crate::engine) inlines: bool,
}

/// An expression as it is written out, and the value it is of.
#[derive(Clone)]
struct Written {
    ast: Ast,
    value: Typed,
}

/// How deep expressions may be that are written out: each level is analysed again for those around
/// it.
const DEPTH_MAX: usize = 32;

/// How deep an expression is, up to a limit; the levels of AND and OR, whose types are known, do
/// not count.
fn depth(of: &Ast, limit: usize) -> usize {
    struct Depth {
        now: usize,
        deepest: usize,
        limit: usize,
    }
    impl Visitor for Depth {
        type Break = ();

        fn pre_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
            self.now += weight(expr);
            self.deepest = self.deepest.max(self.now);
            match self.deepest >= self.limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn post_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
            self.now -= weight(expr);
            ControlFlow::Continue(())
        }
    }
    fn counts(expr: &Ast) -> bool {
        let logic = |op: &BinaryOperator| matches!(op, BinaryOperator::And | BinaryOperator::Or);
        match expr {
            Ast::Nested(_) => false,
            Ast::BinaryOp { op, .. } => !logic(op),
            _ => true,
        }
    }
    // What these test stands in what they become several times.
    fn weight(expr: &Ast) -> usize {
        match expr {
            Ast::Between { .. } => 6,
            Ast::InList { .. } => 3,
            expr => usize::from(counts(expr)),
        }
    }
    let mut depth = Depth {
        now: 0,
        deepest: 0,
        limit,
    };
    let _ = of.visit(&mut depth);
    depth.deepest
}

/// What has no written form here.
fn not_written() -> Error {
    Error::unsupported("this in an expression that is written out")
}

impl Analyst<'_> {
    /// The expressions that are kept, of which a SELECT was made, written out: its condition, or
    /// else its columns. `None` for what is not written so.
    pub(super) fn deparsed(
        &self,
        level: &Level<'_>,
        kind: ExpressionKind,
        select: &ast::Select,
    ) -> Vec<Option<Deparsed>> {
        let columns = select.projection.iter().filter_map(|item| match item {
            ast::SelectItem::UnnamedExpr(expression) => Some(expression),
            _ => None,
        });
        let expressions: Vec<&Ast> = match &select.selection {
            Some(condition) => vec![condition],
            None => columns.collect(),
        };
        let one = |expression: &&Ast| {
            if depth(expression, DEPTH_MAX) >= DEPTH_MAX {
                return None;
            }
            self.shared.mutable.set(false);
            self.shared.inlines.set(false);
            let written = self.written(level, expression).ok()?;
            let condition = kind.is_condition() && written.value.is_unknown();
            let wanted = if condition {
                PgType::BOOL
            } else {
                written.value.ty
            };
            let ast = match written.value.is_unknown() && !condition {
                // What it is depends on who uses it.
                true => None,
                false => self.as_type(written, wanted).ok(),
            }?;
            let immutable = !self.shared.mutable.get();
            Some(Deparsed {
                ast,
                immutable,
                inlines: self.shared.inlines.get(),
            })
        };
        expressions.iter().map(one).collect()
    }

    /// Notes that something is in what is written out, which always comes to the same or does not.
    pub(super) fn note(&self, immutable: bool) {
        if !immutable {
            self.shared.mutable.set(true);
        }
    }

    fn written(&self, level: &Level<'_>, expression: &Ast) -> Result<Written> {
        let value = || self.expression(level, expression);
        let condition = |inner: &Ast| -> Result<Box<Ast>> {
            let written = self.written(level, inner)?;
            Ok(Box::new(self.as_type(written, PgType::BOOL)?))
        };
        // A truth value over the same columns, without analysing all of it again.
        let truth = |ast: Ast, of: Vec<Typed>| {
            let value = of.into_iter().map(|value| value.expr);
            let value = value.reduce(super::typed::and);
            let value = value.unwrap_or_else(|| super::typed::boolean(None));
            Ok(Written {
                ast,
                value: Typed::bool(value),
            })
        };
        let ast = match expression {
            Ast::Nested(inner) => return self.written(level, inner),
            Ast::Identifier(ident) if is_call(ident) => {
                self.note(false);
                expression.clone()
            }
            Ast::Identifier(ident) => {
                let value = value()?;
                let is_row = value.row.is_some() || value.ty.is_composite();
                let of_trigger = level.clause.get() == Clause::Of(ExpressionKind::TriggerWhen);
                if value.row.is_some() && !(of_trigger && is_row) {
                    return Err(not_written());
                }
                let ast = Ast::Identifier(plain(ident));
                return Ok(Written { ast, value });
            }
            Ast::CompoundIdentifier(parts) => return self.qualified_name(level, parts),
            Ast::CompoundFieldAccess { root, access_chain } => {
                self.accessed(level, root, access_chain)?
            }
            Ast::Value(_) | Ast::TypedString(_) | Ast::Interval(_) => {
                return self.literal_written(value()?);
            }
            Ast::IsNull(inner) => Ast::IsNull(Box::new(self.tested(level, inner)?)),
            Ast::IsNotNull(inner) => Ast::IsNotNull(Box::new(self.tested(level, inner)?)),
            Ast::IsTrue(inner) => Ast::IsTrue(condition(inner)?),
            Ast::IsNotTrue(inner) => Ast::IsNotTrue(condition(inner)?),
            Ast::IsFalse(inner) => Ast::IsFalse(condition(inner)?),
            Ast::IsNotFalse(inner) => Ast::IsNotFalse(condition(inner)?),
            Ast::IsUnknown(inner) => Ast::IsUnknown(condition(inner)?),
            Ast::IsNotUnknown(inner) => Ast::IsNotUnknown(condition(inner)?),
            Ast::IsDistinctFrom(left, right) => self.distinct_written(level, left, right)?,
            Ast::IsNotDistinctFrom(left, right) => {
                negated(self.distinct_written(level, left, right)?)
            }
            Ast::InList {
                expr,
                list,
                negated,
            } => self.listed(level, expr, list, *negated)?,
            Ast::Between {
                expr,
                negated,
                low,
                high,
            } => self.between_written(level, expr, low, high, *negated)?,
            Ast::BinaryOp {
                left,
                op: op @ (BinaryOperator::And | BinaryOperator::Or),
                right,
            } => {
                let (one, other) = (self.written(level, left)?, self.written(level, right)?);
                let values = vec![one.value.clone(), other.value.clone()];
                let other = self.as_type(other, PgType::BOOL)?;
                let other = match (right.as_ref(), other) {
                    // Only what stands to the left is one chain with what follows.
                    (Ast::Nested(_), inner @ Ast::BinaryOp { .. }) => Ast::Nested(Box::new(inner)),
                    (_, other) => other,
                };
                let one = self.as_type(one, PgType::BOOL)?;
                return truth(binary(one, op.clone(), other), values);
            }
            Ast::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => negated(*condition(expr)?),
            Ast::BinaryOp { left, op, right } => {
                return self.operation(level, expression, left, op, right);
            }
            Ast::UnaryOp { op, expr } => return self.prefixed(level, expression, op, expr),
            Ast::Like { .. } | Ast::ILike { .. } | Ast::SimilarTo { .. } => {
                self.matched(level, expression)?
            }
            Ast::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified_written(level, left, compare_op, right, false)?,
            Ast::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified_written(level, left, compare_op, right, true)?,
            Ast::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                ..
            } => return self.cast_of(level, expr, data_type),
            Ast::Collate { expr, collation } => {
                let inner = self.written(level, expr)?;
                let inner = self.as_settled(inner)?;
                Ast::Collate {
                    expr: Box::new(inner),
                    collation: collation.clone(),
                }
            }
            Ast::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                let otherwise = else_result.as_deref();
                self.case_written(level, operand.as_deref(), conditions, otherwise)?
            }
            Ast::Tuple(items) if !items.is_empty() => {
                let items = items.iter().map(|item| self.field_written(level, item));
                Ast::Tuple(items.collect::<Result<_>>()?)
            }
            Ast::Array(array) => {
                let ty = value()?.ty.unmodified();
                self.array_written(level, &array.elem, ty)?
            }
            Ast::Function(function) => self.called_written(level, function)?,
            Ast::AtTimeZone { .. }
            | Ast::Extract { .. }
            | Ast::Ceil { .. }
            | Ast::Floor { .. }
            | Ast::Position { .. }
            | Ast::Substring { .. }
            | Ast::Trim { .. }
            | Ast::Overlay { .. }
            | Ast::IsNormalized { .. } => self.form_written(level, expression)?,
            _ => return Err(not_written()),
        };
        let value = value()?;
        Ok(Written { ast, value })
    }

    /// A field of a row that is written; of whole rows there it is not said what they come to.
    fn field_written(&self, level: &Level<'_>, item: &Ast) -> Result<Ast> {
        let written = self.written(level, item)?;
        match written.value.row.is_some() && matches!(written.ast, Ast::Identifier(_)) {
            true => Err(not_written()),
            false => self.as_settled(written),
        }
    }

    /// A value as it is tested for NULL: a row field by field.
    fn tested(&self, level: &Level<'_>, inner: &Ast) -> Result<Ast> {
        let written = self.written(level, inner)?;
        self.as_settled(written)
    }

    /// A column by its own name where all columns are of one table; one of a trigger's rows by its
    /// row.
    fn qualified_name(&self, level: &Level<'_>, parts: &[Ident]) -> Result<Written> {
        let [.., of, column] = parts else {
            return Err(not_written());
        };
        let value = self.expression(level, &Ast::CompoundIdentifier(parts.to_vec()))?;
        if value.row.is_some() {
            return Err(not_written());
        }
        let ast = match level.clause.get() {
            Clause::Of(ExpressionKind::TriggerWhen) => {
                Ast::CompoundIdentifier(vec![plain(of), plain(column)])
            }
            _ => Ast::Identifier(plain(column)),
        };
        Ok(Written { ast, value })
    }

    /// A value with a type: text, if nothing says one.
    fn settled_written(&self, level: &Level<'_>, expression: &Ast) -> Result<Written> {
        let written = self.written(level, expression)?;
        if !written.value.is_unknown() {
            return Ok(written);
        }
        let value = self.settled(written.value.clone())?;
        let ast = self.as_type(written, PgType::TEXT)?;
        Ok(Written { ast, value })
    }

    fn as_settled(&self, written: Written) -> Result<Ast> {
        match written.value.is_unknown() {
            true => self.as_type(written, PgType::TEXT),
            false => Ok(written.ast),
        }
    }

    /// `value::data_type` as it is asked for.
    fn cast_of(&self, level: &Level<'_>, expr: &Ast, data_type: &ast::DataType) -> Result<Written> {
        let to = self.resolve_type(data_type)?;
        let whole = Ast::Cast {
            kind: CastKind::DoubleColon,
            expr: Box::new(expr.clone()),
            data_type: data_type.clone(),
            array: false,
            format: None,
        };
        let value = self.expression(level, &whole)?;
        if let (Ast::Array(array), Some(_)) = (strip(expr), array_element(to.undomained()))
            && to.domain.is_none()
        {
            let own = match expr {
                // What varchars that are compared as texts are shown as.
                Ast::Nested(_) if to.element() == Some(PgType::TEXT) => {
                    let whole = self.expression(level, expr)?;
                    Some(whole.ty).filter(|ty| ty.element() == Some(PgType::VARCHAR))
                }
                _ => None,
            };
            let ast = self.array_written(level, &array.elem, own.unwrap_or(to))?;
            let ast = match own.is_some() || array.elem.is_empty() {
                true => self.cast_to(ast, to)?,
                false => ast,
            };
            return Ok(Written { ast, value });
        }
        let written = match super::literal::negative_literal(expr) {
            Some(literal) => self.literal_written(literal?)?,
            None => self.written(level, expr)?,
        };
        if written.value.is_unknown() {
            if to.domain.is_some() {
                return Err(not_written());
            }
            let ast = self.constant_cast(&written.value, to)?;
            return Ok(Written { ast, value });
        }
        let from = written.value.ty;
        let same = from.declared() == to.declared() && (to.typmod == from.typmod);
        let ast = match same || from.declared() == to.declared() && is_number(&written.ast, to) {
            true => written.ast,
            false => {
                self.note(volatility::is_immutable_cast(from, to));
                self.cast_to(written.ast, to)?
            }
        };
        Ok(Written { ast, value })
    }

    /// A value as one of a type that something asks for.
    fn as_type(&self, written: Written, to: PgType) -> Result<Ast> {
        if written.value.is_unknown() {
            return match to.domain {
                Some(_) => Err(not_written()),
                None => self.constant_cast(&written.value, to.unmodified()),
            };
        }
        match written.value.ty.declared() == to.declared() {
            true => Ok(written.ast),
            false => {
                self.note(volatility::is_immutable_cast(written.value.ty, to));
                self.cast_to(written.ast, to.unmodified())
            }
        }
    }

    /// A value as one of a type with a length.
    fn as_cut(&self, written: Written, to: PgType) -> Result<Ast> {
        if written.value.is_unknown() {
            return self.constant_cast(&written.value, to);
        }
        let from = written.value.ty;
        if from.declared() == to.declared() && from.typmod == to.typmod {
            return Ok(written.ast);
        }
        self.note(volatility::is_immutable_cast(from, to));
        self.cast_to(written.ast, to)
    }

    fn cast_to(&self, ast: Ast, to: PgType) -> Result<Ast> {
        Ok(Ast::Cast {
            kind: CastKind::DoubleColon,
            expr: Box::new(ast),
            data_type: self.type_written(to)?,
            array: false,
            format: None,
        })
    }

    /// A type by its full name.
    fn type_written(&self, ty: PgType) -> Result<ast::DataType> {
        let context = self.scope.context.under_system_path();
        let name = names::written(&context, ty);
        match parse_expression(&format!("NULL::{name}"))? {
            Ast::Cast { data_type, .. } => Ok(data_type),
            _ => Err(not_written()),
        }
    }
}

/// A name as it is found: quoted if it would mean something else otherwise.
fn plain(ident: &Ident) -> Ident {
    // The value that a domain's check is about.
    if ident.quote_style.is_none() && ident.value == "VALUE" {
        return Ident::new("VALUE");
    }
    let name = fold(ident);
    match crate::base::name::quote(&name) == name {
        true => Ident::new(name),
        false => Ident::with_quote('"', name),
    }
}

/// Whether this is a number of a type as it is, which a cast to that type says nothing about.
fn is_number(ast: &Ast, to: PgType) -> bool {
    to.typmod < 0 && matches!(ast, Ast::Value(value) if matches!(value.value, Value::Number(..)))
}

fn binary(left: Ast, op: BinaryOperator, right: Ast) -> Ast {
    Ast::BinaryOp {
        left: Box::new(left),
        op,
        right: Box::new(right),
    }
}

fn negated(ast: Ast) -> Ast {
    Ast::UnaryOp {
        op: UnaryOperator::Not,
        expr: Box::new(ast),
    }
}
