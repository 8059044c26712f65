//! Text to tokens to statements, and the measures taken before anything recursive runs.
//!
//! Every token's span is rewritten to `(1, character position in its statement)`, so that a
//! position found anywhere in the tree later *is* the position an error reports.

use sqlparser::tokenizer::{Location, Span, Token, TokenWithSpan, Whitespace, Word};

use super::bare::spell_out;
use super::patch::patch;
use super::tokens::{Placed, tokens};
use super::{lexed, literals, precise, star};
use crate::base::limits::{
    EXPRESSION_CHAIN_MAX, EXPRESSION_DEPTH_MAX, EXPRESSION_TERMS_MAX, SET_OPERATIONS_MAX,
    STATEMENT_TOKENS_MAX,
};
use crate::base::{Error, Result, SqlState};

/// The tokens of one statement.
#[derive(Debug)]
pub(super) struct Piece {
    /// Without whitespace, comments and the semicolon.
    pub(super) tokens: Vec<TokenWithSpan>,
    /// Its text.
    pub(super) text: String,
    /// What is to be said of it.
    pub(super) warnings: Vec<String>,
    /// Where it starts in the query string, in characters from 0.
    pub(super) offset: usize,
    /// Whether a semicolon ended it, which is then what a syntax error at its end is near.
    pub(super) semicolon: bool,
}

/// Cuts a query string into statements; empty ones vanish.
pub(super) fn split(sql: &str) -> Result<Vec<Piece>> {
    let tokens = lexed::whole(sql, literals::read(sql, tokens(sql)?)?);
    if tokens.len() > 2 * STATEMENT_TOKENS_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("query string has too many tokens ({})", tokens.len()),
        )
        .hint("Load rows with COPY instead of long INSERTs."));
    }
    let mut pieces = Vec::new();
    let mut current: Vec<Placed> = Vec::new();
    let mut newline = false;
    let mut atomic = Atomic::default();
    for (token, start, end) in tokens {
        match &token.token {
            Token::SemiColon if atomic.depth > 0 => current.push((token, start, end)),
            Token::SemiColon => {
                atomic = Atomic::default();
                pieces.extend(piece(sql, std::mem::take(&mut current), true)?);
            }
            Token::EOF => {}
            Token::Whitespace(space) => {
                newline |= !matches!(space, Whitespace::Space | Whitespace::Tab);
                continue;
            }
            // String constants separated by a newline are one constant.
            Token::SingleQuotedString(more)
                if newline
                    && matches!(
                        current.last(),
                        Some((
                            TokenWithSpan {
                                token: Token::SingleQuotedString(_),
                                ..
                            },
                            _,
                            _
                        ))
                    ) =>
            {
                if let Some((last, _, last_end)) = current.last_mut()
                    && let Token::SingleQuotedString(text) = &mut last.token
                {
                    text.push_str(more);
                    *last_end = end;
                }
            }
            _ => {
                atomic.pass(&token.token);
                current.push((token, start, end));
            }
        }
        newline = false;
    }
    pieces.extend(piece(sql, current, false)?);
    Ok(pieces)
}

/// How deep inside `BEGIN ATOMIC … END` a statement is: semicolons there do not end it.
#[derive(Default)]
struct Atomic {
    depth: usize,
    /// Whether the statement makes a function, and whether BEGIN came last.
    routine: bool,
    begin: bool,
    words: usize,
}

