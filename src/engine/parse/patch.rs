//! PostgreSQL's grammar where sqlparser's ends: tokens put in other words before it reads them.
//!
//! Each of these has a reading sqlparser knows that means the same, or a mark the analysis
//! understands. What has neither and is known not to be supported is refused by name here.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::here::Here;
use crate::base::{Error, Result, SqlState};

/// The function whose arguments are the functions of `ROWS FROM (…)`. No client can send a NUL.
pub(crate) const ROWS_FROM: &str = "\0rows_from";

/// The names of windows whose frames leave rows out; behind another NUL the window's own name.
pub(crate) const EXCLUDE_CURRENT_ROW: &str = "\0exclude current row";
pub(crate) const EXCLUDE_GROUP: &str = "\0exclude group";
pub(crate) const EXCLUDE_TIES: &str = "\0exclude ties";

/// The item of a GROUP BY that takes each grouping set once.
pub(crate) const GROUP_BY_DISTINCT: &str = "\0distinct";

/// The name of an argument that is an array of arguments.
pub(crate) const VARIADIC: &str = "\0variadic";

/// The function that gives an array with elements of it replaced: `UPDATE t SET a[1] = 2`. Its
/// arguments are the array, the new value, and the subscripts as text of an array slice.
pub(crate) const SUBSCRIPTED: &str = "\0subscripted";

