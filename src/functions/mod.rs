//! Functions: PostgreSQL's that commons adds to DataFusion's, and the team's verbs.
//!
//! A function that needs to know who asks is made per statement and holds its [`StatementContext`].

mod access_item;
mod accumulate;
mod address;
mod advisory;
mod aggregate;
mod are;
mod array_join;
mod array_key;
mod array_order;
mod array_part;
mod arrays;
mod bits;
mod bytea;
mod bytes;
mod call;
mod called;
mod catalog;
mod compare;
mod concat;
mod decimal_groups;
mod definition;
mod description;
mod domain;
mod extract;
mod float_extremes;
mod float_sums;
mod formatting;
mod frame;
mod framed;
mod gather;
mod geometry;
mod hash;
mod identity;
mod in_range;
mod index_property;
mod json;
mod json_get;
mod json_subscript;
mod jsonb;
mod jsonpath;
mod large_object;
mod like;
mod make;
mod math;
mod money;
mod native;
mod network;
mod numeric_aggregate;
mod ordered;
mod partition;
mod populate;
mod privilege;
mod range;
mod real;
mod regexp;
mod resolve;
mod routine;
mod running;
mod sample;
mod search;
mod sequence;
mod sets;
mod similar;
mod size;
mod sleep;
mod special;
mod standard;
mod statistics;
mod strings;
mod system;
mod temporal;
mod text;
mod time;
mod timetz;
mod trigger;
mod ungrouped;
mod updatable;
mod variadic;
mod waiting;
mod youngs_cramer;

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::record_batch::RecordBatch;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::{AggregateUDF, ScalarUDF, WindowUDF};

use crate::types::json_tree;
pub(crate) use aggregate::is_long;
pub(crate) use array_join::{OF_ARRAYS, together};
pub(crate) use array_key::{has_array_key, keys as array_keys};
use call::{Bound as BoundFunction, Function};
pub(crate) use call::{evaluated, scalar as scalar_value};
pub(crate) use called::{called, has_effects, is_called, is_immutable};
pub(crate) use compare::{comparable, comparable_type, interval_keys, query_keys, range_keys};
pub(crate) use decimal_groups::has_room;
pub(crate) use domain::violation as domain_violation;
pub(crate) use frame::{Bound, Exclude, Frame, Units};
pub(crate) use framed::{Framed, Over, function as framed, goes_back, of as framed_of};
pub(crate) use gather::{Kept, keeps_rows};
pub(crate) use hash::is_hashable;
pub(crate) use json_subscript::SET as SET_JSON_PART;
pub(crate) use jsonb::keys as jsonb_keys;
pub(crate) use numeric_aggregate::numeric_extreme;
pub(crate) use ordered::{FIRST, IN_ORDER};
pub(crate) use populate::{Wanted as Populate, populate};
pub(crate) use range::{Spanning, function as spanning};
pub(crate) use sample::{PERCENT as SAMPLE_PERCENT, PLACE as SAMPLE_PLACE};
pub(crate) use variadic::variadic;

use crate::base::Result;
use crate::statement::StatementContext;
use crate::types::PgType;

/// Our functions by name.
static OURS: LazyLock<HashMap<&'static str, &'static Function>> = LazyLock::new(|| {
    [
        access_item::LIST,
        accumulate::LIST,
        address::LIST,
        advisory::LIST,
        advisory::ALL,
        large_object::LIST,
        arrays::LIST,
        json_subscript::LIST,
        bits::LIST,
        bytea::LIST,
        bytes::LIST,
        like::LIST,
        catalog::LIST,
        definition::LIST,
        updatable::LIST,
        concat::LIST,
        domain::LIST,
        description::LIST,
        extract::LIST,
        geometry::MAKE,
        geometry::MEASURE,
        geometry::PLACE,
        hash::LIST,
        identity::LIST,
        in_range::LIST,
        index_property::LIST,
        json::LIST,
        json_get::LIST,
        jsonb::LIST,
        jsonpath::LIST,
        make::LIST,
        math::LIST,
        money::LIST,
        network::LIST,
        privilege::LIST,
        sequence::LIST,
        real::LIST,
        regexp::LIST,
        running::LIST,
        sample::LIST,
        search::DOCUMENTS,
        search::HEADLINES,
        search::RANKS,
        search::TEXTS,
        search::QUERIES,
        search::QUERIES_NOW,
        sets::LIST,
        size::LIST,
        standard::LIST,
        strings::LIST,
        system::LIST,
        temporal::LIST,
        text::LIST,
        time::LIST,
        timetz::LIST,
        formatting::NUMBERS,
        formatting::TIMES,
    ]
    .into_iter()
    .flatten()
    .map(|function| (function.name, function))
    .collect()
});

