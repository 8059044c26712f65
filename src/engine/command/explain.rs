//! EXPLAIN.

use super::Statement;

/// EXPLAIN
#[derive(Debug, Clone)]
pub struct Explain {
    /// What is shown.
    pub options: ExplainOptions,
    /// The statement explained.
    pub statement: Box<Statement>,
}

/// What EXPLAIN shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExplainOptions {
    /// ANALYZE: run it, and show what it did.
    pub analyze: bool,
    /// VERBOSE: say more.
    pub verbose: bool,
    /// COSTS: what is expected.
    pub costs: bool,
    /// TIMING: how long each node took.
    pub timing: bool,
    /// SUMMARY: how long all took.
    pub summary: bool,
    /// FORMAT
    pub format: ExplainFormat,
}

impl Default for ExplainOptions {
    /// What a bare EXPLAIN shows.
    fn default() -> Self {
        Self {
            analyze: false,
            verbose: false,
            costs: true,
            timing: false,
            summary: false,
            format: ExplainFormat::Text,
        }
    }
}

/// How EXPLAIN shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainFormat {
    /// Lines.
    Text,
    /// One document.
    Json,
    /// Another.
    Yaml,
}
