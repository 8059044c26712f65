//! Functions and procedures that do more than to answer a query: their statements are carried out
//! one after the other, in the transaction of the call, each seeing what those before it did.
//!
//! In the midst of a query this cannot be: such a function is called alone.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, new_null_array};
use arrow::compute::concat_batches;
use arrow::datatypes::Schema;
use sqlparser::ast::{self, SelectItem, TableFactor};

use super::query::check_parameters;
use super::row_lock::{locks_rows, refuse_row_locks};
use super::tag;
use crate::base::limits::CALL_DEPTH_MAX;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{RoutineBody, SearchPath, Volatility};
use crate::engine::parse::{bare_select, fold};
use crate::engine::{
    BoundCall, Callee, Command, OutputColumn, Rows, assigned, check_runs, statements,
};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::portal::counted;
use crate::session::serve::Body;
use crate::session::{Response, RowsTag, Session, interruptible};

/// A query that is nothing but a call: `SELECT f(…)`, `SELECT * FROM f(…)`.
#[derive(Debug)]
pub(in crate::session) struct SoleCall {
    pub(in crate::session) function: ast::Function,
    /// Whether it stands in FROM.
    from: bool,
    /// What the column is called, if that is said.
    name: Option<String>,
    /// What the columns are called, if that is said.
    columns: Vec<String>,
}

impl SoleCall {
    /// Whether the answer is what the function gives back as it is: not the one value that a row
    /// is in a select list, nor a set there, nor rows of columns that the query defines.
    pub(in crate::session) fn is_for(&self, call: &Callee) -> bool {
        let Some(columns) = call.columns() else {
            return false;
        };
        // In FROM, a row of a domain is the columns it has.
        let spread = |column: &OutputColumn| column.ty.domain.is_some() && column.ty.is_composite();
        match self.from {
            true => !columns.iter().any(spread),
            false => call.is_value() && !call.routine.set,
        }
    }

    /// The columns of the answer under the names the query gives them.
    pub(in crate::session) fn columns(&self, call: &Callee) -> Vec<OutputColumn> {
        let routine = &call.routine;
        let mut columns = call.columns().unwrap_or_default();
        let named = routine.outputs().any(|output| !output.name.is_empty());
        if let ([column], Some(name)) = (columns.as_mut_slice(), &self.name)
            && !(self.from && named)
        {
            column.name.clone_from(name);
        } else if !self.from
            && let [column] = columns.as_mut_slice()
        {
            column.name.clone_from(&routine.name);
        }
        for (column, name) in columns.iter_mut().zip(&self.columns) {
            column.name.clone_from(name);
        }
        columns
    }
}

/// The call a query is nothing but.
pub(in crate::session) fn sole_call(query: &ast::Query) -> Option<SoleCall> {
    let select = bare_select(query)?;
    match (select.projection.as_slice(), select.from.as_slice()) {
        ([item], []) => {
            let (value, name) = match item {
                SelectItem::UnnamedExpr(value) => (value, None),
                SelectItem::ExprWithAlias { expr, alias } => (expr, Some(fold(alias))),
                _ => return None,
            };
            let ast::Expr::Function(function) = value else {
                return None;
            };
            let plain = function.over.is_none()
                && function.filter.is_none()
                && function.within_group.is_empty();
            plain.then(|| SoleCall {
                function: function.clone(),
                from: false,
                name,
                columns: Vec::new(),
            })
        }
        ([SelectItem::Wildcard(options)], [from])
            if from.joins.is_empty() && *options == ast::WildcardAdditionalOptions::default() =>
        {
            let (name, args, alias) = match &from.relation {
                TableFactor::Table {
                    name,
                    args: Some(args),
                    alias,
                    with_ordinality: false,
                    sample: None,
                    ..
                } if args.settings.is_none() => (name, &args.args, alias),
                TableFactor::Function {
                    name,
                    args,
                    alias,
                    with_ordinality: false,
                    ..
                } => (name, args, alias),
                _ => return None,
            };
            let list = ast::FunctionArgumentList {
                duplicate_treatment: None,
                args: args.clone(),
                clauses: Vec::new(),
            };
            let columns = alias.as_ref().map(|alias| alias.columns.as_slice());
            Some(SoleCall {
                function: ast::Function {
                    name: name.clone(),
                    uses_odbc_syntax: false,
                    parameters: ast::FunctionArguments::None,
                    args: ast::FunctionArguments::List(list),
                    filter: None,
                    null_treatment: None,
                    over: None,
                    within_group: Vec::new(),
                },
                from: true,
                name: alias.as_ref().map(|alias| fold(&alias.name)),
                columns: columns
                    .unwrap_or_default()
                    .iter()
                    .map(|column| fold(&column.name))
                    .collect(),
            })
        }
        _ => None,
    }
}

