//! Statements of SQL in a block: written there, or made by it.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::deep::Deep;
use super::frame::Frame;
use super::values::{Row, first, in_expression};
use crate::base::{Error, Result, SqlState};
use crate::engine::plpgsql::{Diagnostic, Dynamic, Expression, Into, Target};
use crate::engine::{Command, Rows, Statement, check_plpgsql, command_words, parse};
use crate::session::dispatch::Run;
use crate::session::{Response, RowsTag, Session};
use crate::statement::{ArgumentNames, Arguments};

/// What a statement did.
enum Done {
    /// Answered rows.
    Rows(Rows, Option<i64>),
    /// Went over so many rows, if it did.
    Counted(Option<i64>),
}

impl Session {
    /// PERFORM
    pub(super) async fn perform(
        &mut self,
        frame: &mut Frame,
        query: &Expression,
        run: &Run<'_>,
    ) -> Result<()> {
        let text = format!("SELECT {}", query.text);
        let rows = self.rows_of(frame, &query.query, run).await;
        let counted = match rows {
            Ok(rows) => count(rows).await,
            Err(error) => Err(error),
        };
        let rows = counted.map_err(|error| in_statement(error, &text))?;
        self.carry_out_effects()?;
        frame.row_count = rows;
        self.set_found(frame, rows > 0)
    }

