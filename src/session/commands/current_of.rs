//! WHERE CURRENT OF: the row that a cursor is on.
//!
//! Rows are stored anew beside others that are changed, so no place of a row outlives a statement.
//! A cursor over one table therefore reads what tells the table's rows apart beside what it shows,
//! and the row is found by that: by the primary key, or by all columns of one of several rows that
//! are alike in all of them, which nobody can tell from each other. A row that something else than
//! the cursor changed or deleted may not be found any more; nothing is answered then.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::ArrayRef;
use sqlparser::ast::{self, SelectItem, SetExpr, TableFactor};

use crate::base::name::{quote, quote_literal};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{IndexedBy, Relation, RelationKind};
use crate::engine::command::{Dml, DmlAction};
use crate::engine::{CurrentOf, fold, object_name, parse_expression, with_condition};
use crate::pg_catalog::names::{self, Names};
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::session::portal::{Hold, Portal, Progress};
use crate::statement::{ArgumentNames, StatementContext, Variable};
use crate::types::PgType;
use crate::types::text::TextColumn;

/// What a cursor knows of the rows of the table it goes over.
#[derive(Debug)]
pub(in crate::session) struct Traced {
    table: Oid,
    /// The columns that tell them apart, which the cursor's query ends with.
    pub(in crate::session) columns: Vec<(String, PgType)>,
    /// Whether no two rows are alike in them.
    unique: bool,
    /// What became of rows that were changed through the cursor, by their numbers in it.
    changed: HashMap<u64, Changed>,
}

/// What became of a row.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changed {
    Deleted,
    /// It is another in what it was told by.
    Renamed,
}

/// A statement for the row that a cursor is on.
#[derive(Debug)]
pub(super) struct OfCurrent {
    /// The statement, whose condition is that row's.
    pub(super) dml: Dml,
    cursor: String,
    /// The row's number.
    number: u64,
    /// What becomes of it.
    becomes: Option<Changed>,
}

