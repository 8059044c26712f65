//! CREATE and DROP CAST.

use std::sync::Arc;

use super::domain::usable;
use super::routine_type::{is_value_type, routine_of, type_of};
use super::tag;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Cast, CastMade, CastMethod, Change, Definition, DefinitionBody, ObjectId};
use crate::engine::command::ObjectName;
use crate::engine::routine_definition::RoutineSpec;
use crate::engine::value_definition::{CastClause, CastSpec, CastStatement};
use crate::engine::{Support, signature};
use crate::pg_catalog::{cast_context, is_same_bits};
use crate::privileges;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

/// What a statement is called.
pub(in crate::session) fn tag_of(statement: &CastStatement) -> &'static str {
    match statement {
        CastStatement::Create { .. } => "CREATE CAST",
        CastStatement::Drop { .. } => "DROP CAST",
    }
}

impl Session {
    /// A statement about casts.
    pub(in crate::session) fn cast_statement(
        &mut self,
        statement: &CastStatement,
    ) -> Result<CommandTag> {
        match statement {
            CastStatement::Create {
                made: CastMade::Assignment,
                ..
            } => return Err(Error::unsupported("CREATE CAST … AS ASSIGNMENT")),
            CastStatement::Create {
                made: CastMade::Implicit,
                ..
            } => return Err(Error::unsupported("CREATE CAST … AS IMPLICIT")),
            CastStatement::Create { cast, clause, made } => {
                self.create_cast(cast, clause, *made)?
            }
            CastStatement::Drop {
                cast,
                if_exists,
                cascade,
            } => self.drop_cast(cast, *if_exists, *cascade)?,
        }
        Ok(tag(tag_of(statement)))
    }

    fn create_cast(&mut self, spec: &CastSpec, clause: &CastClause, made: CastMade) -> Result<()> {
        let context = self.context()?;
        let snapshot = &context.snapshot;
        let (source, target) = types(&context, spec)?;
        for (which, ty) in [("source", source), ("target", target)] {
            if !is_value_type(&context, ty) {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!(
                        "{which} data type {} is a pseudo-type",
                        snapshot.type_name(ty)
                    ),
                ));
            }
        }
        check_owner(&context, source, target)?;
        for ty in [source, target] {
            usable(&context, snapshot.value_type(ty))?;
        }
        for (which, ty) in [("source", source), ("target", target)] {
            if snapshot.value_type(ty).domain.is_some() {
                let message =
                    format!("cast will be ignored because the {which} data type is a domain");
                self.warning(SqlState::WARNING, message);
            }
        }
        let method = match clause {
            CastClause::Function(spec) => {
                CastMethod::Function(function(&context, spec, source, target)?)
            }
            CastClause::InOut => CastMethod::InOut,
            CastClause::Binary => {
                if !self.is_superuser(context.role) {
                    return Err(Error::new(
                        SqlState::INSUFFICIENT_PRIVILEGE,
                        "must be superuser to create a cast WITHOUT FUNCTION",
                    ));
                }
                return Err(no_bits(&context, source, target));
            }
        };
        if source == target && !matches!(method, CastMethod::Function(_)) {
            return Err(same());
        }
        if snapshot.cast(source, target).is_some() || cast_context(source, target).is_some() {
            return Err(snapshot.duplicate_cast(source, target));
        }
        let of = Definition {
            oid: self.shared.database.new_oid(),
            name: String::new(),
            schema: Oid::INVALID,
            owner: Oid::SUPERUSER,
            comment: None,
            body: DefinitionBody::Cast(Cast {
                source,
                target,
                method,
                made,
            }),
        };
        self.push(vec![Change::CreateDefinition(Box::new(of))], Vec::new())
    }

    fn drop_cast(&mut self, spec: &CastSpec, if_exists: bool, cascade: bool) -> Result<()> {
        let context = self.context()?;
        let of = match users(&context, spec) {
            Ok(of) => of,
            Err(error) if if_exists && error.state() == SqlState::UNDEFINED_OBJECT => {
                self.notice(format!("{}, skipping", error.message()));
                return Ok(());
            }
            Err(error) => return Err(error),
        };
        if let Some(cast) = of.cast() {
            check_owner(&context, cast.source, cast.target)?;
        }
        // In PostgreSQL these keep the cast's function, and go on without the cast.
        let object = ObjectId::Definition(of.oid);
        context.snapshot.refuse_users(object, "dropping")?;
        self.drop_roots(&context, &[object], cascade)
    }
}

/// `42501` unless whoever asks owns one of the types.
fn check_owner(context: &StatementContext, source: Oid, target: Oid) -> Result<()> {
    let snapshot = &context.snapshot;
    if privileges::owns_either(snapshot, context.role, source, target) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!(
            "must be owner of type {} or type {}",
            snapshot.type_name(source),
            snapshot.type_name(target)
        ),
    ))
}

