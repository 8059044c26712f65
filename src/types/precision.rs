//! How exact times and intervals are: digits of a second, and the fields an interval has.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{
    Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType,
    TimestampMicrosecondType,
};

use super::calendar::EPOCH_2000_MICROS;
use super::{PgType, TimeTz};

/// Digits of a second that are kept at most.
pub const DIGITS_MAX: u64 = 6;
/// The precision of an interval that has none.
const FULL_PRECISION: i32 = 0xffff;
/// The fields of an interval that has all.
const ALL_FIELDS: i32 = 0x7fff;
/// In microseconds.
const HOUR: i64 = 3_600_000_000;
const MINUTE: i64 = 60_000_000;

/// The fields of an interval, from the first to the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fields {
    /// `year`
    Year,
    /// `month`
    Month,
    /// `day`
    Day,
    /// `hour`
    Hour,
    /// `minute`
    Minute,
    /// `second`
    Second,
    /// `year to month`
    YearToMonth,
    /// `day to hour`
    DayToHour,
    /// `day to minute`
    DayToMinute,
    /// `day to second`
    DayToSecond,
    /// `hour to minute`
    HourToMinute,
    /// `hour to second`
    HourToSecond,
    /// `minute to second`
    MinuteToSecond,
}

impl Fields {
    /// Each with its name and the bits of it in a modifier.
    const LIST: [(Self, &'static str, i32); 13] = [
        (Self::Year, "year", 0x0004),
        (Self::Month, "month", 0x0002),
        (Self::Day, "day", 0x0008),
        (Self::Hour, "hour", 0x0400),
        (Self::Minute, "minute", 0x0800),
        (Self::Second, "second", 0x1000),
        (Self::YearToMonth, "year to month", 0x0006),
        (Self::DayToHour, "day to hour", 0x0408),
        (Self::DayToMinute, "day to minute", 0x0c08),
        (Self::DayToSecond, "day to second", 0x1c08),
        (Self::HourToMinute, "hour to minute", 0x0c00),
        (Self::HourToSecond, "hour to second", 0x1c00),
        (Self::MinuteToSecond, "minute to second", 0x1800),
    ];

    /// The fields of this name, in small letters.
    pub fn named(name: &str) -> Option<Self> {
        Self::LIST
            .into_iter()
            .find(|(_, known, _)| *known == name)
            .map(|(fields, ..)| fields)
    }

    /// The fields a modifier names; `None` if it names none.
    pub fn of(typmod: i32) -> Option<Self> {
        let bits = (typmod >> 16) & ALL_FIELDS;
        Self::LIST
            .into_iter()
            .find(|(.., known)| typmod >= 0 && *known == bits)
            .map(|(fields, ..)| fields)
    }

    fn name(self) -> &'static str {
        Self::LIST
            .into_iter()
            .find(|(known, ..)| *known == self)
            .map_or("", |(_, name, _)| name)
    }

    fn bits(self) -> i32 {
        Self::LIST
            .into_iter()
            .find(|(known, ..)| *known == self)
            .map_or(ALL_FIELDS, |(.., bits)| bits)
    }

    /// Whether seconds are among them, which alone have a precision.
    pub const fn have_seconds(self) -> bool {
        matches!(
            self,
            Self::Second | Self::DayToSecond | Self::HourToSecond | Self::MinuteToSecond
        )
    }
}

/// The modifier of `interval fields(digits)`.
pub fn interval_typmod(fields: Option<Fields>, digits: Option<u8>) -> i32 {
    match (fields, digits) {
        (None, None) => -1,
        (fields, digits) => {
            let fields = fields.map_or(ALL_FIELDS, Fields::bits);
            (fields << 16) | digits.map_or(FULL_PRECISION, i32::from)
        }
    }
}

/// What [`PgType`]'s name is followed by: `(3)`, ` day to second(3)`.
pub(super) fn shown(ty: PgType) -> String {
    if ty.typmod < 0 {
        return String::new();
    }
    if ty.oid != PgType::INTERVAL.oid {
        return format!("({})", ty.typmod);
    }
    let fields =
        Fields::of(ty.typmod).map_or(String::new(), |fields| format!(" {}", fields.name()));
    match ty.typmod & FULL_PRECISION {
        FULL_PRECISION => fields,
        digits => format!("{fields}({digits})"),
    }
}

/// Rounds to the digits of `time(n)`, half away from zero.
pub(super) fn rounded(micros: i64, typmod: i32) -> i64 {
    let Ok(digits @ 0..=5) = u32::try_from(typmod) else {
        return micros;
    };
    let unit = 10_i64.pow(6 - digits);
    let half = if micros < 0 { -unit / 2 } else { unit / 2 };
    micros.saturating_add(half) / unit * unit
}

/// Rounds half away from 2000-01-01, where PostgreSQL's timestamps are zero.
pub fn rounded_moment(micros: i64, typmod: i32) -> i64 {
    if matches!(micros, i64::MAX | i64::MIN) {
        return micros;
    }
    let since = micros.saturating_sub(EPOCH_2000_MICROS);
    rounded(since, typmod).saturating_add(EPOCH_2000_MICROS)
}

