//! ALTER TABLE where it says how a table is stored, sampled or replicated. Nothing of it changes
//! how; it is checked as PostgreSQL checks it, and kept.

use std::sync::Arc;

use super::drop::kind_of;
use super::no_column;
use super::table::of_main_table;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{
    Change, Column, Index, IndexedBy, Persistence, Relation, RelationKind, ReplicaIdentity, Tuned,
    Tuning, check_parameter, with_parameters,
};
use crate::engine::command::{ObjectKind, ReplicaIdentityClause, Tune};
use crate::pg_catalog;
use crate::session::Session;
use crate::statement::StatementContext;
use crate::types::PgType;

/// What PostgreSQL remembers of a column at most.
const STATISTICS_MAX: i32 = 10_000;

/// Methods of compression, and what `pg_attribute` calls them.
const COMPRESSIONS: [(&str, char); 2] = [("pglz", 'p'), ("lz4", 'l')];

impl Session {
    /// What an action comes to.
    pub(super) fn tuned(
        &mut self,
        context: &StatementContext,
        relation: &Relation,
        tune: &Tune,
    ) -> Result<Vec<Change>> {
        check_kind(relation, tune)?;
        let mut tuning = relation.tuning.clone();
        match tune {
            Tune::Already(_) => return Ok(Vec::new()),
            Tune::Parameters(changes) if kind_of(relation) == ObjectKind::View => {
                return self.view_options(context, relation, changes);
            }
            Tune::Parameters(changes) => {
                check_parameters(Tuned::Table, changes)?;
                let set = changes.iter().filter(|(_, value)| value.is_some());
                let names: Vec<_> = set.map(|(name, _)| (name.clone(), String::new())).collect();
                self.say_no_effect(&names);
                let parameters = with_parameters(tuning.parameters, changes);
                tuning.parameters = of_main_table(&parameters);
            }
            Tune::Logged(logged) => {
                check_logged(context, relation, *logged)?;
                return Ok(logging(context, relation, *logged));
            }
            Tune::ClusterOn(None) => tuning.clustered_on = None,
            Tune::ClusterOn(Some(name)) => {
                let index = index_named(relation, name)?;
                check_clusterable(index)?;
                tuning.clustered_on = Some(index.oid);
            }
            Tune::ReplicaIdentity(clause) => {
                tuning.replica_identity = match clause {
                    ReplicaIdentityClause::Default => ReplicaIdentity::Default,
                    ReplicaIdentityClause::Full => ReplicaIdentity::Full,
                    ReplicaIdentityClause::Nothing => ReplicaIdentity::Nothing,
                    ReplicaIdentityClause::Index(name) => {
                        let index = index_named(relation, name)?;
                        check_identifying(relation, index)?;
                        ReplicaIdentity::Index(index.oid)
                    }
                };
            }
            Tune::Statistics { column, target } => {
                let attnum = column_of(relation, column)?.attnum;
                if *target < -1 {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("statistics target {target} is too low"),
                    ));
                }
                if *target > STATISTICS_MAX {
                    let message = format!("lowering statistics target to {STATISTICS_MAX}");
                    self.warning(SqlState::INVALID_PARAMETER_VALUE, message);
                }
                let target = Some(*target.min(&STATISTICS_MAX)).filter(|target| *target >= 0);
                tuning.column(attnum).statistics = target;
            }
            Tune::Storage { column, storage } => {
                let column = column_of(relation, column)?;
                let letter = storage_letter(column, storage)?;
                tuning.column(column.attnum).storage = Some(letter);
            }
            Tune::Compression { column, method } => {
                let column = column_of(relation, column)?;
                tuning.column(column.attnum).compression = compression(column.ty, method)?;
            }
            Tune::ColumnParameters { column, changes } => {
                let attnum = column_of(relation, column)?.attnum;
                check_parameters(Tuned::Column, changes)?;
                let of = tuning.column(attnum);
                of.parameters = with_parameters(std::mem::take(&mut of.parameters), changes);
            }
        }
        Ok(vec![Change::SetTuning {
            relation: relation.oid,
            tuning: Box::new(tuning),
        }])
    }
}

