//! Tables that stand under others: inheritance, and partitions.
//!
//! A table keeps who its parents are, and what of it came from them; who its children are follows
//! from that. Of a partitioned table all rows are its partitions'.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{Relation, Snapshot};
use crate::base::{Error, Oid, Result};
use crate::types::PgType;

/// What a table has of its parents, and what it is divided by.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Family {
    /// Its parents, in the order it names them; a partition has one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<Oid>,
    /// The columns that parents have, too, by number.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<i16, Inherited>,
    /// The constraints that parents have, too, by OID.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub constraints: BTreeMap<Oid, Inherited>,
    /// Of a partition's indexes, keys and foreign keys, by OID: those of the partitioned table that
    /// they are parts of.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub parts_of: BTreeMap<Oid, Oid>,
    /// What a partitioned table is divided by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<PartitionKey>,
    /// Which rows a partition is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<PartitionBound>,
}

/// How a column or constraint came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inherited {
    /// How many parents have it.
    pub count: i32,
    /// Whether the table says it itself, too.
    pub local: bool,
}

/// PARTITION BY
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionKey {
    /// How bounds are told apart.
    pub strategy: PartitionStrategy,
    /// What of a row is compared with them.
    pub parts: Vec<PartitionKeyPart>,
}

/// How a partitioned table is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionStrategy {
    /// RANGE
    Range,
    /// LIST
    List,
    /// HASH
    Hash,
}

/// A part of a partition key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionKeyPart {
    /// A column, by number.
    Column(i16),
    /// An expression over columns.
    Expression {
        /// Its text, as it is kept.
        text: String,
        /// Its type.
        ty: PgType,
        /// The columns it reads.
        reads: Vec<i16>,
    },
}

/// FOR VALUES: values are kept as PostgreSQL writes them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionBound {
    /// DEFAULT
    Default,
    /// IN; `None` is NULL.
    List(Vec<Option<String>>),
    /// FROM … TO
    Range {
        /// From here on.
        from: Vec<RangeDatum>,
        /// Up to here, and not here.
        to: Vec<RangeDatum>,
    },
    /// WITH
    Hash {
        /// MODULUS
        modulus: i32,
        /// REMAINDER
        remainder: i32,
    },
}

/// A value of a range's bound.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RangeDatum {
    /// MINVALUE
    Min,
    /// MAXVALUE
    Max,
    /// A value.
    Value(String),
}

impl PartitionStrategy {
    /// `pg_partitioned_table.partstrat`
    pub fn letter(self) -> char {
        match self {
            Self::Range => 'r',
            Self::List => 'l',
            Self::Hash => 'h',
        }
    }

    /// As statements have it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Range => "RANGE",
            Self::List => "LIST",
            Self::Hash => "HASH",
        }
    }
}

impl Family {
    /// Whether the table stands alone.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// How a column came to be.
    pub fn column(&self, attnum: i16) -> Inherited {
        self.columns
            .get(&attnum)
            .copied()
            .unwrap_or(Inherited::LOCAL)
    }

    /// How a constraint came to be.
    pub fn constraint(&self, oid: Oid) -> Inherited {
        self.constraints
            .get(&oid)
            .copied()
            .unwrap_or(Inherited::LOCAL)
    }

    /// The columns that a partition key reads.
    pub fn key_columns(&self) -> BTreeSet<i16> {
        let parts = self.key.iter().flat_map(|key| &key.parts);
        let mut columns = BTreeSet::new();
        for part in parts {
            match part {
                PartitionKeyPart::Column(attnum) => {
                    columns.insert(*attnum);
                }
                PartitionKeyPart::Expression { reads, .. } => columns.extend(reads),
            }
        }
        columns
    }
}

impl Inherited {
    /// Of the table alone.
    pub const LOCAL: Self = Self {
        count: 0,
        local: true,
    };
}

impl Relation {
    /// Whether it is a partitioned table.
    pub fn is_partitioned(&self) -> bool {
        self.family.key.is_some()
    }

    /// Whether it is a partition.
    pub fn is_partition(&self) -> bool {
        self.family.bound.is_some()
    }

    /// The number that a partition of this table gives the column of the same name.
    ///
    /// # Errors
    /// `XX000` for a partition that lacks a column.
    pub fn number_in(&self, partition: &Self, attnum: i16) -> Result<i16> {
        let mut columns = self.columns.iter();
        let column = columns.find(|column| column.attnum == attnum);
        let own = column.and_then(|column| partition.column(&column.name));
        own.map(|own| own.attnum)
            .ok_or_else(|| Error::internal("looking at a partition", "a column is missing"))
    }
}

