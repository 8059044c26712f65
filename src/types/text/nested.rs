//! Values made of values: PostgreSQL's array and row literals, and JSON for Arrow's structs and
//! maps.

use std::ops::Range;

use arrow::array::Array;
use arrow::buffer::NullBuffer;

use super::{RegNames, Style, TextColumn};
use crate::base::limits::ROW_TEXT_BYTES_MAX;
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::cells::{Cells, Ranges};
use crate::types::shaped::{Arrays, Extent};

/// Appends `{…}`.
pub(super) fn write_array(
    rows: Range<usize>,
    values: &TextColumn<'_>,
    delimiter: u8,
    out: &mut Vec<u8>,
) -> Result<()> {
    let nested = values.is_array();
    let start = out.len();
    out.push(b'{');
    let mut empty = true;
    for (place, row) in rows.enumerate() {
        if place > 0 {
            out.push(delimiter);
        }
        let at = out.len();
        if !values.write(row, out)? {
            out.extend_from_slice(b"NULL");
        } else if !nested && needs_quotes(&out[at..], delimiter) {
            quote(at, out, b"\"\\", b'\\');
        }
        empty &= nested && out.get(at..) == Some(b"{}");
    }
    out.push(b'}');
    // However many dimensions, an array without elements is `{}`.
    if nested && empty {
        out.truncate(start);
        out.extend_from_slice(b"{}");
    }
    Ok(())
}

/// Appends `{…}`, and before it `[0:2]=` if a dimension does not start at 1.
pub(super) fn write_shaped(
    arrays: &Arrays<'_>,
    row: usize,
    values: &TextColumn<'_>,
    delimiter: u8,
    out: &mut Vec<u8>,
) -> Result<()> {
    let extent = arrays.extent(row);
    if extent.sizes.is_empty() {
        out.extend_from_slice(b"{}");
        return Ok(());
    }
    if !extent.starts_at_one() {
        out.extend_from_slice(extent.shown().as_bytes());
        out.push(b'=');
    }
    let mut place = arrays.places(row).start;
    write_dimension(&extent, 0, &mut place, values, delimiter, out)
}

/// Appends the elements from `place` on, in the braces of the dimensions from `depth` on.
fn write_dimension(
    extent: &Extent,
    depth: usize,
    place: &mut usize,
    values: &TextColumn<'_>,
    delimiter: u8,
    out: &mut Vec<u8>,
) -> Result<()> {
    if depth + 1 == extent.sizes.len() {
        let end = *place + extent.sizes[depth];
        write_array(*place..end, values, delimiter, out)?;
        *place = end;
        return Ok(());
    }
    out.push(b'{');
    for index in 0..extent.sizes[depth] {
        if index > 0 {
            out.push(delimiter);
        }
        write_dimension(extent, depth + 1, place, values, delimiter, out)?;
    }
    out.push(b'}');
    Ok(())
}

/// PostgreSQL's isspace.
pub(in crate::types) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r' | 0x0b | 0x0c)
}

/// Whether an element must be quoted to be read back as itself.
fn needs_quotes(text: &[u8], delimiter: u8) -> bool {
    text.is_empty()
        || text.eq_ignore_ascii_case(b"null")
        || text.iter().any(|byte| {
            matches!(byte, b'"' | b'\\' | b'{' | b'}') || *byte == delimiter || is_space(*byte)
        })
}

/// Puts `out[at..]` in double quotes in place, with `escape` before each of `special`.
pub(in crate::types) fn quote(at: usize, out: &mut Vec<u8>, special: &[u8], escape: u8) {
    let length = out.len();
    let escapes = out[at..]
        .iter()
        .filter(|byte| special.contains(byte))
        .count();
    out.resize(length + escapes + 2, 0);
    let mut to = out.len() - 1;
    out[to] = b'"';
    for from in (at..length).rev() {
        let byte = out[from];
        to -= 1;
        out[to] = byte;
        if special.contains(&byte) {
            to -= 1;
            // What is escaped by doubling escapes itself.
            out[to] = if escape == 0 { byte } else { escape };
        }
    }
    out[at] = b'"';
}

/// Appends `(…)`, as `record_out`.
///
/// # Errors
/// `54000` if it is longer than [`ROW_TEXT_BYTES_MAX`].
pub(in crate::types) fn write_record(
    row: usize,
    fields: &[TextColumn<'_>],
    out: &mut Vec<u8>,
) -> Result<()> {
    let start = out.len();
    out.push(b'(');
    for (place, field) in fields.iter().enumerate() {
        if place > 0 {
            out.push(b',');
        }
        let at = out.len();
        let there = field.write(row, out)?;
        if out.len() - start > ROW_TEXT_BYTES_MAX {
            return Err(Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                "the text of a row is too long",
            ));
        }
        if there {
            let text = &out[at..];
            let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'(' | b')' | b',');
            if text.is_empty() || text.iter().any(|byte| special(byte) || is_space(*byte)) {
                quote(at, out, b"\"\\", 0);
            }
        }
    }
    out.push(b')');
    Ok(())
}

