//! Functions and procedures in PL/pgSQL, and what they give back.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, new_null_array};
use arrow::compute::concat_batches;

use super::frame::{Field, Frame, Value, Variable};
use super::values::in_expression;
use super::{Flow, SUBJECT};
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{RoutineBody, Volatility};
use crate::engine::plpgsql::{Expression, Returns, Source};
use crate::engine::{Callee, OutputColumn, assigned, parse_query};
use crate::session::Session;
use crate::session::commands::{batch_of, nulls};
use crate::session::dispatch::Run;
use crate::types::PgType;

/// What a function gives back.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// What its caller wants.
    columns: Arc<[OutputColumn]>,
    /// The variables that are the row, if they are.
    outputs: Vec<String>,
    /// Whether the one variable is a row whose fields are that row.
    spread: bool,
    /// Whether rows of a type are wanted, of however many fields.
    of_rows: bool,
    rows: Vec<RecordBatch>,
    /// Whether RETURN gave no row.
    null: bool,
    /// Whether it is the row of a trigger.
    pub(super) of_trigger: bool,
}

impl Session {
    /// Carries out a function; what it answers, in the columns of the call.
    pub(in crate::session) async fn run_procedural(
        &mut self,
        call: &Callee,
        values: &[ArrayRef],
        columns: &Arc<[OutputColumn]>,
        run: &Run<'_>,
    ) -> Result<(RecordBatch, bool)> {
        let routine = &call.routine;
        let RoutineBody::Procedural(text) = &routine.body else {
            return Err(Error::internal(
                "running a function",
                "it is not procedural",
            ));
        };
        let returns = Returns::of(routine);
        let engine = &self.shared.engine;
        let block = engine.parsed_block(&routine.name, text, returns)?;
        let context = self.context()?;
        let mut frame = Frame::named(&context.snapshot.signature(routine, None));
        frame.reads_only = routine.volatility != Volatility::Volatile;
        frame.answer = Answer {
            columns: Arc::clone(columns),
            outputs: routine_outputs(call),
            spread: routine.outputs().count() == 1
                && routine.returns != PgType::RECORD.oid
                && !call.is_value(),
            of_rows: !call.is_value(),
            rows: Vec::new(),
            null: false,
            of_trigger: false,
        };
        frame.enter(None);
        self.add_variable(&mut frame, "found", PgType::BOOL, "f")?;
        frame.enter(Some(routine.name.clone()));
        let mut given = values.iter().zip(&call.types);
        for (index, parameter) in routine.parameters.iter().enumerate() {
            let value = match parameter.mode.is_input() {
                true => given.next(),
                false => None,
            };
            let (ty, value) = match value {
                Some((value, ty)) => (*ty, Arc::clone(value)),
                None => {
                    let own = || context.snapshot.value_type(parameter.ty);
                    let ty = match frame.answer.spread {
                        true => own(),
                        false => {
                            output_type(columns, call, &parameter.name, index).unwrap_or_else(own)
                        }
                    };
                    (ty, new_null_array(&ty.data_type(), 1))
                }
            };
            let number = format!("${}", index + 1);
            let name = match parameter.name.is_empty() {
                true => number.clone(),
                false => parameter.name.clone(),
            };
            let is_null = value.is_null(0);
            let value = self.held(&context, ty, value, run).await?;
            frame.declare(Variable::new(name.clone(), value).with_null(is_null));
            if name != number {
                frame.alias(&number, &[name])?;
            }
        }
        let around = self.blocks;
        self.blocks += 1;
        let done = self.block(&mut frame, &block, run).await;
        self.blocks = around;
        let flow = done?;
        if !returns.set && returns.outputs {
            self.give_outputs(&mut frame, run).await?;
        } else if !returns.set && returns.value && flow != Flow::Return {
            return Err(Error::new(
                SqlState::NO_RETURN_STATEMENT,
                "control reached end of function without RETURN",
            )
            .within(format!("PL/pgSQL function {}", frame.name)));
        }
        let null = frame.answer.null;
        let batch = match frame.answer.rows.first() {
            Some(batch) => concat_batches(&batch.schema(), &frame.answer.rows)
                .map_err(|error| Error::internal("running a function", error)),
            None if returns.set => nulls(columns, 0),
            None => nulls(columns, usize::from(!columns.is_empty())),
        };
        batch.map(|batch| (batch, null))
    }

    /// A value as a variable holds it: a row by its fields.
    async fn held(
        &mut self,
        context: &crate::statement::StatementContext,
        ty: PgType,
        value: ArrayRef,
        run: &Run<'_>,
    ) -> Result<Value> {
        let mut unset = unset(context, ty);
        if let Value::Row(_, fields) = &mut unset {
            if !value.is_null(0) {
                let row = self.fields(ty, value, run).await?;
                let values = row.values.unwrap_or_default();
                for (field, value) in fields.iter_mut().zip(values) {
                    field.value = value;
                }
            }
            return Ok(unset);
        }
        Ok(Value::Single(ty, value))
    }

