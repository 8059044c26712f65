//! Which overload of a function a call means, what its arguments are converted to, and what it
//! returns: PostgreSQL's rules, as far as types are known here.
//!
//! DataFusion converts arguments by their Arrow types alone; what a field says beyond that (`jsonb`
//! in text) counts where the result's type is decided and where the call is made.

use arrow::datatypes::{DataType, Field, FieldRef};

use super::call::{Function, Overload};
use crate::base::{Error, Result, SqlState};
use crate::types::coded::Code;
use crate::types::shaped::{elements_type, innermost, is_shaped, shaped_type};
use crate::types::{PgType, dimensions};

/// What a parameter takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Param {
    /// Values of one type. Of numeric, every exact number: integers come as they are.
    Is(PgType),
    /// Anything, as it comes.
    Any,
    /// Any array.
    AnyArray,
    /// What the arrays among the arguments have as elements.
    Element,
}

/// What a call returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Returns {
    /// One type.
    Is(PgType),
    /// The type of an argument.
    Like(usize),
    /// The type of the array argument that has most dimensions.
    Deepest,
    /// The type of an array argument's elements.
    ElementOf(usize),
    /// A set of values of one type, as an array of them.
    SetOf(PgType),
    /// An array of any dimensions of what an argument is.
    AnyArrayOf(usize),
}

/// What is known of an argument.
#[derive(Debug, Clone)]
pub(super) struct Argument<'a> {
    data_type: &'a DataType,
    /// `None` where only the Arrow type is known.
    ty: Option<PgType>,
}

impl<'a> Argument<'a> {
    pub(super) fn of_type(data_type: &'a DataType) -> Self {
        Self {
            data_type,
            ty: None,
        }
    }

    pub(super) fn of_field(field: &'a Field) -> Self {
        Self {
            data_type: field.data_type(),
            ty: Some(PgType::of_field(field)),
        }
    }

    /// A quoted literal, which fits anywhere: DataFusion makes them of this type, and columns and
    /// results of ours of another.
    fn is_unknown(&self) -> bool {
        *self.data_type == DataType::Utf8 && self.ty.is_none_or(|ty| ty.oid == PgType::TEXT.oid)
    }

    fn shown(&self) -> String {
        if self.is_unknown() || self.data_type.is_null() {
            return "unknown".to_owned();
        }
        let ty = self
            .ty
            .unwrap_or_else(|| PgType::of_data_type(self.data_type));
        ty.plain().to_string()
    }
}

/// The overload a call means.
///
/// # Errors
/// `42883`
pub(super) fn overload(
    function: &'static Function,
    arguments: &[Argument<'_>],
) -> Result<&'static Overload> {
    let found = function
        .overloads
        .iter()
        .filter_map(|overload| Some((overload.cost(arguments)?, overload)))
        .min_by_key(|(cost, _)| *cost)
        .map(|(_, overload)| overload);
    found.ok_or_else(|| missing(function.name, arguments))
}

