//! Casts of arrays: of their elements, and between lists and arrays that tell their dimensions.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, ListArray};
use arrow::datatypes::{DataType, Field, FieldRef};

use super::{Conversion, Way, cast};
use crate::engine::scope::external;
use crate::engine::semantics::Result;
use crate::types::PgType;
use crate::types::shaped::{self, flat, innermost};

impl Conversion {
    pub(super) fn said(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let (Some(lists), DataType::List(to)) =
            (array.as_list_opt::<i32>(), self.field.data_type())
        else {
            return cast(array, self.field.data_type());
        };
        let (_, offsets, values, nulls) = lists.clone().into_parts();
        let said = ListArray::try_new(to.clone(), offsets, values, nulls)?;
        Ok(Arc::new(said))
    }

    /// Arrays of one kind as arrays of the other, their elements converted.
    pub(super) fn reshaped(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let to = self.field.data_type();
        let (Some(from_item), Some(to_item)) = (innermost(array.data_type()), innermost(to)) else {
            return cast(array, to);
        };
        let list = |item: &FieldRef| Arc::new(Field::new("", DataType::List(item.clone()), true));
        let (from, wanted) = (list(from_item), list(to_item));
        let elements = flat(array);
        let elements = match Way::between(&from, &wanted, self.to) {
            Some(way) => Self {
                way,
                from: self.from,
                to: self.to,
                field: wanted,
                context: self.context.clone(),
                signature: self.signature.clone(),
            }
            .convert(&elements)?,
            None => cast(&elements, wanted.data_type())?,
        };
        let vectors = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid];
        let pairs = match vectors.contains(&self.from.oid) {
            true => shaped::from_zero(&elements),
            false => shaped::widened(array).map_err(|(_, error)| error),
        };
        let pairs = pairs.and_then(|pairs| shaped::with_elements(pairs.as_struct(), elements));
        let pairs = pairs.map_err(external)?;
        shaped::converted(&pairs, to).map_err(external)
    }

    pub(super) fn elements(&self, array: &ArrayRef) -> Result<ArrayRef> {
        let (Some(lists), DataType::List(to)) =
            (array.as_list_opt::<i32>(), self.field.data_type())
        else {
            return cast(array, self.field.data_type());
        };
        let DataType::List(from) = array.data_type() else {
            return cast(array, self.field.data_type());
        };
        let ty = PgType::of_field(to);
        let element = match self.from.element() {
            Some(element) if self.from.is_encoded() => element,
            _ => PgType::of_field(from),
        };
        let from = &match from.data_type().is_nested() {
            true => from.clone(),
            false => Arc::new(element.field("item", true)),
        };
        let values = match Way::between(from, to, ty) {
            Some(way) => Self {
                way,
                from: element,
                to: ty,
                field: to.clone(),
                context: self.context.clone(),
                signature: self.signature.clone(),
            }
            .convert(lists.values())?,
            None => cast(lists.values(), to.data_type())?,
        };
        Ok(Arc::new(arrow::array::ListArray::try_new(
            to.clone(),
            lists.offsets().clone(),
            values,
            lists.nulls().cloned(),
        )?))
    }
}
