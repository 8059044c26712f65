//! The order in which ALTER TABLE does what it is told to do, whatever the order in which it is
//! told: what goes away first, constraints when all that they may be over is there.

use std::collections::BTreeSet;

use super::key::without_repeated_keys;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::AlterAction;
use crate::engine::definition::{ColumnDefinition, ConstraintClause};

/// PostgreSQL's passes, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Pass {
    Drop,
    Type,
    Column,
    Attribute,
    KeyOfIndex,
    Key,
    Constraint,
    Other,
}

/// The actions in the order in which they are done.
///
/// # Errors
/// `0A000` for a column that gets two types.
pub(super) fn in_passes(actions: &[AlterAction]) -> Result<Vec<AlterAction>> {
    if let [_] = actions {
        return Ok(actions.to_vec());
    }
    let mut typed = BTreeSet::new();
    for action in actions {
        if let AlterAction::SetType { column, .. } = action
            && !typed.insert(column)
        {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cannot alter type of column \"{column}\" twice"),
            ));
        }
    }
    let mut ordered: Vec<AlterAction> = actions.iter().flat_map(apart).collect();
    ordered.sort_by_key(pass);
    Ok(ordered)
}

/// An action, the constraints of a new column apart from it: they may be over columns that are
/// added after it.
fn apart(action: &AlterAction) -> Vec<AlterAction> {
    let AlterAction::AddColumn {
        column,
        if_not_exists: false,
    } = action
    else {
        return vec![action.clone()];
    };
    let constraints = without_repeated_keys(column.constraints.iter().cloned());
    let column = AlterAction::AddColumn {
        column: ColumnDefinition {
            constraints: Vec::new(),
            ..column.clone()
        },
        if_not_exists: false,
    };
    std::iter::once(column)
        .chain(constraints.into_iter().map(AlterAction::AddConstraint))
        .collect()
}

fn pass(action: &AlterAction) -> Pass {
    match action {
        AlterAction::DropColumn { .. }
        | AlterAction::DropConstraint { .. }
        | AlterAction::DropIdentity { .. }
        | AlterAction::DropExpression { .. }
        | AlterAction::SetDefault { default: None, .. }
        | AlterAction::SetNotNull {
            not_null: false, ..
        } => Pass::Drop,
        AlterAction::SetType { .. } => Pass::Type,
        AlterAction::AddColumn { .. } => Pass::Column,
        AlterAction::SetNotNull { not_null: true, .. } | AlterAction::SetIdentity { .. } => {
            Pass::Attribute
        }
        AlterAction::AddConstraint(definition) => match definition.clause {
            ConstraintClause::OfIndex { .. } => Pass::KeyOfIndex,
            ConstraintClause::Key { .. } => Pass::Key,
            ConstraintClause::Check { .. } | ConstraintClause::Foreign { .. } => Pass::Constraint,
        },
        AlterAction::SetDefault {
            default: Some(_), ..
        }
        | AlterAction::AddIdentity { .. } => Pass::Constraint,
        AlterAction::Rename(_)
        | AlterAction::OwnerTo(_)
        | AlterAction::SetSchema(_)
        | AlterAction::RenameColumn { .. }
        | AlterAction::RenameConstraint { .. }
        | AlterAction::ValidateConstraint(_)
        | AlterAction::AlterConstraint { .. }
        | AlterAction::Tune(_)
        | AlterAction::RowSecurity(_)
        | AlterAction::Enable(_)
        | AlterAction::Inherit(_)
        | AlterAction::NoInherit(_)
        | AlterAction::Attach { .. }
        | AlterAction::Detach(_)
        | AlterAction::AttachIndex(_)
        | AlterAction::Sequence(_) => Pass::Other,
    }
}
