//! Objects by what they are called, and back: `pg_identify_object_as_address` and
//! `pg_get_object_address`, between which a kind and two lists of names stand for an object.

use arrow::array::AsArray;

use super::call::short::{INT, OID, TEXT, TEXTS};
use super::call::{Call, functions};
use super::identity::{
    PG_AUTHID, PG_DATABASE, PG_PROC, TEXTS as TEXT_LIST, asked, column, identified, kind,
    kind_of_missing, routine_kind, with_type,
};
use super::resolve::Returns;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::pg_catalog::relations::objects::{PG_CLASS, PG_NAMESPACE, PG_TYPE};
use crate::pg_catalog::{Value, layout, names};
use crate::types::PgType;

/// `oid[]`
const OIDS: PgType = PgType::of(1028);
/// `integer[]`
const INTEGERS: PgType = PgType::of(1007);

functions! { pub(super) LIST:
    "pg_get_object_address.classid" Stable {
        (TEXT, TEXTS, TEXTS) -> OIDS, strict, |call, row| found(call, row, |it| it.0.into());
    }
    "pg_get_object_address.objid" Stable {
        (TEXT, TEXTS, TEXTS) -> OIDS, strict, |call, row| found(call, row, |it| it.1.into());
    }
    "pg_get_object_address.objsubid" Stable {
        (TEXT, TEXTS, TEXTS) -> INTEGERS, strict, |call, row| found(call, row, |it| it.2.into());
    }
    "pg_identify_object_as_address.type" Stable {
        (OID, OID, INT) -> TEXT_LIST, strict, |call, row| {
            let class = asked(call, row)?.0;
            let kind = match identified(call, row)? {
                Some(it) => Some(it.kind),
                None => kind_of_missing(class).map(str::to_owned),
            };
            Ok(Value::List(vec![kind.into()]))
        };
    }
    "pg_identify_object_as_address.object_names" Stable {
        (OID, OID, INT) => Returns::SetOf(TEXT_LIST), strict, |call, row| {
            let names = identified(call, row)?.map(|it| it.names);
            Ok(Value::List(vec![list(names)]))
        };
    }
    "pg_identify_object_as_address.object_args" Stable {
        (OID, OID, INT) => Returns::SetOf(TEXT_LIST), strict, |call, row| {
            let types = identified(call, row)?.map(|it| it.arguments);
            Ok(Value::List(vec![list(types)]))
        };
    }
}

fn list(texts: Option<Vec<String>>) -> Value {
    texts.map_or(Value::Null, Value::from)
}

/// An object: its catalog, its OID, the column if it is one.
type Address = (Oid, Oid, i32);

/// One column of the one row there is.
fn found(call: &Call<'_>, row: usize, read: fn(Address) -> Value) -> Result<Value> {
    let names = texts(call, 1, row)?;
    let types = texts(call, 2, row)?;
    let address = address(call, call.must_text(0, row), &names, &types)?;
    Ok(Value::List(vec![read(address)]))
}

fn texts(call: &Call<'_>, arg: usize, row: usize) -> Result<Vec<String>> {
    let items = call.list(arg, row);
    let items = items.as_ref().and_then(|items| items.as_string_view_opt());
    let Some(items) = items else {
        return Ok(Vec::new());
    };
    let texts = items.iter().map(|text| text.map(str::to_owned));
    texts
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| invalid("name or argument lists may not contain nulls"))
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message.into())
}

fn address(call: &Call<'_>, kind: &str, names: &[String], types: &[String]) -> Result<Address> {
    const RELATIONS: &[&str] = &[
        "foreign table",
        "index",
        "materialized view",
        "sequence",
        "table",
        "view",
    ];
    const COLUMNS: &[&str] = &["foreign table column", "table column", "view column"];
    const ROUTINES: &[&str] = &["aggregate", "function", "procedure", "routine"];
    const ALONE: &[&str] = &["database", "domain", "role", "schema", "type"];
    let known = [RELATIONS, COLUMNS, ROUTINES, ALONE];
    if !known.iter().any(|kinds| kinds.contains(&kind)) {
        return match OTHERS.contains(&kind) {
            true => Err(Error::unsupported(format!("the address of a {kind}"))),
            false => Err(invalid(format!("unrecognized object type \"{kind}\""))),
        };
    }
    if names.is_empty() {
        return Err(invalid("name list length must be at least 1"));
    }
    let snapshot = &call.context.snapshot;
    if RELATIONS.contains(&kind) {
        return Ok((PG_CLASS, relation(call, kind, names)?, 0));
    }
    if COLUMNS.contains(&kind) {
        let Some((name, of)) = names.split_last().filter(|(_, of)| !of.is_empty()) else {
            let message = "column name must be qualified";
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        };
        let oid = relation(call, kind.trim_end_matches(" column"), of)?;
        let number = (1..=1600).find(|number| column(call, oid, *number).as_ref() == Some(name));
        let number = number.and_then(|number| i32::try_from(number).ok());
        let number = number.ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    of.join(".")
                ),
            )
        })?;
        return Ok((PG_CLASS, oid, number));
    }
    if ROUTINES.contains(&kind) {
        return Ok((PG_PROC, routine(call, kind, names, types)?, 0));
    }
    let [name] = names else {
        return Err(invalid("name list length must be exactly 1"));
    };
    Ok(match kind {
        "schema" => (PG_NAMESPACE, snapshot.must_schema(name)?.oid, 0),
        "role" => (PG_AUTHID, snapshot.must_role(name)?.oid, 0),
        "database" if *name == snapshot.database().name => (PG_DATABASE, Oid::DATABASE, 0),
        "database" => {
            return Err(Error::new(
                SqlState::INVALID_CATALOG_NAME,
                format!("database \"{name}\" does not exist"),
            ));
        }
        kind => {
            let oid = names::parse_reg(call.context, PgType::REGTYPE, name)?;
            let user = snapshot.user_type(oid);
            if kind == "domain" && user.is_none_or(|user| user.domain().is_none()) {
                return Err(not_a(name, "domain"));
            }
            (PG_TYPE, oid, 0)
        }
    })
}

