//! FOREIGN KEY, declared; and the locks that keep the other side of one as it is while a statement
//! changes this side.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::constraint::{choose_name, key_columns};
use super::relation_of;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ForeignKey, Persistence, Privilege, Relation, RelationKind, Snapshot};
use crate::database::LockMode;
use crate::engine::definition::{ConstraintClause, ConstraintDefinition};
use crate::engine::{DmlKind, check_assignable};
use crate::privileges::{self, Need};
use crate::session::Session;
use crate::session::dispatch::Run;
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
            delete_sets,
            on_update,
            full,
        } = &definition.clause
        else {
            return Err(Error::internal("declaring a foreign key", "it is none"));
        };
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
            let parent = parent.oid;
            let locks = |context: &StatementContext| {
                let tables = context.snapshot.meant(parent, false).into_iter();
                tables.map(|table| (table, LockMode::Share)).collect()
            };
            self.lock_wanted(run.interrupt, locks).await?;
        }
        let exists = context.snapshot.relation(relation.oid).is_some();
        if definition.not_valid && exists && relation.is_partitioned() {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!(
                    "cannot add NOT VALID foreign key on partitioned table \"{}\" referencing \
                     relation \"{}\"",
                    relation.name, parent.name
                ),
            )
            .detail("This feature is not yet supported on partitioned tables."));
        }
        let attnums = referencing(relation, columns)?;
        let (index, targets) = referenced(parent, references, attnums.len())?;
        if let Some(parent) = &found {
            may_refer(context, parent, targets.iter().copied().collect())?;
        }
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
            refuse_types(&context.snapshot, relation, *from, parent, *to, &name)?;
        }
        let delete_sets = set_columns(relation, delete_sets, &attnums)?;
        let mut key = ForeignKey {
            oid: self.shared.database.new_oid(),
            name,
            columns: attnums,
            table: parent.oid,
            references: targets,
            index,
            on_delete: *on_delete,
            delete_sets,
            on_update: *on_update,
            full: *full,
            timing: definition.timing,
            not_valid: definition.not_valid && exists,
            parts: BTreeMap::new(),
        };
        let context = self.context()?;
        self.divide_key(&context, relation, &mut key)?;
        Ok(key)
    }
}

/// The columns that ON DELETE SET sets, each once.
///
/// # Errors
/// `42703`; `42P10` for a column that is none of the key's.
fn set_columns(relation: &Relation, names: &[String], key: &[i16]) -> Result<Vec<i16>> {
    let mut columns = Vec::with_capacity(names.len());
    for (name, attnum) in names.iter().zip(referencing(relation, names)?) {
        if !key.contains(&attnum) {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "column \"{name}\" referenced in ON DELETE SET action must be part of foreign \
                     key"
                ),
            ));
        }
        if !columns.contains(&attnum) {
            columns.push(attnum);
        }
    }
    Ok(columns)
}

/// The locks that keep the other sides of a table's foreign keys as they are while its rows are
/// changed.
pub(super) fn reference_locks(
    context: &StatementContext,
    table: Oid,
    kind: DmlKind,
) -> Vec<(Oid, LockMode)> {
    let Some(relation) = context.snapshot.relation(table) else {
        return Vec::new();
    };
    let mut others = Vec::new();
    if kind != DmlKind::Delete {
        others.extend(
            relation
                .constraints
                .foreign
                .iter()
                .flat_map(|key| key.tables()),
        );
    }
    if kind != DmlKind::Insert {
        let referring = context.snapshot.references_to(table);
        others.extend(referring.map(|(from, _)| from.oid));
    }
    others.sort_unstable();
    others.dedup();
    others.retain(|other| *other != table);
    let locks = others.into_iter().map(|other| (other, LockMode::Share));
    locks.collect()
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
            if parent.tuning.unlogged && !relation.tuning.unlogged =>
        {
            Some("permanent")
        }
        (Persistence::Permanent, Persistence::Permanent)
        | (Persistence::Temporary, Persistence::Temporary) => None,
    };
    if let Some(word) = lasting {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("constraints on {word} tables may reference only {word} tables"),
        ));
    }
    // Whoever may refer to nothing of it does not get to lock it.
    may_refer(context, parent, BTreeSet::new())
}

/// `42501` unless keys may refer to these columns; to any column, if none is said.
fn may_refer(context: &StatementContext, parent: &Relation, columns: BTreeSet<i16>) -> Result<()> {
    let need = Need::Columns {
        role: context.role,
        relation: parent.oid,
        any_of: Privilege::References.into(),
        columns,
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
        if primary.timing.is_deferrable() {
            return Err(deferrable_parent(parent, "primary key"));
        }
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
        if !index.is_plain() || index.invalid {
            return false;
        }
        let mut of: Vec<i16> = index.columns().collect();
        of.sort_unstable();
        of == wanted
    });
    match index {
        Some(index) if index.timing.is_deferrable() => {
            Err(deferrable_parent(parent, "unique constraint"))
        }
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

/// `55000`
fn deferrable_parent(parent: &Relation, what: &str) -> Error {
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "cannot use a deferrable {what} for referenced table \"{}\"",
            parent.name
        ),
    )
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

/// `42804` for columns of types that are not compared as keys.
pub(super) fn refuse_types(
    snapshot: &Snapshot,
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
    let category = |ty: crate::types::PgType| ty.info().category;
    // A numeric or a float becomes no integer by itself, and an index of integers knows none.
    let whole = |ty: crate::types::PgType| ty.data_type().is_integer();
    let widens = category(from.ty) != 'N' || whole(from.ty) || !whole(to.ty);
    let exact = |ty: crate::types::PgType| ty.plain() == crate::types::PgType::NUMERIC;
    let floats = exact(to.ty) && !whole(from.ty) && !exact(from.ty);
    let comparable = from.ty.oid == to.ty.oid
        || (category(from.ty) == category(to.ty)
            && ['N', 'S', 'D'].contains(&category(from.ty))
            && widens
            && !floats
            && check_assignable(snapshot, "", from.ty, to.ty).is_ok());
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

pub(super) fn names_of(relation: &Relation, attnums: &[i16]) -> String {
    let names: Vec<String> = attnums
        .iter()
        .filter_map(|attnum| relation.columns.iter().find(|c| c.attnum == *attnum))
        .map(|column| super::constraint::shown(&column.name))
        .collect();
    names.join(", ")
}
