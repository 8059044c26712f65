//! What tables promise of their rows, and sequences.

use std::collections::BTreeSet;

use super::super::{Constraints, Dependent, Relation, RelationKind, Sequence, Snapshot};
use super::relation::table_only;
use super::{concurrent_update, wrong_kind};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    pub(super) fn set_constraints(&mut self, oid: Oid, constraints: &Constraints) -> Result<()> {
        let relation = self.must_relation(oid)?.clone();
        if !matches!(relation.kind, RelationKind::Materialized { .. }) {
            table_only(&relation, "ADD CONSTRAINT")?;
        }
        self.check_constraints(&relation, constraints)?;
        self.relation_mut(oid)?.constraints = constraints.clone();
        Ok(())
    }

    pub(super) fn drop_constraint(&mut self, oid: Oid, constraint: Oid) -> Result<()> {
        let relation = self.must_relation(oid)?.clone();
        let what = self.describe_dependent(Dependent::Constraint(oid, constraint), &|object| {
            self.describe(object)
        });
        let closure = self.constraint_closure(relation.oid, constraint)?;
        closure.refuse(&format!("drop {what}"), &|dependent| {
            self.describe_dependent(dependent, &|object| self.describe(object))
        })?;
        let relation = self.relation_mut(oid)?;
        relation.family.constraints.remove(&constraint);
        let both = relation.constraints.indexes.iter().find_map(|index| {
            let own = [Some(index.oid), index.constraint];
            own.contains(&Some(constraint)).then_some(own)
        });
        let gone = both.unwrap_or([Some(constraint), None]);
        relation
            .family
            .parts_of
            .retain(|part, _| !gone.contains(&Some(*part)));
        let kept = &mut relation.constraints;
        kept.indexes
            .retain(|index| index.oid != constraint && index.constraint != Some(constraint));
        kept.comments.remove(&constraint);
        kept.checks.retain(|check| check.oid != constraint);
        kept.foreign.retain(|key| key.oid != constraint);
        Ok(())
    }

    /// Names are free, columns are there, tables referred to are there.
    pub(super) fn check_constraints(
        &self,
        relation: &Relation,
        constraints: &Constraints,
    ) -> Result<()> {
        let known = |attnum: i16| relation.columns.iter().any(|c| c.attnum == attnum);
        let mut names = BTreeSet::new();
        for name in constraints.names() {
            if !names.insert(name) {
                return Err(Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!(
                        "constraint \"{name}\" for relation \"{}\" already exists",
                        relation.name
                    ),
                ));
            }
        }
        let mut indexes = BTreeSet::new();
        for index in &constraints.indexes {
            let elsewhere = self
                .index_named(relation.schema, &index.name)
                .is_some_and(|(of, _)| of.oid != relation.oid)
                || self.relation_named(relation.schema, &index.name).is_some()
                || index.name == relation.name;
            if elsewhere || !indexes.insert(index.name.as_str()) {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{}\" already exists", index.name),
                ));
            }
        }
        let read = constraints
            .indexes
            .iter()
            .flat_map(|index| index.columns())
            .chain(
                constraints
                    .checks
                    .iter()
                    .flat_map(|c| c.columns.iter().copied()),
            )
            .chain(
                constraints
                    .foreign
                    .iter()
                    .flat_map(|k| k.columns.iter().copied()),
            );
        if let Some(missing) = read.into_iter().find(|attnum| !known(*attnum)) {
            return Err(Error::internal(
                "checking constraints",
                format!("{} has no column {missing}", relation.name),
            ));
        }
        for key in &constraints.foreign {
            if key.table != relation.oid {
                self.must_relation(key.table)?;
            }
        }
        Ok(())
    }

    pub(super) fn alter_sequence(&mut self, oid: Oid, sequence: &Sequence) -> Result<()> {
        let relation = self.relation_mut(oid)?;
        if relation.sequence().is_none() {
            return Err(wrong_kind(relation, "sequence"));
        }
        relation.kind = RelationKind::Sequence(sequence.clone());
        Ok(())
    }

    pub(super) fn reword(&mut self, oid: Oid, was: &str, query: &str) -> Result<()> {
        let relation = self.relation_mut(oid)?;
        if let RelationKind::View(view) | RelationKind::Materialized { view, .. } =
            &mut relation.kind
        {
            if view.query != was {
                return Err(concurrent_update());
            }
            view.query = query.to_owned();
            return Ok(());
        }
        Err(wrong_kind(relation, "view"))
    }

    pub(super) fn populate(&mut self, oid: Oid, now: bool) -> Result<()> {
        let relation = self.relation_mut(oid)?;
        if let RelationKind::Materialized { populated, .. } = &mut relation.kind {
            *populated = now;
            return Ok(());
        }
        Err(wrong_kind(relation, "materialized view"))
    }
}
