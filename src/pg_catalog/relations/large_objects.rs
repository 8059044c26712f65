//! `pg_largeobject_metadata` and `pg_largeobject`.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::build;
use super::objects::acl;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::LargeObject;
use crate::pg_catalog::{SystemRelation, Value};
use crate::statement::StatementContext;

/// Bytes of pages that are shown at once.
const SHOWN_BYTES_MAX: usize = 512 * 1024 * 1024;

pub(super) fn pg_largeobject_metadata(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let objects: Vec<_> = snapshot.large_objects().cloned().collect();
    build::<Arc<LargeObject>>(
        relation,
        &objects,
        &[
            ("oid", &|object| object.oid.into()),
            ("lomowner", &|object| object.owner.into()),
            ("lomacl", &|object| acl(snapshot, object.acl.as_ref())),
        ],
    )
}

/// Every page of every object.
pub(super) fn pg_largeobject(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let mut rows: Vec<(Oid, i32, Vec<u8>)> = Vec::new();
    if let Some(objects) = &context.large_objects {
        let mut bytes = 0;
        for object in context.snapshot.large_objects() {
            objects.pages(object, |number, data| {
                bytes += data.len();
                rows.push((object.oid, number, data));
                match bytes > SHOWN_BYTES_MAX {
                    true => Err(Error::new(
                        SqlState::PROGRAM_LIMIT_EXCEEDED,
                        "the large objects are too large to be shown as a table",
                    )
                    .hint("Read them with lo_get() or loread().")),
                    false => Ok(()),
                }
            })?;
        }
    }
    build::<(Oid, i32, Vec<u8>)>(
        relation,
        &rows,
        &[
            ("loid", &|row| row.0.into()),
            ("pageno", &|row| row.1.into()),
            ("data", &|row| Value::Bytes(row.2.clone())),
        ],
    )
}
