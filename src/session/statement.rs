//! One statement's life: its interrupt and timer, the context it sees, the effects it leaves.

use std::sync::Arc;
use std::time::Duration;

use super::Session;
use crate::base::error::Report;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Snapshot;
use crate::observe::Interrupt;
use crate::observe::status::State;
use crate::pg_catalog::names;
use crate::privileges;
use crate::statement::{Effect, StatementContext};
use crate::types::{PgType, Style, pgtype};

/// The style with the enumerated types of a catalog.
fn styled(style: &Arc<Style>, snapshot: &Snapshot) -> Arc<Style> {
    if *snapshot.enums() == style.enums {
        return style.clone();
    }
    Arc::new(Style {
        enums: snapshot.enums().clone(),
        ..Style::clone(style)
    })
}

/// Bytes of a statement's text in `pg_stat_activity`.
const QUERY_BYTES_MAX: usize = 1023;

/// What runs, from its start until the session hears that the answer is over.
#[derive(Debug)]
pub(super) struct Running {
    interrupt: Interrupt,
    timer: Option<tokio::task::AbortHandle>,
}

impl Drop for Running {
    fn drop(&mut self) {
        if let Some(timer) = &self.timer {
            timer.abort();
        }
    }
}

impl Session {
    /// A statement starts: it can be interrupted from now on, its timer runs, others see it.
    ///
    /// # Errors
    /// What the effects of the statement before it fail with.
    pub(super) fn start(&mut self, text: &str) -> Result<Interrupt> {
        self.start_with(text, Interrupt::new())
    }

