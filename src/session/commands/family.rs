//! CREATE TABLE … INHERITS and PARTITION OF: what a table has of its parents.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alter::owned_table;
use super::attach::default_locks;
use super::family_keys::referring_locks;
use super::like::TakenOver;
use super::tuning::compression_of;
use super::{collation, relation_of};
use crate::base::error::Report;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Family, Generation, Inherited, Persistence, Relation, RelationKind, Timing};
use crate::database::LockMode;
use crate::engine::command::CreateTable;
use crate::engine::definition::{
    ColumnDefinition, ConstraintClause, ConstraintDefinition, GenerationClause,
};
use crate::engine::{ExpressionKind, TypeName, parse_expression};
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::statement::StatementContext;
use crate::types::PgType;

/// What a table to be has of its parents.
pub(super) struct Legacy {
    pub(super) parents: Vec<Arc<Relation>>,
    /// How each column came to be, by name.
    columns: BTreeMap<String, Inherited>,
    /// How each check came to be, by name.
    checks: BTreeMap<String, Inherited>,
    /// Checks that a parent has by the same name, in other words: what they say.
    pub(super) restated: Vec<(String, String)>,
}

/// A column on its way into a table.
struct Merging {
    definition: ColumnDefinition,
    inherited: Inherited,
    /// Parents that say different defaults.
    conflicting: bool,
}

impl Session {
    /// Keeps the tables that a new one will stand under as they are.
    pub(super) async fn lock_parents(&mut self, create: &CreateTable, run: &Run<'_>) -> Result<()> {
        let context = self.context()?;
        for name in &create.inherits {
            if let Ok(parent) = relation_of(&context, name) {
                owned_table(&context, parent)?;
                self.lock(parent.oid, LockMode::Append, run.interrupt)
                    .await?;
            }
        }
        if let Some((name, _)) = &create.partition_of
            && let Ok(parent) = relation_of(&context, name)
        {
            owned_table(&context, parent)?;
            let parent = parent.oid;
            let locks = |context: &StatementContext| {
                let mut locks = vec![(parent, LockMode::Exclusive)];
                locks.extend(default_locks(context, parent));
                locks.extend(referring_locks(context, parent));
                locks
            };
            self.lock_wanted(run.interrupt, locks).await?;
        }
        Ok(())
    }

