//! The one error of the SQL surface: a SQLSTATE with words.
//!
//! An error here *is* what the client reads, so it is a struct and not a sum of everything that can
//! go wrong. The code is chosen where the condition is known. Messages follow PostgreSQL's style
//! guide: primary message one line, lower case, no full stop; DETAIL and HINT full sentences.

use std::borrow::Cow;
use std::fmt;

use super::{Oid, SqlState};

/// `Result` with [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What a client is told when something fails. One pointer wide.
#[derive(Debug, Clone)]
pub struct Error(Box<Fields>);

/// The fields of an ErrorResponse or NoticeResponse (PostgreSQL manual, "Error and Notice Message
/// Fields").
#[derive(Debug, Clone)]
pub struct Fields {
    /// SQLSTATE.
    pub state: SqlState,
    /// Primary message.
    pub message: String,
    /// DETAIL: facts, in full sentences.
    pub detail: Option<String>,
    /// HINT: what to do, maybe not applicable.
    pub hint: Option<String>,
    /// Where in the statement's text.
    pub place: Place,
    /// CONTEXT, e.g. the COPY line.
    pub context: Option<String>,
    /// Schema of the object concerned.
    pub schema: Option<String>,
    /// Table concerned.
    pub table: Option<String>,
    /// Column concerned.
    pub column: Option<String>,
    /// Type concerned.
    pub data_type: Option<String>,
    /// Constraint concerned.
    pub constraint: Option<String>,
    /// The routine of PostgreSQL's that says the same, where clients know the error by it.
    pub routine: Option<&'static str>,
    /// Whether the connection ends with this error.
    pub fatal: bool,
    /// If it is about an array that a column would hold if it were told to hold any, the column's
    /// type, or 0.
    pub beyond_lists: Option<Oid>,
}

