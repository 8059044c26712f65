//! The views of `sql/`: one file per relation, built into the program.

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::base::Oid;

/// Lists files as (schema, relation, text).
macro_rules! views {
    ($($schema:literal: $($name:literal)*;)*) => {
        &[$($((
            $schema,
            $name,
            include_str!(concat!("../../sql/", $schema, "/", $name, ".sql")),
        )),*),*]
    };
}

/// Every view: (schema, name, SELECT).
pub(super) const ALL: &[(&str, &str, &str)] = views! {
    "pg_catalog":
        "pg_roles";
};

static BY_NAME: LazyLock<HashMap<(Oid, &'static str), &'static str>> = LazyLock::new(|| {
    ALL.iter()
        .filter_map(|(schema, name, query)| {
            Some(((super::layout::schema_oid(schema)?, *name), *query))
        })
        .collect()
});

/// The SELECT behind a relation, if it is a view.
pub(super) fn body(schema: Oid, name: &str) -> Option<&'static str> {
    BY_NAME.get(&(schema, name)).copied()
}
