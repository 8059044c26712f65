//! Arrow arrays as typed readers: every downcast is done once, when a column is prepared, so that
//! reading a cell is an index into a slice behind one predictable branch.
//!
//! Knows nothing of PostgreSQL's types or formats, only of units: timestamps come out in
//! microseconds since 1970, times in microseconds since midnight, dates in days. Nulls are the
//! caller's business.

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryViewArray, BooleanArray, FixedSizeBinaryArray,
    LargeBinaryArray, LargeStringArray, StringArray, StringViewArray,
};
use arrow::buffer::{OffsetBuffer, ScalarBuffer};
use arrow::datatypes::{
    ArrowDictionaryKeyType, ArrowPrimitiveType, DataType, Date32Type, Date64Type, Decimal32Type,
    Decimal64Type, Decimal128Type, Decimal256Type, DurationMicrosecondType,
    DurationMillisecondType, DurationNanosecondType, DurationSecondType, Float16Type, Float32Type,
    Float64Type, Int8Type, Int16Type, Int32Type, Int64Type, IntervalDayTime, IntervalDayTimeType,
    IntervalMonthDayNano, IntervalMonthDayNanoType, IntervalUnit, IntervalYearMonthType,
    Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType, TimeUnit,
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType, UInt8Type, UInt16Type, UInt32Type, UInt64Type, i256,
};

use super::shaped::Arrays;

