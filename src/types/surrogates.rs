//! Characters written as code points, of which those beyond 16 bits may be written as two halves,
//! as in UTF-16.

/// The first half of a character, while the second must follow.
#[derive(Debug, Default)]
pub struct Halves(Option<u32>);

/// Why a code point makes no character.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Misread {
    /// It is half of one, without the other half.
    Half,
    /// There is none of that number, or PostgreSQL has none.
    Number,
}

impl Halves {
    /// The character that a code point is, or completes; `None` for a first half.
    ///
    /// # Errors
    /// Why it is none.
    pub fn take(&mut self, code: u32) -> Result<Option<char>, Misread> {
        let code = match (self.0.take(), code) {
            (None, 0xd800..=0xdbff) => {
                self.0 = Some(code);
                return Ok(None);
            }
            (Some(high), 0xdc00..=0xdfff) => 0x10000 + ((high - 0xd800) << 10) + (code - 0xdc00),
            (Some(_), _) | (None, 0xdc00..=0xdfff) => return Err(Misread::Half),
            (None, code) => code,
        };
        let character = char::from_u32(code).filter(|character| *character != '\0');
        character.map(Some).ok_or(Misread::Number)
    }

    /// Whether a second half must follow.
    pub fn is_open(&self) -> bool {
        self.0.is_some()
    }
}
