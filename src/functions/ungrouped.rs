//! An aggregate of all rows as one of the groups that rows are dealt out to.

use std::fmt::Debug;

use arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue};
use datafusion::logical_expr::{Accumulator, GroupsAccumulator};

/// Groups that can be looked at while they go on.
pub(super) trait Emits: GroupsAccumulator + Debug + Sync {
    /// What the groups have come to.
    fn emitted(&self) -> Result<ArrayRef>;

    /// What is handed on of the groups.
    fn handed_on(&self) -> Result<Vec<ArrayRef>>;
}

/// The only group of all rows.
#[derive(Debug)]
pub(super) struct Ungrouped<G>(pub(super) G);

impl<G: Emits> Ungrouped<G> {
    /// Lets the group be there, also without rows.
    fn begin(&mut self) -> Result<()> {
        let none = self.0.handed_on()?;
        let none: Vec<_> = none.iter().map(|column| column.slice(0, 0)).collect();
        self.0.merge_batch(&none, &[], 1)
    }
}

impl<G: Emits> Accumulator for Ungrouped<G> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.update_batch(values, &groups, None, 1)
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.begin()?;
        ScalarValue::try_from_array(&self.0.emitted()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.begin()?;
        let states = self.0.handed_on()?;
        let states = states.iter();
        states
            .map(|state| ScalarValue::try_from_array(state, 0))
            .collect()
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; states[0].len()];
        self.0.merge_batch(states, &groups, 1)
    }

    fn size(&self) -> usize {
        self.0.size()
    }
}
