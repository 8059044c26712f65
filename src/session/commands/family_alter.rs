//! ALTER TABLE of tables with others under them: what is done to a table is done to those, too, and
//! what a table has of its parents is not its to change.

use std::sync::Arc;

use super::alter::owned_table;
use super::family::{check_parent, check_persistence, same_expression, same_type};
use super::trigger_parts::refuse_tables;
use super::{collation, relation_of};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, Family, Inherited, Relation};
use crate::database::LockMode;
use crate::engine::command::{Alter, AlterAction};
use crate::engine::definition::{ConstraintClause, ConstraintDefinition};
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;

/// What is done to a table under the one altered.
enum Below {
    /// The same.
    Same,
    /// What it has, it has of one parent more or less.
    Counted(Family),
    /// Nothing.
    Nothing,
}

impl Session {
    /// An action of ALTER TABLE on all tables under `relation`, after it was done to that; `before`
    /// is what that was before.
    pub(super) async fn alter_below(
        &mut self,
        alter: &Alter,
        action: &AlterAction,
        before: &Arc<Relation>,
        run: &Run<'_>,
    ) -> Result<()> {
        let context = self.context()?;
        let descendants = context.snapshot.descendants(before.oid);
        if alter.only || descendants.is_empty() || !goes_down(action) {
            if alter.only
                && let AlterAction::DropColumn { .. } | AlterAction::DropConstraint { .. } = action
            {
                for child in context.snapshot.children(before.oid) {
                    let family = left_alone(action, before, &child);
                    self.set_family(&child, family)?;
                }
            }
            return Ok(());
        }
        match action {
            AlterAction::AddColumn { .. }
            | AlterAction::DropColumn { .. }
            | AlterAction::AddConstraint(_)
            | AlterAction::DropConstraint { .. } => {
                let children = context.snapshot.children(before.oid);
                for child in children {
                    let reached = self.alter_child(&child, action, before, run).await?;
                    if let Some(was) = reached {
                        Box::pin(self.alter_below(alter, action, &was, run)).await?;
                    }
                }
            }
            _ => {
                for child in descendants {
                    self.alter_child(&child, action, before, run).await?;
                }
            }
        }
        Ok(())
    }

    /// An action on a table under `before`; gives what that was, if those under it are next.
    async fn alter_child(
        &mut self,
        child: &Relation,
        action: &AlterAction,
        before: &Relation,
        run: &Run<'_>,
    ) -> Result<Option<Arc<Relation>>> {
        self.lock(child.oid, LockMode::Exclusive, run.interrupt)
            .await?;
        let context = self.context()?;
        let Some(child) = context.snapshot.relation(child.oid).cloned() else {
            return Ok(None);
        };
        match self.below(&context, action, before, &child)? {
            Below::Nothing => Ok(None),
            Below::Counted(family) => {
                self.set_family(&child, family)?;
                Ok(None)
            }
            Below::Same => {
                self.act(&context, child.oid, action, run).await?;
                self.note_inherited(action, &child)?;
                Ok(Some(child))
            }
        }
    }

