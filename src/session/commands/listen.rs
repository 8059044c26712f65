//! LISTEN, UNLISTEN, NOTIFY: all of them wait for the commit.

use super::tag;
use crate::base::limits::NOTIFY_PAYLOAD_BYTES_MAX;
use crate::base::{Error, Result, SqlState};
use crate::session::state::Listen;
use crate::session::{CommandTag, Session};

impl Session {
    /// LISTEN
    pub(in crate::session) fn listen(&mut self, channel: &str) -> Result<CommandTag> {
        self.opened()?.listens.push(Listen::Add(channel.to_owned()));
        Ok(tag("LISTEN"))
    }

    /// UNLISTEN; `None` is *.
    pub(in crate::session) fn unlisten(&mut self, channel: Option<&str>) -> Result<CommandTag> {
        self.opened()?.listens.push(match channel {
            Some(channel) => Listen::Remove(channel.to_owned()),
            None => Listen::RemoveAll,
        });
        Ok(tag("UNLISTEN"))
    }

    /// NOTIFY
    pub(in crate::session) fn notify(
        &mut self,
        channel: &str,
        payload: &str,
    ) -> Result<CommandTag> {
        let invalid = |message| Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, message));
        if channel.is_empty() {
            return invalid("channel name cannot be empty");
        }
        if payload.len() > NOTIFY_PAYLOAD_BYTES_MAX {
            return invalid("payload string too long");
        }
        self.transaction()?
            .notify(channel.to_owned(), payload.to_owned());
        Ok(tag("NOTIFY"))
    }
}