/// Integers of any width.
#[derive(Clone, Copy)]
pub(super) enum Ints<'a> {
    /// Int8
    I8(&'a [i8]),
    /// Int16
    I16(&'a [i16]),
    /// Int32
    I32(&'a [i32]),
    /// Int64
    I64(&'a [i64]),
    /// UInt8
    U8(&'a [u8]),
    /// UInt16
    U16(&'a [u16]),
    /// UInt32
    U32(&'a [u32]),
    /// UInt64
    U64(&'a [u64]),
}

impl Ints<'_> {
    /// The value, or `None` if it does not fit (UInt64 only).
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        Some(match self {
            Self::I8(values) => i64::from(values[row]),
            Self::I16(values) => i64::from(values[row]),
            Self::I32(values) => i64::from(values[row]),
            Self::I64(values) => values[row],
            Self::U8(values) => i64::from(values[row]),
            Self::U16(values) => i64::from(values[row]),
            Self::U32(values) => i64::from(values[row]),
            Self::U64(values) => return i64::try_from(values[row]).ok(),
        })
    }

    /// The value, whatever its width.
    pub(super) fn wide(&self, row: usize) -> i128 {
        match self {
            Self::U64(values) => i128::from(values[row]),
            // Only UInt64 does not fit.
            _ => self.get(row).map_or(0, i128::from),
        }
    }
}

/// Floating point of any width.
#[derive(Clone, Copy)]
pub(super) enum Floats<'a> {
    /// Float16
    F16(&'a [<Float16Type as ArrowPrimitiveType>::Native]),
    /// Float32
    F32(&'a [f32]),
    /// Float64
    F64(&'a [f64]),
}

impl Floats<'_> {
    /// As double precision.
    #[inline]
    pub(super) fn double(&self, row: usize) -> f64 {
        match self {
            Self::F16(values) => values[row].to_f64(),
            Self::F32(values) => f64::from(values[row]),
            Self::F64(values) => values[row],
        }
    }

    /// As single precision.
    #[inline]
    pub(super) fn single(&self, row: usize) -> f32 {
        match self {
            Self::F16(values) => values[row].to_f32(),
            Self::F32(values) => values[row],
            #[expect(clippy::cast_possible_truncation, reason = "a float4 column rounds")]
            Self::F64(values) => values[row] as f32,
        }
    }
}

/// Decimals of any width: the unscaled value.
#[derive(Clone, Copy)]
pub(super) enum Decimals<'a> {
    /// Decimal32
    D32(&'a [i32]),
    /// Decimal64
    D64(&'a [i64]),
    /// Decimal128
    D128(&'a [i128]),
    /// Decimal256
    D256(&'a [i256]),
}

impl Decimals<'_> {
    /// The unscaled value if it fits 128 bits, else as 256 bits.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Result<i128, i256> {
        match self {
            Self::D32(values) => Ok(i128::from(values[row])),
            Self::D64(values) => Ok(i128::from(values[row])),
            Self::D128(values) => Ok(values[row]),
            Self::D256(values) => values[row].to_i128().ok_or(values[row]),
        }
    }
}

/// Text of any layout.
#[derive(Clone, Copy)]
pub(super) enum Texts<'a> {
    /// Utf8
    Small(&'a StringArray),
    /// LargeUtf8
    Large(&'a LargeStringArray),
    /// Utf8View
    View(&'a StringViewArray),
}

impl<'a> Texts<'a> {
    #[inline]
    pub(super) fn get(&self, row: usize) -> &'a str {
        match self {
            Self::Small(array) => array.value(row),
            Self::Large(array) => array.value(row),
            Self::View(array) => array.value(row),
        }
    }
}

/// Bytes of any layout.
#[derive(Clone, Copy)]
pub(super) enum Blobs<'a> {
    /// Binary
    Small(&'a BinaryArray),
    /// LargeBinary
    Large(&'a LargeBinaryArray),
    /// BinaryView
    View(&'a BinaryViewArray),
    /// FixedSizeBinary
    Fixed(&'a FixedSizeBinaryArray),
}

impl<'a> Blobs<'a> {
    #[inline]
    pub(super) fn get(&self, row: usize) -> &'a [u8] {
        match self {
            Self::Small(array) => array.value(row),
            Self::Large(array) => array.value(row),
            Self::View(array) => array.value(row),
            Self::Fixed(array) => array.value(row),
        }
    }
}

/// Dates of any unit.
#[derive(Clone, Copy)]
pub(super) enum Dates<'a> {
    /// Date32
    Days(&'a [i32]),
    /// Date64
    Millis(&'a [i64]),
}

impl Dates<'_> {
    /// Days since 1970-01-01; `i32::MAX` and `i32::MIN` are infinities.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<i32> {
        match self {
            Self::Days(values) => Some(values[row]),
            Self::Millis(values) => i32::try_from(values[row].div_euclid(86_400_000)).ok(),
        }
    }
}

/// Times of day of any unit.
#[derive(Clone, Copy)]
pub(super) enum Times<'a> {
    /// Time32 with microseconds per unit.
    Small(&'a [i32], i64),
    /// Time64 in microseconds.
    Micros(&'a [i64]),
    /// Time64 in nanoseconds.
    Nanos(&'a [i64]),
}

impl Times<'_> {
    /// Microseconds since midnight.
    #[inline]
    pub(super) fn get(&self, row: usize) -> i64 {
        match self {
            Self::Small(values, factor) => i64::from(values[row]) * factor,
            Self::Micros(values) => values[row],
            Self::Nanos(values) => values[row].div_euclid(1_000),
        }
    }
}

/// 64-bit instants or durations of any unit.
#[derive(Clone, Copy)]
pub(super) enum Stamps<'a> {
    /// Seconds or milliseconds, with microseconds per unit.
    Coarse(&'a [i64], i64),
    /// Microseconds.
    Micros(&'a [i64]),
    /// Nanoseconds.
    Nanos(&'a [i64]),
}

impl Stamps<'_> {
    /// Microseconds (since 1970-01-01 for an instant); `None` if they do not fit. `i64::MAX` and
    /// `i64::MIN` are infinities: only arrays of microseconds have them.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<i64> {
        match self {
            Self::Coarse(values, factor) => values[row].checked_mul(*factor),
            Self::Micros(values) => Some(values[row]),
            Self::Nanos(values) => Some(values[row].div_euclid(1_000)),
        }
    }
}

/// Intervals of any unit.
#[derive(Clone, Copy)]
pub(super) enum Intervals<'a> {
    /// Interval(YearMonth)
    Months(&'a [i32]),
    /// Interval(DayTime)
    DayTime(&'a [IntervalDayTime]),
    /// Interval(MonthDayNano)
    MonthDayNano(&'a [IntervalMonthDayNano]),
    /// Duration
    Duration(Stamps<'a>),
}

/// An interval as PostgreSQL keeps it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Span {
    pub(super) months: i32,
    pub(super) days: i32,
    pub(super) micros: i64,
}

impl Intervals<'_> {
    /// The interval, or `None` if it does not fit.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Option<Span> {
        let (months, days, micros) = match self {
            Self::Months(values) => (values[row], 0, 0),
            Self::DayTime(values) => {
                let value = values[row];
                (0, value.days, i64::from(value.milliseconds) * 1_000)
            }
            Self::MonthDayNano(values) => {
                let value = values[row];
                // Towards zero, so that an interval and its negation show the same digits.
                (value.months, value.days, value.nanoseconds / 1_000)
            }
            Self::Duration(stamps) => (0, 0, stamps.get(row)?),
        };
        Some(Span {
            months,
            days,
            micros,
        })
    }
}

/// Where the elements of each list are in the child array.
pub(super) enum Ranges<'a> {
    /// List
    Small(&'a OffsetBuffer<i32>),
    /// LargeList, Map has `Small`.
    Large(&'a OffsetBuffer<i64>),
    /// FixedSizeList
    Fixed(usize),
    /// ListView
    View(&'a ScalarBuffer<i32>, &'a ScalarBuffer<i32>),
    /// LargeListView
    LargeView(&'a ScalarBuffer<i64>, &'a ScalarBuffer<i64>),
}

/// Offsets of a valid list array are neither negative nor beyond memory.
fn index(offset: impl TryInto<usize>) -> usize {
    offset.try_into().unwrap_or(0)
}

impl Ranges<'_> {
    pub(super) fn get(&self, row: usize) -> std::ops::Range<usize> {
        match self {
            Self::Small(offsets) => index(offsets[row])..index(offsets[row + 1]),
            Self::Large(offsets) => index(offsets[row])..index(offsets[row + 1]),
            Self::Fixed(size) => row * size..(row + 1) * size,
            Self::View(offsets, sizes) => {
                index(offsets[row])..index(offsets[row]) + index(sizes[row])
            }
            Self::LargeView(offsets, sizes) => {
                index(offsets[row])..index(offsets[row]) + index(sizes[row])
            }
        }
    }
}

/// An array, downcast.
pub(super) enum Cells<'a> {
    /// All NULL.
    Null,
    /// Booleans.
    Bool(&'a BooleanArray),
    /// Integers.
    Int(Ints<'a>),
    /// Floating point.
    Float(Floats<'a>),
    /// Decimals with their scale.
    Decimal(Decimals<'a>, i8),
    /// Text.
    Text(Texts<'a>),
    /// Bytes.
    Bytes(Blobs<'a>),
    /// Dates.
    Date(Dates<'a>),
    /// Times.
    Time(Times<'a>),
    /// Instants.
    Timestamp(Stamps<'a>),
    /// Intervals and durations.
    Interval(Intervals<'a>),
    /// Lists: where the elements are, and the elements.
    List(Ranges<'a>, &'a ArrayRef),
    /// Arrays that tell their dimensions.
    Shaped(Arrays<'a>),
    /// Structs: names and columns.
    Struct(Vec<(&'a str, &'a ArrayRef)>),
    /// Maps: where the entries are, keys, values.
    Map(Ranges<'a>, &'a ArrayRef, &'a ArrayRef),
    /// Values behind an index: dictionaries and runs.
    Indexed(Vec<usize>, &'a ArrayRef),
    /// An Arrow type commons does not show (unions).
    Other,
}

fn indexes<K: ArrowDictionaryKeyType>(array: &dyn Array) -> Cells<'_> {
    let array = array.as_dictionary::<K>();
    // A NULL key may hold any number: clamp, the caller sees the NULL first.
    let last = array.values().len().saturating_sub(1);
    let keys = array.keys().values().iter();
    let keys = keys.map(|key| arrow::datatypes::ArrowNativeType::as_usize(*key).min(last));
    Cells::Indexed(keys.collect(), array.values())
}

fn runs<K: arrow::datatypes::RunEndIndexType>(array: &dyn Array) -> Cells<'_> {
    match array.as_any().downcast_ref::<arrow::array::RunArray<K>>() {
        Some(array) => Cells::Indexed(
            (0..array.len())
                .map(|row| array.get_physical_index(row))
                .collect(),
            array.values(),
        ),
        None => Cells::Other,
    }
}

impl<'a> Cells<'a> {
    /// Downcasts an array.
    #[expect(clippy::too_many_lines, reason = "one line per Arrow type")]
    pub(super) fn of(array: &'a dyn Array) -> Self {
        fn slice<T: ArrowPrimitiveType>(array: &dyn Array) -> &[T::Native] {
            array.as_primitive::<T>().values()
        }
        match array.data_type() {
            DataType::Null => Self::Null,
            DataType::Boolean => Self::Bool(array.as_boolean()),
            DataType::Int8 => Self::Int(Ints::I8(slice::<Int8Type>(array))),
            DataType::Int16 => Self::Int(Ints::I16(slice::<Int16Type>(array))),
            DataType::Int32 => Self::Int(Ints::I32(slice::<Int32Type>(array))),
            DataType::Int64 => Self::Int(Ints::I64(slice::<Int64Type>(array))),
            DataType::UInt8 => Self::Int(Ints::U8(slice::<UInt8Type>(array))),
            DataType::UInt16 => Self::Int(Ints::U16(slice::<UInt16Type>(array))),
            DataType::UInt32 => Self::Int(Ints::U32(slice::<UInt32Type>(array))),
            DataType::UInt64 => Self::Int(Ints::U64(slice::<UInt64Type>(array))),
            DataType::Float16 => Self::Float(Floats::F16(slice::<Float16Type>(array))),
            DataType::Float32 => Self::Float(Floats::F32(slice::<Float32Type>(array))),
            DataType::Float64 => Self::Float(Floats::F64(slice::<Float64Type>(array))),
            DataType::Decimal32(_, s) => {
                Self::Decimal(Decimals::D32(slice::<Decimal32Type>(array)), *s)
            }
            DataType::Decimal64(_, s) => {
                Self::Decimal(Decimals::D64(slice::<Decimal64Type>(array)), *s)
            }
            DataType::Decimal128(_, s) => {
                Self::Decimal(Decimals::D128(slice::<Decimal128Type>(array)), *s)
            }
            DataType::Decimal256(_, s) => {
                Self::Decimal(Decimals::D256(slice::<Decimal256Type>(array)), *s)
            }
            DataType::Utf8 => Self::Text(Texts::Small(array.as_string())),
            DataType::LargeUtf8 => Self::Text(Texts::Large(array.as_string())),
            DataType::Utf8View => Self::Text(Texts::View(array.as_string_view())),
            DataType::Binary => Self::Bytes(Blobs::Small(array.as_binary())),
            DataType::LargeBinary => Self::Bytes(Blobs::Large(array.as_binary())),
            DataType::BinaryView => Self::Bytes(Blobs::View(array.as_binary_view())),
            DataType::FixedSizeBinary(_) => Self::Bytes(Blobs::Fixed(array.as_fixed_size_binary())),
            DataType::Date32 => Self::Date(Dates::Days(slice::<Date32Type>(array))),
            DataType::Date64 => Self::Date(Dates::Millis(slice::<Date64Type>(array))),
            DataType::Time32(TimeUnit::Second) => {
                Self::Time(Times::Small(slice::<Time32SecondType>(array), 1_000_000))
            }
            DataType::Time32(_) => {
                Self::Time(Times::Small(slice::<Time32MillisecondType>(array), 1_000))
            }
            DataType::Time64(TimeUnit::Nanosecond) => {
                Self::Time(Times::Nanos(slice::<Time64NanosecondType>(array)))
            }
            DataType::Time64(_) => Self::Time(Times::Micros(slice::<Time64MicrosecondType>(array))),
            DataType::Timestamp(unit, _) => Self::Timestamp(match unit {
                TimeUnit::Second => Stamps::Coarse(slice::<TimestampSecondType>(array), 1_000_000),
                TimeUnit::Millisecond => {
                    Stamps::Coarse(slice::<TimestampMillisecondType>(array), 1_000)
                }
                TimeUnit::Microsecond => Stamps::Micros(slice::<TimestampMicrosecondType>(array)),
                TimeUnit::Nanosecond => Stamps::Nanos(slice::<TimestampNanosecondType>(array)),
            }),
            DataType::Duration(unit) => Self::Interval(Intervals::Duration(match unit {
                TimeUnit::Second => Stamps::Coarse(slice::<DurationSecondType>(array), 1_000_000),
                TimeUnit::Millisecond => {
                    Stamps::Coarse(slice::<DurationMillisecondType>(array), 1_000)
                }
                TimeUnit::Microsecond => Stamps::Micros(slice::<DurationMicrosecondType>(array)),
                TimeUnit::Nanosecond => Stamps::Nanos(slice::<DurationNanosecondType>(array)),
            })),
            DataType::Interval(unit) => Self::Interval(match unit {
                IntervalUnit::YearMonth => Intervals::Months(slice::<IntervalYearMonthType>(array)),
                IntervalUnit::DayTime => Intervals::DayTime(slice::<IntervalDayTimeType>(array)),
                IntervalUnit::MonthDayNano => {
                    Intervals::MonthDayNano(slice::<IntervalMonthDayNanoType>(array))
                }
            }),
            DataType::List(_) => {
                let list = array.as_list::<i32>();
                Self::List(Ranges::Small(list.offsets()), list.values())
            }
            DataType::LargeList(_) => {
                let list = array.as_list::<i64>();
                Self::List(Ranges::Large(list.offsets()), list.values())
            }
            DataType::FixedSizeList(_, size) => {
                let list = array.as_fixed_size_list();
                Self::List(Ranges::Fixed(index(*size)), list.values())
            }
            DataType::ListView(_) => {
                let list = array.as_list_view::<i32>();
                Self::List(Ranges::View(list.offsets(), list.sizes()), list.values())
            }
            DataType::LargeListView(_) => {
                let list = array.as_list_view::<i64>();
                let ranges = Ranges::LargeView(list.offsets(), list.sizes());
                Self::List(ranges, list.values())
            }
            DataType::Struct(_) if let Some(arrays) = Arrays::of(array) => Self::Shaped(arrays),
            DataType::Struct(fields) => {
                let columns = array.as_struct().columns();
                let names = fields.iter().map(|field| field.name().as_str());
                Self::Struct(names.zip(columns).collect())
            }
            DataType::Map(_, _) => {
                let map = array.as_map();
                Self::Map(Ranges::Small(map.offsets()), map.keys(), map.values())
            }
            DataType::Dictionary(key, _) => match key.as_ref() {
                DataType::Int8 => indexes::<Int8Type>(array),
                DataType::Int16 => indexes::<Int16Type>(array),
                DataType::Int32 => indexes::<Int32Type>(array),
                DataType::Int64 => indexes::<Int64Type>(array),
                DataType::UInt8 => indexes::<UInt8Type>(array),
                DataType::UInt16 => indexes::<UInt16Type>(array),
                DataType::UInt32 => indexes::<UInt32Type>(array),
                DataType::UInt64 => indexes::<UInt64Type>(array),
                _ => Self::Other,
            },
            DataType::RunEndEncoded(ends, _) => match ends.data_type() {
                DataType::Int16 => runs::<Int16Type>(array),
                DataType::Int32 => runs::<Int32Type>(array),
                DataType::Int64 => runs::<Int64Type>(array),
                _ => Self::Other,
            },
            DataType::Union(_, _) => Self::Other,
        }
    }
}
