//! Advisory locks. Those that wait hold no thread.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, NullArray};
use arrow::datatypes::{DataType, FieldRef, Int64Type};
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    TypeSignature, Volatility,
};

use super::call::short::{BIGINT, INT};
use super::call::{Call, external, functions};
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

/// A function that waits for its lock.
struct Take {
    name: &'static str,
    mode: AdvisoryMode,
    context: Arc<StatementContext>,
    signature: Signature,
}

impl std::fmt::Debug for Take {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name)
    }
}

impl PartialEq for Take {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for Take {}

impl Hash for Take {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The function of that name, if it is one of these.
pub(super) fn scalar(context: &Arc<StatementContext>, name: &str) -> Option<Arc<ScalarUDF>> {
    const TAKES: &[(&str, bool, bool)] = &[
        ("pg_advisory_lock", true, false),
        ("pg_advisory_lock_shared", false, false),
        ("pg_advisory_xact_lock", true, true),
        ("pg_advisory_xact_lock_shared", false, true),
    ];
    let (name, exclusive, transaction) = *TAKES.iter().find(|(known, ..)| *known == name)?;
    let exact = |types: Vec<DataType>| TypeSignature::Exact(types);
    let take = Take {
        name,
        mode: AdvisoryMode {
            exclusive,
            transaction,
        },
        context: context.clone(),
        signature: Signature::one_of(
            vec![
                exact(vec![DataType::Int64]),
                exact(vec![DataType::Int32, DataType::Int32]),
            ],
            Volatility::Volatile,
        ),
    };
    Some(Arc::new(
        AsyncScalarUDF::new(Arc::new(take)).into_scalar_udf(),
    ))
}

impl ScalarUDFImpl for Take {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(PgType::VOID.data_type())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef, DataFusionError> {
        Ok(Arc::new(PgType::VOID.field(self.name, true)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        // Reached only where DataFusion runs no asynchronous functions.
        Err(external(Error::unsupported(format!(
            "{}() here",
            self.name
        ))))
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Take {
    async fn invoke_async_with_args(
        &self,
        args: ScalarFunctionArgs,
    ) -> Result<ColumnarValue, DataFusionError> {
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
        let timeout = match self.context.settings.lock_timeout_ms() {
            0 => Duration::MAX,
            milliseconds => Duration::from_millis(milliseconds),
        };
        let advisory = self.context.database.advisory();
        for row in 0..rows {
            if columns.iter().any(|column| column.is_null(row)) {
                continue;
            }
            let number = |arg: usize| columns[arg].as_primitive::<Int64Type>().value(row);
            let key = match columns.len() {
                1 => AdvisoryKey::of_bigint(number(0)),
                _ => AdvisoryKey::of_two(number(0), number(1)),
            };
            let taken = advisory.take(self.context.session, key, self.mode);
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
        Ok(ColumnarValue::Array(Arc::new(NullArray::new(rows))))
    }
}
