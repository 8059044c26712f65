//! Aggregates of numerics without declared scale, the average of every exact number, and sums that
//! may come to more than 128 bits hold.
//!
//! `avg` is a sum and a count, divided once at the end with as many digits as PostgreSQL gives a
//! quotient. Numbers that 128 bits hold are added up as such, group by group; others one by one.

use std::collections::{BTreeMap, BTreeSet};
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DECIMAL128_MAX_PRECISION, DataType, Field, FieldRef, Int64Type};
use datafusion::common::{DataFusionError, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, GroupsAccumulator, Signature, Volatility,
};

use super::call::external;
use super::decimal_groups::{DecimalGroups, has_room};
use super::ungrouped::Ungrouped;
use crate::base::{Error, Result, SqlState};
use crate::types::numerics::{NumericColumn, column};
use crate::types::{Extended, Numeric};

/// Most digits of Arrow's 128-bit decimals.
pub(super) const DIGITS_MAX: u8 = DECIMAL128_MAX_PRECISION;

/// Which aggregate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Sum,
    Average,
    Min,
    Max,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Sum => "sum",
            Self::Average => "avg",
            Self::Min => "min",
            Self::Max => "max",
        }
    }
}

/// An aggregate that gives a numeric without declared scale.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct NumericAggregate {
    pub(super) kind: Kind,
    /// Whether each value counts once, however often it is there.
    distinct: bool,
    signature: Signature,
}

impl NumericAggregate {
    /// The aggregate of this kind.
    pub(super) fn of(kind: Kind) -> Self {
        Self {
            kind,
            distinct: false,
            signature: Signature::user_defined(Volatility::Immutable),
        }
    }

    /// Whether it tells values apart; the least and the greatest are the same either way.
    fn tells_apart(&self, said: bool) -> bool {
        (self.distinct || said) && matches!(self.kind, Kind::Sum | Kind::Average)
    }

    /// What an argument is converted to; `None` if it is no exact number.
    pub(super) fn taken(&self, from: &DataType) -> Option<DataType> {
        match (self.kind, from) {
            (_, DataType::LargeUtf8) => Some(DataType::LargeUtf8),
            (Kind::Sum | Kind::Average, DataType::Decimal128(precision, scale)) => {
                Some(DataType::Decimal128(*precision, *scale))
            }
            (
                Kind::Average,
                DataType::Int8
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::UInt8
                | DataType::UInt16
                | DataType::UInt32
                | DataType::UInt64,
            ) => Some(DataType::Decimal128(20, 0)),
            (_, DataType::Decimal128(..) | DataType::Decimal256(..)) => Some(DataType::LargeUtf8),
            _ => None,
        }
    }
}

/// `sum` or `avg` of numerics without declared scale, each value once.
pub(super) fn distinct(name: &str) -> Option<Arc<AggregateUDF>> {
    let kind = match name {
        "sum" => Kind::Sum,
        "avg" => Kind::Average,
        _ => return None,
    };
    Some(Arc::new(AggregateUDF::new_from_impl(NumericAggregate {
        distinct: true,
        ..NumericAggregate::of(kind)
    })))
}

/// The minimum or maximum of numerics without declared scale.
pub(crate) fn numeric_extreme(name: &str) -> Option<Arc<AggregateUDF>> {
    let kind = match name {
        "min" => Kind::Min,
        "max" => Kind::Max,
        _ => return None,
    };
    Some(Arc::new(AggregateUDF::new_from_impl(NumericAggregate::of(
        kind,
    ))))
}

fn input(fields: &[FieldRef]) -> DataType {
    fields
        .first()
        .map_or(DataType::Null, |field| field.data_type().clone())
}