/// Kinds of objects that PostgreSQL knows besides.
const OTHERS: &[&str] = &[
    "access method",
    "cast",
    "collation",
    "composite type",
    "conversion",
    "default value",
    "default acl",
    "domain constraint",
    "event trigger",
    "extension",
    "foreign-data wrapper",
    "language",
    "large object",
    "operator",
    "operator class",
    "operator family",
    "operator of access method",
    "function of access method",
    "parameter ACL",
    "policy",
    "publication",
    "publication namespace",
    "publication relation",
    "role membership",
    "rule",
    "server",
    "statistics object",
    "subscription",
    "table constraint",
    "tablespace",
    "text search configuration",
    "text search dictionary",
    "text search parser",
    "text search template",
    "toast table",
    "toast table column",
    "index column",
    "sequence column",
    "materialized view column",
    "composite type column",
    "transform",
    "trigger",
    "user mapping",
];

fn not_a(name: &str, kind: &str) -> Error {
    let article = if kind.starts_with('i') || kind.starts_with('a') {
        "an"
    } else {
        "a"
    };
    let message = format!("\"{name}\" is not {article} {kind}");
    Error::new(SqlState::WRONG_OBJECT_TYPE, message)
}

/// A relation of a kind.
fn relation(call: &Call<'_>, wanted: &str, written: &[String]) -> Result<Oid> {
    let snapshot = &call.context.snapshot;
    let database = &snapshot.database().name;
    let (schema, name) = match written {
        [name] => (None, name),
        [schema, name] => (Some(schema), name),
        [catalog, schema, name] if catalog == database => (Some(schema), name),
        _ => {
            let message = format!(
                "improper relation name (too many dotted names): {}",
                written.join(".")
            );
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        }
    };
    let oid = match schema {
        Some(schema) => names::relation_in(snapshot, snapshot.must_schema(schema)?.oid, name),
        None => names::first_relation(snapshot, &call.context.search_path, name),
    };
    let oid = oid.ok_or_else(|| {
        let message = format!("relation \"{}\" does not exist", written.join("."));
        Error::new(SqlState::UNDEFINED_TABLE, message)
    })?;
    match kind(call, oid) {
        Some(is) if is == wanted => Ok(oid),
        // System views of ours are what PostgreSQL has as such, and its tables are tables.
        None if layout::by_oid(oid).is_some() => Ok(oid),
        _ => Err(not_a(name, wanted)),
    }
}

/// A function of a kind.
fn routine(call: &Call<'_>, wanted: &str, written: &[String], types: &[String]) -> Result<Oid> {
    let context = call.context;
    let mut shown = Vec::with_capacity(types.len());
    for ty in types {
        let oid = names::parse_reg(context, PgType::REGTYPE, ty)?;
        shown.push(with_type(context, oid, false));
    }
    let quoted: Vec<_> = written.iter().map(|name| quote(name)).collect();
    let signature = format!("{}({})", quoted.join("."), shown.join(","));
    let missing = || {
        let what = match wanted {
            "routine" => "function",
            other => other,
        };
        let said = format!("{}({})", written.join("."), shown.join(", "));
        Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("{what} {said} does not exist"),
        )
    };
    let oid = names::find_reg(context, PgType::REGPROCEDURE, &signature)?.ok_or_else(missing)?;
    let is = routine_kind(call, oid);
    let wrong = match wanted {
        "routine" => false,
        "function" => is == "procedure",
        wanted => is != wanted,
    };
    if wrong {
        let article = if wanted == "aggregate" { "an" } else { "a" };
        let what = match is {
            "procedure" => "procedure",
            _ => "function",
        };
        let name = written.join(".");
        return Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!(
                "{what} {name}({}) is not {article} {wanted}",
                shown.join(", ")
            ),
        ));
    }
    Ok(oid)
}