impl Session {
    /// The statement over the row that the cursor it names is on; `None` if it names none.
    ///
    /// # Errors
    /// `34000` no such cursor, `24000` a cursor that is on no row of the table.
    pub(super) fn of_current(
        &self,
        context: &Arc<StatementContext>,
        dml: &Dml,
        run: &Run<'_>,
    ) -> Result<Option<OfCurrent>> {
        let Some(current) = CurrentOf::of(dml) else {
            return Ok(None);
        };
        let cursor = match self.cursor_variable(context, &fold(current.cursor), run)? {
            Some(named) => named,
            None => fold(current.cursor),
        };
        let wrong = |what: String| Error::new(SqlState::INVALID_CURSOR_STATE, what);
        let portal = self.portals.get(&cursor).ok_or_else(|| {
            let message = format!("cursor \"{cursor}\" does not exist");
            Error::new(SqlState::INVALID_CURSOR_NAME, message)
        })?;
        let name = object_name(&current.table)?;
        let relation = context.snapshot.resolve_relation(
            &context.search_path,
            name.schema.as_deref(),
            &name.name,
        )?;
        if relation.view().is_some() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "WHERE CURRENT OF on a view is not implemented",
            ));
        }
        if portal.hold == Hold::Held {
            return Err(wrong(format!(
                "cursor \"{cursor}\" is held from a previous transaction"
            )));
        }
        let strange = || {
            wrong(format!(
                "cursor \"{cursor}\" is not a simply updatable scan of table \"{}\"",
                relation.name
            ))
        };
        let unplaced = || wrong(format!("cursor \"{cursor}\" is not positioned on a row"));
        let Progress::Suspended(state) = &portal.progress else {
            return Err(unplaced());
        };
        let traced = state.traced.as_ref().ok_or_else(strange)?;
        if traced.table != relation.oid {
            return Err(strange());
        }
        let (number, row) = state.place.current().ok_or_else(unplaced)?;
        let condition = match traced.changed.get(&number) {
            Some(Changed::Deleted) => "false".to_owned(),
            Some(Changed::Renamed) => return Err(lost(&cursor)),
            None => {
                let shown = row.num_columns().checked_sub(traced.columns.len());
                let shown = shown.ok_or_else(strange)?;
                let texts = texts(context, traced, &row.columns()[shown..])?;
                traced.condition(context, relation, &current.called.to_string(), &texts)
            }
        };
        let renames = current.set.iter().any(|name| {
            let named = name.0.first().and_then(|part| part.as_ident()).map(fold);
            !traced.unique
                || traced
                    .columns
                    .iter()
                    .any(|(column, _)| named.as_ref() == Some(column))
        });
        let becomes = match &dml.action {
            DmlAction::Delete(_) => Some(Changed::Deleted),
            _ => renames.then_some(Changed::Renamed),
        };
        Ok(Some(OfCurrent {
            dml: with_condition(dml, parse_expression(&condition)?),
            cursor,
            number,
            becomes,
        }))
    }

    /// Notes what such a statement did to so many rows.
    ///
    /// # Errors
    /// `0A000` if the row was not found.
    pub(super) fn done_to_current(&mut self, of: OfCurrent, rows: u64) -> Result<()> {
        let Some(Portal {
            progress: Progress::Suspended(state),
            ..
        }) = self.portals.find(&of.cursor)
        else {
            return Ok(());
        };
        let Some(traced) = &mut state.traced else {
            return Ok(());
        };
        if rows == 0 && !traced.changed.contains_key(&of.number) {
            return Err(lost(&of.cursor));
        }
        if let Some(becomes) = of.becomes {
            traced.changed.entry(of.number).or_insert(becomes);
        }
        Ok(())
    }

    /// The cursor that a variable of PL/pgSQL of this name stands for.
    fn cursor_variable(
        &self,
        context: &Arc<StatementContext>,
        name: &str,
        run: &Run<'_>,
    ) -> Result<Option<String>> {
        let Some(arguments) = &self.variables else {
            return Ok(None);
        };
        let ArgumentNames::Variables(scopes) = &arguments.names else {
            return Ok(None);
        };
        let mut variables = scopes.iter().flat_map(|scope| &scope.variables);
        let Some((_, Variable::Value(index))) = variables.find(|(known, _)| known == name) else {
            return Ok(None);
        };
        let (Some(ty), Some(value)) = (arguments.types.get(*index), run.parameters.get(*index))
        else {
            return Ok(None);
        };
        text_of(context, value, *ty)
    }
}

/// A cursor's query that reads what tells its rows apart, too; `None` if it does not go over
/// the rows of one table, or nothing tells these apart.
pub(super) fn traced(
    context: &StatementContext,
    query: &ast::Query,
) -> Option<(ast::Query, Traced)> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let [from] = select.from.as_slice() else {
        return None;
    };
    let TableFactor::Table {
        name,
        alias,
        args: None,
        sample: None,
        ..
    } = &from.relation
    else {
        return None;
    };
    let groups = match &select.group_by {
        ast::GroupByExpr::Expressions(items, modifiers) => {
            !items.is_empty() || !modifiers.is_empty()
        }
        ast::GroupByExpr::All(_) => true,
    };
    let renames = alias
        .as_ref()
        .is_some_and(|alias| !alias.columns.is_empty());
    let plain = query.with.is_none()
        && from.joins.is_empty()
        && select.distinct.is_none()
        && select.having.is_none()
        && !groups
        && !renames
        && context.transitions.is_empty();
    let name = object_name(name).ok().filter(|_| plain)?;
    let called = alias
        .as_ref()
        .map_or_else(|| name.name.clone(), |alias| fold(&alias.name));
    let path = &context.search_path;
    let relation = context
        .snapshot
        .resolve_relation(path, name.schema.as_deref(), &name.name)
        .ok()?;
    let all = select
        .projection
        .iter()
        .any(|item| matches!(item, SelectItem::Wildcard(_)));
    let traced = telling(context, relation, all || !query.locks.is_empty())?;
    let mut whole = query.clone();
    let SetExpr::Select(select) = whole.body.as_mut() else {
        return None;
    };
    for (column, _) in &traced.columns {
        let part = |name: &str| ast::Ident::with_quote('"', name);
        let column = ast::Expr::CompoundIdentifier(vec![part(&called), part(column)]);
        select.projection.push(SelectItem::UnnamedExpr(column));
    }
    Some((whole, traced))
}

