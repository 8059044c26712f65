//! What exists, as a value.
//!
//! A [`Snapshot`] is immutable. A [`Change`] is a fact. [`Snapshot::apply`] is the only way to make another
//! snapshot, and it is pure: no clock, no I/O, no permission. Transactions, recovery and tests all use it.

pub mod acl;
mod apply;
pub mod change;
mod genesis;
pub mod object;
mod resolve;
pub mod segment;
mod snapshot;

pub use acl::{Acl, AclItem, Privilege, Privileges};
pub use change::Change;
pub use object::{
    Column, Database, Membership, ObjectId, Persistence, Relation, RelationKind, Role, Schema, View,
};
pub use resolve::SearchPath;
pub use segment::{ColumnStatistics, Location, Segment};
pub use snapshot::Snapshot;
