//! What depends on what, and what was granted from the start.

use std::collections::BTreeSet;

use arrow::record_batch::RecordBatch;

use super::objects::{
    EXTENSION, FILES_SERVER, FILES_WRAPPER, PG_ATTRDEF, PG_CLASS, PG_CONSTRAINT, PG_LARGEOBJECT,
    PG_NAMESPACE, PG_REWRITE, PG_TYPE, acl, defaults, derived_oid, system_acl,
};
use super::{Value, build, concat, functions, policies, triggers};
use crate::base::{Oid, Result};
use crate::catalog::{Acl, Generation, Index, Relation, Routine, Snapshot};
use crate::pg_catalog::{SystemRelation, all};
use crate::statement::StatementContext;

/// `pg_proc`'s OID.
pub(super) const PG_PROC: Oid = Oid(1255);
/// `pg_extension`'s OID.
pub(super) const PG_EXTENSION: Oid = Oid(3079);
/// `pg_foreign_data_wrapper`'s OID.
const PG_FOREIGN_DATA_WRAPPER: Oid = Oid(2328);
/// `pg_foreign_server`'s OID.
const PG_FOREIGN_SERVER: Oid = Oid(1417);
/// `pg_authid`'s OID.
const PG_AUTHID: Oid = Oid(1260);
/// `pg_default_acl`'s OID.
const PG_DEFAULT_ACL: Oid = Oid(826);

/// One row of `pg_depend`: (class, object, referenced class, referenced object, referenced column,
/// kind).
pub(super) type Dependency = (Oid, Oid, Oid, Oid, i16, char);

/// What an index stands on: its constraint, or its columns.
fn of_index(table: &Relation, index: &Index, rows: &mut Vec<Dependency>) {
    let columns: BTreeSet<i16> = index
        .columns()
        .chain(index.include.iter().copied())
        .collect();
    let (class, object) = match index.constraint {
        Some(constraint) => {
            rows.push((PG_CLASS, index.oid, PG_CONSTRAINT, constraint, 0, 'i'));
            (PG_CONSTRAINT, constraint)
        }
        None => (PG_CLASS, index.oid),
    };
    rows.extend(
        columns
            .iter()
            .map(|attnum| (class, object, PG_CLASS, table.oid, *attnum, 'a')),
    );
    let is_bare = index.columns().count() == index.parts.len() && index.predicate.is_none();
    if columns.is_empty() || !is_bare {
        rows.push((class, object, PG_CLASS, table.oid, 0, 'a'));
    }
}

/// What constraints stand on, keys left out.
fn of_constraints(table: &Relation, rows: &mut Vec<Dependency>) {
    for check in &table.constraints.checks {
        for attnum in &check.columns {
            rows.push((PG_CONSTRAINT, check.oid, PG_CLASS, table.oid, *attnum, 'a'));
            rows.push((PG_CONSTRAINT, check.oid, PG_CLASS, table.oid, *attnum, 'n'));
        }
        if check.columns.is_empty() {
            rows.push((PG_CONSTRAINT, check.oid, PG_CLASS, table.oid, 0, 'a'));
        }
    }
    for key in &table.constraints.foreign {
        for attnum in &key.columns {
            rows.push((PG_CONSTRAINT, key.oid, PG_CLASS, table.oid, *attnum, 'a'));
        }
        for attnum in &key.references {
            rows.push((PG_CONSTRAINT, key.oid, PG_CLASS, key.table, *attnum, 'n'));
        }
        rows.push((PG_CONSTRAINT, key.oid, PG_CLASS, key.index, 0, 'n'));
    }
}

/// What a function stands on.
fn of_routine(routine: &Routine) -> Vec<Dependency> {
    let mut rows = vec![(PG_PROC, routine.oid, PG_NAMESPACE, routine.schema, 0, 'n')];
    let types = routine.parameters.iter().map(|of| of.ty);
    let types: BTreeSet<Oid> = types.chain([routine.returns]).collect();
    let functions = routine
        .aggregate()
        .into_iter()
        .flat_map(|of| of.functions());
    let functions: BTreeSet<Oid> = functions.collect();
    let on = types.into_iter().map(|ty| (PG_TYPE, ty));
    let on = on.chain(functions.into_iter().map(|function| (PG_PROC, function)));
    let on = on.filter(|(_, oid)| !oid.is_system());
    rows.extend(on.map(|(class, oid)| (PG_PROC, routine.oid, class, oid, 0, 'n')));
    rows
}

