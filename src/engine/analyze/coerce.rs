//! From one type to another: which casts PostgreSQL makes by itself, which it makes when asked, and
//! the one type that several expressions have in common.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::Cast;

use super::Analyst;
use super::composite::Readiness;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::engine::semantics::{converted, make, precise, read};
use crate::pg_catalog::{CastContext, cast_context};
use crate::types::PgType;
use crate::types::coded::bits;
use crate::types::text::field_texts;

/// Types PostgreSQL prefers among those of their category.
pub(super) fn is_preferred(ty: PgType) -> bool {
    [
        PgType::BOOL,
        PgType::TEXT,
        PgType::FLOAT8,
        PgType::OID,
        PgType::TIMESTAMPTZ,
        PgType::INTERVAL,
        PgType::INET,
        PgType::VARBIT,
    ]
    .iter()
    .any(|preferred| preferred.oid == ty.oid)
}

/// A type's category, as `pg_type.typcategory`; reg types are numbers there too.
pub(super) fn category(ty: PgType) -> char {
    if ty.oid == PgType::UNKNOWN.oid {
        'X'
    } else {
        ty.info().category
    }
}

/// Whether PostgreSQL converts `from` to `to` by itself anywhere in an expression.
pub(super) fn implicitly(from: PgType, to: PgType) -> bool {
    if from.oid == to.oid || from.oid == PgType::UNKNOWN.oid {
        return true;
    }
    if let (Some(a), Some(b)) = (array_element(from), array_element(to)) {
        return implicitly(a, b) && !(a.is(PgType::RECORD) ^ b.is(PgType::RECORD));
    }
    if from.is_composite() && to.is(PgType::RECORD) || from.is(PgType::RECORD) && to.is_composite()
    {
        return true;
    }
    cast_context(from.oid, to.oid) == Some(CastContext::Implicit)
}

/// An array type's element; `int2vector` and its kin are arrays in name only.
pub(super) fn array_element(ty: PgType) -> Option<PgType> {
    ty.info()
        .name
        .starts_with('_')
        .then(|| ty.element())
        .flatten()
}

/// Whether the elements of an array are texts of a declared length.
fn is_of_lengths(ty: PgType) -> bool {
    array_element(ty).is_some_and(|element| element.char_length().is_some())
}

/// The element of `int2vector` and `oidvector`.
pub(super) fn vector_element(ty: PgType) -> Option<PgType> {
    let vectors = [PgType::INT2VECTOR.oid, PgType::OIDVECTOR.oid];
    vectors.contains(&ty.oid).then(|| ty.element()).flatten()
}

/// Whether `x::to` exists for an `x` of type `from`.
fn explicitly(from: PgType, to: PgType) -> bool {
    if implicitly(from, to) || cast_context(from.oid, to.oid).is_some() {
        return true;
    }
    // What CREATE TYPE … AS RANGE makes beside the types.
    if from.is_made() && from.multirange().is_some_and(|own| own.oid == to.oid) {
        return true;
    }
    // Every type has a text.
    if category(from) == 'S' || category(to) == 'S' {
        return true;
    }
    // A vector's elements are cast as an array's are.
    let element = |ty| array_element(ty).or_else(|| vector_element(ty));
    match (element(from), array_element(to)) {
        (Some(from), Some(to)) => explicitly(from, to),
        _ => false,
    }
}

