//! Precisions of times that are higher than there are: PostgreSQL says so and takes the highest.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::here::Here;
use crate::types::precision::DIGITS_MAX;

/// Lowers the precisions in a statement's tokens; gives what is to be said of them.
pub(super) fn lower(tokens: &mut [TokenWithSpan]) -> Vec<String> {
    let mut said = Vec::new();
    for index in 0..tokens.len() {
        let here = Here { tokens, index };
        let (Some(word), Some(Token::Number(digits, _))) = (here.word(0), here.token(2)) else {
            continue;
        };
        let (name, zoned) = match word.as_str() {
            "TIMESTAMP" | "TIME" => (word.as_str(), here.words(4, 3) == "WITH TIME ZONE"),
            "TIMESTAMPTZ" => ("TIMESTAMP", true),
            "TIMETZ" => ("TIME", true),
            "INTERVAL" => ("INTERVAL", false),
            _ => continue,
        };
        let listed = here.is(1, &Token::LParen) && here.is(3, &Token::RParen);
        // What no integer holds is refused where the type is read.
        let high = digits
            .parse::<i32>()
            .is_ok_and(|digits| u64::try_from(digits).is_ok_and(|digits| digits > DIGITS_MAX));
        if !listed || !high {
            continue;
        }
        let zone = if zoned { " WITH TIME ZONE" } else { "" };
        said.push(format!(
            "{name}({digits}){zone} precision reduced to maximum allowed, {DIGITS_MAX}"
        ));
        tokens[index + 2].token = Token::Number(DIGITS_MAX.to_string(), false);
    }
    said
}