/// Puts a statement's tokens in words sqlparser knows.
pub(super) fn patch(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let mut index = 0;
    // Options of other statements are written as typed strings are: `name 'value'`.
    let queries = [
        "SELECT", "WITH", "VALUES", "INSERT", "UPDATE", "DELETE", "EXPLAIN",
    ]
    .contains(
        &(Here { tokens, index })
            .word(0)
            .unwrap_or_default()
            .as_str(),
    );
    while index < tokens.len() {
        let here = Here { tokens, index };
        match here.word(0).as_deref() {
            Some("BETWEEN") => match here.word(1).as_deref() {
                Some("ASYMMETRIC") => {
                    tokens.remove(index + 1);
                }
                // No operator of PostgreSQL is written so any more: it marks the lower bound.
                Some("SYMMETRIC") => tokens[index + 1].token = Token::DoubleExclamationMark,
                _ => {}
            },
            Some("BOTH" | "LEADING" | "TRAILING") if here.word(1).as_deref() == Some("FROM") => {
                let blank = Token::SingleQuotedString(" ".to_owned());
                let span = tokens[index].span;
                tokens.insert(index + 1, TokenWithSpan::new(blank, span));
            }
            Some("TRIM")
                if here.is(1, &Token::LParen) && here.word(2).as_deref() == Some("FROM") =>
            {
                tokens.remove(index + 2);
            }
            // Words of the grammar to sqlparser, functions to whoever writes their schema.
            Some("PG_CATALOG")
                if here.is(1, &Token::Period)
                    && here.is(3, &Token::LParen)
                    && matches!(
                        here.word(2).as_deref(),
                        Some("SUBSTRING" | "SUBSTR" | "OVERLAY" | "CEIL" | "FLOOR" | "TRIM")
                    ) =>
            {
                tokens.drain(index..index + 2);
            }
            Some("USING") => {
                let direction = match here.token(1).map(Token::to_string).as_deref() {
                    Some("<" | "~<~") => Some("ASC"),
                    Some(">" | "~>~") => Some("DESC"),
                    _ => None,
                };
                if let Some(direction) = direction {
                    tokens.remove(index);
                    tokens[index].token = word(direction);
                }
            }
            Some("BY") if here.word(1).as_deref() == Some("DISTINCT") && here.after_group() => {
                tokens[index + 1].token = quoted(GROUP_BY_DISTINCT);
                let span = tokens[index].span;
                tokens.insert(index + 2, TokenWithSpan::new(Token::Comma, span));
            }
            Some("BY")
                if here.word(1).as_deref() == Some("ALL")
                    && here.after_group()
                    && !matches!(here.token(2), None | Some(Token::RParen)) =>
            {
                tokens.remove(index + 1);
            }
            // `f(a, VARIADIC b)`, which is no parameter of a function to be made.
            Some("VARIADIC")
                if matches!(here.before(), Some(Token::LParen | Token::Comma))
                    && !super::routines::names_routine(here.tokens) =>
            {
                tokens[index].token = quoted(VARIADIC);
                let span = tokens[index].span;
                tokens.insert(index + 1, TokenWithSpan::new(Token::Assignment, span));
            }
            // Whole tables are locked, so the weaker modes are the stronger ones.
            Some("FOR") if here.words(1, 3) == "NO KEY UPDATE" => {
                tokens.drain(index + 1..index + 3);
            }
            Some("FOR") if here.words(1, 2) == "KEY SHARE" => {
                tokens.remove(index + 1);
            }
            Some("TABLESAMPLE")
                if here.is(2, &Token::LParen)
                    && !matches!(here.word(1).as_deref(), Some("SYSTEM" | "BERNOULLI")) =>
            {
                let name = match here.token(1) {
                    Some(Token::Word(word)) => word.value.to_ascii_lowercase(),
                    _ => String::new(),
                };
                return Err(Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("tablesample method {name} does not exist"),
                ));
            }
            Some("SUBSTRING") if here.is(1, &Token::LParen) => substring(tokens, index),
            Some("SET") if here.follows_update() => subscripts(tokens, index),
            Some("EXCLUDE") if here.after_frame() => match here.words(1, 2).as_str() {
                "NO OTHERS" => {
                    tokens.drain(index..index + 3);
                    continue;
                }
                "CURRENT ROW" => {
                    tokens.drain(index..index + 3);
                    mark_window(tokens, index, EXCLUDE_CURRENT_ROW);
                    continue;
                }
                other if other.starts_with("GROUP") => {
                    tokens.drain(index..index + 2);
                    mark_window(tokens, index, EXCLUDE_GROUP);
                    continue;
                }
                other if other.starts_with("TIES") => {
                    tokens.drain(index..index + 2);
                    mark_window(tokens, index, EXCLUDE_TIES);
                    continue;
                }
                _ => {}
            },
            Some("SEARCH" | "CYCLE") if here.after(&Token::RParen) => {
                if let Some(next) = super::traversal::among_columns(tokens, index) {
                    index = next;
                    continue;
                }
            }
            Some("ROWS")
                if here.word(1).as_deref() == Some("FROM") && here.is(2, &Token::LParen) =>
            {
                tokens.remove(index + 1);
                tokens[index].token = quoted(ROWS_FROM);
            }
            Some(name @ ("ARRAY" | "TABLE")) if here.is_label() => {
                tokens[index].token = quoted(&name.to_ascii_lowercase());
            }
            // sqlparser reads `TABLE t` only where nothing follows.
            Some("TABLE") if here.begins_query() => {
                let span = tokens[index].span;
                tokens[index].token = word("SELECT");
                let rest = [Token::Mul, word("FROM")].map(|token| TokenWithSpan::new(token, span));
                tokens.splice(index + 1..index + 1, rest);
                super::star::bare_table(tokens, index + 3);
            }
            // `int ARRAY` is the type `int[]`; what makes an array is followed by its elements.
            Some("ARRAY")
                if here.after_type()
                    && !here.is(1, &Token::LBracket)
                    && !here.is(1, &Token::LParen) =>
            {
                let span = tokens[index].span;
                tokens[index].token = Token::LBracket;
                tokens.insert(index + 1, TokenWithSpan::new(Token::RBracket, span));
            }
            // A name for what stands before: these are fields of an interval to sqlparser alone.
            Some("INTERVAL") if here.is_interval_with_label() => {
                if let Some(name) = here.word(2) {
                    tokens[index + 2].token = quoted(&name.to_ascii_lowercase());
                }
            }
            // `FROM f() AS (a int)`: the relation is called as the function is.
            Some("AS") if here.is(1, &Token::LParen) && here.after(&Token::RParen) => {
                if super::star::in_from(tokens, index)
                    && let Some(name) = called(tokens, index - 1)
                {
                    tokens.insert(index + 1, name);
                }
            }
            // sqlparser forgets the precision of `INTERVAL(3) 'text'`.
            Some("INTERVAL") if here.is_precise_interval() => {
                let span = tokens[index].span;
                let plain = |token: Token| TokenWithSpan::new(token, span);
                let text = tokens.remove(index + 4);
                let rest = [plain(Token::LParen), text, plain(word("AS"))];
                tokens.insert(index + 4, plain(Token::RParen));
                tokens.splice(index..index, [plain(word("CAST"))].into_iter().chain(rest));
            }
            Some(name) if queries && here.types_a_string(name) => {
                let span = tokens[index].span;
                let (ty, text) = (tokens[index].clone(), tokens[index + 1].clone());
                let plain = |token: Token| TokenWithSpan::new(token, span);
                let cast = [
                    plain(word("CAST")),
                    plain(Token::LParen),
                    text,
                    plain(word("AS")),
                    ty,
                    plain(Token::RParen),
                ];
                tokens.splice(index..index + 2, cast);
            }
            Some("ISNULL") if here.after_operand() => {
                let span = tokens[index].span;
                tokens[index].token = word("IS");
                tokens.insert(index + 1, TokenWithSpan::new(word("NULL"), span));
            }
            _ => {}
        }
        // `row.*` with something done to it is the row.
        if (Here { tokens, index }).is_operand_star() {
            tokens.drain(index..=index + 1);
        }
        // `(row).*`: all fields, under a name that none has.
        if (Here { tokens, index }).is_row_star() {
            tokens[index + 1].token = quoted(super::FIELDS);
        }
        index += 1;
    }
    Ok(())
}

