//! Which rows of a partition a window frame has, as PostgreSQL decides it: ROWS, RANGE and GROUPS
//! with any offset, and EXCLUDE.
//!
//! RANGE compares `value ± offset` in the type PostgreSQL's `in_range` functions do.

use std::cmp::Ordering;
use std::ops::Range;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{
    DataType, Date32Type, Float64Type, Int64Type, IntervalMonthDayNanoType, Time64MicrosecondType,
    TimeUnit, TimestampMicrosecondType,
};

use super::temporal::{negated, plus, plus_in};
use crate::base::{Error, Result, SqlState};
use crate::types::numerics::NumericColumn;
use crate::types::{Extended, PgType, Zone};

/// How the offsets of a frame count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Units {
    Rows,
    Range,
    Groups,
}

/// One end of a frame. An offset is an argument of the call, by its number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Bound {
    UnboundedPreceding,
    Preceding(usize),
    CurrentRow,
    Following(usize),
    UnboundedFollowing,
}

/// Which rows of a frame do not count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Exclude {
    Nothing,
    CurrentRow,
    Group,
    Ties,
}

/// A frame as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Frame {
    pub(crate) units: Units,
    pub(crate) start: Bound,
    pub(crate) end: Bound,
    pub(crate) exclude: Exclude,
}

/// The rows of a partition, in order, and what its frames are made of.
pub(super) struct Partition<'a> {
    frame: Frame,
    rows: usize,
    /// The first row of each group of peers, and the number of rows at last.
    groups: Vec<usize>,
    /// The group of each row.
    group: Vec<usize>,
    range: Option<Offsets<'a>>,
    counts: [i64; 2],
}

/// What RANGE with an offset needs: the column the rows are ordered by, and the offsets.
struct Offsets<'a> {
    values: Values<'a>,
    /// On whose clock days and months are counted.
    zone: Zone,
    descending: bool,
    /// The rows that are not NULL.
    present: Range<usize>,
    start: Option<Offset>,
    end: Option<Offset>,
}

/// An offset in the column's own terms.
#[derive(Clone)]
enum Offset {
    Number(Box<Extended>),
    Int(i128),
    Float(f64),
    Span(i32, i32, i64),
}

enum Values<'a> {
    Int(ArrayRef),
    Float(ArrayRef),
    Number(NumericColumn<'a>),
    Date(ArrayRef),
    Timestamp(ArrayRef),
    Time(ArrayRef),
    Interval(ArrayRef),
}

const DAY: i64 = 86_400_000_000;

fn wrong_size() -> Error {
    Error::new(
        SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
        "invalid preceding or following size in window function",
    )
}

fn offset_null(start: bool) -> Error {
    let which = if start { "starting" } else { "ending" };
    Error::new(
        SqlState::NULL_VALUE_NOT_ALLOWED,
        format!("frame {which} offset must not be null"),
    )
}