impl Snapshot {
    /// The tables right under one: partitions in the order of their bounds, others in that of their
    /// OIDs. Only of a snapshot that is done, as all that goes down.
    pub fn children(&self, oid: Oid) -> Vec<Arc<Relation>> {
        let found = self.places().children(oid).iter();
        let mut found: Vec<Arc<Relation>> = found
            .filter_map(|oid| self.relation(*oid))
            .cloned()
            .collect();
        if self.relation(oid).is_some_and(|of| of.is_partitioned()) {
            found.sort_by_cached_key(|child| order(child));
        }
        found
    }

    /// Whether any table stands under one.
    pub fn has_children(&self, oid: Oid) -> bool {
        !self.places().children(oid).is_empty()
    }

    /// All tables under one, each once, in the order in which PostgreSQL reads them.
    pub fn descendants(&self, oid: Oid) -> Vec<Arc<Relation>> {
        let (mut found, mut seen) = (Vec::new(), BTreeSet::from([oid]));
        // Of partitions those under the first come before the second.
        let depth_first = self.relation(oid).is_some_and(|of| of.is_partitioned());
        let mut next = VecDeque::from([oid]);
        while let Some(oid) = next.pop_front() {
            let children = self.children(oid).into_iter();
            let children: Vec<_> = children.filter(|child| seen.insert(child.oid)).collect();
            if depth_first {
                found.extend(self.relation(oid).cloned());
                for child in children.iter().rev() {
                    next.push_front(child.oid);
                }
            } else {
                next.extend(children.iter().map(|child| child.oid));
                found.extend(children);
            }
        }
        if depth_first {
            // Without itself.
            found.remove(0);
        }
        found
    }

    /// The tables that are meant by one: with ONLY just that, else all under it, too, as
    /// [`Snapshot::descendants`].
    pub fn meant(&self, oid: Oid, only: bool) -> Vec<Oid> {
        let mut tables = vec![oid];
        if !only {
            tables.extend(self.descendants(oid).iter().map(|of| of.oid));
        }
        tables
    }

    /// Whether a table is one of `parents`, or stands above one of them.
    pub fn is_above(&self, oid: Oid, parents: &[Oid]) -> bool {
        let mut seen: BTreeSet<Oid> = parents.iter().copied().collect();
        let mut next = parents.to_vec();
        while let Some(above) = next.pop() {
            let further = self.relation(above).map(|of| &of.family.parents);
            let further = further.into_iter().flatten().copied();
            next.extend(further.filter(|parent| seen.insert(*parent)));
        }
        seen.contains(&oid)
    }

    /// The tables whose rows are read where `relation` is named: itself, unless it is partitioned,
    /// and all under it that have rows.
    pub fn members(&self, relation: &Arc<Relation>) -> Vec<Arc<Relation>> {
        let below = self.descendants(relation.oid);
        std::iter::once(Arc::clone(relation))
            .chain(below)
            .filter(|member| !member.is_partitioned())
            .collect()
    }

    /// The partitioned tables above a partition, the nearest first.
    pub fn partition_ancestors(&self, relation: &Relation) -> Vec<Arc<Relation>> {
        let mut found = Vec::new();
        let mut at = relation.clone();
        while at.is_partition()
            && let Some(parent) = at
                .family
                .parents
                .first()
                .and_then(|oid| self.relation(*oid))
        {
            found.push(Arc::clone(parent));
            at = Relation::clone(parent);
        }
        found
    }

    /// The default partition of a partitioned table.
    pub fn default_partition(&self, oid: Oid) -> Option<Arc<Relation>> {
        let mut children = self.children(oid).into_iter();
        children.find(|child| child.family.bound == Some(PartitionBound::Default))
    }
}

/// Where a partition stands among its siblings. Values are compared as their texts allow: the order
/// decides what is read first, and nothing else.
fn order(partition: &Relation) -> (u8, Vec<Place>, Oid) {
    let (class, places) = match &partition.family.bound {
        Some(PartitionBound::Range { from, .. }) => (0, from.iter().map(Place::of).collect()),
        Some(PartitionBound::List(values)) => {
            let mut places: Vec<Place> = values.iter().flatten().map(|v| Place::value(v)).collect();
            places.sort();
            places.truncate(1);
            (u8::from(places.is_empty()), places)
        }
        Some(PartitionBound::Hash { modulus, remainder }) => {
            let numbers = [*modulus, *remainder].map(|n| Place::Number(i64::from(n)));
            (0, numbers.to_vec())
        }
        Some(PartitionBound::Default) | None => (2, Vec::new()),
    };
    (class, places, partition.oid)
}

/// A value of a bound, to be compared.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Least,
    Number(i64),
    Text(String),
    Greatest,
}

impl Place {
    fn of(datum: &RangeDatum) -> Self {
        match datum {
            RangeDatum::Min => Self::Least,
            RangeDatum::Max => Self::Greatest,
            RangeDatum::Value(value) => Self::value(value),
        }
    }

    fn value(text: &str) -> Self {
        text.parse()
            .map_or_else(|_| Self::Text(text.to_owned()), Self::Number)
    }
}
