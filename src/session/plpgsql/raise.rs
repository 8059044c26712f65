//! RAISE and ASSERT.

use super::frame::Frame;
use crate::base::error::{Level, Report};
use crate::base::{Error, Result, SqlState};
use crate::engine::condition;
use crate::engine::plpgsql::{Expression, Raise, RaiseOption, Raised};
use crate::session::Session;
use crate::session::dispatch::Run;

impl Session {
    /// RAISE; an error is given back as one.
    pub(super) async fn raise(
        &mut self,
        frame: &Frame,
        raise: &Raise,
        run: &Run<'_>,
    ) -> Result<()> {
        let Some(what) = &raise.what else {
            // The error as it was, with the context it had.
            return Err(match frame.handled.last() {
                Some(error) => error.clone(),
                None => Error::new(
                    SqlState::STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                    "RAISE without parameters cannot be used outside an exception handler",
                ),
            });
        };
        let (mut state, mut message) = match what {
            Raised::Format(format, values) => {
                let mut texts = Vec::with_capacity(values.len());
                for value in values {
                    let text = self.text(frame, value, run).await?;
                    texts.push(text.unwrap_or_else(|| "<NULL>".to_owned()));
                }
                (None, Some(filled(format, &texts)))
            }
            Raised::Condition(state, name) => (Some(*state), Some(name.clone())),
            Raised::Options => (None, None),
        };
        let is_named = matches!(what, Raised::Condition(..));
        let mut said = Vec::new();
        for (option, value) in &raise.options {
            let text = self.option(frame, value, run).await?;
            let taken = said.iter().any(|(known, _)| known == option)
                || *option == RaiseOption::State && is_named
                || *option == RaiseOption::Message && matches!(what, Raised::Format(..));
            if taken {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!("RAISE option already specified: {}", word(*option)),
                ));
            }
            match option {
                RaiseOption::State => state = Some(condition(&text)?),
                RaiseOption::Message => message = Some(text.clone()),
                _ => {}
            }
            said.push((*option, text));
        }
        let default = match raise.level {
            None => SqlState::RAISE_EXCEPTION,
            Some(Level::Warning) => SqlState::WARNING,
            Some(_) => SqlState::SUCCESSFUL_COMPLETION,
        };
        let state = state.unwrap_or(default);
        let message = message.unwrap_or_else(|| state.code().to_owned());
        let mut error = Error::new(state, message).without_position();
        let mut table = (None, None);
        for (option, text) in said {
            error = match option {
                RaiseOption::State | RaiseOption::Message => error,
                RaiseOption::Detail => error.detail(text),
                RaiseOption::Hint => error.hint(text),
                RaiseOption::Column => error.column(text),
                RaiseOption::Constraint => error.constraint(text),
                RaiseOption::DataType => error.data_type(text),
                RaiseOption::Schema => {
                    table.0 = Some(text);
                    error
                }
                RaiseOption::Table => {
                    table.1 = Some(text);
                    error
                }
            };
        }
        error = error.of_table(table.0, table.1);
        match raise.level {
            None => Err(error),
            Some(level) => {
                self.report(Report { level, error });
                Ok(())
            }
        }
    }

    async fn option(&mut self, frame: &Frame, value: &Expression, run: &Run<'_>) -> Result<String> {
        let text = self.text(frame, value, run).await?;
        text.ok_or_else(|| {
            Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "RAISE statement option cannot be null",
            )
        })
    }

    /// ASSERT
    pub(super) async fn assert(
        &mut self,
        frame: &Frame,
        (condition, message): (&Expression, Option<&Expression>),
        run: &Run<'_>,
    ) -> Result<()> {
        if self.truth(frame, condition, run).await? {
            return Ok(());
        }
        let message = match message {
            Some(message) => self.text(frame, message, run).await?,
            None => None,
        };
        let message = message.unwrap_or_else(|| "assertion failed".to_owned());
        Err(Error::new(SqlState::ASSERT_FAILURE, message).without_position())
    }
}

/// A format with a value in the place of each `%`.
fn filled(format: &str, values: &[String]) -> String {
    let mut filled = String::with_capacity(format.len());
    let mut values = values.iter();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            filled.push(character);
        } else if characters.next_if_eq(&'%').is_some() {
            filled.push('%');
        } else if let Some(value) = values.next() {
            filled.push_str(value);
        }
    }
    filled
}

fn word(option: RaiseOption) -> &'static str {
    match option {
        RaiseOption::State => "ERRCODE",
        RaiseOption::Message => "MESSAGE",
        RaiseOption::Detail => "DETAIL",
        RaiseOption::Hint => "HINT",
        RaiseOption::Column => "COLUMN",
        RaiseOption::Constraint => "CONSTRAINT",
        RaiseOption::Table => "TABLE",
        RaiseOption::Schema => "SCHEMA",
        RaiseOption::DataType => "DATATYPE",
    }
}
