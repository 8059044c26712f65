//! Who is connected, and what they run.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::{Value, build};
use crate::base::{Oid, Result};
use crate::database::{AdvisoryLock, advisory_mode_name};
use crate::observe::status::Doing;
use crate::observe::{Activity, Transfer};
use crate::pg_catalog::SystemRelation;
use crate::privileges::has_privileges_of;
use crate::statement::StatementContext;

/// `pg_read_all_stats`: its members see what everybody runs.
const PG_READ_ALL_STATS: Oid = Oid(3375);

/// A session with what it does, and whether the asking role may know.
struct Seen {
    activity: Arc<Activity>,
    doing: Doing,
    visible: bool,
}

fn seen(context: &StatementContext) -> Vec<Seen> {
    let snapshot = &context.snapshot;
    let all = has_privileges_of(snapshot, context.role, PG_READ_ALL_STATS);
    let mut sessions: Vec<_> = context
        .sessions
        .all()
        .into_iter()
        .map(|activity| Seen {
            doing: activity.doing(),
            visible: all || has_privileges_of(snapshot, context.role, activity.role),
            activity,
        })
        .collect();
    sessions.sort_by_key(|seen| seen.activity.id);
    sessions
}

/// The advisory locks; those of tables are nobody's business but the writer's.
pub(super) fn pg_locks(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    build::<AdvisoryLock>(
        relation,
        &context.database.advisory().all(),
        &[
            ("locktype", &|_| "advisory".into()),
            ("database", &|_| Oid::DATABASE.into()),
            ("classid", &|lock| Oid(lock.key.class).into()),
            ("objid", &|lock| Oid(lock.key.object).into()),
            ("objsubid", &|lock| i32::from(lock.key.kind).into()),
            ("virtualtransaction", &|lock| {
                format!("{}/0", lock.session).into()
            }),
            ("pid", &|lock| lock.session.0.into()),
            ("mode", &|lock| advisory_mode_name(lock.exclusive).into()),
            ("granted", &|lock| lock.granted.into()),
            ("fastpath", &|_| false.into()),
        ],
    )
}

pub(super) fn pg_stat_activity(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let database = context.snapshot.database().name.clone();
    // What another role's session does is nobody else's business; that it is there, is.
    let hidden = |seen: &Seen, value: Value| if seen.visible { value } else { Value::Null };
    let time = |micros: Option<i64>| micros.map_or(Value::Null, Value::Time);
    build::<Seen>(
        relation,
        &seen(context),
        &[
            ("datid", &|_| Oid::DATABASE.into()),
            ("datname", &|_| (&database).into()),
            ("pid", &|seen| seen.activity.id.0.into()),
            ("usesysid", &|seen| seen.activity.role.into()),
            ("usename", &|seen| {
                context.snapshot.role_name(seen.activity.role).into()
            }),
            ("application_name", &|seen| {
                (&seen.doing.application_name).into()
            }),
            ("client_addr", &|seen| {
                let address = seen.activity.client.map(|peer| peer.ip().to_string());
                hidden(seen, address.into())
            }),
            ("client_port", &|seen| {
                let port = seen.activity.client.map(|peer| i32::from(peer.port()));
                hidden(seen, port.into())
            }),
            ("backend_start", &|seen| {
                hidden(seen, Value::Time(seen.activity.backend_start))
            }),
            ("xact_start", &|seen| {
                hidden(seen, time(seen.doing.xact_start))
            }),
            ("query_start", &|seen| {
                hidden(seen, time(seen.doing.query_start))
            }),
            ("state_change", &|seen| {
                hidden(seen, Value::Time(seen.doing.state_change))
            }),
            ("wait_event_type", &|seen| {
                let kind = seen.doing.wait_event.map(|event| match event {
                    "Lock" => "Lock",
                    "Client" | "ClientRead" | "ClientWrite" => "Client",
                    _ => "IPC",
                });
                hidden(seen, kind.into())
            }),
            ("wait_event", &|seen| {
                hidden(seen, seen.doing.wait_event.into())
            }),
            ("state", &|seen| {
                hidden(seen, seen.doing.state.as_str().into())
            }),
            ("query", &|seen| match seen.visible {
                true => (&seen.doing.query).into(),
                false => "<insufficient privilege>".into(),
            }),
            ("backend_type", &|_| "client backend".into()),
        ],
    )
}

/// COPY as in PostgreSQL, and the reading of text files, which is how files are loaded here.
pub(super) fn pg_stat_progress_copy(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let database = context.snapshot.database().name.clone();
    let moving: Vec<(Seen, Arc<Transfer>)> = seen(context)
        .into_iter()
        .filter_map(|seen| seen.doing.transfer.clone().map(|transfer| (seen, transfer)))
        .collect();
    type Moving = (Seen, Arc<Transfer>);
    let hidden = |(seen, _): &Moving, value: Value| match seen.visible {
        true => value,
        false => Value::Null,
    };
    let count = |count: u64| i64::try_from(count).unwrap_or(i64::MAX).into();
    build::<Moving>(
        relation,
        &moving,
        &[
            ("pid", &|(seen, _)| seen.activity.id.0.into()),
            ("datid", &|_| Oid::DATABASE.into()),
            ("datname", &|_| (&database).into()),
            ("relid", &|it| hidden(it, it.1.relation.into())),
            ("command", &|it| hidden(it, it.1.kind.command().into())),
            ("type", &|it| hidden(it, it.1.kind.medium().into())),
            ("bytes_processed", &|it| hidden(it, count(it.1.bytes()))),
            ("bytes_total", &|it| hidden(it, count(it.1.bytes_total()))),
            ("tuples_processed", &|it| hidden(it, count(it.1.rows()))),
            ("tuples_excluded", &|it| hidden(it, count(0))),
        ],
    )
}

pub(super) fn pg_stat_ssl(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    // Version and cipher are the connection's own business and not kept here.
    build::<Seen>(
        relation,
        &seen(context),
        &[
            ("pid", &|seen| seen.activity.id.0.into()),
            ("ssl", &|seen| seen.activity.tls.into()),
        ],
    )
}
