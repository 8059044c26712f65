//! Access methods and what goes with them: operator classes and families, and aggregates.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::record_batch::RecordBatch;

use super::super::data::File;
use super::{Value, build, concat, from_file};
use crate::base::{Oid, Result};
use crate::catalog::{Aggregate, AggregateKind, Transition};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;
use crate::types::PgType;

static METHODS: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_am.tsv")));
static CLASSES: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_opclass.tsv")));
static FAMILIES: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_opfamily.tsv")));
static OPERATORS: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_amop.tsv")));
static AGGREGATES: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_aggregate.tsv")));

/// `anyenum`
const ANYENUM: Oid = Oid(3500);
/// `anyrange`
const ANYRANGE: Oid = Oid(3831);
/// `anymultirange`
const ANYMULTIRANGE: Oid = Oid(4537);
/// `btree`
const BTREE: Oid = Oid(403);

/// Whether an operator class has this OID.
pub fn is_class(oid: Oid) -> bool {
    let mut lines = CLASSES.lines.iter();
    lines.any(|line| CLASSES.oid(line, "oid") == oid)
}

/// Whether an operator family has this OID.
pub fn is_family(oid: Oid) -> bool {
    let mut lines = FAMILIES.lines.iter();
    lines.any(|line| FAMILIES.oid(line, "oid") == oid)
}

/// The default operator classes, by method and type.
static DEFAULTS: LazyLock<HashMap<(Oid, Oid), Oid>> = LazyLock::new(|| {
    let is_default = CLASSES.position("opcdefault");
    CLASSES
        .lines
        .iter()
        .filter(|line| is_default.and_then(|at| line.get(at)) == Some(&"t"))
        .map(|line| {
            let of = |column| CLASSES.oid(line, column);
            ((of("opcmethod"), of("opcintype")), of("oid"))
        })
        .collect()
});

/// An access method by name; `btree` for one that is not there.
pub(super) fn method(name: &str) -> Oid {
    let at = METHODS.position("amname");
    let line = METHODS
        .lines
        .iter()
        .find(|line| at.and_then(|at| line.get(at)) == Some(&name));
    line.map_or(BTREE, |line| METHODS.oid(line, "oid"))
}

/// What a name of an operator class means for a type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OperatorClass {
    /// The one the type has anyway.
    Default,
    /// Another one for it.
    Other,
    /// One for other types.
    OfOtherTypes,
    /// None.
    Missing,
}

/// What `name` means for `ty` in an index of the access method.
pub fn operator_class(method_name: &str, ty: PgType, name: &str) -> OperatorClass {
    let method = method(method_name);
    let default = default_class(method, ty);
    let taken = CLASSES
        .lines
        .iter()
        .find(|line| CLASSES.oid(line, "oid") == default);
    // What the type is taken for: its default class is for that.
    let taken = taken.map(|line| CLASSES.oid(line, "opcintype"));
    let at = CLASSES.position("opcname");
    let mut named = CLASSES.lines.iter().filter(|line| {
        at.and_then(|at| line.get(at)) == Some(&name) && CLASSES.oid(line, "opcmethod") == method
    });
    let Some(first) = named.next() else {
        return OperatorClass::Missing;
    };
    let accepts = |line: &Vec<&'static str>| {
        let of = CLASSES.oid(line, "opcintype");
        of == ty.oid || Some(of) == taken
    };
    let chosen = std::iter::once(first)
        .chain(named)
        .find(|line| accepts(line));
    match chosen.map(|line| CLASSES.oid(line, "oid")) {
        None => OperatorClass::OfOtherTypes,
        Some(oid) if oid == default => OperatorClass::Default,
        Some(_) => OperatorClass::Other,
    }
}

/// The operator class of B-trees for a type: of a name, or the one it has anyway; 0 if there is
/// none.
pub fn order_class(ty: PgType, name: Option<&str>) -> Oid {
    match name {
        Some(name) => class_named(BTREE, ty, name),
        None => default_class(BTREE, ty),
    }
}

/// The OID of an operator class for a type, by its name.
pub(super) fn class_named(method: Oid, ty: PgType, name: &str) -> Oid {
    let at = CLASSES.position("opcname");
    let named = CLASSES.lines.iter().filter(|line| {
        at.and_then(|at| line.get(at)) == Some(&name) && CLASSES.oid(line, "opcmethod") == method
    });
    let mut oids = named.map(|line| (CLASSES.oid(line, "opcintype"), CLASSES.oid(line, "oid")));
    let first = oids.clone().next();
    let own = oids.find(|(of, _)| *of == ty.oid);
    own.or(first).map_or(Oid::INVALID, |(_, oid)| oid)
}

