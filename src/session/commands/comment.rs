//! COMMENT ON.

use super::alter::index_of;
use super::{drop::kind_of, drop::word_of, no_column, relation_of, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, ObjectId};
use crate::engine::command::{CommentTarget, ObjectKind};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};

impl Session {
    /// COMMENT ON. An empty comment removes it, as NULL does.
    pub(in crate::session) async fn comment(
        &mut self,
        on: &CommentTarget,
        text: Option<&str>,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let within = match on {
            CommentTarget::Object(ObjectKind::Index, name) => Some(index_of(&context, name)?),
            CommentTarget::Constraint { name, table } => {
                let relation = relation_of(&context, table)?;
                let constraint = relation.constraints.named(name).ok_or_else(|| {
                    Error::new(
                        SqlState::UNDEFINED_OBJECT,
                        format!(
                            "constraint \"{name}\" for table \"{}\" does not exist",
                            relation.name
                        ),
                    )
                })?;
                Some((relation.clone(), constraint))
            }
            CommentTarget::DomainConstraint { name, domain } => {
                let change = super::domain::commented(&context, domain, name, text)?;
                self.push(vec![change], Vec::new())?;
                return Ok(tag("COMMENT"));
            }
            CommentTarget::Policy { name, table } => {
                let done = self.comment_on_policy(&context, name, table, text, run.interrupt);
                return done.await;
            }
            CommentTarget::Trigger { name, table } => {
                let done = self.comment_on_trigger(&context, name, table, text, run.interrupt);
                return done.await;
            }
            CommentTarget::Object(..)
            | CommentTarget::Column { .. }
            | CommentTarget::Role(_)
            | CommentTarget::LargeObject(_)
            | CommentTarget::Routine(_)
            | CommentTarget::Operator(_)
            | CommentTarget::Cast(_)
            | CommentTarget::Statistics(_) => None,
        };
        if let Some((relation, oid)) = within {
            let mut constraints = relation.constraints.clone();
            match text {
                Some(text) => constraints.comments.insert(oid, text.to_owned()),
                None => constraints.comments.remove(&oid),
            };
            let change = Change::SetConstraints {
                relation: relation.oid,
                constraints,
            };
            self.push(vec![change], Vec::new())?;
            return Ok(tag("COMMENT"));
        }
        let (object, attnum) = match on {
            CommentTarget::Object(kind, name) => match kind {
                ObjectKind::Database => match super::drop::named(&context, *kind, name) {
                    Ok(database) => (database, None),
                    // A dump may say so of another database than the one it is loaded into.
                    Err(error) => {
                        self.warning(error.state(), error.message());
                        return Ok(tag("COMMENT"));
                    }
                },
                ObjectKind::Schema | ObjectKind::Type | ObjectKind::Domain => {
                    (super::drop::named(&context, *kind, name)?, None)
                }
                ObjectKind::Table
                | ObjectKind::View
                | ObjectKind::ForeignTable
                | ObjectKind::MaterializedView
                | ObjectKind::Sequence
                | ObjectKind::Index => {
                    let relation = relation_of(&context, name)?;
                    if kind_of(relation) != *kind {
                        return Err(Error::new(
                            SqlState::WRONG_OBJECT_TYPE,
                            format!("\"{}\" is not a {}", relation.name, word_of(*kind)),
                        ));
                    }
                    (ObjectId::Relation(relation.oid), None)
                }
            },
            CommentTarget::Column { relation, column }
                if let Some(change) =
                    super::composite::commented(&context, relation, column, text)? =>
            {
                self.push(vec![change], Vec::new())?;
                return Ok(tag("COMMENT"));
            }
            CommentTarget::Column { relation, column } => {
                let relation = relation_of(&context, relation)?;
                let column = relation
                    .column(column)
                    .ok_or_else(|| no_column(relation, column))?;
                (ObjectId::Relation(relation.oid), Some(column.attnum))
            }
            CommentTarget::Constraint { .. }
            | CommentTarget::DomainConstraint { .. }
            | CommentTarget::Policy { .. }
            | CommentTarget::Trigger { .. } => {
                return Err(Error::internal(
                    "commenting",
                    "the constraint was passed by",
                ));
            }
            CommentTarget::Routine(spec) => {
                let routine = super::routine_type::routine_of(&context, spec)?;
                (ObjectId::Routine(routine.oid), None)
            }
            CommentTarget::Operator(spec) => {
                let of = super::operator::users(&context, spec)?;
                (ObjectId::Definition(of.oid), None)
            }
            CommentTarget::Statistics(name) => {
                let of = super::statistics::named(&context, name)?;
                (ObjectId::Definition(of.oid), None)
            }
            CommentTarget::Cast(spec) => {
                let of = super::cast::users(&context, spec)?;
                (ObjectId::Definition(of.oid), None)
            }
            CommentTarget::LargeObject(oid) => {
                context.snapshot.must_large_object(*oid)?;
                (ObjectId::LargeObject(*oid), None)
            }
            CommentTarget::Role(name) => {
                (ObjectId::Role(context.snapshot.must_role(name)?.oid), None)
            }
        };
        let text = text.filter(|text| !text.is_empty()).map(str::to_owned);
        self.push(
            vec![Change::Comment {
                object,
                attnum,
                text,
            }],
            Vec::new(),
        )?;
        Ok(tag("COMMENT"))
    }
}
