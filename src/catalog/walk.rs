//! The closure of DROP … CASCADE: what goes with what is dropped, found depth first.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::user_type::made_of;
use super::{
    Cascade, Change, Column, Dependence, Dependent, Generation, Index, ObjectId, Policy, Relation,
    Snapshot, Trigger, TypeKind, UserType,
};
use crate::base::Oid;

/// Depth first over dependants: `others` in the order met, `changes` in the order left.
pub(super) struct Walk<'a> {
    snapshot: &'a Snapshot,
    roots: &'a [ObjectId],
    visited: BTreeSet<ObjectId>,
    /// Columns that go by themselves.
    columns: BTreeSet<(Oid, i16)>,
    changes: Vec<Change>,
    others: Vec<Dependence>,
}

impl<'a> Walk<'a> {
    /// A walk from nowhere yet.
    pub(super) fn new(snapshot: &'a Snapshot, roots: &'a [ObjectId]) -> Self {
        Self {
            snapshot,
            roots,
            visited: BTreeSet::new(),
            columns: BTreeSet::new(),
            changes: Vec::new(),
            others: Vec::new(),
        }
    }

    /// What it came to.
    pub(super) fn done(self) -> Cascade {
        let Self {
            visited,
            changes,
            mut others,
            ..
        } = self;
        // What is in an object that goes itself is not worth a word.
        others.retain(|other| match other.object {
            Dependent::Object(_) => true,
            Dependent::Default(table, _)
            | Dependent::Constraint(table, _)
            | Dependent::Column(table, _)
            | Dependent::Policy(table, _)
            | Dependent::Trigger(table, _)
            | Dependent::Index(table, _) => !visited.contains(&ObjectId::Relation(table)),
            Dependent::Attribute(ty, _) => !visited.contains(&ObjectId::Type(ty)),
        });
        Cascade { changes, others }
    }

    /// Takes away an object, and first what depends on it.
    pub(super) fn visit(&mut self, object: ObjectId, on: Option<Dependent>) {
        // A multirange type goes with its range type, and not without it.
        if let ObjectId::Type(oid) = object
            && let Some(range) = self.snapshot.user_type(oid).and_then(|ty| ty.required_by())
            && !self.visited.contains(&ObjectId::Type(range))
        {
            return self.visit(ObjectId::Type(range), on);
        }
        if !self.visited.insert(object) {
            return;
        }
        if let Some(on) = on
            && !self.roots.contains(&object)
        {
            self.list(Dependent::Object(object), on);
        }
        for dependant in self.snapshot.direct_dependants(object) {
            // Members of a dropped schema are listed under the schema, whatever else they depend
            // on.
            let on = self.dropped_schema_of(dependant).unwrap_or(object);
            // A partition goes with its table, without a word.
            let on = (!self.is_partition_of(dependant, object)).then_some(Dependent::Object(on));
            self.visit(dependant, on);
        }
        let sequences = match object {
            ObjectId::Relation(oid) => self.snapshot.owned_sequences(oid, None),
            _ => Vec::new(),
        };
        match object {
            ObjectId::Relation(oid) => {
                if let Some(relation) = self.snapshot.relation(oid) {
                    self.release_columns(relation.row_type);
                    self.release_attributes(relation.row_type);
                }
                for (of, _) in self.snapshot.statistics_of(oid) {
                    // Without a word.
                    self.visit(ObjectId::Definition(of.oid), None);
                }
                self.release(oid);
                self.release_policies(object, |policy| policy.reads(oid));
                // They cannot go before the table, but what others have of them must.
                sequences.iter().for_each(|oid| self.release(*oid));
            }
            ObjectId::Routine(oid) => {
                self.release_calls(oid);
                self.release_policies(object, |policy| policy.calls(oid));
                self.release_triggers(object, |trigger| {
                    trigger.routine == oid || trigger.asks(oid)
                });
            }
            ObjectId::Type(oid) => {
                self.release_columns(oid);
                self.release_attributes(oid);
                self.release_policies(object, |policy| policy.says(oid));
                self.release_triggers(object, |trigger| trigger.says(oid));
                let ty = self.snapshot.user_type(oid);
                if let Some(range) = ty.and_then(|ty| ty.range()) {
                    // Without a word.
                    self.visit(ObjectId::Type(range.family.multirange), None);
                }
            }
            ObjectId::Database
            | ObjectId::Schema(_)
            | ObjectId::Role(_)
            | ObjectId::LargeObject(_)
            | ObjectId::Definition(_) => {}
        }
        self.changes.push(Change::Drop(object));
        for sequence in sequences {
            // It goes with its column, without a word.
            self.visit(ObjectId::Relation(sequence), None);
        }
    }

