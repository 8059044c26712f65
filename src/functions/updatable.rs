//! What may be done to relations: `pg_relation_is_updatable`, `pg_column_is_updatable`.

use std::collections::BTreeSet;

use super::call::short::{BOOL, INT, REGCLASS};
use super::call::{Call, functions};
use crate::base::{Oid, Result};
use crate::catalog::{RelationKind, TriggerEvent};
use crate::statement::StatementContext;
use crate::types::PgType;

/// The bits of what may be done, as these functions give them.
const INSERT: i64 = 8;
const UPDATE: i64 = 4;
const DELETE: i64 = 16;

functions! { pub(super) LIST:
    "pg_relation_is_updatable" Stable {
        (REGCLASS, BOOL) -> PgType::INT4, strict, |call, row| {
            Ok(events(call.context, relation(call, row)?, call.bool(1, row).unwrap_or(false)).into())
        };
    }
    "pg_column_is_updatable" Stable {
        (REGCLASS, INT, BOOL) -> PgType::BOOL, strict, |call, row| {
            let attnum = call.int(1, row).and_then(|attnum| i16::try_from(attnum).ok());
            let Some(attnum) = attnum.filter(|attnum| *attnum > 0) else {
                return Ok(false.into());
            };
            let triggers = call.bool(2, row).unwrap_or(false);
            let of = Some(BTreeSet::from([attnum]));
            let events = events_of(call.context, relation(call, row)?, triggers, of);
            Ok((events & (UPDATE | DELETE) == UPDATE | DELETE).into())
        };
    }
}

fn relation(call: &Call<'_>, row: usize) -> Result<Oid> {
    Ok(call.oid(0, row)?.unwrap_or(Oid::INVALID))
}

fn events(context: &StatementContext, relation: Oid, triggers: bool) -> i64 {
    events_of(context, relation, triggers, None)
}

/// What may be done to a relation, or to columns of it; `triggers` says whether what INSTEAD OF
/// triggers do counts.
fn events_of(
    context: &StatementContext,
    relation: Oid,
    triggers: bool,
    columns: Option<BTreeSet<i16>>,
) -> i64 {
    let Some(relation) = context.snapshot.relation(relation) else {
        return 0;
    };
    if matches!(relation.kind, RelationKind::Table { .. }) {
        return INSERT | UPDATE | DELETE;
    }
    let done = [
        (TriggerEvent::Insert, INSERT),
        (TriggerEvent::Update, UPDATE),
        (TriggerEvent::Delete, DELETE),
    ];
    let done = done.into_iter().filter(|(event, _)| {
        triggers && relation.view().is_some() && relation.is_done_instead(*event)
    });
    let done: i64 = done.map(|(_, bit)| bit).sum();
    let Some(base) = (context.view_base)(context, relation) else {
        return done;
    };
    let named = base.columns.iter();
    let named = named.filter(|(of, _)| columns.as_ref().is_none_or(|some| some.contains(of)));
    let named: BTreeSet<i16> = named.map(|(_, base)| *base).collect();
    let own = match named.is_empty() {
        true => DELETE,
        false => INSERT | UPDATE | DELETE,
    };
    done | own & events_of(context, base.relation, triggers, Some(named))
}
