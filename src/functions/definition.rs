//! Indexes and constraints as the statements that make them.

use super::call::short::{BOOL, INT, OID};
use super::call::{Call, functions};
use crate::base::name::quote;
use crate::base::{Oid, Result};
use crate::catalog::{ForeignKey, Index, IndexPart, IndexedBy, Relation};
use crate::pg_catalog::{self, Value, names};
use crate::types::PgType;

functions! { pub(super) LIST:
    "pg_get_constraintdef" Stable {
        (OID) -> PgType::TEXT, strict, constraint;
        (OID, BOOL) -> PgType::TEXT, strict, constraint;
    }
    "pg_get_indexdef" Stable {
        (OID) -> PgType::TEXT, strict, index;
        (OID, INT, BOOL) -> PgType::TEXT, strict, index;
    }
}

fn index(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let part = call.int(1, row).unwrap_or(0);
    let Some((relation, index)) = call.context.snapshot.index(oid) else {
        return Ok(Value::Null);
    };
    let pretty = call.bool(2, row).unwrap_or(false);
    if part > 0 {
        let place = usize::try_from(part - 1).unwrap_or(usize::MAX);
        if let Some(part) = index.parts.get(place) {
            return Ok(indexed(call, relation, &part.of, pretty).into());
        }
        let included = index.include.get(place.saturating_sub(index.parts.len()));
        return Ok(included.map_or(Value::Null, |attnum| column(relation, *attnum).into()));
    }
    Ok(create_index(call, relation, index, pretty).into())
}

fn create_index(call: &Call<'_>, relation: &Relation, index: &Index, pretty: bool) -> String {
    let parts: Vec<String> = index
        .parts
        .iter()
        .map(|p| part(call, relation, p, pretty))
        .collect();
    let full = || call.context.snapshot.qualified_name(relation).to_string();
    let table = match pretty {
        true => names::name(call.context, PgType::REGCLASS, relation.oid).unwrap_or_else(full),
        false => full(),
    };
    // Its partitions' indexes are made and attached on their own.
    let only = if relation.is_partitioned() {
        "ONLY "
    } else {
        ""
    };
    let mut text = format!(
        "CREATE {}INDEX {} ON {only}{table} USING {} ({})",
        if index.unique { "UNIQUE " } else { "" },
        quote(&index.name),
        index.method,
        parts.join(", ")
    );
    text.push_str(&included(relation, index));
    if index.nulls_not_distinct {
        text.push_str(" NULLS NOT DISTINCT");
    }
    if !index.parameters.is_empty() {
        let parameters = index.parameters.iter();
        let parameters = parameters.map(|(name, value)| match quote(value) == *value {
            true => format!("{name}={value}"),
            false => format!("{name}='{}'", value.replace('\'', "''")),
        });
        let parameters: Vec<_> = parameters.collect();
        text.push_str(&format!(" WITH ({})", parameters.join(", ")));
    }
    if let Some(predicate) = &index.predicate {
        text.push_str(&format!(" WHERE {}", laid_out(call, predicate, pretty)));
    }
    text
}

fn part(call: &Call<'_>, relation: &Relation, part: &IndexPart, pretty: bool) -> String {
    let mut text = indexed(call, relation, &part.of, pretty);
    if let Some(collation) = part.collation.and_then(pg_catalog::collation_name) {
        text.push_str(" COLLATE ");
        text.push_str(&quote(collation));
    }
    if let Some(operators) = &part.operators {
        text.push(' ');
        text.push_str(&quote(operators));
    }
    if part.descending {
        text.push_str(" DESC");
    }
    if part.nulls_first != part.descending {
        text.push_str(if part.nulls_first {
            " NULLS FIRST"
        } else {
            " NULLS LAST"
        });
    }
    text
}