    /// Takes away a column of a table that stays, and first what depends on it.
    pub(super) fn drop_column(&mut self, table: &Relation, attnum: i16) {
        let column = table.columns.iter().find(|c| c.attnum == attnum);
        let Some(column) = column.filter(|_| self.columns.insert((table.oid, attnum))) else {
            return;
        };
        let on = Dependent::Column(table.oid, attnum);
        let sequences = self.snapshot.owned_sequences(table.oid, Some(attnum));
        if !sequences.is_empty() {
            // They go before the column does.
            self.changes.push(Change::AlterColumn {
                relation: table.oid,
                column: Column {
                    default: None,
                    generation: None,
                    ..column.clone()
                },
            });
        }
        // What was made last is looked at first and listed last, as in PostgreSQL.
        let mut listed = Vec::new();
        for dependent in self
            .dependants_of_column(table, attnum, &sequences)
            .into_iter()
            .rev()
        {
            let before = self.others.len();
            match dependent {
                Dependent::Column(_, other) if self.columns.contains(&(table.oid, other)) => {}
                Dependent::Column(_, other) => {
                    self.list(dependent, on);
                    self.drop_column(table, other);
                }
                Dependent::Constraint(from, key) => self.release_key(from, key, on),
                Dependent::Index(_, index) => self.release_references(table.oid, index),
                Dependent::Policy(of, policy) => self.release_policy(of, policy, on),
                Dependent::Trigger(of, trigger) => self.release_trigger(of, trigger, on),
                Dependent::Object(ObjectId::Relation(oid)) if sequences.contains(&oid) => {
                    self.visit(ObjectId::Relation(oid), None);
                }
                Dependent::Object(object @ ObjectId::Definition(_)) => self.visit(object, None),
                Dependent::Object(object) => self.visit(object, Some(on)),
                Dependent::Default(..) | Dependent::Attribute(..) => {}
            }
            listed.push(self.others.split_off(before));
        }
        self.others.extend(listed.into_iter().rev().flatten());
        self.changes.push(Change::DropColumn {
            relation: table.oid,
            attnum,
        });
    }

    /// What depends on a column directly, in the order of the OIDs as PostgreSQL lists it.
    fn dependants_of_column(
        &self,
        table: &Relation,
        attnum: i16,
        sequences: &[Oid],
    ) -> Vec<Dependent> {
        let snapshot = self.snapshot;
        let relation = |oid: Oid| Dependent::Object(ObjectId::Relation(oid));
        let mut found: Vec<(Oid, Dependent)> = Vec::new();
        for other in &table.columns {
            if let Some(Generation::Stored { columns, .. }) = &other.generation
                && columns.contains(&attnum)
            {
                found.push((table.oid, Dependent::Column(table.oid, other.attnum)));
            }
        }
        for (from, key) in snapshot.references_to(table.oid) {
            if key.references.contains(&attnum) {
                found.push((key.oid, Dependent::Constraint(from.oid, key.oid)));
            }
        }
        let stands_on =
            |index: &&Index| index.depends_on(&[attnum]) || index.include.contains(&attnum);
        for index in table.constraints.indexes.iter().filter(stands_on) {
            found.push((index.oid, Dependent::Index(table.oid, index.oid)));
        }
        let views = snapshot
            .views_naming(table.oid, attnum)
            .map(|view| view.oid);
        let relations = views.chain(sequences.iter().copied());
        found.extend(relations.map(|oid| (oid, relation(oid))));
        for routine in snapshot.routines_naming(table.oid, attnum) {
            if let ObjectId::Routine(oid) = routine {
                found.push((oid, Dependent::Object(routine)));
            }
        }
        for (of, statistics) in snapshot.statistics_of(table.oid) {
            if statistics.columns.contains(&attnum) {
                let object = ObjectId::Definition(of.oid);
                found.push((of.oid, Dependent::Object(object)));
            }
        }
        let triggers = table.triggers.iter();
        let triggers = triggers.filter(|trigger| {
            let mut asked = trigger.condition_columns(table.oid);
            trigger.columns.contains(&attnum) || asked.any(|column| column == attnum)
        });
        found.extend(triggers.map(|of| (of.oid, Dependent::Trigger(table.oid, of.oid))));
        let policies = snapshot.policies_that(|policy| policy.names_column(table.oid, attnum));
        found.extend(policies.map(|(of, policy)| {
            let dependent = Dependent::Policy(of.oid, policy.oid);
            (policy.oid, dependent)
        }));
        found.sort_by_key(|(oid, _)| *oid);
        found.into_iter().map(|(_, dependent)| dependent).collect()
    }

