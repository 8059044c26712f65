//! CALL in a block: what the procedure gives back goes to the variables it is called with.

use std::sync::Arc;

use sqlparser::ast;

use super::frame::{Frame, Place};
use super::statements::{Done, in_statement};
use super::values::{Row, first, settable};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Parameter, ParameterMode, Routine};
use crate::engine::Statement;
use crate::engine::parse::fold;
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
        let in_this = |error: Error| in_statement(error, &statement.text);
        let work = self.called_procedure(frame, function, run);
        let routine = work.await.map_err(in_this)?;
        let places = written_places(frame, &routine, function)?;
        for place in &places {
            settable(frame, *place)?;
        }
        let done = self.with_variables(frame, statement, run).await;
        if let Done::Rows(rows, _) = done.map_err(in_this)? {
            let (row, _) = first(rows).await.map_err(in_this)?;
            self.carry_out_effects()?;
            self.put_outputs(frame, &places, &row, run).await?;
        } else {
            self.carry_out_effects()?;
        }
        frame.row_count = 0;
        Ok(())
    }

    /// The procedure that a CALL means.
    async fn called_procedure(
        &mut self,
        frame: &Frame,
        function: &ast::Function,
        run: &Run<'_>,
    ) -> Result<Arc<Routine>> {
        self.variables = Some(frame.arguments().0);
        let context = self.context();
        self.variables = None;
        let engine = self.shared.engine.clone();
        let context = context?;
        let work = engine.bind_procedure(&context, function, &[]);
        let call = interruptible(run.interrupt, work).await?;
        Ok(call.callee.routine)
    }

    async fn put_outputs(
        &mut self,
        frame: &mut Frame,
        places: &[Place],
        row: &Row,
        run: &Run<'_>,
    ) -> Result<()> {
        let values = row.values.iter().flatten();
        for ((place, column), value) in places.iter().zip(row.columns.iter()).zip(values) {
            let whole = place.field.is_none();
            let shape = frame.variable(*place).value.row_word();
            let value = (column.ty, Arc::clone(value));
            let work = self.shaped(shape.filter(|_| whole), value, run);
            let computed = work.await?;
            self.put_computed(frame, *place, computed)?;
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
