//! Memory that operators reserve: one pool for the server, one for each query inside it.
//!
//! Only what operators reserve is counted; batches on their way are not. A query that cannot have
//! more spills where its operators can, and fails with `53200` where they cannot.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation};

use crate::cache::ColumnCache;

/// The share of the memory of queries that decoded columns may have while no query asks for it.
const COLUMNS_SHARE: usize = 4;

/// Bytes all queries together may reserve, and what is kept in those they do not.
#[derive(Debug)]
pub(super) struct ServerPool {
    limit: usize,
    used: AtomicUsize,
    columns: Arc<ColumnCache>,
}

impl ServerPool {
    /// A pool of `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
            columns: Arc::new(ColumnCache::new(limit / COLUMNS_SHARE)),
        }
    }

    /// Columns kept decoded.
    pub(super) fn columns(&self) -> &Arc<ColumnCache> {
        &self.columns
    }

    /// Bytes that neither queries nor decoded columns have.
    pub(super) fn free(&self) -> usize {
        let used = self.used.load(Ordering::Relaxed);
        self.limit.saturating_sub(used + self.columns.bytes())
    }

    /// Takes bytes if there are enough; decoded columns make room.
    fn take(&self, bytes: usize) -> bool {
        let taken = self
            .used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= self.limit)
            });
        if let Ok(used) = taken {
            let over = (used + bytes + self.columns.bytes()).saturating_sub(self.limit);
            if over > 0 {
                self.columns.give_up(over);
            }
        }
        taken.is_ok()
    }
}

/// What one query has reserved.
#[derive(Debug)]
pub(super) struct QueryPool {
    server: Arc<ServerPool>,
    used: AtomicUsize,
}

impl QueryPool {
    /// A query's pool inside the server's.
    pub(super) fn new(server: Arc<ServerPool>) -> Self {
        Self {
            server,
            used: AtomicUsize::new(0),
        }
    }
}

impl fmt::Display for QueryPool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "query pool ({} bytes)", self.reserved())
    }
}

impl MemoryPool for QueryPool {
    fn name(&self) -> &str {
        "query"
    }

    fn grow(&self, _reservation: &MemoryReservation, additional: usize) {
        self.server.used.fetch_add(additional, Ordering::Relaxed);
        self.used.fetch_add(additional, Ordering::Relaxed);
    }

    fn shrink(&self, _reservation: &MemoryReservation, shrink: usize) {
        self.server.used.fetch_sub(shrink, Ordering::Relaxed);
        self.used.fetch_sub(shrink, Ordering::Relaxed);
    }

    fn try_grow(
        &self,
        reservation: &MemoryReservation,
        additional: usize,
    ) -> Result<(), DataFusionError> {
        if self.server.take(additional) {
            self.used.fetch_add(additional, Ordering::Relaxed);
            return Ok(());
        }
        let mib = |bytes: usize| bytes.div_ceil(1024 * 1024);
        Err(DataFusionError::ResourcesExhausted(format!(
            "{} asked for {} MiB; this query holds {} MiB, all queries together {} of {} MiB.",
            reservation.consumer().name(),
            mib(additional),
            mib(self.reserved()),
            mib(self.server.used.load(Ordering::Relaxed)),
            mib(self.server.limit),
        )))
    }

    fn reserved(&self) -> usize {
        self.used.load(Ordering::Relaxed)
    }

    fn memory_limit(&self) -> MemoryLimit {
        MemoryLimit::Finite(self.server.limit)
    }
}
