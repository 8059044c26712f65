//! The simple query protocol: Query (compare PostgreSQL's `exec_simple_query`).
//!
//! The whole string is parsed first; then statement by statement, and the rows of one leave before
//! the next is planned. All of it is one implicit transaction unless it says BEGIN; it commits
//! before the last CommandComplete, so that an error of the commit takes that message's place.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{CommandComplete, EmptyQueryResponse};

use super::connection::Connection;
use super::encode::row_description;
use super::error::Failure;
use crate::observe;
use crate::session::{CommandTag, Response, RowsTag};

impl Connection {
    /// Query: answers everything up to ReadyForQuery.
    pub(super) async fn query(&mut self, sql: &str) -> Result<(), Failure> {
        match self.run_all(sql).await {
            Ok(()) => {}
            Err(Failure::Error(error)) => self.failed(error).await?,
            Err(Failure::Gone) => return Err(Failure::Gone),
        }
        self.ready_for_query().await
    }

    async fn run_all(&mut self, sql: &str) -> Result<(), Failure> {
        let statements = self.session.parse(sql)?;
        self.report();
        let Some(last) = statements.len().checked_sub(1) else {
            self.session.sync().await?;
            self.empty_query();
            return Ok(());
        };
        for (index, statement) in statements.iter().enumerate() {
            // Boxed: the future of a running statement is large, and idle connections shall be
            // small.
            let response = Box::pin(self.session.run(statement, last == 0)).await?;
            Box::pin(self.respond(response, index == last)).await?;
        }
        Ok(())
    }

    /// Sends what a statement answers. `last` commits before saying that it is complete.
    async fn respond(&mut self, response: Response, last: bool) -> Result<(), Failure> {
        self.attune();
        let tag = match response {
            Response::Rows(mut response) => {
                self.out
                    .message(&row_description(response.rows.columns(), &response.binary));
                let sent = self.send_rows(&mut response, usize::MAX).await?;
                rows_tag(response.tag, sent.rows)
            }
            Response::Done(tag) => tag,
            Response::CopyIn(copy) => self.copy_in(copy).await?,
            Response::CopyOut(copy) => self.copy_out(*copy).await?,
            Response::Empty => {
                if last {
                    self.session.sync().await?;
                }
                self.empty_query();
                return Ok(());
            }
        };
        if last {
            self.session.sync().await?;
        }
        self.complete(tag);
        Ok(())
    }

    /// CommandComplete, after what there is to say beside it.
    pub(super) fn complete(&mut self, tag: CommandTag) {
        observe::statement_completed();
        self.report();
        self.out.message(&PgWireBackendMessage::CommandComplete(
            CommandComplete::new(tag.0),
        ));
    }

    /// EmptyQueryResponse.
    pub(super) fn empty_query(&mut self) {
        self.report();
        self.out.message(&PgWireBackendMessage::EmptyQueryResponse(
            EmptyQueryResponse::new(),
        ));
    }
}

/// The tag after `rows` rows.
pub(super) fn rows_tag(tag: RowsTag, rows: usize) -> CommandTag {
    match tag {
        RowsTag::Counted(word) => CommandTag(format!("{word} {rows}")),
        RowsTag::Fixed(tag) => tag,
    }
}