/// The name of the function whose arguments end at `close`.
fn called(tokens: &[TokenWithSpan], close: usize) -> Option<TokenWithSpan> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match &tokens[at].token {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let name = tokens.get(at.checked_sub(1)?)?;
            return matches!(name.token, Token::Word(_)).then(|| name.clone());
        }
    }
    None
}

/// Marks the window whose definition `index` stands in, by its name.
fn mark_window(tokens: &mut Vec<TokenWithSpan>, index: usize, mark: &str) {
    let mut depth = 0_usize;
    for at in (0..index).rev() {
        match &tokens[at].token {
            Token::RParen => depth += 1,
            Token::LParen if depth > 0 => depth -= 1,
            Token::LParen => {
                let begins = |word: &Word| {
                    word.quote_style.is_none()
                        && ["PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"]
                            .iter()
                            .any(|first| word.value.eq_ignore_ascii_case(first))
                };
                match tokens.get_mut(at + 1).map(|next| &mut next.token) {
                    Some(Token::Word(word)) if !begins(word) => {
                        let name = match word.quote_style {
                            Some(_) => word.value.clone(),
                            None => word.value.to_ascii_lowercase(),
                        };
                        tokens[at + 1].token = quoted(&format!("{mark}\0{name}"));
                    }
                    _ => {
                        let span = tokens[at].span;
                        tokens.insert(at + 1, TokenWithSpan::new(quoted(mark), span));
                    }
                }
                return;
            }
            _ => {}
        }
    }
}

/// The end of the parenthesis that opens at `open`, and the places of words directly in it.
fn parenthesis(tokens: &[TokenWithSpan], open: usize) -> Option<(usize, Vec<(usize, String)>)> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => {
                depth -= 1;
                if depth == 0 {
                    return Some((at, words));
                }
            }
            Token::Word(word) if depth == 1 && word.quote_style.is_none() => {
                words.push((at, word.value.to_ascii_uppercase()));
            }
            _ => {}
        }
    }
    None
}

/// `SUBSTRING(x SIMILAR y ESCAPE z)` is a call, and `SUBSTRING(x FOR n FROM m)` has an order.
fn substring(tokens: &mut Vec<TokenWithSpan>, index: usize) {
    let Some((end, words)) = parenthesis(tokens, index + 1) else {
        return;
    };
    let find = |wanted: &str| {
        words
            .iter()
            .find(|(_, word)| word == wanted)
            .map(|(at, _)| *at)
    };
    if let (Some(similar), Some(escape)) = (find("SIMILAR"), find("ESCAPE"))
        && !words.contains(&(similar + 1, "TO".to_owned()))
    {
        tokens[similar].token = Token::Comma;
        tokens[escape].token = Token::Comma;
        tokens[index].token = quoted("substring");
        return;
    }
    if let (Some(length), Some(from)) = (find("FOR"), find("FROM"))
        && length < from
    {
        let counted: Vec<_> = tokens.drain(length..from).collect();
        let at = end - counted.len();
        tokens.splice(at..at, counted);
    }
}

