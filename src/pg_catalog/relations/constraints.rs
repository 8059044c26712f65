//! Indexes, constraints and sequences.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::types::build_in;
use super::{Value, access, build};
use crate::base::{Oid, Result};
use crate::catalog::user_type::DomainCheck;
use crate::catalog::{
    Check, Column, ForeignKey, Index, IndexPart, IndexedBy, Inherited, Relation, ReplicaIdentity,
    Sequence, Snapshot, Timing, UserType,
};
use crate::pg_catalog::SystemRelation;
use crate::statement::StatementContext;
use crate::types::PgType;

/// An index and its table.
type Indexed = (Arc<Relation>, Index);

/// Every index.
pub(super) fn indexes(snapshot: &Snapshot) -> Vec<Indexed> {
    snapshot
        .relations()
        .flat_map(|relation| {
            let indexes = relation.constraints.indexes.iter().cloned();
            indexes.map(|index| (relation.clone(), index))
        })
        .collect()
}

pub(super) fn pg_index(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let numbers = |values: Vec<i64>| Value::List(values.into_iter().map(Value::Int).collect());
    let keys = |(_, index): &Indexed| -> Vec<i64> {
        let parts = index.parts.iter().map(|part| match part.of {
            IndexedBy::Column(attnum) => i64::from(attnum),
            IndexedBy::Expression(_) => 0,
        });
        parts
            .chain(index.include.iter().map(|attnum| i64::from(*attnum)))
            .collect()
    };
    let count = |count: usize| Value::Int(i64::try_from(count).unwrap_or(i64::MAX));
    build::<Indexed>(
        relation,
        &indexes(&context.snapshot),
        &[
            ("indexrelid", &|(_, index)| index.oid.into()),
            ("indrelid", &|(table, _)| table.oid.into()),
            ("indnatts", &|(_, index)| {
                count(index.parts.len() + index.include.len())
            }),
            ("indnkeyatts", &|(_, index)| count(index.parts.len())),
            ("indisunique", &|(_, index)| index.unique.into()),
            ("indnullsnotdistinct", &|(_, index)| {
                index.nulls_not_distinct.into()
            }),
            ("indisprimary", &|(_, index)| index.primary.into()),
            ("indimmediate", &|(_, index)| {
                (!index.timing.is_deferrable()).into()
            }),
            ("indisclustered", &|(table, index)| {
                (table.tuning.clustered_on == Some(index.oid)).into()
            }),
            ("indisreplident", &|(table, index)| {
                let identity = table.tuning.replica_identity;
                (identity == ReplicaIdentity::Index(index.oid)).into()
            }),
            ("indisvalid", &|(_, index)| (!index.invalid).into()),
            ("indisready", &|_| true.into()),
            ("indislive", &|_| true.into()),
            ("indkey", &|of| numbers(keys(of))),
            ("indcollation", &|of| {
                let (table, index) = of;
                let collation = |(attnum, part): (i64, &IndexPart)| {
                    let column = table.columns.iter().find(|c| i64::from(c.attnum) == attnum);
                    let own = part.collation.or(column.and_then(|c| c.collation));
                    let of_type = |c: &Column| build_in(c.ty.oid).collation;
                    let found = own.or(column.map(of_type)).unwrap_or(Oid::INVALID);
                    i64::from(found.0)
                };
                numbers(
                    keys(of)
                        .into_iter()
                        .zip(&index.parts)
                        .map(collation)
                        .collect(),
                )
            }),
            ("indclass", &|(table, index)| {
                let method = access::method(&index.method);
                let class = |part: &IndexPart| {
                    let ty = match part.of {
                        IndexedBy::Column(attnum) => {
                            let column = table.columns.iter().find(|c| c.attnum == attnum);
                            column.map(|column| column.ty)
                        }
                        IndexedBy::Expression(_) => part.ty,
                    };
                    let class = ty.map(|ty| match &part.operators {
                        Some(name) => access::class_named(method, ty, name),
                        None => access::default_class(method, ty),
                    });
                    class.map_or(0, |class| i64::from(class.0))
                };
                numbers(index.parts.iter().map(class).collect())
            }),
            ("indoption", &|(_, index)| {
                let options = index
                    .parts
                    .iter()
                    .map(|part| i64::from(part.descending) + 2 * i64::from(part.nulls_first));
                numbers(options.collect())
            }),
            ("indexprs", &|(_, index)| {
                let expressions: Vec<&str> = index
                    .parts
                    .iter()
                    .filter_map(|part| match &part.of {
                        IndexedBy::Column(_) => None,
                        IndexedBy::Expression(text) => Some(text.as_str()),
                    })
                    .collect();
                match expressions.as_slice() {
                    [] => Value::Null,
                    some => some.join(", ").into(),
                }
            }),
            ("indpred", &|(_, index)| index.predicate.clone().into()),
        ],
    )
}