impl<'a> Partition<'a> {
    /// `columns` are the call's arguments over the partition; `keys` what its rows are ordered by;
    /// `ordered` the one value RANGE with an offset counts from, with the direction of the order.
    pub(super) fn new(
        frame: Frame,
        rows: usize,
        columns: &'a [ArrayRef],
        keys: &[ArrayRef],
        ordered: Option<(&'a ArrayRef, SortOptions)>,
        zone: Zone,
    ) -> Result<Self> {
        let mut groups = Vec::new();
        let mut group = Vec::with_capacity(rows);
        let peers = keys
            .iter()
            .map(|key| super::compare::comparator(key, key, PgType::TEXT))
            .collect::<Result<Vec<_>>>()?;
        for row in 0..rows {
            let same = row > 0 && peers.iter().all(|peer| peer(row - 1, row).is_eq());
            if !same {
                groups.push(row);
            }
            group.push(groups.len() - 1);
        }
        groups.push(rows);
        let mut partition = Self {
            frame,
            rows,
            groups,
            group,
            range: None,
            counts: [0; 2],
        };
        if rows == 0 {
            return Ok(partition);
        }
        let mut offsets = [None, None];
        for (index, bound) in [frame.start, frame.end].into_iter().enumerate() {
            let (Bound::Preceding(arg) | Bound::Following(arg)) = bound else {
                continue;
            };
            let Some(column) = columns.get(arg) else {
                continue;
            };
            if column.is_null(0) {
                return Err(offset_null(index == 0));
            }
            if frame.units == Units::Range {
                offsets[index] = Some(Offset::of(column)?);
                continue;
            }
            let count = column.as_primitive_opt::<Int64Type>();
            let count = count.map_or(0, |count| count.value(0));
            if count < 0 {
                let which = if index == 0 { "starting" } else { "ending" };
                return Err(Error::new(
                    SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                    format!("frame {which} offset must not be negative"),
                ));
            }
            partition.counts[index] = count;
        }
        let [start, end] = offsets;
        if let Some((column, options)) = ordered
            && (start.is_some() || end.is_some())
        {
            let nulls = column.null_count();
            let present = match options.nulls_first {
                true => nulls..rows,
                false => 0..rows - nulls,
            };
            partition.range = Some(Offsets {
                values: Values::of(column)?,
                zone,
                descending: options.descending,
                present,
                start,
                end,
            });
        }
        Ok(partition)
    }

    /// The frame of each row, before EXCLUDE.
    pub(super) fn frames(&self) -> Result<Vec<Range<usize>>> {
        let mut frames = Vec::with_capacity(self.rows);
        let (mut low, mut high) = (0, 0);
        for row in 0..self.rows {
            let start = self.bound(row, true, &mut low)?;
            let end = self.bound(row, false, &mut high)?;
            frames.push(start..end.max(start));
        }
        Ok(frames)
    }

    /// The rows of a frame that count, as runs of neighbours.
    pub(super) fn counted(&self, row: usize, frame: &Range<usize>) -> [Range<usize>; 3] {
        let group = self.group[row];
        let (first, after) = (self.groups[group], self.groups[group + 1]);
        let (first, after, keeps_row) = match self.frame.exclude {
            Exclude::Nothing => return [frame.clone(), 0..0, 0..0],
            Exclude::CurrentRow => (row, row + 1, false),
            Exclude::Group => (first, after, false),
            Exclude::Ties => (first, after, true),
        };
        let clip = |from: usize, to: usize| {
            let from = from.max(frame.start);
            from..to.min(frame.end).max(from)
        };
        [
            clip(frame.start, first),
            match keeps_row {
                true => clip(row, row + 1),
                false => 0..0,
            },
            clip(after, frame.end),
        ]
    }

    /// The first row of a frame, or the row after its last. `from` is where the previous row's was:
    /// with an offset neither ever goes back.
    fn bound(&self, row: usize, start: bool, from: &mut usize) -> Result<usize> {
        let bound = if start {
            self.frame.start
        } else {
            self.frame.end
        };
        let (preceding, index) = match bound {
            Bound::UnboundedPreceding => return Ok(0),
            Bound::UnboundedFollowing => return Ok(self.rows),
            Bound::CurrentRow => {
                return Ok(match (self.frame.units, start) {
                    (Units::Rows, true) => row,
                    (Units::Rows, false) => row + 1,
                    (_, true) => self.groups[self.group[row]],
                    (_, false) => self.groups[self.group[row] + 1],
                });
            }
            Bound::Preceding(_) => (true, usize::from(!start)),
            Bound::Following(_) => (false, usize::from(!start)),
        };
        let signed = match preceding {
            true => -i128::from(self.counts[index]),
            false => i128::from(self.counts[index]),
        };
        let at = |place: usize, last: usize| {
            let place = i128::try_from(place).unwrap_or(0) + signed;
            usize::try_from(place.max(0)).map_or(last, |place| place.min(last))
        };
        match self.frame.units {
            Units::Rows => Ok(at(row + usize::from(!start), self.rows)),
            Units::Groups => {
                let last = self.groups.len() - 1;
                Ok(self.groups[at(self.group[row] + usize::from(!start), last)])
            }
            Units::Range => {
                let Some(range) = &self.range else {
                    return Ok(if start { 0 } else { self.rows });
                };
                if !range.present.contains(&row) {
                    return Ok(self.groups[self.group[row] + usize::from(!start)]);
                }
                *from = (*from).max(range.present.start);
                while *from < range.present.end && range.passes(*from, row, start, preceding)? {
                    *from += 1;
                }
                Ok(*from)
            }
        }
    }
}

impl Offsets<'_> {
    /// Whether a row is before the first of the frame of `base`, or not behind its last.
    fn passes(&self, row: usize, base: usize, start: bool, preceding: bool) -> Result<bool> {
        let Some(offset) = (if start { &self.start } else { &self.end }) else {
            return Ok(false);
        };
        // Going down, what precedes is larger.
        let minus = preceding != self.descending;
        let order = self.values.compare(self.zone, row, base, offset, minus)?;
        let order = if self.descending {
            order.reverse()
        } else {
            order
        };
        Ok(if start { order.is_lt() } else { order.is_le() })
    }
}

impl Offset {
    fn of(column: &ArrayRef) -> Result<Self> {
        let offset = match column.data_type() {
            DataType::Int64 => Self::Int(column.as_primitive::<Int64Type>().value(0).into()),
            DataType::Float64 => Self::Float(column.as_primitive::<Float64Type>().value(0)),
            DataType::Interval(_) => {
                let span = column.as_primitive::<IntervalMonthDayNanoType>().value(0);
                Self::Span(span.months, span.days, span.nanoseconds / 1_000)
            }
            _ => match NumericColumn::new(column.as_ref()).and_then(|column| column.get(0)) {
                Some(number) => Self::Number(Box::new(number)),
                None => return Err(wrong_size()),
            },
        };
        let negative = match &offset {
            Self::Int(count) => *count < 0,
            Self::Float(count) => *count < 0.0 || count.is_nan(),
            Self::Number(number) => match number.as_ref() {
                Extended::NaN => true,
                number => *number < Extended::from(crate::types::Numeric::zero()),
            },
            Self::Span(months, days, micros) => span_width(*months, *days, *micros) < 0,
        };
        if negative {
            return Err(wrong_size());
        }
        Ok(offset)
    }
}

