//! The functions that other objects are made of: found by their names and what they are to take.

use super::super::Analyst;
use super::super::coerce::undetermined;
use super::super::level::Level;
use super::super::operator::{Choice, choose};
use super::super::typed::{self, Typed};
use super::resolve::generic;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Privileges, Routine, Snapshot};
use crate::engine::command::ObjectName;
use crate::pg_catalog::is_same_bits;
use crate::pg_catalog::relations::functions::{Function, by_name, by_oid};
use crate::privileges::{self, Need};
use crate::statement::StatementContext;
use crate::types::PgType;

/// A function that something is made of.
#[derive(Debug, Clone)]
pub struct Support {
    /// Which.
    pub oid: Oid,
    /// What it takes, as declared.
    pub takes: Vec<Oid>,
    /// What it gives.
    pub returns: Oid,
    /// Whether it gives NULL for NULL.
    pub strict: bool,
    /// Whether it gives a set.
    pub set: bool,
}

impl Support {
    /// A users' function.
    pub fn of_user(routine: &Routine) -> Self {
        Self {
            oid: routine.oid,
            takes: routine.input_types(),
            returns: routine.returns,
            strict: routine.strict,
            set: routine.set,
        }
    }

    fn of_own(oid: Oid, function: &Function) -> Self {
        Self {
            oid,
            takes: function.arguments.clone(),
            returns: function.result,
            strict: function.strict,
            set: function.set,
        }
    }

    /// The functions of a name that can be seen and are no aggregates, the first on the path first.
    pub fn named(context: &StatementContext, name: &ObjectName) -> Result<Vec<Self>> {
        let snapshot = &context.snapshot;
        let schema = name.schema.as_deref();
        if let Some(schema) = schema
            && snapshot.schema_named(schema).is_none()
        {
            return Err(Error::new(
                SqlState::INVALID_SCHEMA_NAME,
                format!("schema \"{schema}\" does not exist"),
            ));
        }
        if let Some(schema) = schema.and_then(|schema| snapshot.schema_named(schema)) {
            let need = Need::Privilege {
                role: context.role,
                object: ObjectId::Schema(schema.oid),
                any_of: Privileges::from(Privilege::Usage),
            };
            privileges::authorize(snapshot, &[need], ())?;
        }
        let mut found: Vec<Self> = Vec::new();
        for schema in context.search_path.candidates(snapshot, schema) {
            let routines = snapshot.routines_named(schema, &name.name);
            let plain = |routine: &&std::sync::Arc<Routine>| {
                !routine.procedure && routine.aggregate().is_none()
            };
            let users = routines.filter(plain).map(|routine| Self::of_user(routine));
            let own = by_name(&name.name).into_iter();
            let own = own.filter(|(_, of)| of.schema == schema && of.kind == "f");
            for support in users.chain(own.map(|(oid, of)| Self::of_own(oid, of))) {
                if !found.iter().any(|other| other.takes == support.takes) {
                    found.push(support);
                }
            }
        }
        Ok(found)
    }

