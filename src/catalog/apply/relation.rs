//! Tables, views and foreign tables: their names, columns, bodies and segments.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::super::trigger::renamed;
use super::super::{
    Column, ObjectId, Persistence, Relation, RelationKind, Segment, Snapshot, View,
};
use crate::catalog::user_type::made_of;

use super::{
    concurrent_update, is_required_schema, missing_relation, missing_schema, segments_mut,
    wrong_kind,
};
use crate::base::limits::{COLUMNS_MAX, TABLE_COLUMNS_MAX};
use crate::base::{Error, Oid, Result, SegmentId, SqlState};

impl Snapshot {
    pub(super) fn create_relation(&mut self, relation: &Relation) -> Result<()> {
        self.check_place(relation, relation.schema, &relation.name)?;
        self.must_role_oid(relation.owner)?;
        self.check_acl(relation.acl.as_ref())?;
        check_columns(relation)?;
        if self.relation(relation.oid).is_some() {
            return Err(Error::internal("creating a relation", "its OID is taken"));
        }
        match &relation.kind {
            RelationKind::View(view) => self.check_reads(relation, view)?,
            RelationKind::Materialized { view, segments, .. } => {
                self.check_reads(relation, view)?;
                check_segment_ids(&[], segments)?;
            }
            RelationKind::Table { segments } => {
                check_segment_ids(&[], segments)?;
                self.check_family(relation.oid, &relation.family)?;
                self.check_constraints(relation, &relation.constraints)?;
                for trigger in &relation.triggers {
                    self.must_routine(trigger.routine)?;
                }
            }
            RelationKind::Foreign { .. } | RelationKind::Sequence(_) => {}
        }
        Arc::make_mut(&mut self.relation_names)
            .insert((relation.schema, relation.name.clone()), relation.oid);
        Arc::make_mut(&mut self.relations).insert(relation.oid, Arc::new(relation.clone()));
        Ok(())
    }

