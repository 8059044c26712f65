//! The unique indexes that ON CONFLICT is about.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, BinaryOperator, Expr};

use super::kept::Inferred;
use super::target::{self, at};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Index, IndexedBy, Relation};
use crate::engine::analyze::strip;
use crate::engine::command::Inference;
use crate::engine::layout::is_written;
use crate::engine::parse::parse_expression;
use crate::engine::{Engine, ExpressionKind};
use crate::statement::StatementContext;

/// What ON CONFLICT names, made out.
#[derive(Default)]
pub(super) struct Target {
    /// Columns.
    columns: BTreeSet<i16>,
    expressions: Vec<Inferred>,
    /// Conditions that all hold.
    conditions: Vec<Inferred>,
}

impl Engine {
    /// What ON CONFLICT names of a table, without the name of a constraint.
    ///
    /// # Errors
    /// `42703`
    pub(super) async fn conflict_target(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        inference: &Inference,
    ) -> Result<Target> {
        let (mut columns, mut expressions) = (BTreeSet::new(), Vec::new());
        for element in &inference.elements {
            match element {
                Expr::Identifier(ident) => {
                    let name = target::fold(ident);
                    let column = relation.column(&name).ok_or_else(|| {
                        let error = Error::new(
                            SqlState::UNDEFINED_COLUMN,
                            format!("column \"{name}\" does not exist"),
                        );
                        at(error, usize::try_from(ident.span.start.column).ok())
                    })?;
                    columns.insert(column.attnum);
                }
                expr => expressions.push(expr.clone()),
            }
        }
        let conditions = inference.predicate.clone().map(conjuncts);
        let conditions = conditions.unwrap_or_default();
        let (of_index, of_where) = (
            ExpressionKind::IndexExpression,
            ExpressionKind::IndexPredicate,
        );
        Ok(Target {
            columns,
            expressions: self
                .inferred(of_index, context, relation, expressions)
                .await,
            conditions: self.inferred(of_where, context, relation, conditions).await,
        })
    }
}

/// The indexes; none, if the statement does not say and any will do.
///
/// # Errors
/// `42P10`, `42704`, `42703`; `55000` for constraints that are not checked at once.
pub(super) fn arbiters(
    context: &StatementContext,
    relation: &Relation,
    on: &ast::OnConflict,
    target: Option<&Target>,
) -> Result<Vec<Oid>> {
    let found: Vec<&Index> = match (&on.conflict_target, target) {
        (_, Some(target)) => inferred(context, relation, target)?,
        (Some(ast::ConflictTarget::OnConstraint(name)), None) => vec![named(relation, name)?],
        _ => Vec::new(),
    };
    let minded: Vec<&Index> = match found.is_empty() {
        true => relation.constraints.unique().collect(),
        false => found.clone(),
    };
    if let Some(index) = minded.iter().find(|index| index.timing.is_deferrable()) {
        let place = context.snapshot.qualified_name(relation);
        return Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as \
             arbiters",
        )
        .table(place.schema, place.name)
        .constraint(&index.name));
    }
    Ok(found.iter().map(|index| index.oid).collect())
}

/// The index of a constraint.
fn named<'r>(relation: &'r Relation, name: &ast::ObjectName) -> Result<&'r Index> {
    let name = target::column_name(name, relation)?;
    let found = relation
        .constraints
        .unique()
        .find(|index| index.constraint.is_some() && index.name == name && !index.invalid);
    found.ok_or_else(|| {
        if relation.constraints.is_named(&name) {
            return Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                "constraint in ON CONFLICT clause has no associated index",
            );
        }
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "constraint \"{name}\" for table \"{}\" does not exist",
                relation.name
            ),
        )
    })
}

/// The indexes over exactly these columns and expressions, of rows among which are all those that
/// WHERE holds for.
fn inferred<'r>(
    context: &StatementContext,
    relation: &'r Relation,
    target: &Target,
) -> Result<Vec<&'r Index>> {
    let mut found = Vec::new();
    for index in relation.constraints.unique().filter(|of| !of.invalid) {
        let (mut own, mut columns) = (Vec::new(), BTreeSet::new());
        for part in &index.parts {
            match &part.of {
                IndexedBy::Column(attnum) => {
                    columns.insert(*attnum);
                }
                IndexedBy::Expression(text) => own.push(Kept::of(context, text)?),
            }
        }
        let holds = match &index.predicate {
            None => true,
            Some(text) => {
                let own = Kept::conditions(context, text)?;
                own.iter()
                    .all(|kept| target.conditions.iter().any(|given| kept.is(given)))
            }
        };
        let given = &target.expressions;
        let same = given
            .iter()
            .all(|given| own.iter().any(|kept| kept.is(given)))
            && own
                .iter()
                .all(|kept| given.iter().any(|given| kept.is(given)));
        if columns == target.columns && same && holds {
            found.push(index);
        }
    }
    if found.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_COLUMN_REFERENCE,
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        ));
    }
    Ok(found)
}

/// An expression of an index.
struct Kept {
    expression: Expr,
    /// Whether it was written out; else it is in its author's words.
    is_written: bool,
}

impl Kept {
    fn of(context: &StatementContext, text: &str) -> Result<Self> {
        let expression = parse_expression(text)?;
        Ok(Self {
            is_written: is_written(context, text, &expression, false),
            expression,
        })
    }

    /// Conditions that all hold.
    fn conditions(context: &StatementContext, text: &str) -> Result<Vec<Self>> {
        let whole = Self::of(context, text)?;
        let is_written = whole.is_written;
        let conditions = conjuncts(whole.expression).into_iter();
        let conditions = conditions.map(|expression| Self {
            expression,
            is_written,
        });
        Ok(conditions.collect())
    }

    /// Whether it is what ON CONFLICT names.
    fn is(&self, given: &Inferred) -> bool {
        let written = given.written.as_deref();
        match written.and_then(|text| parse_expression(text).ok()) {
            Some(written) if self.is_written => {
                strip(&self.expression).to_string() == strip(&written).to_string()
            }
            _ => plain(self.expression.clone()) == plain(given.given.clone()),
        }
    }
}

/// The conditions that must all hold.
fn conjuncts(expr: Expr) -> Vec<Expr> {
    match expr {
        Expr::Nested(inner) => conjuncts(*inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => {
            let mut all = conjuncts(*left);
            all.extend(conjuncts(*right));
            all
        }
        expr => vec![expr],
    }
}

/// An expression's text in a form that is the same for all ways to write names.
fn plain(mut expr: Expr) -> String {
    while let Expr::Nested(inner) = expr {
        expr = *inner;
    }
    let name = |ident: &ast::Ident| target::quoted(&target::fold(ident));
    let _: ControlFlow<()> = ast::visit_expressions_mut(&mut expr, |expr| {
        while let Expr::Nested(inner) = expr {
            let inner = std::mem::replace(inner.as_mut(), Expr::Wildcard(empty()));
            *expr = inner;
        }
        match expr {
            Expr::Identifier(ident) => *ident = name(ident),
            Expr::CompoundIdentifier(parts) => {
                if let Some(last) = parts.last() {
                    *expr = Expr::Identifier(name(last));
                }
            }
            Expr::Function(function) => {
                // Kept expressions name users' functions in full.
                function
                    .name
                    .0
                    .drain(..function.name.0.len().saturating_sub(1));
                if let [ast::ObjectNamePart::Identifier(ident)] = function.name.0.as_mut_slice() {
                    *ident = name(ident);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    });
    expr.to_string()
}

fn empty() -> ast::helpers::attached_token::AttachedToken {
    ast::helpers::attached_token::AttachedToken::empty()
}
