//! Text to statements: the one place where "not supported" is decided.
//!
//! Text is cut into tokens, tokens into statements, and each statement is measured *before* a
//! recursive parser sees it, so that no text can exhaust a stack here or in whatever walks, clones
//! or drops the tree later. Queries, INSERT, UPDATE and DELETE are sqlparser's; every other
//! statement is read by the small parsers beside this file, which know PostgreSQL's grammar and
//! refuse the rest by name.

mod aggregates;
mod balance;
mod bare;
mod built_in;
mod casts;
mod comments;
mod constraints;
mod copy;
mod current_of;
mod cursor;
mod cursors;
mod domains;
mod escapes;
mod explain;
mod family;
mod field_names;
mod grammar;
mod here;
mod lexed;
mod literals;
mod locking;
mod maintenance;
mod merge;
mod nested_joins;
mod nonstandard;
mod objects;
mod operators;
mod ownership;
mod patch;
mod place;
mod plpgsql;
mod policies;
mod precise;
mod redirect;
mod reserved;
mod reworded;
mod roles;
mod routines;
mod sequences;
mod session;
mod split;
mod star;
mod statistics;
mod storage;
mod subscripts;
mod tables;
mod taken;
#[cfg(test)]
mod tests;
mod tokens;
pub(super) mod traversal;
mod triggers;
mod tuning;
mod types;
mod user_types;
mod views;
mod void_arguments;

use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast;

use super::command::{
    Command, CreateTableAs, Dml, DmlAction, Filled, Inference, Overriding, Statement,
};
use crate::base::error::Report;
use crate::base::limits::STATEMENT_BYTES_MAX;
use crate::base::{Error, Oid, Result, SqlState};
use cursor::Cursor;
use split::Piece;

pub use current_of::{CurrentOf, with_condition};
pub(crate) use cursor::{fold, object_name};
pub use field_names::FieldNames;
pub(crate) use grammar::PREFIX_OPERATOR;
pub use nonstandard::original_position;
pub(crate) use patch::{
    CURRENT_OF, EXCLUDE_CURRENT_ROW, EXCLUDE_GROUP, EXCLUDE_TIES, GROUP_BY_DISTINCT, JOIN_ALIAS,
    ROWS_FROM, VARIADIC, WITH_TIES, is_filled_in,
};
pub use place::locate;
pub use plpgsql::{check_plpgsql, condition, parse_plpgsql, subscripted};
pub use redirect::redirect;
pub(crate) use redirect::renamed_sources;
pub(crate) use reworded::replaced;
pub use routines::TYPE_OF;
pub(crate) use star::without_only;
pub(crate) use subscripts::SUBSCRIPTED;
pub use types::{TypeName, built_in_type, interval, written_type};
pub use void_arguments::without_void;

/// The prefix of an expression that was kept with its names found.
pub(crate) const PINNED: &str = "\0pinned";
/// The name that stands for all fields of a row.
pub(crate) const FIELDS: &str = "\0fields";
/// What stands, with the number of a type of rows, before an expression that is assigned to what is
/// of that type.
pub(crate) const ASSIGNED: &str = "\0assigned ";

/// What stands, with its number, before a value of a parameter, which is a cast to its type.
pub const ARGUMENT: &str = "\0argument ";

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

