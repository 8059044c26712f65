//! JSON values: read from text that is known to be JSON, and written as jsonb prints them.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::fmt::Write as _;

use crate::base::{Error, Result};
use crate::types::text::check_escapes;
use crate::types::{Extended, Numeric};

/// Values within each other at most; the input functions stop earlier.
const DEPTH_MAX: usize = 2_000;

/// A value with its text as it stands.
#[derive(Debug)]
pub(crate) struct Json<'a> {
    pub(crate) raw: &'a str,
    pub(crate) kind: Kind<'a>,
}

#[derive(Debug)]
pub(crate) enum Kind<'a> {
    Null,
    Bool(bool),
    Number,
    String(Cow<'a, str>),
    Array(Vec<Json<'a>>),
    Object(Vec<(Cow<'a, str>, Json<'a>)>),
}

/// Reads text that an input function has accepted.
///
/// # Errors
/// `22P05`, `22P02` for escapes that are no characters: json's input function lets them be.
pub(crate) fn parse(text: &str) -> Result<Json<'_>> {
    check_escapes(text)?;
    parse_shape(text)
}

/// As [`parse`], where strings are not looked into.
pub(crate) fn parse_shape(text: &str) -> Result<Json<'_>> {
    let mut reader = Reader { text, at: 0 };
    reader
        .value(0)
        .ok_or_else(|| Error::internal("reading JSON", "text that is no JSON"))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        if self.peek() == Some(byte) {
            self.at += 1;
            return Some(());
        }
        None
    }

    fn value(&mut self, depth: usize) -> Option<Json<'a>> {
        if depth > DEPTH_MAX {
            return None;
        }
        let first = self.peek()?;
        let start = self.at;
        let kind = match first {
            b'"' => Kind::String(self.string()?),
            b'[' => {
                self.at += 1;
                let mut items = Vec::new();
                if self.take(b']').is_none() {
                    loop {
                        items.push(self.value(depth + 1)?);
                        if self.take(b',').is_none() {
                            self.take(b']')?;
                            break;
                        }
                    }
                }
                Kind::Array(items)
            }
            b'{' => {
                self.at += 1;
                let mut fields = Vec::new();
                if self.take(b'}').is_none() {
                    loop {
                        self.peek()?;
                        let key = self.string()?;
                        self.take(b':')?;
                        fields.push((key, self.value(depth + 1)?));
                        if self.take(b',').is_none() {
                            self.take(b'}')?;
                            break;
                        }
                    }
                }
                Kind::Object(fields)
            }
            _ => {
                let rest = &self.text[self.at..];
                let end = rest
                    .find(|c: char| !(c.is_ascii_alphanumeric() || "+-.".contains(c)))
                    .unwrap_or(rest.len());
                self.at += end;
                match &rest[..end] {
                    "" => return None,
                    "null" => Kind::Null,
                    "true" => Kind::Bool(true),
                    "false" => Kind::Bool(false),
                    _ => Kind::Number,
                }
            }
        };
        Some(Json {
            raw: &self.text[start..self.at],
            kind,
        })
    }

    fn string(&mut self) -> Option<Cow<'a, str>> {
        let inside = self.text[self.at..].strip_prefix('"')?;
        let plain = inside.find(['"', '\\'])?;
        if inside.as_bytes()[plain] == b'"' {
            self.at += plain + 2;
            return Some(Cow::Borrowed(&inside[..plain]));
        }
        let mut out = inside[..plain].to_owned();
        let mut chars = inside[plain..].char_indices();
        let code = |chars: &mut std::str::CharIndices<'_>| {
            let mut code = 0;
            for _ in 0..4 {
                code = code * 16 + chars.next()?.1.to_digit(16)?;
            }
            Some(code)
        };
        loop {
            let (index, c) = chars.next()?;
            match c {
                '"' => {
                    self.at += plain + index + 2;
                    return Some(Cow::Owned(out));
                }
                '\\' => match chars.next()?.1 {
                    'b' => out.push('\u{8}'),
                    'f' => out.push('\u{c}'),
                    'n' => out.push('\n'),
                    'r' => out.push('\r'),
                    't' => out.push('\t'),
                    'u' => {
                        let mut value = code(&mut chars)?;
                        let mut behind = chars.clone();
                        if (0xd800..0xdc00).contains(&value)
                            && behind.next().is_some_and(|(_, c)| c == '\\')
                            && behind.next().is_some_and(|(_, c)| c == 'u')
                            && let Some(low @ 0xdc00..0xe000) = code(&mut behind)
                        {
                            value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
                            chars = behind;
                        }
                        out.push(char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER));
                    }
                    other => out.push(other),
                },
                c => out.push(c),
            }
        }
    }
}

