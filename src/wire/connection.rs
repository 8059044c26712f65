//! exhaustive: A logged-in connection: who speaks when.
//!
//! ```text
//!                  ┌──────── reader: frames, end of file ────────┐
//! one task, racing ┼──────── terminate token (57P01) ────────────┼─▶ Ending ─▶ last words
//!                  └─ session: Ready ─▶ Pipeline ─▶ Ready … ─────┘
//!                                          └▶ Skipping ─┘  (error: until Sync)
//! ```
//!
//! The session's side is a future that is dropped when the peer goes away or is terminated: what it
//! was running stops with it. Output is resumable ([`Output::flush`]), so last words follow whole
//! messages. Notices go to an idle client at once and to a busy one before ReadyForQuery, never
//! inside a transaction block, never between the messages of an answer.

use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{
    NotificationResponse, ReadyForQuery, TransactionStatus as StatusByte,
};
use pgwire::messages::startup::{BackendKeyData, ParameterStatus, SecretKey};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until, timeout};

use super::error::{self, Failure};
use super::frame::{FRAMES_WAITING_MAX, Frame, FrameReader, Inbound};
use super::message::Message;
use super::output::Output;
use super::startup::{self, Login};
use super::{Options, cancel};
use crate::base::{Error, Result, SqlState};
use crate::notify::Delivery;
use crate::observe::{self, Activity, Sessions};
use crate::session::{Session, Shared, TransactionStatus};

/// Connections beyond the limit that superusers may still make, to see what is wrong.
const RESERVED_CONNECTIONS: usize = 3;

/// One logged-in connection.
pub(super) struct Connection {
    /// The user.
    pub(super) session: Session,
    /// What is said.
    pub(super) out: Output,
    /// What is heard.
    pub(super) frames: mpsc::Receiver<Inbound>,
    /// What others see of it.
    pub(super) activity: Arc<Activity>,
    sessions: Arc<Sessions>,
    phase: Phase,
}

/// Where a connection is in the protocol.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// ReadyForQuery was sent and nothing came since.
    Ready,
    /// Between extended query messages.
    Pipeline,
    /// An extended query message failed: all is ignored until Sync.
    Skipping,
}

/// How a connection ends.
enum Ending {
    /// The peer is gone.
    Gone,
    /// The peer said goodbye.
    Terminate,
    /// The peer is told this, and the connection closed.
    Fatal(Error),
}

impl From<Failure> for Ending {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Error(error) => Self::Fatal(error),
            Failure::Gone => Self::Gone,
        }
    }
}

/// Takes a connection from accept to close.
pub(super) async fn serve(
    socket: TcpStream,
    peer: SocketAddr,
    shared: Arc<Shared>,
    options: Arc<Options>,
) {
    // Answers are written whole; waiting to fill a segment would only delay them.
    let _ = socket.set_nodelay(true);
    let local = socket.local_addr().ok();
    let deadline = Instant::now() + Duration::from_millis(options.login_timeout_ms);
    let opening = Box::pin(startup::open(socket, &options));
    let Ok(Ok(opened)) = tokio::time::timeout_at(deadline, opening).await else {
        tracing::debug!(%peer, "connection closed before its startup packet");
        return;
    };
    let mut reader = FrameReader::new(opened.read, opened.rest);
    let mut out = Output::new(opened.write);
    let login = Box::pin(startup::login(
        &shared,
        &options,
        peer,
        opened.tls,
        opened.packet,
        &mut reader,
        &mut out,
    ));
    let login = AssertUnwindSafe(tokio::time::timeout_at(deadline, login)).catch_unwind();
    let login = match login.await {
        Ok(Ok(Ok(Some(login)))) => login,
        Ok(Ok(Ok(None) | Err(Failure::Gone))) => return,
        Ok(Ok(Err(Failure::Error(error)))) => {
            return refuse(error, peer, &mut reader, &mut out).await;
        }
        Ok(Err(_elapsed)) => {
            let error = Error::new(
                SqlState::QUERY_CANCELED,
                "canceling authentication due to timeout",
            );
            return refuse(error, peer, &mut reader, &mut out).await;
        }
        Err(_panic) => return refuse(panicked(), peer, &mut reader, &mut out).await,
    };
    let ends = (peer, local);
    let admitted = Box::pin(admit(login, ends, opened.tls, &shared, &options, &mut out));
    let (session, registration) = match AssertUnwindSafe(admitted).catch_unwind().await {
        Ok(Ok(admitted)) => admitted,
        Ok(Err(error)) => return refuse(error, peer, &mut reader, &mut out).await,
        Err(_panic) => return refuse(panicked(), peer, &mut reader, &mut out).await,
    };
    converse(session, registration, reader, out, &options).await;
}

