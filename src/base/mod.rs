//! Words every floor shares: errors, names, identifiers and bounds. No I/O, no async.

pub mod error;
pub mod id;
pub mod limits;
pub mod name;
pub mod sqlstate;

pub use error::{Error, Place, Result};
pub use id::{Oid, SegmentId, SessionId, Version};
pub use sqlstate::SqlState;
