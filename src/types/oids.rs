//! OIDs and integers as one another: an `int4` has the same bits without a sign, an `int8` must be
//! in range.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, UInt32Array};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Int64Type, UInt32Type};

use crate::base::{Error, Result, SqlState};

/// Whether values of one Arrow type become those of another in PostgreSQL's way for OIDs, and not
/// in Arrow's.
pub fn are_recast(from: &DataType, to: &DataType) -> bool {
    matches!(
        (from, to),
        (
            DataType::Int16 | DataType::Int32 | DataType::Int64,
            DataType::UInt32
        ) | (DataType::UInt32, DataType::Int16 | DataType::Int32)
    )
}

/// Integers as OIDs, or OIDs as integers.
///
/// # Errors
/// `22003` for an `int8` that is no OID.
pub fn recast(array: &ArrayRef, to: &DataType) -> Result<ArrayRef> {
    let failed = |error| Error::internal("converting an OID", error);
    if *array.data_type() == DataType::UInt32 {
        let oids = array.as_primitive::<UInt32Type>();
        let integers: Int32Array = oids.unary(u32::cast_signed);
        return cast(&integers, to).map_err(failed);
    }
    let signed = *array.data_type() != DataType::Int64;
    let integers = cast(array, &DataType::Int64).map_err(failed)?;
    let oids: UInt32Array = integers.as_primitive::<Int64Type>().try_unary(|value| {
        match (u32::try_from(value), i32::try_from(value)) {
            (Ok(oid), _) => Ok(oid),
            (Err(_), Ok(negative)) if signed => Ok(negative.cast_unsigned()),
            (Err(_), _) => Err(Error::new(
                SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
                "OID out of range",
            )),
        }
    })?;
    Ok(Arc::new(oids))
}

#[cfg(test)]
mod tests {
    use arrow::array::{Array, Int64Array};

    use super::*;

    #[test]
    fn bits_stay() {
        let negative: ArrayRef = Arc::new(Int32Array::from(vec![Some(-1), None, Some(5)]));
        let oids = recast(&negative, &DataType::UInt32).unwrap();
        let expected = UInt32Array::from(vec![Some(u32::MAX), None, Some(5)]);
        assert_eq!(oids.as_primitive::<UInt32Type>(), &expected);
        assert_eq!(&recast(&oids, &DataType::Int32).unwrap(), &negative);
        let wide: ArrayRef = Arc::new(Int64Array::from(vec![-1]));
        assert!(recast(&wide, &DataType::UInt32).is_err());
        assert_eq!(oids.len(), 3);
    }
}
