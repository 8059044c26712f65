//! `pg_sleep`: waits without holding a thread, so cancelling the statement ends it at once.

use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Array, AsArray, NullArray};
use arrow::datatypes::{DataType, FieldRef, Float64Type, IntervalMonthDayNanoType};
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::common::types::{NativeType, logical_float64};
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    Coercion, ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl,
    Signature, TypeSignatureClass, Volatility,
};

use super::call::external;
use crate::base::Error;
use crate::types::PgType;

/// `pg_sleep(seconds)` and `pg_sleep_for(interval)`.
#[derive(Debug)]
struct Sleep {
    name: &'static str,
    signature: Signature,
}

impl PartialEq for Sleep {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Sleep {}

impl Hash for Sleep {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

/// The function of that name, if it is one of these.
pub(super) fn scalar(name: &str) -> Option<Arc<ScalarUDF>> {
    let (name, takes) = match name {
        "pg_sleep" => ("pg_sleep", PgType::FLOAT8),
        "pg_sleep_for" => ("pg_sleep_for", PgType::INTERVAL),
        _ => return None,
    };
    // Any number will do for seconds; DataFusion asks the signature alone of an asynchronous
    // function.
    let accepted = if takes == PgType::FLOAT8 {
        Coercion::new_implicit(
            TypeSignatureClass::Native(logical_float64()),
            vec![TypeSignatureClass::Numeric],
            NativeType::Float64,
        )
    } else {
        Coercion::new_exact(TypeSignatureClass::Interval)
    };
    let sleep = Sleep {
        name,
        signature: Signature::coercible(vec![accepted], Volatility::Volatile),
    };
    Some(Arc::new(
        AsyncScalarUDF::new(Arc::new(sleep)).into_scalar_udf(),
    ))
}

impl ScalarUDFImpl for Sleep {
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
        // Reached only where DataFusion runs no asynchronous functions, e.g. inside an aggregate's
        // argument.
        Err(external(Error::unsupported(format!(
            "{}() here",
            self.name
        ))))
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Sleep {
    async fn invoke_async_with_args(
        &self,
        args: ScalarFunctionArgs,
    ) -> Result<ColumnarValue, DataFusionError> {
        let rows = args.number_rows;
        let arrays = ColumnarValue::values_to_arrays(&args.args)?;
        if let Some(array) = arrays.first() {
            for row in 0..array.len().min(rows) {
                if array.is_valid(row) {
                    tokio::time::sleep(duration(array.as_ref(), row)).await;
                }
            }
        }
        Ok(ColumnarValue::Array(Arc::new(NullArray::new(rows))))
    }
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
        _ => 0.0,
    };
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}