impl Json<'_> {
    /// What `json_typeof` says.
    pub(crate) fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Null => "null",
            Kind::Bool(_) => "boolean",
            Kind::Number => "number",
            Kind::String(_) => "string",
            Kind::Array(_) => "array",
            Kind::Object(_) => "object",
        }
    }

    /// As text: a string without quotes, JSON's null as none.
    pub(crate) fn text(&self) -> Option<String> {
        match &self.kind {
            Kind::Null => None,
            Kind::String(text) => Some(text.clone().into_owned()),
            _ => Some(self.raw.to_owned()),
        }
    }

    pub(crate) fn field(&self, name: &str) -> Option<&Self> {
        match &self.kind {
            // Of two fields of one name the last counts.
            Kind::Object(fields) => fields
                .iter()
                .rev()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value),
            _ => None,
        }
    }

    pub(crate) fn item(&self, index: i64) -> Option<&Self> {
        match &self.kind {
            Kind::Array(items) => items.get(position(index, items.len())?),
            _ => None,
        }
    }

    /// One step of a path: a field's name, or an element's number.
    pub(crate) fn step(&self, step: &str) -> Option<&Self> {
        match &self.kind {
            Kind::Object(_) => self.field(step),
            Kind::Array(_) => self.item(step.trim().parse::<i32>().ok()?.into()),
            _ => None,
        }
    }
}

/// An index from the end if negative.
pub(crate) fn position(index: i64, count: usize) -> Option<usize> {
    let count = i64::try_from(count).ok()?;
    let at = if index < 0 { index + count } else { index };
    usize::try_from(at).ok().filter(|_| at < count)
}

/// A jsonb value: keys in order, each once.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Tree {
    Null,
    Bool(bool),
    Number(String),
    String(String),
    Array(Vec<Tree>),
    Object(Vec<(String, Tree)>),
}

/// jsonb's order of keys: shorter first, then by bytes.
fn key_order(a: &str, b: &str) -> Ordering {
    a.len().cmp(&b.len()).then_with(|| a.cmp(b))
}

impl Tree {
    pub(crate) fn of(json: &Json<'_>) -> Self {
        match &json.kind {
            Kind::Null => Self::Null,
            Kind::Bool(value) => Self::Bool(*value),
            // No exponent and no negative zero in jsonb.
            Kind::Number => Self::Number(match Numeric::parse(json.raw) {
                Some(number) if json.raw.contains(['e', 'E']) => number.to_string(),
                _ => match json.raw.strip_prefix('-') {
                    Some(zero) if zero.bytes().all(|b| b == b'0' || b == b'.') => zero.to_owned(),
                    Some(_) | None => json.raw.to_owned(),
                },
            }),
            Kind::String(text) => Self::String(text.clone().into_owned()),
            Kind::Array(items) => Self::Array(items.iter().map(Self::of).collect()),
            Kind::Object(fields) => {
                let mut object = Vec::new();
                for (key, value) in fields {
                    insert(&mut object, key, Self::of(value));
                }
                Self::Object(object)
            }
        }
    }

