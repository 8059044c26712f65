//! Expressions that tables and functions keep: defaults, checks, generated columns, indexes.
//!
//! They mean for ever what they meant when they were made, whatever search path whoever uses them
//! has. So the users' functions and types they name are written under their full names, and where
//! they are used every bare name is PostgreSQL's.

use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, DataType, Expr, ObjectName, ObjectNamePart, SelectItem};
use sqlparser::tokenizer::Span;

use super::rules::{conditional, over_row};
use super::target;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result};
use crate::catalog::user_type::made_of;
use crate::catalog::{Relation, Routine, without_stars};
use crate::engine::analyze::strip;
use crate::engine::layout::layout;
use crate::engine::parse::{parse_expression, replaced, written_type};
use crate::engine::{Bound, Engine, ExpressionKind};
use crate::pg_catalog::names;
use crate::statement::StatementContext;
use crate::types::PgType;

impl Engine {
    /// An expression as it is kept; it may name the columns of `relation`.
    ///
    /// # Errors
    /// As binding a query over it.
    pub async fn kept(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: Option<&Arc<Relation>>,
        text: &str,
    ) -> Result<String> {
        let expression = parse_expression(text)?;
        let bound = self.bind_alone(kind, context, relation, expression).await?;
        check_kept(context, &bound)?;
        match self.written_out(kind, context, relation, &bound).await {
            Some(text) => Ok(text),
            None => Ok(in_full(context, &parse_expression(text)?, &bound.called, text).0),
        }
    }

    /// A query of the one expression that is to be kept.
    async fn bind_alone(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: Option<&Arc<Relation>>,
        expression: Expr,
    ) -> Result<Bound> {
        let outside = context.outside();
        let bound = match (relation, kind) {
            (Some(relation), ExpressionKind::Policy) => {
                let (query, local) = conditional(relation, expression);
                self.bind_as(kind, context, &query, &[local]).await
            }
            (Some(relation), _) => {
                let (query, local) = over_row(relation, vec![expression]);
                self.bind_as(kind, &outside, &query, &[local]).await
            }
            (None, ExpressionKind::TriggerWhen) => {
                let query = target::select(vec![nothing()], Vec::new(), Some(expression));
                self.bind_as(kind, context, &query, &[]).await
            }
            (None, _) => {
                let items = vec![SelectItem::UnnamedExpr(expression)];
                let query = target::select(items, Vec::new(), None);
                self.bind_as(kind, &outside, &query, &[]).await
            }
        };
        bound.map_err(Error::without_position)
    }

    /// The last expression of a bound query as PostgreSQL would write it, with the full names of
    /// what users made; `None` where that is not known, or does not read as what it was made of.
    pub(super) async fn written_out(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: Option<&Arc<Relation>>,
        bound: &Bound,
    ) -> Option<String> {
        let text = written(kind, context, bound)?;
        let expression = match kind {
            ExpressionKind::TriggerWhen => parse_expression(&without_stars(&text)).ok()?,
            _ => parse_expression(&text).ok()?,
        };
        let again = self
            .bind_alone(kind, context, relation, expression)
            .await
            .ok()?;
        let types = |bound: &Bound| -> Vec<PgType> {
            let columns = bound.columns.iter();
            columns.map(|column| column.ty).collect()
        };
        // A literal is no truth value until a condition asks for one.
        let alike = kind.is_condition() || types(&again) == types(bound);
        let same = alike && written(kind, context, &again)? == text;
        same.then_some(text)
    }
}

/// An expression of ON CONFLICT.
pub(super) struct Inferred {
    /// As its author wrote it.
    pub(super) given: Expr,
    /// As the expressions of indexes are kept; `None` where it is not written so.
    pub(super) written: Option<String>,
}

impl Engine {
    /// Expressions of ON CONFLICT, to be found among those of indexes.
    pub(super) async fn inferred(
        self: &Arc<Self>,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        given: Vec<Expr>,
    ) -> Vec<Inferred> {
        let mut inferred = Vec::with_capacity(given.len());
        for given in given {
            let bound = self.bind_alone(kind, context, Some(relation), given.clone());
            // What cannot be bound is found by its author's words, or not at all.
            let bound = bound.await.ok();
            let written = bound.and_then(|bound| written(kind, context, &bound));
            inferred.push(Inferred { given, written });
        }
        inferred
    }
}

