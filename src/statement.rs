//! What one statement sees: a pinned snapshot, who asks, with which settings, when.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use arrow::record_batch::RecordBatch;

use crate::base::error::Report;
use crate::base::{Oid, Result, SessionId};
use crate::calls::{CallQueue, Calls, calls};
use crate::catalog::{Relation, Routine, SearchPath, Snapshot, Timing, View};
use crate::database::{Database, LargeObjectView, ReadSet};
use crate::observe::{Interrupt, Sessions};
use crate::settings::Settings;
use crate::types::{PgType, Style};

/// The context of one statement. Immutable while it runs; shared with the functions it calls.
#[derive(Debug, Clone)]
pub struct StatementContext {
    /// The catalog it sees: the transaction's view.
    pub snapshot: Arc<Snapshot>,
    /// `current_user`: whose privileges count.
    pub role: Oid,
    /// `session_user`.
    pub session_role: Oid,
    /// Where unqualified names are looked up, for `role`.
    pub search_path: SearchPath,
    /// The session's settings.
    pub settings: Arc<Settings>,
    /// How values are written and read.
    pub style: Arc<Style>,
    /// `statement_timestamp()`, microseconds since 1970-01-01 UTC.
    pub statement_time: i64,
    /// `now()`
    pub transaction_time: i64,
    /// Which session.
    pub session: SessionId,
    /// Every session, for `pg_stat_activity` and its kin.
    pub sessions: Arc<Sessions>,
    /// The database.
    pub database: Arc<Database>,
    /// Channels the session listens on.
    pub listening: Arc<Vec<String>>,
    /// The session's prepared statements, by name.
    pub prepared: Arc<BTreeMap<String, PreparedStatement>>,
    /// The session's open cursors and portals, by name.
    pub cursors: Arc<BTreeMap<String, Cursor>>,
    /// What the statement's functions ask the session to do once it is over.
    pub effects: Arc<Effects>,
    /// The values the session last took from sequences.
    pub last_values: Arc<LastValues>,
    /// What random() gives the session.
    pub random: Arc<Random>,
    /// Stops the statement.
    pub interrupt: Interrupt,
    /// The transaction's large objects; `None` outside of one.
    pub large_objects: Option<LargeObjectView>,
    /// Files of the server.
    pub files: Option<ServerFiles>,
    /// Whether the transaction is READ ONLY.
    pub read_only: bool,
    /// Where what is read is noted, if the transaction is SERIALIZABLE.
    pub reads: Option<Arc<ReadSet>>,
    /// What SET CONSTRAINTS said.
    pub constraint_modes: Arc<ConstraintModes>,
    /// The query behind a view, so that it means the same where names are looked up as in this
    /// statement. Reading queries is the engine's business, which functions stand below.
    pub view_definition: fn(&StatementContext, &Relation, &View) -> Result<String>,
    /// What a view stands on that changes reach through.
    pub view_base: fn(&StatementContext, &Relation) -> Option<ViewBase>,
    /// An expression that is kept as PostgreSQL lays it out, pretty or in full.
    pub laid_out: fn(&StatementContext, &str, bool) -> LaidOut,
    /// Whether this is what the body of a function sees, with a role or search path of its own.
    pub in_routine: bool,
    /// The parameters of the function whose statement this is.
    pub arguments: Option<Arc<Arguments>>,
    /// Where functions that do more than to answer a query are carried out; without it they cannot
    /// be called.
    pub calls: Option<Arc<Calls>>,
    /// Tables whose rows somebody else has locked, which SKIP LOCKED leaves out.
    pub skipped: Arc<BTreeSet<Oid>>,
    /// How many triggers fire within each other.
    pub trigger_depth: usize,
    /// The rows that the trigger whose function this is gives names to.
    pub transitions: Arc<[Transition]>,
}

/// What a view that changes reach through stands on.
#[derive(Debug, Clone)]
pub struct ViewBase {
    /// The table or view.
    pub relation: Oid,
    /// Which columns of it columns of the view are.
    pub columns: BTreeMap<i16, i16>,
}

/// An expression that is kept, to be shown.
#[derive(Debug, Clone)]
pub struct LaidOut {
    /// Its text.
    pub text: String,
    /// Whether it is the call of a function, which needs no parentheses among the parts of an
    /// index.
    pub is_call: bool,
}

impl LaidOut {
    /// The text as a part of an index or a partition key.
    pub fn as_part(self) -> String {
        match self.is_call {
            true => self.text,
            false => format!("({})", self.text),
        }
    }
}

