//! The options of COPY, checked as PostgreSQL checks them.

use super::no_column;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Relation;
use crate::engine::command::{CopyDirection, CopyOptionValue};
use crate::engine::copy::{CopyFormat, CopyOptions, Header};

/// Options as written; what is not said has a default that depends on the format.
#[derive(Debug, Default)]
struct Said<'a> {
    format: Option<CopyFormat>,
    delimiter: Option<&'a str>,
    null: Option<&'a str>,
    header: Option<Header>,
    quote: Option<&'a str>,
    escape: Option<&'a str>,
    force_quote: Option<Vec<usize>>,
    force_not_null: Option<Vec<usize>>,
    force_null: Option<Vec<usize>>,
}

/// The columns copied, for options that name some.
struct Columns<'a> {
    columns: &'a [&'a str],
    relation: Option<&'a Relation>,
}

impl Columns<'_> {
    fn index(&self, option: &str, name: &str) -> Result<usize> {
        if let Some(index) = self.columns.iter().position(|column| *column == name) {
            return Ok(index);
        }
        Err(match self.relation {
            Some(relation) if relation.column(name).is_none() => no_column(relation, name),
            Some(_) => Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("{option} column \"{name}\" not referenced by COPY"),
            ),
            None => Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" does not exist"),
            ),
        })
    }
}

/// Reads and checks options. `columns` are the names of the columns copied, `relation` the table
/// they are of, if they are a table's.
///
/// # Errors
/// PostgreSQL's, for options that are unknown, said twice, or do not go together.
pub(super) fn copy_options(
    options: &[(String, CopyOptionValue)],
    direction: CopyDirection,
    columns: &[&str],
    relation: Option<&Relation>,
) -> Result<CopyOptions> {
    let mut said = Said::default();
    let mut seen: Vec<&str> = Vec::new();
    for (name, value) in options {
        if seen.contains(&name.as_str()) {
            return Err(syntax("conflicting or redundant options"));
        }
        seen.push(name);
        read(
            &mut said,
            name,
            value,
            direction,
            &Columns { columns, relation },
        )?;
    }
    check(said, direction)
}

fn read<'a>(
    said: &mut Said<'a>,
    name: &'a str,
    value: &'a CopyOptionValue,
    direction: CopyDirection,
    columns: &Columns<'_>,
) -> Result<()> {
    match name {
        "format" => said.format = Some(format(text(name, value)?, direction)?),
        "delimiter" => said.delimiter = Some(text(name, value)?),
        "null" => said.null = Some(text(name, value)?),
        "header" => said.header = Some(header(value, direction)?),
        "quote" => said.quote = Some(text(name, value)?),
        "escape" => said.escape = Some(text(name, value)?),
        "force_quote" => said.force_quote = Some(listed("FORCE_QUOTE", value, columns)?),
        "force_not_null" => {
            said.force_not_null = Some(listed("FORCE_NOT_NULL", value, columns)?);
        }
        "force_null" => said.force_null = Some(listed("FORCE_NULL", value, columns)?),
        "encoding" => {
            let encoding = text(name, value)?
                .to_ascii_lowercase()
                .replace(['-', '_'], "");
            if encoding != "utf8" && encoding != "unicode" {
                return Err(Error::unsupported(format!(
                    "COPY with encoding \"{}\"",
                    text(name, value)?
                )));
            }
        }
        "freeze" => {
            // Rows are stored alike either way.
            if boolean(value) != Some(false) {
                return Err(Error::unsupported("COPY FREEZE"));
            }
        }
        _ => return Err(syntax(format!("option \"{name}\" not recognized"))),
    }
    Ok(())
}

fn check(said: Said<'_>, direction: CopyDirection) -> Result<CopyOptions> {
    let format = said.format.unwrap_or(CopyFormat::Text);
    let csv = format == CopyFormat::Csv;
    let settled = [
        (said.delimiter.is_some(), "DELIMITER"),
        (said.null.is_some(), "NULL"),
        (said.header.is_some(), "HEADER"),
    ];
    if format == CopyFormat::Binary
        && let Some((_, option)) = settled.into_iter().find(|(said, _)| *said)
    {
        return Err(syntax(format!("cannot specify {option} in BINARY mode")));
    }
    let to = direction == CopyDirection::ToStdout;
    let only_csv = [
        (said.quote.is_some(), "quote"),
        (said.escape.is_some(), "escape"),
        (said.force_quote.is_some(), "force quote"),
        (said.force_not_null.is_some(), "force not null"),
        (said.force_null.is_some(), "force null"),
    ];
    if let Some((_, what)) = only_csv.iter().find(|(said, _)| *said && !csv) {
        return Err(unavailable(format!(
            "COPY {what} available only in CSV mode"
        )));
    }
    if said.force_quote.is_some() && !to {
        return Err(unavailable("COPY force quote only available using COPY TO"));
    }
    if said.force_not_null.is_some() && to {
        return Err(unavailable(
            "COPY force not null only available using COPY FROM",
        ));
    }
    if said.force_null.is_some() && to {
        return Err(unavailable(
            "COPY force null only available using COPY FROM",
        ));
    }
    let delimiter = byte(
        said.delimiter.unwrap_or(if csv { "," } else { "\t" }),
        "delimiter",
    )?;
    let null = said.null.unwrap_or(if csv { "" } else { "\\N" });
    let quote = byte(said.quote.unwrap_or("\""), "quote")?;
    let escape = match said.escape {
        Some(escape) => byte(escape, "escape")?,
        None => quote,
    };
    if matches!(delimiter, b'\n' | b'\r') {
        return Err(invalid(
            "COPY delimiter cannot be newline or carriage return",
        ));
    }
    if null.contains(['\n', '\r']) {
        return Err(invalid(
            "COPY null representation cannot use newline or carriage return",
        ));
    }
    if !csv && b"\\.abcdefghijklmnopqrstuvwxyz0123456789".contains(&delimiter) {
        return Err(invalid(format!(
            "COPY delimiter cannot be \"{}\"",
            char::from(delimiter)
        )));
    }
    if csv && delimiter == quote {
        return Err(invalid("COPY delimiter and quote must be different"));
    }
    if null.as_bytes().contains(&delimiter) {
        return Err(unavailable(
            "COPY delimiter must not appear in the NULL specification",
        ));
    }
    if csv && null.as_bytes().contains(&quote) {
        return Err(unavailable(
            "CSV quote character must not appear in the NULL specification",
        ));
    }
    Ok(CopyOptions {
        format,
        delimiter,
        null: null.to_owned(),
        header: said.header.unwrap_or(Header::Off),
        quote,
        escape,
        force_quote: said.force_quote.unwrap_or_default(),
        force_not_null: said.force_not_null.unwrap_or_default(),
        force_null: said.force_null.unwrap_or_default(),
    })
}

