//! Triggers.

use super::super::{Snapshot, Trigger};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    /// Names are unique, and the functions are there.
    pub(super) fn set_triggers(&mut self, oid: Oid, triggers: &[Trigger]) -> Result<()> {
        let relation = self.must_relation(oid)?;
        let mut triggers = triggers.to_vec();
        triggers.sort_by(|a, b| a.name.cmp(&b.name));
        for (one, next) in triggers.iter().zip(triggers.iter().skip(1)) {
            if one.name == next.name {
                return Err(Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!(
                        "trigger \"{}\" for relation \"{}\" already exists",
                        one.name, relation.name
                    ),
                ));
            }
        }
        for trigger in &triggers {
            self.must_routine(trigger.routine)?;
        }
        self.relation_mut(oid)?.triggers = triggers;
        Ok(())
    }
}
