//! How casts are done between two types.

use arrow::datatypes::{DataType, FieldRef};
use datafusion::logical_expr::Volatility;

use crate::engine::semantics::literals::is_text;
use crate::types::PgType;
use crate::types::coded::bits;
use crate::types::oids;
use crate::types::pgtype::TYPMOD_KEY;
use crate::types::shaped::{innermost, is_shaped};

/// How a value gets from one type to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Way {
    /// Text through the input function.
    Input,
    /// To text through the output function.
    Output,
    /// Text to `varchar(n)` or `char(n)`, to a name or a `"char"`.
    Fit,
    /// `char(n)` to text: without its blanks.
    Strip,
    /// A scalar in jsonb to the type it is of.
    Scalar,
    /// An array whose elements are not converted as Arrow does.
    Elements,
    /// An array whose elements stay as they are, but say of another type.
    Said,
    /// An array that tells its dimensions, or is to.
    Reshaped,
    /// An array as the list of its elements.
    Flat,
    /// A number with a fraction to an integer.
    Round,
    /// An integer to an OID, or an OID to an integer.
    Oid,
    /// A number to a numeric.
    Numeric,
    /// A numeric to an integer or a float.
    Number,
    /// A double to a float of half its size.
    Narrow,
    /// Between local time and UTC.
    Zone,
    /// A timestamp to its date or its time of day.
    Part,
    /// A time to one of fewer digits.
    Precise,
}

/// Types that are read and written in the same way whatever a session's settings are.
const ALIKE: &[PgType] = &[
    PgType::BOOL,
    PgType::OID,
    PgType::NUMERIC,
    PgType::UUID,
    PgType::JSON,
    PgType::JSONB,
    PgType::JSONPATH,
    PgType::BIT,
    PgType::VARBIT,
    PgType::INET,
    PgType::CIDR,
    PgType::MACADDR,
    PgType::MACADDR8,
    PgType::PG_LSN,
    PgType::TSQUERY,
    PgType::TSVECTOR,
];

/// Types that are read so, too; some are written by `extra_float_digits` and `bytea_output`.
const READ_ALIKE: &[PgType] = &[
    PgType::BYTEA,
    PgType::INT2,
    PgType::INT4,
    PgType::INT8,
    PgType::FLOAT4,
    PgType::FLOAT8,
];

