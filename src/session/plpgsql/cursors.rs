//! Cursors: portals that variables name.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};

use super::frame::{BoundCursor, Frame, Value, Variable};
use super::loops::Turns;
use super::values::{Row, first, in_expression};
use super::{Flow, Looped};
use crate::base::{Error, Result, SqlState};
use crate::engine::plpgsql::{CursorSource, Expression, Target};
use crate::engine::{Command, Direction, Scroll, Statement, check_plpgsql, parse};
use crate::session::dispatch::Run;
use crate::session::portal::Progress;
use crate::session::prepared::Plan;
use crate::session::{Response, Session};
use crate::statement::Arguments;
use crate::types::PgType;
use crate::types::text::parse_value;

impl Session {
    /// OPEN
    pub(super) async fn open_cursor(
        &mut self,
        frame: &mut Frame,
        cursor: &str,
        source: &CursorSource,
        run: &Run<'_>,
    ) -> Result<()> {
        let place = frame.place(&[cursor.to_owned()])?;
        let bound = frame.variable(place).cursor.clone();
        let name = self.cursor_name(frame, cursor)?;
        if let Some(name) = &name
            && self.portals.contains(name)
        {
            return Err(Error::new(
                SqlState::DUPLICATE_CURSOR,
                format!("cursor \"{name}\" already in use"),
            ));
        }
        let name = match name {
            Some(name) => name,
            None => {
                let name = format!("<unnamed portal {}>", self.portals.serial() + 1);
                let context = self.context()?;
                let value = parse_value(&name, PgType::REFCURSOR, &context.style, 0)?;
                frame.set(place, value);
                name
            }
        };
        match (source, bound) {
            (CursorSource::Declared(given), Some(bound)) => {
                let depth = frame.depth();
                let done = self
                    .open_bound(frame, cursor, &name, &bound, given, run)
                    .await;
                frame.leave_to(depth);
                done
            }
            (CursorSource::Declared(_), None) => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "expected FOR to open a reference cursor",
            )),
            (_, Some(_)) => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "syntax error at or near \"FOR\"",
            )),
            (CursorSource::Static(scroll, statement), None) => {
                let (arguments, values) = frame.arguments();
                let opened = (name.as_str(), *scroll, statement.as_ref());
                self.open_portal(opened, arguments, &values, run)
                    .await
                    .map_err(|error| frame.explained(error))
            }
            (CursorSource::Dynamic(scroll, dynamic), None) => {
                let (text, arguments, values) = self.made(frame, dynamic, run).await?;
                let statements = parse(&text).map_err(Error::without_position)?;
                let [statement] = statements.as_slice() else {
                    return Err(Error::new(
                        SqlState::INVALID_CURSOR_DEFINITION,
                        "cannot open multi-query plan as cursor",
                    ));
                };
                check_plpgsql(statement)?;
                let opened = (name.as_str(), *scroll, statement);
                self.open_portal(opened, arguments, &values, run).await
            }
        }
    }

    /// A cursor with the query it was declared with.
    async fn open_bound(
        &mut self,
        frame: &mut Frame,
        cursor: &str,
        name: &str,
        bound: &BoundCursor,
        given: &[(Option<String>, Expression)],
        run: &Run<'_>,
    ) -> Result<()> {
        let wrong = |message: String| Error::new(SqlState::SYNTAX_ERROR, message);
        let mut values: Vec<Option<ArrayRef>> = vec![None; bound.arguments.len()];
        for (index, (named, value)) in given.iter().enumerate() {
            let place = match named {
                None => Some(index).filter(|index| *index < values.len()),
                Some(named) => bound.arguments.iter().position(|(known, _)| known == named),
            };
            let place = place.ok_or_else(|| match named {
                Some(named) => wrong(format!(
                    "cursor \"{cursor}\" has no argument named \"{named}\""
                )),
                None => wrong(format!("too many arguments for cursor \"{cursor}\"")),
            })?;
            if values[place].is_some() {
                return Err(wrong(format!(
                    "value for parameter \"{}\" of cursor \"{cursor}\" specified more than once",
                    bound.arguments[place].0
                )));
            }
            let ty = bound.arguments[place].1;
            values[place] = Some(self.value_as(frame, value, ty, run).await?);
        }
        frame.enter(None);
        for ((argument, ty), value) in bound.arguments.iter().zip(values) {
            let value = value
                .ok_or_else(|| wrong(format!("not enough arguments for cursor \"{cursor}\"")))?;
            frame.declare(Variable::new(argument.clone(), Value::Single(*ty, value)));
        }
        let (arguments, values) = frame.arguments();
        let opened = (name, bound.scroll, bound.query.as_ref());
        self.open_portal(opened, arguments, &values, run)
            .await
            .map_err(|error| frame.explained(error))
    }

    async fn open_portal(
        &mut self,
        (name, scroll, statement): (&str, Scroll, &Statement),
        arguments: Arc<Arguments>,
        values: &[ArrayRef],
        run: &Run<'_>,
    ) -> Result<()> {
        let Command::Query(query) = &statement.command else {
            return Err(Error::unsupported("a cursor over anything but a query"));
        };
        let run = Run {
            statement,
            plan: None,
            parameters: values,
            interrupt: run.interrupt,
        };
        self.variables = Some(arguments);
        let started = Box::pin(self.start_query(query, &run, "FETCH", scroll)).await;
        self.variables = None;
        let state = started.map_err(|error| in_expression(error, &statement.text))?;
        let columns = state.rows.columns().clone();
        let plan = Plan {
            columns: Some(columns.clone()),
            ..Plan::default()
        };
        self.portals.open(
            name,
            Some(Arc::new(statement.clone())),
            plan,
            Vec::new(),
            vec![false; columns.len()],
            Progress::Suspended(Box::new(state)),
        );
        Ok(())
    }

    /// The portal that a variable names; `None` if it is NULL.
    fn cursor_name(&self, frame: &Frame, cursor: &str) -> Result<Option<String>> {
        let place = frame.place(&[cursor.to_owned()])?;
        let not_cursor = || {
            Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("variable \"{cursor}\" must be of type cursor or refcursor"),
            )
        };
        let Value::Single(ty, value) = &frame.variable(place).value else {
            return Err(not_cursor());
        };
        if !ty.is(PgType::REFCURSOR) {
            return Err(not_cursor());
        }
        let text = arrow::compute::cast(value, &arrow::datatypes::DataType::Utf8)
            .map_err(|error| Error::internal("naming a cursor", error))?;
        Ok(text
            .is_valid(0)
            .then(|| text.as_string::<i32>().value(0).to_owned()))
    }

    /// The portal that a variable names, which is not NULL.
    fn cursor_named(&self, frame: &Frame, cursor: &str) -> Result<String> {
        self.cursor_name(frame, cursor)?.ok_or_else(|| {
            Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                format!("cursor variable \"{cursor}\" is null"),
            )
        })
    }

    /// FETCH and MOVE
    pub(super) async fn fetch_cursor(
        &mut self,
        frame: &mut Frame,
        cursor: &str,
        direction: Direction,
        into: Option<&[Target]>,
        run: &Run<'_>,
    ) -> Result<()> {
        let name = self.cursor_named(frame, cursor)?;
        let found = match into {
            None => {
                let moved = self.fetch(&name, direction, true, again(run)).await?;
                let Response::Done(tag) = moved else {
                    return Err(Error::internal("moving a cursor", "rows"));
                };
                let moved = tag.0.rsplit(' ').next().and_then(|n| n.parse().ok());
                frame.row_count = moved.unwrap_or(0);
                frame.row_count > 0
            }
            Some(targets) => {
                let row = self.fetched_row(&name, direction, run).await?;
                let found = row.values.is_some();
                frame.row_count = i64::from(found);
                self.put_into(frame, targets, row, run).await?;
                found
            }
        };
        self.set_found(frame, found)
    }

    async fn fetched_row(
        &mut self,
        name: &str,
        direction: Direction,
        run: &Run<'_>,
    ) -> Result<Row> {
        let Response::Rows(answer) = self.fetch(name, direction, false, again(run)).await? else {
            return Err(Error::internal("fetching from a cursor", "no rows"));
        };
        first(answer.rows).await.map(|(row, _)| row)
    }

    /// CLOSE
    pub(super) fn close_named(&mut self, frame: &Frame, cursor: &str) -> Result<()> {
        let name = self.cursor_named(frame, cursor)?;
        self.close_cursor(Some(&name)).map(drop)
    }

    /// A turn for each row of a cursor that is opened for it.
    pub(super) async fn each_of_cursor(
        &mut self,
        frame: &mut Frame,
        (target, cursor): (&Target, &str),
        given: &[(Option<String>, Expression)],
        turns: Turns<'_>,
        run: &Run<'_>,
    ) -> Result<Flow> {
        let source = CursorSource::Declared(given.to_vec());
        let was = self.cursor_name(frame, cursor)?;
        let name = frame.name.clone();
        let at = |error: Error| super::located(error, &name, turns.line, "FOR over cursor");
        self.open_cursor(frame, cursor, &source, run)
            .await
            .map_err(at)?;
        let portal = self.cursor_named(frame, cursor)?;
        frame.enter(None);
        let record = target.names.last().cloned().unwrap_or_default();
        frame.declare(Variable::new(record.clone(), Value::Record(None)));
        let targets = [Target {
            names: vec![record],
            subscripts: Vec::new(),
        }];
        let mut found = false;
        let mut left = Flow::Next;
        let around = self.loops.len();
        loop {
            let work = self.fetched_row(&portal, Direction::Forward(Some(1)), run);
            let row = work.await.map_err(at)?;
            if row.values.is_none() {
                break;
            }
            found = true;
            self.put_into(frame, &targets, row, run).await.map_err(at)?;
            self.loops.push(Looped::Cursor(portal.clone()));
            let flow = self.steps(frame, turns.body, run).await;
            self.loops.truncate(around);
            if let Some(flow) = turns.after(flow?) {
                left = flow;
                break;
            }
        }
        self.close_cursor(Some(&portal)).map(drop).map_err(at)?;
        if was.is_none() {
            let place = frame.place(&[cursor.to_owned()])?;
            frame.set(
                place,
                arrow::array::new_null_array(&PgType::TEXT.data_type(), 1),
            );
        }
        self.set_found(frame, found)?;
        Ok(left)
    }
}

/// The same for another statement.
fn again<'a>(run: &Run<'a>) -> Run<'a> {
    Run {
        statement: run.statement,
        plan: None,
        parameters: &[],
        interrupt: run.interrupt,
    }
}