    /// What is to be done to a table under the one altered.
    fn below(
        &mut self,
        context: &StatementContext,
        action: &AlterAction,
        before: &Relation,
        child: &Relation,
    ) -> Result<Below> {
        let mut family = child.family.clone();
        match action {
            AlterAction::AddColumn { column, .. } => {
                let Some(own) = child.column(&column.name) else {
                    return Ok(Below::Same);
                };
                let ty = column.ty.resolve(&context.snapshot, &context.search_path)?;
                if !same_type(own.ty, ty) {
                    return Err(Error::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "child table \"{}\" has different type for column \"{}\"",
                            child.name, column.name
                        ),
                    ));
                }
                if own.collation != collation::of(ty, column.collation.as_ref())? {
                    return Err(collation::differs(&child.name, &column.name));
                }
                self.notice(format!(
                    "merging definition of column \"{}\" for child \"{}\"",
                    column.name, child.name
                ));
                let inherited = family.columns.entry(own.attnum).or_insert(Inherited::LOCAL);
                inherited.count += 1;
                Ok(Below::Counted(family))
            }
            AlterAction::DropColumn { name, .. } => {
                let Some(own) = child.column(name) else {
                    return Ok(Below::Nothing);
                };
                let inherited = family.columns.entry(own.attnum).or_insert(Inherited::LOCAL);
                if inherited.count == 1 && !inherited.local {
                    return Ok(Below::Same);
                }
                inherited.count -= 1;
                Ok(Below::Counted(family))
            }
            AlterAction::AddConstraint(definition) => {
                let ConstraintClause::Check { expression, .. } = &definition.clause else {
                    return Ok(Below::Nothing);
                };
                let name = definition.name.as_deref();
                let checks = &child.constraints.checks;
                let Some(own) = checks
                    .iter()
                    .find(|check| Some(check.name.as_str()) == name)
                else {
                    return Ok(Below::Same);
                };
                if !same_expression(&own.expression, expression)? {
                    return Err(Error::new(
                        SqlState::DUPLICATE_OBJECT,
                        format!(
                            "constraint \"{}\" for relation \"{}\" already exists",
                            own.name, child.name
                        ),
                    ));
                }
                if own.no_inherit {
                    return Err(Error::new(
                        SqlState::INVALID_OBJECT_DEFINITION,
                        format!(
                            "constraint \"{}\" conflicts with non-inherited constraint on \
                             relation \"{}\"",
                            own.name, child.name
                        ),
                    ));
                }
                self.notice(format!(
                    "merging constraint \"{}\" with inherited definition",
                    own.name
                ));
                let inherited = family
                    .constraints
                    .entry(own.oid)
                    .or_insert(Inherited::LOCAL);
                inherited.count += 1;
                Ok(Below::Counted(family))
            }
            AlterAction::DropConstraint { name, .. } => {
                let was = before.constraints.checks.iter().find(|c| c.name == *name);
                if was.is_none_or(|check| check.no_inherit) {
                    return Ok(Below::Nothing);
                }
                let Some(own) = child.constraints.named(name) else {
                    return Ok(Below::Nothing);
                };
                let inherited = family.constraints.entry(own).or_insert(Inherited::LOCAL);
                if inherited.count == 1 && !inherited.local {
                    return Ok(Below::Same);
                }
                inherited.count -= 1;
                Ok(Below::Counted(family))
            }
            AlterAction::RenameConstraint { from, .. }
            | AlterAction::ValidateConstraint(from)
            | AlterAction::AlterConstraint { name: from, .. } => {
                let checks = &before.constraints.checks;
                let inherited = checks.iter().any(|c| c.name == *from && !c.no_inherit);
                let there = child.constraints.named(from).is_some();
                Ok(match inherited && there {
                    true => Below::Same,
                    false => Below::Nothing,
                })
            }
            AlterAction::SetDefault { column, .. }
            | AlterAction::SetNotNull { column, .. }
            | AlterAction::SetType { column, .. }
            | AlterAction::DropExpression { column, .. }
            | AlterAction::RenameColumn { from: column, .. } => {
                Ok(match child.column(column).is_some() {
                    true => Below::Same,
                    false => Below::Nothing,
                })
            }
            _ => Ok(Below::Nothing),
        }
    }

    /// What came to a table from above is not its own.
    fn note_inherited(&mut self, action: &AlterAction, before: &Relation) -> Result<()> {
        let context = self.context()?;
        let Some(child) = context.snapshot.relation(before.oid) else {
            return Ok(());
        };
        let mut family = child.family.clone();
        let inherited = Inherited {
            count: 1,
            local: false,
        };
        match action {
            AlterAction::AddColumn { column, .. } => {
                if let Some(own) = child.column(&column.name) {
                    family.columns.insert(own.attnum, inherited);
                }
            }
            AlterAction::AddConstraint(_) => {}
            _ => return Ok(()),
        }
        // So are the checks that came with it.
        for check in &child.constraints.checks {
            let was = before.constraints.checks.iter().any(|c| c.oid == check.oid);
            if !was && !check.no_inherit {
                family.constraints.insert(check.oid, inherited);
            }
        }
        let child = Arc::clone(child);
        self.set_family(&child, family)
    }

    pub(super) fn set_family(&mut self, relation: &Relation, mut family: Family) -> Result<()> {
        family
            .columns
            .retain(|_, inherited| *inherited != Inherited::LOCAL);
        family
            .constraints
            .retain(|_, inherited| *inherited != Inherited::LOCAL);
        if family == relation.family {
            return Ok(());
        }
        let change = Change::SetFamily {
            relation: relation.oid,
            family: Box::new(family),
        };
        self.push_needing(vec![change], &[])
    }

    /// INHERIT
    pub(super) async fn inherit(
        &mut self,
        context: &Arc<StatementContext>,
        child: &Arc<Relation>,
        parent: &crate::engine::command::ObjectName,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        if child.is_partition() {
            return Err(wrong("cannot change inheritance of a partition"));
        }
        if child.is_partitioned() {
            return Err(wrong("cannot change inheritance of partitioned table"));
        }
        let parent = relation_of(context, parent)?;
        owned_table(context, parent)?;
        let parent = self.locked(parent.oid, run.interrupt).await?;
        let context = self.context()?;
        check_parent(&parent)?;
        check_persistence(&parent, child.persistence, false)?;
        if child.family.parents.contains(&parent.oid) {
            return Err(Error::new(
                SqlState::DUPLICATE_TABLE,
                format!(
                    "relation \"{}\" would be inherited from more than once",
                    parent.name
                ),
            ));
        }
        refuse_circle(&context, &parent, child)?;
        refuse_tables(child, false)?;
        let mut family = joined_to(child, &parent)?;
        family.parents.push(parent.oid);
        Ok(vec![Change::SetFamily {
            relation: child.oid,
            family: Box::new(family),
        }])
    }

    /// NO INHERIT
    pub(super) fn no_inherit(
        &self,
        context: &Arc<StatementContext>,
        child: &Arc<Relation>,
        parent: &crate::engine::command::ObjectName,
    ) -> Result<Vec<Change>> {
        if child.is_partition() {
            return Err(wrong("cannot change inheritance of a partition"));
        }
        let parent = relation_of(context, parent)?;
        if !child.family.parents.contains(&parent.oid) {
            return Err(Error::new(
                SqlState::UNDEFINED_TABLE,
                format!(
                    "relation \"{}\" is not a parent of relation \"{}\"",
                    parent.name, child.name
                ),
            ));
        }
        Ok(vec![Change::SetFamily {
            relation: child.oid,
            family: Box::new(parted_from(child, parent)),
        }])
    }
}

