//! What tables promise, kept after every statement that could break it: foreign keys, and
//! constraints that wait for the commit.
//!
//! Once a statement's changes are in the transaction, rows that refer to nothing ("orphans") are
//! looked for among the rows it wrote. Rows it took away, or gave another key, may leave others
//! behind that referred to them: to those is done what their foreign keys say. Locks see to it that
//! nobody changes the other side meanwhile.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use super::foreign_key::{names_of, reference_locks};
use super::{alter, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, ForeignAction, ForeignKey, Privilege, Relation, Segment, TriggerEvent,
};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::engine::{AfterEvent, DmlKind, Gone, NamedTable, Touched};
use crate::observe::Interrupt;
use crate::privileges::{self, has_column_privilege};
use crate::session::serve::Changing;
use crate::session::state::Open;
use crate::session::triggers::is_replica;
use crate::session::waiting::{WaitingRow, WaitingRows};
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;

/// What a statement did: promises are kept and triggers fire after it.
#[derive(Debug, Default)]
pub(in crate::session) struct Done {
    /// To which tables.
    pub(in crate::session) touched: Vec<Touched>,
    /// What triggers are told of.
    pub(in crate::session) events: Vec<AfterEvent>,
}

/// Which rows that refer to nothing are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Orphans {
    /// All.
    All,
    /// Those that did not before the transaction.
    New,
}

impl Session {
    /// Keeps what depends on tables that a statement changed, and fires what fires after it. What
    /// foreign keys change because of it comes after all of that, as in PostgreSQL.
    pub(in crate::session) async fn keep_promises(
        &mut self,
        mut done: Done,
        interrupt: &Interrupt,
    ) -> Result<()> {
        // What fires once before a statement has fired for what it names itself.
        let mut begun: BTreeSet<(Oid, TriggerEvent)> = done.named().collect();
        let mut earlier = Vec::new();
        loop {
            let replica = is_replica(&*self.context()?);
            let mut next = Done::default();
            for touched in &done.touched {
                let keeping = self.keep_promises_of(touched, replica, interrupt);
                keeping.await?;
                if !replica {
                    let settling = self.settle_all(touched, &mut next, &mut begun, interrupt);
                    Box::pin(settling).await?;
                }
            }
            done.fire_once(&next);
            let events = (earlier.as_slice(), done.events.as_slice());
            Box::pin(self.after_triggers(events, interrupt)).await?;
            self.carry_out_effects()?;
            if next.touched.is_empty() && next.events.is_empty() {
                return Ok(());
            }
            earlier.extend(std::mem::replace(&mut done, next).events);
        }
    }

    async fn keep_promises_of(
        &mut self,
        touched: &Touched,
        replica: bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(touched.table).cloned() else {
            return Ok(());
        };
        if touched.written.is_empty() {
            return Ok(());
        }
        for index in relation.constraints.unique() {
            if let Some(constraint) = index.constraint
                && context
                    .constraint_modes
                    .is_deferred(constraint, index.timing)
            {
                self.wait_for_commit(relation.oid, constraint, None)?;
            }
        }
        if replica {
            return Ok(());
        }
        // A trigger may have changed other columns than the statement names.
        let any =
            touched.kinds.contains(&DmlKind::Insert) || relation.may_rewrite(TriggerEvent::Update);
        for key in &relation.constraints.foreign {
            let changed = || key.columns.iter().any(|c| touched.changed.contains(c));
            // A key that is NULL in part may not even stay so.
            let partly = key.full && key.columns.len() > 1;
            if !(any || partly || changed()) {
                continue;
            }
            if relation.constraints.unkept.contains(&key.oid) {
                continue;
            }
            if context.constraint_modes.is_deferred(key.oid, key.timing) {
                self.wait_for_commit(relation.oid, key.oid, Some(relation.oid))?;
                continue;
            }
            let among = (touched.written.as_slice(), Orphans::New);
            self.refuse_orphans(&context, &relation, key, among, interrupt)
                .await?;
        }
        Ok(())
    }

    /// Does what foreign keys say to the rows that referred to rows of a table now gone.
    async fn settle_all(
        &mut self,
        touched: &Touched,
        next: &mut Done,
        begun: &mut BTreeSet<(Oid, TriggerEvent)>,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if touched.gone.is_empty() {
            return Ok(());
        }
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(touched.table).cloned() else {
            return Ok(());
        };
        let referring: Vec<(Arc<Relation>, ForeignKey)> = context
            .snapshot
            .references_to(touched.table)
            .filter(|(_, key)| !relation.constraints.unkept.contains(&key.oid))
            .map(|(from, key)| (from.clone(), key.into_owned()))
            .collect();
        for (from, key) in referring {
            for gone in &touched.gone {
                // Whoever refers to a row minds only what becomes of its key.
                let Some(gone) = gone.with_other(&relation, &key.references)? else {
                    continue;
                };
                self.settle(
                    &relation,
                    &from,
                    &key,
                    &gone,
                    (&mut *next, &mut *begun),
                    interrupt,
                )
                .await?;
            }
        }
        Ok(())
    }

