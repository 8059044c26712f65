//! OIDs to names and back: regclass, regtype, regproc, regprocedure, regnamespace, regrole.

mod read;

use std::sync::Arc;

use super::relations::{functions, search, types};
use super::{find, layout};
use crate::base::Oid;
use crate::base::name::quote;
use crate::catalog::{Routine, SearchPath, Snapshot};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::text::RegNames;
pub use read::{find_reg, parse_reg, split_name};

/// Prints OIDs as names the way PostgreSQL's `regclassout` and its kin do: qualified only if not
/// visible.
#[derive(Debug, Clone)]
pub struct Names {
    context: Arc<StatementContext>,
}

impl Names {
    /// Names as seen by a statement.
    pub fn new(context: Arc<StatementContext>) -> Self {
        Self { context }
    }
}

impl RegNames for Names {
    fn name(&self, reg: PgType, oid: Oid) -> Option<String> {
        name(&self.context, reg, oid)
    }
}

/// What `oid` is called as a value of type `reg`; `None` if there is no such object.
pub fn name(context: &StatementContext, reg: PgType, oid: Oid) -> Option<String> {
    if oid == Oid::INVALID {
        return Some("-".to_owned());
    }
    let snapshot = &context.snapshot;
    match reg {
        PgType::REGCLASS => relation_name(context, oid),
        PgType::REGTYPE => type_name(context, PgType::of(oid.0)),
        PgType::REGPROC | PgType::REGPROCEDURE if snapshot.routine(oid).is_some() => {
            let routine = snapshot.routine(oid)?;
            let visible = is_visible_routine(context, routine);
            let name = qualified(context, routine.schema, &routine.name, visible);
            if reg == PgType::REGPROC {
                return Some(name);
            }
            let types: Vec<_> = routine
                .input_types()
                .into_iter()
                .map(|ty| type_name(context, PgType::of(ty.0)).unwrap_or_else(|| "???".into()))
                .collect();
            Some(format!("{name}({})", types.join(",")))
        }
        // What would not be found by its name alone has its schema.
        PgType::REGPROC => functions::by_oid(oid).map(|function| {
            let alone = functions::by_name(function.name).len() == 1;
            let name = function_name(context, function.schema, function.name);
            match alone || function.schema != Oid::PG_CATALOG {
                true => name,
                false => format!("pg_catalog.{name}"),
            }
        }),
        PgType::REGPROCEDURE => functions::by_oid(oid).map(|function| {
            let arguments: Vec<_> = function
                .arguments
                .iter()
                .map(|ty| type_name(context, PgType::of(ty.0)).unwrap_or_else(|| "???".into()))
                .collect();
            let name = function_name(context, function.schema, function.name);
            format!("{name}({})", arguments.join(","))
        }),
        PgType::REGOPER => types::operator(oid).map(|operator| operator.name.to_owned()),
        PgType::REGOPERATOR => types::operator(oid).map(|operator| {
            let side = |ty: Oid| match ty {
                Oid::INVALID => "NONE".to_owned(),
                ty => type_name(context, PgType::of(ty.0)).unwrap_or_else(|| "???".into()),
            };
            format!(
                "{}({},{})",
                operator.name,
                side(operator.left),
                side(operator.right)
            )
        }),
        PgType::REGCOLLATION => types::collation(oid).map(|name| quote(name).into_owned()),
        PgType::REGCONFIG | PgType::REGDICTIONARY => {
            search::name(reg, oid).map(|name| quote(&name).into_owned())
        }
        PgType::REGNAMESPACE => snapshot
            .schema(oid)
            .map(|schema| quote(&schema.name).into_owned()),
        PgType::REGROLE => snapshot
            .role(oid)
            .map(|role| quote(&role.name).into_owned()),
        _ => None,
    }
}

/// Whether a look-up of a function's bare name and types along the path finds this very one.
pub fn is_visible_routine(context: &StatementContext, routine: &Routine) -> bool {
    let types = routine.input_types();
    let first = context.search_path.lookup.iter().find(|schema| {
        let own = **schema == Oid::PG_CATALOG
            && functions::by_name(&routine.name)
                .iter()
                .any(|(_, function)| function.arguments == types);
        let mut named = context.snapshot.routines_named(**schema, &routine.name);
        own || named.any(|other| other.input_types() == types)
    });
    first == Some(&routine.schema)
}

