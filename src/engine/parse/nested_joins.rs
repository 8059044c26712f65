//! Joins within joins that no parentheses show: `a JOIN b JOIN c ON … ON …`.

use sqlparser::tokenizer::{Token, TokenWithSpan};

use super::here::Here;

/// So many joins stand within each other at most: sqlparser reads them in as many calls.
const NESTED_MAX: usize = 100;

/// Whether what stands right of some join is a join itself, by the order of their conditions.
///
/// sqlparser then must be told to read all joins so, and would take what stands right of a NATURAL
/// JOIN, which has no condition, for such a one: statements with both are read as they always were.
pub(super) fn are_in(tokens: &[TokenWithSpan]) -> bool {
    let mut found = false;
    // Joins whose conditions are still to come, one number for each parenthesis that is open.
    let mut awaited = vec![0usize];
    for index in 0..tokens.len() {
        let here = Here { tokens, index };
        match here.token(0) {
            Some(Token::LParen) => awaited.push(0),
            Some(Token::RParen) if awaited.len() > 1 => {
                awaited.pop();
            }
            _ => {}
        }
        let Some(joins) = awaited.last_mut() else {
            continue;
        };
        match here.word(0).as_deref() {
            Some("NATURAL") => return false,
            Some("JOIN") if !here.after_word("CROSS") => {
                found |= *joins > 0;
                *joins += 1;
                if *joins > NESTED_MAX {
                    return false;
                }
            }
            Some("ON" | "USING") => *joins = joins.saturating_sub(1),
            _ => {}
        }
    }
    found
}