    /// `23503` for a row among some that refers to nothing.
    pub(super) async fn refuse_orphans(
        &self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        key: &ForeignKey,
        (among, which): (&[Arc<Segment>], Orphans),
        interrupt: &Interrupt,
    ) -> Result<()> {
        let server = super::alter::as_server(context);
        let engine = self.shared.engine.clone();
        let work = engine.orphan(&server, relation, among, key, interrupt);
        let mut orphan = interruptible(interrupt, work).await?;
        if which == Orphans::New
            && orphan.as_ref().is_some_and(|found| found.values.is_some())
            && let Some(before) = self.open.as_ref().and_then(Open::unchanged)
            && let Some(found) = orphan.take()
        {
            let work = engine.new_orphan(&server, relation, among, &before, key, found, interrupt);
            orphan = interruptible(interrupt, work).await?;
        }
        let Some(orphan) = orphan else {
            return Ok(());
        };
        let parent = context.snapshot.relation(key.table);
        if let (true, Some(parent), Some(values)) = (orphan.stranded, parent, &orphan.values) {
            return Err(still_referenced(context, parent, relation, key, values));
        }
        let place = context.snapshot.qualified_name(relation);
        let detail = match &orphan.values {
            Some(values) => format!(
                "{} is not present in table \"{}\".",
                shown_key(context, relation, &key.columns, values),
                parent.map_or("?", |parent| parent.name.as_str())
            ),
            None => "MATCH FULL does not allow mixing of null and nonnull key values.".to_owned(),
        };
        Err(Error::new(
            SqlState::FOREIGN_KEY_VIOLATION,
            format!(
                "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
                relation.name, key.name
            ),
        )
        .detail(detail)
        .table(place.schema, place.name)
        .constraint(&key.name))
    }

    /// Does to the rows of `from` that referred to rows now gone what their key says.
    async fn settle(
        &mut self,
        parent: &Arc<Relation>,
        from: &Arc<Relation>,
        key: &ForeignKey,
        gone: &Gone,
        (next, begun): (&mut Done, &mut BTreeSet<(Oid, TriggerEvent)>),
        interrupt: &Interrupt,
    ) -> Result<()> {
        let action = match gone.is_update() {
            true => key.on_update,
            false => key.on_delete,
        };
        let context = self.context()?;
        let Some(from) = context.snapshot.relation(from.oid).cloned() else {
            return Ok(());
        };
        let deferred = context.constraint_modes.is_deferred(key.oid, key.timing);
        if action == ForeignAction::NoAction && deferred {
            return self.wait_for_commit(from.oid, key.oid, Some(parent.oid));
        }
        let server = alter::as_server(&context);
        let engine = self.shared.engine.clone();
        if matches!(action, ForeignAction::NoAction | ForeignAction::Restrict) {
            let work = engine.stranded(&server, parent, &from, key, gone, action, interrupt);
            let Some(values) = interruptible(interrupt, work).await? else {
                return Ok(());
            };
            let from = whole(&context, &from, key.oid);
            return Err(still_referenced(&context, parent, &from, key, &values));
        }
        if from.family.parts_of.contains_key(&key.oid) {
            // It was done to the rows of the partitioned table.
            return Ok(());
        }
        let locks = |context: &StatementContext| {
            let tables = context.snapshot.meant(from.oid, !from.is_partitioned());
            let tables = tables.into_iter();
            tables.map(|table| (table, LockMode::Rewrite)).collect()
        };
        let context = self.lock_wanted(interrupt, locks).await?;
        let server = alter::as_server(&context);
        let work = engine.bind_consequence(&server, parent, &from, key, gone, action);
        let bound = interruptible(interrupt, work).await?;
        let mut named = bound.named();
        named.retain(|of| begun.insert((of.table, of.event)));
        self.before_statement(&named, interrupt).await?;
        let targets = bound.targets.clone();
        let wanted = targets.iter();
        let wanted = wanted.flat_map(|(table, kind)| reference_locks(&server, *table, *kind));
        self.lock_more(&mut HashMap::new(), wanted.collect(), interrupt)
            .await?;
        let authorized = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let (calling, mut queue) = server.calling(self.acting_role());
        let before = self.changing.len();
        let tables = targets.iter().map(|(table, _)| *table).collect();
        self.changing.push(Changing::new(tables, false));
        let work = engine.execute_dml(&calling, authorized, &[], interrupt);
        let done = self.serving(&mut queue, interrupt, work).await;
        self.changing.truncate(before);
        let done = done?;
        self.push_needing(done.changes, &[])?;
        next.touched.extend(done.touched);
        next.events.extend(done.events);
        Ok(())
    }

