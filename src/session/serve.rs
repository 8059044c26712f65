//! Answers the calls of functions amid the statement that runs.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema};
use futures::future::BoxFuture;

use super::Session;
use super::arrived::Arrived;
use super::dispatch::Run;
use super::plpgsql::Deep;
use crate::base::{Error, Oid, Result};
use crate::calls::{CallQueue, CallRequest, Request};
use crate::catalog::{Privilege, RelationKind, Routine, SearchPath};
use crate::engine::{Callee, Command, OutputColumn, Rows, Statement};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::{StatementContext, Transition};
use crate::types::PgType;

/// What tells rows that are none, behind the columns.
const THERE: &str = "\0there";

/// A function whose statements run.
#[derive(Debug)]
pub(super) struct Body {
    pub(super) routine: Arc<Routine>,
    /// Of its inputs.
    pub(super) types: Vec<PgType>,
    /// Whose rights it is called with, and where names are looked up there, if its caller is not
    /// the function before it.
    pub(super) caller: Option<(Oid, SearchPath)>,
    /// Of a trigger, the rows it gives names to.
    pub(super) tables: Option<Arc<[Transition]>>,
}

/// Tables that a statement is about to change.
#[derive(Debug, Clone)]
pub(super) struct Changing {
    pub(super) tables: Vec<Oid>,
    /// Whether nothing of them is changed before the last function is called.
    pub(super) at_once: bool,
    /// The rows that were added so far, if nothing else is done and they are known one by one.
    pub(super) arrived: Option<Arrived>,
    /// Whether triggers look at a row now, and all that happened before it can be seen.
    pub(super) looked_at: bool,
    /// Whether they looked at a row.
    pub(super) begun: bool,
}

impl Changing {
    /// Tables about to be changed.
    pub(super) fn new(tables: Vec<Oid>, at_once: bool) -> Self {
        Self {
            tables,
            at_once,
            arrived: None,
            looked_at: false,
            begun: false,
        }
    }

    /// The same of a statement that does nothing but add rows to this table.
    pub(super) fn adding(mut self, table: Option<Oid>) -> Self {
        self.arrived = table.map(Arrived::none);
        self
    }

    /// Triggers look at a row.
    pub(super) fn look(&mut self) {
        self.looked_at = self.arrived.is_some() || !self.begun;
        self.begun = true;
    }

    /// They let it be added so.
    pub(super) fn arrive(&mut self, table: Oid, row: RecordBatch) -> Result<()> {
        if let Some(arrived) = self.arrived.as_mut().filter(|of| of.table == table)
            && !arrived.take(row)?
        {
            self.arrived = None;
        }
        Ok(())
    }
}

impl Session {
    /// Does work of a statement, and answers what its functions ask for meanwhile.
    ///
    /// # Errors
    /// What the work fails with; what the statement is interrupted with.
    pub(super) async fn serving<T>(
        &mut self,
        queue: &mut CallQueue,
        interrupt: &Interrupt,
        work: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        tokio::pin!(work);
        loop {
            let request = tokio::select! {
                biased;
                error = interrupt.interrupted() => return Err(error),
                done = &mut work => return done,
                request = queue.next() => request,
            };
            self.answer_calls(request, queue.caller.as_ref(), interrupt)
                .await;
        }
    }

    /// The rows of a query. Of one that calls functions all of them, so that it asks for nothing
    /// once the session does something else.
    ///
    /// # Errors
    /// As [`Session::serving`].
    pub(super) async fn served(
        &mut self,
        queue: &mut CallQueue,
        interrupt: &Interrupt,
        mut rows: Rows,
    ) -> Result<Rows> {
        if !queue.is_wanted() {
            return Ok(rows);
        }
        let columns = rows.columns().clone();
        let mut batches = Vec::new();
        while let Some(batch) = self.serving(queue, interrupt, rows.next()).await? {
            batches.push(batch);
        }
        Ok(Rows::gathered(columns, batches))
    }

