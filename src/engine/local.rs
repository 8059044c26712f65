//! Relations that only one statement can name: the addressed target of an UPDATE, the rows of a RETURNING. They are
//! passed to the binder beside the catalog; their names hold a NUL, which no client can send, so nobody else reaches
//! them.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use sqlparser::ast;

use super::{Bound, Engine, Rows};
use crate::base::{Oid, Result};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::types::PgType;

/// A relation beside the catalog, for one statement.
#[derive(Debug, Clone)]
pub(super) struct LocalRelation {
    /// What the statement's AST calls it: one unqualified identifier starting with a NUL. The plan's `TableScan` of it is
    /// named exactly so (bare), which is how its rows are put in place at execution.
    pub(super) name: String,
    /// The catalog relation whose columns it has, for [`super::OutputColumn::table`]; reading it needs nothing (the caller
    /// adds its own needs) and it is not among [`Bound::reads`].
    pub(super) relation: Oid,
    /// Its rows and columns.
    pub(super) provider: Arc<dyn TableProvider>,
}

impl Engine {
    /// As [`Engine::bind`], with more relations to name.
    pub(super) async fn bind_with(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        declared: &[Option<PgType>],
        local: &[LocalRelation],
    ) -> Result<Bound> {
        let _ = (context, query, declared, local);
        todo!()
    }

    /// As [`Engine::execute`], for a query that is part of a statement already authorised.
    pub(super) async fn run(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Bound,
        parameters: &[arrow::array::ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Rows> {
        let _ = (context, query, parameters, interrupt);
        todo!()
    }
}
