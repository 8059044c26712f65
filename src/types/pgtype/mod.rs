//! The one table of types: OID, name, length, category, and the Arrow type that holds its values.
//!
//! A PostgreSQL type that Arrow has no type of its own for travels in another Arrow type, and the
//! field's metadata says so under [`METADATA_KEY`]. Functions may drop metadata, so it is best
//! effort: the engine decides output types over the analysed plan.

mod field;
mod name;
mod range;
mod shape;
mod table;

use serde::{Deserialize, Serialize};

use super::coded::Code;
use super::shaped::ANY_DIMENSIONS;
use crate::base::Oid;

pub use name::{awaits_names, named};
pub use shape::Shape;
use table::{COMPOSITE, ENUM, MADE_ARRAY, MADE_RANGE};
pub use table::{TypeInfo, all};

/// Field metadata key holding the OID of a PostgreSQL type (decimal text).
pub const METADATA_KEY: &str = "pg.type";
/// Field metadata key holding a typmod (decimal text).
pub const TYPMOD_KEY: &str = "pg.typmod";
/// Field metadata key of columns holding the OID of the domain they are declared with and, if it is
/// their elements that are of it, that of its arrays. Only what reads declarations looks at it.
const DOMAIN_KEY: &str = "pg.domain";

/// A PostgreSQL type with its modifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct PgType {
    /// `pg_type.oid`
    pub oid: Oid,
    /// Type modifier as PostgreSQL encodes it (`varchar(n)`: n + 4; `numeric(p,s)`: (p << 16 | s) +
    /// 4), or -1.
    pub typmod: i32,
    /// What users made of it, if it is no type of the table.
    #[serde(default, skip_serializing_if = "Made::is_none")]
    pub made: Made,
    /// The domain whose constraints the values keep. Everything else here is of the type beneath:
    /// outside assignments and casts a domain is that type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub domain: Option<InDomain>,
    /// How many dimensions more than one the arrays of a column are declared to have, and from
    /// [`ANY`] on, that they may have any. PostgreSQL has one type for all: only columns have this,
    /// expressions over them never.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub more_dimensions: u8,
}

/// In [`PgType::more_dimensions`]: arrays of any dimensions, whatever was declared.
const ANY: u8 = 128;

#[expect(clippy::trivially_copy_pass_by_ref)]
fn is_zero(number: &u8) -> bool {
    *number == 0
}

/// A domain that values, or the elements of arrays, are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct InDomain {
    /// The domain.
    pub oid: Oid,
    /// The type of arrays over it, if it is their elements that are of the domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub array: Option<Oid>,
}

/// What kind of type a user's type is: all that its values' form depends on. What it is called and
/// what labels it has is the catalog's to know, and may change; this never does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
pub enum Made {
    /// Not a user's.
    #[default]
    None,
    /// CREATE TYPE … AS ENUM
    Enum {
        /// The type of arrays over it.
        array: Oid,
    },
    /// The type of arrays over an enumerated type.
    EnumArray {
        /// That type.
        element: Oid,
    },
    /// A type of rows: CREATE TYPE … AS (…), or a relation's.
    Row {
        /// The type of arrays over it.
        array: Oid,
        /// What its fields are of.
        shape: Shape,
    },
    /// The type of arrays over a type of rows.
    RowArray {
        /// That type.
        element: Oid,
        /// What the fields of its rows are of.
        shape: Shape,
    },
    /// CREATE TYPE … AS RANGE: a range type, its multirange type, or the arrays over either.
    Range(RangeFamily),
}

/// The types that are made together with a range type. A type's OID says which of them it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct RangeFamily {
    /// The range type.
    pub range: Oid,
    /// The type of arrays over it.
    pub range_array: Oid,
    /// Its multirange type.
    pub multirange: Oid,
    /// The type of arrays over that.
    pub multirange_array: Oid,
    /// What the bounds are of, as the one field of a row.
    pub subtype: Shape,
}

