//! The commands, one file per family. Each reads its command, works out the changes, asks for
//! permission, pushes them, and gives PostgreSQL's tag.

mod aggregate;
mod alter;
mod alter_column;
mod alter_type;
mod attach;
mod built_in;
mod cast;
mod cluster;
mod collation;
mod column_type;
mod comment;
mod composite;
mod constraint;
mod copy;
mod copy_options;
mod create_as;
mod current_of;
mod cursor;
mod default_privileges;
mod dml;
mod domain;
mod drop;
mod explain;
mod family;
mod family_alter;
mod family_keys;
mod family_parts;
mod family_rules;
mod foreign;
mod foreign_key;
mod grant;
mod identity;
mod index;
mod keep;
mod key;
mod like;
mod listen;
mod lock;
mod maintain;
mod materialized;
mod on_commit;
mod operator;
mod owned;
mod partition;
mod passes;
mod policy;
mod prepare;
mod query;
mod range_type;
mod readers;
mod reindex;
mod rename;
mod retyped;
mod role;
mod routine;
mod routine_alter;
mod routine_run;
mod routine_type;
pub(super) mod row_lock;
mod schema;
mod sequence;
mod set;
mod show;
mod statistics;
mod table;
mod transaction;
mod trigger;
mod trigger_parts;
mod truncate;
mod tuning;
mod user_type;
mod view;
mod widen;

use std::sync::Arc;

pub(super) use cast::tag_of as cast_tag;
pub(super) use current_of::{Traced, text_of};
pub(super) use operator::tag_of as operator_tag;
pub(super) use policy::tag_of as policy_tag;
pub(super) use routine_run::{batch_of, nulls, sole_call};
pub(super) use statistics::tag_of as statistics_tag;
pub(super) use trigger::tag_of as trigger_tag;

use super::dispatch::starts_with;
use super::{CommandTag, Session};
use crate::base::error::{Level, Report};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Relation};
use crate::engine::command::{ObjectKind, ObjectName, RoleSpec};
use crate::privileges::{self, Need};
use crate::statement::StatementContext;

/// A tag.
pub(super) fn tag(text: impl Into<String>) -> CommandTag {
    CommandTag(text.into())
}

/// The tag of SET and RESET where the command is the same.
pub(super) fn set_tag(text: &str) -> CommandTag {
    tag(if starts_with(text, "reset") {
        "RESET"
    } else {
        "SET"
    })
}

/// What ALTER … SET of settings is called: it is of a role or of the database.
pub(super) fn settings_word(text: &str) -> &'static str {
    let word = text.split_whitespace().nth(1).unwrap_or_default();
    match word.eq_ignore_ascii_case("database") {
        true => "ALTER DATABASE",
        false => "ALTER ROLE",
    }
}

/// The tag of ALTER.
pub(super) fn alter_tag(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Schema => "ALTER SCHEMA",
        ObjectKind::Table => "ALTER TABLE",
        ObjectKind::View => "ALTER VIEW",
        ObjectKind::ForeignTable => "ALTER FOREIGN TABLE",
        ObjectKind::MaterializedView => "ALTER MATERIALIZED VIEW",
        ObjectKind::Sequence => "ALTER SEQUENCE",
        ObjectKind::Index => "ALTER INDEX",
        ObjectKind::Type => "ALTER TYPE",
        ObjectKind::Domain => "ALTER DOMAIN",
        ObjectKind::Database => "ALTER DATABASE",
    }
}

/// The tag of DROP.
pub(super) fn drop_tag(kind: ObjectKind) -> &'static str {
    match kind {
        ObjectKind::Schema => "DROP SCHEMA",
        ObjectKind::Table => "DROP TABLE",
        ObjectKind::View => "DROP VIEW",
        ObjectKind::ForeignTable => "DROP FOREIGN TABLE",
        ObjectKind::MaterializedView => "DROP MATERIALIZED VIEW",
        ObjectKind::Sequence => "DROP SEQUENCE",
        ObjectKind::Index => "DROP INDEX",
        ObjectKind::Type => "DROP TYPE",
        ObjectKind::Domain => "DROP DOMAIN",
        ObjectKind::Database => "DROP DATABASE",
    }
}

/// A NOTICE with a code of its own, such as "already exists, skipping".
fn skipping(state: SqlState, message: String) -> Report {
    Report {
        level: Level::Notice,
        error: Error::new(state, message),
    }
}

impl Session {
    /// Asks for permission for `changes` (`extra` is what the command needs beside what the changes
    /// themselves do) and makes them, in the transaction.
    fn push(&mut self, changes: Vec<Change>, mut extra: Vec<Need>) -> Result<()> {
        let role = self.acting_role();
        let view = self.transaction()?.view().clone();
        for change in &changes {
            extra.extend(privileges::needs_of(&view, role, change));
        }
        self.push_needing(changes, &extra)
    }

    /// As [`Session::push`] where the command alone knows what its changes need: what DROP …
    /// CASCADE takes along needs nothing of its own.
    fn push_needing(&mut self, changes: Vec<Change>, needs: &[Need]) -> Result<()> {
        if changes.is_empty() {
            return Ok(());
        }
        let transaction = self.transaction()?;
        let view = transaction.view();
        let changes = changes
            .into_iter()
            .map(|change| privileges::with_default_privileges(view, change))
            .collect();
        let authorized = privileges::authorize(view, needs, changes)?;
        transaction.push(authorized)?;
        self.catalog_moved();
        Ok(())
    }

    /// The role a word means. PUBLIC is none.
    fn role_of(&self, context: &StatementContext, spec: &RoleSpec) -> Result<Oid> {
        match spec {
            RoleSpec::Name(name) => context.snapshot.must_role(name).map(|role| role.oid),
            RoleSpec::CurrentUser => Ok(context.role),
            RoleSpec::SessionUser => Ok(context.session_role),
            RoleSpec::Public => Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                "role \"public\" does not exist",
            )),
        }
    }

    /// As [`Session::role_of`] where PUBLIC may stand.
    fn grantee_of(&self, context: &StatementContext, spec: &RoleSpec) -> Result<Oid> {
        match spec {
            RoleSpec::Public => Ok(Oid::INVALID),
            RoleSpec::Name(_) | RoleSpec::CurrentUser | RoleSpec::SessionUser => {
                self.role_of(context, spec)
            }
        }
    }
}

/// The relation a name means.
fn relation_of<'a>(context: &'a StatementContext, name: &ObjectName) -> Result<&'a Arc<Relation>> {
    context
        .snapshot
        .resolve_relation(&context.search_path, name.schema.as_deref(), &name.name)
}

/// `42703` of a relation.
pub(super) fn no_column(relation: &Relation, column: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_COLUMN,
        format!(
            "column \"{column}\" of relation \"{}\" does not exist",
            relation.name
        ),
    )
}
