//! Text: quoting, formatting, arrays to text and back.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef};

use super::call::short::{ANY, ANYARRAY, BOOL, TEXT};
use super::call::{Call, functions};
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::{Value, names};
use crate::types::PgType;
use crate::types::text::{Style, TextColumn};

/// `text[]`
pub(super) const TEXTS: PgType = PgType::of(1009);

functions! { pub(super) LIST:
    "quote_ident" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| Ok(quote(call.must_text(0, row)).into_owned().into());
    }
    "quote_literal" Stable {
        (ANY) -> PgType::TEXT, strict, |call, row| Ok(literal(&cast_text(call, row)?.unwrap_or_default()).into());
    }
    "quote_nullable" Stable {
        (ANY) -> PgType::TEXT, loose, |call, row| {
            Ok(match cast_text(call, row)? {
                Some(text) => literal(&text).into(),
                None => "NULL".into(),
            })
        };
    }
    "similar_escape" Immutable {
        (TEXT, TEXT) -> PgType::TEXT, loose, |call, row| match call.text(0, row) {
            Some(pattern) => super::similar::similar(pattern, call.text(1, row)).map(Value::from),
            None => Ok(Value::Null),
        };
    }
    "like_escape" Immutable { (TEXT, TEXT) -> PgType::TEXT, strict, like_escape; }
    "parse_ident" Immutable {
        (TEXT) -> TEXTS, strict, |call, row| parse_ident(call.must_text(0, row), true);
        (TEXT, BOOL) -> TEXTS, strict, |call, row| {
            parse_ident(call.must_text(0, row), call.bool(1, row) == Some(true))
        };
    }
    "format" Stable {
        (TEXT) -> PgType::TEXT, loose, format;
        (TEXT, ANY) variadic -> PgType::TEXT, loose, format;
    }

    "array_to_string" Stable {
        (ANYARRAY, TEXT) -> PgType::TEXT, strict, |call, row| array_to_string(call, row, None);
        (ANYARRAY, TEXT, TEXT) -> PgType::TEXT, loose, |call, row| {
            if call.null(0, row) || call.null(1, row) {
                return Ok(Value::Null);
            }
            array_to_string(call, row, call.text(2, row))
        };
    }
    "string_to_array" Immutable {
        (TEXT, TEXT) -> TEXTS, loose, string_to_array;
        (TEXT, TEXT, TEXT) -> TEXTS, loose, string_to_array;
    }
}

/// `text` as a literal: doubled quotes, and E'' where it has a backslash.
fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// An array's values as text, as its type's output function writes them.
pub(super) fn texts(call: &Call<'_>, array: &ArrayRef, ty: PgType) -> Result<Vec<Option<String>>> {
    texts_in(call, array, ty, &call.context.style)
}

