//! The functions of triggers: called with a row before and after its change.

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{ArrayRef, new_null_array};
use futures::future::BoxFuture;

use super::frame::{Field, Frame, Value, Variable};
use super::function::Answer;
use super::{Deep, Flow};
use crate::base::limits::CALL_DEPTH_MAX;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Condition, Relation, Routine, RoutineBody, Trigger, TriggerEvent, Volatility,
};
use crate::engine::plpgsql::Returns;
use crate::engine::{Asked, Bound, OutputColumn};
use crate::observe::Interrupt;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::serve::{Body, part_of_no_statement};
use crate::session::{Session, interruptible};
use crate::statement::{StatementContext, Transition};
use crate::types::PgType;
use crate::types::text::parse_value;

/// A trigger, and what it fires for.
#[derive(Debug, Clone)]
pub(in crate::session) struct Fire<'a> {
    pub(in crate::session) relation: &'a Arc<Relation>,
    pub(in crate::session) trigger: &'a Trigger,
    pub(in crate::session) event: TriggerEvent,
    /// The row before, a value of each column.
    pub(in crate::session) old: Option<&'a [ArrayRef]>,
    /// The row after.
    pub(in crate::session) new: Option<&'a [ArrayRef]>,
    /// All rows of the statement, by the names the trigger gives them.
    pub(in crate::session) tables: Arc<[Transition]>,
}

/// WHEN of triggers, bound for rows that are there or not.
#[derive(Debug, Default)]
pub(in crate::session) struct Conditions {
    /// By trigger.
    bound: BTreeMap<Oid, Bound>,
}

