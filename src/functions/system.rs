//! The session and the server: who, where, with which settings; and what a session may do to
//! others.

use std::sync::Arc;

use super::call::short::{ANY, BIGINT, BOOL, INT, OID, TEXT};
use super::call::{Call, functions};
use crate::base::error::Report;
use crate::base::limits::{NAME_BYTES_MAX, NOTIFY_PAYLOAD_BYTES_MAX};
use crate::base::{Error, Oid, Result, SessionId, SqlState};
use crate::observe::Activity;
use crate::pg_catalog::Value;
use crate::privileges::has_privileges_of;
use crate::statement::Effect;
use crate::types::PgType;

/// `pg_signal_backend`: its members may cancel and terminate other roles' sessions.
const PG_SIGNAL_BACKEND: Oid = Oid(4200);

functions! { pub(super) LIST:
    "version" Stable { () -> PgType::TEXT, strict, |call, _| version(call); }
    "commons.version" Immutable { () -> PgType::TEXT, strict, |_, _| Ok(env!("CARGO_PKG_VERSION").into()); }
    "commons.shutdown" Volatile { () -> PgType::BOOL, strict, shutdown; }

    "current_database" Stable { () -> PgType::NAME, strict, database; }
    "current_catalog" Stable { () -> PgType::NAME, strict, database; }
    "current_schema" Stable {
        () -> PgType::NAME, strict, |call, _| {
            let schema = call.context.search_path.creation;
            let schema = schema.and_then(|oid| call.context.snapshot.schema(oid));
            Ok(schema.map(|schema| schema.name.clone()).into())
        };
    }
    "current_schemas" Stable { (BOOL) -> NAMES, strict, current_schemas; }
    "current_user" Stable { () -> PgType::NAME, strict, current_user; }
    "current_role" Stable { () -> PgType::NAME, strict, current_user; }
    "user" Stable { () -> PgType::NAME, strict, current_user; }
    "session_user" Stable {
        () -> PgType::NAME, strict, |call, _| {
            Ok(call.context.snapshot.role_name(call.context.session_role).into())
        };
    }
    "current_setting" Stable {
        (TEXT) -> PgType::TEXT, strict, |call, row| {
            call.context.settings.show(call.must_text(0, row)).map(Value::from)
        };
        (TEXT, BOOL) -> PgType::TEXT, strict, |call, row| {
            match call.context.settings.show(call.must_text(0, row)) {
                Err(error)
                    if error.state() == SqlState::UNDEFINED_OBJECT && call.bool(1, row) == Some(true) =>
                {
                    Ok(Value::Null)
                }
                other => other.map(Value::from),
            }
        };
    }
    "set_config" Volatile { (TEXT, TEXT, BOOL) -> PgType::TEXT, loose, set_config; }

    "current_query" Volatile {
        () -> PgType::TEXT, strict, |call, _| Ok(own(call).map(|own| own.doing().query).into());
    }
    "pg_collation_for" Stable {
        (ANY) -> PgType::TEXT, loose, |call, _| {
            match call.ty(0) {
                Some(ty) if ty.info().category == 'S' && ty.oid != PgType::NAME.oid => Ok("\"default\"".into()),
                Some(ty) if ty.oid == PgType::NAME.oid => Ok("\"C\"".into()),
                Some(ty) => Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("collations are not supported by type {ty}"),
                )),
                None => Ok(Value::Null),
            }
        };
    }
    // Values are not compressed one by one.
    "pg_column_compression" Stable { (ANY) -> PgType::TEXT, strict, |_, _| Ok(Value::Null); }
    "pg_trigger_depth" Stable {
        () -> PgType::INT4, strict, |call, _| Ok(Value::Int(call.context.trigger_depth as i64));
    }
    "pg_notification_queue_usage" Volatile { () -> PgType::FLOAT8, strict, |_, _| Ok(Value::Float(0.0)); }
    "pg_backend_pid" Stable { () -> PgType::INT4, strict, |call, _| Ok(call.context.session.0.into()); }
    "pg_is_in_recovery" Stable { () -> PgType::BOOL, strict, |_, _| Ok(false.into()); }
    "pg_postmaster_start_time" Stable { () -> PgType::TIMESTAMPTZ, strict, started; }
    "pg_conf_load_time" Stable { () -> PgType::TIMESTAMPTZ, strict, started; }
    "pg_jit_available" Stable { () -> PgType::BOOL, strict, |_, _| Ok(false.into()); }
    "inet_client_addr" Stable { () -> PgType::INET, strict, client_address; }
    "inet_client_port" Stable {
        () -> PgType::INT4, strict, |call, _| {
            let peer = own(call).and_then(|activity| activity.client);
            Ok(peer.map(|peer| i32::from(peer.port())).into())
        };
    }
    "txid_current" Stable {
        () -> PgType::INT8, strict, |call, _| {
            Ok(i64::try_from(call.context.snapshot.version().0).unwrap_or(i64::MAX).into())
        };
    }
    "txid_current_if_assigned" Stable { () -> PgType::INT8, strict, |_, _| Ok(Value::Null); }
    "pg_blocking_pids" Stable {
        (INT) -> INTEGERS, strict, |_, _| Ok(Value::List(Vec::new()));
    }
    "pg_stat_get_numscans" Stable { (OID) -> PgType::INT8, strict, |_, _| Ok(0.into()); }
    "pg_stat_get_live_tuples" Stable {
        (OID) -> PgType::INT8, strict, |call, row| {
            let oid = call.oid(0, row)?.unwrap_or(Oid::INVALID);
            let relation = call.context.snapshot.relation(oid);
            let rows = relation.map(|relation| crate::pg_catalog::relations::objects::relation_rows(relation));
            Ok(i64::try_from(rows.unwrap_or(0)).unwrap_or(i64::MAX).into())
        };
    }
    "pg_stat_get_dead_tuples" Stable { (OID) -> PgType::INT8, strict, |_, _| Ok(0.into()); }

    "pg_notify" Volatile { (TEXT, TEXT) -> PgType::VOID, loose, notify; }
    "pg_cancel_backend" Volatile { (INT) -> PgType::BOOL, strict, cancel; }
    "pg_terminate_backend" Volatile {
        (INT) -> PgType::BOOL, strict, terminate;
        (INT, BIGINT) -> PgType::BOOL, strict, terminate;
    }
    "pg_reload_conf" Volatile {
        () -> PgType::BOOL, strict, |_, _| Err(Error::unsupported("pg_reload_conf()"));
    }
}

