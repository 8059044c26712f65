//! `tsvector`: words in order, each with where it stands in a document.

use std::fmt;

use super::token::{Tokens, quoted};
use super::{POSITION_MAX, POSITIONS_MAX, TEXT_BYTES_MAX, WORD_BYTES_MAX, limit};
use crate::base::Result;

/// Where a word stands, and how much it counts there: 0 (D) to 3 (A).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Position {
    /// From 1.
    pub place: u16,
    /// 0 to 3.
    pub weight: u8,
}

impl Position {
    /// As it is sent.
    pub const fn word(self) -> u16 {
        (self.weight as u16) << 14 | self.place & POSITION_MAX
    }

    /// What was sent.
    pub const fn of_word(word: u16) -> Self {
        Self {
            place: word & POSITION_MAX,
            weight: (word >> 14) as u8,
        }
    }

    /// The letter of its weight.
    pub const fn letter(self) -> char {
        match self.weight {
            3 => 'A',
            2 => 'B',
            1 => 'C',
            _ => 'D',
        }
    }
}

/// The weight a letter means.
pub const fn weight_of(letter: u8) -> Option<u8> {
    match letter {
        b'A' | b'a' => Some(3),
        b'B' | b'b' => Some(2),
        b'C' | b'c' => Some(1),
        b'D' | b'd' => Some(0),
        _ => None,
    }
}

/// A word and where it stands; nowhere is known if there are no positions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexeme {
    /// The word.
    pub word: String,
    /// In order, each place once.
    pub positions: Vec<Position>,
}

/// Words in order, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Vector {
    /// The words.
    pub lexemes: Vec<Lexeme>,
}

impl Vector {
    /// Words as they come, put in order.
    ///
    /// # Errors
    /// `54000`
    pub fn of(mut lexemes: Vec<Lexeme>) -> Result<Self> {
        lexemes.sort_by(|a, b| a.word.cmp(&b.word));
        let mut unique: Vec<Lexeme> = Vec::with_capacity(lexemes.len());
        for lexeme in lexemes {
            match unique.last_mut() {
                Some(last) if last.word == lexeme.word => {
                    last.positions.extend(lexeme.positions);
                }
                _ => unique.push(lexeme),
            }
        }
        for lexeme in &mut unique {
            each_once(&mut lexeme.positions);
        }
        let vector = Self { lexemes: unique };
        vector.bounded()?;
        Ok(vector)
    }

    /// The same, if it is not too large.
    ///
    /// # Errors
    /// `54000`
    pub fn bounded(&self) -> Result<()> {
        let bytes = self.text_bytes();
        match bytes > TEXT_BYTES_MAX {
            true => Err(limit(format!(
                "string is too long for tsvector ({bytes} bytes, max {TEXT_BYTES_MAX} bytes)"
            ))),
            false => Ok(()),
        }
    }

    /// Reads a value's text.
    ///
    /// # Errors
    /// `42601`, `54000`
    pub fn parse(text: &str) -> Result<Self> {
        let mut tokens = Tokens::of_vector(text);
        let mut lexemes = Vec::new();
        let mut bytes = 0;
        while let Some(token) = tokens.next()? {
            let length = token.word.len();
            if length > WORD_BYTES_MAX {
                return Err(limit(format!(
                    "word is too long ({length} bytes, max {WORD_BYTES_MAX} bytes)"
                )));
            }
            if bytes > TEXT_BYTES_MAX {
                return Err(limit(format!(
                    "string is too long for tsvector ({bytes} bytes, max {TEXT_BYTES_MAX} bytes)"
                )));
            }
            bytes += length;
            lexemes.push(Lexeme {
                word: token.word,
                positions: token.positions,
            });
        }
        Self::of(lexemes)
    }

    /// Bytes that PostgreSQL keeps words and positions in.
    fn text_bytes(&self) -> usize {
        let mut bytes = 0_usize;
        for lexeme in &self.lexemes {
            bytes += lexeme.word.len();
            if !lexeme.positions.is_empty() {
                bytes = bytes.next_multiple_of(2) + 2 + 2 * lexeme.positions.len();
            }
        }
        bytes
    }

    /// The bytes a value travels as. PostgreSQL orders by size, then by how many words there are,
    /// then word by word: such with positions first, more of them before less, later ones before
    /// earlier.
    pub fn pack(&self) -> Vec<u8> {
        let count = self.lexemes.len();
        let size = 8 + 4 * count + self.text_bytes();
        let mut code = Vec::with_capacity(size + count);
        for number in [size, count] {
            code.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
        }
        for Lexeme { word, positions } in &self.lexemes {
            code.push(positions.is_empty().into());
            code.extend_from_slice(word.as_bytes());
            code.push(0);
            if !positions.is_empty() {
                let count = u16::try_from(positions.len()).unwrap_or(u16::MAX);
                code.extend_from_slice(&(!count).to_be_bytes());
                for position in positions {
                    let both = position.place << 2 | u16::from(position.weight);
                    code.extend_from_slice(&(!both).to_be_bytes());
                }
            }
        }
        code
    }

    /// The value that travels as these bytes.
    pub fn unpack(code: &[u8]) -> Self {
        let mut lexemes = Vec::new();
        let mut rest = code.get(8..).unwrap_or_default();
        while let Some((bare, after)) = rest.split_first() {
            let end = memchr::memchr(0, after).unwrap_or(after.len());
            let word = String::from_utf8_lossy(&after[..end]).into_owned();
            rest = after.get(end + 1..).unwrap_or_default();
            let mut positions = Vec::new();
            if *bare == 0 {
                let mut next = || {
                    let (word, after) = rest.split_first_chunk::<2>()?;
                    rest = after;
                    Some(!u16::from_be_bytes(*word))
                };
                let count = next().unwrap_or(0);
                positions.extend((0..count).map_while(|_| {
                    next().map(|both| Position {
                        place: both >> 2,
                        weight: (both & 3) as u8,
                    })
                }));
            }
            lexemes.push(Lexeme { word, positions });
        }
        Self { lexemes }
    }

    /// The place of a word.
    pub fn find(&self, word: &str) -> Result<usize, usize> {
        self.lexemes
            .binary_search_by(|lexeme| lexeme.word.as_str().cmp(word))
    }
}

/// Positions in order, each once with the greatest of its weights.
pub(super) fn each_once(positions: &mut Vec<Position>) {
    positions.sort_by_key(|position| position.place);
    let mut once: Vec<Position> = Vec::with_capacity(positions.len());
    for position in positions.drain(..) {
        match once.last_mut() {
            Some(last) if last.place == position.place => {
                last.weight = last.weight.max(position.weight);
            }
            None => once.push(position),
            Some(_) => {
                once.push(position);
                if once.len() >= POSITIONS_MAX || position.place == POSITION_MAX {
                    break;
                }
            }
        }
    }
    *positions = once;
}

impl fmt::Display for Vector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Lexeme { word, positions }) in self.lexemes.iter().enumerate() {
            if at > 0 {
                f.write_str(" ")?;
            }
            f.write_str(&quoted(word))?;
            for (at, position) in positions.iter().enumerate() {
                f.write_str(if at == 0 { ":" } else { "," })?;
                write!(f, "{}", position.place)?;
                if position.weight > 0 {
                    write!(f, "{}", position.letter())?;
                }
            }
        }
        Ok(())
    }
}
