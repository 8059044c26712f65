//! Words of a path.

use super::syntax;
use crate::base::{Error, Result, SqlState};

#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A name or keyword as it stands.
    Word(String),
    /// Quoted.
    String(String),
    /// `$name` or `$"name"`
    Variable(String),
    Number(String),
    Sign(&'static str),
}

/// Signs, longest first.
const SIGNS: &[&str] = &[
    "&&", "||", "<=", ">=", "==", "!=", "<>", "**", "<", ">", "!", "$", "@", "(", ")", "[", "]",
    "{", "}", "?", ".", ",", "+", "-", "*", "/", "%", "#", ":", "=", "&", "|",
];

const SPECIAL: &str = "?%$.[]{}()|&!=<>@#,*:-+/\"\\";

/// Splits a path into words; each with its text.
pub(super) fn split(text: &str) -> Result<Vec<(Token, String)>> {
    let chars: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < chars.len() {
        let c = chars[at];
        let start = at;
        if c.is_ascii_whitespace() {
            at += 1;
            continue;
        }
        if c == '/' && chars.get(at + 1) == Some(&'*') {
            let end = (at + 2..chars.len()).find(|at| chars[*at..].starts_with(&['*', '/']));
            at = end.ok_or_else(|| syntax("unexpected end of comment at end of jsonpath input"))?
                + 2;
            continue;
        }
        let token = if c == '"' {
            at += 1;
            Token::String(quoted(&chars, &mut at)?)
        } else if c == '$' && chars.get(at + 1) == Some(&'"') {
            at += 2;
            Token::Variable(quoted(&chars, &mut at)?)
        } else if c == '$' && chars.get(at + 1).is_some_and(|c| in_name(*c) || *c == '\\') {
            at += 1;
            Token::Variable(name(&chars, &mut at)?)
        } else if c.is_ascii_digit()
            || c == '.' && chars.get(at + 1).is_some_and(char::is_ascii_digit)
        {
            Token::Number(number(&chars, &mut at)?)
        } else if in_name(c) || c == '\\' {
            Token::Word(name(&chars, &mut at)?)
        } else {
            let rest = &chars[at..];
            let sign = SIGNS.iter().find(|sign| {
                sign.chars().count() <= rest.len() && sign.chars().zip(rest).all(|(a, b)| a == *b)
            });
            let Some(sign) = sign else {
                return Err(syntax(format!(
                    "syntax error at or near \"{c}\" of jsonpath input"
                )));
            };
            at += sign.len();
            Token::Sign(sign)
        };
        tokens.push((token, chars[start..at].iter().collect()));
    }
    Ok(tokens)
}

fn in_name(c: char) -> bool {
    !c.is_ascii_whitespace() && !SPECIAL.contains(c)
}

fn name(chars: &[char], at: &mut usize) -> Result<String> {
    let mut name = String::new();
    while let Some(c) = chars.get(*at) {
        match c {
            '\\' => escape(chars, at, &mut name)?,
            c if in_name(*c) => {
                name.push(*c);
                *at += 1;
            }
            // A comment ends a name; a division does not begin within one.
            _ => break,
        }
    }
    Ok(name)
}

fn quoted(chars: &[char], at: &mut usize) -> Result<String> {
    let mut text = String::new();
    loop {
        match chars.get(*at) {
            None => {
                return Err(syntax(
                    "unterminated quoted string at end of jsonpath input",
                ));
            }
            Some('"') => {
                *at += 1;
                return Ok(text);
            }
            Some('\\') => escape(chars, at, &mut text)?,
            Some(c) => {
                text.push(*c);
                *at += 1;
            }
        }
    }
}

