//! Query strings under `standard_conforming_strings = off`, where a backslash escapes what follows
//! it in every string constant. They are read as the same strings with `E` before such constants,
//! which means the same under every setting: what is kept of them can be read again.

use crate::base::error::Report;
use crate::base::{Error, Result, SqlState};

/// A query string as it is written where strings conform to the standard.
#[derive(Debug)]
pub(super) struct Conforming {
    /// The text.
    pub(super) text: String,
    /// The characters of it, from 0, that the client did not write.
    pub(super) inserted: Vec<usize>,
    /// What PostgreSQL says of escapes, unless it is told not to.
    pub(super) warnings: Vec<Report>,
}

/// A position, from 1, in a text with characters put in, as it is without them.
pub fn original_position(position: usize, inserted: &[usize]) -> usize {
    let before = inserted.iter().filter(|place| **place + 1 < position);
    position - before.count()
}

/// What the client wrote, as it is written where strings conform to the standard.
///
/// # Errors
/// `0A000` for constants that cannot be written so, and as PostgreSQL those with Unicode escapes.
pub(super) fn conforming(sql: &str) -> Result<Conforming> {
    let mut reader = Reader {
        characters: sql.chars().collect(),
        at: 0,
        text: String::with_capacity(sql.len()),
        written: 0,
        inserted: Vec::new(),
        warnings: Vec::new(),
    };
    while let Some(next) = reader.peek(0) {
        reader.pass(next)?;
    }
    Ok(Conforming {
        text: reader.text,
        inserted: reader.inserted,
        warnings: reader.warnings,
    })
}

struct Reader {
    characters: Vec<char>,
    at: usize,
    text: String,
    /// Characters of the text.
    written: usize,
    inserted: Vec<usize>,
    warnings: Vec<Report>,
}

/// A string constant.
struct Constant {
    /// Behind its last quote.
    end: usize,
    /// What its first backslash escapes.
    escaped: Option<char>,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.characters.get(self.at + ahead).copied()
    }

    fn copy_to(&mut self, end: usize) {
        let end = end.min(self.characters.len());
        self.text.extend(&self.characters[self.at..end]);
        self.written += end - self.at;
        self.at = end;
    }

    /// Passes what begins with a character.
    fn pass(&mut self, next: char) -> Result<()> {
        match (next, self.peek(1)) {
            ('\'', _) => self.constant()?,
            ('"', _) => self.copy_to(self.quoted(self.at, '"')),
            ('-', Some('-')) => self.copy_to(self.find(self.at, |c| c == '\n')),
            ('/', Some('*')) => self.copy_to(self.comment()),
            ('$', _) => self.copy_to(self.dollar_quoted()),
            (c, _) if is_letter(c) => self.word()?,
            _ => self.copy_to(self.at + 1),
        }
        Ok(())
    }

    fn find(&self, from: usize, is: impl Fn(char) -> bool) -> usize {
        let mut rest = self.characters.iter().skip(from);
        let found = rest.position(|c| is(*c));
        found.map_or(self.characters.len(), |found| from + found)
    }

    /// Behind what stands between two quotes; a doubled one only looks like two such.
    fn quoted(&self, start: usize, quote: char) -> usize {
        self.find(start + 1, |c| c == quote) + 1
    }

    fn comment(&self) -> usize {
        let (mut depth, mut at) = (0, self.at);
        loop {
            match (self.characters.get(at), self.characters.get(at + 1)) {
                (Some('/'), Some('*')) => (depth, at) = (depth + 1, at + 2),
                (Some('*'), Some('/')) => (depth, at) = (depth - 1, at + 2),
                (Some(_), _) => at += 1,
                (None, _) => return at,
            }
            if depth == 0 {
                return at;
            }
        }
    }

    /// Behind `$tag$…$tag$`, or a dollar that begins no such.
    fn dollar_quoted(&self) -> usize {
        let end = self.find(self.at + 1, |c| !is_letter(c) && !c.is_ascii_digit());
        let numbered = self.peek(1).is_some_and(|c| c.is_ascii_digit());
        if self.characters.get(end) != Some(&'$') || numbered {
            return self.at + 1;
        }
        let tag = &self.characters[self.at..=end];
        let rest = &self.characters[end + 1..];
        let close = rest.windows(tag.len()).position(|part| part == tag);
        close.map_or(self.characters.len(), |close| end + 1 + close + tag.len())
    }

    /// A word, and the constant that it is the beginning of.
    fn word(&mut self) -> Result<()> {
        let part = |c: char| is_letter(c) || c.is_ascii_digit() || c == '$';
        let end = self.find(self.at, |c| !part(c));
        let letter = match end - self.at {
            1 => self.characters[self.at].to_ascii_lowercase(),
            _ => ' ',
        };
        let behind = |ahead: usize| self.characters.get(end + ahead).copied();
        match (letter, behind(0), behind(1)) {
            ('e', Some('\''), _) => {
                let constant = self.constant_at(end);
                self.copy_to(constant.end);
            }
            ('b' | 'x', Some('\''), _) => self.copy_to(self.quoted(end, '\'')),
            ('n', Some('\''), _) if self.constant_at(end).escaped.is_some() => {
                return Err(unsupported("in a national character string"));
            }
            ('u', Some('&'), Some('\'')) => {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "unsafe use of string constant with Unicode escapes",
                )
                .detail(
                    "String constants with Unicode escapes cannot be used when \
                     standard_conforming_strings is off.",
                )
                .at(self.at + 1));
            }
            _ => self.copy_to(end),
        }
        Ok(())
    }

    /// The constant whose first quote is at a place.
    fn constant_at(&self, start: usize) -> Constant {
        let (mut at, mut escaped) = (start + 1, None);
        while let Some(c) = self.characters.get(at) {
            match (c, self.characters.get(at + 1)) {
                ('\\', next) => {
                    escaped = escaped.or(next.copied());
                    at += 2;
                }
                ('\'', Some('\'')) => at += 2,
                ('\'', _) => break,
                _ => at += 1,
            }
        }
        Constant {
            end: (at + 1).min(self.characters.len()),
            escaped,
        }
    }

    /// A constant without a letter before it.
    fn constant(&mut self) -> Result<()> {
        let Constant { end, escaped } = self.constant_at(self.at);
        if let Some(escaped) = escaped {
            self.warnings.push(warning(escaped, self.at + 1));
            self.inserted.push(self.written);
            self.text.push('E');
            self.written += 1;
        }
        self.copy_to(end);
        // It may go on in another line, which then is of the same kind.
        let next = self.find(end, |c| !c.is_whitespace());
        let goes_on =
            self.characters.get(next) == Some(&'\'') && self.characters[end..next].contains(&'\n');
        if goes_on && (escaped.is_some() || self.constant_at(next).escaped.is_some()) {
            return Err(unsupported("in a string constant of several lines"));
        }
        Ok(())
    }
}

