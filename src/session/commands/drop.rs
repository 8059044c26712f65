//! DROP SCHEMA, TABLE, VIEW, FOREIGN TABLE.

use super::alter::{index_of, owned_table};
use super::routine_alter::refuse_guesses;
use super::{drop_tag, tag};
use crate::base::error::Report;
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Cascade, Change, Dependent, ObjectId, Relation, RelationKind, Snapshot};
use crate::database::LockMode;
use crate::engine::command::{Drop, ObjectKind, ObjectName};
use crate::observe::Interrupt;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

impl Session {
    /// DROP. Whoever may drop an object may drop what depends on it too, if CASCADE says so.
    pub(in crate::session) async fn drop_objects(
        &mut self,
        drop: &Drop,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let done = tag(drop_tag(drop.kind));
        if drop.kind == ObjectKind::Index {
            self.drop_indexes(drop, run).await?;
            return Ok(done);
        }
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
        roots
            .iter()
            .try_for_each(|root| refuse_identity(&context, *root))?;
        let mut needs = Vec::new();
        for root in &roots {
            needs.extend(privileges::needs_of(
                &context.snapshot,
                context.role,
                &Change::Drop(*root),
            ));
        }
        privileges::authorize(&context.snapshot, &needs, ())?;
        let what = only(&context, &roots);
        let closure = self
            .cascade(what.as_deref(), drop.cascade, run.interrupt, |snapshot| {
                snapshot.dependants_closure(&roots)
            })
            .await?;
        self.push_needing(closure.changes, &needs)?;
        Ok(done)
    }

    /// What a drop comes to, its tables locked; the notice of what else goes is sent. `what` is
    /// dropped; `None` if it is several things.
    ///
    /// # Errors
    /// `2BP01` if something else goes and CASCADE does not say that it may.
    pub(super) async fn cascade(
        &mut self,
        what: Option<&str>,
        cascade: bool,
        interrupt: &Interrupt,
        find: impl Fn(&Snapshot) -> Result<Cascade>,
    ) -> Result<Cascade> {
        let before = find(&self.context()?.snapshot)?;
        for change in &before.changes {
            if let Change::Drop(ObjectId::Relation(oid))
            | Change::DropColumn { relation: oid, .. }
            | Change::AlterColumn { relation: oid, .. }
            | Change::DropPolicy { relation: oid, .. }
            | Change::DropConstraint { relation: oid, .. } = change
            {
                self.lock(*oid, LockMode::Exclusive, interrupt).await?;
                if let Change::Drop(_) = change {
                    self.refuse_in_use(*oid, "DROP TABLE")?;
                }
            }
        }
        let context = self.context()?;
        let closure = find(&context.snapshot)?;
        if !closure.others.is_empty() {
            if !cascade {
                return Err(still_needed(&context, what, &closure));
            }
            self.report(cascades(&context, &closure));
        }
        Ok(closure)
    }
}

