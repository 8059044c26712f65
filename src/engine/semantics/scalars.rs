//! Casts of scalars out of jsonb.

use arrow::array::{ArrayRef, AsArray};
use arrow::datatypes::DataType;

use super::Result;
use crate::base::{Error, SqlState};
use crate::engine::scope::external;
use crate::types::text::parse_column;
use crate::types::{Numeric, PgType};

/// Numbers and booleans out of jsonb.
pub(super) fn convert(array: &ArrayRef, ty: PgType, to: &DataType) -> Result<ArrayRef> {
    let text = arrow::compute::cast(array, &DataType::Utf8View)?;
    let plain = text
        .as_string_view()
        .iter()
        .map(|text| {
            let Some(text) = text else { return Ok(None) };
            let kind = match text.as_bytes().first() {
                Some(b'"') => "string",
                Some(b'[') => "array",
                Some(b'{') => "object",
                Some(b't' | b'f') => "boolean",
                Some(b'n') => "null",
                _ => "numeric",
            };
            let fits = match kind {
                "boolean" => ty.oid == PgType::BOOL.oid,
                "numeric" => ty.info().category == 'N',
                _ => false,
            };
            if !fits {
                return Err(external(Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("cannot cast jsonb {kind} to type {}", ty.plain()),
                )));
            }
            let whole = to.is_integer().then(|| Numeric::parse(text)).flatten();
            Ok(Some(match whole {
                Some(number) => number.rounded(0).to_string(),
                None => text.to_owned(),
            }))
        })
        .collect::<Result<Vec<Option<String>>>>()?;
    let plain: Vec<Option<&str>> = plain.iter().map(Option::as_deref).collect();
    let read = parse_column(&plain, ty, &crate::types::Style::default(), 0)
        .map_err(|failed| external(failed.error))?;
    Ok(arrow::compute::cast(&read, to)?)
}
