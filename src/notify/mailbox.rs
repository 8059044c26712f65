//! One session's bounded queue of notices.
//!
//! The publishing side ([`Inbox`]) is shared with the [`Hub`]; the receiving side ([`Mailbox`])
//! belongs to the session. Nothing is ever dropped silently: a queue at its bound stops taking
//! notices and says so through [`Mailbox::overflowed`].

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::Hub;
use crate::base::limits::MAILBOX_NOTICES_MAX;
use crate::base::{Oid, SessionId};

/// One notice delivered: the fields of a NotificationResponse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// Who sent it.
    pub sender: SessionId,
    /// Channel.
    pub channel: Arc<str>,
    /// Payload.
    pub payload: Arc<str>,
}

/// What the hub and the mailbox share.
#[derive(Debug)]
pub(super) struct Inbox {
    session: SessionId,
    role: Oid,
    queue: Mutex<Queue>,
    /// Wakes the one receiver.
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Delivery>,
    overflowed: bool,
}

impl Inbox {
    pub(super) fn new(session: SessionId, role: Oid) -> Self {
        Self {
            session,
            role,
            queue: Mutex::default(),
            arrived: Notify::new(),
        }
    }

    pub(super) fn session(&self) -> SessionId {
        self.session
    }

    pub(super) fn role(&self) -> Oid {
        self.role
    }

    /// Queues a delivery, or marks the inbox overflowed if it is full. After an overflow nothing
    /// more is taken: a receiver must never see a gap without knowing of it.
    pub(super) fn deliver(&self, delivery: Delivery) {
        let mut queue = self.lock();
        if queue.overflowed || queue.waiting.len() >= MAILBOX_NOTICES_MAX {
            queue.overflowed = true;
        } else {
            queue.waiting.push_back(delivery);
        }
        drop(queue);
        self.arrived.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The receiving end. Dropping it unlistens everything.
#[derive(Debug)]
pub struct Mailbox {
    hub: Arc<Hub>,
    inbox: Arc<Inbox>,
    channels: Mutex<BTreeSet<String>>,
}

impl Mailbox {
    pub(super) fn new(hub: Arc<Hub>, inbox: Arc<Inbox>) -> Self {
        Self {
            hub,
            inbox,
            channels: Mutex::default(),
        }
    }

    /// Starts listening (at commit of LISTEN).
    pub fn listen(&self, channel: &str) {
        if self.joined().insert(channel.to_owned()) {
            self.hub.join(channel, &self.inbox);
        }
    }

    /// Stops listening; `None` stops all.
    pub fn unlisten(&self, channel: Option<&str>) {
        let mut joined = self.joined();
        let left = match channel {
            Some(channel) => joined.take(channel).into_iter().collect(),
            None => std::mem::take(&mut *joined),
        };
        for channel in left {
            self.hub.leave(&channel, self.inbox.session());
        }
    }

    /// Channels listened on (`pg_listening_channels()`).
    pub fn channels(&self) -> Vec<String> {
        self.joined().iter().cloned().collect()
    }

    /// The next delivery that is already there.
    pub fn try_next(&mut self) -> Option<Delivery> {
        let mut queue = self.inbox.lock();
        let next = queue.waiting.pop_front();
        if queue.waiting.is_empty() {
            // A burst must not leave its memory with a session that is idle from then on.
            queue.waiting = VecDeque::new();
        }
        next
    }

    /// Waits until a delivery is there (or the mailbox overflowed) without taking it. Cancel-safe.
    pub async fn ready(&mut self) {
        loop {
            {
                let queue = self.inbox.lock();
                if queue.overflowed || !queue.waiting.is_empty() {
                    return;
                }
            }
            // `notify_one` leaves a permit if nobody waits, so a delivery between the look above
            // and this wait is not missed.
            self.inbox.arrived.notified().await;
        }
    }

    /// Whether notices were lost because the session was too slow: it must be told and
    /// disconnected.
    pub fn overflowed(&self) -> bool {
        self.inbox.lock().overflowed
    }

    fn joined(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.unlisten(None);
    }
}
