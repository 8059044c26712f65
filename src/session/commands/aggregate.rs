//! CREATE AGGREGATE.

use super::domain::usable;
use super::routine::{check_parameter, check_polymorphic, invalid, refuse_temporary, take_place};
use super::routine_type::{INTERNAL, is_value_type, type_of};
use super::tag;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Aggregate, AggregateKind, Modify, Moving, Parallel, Parameter, ParameterMode, Routine,
    RoutineBody, Transition, Volatility,
};
use crate::engine::Support;
use crate::engine::aggregate_definition::{
    AggregateAttributes, BaseType, CreateAggregate, TransitionAttributes,
};
use crate::engine::command::ObjectName;
use crate::engine::routine_definition::ParameterDefinition;
use crate::pg_catalog::is_same_bits;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;

/// Arguments of one aggregate, beside which there is the state.
const ARGUMENTS_MAX: usize = 99;

impl Session {
    /// CREATE [OR REPLACE] AGGREGATE
    pub(in crate::session) async fn create_aggregate(
        &mut self,
        create: &CreateAggregate,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let schema = context
            .snapshot
            .resolve_creation_schema(&context.search_path, create.name.schema.as_deref())?;
        refuse_temporary(&context, schema)?;
        for name in &create.unknown {
            let message = format!("aggregate attribute \"{name}\" not recognized");
            self.warning(SqlState::SYNTAX_ERROR, message);
        }
        let superuser = self.is_superuser(context.role);
        let plan = Plan::new(&context, create, superuser)?;
        let (aggregate, returns) = plan.aggregate()?;
        for ty in plan.types().chain([returns]) {
            usable(&context, context.snapshot.value_type(ty))?;
        }
        let mut routine = Routine {
            oid: self.shared.database.new_oid(),
            name: create.name.name.clone(),
            schema,
            owner: context.role,
            acl: None,
            comment: None,
            procedure: false,
            parameters: plan.parameters,
            returns,
            set: false,
            volatility: Volatility::Immutable,
            strict: false,
            security_definer: false,
            leakproof: false,
            parallel: create.attributes.parallel.unwrap_or(Parallel::Unsafe),
            cost: 1.0,
            rows: 0.0,
            search_path: None,
            body: RoutineBody::Aggregate(Box::new(aggregate)),
            publication: 1,
        };
        let replaces = take_place(&context, &mut routine, create.or_replace)?;
        let engine = self.shared.engine.clone();
        let checked = std::sync::Arc::new(routine.clone());
        let work = engine.check_aggregate(&context, &checked);
        interruptible(run.interrupt, work).await?;
        self.push_routine(routine, replaces)?;
        Ok(tag("CREATE AGGREGATE"))
    }
}

/// What a statement comes to, as far as it is looked up.
struct Plan<'a> {
    context: &'a StatementContext,
    attributes: &'a AggregateAttributes,
    kind: AggregateKind,
    parameters: Vec<Parameter>,
    direct: usize,
    state: Oid,
    moving_state: Option<Oid>,
}

