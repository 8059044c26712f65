//! Queries that are computed once and read wherever they are named: WITH queries that are
//! MATERIALIZED, volatile or read more than once.
//!
//! Analysis puts a [`SharedRelation`] scan in the place of every reference and hangs the query
//! itself into a [`With`] node over the statement (or the view's body) it belongs to, so that what
//! rewrites plans sees it exactly once. When all is expanded, [`hoist`] takes these nodes out
//! again: each shared query is planned by itself, for the columns that are read of it, and its
//! scans read its [`Slot`], which computes rows as they are first asked for and keeps them, under
//! the query's memory or in files.
//!
//! What refers to the query around it cannot be shared: it has other rows for every row outside.

mod buffer;
mod node;
mod rows;

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use datafusion::common::Result;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::datasource::source_as_provider;
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr, LogicalPlan, Projection};
use datafusion::physical_plan::ExecutionPlan;

use super::planning::{self, Watch};
use super::rules::{check_constants, reached};
use super::{dependent, semantics};
pub(super) use node::{Definition, SharedRelation, With, body_of, hoist, share};
pub(super) use rows::{SharedExec, SharedRows, Slot};

/// The physical plan of an expanded plan: what is shared first, then the rest.
pub(super) async fn planned(
    plan: LogicalPlan,
    state: &SessionState,
    watch: &Arc<Watch>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let (definitions, body) = hoist(semantics::unlike(plan)?)?;
    let body = dependent::optimised(body, state, watch)?;
    check_constants(&body, state)?;
    let body = reached(body)?;
    let physical = async |plan: &LogicalPlan| planning::physical(plan, state, watch).await;
    if definitions.is_empty() {
        return physical(&body).await;
    }
    let mut needs = Needs::default();
    needs.add(&body)?;
    let mut parts = Vec::new();
    // What comes later may read what comes before.
    for Definition { id, plan } in definitions.into_iter().rev() {
        let Some((slot, columns)) = needs.of(id) else {
            continue;
        };
        let plan = dependent::optimised(only(plan, &slot, &columns)?, state, watch)?;
        check_constants(&plan, state)?;
        let plan = reached(plan)?;
        needs.add(&plan)?;
        parts.push((slot, columns, plan));
    }
    for (slot, columns, plan) in parts.into_iter().rev() {
        slot.settle(physical(&plan).await?, columns)?;
    }
    physical(&body).await
}

/// What is read of shared queries, by number.
#[derive(Default)]
struct Needs(HashMap<u64, (Arc<Slot>, BTreeSet<usize>)>);

impl Needs {
    /// What a plan reads, wherever in it.
    fn add(&mut self, plan: &LogicalPlan) -> Result<()> {
        plan.apply_with_subqueries(|plan| {
            match plan {
                LogicalPlan::TableScan(scan) => {
                    let provider = source_as_provider(&scan.source);
                    if let Ok(provider) = provider
                        && let Some(rows) = provider.downcast_ref::<SharedRows>()
                    {
                        let slot = rows.slot();
                        let (_, columns) = self
                            .0
                            .entry(slot.id())
                            .or_insert_with(|| (slot.clone(), BTreeSet::new()));
                        match &scan.projection {
                            Some(projection) => columns.extend(projection),
                            None => columns.extend(0..slot.schema().fields().len()),
                        }
                    }
                }
                LogicalPlan::Extension(extension) => {
                    if let Some(inner) = dependent::inner(extension.node.as_ref()) {
                        self.add(inner)?;
                    }
                }
                _ => {}
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map(|_| ())
    }

    /// Who reads a shared query, and which columns of it: at least one, which counts its rows.
    fn of(&self, id: u64) -> Option<(Arc<Slot>, Vec<usize>)> {
        let (slot, columns) = self.0.get(&id)?;
        let columns = match columns.is_empty() {
            true => vec![0],
            false => columns.iter().copied().collect(),
        };
        Some((slot.clone(), columns))
    }
}

/// The plan with these of its columns, as its readers know them.
fn only(plan: LogicalPlan, slot: &Slot, columns: &[usize]) -> Result<LogicalPlan> {
    let exprs = columns
        .iter()
        .map(|index| {
            let wanted = &slot.schema().fields()[*index];
            let (qualifier, field) = plan.schema().qualified_field(*index);
            let column = Expr::from((qualifier, field));
            let column = if field.data_type() == wanted.data_type() {
                column
            } else {
                Expr::Cast(Cast::new_from_field(Box::new(column), wanted.clone()))
            };
            column.alias(wanted.name())
        })
        .collect();
    Projection::try_new(exprs, Arc::new(plan)).map(LogicalPlan::Projection)
}
