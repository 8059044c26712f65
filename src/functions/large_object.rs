//! Large objects. Rights are asked for where PostgreSQL does: when an object is opened, and not
//! again when its descriptor is used.

use std::io::Read;
use std::path::Path;

use super::call::short::{BIGINT, BYTEA, INT, OID, TEXT};
use super::call::{Call, functions};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{LargeObject, ObjectId, Privilege};
use crate::database::{Extent, LargeObjectView};
use crate::pg_catalog::Value;
use crate::privileges::{has_privilege, has_privileges_of, is_superuser};
use crate::statement::ServerFiles;
use crate::types::PgType;

/// `INV_WRITE`
const WRITE: i64 = 0x20000;
/// `INV_READ`
const READ: i64 = 0x40000;
/// Bytes of a file that are read or written at once.
const PIECE_BYTES: usize = 256 * 1024;

functions! { pub(super) LIST:
    "lo_creat" Volatile { (INT) -> PgType::OID, strict, |call, _| create(call, Oid::INVALID); }
    "lo_create" Volatile { (OID) -> PgType::OID, strict, |call, row| create(call, oid(call, row)?); }
    "lo_from_bytea" Volatile { (OID, BYTEA) -> PgType::OID, strict, from_bytea; }
    "lo_unlink" Volatile { (OID) -> PgType::INT4, strict, unlink; }
    "lo_open" Volatile { (OID, INT) -> PgType::INT4, strict, open; }
    "lo_close" Volatile {
        (INT) -> PgType::INT4, strict, |call, row| {
            objects(call)?.close(int(call, 0, row))?;
            Ok(Value::Int(0))
        };
    }
    "loread" Volatile {
        (INT, INT) -> PgType::BYTEA, strict, |call, row| {
            let length = usize::try_from(int(call, 1, row)).unwrap_or(0);
            let objects = objects(call)?;
            objects.read(&call.context.snapshot, int(call, 0, row), length).map(Value::Bytes)
        };
    }
    "lowrite" Volatile {
        (INT, BYTEA) -> PgType::INT4, strict, |call, row| {
            let data = call.bytes(1, row);
            objects(call)?.write(&call.context.snapshot, int(call, 0, row), data)?;
            Ok(i64::try_from(data.len()).unwrap_or(i64::MAX).into())
        };
    }
    "lo_lseek" Volatile { (INT, INT, INT) -> PgType::INT4, strict, seek; }
    "lo_lseek64" Volatile { (INT, BIGINT, INT) -> PgType::INT8, strict, seek; }
    "lo_tell" Volatile { (INT) -> PgType::INT4, strict, tell; }
    "lo_tell64" Volatile { (INT) -> PgType::INT8, strict, tell; }
    "lo_truncate" Volatile { (INT, INT) -> PgType::INT4, strict, truncate; }
    "lo_truncate64" Volatile { (INT, BIGINT) -> PgType::INT4, strict, truncate; }
    "lo_get" Volatile {
        (OID) -> PgType::BYTEA, strict, |call, row| get(call, row, None);
        (OID, BIGINT, INT) -> PgType::BYTEA, strict, |call, row| {
            let offset = call.int(1, row).unwrap_or(0);
            let length = int(call, 2, row);
            if length < 0 {
                return Err(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    "requested length cannot be negative",
                ));
            }
            get(call, row, Some(Extent { offset, length }))
        };
    }
    "lo_put" Volatile { (OID, BIGINT, BYTEA) -> PgType::VOID, strict, put; }
    "lo_import" Volatile {
        (TEXT) -> PgType::OID, strict, |call, row| import(call, row, Oid::INVALID);
        (TEXT, OID) -> PgType::OID, strict, |call, row| {
            import(call, row, call.oid(1, row)?.unwrap_or(Oid::INVALID))
        };
    }
    "lo_export" Volatile {
        (OID, TEXT) -> PgType::INT4, strict, export;
    }
}