    /// A statement of SQL.
    pub(super) async fn sql(
        &mut self,
        frame: &mut Frame,
        statement: &Statement,
        into: Option<&Into>,
        run: &Run<'_>,
    ) -> Result<()> {
        if into.is_none() && matches!(statement.command, Command::Query(_)) {
            return Err(no_destination()
                .hint("If you want to discard the results of a SELECT, use PERFORM instead."));
        }
        let in_this = |error: Error| in_statement(error, &statement.text);
        refuse_changes(frame, statement).map_err(in_this)?;
        if let (Command::Call(function), None) = (&statement.command, into) {
            return self.call_statement(frame, statement, function, run).await;
        }
        let changes = changes(statement);
        let work = self.with_variables(frame, statement, run);
        let done = work.await.map_err(in_this)?;
        let (rows, counted) = match done {
            Done::Rows(rows, counted) => (Some(rows), counted),
            Done::Counted(counted) => (None, counted),
        };
        match (rows, into) {
            (Some(rows), Some(into)) => {
                let (row, more) = first(rows).await.map_err(in_this)?;
                self.carry_out_effects()?;
                let found = self
                    .take_into(frame, (row, more), into, changes, run)
                    .await?;
                self.set_found(frame, found)?;
            }
            (Some(_), None) => return Err(no_destination()),
            (None, Some(_)) => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "INTO used with a command that cannot return data",
                ));
            }
            (None, None) => {
                self.carry_out_effects()?;
                if changes {
                    self.set_found(frame, counted.unwrap_or(0) > 0)?;
                }
                frame.row_count = counted.unwrap_or(0);
            }
        }
        Ok(())
    }

    /// Gives the targets of INTO the first row; says whether there is one.
    async fn take_into(
        &mut self,
        frame: &mut Frame,
        (row, more): (Row, bool),
        into: &Into,
        changes: bool,
        run: &Run<'_>,
    ) -> Result<bool> {
        let found = row.values.is_some();
        if !found && into.strict {
            return Err(Error::new(
                SqlState::NO_DATA_FOUND,
                "query returned no rows",
            ));
        }
        if more && (into.strict || changes) {
            return Err(
                Error::new(SqlState::TOO_MANY_ROWS, "query returned more than one row")
                    .hint("Make sure the query returns a single row, or use LIMIT 1."),
            );
        }
        self.put_into(frame, &into.targets, row, run).await?;
        frame.row_count = i64::from(found);
        Ok(found)
    }

    /// EXECUTE
    pub(super) async fn execute_dynamic(
        &mut self,
        frame: &mut Frame,
        what: &Dynamic,
        into: Option<&Into>,
        run: &Run<'_>,
    ) -> Result<()> {
        let (text, arguments, values) = self.made(frame, what, run).await?;
        let in_this = |error: Error| in_statement(error, &text);
        let mut last = None;
        for statement in parse(&text).map_err(in_this)? {
            check_plpgsql(&statement)?;
            if matches!(&statement.command, Command::CreateTableAs(table) if table.selected) {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "EXECUTE of SELECT ... INTO is not implemented",
                )
                .hint(
                    "You might want to use EXECUTE ... INTO or EXECUTE CREATE TABLE ... AS \
                     instead.",
                ));
            }
            refuse_changes(frame, &statement).map_err(in_this)?;
            let changes = changes(&statement);
            let atomic = std::mem::replace(&mut self.atomic, true);
            let work = self.with_arguments(&statement, arguments.clone(), &values, run);
            let done = work.await;
            self.atomic = atomic;
            let done = done.map_err(in_this)?;
            last = Some(match done {
                Done::Rows(rows, _) if into.is_some() => {
                    (Some(first(rows).await.map_err(in_this)?), changes, None)
                }
                Done::Rows(rows, counted) => {
                    let rows = count(rows).await.map_err(in_this)?;
                    (None, changes, counted.or(Some(rows)))
                }
                Done::Counted(counted) => (None, changes, counted),
            });
            self.carry_out_effects()?;
        }
        match (last, into) {
            (Some((Some(row), changes, _)), Some(into)) => {
                // FOUND is left as it is.
                self.take_into(frame, row, into, changes, run)
                    .await
                    .map(drop)
            }
            (Some((_, _, counted)), None) => {
                frame.row_count = counted.unwrap_or(0);
                Ok(())
            }
            (_, Some(_)) => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "INTO used with a command that cannot return data",
            )),
            (None, None) => Ok(()),
        }
    }

    /// The rows of a query FOR goes over, and whether it changes them.
    pub(super) async fn source(
        &mut self,
        frame: &Frame,
        statement: &Statement,
        run: &Run<'_>,
    ) -> Result<(Rows, bool)> {
        let work = self.with_variables(frame, statement, run);
        match work
            .await
            .map_err(|error| in_statement(error, &statement.text))?
        {
            Done::Rows(rows, _) => Ok((rows, changes(statement))),
            Done::Counted(_) => Err(cannot_open()),
        }
    }

    /// As [`Self::source`], of a query made here.
    pub(super) async fn dynamic_source(
        &mut self,
        frame: &Frame,
        what: &Dynamic,
        run: &Run<'_>,
    ) -> Result<(Rows, bool)> {
        let (text, arguments, values) = self.made(frame, what, run).await?;
        let in_this = |error: Error| in_statement(error, &text);
        let statements = parse(&text).map_err(in_this)?;
        let [statement] = statements.as_slice() else {
            return Err(cannot_open());
        };
        check_plpgsql(statement)?;
        let work = self.with_arguments(statement, arguments, &values, run);
        match work.await.map_err(in_this)? {
            Done::Rows(rows, _) => Ok((rows, changes(statement))),
            Done::Counted(_) => Err(cannot_open()),
        }
    }

    /// A statement's text, and what its `$1`, `$2`, … are.
    pub(super) async fn made(
        &mut self,
        frame: &Frame,
        what: &Dynamic,
        run: &Run<'_>,
    ) -> Result<(String, Arc<Arguments>, Vec<ArrayRef>)> {
        let text = self.text(frame, &what.text, run).await?;
        let text = text.ok_or_else(|| {
            Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "query string argument of EXECUTE is null",
            )
        })?;
        let (mut types, mut values) = (Vec::new(), Vec::new());
        for value in &what.using {
            let (ty, value) = self
                .value(frame, &value.query, run)
                .await
                .map_err(|error| in_expression(error, &value.text))?;
            types.push(ty);
            values.push(value);
        }
        let names = ArgumentNames::Numbers;
        Ok((text, Arc::new(Arguments { names, types }), values))
    }

    /// Runs a statement that may name the variables.
    async fn with_variables(
        &mut self,
        frame: &Frame,
        statement: &Statement,
        run: &Run<'_>,
    ) -> Result<Done> {
        let (arguments, values) = frame.arguments();
        let work = self.with_arguments(statement, arguments, &values, run);
        work.await.map_err(|error| frame.explained(error))
    }

    async fn with_arguments(
        &mut self,
        statement: &Statement,
        arguments: Arc<Arguments>,
        values: &[ArrayRef],
        run: &Run<'_>,
    ) -> Result<Done> {
        // Others would keep what names a variable longer than there is one.
        let may_name = matches!(
            statement.command,
            Command::Query(_)
                | Command::Dml(_)
                | Command::Call(_)
                | Command::CreateTableAs(_)
                | Command::Explain(_)
        );
        self.variables = may_name.then_some(arguments);
        let values = if may_name { values } else { &[] };
        let done = Deep::new(self.dispatch(statement, None, values, run.interrupt)).await;
        self.variables = None;
        Ok(match done? {
            Response::Rows(answer) => Done::Rows(answer.rows, counted_by(&answer.tag)),
            Response::Done(tag) => Done::Counted(number_of(&tag.0)),
            Response::Empty => Done::Counted(None),
            Response::CopyIn(_) | Response::CopyOut(_) => {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot COPY to/from client in PL/pgSQL",
                ));
            }
        })
    }

    /// GET DIAGNOSTICS
    pub(super) async fn diagnostics(
        &mut self,
        frame: &mut Frame,
        (stacked, items): (bool, &[(Target, Diagnostic)]),
        line: usize,
        run: &Run<'_>,
    ) -> Result<()> {
        let error = frame.handled.last().cloned();
        if stacked && error.is_none() {
            return Err(Error::new(
                SqlState::STACKED_DIAGNOSTICS_ACCESSED_WITHOUT_ACTIVE_HANDLER,
                "GET STACKED DIAGNOSTICS cannot be used outside an exception handler",
            ));
        }
        for (target, item) in items {
            let fields = error.as_ref().map(Error::fields);
            let of = |text: Option<&String>| Some(text.cloned().unwrap_or_default());
            let text = match item {
                Diagnostic::RowCount => Some(frame.row_count.to_string()),
                Diagnostic::Context => Some(format!(
                    "PL/pgSQL function {} line {line} at GET DIAGNOSTICS",
                    frame.name
                )),
                Diagnostic::State => fields.map(|of| of.state.code().to_owned()),
                Diagnostic::Message => fields.map(|of| of.message.clone()),
                Diagnostic::Detail => of(fields.and_then(|of| of.detail.as_ref())),
                Diagnostic::Hint => of(fields.and_then(|of| of.hint.as_ref())),
                Diagnostic::ErrorContext => of(fields.and_then(|of| of.context.as_ref())),
                Diagnostic::Column => of(fields.and_then(|of| of.column.as_ref())),
                Diagnostic::Constraint => of(fields.and_then(|of| of.constraint.as_ref())),
                Diagnostic::DataType => of(fields.and_then(|of| of.data_type.as_ref())),
                Diagnostic::Table => of(fields.and_then(|of| of.table.as_ref())),
                Diagnostic::Schema => of(fields.and_then(|of| of.schema.as_ref())),
            };
            self.put_text(frame, target, text.as_deref(), run).await?;
        }
        Ok(())
    }
}