    /// Old columns keep their numbers and comments; new ones come after them.
    pub(super) fn replace_view(&mut self, oid: Oid, columns: &[Column], view: &View) -> Result<()> {
        let old = self.must_relation(oid)?.clone();
        if !matches!(old.kind, RelationKind::View(_)) {
            return Err(wrong_kind(&old, "view"));
        }
        check_view_columns(&old.columns, columns)?;
        if columns.len() > old.columns.len() {
            self.refuse_row_uses(oid)?;
        }
        if view.depends_on.contains(&oid) || self.reads_reach(&view.depends_on, oid) {
            return Err(Error::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "infinite recursion detected in rules for relation \"{}\"",
                    old.name
                ),
            ));
        }
        self.check_reads(&old, view)?;
        let mut next = Relation::clone(&old);
        // Arrays are of one type however many dimensions they have.
        for (column, new) in next.columns.iter_mut().zip(columns) {
            if column.ty != new.ty {
                column.ty = column.ty.with_any_dimensions();
            }
        }
        for column in &columns[old.columns.len()..] {
            let attnum = next.next_attnum;
            next.next_attnum = next_attnum(attnum)?;
            next.columns.push(Column {
                attnum,
                ..column.clone()
            });
        }
        next.publication += 1;
        next.kind = RelationKind::View(view.clone());
        check_columns(&next)?;
        *self.relation_mut(oid)? = next;
        Ok(())
    }

    pub(super) fn drop_relation(&mut self, oid: Oid) -> Result<()> {
        let relation = self.must_relation(oid)?.clone();
        let object = ObjectId::Relation(oid);
        self.refuse_dependants(object, &format!("drop {}", self.describe(object)))?;
        self.refuse_children(&relation)?;
        Arc::make_mut(&mut self.relation_names).remove(&(relation.schema, relation.name.clone()));
        Arc::make_mut(&mut self.relations).remove(&oid);
        Ok(())
    }

    pub(super) fn rename_relation(&mut self, oid: Oid, name: &str) -> Result<()> {
        let old = self.must_relation(oid)?.clone();
        self.check_place(&old, old.schema, name)?;
        self.refuse_bound_routines(oid, None, "renaming")?;
        self.move_relation(&old, old.schema, name)
    }

    pub(super) fn set_schema(&mut self, oid: Oid, schema: Oid) -> Result<()> {
        let old = self.must_relation(oid)?.clone();
        if old.schema == schema {
            return Ok(());
        }
        self.check_place(&old, schema, &old.name)?;
        self.refuse_bound_routines(oid, None, "moving")?;
        self.move_relation(&old, schema, &old.name)
    }

    fn move_relation(&mut self, old: &Relation, schema: Oid, name: &str) -> Result<()> {
        let names = Arc::make_mut(&mut self.relation_names);
        names.remove(&(old.schema, old.name.clone()));
        names.insert((schema, name.to_owned()), old.oid);
        let relation = self.relation_mut(old.oid)?;
        relation.schema = schema;
        relation.name = name.to_owned();
        Ok(())
    }

    pub(super) fn rename_column(&mut self, oid: Oid, attnum: i16, name: &str) -> Result<()> {
        let old = self.must_relation(oid)?;
        check_new_column_name(old, name)?;
        self.refuse_bound_routines(oid, Some(attnum), "renaming a column of")?;
        let relation = self.relation_mut(oid)?;
        let column = column_mut(relation, attnum)?;
        let from = std::mem::replace(&mut column.name, name.to_owned());
        for trigger in &mut relation.triggers {
            if let Some(condition) = &mut trigger.condition {
                condition.text = renamed(&condition.text, &from, name);
            }
        }
        Ok(())
    }

    /// `0A000` if rows of a relation are values of columns, which will not become others.
    fn refuse_row_uses(&self, oid: Oid) -> Result<()> {
        let relation = self.must_relation(oid)?;
        let what = format!("{} \"{}\"", relation.kind_name(), relation.name);
        self.refuse_row_users(relation.row_type, &what)
    }

    pub(super) fn add_column(&mut self, oid: Oid, column: &Column) -> Result<()> {
        self.refuse_row_uses(oid)?;
        let relation = self.relation_mut(oid)?;
        table_only(relation, "ADD COLUMN")?;
        check_new_column_name(relation, &column.name)?;
        if column.attnum != relation.next_attnum {
            // Two transactions added a column at once; the later one was numbered over an older
            // catalog.
            return Err(concurrent_update());
        }
        relation.next_attnum = next_attnum(column.attnum)?;
        relation.columns.push(column.clone());
        check_columns(relation)
    }

    pub(super) fn drop_column(&mut self, oid: Oid, attnum: i16) -> Result<()> {
        let mut copy = Relation::clone(self.must_relation(oid)?);
        table_only(&copy, "DROP COLUMN")?;
        self.refuse_row_uses(oid)?;
        let name = column_mut(&mut copy, attnum)?.name.clone();
        refuse_key(&copy, attnum, &name, "drop")?;
        let table = self.describe(ObjectId::Relation(oid));
        let closure = self.column_closure(oid, attnum)?;
        closure.refuse(&format!("drop column {name} of {table}"), &|dependent| {
            self.describe_dependent(dependent, &|object| self.describe(object))
        })?;
        let relation = self.relation_mut(oid)?;
        relation.columns.retain(|column| column.attnum != attnum);
        relation.column_acls.remove(&attnum);
        relation.tuning.columns.remove(&attnum);
        // What is promised of the column alone, or of it and others, goes with it.
        let constraints = &mut relation.constraints;
        constraints
            .indexes
            .retain(|index| !index.depends_on(&[attnum]) && !index.include.contains(&attnum));
        constraints.checks.retain(|c| !c.columns.contains(&attnum));
        constraints.foreign.retain(|k| !k.columns.contains(&attnum));
        relation.family.columns.remove(&attnum);
        Ok(())
    }

    pub(super) fn alter_column(&mut self, oid: Oid, column: &Column) -> Result<()> {
        let mut columns = self.must_relation(oid)?.columns.iter();
        if columns.any(|old| old.attnum == column.attnum && old.ty != column.ty) {
            self.refuse_row_uses(oid)?;
            refuse_key(
                self.must_relation(oid)?,
                column.attnum,
                &column.name,
                "alter",
            )?;
        }
        let relation = self.relation_mut(oid)?;
        let kept = matches!(relation.kind, RelationKind::Materialized { .. });
        let mut columns = relation.columns.iter();
        let told = columns.any(|old| {
            old.attnum == column.attnum
                && old.ty != column.ty
                && old.ty.with_any_dimensions() == column.ty
        });
        let mut columns = relation.columns.iter();
        let defaulted = columns.any(|old| {
            let default = column.default.clone();
            *column
                == Column {
                    default,
                    ..old.clone()
                }
        });
        // A materialized view's arrays are told to have any dimensions, and nothing else; views'
        // columns have defaults.
        let view = matches!(relation.kind, RelationKind::View(_));
        if !(kept && told || view && defaulted) {
            table_only(relation, "ALTER COLUMN")?;
        }
        let old = column_mut(relation, column.attnum)?;
        let retyped = !old.ty.is(column.ty);
        *old = Column {
            name: old.name.clone(),
            comment: old.comment.clone(),
            ..column.clone()
        };
        // Another type is stored as that type is.
        if retyped && let Some(tuning) = relation.tuning.columns.get_mut(&column.attnum) {
            tuning.storage = None;
            tuning.compression = None;
        }
        check_columns(relation)
    }

    pub(super) fn add_segments(&mut self, oid: Oid, added: &[Arc<Segment>]) -> Result<()> {
        let segments = segments_mut(self.relation_mut(oid)?)?;
        check_segment_ids(segments, added)?;
        *segments = segments.iter().chain(added).cloned().collect();
        Ok(())
    }

    pub(super) fn remove_segments(&mut self, oid: Oid, removed: &[SegmentId]) -> Result<()> {
        let segments = segments_mut(self.relation_mut(oid)?)?;
        let mut missing: BTreeSet<SegmentId> = removed.iter().copied().collect();
        let kept = segments
            .iter()
            .filter(|segment| !missing.remove(&segment.id))
            .cloned()
            .collect();
        if !missing.is_empty() {
            return Err(concurrent_update());
        }
        *segments = kept;
        Ok(())
    }

    /// A relation may stand in `schema` under `name`.
    pub(super) fn check_place(&self, relation: &Relation, schema: Oid, name: &str) -> Result<()> {
        let into = self.schema(schema).ok_or_else(|| missing_schema(schema))?;
        if is_required_schema(schema) {
            return Err(Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied to create \"{}.{name}\"", into.name),
            )
            .detail("System catalog modifications are currently disallowed."));
        }
        match (relation.persistence, into.is_temporary()) {
            (Persistence::Temporary, false) => {
                return Err(Error::new(
                    SqlState::INVALID_TABLE_DEFINITION,
                    "cannot create temporary relation in non-temporary schema",
                ));
            }
            (Persistence::Permanent, true) => {
                return Err(Error::new(
                    SqlState::INVALID_TABLE_DEFINITION,
                    "only temporary relations may be created in temporary schemas",
                ));
            }
            (Persistence::Temporary, true) | (Persistence::Permanent, false) => {}
        }
        if self.relation_named(schema, name).is_some() || self.index_named(schema, name).is_some() {
            return Err(Error::new(
                SqlState::DUPLICATE_TABLE,
                format!("relation \"{name}\" already exists"),
            ));
        }
        if let Some(ty) = self.type_named(schema, name) {
            if ty.composite().is_some() {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{name}\" already exists"),
                ));
            }
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("type \"{name}\" already exists"),
            )
            .hint(
                "A relation has an associated type of the same name, so you must use a name that \
                 doesn't conflict with any existing type.",
            ));
        }
        for ty in relation
            .columns
            .iter()
            .filter_map(|column| made_of(column.ty))
        {
            // Rows of another relation are values too, but not of the one being made.
            let of = self.relation_with_rows(ty);
            if of.is_none() {
                self.must_type(ty)?;
            }
            if relation.persistence == Persistence::Permanent
                && of.is_some_and(|of| of.persistence == Persistence::Temporary)
            {
                return Err(Error::unsupported(
                    "a column of a temporary table's row type in another table",
                ));
            }
        }
        Ok(())
    }

    /// What a view reads is there. System relations are in no snapshot and need no mention.
    fn check_reads(&self, relation: &Relation, view: &View) -> Result<()> {
        for oid in view.depends_on.iter().filter(|oid| !oid.is_system()) {
            if self.routine(*oid).is_some() || self.definition(*oid).is_some() {
                continue;
            }
            let read = self.relation(*oid).ok_or_else(|| missing_relation(*oid))?;
            if read.persistence == Persistence::Temporary
                && relation.persistence == Persistence::Permanent
            {
                return Err(Error::new(
                    SqlState::INVALID_TABLE_DEFINITION,
                    format!(
                        "view \"{}\" must be temporary because it reads temporary relation \"{}\"",
                        relation.name, read.name
                    ),
                ));
            }
        }
        Ok(())
    }
}

