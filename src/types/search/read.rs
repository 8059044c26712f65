//! Queries from text: words and operators, in the syntax of `tsquery` or of search engines.

use super::query::{DEPTH_MAX, too_deep, wrong};
use super::token::{Tokens, is_operator, is_space};
use super::vector::weight_of;
use super::{
    DISTANCE_MAX, Node, Operand, Operator, Query, WORD_BYTES_MAX, is_alphabetic, limit, syntax,
};
use crate::base::{Error, Result, SqlState};

/// Operators that wait for their right side, at most.
const WAITING_MAX: usize = 32;

/// How a query is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// With operators.
    Plain,
    /// As in search engines.
    Web,
    /// Nothing but words: all text is one.
    Words,
}

/// A word as it was read.
#[derive(Debug)]
pub struct Read {
    /// The word, or in [`Syntax::Words`] and between quotes all the text.
    pub word: String,
    /// Bits of the weights it must have.
    pub weights: u8,
    /// Whether it is the beginning of others.
    pub prefix: bool,
}

/// What a query is put together with: its parts, operands before operators.
#[derive(Debug)]
pub struct Builder<'a> {
    text: &'a str,
    parts: Vec<(Node, usize)>,
    stops: bool,
    bytes: usize,
}

impl Builder<'_> {
    /// A word.
    ///
    /// # Errors
    /// `54000`
    pub fn word(&mut self, word: String, weights: u8, prefix: bool) -> Result<()> {
        if word.len() > WORD_BYTES_MAX {
            let text = self.text;
            return Err(limit(format!("word is too long in tsquery: \"{text}\"")));
        }
        if self.bytes > super::TEXT_BYTES_MAX {
            let text = self.text;
            return Err(limit(format!("value is too big in tsquery: \"{text}\"")));
        }
        self.bytes += word.len() + 1;
        let operand = Operand {
            word,
            weights,
            prefix,
        };
        self.parts.push((Node::Word(operand), 0));
        Ok(())
    }

    /// A word that says nothing.
    pub fn stop(&mut self) {
        self.stops = true;
        self.parts.push((Node::Stop, 0));
    }

    /// Joins the last two parts.
    ///
    /// # Errors
    /// `54001`
    pub fn join(&mut self, operator: Operator) -> Result<()> {
        let (Some((right, one)), Some((left, other))) = (self.parts.pop(), self.parts.pop()) else {
            return Err(wrong(self.text));
        };
        let depth = one.max(other) + 1;
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        self.parts.push((Node::both(operator, left, right), depth));
        Ok(())
    }

    fn negate(&mut self) -> Result<()> {
        let Some((operand, depth)) = self.parts.pop() else {
            return Err(wrong(self.text));
        };
        if depth >= DEPTH_MAX {
            return Err(too_deep());
        }
        self.parts.push((Node::Not(Box::new(operand)), depth + 1));
        Ok(())
    }
}

/// What text is made of.
enum Token {
    Word(Read),
    Operator(Option<Operator>),
    Open,
    Close,
    /// An operand is missing at the end.
    Missing,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wait {
    First,
    Operand,
    Operator,
}

struct Reader<'a> {
    whole: &'a str,
    rest: &'a str,
    wait: Wait,
    open: usize,
    syntax: Syntax,
}

impl<'a> Reader<'a> {
    /// Takes a character off.
    fn bump(&mut self) {
        let mut chars = self.rest.chars();
        chars.next();
        self.rest = chars.as_str();
    }

    fn next(&mut self) -> Result<Option<Token>> {
        match self.syntax {
            Syntax::Plain => self.plain(),
            Syntax::Web => self.web(),
            Syntax::Words if self.rest.is_empty() => Ok(None),
            Syntax::Words => {
                let word = std::mem::take(&mut self.rest).to_owned();
                Ok(Some(Token::Word(Read {
                    word,
                    weights: 0,
                    prefix: false,
                })))
            }
        }
    }

    fn operator(&mut self, operator: Option<Operator>) -> Result<Option<Token>> {
        self.wait = Wait::Operand;
        Ok(Some(Token::Operator(operator)))
    }

