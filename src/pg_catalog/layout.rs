//! The shape of every system relation: PostgreSQL 15's names, OIDs, columns and types, from
//! `sql/relations.tsv`.
//!
//! One line per relation: schema, name, OID, relkind, OID of the row type, OID of its array type,
//! columns. A column is
//! `name type`, with `!` where it is never NULL. Columns of types commons does not have (inet,
//! pg_lsn) are text here.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use super::{SystemBody, SystemRelation, relations, views};
use crate::base::Oid;
use crate::catalog::Column;
use crate::types::PgType;

const TEXT: &str = include_str!("../../sql/relations.tsv");

/// Every system relation, sorted by schema and name as the file is.
pub(super) static ALL: LazyLock<Vec<SystemRelation>> =
    LazyLock::new(|| TEXT.lines().map(relation).collect());

static BY_NAME: LazyLock<HashMap<(Oid, &'static str), usize>> = LazyLock::new(|| {
    ALL.iter()
        .enumerate()
        .map(|(index, relation)| ((relation.schema, relation.name), index))
        .collect()
});

static BY_OID: LazyLock<HashMap<Oid, usize>> = LazyLock::new(|| {
    ALL.iter()
        .enumerate()
        .map(|(index, relation)| (relation.oid, index))
        .collect()
});

/// System relation by schema and name.
pub(super) fn find(schema: Oid, name: &str) -> Option<&'static SystemRelation> {
    BY_NAME.get(&(schema, name)).map(|index| &ALL[*index])
}

/// System relation by OID.
pub fn by_oid(oid: Oid) -> Option<&'static SystemRelation> {
    BY_OID.get(&oid).map(|index| &ALL[*index])
}

static BY_ROW_TYPE: LazyLock<HashMap<Oid, usize>> = LazyLock::new(|| {
    let types = |(index, relation): (usize, &SystemRelation)| {
        [(relation.row_type, index), (relation.row_array, index)]
    };
    ALL.iter().enumerate().flat_map(types).collect()
});

/// System relation by the OID of its row type, or of the array type over that.
pub fn by_row_type(oid: Oid) -> Option<&'static SystemRelation> {
    BY_ROW_TYPE.get(&oid).map(|index| &ALL[*index])
}

/// Schema of a system relation's name, as the file spells it.
pub fn schema_oid(name: &str) -> Option<Oid> {
    match name {
        "pg_catalog" => Some(Oid::PG_CATALOG),
        "information_schema" => Some(Oid::INFORMATION_SCHEMA),
        "commons" => Some(Oid::COMMONS_SCHEMA),
        _ => None,
    }
}

/// One line. The file is part of the program, so a mistake in it is caught by the tests below, not
/// at run time.
fn relation(line: &'static str) -> SystemRelation {
    let mut fields = line.split('\t');
    let mut next = || {
        fields
            .next()
            .expect("relations.tsv has seven fields a line")
    };
    let schema = schema_oid(next()).expect("relations.tsv names system schemas only");
    let name = next();
    let oid = number(next());
    let kind = next().chars().next().expect("relkind is one letter");
    let row_type = number(next());
    let row_array = number(next());
    let columns: Arc<[Column]> = next()
        .split(',')
        .zip(1..)
        .map(|(text, attnum)| column(text, attnum))
        .collect();
    let body = match views::body(schema, name) {
        Some(query) => SystemBody::View(query),
        None => SystemBody::Base(columns.clone()),
    };
    SystemRelation {
        oid,
        schema,
        name,
        kind,
        row_type,
        row_array,
        columns,
        body,
        source: relations::source(schema, name),
    }
}

fn number(text: &str) -> Oid {
    Oid(text.parse().expect("relations.tsv holds decimal OIDs"))
}

fn column(text: &str, attnum: i16) -> Column {
    let (name, ty) = text
        .split_once(' ')
        .expect("a column of relations.tsv is a name and a type");
    let not_null = ty.ends_with('!');
    let ty = ty.trim_end_matches('!');
    Column {
        attnum,
        name: name.to_owned(),
        stored_name: name.to_owned(),
        ty: PgType::by_name(ty)
            .or_else(|| row_array(ty))
            .expect("relations.tsv uses types of the type table"),
        collation: None,
        not_null,
        default: None,
        generation: None,
        comment: None,
    }
}

/// The array type over a relation's rows (`_pg_statistic`), which only such a column has.
fn row_array(name: &str) -> Option<PgType> {
    let relation = name.strip_prefix('_')?;
    let mut lines = TEXT
        .lines()
        .map(|line| line.split('\t').collect::<Vec<_>>());
    let line = lines.find(|line| line.get(1) == Some(&relation))?;
    line.get(5)?.parse().ok().map(PgType::of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_is_sound() {
        assert!(ALL.len() > 200);
        let mut oids = std::collections::HashSet::new();
        for relation in ALL.iter() {
            for oid in [relation.oid, relation.row_type, relation.row_array] {
                assert!(oid.is_system() && oids.insert(oid), "{}", relation.name);
            }
        }
        let class = find(Oid::PG_CATALOG, "pg_class").unwrap();
        assert_eq!((class.oid, class.columns.len()), (Oid(1259), 33));
    }

    #[test]
    fn every_view_is_a_relation() {
        for (schema, name, _) in views::ALL {
            let schema = schema_oid(schema).unwrap();
            assert!(find(schema, name).is_some(), "{name}");
        }
    }
}