impl<'a> Plan<'a> {
    fn new(
        context: &'a StatementContext,
        create: &'a CreateAggregate,
        superuser: bool,
    ) -> Result<Self> {
        let attributes = &create.attributes;
        if attributes.plain.state.is_none() {
            return Err(invalid("aggregate stype must be specified".to_owned()));
        }
        if attributes.plain.function.is_none() {
            return Err(invalid("aggregate sfunc must be specified".to_owned()));
        }
        check_moving(attributes)?;
        let (definitions, direct, kind) = match (&create.arguments, &attributes.base) {
            (None, None) => {
                return Err(invalid("aggregate input type must be specified".to_owned()));
            }
            (None, Some(BaseType::Any)) => (Vec::new(), 0, AggregateKind::Normal),
            (None, Some(BaseType::Of(ty))) => {
                let argument = ParameterDefinition {
                    name: String::new(),
                    mode: ParameterMode::In,
                    ty: ty.clone(),
                    set: false,
                    default: None,
                };
                (vec![argument], 0, AggregateKind::Normal)
            }
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "basetype is redundant with aggregate input type specification".to_owned(),
                ));
            }
            (Some(arguments), None) => {
                let mut all = arguments.direct.clone();
                let kind = match &arguments.sorted {
                    None => AggregateKind::Normal,
                    Some(_) if attributes.hypothetical => AggregateKind::Hypothetical,
                    Some(_) => AggregateKind::OrderedSet,
                };
                let direct = match &arguments.sorted {
                    Some(sorted) => {
                        all.extend(sorted.iter().cloned());
                        if all.iter().any(|of| of.mode == ParameterMode::Variadic) {
                            return Err(Error::unsupported(
                                "an ordered-set aggregate with VARIADIC arguments",
                            ));
                        }
                        arguments.direct.len()
                    }
                    None => 0,
                };
                (all, direct, kind)
            }
        };
        if attributes.hypothetical && kind == AggregateKind::Normal {
            return Err(invalid(
                "only ordered-set aggregates can be hypothetical".to_owned(),
            ));
        }
        let parameters = parameters(context, &definitions)?;
        let state = state_type(context, &attributes.plain, superuser)?
            .ok_or_else(|| invalid("aggregate stype must be specified".to_owned()))?;
        match (&attributes.serialize, &attributes.deserialize) {
            (None, None) => {}
            (Some(_), Some(_)) if state == INTERNAL => {}
            (Some(_), Some(_)) => {
                return Err(invalid(
                    "serialization functions may be specified only when the aggregate transition \
                     data type is internal"
                        .to_owned(),
                ));
            }
            _ => {
                return Err(invalid(
                    "must specify both or neither of serialization and deserialization functions"
                        .to_owned(),
                ));
            }
        }
        let moving_state = state_type(context, &attributes.moving, superuser)?;
        Ok(Self {
            context,
            attributes,
            kind,
            parameters,
            direct,
            state,
            moving_state,
        })
    }

    /// What the aggregate takes.
    fn inputs(&self) -> Vec<Oid> {
        self.parameters.iter().map(|of| of.ty).collect()
    }

    /// The types that whoever makes it must have the right to use.
    fn types(&self) -> impl Iterator<Item = Oid> {
        let states = [Some(self.state), self.moving_state].into_iter().flatten();
        self.inputs().into_iter().chain(states)
    }

    fn name(&self, ty: Oid) -> String {
        self.context.snapshot.type_name(ty)
    }

    /// The aggregate, and what it answers.
    fn aggregate(&self) -> Result<(Aggregate, Oid)> {
        let inputs = self.inputs();
        if inputs.len() > ARGUMENTS_MAX {
            return Err(Error::new(
                SqlState::TOO_MANY_ARGUMENTS,
                format!("aggregates cannot have more than {ARGUMENTS_MAX} arguments"),
            ));
        }
        for state in [Some(self.state), self.moving_state].into_iter().flatten() {
            check_polymorphic(self.context, &inputs, state, "transition")?;
        }
        let (direct, sorted) = inputs.split_at(self.direct);
        if self.kind == AggregateKind::Hypothetical && !direct.ends_with(sorted) {
            return Err(invalid(
                "a hypothetical-set aggregate must have direct arguments matching its aggregated \
                 arguments"
                    .to_owned(),
            ));
        }
        let plain = self.transition(&self.attributes.plain, self.state)?;
        let finished = self.finish(&self.attributes.plain, self.state)?;
        let combine = self.combine()?;
        let serialize = self.serialize()?;
        let returns = finished.as_ref().map_or(self.state, |of| of.returns);
        check_polymorphic(self.context, &inputs, returns, "result")?;
        if returns == INTERNAL {
            return Err(invalid("unsafe use of pseudo-type \"internal\"".to_owned()).detail(
                "A function returning \"internal\" must have at least one \"internal\" argument.",
            ));
        }
        let moving = match (self.moving_state, &self.attributes.inverse) {
            (Some(state), Some(inverse)) => Some(self.moving(state, inverse, returns)?),
            _ => None,
        };
        let sort_operator = match &self.attributes.sort_operator {
            None => None,
            Some(name) => Some(self.sort_operator(name, &inputs)?),
        };
        if self.state == INTERNAL {
            return Err(Error::unsupported("an aggregate whose state is internal"));
        }
        let aggregate = Aggregate {
            kind: self.kind,
            direct: self.direct,
            plain: self.made(
                &self.attributes.plain,
                self.state,
                plain.oid,
                finished.as_ref(),
            ),
            moving,
            combine,
            serialize,
            sort_operator,
        };
        Ok((aggregate, returns))
    }

    fn made(
        &self,
        of: &TransitionAttributes,
        state: Oid,
        function: Oid,
        finish: Option<&Support>,
    ) -> Transition {
        let modify = match self.kind {
            AggregateKind::Normal => Modify::ReadOnly,
            AggregateKind::OrderedSet | AggregateKind::Hypothetical => Modify::ReadWrite,
        };
        Transition {
            function,
            state,
            space: of.space.unwrap_or(0),
            initial: of.initial.clone(),
            finish: finish.map(|finish| finish.oid),
            extra: of.extra,
            modify: of.modify.unwrap_or(modify),
        }
    }

    /// The state and the arguments of a row.
    fn taken(&self, state: Oid) -> Vec<Oid> {
        let inputs = self.inputs();
        let rows = inputs.into_iter().skip(self.direct);
        std::iter::once(state).chain(rows).collect()
    }

    fn transition(&self, of: &TransitionAttributes, state: Oid) -> Result<Support> {
        let Some(name) = &of.function else {
            return Err(invalid("aggregate sfunc must be specified".to_owned()));
        };
        let found = Support::of_aggregate(self.context, name, &self.taken(state))?;
        self.gives(&found, state, "transition function", name)?;
        let first = self.inputs().get(self.direct).copied();
        let begins = first.is_some_and(|first| is_same_bits(first, state));
        if found.strict && of.initial.is_none() && !begins {
            return Err(invalid(
                "must not omit initial value when transition function is strict and transition \
                 type is not compatible with input type"
                    .to_owned(),
            ));
        }
        Ok(found)
    }

    /// `42804` unless a function gives what the aggregate has.
    fn gives(&self, found: &Support, ty: Oid, what: &str, name: &ObjectName) -> Result<()> {
        if found.returns == ty {
            return Ok(());
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("return type of {what} {name} is not {}", self.name(ty)),
        ))
    }

    fn finish(&self, of: &TransitionAttributes, state: Oid) -> Result<Option<Support>> {
        let Some(name) = &of.finish else {
            return Ok(None);
        };
        let count = match of.extra {
            true => self.parameters.len(),
            false => self.direct,
        };
        let inputs = self.inputs().into_iter().take(count);
        let takes: Vec<Oid> = std::iter::once(state).chain(inputs).collect();
        let found = Support::of_aggregate(self.context, name, &takes)?;
        if of.extra && found.strict {
            return Err(invalid(
                "final function with extra arguments must not be declared STRICT".to_owned(),
            ));
        }
        Ok(Some(found))
    }

    fn combine(&self) -> Result<Option<Oid>> {
        let Some(name) = &self.attributes.combine else {
            return Ok(None);
        };
        let found = Support::of_aggregate(self.context, name, &[self.state; 2])?;
        self.gives(&found, self.state, "combine function", name)?;
        if self.state == INTERNAL && found.strict {
            return Err(invalid(format!(
                "combine function with transition type {} must not be declared STRICT",
                self.name(self.state)
            )));
        }
        Ok(Some(found.oid))
    }

    fn serialize(&self) -> Result<Option<(Oid, Oid)>> {
        let (Some(there), Some(back)) = (&self.attributes.serialize, &self.attributes.deserialize)
        else {
            return Ok(None);
        };
        let to = Support::of_aggregate(self.context, there, &[INTERNAL])?;
        self.gives(&to, PgType::BYTEA.oid, "serialization function", there)?;
        let from = Support::of_aggregate(self.context, back, &[PgType::BYTEA.oid, INTERNAL])?;
        self.gives(&from, INTERNAL, "deserialization function", back)?;
        Ok(Some((to.oid, from.oid)))
    }

    fn moving(&self, state: Oid, inverse: &ObjectName, returns: Oid) -> Result<Moving> {
        let of = &self.attributes.moving;
        let forward = self.transition(of, state)?;
        let back = Support::of_aggregate(self.context, inverse, &self.taken(state))?;
        self.gives(&back, state, "inverse transition function", inverse)?;
        if forward.strict != back.strict {
            return Err(invalid(
                "strictness of aggregate's forward and inverse transition functions must match"
                    .to_owned(),
            ));
        }
        let finish = self.finish(of, state)?;
        let gives = finish.as_ref().map_or(state, |of| of.returns);
        if gives != returns {
            return Err(invalid(format!(
                "moving-aggregate implementation returns type {}, but plain implementation \
                 returns type {}",
                self.name(gives),
                self.name(returns)
            )));
        }
        Ok(Moving {
            transition: self.made(of, state, forward.oid, finish.as_ref()),
            inverse: back.oid,
        })
    }

    fn sort_operator(&self, name: &ObjectName, inputs: &[Oid]) -> Result<Oid> {
        let [ty] = inputs else {
            return Err(invalid(
                "sort operator can only be specified for single-argument aggregates".to_owned(),
            ));
        };
        crate::pg_catalog::operator_oid(&name.name, *ty, *ty).ok_or_else(|| {
            let ty = self.name(*ty);
            Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("operator does not exist: {ty} {name} {ty}"),
            )
        })
    }
}

