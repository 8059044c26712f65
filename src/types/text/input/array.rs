//! Array literals: `{1,2}`, `{{a,"b c"},{NULL,d}}`, and the vectors `1 2 3`.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::{Input, ParseError, is_space, parse_column};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

/// PostgreSQL's limit of dimensions.
const DIMENSIONS_MAX: usize = 6;

/// One literal: sizes of its dimensions (none if it is empty) and its elements in row-major order.
struct Literal<'a> {
    sizes: Vec<usize>,
    elements: Vec<Option<Cow<'a, str>>>,
}

/// Reads a column of array literals.
pub(super) fn parse(values: &[Option<&str>], input: &Input<'_>) -> Result<ArrayRef, ParseError> {
    let element = input.ty.element().unwrap_or(PgType::TEXT);
    let vector = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid].contains(&input.ty.oid);
    let mut elements = Vec::new();
    let mut rows = Vec::with_capacity(values.len());
    // Which value each element came from, to blame the right one.
    let mut owners = Vec::new();
    for (row, value) in values.iter().enumerate() {
        let literal = match value {
            None => None,
            Some(text) if vector => Some(Literal::vector(text)),
            Some(text) => {
                let literal = Literal::read(text, element.delimiter());
                Some(literal.map_err(|error| ParseError { row, error })?)
            }
        };
        rows.push(literal.as_ref().map(|literal| literal.sizes.clone()));
        if let Some(literal) = literal {
            owners.resize(owners.len() + literal.elements.len(), row);
            elements.extend(literal.elements);
        }
    }
    let texts: Vec<_> = elements.iter().map(Option::as_deref).collect();
    let children = parse_column(&texts, element, input.style, input.now)
        .map_err(|failure| failure.of_owner(&owners))?;
    build(children, &rows, element)
}

/// Builds lists over `children`: one row per entry of `rows`, which has the sizes of its
/// dimensions.
pub(in crate::types) fn build(
    children: ArrayRef,
    rows: &[Option<Vec<usize>>],
    element: PgType,
) -> Result<ArrayRef, ParseError> {
    let depth = rows
        .iter()
        .flatten()
        .map(Vec::len)
        .max()
        .unwrap_or(0)
        .max(1);
    let mismatch = |sizes: &Option<Vec<usize>>| {
        sizes
            .as_ref()
            .is_some_and(|sizes| !sizes.is_empty() && sizes.len() != depth)
    };
    if let Some(row) = rows.iter().position(mismatch) {
        return Err(ParseError {
            row,
            error: Error::unsupported("arrays of different dimensions in one column"),
        });
    }
    let mut array = children;
    let mut field = Arc::new(element.field("item", true));
    // From the innermost dimension outwards.
    for level in (0..depth).rev() {
        let mut offsets = vec![0_i32];
        let mut nulls = NullBufferBuilder::new(rows.len());
        let mut end = 0;
        for sizes in rows {
            let sizes = sizes.as_deref();
            let empty = sizes.is_none_or(<[usize]>::is_empty);
            if level == 0 {
                nulls.append(sizes.is_some());
            }
            // How many lists this value has at this level, and how long each is.
            let (lists, length) = match sizes {
                Some(sizes) if !empty => (sizes[..level].iter().product(), sizes[level]),
                _ if level == 0 => (1, 0),
                _ => (0, 0),
            };
            for _ in 0..lists {
                end += length;
                offsets.push(i32::try_from(end).map_err(|_| ParseError {
                    row: 0,
                    error: Error::new(
                        SqlState::PROGRAM_LIMIT_EXCEEDED,
                        "array size exceeds the maximum allowed",
                    ),
                })?);
            }
        }
        let nulls = if level == 0 { nulls.finish() } else { None };
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let list = ListArray::try_new(Arc::clone(&field), offsets, array, nulls);
        array = Arc::new(list.map_err(|error| ParseError {
            row: 0,
            error: Error::internal("building an array", error),
        })?);
        field = Arc::new(Field::new("item", array.data_type().clone(), true));
    }
    Ok(array)
}

fn malformed(text: &str, detail: impl Into<String>) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("malformed array literal: \"{text}\""),
    )
    .detail(detail)
}

fn unexpected(text: &str, byte: u8) -> Error {
    malformed(
        text,
        format!("Unexpected \"{}\" character.", char::from(byte)),
    )
}

impl<'a> Literal<'a> {
    /// `1 2 3`
    fn vector(text: &'a str) -> Self {
        let elements: Vec<_> = text
            .split(|c: char| u8::try_from(c).is_ok_and(is_space))
            .filter(|word| !word.is_empty())
            .map(|word| Some(Cow::Borrowed(word)))
            .collect();
        let sizes = match elements.len() {
            0 => Vec::new(),
            count => vec![count],
        };
        Self { sizes, elements }
    }

    fn read(text: &'a str, delimiter: u8) -> Result<Self> {
        let bytes = text.as_bytes();
        let skip = |mut at: usize| {
            while at < bytes.len() && is_space(bytes[at]) {
                at += 1;
            }
            at
        };
        let mut at = skip(0);
        if bytes.get(at) == Some(&b'[') {
            at = skip(bounds(text, at)?);
        }
        if bytes.get(at) != Some(&b'{') {
            return Err(malformed(
                text,
                "Array value must start with \"{\" or dimension information.",
            ));
        }
        let mut reader = Reader {
            text,
            delimiter,
            at: at + 1,
            literal: Self {
                sizes: Vec::new(),
                elements: Vec::new(),
            },
            leaf: None,
        };
        reader.list(0)?;
        if skip(reader.at) < bytes.len() {
            return Err(malformed(text, "Junk after closing right brace."));
        }
        let mut literal = reader.literal;
        if literal.elements.is_empty() {
            literal.sizes.clear();
        }
        Ok(literal)
    }
}

