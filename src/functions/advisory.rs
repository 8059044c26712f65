//! Advisory locks.

use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{ScalarFunctionArgs, Signature, TypeSignature, Volatility};

use super::call::short::{BIGINT, INT};
use super::call::{Call, external, functions};
use super::waiting::{Until, Waits};
use crate::base::error::{Level, Report};
use crate::base::{Error, Result, SqlState};
use crate::database::{AdvisoryKey, AdvisoryMode, advisory_mode_name};
use crate::pg_catalog::Value;
use crate::statement::{Effect, StatementContext};
use crate::types::PgType;

macro_rules! overloads {
    ($vis:vis $list:ident: $($name:literal $body:expr;)*) => {
        functions! { $vis $list: $(
            $name Volatile {
                (BIGINT) -> PgType::BOOL, strict, $body;
                (INT, INT) -> PgType::BOOL, strict, $body;
            }
        )* }
    };
}

overloads! { pub(super) LIST:
    "pg_try_advisory_lock" |call, row| tried(call, row, true, false);
    "pg_try_advisory_lock_shared" |call, row| tried(call, row, false, false);
    "pg_try_advisory_xact_lock" |call, row| tried(call, row, true, true);
    "pg_try_advisory_xact_lock_shared" |call, row| tried(call, row, false, true);
    "pg_advisory_unlock" |call, row| released(call, row, true);
    "pg_advisory_unlock_shared" |call, row| released(call, row, false);
}

functions! { pub(super) ALL:
    "pg_advisory_unlock_all" Volatile {
        () -> PgType::VOID, strict, |call, _| {
            call.context.database.advisory().release_all(call.context.session);
            Ok(Value::Null)
        };
    }
}

fn key(call: &Call<'_>, row: usize) -> AdvisoryKey {
    let number = |arg| call.int(arg, row).unwrap_or(0);
    match call.len() {
        1 => AdvisoryKey::of_bigint(number(0)),
        _ => AdvisoryKey::of_two(number(0), number(1)),
    }
}

fn tried(call: &Call<'_>, row: usize, exclusive: bool, transaction: bool) -> Result<Value> {
    let mode = AdvisoryMode {
        exclusive,
        transaction,
    };
    let advisory = call.context.database.advisory();
    Ok(advisory
        .try_take(call.context.session, key(call, row), mode)
        .into())
}

fn released(call: &Call<'_>, row: usize, exclusive: bool) -> Result<Value> {
    let advisory = call.context.database.advisory();
    let released = advisory.release(call.context.session, key(call, row), exclusive);
    if !released {
        let name = advisory_mode_name(exclusive);
        call.context.effects.push(Effect::Report(Report {
            level: Level::Warning,
            error: Error::new(
                SqlState::WARNING,
                format!("you don't own a lock of type {name}"),
            ),
        }));
    }
    Ok(released.into())
}

/// The function that waits for its lock of that name, if it is one.
pub(super) fn waits(name: &str) -> Option<Waits> {
    const TAKES: &[(&str, bool, bool)] = &[
        ("pg_advisory_lock", true, false),
        ("pg_advisory_lock_shared", false, false),
        ("pg_advisory_xact_lock", true, true),
        ("pg_advisory_xact_lock_shared", false, true),
    ];
    let (name, exclusive, transaction) = *TAKES.iter().find(|(known, ..)| *known == name)?;
    let exact = |types: Vec<DataType>| TypeSignature::Exact(types);
    Some(Waits {
        name,
        signature: Signature::one_of(
            vec![
                exact(vec![DataType::Int64]),
                exact(vec![DataType::Int32, DataType::Int32]),
            ],
            Volatility::Volatile,
        ),
        until: Until::Locked(AdvisoryMode {
            exclusive,
            transaction,
        }),
    })
}

/// Takes the lock of every row in turn.
pub(super) async fn take(
    context: &StatementContext,
    mode: AdvisoryMode,
    args: &ScalarFunctionArgs,
) -> Result<(), DataFusionError> {
    let rows = args.number_rows;
    let columns = args
        .args
        .iter()
        .map(|arg| {
            Ok(arrow::compute::cast(
                &arg.to_array(rows)?,
                &DataType::Int64,
            )?)
        })
        .collect::<Result<Vec<_>, DataFusionError>>()?;
    let timeout = match context.settings.lock_timeout_ms() {
        0 => Duration::MAX,
        milliseconds => Duration::from_millis(milliseconds),
    };
    let advisory = context.database.advisory();
    for row in 0..rows {
        if columns.iter().any(|column| column.is_null(row)) {
            continue;
        }
        let number = |arg: usize| columns[arg].as_primitive::<Int64Type>().value(row);
        let key = match columns.len() {
            1 => AdvisoryKey::of_bigint(number(0)),
            _ => AdvisoryKey::of_two(number(0), number(1)),
        };
        let taken = advisory.take(context.session, key, mode);
        match tokio::time::timeout(timeout, taken).await {
            Ok(taken) => taken.map_err(external)?,
            Err(_elapsed) => {
                return Err(external(Error::new(
                    SqlState::LOCK_NOT_AVAILABLE,
                    "canceling statement due to lock timeout",
                )));
            }
        }
    }
    Ok(())
}
