//! Planning ends: when its statement is interrupted, and when it has taken too long.
//!
//! Planning is one synchronous piece of work, and for some statements it grows much faster than
//! they do. Analysis looks at the watch with every expression, the optimizer with every node of
//! every rule. What counts is the time its thread has computed: on a busy machine a statement is
//! not refused for the others.

mod unfolded;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cpu_time::ThreadTime;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::config::ConfigOptions;
use datafusion::execution::SessionState;
use datafusion::logical_expr::{Expr, LogicalPlan};
use datafusion::optimizer::optimizer::ApplyOrder;
use datafusion::optimizer::{Optimizer, OptimizerConfig, OptimizerRule};
use datafusion::physical_optimizer::PhysicalOptimizerRule;
use datafusion::physical_plan::ExecutionPlan;

use super::error::convert;
use super::scope::external;
use crate::base::limits::{PLAN_JOINS_MAX, PLAN_PARTS_MAX, PLANNING_TIME_MAX, REPEATED_PARTS_MAX};
use crate::base::{Error, Result, SqlState};
use crate::observe::Interrupt;

/// What a megabyte of parameters may add to [`PLANNING_TIME_MAX`].
const VALUE_TIME_MAX: Duration = Duration::from_secs(1);

/// Of so many glances at the watch one is at the time.
const GLANCES: u64 = 16;

type PlanResult<T> = std::result::Result<T, datafusion::common::DataFusionError>;

/// Watches over the planning of one statement.
#[derive(Debug)]
pub(super) struct Watch {
    interrupt: Interrupt,
    /// What planning may take, nanoseconds.
    limit: u64,
    /// The thread's time at the last look, nanoseconds.
    seen: AtomicU64,
    /// What planning has taken so far, nanoseconds.
    spent: AtomicU64,
    /// Glances so far.
    glances: AtomicU64,
}

impl Watch {
    /// Over planning that must end in time.
    pub(super) fn new(interrupt: Interrupt) -> Arc<Self> {
        Self::over_values(interrupt, 0)
    }

    /// Over planning with so many bytes of parameters: they are looked at by every rule, and a
    /// large one is no sign of a complex statement.
    pub(super) fn over_values(interrupt: Interrupt, bytes: usize) -> Arc<Self> {
        let values = VALUE_TIME_MAX.saturating_mul(u32::try_from(bytes >> 20).unwrap_or(u32::MAX));
        let limit = PLANNING_TIME_MAX.saturating_add(values).as_nanos();
        Self::starting(interrupt, u64::try_from(limit).unwrap_or(u64::MAX))
    }

    /// Over planning of a part that is repeated while the statement runs.
    pub(super) fn repeated(&self) -> Arc<Self> {
        Self::starting(self.interrupt.clone(), u64::MAX)
    }

    fn starting(interrupt: Interrupt, limit: u64) -> Arc<Self> {
        Arc::new(Self {
            interrupt,
            limit,
            seen: AtomicU64::new(now()),
            spent: AtomicU64::new(0),
            glances: AtomicU64::new(0),
        })
    }

    /// Planning goes on, perhaps on another thread: what that did before does not count.
    fn resume(&self) {
        self.seen.store(now(), Ordering::Relaxed);
    }

    /// As [`Watch::check`], for steps so small that asking for the time would be a good part of
    /// them.
    pub(super) fn glance(&self) -> Result<()> {
        match self.glances.fetch_add(1, Ordering::Relaxed) % GLANCES {
            0 => self.check(),
            _ => self.interrupt.check(),
        }
    }

    /// Stops planning that must not go on.
    ///
    /// # Errors
    /// The interrupt's; `54001` after [`PLANNING_TIME_MAX`], or what values add to it.
    pub(super) fn check(&self) -> Result<()> {
        self.interrupt.check()?;
        let now = now();
        let passed = now.saturating_sub(self.seen.swap(now, Ordering::Relaxed));
        let spent = self.spent.fetch_add(passed, Ordering::Relaxed) + passed;
        if spent < self.limit {
            return Ok(());
        }
        let seconds = self.limit / 1_000_000_000;
        Err(Error::new(
            SqlState::STATEMENT_TOO_COMPLEX,
            format!("the statement is too complex to be planned within {seconds} seconds"),
        )
        .hint("Split it up, for example with a temporary table for a part of it."))
    }
}

impl Watch {
    /// Refuses to put an expression in several places if it is large: nested in each other such
    /// expressions double again and again, in memory before in time.
    ///
    /// # Errors
    /// `54001` over [`REPEATED_PARTS_MAX`]; as [`Watch::check`].
    pub(super) fn repeat(&self, expr: &Expr) -> Result<()> {
        self.check()?;
        let mut parts = 0;
        expr.apply(|_| {
            parts += 1;
            Ok(match parts > REPEATED_PARTS_MAX {
                true => TreeNodeRecursion::Stop,
                false => TreeNodeRecursion::Continue,
            })
        })
        .map_err(convert)?;
        match parts > REPEATED_PARTS_MAX {
            true => Err(too_complex()),
            false => Ok(()),
        }
    }