fn missing(name: &str, arguments: &[Argument<'_>]) -> Error {
    let types: Vec<_> = arguments.iter().map(Argument::shown).collect();
    let is_operator = !name.starts_with(|c: char| c.is_ascii_alphabetic());
    let (what, hint) = match (is_operator, types.as_slice()) {
        (true, [left, right]) => (
            format!("operator does not exist: {left} {name} {right}"),
            true,
        ),
        (true, [operand]) => (format!("operator does not exist: {name} {operand}"), true),
        _ => (
            format!("function {name}({}) does not exist", types.join(", ")),
            false,
        ),
    };
    Error::new(SqlState::UNDEFINED_FUNCTION, what).hint(match hint {
        true => {
            "No operator matches the given name and argument types. You might need to add \
             explicit type casts."
        }
        false => {
            "No function matches the given name and argument types. You might need to add \
             explicit type casts."
        }
    })
}

impl Overload {
    pub(super) fn param(&self, index: usize) -> Param {
        let last = self.params.len().saturating_sub(1);
        self.params
            .get(index.min(last))
            .copied()
            .unwrap_or(Param::Any)
    }

    /// How far the arguments are from what this overload wants; `None` if they cannot be.
    fn cost(&self, arguments: &[Argument<'_>]) -> Option<usize> {
        let fits = if self.variadic {
            arguments.len() + 1 >= self.params.len()
        } else {
            arguments.len() == self.params.len()
        };
        if !fits {
            return None;
        }
        let mut cost = 0;
        for (index, argument) in arguments.iter().enumerate() {
            cost += self.param(index).cost(argument)?;
        }
        if self.params.contains(&Param::AnyArray) || self.params.contains(&Param::Element) {
            let types: Vec<_> = arguments.iter().map(|one| one.data_type).collect();
            self.element(&types)?;
        }
        Some(cost)
    }

    /// What DataFusion is to convert the arguments to.
    pub(super) fn converted(&self, types: &[DataType]) -> Vec<DataType> {
        let references: Vec<_> = types.iter().collect();
        let element = self.element(&references).flatten();
        types
            .iter()
            .enumerate()
            .map(|(index, ty)| self.param(index).converted(ty, element.as_ref()))
            .collect()
    }

    /// The one type all arrays' elements, and all elements beside them, are converted to; `None` if
    /// there is none, `Some(None)` if nothing says.
    fn element(&self, types: &[&DataType]) -> Option<Option<DataType>> {
        let mut common: Option<DataType> = None;
        for (index, ty) in types.iter().enumerate() {
            let one = match self.param(index) {
                Param::AnyArray => leaf(ty).filter(|_| ty.is_nested()),
                Param::Element => Some(leaf(ty).unwrap_or(ty)),
                Param::Is(_) | Param::Any => None,
            };
            let Some(one) = one.filter(|ty| !ty.is_null() && **ty != DataType::Utf8) else {
                continue;
            };
            common = Some(match common {
                None => one.clone(),
                Some(other) => wider(&other, one)?,
            });
        }
        let any_text = types
            .iter()
            .any(|ty| leaf(ty).is_some_and(|leaf| *leaf == DataType::Utf8));
        Some(common.or_else(|| any_text.then_some(DataType::Utf8View)))
    }
}

/// What an array has at last, whatever its dimensions; the type itself if it is no array.
pub(super) fn leaf(ty: &DataType) -> Option<&DataType> {
    match elements_type(ty).unwrap_or(ty) {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            leaf(field.data_type())
        }
        other => Some(other),
    }
}

/// The type both fit into.
fn wider(a: &DataType, b: &DataType) -> Option<DataType> {
    let text = |ty: &DataType| matches!(ty, DataType::Utf8 | DataType::Utf8View);
    if a == b {
        return Some(a.clone());
    }
    if text(a) && text(b) {
        return Some(DataType::Utf8View);
    }
    let rank = |ty: &DataType| {
        Some(match ty {
            DataType::Int16 => 1,
            DataType::Int32 => 2,
            DataType::Int64 => 3,
            DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::LargeUtf8 => 4,
            DataType::Float32 => 5,
            DataType::Float64 => 6,
            DataType::Date32 => 11,
            DataType::Timestamp(_, None) => 12,
            DataType::Timestamp(_, Some(_)) => 13,
            _ => return None,
        })
    };
    let (x, y) = (rank(a)?, rank(b)?);
    if (x > 10) != (y > 10) {
        return None;
    }
    match (a, b) {
        // Numbers of several scales: each keeps its own digits.
        _ if x == 4 && y <= 4 || y == 4 && x <= 4 => Some(DataType::LargeUtf8),
        _ if x >= y => Some(a.clone()),
        _ => Some(b.clone()),
    }
}

impl Param {
    fn cost(self, argument: &Argument<'_>) -> Option<usize> {
        let from = argument.data_type;
        let to = match self {
            Self::Any => return Some(if from.is_nested() { 8 } else { 3 }),
            Self::AnyArray => {
                return match from {
                    DataType::List(_) | DataType::LargeList(_) | DataType::FixedSizeList(..) => {
                        Some(1)
                    }
                    DataType::Null => Some(1),
                    pairs if is_shaped(pairs) => Some(1),
                    _ if argument.is_unknown() => Some(4),
                    _ => None,
                };
            }
            Self::Element => {
                let vague = from.is_null() || argument.is_unknown();
                return Some(match (vague, from.is_nested()) {
                    (true, _) => 6,
                    (_, true) => 4,
                    _ => 1,
                });
            }
            Self::Is(to) => to,
        };
        if let Some(ty) = argument.ty
            && ty.oid == to.oid
        {
            return Some(0);
        }
        if argument
            .ty
            .is_some_and(|ty| ty.is_made() || Code::of(ty).is_some())
        {
            return None;
        }
        if from.is_null() {
            return Some(0);
        }
        if argument.is_unknown() {
            return Some(usize::from(to.oid != PgType::TEXT.oid));
        }
        let said = argument.ty.map_or('?', |ty| ty.info().category);
        let target = to.data_type();
        if is_text(from) && is_text(&target) {
            // Types that travel as text are each other's only if both are of the string category.
            return match (said, to.info().category) {
                ('?' | 'S' | 'Z' | 'X', 'S') => Some(0),
                ('?', _) => Some(1),
                _ if argument.ty.is_some_and(|ty| ty.oid == PgType::TEXT.oid) => Some(4),
                (_, _)
                    if argument.ty.is_some_and(|ty| {
                        ty.oid == PgType::JSON.oid || ty.oid == PgType::JSONB.oid
                    }) =>
                {
                    None
                }
                _ => Some(3),
            };
        }
        if to.oid == PgType::NUMERIC.oid {
            return match from {
                DataType::Decimal128(..) | DataType::Decimal256(..) | DataType::LargeUtf8 => {
                    Some(0)
                }
                from if from.is_integer() => Some(4),
                from if is_text(from) => Some(5),
                _ => None,
            };
        }
        if *from == target {
            return Some(0);
        }
        Some(match (from, &target) {
            (DataType::Dictionary(_, value), _) => {
                return self.cost(&Argument {
                    data_type: value,
                    ty: argument.ty,
                });
            }
            // Text does not fit, but not every text is known to be none of a literal.
            (from, _) if is_text(from) => 5,
            (DataType::Int16, DataType::Int32) | (DataType::Int32, DataType::Int64) => 1,
            (from, to) if from.is_integer() && to.is_integer() => 2,
            (from, DataType::Float64) if from.is_integer() => 3,
            (DataType::Float32, DataType::Float64) => 1,
            (from, DataType::Float64) if from.is_numeric() => 4,
            (DataType::LargeUtf8, DataType::Float64) => 4,
            (DataType::Timestamp(_, a), DataType::Timestamp(_, b)) => {
                if a.is_some() == b.is_some() { 0 } else { 2 }
            }
            (DataType::Date32 | DataType::Date64, DataType::Timestamp(_, zone)) => {
                if zone.is_some() { 1 } else { 2 }
            }
            (DataType::Duration(_) | DataType::Interval(_), DataType::Interval(_)) => 1,
            (DataType::Time64(_), DataType::Interval(_)) => 3,
            (DataType::List(_) | DataType::LargeList(_), DataType::List(_)) => 1,
            (pairs, DataType::List(_)) if is_shaped(pairs) => 1,
            (DataType::BinaryView | DataType::LargeBinary, DataType::Binary) => 0,
            _ => return None,
        })
    }

    /// What DataFusion is to convert an argument to.
    fn converted(self, from: &DataType, element: Option<&DataType>) -> DataType {
        match self {
            Self::Any => plain_list(from),
            Self::AnyArray => match (from, element) {
                (from, Some(element)) if from.is_nested() => with_leaf(from, element),
                (_, Some(element)) => list_of(element),
                (from, None) => plain_list(from),
            },
            Self::Element => match element {
                Some(element) if from.is_nested() => with_leaf(from, element),
                Some(element) => element.clone(),
                None if from.is_null() || *from == DataType::Utf8 => DataType::Utf8View,
                None => from.clone(),
            },
            // Names are looked up in the call: only there is the search path.
            Self::Is(ty) if ty.is_reg() && is_text(from) => DataType::Utf8View,
            Self::Is(ty)
                if ty.oid == PgType::NUMERIC.oid
                    && (from.is_integer()
                        || matches!(from, DataType::Decimal128(..) | DataType::Decimal256(..))) =>
            {
                from.clone()
            }
            Self::Is(ty) => match (dimensions(from) > 1, ty.element()) {
                (true, Some(element)) => with_leaf(from, &element.data_type()),
                _ => ty.data_type(),
            },
        }
    }
}

fn is_text(ty: &DataType) -> bool {
    matches!(ty, DataType::Utf8 | DataType::Utf8View)
}

fn list_of(element: &DataType) -> DataType {
    DataType::new_list(element.clone(), true)
}

/// The same array type over other elements.
fn with_leaf(from: &DataType, element: &DataType) -> DataType {
    if let Some(lists) = elements_type(from)
        && let DataType::List(item) = with_leaf(lists, element)
    {
        return shaped_type(item);
    }
    match from {
        DataType::List(field) | DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            let inner = match field.data_type() {
                inner if inner.is_nested() => with_leaf(inner, element),
                inner if inner == element => inner.clone(),
                _ => element.clone(),
            };
            if inner == *field.data_type() {
                return DataType::List(field.clone());
            }
            list_of(&inner)
        }
        _ => element.clone(),
    }
}

