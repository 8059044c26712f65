//! What the fields of a type of rows are of, and what those of rows without a type are called.
//!
//! A [`PgType`] is copied freely, so a list of types in it is a number into a table that the whole
//! process shares. Equal lists have equal numbers. A list is never forgotten: there are as many as
//! there were differently made rows since the start.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PgType;

/// A list of types, with names or without.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape(usize);

#[derive(Clone, PartialEq, Eq, Hash, Default)]
struct Fields {
    types: Arc<[PgType]>,
    /// What the fields are called, of rows whose type is not in the catalog.
    names: Option<Arc<[String]>>,
}

#[derive(Default)]
struct Table {
    lists: Vec<Fields>,
    numbers: HashMap<Fields, usize>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

impl Shape {
    /// The shape of rows with fields of these types.
    pub fn of(types: &[PgType]) -> Self {
        Self::listed(Fields {
            types: types.into(),
            names: None,
        })
    }

    /// The shape of rows without a type, with fields of these types and names.
    pub(super) fn named(types: &[PgType], names: &[String]) -> Self {
        Self::listed(Fields {
            types: types.into(),
            names: Some(names.into()),
        })
    }

    fn listed(fields: Fields) -> Self {
        let known = |table: &Table| table.numbers.get(&fields).copied();
        if let Some(number) = known(&TABLE.read().unwrap_or_else(PoisonError::into_inner)) {
            return Self(number);
        }
        let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known(&table) {
            return Self(number);
        }
        let number = table.lists.len();
        table.lists.push(fields.clone());
        table.numbers.insert(fields, number);
        Self(number)
    }

    fn fields(self) -> Fields {
        let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
        table.lists.get(self.0).cloned().unwrap_or_default()
    }

    /// The types.
    pub fn types(self) -> Arc<[PgType]> {
        self.fields().types
    }

    /// What the fields of rows without a type are called; `None` where a type says so.
    pub fn names(self) -> Option<Arc<[String]>> {
        self.fields().names
    }

    /// What its `Display` said, in this process.
    pub(super) fn heard(text: &str) -> Option<Self> {
        let number = text.parse().ok()?;
        let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
        (number < table.lists.len()).then_some(Self(number))
    }

    /// How many rows are within one another, in arrays or not.
    pub fn depth(self) -> usize {
        let within = |ty: &PgType| {
            let of = ty.element().unwrap_or(*ty);
            of.shape().map_or(0, Self::depth)
        };
        1 + self.types().iter().map(within).max().unwrap_or(0)
    }

    /// Whether a field, or one of a row in it, is of a type that `is` holds of; arrays count as
    /// what they are of.
    pub fn has(self, is: &dyn Fn(PgType) -> bool) -> bool {
        self.types().iter().any(|ty| {
            let of = ty.element().unwrap_or(*ty);
            is(*ty) || is(of) || of.shape().is_some_and(|shape| shape.has(is))
        })
    }
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Serialize for Shape {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.types().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Shape {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Vec::<PgType>::deserialize(deserializer).map(|types| Self::of(&types))
    }
}