/// Tells why there will be no connection.
async fn refuse(error: Error, peer: SocketAddr, reader: &mut FrameReader, out: &mut Output) {
    let error = error.fatal();
    observe::login_refused(error.state());
    tracing::info!(%peer, %error, "login refused");
    out.cut();
    out.message(&error::response(&error));
    out.finish().await;
    reader.linger().await;
}

fn panicked() -> Error {
    Error::new(
        SqlState::INTERNAL_ERROR,
        "the connection met an internal error",
    )
    .detail("The server log has the cause.")
    .fatal()
}

/// An entry of [`Sessions`], taken out when dropped.
struct Registration {
    activity: Arc<Activity>,
    sessions: Arc<Sessions>,
}

impl Drop for Registration {
    fn drop(&mut self) {
        self.sessions.remove(self.activity.id);
    }
}

/// Makes a session for a login, within the limits. Buffers what follows AuthenticationOk except
/// ReadyForQuery.
async fn admit(
    login: Login,
    (peer, local): (SocketAddr, Option<SocketAddr>),
    tls: bool,
    shared: &Arc<Shared>,
    options: &Options,
    out: &mut Output,
) -> Result<(Session, Registration)> {
    let superuser = shared
        .database
        .snapshot()
        .role(login.role)
        .is_some_and(|role| role.superuser);
    let activity = Activity::new(
        shared.sessions.new_id(),
        login.role,
        login.user,
        Some(peer),
        tls,
        cancel::new_secret(login.minor)?,
        chrono::Utc::now().timestamp_micros(),
    );
    let activity = Arc::new(activity.connected_to(local));
    // Registered before the count is taken: two logins at once see each other.
    shared.sessions.insert(activity.clone());
    let registration = Registration {
        activity: activity.clone(),
        sessions: shared.sessions.clone(),
    };
    let count = shared.sessions.count();
    if count > options.connections_max + RESERVED_CONNECTIONS {
        return Err(Error::new(
            SqlState::TOO_MANY_CONNECTIONS,
            "sorry, too many clients already",
        ));
    }
    if count > options.connections_max && !superuser {
        return Err(Error::new(
            SqlState::TOO_MANY_CONNECTIONS,
            "remaining connection slots are reserved for superusers",
        ));
    }
    let mut session = Session::open(
        shared.clone(),
        activity.clone(),
        &login.database,
        &login.parameters,
    )
    .await?;
    tell_parameters(&mut session, out);
    let secret = activity.cancel_secret.clone().into();
    out.message(&PgWireBackendMessage::BackendKeyData(BackendKeyData::new(
        activity.id.0,
        SecretKey::Bytes(secret),
    )));
    Ok((session, registration))
}

