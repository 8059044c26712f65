//! What makes documents of others.

use super::vector::Position;
use super::{Lexeme, POSITION_MAX, POSITIONS_MAX, Vector, limited};
use crate::base::Result;

impl Vector {
    /// The words alone.
    pub fn stripped(mut self) -> Self {
        for lexeme in &mut self.lexemes {
            lexeme.positions.clear();
        }
        self
    }

    /// With one weight, of some words only if any are given.
    pub fn weighted(mut self, weight: u8, words: Option<&[String]>) -> Self {
        for lexeme in &mut self.lexemes {
            if words.is_none_or(|words| words.contains(&lexeme.word)) {
                for position in &mut lexeme.positions {
                    position.weight = weight;
                }
            }
        }
        self
    }

    /// Without some words.
    pub fn without(mut self, words: &[String]) -> Self {
        self.lexemes.retain(|lexeme| !words.contains(&lexeme.word));
        self
    }

    /// What stands somewhere with one of the weights.
    pub fn filtered(mut self, weights: u8) -> Self {
        for lexeme in &mut self.lexemes {
            let positions = &mut lexeme.positions;
            positions.retain(|position| weights >> position.weight & 1 == 1);
        }
        self.lexemes.retain(|lexeme| !lexeme.positions.is_empty());
        self
    }

    /// Two documents, one behind the other.
    ///
    /// # Errors
    /// `54000`
    pub fn followed_by(self, other: Self) -> Result<Self> {
        let places = self.lexemes.iter().flat_map(|lexeme| &lexeme.positions);
        let last = places.map(|position| position.place).max().unwrap_or(0);
        let mut lexemes = Vec::with_capacity(self.lexemes.len() + other.lexemes.len());
        let mut behind = other.lexemes.into_iter().peekable();
        for mut lexeme in self.lexemes {
            while let Some(next) = behind.next_if(|next| next.word < lexeme.word) {
                lexemes.push(moved(next, last));
            }
            if let Some(next) = behind.next_if(|next| next.word == lexeme.word) {
                append(&mut lexeme.positions, &next.positions, last);
            }
            lexemes.push(lexeme);
        }
        lexemes.extend(behind.map(|next| moved(next, last)));
        let vector = Self { lexemes };
        vector.bounded()?;
        Ok(vector)
    }
}

fn moved(lexeme: Lexeme, by: u16) -> Lexeme {
    let mut positions = Vec::with_capacity(lexeme.positions.len());
    append(&mut positions, &lexeme.positions, by);
    Lexeme {
        positions,
        ..lexeme
    }
}

/// Adds positions, moved, as far as there is room for them.
fn append(positions: &mut Vec<Position>, more: &[Position], by: u16) {
    for position in more {
        let full = positions.len() >= POSITIONS_MAX;
        if full
            || positions
                .last()
                .is_some_and(|last| last.place == POSITION_MAX)
        {
            break;
        }
        positions.push(Position {
            place: limited(i64::from(position.place) + i64::from(by)),
            weight: position.weight,
        });
    }
}
