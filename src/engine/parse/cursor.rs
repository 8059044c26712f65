//! Reading one statement's tokens: a thin layer over sqlparser's parser, which reads the queries,
//! expressions and types in it, and errors in PostgreSQL's words.

use sqlparser::ast::{self, VisitMut};
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::balance::balance;
use super::grammar::{GRAMMAR, NESTED_JOINS, bounded};
use super::nested_joins;
use super::reserved::is_reserved;
use super::split::{Piece, slice, too_complex};
use super::star::without_only;
use crate::base::{Error, Result, SqlState, name};
use crate::engine::command::ObjectName;

/// Calls nested inside sqlparser: comfortably more than [`super::split`] lets nest, and its stack
/// grows on demand.
pub(super) const RECURSION_MAX: usize = 2_000;

/// A position in one statement's tokens.
pub(super) struct Cursor {
    pub(super) parser: Parser<'static>,
    text: String,
    tokens: usize,
    offset: usize,
    semicolon: bool,
}

impl Cursor {
    /// At the start of a statement.
    pub(super) fn new(piece: Piece) -> Self {
        let grammar = match nested_joins::are_in(&piece.tokens) {
            true => &NESTED_JOINS,
            false => &GRAMMAR,
        };
        Self {
            tokens: piece.tokens.len(),
            parser: Parser::new(grammar)
                .with_recursion_limit(RECURSION_MAX)
                .with_tokens_with_locations(piece.tokens),
            text: piece.text,
            offset: piece.offset,
            semicolon: piece.semicolon,
        }
    }

    /// Where the statement starts in the query string.
    pub(super) fn offset(&self) -> usize {
        self.offset
    }

    // -- where we are

    /// Position of the next token: 1-based, in the statement.
    pub(super) fn position(&self) -> usize {
        column(self.parser.peek_token_ref())
    }

    /// The text from `start` (a [`Cursor::position`]) to the end of the last token read.
    pub(super) fn text_since(&self, start: usize) -> String {
        let end = match self.parser.index() {
            0 => start,
            index => {
                usize::try_from(self.parser.token_at(index - 1).span.end.column).unwrap_or(start)
            }
        };
        slice(&self.text, start.saturating_sub(1), end.saturating_sub(1)).to_owned()
    }

    /// The next token's word, upper-cased, if it is an unquoted word.
    pub(super) fn word(&self) -> Option<String> {
        unquoted(self.parser.peek_token_ref()).map(str::to_ascii_uppercase)
    }

    /// The word after the next one.
    pub(super) fn second_word(&self) -> Option<String> {
        unquoted(self.parser.peek_nth_token_ref(1)).map(str::to_ascii_uppercase)
    }

    /// Whether the next token is this one.
    pub(super) fn sees(&self, token: &Token) -> bool {
        self.parser.peek_token_ref().token == *token
    }

    pub(super) fn skip(&mut self) {
        self.parser.advance_token();
    }

    /// Whether a quoted name comes next.
    pub(super) fn sees_quoted_word(&self) -> bool {
        matches!(&self.parser.peek_token_ref().token, Token::Word(word) if word.quote_style.is_some())
    }

    /// Whether this sign follows the next token.
    pub(super) fn sees_after_word(&self, sign: &Token) -> bool {
        self.parser.peek_nth_token_ref(1).token == *sign
            || self.second_word().as_deref() == Some("TO")
    }

    /// Whether one of these words follows the next token, or another parenthesis does.
    pub(super) fn sees_after_sign(&self, words: &[&str]) -> bool {
        self.parser.peek_nth_token_ref(1).token == Token::LParen
            || self
                .second_word()
                .is_some_and(|word| words.contains(&word.as_str()))
    }

    /// Whether this sign, and nothing else, follows the next token.
    pub(super) fn follows_word(&self, sign: &Token) -> bool {
        self.parser.peek_nth_token_ref(1).token == *sign
    }

    /// Whether the next token is the last one.
    pub(super) fn is_last(&self) -> bool {
        self.parser.peek_nth_token_ref(1).token == Token::EOF
    }

    /// Whether everything was read.
    pub(super) fn at_end(&self) -> bool {
        self.sees(&Token::EOF)
    }

    /// Everything must have been read.
    pub(super) fn end(&self) -> Result<()> {
        if self.at_end() {
            Ok(())
        } else {
            Err(self.syntax_error())
        }
    }

    /// `42601` at the next token.
    pub(super) fn syntax_error(&self) -> Error {
        self.syntax_error_at(self.parser.peek_token_ref())
    }

