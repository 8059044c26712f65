//! Tables that stand under others.

use std::sync::Arc;

use super::super::{Family, Relation, Snapshot};
use super::missing_relation;
use super::relation::table_only;
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    /// Parents are there.
    pub(super) fn set_family(&mut self, oid: Oid, family: &Family) -> Result<()> {
        table_only(self.must_relation(oid)?, "INHERIT")?;
        self.check_family(oid, family)?;
        self.relation_mut(oid)?.family = family.clone();
        Ok(())
    }

    pub(super) fn check_family(&self, oid: Oid, family: &Family) -> Result<()> {
        for parent in &family.parents {
            self.relation(*parent)
                .ok_or_else(|| missing_relation(*parent))?;
        }
        if self.is_above(oid, &family.parents) {
            return Err(Error::new(
                SqlState::DUPLICATE_TABLE,
                "circular inheritance not allowed",
            ));
        }
        Ok(())
    }

    /// `2BP01` for a table that others stand under: a drop takes them first.
    pub(super) fn refuse_children(&self, relation: &Relation) -> Result<()> {
        let is_child = |of: &&Arc<Relation>| of.family.parents.contains(&relation.oid);
        match self.relations().find(is_child) {
            None => Ok(()),
            Some(child) => Err(Error::new(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot drop table {} because other objects depend on it",
                    relation.name
                ),
            )
            .detail(format!(
                "table {} depends on table {}",
                child.name, relation.name
            ))),
        }
    }
}