/// Whether a statement changes rows.
fn changes(statement: &Statement) -> bool {
    matches!(statement.command, Command::Dml(_))
}

/// `0A000` for changes in a function that says that it makes none.
fn refuse_changes(frame: &Frame, statement: &Statement) -> Result<()> {
    if matches!(statement.command, Command::Query(_)) || !frame.reads_only {
        return Ok(());
    }
    Err(Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!(
            "{} is not allowed in a non-volatile function",
            command_words(statement)
        ),
    ))
}

/// How many rows there are.
async fn count(mut rows: Rows) -> Result<i64> {
    let mut count = 0;
    while let Some(batch) = rows.next().await? {
        count += i64::try_from(batch.num_rows()).unwrap_or(i64::MAX);
    }
    Ok(count)
}

fn counted_by(tag: &RowsTag) -> Option<i64> {
    match tag {
        RowsTag::Counted(_) => None,
        RowsTag::Fixed(tag) => number_of(&tag.0),
    }
}

/// The number at the end of a tag.
fn number_of(tag: &str) -> Option<i64> {
    tag.rsplit(' ').next()?.parse().ok()
}

/// Says of an error which statement it is of, unless it is of how that is written.
pub(super) fn in_statement(error: Error, text: &str) -> Error {
    match error.position() {
        Some(_) => error.without_position(),
        None => error.within(format!("SQL statement \"{text}\"")),
    }
}

fn no_destination() -> Error {
    Error::new(
        SqlState::SYNTAX_ERROR,
        "query has no destination for result data",
    )
}

fn cannot_open() -> Error {
    Error::new(
        SqlState::INVALID_CURSOR_DEFINITION,
        "cannot open multi-query plan as cursor",
    )
}
