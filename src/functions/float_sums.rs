//! `sum` and `avg` of floats: added up one by one, as PostgreSQL does, reals as reals; what finite
//! values come to is never infinity.

use std::collections::BTreeSet;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Float32Array, Float64Array, PrimitiveArray,
};
use arrow::datatypes::{DataType, Field, FieldRef, Float32Type, Float64Type};
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature, Volatility,
};

use super::call::external;
use super::decimal_groups::counts;
use super::ungrouped::{Emits, Ungrouped};
use super::youngs_cramer::{Sums, overflow};
use crate::base::Error;

/// Which aggregate it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Kind {
    /// `sum(real)`
    RealSum,
    /// `sum(double precision)`
    Sum,
    /// `avg` of either
    Average,
}

/// `sum` or `avg` of floats.
#[derive(Debug, PartialEq, Eq, Hash)]
struct FloatAggregate {
    kind: Kind,
    /// Whether each value counts once, however often it is there.
    distinct: bool,
    signature: Signature,
}

/// `sum` or `avg` of floats of a type, perhaps of each value once.
pub(super) fn aggregate(name: &str, ty: &DataType, distinct: bool) -> Option<Arc<AggregateUDF>> {
    let kind = match (name, ty) {
        ("sum", DataType::Float32) => Kind::RealSum,
        ("sum", DataType::Float64) => Kind::Sum,
        ("avg", DataType::Float32 | DataType::Float64) => Kind::Average,
        _ => return None,
    };
    Some(Arc::new(AggregateUDF::new_from_impl(FloatAggregate {
        kind,
        distinct,
        signature: Signature::user_defined(Volatility::Immutable),
    })))
}

