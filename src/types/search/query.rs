//! `tsquery`: words, joined by operators.

use std::fmt;

use super::token::quoted;
use super::{limit, syntax};
use crate::base::{Error, Result, SqlState};

/// How deep operators may nest.
pub(super) const DEPTH_MAX: usize = 4_000;
/// Bytes of a value at most.
const BYTES_MAX: usize = 64 << 20;

/// A word that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operand {
    /// The word.
    pub word: String,
    /// Bits of the weights it must have, of none: any.
    pub weights: u8,
    /// Whether words count that begin with it.
    pub prefix: bool,
}

/// What joins two queries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `&`
    And,
    /// `|`
    Or,
    /// `<->`, `<2>`: how far apart.
    Phrase(i16),
}

impl Operator {
    /// As it is sent.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::And => 2,
            Self::Or => 3,
            Self::Phrase(_) => 4,
        }
    }

    /// What binds tighter is higher.
    const fn priority(self) -> u8 {
        match self {
            Self::Or => 1,
            Self::And => 2,
            Self::Phrase(_) => 3,
        }
    }
}

/// NOT, as it is sent.
pub(super) const NOT: u8 = 1;
/// What NOT binds as.
const NOT_PRIORITY: u8 = 4;

/// A part of a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Node {
    /// A word.
    Word(Operand),
    /// A word that says nothing: it goes once the query is whole.
    Stop,
    /// `!`
    Not(Box<Self>),
    /// An operator, its left and its right side.
    Both(Operator, Box<Self>, Box<Self>),
}

impl Node {
    /// Two parts joined.
    pub fn both(operator: Operator, left: Self, right: Self) -> Self {
        Self::Both(operator, Box::new(left), Box::new(right))
    }
}

/// What is looked for; nothing in an empty one.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    /// The whole.
    pub root: Option<Node>,
}

/// What PostgreSQL compares words by first: CRC-32 the way it once was made.
fn checksum(word: &str) -> i32 {
    let mut crc = u32::MAX;
    for byte in word.bytes() {
        let mut entry = (crc >> 24 ^ u32::from(byte)) & 0xff;
        for _ in 0..8 {
            entry = match entry & 1 {
                1 => entry >> 1 ^ 0xedb8_8320,
                _ => entry >> 1,
            };
        }
        crc = entry ^ crc << 8;
    }
    (!crc).cast_signed()
}

/// Tells parts apart, operators from words.
const OPERATOR: u8 = 0;
const WORD: u8 = 1;

/// A query being packed.
#[derive(Debug, Default)]
struct Packed {
    key: Vec<u8>,
    marks: Vec<u8>,
    parts: usize,
    text_bytes: usize,
}

impl Packed {
    fn add(&mut self, node: &Node, depth: usize) -> Result<()> {
        if depth > DEPTH_MAX {
            return Err(too_deep());
        }
        if self.key.len() > BYTES_MAX {
            return Err(limit("tsquery is too large"));
        }
        self.parts += 1;
        match node {
            Node::Word(Operand {
                word,
                weights,
                prefix,
            }) => {
                self.text_bytes += word.len() + 1;
                self.key.push(WORD);
                let checksum = checksum(word).cast_unsigned() ^ 1 << 31;
                self.key.extend_from_slice(&(!checksum).to_be_bytes());
                self.key.extend_from_slice(word.as_bytes());
                self.key.push(0);
                self.marks.extend_from_slice(&[*weights, (*prefix).into()]);
            }
            Node::Stop => return Err(Error::internal("packing a query", "a stop word")),
            Node::Not(operand) => {
                self.key.extend_from_slice(&[OPERATOR, !NOT]);
                self.add(operand, depth + 1)?;
            }
            Node::Both(operator, left, right) => {
                self.key.extend_from_slice(&[OPERATOR, !operator.number()]);
                self.add(right, depth + 1)?;
                self.add(left, depth + 1)?;
                if let Operator::Phrase(distance) = operator {
                    let distance = distance.cast_unsigned() ^ 1 << 15;
                    self.key.extend_from_slice(&(!distance).to_be_bytes());
                }
            }
        }
        Ok(())
    }
}

/// A query being unpacked.
struct Unpacked<'a> {
    key: &'a [u8],
    marks: &'a [u8],
}

