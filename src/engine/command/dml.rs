//! Statements that change rows.

use sqlparser::ast;

/// A statement that changes rows.
#[derive(Debug, Clone)]
pub struct Dml {
    /// WITH before it; its queries may change rows themselves.
    pub with: Option<ast::With>,
    /// What it does.
    pub action: DmlAction,
}

/// What a statement that changes rows does.
#[derive(Debug, Clone)]
pub enum DmlAction {
    /// INSERT
    Insert {
        /// The statement.
        insert: Box<ast::Insert>,
        /// OVERRIDING … VALUE
        overriding: Option<Overriding>,
        /// What ON CONFLICT is about, where that is more than columns.
        inference: Option<Box<Inference>>,
    },
    /// UPDATE
    Update(Box<ast::Update>),
    /// DELETE
    Delete(Box<ast::Delete>),
    /// MERGE
    Merge(Box<Merge>),
    /// A query that changes nothing itself, after a WITH that does.
    Query(Box<ast::Query>),
}

/// `(…) WHERE …` after ON CONFLICT.
#[derive(Debug, Clone)]
pub struct Inference {
    /// Columns and expressions.
    pub elements: Vec<ast::Expr>,
    /// WHERE
    pub predicate: Option<ast::Expr>,
}

/// MERGE
#[derive(Debug, Clone)]
pub struct Merge {
    /// The table changed.
    pub table: ast::ObjectName,
    /// What the statement calls it.
    pub alias: Option<ast::Ident>,
    /// USING
    pub source: ast::TableWithJoins,
    /// ON
    pub on: ast::Expr,
    /// WHEN …, in order.
    pub clauses: Vec<MergeClause>,
}

/// WHEN … THEN …
#[derive(Debug, Clone)]
pub struct MergeClause {
    /// WHEN MATCHED, not WHEN NOT MATCHED.
    pub matched: bool,
    /// AND
    pub condition: Option<ast::Expr>,
    /// THEN
    pub action: MergeAction,
}

/// What a clause of MERGE does to a row.
#[derive(Debug, Clone)]
pub enum MergeAction {
    /// DO NOTHING
    Nothing,
    /// DELETE
    Delete,
    /// UPDATE SET
    Update(Vec<ast::Assignment>),
    /// INSERT
    Insert {
        /// Columns given values; all of them, if empty.
        columns: Vec<ast::ObjectName>,
        /// OVERRIDING … VALUE
        overriding: Option<Overriding>,
        /// The values; `None` is DEFAULT VALUES.
        values: Option<Vec<ast::Expr>>,
    },
}

/// Whose values identity columns take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overriding {
    /// SYSTEM: those written, not the sequence's.
    System,
    /// USER: the sequence's, not those written.
    User,
}
