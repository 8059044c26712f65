//! Documents and queries as they are sent.

use super::query::{DEPTH_MAX, NOT, too_deep};
use super::{
    Lexeme, Node, Operand, Operator, POSITIONS_MAX, Position, Query, TEXT_BYTES_MAX, Vector,
    WORD_BYTES_MAX,
};
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;
use crate::types::binary::{bad, insufficient};

const WORD: u8 = 1;
const OPERATOR: u8 = 2;

/// Appends a value as it is sent.
pub(in crate::types) fn send(ty: PgType, code: &[u8], out: &mut Vec<u8>) {
    if ty.oid == PgType::TSQUERY.oid {
        let query = Query::unpack(code);
        let size = u32::try_from(query.size()).unwrap_or(0);
        out.extend_from_slice(&size.to_be_bytes());
        if let Some(root) = &query.root {
            send_node(root, out);
        }
        return;
    }
    let vector = Vector::unpack(code);
    let count = u32::try_from(vector.lexemes.len()).unwrap_or(0);
    out.extend_from_slice(&count.to_be_bytes());
    for Lexeme { word, positions } in &vector.lexemes {
        out.extend_from_slice(word.as_bytes());
        out.push(0);
        let count = u16::try_from(positions.len()).unwrap_or(0);
        out.extend_from_slice(&count.to_be_bytes());
        for position in positions {
            out.extend_from_slice(&position.word().to_be_bytes());
        }
    }
}

fn send_node(node: &Node, out: &mut Vec<u8>) {
    match node {
        Node::Stop => {}
        Node::Word(operand) => {
            out.extend_from_slice(&[WORD, operand.weights, operand.prefix.into()]);
            out.extend_from_slice(operand.word.as_bytes());
            out.push(0);
        }
        Node::Not(operand) => {
            out.extend_from_slice(&[OPERATOR, NOT]);
            send_node(operand, out);
        }
        Node::Both(operator, left, right) => {
            out.extend_from_slice(&[OPERATOR, operator.number()]);
            if let Operator::Phrase(distance) = operator {
                out.extend_from_slice(&distance.to_be_bytes());
            }
            send_node(right, out);
            send_node(left, out);
        }
    }
}

/// What was sent, as far as it is not read.
struct Sent<'a>(&'a [u8]);

impl Sent<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N]> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or_else(insufficient)?;
        self.0 = rest;
        Ok(*taken)
    }

    fn string(&mut self) -> Result<String> {
        let end = memchr::memchr(0, self.0)
            .ok_or_else(|| Error::new(SqlState::PROTOCOL_VIOLATION, "invalid string in message"))?;
        let text = crate::types::binary::utf8(&self.0[..end])?.to_owned();
        self.0 = &self.0[end + 1..];
        Ok(text)
    }

    fn end(&self) -> Result<()> {
        match self.0.is_empty() {
            true => Ok(()),
            false => Err(bad("incorrect binary data format")),
        }
    }
}

fn internal(message: impl Into<String>) -> Error {
    Error::new(SqlState::INTERNAL_ERROR, message)
}

/// Reads a value as it is sent; gives the bytes it travels as.
///
/// # Errors
/// `08P01`, `22P03`, `XX000`
pub(in crate::types) fn receive(ty: PgType, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut sent = Sent(bytes);
    if ty.oid != PgType::TSQUERY.oid {
        let vector = vector(&mut sent)?;
        sent.end()?;
        return Ok(vector.pack());
    }
    let size = u32::from_be_bytes(sent.take()?);
    // What PostgreSQL could allocate.
    if size > 0x3fff_ffff / 12 {
        return Err(internal("invalid size of tsquery"));
    }
    let mut left = size;
    let mut text_bytes = 0;
    let root = match size {
        0 => None,
        _ => Some(node(&mut sent, &mut left, &mut text_bytes, 0)?),
    };
    if left > 0 {
        return Err(internal("malformed tsquery: extra nodes"));
    }
    sent.end()?;
    Query { root }.pack()
}

fn vector(sent: &mut Sent<'_>) -> Result<Vector> {
    let count = i32::from_be_bytes(sent.take()?);
    let count = u32::try_from(count)
        .ok()
        .filter(|count| *count <= 0x3fff_ffff / 4)
        .ok_or_else(|| internal("invalid size of tsvector"))?;
    let mut lexemes: Vec<Lexeme> = Vec::new();
    let mut text_bytes = 0_usize;
    for _ in 0..count {
        let word = sent.string()?;
        let places = u16::from_be_bytes(sent.take()?);
        if word.len() > WORD_BYTES_MAX + 1 {
            return Err(internal("invalid tsvector: lexeme too long"));
        }
        if text_bytes > TEXT_BYTES_MAX {
            return Err(internal(
                "invalid tsvector: maximum total lexeme length exceeded",
            ));
        }
        if usize::from(places) > POSITIONS_MAX {
            return Err(internal("unexpected number of tsvector positions"));
        }
        text_bytes += word.len();
        let mut positions: Vec<Position> = Vec::with_capacity(places.into());
        for _ in 0..places {
            let position = Position::of_word(u16::from_be_bytes(sent.take()?));
            if positions
                .last()
                .is_some_and(|last| position.place <= last.place)
            {
                return Err(internal("position information is misordered"));
            }
            positions.push(position);
        }
        lexemes.push(Lexeme { word, positions });
    }
    lexemes.sort_by(|a, b| a.word.cmp(&b.word));
    Ok(Vector { lexemes })
}

fn node(sent: &mut Sent<'_>, left: &mut u32, text_bytes: &mut usize, depth: usize) -> Result<Node> {
    if depth > DEPTH_MAX {
        return Err(too_deep());
    }
    let Some(rest) = left.checked_sub(1) else {
        return Err(internal("malformed tsquery: operand not found"));
    };
    *left = rest;
    let [kind] = sent.take()?;
    match kind {
        WORD => {
            let [weights, prefix] = sent.take()?;
            let word = sent.string()?;
            if weights > 0xf {
                return Err(internal("invalid tsquery: invalid weight bitmap"));
            }
            if word.len() > WORD_BYTES_MAX + 1 {
                return Err(internal("invalid tsquery: operand too long"));
            }
            if *text_bytes > TEXT_BYTES_MAX {
                return Err(internal("invalid tsquery: total operand length exceeded"));
            }
            *text_bytes += word.len() + 1;
            Ok(Node::Word(Operand {
                word,
                weights,
                prefix: prefix != 0,
            }))
        }
        OPERATOR => {
            let [number] = sent.take()?;
            let operator = match number {
                NOT => None,
                2 => Some(Operator::And),
                3 => Some(Operator::Or),
                4 => Some(Operator::Phrase(0)),
                other => {
                    return Err(internal(format!(
                        "invalid tsquery: unrecognized operator type {other}"
                    )));
                }
            };
            if *left == 0 {
                return Err(internal("invalid pointer to right operand"));
            }
            let operator = match operator {
                None => {
                    let operand = node(sent, left, text_bytes, depth + 1)?;
                    return Ok(Node::Not(Box::new(operand)));
                }
                Some(Operator::Phrase(_)) => Operator::Phrase(i16::from_be_bytes(sent.take()?)),
                Some(operator) => operator,
            };
            let right = node(sent, left, text_bytes, depth + 1)?;
            let left = node(sent, left, text_bytes, depth + 1)?;
            Ok(Node::both(operator, left, right))
        }
        other => Err(internal(format!("unrecognized tsquery node type: {other}"))),
    }
}
