//! Partitions in words: what a table is divided by, which rows a partition is for, and the
//! condition that says so. The condition is what rows are checked with, too.

use super::names;
use crate::base::name::quote;
use crate::catalog::{PartitionBound, PartitionKey, PartitionKeyPart, RangeDatum, Relation};
use crate::statement::StatementContext;
use crate::types::PgType;

/// The types of a partition key's parts.
pub fn key_types(table: &Relation, key: &PartitionKey) -> Vec<PgType> {
    let parts = key.parts.iter().map(|part| match part {
        PartitionKeyPart::Column(attnum) => {
            let column = table.columns.iter().find(|c| c.attnum == *attnum);
            column.map_or(PgType::TEXT, |column| column.ty)
        }
        PartitionKeyPart::Expression { ty, .. } => *ty,
    });
    parts.collect()
}

/// A partition key's parts, over the columns' names.
pub fn key_parts(table: &Relation, key: &PartitionKey) -> Vec<String> {
    let parts = key.parts.iter().map(|part| match part {
        PartitionKeyPart::Column(attnum) => {
            let column = table.columns.iter().find(|c| c.attnum == *attnum);
            column.map_or_else(String::new, |column| quote(&column.name).into_owned())
        }
        PartitionKeyPart::Expression { text, .. } => format!("({text})"),
    });
    parts.collect()
}

/// Which rows a partition of `table` is for: `FOR VALUES …` or `DEFAULT`.
pub fn bound(table: &Relation, bound: &PartitionBound) -> String {
    let types = table.family.key.as_ref().map(|key| key_types(table, key));
    let ty = |place: usize| {
        let of = types.as_ref().and_then(|types| types.get(place));
        of.copied().unwrap_or(PgType::TEXT)
    };
    match bound {
        PartitionBound::Default => "DEFAULT".to_owned(),
        PartitionBound::Hash { modulus, remainder } => {
            format!("FOR VALUES WITH (modulus {modulus}, remainder {remainder})")
        }
        PartitionBound::List(values) => {
            let values = values.iter().map(|value| match value {
                Some(value) => constant(value, ty(0)).0,
                None => "NULL".to_owned(),
            });
            let values: Vec<String> = values.collect();
            format!("FOR VALUES IN ({})", values.join(", "))
        }
        PartitionBound::Range { from, to } => {
            let list = |data: &[RangeDatum]| {
                let data = data.iter().enumerate().map(|(place, datum)| match datum {
                    RangeDatum::Min => "MINVALUE".to_owned(),
                    RangeDatum::Max => "MAXVALUE".to_owned(),
                    RangeDatum::Value(value) => constant(value, ty(place)).0,
                });
                data.collect::<Vec<_>>().join(", ")
            };
            format!("FOR VALUES FROM ({}) TO ({})", list(from), list(to))
        }
    }
}

/// A value as PostgreSQL writes it, and whether its type is still to be said.
fn constant(value: &str, ty: PgType) -> (String, bool) {
    let quoted = || format!("'{}'", value.replace('\'', "''"));
    match ty.undomained().plain() {
        PgType::INT4 if value.starts_with('-') => (quoted(), true),
        PgType::INT4 => (value.to_owned(), false),
        PgType::NUMERIC
            if value.starts_with(|c: char| c.is_ascii_digit())
                && value.contains(['e', 'E', '.']) =>
        {
            (value.to_owned(), ty.declared_typmod() >= 0)
        }
        PgType::BOOL => (
            match value {
                "t" | "true" => "true".to_owned(),
                _ => "false".to_owned(),
            },
            false,
        ),
        _ => (quoted(), true),
    }
}

/// A value in an expression.
fn literal(context: &StatementContext, value: &str, ty: PgType) -> String {
    let (text, says_type) = constant(value, ty);
    match says_type {
        true => format!("{text}::{}", names::written(context, ty)),
        false => text,
    }
}

/// What a row of a partition must meet, `relation`'s ancestors' conditions included; `None` if any
/// row will do.
pub fn condition(context: &StatementContext, relation: &Relation) -> Option<String> {
    let mut above = vec![relation.clone()];
    let ancestors = context.snapshot.partition_ancestors(relation);
    above.extend(ancestors.iter().map(|of| Relation::clone(of)));
    let mut conjuncts = Vec::new();
    for (partition, table) in above.iter().zip(&above[1..]).rev() {
        if let Some(bound) = &partition.family.bound {
            conjuncts.extend(conjuncts_of(context, table, partition.oid, bound));
        }
    }
    joined(conjuncts, "AND")
}

/// What a row of one partition of `table` must meet by its own bound.
pub fn own_condition(
    context: &StatementContext,
    table: &Relation,
    partition: crate::base::Oid,
    bound: &PartitionBound,
) -> Option<String> {
    joined(conjuncts_of(context, table, partition, bound), "AND")
}

fn joined(mut parts: Vec<String>, word: &str) -> Option<String> {
    match parts.len() {
        0 => None,
        1 => parts.pop(),
        _ => Some(format!("({})", parts.join(&format!(" {word} ")))),
    }
}

