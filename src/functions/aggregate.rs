//! Aggregates whose result type in PostgreSQL differs from DataFusion's: `sum(bigint)` and `avg` of
//! exact numbers are numeric, so that neither overflows nor loses digits.
//!
//! Done by giving DataFusion's decimal versions of both decimals to work on; the rest is theirs.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, ReversedUDAF, SetMonotonicity,
    Signature, Volatility,
};

/// Digits after the point that an average is computed from: DataFusion adds four of its own, giving
/// one more than PostgreSQL's sixteen, which the call is rounded to.
const AVERAGE_SCALE: i8 = 13;
/// Most digits of Arrow's 128-bit decimals.
const DIGITS_MAX: u8 = 38;

/// Which aggregate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    Sum,
    Average,
}

/// DataFusion's aggregate with other argument types.
#[derive(Debug)]
struct Exact {
    kind: Kind,
    inner: Arc<AggregateUDF>,
    signature: Signature,
}

impl PartialEq for Exact {
    fn eq(&self, other: &Self) -> bool {
        self.kind == other.kind
    }
}

impl Eq for Exact {}

impl Hash for Exact {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.hash(state);
    }
}

/// The exact version of `sum` or `avg`, over DataFusion's.
pub(super) fn exact(name: &str) -> Option<Arc<AggregateUDF>> {
    let kind = match name {
        "sum" => Kind::Sum,
        "avg" => Kind::Average,
        _ => return None,
    };
    Some(Arc::new(AggregateUDF::new_from_impl(Exact {
        kind,
        inner: super::native::aggregate(name)?,
        signature: Signature::user_defined(Volatility::Immutable),
    })))
}

impl Exact {
    /// What an argument is converted to before it is added up.
    fn converted(&self, from: &DataType) -> Option<DataType> {
        Some(match (self.kind, from) {
            (Kind::Sum, DataType::Int64 | DataType::UInt64) => DataType::Decimal128(20, 0),
            (Kind::Average, DataType::Int8 | DataType::Int16 | DataType::Int32) => {
                DataType::Decimal128(22, AVERAGE_SCALE)
            }
            (
                Kind::Average,
                DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::Int64
                | DataType::UInt64,
            ) => DataType::Decimal128(32, AVERAGE_SCALE),
            (Kind::Average, DataType::Decimal128(precision, scale)) if *scale < AVERAGE_SCALE => {
                // As many digits as fit beside those the numbers have already.
                let whole = i16::from(*precision) - i16::from(*scale);
                let room = i16::from(DIGITS_MAX) - 4 - whole;
                let wanted = i16::from(AVERAGE_SCALE).min(room).max(i16::from(*scale));
                let precision = u8::try_from(whole + wanted).unwrap_or(DIGITS_MAX);
                DataType::Decimal128(
                    precision.min(DIGITS_MAX),
                    i8::try_from(wanted).unwrap_or(*scale),
                )
            }
            _ => return None,
        })
    }
}

impl AggregateUDFImpl for Exact {
    fn name(&self) -> &str {
        self.inner.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        if let [from] = types
            && let Some(to) = self.converted(from)
        {
            return Ok(vec![to]);
        }
        let fields: Vec<FieldRef> = types
            .iter()
            .map(|ty| Arc::new(arrow::datatypes::Field::new("a", ty.clone(), true)))
            .collect();
        let coerced = datafusion::logical_expr::type_coercion::functions::fields_with_udf(
            &fields,
            self.inner.as_ref(),
        )?;
        Ok(coerced
            .iter()
            .map(|field| field.data_type().clone())
            .collect())
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        self.inner.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>, DataFusionError> {
        self.inner.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>, DataFusionError> {
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn Accumulator>, DataFusionError> {
        self.inner.create_sliding_accumulator(args)
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        self.inner.order_sensitivity()
    }

    fn reverse_expr(&self) -> ReversedUDAF {
        ReversedUDAF::Identical
    }

    fn set_monotonicity(&self, data_type: &DataType) -> SetMonotonicity {
        self.inner.inner().set_monotonicity(data_type)
    }
}
