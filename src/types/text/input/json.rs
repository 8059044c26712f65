//! json and jsonb from text: checked, and for jsonb rewritten as PostgreSQL prints it.
//!
//! Numbers are never converted to floating point: jsonb keeps every digit, and drops only the
//! exponent.

use std::collections::BTreeMap;

use crate::base::{Error, Result, SqlState};
use crate::types::text::nested::quote_json;

/// Arrays and objects within each other at most; PostgreSQL stops where its stack does.
const DEPTH_MAX: usize = 1_000;

/// Checks that `text` is JSON.
pub(super) fn check(text: &str) -> Result<()> {
    let mut reader = Reader { text, at: 0 };
    let mut sink = Vec::new();
    reader.document(&mut sink, false)
}

/// Appends `text` as jsonb prints it.
pub(super) fn normalise(text: &str, out: &mut Vec<u8>) -> Result<()> {
    Reader { text, at: 0 }.document(out, true)
}

/// Checks that what is escaped in JSON are characters that text can have.
///
/// # Errors
/// `22P05` for `\u0000`, `22P02` for half a surrogate pair.
pub(in crate::types) fn check_escapes(text: &str) -> Result<()> {
    match memchr::memmem::find(text.as_bytes(), b"\\u") {
        Some(_) => normalise(text, &mut Vec::new()),
        None => Ok(()),
    }
}