fn plain_list(from: &DataType) -> DataType {
    match from {
        DataType::LargeList(field) | DataType::FixedSizeList(field, _) => {
            DataType::List(field.clone())
        }
        other => other.clone(),
    }
}

impl Returns {
    /// The field of a call's result.
    pub(super) fn field(self, name: &str, fields: &[FieldRef]) -> Result<Field> {
        let argument = |index: usize| {
            fields
                .get(index)
                .map(|field| field.as_ref().clone().with_name(name).with_nullable(true))
                .unwrap_or_else(|| PgType::TEXT.field(name, true))
        };
        Ok(match self {
            Self::Is(ty) => ty.field(name, true),
            Self::SetOf(ty) => {
                let item = ty.field("item", true);
                Field::new(name, DataType::List(item.into()), true)
            }
            Self::Like(index) => match argument(index) {
                // Of an unknown literal's type nothing is known but that it is text.
                field if field.data_type().is_null() => PgType::TEXT.field(name, true),
                field => field,
            },
            Self::Deepest => {
                let depth = |field: &FieldRef| dimensions(field.data_type());
                let deepest = (0..fields.len())
                    .max_by_key(|index| (depth(&fields[*index]), usize::MAX - index));
                argument(deepest.unwrap_or(0))
            }
            Self::ElementOf(index) => {
                let field = argument(index);
                match innermost(field.data_type()) {
                    Some(item) => item.as_ref().clone().with_name(name).with_nullable(true),
                    None => field,
                }
            }
            Self::AnyArrayOf(index) => {
                let field = argument(index);
                let item = match field.data_type().is_null() {
                    true => PgType::TEXT.field("item", true),
                    false => field.with_name("item"),
                };
                Field::new(name, shaped_type(item.into()), true)
            }
        })
    }
}
