//! Where one row of COPY data ends and the next begins.
//!
//! Bytes come cut anywhere, so the scanner remembers how far it looked and whether it was inside
//! quotes: a value of many megabytes is looked at once. Text ends rows at unescaped line ends, CSV
//! at unquoted ones. The first row's line end is what all must have, as in PostgreSQL.

use memchr::{memchr2, memchr3};

use super::{CopyFormat, CopyOptions};
use crate::base::{Error, Result, SqlState};

/// How rows end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LineEnd {
    Unknown,
    Newline,
    Return,
    ReturnNewline,
}

/// What was found.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A row is `content` bytes long; the next begins after `total`.
    Row { content: usize, total: usize },
    /// As much of a row as the end marker `\.` left over.
    Last { content: usize },
    /// The end marker on a line of its own.
    End,
    /// The rest of the row has not come yet.
    More,
}

/// Finds the ends of rows.
#[derive(Debug)]
pub(super) struct Scanner {
    csv: bool,
    quote: u8,
    /// The escape, if it is not the quote itself: then the quote is a toggle.
    escape: Option<u8>,
    end: LineEnd,
    /// Bytes of the current row looked at.
    at: usize,
    in_quotes: bool,
    after_escape: bool,
    /// Line of the row being looked at, from 1.
    pub(super) number: u64,
}

impl Scanner {
    pub(super) fn new(options: &CopyOptions) -> Self {
        Self {
            csv: options.format == CopyFormat::Csv,
            quote: options.quote,
            escape: (options.escape != options.quote).then_some(options.escape),
            end: LineEnd::Unknown,
            at: 0,
            in_quotes: false,
            after_escape: false,
            number: 1,
        }
    }

    /// Looks at `rest`, which begins with the current row. `closed`: nothing comes after it.
    ///
    /// # Errors
    /// `22P04`: line ends of different kinds, a broken end marker, an open quote at the end.
    pub(super) fn next(&mut self, rest: &[u8], closed: bool) -> Result<Line> {
        let line = match self.csv {
            true => self.next_csv(rest, closed)?,
            false => self.next_text(rest, closed)?,
        };
        match line {
            Line::More if closed && self.in_quotes => Err(unterminated()),
            Line::More if closed && !rest.is_empty() => {
                self.at = 0;
                Ok(Line::Last {
                    content: rest.len(),
                })
            }
            Line::More => Ok(Line::More),
            found => {
                self.at = 0;
                Ok(found)
            }
        }
    }

    /// Whether the error just given was of a quote open at the end.
    pub(super) fn is_unterminated(&self, closed: bool) -> bool {
        closed && self.in_quotes
    }

    fn next_text(&mut self, rest: &[u8], closed: bool) -> Result<Line> {
        while let Some(found) = memchr3(b'\n', b'\r', b'\\', &rest[self.at..]) {
            let at = self.at + found;
            self.at = at;
            if rest[at] != b'\\' {
                return self.line_end(rest, at, closed);
            }
            match rest.get(at + 1) {
                None => return Ok(Line::More),
                Some(b'.') => return self.marker(rest, at, closed),
                // Whatever is escaped, a line end too, belongs to the row.
                Some(_) => self.at = at + 2,
            }
        }
        self.at = self.at.max(rest.len());
        Ok(Line::More)
    }

    fn next_csv(&mut self, rest: &[u8], closed: bool) -> Result<Line> {
        if self.at == 0 && !self.in_quotes && rest.starts_with(b"\\") {
            match rest.get(1) {
                None if !closed => return Ok(Line::More),
                // Anything but a line end after it, and it is a value.
                Some(b'.') => match rest.get(2) {
                    None if closed => return Ok(Line::End),
                    None => return Ok(Line::More),
                    Some(b'\n' | b'\r') => return self.marker(rest, 0, closed),
                    Some(_) => {}
                },
                _ => {}
            }
        }
        loop {
            if self.in_quotes {
                self.quoted(rest);
                if self.in_quotes {
                    return Ok(Line::More);
                }
            }
            let Some(found) = memchr3(b'\n', b'\r', self.quote, &rest[self.at..]) else {
                self.at = rest.len();
                return Ok(Line::More);
            };
            self.at += found;
            if rest[self.at] != self.quote {
                return self.line_end(rest, self.at, closed);
            }
            self.in_quotes = true;
            self.after_escape = false;
            self.at += 1;
        }
    }

