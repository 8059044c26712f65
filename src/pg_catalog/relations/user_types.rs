//! Types users made, as rows of `pg_type` and `pg_enum`.

use arrow::record_batch::RecordBatch;

use super::objects::{acl, shown_default};
use super::types::{self, Shape, Storage};
use super::{SystemRelation, Value, build};
use crate::base::{Oid, Result};
use crate::catalog::user_type::Domain;
use crate::catalog::{TypeKind, UserType};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::pgtype::Made;

/// A type, or the type of arrays over it.
struct Row<'a> {
    ty: &'a UserType,
    array: bool,
}

/// How PostgreSQL would store values of a user's type.
pub(super) fn storage(ty: PgType) -> Storage {
    if ty.range_family().is_some() {
        let shape = shape_of(ty);
        return Storage {
            name: "",
            by_value: false,
            align: shape.align,
            storage: shape.storage,
            collation: shape.collation,
        };
    }
    let array = ty.element().is_some();
    if ty.element().unwrap_or(ty).is_composite() {
        return types::build_in(Oid::INVALID);
    }
    Storage {
        name: "",
        by_value: !array,
        align: "i",
        storage: if array { "x" } else { "p" },
        collation: Oid::INVALID,
    }
}

/// The shape of enumerated types.
const ENUM: Shape = Shape {
    len: 4,
    by_value: true,
    category: 'E',
    output: Oid(3507),
    send: Oid(3533),
    analyze: Oid::INVALID,
    align: "i",
    storage: "p",
    collation: Oid::INVALID,
};

/// The shape of types of rows.
const COMPOSITE: Shape = Shape {
    len: -1,
    by_value: false,
    category: 'C',
    output: Oid(2291),
    send: Oid(2403),
    analyze: Oid::INVALID,
    align: "d",
    storage: "x",
    collation: Oid::INVALID,
};

/// The shape of a range or multirange type.
fn range(ty: PgType) -> Shape {
    let (output, send, analyze) = match ty.is_range() {
        true => (3835, 3837, 3916),
        false => (4232, 4234, 4242),
    };
    let subtype = ty.subtype().map(|subtype| shape_of(subtype).align);
    Shape {
        len: -1,
        by_value: false,
        category: 'R',
        output: Oid(output),
        send: Oid(send),
        analyze: Oid(analyze),
        align: if subtype == Some("d") { "d" } else { "i" },
        storage: "x",
        collation: Oid::INVALID,
    }
}

/// The shape of arrays over a type.
fn array_of(element: Shape) -> Shape {
    Shape {
        len: -1,
        by_value: false,
        category: 'A',
        output: Oid(751),
        send: Oid(2401),
        analyze: Oid(3816),
        align: if element.align == "d" { "d" } else { "i" },
        storage: "x",
        collation: element.collation,
    }
}

/// The shape of a type, a domain's being that of the type beneath.
fn shape_of(ty: PgType) -> Shape {
    match ty.made {
        Made::Enum { .. } => ENUM,
        Made::EnumArray { .. } => array_of(ENUM),
        Made::Row { .. } => COMPOSITE,
        Made::RowArray { .. } => array_of(COMPOSITE),
        Made::Range(_) => match ty.element() {
            Some(of) => array_of(shape_of(of)),
            None => range(ty),
        },
        Made::None => types::shape(ty.oid).unwrap_or(ENUM),
    }
}

