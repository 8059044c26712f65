//! COPY.

use sqlparser::ast;

use super::{Dml, ObjectName};

/// COPY
#[derive(Debug, Clone)]
pub struct Copy {
    /// What is copied.
    pub source: CopySource,
    /// Which way.
    pub direction: CopyDirection,
    /// A file of the server's; without it the client is the other end.
    pub file: Option<String>,
    /// Options by lower-cased name, in either syntax (`delimiter`, `null`, `header`, …).
    pub options: Vec<(String, CopyOptionValue)>,
    /// WHERE: which rows come in.
    pub condition: Option<Box<ast::Expr>>,
}

/// What COPY copies.
#[derive(Debug, Clone)]
pub enum CopySource {
    /// A table's columns; all of them if empty.
    Table {
        /// Table.
        name: ObjectName,
        /// Columns.
        columns: Vec<String>,
    },
    /// `COPY (query) TO`.
    Query(Box<ast::Query>),
    /// `COPY (INSERT … RETURNING …) TO` and its kin.
    Dml(Box<Dml>),
}

/// Which way COPY goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyDirection {
    /// FROM
    From,
    /// TO
    To,
}

/// Value of an option of COPY.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CopyOptionValue {
    /// None given: `HEADER`, `FREEZE`.
    None,
    /// A word, number or string, as its text (`true`, `match`, `|`).
    Text(String),
    /// A list of columns.
    Columns(Vec<String>),
    /// `*`
    All,
}