impl AggregateUDFImpl for FloatAggregate {
    fn name(&self) -> &str {
        match self.kind {
            Kind::RealSum | Kind::Sum => "sum",
            Kind::Average => "avg",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType> {
        Ok(match self.kind {
            Kind::RealSum => DataType::Float32,
            Kind::Sum | Kind::Average => DataType::Float64,
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        let field =
            |name: &str, ty| Arc::new(Field::new(format!("{}[{name}]", args.name), ty, true));
        if self.distinct {
            let item = Field::new_list_field(DataType::Float64, true);
            return Ok(vec![field("values", DataType::List(Arc::new(item)))]);
        }
        let parts = ["count", "sum", "squares"];
        Ok(parts.map(|part| field(part, DataType::Float64)).into())
    }

    fn accumulator(&self, _args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match self.distinct {
            true => Box::new(Distinct {
                kind: self.kind,
                values: BTreeSet::new(),
            }),
            false => Box::new(Ungrouped(FloatGroups::new(self.kind))),
        })
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        !self.distinct
    }

    fn create_groups_accumulator(
        &self,
        _args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(Box::new(FloatGroups::new(self.kind)))
    }
}

/// The sums of the groups. Those of `sum` have no squares.
#[derive(Debug, Clone)]
struct FloatGroups {
    kind: Kind,
    sums: Vec<Sums>,
}

impl FloatGroups {
    fn new(kind: Kind) -> Self {
        Self {
            kind,
            sums: Vec::new(),
        }
    }

    fn add(&mut self, group: usize, value: f64) -> crate::base::Result<()> {
        let before = self.sums[group];
        let sum = match self.kind {
            Kind::Average => {
                self.sums[group] = before.with(value)?;
                return Ok(());
            }
            Kind::Sum => before.sum + value,
            Kind::RealSum => real(before.sum + value),
        };
        if sum.is_infinite() && !before.sum.is_infinite() && !value.is_infinite() {
            return Err(overflow());
        }
        self.sums[group] = Sums {
            count: before.count + 1.0,
            // PostgreSQL's sum begins with the first value: that of -0 is -0.
            sum: if before.count == 0.0 { value } else { sum },
            squares: 0.0,
        };
        Ok(())
    }

    fn merge(&mut self, group: usize, other: Sums) -> crate::base::Result<()> {
        if other.count == 0.0 {
            return Ok(());
        }
        if self.kind == Kind::Average {
            self.sums[group] = self.sums[group].and(other)?;
            return Ok(());
        }
        self.add(group, other.sum)?;
        self.sums[group].count += other.count - 1.0;
        Ok(())
    }

    fn states(sums: &[Sums]) -> Vec<ArrayRef> {
        let part = |part: fn(&Sums) -> f64| -> ArrayRef {
            Arc::new(sums.iter().map(part).map(Some).collect::<Float64Array>())
        };
        vec![
            part(|sums| sums.count),
            part(|sums| sums.sum),
            part(|sums| sums.squares),
        ]
    }

    fn results(&self, sums: &[Sums]) -> ArrayRef {
        let there = |sums: &Sums| (sums.count > 0.0).then_some(sums.sum);
        match self.kind {
            Kind::Average => Arc::new(sums.iter().map(|s| s.mean()).collect::<Float64Array>()),
            Kind::Sum => Arc::new(sums.iter().map(there).collect::<Float64Array>()),
            Kind::RealSum => {
                let reals = sums.iter().map(|sums| there(sums).map(|sum| sum as f32));
                Arc::new(reals.collect::<Float32Array>())
            }
        }
    }
}

/// The nearest real.
fn real(value: f64) -> f64 {
    f64::from(value as f32)
}

/// Does something with every float that counts.
fn each(
    values: &ArrayRef,
    filter: Option<&BooleanArray>,
    mut does: impl FnMut(usize, f64) -> crate::base::Result<()>,
) -> Result<()> {
    let mut all = |there: &dyn Array, value: &dyn Fn(usize) -> f64| {
        for row in 0..there.len() {
            if counts(there, filter, row) {
                does(row, value(row))?;
            }
        }
        Ok(())
    };
    let done = match (
        values.as_primitive_opt::<Float64Type>(),
        values.as_primitive_opt::<Float32Type>(),
    ) {
        (Some(values), _) => all(values, &|row| values.value(row)),
        (_, Some(values)) => all(values, &|row| f64::from(values.value(row))),
        _ => Err(Error::internal("adding up floats", values.data_type())),
    };
    done.map_err(external)
}

impl GroupsAccumulator for FloatGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        each(&values[0], opt_filter, |row, value| {
            self.add(group_indices[row], value)
        })
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        Ok(self.results(&sums))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(Self::states(&emit_to.take_needed(&mut self.sums)))
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.grow(total_num_groups);
        let part = |index: usize| values[index].as_primitive::<Float64Type>();
        let parts: [&PrimitiveArray<Float64Type>; 3] = [part(0), part(1), part(2)];
        for (row, group) in group_indices.iter().enumerate() {
            let [count, sum, squares] = parts.map(|part| part.value(row));
            let other = Sums {
                count,
                sum,
                squares,
            };
            self.merge(*group, other).map_err(external)?;
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        let mut of_rows = Self::new(self.kind);
        of_rows.sums.resize(values[0].len(), Sums::default());
        each(&values[0], opt_filter, |row, value| of_rows.add(row, value))?;
        Ok(Self::states(&of_rows.sums))
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.sums.capacity() * size_of::<Sums>()
    }
}

impl Emits for FloatGroups {
    fn emitted(&self) -> Result<ArrayRef> {
        Ok(self.results(&self.sums))
    }

    fn handed_on(&self) -> Result<Vec<ArrayRef>> {
        Ok(Self::states(&self.sums))
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, Sums::default());
    }
}

/// The sum or average of values that each count once, in their order.
#[derive(Debug)]
struct Distinct {
    kind: Kind,
    values: BTreeSet<Ordered>,
}

/// A float in PostgreSQL's order: there is one zero and one NaN, the greatest.
#[derive(Debug, Clone, Copy)]
struct Ordered(f64);

impl Ord for Ordered {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        let order = self.0.partial_cmp(&other.0);
        order.unwrap_or_else(|| self.0.is_nan().cmp(&other.0.is_nan()))
    }
}

impl PartialOrd for Ordered {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Ordered {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Ordered {}

impl Accumulator for Distinct {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        each(&values[0], None, |_, value| {
            self.values.insert(Ordered(value));
            Ok(())
        })
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        let mut groups = FloatGroups::new(self.kind);
        groups.sums.resize(1, Sums::default());
        for value in &self.values {
            groups.add(0, value.0).map_err(external)?;
        }
        ScalarValue::try_from_array(&groups.emitted()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        let values = self.values.iter();
        let values: Vec<_> = values.map(|value| ScalarValue::from(value.0)).collect();
        let list = ScalarValue::new_list_nullable(&values, &DataType::Float64);
        Ok(vec![ScalarValue::List(list)])
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        for list in states[0].as_list::<i32>().iter().flatten() {
            self.update_batch(&[list])?;
        }
        Ok(())
    }

    fn size(&self) -> usize {
        // A tree holds as much again to find them by.
        size_of_val(self) + 2 * self.values.len() * size_of::<Ordered>()
    }
}
