//! LIKE, among the columns of CREATE TABLE: what is taken over from another table.

use std::sync::Arc;

use super::tuning::compression_of;
use super::{collation, relation_of};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{
    Generation, Index, IndexedBy, ObjectId, Privilege, Relation, RelationKind, Timing,
};
use crate::engine::TypeName;
use crate::engine::command::CreateTable;
use crate::engine::definition::{
    ColumnDefinition, ConstraintClause, ConstraintDefinition, GenerationClause, Like,
    SequenceOption,
};
use crate::privileges::{self, Need};
use crate::session::Session;
use crate::statement::StatementContext;

/// The columns of a table to be, and what was taken over with some of them.
pub(super) struct TakenOver {
    pub(super) columns: Vec<ColumnDefinition>,
    pub(super) constraints: Vec<ConstraintDefinition>,
    /// Indexes that are no constraints, with their tables.
    pub(super) indexes: Vec<(Arc<Relation>, Index)>,
    /// Comments by attnum.
    pub(super) comments: Vec<(i16, String)>,
}

impl Session {
    /// The columns of CREATE TABLE, those of LIKE in their places.
    pub(super) fn taken_over(
        &self,
        context: &StatementContext,
        create: &CreateTable,
    ) -> Result<TakenOver> {
        let mut taken = TakenOver {
            columns: Vec::new(),
            constraints: Vec::new(),
            indexes: Vec::new(),
            comments: Vec::new(),
        };
        let mut likes = create.likes.iter().peekable();
        for position in 0..=create.columns.len() {
            while let Some(like) = likes.next_if(|like| like.position == position) {
                let relation = relation_of(context, &like.table)?;
                let reads = Need::Privilege {
                    role: context.role,
                    object: ObjectId::Relation(relation.oid),
                    any_of: Privilege::Select.into(),
                };
                privileges::authorize(&context.snapshot, &[reads], ())?;
                take_over(context, relation, like, &mut taken)?;
            }
            taken.columns.extend(create.columns.get(position).cloned());
        }
        for (index, column) in taken.columns.iter().enumerate() {
            if taken.columns[..index].iter().any(|c| c.name == column.name) {
                return Err(Error::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column \"{}\" specified more than once", column.name),
                ));
            }
        }
        Ok(taken)
    }
}

fn take_over(
    context: &StatementContext,
    relation: &Arc<Relation>,
    like: &Like,
    taken: &mut TakenOver,
) -> Result<()> {
    if let RelationKind::Sequence(_) = relation.kind {
        return Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("relation \"{}\" is invalid in LIKE clause", relation.name),
        )
        .detail("This operation is not supported for sequences."));
    }
    let including = like.including;
    for column in &relation.columns {
        let mut generation = None;
        match &column.generation {
            Some(Generation::Identity { always, sequence }) if including.identity => {
                generation = Some(GenerationClause::Identity {
                    always: *always,
                    options: options_of(context, *sequence),
                });
            }
            Some(Generation::Stored { expression, .. }) if including.generated => {
                generation = Some(GenerationClause::Stored(expression.clone()));
            }
            Some(_) | None => {}
        }
        if let Some(comment) = column.comment.as_ref().filter(|_| including.comments) {
            let attnum = i16::try_from(taken.columns.len() + 1).unwrap_or(i16::MAX);
            taken.comments.push((attnum, comment.clone()));
        }
        taken.columns.push(ColumnDefinition {
            name: column.name.clone(),
            ty: TypeName::Known(column.ty),
            serial: false,
            compression: including
                .compression
                .then(|| compression_of(relation, column.attnum))
                .flatten(),
            collation: column.collation.and_then(collation::written),
            not_null: column.not_null,
            default: column.default.clone().filter(|_| including.defaults),
            generation,
            constraints: Vec::new(),
        });
    }
    if including.constraints {
        for check in &relation.constraints.checks {
            taken.constraints.push(ConstraintDefinition {
                name: Some(check.name.clone()),
                clause: ConstraintClause::Check {
                    expression: check.expression.clone(),
                    no_inherit: check.no_inherit,
                },
                timing: Timing::NotDeferrable,
                not_valid: false,
            });
        }
    }
    if including.indexes {
        let name_of = |attnum: i16| {
            let column = relation.columns.iter().find(|c| c.attnum == attnum);
            column.map(|column| column.name.clone()).unwrap_or_default()
        };
        for index in &relation.constraints.indexes {
            if index.constraint.is_none() {
                taken.indexes.push((relation.clone(), index.clone()));
                continue;
            }
            let columns = index.parts.iter().filter_map(|part| match part.of {
                IndexedBy::Column(attnum) => Some(name_of(attnum)),
                IndexedBy::Expression(_) => None,
            });
            taken.constraints.push(ConstraintDefinition {
                name: None,
                clause: ConstraintClause::Key {
                    primary: index.primary,
                    columns: columns.collect(),
                    include: index.include.iter().map(|a| name_of(*a)).collect(),
                    nulls_not_distinct: index.nulls_not_distinct,
                    parameters: index.parameters.clone(),
                },
                timing: index.timing,
                not_valid: false,
            });
        }
    }
    Ok(())
}

/// The options that make a sequence like another one.
fn options_of(context: &StatementContext, sequence: crate::base::Oid) -> Vec<SequenceOption> {
    let relation = context.snapshot.relation(sequence);
    let Some(sequence) = relation.and_then(|relation| relation.sequence()) else {
        return Vec::new();
    };
    vec![
        SequenceOption::Increment(sequence.increment),
        SequenceOption::Min(Some(sequence.min)),
        SequenceOption::Max(Some(sequence.max)),
        SequenceOption::Start(sequence.start),
        SequenceOption::Cache(sequence.cache),
        SequenceOption::Cycle(sequence.cycle),
    ]
}
