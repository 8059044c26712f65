//! `FROM t *`: the table with what inherits from it, which goes without saying, and `FROM ONLY t`:
//! without. sqlparser does not know them: the star is taken away, and ONLY becomes the first part
//! of the table's name.

use std::borrow::Cow;

use sqlparser::ast;
use sqlparser::tokenizer::{Token, TokenWithSpan};

/// The first part of the name of a table that is meant alone. No client can send the NUL.
pub(crate) const ONLY: &str = "\0only";

/// Whether a table is meant alone, and its name.
pub(crate) fn without_only(name: &ast::ObjectName) -> (bool, Cow<'_, ast::ObjectName>) {
    let is_mark = |part: &ast::ObjectNamePart| part.as_ident().is_some_and(|i| i.value == ONLY);
    match name.0.as_slice() {
        [first, rest @ ..] if is_mark(first) => (true, Cow::Owned(ast::ObjectName(rest.to_vec()))),
        _ => (false, Cow::Borrowed(name)),
    }
}

/// Words one of which stands before the name of a table.
const BEFORE: &[&str] = &["FROM", "JOIN", "ONLY", "UPDATE", "USING"];

/// Words that may come behind a table. Behind the sign of a product there is an operand.
const BEHIND: &[&str] = &[
    "AS",
    "CROSS",
    "EXCEPT",
    "FETCH",
    "FOR",
    "FULL",
    "GROUP",
    "HAVING",
    "INNER",
    "INTERSECT",
    "JOIN",
    "LEFT",
    "LIMIT",
    "NATURAL",
    "OFFSET",
    "ON",
    "ORDER",
    "RETURNING",
    "RIGHT",
    "SET",
    "UNION",
    "USING",
    "WHERE",
    "WINDOW",
];

/// Takes away the stars behind names of tables.
pub(super) fn drop_stars(tokens: &mut Vec<TokenWithSpan>) {
    let mut index = 0;
    while index < tokens.len() {
        if tokens[index].token == Token::Mul && ends(tokens, index + 1) && is_named(tokens, index) {
            tokens.remove(index);
        } else {
            index += 1;
        }
    }
}

/// Makes ONLY before names of tables a part of them, and takes away the parentheses it may be
/// followed by.
pub(super) fn mark_only(tokens: &mut Vec<TokenWithSpan>) {
    let mut index = 1;
    while index + 1 < tokens.len() {
        let only = word(&tokens[index].token).is_some_and(|word| word == "ONLY")
            && introduces(tokens, index - 1);
        index += 1;
        if !only {
            continue;
        }
        take_only(tokens, index - 1);
    }
}

/// Makes the ONLY at `only` a part of the name behind it, and takes away the parentheses around
/// that.
fn take_only(tokens: &mut Vec<TokenWithSpan>, only: usize) {
    match tokens.get(only + 1).map(|token| &token.token) {
        Some(Token::Word(_)) => {}
        Some(Token::LParen) => {
            let end = only + 2 + name_length(&tokens[only + 2..]);
            if end == only + 2 || tokens.get(end).map(|token| &token.token) != Some(&Token::RParen)
            {
                return;
            }
            tokens.remove(end);
            tokens.remove(only + 1);
        }
        _ => return,
    }
    // Both stand where the name does, for messages.
    let span = tokens[only + 1].span;
    let mark = Token::make_word(ONLY, Some('"'));
    let marks = [mark, Token::Period].map(|token| TokenWithSpan::new(token, span));
    tokens.splice(only..=only, marks);
}

/// As [`drop_stars`] and [`mark_only`], of `TABLE t *`, `TABLE ONLY t` and `TABLE ONLY (t)`, whose
/// name begins at `index`.
pub(super) fn bare_table(tokens: &mut Vec<TokenWithSpan>, index: usize) {
    let first = tokens.get(index).and_then(|token| word(&token.token));
    if first.as_deref() == Some("ONLY") {
        return take_only(tokens, index);
    }
    let end = index + name_length(&tokens[index..]);
    if end > index && tokens.get(end).map(|token| &token.token) == Some(&Token::Mul) {
        tokens.remove(end);
    }
}

/// How many tokens the name has that the tokens begin with.
fn name_length(tokens: &[TokenWithSpan]) -> usize {
    let mut length = 0;
    let is = |at: usize, wanted: fn(&Token) -> bool| {
        tokens.get(at).is_some_and(|token| wanted(&token.token))
    };
    while is(length, |token| matches!(token, Token::Word(_))) {
        length += 1;
        if !is(length, |token| *token == Token::Period) {
            break;
        }
        length += 1;
    }
    length
}

/// Whether what stands at `index` comes before an item of FROM, or the table of an UPDATE.
fn introduces(tokens: &[TokenWithSpan], index: usize) -> bool {
    match &tokens[index].token {
        Token::Comma => in_from(tokens, index),
        found => match word(found).as_deref() {
            Some("INTO") => {
                let before = index.checked_sub(1).and_then(|at| word(&tokens[at].token));
                before.as_deref() == Some("MERGE")
            }
            Some(found) => BEFORE.contains(&found),
            None => false,
        },
    }
}

/// Whether `index` is in the list of a FROM clause, and in no parenthesis there.
pub(super) fn in_from(tokens: &[TokenWithSpan], index: usize) -> bool {
    /// Words that begin other clauses.
    const OTHERS: &[&str] = &[
        "SELECT",
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "ORDER",
        "BY",
        "LIMIT",
        "OFFSET",
        "SET",
        "VALUES",
        "RETURNING",
        "WITH",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "FOR",
    ];
    let mut depth = 0_usize;
    for at in (0..index).rev() {
        match &tokens[at].token {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket if depth == 0 => return false,
            Token::LParen | Token::LBracket => depth -= 1,
            found if depth == 0 => match word(found).unwrap_or_default().as_str() {
                // `IS DISTINCT FROM` is an operator.
                "FROM" => {
                    let before = at.checked_sub(1).and_then(|at| word(&tokens[at].token));
                    if before.as_deref() != Some("DISTINCT") {
                        return true;
                    }
                }
                other if OTHERS.contains(&other) => return false,
                _ => {}
            },
            _ => {}
        }
    }
    false
}

fn word(token: &Token) -> Option<String> {
    match token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_ascii_uppercase()),
        _ => None,
    }
}

/// Whether an item of FROM may end before `index`.
fn ends(tokens: &[TokenWithSpan], index: usize) -> bool {
    let token = |index: usize| tokens.get(index).map(|token| &token.token);
    match token(index) {
        None | Some(Token::EOF | Token::SemiColon | Token::Comma | Token::RParen) => true,
        Some(found) => {
            let found = word(found).unwrap_or_default();
            // These two are functions too.
            let called = ["LEFT", "RIGHT"].contains(&found.as_str())
                && token(index + 1) == Some(&Token::LParen);
            BEHIND.contains(&found.as_str()) && !called
        }
    }
}

/// Whether the name of a table ends before `index`.
fn is_named(tokens: &[TokenWithSpan], index: usize) -> bool {
    let mut start = index;
    loop {
        let Some(name) = start.checked_sub(1) else {
            return false;
        };
        if !matches!(tokens[name].token, Token::Word(_)) {
            return false;
        }
        let Some(before) = name.checked_sub(1) else {
            return false;
        };
        match tokens[before].token {
            Token::Period => start = before,
            _ => return introduces(tokens, before),
        }
    }
}
