//! PostgreSQL's regular expressions ("advanced regular expressions").
//!
//! Whether there is a match at all the `regex` crate says, where it knows what a pattern is made
//! of: it has no back references and no lookaround. Where a match is, and what its groups caught,
//! is found out by PostgreSQL's own rules ([`tree`]): the longest or the shortest match, and each
//! part as long or as short as it prefers.

mod parse;
mod program;
mod set;
mod tree;

use std::cell::RefCell;
use std::ops::Range;
use std::rc::Rc;

use regex::Regex;

use parse::{Node, Parser, Place};
use program::Text;
use tree::{Caught, Tree};

use crate::base::{Error, Result, SqlState};

/// Compiled patterns kept per thread.
const KEPT: usize = 32;

/// Patterns with their flags.
type Kept = Vec<(String, String, Rc<Compiled>)>;

thread_local! {
    static COMPILED: RefCell<Kept> = const { RefCell::new(Vec::new()) };
}

/// A pattern ready to match.
#[derive(Debug)]
pub(super) struct Compiled {
    tree: Tree,
    /// The same for the `regex` crate, if it can be said there.
    quick: Option<Regex>,
    groups: usize,
    /// Flag `g`: every match, not the first.
    pub(super) global: bool,
}

/// A match: the bytes of the text that the whole and each group caught.
#[derive(Debug, Clone)]
pub(super) struct Found {
    groups: Vec<Option<Range<usize>>>,
}

impl Found {
    /// The bytes of the whole.
    pub(super) fn range(&self) -> Range<usize> {
        self.get(0).unwrap_or(0..0)
    }

    /// The bytes of a group; `None` if it took no part in the match, or there is none.
    pub(super) fn get(&self, group: usize) -> Option<Range<usize>> {
        self.groups.get(group).cloned().flatten()
    }

    /// How many there are with the whole.
    pub(super) fn len(&self) -> usize {
        self.groups.len()
    }
}

/// A text being searched.
pub(super) struct Matches<'c> {
    compiled: &'c Compiled,
    text: Text,
    /// The byte each character begins at, and the end.
    bytes: Vec<usize>,
    /// Where matches may begin.
    starts: Vec<usize>,
    /// The character from which on the next match is looked for; `None` behind the last.
    at: Option<usize>,
}

impl Matches<'_> {
    fn next_from(&self, from: usize) -> Result<Option<Caught>> {
        if self.text.is_exhausted() {
            return Err(invalid("regular expression is too complex"));
        }
        let first = self.starts.partition_point(|start| *start < from);
        for start in &self.starts[first..] {
            if let Some(caught) = self.compiled.tree.at(&self.text, *start)? {
                return Ok(Some(caught));
            }
        }
        Ok(None)
    }
}

impl Iterator for Matches<'_> {
    type Item = Result<Found>;

    fn next(&mut self) -> Option<Self::Item> {
        let caught = match self.next_from(self.at?) {
            Ok(caught) => caught,
            Err(error) => {
                self.at = None;
                return Some(Err(error));
            }
        };
        let Some(caught) = caught else {
            self.at = None;
            return None;
        };
        let (start, end) = caught[0].unwrap_or((0, 0));
        // After an empty match the search goes on one character later.
        self.at = match start == end {
            true => (end < self.text.chars.len()).then_some(end + 1),
            false => Some(end),
        };
        let groups = caught
            .into_iter()
            .map(|caught| caught.map(|(start, end)| self.bytes[start]..self.bytes[end]))
            .collect();
        Some(Ok(Found { groups }))
    }
}

impl Compiled {
    /// How many groups catch something.
    pub(super) fn groups(&self) -> usize {
        self.groups
    }

    /// Whether there is a match.
    ///
    /// # Errors
    /// `2201B` if it takes too long to know.
    pub(super) fn is_match(&self, text: &str) -> Result<bool> {
        match &self.quick {
            Some(quick) => Ok(quick.is_match(text)),
            None => Ok(self.first(text)?.is_some()),
        }
    }

