//! What a commit tells of itself: publish events.

use super::Notice;
use crate::base::SessionId;
use crate::catalog::{Change, Snapshot};

/// The notices of a commit: for each relation created, replaced, refreshed, dropped or granted, one line of JSON on
/// `commons`, on the schema's name and on `schema.object`. Pure; `at` is RFC 3339.
pub fn events(
    before: &Snapshot,
    after: &Snapshot,
    changes: &[Change],
    by: &str,
    sender: SessionId,
    at: &str,
) -> Vec<Notice> {
    let _ = (before, after, changes, by, sender, at);
    todo!()
}