impl AggregateUDFImpl for NumericAggregate {
    fn name(&self) -> &str {
        self.kind.name()
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>, DataFusionError> {
        types
            .iter()
            .map(|ty| {
                self.taken(ty).ok_or_else(|| {
                    external(Error::new(
                        SqlState::UNDEFINED_FUNCTION,
                        format!("function {}({ty}) does not exist", self.kind.name()),
                    ))
                })
            })
            .collect()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(match (self.kind, types) {
            (Kind::Sum, [DataType::Decimal128(_, scale)]) if has_room(*scale) => {
                DataType::Decimal128(DIGITS_MAX, *scale)
            }
            _ => DataType::LargeUtf8,
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>, DataFusionError> {
        let field =
            |name: &str, ty| Arc::new(Field::new(format!("{}[{name}]", args.name), ty, true));
        if self.tells_apart(args.is_distinct) {
            let item = Field::new_list_field(DataType::LargeUtf8, true);
            return Ok(vec![field("values", DataType::List(Arc::new(item)))]);
        }
        Ok(match (self.kind, input(args.input_fields)) {
            (Kind::Sum | Kind::Average, DataType::Decimal128(_, scale)) => vec![
                field("sum", DataType::Decimal128(DIGITS_MAX, scale)),
                field("passed", DataType::Int64),
                field("count", DataType::Int64),
            ],
            (Kind::Sum | Kind::Average, _) => vec![
                field("sum", DataType::LargeUtf8),
                field("count", DataType::Int64),
                field("nan", DataType::Int64),
                field("infinite", DataType::Int64),
                field("negative", DataType::Int64),
            ],
            (Kind::Min | Kind::Max, _) => vec![field("value", DataType::LargeUtf8)],
        })
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>, DataFusionError> {
        if self.tells_apart(args.is_distinct) {
            return Ok(Box::new(DistinctTotal {
                kind: self.kind,
                values: BTreeSet::new(),
            }));
        }
        Ok(match (self.kind, input(args.expr_fields)) {
            (Kind::Sum | Kind::Average, DataType::Decimal128(_, scale)) => {
                Box::new(Ungrouped(DecimalGroups::new(self.kind, scale)))
            }
            (Kind::Min, _) => Box::new(Extreme {
                least: true,
                value: None,
            }),
            (Kind::Max, _) => Box::new(Extreme {
                least: false,
                value: None,
            }),
            (kind, _) => Box::new(Total::new(kind)),
        })
    }

    fn groups_accumulator_supported(&self, args: AccumulatorArgs) -> bool {
        !self.tells_apart(args.is_distinct)
            && matches!(self.kind, Kind::Sum | Kind::Average)
            && matches!(input(args.expr_fields), DataType::Decimal128(..))
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>, DataFusionError> {
        match input(args.expr_fields) {
            DataType::Decimal128(_, scale) => Ok(Box::new(DecimalGroups::new(self.kind, scale))),
            other => Err(external(Error::internal("adding up", other))),
        }
    }
}

/// The sum or average of numerics of any size.
#[derive(Debug)]
struct Total {
    kind: Kind,
    sum: Numeric,
    /// How many of the numbers have how many digits after the point: the sum shows as many as the
    /// one that has most, also when others left.
    scales: BTreeMap<u32, i64>,
    count: i64,
    nan: i64,
    infinite: i64,
    negative: i64,
}

impl Total {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            sum: Numeric::zero(),
            scales: BTreeMap::new(),
            count: 0,
            nan: 0,
            infinite: 0,
            negative: 0,
        }
    }

    fn change(&mut self, values: &[ArrayRef], by: i64) -> Result<(), DataFusionError> {
        for value in must(&values[0])?.iter().flatten() {
            self.count += by;
            match value {
                Extended::Finite(number) if by > 0 => self.add(&number, by),
                Extended::Finite(number) => self.add(&number.negated(), by),
                Extended::NaN => self.nan += by,
                Extended::Infinity => self.infinite += by,
                Extended::NegativeInfinity => self.negative += by,
            }
        }
        Ok(())
    }

    fn add(&mut self, number: &Numeric, by: i64) {
        self.sum = self.sum.plus(number);
        let count = self.scales.entry(number.scale()).or_default();
        *count += by;
        if *count == 0 {
            self.scales.remove(&number.scale());
        }
    }

    fn total(&self) -> Extended {
        match (self.nan > 0, self.infinite > 0, self.negative > 0) {
            (true, _, _) | (_, true, true) => Extended::NaN,
            (_, true, _) => Extended::Infinity,
            (_, _, true) => Extended::NegativeInfinity,
            _ => {
                let scale = self.scales.last_key_value().map_or(0, |(scale, _)| *scale);
                Extended::Finite(self.sum.rounded(scale.into()))
            }
        }
    }
}

impl Accumulator for Total {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.change(values, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.change(values, -1)
    }

    fn supports_retract_batch(&self) -> bool {
        true
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        if self.count == 0 {
            return Ok(ScalarValue::LargeUtf8(None));
        }
        let total = match self.kind {
            Kind::Average => {
                let count = Extended::Finite(Numeric::from(self.count));
                self.total().over(&count).map_err(external)?
            }
            Kind::Sum | Kind::Min | Kind::Max => self.total(),
        };
        Ok(ScalarValue::LargeUtf8(Some(total.to_string())))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        let number = |value| ScalarValue::Int64(Some(value));
        Ok(vec![
            ScalarValue::LargeUtf8(Some(self.sum.to_string())),
            number(self.count),
            number(self.nan),
            number(self.infinite),
            number(self.negative),
        ])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        let sums = must(&states[0])?;
        for (row, sum) in sums.iter().enumerate() {
            let number = |index: usize| states[index].as_primitive::<Int64Type>().value(row);
            let Some(Extended::Finite(sum)) = sum else {
                continue;
            };
            // The scale of a sum is that of what was added up, so nothing adds nothing to it.
            if number(1) != 0 {
                self.add(&sum, 1);
            }
            self.count += number(1);
            self.nan += number(2);
            self.infinite += number(3);
            self.negative += number(4);
        }
        Ok(())
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sum.bytes()
    }
}

/// The sum or average of values that each count once.
#[derive(Debug)]
struct DistinctTotal {
    kind: Kind,
    values: BTreeSet<Extended>,
}

impl Accumulator for DistinctTotal {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.values.extend(must(&values[0])?.iter().flatten());
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        let mut total = Total::new(self.kind);
        let values = self.values.iter().map(|value| Ok(Some(value.clone())));
        let array: ArrayRef = Arc::new(column(values).map_err(external)?);
        total.change(&[array], 1)?;
        total.evaluate()
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        let values: Vec<ScalarValue> = self
            .values
            .iter()
            .map(|value| ScalarValue::LargeUtf8(Some(value.to_string())))
            .collect();
        let list = ScalarValue::new_list_nullable(&values, &DataType::LargeUtf8);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[list])?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        let held = |value: &Extended| value.finite().map_or(0, Numeric::bytes);
        size_of_val(self)
            + self.values.len() * size_of::<Extended>()
            + self.values.iter().map(held).sum::<usize>()
    }
}

/// The least or the greatest.
#[derive(Debug)]
struct Extreme {
    least: bool,
    value: Option<Extended>,
}

impl Accumulator for Extreme {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        for value in must(&values[0])?.iter().flatten() {
            let better = match &self.value {
                None => true,
                // Of equal ones, 1.0 and 1.00, PostgreSQL keeps the last.
                Some(kept) if self.least => value <= *kept,
                Some(kept) => value >= *kept,
            };
            if better {
                self.value = Some(value);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self) -> Result<ScalarValue, DataFusionError> {
        let text = self.value.as_ref().map(ToString::to_string);
        Ok(ScalarValue::LargeUtf8(text))
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>, DataFusionError> {
        Ok(vec![self.evaluate()?])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.update_batch(states)
    }

    fn size(&self) -> usize {
        size_of_val(self)
    }
}

fn must(array: &ArrayRef) -> Result<NumericColumn<'_>, DataFusionError> {
    NumericColumn::new(array.as_ref())
        .ok_or_else(|| external(Error::internal("adding up numerics", array.data_type())))
}
