//! Tables that stand under others.

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
        let above = self.descendants(oid);
        if family.parents.contains(&oid)
            || above
                .iter()
                .any(|under| family.parents.contains(&under.oid))
        {
            return Err(Error::new(
                SqlState::DUPLICATE_TABLE,
                "circular inheritance not allowed",
            ));
        }
        Ok(())
    }

    /// `2BP01` for a table that others stand under: a drop takes them first.
    pub(super) fn refuse_children(&self, relation: &Relation) -> Result<()> {
        match self.children(relation.oid).first() {
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
