//! Comparing values the way PostgreSQL does, where Arrow's order of what they travel as is another.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::{Expr, Operator};

use super::Analyst;
use super::coerce::{array_element, implicitly, is_bpchar, is_float};
use super::operators::{COMPARISONS, Make};
use super::typed::{self, Typed, binary};
use crate::base::{Error, Result};
use crate::engine::{numeric, semantics};
use crate::types::PgType;

impl Analyst<'_> {
    /// A comparison of operands some comparison operator takes.
    pub(super) fn compare(&self, op: Operator, left: Typed, right: Typed) -> Result<Expr> {
        if left.is(PgType::JSONB)
            && let Some((sign, _)) = COMPARISONS.iter().find(|(_, known)| *known == op)
        {
            return Ok(self.native(sign, vec![left.expr, right.expr])?.expr);
        }
        let (left, right) = self.comparable(left, right)?;
        // DataFusion may guess that such a condition leaves more rows than there are, and fail.
        let columns = left.column_refs();
        let itself = right
            .column_refs()
            .iter()
            .any(|column| columns.contains(column));
        let bare = matches!((&left, &right), (Expr::Column(_), Expr::Column(_)));
        match semantics::computed("same") {
            Some(same) if itself && !bare => Ok(binary(same.call(vec![left.clone()]), op, right)),
            _ => Ok(binary(left, op, right)),
        }
    }

    /// Two operands of one comparison as values Arrow compares as PostgreSQL does.
    fn comparable(&self, left: Typed, right: Typed) -> Result<(Expr, Expr)> {
        if let Some(bare) = bare_texts(&left, &right) {
            return Ok(bare);
        }
        let larger = if implicitly(left.ty, right.ty) {
            right.base()
        } else {
            left.base()
        };
        let left = self.coerced(left, larger)?;
        let right = self.coerced(right, larger)?;
        if left.is(PgType::NUMERIC) {
            return self.numeric_keys(left, right);
        }
        Ok((self.key(left)?, self.key(right)?))
    }

    /// A value as one Arrow sorts, groups and compares as PostgreSQL does.
    pub(super) fn key(&self, value: Typed) -> Result<Expr> {
        if value.is(PgType::INTERVAL) {
            return Ok(semantics::interval_key(value.expr));
        }
        if value.is(PgType::JSONB) {
            return Ok(semantics::jsonb_key(value.expr));
        }
        if value.ty.is_composite() {
            self.row_order(value.ty)?;
            return Ok(semantics::row_key(value.expr));
        }
        if value.ty.has_keyed_bounds() {
            return Ok(semantics::range_key(value.expr));
        }
        if value.is(PgType::TSQUERY) {
            return Ok(semantics::query_key(value.expr));
        }
        if self.is_open(&value)? {
            return Ok(numeric::key(value.expr));
        }
        if self.has_array_key(&value)? {
            return Ok(semantics::array_key(value.expr, value.ty));
        }
        if is_bpchar(value.ty) {
            return Ok(self.native("rtrim", vec![value.expr])?.expr);
        }
        Ok(value.expr)
    }

    /// `IS [NOT] DISTINCT FROM`
    pub(super) fn distinct(&self, left: Typed, right: Typed, negated: bool) -> Result<Typed> {
        if Self::is_written(&left) && Self::is_written(&right) {
            return self.distinct_rows(left, right, negated);
        }
        let op = if negated {
            Operator::IsNotDistinctFrom
        } else {
            Operator::IsDistinctFrom
        };
        if let Some(compared) = self.compare_composites(op, &left, &right)? {
            return Ok(compared);
        }
        if array_element(left.ty).is_some() || array_element(right.ty).is_some() {
            let ty = if array_element(left.ty).is_some() {
                left.base()
            } else {
                right.base()
            };
            let (left, right) = (self.coerced(left, ty)?, self.coerced(right, ty)?);
            if self.has_array_key(&left)? || self.has_array_key(&right)? {
                let [left, right] = [left, right].map(|side| semantics::array_key(side.expr, ty));
                return Ok(Typed::bool(binary(left, op, right)));
            }
            return Ok(Typed::bool(binary(left.expr, op, right.expr)));
        }
        let candidate = self.binary_candidate("=", left.base(), right.base())?;
        if let Make::Call(_) = candidate.make {
            return self.distinct_by_call(left, right, negated);
        }
        let left = self.coerced(left, candidate.left.unwrap_or(candidate.right))?;
        let right = self.coerced(right, candidate.right)?;
        let (left, right) = self.comparable(left, right)?;
        Ok(Typed::bool(binary(left, op, right)))
    }

    /// As [`Self::distinct`], where `=` is a function that does not see NULL.
    fn distinct_by_call(&self, left: Typed, right: Typed, negated: bool) -> Result<Typed> {
        for side in [&left, &right] {
            self.scope.watch.repeat(&side.expr)?;
            typed::once(side, "IS DISTINCT FROM between such types")?;
        }
        let (no_left, no_right) = (left.expr.clone().is_null(), right.expr.clone().is_null());
        let equal = self.operate("=", left, right)?.expr;
        let same = typed::case(
            vec![(
                typed::or(no_left.clone(), no_right.clone()),
                typed::and(no_left, no_right),
            )],
            Some(equal),
        );
        Ok(Typed::bool(match negated {
            true => same,
            false => typed::not(same),
        }))
    }

    /// A float whose zeros of either sign are one.
    pub(super) fn one_zero(&self, float: Expr, ty: PgType) -> Result<Expr> {
        let zero = typed::literal(0.0_f64.into(), PgType::FLOAT8);
        let zero = self.coerced(zero, ty)?;
        Ok(binary(float, Operator::Plus, zero.expr))
    }

    /// A float and those of a list it is looked up in by its bits, in which zeros differ by their
    /// sign. A list of constants without zero stays as it is, so that files are left out by it.
    pub(super) fn with_one_zero(
        &self,
        value: Expr,
        items: Vec<Expr>,
        ty: PgType,
    ) -> Result<(Expr, Vec<Expr>)> {
        let nonzero = |item: &Expr| match item {
            Expr::Literal(ScalarValue::Float64(Some(item)), _) => *item != 0.0,
            Expr::Literal(ScalarValue::Float32(Some(item)), _) => *item != 0.0,
            Expr::Literal(item, _) => item.is_null(),
            _ => false,
        };
        if items.iter().all(nonzero) {
            return Ok((value, items));
        }
        let items = items.into_iter().map(|item| self.one_zero(item, ty));
        Ok((self.one_zero(value, ty)?, items.collect::<Result<_>>()?))
    }

    /// An argument of an aggregate called with DISTINCT: what is equal is looked at once, whatever
    /// zeros it shows.
    pub(super) fn counted_once(&self, name: &str, arg: &mut Typed) -> Result<()> {
        if super::coded::is_figure(arg.ty) {
            return Err(super::operator::no_equality(arg.base()));
        }
        // These look at the values as they are.
        let shown = matches!(name, "sum" | "avg" | "min" | "max");
        if name == "sum" && self.is_long(arg)? {
            // It may come to more than 128 bits hold. All of them show as many digits.
            arg.expr = typed::recast(arg.expr.clone(), arg.ty, PgType::NUMERIC);
        } else if !shown && self.is_open(arg)? {
            arg.expr = numeric::trimmed(arg.expr.clone());
        }
        if arg.ty.is_composite() {
            self.row_equality(arg.ty)
                .map_err(|_| super::operator::no_equality(arg.base()))?;
        }
        if arg.ty.has_keyed_bounds() && name != "count" {
            let arg = arg.base();
            return Err(Error::unsupported(format!("{name}(DISTINCT {arg})")));
        }
        if !shown && is_float(arg.base()) {
            arg.expr = self.one_zero(arg.expr.clone(), arg.base())?;
        }
        if name != "count" {
            return Ok(());
        }
        if [PgType::JSONB, PgType::INTERVAL, PgType::BPCHAR]
            .iter()
            .any(|ty| arg.is(*ty))
        {
            *arg = Typed::new(self.key(arg.clone())?, PgType::TEXT);
        }
        let keyed = arg.ty.has_keyed_bounds() || arg.ty.is_composite() || arg.is(PgType::TSQUERY);
        if keyed || self.has_array_key(arg)? {
            *arg = Typed::new(self.key(arg.clone())?, PgType::BYTEA);
        }
        Ok(())
    }
}

/// Two `char(n)` as they are held, without what they are padded with: a column's values are, and a
/// literal can be. Nothing need be taken off then, and what is known of the column's values still
/// helps.
fn bare_texts(left: &Typed, right: &Typed) -> Option<(Expr, Expr)> {
    let bare = |value: &Typed| match &value.expr {
        Expr::Literal(ScalarValue::Utf8View(Some(text)), _) => {
            let text = text.trim_end_matches(' ').to_owned();
            Some(Expr::Literal(ScalarValue::Utf8View(Some(text)), None))
        }
        Expr::Column(_) if value.ty.char_length().is_some() => Some(value.expr.clone()),
        _ => None,
    };
    match is_bpchar(left.ty) && is_bpchar(right.ty) {
        true => Some((bare(left)?, bare(right)?)),
        false => None,
    }
}