/// The relation's name and schema.
pub fn relation_parts(snapshot: &Snapshot, oid: Oid) -> Option<(Oid, &str)> {
    match snapshot.relation(oid) {
        Some(relation) => Some((relation.schema, &relation.name)),
        None => layout::by_oid(oid)
            .map(|relation| (relation.schema, relation.name))
            .or_else(|| {
                let (table, index) = snapshot.index(oid)?;
                Some((table.schema, index.name.as_str()))
            })
            .or_else(|| {
                let ty = snapshot.composite_of_relation(oid)?;
                Some((ty.schema, ty.name.as_str()))
            }),
    }
}

/// The relation's name, qualified if the bare name would not find it.
fn relation_name(context: &StatementContext, oid: Oid) -> Option<String> {
    let (schema, name) = relation_parts(&context.snapshot, oid)?;
    let visible = first_relation(&context.snapshot, &context.search_path, name) == Some(oid);
    Some(qualified(context, schema, name, visible))
}

/// `name`, with its schema in front unless `visible`.
fn qualified(context: &StatementContext, schema: Oid, name: &str, visible: bool) -> String {
    match context.snapshot.schema(schema) {
        Some(schema) if !visible => format!("{}.{}", quote(&schema.name), quote(name)),
        Some(_) | None => quote(name).into_owned(),
    }
}

/// A function's name, qualified if its schema is not on the path. Functions of one name in two
/// schemas do not exist.
fn function_name(context: &StatementContext, schema: Oid, name: &str) -> String {
    let visible = context.search_path.lookup.contains(&schema);
    qualified(context, schema, name, visible)
}

/// A type's name as `format_type` prints it, with its modifier; `None` if there is no such type.
pub fn type_name(context: &StatementContext, ty: PgType) -> Option<String> {
    let oid = ty.declared();
    let own = context.snapshot.user_type(oid).map(|user| (user, ""));
    let arrays = || {
        let mut users = context.snapshot.types();
        users
            .find(|user| user.array == oid)
            .map(|user| (user, "[]"))
    };
    if let Some((user, brackets)) = own.or_else(arrays) {
        let found = context
            .snapshot
            .resolve_type(&context.search_path, None, &user.name);
        let visible = found.is_some_and(|found| found.oid == user.oid)
            && PgType::by_name(&user.name).is_none();
        let name = qualified(context, user.schema, &user.name, visible);
        return Some(format!("{name}{brackets}"));
    }
    // `info` answers text for what it does not know, so ask for the OID back.
    if ty.info().oid == ty.oid {
        return Some(ty.to_string());
    }
    if let Some(name) = types::name(ty.oid) {
        return Some(match name {
            "any" => "\"any\"".to_owned(),
            name => name.to_owned(),
        });
    }
    if let Some(relation) = layout::by_row_type(ty.oid) {
        let visible = context.search_path.lookup.contains(&relation.schema);
        let name = qualified(context, relation.schema, relation.name, visible);
        let brackets = if relation.row_array == ty.oid {
            "[]"
        } else {
            ""
        };
        return Some(format!("{name}{brackets}"));
    }
    if let Some(relation) = context.snapshot.relation_of_type(ty.oid) {
        return relation_name(context, relation.oid);
    }
    let row_type = crate::catalog::row_type_of_array(ty.oid)?;
    let relation = context.snapshot.relation_of_type(row_type)?;
    relation_name(context, relation.oid).map(|name| format!("{name}[]"))
}

/// A type's name as SQL has it, to be read by the same statement.
pub fn written(context: &StatementContext, ty: PgType) -> String {
    let made = ty.is_made() || ty.domain.is_some();
    let named = made.then(|| type_name(context, ty)).flatten();
    named.unwrap_or_else(|| {
        // By the names that mean any length, where `character` and `bit` mean one.
        let (inner, brackets) = match ty.element() {
            Some(inner) => (inner, "[]"),
            None => (ty, ""),
        };
        match inner {
            PgType::BPCHAR => format!("bpchar{brackets}"),
            PgType::BIT => format!("\"bit\"{brackets}"),
            _ => ty.to_string(),
        }
    })
}

/// The relation an unqualified name means, users' or the system's.
pub fn first_relation(snapshot: &Snapshot, path: &SearchPath, name: &str) -> Option<Oid> {
    path.lookup
        .iter()
        .find_map(|schema| relation_in(snapshot, *schema, name))
}

/// The relation of that name in a schema.
pub fn relation_in(snapshot: &Snapshot, schema: Oid, name: &str) -> Option<Oid> {
    match snapshot.relation_named(schema, name) {
        Some(relation) => Some(relation.oid),
        None => find(schema, name)
            .map(|relation| relation.oid)
            .or_else(|| snapshot.places().index_named(schema, name))
            .or_else(|| {
                let ty = snapshot.type_named(schema, name)?;
                Some(ty.composite()?.relation)
            }),
    }
}