    /// A constraint of a table is to be checked before the commit; `changed`, if it is one, is the
    /// table whose rows make it so.
    fn wait_for_commit(&mut self, table: Oid, constraint: Oid, changed: Option<Oid>) -> Result<()> {
        let pending = &mut self.opened()?.deferral.pending;
        pending
            .entry((table, constraint))
            .or_default()
            .extend(changed);
        Ok(())
    }

    /// Checks what waited for the commit.
    ///
    /// # Errors
    /// `23503`, `23505`.
    pub(in crate::session) async fn check_deferred(&mut self) -> Result<()> {
        let waits = |open: &crate::session::state::Open| {
            let deferral = &open.deferral;
            !(open.failed || deferral.pending.is_empty() && deferral.waiting.is_empty())
        };
        if !self.open.as_ref().is_some_and(waits) {
            return Ok(());
        }
        let interrupt = self.interrupt();
        self.check_pending(&interrupt, &|_| true).await
    }

    /// Checks those of the constraints that wait which `now` says.
    async fn check_pending(
        &mut self,
        interrupt: &Interrupt,
        now: &(dyn Fn(Oid) -> bool + Send + Sync),
    ) -> Result<()> {
        let context = self.context()?;
        let pending = self.opened()?.deferral.pending.clone();
        for (table, constraint) in pending.into_keys() {
            if !now(constraint) {
                continue;
            }
            if let Some(relation) = context.snapshot.relation(table).cloned() {
                self.check_whole(&context, &relation, constraint, interrupt)
                    .await?;
            }
            let waiting = (table, constraint);
            self.opened()?.deferral.pending.remove(&waiting);
        }
        // What they do may make others wait, and break promises.
        loop {
            let deferral = &mut self.opened()?.deferral;
            let due = deferral.waiting.take(&|row| now(row.constraint));
            if due.is_empty() {
                break;
            }
            deferral.due.push(due);
            while let Some(next) = self.next_due()? {
                Box::pin(self.fire_waiting(&next, interrupt)).await?;
            }
            self.opened()?.deferral.due.pop();
        }
        let waits = |(_, constraint): &(Oid, Oid)| now(*constraint);
        if self.opened()?.deferral.pending.keys().any(waits) {
            return Box::pin(self.check_pending(interrupt, now)).await;
        }
        Ok(())
    }

    /// The next row whose turn it is.
    fn next_due(&mut self) -> Result<Option<Arc<WaitingRow>>> {
        let due = self.opened()?.deferral.due.last_mut();
        Ok(due.and_then(WaitingRows::pop))
    }

    /// Checks all rows of a table against a constraint of it, if it still has it. What was so
    /// before the transaction may stay so.
    async fn check_whole(
        &self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        constraint: Oid,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let constraints = &relation.constraints;
        if let Some(key) = constraints.foreign.iter().find(|key| key.oid == constraint) {
            let all = (relation.segments(), Orphans::New);
            return self
                .refuse_orphans(context, relation, key, all, interrupt)
                .await;
        }
        let index = constraints
            .unique()
            .find(|index| index.constraint == Some(constraint));
        match index {
            None => Ok(()),
            Some(index) => {
                let engine = self.shared.engine.clone();
                let work = engine.check_index(context, relation, index.oid, false);
                interruptible(interrupt, work).await
            }
        }
    }

    /// SET CONSTRAINTS
    pub(in crate::session) async fn set_constraints(
        &mut self,
        names: Option<&[ObjectName]>,
        deferred: bool,
    ) -> Result<CommandTag> {
        self.warn_outside_block("SET CONSTRAINTS");
        let context = self.context()?;
        let mut modes = context.constraint_modes.as_ref().clone();
        let mut named = None;
        match names {
            None => modes.set_all(deferred),
            Some(names) => {
                let mut found = Vec::new();
                for name in names {
                    found.extend(constraints_named(&context, name)?);
                }
                for constraint in &found {
                    modes.set(*constraint, deferred);
                }
                named = Some(found);
            }
        }
        self.opened()?.deferral.modes = Arc::new(modes);
        if !deferred {
            let interrupt = self.interrupt();
            let now = move |constraint: Oid| {
                named
                    .as_ref()
                    .is_none_or(|named| named.contains(&constraint))
            };
            self.check_pending(&interrupt, &now).await?;
        }
        Ok(tag("SET CONSTRAINTS"))
    }
}

impl Done {
    /// Of rows that COPY added.
    pub(super) fn copied(table: Oid, changes: &[Change]) -> Self {
        let named = NamedTable {
            table,
            event: TriggerEvent::Insert,
            changed: Vec::new(),
        };
        Self {
            touched: written_by(changes),
            events: vec![AfterEvent::Statement(named)],
        }
    }

