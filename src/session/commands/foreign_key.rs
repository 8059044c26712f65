//! FOREIGN KEY: declared, and kept after every statement that could break it.
//!
//! Rows that refer to nothing ("orphans") are looked for once a statement's changes are in the
//! transaction: among the rows it wrote if it changed the referring table, among all rows if it
//! changed the table referred to. Locks see to it that nobody changes the other side meanwhile.

use std::sync::Arc;

use super::constraint::{choose_name, key_columns};
use super::relation_of;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, ForeignAction, ForeignKey, ObjectId, Persistence, Privilege, Privileges, Relation,
    RelationKind, Segment,
};
use crate::database::LockMode;
use crate::engine::definition::{ConstraintClause, ConstraintDefinition};
use crate::engine::{Command, DmlKind, check_assignable, parse};
use crate::observe::Interrupt;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// The foreign key a definition says.
    pub(super) async fn foreign_key_of(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        definition: &ConstraintDefinition,
        run: &Run<'_>,
    ) -> Result<ForeignKey> {
        let ConstraintClause::Foreign {
            columns,
            table,
            references,
            on_delete,
            on_update,
            full,
        } = &definition.clause
        else {
            return Err(Error::internal("declaring a foreign key", "it is none"));
        };
        if *on_update == ForeignAction::Cascade {
            return Err(Error::unsupported("ON UPDATE CASCADE"));
        }
        let own = table.name == relation.name
            && match &table.schema {
                Some(schema) => context
                    .snapshot
                    .schema_named(schema)
                    .is_some_and(|schema| schema.oid == relation.schema),
                None => relation_of(context, table).map_or(true, |found| found.oid == relation.oid),
            };
        let found = if own {
            None
        } else {
            Some(relation_of(context, table)?.clone())
        };
        let parent: &Relation = found.as_deref().unwrap_or(relation);
        if let Some(parent) = &found {
            refuse_parent(context, relation, parent)?;
            self.lock(parent.oid, LockMode::Share, run.interrupt)
                .await?;
        }
        let attnums = referencing(relation, columns)?;
        let (index, targets) = referenced(parent, references, attnums.len())?;
        let name = match &definition.name {
            Some(name) => name.clone(),
            None => choose_name(&relation.name, Some(&columns.join("_")), "fkey", |name| {
                relation.constraints.is_named(name)
            }),
        };
        if relation.constraints.is_named(&name) {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!(
                    "constraint \"{name}\" for relation \"{}\" already exists",
                    relation.name
                ),
            ));
        }
        for (from, to) in attnums.iter().zip(&targets) {
            refuse_types(relation, *from, parent, *to, &name)?;
        }
        Ok(ForeignKey {
            oid: self.shared.database.new_oid(),
            name,
            columns: attnums,
            table: parent.oid,
            references: targets,
            index,
            on_delete: *on_delete,
            on_update: *on_update,
            full: *full,
        })
    }

    /// Takes the locks that keep the other sides of a table's foreign keys as they are.
    pub(super) async fn lock_references(
        &mut self,
        context: &StatementContext,
        table: Oid,
        kind: DmlKind,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let Some(relation) = context.snapshot.relation(table) else {
            return Ok(());
        };
        let mut others = Vec::new();
        if kind != DmlKind::Delete {
            others.extend(relation.constraints.foreign.iter().map(|key| key.table));
        }
        if kind != DmlKind::Insert {
            others.extend(
                context
                    .snapshot
                    .references_to(table)
                    .map(|(from, _)| from.oid),
            );
        }
        others.sort_unstable();
        others.dedup();
        for other in others.into_iter().filter(|other| *other != table) {
            self.lock(other, LockMode::Share, interrupt).await?;
        }
        Ok(())
    }

    /// Looks for orphans after `changes` to `table` are in the transaction, and does to them what
    /// their keys say.
    pub(super) async fn keep_references(
        &mut self,
        table: Oid,
        kind: DmlKind,
        written: &[Arc<Segment>],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(table).cloned() else {
            return Ok(());
        };
        if kind != DmlKind::Delete && !written.is_empty() {
            for key in &relation.constraints.foreign {
                self.refuse_orphans(&context, &relation, key, written, interrupt)
                    .await?;
            }
        }
        if kind == DmlKind::Insert {
            return Ok(());
        }
        let referring: Vec<(Arc<Relation>, ForeignKey)> = context
            .snapshot
            .references_to(table)
            .map(|(from, key)| (from.clone(), key.clone()))
            .collect();
        for (from, key) in referring {
            let action = match kind {
                DmlKind::Delete => key.on_delete,
                DmlKind::Insert | DmlKind::Update | DmlKind::Merge => key.on_update,
            };
            Box::pin(self.settle_orphans(&relation, &from, &key, action, interrupt)).await?;
        }
        Ok(())
    }

    /// `23503` for a row among `written` that refers to nothing.
    pub(super) async fn refuse_orphans(
        &self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        key: &ForeignKey,
        written: &[Arc<Segment>],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let server = super::alter::as_server(context);
        let engine = self.shared.engine.clone();
        let work = engine.orphan(&server, relation, written, key, interrupt);
        let Some(orphan) = interruptible(interrupt, work).await? else {
            return Ok(());
        };
        let parent = context.snapshot.relation(key.table);
        let place = context.snapshot.qualified_name(relation);
        let detail = match &orphan.values {
            Some(values) => format!(
                "Key ({})=({values}) is not present in table \"{}\".",
                names_of(relation, &key.columns),
                parent.map_or("?", |parent| parent.name.as_str())
            ),
            None => "MATCH FULL does not allow mixing of null and nonnull key values.".to_owned(),
        };
        Err(Error::new(
            SqlState::FOREIGN_KEY_VIOLATION,
            format!(
                "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                relation.name, key.name
            ),
        )
        .detail(detail)
        .table(place.schema, place.name)
        .constraint(&key.name))
    }

    /// Does to the rows of `from` that refer to nothing what `action` says.
    async fn settle_orphans(
        &mut self,
        parent: &Arc<Relation>,
        from: &Arc<Relation>,
        key: &ForeignKey,
        action: ForeignAction,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let Some(from) = context.snapshot.relation(from.oid).cloned() else {
            return Ok(());
        };
        let server = super::alter::as_server(&context);
        let engine = self.shared.engine.clone();
        let whole = Relation::clone(&from);
        let work = engine.orphan(&server, &from, whole.segments(), key, interrupt);
        let Some(orphan) = interruptible(interrupt, work).await? else {
            return Ok(());
        };
        let Some(values) = orphan.values else {
            return Ok(());
        };
        let child = server.snapshot.qualified_name(&from);
        let orphaned = crate::engine::orphan_condition(&server, &from, key)?;
        let set = |to: &str| {
            let columns: Vec<String> = key
                .columns
                .iter()
                .filter_map(|attnum| from.columns.iter().find(|c| c.attnum == *attnum))
                .map(|column| format!("{} = {to}", super::constraint::shown(&column.name)))
                .collect();
            format!(
                "UPDATE {child} AS c SET {} WHERE {orphaned}",
                columns.join(", ")
            )
        };
        let statement = match action {
            ForeignAction::NoAction | ForeignAction::Restrict => {
                let place = context.snapshot.qualified_name(&from);
                return Err(Error::new(
                    SqlState::FOREIGN_KEY_VIOLATION,
                    format!(
                        "update or delete on table \"{}\" violates foreign key constraint \"{}\" \
                         on table \"{}\"",
                        parent.name, key.name, from.name
                    ),
                )
                .detail(format!(
                    "Key ({})=({values}) is still referenced from table \"{}\".",
                    names_of(parent, &key.references),
                    from.name
                ))
                .table(place.schema, place.name)
                .constraint(&key.name));
            }
            ForeignAction::Cascade => format!("DELETE FROM {child} AS c WHERE {orphaned}"),
            ForeignAction::SetNull => set("NULL"),
            ForeignAction::SetDefault => set("DEFAULT"),
        };
        let Some(Command::Dml(dml)) = parse(&statement)?.pop().map(|one| one.command) else {
            return Err(Error::internal(
                "following a foreign key",
                "not a statement",
            ));
        };
        self.lock(from.oid, LockMode::Rewrite, interrupt).await?;
        let context = self.context()?;
        let server = super::alter::as_server(&context);
        let bound = interruptible(interrupt, engine.bind_dml(&server, &dml, &[])).await?;
        let kind = bound.kind.unwrap_or(DmlKind::Update);
        self.lock_references(&server, from.oid, kind, interrupt)
            .await?;
        let authorized = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let work = engine.execute_dml(&server, authorized, &[], interrupt);
        let done = interruptible(interrupt, work).await?;
        let touched = done.touched.into_iter().find(|one| one.table == from.oid);
        let written = touched.map_or_else(Vec::new, |one| one.written);
        self.push_needing(done.changes, &[])?;
        Box::pin(self.keep_references(from.oid, kind, &written, interrupt)).await
    }
}