impl Made {
    fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl PgType {
    /// The type with this OID and no modifier.
    pub const fn of(oid: u32) -> Self {
        Self {
            oid: Oid(oid),
            typmod: -1,
            made: Made::None,
            domain: None,
            more_dimensions: 0,
        }
    }

    /// An enumerated type and, apart, its arrays' type.
    pub const fn enumerated(oid: Oid, array: Oid) -> Self {
        Self {
            oid,
            typmod: -1,
            made: Made::Enum { array },
            domain: None,
            more_dimensions: 0,
        }
    }

    /// The same array type, for a column whose arrays have so many dimensions.
    pub fn with_dimensions(self, dimensions: usize) -> Self {
        let more = dimensions.min(ANY_DIMENSIONS).saturating_sub(1);
        let more = u8::try_from(more).unwrap_or(ANY);
        Self {
            more_dimensions: more,
            ..self
        }
    }

    /// The same type, if it is one of arrays for a column that holds arrays of any dimensions.
    pub fn with_any_dimensions(self) -> Self {
        match self.has_lists() {
            true => Self {
                more_dimensions: self.more_dimensions | ANY,
                ..self
            },
            false => self,
        }
    }

    /// Whether a column of this type holds arrays of any dimensions.
    pub const fn has_any_dimensions(self) -> bool {
        self.more_dimensions >= ANY
    }

    /// How many dimensions a column's arrays were declared to have.
    pub fn declared_dimensions(self) -> u8 {
        (self.more_dimensions & !ANY) + 1
    }

    /// Whether values are arrays, as `int2vector` and its kin are not.
    pub fn has_lists(self) -> bool {
        self.info().name.starts_with('_') && self.element().is_some()
    }

    /// A type of rows with fields of these types and, apart, its arrays' type.
    pub const fn composite(oid: Oid, array: Oid, shape: Shape) -> Self {
        Self {
            oid,
            typmod: -1,
            more_dimensions: 0,
            made: Made::Row { array, shape },
            domain: None,
        }
    }

    /// Rows without a type of their own, with fields of these types and names.
    pub fn record(types: &[PgType], names: &[String]) -> Self {
        let array = Self::RECORD.info().array;
        Self::composite(Self::RECORD.oid, array, Shape::named(types, names))
    }

    /// What the fields are of, if values are rows and it is known what they are made of.
    pub const fn shape(self) -> Option<Shape> {
        match self.made {
            Made::Row { shape, .. } => Some(shape),
            Made::None
            | Made::Enum { .. }
            | Made::EnumArray { .. }
            | Made::RowArray { .. }
            | Made::Range(_) => None,
        }
    }

    /// Whether values are rows, and it is known what they are made of.
    pub const fn is_composite(self) -> bool {
        self.shape().is_some()
    }

    /// A domain over this type.
    pub const fn in_domain(self, oid: Oid) -> Self {
        Self {
            domain: Some(InDomain { oid, array: None }),
            ..self
        }
    }

    /// Arrays, of the type `array`, over a domain over this type; `None` of what has no arrays.
    pub fn arrays_in_domain(self, oid: Oid, array: Oid) -> Option<Self> {
        Some(Self {
            domain: Some(InDomain {
                oid,
                array: Some(array),
            }),
            ..self.undomained().array()?
        })
    }

    /// The type beneath, if this is a domain.
    pub const fn undomained(self) -> Self {
        Self {
            domain: None,
            ..self
        }
    }

    /// The same type without its modifier; a domain's is part of it and stays.
    pub const fn unmodified(self) -> Self {
        match self.domain {
            Some(_) => self,
            None => self.with_typmod(-1),
        }
    }

    /// The modifier beside [`Self::declared`]: a domain's is part of the domain.
    pub const fn declared_typmod(self) -> i32 {
        match self.domain {
            Some(_) => -1,
            None => self.typmod,
        }
    }

    /// `pg_type.oid`, of the domain if it is one.
    pub fn declared(self) -> Oid {
        self.domain
            .map_or(self.oid, |domain| domain.array.unwrap_or(domain.oid))
    }

    /// The same type without a modifier and beneath all domains.
    pub const fn plain(self) -> Self {
        self.with_typmod(-1).undomained()
    }

    /// Whether values are labels of an enumerated type.
    pub const fn is_enum(self) -> bool {
        matches!(self.made, Made::Enum { .. })
    }

    /// The built-in type that bounds of stored values are written as.
    pub const fn at_rest(self) -> Self {
        match self.made {
            Made::Enum { .. } => Self::INT8,
            Made::Row { .. } => Self::BYTEA,
            Made::EnumArray { .. } | Made::RowArray { .. } | Made::Range(_) => self,
            Made::None => match Code::of(self) {
                Some(code) => code.at_rest(),
                None => self,
            },
        }
    }

    /// Whether values, or the elements of arrays, travel as what only the type tells the meaning
    /// of.
    pub const fn is_encoded(self) -> bool {
        self.is_made()
            || Code::of(self).is_some()
            || Code::of_elements(self)
            || self.has_bounds()
            || self.has_elements_with_bounds()
    }

    /// Whether it is the same type, whatever the modifiers.
    pub fn is(self, other: Self) -> bool {
        self.oid == other.oid
    }

    /// Whether a user made it.
    pub const fn is_made(self) -> bool {
        !matches!(self.made, Made::None)
    }

    /// The same type with a modifier.
    pub const fn with_typmod(self, typmod: i32) -> Self {
        Self { typmod, ..self }
    }

    /// `numeric(precision, scale)`
    pub const fn numeric(precision: u16, scale: i16) -> Self {
        Self::NUMERIC.with_typmod((((precision as i32) << 16) | ((scale as i32) & 0x7ff)) + 4)
    }

    /// The row of the type table; `text`'s for an OID that is not in it.
    pub fn info(self) -> &'static TypeInfo {
        match self.made {
            Made::None => {}
            Made::Enum { .. } => return &ENUM,
            Made::Row { .. } if self.oid != Self::RECORD.oid => return &COMPOSITE,
            Made::Row { .. } => {}
            Made::Range(_) if self.has_bounds() => return &MADE_RANGE,
            Made::EnumArray { .. } | Made::RowArray { .. } | Made::Range(_) => return &MADE_ARRAY,
        }
        all()
            .find(|info| info.oid == self.oid)
            .unwrap_or_else(|| Self::TEXT.info())
    }