    /// As [`Session::start`] for rows that are taken up again: they listen to the interrupt they
    /// were made with.
    pub(super) fn start_with(&mut self, text: &str, interrupt: Interrupt) -> Result<Interrupt> {
        self.running = None;
        // Left over if a function's statements were given up midway.
        self.bodies.clear();
        self.changing.clear();
        self.pinned = None;
        (self.variables, self.blocks, self.handlers) = (None, 0, 0);
        self.atomic = self.in_block();
        self.loops.clear();
        self.carry_out_effects()?;
        let timeout = self.derived()?.statement_timeout_ms;
        let timer = (timeout > 0).then(|| {
            let interrupt = interrupt.clone();
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(timeout)).await;
                interrupt.interrupt(Error::new(
                    SqlState::QUERY_CANCELED,
                    "canceling statement due to statement timeout",
                ));
            })
            .abort_handle()
        });
        self.running = Some(Running {
            interrupt: interrupt.clone(),
            timer,
        });
        self.statement_time = super::now();
        self.portals.now = self.statement_time;
        self.activity.update(|doing| {
            doing.state = State::Active;
            doing.state_change = self.statement_time;
            doing.query_start = Some(self.statement_time);
            doing.query.clear();
            doing.query.push_str(shortened(text));
            doing.interrupt = Some(interrupt.clone());
            doing.transfer = None;
        });
        Ok(interrupt)
    }

    /// The session waits for its client again: nothing runs that could be interrupted.
    pub(super) fn rest(&mut self) {
        self.running = None;
        let state = match self.transaction_status() {
            super::TransactionStatus::Idle => State::Idle,
            super::TransactionStatus::InBlock => State::IdleInTransaction,
            super::TransactionStatus::Failed => State::IdleInTransactionAborted,
        };
        let now = super::now();
        self.activity.update(|doing| {
            doing.state = state;
            doing.state_change = now;
            doing.interrupt = None;
            doing.transfer = None;
            doing.wait_event = None;
        });
    }

    /// The interrupt of the statement that runs.
    pub(super) fn interrupt(&self) -> Interrupt {
        self.running
            .as_ref()
            .map(|running| running.interrupt.clone())
            .unwrap_or_default()
    }

    /// What the statement sees: the transaction's view as of now, pinned.
    ///
    /// # Errors
    /// `25P02` in a failed block, `40001` if the transaction's changes no longer apply.
    pub(super) fn context(&mut self) -> Result<Arc<StatementContext>> {
        self.settle_large_objects()?;
        let transaction = self.transaction()?;
        transaction.refresh()?;
        let view = transaction.view().clone();
        let snapshot = match &self.pinned {
            Some(pinned) => Arc::clone(pinned),
            None => self.with_arrived(view)?,
        };
        self.opened()?.used = true;
        let mut context = self.context_over(snapshot)?;
        for body in &self.bodies {
            if let Some((role, search_path)) = &body.caller {
                let mut called = StatementContext::clone(&context);
                called.role = *role;
                called.search_path = search_path.clone();
                context = Arc::new(called);
            }
            context = crate::engine::in_body(&context, &body.routine, body.types.clone());
        }
        if let Some(body) = self.bodies.last() {
            let mut called = StatementContext::clone(&context);
            let triggers = self.bodies.iter().filter(|body| body.tables.is_some());
            called.trigger_depth = triggers.count();
            called.transitions = body.tables.clone().unwrap_or_else(|| Arc::from([]));
            context = Arc::new(called);
        }
        if let Some(variables) = &self.variables {
            let mut named = StatementContext::clone(&context);
            named.arguments = Some(Arc::clone(variables));
            context = Arc::new(named);
        }
        Ok(context)
    }

    /// Whose rights what runs has: those of the session, or of the function whose statement it is.
    pub(super) fn acting_role(&self) -> Oid {
        let role = self.values.current_role();
        self.bodies.iter().fold(role, |role, body| {
            match (&body.caller, body.routine.security_definer) {
                (_, true) => body.routine.owner,
                (Some((caller, _)), false) => *caller,
                (None, false) => role,
            }
        })
    }

    /// For answers that look at no data (SHOW): what is known, without settling what the
    /// transaction sees.
    pub(super) fn bystander(&mut self) -> Result<Arc<StatementContext>> {
        let view = self.open.as_ref().and_then(|open| open.view()).cloned();
        self.context_over(view.unwrap_or_else(|| self.shared.database.snapshot()))
    }

    fn context_over(&mut self, snapshot: Arc<Snapshot>) -> Result<Arc<StatementContext>> {
        let derived = self.derived()?;
        let role = self.values.current_role();
        let search_path = privileges::search_path(
            &snapshot,
            role,
            &derived.search_path,
            self.temporary_schema
                .filter(|schema| snapshot.schema(*schema).is_some()),
        );
        let style = styled(&derived.style, &snapshot);
        Ok(Arc::new(StatementContext {
            snapshot,
            role,
            session_role: self.values.session_role,
            search_path,
            style,
            settings: self.values.settings.clone(),
            statement_time: self.statement_time,
            transaction_time: self
                .open
                .as_ref()
                .map_or(self.statement_time, |open| open.time),
            session: self.activity.id,
            sessions: self.shared.sessions.clone(),
            database: self.shared.database.clone(),
            listening: Arc::new(self.mailbox.channels()),
            prepared: self.prepared.listed().clone(),
            cursors: self.portals.listed(),
            effects: self.effects.clone(),
            last_values: self.last_values.clone(),
            random: self.random.clone(),
            interrupt: self.interrupt(),
            large_objects: self.open.as_ref().and_then(|open| open.large_objects()),
            files: Some(self.shared.engine.server_files().clone()),
            read_only: self.open.as_ref().is_some_and(|open| open.read_only),
            reads: self.open.as_ref().and_then(|open| open.reads()),
            constraint_modes: match &self.open {
                Some(open) => Arc::clone(&open.deferral.modes),
                None => Arc::default(),
            },
            view_definition: crate::engine::view_definition,
            view_base: crate::engine::view_base,
            laid_out: crate::engine::laid_out,
            in_routine: false,
            arguments: None,
            calls: None,
            skipped: Arc::default(),
            trigger_depth: 0,
            transitions: Arc::from([]),
        }))
    }

    /// How values are written and read outside a statement.
    pub(super) fn style(&mut self) -> Result<Arc<Style>> {
        let view = self.open.as_ref().and_then(|open| open.view()).cloned();
        let snapshot = view.unwrap_or_else(|| self.shared.database.snapshot());
        Ok(styled(&self.derived()?.style, &snapshot))
    }

    /// An error with the names of the users' types it speaks of.
    pub fn named(&mut self, error: Error) -> Error {
        let mut awaited = false;
        let error = error.reworded(|text| {
            awaited |= pgtype::awaits_names(text);
            None
        });
        if !awaited {
            return error;
        }
        let Ok(context) = self.bystander() else {
            return error;
        };
        let name = |oid| names::name(&context, PgType::REGTYPE, oid);
        error.reworded(|text| pgtype::named(text, name))
    }

    /// Does what functions of the last statement asked for. They run while rows stream, so this
    /// happens when the session is next spoken to, and at the latest before the commit.
    pub(super) fn carry_out_effects(&mut self) -> Result<()> {
        for effect in self.effects.drain() {
            match effect {
                Effect::Notify(channel, payload) => self.transaction()?.notify(channel, payload),
                Effect::SetConfig { name, value, local } => self.set(&name, &value, local)?,
                Effect::Report(report) => self.report(report),
            }
        }
        self.settle_large_objects()
    }

    /// Says something to the client beside the answer.
    pub(super) fn report(&mut self, report: Report) {
        if self.values.settings.lets_through(report.level) {
            self.reports.push(report);
        }
    }

    /// Says a NOTICE.
    pub(super) fn notice(&mut self, message: impl Into<String>) {
        self.report(Report::notice(message));
    }

    /// Storage parameters are about pages, which tables here do not have.
    pub(super) fn say_no_effect(&mut self, storage: &[(String, String)]) {
        for (name, _) in storage {
            self.notice(format!("storage parameter \"{name}\" has no effect"));
        }
    }

    /// Says a WARNING.
    pub(super) fn warning(&mut self, state: SqlState, message: impl Into<String>) {
        self.report(Report::warning(state, message));
    }

    /// Whether the current role is superuser.
    pub(super) fn is_superuser(&self, role: Oid) -> bool {
        let is_superuser = |view: &Snapshot| view.role(role).is_some_and(|role| role.superuser);
        match self.open.as_ref().and_then(|open| open.view()) {
            Some(view) => is_superuser(view),
            None => is_superuser(&self.shared.database.snapshot()),
        }
    }
}

/// As much of a statement as others are shown (PostgreSQL's `track_activity_query_size`).
fn shortened(text: &str) -> &str {
    let mut end = text.len().min(QUERY_BYTES_MAX);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}
