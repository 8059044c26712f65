//! CREATE VIEW.

use sqlparser::tokenizer::Token;

use super::cursor::Cursor;
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::catalog::CheckOption;
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
    let mut check_option = None;
    if cursor.accept("WITH") {
        check_option = view_options(cursor)?;
    }
    cursor.expect("AS")?;
    let start = cursor.position();
    let query = cursor.query()?;
    let text = cursor.text_since(start);
    if cursor.accept("WITH LOCAL CHECK OPTION") {
        check_option = Some(CheckOption::Local);
    } else if cursor.accept("WITH CASCADED CHECK OPTION") || cursor.accept("WITH CHECK OPTION") {
        check_option = Some(CheckOption::Cascaded);
    }
    Ok(Command::CreateView(CreateView {
        name,
        or_replace,
        temporary,
        columns,
        query,
        text,
        check_option,
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
        check_option: None,
    }))
}

/// `(check_option = …)`; other options would change what the view shows to whom.
fn view_options(cursor: &mut Cursor) -> Result<Option<CheckOption>> {
    let mut check_option = None;
    cursor.parenthesised(|cursor| {
        let name = cursor.any_word()?;
        if name != "check_option" {
            return Err(Error::unsupported(format!("view option \"{name}\"")));
        }
        cursor.expect_token(&Token::Eq)?;
        let value = match cursor.sees_string() {
            true => cursor.string()?.to_lowercase(),
            false => cursor.any_word()?,
        };
        check_option = match value.as_str() {
            "local" => Some(CheckOption::Local),
            "cascaded" => Some(CheckOption::Cascaded),
            _ => {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid value for enum option \"check_option\": {value}"),
                )
                .detail("Valid values are \"local\" and \"cascaded\"."));
            }
        };
        Ok(())
    })?;
    Ok(check_option)
}