/// As [`parse()`], with what a backslash in a string constant means where those do not conform to
/// the standard; and what is to be said of each.
///
/// # Errors
/// As [`parse()`].
pub fn parse_nonstandard(sql: &str) -> Result<(Vec<Statement>, Vec<Report>)> {
    let conforming = nonstandard::conforming(sql)?;
    let inserted: Arc<[usize]> = conforming.inserted.into();
    let mut statements = parse(&conforming.text).map_err(|error| match error.position() {
        Some(position) => error.at(original_position(position, &inserted)),
        None => error,
    })?;
    for statement in &mut statements {
        statement.inserted = Arc::clone(&inserted);
    }
    Ok((statements, conforming.warnings))
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

/// The text of an expression over one table's columns with one of them called otherwise.
///
/// # Errors
/// As [`parse`].
pub fn rename_column(text: &str, from: &str, to: &str) -> Result<String> {
    replace_column(text, from, &crate::base::name::quote(to))
}

/// The text of an expression with VALUE in capitals, as PostgreSQL writes it.
///
/// # Errors
/// As [`parse`].
pub fn capital_value(text: &str) -> Result<String> {
    replace_column(text, "value", "VALUE")
}

fn replace_column(text: &str, from: &str, with: &str) -> Result<String> {
    let expression = parse_expression(text)?;
    let mut places = Vec::new();
    let mut fields = FieldNames::default();
    let _: ControlFlow<()> = ast::visit_expressions(&expression, |expr| {
        let ident = match expr {
            expr if fields.is_one(expr) => None,
            ast::Expr::Identifier(ident) => Some(ident),
            ast::Expr::CompoundIdentifier(parts) => parts.last(),
            _ => None,
        };
        if let Some(ident) = ident
            && fold(ident) == from
        {
            places.push((ident.span, with.to_owned()));
        }
        ControlFlow::Continue(())
    });
    Ok(replaced(text, places))
}

/// A DEFAULT as it is kept: sequences in it under their OIDs, as PostgreSQL keeps them, so that
/// they may be renamed. `oid` looks a sequence up.
///
/// # Errors
/// As [`parse`], and as `oid`.
pub fn settle_default(text: &str, oid: impl Fn(&str) -> Result<Oid>) -> Result<String> {
    let mut expression = parse_expression(text)?;
    let mut found = false;
    let visited = ast::visit_expressions_mut(&mut expression, |expr| {
        let ast::Expr::Function(function) = expr else {
            return ControlFlow::Continue(());
        };
        let name = function.name.to_string().to_lowercase();
        let plain = name.strip_prefix("pg_catalog.").unwrap_or(&name);
        if !matches!(plain, "nextval" | "currval" | "setval") {
            return ControlFlow::Continue(());
        }
        let ast::FunctionArguments::List(list) = &mut function.args else {
            return ControlFlow::Continue(());
        };
        let Some(ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(argument))) =
            list.args.first_mut()
        else {
            return ControlFlow::Continue(());
        };
        let literal = match &*argument {
            ast::Expr::Cast { expr, .. } => expr,
            other => other,
        };
        let ast::Expr::Value(value) = literal else {
            return ControlFlow::Continue(());
        };
        let ast::Value::SingleQuotedString(named) = &value.value else {
            return ControlFlow::Continue(());
        };
        match oid(named) {
            Ok(oid) => {
                found = true;
                let text = ast::Expr::value(ast::Value::SingleQuotedString(oid.to_string()));
                *argument = ast::Expr::Cast {
                    kind: ast::CastKind::DoubleColon,
                    expr: Box::new(text),
                    data_type: ast::DataType::Regclass,
                    array: false,
                    format: None,
                };
                function.name = ast::ObjectName::from(vec![ast::Ident::new(plain)]);
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(error),
        }
    });
    match visited {
        ControlFlow::Break(error) => Err(error),
        ControlFlow::Continue(()) if found => {
            Ok(expression.to_string().replace("'::REGCLASS", "'::regclass"))
        }
        ControlFlow::Continue(()) => Ok(text.to_owned()),
    }
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
    match error.position() {
        Some(position) => error.at(position + offset),
        None => error,
    }
}

/// One statement.
fn statement(piece: Piece) -> Result<Statement> {
    let (text, offset) = (piece.text.clone(), piece.offset);
    let warnings = piece.warnings.clone();
    let mut cursor = Cursor::new(piece);
    let command = command(&mut cursor)?;
    cursor.end()?;
    Ok(Statement {
        command,
        text,
        offset,
        inserted: Arc::default(),
        warnings,
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
        // What was prepared is looked at by its name.
        command @ Command::Execute { .. } if outer == "EXPLAIN" => command,
        _ => {
            return Err(Error::unsupported(format!("{outer} {word}")));
        }
    };
    Ok(Box::new(Statement {
        command,
        text: cursor.text_since(start),
        offset,
        inserted: Arc::default(),
        warnings: Vec::new(),
    }))
}

/// What CREATE SCHEMA makes in the schema: tables, views, indexes, sequences, and grants.
fn element(cursor: &mut Cursor) -> Result<Statement> {
    let start = cursor.position();
    if cursor.word().as_deref() == Some("CREATE") {
        match cursor.second_word().as_deref() {
            Some(
                "TABLE" | "TEMP" | "TEMPORARY" | "UNLOGGED" | "VIEW" | "OR" | "RECURSIVE" | "INDEX"
                | "UNIQUE" | "SEQUENCE",
            ) => {}
            Some(what @ ("TRIGGER" | "CONSTRAINT")) => {
                return Err(Error::unsupported(format!("CREATE {what}")));
            }
            _ => {
                cursor.expect("CREATE")?;
                return Err(cursor.syntax_error());
            }
        }
    }
    let offset = cursor.offset();
    let command = command(cursor)?;
    let text = cursor.text_since(start);
    match command {
        Command::CreateTable(_)
        | Command::CreateView(_)
        | Command::CreateIndex(_)
        | Command::CreateSequence(_)
        | Command::Grant(_) => Ok(Statement {
            command,
            text,
            offset,
            inserted: Arc::default(),
            warnings: Vec::new(),
        }),
        _ => Err(Error::unsupported("this in CREATE SCHEMA")),
    }
}

/// What the statement at the cursor asks for, by its first word.
fn command(cursor: &mut Cursor) -> Result<Command> {
    let Some(word) = cursor.word() else {
        // Only a parenthesised query starts with something that is not a word.
        return query(cursor);
    };
    match word.as_str() {
        "SELECT" | "WITH" | "VALUES" | "TABLE" => query(cursor),
        "INSERT" => {
            // To sqlparser INTO may be left out.
            if cursor.second_word().as_deref() != Some("INTO") {
                cursor.skip();
                return Err(cursor.syntax_error());
            }
            let overriding = cursor.take_overriding();
            let inference = cursor.take_inference()?;
            let statement = cursor.dml()?;
            dml(None, *statement, overriding, inference)
        }
        "UPDATE" | "DELETE" => {
            let statement = cursor.dml()?;
            dml(None, *statement, None, None)
        }
        "MERGE" => merge::merge(cursor, None),
        "CREATE" => objects::create(cursor),
        "ALTER" => objects::alter(cursor),
        "DROP" => objects::drop(cursor),
        "REFRESH" => sequences::refresh(cursor),
        "TRUNCATE" => maintenance::truncate(cursor),
        "COMMENT" => comments::comment(cursor),
        "GRANT" => roles::grant(cursor),
        "REVOKE" => roles::revoke(cursor),
        "REINDEX" => tuning::reindex(cursor),
        "CLUSTER" => tuning::cluster(cursor),
        "REASSIGN" => ownership::reassign(cursor),
        "BEGIN" | "START" | "COMMIT" | "END" | "ROLLBACK" | "ABORT" | "SAVEPOINT" | "RELEASE"
        | "LOCK" => session::transaction(cursor),
        "SET" => session::set(cursor),
        "RESET" => session::reset(cursor),
        "SHOW" => session::show(cursor),
        "DISCARD" => session::discard(cursor),
        "LISTEN" | "UNLISTEN" | "NOTIFY" => session::notification(cursor),
        "PREPARE" | "EXECUTE" | "DEALLOCATE" => session::prepared(cursor),
        "DECLARE" | "FETCH" | "MOVE" | "CLOSE" => cursors::cursors(cursor),
        "COPY" => copy::copy(cursor),
        "EXPLAIN" => explain::explain(cursor),
        "VACUUM" | "ANALYZE" | "ANALYSE" | "CHECKPOINT" => maintenance::maintenance(cursor),
        "CALL" => routines::call(cursor),
        // Statements PostgreSQL has and commons does not.
        "DO" => routines::inline(cursor),
        "IMPORT" | "LOAD" | "SECURITY" => Err(Error::unsupported(word)),
        _ => Err(cursor.syntax_error()),
    }
}

fn dml(
    with: Option<ast::With>,
    statement: ast::Statement,
    overriding: Option<Overriding>,
    inference: Option<Inference>,
) -> Result<Command> {
    let action = match statement {
        ast::Statement::Insert(insert) => DmlAction::Insert {
            insert: Box::new(insert),
            overriding,
            inference: inference.map(Box::new),
        },
        ast::Statement::Update(update) => DmlAction::Update(Box::new(update)),
        ast::Statement::Delete(delete) => DmlAction::Delete(Box::new(delete)),
        ast::Statement::Merge(_) => return Err(Error::unsupported("MERGE here")),
        other => {
            return Err(Error::internal(
                "reading a statement that changes rows",
                format!("{other} is none"),
            ));
        }
    };
    Ok(Command::Dml(Box::new(Dml { with, action })))
}

/// The SELECT of a query that has nothing but a list and perhaps a FROM.
pub(crate) fn bare_select(query: &ast::Query) -> Option<&ast::Select> {
    let ast::SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let bare = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && query.fetch.is_none()
        && query.locks.is_empty()
        && select.selection.is_none()
        && select.having.is_none()
        && select.distinct.is_none()
        && select.into.is_none()
        && select.named_window.is_empty()
        && matches!(&select.group_by, ast::GroupByExpr::Expressions(by, _) if by.is_empty());
    bare.then_some(select)
}

/// Whether a WITH has statements that change rows.
pub(crate) fn changes_rows(with: &ast::With) -> bool {
    with.cte_tables.iter().any(|cte| is_change(&cte.query.body))
}

/// Whether a query of WITH is a statement that changes rows.
pub(crate) fn is_change(body: &ast::SetExpr) -> bool {
    matches!(
        body,
        ast::SetExpr::Insert(_)
            | ast::SetExpr::Update(_)
            | ast::SetExpr::Delete(_)
            | ast::SetExpr::Merge(_)
    )
}

/// A query, or what looks like one at first: SELECT … INTO, WITH … INSERT.
fn query(cursor: &mut Cursor) -> Result<Command> {
    if let Some(with) = cursor.with_before("MERGE")? {
        return merge::merge(cursor, Some(with));
    }
    let overriding = cursor.take_overriding();
    let inference = cursor.take_inference()?;
    let mut query = cursor.query()?;
    if let ast::SetExpr::Insert(statement)
    | ast::SetExpr::Update(statement)
    | ast::SetExpr::Delete(statement)
    | ast::SetExpr::Merge(statement) = query.body.as_mut()
    {
        let statement = statement.clone();
        return dml(query.with.take(), statement, overriding, inference);
    }
    let changes = query.with.as_ref().is_some_and(changes_rows);
    if let ast::SetExpr::Select(select) = query.body.as_mut()
        && let Some(into) = select.into.take()
    {
        return Ok(Command::CreateTableAs(CreateTableAs {
            selected: true,
            name: cursor::object_name(&into.name)?,
            temporary: into.temporary,
            unlogged: into.unlogged,
            if_not_exists: false,
            columns: Vec::new(),
            filled: Filled::Query(query),
            with_data: true,
            storage: Vec::new(),
            on_commit: None,
        }));
    }
    if changes {
        let with = query.with.take();
        let action = DmlAction::Query(query);
        return Ok(Command::Dml(Box::new(Dml { with, action })));
    }
    Ok(Command::Query(query))
}
