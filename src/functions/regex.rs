//! Regular expressions beyond DataFusion's: splitting, substrings, counting matches.
//!
//! Patterns are those of the `regex` crate: no backreferences, no lookaround.

use super::call::short::TEXT;
use super::call::{Call, functions};
use super::text::TEXTS;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "regexp_split_to_array" Immutable {
        (TEXT, TEXT) -> TEXTS, strict, split;
        (TEXT, TEXT, TEXT) -> TEXTS, strict, split;
    }
    "regexp_substr" Immutable {
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| {
            let regex = compile(call, row)?;
            let found = regex.find(call.must_text(0, row));
            Ok(found.map(|found| found.as_str().to_owned()).into())
        };
    }
}

fn compile(call: &Call<'_>, row: usize) -> Result<regex::Regex> {
    let mut builder = regex::RegexBuilder::new(call.must_text(1, row));
    for flag in call.text(2, row).unwrap_or_default().chars() {
        match flag {
            'i' => builder.case_insensitive(true),
            'c' => builder.case_insensitive(false),
            'n' | 'm' => builder.multi_line(true).dot_matches_new_line(false),
            's' => builder.dot_matches_new_line(true),
            'x' => builder.ignore_whitespace(true),
            _ => {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("invalid regular expression option: \"{flag}\""),
                ));
            }
        };
    }
    builder.build().map_err(|error| {
        Error::new(
            SqlState::INVALID_REGULAR_EXPRESSION,
            format!("invalid regular expression: {error}"),
        )
    })
}

/// The parts between matches.
pub(super) fn split(call: &Call<'_>, row: usize) -> Result<Value> {
    let regex = compile(call, row)?;
    let text = call.must_text(0, row);
    let parts: Vec<String> = regex.split(text).map(str::to_owned).collect();
    Ok(parts.into())
}
