//! What the server does on its own behalf, as the superuser, through an ordinary [`Session`]:
//! passwords at first start, tables named on the command line, the demo. There is no second way
//! into the database.

use std::sync::Arc;

use crate::base::{Error, Oid, Result, SqlState};
use crate::observe::Activity;
use crate::session::{Response, Session, Shared};

/// A superuser session without a socket.
#[derive(Debug)]
pub struct Administrator {
    session: Session,
    shared: Arc<Shared>,
    activity: Arc<Activity>,
}

impl Administrator {
    /// Opens the session.
    ///
    /// # Errors
    /// As [`Session::open`].
    pub async fn open(shared: &Arc<Shared>) -> Result<Self> {
        let snapshot = shared.database.snapshot();
        let activity = Arc::new(Activity::new(
            shared.sessions.new_id(),
            Oid::SUPERUSER,
            snapshot.role_name(Oid::SUPERUSER),
            None,
            false,
            Vec::new(),
            chrono::Utc::now().timestamp_micros(),
        ));
        shared.sessions.insert(activity.clone());
        let parameters = [("application_name".to_owned(), "commons server".to_owned())];
        let database = snapshot.database().name.clone();
        let session =
            Session::open(shared.clone(), activity.clone(), &database, &parameters).await?;
        Ok(Self {
            session,
            shared: shared.clone(),
            activity,
        })
    }

    /// Runs statements, committing at the end; answers are read and thrown away.
    ///
    /// # Errors
    /// The first statement's that fails; nothing of `sql` has happened then, unless it has COMMITs
    /// of its own.
    pub async fn run(&mut self, sql: &str) -> Result<()> {
        let result = self.run_statements(sql).await;
        if result.is_err() {
            self.session.fail();
        }
        result
    }

    async fn run_statements(&mut self, sql: &str) -> Result<()> {
        for statement in self.session.parse(sql)? {
            match self.session.run(&statement, false).await? {
                Response::Rows(mut answer) => while answer.rows.next().await?.is_some() {},
                Response::Done(_) | Response::Empty => {}
                Response::CopyIn(_) | Response::CopyOut(_) => {
                    return Err(Error::unsupported("COPY by the server itself"));
                }
            }
        }
        self.session.sync().await
    }
}

impl Drop for Administrator {
    fn drop(&mut self) {
        self.shared.sessions.remove(self.activity.id);
    }
}

/// Gives the bootstrap superuser a password.
///
/// # Errors
/// `22023` for an empty password, and as [`Administrator::run`].
pub async fn set_password(shared: &Arc<Shared>, password: &str) -> Result<()> {
    if password.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            "COMMONS_PASSWORD is empty",
        ));
    }
    let name = shared.database.snapshot().role_name(Oid::SUPERUSER);
    let sql = format!(
        "ALTER ROLE {} PASSWORD {}",
        crate::base::name::quote(&name),
        crate::base::name::quote_literal(password).trim_start()
    );
    Administrator::open(shared).await?.run(&sql).await
}

/// A password nobody has to think up: 20 characters of 32 that are not mistaken for one another,
/// 100 bits.
pub(super) fn random_password() -> String {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    use rand::Rng;
    let mut random = rand::rng();
    (0..20)
        .map(|_| char::from(LETTERS[random.random_range(0..LETTERS.len())]))
        .collect()
}
