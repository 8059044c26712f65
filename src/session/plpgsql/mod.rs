//! PL/pgSQL: a block carried out statement by statement, in the session's transaction.
//!
//! What is SQL in it is bound and run as statements of the client's are, with the variables as its
//! parameters. A block with handlers runs behind a savepoint, to which an error goes back.

mod call;
mod cursors;
mod deep;
mod domain;
mod ending;
mod frame;
mod function;
mod loops;
mod raise;
mod statements;
mod trigger;
mod values;

use super::dispatch::Run;
use super::{CommandTag, Session};
use crate::base::limits::VIEW_DEPTH_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::plpgsql::{Action, Block, Case, Condition, Expression, Returns, Step};
use crate::engine::{Command, parse_plpgsql, parse_query};
use crate::types::PgType;
use crate::types::text::parse_value;
pub(super) use deep::Deep;
pub(super) use ending::Looped;
use frame::{Frame, Value, Variable};
pub(super) use trigger::{Conditions, Fire};

/// What messages call a block that has no name.
const INLINE_BLOCK: &str = "inline_code_block";

/// Where a block with handlers goes back to.
const SAVEPOINT: &str = "\0block";

/// What comes after a statement.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Flow {
    /// The next one.
    Next,
    /// What is behind the loop or block of a label, or behind the innermost loop.
    Exit(Option<String>),
    /// The next turn of the loop.
    Continue(Option<String>),
    /// Nothing more.
    Return,
}