/// The segments that changes add.
pub(super) fn written_by(changes: &[Change]) -> Vec<Arc<Segment>> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::AddSegments { segments, .. } => Some(segments.clone()),
            _ => None,
        })
        .flatten()
        .collect()
}

/// What a table referred to must be.
fn refuse_parent(context: &StatementContext, relation: &Relation, parent: &Relation) -> Result<()> {
    if !matches!(parent.kind, RelationKind::Table { .. }) {
        return Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("referenced relation \"{}\" is not a table", parent.name),
        ));
    }
    let lasting = match (relation.persistence, parent.persistence) {
        (Persistence::Permanent, Persistence::Temporary) => Some("permanent"),
        (Persistence::Temporary, Persistence::Permanent) => Some("temporary"),
        (Persistence::Permanent, Persistence::Permanent)
        | (Persistence::Temporary, Persistence::Temporary) => None,
    };
    if let Some(word) = lasting {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("constraints on {word} tables may reference only {word} tables"),
        ));
    }
    let need = Need::Privilege {
        role: context.role,
        object: ObjectId::Relation(parent.oid),
        any_of: Privileges::from(Privilege::References),
    };
    privileges::authorize(&context.snapshot, &[need], ()).map(drop)
}

fn referencing(relation: &Relation, columns: &[String]) -> Result<Vec<i16>> {
    let mut attnums = Vec::with_capacity(columns.len());
    for name in columns {
        let column = relation.column(name).ok_or_else(|| unknown(name))?;
        attnums.push(column.attnum);
    }
    Ok(attnums)
}

