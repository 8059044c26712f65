//! Values as PostgreSQL's text: what `typoutput` writes and `typinput` reads.

use arrow::array::{Array, ArrayRef};

use super::PgType;
use crate::base::{Oid, Result};

/// The session settings that change how values are written and read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Style {
    /// TimeZone: where `timestamptz` is shown.
    pub time_zone: chrono_tz::Tz,
    /// DateStyle's output format.
    pub date_style: DateStyle,
    /// DateStyle's field order for input.
    pub date_order: DateOrder,
    /// IntervalStyle.
    pub interval_style: IntervalStyle,
    /// extra_float_digits: above 0 shortest exact, else rounded to 15 (or 6) + n digits.
    pub extra_float_digits: i32,
    /// bytea_output = hex (true) or escape.
    pub bytea_hex: bool,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            time_zone: chrono_tz::UTC,
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            extra_float_digits: 1,
            bytea_hex: true,
        }
    }
}

/// DateStyle's first word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateStyle {
    /// `2024-02-01 10:00:00+00`
    Iso,
    /// `Thu Feb 01 10:00:00 2024 UTC`
    Postgres,
    /// `02/01/2024 10:00:00 UTC`
    Sql,
    /// `01.02.2024 10:00:00 UTC`
    German,
}

/// DateStyle's second word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DateOrder {
    /// Month, day, year.
    Mdy,
    /// Day, month, year.
    Dmy,
    /// Year, month, day.
    Ymd,
}

/// IntervalStyle.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum IntervalStyle {
    /// `1 day 02:00:00`
    Postgres,
    /// `@ 1 day 2 hours`
    PostgresVerbose,
    /// `1 2:00:00`
    SqlStandard,
    /// `P1DT2H`
    Iso8601,
}

/// Names objects for the reg* types, whose text is a name and whose value is an OID.
pub trait RegNames: Send + Sync {
    /// The text of `oid` read as type `reg` (regclass, regtype, regproc, regnamespace, regrole), or `None`
    /// where there is no such object (the number is printed then).
    fn name(&self, reg: PgType, oid: Oid) -> Option<String>;
}

/// One column, ready to write values of as text: all downcasts and settings resolved once per batch.
pub struct TextColumn<'a> {
    array: &'a dyn Array,
    ty: PgType,
    style: &'a Style,
    names: &'a dyn RegNames,
}

impl<'a> TextColumn<'a> {
    /// Prepares `array`, whose values are of PostgreSQL type `ty`.
    ///
    /// # Errors
    /// `XX000` if the Arrow type cannot hold values of `ty`.
    pub fn new(
        array: &'a dyn Array,
        ty: PgType,
        style: &'a Style,
        names: &'a dyn RegNames,
    ) -> Result<Self> {
        Ok(Self {
            array,
            ty,
            style,
            names,
        })
    }

    /// Appends the text of row `row` to `out`; returns false, appending nothing, if it is NULL.
    ///
    /// # Errors
    /// `22003`/`22008` for a value PostgreSQL's type cannot represent.
    pub fn write(&self, row: usize, out: &mut Vec<u8>) -> Result<bool> {
        let _ = (self.array, self.ty, self.style, self.names, row, out);
        todo!()
    }
}

/// Reads text values into an Arrow array of `ty.data_type()`; `None` is NULL. This is PostgreSQL's `typinput`.
///
/// # Errors
/// PostgreSQL's: `22P02` invalid input syntax, `22003` out of range, `22007`/`22008` dates; the row at fault is
/// given so that callers can say which line it was.
pub fn parse_column(
    values: &[Option<&str>],
    ty: PgType,
    style: &Style,
) -> Result<ArrayRef, ParseError> {
    let _ = (values, ty, style);
    todo!()
}

/// A value that [`parse_column`] could not read.
#[derive(Debug)]
pub struct ParseError {
    /// Index into the values.
    pub row: usize,
    /// What is wrong with it.
    pub error: crate::base::Error,
}
