//! CREATE FUNCTION and CREATE PROCEDURE.

use std::sync::Arc;

use super::domain::usable;
use super::routine_type::{is_value_type, type_of};
use super::set::flat;
use super::tag;
use super::view::names_of;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, Parallel, Parameter, ParameterMode, Routine, RoutineBody, Snapshot, View, Volatility,
};
use crate::engine::command::SetValue;
use crate::engine::routine_definition::{
    BodyDefinition, CreateRoutine, ParameterDefinition, ReturnsClause, RoutineOption,
};
use crate::engine::{
    ExpressionKind, input_types, is_assignable, parse_query, returned, statements,
};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::settings::Settings;
use crate::statement::StatementContext;
use crate::types::PgType;

impl Session {
    /// CREATE [OR REPLACE] FUNCTION, PROCEDURE
    pub(in crate::session) async fn create_routine(
        &mut self,
        create: &CreateRoutine,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag(if create.procedure {
            "CREATE PROCEDURE"
        } else {
            "CREATE FUNCTION"
        });
        check_language(create)?;
        let parameters = self.parameters(&context, create, &run).await?;
        let (returns, set) = returns(&context, create, &parameters)?;
        let types = parameters.iter().map(|parameter| parameter.ty);
        for ty in types.chain([returns]) {
            usable(&context, context.snapshot.value_type(ty))?;
        }
        let schema = context
            .snapshot
            .resolve_creation_schema(&context.search_path, create.name.schema.as_deref())?;
        refuse_temporary(&context, schema)?;
        let mut routine = Routine {
            oid: self.shared.database.new_oid(),
            name: create.name.name.clone(),
            schema,
            owner: context.role,
            acl: None,
            comment: None,
            procedure: create.procedure,
            parameters,
            returns,
            set,
            volatility: Volatility::Volatile,
            strict: false,
            security_definer: false,
            leakproof: false,
            parallel: Parallel::Unsafe,
            cost: 100.0,
            rows: if set { 1000.0 } else { 0.0 },
            search_path: None,
            body: body(&context, create)?,
            publication: 1,
        };
        self.apply_options(&context, &mut routine, &create.options)?;
        check_types(&context, &routine)?;
        let replaces = take_place(&context, &mut routine, create.or_replace)?;
        if context.settings.checks_function_bodies() || routine.bound().is_some() {
            let shared = Arc::new(routine.clone());
            let engine = self.shared.engine.clone();
            let work = engine.check_routine(&context, &shared);
            let footing = interruptible(run.interrupt, work).await?;
            if let RoutineBody::Return(view) | RoutineBody::Atomic(view) = &mut routine.body {
                if input_types(&context.snapshot, &shared).is_none() {
                    return Err(Error::unsupported(
                        "polymorphic arguments of a function whose body is not a string",
                    ));
                }
                let reads = footing.reads.iter();
                view.next_attnums = reads
                    .filter_map(|oid| context.snapshot.relation(*oid))
                    .map(|relation| (relation.oid, relation.next_attnum))
                    .collect();
                view.names = names_of(footing.reads.iter().copied(), &footing.names);
                view.depends_on = footing.reads.into_iter().collect();
                view.keys = footing.keys;
            }
        } else {
            // Whatever it names, it is SQL.
            if !matches!(routine.body, RoutineBody::Procedural(_)) {
                statements(&routine)?;
            }
        }
        self.push_routine(routine, replaces)?;
        Ok(done)
    }

    /// Makes a routine, or puts it in the place of the one that has its identity.
    pub(super) fn push_routine(&mut self, routine: Routine, replaces: bool) -> Result<()> {
        let routine = Box::new(routine);
        let change = match replaces {
            true => Change::ReplaceRoutine(routine),
            false => Change::CreateRoutine(routine),
        };
        self.push(vec![change], Vec::new())
    }

