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
        "pg_group"
        "pg_indexes"
        "pg_matviews"
        "pg_roles"
        "pg_sequences"
        "pg_shadow"
        "pg_stat_all_tables"
        "pg_stat_sys_tables"
        "pg_stat_user_tables"
        "pg_tables"
        "pg_user"
        "pg_views";
    "information_schema":
        "administrable_role_authorizations"
        "applicable_roles"
        "columns"
        "enabled_roles"
        "foreign_tables"
        "information_schema_catalog_name"
        "role_table_grants"
        "schemata"
        "table_constraints"
        "tables"
        "view_table_usage"
        "views";
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