/// Runs a session until it ends, however it ends.
async fn converse(
    session: Session,
    registration: Registration,
    reader: FrameReader,
    out: Output,
    options: &Options,
) {
    let activity = registration.activity.clone();
    let (sender, frames) = mpsc::channel(FRAMES_WAITING_MAX);
    let mut connection = Connection {
        session,
        out,
        frames,
        activity: activity.clone(),
        sessions: registration.sessions.clone(),
        phase: Phase::Pipeline,
    };
    tracing::debug!(id = %activity.id, user = activity.role_name, "connection opened");
    let mut reading = Box::pin(reader.run(sender, options.frame_bytes_max));
    let ending = {
        let talking = AssertUnwindSafe(connection.talk()).catch_unwind();
        tokio::select! {
            biased;
            _gone = &mut reading => Ending::Gone,
            () = activity.terminate.cancelled() => Ending::Fatal(Error::terminated()),
            ending = talking => ending.unwrap_or_else(|_panic| Ending::Fatal(panicked())),
        }
    };
    match ending {
        Ending::Gone => activity.interrupt(error::connection_lost()),
        Ending::Terminate => {}
        Ending::Fatal(error) => {
            tracing::info!(id = %activity.id, %error, "connection ended");
            activity.interrupt(error.clone());
            let Connection {
                session, mut out, ..
            } = connection;
            out.cut();
            out.message(&error::response(&error));
            out.finish().await;
            // Locks and the slot are free before the peer hangs up.
            drop(session);
            drop(registration);
            // Closing with unread input resets the connection and the last words with it.
            let _ = timeout(Duration::from_millis(500), reading).await;
        }
    }
    tracing::debug!(id = %activity.id, "connection closed");
}

impl Connection {
    /// Answers message after message. Dropping it abandons what runs.
    async fn talk(&mut self) -> Ending {
        let failure = match self.ready_for_query().await {
            Ok(()) => loop {
                let inbound = match self.next().await {
                    Ok(inbound) => inbound,
                    Err(failure) => break failure,
                };
                let frame = match inbound {
                    Inbound::Frame(frame) if frame.kind == b'X' => return Ending::Terminate,
                    Inbound::Frame(frame) => frame,
                    Inbound::Violation(error) => break Failure::Error(error),
                };
                // PostgreSQL does not even decode what it skips.
                if self.phase == Phase::Skipping && frame.kind != b'S' {
                    continue;
                }
                if let Err(failure) = self.handle(frame).await {
                    break failure;
                }
            },
            Err(failure) => failure,
        };
        failure.into()
    }

    /// Answers one message. An error that comes back ends the connection.
    async fn handle(&mut self, frame: Frame) -> Result<(), Failure> {
        let extended = matches!(frame.kind, b'P' | b'B' | b'D' | b'E' | b'C' | b'H');
        if matches!(frame.kind, b'd' | b'c' | b'f') {
            // Left over of a copy that failed: to be ignored.
            return Ok(());
        }
        let message = Message::decode(frame, self.session.client_encoding());
        if extended {
            self.phase = Phase::Pipeline;
        }
        let done = match message {
            Err(error) => Err(error.into()),
            Ok(Message::Query(sql)) => return Box::pin(self.query(&sql)).await,
            Ok(Message::Parse { name, sql, types }) => {
                Box::pin(self.parse(&name, &sql, &types)).await
            }
            Ok(Message::Bind(bind)) => Box::pin(self.bind(&bind)).await,
            Ok(Message::Describe(target)) => Box::pin(self.describe(&target)).await,
            Ok(Message::Execute { portal, rows_max }) => {
                Box::pin(self.execute(&portal, rows_max)).await
            }
            Ok(Message::Close(target)) => {
                self.close(&target);
                Ok(())
            }
            Ok(Message::Flush) => self.out.flush().await.map_err(Failure::from),
            Ok(Message::Sync) => Box::pin(self.session.sync()).await.map_err(Failure::from),
            Ok(Message::FunctionCall(call)) => Box::pin(self.function_call(&call)).await,
            Ok(
                Message::CopyData(_)
                | Message::CopyDone
                | Message::CopyFail(_)
                | Message::Terminate,
            ) => Ok(()),
        };
        match done {
            Ok(()) => {}
            Err(Failure::Error(error)) => {
                self.failed(error).await?;
                if extended {
                    self.phase = Phase::Skipping;
                }
            }
            Err(Failure::Gone) => return Err(Failure::Gone),
        }
        if extended {
            Ok(())
        } else {
            self.ready_for_query().await
        }
    }