    /// The parameters, their types looked up and their defaults checked.
    async fn parameters(
        &self,
        context: &Arc<StatementContext>,
        create: &CreateRoutine,
        run: &Run<'_>,
    ) -> Result<Vec<Parameter>> {
        let mut parameters: Vec<Parameter> = Vec::with_capacity(create.parameters.len());
        let mut defaults = false;
        for definition in &create.parameters {
            let parameter = self.parameter(context, create, definition, run).await?;
            if create.procedure && parameter.mode == ParameterMode::Out && defaults {
                return Err(invalid(
                    "procedure OUT parameters cannot appear after one with a default value"
                        .to_owned(),
                ));
            }
            check_parameter(&context.snapshot, &parameters, &parameter, &mut defaults)?;
            parameters.push(parameter);
        }
        Ok(parameters)
    }

    async fn parameter(
        &self,
        context: &Arc<StatementContext>,
        create: &CreateRoutine,
        definition: &ParameterDefinition,
        run: &Run<'_>,
    ) -> Result<Parameter> {
        let ty = type_of(context, &definition.ty)?;
        let of = if create.procedure {
            "procedures"
        } else {
            "functions"
        };
        if definition.set {
            return Err(invalid(format!("{of} cannot accept set arguments")));
        }
        if definition.mode != ParameterMode::Table
            && !Routine::is_polymorphic(ty)
            && !is_value_type(context, ty)
        {
            return Err(invalid(format!(
                "SQL functions cannot have arguments of type {}",
                context.snapshot.type_name(ty)
            )));
        }
        let default = match &definition.default {
            None => None,
            Some(_) if !definition.mode.is_input() => {
                return Err(invalid(
                    "only input parameters can have default values".to_owned(),
                ));
            }
            Some(text) => {
                let engine = self.shared.engine.clone();
                let kind = ExpressionKind::Default;
                let text = &crate::engine::typed_default(context, text, ty)?;
                let work = engine.kept(kind, context, None, text);
                let text = interruptible(run.interrupt, work).await?;
                let mut query = parse_query(&format!("SELECT {text}"))?;
                crate::engine::assign_to(&mut query, context.snapshot.value_type(ty));
                let work = engine.bind_expressions_of(kind, context, &query);
                let bound = interruptible(run.interrupt, work).await;
                let bound = bound.map_err(Error::without_position)?;
                let from = bound.columns.first().map_or(PgType::TEXT, |c| c.ty);
                // A literal becomes whatever it has to be.
                let literal = matches!(text.trim().as_bytes().first(), Some(b'\''))
                    || text.trim().eq_ignore_ascii_case("null");
                let fits = literal
                    || Routine::is_polymorphic(ty)
                    || is_assignable(&context.snapshot, from, context.snapshot.value_type(ty));
                if !fits {
                    return Err(Error::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "argument of DEFAULT must be type {}, not type {}",
                            context.snapshot.type_name(ty),
                            context.snapshot.type_name(from.declared())
                        ),
                    ));
                }
                Some(text)
            }
        };
        Ok(Parameter {
            name: definition.name.clone(),
            mode: definition.mode,
            ty,
            default,
        })
    }

    /// Attributes, as CREATE FUNCTION and ALTER FUNCTION say them.
    pub(super) fn apply_options(
        &self,
        context: &StatementContext,
        routine: &mut Routine,
        options: &[RoutineOption],
    ) -> Result<()> {
        for option in options {
            let for_functions = matches!(
                option,
                RoutineOption::Volatility(_)
                    | RoutineOption::Strict(_)
                    | RoutineOption::Leakproof(_)
                    | RoutineOption::Parallel(_)
                    | RoutineOption::Cost(_)
                    | RoutineOption::Rows(_)
            );
            if routine.procedure && for_functions {
                return Err(invalid(
                    "invalid attribute in procedure definition".to_owned(),
                ));
            }
            match option {
                RoutineOption::Volatility(volatility) => routine.volatility = *volatility,
                RoutineOption::Strict(strict) => routine.strict = *strict,
                RoutineOption::SecurityDefiner(definer) => routine.security_definer = *definer,
                RoutineOption::Leakproof(leakproof) => {
                    if *leakproof && !self.is_superuser(context.role) {
                        return Err(Error::new(
                            SqlState::INSUFFICIENT_PRIVILEGE,
                            "only superuser can define a leakproof function",
                        ));
                    }
                    routine.leakproof = *leakproof;
                }
                RoutineOption::Parallel(parallel) => routine.parallel = *parallel,
                RoutineOption::Cost(cost) => routine.cost = *cost,
                RoutineOption::Rows(rows) => {
                    if !routine.set {
                        return Err(Error::new(
                            SqlState::INVALID_PARAMETER_VALUE,
                            "ROWS is not applicable when function does not return a set",
                        ));
                    }
                    routine.rows = *rows;
                }
                RoutineOption::Set(name, SetValue::Values(values)) => {
                    only_path(name)?;
                    let value = flat(name, values)?;
                    let mut settings = Settings::new();
                    settings.set(name, &value, false)?;
                    routine.search_path = Some(settings.search_path());
                }
                RoutineOption::Set(name, SetValue::Current) => {
                    only_path(name)?;
                    routine.search_path = Some(context.settings.search_path());
                }
                RoutineOption::Set(name, SetValue::Default) | RoutineOption::Reset(Some(name)) => {
                    Settings::new().show(name)?;
                    if name == "search_path" {
                        routine.search_path = None;
                    }
                }
                RoutineOption::Reset(None) => routine.search_path = None,
            }
        }
        Ok(())
    }
}

