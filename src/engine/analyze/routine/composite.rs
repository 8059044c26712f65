//! Functions that give rows of a type that has a name: as one value, and as their fields.

use super::super::Analyst;
use super::super::query::{Answer, Output, Wanted};
use super::super::typed::Typed;
use super::body::Body;
use super::resolve::Call;
use super::result::{ResultColumns, outputs};
use crate::base::Result;
use crate::engine::semantics;
use crate::types::PgType;

impl Analyst<'_> {
    /// What the body answers, as rows of the type the function returns: one column.
    pub(super) fn answered_row(
        &self,
        call: &Call,
        body: &Body,
        args: &[Typed],
        ty: PgType,
        wanted: &ResultColumns,
    ) -> Result<Answer> {
        let answer = self.answered(call, body, args, wanted, Wanted::Ordered)?;
        if answer.columns.len() == 1 && answer.columns[0].ty.oid == ty.oid {
            return Ok(answer);
        }
        let count = answer.columns.len();
        let fields = (0..count).map(|index| answer.column(index).expr).collect();
        let row = semantics::make(ty, fields);
        let column = Output {
            name: call.routine.name.clone(),
            ty,
        };
        answer.in_columns(
            vec![row.alias(format!("\0row{}", self.number()))],
            vec![column],
        )
    }

    /// An answer of rows, as one of their fields.
    pub(super) fn spread_row(
        &self,
        answer: Answer,
        columns: &[(String, PgType)],
    ) -> Result<Answer> {
        let row = answer.column(0);
        let fields = self.fields(&row).unwrap_or_default();
        let number = self.number();
        let exprs = fields
            .iter()
            .enumerate()
            .map(|(index, (_, field))| field.expr.clone().alias(format!("\0out{number}_{index}")))
            .collect();
        answer.in_columns(exprs, outputs(columns))
    }
}
