//! PostgreSQL's regular expressions ("advanced regular expressions"), translated to the `regex`
//! crate's.
//!
//! Back references and lookaround are refused: the crate has none. Where alternatives of different
//! length match at one place, PostgreSQL takes the longest and the crate the first: alternatives
//! that are plain text are put in order for that, others may give a shorter match.

use std::cell::RefCell;
use std::fmt::Write;
use std::rc::Rc;

use regex::Regex;

use crate::base::{Error, Result, SqlState};

/// Compiled patterns kept per thread.
const KEPT: usize = 32;

thread_local! {
    static COMPILED: RefCell<Vec<(String, String, Rc<Compiled>)>> = const { RefCell::new(Vec::new()) };
}

/// A pattern ready to match.
#[derive(Debug)]
pub(super) struct Compiled {
    pub(super) regex: Regex,
    /// Flag `g`: every match, not the first.
    pub(super) global: bool,
}

/// What flags ask for.
#[derive(Debug, Clone, Copy, Default)]
struct Flags {
    ignore_case: bool,
    /// `.` and `[^…]` stop at line breaks.
    lines_dot: bool,
    /// `^` and `$` match at line breaks.
    lines_anchor: bool,
    expanded: bool,
    literal: bool,
    global: bool,
}

impl Flags {
    fn set(&mut self, letters: &str) -> Result<()> {
        for letter in letters.chars() {
            match letter {
                'i' => self.ignore_case = true,
                'c' => self.ignore_case = false,
                'n' | 'm' => (self.lines_dot, self.lines_anchor) = (true, true),
                'p' => (self.lines_dot, self.lines_anchor) = (true, false),
                'w' => (self.lines_dot, self.lines_anchor) = (false, true),
                's' => (self.lines_dot, self.lines_anchor) = (false, false),
                'x' => self.expanded = true,
                't' => self.expanded = false,
                'q' => self.literal = true,
                'e' => self.literal = false,
                'g' => self.global = true,
                'b' => return Err(Error::unsupported("a basic regular expression")),
                other => {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("invalid regular expression option: \"{other}\""),
                    ));
                }
            }
        }
        Ok(())
    }
}

/// The pattern with flags as the functions take them.
///
/// # Errors
/// `2201B` for a pattern that is none, `22023` for a flag that is none, `0A000`.
pub(super) fn compile(pattern: &str, flags: &str) -> Result<Rc<Compiled>> {
    COMPILED.with_borrow_mut(|compiled| {
        let known = compiled
            .iter()
            .position(|(text, letters, _)| text == pattern && letters == flags);
        if let Some(index) = known {
            compiled[..=index].rotate_right(1);
            return Ok(compiled[0].2.clone());
        }
        let new = Rc::new(build(pattern, flags)?);
        compiled.insert(0, (pattern.to_owned(), flags.to_owned(), new.clone()));
        compiled.truncate(KEPT);
        Ok(new)
    })
}

fn build(pattern: &str, letters: &str) -> Result<Compiled> {
    let mut flags = Flags::default();
    flags.set(letters)?;
    let mut rest = pattern;
    if let Some(literal) = rest.strip_prefix("***=") {
        flags.literal = true;
        rest = literal;
    } else if let Some(advanced) = rest.strip_prefix("***:") {
        rest = advanced;
    } else if rest.starts_with("***") {
        return Err(invalid("invalid regexp (reg version 0.8)"));
    }
    if let Some(options) = rest.strip_prefix("(?")
        && !flags.literal
        && options.starts_with(|c: char| c.is_ascii_alphabetic())
        && let Some((embedded, after)) = options.split_once(')')
    {
        flags
            .set(embedded)
            .map_err(|_| invalid("invalid embedded option"))?;
        rest = after;
    }
    let translated = if flags.literal {
        regex::escape(rest)
    } else {
        Translator::new(rest, flags).translate()?
    };
    let regex = regex::RegexBuilder::new(&translated)
        .case_insensitive(flags.ignore_case)
        .dot_matches_new_line(!flags.lines_dot)
        .size_limit(1 << 24)
        .build()
        .map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => invalid("regular expression is too complex"),
            error => invalid(
                &error
                    .to_string()
                    .lines()
                    .last()
                    .unwrap_or_default()
                    .replace("error: ", ""),
            ),
        })?;
    Ok(Compiled {
        regex,
        global: flags.global,
    })
}

fn invalid(what: &str) -> Error {
    Error::new(
        SqlState::INVALID_REGULAR_EXPRESSION,
        format!("invalid regular expression: {what}"),
    )
}

