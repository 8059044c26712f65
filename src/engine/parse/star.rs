//! `FROM t *`: the table with what inherits from it. Nothing does here, so the star says nothing;
//! sqlparser does not know it.

use sqlparser::tokenizer::{Token, TokenWithSpan};

/// Words one of which stands before the name of a table.
const BEFORE: &[&str] = &["FROM", "JOIN", "ONLY", "UPDATE"];

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
        match &tokens[before].token {
            Token::Period => start = before,
            found => return word(found).is_some_and(|word| BEFORE.contains(&word.as_str())),
        }
    }
}
