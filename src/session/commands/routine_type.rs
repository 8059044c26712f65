//! Types as functions are declared with them, and functions as statements name them.

use std::sync::Arc;

use sqlparser::ast;

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Routine, Snapshot};
use crate::engine::routine_definition::{RoutineKind, RoutineSpec};
use crate::engine::{signature, written_type};
use crate::statement::StatementContext;
use crate::types::PgType;

/// `internal`
pub(super) const INTERNAL: Oid = Oid(2281);

/// The type a declaration names; its modifier is of no consequence.
pub(super) fn type_of(context: &StatementContext, ty: &ast::DataType) -> Result<Oid> {
    if matches!(ty, ast::DataType::Trigger)
        && let Some(oid) = Routine::pseudo_type("trigger")
    {
        return Ok(oid);
    }
    let known =
        written_type(ty).and_then(|name| name.resolve(&context.snapshot, &context.search_path));
    let error = match known {
        Ok(ty) => return Ok(ty.declared()),
        Err(error) if error.state() == SqlState::UNDEFINED_OBJECT => error,
        Err(error) => return Err(error),
    };
    let ast::DataType::Custom(name, modifiers) = ty else {
        return Err(error);
    };
    if !modifiers.is_empty() {
        return Err(error);
    }
    let parts: Vec<String> = name
        .0
        .iter()
        .filter_map(|part| part.as_ident())
        .map(crate::engine::parse::fold)
        .collect();
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        _ => return Err(error),
    };
    if schema.is_none_or(|schema| schema == "pg_catalog")
        && let Some(oid) = Routine::pseudo_type(name)
    {
        return Ok(oid);
    }
    context
        .snapshot
        .resolve_relation(&context.search_path, schema, name)
        .map(|relation| relation.row_type)
        .map_err(|_| error)
}

/// Whether a type is one of values: a row of a relation is.
pub(super) fn is_value_type(context: &StatementContext, ty: Oid) -> bool {
    let known = PgType::of(ty.0).info();
    if known.oid == ty {
        return known.category != 'P' && ty != PgType::UNKNOWN.oid;
    }
    let snapshot = &context.snapshot;
    snapshot.pg_type(ty).is_some() || snapshot.relations().any(|r| r.row_type == ty)
}

/// The function a statement names.
///
/// # Errors
/// `42883`, `42809` another kind, `42725` several.
pub(super) fn routine_of<'a>(
    context: &'a StatementContext,
    spec: &RoutineSpec,
) -> Result<&'a Arc<Routine>> {
    let snapshot = &context.snapshot;
    let schemas = context
        .search_path
        .candidates(snapshot, spec.name.schema.as_deref());
    let wanted = match &spec.types {
        None => None,
        Some(types) => {
            // OUT parameters of functions are not part of what tells them apart.
            let inputs = types.iter().filter(|(mode, _)| mode.is_input());
            Some(
                inputs
                    .map(|(_, ty)| type_of(context, ty))
                    .collect::<Result<Vec<_>>>()?,
            )
        }
    };
    let mut found: Vec<&Arc<Routine>> = Vec::new();
    for schema in schemas {
        for routine in snapshot.routines_named(schema, &spec.name.name) {
            let types = routine.input_types();
            let fits = wanted.as_ref().is_none_or(|wanted| *wanted == types);
            let hidden = found.iter().any(|other| other.input_types() == types);
            if fits && !hidden {
                found.push(routine);
            }
        }
    }
    let of_kind = |routine: &&Arc<Routine>| match spec.kind {
        RoutineKind::Function => !routine.procedure,
        RoutineKind::Procedure => routine.procedure,
        RoutineKind::Routine => true,
        RoutineKind::Aggregate => routine.aggregate().is_some(),
    };
    if spec.types.is_none() && found.iter().any(&of_kind) {
        found.retain(|routine| of_kind(routine));
    }
    match found.as_slice() {
        [one] if of_kind(one) => Ok(one),
        [one] => {
            let types = wanted.unwrap_or_else(|| one.input_types());
            let shown = signature(snapshot, &spec.name, &types);
            Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                match spec.kind {
                    RoutineKind::Aggregate => format!("function {shown} is not an aggregate"),
                    kind => format!("{shown} is not a {}", kind.word()),
                },
            ))
        }
        [] => Err(missing(snapshot, spec, wanted.as_deref())),
        _ => Err(Error::new(
            SqlState::AMBIGUOUS_FUNCTION,
            format!("{} name \"{}\" is not unique", spec.kind.word(), spec.name),
        )
        .hint(format!(
            "Specify the argument list to select the {} unambiguously.",
            spec.kind.word()
        ))),
    }
}

fn missing(snapshot: &Snapshot, spec: &RoutineSpec, types: Option<&[Oid]>) -> Error {
    let kind = spec.kind.word();
    if let Some(schema) = &spec.name.schema
        && snapshot.schema_named(schema).is_none()
        && schema != "pg_temp"
    {
        return Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" does not exist"),
        );
    }
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        match types {
            Some([]) if spec.kind == RoutineKind::Aggregate => {
                format!("aggregate {}(*) does not exist", spec.name)
            }
            Some(types) => {
                let shown = signature(snapshot, &spec.name, types);
                format!("{kind} {shown} does not exist")
            }
            None => format!("could not find a {kind} named \"{}\"", spec.name),
        },
    )
}