impl Way {
    /// `None` where Arrow's cast is PostgreSQL's.
    pub(super) fn between(from: &FieldRef, to: &FieldRef, ty: PgType) -> Option<Self> {
        let (a, b) = (from.data_type(), to.data_type());
        match (is_text(a), is_text(b)) {
            (true, true) => {
                let padded = PgType::of_field(from).oid == PgType::BPCHAR.oid;
                let json =
                    [PgType::JSON.oid, PgType::JSONB.oid, PgType::JSONPATH.oid].contains(&ty.oid);
                if json && PgType::of_field(from).oid != ty.oid {
                    return Some(Self::Input);
                }
                if bits::is(ty) && !bits::is(PgType::of_field(from)) {
                    return Some(Self::Input);
                }
                let said = PgType::of_field(from);
                let cut = |kind: PgType| ty.oid == kind.oid && said.oid != kind.oid;
                return match ty.char_length().or(bits::length(ty)) {
                    Some(_) => Some(Self::Fit),
                    None if cut(PgType::NAME) || cut(PgType::CHAR) => Some(Self::Fit),
                    None if padded && ty.oid != PgType::BPCHAR.oid => Some(Self::Strip),
                    None => None,
                };
            }
            (true, false) if PgType::of_field(from).oid == PgType::JSONB.oid => {
                return Some(Self::Scalar);
            }
            (true, false) => return (!b.is_null()).then_some(Self::Input),
            (false, true) => {
                let said = PgType::of_field(from);
                let reg = said.is_reg() || said.is_encoded();
                let plain = a.is_null()
                    || a.is_integer() && !reg
                    || *a == DataType::Boolean
                    || matches!(a, DataType::Dictionary(_, _));
                return (!plain).then_some(Self::Output);
            }
            (false, false) => {}
        }
        if (is_shaped(a) || is_shaped(b)) && innermost(a).is_some() && innermost(b).is_some() {
            return (a != b).then_some(Self::Reshaped);
        }
        if let (DataType::List(from), DataType::List(to)) = (a, b) {
            let ty = PgType::of_field(to);
            let same = from.data_type() == to.data_type() && !from.data_type().is_nested();
            return match Self::between(from, to, ty) {
                Some(_) => Some(Self::Elements),
                // Arrow's cast takes the two for the same type and leaves out what they say.
                None => (same && from.metadata() != to.metadata()).then_some(Self::Said),
            };
        }
        let exact = |ty: &DataType| {
            matches!(
                ty,
                DataType::LargeUtf8 | DataType::Decimal128(..) | DataType::Decimal256(..)
            )
        };
        let is_oid = |ty: &DataType| *ty == DataType::UInt32;
        if ty.oid == PgType::NUMERIC.oid && exact(b) && !is_oid(a) {
            let number = exact(a) || a.is_integer() || a.is_floating();
            return match (a, b) {
                // Digits are only added: nothing can go wrong, and it is fast.
                (DataType::Decimal128(p, s), DataType::Decimal128(q, t))
                    if t >= s && i16::from(*q) - i16::from(*t) >= i16::from(*p) - i16::from(*s) =>
                {
                    None
                }
                // Made by coercion, which knows no declared scale.
                (_, DataType::Decimal128(..) | DataType::Decimal256(..))
                    if !to.metadata().contains_key(TYPMOD_KEY) && *a != DataType::LargeUtf8 =>
                {
                    None
                }
                _ => number.then_some(Self::Numeric),
            };
        }
        if oids::are_recast(a, b) {
            return Some(Self::Oid);
        }
        if *a == DataType::LargeUtf8 {
            return (b.is_integer() || b.is_floating()).then_some(Self::Number);
        }
        let fraction = a.is_floating() || a.is_decimal();
        if fraction && b.is_integer() {
            return Some(Self::Round);
        }
        if *a == DataType::Float64 && *b == DataType::Float32 {
            return Some(Self::Narrow);
        }
        if a.is_decimal() && b.is_floating() {
            return Some(Self::Number);
        }
        if ty.is_precise() && a == b {
            let typmod = PgType::of_field(from).typmod;
            return (typmod != ty.typmod).then_some(Self::Precise);
        }
        let local = |ty: &DataType| matches!(ty, DataType::Timestamp(_, None) | DataType::Date32);
        let absolute = |ty: &DataType| matches!(ty, DataType::Timestamp(_, Some(_)));
        let part = matches!(b, DataType::Date32 | DataType::Time64(_));
        match (a, b) {
            (DataType::Timestamp(..), _) if part => Some(Self::Part),
            (DataType::Date32, DataType::Timestamp(..)) => Some(Self::Zone),
            _ if local(a) && absolute(b) || absolute(a) && local(b) => Some(Self::Zone),
            _ => None,
        }
    }

    /// What depends on a session's settings must not be remembered for another's.
    pub(super) fn volatility(self, from: PgType, to: PgType) -> Volatility {
        let is = |ty: PgType, list: &[PgType]| list.iter().any(|one| one.oid == ty.oid);
        match self {
            Self::Input if is(to, ALIKE) || is(to, READ_ALIKE) => Volatility::Immutable,
            Self::Output if is(from, ALIKE) => Volatility::Immutable,
            Self::Input
            | Self::Output
            | Self::Zone
            | Self::Part
            | Self::Reshaped
            | Self::Elements => Volatility::Stable,
            Self::Fit
            | Self::Said
            | Self::Flat
            | Self::Round
            | Self::Strip
            | Self::Oid
            | Self::Numeric
            | Self::Number
            | Self::Narrow
            | Self::Precise
            | Self::Scalar => Volatility::Immutable,
        }
    }
}
