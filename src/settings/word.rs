//! Words: booleans, enumerations, lists of identifiers, and the texts that have rules of their own.

use super::number::invalid;
use super::{Kind, Setting, find, number, style};
use crate::base::name::{quote, truncate};
use crate::base::{Error, Result, SqlState};
use crate::types::Encoding;
use crate::types::search::Config;

/// `text` as the value of `setting`, as SHOW prints it.
///
/// # Errors
/// `22023` for what the setting does not take, `0A000` for what PostgreSQL takes and commons does
/// not.
pub(super) fn check(setting: &Setting, text: &str) -> Result<String> {
    let value = match setting.kind {
        Kind::Bool => boolean(text)
            .map(|on| if on { "on" } else { "off" }.to_owned())
            .ok_or_else(|| {
                Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("parameter \"{}\" requires a Boolean value", setting.name),
                )
            })?,
        Kind::Integer { min, max, unit } => number::integer(setting, min, max, unit, text)?,
        Kind::Real { min, max, unit } => number::real(setting, (min, max), unit, text)?,
        Kind::Enum(words) => enumerated(setting, words, text)?,
        Kind::Text => text.to_owned(),
        Kind::List => match split_identifiers(text) {
            Some(_) => text.to_owned(),
            None => return Err(invalid(setting, text).detail("List syntax is invalid.")),
        },
    };
    match (setting.name, value.as_str()) {
        ("TimeZone", _) => style::time_zone(setting, text),
        ("client_encoding", _) => encoding(setting, text),
        ("application_name", _) => Ok(printable(text)),
        ("default_tablespace" | "temp_tablespaces", name)
            if !name.is_empty() && name != "pg_default" =>
        {
            Err(invalid(setting, text).detail(format!("Tablespace \"{name}\" does not exist.")))
        }
        ("default_table_access_method", name) if name != "heap" => Err(invalid(setting, text)
            .detail(format!("Table access method \"{name}\" does not exist."))),
        ("lc_messages" | "lc_monetary" | "lc_numeric" | "lc_time", name)
            if !matches!(name, "" | "C" | "POSIX" | "C.UTF-8" | "en_US.UTF-8") =>
        {
            Err(invalid(setting, text))
        }
        ("timezone_abbreviations", "Australia" | "India") => Err(Error::unsupported(format!(
            "timezone_abbreviations = '{text}'"
        ))),
        ("timezone_abbreviations", name) if name != "Default" => Err(invalid(setting, text)),
        ("default_text_search_config", name) => {
            let bare = name.to_ascii_lowercase();
            let bare = bare.strip_prefix("pg_catalog.").unwrap_or(&bare);
            match Config::named(bare) {
                // Whatever the search path will be.
                Some(_) => Ok(format!("pg_catalog.{bare}")),
                None => Err(invalid(setting, text)),
            }
        }
        _ => Ok(value),
    }
}

/// PostgreSQL's `parse_bool`: any unambiguous beginning of true, false, yes, no, on, off; 1 and 0.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = text.to_ascii_lowercase();
    let begins = |word: &str, least: usize| text.len() >= least && word.starts_with(&text);
    if begins("true", 1) || begins("yes", 1) || begins("on", 2) || text == "1" {
        Some(true)
    } else if begins("false", 1) || begins("no", 1) || begins("off", 2) || text == "0" {
        Some(false)
    } else {
        None
    }
}

fn enumerated(setting: &Setting, words: &'static [&'static str], text: &str) -> Result<String> {
    if let Some(word) = words.iter().find(|word| word.eq_ignore_ascii_case(text)) {
        return Ok((*word).to_owned());
    }
    // Words PostgreSQL accepts without telling: Booleans where on and off are among the words, and
    // levels that are sent to clients whatever the setting.
    let hidden = match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "1" if words.contains(&"on") => Some("on"),
        "false" | "no" | "0" if words.contains(&"off") => Some("off"),
        "debug" if words.contains(&"debug2") => Some("debug2"),
        "info" if setting.name == "client_min_messages" => Some("info"),
        _ => None,
    };
    hidden.map(str::to_owned).ok_or_else(|| {
        invalid(setting, text).hint(format!("Available values: {}.", words.join(", ")))
    })
}

/// Comma-separated identifiers, unquoted ones folded to lower case (PostgreSQL's
/// `SplitIdentifierString`). `None` if the syntax is wrong.
pub(super) fn split_identifiers(text: &str) -> Option<Vec<String>> {
    let mut rest = text.trim_matches(|c: char| c.is_ascii_whitespace());
    let mut names = Vec::new();
    if rest.is_empty() {
        return Some(names);
    }
    loop {
        let (name, after) = if let Some(quoted) = rest.strip_prefix('"') {
            unquote(quoted)?
        } else {
            let end = rest
                .find(|c: char| c == ',' || c.is_ascii_whitespace())
                .unwrap_or(rest.len());
            if end == 0 {
                return None;
            }
            (rest[..end].to_lowercase(), &rest[end..])
        };
        names.push(truncate(&name).to_owned());
        let after = after.trim_start_matches(|c: char| c.is_ascii_whitespace());
        if after.is_empty() {
            return Some(names);
        }
        rest = after
            .strip_prefix(',')?
            .trim_start_matches(|c: char| c.is_ascii_whitespace());
    }
}

/// The identifier up to its closing quote, and what follows.
fn unquote(text: &str) -> Option<(String, &str)> {
    let mut name = String::new();
    let mut rest = text;
    loop {
        let end = rest.find('"')?;
        name.push_str(&rest[..end]);
        rest = &rest[end + 1..];
        match rest.strip_prefix('"') {
            Some(after) => {
                name.push('"');
                rest = after;
            }
            None => return Some((name, rest)),
        }
    }
}

/// The arguments of `SET name TO a, b` as one value: lists of identifiers are quoted where needed,
/// as PostgreSQL does.
///
/// # Errors
/// `22023` if there are several and the setting takes one.
pub fn join_arguments(name: &str, arguments: &[String]) -> Result<String> {
    match (find(name), arguments) {
        (
            Some(Setting {
                kind: Kind::List, ..
            }),
            _,
        ) => {
            let quoted: Vec<_> = arguments.iter().map(|argument| quote(argument)).collect();
            Ok(quoted.join(", "))
        }
        (Some(setting), _) if setting.name == "DateStyle" => Ok(arguments.join(", ")),
        (_, [one]) => Ok(one.clone()),
        (_, _) => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("SET {name} takes only one argument"),
        )),
    }
}

/// What the client speaks.
fn encoding(setting: &Setting, text: &str) -> Result<String> {
    match Encoding::named(text) {
        Some(encoding) if encoding.is_known() => Ok(encoding.name.to_owned()),
        Some(encoding) => Err(encoding.unconvertible().hint("Use client_encoding UTF8.")),
        None => Err(invalid(setting, text)),
    }
}

/// Only printable ASCII is kept, for the sake of logs; every other byte becomes `?`, as in
/// PostgreSQL.
fn printable(text: &str) -> String {
    let cut = truncate(text);
    cut.bytes()
        .map(|b| {
            if (32..127).contains(&b) {
                b as char
            } else {
                '?'
            }
        })
        .collect()
}
