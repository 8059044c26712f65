//! What depends on what: the words of messages, and the closure of DROP … CASCADE.

use std::collections::BTreeSet;

use super::{Change, ObjectId, RelationKind, Snapshot};
use crate::base::error::Report;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};

/// What DROP … CASCADE comes to. Whoever may drop the roots may drop it all: only the roots' needs
/// count, as in PostgreSQL.
#[derive(Debug, Clone, PartialEq)]
pub struct Cascade {
    /// The drops, in an order in which each can be applied: dependants first, what was asked for
    /// last.
    pub changes: Vec<Change>,
    /// What goes beside what was asked for, in the order PostgreSQL lists it: first the object,
    /// then its dependants.
    pub others: Vec<Dependence>,
}

/// `object` depends on `on`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Dependence {
    /// What depends.
    pub object: ObjectId,
    /// On what.
    pub on: ObjectId,
}

impl Cascade {
    /// The NOTICE "drop cascades to …"; `None` if nothing else goes. `snapshot` is the catalog
    /// before the drop.
    pub fn notice(&self, snapshot: &Snapshot) -> Option<Report> {
        let lines: Vec<String> = self
            .others
            .iter()
            .map(|other| format!("drop cascades to {}", snapshot.describe(other.object)))
            .collect();
        match lines.as_slice() {
            [] => None,
            [one] => Some(Report::notice(one.clone())),
            many => {
                let mut report =
                    Report::notice(format!("drop cascades to {} other objects", many.len()));
                report.error = report.error.detail(many.join("\n"));
                Some(report)
            }
        }
    }
}

impl Snapshot {
    /// An object as messages name it: `view team.delays`, `schema team`, `role ann`. Relations are
    /// always qualified: the catalog knows no search path.
    pub fn describe(&self, object: ObjectId) -> String {
        match object {
            ObjectId::Database => format!("database {}", quote(&self.database.name)),
            ObjectId::Schema(oid) => match self.schema(oid) {
                Some(schema) => format!("schema {}", quote(&schema.name)),
                None => object.to_string(),
            },
            ObjectId::Relation(oid) => match self.relation(oid) {
                Some(relation) => {
                    format!("{} {}", relation.kind_name(), self.qualified_name(relation))
                }
                None => object.to_string(),
            },
            ObjectId::Role(oid) => match self.role(oid) {
                Some(role) => format!("role {}", quote(&role.name)),
                None => object.to_string(),
            },
        }
    }

    /// Everything that goes if `roots` go. Roles own nothing this way: DROP ROLE has no CASCADE.
    ///
    /// # Errors
    /// As [`Snapshot::apply`] for roots that are not there.
    pub fn dependants_closure(&self, roots: &[ObjectId]) -> Result<Cascade> {
        let mut walk = Walk {
            snapshot: self,
            roots,
            visited: BTreeSet::new(),
            changes: Vec::new(),
            others: Vec::new(),
        };
        for root in roots {
            self.must_exist(*root)?;
            walk.visit(*root, None);
        }
        Ok(Cascade {
            changes: walk.changes,
            others: walk.others,
        })
    }

    /// What depends directly on `object`, in OID order.
    pub(super) fn direct_dependants(&self, object: ObjectId) -> Vec<ObjectId> {
        match object {
            ObjectId::Database | ObjectId::Role(_) => Vec::new(),
            ObjectId::Schema(schema) => {
                let mut oids: Vec<Oid> = self.relations_in(schema).map(|r| r.oid).collect();
                oids.sort_unstable();
                oids.into_iter().map(ObjectId::Relation).collect()
            }
            ObjectId::Relation(oid) => self
                .dependants(oid)
                .filter(|other| other.oid != oid)
                .map(|other| ObjectId::Relation(other.oid))
                .collect(),
        }
    }

    /// `2BP01` if anything depends on `object`, listing all of it as PostgreSQL does.
    pub(super) fn refuse_dependants(&self, object: ObjectId, doing: &str) -> Result<()> {
        let closure = self.dependants_closure(&[object])?;
        if closure.others.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = closure
            .others
            .iter()
            .map(|other| {
                format!(
                    "{} depends on {}",
                    self.describe(other.object),
                    self.describe(other.on)
                )
            })
            .collect();
        Err(Error::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot {doing} because other objects depend on it"),
        )
        .detail(lines.join("\n"))
        .hint("Use DROP ... CASCADE to drop the dependent objects too."))
    }

    /// `0A000` if a view reads `relation`. View bodies are kept as their authors wrote them, so a
    /// name they use must keep its meaning: a renamed table would leave them broken, or reading
    /// whatever takes the name next.
    pub(super) fn refuse_readers(&self, relation: Oid, doing: &str) -> Result<()> {
        let readers: Vec<String> = self
            .dependants(relation)
            .map(|view| format!("{} reads it.", self.describe(ObjectId::Relation(view.oid))))
            .collect();
        if readers.is_empty() {
            return Ok(());
        }
        Err(Error::unsupported(format!("{doing} while views read it"))
            .detail(readers.join("\n"))
            .hint("Drop the views first and create them again afterwards."))
    }

    /// Whether the view body `reads` leads back to `view`.
    pub(super) fn reads_reach(&self, reads: &[Oid], view: Oid) -> bool {
        let mut seen = BTreeSet::new();
        let mut open: Vec<Oid> = reads.to_vec();
        while let Some(oid) = open.pop() {
            if oid == view {
                return true;
            }
            if !seen.insert(oid) {
                continue;
            }
            if let Some(RelationKind::View(view)) = self.relation(oid).map(|r| &r.kind) {
                open.extend(&view.depends_on);
            }
        }
        false
    }
}

/// Depth first over dependants: `others` in the order met, `changes` in the order left.
struct Walk<'a> {
    snapshot: &'a Snapshot,
    roots: &'a [ObjectId],
    visited: BTreeSet<ObjectId>,
    changes: Vec<Change>,
    others: Vec<Dependence>,
}

impl Walk<'_> {
    fn visit(&mut self, object: ObjectId, on: Option<ObjectId>) {
        if !self.visited.insert(object) {
            return;
        }
        if let Some(on) = on
            && !self.roots.contains(&object)
        {
            self.others.push(Dependence { object, on });
        }
        for dependant in self.snapshot.direct_dependants(object) {
            // Members of a dropped schema are listed under the schema, whatever else they depend
            // on.
            let on = self.dropped_schema_of(dependant).unwrap_or(object);
            self.visit(dependant, Some(on));
        }
        self.changes.push(Change::Drop(object));
    }

    fn dropped_schema_of(&self, object: ObjectId) -> Option<ObjectId> {
        let ObjectId::Relation(oid) = object else {
            return None;
        };
        let schema = ObjectId::Schema(self.snapshot.relation(oid)?.schema);
        self.roots.contains(&schema).then_some(schema)
    }
}
