//! Schemas, relations, columns and what hangs on them.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::policies::PG_POLICY;
use super::triggers::PG_TRIGGER;
use super::{Value, access, build, constraints, families};
use crate::base::{Oid, Result};
use crate::catalog::acl::DisplayAclItem;
pub(super) use crate::catalog::derived_oid;
use crate::catalog::{
    Acl, CheckOption, Column, Index, Parameters, Persistence, Relation, RelationKind, Schema,
    Snapshot, UserType,
};
use crate::pg_catalog::{Readers, SystemRelation, all, layout};
use crate::statement::StatementContext;
use crate::types::PgType;

/// `pg_class`'s OID: what `classoid` of relations and columns refers to.
pub const PG_CLASS: Oid = Oid(1259);
/// `pg_type`'s OID.
pub const PG_TYPE: Oid = Oid(1247);
/// `pg_namespace`'s OID.
pub const PG_NAMESPACE: Oid = Oid(2615);
/// `pg_proc`, as a class.
const PG_PROC: Oid = Oid(1255);
/// `pg_largeobject`'s OID.
pub const PG_LARGEOBJECT: Oid = Oid(2613);
/// `pg_rewrite`'s OID.
pub const PG_REWRITE: Oid = Oid(2618);
/// `pg_constraint`'s OID.
pub const PG_CONSTRAINT: Oid = Oid(2606);
/// `pg_attrdef`'s OID.
pub const PG_ATTRDEF: Oid = Oid(2604);
/// Bytes of a page, for clients that count in pages.
const PAGE_BYTES: u64 = 8192;
/// The one foreign-data wrapper: files of the server's file system.
pub(super) const FILES_WRAPPER: Oid = Oid(14000);
/// The one foreign server, `files`.
pub(super) const FILES_SERVER: Oid = Oid(14001);
/// The extension all of commons' own is said to belong to, so that a dump leaves it out.
pub(super) const EXTENSION: Oid = Oid(14002);

/// A relation of either sort.
#[derive(Clone)]
pub(super) enum Entry {
    System(&'static SystemRelation),
    User(Arc<Relation>),
    /// An index, with its table.
    Index(Arc<Relation>, Box<Index>),
    /// A type of rows that no relation has.
    Composite(Arc<UserType>),
}

impl Entry {
    pub(super) fn all(snapshot: &Snapshot) -> Vec<Self> {
        all()
            .iter()
            .map(Self::System)
            .chain(snapshot.relations().cloned().map(Self::User))
            .chain(
                constraints::indexes(snapshot)
                    .into_iter()
                    .map(|(table, index)| Self::Index(table, Box::new(index))),
            )
            .chain(
                snapshot
                    .types()
                    .filter(|ty| ty.composite().is_some())
                    .map(|ty| Self::Composite(ty.clone())),
            )
            .collect()
    }

    pub(super) fn oid(&self) -> Oid {
        match self {
            Self::System(relation) => relation.oid,
            Self::User(relation) => relation.oid,
            Self::Index(_, index) => index.oid,
            Self::Composite(ty) => ty.composite().map_or(Oid::INVALID, |of| of.relation),
        }
    }

