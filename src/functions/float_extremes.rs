//! The least and the greatest of floats, by group, in PostgreSQL's order: NaN is above infinity.
//! DataFusion's own leave NaN out of groups, and begin with the largest number that is finite.

use std::cmp::Ordering;
use std::mem::size_of_val;
use std::sync::Arc;

use arrow::array::{ArrayRef, ArrowPrimitiveType, AsArray, BooleanArray, PrimitiveArray};
use arrow::datatypes::{DataType, FieldRef, Float32Type, Float64Type};
use datafusion::common::Result;
use datafusion::functions_aggregate::min_max::{max_udaf, min_udaf};
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmitTo, GroupsAccumulator, Signature,
};

use super::decimal_groups::counts;
use super::ungrouped::{Emits, Ungrouped};

/// `min` and `max` over floats.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Extreme {
    /// What they are of one group.
    of_one: Arc<AggregateUDF>,
    greatest: bool,
}

/// The aggregate of this name over floats.
pub(super) fn aggregate(greatest: bool) -> Arc<AggregateUDF> {
    let of_one = if greatest { max_udaf() } else { min_udaf() };
    Arc::new(AggregateUDF::new_from_impl(Extreme { of_one, greatest }))
}

impl AggregateUDFImpl for Extreme {
    fn name(&self) -> &str {
        self.of_one.name()
    }

    fn signature(&self) -> &Signature {
        self.of_one.signature()
    }

    fn return_type(&self, types: &[DataType]) -> Result<DataType> {
        self.of_one.return_type(types)
    }

    fn coerce_types(&self, types: &[DataType]) -> Result<Vec<DataType>> {
        self.of_one.coerce_types(types)
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Result<Box<dyn Accumulator>> {
        Ok(match args.return_field.data_type() {
            DataType::Float32 => Box::new(Ungrouped(Groups::<Float32Type>::new(self.greatest))),
            _ => Box::new(Ungrouped(Groups::<Float64Type>::new(self.greatest))),
        })
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Result<Vec<FieldRef>> {
        self.of_one.state_fields(args)
    }

    fn groups_accumulator_supported(&self, _args: AccumulatorArgs) -> bool {
        true
    }

    fn create_groups_accumulator(
        &self,
        args: AccumulatorArgs,
    ) -> Result<Box<dyn GroupsAccumulator>> {
        Ok(match args.return_field.data_type() {
            DataType::Float32 => Box::new(Groups::<Float32Type>::new(self.greatest)),
            _ => Box::new(Groups::<Float64Type>::new(self.greatest)),
        })
    }
}

/// What was found so far, by group.
#[derive(Debug)]
struct Groups<T: ArrowPrimitiveType> {
    greatest: bool,
    found: Vec<Option<T::Native>>,
}

impl<T: ArrowPrimitiveType> Groups<T>
where
    T::Native: PartialOrd,
{
    fn new(greatest: bool) -> Self {
        Self {
            greatest,
            found: Vec::new(),
        }
    }

    fn is_better(&self, new: T::Native, old: T::Native) -> bool {
        let is_nan = |value: T::Native| value.partial_cmp(&value).is_none();
        // NaN is like no number and like itself.
        let order = new
            .partial_cmp(&old)
            .unwrap_or_else(|| is_nan(new).cmp(&is_nan(old)));
        // Of equal ones, 0 and -0, PostgreSQL keeps the last.
        match self.greatest {
            true => order != Ordering::Less,
            false => order != Ordering::Greater,
        }
    }

    fn take(&mut self, values: &ArrayRef, groups: &[usize], filter: Option<&BooleanArray>) {
        let values = values.as_primitive::<T>();
        for (row, group) in groups.iter().enumerate() {
            if !counts(values, filter, row) {
                continue;
            }
            let new = values.value(row);
            if self.found[*group].is_none_or(|old| self.is_better(new, old)) {
                self.found[*group] = Some(new);
            }
        }
    }

    fn taken(&mut self, emit_to: EmitTo) -> ArrayRef {
        let found = emit_to.take_needed(&mut self.found);
        Arc::new(found.into_iter().collect::<PrimitiveArray<T>>())
    }
}

impl<T: ArrowPrimitiveType> GroupsAccumulator for Groups<T>
where
    T::Native: PartialOrd,
{
    fn update_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        opt_filter: Option<&BooleanArray>,
        total_num_groups: usize,
    ) -> Result<()> {
        self.found.resize(total_num_groups, None);
        self.take(&values[0], group_indices, opt_filter);
        Ok(())
    }

    fn evaluate(&mut self, emit_to: EmitTo) -> Result<ArrayRef> {
        Ok(self.taken(emit_to))
    }

    fn state(&mut self, emit_to: EmitTo) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.taken(emit_to)])
    }

    fn merge_batch(
        &mut self,
        values: &[ArrayRef],
        group_indices: &[usize],
        total_num_groups: usize,
    ) -> Result<()> {
        self.update_batch(values, group_indices, None, total_num_groups)
    }

    fn convert_to_state(
        &self,
        values: &[ArrayRef],
        opt_filter: Option<&BooleanArray>,
    ) -> Result<Vec<ArrayRef>> {
        if opt_filter.is_none() {
            return Ok(vec![Arc::clone(&values[0])]);
        }
        let values = values[0].as_primitive::<T>();
        let counted = |row: usize| counts(values, opt_filter, row).then(|| values.value(row));
        let state: PrimitiveArray<T> = (0..values.len()).map(counted).collect();
        Ok(vec![Arc::new(state)])
    }

    fn size(&self) -> usize {
        size_of_val(self) + self.found.capacity() * size_of::<Option<T::Native>>()
    }
}

impl<T: ArrowPrimitiveType + std::fmt::Debug> Emits for Groups<T>
where
    T::Native: PartialOrd,
{
    fn emitted(&self) -> Result<ArrayRef> {
        let found = self.found.iter().copied();
        Ok(Arc::new(found.collect::<PrimitiveArray<T>>()))
    }

    fn handed_on(&self) -> Result<Vec<ArrayRef>> {
        Ok(vec![self.emitted()?])
    }

    fn grow(&mut self, groups: usize) {
        self.found.resize(groups, None);
    }
}