impl Session {
    /// Whether a trigger's WHEN is true, or it has none. `conditions` keeps what was bound: it is
    /// for one kind of change of one table.
    ///
    /// # Errors
    /// Whatever the condition fails with.
    pub(in crate::session) fn asks<'a>(
        &'a mut self,
        fire: &'a Fire<'a>,
        conditions: &'a mut Conditions,
        interrupt: &'a Interrupt,
    ) -> BoxFuture<'a, Result<bool>> {
        Box::pin(async move {
            match &fire.trigger.condition {
                None => Ok(true),
                Some(condition) => {
                    let around = self.variables.take();
                    let asked = self.holds(fire, condition, conditions, interrupt);
                    let asked = Deep::new(asked).await;
                    self.variables = around;
                    asked
                }
            }
        })
    }

    async fn holds(
        &mut self,
        fire: &Fire<'_>,
        condition: &Condition,
        conditions: &mut Conditions,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let mut frame = Frame::named(&fire.trigger.name);
        frame.enter(None);
        declare_rows(&mut frame, fire);
        let (arguments, values) = frame.arguments();
        let context = StatementContext {
            arguments: Some(arguments),
            ..StatementContext::clone(&*self.context()?)
        };
        let context = Arc::new(context);
        let engine = self.shared.engine.clone();
        let bound = match conditions.bound.get(&fire.trigger.oid) {
            Some(bound) => bound.clone(),
            None => {
                let work = engine.bind_trigger_condition(&context, condition);
                let bound = interruptible(interrupt, work).await?;
                let known = &mut conditions.bound;
                known.insert(fire.trigger.oid, bound.clone());
                bound
            }
        };
        self.refuse_changing(&context, &bound.needs, &[])?;
        let needs = bound.needs.clone();
        let authorized = privileges::authorize(&context.snapshot, &needs, bound)?;
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.execute(&calling, authorized, &values, interrupt);
        let mut rows = self.serving(&mut queue, interrupt, work).await?;
        let mut holds = false;
        while let Some(batch) = self.serving(&mut queue, interrupt, rows.next()).await? {
            holds |= batch.num_rows() > 0;
        }
        Ok(holds)
    }

    /// Calls a trigger's function, whatever its WHEN says.
    ///
    /// Gives the row it returns; `Ok(None)` if that is NULL.
    ///
    /// # Errors
    /// Whatever the function fails with.
    pub(in crate::session) fn fire<'a>(
        &'a mut self,
        fire: &'a Fire<'a>,
        interrupt: &'a Interrupt,
    ) -> BoxFuture<'a, Result<Option<Vec<ArrayRef>>>> {
        Box::pin(Deep::new(self.fire_now(fire, interrupt)))
    }

    async fn fire_now(
        &mut self,
        fire: &Fire<'_>,
        interrupt: &Interrupt,
    ) -> Result<Option<Vec<ArrayRef>>> {
        interrupt.check()?;
        if self.bodies.len() >= CALL_DEPTH_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )
            .detail(format!(
                "Functions may call functions {CALL_DEPTH_MAX} deep."
            )));
        }
        let statement = part_of_no_statement(&fire.trigger.name);
        let run = Run {
            statement: &statement,
            plan: None,
            parameters: &[],
            interrupt,
        };
        let around = self.variables.take();
        let pinned = self.pinned.take();
        let atomic = std::mem::replace(&mut self.atomic, true);
        let done = self.fire_within(fire, &run).await;
        self.atomic = atomic;
        self.variables = around;
        self.pinned = pinned;
        done
    }

    async fn fire_within(
        &mut self,
        fire: &Fire<'_>,
        run: &Run<'_>,
    ) -> Result<Option<Vec<ArrayRef>>> {
        let context = self.context()?;
        let routine = context.snapshot.routine(fire.trigger.routine).cloned();
        let routine = routine.ok_or_else(|| Error::internal("firing a trigger", "no function"))?;
        if routine.volatility != Volatility::Volatile {
            // It does not see the rows that the statement added before.
            self.pinned = Some(Arc::clone(self.transaction()?.view()));
        }
        self.bodies.push(Body {
            routine: Arc::clone(&routine),
            types: Vec::new(),
            caller: None,
            tables: Some(Arc::clone(&fire.tables)),
        });
        let done = Box::pin(self.run_trigger(&routine, fire, run)).await;
        self.bodies.pop();
        done
    }

    async fn run_trigger(
        &mut self,
        routine: &Arc<Routine>,
        fire: &Fire<'_>,
        run: &Run<'_>,
    ) -> Result<Option<Vec<ArrayRef>>> {
        let RoutineBody::Procedural(text) = &routine.body else {
            return Err(Error::unsupported("a trigger function in SQL"));
        };
        let returns = Returns {
            value: true,
            outputs: false,
            set: false,
        };
        let engine = &self.shared.engine;
        let block = engine.parsed_block(&routine.name, text, returns)?;
        let context = self.context()?;
        let mut frame = Frame::named(&context.snapshot.signature(routine, None));
        frame.answer = Answer::of_trigger(columns_of(fire.relation));
        frame.enter(None);
        self.add_variable(&mut frame, "found", PgType::BOOL, "f")?;
        frame.enter(Some(routine.name.clone()));
        declare_rows(&mut frame, fire);
        self.declare_told(&mut frame, fire)?;
        let around = self.blocks;
        self.blocks += 1;
        let done = self.block(&mut frame, &block, run).await;
        self.blocks = around;
        if done? != Flow::Return {
            return Err(Error::new(
                SqlState::NO_RETURN_STATEMENT,
                "control reached end of trigger procedure without RETURN",
            )
            .within(format!("PL/pgSQL function {}", frame.name)));
        }
        Ok(frame.answer.row())
    }

    /// `TG_NAME` and its kin.
    fn declare_told(&mut self, frame: &mut Frame, fire: &Fire<'_>) -> Result<()> {
        let (relation, trigger) = (fire.relation, fire.trigger);
        let context = self.context()?;
        let schema = context.snapshot.schema(relation.schema);
        let schema = schema.map_or_else(String::new, |schema| schema.name.clone());
        let name = PgType::of(19);
        let level = if trigger.row { "ROW" } else { "STATEMENT" };
        let told = [
            ("tg_name", name, trigger.name.clone()),
            ("tg_when", PgType::TEXT, trigger.when.word().to_owned()),
            ("tg_level", PgType::TEXT, level.to_owned()),
            ("tg_op", PgType::TEXT, fire.event.word().to_owned()),
            ("tg_relid", PgType::OID, relation.oid.0.to_string()),
            ("tg_relname", name, relation.name.clone()),
            ("tg_table_name", name, relation.name.clone()),
            ("tg_table_schema", name, schema),
            (
                "tg_nargs",
                PgType::INT4,
                trigger.arguments.len().to_string(),
            ),
        ];
        for (variable, ty, text) in told {
            self.add_variable(frame, variable, ty, &text)?;
        }
        let texts = PgType::of(1009);
        let arguments: Vec<String> = trigger
            .arguments
            .iter()
            .map(|text| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"")))
            .collect();
        let value = match arguments.len() {
            0 => Value::null(texts),
            count => {
                // They are counted from 0.
                let text = format!("[0:{}]={{{}}}", count - 1, arguments.join(","));
                let ty = texts.with_any_dimensions();
                Value::Single(ty, parse_value(&text, ty, &context.style, 0)?)
            }
        };
        frame.declare(Variable::new("tg_argv".to_owned(), value));
        Ok(())
    }

    /// WHEN of a trigger about to be made, as it is kept.
    ///
    /// # Errors
    /// As binding it.
    pub(in crate::session) async fn trigger_condition(
        &mut self,
        relation: &Arc<Relation>,
        asked: Asked<'_>,
        condition: &str,
        run: &Run<'_>,
    ) -> Result<Condition> {
        let mut frame = Frame::named("");
        frame.enter(None);
        let row = nulls_of(relation);
        for name in ["new", "old"] {
            frame.declare(Variable::new(name.to_owned(), row_of(relation, &row)).with_null(false));
        }
        let context = StatementContext {
            arguments: Some(frame.arguments().0),
            ..StatementContext::clone(&*self.context()?)
        };
        let context = Arc::new(context);
        let engine = self.shared.engine.clone();
        let work = engine.trigger_condition(&context, relation, asked, condition);
        interruptible(run.interrupt, work).await
    }
}

fn declare_rows(frame: &mut Frame, fire: &Fire<'_>) {
    for (name, row) in [("new", fire.new), ("old", fire.old)] {
        let value = match row {
            Some(row) => row_of(fire.relation, row),
            None => row_of(fire.relation, &nulls_of(fire.relation)),
        };
        let variable = Variable::new(name.to_owned(), value);
        frame.declare(variable.with_null(row.is_none()));
    }
}

/// A NULL for each column.
fn nulls_of(relation: &Relation) -> Vec<ArrayRef> {
    let columns = relation.columns.iter();
    columns
        .map(|column| new_null_array(&column.ty.data_type(), 1))
        .collect()
}

/// A row of a relation, as a variable holds it.
fn row_of(relation: &Relation, row: &[ArrayRef]) -> Value {
    let fields = relation.columns.iter().zip(row);
    let fields = fields.map(|(column, value)| Field {
        name: column.name.clone(),
        ty: column.ty,
        value: Arc::clone(value),
    });
    Value::Row(relation.row_ty(), fields.collect())
}

fn columns_of(relation: &Relation) -> Arc<[OutputColumn]> {
    let columns = relation.columns.iter().map(|column| OutputColumn {
        name: column.name.clone(),
        ty: column.ty,
        table: Oid::INVALID,
        attnum: 0,
    });
    columns.collect()
}