/// jsonb's order of keys: shorter first, then by bytes.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Key(usize, Vec<u8>);

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn document(&mut self, out: &mut Vec<u8>, rewrite: bool) -> Result<()> {
        self.value(out, rewrite, 0)?;
        match self.peek() {
            None => Ok(()),
            Some(byte) if is_special(byte) => {
                let token = char::from(byte);
                Err(self.failure(
                    format!("Expected end of input, but found \"{token}\"."),
                    self.at + 1,
                ))
            }
            Some(_) => {
                let (token, end) = self.token();
                // A whole token that is wrong in this place, or one that is none.
                let detail = match is_token(token) {
                    true => format!("Expected end of input, but found \"{token}\"."),
                    false => format!("Token \"{token}\" is invalid."),
                };
                Err(self.failure(detail, end))
            }
        }
    }

    /// The next byte that is not white space.
    fn peek(&mut self) -> Option<u8> {
        let bytes = self.text.as_bytes();
        while matches!(bytes.get(self.at), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
        bytes.get(self.at).copied()
    }

    /// The word that starts here, for error messages.
    fn token(&self) -> (&str, usize) {
        let rest = &self.text[self.at..];
        if let Some(inside) = rest.strip_prefix('"') {
            let end = inside.find('"').map_or(rest.len(), |end| end + 2);
            return (&rest[..end], self.at + end);
        }
        let is_word = |c: char| c.is_ascii_alphanumeric() || "_+-.".contains(c) || !c.is_ascii();
        let end = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        let end = match end {
            0 => rest.chars().next().map_or(0, char::len_utf8),
            end => end,
        };
        (&rest[..end], self.at + end)
    }

    /// An error noticed after reading up to byte `end`.
    fn failure(&self, detail: impl Into<String>, end: usize) -> Error {
        let text = self.text;
        let end = end.min(text.len());
        let line = text[..end].matches('\n').count() + 1;
        let start = text[..end].rfind('\n').map_or(0, |at| at + 1);
        let mut from = start;
        // PostgreSQL shows at most about 50 bytes before the error.
        while end - from >= 50 {
            from += text[from..].chars().next().map_or(1, char::len_utf8);
        }
        // Almost the whole line: then all of it.
        if from - start <= 3 {
            from = start;
        }
        let before = if from > start { "..." } else { "" };
        let shown = &text[from..end];
        let after = match text[end..].chars().next() {
            None | Some('\n' | '\r') => "",
            Some(_) => "...",
        };
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type json",
        )
        .detail(detail)
        .context(format!("JSON data, line {line}: {before}{shown}{after}"))
    }

    /// What was read is not what `expected` names.
    fn expected(&mut self, expected: &str) -> Error {
        match self.peek() {
            None => self.failure("The input string ended unexpectedly.", self.text.len()),
            Some(byte) => {
                let (token, end) = match is_special(byte) {
                    true => (&self.text[self.at..=self.at], self.at + 1),
                    false => self.token(),
                };
                let detail = match is_special(byte) || is_token(token) {
                    true => format!("Expected {expected}, but found \"{token}\"."),
                    false => format!("Token \"{token}\" is invalid."),
                };
                self.failure(detail, end)
            }
        }
    }

    fn value(&mut self, out: &mut Vec<u8>, rewrite: bool, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            ));
        }
        match self.peek() {
            Some(b'{') => self.object(out, rewrite, depth),
            Some(b'[') => self.array(out, rewrite, depth),
            Some(b'"') => {
                let at = out.len();
                self.string(out, rewrite)?;
                if rewrite {
                    quote_json(at, out);
                }
                Ok(())
            }
            Some(byte) if !is_special(byte) => {
                let (token, end) = self.token();
                if !is_token(token) {
                    let detail = format!("Token \"{token}\" is invalid.");
                    return Err(self.failure(detail, end));
                }
                if rewrite && token.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
                    write_number(token, out)?;
                } else if rewrite {
                    out.extend_from_slice(token.as_bytes());
                }
                self.at = end;
                Ok(())
            }
            _ => Err(self.expected("JSON value")),
        }
    }

    fn array(&mut self, out: &mut Vec<u8>, rewrite: bool, depth: usize) -> Result<()> {
        self.at += 1;
        out.push(b'[');
        if self.peek() == Some(b']') {
            self.at += 1;
            out.push(b']');
            return Ok(());
        }
        loop {
            self.value(out, rewrite, depth + 1)?;
            match self.peek() {
                Some(b',') => out.extend_from_slice(b", "),
                Some(b']') => break,
                _ => return Err(self.expected("\",\" or \"]\"")),
            }
            self.at += 1;
        }
        self.at += 1;
        out.push(b']');
        Ok(())
    }

    fn object(&mut self, out: &mut Vec<u8>, rewrite: bool, depth: usize) -> Result<()> {
        self.at += 1;
        let mut members = BTreeMap::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            out.extend_from_slice(b"{}");
            return Ok(());
        }
        let mut first = true;
        loop {
            if self.peek() != Some(b'"') {
                let what = if first { "string or \"}\"" } else { "string" };
                return Err(self.expected(what));
            }
            first = false;
            let mut key = Vec::new();
            self.string(&mut key, rewrite)?;
            if self.peek() != Some(b':') {
                return Err(self.expected("\":\""));
            }
            self.at += 1;
            let mut value = Vec::new();
            self.value(&mut value, rewrite, depth + 1)?;
            if rewrite {
                // The last of equal keys wins.
                members.insert(Key(key.len(), key), value);
            }
            match self.peek() {
                Some(b',') => self.at += 1,
                Some(b'}') => break,
                _ => return Err(self.expected("\",\" or \"}\"")),
            }
        }
        self.at += 1;
        if rewrite {
            out.push(b'{');
            for (place, (Key(_, key), value)) in members.into_iter().enumerate() {
                if place > 0 {
                    out.extend_from_slice(b", ");
                }
                let at = out.len();
                out.extend_from_slice(&key);
                quote_json(at, out);
                out.extend_from_slice(b": ");
                out.extend_from_slice(&value);
            }
            out.push(b'}');
        }
        Ok(())
    }

    /// Reads a string; with `decode` appends its characters.
    fn string(&mut self, out: &mut Vec<u8>, decode: bool) -> Result<()> {
        let bytes = self.text.as_bytes();
        let start = self.at;
        self.at += 1;
        let mut high = None;
        let lone = "Unicode low surrogate must follow a high surrogate.";
        loop {
            let Some(byte) = bytes.get(self.at) else {
                let detail = format!("Token \"{}\" is invalid.", &self.text[start..]);
                return Err(self.failure(detail, self.text.len()));
            };
            if high.is_some() && (*byte != b'\\' || bytes.get(self.at + 1) != Some(&b'u')) {
                return Err(self.failure(lone, self.at + 1));
            }
            match byte {
                b'"' => {
                    self.at += 1;
                    return Ok(());
                }
                b'\\' => {
                    let escape = bytes.get(self.at + 1).copied();
                    self.at += 2;
                    let plain = match escape {
                        Some(byte @ (b'"' | b'\\' | b'/')) => byte,
                        Some(b'b') => 0x08,
                        Some(b'f') => 0x0c,
                        Some(b'n') => b'\n',
                        Some(b'r') => b'\r',
                        Some(b't') => b'\t',
                        Some(b'u') => {
                            let unit = self.hex()?;
                            self.unicode(unit, &mut high, out, decode)?;
                            continue;
                        }
                        None => {
                            let detail = format!("Token \"{}\" is invalid.", &self.text[start..]);
                            return Err(self.failure(detail, self.text.len()));
                        }
                        Some(_) => {
                            let rest = &self.text[self.at - 1..];
                            let c = rest.chars().next().unwrap_or_default();
                            let detail = format!("Escape sequence \"\\{c}\" is invalid.");
                            return Err(self.failure(detail, self.at - 1 + c.len_utf8()));
                        }
                    };
                    if decode {
                        out.push(plain);
                    }
                }
                0..=0x1f => {
                    let detail = format!("Character with value 0x{byte:02x} must be escaped.");
                    return Err(self.failure(detail, self.at));
                }
                _ => {
                    if decode {
                        out.push(*byte);
                    }
                    self.at += 1;
                }
            }
        }
    }

    /// Four hexadecimal digits.
    fn hex(&mut self) -> Result<u32> {
        let digits = self
            .text
            .get(self.at..self.at + 4)
            .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        match digits.and_then(|digits| u32::from_str_radix(digits, 16).ok()) {
            Some(unit) => {
                self.at += 4;
                Ok(unit)
            }
            None => {
                let rest = &self.text[self.at..];
                let good = rest.bytes().take_while(u8::is_ascii_hexdigit).count();
                let after = rest[good..].chars().next().map_or(0, char::len_utf8);
                Err(self.failure(
                    "\"\\u\" must be followed by four hexadecimal digits.",
                    self.at + good + after,
                ))
            }
        }
    }

    /// A UTF-16 unit. json keeps what jsonb must decode.
    fn unicode(
        &self,
        unit: u32,
        high: &mut Option<u32>,
        out: &mut Vec<u8>,
        decode: bool,
    ) -> Result<()> {
        let code = match (high.take(), unit) {
            (Some(_), 0xd800..=0xdbff) => {
                let detail = "Unicode high surrogate must not follow a high surrogate.";
                return Err(self.failure(detail, self.at));
            }
            (None, 0xd800..=0xdbff) if decode => {
                *high = Some(unit);
                return Ok(());
            }
            (Some(high), 0xdc00..=0xdfff) => 0x10000 + ((high & 0x3ff) << 10) + (unit & 0x3ff),
            (Some(_), _) | (None, 0xdc00..=0xdfff) if decode => {
                let detail = "Unicode low surrogate must follow a high surrogate.";
                return Err(self.failure(detail, self.at));
            }
            (_, unit) => unit,
        };
        if decode {
            if code == 0 {
                let place = self.failure("", self.at).fields().context.clone();
                let error = Error::new(
                    SqlState::UNTRANSLATABLE_CHARACTER,
                    "unsupported Unicode escape sequence",
                )
                .detail("\\u0000 cannot be converted to text.");
                return Err(error.context(place.unwrap_or_default()));
            }
            let mut buffer = [0; 4];
            let c = char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER);
            out.extend_from_slice(c.encode_utf8(&mut buffer).as_bytes());
        }
        Ok(())
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'{' | b'}' | b'[' | b']' | b',' | b':')
}