    /// What is named, and what is done there.
    fn named(&self) -> impl Iterator<Item = (Oid, TriggerEvent)> {
        self.events.iter().filter_map(|event| match event {
            AfterEvent::Statement(named) => Some((named.table, named.event)),
            AfterEvent::Rows(_) => None,
        })
    }

    /// What fires once for a statement does so after the last of what it did.
    fn fire_once(&mut self, next: &Self) {
        let mut seen: BTreeSet<(Oid, TriggerEvent)> = next.named().collect();
        let mut events = std::mem::take(&mut self.events);
        events.reverse();
        events.retain(|event| match event {
            AfterEvent::Statement(named) => seen.insert((named.table, named.event)),
            AfterEvent::Rows(_) => true,
        });
        events.reverse();
        self.events = events;
    }
}

/// The deferrable constraints of a name, in the first schema of the search path that has one.
fn constraints_named(context: &StatementContext, name: &ObjectName) -> Result<Vec<Oid>> {
    let schemas: Vec<Oid> = match &name.schema {
        Some(schema) => vec![
            context
                .snapshot
                .schema_named(schema)
                .ok_or_else(|| {
                    Error::new(
                        SqlState::INVALID_SCHEMA_NAME,
                        format!("schema \"{schema}\" does not exist"),
                    )
                })?
                .oid,
        ],
        None => context.search_path.lookup.clone(),
    };
    for schema in schemas {
        let mut found = Vec::new();
        let relations = context.snapshot.relations();
        for relation in relations.filter(|relation| relation.schema == schema) {
            let constraints = &relation.constraints;
            let keys = constraints.indexes.iter().filter(|i| i.name == name.name);
            found.extend(keys.filter_map(|i| Some((i.constraint?, i.timing))));
            let foreign = constraints.foreign.iter();
            let foreign = foreign.filter(|key| key.name == name.name);
            found.extend(foreign.map(|key| (key.oid, key.timing)));
            let checks = constraints.checks.iter();
            let checks = checks.filter(|check| check.name == name.name);
            found.extend(checks.map(|check| (check.oid, Default::default())));
            let triggers = relation.triggers.iter().filter(|of| of.name == name.name);
            let constraints = triggers.filter_map(|of| of.constraint.as_ref());
            found.extend(constraints.map(|of| (of.oid, of.timing)));
        }
        if found.is_empty() {
            continue;
        }
        if found.iter().any(|(_, timing)| !timing.is_deferrable()) {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("constraint \"{}\" is not deferrable", name.name),
            ));
        }
        return Ok(found
            .into_iter()
            .map(|(constraint, _)| constraint)
            .collect());
    }
    Err(Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("constraint \"{}\" does not exist", name.name),
    ))
}

/// `23503` for a row that referred to one now gone.
/// The table whose foreign key one of a partition is a part of.
fn whole(context: &StatementContext, from: &Arc<Relation>, key: Oid) -> Arc<Relation> {
    let (mut from, mut key) = (Arc::clone(from), key);
    while let Some(of) = from.family.parts_of.get(&key).copied()
        && let Some(parent) = from.family.parents.first()
        && let Some(parent) = context.snapshot.relation(*parent)
    {
        (from, key) = (Arc::clone(parent), of);
    }
    from
}

fn still_referenced(
    context: &StatementContext,
    parent: &Relation,
    from: &Relation,
    key: &ForeignKey,
    values: &str,
) -> Error {
    let place = context.snapshot.qualified_name(from);
    Error::new(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!(
            "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \
             \"{}\"",
            parent.name, key.name, from.name
        ),
    )
    .detail(format!(
        "{} is still referenced from table \"{}\".",
        shown_key(context, parent, &key.references, values),
        from.name
    ))
    .table(place.schema, place.name)
    .constraint(&key.name)
}

/// A key with its values, if whoever asks may read all of them.
fn shown_key(
    context: &StatementContext,
    relation: &Relation,
    columns: &[i16],
    values: &str,
) -> String {
    let may = |column: &i16| {
        let (relation, role) = (relation.oid, context.role);
        has_column_privilege(
            &context.snapshot,
            role,
            relation,
            *column,
            Privilege::Select,
        )
    };
    let limited = privileges::is_limited(&context.snapshot, context.role, relation);
    match !limited && columns.iter().all(may) {
        true => format!("Key ({})=({values})", names_of(relation, columns)),
        false => "Key".to_owned(),
    }
}

/// The tables that changes add rows to.
fn written_by(changes: &[Change]) -> Vec<Touched> {
    changes
        .iter()
        .filter_map(|change| match change {
            Change::AddSegments { relation, segments } => {
                Some(Touched::inserted(*relation, segments.clone()))
            }
            _ => None,
        })
        .collect()
}
