//! Views whose tables are called otherwise: a view keeps its text, so the text is written anew.
//!
//! What a view reads keeps the name the view knows it by as an alias, and its columns theirs. A
//! body that does not mean the same afterwards is refused.

use super::constraint::shown;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Change, Column, ObjectId, Relation, View};
use crate::engine::{parse_query, redirect};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};
use crate::statement::StatementContext;

use std::sync::Arc;

/// The bodies of the views that read `table`, as they must be once `changes` are made to it.
pub(super) fn reworded(
    context: &StatementContext,
    table: Oid,
    changes: &[Change],
) -> Result<Vec<(Oid, Change)>> {
    let snapshot = &context.snapshot;
    let Some(relation) = snapshot.relation(table) else {
        return Ok(Vec::new());
    };
    let after = snapshot.apply(changes)?;
    let Some(new) = after.relation(table) else {
        return Ok(Vec::new());
    };
    let name = after.qualified_name(new).to_string();
    let mut reworded = Vec::new();
    for reader in snapshot.dependants(table) {
        let Some(view) = reader.view() else { continue };
        let with = source(relation, new, view, &name);
        let is_meant = |schema: Option<&str>, name: &str| {
            name == relation.name && means(context, view, schema, relation)
        };
        let change = Change::Reword {
            oid: reader.oid,
            was: view.query.clone(),
            query: redirect(&view.query, is_meant, &with)?,
        };
        reworded.push((reader.oid, change));
    }
    Ok(reworded)
}

/// The bodies of the views that read tables of a schema, as they must be once it is called `to`.
pub(super) fn reworded_for_schema(
    context: &StatementContext,
    schema: Oid,
    to: &str,
) -> Result<Vec<(Oid, Change)>> {
    let snapshot = &context.snapshot;
    let Some(old) = snapshot.schema(schema) else {
        return Ok(Vec::new());
    };
    let mut reworded = Vec::new();
    for reader in snapshot.relations() {
        let Some(view) = reader.view() else { continue };
        let reads = view.depends_on.iter();
        let reads = reads.filter_map(|oid| snapshot.relation(*oid));
        let reads: Vec<_> = reads.filter(|read| read.schema == schema).collect();
        if reads.is_empty() {
            continue;
        }
        let mut query = view.query.clone();
        for read in reads {
            let is_meant = |schema: Option<&str>, name: &str| {
                schema == Some(old.name.as_str()) && name == read.name
            };
            let with = format!("{}.{}", shown(to), shown(&read.name));
            query = redirect(&query, is_meant, &with)?;
        }
        let change = Change::Reword {
            oid: reader.oid,
            was: view.query.clone(),
            query,
        };
        reworded.push((reader.oid, change));
    }
    Ok(reworded)
}

/// What stands in FROM for the table: its new name, or where columns are called otherwise a query
/// that gives those that the body names their old names. Those it does not name may go one day.
fn source(old: &Relation, new: &Relation, view: &View, name: &str) -> String {
    let next = view.next_attnums.get(&old.oid).copied().unwrap_or(i16::MAX);
    let columns = old.columns.iter().filter(|column| column.attnum < next);
    let pairs: Vec<(&Column, &Column)> = columns
        .filter_map(|then| {
            let now = new.columns.iter().find(|c| c.attnum == then.attnum)?;
            Some((now, then))
        })
        .collect();
    if pairs.iter().all(|(now, then)| now.name == then.name) {
        return name.to_owned();
    }
    let list: Vec<String> = pairs
        .iter()
        .filter(|(_, then)| view.names_column(old.oid, then.attnum))
        .map(|(now, then)| match now.name == then.name {
            true => shown(&now.name),
            false => format!("{} AS {}", shown(&now.name), shown(&then.name)),
        })
        .collect();
    format!("(SELECT {} FROM {name})", list.join(", "))
}

/// Whether a name in a view's body, with or without a schema, is the name of `relation`.
fn means(
    context: &StatementContext,
    view: &View,
    schema: Option<&str>,
    relation: &Relation,
) -> bool {
    let snapshot = &context.snapshot;
    if let Some(schema) = schema {
        return snapshot.schema_named(schema).map(|s| s.oid) == Some(relation.schema);
    }
    // The first of the view's schemas that has one of what the view reads under this name.
    let mut schemas = view
        .search_path
        .iter()
        .filter_map(|schema| snapshot.schema_named(schema))
        .map(|schema| schema.oid);
    let first = schemas.find_map(|schema| {
        let found = snapshot.relation_named(schema, &relation.name)?;
        view.depends_on.contains(&found.oid).then_some(found.oid)
    });
    first.is_none_or(|first| first == relation.oid)
}

impl Session {
    /// Binds views that were written anew: they must give the columns they gave.
    pub(super) async fn check_reworded(&mut self, views: &[Oid], run: &Run<'_>) -> Result<()> {
        if views.is_empty() {
            return Ok(());
        }
        let context = self.context()?;
        for oid in views {
            let Some(relation) = context.snapshot.relation(*oid) else {
                continue;
            };
            let Some(view) = relation.view() else {
                continue;
            };
            let owner = Arc::new(StatementContext {
                role: relation.owner,
                search_path: privileges::search_path(
                    &context.snapshot,
                    relation.owner,
                    &view.search_path,
                    context.search_path.temporary,
                ),
                ..StatementContext::clone(&context)
            });
            let query = parse_query(&view.query)?;
            let engine = self.shared.engine.clone();
            let work = engine.bind_view(&owner, &query, view);
            let same = match interruptible(run.interrupt, work).await {
                Ok(bound) => {
                    bound.columns.len() == relation.columns.len()
                        && bound
                            .columns
                            .iter()
                            .zip(&relation.columns)
                            .all(|(now, then)| now.ty == then.ty)
                        && view.depends_on.iter().all(|oid| bound.reads.contains(oid))
                }
                Err(_) => false,
            };
            if !same {
                return Err(Error::unsupported(format!(
                    "calling otherwise what {} reads",
                    context.snapshot.describe(ObjectId::Relation(*oid))
                ))
                .hint("Drop the view first and create it again afterwards."));
            }
        }
        Ok(())
    }
}
