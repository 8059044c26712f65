//! What names of relations mean inside one query, straight from the snapshot.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema};
use datafusion::common::DataFusionError;
use datafusion::datasource::MemTable;
use datafusion::execution::SessionState;

use super::expression_kind::ExpressionKind;
use super::local::{LocalRelation, LocalRows};
use super::planning::Watch;
use super::source::{RelationBody, RelationSource};
use crate::base::{Error, Oid};
use crate::catalog::{SearchPath, View};
use crate::pg_catalog;
use crate::statement::{StatementContext, Transition};

/// Who looks names up, and where.
pub(super) struct Scope<'a> {
    /// The statement: its snapshot, and what functions such as `current_user` answer.
    pub(super) context: &'a Arc<StatementContext>,
    /// Whose privileges count: the caller's, or inside a view its owner's.
    pub(super) role: Oid,
    /// Where unqualified names are looked up: the caller's path, or the one a view was made with.
    pub(super) path: &'a SearchPath,
    /// Relations of this statement alone.
    pub(super) local: &'a [LocalRelation],
    /// The view whose body this is: its names mean what it was made over. An object made later
    /// under the same name cannot take the place of it, nor is a column added later part of `*`.
    pub(super) view: Option<&'a View>,
    /// Configuration.
    pub(super) state: &'a SessionState,
    /// Stops what takes too long.
    pub(super) watch: &'a Watch,
    /// The function whose body this is.
    pub(super) inside: Option<Inside>,
    /// Where the expressions stand that the query was made of, if they are part of none.
    pub(super) kind: Option<ExpressionKind>,
}

/// What holds inside the body of a function.
#[derive(Debug, Clone, Copy)]
pub(super) struct Inside {
    /// Whether names were looked up when it was made.
    pub(super) bound: bool,
}

impl Scope<'_> {
    /// The relation `schema.name` or `name` means.
    pub(super) fn find(&self, schema: Option<&str>, name: &str) -> Option<RelationSource> {
        let snapshot = &self.context.snapshot;
        if schema.is_none()
            && let Some(local) = self.local.iter().find(|local| local.name == name)
        {
            return Some(RelationSource::new(
                RelationBody::Local(local.clone()),
                false,
            ));
        }
        if schema.is_none()
            && self.inside.is_none()
            && self.view.is_none()
            && let Some(transition) = self.context.transitions.iter().find(|of| of.name == name)
        {
            return transition_source(self.context, transition);
        }
        let within = |schema: Oid| {
            pg_catalog::find(schema, name).map_or_else(
                || {
                    snapshot
                        .relation_named(schema, name)
                        .and_then(|relation| match self.view {
                            Some(view) => view.sees(relation),
                            None => Some(relation.clone()),
                        })
                        .map(|relation| snapshot.as_read(&relation))
                        .map(RelationBody::Stored)
                },
                |relation| Some(RelationBody::System(relation)),
            )
        };
        let body = match schema {
            None => self.path.lookup.iter().find_map(|schema| within(*schema)),
            Some("pg_temp") => self.path.temporary.and_then(within),
            Some(schema) => snapshot
                .schema_named(schema)
                .and_then(|schema| within(schema.oid)),
        };
        let bound = self.inside.is_some_and(|inside| inside.bound);
        // What a view was made over was found when it was made.
        let looked_up = schema.is_some() && !bound && self.view.is_none();
        let source = body.map(|body| RelationSource::new(body, looked_up));
        match self.inside {
            // There the context is the body's, with its role.
            Some(_) => source.map(|source| source.within(Arc::clone(self.context))),
            None => source,
        }
    }
}

/// One of our errors on its way through DataFusion.
pub(super) fn external(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The rows that a trigger gives a name to.
fn transition_source(
    context: &StatementContext,
    transition: &Transition,
) -> Option<RelationSource> {
    let relation = context.snapshot.relation(transition.relation)?;
    let columns = relation.columns.iter();
    let fields: Vec<Field> = columns
        .map(|column| column.ty.field(&column.name, true))
        .collect();
    let rows = transition.rows.clone().into_iter().collect();
    let table = MemTable::try_new(Arc::new(Schema::new(fields)), vec![rows]).ok()?;
    let local = LocalRelation {
        name: transition.name.clone(),
        relation: relation.oid,
        origins: Vec::new(),
        rows: LocalRows::Provider(Arc::new(table)),
    };
    Some(RelationSource::new(RelationBody::Local(local), false))
}