impl Session {
    /// DO
    ///
    /// # Errors
    /// As [`parse_plpgsql`], and whatever the block fails with.
    pub(super) async fn do_command(
        &mut self,
        body: &str,
        language: &str,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        match language {
            "plpgsql" => self.inline_block(body, &run).await,
            "sql" | "c" | "internal" => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("language \"{language}\" does not support inline code execution"),
            )),
            _ => Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("language \"{language}\" does not exist"),
            )),
        }
    }

    async fn inline_block(&mut self, body: &str, run: &Run<'_>) -> Result<CommandTag> {
        let block = parse_plpgsql(INLINE_BLOCK, body, Returns::NOTHING)?;
        if self.blocks >= VIEW_DEPTH_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )
            .detail(format!("Blocks may be carried out {VIEW_DEPTH_MAX} deep.")));
        }
        let around = self.variables.take();
        self.blocks += 1;
        let mut frame = Frame::named(INLINE_BLOCK);
        frame.enter(None);
        let done = self.whole_block(&mut frame, &block, run).await;
        self.blocks -= 1;
        self.variables = around;
        done.map(|()| CommandTag("DO".to_owned()))
    }

    async fn whole_block(&mut self, frame: &mut Frame, block: &Block, run: &Run<'_>) -> Result<()> {
        self.add_variable(frame, "found", PgType::BOOL, "f")?;
        self.block(frame, block, run).await.map(drop)
    }

    /// A variable that PL/pgSQL itself has.
    fn add_variable(
        &mut self,
        frame: &mut Frame,
        name: &str,
        ty: PgType,
        text: &str,
    ) -> Result<()> {
        let context = self.context()?;
        let value = parse_value(text, ty, &context.style, 0)?;
        frame.declare(Variable::new(name.to_owned(), Value::Single(ty, value)));
        Ok(())
    }

    fn set_found(&mut self, frame: &mut Frame, found: bool) -> Result<()> {
        let context = self.context()?;
        let value = parse_value(
            if found { "t" } else { "f" },
            PgType::BOOL,
            &context.style,
            0,
        )?;
        // It is the first variable there is; one of the user's may hide it.
        frame.set_found(value);
        Ok(())
    }

    /// A block.
    async fn block(&mut self, frame: &mut Frame, block: &Block, run: &Run<'_>) -> Result<Flow> {
        let depth = frame.depth();
        frame.enter(block.label.clone());
        let done = Deep::new(self.guarded(frame, block, run)).await;
        frame.leave_to(depth);
        Ok(match done? {
            Flow::Exit(Some(label)) if block.label.as_ref() == Some(&label) => Flow::Next,
            flow => flow,
        })
    }

    async fn guarded(&mut self, frame: &mut Frame, block: &Block, run: &Run<'_>) -> Result<Flow> {
        let name = frame.name.clone();
        for declaration in &block.declarations {
            let work = self.declare_variable(frame, declaration, run);
            work.await.map_err(|error| {
                let during = "during statement block local variable initialization";
                located(error, &name, declaration.line, during)
            })?;
        }
        if block.handlers.is_empty() {
            return self.steps(frame, &block.body, run).await;
        }
        self.carry_out_effects()?;
        self.savepoint(SAVEPOINT)?;
        let depth = frame.depth();
        self.handlers += 1;
        let done = self.steps(frame, &block.body, run).await;
        self.handlers -= 1;
        let error = match done {
            Ok(flow) => {
                self.carry_out_effects()?;
                self.release(SAVEPOINT)?;
                return Ok(flow);
            }
            Err(error) => error,
        };
        frame.leave_to(depth);
        let handler = block
            .handlers
            .iter()
            .find(|handler| handler.conditions.iter().any(|of| catches(*of, &error)));
        let Some(handler) = handler else {
            return Err(error);
        };
        // Nobody may catch what the client said.
        run.interrupt.check()?;
        self.effects.drain();
        self.rollback_to(SAVEPOINT)?;
        self.release(SAVEPOINT)?;
        frame.enter(None);
        self.add_variable(frame, "sqlstate", PgType::TEXT, error.state().code())?;
        self.add_variable(frame, "sqlerrm", PgType::TEXT, error.message())?;
        frame.handled.push(error);
        let done = self.steps(frame, &handler.body, run).await;
        frame.handled.pop();
        frame.leave_to(depth);
        done
    }

    async fn steps(&mut self, frame: &mut Frame, steps: &[Step], run: &Run<'_>) -> Result<Flow> {
        // Steps may wait for nothing: others are to get their turn, the statement's timer too.
        tokio::task::consume_budget().await;
        run.interrupt.check()?;
        for step in steps {
            run.interrupt.check()?;
            let flow = Deep::new(self.step(frame, step, run)).await?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    async fn step(&mut self, frame: &mut Frame, step: &Step, run: &Run<'_>) -> Result<Flow> {
        let name = frame.name.clone();
        let at = |what: &'static str| {
            let name = name.clone();
            move |error: Error| located(error, &name, step.line, what)
        };
        match &step.action {
            Action::Block(block) => return self.block(frame, block, run).await,
            Action::If { arms, otherwise } => {
                for (condition, body) in arms {
                    let work = self.truth(frame, condition, run);
                    if work.await.map_err(at("IF"))? {
                        return self.steps(frame, body, run).await;
                    }
                }
                return self.steps(frame, otherwise, run).await;
            }
            Action::Case(case) => return self.case(frame, case, step.line, run).await,
            Action::Loop(of) => return self.repeated(frame, of, step.line, run).await,
            Action::Leave { exit, label, when } => {
                let what = if *exit { "EXIT" } else { "CONTINUE" };
                let leaves = match when {
                    Some(when) => self.truth(frame, when, run).await.map_err(at(what))?,
                    None => true,
                };
                return Ok(match (leaves, exit) {
                    (false, _) => Flow::Next,
                    (true, true) => Flow::Exit(label.clone()),
                    (true, false) => Flow::Continue(label.clone()),
                });
            }
            Action::Return(value) => {
                if let Some(value) = value {
                    let given = self.given(frame, value, run).await;
                    let given = given.map_err(at("RETURN"))?;
                    let done = self.add_given(frame, given, run).await;
                    done.map_err(|error| {
                        let casting = match frame.answer.of_trigger {
                            true => "during function exit",
                            false => "while casting return value to function's return type",
                        };
                        error.within(format!("PL/pgSQL function {name} {casting}"))
                    })?;
                }
                return Ok(Flow::Return);
            }
            Action::ReturnNext(Some(value)) => {
                let given = self.given(frame, value, run).await;
                let given = given.map_err(at("RETURN NEXT"))?;
                let done = self.add_given(frame, given, run).await;
                done.map_err(at("RETURN NEXT"))?;
            }
            Action::ReturnNext(None) => {
                let work = self.give_outputs(frame, run);
                work.await.map_err(at("RETURN NEXT"))?;
            }
            Action::ReturnQuery(source) => {
                let work = self.give_query(frame, source, run);
                work.await.map_err(at("RETURN QUERY"))?;
            }
            Action::Nothing => {}
            Action::Assign {
                target,
                value,
                text,
            } => {
                let work = self.assign(frame, (target, value, text), run);
                work.await.map_err(at("assignment"))?;
            }
            Action::Raise(raise) => {
                let again = raise.what.is_none() && !frame.handled.is_empty();
                let done = self.raise(frame, raise, run).await;
                // What is raised again keeps the context it had.
                done.map_err(|error| match again {
                    true => error,
                    false => located(error, &name, step.line, "RAISE"),
                })?;
            }
            Action::Assert { condition, message } => {
                let work = self.assert(frame, (condition, message.as_ref()), run);
                work.await.map_err(at("ASSERT"))?;
            }
            Action::Perform(query) => {
                let work = self.perform(frame, query, run);
                work.await.map_err(at("PERFORM"))?;
            }
            Action::Sql { statement, into } => {
                let work = self.sql(frame, statement, into.as_ref(), run);
                let what = match statement.command {
                    Command::Call(_) => "CALL",
                    Command::Do { .. } => "DO",
                    _ => "SQL statement",
                };
                work.await.map_err(at(what))?;
            }
            Action::Execute { what, into } => {
                let work = self.execute_dynamic(frame, what, into.as_ref(), run);
                work.await.map_err(at("EXECUTE"))?;
            }
            Action::Open { cursor, source } => {
                let work = self.open_cursor(frame, cursor, source, run);
                work.await.map_err(at("OPEN"))?;
            }
            Action::Fetch {
                cursor,
                direction,
                into,
            } => {
                let what = if into.is_some() { "FETCH" } else { "MOVE" };
                let work = self.fetch_cursor(frame, cursor, *direction, into.as_deref(), run);
                work.await.map_err(at(what))?;
            }
            Action::Close(cursor) => {
                self.close_named(frame, cursor).map_err(at("CLOSE"))?;
            }
            Action::Diagnostics { stacked, items } => {
                let what = match stacked {
                    true => "GET STACKED DIAGNOSTICS",
                    false => "GET DIAGNOSTICS",
                };
                let items = (*stacked, items.as_slice());
                let work = self.diagnostics(frame, items, step.line, run);
                work.await.map_err(at(what))?;
            }
            Action::End { commit, chain } => {
                let what = if *commit { "COMMIT" } else { "ROLLBACK" };
                let work = self.end_inside(*commit, *chain);
                work.await.map_err(at(what))?;
            }
        }
        Ok(Flow::Next)
    }

    /// CASE
    async fn case(
        &mut self,
        frame: &mut Frame,
        case: &Case,
        line: usize,
        run: &Run<'_>,
    ) -> Result<Flow> {
        let name = frame.name.clone();
        let at = |error: Error| located(error, &name, line, "CASE");
        let depth = frame.depth();
        if let Some(subject) = &case.subject {
            let value = self.value(frame, &subject.query, run).await.map_err(at)?;
            frame.enter(None);
            let value = Value::Single(value.0, value.1);
            frame.declare(Variable::new(SUBJECT.to_owned(), value));
        }
        let mut chosen = None;
        'arms: for (values, body) in &case.arms {
            for value in values {
                let is_true = match case.subject {
                    None => self.truth(frame, value, run).await.map_err(at)?,
                    Some(_) => {
                        let text = format!("\"{SUBJECT}\" IN ({})", value.text);
                        let query = parse_query(&format!("SELECT {text}")).map_err(at)?;
                        let compared = Expression { text, query };
                        self.truth(frame, &compared, run).await.map_err(at)?
                    }
                };
                if is_true {
                    chosen = Some(body);
                    break 'arms;
                }
            }
        }
        frame.leave_to(depth);
        match chosen.or(case.otherwise.as_ref()) {
            Some(body) => self.steps(frame, body, run).await,
            None => Err(at(Error::new(SqlState::CASE_NOT_FOUND, "case not found")
                .hint("CASE statement is missing ELSE part."))),
        }
    }
}

/// The name of what CASE compares.
const SUBJECT: &str = "__Case__Variable__";

/// Says of an error where in the block it was.
fn located(error: Error, function: &str, line: usize, what: &str) -> Error {
    let at = if what.starts_with("during ") {
        ""
    } else {
        "at "
    };
    let line = format!("PL/pgSQL function {function} line {line} {at}{what}");
    error.without_position().within(line)
}

/// Whether a handler is for an error.
fn catches(condition: Condition, error: &Error) -> bool {
    let state = error.state();
    match condition {
        Condition::Others => state != SqlState::QUERY_CANCELED && state != SqlState::ASSERT_FAILURE,
        Condition::State(of) if of.is_class() => state.is_of_class(of),
        Condition::State(of) => of == state,
    }
}
