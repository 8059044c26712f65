//! What sqlparser has no words for, taken out of a statement before it reads the rest.

use sqlparser::ast;
use sqlparser::parser::Parser;
use sqlparser::tokenizer::Token;

use super::cursor::{Cursor, RECURSION_MAX, unquoted};
use super::grammar::GRAMMAR;
use crate::base::Result;
use crate::engine::command::{Inference, Overriding};

impl Cursor {
    /// Takes OVERRIDING … VALUE out of an INSERT, wherever it stands in it: sqlparser has no word
    /// for it.
    pub(super) fn take_overriding(&mut self) -> Option<Overriding> {
        let start = self.parser.index();
        let words = |from: usize, words: [&str; 3]| {
            words.iter().enumerate().all(|(n, word)| {
                unquoted(self.parser.token_at(from + n))
                    .is_some_and(|found| found.eq_ignore_ascii_case(word))
            })
        };
        let mut depth = 0usize;
        let mut at = start;
        let found = loop {
            match &self.parser.token_at(at).token {
                Token::EOF => return None,
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                Token::Word(_) if depth == 0 && words(at, ["OVERRIDING", "SYSTEM", "VALUE"]) => {
                    break Overriding::System;
                }
                Token::Word(_) if depth == 0 && words(at, ["OVERRIDING", "USER", "VALUE"]) => {
                    break Overriding::User;
                }
                _ => {}
            }
            at += 1;
        };
        self.remove(at..at + 3);
        Some(found)
    }

    /// Takes `(…) WHERE …` out of an ON CONFLICT, if it is more than columns: sqlparser knows no
    /// more.
    ///
    /// # Errors
    /// As reading expressions.
    pub(super) fn take_inference(&mut self) -> Result<Option<Inference>> {
        let start = self.parser.index();
        let is = |index: usize, word: &str| {
            unquoted(self.parser.token_at(index))
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        };
        let mut depth = 0usize;
        let mut open = start;
        loop {
            match &self.parser.token_at(open).token {
                Token::EOF => return Ok(None),
                Token::LParen if depth == 0 && open >= start + 2 => {
                    if is(open - 1, "CONFLICT") && is(open - 2, "ON") {
                        break;
                    }
                    depth += 1;
                }
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                _ => {}
            }
            open += 1;
        }
        // Where each element ends, the last at the closing parenthesis.
        let (mut ends, mut at) = (Vec::new(), open + 1);
        let mut plain = true;
        loop {
            match &self.parser.token_at(at).token {
                Token::EOF => return Ok(None),
                Token::LParen => {
                    plain = false;
                    depth += 1;
                }
                Token::RParen if depth == 0 => break,
                Token::RParen => depth -= 1,
                Token::Comma if depth == 0 => ends.push(at),
                Token::Word(_) => {}
                _ => plain = false,
            }
            at += 1;
        }
        let close = at;
        ends.push(close);
        let mut end = close + 1;
        let filtered = is(end, "WHERE");
        if filtered {
            while !(depth == 0 && is(end, "DO")) {
                match &self.parser.token_at(end).token {
                    Token::EOF => return Ok(None),
                    Token::LParen => depth += 1,
                    Token::RParen => depth = depth.saturating_sub(1),
                    _ => {}
                }
                end += 1;
            }
        }
        if plain && !filtered {
            return Ok(None);
        }
        let mut elements = Vec::with_capacity(ends.len());
        let mut from = open + 1;
        for to in ends {
            elements.push(self.expression_in(from, to)?);
            from = to + 1;
        }
        let predicate = match filtered {
            true => Some(self.expression_in(close + 2, end)?),
            false => None,
        };
        self.remove(open..end);
        Ok(Some(Inference {
            elements,
            predicate,
        }))
    }

    /// The WITH clause at the cursor, if this word follows it.
    pub(super) fn with_before(&mut self, word: &str) -> Result<Option<ast::With>> {
        if self.word().as_deref() != Some("WITH") {
            return Ok(None);
        }
        let (mut depth, mut closed) = (0usize, false);
        for index in self.parser.index().. {
            let token = self.parser.token_at(index);
            match &token.token {
                Token::EOF => return Ok(None),
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                Token::Word(_) if depth == 0 && closed => {
                    let found = unquoted(token).unwrap_or_default();
                    if found.eq_ignore_ascii_case(word) {
                        break;
                    }
                    if ["SELECT", "INSERT", "UPDATE", "DELETE", "VALUES", "TABLE"]
                        .iter()
                        .any(|other| found.eq_ignore_ascii_case(other))
                    {
                        return Ok(None);
                    }
                }
                _ => {}
            }
            closed = token.token == Token::RParen;
        }
        let with_token = self.parser.peek_token_ref().clone();
        self.expect("WITH")?;
        let recursive = self.accept("RECURSIVE");
        let cte_tables = self.delegate(|p| p.parse_comma_separated(Parser::parse_cte))?;
        Ok(Some(ast::With {
            with_token: with_token.into(),
            recursive,
            cte_tables,
        }))
    }

    /// Goes on as if these tokens were not there.
    fn remove(&mut self, gone: std::ops::Range<usize>) {
        let start = self.parser.index();
        let tokens = (0..)
            .map(|index| self.parser.token_at(index).clone())
            .take_while(|token| token.token != Token::EOF)
            .enumerate()
            .filter(|(index, _)| !gone.contains(index))
            .map(|(_, token)| token)
            .collect();
        self.parser = Parser::new(&GRAMMAR)
            .with_recursion_limit(RECURSION_MAX)
            .with_tokens_with_locations(tokens);
        while self.parser.index() < start {
            self.parser.advance_token();
        }
    }
}
