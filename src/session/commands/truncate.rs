//! TRUNCATE.

use std::collections::HashMap;

use super::{relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Firing, ObjectId, Privilege, Privileges, RelationKind, TriggerEvent};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::observe::Interrupt;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// TRUNCATE
    pub(in crate::session) async fn truncate(
        &mut self,
        names: &[(ObjectName, bool)],
        restart: bool,
        cascade: bool,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let mut held = HashMap::new();
        let (tables, needs) = loop {
            let context = self.context()?;
            let emptied = emptied(&context, names, cascade)?;
            privileges::authorize(&context.snapshot, &emptied.needs, ())?;
            let locks = emptied.tables.iter();
            let locks = locks.map(|table| (*table, LockMode::Exclusive)).collect();
            // What a table refers to, and what stands under one, may have changed meanwhile.
            if !self.lock_more(&mut held, locks, run.interrupt).await? {
                for name in emptied.cascades {
                    self.notice(format!("truncate cascades to table \"{name}\""));
                }
                break (emptied.tables, emptied.needs);
            }
        };
        for table in &tables {
            self.refuse_in_use(*table, "TRUNCATE")?;
        }
        self.fire_truncate(&tables, Firing::Before, run.interrupt)
            .await?;
        let context = self.context()?;
        let mut changes: Vec<Change> = tables
            .iter()
            .filter_map(|table| context.snapshot.relation(*table))
            .filter_map(|relation| Change::emptying(relation))
            .collect();
        if restart {
            for table in &tables {
                changes.extend(self.restarted(&context, *table)?);
            }
        }
        self.push_needing(changes, &needs)?;
        self.transaction()?.note_emptied(tables.clone());
        self.fire_truncate(&tables, Firing::After, run.interrupt)
            .await?;
        Ok(tag("TRUNCATE TABLE"))
    }

    async fn fire_truncate(
        &mut self,
        tables: &[Oid],
        when: Firing,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        for table in tables {
            if let Some(relation) = context.snapshot.relation(*table).cloned() {
                let how = (when, TriggerEvent::Truncate);
                let work = self.fire_statement(&relation, how, &[], (&[], &[]), interrupt);
                Box::pin(work).await?;
            }
        }
        Ok(())
    }
}

/// What a TRUNCATE empties.
#[derive(Default)]
struct Emptied {
    tables: Vec<Oid>,
    needs: Vec<Need>,
    /// The names of tables that are emptied for what they refer to.
    cascades: Vec<String>,
}

impl Emptied {
    fn need(&mut self, context: &StatementContext, table: Oid) {
        self.needs.push(Need::Privilege {
            role: context.role,
            object: ObjectId::Relation(table),
            any_of: Privileges::from(Privilege::Truncate),
        });
    }
}

/// What a TRUNCATE of `names`, each with whether it is for ONLY that table, empties.
fn emptied(
    context: &StatementContext,
    names: &[(ObjectName, bool)],
    cascade: bool,
) -> Result<Emptied> {
    let mut emptied = Emptied::default();
    for (name, only) in names {
        let relation = relation_of(context, name)?;
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a table", relation.name),
            ));
        }
        emptied.need(context, relation.oid);
        if *only && relation.is_partitioned() {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                "cannot truncate only a partitioned table",
            )
            .hint(
                "Do not specify the ONLY keyword, or use TRUNCATE ONLY on the partitions \
                 directly.",
            ));
        }
        // Who may empty a table may empty what stands under it.
        for oid in context.snapshot.meant(relation.oid, *only) {
            if !emptied.tables.contains(&oid) {
                emptied.tables.push(oid);
            }
        }
    }
    follow_references(context, &mut emptied, cascade)?;
    Ok(emptied)
}

/// Tables that refer to those to be emptied are emptied too, or stand against it.
fn follow_references(
    context: &StatementContext,
    emptied: &mut Emptied,
    cascade: bool,
) -> Result<()> {
    let mut next = 0;
    while let Some(table) = emptied.tables.get(next).copied() {
        next += 1;
        for (from, _) in context.snapshot.references_to(table) {
            if emptied.tables.contains(&from.oid) {
                continue;
            }
            if !cascade {
                let name = |oid| context.snapshot.relation(oid).map(|r| r.name.clone());
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .detail(format!(
                    "Table \"{}\" references \"{}\".",
                    from.name,
                    name(table).unwrap_or_default()
                ))
                .hint(format!(
                    "Truncate table \"{}\" at the same time, or use TRUNCATE ... CASCADE.",
                    from.name
                )));
            }
            emptied.cascades.push(from.name.clone());
            emptied.need(context, from.oid);
            emptied.tables.push(from.oid);
        }
    }
    Ok(())
}