/// `42P07` if a table would stand under itself.
pub(super) fn refuse_circle(
    context: &StatementContext,
    parent: &Relation,
    child: &Relation,
) -> Result<()> {
    if !context.snapshot.is_above(child.oid, &[parent.oid]) {
        return Ok(());
    }
    let error = Error::new(
        SqlState::DUPLICATE_TABLE,
        "circular inheritance not allowed",
    );
    Err(error.detail(format!(
        "\"{}\" is already a child of \"{}\".",
        parent.name, child.name
    )))
}

/// What a child has of a thing that its parent alone gave up.
fn left_alone(action: &AlterAction, before: &Relation, child: &Relation) -> Family {
    let mut family = child.family.clone();
    match action {
        AlterAction::DropColumn { name, .. } => {
            if let Some(own) = child.column(name)
                && let Some(inherited) = family.columns.get_mut(&own.attnum)
            {
                inherited.count -= 1;
                inherited.local = true;
            }
        }
        AlterAction::DropConstraint { name, .. } => {
            let checks = &before.constraints.checks;
            if checks.iter().any(|c| c.name == *name && !c.no_inherit)
                && let Some(own) = child.constraints.named(name)
                && let Some(inherited) = family.constraints.get_mut(&own)
            {
                inherited.count -= 1;
                inherited.local = true;
            }
        }
        _ => {}
    }
    family
}