    /// Reads jsonb's text.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Ok(Self::of(&parse(text)?))
    }

    pub(crate) fn is_scalar(&self) -> bool {
        !matches!(self, Self::Array(_) | Self::Object(_))
    }

    /// As jsonb prints it.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(number) => out.push_str(number),
            Self::String(text) => quoted(text, out),
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push_str(", ");
                    }
                    quoted(key, out);
                    out.push_str(": ");
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Over many lines, four blanks a level.
    pub(crate) fn write_pretty(&self, depth: usize, out: &mut String) {
        let indent = |out: &mut String, depth: usize| {
            out.push('\n');
            out.extend(std::iter::repeat_n(' ', depth * 4));
        };
        match self {
            Self::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    indent(out, depth + 1);
                    item.write_pretty(depth + 1, out);
                }
                indent(out, depth);
                out.push(']');
            }
            Self::Object(fields) => {
                out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    indent(out, depth + 1);
                    quoted(key, out);
                    out.push_str(": ");
                    value.write_pretty(depth + 1, out);
                }
                indent(out, depth);
                out.push('}');
            }
            scalar => scalar.write(out),
        }
    }

    fn rank(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::String(_) => 1,
            Self::Number(_) => 2,
            Self::Bool(_) => 3,
            Self::Array(_) => 4,
            Self::Object(_) => 5,
        }
    }

    /// jsonb's order of whole values: an empty array comes before everything.
    pub(crate) fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Array(items), other) if items.is_empty() && other.is_scalar() => Ordering::Less,
            (one, Self::Array(items)) if items.is_empty() && one.is_scalar() => Ordering::Greater,
            _ if self.is_scalar() && matches!(other, Self::Array(_)) => Ordering::Less,
            _ if other.is_scalar() && matches!(self, Self::Array(_)) => Ordering::Greater,
            _ => self.order_within(other),
        }
    }

    fn order_within(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::String(a), Self::String(b)) => a.cmp(b),
            (Self::Number(a), Self::Number(b)) => match (Numeric::parse(a), Numeric::parse(b)) {
                (Some(a), Some(b)) => a.cmp(&b),
                _ => a.cmp(b),
            },
            (Self::Bool(a), Self::Bool(b)) => a.cmp(b),
            (Self::Array(a), Self::Array(b)) => a.len().cmp(&b.len()).then_with(|| {
                a.iter()
                    .zip(b)
                    .map(|(a, b)| a.order_within(b))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            }),
            (Self::Object(a), Self::Object(b)) => a.len().cmp(&b.len()).then_with(|| {
                a.iter()
                    .zip(b)
                    .map(|((x, a), (y, b))| x.cmp(y).then_with(|| a.order_within(b)))
                    .find(|order| order.is_ne())
                    .unwrap_or(Ordering::Equal)
            }),
            _ => self.rank().cmp(&other.rank()),
        }
    }

    /// `@>` of whole values: an array contains a scalar that is its element.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(items), scalar) if scalar.is_scalar() => {
                items.iter().any(|item| item.same(scalar))
            }
            _ => self.contains_within(other),
        }
    }

    fn contains_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Object(fields), Self::Object(wanted)) => wanted.iter().all(|(key, value)| {
                fields
                    .iter()
                    .any(|(name, field)| name == key && field.contains_within(value))
            }),
            (Self::Array(items), Self::Array(wanted)) => wanted
                .iter()
                .all(|value| items.iter().any(|item| item.contains_within(value))),
            (a, b) => a.is_scalar() && b.is_scalar() && a.same(b),
        }
    }

    fn same(&self, other: &Self) -> bool {
        self.order_within(other).is_eq()
    }
}

/// Puts a field in its place; one that is there already is replaced.
pub(crate) fn insert(fields: &mut Vec<(String, Tree)>, key: &str, value: Tree) {
    match fields.binary_search_by(|(name, _)| key_order(name, key)) {
        Ok(at) => fields[at].1 = value,
        Err(at) => fields.insert(at, (key.to_owned(), value)),
    }
}

/// Text that compares, byte by byte, as jsonb values do.
///
/// # Errors
/// If it is no JSON.
pub(crate) fn key(text: &str) -> Result<String> {
    let tree = Tree::parse(text)?;
    let mut out = String::with_capacity(text.len() + 2);
    // An empty array comes before everything, then scalars, arrays and objects.
    match &tree {
        Tree::Array(items) if items.is_empty() => out.push('0'),
        Tree::Array(_) => {
            out.push('2');
            tree.write_key(&mut out);
        }
        Tree::Object(_) => {
            out.push('3');
            tree.write_key(&mut out);
        }
        scalar => {
            out.push('1');
            scalar.write_key(&mut out);
        }
    }
    Ok(out)
}

impl Tree {
    fn write_key(&self, out: &mut String) {
        out.push(char::from(b'0' + self.rank()));
        match self {
            Self::Null => {}
            Self::Bool(value) => out.push(if *value { '1' } else { '0' }),
            Self::Number(number) => {
                Extended::parse(number).unwrap_or(Extended::NaN).key(out);
            }
            // No string of jsonb has a NUL in it.
            Self::String(text) => {
                out.push_str(text);
                out.push('\0');
            }
            Self::Array(items) => {
                out.push_str(&format!("{:08x}", items.len()));
                for item in items {
                    item.write_key(out);
                }
            }
            Self::Object(fields) => {
                out.push_str(&format!("{:08x}", fields.len()));
                for (name, value) in fields {
                    out.push_str(name);
                    out.push('\0');
                    value.write_key(out);
                }
            }
        }
    }
}

/// A JSON string.
pub(crate) fn quoted(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            c if c < ' ' => {
                // Writing to a String does not fail.
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out.push('"');
}