impl Unpacked<'_> {
    fn next(&mut self, depth: usize) -> Option<Node> {
        if depth > DEPTH_MAX {
            return None;
        }
        let (tag, rest) = self.key.split_first()?;
        if *tag == WORD {
            let rest = rest.get(4..)?;
            let end = memchr::memchr(0, rest)?;
            let word = String::from_utf8_lossy(&rest[..end]).into_owned();
            self.key = &rest[end + 1..];
            let ([weights, prefix], marks) = self.marks.split_first_chunk::<2>()?;
            self.marks = marks;
            return Some(Node::Word(Operand {
                word,
                weights: *weights,
                prefix: *prefix != 0,
            }));
        }
        let (number, rest) = rest.split_first()?;
        self.key = rest;
        if !number == NOT {
            return Some(Node::Not(Box::new(self.next(depth + 1)?)));
        }
        let right = self.next(depth + 1)?;
        let left = self.next(depth + 1)?;
        let operator = match !number {
            2 => Operator::And,
            3 => Operator::Or,
            _ => {
                let (distance, rest) = self.key.split_first_chunk::<2>()?;
                self.key = rest;
                Operator::Phrase((!u16::from_be_bytes(*distance) ^ 1 << 15).cast_signed())
            }
        };
        Some(Node::both(operator, left, right))
    }
}

/// `54001`
pub(super) fn too_deep() -> Error {
    Error::new(
        SqlState::STATEMENT_TOO_COMPLEX,
        "stack depth limit exceeded",
    )
}

impl Query {
    /// A query of one part.
    pub fn of(root: Node) -> Self {
        Self { root: Some(root) }
    }

    /// Reads a value's text.
    ///
    /// # Errors
    /// `42601`, `54000`, `54001`
    pub fn parse(text: &str) -> Result<Self> {
        super::read(text, super::Syntax::Plain, &mut |builder, token| {
            builder.word(token.word, token.weights, token.prefix)
        })
        .map(|(query, _)| query)
    }

    /// The bytes a value travels as. PostgreSQL orders by how many parts there are, then by size,
    /// then part by part, right before left, whatever weights words must have. What it does not
    /// compare stands last, behind [`Self::key`].
    ///
    /// # Errors
    /// `54000`, `54001`
    pub fn pack(&self) -> Result<Vec<u8>> {
        let mut packed = Packed::default();
        if let Some(root) = &self.root {
            packed.add(root, 0)?;
        }
        let size = 8 + 12 * packed.parts + packed.text_bytes;
        let mut code = Vec::with_capacity(packed.key.len() + packed.marks.len() + 12);
        for number in [packed.parts, size] {
            code.extend_from_slice(&u32::try_from(number).unwrap_or(u32::MAX).to_be_bytes());
        }
        code.append(&mut packed.key);
        let length = u32::try_from(code.len()).map_err(|_| limit("tsquery is too large"))?;
        code.append(&mut packed.marks);
        code.extend_from_slice(&length.to_be_bytes());
        Ok(code)
    }

    /// What of the bytes a value travels as it is compared by.
    pub fn key(code: &[u8]) -> &[u8] {
        let length = code
            .split_last_chunk::<4>()
            .map_or(0, |(_, length)| u32::from_be_bytes(*length));
        usize::try_from(length)
            .ok()
            .and_then(|length| code.get(..length))
            .unwrap_or(code)
    }

    /// The value that travels as these bytes.
    pub fn unpack(code: &[u8]) -> Self {
        let key = Self::key(code);
        let marks = code.get(key.len()..code.len().saturating_sub(4));
        let mut rest = Unpacked {
            key: key.get(8..).unwrap_or_default(),
            marks: marks.unwrap_or_default(),
        };
        Self { root: rest.next(0) }
    }

    /// How many words and operators there are.
    pub fn size(&self) -> usize {
        let mut size = 0;
        let mut left: Vec<&Node> = self.root.iter().collect();
        while let Some(node) = left.pop() {
            size += 1;
            match node {
                Node::Word(_) | Node::Stop => {}
                Node::Not(operand) => left.push(operand),
                Node::Both(_, a, b) => left.extend([a.as_ref(), b.as_ref()]),
            }
        }
        size
    }

    /// Every word, from left to right.
    pub fn operands(&self) -> Vec<&Operand> {
        let mut operands = Vec::new();
        let mut open: Vec<&Node> = self.root.iter().collect();
        while let Some(node) = open.pop() {
            match node {
                Node::Word(operand) => operands.push(operand),
                Node::Stop => {}
                Node::Not(operand) => open.push(operand),
                Node::Both(_, a, b) => open.extend([b.as_ref(), a.as_ref()]),
            }
        }
        operands
    }

    /// Two queries joined; the other where one is empty.
    pub fn joined(self, operator: Operator, other: Self) -> Self {
        match (self.root, other.root) {
            (Some(left), Some(right)) => Self::of(Node::both(operator, left, right)),
            (left, right) => Self {
                root: left.or(right),
            },
        }
    }

    /// What an index could be asked: the query without what is negated; `T` if that is all.
    pub fn indexable(&self) -> String {
        match &self.root {
            None => String::new(),
            Some(root) => match affirmed(root) {
                None => "T".to_owned(),
                Some(root) => Self::of(root).to_string(),
            },
        }
    }