    /// Moves past the closing quote, or to the end of what is there.
    fn quoted(&mut self, rest: &[u8]) {
        // PostgreSQL counts line ends within values once it knows what one looks like.
        let counted = match self.end {
            LineEnd::Newline => b'\n',
            LineEnd::Unknown | LineEnd::Return | LineEnd::ReturnNewline => b'\r',
        };
        let second = self.escape.unwrap_or(self.quote);
        while let Some(found) = memchr3(self.quote, counted, second, &rest[self.at..]) {
            let byte = rest[self.at + found];
            if found > 0 {
                self.after_escape = false;
            }
            self.at += found + 1;
            if byte == counted {
                self.number += 1;
            } else if byte == self.quote && !self.after_escape {
                self.in_quotes = false;
                return;
            }
            self.after_escape = Some(byte) == self.escape && !self.after_escape;
        }
        if self.at < rest.len() {
            self.after_escape = false;
        }
        self.at = rest.len();
    }

    /// A carriage return or newline outside quotes at `at`.
    fn line_end(&mut self, rest: &[u8], at: usize, closed: bool) -> Result<Line> {
        let row = |length| Line::Row {
            content: at,
            total: at + length,
        };
        if rest[at] == b'\n' {
            return match self.end {
                LineEnd::Unknown | LineEnd::Newline => {
                    self.end = LineEnd::Newline;
                    Ok(row(1))
                }
                LineEnd::Return | LineEnd::ReturnNewline => Err(self.stray("newline", "\\n")),
            };
        }
        let next = rest.get(at + 1);
        match self.end {
            LineEnd::Newline => Err(self.stray("carriage return", "\\r")),
            LineEnd::Return => Ok(row(1)),
            LineEnd::Unknown | LineEnd::ReturnNewline => match next {
                Some(b'\n') => {
                    self.end = LineEnd::ReturnNewline;
                    Ok(row(2))
                }
                None if !closed => Ok(Line::More),
                _ if self.end == LineEnd::ReturnNewline => {
                    Err(self.stray("carriage return", "\\r"))
                }
                _ => {
                    self.end = LineEnd::Return;
                    Ok(row(1))
                }
            },
        }
    }

    /// A line end of another kind than the first.
    fn stray(&self, what: &str, escape: &str) -> Error {
        let (kind, hint) = match self.csv {
            true => (
                "unquoted",
                format!("Use quoted CSV field to represent {what}."),
            ),
            false => ("literal", format!("Use \"{escape}\" to represent {what}.")),
        };
        bad(format!("{kind} {what} found in data")).hint(hint)
    }

    /// `\.` at `at`: nothing that follows is read.
    fn marker(&self, rest: &[u8], at: usize, closed: bool) -> Result<Line> {
        let corrupt = || Err(bad("end-of-copy marker corrupt"));
        let style = || {
            Err(bad(
                "end-of-copy marker does not match previous newline style",
            ))
        };
        match (rest.get(at + 2), rest.get(at + 3)) {
            (None, _) if !closed => return Ok(Line::More),
            (None, _) => {}
            (Some(b'\n'), _) => {
                if !matches!(self.end, LineEnd::Unknown | LineEnd::Newline) {
                    return style();
                }
            }
            (Some(b'\r'), None) if !closed && self.end != LineEnd::Return => return Ok(Line::More),
            (Some(b'\r'), next) => match (self.end, next) {
                (LineEnd::Newline, _) => return style(),
                (LineEnd::ReturnNewline, Some(b'\n')) | (LineEnd::Return, _) => {}
                (LineEnd::ReturnNewline, _) => return corrupt(),
                (LineEnd::Unknown, _) => {}
            },
            (Some(_), _) => return corrupt(),
        }
        match at {
            0 => Ok(Line::End),
            content => Ok(Line::Last { content }),
        }
    }
}