/// Column by number, to be changed.
pub(super) fn column_mut(relation: &mut Relation, attnum: i16) -> Result<&mut Column> {
    let name = relation.name.clone();
    relation
        .columns
        .iter_mut()
        .find(|column| column.attnum == attnum)
        .ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column number {attnum} of relation \"{name}\" does not exist"),
            )
        })
}

fn check_new_column_name(relation: &Relation, name: &str) -> Result<()> {
    if relation.column(name).is_some() {
        return Err(Error::new(
            SqlState::DUPLICATE_COLUMN,
            format!(
                "column \"{name}\" of relation \"{}\" already exists",
                relation.name
            ),
        ));
    }
    Ok(())
}

pub(super) fn table_only(relation: &Relation, action: &str) -> Result<()> {
    if matches!(relation.kind, RelationKind::Table { .. }) {
        return Ok(());
    }
    Err(relation.has_no_action(action))
}

fn next_attnum(attnum: i16) -> Result<i16> {
    attnum.checked_add(1).ok_or_else(too_many_columns)
}

fn too_many_columns() -> Error {
    Error::new(
        SqlState::TOO_MANY_COLUMNS,
        format!("tables can have at most {TABLE_COLUMNS_MAX} columns"),
    )
}

/// Column names are unique, numbers too and below the next one, and there are not too many.
fn check_columns(relation: &Relation) -> Result<()> {
    match &relation.kind {
        RelationKind::View(_) | RelationKind::Materialized { .. }
            if relation.columns.len() > COLUMNS_MAX =>
        {
            return Err(Error::new(
                SqlState::TOO_MANY_COLUMNS,
                format!("target lists can have at most {COLUMNS_MAX} entries"),
            ));
        }
        RelationKind::Table { .. } | RelationKind::Foreign { .. }
            if relation.columns.len() > TABLE_COLUMNS_MAX =>
        {
            return Err(too_many_columns());
        }
        RelationKind::View(_)
        | RelationKind::Materialized { .. }
        | RelationKind::Sequence(_)
        | RelationKind::Table { .. }
        | RelationKind::Foreign { .. } => {}
    }
    let mut names = BTreeSet::new();
    let mut numbers = BTreeSet::new();
    let mut stored = BTreeSet::new();
    for column in &relation.columns {
        if !names.insert(column.name.as_str()) {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{}\" specified more than once", column.name),
            ));
        }
        if column.attnum < 1
            || column.attnum >= relation.next_attnum
            || !numbers.insert(column.attnum)
        {
            return Err(Error::internal(
                "checking columns",
                format!(
                    "column {} of {} has number {}",
                    column.name, relation.name, column.attnum
                ),
            ));
        }
        if relation.is_stored() && !stored.insert(column.stored_name.as_str()) {
            return Err(Error::internal(
                "checking columns",
                format!("two columns are stored as {}", column.stored_name),
            ));
        }
    }
    Ok(())
}

