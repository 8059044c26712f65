//! FOR UPDATE and its kin, as PostgreSQL writes them and sqlparser does not: of several relations,
//! in front of LIMIT, FOR READ ONLY.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::here::Here;

/// Puts locking clauses that begin with the FOR at `index` as sqlparser reads them: each with one
/// relation behind OF, and all at the end of their query. Gives where what is still to be read
/// begins.
pub(super) fn locking(tokens: &mut Vec<TokenWithSpan>, index: usize) -> usize {
    if (Here { tokens, index }).words(1, 2) == "READ ONLY" {
        tokens.drain(index..index + 3);
        return index;
    }
    let mut end = index;
    while let Some(length) = clause(tokens, end) {
        end += length;
    }
    let here = Here { tokens, index: end };
    let limited = matches!(here.word(0).as_deref(), Some("LIMIT" | "OFFSET" | "FETCH"));
    if limited && end > index {
        let until = end + length_of_tail(&here);
        let behind = Here {
            tokens,
            index: until,
        };
        // Clauses stand on one side of LIMIT alone.
        if behind.word(0).as_deref() != Some("FOR") {
            tokens[index..until].rotate_left(end - index);
            return index;
        }
    }
    end.max(index + 1)
}

/// Puts one clause so, and gives how many tokens it has then; `None` if here is none.
fn clause(tokens: &mut Vec<TokenWithSpan>, index: usize) -> Option<usize> {
    let here = Here { tokens, index };
    // Whole tables are locked, so the weaker modes are the stronger ones.
    match here.word(0).as_deref() {
        Some("FOR") if here.words(1, 3) == "NO KEY UPDATE" => {
            tokens.drain(index + 1..index + 3);
        }
        Some("FOR") if here.words(1, 2) == "KEY SHARE" => {
            tokens.remove(index + 1);
        }
        Some("FOR") => {}
        _ => return None,
    }
    let here = Here { tokens, index };
    if !matches!(here.word(1).as_deref(), Some("UPDATE" | "SHARE")) {
        return None;
    }
    let (names, after_names) = names(&here);
    let end = after_names + waiting(&here, after_names);
    if names.len() < 2 {
        return Some(end);
    }
    let first = &tokens[index..index + 3];
    let last = &tokens[index + after_names..index + end];
    let of_each = names.iter().flat_map(|(from, to)| {
        let name = &tokens[index + from..index + to];
        [first, name, last].concat()
    });
    let clauses: Vec<_> = of_each.collect();
    let length = clauses.len();
    tokens.splice(index..index + end, clauses);
    Some(length)
}

/// Where the names behind OF stand, and where they end.
fn names(here: &Here<'_>) -> (Vec<(usize, usize)>, usize) {
    let mut names = Vec::new();
    let mut at = 2;
    if here.word(at).as_deref() != Some("OF") {
        return (names, at);
    }
    loop {
        at += 1;
        let start = at;
        while matches!(here.token(at), Some(Token::Word(_))) {
            at += 1;
            if !here.is(at, &Token::Period) {
                break;
            }
            at += 1;
        }
        names.push((start, at));
        if !here.is(at, &Token::Comma) {
            return (names, at);
        }
    }
}

/// How many tokens say what to do about others' locks.
fn waiting(here: &Here<'_>, at: usize) -> usize {
    match here.word(at).as_deref() {
        Some("NOWAIT") => 1,
        Some("SKIP") if here.word(at + 1).as_deref() == Some("LOCKED") => 2,
        _ => 0,
    }
}

/// How many tokens there are to the end of a query, of which only the end is here.
fn length_of_tail(here: &Here<'_>) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while let Some(token) = here.token(at) {
        match token {
            Token::LParen => depth += 1,
            Token::RParen if depth == 0 => break,
            Token::RParen => depth -= 1,
            Token::SemiColon => break,
            Token::Word(_) if depth == 0 => match here.word(at).as_deref() {
                Some("FOR" | "RETURNING") => break,
                Some("ON") if here.word(at + 1).as_deref() == Some("CONFLICT") => break,
                // `FETCH … WITH TIES` is the query's.
                Some("WITH") if here.word(at + 1).as_deref() != Some("TIES") => break,
                _ => {}
            },
            _ => {}
        }
        at += 1;
    }
    at
}
