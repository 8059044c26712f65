//! Templates of numbers (PostgreSQL manual, table 9.28), taken apart and measured: the same for
//! writing and for reading.

use crate::base::{Error, Result, SqlState};

/// What stands at one place of a template.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Token {
    /// `9`
    Digit,
    /// `0`
    Zero,
    /// `.` and `D`
    Point,
    /// `,` and `G`
    Group,
    /// `L`: a blank, as no currency is set.
    Currency,
    /// `MI`
    Minus,
    /// `PL`
    Plus,
    /// `SG`
    Sign,
    /// `TH`; true for capitals.
    Ordinal(bool),
    /// `RN`; true for capitals.
    Roman(bool),
    /// Any other character.
    Text(char),
}

/// Where the sign of `S` stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Anchor {
    /// Before the first digit; so many places of digits were before the `S`.
    Before(usize),
    /// Behind the last digit.
    Behind,
}

/// A template, measured.
#[derive(Debug, Default)]
pub(super) struct Template {
    pub(super) tokens: Vec<Token>,
    /// Places of digits before the point, but for those behind `V`.
    pub(super) whole: usize,
    /// Places of digits behind the point.
    pub(super) fraction: usize,
    /// Places of digits behind `V`: how far the number is shifted.
    pub(super) shift: usize,
    /// The first place that is a `0`.
    pub(super) zero_from: Option<usize>,
    /// How many places there are up to the last `0`.
    pub(super) zero_to: usize,
    /// `S`
    pub(super) anchor: Option<Anchor>,
    /// `FM`
    pub(super) fill: bool,
    /// Whether there is a point.
    pub(super) point: bool,
    /// `PR`
    pub(super) brackets: bool,
    /// `MI` or `SG`
    pub(super) minus: bool,
    /// `PL` or `SG`
    pub(super) plus: bool,
    /// `RN`
    pub(super) roman: bool,
    /// `EEEE`
    pub(super) exponent: bool,
    /// `V`
    pub(super) shifted: bool,
    /// `B`
    blank: bool,
}

/// What a keyword stands for. Some do nothing but to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Shown(Token),
    Blank,
    Exponent,
    Fill,
    Brackets,
    Anchor,
    Shift,
    Nothing,
}

/// Keywords, in capitals; each may be all in lower case too. Longer ones first among those that
/// begin alike.
const KEYS: &[(&str, Key)] = &[
    (",", Key::Shown(Token::Group)),
    (".", Key::Shown(Token::Point)),
    ("0", Key::Shown(Token::Zero)),
    ("9", Key::Shown(Token::Digit)),
    ("B", Key::Blank),
    ("C", Key::Nothing),
    ("D", Key::Shown(Token::Point)),
    ("EEEE", Key::Exponent),
    ("FM", Key::Fill),
    ("G", Key::Shown(Token::Group)),
    ("L", Key::Shown(Token::Currency)),
    ("MI", Key::Shown(Token::Minus)),
    ("PL", Key::Shown(Token::Plus)),
    ("PR", Key::Brackets),
    ("RN", Key::Shown(Token::Roman(true))),
    ("SG", Key::Shown(Token::Sign)),
    ("SP", Key::Nothing),
    ("S", Key::Anchor),
    ("TH", Key::Shown(Token::Ordinal(true))),
    ("V", Key::Shift),
];

/// The keyword a text begins with, how long it is, and whether it is in capitals.
fn key(text: &str) -> Option<(Key, usize)> {
    KEYS.iter().find_map(|(name, key)| {
        let spelled = text.get(..name.len())?;
        let lower = !spelled.bytes().any(|b| b.is_ascii_uppercase());
        let upper = !spelled.bytes().any(|b| b.is_ascii_lowercase());
        if !(lower || upper) || !spelled.eq_ignore_ascii_case(name) {
            return None;
        }
        let key = match key {
            Key::Shown(Token::Ordinal(_)) => Key::Shown(Token::Ordinal(upper)),
            Key::Shown(Token::Roman(_)) => Key::Shown(Token::Roman(upper)),
            key => *key,
        };
        Some((key, name.len()))
    })
}

