//! INSERT … ON CONFLICT: rows that meet one with the same key are dropped, or change that one.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema};
use sqlparser::ast::{self, SelectItem};

use super::names::Names;
use super::rekey::changed_columns;
use super::returning::Side;
use super::rows;
use super::security::{Kind, Security};
use super::set::{assigned_columns, check_list};
use super::target::{self, position};
use super::values::{Parameters, given_types, is_untyped};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{PolicyCommand, Privilege, Relation};
use crate::engine::local::own_column;
use crate::engine::scan::family_schema;
use crate::engine::{Bound, Engine};
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

/// The rows met, beside those proposed.
pub(super) const MET: &str = "\0met";
/// Number of a proposed row.
const NUMBER: &str = "\0number";

/// A bound ON CONFLICT.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    /// The indexes minded; all of them, if none is named.
    pub(super) arbiters: Vec<Oid>,
    pub(super) update: Option<Update>,
}

/// DO UPDATE
#[derive(Debug, Clone)]
pub(super) struct Update {
    /// Number of the proposed row, then the values of the columns assigned, of rows that WHERE lets
    /// through.
    pub(super) query: Bound,
    pub(super) sides: Vec<Side>,
    /// Columns assigned, in the query's order; the type of each, `None` for an untyped literal.
    pub(super) assigned: Vec<(usize, Option<PgType>)>,
    /// What row security asks of the rows met.
    pub(super) met: Option<Box<Security>>,
    /// What it asks of what becomes of them.
    pub(super) new: Option<Box<Security>>,
}

impl Update {
    /// The columns that get other values.
    pub(super) fn changed(&self, relation: &Relation) -> Vec<i16> {
        changed_columns(relation, self.assigned.iter().map(|(index, _)| *index))
    }
}

impl Conflict {
    /// Asks of rows that are changed what the table's policies ask of `role`.
    pub(super) async fn secure(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        role: Oid,
        reads: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let Some(update) = &mut self.update else {
            return Ok(());
        };
        let select = reads.then_some((PolicyCommand::Select, true));
        let mut asked = vec![(PolicyCommand::Update, true)];
        asked.extend(select);
        update.met = engine
            .bind_security(context, relation, role, Kind::Met, &asked, needs)
            .await?;
        let mut asked = vec![(PolicyCommand::Update, false)];
        asked.extend(select);
        update.new = engine
            .bind_security(context, relation, role, Kind::New, &asked, needs)
            .await?;
        Ok(())
    }

    /// Whether rows of the table may change.
    pub(super) fn updates(&self) -> bool {
        self.update.is_some()
    }

    /// The columns that DO UPDATE assigns to.
    pub(super) fn assigned(&self, relation: &Relation) -> Vec<i16> {
        let update = self.update.as_ref();
        update.map_or_else(Vec::new, |update| update.changed(relation))
    }

    /// Every query in it.
    pub(super) fn queries(&mut self) -> impl Iterator<Item = &mut Bound> {
        self.update.iter_mut().map(|update| &mut update.query)
    }
}

/// The columns that DO UPDATE sets.
pub(super) fn set_on_conflict(relation: &Relation, on: &ast::OnConflict) -> BTreeSet<i16> {
    match &on.action {
        ast::OnConflictAction::DoUpdate(update) => target::assigned(relation, &update.assignments),
        ast::OnConflictAction::DoNothing => BTreeSet::new(),
    }
}

impl Engine {
    /// Binds ON CONFLICT.
    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    pub(super) async fn bind_conflict(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        insert: &ast::Insert,
        on: &ast::OnConflict,
        arbiters: Vec<Oid>,
        names: &Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Conflict> {
        let keys = relation.constraints.indexes.iter();
        let keys = keys.filter(|index| arbiters.contains(&index.oid));
        let read: BTreeSet<i16> = keys.flat_map(|index| index.columns()).collect();
        let ast::OnConflictAction::DoUpdate(update) = &on.action else {
            // Whether a row is there is read of its key.
            if !read.is_empty() {
                let need = target::needs_columns(context, relation, Privilege::Select, read);
                needs.push(need);
            }
            return Ok(Conflict {
                arbiters,
                update: None,
            });
        };
        if arbiters.is_empty() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            )
            .hint("For example, ON CONFLICT (column_name)."));
        }
        let alias = insert.table_alias.as_ref();
        let alias = alias.map_or_else(|| relation.name.clone(), |a| target::fold(&a.alias));
        let set = target::assigned(relation, &update.assignments);
        for (privilege, columns) in [(Privilege::Update, set), (Privilege::Select, read)] {
            let need = target::needs_columns(context, relation, privilege, columns);
            needs.push(need);
        }
        let mut proposed = owned(&rows::schema(relation));
        // Rows of a partitioned table say which partition they are of.
        let fields = match relation.is_partitioned() {
            true => owned(&family_schema(relation, &[])),
            false => proposed.clone(),
        };
        proposed.push(Field::new(NUMBER, DataType::Int64, false));
        let sides = vec![
            Side {
                alias,
                fields,
                relation: relation.oid,
                origins: target::origins_of(relation),
            },
            Side {
                alias: "excluded".to_owned(),
                fields: proposed,
                relation: relation.oid,
                origins: target::origins_of(relation),
            },
        ];
        let mut items = vec![SelectItem::UnnamedExpr(own_column("excluded", NUMBER))];
        let mut assigned = Vec::new();
        let mut places = Vec::new();
        let old = |name: &str| own_column(&sides[0].alias, name);
        let assignments = update.assignments.clone();
        for (index, expr) in assigned_columns(context, relation, assignments, old)? {
            let column = &relation.columns[index];
            assigned.push((index, is_untyped(context, column, &expr, parameters)?));
            places.push(position(&expr));
            items.push(SelectItem::UnnamedExpr(expr));
        }
        let selection = update.selection.clone();
        let query = self
            .bind_over(context, items, &sides, selection, names, MET, parameters)
            .await?;
        check_list(&query, assigned.len() + 1)?;
        needs.extend(query.needs.iter().cloned());
        let given = assigned.iter().zip(places);
        let given =
            given.map(|((index, untyped), place)| (&relation.columns[*index], *untyped, place));
        let types = given_types(&context.snapshot, &query, 1, given)?;
        let indexes = assigned.iter().map(|(index, _)| *index);
        let types = indexes.zip(types).collect();
        Ok(Conflict {
            arbiters,
            update: Some(Update {
                query,
                sides,
                assigned: types,
                met: None,
                new: None,
            }),
        })
    }
}

fn owned(schema: &Schema) -> Vec<Field> {
    let fields = schema.fields.iter();
    fields.map(|field| field.as_ref().clone()).collect()
}
