//! `pg_sleep(seconds)`, `pg_sleep_for(interval)` and `pg_sleep_until(time)`.

use std::time::Duration;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Float64Type, IntervalMonthDayNanoType, TimestampMicrosecondType};
use datafusion::common::DataFusionError;
use datafusion::common::types::{NativeType, logical_float64};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, ScalarFunctionArgs, Signature, TypeSignatureClass, Volatility,
};

use super::waiting::{Until, Waits};

/// The function of that name, if it is one of these.
pub(super) fn waits(name: &str) -> Option<Waits> {
    // Any number will do for seconds; DataFusion asks the signature alone of an asynchronous
    // function.
    let (name, accepted) = match name {
        "pg_sleep" => (
            "pg_sleep",
            Coercion::new_implicit(
                TypeSignatureClass::Native(logical_float64()),
                vec![TypeSignatureClass::Numeric],
                NativeType::Float64,
            ),
        ),
        "pg_sleep_for" => (
            "pg_sleep_for",
            Coercion::new_exact(TypeSignatureClass::Interval),
        ),
        "pg_sleep_until" => (
            "pg_sleep_until",
            Coercion::new_exact(TypeSignatureClass::Timestamp),
        ),
        _ => return None,
    };
    Some(Waits {
        name,
        signature: Signature::coercible(vec![accepted], Volatility::Volatile),
        until: Until::Elapsed,
    })
}

/// Sleeps for every row in turn.
pub(super) async fn sleep(args: &ScalarFunctionArgs) -> Result<(), DataFusionError> {
    let arrays = ColumnarValue::values_to_arrays(&args.args)?;
    if let Some(array) = arrays.first() {
        for row in 0..array.len().min(args.number_rows) {
            if array.is_valid(row) {
                tokio::time::sleep(duration(array.as_ref(), row)).await;
            }
        }
    }
    Ok(())
}

/// How long a row asks for; nothing for what is negative or no number.
fn duration(array: &dyn Array, row: usize) -> Duration {
    let seconds = match array.data_type() {
        DataType::Float64 => array.as_primitive::<Float64Type>().value(row),
        DataType::Interval(_) => {
            let interval = array.as_primitive::<IntervalMonthDayNanoType>().value(row);
            let days = f64::from(interval.months) * 30.0 + f64::from(interval.days);
            #[allow(clippy::cast_precision_loss)] // a nanosecond more or less
            let nanos = interval.nanoseconds as f64;
            days * 86_400.0 + nanos / 1e9
        }
        DataType::Timestamp(..) => {
            let until = array.as_primitive::<TimestampMicrosecondType>().value(row);
            let micros = until.saturating_sub(chrono::Utc::now().timestamp_micros());
            #[allow(clippy::cast_precision_loss)] // as of the others
            let micros = micros as f64;
            micros / 1e6
        }
        _ => 0.0,
    };
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}
