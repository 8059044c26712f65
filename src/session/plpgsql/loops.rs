//! LOOP, WHILE, FOR, FOREACH.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};

use super::frame::{Frame, Value, Variable};
use super::function::column;
use super::values::{Row, in_expression, settable};
use super::{Flow, Looped, located};
use crate::base::{Error, Result, SqlState};
use crate::engine::Rows;
use crate::engine::plpgsql::{Expression, Loop, Repeat, Source, Step, Target};
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::types::PgType;
use crate::types::shaped::{self, Arrays, Extent};
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
            Repeat::Elements {
                targets,
                slice,
                array,
            } => {
                let of = (targets.as_slice(), *slice, array);
                self.each_part(frame, of, turns, run).await
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
                self.put_into(frame, targets, row, run).await.map_err(at)?;
                let flow = self.steps(frame, turns.body, run).await?;
                if let Some(flow) = turns.after(flow) {
                    self.set_found(frame, true)?;
                    return Ok(flow);
                }
            }
        }
        if !found {
            let row = Row {
                columns,
                values: None,
            };
            self.put_into(frame, targets, row, run).await.map_err(at)?;
        }
        self.set_found(frame, found)?;
        Ok(Flow::Next)
    }

    /// A turn for each element of an array, whatever its dimensions, or for each part of it that
    /// has so many dimensions.
    async fn each_part(
        &mut self,
        frame: &mut Frame,
        (targets, slice, array): (&[Target], usize, &Expression),
        turns: Turns<'_>,
        run: &Run<'_>,
    ) -> Result<Flow> {
        let name = frame.name.clone();
        let at = |error: Error| located(error, &name, turns.line, "FOREACH over array");
        let parts = self.parts(frame, (targets, slice, array), run).await;
        let (ty, parts) = parts.map_err(at)?;
        for part in 0..parts.len() {
            let value = (ty, parts.slice(part, 1));
            let put = self.put_part(frame, targets, value, run);
            put.await.map_err(at)?;
            let flow = self.steps(frame, turns.body, run).await?;
            if let Some(flow) = turns.after(flow) {
                self.set_found(frame, true)?;
                return Ok(flow);
            }
        }
        self.set_found(frame, !parts.is_empty())?;
        Ok(Flow::Next)
    }

    /// Gives the targets of FOREACH a value: its fields, if there are several.
    async fn put_part(
        &mut self,
        frame: &mut Frame,
        targets: &[Target],
        (ty, value): (PgType, ArrayRef),
        run: &Run<'_>,
    ) -> Result<()> {
        let [target] = targets else {
            let row = match ty.is_composite() && value.is_valid(0) {
                true => self.fields(ty, value, run).await?,
                false => Row {
                    columns: Arc::new([column("v", ty)]),
                    values: Some(vec![value]),
                },
            };
            return self.put_into(frame, targets, row, run).await;
        };
        let place = frame.place(&target.names)?;
        settable(frame, place)?;
        let row = frame.variable(place).value.row_word();
        let row = row.filter(|_| place.field.is_none());
        let computed = self.shaped(row, (ty, value), run).await?;
        self.put_computed(frame, place, computed, run).await
    }

    /// The parts of an array, and their type.
    async fn parts(
        &mut self,
        frame: &Frame,
        (targets, slice, array): (&[Target], usize, &Expression),
        run: &Run<'_>,
    ) -> Result<(PgType, ArrayRef)> {
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
        let mismatch = |message: String| Error::new(SqlState::DATATYPE_MISMATCH, message);
        let Some(element) = ty.element() else {
            let message = format!("FOREACH expression must yield an array, not type {ty}");
            return Err(mismatch(message));
        };
        let pairs = shaped::widened(&value).map_err(|(_, error)| error)?;
        let (Some(arrays), Some(item)) = (
            Arrays::of(pairs.as_ref()),
            shaped::innermost(pairs.data_type()),
        ) else {
            return Err(Error::internal("parts of an array", ty));
        };
        let (extent, elements) = (arrays.extent(0), arrays.elements(0));
        let dimensions = extent.sizes.len();
        if slice > dimensions {
            return Err(Error::new(
                SqlState::ARRAY_SUBSCRIPT_ERROR,
                format!("slice dimension ({slice}) is out of the valid range 0..{dimensions}"),
            ));
        }
        let target = match targets {
            [target] => frame.ty(frame.place(&target.names)?),
            _ => None,
        };
        let takes_arrays = target.is_some_and(|ty| ty.element().is_some());
        match (slice, takes_arrays) {
            (0, false) => return Ok((element, elements)),
            (0, true) => {
                let message = "FOREACH loop variable must not be of an array type";
                return Err(mismatch(message.to_owned()));
            }
            (_, false) => {
                let message = "FOREACH ... SLICE loop variable must be of an array type";
                return Err(mismatch(message.to_owned()));
            }
            (_, true) => {}
        }
        let inner = Extent {
            lower: extent.lower[dimensions - slice..].to_vec(),
            sizes: extent.sizes[dimensions - slice..].to_vec(),
        };
        let ty = ty.with_any_dimensions();
        let size = inner.elements()?;
        let starts = (0..elements.len()).step_by(size.max(1));
        let parts: Vec<Option<(ArrayRef, Extent)>> = starts
            .map(|start| Some((elements.slice(start, size), inner.clone())))
            .collect();
        Ok((ty, shaped::collected(item, &parts)?))
    }
}