/// Where in a statement's text something is. Characters count from 1.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Place {
    /// Not said yet.
    #[default]
    Unknown,
    /// In a text that is not the client's.
    Elsewhere,
    /// At a character.
    At(usize),
    /// At the nearest such token that begins before a character.
    Before(usize, Cow<'static, str>),
    /// At the first such token from a character on, or a later one, that is not in parentheses
    /// opened after it: the token, and how many to pass.
    After(usize, Cow<'static, str>, usize),
}

impl Error {
    /// An error with its code and primary message.
    pub fn new(state: SqlState, message: impl Into<String>) -> Self {
        Self(Box::new(Fields {
            state,
            message: message.into(),
            detail: None,
            hint: None,
            place: Place::Unknown,
            context: None,
            schema: None,
            table: None,
            column: None,
            data_type: None,
            constraint: None,
            routine: None,
            fatal: false,
            beyond_lists: None,
        }))
    }

    /// `0A000`: `what` is not supported. `what` names the thing, e.g. "CREATE TRIGGER".
    pub fn unsupported(what: impl fmt::Display) -> Self {
        Self::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("{what} is not supported"),
        )
    }

    /// `XX000`: something that should not happen did. The cause is logged under a short reference
    /// and the client sees only that reference, so internals never leak.
    pub fn internal(doing: &str, cause: impl fmt::Display) -> Self {
        let reference = uuid::Uuid::new_v4().simple().to_string()[..8].to_owned();
        tracing::error!(reference, doing, cause = %cause, "internal error");
        Self::new(
            SqlState::INTERNAL_ERROR,
            format!("internal error while {doing}"),
        )
        .detail(format!(
            "The server log has the cause under reference {reference}."
        ))
    }

    /// Says that it is about an array that a column of this type would hold if it were told to hold
    /// any.
    pub fn beyond_lists(mut self, column: Oid) -> Self {
        self.0.beyond_lists = Some(column);
        self
    }

    /// Adds DETAIL.
    pub fn detail(mut self, detail: impl Into<String>) -> Self {
        self.0.detail = Some(detail.into());
        self
    }

    /// Adds HINT.
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds the 1-based character position in the statement.
    pub fn at(mut self, position: usize) -> Self {
        self.0.place = Place::At(position);
        self
    }

    /// Says where it is, unless that has been said.
    pub fn or_at(mut self, place: Place) -> Self {
        if self.0.place == Place::Unknown {
            self.0.place = place;
        }
        self
    }

    /// Removes the position: the text it counts in is not the client's.
    pub fn without_position(mut self) -> Self {
        self.0.place = Place::Elsewhere;
        self
    }

    /// The 1-based character position in the statement, where it is known.
    pub fn position(&self) -> Option<usize> {
        match self.0.place {
            Place::At(position) => Some(position),
            Place::Unknown | Place::Elsewhere | Place::Before(..) | Place::After(..) => None,
        }
    }

    /// Adds CONTEXT.
    pub fn context(mut self, context: impl Into<String>) -> Self {
        self.0.context = Some(context.into());
        self
    }

    /// Names the table concerned.
    pub fn table(mut self, schema: impl Into<String>, table: impl Into<String>) -> Self {
        self.0.schema = Some(schema.into());
        self.0.table = Some(table.into());
        self
    }

    /// Names the table concerned, or its schema, as far as they are known.
    pub fn of_table(mut self, schema: Option<String>, table: Option<String>) -> Self {
        self.0.schema = schema.or(self.0.schema);
        self.0.table = table.or(self.0.table);
        self
    }

    /// Names the column concerned.
    pub fn column(mut self, column: impl Into<String>) -> Self {
        self.0.column = Some(column.into());
        self
    }

    /// Names the type concerned.
    pub fn data_type(mut self, name: impl Into<String>) -> Self {
        self.0.data_type = Some(name.into());
        self
    }

    /// Adds a line to CONTEXT, behind those that are there.
    pub fn within(mut self, line: impl fmt::Display) -> Self {
        self.0.context = Some(match self.0.context.take() {
            Some(context) => format!("{context}\n{line}"),
            None => line.to_string(),
        });
        self
    }

    /// Names the constraint concerned.
    pub fn constraint(mut self, constraint: impl Into<String>) -> Self {
        self.0.constraint = Some(constraint.into());
        self
    }

    /// Names the routine of PostgreSQL's that says the same.
    pub fn routine(mut self, routine: &'static str) -> Self {
        self.0.routine = Some(routine);
        self
    }

    /// `57P01`: the connection is ended by an administrator or a stopping server.
    pub fn terminated() -> Self {
        Self::new(
            SqlState::ADMIN_SHUTDOWN,
            "terminating connection due to administrator command",
        )
        .fatal()
    }

    /// Marks the error as ending the connection.
    pub fn fatal(mut self) -> Self {
        self.0.fatal = true;
        self
    }

    /// The error with what `reword` makes of its texts; `None` leaves one as it is.
    #[must_use]
    pub fn reworded(mut self, mut reword: impl FnMut(&str) -> Option<String>) -> Self {
        if let Some(message) = reword(&self.0.message) {
            self.0.message = message;
        }
        let fields = &mut *self.0;
        for text in [&mut fields.detail, &mut fields.hint, &mut fields.context] {
            if let Some(other) = text.as_deref().and_then(&mut reword) {
                *text = Some(other);
            }
        }
        self
    }

    /// The SQLSTATE.
    pub fn state(&self) -> SqlState {
        self.0.state
    }

    /// The primary message.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Every field, for the encoder.
    pub fn fields(&self) -> &Fields {
        &self.0
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0.message, self.0.state)?;
        if let Some(detail) = &self.0.detail {
            write!(f, " DETAIL: {detail}")?;
        }
        if let Some(hint) = &self.0.hint {
            write!(f, " HINT: {hint}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {}

/// How loud a message that is not an error is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// `DEBUG1`
    Debug,
    /// `LOG`
    Log,
    /// `INFO`: asked for by the user, always sent.
    Info,
    /// `NOTICE`
    Notice,
    /// `WARNING`
    Warning,
}

/// A NoticeResponse: said to the client beside the answer. Not to be confused with a *Notice* of
/// [`crate::notify`], which is what a commit tells other sessions.
#[derive(Debug, Clone)]
pub struct Report {
    /// How loud.
    pub level: Level,
    /// What is said.
    pub error: Error,
}

impl Report {
    /// A NOTICE with code 00000.
    pub fn notice(message: impl Into<String>) -> Self {
        Self {
            level: Level::Notice,
            error: Error::new(SqlState::SUCCESSFUL_COMPLETION, message),
        }
    }

    /// A WARNING with the given code.
    pub fn warning(state: SqlState, message: impl Into<String>) -> Self {
        Self {
            level: Level::Warning,
            error: Error::new(state, message),
        }
    }
}
