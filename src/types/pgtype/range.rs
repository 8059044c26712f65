//! Range and multirange types, and what they are over.

use std::fmt;
use std::str::Split;

use super::{Made, PgType, RangeFamily, Shape};
use crate::base::Oid;

/// Every range type, its multirange type, and the type of its bounds.
const RANGES: [(PgType, PgType, PgType); 6] = [
    (PgType::INT4RANGE, PgType::INT4MULTIRANGE, PgType::INT4),
    (PgType::INT8RANGE, PgType::INT8MULTIRANGE, PgType::INT8),
    (PgType::NUMRANGE, PgType::NUMMULTIRANGE, PgType::NUMERIC),
    (PgType::DATERANGE, PgType::DATEMULTIRANGE, PgType::DATE),
    (PgType::TSRANGE, PgType::TSMULTIRANGE, PgType::TIMESTAMP),
    (
        PgType::TSTZRANGE,
        PgType::TSTZMULTIRANGE,
        PgType::TIMESTAMPTZ,
    ),
];

impl RangeFamily {
    const fn ty(self, oid: Oid) -> PgType {
        PgType {
            made: Made::Range(self),
            ..PgType::of(oid.0)
        }
    }

    /// The range type and the multirange type.
    pub const fn types(self) -> [PgType; 2] {
        [self.ty(self.range), self.ty(self.multirange)]
    }

    /// The type of arrays over one of the types.
    pub(super) fn array_over(self, oid: Oid) -> Option<Oid> {
        match oid {
            oid if oid == self.range => Some(self.range_array),
            oid if oid == self.multirange => Some(self.multirange_array),
            _ => None,
        }
    }

    /// What the arrays of a type are over.
    pub(super) fn element_of(self, oid: Oid) -> Option<PgType> {
        match oid {
            oid if oid == self.range_array => Some(self.ty(self.range)),
            oid if oid == self.multirange_array => Some(self.ty(self.multirange)),
            _ => None,
        }
    }

    /// What its `Display` said, in this process.
    pub(super) fn heard(mut words: Split<'_, char>) -> Option<Self> {
        let mut oid = || words.next()?.parse().ok().map(Oid);
        Some(Self {
            range: oid()?,
            range_array: oid()?,
            multirange: oid()?,
            multirange_array: oid()?,
            subtype: words.next().and_then(Shape::heard)?,
        })
    }
}

impl fmt::Display for RangeFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            range,
            range_array,
            multirange,
            multirange_array,
            subtype,
        } = self;
        write!(
            f,
            "{range} {range_array} {multirange} {multirange_array} {subtype}"
        )
    }
}

impl PgType {
    /// Whether values are ranges.
    pub const fn is_range(self) -> bool {
        match self.made {
            Made::Range(family) => self.oid.0 == family.range.0,
            Made::None => matches!(self.oid.0, 3904 | 3906 | 3908 | 3910 | 3912 | 3926),
            _ => false,
        }
    }

    /// Whether values are multiranges.
    pub const fn is_multirange(self) -> bool {
        match self.made {
            Made::Range(family) => self.oid.0 == family.multirange.0,
            Made::None => matches!(self.oid.0, 4451 | 4532..=4536),
            _ => false,
        }
    }

    /// Whether values are ranges or multiranges.
    pub const fn has_bounds(self) -> bool {
        self.is_range() || self.is_multirange()
    }

    /// Whether values are ranges or multiranges of which equal ones may look different: numerics
    /// show zeros that do not count, and what users make ranges over may be anything.
    pub fn has_keyed_bounds(self) -> bool {
        self.has_bounds() && (self.is_made() || self.subtype() == Some(Self::NUMERIC))
    }

    /// Whether values are arrays of ranges or multiranges.
    pub(super) const fn has_elements_with_bounds(self) -> bool {
        match self.made {
            Made::Range(_) => !self.has_bounds(),
            Made::None => matches!(
                self.oid.0,
                3905 | 3907 | 3909 | 3911 | 3913 | 3927 | 6150..=6153 | 6155 | 6157
            ),
            _ => false,
        }
    }

    /// The types made with a range type that users made, if this is one of them.
    pub const fn range_family(self) -> Option<RangeFamily> {
        match self.made {
            Made::Range(family) => Some(family),
            _ => None,
        }
    }

    /// The type of the bounds of a range or multirange.
    pub fn subtype(self) -> Option<Self> {
        match self.made {
            Made::Range(family) if self.has_bounds() => family.subtype.types().first().copied(),
            Made::None => {
                let is = |(range, multirange, _): &&(Self, Self, Self)| {
                    [range.oid, multirange.oid].contains(&self.oid)
                };
                RANGES.iter().find(is).map(|(.., subtype)| *subtype)
            }
            _ => None,
        }
    }

    /// The multirange type over a range type.
    pub fn multirange(self) -> Option<Self> {
        if let Made::Range(family) = self.made {
            let [range, multirange] = family.types();
            return (self.oid == range.oid).then_some(multirange);
        }
        let known = RANGES.iter().find(|(range, ..)| range.oid == self.oid);
        known.map(|(_, multirange, _)| *multirange)
    }

    /// The built-in type of ranges over this type.
    pub fn range_over(self) -> Option<Self> {
        let known = RANGES.iter().find(|(.., subtype)| subtype.oid == self.oid);
        known.map(|(range, ..)| *range)
    }

    /// The type of the ranges that a multirange type's values are made of.
    pub fn range(self) -> Option<Self> {
        if let Made::Range(family) = self.made {
            let [range, multirange] = family.types();
            return (self.oid == multirange.oid).then_some(range);
        }
        let known = RANGES
            .iter()
            .find(|(_, multirange, _)| multirange.oid == self.oid);
        known.map(|(range, ..)| *range)
    }
}
