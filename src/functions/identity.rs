//! What objects are called in words (`pg_describe_object`) and in names (`pg_identify_object`).

use arrow::array::AsArray;
use arrow::datatypes::UInt32Type;

use super::call::short::{INT, OID};
use super::call::{Call, functions};
use super::resolve::Param;
use crate::base::name::quote;
use crate::base::{Oid, Result};
use crate::catalog::Relation;
use crate::pg_catalog::relations::functions as procs;
use crate::pg_catalog::relations::objects::{
    PG_ATTRDEF, PG_CLASS, PG_CONSTRAINT, PG_NAMESPACE, PG_REWRITE, PG_TYPE, view_of_rule,
};
use crate::pg_catalog::relations::types;
use crate::pg_catalog::{Value, layout, names};
use crate::statement::StatementContext;
use crate::types::PgType;

/// `text[]`
pub(super) const TEXTS: PgType = PgType::of(1009);
/// `pg_proc`
pub(super) const PG_PROC: Oid = Oid(1255);
/// `pg_authid`
pub(super) const PG_AUTHID: Oid = Oid(1260);
/// `pg_database`
pub(super) const PG_DATABASE: Oid = Oid(1262);

functions! { pub(super) LIST:
    "oidvectortypes" Stable {
        (Param::Is(PgType::OIDVECTOR)) -> PgType::TEXT, strict, |call, row| {
            let oids = call.list(0, row);
            let oids = oids.as_ref().and_then(|oids| oids.as_primitive_opt::<UInt32Type>());
            let names = oids.into_iter().flatten().flatten().map(|oid| {
                let name = names::type_name(call.context, PgType::of(oid));
                name.unwrap_or_else(|| if oid == 0 { "-" } else { "???" }.to_owned())
            });
            Ok(names.collect::<Vec<_>>().join(", ").into())
        };
    }
    "pg_describe_object" Stable {
        (OID, OID, INT) -> PgType::TEXT, strict, |call, row| Ok(described(call, row)?.into());
    }
    "pg_identify_object.type" Stable {
        (OID, OID, INT) -> TEXTS, strict, |call, row| kind_part(call, row);
    }
    "pg_identify_object.schema" Stable {
        (OID, OID, INT) -> TEXTS, strict, |call, row| part(call, row, |it| it.schema);
    }
    "pg_identify_object.name" Stable {
        (OID, OID, INT) -> TEXTS, strict, |call, row| part(call, row, |it| it.name);
    }
    "pg_identify_object.identity" Stable {
        (OID, OID, INT) -> TEXTS, strict, |call, row| part(call, row, |it| Some(it.identity));
    }
}

/// The object asked about: catalog, OID, column.
pub(super) fn asked(call: &Call<'_>, row: usize) -> Result<(Oid, Oid, i64)> {
    let class = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let oid = call.oid(1, row)?.unwrap_or(Oid::INVALID);
    Ok((class, oid, call.int(2, row).unwrap_or(0)))
}

