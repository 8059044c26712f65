//! PREPARE, EXECUTE, DEALLOCATE.

use std::sync::Arc;

use arrow::array::ArrayRef;
use sqlparser::ast;

use super::query::check_parameters;
use super::tag;
use crate::base::{Error, Result, SqlState};
use crate::engine::{
    ARGUMENT, Command, ExpressionKind, OutputColumn, Statement, TypeName, parse_query,
};
use crate::observe::Interrupt;
use crate::pg_catalog::names;
use crate::session::dispatch::Run;
use crate::session::prepared::{Body, Plan, no_statement};
use crate::session::{CommandTag, Response, Session, interruptible};
use crate::types::PgType;

impl Session {
    /// PREPARE
    pub(in crate::session) async fn prepare_command(
        &mut self,
        name: &str,
        types: &[TypeName],
        statement: &Statement,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let declared = types
            .iter()
            .map(|ty| {
                let ty = ty.resolve(&context.snapshot, &context.search_path)?;
                // Modifiers of parameters say nothing, as those of functions.
                Ok((ty != PgType::UNKNOWN).then_some(ty.unmodified()))
            })
            .collect::<Result<_>>()?;
        let statement = Arc::new(statement.clone());
        let work = self.add_prepared(name, Some(statement), declared, true, run.interrupt);
        Box::pin(work).await?;
        Ok(tag("PREPARE"))
    }

    /// EXECUTE: the answer is that of the statement prepared.
    pub(in crate::session) async fn execute_command(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
        run: Run<'_>,
    ) -> Result<Response> {
        let Some((statement, plan, values)) = self.executed(name, arguments, &run).await? else {
            return Ok(Response::Empty);
        };
        self.dispatch(&statement, Some(plan), &values, run.interrupt)
            .await
    }

    /// The statement EXECUTE means, its binding and the values of its parameters; `None` of an
    /// empty one.
    pub(super) async fn executed(
        &mut self,
        name: &str,
        arguments: &[ast::Expr],
        run: &Run<'_>,
    ) -> Result<Option<(Arc<Statement>, Plan, Vec<ArrayRef>)>> {
        let planned = self.fresh(name, run.interrupt).await?;
        let Some(statement) = planned.statement else {
            return Ok(None);
        };
        let types = planned.plan.parameters.clone();
        if arguments.len() != types.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("wrong number of parameters for prepared statement \"{name}\""),
            )
            .detail(format!(
                "Expected {} parameters but got {}.",
                types.len(),
                arguments.len()
            )));
        }
        let values = self.arguments(arguments, &types, run).await?;
        let (plan, values) = self
            .plan_over(&statement, planned.plan, values, run.interrupt)
            .await?;
        Ok(Some((statement, plan, values)))
    }

    /// Works out the arguments of EXECUTE, each as its parameter's type.
    async fn arguments(
        &mut self,
        arguments: &[ast::Expr],
        types: &[PgType],
        run: &Run<'_>,
    ) -> Result<Vec<ArrayRef>> {
        if arguments.is_empty() {
            return Ok(Vec::new());
        }
        // A row of NULLs of the right types, whose NULLs are then replaced: the casts need no
        // spelling of their own.
        let context = self.bystander()?;
        let nulls: Vec<String> = types
            .iter()
            .map(|ty| format!("CAST(NULL AS {})", names::written(&context, *ty)))
            .collect();
        let mut query = parse_query(&format!("SELECT {}", nulls.join(", ")))?;
        let ast::SetExpr::Select(select) = query.body.as_mut() else {
            return Err(Error::internal("reading arguments", "not a SELECT"));
        };
        for (index, (item, argument)) in select.projection.iter_mut().zip(arguments).enumerate() {
            let ast::SelectItem::UnnamedExpr(value) = item else {
                return Err(Error::internal("reading arguments", "not a value"));
            };
            if let ast::Expr::Cast { expr, .. } = value {
                **expr = argument.clone();
            }
            *value = ast::Expr::Prefixed {
                prefix: ast::Ident::with_quote('"', format!("{ARGUMENT}{}", index + 1)),
                value: Box::new(value.clone()),
            };
        }
        let context = self.context()?;
        let engine = &self.shared.engine;
        let work = engine.bind_expressions_of(ExpressionKind::ExecuteParameter, &context, &query);
        let bound = interruptible(run.interrupt, work).await?;
        check_parameters(bound.parameters.len(), run.parameters.len())?;
        let run = Run {
            statement: run.statement,
            plan: Some(Plan {
                parameters: bound.parameters.clone(),
                columns: None,
                body: Body::Query(Arc::new(bound)),
                basis: Some(self.basis(&context)),
            }),
            parameters: run.parameters,
            interrupt: run.interrupt,
        };
        let (_, mut rows) = self.open_query(&query, &run).await?;
        while let Some(batch) = rows.next().await? {
            if batch.num_rows() > 0 {
                return batch
                    .columns()
                    .iter()
                    .zip(types)
                    .map(|(column, ty)| {
                        if ty.has_lists() {
                            return Ok(column.slice(0, 1));
                        }
                        // The engine's type for a value may be a wider relative of the type's own.
                        arrow::compute::cast(column, &ty.data_type()).map_err(|_| {
                            Error::unsupported(format!("a parameter of type {ty} with this value"))
                        })
                    })
                    .collect();
            }
        }
        Err(Error::internal("reading arguments", "no row"))
    }

    /// DEALLOCATE; `None` is ALL.
    pub(in crate::session) fn deallocate(&mut self, name: Option<&str>) -> Result<CommandTag> {
        let Some(name) = name else {
            self.prepared.clear();
            return Ok(tag("DEALLOCATE ALL"));
        };
        self.prepared
            .remove(name)
            .map(|_| tag("DEALLOCATE"))
            .ok_or_else(|| no_statement(name))
    }

    /// The columns of commands that answer rows without being queries.
    pub(in crate::session) async fn utility_columns(
        &mut self,
        command: &Command,
        interrupt: &Interrupt,
    ) -> Result<Option<Arc<[OutputColumn]>>> {
        match command {
            Command::Show(name) => Ok(Some(super::show::show_columns(name.as_deref()))),
            Command::Explain(explain) => Ok(Some(super::explain::plan_columns(&explain.options))),
            Command::Fetch {
                name, skip: false, ..
            } => Ok(self
                .portals
                .find(name)
                .and_then(|portal| portal.plan.columns.clone())),
            Command::Execute { name, .. } => {
                Ok(Box::pin(self.fresh(name, interrupt)).await?.plan.columns)
            }
            _ => Ok(None),
        }
    }
}