    fn syntax_error_at(&self, token: &TokenWithSpan) -> Error {
        let end = self.text.chars().count();
        if token.token == Token::EOF {
            return if self.semicolon {
                syntax(";", end + 1)
            } else {
                Error::new(SqlState::SYNTAX_ERROR, "syntax error at end of input").at(end + 1)
            };
        }
        let start = column(token);
        let stop = usize::try_from(token.span.end.column).unwrap_or(start);
        syntax(slice(&self.text, start - 1, stop - 1), start)
    }

    // -- words and signs

    /// Takes the words if they come next, all of them.
    pub(super) fn accept(&mut self, words: &str) -> bool {
        let matches = words.split(' ').enumerate().all(|(n, word)| {
            unquoted(self.parser.peek_nth_token_ref(n))
                .is_some_and(|found| found.eq_ignore_ascii_case(word))
        });
        if matches {
            for _ in words.split(' ') {
                self.parser.advance_token();
            }
        }
        matches
    }

    /// The words must come next.
    pub(super) fn expect(&mut self, words: &str) -> Result<()> {
        for word in words.split(' ') {
            if !self.accept(word) {
                return Err(self.syntax_error());
            }
        }
        Ok(())
    }

    /// Takes a sign if it comes next.
    pub(super) fn accept_token(&mut self, token: &Token) -> bool {
        self.parser.consume_token(token)
    }

    /// The sign must come next.
    pub(super) fn expect_token(&mut self, token: &Token) -> Result<()> {
        if self.accept_token(token) {
            Ok(())
        } else {
            Err(self.syntax_error())
        }
    }

    /// `IF EXISTS`
    pub(super) fn if_exists(&mut self) -> bool {
        self.accept("IF EXISTS")
    }

    /// `IF NOT EXISTS`
    pub(super) fn if_not_exists(&mut self) -> bool {
        self.accept("IF NOT EXISTS")
    }

    /// `CASCADE` (true), `RESTRICT` or nothing.
    pub(super) fn cascade(&mut self) -> bool {
        if self.accept("CASCADE") {
            return true;
        }
        self.accept("RESTRICT");
        false
    }

    /// `item, item, …`
    pub(super) fn list<T>(
        &mut self,
        mut item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        let mut items = vec![item(self)?];
        while self.accept_token(&Token::Comma) {
            items.push(item(self)?);
        }
        Ok(items)
    }

