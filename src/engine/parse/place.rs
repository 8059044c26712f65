//! Places in a statement's text.

use sqlparser::tokenizer::Token;

use super::split::{Piece, split};
use crate::base::{Error, Place};

/// An error of a statement with the place it says it is at as a position in the whole query string.
/// The statement's text starts `offset` characters into that.
pub fn locate(error: Error, text: &str, offset: usize) -> Error {
    let found = match &error.fields().place {
        Place::Unknown | Place::Elsewhere => return error,
        Place::At(position) => Some(*position),
        Place::Before(position, token) => {
            find(text, *position, |piece, from| before(piece, from, token))
        }
        Place::After(position, token, pass) => find(text, *position, |piece, from| {
            after(piece, from, token).nth(*pass)
        }),
    };
    match found {
        Some(position) => error.at(position + offset),
        None => error.without_position(),
    }
}

/// Looks for a token from the one at `position` on.
fn find(
    text: &str,
    position: usize,
    search: impl Fn(&Piece, usize) -> Option<usize>,
) -> Option<usize> {
    let piece = split(text).ok()?.into_iter().next()?;
    let from = (0..piece.tokens.len())
        .find(|index| starts(&piece, *index) >= position)
        .unwrap_or(piece.tokens.len());
    search(&piece, from).map(|index| starts(&piece, index))
}

/// Where a token starts, in characters from 1.
fn starts(piece: &Piece, index: usize) -> usize {
    usize::try_from(piece.tokens[index].span.start.column).unwrap_or(0)
}

fn is(piece: &Piece, index: usize, token: &str) -> bool {
    piece.tokens[index]
        .token
        .to_string()
        .eq_ignore_ascii_case(token)
}

fn before(piece: &Piece, from: usize, token: &str) -> Option<usize> {
    (0..from).rev().find(|index| is(piece, *index, token))
}

fn after(piece: &Piece, from: usize, token: &str) -> impl Iterator<Item = usize> {
    // What is closed was opened before.
    let (mut depth, mut base) = (0i32, 0i32);
    (from..piece.tokens.len()).filter(move |index| {
        base = base.min(depth);
        let found = depth == base && is(piece, *index, token);
        match piece.tokens[*index].token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => depth -= 1,
            _ => {}
        }
        found
    })
}

#[cfg(test)]
mod tests {
    use super::locate;
    use crate::base::{Error, Place, SqlState};

    fn position(text: &str, place: Place) -> Option<usize> {
        let error = Error::new(SqlState::UNDEFINED_FUNCTION, "x").or_at(place);
        locate(error, text, 100).position()
    }

    #[test]
    fn tokens_are_found() {
        let text = "select (a - b)[1 - 1] - 'x - y' from t";
        assert_eq!(position(text, Place::At(3)), Some(103));
        // From `b` on the parenthesis closes, the bracket opens and closes.
        assert_eq!(position(text, Place::After(13, "-".into(), 0)), Some(123));
        assert_eq!(position(text, Place::Before(13, "(".into())), Some(108));
        assert_eq!(
            position(text, Place::Before(13, "SELECT".into())),
            Some(101)
        );
        assert_eq!(position(text, Place::After(13, "+".into(), 0)), None);
        assert_eq!(position(text, Place::Unknown), None);
        let text = "select a::b::c";
        assert_eq!(position(text, Place::After(9, "::".into(), 1)), Some(112));
    }
}
