//! Functions and operators over regular expressions.

use super::are::{Compiled, Found, compile};
use super::call::short::{INT, TEXT};
use super::call::{Call, functions};
use super::resolve::Returns;
use super::similar::similar;
use super::text::TEXTS;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

const MATCHES: Returns = Returns::SetOf(TEXTS);

functions! { pub(super) LIST:
    "~" Immutable {
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| matches(call, row, "", true);
        (super::call::short::SMALL) -> PgType::INT2, strict, |call, row| Ok(call.int(0, row).map(|v| !v).into());
        (INT) -> PgType::INT4, strict, |call, row| Ok(call.int(0, row).map(|v| !v).into());
        (super::call::short::BIGINT) -> PgType::INT8, strict, |call, row| Ok(call.int(0, row).map(|v| !v).into());
    }
    "~*" Immutable { (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| matches(call, row, "i", true); }
    "!~" Immutable { (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| matches(call, row, "", false); }
    "!~*" Immutable { (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| matches(call, row, "i", false); }
    "similar_to_escape" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| Ok(similar(call.must_text(0, row), None)?.into());
        (TEXT, TEXT) -> PgType::TEXT, strict, |call, row| {
            Ok(similar(call.must_text(0, row), call.text(1, row))?.into())
        };
    }
    "regexp_like" Immutable {
        (TEXT, TEXT) -> PgType::BOOL, strict, like;
        (TEXT, TEXT, TEXT) -> PgType::BOOL, strict, like;
    }
    "regexp_match" Immutable {
        (TEXT, TEXT) -> TEXTS, strict, first_match;
        (TEXT, TEXT, TEXT) -> TEXTS, strict, first_match;
    }
    "regexp_matches[]" Immutable {
        (TEXT, TEXT) => MATCHES, strict, all_matches;
        (TEXT, TEXT, TEXT) => MATCHES, strict, all_matches;
    }
    "regexp_replace" Immutable {
        (TEXT, TEXT, TEXT) -> PgType::TEXT, strict, replace_flags;
        (TEXT, TEXT, TEXT, TEXT) -> PgType::TEXT, strict, replace_flags;
        (TEXT, TEXT, TEXT, INT) -> PgType::TEXT, strict, replace_from;
        (TEXT, TEXT, TEXT, INT, INT) -> PgType::TEXT, strict, replace_from;
        (TEXT, TEXT, TEXT, INT, INT, TEXT) -> PgType::TEXT, strict, replace_from;
    }
    "regexp_split_to_array" Immutable {
        (TEXT, TEXT) -> TEXTS, strict, split_to_array;
        (TEXT, TEXT, TEXT) -> TEXTS, strict, split_to_array;
    }
    "regexp_split_to_table[]" Immutable {
        (TEXT, TEXT) -> TEXTS, strict, split_to_table;
        (TEXT, TEXT, TEXT) -> TEXTS, strict, split_to_table;
    }
    "regexp_count" Immutable {
        (TEXT, TEXT) -> PgType::INT4, strict, count;
        (TEXT, TEXT, INT) -> PgType::INT4, strict, count;
        (TEXT, TEXT, INT, TEXT) -> PgType::INT4, strict, count;
    }
    "regexp_instr" Immutable {
        (TEXT, TEXT) -> PgType::INT4, strict, position;
        (TEXT, TEXT, INT) -> PgType::INT4, strict, position;
        (TEXT, TEXT, INT, INT) -> PgType::INT4, strict, position;
        (TEXT, TEXT, INT, INT, INT) -> PgType::INT4, strict, position;
        (TEXT, TEXT, INT, INT, INT, TEXT) -> PgType::INT4, strict, position;
        (TEXT, TEXT, INT, INT, INT, TEXT, INT) -> PgType::INT4, strict, position;
    }
    "regexp_substr" Immutable {
        (TEXT, TEXT) -> PgType::TEXT, strict, substr;
        (TEXT, TEXT, INT) -> PgType::TEXT, strict, substr;
        (TEXT, TEXT, INT, INT) -> PgType::TEXT, strict, substr;
        (TEXT, TEXT, INT, INT, TEXT) -> PgType::TEXT, strict, substr;
        (TEXT, TEXT, INT, INT, TEXT, INT) -> PgType::TEXT, strict, substr;
    }
}

fn wrong(what: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, what.into())
}

/// The pattern that is the second argument.
fn pattern(call: &Call<'_>, row: usize, flags: Option<usize>) -> Result<std::rc::Rc<Compiled>> {
    let flags = flags.and_then(|arg| call.text(arg, row)).unwrap_or("");
    compile(call.must_text(1, row), flags)
}

/// The same for a function that has no use for flag `g`.
fn single(
    call: &Call<'_>,
    row: usize,
    flags: Option<usize>,
    name: &str,
) -> Result<std::rc::Rc<Compiled>> {
    let compiled = pattern(call, row, flags)?;
    if compiled.global {
        let error = wrong(format!("{name}() does not support the \"global\" option"));
        return Err(match name {
            "regexp_match" => error.hint("Use the regexp_matches function instead."),
            _ => error,
        });
    }
    Ok(compiled)
}

fn matches(call: &Call<'_>, row: usize, flags: &str, wanted: bool) -> Result<Value> {
    let compiled = compile(call.must_text(1, row), flags)?;
    // A `char(n)` is matched with its blanks.
    let text = call.padded(0, row).unwrap_or_default();
    Ok((compiled.is_match(text)? == wanted).into())
}

fn like(call: &Call<'_>, row: usize) -> Result<Value> {
    let compiled = single(call, row, Some(2), "regexp_like")?;
    Ok(compiled.is_match(call.must_text(0, row))?.into())
}

/// What the groups of a match caught; the whole match if there are none.
fn groups(text: &str, found: &Found) -> Vec<Value> {
    let first = usize::from(found.len() > 1);
    (first..found.len())
        .map(|index| found.get(index).map(|range| text[range].to_owned()).into())
        .collect()
}

fn first_match(call: &Call<'_>, row: usize) -> Result<Value> {
    let compiled = single(call, row, Some(2), "regexp_match")?;
    let text = call.must_text(0, row);
    let found = compiled.first(text)?;
    Ok(found.map_or(Value::Null, |found| Value::List(groups(text, &found))))
}

/// Every match as one text: an array of arrays would have one length.
fn all_matches(call: &Call<'_>, row: usize) -> Result<Value> {
    let compiled = pattern(call, row, Some(2))?;
    let text = call.must_text(0, row);
    let most = if compiled.global { usize::MAX } else { 1 };
    let found = compiled
        .matches(text, 0)
        .take(most)
        .map(|found| Ok(Value::List(groups(text, &found?))))
        .collect::<Result<_>>()?;
    Ok(Value::List(found))
}

/// A replacement with `\1` and `\&` filled in.
fn expand(text: &str, replacement: &str, found: &Found, out: &mut String) {
    let mut chars = replacement.chars();
    while let Some(c) = chars.next() {
        if c != '\\' {
            out.push(c);
            continue;
        }
        match chars.next() {
            Some(digit @ '1'..='9') => {
                let index = digit.to_digit(10).unwrap_or(0) as usize;
                if let Some(range) = found.get(index) {
                    out.push_str(&text[range]);
                }
            }
            Some('&') => out.push_str(&text[found.range()]),
            Some('\\') | None => out.push('\\'),
            Some(other) => {
                out.push('\\');
                out.push(other);
            }
        }
    }
}

/// Replaces match number `n` (all if 0) from byte `start` on.
fn replaced(
    compiled: &Compiled,
    text: &str,
    replacement: &str,
    start: usize,
    n: usize,
) -> Result<String> {
    let mut out = String::with_capacity(text.len());
    let mut last = 0;
    for (index, found) in compiled.matches(text, start).enumerate() {
        let found = found?;
        if n > 0 && index + 1 != n {
            continue;
        }
        let whole = found.range();
        out.push_str(&text[last..whole.start]);
        expand(text, replacement, &found, &mut out);
        last = whole.end;
        if n > 0 {
            break;
        }
    }
    out.push_str(&text[last..]);
    Ok(out)
}

fn replace_flags(call: &Call<'_>, row: usize) -> Result<Value> {
    let flags = call.text(3, row).unwrap_or("");
    if flags.starts_with(|c: char| c.is_ascii_digit()) {
        return Err(wrong(format!(
            "invalid regular expression option: \"{}\"",
            &flags[..1]
        ))
        .hint(
            "If you meant to use regexp_replace() with a start parameter, cast the fourth \
             argument to integer explicitly.",
        ));
    }
    let compiled = pattern(call, row, Some(3))?;
    let n = usize::from(!compiled.global);
    let (text, replacement) = (call.must_text(0, row), call.must_text(2, row));
    Ok(replaced(&compiled, text, replacement, 0, n)?.into())
}

/// The byte at which character `start` begins; one past the end if there are fewer.
fn byte_at(text: &str, start: i64) -> Option<usize> {
    let index = usize::try_from(start - 1).ok()?;
    text.char_indices()
        .map(|(byte, _)| byte)
        .chain([text.len()])
        .nth(index)
}

/// An argument that is a number above zero, or its default.
fn positive(call: &Call<'_>, arg: usize, row: usize, name: &str, least: i64) -> Result<i64> {
    let value = call.int(arg, row).unwrap_or(1);
    if arg < call.len() && value < least {
        return Err(wrong(format!(
            "invalid value for parameter \"{name}\": {value}"
        )));
    }
    Ok(value)
}

fn replace_from(call: &Call<'_>, row: usize) -> Result<Value> {
    let start = positive(call, 3, row, "start", 1)?;
    let n = positive(call, 4, row, "n", 0)?;
    let compiled = pattern(call, row, Some(5))?;
    let (text, replacement) = (call.must_text(0, row), call.must_text(2, row));
    // Without n, flag g decides.
    let n = match call.len() {
        5.. => n,
        _ => i64::from(!compiled.global),
    };
    let Some(start) = byte_at(text, start) else {
        return Ok(text.to_owned().into());
    };
    let n = usize::try_from(n).unwrap_or(0);
    Ok(replaced(&compiled, text, replacement, start, n)?.into())
}

/// The parts between matches; empty matches at either end of a part split nothing.
fn parts(call: &Call<'_>, row: usize, name: &str) -> Result<Value> {
    let compiled = single(call, row, Some(2), name)?;
    let text = call.must_text(0, row);
    let mut parts = Vec::new();
    let mut last = 0;
    for found in compiled.matches(text, 0) {
        let range = found?.range();
        if range.is_empty() && (range.start >= text.len() || range.start == last) {
            continue;
        }
        parts.push(text[last..range.start].to_owned());
        last = range.end;
    }
    parts.push(text[last..].to_owned());
    Ok(parts.into())
}

fn split_to_array(call: &Call<'_>, row: usize) -> Result<Value> {
    parts(call, row, "regexp_split_to_array")
}

fn split_to_table(call: &Call<'_>, row: usize) -> Result<Value> {
    parts(call, row, "regexp_split_to_table")
}

fn count(call: &Call<'_>, row: usize) -> Result<Value> {
    let start = positive(call, 2, row, "start", 1)?;
    let compiled = single(call, row, Some(3), "regexp_count")?;
    let text = call.must_text(0, row);
    let mut count = 0;
    if let Some(start) = byte_at(text, start) {
        for found in compiled.matches(text, start) {
            found?;
            count += 1;
        }
    }
    Ok(Value::Int(count))
}

/// The bytes of match number `n`'s group.
fn nth(
    call: &Call<'_>,
    row: usize,
    compiled: &Compiled,
    subexpression: usize,
) -> Result<Option<std::ops::Range<usize>>> {
    let start = positive(call, 2, row, "start", 1)?;
    let n = positive(call, 3, row, "n", 1)?;
    let text = call.must_text(0, row);
    let Some(start) = byte_at(text, start) else {
        return Ok(None);
    };
    let n = usize::try_from(n - 1).unwrap_or(0);
    let group = call.int(subexpression, row).unwrap_or(0);
    if group < 0 {
        return Err(wrong(format!(
            "invalid value for parameter \"subexpr\": {group}"
        )));
    }
    // A pattern without groups is the one group of itself.
    let group = match (group, compiled.groups()) {
        (1, 0) => 0,
        _ => usize::try_from(group).unwrap_or(0),
    };
    let found = compiled.matches(text, start).nth(n).transpose()?;
    Ok(found.and_then(|found| found.get(group)))
}

fn position(call: &Call<'_>, row: usize) -> Result<Value> {
    let compiled = single(call, row, Some(5), "regexp_instr")?;
    let end = call.int(4, row).unwrap_or(0);
    if !(0..=1).contains(&end) {
        return Err(wrong(format!(
            "invalid value for parameter \"endoption\": {end}"
        )));
    }
    let Some(found) = nth(call, row, &compiled, 6)? else {
        return Ok(0.into());
    };
    let byte = if end == 1 { found.end } else { found.start };
    let characters = call.must_text(0, row)[..byte].chars().count();
    Ok(Value::Int(i64::try_from(characters).unwrap_or(0) + 1))
}

fn substr(call: &Call<'_>, row: usize) -> Result<Value> {
    let compiled = single(call, row, Some(4), "regexp_substr")?;
    let found = nth(call, row, &compiled, 5)?;
    Ok(found
        .map(|found| call.must_text(0, row)[found].to_owned())
        .into())
}

/// `substring(text from pattern)`
pub(super) fn substring(text: &str, pattern: &str) -> Result<Value> {
    let compiled = compile(pattern, "")?;
    let Some(found) = compiled.first(text)? else {
        return Ok(Value::Null);
    };
    let group = usize::from(compiled.groups() > 0);
    Ok(found.get(group).map(|range| text[range].to_owned()).into())
}

/// `substring(text from pattern for escape)`
pub(super) fn substring_similar(text: &str, pattern: &str, escape: &str) -> Result<Value> {
    substring(text, &similar(pattern, Some(escape))?)
}