    /// Takes away a constraint or index of a table that stays, and first what depends on it.
    pub(super) fn drop_constraint(&mut self, table: &Relation, constraint: Oid) {
        let mut indexes = table.constraints.indexes.iter();
        let index = indexes.find(|i| i.oid == constraint || i.constraint == Some(constraint));
        if let Some(index) = index {
            self.release_references(table.oid, index.oid);
            if let Some(key) = index.constraint {
                let on = Dependent::Constraint(table.oid, key);
                for object in self.snapshot.relying_on(key) {
                    self.visit(object, Some(on));
                }
            }
        }
        let both = [Some(constraint), index.map(|index| index.oid)];
        self.changes.push(Change::DropConstraint {
            relation: table.oid,
            constraint,
        });
        // The partitions' parts of it go with it, without a word.
        let snapshot = self.snapshot;
        for partition in snapshot.relations() {
            let parts = partition.family.parts_of.iter();
            let parts = parts.filter(|(_, of)| both.contains(&Some(**of)));
            for (part, _) in parts {
                let goes = |change: &Change| match change {
                    Change::DropConstraint {
                        relation,
                        constraint,
                    } => *relation == partition.oid && is_one(partition, *constraint, *part),
                    _ => false,
                };
                if !self.changes.iter().any(goes) {
                    self.drop_constraint(partition, *part);
                }
            }
        }
    }

    /// Takes away the foreign keys that stand on a unique index.
    fn release_references(&mut self, table: Oid, index: Oid) {
        for (from, key) in self.snapshot.references_to(table) {
            if key.index == index {
                self.release_key(from.oid, key.oid, Dependent::Index(table, index));
            }
        }
    }

    /// Takes away a foreign key, unless it goes anyway.
    fn release_key(&mut self, from: Oid, key: Oid, on: Dependent) {
        let change = Change::DropConstraint {
            relation: from,
            constraint: key,
        };
        let relation = ObjectId::Relation(from);
        if self.visited.contains(&relation) || self.changes.contains(&change) {
            return;
        }
        self.changes.push(change);
        // A partition's part of a key goes without a word.
        let from_table = self.snapshot.relation(from);
        let is_part = from_table.is_some_and(|of| of.family.parts_of.contains_key(&key));
        if !self.roots.contains(&relation) && !is_part {
            self.list(Dependent::Constraint(from, key), on);
        }
    }

    /// Takes away the policies of tables that stay for which something is so.
    fn release_policies(&mut self, on: ObjectId, does: impl Fn(&Policy) -> bool) {
        let snapshot = self.snapshot;
        for (table, policy) in snapshot.policies_that(does) {
            if on != ObjectId::Relation(table.oid) {
                self.release_policy(table.oid, policy.oid, Dependent::Object(on));
            }
        }
    }

    /// Takes away a policy, unless it goes anyway.
    fn release_policy(&mut self, table: Oid, policy: Oid, on: Dependent) {
        let change = Change::DropPolicy {
            relation: table,
            policy,
        };
        let relation = ObjectId::Relation(table);
        if self.visited.contains(&relation) || self.changes.contains(&change) {
            return;
        }
        self.changes.push(change);
        if !self.roots.contains(&relation) {
            self.list(Dependent::Policy(table, policy), on);
        }
    }