/// `SET a[1] = x` is `SET a = f(a, x, subscripts…)`.
fn subscripts(tokens: &mut Vec<TokenWithSpan>, set: usize) {
    let mut at = set + 1;
    // What was assigned to parts of columns so far: the column, and where the value's tokens are.
    let mut parts: Vec<(String, std::ops::Range<usize>)> = Vec::new();
    while let Some(TokenWithSpan {
        token: Token::Word(name),
        ..
    }) = tokens.get(at)
    {
        let name = match name.quote_style {
            None => name.value.to_ascii_lowercase(),
            Some(_) => name.value.clone(),
        };
        let column = tokens[at].clone();
        let mut next = at + 1;
        let mut texts: Vec<Vec<TokenWithSpan>> = Vec::new();
        while tokens.get(next).map(|token| &token.token) == Some(&Token::LBracket) {
            let Some((close, _)) = parenthesis(tokens, next) else {
                return;
            };
            texts.push(tokens[next + 1..close].to_vec());
            next = close + 1;
        }
        // Where the assignment ends.
        let mut depth = 0_usize;
        let mut end = next;
        while let Some(token) = tokens.get(end) {
            match &token.token {
                Token::LParen | Token::LBracket => depth += 1,
                Token::RParen | Token::RBracket if depth == 0 => break,
                Token::RParen | Token::RBracket => depth -= 1,
                Token::Comma if depth == 0 => break,
                Token::Word(word)
                    if depth == 0
                        && word.quote_style.is_none()
                        && ["FROM", "WHERE", "RETURNING"]
                            .iter()
                            .any(|clause| word.value.eq_ignore_ascii_case(clause))
                        // `IS DISTINCT FROM`
                        && !matches!(&tokens[end - 1].token, Token::Word(before)
                            if before.keyword == Keyword::DISTINCT) =>
                {
                    break;
                }
                _ => {}
            }
            end += 1;
        }
        if !texts.is_empty() && tokens.get(next).map(|token| &token.token) == Some(&Token::Eq) {
            let span = column.span;
            let plain = |token: Token| TokenWithSpan::new(token, span);
            let value = tokens[next + 1..end].to_vec();
            let before = parts.iter().position(|(other, _)| *other == name);
            let mut made = vec![plain(quoted(SUBSCRIPTED)), plain(Token::LParen)];
            match before {
                Some(before) => made.extend_from_slice(&tokens[parts[before].1.clone()]),
                None => made.push(column.clone()),
            }
            made.push(plain(Token::Comma));
            made.extend(value);
            for text in texts {
                // A slice is two bounds with a mark before them; one that is left out is FALSE.
                let mut depth = 0_usize;
                let colon = text.iter().position(|token| {
                    match token.token {
                        Token::LParen | Token::LBracket => depth += 1,
                        Token::RParen | Token::RBracket => depth = depth.saturating_sub(1),
                        _ => {}
                    }
                    depth == 0 && token.token == Token::Colon
                });
                let ends: Vec<&[TokenWithSpan]> = match colon {
                    Some(colon) => vec![&text[..colon], &text[colon + 1..]],
                    None => vec![&text],
                };
                let slice = if ends.len() == 2 { "TRUE" } else { "FALSE" };
                made.extend([plain(Token::Comma), plain(word(slice))]);
                for part in ends {
                    made.push(plain(Token::Comma));
                    match part.is_empty() {
                        true => made.push(plain(word("FALSE"))),
                        false => made.extend_from_slice(part),
                    }
                }
            }
            made.push(plain(Token::RParen));
            match before {
                // Of several parts of a column each is put into what the one before made.
                Some(before) => {
                    let of = parts[before].1.clone();
                    tokens.drain(at - 1..end);
                    let more = made.len() - of.len();
                    tokens.splice(of.clone(), made);
                    for (_, range) in &mut parts[before + 1..] {
                        *range = range.start + more..range.end + more;
                    }
                    parts[before].1.end += more;
                    end = at - 1 + more;
                }
                None => {
                    made.splice(0..0, [column.clone(), plain(Token::Eq)]);
                    let length = made.len();
                    tokens.splice(at..end, made);
                    parts.push((name, at + 2..at + length));
                    end = at + length;
                }
            }
        }
        if tokens.get(end).map(|token| &token.token) != Some(&Token::Comma) {
            return;
        }
        at = end + 1;
    }
}

pub(super) fn quoted(name: &str) -> Token {
    Token::Word(Word {
        value: name.to_owned(),
        quote_style: Some('"'),
        keyword: Keyword::NoKeyword,
    })
}

fn word(text: &str) -> Token {
    Token::make_word(text, None)
}
