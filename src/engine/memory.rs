//! Memory that operators reserve: one pool for the server, one for each query inside it.
//!
//! Only what operators reserve is counted; batches on their way are not. A query that cannot have
//! more spills where its operators can, and fails with `53200` where they cannot.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use datafusion::common::DataFusionError;
use datafusion::execution::memory_pool::{MemoryLimit, MemoryPool, MemoryReservation};

/// Bytes all queries together may reserve.
#[derive(Debug)]
pub(super) struct ServerPool {
    limit: usize,
    used: AtomicUsize,
}

impl ServerPool {
    /// A pool of `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            used: AtomicUsize::new(0),
        }
    }

    /// Takes bytes if there are enough.
    fn take(&self, bytes: usize) -> bool {
        self.used
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
                used.checked_add(bytes).filter(|used| *used <= self.limit)
            })
            .is_ok()
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
