//! Sizes of relations and of the database, from the segments the catalog knows.

use super::call::short::{BIGINT, NUMERIC, OID, REGCLASS, TEXT};
use super::call::{Call, functions};
use crate::base::{Error, Oid, Result, SqlState};
use crate::pg_catalog::Value;
use crate::pg_catalog::relations::objects::relation_bytes;
use crate::types::{Numeric, PgType};

functions! { pub(super) LIST:
    "pg_relation_size" Stable {
        (REGCLASS) -> PgType::INT8, strict, size;
        // Only the main fork has anything in it.
        (REGCLASS, TEXT) -> PgType::INT8, strict, |call, row| match call.must_text(1, row) {
            "main" => size(call, row),
            "fsm" | "vm" | "init" => Ok(0.into()),
            _ => Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, "invalid fork name")
                .hint("Valid fork names are \"main\", \"fsm\", \"vm\", and \"init\".")),
        };
    }
    "pg_table_size" Stable { (REGCLASS) -> PgType::INT8, strict, size; }
    "pg_total_relation_size" Stable { (REGCLASS) -> PgType::INT8, strict, size; }
    "pg_indexes_size" Stable { (REGCLASS) -> PgType::INT8, strict, |_, _| Ok(0.into()); }
    "pg_database_size" Stable {
        (OID) -> PgType::INT8, strict, |call, row| {
            let oid = call.oid(0, row)?;
            Ok(if oid == Some(Oid::DATABASE) { total(call) } else { Value::Null })
        };
        (TEXT) -> PgType::INT8, strict, |call, row| {
            let name = call.must_text(0, row);
            if name == call.context.snapshot.database().name {
                return Ok(total(call));
            }
            Err(Error::new(
                SqlState::INVALID_CATALOG_NAME,
                format!("database \"{name}\" does not exist"),
            ))
        };
    }
    "pg_tablespace_size" Stable {
        (OID) -> PgType::INT8, strict, |call, row| {
            let default = call.oid(0, row)? == Some(Oid(1663));
            Ok(if default { total(call) } else { 0.into() })
        };
    }
    "pg_tablespace_location" Stable { (OID) -> PgType::TEXT, strict, |_, _| Ok("".into()); }
    "pg_relation_filenode" Stable {
        (REGCLASS) -> PgType::OID, strict, |call, row| Ok(call.oid(0, row)?.into());
    }
    "pg_size_pretty" Immutable {
        (BIGINT) -> PgType::TEXT, strict, |call, row| Ok(pretty(call.int(0, row).unwrap_or(0)).into());
        (NUMERIC) -> PgType::TEXT, strict, |call, row| pretty_numeric(&call.must_numeric(0, row)).map(Value::from);
    }
    "pg_size_bytes" Immutable {
        (TEXT) -> PgType::INT8, strict, |call, row| bytes(call.must_text(0, row));
    }
    "pg_column_size" Stable {
        (super::call::short::ANY) -> PgType::INT4, loose, |call, row| {
            if call.null(0, row) {
                return Ok(Value::Null);
            }
            // The length of its type, or a header and its bytes.
            if let Some(ty) = call.ty(0)
                && ty.info().len > 0
            {
                return Ok(ty.info().len.into());
            }
            if let Some(text) = call.padded(0, row) {
                return Ok(i32::try_from(text.len() + 4).ok().into());
            }
            let one = call.raw(0).map(|array| array.slice(row, 1).get_array_memory_size());
            Ok(one.and_then(|bytes| i32::try_from(bytes).ok()).into())
        };
    }
}

/// The same of a numeric, whose bytes may have a fraction.
fn pretty_numeric(bytes: &Numeric) -> Result<String> {
    if bytes.abs() < Numeric::from(10 * 1024) {
        return Ok(format!("{bytes} bytes"));
    }
    let whole = bytes.truncated(0).to_integer();
    whole
        .and_then(|whole| i64::try_from(whole).ok())
        .map(pretty)
        .ok_or_else(|| Error::unsupported("pg_size_pretty() of more than 8192 PB"))
}

/// A number of bytes with its unit.
fn bytes(text: &str) -> Result<Value> {
    let wrong = || {
        Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid size: \"{text}\""),
        )
    };
    let trimmed = text.trim();
    let end = trimmed
        .find(|c: char| !(c.is_ascii_digit() || "+-.eE".contains(c)))
        .unwrap_or(trimmed.len());
    let number = Numeric::parse(&trimmed[..end]).ok_or_else(wrong)?;
    let unit = trimmed[end..].trim().to_lowercase();
    let power = match unit.as_str() {
        "" | "bytes" | "b" => 0,
        "kb" => 1,
        "mb" => 2,
        "gb" => 3,
        "tb" => 4,
        "pb" => 5,
        other => {
            return Err(wrong()
                .detail(format!("Invalid size unit: \"{other}\"."))
                .hint(
                    "Valid units are \"bytes\", \"B\", \"kB\", \"MB\", \"GB\", \"TB\", and \"PB\".",
                ));
        }
    };
    let size = number.times(&Numeric::from(1024_i64.pow(power))).rounded(0);
    let size = size.to_integer().and_then(|size| i64::try_from(size).ok());
    size.map(Value::Int)
        .ok_or_else(|| Error::new(SqlState::NUMERIC_VALUE_OUT_OF_RANGE, "bigint out of range"))
}

fn signed(bytes: u64) -> Value {
    Value::Int(i64::try_from(bytes).unwrap_or(i64::MAX))
}

/// NULL if the relation has gone, as in PostgreSQL; 0 for what stores nothing.
fn size(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    Ok(match call.context.snapshot.relation(oid) {
        Some(relation) => signed(relation_bytes(relation)),
        None if crate::pg_catalog::layout::by_oid(oid).is_some() => 0.into(),
        None => Value::Null,
    })
}

fn total(call: &Call<'_>) -> Value {
    let relations = call.context.snapshot.relations();
    signed(relations.map(|relation| relation_bytes(relation)).sum())
}

/// `10 kB` for 10240: the unit in which the number stays below 10,240, rounded half away from zero.
fn pretty(bytes: i64) -> String {
    let mut size = i128::from(bytes);
    if size.abs() < 10 * 1024 {
        return format!("{size} bytes");
    }
    // One bit is kept below the unit, to round by.
    size >>= 9;
    for (index, unit) in ["kB", "MB", "GB", "TB", "PB"].into_iter().enumerate() {
        if size.abs() < 20 * 1024 - 1 || index == 4 {
            let rounded = (size + size.signum()) / 2;
            return format!("{rounded} {unit}");
        }
        size >>= 10;
    }
    format!("{bytes} bytes")
}

#[cfg(test)]
mod tests {
    use super::pretty;

    #[test]
    fn pretty_as_postgresql() {
        for (bytes, text) in [
            (0, "0 bytes"),
            (10239, "10239 bytes"),
            (10240, "10 kB"),
            (10_485_247, "10239 kB"),
            (10_485_248, "10 MB"),
            (123_456_789_012, "115 GB"),
            (i64::MAX, "8192 PB"),
        ] {
            assert_eq!(pretty(bytes), text, "{bytes}");
        }
    }
}