pub(super) fn pg_depend(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let mut rows: Vec<Dependency> = Vec::new();
    // (table, column, type)
    let mut of_columns: Vec<(Oid, i16, Oid)> = Vec::new();
    for relation in snapshot.relations() {
        let oid = relation.oid;
        rows.push((PG_CLASS, oid, PG_NAMESPACE, relation.schema, 0, 'n'));
        if relation.sequence().is_none() {
            let array = derived_oid(relation.row_type, 0);
            rows.push((PG_TYPE, relation.row_type, PG_CLASS, oid, 0, 'i'));
            rows.push((PG_TYPE, array, PG_TYPE, relation.row_type, 0, 'i'));
        }
        if let Some((table, attnum)) = relation.sequence().and_then(|of| of.owned_by) {
            let kind = match relation.sequence() {
                Some(sequence) if sequence.identity => 'i',
                Some(_) | None => 'a',
            };
            rows.push((PG_CLASS, oid, PG_CLASS, table, attnum, kind));
        }
        if let Some(view) = relation.view() {
            let rule = derived_oid(oid, 0);
            rows.push((PG_REWRITE, rule, PG_CLASS, oid, 0, 'i'));
            rows.push((PG_REWRITE, rule, PG_CLASS, oid, 0, 'n'));
            for read in view.depends_on.iter().collect::<BTreeSet<_>>() {
                match view.names.get(read) {
                    Some(columns) if !columns.is_empty() => {
                        let columns = columns.iter();
                        rows.extend(columns.map(|c| (PG_REWRITE, rule, PG_CLASS, *read, *c, 'n')));
                    }
                    // A routine has no columns; of a relation it is the whole.
                    Some(_) | None => rows.push((PG_REWRITE, rule, PG_CLASS, *read, 0, 'n')),
                }
            }
        }
        for index in &relation.constraints.indexes {
            of_index(relation, index, &mut rows);
        }
        of_constraints(relation, &mut rows);
        policies::stood_on(relation, &mut rows);
        triggers::stood_on(relation, &mut rows);
        for column in &relation.columns {
            let default = derived_oid(oid, column.attnum);
            for sequence in column.sequences() {
                if column.default.is_some() {
                    rows.push((PG_ATTRDEF, default, PG_CLASS, sequence, 0, 'n'));
                }
            }
            let ty = column.ty.declared();
            if !ty.is_system() {
                of_columns.push((oid, column.attnum, ty));
            }
            if let Some(Generation::Stored { columns, .. }) = &column.generation {
                let read = columns.iter().filter(|read| **read != column.attnum);
                rows.extend(read.map(|read| (PG_ATTRDEF, default, PG_CLASS, oid, *read, 'n')));
            }
        }
    }
    for ty in snapshot.types() {
        rows.push((PG_TYPE, ty.oid, PG_NAMESPACE, ty.schema, 0, 'n'));
        rows.push((PG_TYPE, ty.array, PG_TYPE, ty.oid, 0, 'i'));
        if let Some(composite) = ty.composite() {
            rows.push((PG_CLASS, composite.relation, PG_TYPE, ty.oid, 0, 'i'));
            for attribute in &composite.attributes {
                let of = attribute.ty.declared();
                if !of.is_system() {
                    of_columns.push((composite.relation, attribute.attnum, of));
                }
            }
        }
        if let Some(domain) = ty.domain() {
            let base = domain.base.declared();
            if !base.is_system() {
                rows.push((PG_TYPE, ty.oid, PG_TYPE, base, 0, 'n'));
            }
            let checks = domain.checks.iter();
            rows.extend(checks.map(|check| (PG_CONSTRAINT, check.oid, PG_TYPE, ty.oid, 0, 'a')));
        }
    }
    rows.extend(super::ranges::dependencies(snapshot));
    rows.extend(snapshot.routines().flat_map(|routine| of_routine(routine)));
    rows.extend(super::definitions::dependencies(snapshot));
    for (table, attnum, _) in defaults(context) {
        let default = derived_oid(table, attnum);
        let generated = snapshot.relation(table).is_some_and(|relation| {
            let column = relation.columns.iter().find(|c| c.attnum == attnum);
            column.is_some_and(|column| column.expression().is_some())
        });
        let kind = if generated { 'i' } else { 'a' };
        rows.push((PG_ATTRDEF, default, PG_CLASS, table, attnum, kind));
    }
    let members = [
        (PG_NAMESPACE, Oid::COMMONS_SCHEMA),
        (PG_FOREIGN_DATA_WRAPPER, FILES_WRAPPER),
        (PG_FOREIGN_SERVER, FILES_SERVER),
    ];
    let relations = all()
        .iter()
        .filter(|relation| relation.schema == Oid::COMMONS_SCHEMA);
    let relations = relations.map(|relation| (PG_CLASS, relation.oid));
    let functions = functions::of_schema(Oid::COMMONS_SCHEMA).map(|oid| (PG_PROC, oid));
    let members = members.into_iter().chain(relations).chain(functions);
    rows.extend(members.map(|(class, oid)| (class, oid, PG_EXTENSION, EXTENSION, 0, 'e')));
    let types = build::<(Oid, i16, Oid)>(
        relation,
        &of_columns,
        &[
            ("classid", &|_| PG_CLASS.into()),
            ("objid", &|(table, _, _)| (*table).into()),
            ("objsubid", &|(_, attnum, _)| (*attnum).into()),
            ("refclassid", &|_| PG_TYPE.into()),
            ("refobjid", &|(_, _, ty)| (*ty).into()),
            ("deptype", &|_| 'n'.into()),
        ],
    )?;
    let rest = build::<Dependency>(
        relation,
        &rows,
        &[
            ("classid", &|row| row.0.into()),
            ("objid", &|row| row.1.into()),
            ("refclassid", &|row| row.2.into()),
            ("refobjid", &|row| row.3.into()),
            ("refobjsubid", &|row| row.4.into()),
            ("deptype", &|row| row.5.into()),
        ],
    )?;
    concat(&[rest, types])
}

