//! The Arrow types and fields that hold values of PostgreSQL's types.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, IntervalUnit, TimeUnit};

use super::{DOMAIN_KEY, InDomain, METADATA_KEY, Made, PgType, RangeFamily, Shape, TYPMOD_KEY};
use crate::base::Oid;
use crate::types::coded::Code;
use crate::types::{dimensions, shaped};

impl PgType {
    /// The Arrow type that holds values of this type.
    pub fn data_type(self) -> DataType {
        if let Some(code) = Code::of(self) {
            return code.data_type();
        }
        match self {
            t if t.is_enum() => DataType::Int64,
            // Ranges that look different may be equal, and go by keys. No other type travels in
            // large binaries, so that the Arrow type alone says so.
            t if t.has_keyed_bounds() => DataType::LargeBinary,
            t if t.has_bounds() => DataType::Binary,
            t if t.is_composite() => DataType::Binary,
            t if t.oid == Self::BOOL.oid => DataType::Boolean,
            t if t.oid == Self::INT2.oid => DataType::Int16,
            t if t.oid == Self::INT4.oid => DataType::Int32,
            t if t.oid == Self::INT8.oid => DataType::Int64,
            t if t.oid == Self::FLOAT4.oid => DataType::Float32,
            t if t.oid == Self::FLOAT8.oid => DataType::Float64,
            t if t.oid == Self::NUMERIC.oid => match t.decimal() {
                Some((precision, scale)) => DataType::Decimal128(precision, scale),
                // No bound, one beyond 128 bits, or a scale that decimals do not have: PostgreSQL's
                // text of each value. No other type travels in large text, so that the Arrow type
                // alone says what it is.
                _ => DataType::LargeUtf8,
            },
            t if t.oid == Self::BYTEA.oid => DataType::Binary,
            t if t.oid == Self::DATE.oid => DataType::Date32,
            t if t.oid == Self::TIME.oid => DataType::Time64(TimeUnit::Microsecond),
            t if t.oid == Self::TIMESTAMP.oid => DataType::Timestamp(TimeUnit::Microsecond, None),
            t if t.oid == Self::TIMESTAMPTZ.oid => {
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
            }
            t if t.oid == Self::INTERVAL.oid => DataType::Interval(IntervalUnit::MonthDayNano),
            t if t.oid == Self::UUID.oid => DataType::FixedSizeBinary(16),
            t if t.oid == Self::OID.oid
                || t.oid == Self::XID.oid
                || t.oid == Self::CID.oid
                || t.is_reg() =>
            {
                DataType::UInt32
            }
            t if t.oid == Self::VOID.oid => DataType::Null,
            t => match t.element() {
                Some(element) if self.has_any_dimensions() => {
                    shaped::shaped_type(Arc::new(element.field("item", true)))
                }
                Some(element) => {
                    let lists = DataType::List(Arc::new(element.field("item", true)));
                    (0..self.more_dimensions).fold(lists, |lists, _| dimensions::around(lists))
                }
                None => DataType::Utf8View,
            },
        }
    }

    /// Precision and scale of the decimal that holds numerics of this type.
    fn decimal(self) -> Option<(u8, i8)> {
        let (precision, scale) = self.precision_scale()?;
        let fits = precision <= 38 && 0 <= scale && scale.unsigned_abs() <= precision;
        let (precision, scale) = (u8::try_from(precision).ok()?, i8::try_from(scale).ok()?);
        fits.then_some((precision, scale))
    }

    /// The Arrow field for a column of this type, with metadata where the Arrow type alone does not
    /// say.
    pub fn field(self, name: &str, nullable: bool) -> Field {
        let mut metadata = HashMap::new();
        if let Some(domain) = self.domain {
            let array = domain.array.unwrap_or(Oid::INVALID);
            metadata.insert(DOMAIN_KEY.to_owned(), format!("{} {array}", domain.oid));
        }
        // Others take 16 bytes for no more than that.
        if Self::of_data_type(&self.data_type()).oid != self.oid || self.oid == Self::UUID.oid {
            metadata.insert(METADATA_KEY.to_owned(), self.said());
        }
        if self.typmod >= 0 {
            metadata.insert(TYPMOD_KEY.to_owned(), self.typmod.to_string());
        }
        Field::new(name, self.data_type(), nullable).with_metadata(metadata)
    }

    /// The type without its modifier, as metadata has it.
    pub fn said(self) -> String {
        match self.made {
            Made::None => self.oid.to_string(),
            Made::Enum { array } => format!("{} enum {array}", self.oid),
            Made::EnumArray { element } => format!("{} enum[] {element}", self.oid),
            Made::Row { array, shape } => format!("{} row {array} {shape}", self.oid),
            Made::RowArray { element, shape } => format!("{} row[] {element} {shape}", self.oid),
            Made::Range(family) => format!("{} range {family}", self.oid),
        }
    }