    /// Takes away the triggers of tables that stay for which something is so.
    fn release_triggers(&mut self, on: ObjectId, does: impl Fn(&Trigger) -> bool) {
        let snapshot = self.snapshot;
        let mut found: Vec<(Oid, Oid)> = snapshot
            .triggers_that(does)
            .map(|(table, trigger)| (trigger.oid, table.oid))
            .collect();
        found.sort_unstable();
        for (trigger, table) in found {
            self.release_trigger(table, trigger, Dependent::Object(on));
        }
    }

    /// Takes away a trigger, unless it goes anyway.
    fn release_trigger(&mut self, table: Oid, trigger: Oid, on: Dependent) {
        let change = Change::DropTrigger {
            relation: table,
            trigger,
        };
        let relation = ObjectId::Relation(table);
        if self.visited.contains(&relation) || self.changes.contains(&change) {
            return;
        }
        self.changes.push(change);
        // A partition's part of a trigger goes with that, without a word.
        let snapshot = self.snapshot;
        let mut found = snapshot.triggers_that(|of| of.oid == trigger);
        let is_part = found.next().is_some_and(|(_, of)| of.parent.is_some());
        if !is_part && !self.roots.contains(&relation) {
            self.list(Dependent::Trigger(table, trigger), on);
        }
        let parts: Vec<(Oid, Oid)> = snapshot
            .triggers_that(|of| of.parent == Some(trigger))
            .map(|(table, part)| (table.oid, part.oid))
            .collect();
        for (table, part) in parts {
            self.release_trigger(table, part, on);
        }
    }

    fn list(&mut self, object: Dependent, on: Dependent) {
        self.others.push(Dependence { object, on });
    }

    /// Takes away what other tables have that refers to `oid`.
    fn release(&mut self, oid: Oid) {
        let on = Dependent::Object(ObjectId::Relation(oid));
        for (from, key) in self.snapshot.references_to(oid) {
            self.release_key(from.oid, key.oid, on);
        }
        let sequence = self.snapshot.relation(oid).and_then(|r| r.sequence());
        if sequence.is_none() {
            return;
        }
        for table in self.snapshot.relations() {
            let relation = ObjectId::Relation(table.oid);
            for column in &table.columns {
                let place = (table.oid, column.attnum);
                if self.visited.contains(&relation)
                    || self.columns.contains(&place)
                    || !column.sequences().contains(&oid)
                {
                    continue;
                }
                let change = Change::AlterColumn {
                    relation: table.oid,
                    column: Column {
                        default: None,
                        generation: None,
                        ..column.clone()
                    },
                };
                if self.changes.contains(&change) {
                    continue;
                }
                self.changes.push(change);
                if !self.roots.contains(&relation) {
                    self.list(Dependent::Default(table.oid, column.attnum), on);
                }
            }
        }
    }

    /// Takes away what of tables calls a function.
    fn release_calls(&mut self, routine: Oid) {
        let on = Dependent::Object(ObjectId::Routine(routine));
        for (oid, object) in self.snapshot.calls_of(routine) {
            let relation = ObjectId::Relation(oid);
            let Some(table) = self.snapshot.relation(oid) else {
                continue;
            };
            if self.changes.contains(&Change::Drop(relation)) {
                continue;
            }
            if !self.roots.contains(&relation) {
                self.list(object, on);
            }
            match object {
                Dependent::Column(_, attnum) => self.drop_column(table, attnum),
                Dependent::Constraint(_, constraint) | Dependent::Index(_, constraint) => {
                    self.drop_constraint(table, constraint);
                }
                Dependent::Default(_, attnum) => {
                    let column = table.columns.iter().find(|c| c.attnum == attnum);
                    let Some(column) = column else { continue };
                    let column = Column {
                        default: None,
                        ..column.clone()
                    };
                    let relation = oid;
                    self.changes.push(Change::AlterColumn { relation, column });
                }
                Dependent::Object(_)
                | Dependent::Attribute(..)
                | Dependent::Policy(..)
                | Dependent::Trigger(..) => {}
            }
        }
    }