/// As [`texts`], in another style than the session's.
pub(super) fn texts_in(
    call: &Call<'_>,
    array: &ArrayRef,
    ty: PgType,
    style: &Style,
) -> Result<Vec<Option<String>>> {
    let names = names::Names::new(call.context.clone());
    let column = TextColumn::new(array.as_ref(), ty, style, &names)?;
    let mut bytes = Vec::new();
    (0..array.len())
        .map(|row| {
            bytes.clear();
            let some = column.write(row, &mut bytes)?;
            Ok(some.then(|| String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
}

/// Any argument as text, truth in whole words, as a cast says it; of NULL nothing.
pub(super) fn worded(call: &Call<'_>, arg: usize, row: usize) -> Result<String> {
    Ok(match call.bool(arg, row) {
        Some(truth) => truth.to_string(),
        None => any_text(call, arg, row)?.unwrap_or_default(),
    })
}

/// Any argument as text.
pub(super) fn any_text(call: &Call<'_>, arg: usize, row: usize) -> Result<Option<String>> {
    if call.null(arg, row) {
        return Ok(None);
    }
    if let Some(text) = call.text(arg, row) {
        return Ok(Some(text.to_owned()));
    }
    let (Some(array), Some(ty)) = (call.raw(arg), call.ty(arg)) else {
        return Ok(None);
    };
    Ok(texts(call, &array.slice(row, 1), ty)?.pop().flatten())
}

/// The first argument as a cast to text gives it: a boolean is a word.
fn cast_text(call: &Call<'_>, row: usize) -> Result<Option<String>> {
    match call.bool(0, row) {
        Some(value) => Ok(Some(value.to_string())),
        None => any_text(call, 0, row),
    }
}

/// A LIKE pattern whose escape character is a backslash, from one that has another, or none.
fn like_escape(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut escapes = call.must_text(1, row).chars();
    let escape = match (escapes.next(), escapes.next()) {
        (escape, None) => escape,
        (_, Some(_)) => {
            return Err(
                Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                    .hint("Escape string must be empty or one character."),
            );
        }
    };
    let mut out = String::new();
    let mut chars = call.must_text(0, row).chars();
    while let Some(c) = chars.next() {
        let literal = if Some(c) == escape {
            out.push('\\');
            chars.next()
        } else {
            if c == '\\' {
                out.push('\\');
            }
            Some(c)
        };
        out.extend(literal);
    }
    Ok(out.into())
}

fn parse_ident(text: &str, strict: bool) -> Result<Value> {
    let wrong = |detail: &str| {
        let error = Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("string is not a valid identifier: \"{text}\""),
        );
        match detail {
            "" => error,
            detail => error.detail(detail),
        }
    };
    let mut parts: Vec<String> = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(quoted) = rest.strip_prefix('"') {
            let mut name = String::new();
            let mut chars = quoted.char_indices().peekable();
            rest = loop {
                match chars.next() {
                    None => return Err(wrong("String has unclosed double quotes.")),
                    Some((index, '"')) if chars.next_if(|(_, c)| *c == '"').is_none() => {
                        break &quoted[index + 1..];
                    }
                    Some((_, c)) => name.push(c),
                }
            };
            if name.is_empty() {
                return Err(wrong("Quoted identifier must not be empty."));
            }
            parts.push(name);
        } else {
            let starts = |c: char| c.is_ascii_alphabetic() || c == '_' || !c.is_ascii();
            let follows = |c: char| starts(c) || c.is_ascii_digit() || c == '$';
            if !rest.starts_with(starts) {
                return Err(wrong(match (rest.starts_with('.'), parts.is_empty()) {
                    (true, _) => "No valid identifier before \".\".",
                    (false, false) => "No valid identifier after \".\".",
                    (false, true) => "",
                }));
            }
            let end = rest.find(|c| !follows(c)).unwrap_or(rest.len());
            parts.push(rest[..end].to_ascii_lowercase());
            rest = &rest[end..];
        }
        rest = rest.trim_start();
        match rest.strip_prefix('.') {
            Some(more) => rest = more.trim_start(),
            None if rest.is_empty() || !strict => return Ok(parts.into()),
            None => return Err(wrong("")),
        }
    }
}

/// `format('%I is %L, %s', …)`: positions (`%2$s`), widths (also `%*s`) and `-`, as PostgreSQL's.
fn format(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(pattern) = call.text(0, row) else {
        return Ok(Value::Null);
    };
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut last = 0;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let spec = Specifier::read(&mut chars)?;
        let width = match spec.width {
            Width::None => 0,
            Width::Of(width) => width,
            Width::Argument(position) => {
                let index = argument(call, position, &mut last)?;
                match any_text(call, index, row)? {
                    None => 0,
                    Some(text) => text.parse::<i64>().map_err(|_| {
                        Error::new(
                            SqlState::INVALID_TEXT_REPRESENTATION,
                            format!("invalid input syntax for type integer: \"{text}\""),
                        )
                    })?,
                }
            }
        };
        let index = argument(call, spec.position, &mut last)?;
        let value = any_text(call, index, row)?;
        let text = match (spec.kind, value) {
            ('s', value) => value.unwrap_or_default(),
            ('I', Some(value)) => quote(&value).into_owned(),
            ('I', None) => {
                return Err(Error::new(
                    SqlState::NULL_VALUE_NOT_ALLOWED,
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            ('L', Some(value)) => literal(&value),
            (_, _) => "NULL".to_owned(),
        };
        let left = spec.left || width < 0;
        let width = usize::try_from(width.unsigned_abs()).unwrap_or(0);
        if width > 0x1000_0000 {
            return Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "number is out of range",
            ));
        }
        let written = if left {
            write!(out, "{text:<width$}")
        } else {
            write!(out, "{text:>width$}")
        };
        written.map_err(|error| Error::internal("formatting text", error))?;
    }
    Ok(out.into())
}

/// How wide a piece is at least.
enum Width {
    None,
    Of(i64),
    /// What an argument says: the next one, or one by its number.
    Argument(Option<usize>),
}

/// What stands between a `%` and its letter.
struct Specifier {
    position: Option<usize>,
    left: bool,
    width: Width,
    kind: char,
}

impl Specifier {
    fn read(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Self> {
        let mut position = None;
        let mut width = Width::None;
        let mut number = digits(chars)?;
        if let Some(n) = number
            && chars.next_if_eq(&'$').is_some()
        {
            position = Some(numbered(n)?);
            number = None;
        } else if let Some(n) = number {
            width = Width::Of(n);
        }
        let mut left = false;
        if number.is_none() {
            while chars.next_if_eq(&'-').is_some() {
                left = true;
            }
            if chars.next_if_eq(&'*').is_some() {
                width = Width::Argument(match digits(chars)? {
                    None => None,
                    Some(n) => {
                        if chars.next_if_eq(&'$').is_none() {
                            return Err(unrecognised_width());
                        }
                        Some(numbered(n)?)
                    }
                });
            } else if let Some(n) = digits(chars)? {
                width = Width::Of(n);
            }
        }
        let kind = chars.next().ok_or_else(|| {
            Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "unterminated format() type specifier",
            )
            .hint("For a single \"%\" use \"%%\".")
        })?;
        if !matches!(kind, 's' | 'I' | 'L') {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("unrecognized format() type specifier \"{kind}\""),
            )
            .hint("For a single \"%\" use \"%%\"."));
        }
        Ok(Self {
            position,
            left,
            width,
            kind,
        })
    }
}

