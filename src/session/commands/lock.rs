//! LOCK TABLE, and taking a table's lock for a statement.

use std::time::Duration;

use super::{relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Privileges, RelationKind};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::observe::Interrupt;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};

impl Session {
    /// LOCK TABLE. The modes that only keep readers apart from writers have nothing to do here: reading takes no lock.
    pub(in crate::session) async fn lock_tables(
        &mut self,
        names: &[ObjectName],
        mode: &str,
        nowait: bool,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        self.need_block("LOCK TABLE")?;
        if nowait {
            return Err(Error::unsupported("LOCK TABLE … NOWAIT"));
        }
        let taken = match mode {
            "ACCESS SHARE" | "ROW SHARE" => None,
            "ROW EXCLUSIVE" => Some(LockMode::Append),
            "SHARE UPDATE EXCLUSIVE" => Some(LockMode::Rewrite),
            _ => Some(LockMode::Exclusive),
        };
        let context = self.context()?;
        let any_of: Privileges = match taken {
            None => [
                Privilege::Select,
                Privilege::Update,
                Privilege::Delete,
                Privilege::Truncate,
            ]
            .into_iter()
            .collect(),
            Some(LockMode::Append) => [
                Privilege::Insert,
                Privilege::Update,
                Privilege::Delete,
                Privilege::Truncate,
            ]
            .into_iter()
            .collect(),
            Some(LockMode::Rewrite | LockMode::Exclusive) => {
                [Privilege::Update, Privilege::Delete, Privilege::Truncate]
                    .into_iter()
                    .collect()
            }
        };
        let mut tables = Vec::new();
        for name in names {
            let relation = relation_of(&context, name)?;
            if matches!(relation.kind, RelationKind::Foreign { .. }) {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot lock relation \"{}\"", relation.name),
                )
                .detail("This operation is not supported for foreign tables."));
            }
            let need = Need::Privilege {
                role: context.role,
                object: ObjectId::Relation(relation.oid),
                any_of,
            };
            privileges::authorize(&context.snapshot, &[need], ())?;
            tables.push(relation.oid);
        }
        if let Some(mode) = taken {
            for table in tables {
                self.lock(table, mode, run.interrupt).await?;
            }
        }
        Ok(tag("LOCK TABLE"))
    }

    /// Takes a table's lock until the end of the transaction. Others see what the session waits for.
    pub(super) async fn lock(
        &mut self,
        table: Oid,
        mode: LockMode,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let activity = self.activity.clone();
        activity.update(|doing| doing.wait_event = Some("Lock"));
        let timeout = match self.values.settings.lock_timeout_ms() {
            0 => Duration::MAX,
            milliseconds => Duration::from_millis(milliseconds),
        };
        let locked = match self.transaction() {
            Ok(transaction) => {
                match tokio::time::timeout(timeout, transaction.lock(table, mode, interrupt)).await
                {
                    Ok(locked) => locked,
                    Err(_elapsed) => Err(Error::new(
                        SqlState::LOCK_NOT_AVAILABLE,
                        "canceling statement due to lock timeout",
                    )),
                }
            }
            Err(error) => Err(error),
        };
        activity.update(|doing| doing.wait_event = None);
        locked
    }
}