/// The large objects the statement sees.
fn objects<'a>(call: &'a Call<'_>) -> Result<&'a LargeObjectView> {
    let objects = call.context.large_objects.as_ref();
    objects.ok_or_else(|| Error::internal("using large objects", "there is no transaction"))
}

fn oid(call: &Call<'_>, row: usize) -> Result<Oid> {
    Ok(call.oid(0, row)?.unwrap_or(Oid::INVALID))
}

fn int(call: &Call<'_>, arg: usize, row: usize) -> i32 {
    let int = call.int(arg, row).and_then(|int| i32::try_from(int).ok());
    int.unwrap_or(0)
}

/// `lo_compat_privileges`: rights are as before PostgreSQL 9.0, everybody's.
fn is_compatible(call: &Call<'_>) -> bool {
    call.context.settings.lo_compat_privileges()
}

/// Whether the role has a right on an object. One that this very statement made is in no catalog
/// yet: it is its owner's.
fn holds(call: &Call<'_>, object: &LargeObject, privilege: Privilege) -> bool {
    let context = call.context;
    let snapshot = &context.snapshot;
    match snapshot.large_object(object.oid) {
        Some(seen) if seen.body == object.body => {
            let id = ObjectId::LargeObject(object.oid);
            has_privilege(snapshot, context.role, id, privilege)
        }
        _ => owns(call, object),
    }
}

fn owns(call: &Call<'_>, object: &LargeObject) -> bool {
    let context = call.context;
    is_superuser(&context.snapshot, context.role)
        || has_privileges_of(&context.snapshot, context.role, object.owner)
}

/// `42501` unless the role has the right.
fn check(call: &Call<'_>, object: &LargeObject, privilege: Privilege) -> Result<()> {
    if is_compatible(call) || holds(call, object, privilege) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!("permission denied for large object {}", object.oid),
    ))
}

fn create(call: &Call<'_>, oid: Oid) -> Result<Value> {
    let context = call.context;
    let made = objects(call)?.create(&context.snapshot, oid, context.role)?;
    Ok(made.into())
}

fn from_bytea(call: &Call<'_>, row: usize) -> Result<Value> {
    let context = call.context;
    let objects = objects(call)?;
    let made = objects.create(&context.snapshot, oid(call, row)?, context.role)?;
    objects.put(&context.snapshot, made, 0, call.bytes(1, row))?;
    Ok(made.into())
}

fn unlink(call: &Call<'_>, row: usize) -> Result<Value> {
    let objects = objects(call)?;
    let object = objects.object(&call.context.snapshot, oid(call, row)?)?;
    if !is_compatible(call) && !owns(call, &object) {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("must be owner of large object {}", object.oid),
        ));
    }
    objects.unlink(&call.context.snapshot, object.oid)?;
    Ok(Value::Int(1))
}

fn open(call: &Call<'_>, row: usize) -> Result<Value> {
    let mode = call.int(1, row).unwrap_or(0);
    if mode & (READ | WRITE) == 0 {
        return Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid flags for opening a large object: {mode}"),
        ));
    }
    let (snapshot, objects) = (&call.context.snapshot, objects(call)?);
    let oid = oid(call, row)?;
    let write = mode & WRITE != 0;
    let object = match write {
        true => objects.object(snapshot, oid)?,
        false => snapshot.must_large_object(oid)?.clone(),
    };
    // Who may write reads as well.
    check(call, &object, Privilege::Select)?;
    if write {
        check(call, &object, Privilege::Update)?;
    }
    let descriptor = objects.open(snapshot, oid, write)?;
    Ok(descriptor.into())
}

fn seek(call: &Call<'_>, row: usize) -> Result<Value> {
    let (descriptor, offset) = (int(call, 0, row), call.int(1, row).unwrap_or(0));
    let whence = int(call, 2, row);
    let objects = objects(call)?;
    let place = objects.seek(&call.context.snapshot, descriptor, offset, whence)?;
    told(call, place, descriptor)
}

