//! What is asked of a running server: where it listens, what became of a transaction, that
//! statistics begin anew.

use super::call::short::{BIGINT, INT, OID, TEXT};
use super::call::{Call, functions};
use super::resolve::Param;
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::coded::unsigned;

const XID8: Param = Param::Is(PgType::XID8);

functions! { pub(super) LIST:
    "inet_server_addr" Stable {
        () -> PgType::INET, loose, |call, _| {
            let server = super::system::own(call).and_then(|activity| activity.server);
            Ok(server.map(|server| server.ip()).into())
        };
    }
    "inet_server_port" Stable {
        () -> PgType::INT4, loose, |call, _| {
            let server = super::system::own(call).and_then(|activity| activity.server);
            Ok(server.map(|server| i32::from(server.port())).into())
        };
    }
    // Nobody's statement sees other statistics than those there are.
    "pg_stat_clear_snapshot" Volatile { () -> PgType::VOID, loose, |_, _| Ok(Value::Null); }
    "pg_stat_force_next_flush" Volatile { () -> PgType::VOID, loose, |_, _| Ok(Value::Null); }
    // Nothing is counted that could be set back.
    "pg_stat_reset" Volatile {
        () -> PgType::VOID, loose, |call, _| reset(call, "pg_stat_reset");
    }
    "pg_stat_reset_shared" Volatile {
        (TEXT) -> PgType::VOID, strict, |call, row| {
            let known = ["archiver", "bgwriter", "recovery_prefetch", "wal"];
            let target = call.must_text(0, row);
            match known.contains(&target) {
                true => reset(call, "pg_stat_reset_shared"),
                false => Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("unrecognized reset target: \"{target}\""),
                )
                .hint(
                    "Target must be \"archiver\", \"bgwriter\", \"recovery_prefetch\", or \"wal\".",
                )),
            }
        };
    }
    "pg_stat_reset_single_table_counters" Volatile {
        (OID) -> PgType::VOID, strict, |call, _| reset(call, "pg_stat_reset_single_table_counters");
    }
    "pg_stat_reset_single_function_counters" Volatile {
        (OID) -> PgType::VOID, strict, |call, _| {
            reset(call, "pg_stat_reset_single_function_counters")
        };
    }
    "pg_stat_reset_slru" Volatile {
        (TEXT) -> PgType::VOID, loose, |call, _| reset(call, "pg_stat_reset_slru");
    }
    "txid_status" Volatile {
        (BIGINT) -> PgType::TEXT, strict, |call, row| status(call, call.int(0, row).unwrap_or(0));
    }
    "pg_xact_status xid8" Volatile {
        (XID8) -> PgType::TEXT, strict, |call, row| {
            use arrow::array::AsArray;
            use arrow::datatypes::Int64Type;
            let numbers = call.raw(0).and_then(|array| array.as_primitive_opt::<Int64Type>());
            let number = numbers.map_or(0, |numbers| unsigned(numbers.value(row)));
            status(call, number.cast_signed())
        };
    }
    "pg_encoding_max_length" Immutable {
        (INT) -> PgType::INT4, strict, |call, row| {
            Ok(match call.int(0, row).unwrap_or(-1) {
                0 | 8..=34 => 1.into(),
                2 | 35..=38 | 41 => 2.into(),
                1 | 3 | 5 | 40 => 3.into(),
                4 | 6 | 7 | 39 => 4.into(),
                _ => Value::Null,
            })
        };
    }
}

/// `42501` for all but superusers, to whom these belong.
fn reset(call: &Call<'_>, name: &str) -> Result<Value> {
    match super::system::is_superuser(call, call.context.role) {
        true => Ok(Value::Null),
        false => Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied for function {name}"),
        )),
    }
}

/// What became of a transaction. Those there have been are the versions of the catalog, and only
/// what was committed has made one; the last is the one that asks.
fn status(call: &Call<'_>, number: i64) -> Result<Value> {
    let last = i64::try_from(call.context.snapshot.version().0).unwrap_or(i64::MAX);
    match number {
        _ if number > last || number < 0 => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("transaction ID {} is in the future", number.cast_unsigned()),
        )),
        // Kept for what was there before all transactions.
        0 => Ok(Value::Null),
        _ if number == last => Ok("in progress".into()),
        _ => Ok("committed".into()),
    }
}
