//! One session's bounded queue of notices.

use crate::base::SessionId;

/// One notice delivered: the fields of a NotificationResponse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub sender: SessionId,
    /// Channel.
    pub channel: std::sync::Arc<str>,
    /// Payload.
    pub payload: std::sync::Arc<str>,
}

/// The receiving end.
#[derive(Debug)]
pub struct Mailbox {
    _private: (),
}

impl Mailbox {
    /// Starts listening (at commit of LISTEN).
    pub fn listen(&self, channel: &str) {
        let _ = channel;
        todo!()
    }

    /// Stops listening; `None` stops all.
    pub fn unlisten(&self, channel: Option<&str>) {
        let _ = channel;
        todo!()
    }

    /// Channels listened on (`pg_listening_channels()`).
    pub fn channels(&self) -> Vec<String> {
        todo!()
    }

    /// The next delivery that is already there.
    pub fn try_next(&mut self) -> Option<Delivery> {
        todo!()
    }

    /// Waits until a delivery is there (or the mailbox overflowed) without taking it. Cancel-safe.
    pub async fn ready(&mut self) {
        todo!()
    }

    /// Whether notices were lost because the session was too slow: it must be told and disconnected.
    pub fn overflowed(&self) -> bool {
        todo!()
    }
}
