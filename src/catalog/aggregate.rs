//! Aggregates users make: what PostgreSQL keeps in `pg_aggregate`.
//!
//! An aggregate is a function whose body is others: one takes the state and the arguments of a row
//! to the next state, another makes the answer of the last one. All are named by OIDs, of users'
//! functions or PostgreSQL's own.

use serde::{Deserialize, Serialize};

use crate::base::Oid;

/// What an aggregate is made of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aggregate {
    /// Which rules its calls follow.
    pub kind: AggregateKind,
    /// How many of its arguments stand before ORDER BY; 0 of a plain one.
    pub direct: usize,
    /// How it is computed.
    pub plain: Transition,
    /// How PostgreSQL computes it over frames that lose rows; kept, and of no consequence.
    pub moving: Option<Moving>,
    /// COMBINEFUNC; kept, and of no consequence.
    pub combine: Option<Oid>,
    /// SERIALFUNC and DESERIALFUNC; kept, and of no consequence.
    pub serialize: Option<(Oid, Oid)>,
    /// SORTOP; kept, and of no consequence.
    pub sort_operator: Option<Oid>,
}

/// Which rules the calls of an aggregate follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum AggregateKind {
    /// `f(x)`
    Normal,
    /// `f(a) WITHIN GROUP (ORDER BY x)`
    OrderedSet,
    /// The same, `a` being a row like the others.
    Hypothetical,
}

/// From rows to an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transition {
    /// SFUNC
    pub function: Oid,
    /// STYPE
    pub state: Oid,
    /// SSPACE; kept, and of no consequence.
    pub space: i32,
    /// INITCOND
    pub initial: Option<String>,
    /// FINALFUNC
    pub finish: Option<Oid>,
    /// FINALFUNC_EXTRA: the arguments' types are told to it by NULLs.
    pub extra: bool,
    /// FINALFUNC_MODIFY; kept, and of no consequence.
    pub modify: Modify,
}

/// MSFUNC and its kin.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Moving {
    /// Those that have counterparts.
    pub transition: Transition,
    /// MINVFUNC
    pub inverse: Oid,
}

/// FINALFUNC_MODIFY
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Modify {
    /// READ_ONLY
    ReadOnly,
    /// SHAREABLE
    Shareable,
    /// READ_WRITE
    ReadWrite,
}

impl AggregateKind {
    /// `pg_aggregate.aggkind`
    pub fn letter(self) -> char {
        match self {
            Self::Normal => 'n',
            Self::OrderedSet => 'o',
            Self::Hypothetical => 'h',
        }
    }

    /// What messages call one of the kind.
    pub fn words(self) -> &'static str {
        match self {
            Self::Normal => "an ordinary aggregate function",
            Self::OrderedSet => "an ordered-set aggregate",
            Self::Hypothetical => "a hypothetical-set aggregate",
        }
    }
}

impl Modify {
    /// `pg_aggregate.aggfinalmodify`
    pub fn letter(self) -> char {
        match self {
            Self::ReadOnly => 'r',
            Self::Shareable => 's',
            Self::ReadWrite => 'w',
        }
    }
}

impl Aggregate {
    /// The functions it is made of.
    pub fn functions(&self) -> impl Iterator<Item = Oid> {
        let moving = self.moving.as_ref();
        let moving = moving.into_iter().flat_map(|moving| {
            let transition = &moving.transition;
            let own = [Some(transition.function), Some(moving.inverse)];
            own.into_iter().chain([transition.finish])
        });
        let serial = self
            .serialize
            .map_or([None; 2], |(a, b)| [Some(a), Some(b)]);
        [Some(self.plain.function), self.plain.finish, self.combine]
            .into_iter()
            .chain(serial)
            .chain(moving)
            .flatten()
    }
}
