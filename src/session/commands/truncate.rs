//! TRUNCATE.

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
        let context = self.context()?;
        let mut needs = Vec::new();
        let mut tables: Vec<Oid> = Vec::new();
        for (name, only) in names {
            let relation = relation_of(&context, name)?;
            if !matches!(relation.kind, RelationKind::Table { .. }) {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a table", relation.name),
                ));
            }
            needs.push(Need::Privilege {
                role: context.role,
                object: ObjectId::Relation(relation.oid),
                any_of: Privileges::from(Privilege::Truncate),
            });
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
            let below = match only {
                true => Vec::new(),
                false => context.snapshot.descendants(relation.oid),
            };
            for oid in std::iter::once(relation.oid).chain(below.iter().map(|of| of.oid)) {
                if !tables.contains(&oid) {
                    tables.push(oid);
                }
            }
        }
        self.follow_references(&context, &mut tables, cascade, &mut needs)?;
        privileges::authorize(&context.snapshot, &needs, ())?;
        for table in &tables {
            self.lock(*table, LockMode::Exclusive, run.interrupt)
                .await?;
        }
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

    /// Tables that refer to those to be emptied are emptied too, or stand against it.
    fn follow_references(
        &mut self,
        context: &StatementContext,
        tables: &mut Vec<Oid>,
        cascade: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let mut next = 0;
        while let Some(table) = tables.get(next).copied() {
            next += 1;
            let mut found = Vec::new();
            for (from, _) in context.snapshot.references_to(table) {
                if tables.contains(&from.oid) || found.contains(&from.oid) {
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
                found.push(from.oid);
            }
            for oid in found {
                if let Some(relation) = context.snapshot.relation(oid) {
                    self.notice(format!("truncate cascades to table \"{}\"", relation.name));
                }
                needs.push(Need::Privilege {
                    role: context.role,
                    object: ObjectId::Relation(oid),
                    any_of: Privileges::from(Privilege::Truncate),
                });
                tables.push(oid);
            }
        }
        Ok(())
    }
}
