//! `UPDATE t SET a[1] = 2`: parts of arrays that are assigned to.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::cursor::folded;
use super::patch::{parenthesis, quoted, word};

/// The function that gives an array with elements of it replaced: `UPDATE t SET a[1] = 2`. Its
/// arguments are the array, the new value, and the subscripts as text of an array slice.
pub(crate) const SUBSCRIPTED: &str = "\0subscripted";

/// `SET a[1] = x` is `SET a = f(a, x, subscripts…)`.
pub(super) fn lower(tokens: &mut Vec<TokenWithSpan>, set: usize) {
    let mut at = set + 1;
    // What was assigned to parts of columns so far: the column, and where the value's tokens are.
    let mut parts: Vec<(String, std::ops::Range<usize>)> = Vec::new();
    while let Some(TokenWithSpan {
        token: Token::Word(name),
        ..
    }) = tokens.get(at)
    {
        let name = folded(name);
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