impl Session {
    /// ALTER VIEW … SET (…) and RESET (…).
    ///
    /// # Errors
    /// `22023`; `0A000` for check_option where rows cannot be written through.
    fn view_options(
        &self,
        context: &StatementContext,
        view: &Relation,
        changes: &[(String, Option<String>)],
    ) -> Result<Vec<Change>> {
        check_parameters(Tuned::View, changes)?;
        let mut changed = view.clone();
        let option = |(name, _): &(String, Option<String>)| name == "check_option";
        let mut list = Vec::new();
        if changes.iter().any(option)
            && let RelationKind::View(body) = &mut changed.kind
            && body.check_option.take().is_some()
        {
            // From now on it is a parameter like the others.
            list.push(Change::ReplaceView {
                oid: view.oid,
                columns: view.columns.clone(),
                view: body.clone(),
            });
        }
        let parameters = std::mem::take(&mut changed.tuning.parameters);
        changed.tuning.parameters = with_parameters(parameters, changes);
        let tuning = Box::new(changed.tuning.clone());
        if changes
            .iter()
            .any(|change| option(change) && change.1.is_some())
        {
            let changed = Arc::new(changed);
            self.shared.engine.check_updatable(context, &changed)?;
        }
        list.push(Change::SetTuning {
            relation: view.oid,
            tuning,
        });
        Ok(list)
    }
}

/// The parameters that are set are there and take their values, each once.
pub(super) fn check_parameters(of: Tuned<'_>, changes: &[(String, Option<String>)]) -> Result<()> {
    for (place, (name, value)) in changes.iter().enumerate() {
        if value.is_some() && changes[..place].iter().any(|(other, _)| other == name) {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("parameter \"{name}\" specified more than once"),
            ));
        }
        if let Some(value) = value {
            check_parameter(of, name, value)?;
        }
    }
    Ok(())
}

/// `42809` where the kind of relation has nothing of the sort.
fn check_kind(relation: &Relation, tune: &Tune) -> Result<()> {
    let kind = kind_of(relation);
    let stored = matches!(kind, ObjectKind::Table | ObjectKind::MaterializedView);
    let (action, allowed) = match tune {
        Tune::Already(action) if relation.is_partitioned() && *action == "SET ACCESS METHOD" => {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                "cannot change access method of a partitioned table",
            ));
        }
        Tune::Already(action) => (*action, stored),
        Tune::Parameters(changes) => {
            let set = changes.iter().any(|(_, value)| value.is_some());
            let action = if set { "SET" } else { "RESET" };
            (action, stored || kind == ObjectKind::View)
        }
        Tune::Logged(true) => ("SET LOGGED", kind == ObjectKind::Table),
        Tune::Logged(false) => ("SET UNLOGGED", kind == ObjectKind::Table),
        Tune::ClusterOn(Some(_)) => ("CLUSTER ON", stored),
        Tune::ClusterOn(None) => ("SET WITHOUT CLUSTER", stored),
        Tune::ReplicaIdentity(_) => ("REPLICA IDENTITY", stored),
        Tune::Statistics { .. } => (
            "ALTER COLUMN ... SET STATISTICS",
            stored || kind == ObjectKind::ForeignTable,
        ),
        Tune::Storage { .. } => (
            "ALTER COLUMN ... SET STORAGE",
            stored || kind == ObjectKind::ForeignTable,
        ),
        Tune::Compression { .. } => ("ALTER COLUMN ... SET COMPRESSION", stored),
        Tune::ColumnParameters { changes, .. } => {
            let set = changes.iter().any(|(_, value)| value.is_some());
            let action = match set {
                true => "ALTER COLUMN ... SET",
                false => "ALTER COLUMN ... RESET",
            };
            (action, stored || kind == ObjectKind::ForeignTable)
        }
    };
    if allowed {
        return Ok(());
    }
    Err(relation.has_no_action(action))
}

/// A table that is logged refers to no table that is not.
fn check_logged(context: &StatementContext, relation: &Relation, logged: bool) -> Result<()> {
    let invalid = |message: String| Err(Error::new(SqlState::INVALID_TABLE_DEFINITION, message));
    if relation.persistence == Persistence::Temporary {
        return invalid(format!(
            "cannot change logged status of table \"{}\" because it is temporary",
            relation.name
        ));
    }
    let keys = relation.constraints.foreign.iter();
    let mut parents = keys.filter_map(|key| context.snapshot.relation(key.table));
    let other = |of: &Relation| of.oid != relation.oid;
    if logged && let Some(parent) = parents.find(|of| other(of) && of.tuning.unlogged) {
        return invalid(format!(
            "could not change table \"{}\" to logged because it references unlogged table \"{}\"",
            relation.name, parent.name
        ));
    }
    let mut children = context.snapshot.references_to(relation.oid);
    if !logged && let Some((child, _)) = children.find(|(of, _)| other(of) && !of.tuning.unlogged) {
        return invalid(format!(
            "could not change table \"{}\" to unlogged because it references logged table \"{}\"",
            relation.name, child.name
        ));
    }
    Ok(())
}