/// Cuts off what is smaller than the last field, and rounds seconds. `micros` is all of the time.
pub(super) fn within(months: i64, days: i64, micros: i64, typmod: i32) -> (i64, i64, i64) {
    if typmod < 0 {
        return (months, days, micros);
    }
    let (months, days, micros) = match Fields::of(typmod) {
        Some(Fields::Year) => (months / 12 * 12, 0, 0),
        Some(Fields::Month | Fields::YearToMonth) => (months, 0, 0),
        Some(Fields::Day) => (months, days, 0),
        Some(Fields::Hour | Fields::DayToHour) => (months, days, micros / HOUR * HOUR),
        Some(Fields::Minute | Fields::DayToMinute | Fields::HourToMinute) => {
            (months, days, micros / MINUTE * MINUTE)
        }
        _ => (months, days, micros),
    };
    (months, days, rounded(micros, typmod & FULL_PRECISION))
}

impl PgType {
    /// Whether the modifier is a precision.
    pub fn is_precise(self) -> bool {
        let precise = [
            Self::TIME.oid,
            Self::TIMETZ.oid,
            Self::TIMESTAMP.oid,
            Self::TIMESTAMPTZ.oid,
            Self::INTERVAL.oid,
        ];
        self.typmod >= 0 && precise.contains(&self.oid)
    }
}

/// The values of a column, or of its arrays, as exact as the type says; any other column as it is.
pub fn precisely(array: &ArrayRef, ty: PgType) -> ArrayRef {
    let typmod = ty.typmod;
    if let (Some(element), Some(lists)) = (ty.element(), array.as_list_opt::<i32>()) {
        if !element.is_precise() {
            return array.clone();
        }
        let (field, offsets, values, nulls) = lists.clone().into_parts();
        // A list of lists is of the same type.
        let inner = match values.as_list_opt::<i32>() {
            Some(_) => ty,
            None => element,
        };
        let values = precisely(&values, inner);
        return match arrow::array::ListArray::try_new(field, offsets, values, nulls) {
            Ok(lists) => Arc::new(lists),
            Err(_) => array.clone(),
        };
    }
    if !ty.is_precise() {
        return array.clone();
    }
    if let Some(times) = array.as_primitive_opt::<Time64MicrosecondType>() {
        let times: arrow::array::Time64MicrosecondArray =
            times.unary(|micros| rounded(micros, typmod));
        return Arc::new(times);
    }
    if let Some(moments) = array.as_primitive_opt::<TimestampMicrosecondType>() {
        let rounded: arrow::array::TimestampMicrosecondArray =
            moments.unary(|micros| rounded_moment(micros, typmod));
        return Arc::new(rounded.with_data_type(moments.data_type().clone()));
    }
    if let Some(intervals) = array.as_primitive_opt::<IntervalMonthDayNanoType>() {
        let cut: arrow::array::IntervalMonthDayNanoArray =
            intervals.unary(|value| within_interval(value, typmod));
        return Arc::new(cut);
    }
    match array.as_primitive_opt::<Int64Type>() {
        Some(packed) if ty.oid == PgType::TIMETZ.oid => {
            let rounded: arrow::array::Int64Array = packed.unary(|packed| {
                let value = TimeTz::unpack(packed);
                let time = rounded(value.time, typmod);
                TimeTz { time, ..value }.pack()
            });
            Arc::new(rounded)
        }
        _ => array.clone(),
    }
}

fn within_interval(value: IntervalMonthDayNano, typmod: i32) -> IntervalMonthDayNano {
    let (months, days) = (i64::from(value.months), i64::from(value.days));
    let (months, days, micros) = within(months, days, value.nanoseconds / 1_000, typmod);
    IntervalMonthDayNano {
        months: i32::try_from(months).unwrap_or(value.months),
        days: i32::try_from(days).unwrap_or(value.days),
        nanoseconds: micros.checked_mul(1_000).unwrap_or(value.nanoseconds),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modifiers_say_what_was_written() {
        let interval = |fields, digits| {
            let ty = PgType::INTERVAL.with_typmod(interval_typmod(fields, digits));
            ty.to_string()
        };
        assert_eq!(interval(None, None), "interval");
        assert_eq!(interval(None, Some(3)), "interval(3)");
        for (fields, name, _) in Fields::LIST {
            assert_eq!(interval(Some(fields), None), format!("interval {name}"));
            assert_eq!(Fields::named(name), Some(fields));
        }
        assert_eq!(
            interval(Some(Fields::DayToSecond), Some(0)),
            "interval day to second(0)"
        );
        assert_eq!(
            PgType::TIMESTAMPTZ.with_typmod(3).to_string(),
            "timestamp(3) with time zone"
        );
    }

    #[test]
    fn rounding_is_away_from_zero() {
        assert_eq!(rounded(1_500_000, 0), 2_000_000);
        assert_eq!(rounded(-1_500_000, 0), -2_000_000);
        assert_eq!(rounded(1_499_999, 6), 1_499_999);
        let typmod = interval_typmod(Some(Fields::HourToMinute), None);
        assert_eq!(
            within(14, 3, -3_700_000_000, typmod),
            (14, 3, -3_660_000_000)
        );
    }
}
