//! Calls that stay calls: of functions whose statements the session carries out.

use datafusion::logical_expr::Expr;

use super::super::Analyst;
use super::super::level::Level;
use super::super::query::{Answer, Output, one_row, plain, project};
use super::super::set::{Elements, unnest};
use super::super::typed::{self, Typed};
use super::resolve::Call;
use super::result::{ResultColumns, outputs};
use super::{Chain, DEPTH_MAX};
use crate::base::{Error, Result, SqlState};
use crate::calls::CallShape;
use crate::engine::routine::is_carried_out;
use crate::engine::semantics;
use crate::functions;
use crate::types::PgType;
use crate::types::pgtype::Shape;

impl Analyst<'_> {
    /// Whether a call cannot be put in its place: of a function that does more than to answer a
    /// query, or calls itself.
    pub(super) fn is_carried(&self, call: &Call) -> bool {
        let routine = &call.routine;
        let again = self.chain.is_some_and(|chain| chain.contains(routine.oid));
        again || self.chain.map_or(0, Chain::depth) >= DEPTH_MAX || is_carried_out(routine)
    }

    /// What a call gives: a value, a row as one value, or an array of what is in a set.
    fn carried(&self, call: &Call, wanted: &ResultColumns) -> Result<Typed> {
        let routine = &call.routine;
        let snapshot = &self.scope.context.snapshot;
        let row = snapshot.value_type(routine.returns);
        let (shape, ty) = match &wanted.clone().held(snapshot, routine) {
            ResultColumns::Void => (CallShape::Void, PgType::VOID),
            ResultColumns::Value(ty, _) => (CallShape::Value(*ty), ty.unmodified()),
            ResultColumns::Rows(columns) => {
                let (names, types): (Vec<_>, Vec<_>) = columns.iter().cloned().unzip();
                let ty = match row.is_composite() && row.shape().is_some() {
                    true => row,
                    false => PgType::record(&types, &names),
                };
                (CallShape::Rows(columns.clone()), ty)
            }
            ResultColumns::Record => {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "function returning record called in context that cannot accept type record",
                ));
            }
        };
        let args = self.argument_values(call)?;
        let types = call.held_types();
        let args: Vec<Expr> = args
            .into_iter()
            .zip(&types)
            .map(|(arg, ty)| match ty.has_any_dimensions() {
                true => typed::recast(arg.expr, arg.ty, *ty),
                false => typed::cast(arg.expr, *ty),
            })
            .collect();
        let context = self.scope.context;
        let expr = functions::called(context, routine, types, shape, ty, args);
        Ok(Typed::new(expr, ty))
    }

    /// Such a call in an expression.
    pub(super) fn carried_value(
        &self,
        level: &Level<'_>,
        call: &Call,
        wanted: &ResultColumns,
    ) -> Result<Typed> {
        let value = self.carried(call, wanted)?;
        if call.routine.set {
            let elements = Elements {
                array: value.expr,
                ty: value.ty,
            };
            return self.set_column(level, elements);
        }
        let row = self.fields(&value);
        Ok(Typed { row, ..value })
    }

    /// What is in a set that such a call gives, as an array.
    pub(super) fn carried_elements(&self, call: &Call, wanted: &ResultColumns) -> Result<Elements> {
        let value = self.carried(call, wanted)?;
        Ok(Elements {
            array: value.expr,
            ty: value.ty,
        })
    }

    /// Such a call in FROM; as [`Analyst::routine_rows`].
    pub(super) fn carried_rows(
        &self,
        call: &Call,
        wanted: &ResultColumns,
        ordinality: bool,
    ) -> Result<(Answer, bool)> {
        let value = self.carried(call, wanted)?;
        let number = self.number();
        let whole = format!("\0called{number}");
        // Once, however many of its columns are wanted.
        let mut plan = project(vec![value.expr.alias(&whole)], one_row())?;
        if call.routine.set {
            plan = unnest(plan, std::slice::from_ref(&whole))?;
        }
        let mut columns = match wanted {
            ResultColumns::Rows(columns) => outputs(columns),
            ResultColumns::Value(_, Some(name)) => vec![Output {
                name: name.clone(),
                ty: value.ty,
            }],
            _ => vec![Output {
                name: call.routine.name.clone(),
                ty: value.ty,
            }],
        };
        let out = |index: usize| format!("\0out{number}_{index}");
        let mut exprs: Vec<Expr> = match wanted {
            ResultColumns::Rows(_) => {
                let shape = value.ty.shape().unwrap_or_else(|| Shape::of(&[]));
                let fields = (0..columns.len())
                    .map(|index| semantics::field(plain(&whole), shape, index).alias(out(index)));
                fields.collect()
            }
            _ => vec![plain(&whole).alias(out(0))],
        };
        if ordinality && !call.routine.set {
            exprs.push(typed::int8(1).expr.alias("ordinality"));
            columns.push(Output {
                name: "ordinality".to_owned(),
                ty: PgType::INT8,
            });
        }
        let mut answer = Answer {
            plan: project(exprs, plan)?,
            columns,
            order: Vec::new(),
            outer: Vec::new(),
        };
        if ordinality && call.routine.set {
            answer = self.numbered(answer)?;
        }
        Ok((
            answer,
            matches!(wanted, ResultColumns::Value(_, None) | ResultColumns::Void),
        ))
    }
}