    pub(super) fn kind(&self) -> char {
        match self {
            Self::System(relation) => relation.kind,
            Self::User(relation) => relation.relkind(),
            Self::Index(table, _) if table.is_partitioned() => 'I',
            Self::Index(..) => 'i',
            Self::Composite(_) => 'c',
        }
    }
}

/// An access control list as `aclitem[]`.
pub fn acl(snapshot: &Snapshot, acl: Option<&Acl>) -> Value {
    let items = acl.map(|items| {
        items
            .iter()
            .map(|item| {
                let name = |oid| snapshot.role_name(oid);
                DisplayAclItem { item, name }.to_string()
            })
            .collect::<Vec<_>>()
    });
    items.into()
}

/// Who may do what with a system relation.
pub(super) fn system_acl(snapshot: &Snapshot, relation: &SystemRelation) -> Value {
    let owner = snapshot.role_name(Oid::SUPERUSER);
    let owner = crate::base::name::quote(&owner).into_owned();
    let mut items = vec![format!("{owner}=arwdDxt/{owner}")];
    match relation.readers() {
        Readers::Everybody => items.push(format!("=r/{owner}")),
        Readers::Only(Some(role)) => items.push(format!("{role}=r/{owner}")),
        Readers::Only(None) if relation.schema == Oid::INFORMATION_SCHEMA => return Value::Null,
        Readers::Only(None) => {}
    }
    items.into()
}

pub(super) fn pg_namespace(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let schemas: Vec<_> = snapshot.schemas().cloned().collect();
    build::<Arc<Schema>>(
        relation,
        &schemas,
        &[
            ("oid", &|schema| schema.oid.into()),
            ("nspname", &|schema| (&schema.name).into()),
            ("nspowner", &|schema| schema.owner.into()),
            ("nspacl", &|schema| acl(snapshot, schema.acl.as_ref())),
        ],
    )
}

#[allow(clippy::cast_precision_loss)] // reltuples is an estimate even in PostgreSQL
pub(super) fn pg_class(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let stored = |entry: &Entry| match entry {
        Entry::System(relation) => relation.kind == 'r',
        Entry::User(relation) => relation.is_stored() && !relation.is_partitioned(),
        Entry::Index(..) | Entry::Composite(_) => false,
    };
    let pages = |entry: &Entry| match entry {
        Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => 0,
        Entry::User(relation) => i64::try_from(relation_bytes(relation).div_ceil(PAGE_BYTES))
            .unwrap_or(i64::MAX)
            .min(i32::MAX.into()),
    };
    build::<Entry>(
        relation,
        &Entry::all(snapshot),
        &[
            ("oid", &|entry| entry.oid().into()),
            ("relname", &|entry| match entry {
                Entry::System(relation) => relation.name.into(),
                Entry::User(relation) => (&relation.name).into(),
                Entry::Index(_, index) => (&index.name).into(),
                Entry::Composite(ty) => (&ty.name).into(),
            }),
            ("relnamespace", &|entry| match entry {
                Entry::System(relation) => relation.schema.into(),
                Entry::User(relation) | Entry::Index(relation, _) => relation.schema.into(),
                Entry::Composite(ty) => ty.schema.into(),
            }),
            ("reltype", &|entry| match entry {
                Entry::System(relation) => relation.row_type.into(),
                Entry::User(relation) if relation.sequence().is_none() => relation.row_type.into(),
                Entry::User(_) | Entry::Index(..) => Oid::INVALID.into(),
                Entry::Composite(ty) => ty.oid.into(),
            }),
            ("relowner", &|entry| match entry {
                Entry::System(_) => Oid::SUPERUSER.into(),
                Entry::Composite(ty) => ty.owner.into(),
                Entry::User(relation) | Entry::Index(relation, _) => relation.owner.into(),
            }),
            ("relam", &|entry| match entry {
                Entry::Index(_, index) => access::method(&index.method).into(),
                Entry::System(_) | Entry::User(_) | Entry::Composite(_) => {
                    if stored(entry) { 2 } else { 0 }.into()
                }
            }),
            ("relfilenode", &|entry| match entry {
                Entry::User(relation) if stored(entry) => relation.oid.into(),
                Entry::Index(_, index) => index.oid.into(),
                Entry::User(_) | Entry::System(_) | Entry::Composite(_) => Oid::INVALID.into(),
            }),
            ("relpages", &|entry| pages(entry).into()),
            ("relallvisible", &|entry| pages(entry).into()),
            ("reltuples", &|entry| match entry {
                Entry::User(relation) if stored(entry) => {
                    Value::Float(relation_rows(relation) as f64)
                }
                Entry::Index(table, _) => Value::Float(relation_rows(table) as f64),
                Entry::User(_) | Entry::System(_) | Entry::Composite(_) => Value::Float(-1.0),
            }),
            ("relpersistence", &|entry| match entry {
                Entry::User(relation) | Entry::Index(relation, _)
                    if relation.persistence == Persistence::Temporary =>
                {
                    't'.into()
                }
                Entry::User(relation) | Entry::Index(relation, _) if relation.tuning.unlogged => {
                    'u'.into()
                }
                Entry::User(_) | Entry::Index(..) | Entry::System(_) | Entry::Composite(_) => {
                    'p'.into()
                }
            }),
            ("reloptions", &|entry| match entry {
                Entry::User(relation) => options_of(relation),
                Entry::Index(_, index) => options(&index.parameters),
                Entry::System(_) | Entry::Composite(_) => Value::Null,
            }),
            ("relkind", &|entry| entry.kind().into()),
            ("relnatts", &|entry| match entry {
                // Dropped columns count, as in PostgreSQL.
                Entry::User(relation) => (relation.next_attnum - 1).into(),
                Entry::System(relation) => Value::Int(relation.columns.len() as i64),
                Entry::Index(_, index) => {
                    Value::Int((index.parts.len() + index.include.len()) as i64)
                }
                Entry::Composite(ty) => {
                    let next = ty.composite().map_or(1, |of| of.next_attnum);
                    (next - 1).into()
                }
            }),
            ("relhasindex", &|entry| match entry {
                Entry::User(relation) => (!relation.constraints.indexes.is_empty()).into(),
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => false.into(),
            }),
            // PostgreSQL keeps foreign keys with triggers, and psql looks for keys only where there
            // are some.
            ("relhastriggers", &|entry| match entry {
                Entry::User(relation) => {
                    let keys = !relation.constraints.foreign.is_empty();
                    let triggers = !relation.triggers.is_empty();
                    (keys || triggers || snapshot.places().is_referenced(relation.oid)).into()
                }
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => false.into(),
            }),
            ("relhassubclass", &|entry| match entry {
                Entry::User(relation) => (snapshot.has_children(relation.oid)).into(),
                Entry::Index(relation, index) if relation.is_partitioned() => snapshot
                    .relations()
                    .any(|of| of.family.parts_of.values().any(|oid| *oid == index.oid))
                    .into(),
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => false.into(),
            }),
            ("relispartition", &|entry| match entry {
                Entry::User(relation) => relation.is_partition().into(),
                Entry::Index(relation, index) => {
                    relation.family.parts_of.contains_key(&index.oid).into()
                }
                Entry::System(_) | Entry::Composite(_) => false.into(),
            }),
            ("relpartbound", &|entry| match entry {
                Entry::User(relation) => families::bound_of(context, relation),
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => Value::Null,
            }),
            ("relchecks", &|entry| match entry {
                Entry::User(relation) => Value::Int(relation.constraints.checks.len() as i64),
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => 0.into(),
            }),
            ("relhasrules", &|entry| {
                matches!(entry.kind(), 'v' | 'm').into()
            }),
            ("relrowsecurity", &|entry| match entry {
                Entry::User(relation) => relation.row_security.enabled.into(),
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => false.into(),
            }),
            ("relforcerowsecurity", &|entry| match entry {
                Entry::User(relation) => relation.row_security.forced.into(),
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => false.into(),
            }),
            ("relispopulated", &|entry| match entry {
                Entry::User(relation) => match relation.kind {
                    RelationKind::Materialized { populated, .. } => populated.into(),
                    RelationKind::Table { .. }
                    | RelationKind::View(_)
                    | RelationKind::Sequence(_)
                    | RelationKind::Foreign { .. } => true.into(),
                },
                Entry::System(_) | Entry::Index(..) | Entry::Composite(_) => true.into(),
            }),
            ("relreplident", &|entry| match entry {
                Entry::User(relation) if stored(entry) || relation.is_partitioned() => {
                    relation.tuning.replica_identity.letter().into()
                }
                Entry::User(_) | Entry::Index(..) | Entry::System(_) | Entry::Composite(_) => {
                    'n'.into()
                }
            }),
            ("relacl", &|entry| match entry {
                Entry::System(relation) => system_acl(snapshot, relation),
                Entry::User(relation) => acl(snapshot, relation.acl.as_ref()),
                Entry::Index(..) | Entry::Composite(_) => Value::Null,
            }),
        ],
    )
}

/// Parameters as the catalogs have them.
pub(super) fn options(parameters: &Parameters) -> Value {
    if parameters.is_empty() {
        return Value::Null;
    }
    let options = parameters.iter();
    let options = options.map(|(name, value)| format!("{name}={value}"));
    options.collect::<Vec<_>>().into()
}

/// A relation's parameters.
fn options_of(relation: &Relation) -> Value {
    let mut parameters = relation.tuning.parameters.clone();
    let kept_apart = relation.view().and_then(|view| view.check_option);
    if let Some(option) = kept_apart
        && parameters.iter().all(|(name, _)| name != "check_option")
    {
        let option = match option {
            CheckOption::Local => "local",
            CheckOption::Cascaded => "cascaded",
        };
        parameters.push(("check_option".to_owned(), option.to_owned()));
    }
    options(&parameters)
}

/// Rows of a table, from its segments.
pub fn relation_rows(relation: &Relation) -> u64 {
    relation.segments().iter().map(|segment| segment.rows).sum()
}

/// Bytes of a table, from its segments.
pub fn relation_bytes(relation: &Relation) -> u64 {
    relation
        .segments()
        .iter()
        .map(|segment| segment.bytes)
        .sum()
}

/// A default as PostgreSQL prints it: a bare text literal says its type. Sequences stand under
/// their OIDs; `pg_get_expr` names them.
fn default_of(context: &StatementContext, column: &Column) -> Option<String> {
    if let Some(expression) = column.expression() {
        return Some(expression.to_owned());
    }
    let default = column.default.as_deref()?;
    Some(shown_default(context, default, column.ty))
}

/// The default of a column or domain of type `of`, printed.
pub(super) fn shown_default(context: &StatementContext, default: &str, of: PgType) -> String {
    let inner = default
        .strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''));
    let literal = inner.is_some_and(|inner| !inner.replace("''", "").contains('\''));
    if literal {
        let ty = crate::pg_catalog::names::written(context, of.plain());
        format!("{default}::{ty}")
    } else {
        default.to_owned()
    }
}

