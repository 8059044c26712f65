//! COPY … WHERE: which rows come in.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;
use sqlparser::ast::{Expr, visit_expressions};

use super::target::Fill;
use crate::base::{Error, Result};
use crate::catalog::Relation;
use crate::engine::{Bound, Engine, ExpressionKind};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// The condition, bound over the table's columns.
#[derive(Debug, Clone)]
pub(super) struct Filter(Bound);

impl Filter {
    /// Binds a condition; adds what it needs.
    ///
    /// # Errors
    /// As binding WHERE of a query over the table; `0A000` for a subquery, as in PostgreSQL.
    pub(super) async fn bind(
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        condition: &Expr,
        needs: &mut Vec<Need>,
    ) -> Result<Self> {
        let generated = visit_expressions(condition, |expression| {
            let name = match expression {
                Expr::Identifier(name) => Some(name),
                Expr::CompoundIdentifier(names) => names.last(),
                _ => None,
            };
            let column = name.and_then(|name| relation.column(&name.value));
            match column.is_some_and(|column| column.expression().is_some()) {
                true => ControlFlow::Break(()),
                false => ControlFlow::Continue(()),
            }
        });
        if generated.is_break() {
            // They are made of the rows that come in.
            return Err(Error::unsupported(
                "a generated column in COPY FROM WHERE condition",
            ));
        }
        let kind = ExpressionKind::CopyWhere;
        let bound = engine.bind_condition(kind, context, relation, condition.clone());
        let bound = bound.await?;
        needs.extend(bound.needs.iter().cloned());
        Ok(Self(bound))
    }

    /// The rows for which the condition is true, in order.
    pub(super) fn rows(
        &self,
        context: &Arc<StatementContext>,
        fill: &Fill,
        batch: &RecordBatch,
    ) -> Result<Vec<usize>> {
        let interrupt = Interrupt::new();
        let relation = fill.feeds.relation();
        let chosen = fill
            .engine
            .choose(context, relation, &self.0, batch, &interrupt);
        fill.runtime.block_on(chosen)
    }
}
