//! Array literals: `{1,2}`, `{{a,"b c"},{NULL,d}}`, and the vectors `1 2 3`.

use std::borrow::Cow;
use std::sync::Arc;

use arrow::array::builder::NullBufferBuilder;
use arrow::array::{ArrayRef, AsArray, ListArray};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::Field;

use super::{Input, ParseError, is_space, parse_column};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::shaped::{DIMENSIONS_MAX, Extent, paired};

/// One literal: sizes of its dimensions (none if it is empty), where they start if it says so, and
/// its elements in row-major order.
struct Literal<'a> {
    sizes: Vec<usize>,
    lower: Option<Vec<i32>>,
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
                let literal = Literal::read(text, element.delimiter(), input.style.array_nulls);
                Some(literal.map_err(|error| ParseError { row, error })?)
            }
        };
        let extent = match &literal {
            None => None,
            Some(literal) => {
                let extent = literal.extent();
                let checked = extent.elements().map(|_| extent);
                Some(checked.map_err(|error| ParseError { row, error })?)
            }
        };
        rows.push(extent);
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

/// Builds arrays over `children`: one row per entry of `rows`. They are lists if lists of as many
/// dimensions hold all of them.
pub(in crate::types) fn build(
    children: ArrayRef,
    rows: &[Option<Extent>],
    element: PgType,
) -> Result<ArrayRef, ParseError> {
    let extents = || {
        rows.iter()
            .flatten()
            .filter(|extent| !extent.sizes.is_empty())
    };
    let depth = extents()
        .map(|extent| extent.sizes.len())
        .max()
        .unwrap_or(1);
    let alike = extents().all(|extent| extent.sizes.len() == depth && extent.starts_at_one());
    if !alike {
        let flat: Vec<_> = rows
            .iter()
            .map(|row| {
                let extent = row.as_ref()?;
                Some(match extent.sizes.is_empty() {
                    true => Extent::default(),
                    false => Extent::of_list(extent.sizes.iter().product()),
                })
            })
            .collect();
        let lists = build(children, &flat, element)?;
        return paired(lists.as_list::<i32>().clone(), rows.iter().cloned())
            .map_err(|error| ParseError { row: 0, error });
    }
    let mut array = children;
    let mut field = Arc::new(element.field("item", true));
    // From the innermost dimension outwards.
    for level in (0..depth).rev() {
        let mut offsets = vec![0_i32];
        let mut nulls = NullBufferBuilder::new(rows.len());
        let mut end = 0;
        for extent in rows {
            let sizes = extent.as_ref().map(|extent| extent.sizes.as_slice());
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
        Self {
            sizes,
            lower: None,
            elements,
        }
    }

    fn extent(&self) -> Extent {
        match &self.lower {
            Some(lower) if !self.sizes.is_empty() => Extent {
                lower: lower.clone(),
                sizes: self.sizes.clone(),
            },
            _ => Extent::from_one(self.sizes.clone()),
        }
    }

    fn read(text: &'a str, delimiter: u8, nulls: bool) -> Result<Self> {
        let bytes = text.as_bytes();
        let skip = |mut at: usize| {
            while at < bytes.len() && is_space(bytes[at]) {
                at += 1;
            }
            at
        };
        let mut at = skip(0);
        let mut said: Option<Extent> = None;
        while bytes.get(at) == Some(&b'[') {
            at = skip(bound(text, at, said.get_or_insert_default())?);
        }
        if said.is_some() {
            if bytes.get(at) != Some(&b'=') {
                return Err(malformed(text, "Missing \"=\" after array dimensions."));
            }
            at = skip(at + 1);
        }
        if bytes.get(at) != Some(&b'{') {
            return Err(malformed(
                text,
                match said {
                    None => "Array value must start with \"{\" or dimension information.",
                    Some(_) => "Array contents must start with \"{\".",
                },
            ));
        }
        let contents = &text[at..];
        let mut reader = Reader {
            text: contents,
            delimiter,
            nulls,
            at: 1,
            literal: Self {
                sizes: Vec::new(),
                lower: None,
                elements: Vec::new(),
            },
            leaf: None,
        };
        reader.list(0)?;
        if skip(at + reader.at) < bytes.len() {
            return Err(malformed(contents, "Junk after closing right brace."));
        }
        let mut literal = reader.literal;
        if literal.elements.is_empty() {
            literal.sizes.clear();
        }
        if let Some(said) = said {
            if said.sizes != literal.sizes {
                return Err(malformed(
                    text,
                    "Specified array dimensions do not match array contents.",
                ));
            }
            literal.lower = Some(said.lower);
        }
        Ok(literal)
    }
}

/// Reads `[1:2]`, or `[2]`, for a dimension; where it ends.
fn bound(text: &str, at: usize, said: &mut Extent) -> Result<usize> {
    let bytes = text.as_bytes();
    if said.sizes.len() >= DIMENSIONS_MAX {
        return Err(too_deep(said.sizes.len() + 1));
    }
    let number = |at: usize| {
        let digits = bytes[at..].iter();
        let length = digits.take_while(|byte| byte.is_ascii_digit() || b"+-".contains(byte));
        at + length.count()
    };
    let read = |from: usize, to: usize| -> i32 { text[from..to].parse().unwrap_or(0) };
    let (start, end) = (at + 1, number(at + 1));
    if end == start {
        return Err(malformed(
            text,
            "\"[\" must introduce explicitly-specified array dimensions.",
        ));
    }
    let (lower, start, end) = match bytes.get(end) {
        Some(b':') => {
            let last = number(end + 1);
            if last == end + 1 {
                return Err(malformed(text, "Missing array dimension value."));
            }
            (read(start, end), end + 1, last)
        }
        _ => (1, start, end),
    };
    if bytes.get(end) != Some(&b']') {
        return Err(malformed(text, "Missing \"]\" after array dimensions."));
    }
    let upper = read(start, end);
    if upper < lower {
        return Err(Error::new(
            SqlState::ARRAY_SUBSCRIPT_ERROR,
            "upper bound cannot be less than lower bound",
        ));
    }
    said.lower.push(lower);
    let size = i64::from(upper) - i64::from(lower) + 1;
    said.sizes.push(usize::try_from(size).unwrap_or(0));
    Ok(end + 1)
}

/// `54000`
fn too_deep(dimensions: usize) -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!(
            "number of array dimensions ({dimensions}) exceeds the maximum allowed ({DIMENSIONS_MAX})"
        ),
    )
}

struct Reader<'a> {
    text: &'a str,
    /// What is between elements.
    delimiter: u8,
    /// Whether there is a word for what is no value.
    nulls: bool,
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
            return Err(too_deep(depth + 1));
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
        if self.nulls && !escaped && value.eq_ignore_ascii_case(b"null") {
            return Ok(None);
        }
        Ok(Some(Cow::Owned(
            String::from_utf8_lossy(&value).into_owned(),
        )))
    }
}