    /// What RETURN gives: columns, and a value of each; without any, NULL.
    pub(super) async fn given(
        &mut self,
        frame: &Frame,
        value: &Expression,
        run: &Run<'_>,
    ) -> Result<(Vec<OutputColumn>, Vec<ArrayRef>)> {
        // The fields of a row variable are at hand.
        let name = value.text.trim().to_lowercase();
        if frame.answer.is_row()
            && let Ok(place) = frame.place(&[name])
            && let variable = frame.variable(place)
            && let Value::Row(_, fields) | Value::Record(Some(fields)) = &variable.value
        {
            return Ok(match variable.null {
                true => Default::default(),
                false => outputs(fields.iter()),
            });
        }
        if frame.answer.is_row()
            && let Ok(place) = frame.place(&[value.text.trim().to_lowercase()])
            && matches!(frame.variable(place).value, Value::Record(None))
        {
            return Ok(Default::default());
        }
        let work = self.value(frame, &value.query, run);
        let (ty, array) = work
            .await
            .map_err(|error| in_expression(error, &value.text))?;
        if !frame.answer.is_row() {
            return Ok((vec![column(SUBJECT, ty)], vec![array]));
        }
        if array.is_null(0) {
            return Ok(Default::default());
        }
        if !ty.is_composite() {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                "cannot return non-composite value from function returning composite type",
            ));
        }
        let row = self.fields(ty, array, run).await?;
        Ok((row.columns.to_vec(), row.values.unwrap_or_default()))
    }

    /// Adds what RETURN gives to the answer.
    pub(super) async fn add_given(
        &mut self,
        frame: &mut Frame,
        (columns, values): (Vec<OutputColumn>, Vec<ArrayRef>),
        run: &Run<'_>,
    ) -> Result<()> {
        if columns.is_empty() {
            let batch = nulls(&frame.answer.columns, 1)?;
            frame.answer.rows.push(batch);
            frame.answer.null = true;
            return Ok(());
        }
        self.add_rows(frame, (&columns, &values), 1, run).await
    }

    /// RETURN NEXT in a function whose rows are in variables, and the end of one with such a row.
    pub(super) async fn give_outputs(&mut self, frame: &mut Frame, run: &Run<'_>) -> Result<()> {
        let names = frame.answer.outputs.clone();
        let (mut columns, mut values) = (Vec::new(), Vec::new());
        for name in &names {
            let place = frame.place(std::slice::from_ref(name))?;
            match &frame.variable(place).value {
                Value::Single(ty, value) => {
                    columns.push(column(name, *ty));
                    values.push(Arc::clone(value));
                }
                Value::Row(..) if frame.answer.spread && frame.variable(place).null => {
                    return self.add_given(frame, (Vec::new(), Vec::new()), run).await;
                }
                Value::Row(_, fields) if frame.answer.spread => {
                    (columns, values) = outputs(fields.iter());
                }
                Value::Row(..) => {
                    let query = parse_query(&format!("SELECT {}", quote(name)))?;
                    let (ty, value) = self.value(frame, &query, run).await?;
                    columns.push(column(name, ty));
                    values.push(value);
                }
                Value::Record(_) => {
                    return Err(Error::unsupported(
                        "a record as one of the outputs of a function",
                    ));
                }
            }
        }
        self.add_rows(frame, (&columns, &values), 1, run).await
    }

    /// RETURN QUERY
    pub(super) async fn give_query(
        &mut self,
        frame: &mut Frame,
        source: &Source,
        run: &Run<'_>,
    ) -> Result<()> {
        let mut rows = match source {
            Source::Static(statement) => self.source(frame, statement, run).await?.0,
            Source::Dynamic(dynamic) => self.dynamic_source(frame, dynamic, run).await?.0,
        };
        let columns = rows.columns().clone();
        same_structure(&columns, &frame.answer.columns).map_err(|error| match source {
            Source::Static(statement) => {
                error.within(format!("SQL statement \"{}\"", statement.text))
            }
            Source::Dynamic(_) => error,
        })?;
        let mut count = 0;
        while let Some(batch) = rows.next().await? {
            count += batch.num_rows();
            let given = (&*columns, batch.columns());
            self.add_rows(frame, given, batch.num_rows(), run).await?;
        }
        self.carry_out_effects()?;
        frame.row_count = i64::try_from(count).unwrap_or(i64::MAX);
        self.set_found(frame, count > 0)
    }

    async fn add_rows(
        &mut self,
        frame: &mut Frame,
        (columns, values): (&[OutputColumn], &[ArrayRef]),
        rows: usize,
        run: &Run<'_>,
    ) -> Result<()> {
        let context = self.context()?;
        let wanted = Arc::clone(&frame.answer.columns);
        if wanted.len() != columns.len() {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                match frame.answer.of_trigger {
                    true => {
                        "returned row structure does not match the structure of the triggering \
                         table"
                    }
                    false => "returned record type does not match expected record type",
                },
            )
            .detail(format!(
                "Number of returned columns ({}) does not match expected column count ({}).",
                columns.len(),
                wanted.len()
            )));
        }
        let mut arrays = Vec::with_capacity(wanted.len());
        for (to, (from, array)) in wanted.iter().zip(columns.iter().zip(values)) {
            arrays.push(match frame.answer.of_trigger {
                // It is asked when it is stored.
                true => assigned(&context, array, from.ty, to.ty)?,
                false => self.as_of((from.ty, array), to.ty, run).await?,
            });
        }
        frame.answer.rows.push(batch_of(&wanted, arrays, rows)?);
        Ok(())
    }
}