    /// The type named `name`, by `typname` or by the name `format_type` prints (`int4`, `integer`).
    pub fn by_name(name: &str) -> Option<Self> {
        all()
            .find(|info| info.name == name || info.sql_name == name)
            .map(|info| Self::of(info.oid.0))
    }

    /// The array type over this type.
    pub fn array(self) -> Option<Self> {
        // Which type has a domain's arrays is the catalog's to know.
        if self.domain.is_some() {
            return self.undomained().array();
        }
        let made = |array: Oid, made| {
            Some(Self {
                made,
                ..Self::of(array.0)
            })
        };
        match self.made {
            Made::Enum { array } => return made(array, Made::EnumArray { element: self.oid }),
            Made::Row { array, shape } => {
                let element = self.oid;
                return made(array, Made::RowArray { element, shape });
            }
            Made::Range(family) => {
                let array = family.array_over(self.oid)?;
                return made(array, Made::Range(family));
            }
            Made::EnumArray { .. } | Made::RowArray { .. } | Made::None => {}
        }
        let array = self.info().array;
        (array != Oid::INVALID).then_some(Self::of(array.0).with_typmod(self.typmod))
    }

    /// The element type if this is an array type.
    pub fn element(self) -> Option<Self> {
        match self.made {
            Made::EnumArray { element } => return Some(Self::enumerated(element, self.oid)),
            Made::RowArray { element, shape } => {
                return Some(Self::composite(element, self.oid, shape));
            }
            Made::Range(family) => return family.element_of(self.oid),
            Made::Enum { .. } | Made::Row { .. } | Made::None => {}
        }
        match self.oid {
            Oid(22) => Some(Self::INT2),
            Oid(30) => Some(Self::OID),
            _ => {
                let element = self.info().element;
                (element != Oid::INVALID).then_some(Self::of(element.0).with_typmod(self.typmod))
            }
        }
    }

    /// What lists of a column of this array type hold: arrays of a dimension less, or elements.
    pub fn item(self) -> Option<Self> {
        match self.more_dimensions {
            0 | ANY.. => self.element(),
            more => Some(Self {
                more_dimensions: more - 1,
                ..self
            }),
        }
    }

    /// As [`Self::element`], in the domain that arrays over one are of.
    pub fn declared_element(self) -> Option<Self> {
        let element = self.element()?;
        Some(match self.domain {
            Some(InDomain {
                oid,
                array: Some(_),
            }) => element.in_domain(oid),
            Some(_) | None => element,
        })
    }

    /// Whether its values are arrays, and it is no domain over such a type.
    pub fn is_array(self) -> bool {
        let of_its_own = self.domain.is_none_or(|domain| domain.array.is_some());
        self.element().is_some() && of_its_own
    }

    /// Whether domains ask something of the fields of this type's rows.
    pub fn has_domains(self) -> bool {
        let of_domain = |ty: Self| ty.domain.is_some();
        self.shape().is_some_and(|shape| shape.has(&of_domain))
    }

