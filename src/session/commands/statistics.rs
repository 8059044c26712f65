//! CREATE, ALTER and DROP STATISTICS.

use std::sync::Arc;

use super::routine::refuse_temporary;
use super::{relation_of, tag};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, Definition, DefinitionBody, ObjectId, Persistence, Relation, RelationKind,
    StatisticKind, Statistics,
};
use crate::engine::SYSTEM_COLUMNS;
use crate::engine::command::ObjectName;
use crate::engine::value_definition::{CreateStatistics, StatisticsAction, StatisticsStatement};
use crate::pg_catalog::order_class;
use crate::privileges::{self, Need};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

/// Columns of one object.
const COLUMNS_MAX: usize = 8;
/// The largest target, as in PostgreSQL.
const TARGET_MAX: i32 = 10_000;

/// What a statement is called.
pub(in crate::session) fn tag_of(statement: &StatisticsStatement) -> &'static str {
    match statement {
        StatisticsStatement::Create(_) => "CREATE STATISTICS",
        StatisticsStatement::Alter(..) => "ALTER STATISTICS",
        StatisticsStatement::Drop { .. } => "DROP STATISTICS",
    }
}

impl Session {
    /// A statement about extended statistics.
    pub(in crate::session) fn statistics(
        &mut self,
        statement: &StatisticsStatement,
    ) -> Result<CommandTag> {
        match statement {
            StatisticsStatement::Create(create) => self.create_statistics(create)?,
            StatisticsStatement::Alter(name, action) => self.alter_statistics(name, action)?,
            StatisticsStatement::Drop {
                names,
                if_exists,
                cascade,
            } => self.drop_statistics(names, *if_exists, *cascade)?,
        }
        Ok(tag(tag_of(statement)))
    }

    fn create_statistics(&mut self, create: &CreateStatistics) -> Result<()> {
        let context = self.context()?;
        let snapshot = &context.snapshot;
        let relation = table(&context, &create.table)?;
        let owner = Need::Owner {
            role: context.role,
            object: ObjectId::Relation(relation.oid),
        };
        privileges::authorize(snapshot, &[owner], ())?;
        let schema = snapshot
            .resolve_creation_schema(&context.search_path, create.name.schema.as_deref())?;
        refuse_temporary(&context, schema)?;
        let name = &create.name.name;
        if in_schema(&context, schema, name).is_some() {
            if create.if_not_exists {
                self.notice(format!(
                    "statistics object \"{name}\" already exists, skipping"
                ));
                return Ok(());
            }
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("statistics object \"{name}\" already exists"),
            ));
        }
        let columns = columns(&relation, &create.columns)?;
        let of = Definition {
            oid: self.shared.database.new_oid(),
            name: name.clone(),
            schema,
            owner: context.role,
            comment: None,
            body: DefinitionBody::Statistics(Statistics {
                relation: relation.oid,
                columns,
                kinds: kinds(&create.kinds)?,
                target: -1,
            }),
        };
        self.push(vec![Change::CreateDefinition(Box::new(of))], Vec::new())
    }

    fn alter_statistics(&mut self, name: &ObjectName, action: &StatisticsAction) -> Result<()> {
        let context = self.context()?;
        let was = match named(&context, name) {
            Ok(of) => of,
            Err(error) => {
                let passes = matches!(
                    action,
                    StatisticsAction::SetTarget {
                        if_exists: true,
                        ..
                    }
                );
                if !passes || !is_missing(&error) {
                    return Err(error);
                }
                self.notice(format!("{}, skipping", error.message()));
                return Ok(());
            }
        };
        let mut now = Definition::clone(&was);
        match action {
            StatisticsAction::SetTarget { target, .. } => {
                let mut target = *target;
                if target < -1 {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!("statistics target {target} is too low"),
                    ));
                }
                if target > TARGET_MAX {
                    target = TARGET_MAX;
                    let message = format!("lowering statistics target to {TARGET_MAX}");
                    self.warning(SqlState::INVALID_PARAMETER_VALUE, message);
                }
                if let DefinitionBody::Statistics(statistics) = &mut now.body {
                    statistics.target = target;
                }
            }
            StatisticsAction::Rename(name) => now.name.clone_from(name),
            StatisticsAction::SetSchema(name) => {
                now.schema = context.snapshot.must_schema(name)?.oid;
                refuse_temporary(&context, now.schema)?;
            }
            StatisticsAction::OwnerTo(role) => {
                let owner = self.role_of(&context, role)?;
                let object = ObjectId::Definition(was.oid);
                return self.push(vec![Change::SetOwner { object, owner }], Vec::new());
            }
        }
        let change = Change::AlterDefinition {
            was: Box::new(Definition::clone(&was)),
            now: Box::new(now),
        };
        self.push(vec![change], Vec::new())
    }

    fn drop_statistics(
        &mut self,
        names: &[ObjectName],
        if_exists: bool,
        cascade: bool,
    ) -> Result<()> {
        let context = self.context()?;
        let mut roots = Vec::new();
        for name in names {
            match named(&context, name) {
                Ok(of) => roots.push(ObjectId::Definition(of.oid)),
                Err(error) if if_exists && is_missing(&error) => {
                    self.notice(format!("{}, skipping", error.message()));
                }
                Err(error) => return Err(error),
            }
        }
        self.drop_roots(&context, &roots, cascade)
    }
}

