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
        "pg_policies"
        "pg_roles"
        "pg_rules"
        "pg_sequences"
        "pg_shadow"
        "pg_stat_all_indexes"
        "pg_stat_all_tables"
        "pg_stat_sys_indexes"
        "pg_stat_sys_tables"
        "pg_stat_user_indexes"
        "pg_stat_user_tables"
        "pg_stat_xact_all_tables"
        "pg_stat_xact_sys_tables"
        "pg_stat_xact_user_tables"
        "pg_statio_all_indexes"
        "pg_statio_all_sequences"
        "pg_statio_all_tables"
        "pg_statio_sys_indexes"
        "pg_statio_sys_sequences"
        "pg_statio_sys_tables"
        "pg_statio_user_indexes"
        "pg_statio_user_sequences"
        "pg_statio_user_tables"
        "pg_tables"
        "pg_user"
        "pg_user_mappings"
        "pg_views";
    "information_schema":
        "_pg_foreign_data_wrappers"
        "_pg_foreign_servers"
        "_pg_foreign_table_columns"
        "_pg_foreign_tables"
        "_pg_user_mappings"
        "administrable_role_authorizations"
        "applicable_roles"
        "attributes"
        "character_sets"
        "check_constraints"
        "collation_character_set_applicability"
        "collations"
        "column_column_usage"
        "column_domain_usage"
        "column_options"
        "column_udt_usage"
        "columns"
        "constraint_column_usage"
        "constraint_table_usage"
        "data_type_privileges"
        "domain_constraints"
        "domain_udt_usage"
        "domains"
        "element_types"
        "enabled_roles"
        "foreign_data_wrapper_options"
        "foreign_data_wrappers"
        "foreign_server_options"
        "foreign_servers"
        "foreign_table_options"
        "foreign_tables"
        "information_schema_catalog_name"
        "key_column_usage"
        "parameters"
        "referential_constraints"
        "role_column_grants"
        "role_routine_grants"
        "role_table_grants"
        "role_udt_grants"
        "role_usage_grants"
        "routine_privileges"
        "routines"
        "schemata"
        "sequences"
        "table_constraints"
        "tables"
        "triggered_update_columns"
        "triggers"
        "udt_privileges"
        "usage_privileges"
        "user_defined_types"
        "user_mapping_options"
        "user_mappings"
        "view_column_usage"
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