impl Session {
    /// DROP INDEX
    async fn drop_indexes(&mut self, drop: &Drop, run: Run<'_>) -> Result<()> {
        for name in &drop.names {
            let context = self.context()?;
            let found = index_of(&context, name).map_err(|error| {
                if error.state() != SqlState::UNDEFINED_TABLE {
                    return error;
                }
                Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("index \"{}\" does not exist", name.name),
                )
            });
            let (table, index) = match found {
                Ok(found) => found,
                Err(error) if drop.if_exists && is_missing(&error) => {
                    self.notice(format!("{}, skipping", error.message()));
                    continue;
                }
                Err(error) => return Err(error),
            };
            owned_table(&context, &table)?;
            let described = describe(&context, ObjectId::Relation(table.oid));
            if let Some((of, whole)) = table
                .family
                .parts_of
                .get(&index)
                .and_then(|of| context.snapshot.index(*of))
            {
                return Err(Error::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!(
                        "cannot drop {} because {} requires it",
                        dependent(&context, Dependent::Index(table.oid, index)),
                        dependent(&context, Dependent::Index(of.oid, whole.oid)),
                    ),
                )
                .hint(format!("You can drop index {} instead.", whole.name)));
            }
            let constraint = table
                .constraints
                .indexes
                .iter()
                .any(|of| of.oid == index && of.constraint.is_some());
            if constraint {
                return Err(Error::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!(
                        "cannot drop index {0} because constraint {0} on {described} requires it",
                        name.name
                    ),
                )
                .hint(format!(
                    "You can drop constraint {} on {described} instead.",
                    name.name
                )));
            }
            let what = dependent(&context, Dependent::Index(table.oid, index));
            let closure = self
                .cascade(Some(&what), drop.cascade, run.interrupt, |snapshot| {
                    snapshot.constraint_closure(table.oid, index)
                })
                .await?;
            self.push_needing(closure.changes, &[])?;
        }
        Ok(())
    }

    /// Takes away what holds no rows, with what depends on it if CASCADE says so.
    pub(super) fn drop_roots(
        &mut self,
        context: &StatementContext,
        roots: &[ObjectId],
        cascade: bool,
    ) -> Result<()> {
        if roots.is_empty() {
            return Ok(());
        }
        let mut needs = Vec::new();
        for root in roots {
            let change = Change::Drop(*root);
            needs.extend(privileges::needs_of(
                &context.snapshot,
                context.role,
                &change,
            ));
        }
        privileges::authorize(&context.snapshot, &needs, ())?;
        let closure = context.snapshot.dependants_closure(roots)?;
        if !closure.others.is_empty() {
            if !cascade {
                let what = only(context, roots);
                return Err(still_needed(context, what.as_deref(), &closure));
            }
            refuse_guesses(context, roots, &closure)?;
            self.report(cascades(context, &closure));
        }
        self.push_needing(closure.changes, &needs)
    }
}

/// `2BP01` for the sequence of an identity column, which goes with the column only.
fn refuse_identity(context: &StatementContext, root: ObjectId) -> Result<()> {
    let ObjectId::Relation(oid) = root else {
        return Ok(());
    };
    let Some(relation) = context.snapshot.relation(oid) else {
        return Ok(());
    };
    let Some((table, attnum)) = relation
        .sequence()
        .filter(|sequence| sequence.identity)
        .and_then(|sequence| sequence.owned_by)
    else {
        return Ok(());
    };
    let column = context
        .snapshot
        .relation(table)
        .and_then(|table| table.columns.iter().find(|c| c.attnum == attnum))
        .map_or("?", |column| column.name.as_str());
    let table = describe(context, ObjectId::Relation(table));
    Err(Error::new(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!(
            "cannot drop {} because column {column} of {table} requires it",
            describe(context, root)
        ),
    )
    .hint(format!("You can drop column {column} of {table} instead.")))
}

/// The one object that is dropped, as messages name it; `None` if there are several.
pub(super) fn only(context: &StatementContext, roots: &[ObjectId]) -> Option<String> {
    match roots {
        [root] => Some(describe(context, *root)),
        _ => None,
    }
}

/// `2BP01`, listing all that depends on what should be dropped.
pub(super) fn still_needed(
    context: &StatementContext,
    what: Option<&str>,
    closure: &Cascade,
) -> Error {
    let message = match what {
        Some(what) => format!("cannot drop {what} because other objects depend on it"),
        None => "cannot drop desired object(s) because other objects depend on them".to_owned(),
    };
    let lines: Vec<String> = closure
        .others
        .iter()
        .map(|other| {
            format!(
                "{} depends on {}",
                dependent(context, other.object),
                dependent(context, other.on)
            )
        })
        .collect();
    Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        .detail(lines.join("\n"))
        .hint("Use DROP ... CASCADE to drop the dependent objects too.")
}

/// The NOTICE of what goes too.
pub(super) fn cascades(context: &StatementContext, closure: &Cascade) -> Report {
    let lines: Vec<String> = closure
        .others
        .iter()
        .map(|other| format!("drop cascades to {}", dependent(context, other.object)))
        .collect();
    match lines.as_slice() {
        [one] => Report::notice(one.clone()),
        many => {
            let mut report =
                Report::notice(format!("drop cascades to {} other objects", many.len()));
            report.error = report.error.detail(many.join("\n"));
            report
        }
    }
}

/// What depends, or is depended on, as messages name it.
pub(super) fn dependent(context: &StatementContext, what: Dependent) -> String {
    let describe = |object| describe(context, object);
    context.snapshot.describe_dependent(what, &describe)
}

