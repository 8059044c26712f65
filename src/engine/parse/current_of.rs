//! `WHERE CURRENT OF cursor`, and the table whose row it means.

use sqlparser::ast::{self, Expr, FromTable, FunctionArg, FunctionArgExpr, TableFactor};

use super::CURRENT_OF;
use super::star::without_only;
use crate::engine::command::{Dml, DmlAction};

/// An UPDATE or DELETE of the row that a cursor is on.
#[derive(Debug)]
pub struct CurrentOf<'d> {
    /// The cursor, as it is written: PL/pgSQL may have a variable of the name.
    pub cursor: &'d ast::Ident,
    /// The table.
    pub table: ast::ObjectName,
    /// What columns of the table are qualified by.
    pub called: ast::Ident,
    /// The columns that are given values.
    pub set: Vec<&'d ast::ObjectName>,
}

impl CurrentOf<'_> {
    /// What a statement says of a cursor; `None` if nothing.
    pub fn of(dml: &Dml) -> Option<CurrentOf<'_>> {
        let (selection, target, set) = match &dml.action {
            DmlAction::Update(update) => {
                let set = update.assignments.iter();
                let set = set.flat_map(|assignment| match &assignment.target {
                    ast::AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
                    ast::AssignmentTarget::Tuple(names) => names.as_slice(),
                });
                (&update.selection, &update.table, set.collect())
            }
            DmlAction::Delete(delete) => {
                let (FromTable::WithFromKeyword(from) | FromTable::WithoutKeyword(from)) =
                    &delete.from;
                (&delete.selection, from.first()?, Vec::new())
            }
            DmlAction::Insert { .. } | DmlAction::Merge(_) | DmlAction::Query(_) => return None,
        };
        let Some(Expr::Function(call)) = selection else {
            return None;
        };
        let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else {
            return None;
        };
        let ast::FunctionArguments::List(list) = &call.args else {
            return None;
        };
        let [FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Identifier(cursor)))] =
            list.args.as_slice()
        else {
            return None;
        };
        let TableFactor::Table {
            name: table, alias, ..
        } = &target.relation
        else {
            return None;
        };
        if name.value != CURRENT_OF {
            return None;
        }
        let table = without_only(table).1.into_owned();
        let called = match alias {
            Some(alias) => alias.name.clone(),
            None => table.0.last()?.as_ident()?.clone(),
        };
        Some(CurrentOf {
            cursor,
            table,
            called,
            set,
        })
    }
}

/// The statement with another condition.
pub fn with_condition(dml: &Dml, condition: Expr) -> Dml {
    let mut dml = dml.clone();
    match &mut dml.action {
        DmlAction::Update(update) => update.selection = Some(condition),
        DmlAction::Delete(delete) => delete.selection = Some(condition),
        DmlAction::Insert { .. } | DmlAction::Merge(_) | DmlAction::Query(_) => {}
    }
    dml
}