    /// Refuses a plan that is too large to be worked on, or that the optimizer would make so.
    ///
    /// # Errors
    /// `54001` over [`PLAN_PARTS_MAX`], or over [`REPEATED_PARTS_MAX`] written in an expression.
    pub(super) fn measure(&self, plan: &LogicalPlan) -> Result<()> {
        let mut parts = 0;
        let go_on = |parts: usize| match parts > PLAN_PARTS_MAX {
            true => TreeNodeRecursion::Stop,
            false => TreeNodeRecursion::Continue,
        };
        let mut unfolds = false;
        plan.apply_with_subqueries(|plan| {
            parts += 1;
            plan.apply_expressions(|expr| {
                let (own, written) = unfolded::parts(expr, PLAN_PARTS_MAX)?;
                parts += own;
                unfolds |= written - own > REPEATED_PARTS_MAX;
                Ok(go_on(parts))
            })?;
            Ok(go_on(parts))
        })
        .map_err(convert)?;
        if unfolds {
            return Err(too_complex());
        }
        if parts <= PLAN_PARTS_MAX {
            return self.check();
        }
        let detail = format!("Its plan would have more than {PLAN_PARTS_MAX} parts.");
        Err(too_complex().detail(detail))
    }
}

fn too_complex() -> Error {
    Error::new(
        SqlState::STATEMENT_TOO_COMPLEX,
        "the statement is too complex to be planned",
    )
    .hint("Split it up, for example with a temporary table for a part of it.")
}

/// The thread's time, nanoseconds.
fn now() -> u64 {
    let time = ThreadTime::now().as_duration();
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

/// The optimised plan, under the watch.
pub(super) fn optimised(
    plan: LogicalPlan,
    state: &SessionState,
    watch: &Arc<Watch>,
) -> PlanResult<LogicalPlan> {
    watch.check().map_err(external)?;
    let rules = state.optimizer().rules.iter().map(|rule| {
        Arc::new(Watched {
            rule: rule.clone(),
            watch: watch.clone(),
        }) as Arc<dyn OptimizerRule + Send + Sync>
    });
    let plan = Optimizer::with_rules(rules.collect()).optimize(plan, state, |_, _| {})?;
    let mut joins = 0;
    plan.apply_with_subqueries(|plan| {
        joins += usize::from(matches!(plan, LogicalPlan::Join(_)));
        Ok(TreeNodeRecursion::Continue)
    })?;
    if joins > PLAN_JOINS_MAX {
        let detail = format!("Its plan would have {joins} joins, more than {PLAN_JOINS_MAX}.");
        return Err(external(too_complex().detail(detail)));
    }
    Ok(plan)
}

tokio::task_local! {
    /// Over the physical plan being made: its rules are the same for all statements.
    static WATCH: Arc<Watch>;
}

/// The physical plan of an optimised plan, under the watch.
pub(super) async fn physical(
    plan: &LogicalPlan,
    state: &SessionState,
    watch: &Arc<Watch>,
) -> PlanResult<Arc<dyn ExecutionPlan>> {
    let planned = state.query_planner().create_physical_plan(plan, state);
    WATCH.scope(watch.clone(), planned).await
}

/// The rule that goes first: what comes before may have waited for files.
#[derive(Debug)]
pub(super) struct Resumed;

impl PhysicalOptimizerRule for Resumed {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        _config: &ConfigOptions,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        let _ = WATCH.try_with(|watch| watch.resume());
        Ok(plan)
    }

    fn name(&self) -> &str {
        "resumed"
    }

    fn schema_check(&self) -> bool {
        true
    }
}

/// A rule for physical plans that is only applied while planning may go on.
#[derive(Debug)]
pub(super) struct WatchedPhysical(pub(super) Arc<dyn PhysicalOptimizerRule + Send + Sync>);

impl PhysicalOptimizerRule for WatchedPhysical {
    fn optimize(
        &self,
        plan: Arc<dyn ExecutionPlan>,
        config: &ConfigOptions,
    ) -> PlanResult<Arc<dyn ExecutionPlan>> {
        if let Ok(checked) = WATCH.try_with(|watch| watch.check()) {
            checked.map_err(external)?;
        }
        self.0.optimize(plan, config)
    }

    fn name(&self) -> &str {
        self.0.name()
    }

    fn schema_check(&self) -> bool {
        self.0.schema_check()
    }
}

/// A rule that is only applied while planning may go on.
#[derive(Debug)]
struct Watched {
    rule: Arc<dyn OptimizerRule + Send + Sync>,
    watch: Arc<Watch>,
}

impl OptimizerRule for Watched {
    fn name(&self) -> &str {
        self.rule.name()
    }

    fn apply_order(&self) -> Option<ApplyOrder> {
        self.rule.apply_order()
    }

    fn rewrite(
        &self,
        plan: LogicalPlan,
        config: &dyn OptimizerConfig,
    ) -> PlanResult<Transformed<LogicalPlan>> {
        self.watch.glance().map_err(external)?;
        self.rule.rewrite(plan, config)
    }
}