/// A constraint and its table.
pub(super) enum Constraint {
    Key(Arc<Relation>, Index, Oid),
    Check(Arc<Relation>, Check),
    Foreign(Arc<Relation>, ForeignKey),
    Domain(Arc<UserType>, DomainCheck),
}

impl Constraint {
    fn table(&self) -> Option<&Relation> {
        match self {
            Self::Key(table, ..) | Self::Check(table, _) | Self::Foreign(table, _) => Some(table),
            Self::Domain(..) => None,
        }
    }

    fn schema(&self) -> Oid {
        match self {
            Self::Key(table, ..) | Self::Check(table, _) | Self::Foreign(table, _) => table.schema,
            Self::Domain(domain, _) => domain.schema,
        }
    }

    fn oid(&self) -> Oid {
        match self {
            Self::Key(_, _, oid) => *oid,
            Self::Check(_, check) => check.oid,
            Self::Foreign(_, key) => key.oid,
            Self::Domain(_, check) => check.oid,
        }
    }

    /// How it came to be.
    fn inherited(&self) -> Inherited {
        let table = self.table();
        table.map_or(Inherited::LOCAL, |table| {
            table.family.constraint(self.oid())
        })
    }

    /// The constraint of a partitioned table that it is a part of.
    fn part_of(&self) -> Option<Oid> {
        let table = self.table()?;
        let own = table.family.parts_of.get(&self.oid()).copied();
        own.or_else(|| {
            let mut parts = table.constraints.key_parts();
            let part = parts.find(|part| part.oid == self.oid())?;
            Some(part.part_of)
        })
    }

    fn timing(&self) -> Timing {
        match self {
            Self::Key(_, index, _) => index.timing,
            Self::Check(..) | Self::Domain(..) => Timing::NotDeferrable,
            Self::Foreign(_, key) => key.timing,
        }
    }

    fn columns(&self) -> Vec<i16> {
        match self {
            Self::Key(_, index, _) => index.columns().collect(),
            Self::Check(_, check) => check.columns.clone(),
            Self::Foreign(_, key) => key.columns.clone(),
            Self::Domain(..) => Vec::new(),
        }
    }
}

fn constraints(snapshot: &Snapshot) -> Vec<Constraint> {
    let mut all = Vec::new();
    for relation in snapshot.relations() {
        for index in &relation.constraints.indexes {
            if let Some(oid) = index.constraint {
                all.push(Constraint::Key(relation.clone(), index.clone(), oid));
            }
        }
        for check in &relation.constraints.checks {
            all.push(Constraint::Check(relation.clone(), check.clone()));
        }
        for key in &relation.constraints.foreign {
            all.push(Constraint::Foreign(relation.clone(), key.clone()));
            // Partitions' parts of the key have none of their own.
            if relation.family.parts_of.contains_key(&key.oid) {
                continue;
            }
            let parts = key.parts.iter().filter_map(|(table, part)| {
                let key = ForeignKey {
                    oid: part.oid,
                    ..key.to(*table)?.into_owned()
                };
                Some(Constraint::Foreign(relation.clone(), key))
            });
            all.extend(parts);
        }
    }
    for ty in snapshot.types() {
        let checks = ty.domain().map_or(&[][..], |domain| &domain.checks);
        let checks = checks.iter().cloned();
        all.extend(checks.map(|check| Constraint::Domain(ty.clone(), check)));
    }
    all
}

