//! PRIMARY KEY and UNIQUE: with an index of their own, or made of one that is there.

use super::constraint::{choose_name, is_taken, joined, key_columns, refuse_named};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Index, IndexPart, IndexedBy, Relation, index_columns};
use crate::engine::definition::{ConstraintClause, ConstraintDefinition};
use crate::session::Session;
use crate::statement::StatementContext;

impl Session {
    /// The key a definition says.
    pub(super) fn key_of(
        &self,
        context: &StatementContext,
        relation: &Relation,
        definition: &ConstraintDefinition,
    ) -> Result<Index> {
        let ConstraintClause::Key {
            primary,
            columns,
            include,
            nulls_not_distinct,
            parameters,
        } = &definition.clause
        else {
            return Err(Error::internal("declaring a key", "it is none"));
        };
        refuse_second_primary(relation, *primary)?;
        let word = if *primary { "primary key" } else { "unique" };
        let attnums = key_columns(relation, columns, word)?;
        let named = index_columns(columns.iter().chain(include).map(String::as_str));
        let joined = joined(&named);
        let include = key_columns(relation, include, word)?;
        let (second, label) = if *primary {
            (None, "pkey")
        } else {
            (Some(joined.as_str()), "key")
        };
        let name = match &definition.name {
            Some(name) => name.clone(),
            None => choose_name(&relation.name, second, label, |name| {
                is_taken(context, relation, name) || relation.constraints.is_named(name)
            }),
        };
        refuse_named(relation, &name)?;
        let parts = attnums.into_iter().map(|attnum| IndexPart {
            of: IndexedBy::Column(attnum),
            descending: false,
            nulls_first: false,
            collation: None,
            operators: None,
            ty: None,
        });
        Ok(Index {
            oid: self.shared.database.new_oid(),
            name,
            parts: parts.collect(),
            unique: true,
            nulls_not_distinct: *nulls_not_distinct,
            parameters: parameters.clone(),
            primary: *primary,
            constraint: Some(self.shared.database.new_oid()),
            method: "btree".to_owned(),
            predicate: None,
            include,
            reads: Vec::new(),
            timing: definition.timing,
            invalid: false,
            columns: named,
        })
    }

    /// Makes an index of a table a key of it.
    pub(super) fn make_key(
        &mut self,
        context: &StatementContext,
        relation: &mut Relation,
        definition: &ConstraintDefinition,
        name: &str,
    ) -> Result<()> {
        if context.snapshot.relation(relation.oid).is_none() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot use an existing index in CREATE TABLE",
            ));
        }
        if relation.is_partitioned() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "ALTER TABLE / ADD CONSTRAINT USING INDEX is not supported on partitioned tables",
            ));
        }
        let primary = matches!(
            definition.clause,
            ConstraintClause::OfIndex { primary: true, .. }
        );
        let mut indexes = relation.constraints.indexes.iter();
        let Some(place) = indexes.position(|index| index.name == name) else {
            let there = context.snapshot.index_named(relation.schema, name);
            return Err(match there {
                Some(_) => Error::new(
                    SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                    format!(
                        "index \"{name}\" does not belong to table \"{}\"",
                        relation.name
                    ),
                ),
                None => Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("index \"{name}\" does not exist"),
                ),
            });
        };
        check_makes_key(&relation.constraints.indexes[place])?;
        refuse_second_primary(relation, primary)?;
        let called = definition.name.as_deref().unwrap_or(name);
        if called != name {
            if is_taken(context, relation, called) {
                return Err(Error::new(
                    SqlState::DUPLICATE_TABLE,
                    format!("relation \"{called}\" already exists"),
                ));
            }
            self.notice(format!(
                "ALTER TABLE / ADD CONSTRAINT USING INDEX will rename index \"{name}\" to \
                 \"{called}\""
            ));
        }
        refuse_named(relation, called)?;
        let index = &mut relation.constraints.indexes[place];
        called.clone_into(&mut index.name);
        index.primary = primary;
        index.constraint = Some(self.shared.database.new_oid());
        index.timing = definition.timing;
        Ok(())
    }
}

/// Constraints declared together without keys that say what others say, too. The one that is left
/// is the primary key, if one of them is that, else the first; it is called as any of them is.
pub(super) fn without_repeated_keys(
    definitions: impl Iterator<Item = ConstraintDefinition>,
) -> Vec<ConstraintDefinition> {
    let is_primary = |definition: &ConstraintDefinition| matches!(definition.clause, ConstraintClause::Key { primary, .. } if primary);
    let (mut kept, others): (Vec<_>, Vec<_>) = definitions.partition(is_primary);
    for definition in others {
        match kept
            .iter_mut()
            .find(|prior| is_same_key(prior, &definition))
        {
            Some(prior) => prior.name = prior.name.take().or(definition.name),
            None => kept.push(definition),
        }
    }
    kept
}

/// Whether the index of one key is that of another.
fn is_same_key(one: &ConstraintDefinition, other: &ConstraintDefinition) -> bool {
    let said = |definition: &ConstraintDefinition| match &definition.clause {
        ConstraintClause::Key {
            primary: _,
            columns,
            include,
            nulls_not_distinct,
            parameters: _,
        } => Some((columns.clone(), include.clone(), *nulls_not_distinct)),
        _ => None,
    };
    one.timing == other.timing && said(one).is_some() && said(one) == said(other)
}

/// `42P16` for a primary key of a table that has one.
fn refuse_second_primary(relation: &Relation, primary: bool) -> Result<()> {
    if !primary || relation.constraints.primary().is_none() {
        return Ok(());
    }
    Err(Error::new(
        SqlState::INVALID_TABLE_DEFINITION,
        format!(
            "multiple primary keys for table \"{}\" are not allowed",
            relation.name
        ),
    ))
}

/// That an index can be made a key: it says no more than that columns are different together.
fn check_makes_key(index: &Index) -> Result<()> {
    let name = &index.name;
    if index.constraint.is_some() {
        return Err(Error::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("index \"{name}\" is already associated with a constraint"),
        ));
    }
    let is_expression = |part: &IndexPart| matches!(part.of, IndexedBy::Expression(_));
    let problem = if !index.unique {
        Some(format!("\"{name}\" is not a unique index"))
    } else if index.parts.iter().any(is_expression) {
        Some(format!("index \"{name}\" contains expressions"))
    } else if index.predicate.is_some() {
        Some(format!("\"{name}\" is a partial index"))
    } else {
        let mut parts = index.parts.iter();
        let odd = parts.position(|part| {
            part.descending
                || part.nulls_first
                || part.collation.is_some()
                || part.operators.is_some()
        });
        odd.map(|place| {
            let number = place + 1;
            format!(
                "index \"{name}\" column number {number} does not have default sorting behavior"
            )
        })
    };
    match problem {
        None => Ok(()),
        Some(problem) => Err(Error::new(SqlState::WRONG_OBJECT_TYPE, problem)
            .detail("Cannot create a primary key or unique constraint using such an index.")),
    }
}
