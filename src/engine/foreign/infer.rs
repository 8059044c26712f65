//! Column names and types from what is in a file, for foreign tables that declare none.
//!
//! A type is chosen only if every value seen is of it; leading zeros and integers beyond bigint
//! stay text, because a number would lose them.

use std::collections::HashSet;

use arrow::datatypes::{DataType, Field, TimeUnit};
use chrono::{DateTime, NaiveDate, NaiveDateTime};

use crate::base::limits::COLUMNS_MAX;
use crate::base::name::truncate;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Column;
use crate::types::PgType;

/// What the values of one column may still be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guess {
    seen: bool,
    boolean: bool,
    integer: bool,
    float: bool,
    date: bool,
    timestamp: bool,
    timestamptz: bool,
    nested: bool,
}

impl Default for Guess {
    fn default() -> Self {
        Self {
            seen: false,
            boolean: true,
            integer: true,
            float: true,
            date: true,
            timestamp: true,
            timestamptz: true,
            nested: true,
        }
    }
}

impl Guess {
    /// Takes a value's text into account.
    pub(super) fn see(&mut self, text: &str) {
        self.seen = true;
        self.nested = false;
        let text = text.trim();
        self.boolean = self.boolean
            && ["true", "false"]
                .iter()
                .any(|word| text.eq_ignore_ascii_case(word));
        if self.float {
            let (integer, float) = number(text);
            self.integer &= integer;
            self.float = float;
        } else {
            self.integer = false;
        }
        self.date = self.date && is_date(text);
        self.timestamp = self.timestamp && is_timestamp(text);
        self.timestamptz = self.timestamptz && is_timestamptz(text);
    }

    /// Takes an object or array into account.
    pub(super) fn see_nested(&mut self) {
        let nested = self.nested;
        self.see("{}");
        self.nested = nested;
    }

    /// The type that holds everything seen.
    pub(super) fn ty(&self) -> PgType {
        let choices = [
            (self.nested, PgType::JSONB),
            (self.boolean, PgType::BOOL),
            (self.integer, PgType::INT8),
            (self.float, PgType::FLOAT8),
            (self.date, PgType::DATE),
            (self.timestamp, PgType::TIMESTAMP),
            (self.timestamptz, PgType::TIMESTAMPTZ),
        ];
        choices
            .into_iter()
            .find(|(fits, _)| *fits && self.seen)
            .map_or(PgType::TEXT, |(_, ty)| ty)
    }
}

/// Whether a text is an integer, and whether it is any number.
fn number(text: &str) -> (bool, bool) {
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    let special = ["nan", "inf", "infinity"]
        .iter()
        .any(|word| digits.eq_ignore_ascii_case(word));
    if special {
        return (false, true);
    }
    let starts_well = digits.starts_with(|c: char| c.is_ascii_digit() || c == '.');
    let leading_zero =
        digits.len() > 1 && digits.starts_with('0') && digits.as_bytes()[1].is_ascii_digit();
    if !starts_well || leading_zero {
        return (false, false);
    }
    if digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let fits = text.trim_start_matches('+').parse::<i64>().is_ok();
        return (fits, fits);
    }
    (false, text.parse::<f64>().is_ok_and(f64::is_finite))
}

fn is_date(text: &str) -> bool {
    text.len() == 10 && NaiveDate::parse_from_str(text, "%Y-%m-%d").is_ok()
}

fn is_timestamp(text: &str) -> bool {
    is_date(text)
        || [
            "%Y-%m-%d %H:%M:%S%.f",
            "%Y-%m-%dT%H:%M:%S%.f",
            "%Y-%m-%d %H:%M",
            "%Y-%m-%dT%H:%M",
        ]
        .iter()
        .any(|format| NaiveDateTime::parse_from_str(text, format).is_ok())
}

fn is_timestamptz(text: &str) -> bool {
    DateTime::parse_from_rfc3339(text).is_ok()
        || ["%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%dT%H:%M:%S%.f%#z"]
            .iter()
            .any(|format| DateTime::parse_from_str(text, format).is_ok())
}

/// The PostgreSQL type for a column of a data file. Not [`PgType::of_data_type`]: in data an
/// unsigned integer is a number, never an OID.
pub(super) fn of_arrow(field: &Field) -> Result<PgType> {
    Ok(match field.data_type() {
        DataType::UInt32 => PgType::INT8,
        DataType::UInt64 => PgType::numeric(20, 0),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale)
            if *scale >= 0 =>
        {
            PgType::numeric(u16::from(*precision), i16::from(*scale))
        }
        DataType::FixedSizeBinary(_) => PgType::BYTEA,
        DataType::Date64 | DataType::Timestamp(TimeUnit::Second, None) => PgType::TIMESTAMP,
        DataType::Dictionary(_, value) => {
            return of_arrow(&Field::new(field.name(), value.as_ref().clone(), true));
        }
        DataType::Struct(_)
        | DataType::Map(_, _)
        | DataType::Union(_, _)
        | DataType::Duration(_)
        | DataType::Interval(_)
        | DataType::RunEndEncoded(_, _) => {
            return Err(Error::unsupported(format!(
                "column \"{}\" of type {} in a Parquet file",
                field.name(),
                field.data_type()
            ))
            .hint("Declare the columns you need in CREATE FOREIGN TABLE, without this one."));
        }
        data_type => PgType::of_data_type(data_type),
    })
}

/// Columns from names as the file has them: folded to lower case where that keeps them apart, so
/// that nobody must quote them; numbered where the file has no name.
///
/// # Errors
/// `54011` too many.
pub(super) fn columns(names: Vec<String>, types: Vec<PgType>) -> Result<Vec<Column>> {
    if names.len() > COLUMNS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {COLUMNS_MAX} columns"),
        ));
    }
    let folded: HashSet<String> = names
        .iter()
        .map(|name| name.trim().to_lowercase())
        .collect();
    let fold = folded.len() == names.len();
    let mut taken = HashSet::new();
    let mut stored = HashSet::new();
    let columns = names.into_iter().zip(types).enumerate();
    Ok(columns
        .map(|(index, (name, ty))| {
            let trimmed = match fold {
                true => name.trim().to_lowercase(),
                false => name.trim().to_owned(),
            };
            let base = match trimmed.is_empty() {
                true => format!("column{}", index + 1),
                false => truncate(&trimmed).to_owned(),
            };
            Column {
                attnum: index as i16 + 1,
                name: unique(&mut taken, base.clone()),
                stored_name: unique(&mut stored, if name.is_empty() { base } else { name }),
                ty,
                collation: None,
                not_null: false,
                default: None,
                generation: None,
                comment: None,
            }
        })
        .collect())
}

fn unique(taken: &mut HashSet<String>, name: String) -> String {
    let mut candidate = name.clone();
    let mut number = 1;
    while !taken.insert(candidate.clone()) {
        number += 1;
        candidate = format!("{name}_{number}");
    }
    candidate
}
