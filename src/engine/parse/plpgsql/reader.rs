//! The tokens of a PL/pgSQL body, and the pieces of SQL between them.
//!
//! As in PostgreSQL, a piece of SQL ends at a word or sign outside of parentheses; what it says is
//! for the parser of SQL.

use sqlparser::tokenizer::Token;

use crate::base::{Error, Result, SqlState, name};
use crate::engine::parse::cursor::unquoted;
use crate::engine::parse::parse_query;
use crate::engine::parse::reserved::is_reserved;
use crate::engine::parse::split::slice;
use crate::engine::parse::tokens::{Placed, tokens};
use crate::engine::plpgsql::Expression;

pub(super) struct Reader {
    /// What messages call the body.
    name: String,
    text: String,
    tokens: Vec<Placed>,
    /// Characters of the text before each newline.
    newlines: Vec<usize>,
    at: usize,
}

impl Reader {
    pub(super) fn new(name: &str, text: &str) -> Result<Self> {
        let text = &numbered(text)?;
        let mut tokens = tokens(text)?;
        tokens.retain(|(token, _, _)| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
        let characters = text.chars().enumerate();
        let newlines = characters.filter(|(_, character)| *character == '\n');
        Ok(Self {
            name: name.to_owned(),
            text: text.to_owned(),
            tokens,
            newlines: newlines.map(|(offset, _)| offset).collect(),
            at: 0,
        })
    }

    // -- where we are

    pub(super) fn token(&self, ahead: usize) -> &Token {
        match self.tokens.get(self.at + ahead) {
            Some((token, _, _)) => &token.token,
            None => &Token::EOF,
        }
    }

    /// A word that is no quoted name, in capitals.
    pub(super) fn word(&self, ahead: usize) -> Option<String> {
        let (token, _, _) = self.tokens.get(self.at + ahead)?;
        unquoted(token).map(str::to_ascii_uppercase)
    }

    pub(super) fn at_end(&self) -> bool {
        self.at >= self.tokens.len()
    }

    pub(super) fn position(&self) -> usize {
        self.at
    }

    pub(super) fn go_to(&mut self, position: usize) {
        self.at = position;
    }

    pub(super) fn skip(&mut self) {
        self.at += 1;
    }

    /// Characters of the text before the next token.
    fn offset(&self) -> usize {
        let placed = self.tokens.get(self.at).or(self.tokens.last());
        placed.map_or(0, |(_, start, _)| *start)
    }

    /// The line of the next token, from 1.
    pub(super) fn line(&self) -> usize {
        let offset = self.offset();
        1 + self.newlines.partition_point(|newline| *newline < offset)
    }

    /// The text between two positions.
    pub(super) fn text(&self, start: usize, end: usize) -> String {
        if start >= end {
            return String::new();
        }
        let first = self.tokens.get(start).map_or(0, |(_, start, _)| *start);
        let last = self.tokens.get(end - 1).map_or(first, |(_, _, end)| *end);
        slice(&self.text, first, last).to_owned()
    }

    // -- errors

    /// `42601` at the next token.
    pub(super) fn syntax_error(&self) -> Error {
        if self.at_end() {
            return self.syntax_error_at_end();
        }
        let near = self.text(self.at, self.at + 1);
        self.wrong(format!("syntax error at or near \"{near}\""))
    }

    /// `42601` behind the last token.
    pub(super) fn syntax_error_at_end(&self) -> Error {
        Error::new(SqlState::SYNTAX_ERROR, "syntax error at end of input").without_position()
    }

    /// `42601` in other words.
    pub(super) fn wrong(&self, message: impl Into<String>) -> Error {
        Error::new(SqlState::SYNTAX_ERROR, message).without_position()
    }

    /// As [`Self::wrong`], with the line.
    pub(super) fn wrong_here(&self, message: impl Into<String>) -> Error {
        let (name, line) = (&self.name, self.line());
        let line = format!("compilation of PL/pgSQL function \"{name}\" near line {line}");
        self.wrong(message).within(line)
    }

    // -- words, signs and names

    pub(super) fn accept(&mut self, words: &str) -> bool {
        let all = words
            .split(' ')
            .enumerate()
            .all(|(ahead, word)| self.word(ahead).as_deref() == Some(word));
        if all {
            self.at += words.split(' ').count();
        }
        all
    }

    pub(super) fn expect(&mut self, words: &str) -> Result<()> {
        for word in words.split(' ') {
            if !self.accept(word) {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    pub(super) fn accept_token(&mut self, token: &Token) -> bool {
        let found = self.token(0) == token;
        self.at += usize::from(found);
        found
    }

    pub(super) fn expect_token(&mut self, token: &Token) -> Result<()> {
        match self.accept_token(token) {
            true => Ok(()),
            false => Err(self.syntax_error()),
        }
    }

    /// An integer without a sign.
    pub(super) fn integer(&mut self) -> Result<usize> {
        let Token::Number(digits, _) = self.token(0) else {
            return Err(self.syntax_error());
        };
        let number = digits.parse().map_err(|_| self.syntax_error())?;
        self.skip();
        Ok(number)
    }

    pub(super) fn semicolon(&mut self) -> Result<()> {
        self.expect_token(&Token::SemiColon)
    }

    /// The name that the next token is.
    pub(super) fn name_ahead(&self, ahead: usize) -> Option<String> {
        let Token::Word(word) = self.token(ahead) else {
            return None;
        };
        let text = match word.quote_style {
            None if is_reserved(&word.value) => return None,
            None => word.value.to_ascii_lowercase(),
            Some(_) => word.value.clone(),
        };
        Some(name::truncate(&text).to_owned())
    }

    pub(super) fn name(&mut self) -> Result<String> {
        let name = self.name_ahead(0).ok_or_else(|| self.syntax_error())?;
        self.skip();
        Ok(name)
    }

    /// `name.name…`
    pub(super) fn names(&mut self) -> Result<Vec<String>> {
        let mut names = vec![self.name()?];
        while self.accept_token(&Token::Period) {
            names.push(self.name()?);
        }
        Ok(names)
    }

    /// `<<label>>`
    pub(super) fn label(&mut self) -> Result<Option<String>> {
        if !self.accept_token(&Token::ShiftLeft) {
            return Ok(None);
        }
        let label = self.name()?;
        self.expect_token(&Token::ShiftRight)?;
        Ok(Some(label))
    }

    pub(super) fn string(&mut self) -> Option<String> {
        let text = match self.token(0) {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.clone(),
            Token::DollarQuotedString(text) => text.value.clone(),
            _ => return None,
        };
        self.skip();
        Some(text)
    }

    // -- SQL

    /// The position of the next of these words or signs outside of parentheses, from the next token
    /// on.
    pub(super) fn find(&self, words: &[&str], signs: &[Token]) -> Option<usize> {
        let mut depth = 0_usize;
        for index in self.at..self.tokens.len() {
            let token = &self.tokens[index].0;
            if depth == 0 {
                let word = unquoted(token).map(str::to_ascii_uppercase);
                let is_word = word.is_some_and(|word| words.contains(&word.as_str()));
                if is_word || signs.contains(&token.token) {
                    return Some(index);
                }
            }
            match token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                // Nothing goes on behind it.
                Token::SemiColon => return None,
                _ => {}
            }
        }
        None
    }

    /// The texts before and after `..` outside of parentheses, of what ends at `end`. The tokens do
    /// not tell: `1..2` is two numbers to them.
    pub(super) fn around_dots(&self, end: usize) -> Option<(String, String)> {
        let (_, first, _) = self.tokens.get(self.at)?;
        let (_, _, last) = self.tokens.get(end.checked_sub(1)?)?;
        let text: Vec<char> = slice(&self.text, *first, *last).chars().collect();
        let mut bare = text.clone();
        let mut depth = 0_usize;
        for (token, start, end) in &self.tokens[self.at..end] {
            let opens = matches!(token.token, Token::LParen | Token::LBracket);
            depth += usize::from(opens);
            let is_number_or_sign = matches!(
                token.token,
                Token::Number(..) | Token::Period | Token::Word(_)
            );
            if depth > 0 || !is_number_or_sign {
                bare[start - first..end - first].fill(' ');
            }
            if matches!(token.token, Token::RParen | Token::RBracket) {
                depth = depth.saturating_sub(1);
            }
        }
        let dots = bare.windows(2).position(|pair| pair == ['.', '.'])?;
        Some((
            text[..dots].iter().collect(),
            text[dots + 2..].iter().collect(),
        ))
    }

    /// The expression up to one of these words or signs, which stays to be read.
    pub(super) fn expression(&mut self, words: &[&str], signs: &[Token]) -> Result<Expression> {
        let Some(end) = self.find(words, signs) else {
            if self.find(&[], &[Token::SemiColon]).is_none() {
                return Err(self.syntax_error_at_end());
            }
            let wanted = match (words.first(), signs.first()) {
                (Some(word), _) => (*word).to_owned(),
                (None, Some(sign)) => sign.to_string(),
                (None, None) => String::new(),
            };
            return Err(self.wrong(format!("missing \"{wanted}\" at end of SQL expression")));
        };
        if end == self.at {
            return Err(match self.at_end() {
                true => self.syntax_error(),
                false => self.wrong("missing expression"),
            });
        }
        let expression = expression(self.text(self.at, end))?;
        self.at = end;
        Ok(expression)
    }

    /// An expression up to the semicolon, which is read, too.
    pub(super) fn last_expression(&mut self) -> Result<Expression> {
        let expression = self.expression(&[], &[Token::SemiColon])?;
        self.semicolon()?;
        Ok(expression)
    }

    /// `expression, …` up to one of these words or signs.
    pub(super) fn expressions(
        &mut self,
        words: &[&str],
        signs: &[Token],
    ) -> Result<Vec<Expression>> {
        let signs: Vec<Token> = signs.iter().cloned().chain([Token::Comma]).collect();
        let mut found = vec![self.expression(words, &signs)?];
        while self.accept_token(&Token::Comma) {
            found.push(self.expression(words, &signs)?);
        }
        Ok(found)
    }
}

/// A body whose `$1`, `$2`, … are names: those of its parameters.
fn numbered(text: &str) -> Result<String> {
    let places: Vec<_> = tokens(text)?
        .into_iter()
        .filter(|(token, _, _)| matches!(token.token, Token::Placeholder(_)))
        .collect();
    if places.is_empty() {
        return Ok(text.to_owned());
    }
    let mut made = String::with_capacity(text.len() + 2 * places.len());
    let mut done = 0;
    for (_, start, end) in places {
        made.push_str(slice(text, done, start));
        made.push('"');
        made.push_str(slice(text, start, end));
        made.push('"');
        done = end;
    }
    made.push_str(slice(text, done, text.chars().count()));
    Ok(made)
}

/// A text as an expression.
pub(super) fn expression(text: String) -> Result<Expression> {
    let query = parse_query(&format!("SELECT {text}")).map_err(Error::without_position)?;
    Ok(Expression { text, query })
}