/// `name[]`
const NAMES: PgType = PgType::of(1003);
/// `integer[]`
const INTEGERS: PgType = PgType::of(1007);

fn version(call: &Call<'_>) -> Result<Value> {
    let server = call.context.settings.show("server_version")?;
    // Clients read the number after "PostgreSQL"; people read the rest.
    let number = server.split_whitespace().next().unwrap_or("15.0");
    Ok(format!(
        "PostgreSQL {number} (commons {}) on {}-{}",
        env!("CARGO_PKG_VERSION"),
        std::env::consts::ARCH,
        std::env::consts::OS
    )
    .into())
}

pub(super) fn is_superuser(call: &Call<'_>, role: Oid) -> bool {
    let role = call.context.snapshot.role(role);
    role.is_some_and(|role| role.superuser)
}

fn shutdown(call: &Call<'_>, _: usize) -> Result<Value> {
    if !is_superuser(call, call.context.role) {
        return Err(Error::new(
            SqlState::INSUFFICIENT_PRIVILEGE,
            "permission denied to shut down the server",
        )
        .hint("Must be superuser."));
    }
    call.context.sessions.shutdown.cancel();
    Ok(true.into())
}

fn database(call: &Call<'_>, _: usize) -> Result<Value> {
    Ok((&call.context.snapshot.database().name).into())
}

fn current_user(call: &Call<'_>, _: usize) -> Result<Value> {
    Ok(call.context.snapshot.role_name(call.context.role).into())
}

/// The path's schemas; without the implicit ones (`pg_catalog`, the temporary schema) unless asked
/// for.
fn current_schemas(call: &Call<'_>, row: usize) -> Result<Value> {
    let context = call.context;
    let implicit = call.bool(0, row) == Some(true);
    let named = context.settings.search_path();
    let user = context.snapshot.role_name(context.role);
    let schemas: Vec<String> = context
        .search_path
        .lookup
        .iter()
        .filter_map(|oid| context.snapshot.schema(*oid))
        .map(|schema| schema.name.clone())
        .filter(|name| {
            implicit
                || named
                    .iter()
                    .any(|part| part == name || (part == "$user" && *name == user))
        })
        .collect();
    Ok(schemas.into())
}

