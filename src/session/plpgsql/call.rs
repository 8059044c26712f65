//! CALL in a block: what the procedure gives back goes to the variables it is called with.

use std::sync::Arc;

use arrow::array::RecordBatch;
use sqlparser::ast;

use super::Deep;
use super::frame::{Frame, Place};
use super::statements::in_statement;
use super::values::settable;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Parameter, ParameterMode, Routine};
use crate::engine::parse::fold;
use crate::engine::{OutputColumn, Statement};
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};

impl Session {
    /// CALL
    ///
    /// # Errors
    /// `42601` for an output whose argument is not a variable of just its type; `22005` for a
    /// constant.
    pub(super) async fn call_statement(
        &mut self,
        frame: &mut Frame,
        statement: &Statement,
        function: &ast::Function,
        run: &Run<'_>,
    ) -> Result<()> {
        let (arguments, values) = frame.arguments();
        let run = Run {
            statement,
            plan: None,
            parameters: &values,
            interrupt: run.interrupt,
        };
        self.variables = Some(arguments);
        let called = self.called(frame, function, &run).await;
        self.variables = None;
        let (places, columns, batch) = called?;
        self.carry_out_effects()?;
        self.put_outputs(frame, &places, (&columns, &batch), &run)
            .await?;
        frame.row_count = 0;
        Ok(())
    }

    /// Calls; gives the variables that the outputs are for, and the outputs.
    async fn called(
        &mut self,
        frame: &Frame,
        function: &ast::Function,
        run: &Run<'_>,
    ) -> Result<(Vec<Place>, Arc<[OutputColumn]>, RecordBatch)> {
        let in_this = |error: Error| in_statement(error, &run.statement.text);
        let context = self.context().map_err(in_this)?;
        let engine = self.shared.engine.clone();
        let work = engine.bind_procedure(&context, function, &[]);
        let call = interruptible(run.interrupt, work).await.map_err(in_this)?;
        let places = written_places(frame, &call.callee.routine, function)?;
        for place in &places {
            settable(frame, *place)?;
        }
        let columns: Arc<[OutputColumn]> = call.callee.columns().unwrap_or_default().into();
        self.admit(run.statement).map_err(in_this)?;
        let work = Deep::new(self.called_with(call, &columns, run));
        let done = work.await.map_err(|error| frame.explained(error));
        Ok((places, columns, done.map_err(in_this)?))
    }

    async fn put_outputs(
        &mut self,
        frame: &mut Frame,
        places: &[Place],
        (columns, batch): (&[OutputColumn], &RecordBatch),
        run: &Run<'_>,
    ) -> Result<()> {
        let outputs = columns.iter().zip(batch.columns());
        for (place, (column, value)) in places.iter().zip(outputs) {
            let whole = place.field.is_none();
            let shape = frame.variable(*place).value.row_word();
            let value = (column.ty, Arc::clone(value));
            let work = self.shaped(shape.filter(|_| whole), value, run);
            let computed = work.await?;
            self.put_computed(frame, *place, computed, run).await?;
        }
        Ok(())
    }
}

/// The variables that the arguments for a procedure's outputs are.
fn written_places(
    frame: &Frame,
    routine: &Routine,
    function: &ast::Function,
) -> Result<Vec<Place>> {
    let parameters = routine.parameters.iter();
    let parameters = parameters.filter(|parameter| parameter.mode != ParameterMode::Table);
    let arguments = match &function.args {
        ast::FunctionArguments::List(list) => list.args.as_slice(),
        ast::FunctionArguments::None | ast::FunctionArguments::Subquery(_) => &[],
    };
    parameters
        .enumerate()
        .filter(|(_, parameter)| parameter.mode.is_output())
        .map(|(index, parameter)| {
            let argument = argument_of(arguments, index, &parameter.name);
            let place = argument.and_then(|argument| written_place(frame, parameter, argument));
            place.ok_or_else(|| {
                Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!(
                        "procedure parameter \"{}\" is an output parameter but corresponding \
                         argument is not writable",
                        parameter.name
                    ),
                )
            })
        })
        .collect()
}

/// What is written for a parameter, in its place or by its name.
fn argument_of<'a>(
    arguments: &'a [ast::FunctionArg],
    index: usize,
    name: &str,
) -> Option<&'a ast::Expr> {
    let of = |value: &'a ast::FunctionArgExpr| match value {
        ast::FunctionArgExpr::Expr(value) => Some(value),
        _ => None,
    };
    let named = arguments.iter().find_map(|argument| match argument {
        ast::FunctionArg::Named { name: of, arg, .. } if fold(of) == name => Some(arg),
        _ => None,
    });
    match (named, arguments.get(index)) {
        (Some(value), _) | (None, Some(ast::FunctionArg::Unnamed(value))) => of(value),
        _ => None,
    }
}

/// The variable that an argument is, if it needs no cast.
fn written_place(frame: &Frame, parameter: &Parameter, argument: &ast::Expr) -> Option<Place> {
    let names = match argument {
        ast::Expr::Nested(inner) => return written_place(frame, parameter, inner),
        ast::Expr::Identifier(name) => vec![fold(name)],
        ast::Expr::CompoundIdentifier(names) => names.iter().map(fold).collect(),
        _ => return None,
    };
    let place = frame.place(&names).ok()?;
    let cast = frame
        .ty(place)
        .is_some_and(|ty| ty.declared() != parameter.ty);
    (!cast || Routine::is_polymorphic(parameter.ty)).then_some(place)
}