fn types(context: &StatementContext, spec: &CastSpec) -> Result<(Oid, Oid)> {
    Ok((
        type_of(context, &spec.source)?,
        type_of(context, &spec.target)?,
    ))
}

/// The users' cast a statement names.
///
/// # Errors
/// `42704`; `2BP01` for one of PostgreSQL's own.
pub(super) fn users(context: &StatementContext, spec: &CastSpec) -> Result<Arc<Definition>> {
    let (source, target) = types(context, spec)?;
    let snapshot = &context.snapshot;
    if let Some((of, _)) = snapshot.cast(source, target) {
        return Ok(Arc::clone(of));
    }
    let (from, to) = (snapshot.type_name(source), snapshot.type_name(target));
    Err(match cast_context(source, target) {
        Some(_) => Error::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!(
                "cannot drop cast from {from} to {to} because it is required by the database system"
            ),
        ),
        None => Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("cast from type {from} to type {to} does not exist"),
        ),
    })
}

fn invalid(message: &str) -> Error {
    Error::new(SqlState::INVALID_OBJECT_DEFINITION, message)
}

fn same() -> Error {
    invalid("source data type and target data type are the same")
}

/// The function of a cast.
fn function(
    context: &StatementContext,
    spec: &RoutineSpec,
    source: Oid,
    target: Oid,
) -> Result<Oid> {
    let found = named(context, spec)?;
    let count = found.takes.len();
    if !(1..=3).contains(&count) {
        return Err(invalid("cast function must take one to three arguments"));
    }
    let plain = context.snapshot.value_type(source).undomained().oid;
    if !is_same_bits(plain, found.takes[0]) {
        return Err(invalid(
            "argument of cast function must match or be binary-coercible from source data type",
        ));
    }
    if found.takes.get(1).is_some_and(|ty| *ty != PgType::INT4.oid) {
        return Err(invalid(
            "second argument of cast function must be type integer",
        ));
    }
    if found.takes.get(2).is_some_and(|ty| *ty != PgType::BOOL.oid) {
        return Err(invalid(
            "third argument of cast function must be type boolean",
        ));
    }
    if !is_same_bits(found.returns, target) {
        return Err(invalid(
            "return data type of cast function must match or be binary-coercible to target data \
             type",
        ));
    }
    if source == target && count < 2 {
        return Err(same());
    }
    if found.set {
        return Err(invalid("cast function must not return a set"));
    }
    found.callable(context)?;
    Ok(found.oid)
}

/// A users' function or one of PostgreSQL's.
fn named(context: &StatementContext, spec: &RoutineSpec) -> Result<Support> {
    let routine = match routine_of(context, spec) {
        Ok(routine) => Arc::clone(routine),
        Err(error) if error.state() == SqlState::UNDEFINED_FUNCTION => {
            return own(context, &spec.name, spec).map_err(|_| error);
        }
        Err(error) => return Err(error),
    };
    if routine.aggregate().is_some() {
        return Err(invalid("cast function must be a normal function"));
    }
    Ok(Support::of_user(&routine))
}

fn own(context: &StatementContext, name: &ObjectName, spec: &RoutineSpec) -> Result<Support> {
    let types = spec.types.iter().flatten();
    let types = types.map(|(_, ty)| type_of(context, ty));
    let types = types.collect::<Result<Vec<_>>>()?;
    let mut known = Support::named(context, name)?.into_iter();
    known.find(|known| known.takes == types).ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_FUNCTION,
            signature(&context.snapshot, name, &types),
        )
    })
}

/// What is in the way of taking values of one type for those of another.
fn no_bits(context: &StatementContext, source: Oid, target: Oid) -> Error {
    let snapshot = &context.snapshot;
    let (a, b) = (snapshot.value_type(source), snapshot.value_type(target));
    let is = |holds: fn(PgType) -> bool| holds(a) || holds(b);
    if a.info().len != b.info().len {
        return invalid("source and target data types are not physically compatible");
    }
    for (holds, text) in [
        (
            is(PgType::is_composite),
            "composite data types are not binary-compatible",
        ),
        (
            is(|ty| ty.element().is_some()),
            "array data types are not binary-compatible",
        ),
        (
            is(|ty| ty.is_range() || ty.range().is_some()),
            "range data types are not binary-compatible",
        ),
        (
            is(PgType::is_enum),
            "enum data types are not binary-compatible",
        ),
        (
            is(|ty| ty.domain.is_some()),
            "domain data types must not be marked binary-compatible",
        ),
    ] {
        if holds {
            return invalid(text);
        }
    }
    // What PostgreSQL keeps alike is not kept alike here.
    Error::unsupported("CREATE CAST … WITHOUT FUNCTION")
}