    fn plain(&mut self) -> Result<Option<Token>> {
        loop {
            let next = self.rest.chars().next();
            match (self.wait, next) {
                (Wait::First | Wait::Operand, Some('!')) => {
                    self.bump();
                    return self.operator(None);
                }
                (Wait::First | Wait::Operand, Some('(')) => {
                    self.bump();
                    self.wait = Wait::Operand;
                    self.open += 1;
                    return Ok(Some(Token::Open));
                }
                (Wait::First | Wait::Operand, Some(':')) => return Err(wrong(self.whole)),
                (Wait::First | Wait::Operand, next) if !next.is_some_and(is_space) => {
                    let mut tokens = Tokens::of_query(self.whole, self.rest, false);
                    let Some(token) = tokens.next()? else {
                        return match self.wait {
                            Wait::First => Ok(None),
                            _ => Err(syntax(format!("no operand in tsquery: \"{}\"", self.whole))),
                        };
                    };
                    self.rest = tokens.rest();
                    let (weights, prefix) = self.modifiers();
                    self.wait = Wait::Operator;
                    return Ok(Some(Token::Word(Read {
                        word: token.word,
                        weights,
                        prefix,
                    })));
                }
                (Wait::Operator, Some('&')) => {
                    self.bump();
                    return self.operator(Some(Operator::And));
                }
                (Wait::Operator, Some('|')) => {
                    self.bump();
                    return self.operator(Some(Operator::Or));
                }
                (Wait::Operator, Some('<')) => {
                    let Some(distance) = self.distance()? else {
                        return Err(wrong(self.whole));
                    };
                    return self.operator(Some(Operator::Phrase(distance)));
                }
                (Wait::Operator, Some(')')) if self.open > 0 => {
                    self.bump();
                    self.open -= 1;
                    return Ok(Some(Token::Close));
                }
                (Wait::Operator, None) if self.open == 0 => return Ok(None),
                (Wait::Operator, next) if !next.is_some_and(is_space) => {
                    return Err(wrong(self.whole));
                }
                _ => {}
            }
            self.bump();
        }
    }

    /// What is behind a word's colon.
    fn modifiers(&mut self) -> (u8, bool) {
        let (mut weights, mut prefix) = (0, false);
        let Some(rest) = self.rest.strip_prefix(':') else {
            return (0, false);
        };
        self.rest = rest;
        while let Some(byte) = self.rest.bytes().next() {
            match (byte, weight_of(byte)) {
                (b'*', _) => prefix = true,
                (_, Some(weight)) => weights |= 1 << weight,
                _ => break,
            }
            self.bump();
        }
        (weights, prefix)
    }

    /// How far apart `<->` or `<2>` wants words, if such stands here, and is not the end.
    fn distance(&mut self) -> Result<Option<i16>> {
        let Some(rest) = self.rest.strip_prefix('<') else {
            return Ok(None);
        };
        let (distance, rest) = match rest.strip_prefix('-') {
            Some(rest) => (1, rest),
            None => {
                let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                if digits == 0 {
                    return Ok(None);
                }
                let distance = rest[..digits].parse::<i64>().unwrap_or(i64::MAX);
                (checked_distance(distance)?, &rest[digits..])
            }
        };
        match rest.strip_prefix('>') {
            Some(rest) if !rest.is_empty() => {
                self.rest = rest;
                Ok(Some(distance))
            }
            _ => Ok(None),
        }
    }

    fn web(&mut self) -> Result<Option<Token>> {
        loop {
            let next = self.rest.chars().next();
            match (self.wait, next) {
                (Wait::First | Wait::Operand, Some('-')) => {
                    self.bump();
                    return self.operator(None);
                }
                (Wait::First | Wait::Operand, Some('"')) => {
                    let rest = &self.rest[1..];
                    let (text, rest) = rest.split_once('"').unwrap_or((rest, ""));
                    self.rest = rest;
                    self.wait = Wait::Operator;
                    return Ok(Some(Token::Word(Read {
                        word: text.to_owned(),
                        weights: 0,
                        prefix: false,
                    })));
                }
                (Wait::First | Wait::Operand, Some(c)) if is_operator(c) => {
                    self.wait = Wait::Operand;
                }
                (Wait::First | Wait::Operand, next) if !next.is_some_and(is_space) => {
                    let mut tokens = Tokens::of_query(self.whole, self.rest, true);
                    let Some(token) = tokens.next()? else {
                        return Ok(match self.wait {
                            Wait::First => None,
                            _ => Some(Token::Missing),
                        });
                    };
                    self.rest = tokens.rest();
                    self.wait = Wait::Operator;
                    return Ok(Some(Token::Word(Read {
                        word: token.word,
                        weights: 0,
                        prefix: false,
                    })));
                }
                (Wait::Operator, Some('"')) => return self.operator(Some(Operator::And)),
                (Wait::Operator, None) => return Ok(None),
                (Wait::Operator, Some(c)) => {
                    if self.is_or() {
                        self.rest = &self.rest[2..];
                        return self.operator(Some(Operator::Or));
                    }
                    if !is_space(c) {
                        return self.operator(Some(Operator::And));
                    }
                }
                _ => {}
            }
            self.bump();
        }
    }

