//! Grants as rows: `information_schema.table_privileges` and `column_privileges`; and what people
//! share,
//! `commons.publications`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::objects::{relation_bytes, relation_rows};
use super::{Value, build};
use crate::base::{Oid, Result};
use crate::catalog::{ObjectId, Persistence, Privilege, Relation, RelationKind, Snapshot};
use crate::pg_catalog::{Readers, SystemRelation, all};
use crate::privileges::{default_acl, has_privileges_of, may_see};
use crate::statement::StatementContext;

/// One privilege of one role on one relation, or on one of its columns.
struct Grant {
    grantor: Oid,
    grantee: Oid,
    schema: Oid,
    table: String,
    column: Option<String>,
    privilege: Privilege,
    grantable: bool,
}

/// Grants on users' relations the current role gave or got, PUBLIC's included.
fn grants(context: &StatementContext) -> Vec<Grant> {
    let snapshot = &context.snapshot;
    let mine = |role| role == Oid::INVALID || has_privileges_of(snapshot, context.role, role);
    let mut rows = Vec::new();
    for relation in snapshot
        .relations()
        .filter(|relation| is_table(&relation.kind))
    {
        let object = ObjectId::Relation(relation.oid);
        let acl = match &relation.acl {
            Some(acl) => acl.clone(),
            None => default_acl(snapshot, object),
        };
        for item in acl {
            if !mine(item.grantee) && !mine(item.grantor) {
                continue;
            }
            rows.extend(item.privileges.iter().map(|privilege| Grant {
                grantor: item.grantor,
                grantee: item.grantee,
                schema: relation.schema,
                table: relation.name.clone(),
                column: None,
                privilege,
                // An owner may always grant.
                grantable: item.grantable.contains(privilege) || item.grantee == relation.owner,
            }));
        }
    }
    // System relations are everybody's to read.
    let everybodys = all()
        .iter()
        .filter(|relation| relation.readers() == Readers::Everybody);
    rows.extend(everybodys.map(|relation| Grant {
        grantor: Oid::SUPERUSER,
        grantee: Oid::INVALID,
        schema: relation.schema,
        table: relation.name.to_owned(),
        column: None,
        privilege: Privilege::Select,
        grantable: false,
    }));
    rows
}

fn role(snapshot: &Snapshot, oid: Oid) -> Value {
    match oid {
        Oid::INVALID => "PUBLIC".into(),
        oid => snapshot.role_name(oid).into(),
    }
}

fn yes(is: bool) -> Value {
    if is { "YES" } else { "NO" }.into()
}

fn schema_name(snapshot: &Snapshot, oid: Oid) -> Value {
    snapshot
        .schema(oid)
        .map(|schema| schema.name.clone())
        .into()
}

pub(super) fn table_privileges(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let database = &snapshot.database().name;
    build::<Grant>(
        relation,
        &grants(context),
        &[
            ("grantor", &|grant| role(snapshot, grant.grantor)),
            ("grantee", &|grant| role(snapshot, grant.grantee)),
            ("table_catalog", &|_| database.into()),
            ("table_schema", &|grant| schema_name(snapshot, grant.schema)),
            ("table_name", &|grant| (&grant.table).into()),
            ("privilege_type", &|grant| grant.privilege.word().into()),
            ("is_grantable", &|grant| yes(grant.grantable)),
            ("with_hierarchy", &|grant| {
                yes(grant.privilege == Privilege::Select)
            }),
        ],
    )
}

/// Privileges that columns have too.
const OF_COLUMNS: [Privilege; 4] = [
    Privilege::Select,
    Privilege::Insert,
    Privilege::Update,
    Privilege::References,
];

/// Grants on single columns the current role gave or got, PUBLIC's included.
fn column_grants(context: &StatementContext) -> Vec<Grant> {
    let snapshot = &context.snapshot;
    let mine = |role| role == Oid::INVALID || has_privileges_of(snapshot, context.role, role);
    let mut rows = Vec::new();
    for relation in snapshot.relations().filter(|of| is_table(&of.kind)) {
        for column in &relation.columns {
            let acl = relation.column_acls.get(&column.attnum);
            let items = acl.into_iter().flatten();
            for item in items.filter(|item| mine(item.grantee) || mine(item.grantor)) {
                rows.extend(item.privileges.iter().map(|privilege| Grant {
                    grantor: item.grantor,
                    grantee: item.grantee,
                    schema: relation.schema,
                    table: relation.name.clone(),
                    column: Some(column.name.clone()),
                    privilege,
                    grantable: item.grantable.contains(privilege),
                }));
            }
        }
    }
    rows
}

