//! Aggregates whose result type in PostgreSQL differs from DataFusion's: `sum(bigint)` and `avg` of
//! exact numbers are numeric, so that neither overflows nor loses digits.
//!
//! `sum` of 128-bit decimals is DataFusion's own; averages, and all of numerics without declared
//! scale, are [`super::numeric_aggregate`]'s.

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

use super::numeric_aggregate::{Kind, NumericAggregate};

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

/// Numbers of so many digits can be added up ten billion times in 128 bits.
const SAFE_DIGITS: u8 = 28;

/// Whether numbers are of so many digits that few of them add up to more than 128 bits hold.
pub(crate) fn is_long(ty: &DataType) -> bool {
    matches!(ty, DataType::Decimal128(precision, _) if *precision > SAFE_DIGITS)
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
        match (self.kind, from) {
            (Kind::Sum, DataType::Int64 | DataType::UInt64) => Some(DataType::Decimal128(20, 0)),
            (_, from) => self.numeric().taken(from).filter(|_| self.is_numeric(from)),
        }
    }

    /// Whether values of `from` are added up as numerics without declared scale.
    fn is_numeric(&self, from: &DataType) -> bool {
        match self.kind {
            Kind::Average => self.numeric().taken(from).is_some(),
            // DataFusion's sum wraps around where it comes to more than 128 bits hold.
            Kind::Sum => is_long(from) || *from == DataType::LargeUtf8,
            Kind::Min | Kind::Max => *from == DataType::LargeUtf8,
        }
    }

    fn numeric(&self) -> NumericAggregate {
        NumericAggregate::of(self.kind)
    }

    /// Whether a call with these arguments is one of numerics.
    fn takes(&self, fields: &[FieldRef], distinct: bool) -> bool {
        let ty = fields.first().map(|field| field.data_type());
        let of_decimals = matches!(ty, Some(DataType::Decimal128(..))) && self.kind == Kind::Sum;
        !(distinct && of_decimals) && ty.is_some_and(|ty| self.is_numeric(ty))
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
        if types.first().is_some_and(|ty| self.is_numeric(ty)) {
            return self.numeric().return_type(types);
        }
        self.inner.return_type(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>, DataFusionError> {
        if self.takes(args.expr_fields, args.is_distinct) {
            return self.numeric().accumulator(args);
        }
        self.inner.accumulator(args)
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>, DataFusionError> {
        if self.takes(args.input_fields, args.is_distinct) {
            return self.numeric().state_fields(args);
        }
        self.inner.state_fields(args)
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        if self.takes(args.expr_fields, args.is_distinct) {
            return self.numeric().groups_accumulator_supported(args);
        }
        self.inner.groups_accumulator_supported(args)
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        if self.takes(args.expr_fields, args.is_distinct) {
            return self.numeric().create_groups_accumulator(args);
        }
        self.inner.create_groups_accumulator(args)
    }

    fn create_sliding_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn Accumulator>, DataFusionError> {
        if self.takes(args.expr_fields, args.is_distinct) {
            return self.numeric().accumulator(args);
        }
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