/// `0A000` for a schema that goes with the session: what is in it is looked up before all else, and
/// must not take the place of what others call.
pub(super) fn refuse_temporary(context: &StatementContext, schema: Oid) -> Result<()> {
    match context.snapshot.schema(schema) {
        Some(schema) if schema.is_temporary() => {
            Err(Error::unsupported("a function in a temporary schema"))
        }
        Some(_) | None => Ok(()),
    }
}

/// Of settings only the search path can be a function's own: the others would change how values are
/// computed in the midst of a query.
fn only_path(name: &str) -> Result<()> {
    if name.eq_ignore_ascii_case("search_path") {
        return Ok(());
    }
    Err(Error::unsupported(format!("SET {name} of a function")))
}

pub(super) fn invalid(message: String) -> Error {
    Error::new(SqlState::INVALID_FUNCTION_DEFINITION, message)
}

fn check_language(create: &CreateRoutine) -> Result<()> {
    let sql_body = !matches!(create.body, BodyDefinition::Text(_));
    match create.language.as_deref() {
        Some("sql") => Ok(()),
        Some("plpgsql") if !sql_body => Ok(()),
        None if sql_body => Ok(()),
        None => Err(invalid("no language specified".to_owned())),
        Some(_) if sql_body => Err(invalid(
            "inline SQL function body only valid for language SQL".to_owned(),
        )),
        Some(language @ ("c" | "internal")) => {
            Err(Error::unsupported(format!("LANGUAGE {language}"))
                .hint("Functions are written in LANGUAGE sql or plpgsql."))
        }
        Some(language) => Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("language \"{language}\" does not exist"),
        )),
    }
}

fn body(context: &StatementContext, create: &CreateRoutine) -> Result<RoutineBody> {
    let view = |query: String| View {
        query,
        search_path: context.search_path.names(&context.snapshot),
        depends_on: Vec::new(),
        next_attnums: Default::default(),
        names: Default::default(),
        keys: Default::default(),
        types: Vec::new(),
        check_option: None,
    };
    let procedural = create.language.as_deref() == Some("plpgsql");
    Ok(match &create.body {
        BodyDefinition::Text(text) if procedural => RoutineBody::Procedural(text.clone()),
        BodyDefinition::Text(text) => RoutineBody::Text(text.clone()),
        BodyDefinition::Return(expression) => RoutineBody::Return(view(returned(expression)?)),
        BodyDefinition::Atomic(text) => RoutineBody::Atomic(view(text.clone())),
    })
}

