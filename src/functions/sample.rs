//! TABLESAMPLE: which rows a sample takes.
//!
//! BERNOULLI decides row by row; so does SYSTEM, whose blocks here are of one row. REPEATABLE asks
//! the row itself, so that the same rows are taken as long as they are there.

use std::hash::{DefaultHasher, Hash, Hasher};

use super::call::short::{BIGINT, FLOAT, TEXT};
use super::call::{Call, functions};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;

/// The percentage of a sample, checked.
pub(crate) const PERCENT: &str = "\0sample_percent";
/// A number from 0 to below 100 by a row's text, which of the rows with that text it is, and the
/// seed.
pub(crate) const PLACE: &str = "\0sample_place";

functions! { pub(super) LIST:
    "\0sample_percent" Immutable { (FLOAT) -> PgType::FLOAT8, loose, percent; }
    "\0sample_place" Immutable {
        (TEXT, BIGINT, FLOAT) -> PgType::FLOAT8, loose, |call, row| {
            let mut hasher = DefaultHasher::new();
            call.text(0, row).hash(&mut hasher);
            call.int(1, row).hash(&mut hasher);
            call.float(2, row).map(f64::to_bits).hash(&mut hasher);
            #[allow(clippy::cast_precision_loss)] // 52 bits
            let place = (hasher.finish() >> 12) as f64 / (1_u64 << 52) as f64;
            Ok(Value::Float(place * 100.0))
        };
    }
}

fn percent(call: &Call<'_>, row: usize) -> Result<Value> {
    let wrong = |what: &str| Error::new(SqlState::INVALID_TABLESAMPLE_ARGUMENT, what);
    let Some(percent) = call.float(0, row) else {
        return Err(wrong("TABLESAMPLE parameter cannot be null"));
    };
    if !(0.0..=100.0).contains(&percent) {
        return Err(wrong("sample percentage must be between 0 and 100"));
    }
    Ok(Value::Float(percent))
}