/// Whether a word is a JSON token by itself.
fn is_token(token: &str) -> bool {
    matches!(token, "true" | "false" | "null")
        || (token.len() > 1 && token.starts_with('"') && token.ends_with('"'))
        || is_number(token.as_bytes())
}

fn is_number(text: &[u8]) -> bool {
    fn digits(text: &[u8]) -> (usize, &[u8]) {
        let count = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        (count, &text[count..])
    }
    let text = text.strip_prefix(b"-").unwrap_or(text);
    let (count, rest) = digits(text);
    if count == 0 || (count > 1 && text[0] == b'0') {
        return false;
    }
    let rest = match rest {
        [b'.', rest @ ..] => match digits(rest) {
            (0, _) => return false,
            (_, rest) => rest,
        },
        rest => rest,
    };
    match rest {
        [] => true,
        [b'e' | b'E', rest @ ..] => {
            let rest = match rest {
                [b'+' | b'-', rest @ ..] => rest,
                rest => rest,
            };
            matches!(digits(rest), (1.., []))
        }
        _ => false,
    }
}

/// Appends a number as numeric prints it: all its digits, without exponent.
fn write_number(token: &str, out: &mut Vec<u8>) -> Result<()> {
    let (mantissa, exponent) = match token.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().unwrap_or(i32::MAX)),
        None => (token, 0),
    };
    // PostgreSQL's numeric has at most 131072 digits before the point and 16383 after it.
    if !(-16_383..=131_072).contains(&exponent) {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "value overflows numeric format",
        ));
    }
    let negative = mantissa.starts_with('-');
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{}{fraction}", whole.trim_start_matches('-'));
    let digits = match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    };
    let scale = i32::try_from(fraction.len()).unwrap_or(i32::MAX) - exponent;
    crate::types::decimal::Number {
        negative,
        digits: digits.as_bytes(),
        scale,
    }
    .write_text(out);
    Ok(())
}