/// What PostgreSQL asks of a parameter beside those before it.
pub(super) fn check_parameter(
    snapshot: &Snapshot,
    before: &[Parameter],
    new: &Parameter,
    defaults: &mut bool,
) -> Result<()> {
    let clashes = |other: &Parameter| {
        !new.name.is_empty()
            && other.name == new.name
            && (other.mode.is_input() && new.mode.is_input()
                || other.mode.is_output() && new.mode.is_output()
                || new.mode == ParameterMode::Table)
    };
    if before.iter().any(clashes) {
        return Err(invalid(format!(
            "parameter name \"{}\" used more than once",
            new.name
        )));
    }
    if !new.mode.is_input() {
        return Ok(());
    }
    if before.iter().any(|p| p.mode == ParameterMode::Variadic) {
        return Err(invalid(
            "VARIADIC parameter must be the last input parameter".to_owned(),
        ));
    }
    if new.mode == ParameterMode::Variadic
        && !matches!(new.ty.0, 2277 | 5078)
        && !snapshot.value_type(new.ty).is_array()
    {
        return Err(invalid("VARIADIC parameter must be an array".to_owned()));
    }
    if *defaults && new.default.is_none() {
        return Err(invalid(
            "input parameters after one with a default value must also have defaults".to_owned(),
        ));
    }
    *defaults |= new.default.is_some();
    Ok(())
}

/// `pg_proc.prorettype` and `proretset`.
fn returns(
    context: &StatementContext,
    create: &CreateRoutine,
    parameters: &[Parameter],
) -> Result<(Oid, bool)> {
    let outputs: Vec<&Parameter> = parameters.iter().filter(|p| p.mode.is_output()).collect();
    let from_outputs = match outputs.as_slice() {
        [] => None,
        [one] if !create.procedure => Some(one.ty),
        _ => Some(PgType::RECORD.oid),
    };
    match (&create.returns, from_outputs) {
        (None, Some(ty)) => Ok((ty, false)),
        (None, None) if create.procedure => Ok((PgType::VOID.oid, false)),
        (None, None) => Err(invalid("function result type must be specified".to_owned())),
        (Some(ReturnsClause::Table), ty) => Ok((ty.unwrap_or(PgType::RECORD.oid), true)),
        (Some(ReturnsClause::Type { ty, set }), expected) => {
            let ty = type_of(context, ty)?;
            match expected {
                Some(expected) if expected != ty => Err(invalid(format!(
                    "function result type must be {} because of OUT parameters",
                    context.snapshot.type_name(expected)
                ))),
                Some(_) | None => Ok((ty, *set)),
            }
        }
    }
}

/// The OIDs of the types that trigger functions return.
const TRIGGER: u32 = 2279;
const EVENT_TRIGGER: u32 = 3838;

fn check_types(context: &StatementContext, routine: &Routine) -> Result<()> {
    let ty = routine.returns;
    if ty.0 == EVENT_TRIGGER {
        return Err(Error::unsupported("an event trigger function"));
    }
    if ty.0 == TRIGGER {
        if !matches!(routine.body, RoutineBody::Procedural(_)) {
            return Err(invalid(
                "SQL functions cannot return type trigger".to_owned(),
            ));
        }
        if !routine.parameters.is_empty() {
            return Err(
                invalid("trigger functions cannot have declared arguments".to_owned()).hint(
                    "The arguments of the trigger can be accessed through TG_NARGS and TG_ARGV \
                     instead.",
                ),
            );
        }
        return Ok(());
    }
    let stands_for = ty == PgType::VOID.oid || ty == PgType::RECORD.oid;
    if Routine::is_polymorphic(ty) {
        return check_polymorphic(context, &routine.input_types(), ty, "result");
    }
    if !stands_for && !is_value_type(context, ty) {
        return Err(invalid(format!(
            "SQL functions cannot return type {}",
            context.snapshot.type_name(ty)
        )));
    }
    Ok(())
}

