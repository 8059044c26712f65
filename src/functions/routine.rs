//! Users' functions as the statements that make them.

use super::call::Call;
use crate::base::Oid;
use crate::base::name::quote;
use crate::catalog::{AggregateKind, Parallel, ParameterMode, Routine, RoutineBody, Volatility};
use crate::pg_catalog::names;
use crate::types::PgType;

/// `pg_get_function_arguments`, and without defaults `pg_get_function_identity_arguments`.
pub(super) fn arguments(call: &Call<'_>, routine: &Routine, defaults: bool) -> String {
    let parameters = routine.parameters.iter();
    let mut shown: Vec<String> = parameters
        .filter(|parameter| parameter.mode != ParameterMode::Table)
        .map(|parameter| {
            let mut text = match parameter.mode {
                ParameterMode::In if routine.procedure => "IN ",
                ParameterMode::In | ParameterMode::Table => "",
                ParameterMode::Out => "OUT ",
                ParameterMode::InOut => "INOUT ",
                ParameterMode::Variadic => "VARIADIC ",
            }
            .to_owned();
            text.push_str(&named(call, &parameter.name, parameter.ty));
            if let Some(default) = parameter.default.as_ref().filter(|_| defaults) {
                text.push_str(&format!(" DEFAULT {default}"));
            }
            text
        })
        .collect();
    match routine
        .aggregate()
        .filter(|of| of.kind != AggregateKind::Normal)
    {
        Some(aggregate) => {
            let sorted = shown
                .split_off(aggregate.direct.min(shown.len()))
                .join(", ");
            let space = if shown.is_empty() { "" } else { " " };
            format!("{}{space}ORDER BY {sorted}", shown.join(", "))
        }
        None => shown.join(", "),
    }
}

fn named(call: &Call<'_>, name: &str, ty: Oid) -> String {
    let ty = type_name(call, ty);
    match name.is_empty() {
        true => ty,
        false => format!("{} {ty}", quote(name)),
    }
}

fn type_name(call: &Call<'_>, ty: Oid) -> String {
    names::type_name(call.context, PgType::of(ty.0)).unwrap_or_else(|| "???".to_owned())
}

/// `pg_get_function_result`; `None` of a procedure.
pub(super) fn result(call: &Call<'_>, routine: &Routine) -> Option<String> {
    if routine.procedure {
        return None;
    }
    let table: Vec<String> = routine
        .parameters
        .iter()
        .filter(|parameter| parameter.mode == ParameterMode::Table)
        .map(|parameter| named(call, &parameter.name, parameter.ty))
        .collect();
    if !table.is_empty() {
        return Some(format!("TABLE({})", table.join(", ")));
    }
    let set = if routine.set { "SETOF " } else { "" };
    Some(format!("{set}{}", type_name(call, routine.returns)))
}

/// The default of the parameter `number`, counted from 1 among all.
pub(super) fn argument_default(routine: &Routine, number: i64) -> Option<String> {
    let index = usize::try_from(number).ok()?.checked_sub(1)?;
    routine.parameters.get(index)?.default.clone()
}

/// The body as part of the statement, if it is one.
pub(super) fn sql_body(routine: &Routine) -> Option<String> {
    match &routine.body {
        RoutineBody::Text(_) | RoutineBody::Procedural(_) | RoutineBody::Aggregate(_) => None,
        RoutineBody::Return(view) => {
            let expression = view.query.strip_prefix("SELECT ").unwrap_or(&view.query);
            Some(format!("RETURN {expression}"))
        }
        RoutineBody::Atomic(view) => Some(format!("BEGIN ATOMIC\n {}\nEND", view.query.trim())),
    }
}

/// `pg_get_functiondef`
pub(super) fn definition(call: &Call<'_>, routine: &Routine) -> String {
    let schema = call.context.snapshot.schema(routine.schema);
    let schema = schema.map_or("?", |schema| schema.name.as_str());
    let word = if routine.procedure {
        "PROCEDURE"
    } else {
        "FUNCTION"
    };
    let mut text = format!(
        "CREATE OR REPLACE {word} {}.{}({})\n",
        quote(schema),
        quote(&routine.name),
        arguments(call, routine, true)
    );
    if let Some(result) = result(call, routine) {
        text.push_str(&format!(" RETURNS {result}\n"));
    }
    text.push_str(&format!(" LANGUAGE {}\n", routine.language().0));
    let mut attributes = String::new();
    match routine.volatility {
        Volatility::Immutable => attributes.push_str(" IMMUTABLE"),
        Volatility::Stable => attributes.push_str(" STABLE"),
        Volatility::Volatile => {}
    }
    match routine.parallel {
        Parallel::Safe => attributes.push_str(" PARALLEL SAFE"),
        Parallel::Restricted => attributes.push_str(" PARALLEL RESTRICTED"),
        Parallel::Unsafe => {}
    }
    for (holds, words) in [
        (routine.strict, " STRICT"),
        (routine.security_definer, " SECURITY DEFINER"),
        (routine.leakproof, " LEAKPROOF"),
    ] {
        if holds {
            attributes.push_str(words);
        }
    }
    if (routine.cost - 100.0).abs() > f32::EPSILON {
        attributes.push_str(&format!(" COST {}", routine.cost));
    }
    if routine.set && (routine.rows - 1000.0).abs() > f32::EPSILON {
        attributes.push_str(&format!(" ROWS {}", routine.rows));
    }
    if !attributes.is_empty() {
        text.push_str(&format!("{attributes}\n"));
    }
    if let Some(path) = &routine.search_path {
        let names: Vec<String> = path
            .iter()
            .map(|name| format!("'{}'", name.replace('\'', "''")))
            .collect();
        let names = match names.is_empty() {
            true => "''".to_owned(),
            false => names.join(", "),
        };
        text.push_str(&format!(" SET search_path TO {names}\n"));
    }
    match sql_body(routine) {
        Some(body) => text.push_str(&format!("{body}\n")),
        None => {
            let mut tag = word.to_lowercase();
            while routine.source().contains(&format!("${tag}")) {
                tag.push('x');
            }
            text.push_str(&format!("AS ${tag}${}${tag}$\n", routine.source()));
        }
    }
    text
}
