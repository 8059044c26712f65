//! Materialized views: CREATE and REFRESH.

use std::sync::Arc;

use super::row_lock::refuse_row_locks;
use super::table::{of_main_table, stored_columns};
use super::view::view_of;
use super::{query::check_parameters, relation_of, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, ObjectId, Persistence, Relation, RelationKind};
use crate::database::LockMode;
use crate::engine::command::ObjectName;
use crate::engine::definition::CreateMaterialized;
use crate::engine::parse::changes_rows;
use crate::engine::parse_query;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;

impl Session {
    /// CREATE MATERIALIZED VIEW
    pub(in crate::session) async fn create_materialized(
        &mut self,
        create: &CreateMaterialized,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag("CREATE MATERIALIZED VIEW");
        let Some(place) = self.place(&context, &create.name, false, create.if_not_exists)? else {
            return Ok(done);
        };
        if create.query.with.as_ref().is_some_and(changes_rows) {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "materialized views must not use data-modifying statements in WITH",
            ));
        }
        let engine = self.shared.engine.clone();
        let work = engine.bind(&context, &create.query, &[]);
        let bound = interruptible(run.interrupt, work).await?;
        if !bound.parameters.is_empty() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "materialized views may not be defined using bound parameters",
            ));
        }
        check_parameters(bound.parameters.len(), 0)?;
        refuse_row_locks(&bound.needs, "a materialized view")?;
        let temporary = bound.reads.iter().any(|oid| {
            let relation = context.snapshot.relation(*oid);
            relation.is_some_and(|relation| relation.persistence == Persistence::Temporary)
        });
        if temporary {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "materialized views must not use temporary tables or views",
            ));
        }
        let columns = stored_columns(&context, &bound.columns, &create.columns)?;
        let view = view_of(&context, &create.text, &bound);
        let query = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let mut relation = self.new_relation(
            &create.name.name,
            place,
            columns,
            RelationKind::Materialized {
                view,
                populated: create.with_data,
                segments: Arc::from([]),
            },
        );
        self.say_no_effect(&create.storage);
        relation.tuning.parameters = of_main_table(&create.storage);
        self.push(
            vec![Change::CreateRelation(Box::new(relation.clone()))],
            Vec::new(),
        )?;
        if !create.with_data {
            return Ok(done);
        }
        let relation = Arc::new(relation);
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.fill(&calling, &relation, query, &[], run.interrupt);
        let (changes, rows) = self.serving(&mut queue, run.interrupt, work).await?;
        self.push_needing(changes, &[])?;
        Ok(tag(format!("SELECT {rows}")))
    }

    /// REFRESH MATERIALIZED VIEW: the query is run anew, with its owner's rights, and its answer
    /// takes the place of the old rows.
    pub(in crate::session) async fn refresh(
        &mut self,
        name: &ObjectName,
        concurrently: bool,
        with_data: bool,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let relation = relation_of(&context, name)?;
        let oid = relation.oid;
        if !matches!(relation.kind, RelationKind::Materialized { .. }) {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("\"{}\" is not a materialized view", relation.name),
            ));
        }
        let owner = Need::Owner {
            role: context.role,
            object: ObjectId::Relation(oid),
        };
        privileges::authorize(&context.snapshot, &[owner], ())?;
        self.lock(oid, LockMode::Exclusive, run.interrupt).await?;
        let context = self.context()?;
        let Some(relation) = context.snapshot.relation(oid).cloned() else {
            return Err(Error::internal("refreshing", "the view is gone"));
        };
        let RelationKind::Materialized {
            view,
            populated,
            segments,
        } = &relation.kind
        else {
            return Err(Error::internal("refreshing", "it is no materialized view"));
        };
        if concurrently && !populated {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "CONCURRENTLY cannot be used when the materialized view is not populated",
            ));
        }
        if concurrently && !relation.has_unique() {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!(
                    "cannot refresh materialized view \"{}\" concurrently",
                    context.snapshot.qualified_name(&relation)
                ),
            )
            .hint(
                "Create a unique index with no WHERE clause on one or more columns of the \
                 materialized view.",
            ));
        }
        let mut changes = Vec::new();
        if !segments.is_empty() {
            changes.push(Change::RemoveSegments {
                relation: oid,
                segments: segments.iter().map(|segment| segment.id).collect(),
            });
        }
        if with_data {
            match self.answer_of(&context, &relation, view, &run).await {
                Ok(rows) => changes.extend(rows),
                // What it reads holds arrays by now that it does not.
                Err(error) if error.fields().beyond_lists.is_some() => {
                    let (after, told) = self.told(&relation);
                    if told.is_empty() {
                        return Err(error);
                    }
                    changes.extend(told);
                    changes.extend(self.answer_of(&context, &after, view, &run).await?);
                }
                Err(error) => return Err(error),
            }
        }
        changes.push(Change::Populate {
            relation: oid,
            populated: with_data,
        });
        changes.push(Change::Touch { relation: oid });
        self.push_needing(changes, &[])?;
        Ok(tag("REFRESH MATERIALIZED VIEW"))
    }

    /// The rows of a materialized view's query, as its owner sees them.
    async fn answer_of(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        view: &crate::catalog::View,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let owner = Arc::new(StatementContext {
            role: relation.owner,
            search_path: privileges::search_path(
                &context.snapshot,
                relation.owner,
                &view.search_path,
                None,
            ),
            ..StatementContext::clone(context)
        });
        let query = parse_query(&view.query)?;
        let engine = self.shared.engine.clone();
        let work = engine.bind_view(&owner, &query, view);
        let bound = interruptible(run.interrupt, work)
            .await
            .map_err(Error::without_position)?;
        let query = privileges::authorize(&owner.snapshot, &bound.needs.clone(), bound)?;
        let mut bare = Relation::clone(relation);
        bare.kind = RelationKind::Table {
            segments: Arc::from([]),
        };
        let bare = Arc::new(bare);
        let (calling, mut queue) = owner.calling(self.acting_role());
        let work = engine.fill(&calling, &bare, query, &[], run.interrupt);
        let (changes, _) = self.serving(&mut queue, run.interrupt, work).await?;
        Ok(changes)
    }
}
