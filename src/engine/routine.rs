//! The bodies of functions outside of queries: checked when they are made, and carried out
//! statement by statement where they do more than to answer.

use std::collections::BTreeSet;
use std::sync::Arc;

use sqlparser::ast;

use super::analyze::{
    Output, ResultColumns, check_aggregate, check_result, run_only, spread, surroundings,
};
use super::bind::bind_call;
use super::command::{Command, DmlAction, Statement};
use super::expression_kind::ExpressionKind;
use super::parse::{parse, parse_plpgsql, parse_query};
use super::planning::Watch;
use super::plpgsql::Returns;
use super::scope::Scope;
use super::{Bound, Engine, OutputColumn};
use crate::base::{Error, Oid, Result, SqlState};
use crate::calls::{CallRequest, CallShape};
use crate::catalog::{Change, Routine, RoutineBody, Snapshot, Volatility};
use crate::privileges;
use crate::statement::{ArgumentNames, Arguments, StatementContext};
use crate::types::PgType;

/// What the statements of a body stand on.
#[derive(Debug, Default)]
pub struct Footing {
    /// Relations and functions they name.
    pub reads: BTreeSet<Oid>,
    /// Columns of the relations they name.
    pub names: BTreeSet<(Oid, i16)>,
    /// Primary keys without which they would not be valid.
    pub keys: BTreeSet<Oid>,
}

/// The statements of a body.
///
/// # Errors
/// `42601`; `0A000` for what is neither a query nor a change of data in a body without quotes, as
/// in PostgreSQL.
pub fn statements(routine: &Routine) -> Result<Vec<Statement>> {
    let statements = match &routine.body {
        RoutineBody::Text(text) => parse(text),
        RoutineBody::Atomic(view) => parse(&view.query),
        RoutineBody::Return(view) => parse(&view.query),
        RoutineBody::Procedural(_) | RoutineBody::Aggregate(_) => Err(run_only(routine)),
    };
    let statements = statements.map_err(Error::without_position)?;
    let quoted = matches!(routine.body, RoutineBody::Text(_));
    match statements.iter().find(|statement| !answers(statement)) {
        Some(statement) if !quoted => Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "{} is not yet supported in unquoted SQL function body",
                command_words(statement)
            ),
        )),
        _ => Ok(statements),
    }
}

/// Whether a statement is a query or a change of data.
fn answers(statement: &Statement) -> bool {
    matches!(statement.command, Command::Query(_) | Command::Dml(_))
}

/// What a command is called.
pub fn command_words(statement: &Statement) -> String {
    let mut words = statement.text.split_whitespace().map(str::to_uppercase);
    let first = words.next().unwrap_or_default();
    match first.as_str() {
        "CREATE" | "DROP" | "ALTER" => format!("{first} {}", words.next().unwrap_or_default()),
        "TRUNCATE" | "LOCK" => format!("{first} TABLE"),
        "REFRESH" => format!("{first} MATERIALIZED VIEW"),
        _ => first,
    }
}

/// That a body may run a statement.
///
/// # Errors
/// `0A000` for what ends transactions or speaks with the client, and for changes where the function
/// says that it makes none.
pub fn check_runs(routine: &Routine, statement: &Statement) -> Result<()> {
    let refused = |what: &str| Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, what));
    if let Some(word) = statement.command.transaction_word() {
        return refused(&format!("{word} is not allowed in an SQL function"));
    }
    let word = match &statement.command {
        Command::Copy(copy) if copy.file.is_none() => {
            return refused("cannot COPY to/from client in an SQL function");
        }
        _ if routine.volatility == Volatility::Volatile => return Ok(()),
        Command::Query(_) => return Ok(()),
        Command::Dml(dml) => match &dml.action {
            DmlAction::Insert { .. } | DmlAction::Query(_) => "INSERT".to_owned(),
            DmlAction::Update(_) => "UPDATE".to_owned(),
            DmlAction::Delete(_) => "DELETE".to_owned(),
            DmlAction::Merge(_) => "MERGE".to_owned(),
        },
        _ => command_words(statement),
    };
    refused(&format!("{word} is not allowed in a non-volatile function"))
}

/// The types of a function's inputs; of those that are different in each call, none.
pub fn input_types(snapshot: &Snapshot, routine: &Routine) -> Option<Vec<PgType>> {
    let types = routine.input_types();
    if types.iter().any(|ty| Routine::is_polymorphic(*ty)) {
        return None;
    }
    let types = types.into_iter().map(|ty| snapshot.value_type(ty));
    Some(types.collect())
}

/// What the statements of a function's body see, its arguments being `$1`, `$2`, ….
pub fn in_body(
    context: &Arc<StatementContext>,
    routine: &Arc<Routine>,
    types: Vec<PgType>,
) -> Arc<StatementContext> {
    let around = surroundings(context, routine);
    let search_path = match routine.bound() {
        // The names were found when it was made, by its owner.
        Some(view) => privileges::search_path(
            &context.snapshot,
            routine.owner,
            &view.search_path,
            context.search_path.temporary,
        ),
        None => around.search_path.clone(),
    };
    Arc::new(StatementContext {
        search_path,
        arguments: Some(Arc::new(Arguments {
            names: ArgumentNames::Inputs(Arc::clone(routine)),
            types,
        })),
        ..StatementContext::clone(&around)
    })
}

