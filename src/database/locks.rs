//! Table locks: few modes, held to the end of the transaction, with deadlock detection over the wait-for graph.

/// How a transaction holds a table. Reading takes no lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum LockMode {
    /// INSERT and COPY: share with one another and with [`LockMode::Rewrite`].
    Append,
    /// UPDATE, DELETE: one at a time, appends go on.
    Rewrite,
    /// TRUNCATE, ALTER, DROP, LOCK TABLE: alone.
    Exclusive,
}

/// Who holds what, who waits for whom.
#[derive(Debug, Default)]
pub struct Locks {
    _private: (),
}
