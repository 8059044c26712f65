//! Text: quoting, formatting, arrays to text and back.

use std::fmt::Write;

use arrow::array::{Array, ArrayRef};

use super::call::short::{ANY, ANYARRAY, BOOL, INT, TEXT};
use super::call::{Call, functions};
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::{Value, names};
use crate::types::PgType;
use crate::types::text::TextColumn;

/// `text[]`
pub(super) const TEXTS: PgType = PgType::of(1009);

functions! { pub(super) LIST:
    "quote_ident" Immutable {
        (TEXT) -> PgType::TEXT, strict, |call, row| Ok(quote(call.must_text(0, row)).into_owned().into());
    }
    "quote_literal" Stable {
        (ANY) -> PgType::TEXT, strict, |call, row| Ok(literal(&must_any_text(call, 0, row)?).into());
    }
    "quote_nullable" Stable {
        (ANY) -> PgType::TEXT, loose, |call, row| {
            Ok(match any_text(call, 0, row)? {
                Some(text) => literal(&text).into(),
                None => "NULL".into(),
            })
        };
    }
    "like_escape" Immutable { (TEXT, TEXT) -> PgType::TEXT, strict, like_escape; }
    "parse_ident" Immutable {
        (TEXT) -> TEXTS, strict, |call, row| parse_ident(call, row);
        (TEXT, BOOL) -> TEXTS, strict, |call, row| parse_ident(call, row);
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
    "array_length" Immutable { (ANYARRAY, INT) -> PgType::INT4, strict, length; }
    "array_upper" Immutable { (ANYARRAY, INT) -> PgType::INT4, strict, length; }
    "array_lower" Immutable {
        (ANYARRAY, INT) -> PgType::INT4, strict, |call, row| {
            // Subscripts start at 1 in every dimension there is.
            Ok(match length(call, row)? {
                Value::Null => Value::Null,
                _ => 1.into(),
            })
        };
    }
    "cardinality" Immutable {
        (ANYARRAY) -> PgType::INT4, strict, |call, row| {
            let dimensions = dimensions(call, row);
            let product: usize = dimensions.iter().product();
            Ok(int(if dimensions.is_empty() { 0 } else { product }))
        };
    }
    "array_ndims" Immutable {
        (ANYARRAY) -> PgType::INT4, strict, |call, row| {
            Ok(match dimensions(call, row).len() {
                0 => Value::Null,
                count => int(count),
            })
        };
    }
    "array_dims" Immutable {
        (ANYARRAY) -> PgType::TEXT, strict, |call, row| {
            let dimensions = dimensions(call, row);
            if dimensions.is_empty() {
                return Ok(Value::Null);
            }
            Ok(dimensions.iter().map(|size| format!("[1:{size}]")).collect::<String>().into())
        };
    }
}

fn int(value: usize) -> Value {
    Value::Int(i64::try_from(value).unwrap_or(i64::MAX))
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
    let names = names::Names::new(call.context.clone());
    let column = TextColumn::new(array.as_ref(), ty, &call.context.style, &names)?;
    let mut bytes = Vec::new();
    (0..array.len())
        .map(|row| {
            bytes.clear();
            let some = column.write(row, &mut bytes)?;
            Ok(some.then(|| String::from_utf8_lossy(&bytes).into_owned()))
        })
        .collect()
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

fn must_any_text(call: &Call<'_>, arg: usize, row: usize) -> Result<String> {
    any_text(call, arg, row).map(Option::unwrap_or_default)
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

fn parse_ident(call: &Call<'_>, row: usize) -> Result<Value> {
    let text = call.must_text(0, row);
    names::split_name(text).map(Value::from).map_err(|_| {
        Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("string is not a valid identifier: \"{text}\""),
        )
    })
}

/// `format('%I is %L, %s', …)`: positions (`%2$s`), widths and `-`, as PostgreSQL's.
fn format(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(pattern) = call.text(0, row) else {
        return Ok(Value::Null);
    };
    let mut out = String::with_capacity(pattern.len());
    let mut chars = pattern.chars().peekable();
    let mut next = 1;
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        if chars.next_if_eq(&'%').is_some() {
            out.push('%');
            continue;
        }
        let mut digits = String::new();
        let mut left = false;
        let mut position = None;
        loop {
            match chars.peek() {
                Some('-') if digits.is_empty() => left = true,
                Some(d) if d.is_ascii_digit() => digits.push(*d),
                Some('$') if position.is_none() && !digits.is_empty() => {
                    position = digits.parse::<usize>().ok();
                    digits.clear();
                }
                _ => break,
            }
            chars.next();
        }
        let kind = chars.next().ok_or_else(|| {
            Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "unterminated format() type specifier",
            )
            .hint("For a single \"%\" use \"%%\".")
        })?;
        let index = position.unwrap_or(next);
        next = index + 1;
        if index == 0 || index >= call.len() {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "too few arguments for format()",
            ));
        }
        let value = any_text(call, index, row)?;
        let text = match (kind, value) {
            ('s', value) => value.unwrap_or_default(),
            ('I', Some(value)) => quote(&value).into_owned(),
            ('I', None) => {
                return Err(Error::new(
                    SqlState::NULL_VALUE_NOT_ALLOWED,
                    "null values cannot be formatted as an SQL identifier",
                ));
            }
            ('L', Some(value)) => literal(&value),
            ('L', None) => "NULL".to_owned(),
            (other, _) => {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unrecognized format() type specifier \"{other}\""),
                )
                .hint("For a single \"%\" use \"%%\"."));
            }
        };
        let width = digits.parse::<usize>().unwrap_or(0);
        let written = if left {
            write!(out, "{text:<width$}")
        } else {
            write!(out, "{text:>width$}")
        };
        written.map_err(|error| Error::internal("formatting text", error))?;
    }
    Ok(out.into())
}

