//! Calls of users' functions amid a query: what the threads that run the query ask of the session.
//!
//! A function's statements are carried out by the session, in its transaction. The query waits
//! meanwhile: its thread is held, and another takes its place with the runtime's other work. Calls
//! of one statement are answered one after the other, whatever runs beside each other in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use arrow::array::{ArrayRef, BooleanArray};
use arrow::record_batch::RecordBatch;
use tokio::runtime::{Handle, RuntimeFlavor};
use tokio::sync::{mpsc, oneshot};

use crate::base::limits::WAITING_CALLS_MAX;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Relation, Routine, SearchPath, TriggerEvent};
use crate::observe::Interrupt;
use crate::types::PgType;

/// Requests of a statement that wait beside the one being answered; more wait to be told.
const REQUESTS_WAITING: usize = 16;

/// What a call answers.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum CallShape {
    /// Nothing.
    Void,
    /// A value.
    Value(PgType),
    /// A row of these columns.
    Rows(Vec<(String, PgType)>),
}

/// Calls of one function.
#[derive(Debug)]
pub struct CallRequest {
    /// The function.
    pub routine: Arc<Routine>,
    /// Types of its inputs.
    pub types: Vec<PgType>,
    /// What it answers.
    pub shape: CallShape,
    /// Whose rights it is called with.
    pub role: Oid,
    /// Where the caller looks names up.
    pub search_path: SearchPath,
    /// The values of the arguments, a column each, a row for each call.
    pub arguments: Vec<ArrayRef>,
    /// How many calls.
    pub rows: usize,
    reply: oneshot::Sender<Result<Vec<RecordBatch>>>,
}

impl CallRequest {
    /// Answers each of the calls; nobody may be listening any more.
    pub fn answer(self, answer: Result<Vec<RecordBatch>>) {
        let _ = self.reply.send(answer);
    }

    /// Whether nobody listens any more.
    pub fn is_given_up(&self) -> bool {
        self.reply.is_closed()
    }
}

/// Rows that triggers are to be shown before they are changed.
#[derive(Debug)]
pub struct RowsRequest {
    /// Their table.
    pub relation: Arc<Relation>,
    /// What is done with them.
    pub event: TriggerEvent,
    /// The columns that UPDATE assigns to.
    pub changed: Vec<i16>,
    /// What they are.
    pub old: Option<RecordBatch>,
    /// What they become.
    pub new: Option<RecordBatch>,
    /// Which of them are changed after all, and what those become.
    pub reply: oneshot::Sender<Result<ShownRows>>,
}

/// Which rows are changed, and what those become.
pub type ShownRows = (BooleanArray, Option<RecordBatch>);

/// What a statement asks the session for.
#[derive(Debug)]
pub enum Request {
    /// Calls of a function.
    Call(CallRequest),
    /// Triggers.
    Rows(RowsRequest),
}

/// Where the functions of a statement ask for calls.
#[derive(Debug)]
pub struct Calls {
    sender: mpsc::Sender<Request>,
    wanted: Arc<AtomicBool>,
}

/// Where the session hears of them.
#[derive(Debug, Default)]
pub struct CallQueue {
    /// Whose rights the statement has, and where it looks names up, if those are the session's.
    pub caller: Option<(Oid, SearchPath)>,
    open: Option<(mpsc::Receiver<Request>, Arc<AtomicBool>)>,
}

/// Threads held by calls, of all sessions.
static WAITING: AtomicUsize = AtomicUsize::new(0);

/// A held thread.
struct Held;

impl Held {
    fn new() -> Result<Self> {
        let before = WAITING.fetch_add(1, Ordering::Relaxed);
        let held = Self;
        match before < WAITING_CALLS_MAX {
            true => Ok(held),
            false => Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )
            .detail(format!(
                "{WAITING_CALLS_MAX} calls of functions in queries wait for each other."
            ))),
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        WAITING.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Both ends of a statement's calls.
pub fn calls(caller: Option<(Oid, SearchPath)>) -> (Arc<Calls>, CallQueue) {
    let (sender, receiver) = mpsc::channel(REQUESTS_WAITING);
    let wanted = Arc::new(AtomicBool::new(false));
    let queue = CallQueue {
        caller,
        open: Some((receiver, Arc::clone(&wanted))),
    };
    (Arc::new(Calls { sender, wanted }), queue)
}

impl Calls {
    /// Notes that the statement has such calls.
    pub fn expect(&self) {
        self.wanted.store(true, Ordering::Relaxed);
    }

    /// Whether the statement, as planned so far, has such calls.
    pub fn is_expected(&self) -> bool {
        self.wanted.load(Ordering::Relaxed)
    }

    /// Asks the session for calls and waits for what they answer, a batch each.
    ///
    /// # Errors
    /// What a call fails with; the interrupt's; `54001` if too many calls wait.
    pub fn call(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<Vec<RecordBatch>>>) -> CallRequest,
        interrupt: &Interrupt,
    ) -> Result<Vec<RecordBatch>> {
        interrupt.check()?;
        let (reply, answer) = oneshot::channel();
        let handle = Handle::try_current().map_err(|_| not_here())?;
        if handle.runtime_flavor() == RuntimeFlavor::CurrentThread {
            return Err(not_here());
        }
        let _held = Held::new()?;
        let request = Request::Call(request(reply));
        let answered = async {
            self.sender.send(request).await.map_err(|_| gone())?;
            answer.await.unwrap_or_else(|_| Err(gone()))
        };
        let answered = async {
            tokio::select! {
                biased;
                error = interrupt.interrupted() => Err(error),
                answer = answered => answer,
            }
        };
        tokio::task::block_in_place(|| handle.block_on(answered))
    }
}

impl Calls {
    /// Has triggers shown rows, by whoever does the session's work: no thread is held.
    ///
    /// # Errors
    /// What a trigger fails with.
    pub async fn show(
        &self,
        request: impl FnOnce(oneshot::Sender<Result<ShownRows>>) -> RowsRequest,
    ) -> Result<ShownRows> {
        let (reply, answer) = oneshot::channel();
        let request = Request::Rows(request(reply));
        self.sender.send(request).await.map_err(|_| gone())?;
        answer.await.unwrap_or_else(|_| Err(gone()))
    }
}

impl CallQueue {
    /// Whether the statement, as planned so far, has calls.
    pub fn is_wanted(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|(_, wanted)| wanted.load(Ordering::Relaxed))
    }

    /// The next request; never, once there can be none any more. Cancel-safe.
    pub async fn next(&mut self) -> Request {
        let request = match &mut self.open {
            Some((receiver, _)) => receiver.recv().await,
            None => None,
        };
        match request {
            Some(request) => request,
            None => std::future::pending().await,
        }
    }
}

/// A request as the function makes it.
pub fn request(
    routine: Arc<Routine>,
    types: Vec<PgType>,
    shape: CallShape,
    role: Oid,
    search_path: SearchPath,
    arguments: Vec<ArrayRef>,
    rows: usize,
) -> impl FnOnce(oneshot::Sender<Result<Vec<RecordBatch>>>) -> CallRequest {
    move |reply| CallRequest {
        routine,
        types,
        shape,
        role,
        search_path,
        arguments,
        rows,
        reply,
    }
}

/// The statement is over.
fn gone() -> Error {
    Error::new(
        SqlState::QUERY_CANCELED,
        "canceling statement due to user request",
    )
}

fn not_here() -> Error {
    Error::unsupported("a function that does more than to answer a query in this place")
}