    /// The query without words that say nothing; empty if there are no others.
    pub(super) fn cleaned(self) -> Self {
        Self {
            root: self.root.and_then(|root| cleaned(root).0),
        }
    }

    /// Whether all words of `other` are looked for here too.
    pub fn contains(&self, other: &Self) -> bool {
        let words = |query: &Self| {
            let words = query.operands().into_iter();
            words
                .map(|operand| operand.word.clone())
                .collect::<std::collections::BTreeSet<_>>()
        };
        words(other).is_subset(&words(self))
    }
}

/// A part without what is negated.
fn affirmed(node: &Node) -> Option<Node> {
    match node {
        Node::Word(_) => Some(node.clone()),
        Node::Stop | Node::Not(_) => None,
        Node::Both(Operator::Or, left, right) => {
            Some(Node::both(Operator::Or, affirmed(left)?, affirmed(right)?))
        }
        Node::Both(operator, left, right) => match (affirmed(left), affirmed(right)) {
            (Some(left), Some(right)) => Some(Node::both(*operator, left, right)),
            (left, right) => left.or(right),
        },
    }
}

/// A part without words that say nothing, and by how much the words to its left and right are
/// further away than they were.
fn cleaned(node: Node) -> (Option<Node>, i32, i32) {
    match node {
        Node::Word(_) => (Some(node), 0, 0),
        Node::Stop => (None, 0, 0),
        Node::Not(operand) => {
            let (operand, left, right) = cleaned(*operand);
            (operand.map(|one| Node::Not(Box::new(one))), left, right)
        }
        Node::Both(operator, left, right) => {
            let (left, left_left, left_right) = cleaned(*left);
            let (right, right_left, right_right) = cleaned(*right);
            let own = match operator {
                Operator::Phrase(distance) => Some(i32::from(distance)),
                _ => None,
            };
            match (left, right, own) {
                // What is left of it all is a distance.
                (None, None, Some(own)) => {
                    let all = left_left + own + right_left;
                    (None, all, all)
                }
                (None, None, None) => {
                    let all = left_left.max(right_left);
                    (None, all, all)
                }
                (None, right, Some(own)) => (right, left_left + own + right_left, right_right),
                (None, right, None) => (right, right_left, right_right),
                (left, None, Some(own)) => (left, left_left, left_right + own + right_right),
                (left, None, None) => (left, left_left, left_right),
                (Some(left), Some(right), Some(own)) => {
                    #[expect(clippy::cast_possible_truncation, reason = "as PostgreSQL does")]
                    let distance = (own + left_right + right_left) as i16;
                    let node = Node::both(Operator::Phrase(distance), left, right);
                    (Some(node), left_left, right_right)
                }
                (Some(left), Some(right), None) => (Some(Node::both(operator, left, right)), 0, 0),
            }
        }
    }
}

/// Writes a part that stands within an operator of so high a priority, maybe as the right side of
/// a phrase.
fn show(node: &Node, f: &mut fmt::Formatter<'_>, outer: u8, right_of_phrase: bool) -> fmt::Result {
    match node {
        Node::Stop => Ok(()),
        Node::Word(Operand {
            word,
            weights,
            prefix,
        }) => {
            f.write_str(&quoted(word))?;
            if *weights != 0 || *prefix {
                f.write_str(if *prefix { ":*" } else { ":" })?;
                for (bit, letter) in [(8, "A"), (4, "B"), (2, "C"), (1, "D")] {
                    if weights & bit != 0 {
                        f.write_str(letter)?;
                    }
                }
            }
            Ok(())
        }
        Node::Not(operand) => {
            f.write_str("!")?;
            show(operand, f, NOT_PRIORITY, false)
        }
        Node::Both(operator, left, right) => {
            let priority = operator.priority();
            let phrase = matches!(operator, Operator::Phrase(_));
            let enclosed = priority < outer || phrase && right_of_phrase;
            if enclosed {
                f.write_str("( ")?;
            }
            show(left, f, priority, false)?;
            match operator {
                Operator::And => f.write_str(" & ")?,
                Operator::Or => f.write_str(" | ")?,
                Operator::Phrase(1) => f.write_str(" <-> ")?,
                Operator::Phrase(distance) => write!(f, " <{distance}> ")?,
            }
            show(right, f, priority, phrase)?;
            if enclosed {
                f.write_str(" )")?;
            }
            Ok(())
        }
    }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.root {
            Some(root) => show(root, f, 0, false),
            None => Ok(()),
        }
    }
}

/// `42601`
pub(super) fn wrong(text: &str) -> Error {
    syntax(format!("syntax error in tsquery: \"{text}\""))
}