impl Atomic {
    fn pass(&mut self, token: &Token) {
        let begin = std::mem::take(&mut self.begin);
        self.words += 1;
        let Token::Word(Word {
            value,
            quote_style: None,
            ..
        }) = token
        else {
            return;
        };
        match value.to_ascii_uppercase().as_str() {
            "FUNCTION" | "PROCEDURE" if self.words <= 4 => self.routine = true,
            "BEGIN" => self.begin = self.routine,
            "ATOMIC" if begin && self.depth == 0 => self.depth = 1,
            "CASE" if self.depth > 0 => self.depth += 1,
            "END" => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }
}

/// One statement from its tokens and their character ranges.
fn piece(sql: &str, tokens: Vec<Placed>, semicolon: bool) -> Result<Option<Piece>> {
    let (Some((_, offset, _)), Some((_, _, end))) = (tokens.first(), tokens.last()) else {
        return Ok(None);
    };
    let (offset, end) = (*offset, *end);
    let text = slice(sql, offset, end).to_owned();
    let at = |character: usize| Location::new(1, (character - offset + 1) as u64);
    let mut tokens: Vec<TokenWithSpan> = tokens
        .into_iter()
        .map(|(token, start, end)| TokenWithSpan::new(token.token, Span::new(at(start), at(end))))
        .collect();
    measure(&tokens).map_err(|error| super::shift(error, offset))?;
    let warnings = precise::lower(&mut tokens);
    star::mark_only(&mut tokens);
    spell_out(&mut tokens);
    star::drop_stars(&mut tokens);
    patch(&mut tokens).map_err(|error| super::shift(error, offset))?;
    Ok(Some(Piece {
        tokens,
        text,
        warnings,
        offset,
        semicolon,
    }))
}

/// Refuses what is too big or too deep for the recursive code to come.
fn measure(tokens: &[TokenWithSpan]) -> Result<()> {
    if tokens.len() > STATEMENT_TOKENS_MAX {
        return Err(Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("statement has too many tokens ({})", tokens.len()),
        )
        .detail(format!("At most {STATEMENT_TOKENS_MAX} are allowed."))
        .hint("Load rows with COPY instead of long INSERTs."));
    }
    // One entry per open parenthesis or bracket: (AND/OR since the last comma or clause, other
    // operators in a row).
    let mut open: Vec<(usize, usize)> = vec![(0, 0)];
    let mut cases = 0usize;
    let mut prefixes = 0usize;
    let mut set_operations = 0usize;
    let mut statements = 0usize;
    // `[][][]`: dimensions of an array type, each of which nests the type once more.
    let mut dimensions = 0usize;
    let mut before: Option<&Token> = None;
    for token in tokens {
        let position = usize::try_from(token.span.start.column).unwrap_or(1);
        let mut operator = false;
        match &token.token {
            Token::LParen | Token::LBracket | Token::LBrace => open.push((0, 0)),
            Token::RParen | Token::RBracket | Token::RBrace => {
                if open.len() > 1 {
                    open.pop();
                }
            }
            Token::Comma => reset(&mut open),
            Token::Word(word) if word.quote_style.is_none() => {
                let word = word.value.to_ascii_uppercase();
                match word.as_str() {
                    "CASE" => cases += 1,
                    "END" => cases = cases.saturating_sub(1),
                    "UNION" | "INTERSECT" | "EXCEPT" => {
                        set_operations += 1;
                        reset(&mut open);
                    }
                    "AND" | "OR" => {
                        if let Some((logical, chain)) = open.last_mut() {
                            *logical += 1;
                            *chain = 0;
                        }
                    }
                    // Statements of statements.
                    "EXPLAIN" | "PREPARE" => statements += 1,
                    // Words that stand before their operand, as a sign does.
                    "NOT" | "INTERVAL" => operator = true,
                    "IS" | "ISNULL" | "NOTNULL" | "LIKE" | "ILIKE" | "SIMILAR" | "IN"
                    | "BETWEEN" | "COLLATE" | "AT" | "OVERLAPS" | "OPERATOR" => {
                        if let Some((_, chain)) = open.last_mut() {
                            *chain += 1;
                        }
                    }
                    "FROM" | "WHERE" | "GROUP" | "HAVING" | "ORDER" | "VALUES" | "WHEN"
                    | "THEN" | "ELSE" | "SET" => reset(&mut open),
                    _ => {}
                }
            }
            Token::Word(_)
            | Token::Number(_, _)
            | Token::SingleQuotedString(_)
            | Token::EscapedStringLiteral(_)
            | Token::DollarQuotedString(_)
            | Token::Placeholder(_)
            | Token::Period => {}
            // Whatever else there is, is an operator of some kind.
            _ => operator = true,
        }
        if operator {
            prefixes += 1;
            if let Some((_, chain)) = open.last_mut() {
                *chain += 1;
            }
        } else {
            prefixes = 0;
        }
        // A chain of set operations nests as deep as it is long, in the AST and in the plan.
        if set_operations > SET_OPERATIONS_MAX {
            return Err(too_complex(format!(
                "One statement may have {SET_OPERATIONS_MAX} set operations."
            ))
            .at(position));
        }
        match (before, &token.token) {
            (_, Token::LBracket) => {}
            (Some(Token::LBracket), Token::RBracket) => dimensions += 1,
            _ => dimensions = 0,
        }
        before = Some(&token.token);
        let depth = open.len() + cases + prefixes + statements + dimensions;
        let (logical, chain) = open.last().copied().unwrap_or_default();
        if depth > EXPRESSION_DEPTH_MAX {
            return Err(too_complex(format!(
                "Expressions and subqueries may be nested {EXPRESSION_DEPTH_MAX} deep."
            ))
            .at(position));
        }
        if logical > EXPRESSION_TERMS_MAX || chain > EXPRESSION_CHAIN_MAX {
            return Err(too_complex(format!(
                "One expression may have {EXPRESSION_TERMS_MAX} terms joined by AND or OR, and \
                 {EXPRESSION_CHAIN_MAX} other operators in a row."
            ))
            .hint("A long list of values belongs in IN (…), = ANY (ARRAY[…]) or a table to join.")
            .at(position));
        }
    }
    Ok(())
}

fn reset(open: &mut [(usize, usize)]) {
    if let Some(last) = open.last_mut() {
        *last = (0, 0);
    }
}

/// `54001` in PostgreSQL's words.
pub(super) fn too_complex(detail: String) -> Error {
    Error::new(
        SqlState::STATEMENT_TOO_COMPLEX,
        "stack depth limit exceeded",
    )
    .detail(detail)
}

/// The error for text that does not even fall into tokens.
pub(super) fn unreadable(sql: &str, at: usize, message: &str) -> Error {
    let near = || slice(sql, at, sql.chars().count()).to_owned();
    let message = if message.contains("multi-line comment") {
        format!("unterminated /* comment at or near \"{}\"", near())
    } else if message.contains("dollar-quoted") {
        format!(
            "unterminated dollar-quoted string at or near \"{}\"",
            near()
        )
    } else if message.contains("Expected close delimiter '\"'") {
        format!("unterminated quoted identifier at or near \"{}\"", near())
    } else if message.contains("Unterminated") {
        format!("unterminated quoted string at or near \"{}\"", near())
    } else {
        let character: String = slice(sql, at, at + 1).to_owned();
        format!("syntax error at or near \"{character}\"")
    };
    Error::new(SqlState::SYNTAX_ERROR, message).at(at + 1)
}

/// Characters `start..end` of a text.
pub(super) fn slice(text: &str, start: usize, end: usize) -> &str {
    if text.is_ascii() {
        let end = end.min(text.len());
        return &text[start.min(end)..end];
    }
    let byte = |character: usize| {
        text.char_indices()
            .nth(character)
            .map_or(text.len(), |(byte, _)| byte)
    };
    &text[byte(start)..byte(end.max(start))]
}