/// What a table has of its parents once `parent` is one, its name aside.
///
/// # Errors
/// `42804` for what it lacks, or has otherwise.
pub(super) fn joined_to(child: &Relation, parent: &Relation) -> Result<Family> {
    let mismatch = |message: String| Err(Error::new(SqlState::DATATYPE_MISMATCH, message));
    let mut family = child.family.clone();
    for column in &parent.columns {
        let Some(own) = child.column(&column.name) else {
            return mismatch(format!("child table is missing column \"{}\"", column.name));
        };
        if !same_type(own.ty, column.ty) {
            return mismatch(format!(
                "child table \"{}\" has different type for column \"{}\"",
                child.name, column.name
            ));
        }
        if own.collation != column.collation {
            return Err(collation::differs(&child.name, &column.name));
        }
        if column.not_null && !own.not_null {
            return mismatch(format!(
                "column \"{}\" in child table must be marked NOT NULL",
                column.name
            ));
        }
        match (column.expression(), own.expression()) {
            (Some(_), None) => {
                return mismatch(format!(
                    "column \"{}\" in child table must be a generated column",
                    column.name
                ));
            }
            (None, Some(_)) => {
                return mismatch(format!(
                    "column \"{}\" in child table must not be a generated column",
                    column.name
                ));
            }
            _ => {}
        }
        let inherited = family.columns.entry(own.attnum).or_insert(Inherited::LOCAL);
        inherited.count += 1;
        if parent.is_partitioned() {
            inherited.local = false;
        }
    }
    for check in parent.constraints.checks.iter().filter(|c| !c.no_inherit) {
        let checks = &child.constraints.checks;
        let Some(own) = checks.iter().find(|own| own.name == check.name) else {
            return mismatch(format!(
                "child table is missing constraint \"{}\"",
                check.name
            ));
        };
        if !same_expression(&own.expression, &check.expression)? {
            return mismatch(format!(
                "child table \"{}\" has different definition for check constraint \"{}\"",
                child.name, check.name
            ));
        }
        let refused = |what: &str| {
            Err(Error::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "constraint \"{}\" conflicts with {what} constraint on child table \"{}\"",
                    own.name, child.name
                ),
            ))
        };
        if own.no_inherit {
            return refused("non-inherited");
        }
        if own.not_valid && !check.not_valid {
            return refused("NOT VALID");
        }
        let inherited = family
            .constraints
            .entry(own.oid)
            .or_insert(Inherited::LOCAL);
        inherited.count += 1;
        if parent.is_partitioned() {
            inherited.local = false;
        }
    }
    Ok(family)
}

/// What a table has of its parents once `parent` is none.
pub(super) fn parted_from(child: &Relation, parent: &Relation) -> Family {
    let mut family = child.family.clone();
    family.parents.retain(|oid| *oid != parent.oid);
    for own in &child.columns {
        if parent.column(&own.name).is_some()
            && let Some(inherited) = family.columns.get_mut(&own.attnum)
        {
            less(inherited);
        }
    }
    for own in &child.constraints.checks {
        let mut checks = parent.constraints.checks.iter();
        if checks.any(|check| check.name == own.name && !check.no_inherit)
            && let Some(inherited) = family.constraints.get_mut(&own.oid)
        {
            less(inherited);
        }
    }
    family.columns.retain(|_, of| *of != Inherited::LOCAL);
    family.constraints.retain(|_, of| *of != Inherited::LOCAL);
    family
}

/// One parent less: what none has is the table's own.
fn less(inherited: &mut Inherited) {
    inherited.count -= 1;
    inherited.local |= inherited.count == 0;
}

fn wrong(message: &str) -> Error {
    Error::new(SqlState::WRONG_OBJECT_TYPE, message)
}

/// Whether an action is done to what stands under a table, too.
fn goes_down(action: &AlterAction) -> bool {
    match action {
        AlterAction::AddConstraint(definition) => !is_own(definition),
        AlterAction::AddColumn { .. }
        | AlterAction::DropColumn { .. }
        | AlterAction::SetDefault { .. }
        | AlterAction::SetNotNull { .. }
        | AlterAction::SetType { .. }
        | AlterAction::DropExpression { .. }
        | AlterAction::RenameColumn { .. }
        | AlterAction::DropConstraint { .. }
        | AlterAction::ValidateConstraint(_)
        | AlterAction::RenameConstraint { .. } => true,
        _ => false,
    }
}

/// Whether a constraint is of the table alone that says it.
fn is_own(definition: &ConstraintDefinition) -> bool {
    match &definition.clause {
        ConstraintClause::Check { no_inherit, .. } => *no_inherit,
        ConstraintClause::Key { .. }
        | ConstraintClause::OfIndex { .. }
        | ConstraintClause::Foreign { .. } => true,
    }
}
