//! Sequences as the catalog knows them: how they count. Where they stand is not here: a value once
//! given is given, whatever becomes of the transaction, so that is kept apart from all snapshots.

use serde::{Deserialize, Serialize};

use crate::base::Oid;
use crate::types::PgType;

/// A sequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sequence {
    /// AS: smallint, integer or bigint.
    pub ty: PgType,
    /// START
    pub start: i64,
    /// INCREMENT
    pub increment: i64,
    /// MINVALUE
    pub min: i64,
    /// MAXVALUE
    pub max: i64,
    /// CACHE; kept, and of no consequence.
    pub cache: i64,
    /// CYCLE
    pub cycle: bool,
    /// OWNED BY: the column it goes with.
    pub owned_by: Option<(Oid, i16)>,
    /// Whether it is an identity column's, and goes and is altered only with that.
    pub identity: bool,
    /// Counts how often it was set to a place by a statement that may be rolled back (RESTART). The
    /// place it stands at belongs to one of these.
    pub generation: u64,
    /// Where it stands at the beginning of the generation.
    pub origin: Standing,
}

/// Where a sequence stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The last value given, or the first one to be given.
    pub last: i64,
    /// Whether `last` was given.
    pub is_called: bool,
}

impl Sequence {
    /// A sequence as CREATE SEQUENCE makes it without options.
    pub fn ascending(ty: PgType) -> Self {
        Self {
            ty,
            start: 1,
            increment: 1,
            min: 1,
            max: Self::bounds(ty).1,
            cache: 1,
            cycle: false,
            owned_by: None,
            identity: false,
            generation: 0,
            origin: Standing {
                last: 1,
                is_called: false,
            },
        }
    }

    /// The least and greatest value of a type.
    pub fn bounds(ty: PgType) -> (i64, i64) {
        match ty.plain() {
            PgType::INT2 => (i64::from(i16::MIN), i64::from(i16::MAX)),
            PgType::INT4 => (i64::from(i32::MIN), i64::from(i32::MAX)),
            _ => (i64::MIN, i64::MAX),
        }
    }

    /// The value after `standing`; `None` if there is none left.
    pub fn after(&self, standing: Standing) -> Option<i64> {
        if !standing.is_called {
            return Some(standing.last);
        }
        match standing.last.checked_add(self.increment) {
            Some(next) if self.increment > 0 && next <= self.max => Some(next),
            Some(next) if self.increment < 0 && next >= self.min => Some(next),
            _ if self.cycle && self.increment > 0 => Some(self.min),
            _ if self.cycle => Some(self.max),
            _ => None,
        }
    }
}
