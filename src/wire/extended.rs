//! The extended query protocol: Parse, Bind, Describe, Execute, Close (compare PostgreSQL's
//! `exec_parse_message` and its neighbours).
//!
//! Nothing is written to the socket until Sync, Flush or a full buffer, so a pipeline costs one
//! system call. After an error everything up to Sync is skipped ([`super::connection`] does that).

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::data::{NoData, ParameterDescription};
use pgwire::messages::extendedquery::{
    BindComplete, CloseComplete, ParseComplete, PortalSuspended,
};

use super::connection::Connection;
use super::encode::row_description;
use super::error::Failure;
use super::message::{Bind, Target};
use super::simple::rows_tag;
use crate::base::Oid;
use crate::session::Response;

impl Connection {
    /// Parse
    pub(super) async fn parse(
        &mut self,
        name: &str,
        sql: &str,
        types: &[Oid],
    ) -> Result<(), Failure> {
        self.session.prepare(name, sql, types).await?;
        self.out
            .message(&PgWireBackendMessage::ParseComplete(ParseComplete::new()));
        Ok(())
    }

    /// Bind
    pub(super) async fn bind(&mut self, bind: &Bind) -> Result<(), Failure> {
        self.session
            .bind(
                &bind.portal,
                &bind.statement,
                &bind.parameters,
                &bind.parameter_formats,
                &bind.result_formats,
            )
            .await?;
        self.out
            .message(&PgWireBackendMessage::BindComplete(BindComplete::new()));
        Ok(())
    }

    /// Describe
    pub(super) async fn describe(&mut self, target: &Target) -> Result<(), Failure> {
        let (columns, binary) = match target {
            Target::Statement(name) => {
                let description = self.session.describe_statement(name).await?;
                let types = description.parameters.iter().map(|ty| ty.oid.0).collect();
                self.out
                    .message(&PgWireBackendMessage::ParameterDescription(
                        ParameterDescription::new(types),
                    ));
                // The formats are not known before Bind; the protocol says zero then.
                (description.columns, Vec::new())
            }
            Target::Portal(name) => {
                let description = self.session.describe_portal(name).await?;
                (description.columns, description.binary)
            }
        };
        self.out.message(&match columns {
            Some(columns) => row_description(&columns, &binary),
            None => PgWireBackendMessage::NoData(NoData::new()),
        });
        Ok(())
    }

    /// Execute. `rows_max` 0 is all rows. A portal that reached its limit keeps its running answer:
    /// the rest streams on at the next Execute.
    pub(super) async fn execute(&mut self, portal: &str, rows_max: usize) -> Result<(), Failure> {
        let response = self.session.execute(portal).await?;
        self.attune();
        let tag = match response {
            Response::Rows(mut response) => {
                let rows_max = if rows_max == 0 { usize::MAX } else { rows_max };
                let sent = self.send_rows(&mut response, rows_max).await?;
                if sent.limited {
                    self.session.suspend(portal, response.rows);
                    self.report();
                    self.out.message(&PgWireBackendMessage::PortalSuspended(
                        PortalSuspended::new(),
                    ));
                    return Ok(());
                }
                rows_tag(response.tag, sent.rows)
            }
            Response::Done(tag) => tag,
            Response::CopyIn(copy) => self.copy_in(copy).await?,
            Response::CopyOut(copy) => self.copy_out(*copy).await?,
            Response::Empty => {
                self.empty_query();
                return Ok(());
            }
        };
        self.complete(tag);
        Ok(())
    }

    /// Close
    pub(super) fn close(&mut self, target: &Target) {
        match target {
            Target::Statement(name) => self.session.close_statement(name),
            Target::Portal(name) => self.session.close_portal(name),
        }
        self.out
            .message(&PgWireBackendMessage::CloseComplete(CloseComplete::new()));
    }
}
