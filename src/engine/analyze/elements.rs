//! An operator between a value and every element of an array: `ANY` and `ALL`.

use super::Analyst;
use super::coerce::{array_element, implicitly, vector_element};
use super::operator::not_an_array;
use super::operators::Make;
use super::typed::Typed;
use crate::base::{Error, Result};
use crate::engine::semantics::Quantified;
use crate::types::PgType;

impl Analyst<'_> {
    /// `left sign ANY (array)`, or `ALL`.
    pub(super) fn over_elements(
        &self,
        sign: &str,
        all: bool,
        left: Typed,
        array: Typed,
    ) -> Result<Typed> {
        let sign = if sign == "!=" { "<>" } else { sign };
        let (left, array) = (left.undomained(), array.undomained());
        let array = if array.is_unknown() {
            let element = match left.is_unknown() {
                true => PgType::TEXT,
                false => left.base(),
            };
            let ty = element.array().ok_or_else(not_an_array)?;
            self.coerced(array, ty)?
        } else if let Some(array_of) = vector_element(array.ty).and_then(PgType::array) {
            self.coerced(array, array_of)?
        } else {
            array
        };
        let Some(element) = array_element(array.ty) else {
            return Err(not_an_array());
        };
        let candidate = self.binary_candidate(sign, left.base(), element)?;
        let (Make::Compare(_) | Make::Like { .. } | Make::Match { .. }) = candidate.make else {
            return Err(Error::unsupported(format!("{sign} ANY or ALL")));
        };
        let mut ty = candidate.right;
        let mut left = self.coerced(left, candidate.left.unwrap_or(ty))?;
        if matches!(candidate.make, Make::Compare(_)) && left.ty.oid != ty.oid {
            ty = if implicitly(left.ty, ty) {
                ty
            } else {
                left.base()
            };
            left = self.coerced(left, ty)?;
        }
        let array = self.coerced(array, ty.array().ok_or_else(not_an_array)?)?;
        let Some(quantified) = Quantified::new(sign, all) else {
            return Err(Error::unsupported(format!("{sign} ANY or ALL")));
        };
        let quantified = quantified.over_rows(ty.is_composite());
        Ok(Typed::bool(quantified.call(left.expr, array.expr)))
    }
}
