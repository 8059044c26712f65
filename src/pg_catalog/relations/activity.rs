//! Who is connected, and what they run.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::{Value, build, concat};
use crate::base::{Oid, Result};
use crate::database::{AdvisoryLock, Lock, advisory_mode_name};
use crate::observe::status::Doing;
use crate::observe::{Activity, Transfer};
use crate::pg_catalog::SystemRelation;
use crate::privileges::has_privileges_of;
use crate::statement::{Cursor, PreparedStatement, StatementContext};

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
                let address = seen.activity.client.map(|peer| peer.ip());
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

/// Connections are never authenticated or encrypted by GSSAPI.
pub(super) fn pg_stat_gssapi(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    build::<Seen>(
        relation,
        &seen(context),
        &[
            ("pid", &|seen| seen.activity.id.0.into()),
            ("gss_authenticated", &|_| false.into()),
            ("encrypted", &|_| false.into()),
        ],
    )
}

/// The database and its connections, after what belongs to no database. Nothing else is counted.
pub(super) fn pg_stat_database(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let database = context.snapshot.database().name.clone();
    let connections = i64::try_from(context.sessions.count()).unwrap_or(i64::MAX);
    let mut columns: Vec<(&str, Value, Value)> = vec![
        ("datid", 0.into(), Oid::DATABASE.into()),
        ("datname", Value::Null, (&database).into()),
        ("numbackends", 0.into(), connections.into()),
    ];
    for column in relation.columns.iter().skip(columns.len()) {
        let none = match column.name.as_str() {
            "checksum_failures" | "checksum_last_failure" | "stats_reset" => Value::Null,
            _ => Value::zero(column.ty),
        };
        columns.push((&column.name, none.clone(), none));
    }
    type Reader<'a> = Box<dyn Fn(&bool) -> Value + 'a>;
    let readers: Vec<(&str, Reader<'_>)> = columns
        .iter()
        .map(|(name, shared, own)| {
            let read = |is_own: &bool| if *is_own { own.clone() } else { shared.clone() };
            (*name, Box::new(read) as Reader<'_>)
        })
        .collect();
    let borrowed: Vec<super::Column<'_, bool>> = readers
        .iter()
        .map(|(name, read)| (*name, read.as_ref() as _))
        .collect();
    build(relation, &[false, true], &borrowed)
}

/// Locks on tables and advisory ones: who holds them, and who waits.
pub(super) fn pg_locks(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let tables = table_locks(relation, context)?;
    concat(&[tables, advisory_locks(relation, context)?])
}

/// The advisory locks.
fn advisory_locks(relation: &SystemRelation, context: &StatementContext) -> Result<RecordBatch> {
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

/// The locks on tables.
fn table_locks(relation: &SystemRelation, context: &StatementContext) -> Result<RecordBatch> {
    build::<Lock>(
        relation,
        &context.database.locks().all(),
        &[
            ("locktype", &|_| "relation".into()),
            ("database", &|_| Oid::DATABASE.into()),
            ("relation", &|lock| lock.table.into()),
            ("virtualtransaction", &|lock| {
                format!("{}/{}", lock.session.0, lock.transaction).into()
            }),
            ("pid", &|lock| lock.session.0.into()),
            ("mode", &|lock| lock.mode.name().into()),
            ("granted", &|lock| lock.granted.into()),
            ("fastpath", &|_| false.into()),
        ],
    )
}

/// The session's own prepared statements.
pub(super) fn pg_prepared_statements(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let rows: Vec<_> = context.prepared.iter().collect();
    build::<(&String, &PreparedStatement)>(
        relation,
        &rows,
        &[
            ("name", &|row| row.0.into()),
            ("statement", &|row| (&row.1.text).into()),
            ("prepare_time", &|row| Value::Time(row.1.time)),
            ("parameter_types", &|row| {
                let types = row.1.parameters.iter().map(|oid| Value::from(*oid));
                Value::List(types.collect())
            }),
            ("from_sql", &|row| row.1.from_sql.into()),
            // Plans are bound once, without the values of parameters.
            ("generic_plans", &|_| 0.into()),
            ("custom_plans", &|_| 0.into()),
        ],
    )
}

/// The session's own cursors.
pub(super) fn pg_cursors(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let rows: Vec<_> = context.cursors.iter().collect();
    build::<(&String, &Cursor)>(
        relation,
        &rows,
        &[
            ("name", &|row| row.0.into()),
            ("statement", &|row| (&row.1.text).into()),
            ("is_holdable", &|row| row.1.holdable.into()),
            ("is_binary", &|row| row.1.binary.into()),
            ("is_scrollable", &|row| row.1.scrollable.into()),
            ("creation_time", &|row| Value::Time(row.1.time)),
        ],
    )
}
