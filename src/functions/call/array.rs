//! Arguments that are arrays.

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::DataType;

use super::{Arg, Call};
use crate::types::shaped::{Arrays, Extent};

impl Call<'_> {
    /// The elements of an array argument and its dimensions; `None` if it is NULL.
    pub(in crate::functions) fn array(&self, arg: usize, row: usize) -> Option<(ArrayRef, Extent)> {
        let Some(Arg::Other(array)) = self.args.get(arg) else {
            return None;
        };
        let arrays = Arrays::of(array.as_ref()).filter(|arrays| arrays.is_there(row))?;
        Some((arrays.elements(row), arrays.extent(row)))
    }

    /// The elements of an array argument; `None` if it is NULL.
    pub(in crate::functions) fn list(&self, arg: usize, row: usize) -> Option<ArrayRef> {
        match self.args.get(arg) {
            Some(Arg::Other(array)) if array.is_valid(row) => match array.data_type() {
                DataType::List(_) => Some(array.as_list::<i32>().value(row)),
                _ => None,
            },
            _ => None,
        }
    }
}
