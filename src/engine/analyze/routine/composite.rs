//! Functions that give rows of a type that has a name: as one value, and as their fields.

use super::super::Analyst;
use super::super::query::{Answer, Output, Wanted};
use super::super::typed::Typed;
use super::body::Body;
use super::resolve::Call;
use super::result::{ResultColumns, outputs};
use crate::base::{Error, Result};
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
        let is_row = answer.columns.len() == 1 && answer.columns[0].ty.oid == ty.oid;
        if is_row && (!ty.is(PgType::RECORD) || answer.columns[0].ty == ty) {
            return Ok(answer);
        }
        let fields = match is_row {
            // A row whose fields are called otherwise.
            true => {
                let given = self.fields(&answer.column(0)).unwrap_or_default();
                let types = ty.shape().map(|shape| shape.types()).unwrap_or_default();
                if given.len() != types.len() {
                    return Err(Error::unsupported("a function that returns such a record"));
                }
                let fields = given.iter().zip(types.iter());
                let fields = fields.map(|((_, field), ty)| self.coerced(field.clone(), *ty));
                let fields = fields.map(|field| Ok(field?.expr));
                fields.collect::<Result<Vec<_>>>()?
            }
            false => {
                let count = answer.columns.len();
                (0..count).map(|index| answer.column(index).expr).collect()
            }
        };
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

    /// What the body of a function answers that returns a record and does not say of what: one
    /// column, of rows as the body has them.
    pub(super) fn answered_record(
        &self,
        call: &Call,
        body: &Body,
        args: &[Typed],
    ) -> Result<(ResultColumns, Answer)> {
        let wanted = ResultColumns::Record;
        let answer = self.answered(call, body, args, &wanted, Wanted::Ordered)?;
        if let [row] = answer.columns.as_slice()
            && row.ty.is_composite()
        {
            return Ok((ResultColumns::Value(row.ty, None), answer));
        }
        let columns = answer.columns.iter();
        let (names, types): (Vec<String>, Vec<PgType>) = columns
            .map(|column| (column.name.clone(), column.ty.unmodified()))
            .unzip();
        let ty = PgType::record(&types, &names);
        let count = answer.columns.len();
        let fields = (0..count).map(|index| answer.column(index).expr).collect();
        let row = semantics::make(ty, fields);
        let column = Output {
            name: call.routine.name.clone(),
            ty,
        };
        let answer = answer.in_columns(
            vec![row.alias(format!("\0row{}", self.number()))],
            vec![column],
        )?;
        Ok((ResultColumns::Value(ty, None), answer))
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

    /// An answer whose first column is of a domain over rows, as their fields with what is behind
    /// it; `None` of any other.
    pub(in crate::engine::analyze) fn spread_domain(
        &self,
        answer: &Answer,
    ) -> Result<Option<Answer>> {
        let of = answer.columns.first().map(|column| column.ty);
        if !of.is_some_and(|ty| ty.domain.is_some() && ty.is_composite()) {
            return Ok(None);
        }
        let fields = self.fields(&answer.column(0)).unwrap_or_default();
        let behind = (1..answer.columns.len()).map(|index| {
            let Output { name, .. } = &answer.columns[index];
            (name.clone(), answer.column(index))
        });
        let columns = fields.iter().cloned().chain(behind);
        let number = self.number();
        let (exprs, columns) = columns
            .enumerate()
            .map(|(index, (name, value))| {
                let expr = value.expr.alias(format!("\0out{number}_{index}"));
                (expr, Output { name, ty: value.ty })
            })
            .unzip();
        answer.clone().in_columns(exprs, columns).map(Some)
    }
}