/// `42P13` if `ty` is polymorphic and nothing among the inputs says what it is.
pub(super) fn check_polymorphic(
    context: &StatementContext,
    inputs: &[Oid],
    ty: Oid,
    what: &str,
) -> Result<()> {
    if !Routine::is_polymorphic(ty) {
        return Ok(());
    }
    let compatible = |ty: &Oid| matches!(ty.0, 4538 | 5077..=5080);
    // That there is a range over a type does not say which.
    let range = |ty: &Oid| matches!(ty.0, 3831 | 4537 | 4538 | 5080);
    let any = inputs.iter().any(|input| {
        Routine::is_polymorphic(*input)
            && compatible(input) == compatible(&ty)
            && (range(input) || !range(&ty))
    });
    if any {
        return Ok(());
    }
    let name = context.snapshot.type_name(ty);
    let others = match (compatible(&ty), range(&ty)) {
        (true, true) => "anycompatiblerange or anycompatiblemultirange",
        (true, false) => {
            "anycompatible, anycompatiblearray, anycompatiblenonarray, anycompatiblerange, or \
             anycompatiblemultirange"
        }
        (false, true) => "anyrange or anymultirange",
        (false, false) => "anyelement, anyarray, anynonarray, anyenum, anyrange, or anymultirange",
    };
    Err(
        invalid(format!("cannot determine {what} data type")).detail(format!(
            "A result of type {name} requires at least one input of type {others}."
        )),
    )
}

/// Gives a routine about to be made the identity of the one whose place it takes; says whether
/// there is one.
///
/// # Errors
/// As [`check_replaceable`].
pub(super) fn take_place(
    context: &StatementContext,
    routine: &mut Routine,
    or_replace: bool,
) -> Result<bool> {
    let mut known = context
        .snapshot
        .routines_named(routine.schema, &routine.name);
    let types = routine.input_types();
    let Some(old) = known.find(|old| old.input_types() == types) else {
        return Ok(false);
    };
    check_replaceable(context, old, routine, or_replace)?;
    routine.oid = old.oid;
    Ok(true)
}

/// Whether a function may take the place of one that takes the same.
fn check_replaceable(
    context: &StatementContext,
    old: &Routine,
    new: &Routine,
    or_replace: bool,
) -> Result<()> {
    if or_replace {
        return check_replacement(context, old, new);
    }
    Err(Error::new(
        SqlState::DUPLICATE_FUNCTION,
        format!(
            "function \"{}\" already exists with same argument types",
            new.name
        ),
    ))
}

/// What CREATE OR REPLACE may not change.
fn check_replacement(context: &StatementContext, old: &Routine, new: &Routine) -> Result<()> {
    let snapshot = &context.snapshot;
    let hint = format!(
        "Use DROP {} {} first.",
        old.kind_name().to_uppercase(),
        snapshot.signature(old, None)
    );
    if old.kind_name() != new.kind_name() {
        let is = match old.aggregate() {
            Some(_) => "an aggregate function".to_owned(),
            None => format!("a {}", old.kind_name()),
        };
        return Err(
            Error::new(SqlState::WRONG_OBJECT_TYPE, "cannot change routine kind")
                .detail(format!("\"{}\" is {is}.", old.name)),
        );
    }
    if old.returns != new.returns || old.set != new.set {
        return Err(invalid(if old.procedure {
            "cannot change whether a procedure has output parameters".to_owned()
        } else {
            "cannot change return type of existing function".to_owned()
        })
        .hint(hint));
    }
    let shape = |routine: &Routine| -> Vec<(String, Oid)> {
        routine.outputs().map(|p| (p.name.clone(), p.ty)).collect()
    };
    if shape(old) != shape(new) && old.returns == PgType::RECORD.oid {
        return Err(
            invalid("cannot change return type of existing function".to_owned())
                .detail("Row type defined by OUT parameters is different.")
                .hint(hint),
        );
    }
    if let (Some(was), Some(is)) = (old.aggregate(), new.aggregate()) {
        if was.kind != is.kind {
            return Err(
                Error::new(SqlState::WRONG_OBJECT_TYPE, "cannot change routine kind")
                    .detail(format!("\"{}\" is {}.", old.name, was.kind.words())),
            );
        }
        if was.direct != is.direct {
            return Err(invalid(
                "cannot change number of direct arguments of an aggregate function".to_owned(),
            ));
        }
    }
    for (was, is) in old.inputs().zip(new.inputs()) {
        if !was.name.is_empty() && was.name != is.name {
            return Err(invalid(format!(
                "cannot change name of input parameter \"{}\"",
                was.name
            ))
            .hint(hint));
        }
        if was.default.is_some() && is.default.is_none() {
            return Err(invalid(
                "cannot remove parameter defaults from existing function".to_owned(),
            )
            .hint(hint));
        }
    }
    Ok(())
}