impl Row<'_> {
    fn shape(&self) -> Shape {
        let own = shape_of(self.ty.ty());
        if self.array { array_of(own) } else { own }
    }

    /// The domain, unless this is the type of arrays over it.
    fn domain(&self) -> Option<&Domain> {
        self.ty.domain().filter(|_| !self.array)
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
    let input = |row: &Row<'_>, array: u32, kinds: [u32; 5]| {
        let [domain, composite, own, range, multirange] = kinds;
        Value::from(match row.ty.kind {
            _ if row.array => array,
            TypeKind::Domain(_) => domain,
            TypeKind::Composite(_) => composite,
            TypeKind::Enum(_) => own,
            TypeKind::Range(_) => range,
            TypeKind::Multirange(_) => multirange,
        })
    };
    build::<Row<'_>>(
        relation,
        &rows,
        &[
            ("oid", &|row| match row.array {
                true => row.ty.array.into(),
                false => row.ty.oid.into(),
            }),
            ("typname", &|row| match row.array {
                true => snapshot.array_name(row.ty.schema, &row.ty.name).into(),
                false => (&row.ty.name).into(),
            }),
            ("typnamespace", &|row| row.ty.schema.into()),
            ("typowner", &|row| row.ty.owner.into()),
            ("typlen", &|row| i32::from(row.shape().len).into()),
            ("typbyval", &|row| row.shape().by_value.into()),
            ("typtype", &|row| {
                Value::from(match row.ty.kind {
                    _ if row.array => 'b',
                    TypeKind::Domain(_) => 'd',
                    TypeKind::Composite(_) => 'c',
                    TypeKind::Enum(_) => 'e',
                    TypeKind::Range(_) => 'r',
                    TypeKind::Multirange(_) => 'm',
                })
            }),
            ("typcategory", &|row| row.shape().category.into()),
            ("typisdefined", &|_| true.into()),
            ("typdelim", &|_| ','.into()),
            ("typrelid", &|row| {
                let composite = row.ty.composite().filter(|_| !row.array);
                composite.map_or(Oid::INVALID, |of| of.relation).into()
            }),
            ("typsubscript", &|row| input(row, 6179, [0; 5])),
            ("typelem", &|row| match row.array {
                true => row.ty.oid.into(),
                false => Oid::INVALID.into(),
            }),
            ("typarray", &|row| match row.array {
                true => Oid::INVALID.into(),
                false => row.ty.array.into(),
            }),
            ("typinput", &|row| {
                input(row, 750, [2597, 2290, 3506, 3834, 4231])
            }),
            ("typoutput", &|row| row.shape().output.into()),
            ("typreceive", &|row| {
                input(row, 2400, [2598, 2402, 3532, 3836, 4233])
            }),
            ("typsend", &|row| row.shape().send.into()),
            ("typanalyze", &|row| row.shape().analyze.into()),
            ("typalign", &|row| row.shape().align.into()),
            ("typstorage", &|row| row.shape().storage.into()),
            ("typnotnull", &|row| {
                row.domain().is_some_and(|domain| domain.not_null).into()
            }),
            ("typbasetype", &|row| {
                let base = row.domain().map(|domain| domain.base.declared());
                base.unwrap_or(Oid::INVALID).into()
            }),
            ("typtypmod", &|row| {
                let base = row.domain().map(|domain| domain.base.declared_typmod());
                base.unwrap_or(-1).into()
            }),
            ("typndims", &|row| {
                let dimensions = |domain: &Domain| i32::from(types::is_array(domain.base));
                row.domain().map_or(0, dimensions).into()
            }),
            ("typcollation", &|row| {
                let of_domain = row.ty.domain().and_then(|domain| {
                    let beneath = || snapshot.domain_collation(domain.base.domain?);
                    domain.collation.or_else(beneath)
                });
                of_domain.unwrap_or(row.shape().collation).into()
            }),
            ("typdefaultbin", &|row| default(context, row).into()),
            ("typdefault", &|row| default(context, row).into()),
            ("typacl", &|row| match row.array {
                true => Value::Null,
                false => acl(snapshot, row.ty.acl.as_ref()),
            }),
        ],
    )
}

/// The default of a domain, as PostgreSQL prints it.
fn default(context: &StatementContext, row: &Row<'_>) -> Option<String> {
    let domain = row.domain()?;
    domain
        .default
        .as_deref()
        .map(|default| shown_default(context, default, domain.base))
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