/// Checks the value now, so that a mistake fails this statement; the session carries it out when
/// the statement is over.
fn set_config(call: &Call<'_>, row: usize) -> Result<Value> {
    let Some(name) = call.text(0, row) else {
        return Err(Error::new(
            SqlState::NULL_VALUE_NOT_ALLOWED,
            "SET requires parameter name",
        ));
    };
    let value = call.text(1, row).unwrap_or_default();
    let local = call.bool(2, row).unwrap_or(false);
    let mut settings = call.context.settings.as_ref().clone();
    let superuser = is_superuser(call, call.context.role);
    let (_, shown) = settings.set(name, value, superuser)?;
    call.context.effects.push(Effect::SetConfig {
        name: name.to_owned(),
        value: value.to_owned(),
        local,
    });
    Ok(shown.into())
}

fn started(call: &Call<'_>, _: usize) -> Result<Value> {
    Ok(Value::Time(call.context.sessions.started))
}

/// The session that asks.
pub(super) fn own(call: &Call<'_>) -> Option<Arc<Activity>> {
    call.context.sessions.find(call.context.session)
}

fn client_address(call: &Call<'_>, _: usize) -> Result<Value> {
    let peer = own(call).and_then(|activity| activity.client);
    Ok(peer.map(|peer| peer.ip()).into())
}

fn notify(call: &Call<'_>, row: usize) -> Result<Value> {
    let channel = call.text(0, row).unwrap_or_default();
    let payload = call.text(1, row).unwrap_or_default();
    let problem = if channel.is_empty() {
        Some("channel name cannot be empty")
    } else if channel.len() > NAME_BYTES_MAX {
        Some("channel name too long")
    } else if payload.len() > NOTIFY_PAYLOAD_BYTES_MAX {
        Some("payload string too long")
    } else {
        None
    };
    if let Some(problem) = problem {
        return Err(Error::new(SqlState::INVALID_PARAMETER_VALUE, problem));
    }
    call.context
        .effects
        .push(Effect::Notify(channel.to_owned(), payload.to_owned()));
    Ok(Value::Null)
}

/// The session with this process id, if the asking role may signal it. `None`, with a warning, if
/// there is none.
fn target(call: &Call<'_>, row: usize, deed: Deed) -> Result<Option<Arc<Activity>>> {
    let pid = call.int(0, row).unwrap_or(0);
    let id = i32::try_from(pid).map(SessionId).ok();
    let Some(activity) = id.and_then(|id| call.context.sessions.find(id)) else {
        call.context.effects.push(Effect::Report(Report::warning(
            SqlState::WARNING,
            format!("PID {pid} is not a PostgreSQL server process"),
        )));
        return Ok(None);
    };
    let asking = call.context.role;
    let refusal = if is_superuser(call, activity.role) && !is_superuser(call, asking) {
        Some(match deed {
            Deed::Cancel => "must be a superuser to cancel superuser query",
            Deed::Terminate => "must be a superuser to terminate superuser process",
        })
    } else if !has_privileges_of(&call.context.snapshot, asking, activity.role)
        && !has_privileges_of(&call.context.snapshot, asking, PG_SIGNAL_BACKEND)
    {
        Some(match deed {
            Deed::Cancel => {
                "must be a member of the role whose query is being canceled or member of \
                 pg_signal_backend"
            }
            Deed::Terminate => {
                "must be a member of the role whose process is being terminated or member of \
                 pg_signal_backend"
            }
        })
    } else {
        None
    };
    match refusal {
        Some(message) => Err(Error::new(SqlState::INSUFFICIENT_PRIVILEGE, message)),
        None => Ok(Some(activity)),
    }
}

/// What is done to another session.
#[derive(Clone, Copy)]
enum Deed {
    Cancel,
    Terminate,
}

fn cancel(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(match target(call, row, Deed::Cancel)? {
        Some(activity) => {
            activity.interrupt(Error::new(
                SqlState::QUERY_CANCELED,
                "canceling statement due to user request",
            ));
            true.into()
        }
        None => false.into(),
    })
}

fn terminate(call: &Call<'_>, row: usize) -> Result<Value> {
    Ok(match target(call, row, Deed::Terminate)? {
        Some(activity) => {
            activity.terminate.cancel();
            // Who ends its own session hears of that instead of an answer.
            if activity.id == call.context.session {
                return Err(Error::terminated());
            }
            true.into()
        }
        None => false.into(),
    })
}
