//! What the fields of a type of rows are of.
//!
//! A [`PgType`] is copied freely, so a list of types in it is a number into a table that the whole
//! process shares. Equal lists have equal numbers. A list is never forgotten: there are as many as
//! there were differently made types of rows since the start.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use super::PgType;

/// A list of types.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Shape(usize);

#[derive(Default)]
struct Table {
    lists: Vec<Arc<[PgType]>>,
    numbers: HashMap<Arc<[PgType]>, usize>,
}

static TABLE: LazyLock<RwLock<Table>> = LazyLock::new(RwLock::default);

impl Shape {
    /// The shape of rows with fields of these types.
    pub fn of(types: &[PgType]) -> Self {
        let known = |table: &Table| table.numbers.get(types).copied();
        if let Some(number) = known(&TABLE.read().unwrap_or_else(PoisonError::into_inner)) {
            return Self(number);
        }
        let mut table = TABLE.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(number) = known(&table) {
            return Self(number);
        }
        let number = table.lists.len();
        let list: Arc<[PgType]> = types.into();
        table.lists.push(list.clone());
        table.numbers.insert(list, number);
        Self(number)
    }

    /// The types.
    pub fn types(self) -> Arc<[PgType]> {
        let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
        table.lists.get(self.0).cloned().unwrap_or_default()
    }

    /// What its `Display` said, in this process.
    pub(super) fn heard(text: &str) -> Option<Self> {
        let number = text.parse().ok()?;
        let table = TABLE.read().unwrap_or_else(PoisonError::into_inner);
        (number < table.lists.len()).then_some(Self(number))
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
