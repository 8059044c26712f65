//! LOCK TABLE, and taking a table's lock for a statement.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::{relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Privileges, Relation, RelationKind};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::observe::Interrupt;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// LOCK TABLE. The modes that only keep readers apart from writers have nothing to do here:
    /// reading takes no lock.
    pub(in crate::session) async fn lock_tables(
        &mut self,
        names: &[(ObjectName, bool)],
        mode: &str,
        nowait: bool,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        self.need_block("LOCK TABLE")?;
        let taken = match mode {
            "ACCESS SHARE" | "ROW SHARE" => None,
            "ROW EXCLUSIVE" => Some(LockMode::Append),
            "SHARE UPDATE EXCLUSIVE" => Some(LockMode::Rewrite),
            _ => Some(LockMode::Exclusive),
        };
        let context = self.context()?;
        let changing = [Privilege::Update, Privilege::Delete, Privilege::Truncate];
        let changing: Privileges = changing.into_iter().collect();
        let any_of = match mode {
            "ACCESS SHARE" => Privilege::Select.into(),
            "ROW EXCLUSIVE" => changing.union(Privilege::Insert.into()),
            _ => changing,
        };
        let mut named = Vec::new();
        for (name, only) in names {
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
            named.push((relation.oid, *only));
        }
        let Some(mode) = taken else {
            return Ok(tag("LOCK TABLE"));
        };
        let locks = |context: &StatementContext| {
            let mut locks = Vec::new();
            for (table, only) in &named {
                let tables = context.snapshot.meant(*table, *only).into_iter();
                locks.extend(tables.map(|table| (table, mode)));
            }
            locks
        };
        if nowait {
            for (table, mode) in locks(&context) {
                // Long enough to be asked, too short to wait for anybody.
                let name = context.snapshot.relation(table).map(|of| of.name.as_str());
                let name = name.unwrap_or_default();
                let given_up = format!("could not obtain lock on relation \"{name}\"");
                self.lock_within(Duration::ZERO, &given_up, table, mode, run.interrupt)
                    .await?;
            }
        }
        self.lock_wanted(run.interrupt, locks).await?;
        Ok(tag("LOCK TABLE"))
    }

    /// Takes a table's lock until the end of the transaction. Others see what the session waits
    /// for.
    pub(super) async fn lock(
        &mut self,
        table: Oid,
        mode: LockMode,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let timeout = match self.values.settings.lock_timeout_ms() {
            0 => Duration::MAX,
            milliseconds => Duration::from_millis(milliseconds),
        };
        let given_up = "canceling statement due to lock timeout";
        self.lock_within(timeout, given_up, table, mode, interrupt)
            .await
    }

    /// Takes the locks that are wanted of the catalog as it is, and then those of the catalog as
    /// it is once they are held, until there are no more. Gives the catalog as it is then.
    pub(super) async fn lock_wanted(
        &mut self,
        interrupt: &Interrupt,
        wanted: impl Fn(&StatementContext) -> Vec<(Oid, LockMode)>,
    ) -> Result<Arc<StatementContext>> {
        let mut held = HashMap::new();
        loop {
            let context = self.context()?;
            if !self
                .lock_more(&mut held, wanted(&context), interrupt)
                .await?
            {
                return Ok(context);
            }
        }
    }

    /// Takes those locks that are not held yet; whether there were any.
    pub(super) async fn lock_more(
        &mut self,
        held: &mut HashMap<Oid, LockMode>,
        wanted: Vec<(Oid, LockMode)>,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let mut any = false;
        for (table, mode) in wanted {
            if held.get(&table).is_none_or(|has| *has < mode) {
                self.lock(table, mode, interrupt).await?;
                held.insert(table, mode);
                any = true;
            }
        }
        Ok(any)
    }

    /// A table, locked against all others until the end of the transaction, as it is then.
    pub(super) async fn locked(
        &mut self,
        table: Oid,
        interrupt: &Interrupt,
    ) -> Result<Arc<Relation>> {
        self.lock(table, LockMode::Exclusive, interrupt).await?;
        let relation = self.context()?.snapshot.relation(table).cloned();
        relation.ok_or_else(|| Error::internal("locking a table", "it is gone"))
    }

    /// `55006` for a table that a statement of the session's is changing, or whose rows foreign
    /// keys or constraint triggers are still to look at.
    pub(super) fn refuse_in_use(&mut self, table: Oid, doing: &str) -> Result<()> {
        let mut changing = self.changing.iter();
        let is_changing = changing.any(|changing| changing.tables.contains(&table));
        let why = match self.opened()?.deferral.awaits(table) {
            _ if is_changing => "it is being used by active queries in this session",
            true => "it has pending trigger events",
            false => return Ok(()),
        };
        let context = self.context()?;
        let relation = context.snapshot.relation(table);
        let name = relation.map_or("", |relation| relation.name.as_str());
        Err(Error::new(
            SqlState::OBJECT_IN_USE,
            format!("cannot {doing} \"{name}\" because {why}"),
        ))
    }

    /// `55P03` saying `given_up` if the lock is not granted in time.
    pub(super) async fn lock_within(
        &mut self,
        timeout: Duration,
        given_up: &str,
        table: Oid,
        mode: LockMode,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let activity = self.activity.clone();
        let lock = self.transaction()?.lock(table, mode, interrupt);
        activity.update(|doing| doing.wait_event = Some("Lock"));
        let locked = tokio::time::timeout(timeout, lock).await;
        activity.update(|doing| doing.wait_event = None);
        match locked {
            Ok(locked) => locked,
            Err(_elapsed) => Err(Error::new(SqlState::LOCK_NOT_AVAILABLE, given_up)),
        }
    }
}