/// An object as messages name it: with its schema only where the bare name would not find it.
pub(super) fn describe(context: &StatementContext, object: ObjectId) -> String {
    let snapshot = &context.snapshot;
    let relation = match object {
        ObjectId::Relation(oid) => snapshot.relation(oid),
        ObjectId::Routine(oid) => {
            return match snapshot.routine(oid) {
                Some(routine) => {
                    let visible = context.search_path.lookup.contains(&routine.schema);
                    let schema = snapshot.schema(routine.schema).filter(|_| !visible);
                    let schema = schema.map(|schema| schema.name.as_str());
                    let signature = snapshot.signature(routine, schema);
                    format!("{} {signature}", routine.kind_described())
                }
                None => snapshot.describe(object),
            };
        }
        ObjectId::Type(oid) => {
            let name = crate::pg_catalog::names::name(context, PgType::REGTYPE, oid);
            return format!("type {}", name.unwrap_or_else(|| oid.to_string()));
        }
        ObjectId::Definition(oid) => {
            let Some(of) = snapshot.definition(oid) else {
                return snapshot.describe(object);
            };
            let visible = context.search_path.lookup.contains(&of.schema);
            let schema = snapshot.schema(of.schema).filter(|_| !visible);
            return snapshot.definition_name(of, schema.map(|schema| schema.name.as_str()));
        }
        ObjectId::Database | ObjectId::Schema(_) | ObjectId::Role(_) | ObjectId::LargeObject(_) => {
            None
        }
    };
    match relation {
        Some(relation) if snapshot.is_visible(&context.search_path, relation) => {
            format!("{} {}", relation.kind_name(), quote(&relation.name))
        }
        Some(_) | None => snapshot.describe(object),
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
        ObjectKind::Type => {
            let ty = super::user_type::type_of(context, name)?;
            super::range_type::must_be_droppable(context, &ty)?;
            Ok(ObjectId::Type(ty.oid))
        }
        ObjectKind::Domain => {
            let ty = super::user_type::type_of(context, name).map_err(|error| {
                match error.state() {
                    // Of a type that is no user's.
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
                        super::domain::not_a_domain(&name.name)
                    }
                    _ => error,
                }
            })?;
            match ty.domain() {
                Some(_) => Ok(ObjectId::Type(ty.oid)),
                None => Err(super::domain::not_a_domain(&ty.name)),
            }
        }
        ObjectKind::Database => {
            if name.name == context.snapshot.database().name {
                return Ok(ObjectId::Database);
            }
            Err(Error::new(
                SqlState::INVALID_CATALOG_NAME,
                format!("database \"{}\" does not exist", name.name),
            ))
        }
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::ForeignTable
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index => {
            let relation = context
                .snapshot
                .resolve_relation(&context.search_path, name.schema.as_deref(), &name.name)
                .map_err(|error| match index_of(context, name) {
                    Ok(_) => Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!("\"{}\" is not a {}", name.name, word_of(kind)),
                    )
                    .hint("Use DROP INDEX to remove an index."),
                    Err(_) => missing(context, kind, name, error),
                })?;
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
    if error.state() == SqlState::WRONG_OBJECT_TYPE {
        return Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a {}", name.name, word_of(kind)),
        )
        .hint("Use DROP TYPE to remove a type.");
    }
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
        RelationKind::Materialized { .. } => ObjectKind::MaterializedView,
        RelationKind::Sequence(_) => ObjectKind::Sequence,
        RelationKind::Foreign { .. } => ObjectKind::ForeignTable,
    }
}

fn word(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Schema => "SCHEMA",
        ObjectKind::Table => "TABLE",
        ObjectKind::View => "VIEW",
        ObjectKind::ForeignTable => "FOREIGN TABLE",
        ObjectKind::MaterializedView => "MATERIALIZED VIEW",
        ObjectKind::Sequence => "SEQUENCE",
        ObjectKind::Index => "INDEX",
        ObjectKind::Type => "TYPE",
        ObjectKind::Domain => "DOMAIN",
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
        ObjectKind::MaterializedView => "materialized view",
        ObjectKind::Sequence => "sequence",
        ObjectKind::Index => "index",
        ObjectKind::Type => "type",
        ObjectKind::Domain => "domain",
        ObjectKind::Database => "database",
    }
}