/// CREATE OR REPLACE VIEW may only add columns at the end.
fn check_view_columns(old: &[Column], new: &[Column]) -> Result<()> {
    let refused = |message: String| Error::new(SqlState::INVALID_TABLE_DEFINITION, message);
    if new.len() < old.len() {
        return Err(refused("cannot drop columns from view".into()));
    }
    for (old, new) in old.iter().zip(new) {
        if old.name != new.name {
            return Err(refused(format!(
                "cannot change name of view column \"{}\" to \"{}\"",
                old.name, new.name
            ))
            .hint("Use ALTER VIEW ... RENAME COLUMN ... to change name of view column instead."));
        }
        if old.ty.with_dimensions(1) != new.ty.with_dimensions(1) {
            return Err(refused(format!(
                "cannot change data type of view column \"{}\" from {} to {}",
                old.name, old.ty, new.ty
            )));
        }
    }
    Ok(())
}

/// Segment identities are unique for ever; the same one twice means that a file would be counted
/// twice.
fn check_segment_ids(present: &[Arc<Segment>], added: &[Arc<Segment>]) -> Result<()> {
    let mut ids = BTreeSet::new();
    let twice = added
        .iter()
        .find(|segment| !ids.insert(segment.id))
        .or_else(|| present.iter().find(|segment| ids.contains(&segment.id)));
    match twice {
        None => Ok(()),
        Some(segment) => Err(Error::internal(
            "adding segments",
            format!("segment {} is there already", segment.id),
        )),
    }
}

/// `42P16` for a column that a table is partitioned by: `doing` something to it.
fn refuse_key(relation: &Relation, attnum: i16, name: &str, doing: &str) -> Result<()> {
    if !relation.family.key_columns().contains(&attnum) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INVALID_TABLE_DEFINITION,
        format!(
            "cannot {doing} column \"{name}\" because it is part of the partition key of relation \
             \"{}\"",
            relation.name
        ),
    ))
}
