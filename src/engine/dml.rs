//! INSERT, UPDATE, DELETE planned as queries: the target's rows are addressed by (segment, row), the engine answers
//! which rows go and which come, and storage writes segments. DataFusion's own DML hooks are never used: they lose
//! subquery filters and then hit every row.

use std::sync::Arc;

use sqlparser::ast;

use super::{Bound, Engine, OutputColumn, Rows};
use crate::base::{Oid, Result, Version};
use crate::catalog::Change;
use crate::observe::Interrupt;
use crate::privileges::{Authorized, Need};
use crate::statement::StatementContext;
use crate::types::PgType;

/// A bound INSERT, UPDATE or DELETE.
#[derive(Debug, Clone)]
pub struct BoundDml {
    /// The table changed.
    pub target: Oid,
    /// What it does; decides the lock it needs.
    pub kind: DmlKind,
    /// What it needs, the source's needs included.
    pub needs: Vec<Need>,
    /// Types of $1, $2, …
    pub parameters: Vec<PgType>,
    /// What RETURNING answers, if there is one.
    pub columns: Option<Arc<[OutputColumn]>>,
    /// The catalog it was bound in; another version means: bind again (waiting for the lock may have moved it).
    pub version: Version,
}

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DmlKind {
    /// INSERT
    Insert,
    /// UPDATE
    Update,
    /// DELETE
    Delete,
}

/// What a DML statement did: changes for the transaction (not yet pushed), how many rows, and RETURNING's rows.
#[derive(Debug)]
pub struct DmlResult {
    /// To be authorised and pushed.
    pub changes: Vec<Change>,
    /// Rows inserted, updated or deleted.
    pub rows: u64,
    /// RETURNING.
    pub returning: Option<Rows>,
}

impl Engine {
    /// Binds `INSERT`, `UPDATE` or `DELETE` (`ast::Statement` of one of these).
    ///
    /// # Errors
    /// As [`Engine::bind`]; `42809` for a view or foreign table.
    pub async fn bind_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        statement: &ast::Statement,
        declared: &[Option<PgType>],
    ) -> Result<BoundDml> {
        let _ = (context, statement, declared);
        todo!()
    }

    /// Runs it: rows are computed and written as segments of the transaction. The table lock must be held.
    ///
    /// # Errors
    /// As [`Engine::execute`]; `23502` NULL in a NOT NULL column, `22001`, `22003` values that do not fit.
    pub async fn execute_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        statement: Authorized<BoundDml>,
        parameters: &[arrow::array::ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<DmlResult> {
        let _ = (context, statement, parameters, interrupt);
        todo!()
    }

    /// EXPLAIN of INSERT, UPDATE or DELETE: the plan of its source under a line naming what it does. Changes nothing.
    ///
    /// # Errors
    /// As [`Engine::explain`]; `0A000` for EXPLAIN ANALYZE.
    pub async fn explain_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        statement: Authorized<BoundDml>,
        parameters: &[arrow::array::ArrayRef],
        analyze: bool,
        interrupt: &Interrupt,
    ) -> Result<Vec<String>> {
        let _ = (context, statement, parameters, analyze, interrupt);
        todo!()
    }

    /// CREATE TABLE AS: runs the query into segments of `relation`, which is not in the catalog yet and has the query's
    /// columns.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn fill(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<crate::catalog::Relation>,
        query: Authorized<Bound>,
        parameters: &[arrow::array::ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<(Vec<Change>, u64)> {
        let _ = (context, relation, query, parameters, interrupt);
        todo!()
    }
}
