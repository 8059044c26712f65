//! VACUUM, ANALYZE, CHECKPOINT. The server merges and sweeps by itself, statistics come with the
//! files, and every commit is durable at once: so these check what PostgreSQL checks, and have
//! nothing left to do.

use super::drop::kind_of;
use super::{no_column, relation_of, tag};
use crate::base::{Result, SqlState};
use crate::catalog::ObjectId;
use crate::engine::command::{Maintenance, ObjectKind, ObjectName};
use crate::privileges::{self, Need};
use crate::session::{CommandTag, Session};

impl Session {
    /// VACUUM, ANALYZE, CHECKPOINT
    pub(in crate::session) fn maintain(
        &mut self,
        what: Maintenance,
        targets: &[(ObjectName, Vec<String>)],
    ) -> Result<CommandTag> {
        let (done, verb) = match what {
            Maintenance::Checkpoint => return self.checkpoint(),
            Maintenance::Vacuum => {
                self.refuse_in_block("VACUUM")?;
                ("VACUUM", "vacuum")
            }
            Maintenance::Analyze => ("ANALYZE", "analyze"),
        };
        let context = self.context()?;
        for (name, columns) in targets {
            let relation = relation_of(&context, name)?;
            for column in columns {
                if relation.column(column).is_none() {
                    return Err(no_column(relation, column));
                }
            }
            let owners = [ObjectId::Relation(relation.oid), ObjectId::Database].map(|object| {
                let need = Need::Owner {
                    role: context.role,
                    object,
                };
                privileges::authorize(&context.snapshot, &[need], ()).is_ok()
            });
            let skipped = if owners == [false, false] {
                format!("only table or database owner can {verb} it")
            } else if kind_of(relation) != ObjectKind::Table {
                format!("cannot {verb} non-tables or special system tables")
            } else {
                continue;
            };
            let message = format!("skipping \"{}\" --- {skipped}", relation.name);
            self.warning(SqlState::WARNING, message);
        }
        Ok(tag(done))
    }

    fn checkpoint(&mut self) -> Result<CommandTag> {
        let context = self.context()?;
        let need = Need::Predefined {
            role: context.role,
            of: "pg_checkpoint",
            to: "do CHECKPOINT".into(),
        };
        privileges::authorize(&context.snapshot, &[need], ())?;
        Ok(tag("CHECKPOINT"))
    }
}