/// Values written as JSON, as `to_json` does.
pub(super) struct JsonColumn<'a> {
    nulls: Option<NullBuffer>,
    cells: Json<'a>,
}

enum Json<'a> {
    Null,
    Object(Vec<(&'a str, JsonColumn<'a>)>),
    Map(Ranges<'a>, TextColumn<'a>, Box<JsonColumn<'a>>),
    Array(Ranges<'a>, Box<JsonColumn<'a>>),
    Indexed(Vec<usize>, Box<JsonColumn<'a>>),
    Bool(&'a arrow::array::BooleanArray),
    /// Finite numbers are JSON as they are, others strings.
    Number(TextColumn<'a>),
    String(TextColumn<'a>),
}

impl<'a> JsonColumn<'a> {
    pub(super) fn new(
        array: &'a dyn Array,
        style: &'a Style,
        names: &'a dyn RegNames,
    ) -> Result<Self> {
        let child = |array: &'a dyn Array| Self::new(array, style, names);
        let text = |array: &'a dyn Array| {
            TextColumn::new(array, PgType::of_data_type(array.data_type()), style, names)
        };
        let cells = match Cells::of(array) {
            Cells::Null => Json::Null,
            Cells::Bool(values) => Json::Bool(values),
            Cells::Struct(fields) => {
                let fields = fields.into_iter();
                let fields = fields.map(|(name, column)| Ok((name, child(column)?)));
                Json::Object(fields.collect::<Result<_>>()?)
            }
            Cells::Map(ranges, keys, values) => {
                Json::Map(ranges, text(keys)?, Box::new(child(values)?))
            }
            Cells::List(ranges, values) => Json::Array(ranges, Box::new(child(values)?)),
            Cells::Shaped(_) => Json::String(text(array)?),
            Cells::Indexed(rows, values) => Json::Indexed(rows, Box::new(child(values)?)),
            Cells::Int(_) | Cells::Float(_) | Cells::Decimal(..) => Json::Number(text(array)?),
            Cells::Text(_)
            | Cells::Bytes(_)
            | Cells::Date(_)
            | Cells::Time(_)
            | Cells::Timestamp(_)
            | Cells::Interval(_)
            | Cells::Other => Json::String(text(array)?),
        };
        Ok(Self {
            nulls: array.logical_nulls(),
            cells,
        })
    }

    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<()> {
        if self.nulls.as_ref().is_some_and(|nulls| nulls.is_null(row)) {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match &self.cells {
            Json::Null => out.extend_from_slice(b"null"),
            Json::Bool(values) => {
                out.extend_from_slice(if values.value(row) { b"true" } else { b"false" });
            }
            Json::Object(fields) => {
                out.push(b'{');
                for (place, (name, value)) in fields.iter().enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    let at = out.len();
                    out.extend_from_slice(name.as_bytes());
                    quote_json(at, out);
                    out.push(b':');
                    value.write(row, out)?;
                }
                out.push(b'}');
            }
            Json::Map(ranges, keys, values) => {
                out.push(b'{');
                for (place, row) in ranges.get(row).enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    let at = out.len();
                    keys.write(row, out)?;
                    quote_json(at, out);
                    out.push(b':');
                    values.write(row, out)?;
                }
                out.push(b'}');
            }
            Json::Array(ranges, values) => {
                out.push(b'[');
                for (place, row) in ranges.get(row).enumerate() {
                    if place > 0 {
                        out.push(b',');
                    }
                    values.write(row, out)?;
                }
                out.push(b']');
            }
            Json::Indexed(rows, values) => values.write(rows[row], out)?,
            Json::Number(column) => {
                let at = out.len();
                column.write(row, out)?;
                if out[at..].iter().any(|byte| matches!(byte, b'N' | b'I')) {
                    quote_json(at, out);
                }
            }
            Json::String(column) => {
                let at = out.len();
                column.write(row, out)?;
                quote_json(at, out);
            }
        }
        Ok(())
    }
}

/// Turns the text `out[at..]` into a JSON string in place.
pub(in crate::types) fn quote_json(at: usize, out: &mut Vec<u8>) {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    if !out[at..].iter().any(|byte| special(*byte)) {
        out.push(b'"');
        out.insert(at, b'"');
        return;
    }
    let text = out.split_off(at);
    out.push(b'"');
    for byte in text {
        match byte {
            b'"' => out.extend_from_slice(b"\\\""),
            b'\\' => out.extend_from_slice(b"\\\\"),
            0x08 => out.extend_from_slice(b"\\b"),
            0x0c => out.extend_from_slice(b"\\f"),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            control if control < 0x20 => {
                out.extend_from_slice(format!("\\u{control:04x}").as_bytes());
            }
            other => out.push(other),
        }
    }
    out.push(b'"');
}
