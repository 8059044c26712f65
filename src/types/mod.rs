//! PostgreSQL's types over Arrow's: one table of types, values as text and as binary, both ways.

pub mod binary;
mod calendar;
mod cells;
mod decimal;
pub mod pgtype;
pub mod text;

pub use pgtype::PgType;
pub use text::Style;