    /// `(item, item, …)`, or `()`.
    pub(super) fn parenthesised_or_none<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.expect_token(&Token::LParen)?;
        let items = match self.sees(&Token::RParen) {
            true => Vec::new(),
            false => self.list(item)?,
        };
        self.expect_token(&Token::RParen)?;
        Ok(items)
    }

    /// `(item, item, …)`
    pub(super) fn parenthesised<T>(
        &mut self,
        item: impl FnMut(&mut Self) -> Result<T>,
    ) -> Result<Vec<T>> {
        self.expect_token(&Token::LParen)?;
        let items = self.list(item)?;
        self.expect_token(&Token::RParen)?;
        Ok(items)
    }

    // -- names and literals

    /// A name: any word that is not reserved, or a quoted one. Folded and cut.
    pub(super) fn name(&mut self) -> Result<String> {
        let token = self.parser.peek_token_ref();
        let Token::Word(word) = &token.token else {
            return Err(self.syntax_error());
        };
        let name = match word.quote_style {
            None if is_reserved(&word.value) => return Err(self.syntax_error()),
            None => word.value.to_ascii_lowercase(),
            Some(_) if word.value.is_empty() => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "zero-length delimited identifier at or near \"\"\"\"",
                )
                .at(column(token)));
            }
            Some(_) => word.value.clone(),
        };
        self.parser.advance_token();
        Ok(name::truncate(&name).to_owned())
    }

    /// `name` or `schema.name` or `database.schema.name`.
    pub(super) fn object_name(&mut self) -> Result<ObjectName> {
        let mut parts = vec![self.name()?];
        while self.accept_token(&Token::Period) {
            parts.push(self.name()?);
        }
        qualified(parts)
    }

    /// A table's name, and whether it is meant without its descendants: `t`, `t *`, `ONLY t`,
    /// `ONLY (t)`.
    pub(super) fn table_name(&mut self) -> Result<(ObjectName, bool)> {
        if !self.accept("ONLY") {
            let name = self.object_name()?;
            self.accept_token(&Token::Mul);
            return Ok((name, false));
        }
        let enclosed = self.accept_token(&Token::LParen);
        let name = self.object_name()?;
        if enclosed {
            self.expect_token(&Token::RParen)?;
        }
        Ok((name, true))
    }

    /// A string literal.
    pub(super) fn string(&mut self) -> Result<String> {
        let text = match &self.parser.peek_token_ref().token {
            Token::SingleQuotedString(text) | Token::EscapedStringLiteral(text) => text.clone(),
            Token::DollarQuotedString(text) => text.value.clone(),
            _ => return Err(self.syntax_error()),
        };
        self.parser.advance_token();
        Ok(text)
    }

    /// Whether a string literal comes next.
    pub(super) fn sees_string(&self) -> bool {
        matches!(
            self.parser.peek_token_ref().token,
            Token::SingleQuotedString(_)
                | Token::EscapedStringLiteral(_)
                | Token::DollarQuotedString(_)
        )
    }

    /// A number with an optional sign, as its text.
    pub(super) fn number(&mut self) -> Result<String> {
        let minus = self.accept_token(&Token::Minus);
        if !minus {
            self.accept_token(&Token::Plus);
        }
        let Token::Number(digits, _) = &self.parser.peek_token_ref().token else {
            return Err(self.syntax_error());
        };
        let text = format!("{}{digits}", if minus { "-" } else { "" });
        self.parser.advance_token();
        Ok(text)
    }

    /// Any word, reserved or not, lower-cased unless quoted.
    pub(super) fn any_word(&mut self) -> Result<String> {
        let Token::Word(word) = &self.parser.peek_token_ref().token else {
            return Err(self.syntax_error());
        };
        let text = folded(word);
        self.parser.advance_token();
        Ok(text)
    }

    // -- what sqlparser reads

    /// A query.
    pub(super) fn query(&mut self) -> Result<Box<ast::Query>> {
        self.delegate(Parser::parse_query)
    }

    /// The expression that these tokens are, no more and no less.
    pub(super) fn expression_in(&self, start: usize, end: usize) -> Result<ast::Expr> {
        let tokens = (start..end).map(|index| self.parser.token_at(index).clone());
        let mut inner = Self {
            parser: Parser::new(&GRAMMAR)
                .with_recursion_limit(RECURSION_MAX)
                .with_tokens_with_locations(tokens.collect()),
            text: self.text.clone(),
            tokens: end - start,
            offset: self.offset,
            semicolon: self.semicolon,
        };
        let expression = inner.expression()?;
        inner.end()?;
        Ok(expression)
    }

    /// INSERT, UPDATE or DELETE.
    pub(super) fn dml(&mut self) -> Result<Box<ast::Statement>> {
        self.delegate(Parser::parse_statement).map(Box::new)
    }

    /// One item of FROM.
    pub(super) fn table_factor(&mut self) -> Result<ast::TableFactor> {
        self.delegate(Parser::parse_table_factor)
    }

    /// An item of FROM with what is joined to it.
    pub(super) fn table_with_joins(&mut self) -> Result<ast::TableWithJoins> {
        self.delegate(Parser::parse_table_and_joins)
    }

    /// The name of a column to be given a value.
    pub(super) fn column_name(&mut self) -> Result<ast::ObjectName> {
        self.delegate(|parser| parser.parse_object_name(false))
    }

    /// An assignment of SET.
    pub(super) fn assignment(&mut self) -> Result<ast::Assignment> {
        self.delegate(Parser::parse_assignment)
    }

    /// An expression.
    pub(super) fn expression(&mut self) -> Result<ast::Expr> {
        self.delegate(Parser::parse_expr)
    }

    /// The expression of a column's DEFAULT. It ends where a constraint starts, which sqlparser
    /// would take for part of the expression (`DEFAULT 0 NOT NULL`).
    pub(super) fn default_expression(&mut self) -> Result<ast::Expr> {
        let start = self.parser.index();
        let mut end = start;
        let mut depth = 0usize;
        loop {
            let token = self.parser.token_at(end);
            match &token.token {
                Token::EOF => break,
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket if depth > 0 => depth -= 1,
                Token::RParen | Token::Comma if depth == 0 => break,
                Token::Word(_) if depth == 0 && end > start => {
                    let word = unquoted(token).unwrap_or_default().to_ascii_uppercase();
                    if matches!(
                        word.as_str(),
                        "NOT"
                            | "NULL"
                            | "CONSTRAINT"
                            | "CHECK"
                            | "UNIQUE"
                            | "PRIMARY"
                            | "REFERENCES"
                            | "GENERATED"
                            | "COLLATE"
                            | "DEFAULT"
                    ) {
                        break;
                    }
                }
                _ => {}
            }
            end += 1;
        }
        self.expression_up_to(end)
    }

    /// The text of a function call, if one comes next: what follows its arguments is none of it.
    pub(super) fn call_text(&mut self) -> Result<Option<String>> {
        let start = self.position();
        let token = |at: usize| &self.parser.token_at(at).token;
        let is_word = |at: usize| matches!(token(at), Token::Word(_));
        let mut end = self.parser.index();
        while is_word(end) && *token(end + 1) == Token::Period {
            end += 2;
        }
        if !is_word(end) || *token(end + 1) != Token::LParen {
            return Ok(None);
        }
        let mut depth = 0_usize;
        loop {
            end += 1;
            match token(end) {
                Token::EOF => return Err(self.syntax_error_at(&TokenWithSpan::new_eof())),
                Token::LParen => depth += 1,
                Token::RParen if depth == 1 => break,
                Token::RParen => depth -= 1,
                _ => {}
            }
        }
        self.expression_up_to(end + 1)?;
        Ok(Some(self.text_since(start)))
    }

    /// The expression that the tokens before `end` are.
    fn expression_up_to(&mut self, end: usize) -> Result<ast::Expr> {
        let expression = self.expression_in(self.parser.index(), end)?;
        while self.parser.index() < end {
            self.parser.advance_token();
        }
        Ok(expression)
    }

    /// A type name.
    pub(super) fn data_type(&mut self) -> Result<ast::DataType> {
        self.delegate(Parser::parse_data_type)
    }

    pub(super) fn delegate<T>(
        &mut self,
        read: impl FnOnce(&mut Parser<'static>) -> Result<T, ParserError>,
    ) -> Result<T>
    where
        T: VisitMut,
    {
        let parser = &mut self.parser;
        let mut tree =
            bounded(self.tokens, || read(parser)).map_err(|error| self.convert(&error))?;
        balance(&mut tree);
        Ok(tree)
    }

    /// sqlparser's error as PostgreSQL's. Its text ends with the place; without a place it is the
    /// end of the input.
    fn convert(&self, error: &ParserError) -> Error {
        let message = match error {
            ParserError::RecursionLimitExceeded => {
                return too_complex(format!(
                    "The parser recursed more than {RECURSION_MAX} times."
                ));
            }
            ParserError::TokenizerError(message) | ParserError::ParserError(message) => message,
        };
        let place = message
            .rsplit_once(" at Line: 1, Column: ")
            .and_then(|(_, column)| column.parse::<u64>().ok());
        match place {
            Some(place) => {
                let mut index = 0;
                loop {
                    let token = self.parser.token_at(index);
                    if token.token == Token::EOF || token.span.start.column >= place {
                        return self.syntax_error_at(token);
                    }
                    index += 1;
                }
            }
            None if message.contains("found: EOF") => {
                self.syntax_error_at(&TokenWithSpan::new_eof())
            }
            None => self.syntax_error(),
        }
    }
}

