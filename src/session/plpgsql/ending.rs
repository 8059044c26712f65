//! COMMIT and ROLLBACK in blocks.

use crate::base::{Error, Result, SqlState};
use crate::session::Session;

/// What a loop goes over, where the end of the transaction matters to it.
#[derive(Debug)]
pub(in crate::session) enum Looped {
    /// The rows of a cursor, which outlives the transaction then.
    Cursor(String),
    /// Rows that its query changes.
    Changes,
}

impl Session {
    /// COMMIT and ROLLBACK in a block: where it runs by itself, or by CALLs and DOs alone.
    ///
    /// # Errors
    /// `2D000` elsewhere, and between BEGIN and EXCEPTION; `55000` in a loop over changed rows.
    pub(super) async fn end_inside(&mut self, commit: bool, chain: bool) -> Result<()> {
        let refused = |why: &str| Err(Error::new(SqlState::INVALID_TRANSACTION_TERMINATION, why));
        match (self.atomic, self.handlers > 0, commit) {
            (true, ..) => return refused("invalid transaction termination"),
            (_, true, true) => return refused("cannot commit while a subtransaction is active"),
            (_, true, false) => {
                return refused("cannot roll back while a subtransaction is active");
            }
            (false, false, _) => {}
        }
        for looped in &self.loops {
            match looped {
                Looped::Changes => {
                    return Err(Error::new(
                        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                        "cannot perform transaction commands inside a cursor loop that is not \
                         read-only",
                    ));
                }
                Looped::Cursor(name) => self.portals.hold_for_loop(name),
            }
        }
        let modes = match chain {
            true => Some(self.modes()?),
            false => None,
        };
        match commit {
            true => {
                self.carry_out_effects()?;
                self.commit().await?;
            }
            false => {
                self.effects.drain();
                self.rollback();
            }
        }
        match modes {
            Some(modes) => self.take_over(modes),
            None => Ok(()),
        }
    }
}
