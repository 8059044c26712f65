//! Joins within joins that no parentheses show: `a JOIN b JOIN c ON … ON …`.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan};

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
    let mut before = Keyword::NoKeyword;
    for token in tokens {
        let keyword = match &token.token {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        match token.token {
            Token::LParen => awaited.push(0),
            Token::RParen if awaited.len() > 1 => {
                awaited.pop();
            }
            _ => {}
        }
        let after_cross = std::mem::replace(&mut before, keyword) == Keyword::CROSS;
        let Some(joins) = awaited.last_mut() else {
            continue;
        };
        match keyword {
            Keyword::NATURAL => return false,
            Keyword::JOIN if !after_cross => {
                found |= *joins > 0;
                *joins += 1;
                if *joins > NESTED_MAX {
                    return false;
                }
            }
            Keyword::ON | Keyword::USING => *joins = joins.saturating_sub(1),
            _ => {}
        }
    }
    found
}
