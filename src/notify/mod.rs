//! Telling others: channels, mailboxes, and what a commit says of itself.

mod event;
mod hub;
mod mailbox;
#[cfg(test)]
mod tests;

pub use event::events;
pub use hub::Hub;
pub use mailbox::{Delivery, Mailbox};

use crate::base::SessionId;
use crate::catalog::ObjectId;

/// What one NOTIFY or one published change tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// Channel.
    pub channel: String,
    /// Payload.
    pub payload: String,
    /// Who sent it.
    pub sender: SessionId,
    /// Delivered only to roles that may see this object; `None`: to everybody on the channel.
    pub about: Option<ObjectId>,
    /// Delivered only to roles that could not see the object before the commit (grant-to-you
    /// events).
    pub newly: bool,
}
