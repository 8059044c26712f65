//! ALTER COLUMN … ADD GENERATED … AS IDENTITY.

use super::sequence::{OfColumn, beside, check_identity_type};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, Column, Generation, Relation};
use crate::engine::definition::GenerationClause;
use crate::session::Session;
use crate::statement::StatementContext;

impl Session {
    /// What makes a column one of identity.
    ///
    /// # Errors
    /// `55000` for a column that has values already, or may be NULL.
    pub(super) fn add_identity(
        &self,
        context: &StatementContext,
        relation: &Relation,
        column: &Column,
        clause: &GenerationClause,
    ) -> Result<Vec<Change>> {
        let GenerationClause::Identity { always, options } = clause else {
            return Err(Error::unsupported("ALTER COLUMN … ADD GENERATED … AS ()"));
        };
        check_identity_type(column.ty)?;
        let state = SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
        let problem = if column.generation.is_some() {
            Some("is already an identity column")
        } else if column.default.is_some() {
            Some("already has a default value")
        } else {
            None
        };
        if let Some(problem) = problem {
            return Err(Error::new(
                state,
                format!(
                    "column \"{}\" of relation \"{}\" {problem}",
                    column.name, relation.name
                ),
            ));
        }
        if !column.not_null {
            return Err(Error::new(
                state,
                format!(
                    "column \"{}\" of relation \"{}\" must be declared NOT NULL before identity \
                     can be added",
                    column.name, relation.name
                ),
            ));
        }
        let sequence = self.column_sequence(
            context,
            beside(relation),
            &relation.name,
            &OfColumn {
                name: &column.name,
                ty: column.ty,
                owner: (relation.oid, column.attnum),
                identity: Some(options),
            },
            &[],
        )?;
        let generation = Generation::Identity {
            always: *always,
            sequence: sequence.oid,
        };
        Ok(vec![
            Change::CreateRelation(Box::new(sequence)),
            Change::AlterColumn {
                relation: relation.oid,
                column: Column {
                    generation: Some(generation),
                    ..column.clone()
                },
            },
        ])
    }
}

/// `55000` for a column that is none of identity.
pub(super) fn not_identity(relation: &Relation, column: &Column) -> Error {
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "column \"{}\" of relation \"{}\" is not an identity column",
            column.name, relation.name
        ),
    )
}
