//! Channels to mailboxes. Publishing happens inside the commit lock, so commit order is delivery
//! order.
//!
//! A notice about an object reaches only those who may see it. Whether a role may is worked out
//! once per publish, not once per listener: a thousand sessions of one role cost one look at the
//! catalog.
//!
//! The map's lock is a plain one, held for short copies and never over an await; an idle listener
//! costs one entry.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::mailbox::Inbox;
use super::{Delivery, Mailbox, Notice};
use crate::base::{Oid, SessionId};
use crate::catalog::{ObjectId, Snapshot};
use crate::observe::notices_delivered;
use crate::privileges::may_see;

/// The inboxes listening on one channel, by session.
type Listeners = HashMap<SessionId, Arc<Inbox>>;

/// Who listens where.
#[derive(Debug, Default)]
pub struct Hub {
    channels: RwLock<HashMap<Arc<str>, Listeners>>,
}

impl Hub {
    /// Nobody listens.
    pub fn new() -> Self {
        Self::default()
    }

    /// Opens a session's mailbox. Dropping the mailbox unlistens everything. `role` is the login
    /// role: SET ROLE does not change what a session is told.
    pub fn open(self: &Arc<Self>, session: SessionId, role: Oid) -> Mailbox {
        Mailbox::new(Arc::clone(self), Arc::new(Inbox::new(session, role)))
    }

    /// Delivers notices to everyone entitled, in order. Never blocks: a full mailbox is marked
    /// overflowed and its session is told and disconnected. `before` and `after` are the catalogs
    /// around the commit: a drop is told to those who could see the object before.
    pub fn publish(&self, before: &Snapshot, after: &Snapshot, notices: &[Notice]) {
        let mut entitlement = Entitlement::new(before, after);
        let channels = self.read();
        let mut delivered = 0;
        for notice in notices {
            let Some((channel, listeners)) = channels.get_key_value(notice.channel.as_str()) else {
                continue;
            };
            let payload: Arc<str> = notice.payload.as_str().into();
            for inbox in listeners.values() {
                if entitlement.permits(inbox.role(), notice) {
                    delivered += 1;
                    inbox.deliver(Delivery {
                        sender: notice.sender,
                        channel: Arc::clone(channel),
                        payload: Arc::clone(&payload),
                    });
                }
            }
        }
        notices_delivered(delivered);
    }

    /// Puts `inbox` on `channel`.
    pub(super) fn join(&self, channel: &str, inbox: &Arc<Inbox>) {
        self.write()
            .entry(channel.into())
            .or_default()
            .insert(inbox.session(), Arc::clone(inbox));
    }

    /// Takes `session` off `channel`; the last one out closes it.
    pub(super) fn leave(&self, channel: &str, session: SessionId) {
        let mut channels = self.write();
        if let Some(listeners) = channels.get_mut(channel) {
            listeners.remove(&session);
            if listeners.is_empty() {
                channels.remove(channel);
            }
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, HashMap<Arc<str>, Listeners>> {
        self.channels.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, HashMap<Arc<str>, Listeners>> {
        self.channels
            .write()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

/// Who may be told what, for one publish, each answer worked out once.
struct Entitlement<'a> {
    before: &'a Snapshot,
    after: &'a Snapshot,
    /// By role and object, whether the role sees it: before the commit, and now.
    objects: HashMap<(Oid, ObjectId), (bool, bool)>,
}

impl<'a> Entitlement<'a> {
    fn new(before: &'a Snapshot, after: &'a Snapshot) -> Self {
        Self {
            before,
            after,
            objects: HashMap::new(),
        }
    }

    fn permits(&mut self, role: Oid, notice: &Notice) -> bool {
        let Some(object) = notice.about else {
            return true;
        };
        let (before, after) = (self.before, self.after);
        let (saw, sees) = *self.objects.entry((role, object)).or_insert_with(|| {
            let saw = may_see(before, role, object);
            // What is gone is told to those who could see it.
            let sees = if exists(after, object) {
                may_see(after, role, object)
            } else {
                saw
            };
            (saw, sees)
        });
        sees && !(notice.newly && saw)
    }
}

fn exists(snapshot: &Snapshot, object: ObjectId) -> bool {
    match object {
        ObjectId::Database => true,
        ObjectId::Schema(oid) => snapshot.schema(oid).is_some(),
        ObjectId::Relation(oid) => snapshot.relation(oid).is_some(),
        ObjectId::Role(oid) => snapshot.role(oid).is_some(),
        ObjectId::Routine(oid) => snapshot.routine(oid).is_some(),
        ObjectId::Type(oid) => snapshot.user_type(oid).is_some(),
        ObjectId::LargeObject(oid) => snapshot.large_object(oid).is_some(),
        ObjectId::Definition(oid) => snapshot.definition(oid).is_some(),
    }
}