/// The kind of a relation, users' or the system's or an index.
pub(super) fn kind(call: &Call<'_>, oid: Oid) -> Option<&'static str> {
    let snapshot = &call.context.snapshot;
    match snapshot.relation(oid) {
        Some(relation) => Some(relation.kind_name()),
        None if snapshot.index(oid).is_some() => Some("index"),
        None => layout::by_oid(oid).map(|relation| match relation.kind {
            'v' => "view",
            _ => "table",
        }),
    }
}

/// The name of a relation's column.
pub(super) fn column(call: &Call<'_>, relation: Oid, attnum: i64) -> Option<String> {
    let columns = match call.context.snapshot.relation(relation) {
        Some(relation) => relation.columns.as_slice(),
        None => &layout::by_oid(relation)?.columns,
    };
    // Those that every table has, from -1 downwards.
    const SYSTEM: [&str; 6] = ["ctid", "xmin", "cmin", "xmax", "cmax", "tableoid"];
    if let Ok(index @ 1..) = usize::try_from(-attnum) {
        return SYSTEM.get(index - 1).map(|name| (*name).to_owned());
    }
    let column = columns.iter().find(|c| i64::from(c.attnum) == attnum)?;
    Some(column.name.clone())
}

/// The name of a table's constraint.
fn constraint_name(relation: &Relation, oid: Oid) -> Option<&str> {
    let constraints = &relation.constraints;
    let key = constraints
        .indexes
        .iter()
        .find(|i| i.constraint == Some(oid));
    let check = constraints.checks.iter().find(|check| check.oid == oid);
    let foreign = constraints.foreign.iter().find(|key| key.oid == oid);
    let part = constraints.key_parts().find(|part| part.oid == oid);
    key.map(|key| key.name.as_str())
        .or(check.map(|check| check.name.as_str()))
        .or(foreign.map(|key| key.name.as_str()))
        .or(part.map(|part| part.name.as_str()))
}

/// The column a default is of.
fn of_default(call: &Call<'_>, oid: Oid) -> Option<(Oid, i64)> {
    let relation = Oid((oid.0 & 0x7fff_ffff) >> 11);
    let attnum = i64::from(oid.0 & 0x7ff);
    column(call, relation, attnum).map(|_| (relation, attnum))
}

fn described(call: &Call<'_>, row: usize) -> Result<Option<String>> {
    let (class, oid, attnum) = asked(call, row)?;
    let context = call.context;
    let snapshot = &context.snapshot;
    let relation = |oid: Oid| {
        let name = names::name(context, PgType::REGCLASS, oid)?;
        Some(format!("{} {name}", kind(call, oid)?))
    };
    let column = |oid: Oid, attnum: i64| {
        let name = column(call, oid, attnum)?;
        Some(format!("column {} of {}", quote(&name), relation(oid)?))
    };
    Ok(match class {
        PG_CLASS if attnum != 0 => column(oid, attnum),
        PG_CLASS => relation(oid),
        PG_TYPE => names::type_name(context, PgType::of(oid.0)).map(|name| format!("type {name}")),
        PG_PROC => names::name(context, PgType::REGPROCEDURE, oid)
            .filter(|_| procs::by_oid(oid).is_some() || snapshot.routine(oid).is_some())
            .map(|name| format!("function {name}")),
        PG_NAMESPACE => snapshot
            .schema(oid)
            .map(|schema| format!("schema {}", quote(&schema.name))),
        PG_AUTHID => snapshot
            .role(oid)
            .map(|role| format!("role {}", quote(&role.name))),
        PG_DATABASE if oid == Oid::DATABASE => {
            Some(format!("database {}", quote(&snapshot.database().name)))
        }
        PG_CONSTRAINT => snapshot.table_of_constraint(oid).and_then(|table| {
            let name = constraint_name(table, oid)?;
            Some(format!(
                "constraint {} on {}",
                quote(name),
                relation(table.oid)?
            ))
        }),
        PG_ATTRDEF => of_default(call, oid).and_then(|(table, attnum)| {
            Some(format!("default value for {}", column(table, attnum)?))
        }),
        PG_REWRITE => view_of_rule(snapshot, oid)
            .and_then(|view| Some(format!("rule _RETURN on {}", relation(view)?))),
        _ => None,
    })
}

/// An object in names. The schema is there for what lives in one, the name if it is unique in its
/// schema.
pub(super) struct Identified {
    pub(super) kind: String,
    schema: Option<String>,
    name: Option<String>,
    identity: String,
    /// Its names and, of a function, its arguments' types, as `pg_get_object_address` takes them.
    pub(super) names: Vec<String>,
    pub(super) arguments: Vec<String>,
}

/// What PostgreSQL calls an object of a catalog that is not there.
pub(super) fn kind_of_missing(class: Oid) -> Option<&'static str> {
    Some(match class {
        PG_CLASS => "relation",
        PG_TYPE => "type",
        PG_PROC => "routine",
        PG_NAMESPACE => "schema",
        PG_AUTHID => "role",
        PG_DATABASE => "database",
        PG_CONSTRAINT => "constraint",
        PG_ATTRDEF => "default value",
        PG_REWRITE => "rule",
        _ => return None,
    })
}