impl Session {
    /// A query that calls a function to be carried out; `None` if it does not.
    pub(in crate::session) async fn routine_query(
        &mut self,
        sole: SoleCall,
        run: &Run<'_>,
    ) -> Result<Option<Response>> {
        let context = self.context()?;
        if context.snapshot.routines().next().is_none() {
            return Ok(None);
        }
        let engine = self.shared.engine.clone();
        let declared = run.declared();
        let work = engine.bind_call(&context, &sole.function, &declared, false);
        let call = interruptible(run.interrupt, work).await?;
        let Some(call) = call.filter(|call| sole.is_for(&call.callee)) else {
            return Ok(None);
        };
        if locks_rows(&call.arguments.needs) {
            return Ok(None);
        }
        let columns: Arc<[OutputColumn]> = sole.columns(&call.callee).into();
        let batch = self.called_with(call, &columns, run).await?;
        let rows = Rows::ready(columns, batch);
        self.respond(rows, counted("SELECT"))
            .map(Response::Rows)
            .map(Some)
    }

    /// CALL
    pub(in crate::session) async fn call(
        &mut self,
        function: &ast::Function,
        run: Run<'_>,
    ) -> Result<Response> {
        let context = self.context()?;
        let engine = self.shared.engine.clone();
        let declared = run.declared();
        let work = engine.bind_procedure(&context, function, &declared);
        let call = interruptible(run.interrupt, work).await?;
        let columns: Arc<[OutputColumn]> = call.callee.columns().unwrap_or_default().into();
        let done = tag("CALL");
        let batch = self.called_with(call, &columns, &run).await?;
        if columns.is_empty() {
            return Ok(Response::Done(done));
        }
        let rows = Rows::ready(columns, batch);
        self.respond(rows, RowsTag::Fixed(done)).map(Response::Rows)
    }

    /// Computes the arguments and carries the function out.
    pub(in crate::session) async fn called_with(
        &mut self,
        call: BoundCall,
        columns: &Arc<[OutputColumn]>,
        run: &Run<'_>,
    ) -> Result<RecordBatch> {
        let values = self.argument_row(&call, run).await?;
        let callee = &call.callee;
        if callee.routine.strict && values.iter().any(|value| value.is_null(0)) {
            return nulls(columns, usize::from(!callee.routine.set));
        }
        self.carry_out(callee, &values, columns, None, run)
            .await
            .map(|(batch, _)| batch)
    }

