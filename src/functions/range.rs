//! Functions and operators of ranges and multiranges. Which of them a call means, and of what type
//! its result is, analysis knows; here their values are all the same.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, StringViewArray};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::datatypes::{DataType, FieldRef};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::{
    ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::call::{evaluated, external};
use super::gather::{Gathered, Gives, Group, Taken};
use crate::base::{Error, Result, SqlState};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::range::{self, Bound, Column, Span};

/// What a function of ranges or multiranges computes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Spanning {
    /// `&&`
    Overlaps,
    /// `@>`
    Contains,
    /// `<@`
    Contained,
    /// `@>` of a value
    Holds,
    /// `<@` of a value
    Held,
    /// `<<`
    Before,
    /// `>>`
    After,
    /// `&<`
    OverLeft,
    /// `&>`
    OverRight,
    /// `-|-`
    Adjacent,
    /// `+` of ranges
    Joined,
    /// `+` of multiranges
    United,
    /// `-` of ranges
    LeftOut,
    /// `-` of multiranges
    Minus,
    /// `*`
    Shared,
    /// `lower`
    Lower,
    /// `upper`
    Upper,
    /// `isempty`
    IsEmpty,
    /// `lower_inc`
    LowerInclusive,
    /// `upper_inc`
    UpperInclusive,
    /// `lower_inf`
    LowerInfinite,
    /// `upper_inf`
    UpperInfinite,
    /// `range_merge`
    Merged,
    /// A range of its bounds and, maybe, which of them are within.
    Made,
    /// A multirange of ranges, or of an array of them.
    Collected,
    /// The ranges of a multirange, as an array.
    Ranges,
    /// `GREATEST`
    Greatest,
    /// `LEAST`
    Least,
}

/// A function of ranges or multiranges of type `of`, with a result of type `result`.
pub(crate) fn function(how: Spanning, of: PgType, result: PgType) -> Arc<ScalarUDF> {
    Arc::new(ScalarUDF::new_from_impl(Function {
        how,
        of,
        result,
        signature: Signature::variadic_any(Volatility::Immutable),
    }))
}

#[derive(Debug)]
struct Function {
    how: Spanning,
    of: PgType,
    result: PgType,
    signature: Signature,
}

impl PartialEq for Function {
    fn eq(&self, other: &Self) -> bool {
        (self.how, self.of, self.result) == (other.how, other.of, other.result)
    }
}

impl Eq for Function {}

impl Hash for Function {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.how, self.of, self.result).hash(state);
    }
}