    /// Whether the word OR stands here, and something to look for somewhere behind it.
    fn is_or(&self) -> bool {
        let Some((or, rest)) = self.rest.split_at_checked(2) else {
            return false;
        };
        if !or.eq_ignore_ascii_case("or") {
            return false;
        }
        let mut chars = rest.chars();
        match chars.next() {
            None | Some('-' | '_') => return false,
            Some(c) if is_alphabetic(c) || c.is_ascii_digit() => return false,
            Some(_) => {}
        }
        chars.any(|c| !is_space(c))
    }
}

/// A distance between words of a phrase.
///
/// # Errors
/// `22023`
pub(super) fn checked_distance(distance: i64) -> Result<i16> {
    match i16::try_from(distance) {
        Ok(distance) if (0..=DISTANCE_MAX).contains(&distance.into()) => Ok(distance),
        _ => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!(
                "distance in phrase operator must be an integer value between zero and \
                 {DISTANCE_MAX} inclusive"
            ),
        )),
    }
}

/// How tight an operator that waits binds; `None` is NOT.
const fn priority(operator: Option<Operator>) -> u8 {
    match operator {
        Some(Operator::Or) => 1,
        Some(Operator::And) => 2,
        Some(Operator::Phrase(_)) => 3,
        None => 4,
    }
}

/// Why a query that was read is empty.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Empty {
    /// No words were there.
    NoWords,
    /// No words that say something.
    OnlyStops,
}

/// Reads a query's text; `push` puts each word into it. Says why if it is empty.
///
/// # Errors
/// `42601`, `54000`, `54001`; what `push` fails with.
pub fn read(
    text: &str,
    syntax: Syntax,
    push: &mut dyn FnMut(&mut Builder<'_>, Read) -> Result<()>,
) -> Result<(Query, Option<Empty>)> {
    let mut reader = Reader {
        whole: text,
        rest: text,
        wait: Wait::First,
        open: 0,
        syntax,
    };
    let mut builder = Builder {
        text,
        parts: Vec::new(),
        stops: false,
        bytes: 0,
    };
    // One stack of waiting operators per open parenthesis.
    let mut waiting: Vec<Vec<Option<Operator>>> = vec![Vec::new()];
    while let Some(token) = reader.next()? {
        if waiting.len() > DEPTH_MAX {
            return Err(too_deep());
        }
        let Some(level) = waiting.last_mut() else {
            return Err(wrong(text));
        };
        match token {
            Token::Word(word) => push(&mut builder, word)?,
            Token::Operator(operator) => {
                apply(&mut builder, level, operator)?;
                if level.len() == WAITING_MAX {
                    return Err(Error::new(
                        SqlState::INTERNAL_ERROR,
                        "tsquery stack too small",
                    ));
                }
                level.push(operator);
            }
            Token::Open => waiting.push(Vec::new()),
            Token::Close => {
                apply(&mut builder, level, Some(Operator::Or))?;
                waiting.pop();
            }
            Token::Missing => {
                builder.stop();
                break;
            }
        }
    }
    for level in waiting.iter_mut().rev() {
        apply(&mut builder, level, Some(Operator::Or))?;
    }
    let stops = builder.stops;
    let Some((root, _)) = builder.parts.pop() else {
        return Ok((Query::default(), Some(Empty::NoWords)));
    };
    let query = Query::of(root);
    if !stops {
        return Ok((query, None));
    }
    let query = query.cleaned();
    let empty = query.root.is_none().then_some(Empty::OnlyStops);
    Ok((query, empty))
}

/// Applies operators that wait and bind tighter than the one that comes.
fn apply(
    builder: &mut Builder<'_>,
    waiting: &mut Vec<Option<Operator>>,
    next: Option<Operator>,
) -> Result<()> {
    while let Some(last) = waiting.last() {
        let looser = match next {
            // Right-associative, unlike all others.
            None => priority(next) >= priority(*last),
            Some(_) => priority(next) > priority(*last),
        };
        if looser {
            break;
        }
        match last {
            Some(operator) => builder.join(*operator)?,
            None => builder.negate()?,
        }
        waiting.pop();
    }
    Ok(())
}
