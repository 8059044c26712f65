//! LOOP, WHILE, FOR, FOREACH.

use arrow::array::{Array, ArrayRef};

use super::frame::{Frame, Value, Variable};
use super::values::{Row, in_expression};
use super::{Flow, Looped, located};
use crate::base::{Error, Result, SqlState};
use crate::engine::plpgsql::{Expression, Loop, Repeat, Source, Step, Target};
use crate::engine::{Rows, parse_query};
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::types::PgType;
use crate::types::text::parse_value;

/// A loop: its label, what it does each time, and its line.
#[derive(Clone, Copy)]
pub(super) struct Turns<'a> {
    label: Option<&'a String>,
    pub(super) body: &'a [Step],
    pub(super) line: usize,
}

impl Turns<'_> {
    /// What the end of a turn means for the loop: `None` is one turn more.
    pub(super) fn after(&self, flow: Flow) -> Option<Flow> {
        match flow {
            Flow::Next | Flow::Continue(None) => None,
            Flow::Continue(Some(label)) if Some(&label) == self.label => None,
            Flow::Exit(None) => Some(Flow::Next),
            Flow::Exit(Some(label)) if Some(&label) == self.label => Some(Flow::Next),
            flow => Some(flow),
        }
    }
}

/// The bounds of `FOR variable IN …`.
#[derive(Clone, Copy)]
struct Bounds<'a> {
    variable: &'a str,
    reverse: bool,
    from: &'a Expression,
    to: &'a Expression,
    by: Option<&'a Expression>,
}

impl Session {
    pub(super) async fn repeated(
        &mut self,
        frame: &mut Frame,
        of: &Loop,
        line: usize,
        run: &Run<'_>,
    ) -> Result<Flow> {
        let Loop {
            label,
            repeat,
            body,
        } = of;
        let turns = Turns {
            label: label.as_ref(),
            body,
            line,
        };
        let name = frame.name.clone();
        match repeat {
            Repeat::Forever => loop {
                let flow = self.steps(frame, body, run).await?;
                if let Some(flow) = turns.after(flow) {
                    return Ok(flow);
                }
            },
            Repeat::While(condition) => {
                let at = |error: Error| located(error, &name, line, "WHILE");
                while self.truth(frame, condition, run).await.map_err(at)? {
                    let flow = self.steps(frame, body, run).await?;
                    if let Some(flow) = turns.after(flow) {
                        return Ok(flow);
                    }
                }
                Ok(Flow::Next)
            }
            Repeat::Count {
                variable,
                reverse,
                from,
                to,
                by,
            } => {
                let bounds = Bounds {
                    variable,
                    reverse: *reverse,
                    from,
                    to,
                    by: by.as_ref(),
                };
                let depth = frame.depth();
                let done = self.count(frame, bounds, turns, run).await;
                frame.leave_to(depth);
                done
            }
            Repeat::Rows { targets, of } => {
                let (rows, what) = match of {
                    Source::Static(statement) => (
                        self.source(frame, statement, run).await,
                        "FOR over SELECT rows",
                    ),
                    Source::Dynamic(dynamic) => (
                        self.dynamic_source(frame, dynamic, run).await,
                        "FOR over EXECUTE statement",
                    ),
                };
                let (rows, changes) = rows.map_err(|error| located(error, &name, line, what))?;
                let around = self.loops.len();
                self.loops.extend(changes.then_some(Looped::Changes));
                let done = self.each(frame, (targets, rows, what), turns, run).await;
                self.loops.truncate(around);
                done
            }
            Repeat::Cursor {
                target,
                cursor,
                arguments,
            } => {
                let depth = frame.depth();
                let of = (target, cursor.as_str());
                let done = self.each_of_cursor(frame, of, arguments, turns, run).await;
                frame.leave_to(depth);
                done
            }
            Repeat::Elements { targets, array } => {
                let what = "FOREACH over array";
                let rows = self.elements(frame, array, run).await;
                let rows = rows.map_err(|error| located(error, &name, line, what))?;
                self.each(frame, (targets, rows, what), turns, run).await
            }
        }
    }