/// Whether quantifiers take as little as they can, all alike: PostgreSQL's preference is that of
/// the whole, which the first quantifier decides.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Preference {
    Undecided,
    Longest,
    Shortest,
}

struct Translator<'a> {
    chars: std::iter::Peekable<std::str::Chars<'a>>,
    flags: Flags,
    preference: Preference,
    depth: usize,
}

/// Groups within each other at most.
const DEPTH_MAX: usize = 200;

impl<'a> Translator<'a> {
    fn new(pattern: &'a str, flags: Flags) -> Self {
        Self {
            chars: pattern.chars().peekable(),
            flags,
            preference: Preference::Undecided,
            depth: 0,
        }
    }

    fn translate(mut self) -> Result<String> {
        let out = self.alternatives()?;
        match self.chars.next() {
            None => Ok(out),
            Some(_) => Err(invalid("parentheses () not balanced")),
        }
    }

    /// Branches up to a closing parenthesis or the end.
    fn alternatives(&mut self) -> Result<String> {
        let mut branches = vec![self.branch()?];
        while self.chars.next_if_eq(&'|').is_some() {
            branches.push(self.branch()?);
        }
        let plain = branches.iter().all(|(_, plain)| *plain);
        if plain && self.preference != Preference::Shortest {
            branches.sort_by_key(|(text, _)| std::cmp::Reverse(text.len()));
        }
        let texts: Vec<String> = branches.into_iter().map(|(text, _)| text).collect();
        Ok(texts.join("|"))
    }