/// Users' columns with a default.
pub(super) fn defaults(context: &StatementContext) -> Vec<(Oid, i16, String)> {
    context
        .snapshot
        .relations()
        .flat_map(|relation| {
            relation.columns.iter().filter_map(|column| {
                let default = default_of(context, column)?;
                Some((relation.oid, column.attnum, default))
            })
        })
        .collect()
}

pub(super) fn pg_attrdef(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    build::<(Oid, i16, String)>(
        relation,
        &defaults(context),
        &[
            ("oid", &|(relation, attnum, _)| {
                derived_oid(*relation, *attnum).into()
            }),
            ("adrelid", &|(relation, _, _)| (*relation).into()),
            ("adnum", &|(_, attnum, _)| (*attnum).into()),
            // The expression's text stands for PostgreSQL's node tree: pg_get_expr() gives it back.
            ("adbin", &|(_, _, default)| default.into()),
        ],
    )
}

/// The view a rule of [`pg_rewrite`] makes, by the rule's OID.
pub fn view_of_rule(snapshot: &Snapshot, rule: Oid) -> Option<Oid> {
    let own = Oid((rule.0 & 0x7fff_ffff) >> 11);
    let is_view = |oid: Oid| match snapshot.relation(oid) {
        Some(relation) => relation.view().is_some(),
        None => layout::by_oid(oid).is_some_and(|relation| relation.kind == 'v'),
    };
    (derived_oid(own, 0) == rule && is_view(own)).then_some(own)
}

