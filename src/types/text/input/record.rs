//! Rows as `record_in` reads them: `(1,"a b",)`.

use arrow::array::ArrayRef;

use super::{Input, ParseError, is_space, parse_column};
use crate::base::{Error, Result, SqlState};
use crate::types::{PgType, row};

/// Reads a column of rows.
pub(super) fn parse(values: &[Option<&str>], input: &Input<'_>) -> Result<ArrayRef, ParseError> {
    let part = |text, _: &[PgType], columns: &mut [Vec<Option<String>>]| fields(text, columns);
    row::parse(values, input.ty, part, |column, ty| {
        let texts: Vec<_> = column.iter().map(Option::as_deref).collect();
        parse_column(&texts, ty, input.style, input.now)
    })
}

/// `0A000` for rows with fields of domains: what a domain asks of a value is an expression, which
/// is computed elsewhere.
///
/// # Errors
/// `0A000`
pub fn refuse_domains(ty: PgType) -> Result<()> {
    match ty.has_domains() {
        true => Err(
            Error::unsupported("reading a row that has a field of a domain")
                .hint("Write it as ROW(…) with a cast to its type."),
        ),
        false => Ok(()),
    }
}

/// The texts of a row's fields, of which there are `count`; one that is not there is NULL.
///
/// # Errors
/// `22P02`
pub fn field_texts(text: &str, count: usize) -> Result<Vec<Option<String>>> {
    let mut columns = vec![Vec::new(); count];
    fields(text, &mut columns)?;
    Ok(columns
        .into_iter()
        .map(|mut column| column.pop().flatten())
        .collect())
}

fn malformed(text: &str, detail: &str) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("malformed record literal: \"{text}\""),
    )
    .detail(detail)
}

/// Takes one literal apart; a field that is not there at all is NULL.
fn fields(text: &str, columns: &mut [Vec<Option<String>>]) -> Result<()> {
    let mut rest = text.trim_start_matches(space).chars().peekable();
    if rest.next() != Some('(') {
        return Err(malformed(text, "Missing left parenthesis."));
    }
    let too_few = || malformed(text, "Too few columns.");
    for (index, column) in columns.iter_mut().enumerate() {
        if index > 0 && rest.next_if_eq(&',').is_none() {
            return Err(too_few());
        }
        if matches!(rest.peek(), Some(',' | ')')) {
            column.push(None);
            continue;
        }
        let mut value = String::new();
        let mut quoted = false;
        let ended = || malformed(text, "Unexpected end of input.");
        while quoted || !matches!(rest.peek(), Some(',' | ')')) {
            match rest.next().ok_or_else(ended)? {
                '\\' => value.push(rest.next().ok_or_else(ended)?),
                '"' if !quoted => quoted = true,
                '"' if rest.next_if_eq(&'"').is_some() => value.push('"'),
                '"' => quoted = false,
                other => value.push(other),
            }
        }
        column.push(Some(value));
    }
    if rest.next() != Some(')') {
        return Err(malformed(text, "Too many columns."));
    }
    match rest.all(space) {
        true => Ok(()),
        false => Err(malformed(text, "Junk after right parenthesis.")),
    }
}

fn space(c: char) -> bool {
    u8::try_from(c).is_ok_and(is_space)
}