/// Reads `[1:2][1:3]=`. Arrow's lists start at 1, so must these.
fn bounds(text: &str, at: usize) -> Result<usize> {
    let rest = &text[at..];
    let Some((bounds, _)) = rest.split_once('=') else {
        return Err(malformed(text, "Missing \"=\" after array dimensions."));
    };
    for bound in bounds
        .trim_end()
        .split(']')
        .filter(|bound| !bound.is_empty())
    {
        let bound = bound.trim_start().trim_start_matches('[');
        let lower = match bound.split_once(':') {
            Some((lower, _)) => lower.trim(),
            None => "1",
        };
        if lower.parse::<i32>().is_err() {
            return Err(malformed(
                text,
                "\"[\" must introduce explicitly-specified array dimensions.",
            ));
        }
        if lower != "1" {
            return Err(Error::unsupported("an array whose lower bound is not 1"));
        }
    }
    Ok(at + bounds.len() + 1)
}

struct Reader<'a> {
    text: &'a str,
    /// What is between elements.
    delimiter: u8,
    at: usize,
    literal: Literal<'a>,
    /// The depth elements are at, once one was seen.
    leaf: Option<usize>,
}

impl Reader<'_> {
    fn peek(&mut self) -> Result<u8> {
        let bytes = self.text.as_bytes();
        while bytes.get(self.at).is_some_and(|byte| is_space(*byte)) {
            self.at += 1;
        }
        bytes
            .get(self.at)
            .copied()
            .ok_or_else(|| malformed(self.text, "Unexpected end of input."))
    }

    /// Reads what follows an opening brace, up to its closing one.
    fn list(&mut self, depth: usize) -> Result<()> {
        if depth >= DIMENSIONS_MAX {
            return Err(Error::new(
                SqlState::PROGRAM_LIMIT_EXCEEDED,
                format!(
                    "number of array dimensions ({}) exceeds the maximum allowed ({DIMENSIONS_MAX})",
                    depth + 1
                ),
            ));
        }
        let mut count = 0;
        if self.peek()? == b'}' {
            if depth > 0 {
                return Err(unexpected(self.text, b'}'));
            }
            self.at += 1;
            return Ok(());
        }
        loop {
            match self.peek()? {
                b'{' => {
                    if self.leaf.is_some_and(|leaf| leaf <= depth) {
                        return Err(unexpected(self.text, b'{'));
                    }
                    self.at += 1;
                    self.list(depth + 1)?;
                }
                byte if byte == b'}' || byte == self.delimiter => {
                    return Err(unexpected(self.text, byte));
                }
                _ => {
                    match self.leaf {
                        Some(leaf) if leaf != depth => {
                            return Err(malformed(self.text, "Unexpected array element."));
                        }
                        _ => self.leaf = Some(depth),
                    }
                    let element = self.element()?;
                    self.literal.elements.push(element);
                }
            }
            count += 1;
            let next = self.peek()?;
            self.at += 1;
            match next {
                byte if byte == self.delimiter => {}
                b'}' => break,
                byte @ b'{' => return Err(unexpected(self.text, byte)),
                _ => return Err(malformed(self.text, "Unexpected array element.")),
            }
        }
        let sizes = &mut self.literal.sizes;
        if sizes.len() <= depth {
            sizes.resize(depth + 1, 0);
        }
        match sizes[depth] {
            0 => sizes[depth] = count,
            size if size == count => {}
            _ => {
                return Err(malformed(
                    self.text,
                    "Multidimensional arrays must have sub-arrays with matching dimensions.",
                ));
            }
        }
        Ok(())
    }

    /// One element, quoted or not.
    fn element(&mut self) -> Result<Option<Cow<'static, str>>> {
        let bytes = self.text.as_bytes();
        let mut value = Vec::new();
        let end_of_input = || malformed(self.text, "Unexpected end of input.");
        let mut at = self.at;
        if bytes[at] == b'"' {
            at += 1;
            loop {
                match bytes.get(at) {
                    None => return Err(end_of_input()),
                    Some(b'"') => break,
                    Some(b'\\') => {
                        value.push(*bytes.get(at + 1).ok_or_else(end_of_input)?);
                        at += 2;
                    }
                    Some(byte) => {
                        value.push(*byte);
                        at += 1;
                    }
                }
            }
            self.at = at + 1;
            return Ok(Some(Cow::Owned(
                String::from_utf8_lossy(&value).into_owned(),
            )));
        }
        // White space at the end is not part of it, unless escaped.
        let mut solid = 0;
        let mut escaped = false;
        loop {
            match bytes.get(at) {
                None => return Err(end_of_input()),
                Some(b'}' | b'{') => break,
                Some(byte) if *byte == self.delimiter => break,
                Some(b'"') => return Err(malformed(self.text, "Unexpected array element.")),
                Some(b'\\') => {
                    value.push(*bytes.get(at + 1).ok_or_else(end_of_input)?);
                    solid = value.len();
                    escaped = true;
                    at += 2;
                }
                Some(byte) => {
                    value.push(*byte);
                    if !is_space(*byte) {
                        solid = value.len();
                    }
                    at += 1;
                }
            }
        }
        self.at = at;
        value.truncate(solid);
        if !escaped && value.eq_ignore_ascii_case(b"null") {
            return Ok(None);
        }
        Ok(Some(Cow::Owned(
            String::from_utf8_lossy(&value).into_owned(),
        )))
    }
}
