//! Enumerated types: their labels, as values are read and written.
//!
//! A value travels as the position of its label, an integer that never changes while the label is
//! there: comparing, sorting, grouping and joining positions is comparing labels, and a label
//! renamed or added rewrites no row.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::PgType;
use crate::base::{Error, Oid, Result, SqlState};

/// Room between the positions of two labels: so many can be added between them, halving each time.
const GAP: i64 = 1 << 40;

/// A label of an enumerated type.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Label {
    /// `pg_enum.oid`
    pub oid: Oid,
    /// The label.
    pub name: String,
    /// `pg_enum.enumsortorder`
    pub sort_order: f32,
    /// What a value is stored as.
    pub position: i64,
}

/// The labels of one type, in their order.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct Labels(Vec<Label>);

/// Where a new label goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// Behind all others.
    Last,
    /// Before this one.
    Before(String),
    /// Behind this one.
    After(String),
}

impl Labels {
    /// The labels of CREATE TYPE.
    pub fn new(labels: impl IntoIterator<Item = (Oid, String)>) -> Self {
        let mut list = Vec::new();
        let (mut position, mut sort_order) = (0, 0.0);
        for (oid, name) in labels {
            position += GAP;
            sort_order += 1.0;
            list.push(Label {
                oid,
                name,
                sort_order,
                position,
            });
        }
        Self(list)
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Label> {
        self.0.iter()
    }

    /// The label at a position.
    pub fn at(&self, position: i64) -> Option<&Label> {
        let found = self.0.binary_search_by_key(&position, |l| l.position);
        found.ok().map(|index| &self.0[index])
    }

    /// The label of a name.
    pub fn named(&self, name: &str) -> Option<&Label> {
        self.0.iter().find(|label| label.name == name)
    }

    /// Another label.
    ///
    /// # Errors
    /// `22023` no such neighbour; `54000` no room between two labels.
    pub fn add(&mut self, oid: Oid, name: String, place: &Place) -> Result<()> {
        let index = |name: &str| {
            let found = self.0.iter().position(|label| label.name == name);
            found.ok_or_else(|| not_a_label(name))
        };
        let at = match place {
            Place::Last => self.0.len(),
            Place::Before(name) => index(name)?,
            Place::After(name) => index(name)? + 1,
        };
        let before = at.checked_sub(1).map(|index| &self.0[index]);
        let (position, sort_order) = match (before, self.0.get(at)) {
            (None, None) => (GAP, 1.0),
            (Some(last), None) => (last.position.checked_add(GAP), last.sort_order + 1.0)
                .both()
                .ok_or_else(crowded)?,
            (None, Some(first)) => (first.position.checked_sub(GAP), first.sort_order - 1.0)
                .both()
                .ok_or_else(crowded)?,
            (Some(a), Some(b)) => {
                let position = a.position + (b.position - a.position) / 2;
                if position == a.position {
                    return Err(crowded());
                }
                (position, f32::midpoint(a.sort_order, b.sort_order))
            }
        };
        let label = Label {
            oid,
            name,
            sort_order,
            position,
        };
        self.0.insert(at, label);
        // Where floats are too coarse PostgreSQL numbers all labels anew.
        if self
            .0
            .windows(2)
            .any(|two| two[0].sort_order >= two[1].sort_order)
        {
            let mut number = 0.0;
            for label in &mut self.0 {
                number += 1.0;
                label.sort_order = number;
            }
        }
        Ok(())
    }

    /// RENAME VALUE
    ///
    /// # Errors
    /// `22023` no such label; `42710` there is one of that name.
    pub fn rename(&mut self, from: &str, to: &str) -> Result<()> {
        let taken = self.named(to).is_some();
        let label = self.0.iter_mut().find(|label| label.name == from);
        let label = label.ok_or_else(|| not_a_label(from))?;
        if taken {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("enum label \"{to}\" already exists"),
            ));
        }
        to.clone_into(&mut label.name);
        Ok(())
    }
}

/// A pair of which the first may be missing.
trait Both<A, B> {
    fn both(self) -> Option<(A, B)>;
}

impl<A, B> Both<A, B> for (Option<A>, B) {
    fn both(self) -> Option<(A, B)> {
        self.0.map(|first| (first, self.1))
    }
}

fn not_a_label(name: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("\"{name}\" is not an existing enum label"),
    )
}

fn crowded() -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        "no room is left for a label at this place of the enum",
    )
    .hint("Create the type anew with all its labels, and move the columns over.")
}

/// Every enumerated type a statement may meet, by the type's OID.
#[derive(Debug, Clone, Default)]
pub struct Enums(Option<Arc<BTreeMap<Oid, Arc<Labels>>>>);

impl Enums {
    /// None.
    pub const NONE: Self = Self(None);

    /// These.
    pub fn new(types: BTreeMap<Oid, Arc<Labels>>) -> Self {
        Self((!types.is_empty()).then(|| Arc::new(types)))
    }

    /// The labels of a type; of one that is gone, none.
    pub fn labels(&self, ty: PgType) -> Arc<Labels> {
        let known = self.0.as_ref().and_then(|types| types.get(&ty.oid));
        known.cloned().unwrap_or_default()
    }
}

impl PartialEq for Enums {
    /// Whether both are of one catalog.
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (None, None) => true,
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Eq for Enums {}

impl std::hash::Hash for Enums {
    /// Equal ones are of one catalog, unequal ones are few.
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.0.is_some().hash(state);
    }
}

/// `22P02` in PostgreSQL's words.
pub fn no_label(ty: PgType, text: &str) -> Error {
    Error::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input value for enum {ty}: \"{text}\""),
    )
}

/// `XX000`: a stored position no label has.
pub(in crate::types) fn lost(ty: PgType, position: i64) -> Error {
    Error::internal(
        "writing an enum",
        format!("{position} is no position of type {}", ty.oid),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_keep_their_order_and_positions() {
        let name = |name: &str| name.to_owned();
        let mut labels = Labels::new([(Oid(1), name("a")), (Oid(2), name("b"))]);
        let b = labels.named("b").unwrap().position;
        labels.add(Oid(3), name("c"), &Place::Last).unwrap();
        labels
            .add(Oid(4), name("ab"), &Place::Before(name("b")))
            .unwrap();
        labels
            .add(Oid(5), name("0"), &Place::Before(name("a")))
            .unwrap();
        labels
            .add(Oid(6), name("aa"), &Place::After(name("a")))
            .unwrap();
        let shown: Vec<(&str, f32)> = labels
            .iter()
            .map(|label| (label.name.as_str(), label.sort_order))
            .collect();
        assert_eq!(
            shown,
            [
                ("0", 0.0),
                ("a", 1.0),
                ("aa", 1.25),
                ("ab", 1.5),
                ("b", 2.0),
                ("c", 3.0)
            ]
        );
        assert!(
            labels
                .0
                .windows(2)
                .all(|two| two[0].position < two[1].position)
        );
        assert_eq!(labels.named("b").unwrap().position, b);
        assert_eq!(labels.at(b).unwrap().name, "b");
        let mut added = 0;
        while labels
            .add(Oid(7), format!("x{added}"), &Place::After(name("a")))
            .is_ok()
        {
            added += 1;
        }
        assert!(added >= 30, "{added}");
    }
}
