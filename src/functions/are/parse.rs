//! Reads a pattern (PostgreSQL manual, 9.7.3: "advanced" regular expressions).

use std::rc::Rc;

use super::set::{CLASSES, Class, Item, NAMES, Set};
use super::{Flags, invalid};
use crate::base::Result;

/// Groups within each other at most.
const DEPTH_MAX: usize = 200;
/// Highest count of `{m,n}`.
const REPEAT_MAX: u32 = 255;

/// What a quantifier prefers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Prefers {
    Nothing,
    Longest,
    Shortest,
}

/// A condition on a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    Start,
    End,
    LineStart,
    LineEnd,
    WordStart,
    WordEnd,
    WordEdge,
    NoWordEdge,
}

/// A part of a pattern.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Empty,
    One(Rc<Set>),
    At(Place),
    Look {
        ahead: bool,
        negated: bool,
        node: Box<Node>,
    },
    Back(usize),
    Group(usize, Box<Node>),
    Sequence(Vec<Node>),
    Either(Vec<Node>),
    Repeat {
        node: Box<Node>,
        least: u32,
        most: Option<u32>,
        prefers: Prefers,
    },
}

pub(super) struct Parser {
    chars: Vec<char>,
    at: usize,
    flags: Flags,
    depth: usize,
    /// Groups that catch, and whether each has been closed.
    groups: Vec<bool>,
    /// Within lookaround nothing is caught.
    looking: usize,
}

impl Parser {
    /// Reads a pattern; gives it and the number of its groups.
    pub(super) fn parse(pattern: &str, flags: Flags) -> Result<(Node, usize)> {
        let mut parser = Self {
            chars: pattern.chars().collect(),
            at: 0,
            flags,
            depth: 0,
            groups: Vec::new(),
            looking: 0,
        };
        let node = parser.branches()?;
        match parser.next() {
            None => Ok((node, parser.groups.len())),
            Some(_) => Err(invalid("parentheses () not balanced")),
        }
    }

    fn peek(&self) -> Option<char> {
        self.chars.get(self.at).copied()
    }

    fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.at += 1;
        Some(c)
    }

    fn take(&mut self, wanted: char) -> bool {
        let there = self.peek() == Some(wanted);
        self.at += usize::from(there);
        there
    }

    fn branches(&mut self) -> Result<Node> {
        let mut branches = vec![self.branch()?];
        while self.take('|') {
            branches.push(self.branch()?);
        }
        Ok(match branches.len() {
            1 => branches.swap_remove(0),
            _ => Node::Either(branches),
        })
    }

    fn branch(&mut self) -> Result<Node> {
        let mut nodes = Vec::new();
        while let Some(next) = self.peek() {
            if matches!(next, '|' | ')') {
                break;
            }
            let Some((atom, can_repeat)) = self.atom()? else {
                continue;
            };
            self.blank();
            nodes.push(match self.quantifier()? {
                None => atom,
                Some(_) if !can_repeat => return Err(invalid("quantifier operand invalid")),
                Some((least, most, prefers)) => {
                    self.blank();
                    if self.begins_quantifier() {
                        return Err(invalid("quantifier operand invalid"));
                    }
                    Node::Repeat {
                        node: Box::new(atom),
                        least,
                        most,
                        prefers,
                    }
                }
            });
        }
        Ok(match nodes.len() {
            0 => Node::Empty,
            1 => nodes.swap_remove(0),
            _ => Node::Sequence(nodes),
        })
    }

    /// Space and comments of an expanded pattern.
    fn blank(&mut self) {
        if !self.flags.expanded {
            return;
        }
        while let Some(c) = self.peek() {
            match c {
                '#' => {
                    while self.peek().is_some_and(|c| c != '\n') {
                        self.at += 1;
                    }
                }
                c if c.is_whitespace() => self.at += 1,
                _ => return,
            }
        }
    }

    fn begins_quantifier(&self) -> bool {
        match self.peek() {
            Some('*' | '+' | '?') => true,
            Some('{') => self
                .chars
                .get(self.at + 1)
                .is_some_and(char::is_ascii_digit),
            _ => false,
        }
    }

    /// One atom, and whether it may be repeated; `None` for what is nothing.
    fn atom(&mut self) -> Result<Option<(Node, bool)>> {
        self.blank();
        if self.begins_quantifier() {
            return Err(invalid("quantifier operand invalid"));
        }
        let ignore_case = self.flags.ignore_case;
        let Some(c) = self.peek().filter(|c| !matches!(c, '|' | ')')) else {
            return Ok(None);
        };
        self.at += 1;
        let lines = self.flags.lines_anchor;
        Ok(Some(match c {
            '(' => return self.group(),
            '[' => return self.bracket().map(Some),
            '.' => {
                let any = Set {
                    negated: true,
                    no_newline: self.flags.lines_dot,
                    ..Set::default()
                };
                (Node::One(Rc::new(any)), true)
            }
            '^' if lines => (Node::At(Place::LineStart), false),
            '^' => (Node::At(Place::Start), false),
            '$' if lines => (Node::At(Place::LineEnd), false),
            '$' => (Node::At(Place::End), false),
            '\\' => return self.escape().map(Some),
            c => (Node::One(Rc::new(Set::of(c, ignore_case))), true),
        }))
    }

    fn group(&mut self) -> Result<Option<(Node, bool)>> {
        let mut look = None;
        let mut catches = true;
        if self.take('?') {
            catches = false;
            match self.next() {
                Some(':') => {}
                Some('#') => {
                    while let Some(c) = self.next() {
                        if c == ')' {
                            return Ok(None);
                        }
                    }
                    return Err(invalid("parentheses () not balanced"));
                }
                Some('=') => look = Some((true, false)),
                Some('!') => look = Some((true, true)),
                Some('<') => match self.next() {
                    Some('=') => look = Some((false, false)),
                    Some('!') => look = Some((false, true)),
                    _ => return Err(invalid("quantifier operand invalid")),
                },
                _ => return Err(invalid("quantifier operand invalid")),
            }
        }
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(invalid("regular expression is too complex"));
        }
        self.looking += usize::from(look.is_some());
        let catches = catches && self.looking == 0;
        if catches {
            self.groups.push(false);
        }
        let number = self.groups.len();
        let node = Box::new(self.branches()?);
        if !self.take(')') {
            return Err(invalid("parentheses () not balanced"));
        }
        self.depth -= 1;
        self.looking -= usize::from(look.is_some());
        if catches {
            self.groups[number - 1] = true;
            return Ok(Some((Node::Group(number, node), true)));
        }
        Ok(Some(match look {
            Some((ahead, negated)) => (
                Node::Look {
                    ahead,
                    negated,
                    node,
                },
                false,
            ),
            // What is grouped stays one atom.
            None => (Node::Sequence(vec![*node]), true),
        }))
    }

    fn quantifier(&mut self) -> Result<Option<(u32, Option<u32>, Prefers)>> {
        if !self.begins_quantifier() {
            return Ok(None);
        }
        let (least, most, chooses) = match self.next() {
            Some('*') => (0, None, true),
            Some('+') => (1, None, true),
            Some('?') => (0, Some(1), true),
            _ => self.bound()?,
        };
        let shortest = self.take('?');
        let prefers = match (chooses, shortest) {
            (false, _) => Prefers::Nothing,
            (true, true) => Prefers::Shortest,
            (true, false) => Prefers::Longest,
        };
        Ok(Some((least, most, prefers)))
    }

    /// `m}`, `m,}` or `m,n}`
    fn bound(&mut self) -> Result<(u32, Option<u32>, bool)> {
        let least = self.count()?.unwrap_or(0);
        let (most, chooses) = match self.take(',') {
            true => (self.count()?, true),
            false => (Some(least), false),
        };
        if !self.take('}') {
            return Err(match self.peek() {
                None => invalid("braces {} not balanced"),
                Some(_) => invalid("invalid repetition count(s)"),
            });
        }
        if most.is_some_and(|most| most < least) {
            return Err(invalid("invalid repetition count(s)"));
        }
        Ok((least, most, chooses))
    }

    fn count(&mut self) -> Result<Option<u32>> {
        let mut count = None;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            self.at += 1;
            let more = count.unwrap_or(0) * 10 + digit;
            if more > REPEAT_MAX {
                return Err(invalid("invalid repetition count(s)"));
            }
            count = Some(more);
        }
        Ok(count)
    }

    /// What follows a backslash, outside of brackets.
    fn escape(&mut self) -> Result<(Node, bool)> {
        let Some(c) = self.next() else {
            return Err(invalid("invalid escape \\ sequence"));
        };
        let at = |place: Place| Ok((Node::At(place), false));
        if let Some((class, negated)) = class_escape(c) {
            let set = Set::class(class, negated);
            return Ok((Node::One(Rc::new(set)), true));
        }
        match c {
            'A' => at(Place::Start),
            'Z' => at(Place::End),
            'm' => at(Place::WordStart),
            'M' => at(Place::WordEnd),
            'y' => at(Place::WordEdge),
            'Y' => at(Place::NoWordEdge),
            '1'..='9' => self.back_reference(c),
            c => {
                let c = self.character(c)?;
                let set = Set::of(c, self.flags.ignore_case);
                Ok((Node::One(Rc::new(set)), true))
            }
        }
    }

    /// `\1`; more digits belong to it if there are so many groups, and are octal otherwise.
    fn back_reference(&mut self, first: char) -> Result<(Node, bool)> {
        let start = self.at;
        let mut number = first.to_digit(10).unwrap_or(0) as usize;
        let mut digits = 1;
        while let Some(digit) = self.peek().and_then(|c| c.to_digit(10)) {
            number = number.saturating_mul(10).saturating_add(digit as usize);
            self.at += 1;
            digits += 1;
        }
        if digits > 1 && number > self.groups.len() {
            self.at = start;
            let mut value = first.to_digit(8);
            while let Some(digit) = self.peek().and_then(|c| c.to_digit(8))
                && self.at < start + 2
            {
                value = value.map(|value| value * 8 + digit);
                self.at += 1;
            }
            let c = value
                .and_then(char::from_u32)
                .ok_or_else(|| invalid("invalid escape \\ sequence"))?;
            return Ok((Node::One(Rc::new(Set::of(c, self.flags.ignore_case))), true));
        }
        if self.looking > 0 || !self.groups.get(number - 1).copied().unwrap_or(false) {
            return Err(invalid("invalid backreference number"));
        }
        Ok((Node::Back(number), true))
    }

    /// The character an escape stands for.
    fn character(&mut self, c: char) -> Result<char> {
        let wrong = || invalid("invalid escape \\ sequence");
        Ok(match c {
            'a' => '\u{7}',
            'b' => '\u{8}',
            'B' => '\\',
            'c' => {
                let next = self.next().ok_or_else(wrong)?;
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
                    if let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) {
                        self.at += 1;
                        value = value * 8 + digit;
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
            && let Some(digit) = self.peek().filter(char::is_ascii_hexdigit)
        {
            self.at += 1;
            digits.push(digit);
        }
        u32::from_str_radix(&digits, 16)
            .ok()
            .filter(|_| digits.len() >= least)
            .and_then(char::from_u32)
            .ok_or_else(|| invalid("invalid escape \\ sequence"))
    }

    /// A bracket expression, behind its `[`.
    fn bracket(&mut self) -> Result<(Node, bool)> {
        let unbalanced = || invalid("brackets [] not balanced");
        // Word boundaries in the shape of a class.
        for (spelled, place) in [("[:<:]]", Place::WordStart), ("[:>:]]", Place::WordEnd)] {
            let length = spelled.chars().count();
            if self.chars[self.at..]
                .iter()
                .take(length)
                .copied()
                .eq(spelled.chars())
            {
                self.at += length;
                return Ok((Node::At(place), false));
            }
        }
        let negated = self.take('^');
        let mut set = Set {
            negated,
            no_newline: negated && self.flags.lines_dot,
            ignore_case: self.flags.ignore_case,
            ..Set::default()
        };
        let mut first = true;
        loop {
            let c = self.next().ok_or_else(unbalanced)?;
            if c == ']' && !first {
                break;
            }
            first = false;
            let start = match c {
                '[' if matches!(self.peek(), Some(':' | '.' | '=')) => match self.named()? {
                    Ok(class) => {
                        // In any case both cases are letters alike.
                        let class = match class {
                            Class::Lower | Class::Upper if self.flags.ignore_case => Class::Alpha,
                            class => class,
                        };
                        set.items.push(Item::Class(class));
                        continue;
                    }
                    Err(c) => c,
                },
                '\\' => {
                    let c = self.next().ok_or_else(unbalanced)?;
                    if let Some((class, negated)) = class_escape(c) {
                        set.items.push(match negated {
                            true => Item::Not(class),
                            false => Item::Class(class),
                        });
                        continue;
                    }
                    self.character(c)?
                }
                c => c,
            };
            let ranges = self.peek() == Some('-')
                && self.chars.get(self.at + 1).is_some_and(|next| *next != ']');
            let end = if ranges {
                self.at += 1;
                match self.next().ok_or_else(unbalanced)? {
                    '\\' => {
                        let c = self.next().ok_or_else(unbalanced)?;
                        self.character(c)?
                    }
                    '[' if matches!(self.peek(), Some(':' | '.' | '=')) => match self.named()? {
                        Err(c) => c,
                        Ok(_) => return Err(invalid("invalid character range")),
                    },
                    c => c,
                }
            } else {
                start
            };
            if end < start {
                return Err(invalid("invalid character range"));
            }
            set.items.push(Item::Range(start, end));
        }
        Ok((Node::One(Rc::new(set)), true))
    }

    /// `[:class:]`, or the character of `[.x.]` and `[=x=]`, behind the first bracket.
    fn named(&mut self) -> Result<std::result::Result<Class, char>> {
        let kind = self.next().unwrap_or(':');
        let mut name = String::new();
        loop {
            match self.next() {
                None => return Err(invalid("brackets [] not balanced")),
                Some(c) if c == kind && self.take(']') => break,
                Some(c) => name.push(c),
            }
        }
        if kind == ':' {
            return CLASSES
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, class)| Ok(*class))
                .ok_or_else(|| invalid("invalid character class"));
        }
        let mut chars = name.chars();
        if let (Some(c), None) = (chars.next(), chars.next()) {
            return Ok(Err(c));
        }
        NAMES
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, c)| Err(*c))
            .ok_or_else(|| invalid("invalid collating element"))
    }
}

/// `\d` and its kin: the class, and whether it is what is not in it.
fn class_escape(c: char) -> Option<(Class, bool)> {
    Some(match c {
        'd' => (Class::Digit, false),
        's' => (Class::Space, false),
        'w' => (Class::Word, false),
        'D' => (Class::Digit, true),
        'S' => (Class::Space, true),
        'W' => (Class::Word, true),
        _ => return None,
    })
}