/// A call whose function is carried out, with its arguments to be computed.
#[derive(Debug)]
pub struct BoundCall {
    /// What is called.
    pub callee: Callee,
    /// The query that gives one row: a column of no matter, and the arguments.
    pub arguments: Bound,
}

/// A function as it is called.
#[derive(Debug, Clone)]
pub struct Callee {
    /// The function.
    pub routine: Arc<Routine>,
    /// Types of its inputs in this call.
    pub types: Vec<PgType>,
    pub(super) result: ResultColumns,
}

impl Callee {
    /// What a query asks to be called.
    pub fn of(request: &CallRequest) -> Self {
        Self {
            routine: Arc::clone(&request.routine),
            types: request.types.clone(),
            result: match &request.shape {
                CallShape::Void => ResultColumns::Void,
                CallShape::Value(ty) => ResultColumns::Value(*ty, None),
                CallShape::Rows(columns) => ResultColumns::Rows(columns.clone()),
            },
        }
    }

    /// What the call answers: columns with names and types; `None` if nothing.
    pub fn columns(&self) -> Option<Vec<OutputColumn>> {
        let column = |name: &str, ty: PgType| OutputColumn {
            name: name.to_owned(),
            ty: ty.unmodified(),
            table: Oid::INVALID,
            attnum: 0,
        };
        match &self.result {
            ResultColumns::Void if self.routine.procedure => None,
            ResultColumns::Void => Some(vec![column(&self.routine.name, PgType::VOID)]),
            ResultColumns::Value(ty, name) => {
                let name = name.as_deref().unwrap_or(&self.routine.name);
                Some(vec![column(name, *ty)])
            }
            ResultColumns::Rows(columns) => {
                Some(columns.iter().map(|(name, ty)| column(name, *ty)).collect())
            }
            ResultColumns::Record => None,
        }
    }

    /// Whether it answers single values rather than rows of several.
    pub fn is_value(&self) -> bool {
        !matches!(self.result, ResultColumns::Rows(_))
    }

    /// Checks what the last statement answers.
    ///
    /// # Errors
    /// `42P13`
    pub fn check(&self, snapshot: &Snapshot, columns: Option<&[OutputColumn]>) -> Result<()> {
        let outputs = columns.map(outputs);
        check_result(snapshot, &self.routine, &self.result, outputs.as_deref())
    }
}

/// Whether a function does more than to answer a query, so that it has to be carried out.
pub(super) fn is_carried_out(routine: &Routine) -> bool {
    if routine.aggregate().is_some() {
        return false;
    }
    if matches!(routine.body, RoutineBody::Procedural(_)) {
        return true;
    }
    if routine.procedure || routine.returns == PgType::VOID.oid {
        return true;
    }
    let Ok(statements) = statements(routine) else {
        return false;
    };
    statements.len() > 1
        || statements
            .iter()
            .any(|statement| !matches!(statement.command, Command::Query(_)))
}

impl Engine {
    /// The call of a function that is carried out; `None` if it is no such call.
    ///
    /// # Errors
    /// As [`Engine::bind`].
    pub async fn bind_call(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        function: &ast::Function,
        declared: &[Option<PgType>],
        procedures: bool,
    ) -> Result<Option<BoundCall>> {
        let (engine, context) = (self.clone(), context.clone());
        let (function, declared) = (function.clone(), declared.to_vec());
        let interrupt = context.interrupt.clone();
        self.on_runtime(Some(&interrupt), async move {
            let watch = Watch::new(context.interrupt.clone());
            let scope = Scope {
                kind: procedures.then_some(ExpressionKind::CallArgument),
                ..engine.scope(&context, &watch)
            };
            bind_call(&scope, &function, &declared, |routine| match procedures {
                true => true,
                false => !routine.procedure && is_carried_out(routine),
            })
        })
        .await
    }

