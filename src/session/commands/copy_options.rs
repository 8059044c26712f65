//! The options of COPY, checked as PostgreSQL checks them.

use super::no_column;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Relation;
use crate::engine::command::{CopyDirection, CopyOptionValue};
use crate::engine::copy::{Compression, CopyFormat, CopyOptions, Header};
use crate::types::Encoding;

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
    encoding: Option<&'static Encoding>,
    compression: Option<&'a str>,
    numeric: Option<&'a str>,
    matching: Option<&'a str>,
    freeze: bool,
}

/// FREEZE: rows are stored alike either way, but it is only for tables nobody else sees yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Freeze(pub(super) bool);

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
    client: &'static Encoding,
) -> Result<(CopyOptions, Freeze)> {
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
    let freeze = Freeze(said.freeze);
    Ok((check(said, direction, client)?, freeze))
}

fn read<'a>(
    said: &mut Said<'a>,
    name: &'a str,
    value: &'a CopyOptionValue,
    direction: CopyDirection,
    columns: &Columns<'_>,
) -> Result<()> {
    match name {
        "format" => said.format = Some(format(text(name, value)?)?),
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
        "encoding" => said.encoding = Some(encoding(name, value)?),
        "freeze" => {
            said.freeze =
                boolean(value).ok_or_else(|| syntax(format!("{name} requires a Boolean value")))?;
        }
        "compression" => said.compression = Some(text(name, value)?),
        "numeric" => said.numeric = Some(text(name, value)?),
        "match" => said.matching = Some(text(name, value)?),
        _ => return Err(syntax(format!("option \"{name}\" not recognized"))),
    }
    Ok(())
}

fn check(
    said: Said<'_>,
    direction: CopyDirection,
    client: &'static Encoding,
) -> Result<CopyOptions> {
    let format = said.format.unwrap_or(CopyFormat::Text);
    let csv = format == CopyFormat::Csv;
    let to = direction == CopyDirection::To;
    if !format.is_text() {
        let word = format.word();
        let settled = [
            (said.delimiter.is_some(), "DELIMITER"),
            (said.null.is_some(), "NULL"),
        ];
        if let Some((_, option)) = settled.into_iter().find(|(said, _)| *said) {
            return Err(syntax(format!("cannot specify {option} in {word} mode")));
        }
        if said.encoding.is_some_and(|encoding| !encoding.is_same()) && format.has_schema() {
            return Err(unavailable(format!(
                "cannot specify ENCODING in {word} mode"
            )));
        }
        if said.header.is_some_and(|header| header != Header::Off) {
            return Err(unavailable(format!("cannot specify HEADER in {word} mode")));
        }
    }
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
    let compression = said.compression.map(|word| compression(word, format, to));
    let numeric_as_float = said.numeric.map(|word| as_float(word, format, to));
    let by_position = said.matching.map(|word| by_position(word, format, to));
    // Binary values are as the client has them, whatever the option says.
    let encoding = match (format, said.encoding) {
        (CopyFormat::Binary, _) | (_, None) => client,
        (_, Some(encoding)) => encoding,
    };
    let default = CopyOptions::of(format);
    Ok(CopyOptions {
        delimiter,
        null: null.to_owned(),
        header: said.header.unwrap_or(Header::Off),
        quote,
        escape,
        force_quote: said.force_quote.unwrap_or_default(),
        force_not_null: said.force_not_null.unwrap_or_default(),
        force_null: said.force_null.unwrap_or_default(),
        compression: compression.transpose()?.unwrap_or(default.compression),
        encoding,
        numeric_as_float: numeric_as_float.transpose()?.unwrap_or(false),
        by_position: by_position.transpose()?.unwrap_or(false),
        ..default
    })
}

/// Refuses an option of Arrow and Parquet elsewhere, or in the other direction.
fn check_packed(option: &str, format: CopyFormat, writes: bool, to: bool) -> Result<()> {
    if !format.has_schema() {
        return Err(unavailable(format!(
            "COPY {option} available only in ARROW and PARQUET mode"
        )));
    }
    match writes {
        true if !to => Err(unavailable(format!(
            "COPY {option} only available using COPY TO"
        ))),
        false if to => Err(unavailable(format!(
            "COPY {option} only available using COPY FROM"
        ))),
        _ => Ok(()),
    }
}

/// NUMERIC, of what is written.
fn as_float(word: &str, format: CopyFormat, to: bool) -> Result<bool> {
    check_packed("numeric", format, true, to)?;
    match word.to_ascii_lowercase().as_str() {
        "text" => Ok(false),
        "float8" => Ok(true),
        _ => Err(invalid(format!("COPY numeric \"{word}\" not recognized"))),
    }
}

/// COMPRESSION, of what is written.
fn compression(word: &str, format: CopyFormat, to: bool) -> Result<Compression> {
    check_packed("compression", format, true, to)?;
    match word.to_ascii_lowercase().as_str() {
        "none" => Ok(Compression::None),
        "lz4" => Ok(Compression::Lz4),
        "zstd" => Ok(Compression::Zstd),
        "snappy" if format == CopyFormat::Parquet => Ok(Compression::Snappy),
        _ => Err(invalid(format!(
            "COPY compression \"{word}\" not recognized"
        ))),
    }
}

/// MATCH, of what is read.
fn by_position(word: &str, format: CopyFormat, to: bool) -> Result<bool> {
    check_packed("match", format, false, to)?;
    match word.to_ascii_lowercase().as_str() {
        "name" => Ok(false),
        "position" => Ok(true),
        _ => Err(invalid(format!("COPY match \"{word}\" not recognized"))),
    }
}

/// Whether text is in LATIN1. UTF-8 is what the server speaks, and SQL_ASCII is whatever the server
/// speaks; PostgreSQL's other encodings are refused by name.
fn encoding(name: &str, value: &CopyOptionValue) -> Result<&'static Encoding> {
    match Encoding::named(text(name, value)?) {
        Some(encoding) if encoding.is_known() => Ok(encoding),
        Some(encoding) => Err(encoding.unconvertible().hint("Convert the data to UTF8.")),
        None => Err(invalid(
            "argument to option \"encoding\" must be a valid encoding name",
        )),
    }
}

fn format(name: &str) -> Result<CopyFormat> {
    match name {
        "text" => Ok(CopyFormat::Text),
        "csv" => Ok(CopyFormat::Csv),
        "binary" => Ok(CopyFormat::Binary),
        "arrow" => Ok(CopyFormat::Arrow),
        "parquet" => Ok(CopyFormat::Parquet),
        name => Err(invalid(format!("COPY format \"{name}\" not recognized"))),
    }
}

fn header(value: &CopyOptionValue, direction: CopyDirection) -> Result<Header> {
    if let CopyOptionValue::Text(word) = value
        && word.eq_ignore_ascii_case("match")
    {
        if direction == CopyDirection::To {
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
        CopyOptionValue::All if option == "FORCE_QUOTE" => Ok((0..columns.columns.len()).collect()),
        CopyOptionValue::Columns(names) => {
            let mut indexes = Vec::with_capacity(names.len());
            for name in names {
                let index = columns.index(option, name)?;
                if indexes.contains(&index) {
                    return Err(Error::new(
                        SqlState::DUPLICATE_COLUMN,
                        format!("column \"{name}\" specified more than once"),
                    ));
                }
                indexes.push(index);
            }
            Ok(indexes)
        }
        _ => Err(invalid(format!(
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
            CopyDirection::To
        } else {
            CopyDirection::From
        };
        copy_options(&options, direction, &["a", "b"], None, Encoding::UTF8)
            .map(|(options, _)| options)
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