    /// The function that takes these types, and what it gives for them; as PostgreSQL looks up what
    /// aggregates are made of.
    ///
    /// # Errors
    /// `42883` none, `42804` one that takes others, `42501`
    pub fn of_aggregate(
        context: &StatementContext,
        name: &ObjectName,
        types: &[Oid],
    ) -> Result<Self> {
        let snapshot = &context.snapshot;
        let missing = || missing(snapshot, name, types);
        let known = Self::named(context, name)?;
        let exact = known.iter().find(|known| known.takes == types).cloned();
        let found = match exact {
            Some(exact) => exact,
            None if types.iter().any(|ty| Routine::is_polymorphic(*ty)) => return Err(missing()),
            None => {
                let given: Vec<PgType> = types.iter().map(|ty| snapshot.value_type(*ty)).collect();
                let mut candidates: Vec<(Vec<PgType>, usize)> = Vec::new();
                for (index, known) in known.iter().enumerate() {
                    let fits = known.takes.len() == given.len();
                    let Some(generic) = generic(&known.takes, &given).filter(|_| fits) else {
                        continue;
                    };
                    let takes = known.takes.iter().map(|ty| generic.actual(snapshot, *ty));
                    if let Some(takes) = takes.collect::<Option<Vec<_>>>() {
                        candidates.push((takes, index));
                    }
                }
                let Choice::One(index) = choose(&candidates, &given) else {
                    return Err(missing());
                };
                let taken = candidates.into_iter().find(|(_, of)| *of == index);
                let (taken, _) = taken.ok_or_else(missing)?;
                let mut found = known[index].clone();
                let coerced = taken.iter().zip(&given);
                let mut coerced = coerced.filter(|(to, from)| !is_same_bits(from.oid, to.oid));
                if coerced.next().is_some() {
                    let takes: Vec<Oid> = taken.iter().map(|ty| ty.declared()).collect();
                    return Err(Error::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "function {} requires run-time type coercion",
                            signature(snapshot, name, &takes)
                        ),
                    ));
                }
                if Routine::is_polymorphic(found.returns) {
                    let generic = generic(&found.takes, &given).ok_or_else(undetermined)?;
                    let actual = generic.actual(snapshot, found.returns);
                    found.returns = actual.ok_or_else(undetermined)?.declared();
                }
                found
            }
        };
        if found.set {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "function {} returns a set",
                    signature(snapshot, name, types)
                ),
            ));
        }
        found.callable(context)?;
        Ok(found)
    }

    /// `42501` unless whoever asks may call it.
    pub fn callable(&self, context: &StatementContext) -> Result<()> {
        let need = Need::Privilege {
            role: context.role,
            object: ObjectId::Routine(self.oid),
            any_of: Privileges::from(Privilege::Execute),
        };
        privileges::authorize(&context.snapshot, &[need], ())?;
        Ok(())
    }
}

/// `name(integer, text)`, the name as it is written.
pub fn signature(snapshot: &Snapshot, name: &ObjectName, types: &[Oid]) -> String {
    let types: Vec<String> = types.iter().map(|ty| snapshot.type_name(*ty)).collect();
    format!("{name}({})", types.join(", "))
}

/// `42883`
fn missing(snapshot: &Snapshot, name: &ObjectName, types: &[Oid]) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!(
            "function {} does not exist",
            signature(snapshot, name, types)
        ),
    )
}

impl Analyst<'_> {
    /// Sees that those of PostgreSQL's functions that an aggregate is made of can be called here,
    /// and that its first state is one.
    ///
    /// # Errors
    /// `0A000`; as reading a value of the state's type.
    pub(in crate::engine::analyze) fn check_aggregate(&self, routine: &Routine) -> Result<()> {
        let Some(aggregate) = routine.aggregate() else {
            return Ok(());
        };
        let snapshot = &self.scope.context.snapshot;
        let plain = &aggregate.plain;
        let level = Level::new(None, None);
        for oid in [Some(plain.function), plain.finish].into_iter().flatten() {
            let Some(own) = by_oid(oid) else { continue };
            let args = own.arguments.iter().map(|ty| {
                let ty = match ty.0 {
                    2277 | 5078 => PgType::INT4.array().unwrap_or(PgType::INT4),
                    _ if Routine::is_polymorphic(*ty) => PgType::INT4,
                    _ => snapshot.value_type(*ty),
                };
                typed::null(ty)
            });
            let args = args.collect::<Result<Vec<Typed>>>()?;
            self.supporting_own(&level, oid, args).map_err(|error| {
                match error.state() == SqlState::UNDEFINED_FUNCTION {
                    true => Error::unsupported(format!(
                        "function {} as part of an aggregate",
                        quote(own.name)
                    )),
                    false => error,
                }
            })?;
        }
        for transition in [
            Some(plain),
            aggregate.moving.as_ref().map(|of| &of.transition),
        ] {
            let Some(transition) = transition else {
                continue;
            };
            let Some(text) = &transition.initial else {
                continue;
            };
            if !Routine::is_polymorphic(transition.state) {
                let state = snapshot.value_type(transition.state);
                self.coerced(typed::unknown(Some(text)), state)
                    .map_err(Error::without_position)?;
            }
        }
        Ok(())
    }
}

/// What a function takes, as declared.
pub(in crate::engine::analyze) fn takes(snapshot: &Snapshot, function: Oid) -> Vec<Oid> {
    match snapshot.routine(function) {
        Some(routine) => routine.input_types(),
        None => by_oid(function).map_or_else(Vec::new, |own| own.arguments.clone()),
    }
}