/// All rows that a statement changed, as a trigger names them.
#[derive(Debug, Clone)]
pub struct Transition {
    /// REFERENCING … TABLE AS
    pub name: String,
    /// Their table.
    pub relation: Oid,
    /// The rows; none, if there are none.
    pub rows: Option<RecordBatch>,
}

/// Files of the server that functions may read and write: those in the folders its configuration
/// names. Entering them is the engine's business, which functions stand below.
#[derive(Debug, Clone)]
pub struct ServerFiles {
    /// The folders.
    pub roots: Arc<[PathBuf]>,
    /// Opens a file to read it.
    pub open: fn(&[PathBuf], &Path) -> Result<File>,
    /// Makes a file of what is written, once all is.
    pub create: fn(&[PathBuf], &Path, &mut FileWriter<'_>) -> Result<()>,
}

/// Writes the pieces of a file.
pub type FileWriter<'a> = dyn FnMut(&mut dyn FnMut(&[u8]) -> Result<()>) -> Result<()> + 'a;

/// What SET CONSTRAINTS said in a transaction.
#[derive(Debug, Clone, Default)]
pub struct ConstraintModes {
    all: Option<bool>,
    each: HashMap<Oid, bool>,
}

impl ConstraintModes {
    /// SET CONSTRAINTS ALL
    pub fn set_all(&mut self, deferred: bool) {
        self.all = Some(deferred);
        self.each.clear();
    }

    /// SET CONSTRAINTS of one, by its OID.
    pub fn set(&mut self, constraint: Oid, deferred: bool) {
        self.each.insert(constraint, deferred);
    }