pub(super) fn pg_rewrite(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let views: Vec<Oid> = Entry::all(&context.snapshot)
        .iter()
        .filter(|entry| matches!(entry.kind(), 'v' | 'm'))
        .map(Entry::oid)
        .collect();
    build::<Oid>(
        relation,
        &views,
        &[
            ("oid", &|view| derived_oid(*view, 0).into()),
            ("rulename", &|_| "_RETURN".into()),
            ("ev_class", &|view| (*view).into()),
            ("ev_type", &|_| '1'.into()),
            ("ev_enabled", &|_| 'O'.into()),
            ("is_instead", &|_| true.into()),
        ],
    )
}

/// Comments: (object, class, column, text). Those of roles and the database are in
/// `pg_shdescription`.
pub fn descriptions(snapshot: &Snapshot) -> Vec<(Oid, Oid, i16, String)> {
    let plpgsql = "PL/pgSQL procedural language".to_owned();
    let mut rows = vec![(Oid(13559), super::dependencies::PG_EXTENSION, 0, plpgsql)];
    for schema in snapshot.schemas() {
        if let Some(comment) = &schema.comment {
            rows.push((schema.oid, PG_NAMESPACE, 0, comment.clone()));
        }
    }
    for ty in snapshot.types() {
        if let Some(comment) = &ty.comment {
            rows.push((ty.oid, PG_TYPE, 0, comment.clone()));
        }
        if let Some(composite) = ty.composite() {
            for attribute in &composite.attributes {
                let comment = attribute.comment.iter().cloned();
                let row = |text| (composite.relation, PG_CLASS, attribute.attnum, text);
                rows.extend(comment.map(row));
            }
        }
        let checks = ty.domain().map_or(&[][..], |domain| &domain.checks);
        for check in checks {
            let comment = check.comment.iter();
            rows.extend(comment.map(|text| (check.oid, PG_CONSTRAINT, 0, text.clone())));
        }
    }
    for object in snapshot.large_objects() {
        let comment = object.comment.iter();
        rows.extend(comment.map(|text| (object.oid, PG_LARGEOBJECT, 0, text.clone())));
    }
    for routine in snapshot.routines() {
        if let Some(comment) = &routine.comment {
            rows.push((routine.oid, PG_PROC, 0, comment.clone()));
        }
    }
    rows.extend(super::definitions::comments(snapshot));
    for relation in snapshot.relations() {
        if let Some(comment) = &relation.comment {
            rows.push((relation.oid, PG_CLASS, 0, comment.clone()));
        }
        for (oid, comment) in &relation.constraints.comments {
            let index = relation.constraints.indexes.iter().any(|i| i.oid == *oid);
            let class = if index { PG_CLASS } else { PG_CONSTRAINT };
            rows.push((*oid, class, 0, comment.clone()));
        }
        for policy in &relation.row_security.policies {
            let comment = policy.comment.iter();
            rows.extend(comment.map(|text| (policy.oid, PG_POLICY, 0, text.clone())));
        }
        for trigger in &relation.triggers {
            let comment = trigger.comment.iter();
            rows.extend(comment.map(|text| (trigger.oid, PG_TRIGGER, 0, text.clone())));
        }
        for column in &relation.columns {
            if let Some(comment) = &column.comment {
                rows.push((relation.oid, PG_CLASS, column.attnum, comment.clone()));
            }
        }
    }
    rows
}

