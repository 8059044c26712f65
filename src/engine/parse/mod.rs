//! Text to statements: the one place where "not supported" is decided.
//!
//! Text is cut into tokens, tokens into statements, and each statement is measured *before* a
//! recursive parser sees it, so that no text can exhaust a stack here or in whatever walks, clones
//! or drops the tree later. Queries, INSERT, UPDATE and DELETE are sqlparser's; every other
//! statement is read by the small parsers beside this file, which know PostgreSQL's grammar and
//! refuse the rest by name.

mod balance;
mod cursor;
mod grammar;
mod maintenance;
mod objects;
mod patch;
mod roles;
mod session;
mod split;
#[cfg(test)]
mod tests;
mod types;

use sqlparser::ast;

use super::command::{Command, CreateTableAs, Statement};
use crate::base::limits::STATEMENT_BYTES_MAX;
use crate::base::{Error, Result, SqlState};
use cursor::Cursor;
use split::Piece;

pub(crate) use cursor::fold;
pub(crate) use patch::ROWS_FROM;
pub use types::resolve_type;

/// Parses a query string. An empty string gives no statements. Nothing runs if any statement is
/// wrong.
///
/// # Errors
/// `42601` syntax error with position; `0A000` naming what is not supported; `54000`/`54001` too
/// big or too deep.
pub fn parse(sql: &str) -> Result<Vec<Statement>> {
    if sql.len() > STATEMENT_BYTES_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("query string is too long ({} bytes)", sql.len()),
        )
        .detail(format!("At most {STATEMENT_BYTES_MAX} bytes are allowed."))
        .hint("Load rows with COPY instead of long INSERTs."));
    }
    split::split(sql)?
        .into_iter()
        .map(|piece| {
            let offset = piece.offset;
            // Inside a statement positions count from its start; only here does the whole string
            // matter.
            statement(piece).map_err(|error| shift(error, offset))
        })
        .collect()
}

/// Parses one expression, such as a column's DEFAULT.
///
/// # Errors
/// As [`parse`].
pub fn parse_expression(text: &str) -> Result<ast::Expr> {
    let mut cursor = Cursor::new(single(text)?);
    let expression = cursor.expression()?;
    cursor.end()?;
    Ok(expression)
}

/// Parses the body of a view, or any other single query.
///
/// # Errors
/// As [`parse`]; `42601` if the text is not one query.
pub fn parse_query(text: &str) -> Result<Box<ast::Query>> {
    let mut cursor = Cursor::new(single(text)?);
    let query = cursor.query()?;
    cursor.end()?;
    Ok(query)
}

/// The only statement of a text.
fn single(text: &str) -> Result<Piece> {
    let mut pieces = split::split(text)?.into_iter();
    match (pieces.next(), pieces.next()) {
        (Some(piece), None) => Ok(piece),
        (None, _) => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "syntax error at end of input",
        )),
        (Some(_), Some(_)) => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "cannot have more than one statement here",
        )),
    }
}

/// Moves an error's position from a statement to the whole query string.
fn shift(error: Error, offset: usize) -> Error {
    match error.fields().position {
        Some(position) => error.at(position + offset),
        None => error,
    }
}

/// One statement.
fn statement(piece: Piece) -> Result<Statement> {
    let (text, offset) = (piece.text.clone(), piece.offset);
    let mut cursor = Cursor::new(piece);
    let command = command(&mut cursor)?;
    cursor.end()?;
    Ok(Statement {
        command,
        text,
        offset,
    })
}

/// The statement nested in another one (EXPLAIN, PREPARE, DECLARE): a query or DML. Its positions
/// count from the start of the outer statement, so it has the outer statement's offset.
fn nested(cursor: &mut Cursor, outer: &str) -> Result<Box<Statement>> {
    let start = cursor.position();
    let word = cursor.word().unwrap_or_default();
    let offset = cursor.offset();
    let command = match command(cursor)? {
        command @ (Command::Query(_) | Command::Dml(_) | Command::CreateTableAs(_)) => command,
        _ => {
            return Err(Error::unsupported(format!("{outer} {word}")));
        }
    };
    Ok(Box::new(Statement {
        command,
        text: cursor.text_since(start),
        offset,
    }))
}

/// What the statement at the cursor asks for, by its first word.
fn command(cursor: &mut Cursor) -> Result<Command> {
    let Some(word) = cursor.word() else {
        // Only a parenthesised query starts with something that is not a word.
        return query(cursor);
    };
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" => query(cursor),
        "INSERT" | "UPDATE" | "DELETE" => cursor.dml().map(Command::Dml),
        "CREATE" => objects::create(cursor),
        "ALTER" => objects::alter(cursor),
        "DROP" => objects::drop(cursor),
        "TRUNCATE" => objects::truncate(cursor),
        "COMMENT" => objects::comment(cursor),
        "GRANT" => roles::grant(cursor),
        "REVOKE" => roles::revoke(cursor),
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE"
        | "LOCK" => session::transaction(cursor),
        "SET" => session::set(cursor),
        "RESET" => session::reset(cursor),
        "SHOW" => session::show(cursor),
        "DISCARD" => session::discard(cursor),
        "LISTEN" | "UNLISTEN" | "NOTIFY" => session::notification(cursor),
        "PREPARE" | "EXECUTE" | "DEALLOCATE" => session::prepared(cursor),
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => session::cursors(cursor),
        "COPY" => session::copy(cursor),
        "EXPLAIN" => session::explain(cursor),
        "VACUUM" | "ANALYZE" | "ANALYSE" | "CHECKPOINT" => maintenance::maintenance(cursor),
        // Statements PostgreSQL has and commons does not.
        "CALL" | "CLUSTER" | "DO" | "IMPORT" | "LOAD" | "MERGE" | "REASSIGN" | "REFRESH"
        | "REINDEX" | "SECURITY" => Err(Error::unsupported(word)),
        _ => Err(cursor.syntax_error()),
    }
}

/// A query, or what looks like one at first: SELECT … INTO, WITH … INSERT.
fn query(cursor: &mut Cursor) -> Result<Command> {
    let mut query = cursor.query()?;
    if let ast::SetExpr::Insert(statement)
    | ast::SetExpr::Update(statement)
    | ast::SetExpr::Delete(statement)
    | ast::SetExpr::Merge(statement) = query.body.as_mut()
    {
        let with = query.with.take();
        return match statement {
            // The names of WITH are visible in the source query, so they may as well be its own.
            ast::Statement::Insert(ast::Insert {
                source: Some(source),
                ..
            }) if source.with.is_none() => {
                source.with = with;
                Ok(Command::Dml(Box::new(statement.clone())))
            }
            _ => Err(Error::unsupported("WITH before this statement")),
        };
    }
    if let ast::SetExpr::Select(select) = query.body.as_mut()
        && let Some(into) = select.into.take()
    {
        if into.unlogged {
            return Err(Error::unsupported("SELECT INTO UNLOGGED"));
        }
        return Ok(Command::CreateTableAs(CreateTableAs {
            name: cursor::object_name(&into.name)?,
            temporary: into.temporary,
            if_not_exists: false,
            columns: Vec::new(),
            query,
            with_data: true,
        }));
    }
    Ok(Command::Query(query))
}
