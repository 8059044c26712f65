//! What is worked out from a snapshot once and kept with it: where things are that live inside
//! tables, and whatever those above ask to be remembered.
//!
//! It goes with the snapshot, so it is never out of date; a changed copy starts with nothing.

use std::any::Any;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::{Index, Relation, Snapshot};
use crate::base::{Oid, Result};

/// The remembered.
#[derive(Default)]
pub(super) struct Derived {
    places: OnceLock<Places>,
    /// By what it is about, one entry for each system relation at most. A plain mutex, held to look
    /// and to insert.
    kept: Mutex<HashMap<Oid, Arc<dyn Any + Send + Sync>>>,
}

impl Clone for Derived {
    /// Nothing: the copy is made to be changed.
    fn clone(&self) -> Self {
        Self::default()
    }
}

impl PartialEq for Derived {
    /// What follows from equal snapshots is equal.
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl fmt::Debug for Derived {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Derived")
    }
}

/// In which tables things are that have OIDs and names of their own.
#[derive(Debug, Default)]
pub struct Places {
    /// Index to table and position among its indexes.
    indexes: HashMap<Oid, (Oid, usize)>,
    /// Index by name to those of that name in any schema.
    index_names: HashMap<String, Vec<(Oid, Oid)>>,
    /// Constraint to table.
    constraints: HashMap<Oid, Oid>,
    /// Row type to relation.
    row_types: HashMap<Oid, Oid>,
    /// Tables that foreign keys refer to.
    referenced: HashSet<Oid>,
    /// Table to those right under it, by OID.
    children: HashMap<Oid, Vec<Oid>>,
}

impl Places {
    fn of(snapshot: &Snapshot) -> Self {
        let mut places = Self::default();
        for relation in snapshot.relations() {
            let constraints = &relation.constraints;
            places.row_types.insert(relation.row_type, relation.oid);
            for (position, index) in constraints.indexes.iter().enumerate() {
                places.indexes.insert(index.oid, (relation.oid, position));
                let named = places.index_names.entry(index.name.clone()).or_default();
                named.push((relation.schema, index.oid));
            }
            let keys = constraints.indexes.iter().filter_map(|key| key.constraint);
            let checks = constraints.checks.iter().map(|check| check.oid);
            let foreign = constraints.foreign.iter().map(|key| key.oid);
            let parts = constraints.key_parts().map(|part| part.oid);
            let parts = parts.filter(|_| relation.family.parts_of.is_empty());
            for oid in keys.chain(checks).chain(foreign).chain(parts) {
                places.constraints.insert(oid, relation.oid);
            }
            let tables = constraints.foreign.iter().flat_map(|key| key.tables());
            places.referenced.extend(tables);
            for parent in &relation.family.parents {
                let children = places.children.entry(*parent).or_default();
                children.push(relation.oid);
            }
        }
        places
    }

    /// The index of that name in a schema.
    pub fn index_named(&self, schema: Oid, name: &str) -> Option<Oid> {
        let named = self.index_names.get(name)?;
        let found = named.iter().find(|(within, _)| *within == schema)?;
        Some(found.1)
    }

    /// The tables right under one, by OID.
    pub fn children(&self, table: Oid) -> &[Oid] {
        self.children.get(&table).map_or(&[], Vec::as_slice)
    }

    /// Whether a foreign key refers to the table.
    pub fn is_referenced(&self, table: Oid) -> bool {
        self.referenced.contains(&table)
    }
}

/// A stable OID for something that belongs to a relation but has none of its own (a default, a
/// view's rule): above every OID that is handed out, and unique while relations' OIDs stay below a
/// million.
pub fn derived_oid(relation: Oid, attnum: i16) -> Oid {
    let attnum = u32::from(attnum.unsigned_abs()) & 0x7ff;
    Oid(0x8000_0000 | (relation.0.wrapping_shl(11) & 0x7fff_f800) | attnum)
}

/// The row type an array type over a table's rows is over, by the array type's OID.
pub fn row_type_of_array(array: Oid) -> Option<Oid> {
    let row_type = Oid((array.0 & 0x7fff_ffff) >> 11);
    (derived_oid(row_type, 0) == array).then_some(row_type)
}

impl Snapshot {
    /// Where things are. Only of a snapshot that is done: one being changed would remember what was
    /// before.
    pub fn places(&self) -> &Places {
        self.derived.places.get_or_init(|| Places::of(self))
    }

    /// The table that has an index, and the index, by OID.
    pub fn index(&self, oid: Oid) -> Option<(&Arc<Relation>, &Index)> {
        let (table, position) = self.places().indexes.get(&oid)?;
        let relation = self.relation(*table)?;
        Some((relation, relation.constraints.indexes.get(*position)?))
    }

    /// The table that has a constraint, by the constraint's OID.
    pub fn table_of_constraint(&self, oid: Oid) -> Option<&Arc<Relation>> {
        self.relation(*self.places().constraints.get(&oid)?)
    }

    /// The relation whose rows are of a type, by the type's OID.
    pub fn relation_of_type(&self, oid: Oid) -> Option<&Arc<Relation>> {
        self.relation(*self.places().row_types.get(&oid)?)
    }

    /// What was remembered about `key`, made now if nothing was. Whoever asks at the same time may
    /// make it too; they are equal.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn remembered<T: Any + Send + Sync>(
        &self,
        key: Oid,
        make: impl FnOnce() -> Result<T>,
    ) -> Result<Arc<T>> {
        let kept = || self.derived.kept.lock();
        let found = kept()
            .unwrap_or_else(PoisonError::into_inner)
            .get(&key)
            .cloned();
        if let Some(known) = found
            && let Ok(known) = known.downcast::<T>()
        {
            return Ok(known);
        }
        let made = Arc::new(make()?);
        kept()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key, made.clone());
        Ok(made)
    }
}
