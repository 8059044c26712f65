//! PostgreSQL's grammar where sqlparser's ends: tokens put in other words before it reads them.
//!
//! Each of these has a reading sqlparser knows that means the same, or a mark the analysis
//! understands. What has neither and is known not to be supported is refused by name here.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::base::{Error, Result};

/// The function whose arguments are the functions of `ROWS FROM (…)`. No client can send a NUL.
pub(crate) const ROWS_FROM: &str = "\0rows_from";

/// Puts a statement's tokens in words sqlparser knows.
pub(super) fn patch(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let mut index = 0;
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
            Some("USING") => match here.token(1) {
                Some(Token::Lt) => {
                    tokens.remove(index);
                    tokens[index].token = word("ASC");
                }
                Some(Token::Gt) => {
                    tokens.remove(index);
                    tokens[index].token = word("DESC");
                }
                _ => {}
            },
            Some("EXCLUDE") if here.after_frame() => match here.words(1, 2).as_str() {
                "NO OTHERS" => {
                    tokens.drain(index..index + 3);
                    continue;
                }
                "CURRENT ROW" => return Err(Error::unsupported("EXCLUDE CURRENT ROW")),
                other if other.starts_with("GROUP") => {
                    return Err(Error::unsupported("EXCLUDE GROUP"));
                }
                other if other.starts_with("TIES") => {
                    return Err(Error::unsupported("EXCLUDE TIES"));
                }
                _ => {}
            },
            Some("SEARCH")
                if here.after(&Token::RParen)
                    && matches!(here.word(1).as_deref(), Some("BREADTH" | "DEPTH")) =>
            {
                return Err(Error::unsupported("SEARCH in WITH RECURSIVE"));
            }
            Some("CYCLE")
                if here.after(&Token::RParen) && here.word(2).as_deref() == Some("SET") =>
            {
                return Err(Error::unsupported("CYCLE in WITH RECURSIVE"));
            }
            Some("ROWS")
                if here.word(1).as_deref() == Some("FROM") && here.is(2, &Token::LParen) =>
            {
                tokens.remove(index + 1);
                tokens[index].token = Token::Word(Word {
                    value: ROWS_FROM.to_owned(),
                    quote_style: Some('"'),
                    keyword: Keyword::NoKeyword,
                });
            }
            // sqlparser reads `TABLE t` only where nothing follows.
            Some("TABLE") if here.begins_query() => {
                let span = tokens[index].span;
                tokens[index].token = word("SELECT");
                let rest = [Token::Mul, word("FROM")].map(|token| TokenWithSpan::new(token, span));
                tokens.splice(index + 1..index + 1, rest);
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
            Some("ISNULL") if here.after_operand() => {
                let span = tokens[index].span;
                tokens[index].token = word("IS");
                tokens.insert(index + 1, TokenWithSpan::new(word("NULL"), span));
            }
            _ => {}
        }
        // `(t).*` is `t.*`.
        if (Here { tokens, index }).is_row_star() {
            tokens.remove(index + 2);
            tokens.remove(index);
        }
        index += 1;
    }
    Ok(())
}

/// A place among tokens.
struct Here<'t> {
    tokens: &'t [TokenWithSpan],
    index: usize,
}

impl Here<'_> {
    fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens
            .get(self.index + ahead)
            .map(|token| &token.token)
    }

    fn is(&self, ahead: usize, token: &Token) -> bool {
        self.token(ahead) == Some(token)
    }

    /// An unquoted word, in capitals.
    fn word(&self, ahead: usize) -> Option<String> {
        match self.token(ahead)? {
            Token::Word(Word {
                value,
                quote_style: None,
                ..
            }) => Some(value.to_ascii_uppercase()),
            _ => None,
        }
    }

    fn words(&self, ahead: usize, count: usize) -> String {
        (ahead..ahead + count)
            .filter_map(|ahead| self.word(ahead))
            .collect::<Vec<_>>()
            .join(" ")
    }

    fn before(&self) -> Option<&Token> {
        self.tokens
            .get(self.index.checked_sub(1)?)
            .map(|token| &token.token)
    }

    fn after(&self, token: &Token) -> bool {
        self.before() == Some(token)
    }

    /// Whether a window frame's bound ends here.
    fn after_frame(&self) -> bool {
        matches!(self.before(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if ["ROW", "PRECEDING", "FOLLOWING"]
                .iter()
                .any(|end| value.eq_ignore_ascii_case(end)))
    }

    /// Whether a query may begin here.
    fn begins_query(&self) -> bool {
        let begins = [
            "UNION",
            "ALL",
            "DISTINCT",
            "EXCEPT",
            "INTERSECT",
            "AS",
            "FOR",
        ];
        match self.before() {
            None | Some(Token::LParen) => true,
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                begins
                    .iter()
                    .any(|begin| word.value.eq_ignore_ascii_case(begin))
                    || self.after_target()
            }
            Some(Token::Word(_) | Token::RParen) => self.after_target(),
            _ => false,
        }
    }

    /// Whether the target of an INSERT stands before.
    fn after_target(&self) -> bool {
        let first = self.tokens.first().map(|token| token.token.to_string());
        first.is_some_and(|first| first.eq_ignore_ascii_case("INSERT")) && self.index > 2
    }

    /// Whether what stands before may be an operand.
    fn after_operand(&self) -> bool {
        match self.before() {
            Some(Token::Word(word)) => {
                word.quote_style.is_some()
                    || ![
                        "SELECT", "AS", "DISTINCT", "ALL", "BY", "WHERE", "AND", "OR", "NOT",
                    ]
                    .iter()
                    .any(|other| word.value.eq_ignore_ascii_case(other))
            }
            Some(
                Token::RParen
                | Token::RBracket
                | Token::Number(..)
                | Token::SingleQuotedString(_)
                | Token::Placeholder(_),
            ) => true,
            _ => false,
        }
    }

    /// Whether what stands before may be a type's name.
    fn after_type(&self) -> bool {
        matches!(self.before(), Some(Token::Word(_) | Token::RParen))
    }

    /// `( name ) . *`
    fn is_row_star(&self) -> bool {
        self.is(0, &Token::LParen)
            && matches!(self.token(1), Some(Token::Word(_)))
            && self.is(2, &Token::RParen)
            && self.is(3, &Token::Period)
            && self.is(4, &Token::Mul)
            // Not the argument of a function.
            && !matches!(self.before(), Some(Token::Word(word))
                if word.keyword == Keyword::NoKeyword)
    }
}

fn word(text: &str) -> Token {
    Token::make_word(text, None)
}
