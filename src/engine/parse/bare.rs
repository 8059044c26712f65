//! SELECT without a list, and strings of the national character set.

use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

/// What a SELECT without a list and FROM reads: one row. No client can name it.
const NOTHING: &str = "\0nothing";

/// Puts both in words sqlparser knows: of a SELECT without a list it wants a FROM, and
/// `N'text'` is a `bpchar`.
pub(super) fn spell_out(tokens: &mut Vec<TokenWithSpan>) {
    let mut index = 0;
    while index < tokens.len() {
        // Where they stand is where what they replace stood.
        let span = tokens[index].span;
        let written = match &tokens[index].token {
            Token::NationalStringLiteral(text) => {
                let written = cast_to_bpchar(text.clone());
                tokens.remove(index);
                written
            }
            token => {
                let bare = is_word(token, &["SELECT"]) && is_bare(tokens, index);
                index += 1;
                if !bare {
                    continue;
                }
                one_row()
            }
        };
        let end = index + written.len();
        let written = written
            .into_iter()
            .map(|token| TokenWithSpan::new(token, span));
        drop(tokens.splice(index..index, written));
        index = end;
    }
}

/// Whether the SELECT at `index` has neither list nor FROM.
fn is_bare(tokens: &[TokenWithSpan], index: usize) -> bool {
    /// What may follow the list.
    const REST: &[&str] = &[
        "WHERE",
        "GROUP",
        "HAVING",
        "WINDOW",
        "UNION",
        "INTERSECT",
        "EXCEPT",
        "ORDER",
        "LIMIT",
        "OFFSET",
        "FETCH",
        "FOR",
    ];
    // `AS select` and `t.select` are names.
    let before = index.checked_sub(1).and_then(|before| tokens.get(before));
    if before.is_some_and(|before| before.token == Token::Period || is_word(&before.token, &["AS"]))
    {
        return false;
    }
    match tokens.get(index + 1).map(|next| &next.token) {
        None | Some(Token::EOF | Token::SemiColon | Token::RParen) => true,
        Some(next) => is_word(next, REST),
    }
}

fn is_word(token: &Token, words: &[&str]) -> bool {
    matches!(token, Token::Word(Word { value, quote_style: None, .. })
        if words.iter().any(|word| value.eq_ignore_ascii_case(word)))
}

fn cast_to_bpchar(text: String) -> Vec<Token> {
    vec![
        Token::make_word("CAST", None),
        Token::LParen,
        Token::SingleQuotedString(text),
        Token::make_word("AS", None),
        Token::make_word("bpchar", None),
        Token::RParen,
    ]
}

/// `FROM (VALUES (NULL)) AS nothing (nothing)`
fn one_row() -> Vec<Token> {
    vec![
        Token::make_word("FROM", None),
        Token::LParen,
        Token::make_word("VALUES", None),
        Token::LParen,
        Token::make_word("NULL", None),
        Token::RParen,
        Token::RParen,
        Token::make_word("AS", None),
        Token::make_word(NOTHING, Some('"')),
        Token::LParen,
        Token::make_word(NOTHING, Some('"')),
        Token::RParen,
    ]
}
