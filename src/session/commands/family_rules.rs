//! What ALTER TABLE may not do to tables that stand under others, or have others under them.

use std::collections::BTreeSet;

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Relation;
use crate::engine::command::AlterAction;
use crate::engine::definition::ConstraintClause;
use crate::statement::StatementContext;

/// What of a table is not its to change, or not without those under it.
///
/// # Errors
/// `42P16`, `42809`.
pub(super) fn check_altered(
    context: &StatementContext,
    relation: &Relation,
    action: &AlterAction,
    only: bool,
) -> Result<()> {
    let invalid = |message: String| Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    let has_children = context.snapshot.has_children(relation.oid);
    let alone = only && has_children;
    let is_inherited = |name: &str| {
        let column = relation.column(name);
        column.is_some_and(|column| relation.family.column(column.attnum).count > 0)
    };
    let in_key = |name: &str, doing: &str| {
        let column = relation.column(name);
        match column.filter(|c| relation.family.key_columns().contains(&c.attnum)) {
            Some(_) => invalid(format!(
                "cannot {doing} column \"{name}\" because it is part of the partition key of \
                 relation \"{}\"",
                relation.name
            )),
            None => Ok(()),
        }
    };
    match action {
        AlterAction::AddColumn { .. } => {
            if relation.is_partition() {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    "cannot add column to a partition",
                ));
            }
            if alone {
                return invalid("column must be added to child tables too".to_owned());
            }
        }
        AlterAction::DropColumn { name, .. } => {
            if is_inherited(name) {
                return invalid(format!("cannot drop inherited column \"{name}\""));
            }
            in_key(name, "drop")?;
            if alone && relation.is_partitioned() {
                return invalid(
                    "cannot drop column from only the partitioned table when partitions exist"
                        .to_owned(),
                )
                .map_err(|error: Error| error.hint("Do not specify the ONLY keyword."));
            }
        }
        AlterAction::RenameColumn { from, .. } => {
            if is_inherited(from) {
                return invalid(format!("cannot rename inherited column \"{from}\""));
            }
            if alone {
                return invalid(format!(
                    "inherited column \"{from}\" must be renamed in child tables too"
                ));
            }
            refuse_shared(context, relation, from, "rename")?;
        }
        AlterAction::SetType { column, .. } => {
            if is_inherited(column) {
                return invalid(format!("cannot alter inherited column \"{column}\""));
            }
            in_key(column, "alter")?;
            if alone {
                return invalid(format!(
                    "type of inherited column \"{column}\" must be changed in child tables too"
                ));
            }
            refuse_shared(context, relation, column, "alter")?;
        }
        AlterAction::SetNotNull { column, not_null } => {
            if !not_null && relation.is_partition() {
                let mut above = relation.family.parents.iter();
                let marked = above.any(|oid| {
                    let parent = context.snapshot.relation(*oid);
                    let column = parent.and_then(|parent| parent.column(column));
                    column.is_some_and(|column| column.not_null)
                });
                if marked {
                    return invalid(format!(
                        "column \"{column}\" is marked NOT NULL in parent table"
                    ));
                }
            }
            if alone && relation.is_partitioned() {
                if *not_null {
                    return refuse_nulls_below(context, relation, column);
                }
                return invalid(
                    "cannot remove constraint from only the partitioned table when partitions \
                     exist"
                        .to_owned(),
                )
                .map_err(|error: Error| error.hint("Do not specify the ONLY keyword."));
            }
        }
        AlterAction::AddConstraint(definition) => {
            let is_check = matches!(
                definition.clause,
                ConstraintClause::Check {
                    no_inherit: false,
                    ..
                }
            );
            if alone && is_check {
                return invalid("constraint must be added to child tables too".to_owned());
            }
            match &definition.clause {
                ConstraintClause::Key {
                    primary: true,
                    columns,
                    ..
                } if alone && relation.is_partitioned() => {
                    for column in columns {
                        refuse_nulls_below(context, relation, column)?;
                    }
                }
                ConstraintClause::Foreign { table, .. } if only && relation.is_partitioned() => {
                    return Err(Error::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        format!(
                            "cannot use ONLY for foreign key on partitioned table \"{}\" \
                             referencing relation \"{}\"",
                            relation.name, table.name
                        ),
                    ));
                }
                _ => {}
            }
        }
        AlterAction::DropConstraint { name, .. } => {
            if let Some(oid) = relation.constraints.named(name)
                && (relation.family.constraint(oid).count > 0
                    || relation.family.parts_of.contains_key(&oid))
            {
                return invalid(format!(
                    "cannot drop inherited constraint \"{name}\" of relation \"{}\"",
                    relation.name
                ));
            }
            if alone && relation.is_partitioned() {
                return invalid(
                    "cannot remove constraint from only the partitioned table when partitions \
                     exist"
                        .to_owned(),
                )
                .map_err(|error: Error| error.hint("Do not specify the ONLY keyword."));
            }
        }
        AlterAction::RenameConstraint { from, .. } => {
            let Some(oid) = relation.constraints.named(from) else {
                return Ok(());
            };
            if relation.family.constraint(oid).count > 0 {
                return invalid(format!("cannot rename inherited constraint \"{from}\""));
            }
            let checks = &relation.constraints.checks;
            let goes_down = checks.iter().any(|c| c.name == *from && !c.no_inherit);
            if alone && goes_down {
                return invalid(format!(
                    "inherited constraint \"{from}\" must be renamed in child tables too"
                ));
            }
        }
        AlterAction::ValidateConstraint(name) => {
            let checks = &relation.constraints.checks;
            let goes_down = checks.iter().any(|c| c.name == *name && !c.no_inherit);
            if alone && goes_down {
                return invalid("constraint must be validated on child tables too".to_owned());
            }
        }
        _ => {}
    }
    Ok(())
}

/// `42P16` if a column may be NULL in a partition, and not in ONLY its table.
fn refuse_nulls_below(context: &StatementContext, relation: &Relation, name: &str) -> Result<()> {
    if relation.column(name).is_none_or(|column| column.not_null) {
        return Ok(());
    }
    for child in context.snapshot.descendants(relation.oid) {
        if child.column(name).is_some_and(|column| !column.not_null) {
            return Err(Error::new(
                SqlState::INVALID_TABLE_DEFINITION,
                "constraint must be added to child tables too",
            )
            .detail(format!(
                "Column \"{name}\" of relation \"{}\" is not already NOT NULL.",
                child.name
            ))
            .hint("Do not specify the ONLY keyword."));
        }
    }
    Ok(())
}

/// `42P16` if a table under `relation` has a column of a table that stands elsewhere, too.
fn refuse_shared(
    context: &StatementContext,
    relation: &Relation,
    name: &str,
    doing: &str,
) -> Result<()> {
    let below = context.snapshot.descendants(relation.oid);
    let mut family: BTreeSet<Oid> = below.iter().map(|of| of.oid).collect();
    family.insert(relation.oid);
    for child in &below {
        let Some(column) = child.column(name) else {
            continue;
        };
        let within = child.family.parents.iter().filter(|oid| {
            let parent = context.snapshot.relation(**oid);
            family.contains(oid) && parent.is_some_and(|of| of.column(name).is_some())
        });
        let within = i32::try_from(within.count()).unwrap_or(i32::MAX);
        if child.family.column(column.attnum).count > within {
            return Err(Error::new(
                SqlState::INVALID_TABLE_DEFINITION,
                format!("cannot {doing} inherited column \"{name}\""),
            ));
        }
    }
    Ok(())
}
