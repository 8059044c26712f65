//! What domains ask of the values of variables.

use arrow::array::{Array, ArrayRef};
use arrow::buffer::NullBuffer;

use super::frame::{Field, Frame, Value};
use super::values::first;
use crate::base::{Error, Result};
use crate::engine::{assigned, parse_query};
use crate::pg_catalog::names;
use crate::session::Session;
use crate::session::dispatch::Run;
use crate::types::{PgType, row};

impl Session {
    /// Values of one type as those of another, which may be a domain that asks something of them.
    ///
    /// # Errors
    /// As [`assigned`] and [`Session::check_domain`].
    pub(in crate::session) async fn as_of(
        &mut self,
        (from, values): (PgType, &ArrayRef),
        to: PgType,
        run: &Run<'_>,
    ) -> Result<ArrayRef> {
        let values = assigned(&self.context()?, values, from, to)?;
        if from.domain != to.domain {
            self.check_domain(to, &values, run).await?;
        }
        Ok(values)
    }

    /// That the domain a type is, if it is one, lets values of the type beneath be its own.
    ///
    /// # Errors
    /// `23502`, `23514`
    pub(super) async fn check_domain(
        &mut self,
        ty: PgType,
        values: &ArrayRef,
        run: &Run<'_>,
    ) -> Result<()> {
        let context = self.context()?;
        let rules = ty.domain.map(|of| context.snapshot.domain_rules(of));
        if rules.is_none_or(|rules| rules.is_empty()) {
            return Ok(());
        }
        let name = names::written(&context, ty);
        let query = parse_query(&format!("SELECT CAST(v AS {name})"))?;
        for row in 0..values.len() {
            let value = Value::Single(ty.undomained(), values.slice(row, 1));
            let rows = self.rows_of(&Frame::of("v", value), &query, run).await?;
            first(rows).await.map_err(Error::without_position)?;
        }
        Ok(())
    }

    /// As [`Self::check_domain`], of a row by its fields.
    pub(super) async fn check_domain_of_rows(
        &mut self,
        of: PgType,
        fields: &[Field],
        null: bool,
        run: &Run<'_>,
    ) -> Result<()> {
        if of.domain.is_none() {
            return Ok(());
        }
        let values: Vec<_> = fields.iter().map(|field| field.value.clone()).collect();
        let types: Vec<_> = fields.iter().map(|field| field.ty).collect();
        let nulls = NullBuffer::from(vec![!null]);
        let rows = row::build(&values, &types, 1, Some(&nulls))?;
        self.check_domain(of, &rows, run).await
    }
}
