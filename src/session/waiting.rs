//! Rows that constraint triggers are still to look at, in the order they were changed in. A
//! savepoint keeps all of them, so a copy shares what it has.

use std::collections::VecDeque;
use std::sync::Arc;

use arrow::array::ArrayRef;

use crate::base::Oid;
use crate::catalog::TriggerEvent;

/// So many rows are copied where one comes or goes after a savepoint.
const CHUNK_ROWS: usize = 256;

/// A row that a constraint trigger looks at when the transaction ends; its WHEN was true.
#[derive(Debug)]
pub(super) struct WaitingRow {
    pub(super) relation: Oid,
    pub(super) trigger: Oid,
    /// The trigger as a constraint.
    pub(super) constraint: Oid,
    pub(super) event: TriggerEvent,
    pub(super) old: Option<Vec<ArrayRef>>,
    pub(super) new: Option<Vec<ArrayRef>>,
}

type Chunk = VecDeque<Arc<WaitingRow>>;

/// Rows that wait.
#[derive(Debug, Clone, Default)]
pub(super) struct WaitingRows {
    /// None of them is empty.
    chunks: VecDeque<Arc<Chunk>>,
}

impl WaitingRows {
    pub(super) fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<WaitingRow>> {
        self.chunks.iter().flat_map(|chunk| chunk.iter())
    }

    pub(super) fn push(&mut self, row: Arc<WaitingRow>) {
        match self.chunks.back_mut() {
            Some(chunk) if chunk.len() < CHUNK_ROWS => Arc::make_mut(chunk).push_back(row),
            Some(_) | None => self.chunks.push_back(Arc::new(VecDeque::from([row]))),
        }
    }

    /// The first one, which waits no longer.
    pub(super) fn pop(&mut self) -> Option<Arc<WaitingRow>> {
        let chunk = Arc::make_mut(self.chunks.front_mut()?);
        let row = chunk.pop_front();
        if chunk.is_empty() {
            self.chunks.pop_front();
        }
        row
    }

    /// Those of which it is so, which are no longer among these.
    pub(super) fn take(&mut self, is_one: &dyn Fn(&WaitingRow) -> bool) -> Self {
        let mut taken = Self::default();
        if !self.iter().any(|row| is_one(row)) {
            return taken;
        }
        let mut left = Self::default();
        for row in self.iter() {
            match is_one(row) {
                true => taken.push(Arc::clone(row)),
                false => left.push(Arc::clone(row)),
            }
        }
        *self = left;
        taken
    }
}
