//! What objects are called in words (`pg_describe_object`) and in names (`pg_identify_object`).

use super::call::short::{INT, OID};
use super::call::{Call, functions};
use crate::base::name::quote;
use crate::base::{Oid, Result};
use crate::catalog::Relation;
use crate::pg_catalog::relations::functions as procs;
use crate::pg_catalog::relations::objects::{
    PG_ATTRDEF, PG_CLASS, PG_CONSTRAINT, PG_NAMESPACE, PG_REWRITE, PG_TYPE, view_of_rule,
};
use crate::pg_catalog::relations::types;
use crate::pg_catalog::{Value, layout, names};
use crate::types::PgType;

/// `text[]`
const TEXTS: PgType = PgType::of(1009);
/// `pg_proc`
const PG_PROC: Oid = Oid(1255);
/// `pg_authid`
const PG_AUTHID: Oid = Oid(1260);
/// `pg_database`
const PG_DATABASE: Oid = Oid(1262);

functions! { pub(super) LIST:
    "pg_describe_object" Stable {
        (OID, OID, INT) -> PgType::TEXT, strict, |call, row| Ok(described(call, row)?.into());
    }
    "pg_identify_object.type" Stable {
        (OID, OID, INT) -> TEXTS, strict, |call, row| part(call, row, |it| Some(it.kind));
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
fn asked(call: &Call<'_>, row: usize) -> Result<(Oid, Oid, i64)> {
    let class = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let oid = call.oid(1, row)?.unwrap_or(Oid::INVALID);
    Ok((class, oid, call.int(2, row).unwrap_or(0)))
}

/// The kind of a relation, users' or the system's or an index.
fn kind(call: &Call<'_>, oid: Oid) -> Option<&'static str> {
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
fn column(call: &Call<'_>, relation: Oid, attnum: i64) -> Option<String> {
    let columns = match call.context.snapshot.relation(relation) {
        Some(relation) => relation.columns.as_slice(),
        None => &layout::by_oid(relation)?.columns,
    };
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
            .filter(|_| procs::by_oid(oid).is_some())
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
struct Identified {
    kind: String,
    schema: Option<String>,
    name: Option<String>,
    identity: String,
}

fn identified(call: &Call<'_>, row: usize) -> Result<Option<Identified>> {
    let (class, oid, attnum) = asked(call, row)?;
    let snapshot = &call.context.snapshot;
    let relation = |oid: Oid| {
        let (schema, name) = names::relation_parts(snapshot, oid)?;
        let schema = quote(&snapshot.schema(schema)?.name).into_owned();
        let name = quote(name).into_owned();
        Some((kind(call, oid)?, schema, name))
    };
    let global = |kind: &str, name: &str| Identified {
        kind: kind.to_owned(),
        schema: None,
        name: Some(quote(name).into_owned()),
        identity: quote(name).into_owned(),
    };
    Ok(match class {
        PG_CLASS => relation(oid).and_then(|(kind, schema, name)| {
            let identity = format!("{schema}.{name}");
            Some(match attnum {
                0 => Identified {
                    kind: kind.to_owned(),
                    schema: Some(schema),
                    name: Some(name),
                    identity,
                },
                attnum => Identified {
                    kind: format!("{kind} column"),
                    schema: Some(schema),
                    name: Some(name),
                    identity: format!("{identity}.{}", quote(&column(call, oid, attnum)?)),
                },
            })
        }),
        PG_CONSTRAINT => snapshot.table_of_constraint(oid).and_then(|table| {
            let (_, schema, name) = relation(table.oid)?;
            let constraint = quote(constraint_name(table, oid)?);
            Some(Identified {
                kind: "table constraint".to_owned(),
                identity: format!("{constraint} on {schema}.{name}"),
                schema: Some(schema),
                name: None,
            })
        }),
        PG_ATTRDEF => of_default(call, oid).and_then(|(table, attnum)| {
            let (_, schema, name) = relation(table)?;
            let column = column(call, table, attnum)?;
            Some(Identified {
                kind: "default value".to_owned(),
                schema: None,
                name: None,
                identity: format!("for {schema}.{name}.{}", quote(&column)),
            })
        }),
        PG_REWRITE => view_of_rule(snapshot, oid).and_then(|view| {
            let (_, schema, name) = relation(view)?;
            Some(Identified {
                kind: "rule".to_owned(),
                schema: None,
                name: None,
                identity: format!("\"_RETURN\" on {schema}.{name}"),
            })
        }),
        PG_TYPE => types::name(oid).map(|name| Identified {
            kind: "type".to_owned(),
            schema: Some("pg_catalog".to_owned()),
            name: Some(quote(name).into_owned()),
            identity: names::type_name(call.context, PgType::of(oid.0)).unwrap_or_default(),
        }),
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