    /// The parents a CREATE TABLE names.
    ///
    /// # Errors
    /// `42809` for what nothing can stand under; `42501` for what is somebody else's.
    pub(super) fn parents_of(
        &self,
        context: &StatementContext,
        create: &CreateTable,
        persistence: Persistence,
    ) -> Result<Vec<Arc<Relation>>> {
        let partition = create.partition_of.as_ref().map(|(parent, _)| parent);
        let names = create.inherits.iter().chain(partition);
        let mut parents: Vec<Arc<Relation>> = Vec::new();
        for name in names {
            let parent = relation_of(context, name)?;
            if partition.is_none() {
                check_parent(parent)?;
            } else if !parent.is_partitioned() {
                return Err(Error::new(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    format!("\"{}\" is not partitioned", parent.name),
                ));
            }
            check_persistence(parent, persistence, partition.is_some())?;
            owned_table(context, parent)?;
            if parents.iter().any(|other| other.oid == parent.oid) {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!(
                        "relation \"{}\" would be inherited from more than once",
                        parent.name
                    ),
                ));
            }
            parents.push(Arc::clone(parent));
        }
        Ok(parents)
    }

    /// The columns and checks of a table to be with those of its parents before them.
    ///
    /// # Errors
    /// `42804` for columns of one name and different types; `42611` for different defaults.
    pub(super) fn merge_parents(
        &mut self,
        context: &StatementContext,
        parents: Vec<Arc<Relation>>,
        is_partition: bool,
        taken: &mut TakenOver,
    ) -> Result<Legacy> {
        let mut merged: Vec<Merging> = Vec::new();
        let mut checks: Vec<(ConstraintDefinition, Inherited)> = Vec::new();
        for parent in &parents {
            for column in &parent.columns {
                let found = merged
                    .iter_mut()
                    .find(|other| other.definition.name == column.name);
                let definition = of_parent(parent, column);
                let Some(other) = found else {
                    merged.push(Merging {
                        definition,
                        inherited: Inherited {
                            count: 1,
                            local: false,
                        },
                        conflicting: false,
                    });
                    continue;
                };
                self.reports.push(Report::notice(format!(
                    "merging multiple inherited definitions of column \"{}\"",
                    column.name
                )));
                other.inherited.count += 1;
                let was = resolved(context, &other.definition)?;
                if !same_type(was, column.ty) {
                    return Err(conflict("inherited column", &column.name, was, column.ty));
                }
                let had = collation::of(was, other.definition.collation.as_ref())?;
                let what = format!("inherited column \"{}\"", column.name);
                collation::meet(&what, was, (had, column.collation))?;
                compress_alike(&mut other.definition, definition.compression.clone())?;
                let generated = |of: &ColumnDefinition| of.generation.is_some();
                if generated(&other.definition) != generated(&definition) {
                    return Err(Error::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "inherited column \"{}\" has a generation conflict",
                            column.name
                        ),
                    ));
                }
                other.definition.not_null |= column.not_null;
                match (&other.definition.default, definition.default) {
                    (Some(one), Some(two)) if *one != two => other.conflicting = true,
                    (None, Some(default)) => other.definition.default = Some(default),
                    _ => {}
                }
            }
            for check in parent.constraints.checks.iter().filter(|c| !c.no_inherit) {
                let said = |(other, _): &&mut (ConstraintDefinition, Inherited)| {
                    other.name.as_ref() == Some(&check.name)
                };
                let Some((other, inherited)) = checks.iter_mut().find(said) else {
                    let definition = ConstraintDefinition {
                        name: Some(check.name.clone()),
                        clause: ConstraintClause::Check {
                            expression: check.expression.clone(),
                            no_inherit: false,
                        },
                        timing: Timing::NotDeferrable,
                        not_valid: false,
                    };
                    let inherited = Inherited {
                        count: 1,
                        local: false,
                    };
                    checks.push((definition, inherited));
                    continue;
                };
                if !says(other, &check.expression)? {
                    return Err(Error::new(
                        SqlState::DUPLICATE_OBJECT,
                        format!(
                            "check constraint name \"{}\" appears multiple times but with \
                             different expressions",
                            check.name
                        ),
                    ));
                }
                inherited.count += 1;
            }
        }
        self.merge_own(context, is_partition, taken, &mut merged)?;
        if let Some(column) = merged.iter().find(|column| column.conflicting) {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_DEFINITION,
                format!(
                    "column \"{}\" inherits conflicting default values",
                    column.definition.name
                ),
            )
            .hint("To resolve the conflict, specify a default explicitly."));
        }
        let columns = merged
            .iter()
            .filter(|column| column.inherited.count > 0)
            .map(|column| (column.definition.name.clone(), column.inherited))
            .collect();
        taken.columns = merged.into_iter().map(|of| of.definition).collect();
        let mut own = std::mem::take(&mut taken.constraints);
        let mut of_columns: Vec<&mut Vec<ConstraintDefinition>> = taken
            .columns
            .iter_mut()
            .map(|c| &mut c.constraints)
            .collect();
        of_columns.push(&mut own);
        let mut restated = Vec::new();
        for list in of_columns {
            self.merge_checks(list, &mut checks, &mut restated, is_partition)?;
        }
        let known = checks.iter().filter_map(|(definition, inherited)| {
            let name = definition.name.clone()?;
            Some((name, *inherited))
        });
        let known = known.collect();
        taken.constraints = checks
            .into_iter()
            .map(|(definition, _)| definition)
            .collect();
        taken.constraints.extend(own);
        Ok(Legacy {
            parents,
            columns,
            checks: known,
            restated,
        })
    }

    /// The table's own columns among those of its parents.
    fn merge_own(
        &mut self,
        context: &StatementContext,
        is_partition: bool,
        taken: &mut TakenOver,
        merged: &mut Vec<Merging>,
    ) -> Result<()> {
        let of_parents = merged.len();
        for (place, own) in std::mem::take(&mut taken.columns).into_iter().enumerate() {
            let mut inherited = merged.iter_mut().take(of_parents).enumerate();
            let found = inherited.find(|(_, column)| column.definition.name == own.name);
            let Some((at, column)) = found else {
                if is_partition {
                    return Err(Error::new(
                        SqlState::UNDEFINED_COLUMN,
                        format!("column \"{}\" does not exist", own.name),
                    ));
                }
                merged.push(Merging {
                    definition: own,
                    inherited: Inherited::LOCAL,
                    conflicting: false,
                });
                continue;
            };
            if !is_partition {
                let mut report = Report::notice(match at == place {
                    true => format!("merging column \"{}\" with inherited definition", own.name),
                    false => format!(
                        "moving and merging column \"{}\" with inherited definition",
                        own.name
                    ),
                });
                if at != place {
                    report.error = report.error.detail(
                        "User-specified column moved to the position of the inherited column.",
                    );
                }
                self.reports.push(report);
                column.inherited.local = true;
                let was = resolved(context, &column.definition)?;
                let now = resolved(context, &own)?;
                if !same_type(was, now) {
                    return Err(conflict("column", &own.name, was, now));
                }
                let had = collation::of(was, column.definition.collation.as_ref())?;
                let has = collation::of(now, own.collation.as_ref())?;
                collation::meet(&format!("column \"{}\"", own.name), now, (had, has))?;
            }
            let definition = &mut column.definition;
            compress_alike(definition, own.compression)?;
            if definition.generation.is_some() {
                let problem = if own.default.is_some() {
                    Some("inherits from generated column but specifies default")
                } else if matches!(own.generation, Some(GenerationClause::Identity { .. })) {
                    Some("inherits from generated column but specifies identity")
                } else {
                    None
                };
                if let Some(problem) = problem {
                    return Err(Error::new(
                        SqlState::INVALID_COLUMN_DEFINITION,
                        format!("column \"{}\" {problem}", own.name),
                    ));
                }
            }
            if let Some(GenerationClause::Stored(_)) = own.generation
                && (definition.generation.is_some() || is_partition)
            {
                return Err(Error::new(
                    SqlState::INVALID_COLUMN_DEFINITION,
                    format!(
                        "child column \"{}\" specifies generation expression",
                        own.name
                    ),
                )
                .hint(
                    "Omit the generation expression in the definition of the child table column \
                     to inherit the generation expression from the parent table.",
                ));
            }
            definition.not_null |= own.not_null;
            definition.serial |= own.serial;
            if own.default.is_some() || own.serial {
                definition.default = own.default;
                column.conflicting = false;
            }
            if own.generation.is_some() {
                definition.generation = own.generation;
                definition.default = None;
                column.conflicting = false;
            }
            definition.constraints = own.constraints;
        }
        Ok(())
    }

    /// Sees that the checks whose parents' have the same names say the same.
    ///
    /// # Errors
    /// `42710`
    pub(super) async fn check_restated(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        restated: &[(String, String)],
        run: &Run<'_>,
    ) -> Result<()> {
        for (name, expression) in restated {
            let kind = ExpressionKind::Check;
            let text = self.kept(kind, context, relation, expression, run).await?;
            let mut checks = relation.constraints.checks.iter();
            let of_parent = checks.find(|check| check.name == *name);
            let same = match of_parent {
                Some(check) => same_expression(&check.expression, &text)?,
                None => false,
            };
            if !same {
                return Err(Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!(
                        "constraint \"{name}\" for relation \"{}\" already exists",
                        relation.name
                    ),
                ));
            }
            self.notice(format!(
                "merging constraint \"{name}\" with inherited definition"
            ));
        }
        Ok(())
    }

    /// Takes out of a list the checks that parents have, too.
    fn merge_checks(
        &mut self,
        own: &mut Vec<ConstraintDefinition>,
        checks: &mut [(ConstraintDefinition, Inherited)],
        restated: &mut Vec<(String, String)>,
        is_partition: bool,
    ) -> Result<()> {
        let mut kept = Vec::with_capacity(own.len());
        for definition in std::mem::take(own) {
            let of_parent = checks
                .iter_mut()
                .find(|(other, _)| definition.name.is_some() && other.name == definition.name);
            let ConstraintClause::Check {
                expression,
                no_inherit,
            } = &definition.clause
            else {
                kept.push(definition);
                continue;
            };
            let Some((other, inherited)) = of_parent else {
                kept.push(definition);
                continue;
            };
            let name = definition.name.clone().unwrap_or_default();
            if *no_inherit {
                return Err(Error::new(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    format!(
                        "constraint \"{name}\" conflicts with inherited constraint on relation"
                    ),
                ));
            }
            if !says(other, expression)? {
                restated.push((name.clone(), expression.clone()));
            } else {
                self.notice(format!(
                    "merging constraint \"{name}\" with inherited definition"
                ));
            }
            inherited.local = !is_partition;
        }
        *own = kept;
        Ok(())
    }
}