fn tell(call: &Call<'_>, row: usize) -> Result<Value> {
    let descriptor = int(call, 0, row);
    told(call, objects(call)?.tell(descriptor)?, descriptor)
}

/// A place, if the function's result can say it.
fn told(call: &Call<'_>, place: u64, descriptor: i32) -> Result<Value> {
    let place = i64::try_from(place).unwrap_or(i64::MAX);
    let name = call.name();
    if !name.ends_with("64") && i32::try_from(place).is_err() {
        return Err(Error::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("{name} result out of range for large-object descriptor {descriptor}"),
        ));
    }
    Ok(Value::Int(place))
}

fn truncate(call: &Call<'_>, row: usize) -> Result<Value> {
    let (descriptor, length) = (int(call, 0, row), call.int(1, row).unwrap_or(0));
    objects(call)?.truncate(&call.context.snapshot, descriptor, length)?;
    Ok(Value::Int(0))
}

fn get(call: &Call<'_>, row: usize, extent: Option<Extent>) -> Result<Value> {
    let snapshot = &call.context.snapshot;
    let object = snapshot.must_large_object(oid(call, row)?)?;
    check(call, object, Privilege::Select)?;
    objects(call)?
        .get(snapshot, object.oid, extent)
        .map(Value::Bytes)
}

fn put(call: &Call<'_>, row: usize) -> Result<Value> {
    let (snapshot, objects) = (&call.context.snapshot, objects(call)?);
    let object = objects.object(snapshot, oid(call, row)?)?;
    check(call, &object, Privilege::Select)?;
    check(call, &object, Privilege::Update)?;
    let offset = call.int(1, row).unwrap_or(0);
    objects.put(snapshot, object.oid, offset, call.bytes(2, row))?;
    Ok(Value::Null)
}

/// Files of the server, which are superusers'.
fn files<'a>(call: &'a Call<'_>) -> Result<&'a ServerFiles> {
    let context = call.context;
    if !is_superuser(&context.snapshot, context.role) {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            format!("permission denied for function {}", call.name()),
        ));
    }
    let files = context.files.as_ref();
    files.ok_or_else(|| Error::unsupported(format!("{}() here", call.name())))
}

fn import(call: &Call<'_>, row: usize, oid: Oid) -> Result<Value> {
    let (context, files, objects) = (call.context, files(call)?, objects(call)?);
    let path = Path::new(call.must_text(0, row));
    let mut file = (files.open)(&files.roots, path)?;
    let made = objects.create(&context.snapshot, oid, context.role)?;
    let mut piece = vec![0; PIECE_BYTES];
    let mut at = 0;
    loop {
        context.interrupt.check()?;
        let read = file.read(&mut piece).map_err(|error| {
            let path = path.display();
            Error::new(
                SqlState::IO_ERROR,
                format!("could not read server file \"{path}\": {error}"),
            )
        })?;
        if read == 0 {
            return Ok(made.into());
        }
        objects.put(&context.snapshot, made, at, &piece[..read])?;
        at += i64::try_from(read).unwrap_or(i64::MAX);
    }
}

fn export(call: &Call<'_>, row: usize) -> Result<Value> {
    let (context, files, objects) = (call.context, files(call)?, objects(call)?);
    let object = context.snapshot.must_large_object(oid(call, row)?)?;
    let path = Path::new(call.must_text(1, row));
    (files.create)(&files.roots, path, &mut |write| {
        let mut offset = 0;
        loop {
            context.interrupt.check()?;
            let length = i32::try_from(PIECE_BYTES).unwrap_or(i32::MAX);
            let extent = Some(Extent { offset, length });
            let piece = objects.get(&context.snapshot, object.oid, extent)?;
            if piece.is_empty() {
                return Ok(());
            }
            write(&piece)?;
            offset += i64::try_from(piece.len()).unwrap_or(i64::MAX);
        }
    })?;
    Ok(Value::Int(1))
}