    fn is_partition_of(&self, object: ObjectId, of: ObjectId) -> bool {
        match (object, of) {
            (ObjectId::Relation(oid), ObjectId::Relation(of)) => self
                .snapshot
                .relation(oid)
                .is_some_and(|it| it.is_partition() && it.family.parents.contains(&of)),
            _ => false,
        }
    }

    fn dropped_schema_of(&self, object: ObjectId) -> Option<ObjectId> {
        let schema = match object {
            ObjectId::Relation(oid) => self.snapshot.relation(oid)?.schema,
            ObjectId::Routine(oid) => self.snapshot.routine(oid)?.schema,
            ObjectId::Type(oid) => self.snapshot.user_type(oid)?.schema,
            ObjectId::Definition(oid) => self.snapshot.definition(oid)?.schema,
            ObjectId::Database
            | ObjectId::Schema(_)
            | ObjectId::Role(_)
            | ObjectId::LargeObject(_) => return None,
        };
        let schema = ObjectId::Schema(schema);
        self.roots.contains(&schema).then_some(schema)
    }

    /// Takes away the columns that are of type `oid`, and what refers to them.
    fn release_columns(&mut self, oid: Oid) {
        let mut columns: Vec<_> = self.snapshot.columns_of_type(oid).collect();
        let is_array = |table: &Relation, attnum: i16| {
            let mut columns = table.columns.iter();
            let column = columns.find(|column| column.attnum == attnum);
            column.is_some_and(|column| column.ty.declared() != oid)
        };
        // What is of the type's arrays comes first.
        columns.sort_by_key(|(table, attnum)| (!is_array(table, *attnum), table.oid, *attnum));
        for (table, attnum) in columns {
            let relation = ObjectId::Relation(table.oid);
            // It goes later in its own right, or went already.
            if self.visited.contains(&relation) || self.goes_with_schema(table) {
                let on = self.dropped_schema_of(relation).map(Dependent::Object);
                self.visit(relation, on);
                continue;
            }
            let of = table.columns.iter().find(|column| column.attnum == attnum);
            let of = of.map_or(oid, |column| column.ty.declared());
            let on = Dependent::Object(ObjectId::Type(of));
            self.list(Dependent::Column(table.oid, attnum), on);
            self.drop_column(table, attnum);
        }
    }

    /// Takes away the fields, of types of rows that stay, that are of type `oid`.
    fn release_attributes(&mut self, oid: Oid) {
        let mut types: Vec<Arc<UserType>> = Vec::new();
        for (of, _) in self.snapshot.attributes_of_type(oid) {
            if !types.iter().any(|other| other.oid == of.oid) {
                types.push(of.clone());
            }
        }
        for was in types {
            let object = ObjectId::Type(was.oid);
            let goes = self.roots.contains(&ObjectId::Schema(was.schema));
            if goes || self.roots.contains(&object) || self.visited.contains(&object) {
                let on = self.dropped_schema_of(object).map(Dependent::Object);
                self.visit(object, on);
                continue;
            }
            let mut ty = UserType::clone(&was);
            if let TypeKind::Composite(composite) = &mut ty.kind {
                composite.attributes.retain(|attribute| {
                    let goes = made_of(attribute.ty) == Some(oid);
                    if goes {
                        let on = Dependent::Object(ObjectId::Type(attribute.ty.declared()));
                        self.list(Dependent::Attribute(was.oid, attribute.attnum), on);
                    }
                    !goes
                });
            }
            self.changes.push(Change::AlterType {
                was: Box::new(UserType::clone(&was)),
                ty: Box::new(ty),
            });
        }
    }

    fn goes_with_schema(&self, relation: &Relation) -> bool {
        self.roots.contains(&ObjectId::Schema(relation.schema))
            || self.roots.contains(&ObjectId::Relation(relation.oid))
    }
}

/// Whether two OIDs are of one index or constraint of a table.
fn is_one(table: &Relation, one: Oid, other: Oid) -> bool {
    let both = |index: &Index| {
        let own = [Some(index.oid), index.constraint];
        own.contains(&Some(one)) && own.contains(&Some(other))
    };
    one == other || table.constraints.indexes.iter().any(both)
}