/// A part of an index: only the call of a function needs no parentheses.
fn indexed(call: &Call<'_>, relation: &Relation, of: &IndexedBy, pretty: bool) -> String {
    match of {
        IndexedBy::Column(attnum) => column(relation, *attnum),
        IndexedBy::Expression(text) => {
            (call.context.laid_out)(call.context, text, pretty).as_part()
        }
    }
}

/// The text of an expression that is kept.
pub(super) fn laid_out(call: &Call<'_>, text: &str, pretty: bool) -> String {
    (call.context.laid_out)(call.context, text, pretty).text
}

fn included(relation: &Relation, index: &Index) -> String {
    if index.include.is_empty() {
        return String::new();
    }
    format!(" INCLUDE ({})", columns(relation, &index.include))
}

fn constraint(call: &Call<'_>, row: usize) -> Result<Value> {
    let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
    let pretty = call.bool(1, row).unwrap_or(false);
    if let Some(relation) = call.context.snapshot.table_of_constraint(oid) {
        let constraints = &relation.constraints;
        if let Some(index) = constraints
            .indexes
            .iter()
            .find(|index| index.constraint == Some(oid))
        {
            let attnums: Vec<i16> = index.columns().collect();
            let word = if index.primary {
                "PRIMARY KEY"
            } else {
                "UNIQUE"
            };
            let nulls = if index.nulls_not_distinct {
                " NULLS NOT DISTINCT"
            } else {
                ""
            };
            let text = format!(
                "{word}{nulls} ({}){}{}",
                columns(relation, &attnums),
                included(relation, index),
                index.timing.words()
            );
            return Ok(text.into());
        }
        if let Some(check) = constraints.checks.iter().find(|check| check.oid == oid) {
            let mut text = format!("CHECK ({})", laid_out(call, &check.expression, pretty));
            if check.no_inherit {
                text.push_str(" NO INHERIT");
            }
            if check.not_valid {
                text.push_str(" NOT VALID");
            }
            return Ok(text.into());
        }
        for key in &constraints.foreign {
            let mut parts = key.parts.iter();
            let table = match parts.find(|(_, part)| part.oid == oid) {
                Some((table, _)) => *table,
                None if key.oid == oid => key.table,
                None => continue,
            };
            if let Some(key) = key.to(table) {
                return Ok(foreign(call, relation, &key).into());
            }
        }
    }
    if let Some((_, check)) = call.context.snapshot.domain_check(oid) {
        let mut text = format!("CHECK ({})", laid_out(call, &check.expression, pretty));
        if check.not_valid {
            text.push_str(" NOT VALID");
        }
        return Ok(text.into());
    }
    Ok(Value::Null)
}

fn foreign(call: &Call<'_>, relation: &Relation, key: &ForeignKey) -> String {
    let name = names::name(call.context, PgType::REGCLASS, key.table);
    let references = match call.context.snapshot.relation(key.table) {
        Some(table) => columns(table, &key.references),
        None => String::new(),
    };
    let mut text = format!(
        "FOREIGN KEY ({}) REFERENCES {}({references})",
        columns(relation, &key.columns),
        name.unwrap_or_default(),
    );
    if key.full {
        text.push_str(" MATCH FULL");
    }
    for (on, action) in [("UPDATE", key.on_update), ("DELETE", key.on_delete)] {
        if action != crate::catalog::ForeignAction::NoAction {
            text.push_str(&format!(" ON {on} {}", action.words()));
        }
    }
    if !key.delete_sets.is_empty() {
        text.push_str(&format!(" ({})", columns(relation, &key.delete_sets)));
    }
    text.push_str(key.timing.words());
    if key.not_valid {
        text.push_str(" NOT VALID");
    }
    text
}

fn columns(relation: &Relation, attnums: &[i16]) -> String {
    let names: Vec<String> = attnums.iter().map(|a| column(relation, *a)).collect();
    names.join(", ")
}

fn column(relation: &Relation, attnum: i16) -> String {
    let column = relation.columns.iter().find(|c| c.attnum == attnum);
    column.map_or_else(String::new, |column| quote(&column.name).into_owned())
}