    async fn count(
        &mut self,
        frame: &mut Frame,
        bounds: Bounds<'_>,
        turns: Turns<'_>,
        run: &Run<'_>,
    ) -> Result<Flow> {
        let name = frame.name.clone();
        let at = |error: Error| located(error, &name, turns.line, "FOR with integer loop variable");
        let null = |what: &str| {
            let message = format!("{what} of FOR loop cannot be null");
            at(Error::new(SqlState::NULL_VALUE_NOT_ALLOWED, message))
        };
        let from = self.number(frame, bounds.from, run).await.map_err(at)?;
        let from = from.ok_or_else(|| null("lower bound"))?;
        let to = self.number(frame, bounds.to, run).await.map_err(at)?;
        let to = to.ok_or_else(|| null("upper bound"))?;
        let by = match bounds.by {
            Some(by) => {
                let by = self.number(frame, by, run).await.map_err(at)?;
                by.ok_or_else(|| null("BY value"))?
            }
            None => 1,
        };
        if by <= 0 {
            return Err(at(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "BY value of FOR loop must be greater than zero",
            )));
        }
        frame.enter(turns.label.cloned());
        let variable = bounds.variable.to_owned();
        frame.declare(Variable::new(variable, Value::null(PgType::INT4)));
        let place = frame.place(&[bounds.variable.to_owned()])?;
        let (mut number, mut found) = (Some(from), false);
        let mut left = Flow::Next;
        while let Some(now) = number {
            if if bounds.reverse { now < to } else { now > to } {
                break;
            }
            found = true;
            let context = self.context()?;
            let value = parse_value(&now.to_string(), PgType::INT4, &context.style, 0)?;
            frame.set(place, value);
            let flow = self.steps(frame, turns.body, run).await?;
            if let Some(flow) = turns.after(flow) {
                left = flow;
                break;
            }
            number = match bounds.reverse {
                true => now.checked_sub(by),
                false => now.checked_add(by),
            };
        }
        self.set_found(frame, found)?;
        Ok(left)
    }

    /// A turn for each row.
    async fn each(
        &mut self,
        frame: &mut Frame,
        (targets, mut rows, what): (&[Target], Rows, &'static str),
        turns: Turns<'_>,
        run: &Run<'_>,
    ) -> Result<Flow> {
        let name = frame.name.clone();
        let at = |error: Error| located(error, &name, turns.line, what);
        let columns = rows.columns().clone();
        let mut found = false;
        while let Some(batch) = rows.next().await.map_err(at)? {
            for index in 0..batch.num_rows() {
                found = true;
                let values: Vec<ArrayRef> = batch
                    .columns()
                    .iter()
                    .map(|column| column.slice(index, 1))
                    .collect();
                let row = Row {
                    columns: columns.clone(),
                    values: Some(values),
                };
                self.put_into(frame, targets, row).map_err(at)?;
                let flow = self.steps(frame, turns.body, run).await?;
                if let Some(flow) = turns.after(flow) {
                    self.set_found(frame, true)?;
                    return Ok(flow);
                }
            }
        }
        if !found && what != "FOREACH over array" {
            let row = Row {
                columns,
                values: None,
            };
            self.put_into(frame, targets, row).map_err(at)?;
        }
        self.set_found(frame, found)?;
        Ok(Flow::Next)
    }

    /// The elements of an array, whatever its dimensions.
    async fn elements(&mut self, frame: &Frame, array: &Expression, run: &Run<'_>) -> Result<Rows> {
        let (ty, value) = self
            .value(frame, &array.query, run)
            .await
            .map_err(|error| in_expression(error, &array.text))?;
        if value.is_null(0) {
            return Err(Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "FOREACH expression must not be null",
            ));
        }
        if ty.element().is_none() {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("FOREACH expression must yield an array, not type {ty}"),
            ));
        }
        let inner = Frame::of("v", Value::Single(ty, value));
        let query = parse_query("SELECT unnest(v)")?;
        self.rows_of(&inner, &query, run).await
    }
}
