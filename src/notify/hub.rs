//! Channels to mailboxes. Publishing happens inside the commit lock, so commit order is delivery order.

use std::sync::Arc;

use super::{Mailbox, Notice};
use crate::base::{Oid, SessionId};
use crate::catalog::Snapshot;

/// Who listens where.
#[derive(Debug, Default)]
pub struct Hub {
    _private: (),
}

impl Hub {
    /// Nobody listens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a session's mailbox. Dropping the mailbox unlistens everything.
    pub fn open(self: &Arc<Self>, session: SessionId, role: Oid) -> Mailbox {
        let _ = (session, role);
        todo!()
    }

    /// Delivers notices to everyone entitled, in order. Never blocks: a full mailbox is marked overflowed and its
    /// session is told and disconnected. `before` and `after` are the catalogs around the commit: a drop is told to
    /// those who could see the object before.
    pub fn publish(&self, before: &Snapshot, after: &Snapshot, notices: &[Notice]) {
        let _ = (before, after, notices);
        todo!()
    }
}