fn format(name: &str, direction: CopyDirection) -> Result<CopyFormat> {
    match name {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" if direction == CopyDirection::ToStdout => Ok(CopyFormat::Binary),
        "binary" => Err(Error::unsupported("COPY FROM in binary format")),
        name => Err(invalid(format!("COPY format \"{name}\" not recognized"))),
    }
}

fn header(value: &CopyOptionValue, direction: CopyDirection) -> Result<Header> {
    if let CopyOptionValue::Text(word) = value
        && word.eq_ignore_ascii_case("match")
    {
        if direction == CopyDirection::ToStdout {
            return Err(unavailable("cannot use \"match\" with HEADER in COPY TO"));
        }
        return Ok(Header::Match);
    }
    match boolean(value) {
        Some(true) => Ok(Header::On),
        Some(false) => Ok(Header::Off),
        None => Err(syntax("header requires a Boolean value or \"match\"")),
    }
}

/// A Boolean option; said without a value it is true.
fn boolean(value: &CopyOptionValue) -> Option<bool> {
    match value {
        CopyOptionValue::None => Some(true),
        CopyOptionValue::Text(word) => match word.to_ascii_lowercase().as_str() {
            "true" | "on" | "1" => Some(true),
            "false" | "off" | "0" => Some(false),
            _ => None,
        },
        CopyOptionValue::Columns(_) | CopyOptionValue::All => None,
    }
}

fn text<'a>(name: &str, value: &'a CopyOptionValue) -> Result<&'a str> {
    match value {
        CopyOptionValue::Text(text) => Ok(text),
        CopyOptionValue::None | CopyOptionValue::Columns(_) | CopyOptionValue::All => {
            Err(syntax(format!("{name} requires a parameter")))
        }
    }
}

/// Indexes of columns, among those copied.
fn listed(option: &str, value: &CopyOptionValue, columns: &Columns<'_>) -> Result<Vec<usize>> {
    match value {
        CopyOptionValue::All => Ok((0..columns.columns.len()).collect()),
        CopyOptionValue::Columns(names) => names
            .iter()
            .map(|name| columns.index(option, name))
            .collect(),
        CopyOptionValue::None | CopyOptionValue::Text(_) => Err(invalid(format!(
            "argument to option \"{}\" must be a list of column names",
            option.to_lowercase()
        ))),
    }
}

fn byte(text: &str, what: &str) -> Result<u8> {
    match text.as_bytes() {
        [byte] => Ok(*byte),
        _ => Err(unavailable(format!(
            "COPY {what} must be a single one-byte character"
        ))),
    }
}

fn syntax(message: impl Into<String>) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, message)
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn unavailable(message: impl Into<String>) -> Error {
    Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> CopyOptionValue {
        CopyOptionValue::Text(value.to_owned())
    }

    fn read(options: &[(&str, CopyOptionValue)], to: bool) -> Result<CopyOptions> {
        let options: Vec<_> = options
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect();
        let direction = if to {
            CopyDirection::ToStdout
        } else {
            CopyDirection::FromStdin
        };
        copy_options(&options, direction, &["a", "b"], None)
    }

    #[test]
    fn defaults_follow_the_format() {
        let plain = read(&[], true).expect("defaults go together");
        assert_eq!((plain.delimiter, plain.null.as_str()), (b'\t', "\\N"));
        let csv = read(&[("format", text("csv")), ("quote", text("'"))], true)
            .expect("a quote goes with CSV");
        assert_eq!(
            (csv.delimiter, csv.null.as_str(), csv.escape),
            (b',', "", b'\'')
        );
    }

    #[test]
    fn what_does_not_go_together_is_refused() {
        let refused = |options: &[(&str, CopyOptionValue)], to| {
            read(options, to).expect_err("refused").message().to_owned()
        };
        assert_eq!(
            refused(&[("quote", text("'"))], true),
            "COPY quote available only in CSV mode"
        );
        assert_eq!(
            refused(&[("header", text("match"))], true),
            "cannot use \"match\" with HEADER in COPY TO"
        );
        assert_eq!(
            refused(&[("delimiter", text("a"))], false),
            "COPY delimiter cannot be \"a\""
        );
        assert_eq!(
            refused(
                &[
                    ("format", text("csv")),
                    ("force_null", CopyOptionValue::Columns(vec!["c".into()]))
                ],
                false
            ),
            "column \"c\" does not exist"
        );
    }
}