/// `22P04`
pub(super) fn bad(message: impl Into<String>) -> Error {
    Error::new(SqlState::BAD_COPY_FILE_FORMAT, message)
}

fn unterminated() -> Error {
    bad("unterminated CSV quoted field")
}

/// Whether text-format values of a line need unescaping, from `at` on: the next delimiter or
/// backslash.
pub(super) fn delimiter_or_escape(line: &[u8], at: usize, delimiter: u8) -> Option<usize> {
    memchr2(delimiter, b'\\', &line[at..]).map(|found| at + found)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options(format: CopyFormat, escape: u8) -> CopyOptions {
        CopyOptions {
            delimiter: b',',
            null: String::new(),
            escape,
            ..CopyOptions::of(format)
        }
    }

    /// Rows of `data` fed in pieces of `size` bytes; the last entry may be an error's message.
    fn rows(data: &str, options: &CopyOptions, size: usize) -> Vec<String> {
        let mut scanner = Scanner::new(options);
        let (mut rows, mut buffer) = (Vec::new(), Vec::new());
        let mut pieces = data.as_bytes().chunks(size);
        loop {
            let piece = pieces.next();
            buffer.extend_from_slice(piece.unwrap_or_default());
            loop {
                let text = |content: usize| String::from_utf8_lossy(&buffer[..content]).into();
                match scanner.next(&buffer, piece.is_none()) {
                    Ok(Line::Row { content, total }) => {
                        rows.push(text(content));
                        buffer.drain(..total);
                    }
                    Ok(Line::Last { content }) => {
                        rows.push(text(content));
                        return rows;
                    }
                    Ok(Line::End) => return rows,
                    Ok(Line::More) => break,
                    Err(error) => {
                        rows.push(error.message().to_owned());
                        return rows;
                    }
                }
            }
            if piece.is_none() {
                return rows;
            }
        }
    }

    #[test]
    fn rows_end_alike_however_they_are_cut() {
        let text = options(CopyFormat::Text, b'"');
        let csv = options(CopyFormat::Csv, b'"');
        let escaped = options(CopyFormat::Csv, b'\\');
        for (options, data, want) in [
            (&text, "a\nb\n", vec!["a", "b"]),
            (&text, "a\r\nb\r\n\\.\r\nc", vec!["a", "b"]),
            (&text, "a\rb", vec!["a", "b"]),
            (&text, "a\\\nb\nc\\\\\nd", vec!["a\\\nb", "c\\\\", "d"]),
            (&text, "a\nb\\.\nc\n", vec!["a", "b"]),
            (&text, "a\n\\.x\n", vec!["a", "end-of-copy marker corrupt"]),
            (
                &text,
                "a\nb\rc\n",
                vec!["a", "literal carriage return found in data"],
            ),
            (
                &text,
                "a\r\nb\n",
                vec!["a", "literal newline found in data"],
            ),
            (&csv, "a,\"b\nc\"\"\"\nd\n", vec!["a,\"b\nc\"\"\"", "d"]),
            (&csv, "\\.x\n\\.\nz\n", vec!["\\.x"]),
            (&csv, "a\"b\nc\"d\n", vec!["a\"b\nc\"d"]),
            (&csv, "a,\"b\n", vec!["unterminated CSV quoted field"]),
            (&csv, "a\n\n\"\"\n", vec!["a", "", "\"\""]),
            (
                &escaped,
                "\"a\\\"\nb\\\\\"\nc\n",
                vec!["\"a\\\"\nb\\\\\"", "c"],
            ),
        ] {
            for size in 1..=data.len() {
                assert_eq!(rows(data, options, size), want, "{data:?} by {size}");
            }
        }
    }
}