    /// What is between the elements of an array of this type: `pg_type.typdelim`.
    pub fn delimiter(self) -> u8 {
        if self.oid == Self::BOX.oid {
            b';'
        } else {
            b','
        }
    }

    /// Whether the values are OIDs shown as names.
    pub fn is_reg(self) -> bool {
        self.info().name.starts_with("reg")
    }

    /// Declared precision and scale of a numeric with a modifier.
    pub fn precision_scale(self) -> Option<(u16, i16)> {
        (self.oid == Self::NUMERIC.oid && self.typmod >= 4).then(|| {
            let packed = self.typmod - 4;
            let scale = ((packed & 0x7ff) ^ 1024) - 1024;
            (
                u16::try_from((packed >> 16) & 0xffff).unwrap_or(u16::MAX),
                i16::try_from(scale).unwrap_or(0),
            )
        })
    }

    /// Declared length in characters of `varchar(n)` or `char(n)`.
    pub fn char_length(self) -> Option<usize> {
        let is_char = matches!(self.oid, Oid(1042 | 1043));
        (is_char && self.typmod >= 4).then(|| usize::try_from(self.typmod - 4).unwrap_or(0))
    }
}

#[cfg(test)]
mod tests {
    use arrow::datatypes::DataType;

    use super::*;

    #[test]
    fn fields_round_trip() {
        for info in all().filter(|info| info.oid != PgType::VOID.oid) {
            let ty = PgType::of(info.oid.0);
            assert_eq!(PgType::of_field(&ty.field("c", true)), ty, "{}", info.name);
        }
        let ty = PgType::numeric(12, 2);
        assert_eq!(ty.data_type(), DataType::Decimal128(12, 2));
        assert_eq!(PgType::of_field(&ty.field("c", true)), ty);
        let mood = PgType::enumerated(Oid(20000), Oid(19999));
        assert_eq!(PgType::of_field(&mood.field("c", true)), mood);
        let moody = mood.in_domain(Oid(30000));
        assert_eq!(PgType::of_column(&moody.field("c", true)), moody);
        assert_eq!(PgType::of_field(&moody.field("c", true)), mood);
        let sizes = PgType::numeric(12, 2).arrays_in_domain(Oid(30000), Oid(30001));
        let sizes = sizes.expect("has one");
        assert_eq!(PgType::of_column(&sizes.field("c", true)), sizes);
        assert_eq!(
            sizes.declared_element(),
            Some(PgType::numeric(12, 2).in_domain(Oid(30000)))
        );
        let point = PgType::composite(Oid(20002), Oid(20001), Shape::of(&[mood, sizes]));
        assert_eq!(PgType::of_field(&point.field("c", true)), point);
        let points = point.array().expect("has one");
        assert_eq!(PgType::of_field(&points.field("c", true)), points);
        assert_eq!(points.element(), Some(point));
        let [range, multirange] = RangeFamily {
            range: Oid(20010),
            range_array: Oid(20011),
            multirange: Oid(20012),
            multirange_array: Oid(20013),
            subtype: Shape::of(&[mood]),
        }
        .types();
        for ty in [range, multirange] {
            let array = ty.array().expect("has one");
            assert_eq!(PgType::of_field(&ty.field("c", true)), ty);
            assert_eq!(PgType::of_field(&array.field("c", true)), array);
            assert_eq!(array.element(), Some(ty));
            assert_eq!(ty.subtype(), Some(mood));
        }
        assert_eq!(range.multirange(), Some(multirange));
        assert_eq!(multirange.range(), Some(range));
        let moods = mood.array().expect("has one");
        assert_eq!(PgType::of_field(&moods.field("c", true)), moods);
        assert_eq!(moods.element(), Some(mood));
        let text = format!("type {mood} is no {moods}");
        assert_eq!(
            named(&text, |oid| Some(format!("mood{oid}"))).as_deref(),
            Some("type mood20000 is no mood20000[]")
        );
        assert_eq!(named("plain", |_| None), None);
    }

    #[test]
    fn prints_as_format_type() {
        assert_eq!(PgType::numeric(12, 2).to_string(), "numeric(12,2)");
        assert_eq!(
            PgType::VARCHAR.with_typmod(14).to_string(),
            "character varying(10)"
        );
        assert_eq!(
            PgType::INT4.array().map(|t| t.to_string()).as_deref(),
            Some("integer[]")
        );
        assert_eq!(PgType::INT2VECTOR.to_string(), "int2vector");
        assert_eq!(PgType::by_name("double precision"), Some(PgType::FLOAT8));
    }
}
