//! What depends on what: the words of messages, and the closure of DROP … CASCADE.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use super::routine::calls;
use super::walk::Walk;
use super::{
    Change, ForeignKey, IndexedBy, ObjectId, PartitionKeyPart, Policy, Relation, Snapshot, Trigger,
};
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
    pub on: Dependent,
}

/// What can depend on something, and be depended on.
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
    /// A policy, by its OID, which goes and leaves the table.
    Policy(Oid, Oid),
    /// A trigger, by its OID, which goes and leaves the table.
    Trigger(Oid, Oid),
    /// A field, which goes and leaves the type of rows.
    Attribute(Oid, i16),
}

impl Cascade {
    /// `2BP01` if anything else goes, listing all of it as PostgreSQL does.
    ///
    /// # Errors
    /// `2BP01`
    pub fn refuse(&self, doing: &str, describe: &dyn Fn(Dependent) -> String) -> Result<()> {
        if self.others.is_empty() {
            return Ok(());
        }
        let line = |other: &Dependence| {
            let (object, on) = (describe(other.object), describe(other.on));
            format!("{object} depends on {on}")
        };
        let lines: Vec<String> = self.others.iter().map(line).collect();
        Err(Error::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot {doing} because other objects depend on it"),
        )
        .detail(lines.join("\n"))
        .hint("Use DROP ... CASCADE to drop the dependent objects too."))
    }

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
                        routine.kind_described(),
                        self.signature(routine, schema)
                    )
                }
                None => object.to_string(),
            },
            ObjectId::LargeObject(oid) => format!("large object {oid}"),
            ObjectId::Definition(oid) => match self.definition(oid) {
                Some(of) => {
                    let schema = self.schema(of.schema).map(|schema| schema.name.as_str());
                    self.definition_name(of, schema)
                }
                None => object.to_string(),
            },
            ObjectId::Type(oid) => match self.user_type(oid) {
                Some(ty) => {
                    let schema = self.schema(ty.schema).map_or("?", |s| s.name.as_str());
                    format!("type {}.{}", quote(schema), quote(&ty.name))
                }
                None => match self.pg_type(oid) {
                    Some(_) => format!("type {}", self.type_name(oid)),
                    None => object.to_string(),
                },
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
                    let index = of.indexes.iter().find(|i| i.constraint == Some(oid));
                    key.map(|key| key.name.as_str())
                        .or_else(|| check.map(|check| check.name.as_str()))
                        .or_else(|| index.map(|index| index.name.as_str()))
                });
                format!(
                    "constraint {} on {}",
                    name.unwrap_or("?"),
                    describe(ObjectId::Relation(table))
                )
            }
            Dependent::Trigger(table, oid) => {
                let relation = self.relation(table);
                let mut triggers = relation.into_iter().flat_map(|table| &table.triggers);
                let trigger = triggers.find(|trigger| trigger.oid == oid);
                format!(
                    "trigger {} on {}",
                    trigger.map_or("?", |trigger| trigger.name.as_str()),
                    describe(ObjectId::Relation(table))
                )
            }
            Dependent::Policy(table, oid) => {
                let relation = self.relation(table);
                let policy = relation.and_then(|relation| relation.row_security.policy(oid));
                format!(
                    "policy {} on {}",
                    policy.map_or("?", |policy| policy.name.as_str()),
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
            Dependent::Attribute(ty, attnum) => {
                let composite = self.user_type(ty).and_then(|ty| ty.composite());
                let mut attributes = composite.into_iter().flat_map(|of| &of.attributes);
                let attribute = attributes.find(|attribute| attribute.attnum == attnum);
                format!(
                    "column {} of composite {}",
                    attribute.map_or("?", |attribute| attribute.name.as_str()),
                    describe(ObjectId::Type(ty))
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

    /// The policies for which something is so, with the tables that have them.
    pub fn policies_that<'s>(
        &'s self,
        does: impl Fn(&Policy) -> bool + 's,
    ) -> impl Iterator<Item = (&'s Arc<Relation>, &'s Policy)> {
        let tables = self.relations();
        let policies = tables.flat_map(|table| {
            let policies = table.row_security.policies.iter();
            policies.map(move |policy| (table, policy))
        });
        policies.filter(move |(_, policy)| does(policy))
    }

    /// The triggers for which something is so, with the tables that have them.
    pub fn triggers_that<'s>(
        &'s self,
        does: impl Fn(&Trigger) -> bool + 's,
    ) -> impl Iterator<Item = (&'s Arc<Relation>, &'s Trigger)> {
        let tables = self.relations();
        let triggers = tables.flat_map(|table| {
            let triggers = table.triggers.iter();
            triggers.map(move |trigger| (table, trigger))
        });
        triggers.filter(move |(_, trigger)| does(trigger))
    }

    /// Foreign keys that refer to `table`, or to a table that it is a partition of, with the tables
    /// that have them; each as it is to `table`.
    pub fn references_to(
        &self,
        table: Oid,
    ) -> impl Iterator<Item = (&Arc<Relation>, Cow<'_, ForeignKey>)> {
        self.relations().flat_map(move |relation| {
            let keys = relation.constraints.foreign.iter();
            keys.filter_map(move |key| Some((relation, key.to(table)?)))
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
        let mut walk = Walk::new(self, roots);
        for root in roots {
            self.must_exist(*root)?;
            walk.visit(*root, None);
        }
        Ok(walk.done())
    }

    /// Everything that goes if a column of `table` goes.
    ///
    /// # Errors
    /// `42P01` if there is no such table.
    pub fn column_closure(&self, table: Oid, attnum: i16) -> Result<Cascade> {
        let table = self.must_relation(table)?;
        let mut walk = Walk::new(self, &[]);
        walk.drop_column(table, attnum);
        Ok(walk.done())
    }

    /// Everything that goes if a constraint or index of `table` goes.
    ///
    /// # Errors
    /// `42P01` if there is no such table.
    pub fn constraint_closure(&self, table: Oid, constraint: Oid) -> Result<Cascade> {
        let table = self.must_relation(table)?;
        let mut walk = Walk::new(self, &[]);
        walk.drop_constraint(table, constraint);
        Ok(walk.done())
    }

    /// What depends directly on `object`, in OID order.
    pub(super) fn direct_dependants(&self, object: ObjectId) -> Vec<ObjectId> {
        match object {
            ObjectId::Database | ObjectId::Role(_) | ObjectId::LargeObject(_) => Vec::new(),
            ObjectId::Schema(schema) => {
                let owned = |relation: &Relation| {
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
                let definitions = self.definitions().filter(|of| of.schema == schema);
                let definitions = definitions.map(|of| ObjectId::Definition(of.oid));
                relations
                    .chain(types)
                    .chain(routines)
                    .chain(definitions)
                    .collect()
            }
            ObjectId::Type(oid) => self
                .types_over(oid)
                .map(|over| ObjectId::Type(over.oid))
                .chain(self.routines_of_type(oid))
                .chain(self.definitions_of_type(oid))
                .chain(
                    self.views_of_type(oid)
                        .map(|view| ObjectId::Relation(view.oid)),
                )
                .collect(),
            ObjectId::Relation(oid) => self
                .relations()
                .filter(|other| {
                    let view = other.view();
                    let reads = view.is_some_and(|view| view.depends_on.contains(&oid));
                    other.oid != oid && (reads || other.family.parents.contains(&oid))
                })
                .map(|other| ObjectId::Relation(other.oid))
                .chain(self.dependent_routines(oid))
                .chain(self.users_of_rows(oid))
                .collect(),
            ObjectId::Routine(oid) => self
                .dependants(oid)
                .map(|other| ObjectId::Relation(other.oid))
                .chain(self.dependent_routines(oid))
                .chain(self.definitions_of_routine(oid))
                .collect(),
            ObjectId::Definition(oid) => self
                .dependants(oid)
                .map(|other| ObjectId::Relation(other.oid))
                .chain(self.dependent_routines(oid))
                .collect(),
        }
    }

    /// The definitions that a function is behind.
    fn definitions_of_routine(&self, oid: Oid) -> impl Iterator<Item = ObjectId> {
        self.definitions()
            .filter(move |of| of.functions().contains(&oid))
            .map(|of| ObjectId::Definition(of.oid))
    }

    /// The definitions for values of a type, or arrays over it.
    fn definitions_of_type(&self, oid: Oid) -> impl Iterator<Item = ObjectId> {
        let array = self.user_type(oid).map(|ty| ty.array);
        self.definitions()
            .filter(move |of| {
                let types = of.types();
                types.contains(&oid) || array.is_some_and(|array| types.contains(&array))
            })
            .map(|of| ObjectId::Definition(of.oid))
    }

    /// `2BP01` if anything depends on `object`, listing all of it as PostgreSQL does.
    pub(super) fn refuse_dependants(&self, object: ObjectId, doing: &str) -> Result<()> {
        let closure = self.dependants_closure(&[object])?;
        closure.refuse(doing, &|dependent| {
            self.describe_dependent(dependent, &|object| self.describe(object))
        })
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

    /// Domains over the rows of a relation, and views that say their type.
    fn users_of_rows(&self, relation: Oid) -> Vec<ObjectId> {
        let Some(relation) = self.relation(relation) else {
            return Vec::new();
        };
        let views = self.views_of_type(relation.row_type);
        let views = views.filter(|view| view.oid != relation.oid);
        let over = self.types_over(relation.row_type);
        let definitions = self.definitions_of_type(relation.row_type);
        over.map(|over| ObjectId::Type(over.oid))
            .chain(definitions)
            .chain(views.map(|view| ObjectId::Relation(view.oid)))
            .collect()
    }

    /// The functions made of a relation or another function.
    fn dependent_routines(&self, oid: Oid) -> impl Iterator<Item = ObjectId> {
        let row_type = self.relation(oid).map(|relation| relation.row_type);
        self.routines()
            .filter(move |routine| routine.oid != oid && routine.depends_on(oid, row_type))
            .map(|routine| ObjectId::Routine(routine.oid))
    }

    /// `0A000` if the body of a function is kept to a relation's names, or to that of a column.
    pub(super) fn refuse_bound_routines(
        &self,
        relation: Oid,
        attnum: Option<i16>,
        doing: &str,
    ) -> Result<()> {
        let object = ObjectId::Relation(relation);
        let users = match attnum {
            None => self.dependent_routines(relation).collect(),
            Some(attnum) => self.routines_naming(relation, attnum).collect(),
        };
        self.refuse_uses(object, doing, users)
    }

    /// The views whose bodies name a column.
    pub fn views_naming(&self, table: Oid, attnum: i16) -> impl Iterator<Item = &Arc<Relation>> {
        self.dependants(table).filter(move |reader| {
            let view = reader.view();
            view.is_some_and(|view| view.names_column(table, attnum))
        })
    }

    /// The views and functions whose bodies would not be valid without a primary key.
    pub(super) fn relying_on(&self, key: Oid) -> Vec<ObjectId> {
        let relies = |body: &super::View| body.keys.contains(&key);
        let views = self.relations().filter(|r| r.view().is_some_and(relies));
        let routines = self.routines().filter(|r| r.bound().is_some_and(relies));
        views
            .map(|view| ObjectId::Relation(view.oid))
            .chain(routines.map(|routine| ObjectId::Routine(routine.oid)))
            .collect()
    }

    /// The functions kept to bodies that name a column.
    pub fn routines_naming(&self, table: Oid, attnum: i16) -> impl Iterator<Item = ObjectId> {
        self.routines()
            .filter(move |routine| {
                let body = routine.bound();
                body.is_some_and(|body| body.names_column(table, attnum))
            })
            .map(|routine| ObjectId::Routine(routine.oid))
    }

    /// `0A000` if anything calls `routine` by its name: what does keeps the text its author wrote.
    pub(super) fn refuse_callers(&self, routine: Oid, doing: &str) -> Result<()> {
        let object = ObjectId::Routine(routine);
        let mut users = self.direct_dependants(object);
        // Operators, casts and aggregates know their functions by OID.
        users.retain(|user| match user {
            ObjectId::Definition(_) => false,
            ObjectId::Routine(oid) => self.routine(*oid).is_none_or(|of| of.aggregate().is_none()),
            _ => true,
        });
        let texts = self.calls_of(routine);
        users.extend(texts.iter().map(|(table, _)| ObjectId::Relation(*table)));
        let policies = self.policies_that(|policy| policy.calls(routine));
        users.extend(policies.map(|(table, _)| ObjectId::Relation(table.oid)));
        let triggers = self.triggers_that(|trigger| trigger.asks(routine));
        users.extend(triggers.map(|(table, _)| ObjectId::Relation(table.oid)));
        self.refuse_uses(object, doing, users)
    }

    /// `0A000` if anything depends on an object directly.
    pub fn refuse_users(&self, object: ObjectId, doing: &str) -> Result<()> {
        self.refuse_uses(object, doing, self.direct_dependants(object))
    }

    /// `0A000` if there are users of what is about to be called otherwise.
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
    pub(super) fn calls_of(&self, routine: Oid) -> Vec<(Oid, Dependent)> {
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
            let key = table.family.key.iter().flat_map(|key| &key.parts);
            let divides = |part: &PartitionKeyPart| match part {
                PartitionKeyPart::Expression { text, .. } => calls(text),
                PartitionKeyPart::Column(_) => false,
            };
            if key.into_iter().any(divides) {
                found.push((table.oid, Dependent::Object(ObjectId::Relation(table.oid))));
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
