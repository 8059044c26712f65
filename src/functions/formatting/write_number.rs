//! `to_char` of numbers: a number's digits laid out by a template.

use super::number_template::{Anchor, Template, Token};
use super::ordinal;
use crate::base::{Error, Result, SqlState};

/// A number to be laid out, with as many digits behind the point as the template shows.
#[derive(Debug)]
pub(super) struct Digits {
    pub(super) negative: bool,
    /// `123.45`, or a word for a number that is none.
    pub(super) text: String,
    /// How many digits the text has behind the point.
    pub(super) fraction: usize,
}

impl Digits {
    /// A number from its text.
    pub(super) fn new(text: &str, fraction: usize) -> Self {
        let unsigned = text.strip_prefix('-');
        Self {
            negative: unsigned.is_some(),
            text: unsigned.unwrap_or(text).to_owned(),
            fraction,
        }
    }
}

/// What stands for a Roman numeral that cannot be.
const NO_NUMERAL: &str = "###############";

/// Roman numerals, from the greatest.
const NUMERALS: [(i32, &str); 13] = [
    (1000, "M"),
    (900, "CM"),
    (500, "D"),
    (400, "CD"),
    (100, "C"),
    (90, "XC"),
    (50, "L"),
    (40, "XL"),
    (10, "X"),
    (9, "IX"),
    (5, "V"),
    (4, "IV"),
    (1, "I"),
];

fn numeral(number: i32) -> String {
    if !(1..=3999).contains(&number) {
        return NO_NUMERAL.to_owned();
    }
    let mut left = number;
    let mut out = String::new();
    for (value, letters) in NUMERALS {
        while left >= value {
            left -= value;
            out.push_str(letters);
        }
    }
    out
}

/// A whole number as Roman numerals, among whatever else the template has.
pub(super) fn roman(template: &Template, number: i32) -> String {
    let numeral = numeral(number);
    let mut out = String::new();
    for token in &template.tokens {
        match *token {
            Token::Roman(upper) => {
                let cased = match upper {
                    true => numeral.clone(),
                    false => numeral.to_lowercase(),
                };
                let width = if template.fill { 0 } else { NO_NUMERAL.len() };
                out.push_str(&format!("{cased:>width$}"));
            }
            Token::Group if !template.fill => out.push(' '),
            Token::Currency => out.push(' '),
            Token::Minus | Token::Plus if !template.fill => out.push(' '),
            // A numeral has no sign, and what has none ends here.
            Token::Sign => break,
            Token::Text(c) => out.push(c),
            _ => {}
        }
    }
    out
}

/// What `EEEE` shows of infinity and NaN.
pub(super) fn no_exponent(template: &Template) -> String {
    let places = template.whole + template.fraction + 6;
    let mark = |place: usize| match place {
        0 => ' ',
        place if place == template.whole + 1 => '.',
        _ => '#',
    };
    (0..places).map(mark).collect()
}

/// The number by the template; `#` for each place where it has more digits than the template.
///
/// # Errors
/// `22P02` for the ordinal of what is no number.
pub(super) fn write(template: &Template, digits: Digits) -> Result<String> {
    let places = template.whole + template.shift;
    let whole = digits.text.find('.').unwrap_or(digits.text.len());
    let text = match whole > places {
        true => format!("{}.{}", "#".repeat(places), "#".repeat(digits.fraction)),
        false => digits.text,
    };
    // With FM, digits behind the last one that matters are left out: the last that is not zero, or
    // stands where the template has a 0.
    let blanks = places.saturating_sub(whole);
    let point = text.find('.').filter(|_| template.fill && template.point);
    let last = point.map(|point| {
        let end = text.trim_end_matches('0').len() - 1;
        let kept = match template.zero_to > blanks {
            true => (text.len() - 1).min(template.zero_to - blanks),
            false => 0,
        };
        end.max(point).max(kept)
    });
    let mut written = Layout {
        template,
        negative: digits.negative,
        text: text.as_bytes(),
        last,
        blanks,
        anchor: None,
        brackets: template.brackets,
        fraction: digits.fraction,
        count: places + digits.fraction,
        next: 0,
        place: 0,
        begun: false,
        signed: false,
        out: String::new(),
    };
    written.place_sign();
    written.run()?;
    Ok(written.out)
}

struct Layout<'t> {
    template: &'t Template,
    negative: bool,
    text: &'t [u8],
    /// With FM: the last character of the number that is shown wherever a 9 stands.
    last: Option<usize>,
    /// How many places are before the first digit.
    blanks: usize,
    /// Where the sign stands that belongs to `S`.
    anchor: Option<Anchor>,
    brackets: bool,
    fraction: usize,
    /// How many places there are, with one for the sign where it needs one; the last is one less.
    count: usize,
    /// The next character of the number.
    next: usize,
    /// The next place of the template.
    place: usize,
    /// Whether the last place has a digit.
    begun: bool,
    /// Whether the sign is done with.
    signed: bool,
    out: String,
}