pub(super) fn pg_description(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    build::<(Oid, Oid, i16, String)>(
        relation,
        &descriptions(&context.snapshot),
        &[
            ("objoid", &|row| row.0.into()),
            ("classoid", &|row| row.1.into()),
            ("objsubid", &|row| row.2.into()),
            ("description", &|row| (&row.3).into()),
        ],
    )
}

pub(super) fn pg_foreign_data_wrapper(
    relation: &SystemRelation,
    _: &StatementContext,
) -> Result<RecordBatch> {
    build::<()>(
        relation,
        &[()],
        &[
            ("oid", &|()| FILES_WRAPPER.into()),
            ("fdwname", &|()| "files".into()),
            ("fdwowner", &|()| Oid::SUPERUSER.into()),
        ],
    )
}

/// PL/pgSQL, and what is beside PostgreSQL: the schema `commons` and the foreign server for files.
pub(super) fn pg_extension(relation: &SystemRelation, _: &StatementContext) -> Result<RecordBatch> {
    let version = env!("CARGO_PKG_VERSION");
    let own = (EXTENSION, "commons", Oid::COMMONS_SCHEMA, version);
    build::<(Oid, &'static str, Oid, &'static str)>(
        relation,
        &[(Oid(13559), "plpgsql", Oid::PG_CATALOG, "1.0"), own],
        &[
            ("oid", &|row| row.0.into()),
            ("extname", &|row| row.1.into()),
            ("extowner", &|_| Oid::SUPERUSER.into()),
            ("extnamespace", &|row| row.2.into()),
            ("extversion", &|row| row.3.into()),
        ],
    )
}

pub(super) fn pg_foreign_server(
    relation: &SystemRelation,
    _: &StatementContext,
) -> Result<RecordBatch> {
    build::<()>(
        relation,
        &[()],
        &[
            ("oid", &|()| FILES_SERVER.into()),
            ("srvname", &|()| "files".into()),
            ("srvowner", &|()| Oid::SUPERUSER.into()),
            ("srvfdw", &|()| FILES_WRAPPER.into()),
        ],
    )
}

pub(super) fn pg_foreign_table(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let tables: Vec<(Oid, Vec<String>)> = context
        .snapshot
        .relations()
        .filter_map(|relation| match &relation.kind {
            RelationKind::Foreign { options, .. } => Some((
                relation.oid,
                options
                    .iter()
                    .map(|(key, value)| format!("{key}={value}"))
                    .collect(),
            )),
            RelationKind::Table { .. }
            | RelationKind::View(_)
            | RelationKind::Materialized { .. }
            | RelationKind::Sequence(_) => None,
        })
        .collect();
    build::<(Oid, Vec<String>)>(
        relation,
        &tables,
        &[
            ("ftrelid", &|(oid, _)| (*oid).into()),
            ("ftserver", &|_| FILES_SERVER.into()),
            ("ftoptions", &|(_, options)| options.clone().into()),
        ],
    )
}
