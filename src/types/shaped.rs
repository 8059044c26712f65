//! Arrays of which lists do not tell all: of any number of dimensions, each of which starts
//! anywhere.
//!
//! A list of lists has as many dimensions as its type, and its places count from one. Most arrays
//! are like that and travel as lists. Where that is not known before there are values — what a text
//! says, what `array_fill` makes, a column that was once given such an array — they travel as
//! pairs: a list of all elements, and what is to be known of the dimensions, which is NULL for what
//! is a plain list after all. The Arrow type alone says which of the two it is.

use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BinaryArray, BinaryBuilder, ListArray, StructArray, UInt32Array,
    new_empty_array,
};
use arrow::buffer::{NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow::compute::concat;
use arrow::datatypes::{DataType, Field, FieldRef, Fields};

use super::dimensions::{dimensions, held, is_rectangular, ragged};
use crate::base::{Error, Oid, Result, SqlState};

/// What [`dimensions`] says of such arrays: their type tells no number.
pub const ANY_DIMENSIONS: usize = 129;
/// Dimensions of an array at most.
pub const DIMENSIONS_MAX: usize = 6;
/// Elements of an array at most.
pub const ELEMENTS_MAX: usize = 134_217_727;

const EXTENT: &str = "pg.extent";
const ELEMENTS: &str = "pg.elements";

/// Where the dimensions of an array start, and how long they are; an empty array has none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Extent {
    /// The first place of each dimension.
    pub lower: Vec<i32>,
    /// How many places each dimension has.
    pub sizes: Vec<usize>,
}

impl Extent {
    /// Of a list that long.
    pub fn of_list(length: usize) -> Self {
        Self::from_one(match length {
            0 => Vec::new(),
            length => vec![length],
        })
    }

    /// With dimensions of these sizes that all start at 1.
    pub fn from_one(sizes: Vec<usize>) -> Self {
        Self {
            lower: vec![1; sizes.len()],
            sizes,
        }
    }

    /// Whether all dimensions start at 1.
    pub fn starts_at_one(&self) -> bool {
        self.lower.iter().all(|lower| *lower == 1)
    }

    /// The last place of a dimension.
    pub fn upper(&self, dimension: usize) -> i64 {
        let size = i64::try_from(self.sizes[dimension]).unwrap_or(i64::MAX);
        i64::from(self.lower[dimension]) + size - 1
    }

    /// How many elements an array like that has.
    ///
    /// # Errors
    /// `54000` if too many, or if places are beyond integers.
    pub fn elements(&self) -> Result<usize> {
        if self.sizes.is_empty() {
            return Ok(0);
        }
        let total = self
            .sizes
            .iter()
            .try_fold(1_usize, |total, size| total.checked_mul(*size))
            .filter(|total| *total <= ELEMENTS_MAX)
            .ok_or_else(too_large)?;
        for (dimension, lower) in self.lower.iter().enumerate() {
            if self.upper(dimension) + 1 > i64::from(i32::MAX) {
                return Err(Error::new(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    format!("array lower bound is too large: {lower}"),
                ));
            }
        }
        Ok(total)
    }

    /// Where the element of these places is; `None` if there is none.
    pub fn offset(&self, places: &[i64]) -> Option<usize> {
        if places.len() != self.sizes.len() {
            return None;
        }
        let mut offset = 0;
        for (dimension, place) in places.iter().enumerate() {
            let at = usize::try_from(place - i64::from(self.lower[dimension])).ok()?;
            if at >= self.sizes[dimension] {
                return None;
            }
            offset = offset * self.sizes[dimension] + at;
        }
        (!places.is_empty()).then_some(offset)
    }

    /// As `array_dims` shows it: `[0:2][1:2]`.
    pub fn shown(&self) -> String {
        (0..self.sizes.len())
            .map(|dimension| format!("[{}:{}]", self.lower[dimension], self.upper(dimension)))
            .collect()
    }

    fn pack(&self) -> Option<Vec<u8>> {
        if self.sizes.len() <= 1 && self.starts_at_one() {
            return None;
        }
        let mut bytes = Vec::with_capacity(self.sizes.len() * 8);
        for (size, lower) in self.sizes.iter().zip(&self.lower) {
            let size = u32::try_from(*size).unwrap_or(u32::MAX);
            bytes.extend_from_slice(&size.to_be_bytes());
            bytes.extend_from_slice(&lower.to_be_bytes());
        }
        Some(bytes)
    }

