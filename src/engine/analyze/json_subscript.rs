//! Subscripts of jsonb: `j['a'][0]`, read and assigned to.

use datafusion::logical_expr::Expr;
use sqlparser::ast::{Expr as Ast, Subscript};

use super::Analyst;
use super::coerce::category;
use super::level::Level;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::types::PgType;

impl Analyst<'_> {
    /// `json[a][b]`
    pub(super) fn json_part(
        &self,
        level: &Level<'_>,
        json: Typed,
        subscripts: &[&Subscript],
    ) -> Result<Typed> {
        let mut path = Vec::with_capacity(subscripts.len());
        for subscript in subscripts {
            let Subscript::Index { index } = subscript else {
                return Err(no_slices());
            };
            path.push(self.json_step(level, index)?.0);
        }
        let path = self.array_of(path)?;
        self.operate("#>", json, path)
    }

    /// jsonb with a part of it replaced, or added.
    pub(super) fn json_with_part(
        &self,
        level: &Level<'_>,
        json: Typed,
        value: Expr,
        subscripts: &[&Ast],
    ) -> Result<Typed> {
        let mut path = Vec::with_capacity(subscripts.len());
        let mut first_is_integer = false;
        for (place, subscript) in subscripts.iter().enumerate() {
            let (step, is_integer) = self.json_step(level, subscript)?;
            first_is_integer |= place == 0 && is_integer;
            path.push(step);
        }
        let path = self.array_of(path)?.expr;
        let first = typed::boolean(Some(first_is_integer));
        let json = self.said(json)?;
        self.native(functions::SET_JSON_PART, vec![json, value, first, path])
    }

    /// A subscript as text, and whether it is an integer.
    fn json_step(&self, level: &Level<'_>, subscript: &Ast) -> Result<(Typed, bool)> {
        let value = self.expression(level, subscript)?;
        if value.is_unknown() || category(value.ty) == 'S' {
            return Ok((self.coerced(value, PgType::TEXT)?, false));
        }
        if value.is(PgType::INT2) || value.is(PgType::INT4) {
            return Ok((self.coerced(value, PgType::TEXT)?, true));
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("subscript type {} is not supported", value.base()),
        )
        .hint("jsonb subscript must be coercible to either integer or text.")
        .or_at(value.place))
    }
}

/// `42804`
pub(super) fn no_slices() -> Error {
    Error::new(
        SqlState::DATATYPE_MISMATCH,
        "jsonb subscript does not support slices",
    )
}
