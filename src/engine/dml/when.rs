//! WHEN of triggers: conditions over `old` and `new`, which are the variables of whoever asks. They
//! are bound when the trigger is made, and kept with the full names of what of users they name.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, Expr};

use super::kept::{check_kept, in_full, nothing};
use super::target;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Condition, Firing, Relation, SearchPath, TriggerEvent, without_stars};
use crate::engine::analyze::SYSTEM_COLUMNS;
use crate::engine::bind::bind;
use crate::engine::guard::is_of_schema;
use crate::engine::parse::{fold, parse_expression};
use crate::engine::planning::Watch;
use crate::engine::scope::Scope;
use crate::engine::{Bound, Engine, ExpressionKind};
use crate::statement::StatementContext;

/// Of what trigger a condition is.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// When it fires.
    pub when: Firing,
    /// What it fires on.
    pub events: &'a [TriggerEvent],
    /// Whether for each row.
    pub row: bool,
}

impl Engine {
    /// WHEN of a trigger of `relation` as it is kept. `old` and `new` are arguments of the context.
    ///
    /// # Errors
    /// As binding a query, with PostgreSQL's words for triggers; `42P17` for rows that such a
    /// trigger has not.
    pub async fn trigger_condition(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        asked: Asked<'_>,
        text: &str,
    ) -> Result<Condition> {
        let expression = parse_expression(&without_stars(text))?;
        let columns = named_columns(relation, asked, &expression)?;
        let query = target::select(vec![nothing()], Vec::new(), Some(expression.clone()));
        let kind = ExpressionKind::TriggerWhen;
        let bound = self.bind_as(kind, context, &query, &[]).await;
        let bound = bound.map_err(Error::without_position)?;
        check_kept(context, &bound)?;
        let written = self.written_out(kind, context, None, &bound).await;
        let (text, types) = match &written {
            Some(text) => in_full(context, &parse_expression(&without_stars(text))?, &[], text),
            None => in_full(context, &expression, &bound.called, text),
        };
        let snapshot = &context.snapshot;
        let routines = bound.reads.iter().copied();
        Ok(Condition {
            text,
            names: BTreeMap::from([(relation.oid, columns)]),
            routines: routines
                .filter(|oid| snapshot.routine(*oid).is_some())
                .collect(),
            types,
        })
    }

    /// A condition as a query that answers a row if it is true. Bare names are PostgreSQL's, and
    /// nobody is asked whether they may look into the schemas of the others.
    ///
    /// # Errors
    /// As [`Engine::bind`].
    pub async fn bind_trigger_condition(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        condition: &Condition,
    ) -> Result<Bound> {
        let text = without_stars(&condition.text);
        let query = self.parsed(&format!("SELECT true WHERE ({text})"))?;
        let (engine, context) = (Arc::clone(self), Arc::clone(context));
        let interrupt = context.interrupt.clone();
        let bound = self.on_runtime(Some(&interrupt), async move {
            let watch = Watch::new(context.interrupt.clone());
            let scope = Scope {
                context: &context,
                role: context.role,
                path: &SearchPath::only_system(),
                local: &[],
                view: None,
                state: &engine.template,
                watch: &watch,
                inside: None,
                kind: None,
            };
            bind(&scope, &query, &[])
        });
        let mut bound = bound.await.map_err(Error::without_position)?;
        bound.needs.retain(|need| !is_of_schema(need));
        Ok(bound)
    }
}

/// The columns of `old` and `new` that a condition names.
///
/// # Errors
/// `42P17` for rows that there are none of; `42703` and `42702` for what is no column, or of which
/// row is not said; `0A000` for subqueries.
fn named_columns(
    relation: &Relation,
    asked: Asked<'_>,
    expression: &Expr,
) -> Result<BTreeSet<i16>> {
    let mut columns = BTreeSet::new();
    let visited = ast::visit_expressions(expression, |part| {
        match named(relation, asked, part) {
            Ok(found) => columns.extend(found),
            Err(error) => return ControlFlow::Break(error),
        }
        ControlFlow::Continue(())
    });
    match visited {
        ControlFlow::Break(error) => Err(error.without_position()),
        ControlFlow::Continue(()) => Ok(columns),
    }
}