pub(super) fn pg_constraint(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let attnums =
        |columns: &[i16]| Value::List(columns.iter().map(|a| Value::Int((*a).into())).collect());
    let foreign = |of: &Constraint, read: &dyn Fn(&ForeignKey) -> Value, otherwise: Value| match of
    {
        Constraint::Foreign(_, key) => read(key),
        Constraint::Key(..) | Constraint::Check(..) | Constraint::Domain(..) => otherwise,
    };
    build::<Constraint>(
        relation,
        &constraints(&context.snapshot),
        &[
            ("oid", &|of| of.oid().into()),
            ("conname", &|of| match of {
                Constraint::Key(_, index, _) => (&index.name).into(),
                Constraint::Check(_, check) => (&check.name).into(),
                Constraint::Foreign(_, key) => (&key.name).into(),
                Constraint::Domain(_, check) => (&check.name).into(),
            }),
            ("connamespace", &|of| of.schema().into()),
            ("contype", &|of| match of {
                Constraint::Key(_, index, _) if index.primary => 'p'.into(),
                Constraint::Key(..) => 'u'.into(),
                Constraint::Check(..) | Constraint::Domain(..) => 'c'.into(),
                Constraint::Foreign(..) => 'f'.into(),
            }),
            ("condeferrable", &|of| of.timing().is_deferrable().into()),
            ("condeferred", &|of| {
                (of.timing() == Timing::Deferred).into()
            }),
            ("convalidated", &|of| match of {
                Constraint::Key(..) => true.into(),
                Constraint::Check(_, check) => (!check.not_valid).into(),
                Constraint::Foreign(_, key) => (!key.not_valid).into(),
                Constraint::Domain(_, check) => (!check.not_valid).into(),
            }),
            ("conrelid", &|of| {
                of.table().map_or(Oid::INVALID, |table| table.oid).into()
            }),
            ("contypid", &|of| match of {
                Constraint::Domain(domain, _) => domain.oid.into(),
                Constraint::Key(..) | Constraint::Check(..) | Constraint::Foreign(..) => {
                    Oid::INVALID.into()
                }
            }),
            ("conindid", &|of| match of {
                Constraint::Key(_, index, _) => index.oid.into(),
                Constraint::Check(..) | Constraint::Domain(..) => Oid::INVALID.into(),
                Constraint::Foreign(_, key) => key.index.into(),
            }),
            ("confrelid", &|of| {
                foreign(of, &|key| key.table.into(), Oid::INVALID.into())
            }),
            ("confupdtype", &|of| {
                foreign(of, &|key| key.on_update.letter().into(), ' '.into())
            }),
            ("confdeltype", &|of| {
                foreign(of, &|key| key.on_delete.letter().into(), ' '.into())
            }),
            ("confmatchtype", &|of| {
                let letter = |key: &ForeignKey| if key.full { 'f' } else { 's' }.into();
                foreign(of, &letter, ' '.into())
            }),
            ("conislocal", &|of| {
                let inherited = of.inherited();
                (of.part_of().is_none() && inherited.local).into()
            }),
            ("coninhcount", &|of| match of.part_of() {
                Some(_) => 1.into(),
                None => of.inherited().count.into(),
            }),
            ("conparentid", &|of| {
                of.part_of().unwrap_or(Oid::INVALID).into()
            }),
            ("connoinherit", &|of| match of {
                _ if of.part_of().is_some() => false.into(),
                Constraint::Foreign(table, _) => (!table.is_partitioned()).into(),
                Constraint::Check(_, check) => check.no_inherit.into(),
                Constraint::Domain(..) => false.into(),
                Constraint::Key(..) => true.into(),
            }),
            ("conkey", &|of| match of.columns().as_slice() {
                [] => Value::Null,
                columns => attnums(columns),
            }),
            ("confkey", &|of| {
                foreign(of, &|key| attnums(&key.references), Value::Null)
            }),
            ("confdelsetcols", &|of| {
                let sets = |key: &ForeignKey| match key.delete_sets.as_slice() {
                    [] => Value::Null,
                    columns => attnums(columns),
                };
                foreign(of, &sets, Value::Null)
            }),
            ("conbin", &|of| match of {
                Constraint::Check(_, check) => (&check.expression).into(),
                Constraint::Domain(_, check) => (&check.expression).into(),
                Constraint::Key(..) | Constraint::Foreign(..) => Value::Null,
            }),
        ],
    )
}

pub(super) fn pg_sequence(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let sequences: Vec<(Oid, Sequence)> = context
        .snapshot
        .relations()
        .filter_map(|relation| Some((relation.oid, relation.sequence()?.clone())))
        .collect();
    build::<(Oid, Sequence)>(
        relation,
        &sequences,
        &[
            ("seqrelid", &|(oid, _)| (*oid).into()),
            ("seqtypid", &|(_, of)| of.ty.oid.into()),
            ("seqstart", &|(_, of)| of.start.into()),
            ("seqincrement", &|(_, of)| of.increment.into()),
            ("seqmax", &|(_, of)| of.max.into()),
            ("seqmin", &|(_, of)| of.min.into()),
            ("seqcache", &|(_, of)| of.cache.into()),
            ("seqcycle", &|(_, of)| of.cycle.into()),
        ],
    )
}

/// An expression as PostgreSQL prints it: sequences by their names.
pub fn named_sequences(context: &StatementContext, default: &str) -> String {
    let mut shown = String::new();
    let mut rest = default;
    while let Some(at) = rest.find("'::regclass") {
        let (head, tail) = rest.split_at(at);
        let start = head.rfind('\'').map_or(0, |quote| quote + 1);
        let oid = head[start..].parse().map(Oid);
        shown.push_str(&head[..start]);
        match oid {
            Ok(oid) => {
                let name = crate::pg_catalog::names::name(context, PgType::REGCLASS, oid);
                let name = name.unwrap_or_else(|| oid.to_string());
                shown.push_str(&name.replace('\'', "''"));
            }
            Err(_) => shown.push_str(&head[start..]),
        }
        let end = "'::regclass".len();
        shown.push_str(&tail[..end]);
        rest = &tail[end..];
    }
    shown.push_str(rest);
    shown
}
