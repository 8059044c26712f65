//! The values of one row of COPY data.

use memchr::memchr3;

use super::lines::delimiter_or_escape;
use super::{CopyFormat, CopyOptions};

/// One column's values of a batch: their bytes end to end.
#[derive(Debug, Default)]
pub(super) struct Cells {
    pub(super) bytes: Vec<u8>,
    /// Where each value ends in `bytes`, and whether it is NULL.
    pub(super) ends: Vec<(usize, bool)>,
}

impl Cells {
    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    pub(super) fn finish(&mut self, null: bool) {
        self.ends.push((self.bytes.len(), null));
    }

    /// Keeps the first `rows` rows.
    pub(super) fn truncate(&mut self, rows: usize) {
        self.ends.truncate(rows);
        self.bytes.truncate(self.ends.last().map_or(0, |end| end.0));
    }

    /// A copy of the first `rows` rows.
    pub(super) fn first(&self, rows: usize) -> Self {
        let ends = self.ends[..rows].to_vec();
        let bytes = self.bytes[..ends.last().map_or(0, |end| end.0)].to_vec();
        Self { bytes, ends }
    }

    /// The bytes of row `row`, or `None` for NULL.
    pub(super) fn get(&self, row: usize) -> Option<&[u8]> {
        let (end, null) = self.ends[row];
        let start = match row {
            0 => 0,
            row => self.ends[row - 1].0,
        };
        (!null).then(|| &self.bytes[start..end])
    }
}

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

    /// Appends the values of `line` to `columns`, one each. Columns without one get nothing.
    pub(super) fn split(&self, line: &[u8], columns: &mut [Cells]) -> Width {
        match self.csv {
            true => self.split_csv(line, columns),
            false => self.split_text(line, columns),
        }
    }

    /// How many values a line has, however many columns there are.
    pub(super) fn count(&self, line: &[u8]) -> usize {
        // A line has at most one value more than bytes; beyond this nobody counts.
        let most = line.len().min(usize::from(u16::MAX));
        let mut cells: Vec<_> = (0..=most).map(|_| Cells::default()).collect();
        let wide = Self {
            csv: self.csv,
            delimiter: self.delimiter,
            quote: self.quote,
            escape: self.escape,
            null: self.null.clone(),
            not_null: vec![false; cells.len()],
            null_too: vec![false; cells.len()],
        };
        wide.split(line, &mut cells).fields
    }

    /// The NULL string.
    pub(super) fn null_text(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.null)
    }

    fn split_text(&self, line: &[u8], columns: &mut [Cells]) -> Width {
        let mut width = Width {
            fields: 0,
            made_bytes: false,
        };
        let mut start = 0;
        for cells in columns.iter_mut() {
            let mut from = start;
            let mut at = start;
            let end = loop {
                let Some(found) = delimiter_or_escape(line, at, self.delimiter) else {
                    break line.len();
                };
                if line[found] == self.delimiter {
                    break found;
                }
                cells.bytes.extend_from_slice(&line[from..found]);
                let (byte, length, made) = unescape(&line[found..]);
                cells.bytes.push(byte);
                width.made_bytes |= made;
                at = found + length;
                from = at;
            };
            cells.bytes.extend_from_slice(&line[from..end]);
            // The NULL string is compared before escapes are taken.
            let null = line[start..end] == *self.null;
            if null {
                let before = cells.ends.last().map_or(0, |end| end.0);
                cells.bytes.truncate(before);
            }
            cells.finish(null);
            width.fields += 1;
            if end == line.len() {
                return width;
            }
            start = end + 1;
        }
        width.fields += 1;
        width
    }

    fn split_csv(&self, line: &[u8], columns: &mut [Cells]) -> Width {
        let mut width = Width {
            fields: 0,
            made_bytes: false,
        };
        let mut at = 0;
        for (column, cells) in columns.iter_mut().enumerate() {
            let start = cells.bytes.len();
            let mut quoted = false;
            let mut ended = true;
            loop {
                let Some(found) = memchr3(self.delimiter, self.quote, self.quote, &line[at..])
                else {
                    cells.bytes.extend_from_slice(&line[at..]);
                    break;
                };
                cells.bytes.extend_from_slice(&line[at..at + found]);
                at += found + 1;
                if line[at - 1] == self.delimiter {
                    ended = false;
                    break;
                }
                quoted = true;
                at = self.quoted(line, at, &mut cells.bytes);
            }
            let is_null_text = cells.bytes[start..] == *self.null;
            let null = match quoted {
                true => is_null_text && self.null_too[column],
                false => is_null_text && !self.not_null[column],
            };
            if null {
                cells.bytes.truncate(start);
            }
            cells.finish(null);
            width.fields += 1;
            if ended {
                return width;
            }
        }
        width.fields += 1;
        width
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
