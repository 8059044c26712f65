//! Columns whose stored form is not the form they have in memory (intervals), brought back on the
//! way out of a file.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{FieldRef, Schema};
use arrow::record_batch::RecordBatch;
use datafusion::common::{DataFusionError, Result};
use datafusion::logical_expr::ColumnarValue;
use datafusion::physical_expr::PhysicalExpr;

use crate::storage;
use crate::types::PgType;

/// `input`, read from a file, as values of a PostgreSQL type.
#[derive(Debug)]
pub(super) struct Restored {
    input: Arc<dyn PhysicalExpr>,
    ty: PgType,
    /// What comes out.
    field: FieldRef,
}

impl Restored {
    pub(super) fn new(input: Arc<dyn PhysicalExpr>, ty: PgType, field: FieldRef) -> Self {
        Self { input, ty, field }
    }
}

impl fmt::Display for Restored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "restored({})", self.input)
    }
}

impl PartialEq for Restored {
    fn eq(&self, other: &Self) -> bool {
        self.input.eq(&other.input) && self.ty == other.ty && self.field == other.field
    }
}

impl Eq for Restored {}

impl Hash for Restored {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.ty.hash(state);
    }
}

impl PhysicalExpr for Restored {
    fn evaluate(&self, batch: &RecordBatch) -> Result<ColumnarValue> {
        let stored = self.input.evaluate(batch)?.into_array(batch.num_rows())?;
        let restored = storage::restore(&stored, self.ty)
            .map_err(|error| DataFusionError::External(Box::new(error)))?;
        Ok(ColumnarValue::Array(restored))
    }

    fn return_field(&self, _: &Schema) -> Result<FieldRef> {
        Ok(self.field.clone())
    }

    fn children(&self) -> Vec<&Arc<dyn PhysicalExpr>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn PhysicalExpr>>,
    ) -> Result<Arc<dyn PhysicalExpr>> {
        let [input] = children.as_slice() else {
            return Err(DataFusionError::Internal("one child expected".to_owned()));
        };
        Ok(Arc::new(Self::new(
            input.clone(),
            self.ty,
            self.field.clone(),
        )))
    }

    fn fmt_sql(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