    /// Carries a function's statements out; what the last one answers, in the columns of the call,
    /// and whether that is no row at all.
    pub(in crate::session) async fn carry_out(
        &mut self,
        call: &Callee,
        values: &[ArrayRef],
        columns: &Arc<[OutputColumn]>,
        caller: Option<(Oid, SearchPath)>,
        run: &Run<'_>,
    ) -> Result<(RecordBatch, bool)> {
        if self.bodies.len() >= CALL_DEPTH_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )
            .detail(format!(
                "Functions may call functions {CALL_DEPTH_MAX} deep."
            )));
        }
        let routine = Arc::clone(&call.routine);
        let around = self.variables.take();
        let pinned = match routine.volatility {
            Volatility::Volatile => None,
            _ => Some(self.context()?.snapshot.clone()),
        };
        let pinned = std::mem::replace(&mut self.pinned, pinned);
        self.bodies.push(Body {
            routine: Arc::clone(&routine),
            types: call.types.clone(),
            caller,
            tables: None,
        });
        let procedural = matches!(routine.body, RoutineBody::Procedural(_));
        let atomic = self.atomic;
        self.atomic |= self.handlers > 0
            || !(procedural && routine.procedure)
            || routine.security_definer
            || routine.search_path.is_some();
        let done = match procedural {
            true => {
                let done = Box::pin(self.run_procedural(call, values, columns, run)).await;
                done.map(|(batch, null)| Some((Arc::clone(columns), batch, null)))
            }
            false => {
                let done = self.run_body(call, values, run).await;
                done.map(|answer| answer.map(|(columns, batch)| (columns, batch, false)))
            }
        };
        self.bodies.pop();
        self.atomic = atomic;
        self.variables = around;
        self.pinned = pinned;
        let batch = done?;
        let Some((answered, batch, null)) = batch else {
            let rows = usize::from(!columns.is_empty() && !routine.set);
            return nulls(columns, rows).map(|batch| (batch, true));
        };
        let void = columns.iter().all(|column| column.ty.oid.0 == 2278);
        if columns.is_empty() || void {
            return nulls(columns, usize::from(!columns.is_empty())).map(|batch| (batch, true));
        }
        if !routine.set && batch.num_rows() == 0 {
            return nulls(columns, 1).map(|batch| (batch, true));
        }
        let batch = match routine.set {
            true => batch,
            false => batch.slice(0, 1),
        };
        let mut arrays = Vec::with_capacity(columns.len());
        for (column, (from, array)) in columns.iter().zip(answered.iter().zip(batch.columns())) {
            arrays.push(self.as_of((from.ty, array), column.ty, run).await?);
        }
        batch_of(columns, arrays, batch.num_rows()).map(|batch| (batch, null))
    }

    /// The values of the arguments, one row each.
    async fn argument_row(&mut self, call: &BoundCall, run: &Run<'_>) -> Result<Vec<ArrayRef>> {
        let context = self.context()?;
        let bound = call.arguments.clone();
        check_parameters(bound.parameters.len(), run.parameters.len())?;
        let needs = bound.needs.clone();
        refuse_row_locks(&needs, "an argument of CALL")?;
        let authorized = privileges::authorize(&context.snapshot, &needs, bound)?;
        let engine = self.shared.engine.clone();
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.execute(&calling, authorized, run.parameters, run.interrupt);
        let rows = self.serving(&mut queue, run.interrupt, work).await?;
        let mut rows = self.served(&mut queue, run.interrupt, rows).await?;
        let types: Vec<_> = rows.columns().iter().map(|column| column.ty).collect();
        while let Some(batch) = rows.next().await? {
            if batch.num_rows() > 0 {
                return batch
                    .columns()
                    .iter()
                    .zip(types)
                    .skip(1)
                    .zip(&call.callee.types)
                    .map(|((array, from), to)| assigned(&context, &array.slice(0, 1), from, *to))
                    .collect();
            }
        }
        Err(Error::internal("reading arguments", "no row"))
    }

    /// Carries the statements out; what the last one answers, if it does.
    async fn run_body(
        &mut self,
        call: &Callee,
        values: &[ArrayRef],
        run: &Run<'_>,
    ) -> Result<Option<(Arc<[OutputColumn]>, RecordBatch)>> {
        let mut last = None;
        let statements = statements(&call.routine)?;
        for statement in &statements {
            check_runs(&call.routine, statement).map_err(|error| {
                error.within(format!(
                    "SQL function \"{}\" during startup",
                    call.routine.name
                ))
            })?;
        }
        for (index, statement) in statements.into_iter().enumerate() {
            let work = Box::pin(self.dispatch(&statement, None, values, run.interrupt));
            let name = &call.routine.name;
            let at = |error: Error| {
                let line = format!("SQL function \"{name}\" statement {}", index + 1);
                error.without_position().within(line)
            };
            let response = work.await.map_err(at)?;
            let answers = matches!(statement.command, Command::Query(_) | Command::Dml(_));
            last = match response {
                // What a command of another kind answers goes to nobody.
                Response::Rows(mut answer) if !answers => {
                    while answer.rows.next().await.map_err(at)?.is_some() {}
                    None
                }
                Response::Rows(mut answer) => {
                    let schema = |batch: &RecordBatch| batch.schema();
                    let mut batches = Vec::new();
                    while let Some(batch) = answer.rows.next().await.map_err(at)? {
                        batches.push(batch);
                    }
                    let columns = answer.rows.columns().clone();
                    let batch = match batches.first() {
                        Some(first) => concat_batches(&schema(first), &batches)
                            .map_err(|error| Error::internal("running a function", error))?,
                        None => nulls(&columns, 0)?,
                    };
                    Some((columns, batch))
                }
                _ => None,
            };
            self.carry_out_effects()?;
        }
        let context = self.context()?;
        let columns = last.as_ref().map(|(columns, _)| columns.as_ref());
        call.check(&context.snapshot, columns)?;
        Ok(last)
    }
}

/// Rows of NULLs.
pub(in crate::session) fn nulls(columns: &[OutputColumn], rows: usize) -> Result<RecordBatch> {
    let arrays = columns
        .iter()
        .map(|column| new_null_array(&column.ty.data_type(), rows))
        .collect();
    batch_of(columns, arrays, rows)
}

/// Rows of these columns.
pub(in crate::session) fn batch_of(
    columns: &[OutputColumn],
    arrays: Vec<ArrayRef>,
    rows: usize,
) -> Result<RecordBatch> {
    let fields: Vec<_> = columns
        .iter()
        .zip(&arrays)
        .map(|(column, array)| {
            let field = column.ty.field(&column.name, true);
            field.with_data_type(array.data_type().clone())
        })
        .collect();
    RecordBatch::try_new_with_options(
        Arc::new(Schema::new(fields)),
        arrays,
        &RecordBatchOptions::new().with_row_count(Some(rows)),
    )
    .map_err(|error| Error::internal("building an answer", error))
}
