//! Text to statements: the one place where "not supported" is decided.

use sqlparser::ast;

use crate::base::Result;

/// One statement of a query string.
#[derive(Debug, Clone)]
pub struct Statement {
    /// What it asks for.
    pub command: Command,
    /// Its own text, without the semicolon.
    pub text: String,
    /// Where it starts in the query string, in characters from 0: added to error positions.
    pub offset: usize,
}

/// What a statement asks for. `sqlparser`'s AST narrowed to what commons does; everything else was answered with `0A000`.
#[derive(Debug, Clone)]
pub enum Command {
    /// SELECT, VALUES, TABLE, WITH.
    Query(Box<ast::Query>),
    /// SELECT … INTO and CREATE TABLE, CREATE TABLE AS.
    CreateTable(Box<ast::CreateTable>),
    /// Any other statement sqlparser has a node for and commons carries out (see `session/commands`).
    Other(Box<ast::Statement>),
}

/// Parses a query string. An empty string gives no statements. Nothing runs if any statement is wrong.
///
/// # Errors
/// `42601` syntax error with position; `0A000` naming what is not supported; `54000`/`54001` too big or too deep.
pub fn parse(sql: &str) -> Result<Vec<Statement>> {
    let _ = sql;
    todo!()
}