/// Sequences and materialized views are no tables to the standard.
fn is_table(kind: &RelationKind) -> bool {
    match kind {
        RelationKind::Table { .. } | RelationKind::View(_) | RelationKind::Foreign { .. } => true,
        RelationKind::Materialized { .. } | RelationKind::Sequence(_) => false,
    }
}

pub(super) fn column_privileges(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let database = &snapshot.database().name;
    let mut rows = column_grants(context);
    for grant in grants(context) {
        let Some(table) = snapshot.relation_named(grant.schema, &grant.table) else {
            continue;
        };
        if !OF_COLUMNS.contains(&grant.privilege) {
            continue;
        }
        rows.extend(table.columns.iter().map(|column| Grant {
            column: Some(column.name.clone()),
            table: grant.table.clone(),
            ..grant
        }));
    }
    // What is granted on the column and on its table is one row.
    let mut seen = HashMap::new();
    for (place, row) in rows.iter().enumerate() {
        let key = (row.grantor, row.grantee, row.schema, row.privilege.letter());
        let key = (key, row.table.clone(), row.column.clone());
        let entry = seen.entry(key).or_insert((place, false));
        entry.1 |= row.grantable;
    }
    let mut once: Vec<(usize, bool)> = seen.into_values().collect();
    once.sort_unstable();
    let rows: Vec<Grant> = once
        .into_iter()
        .map(|(place, grantable)| Grant {
            grantable,
            table: rows[place].table.clone(),
            column: rows[place].column.clone(),
            ..rows[place]
        })
        .collect();
    build::<Grant>(
        relation,
        &rows,
        &[
            ("grantor", &|grant| role(snapshot, grant.grantor)),
            ("grantee", &|grant| role(snapshot, grant.grantee)),
            ("table_catalog", &|_| database.into()),
            ("table_schema", &|grant| schema_name(snapshot, grant.schema)),
            ("table_name", &|grant| (&grant.table).into()),
            ("column_name", &|grant| grant.column.clone().into()),
            ("privilege_type", &|grant| grant.privilege.word().into()),
            ("is_grantable", &|grant| yes(grant.grantable)),
        ],
    )
}

/// Whether somebody besides the owner was granted anything on the relation.
fn shared(relation: &Relation) -> bool {
    let acl = relation.acl.as_deref().unwrap_or_default();
    acl.iter().any(|item| item.grantee != relation.owner)
}

pub(super) fn publications(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let relations: Vec<_> = snapshot
        .relations()
        .filter(|relation| {
            relation.persistence == Persistence::Permanent
                && shared(relation)
                && may_see(snapshot, context.role, ObjectId::Relation(relation.oid))
        })
        .cloned()
        .collect();
    let stored = |relation: &Relation, count: u64| match relation.kind {
        RelationKind::Table { .. } | RelationKind::Materialized { .. } => {
            Value::Int(i64::try_from(count).unwrap_or(i64::MAX))
        }
        RelationKind::View(_) | RelationKind::Foreign { .. } | RelationKind::Sequence(_) => {
            Value::Null
        }
    };
    build::<Arc<Relation>>(
        relation,
        &relations,
        &[
            ("schema", &|relation| schema_name(snapshot, relation.schema)),
            ("name", &|relation| (&relation.name).into()),
            ("kind", &|relation| relation.kind_name().into()),
            ("owner", &|relation| {
                snapshot.role_name(relation.owner).into()
            }),
            ("version", &|relation| {
                Value::Int(i64::try_from(relation.publication).unwrap_or(i64::MAX))
            }),
            ("rows", &|relation| {
                stored(relation, relation_rows(relation))
            }),
            ("bytes", &|relation| {
                stored(relation, relation_bytes(relation))
            }),
            ("comment", &|relation| relation.comment.clone().into()),
        ],
    )
}