impl ScalarUDFImpl for Function {
    fn name(&self) -> &str {
        match self.how {
            Spanning::Overlaps => "range_overlaps",
            Spanning::Contains => "range_contains",
            Spanning::Contained => "range_contained_by",
            Spanning::Holds => "range_contains_elem",
            Spanning::Held => "elem_contained_by_range",
            Spanning::Before => "range_before",
            Spanning::After => "range_after",
            Spanning::OverLeft => "range_overleft",
            Spanning::OverRight => "range_overright",
            Spanning::Adjacent => "range_adjacent",
            Spanning::Joined => "range_union",
            Spanning::United => "multirange_union",
            Spanning::LeftOut => "range_minus",
            Spanning::Minus => "multirange_minus",
            Spanning::Shared => "range_intersect",
            Spanning::Lower => "lower",
            Spanning::Upper => "upper",
            Spanning::IsEmpty => "isempty",
            Spanning::LowerInclusive => "lower_inc",
            Spanning::UpperInclusive => "upper_inc",
            Spanning::LowerInfinite => "lower_inf",
            Spanning::UpperInfinite => "upper_inf",
            Spanning::Merged => "range_merge",
            Spanning::Made | Spanning::Collected => self.result.info().name,
            Spanning::Ranges => "unnest",
            Spanning::Greatest => "greatest",
            Spanning::Least => "least",
        }
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(self.result.data_type())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef, DataFusionError> {
        Ok(Arc::new(self.result.field(self.name(), true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        evaluated(&args, |arrays, rows| {
            self.compute(arrays, rows).map_err(external)
        })
    }
}

impl Function {
    fn compute(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let columns: Vec<Column<'_>> = args.iter().map(|arg| Column::new(arg)).collect();
        let value = |arg: usize, row: usize| columns.get(arg).and_then(|column| column.get(row));
        // What is said of one value, or of two.
        let says = |of: fn(&[Span]) -> bool| -> ArrayRef {
            let said = (0..rows).map(|row| value(0, row).map(|a| of(&a)));
            Arc::new(said.collect::<BooleanArray>())
        };
        let relates = |a: usize, b: usize, of: fn(&[Span], &[Span]) -> bool| -> ArrayRef {
            let said = (0..rows).map(|row| Some(of(&value(a, row)?, &value(b, row)?)));
            Arc::new(said.collect::<BooleanArray>())
        };
        let gives = |of: &dyn Fn(usize) -> Result<Option<Vec<Span>>>| -> Result<ArrayRef> {
            let given = (0..rows).map(|row| Ok(of(row)?.map(|spans| range::encode(&spans))));
            let given = given.collect::<Result<Vec<_>>>()?;
            Ok(range::column(&given, self.result))
        };
        let both = |row: usize| Some((value(0, row)?, value(1, row)?));
        Ok(match self.how {
            Spanning::Overlaps => relates(0, 1, range::overlaps),
            Spanning::Contains => relates(0, 1, range::contains),
            Spanning::Contained => relates(1, 0, range::contains),
            Spanning::Before => relates(0, 1, range::before),
            Spanning::After => relates(1, 0, range::before),
            Spanning::OverLeft => relates(0, 1, range::over_left),
            Spanning::OverRight => relates(0, 1, range::over_right),
            Spanning::Adjacent => relates(0, 1, range::adjacent),
            Spanning::Holds => self.holds(args, 0, 1)?,
            Spanning::Held => self.holds(args, 1, 0)?,
            Spanning::Joined => {
                gives(&|row| both(row).map(|(a, b)| range::joined(a, b)).transpose())?
            }
            Spanning::United => {
                gives(&|row| Ok(both(row).map(|(a, b)| range::united([a, b].concat()))))?
            }
            Spanning::LeftOut => {
                gives(&|row| both(row).map(|(a, b)| range::left_out(&a, &b)).transpose())?
            }
            Spanning::Minus => gives(&|row| Ok(both(row).map(|(a, b)| range::minus(&a, &b))))?,
            Spanning::Shared => gives(&|row| Ok(both(row).map(|(a, b)| range::shared(&a, &b))))?,
            Spanning::Merged if args.len() == 1 => {
                gives(&|row| Ok(value(0, row).map(range::hull)))?
            }
            Spanning::Merged => {
                gives(&|row| Ok(both(row).map(|(a, b)| range::hull([a, b].concat()))))?
            }
            Spanning::IsEmpty => says(<[Span]>::is_empty),
            Spanning::LowerInclusive => {
                says(|a| a.first().is_some_and(|span| span.lower.inclusive))
            }
            Spanning::UpperInclusive => says(|a| a.last().is_some_and(|span| span.upper.inclusive)),
            Spanning::LowerInfinite => {
                says(|a| a.first().is_some_and(|span| span.lower.point.is_none()))
            }
            Spanning::UpperInfinite => {
                says(|a| a.last().is_some_and(|span| span.upper.point.is_none()))
            }
            Spanning::Lower | Spanning::Upper => {
                let lower = self.how == Spanning::Lower;
                let points = (0..rows).map(|row| {
                    let spans = value(0, row)?;
                    match lower {
                        true => spans.into_iter().next()?.lower.point,
                        false => spans.into_iter().next_back()?.upper.point,
                    }
                });
                range::values(&points.collect::<Vec<_>>(), self.result)?
            }
            Spanning::Made => self.made(args, rows)?,
            Spanning::Collected => self.collected(args, rows)?,
            Spanning::Ranges => self.ranges(&columns, rows)?,
            Spanning::Greatest | Spanning::Least => {
                let greatest = self.how == Spanning::Greatest;
                let furthest = |row: usize| {
                    let values = (0..args.len()).filter_map(|arg| value(arg, row));
                    values.reduce(
                        |a, b| match (range::follows(&b, &a), range::follows(&a, &b)) {
                            (true, _) if greatest => b,
                            (_, true) if !greatest => b,
                            _ => a,
                        },
                    )
                };
                gives(&|row| Ok(furthest(row)))?
            }
        })
    }

    /// Whether the ranges hold the values.
    fn holds(&self, args: &[ArrayRef], ranges: usize, values: usize) -> Result<ArrayRef> {
        let missing = || Error::internal("calling a function of ranges", "no argument");
        let (ranges, values) = (
            args.get(ranges).ok_or_else(missing)?,
            args.get(values).ok_or_else(missing)?,
        );
        let column = Column::new(ranges);
        let points = match values.data_type() {
            DataType::Null => vec![None; values.len()],
            _ => range::points(values, self.of)?,
        };
        let held = points
            .iter()
            .enumerate()
            .map(|(row, point)| Some(range::contains_point(&column.get(row)?, point.as_ref()?)));
        Ok(Arc::new(held.collect::<BooleanArray>()))
    }

    /// Ranges of their bounds.
    fn made(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let subtype = self.result.subtype().unwrap_or(PgType::INT8);
        let points = |arg: usize| match args.get(arg) {
            Some(array) if !array.data_type().is_null() => range::points(array, self.of),
            _ => Ok(vec![None; rows]),
        };
        let (lower, upper) = (points(0)?, points(1)?);
        let flags = match args.get(2) {
            Some(flags) => Some(
                arrow::compute::cast(flags, &DataType::Utf8View)
                    .map_err(|error| Error::internal("making a range", error))?,
            ),
            None => None,
        };
        let flags: Option<&StringViewArray> = flags.as_ref().map(|flags| flags.as_string_view());
        let mut made = Vec::with_capacity(rows);
        for (row, (lower, upper)) in lower.into_iter().zip(upper).enumerate() {
            let (from, to) = match flags {
                None => (true, false),
                Some(flags) if flags.is_null(row) => {
                    return Err(Error::new(
                        SqlState::DATA_EXCEPTION,
                        "range constructor flags argument must not be null",
                    ));
                }
                Some(flags) => within(flags.value(row))?,
            };
            let bound = |point, inclusive| Bound { point, inclusive };
            let span = Span::of(bound(lower, from), bound(upper, to), subtype)?;
            made.push(Some(range::encode(span.as_slice())));
        }
        Ok(range::column(&made, self.result))
    }

    /// Multiranges of ranges.
    fn collected(&self, args: &[ArrayRef], rows: usize) -> Result<ArrayRef> {
        let mut collected = Vec::with_capacity(rows);
        let lists = args.first().and_then(|arg| arg.as_list_opt::<i32>());
        let values = lists.map(ListArray::values);
        let columns: Vec<Column<'_>> = match values {
            Some(values) => vec![Column::new(values)],
            None => args.iter().map(|arg| Column::new(arg)).collect(),
        };
        for row in 0..rows {
            let members: Vec<(&Column<'_>, usize)> = match lists {
                Some(lists) if lists.is_null(row) => {
                    collected.push(None);
                    continue;
                }
                Some(lists) => {
                    let offsets = lists.value_offsets();
                    let place = |at: usize| usize::try_from(offsets[at]).unwrap_or(0);
                    let places = place(row)..place(row + 1);
                    places.map(|place| (&columns[0], place)).collect()
                }
                None => columns.iter().map(|column| (column, row)).collect(),
            };
            let mut spans = Vec::new();
            for (column, row) in members {
                spans.extend(column.get(row).ok_or_else(|| {
                    Error::new(
                        SqlState::NULL_VALUE_NOT_ALLOWED,
                        "multirange values cannot contain null members",
                    )
                })?);
            }
            collected.push(Some(range::encode(&range::united(spans))));
        }
        Ok(range::column(&collected, self.result))
    }

    /// The ranges of multiranges.
    fn ranges(&self, columns: &[Column<'_>], rows: usize) -> Result<ArrayRef> {
        let DataType::List(item) = self.result.data_type() else {
            return Err(Error::internal("unnesting a multirange", self.result));
        };
        let mut ranges = Vec::new();
        let mut lengths = Vec::with_capacity(rows);
        let mut there = Vec::with_capacity(rows);
        for row in 0..rows {
            let spans = columns.first().and_then(|column| column.get(row));
            there.push(spans.is_some());
            let spans = spans.unwrap_or_default();
            lengths.push(spans.len());
            ranges.extend(
                spans
                    .iter()
                    .map(|span| Some(range::encode(std::slice::from_ref(span)))),
            );
        }
        let element = self.result.element().unwrap_or(PgType::INT8RANGE);
        let lists = ListArray::try_new(
            item,
            OffsetBuffer::from_lengths(lengths),
            range::column(&ranges, element),
            Some(NullBuffer::from(there)),
        );
        lists
            .map(|lists| Arc::new(lists) as ArrayRef)
            .map_err(|error| Error::internal("unnesting a multirange", error))
    }
}

/// Which bounds are within a range, of `[)` and its kin.
fn within(flags: &str) -> Result<(bool, bool)> {
    Ok(match flags {
        "[]" => (true, true),
        "[)" => (true, false),
        "(]" => (false, true),
        "()" => (false, false),
        _ => {
            return Err(
                Error::new(SqlState::SYNTAX_ERROR, "invalid range bound flags")
                    .hint("Valid values are \"[]\", \"[)\", \"(]\", and \"()\"."),
            );
        }
    })
}

/// Aggregates of ranges and multiranges.
pub(super) static AGGREGATES: &[Gathered] = &[
    Gathered {
        name: "range_agg",
        types: one_column,
        gives: Gives::LikeFirst,
        within_group: false,
        finish: |group| Ok(gathered(group, |values| range::united(values.concat()))),
    },
    Gathered {
        name: "range_intersect_agg",
        types: one_column,
        gives: Gives::LikeFirst,
        within_group: false,
        finish: |group| {
            Ok(gathered(group, |values| {
                let shared = values.into_iter().reduce(|a, b| range::shared(&a, &b));
                shared.unwrap_or_default()
            }))
        },
    },
];

/// That the column is of ranges analysis knows.
fn one_column(types: &[DataType]) -> Taken {
    match types {
        [DataType::Binary | DataType::LargeBinary] => {
            Some((types.to_vec(), PgType::INT8MULTIRANGE))
        }
        _ => None,
    }
}

/// What is made of the values of a group that are there; NULL if none is.
fn gathered(group: &Group<'_>, of: fn(Vec<Vec<Span>>) -> Vec<Span>) -> Value {
    let Some(array) = group.columns.first() else {
        return Value::Null;
    };
    let column = Column::new(array);
    let values: Vec<_> = (0..array.len()).filter_map(|row| column.get(row)).collect();
    match values.is_empty() {
        true => Value::Null,
        false => Value::Bytes(range::encode(&of(values))),
    }
}
