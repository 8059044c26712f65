//! The operators and casts users made.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::build;
use super::dependencies::{Dependency, PG_PROC};
use super::objects::{PG_CLASS, PG_NAMESPACE, PG_TYPE};
use crate::base::{Oid, Result};
use crate::catalog::{
    Cast, CastMethod, Definition, DefinitionBody, Operator, Snapshot, Statistics,
};
use crate::pg_catalog::{SystemRelation, Value};
use crate::statement::StatementContext;

/// `pg_operator`'s OID.
const PG_OPERATOR: Oid = Oid(2617);
/// `pg_statistic_ext`'s OID.
const PG_STATISTIC_EXT: Oid = Oid(3381);
/// `pg_cast`'s OID.
const PG_CAST: Oid = Oid(2605);

/// COMMENT ON them, as `pg_description` has it.
pub(super) fn comments(snapshot: &Snapshot) -> impl Iterator<Item = (Oid, Oid, i16, String)> + '_ {
    snapshot
        .definitions()
        .filter_map(|of| Some((of.oid, class_of(of), 0, of.comment.clone()?)))
}

/// The catalog a definition is in.
fn class_of(of: &Definition) -> Oid {
    match of.body {
        DefinitionBody::Operator(_) => PG_OPERATOR,
        DefinitionBody::Cast(_) => PG_CAST,
        DefinitionBody::Statistics(_) => PG_STATISTIC_EXT,
    }
}

fn some(oid: Option<Oid>) -> Value {
    oid.unwrap_or(Oid::INVALID).into()
}

pub(super) fn pg_operator(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Made<'a> = (&'a Arc<Definition>, &'a Operator);
    let made: Vec<Made<'_>> = context.snapshot.operators().collect();
    build::<Made<'_>>(
        relation,
        &made,
        &[
            ("oid", &|(of, _)| of.oid.into()),
            ("oprname", &|(of, _)| (&of.name).into()),
            ("oprnamespace", &|(of, _)| of.schema.into()),
            ("oprowner", &|(of, _)| of.owner.into()),
            ("oprkind", &|(_, operator)| match operator.left {
                Some(_) => 'b'.into(),
                None => 'l'.into(),
            }),
            ("oprcanmerge", &|(_, operator)| operator.merges.into()),
            ("oprcanhash", &|(_, operator)| operator.hashes.into()),
            ("oprleft", &|(_, operator)| some(operator.left)),
            ("oprright", &|(_, operator)| operator.right.into()),
            ("oprresult", &|(_, operator)| {
                some(operator.function.map(|(_, gives)| gives))
            }),
            ("oprcom", &|(_, operator)| some(operator.commutator)),
            ("oprnegate", &|(_, operator)| some(operator.negator)),
            ("oprcode", &|(_, operator)| {
                some(operator.function.map(|(function, _)| function))
            }),
            ("oprrest", &|(_, operator)| some(operator.restrict)),
            ("oprjoin", &|(_, operator)| some(operator.join)),
        ],
    )
}

pub(super) fn pg_cast(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Made<'a> = (&'a Arc<Definition>, &'a Cast);
    let made: Vec<Made<'_>> = context.snapshot.casts().collect();
    build::<Made<'_>>(
        relation,
        &made,
        &[
            ("oid", &|(of, _)| of.oid.into()),
            ("castsource", &|(_, cast)| cast.source.into()),
            ("casttarget", &|(_, cast)| cast.target.into()),
            ("castfunc", &|(_, cast)| match cast.method {
                CastMethod::Function(function) => function.into(),
                CastMethod::Binary | CastMethod::InOut => Oid::INVALID.into(),
            }),
            ("castcontext", &|(_, cast)| cast.made.letter().into()),
            ("castmethod", &|(_, cast)| cast.method.letter().into()),
        ],
    )
}

pub(super) fn pg_statistic_ext(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    type Made<'a> = (&'a Arc<Definition>, &'a Statistics);
    let all = context.snapshot.definitions();
    let made: Vec<Made<'_>> = all.filter_map(|of| Some((of, of.statistics()?))).collect();
    build::<Made<'_>>(
        relation,
        &made,
        &[
            ("oid", &|(of, _)| of.oid.into()),
            ("stxrelid", &|(_, statistics)| statistics.relation.into()),
            ("stxname", &|(of, _)| (&of.name).into()),
            ("stxnamespace", &|(of, _)| of.schema.into()),
            ("stxowner", &|(of, _)| of.owner.into()),
            ("stxstattarget", &|(_, statistics)| statistics.target.into()),
            ("stxkeys", &|(_, statistics)| {
                let columns = statistics.columns.iter();
                Value::List(columns.map(|attnum| Value::Int((*attnum).into())).collect())
            }),
            ("stxkind", &|(_, statistics)| {
                let kinds = statistics.kinds.iter();
                Value::List(kinds.map(|kind| kind.letter().into()).collect())
            }),
        ],
    )
}

/// What they stand on.
pub(super) fn dependencies(snapshot: &Snapshot) -> Vec<Dependency> {
    let mut rows = Vec::new();
    for of in snapshot.definitions() {
        let class = class_of(of);
        if of.schema != Oid::INVALID {
            rows.push((class, of.oid, PG_NAMESPACE, of.schema, 0, 'n'));
        }
        if let Some(statistics) = of.statistics() {
            let table = statistics.relation;
            let columns = statistics.columns.iter();
            rows.extend(columns.map(|attnum| (class, of.oid, PG_CLASS, table, *attnum, 'a')));
        }
        let types: BTreeSet<Oid> = of.types().into_iter().collect();
        let functions: BTreeSet<Oid> = of.functions().into_iter().collect();
        let on = types.into_iter().map(|ty| (PG_TYPE, ty));
        let on = on.chain(functions.into_iter().map(|function| (PG_PROC, function)));
        let on = on.filter(|(_, oid)| !oid.is_system());
        rows.extend(on.map(|(to, oid)| (class, of.oid, to, oid, 0, 'n')));
    }
    rows
}