/// Scalar function by name, already folded, without `pg_catalog.`; the team's verbs with their
/// schema (`commons.shutdown`).
pub fn scalar(context: &Arc<StatementContext>, name: &str) -> Option<Arc<ScalarUDF>> {
    match OURS.get(name) {
        Some(function) => Some(Arc::new(ScalarUDF::new_from_impl(BoundFunction::new(
            function,
            context.clone(),
        )))),
        None if name == sets::SERIES_ARRAY => native::scalar("generate_series"),
        None => waiting::scalar(context, name).or_else(|| native::scalar(name)),
    }
}

/// What the names of users' aggregates begin with, as DataFusion knows them.
pub(crate) const FOLD: &str = "\0fold";

/// Whether a scalar function is none of ours.
pub(crate) fn is_native(name: &str) -> bool {
    !OURS.contains_key(name)
}

/// The same function, called by another statement: for a plan that was bound earlier. `None` if it
/// is not one that depends on who calls it.
pub fn rebind(context: &Arc<StatementContext>, function: &ScalarUDF) -> Option<Arc<ScalarUDF>> {
    match function.inner().downcast_ref::<BoundFunction>() {
        Some(bound) => Some(Arc::new(ScalarUDF::new_from_impl(bound.rebound(context)))),
        None => populate::rebind(context, function)
            .or_else(|| called::rebind(context, function))
            .or_else(|| waiting::scalar(context, function.name())),
    }
}

/// The name under which [`scalar`] gives the array-valued function behind a set-returning function
/// of one column (`generate_series`, `pg_partition_ancestors`), if `name` is one: the binder
/// unnests what it gives, in FROM and in a select list. The column takes the function's name.
pub fn set_as_array(name: &str) -> Option<String> {
    sets::array_name(name)
}

/// The parameters of a function whose arguments may be given by name, with their defaults.
pub fn parameters(name: &str) -> Option<&'static [(&'static str, &'static str)]> {
    match name {
        "make_interval" => Some(&[
            ("years", "0"),
            ("months", "0"),
            ("weeks", "0"),
            ("days", "0"),
            ("hours", "0"),
            ("mins", "0"),
            ("secs", "0"),
        ]),
        "jsonb_path_exists"
        | "jsonb_path_exists_tz"
        | "jsonb_path_match"
        | "jsonb_path_match_tz"
        | "jsonb_path_query"
        | "jsonb_path_query_tz"
        | "jsonb_path_query_array"
        | "jsonb_path_query_array_tz"
        | "jsonb_path_query_first"
        | "jsonb_path_query_first_tz" => Some(&[
            ("target", ""),
            ("path", ""),
            ("vars", "{}"),
            ("silent", "false"),
        ]),
        "jsonb_set" => Some(&[
            ("jsonb_in", ""),
            ("path", ""),
            ("replacement", ""),
            ("create_if_missing", "true"),
        ]),
        "jsonb_insert" => Some(&[
            ("jsonb_in", ""),
            ("path", ""),
            ("replacement", ""),
            ("insert_after", "false"),
        ]),
        "regexp_count" => Some(&[
            ("string", ""),
            ("pattern", ""),
            ("start", "1"),
            ("flags", ""),
        ]),
        "regexp_instr" => Some(&[
            ("string", ""),
            ("pattern", ""),
            ("start", "1"),
            ("N", "1"),
            ("endoption", "0"),
            ("flags", ""),
            ("subexpr", "0"),
        ]),
        _ => None,
    }
}

/// The name of the hypothetical-set aggregate that shares the name of a window function.
pub fn within_group(name: &str) -> Option<&'static str> {
    match name {
        "rank" => Some("rank within group"),
        "dense_rank" => Some("dense_rank within group"),
        "percent_rank" => Some("percent_rank within group"),
        "cume_dist" => Some("cume_dist within group"),
        _ => None,
    }
}

/// Whether each element of a set is an array.
pub fn is_set_of_arrays(name: &str) -> bool {
    matches!(
        name,
        "regexp_matches"
            | "pg_identify_object_as_address.object_names"
            | "pg_identify_object_as_address.object_args"
            | "unnest.positions"
            | "unnest.weights"
            | "ts_debug.dictionaries"
            | "ts_debug.lexemes"
    )
}

