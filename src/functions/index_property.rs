//! What indexes and their access methods can do: `pg_index_has_property` and its kin.

use super::call::short::{INT, OID, REGCLASS, TEXT};
use super::call::{Call, functions};
use crate::base::{Oid, Result};
use crate::catalog::{Index, IndexedBy, Relation};
use crate::pg_catalog::Value;
use crate::types::PgType;

functions! { pub(super) LIST:
    "pg_indexam_has_property" Stable {
        (OID, TEXT) -> PgType::BOOL, strict, |call, row| {
            let method = call.oid(0, row)?.and_then(method_of);
            Ok(method.and_then(|method| of_method(method, call.must_text(1, row))).into())
        };
    }
    "pg_index_has_property" Stable {
        (REGCLASS, TEXT) -> PgType::BOOL, strict, |call, row| {
            let Some((_, index)) = call.context.snapshot.index(asked(call, row)?) else {
                return Ok(Value::Null);
            };
            Ok(of_index(&index.method, call.must_text(1, row)).into())
        };
    }
    "pg_index_column_has_property" Stable {
        (REGCLASS, INT, TEXT) -> PgType::BOOL, strict, |call, row| {
            let Some((table, index)) = call.context.snapshot.index(asked(call, row)?) else {
                return Ok(Value::Null);
            };
            let place = call.int(1, row).and_then(|number| usize::try_from(number - 1).ok());
            let property = call.must_text(2, row);
            Ok(place.and_then(|place| of_column(table, index, place, property)).into())
        };
    }
}

fn asked(call: &Call<'_>, row: usize) -> Result<Oid> {
    Ok(call.oid(0, row)?.unwrap_or(Oid::INVALID))
}

/// An index access method by its OID.
fn method_of(oid: Oid) -> Option<&'static str> {
    Some(match oid.0 {
        403 => "btree",
        405 => "hash",
        783 => "gist",
        2742 => "gin",
        3580 => "brin",
        4000 => "spgist",
        _ => return None,
    })
}

fn of_method(method: &str, property: &str) -> Option<bool> {
    Some(match property.to_ascii_lowercase().as_str() {
        "can_order" | "can_unique" => method == "btree",
        "can_multi_col" => matches!(method, "btree" | "gist" | "gin" | "brin"),
        "can_exclude" => matches!(method, "btree" | "hash" | "gist" | "spgist"),
        "can_include" => matches!(method, "btree" | "gist" | "spgist"),
        _ => return None,
    })
}

fn of_index(method: &str, property: &str) -> Option<bool> {
    Some(match property.to_ascii_lowercase().as_str() {
        "clusterable" => matches!(method, "btree" | "gist"),
        "index_scan" => !matches!(method, "gin" | "brin"),
        "bitmap_scan" => true,
        "backward_scan" => matches!(method, "btree" | "hash"),
        _ => return None,
    })
}

fn of_column(table: &Relation, index: &Index, place: usize, property: &str) -> Option<bool> {
    let part = index.parts.get(place);
    if part.is_none() && place >= index.parts.len() + index.include.len() {
        return None;
    }
    let method = index.method.as_str();
    let ordered = method == "btree";
    let ty = part.and_then(|part| match &part.of {
        IndexedBy::Column(number) => {
            let mut columns = table.columns.iter();
            columns
                .find(|column| column.attnum == *number)
                .map(|column| column.ty)
        }
        IndexedBy::Expression(_) => part.ty,
    });
    let has = |can: fn(&str, PgType) -> bool| ty.is_some_and(|ty| can(method, ty));
    Some(match (property.to_ascii_lowercase().as_str(), part) {
        ("asc", Some(part)) => ordered && !part.descending,
        ("desc", Some(part)) => ordered && part.descending,
        ("nulls_first", Some(part)) => ordered && part.nulls_first,
        ("nulls_last", Some(part)) => ordered && !part.nulls_first,
        ("orderable", part) => ordered && part.is_some(),
        ("distance_orderable", _) => has(is_measured),
        ("returnable", None) => true,
        ("returnable", Some(_)) => has(is_kept),
        ("search_array", Some(_)) => ordered,
        ("search_nulls", Some(_)) => !matches!(method, "hash" | "gin"),
        _ => return None,
    })
}

/// Whether an index of a method over values of a type finds those nearest to one.
fn is_measured(method: &str, ty: PgType) -> bool {
    let shapes = [PgType::POINT, PgType::BOX, PgType::POLYGON];
    let among = shapes.iter().any(|shape| shape.oid == ty.oid);
    match method {
        "gist" => among || ty.oid == PgType::CIRCLE.oid,
        "spgist" => among,
        _ => false,
    }
}

/// Whether an index of a method has the values of a type themselves.
fn is_kept(method: &str, ty: PgType) -> bool {
    match method {
        "btree" => true,
        "gist" => {
            let whole = [PgType::POINT, PgType::BOX, PgType::INET, PgType::CIDR];
            let range = matches!(ty.oid.0, 3904 | 3906 | 3908 | 3910 | 3912 | 3926);
            range || whole.iter().any(|whole| whole.oid == ty.oid)
        }
        "spgist" => ty.oid != PgType::POLYGON.oid,
        _ => false,
    }
}