    /// The first match.
    ///
    /// # Errors
    /// As [`Compiled::is_match`].
    pub(super) fn first(&self, text: &str) -> Result<Option<Found>> {
        self.matches(text, 0).next().transpose()
    }

    /// The matches from byte `from` on.
    pub(super) fn matches(&self, text: &str, from: usize) -> Matches<'_> {
        let none = self
            .quick
            .as_ref()
            .is_some_and(|quick| !quick.is_match(text));
        let bytes: Vec<usize> = text
            .char_indices()
            .map(|(byte, _)| byte)
            .chain([text.len()])
            .collect();
        let text = Text::new(text);
        Matches {
            compiled: self,
            starts: match none {
                true => Vec::new(),
                false => self.tree.starts(&text),
            },
            at: Some(bytes.partition_point(|byte| *byte < from)),
            text,
            bytes,
        }
    }
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
    /// POSIX basic regular expressions.
    basic: bool,
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
                'e' => (self.literal, self.basic) = (false, false),
                'g' => self.global = true,
                'b' => self.basic = true,
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
    if flags.basic {
        return Err(Error::unsupported("a basic regular expression"));
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
    let (node, groups) = match flags.literal {
        true => {
            let one = |c| Node::One(Rc::new(set::Set::of(c, flags.ignore_case)));
            (Node::Sequence(rest.chars().map(one).collect()), 0)
        }
        false => Parser::parse(rest, flags)?,
    };
    let mut written = String::new();
    let quick = match write(&node, &mut written) {
        true => Some(
            regex::RegexBuilder::new(&written)
                .size_limit(1 << 24)
                .build()
                .map_err(|_| invalid("regular expression is too complex"))?,
        ),
        false => None,
    };
    Ok(Compiled {
        tree: Tree::new(&node, groups, flags.ignore_case)?,
        quick,
        groups,
        global: flags.global,
    })
}

/// Writes a pattern in the `regex` crate's words, without groups that catch; false if it has none
/// for it.
fn write(node: &Node, out: &mut String) -> bool {
    match node {
        Node::Empty => true,
        Node::One(set) => {
            set.write(out);
            true
        }
        Node::At(place) => {
            out.push_str(match place {
                Place::Start => "\\A",
                Place::End => "\\z",
                Place::LineStart => "(?m:^)",
                Place::LineEnd => "(?m:$)",
                // Words are made of the same characters there and here only where they are ASCII.
                Place::WordStart | Place::WordEnd | Place::WordEdge | Place::NoWordEdge => {
                    return false;
                }
            });
            true
        }
        Node::Look { .. } | Node::Back(_) => false,
        Node::Group(_, inner) => {
            out.push_str("(?:");
            let written = write(inner, out);
            out.push(')');
            written
        }
        Node::Sequence(nodes) => nodes.iter().all(|node| {
            out.push_str("(?:");
            let written = write(node, out);
            out.push(')');
            written
        }),
        Node::Either(nodes) => {
            out.push_str("(?:");
            for (index, node) in nodes.iter().enumerate() {
                if index > 0 {
                    out.push('|');
                }
                if !write(node, out) {
                    return false;
                }
            }
            out.push(')');
            true
        }
        Node::Repeat {
            node, least, most, ..
        } => {
            out.push_str("(?:");
            if !write(node, out) {
                return false;
            }
            out.push(')');
            out.push_str(&match (least, most) {
                (0, None) => "*".to_owned(),
                (1, None) => "+".to_owned(),
                (0, Some(1)) => "?".to_owned(),
                (least, None) => format!("{{{least},}}"),
                (least, Some(most)) => format!("{{{least},{most}}}"),
            });
            true
        }
    }
}

fn invalid(what: &str) -> Error {
    Error::new(
        SqlState::INVALID_REGULAR_EXPRESSION,
        format!("invalid regular expression: {what}"),
    )
}