fn escape(chars: &[char], at: &mut usize, text: &mut String) -> Result<()> {
    let wrong = |what: &str| syntax(format!("{what} of jsonpath input"));
    *at += 1;
    let c = *chars
        .get(*at)
        .ok_or_else(|| wrong("unexpected end after backslash at end"))?;
    *at += 1;
    match c {
        'b' => text.push('\u{8}'),
        'f' => text.push('\u{c}'),
        'n' => text.push('\n'),
        'r' => text.push('\r'),
        't' => text.push('\t'),
        'v' => text.push('\u{b}'),
        'x' => {
            let code = hexadecimal(chars, at, 2, 2)
                .ok_or_else(|| wrong("invalid hexadecimal character sequence"))?;
            push(code, text)?;
        }
        'u' => {
            let invalid = || wrong("invalid unicode sequence");
            let mut code = unicode(chars, at).ok_or_else(invalid)?;
            let surrogate = |code: u32| (0xdc00..0xe000).contains(&code);
            if (0xd800..0xdc00).contains(&code) {
                let pair = chars.get(*at..*at + 2) == Some(&['\\', 'u']);
                if pair {
                    *at += 2;
                }
                let low = if pair { unicode(chars, at) } else { None };
                let Some(low) = low.filter(|low| surrogate(*low)) else {
                    return Err(json_surrogate(
                        "Unicode high surrogate must not follow a high surrogate.",
                    ));
                };
                code = 0x10000 + ((code - 0xd800) << 10) + low - 0xdc00;
            } else if surrogate(code) {
                return Err(json_surrogate(
                    "Unicode low surrogate must follow a high surrogate.",
                ));
            }
            push(code, text)?;
        }
        c => text.push(c),
    }
    Ok(())
}

fn json_surrogate(detail: &str) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        "invalid input syntax for type jsonpath",
    )
    .detail(detail)
}

fn push(code: u32, text: &mut String) -> Result<()> {
    if code == 0 {
        return Err(Error::new(
            SqlState::UNTRANSLATABLE_CHARACTER,
            "unsupported Unicode escape sequence",
        )
        .detail("\\u0000 cannot be converted to text."));
    }
    text.extend(char::from_u32(code));
    Ok(())
}

/// `XXXX` or `{X…}`
fn unicode(chars: &[char], at: &mut usize) -> Option<u32> {
    if chars.get(*at) != Some(&'{') {
        return hexadecimal(chars, at, 4, 4);
    }
    *at += 1;
    let code = hexadecimal(chars, at, 1, 6)?;
    (chars.get(*at) == Some(&'}')).then(|| *at += 1)?;
    Some(code)
}

fn hexadecimal(chars: &[char], at: &mut usize, least: usize, most: usize) -> Option<u32> {
    let mut code = 0;
    let mut count = 0;
    while count < most
        && let Some(digit) = chars.get(*at).and_then(|c| c.to_digit(16))
    {
        code = code * 16 + digit;
        *at += 1;
        count += 1;
    }
    (count >= least).then_some(code)
}

fn number(chars: &[char], at: &mut usize) -> Result<String> {
    let start = *at;
    let digits = |at: &mut usize| {
        let from = *at;
        while chars.get(*at).is_some_and(char::is_ascii_digit) {
            *at += 1;
        }
        *at > from
    };
    let whole = digits(at);
    if chars.get(*at) == Some(&'.') {
        *at += 1;
        digits(at);
    }
    if matches!(chars.get(*at), Some('e' | 'E')) {
        *at += 1;
        if matches!(chars.get(*at), Some('+' | '-')) {
            *at += 1;
        }
        digits(at);
    }
    let junk = chars.get(*at).is_some_and(|c| in_name(*c));
    let text: String = chars[start..*at].iter().collect();
    // No zero before other digits.
    let zeros = whole
        && text.len() > 1
        && text.starts_with('0')
        && text.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
    if junk || zeros || !text.ends_with(|c: char| c.is_ascii_digit() || c == '.') {
        let end = (*at + usize::from(junk)).min(chars.len());
        let near: String = chars[start..end].iter().collect();
        return Err(syntax(format!(
            "trailing junk after numeric literal at or near \"{near}\" of jsonpath input"
        )));
    }
    Ok(text)
}
