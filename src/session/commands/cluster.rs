//! CLUSTER. Rows are kept in the order they came in, whatever is said here: which index a table is
//! clustered on is checked and remembered, as by ALTER TABLE … CLUSTER ON.

use super::drop::kind_of;
use super::{relation_of, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::ObjectId;
use crate::engine::command::{ObjectKind, ObjectName, Tune};
use crate::privileges::{self, Need};
use crate::session::{CommandTag, Session};

impl Session {
    /// CLUSTER
    ///
    /// # Errors
    /// `42704` for an index that is not there, or none said before; `42809` for what is no table;
    /// `25001` for all tables in a block.
    pub(in crate::session) fn cluster(
        &mut self,
        table: Option<&(ObjectName, Option<String>)>,
    ) -> Result<CommandTag> {
        let done = tag("CLUSTER");
        let Some((name, index)) = table else {
            self.refuse_in_block("CLUSTER")?;
            return Ok(done);
        };
        let context = self.context()?;
        let relation = relation_of(&context, name)?.clone();
        if !matches!(
            kind_of(&relation),
            ObjectKind::Table | ObjectKind::MaterializedView
        ) {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a table or materialized view", relation.name),
            ));
        }
        let owner = Need::Owner {
            role: context.role,
            object: ObjectId::Relation(relation.oid),
        };
        privileges::authorize(&context.snapshot, &[owner], ())?;
        match index {
            Some(index) => {
                let tune = Tune::ClusterOn(Some(index.clone()));
                let changes = self.tuned(&context, &relation, &tune)?;
                self.push(changes, Vec::new())?;
            }
            None if relation.tuning.clustered_on.is_none() => {
                return Err(Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!(
                        "there is no previously clustered index for table \"{}\"",
                        relation.name
                    ),
                ));
            }
            None => {}
        }
        Ok(done)
    }
}
