//! Sums and averages of 128-bit decimals: added up as such, with a count of what 128 bits do not
//! hold.

use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, Decimal128Array, Int64Array, LargeStringArray,
};
use arrow::datatypes::{Decimal128Type, Int64Type};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{EmitTo, GroupsAccumulator};
use num_bigint::BigInt;

use super::call::external;
use super::numeric_aggregate::{DIGITS_MAX, Kind};
use super::ungrouped::Emits;
use super::youngs_cramer::overflow;
use crate::base::{Error, Result};
use crate::types::numerics::column;
use crate::types::{Extended, Numeric};

/// Sums and counts of 128-bit decimals, by group.
#[derive(Debug)]
pub(super) struct DecimalGroups {
    /// What is made of them.
    kind: Kind,
    scale: i8,
    /// What 128 bits hold of each sum.
    sums: Vec<i128>,
    /// How often each passed the end of 128 bits: so many times 2^128 are missing.
    passed: Vec<i64>,
    counts: Vec<i64>,
}

impl DecimalGroups {
    pub(super) fn new(kind: Kind, scale: i8) -> Self {
        Self {
            kind,
            scale,
            sums: Vec::new(),
            passed: Vec::new(),
            counts: Vec::new(),
        }
    }

    fn add(&mut self, group: usize, sum: i128, count: i64) {
        let (total, passes) = self.sums[group].overflowing_add(sum);
        self.sums[group] = total;
        if passes {
            self.passed[group] += if sum < 0 { -1 } else { 1 };
        }
        self.counts[group] += count;
    }

    /// The sums or averages of the groups that are emitted.
    fn taken(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        let sums = emit_to.take_needed(&mut self.sums);
        let passed = emit_to.take_needed(&mut self.passed);
        let counts = emit_to.take_needed(&mut self.counts);
        self.results(&sums, &passed, &counts)
    }

    /// The sum or average of each group.
    fn results(&self, sums: &[i128], passed: &[i64], counts: &[i64]) -> Result<ArrayRef> {
        let groups = sums.iter().zip(passed).zip(counts);
        if self.kind == Kind::Sum && has_room(self.scale) {
            let sums = groups.map(|((sum, passed), count)| match *count {
                0 => Ok(None),
                _ if *passed != 0 || sum.unsigned_abs() >= LEAST_BEYOND => Err(overflow()),
                _ => Ok(Some(*sum)),
            });
            return sums
                .collect::<Result<Decimal128Array>>()?
                .with_precision_and_scale(DIGITS_MAX, self.scale)
                .map(|sums| Arc::new(sums) as ArrayRef)
                .map_err(|error| Error::internal("adding up", error));
        }
        let texts: LargeStringArray = column(groups.map(|((sum, passed), count)| {
            if *count == 0 {
                return Ok(None);
            }
            let mut unscaled = BigInt::from(*sum);
            if *passed != 0 {
                unscaled += BigInt::from(*passed) << 128;
            }
            let sum = Numeric::new(unscaled, self.scale.into());
            Ok(Some(Extended::Finite(match self.kind {
                Kind::Average => sum.over(&Numeric::from(*count))?,
                Kind::Sum | Kind::Min | Kind::Max => sum,
            })))
        }))?;
        Ok(Arc::new(texts))
    }
}

/// The least number of too many digits.
const LEAST_BEYOND: u128 = 10_u128.pow(DIGITS_MAX as u32);
/// Decimals of so many digits behind the point have room for twenty before it.
const ROOMY_SCALE_MAX: i8 = 18;

/// Whether what long decimals of a scale add up to is a decimal, too; where it is not it is text,
/// which is slower to compare and to compute with.
pub(crate) fn has_room(scale: i8) -> bool {
    scale <= ROOMY_SCALE_MAX
}

impl DecimalGroups {
    /// What is handed on of groups: the columns of [`NumericAggregate::state_fields`].
    ///
    /// [`NumericAggregate::state_fields`]: super::numeric_aggregate::NumericAggregate
    fn states(
        &self,
        sums: Decimal128Array,
        passed: Int64Array,
        counts: Int64Array,
    ) -> Result<Vec<ArrayRef>, DataFusionError> {
        let sums = sums.with_precision_and_scale(DIGITS_MAX, self.scale)?;
        Ok(vec![Arc::new(sums), Arc::new(passed), Arc::new(counts)])
    }
}

/// Whether an aggregate takes the value of a row: one that is there, where FILTER is true.
pub(super) fn counts(values: &dyn Array, filter: Option<&BooleanArray>, row: usize) -> bool {
    let wanted = filter.is_none_or(|filter| filter.is_valid(row) && filter.value(row));
    wanted && values.is_valid(row)
}

impl GroupsAccumulator for DecimalGroups {
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<(), DataFusionError> {
        self.grow(total_num_groups);
        let values = values[0].as_primitive::<Decimal128Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if counts(values, opt_filter, row) {
                self.add(*group, values.value(row), 1);
            }
        }
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef, DataFusionError> {
        self.taken(emit_to).map_err(external)
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>, DataFusionError> {
        let sums = emit_to.take_needed(&mut self.sums);
        let passed = emit_to.take_needed(&mut self.passed);
        let counts = emit_to.take_needed(&mut self.counts);
        self.states(sums.into(), passed.into(), counts.into())
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<(), DataFusionError> {
        self.grow(total_num_groups);
        let sums = values[0].as_primitive::<Decimal128Type>();
        let passed = values[1].as_primitive::<Int64Type>();
        let counts = values[2].as_primitive::<Int64Type>();
        for (row, group) in group_indices.iter().enumerate() {
            if sums.is_valid(row) && counts.is_valid(row) {
                self.add(*group, sums.value(row), counts.value(row));
                self.passed[*group] += passed.value(row);
            }
        }
        Ok(())
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>, DataFusionError> {
        let values = values[0].as_primitive::<Decimal128Type>();
        let counted = |row: usize| counts(values, opt_filter, row);
        let sums: Decimal128Array = (0..values.len())
            .map(|row| Some(if counted(row) { values.value(row) } else { 0 }))
            .collect();
        let counts: Int64Array = (0..values.len())
            .map(|row| Some(i64::from(counted(row))))
            .collect();
        let passed = Int64Array::from_value(0, values.len());
        self.states(sums, passed, counts)
    }

    fn size(&self) -> usize {
        size_of_val(self)
            + self.sums.capacity() * size_of::<i128>()
            + self.passed.capacity() * size_of::<i64>()
            + self.counts.capacity() * size_of::<i64>()
    }
}

impl Emits for DecimalGroups {
    fn emitted(&self) -> Result<ArrayRef, DataFusionError> {
        self.results(&self.sums, &self.passed, &self.counts)
            .map_err(external)
    }

    fn handed_on(&self) -> Result<Vec<ArrayRef>, DataFusionError> {
        let (sums, passed) = (self.sums.clone(), self.passed.clone());
        self.states(sums.into(), passed.into(), self.counts.clone().into())
    }

    fn grow(&mut self, groups: usize) {
        self.sums.resize(groups, 0);
        self.passed.resize(groups, 0);
        self.counts.resize(groups, 0);
    }

    const GOES_BACK: bool = true;

    fn take_back(&mut self, values: &[ArrayRef]) -> Result<(), DataFusionError> {
        self.grow(1);
        let values = values[0].as_primitive::<Decimal128Type>();
        for value in values.iter().flatten() {
            self.add(0, -value, -1);
        }
        Ok(())
    }
}
