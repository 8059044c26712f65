//! COMMENT ON.

use super::{drop::kind_of, drop::word_of, no_column, relation_of, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, ObjectId};
use crate::engine::command::{CommentTarget, ObjectKind};
use crate::session::{CommandTag, Session};

impl Session {
    /// COMMENT ON. An empty comment removes it, as NULL does.
    pub(in crate::session) fn comment(
        &mut self,
        on: &CommentTarget,
        text: Option<&str>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
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
                ObjectKind::Schema => (super::drop::named(&context, *kind, name)?, None),
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
            CommentTarget::Column { relation, column } => {
                let relation = relation_of(&context, relation)?;
                let column = relation
                    .column(column)
                    .ok_or_else(|| no_column(relation, column))?;
                (ObjectId::Relation(relation.oid), Some(column.attnum))
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