fn is_letter(c: char) -> bool {
    c.is_ascii_alphabetic() || c == '_' || !c.is_ascii()
}

fn unsupported(place: &str) -> Error {
    Error::unsupported(format!(
        "a backslash {place} with standard_conforming_strings = off"
    ))
}

fn warning(escaped: char, position: usize) -> Report {
    let (what, hint) = match escaped {
        '\'' => (
            "\\'",
            "Use '' to write quotes in strings, or use the escape string syntax (E'...').",
        ),
        '\\' => (
            "\\\\",
            "Use the escape string syntax for backslashes, e.g., E'\\\\'.",
        ),
        _ => (
            "escape",
            "Use the escape string syntax for escapes, e.g., E'\\r\\n'.",
        ),
    };
    let mut report = Report::warning(
        SqlState::NONSTANDARD_USE_OF_ESCAPE_CHARACTER,
        format!("nonstandard use of {what} in a string literal"),
    );
    report.error = report.error.hint(hint).at(position);
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_marked() {
        let same = [
            "SELECT 'a', 'it''s', \"a\\b\", E'\\'', $$'\\'$$, $x$ '\\$x$, B'01' -- '\\\n",
            "SELECT 1 /* '\\' /* */ ' */, $1, 'a'\n'b'",
        ];
        for sql in same {
            let read = conforming(sql).unwrap();
            assert_eq!((read.text.as_str(), read.inserted.len()), (sql, 0));
        }
        let read = conforming(r"SELECT 'a\'b', 'c', e'\n', '\\' || x").unwrap();
        assert_eq!(read.text, r"SELECT E'a\'b', 'c', e'\n', E'\\' || x");
        assert_eq!(read.inserted, [7, 28]);
        assert_eq!(read.warnings.len(), 2);
        // Of the x behind it all.
        assert_eq!(original_position(38, &read.inserted), 36);
        assert!(conforming(r"SELECT U&'a'").is_err());
        assert!(conforming("SELECT 'a'\n'\\n'").is_err());
    }
}
