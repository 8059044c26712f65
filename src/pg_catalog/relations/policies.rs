//! Row security.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::dependencies::Dependency;
use super::objects::{PG_CLASS, PG_TYPE};
use super::{Value, build, dependencies};
use crate::base::{Oid, Result};
use crate::catalog::{Condition, Policy, Relation};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;

/// `pg_policy`'s OID.
pub(super) const PG_POLICY: Oid = Oid(3256);

pub(super) fn pg_policy(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Row<'a> = (&'a Arc<Relation>, &'a Policy);
    let rows: Vec<Row<'_>> = context.snapshot.policies_that(|_| true).collect();
    let text = |condition: &Option<Condition>| match condition {
        Some(condition) => Value::from(&condition.text),
        None => Value::Null,
    };
    build::<Row<'_>>(
        relation,
        &rows,
        &[
            ("oid", &|(_, policy)| policy.oid.into()),
            ("polname", &|(_, policy)| (&policy.name).into()),
            ("polrelid", &|(table, _)| table.oid.into()),
            ("polcmd", &|(_, policy)| policy.command.letter().into()),
            ("polpermissive", &|(_, policy)| policy.permissive.into()),
            ("polroles", &|(_, policy)| {
                let roles = match policy.roles.as_slice() {
                    [] => &[Oid::INVALID],
                    roles => roles,
                };
                Value::List(roles.iter().map(|role| (*role).into()).collect())
            }),
            // As with defaults, the text stands for the node tree.
            ("polqual", &|(_, policy)| text(&policy.using)),
            ("polwithcheck", &|(_, policy)| text(&policy.check)),
        ],
    )
}

/// What the policies of a table stand on.
pub(super) fn stood_on(table: &Relation, rows: &mut Vec<Dependency>) {
    for policy in &table.row_security.policies {
        rows.push((PG_POLICY, policy.oid, PG_CLASS, table.oid, 0, 'a'));
        for condition in policy.conditions() {
            for (relation, columns) in &condition.names {
                if columns.is_empty() && *relation != table.oid {
                    rows.push((PG_POLICY, policy.oid, PG_CLASS, *relation, 0, 'n'));
                }
                let columns = columns.iter();
                rows.extend(columns.map(|c| (PG_POLICY, policy.oid, PG_CLASS, *relation, *c, 'n')));
            }
            let routines = condition.routines.iter();
            rows.extend(
                routines.map(|of| (PG_POLICY, policy.oid, dependencies::PG_PROC, *of, 0, 'n')),
            );
            let types = condition.types.iter();
            rows.extend(types.map(|of| (PG_POLICY, policy.oid, PG_TYPE, *of, 0, 'n')));
        }
    }
}