/// The operator class an index of a method has for a type unless told otherwise; 0 if there is
/// none.
pub(super) fn default_class(method: Oid, ty: PgType) -> Oid {
    let like = match ty.oid {
        _ if ty.is_range() => ANYRANGE,
        _ if ty.is_multirange() => ANYMULTIRANGE,
        _ if ty.is_made() => match ty.element() {
            Some(_) => PgType::ANYARRAY.oid,
            None if ty.is_composite() => PgType::RECORD.oid,
            None => ANYENUM,
        },
        // What has no class of its own is taken for what it is binary-coercible to.
        oid if oid == PgType::VARCHAR.oid => PgType::TEXT.oid,
        oid if ty.is_reg() => match DEFAULTS.contains_key(&(method, oid)) {
            true => oid,
            false => PgType::OID.oid,
        },
        oid if super::types::is_array(ty) => match DEFAULTS.contains_key(&(method, oid)) {
            true => oid,
            false => PgType::ANYARRAY.oid,
        },
        oid => oid,
    };
    let found = DEFAULTS.get(&(method, like));
    found.copied().unwrap_or(Oid::INVALID)
}

pub(super) fn pg_am(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    from_file(relation, &METHODS, &[])
}

/// Namespace and owner of what PostgreSQL comes with.
fn built_in<'a>(namespace: &'a str, owner: &'a str) -> [(&'a str, Value); 2] {
    [
        (namespace, Oid::PG_CATALOG.into()),
        (owner, Oid::SUPERUSER.into()),
    ]
}

pub(super) fn pg_opclass(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    from_file(relation, &CLASSES, &built_in("opcnamespace", "opcowner"))
}

pub(super) fn pg_opfamily(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    from_file(relation, &FAMILIES, &built_in("opfnamespace", "opfowner"))
}

pub(super) fn pg_amop(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    from_file(relation, &OPERATORS, &[])
}

pub(super) fn pg_aggregate(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let own = from_file(relation, &AGGREGATES, &[])?;
    let routines = context.snapshot.routines();
    let made: Vec<Made<'_>> = routines
        .filter_map(|routine| Some((routine.oid, routine.aggregate()?)))
        .collect();
    if made.is_empty() {
        return Ok(own);
    }
    let users = users_aggregates(relation, &made)?;
    concat(&[own, users])
}

/// A users' aggregate, with its OID.
type Made<'a> = (Oid, &'a Aggregate);

fn users_aggregates(relation: &SystemRelation, made: &[Made<'_>]) -> Result<RecordBatch> {
    fn of<'a>(made: &'a Made<'_>) -> Option<&'a Transition> {
        made.1.moving.as_ref().map(|moving| &moving.transition)
    }
    let some = |oid: Option<Oid>| Value::from(oid.unwrap_or(Oid::INVALID));
    let text = |text: Option<&String>| text.map_or(Value::Null, |text| text.into());
    let modify = |of: Option<&Transition>| of.map_or('r', |of| of.modify.letter()).into();
    build::<Made<'_>>(
        relation,
        made,
        &[
            ("aggfnoid", &|made| made.0.into()),
            ("aggkind", &|made| made.1.kind.letter().into()),
            ("aggnumdirectargs", &|made| {
                i64::try_from(made.1.direct).map_or(Value::Null, Value::Int)
            }),
            ("aggtransfn", &|made| made.1.plain.function.into()),
            ("aggfinalfn", &|made| some(made.1.plain.finish)),
            ("aggcombinefn", &|made| some(made.1.combine)),
            ("aggserialfn", &|made| some(made.1.serialize.map(|of| of.0))),
            ("aggdeserialfn", &|made| {
                some(made.1.serialize.map(|of| of.1))
            }),
            ("aggmtransfn", &|made| some(of(made).map(|of| of.function))),
            ("aggminvtransfn", &|made| {
                some(made.1.moving.as_ref().map(|moving| moving.inverse))
            }),
            ("aggmfinalfn", &|made| {
                some(of(made).and_then(|of| of.finish))
            }),
            ("aggfinalextra", &|made| made.1.plain.extra.into()),
            ("aggmfinalextra", &|made| {
                of(made).is_some_and(|of| of.extra).into()
            }),
            ("aggfinalmodify", &|made| modify(Some(&made.1.plain))),
            ("aggmfinalmodify", &|made| match (of(made), made.1.kind) {
                (None, AggregateKind::OrderedSet | AggregateKind::Hypothetical) => 'w'.into(),
                (of, _) => modify(of),
            }),
            ("aggsortop", &|made| some(made.1.sort_operator)),
            ("aggtranstype", &|made| made.1.plain.state.into()),
            ("aggtransspace", &|made| made.1.plain.space.into()),
            ("aggmtranstype", &|made| some(of(made).map(|of| of.state))),
            ("aggmtransspace", &|made| {
                of(made).map_or(0, |of| of.space).into()
            }),
            ("agginitval", &|made| text(made.1.plain.initial.as_ref())),
            ("aggminitval", &|made| {
                text(of(made).and_then(|of| of.initial.as_ref()))
            }),
        ],
    )
}
