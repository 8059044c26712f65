//! `SEARCH` and `CYCLE` behind a WITH item: in what order a recursive query goes, and where it
//! stops.
//!
//! sqlparser knows neither. They are put among the names of the item's columns, where the analysis
//! finds them, behind words that no client can send.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::here::Here;
use super::patch::quoted;

/// What begins a clause among the names of columns; the columns it goes by follow.
pub(crate) const SEARCH_DEPTH: &str = "\0search depth";
pub(crate) const SEARCH_BREADTH: &str = "\0search breadth";
pub(crate) const CYCLE: &str = "\0cycle";
/// Before the column that a clause adds.
pub(crate) const SET: &str = "\0set";
/// Before the values that mark a cycle, and what is none; each is the text of an expression.
pub(crate) const TO: &str = "\0to";
/// Before the column that holds the way taken.
pub(crate) const USING: &str = "\0using";

/// Puts the clause at `index`, behind the query of a WITH item, among the names of that item's
/// columns. How many tokens there are now before what follows the clause; `None` if it is no such
/// clause.
pub(super) fn among_columns(tokens: &mut Vec<TokenWithSpan>, index: usize) -> Option<usize> {
    let (end, marks) = clause(tokens, index)?;
    let opens = opening(tokens, index.checked_sub(1)?)?;
    let at = |back: usize| {
        Some(
            (Here {
                tokens,
                index: opens.checked_sub(back)?,
            })
            .word(0),
        )
    };
    let as_word = match at(1)?.as_deref() {
        Some("AS") => opens - 1,
        Some("MATERIALIZED") if at(2)?.as_deref() == Some("NOT") => opens - 3,
        Some("MATERIALIZED") => opens - 2,
        _ => return None,
    };
    if (Here {
        tokens,
        index: as_word,
    })
    .word(0)
    .as_deref()
        != Some("AS")
    {
        return None;
    }
    tokens.drain(index..end);
    let span = tokens[as_word].span;
    let plain = |token: Token| TokenWithSpan::new(token, span);
    let mut names = Vec::new();
    let into = match tokens[as_word.checked_sub(1)?].token {
        Token::RParen => as_word - 1,
        _ => {
            names.push(plain(Token::LParen));
            as_word
        }
    };
    let is_listed = names.is_empty();
    for (number, mark) in marks.into_iter().enumerate() {
        if is_listed || number > 0 {
            names.push(plain(Token::Comma));
        }
        names.push(mark);
    }
    if !is_listed {
        names.push(plain(Token::RParen));
    }
    let next = index + names.len();
    tokens.splice(into..into, names);
    Some(next)
}

/// Where the parenthesis opens that closes at `close`.
fn opening(tokens: &[TokenWithSpan], close: usize) -> Option<usize> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match &tokens[at].token {
            Token::RParen => depth += 1,
            Token::LParen => depth = depth.checked_sub(1)?,
            _ => {}
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// The clause at `index`: where it ends, and what it says as names.
fn clause(tokens: &[TokenWithSpan], index: usize) -> Option<(usize, Vec<TokenWithSpan>)> {
    let mut reader = Reader { tokens, at: index };
    let span = tokens.get(index)?.span;
    let mark = |mark: &str| TokenWithSpan::new(quoted(mark), span);
    let mut names = Vec::new();
    if reader.accept("SEARCH") {
        let order = match (reader.accept("DEPTH"), reader.accept("BREADTH")) {
            (true, false) => SEARCH_DEPTH,
            (false, true) => SEARCH_BREADTH,
            _ => return None,
        };
        reader.expect("FIRST")?;
        reader.expect("BY")?;
        names.push(mark(order));
        reader.columns(&mut names)?;
        reader.expect("SET")?;
        names.push(mark(SET));
        names.push(reader.name()?);
        return Some((reader.at, names));
    }
    reader.expect("CYCLE")?;
    names.push(mark(CYCLE));
    reader.columns(&mut names)?;
    reader.expect("SET")?;
    names.push(mark(SET));
    names.push(reader.name()?);
    if reader.accept("TO") {
        names.push(mark(TO));
        names.push(reader.text_until("DEFAULT")?);
        names.push(reader.text_until("USING")?);
    } else {
        reader.expect("USING")?;
    }
    names.push(mark(USING));
    names.push(reader.name()?);
    Some((reader.at, names))
}

struct Reader<'t> {
    tokens: &'t [TokenWithSpan],
    at: usize,
}

impl Reader<'_> {
    fn accept(&mut self, word: &str) -> bool {
        let here = Here {
            tokens: self.tokens,
            index: self.at,
        };
        let found = here.word(0).as_deref() == Some(word);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, word: &str) -> Option<()> {
        self.accept(word).then_some(())
    }

    fn name(&mut self) -> Option<TokenWithSpan> {
        let token = self.tokens.get(self.at)?;
        self.at += 1;
        matches!(token.token, Token::Word(_)).then(|| token.clone())
    }

    fn columns(&mut self, names: &mut Vec<TokenWithSpan>) -> Option<()> {
        names.push(self.name()?);
        while self.tokens.get(self.at)?.token == Token::Comma {
            self.at += 1;
            names.push(self.name()?);
        }
        Some(())
    }

    /// What stands before `word`, and steps over that.
    fn text_until(&mut self, word: &str) -> Option<TokenWithSpan> {
        let span = self.tokens.get(self.at)?.span;
        let mut text = String::new();
        while !self.accept(word) {
            text.push_str(&self.tokens.get(self.at)?.token.to_string());
            text.push(' ');
            self.at += 1;
        }
        Some(TokenWithSpan::new(quoted(&text), span))
    }
}
