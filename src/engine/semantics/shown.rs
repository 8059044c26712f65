//! Arrow types that PostgreSQL has no type for, as the nearest one it has.

use arrow::datatypes::{DataType, TimeUnit};

use crate::types::PgType;

/// The Arrow type a column of `data_type` must be cast to before it is shown as `ty`; `None` if it
/// may stay.
///
/// Text and bytes stay in whatever layout they are in, and a decimal keeps its own scale: the
/// encoders take them all.
pub(in crate::engine) fn shown_as(data_type: &DataType, ty: PgType) -> Option<DataType> {
    let shown = match data_type {
        DataType::Int8 | DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        DataType::UInt32 if ty.data_type() != DataType::UInt32 => DataType::Int64,
        DataType::UInt64 => DataType::Int64,
        DataType::Float16 => DataType::Float32,
        DataType::Null => DataType::Utf8View,
        DataType::Date64 => DataType::Date32,
        DataType::Time32(_) | DataType::Time64(TimeUnit::Nanosecond) => {
            DataType::Time64(TimeUnit::Microsecond)
        }
        DataType::Timestamp(TimeUnit::Microsecond, _) => return None,
        DataType::Timestamp(_, None) => DataType::Timestamp(TimeUnit::Microsecond, None),
        DataType::Timestamp(_, Some(_)) => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        DataType::Duration(_) | DataType::Interval(_)
            if *data_type != PgType::INTERVAL.data_type() =>
        {
            PgType::INTERVAL.data_type()
        }
        DataType::Decimal32(precision, scale) | DataType::Decimal64(precision, scale) => {
            DataType::Decimal128(*precision, (*scale).max(0))
        }
        DataType::Decimal128(precision, scale) if *scale < 0 => {
            DataType::Decimal128(precision.saturating_add(scale.unsigned_abs()).min(38), 0)
        }
        DataType::Decimal256(precision, scale) if *scale < 0 => {
            DataType::Decimal256(precision.saturating_add(scale.unsigned_abs()).min(76), 0)
        }
        DataType::Dictionary(_, values) => values.as_ref().clone(),
        DataType::RunEndEncoded(_, values) => values.data_type().clone(),
        DataType::LargeList(_)
        | DataType::FixedSizeList(_, _)
        | DataType::ListView(_)
        | DataType::LargeListView(_) => ty.data_type(),
        DataType::List(item) if shown_as(item.data_type(), PgType::of_field(item)).is_some() => {
            ty.data_type()
        }
        _ => return None,
    };
    Some(shown)
}