fn unknown(name: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_COLUMN,
        format!("column \"{name}\" referenced in foreign key constraint does not exist"),
    )
}

/// The unique index a foreign key stands on, and its columns in the key's order.
fn referenced(parent: &Relation, names: &[String], count: usize) -> Result<(Oid, Vec<i16>)> {
    if names.is_empty() {
        let primary = parent.constraints.primary().ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "there is no primary key for referenced table \"{}\"",
                    parent.name
                ),
            )
        })?;
        let columns: Vec<i16> = primary.columns().collect();
        check_count(columns.len(), count)?;
        return Ok((primary.oid, columns));
    }
    if let Some(missing) = names.iter().find(|name| parent.column(name).is_none()) {
        return Err(unknown(missing));
    }
    check_count(names.len(), count)?;
    let columns = key_columns(parent, names, "foreign key")?;
    let mut wanted = columns.clone();
    wanted.sort_unstable();
    let index = parent.constraints.unique().find(|index| {
        let mut of: Vec<i16> = index.columns().collect();
        of.sort_unstable();
        of == wanted
    });
    match index {
        Some(index) => Ok((index.oid, columns)),
        None => Err(Error::new(
            SqlState::INVALID_FOREIGN_KEY,
            format!(
                "there is no unique constraint matching given keys for referenced table \"{}\"",
                parent.name
            ),
        )),
    }
}

fn check_count(references: usize, columns: usize) -> Result<()> {
    if references == columns {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INVALID_FOREIGN_KEY,
        "number of referencing and referenced columns for foreign key disagree",
    ))
}

fn refuse_types(
    relation: &Relation,
    from: i16,
    parent: &Relation,
    to: i16,
    name: &str,
) -> Result<()> {
    let column = |relation: &Relation, attnum: i16| {
        let column = relation.columns.iter().find(|c| c.attnum == attnum);
        column.cloned()
    };
    let (Some(from), Some(to)) = (column(relation, from), column(parent, to)) else {
        return Ok(());
    };
    let numeric = |ty: crate::types::PgType| ty.info().category;
    let comparable = from.ty.oid == to.ty.oid
        || (numeric(from.ty) == numeric(to.ty)
            && ['N', 'S', 'D'].contains(&numeric(from.ty))
            && check_assignable("", from.ty, to.ty).is_ok());
    if comparable {
        return Ok(());
    }
    let shown = |ty: crate::types::PgType| ty.plain();
    Err(Error::new(
        SqlState::DATATYPE_MISMATCH,
        format!("foreign key constraint \"{name}\" cannot be implemented"),
    )
    .detail(format!(
        "Key columns \"{}\" and \"{}\" are of incompatible types: {} and {}.",
        from.name,
        to.name,
        shown(from.ty),
        shown(to.ty)
    )))
}

fn names_of(relation: &Relation, attnums: &[i16]) -> String {
    let names: Vec<String> = attnums
        .iter()
        .filter_map(|attnum| relation.columns.iter().find(|c| c.attnum == *attnum))
        .map(|column| super::constraint::shown(&column.name))
        .collect();
    names.join(", ")
}
