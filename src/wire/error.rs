//! [`Error`] to ErrorResponse and [`Report`] to NoticeResponse: the only place where severity is
//! chosen.

use pgwire::messages::PgWireBackendMessage;
use pgwire::messages::response::{ErrorResponse, NoticeResponse};

use super::frame::Gone;
use crate::base::error::{Fields, Level, Report};
use crate::base::{Error, Place, SqlState};

/// Why something was not done.
#[derive(Debug)]
pub(super) enum Failure {
    /// The client is told this.
    Error(Error),
    /// There is nobody to tell.
    Gone,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<Gone> for Failure {
    fn from(Gone: Gone) -> Self {
        Self::Gone
    }
}

/// An ErrorResponse. `FATAL` means that the connection ends after it; the caller sees to that.
pub(super) fn response(error: &Error) -> PgWireBackendMessage {
    let fields = error.fields();
    let severity = if fields.fatal { "FATAL" } else { "ERROR" };
    PgWireBackendMessage::ErrorResponse(ErrorResponse::new(encode(severity, fields)))
}

/// A NoticeResponse.
pub(super) fn notice(report: &Report) -> PgWireBackendMessage {
    let severity = match report.level {
        Level::Debug => "DEBUG",
        Level::Log => "LOG",
        Level::Info => "INFO",
        Level::Notice => "NOTICE",
        Level::Warning => "WARNING",
    };
    PgWireBackendMessage::NoticeResponse(NoticeResponse::new(encode(
        severity,
        report.error.fields(),
    )))
}

/// The fields in PostgreSQL's order. Source file and line are left out, and but for errors that
/// clients know by it the routine: they would be ours, and mean nothing to the client.
fn encode(severity: &str, fields: &Fields) -> Vec<(u8, String)> {
    let mut list = vec![
        (b'S', severity.to_owned()),
        // The same, never translated.
        (b'V', severity.to_owned()),
        (b'C', fields.state.code().to_owned()),
        (b'M', text(&fields.message)),
    ];
    let position = match fields.place {
        Place::At(position) => Some(position.to_string()),
        _ => None,
    };
    for (kind, value) in [
        (b'D', &fields.detail),
        (b'H', &fields.hint),
        (b'P', &position),
        (b'W', &fields.context),
        (b's', &fields.schema),
        (b't', &fields.table),
        (b'c', &fields.column),
        (b'd', &fields.data_type),
        (b'n', &fields.constraint),
    ] {
        if let Some(value) = value {
            list.push((kind, text(value)));
        }
    }
    if let Some(routine) = fields.routine {
        list.push((b'R', routine.to_owned()));
    }
    list
}

/// A NUL would end the field early and shift all that follows.
fn text(value: &str) -> String {
    value.replace('\0', "\u{fffd}")
}

/// The client went away; seen by the log alone.
pub(super) fn connection_lost() -> Error {
    Error::new(SqlState::CONNECTION_FAILURE, "connection to client lost").fatal()
}
