//! Full-text search: documents as sets of words (`tsvector`), and what is looked for in them
//! (`tsquery`).
//!
//! Values travel as bytes that order as PostgreSQL orders them, so that sorting, grouping and
//! bounds need to know nothing of words. What they mean is in PostgreSQL's documentation (Full Text
//! Search); where that says no more than a name, it is as PostgreSQL 15 answers.

mod dictionary;
mod edit;
mod headline;
mod letters;
mod matching;
mod parser;
mod query;
mod rank;
mod read;
mod rewrite;
#[cfg(test)]
mod tests;
mod token;
mod vector;
mod wire;

use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

pub use dictionary::{Config, Dictionary};
pub use headline::{Options as HeadlineOptions, add as add_to_headline, headline};
pub use letters::is_alphabetic;
pub use matching::{Found, Sought, matches, phrase, sought, ternary};
pub use parser::{Kind, Parser};
pub use query::{Node, Operand, Operator, Query};
pub use rank::{WEIGHTS, Weights, rank, rank_by_cover};
pub use read::{Builder, Empty, Read, Syntax, read};
pub use rewrite::rewritten;
pub use token::is_space;
pub use vector::{Lexeme, Position, Vector, weight_of};

/// Bytes of a word at most.
pub const WORD_BYTES_MAX: usize = 2046;
/// Bytes of all words of a value at most, with their positions.
const TEXT_BYTES_MAX: usize = (1 << 20) - 1;
/// Positions of one word at most.
pub const POSITIONS_MAX: usize = 256;
/// The last position.
pub const POSITION_MAX: u16 = (1 << 14) - 1;
/// Words of a phrase may be so far apart.
pub const DISTANCE_MAX: i64 = 1 << 14;

/// A position as far as there are any.
pub fn limited(position: i64) -> u16 {
    match u16::try_from(position) {
        Ok(position) if position < POSITION_MAX => position,
        _ => POSITION_MAX,
    }
}

/// Reads a value's text; gives the bytes it travels as.
///
/// # Errors
/// `42601`, `54000`
pub(in crate::types) fn parse(ty: PgType, text: &str) -> Result<Vec<u8>> {
    match ty.oid == PgType::TSQUERY.oid {
        true => Query::parse(text)?.pack(),
        false => Ok(Vector::parse(text)?.pack()),
    }
}

/// Appends a value's text.
pub(in crate::types) fn write(ty: PgType, code: &[u8], out: &mut Vec<u8>) {
    match ty.oid == PgType::TSQUERY.oid {
        true => out.extend_from_slice(Query::unpack(code).to_string().as_bytes()),
        false => out.extend_from_slice(Vector::unpack(code).to_string().as_bytes()),
    }
}

pub(in crate::types) use wire::{receive, send};

/// `42601`
fn syntax(message: impl Into<String>) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, message)
}

/// `54000`
fn limit(message: impl Into<String>) -> Error {
    Error::new(SqlState::PROGRAM_LIMIT_EXCEEDED, message)
}
