//! Expressions as PostgreSQL keeps and shows them (`ruleutils.c`): every literal has its type,
//! every conversion is written, and forms that stand for others (BETWEEN, IN, LIKE) are those
//! others.
//!
//! The tree that is made here means what the one it is made of means, wherever and whenever it is
//! read: no types are left to be found. What is not known to be written so is refused, and whoever
//! asked keeps the author's text.

mod call;
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
use crate::statement::StatementContext;
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
            self.now += usize::from(counts(expr));
            self.deepest = self.deepest.max(self.now);
            match self.deepest >= self.limit {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        }

        fn post_visit_expr(&mut self, expr: &Ast) -> ControlFlow<()> {
            self.now -= usize::from(counts(expr));
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
                let right = match (right.as_ref(), *condition(right)?) {
                    // Only what stands to the left is one chain with what follows.
                    (Ast::Nested(_), inner @ Ast::BinaryOp { .. }) => Ast::Nested(Box::new(inner)),
                    (_, right) => right,
                };
                binary(*condition(left)?, op.clone(), right)
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
                let items = items.iter().map(|item| {
                    let written = self.written(level, item)?;
                    self.as_settled(written)
                });
                Ast::Tuple(items.collect::<Result<_>>()?)
            }
            Ast::Array(array) => self.array_written(level, &array.elem, value()?.ty)?,
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

    /// `array[i]`, `array[i:j]`, `(row).field`
    fn accessed(&self, level: &Level<'_>, root: &Ast, chain: &[ast::AccessExpr]) -> Result<Ast> {
        let index = |index: &Ast| -> Result<Ast> {
            let written = self.written(level, index)?;
            self.as_type(written, PgType::INT4)
        };
        let bound = |bound: &Option<Ast>| bound.as_ref().map(index).transpose();
        let written = self.written(level, root)?;
        if array_element(written.value.ty).is_none() && !written.value.ty.is_composite() {
            return Err(not_written());
        }
        let chain = chain.iter().map(|access| {
            Ok(match access {
                ast::AccessExpr::Dot(Ast::Identifier(name)) => {
                    ast::AccessExpr::Dot(Ast::Identifier(plain(name)))
                }
                ast::AccessExpr::Dot(_) => return Err(not_written()),
                ast::AccessExpr::Subscript(ast::Subscript::Index { index: at }) => {
                    let at = ast::Subscript::Index { index: index(at)? };
                    ast::AccessExpr::Subscript(at)
                }
                ast::AccessExpr::Subscript(ast::Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride: None,
                }) => ast::AccessExpr::Subscript(ast::Subscript::Slice {
                    lower_bound: bound(lower_bound)?,
                    upper_bound: bound(upper_bound)?,
                    stride: None,
                }),
                ast::AccessExpr::Subscript(_) => return Err(not_written()),
            })
        });
        let root = match written.ast {
            column @ Ast::Identifier(_) if !written.value.ty.is_composite() => column,
            other => Ast::Nested(Box::new(other)),
        };
        Ok(Ast::CompoundFieldAccess {
            root: Box::new(root),
            access_chain: chain.collect::<Result<_>>()?,
        })
    }

    /// `ARRAY[…]` of a type: its elements are of the element's.
    fn array_written(&self, level: &Level<'_>, elements: &[Ast], ty: PgType) -> Result<Ast> {
        let element = array_element(ty).ok_or_else(not_written)?;
        let elements = elements.iter().map(|item| match strip(item) {
            Ast::Array(inner) => self.array_written(level, &inner.elem, ty),
            item => {
                let written = self.written(level, item)?;
                match array_element(written.value.ty) {
                    Some(_) => Err(not_written()),
                    None => self.as_type(written, element.unmodified()),
                }
            }
        });
        Ok(Ast::Array(ast::Array {
            elem: elements.collect::<Result<_>>()?,
            named: true,
        }))
    }

    /// CASE, whose results are of the type they have in common.
    fn case_written(
        &self,
        level: &Level<'_>,
        operand: Option<&Ast>,
        conditions: &[ast::CaseWhen],
        otherwise: Option<&Ast>,
    ) -> Result<Ast> {
        let operand = match operand {
            Some(operand) => Some(self.settled_written(level, operand)?),
            None => None,
        };
        let mut results = Vec::with_capacity(conditions.len() + 1);
        results.push(match otherwise {
            Some(otherwise) => self.written(level, otherwise)?,
            None => Written {
                ast: Ast::value(Value::Null),
                value: super::typed::unknown(None),
            },
        });
        let mut whens = Vec::with_capacity(conditions.len());
        for branch in conditions {
            let condition = self.written(level, &branch.condition)?;
            whens.push(match &operand {
                Some(operand) => {
                    let (_, right) = self.taken("=", &operand.value, &condition.value)?;
                    self.as_operand(condition, right)?
                }
                None => self.as_type(condition, PgType::BOOL)?,
            });
            results.push(self.written(level, &branch.result)?);
        }
        let mut results = self.written_alike(results, "CASE")?.into_iter();
        let else_result = results.next().map(Box::new);
        let whens = whens.into_iter().zip(results);
        Ok(Ast::Case {
            case_token: ast::helpers::attached_token::AttachedToken::empty(),
            end_token: ast::helpers::attached_token::AttachedToken::empty(),
            operand: operand.map(|operand| Box::new(operand.ast)),
            conditions: whens
                .map(|(condition, result)| ast::CaseWhen { condition, result })
                .collect(),
            else_result,
        })
    }

    /// Values as the type they have in common.
    fn written_alike(&self, values: Vec<Written>, context: &str) -> Result<Vec<Ast>> {
        let all: Vec<&Typed> = values.iter().map(|one| &one.value).collect();
        let ty = self.common_type(&all, context)?;
        let values = values.into_iter();
        values.map(|one| self.as_type(one, ty)).collect()
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
        let context = StatementContext {
            search_path: crate::catalog::SearchPath::only_system(),
            ..(**self.scope.context).clone()
        };
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
