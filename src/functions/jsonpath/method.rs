//! Methods that read strings: `double()` and `datetime()`.

use super::item::Item;
use super::moment::Moment;
use super::run::{Done, Stop, problem};
use crate::base::{Error, SqlState};
use crate::types::Numeric;

/// `.double()`
pub(super) fn double(item: Item<'_>) -> Done<Item<'_>> {
    let out_of_range = |what: &str| {
        problem(
            SqlState::NON_NUMERIC_SQL_JSON_ITEM,
            format!(
                "{what} argument of jsonpath item method .double() is {}",
                match what {
                    "numeric" => "out of range for type double precision",
                    _ => "not a valid representation of a double precision number",
                }
            ),
        )
    };
    if let Some(number) = item.number() {
        return match number.to_f64().is_finite() {
            true => Ok(item),
            false => Err(out_of_range("numeric")),
        };
    }
    let Some(text) = item.string() else {
        return Err(problem(
            SqlState::NON_NUMERIC_SQL_JSON_ITEM,
            "jsonpath item method .double() can only be applied to a string or numeric value",
        ));
    };
    let value = text
        .trim()
        .parse::<f64>()
        .ok()
        .filter(|value| value.is_finite())
        .and_then(|value| Numeric::of_float(value, 15))
        .ok_or_else(|| out_of_range("string"))?;
    Ok(Item::of_number(&value))
}

/// `.datetime()`
pub(super) fn moment(item: &Item<'_>, template: Option<&str>) -> Done<Moment> {
    let wrong = |message: String| {
        problem(
            SqlState::INVALID_ARGUMENT_FOR_SQL_JSON_DATETIME_FUNCTION,
            message,
        )
    };
    let Some(text) = item.string() else {
        return Err(wrong(
            "jsonpath item method .datetime() can only be applied to a string".to_owned(),
        ));
    };
    if template.is_some() {
        return Err(Stop::Error(Error::unsupported(
            "a template of jsonpath's datetime()",
        )));
    }
    Moment::parse(text)
        .ok_or_else(|| wrong(format!("datetime format is not recognized: \"{text}\"")))
}
