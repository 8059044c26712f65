//! EXPLAIN.

use sqlparser::tokenizer::Token;

use super::copy::option;
use super::cursor::Cursor;
use super::nested;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, CopyOptionValue, Explain, ExplainFormat, ExplainOptions};

/// EXPLAIN [ANALYZE] [VERBOSE] or EXPLAIN (option, …)
pub(super) fn explain(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("EXPLAIN")?;
    // `EXPLAIN (SELECT 1)` explains a parenthesised query.
    let listed = cursor.sees(&Token::LParen)
        && !cursor.sees_after_sign(&["SELECT", "WITH", "VALUES", "TABLE"]);
    let options = if listed {
        options(cursor.parenthesised(option)?)?
    } else {
        let analyze = cursor.accept("ANALYZE") || cursor.accept("ANALYSE");
        ExplainOptions {
            analyze,
            verbose: cursor.accept("VERBOSE"),
            timing: analyze,
            summary: analyze,
            ..ExplainOptions::default()
        }
    };
    Ok(Command::Explain(Explain {
        options,
        statement: nested(cursor, "EXPLAIN")?,
    }))
}

/// The options of a list. What BUFFERS and WAL count, commons has none of: PostgreSQL leaves
/// counts of zero out.
fn options(list: Vec<(String, CopyOptionValue)>) -> Result<ExplainOptions> {
    let mut options = ExplainOptions::default();
    let (mut timing, mut summary, mut wal) = (None, None, false);
    for (name, value) in list {
        match name.as_str() {
            "analyze" | "analyse" => options.analyze = boolean(&name, &value)?,
            "verbose" => options.verbose = boolean(&name, &value)?,
            "costs" => options.costs = boolean(&name, &value)?,
            "timing" => timing = Some(boolean(&name, &value)?),
            "summary" => summary = Some(boolean(&name, &value)?),
            "wal" => wal = boolean(&name, &value)?,
            "buffers" => {
                boolean(&name, &value)?;
            }
            "settings" => {
                if boolean(&name, &value)? {
                    return Err(Error::unsupported("EXPLAIN (SETTINGS)"));
                }
            }
            "format" => options.format = format(&value)?,
            _ => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("unrecognized EXPLAIN option \"{name}\""),
                ));
            }
        }
    }
    if wal && !options.analyze {
        return Err(requires_analyze("WAL"));
    }
    if timing == Some(true) && !options.analyze {
        return Err(requires_analyze("TIMING"));
    }
    options.timing = timing.unwrap_or(options.analyze);
    options.summary = summary.unwrap_or(options.analyze);
    Ok(options)
}

fn boolean(name: &str, value: &CopyOptionValue) -> Result<bool> {
    match value {
        CopyOptionValue::None => return Ok(true),
        CopyOptionValue::Text(text) => match text.to_lowercase().as_str() {
            "true" | "on" | "1" => return Ok(true),
            "false" | "off" | "0" => return Ok(false),
            _ => {}
        },
        CopyOptionValue::Columns(_) | CopyOptionValue::All => {}
    }
    Err(Error::new(
        SqlState::SYNTAX_ERROR,
        format!("{name} requires a Boolean value"),
    ))
}

fn format(value: &CopyOptionValue) -> Result<ExplainFormat> {
    let CopyOptionValue::Text(text) = value else {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "format requires a parameter",
        ));
    };
    match text.to_lowercase().as_str() {
        "text" => Ok(ExplainFormat::Text),
        "json" => Ok(ExplainFormat::Json),
        "yaml" => Ok(ExplainFormat::Yaml),
        "xml" => Err(Error::unsupported(format!(
            "EXPLAIN (FORMAT {})",
            text.to_uppercase()
        ))),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("unrecognized value for EXPLAIN option \"format\": \"{text}\""),
        )),
    }
}

fn requires_analyze(option: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("EXPLAIN option {option} requires ANALYZE"),
    )
}