impl Layout<'_> {
    fn place_sign(&mut self) {
        let template = self.template;
        self.anchor = template.anchor;
        if template.plus || template.minus {
            self.signed = template.minus;
        } else {
            if template.fill && !self.negative {
                self.brackets = false;
            }
            self.signed = template.fill && !self.negative && template.anchor.is_none();
            if self.anchor == Some(Anchor::Before(template.whole + template.shift)) {
                self.anchor = Some(Anchor::Behind);
            }
        }
        if !self.signed && self.blanks == 0 {
            self.count += 1;
        }
    }

    fn run(&mut self) -> Result<()> {
        let template = self.template;
        for token in &template.tokens {
            match *token {
                Token::Digit | Token::Zero | Token::Point => {
                    if !self.digit(*token == Token::Zero) {
                        break;
                    }
                }
                Token::Group if self.begun => self.out.push(','),
                Token::Group => self.blank(),
                Token::Currency => self.out.push(' '),
                Token::Minus if self.negative => self.out.push('-'),
                Token::Plus if !self.negative => self.out.push('+'),
                Token::Minus | Token::Plus => self.blank(),
                Token::Sign => self.out.push(if self.negative { '-' } else { '+' }),
                Token::Ordinal(upper) => self.ordinal(upper)?,
                Token::Roman(_) => {}
                Token::Text(c) => self.out.push(c),
            }
        }
        Ok(())
    }

    fn blank(&mut self) {
        if !self.template.fill {
            self.out.push(' ');
        }
    }

    fn ordinal(&mut self, upper: bool) -> Result<()> {
        let overflow = self.text.first() == Some(&b'#');
        if overflow || self.negative || self.template.point {
            return Ok(());
        }
        let text = std::str::from_utf8(self.text).unwrap_or_default();
        if !text.ends_with(|c: char| c.is_ascii_digit()) {
            return Err(Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("\"{text}\" is not a number"),
            ));
        }
        self.out.push_str(ordinal(text, upper));
        Ok(())
    }

    /// Whether the next digit is a zero before the point that need not be shown, as in `.5`.
    fn is_bare_zero(&self) -> bool {
        self.template.zero_from.is_none()
            && self.next == 0
            && self.text.first() == Some(&b'0')
            && self.fraction != 0
    }

    /// Whether FM leaves nothing behind the point.
    fn ends_at_point(&self) -> bool {
        self.last
            .is_some_and(|last| self.text.get(last) == Some(&b'.'))
    }

    /// Writes what is at one place of a digit or the point; false if the number has no more digits
    /// though the template has, where PostgreSQL's text ends.
    fn digit(&mut self, zero: bool) -> bool {
        self.begun = false;
        let zero_from = self.template.zero_from.unwrap_or(usize::MAX);
        let first = self.place >= self.blanks || zero_from == self.place;
        if !self.signed && first && (!self.is_bare_zero() || self.ends_at_point()) {
            self.sign();
        }
        if self.place < self.blanks {
            if zero_from <= self.place {
                self.out.push('0');
                self.begun = true;
            } else {
                self.blank();
            }
        } else {
            match self.text.get(self.next) {
                Some(b'.') => self.out.push('.'),
                _ if !zero && self.last.is_some_and(|last| self.next > last) => {}
                _ if self.is_bare_zero() => {
                    self.blank();
                    if self.template.fill && self.ends_at_point() {
                        self.out.push('0');
                    }
                }
                Some(digit) => {
                    self.out.push(char::from(*digit));
                    self.begun = true;
                }
                None => return false,
            }
            self.next = (self.next + 1).min(self.text.len());
        }
        let end = match self.last == Some(self.next) {
            true => self.place,
            false => {
                let count = self.count + usize::from(self.blanks > 0);
                (count + usize::from(self.template.point)).wrapping_sub(1)
            }
        };
        if self.place + 1 == end {
            if self.signed && self.brackets {
                self.out.push(if self.negative { '>' } else { ' ' });
            } else if self.anchor == Some(Anchor::Behind) {
                self.out.push(if self.negative { '-' } else { '+' });
            }
        }
        self.place += 1;
        true
    }

    /// The sign before the first digit, unless it comes behind the last.
    fn sign(&mut self) {
        match self.anchor {
            Some(Anchor::Before(_)) => self.out.push(if self.negative { '-' } else { '+' }),
            // Each place asks again.
            Some(Anchor::Behind) => return,
            None if self.brackets => self.out.push(if self.negative { '<' } else { ' ' }),
            None if self.negative => self.out.push('-'),
            None => self.blank(),
        }
        self.signed = true;
    }
}