    /// The call of a procedure.
    ///
    /// # Errors
    /// `42883` if there is none; `42809` if it is a function.
    pub async fn bind_procedure(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        function: &ast::Function,
        declared: &[Option<PgType>],
    ) -> Result<BoundCall> {
        let undefined = |name: &str| {
            Error::new(SqlState::UNDEFINED_FUNCTION, format!("procedure {name}")).hint(
                "No procedure matches the given name and argument types. You might need to add \
                 explicit type casts.",
            )
        };
        let call = self.bind_call(context, function, declared, true).await;
        let call = call.map_err(|error| match error.message().strip_prefix("function ") {
            Some(rest) if error.state() == SqlState::UNDEFINED_FUNCTION => undefined(rest),
            _ => error,
        })?;
        let call = call.ok_or_else(|| undefined(&format!("{}() does not exist", function.name)))?;
        if !call.callee.routine.procedure {
            let signature = context.snapshot.signature(&call.callee.routine, None);
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("{} is not a procedure", signature.replace(',', ", ")),
            )
            .hint("To call a function, use SELECT."));
        }
        Ok(call)
    }

    /// Checks an aggregate about to be made.
    ///
    /// # Errors
    /// `0A000` if it cannot be computed; as reading its first state.
    pub async fn check_aggregate(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        routine: &Arc<Routine>,
    ) -> Result<()> {
        let (engine, context) = (self.clone(), context.clone());
        let (routine, interrupt) = (Arc::clone(routine), context.interrupt.clone());
        self.on_runtime(Some(&interrupt), async move {
            let watch = Watch::new(context.interrupt.clone());
            check_aggregate(&engine.scope(&context, &watch), &routine)
        })
        .await
    }

    /// What names mean to whoever asks for `context`'s statement.
    pub(super) fn scope<'a>(
        &'a self,
        context: &'a Arc<StatementContext>,
        watch: &'a Watch,
    ) -> Scope<'a> {
        Scope {
            context,
            role: context.role,
            path: &context.search_path,
            local: &[],
            view: None,
            state: &self.template,
            watch,
            inside: None,
            kind: None,
        }
    }

    /// Checks the body of a function about to be made; gives what it stands on.
    ///
    /// # Errors
    /// As the statements of the body; `42P13` if it does not answer what it should.
    pub async fn check_routine(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        routine: &Arc<Routine>,
    ) -> Result<Footing> {
        if let RoutineBody::Procedural(text) = &routine.body {
            // What it names is looked up when it is called.
            return parse_plpgsql(&routine.name, text, Returns::of(routine))
                .map(|_| Footing::default());
        }
        let statements = statements(routine)?;
        let Some(types) = input_types(&context.snapshot, routine) else {
            return Ok(Default::default());
        };
        let declared: Vec<Option<PgType>> = types.iter().copied().map(Some).collect();
        // Whoever makes the function checks it, with the search path it will have.
        let own = Arc::new(Routine {
            security_definer: false,
            ..Routine::clone(routine)
        });
        // It may call itself, which is refused in words of its own.
        let context = match context.snapshot.routine(routine.oid) {
            Some(_) => context.clone(),
            None => {
                let change = Change::CreateRoutine(Box::new(Routine::clone(&own)));
                Arc::new(StatementContext {
                    snapshot: Arc::new(context.snapshot.apply(&[change])?),
                    ..StatementContext::clone(context)
                })
            }
        };
        let context = in_body(&context, &own, types);
        let wanted = ResultColumns::of(&context.snapshot, routine, Default::default())?;
        let mut footing = Footing::default();
        let mut answers: Option<Vec<Output>> = None;
        for statement in &statements {
            answers = match &statement.command {
                Command::Query(query) => {
                    let query = match wanted {
                        ResultColumns::Rows(_) => spread(query),
                        _ => query.as_ref().clone(),
                    };
                    let bound = self.bind_with(&context, &query, &declared, &[]).await;
                    let bound = bound.map_err(Error::without_position)?;
                    footing.reads.extend(&bound.reads);
                    footing.names.extend(&bound.names);
                    footing.keys.extend(&bound.keys);
                    Some(outputs(&bound.columns))
                }
                // What it would be kept to is not only what it changes.
                Command::Dml(_) if routine.bound().is_some() => {
                    return Err(Error::unsupported("BEGIN ATOMIC with changes of data"));
                }
                Command::Dml(dml) => {
                    let bound = self.bind_dml(&context, dml, &declared).await;
                    let bound = bound.map_err(Error::without_position)?;
                    bound.columns.as_deref().map(outputs)
                }
                Command::Call(function) => {
                    let bound = self.bind_procedure(&context, function, &declared).await;
                    let bound = bound.map_err(Error::without_position)?;
                    if bound.callee.columns().is_some() {
                        return Err(Error::new(
                            SqlState::FEATURE_NOT_SUPPORTED,
                            "calling procedures with output arguments is not supported in SQL \
                             functions",
                        ));
                    }
                    None
                }
                _ => None,
            };
        }
        if !routine.procedure || !matches!(wanted, ResultColumns::Void) {
            check_result(&context.snapshot, routine, &wanted, answers.as_deref())?;
        }
        footing.reads.retain(|oid| !oid.is_system());
        Ok(footing)
    }
}

fn outputs(columns: &[OutputColumn]) -> Vec<Output> {
    columns
        .iter()
        .map(|column| Output {
            name: column.name.clone(),
            ty: column.ty,
        })
        .collect()
}

/// The one query of `RETURN expression`.
pub fn returned(expression: &str) -> Result<String> {
    let query = format!("SELECT {expression}");
    parse_query(&query).map(|_| query)
}