/// Elements of every dimension, joined; NULLs left out unless they have a text of their own.
fn array_to_string(call: &Call<'_>, row: usize, null: Option<&str>) -> Result<Value> {
    let separator = call.must_text(1, row);
    let Some(mut array) = call.list(0, row) else {
        return Ok(Value::Null);
    };
    let ty = call.ty(0).and_then(PgType::element);
    while let Some(inner) = flatten(&array) {
        array = inner;
    }
    let ty = ty.unwrap_or_else(|| PgType::of_data_type(array.data_type()));
    let parts: Vec<String> = texts(call, &array, ty)?
        .into_iter()
        .filter_map(|text| text.or_else(|| null.map(str::to_owned)))
        .collect();
    Ok(parts.join(separator).into())
}

/// The elements of all elements, if the elements are arrays.
fn flatten(array: &ArrayRef) -> Option<ArrayRef> {
    use arrow::array::AsArray;
    let lists = array.as_list_opt::<i32>()?;
    let offsets = lists.offsets();
    let (first, last) = (*offsets.first()?, *offsets.last()?);
    let first = usize::try_from(first).ok()?;
    let count = usize::try_from(last).ok()?.checked_sub(first)?;
    Some(lists.values().slice(first, count))
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

/// Sizes of the array's dimensions; none if it is empty.
fn dimensions(call: &Call<'_>, row: usize) -> Vec<usize> {
    use arrow::array::AsArray;
    let mut sizes = Vec::new();
    let mut array = call.list(0, row);
    while let Some(list) = array {
        if list.is_empty() {
            return Vec::new();
        }
        sizes.push(list.len());
        array = list.as_list_opt::<i32>().map(|lists| lists.value(0));
    }
    sizes
}

pub(super) fn length(call: &Call<'_>, row: usize) -> Result<Value> {
    let dimension = call.int(1, row).and_then(|n| usize::try_from(n - 1).ok());
    let size = dimension.and_then(|index| dimensions(call, row).get(index).copied());
    Ok(size.map_or(Value::Null, int))
}