fn unrecognised_width() -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        "width argument position must be ended by \"$\"",
    )
}

fn numbered(n: i64) -> Result<usize> {
    match usize::try_from(n) {
        Ok(n) if n > 0 => Ok(n),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "format specifies argument 0, but arguments are numbered from 1",
        )),
    }
}

fn digits(chars: &mut std::iter::Peekable<std::str::Chars<'_>>) -> Result<Option<i64>> {
    let mut value: Option<i64> = None;
    while let Some(digit) = chars.next_if(char::is_ascii_digit) {
        let digit = i64::from(digit.to_digit(10).unwrap_or(0));
        let next = value.unwrap_or(0) * 10 + digit;
        if next > i64::from(i32::MAX) {
            return Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "number is out of range",
            ));
        }
        value = Some(next);
    }
    Ok(value)
}

/// The argument meant: the one of that number, or the one after the last.
fn argument(call: &Call<'_>, position: Option<usize>, last: &mut usize) -> Result<usize> {
    let index = position.unwrap_or(*last + 1);
    *last = index;
    if index >= call.len() {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "too few arguments for format()",
        ));
    }
    Ok(index)
}

/// Elements of every dimension, joined; NULLs left out unless they have a text of their own.
fn array_to_string(call: &Call<'_>, row: usize, null: Option<&str>) -> Result<Value> {
    let separator = call.must_text(1, row);
    let Some((array, _)) = call.array(0, row) else {
        return Ok(Value::Null);
    };
    let ty = call.ty(0).and_then(PgType::element);
    let ty = ty.unwrap_or_else(|| PgType::of_data_type(array.data_type()));
    let parts: Vec<String> = texts(call, &array, ty)?
        .into_iter()
        .filter_map(|text| text.or_else(|| null.map(str::to_owned)))
        .collect();
    Ok(parts.join(separator).into())
}

pub(super) fn string_to_array(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(text) = call.text(0, row) else {
        return Ok(Value::Null);
    };
    let null = call.text(2, row);
    let part = |part: &str| {
        if null == Some(part) {
            Value::Null
        } else {
            part.to_owned().into()
        }
    };
    Ok(Value::List(match call.text(1, row) {
        _ if text.is_empty() => Vec::new(),
        // Without a separator every character is an element.
        None => text
            .chars()
            .map(|c| part(c.encode_utf8(&mut [0; 4])))
            .collect(),
        Some("") => vec![part(text)],
        Some(separator) => text.split(separator).map(part).collect(),
    }))
}