/// An interval as what it is compared by.
fn span_width(months: i32, days: i32, micros: i64) -> i128 {
    let days = i128::from(months) * 30 + i128::from(days);
    days * i128::from(DAY) + i128::from(micros)
}

impl<'a> Values<'a> {
    fn of(column: &'a ArrayRef) -> Result<Self> {
        let cast = |to: &DataType| {
            arrow::compute::cast(column, to)
                .map_err(|error| Error::internal("reading a window's order", error))
        };
        Ok(match column.data_type() {
            DataType::Int16 | DataType::Int32 | DataType::Int64 => {
                Self::Int(cast(&DataType::Int64)?)
            }
            DataType::Float32 | DataType::Float64 => Self::Float(cast(&DataType::Float64)?),
            DataType::Date32 => Self::Date(column.clone()),
            DataType::Timestamp(TimeUnit::Microsecond, _) => Self::Timestamp(column.clone()),
            DataType::Time64(TimeUnit::Microsecond) => Self::Time(column.clone()),
            DataType::Interval(_) => Self::Interval(column.clone()),
            other => Self::Number(NumericColumn::new(column.as_ref()).ok_or_else(|| {
                Error::internal("a window frame over values of this type", other)
            })?),
        })
    }

    /// Compares the value of `row` with that of `base`, more or less an offset.
    fn compare(
        &self,
        zone: Zone,
        row: usize,
        base: usize,
        offset: &Offset,
        minus: bool,
    ) -> Result<Ordering> {
        let signed = |count: i128| if minus { -count } else { count };
        Ok(match (self, offset) {
            (Self::Int(column), Offset::Int(count)) => {
                let column = column.as_primitive::<Int64Type>();
                let value = |row: usize| i128::from(column.value(row));
                value(row).cmp(&(value(base) + signed(*count)))
            }
            (Self::Float(column), Offset::Float(count)) => {
                let column = column.as_primitive::<Float64Type>();
                let (value, base) = (column.value(row), column.value(base));
                match (value.is_nan(), base.is_nan()) {
                    (true, true) => return Ok(Ordering::Equal),
                    (true, false) => return Ok(Ordering::Greater),
                    (false, true) => return Ok(Ordering::Less),
                    (false, false) => {}
                }
                let edge = if minus { base - count } else { base + count };
                // Infinity less infinity: everything is in range.
                value.partial_cmp(&edge).unwrap_or(Ordering::Equal)
            }
            (Self::Number(column), Offset::Number(count)) => {
                let (Some(value), Some(base)) = (column.get(row), column.get(base)) else {
                    return Ok(Ordering::Equal);
                };
                if value == Extended::NaN || base == Extended::NaN {
                    return Ok(value.cmp(&base));
                }
                let count: Extended = count.as_ref().clone();
                let edge = match minus {
                    true => base.plus(&count.negated()),
                    false => base.plus(&count),
                };
                match edge {
                    // Infinity less infinity: everything is in range.
                    Extended::NaN => Ordering::Equal,
                    edge => value.cmp(&edge),
                }
            }
            (Self::Date(column), Offset::Span(..)) => {
                let column = column.as_primitive::<Date32Type>();
                let at = |row: usize| match column.value(row) {
                    i32::MAX => i64::MAX,
                    i32::MIN => i64::MIN,
                    day => i64::from(day) * DAY,
                };
                at(row).cmp(&moved(None, at(base), offset, minus)?)
            }
            (Self::Timestamp(column), Offset::Span(..)) => {
                let absolute = matches!(column.data_type(), DataType::Timestamp(_, Some(_)));
                let column = column.as_primitive::<TimestampMicrosecondType>();
                let zone = absolute.then_some(zone);
                let edge = moved(zone, column.value(base), offset, minus)?;
                column.value(row).cmp(&edge)
            }
            (Self::Time(column), Offset::Span(_, _, micros)) => {
                let column = column.as_primitive::<Time64MicrosecondType>();
                // Only the time of day counts, and there is no day after.
                let edge = i128::from(column.value(base)) + signed(i128::from(*micros));
                i128::from(column.value(row)).cmp(&edge)
            }
            (Self::Interval(column), Offset::Span(months, days, micros)) => {
                let column = column.as_primitive::<IntervalMonthDayNanoType>();
                let width = |row: usize| {
                    let value = column.value(row);
                    span_width(value.months, value.days, value.nanoseconds / 1_000)
                };
                width(row).cmp(&(width(base) + signed(span_width(*months, *days, *micros))))
            }
            _ => return Err(wrong_size()),
        })
    }
}

/// A moment more or less an interval, days and months on a zone's clock if it is one of all zones.
fn moved(zone: Option<Zone>, moment: i64, offset: &Offset, minus: bool) -> Result<i64> {
    let Offset::Span(months, days, micros) = offset else {
        return Err(wrong_size());
    };
    let span = match minus {
        true => negated((*months, *days, *micros))?,
        false => (*months, *days, *micros),
    };
    match zone {
        Some(zone) => plus_in(zone, moment, span),
        None => plus(moment, span),
    }
}
