//! Numbers and names, as PostgreSQL's lexer reads them where sqlparser's reads something else:
//! what goes on behind a number is no name of it, and `U&'…'` and `U&"…"` are spelled with the
//! escape character that UESCAPE gives them.

use sqlparser::tokenizer::{Token, Word};

use super::split::slice;
use super::tokens::Placed;
use crate::base::{Error, Result, SqlState};
use crate::types::surrogates::{Halves, Misread};

/// What stands before the text between quotes: `U&'`.
const OPENING: usize = 3;

/// The same tokens with Unicode escapes read.
///
/// # Errors
/// `42601` for what PostgreSQL's lexer refuses.
pub(super) fn read(sql: &str, tokens: Vec<Placed>) -> Result<Vec<Placed>> {
    let mut made: Vec<Placed> = Vec::with_capacity(tokens.len());
    let mut rest = tokens.into_iter().peekable();
    while let Some(first) = rest.next() {
        let adjacent = rest.peek().filter(|next| next.1 == first.2);
        match &first.0.token {
            Token::Number(..) | Token::HexStringLiteral(_) => {
                let end = adjacent.and_then(|next| match &next.0.token {
                    Token::Word(word) if word.quote_style.is_none() => Some(next.2),
                    _ => None,
                });
                check_number(sql, &first, end)?;
            }
            Token::Placeholder(text) => {
                let rest = text.strip_prefix('$').unwrap_or_default();
                let numbered = rest.starts_with(|c: char| c.is_ascii_digit());
                if numbered && !rest.chars().all(|c| c.is_ascii_digit()) {
                    return Err(junk("parameter", text, first.1));
                }
            }
            Token::Word(word) if is_u(word) && adjacent.is_some_and(is_ampersand) => {
                if let Some(ampersand) = rest.next() {
                    let text = rest.next_if(|next| next.1 == ampersand.2 && is_quoted(next));
                    match text {
                        Some(text) => {
                            let (text, spaces) = unescaped(sql, &first, text, &mut rest)?;
                            made.push(text);
                            made.extend(spaces);
                        }
                        None => made.extend([first, ampersand]),
                    }
                }
                continue;
            }
            _ => {}
        }
        made.push(first);
    }
    Ok(made)
}

fn is_u(word: &Word) -> bool {
    word.quote_style.is_none() && word.value.eq_ignore_ascii_case("u")
}

fn is_ampersand(token: &Placed) -> bool {
    token.0.token == Token::Ampersand
}

/// Whether this is text between quotes.
fn is_quoted(token: &Placed) -> bool {
    match &token.0.token {
        Token::SingleQuotedString(_) => true,
        Token::Word(word) => word.quote_style.is_some(),
        _ => false,
    }
}

/// That a number ends where it does; `end` is where the name directly behind it does.
fn check_number(sql: &str, (token, start, own): &Placed, end: Option<usize>) -> Result<()> {
    let plain = match &token.token {
        Token::Number(text, _) => !text.contains('_'),
        // `0x1F` is shorter than `x'1F'`.
        Token::HexStringLiteral(text) => own - start != text.chars().count() + "0x".len(),
        _ => true,
    };
    if plain && end.is_none() {
        return Ok(());
    }
    let mut end = end.unwrap_or(*own);
    // An exponent without digits goes on to its sign.
    let sign = slice(sql, end, end + 1);
    if slice(sql, *own, end).eq_ignore_ascii_case("e") && matches!(sign, "+" | "-") {
        end += 1;
    }
    Err(junk("numeric literal", slice(sql, *start, end), *start))
}

/// `42601`
fn junk(what: &str, text: &str, start: usize) -> Error {
    let message = format!("trailing junk after {what} at or near \"{text}\"");
    Error::new(SqlState::SYNTAX_ERROR, message).at(start + 1)
}

