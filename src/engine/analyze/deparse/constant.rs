//! Constants with their types.

use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use sqlparser::ast::{Expr as Ast, Value};

use super::super::Analyst;
use super::super::typed::Typed;
use super::{Written, not_written};
use crate::base::Result;
use crate::types::text::{PLAIN, TextColumn, UNNAMED};
use crate::types::{PgType, Style};

impl Analyst<'_> {
    /// A literal: what has a type shows it, what has none waits for one.
    pub(super) fn literal_written(&self, value: Typed) -> Result<Written> {
        if matches!(value.expr, Expr::Placeholder(_)) {
            return Err(not_written());
        }
        let ast = match value.unknown_text() {
            Some(text) => Ast::value(Value::SingleQuotedString(text.to_owned())),
            None if value.is_unknown() => Ast::value(Value::Null),
            None => self.shown_constant(&value, value.ty)?,
        };
        Ok(Written { ast, value })
    }

    /// A literal without a type as a constant of one; a length it is then cut to is said behind it.
    pub(super) fn constant_cast(&self, literal: &Typed, to: PgType) -> Result<Ast> {
        let plain = match to.oid == PgType::INTERVAL.oid {
            true => to,
            false => to.unmodified(),
        };
        if plain.is_reg() {
            return match literal.unknown_text() {
                Some(text) => self.cast_to(
                    Ast::value(Value::SingleQuotedString(text.to_owned())),
                    plain,
                ),
                None => self.cast_to(Ast::value(Value::Null), plain),
            };
        }
        let value = self.coerced(literal.clone(), plain)?;
        if plain == to || plain.oid == PgType::INTERVAL.oid {
            return self.shown_constant(&value, plain);
        }
        match self.shown_constant(&value, plain)? {
            Ast::Cast { expr, .. } => self.cast_to(*expr, to),
            number => self.cast_to(number, to),
        }
    }

    /// A constant of a type.
    fn shown_constant(&self, value: &Typed, ty: PgType) -> Result<Ast> {
        let scalar = match &value.expr {
            Expr::Literal(scalar, _) => scalar.clone(),
            expr => {
                let constant = self.constant(expr.clone())?;
                constant.ok_or_else(not_written)?
            }
        };
        if scalar.is_null() {
            return self.cast_to(Ast::value(Value::Null), ty);
        }
        let text = self.text(&scalar, ty)?;
        if ty.oid == PgType::BOOL.oid {
            return Ok(Ast::value(Value::Boolean(text == "t" || text == "true")));
        }
        let bare = match ty.oid {
            oid if oid == PgType::INT4.oid => text.starts_with(|c: char| c.is_ascii_digit()),
            oid if oid == PgType::NUMERIC.oid => {
                text.starts_with(|c: char| c.is_ascii_digit()) && text.contains(['e', 'E', '.'])
            }
            _ => false,
        };
        if bare {
            return Ok(Ast::value(Value::Number(text, false)));
        }
        self.cast_to(Ast::value(Value::SingleQuotedString(text)), ty)
    }

    /// The text of a value, whatever style the session has.
    fn text(&self, scalar: &ScalarValue, ty: PgType) -> Result<String> {
        let array = scalar.to_array().map_err(|_| not_written())?;
        let style = Style {
            enums: self.scope.context.snapshot.enums().clone(),
            ..PLAIN.clone()
        };
        let column = TextColumn::new(array.as_ref(), ty, &style, UNNAMED)?;
        let mut text = Vec::new();
        column.write(0, &mut text)?;
        String::from_utf8(text).map_err(|_| not_written())
    }
}
