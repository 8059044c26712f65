//! The unique indexes that ON CONFLICT is about.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{self, BinaryOperator, Expr};

use super::target::{self, at};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Index, IndexedBy, Relation};
use crate::engine::command::Inference;
use crate::engine::parse::parse_expression;
use crate::statement::StatementContext;

/// The indexes; none, if the statement does not say and any will do.
///
/// # Errors
/// `42P10`, `42704`, `42703`; `55000` for constraints that are not checked at once.
pub(super) fn arbiters(
    context: &StatementContext,
    relation: &Relation,
    on: &ast::OnConflict,
    inference: Option<&Inference>,
) -> Result<Vec<Oid>> {
    let found: Vec<&Index> = match (&on.conflict_target, inference) {
        (_, Some(inference)) => inferred(relation, inference)?,
        (Some(ast::ConflictTarget::OnConstraint(name)), None) => vec![named(relation, name)?],
        (Some(ast::ConflictTarget::Columns(names)), None) => {
            let elements = names.iter().cloned().map(Expr::Identifier).collect();
            let inference = Inference {
                elements,
                predicate: None,
            };
            inferred(relation, &inference)?
        }
        (None, None) => Vec::new(),
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
fn inferred<'r>(relation: &'r Relation, inference: &Inference) -> Result<Vec<&'r Index>> {
    let (mut columns, mut expressions) = (BTreeSet::new(), BTreeSet::new());
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
            expr => {
                expressions.insert(plain(expr.clone()));
            }
        }
    }
    let given = inference
        .predicate
        .clone()
        .map(conjuncts)
        .unwrap_or_default();
    let mut found = Vec::new();
    for index in relation.constraints.unique().filter(|of| !of.invalid) {
        let (mut own, mut own_columns) = (BTreeSet::new(), BTreeSet::new());
        for part in &index.parts {
            match &part.of {
                IndexedBy::Column(attnum) => {
                    own_columns.insert(*attnum);
                }
                IndexedBy::Expression(text) => {
                    own.insert(plain(parse_expression(text)?));
                }
            }
        }
        let holds = match &index.predicate {
            None => true,
            Some(text) => conjuncts(parse_expression(text)?).is_subset(&given),
        };
        if own_columns == columns && own == expressions && holds {
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

/// The conditions that must all hold.
fn conjuncts(expr: Expr) -> BTreeSet<String> {
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
        expr => BTreeSet::from([plain(expr)]),
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
