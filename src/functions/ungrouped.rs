//! An aggregate of all rows as one of the groups that rows are dealt out to.

use std::fmt::Debug;

use arrow::array::ArrayRef;
use datafusion::common::{Result, ScalarValue, internal_err};
use datafusion::logical_expr::{Accumulator, GroupsAccumulator};

/// Groups that can be looked at while they go on.
pub(super) trait Emits: GroupsAccumulator + Debug + Sync {
    /// What the groups have come to.
    fn emitted(&self) -> Result<ArrayRef>;

    /// What is handed on of the groups.
    fn handed_on(&self) -> Result<Vec<ArrayRef>>;

    /// Lets there be so many groups, also without rows.
    fn grow(&mut self, groups: usize);

    /// Whether rows may leave the only group again.
    const GOES_BACK: bool = false;

    /// Lets rows leave the only group.
    fn take_back(&mut self, _values: &[ArrayRef]) -> Result<()> {
        internal_err!("rows do not leave this aggregate")
    }
}

/// The only group of all rows.
#[derive(Debug)]
pub(super) struct Ungrouped<G>(pub(super) G);

impl<G: Emits> Accumulator for Ungrouped<G> {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        let groups = vec![0; values[0].len()];
        self.0.update_batch(values, &groups, None, 1)
    }

    fn retract_batch(&mut self, values: &[ArrayRef]) -> Result<()> {
        self.0.take_back(values)
    }

    fn supports_retract_batch(&self) -> bool {
        G::GOES_BACK
    }

    fn evaluate(&mut self) -> Result<ScalarValue> {
        self.0.grow(1);
        ScalarValue::try_from_array(&self.0.emitted()?, 0)
    }

    fn state(&mut self) -> Result<Vec<ScalarValue>> {
        self.0.grow(1);
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
