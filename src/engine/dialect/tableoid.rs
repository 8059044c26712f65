//! `tableoid`: the hidden column that says which relation a row is of. In one SELECT it is a
//! constant for each relation of
//! FROM, so it becomes one.

use std::ops::ControlFlow;

use sqlparser::ast::{
    CastKind, DataType, Expr, Ident, ObjectName, ObjectNamePart, Select, SelectItem, TableFactor,
    TableWithJoins, Value, VisitMut, VisitorMut,
};

use super::relations::joined;
use crate::base::Oid;
use crate::engine::parse::fold;
use crate::engine::scope::Scope;
use crate::engine::source::RelationBody;

const NAME: &str = "tableoid";

/// Puts constants for `tableoid` and `alias.tableoid` into a SELECT.
pub(super) fn normalise(scope: &Scope<'_>, select: &mut Select) {
    let mut relations = Vec::new();
    for item in &select.from {
        collect(scope, item, &mut relations);
    }
    if relations.is_empty() {
        return;
    }
    for item in &mut select.projection {
        // The output keeps its name.
        if let SelectItem::UnnamedExpr(expression) = item
            && is_tableoid(expression)
        {
            *item = SelectItem::ExprWithAlias {
                expr: expression.clone(),
                alias: Ident::new(NAME),
            };
        }
    }
    let _ = VisitMut::visit(
        select,
        &mut Constants {
            relations: &relations,
        },
    );
}

fn is_tableoid(expression: &Expr) -> bool {
    match expression {
        Expr::Identifier(ident) => fold(ident) == NAME,
        Expr::CompoundIdentifier(parts) => parts.last().is_some_and(|part| fold(part) == NAME),
        _ => false,
    }
}

/// The relations of FROM that have OIDs, by the names they go under.
fn collect(scope: &Scope<'_>, item: &TableWithJoins, relations: &mut Vec<(String, Oid)>) {
    let factors =
        std::iter::once(&item.relation).chain(item.joins.iter().map(|join| &join.relation));
    for factor in factors {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                ..
            } => {
                if let Some(oid) = relation_oid(scope, name) {
                    let alias = alias.as_ref().map(|alias| fold(&alias.name));
                    let last = name.0.last().map(|part| match part {
                        ObjectNamePart::Identifier(ident) => fold(ident),
                        ObjectNamePart::Function(function) => function.to_string(),
                    });
                    relations.extend(alias.or(last).map(|name| (name, oid)));
                }
            }
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => collect(scope, table_with_joins, relations),
            _ => {}
        }
    }
}

fn relation_oid(scope: &Scope<'_>, name: &ObjectName) -> Option<Oid> {
    let name = joined(name);
    let (schema, name) = match name.split_once('.') {
        Some((schema, name)) => (Some(schema), name),
        None => (None, name.as_str()),
    };
    match scope.find(schema, name)?.body {
        RelationBody::System(relation) if relation.kind == 'r' => Some(relation.oid),
        RelationBody::Stored(relation) if relation.relkind() != 'v' => Some(relation.oid),
        RelationBody::System(_)
        | RelationBody::Stored(_)
        | RelationBody::Local(_)
        | RelationBody::Function(..) => None,
    }
}

struct Constants<'a> {
    relations: &'a [(String, Oid)],
}

impl VisitorMut for Constants<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if !is_tableoid(expression) {
            return ControlFlow::Continue(());
        }
        let found = match &*expression {
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [.., relation, _] => {
                    let relation = fold(relation);
                    self.relations.iter().find(|(name, _)| *name == relation)
                }
                _ => None,
            },
            _ => match self.relations {
                [only] => Some(only),
                _ => None,
            },
        };
        if let Some((_, oid)) = found {
            *expression = Expr::Cast {
                kind: CastKind::DoubleColon,
                expr: Box::new(Expr::Value(
                    Value::SingleQuotedString(oid.to_string()).into(),
                )),
                data_type: DataType::Custom(ObjectName::from(vec![Ident::new("oid")]), Vec::new()),
                array: false,
                format: None,
            };
        }
        ControlFlow::Continue(())
    }
}