    fn unpack(bytes: &[u8]) -> Self {
        let mut extent = Self::default();
        for dimension in bytes.chunks_exact(8) {
            let number = |at: usize| {
                let bytes = [0, 1, 2, 3].map(|byte| dimension[at + byte]);
                u32::from_be_bytes(bytes)
            };
            extent.sizes.push(usize::try_from(number(0)).unwrap_or(0));
            extent.lower.push(number(4).cast_signed());
        }
        extent
    }
}

/// `54000`
pub fn too_large() -> Error {
    Error::new(
        SqlState::PROGRAM_LIMIT_EXCEEDED,
        format!("array size exceeds the maximum allowed ({ELEMENTS_MAX})"),
    )
}

/// The type of such arrays over elements.
pub fn shaped_type(item: FieldRef) -> DataType {
    DataType::Struct(fields(item))
}

fn fields(item: FieldRef) -> Fields {
    Fields::from(vec![
        Field::new(EXTENT, DataType::Binary, true),
        Field::new(ELEMENTS, DataType::List(item), true),
    ])
}

/// The type of the lists of all elements, if these are such arrays.
pub fn elements_type(data_type: &DataType) -> Option<&DataType> {
    match data_type {
        DataType::Struct(fields) => match fields.as_ref() {
            [extent, elements] if extent.name() == EXTENT && elements.name() == ELEMENTS => {
                Some(elements.data_type())
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether these are such arrays.
pub fn is_shaped(data_type: &DataType) -> bool {
    elements_type(data_type).is_some()
}

/// The innermost elements' field of arrays of either kind; `None` for no arrays.
pub fn innermost(data_type: &DataType) -> Option<&FieldRef> {
    match elements_type(data_type).unwrap_or(data_type) {
        DataType::List(item) => innermost(item.data_type()).or(Some(item)),
        _ => None,
    }
}

/// A column of arrays of either kind.
pub enum Arrays<'a> {
    /// Lists, of lists.
    Lists(&'a ListArray),
    /// Pairs.
    Shaped(&'a StructArray, &'a BinaryArray, &'a ListArray),
}

impl<'a> Arrays<'a> {
    /// `None` for a column of something else.
    pub fn of(array: &'a dyn Array) -> Option<Self> {
        if is_shaped(array.data_type()) {
            let pairs = array.as_struct();
            return Some(Self::Shaped(
                pairs,
                pairs.column(0).as_binary(),
                pairs.column(1).as_list(),
            ));
        }
        array.as_list_opt::<i32>().map(Self::Lists)
    }

    /// Whether there is an array in a row.
    pub fn is_there(&self, row: usize) -> bool {
        match self {
            Self::Lists(lists) => lists.is_valid(row),
            Self::Shaped(pairs, _, lists) => pairs.is_valid(row) && lists.is_valid(row),
        }
    }

    /// The dimensions of the array in a row.
    pub fn extent(&self, row: usize) -> Extent {
        match self {
            Self::Lists(lists) => {
                let mut sizes = Vec::new();
                let mut inside = held(lists, row..row + 1);
                let mut lists = *lists;
                while !inside.is_empty() {
                    sizes.push(inside.len());
                    let Some(inner) = lists.values().as_list_opt::<i32>() else {
                        return Extent::from_one(sizes);
                    };
                    inside = held(inner, inside.start..inside.start + 1);
                    lists = inner;
                }
                Extent::default()
            }
            Self::Shaped(_, extents, lists) => match extents.is_valid(row) {
                true => Extent::unpack(extents.value(row)),
                false => Extent::of_list(held(lists, row..row + 1).len()),
            },
        }
    }

    /// All elements of all arrays.
    pub fn values(&self) -> &'a ArrayRef {
        let mut lists = match self {
            Self::Lists(lists) | Self::Shaped(_, _, lists) => *lists,
        };
        while let Some(inner) = lists.values().as_list_opt::<i32>() {
            lists = inner;
        }
        lists.values()
    }

    /// Where in [`Self::values`] the elements of a row are.
    pub fn places(&self, row: usize) -> std::ops::Range<usize> {
        let mut lists = match self {
            Self::Lists(lists) | Self::Shaped(_, _, lists) => *lists,
        };
        let mut inside = held(lists, row..row + 1);
        while let Some(inner) = lists.values().as_list_opt::<i32>() {
            inside = match inside.is_empty() {
                true => 0..0,
                false => held(inner, inside),
            };
            lists = inner;
        }
        inside
    }

    /// The elements of a row.
    pub fn elements(&self, row: usize) -> ArrayRef {
        let places = self.places(row);
        self.values().slice(places.start, places.len())
    }
}

fn failed(error: arrow::error::ArrowError) -> Error {
    Error::internal("making an array", error)
}

/// Pairs over lists of elements, with the dimensions of each.
///
/// # Errors
/// `XX000` if there are not as many.
pub fn paired(lists: ListArray, extents: impl Iterator<Item = Option<Extent>>) -> Result<ArrayRef> {
    let DataType::List(item) = lists.data_type() else {
        return Err(Error::internal("making an array", "no list"));
    };
    let fields = fields(Arc::clone(item));
    let mut packed = BinaryBuilder::with_capacity(lists.len(), 0);
    for extent in extents {
        packed.append_option(extent.and_then(|extent| extent.pack()));
    }
    let nulls = lists.nulls().cloned();
    let columns: Vec<ArrayRef> = vec![Arc::new(packed.finish()), Arc::new(lists)];
    StructArray::try_new(fields, columns, nulls)
        .map(|pairs| Arc::new(pairs) as ArrayRef)
        .map_err(failed)
}

/// Arrays of their parts, as pairs over elements of this field.
///
/// # Errors
/// `54000` if they are too large together.
pub fn collected(item: &FieldRef, rows: &[Option<(ArrayRef, Extent)>]) -> Result<ArrayRef> {
    let mut total = 0_usize;
    let mut offsets = vec![0_i32];
    let mut parts: Vec<ArrayRef> = Vec::with_capacity(rows.len());
    for row in rows {
        if let Some((elements, _)) = row {
            total += elements.len();
            parts.push(match elements.data_type() == item.data_type() {
                true => Arc::clone(elements),
                false => arrow::compute::cast(elements, item.data_type()).map_err(failed)?,
            });
        }
        offsets.push(i32::try_from(total).map_err(|_| too_large())?);
    }
    let parts: Vec<&dyn Array> = parts.iter().map(AsRef::as_ref).collect();
    let values = match parts.is_empty() {
        true => new_empty_array(item.data_type()),
        false => concat(&parts).map_err(failed)?,
    };
    let nulls: NullBuffer = rows.iter().map(Option::is_some).collect();
    let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
    let lists =
        ListArray::try_new(Arc::clone(item), offsets, values, Some(nulls)).map_err(failed)?;
    let extents = rows.iter().map(|row| row.as_ref().map(|row| row.1.clone()));
    paired(lists, extents)
}

/// Lists as arrays whose places count from 0, as those of vectors do.
///
/// # Errors
/// `XX000` if they are no lists.
pub fn from_zero(lists: &ArrayRef) -> Result<ArrayRef> {
    let Some(Arrays::Lists(lists)) = Arrays::of(lists.as_ref()) else {
        return Err(Error::internal("making an array", lists.data_type()));
    };
    let extents = (0..lists.len()).map(|row| {
        let mut extent = Extent::of_list(held(lists, row..row + 1).len());
        extent.lower.fill(0);
        Some(extent)
    });
    paired(lists.clone(), extents)
}

/// Arrays of either kind as lists of all their elements.
pub fn flat(array: &ArrayRef) -> ArrayRef {
    let Some(arrays) = Arrays::of(array.as_ref()) else {
        return Arc::clone(array);
    };
    let lists = match &arrays {
        Arrays::Lists(lists) if dimensions(array.data_type()) == 1 => (*lists).clone(),
        Arrays::Shaped(pairs, _, lists) => {
            let nulls = NullBuffer::union(pairs.nulls(), lists.nulls());
            let (item, offsets, values, _) = (*lists).clone().into_parts();
            match ListArray::try_new(item, offsets, values, nulls) {
                Ok(lists) => lists,
                Err(_) => return Arc::clone(array),
            }
        }
        Arrays::Lists(lists) => {
            let ends = (0..lists.len()).map(|row| arrays.places(row));
            let first = ends.clone().find(|places| !places.is_empty());
            let mut offsets = vec![first.map_or(0, |places| places.start)];
            for places in ends {
                let last = offsets[offsets.len() - 1];
                offsets.push(if places.is_empty() { last } else { places.end });
            }
            let offsets = offsets.iter().filter_map(|at| i32::try_from(*at).ok());
            let offsets = OffsetBuffer::new(offsets.collect::<ScalarBuffer<i32>>());
            let Some(item) = innermost(array.data_type()) else {
                return Arc::clone(array);
            };
            let values = Arc::clone(arrays.values());
            match ListArray::try_new(Arc::clone(item), offsets, values, lists.nulls().cloned()) {
                Ok(lists) => lists,
                Err(_) => return Arc::clone(array),
            }
        }
    };
    Arc::new(lists)
}

/// Arrays of either kind as pairs.
///
/// # Errors
/// `2202E`, with the row, for an array whose arrays are not as long as each other.
pub fn widened(array: &ArrayRef) -> Result<ArrayRef, (usize, Error)> {
    let Some(Arrays::Lists(lists)) = Arrays::of(array.as_ref()) else {
        return Ok(Arc::clone(array));
    };
    if let Some(row) = (0..lists.len()).find(|row| !is_rectangular(lists, *row)) {
        return Err((row, ragged()));
    }
    let nested = dimensions(array.data_type()) > 1;
    let flat = flat(array);
    let arrays = Arrays::Lists(lists);
    let extents = (0..lists.len()).map(|row| nested.then(|| arrays.extent(row)));
    paired(flat.as_list::<i32>().clone(), extents).map_err(|error| (0, error))
}

/// Pairs as lists of so many dimensions.
///
/// # Errors
/// `0A000`, with the row, for an array that lists of so many dimensions do not hold.
pub fn narrowed(array: &ArrayRef, wanted: usize) -> Result<ArrayRef, (usize, Error)> {
    let Some(arrays @ Arrays::Shaped(_, extents, _)) = Arrays::of(array.as_ref()) else {
        return Ok(Arc::clone(array));
    };
    let mut rows = Vec::with_capacity(array.len());
    for row in 0..array.len() {
        let there = arrays.is_there(row);
        let extent = match there {
            true => arrays.extent(row),
            false => Extent::default(),
        };
        if !extent.starts_at_one() {
            return Err((row, beyond("an array whose lower bound is not 1")));
        }
        if !extent.sizes.is_empty() && extent.sizes.len() != wanted {
            let found = extent.sizes.len();
            let what = format!("an array of {found} dimensions in the place of one of {wanted}");
            return Err((row, beyond(&what)));
        }
        rows.push(there.then_some(extent.sizes));
    }
    if wanted <= 1 && extents.null_count() == extents.len() {
        return Ok(flat(array));
    }
    let DataType::List(item) = elements_type(array.data_type()).unwrap_or(array.data_type()) else {
        return Ok(Arc::clone(array));
    };
    let flat = flat(array);
    nested(flat.as_list(), item, &rows, wanted).map_err(|error| (0, error))
}

/// Lists of so many dimensions over the elements of `flat`, one for each of `rows`, which has the
/// sizes of its dimensions, or none.
fn nested(
    flat: &ListArray,
    item: &FieldRef,
    rows: &[Option<Vec<usize>>],
    wanted: usize,
) -> Result<ArrayRef> {
    let inside = held(flat, 0..flat.len());
    let mut array = flat.values().slice(inside.start, inside.len());
    let mut field = Arc::clone(item);
    for level in (0..wanted).rev() {
        let mut lengths = Vec::new();
        for sizes in rows {
            match sizes.as_deref() {
                Some(sizes) if !sizes.is_empty() => {
                    let lists: usize = sizes[..level].iter().product();
                    lengths.extend(std::iter::repeat_n(sizes[level], lists));
                }
                _ if level == 0 => lengths.push(0),
                _ => {}
            }
        }
        let nulls = (level == 0).then(|| rows.iter().map(Option::is_some).collect());
        let offsets = OffsetBuffer::from_lengths(lengths);
        let lists = ListArray::try_new(Arc::clone(&field), offsets, array, nulls);
        array = Arc::new(lists.map_err(failed)?);
        field = Arc::new(Field::new("item", array.data_type().clone(), true));
    }
    Ok(array)
}

/// `0A000`: an array that lists do not hold. Where one is to be stored, the column may be told to
/// hold such from then on.
fn beyond(what: &str) -> Error {
    Error::unsupported(what).beyond_lists(Oid::INVALID)
}

/// Arrays of either kind as arrays of the type `to`, of either kind.
///
/// # Errors
/// As [`refitted`]; `XX000` if the elements are of no such type.
pub fn converted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let array = refitted(array, to).map_err(|(_, error)| error)?;
    let Some(lists) = elements_type(to).filter(|_| array.data_type() != to) else {
        return match array.data_type() == to {
            true => Ok(array),
            false => arrow::compute::cast(&array, to).map_err(failed),
        };
    };
    let pairs = array.as_struct();
    let elements = arrow::compute::cast(pairs.column(1), lists).map_err(failed)?;
    with_elements(pairs, elements)
}

/// The same arrays over other elements: as many in each.
///
/// # Errors
/// `XX000` if they are not as many.
pub fn with_elements(pairs: &StructArray, elements: ArrayRef) -> Result<ArrayRef> {
    let DataType::List(item) = elements.data_type() else {
        return Err(Error::internal("making an array", "no list"));
    };
    let columns = vec![Arc::clone(pairs.column(0)), Arc::clone(&elements)];
    StructArray::try_new(fields(Arc::clone(item)), columns, pairs.nulls().cloned())
        .map(|pairs| Arc::new(pairs) as ArrayRef)
        .map_err(failed)
}

/// The same arrays over what `of` makes of all their elements, which `item` says what they are.
///
/// # Errors
/// What `of` fails with; `XX000` if it makes more or less of them.
pub fn mapped(
    array: &ArrayRef,
    item: &FieldRef,
    of: &dyn Fn(&ArrayRef) -> Result<ArrayRef>,
) -> Result<ArrayRef> {
    if let Some(pairs) = array.as_struct_opt() {
        // A pair that is NULL has no elements, whatever stands in its place.
        let lists = pairs.column(1).as_list::<i32>().clone();
        let (item_of, offsets, values, nulls) = lists.into_parts();
        let nulls = NullBuffer::union(pairs.nulls(), nulls.as_ref());
        let lists = ListArray::try_new(item_of, offsets, values, nulls).map_err(failed)?;
        return with_elements(pairs, mapped(&(Arc::new(lists) as ArrayRef), item, of)?);
    }
    if array.as_list_opt::<i32>().is_none() {
        return of(array);
    }
    // Without the elements that are in no row: of what was cut off, or is NULL.
    let rows: UInt32Array = (0..u32::try_from(array.len()).unwrap_or(u32::MAX)).collect();
    let whole = arrow::compute::take(array, &rows, None).map_err(failed)?;
    let lists = whole.as_list::<i32>();
    let values = mapped(lists.values(), item, of)?;
    let item = match (values.data_type(), lists.data_type()) {
        (DataType::List(_), DataType::List(outer)) => Arc::new(
            outer
                .as_ref()
                .clone()
                .with_data_type(values.data_type().clone()),
        ),
        _ => Arc::clone(item),
    };
    let nulls = lists.nulls().cloned();
    ListArray::try_new(item, lists.offsets().clone(), values, nulls)
        .map(|lists| Arc::new(lists) as ArrayRef)
        .map_err(failed)
}

/// The only array of a column of pairs as a list of lists, wherever it starts; `None` if it is no
/// such column.
///
/// # Errors
/// `XX000` if it cannot be made.
pub fn nested_value(array: &ArrayRef) -> Result<Option<ArrayRef>> {
    let Some(arrays @ Arrays::Shaped(..)) = Arrays::of(array.as_ref()) else {
        return Ok(None);
    };
    let Some(item) = innermost(array.data_type()) else {
        return Ok(None);
    };
    let sizes = arrays.extent(0).sizes;
    let wanted = sizes.len().max(1);
    let flat = flat(array);
    nested(flat.as_list(), item, &[Some(sizes)], wanted).map(Some)
}

/// Arrays of either kind as arrays of the kind of `to`, over the elements they have.
///
/// # Errors
/// As [`widened`] and [`narrowed`].
pub fn refitted(array: &ArrayRef, to: &DataType) -> Result<ArrayRef, (usize, Error)> {
    match (is_shaped(array.data_type()), is_shaped(to)) {
        (_, true) => widened(array),
        (true, false) => narrowed(array, dimensions(to).max(1)),
        (false, false) => Ok(Arc::clone(array)),
    }
}
