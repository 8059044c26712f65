//! `to_char`, `to_number`, `to_date` and `to_timestamp`: templates, one kind for numbers and one
//! for times, each taken apart once and walked for writing or for reading.

mod number;
mod number_template;
mod read_fields;
mod read_number;
mod read_time;
#[cfg(test)]
mod tests;
mod time;
mod time_fields;
mod time_template;
mod write_number;
mod write_time;

use std::cell::RefCell;
use std::rc::Rc;

use crate::base::Result;
pub(super) use number::LIST as NUMBERS;
pub(super) use time::LIST as TIMES;

/// The last template taken apart: most columns are written by one.
struct Last<T>(RefCell<Option<(String, Rc<T>)>>);

impl<T> Last<T> {
    /// Longer templates are taken apart for each row, rather than kept.
    const LONGEST: usize = 256;

    const fn new() -> Self {
        Self(RefCell::new(None))
    }

    fn parsed(&self, text: &str, parse: impl FnOnce(&str) -> Result<T>) -> Result<Rc<T>> {
        if let Some((last, parsed)) = &*self.0.borrow()
            && last == text
        {
            return Ok(parsed.clone());
        }
        let parsed = Rc::new(parse(text)?);
        if text.len() <= Self::LONGEST {
            *self.0.borrow_mut() = Some((text.to_owned(), parsed.clone()));
        }
        Ok(parsed)
    }
}

/// Passes what a template has besides patterns to `push`, with whether it is in quotes: one
/// character, or all of a quoted text. Returns what follows.
fn literal(rest: &str, first: char, mut push: impl FnMut(char, bool)) -> &str {
    if first != '"' {
        // A backslash only keeps a quote from opening.
        let kept = rest.strip_prefix('\\').filter(|rest| rest.starts_with('"'));
        let (c, after) = match kept {
            Some(quote) => ('"', &quote[1..]),
            None => (first, &rest[first.len_utf8()..]),
        };
        push(c, false);
        return after;
    }
    let mut chars = rest[1..].chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => push(chars.next().unwrap_or('\\'), true),
            c => push(c, true),
        }
    }
    chars.as_str()
}

/// `st`, `nd`, `rd` or `th`, by a number's last digits.
fn ordinal(number: &str, upper: bool) -> &'static str {
    let digits = number.as_bytes();
    let teen = digits.len() > 1 && digits[digits.len() - 2] == b'1';
    let (small, capital) = match digits.last() {
        Some(b'1') if !teen => ("st", "ST"),
        Some(b'2') if !teen => ("nd", "ND"),
        Some(b'3') if !teen => ("rd", "RD"),
        _ => ("th", "TH"),
    };
    if upper { capital } else { small }
}
