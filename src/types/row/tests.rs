//! Rows there and back, and the order of their keys.

use std::sync::Arc;

use arrow::array::{ArrayRef, Float64Array, Int32Array, LargeStringArray, StringViewArray};

use super::*;
use crate::base::Oid;
use crate::types::pgtype::Shape;

fn rows(columns: Vec<ArrayRef>, types: &[PgType]) -> ArrayRef {
    let count = columns[0].len();
    build(&columns, types, count, None).unwrap()
}

#[test]
fn fields_come_back() {
    let types = [PgType::INT4, PgType::TEXT, PgType::NUMERIC];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int32Array::from(vec![Some(1), None, Some(-3)])),
        Arc::new(StringViewArray::from(vec![Some("a\u{e9}"), Some(""), None])),
        Arc::new(LargeStringArray::from(vec![
            Some("1.50"),
            Some("NaN"),
            Some("-7"),
        ])),
    ];
    let array = rows(columns.clone(), &types);
    let values = values(array.as_ref()).unwrap();
    let back = fields(&values, &types).unwrap();
    assert_eq!(back, columns);
    assert_eq!(&field(&values, &types, 1).unwrap(), &columns[1]);
    assert_eq!(nulls(values[1].unwrap(), 3).unwrap(), 1);
    let nested = PgType::composite(Oid(9), Oid(8), Shape::of(&types));
    let outer = rows(vec![array.clone()], &[nested]);
    let inner = fields(&super::values(outer.as_ref()).unwrap(), &[nested]).unwrap();
    assert_eq!(&inner[0], &array);
}

#[test]
fn keys_are_in_the_order_of_rows() {
    let types = [PgType::FLOAT8, PgType::TEXT];
    let floats = vec![
        Some(f64::NEG_INFINITY),
        Some(-1.5),
        Some(-0.0),
        Some(0.0),
        Some(0.0),
        Some(2.0),
        Some(f64::NAN),
        None,
    ];
    let texts = vec![
        Some("z"),
        Some("y"),
        Some("a"),
        Some("a"),
        Some("ab"),
        None,
        Some("a"),
        Some("a"),
    ];
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Float64Array::from(floats)),
        Arc::new(StringViewArray::from(texts)),
    ];
    let array = rows(columns, &types);
    let keys = keys(array.as_ref()).unwrap();
    let keys: Vec<_> = keys.iter().flatten().collect();
    assert_eq!(keys[2], keys[3]);
    assert!(keys.windows(2).all(|two| two[0] <= two[1]));
    assert!(keys[3] < keys[4] && keys[4] < keys[5]);
}
