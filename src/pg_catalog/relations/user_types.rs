//! Types users made, as rows of `pg_type` and `pg_enum`.

use arrow::record_batch::RecordBatch;

use super::objects::acl;
use super::types::Storage;
use super::{SystemRelation, Value, build};
use crate::base::{Oid, Result};
use crate::catalog::UserType;
use crate::statement::StatementContext;
use crate::types::PgType;

/// A type, or the type of arrays over it.
struct Row<'a> {
    ty: &'a UserType,
    array: bool,
}

/// How PostgreSQL would store values of a user's type.
pub(super) fn storage(ty: PgType) -> Storage {
    let array = ty.element().is_some();
    Storage {
        name: "",
        by_value: !array,
        align: "i",
        storage: if array { "x" } else { "p" },
        collation: Oid::INVALID,
    }
}

/// The rows of `pg_type`.
pub(super) fn pg_type(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let rows: Vec<Row<'_>> = snapshot
        .types()
        .flat_map(|ty| [true, false].map(|array| Row { ty, array }))
        .collect();
    // I/O functions by PostgreSQL's OIDs.
    let either =
        |row: &Row<'_>, array: u32, own: u32| Value::from(if row.array { array } else { own });
    let letter =
        |row: &Row<'_>, array: char, own: char| Value::from(if row.array { array } else { own });
    build::<Row<'_>>(
        relation,
        &rows,
        &[
            ("oid", &|row| match row.array {
                true => row.ty.array.into(),
                false => row.ty.oid.into(),
            }),
            ("typname", &|row| match row.array {
                true => row.ty.array_name().into(),
                false => (&row.ty.name).into(),
            }),
            ("typnamespace", &|row| row.ty.schema.into()),
            ("typowner", &|row| row.ty.owner.into()),
            ("typlen", &|row| {
                if row.array { (-1).into() } else { 4.into() }
            }),
            ("typbyval", &|row| (!row.array).into()),
            ("typtype", &|row| letter(row, 'b', 'e')),
            ("typcategory", &|row| letter(row, 'A', 'E')),
            ("typisdefined", &|_| true.into()),
            ("typdelim", &|_| ','.into()),
            ("typsubscript", &|row| either(row, 6179, 0)),
            ("typelem", &|row| match row.array {
                true => row.ty.oid.into(),
                false => Oid::INVALID.into(),
            }),
            ("typarray", &|row| match row.array {
                true => Oid::INVALID.into(),
                false => row.ty.array.into(),
            }),
            ("typinput", &|row| either(row, 750, 3506)),
            ("typoutput", &|row| either(row, 751, 3507)),
            ("typreceive", &|row| either(row, 2400, 3532)),
            ("typsend", &|row| either(row, 2401, 3533)),
            ("typanalyze", &|row| either(row, 3816, 0)),
            ("typalign", &|_| 'i'.into()),
            ("typstorage", &|row| letter(row, 'x', 'p')),
            ("typtypmod", &|_| (-1).into()),
            ("typacl", &|row| match row.array {
                true => Value::Null,
                false => acl(snapshot, row.ty.acl.as_ref()),
            }),
        ],
    )
}

pub(super) fn pg_enum(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let rows: Vec<(Oid, Oid, f32, String)> = context
        .snapshot
        .types()
        .flat_map(|ty| {
            let labels = ty.labels().into_iter().flat_map(|labels| labels.iter());
            labels.map(|label| (label.oid, ty.oid, label.sort_order, label.name.clone()))
        })
        .collect();
    build::<(Oid, Oid, f32, String)>(
        relation,
        &rows,
        &[
            ("oid", &|row| row.0.into()),
            ("enumtypid", &|row| row.1.into()),
            ("enumsortorder", &|row| Value::Float(f64::from(row.2))),
            ("enumlabel", &|row| (&row.3).into()),
        ],
    )
}
