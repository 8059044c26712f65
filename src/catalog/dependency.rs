//! What depends on what: the words of messages, and the closure of DROP … CASCADE.

use std::collections::BTreeSet;

use super::{Change, ObjectId, Snapshot};
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
    pub object: Dependent,
    /// On what.
    pub on: ObjectId,
}

/// What can depend on an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Dependent {
    /// An object, which goes.
    Object(ObjectId),
    /// The default of a column, which goes and leaves the column.
    Default(Oid, i16),
    /// A foreign key, by its OID, which goes and leaves the table.
    ForeignKey(Oid, Oid),
}

impl Cascade {
    /// The NOTICE "drop cascades to …"; `None` if nothing else goes. `snapshot` is the catalog
    /// before the drop.
    pub fn notice(&self, snapshot: &Snapshot) -> Option<Report> {
        let lines: Vec<String> = self
            .others
            .iter()
            .map(|other| {
                let what = snapshot.describe_dependent(other.object, &|o| snapshot.describe(o));
                format!("drop cascades to {what}")
            })
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

    /// What depends, as messages name it; `describe` names whole objects.
    pub fn describe_dependent(
        &self,
        dependent: Dependent,
        describe: &dyn Fn(ObjectId) -> String,
    ) -> String {
        match dependent {
            Dependent::Object(object) => describe(object),
            Dependent::Default(table, attnum) => {
                let column = self
                    .relation(table)
                    .and_then(|relation| relation.columns.iter().find(|c| c.attnum == attnum));
                format!(
                    "default value for column {} of {}",
                    column.map_or("?", |column| column.name.as_str()),
                    describe(ObjectId::Relation(table))
                )
            }
            Dependent::ForeignKey(table, key) => {
                let key = self.relation(table).and_then(|relation| {
                    relation.constraints.foreign.iter().find(|k| k.oid == key)
                });
                format!(
                    "constraint {} on {}",
                    key.map_or("?", |key| key.name.as_str()),
                    describe(ObjectId::Relation(table))
                )
            }
        }
    }

    /// Foreign keys that refer to `table`, with the tables that have them.
    pub fn references_to(
        &self,
        table: Oid,
    ) -> impl Iterator<Item = (&std::sync::Arc<super::Relation>, &super::ForeignKey)> {
        self.relations().flat_map(move |relation| {
            let keys = relation.constraints.foreign.iter();
            keys.filter(move |key| key.table == table)
                .map(move |key| (relation, key))
        })
    }

    /// The sequences that go with `table`: owned by a column of it, or all of them by `column`.
    pub fn owned_sequences(&self, table: Oid, column: Option<i16>) -> Vec<Oid> {
        self.relations()
            .filter(|relation| {
                let owner = relation.sequence().and_then(|sequence| sequence.owned_by);
                owner.is_some_and(|(of, attnum)| {
                    of == table && column.is_none_or(|column| column == attnum)
                })
            })
            .map(|relation| relation.oid)
            .collect()
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
        let Walk {
            visited,
            changes,
            mut others,
            ..
        } = walk;
        // What is in an object that goes itself is not worth a word.
        others.retain(|other| match other.object {
            Dependent::Object(_) => true,
            Dependent::Default(table, _) | Dependent::ForeignKey(table, _) => {
                !visited.contains(&ObjectId::Relation(table))
            }
        });
        Ok(Cascade { changes, others })
    }

    /// What depends directly on `object`, in OID order.
    pub(super) fn direct_dependants(&self, object: ObjectId) -> Vec<ObjectId> {
        match object {
            ObjectId::Database | ObjectId::Role(_) => Vec::new(),
            ObjectId::Schema(schema) => {
                let owned = |relation: &super::Relation| {
                    let owner = relation.sequence().and_then(|sequence| sequence.owned_by);
                    owner.is_some_and(|(table, _)| {
                        self.relation(table).is_some_and(|t| t.schema == schema)
                    })
                };
                let mut oids: Vec<Oid> = self
                    .relations_in(schema)
                    .filter(|relation| !owned(relation))
                    .map(|r| r.oid)
                    .collect();
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
                    self.describe_dependent(other.object, &|object| self.describe(object)),
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
            if let Some(view) = self.relation(oid).and_then(|relation| relation.view()) {
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
            self.others.push(Dependence {
                object: Dependent::Object(object),
                on,
            });
        }
        for dependant in self.snapshot.direct_dependants(object) {
            // Members of a dropped schema are listed under the schema, whatever else they depend
            // on.
            let on = self.dropped_schema_of(dependant).unwrap_or(object);
            self.visit(dependant, Some(on));
        }
        if let ObjectId::Relation(oid) = object {
            self.release(oid);
        }
        self.changes.push(Change::Drop(object));
        if let ObjectId::Relation(oid) = object {
            for sequence in self.snapshot.owned_sequences(oid, None) {
                // It goes with its column, without a word.
                self.visit(ObjectId::Relation(sequence), None);
            }
        }
    }

    /// Takes away what other tables have that refers to `oid`.
    fn release(&mut self, oid: Oid) {
        let on = ObjectId::Relation(oid);
        let gone = |walk: &Self, table: Oid| {
            table == oid
                || walk
                    .changes
                    .contains(&Change::Drop(ObjectId::Relation(table)))
        };
        for (from, key) in self.snapshot.references_to(oid) {
            if gone(self, from.oid) {
                continue;
            }
            self.changes.push(Change::DropConstraint {
                relation: from.oid,
                constraint: key.oid,
            });
            if !self.roots.contains(&ObjectId::Relation(from.oid)) {
                self.others.push(Dependence {
                    object: Dependent::ForeignKey(from.oid, key.oid),
                    on,
                });
            }
        }
        if self
            .snapshot
            .relation(oid)
            .and_then(|r| r.sequence())
            .is_none()
        {
            return;
        }
        for table in self.snapshot.relations() {
            for column in table
                .columns
                .iter()
                .filter(|c| c.sequences().contains(&oid))
            {
                if gone(self, table.oid) {
                    continue;
                }
                self.changes.push(Change::AlterColumn {
                    relation: table.oid,
                    column: super::Column {
                        default: None,
                        generation: None,
                        ..column.clone()
                    },
                });
                if !self.roots.contains(&ObjectId::Relation(table.oid)) {
                    self.others.push(Dependence {
                        object: Dependent::Default(table.oid, column.attnum),
                        on,
                    });
                }
            }
        }
    }

    fn dropped_schema_of(&self, object: ObjectId) -> Option<ObjectId> {
        let ObjectId::Relation(oid) = object else {
            return None;
        };
        let schema = ObjectId::Schema(self.snapshot.relation(oid)?.schema);
        self.roots.contains(&schema).then_some(schema)
    }
}
