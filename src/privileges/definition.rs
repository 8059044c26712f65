//! What operators, casts and statistics need.

use super::needs::{Asking, Need};
use super::roles::{has_privileges_of, is_superuser};
use crate::base::Oid;
use crate::catalog::{Cast, Definition, ObjectId, Snapshot};

impl Asking<'_> {
    /// Making an operator or cast. Of a cast it is one of the types that one must own.
    pub(super) fn define(&self, of: &Definition) -> Vec<Need> {
        match of.cast() {
            Some(cast) => self.of_types(cast),
            None => {
                let mut list = self.create_in(of.schema);
                list.extend(self.giving_to(of.owner));
                if let Some(statistics) = of.statistics() {
                    list.push(self.owner(ObjectId::Relation(statistics.relation)));
                }
                list
            }
        }
    }

    pub(super) fn undefine(&self, oid: Oid) -> Vec<Need> {
        let Some(of) = self.snapshot.definition(oid) else {
            return Vec::new();
        };
        let schema = self.snapshot.schema(of.schema);
        match of.cast() {
            Some(cast) => self.of_types(cast),
            None if schema.is_some_and(|schema| self.has(schema.owner)) => Vec::new(),
            None => vec![self.owner(ObjectId::Definition(oid))],
        }
    }

    /// Whoever does something to a cast has to own one of its types.
    fn of_types(&self, cast: &Cast) -> Vec<Need> {
        if owns_either(self.snapshot, self.role, cast.source, cast.target) {
            return Vec::new();
        }
        vec![Need::Superuser {
            role: self.role,
            to: "own one of a cast's types".to_owned(),
        }]
    }

    fn has(&self, owner: Oid) -> bool {
        has_privileges_of(self.snapshot, self.role, owner)
    }
}

/// Whether a role may make and drop casts between two types: it owns one of them.
pub fn owns_either(snapshot: &Snapshot, role: Oid, source: Oid, target: Oid) -> bool {
    let owned = |ty| owner_of(snapshot, ty).is_some_and(|of| has_privileges_of(snapshot, role, of));
    is_superuser(snapshot, role) || owned(source) || owned(target)
}

/// The owner of a type: of a table's rows the table's, of an array that of its elements.
fn owner_of(snapshot: &Snapshot, ty: Oid) -> Option<Oid> {
    if let Some(user) = snapshot.user_type(ty) {
        return Some(user.owner);
    }
    if let Some(table) = snapshot.relation_with_rows(ty) {
        return Some(table.owner);
    }
    let element = snapshot.value_type(ty).declared_element()?;
    owner_of(snapshot, element.declared())
}