/// A parsed name as ours.
pub(crate) fn object_name(name: &ast::ObjectName) -> Result<ObjectName> {
    let (_, name) = without_only(name);
    let parts = name
        .0
        .iter()
        .map(|part| match part {
            ast::ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
            ast::ObjectNamePart::Function(_) => {
                Err(Error::unsupported("a function call as a name"))
            }
        })
        .collect::<Result<Vec<_>>>()?;
    qualified(parts)
}

/// An identifier as the catalog stores it.
pub(crate) fn fold(ident: &ast::Ident) -> String {
    let folded = match ident.quote_style {
        None => ident.value.to_ascii_lowercase(),
        Some(_) => ident.value.clone(),
    };
    name::truncate(&folded).to_owned()
}

/// A word as it is written, or in lower case if nothing quotes it; of any length.
pub(super) fn folded(word: &Word) -> String {
    match word.quote_style {
        None => word.value.to_ascii_lowercase(),
        Some(_) => word.value.clone(),
    }
}

/// The database's name may lead, and no other's.
fn qualified(mut parts: Vec<String>) -> Result<ObjectName> {
    if parts.len() == 3 {
        let database = parts.remove(0);
        if database != crate::engine::DATABASE_NAME {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "cross-database references are not implemented: \"{database}.{}\"",
                    parts.join(".")
                ),
            ));
        }
    }
    let mut parts = parts.into_iter().rev();
    match (parts.next(), parts.next(), parts.next()) {
        (Some(name), schema, None) => Ok(ObjectName { schema, name }),
        _ => Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "improper qualified name (too many dotted names)",
        )),
    }
}

/// The word of an unquoted word token.
pub(super) fn unquoted(token: &TokenWithSpan) -> Option<&str> {
    match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(&word.value),
        _ => None,
    }
}

fn column(token: &TokenWithSpan) -> usize {
    usize::try_from(token.span.start.column).unwrap_or(1)
}

fn syntax(near: &str, position: usize) -> Error {
    Error::new(
        SqlState::SYNTAX_ERROR,
        format!("syntax error at or near \"{near}\""),
    )
    .at(position)
}