/// What kind of function one is.
pub(super) fn routine_kind(call: &Call<'_>, oid: Oid) -> &'static str {
    match call.context.snapshot.routine(oid) {
        Some(routine) if routine.procedure => "procedure",
        Some(routine) if routine.aggregate().is_some() => "aggregate",
        Some(_) => "function",
        None => match procs::by_oid(oid).map(|own| own.kind) {
            Some("a") => "aggregate",
            Some("p") => "procedure",
            _ => "function",
        },
    }
}

/// The name of a type, its schema in front unless SQL has a word for the type or, if it need not
/// be `whole`, it is found without.
pub(super) fn with_type(context: &StatementContext, oid: Oid, whole: bool) -> String {
    const WORDS: &[u32] = &[
        16, 20, 21, 23, 700, 701, 1042, 1043, 1083, 1114, 1184, 1186, 1266, 1560, 1562, 1700,
    ];
    let ty = PgType::of(oid.0);
    let name = names::type_name(context, ty).unwrap_or_else(|| "???".to_owned());
    let own = ty.info().oid == oid;
    let word = own && WORDS.contains(&ty.element().unwrap_or(ty).oid.0);
    if !whole || word {
        return name;
    }
    let snapshot = &context.snapshot;
    let users = snapshot
        .types()
        .find(|user| user.oid == oid || user.array == oid);
    let relation = snapshot.relation_of_type(oid);
    let (schema, name) = match (users, relation) {
        (Some(user), _) => {
            let brackets = if user.array == oid { "[]" } else { "" };
            (user.schema, format!("{}{brackets}", quote(&user.name)))
        }
        (None, Some(relation)) => (relation.schema, quote(&relation.name).into_owned()),
        (None, None) if own || types::name(oid).is_some() => {
            return format!("pg_catalog.{name}");
        }
        (None, None) => return name,
    };
    match snapshot.schema(schema) {
        Some(schema) => format!("{}.{name}", quote(&schema.name)),
        None => name,
    }
}

fn identified_routine(call: &Call<'_>, oid: Oid) -> Option<Identified> {
    let snapshot = &call.context.snapshot;
    let (schema, name, types) = match snapshot.routine(oid) {
        Some(routine) => (routine.schema, routine.name.as_str(), routine.input_types()),
        None => {
            let own = procs::by_oid(oid)?;
            (own.schema, own.name, own.arguments.clone())
        }
    };
    let schema = snapshot.schema(schema)?.name.clone();
    let whole = |ty: Oid| with_type(call.context, ty, true);
    let arguments: Vec<String> = types.into_iter().map(whole).collect();
    Some(Identified {
        kind: routine_kind(call, oid).to_owned(),
        identity: format!(
            "{}.{}({})",
            quote(&schema),
            quote(name),
            arguments.join(",")
        ),
        schema: Some(quote(&schema).into_owned()),
        name: None,
        names: vec![schema, name.to_owned()],
        arguments,
    })
}

fn identified_type(call: &Call<'_>, oid: Oid) -> Option<Identified> {
    let snapshot = &call.context.snapshot;
    let mut users = snapshot.types();
    let user = users.find(|user| user.oid == oid || user.array == oid);
    let (schema, name) = match (user, snapshot.relation_of_type(oid), types::name(oid)) {
        (Some(user), _, _) if user.oid == oid => (user.schema, user.name.clone()),
        (Some(user), _, _) => (user.schema, format!("_{}", user.name)),
        (None, Some(relation), _) => (relation.schema, relation.name.clone()),
        (None, None, name) => (Oid::PG_CATALOG, name?.to_owned()),
    };
    let identity = with_type(call.context, oid, true);
    Some(Identified {
        kind: "type".to_owned(),
        schema: Some(quote(&snapshot.schema(schema)?.name).into_owned()),
        name: Some(quote(&name).into_owned()),
        names: vec![identity.clone()],
        identity,
        arguments: Vec::new(),
    })
}

/// What an object is called; `None` if there is none.
pub(super) fn identified(call: &Call<'_>, row: usize) -> Result<Option<Identified>> {
    let (class, oid, attnum) = asked(call, row)?;
    let snapshot = &call.context.snapshot;
    let relation = |oid: Oid| {
        let (schema, name) = names::relation_parts(snapshot, oid)?;
        let names = [snapshot.schema(schema)?.name.clone(), name.to_owned()];
        let schema = quote(&names[0]).into_owned();
        let name = quote(&names[1]).into_owned();
        Some((kind(call, oid)?, schema, name, names.to_vec()))
    };
    let and = |mut names: Vec<String>, last: &str| {
        names.push(last.to_owned());
        names
    };
    let global = |kind: &str, name: &str| Identified {
        kind: kind.to_owned(),
        schema: None,
        name: Some(quote(name).into_owned()),
        identity: quote(name).into_owned(),
        names: vec![name.to_owned()],
        arguments: Vec::new(),
    };
    Ok(match class {
        PG_CLASS => relation(oid).and_then(|(kind, schema, name, names)| {
            let identity = format!("{schema}.{name}");
            Some(match attnum {
                0 => Identified {
                    kind: kind.to_owned(),
                    schema: Some(schema),
                    name: Some(name),
                    identity,
                    names,
                    arguments: Vec::new(),
                },
                attnum => {
                    let column = column(call, oid, attnum)?;
                    Identified {
                        kind: format!("{kind} column"),
                        schema: Some(schema),
                        name: Some(name),
                        identity: format!("{identity}.{}", quote(&column)),
                        names: and(names, &column),
                        arguments: Vec::new(),
                    }
                }
            })
        }),
        PG_CONSTRAINT => snapshot.table_of_constraint(oid).and_then(|table| {
            let (_, schema, name, names) = relation(table.oid)?;
            let name_of = constraint_name(table, oid)?;
            let constraint = quote(name_of);
            Some(Identified {
                kind: "table constraint".to_owned(),
                identity: format!("{constraint} on {schema}.{name}"),
                schema: Some(schema),
                name: None,
                names: and(names, name_of),
                arguments: Vec::new(),
            })
        }),
        PG_ATTRDEF => of_default(call, oid).and_then(|(table, attnum)| {
            let (_, schema, name, names) = relation(table)?;
            let column = column(call, table, attnum)?;
            Some(Identified {
                kind: "default value".to_owned(),
                schema: None,
                name: None,
                identity: format!("for {schema}.{name}.{}", quote(&column)),
                names: and(names, &column),
                arguments: Vec::new(),
            })
        }),
        PG_REWRITE => view_of_rule(snapshot, oid).and_then(|view| {
            let (_, schema, name, names) = relation(view)?;
            Some(Identified {
                kind: "rule".to_owned(),
                schema: None,
                name: None,
                identity: format!("\"_RETURN\" on {schema}.{name}"),
                names: and(names, "_RETURN"),
                arguments: Vec::new(),
            })
        }),
        PG_TYPE => identified_type(call, oid),
        PG_PROC => identified_routine(call, oid),
        PG_NAMESPACE => snapshot
            .schema(oid)
            .map(|schema| global("schema", &schema.name)),
        PG_AUTHID => snapshot.role(oid).map(|role| global("role", &role.name)),
        PG_DATABASE if oid == Oid::DATABASE => Some(global("database", &snapshot.database().name)),
        _ => None,
    })
}

/// One column of the one row there is.
fn part(call: &Call<'_>, row: usize, read: fn(Identified) -> Option<String>) -> Result<Value> {
    let value = identified(call, row)?.and_then(read);
    Ok(Value::List(vec![value.into()]))
}

fn kind_part(call: &Call<'_>, row: usize) -> Result<Value> {
    let kind = match identified(call, row)? {
        Some(it) => Some(it.kind),
        None => kind_of_missing(asked(call, row)?.0).map(str::to_owned),
    };
    Ok(Value::List(vec![kind.into()]))
}
