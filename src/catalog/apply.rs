//! `apply`: the only way from one snapshot to the next.

use super::{Change, Snapshot};
use crate::base::Result;

impl Snapshot {
    /// The snapshot with `changes` made, in order. Pure; checks every invariant of the catalog (names unique, owners
    /// and schemas exist, nothing depends on what is dropped, segments removed are there).
    ///
    /// The version stays: only a commit gives a new one ([`Snapshot::at_version`]).
    ///
    /// # Errors
    /// PostgreSQL's: `42P06`, `42P07`, `42710` duplicates; `3F000`, `42P01`, `42704`, `42703` missing; `2BP01` dependants;
    /// `40001` a segment to remove is gone, or the object changed was dropped by another transaction.
    pub fn apply(&self, changes: &[Change]) -> Result<Self> {
        let _ = changes;
        todo!()
    }
}