    /// The next message. While the client is idle, tells it what happens elsewhere.
    async fn next(&mut self) -> Result<Inbound, Failure> {
        if let Ok(inbound) = self.frames.try_recv() {
            return Ok(inbound);
        }
        if self.phase != Phase::Ready {
            return self.frames.recv().await.ok_or(Failure::Gone);
        }
        self.out.shrink();
        let deadline = self
            .session
            .idle_deadline()
            .map(|(wait, error)| (Instant::now() + wait, error));
        let between_transactions = self.session.transaction_status() == TransactionStatus::Idle;
        loop {
            tokio::select! {
                biased;
                inbound = self.frames.recv() => return inbound.ok_or(Failure::Gone),
                () = self.session.mailbox().ready(), if between_transactions => {
                    self.deliver().await?;
                    self.out.flush().await?;
                    self.out.shrink();
                }
                () = self.sessions.shutdown.cancelled(), if between_transactions => {
                    return Err(Error::terminated().into());
                }
                error = expiry(deadline.as_ref()) => return Err(error.fatal().into()),
            }
        }
    }

    /// Tells the client of an error, and the session that it was told. A FATAL one comes back to be
    /// the last.
    pub(super) async fn failed(&mut self, error: Error) -> Result<(), Failure> {
        if error.fields().fatal {
            return Err(error.into());
        }
        observe::statement_failed();
        let error = self.session.named(error);
        self.session.fail();
        self.out.cut();
        self.report();
        self.out.message(&error::response(&error));
        // A client in the middle of a pipeline learns of it at once.
        Ok(self.out.flush().await?)
    }

    /// ReadyForQuery, after all there is to say.
    pub(super) async fn ready_for_query(&mut self) -> Result<(), Failure> {
        self.report();
        for (name, value) in self.session.take_parameter_changes() {
            self.out.message(&PgWireBackendMessage::ParameterStatus(
                ParameterStatus::new(name.to_owned(), value),
            ));
        }
        let status = self.session.transaction_status();
        if status == TransactionStatus::Idle {
            self.deliver().await?;
        }
        let status = match status {
            TransactionStatus::Idle => StatusByte::Idle,
            TransactionStatus::InBlock => StatusByte::Transaction,
            TransactionStatus::Failed => StatusByte::Error,
        };
        self.out
            .message(&PgWireBackendMessage::ReadyForQuery(ReadyForQuery::new(
                status,
            )));
        self.out.flush().await?;
        self.phase = Phase::Ready;
        Ok(())
    }

    /// What is said from now on is said as the client now reads it: SET may just have changed that.
    pub(super) fn attune(&mut self) {
        self.out.speak(self.session.client_encoding());
    }

    /// NoticeResponses.
    pub(super) fn report(&mut self) {
        self.attune();
        for report in self.session.take_reports() {
            self.out.message(&error::notice(&report));
        }
    }

    /// NotificationResponses. A client whose mailbox overflowed has missed some: it is told, and
    /// let go.
    async fn deliver(&mut self) -> Result<(), Failure> {
        if self.session.mailbox().overflowed() {
            return Err(Error::new(
                SqlState::CONFIGURATION_LIMIT_EXCEEDED,
                "terminating connection because notices came faster than they were read",
            )
            .detail("Some notices were lost.")
            .hint("Connect and LISTEN again, then read what you have missed from the catalog.")
            .fatal()
            .into());
        }
        while let Some(delivery) = self.session.mailbox().try_next() {
            let Delivery {
                sender,
                channel,
                payload,
            } = delivery;
            self.out
                .message(&PgWireBackendMessage::NotificationResponse(
                    NotificationResponse::new(sender.0, channel.to_string(), payload.to_string()),
                ));
            if self.out.is_full() {
                self.out.flush().await?;
            }
        }
        Ok(())
    }
}

/// ParameterStatus for every reported setting that changed.
fn tell_parameters(session: &mut Session, out: &mut Output) {
    for (name, value) in session.take_parameter_changes() {
        out.message(&PgWireBackendMessage::ParameterStatus(
            ParameterStatus::new(name.to_owned(), value),
        ));
    }
}

/// Waits for the deadline, if there is one.
async fn expiry(deadline: Option<&(Instant, Error)>) -> Error {
    match deadline {
        Some((at, error)) => {
            sleep_until(*at).await;
            error.clone()
        }
        None => std::future::pending().await,
    }
}
