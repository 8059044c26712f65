//! RENAME COLUMN.

use super::alter_column::between;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, Generation, PartitionKeyPart, Relation};
use crate::engine::rename_column;

/// RENAME COLUMN: expressions that name it name it anew.
pub(super) fn renamed(relation: &Relation, from: &str, to: &str) -> Result<Vec<Change>> {
    let column = relation.column(from).ok_or_else(|| {
        // Without the relation's name, unlike everywhere else.
        Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{from}\" does not exist"),
        )
    })?;
    if relation.is_stored() {
        super::column_type::check_column_name(to)?;
    }
    let mut after = relation.clone();
    for check in &mut after.constraints.checks {
        check.expression = rename_column(&check.expression, from, to)?;
    }
    for index in &mut after.constraints.indexes {
        if let Some(predicate) = &mut index.predicate {
            *predicate = rename_column(predicate, from, to)?;
        }
        for part in &mut index.parts {
            if let crate::catalog::IndexedBy::Expression(expression) = &mut part.of {
                *expression = rename_column(expression, from, to)?;
            }
        }
    }
    for column in &mut after.columns {
        if let Some(Generation::Stored { expression, .. }) = &mut column.generation {
            *expression = rename_column(expression, from, to)?;
        }
    }
    let mut changes = vec![Change::RenameColumn {
        relation: relation.oid,
        attnum: column.attnum,
        name: to.to_owned(),
    }];
    changes.extend(between(relation, &after));
    let parts = after.family.key.iter_mut().flat_map(|key| &mut key.parts);
    for part in parts {
        if let PartitionKeyPart::Expression { text, .. } = part {
            *text = rename_column(text, from, to)?;
        }
    }
    if after.family != relation.family {
        changes.push(Change::SetFamily {
            relation: relation.oid,
            family: Box::new(after.family),
        });
    }
    Ok(changes)
}
