//! DROP SCHEMA, TABLE, VIEW, FOREIGN TABLE.

use super::{drop_tag, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, ObjectId, Relation, RelationKind};
use crate::database::LockMode;
use crate::engine::command::{Drop, ObjectKind, ObjectName};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// DROP. Whoever may drop an object may drop what depends on it too, if CASCADE says so.
    pub(in crate::session) async fn drop_objects(
        &mut self,
        drop: &Drop,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let done = tag(drop_tag(drop.kind));
        let context = self.context()?;
        let mut roots = Vec::new();
        for name in &drop.names {
            match named(&context, drop.kind, name) {
                Ok(object) if !roots.contains(&object) => roots.push(object),
                Ok(_) => {}
                Err(error) if drop.if_exists && is_missing(&error) => {
                    self.notice(format!("{}, skipping", error.message()));
                }
                Err(error) => return Err(error),
            }
        }
        if roots.is_empty() {
            return Ok(done);
        }
        let mut needs = Vec::new();
        for root in &roots {
            needs.extend(privileges::needs_of(
                &context.snapshot,
                context.role,
                &Change::Drop(*root),
            ));
        }
        privileges::authorize(&context.snapshot, &needs, ())?;
        let before = context.snapshot.dependants_closure(&roots)?;
        for change in &before.changes {
            if let Change::Drop(ObjectId::Relation(oid)) = change {
                self.lock(*oid, LockMode::Exclusive, run.interrupt).await?;
            }
        }
        let context = self.context()?;
        let closure = context.snapshot.dependants_closure(&roots)?;
        let changes = if drop.cascade {
            if let Some(notice) = closure.notice(&context.snapshot) {
                self.report(notice);
            }
            closure.changes
        } else {
            // In the closure's order, so that objects named together may depend on one another; what else depends on
            // them makes the catalog refuse.
            closure
                .changes
                .into_iter()
                .filter(|change| matches!(change, Change::Drop(object) if roots.contains(object)))
                .collect()
        };
        self.push_needing(changes, &needs)?;
        Ok(done)
    }
}

/// The object a name means, of the kind the statement says.
pub(super) fn named(
    context: &StatementContext,
    kind: ObjectKind,
    name: &ObjectName,
) -> Result<ObjectId> {
    match kind {
        ObjectKind::Schema => context
            .snapshot
            .must_schema(&name.name)
            .map(|schema| ObjectId::Schema(schema.oid)),
        ObjectKind::Database => {
            if name.name == context.snapshot.database().name {
                return Ok(ObjectId::Database);
            }
            Err(Error::new(
                SqlState::INVALID_CATALOG_NAME,
                format!("database \"{}\" does not exist", name.name),
            ))
        }
        ObjectKind::Table | ObjectKind::View | ObjectKind::ForeignTable => {
            let relation = context
                .snapshot
                .resolve_relation(&context.search_path, name.schema.as_deref(), &name.name)
                .map_err(|error| missing(context, kind, name, error))?;
            if kind_of(relation) != kind {
                let word = word(kind_of(relation));
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a {}", relation.name, word_of(kind)),
                )
                .hint(format!(
                    "Use DROP {word} to remove a {}.",
                    relation.kind_name()
                )));
            }
            Ok(ObjectId::Relation(relation.oid))
        }
    }
}

/// DROP says which kind of object is missing, and of a missing schema that the schema is.
fn missing(context: &StatementContext, kind: ObjectKind, name: &ObjectName, error: Error) -> Error {
    if error.state() != SqlState::UNDEFINED_TABLE {
        return error;
    }
    match &name.schema {
        Some(schema) if context.snapshot.schema_named(schema).is_none() => Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" does not exist"),
        ),
        // Only the bare name, as PostgreSQL has it.
        Some(_) | None => Error::new(
            SqlState::UNDEFINED_TABLE,
            format!("{} \"{}\" does not exist", word_of(kind), name.name),
        ),
    }
}

/// Whether an error says that something is not there, which IF EXISTS lets pass.
pub(super) fn is_missing(error: &Error) -> bool {
    [
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_OBJECT,
        SqlState::INVALID_SCHEMA_NAME,
    ]
    .contains(&error.state())
}

/// What kind of object a relation is.
pub(super) fn kind_of(relation: &Relation) -> ObjectKind {
    match relation.kind {
        RelationKind::Table { .. } => ObjectKind::Table,
        RelationKind::View(_) => ObjectKind::View,
        RelationKind::Foreign { .. } => ObjectKind::ForeignTable,
    }
}

fn word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Schema => "SCHEMA",
        ObjectKind::Table => "TABLE",
        ObjectKind::View => "VIEW",
        ObjectKind::ForeignTable => "FOREIGN TABLE",
        ObjectKind::Database => "DATABASE",
    }
}

/// The kind as messages have it.
pub(super) fn word_of(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Schema => "schema",
        ObjectKind::Table => "table",
        ObjectKind::View => "view",
        ObjectKind::ForeignTable => "foreign table",
        ObjectKind::Database => "database",
    }
}