    /// A branch, and whether it is plain text.
    fn branch(&mut self) -> Result<(String, bool)> {
        let mut out = String::new();
        let mut plain = true;
        while let Some(next) = self.chars.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let Some((atom, is_text, can_repeat)) = self.atom()? else {
                continue;
            };
            plain &= is_text;
            let quantifier = self.quantifier(can_repeat)?;
            if let Some(quantifier) = quantifier {
                plain = false;
                out.push_str(&atom);
                out.push_str(&quantifier);
                if matches!(self.chars.peek(), Some('*' | '+' | '?')) {
                    return Err(invalid("quantifier operand invalid"));
                }
            } else {
                out.push_str(&atom);
            }
        }
        Ok((out, plain))
    }

    /// One atom, whether it is plain text, and whether it may be repeated; `None` for what is
    /// nothing (space in expanded patterns, comments).
    fn atom(&mut self) -> Result<Option<(String, bool, bool)>> {
        let Some(c) = self.chars.next() else {
            return Ok(None);
        };
        Ok(Some(match c {
            '(' => {
                return self
                    .group()
                    .map(|group| group.map(|text| (text, false, true)));
            }
            '[' => (self.class()?, false, true),
            '.' => (".".to_owned(), false, true),
            '^' if self.flags.lines_anchor => ("(?m:^)".to_owned(), false, false),
            '^' => ("\\A".to_owned(), false, false),
            '$' if self.flags.lines_anchor => ("(?m:$)".to_owned(), false, false),
            '$' => ("\\z".to_owned(), false, false),
            '*' | '+' | '?' => return Err(invalid("quantifier operand invalid")),
            '{' if self.chars.peek().is_some_and(char::is_ascii_digit) => {
                return Err(invalid("quantifier operand invalid"));
            }
            '\\' => return self.escape().map(Some),
            c if self.flags.expanded && c.is_whitespace() => return Ok(None),
            '#' if self.flags.expanded => {
                while self.chars.next_if(|c| *c != '\n').is_some() {}
                return Ok(None);
            }
            c => (regex::escape(c.encode_utf8(&mut [0; 4])), true, true),
        }))
    }

    fn group(&mut self) -> Result<Option<String>> {
        let mut open = "(";
        if self.chars.next_if_eq(&'?').is_some() {
            match self.chars.next() {
                Some(':') => open = "(?:",
                Some('#') => {
                    while self.chars.next_if(|c| *c != ')').is_some() {}
                    return match self.chars.next() {
                        Some(_) => Ok(None),
                        None => Err(invalid("parentheses () not balanced")),
                    };
                }
                Some('=' | '!' | '<') => {
                    return Err(Error::unsupported("lookaround in a regular expression"));
                }
                _ => return Err(invalid("invalid embedded option")),
            }
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(invalid("regular expression is too complex"));
        }
        let inner = self.alternatives()?;
        self.depth -= 1;
        match self.chars.next() {
            Some(')') => Ok(Some(format!("{open}{inner})"))),
            _ => Err(invalid("parentheses () not balanced")),
        }
    }

    fn quantifier(&mut self, can_repeat: bool) -> Result<Option<String>> {
        let mut out = match self.chars.peek() {
            Some(c @ ('*' | '+' | '?')) => c.to_string(),
            Some('{') => {
                self.chars.next();
                let text = self.bound()?;
                return self.preferred(text, can_repeat).map(Some);
            }
            _ => return Ok(None),
        };
        self.chars.next();
        out = self.preferred(out, can_repeat)?;
        Ok(Some(out))
    }

    fn preferred(&mut self, mut quantifier: String, can_repeat: bool) -> Result<String> {
        if !can_repeat {
            return Err(invalid("quantifier operand invalid"));
        }
        let shortest = self.chars.next_if_eq(&'?').is_some();
        if self.preference == Preference::Undecided {
            self.preference = match shortest {
                true => Preference::Shortest,
                false => Preference::Longest,
            };
        }
        if self.preference == Preference::Shortest {
            quantifier.push('?');
        }
        Ok(quantifier)
    }

    /// `m}`, `m,}` or `m,n}`
    fn bound(&mut self) -> Result<String> {
        let number = |chars: &mut std::iter::Peekable<std::str::Chars<'a>>| {
            let mut digits = String::new();
            while let Some(digit) = chars.next_if(char::is_ascii_digit) {
                digits.push(digit);
            }
            digits
        };
        let low = number(&mut self.chars);
        let comma = self.chars.next_if_eq(&',').is_some();
        let high = if comma {
            number(&mut self.chars)
        } else {
            String::new()
        };
        if self.chars.next() != Some('}') {
            return Err(match self.chars.peek() {
                None => invalid("braces {} not balanced"),
                Some(_) => invalid("invalid repetition count(s)"),
            });
        }
        let value = |digits: &str| digits.parse::<u32>().ok().filter(|value| *value <= 255);
        let (Some(least), most) = (value(&low), value(&high)) else {
            return Err(invalid("invalid repetition count(s)"));
        };
        if !high.is_empty() && most.is_none_or(|most| most < least) {
            return Err(invalid("invalid repetition count(s)"));
        }
        Ok(if comma {
            format!("{{{low},{high}}}")
        } else {
            format!("{{{low}}}")
        })
    }

    /// What follows a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(String, bool, bool)> {
        let Some(c) = self.chars.next() else {
            return Err(invalid("invalid escape \\ sequence"));
        };
        let class = |text: &str| Ok((text.to_owned(), false, true));
        let anchor = |text: &str| Ok((text.to_owned(), false, false));
        match c {
            'd' => class("[[:digit:]]"),
            'D' => class("[^[:digit:]]"),
            's' => class("\\s"),
            'S' => class("\\S"),
            'w' => class("\\w"),
            'W' => class("\\W"),
            'A' => anchor("\\A"),
            'Z' => anchor("\\z"),
            'm' => anchor("\\b{start}"),
            'M' => anchor("\\b{end}"),
            'y' => anchor("\\b"),
            'Y' => anchor("\\B"),
            '1'..='9' => Err(Error::unsupported(
                "a back reference in a regular expression",
            )),
            c => {
                let c = self.character(c)?;
                Ok((regex::escape(c.encode_utf8(&mut [0; 4])), true, true))
            }
        }
    }

    /// The character an escape stands for.
    fn character(&mut self, c: char) -> Result<char> {
        let wrong = || invalid("invalid escape \\ sequence");
        Ok(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'B' => '\\',
            'c' => {
                let next = self.chars.next().ok_or_else(wrong)?;
                char::from(u8::try_from(u32::from(next) & 0x1f).unwrap_or(0))
            }
            'e' => '\u{1b}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\u{b}',
            'u' => self.hexadecimal(4, 4)?,
            'U' => self.hexadecimal(8, 8)?,
            'x' => self.hexadecimal(1, 255)?,
            '0' => {
                let mut value = 0;
                for _ in 0..2 {
                    if let Some(digit) = self.chars.next_if(|c| ('0'..='7').contains(c)) {
                        value = value * 8 + digit.to_digit(8).unwrap_or(0);
                    }
                }
                char::from_u32(value).ok_or_else(wrong)?
            }
            c if c.is_ascii_alphanumeric() => return Err(wrong()),
            c => c,
        })
    }

    fn hexadecimal(&mut self, least: usize, most: usize) -> Result<char> {
        let mut digits = String::new();
        while digits.len() < most
            && let Some(digit) = self.chars.next_if(char::is_ascii_hexdigit)
        {
            digits.push(digit);
        }
        u32::from_str_radix(&digits, 16)
            .ok()
            .filter(|_| digits.len() >= least)
            .and_then(char::from_u32)
            .ok_or_else(|| invalid("invalid escape \\ sequence"))
    }

    /// A bracket expression, behind its `[`.
    fn class(&mut self) -> Result<String> {
        let unbalanced = || invalid("brackets [] not balanced");
        let rest: String = self.chars.clone().collect();
        // Word boundaries in the shape of a class.
        for (spelled, meant) in [("[:<:]]", "\\b{start}"), ("[:>:]]", "\\b{end}")] {
            if rest.starts_with(spelled) {
                for _ in 0..spelled.len() {
                    self.chars.next();
                }
                return Ok(meant.to_owned());
            }
        }
        let mut out = String::from("[");
        let negated = self.chars.next_if_eq(&'^').is_some();
        if negated {
            out.push('^');
            if self.flags.lines_dot {
                out.push_str("\\n");
            }
        }
        let mut first = true;
        loop {
            let c = self.chars.next().ok_or_else(unbalanced)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let start = match c {
                '[' if matches!(self.chars.peek(), Some(':' | '.' | '=')) => match self.named()? {
                    Ok(class) => {
                        out.push_str(&class);
                        continue;
                    }
                    Err(c) => c,
                },
                '\\' => match self.chars.next().ok_or_else(unbalanced)? {
                    'd' => {
                        out.push_str("[:digit:]");
                        continue;
                    }
                    c @ ('s' | 'w') => {
                        out.push('\\');
                        out.push(c);
                        continue;
                    }
                    c @ ('D' | 'S' | 'W') => {
                        out.push('\\');
                        out.push(c);
                        continue;
                    }
                    c => self.character(c)?,
                },
                c => c,
            };
            let mut end = None;
            let mut ahead = self.chars.clone();
            if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
                self.chars.next();
                end = Some(match self.chars.next().ok_or_else(unbalanced)? {
                    '\\' => {
                        let c = self.chars.next().ok_or_else(unbalanced)?;
                        self.character(c)?
                    }
                    '[' if matches!(self.chars.peek(), Some('.' | '=')) => match self.named()? {
                        Err(c) => c,
                        Ok(_) => return Err(invalid("invalid character range")),
                    },
                    c => c,
                });
            }
            let mut push = |c: char| {
                let written = if c.is_ascii_punctuation() {
                    write!(out, "\\{c}")
                } else {
                    write!(out, "{c}")
                };
                written.map_err(|error| Error::internal("translating a pattern", error))
            };
            push(start)?;
            if let Some(end) = end {
                if end < start {
                    return Err(invalid("invalid character range"));
                }
                out.push('-');
                let mut push = |c: char| {
                    if c.is_ascii_punctuation() {
                        out.push('\\');
                    }
                    out.push(c);
                };
                push(end);
            }
        }
        out.push(']');
        Ok(out)
    }

    /// `[:class:]`, or the character of `[.x.]` and `[=x=]`, behind the first bracket.
    fn named(&mut self) -> Result<std::result::Result<String, char>> {
        let kind = self.chars.next().unwrap_or(':');
        let mut name = String::new();
        loop {
            match self.chars.next() {
                None => return Err(invalid("brackets [] not balanced")),
                Some(c) if c == kind && self.chars.peek() == Some(&']') => {
                    self.chars.next();
                    break;
                }
                Some(c) => name.push(c),
            }
        }
        if kind != ':' {
            let mut chars = name.chars();
            return match (chars.next(), chars.next()) {
                (Some(c), None) => Ok(Err(c)),
                _ => Err(invalid("invalid collating element")),
            };
        }
        Ok(Ok(match name.as_str() {
            "alpha" => "\\p{Alphabetic}".to_owned(),
            "alnum" => "\\p{Alphabetic}\\p{N}".to_owned(),
            "upper" => "\\p{Uppercase}".to_owned(),
            "lower" => "\\p{Lowercase}".to_owned(),
            "space" => "\\s".to_owned(),
            "word" => "\\w".to_owned(),
            "digit" | "punct" | "blank" | "cntrl" | "xdigit" | "graph" | "print" | "ascii" => {
                format!("[:{name}:]")
            }
            _ => return Err(invalid("invalid character class")),
        }))
    }
}
