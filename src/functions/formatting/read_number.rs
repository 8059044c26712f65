//! `to_number`: a text read by a template of numbers.

use super::number_template::{Anchor, Template, Token};
use crate::base::{Error, Result, SqlState};
use crate::types::Numeric;

/// The number a text means.
///
/// # Errors
/// `0A000` for patterns that only write, `22P02` where there is no number, `22003` where it has
/// more digits than the template.
pub(super) fn read(template: &Template, text: &str) -> Result<Numeric> {
    let mut reader = Reader {
        template,
        text: text.as_bytes(),
        at: 0,
        sign: None,
        digits: String::new(),
        whole: 0,
        fraction: 0,
        point: false,
    };
    reader.run()?;
    reader.number()
}

struct Reader<'t> {
    template: &'t Template,
    text: &'t [u8],
    at: usize,
    sign: Option<char>,
    /// With the point.
    digits: String,
    /// Digits before and behind the point.
    whole: usize,
    fraction: usize,
    point: bool,
}

impl Reader<'_> {
    fn run(&mut self) -> Result<()> {
        let template = self.template;
        let only_written = match (template.exponent, template.roman) {
            (true, _) => Some("EEEE"),
            (_, true) => Some("RN"),
            _ => None,
        };
        if let Some(name) = only_written {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("\"{name}\" not supported for input"),
            ));
        }
        for token in &template.tokens {
            let Some(next) = self.peek() else { break };
            match *token {
                Token::Digit | Token::Zero | Token::Point => {
                    self.digit(*token != Token::Point);
                    self.at += 1;
                }
                // With FM no comma is looked for.
                Token::Group if next == b',' && !template.fill => self.at += 1,
                Token::Group | Token::Roman(_) => {}
                Token::Minus if next == b'-' => self.take_sign('-'),
                Token::Plus if next == b'+' => self.take_sign('+'),
                Token::Sign if matches!(next, b'+' | b'-') => self.take_sign(char::from(next)),
                Token::Minus | Token::Plus | Token::Sign | Token::Currency => self.skip_other(1),
                // What has a fraction has no ordinal.
                Token::Ordinal(_) if template.point => {}
                Token::Ordinal(_) => self.skip_other(2),
                Token::Text(_) => self.skip(),
            }
        }
        Ok(())
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// One character of the text.
    fn skip(&mut self) {
        self.at += match self.peek() {
            Some(0xf0..) => 4,
            Some(0xe0..) => 3,
            Some(0xc0..) => 2,
            _ => 1,
        };
    }

    /// As many characters, but none that a number is made of.
    fn skip_other(&mut self, count: usize) {
        for _ in 0..count {
            match self.peek() {
                Some(b'0'..=b'9' | b'.' | b',' | b'+' | b'-') | None => break,
                Some(_) => self.skip(),
            }
        }
    }

    fn take_sign(&mut self, sign: char) {
        self.sign = Some(sign);
        self.at += 1;
    }

    /// Reads at a place of a digit or the point, up to the character before the next place.
    fn digit(&mut self, is_digit: bool) {
        if self.peek() == Some(b' ') {
            self.at += 1;
        }
        if self.sign.is_none() && is_digit && self.whole + self.fraction == 0 {
            let anchored = matches!(self.template.anchor, Some(Anchor::Before(_)));
            match self.peek() {
                Some(b'-') => self.take_sign('-'),
                Some(b'+') => self.take_sign('+'),
                Some(b'<') if self.template.brackets && !anchored => self.take_sign('-'),
                _ => {}
            }
        }
        let mut found = false;
        match self.peek() {
            None => return,
            Some(digit @ b'0'..=b'9') => {
                if self.point && self.fraction == self.template.fraction {
                    return;
                }
                self.digits.push(char::from(digit));
                match self.point {
                    true => self.fraction += 1,
                    false => self.whole += 1,
                }
                found = true;
            }
            Some(b'.') if self.template.point && !self.point => {
                self.digits.push('.');
                self.point = true;
                found = true;
            }
            Some(_) => {}
        }
        if self.sign.is_none() && self.whole + self.fraction > 0 {
            self.sign_behind(found);
        }
    }

    /// A sign behind what has been read of the number: where a number is shorter than its template,
    /// it comes before the place of the sign.
    fn sign_behind(&mut self, found: bool) {
        let template = self.template;
        let sign = |byte: Option<&u8>| match byte {
            Some(b'-') => Some('-'),
            Some(b'+') => Some('+'),
            _ => None,
        };
        if template.anchor.is_some() {
            if found && let Some(sign) = sign(self.text.get(self.at + 1)) {
                self.take_sign(sign);
            }
        } else if !found && (template.plus || template.minus) {
            self.sign = sign(self.text.get(self.at));
        }
    }

    fn number(&self) -> Result<Numeric> {
        let digits = self.digits.strip_suffix('.').unwrap_or(&self.digits);
        let text = format!("{}{digits}", self.sign.unwrap_or(' '));
        let number = Numeric::parse(&text).ok_or_else(|| {
            Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("invalid input syntax for type numeric: \"{text}\""),
            )
        })?;
        let room = self.template.whole + self.template.shift;
        let whole = digits.split('.').next().unwrap_or_default();
        if whole.trim_start_matches('0').len() > room {
            return Err(overflow(room, self.fraction));
        }
        if !self.template.shifted {
            return Ok(number);
        }
        let shift = i64::try_from(self.template.shift).unwrap_or(i64::MAX);
        let unit = Numeric::from(10).power(&Numeric::from(-shift))?;
        Ok(number.times(&unit))
    }
}

fn overflow(room: usize, scale: usize) -> Error {
    let bound = match room {
        0 => "1".to_owned(),
        room => format!("10^{room}"),
    };
    Error::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        "numeric field overflow",
    )
    .detail(format!(
        "A field with precision {}, scale {scale} must round to an absolute value less than \
         {bound}.",
        room + scale
    ))
}