/// What is said of moving aggregates is said with MSTYPE.
fn check_moving(attributes: &AggregateAttributes) -> Result<()> {
    let of = &attributes.moving;
    let refuse = |text: String| Err(invalid(text));
    if of.state.is_some() {
        for (name, there) in [
            ("msfunc", of.function.is_some()),
            ("minvfunc", attributes.inverse.is_some()),
        ] {
            if !there {
                return refuse(format!(
                    "aggregate {name} must be specified when mstype is specified"
                ));
            }
        }
        return Ok(());
    }
    for (name, there) in [
        ("msfunc", of.function.is_some()),
        ("minvfunc", attributes.inverse.is_some()),
        ("mfinalfunc", of.finish.is_some()),
        ("msspace", of.space.is_some_and(|space| space != 0)),
        ("minitcond", of.initial.is_some()),
    ] {
        if there {
            return refuse(format!(
                "aggregate {name} must not be specified without mstype"
            ));
        }
    }
    Ok(())
}

/// STYPE, MSTYPE
fn state_type(
    context: &StatementContext,
    of: &TransitionAttributes,
    superuser: bool,
) -> Result<Option<Oid>> {
    let Some(written) = &of.state else {
        return Ok(None);
    };
    let ty = type_of(context, written)?;
    let fits =
        is_value_type(context, ty) || Routine::is_polymorphic(ty) || ty == INTERNAL && superuser;
    if fits {
        return Ok(Some(ty));
    }
    Err(invalid(format!(
        "aggregate transition data type cannot be {}",
        context.snapshot.type_name(ty)
    )))
}

fn parameters(
    context: &StatementContext,
    definitions: &[ParameterDefinition],
) -> Result<Vec<Parameter>> {
    let mut parameters: Vec<Parameter> = Vec::with_capacity(definitions.len());
    for definition in definitions {
        let ty = type_of(context, &definition.ty)?;
        if definition.set {
            return Err(invalid("aggregates cannot accept set arguments".to_owned()));
        }
        if !is_value_type(context, ty) && !Routine::is_polymorphic(ty) {
            return Err(Error::unsupported(format!(
                "an aggregate of arguments of type {}",
                context.snapshot.type_name(ty)
            )));
        }
        let parameter = Parameter {
            name: definition.name.clone(),
            mode: definition.mode,
            ty,
            default: None,
        };
        check_parameter(&context.snapshot, &parameters, &parameter, &mut false)?;
        parameters.push(parameter);
    }
    Ok(parameters)
}
