//! PostgreSQL's types over Arrow's: one table of types, values as text and as binary, both ways.

pub mod binary;
pub mod pgtype;
pub mod text;

pub use pgtype::PgType;
pub use text::Style;
