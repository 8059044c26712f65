//! What stands on a column whose type changes: foreign keys, expressions of indexes, checks.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::constraint::check_condition;
use super::foreign_key::refuse_types;
use super::keep::Orphans;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Change, ForeignKey, Index, IndexedBy, Relation};
use crate::database::LockMode;
use crate::engine::ExpressionKind;
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;

impl Session {
    /// Sees that what stands on a column can stand on what it is to be, `after`; gives the
    /// constraints that change: indexes are as they are then, and foreign keys, which are made
    /// anew, are kept again where triggers were disabled.
    ///
    /// # Errors
    /// `42804` for a foreign key of types that do not go together; as binding the expressions.
    pub(super) async fn stand_on_type(
        &self,
        context: &Arc<StatementContext>,
        after: &Relation,
        attnum: i16,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let snapshot = &context.snapshot;
        let meant = |table: Oid| match table == after.oid {
            true => Some(after),
            false => snapshot.relation(table).map(|relation| &**relation),
        };
        let keys = keys_of(context, after, attnum);
        for (from, key) in &keys {
            let (Some(from), Some(parent)) = (meant(*from), meant(key.table)) else {
                continue;
            };
            for (column, target) in key.columns.iter().zip(&key.references) {
                refuse_types(snapshot, from, *column, parent, *target, &key.name)?;
            }
        }
        // What is kept was written with other names than the session may have.
        let kept = &Arc::new(context.under_system_path());
        let mut constraints = after.constraints.clone();
        for check in &mut constraints.checks {
            if check.columns.contains(&attnum) {
                let kind = ExpressionKind::Check;
                let text = self.kept(kind, kept, after, &check.expression, run);
                check.expression = text.await?;
                let ty = self.rule_type(kind, kept, after, &check.expression, None, run);
                check_condition(ty.await?)?;
            }
        }
        for index in &mut constraints.indexes {
            if index.reads.contains(&attnum) {
                self.retype_index(kept, after, index, run).await?;
            }
        }
        let made: BTreeSet<Oid> = keys.iter().map(|(_, key)| key.oid).collect();
        let mut changed = vec![(after, constraints)];
        let others = other_sides(&keys, after.oid);
        let others = others.iter().filter_map(|table| meant(*table));
        changed.extend(others.map(|other| (other, other.constraints.clone())));
        let mut changes = Vec::new();
        for (relation, mut constraints) in changed {
            constraints.unkept.retain(|key| !made.contains(key));
            if constraints != relation.constraints {
                changes.push(Change::SetConstraints {
                    relation: relation.oid,
                    constraints,
                });
            }
        }
        Ok(changes)
    }

    /// The types of an index's expressions.
    async fn retype_index(
        &self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        index: &mut Index,
        run: &Run<'_>,
    ) -> Result<()> {
        for part in &mut index.parts {
            if let IndexedBy::Expression(text) = &part.of {
                let kind = ExpressionKind::IndexExpression;
                let text = self.kept(kind, context, relation, text, run).await?;
                let words = Some("functions in index expression must be marked IMMUTABLE");
                let ty = self.rule_type(kind, context, relation, &text, words, run);
                part.ty = Some(ty.await?);
                part.of = IndexedBy::Expression(text);
            }
        }
        if let Some(predicate) = &mut index.predicate {
            let kind = ExpressionKind::IndexPredicate;
            *predicate = self.kept(kind, context, relation, predicate, run).await?;
            let words = Some("functions in index predicate must be marked IMMUTABLE");
            self.rule_type(kind, context, relation, predicate, words, run)
                .await?;
        }
        Ok(())
    }

    /// Keeps the other sides of a column's foreign keys as they are.
    pub(super) async fn lock_other_sides(
        &mut self,
        context: &StatementContext,
        relation: &Relation,
        attnum: i16,
        run: &Run<'_>,
    ) -> Result<()> {
        let tables = other_sides(&keys_of(context, relation, attnum), relation.oid);
        let locks = move |_: &StatementContext| {
            let tables = tables.iter().copied();
            tables.map(|table| (table, LockMode::Share)).collect()
        };
        self.lock_wanted(run.interrupt, locks).await.map(drop)
    }

    /// `23503` for a row of another table that refers to nothing, now that what it referred to is
    /// of another type.
    pub(super) async fn recheck_referring(
        &self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        attnum: i16,
        run: &Run<'_>,
    ) -> Result<()> {
        for (from, key) in keys_of(context, relation, attnum) {
            if from == relation.oid || key.not_valid {
                continue;
            }
            let Some(from) = context.snapshot.relation(from) else {
                return Err(Error::internal(
                    "checking a foreign key",
                    "its table is gone",
                ));
            };
            let all = (from.segments(), Orphans::All);
            self.refuse_orphans(context, from, &key, all, run.interrupt)
                .await?;
        }
        Ok(())
    }
}

/// The tables on the other sides of a table's foreign keys.
fn other_sides(keys: &[(Oid, Cow<'_, ForeignKey>)], table: Oid) -> BTreeSet<Oid> {
    let tables = keys.iter().flat_map(|(from, key)| [*from, key.table]);
    tables.filter(|other| *other != table).collect()
}

/// The foreign keys that a column of a table is part of, on either side, with the tables they are
/// of.
fn keys_of<'a>(
    context: &'a StatementContext,
    relation: &'a Relation,
    attnum: i16,
) -> Vec<(Oid, Cow<'a, ForeignKey>)> {
    let own = relation.constraints.foreign.iter();
    let own = own.filter(|key| key.columns.contains(&attnum));
    let own = own.map(|key| (relation.oid, Cow::Borrowed(key)));
    let others = context.snapshot.references_to(relation.oid);
    let others = others.filter(|(_, key)| key.references.contains(&attnum));
    own.chain(others.map(|(from, key)| (from.oid, key)))
        .collect()
}