impl Analyst<'_> {
    /// The expression as a value of `to`; it is known that the cast exists.
    pub(super) fn coerced(&self, value: Typed, to: PgType) -> Result<Typed> {
        if to.domain.is_some() && value.ty.domain == to.domain {
            return Ok(value);
        }
        let beneath = to.undomained();
        let mut value = value.undomained();
        if to.domain.is_some() {
            value = self.in_length(value, beneath)?;
        }
        let plain = self.coerced_beneath(value, beneath)?;
        self.in_domain(plain, to)
    }

    /// A text, or texts in an array, no longer than a type says: only where a cast is written are
    /// they cut.
    pub(super) fn in_length(&self, value: Typed, ty: PgType) -> Result<Typed> {
        if ty.char_length().is_none() && !is_of_lengths(ty) {
            return Ok(value);
        }
        let fits = value.ty.oid == ty.oid && value.ty.typmod == ty.typmod;
        if fits
            || super::operator::is_null(&value.expr)
            || matches!(value.expr, Expr::Placeholder(_))
        {
            return Ok(value);
        }
        let plain = match is_of_lengths(ty) {
            true => PgType::TEXT.array().unwrap_or(PgType::TEXT),
            false => PgType::TEXT,
        };
        let text = self.coerced_beneath(value, plain)?;
        let oid = typed::int8(i64::from(ty.oid.0)).expr;
        let typmod = typed::int8(i64::from(ty.typmod)).expr;
        self.native("\0in length", vec![text.expr, oid, typmod])
    }

    /// As [`Self::coerced`], beneath all domains.
    fn coerced_beneath(&self, value: Typed, to: PgType) -> Result<Typed> {
        // Text is read first and then cut.
        if bits::length(to).is_some() && (value.is_unknown() || category(value.ty) == 'S') {
            let plain = self.coerced_beneath(value, to.with_typmod(-1))?;
            return self.coerced_beneath(plain, to);
        }
        if value.is_unknown() {
            // `x::unknown` says nothing: what holds it decides.
            if to.oid == PgType::UNKNOWN.oid {
                return Ok(value);
            }
            return match &value.expr {
                Expr::Literal(ScalarValue::Utf8(Some(text)), _) => self
                    .read(text, to)
                    .map_err(|error| self.at_literal(error, text)),
                Expr::Literal(ScalarValue::Null, _) => typed::null(to),
                Expr::Placeholder(placeholder) => {
                    let expr = self.learn(&placeholder.id, to);
                    let ty = match &expr {
                        Expr::Placeholder(known) => {
                            known.field.as_deref().map_or(to, PgType::of_field)
                        }
                        _ => to,
                    };
                    let known = Typed::new(expr, ty);
                    if ty.oid == to.oid {
                        Ok(known)
                    } else {
                        self.coerced(known, to)
                    }
                }
                // A column of literals: text that its input function reads.
                _ => {
                    let held = to.with_any_dimensions();
                    Ok(Typed::new(
                        typed::recast(value.expr, PgType::TEXT, held),
                        to,
                    ))
                }
            };
        }
        if let Some(row) = self.row_as(&value, to, Readiness::Implicit)? {
            return Ok(row);
        }
        if Self::is_row(&value) && to.is(PgType::RECORD) {
            return self.as_record(value, to);
        }
        // Only a modifier changes values within a type; text types are read alike.
        let same = value.ty.oid == to.oid && (to.typmod < 0 || to.typmod == value.ty.typmod);
        if same {
            super::composite::one_kind_of_rows(&[value.ty, to])?;
            return Ok(value);
        }
        let ty = if value.ty.oid == to.oid && to.typmod < 0 {
            value.ty
        } else {
            to
        };
        if let Some(recoded) = self.recoded(&value, to)? {
            return Ok(recoded);
        }
        // First as that type, then as exact as it is.
        if to.is_precise() {
            let plain = self.coerced_beneath(value, to.with_typmod(-1))?;
            let expr = precise(self.scope.context, plain.expr, to);
            return Ok(Typed::new(expr, to));
        }
        let zoned = match (value.ty.oid, to.oid) {
            (from, to) if to == PgType::TIMETZ.oid => {
                let from = [PgType::TIME.oid, PgType::TIMESTAMPTZ.oid].contains(&from);
                from.then_some("timetz")
            }
            (from, to) if from == PgType::TIMETZ.oid && to == PgType::TIME.oid => Some("\0time"),
            _ => None,
        };
        if let Some(function) = zoned {
            let value = self.said(value)?;
            return Ok(Typed::new(self.native(function, vec![value])?.expr, ty));
        }
        // A range is written as the multirange of it alone.
        if value.ty.multirange().is_some_and(|own| own.oid == to.oid) {
            return Ok(Typed::new(typed::cast(value.expr, to), ty));
        }
        if value.ty.is_encoded() && value.ty.oid != ty.oid {
            let expr = converted(self.scope.context, value.expr, value.ty, ty);
            return Ok(Typed::new(expr, ty));
        }
        // Not every expression says that its numbers are shown as names.
        let named = array_element(value.ty).unwrap_or(value.ty).is_reg();
        if named && category(to) == 'S' {
            let expr = converted(self.scope.context, value.expr, value.ty, ty);
            return Ok(Typed::new(expr, ty));
        }
        let value = match named {
            true => self.told_elements(value)?,
            false => value,
        };
        let times = (value.ty.oid, to.oid);
        let midnight = || typed::literal(ScalarValue::Time64Microsecond(Some(0)), PgType::TIME);
        let computed = match times {
            (a, b) if a == PgType::TIME.oid && b == PgType::INTERVAL.oid => {
                crate::engine::semantics::computed("time_mi_time")
                    .map(|function| function.call(vec![value.expr.clone(), midnight().expr]))
            }
            (a, b) if a == PgType::INTERVAL.oid && b == PgType::TIME.oid => {
                crate::engine::semantics::computed("time_pl_interval")
                    .map(|function| function.call(vec![midnight().expr, value.expr.clone()]))
            }
            _ => None,
        };
        if let Some(expr) = computed {
            return Ok(Typed::new(expr, ty));
        }
        // bpchar loses its padding on the way to other text.
        if value.is(PgType::BPCHAR) && category(to) == 'S' && !is_bpchar(to) {
            let trimmed = self.native("rtrim", vec![value.expr])?;
            return Ok(Typed::new(typed::cast(trimmed.expr, ty), ty));
        }
        // An integer as a numeric has no more digits than it needs: products would run out of them.
        if to.oid == PgType::NUMERIC.oid && to.typmod < 0 {
            let digits = match value.ty {
                ty if ty.oid == PgType::INT2.oid => Some(5),
                ty if ty.oid == PgType::INT4.oid => Some(10),
                ty if ty.oid == PgType::INT8.oid => Some(19),
                _ => None,
            };
            if let Some(digits) = digits {
                let field = ty
                    .field("", true)
                    .with_data_type(DataType::Decimal128(digits, 0));
                let cast = Cast::new_from_field(Box::new(value.expr), Arc::new(field));
                return Ok(Typed::new(Expr::Cast(cast), ty));
            }
        }
        // A sum of two numerics may have a digit more than its Arrow type says, and a cast to the
        // type it has already would not look.
        if to.oid == PgType::NUMERIC.oid
            && to.precision_scale().is_some_and(|(digits, _)| digits == 38)
            && value.ty.oid == PgType::NUMERIC.oid
        {
            let open = typed::recast(value.expr, value.ty, PgType::NUMERIC);
            return Ok(Typed::new(typed::cast(open, to), to));
        }
        // Elements are converted in arrays of whatever dimensions; those of a vector count from 0,
        // and what a text says is not known.
        let held = match value.ty.element() {
            _ if vector_element(value.ty).is_some() => ty.with_any_dimensions(),
            None => ty.with_any_dimensions(),
            Some(_) if ty.element().is_some() => ty.with_dimensions(self.dimensions(&value)?),
            _ => ty,
        };
        Ok(Typed::new(typed::recast(value.expr, value.ty, held), ty))
    }

    /// A literal of a type from its text; the modifier cuts and pads as a cast does.
    pub(super) fn read(&self, text: &str, to: PgType) -> Result<Typed> {
        use super::Converted;
        if category(to) == 'S' && to.typmod >= 0 {
            let plain = typed::text(text);
            return Ok(Typed::new(typed::cast(plain.expr, to), to));
        }
        let measured = |ty: PgType| bits::length(ty).is_some() || ty.char_length().is_some();
        if measured(to) || array_element(to).is_some_and(measured) {
            let plain = self.read(text, to.with_typmod(-1))?;
            return self.coerced(plain, to);
        }
        if to.oid == PgType::TEXT.oid {
            return Ok(typed::text(text));
        }
        if to.oid == PgType::UNKNOWN.oid {
            return Ok(typed::unknown(Some(text)));
        }
        if to.oid == PgType::RECORD.oid {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "input of anonymous composite types is not implemented",
            ));
        }
        if to.has_domains() {
            return self.read_row(text, to);
        }
        let expr = read(self.scope, text, to).converted()?;
        Ok(Typed::new(expr, to))
    }

    /// A literal as a row some of whose fields are of domains: what those ask is computed.
    fn read_row(&self, text: &str, to: PgType) -> Result<Typed> {
        let types = to.shape().map(|shape| shape.types()).unwrap_or_default();
        let fields = field_texts(text, types.len())?;
        let fields = fields.iter().zip(types.iter()).map(|(text, ty)| {
            let field = typed::unknown(text.as_deref());
            Ok(self.coerced(field, *ty)?.expr)
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        Ok(Typed::new(make(to.undomained(), fields), to))
    }

    /// `CAST (value AS to)`
    pub(super) fn cast(&self, value: Typed, to: PgType) -> Result<Typed> {
        if to.domain.is_some() && value.ty.domain == to.domain {
            return Ok(value);
        }
        if let Some(cast) = self.users_cast(&value, to.undomained())? {
            return self.in_domain(cast, to);
        }
        let from = value.base();
        let beneath = to.undomained();
        // The elements of an array that is written are read as ones of their domain.
        let of_domain = to.domain.is_some_and(|domain| domain.array.is_some());
        let value = match value.is_unknown() && of_domain {
            true => self.in_length(value, beneath)?,
            false => value,
        };
        match self.cast_beneath(value.undomained(), beneath)? {
            Some(plain) => self.in_domain(plain, to),
            None => Err(Error::new(
                SqlState::CANNOT_COERCE,
                format!("cannot cast type {from} to {}", PgType { typmod: -1, ..to }),
            )),
        }
    }

    /// As [`Self::cast`], beneath all domains; `None` if there is no such cast.
    fn cast_beneath(&self, value: Typed, to: PgType) -> Result<Option<Typed>> {
        // A parameter is of the type, and what it is given is then cut and rounded.
        if value.is_unknown() && to.typmod >= 0 && matches!(value.expr, Expr::Placeholder(_)) {
            let plain = self.coerced(value, to.with_typmod(-1))?;
            return self.cast_beneath(plain, to);
        }
        // Whatever is written as text is cut as that is.
        if to.char_length().is_some() && !value.is_unknown() && category(value.ty) != 'S' {
            return match self.cast_beneath(value, PgType::TEXT)? {
                Some(text) => self.cast_beneath(text, to),
                None => Ok(None),
            };
        }
        // Where the length of a char(n) is forgotten, its blanks are not.
        let forgotten = is_bpchar(to) && to.char_length().is_none();
        if value.is(PgType::BPCHAR)
            && value.ty.char_length().is_some()
            && (forgotten || to.oid == PgType::BYTEA.oid)
        {
            let padded = self.padded(value)?;
            return match forgotten {
                true => Ok(Some(Typed::new(typed::cast(padded.expr, to), to))),
                false => self.cast_beneath(padded, to),
            };
        }
        // A "char" is a byte, and its number the byte's.
        if value.is(PgType::INT4) && to.oid == PgType::CHAR.oid {
            let byte = self.native("\"char\" of int4", vec![value.expr])?;
            return Ok(Some(Typed::new(byte.expr, to)));
        }
        // Into a name goes what is sent to clients, not the word.
        if value.is(PgType::BOOL) && to.oid == PgType::NAME.oid {
            let expr = converted(self.scope.context, value.expr, value.ty, to);
            return Ok(Some(Typed::new(expr, to)));
        }
        if value.is(PgType::BOOL) && is_bpchar(to) {
            let text = typed::cast(value.expr, PgType::TEXT);
            return Ok(Some(Typed::new(typed::cast(text, to), to)));
        }
        if value.is(PgType::CHAR) && to.oid == PgType::INT4.oid {
            let text = typed::cast(value.expr, PgType::TEXT);
            let number = self.native("int4 of \"char\"", vec![text])?;
            return Ok(Some(Typed::new(number.expr, to)));
        }
        if let Some(row) = self.row_as(&value, to, Readiness::Explicit)? {
            return Ok(Some(row));
        }
        if value.is(PgType::RECORD) && to.is_composite() && !to.is(PgType::RECORD) {
            return Ok(None);
        }
        if value.is_unknown() || explicitly(value.ty, to) {
            let typmod = to.typmod;
            let cast = self.coerced(value, to)?;
            let ty = PgType { typmod, ..cast.ty };
            return Ok(Some(Typed::new(cast.expr, ty)));
        }
        Ok(None)
    }

    /// The expression as text if it has no type yet: what ends in a select list.
    pub(super) fn settled(&self, value: Typed) -> Result<Typed> {
        if value.is_unknown() {
            self.coerced(value, PgType::TEXT)
        } else {
            Ok(value)
        }
    }

    /// A condition.
    pub(super) fn condition(&self, value: Typed, of: &str) -> Result<Expr> {
        if value.is_unknown() || value.is(PgType::BOOL) {
            return Ok(self.coerced(value, PgType::BOOL)?.expr);
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "argument of {of} must be type boolean, not type {}",
                value.base()
            ),
        )
        .or_at(value.place))
    }

    /// The type several expressions have in common, as UNION, CASE, VALUES and their kin find it.
    /// It has a modifier if all of them have that one: a literal has none.
    pub(super) fn common_type(&self, values: &[&Typed], context: &str) -> Result<PgType> {
        let mut found: Option<PgType> = None;
        for value in values.iter().filter(|value| !value.is_unknown()) {
            let Some(so_far) = found else {
                found = Some(value.ty);
                continue;
            };
            if so_far.oid == value.ty.oid {
                if so_far.is(PgType::RECORD) && !so_far.is_composite() {
                    found = Some(value.ty);
                }
                if so_far.typmod != value.ty.typmod {
                    found = Some(PgType {
                        typmod: -1,
                        ..so_far
                    });
                }
                continue;
            }
            let plain = PgType {
                typmod: -1,
                ..so_far
            };
            found = Some(plain);
            if category(so_far) != category(value.ty) {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "{context} types {plain} and {} cannot be matched",
                        value.base()
                    ),
                )
                .or_at(value.place.clone()));
            }
            if !is_preferred(so_far)
                && implicitly(so_far, value.ty)
                && !implicitly(value.ty, so_far)
            {
                found = Some(value.base());
            }
        }
        // A domain is what all of them are of, or none is.
        let domain = found.and_then(|ty| ty.domain);
        let uniform = values
            .iter()
            .all(|value| !value.is_unknown() && value.ty.domain == domain);
        let found = found.map(|ty| if uniform { ty } else { ty.undomained() });
        let found = found.unwrap_or(PgType::TEXT);
        // What has no modifier is not cut.
        Ok(match values.iter().any(|value| value.is_unknown()) {
            true => found.unmodified(),
            false => found,
        })
    }

    /// Every expression as the type they have in common.
    pub(super) fn in_common(
        &self,
        values: Vec<Typed>,
        context: &str,
    ) -> Result<(Vec<Typed>, PgType)> {
        let ty = self.common_type(&values.iter().collect::<Vec<_>>(), context)?;
        let values = values
            .into_iter()
            .map(|value| self.to_common(value, ty, context))
            .collect::<Result<Vec<_>>>()?;
        Ok((values, ty))
    }

    /// One of several expressions as their common type.
    pub(super) fn to_common(&self, value: Typed, ty: PgType, context: &str) -> Result<Typed> {
        if value.is_unknown() || implicitly(value.ty, ty) {
            return self.coerced(self.measured(value, ty)?, ty);
        }
        Err(Error::new(
            SqlState::CANNOT_COERCE,
            format!(
                "{context} could not convert type {} to {}",
                value.base(),
                PgType { typmod: -1, ..ty }
            ),
        )
        .or_at(value.place))
    }

    /// A `char(n)` that becomes one of no length, `to`, with its blanks; everything else as it is.
    pub(super) fn measured(&self, value: Typed, to: PgType) -> Result<Typed> {
        let sized = |ty: PgType| ty.char_length().is_some();
        match is_bpchar(value.ty) && sized(value.ty) && is_bpchar(to) && !sized(to) {
            true => self.cast(value, PgType::BPCHAR),
            false => Ok(value),
        }
    }

    /// An expression in the place of an integer: LIMIT, a subscript.
    pub(super) fn as_integer(&self, value: Typed, to: PgType, of: &str) -> Result<Typed> {
        let fits = value.is_unknown()
            || implicitly(value.ty, to)
            || matches!(category(value.ty), 'N') && !value.ty.is_reg();
        if fits {
            return self.coerced(value, to);
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "argument of {of} must be type {to}, not type {}",
                value.base()
            ),
        )
        .or_at(value.place))
    }
}

pub(super) fn is_bpchar(ty: PgType) -> bool {
    ty.oid == PgType::BPCHAR.oid
}

pub(super) fn is_float(ty: PgType) -> bool {
    ty.oid == PgType::FLOAT4.oid || ty.oid == PgType::FLOAT8.oid
}

/// `42804`: what a polymorphic type is nobody says.
pub(super) fn undetermined() -> Error {
    Error::new(
        SqlState::DATATYPE_MISMATCH,
        "could not determine polymorphic type because input has type unknown",
    )
}

/// `42725`: a call that several functions fit equally well, as it is shown.
pub(super) fn not_unique(call: &str) -> Error {
    Error::new(
        SqlState::AMBIGUOUS_FUNCTION,
        format!("function {call} is not unique"),
    )
    .hint("Could not choose a best candidate function. You might need to add explicit type casts.")
}
