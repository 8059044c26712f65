//! What depends on what: the words of messages, and the closure of DROP … CASCADE.

use std::collections::BTreeSet;

use super::routine::calls;
use super::{Change, IndexedBy, ObjectId, Snapshot};
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
    /// A constraint, by its OID, which goes and leaves the table.
    Constraint(Oid, Oid),
    /// A column, which goes and leaves the table.
    Column(Oid, i16),
    /// An index, by its OID, which goes and leaves the table.
    Index(Oid, Oid),
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
            ObjectId::Routine(oid) => match self.routine(oid) {
                Some(routine) => {
                    let schema = self.schema(routine.schema).map(|s| s.name.as_str());
                    format!(
                        "{} {}",
                        routine.kind_name(),
                        self.signature(routine, schema)
                    )
                }
                None => object.to_string(),
            },
            ObjectId::Type(oid) => match self.user_type(oid) {
                Some(ty) => {
                    let schema = self.schema(ty.schema).map_or("?", |s| s.name.as_str());
                    format!("type {}.{}", quote(schema), quote(&ty.name))
                }
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
            Dependent::Constraint(table, oid) => {
                let name = self.relation(table).and_then(|relation| {
                    let of = &relation.constraints;
                    let key = of.foreign.iter().find(|key| key.oid == oid);
                    let check = of.checks.iter().find(|check| check.oid == oid);
                    key.map(|key| key.name.as_str())
                        .or_else(|| check.map(|check| check.name.as_str()))
                });
                format!(
                    "constraint {} on {}",
                    name.unwrap_or("?"),
                    describe(ObjectId::Relation(table))
                )
            }
            Dependent::Column(table, attnum) => {
                let column = self
                    .relation(table)
                    .and_then(|relation| relation.columns.iter().find(|c| c.attnum == attnum));
                format!(
                    "column {} of {}",
                    column.map_or("?", |column| column.name.as_str()),
                    describe(ObjectId::Relation(table))
                )
            }
            Dependent::Index(table, oid) => {
                let index = self.relation(table).and_then(|relation| {
                    relation.constraints.indexes.iter().find(|i| i.oid == oid)
                });
                format!("index {}", index.map_or("?", |index| index.name.as_str()))
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
            Dependent::Default(table, _)
            | Dependent::Constraint(table, _)
            | Dependent::Column(table, _)
            | Dependent::Index(table, _) => !visited.contains(&ObjectId::Relation(table)),
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
                let routines = self.routines_in(schema).map(|r| ObjectId::Routine(r.oid));
                let types = self.types_in(schema).map(|ty| ObjectId::Type(ty.oid));
                let relations = oids.into_iter().map(ObjectId::Relation);
                relations.chain(types).chain(routines).collect()
            }
            ObjectId::Type(oid) => self
                .domains_over(oid)
                .map(|domain| ObjectId::Type(domain.oid))
                .chain(self.routines_of_type(oid))
                .chain(
                    self.views_of_type(oid)
                        .map(|view| ObjectId::Relation(view.oid)),
                )
                .collect(),
            ObjectId::Relation(oid) => self
                .dependants(oid)
                .filter(|other| other.oid != oid)
                .map(|other| ObjectId::Relation(other.oid))
                .chain(self.dependent_routines(oid))
                .collect(),
            ObjectId::Routine(oid) => self
                .dependants(oid)
                .map(|other| ObjectId::Relation(other.oid))
                .chain(self.dependent_routines(oid))
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

    /// The functions that take or give values of a type, or arrays over it.
    fn routines_of_type(&self, oid: Oid) -> impl Iterator<Item = ObjectId> {
        let array = self.user_type(oid).map(|ty| ty.array);
        self.routines()
            .filter(move |routine| {
                routine.takes_or_gives(oid)
                    || array.is_some_and(|array| routine.takes_or_gives(array))
            })
            .map(|routine| ObjectId::Routine(routine.oid))
    }

    /// The functions made of a relation or another function.
    fn dependent_routines(&self, oid: Oid) -> impl Iterator<Item = ObjectId> {
        let row_type = self.relation(oid).map(|relation| relation.row_type);
        self.routines()
            .filter(move |routine| routine.oid != oid && routine.depends_on(oid, row_type))
            .map(|routine| ObjectId::Routine(routine.oid))
    }

    /// `0A000` if the body of a function is kept to a relation's names.
    pub(super) fn refuse_bound_routines(&self, relation: Oid, doing: &str) -> Result<()> {
        let object = ObjectId::Relation(relation);
        self.refuse_uses(object, doing, self.dependent_routines(relation).collect())
    }

    /// `0A000` if anything calls `routine` by its name: what does keeps the text its author wrote.
    pub(super) fn refuse_callers(&self, routine: Oid, doing: &str) -> Result<()> {
        let object = ObjectId::Routine(routine);
        let mut users = self.direct_dependants(object);
        let texts = self.calls_of(routine);
        users.extend(texts.iter().map(|(table, _)| ObjectId::Relation(*table)));
        self.refuse_uses(object, doing, users)
    }

    fn refuse_uses(&self, object: ObjectId, doing: &str, users: Vec<ObjectId>) -> Result<()> {
        if users.is_empty() {
            return Ok(());
        }
        let lines: Vec<String> = users
            .into_iter()
            .map(|user| format!("{} uses it.", self.describe(user)))
            .collect();
        let what = format!("{doing} {} while others use it", self.describe(object));
        Err(Error::unsupported(what)
            .detail(lines.join("\n"))
            .hint("Drop them first and create them again afterwards."))
    }

    /// What of tables calls a function, by its name: the names tell routines of one name apart no
    /// further.
    fn calls_of(&self, routine: Oid) -> Vec<(Oid, Dependent)> {
        let Some(routine) = self.routine(routine) else {
            return Vec::new();
        };
        let schema = self.schema(routine.schema).map_or("?", |s| s.name.as_str());
        let qualified = format!("{}.{}", quote(schema), quote(&routine.name));
        let calls = |text: &str| calls(text, &qualified);
        let mut found = Vec::new();
        for table in self.relations() {
            let constraints = &table.constraints;
            for column in &table.columns {
                if column.expression().is_some_and(calls) {
                    found.push((table.oid, Dependent::Column(table.oid, column.attnum)));
                } else if column.default.as_deref().is_some_and(calls) {
                    found.push((table.oid, Dependent::Default(table.oid, column.attnum)));
                }
            }
            for check in constraints.checks.iter().filter(|c| calls(&c.expression)) {
                found.push((table.oid, Dependent::Constraint(table.oid, check.oid)));
            }
            for index in &constraints.indexes {
                let parts = index.parts.iter().any(|part| match &part.of {
                    IndexedBy::Expression(text) => calls(text),
                    IndexedBy::Column(_) => false,
                });
                if parts || index.predicate.as_deref().is_some_and(calls) {
                    found.push((table.oid, Dependent::Index(table.oid, index.oid)));
                }
            }
        }
        found
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
        match object {
            ObjectId::Relation(oid) => self.release(oid),
            ObjectId::Routine(oid) => self.release_calls(oid),
            ObjectId::Type(oid) => self.release_columns(oid),
            ObjectId::Database | ObjectId::Schema(_) | ObjectId::Role(_) => {}
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
                    object: Dependent::Constraint(from.oid, key.oid),
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

    /// Takes away what of tables calls a function.
    fn release_calls(&mut self, routine: Oid) {
        for (table, object) in self.snapshot.calls_of(routine) {
            let on = ObjectId::Relation(table);
            if self.changes.contains(&Change::Drop(on)) {
                continue;
            }
            let change = match object {
                Dependent::Column(relation, attnum) => Change::DropColumn { relation, attnum },
                Dependent::Constraint(relation, constraint)
                | Dependent::Index(relation, constraint) => Change::DropConstraint {
                    relation,
                    constraint,
                },
                Dependent::Default(relation, attnum) => {
                    let column = self
                        .snapshot
                        .relation(relation)
                        .and_then(|table| table.columns.iter().find(|c| c.attnum == attnum));
                    let Some(column) = column else { continue };
                    let column = super::Column {
                        default: None,
                        ..column.clone()
                    };
                    Change::AlterColumn { relation, column }
                }
                Dependent::Object(_) => continue,
            };
            self.changes.push(change);
            if !self.roots.contains(&on) {
                let on = ObjectId::Routine(routine);
                self.others.push(Dependence { object, on });
            }
        }
    }

    fn dropped_schema_of(&self, object: ObjectId) -> Option<ObjectId> {
        let schema = match object {
            ObjectId::Relation(oid) => self.snapshot.relation(oid)?.schema,
            ObjectId::Routine(oid) => self.snapshot.routine(oid)?.schema,
            ObjectId::Type(oid) => self.snapshot.user_type(oid)?.schema,
            ObjectId::Database | ObjectId::Schema(_) | ObjectId::Role(_) => return None,
        };
        let schema = ObjectId::Schema(schema);
        self.roots.contains(&schema).then_some(schema)
    }

    /// Takes away the columns that are of type `oid`, and what refers to them.
    fn release_columns(&mut self, oid: Oid) {
        let mut columns: Vec<_> = self.snapshot.columns_of_type(oid).collect();
        columns.sort_by_key(|(table, attnum)| (table.oid, *attnum));
        for (table, attnum) in columns {
            let relation = ObjectId::Relation(table.oid);
            // It goes later in its own right, or went already.
            if self.visited.contains(&relation) || self.goes_with_schema(table) {
                self.visit(relation, self.dropped_schema_of(relation));
                continue;
            }
            for (from, key) in self.snapshot.references_to(table.oid) {
                if from.oid != table.oid && key.references.contains(&attnum) {
                    self.changes.push(Change::DropConstraint {
                        relation: from.oid,
                        constraint: key.oid,
                    });
                    self.others.push(Dependence {
                        object: Dependent::Constraint(from.oid, key.oid),
                        on: relation,
                    });
                }
            }
            self.changes.push(Change::DropColumn {
                relation: table.oid,
                attnum,
            });
            self.others.push(Dependence {
                object: Dependent::Column(table.oid, attnum),
                on: ObjectId::Type(oid),
            });
        }
    }

    fn goes_with_schema(&self, relation: &super::Relation) -> bool {
        self.roots.contains(&ObjectId::Schema(relation.schema))
            || self.roots.contains(&ObjectId::Relation(relation.oid))
    }
}