/// Takes a template apart.
///
/// # Errors
/// `42601` for patterns that do not go together.
pub(super) fn parse(text: &str) -> Result<Template> {
    let mut template = Template::default();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some((key, length)) = key(rest) {
            template.take(key)?;
            rest = &rest[length..];
            continue;
        }
        rest = super::literal(rest, first, |c, _| template.tokens.push(Token::Text(c)));
    }
    Ok(template)
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, message)
}

impl Template {
    fn take(&mut self, key: Key) -> Result<()> {
        if self.exponent && key != Key::Exponent {
            return Err(wrong("\"EEEE\" must be the last pattern used"));
        }
        match key {
            Key::Shown(token) => {
                self.measure(token)?;
                self.tokens.push(token);
            }
            Key::Blank => {
                self.blank |= self.whole == 0 && self.fraction == 0 && self.zero_from.is_none();
            }
            Key::Exponent if self.exponent => {
                return Err(wrong("cannot use \"EEEE\" twice"));
            }
            Key::Exponent => {
                let signed = self.anchor.is_some() || self.brackets || self.minus || self.plus;
                if signed || self.blank || self.fill || self.roman || self.shifted {
                    return Err(wrong("\"EEEE\" is incompatible with other formats").detail(
                        "\"EEEE\" may only be used together with digit and decimal point patterns.",
                    ));
                }
                self.exponent = true;
            }
            Key::Fill => self.fill = true,
            Key::Brackets => {
                if self.anchor.is_some() || self.plus || self.minus {
                    return Err(wrong(
                        "cannot use \"PR\" and \"S\"/\"PL\"/\"MI\"/\"SG\" together",
                    ));
                }
                self.brackets = true;
            }
            Key::Anchor if self.anchor.is_some() => {
                return Err(wrong("cannot use \"S\" twice"));
            }
            Key::Anchor => {
                if self.plus || self.minus || self.brackets {
                    return Err(wrong(
                        "cannot use \"S\" and \"PL\"/\"MI\"/\"SG\"/\"PR\" together",
                    ));
                }
                self.anchor = Some(match self.point {
                    true => Anchor::Behind,
                    false => Anchor::Before(self.whole),
                });
            }
            Key::Shift if self.point => return Err(shift_and_point()),
            Key::Shift => self.shifted = true,
            Key::Nothing => {}
        }
        Ok(())
    }

    fn measure(&mut self, token: Token) -> Result<()> {
        let unanchored = |name: &str| match self.anchor {
            Some(_) => Err(wrong(&format!("cannot use \"S\" and \"{name}\" together"))),
            None => Ok(()),
        };
        match token {
            Token::Digit | Token::Zero if self.brackets => {
                let digit = if token == Token::Zero { '0' } else { '9' };
                return Err(wrong(&format!("\"{digit}\" must be ahead of \"PR\"")));
            }
            Token::Digit if self.shifted => self.shift += 1,
            Token::Digit if self.point => self.fraction += 1,
            Token::Digit => self.whole += 1,
            Token::Zero => {
                if self.point {
                    self.fraction += 1;
                } else {
                    self.zero_from.get_or_insert(self.whole);
                    self.whole += 1;
                }
                self.zero_to = self.whole + self.fraction;
            }
            Token::Point if self.point => return Err(wrong("multiple decimal points")),
            Token::Point if self.shifted => return Err(shift_and_point()),
            Token::Point => self.point = true,
            Token::Minus => {
                unanchored("MI")?;
                self.minus = true;
            }
            Token::Plus => {
                unanchored("PL")?;
                self.plus = true;
            }
            Token::Sign => {
                unanchored("SG")?;
                (self.minus, self.plus) = (true, true);
            }
            Token::Roman(_) => self.roman = true,
            Token::Group | Token::Currency | Token::Ordinal(_) | Token::Text(_) => {}
        }
        Ok(())
    }
}

fn shift_and_point() -> Error {
    wrong("cannot use \"V\" and decimal point together")
}