/// The name of the column of a set-returning function, where nothing gives it another.
pub fn set_column(name: &str) -> &str {
    match name {
        "json_array_elements"
        | "jsonb_array_elements"
        | "json_array_elements_text"
        | "jsonb_array_elements_text" => "value",
        "pg_partition_ancestors" => "relid",
        name => name,
    }
}

/// The array-valued functions behind a set-returning function of several columns whose arguments
/// need not be constants, each with its column's name.
pub fn set_as_arrays(name: &str) -> Option<&'static [(&'static str, &'static str)]> {
    Some(match name {
        "json_each" => &[("json_each.key", "key"), ("json_each.value", "value")],
        "jsonb_each" => &[("jsonb_each.key", "key"), ("jsonb_each.value", "value")],
        "json_each_text" => &[
            ("json_each_text.key", "key"),
            ("json_each_text.value", "value"),
        ],
        "jsonb_each_text" => &[
            ("jsonb_each_text.key", "key"),
            ("jsonb_each_text.value", "value"),
        ],
        "pg_identify_object" => &[
            ("pg_identify_object.type", "type"),
            ("pg_identify_object.schema", "schema"),
            ("pg_identify_object.name", "name"),
            ("pg_identify_object.identity", "identity"),
        ],
        "pg_identify_object_as_address" => &[
            ("pg_identify_object_as_address.type", "type"),
            ("pg_identify_object_as_address.object_names", "object_names"),
            ("pg_identify_object_as_address.object_args", "object_args"),
        ],
        "pg_get_object_address" => &[
            ("pg_get_object_address.classid", "classid"),
            ("pg_get_object_address.objid", "objid"),
            ("pg_get_object_address.objsubid", "objsubid"),
        ],
        "pg_partition_tree" => &[
            ("pg_partition_tree.relid", "relid"),
            ("pg_partition_tree.parentrelid", "parentrelid"),
            ("pg_partition_tree.isleaf", "isleaf"),
            ("pg_partition_tree.level", "level"),
        ],
        "unnest tsvector" => &[
            ("unnest.lexeme", "lexeme"),
            ("unnest.positions", "positions"),
            ("unnest.weights", "weights"),
        ],
        "ts_parse" => &[("ts_parse.tokid", "tokid"), ("ts_parse.token", "token")],
        "ts_token_type" => &[
            ("ts_token_type.tokid", "tokid"),
            ("ts_token_type.alias", "alias"),
            ("ts_token_type.description", "description"),
        ],
        "ts_debug" => &[
            ("ts_debug.alias", "alias"),
            ("ts_debug.description", "description"),
            ("ts_debug.token", "token"),
            ("ts_debug.dictionaries", "dictionaries"),
            ("ts_debug.dictionary", "dictionary"),
            ("ts_debug.lexemes", "lexemes"),
        ],
        "aclexplode" => &[
            ("aclexplode.grantor", "grantor"),
            ("aclexplode.grantee", "grantee"),
            ("aclexplode.privilege_type", "privilege_type"),
            ("aclexplode.is_grantable", "is_grantable"),
        ],
        "information_schema._pg_expandarray" => &[
            ("information_schema._pg_expandarray.x", "x"),
            ("information_schema._pg_expandarray.n", "n"),
        ],
        _ => return None,
    })
}

/// Whether a set-returning function of several columns (`pg_get_keywords`) has this name.
pub fn is_table(name: &str) -> bool {
    sets::TABLES.contains(&name)
}

/// The rows of a set-returning function of several columns, called with constants; `None` if there
/// is no such function.
pub fn table(name: &str, args: &[ScalarValue]) -> Option<Result<RecordBatch>> {
    sets::table(name, args)
}

/// DataFusion's own `sum`, which adds up smaller integers as bigint.
pub(crate) fn bigint_sum() -> Option<Arc<AggregateUDF>> {
    native::aggregate("sum")
}

/// Aggregate function by name.
pub fn aggregate(name: &str) -> Option<Arc<AggregateUDF>> {
    gathered(name)
        .or_else(|| aggregate::exact(name))
        .or_else(|| {
            native::AGGREGATES
                .contains(&name)
                .then(|| native::aggregate(name))?
        })
}

/// An aggregate of ours over all values of a group.
fn gathered(name: &str) -> Option<Arc<AggregateUDF>> {
    [
        ordered::LIST,
        array_join::AGGREGATES,
        range::AGGREGATES,
        statistics::SPREAD,
        statistics::REGRESSION,
    ]
    .into_iter()
    .flatten()
    .chain([&statistics::COUNT])
    .chain(&bits::ALL)
    .chain([&money::SUM])
    .find(|gathered| gathered.name == name)
    .map(gather::aggregate)
}

