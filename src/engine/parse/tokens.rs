//! Text to tokens, each with where it begins and ends.
//!
//! sqlparser takes the character behind `&>` for a part of that operator. Where that is no blank,
//! one is put there first. It gives up some strings with escapes: others are put in their places,
//! and [`super::escapes`] reads them.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::escapes;
use super::grammar::GRAMMAR;
use super::split::unreadable;
use crate::base::{Error, Result};

/// How many blanks are put in at most: the text is read again for each.
const BLANKS_MAX: usize = 30;
/// How many characters are read at most because of strings that are read here.
const AGAIN_MAX: usize = 64 << 20;
/// The operator, and how many characters it has.
const OVER_RIGHT: (&str, usize) = ("&>", 2);

/// A token, and the characters of the text before it and before what follows it.
pub(super) type Placed = (TokenWithSpan, usize, usize);

/// The tokens of a query string.
///
/// # Errors
/// `42601` for a string or comment that does not end, `0A000` for too many operators as above.
pub(super) fn tokens(sql: &str) -> Result<Vec<Placed>> {
    let (given_up, error) = match read(sql, sql) {
        Ok(tokens) => return Ok(tokens),
        Err((at, error)) => (at, error),
    };
    let mut characters: Vec<char> = sql.chars().collect();
    let (mut next, mut failed) = (given_up, error);
    // Where the strings are that say something else than they do in the text.
    let mut strings: Vec<(usize, usize)> = Vec::new();
    loop {
        let known = strings.iter().any(|(start, _)| *start == next);
        let end = escapes::end(&characters, next).filter(|_| !known);
        let Some(end) = end else {
            return Err(failed);
        };
        if strings.len() * characters.len() > AGAIN_MAX {
            let what = "so many strings with escapes for bytes of characters";
            return Err(Error::unsupported(what));
        }
        characters[next + 2..end - 1].fill('x');
        strings.push((next, end));
        match read(sql, &characters.iter().collect::<String>()) {
            Ok(mut tokens) => {
                for (token, start, end) in &mut tokens {
                    if strings.contains(&(*start, *end)) {
                        let says = escapes::read(sql, *start, *end)?;
                        token.token = Token::EscapedStringLiteral(says);
                    }
                }
                return Ok(tokens);
            }
            Err((at, error)) => (next, failed) = (at, error),
        }
    }
}

/// The tokens of a text, which has as many characters as `sql`; with an error where it is.
fn read(sql: &str, text: &str) -> Result<Vec<Placed>, (usize, Error)> {
    let mut blanks: Vec<usize> = Vec::new();
    if !text.contains(OVER_RIGHT.0) {
        return placed(sql, text, &blanks).map_err(|(_, at, error)| (at, error));
    }
    let mut spaced: Vec<char> = text.chars().collect();
    loop {
        let read = placed(sql, &spaced.iter().collect::<String>(), &blanks);
        let seen = match &read {
            Ok(tokens) | Err((tokens, ..)) => tokens,
        };
        let characters = |at: usize| at + blanks.iter().filter(|blank| **blank < at).count();
        let swallowed = seen.iter().find_map(|(token, start, end)| {
            let took = token.token == Token::AmpersandRightAngleBracket;
            let at = start + OVER_RIGHT.1;
            let next = || spaced.get(characters(*start) + OVER_RIGHT.1);
            (took && *end > at && next().is_some_and(|next| !next.is_whitespace())).then_some(at)
        });
        let Some(at) = swallowed else {
            return read.map_err(|(_, at, error)| (at, error));
        };
        if blanks.len() == BLANKS_MAX {
            let what = format!("so many {} without a blank behind them", OVER_RIGHT.0);
            return Err((spaced.len(), Error::unsupported(what)));
        }
        spaced.insert(characters(at).min(spaced.len()), ' ');
        blanks.push(at);
    }
}

/// The tokens of a text, which is `sql` with a blank put in before each of some characters, and
/// where they are in `sql`; with an error the tokens before it, and where it is.
fn placed(
    sql: &str,
    text: &str,
    blanks: &[usize],
) -> Result<Vec<Placed>, (Vec<Placed>, usize, Error)> {
    let lines = Lines::new(text);
    let original = |at: usize| {
        let mut before = 0;
        for blank in blanks {
            // Those before have moved this one.
            if blank + before < at {
                before += 1;
            }
        }
        at - before
    };
    let mut tokens = Vec::new();
    let read = Tokenizer::new(&GRAMMAR, text).tokenize_with_location_into_buf(&mut tokens);
    let tokens = tokens
        .into_iter()
        .map(|token| {
            let start = lines.character(token.span.start);
            let end = lines.character(token.span.end);
            (token, original(start), original(end))
        })
        .collect();
    match read {
        Ok(()) => Ok(tokens),
        Err(error) => {
            let at = original(lines.character(error.location));
            Err((tokens, at, unreadable(sql, at, &error.message)))
        }
    }
}

/// Where lines start, to turn line and column into one number.
struct Lines {
    starts: Vec<usize>,
}

impl Lines {
    fn new(sql: &str) -> Self {
        let mut starts = vec![0];
        for (index, character) in sql.chars().enumerate() {
            if character == '\n' {
                starts.push(index + 1);
            }
        }
        Self { starts }
    }

    /// Characters before a location.
    fn character(&self, at: Location) -> usize {
        let line = usize::try_from(at.line.saturating_sub(1)).unwrap_or(0);
        let column = usize::try_from(at.column.saturating_sub(1)).unwrap_or(0);
        let start = self.starts.get(line).or(self.starts.last());
        start.copied().unwrap_or(0) + column
    }
}