impl Legacy {
    /// What the table has of its parents, once its columns and constraints have their numbers.
    pub(super) fn family(&self, relation: &Relation) -> Family {
        let columns = relation.columns.iter().filter_map(|column| {
            let inherited = self.columns.get(&column.name)?;
            Some((column.attnum, *inherited))
        });
        let checks = relation.constraints.checks.iter().filter_map(|check| {
            let inherited = self.checks.get(&check.name)?;
            Some((check.oid, *inherited))
        });
        Family {
            parents: self.parents.iter().map(|parent| parent.oid).collect(),
            columns: columns.collect(),
            constraints: checks.collect(),
            ..Family::default()
        }
    }
}

/// `42809` for what nothing can inherit from.
pub(super) fn check_parent(parent: &Relation) -> Result<()> {
    let wrong = |message: String| Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message));
    let name = &parent.name;
    if parent.is_partitioned() {
        return wrong(format!("cannot inherit from partitioned table \"{name}\""));
    }
    if parent.is_partition() {
        return wrong(format!("cannot inherit from partition \"{name}\""));
    }
    match parent.kind {
        RelationKind::Table { .. } => Ok(()),
        RelationKind::Foreign { .. } => Err(Error::unsupported("inheriting from a foreign table")),
        RelationKind::View(_) | RelationKind::Materialized { .. } | RelationKind::Sequence(_) => {
            wrong(format!(
                "inherited relation \"{name}\" is not a table or foreign table"
            ))
        }
    }
}

