//! DECLARE, FETCH, MOVE, CLOSE: cursors, over portals.

use arrow::array::RecordBatch;
use sqlparser::ast;

use super::current_of::traced;
use super::tag;
use crate::base::{Error, Result, SqlState};
use crate::engine::{Command, Direction, OutputColumn, Rows, Scroll, Statement};
use crate::observe::Interrupt;
use crate::pg_catalog::names::Names;
use crate::session::dispatch::Run;
use crate::session::portal::{
    Hold, Progress, Suspended, Writing, cannot_be_run, counted, duplicate_cursor,
};
use crate::session::prepared::{Body, Plan};
use crate::session::scroll::Place;
use crate::session::{CommandTag, Response, RowsResponse, Session};

impl Session {
    /// DECLARE. The query starts at once, so that the cursor sees what is there now; its rows wait
    /// for FETCH. The flags are BINARY, SCROLL and WITH HOLD.
    pub(in crate::session) async fn declare(
        &mut self,
        name: &str,
        (binary, scroll, hold): (bool, Scroll, bool),
        statement: &Statement,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        if !hold {
            self.need_block("DECLARE CURSOR")?;
        }
        if self.portals.contains(name) {
            return Err(duplicate_cursor(name));
        }
        let Command::Query(query) = &statement.command else {
            return Err(Error::unsupported("a cursor over anything but a query"));
        };
        let state = self.start_query(query, &run, "FETCH", scroll).await?;
        let columns = state.rows.columns().clone();
        let plan = Plan {
            columns: Some(columns.clone()),
            ..Plan::default()
        };
        self.portals.open(
            name,
            Some(std::sync::Arc::new(statement.clone())),
            plan,
            Vec::new(),
            vec![binary; columns.len()],
            Progress::Suspended(Box::new(state)),
        );
        if hold && let Some(portal) = self.portals.find(name) {
            portal.hold = Hold::AtCommit;
        }
        Ok(tag("DECLARE CURSOR"))
    }

    /// A query that has started; its rows wait.
    pub(in crate::session) async fn start_query(
        &mut self,
        query: &ast::Query,
        run: &Run<'_>,
        tag: &'static str,
        scroll: Scroll,
    ) -> Result<Suspended> {
        // A query that was bound before is no cursor's that a statement could name.
        let traced = match run.plan.as_ref().map(|plan| &plan.body) {
            Some(Body::Query(_)) => None,
            Some(_) | None => traced(&*self.context()?, query),
        };
        let (context, rows, traced) = match traced {
            None => {
                let (context, rows) = self.open_query(query, run).await?;
                (context, rows, None)
            }
            Some((whole, traced)) => match self.open_query(&whole, run).await {
                Ok((context, mut rows)) => {
                    rows.hide(traced.columns.len());
                    (context, rows, Some(traced))
                }
                // It groups rows, or reads columns that the query does not.
                Err(error) if error.state().code().starts_with("42") => {
                    let (context, rows) = self.open_query(query, run).await?;
                    (context, rows, None)
                }
                Err(error) => return Err(error),
            },
        };
        Ok(Suspended {
            rows,
            writing: Writing {
                style: context.style.clone(),
                names: Names::new(context),
                tag: counted(tag),
            },
            // Rows that are locked are gone over once.
            place: Place::start(match scroll {
                Scroll::Few if !query.locks.is_empty() => Scroll::No,
                scroll => scroll,
            }),
            traced,
        })
    }

    /// FETCH and MOVE (`skip`).
    pub(in crate::session) async fn fetch(
        &mut self,
        name: &str,
        direction: Direction,
        skip: bool,
        run: Run<'_>,
    ) -> Result<Response> {
        let portal = self.portals.find(name).ok_or_else(|| no_cursor(name))?;
        let binary = portal.binary.clone();
        let columns = portal.plan.columns.clone().unwrap_or_default();
        let mut state = match std::mem::replace(&mut portal.progress, Progress::over(None)) {
            Progress::Suspended(state) => *state,
            Progress::Over(over) if over.failed() => {
                portal.progress = Progress::Over(over);
                return Err(cannot_be_run(name));
            }
            Progress::Over(over) => {
                // A portal of the protocol that ran out.
                portal.progress = Progress::Over(over);
                return self.fetched(columns, Vec::new(), binary, skip);
            }
            // Bind opened it, and no Execute came yet.
            Progress::New => {
                let statement = portal.statement.clone();
                let Some((statement, Command::Query(query))) =
                    statement.as_ref().map(|one| (one, &one.command))
                else {
                    return Err(cannot_be_run(name));
                };
                let (plan, parameters) = (portal.plan.clone(), portal.parameters.clone());
                let bound = Run {
                    statement,
                    plan: Some(plan),
                    parameters: &parameters,
                    interrupt: run.interrupt,
                };
                self.start_query(query, &bound, "SELECT", Scroll::No)
                    .await?
            }
        };
        let taken = state
            .place
            .fetch(&mut state.rows, direction, skip, run.interrupt)
            .await;
        // On error the cursor is over, even if a savepoint saves the transaction.
        let (batches, moved) = taken?;
        if let Some(portal) = self.portals.find(name) {
            portal.progress = Progress::Suspended(Box::new(state));
        }
        if skip {
            return Ok(Response::Done(tag(format!("MOVE {moved}"))));
        }
        self.fetched(columns, batches, binary, skip)
    }

    fn fetched(
        &mut self,
        columns: std::sync::Arc<[OutputColumn]>,
        batches: Vec<RecordBatch>,
        binary: Vec<bool>,
        skip: bool,
    ) -> Result<Response> {
        if skip {
            return Ok(Response::Done(tag("MOVE 0")));
        }
        let rows = if batches.is_empty() {
            crate::session::answer::none(columns)?
        } else {
            let (sender, receiver) = tokio::sync::mpsc::channel(batches.len());
            for batch in batches {
                // There is room for all of them, and the receiver is here.
                let _ = sender.try_send(Ok(batch));
            }
            Rows::new(columns, receiver, Interrupt::new())
        };
        let mut answer = self.respond(rows, counted("FETCH"))?;
        answer.binary = binary;
        Ok(Response::Rows(RowsResponse { ..answer }))
    }

    /// CLOSE; `None` is ALL.
    pub(in crate::session) fn close_cursor(&mut self, name: Option<&str>) -> Result<CommandTag> {
        match name {
            None => {
                self.portals.clear();
                Ok(tag("CLOSE CURSOR ALL"))
            }
            Some(name) if self.portals.close(name) => Ok(tag("CLOSE CURSOR")),
            Some(name) => Err(no_cursor(name)),
        }
    }
}

fn no_cursor(name: &str) -> Error {
    Error::new(
        SqlState::INVALID_CURSOR_NAME,
        format!("cursor \"{name}\" does not exist"),
    )
}