    /// Answers calls of a statement of `caller`. By itself: what is called may call in turn.
    fn answer_calls<'a>(
        &'a mut self,
        request: Request,
        caller: Option<&'a (Oid, SearchPath)>,
        interrupt: &'a Interrupt,
    ) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            match request {
                Request::Call(request) if request.is_given_up() => {}
                Request::Call(request) => {
                    let answer = Deep::new(self.calls_answered(&request, caller, interrupt)).await;
                    request.answer(answer);
                }
                Request::Rows(request) => {
                    let answer = Deep::new(self.shown(&request, interrupt)).await;
                    let _ = request.reply.send(answer);
                }
            }
        })
    }

    async fn calls_answered(
        &mut self,
        request: &CallRequest,
        caller: Option<&(Oid, SearchPath)>,
        interrupt: &Interrupt,
    ) -> Result<Vec<RecordBatch>> {
        // What a function makes of the session's role holds for the calls after it; what calls
        // with other rights than the statement's keeps them.
        let own = caller
            .is_some_and(|(role, path)| *role == request.role && *path == request.search_path);
        let caller = (!own).then(|| (request.role, request.search_path.clone()));
        let routine = &request.routine;
        let callee = Callee::of(request);
        let columns: Arc<[OutputColumn]> = callee.columns().unwrap_or_default().into();
        let statement = part_of_no_statement(&routine.name);
        let run = Run {
            statement: &statement,
            plan: None,
            parameters: &[],
            interrupt,
        };
        let mut answers = Vec::with_capacity(request.rows);
        for row in 0..request.rows {
            interrupt.check()?;
            let values: Vec<ArrayRef> = request
                .arguments
                .iter()
                .map(|array| array.slice(row, 1))
                .collect();
            let work = self.carry_out(&callee, &values, &columns, caller.clone(), &run);
            let (batch, null) = work.await?;
            answers.push(match null && !routine.set {
                true => marked(&batch)?,
                false => batch,
            });
        }
        Ok(answers)
    }

    /// `0A000` for a statement in a function that changes, or sees half changed, what the statement
    /// that calls the function is about to change.
    pub(super) fn refuse_changing(
        &self,
        context: &StatementContext,
        needs: &[Need],
        targets: &[Oid],
    ) -> Result<()> {
        if self.changing.is_empty() {
            return Ok(());
        }
        let name = |table: Oid| {
            let relation = context.snapshot.relation(table);
            relation.map_or_else(String::new, |relation| relation.name.clone())
        };
        let mut read = Vec::new();
        needs.iter().for_each(|need| {
            if let Need::Columns {
                relation, any_of, ..
            } = need
                && any_of.contains(Privilege::Select)
            {
                read.push(*relation);
            }
        });
        let read = stood_on(context, read);
        for changing in &self.changing {
            let mut tables = changing.tables.iter();
            if let Some(table) = tables.clone().find(|table| targets.contains(table)) {
                return Err(Error::unsupported(format!(
                    "changing table \"{}\" in a function called by a statement that changes it",
                    name(*table)
                )));
            }
            if self.pinned.is_none()
                && !(changing.at_once || changing.looked_at)
                && let Some(table) = tables.find(|table| read.contains(table))
            {
                return Err(Error::unsupported(format!(
                    "reading table \"{}\" in a volatile function called by a statement that \
                     changes it",
                    name(*table)
                ))
                .hint("A STABLE function sees the table as it was before the statement."));
            }
        }
        Ok(())
    }
}

/// What a function carries out is a part of no statement that the client sent.
pub(super) fn part_of_no_statement(name: &str) -> Statement {
    Statement {
        command: Command::Do {
            body: String::new(),
            language: String::new(),
        },
        text: name.to_owned(),
        offset: 0,
        inserted: Arc::default(),
        warnings: Vec::new(),
    }
}

/// These relations, what views among them are of, and the tables under them.
fn stood_on(context: &StatementContext, mut relations: Vec<Oid>) -> BTreeSet<Oid> {
    let mut seen = BTreeSet::new();
    while let Some(oid) = relations.pop() {
        let Some(relation) = context.snapshot.relation(oid).filter(|_| seen.insert(oid)) else {
            continue;
        };
        match &relation.kind {
            RelationKind::View(view) => relations.extend(&view.depends_on),
            _ => relations.extend(context.snapshot.descendants(oid).iter().map(|of| of.oid)),
        }
    }
    seen
}

/// The row, marked as none.
fn marked(batch: &RecordBatch) -> Result<RecordBatch> {
    let mut fields: Vec<_> = batch.schema().fields().iter().cloned().collect();
    fields.push(Arc::new(Field::new(THERE, DataType::Boolean, true)));
    let mut arrays = batch.columns().to_vec();
    arrays.push(Arc::new(BooleanArray::new_null(batch.num_rows())));
    RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays)
        .map_err(|error| Error::internal("calling a function", error))
}
