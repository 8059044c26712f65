//! Full-text search: the operators and functions of documents and queries.

mod documents;
mod headline;
mod rank;
mod texts;

use super::call::Call;
use super::resolve::Param;
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::search::{Query, Vector};

pub(super) use documents::LIST as DOCUMENTS;
pub(super) use headline::HEADLINES;
pub(super) use rank::LIST as RANKS;
pub(super) use texts::LIST as TEXTS;
pub(super) use texts::{QUERIES, QUERIES_NOW};

const VECTOR: Param = Param::Is(PgType::TSVECTOR);
const QUERY: Param = Param::Is(PgType::TSQUERY);
const CHAR: Param = Param::Is(PgType::CHAR);
/// `"char"[]`
const CHARS: Param = Param::Is(PgType::of(1002));

/// A document of a strict overload.
fn vector(call: &Call<'_>, arg: usize, row: usize) -> Vector {
    Vector::unpack(call.bytes(arg, row))
}

/// A query of a strict overload.
fn query(call: &Call<'_>, arg: usize, row: usize) -> Query {
    Query::unpack(call.bytes(arg, row))
}

impl From<Vector> for Value {
    fn from(vector: Vector) -> Self {
        Self::Bytes(vector.pack())
    }
}