/// The aggregate to call instead of one that does not take such an argument: `avg(interval)`.
pub(crate) fn aggregate_over(
    name: &str,
    ty: &arrow::datatypes::DataType,
) -> Option<Arc<AggregateUDF>> {
    match (name, ty) {
        ("min", ty) if ty.is_floating() => return Some(float_extremes::aggregate(false)),
        ("max", ty) if ty.is_floating() => return Some(float_extremes::aggregate(true)),
        (_, ty) if ty.is_floating() => return float_sums::aggregate(name, ty, false),
        (_, arrow::datatypes::DataType::Interval(_)) => {}
        _ => return None,
    }
    match name {
        "sum" => Some(gather::aggregate(&statistics::SUM_INTERVAL)),
        "avg" => Some(gather::aggregate(&statistics::AVERAGE_INTERVAL)),
        "min" => Some(gather::aggregate(&statistics::LEAST_INTERVAL)),
        "max" => Some(gather::aggregate(&statistics::GREATEST_INTERVAL)),
        _ => None,
    }
}

/// The aggregate that tells the values of a type apart by itself when it is called with DISTINCT:
/// values that are equal may look different, or are added up in their order.
pub(crate) fn aggregate_distinct(
    name: &str,
    ty: &arrow::datatypes::DataType,
) -> Option<Arc<AggregateUDF>> {
    match ty {
        arrow::datatypes::DataType::LargeUtf8 => numeric_aggregate::distinct(name),
        ty => float_sums::aggregate(name, ty, true),
    }
}

/// The functions of this name over types that travel as codes: the name behind which each is, and
/// what it takes.
pub(crate) fn coded(name: &str) -> Vec<(&'static str, Vec<PgType>)> {
    const FAMILIES: &[&str] = &[
        "inet",
        "bit",
        "macaddr",
        "money",
        "pg_lsn",
        "xid8",
        "geometry",
        "search",
        "search now",
    ];
    let families = FAMILIES
        .iter()
        .filter_map(|family| OURS.get(format!("{name} {family}").as_str()));
    families
        .flat_map(|function| {
            let overloads = function.overloads.iter();
            overloads.map(|overload| (function.name, takes(overload)))
        })
        .collect()
}

/// An operator that is a function of the same family: `<-> geometry`.
pub(crate) struct CodedOperator {
    /// Its sign.
    pub(crate) sign: &'static str,
    /// The function's name.
    pub(crate) behind: &'static str,
    /// What it takes.
    pub(crate) takes: Vec<PgType>,
    /// What it gives.
    pub(crate) gives: PgType,
}

/// The operators whose functions say so in their names, of families whose every operator is such.
pub(crate) fn coded_operators() -> Vec<CodedOperator> {
    const FAMILIES: &[&str] = &["geometry", "search", "search now"];
    let mut operators = Vec::new();
    for function in OURS.values() {
        let Some((sign, family)) = function.name.split_once(' ') else {
            continue;
        };
        let letter = |c: char| c.is_alphanumeric() || matches!(c, '_' | '[');
        if sign.starts_with(letter) || !FAMILIES.contains(&family) {
            continue;
        }
        for overload in function.overloads {
            if let resolve::Returns::Is(gives) = overload.returns {
                operators.push(CodedOperator {
                    sign,
                    behind: function.name,
                    takes: takes(overload),
                    gives,
                });
            }
        }
    }
    operators
}

/// What an overload takes.
fn takes(overload: &call::Overload) -> Vec<PgType> {
    let takes = overload.params.iter().map(|param| match param {
        resolve::Param::Is(ty) => *ty,
        _ => PgType::UNKNOWN,
    });
    takes.collect()
}

/// Whether a scalar function takes numerics without declared scale as what they are.
pub(crate) fn takes_numerics(name: &str) -> bool {
    OURS.contains_key(name)
}

/// Whether an aggregate takes numerics without declared scale as what they are; others compute with
/// floats.
pub(crate) fn aggregates_numerics(name: &str) -> bool {
    const NAMES: &[&str] = &[
        "any_value",
        "array_agg",
        "avg",
        "count",
        "first_value",
        "last_value",
        "max",
        "min",
        "nth_value",
        "sum",
    ];
    NAMES.contains(&name) || gathered(name).is_some() && name != "percentile_cont"
}

/// Window function by name.
pub fn window(name: &str) -> Option<Arc<WindowUDF>> {
    native::window(name)
}