/// `42809` for a parent that does not last as long as its child.
pub(super) fn check_persistence(
    parent: &Relation,
    child: Persistence,
    is_partition: bool,
) -> Result<()> {
    let (is_temporary, name) = (parent.persistence == Persistence::Temporary, &parent.name);
    let message = match (is_temporary, child == Persistence::Temporary, is_partition) {
        (true, false, true) => format!(
            "cannot create a permanent relation as partition of temporary relation \"{name}\""
        ),
        (false, true, true) => format!(
            "cannot create a temporary relation as partition of permanent relation \"{name}\""
        ),
        (true, false, false) => format!("cannot inherit from temporary relation \"{name}\""),
        _ => return Ok(()),
    };
    Err(Error::new(SqlState::WRONG_OBJECT_TYPE, message))
}

/// A parent's column as its child declares it.
fn of_parent(parent: &Relation, column: &crate::catalog::Column) -> ColumnDefinition {
    let generation = match &column.generation {
        Some(Generation::Stored { expression, .. }) => {
            Some(GenerationClause::Stored(expression.clone()))
        }
        // An identity is the parent's alone.
        Some(Generation::Identity { .. }) | None => None,
    };
    ColumnDefinition {
        name: column.name.clone(),
        ty: TypeName::Known(column.ty),
        serial: false,
        compression: compression_of(parent, column.attnum),
        collation: column.collation.and_then(collation::written),
        not_null: column.not_null,
        default: column.default.clone(),
        generation,
        constraints: Vec::new(),
    }
}

/// Gives a column the compression that another definition of it says.
///
/// # Errors
/// `42804` if it says another one.
fn compress_alike(column: &mut ColumnDefinition, method: Option<String>) -> Result<()> {
    match (&column.compression, method) {
        (Some(one), Some(other)) if *one != other => Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "column \"{}\" has a compression method conflict",
                column.name
            ),
        )
        .detail(format!("{one} versus {other}"))),
        (None, method) => {
            column.compression = method;
            Ok(())
        }
        (Some(_), _) => Ok(()),
    }
}

fn resolved(context: &StatementContext, definition: &ColumnDefinition) -> Result<PgType> {
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    definition.ty.resolve(snapshot, path)
}

/// Whether columns of these types can be one.
pub(super) fn same_type(one: PgType, other: PgType) -> bool {
    one.with_any_dimensions().is(other.with_any_dimensions())
        && one.declared() == other.declared()
        && one.declared_typmod() == other.declared_typmod()
}

fn conflict(what: &str, name: &str, one: PgType, other: PgType) -> Error {
    Error::new(
        SqlState::DATATYPE_MISMATCH,
        format!("{what} \"{name}\" has a type conflict"),
    )
    .detail(format!("{one} versus {other}"))
}

/// Whether a check says what an expression does.
fn says(check: &ConstraintDefinition, expression: &str) -> Result<bool> {
    let ConstraintClause::Check {
        expression: own, ..
    } = &check.clause
    else {
        return Ok(false);
    };
    same_expression(own, expression)
}

/// Whether two expressions are the same but for blanks and parentheses around them.
pub(super) fn same_expression(one: &str, other: &str) -> Result<bool> {
    let plain = |text: &str| -> Result<String> {
        let mut expression = parse_expression(text)?;
        while let sqlparser::ast::Expr::Nested(inner) = expression {
            expression = *inner;
        }
        Ok(expression.to_string())
    };
    Ok(plain(one)? == plain(other)?)
}

/// The tables above and under `table`, and those under and above these.
pub(super) fn kin(context: &StatementContext, table: Oid) -> Vec<Oid> {
    let snapshot = &context.snapshot;
    let mut found = vec![table];
    let mut next = 0;
    while let Some(oid) = found.get(next).copied() {
        next += 1;
        let above = snapshot.relation(oid).map(|of| of.family.parents.clone());
        let under = snapshot.children(oid).into_iter().map(|child| child.oid);
        for other in above.into_iter().flatten().chain(under) {
            if !found.contains(&other) {
                found.push(other);
            }
        }
    }
    found
}
