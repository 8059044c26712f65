//! PostgreSQL's types over Arrow's: one table of types, values as text and as binary, both ways.

pub mod binary;
pub mod calendar;
mod cells;
pub mod coded;
mod decimal;
mod dimensions;
mod encoding;
pub mod enums;
mod extended;
pub mod geometry;
pub(crate) mod json_tree;
pub mod jsonpath;
mod numeric;
pub mod numerics;
pub mod oids;
pub mod one_byte;
pub mod pgtype;
pub mod precision;
pub mod range;
pub mod row;
pub mod search;
pub mod shaped;
pub mod surrogates;
pub mod text;
mod timetz;
mod transcendental;
mod zone;

pub use dimensions::{dimensions, fitted, flattened, held, is_rectangular, ragged};
pub use encoding::{Encoding, Widener};
pub use extended::Extended;
pub use numeric::Numeric;
pub use pgtype::{InDomain, PgType};
pub use text::Style;
pub use timetz::TimeTz;
pub use zone::Zone;