/// What `U&` and the text behind it stand for, with the escape character that follows, if one does;
/// the blanks behind it, if none does.
fn unescaped(
    sql: &str,
    first: &Placed,
    (mut token, start, mut end): Placed,
    rest: &mut std::iter::Peekable<std::vec::IntoIter<Placed>>,
) -> Result<(Placed, Vec<Placed>)> {
    let mut escape = '\\';
    let mut spaces: Vec<Placed> = std::iter::from_fn(|| rest.next_if(is_space)).collect();
    let word = rest.next_if(|next| match &next.0.token {
        Token::Word(word) => {
            word.quote_style.is_none() && word.value.eq_ignore_ascii_case("uescape")
        }
        _ => false,
    });
    if word.is_some() {
        spaces.clear();
        while rest.next_if(is_space).is_some() {}
        let given = rest.next();
        let near = given.as_ref().or(word.as_ref());
        let (at, to) = near.map_or((start, end), |near| (near.1, near.2));
        let Some(Token::SingleQuotedString(text)) = given.map(|(token, ..)| token.token) else {
            let message = format!(
                "UESCAPE must be followed by a simple string literal at or near \"{}\"",
                slice(sql, at, to)
            );
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).at(at + 1));
        };
        escape = escape_character(&text).ok_or_else(|| {
            let message = format!("invalid Unicode escape character at or near \"'{text}'\"");
            Error::new(SqlState::SYNTAX_ERROR, message).at(at + 1)
        })?;
        end = to;
    }
    let read = |text: &str| decoded(text, escape, first.1 + OPENING);
    match &mut token.token {
        Token::SingleQuotedString(text) => *text = read(text)?,
        Token::Word(word) => word.value = read(&word.value)?,
        _ => {}
    }
    Ok(((token, first.1, end), spaces))
}

fn is_space(token: &Placed) -> bool {
    matches!(token.0.token, Token::Whitespace(_))
}

/// What UESCAPE may give: one character that is no hexadecimal digit, sign, quote or blank.
fn escape_character(text: &str) -> Option<char> {
    let mut characters = text.chars();
    let only = characters.next().filter(|_| characters.next().is_none())?;
    let taken = only.is_ascii_hexdigit() || only.is_whitespace() || "+'\"".contains(only);
    (!taken && only.is_ascii()).then_some(only)
}

/// The text with its escapes read; its first character is at `start`, from 0, of the query.
fn decoded(text: &str, escape: char, start: usize) -> Result<String> {
    let characters: Vec<char> = text.chars().collect();
    let mut made = String::with_capacity(text.len());
    let mut halves = Halves::default();
    let mut at = 0;
    let wrong = |what: &str, at: usize| Error::new(SqlState::SYNTAX_ERROR, what).at(start + at + 1);
    let pair = |at: usize| wrong("invalid Unicode surrogate pair", at);
    while let Some(&next) = characters.get(at) {
        if next != escape || characters.get(at + 1) == Some(&escape) {
            if halves.is_open() {
                return Err(pair(at));
            }
            made.push(next);
            at += if next == escape { 2 } else { 1 };
            continue;
        }
        let (digits, count) = match characters.get(at + 1) {
            Some('+') => (at + 2, 6),
            _ => (at + 1, 4),
        };
        let digits = characters.get(digits..digits + count);
        let code = digits
            .filter(|digits| digits.iter().all(char::is_ascii_hexdigit))
            .and_then(|digits| u32::from_str_radix(&digits.iter().collect::<String>(), 16).ok());
        let Some(code) = code else {
            let error = wrong("invalid Unicode escape", at);
            return Err(error.hint("Unicode escapes must be \\XXXX or \\+XXXXXX."));
        };
        match halves.take(code) {
            Ok(character) => made.extend(character),
            Err(Misread::Half) => return Err(pair(at)),
            Err(Misread::Number) => return Err(wrong("invalid Unicode escape value", at)),
        }
        at += 1 + count + usize::from(count == 6);
    }
    match halves.is_open() {
        true => Err(pair(at)),
        false => Ok(made),
    }
}
