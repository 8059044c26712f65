//! Range and multirange types, and what they are over.

use super::PgType;

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

impl PgType {
    /// Whether values are ranges.
    pub const fn is_range(self) -> bool {
        !self.is_made() && matches!(self.oid.0, 3904 | 3906 | 3908 | 3910 | 3912 | 3926)
    }

    /// Whether values are multiranges.
    pub const fn is_multirange(self) -> bool {
        !self.is_made() && matches!(self.oid.0, 4451 | 4532..=4536)
    }

    /// Whether values are ranges or multiranges.
    pub const fn has_bounds(self) -> bool {
        self.is_range() || self.is_multirange()
    }

    /// Whether values are arrays of ranges or multiranges.
    pub(super) const fn has_elements_with_bounds(self) -> bool {
        !self.is_made()
            && matches!(
                self.oid.0,
                3905 | 3907 | 3909 | 3911 | 3913 | 3927 | 6150..=6153 | 6155 | 6157
            )
    }

    /// The type of the bounds of a range or multirange.
    pub fn subtype(self) -> Option<Self> {
        let known = RANGES
            .iter()
            .find(|(range, multirange, _)| [range.oid, multirange.oid].contains(&self.oid));
        known
            .filter(|_| !self.is_made())
            .map(|(.., subtype)| *subtype)
    }

    /// The multirange type over a range type.
    pub fn multirange(self) -> Option<Self> {
        let known = RANGES.iter().find(|(range, ..)| range.oid == self.oid);
        known.map(|(_, multirange, _)| *multirange)
    }

    /// The type of ranges over this type.
    pub fn range_over(self) -> Option<Self> {
        let known = RANGES.iter().find(|(.., subtype)| subtype.oid == self.oid);
        known.map(|(range, ..)| *range)
    }

    /// The type of the ranges that a multirange type's values are made of.
    pub fn range(self) -> Option<Self> {
        let known = RANGES
            .iter()
            .find(|(_, multirange, _)| multirange.oid == self.oid);
        known.map(|(range, ..)| *range)
    }
}
