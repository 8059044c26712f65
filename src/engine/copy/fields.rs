//! The values of one row of COPY data.

use memchr::{memchr2, memchr3};

use super::lines::delimiter_or_escape;
use super::values::{Batch, Span};
use super::{CopyFormat, CopyOptions};

/// What a row had.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Width {
    /// Values found, up to one more than there are columns.
    pub(super) fields: usize,
    /// Whether a `\x` or octal escape made bytes the line did not have: they may not be UTF-8.
    pub(super) made_bytes: bool,
}

/// Splits rows into values.
#[derive(Debug)]
pub(super) struct Splitter {
    csv: bool,
    delimiter: u8,
    quote: u8,
    escape: u8,
    null: Vec<u8>,
    /// By column: an unquoted NULL string is a value all the same.
    not_null: Vec<bool>,
    /// By column: a quoted NULL string is NULL too.
    null_too: Vec<bool>,
}

impl Splitter {
    pub(super) fn new(options: &CopyOptions, columns: usize) -> Self {
        let flags = |indexes: &[usize]| {
            let mut flags = vec![false; columns];
            for index in indexes {
                flags[*index] = true;
            }
            flags
        };
        Self {
            csv: options.format == CopyFormat::Csv,
            delimiter: options.delimiter,
            quote: options.quote,
            escape: options.escape,
            null: options.null.as_bytes().to_vec(),
            not_null: flags(&options.force_not_null),
            null_too: flags(&options.force_null),
        }
    }

    /// Adds the values of `line`, which the batch has at `base`, to the batch's columns, one each.
    /// Columns without one get nothing.
    pub(super) fn split(&self, line: &[u8], base: usize, batch: &mut Batch) -> Width {
        match self.csv {
            true => self.split_csv(line, base, batch),
            false => self.split_text(line, base, batch),
        }
    }

    /// How many values a line has, however many columns there are.
    pub(super) fn count(&self, line: &[u8]) -> usize {
        // A line has at most one value more than bytes; beyond this nobody counts.
        let most = line.len().min(usize::from(u16::MAX)) + 1;
        let wide = Self {
            csv: self.csv,
            delimiter: self.delimiter,
            quote: self.quote,
            escape: self.escape,
            null: self.null.clone(),
            not_null: vec![false; most],
            null_too: vec![false; most],
        };
        let mut batch = Batch::new(most);
        wide.split(line, 0, &mut batch).fields
    }

    /// The NULL string.
    pub(super) fn null_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.null)
    }

    fn split_text(&self, line: &[u8], base: usize, batch: &mut Batch) -> Width {
        let mut width = Width {
            fields: 0,
            made_bytes: false,
        };
        let Batch { bytes, columns, .. } = batch;
        let mut start = 0;
        for spans in columns {
            let mut at = start;
            // Where the value without its escapes begins, once one was seen.
            let mut made = None;
            let end = loop {
                let Some(found) = delimiter_or_escape(line, at, self.delimiter) else {
                    break line.len();
                };
                if line[found] == self.delimiter {
                    break found;
                }
                made.get_or_insert(bytes.len());
                bytes.extend_from_slice(&line[at..found]);
                let (byte, length, by_number) = unescape(&line[found..]);
                bytes.push(byte);
                width.made_bytes |= by_number;
                at = found + length;
            };
            // The NULL string is compared before escapes are taken.
            spans.push(if line[start..end] == *self.null {
                Span::NULL
            } else if let Some(made) = made {
                bytes.extend_from_slice(&line[at..end]);
                Span::new(made, bytes.len())
            } else {
                Span::new(base + start, base + end)
            });
            width.fields += 1;
            if end == line.len() {
                return width;
            }
            start = end + 1;
        }
        width.fields += 1;
        width
    }

    fn split_csv(&self, line: &[u8], base: usize, batch: &mut Batch) -> Width {
        let mut width = Width {
            fields: 0,
            made_bytes: false,
        };
        let Batch { bytes, columns, .. } = batch;
        let mut start = 0;
        for (column, spans) in columns.iter_mut().enumerate() {
            let found = memchr2(self.delimiter, self.quote, &line[start..]);
            let end = found.map_or(line.len(), |found| start + found);
            if line.get(end) == Some(&self.quote) {
                let made = bytes.len();
                let end = self.with_quotes(line, start, bytes);
                let is_null = self.null_too[column] && bytes[made..] == *self.null;
                spans.push(match is_null {
                    true => Span::NULL,
                    false => Span::new(made, bytes.len()),
                });
                start = end;
            } else {
                let is_null = line[start..end] == *self.null && !self.not_null[column];
                spans.push(match is_null {
                    true => Span::NULL,
                    false => Span::new(base + start, base + end),
                });
                start = end;
            }
            width.fields += 1;
            if start == line.len() {
                return width;
            }
            start += 1;
        }
        width.fields += 1;
        width
    }

    /// Appends a value that has quotes in it; returns where it ends.
    fn with_quotes(&self, line: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
        while let Some(found) = memchr2(self.delimiter, self.quote, &line[at..]) {
            out.extend_from_slice(&line[at..at + found]);
            at += found;
            if line[at] == self.delimiter {
                return at;
            }
            at = self.quoted(line, at + 1, out);
        }
        out.extend_from_slice(&line[at..]);
        line.len()
    }

    /// Appends what is inside quotes from `at`; returns where it goes on after the closing one.
    fn quoted(&self, line: &[u8], mut at: usize, out: &mut Vec<u8>) -> usize {
        while let Some(found) = memchr3(self.quote, self.escape, self.escape, &line[at..]) {
            out.extend_from_slice(&line[at..at + found]);
            at += found;
            let next = line.get(at + 1);
            if line[at] == self.escape
                && let Some(next) = next.filter(|next| [self.escape, self.quote].contains(next))
            {
                out.push(*next);
                at += 2;
            } else if line[at] == self.quote {
                return at + 1;
            } else {
                out.push(line[at]);
                at += 1;
            }
        }
        // The scanner has seen to it that quotes are closed.
        out.extend_from_slice(&line[at..]);
        line.len()
    }
}

/// The byte that `escaped`, which begins with a backslash, stands for; how long it is; whether it
/// was by number.
fn unescape(escaped: &[u8]) -> (u8, usize, bool) {
    let octal = |at: usize| match escaped.get(at) {
        Some(digit @ b'0'..=b'7') => Some(digit - b'0'),
        _ => None,
    };
    let hex = |at: usize| {
        let digit = char::from(*escaped.get(at)?).to_digit(16)?;
        u8::try_from(digit).ok()
    };
    match escaped.get(1) {
        None => (b'\\', 1, false),
        Some(b'0'..=b'7') => {
            let mut value = 0_u8;
            let mut length = 1;
            while let Some(digit) = octal(length).filter(|_| length < 4) {
                // As PostgreSQL: the low eight bits.
                value = value.wrapping_shl(3) | digit;
                length += 1;
            }
            (value, length, true)
        }
        Some(b'x') => match (hex(2), hex(3)) {
            (Some(high), Some(low)) => (high << 4 | low, 4, true),
            (Some(low), None) => (low, 3, true),
            (None, _) => (b'x', 2, false),
        },
        Some(b'b') => (0x08, 2, false),
        Some(b'f') => (0x0c, 2, false),
        Some(b'n') => (b'\n', 2, false),
        Some(b'r') => (b'\r', 2, false),
        Some(b't') => (b'\t', 2, false),
        Some(b'v') => (0x0b, 2, false),
        Some(other) => (*other, 2, false),
    }
}