/// That the columns of a query are of the very types wanted.
///
/// # Errors
/// `42804`
fn same_structure(given: &[OutputColumn], wanted: &[OutputColumn]) -> Result<()> {
    let detail = if given.len() != wanted.len() {
        Some(format!(
            "Number of returned columns ({}) does not match expected column count ({}).",
            given.len(),
            wanted.len()
        ))
    } else {
        let mut pairs = given.iter().zip(wanted).enumerate();
        let other = pairs.find(|(_, (given, wanted))| given.ty.oid != wanted.ty.oid);
        other.map(|(index, (given, wanted))| {
            format!(
                "Returned type {} does not match expected type {} in column {}.",
                given.ty,
                wanted.ty,
                index + 1
            )
        })
    };
    match detail {
        None => Ok(()),
        Some(detail) => Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            "structure of query does not match function result type",
        )
        .detail(detail)),
    }
}

impl Answer {
    /// The row that a trigger's function returns.
    pub(super) fn of_trigger(columns: Arc<[OutputColumn]>) -> Self {
        Self {
            columns,
            of_trigger: true,
            ..Self::default()
        }
    }

    /// The row returned; `None` if that is NULL.
    pub(super) fn row(&self) -> Option<Vec<ArrayRef>> {
        let row = self.rows.first().filter(|_| !self.null)?;
        Some(row.columns().to_vec())
    }

    /// Whether rows are wanted, not single values.
    fn is_row(&self) -> bool {
        let row = self.of_rows || self.of_trigger || !self.outputs.is_empty();
        row || self.columns.len() != 1
    }
}

/// What a variable of a type starts as.
pub(super) fn unset(context: &crate::statement::StatementContext, ty: PgType) -> Value {
    let names = context.snapshot.field_names(ty.oid);
    let (Some(names), Some(shape)) = (names.filter(|_| ty.is_composite()), ty.shape()) else {
        return Value::null(ty.with_any_dimensions());
    };
    let types = shape.types();
    let fields = names.iter().zip(types.iter()).map(|(name, ty)| Field {
        name: (*name).to_owned(),
        ty: *ty,
        value: new_null_array(&ty.data_type(), 1),
    });
    Value::Row(ty, fields.collect())
}

/// A column of an answer that is of no table.
pub(super) fn column(name: &str, ty: PgType) -> OutputColumn {
    OutputColumn {
        name: name.to_owned(),
        ty,
        table: crate::base::Oid::INVALID,
        attnum: 0,
    }
}

fn outputs<'f>(fields: impl Iterator<Item = &'f Field>) -> (Vec<OutputColumn>, Vec<ArrayRef>) {
    fields
        .map(|field| (column(&field.name, field.ty), Arc::clone(&field.value)))
        .unzip()
}

/// The names of the parameters that are part of the result.
fn routine_outputs(call: &Callee) -> Vec<String> {
    let parameters = call.routine.parameters.iter().enumerate();
    parameters
        .filter(|(_, parameter)| parameter.mode.is_output())
        .map(|(index, parameter)| match parameter.name.is_empty() {
            true => format!("${}", index + 1),
            false => parameter.name.clone(),
        })
        .collect()
}

/// The type of a parameter that is only part of the result, as this call has it.
fn output_type(
    columns: &[OutputColumn],
    call: &Callee,
    name: &str,
    index: usize,
) -> Option<PgType> {
    let names = routine_outputs(call);
    let shown = match name.is_empty() {
        true => format!("${}", index + 1),
        false => name.to_owned(),
    };
    let place = names.iter().position(|known| *known == shown)?;
    columns.get(place).map(|column| column.ty)
}
