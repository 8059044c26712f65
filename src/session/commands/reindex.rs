//! REINDEX. What an index says follows from its table's rows whenever it is asked for, so there is
//! nothing that could be broken and nothing to rebuild: names and rights are checked.

use super::alter::index_of;
use super::drop::{kind_of, named};
use super::{relation_of, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::ObjectId;
use crate::engine::command::{ObjectKind, ObjectName, Reindex};
use crate::privileges::{self, Need};
use crate::session::{CommandTag, Session};

impl Session {
    /// REINDEX
    pub(in crate::session) fn reindex(&mut self, reindex: &Reindex) -> Result<CommandTag> {
        let alone = match reindex {
            Reindex::Index(_, false) | Reindex::Table(_, false) => None,
            Reindex::Index(_, true) | Reindex::Table(_, true) => Some("REINDEX CONCURRENTLY"),
            Reindex::Schema(_) => Some("REINDEX SCHEMA"),
            Reindex::Database { system: false, .. } => Some("REINDEX DATABASE"),
            Reindex::Database { system: true, .. } => Some("REINDEX SYSTEM"),
        };
        if let Some(what) = alone {
            self.refuse_in_block(what)?;
        }
        let context = self.context()?;
        let object = match reindex {
            Reindex::Index(name, _) => {
                let found = index_of(&context, name).map_err(|error| {
                    match relation_of(&context, name) {
                        Ok(relation) => Error::new(
                            SqlState::WRONG_OBJECT_TYPE,
                            format!("\"{}\" is not an index", relation.name),
                        ),
                        Err(_) => error,
                    }
                })?;
                ObjectId::Relation(found.0.oid)
            }
            Reindex::Table(name, _) => {
                let relation = relation_of(&context, name).map_err(|error| {
                    match index_of(&context, name) {
                        Ok(_) => not_a_table(&name.name),
                        Err(_) => error,
                    }
                })?;
                let kind = kind_of(relation);
                if !matches!(kind, ObjectKind::Table | ObjectKind::MaterializedView) {
                    return Err(not_a_table(&relation.name));
                }
                ObjectId::Relation(relation.oid)
            }
            Reindex::Schema(name) => ObjectId::Schema(context.snapshot.must_schema(name)?.oid),
            Reindex::Database { system: _, name } => {
                let name = ObjectName {
                    schema: None,
                    name: name.clone(),
                };
                named(&context, ObjectKind::Database, &name).map_err(|_| {
                    Error::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        "can only reindex the currently open database",
                    )
                })?
            }
        };
        let owner = Need::Owner {
            role: context.role,
            object,
        };
        privileges::authorize(&context.snapshot, &[owner], ())?;
        if let (Reindex::Table(..), ObjectId::Relation(oid)) = (reindex, object)
            && let Some(relation) = context.snapshot.relation(oid)
            && relation.constraints.indexes.is_empty()
        {
            self.notice(format!(
                "table \"{}\" has no indexes to reindex",
                relation.name
            ));
        }
        Ok(tag("REINDEX"))
    }
}

fn not_a_table(name: &str) -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{name}\" is not a table or materialized view"),
    )
}
