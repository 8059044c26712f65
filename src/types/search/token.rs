//! Words as they are written in the text of a `tsvector` or a `tsquery`: bare or quoted, with
//! backslashes before what would end them.

use std::str::Chars;

use super::vector::{Position, weight_of};
use super::{POSITION_MAX, syntax};
use crate::base::Result;

/// A word and what is written behind it.
#[derive(Debug)]
pub(super) struct Token {
    pub(super) word: String,
    pub(super) positions: Vec<Position>,
}

/// What text is read as.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Vector,
    Query,
    /// A query as in search engines: quotes and backslashes are nothing special.
    Web,
}

/// Takes words off a text.
#[derive(Debug)]
pub(super) struct Tokens<'a> {
    whole: &'a str,
    kind: Kind,
    rest: Chars<'a>,
}

/// Where in a word the next character is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum At {
    Start,
    Bare,
    Quoted,
    /// Behind what may be the closing quote, or the first of two.
    Quote,
    Colon,
    Place,
    Comma,
}

impl<'a> Tokens<'a> {
    pub(super) fn of_vector(whole: &'a str) -> Self {
        Self {
            whole,
            kind: Kind::Vector,
            rest: whole.chars(),
        }
    }

    /// A word of a query whose whole text is given, read from `rest`.
    pub(super) fn of_query(whole: &'a str, rest: &'a str, web: bool) -> Self {
        Self {
            whole,
            kind: if web { Kind::Web } else { Kind::Query },
            rest: rest.chars(),
        }
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a str {
        self.rest.as_str()
    }

    fn wrong(&self) -> crate::base::Error {
        let what = match self.kind {
            Kind::Vector => "tsvector",
            _ => "tsquery",
        };
        syntax(format!("syntax error in {what}: \"{}\"", self.whole))
    }

    /// The character behind a backslash.
    fn escaped(&mut self) -> Result<char> {
        self.rest
            .next()
            .ok_or_else(|| syntax(format!("there is no escaped character: \"{}\"", self.whole)))
    }

    /// The next word; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>> {
        let query = self.kind != Kind::Vector;
        let web = self.kind == Kind::Web;
        let mut at = At::Start;
        let mut word = String::new();
        let mut positions: Vec<Position> = Vec::new();
        loop {
            let next = self.rest.clone().next();
            match (at, next) {
                (At::Start, None) => return Ok(None),
                (At::Start, Some('\'')) if !web => at = At::Quoted,
                (At::Start | At::Bare, Some('\\')) if !web => {
                    self.rest.next();
                    word.push(self.escaped()?);
                    at = At::Bare;
                    continue;
                }
                (At::Start, Some(c)) if query && is_operator(c) => return Err(self.wrong()),
                (At::Start, Some(c)) if is_space(c) => {}
                (At::Start, Some(c)) => {
                    word.push(c);
                    at = At::Bare;
                }
                (At::Bare, next)
                    if next.is_none_or(|c| {
                        is_space(c) || query && is_operator(c) || web && c == '"'
                    }) =>
                {
                    if word.is_empty() {
                        return Err(self.wrong());
                    }
                    break;
                }
                (At::Bare, Some(':')) => {
                    if word.is_empty() {
                        return Err(self.wrong());
                    }
                    if query {
                        break;
                    }
                    at = At::Place;
                }
                (At::Bare, Some(c)) => word.push(c),
                (At::Bare, None) => break,
                (At::Quoted, Some('\'')) => at = At::Quote,
                (At::Quoted, Some('\\')) => {
                    self.rest.next();
                    word.push(self.escaped()?);
                    continue;
                }
                (At::Quoted, None) => return Err(self.wrong()),
                (At::Quoted, Some(c)) => word.push(c),
                (At::Quote, Some('\'')) => {
                    word.push('\'');
                    at = At::Quoted;
                }
                (At::Quote, _) => {
                    if word.is_empty() {
                        return Err(self.wrong());
                    }
                    if query {
                        break;
                    }
                    at = At::Colon;
                    continue;
                }
                (At::Colon, Some(':')) => at = At::Place,
                (At::Colon, _) => break,
                (At::Place, Some(c)) if c.is_ascii_digit() => {
                    positions.push(self.place()?);
                    at = At::Comma;
                }
                (At::Place, _) => return Err(self.wrong()),
                (At::Comma, Some(',')) => at = At::Place,
                (At::Comma, None) => break,
                (At::Comma, Some(c)) if is_space(c) => break,
                (At::Comma, Some(c)) if c.is_ascii_digit() => {}
                (At::Comma, Some(c)) => {
                    let weight = match c {
                        '*' => Some(3),
                        c => u8::try_from(c).ok().and_then(weight_of),
                    };
                    match (weight, positions.last_mut()) {
                        (Some(weight), Some(last)) if last.weight == 0 => last.weight = weight,
                        _ => return Err(self.wrong()),
                    }
                }
            }
            self.rest.next();
        }
        Ok(Some(Token { word, positions }))
    }

    /// The number here, of which nothing is taken: what is behind its first digit is passed over.
    fn place(&self) -> Result<Position> {
        let text = self.rest.as_str();
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        // As C's atoi: a long, cut to an int.
        let number = text[..digits].parse::<i64>().unwrap_or(i64::MAX);
        #[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
        let number = number as i32;
        let place = match number >= i32::from(POSITION_MAX) {
            true => POSITION_MAX,
            false => u16::try_from(number & i32::from(POSITION_MAX)).unwrap_or(0),
        };
        match place {
            0 => Err(syntax(format!(
                "wrong position info in tsvector: \"{}\"",
                self.whole
            ))),
            place => Ok(Position { place, weight: 0 }),
        }
    }
}

/// What ends a bare word of a query.
pub(super) const fn is_operator(c: char) -> bool {
    matches!(c, '!' | '&' | '|' | '(' | ')' | '<')
}

/// White space as PostgreSQL sees it in the locale C.UTF-8.
pub const fn is_space(c: char) -> bool {
    matches!(
        c,
        '\t'..='\r'
            | ' '
            | '\u{1680}'
            | '\u{2000}'..='\u{2006}'
            | '\u{2008}'..='\u{200a}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{205f}'
            | '\u{3000}'
    )
}

/// A word in quotes.
pub(super) fn quoted(word: &str) -> String {
    let mut out = String::with_capacity(word.len() + 2);
    out.push('\'');
    for c in word.chars() {
        if matches!(c, '\'' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('\'');
    out
}
