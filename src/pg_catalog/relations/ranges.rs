//! Range types users made, as rows of `pg_range`, and the functions that make their values.

use arrow::record_batch::RecordBatch;

use super::dependencies::{Dependency, PG_PROC};
use super::objects::{PG_NAMESPACE, PG_TYPE, derived_oid};
use super::{SystemRelation, Value, build};
use crate::base::{Oid, Result};
use crate::catalog::{RangeType, Snapshot, UserType};
use crate::statement::StatementContext;
use crate::types::PgType;

/// `pg_cast`'s OID.
const PG_CAST: Oid = Oid(2605);

/// The rows of `pg_range`.
pub(super) fn pg_range(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let types = context.snapshot.types();
    let ranges: Vec<(&RangeType, PgType)> = types
        .filter_map(|ty| Some((ty.range()?, ty.ty().subtype()?)))
        .collect();
    build::<(&RangeType, PgType)>(
        relation,
        &ranges,
        &[
            ("rngtypid", &|(range, _)| range.family.range.into()),
            ("rngsubtype", &|(_, subtype)| subtype.oid.into()),
            ("rngmultitypid", &|(range, _)| {
                range.family.multirange.into()
            }),
            ("rngcollation", &|(range, _)| range.collation.into()),
            ("rngsubopc", &|(range, _)| range.operator_class.into()),
            ("rngcanonical", &|_| Oid::INVALID.into()),
            ("rngsubdiff", &|(range, _)| range.subtype_diff.into()),
        ],
    )
}

/// The number of the constructor of a multirange of one range.
const OF_A_RANGE: i16 = 2;

/// A function that makes values of a range or multirange type.
struct Constructor<'a> {
    of: &'a UserType,
    schema: Oid,
    name: &'a String,
    /// Which of the type's.
    number: i16,
    takes: Vec<Oid>,
    /// What it takes any number of.
    variadic: Oid,
    body: &'static str,
}

impl Constructor<'_> {
    fn oid(&self) -> Oid {
        derived_oid(self.of.oid, self.number)
    }
}

fn constructors(snapshot: &Snapshot) -> Vec<Constructor<'_>> {
    let mut found = Vec::new();
    for of in snapshot.types() {
        let (Some(family), Some(own)) = (of.range_family(), of.constructors()) else {
            continue;
        };
        let subtype = of.ty().subtype().map_or(Oid::INVALID, |ty| ty.oid);
        let forms = match of.range() {
            Some(_) => vec![
                (vec![subtype; 2], Oid::INVALID, "range_constructor2"),
                (
                    vec![subtype, subtype, PgType::TEXT.oid],
                    Oid::INVALID,
                    "range_constructor3",
                ),
            ],
            None => vec![
                (Vec::new(), Oid::INVALID, "multirange_constructor0"),
                (vec![family.range], Oid::INVALID, "multirange_constructor1"),
                (
                    vec![family.range_array],
                    family.range,
                    "multirange_constructor2",
                ),
            ],
        };
        for ((takes, variadic, body), number) in forms.into_iter().zip(1..) {
            found.push(Constructor {
                of,
                schema: own.schema,
                name: &own.name,
                number,
                takes,
                variadic,
                body,
            });
        }
    }
    found
}

/// Their constructors, as rows of `pg_proc`.
pub(super) fn pg_proc(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let oids = |oids: &[Oid]| Value::List(oids.iter().copied().map(Value::from).collect());
    let is_range = |of: &Constructor<'_>| of.of.range().is_some();
    build::<Constructor<'_>>(
        relation,
        &constructors(&context.snapshot),
        &[
            ("oid", &|of| of.oid().into()),
            ("proname", &|of| of.name.into()),
            ("pronamespace", &|of| of.schema.into()),
            ("proowner", &|of| of.of.owner.into()),
            ("prolang", &|_| 12.into()),
            ("procost", &|_| 1.0.into()),
            ("prorows", &|_| 0.0.into()),
            ("provariadic", &|of| of.variadic.into()),
            ("prokind", &|_| 'f'.into()),
            ("prosecdef", &|_| false.into()),
            ("proleakproof", &|_| false.into()),
            ("proisstrict", &|of| (!is_range(of)).into()),
            ("proretset", &|_| false.into()),
            ("provolatile", &|_| 'i'.into()),
            ("proparallel", &|_| 's'.into()),
            ("pronargs", &|of| {
                i64::try_from(of.takes.len()).map_or(Value::Null, Value::Int)
            }),
            ("pronargdefaults", &|_| 0.into()),
            ("prorettype", &|of| of.of.oid.into()),
            ("proargtypes", &|of| oids(&of.takes)),
            ("proallargtypes", &|of| match of.variadic {
                Oid::INVALID => Value::Null,
                _ => oids(&of.takes),
            }),
            ("proargmodes", &|of| match of.variadic {
                Oid::INVALID => Value::Null,
                _ => Value::List(vec!['v'.into()]),
            }),
            ("prosrc", &|of| of.body.into()),
        ],
    )
}

/// The casts of ranges to multiranges.
pub(super) fn pg_cast(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let types = context.snapshot.types();
    let ranges: Vec<&RangeType> = types.filter_map(|ty| ty.range()).collect();
    build::<&RangeType>(
        relation,
        &ranges,
        &[
            ("oid", &|range| cast(range).into()),
            ("castsource", &|range| range.family.range.into()),
            ("casttarget", &|range| range.family.multirange.into()),
            ("castfunc", &|range| {
                derived_oid(range.family.multirange, OF_A_RANGE).into()
            }),
            ("castcontext", &|_| 'e'.into()),
            ("castmethod", &|_| 'f'.into()),
        ],
    )
}

/// The OID of the cast of a range type to its multirange type.
fn cast(range: &RangeType) -> Oid {
    derived_oid(range.family.range, 0)
}

/// What multirange types and constructors were made with, and what ranges are over.
pub(super) fn dependencies(snapshot: &Snapshot) -> Vec<Dependency> {
    let mut rows: Vec<Dependency> = Vec::new();
    for ty in snapshot.types() {
        if let Some(range) = ty.required_by() {
            rows.push((PG_TYPE, ty.oid, PG_TYPE, range, 0, 'i'));
        }
        if let Some(range) = ty.range() {
            let (oid, multirange) = (cast(range), range.family.multirange);
            let function = derived_oid(multirange, OF_A_RANGE);
            rows.push((PG_CAST, oid, PG_TYPE, ty.oid, 0, 'i'));
            rows.push((PG_CAST, oid, PG_TYPE, multirange, 0, 'i'));
            rows.push((PG_CAST, oid, PG_PROC, function, 0, 'i'));
        }
        let subtype = ty.range().and_then(|_| ty.ty().subtype());
        if let Some(subtype) = subtype.filter(|subtype| !subtype.oid.is_system()) {
            rows.push((PG_TYPE, ty.oid, PG_TYPE, subtype.oid, 0, 'n'));
        }
    }
    for of in constructors(snapshot) {
        let (oid, made) = (of.oid(), of.of.oid);
        rows.push((PG_PROC, oid, PG_NAMESPACE, of.schema, 0, 'n'));
        rows.push((PG_PROC, oid, PG_TYPE, made, 0, 'i'));
        rows.push((PG_PROC, oid, PG_TYPE, made, 0, 'n'));
        let users = of.takes.iter().filter(|ty| !ty.is_system());
        let mut users: Vec<Oid> = users.copied().collect();
        users.dedup();
        rows.extend(users.iter().map(|ty| (PG_PROC, oid, PG_TYPE, *ty, 0, 'n')));
    }
    rows
}
