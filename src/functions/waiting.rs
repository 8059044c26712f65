//! Functions that answer void once something has happened. They wait without holding a thread, so
//! cancelling the statement ends the wait at once.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::NullArray;
use arrow::datatypes::{DataType, FieldRef};
use async_trait::async_trait;
use datafusion::common::DataFusionError;
use datafusion::logical_expr::async_udf::{AsyncScalarUDF, AsyncScalarUDFImpl};
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
};

use super::call::external;
use super::{advisory, sleep};
use crate::base::Error;
use crate::database::AdvisoryMode;
use crate::statement::StatementContext;
use crate::types::PgType;

/// A function that waits, whoever calls it.
#[derive(Debug)]
pub(super) struct Waits {
    pub(super) name: &'static str,
    pub(super) signature: Signature,
    pub(super) until: Until,
}

/// What is waited for.
#[derive(Debug, Clone, Copy)]
pub(super) enum Until {
    /// That the time is up.
    Elapsed,
    /// That the lock is had.
    Locked(AdvisoryMode),
}

/// One called by a statement.
struct Waiting {
    waits: Waits,
    context: Arc<StatementContext>,
}

/// The function of that name, if it is one that waits.
pub(super) fn scalar(context: &Arc<StatementContext>, name: &str) -> Option<Arc<ScalarUDF>> {
    let waiting = Waiting {
        waits: sleep::waits(name).or_else(|| advisory::waits(name))?,
        context: context.clone(),
    };
    Some(Arc::new(
        AsyncScalarUDF::new(Arc::new(waiting)).into_scalar_udf(),
    ))
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.waits.fmt(f)
    }
}

impl PartialEq for Waiting {
    fn eq(&self, other: &Self) -> bool {
        self.waits.name == other.waits.name && Arc::ptr_eq(&self.context, &other.context)
    }
}

impl Eq for Waiting {}

impl Hash for Waiting {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.waits.name.hash(state);
    }
}

impl ScalarUDFImpl for Waiting {
    fn name(&self) -> &str {
        self.waits.name
    }

    fn signature(&self) -> &Signature {
        &self.waits.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(PgType::VOID.data_type())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef, DataFusionError> {
        Ok(Arc::new(PgType::VOID.field(self.waits.name, true)))
    }

    fn invoke_with_args(&self, _: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        // Reached only where DataFusion runs no asynchronous functions, e.g. inside an aggregate's
        // argument.
        Err(external(Error::unsupported(format!(
            "{}() here",
            self.waits.name
        ))))
    }
}

#[async_trait]
impl AsyncScalarUDFImpl for Waiting {
    async fn invoke_async_with_args(
        &self,
        args: ScalarFunctionArgs,
    ) -> Result<ColumnarValue, DataFusionError> {
        match self.waits.until {
            Until::Elapsed => sleep::sleep(&args).await?,
            Until::Locked(mode) => advisory::take(&self.context, mode, &args).await?,
        }
        Ok(ColumnarValue::Array(Arc::new(NullArray::new(
            args.number_rows,
        ))))
    }
}
