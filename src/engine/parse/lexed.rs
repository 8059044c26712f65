//! Operators as PostgreSQL reads them: as long as their signs go on.
//!
//! sqlparser ends some of them early: for it `===` is `==` and `=`.

use sqlparser::tokenizer::Token;

use super::tokens::Placed;

/// How many tokens are looked at together: more than any operator is made of.
const RUN_MAX: usize = 100;

/// What operators are written with.
pub(super) fn is_sign(c: char) -> bool {
    "+-*/<>=~!@#%^&|`?".contains(c)
}

/// What lets an operator of several signs end in `+` or `-`.
fn is_other(c: char) -> bool {
    "~!@#%^&|`?".contains(c)
}

/// Reads on through a text: finding a place in it again and again from its start would take time
/// that grows with the square of its length.
struct Spelling<'a> {
    characters: std::str::Chars<'a>,
    read: usize,
}

impl Spelling<'_> {
    /// Two characters; the places asked for only grow.
    fn two_at(&mut self, start: usize) -> String {
        let behind = start.saturating_sub(self.read);
        if behind > 0 {
            self.characters.nth(behind - 1);
            self.read = start;
        }
        self.characters.clone().take(2).collect()
    }
}

/// The text of a token that is made of such signs.
fn signs(spelling: &mut Spelling<'_>, (token, start, _): &Placed) -> Option<String> {
    let text = match &token.token {
        Token::Neq => spelling.two_at(*start),
        Token::CustomBinaryOperator(sign) => sign.clone(),
        token if is_plain(token) => return None,
        token => token.to_string(),
    };
    (!text.is_empty() && text.chars().all(is_sign)).then_some(text)
}

/// What no operator is written with, told without making a copy of it.
fn is_plain(token: &Token) -> bool {
    matches!(
        token,
        Token::Word(_)
            | Token::Number(..)
            | Token::Whitespace(_)
            | Token::Placeholder(_)
            | Token::SingleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedString(_)
            | Token::HexStringLiteral(_)
            | Token::Comma
            | Token::Colon
            | Token::DoubleColon
            | Token::SemiColon
            | Token::Period
            | Token::LParen
            | Token::RParen
            | Token::LBracket
            | Token::RBracket
            | Token::LBrace
            | Token::RBrace
            | Token::EOF
    )
}

/// Puts the tokens of one operator together.
pub(super) fn whole(sql: &str, tokens: Vec<Placed>) -> Vec<Placed> {
    let mut made: Vec<Placed> = Vec::with_capacity(tokens.len());
    let mut spelling = Spelling {
        characters: sql.chars(),
        read: 0,
    };
    let mut rest = tokens.into_iter().peekable();
    while let Some(first) = rest.next() {
        let adjacent = |after: &Placed, next: &Placed| after.2 == next.1;
        let text = match rest.peek() {
            Some(next) if adjacent(&first, next) && !is_plain(&next.0.token) => {
                signs(&mut spelling, &first)
            }
            Some(_) | None => None,
        };
        let Some(text) = text else {
            made.push(first);
            continue;
        };
        let mut run = vec![(first, text)];
        while let Some(next) = rest.peek().filter(|_| run.len() < RUN_MAX) {
            let last = run.last().map(|(last, _)| last);
            if !last.is_some_and(|last| adjacent(last, next)) {
                break;
            }
            let Some(text) = signs(&mut spelling, next) else {
                break;
            };
            if let Some(next) = rest.next() {
                run.push((next, text));
            }
        }
        cut(run, &mut made);
    }
    made
}

/// The operators of a run of signs.
fn cut(run: Vec<(Placed, String)>, made: &mut Vec<Placed>) {
    let mut run = run.as_slice();
    while let Some(((first, text), behind)) = run.split_first() {
        let all: String = run.iter().map(|(_, text)| text.as_str()).collect();
        let mut length = all.len();
        let ends_in_sum = |length: usize| all[..length].ends_with(['+', '-']);
        while length > 1 && ends_in_sum(length) && !all[..length].contains(is_other) {
            length -= 1;
        }
        let mut taken = 0;
        let mut count = 0;
        while taken < length && count < run.len() {
            taken += run[count].1.len();
            count += 1;
        }
        // An operator that ends amid a token is that token's business.
        if count < 2 || taken != length || text.len() >= length {
            made.push(first.clone());
            run = behind;
            continue;
        }
        let (mut token, start, mut end) = first.clone();
        if let Some(((last, _, last_end), _)) = run.get(count - 1) {
            token.span.end = last.span.end;
            end = *last_end;
        }
        token.token = Token::CustomBinaryOperator(all[..length].to_owned());
        made.push((token, start, end));
        run = &run[count..];
    }
}