fn is_missing(error: &Error) -> bool {
    [SqlState::UNDEFINED_OBJECT, SqlState::INVALID_SCHEMA_NAME].contains(&error.state())
}

/// The table that statistics are to be of.
fn table(context: &StatementContext, name: &ObjectName) -> Result<Arc<Relation>> {
    let relation = relation_of(context, name)?.clone();
    let has_rows = match relation.kind {
        RelationKind::Table { .. }
        | RelationKind::Materialized { .. }
        | RelationKind::Foreign { .. } => true,
        RelationKind::View(_) | RelationKind::Sequence(_) => false,
    };
    if !has_rows {
        return Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!(
                "cannot define statistics for relation \"{}\"",
                relation.name
            ),
        )
        .detail(format!(
            "This operation is not supported for {}s.",
            relation.kind_name()
        )));
    }
    if relation.persistence == Persistence::Temporary {
        return Err(Error::unsupported("CREATE STATISTICS on a temporary table"));
    }
    Ok(relation)
}

/// The columns, in the order of the table.
fn columns(relation: &Relation, names: &[String]) -> Result<Vec<i16>> {
    if names.len() > COLUMNS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_COLUMNS,
            format!("cannot have more than {COLUMNS_MAX} columns in statistics"),
        ));
    }
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let Some(column) = relation.column(name) else {
            return Err(match SYSTEM_COLUMNS.contains(&name.as_str()) {
                true => Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "statistics creation on system columns is not supported",
                ),
                false => Error::new(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{name}\" does not exist"),
                ),
            });
        };
        if order_class(column.ty.undomained(), None) == Oid::INVALID {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "column \"{name}\" cannot be used in statistics because its type {} has no \
                     default btree operator class",
                    column.ty.unmodified()
                ),
            ));
        }
        columns.push(column.attnum);
    }
    if columns.len() < 2 {
        return Err(Error::new(
            SqlState::INVALID_OBJECT_DEFINITION,
            "extended statistics require at least 2 columns",
        ));
    }
    columns.sort_unstable();
    if columns.windows(2).any(|pair| pair[0] == pair[1]) {
        return Err(Error::new(
            SqlState::DUPLICATE_COLUMN,
            "duplicate column name in statistics definition",
        ));
    }
    Ok(columns)
}

/// Which kinds; without a word, all.
fn kinds(words: &[String]) -> Result<Vec<StatisticKind>> {
    if words.is_empty() {
        return Ok(StatisticKind::ALL.to_vec());
    }
    for word in words {
        if !StatisticKind::ALL.iter().any(|kind| kind.word() == word) {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("unrecognized statistics kind \"{word}\""),
            ));
        }
    }
    let all = StatisticKind::ALL.into_iter();
    let said = |kind: &StatisticKind| words.iter().any(|word| word == kind.word());
    Ok(all.filter(said).collect())
}

fn in_schema<'a>(
    context: &'a StatementContext,
    schema: Oid,
    name: &str,
) -> Option<&'a Arc<Definition>> {
    let mut all = context.snapshot.definitions();
    all.find(|of| of.statistics().is_some() && of.schema == schema && of.name == name)
}

/// The statistics a statement names.
///
/// # Errors
/// `42704`, `3F000`
pub(super) fn named(context: &StatementContext, name: &ObjectName) -> Result<Arc<Definition>> {
    let snapshot = &context.snapshot;
    if let Some(schema) = &name.schema {
        snapshot.must_schema(schema)?;
    }
    let schemas = context
        .search_path
        .candidates(snapshot, name.schema.as_deref());
    let mut found = schemas
        .into_iter()
        .filter_map(|schema| in_schema(context, schema, &name.name));
    found.next().cloned().ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("statistics object \"{name}\" does not exist"),
        )
    })
}