fn named(relation: &Relation, asked: Asked<'_>, part: &Expr) -> Result<Option<i16>> {
    match part {
        Expr::Subquery(_) | Expr::Exists { .. } | Expr::InSubquery { .. } => {
            Err(ExpressionKind::TriggerWhen.no_subquery())
        }
        Expr::Value(value) => match &value.value {
            ast::Value::Placeholder(name) => Err(Error::new(
                SqlState::UNDEFINED_PARAMETER,
                format!("there is no parameter {name}"),
            )),
            _ => Ok(None),
        },
        Expr::Identifier(ident) => {
            let name = fold(ident);
            match row_of(&name) {
                Some(is_new) => whole(relation, asked, is_new).map(|()| None),
                None if relation.column(&name).is_some() => Err(Error::new(
                    SqlState::AMBIGUOUS_COLUMN,
                    format!("column reference \"{name}\" is ambiguous"),
                )),
                None => Ok(None),
            }
        }
        Expr::CompoundIdentifier(parts) => match parts.as_slice() {
            [row, column, ..] => match row_of(&fold(row)) {
                Some(is_new) => column_of(relation, asked, is_new, &fold(column)).map(Some),
                None => Ok(None),
            },
            _ => Ok(None),
        },
        _ => Ok(None),
    }
}

/// Whether a name is that of a row, and whether of the new one.
fn row_of(name: &str) -> Option<bool> {
    match name {
        "old" => Some(false),
        "new" => Some(true),
        _ => None,
    }
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::INVALID_OBJECT_DEFINITION, message)
}

/// `42P17` for a row that such a trigger has not.
fn check_row(asked: Asked<'_>, is_new: bool) -> Result<()> {
    if !asked.row {
        return Err(wrong(
            "statement trigger's WHEN condition cannot reference column values",
        ));
    }
    let events = asked.events;
    if !is_new && events.contains(&TriggerEvent::Insert) {
        return Err(wrong(
            "INSERT trigger's WHEN condition cannot reference OLD values",
        ));
    }
    if is_new && events.contains(&TriggerEvent::Delete) {
        return Err(wrong(
            "DELETE trigger's WHEN condition cannot reference NEW values",
        ));
    }
    Ok(())
}

fn whole(relation: &Relation, asked: Asked<'_>, is_new: bool) -> Result<()> {
    check_row(asked, is_new)?;
    let mut columns = relation.columns.iter();
    let generated = columns.any(|column| column.expression().is_some());
    match is_new && asked.when == Firing::Before && generated {
        true => Err(generated_early()
            .detail("A whole-row reference is used and the table contains generated columns.")),
        false => Ok(()),
    }
}

fn column_of(relation: &Relation, asked: Asked<'_>, is_new: bool, name: &str) -> Result<i16> {
    check_row(asked, is_new)?;
    let early = is_new && asked.when == Firing::Before;
    let Some(column) = relation.column(name) else {
        let row = if is_new { "new" } else { "old" };
        return Err(match SYSTEM_COLUMNS.contains(&name) {
            true if early => Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "BEFORE trigger's WHEN condition cannot reference NEW system columns",
            ),
            true => Error::unsupported(format!("column {name} in WHEN of a trigger")),
            false => Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column {row}.{name} does not exist"),
            ),
        });
    };
    match early && column.expression().is_some() {
        true => Err(generated_early().detail(format!("Column \"{name}\" is a generated column."))),
        false => Ok(column.attnum),
    }
}

fn generated_early() -> Error {
    wrong("BEFORE trigger's WHEN condition cannot reference NEW generated columns")
}
