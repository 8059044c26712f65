//! Text to tokens, each with where it begins and ends.
//!
//! sqlparser takes the character behind `&>` for a part of that operator. Where that is no blank,
//! one is put there first.

use sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

use super::grammar::GRAMMAR;
use super::split::unreadable;
use crate::base::{Error, Result};

/// How many blanks are put in at most: the text is read again for each.
const BLANKS_MAX: usize = 30;
/// The operator, and how many characters it has.
const OVER_RIGHT: (&str, usize) = ("&>", 2);

/// A token, and the characters of the text before it and before what follows it.
pub(super) type Placed = (TokenWithSpan, usize, usize);

/// The tokens of a query string.
///
/// # Errors
/// `42601` for a string or comment that does not end, `0A000` for too many operators as above.
pub(super) fn tokens(sql: &str) -> Result<Vec<Placed>> {
    let mut blanks: Vec<usize> = Vec::new();
    if !sql.contains(OVER_RIGHT.0) {
        return placed(sql, sql, &blanks).map_err(|(_, error)| error);
    }
    let mut spaced: Vec<char> = sql.chars().collect();
    loop {
        let read = placed(sql, &spaced.iter().collect::<String>(), &blanks);
        let seen = match &read {
            Ok(tokens) | Err((tokens, _)) => tokens,
        };
        let characters = |at: usize| at + blanks.iter().filter(|blank| **blank < at).count();
        let swallowed = seen.iter().find_map(|(token, start, end)| {
            let took = token.token == Token::AmpersandRightAngleBracket;
            let at = start + OVER_RIGHT.1;
            let next = || spaced.get(characters(*start) + OVER_RIGHT.1);
            (took && *end > at && next().is_some_and(|next| !next.is_whitespace())).then_some(at)
        });
        let Some(at) = swallowed else {
            return read.map_err(|(_, error)| error);
        };
        if blanks.len() == BLANKS_MAX {
            return Err(Error::unsupported(format!(
                "so many {} without a blank behind them",
                OVER_RIGHT.0
            )));
        }
        spaced.insert(characters(at).min(spaced.len()), ' ');
        blanks.push(at);
    }
}

/// The tokens of a text, which is `sql` with a blank put in before each of some characters, and
/// where they are in `sql`; with an error the tokens before it.
fn placed(sql: &str, text: &str, blanks: &[usize]) -> Result<Vec<Placed>, (Vec<Placed>, Error)> {
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
            Err((tokens, unreadable(sql, at, &error.message)))
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