fn conjuncts_of(
    context: &StatementContext,
    table: &Relation,
    partition: crate::base::Oid,
    bound: &PartitionBound,
) -> Vec<String> {
    let Some(key) = &table.family.key else {
        return Vec::new();
    };
    let (parts, types) = (key_parts(table, key), key_types(table, key));
    match bound {
        PartitionBound::List(values) => {
            let within = in_list(context, &parts[0], types[0], values);
            let head = format!("(({} IS NOT NULL) AND ", parts[0]);
            match within
                .strip_prefix(&head)
                .and_then(|of| of.strip_suffix(')'))
            {
                Some(rest) => not_null(parts.as_slice())
                    .into_iter()
                    .chain([rest.to_owned()])
                    .collect(),
                None => vec![within],
            }
        }
        PartitionBound::Range { from, to } => {
            let mut conjuncts = not_null(&parts);
            conjuncts.extend(in_range(context, &parts, &types, from, to));
            conjuncts
        }
        PartitionBound::Hash { modulus, remainder } => vec![format!(
            "satisfies_hash_partition('{}'::oid, {modulus}, {remainder}, {})",
            table.oid,
            parts.join(", ")
        )],
        PartitionBound::Default => {
            let siblings = context.snapshot.children(table.oid);
            let others = siblings.iter().filter(|other| other.oid != partition);
            let bounds: Vec<&PartitionBound> = others
                .filter_map(|other| other.family.bound.as_ref())
                .filter(|bound| **bound != PartitionBound::Default)
                .collect();
            elsewhere(context, &parts, &types, &bounds)
                .into_iter()
                .collect()
        }
    }
}

fn not_null(parts: &[String]) -> Vec<String> {
    let parts = parts.iter();
    parts.map(|part| format!("({part} IS NOT NULL)")).collect()
}

/// What the rows of a default partition must meet: that no other is for them.
fn elsewhere(
    context: &StatementContext,
    parts: &[String],
    types: &[PgType],
    bounds: &[&PartitionBound],
) -> Option<String> {
    if let Some(PartitionBound::List(_)) = bounds.first() {
        let mut all = Vec::new();
        for bound in bounds {
            if let PartitionBound::List(values) = bound {
                all.extend(values.iter().cloned());
            }
        }
        // NULL is said first.
        all.sort_by_key(Option::is_some);
        let within = in_list(context, &parts[0], types[0], &all);
        return Some(format!("(NOT {within})"));
    }
    let ranges = bounds.iter().filter_map(|bound| match bound {
        PartitionBound::Range { from, to } => {
            Some(joined(in_range(context, parts, types, from, to), "AND"))
        }
        _ => None,
    });
    // One without bounds takes all that is not NULL.
    let ranges: Vec<Option<String>> = ranges.collect();
    let mut conjuncts = not_null(parts);
    if ranges.is_empty() {
        return None;
    }
    if let Some(ranges) = ranges.into_iter().collect::<Option<Vec<_>>>() {
        conjuncts.extend(joined(ranges, "OR"));
    }
    Some(format!("(NOT {})", joined(conjuncts, "AND")?))
}

fn in_list(
    context: &StatementContext,
    part: &str,
    ty: PgType,
    values: &[Option<String>],
) -> String {
    let there = values.iter().flatten();
    let there: Vec<String> = there.map(|value| literal(context, value, ty)).collect();
    let has_null = values.iter().any(Option::is_none);
    let within = match there.as_slice() {
        [] => return format!("({part} IS NULL)"),
        [one] => format!("({part} = {one})"),
        many => format!("({part} = ANY (ARRAY[{}]))", many.join(", ")),
    };
    match has_null {
        true => format!("(({part} IS NULL) OR {within})"),
        false => format!("(({part} IS NOT NULL) AND {within})"),
    }
}

/// The conditions on both sides of a range, but for NOT NULL.
fn in_range(
    context: &StatementContext,
    parts: &[String],
    types: &[PgType],
    from: &[RangeDatum],
    to: &[RangeDatum],
) -> Vec<String> {
    let mut conjuncts = Vec::new();
    let value = |place: usize, datum: &RangeDatum| match datum {
        RangeDatum::Value(value) => Some(literal(context, value, types[place])),
        RangeDatum::Min | RangeDatum::Max => None,
    };
    // Leading parts that are the same on both sides are just that.
    let mut start = 0;
    while start + 1 < parts.len() && from[start] == to[start] {
        let Some(value) = value(start, &from[start]) else {
            break;
        };
        conjuncts.push(format!("({} = {value})", parts[start]));
        start += 1;
    }
    for (data, strict, loose) in [(from, ">", ">="), (to, "<", "<=")] {
        let mut alternatives = Vec::new();
        let mut equal = Vec::new();
        for place in start..parts.len() {
            let part = &parts[place];
            let Some(value) = value(place, &data[place]) else {
                break;
            };
            let is_last = place + 1 == parts.len();
            let next_open = data.get(place + 1).map(|next| match next {
                RangeDatum::Min => strict == ">",
                RangeDatum::Max => strict == "<",
                RangeDatum::Value(_) => false,
            });
            let operator = match (is_last, next_open) {
                (true, _) => match strict {
                    ">" => loose,
                    _ => strict,
                },
                // What follows takes all that is equal here.
                (false, Some(true)) => loose,
                (false, _) => strict,
            };
            let mut all = equal.clone();
            all.push(format!("({part} {operator} {value})"));
            alternatives.extend(joined(all, "AND"));
            if operator == loose && !is_last {
                break;
            }
            equal.push(format!("({part} = {value})"));
        }
        conjuncts.extend(joined(alternatives, "OR"));
    }
    conjuncts
}
