//! Sequences: nextval() and its kin.

use std::sync::Arc;

use super::call::short::{BIGINT, BOOL, REGCLASS, TEXT};
use super::call::{Call, functions};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Relation, Sequence, Standing};
use crate::pg_catalog::Value;
use crate::privileges::has_privilege;
use crate::types::PgType;

functions! { pub(super) LIST:
    "nextval" Volatile { (REGCLASS) -> PgType::INT8, strict, nextval; }
    "currval" Volatile { (REGCLASS) -> PgType::INT8, strict, currval; }
    "lastval" Volatile { () -> PgType::INT8, strict, lastval; }
    "setval" Volatile {
        (REGCLASS, BIGINT) -> PgType::INT8, strict, setval;
        (REGCLASS, BIGINT, BOOL) -> PgType::INT8, strict, setval;
    }
    "pg_get_serial_sequence" Stable { (TEXT, TEXT) -> PgType::TEXT, strict, serial_sequence; }
    "pg_sequence_last_value" Volatile { (REGCLASS) -> PgType::INT8, strict, last_value; }
}

/// The sequence an argument means, if the role holds one of `privileges` on it.
fn sequence<'a>(
    call: &'a Call<'_>,
    row: usize,
    privileges: &[Privilege],
) -> Result<(&'a Arc<Relation>, &'a Sequence)> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    of(call, oid, privileges)
}

fn of<'a>(
    call: &'a Call<'_>,
    oid: Oid,
    privileges: &[Privilege],
) -> Result<(&'a Arc<Relation>, &'a Sequence)> {
    let context = call.context;
    let Some(relation) = context.snapshot.relation(oid) else {
        return Err(no_relation(oid));
    };
    let Some(sequence) = relation.sequence() else {
        return Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not a sequence", relation.name),
        ));
    };
    let object = ObjectId::Relation(oid);
    let may = privileges
        .iter()
        .any(|privilege| has_privilege(&context.snapshot, context.role, object, *privilege));
    if !may {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied for sequence {}", relation.name),
        ));
    }
    Ok((relation, sequence))
}

/// `25006` where nothing may be written.
fn writable(call: &Call<'_>, relation: &Relation, what: &str) -> Result<()> {
    let temporary = call
        .context
        .snapshot
        .is_temporary(ObjectId::Relation(relation.oid));
    if call.context.read_only && !temporary {
        return Err(Error::new(
            SqlState::READ_ONLY_SQL_TRANSACTION,
            format!("cannot execute {what}() in a read-only transaction"),
        ));
    }
    Ok(())
}

fn nextval(call: &Call<'_>, row: usize) -> Result<Value> {
    let (relation, of) = sequence(call, row, &[Privilege::Usage, Privilege::Update])?;
    writable(call, relation, "nextval")?;
    let values = call.context.database.sequences().next(relation, of, 1)?;
    let Some(value) = values.first().copied() else {
        return Err(Error::internal("taking a value", "there is none"));
    };
    call.context.last_values.note(relation.oid, value);
    Ok(value.into())
}

fn currval(call: &Call<'_>, row: usize) -> Result<Value> {
    let (relation, _) = sequence(call, row, &[Privilege::Select, Privilege::Usage])?;
    match call.context.last_values.of(relation.oid) {
        Some(value) => Ok(value.into()),
        None => Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "currval of sequence \"{}\" is not yet defined in this session",
                relation.name
            ),
        )),
    }
}

fn lastval(call: &Call<'_>, _: usize) -> Result<Value> {
    let undefined = || {
        Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "lastval is not yet defined in this session",
        )
    };
    let latest = call.context.last_values.latest().ok_or_else(undefined)?;
    if call.context.snapshot.relation(latest).is_none() {
        return Err(undefined());
    }
    of(call, latest, &[Privilege::Select, Privilege::Usage])?;
    let value = call.context.last_values.of(latest).ok_or_else(undefined)?;
    Ok(value.into())
}

fn setval(call: &Call<'_>, row: usize) -> Result<Value> {
    let (relation, of) = sequence(call, row, &[Privilege::Update])?;
    writable(call, relation, "setval")?;
    let last = call.int(1, row).unwrap_or_default();
    let is_called = call.bool(2, row).unwrap_or(true);
    let standing = Standing { last, is_called };
    call.context
        .database
        .sequences()
        .set(relation, of, standing)?;
    if is_called {
        call.context.last_values.set(relation.oid, last);
    }
    Ok(last.into())
}

fn last_value(call: &Call<'_>, row: usize) -> Result<Value> {
    let (relation, of) = sequence(call, row, &[Privilege::Select, Privilege::Usage])?;
    let (standing, _) = call.context.database.sequences().standing(relation, of);
    Ok(match standing.is_called {
        true => standing.last.into(),
        false => Value::Null,
    })
}

/// The sequence that goes with a column, as `schema.name`.
fn serial_sequence(call: &Call<'_>, row: usize) -> Result<Value> {
    let context = call.context;
    let (table, column) = (call.must_text(0, row), call.must_text(1, row));
    let oid = crate::pg_catalog::names::parse_reg(context, PgType::REGCLASS, table)?;
    let Some(relation) = context.snapshot.relation(oid) else {
        return Ok(Value::Null);
    };
    let Some(column) = relation.column(column) else {
        return Err(Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!(
                "column \"{column}\" of relation \"{}\" does not exist",
                relation.name
            ),
        ));
    };
    let owned = context.snapshot.owned_sequences(oid, Some(column.attnum));
    let sequence = owned
        .first()
        .and_then(|oid| context.snapshot.relation(*oid));
    Ok(sequence.map_or(Value::Null, |sequence| {
        context.snapshot.qualified_name(sequence).to_string().into()
    }))
}

/// `42P01` for an OID that no relation has.
pub(super) fn no_relation(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_TABLE,
        format!("could not open relation with OID {oid}"),
    )
}
