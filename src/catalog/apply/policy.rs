//! Row security.

use super::super::{RowSecurity, Snapshot};
use super::{missing_relation, missing_role, relation::table_only};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    /// Names are unique, and whom policies are for, what they read and what they call is there.
    pub(super) fn set_row_security(&mut self, oid: Oid, security: &RowSecurity) -> Result<()> {
        let relation = self.must_relation(oid)?;
        table_only(relation, "ROW SECURITY")?;
        let mut security = security.clone();
        security.policies.sort_by(|a, b| a.name.cmp(&b.name));
        let pairs = security
            .policies
            .iter()
            .zip(security.policies.iter().skip(1));
        for (one, next) in pairs {
            if one.name == next.name {
                return Err(Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!(
                        "policy \"{}\" for table \"{}\" already exists",
                        one.name, relation.name
                    ),
                ));
            }
        }
        for policy in &security.policies {
            for role in &policy.roles {
                self.role(*role).ok_or_else(|| missing_role(*role))?;
            }
            for condition in policy.conditions() {
                for read in condition.names.keys().filter(|oid| !oid.is_system()) {
                    self.relation(*read)
                        .ok_or_else(|| missing_relation(*read))?;
                }
                for routine in condition.routines.iter().filter(|oid| !oid.is_system()) {
                    self.must_routine(*routine)?;
                }
            }
        }
        self.relation_mut(oid)?.row_security = security;
        Ok(())
    }
}