/// A table and its sequences, logged or not.
fn logging(context: &StatementContext, relation: &Relation, logged: bool) -> Vec<Change> {
    let sequences = context.snapshot.owned_sequences(relation.oid, None);
    let sequences = sequences
        .into_iter()
        .filter_map(|oid| context.snapshot.relation(oid).map(AsRef::as_ref));
    std::iter::once(relation)
        .chain(sequences)
        .map(|of| Change::SetTuning {
            relation: of.oid,
            tuning: Box::new(Tuning {
                unlogged: !logged,
                ..of.tuning.clone()
            }),
        })
        .collect()
}

fn column_of<'a>(relation: &'a Relation, name: &str) -> Result<&'a Column> {
    relation
        .column(name)
        .ok_or_else(|| no_column(relation, name))
}

fn index_named<'a>(relation: &'a Relation, name: &str) -> Result<&'a Index> {
    let mut indexes = relation.constraints.indexes.iter();
    indexes.find(|index| index.name == *name).ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "index \"{name}\" for table \"{}\" does not exist",
                relation.name
            ),
        )
    })
}

fn check_clusterable(index: &Index) -> Result<()> {
    let refused = |message: String| Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, message));
    if !["btree", "gist"].contains(&index.method.as_str()) {
        return refused(format!(
            "cannot cluster on index \"{}\" because access method does not support clustering",
            index.name
        ));
    }
    if index.predicate.is_some() {
        return refused(format!(
            "cannot cluster on partial index \"{}\"",
            index.name
        ));
    }
    Ok(())
}

fn check_identifying(relation: &Relation, index: &Index) -> Result<()> {
    let wrong = |state, message: String| Err(Error::new(state, message));
    let name = &index.name;
    if !index.unique {
        return wrong(
            SqlState::WRONG_OBJECT_TYPE,
            format!("cannot use non-unique index \"{name}\" as replica identity"),
        );
    }
    if index.timing.is_deferrable() {
        return wrong(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot use non-immediate index \"{name}\" as replica identity"),
        );
    }
    if index.columns().count() < index.parts.len() {
        return wrong(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot use expression index \"{name}\" as replica identity"),
        );
    }
    if index.predicate.is_some() {
        return wrong(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot use partial index \"{name}\" as replica identity"),
        );
    }
    let nullable = index.parts.iter().find_map(|part| match part.of {
        IndexedBy::Column(attnum) => {
            let mut columns = relation.columns.iter();
            columns.find(|column| column.attnum == attnum && !column.not_null)
        }
        IndexedBy::Expression(_) => None,
    });
    match nullable {
        None => Ok(()),
        Some(column) => wrong(
            SqlState::WRONG_OBJECT_TYPE,
            format!(
                "index \"{name}\" cannot be used as replica identity because column \"{}\" is \
                 nullable",
                column.name
            ),
        ),
    }
}

/// The letter of a method by which long values of a type are made shorter, if one is said.
///
/// # Errors
/// `0A000` for a type whose values are not; `22023` no such method.
pub(super) fn compression(ty: PgType, method: &str) -> Result<Option<char>> {
    if method == "default" {
        return Ok(None);
    }
    if !pg_catalog::is_toastable(ty) {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "column data type {} does not support compression",
                ty.with_typmod(-1)
            ),
        ));
    }
    let mut methods = COMPRESSIONS.iter();
    match methods.find(|(name, _)| *name == method) {
        Some((_, letter)) => Ok(Some(*letter)),
        None => Err(Error::new(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("invalid compression method \"{method}\""),
        )),
    }
}

/// The method a column of a table has, if one was said.
pub(super) fn compression_of(relation: &Relation, attnum: i16) -> Option<String> {
    let letter = relation.tuning.columns.get(&attnum)?.compression?;
    let mut methods = COMPRESSIONS.iter();
    let found = methods.find(|(_, other)| *other == letter);
    found.map(|(name, _)| (*name).to_owned())
}

/// The letter of a storage word, which the column's type must have.
fn storage_letter(column: &Column, word: &str) -> Result<char> {
    let letter = match word {
        "plain" => 'p',
        "external" => 'e',
        "extended" => 'x',
        "main" => 'm',
        _ => {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("invalid storage type \"{word}\""),
            ));
        }
    };
    if letter != 'p' && !pg_catalog::is_toastable(column.ty) {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "column data type {} can only have storage PLAIN",
                column.ty.with_typmod(-1)
            ),
        ));
    }
    Ok(letter)
}