/// A default for what is of a type: a quoted literal is one of that type, whatever it is of.
///
/// # Errors
/// As parsing it.
pub fn typed_default(context: &StatementContext, text: &str, ty: Oid) -> Result<String> {
    let expression = parse_expression(text)?;
    let literal = match strip(&expression) {
        Expr::Value(value) => matches!(
            value.value,
            ast::Value::SingleQuotedString(_)
                | ast::Value::EscapedStringLiteral(_)
                | ast::Value::DollarQuotedString(_)
        ),
        _ => false,
    };
    if !literal || Routine::is_polymorphic(ty) {
        return Ok(text.to_owned());
    }
    let ty = context.snapshot.value_type(ty);
    let system = context.under_system_path();
    let name = names::written(&system, ty.plain());
    Ok(format!("({text})::{name}"))
}

/// What the query of a condition answers.
pub(super) fn nothing() -> SelectItem {
    SelectItem::UnnamedExpr(Expr::value(ast::Value::Boolean(true)))
}

/// The last expression of a bound query, written out.
fn written(kind: ExpressionKind, context: &StatementContext, bound: &Bound) -> Option<String> {
    let system = context.under_system_path();
    let deparsed = bound.deparsed.last()?.as_ref()?;
    let rows = kind == ExpressionKind::TriggerWhen;
    let text = layout(&system, &deparsed.ast, false, rows)?;
    Some(text.trim_start().to_owned())
}

/// The text of an expression as it is kept: with the full names of the users' types that stand in
/// it and of the functions that it calls. Gives these types, too.
pub(super) fn in_full(
    context: &StatementContext,
    expression: &Expr,
    called: &[(Span, (Oid, String))],
    text: &str,
) -> (String, Vec<Oid>) {
    let mut types = Vec::new();
    let mut full = Vec::new();
    for (span, name, ty) in types_in(context, expression) {
        types.push(ty);
        full.push((span, name));
    }
    let called = called.iter();
    full.extend(called.map(|(span, (schema, name))| (*span, full_name(context, *schema, name))));
    (replaced(text, full), types)
}

/// `0A000` for an expression with an operator or a cast that a user made: neither would be found
/// where the expression is used.
pub(super) fn check_kept(context: &StatementContext, bound: &Bound) -> Result<()> {
    let snapshot = &context.snapshot;
    let mut used = bound
        .reads
        .iter()
        .filter_map(|oid| snapshot.definition(*oid));
    match used.next() {
        Some(of) => Err(Error::unsupported(format!(
            "{}, which a user made, in an expression that is kept",
            snapshot.definition_name(of, None)
        ))
        .hint("Call its function.")),
        None => Ok(()),
    }
}

/// Where users' types stand under their bare names, their full names, and which they are.
pub(super) fn types_in(context: &StatementContext, expression: &Expr) -> Vec<(Span, String, Oid)> {
    let mut full = Vec::new();
    let _: ControlFlow<()> = ast::visit_expressions(expression, |expression| {
        let written = match expression {
            Expr::Cast { data_type, .. } => Some(data_type),
            Expr::TypedString(typed) => Some(&typed.data_type),
            _ => None,
        };
        if let Some(written) = written
            && let Some(name) = custom(written)
            && let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && let Ok(ty) = written_type(&DataType::Custom(name.clone(), Vec::new()))
            && let Ok(ty) = ty.resolve(&context.snapshot, &context.search_path)
            && let Some(oid) = made_of(ty)
        {
            let own = context.snapshot.user_type(oid);
            let own = own.map(|ty| (ty.schema, ty.name.as_str()));
            let rows = || {
                let relation = context.snapshot.relation_with_rows(oid)?;
                Some((relation.schema, relation.name.as_str()))
            };
            let found = own.or_else(rows);
            full.extend(found.map(|(schema, name)| {
                let name = full_name(context, schema, name);
                (ident.span, name, oid)
            }));
        }
        ControlFlow::Continue(())
    });
    full
}

/// The name of a type that is not one of SQL's own, or of what an array of it has.
pub(in crate::engine) fn custom(written: &DataType) -> Option<&ObjectName> {
    match written {
        DataType::Custom(name, _) => Some(name),
        DataType::Array(
            ast::ArrayElemTypeDef::SquareBracket(element, _)
            | ast::ArrayElemTypeDef::AngleBracket(element)
            | ast::ArrayElemTypeDef::Parenthesis(element),
        ) => custom(element),
        _ => None,
    }
}

pub(in crate::engine) fn full_name(context: &StatementContext, schema: Oid, name: &str) -> String {
    let schema = context.snapshot.schema(schema);
    let schema = schema.map_or("?", |schema| schema.name.as_str());
    format!("{}.{}", quote(schema), quote(name))
}