/// Which objects roles own, or have something granted on. The bootstrap superuser is pinned, and so
/// not listed.
pub(super) fn pg_shdepend(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Row = (Oid, Oid, Oid, char);
    let snapshot = &context.snapshot;
    let mut rows: Vec<Row> = Vec::new();
    let mut add = |class: Oid, object: Oid, owner: Oid, acl: Option<&Acl>| {
        if owner != Oid::SUPERUSER {
            rows.push((class, object, owner, 'o'));
        }
        let grantees: BTreeSet<Oid> = acl
            .into_iter()
            .flatten()
            .map(|item| item.grantee)
            .filter(|role| ![Oid::INVALID, Oid::SUPERUSER, owner].contains(role))
            .collect();
        rows.extend(grantees.into_iter().map(|role| (class, object, role, 'a')));
    };
    for schema in snapshot.schemas().filter(|schema| !schema.oid.is_system()) {
        add(PG_NAMESPACE, schema.oid, schema.owner, schema.acl.as_ref());
    }
    for relation in snapshot.relations() {
        add(
            PG_CLASS,
            relation.oid,
            relation.owner,
            relation.acl.as_ref(),
        );
    }
    for routine in snapshot.routines() {
        add(PG_PROC, routine.oid, routine.owner, routine.acl.as_ref());
    }
    for ty in snapshot.types() {
        add(PG_TYPE, ty.oid, ty.owner, ty.acl.as_ref());
    }
    for of in snapshot.large_objects() {
        add(PG_LARGEOBJECT, of.oid, of.owner, of.acl.as_ref());
    }
    for of in snapshot.default_acls() {
        add(PG_DEFAULT_ACL, of.oid, of.role, Some(&of.acl));
    }
    for (_, policy) in snapshot.policies_that(|policy| !policy.roles.is_empty()) {
        let roles = policy.roles.iter();
        rows.extend(roles.map(|role| (policies::PG_POLICY, policy.oid, *role, 'r')));
    }
    build::<Row>(
        relation,
        &rows,
        &[
            ("dbid", &|_| Oid::DATABASE.into()),
            ("classid", &|row| row.0.into()),
            ("objid", &|row| row.1.into()),
            ("refclassid", &|_| PG_AUTHID.into()),
            ("refobjid", &|row| row.2.into()),
            ("deptype", &|row| row.3.into()),
        ],
    )
}

/// What was granted on system objects from the start, so that a dump leaves it alone.
pub(super) fn pg_init_privs(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let mut rows: Vec<(Oid, Oid, Value)> = all()
        .iter()
        .map(|relation| (relation.oid, PG_CLASS, system_acl(snapshot, relation)))
        .filter(|(_, _, acl)| *acl != Value::Null)
        .collect();
    rows.extend(
        Snapshot::genesis()
            .schemas()
            .filter(|schema| schema.acl.is_some())
            .map(|schema| {
                let granted = acl(snapshot, schema.acl.as_ref());
                (schema.oid, PG_NAMESPACE, granted)
            }),
    );
    build::<(Oid, Oid, Value)>(
        relation,
        &rows,
        &[
            ("objoid", &|row| row.0.into()),
            ("classoid", &|row| row.1.into()),
            ("privtype", &|_| 'i'.into()),
            ("initprivs", &|row| row.2.clone()),
        ],
    )
}
