//! Calls of functions that PostgreSQL has for its own use: those behind casts, operators and types.

use datafusion::logical_expr::Operator;

use super::Analyst;
use super::coerce::array_element;
use super::typed::Typed;
use crate::base::{Oid, Result, SqlState};
use crate::pg_catalog::relations::functions::by_name;
use crate::types::PgType;

/// Functions under another name, over the same values.
const SAME: &[(&str, &str)] = &[
    ("dexp", "exp"),
    ("dlog1", "ln"),
    ("dlog10", "log"),
    ("dround", "round"),
    ("dtrunc", "trunc"),
    ("getpgusername", "current_user"),
    ("numeric_exp", "exp"),
    ("numeric_ln", "ln"),
    ("numeric_log", "log"),
    ("numeric_sqrt", "sqrt"),
    ("pg_wal_lsn_diff", "- pg_lsn"),
    ("textlen", "char_length"),
];

impl Analyst<'_> {
    /// Calls that are something else in another spelling: a cast by its type's name, an operator by
    /// that of its function.
    pub(super) fn otherwise_called(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        if let [value] = args
            && let Some(to) = PgType::by_name(name)
            && value.row.is_none()
            && array_element(to).is_none()
        {
            let value = value.clone();
            return match self.cast(value, to) {
                Ok(cast) => Ok(Some(cast)),
                Err(error) if error.state() == SqlState::CANNOT_COERCE => Ok(None),
                Err(error) => Err(error),
            };
        }
        if let [value] = args
            && let Some(ty) = crate::pg_catalog::sent_by(name, value.ty)
        {
            return self.sent(name, value, ty).map(Some);
        }
        if let Some(value) = self.expressed(name, args)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.extreme(name, args)? {
            return Ok(Some(value));
        }
        if let Some(value) = self.compared(name, args)? {
            return Ok(Some(value));
        }
        if let Some((_, known)) = SAME.iter().find(|(other, _)| *other == name) {
            let own = by_name(name).into_iter().next();
            let takes = own.map_or(&[][..], |(_, own)| &own.arguments);
            let args = args.iter().zip(takes).map(|(arg, ty)| {
                let ty = PgType::of(ty.0);
                match arg.is_unknown() || super::coerce::implicitly(arg.ty, ty) {
                    true => self.said(self.coerced(arg.clone(), ty)?),
                    false => Err(self.no_function(name, args)),
                }
            });
            let args = args.collect::<Result<Vec<_>>>()?;
            return self.native(known, args).map(Some);
        }
        if let Some(value) = self.record_operator(name, args)? {
            return Ok(Some(value));
        }
        let Some(operator) = crate::pg_catalog::behind(name) else {
            return Ok(None);
        };
        let takes = |value: &Typed, ty: PgType| {
            if ty.oid == PgType::ANYARRAY.oid {
                return Ok(value.clone());
            }
            let fits = value.is_unknown() || super::coerce::implicitly(value.ty, ty);
            match fits || value.ty.oid == ty.oid {
                true => self.coerced(value.clone(), ty),
                false => Err(self.no_function(name, args)),
            }
        };
        Ok(match (operator.left, args) {
            (Some(left), [a, b]) => {
                let (a, b) = (takes(a, left)?, takes(b, operator.right)?);
                Some(self.operate(operator.sign, a, b)?)
            }
            (None, [a]) => Some(self.prefix(operator.sign, takes(a, operator.right)?)?),
            _ => None,
        })
    }

    /// A value as it goes over the wire in binary.
    fn sent(&self, name: &str, value: &Typed, ty: PgType) -> Result<Typed> {
        let value = if value.is_unknown() || super::coerce::implicitly(value.ty, ty) {
            self.coerced(value.clone(), ty)?
        } else {
            return Err(self.no_function(name, std::slice::from_ref(value)));
        };
        let value = self.said(value)?;
        self.native("binary send", vec![value])
    }

    /// The functions behind `min` and `max`: of two values the smaller or larger.
    fn extreme(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let which = match name {
            _ if name.ends_with("smaller") => "least",
            _ if name.ends_with("larger") => "greatest",
            _ => return Ok(None),
        };
        let Some((_, own)) = by_name(name).into_iter().next() else {
            return Ok(None);
        };
        if args.len() != own.arguments.len() {
            return Err(self.no_function(name, args));
        }
        let args = args.iter().zip(&own.arguments).map(|(arg, ty)| {
            let ty = PgType::of(ty.0);
            let array = ty.oid == PgType::ANYARRAY.oid;
            if array && array_element(arg.ty).is_some() {
                return Ok(arg.clone());
            }
            let fits = arg.is_unknown() || super::coerce::implicitly(arg.ty, ty);
            match fits && !array {
                true => self.coerced(arg.clone(), ty),
                false => Err(self.no_function(name, args)),
            }
        });
        let args = args.collect::<Result<Vec<_>>>()?;
        // Of equal values these give the second, GREATEST and LEAST the first.
        let reversed = args.iter().rev().cloned().collect();
        let value = self.one_of(which, reversed)?;
        super::routine::unless_null(&args, value).map(Some)
    }

    /// The functions by which indexes are sorted: of two values less, equal or greater as -1, 0, 1.
    fn compared(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        // What these give says more than that: how far the first bytes that differ are apart.
        const DISTANCES: &[&str] = &["bitcmp", "byteacmp", "bttext_pattern_cmp", "varbitcmp"];
        let compares = name.ends_with("cmp") || name.contains("_cmp_");
        let [left, right] = args else { return Ok(None) };
        if !compares || DISTANCES.contains(&name) || name.contains("name") {
            return Ok(None);
        }
        let Some((_, own)) = by_name(name).into_iter().next() else {
            return Ok(None);
        };
        let [takes_left, takes_right] = own.arguments.as_slice() else {
            return Ok(None);
        };
        let taken = |value: &Typed, ty: &Oid| {
            let ty = PgType::of(ty.0);
            match value.is_unknown() || super::coerce::implicitly(value.ty, ty) {
                true => self.coerced(value.clone(), ty),
                false => Err(self.no_function(name, args)),
            }
        };
        let (left, right) = (taken(left, takes_left)?, taken(right, takes_right)?);
        self.sign_of(&left, &right).map(Some)
    }

    /// Of the functions behind comparisons of rows, those that say whether two are alike: unlike
    /// `ROW(…) = ROW(…)`, for them NULL is a value.
    fn record_operator(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let [a, b] = args else { return Ok(None) };
        let op = match name {
            "record_eq" => Operator::Eq,
            "record_ne" => Operator::NotEq,
            "record_lt" => Operator::Lt,
            "record_le" => Operator::LtEq,
            "record_gt" => Operator::Gt,
            "record_ge" => Operator::GtEq,
            _ => return Ok(None),
        };
        self.compare_composites(op, a, b)
    }
}
