//! ALTER COLUMN … TYPE.

use std::sync::Arc;

use super::alter::as_server;
use super::column_type::check_column_type;
use super::constraint::shown;
use super::drop::describe;
use super::sequence::check_identity_type;
use super::table::{check_kept, stored_name};
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, Column, Generation, ObjectId, Relation, RelationKind};
use crate::engine::definition::SequenceOption;
use crate::engine::{ExpressionKind, check_assignable, is_literal, parse_query};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;

impl Session {
    /// ALTER COLUMN … TYPE: every row is written anew. `to` is the column with its new type.
    pub(super) async fn set_type(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        column: &Column,
        to: Column,
        using: Option<&str>,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let ty = to.ty;
        check_column_type(context, &column.name, ty)?;
        if matches!(column.generation, Some(Generation::Identity { .. })) {
            check_identity_type(ty)?;
        }
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(relation.has_no_action("ALTER COLUMN ... SET DATA TYPE"));
        }
        let read = relation.columns.iter().find(|other| {
            matches!(&other.generation, Some(Generation::Stored { columns, .. })
                if columns.contains(&column.attnum))
        });
        if let Some(other) = read {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot alter type of a column used by a generated column",
            )
            .detail(format!(
                "Column \"{}\" is used by generated column \"{}\".",
                column.name, other.name
            )));
        }
        let used = |by: &str, user: String| {
            Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("cannot alter type of a column used {by}"),
            )
            .detail(format!("{user} depends on column \"{}\"", column.name)))
        };
        let (table, attnum) = (relation.oid, column.attnum);
        if let Some(view) = context.snapshot.views_naming(table, attnum).next() {
            let view = describe(context, ObjectId::Relation(view.oid));
            return used("by a view or rule", format!("rule _RETURN on {view}"));
        }
        if let Some(routine) = context.snapshot.routines_naming(table, attnum).next() {
            return used("by a function or procedure", describe(context, routine));
        }
        let on = |of: &Relation| describe(context, ObjectId::Relation(of.oid));
        let mut policies = context
            .snapshot
            .policies_that(|policy| policy.names_column(table, attnum));
        if let Some((of, policy)) = policies.next() {
            let user = format!("policy {} on {}", policy.name, on(of));
            return used("in a policy definition", user);
        }
        let mut triggers = relation.triggers.iter();
        if let Some(trigger) = triggers.find(|trigger| {
            let mut asked = trigger.condition_columns(table);
            trigger.columns.contains(&attnum) || asked.any(|asked| asked == attnum)
        }) {
            let user = format!("trigger {} on {}", trigger.name, on(relation));
            return used("in a trigger definition", user);
        }
        let expression = match using {
            Some(using) => {
                let kind = ExpressionKind::Transform;
                let from = self
                    .rule_type(kind, context, relation, using, None, run)
                    .await?;
                if from != PgType::UNKNOWN
                    && check_assignable(&context.snapshot, &column.name, from, ty).is_err()
                {
                    return Err(Error::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "result of USING clause for column \"{}\" cannot be cast \
                             automatically to type {}",
                            column.name,
                            ty.with_typmod(-1)
                        ),
                    )
                    .hint("You might need to add an explicit cast."));
                }
                format!("({using})")
            }
            None => {
                if check_assignable(&context.snapshot, &column.name, column.ty, ty).is_err() {
                    return Err(Error::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "column \"{}\" cannot be cast automatically to type {}",
                            column.name,
                            ty.with_typmod(-1)
                        ),
                    )
                    .hint(format!(
                        "You might need to specify \"USING {}::{}\".",
                        quote(&column.name),
                        ty.with_typmod(-1)
                    )));
                }
                shown(&column.name)
            }
        };
        let fits = match &column.default {
            None => true,
            // A literal has the type it was first used as; other expressions have their own.
            Some(default) if is_literal(default)? => {
                check_assignable(&context.snapshot, &column.name, column.ty, ty).is_ok()
            }
            Some(default) => {
                let checked = self.check_default(context, &column.name, default, ty, run);
                checked.await.is_ok()
            }
        };
        if !fits {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "default for column \"{}\" cannot be cast automatically to type {}",
                    column.name,
                    ty.with_typmod(-1)
                ),
            ));
        }
        if let Some(expression) = column.expression() {
            let from = self
                .rule_type(
                    ExpressionKind::Generation,
                    context,
                    relation,
                    expression,
                    None,
                    run,
                )
                .await?;
            check_kept(&context.snapshot, &column.name, from, ty)?;
        }
        let new = Column {
            stored_name: format!(
                "{}_{}",
                stored_name(&column.name, column.attnum),
                self.shared.database.new_oid()
            ),
            ..to
        };
        let server = as_server(context);
        let list: Vec<String> = relation
            .columns
            .iter()
            .map(|other| {
                if other.attnum == column.attnum {
                    expression.clone()
                } else {
                    shown(&other.name)
                }
            })
            .collect();
        let query = parse_query(&format!(
            "SELECT {} FROM ONLY {}",
            list.join(", "),
            context.snapshot.qualified_name(relation)
        ))?;
        let engine = self.shared.engine.clone();
        let bound = interruptible(run.interrupt, engine.bind(&server, &query, &[]))
            .await
            .map_err(Error::without_position)?;
        let query = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let mut after = Relation::clone(relation);
        for other in after.columns.iter_mut().filter(|c| c.attnum == new.attnum) {
            *other = new.clone();
        }
        let retyped = self.stand_on_type(context, &after, new.attnum, run).await?;
        self.lock_other_sides(context, relation, new.attnum, run)
            .await?;
        after.kind = RelationKind::Table {
            segments: Arc::from([]),
        };
        let after = Arc::new(after);
        let (calling, mut queue) = server.calling(self.acting_role());
        let work = engine.fill(&calling, &after, query, &[], run.interrupt);
        let (added, _) = self.serving(&mut queue, run.interrupt, work).await?;
        let mut changes: Vec<_> = Change::emptying(relation).into_iter().collect();
        changes.push(Change::AlterColumn {
            relation: relation.oid,
            column: new,
        });
        changes.extend(retyped);
        changes.extend(added);
        if let Some(Generation::Identity { sequence, .. }) = &column.generation
            && let Some(sequence) = context.snapshot.relation(*sequence)
        {
            let options = [SequenceOption::Type(ty)];
            changes.push(self.altered_sequence(context, sequence, &options)?);
        }
        self.push(changes, Vec::new())?;
        // What was promised of the values must hold of what they became.
        let context = self.context()?;
        let Some(after) = context.snapshot.relation(relation.oid).cloned() else {
            return Err(Error::internal("changing a type", "the table is gone"));
        };
        if let Some(new) = after.columns.iter().find(|c| c.attnum == column.attnum) {
            self.check_domain_of(&context, &after, new, run).await?;
        }
        let mut before = Relation::clone(&after);
        before.constraints = crate::catalog::Constraints::NONE;
        for column in &mut before.columns {
            column.not_null = false;
        }
        self.check_rows_of(&context, &before, &after, run).await?;
        self.recheck_referring(&context, &after, column.attnum, run)
            .await?;
        Ok(Vec::new())
    }
}