    /// Whether a constraint is not checked before the commit.
    pub fn is_deferred(&self, constraint: Oid, timing: Timing) -> bool {
        timing.is_deferrable()
            && self
                .each
                .get(&constraint)
                .copied()
                .or(self.all)
                .unwrap_or(timing == Timing::Deferred)
    }
}

/// A session's random numbers: xoroshiro128**, seeded as PostgreSQL seeds it, so that setseed()
/// gives the same numbers there and here.
#[derive(Debug)]
pub struct Random {
    /// A plain mutex: held to take a number, never over an await.
    state: Mutex<[u64; 2]>,
}

impl Default for Random {
    fn default() -> Self {
        Self {
            state: Mutex::new([rand::random(), rand::random::<u64>() | 1]),
        }
    }
}

impl Random {
    /// setseed(): from -1 to 1.
    pub fn seed(&self, seed: f64) {
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        let mut seed = (((1_u64 << 52) - 1) as f64 * seed) as i64 as u64;
        let mut split = || {
            seed = seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mixed = (seed ^ (seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        };
        *self.lock() = [split(), split()];
    }

    /// A number from 0 to below 1.
    pub fn next(&self) -> f64 {
        let mut state = self.lock();
        let [first, second] = *state;
        let mixed = first ^ second;
        let value = first.wrapping_mul(5).rotate_left(7).wrapping_mul(9);
        *state = [
            first.rotate_left(24) ^ mixed ^ (mixed << 16),
            mixed.rotate_left(37),
        ];
        #[allow(clippy::cast_precision_loss)] // 52 bits
        let fraction = (value >> 12) as f64;
        fraction / (1_u64 << 52) as f64
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, [u64; 2]> {
        self.state
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// A prepared statement, as `pg_prepared_statements` tells of it.
#[derive(Debug, Clone)]
pub struct PreparedStatement {
    /// Its text: of PREPARE, if that made it.
    pub text: String,
    /// When it was made, microseconds since 1970-01-01 UTC.
    pub time: i64,
    /// Types of $1, $2, …
    pub parameters: Vec<Oid>,
    /// Whether PREPARE made it and not the protocol.
    pub from_sql: bool,
}

/// An open cursor, as `pg_cursors` tells of it.
#[derive(Debug, Clone)]
pub struct Cursor {
    /// Its text.
    pub text: String,
    /// Whether it outlives its transaction.
    pub holdable: bool,
    /// Whether it was declared SCROLL.
    pub scrollable: bool,
    /// Whether its rows are sent as binary.
    pub binary: bool,
    /// When it was opened, microseconds since 1970-01-01 UTC.
    pub time: i64,
}

/// What the statements of a body name beside columns: `$1`, `$2`, …, of these types.
#[derive(Debug)]
pub struct Arguments {
    /// What they are called.
    pub names: ArgumentNames,
    /// Their types.
    pub types: Vec<PgType>,
}

/// Names of a body's own.
#[derive(Debug)]
pub enum ArgumentNames {
    /// The inputs of a function in SQL. What is a column's name, too, is the column.
    Inputs(Arc<Routine>),
    /// Nothing: they are numbers alone.
    Numbers,
    /// The variables of PL/pgSQL, from the innermost block outwards. They have names alone, and
    /// what is a column's name, too, is ambiguous.
    Variables(Vec<VariableScope>),
}

/// The variables of a block.
#[derive(Debug)]
pub struct VariableScope {
    /// What qualifies them.
    pub label: Option<String>,
    /// Their names, and the arguments they are, from 0.
    pub variables: Vec<(String, Variable)>,
}

/// Which arguments a variable is.
#[derive(Debug, Clone)]
pub enum Variable {
    /// One.
    Value(usize),
    /// One for each field of a row.
    Row {
        /// The fields' names.
        fields: Vec<(String, usize)>,
        /// The type of the row, if it has one.
        ty: Option<PgType>,
        /// Whether it is NULL, and not a row of NULLs.
        null: bool,
    },
}

impl StatementContext {
    /// The same for a statement whose calls the session answers, and where it hears of them. There
    /// are none where there are no functions. `acting` is the role whose rights the session has.
    pub fn calling(self: &Arc<Self>, acting: Oid) -> (Arc<Self>, CallQueue) {
        if self.snapshot.routines().next().is_none() {
            return (Arc::clone(self), CallQueue::default());
        }
        let own = acting == self.role;
        let (calls, queue) = calls(own.then(|| (self.role, self.search_path.clone())));
        let context = Self {
            calls: Some(calls),
            ..Self::clone(self)
        };
        (Arc::new(context), queue)
    }

    /// What a function called in a body sees when another statement calls it: that statement's,
    /// with the role and the names of the body.
    pub fn called_by(&self, other: &Arc<Self>) -> Arc<Self> {
        if !self.in_routine {
            return Arc::clone(other);
        }
        Arc::new(Self {
            role: self.role,
            search_path: self.search_path.clone(),
            in_routine: true,
            ..Self::clone(other)
        })
    }

    /// The same, where names are PostgreSQL's own unless they say their schema.
    pub fn under_system_path(&self) -> Self {
        Self {
            search_path: SearchPath::only_system(),
            ..self.clone()
        }
    }

    /// What is no part of the body whose statement this is sees of it: constraints and defaults
    /// name no parameters.
    pub fn outside(self: &Arc<Self>) -> Arc<Self> {
        match self.arguments {
            None => Arc::clone(self),
            Some(_) => Arc::new(Self {
                arguments: None,
                ..Self::clone(self)
            }),
        }
    }
}

/// The value each sequence last gave to a session: currval() and lastval().
#[derive(Debug, Default)]
pub struct LastValues {
    /// A plain mutex: held to note and to look, never over an await.
    values: Mutex<(HashMap<Oid, i64>, Option<Oid>)>,
}

impl LastValues {
    /// A sequence gave this value.
    pub fn note(&self, sequence: Oid, value: i64) {
        let mut values = self.lock();
        values.0.insert(sequence, value);
        values.1 = Some(sequence);
    }

    /// setval(): what a sequence is taken to have given, without becoming the one asked last.
    pub fn set(&self, sequence: Oid, value: i64) {
        self.lock().0.insert(sequence, value);
    }

    /// What a sequence last gave.
    pub fn of(&self, sequence: Oid) -> Option<i64> {
        self.lock().0.get(&sequence).copied()
    }

    /// The sequence asked last.
    pub fn latest(&self) -> Option<Oid> {
        self.lock().1
    }

    /// DISCARD
    pub fn clear(&self) {
        *self.lock() = Default::default();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (HashMap<Oid, i64>, Option<Oid>)> {
        self.values
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

/// Side effects of functions: collected while a statement runs, carried out by the session at its
/// end.
#[derive(Debug, Default)]
pub struct Effects {
    /// A plain mutex: held to push and to drain, never over an await.
    list: Mutex<Vec<Effect>>,
}

/// One side effect.
#[derive(Debug, Clone)]
pub enum Effect {
    /// `pg_notify(channel, payload)`
    Notify(String, String),
    /// `set_config(name, value, is_local)`
    SetConfig {
        /// Setting.
        name: String,
        /// Value.
        value: String,
        /// For the transaction only.
        local: bool,
    },
    /// Something to tell the client.
    Report(Report),
}

impl Effects {
    /// Adds one.
    pub fn push(&self, effect: Effect) {
        self.list
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
            .push(effect);
    }

    /// Takes all.
    pub fn drain(&self) -> Vec<Effect> {
        std::mem::take(
            &mut *self
                .list
                .lock()
                .unwrap_or_else(std::sync::PoisonError::into_inner),
        )
    }
}