/// What tells the rows of a table apart; without a key, all columns if `wide`.
fn telling(context: &StatementContext, relation: &Relation, wide: bool) -> Option<Traced> {
    if !matches!(relation.kind, RelationKind::Table { .. }) {
        return None;
    }
    // The key of a table says nothing of the rows of what inherits from it.
    let inherited = !context.snapshot.children(relation.oid).is_empty();
    if inherited && !relation.is_partitioned() {
        return None;
    }
    let parts = relation.constraints.primary().map(|key| &key.parts);
    let key = parts.map(|parts| {
        let attnums = parts.iter().map(|part| match part.of {
            IndexedBy::Column(attnum) => Some(attnum),
            IndexedBy::Expression(_) => None,
        });
        attnums.collect::<Option<Vec<i16>>>()
    });
    let columns = relation.columns.iter();
    let (columns, unique): (Vec<_>, bool) = match key.flatten() {
        Some(key) => (
            columns.filter(|of| key.contains(&of.attnum)).collect(),
            true,
        ),
        None if relation.is_partitioned() || !wide => return None,
        None => (columns.collect(), false),
    };
    let columns = columns.into_iter().map(|of| (of.name.clone(), of.ty));
    Some(Traced {
        table: relation.oid,
        columns: columns.collect(),
        unique,
        changed: HashMap::new(),
    })
}

impl Traced {
    /// What was deleted may be there again.
    pub(in crate::session) fn roll_back(&mut self) {
        self.changed
            .retain(|_, changed| *changed != Changed::Deleted);
    }

    /// The condition of the row with these values, of a table that is called so.
    fn condition(
        &self,
        context: &StatementContext,
        relation: &Relation,
        called: &str,
        values: &[Option<String>],
    ) -> String {
        let same = |qualifier: &str| {
            let pairs = self.columns.iter().zip(values);
            let terms = pairs.map(|((name, ty), value)| {
                let column = format!("{qualifier}.{}", quote(name));
                let Some(value) = value else {
                    return format!("{column} IS NULL");
                };
                let ty = names::written(context, *ty);
                let value = format!("CAST({} AS {ty})", quote_literal(value));
                match self.unique {
                    true => format!("{column} = {value}"),
                    // Not every type has an equality, and rows that look alike are not all equal.
                    false => format!("CAST({column} AS text) = CAST({value} AS text)"),
                }
            });
            terms.collect::<Vec<_>>().join(" AND ")
        };
        if self.unique {
            return same(called);
        }
        let table = context.snapshot.qualified_name(relation);
        format!(
            "{called}.ctid = (SELECT one.ctid FROM ONLY {table} AS one WHERE {} LIMIT 1)",
            same("one")
        )
    }
}

fn texts(
    context: &Arc<StatementContext>,
    traced: &Traced,
    row: &[ArrayRef],
) -> Result<Vec<Option<String>>> {
    let columns = traced.columns.iter().zip(row);
    columns
        .map(|((_, ty), value)| text_of(context, value, *ty))
        .collect()
}

/// The first of some values as the session shows it; `None` is NULL.
pub(in crate::session) fn text_of(
    context: &Arc<StatementContext>,
    value: &ArrayRef,
    ty: PgType,
) -> Result<Option<String>> {
    let names = Names::new(Arc::clone(context));
    let column = TextColumn::new(value.as_ref(), ty, &context.style, &names)?;
    let mut text = Vec::new();
    let there = column.write(0, &mut text)?;
    Ok(there.then(|| String::from_utf8_lossy(&text).into_owned()))
}

/// `0A000`
fn lost(cursor: &str) -> Error {
    Error::unsupported(format!(
        "WHERE CURRENT OF \"{cursor}\" of a row that was changed since it was fetched"
    ))
    .hint("Name the row by its key.")
}
