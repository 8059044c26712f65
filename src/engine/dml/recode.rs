//! Assignments between types whose values travel as codes, and to and from others.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BinaryArray, Decimal128Array, Int64Array};
use arrow::datatypes::{
    DataType, Int64Type, IntervalMonthDayNano, IntervalMonthDayNanoType, Time64MicrosecondType,
};

use crate::base::Result;
use crate::types::calendar::DAY;
use crate::types::coded::{Address, mac};
use crate::types::geometry::{Figure, Path, Point, Polygon, Rectangle};
use crate::types::{PgType, numerics};

/// The values where their text would not be read as they are meant; `None` where it is.
pub(super) fn recoded(array: &ArrayRef, from: PgType, to: PgType) -> Result<Option<ArrayRef>> {
    let numbers = || array.as_primitive_opt::<Int64Type>();
    Ok(match (from.plain(), to.plain()) {
        (PgType::CIDR, PgType::INET) => Some(array.clone()),
        (PgType::INET, PgType::CIDR) => array.as_binary_opt::<i32>().map(|codes| {
            let networks: BinaryArray = codes
                .iter()
                .map(|code| code.map(|code| Address::unpack(code).network().pack()))
                .collect();
            Arc::new(networks) as ArrayRef
        }),
        (PgType::MACADDR, PgType::MACADDR8) => numbers().map(|codes| {
            let longer: Int64Array = codes.unary(mac::lengthened);
            Arc::new(longer) as ArrayRef
        }),
        (PgType::MACADDR8, PgType::MACADDR) => match numbers() {
            Some(codes) => {
                let shorter: Int64Array = codes.try_unary(mac::shortened)?;
                Some(Arc::new(shorter))
            }
            None => None,
        },
        // What is left of whole days, whatever months and days it has beside.
        (PgType::INTERVAL, PgType::TIME) => {
            let spans = array.as_primitive_opt::<IntervalMonthDayNanoType>();
            spans.map(|spans| {
                let left = |span: IntervalMonthDayNano| (span.nanoseconds / 1000).rem_euclid(DAY);
                Arc::new(spans.unary::<_, Time64MicrosecondType>(left)) as ArrayRef
            })
        }
        (PgType::MONEY, PgType::NUMERIC) => match numbers() {
            Some(amounts) => {
                let cents: Decimal128Array = amounts
                    .iter()
                    .map(|amount| amount.map(i128::from))
                    .collect();
                let cents = cents.with_data_type(DataType::Decimal128(20, 2));
                Some(numerics::to_numeric(&(Arc::new(cents) as ArrayRef), to)?)
            }
            None => None,
        },
        (PgType::POINT, PgType::BOX) => refigured(array, |point: Point| {
            Ok(Rectangle {
                high: point,
                low: point,
            })
        })?,
        (PgType::BOX, PgType::POLYGON) => refigured(array, |a: Rectangle| Ok(a.polygon()))?,
        (PgType::PATH, PgType::POLYGON) => refigured(array, Path::polygon)?,
        (PgType::POLYGON, PgType::PATH) => refigured(array, |a: Polygon| Ok(a.path()))?,
        _ => None,
    })
}

/// Geometric values made of others.
fn refigured<A: Figure, B: Figure>(
    array: &ArrayRef,
    make: impl Fn(A) -> Result<B>,
) -> Result<Option<ArrayRef>> {
    let Some(codes) = array.as_binary_opt::<i32>() else {
        return Ok(None);
    };
    let made = codes.iter().map(|code| {
        let figure = code.and_then(A::unpack);
        figure.map(|figure| Ok(make(figure)?.pack())).transpose()
    });
    let made: BinaryArray = made.collect::<Result<Vec<_>>>()?.into_iter().collect();
    Ok(Some(Arc::new(made)))
}

/// The texts of values that are assigned to text, where that is not what output says: of addresses,
/// which say the mask always, and of truth; `None` of others.
pub(super) fn told(array: &dyn Array, from: PgType) -> Option<ArrayRef> {
    if from.plain() == PgType::BOOL {
        let word = |truth: bool| if truth { "true" } else { "false" };
        let verdicts = array.as_boolean_opt()?.iter();
        let texts: arrow::array::StringViewArray =
            verdicts.map(|verdict| verdict.map(word)).collect();
        return Some(Arc::new(texts));
    }
    let codes = match from.plain() {
        PgType::INET | PgType::CIDR => array.as_binary_opt::<i32>()?,
        _ => return None,
    };
    let texts: arrow::array::StringViewArray = codes
        .iter()
        .map(|code| code.map(|code| Address::unpack(code).full()))
        .collect();
    Some(Arc::new(texts))
}
