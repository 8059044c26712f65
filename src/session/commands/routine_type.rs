//! Types as functions are declared with them, and functions as statements name them.

use std::sync::Arc;

use sqlparser::ast;

use crate::base::error::Report;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Routine, Snapshot};
use crate::engine::routine_definition::{RoutineKind, RoutineSpec};
use crate::engine::{TYPE_OF, fold, object_name, signature, written_type};
use crate::statement::{Effect, StatementContext};
use crate::types::PgType;

/// `internal`
pub(super) const INTERNAL: Oid = Oid(2281);

/// The type a declaration names; its modifier is of no consequence.
pub(super) fn type_of(context: &StatementContext, ty: &ast::DataType) -> Result<Oid> {
    if let ast::DataType::Custom(column, modifiers) = ty
        && matches!(modifiers.as_slice(), [modifier] if modifier == TYPE_OF)
    {
        return type_of_column(context, column);
    }
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

/// The type of a column, `table.column%TYPE`: whoever declares something of it is told which that
/// is, for it stays that.
///
/// # Errors
/// `42P01`, `42703`, `3F000`.
fn type_of_column(context: &StatementContext, written: &ast::ObjectName) -> Result<Oid> {
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    let mut parts: Vec<ast::ObjectNamePart> = written.0.clone();
    let column = parts.pop();
    let column = column.as_ref().and_then(|part| part.as_ident()).map(fold);
    let Some(column) = column else {
        return Err(Error::internal("looking a type up", "no column's name"));
    };
    let name = object_name(&ast::ObjectName(parts))?;
    let schema = name.schema.as_deref();
    if let Some(schema) = schema.filter(|schema| *schema != "pg_temp") {
        snapshot.must_schema(schema)?;
    }
    let composite = snapshot.resolve_type(path, schema, &name.name);
    let ty = match composite.and_then(|ty| ty.composite()) {
        Some(composite) => {
            let mut attributes = composite.attributes.iter();
            let found = attributes.find(|attribute| attribute.name == column);
            found.map(|attribute| attribute.ty)
        }
        None => {
            let relation = snapshot.resolve_relation(path, schema, &name.name)?;
            relation.column(&column).map(|column| column.ty)
        }
    };
    let ty = ty.ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!(
                "column \"{column}\" of relation \"{}\" does not exist",
                name.name
            ),
        )
    })?;
    let ty = ty.declared();
    let message = format!(
        "type reference {name}.{column}%TYPE converted to {}",
        snapshot.type_name(ty)
    );
    context
        .effects
        .push(Effect::Report(Report::notice(message)));
    Ok(ty)
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
    if spec.types.is_none() {
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
