//! Text to statements: the one place where "not supported" is decided.

use crate::base::Result;
use crate::types::PgType;
use sqlparser::ast;

use super::command::Statement;

/// Parses a query string. An empty string gives no statements. Nothing runs if any statement is wrong.
///
/// # Errors
/// `42601` syntax error with position; `0A000` naming what is not supported; `54000`/`54001` too big or too deep.
pub fn parse(sql: &str) -> Result<Vec<Statement>> {
    let _ = sql;
    todo!()
}

/// Parses one expression, such as a column's DEFAULT.
///
/// # Errors
/// As [`parse`].
pub fn parse_expression(text: &str) -> Result<ast::Expr> {
    let _ = text;
    todo!()
}

/// Parses the body of a view, or any other single query.
///
/// # Errors
/// As [`parse`]; `42601` if the text is not one query.
pub fn parse_query(text: &str) -> Result<Box<ast::Query>> {
    let _ = text;
    todo!()
}

/// The type an AST names.
///
/// # Errors
/// `42704` no such type; `0A000` a type commons does not have.
pub fn resolve_type(ty: &ast::DataType) -> Result<PgType> {
    let _ = ty;
    todo!()
}
