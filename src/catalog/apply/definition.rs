//! Operators, casts and statistics: create, alter, drop.

use std::sync::Arc;

use super::super::definition::missing_definition;
use super::super::{Definition, DefinitionBody, ObjectId, Snapshot};
use super::{concurrent_update, missing_schema};
use crate::base::{Error, Oid, Result, SqlState};

impl Snapshot {
    pub(super) fn create_definition(&mut self, of: &Definition) -> Result<()> {
        self.must_role_oid(of.owner)?;
        self.check_parts(of)?;
        if self.definition(of.oid).is_some() {
            return Err(Error::internal("creating an object", "its OID is taken"));
        }
        self.check_unique(of)?;
        let made = Arc::new(of.clone());
        Arc::make_mut(&mut self.definitions).change(|all| all.insert(of.oid, made));
        Ok(())
    }

    /// It is otherwise from now on, if it still is what `was` says.
    pub(super) fn alter_definition(&mut self, was: &Definition, now: &Definition) -> Result<()> {
        if *self.must_definition(was.oid)?.as_ref() != *was {
            return Err(concurrent_update());
        }
        self.check_parts(now)?;
        self.check_unique(now)?;
        // Views look operators up by their names, where they were.
        if (was.schema, &was.name) != (now.schema, &now.name) {
            let object = ObjectId::Definition(was.oid);
            self.refuse_users(object, "moving")?;
        }
        let now = Arc::new(now.clone());
        Arc::make_mut(&mut self.definitions).change(|all| all.insert(now.oid, now));
        Ok(())
    }

    pub(super) fn drop_definition(&mut self, oid: Oid) -> Result<()> {
        self.must_definition(oid)?;
        let object = ObjectId::Definition(oid);
        self.refuse_dependants(object, &format!("drop {}", self.describe(object)))?;
        Arc::make_mut(&mut self.definitions).change(|all| {
            all.remove(&oid);
            all.values_mut().for_each(|other| unlink(other, oid));
        });
        Ok(())
    }

    /// What it is made of is there.
    fn check_parts(&self, of: &Definition) -> Result<()> {
        match of.body {
            DefinitionBody::Cast(_) => {}
            DefinitionBody::Operator(_) | DefinitionBody::Statistics(_) => {
                if self.schema(of.schema).is_none() {
                    return Err(missing_schema(of.schema));
                }
            }
        }
        if let Some(statistics) = of.statistics() {
            self.must_relation(statistics.relation)?;
        }
        for function in of.functions().into_iter().filter(|oid| !oid.is_system()) {
            self.must_routine(function)?;
        }
        for ty in of.types().into_iter().filter(|oid| !oid.is_system()) {
            if self.relation_with_rows(ty).is_none() && self.pg_type(ty).is_none() {
                self.must_type(ty)?;
            }
        }
        Ok(())
    }

    /// `42723`, `42710` if there is one like it.
    fn check_unique(&self, of: &Definition) -> Result<()> {
        let mut others = self.definitions().filter(|other| other.oid != of.oid);
        if !others.any(|other| is_like(other, of)) {
            return Ok(());
        }
        Err(match &of.body {
            DefinitionBody::Operator(_) => Error::new(
                SqlState::DUPLICATE_FUNCTION,
                format!("operator {} already exists", of.name),
            ),
            DefinitionBody::Cast(cast) => self.duplicate_cast(cast.source, cast.target),
            DefinitionBody::Statistics(_) => {
                let schema = self.schema(of.schema).map_or("?", |s| s.name.as_str());
                Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!(
                        "statistics object \"{}\" already exists in schema \"{schema}\"",
                        of.name
                    ),
                )
            }
        })
    }

    pub(super) fn must_definition(&self, oid: Oid) -> Result<&Arc<Definition>> {
        self.definition(oid).ok_or_else(|| missing_definition(oid))
    }

    /// To change what no index holds.
    pub(super) fn definition_mut(&mut self, oid: Oid) -> Result<&mut Definition> {
        Arc::make_mut(&mut self.definitions)
            .get_mut(oid)
            .ok_or_else(|| missing_definition(oid))
    }
}

/// Whether two cannot both be there.
fn is_like(one: &Definition, other: &Definition) -> bool {
    let named = one.schema == other.schema && one.name == other.name;
    match (&one.body, &other.body) {
        (DefinitionBody::Operator(one), DefinitionBody::Operator(other)) => {
            named && one.left == other.left && one.right == other.right
        }
        (DefinitionBody::Cast(one), DefinitionBody::Cast(other)) => {
            one.source == other.source && one.target == other.target
        }
        (DefinitionBody::Statistics(_), DefinitionBody::Statistics(_)) => named,
        _ => false,
    }
}

/// An operator is nobody's partner any more.
fn unlink(other: &mut Arc<Definition>, oid: Oid) {
    let Some(operator) = other.operator() else {
        return;
    };
    let is = |link: Option<Oid>| link == Some(oid);
    if !is(operator.commutator) && !is(operator.negator) {
        return;
    }
    if let DefinitionBody::Operator(operator) = &mut Arc::make_mut(other).body {
        operator.commutator = operator.commutator.filter(|link| *link != oid);
        operator.negator = operator.negator.filter(|link| *link != oid);
    }
}
