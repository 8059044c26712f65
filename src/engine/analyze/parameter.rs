//! What EXECUTE gives a prepared statement's parameters: assigned to their types, not cast.

use sqlparser::ast::Expr as Ast;

use super::Analyst;
use super::composite::Readiness;
use super::level::Level;
use super::typed::Typed;
use crate::base::{Error, Result, SqlState};
use crate::engine::dml;

impl Analyst<'_> {
    /// A value for the parameter of this number; `cast` says which one and of which type.
    ///
    /// # Errors
    /// `42804` if a value of its type is not assigned without a cast.
    pub(super) fn argument_of(&self, level: &Level<'_>, number: &str, cast: &Ast) -> Result<Typed> {
        let Ast::Cast {
            expr, data_type, ..
        } = cast
        else {
            return Err(Error::internal("reading an argument", "not of a type"));
        };
        let to = self.resolve_type(data_type)?;
        let value = self.expression(level, expr)?;
        let snapshot = &self.scope.context.snapshot;
        let (from, plain) = (value.base(), to.undomained());
        if value.is_unknown() || dml::is_assignable(snapshot, from, plain) {
            return self.coerced(value, to);
        }
        if let Some(row) = self.row_as(&value, plain, Readiness::Assignment)? {
            return self.in_domain(row, to);
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "parameter ${number} of type {from} cannot be coerced to the expected type {to}"
            ),
        )
        .or_at(value.place)
        .hint("You will need to rewrite or cast the expression."))
    }
}