    /// What [`Self::said`] said.
    fn heard(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut ty = Self::of(words.next()?.parse().ok()?);
        let Some(word) = words.next() else {
            return Some(ty);
        };
        if word == "range" {
            ty.made = Made::Range(RangeFamily::heard(words)?);
            return Some(ty);
        }
        let other = Oid(words.next()?.parse().ok()?);
        let mut shape = || words.next().and_then(Shape::heard);
        ty.made = match word {
            "enum" => Made::Enum { array: other },
            "enum[]" => Made::EnumArray { element: other },
            "row" => Made::Row {
                array: other,
                shape: shape()?,
            },
            "row[]" => Made::RowArray {
                element: other,
                shape: shape()?,
            },
            _ => return None,
        };
        Some(ty)
    }

    /// Whether values of an Arrow type may be this: metadata outlives casts, after which it says
    /// what the value was before.
    fn is_held_by(self, held: &DataType) -> bool {
        match (self.data_type(), held) {
            (_, DataType::Null) => true,
            (own, held) if self.is_composite() => own == *held,
            (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) => a.is_some() == b.is_some(),
            (
                own @ (DataType::Boolean
                | DataType::Int16
                | DataType::Int32
                | DataType::Int64
                | DataType::Float32
                | DataType::Float64
                | DataType::Date32
                | DataType::Time64(_)
                | DataType::Timestamp(..)
                | DataType::Interval(_)
                | DataType::Binary
                | DataType::LargeBinary),
                held,
            ) => own == *held,
            _ => true,
        }
    }

    /// The type of a field: its metadata if it has any of ours that fits, else by its Arrow type.
    pub fn of_field(field: &Field) -> Self {
        let said = |key| field.metadata().get(key).map(String::as_str);
        let typmod = said(TYPMOD_KEY)
            .and_then(|text| text.parse().ok())
            .unwrap_or(-1);
        match said(METADATA_KEY).and_then(Self::heard) {
            Some(ty) if ty.is_held_by(field.data_type()) => ty.with_typmod(typmod),
            _ => match Self::of_data_type(field.data_type()) {
                ty if typmod >= 0 => ty.with_typmod(typmod),
                ty => ty,
            },
        }
    }

    /// The type a relation's column is declared with: as [`Self::of_field`], in its domain.
    pub fn of_column(field: &Field) -> Self {
        let said = field.metadata().get(DOMAIN_KEY);
        let domain = said.and_then(|said| {
            let (oid, array) = said.split_once(' ')?;
            let array = Oid(array.parse().ok()?);
            Some(InDomain {
                oid: Oid(oid.parse().ok()?),
                array: (array != Oid::INVALID).then_some(array),
            })
        });
        Self {
            domain,
            ..Self::of_field(field)
        }
    }

    /// The type commons shows for a bare Arrow type.
    pub fn of_data_type(data_type: &DataType) -> Self {
        match data_type {
            DataType::Boolean => Self::BOOL,
            DataType::Int8 | DataType::Int16 | DataType::UInt8 => Self::INT2,
            DataType::Int32 | DataType::UInt16 => Self::INT4,
            DataType::Int64 | DataType::UInt64 => Self::INT8,
            DataType::UInt32 => Self::OID,
            DataType::Float16 | DataType::Float32 => Self::FLOAT4,
            DataType::Float64 => Self::FLOAT8,
            DataType::Decimal32(_, _)
            | DataType::Decimal64(_, _)
            | DataType::Decimal128(_, _)
            | DataType::Decimal256(_, _)
            | DataType::LargeUtf8 => Self::NUMERIC,
            // What functions give says no more than this.
            DataType::FixedSizeBinary(16) => Self::UUID,
            DataType::Binary
            | DataType::LargeBinary
            | DataType::BinaryView
            | DataType::FixedSizeBinary(_) => Self::BYTEA,
            DataType::Date32 | DataType::Date64 => Self::DATE,
            DataType::Time32(_) | DataType::Time64(_) => Self::TIME,
            DataType::Timestamp(_, None) => Self::TIMESTAMP,
            DataType::Timestamp(_, Some(_)) => Self::TIMESTAMPTZ,
            DataType::Interval(_) | DataType::Duration(_) => Self::INTERVAL,
            DataType::List(field)
            | DataType::LargeList(field)
            | DataType::FixedSizeList(field, _)
            | DataType::ListView(field)
            | DataType::LargeListView(field) => match field.data_type() {
                // PostgreSQL has one array type for every number of dimensions.
                DataType::List(_) | DataType::LargeList(_) => Self::of_data_type(field.data_type()),
                _ => Self::of_field(field).array().unwrap_or(Self::TEXT),
            },
            DataType::Dictionary(_, value) => Self::of_data_type(value),
            DataType::RunEndEncoded(_, values) => Self::of_data_type(values.data_type()),
            pairs if let Some(lists) = shaped::elements_type(pairs) => Self::of_data_type(lists),
            DataType::Struct(_) | DataType::Map(_, _) => Self::JSON,
            DataType::Utf8 | DataType::Utf8View | DataType::Null | DataType::Union(_, _) => {
                Self::TEXT
            }
        }
    }
}
