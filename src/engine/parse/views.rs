//! CREATE VIEW.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, CreateView};

/// `VIEW name (columns) AS query`
pub(super) fn create_view(
    cursor: &mut Cursor,
    or_replace: bool,
    temporary: bool,
) -> Result<Command> {
    cursor.expect("VIEW")?;
    let name = cursor.object_name()?;
    let columns = if cursor.sees(&Token::LParen) {
        cursor.parenthesised(Cursor::name)?
    } else {
        Vec::new()
    };
    let mut options = super::storage::of_view(cursor)?;
    cursor.expect("AS")?;
    let start = cursor.position();
    let query = cursor.query()?;
    let text = cursor.text_since(start);
    let check = if cursor.accept("WITH LOCAL CHECK OPTION") {
        Some("local")
    } else if cursor.accept("WITH CASCADED CHECK OPTION") || cursor.accept("WITH CHECK OPTION") {
        Some("cascaded")
    } else {
        None
    };
    if let Some(check) = check {
        super::storage::add(&mut options, "check_option".to_owned(), check.to_owned())?;
    }
    Ok(Command::CreateView(CreateView {
        name,
        or_replace,
        temporary,
        columns,
        query,
        text,
        options,
    }))
}

/// `RECURSIVE VIEW name (columns) AS query`: a view of a query that may read itself.
pub(super) fn create_recursive(
    cursor: &mut Cursor,
    or_replace: bool,
    temporary: bool,
) -> Result<Command> {
    cursor.expect("RECURSIVE VIEW")?;
    let name = cursor.object_name()?;
    let columns = cursor.parenthesised(Cursor::name)?;
    let options = super::storage::of_view(cursor)?;
    cursor.expect("AS")?;
    let start = cursor.position();
    cursor.query()?;
    let body = cursor.text_since(start);
    for words in [
        "WITH CHECK OPTION",
        "WITH LOCAL CHECK OPTION",
        "WITH CASCADED CHECK OPTION",
    ] {
        if cursor.accept(words) {
            let message = "WITH CHECK OPTION not supported on recursive views";
            return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
        }
    }
    let itself = quote(&name.name).into_owned();
    let listed = columns.iter().map(|column| quote(column).into_owned());
    let listed = listed.collect::<Vec<_>>().join(", ");
    let text =
        format!("WITH RECURSIVE {itself} ({listed}) AS ({body}) SELECT {listed} FROM {itself}");
    Ok(Command::CreateView(CreateView {
        name,
        or_replace,
        temporary,
        columns: Vec::new(),
        query: super::parse_query(&text)?,
        text,
        options,
    }))
}
