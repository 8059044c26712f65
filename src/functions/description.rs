//! Comments: `obj_description` and its kin.

use super::call::short::{INT, OID, TEXT};
use super::call::{Call, functions};
use crate::base::{Oid, Result};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "obj_description" Stable {
        (OID, TEXT) -> PgType::TEXT, strict, |call, row| {
            Ok(match call.must_text(1, row) {
                "pg_class" => of_relation(call, row)?,
                "pg_namespace" => of_schema(call, row)?,
                "pg_proc" => of_routine(call, row)?,
                "pg_constraint" => of_constraint(call, row)?,
                "pg_policy" => of_policy(call, row)?,
                "pg_trigger" => of_trigger(call, row)?,
                "pg_type" => of_type(call, row)?,
                "pg_largeobject" => of_large_object(call, row)?,
                "pg_operator" => of_definition(call, row, "operator")?,
                "pg_cast" => of_definition(call, row, "cast")?,
                "pg_statistic_ext" => of_definition(call, row, "statistics object")?,
                _ => Value::Null,
            })
        };
        (OID) -> PgType::TEXT, strict, |call, row| {
            Ok(match of_relation(call, row)? {
                Value::Null => match of_type(call, row)? {
                    Value::Null => match of_schema(call, row)? {
                        Value::Null => of_routine(call, row)?,
                        comment => comment,
                    },
                    comment => comment,
                },
                comment => comment,
            })
        };
    }
    "col_description" Stable {
        (OID, INT) -> PgType::TEXT, strict, |call, row| {
            let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
            let relation = call.context.snapshot.relation(oid);
            let of_type = || {
                let composite = call.context.snapshot.composite_of_relation(oid)?.composite()?;
                let mut attributes = composite.attributes.iter();
                let attribute = attributes
                    .find(|attribute| Some(i64::from(attribute.attnum)) == call.int(1, row));
                attribute?.comment.clone()
            };
            let column = relation.and_then(|relation| {
                relation
                    .columns
                    .iter()
                    .find(|column| Some(i64::from(column.attnum)) == call.int(1, row))
            });
            let comment = column.and_then(|column| column.comment.clone());
            Ok(comment.or_else(of_type).into())
        };
    }
    "shobj_description" Stable {
        (OID, TEXT) -> PgType::TEXT, strict, |call, row| {
            let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
            let snapshot = &call.context.snapshot;
            Ok(match call.must_text(1, row) {
                "pg_database" if oid == Oid::DATABASE => snapshot.database().comment.clone(),
                "pg_authid" => snapshot.role(oid).and_then(|role| role.comment.clone()),
                _ => None,
            }
            .into())
        };
    }
}

fn of_policy(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let mut policies = call
        .context
        .snapshot
        .policies_that(|policy| policy.oid == oid);
    let comment = policies
        .next()
        .and_then(|(_, policy)| policy.comment.clone());
    Ok(comment.into())
}

fn of_trigger(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let snapshot = &call.context.snapshot;
    let mut triggers = snapshot.triggers_that(|trigger| trigger.oid == oid);
    let comment = triggers
        .next()
        .and_then(|(_, trigger)| trigger.comment.clone());
    Ok(comment.into())
}

fn of_relation(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let snapshot = &call.context.snapshot;
    let relation = snapshot.relation(oid);
    let index = || {
        let (table, _) = snapshot.index(oid)?;
        table.constraints.comments.get(&oid).cloned()
    };
    Ok(relation
        .and_then(|relation| relation.comment.clone())
        .or_else(index)
        .into())
}

fn of_type(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let ty = call.context.snapshot.user_type(oid);
    Ok(ty.and_then(|ty| ty.comment.clone()).into())
}

fn of_constraint(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let relation = call.context.snapshot.table_of_constraint(oid);
    let comment = relation.and_then(|relation| relation.constraints.comments.get(&oid));
    let of_domain = || {
        let (_, check) = call.context.snapshot.domain_check(oid)?;
        check.comment.as_ref()
    };
    Ok(comment.or_else(of_domain).cloned().into())
}

fn of_large_object(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let object = call.context.snapshot.large_object(oid);
    Ok(object.and_then(|object| object.comment.clone()).into())
}

fn of_routine(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let routine = call.context.snapshot.routine(oid);
    Ok(routine.and_then(|routine| routine.comment.clone()).into())
}

fn of_schema(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let schema = call.context.snapshot.schema(oid);
    Ok(schema.and_then(|schema| schema.comment.clone()).into())
}

/// Of an operator, a cast, or statistics.
fn of_definition(call: &Call<'_>, row: usize, kind: &str) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let of = call.context.snapshot.definition(oid);
    let of = of.filter(|of| of.kind_name() == kind);
    Ok(of.and_then(|of| of.comment.clone()).into())
}
