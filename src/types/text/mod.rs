//! Values as PostgreSQL's text: what `typoutput` writes and `typinput` reads.
//!
//! [`TextColumn`] writes, [`parse_column`] reads; one file per family of types on either side.

mod column;
mod date;
mod input;
mod interval;
mod nested;
mod number;
#[cfg(test)]
mod tests;

use super::enums::Enums;
use super::{PgType, Zone};
use crate::base::Oid;

pub use column::TextColumn;
pub(super) use column::{
    Numbers, Width, cannot_hold, element_of, interval_out_of_range, is_text, midnight, write_padded,
};
pub(super) use date::{
    date_out_of_range, timestamp_out_of_range, write_date, write_offset, write_time,
    write_timestamp,
};
pub(super) use input::build_array;
pub(crate) use input::shortened;
pub use input::{
    BadOffset, ParseError, build_list, field_texts, interval_parts, offset, parse_column,
    parse_value, refuse_domains, zone, zone_abbreviations,
};
pub(in crate::types) use input::{check_escapes, fit, invalid, read_float8, strtoul};
pub(super) use nested::{is_space, quote, write_record};
pub(super) use number::{write_float8, write_int};

/// The session settings that change how values are written and read.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Style {
    /// TimeZone: where `timestamptz` is shown.
    pub time_zone: Zone,
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
    /// array_nulls: whether NULL in the text of an array is none of its values.
    pub array_nulls: bool,
    /// The enumerated types there are, which values may be of.
    pub enums: Enums,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            time_zone: Zone::UTC,
            date_style: DateStyle::Iso,
            date_order: DateOrder::Mdy,
            interval_style: IntervalStyle::Postgres,
            extra_float_digits: 1,
            bytea_hex: true,
            array_nulls: true,
            enums: Enums::NONE,
        }
    }
}

/// The defaults: for values whose text is not shown but read again.
pub static PLAIN: &Style = &Style {
    time_zone: Zone::UTC,
    date_style: DateStyle::Iso,
    date_order: DateOrder::Mdy,
    interval_style: IntervalStyle::Postgres,
    extra_float_digits: 1,
    bytea_hex: true,
    array_nulls: true,
    enums: Enums::NONE,
};

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
    /// The text of `oid` read as type `reg` (regclass, regtype, regproc, regnamespace, regrole), or
    /// `None` where there is no such object (the number is printed then).
    fn name(&self, reg: PgType, oid: Oid) -> Option<String>;
}

/// Knows no name: OIDs are printed as numbers.
struct Unnamed;

impl RegNames for Unnamed {
    fn name(&self, _: PgType, _: Oid) -> Option<String> {
        None
    }
}

/// Prints OIDs as numbers: for values that cannot be of a reg* type.
pub static UNNAMED: &dyn RegNames = &Unnamed;
