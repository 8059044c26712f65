//! The leaves of a bound plan, and what they need.

use std::collections::BTreeSet;

use datafusion::common::DataFusionError;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::LogicalPlan;

use super::local::LocalRelation;
use super::shared::body_of;
use super::source::{RelationBody, RelationSource};
use crate::base::Oid;
use crate::catalog::{ObjectId, Privilege};
use crate::pg_catalog::Readers;
use crate::privileges::Need;

/// What a bound plan reads, views still closed.
#[derive(Debug, Default)]
pub(super) struct Reads {
    /// What it needs.
    pub(super) needs: Vec<Need>,
    /// Relations of the catalog, each once.
    pub(super) relations: Vec<Oid>,
}

impl Reads {
    /// Reads them off the scans: a name that a WITH query shadows is no scan, so it is not among
    /// them.
    ///
    /// `names` are the columns of the catalog that the query itself names, `local` the relations of
    /// the statement alone.
    pub(super) fn of(
        plan: &LogicalPlan,
        role: Oid,
        names: &BTreeSet<(Oid, i16)>,
        local: &[LocalRelation],
    ) -> Result<Self, DataFusionError> {
        let mut reads = Self::default();
        plan.apply_with_subqueries(|plan| {
            if let LogicalPlan::TableScan(scan) = plan
                && let Some(source) = scan.source.downcast_ref::<RelationSource>()
            {
                reads.add(source, role, names);
            }
            Ok(TreeNodeRecursion::Continue)
        })?;
        reads.add_local(role, names, local);
        Ok(reads)
    }

    /// What is named of the statement's own relations that stand for those of the catalog.
    fn add_local(&mut self, role: Oid, names: &BTreeSet<(Oid, i16)>, local: &[LocalRelation]) {
        let origins = local
            .iter()
            .flat_map(|local| local.origins.iter().flatten());
        let relations: BTreeSet<Oid> = origins.map(|(relation, _)| *relation).collect();
        for relation in relations {
            let columns = named(names, relation);
            if columns.is_empty() {
                continue;
            }
            let need = reading(role, relation, columns);
            if !self.needs.contains(&need) {
                self.needs.push(need);
            }
        }
    }

    fn add(&mut self, source: &RelationSource, role: Oid, names: &BTreeSet<(Oid, i16)>) {
        let relation = match &source.body {
            RelationBody::Stored(relation) => relation,
            // System relations are everybody's, with few exceptions.
            RelationBody::System(relation) => {
                let need = match relation.readers() {
                    Readers::Everybody => return,
                    Readers::Only(of) => Need::Restricted {
                        role,
                        of,
                        what: format!("{} {}", relation.kind_name(), relation.name),
                    },
                };
                if !self.needs.contains(&need) {
                    self.needs.push(need);
                }
                return;
            }
            // Local relations and functions have nothing to ask for; what a shared query reads is
            // met where the query itself hangs.
            RelationBody::Local(_) | RelationBody::Function(..) | RelationBody::Shared(_) => return,
        };
        // What a function reads is the function's business: it may read something else tomorrow.
        // What that needs is among the needs of the call.
        let inside = source.rights();
        if let Some(lock) = source.lock {
            let need = Need::RowLock {
                role: inside.unwrap_or(role),
                relation: relation.oid,
                lock,
            };
            if !self.needs.contains(&need) {
                self.needs.push(need);
            }
        }
        if inside.is_some() {
            return;
        }
        let mut add = |need| {
            if !self.needs.contains(&need) {
                self.needs.push(need);
            }
        };
        if source.qualified {
            add(Need::Privilege {
                role,
                object: ObjectId::Schema(relation.schema),
                any_of: Privilege::Usage.into(),
            });
        }
        add(reading(role, relation.oid, named(names, relation.oid)));
        if !self.relations.contains(&relation.oid) {
            self.relations.push(relation.oid);
        }
    }
}

/// The columns of a relation among `names`.
fn named(names: &BTreeSet<(Oid, i16)>, relation: Oid) -> BTreeSet<i16> {
    let all = (relation, i16::MIN)..=(relation, i16::MAX);
    names.range(all).map(|(_, attnum)| *attnum).collect()
}

/// What reading these columns of a relation needs.
pub(super) fn reading(role: Oid, relation: Oid, columns: BTreeSet<i16>) -> Need {
    Need::Columns {
        role,
        relation,
        any_of: Privilege::Select.into(),
        columns,
    }
}

/// The catalog column that output column `index` of a plan shows unchanged.
pub(super) fn origin(plan: &LogicalPlan, index: usize) -> Option<(Oid, i16)> {
    match body_of(plan) {
        LogicalPlan::Projection(projection) => {
            let column = projection
                .expr
                .get(index)?
                .clone()
                .unalias()
                .try_as_col()?
                .clone();
            origin(
                &projection.input,
                projection.input.schema().maybe_index_of_column(&column)?,
            )
        }
        LogicalPlan::SubqueryAlias(alias) => origin(&alias.input, index),
        LogicalPlan::Filter(filter) => origin(&filter.input, index),
        LogicalPlan::Sort(sort) => origin(&sort.input, index),
        LogicalPlan::Limit(limit) => origin(&limit.input, index),
        LogicalPlan::Distinct(distinct) => origin(distinct.input(), index),
        // What windows compute comes behind the rows.
        LogicalPlan::Window(window) if index < window.input.schema().fields().len() => {
            origin(&window.input, index)
        }
        LogicalPlan::Aggregate(aggregate) => {
            let column = aggregate.group_expr.get(index)?.try_as_col()?;
            let index = aggregate.input.schema().maybe_index_of_column(column)?;
            origin(&aggregate.input, index)
        }
        LogicalPlan::Join(join) => {
            let left = join.left.schema().fields().len();
            if join.schema.fields().len() < left {
                return None;
            }
            if index < left {
                origin(&join.left, index)
            } else {
                origin(&join.right, index - left)
            }
        }
        LogicalPlan::TableScan(scan) => {
            let source = scan.source.downcast_ref::<RelationSource>()?;
            let index = match &scan.projection {
                Some(projection) => *projection.get(index)?,
                None => index,
            };
            match &source.body {
                RelationBody::Stored(relation) => relation
                    .columns
                    .get(index)
                    .map(|column| (relation.oid, column.attnum)),
                RelationBody::System(relation) => relation
                    .columns
                    .get(index)
                    .map(|column| (relation.oid, column.attnum)),
                RelationBody::Local(local) => {
                    let attnum = i16::try_from(index + 1).ok()?;
                    (local.relation != Oid::INVALID).then_some((local.relation, attnum))
                }
                RelationBody::Shared(shared) => *shared.origins.get(index)?,
                RelationBody::Function(_, _) => None,
            }
        }
        _ => None,
    }
}
