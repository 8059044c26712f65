//! An operator between a value and every element of an array: `ANY` and `ALL`.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::Fields;
use datafusion::common::{Column, DFSchema};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{EmptyRelation, LogicalPlan};
use datafusion::physical_expr::create_physical_expr;

use super::coerce::{array_element, implicitly, vector_element};
use super::operator::not_an_array;
use super::operators::Make;
use super::query::{plain, project};
use super::typed::Typed;
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::engine::semantics::{self, Operated, Quantified};
use crate::types::PgType;

impl Analyst<'_> {
    /// `left sign ANY (array)`, or `ALL`.
    pub(super) fn over_elements(
        &self,
        sign: &str,
        all: bool,
        left: Typed,
        array: Typed,
    ) -> Result<Typed> {
        let sign = if sign == "!=" { "<>" } else { sign };
        let (left, array) = (left.undomained(), array.undomained());
        let array = if array.is_unknown() {
            let element = match left.is_unknown() {
                true => PgType::TEXT,
                false => left.base(),
            };
            let ty = element.array().ok_or_else(not_an_array)?;
            self.coerced(array, ty)?
        } else if let Some(array_of) = vector_element(array.ty).and_then(PgType::array) {
            self.coerced(array, array_of)?
        } else {
            array
        };
        let Some(element) = array_element(array.ty) else {
            return Err(not_an_array());
        };
        self.check_own_operator(sign, left.base(), element)?;
        let candidate = self.binary_candidate(sign, left.base(), element)?;
        let (Make::Compare(_) | Make::Like { .. } | Make::Match { .. }) = candidate.make else {
            let left = match left.is_unknown() {
                true => self.coerced(left, candidate.left.unwrap_or(element))?,
                false => left,
            };
            let expr = self.flat(array.clone())?;
            let array = Typed { expr, ..array };
            return self.operated(sign, all, left, array, element);
        };
        let mut ty = candidate.right;
        let mut left = self.coerced(left, candidate.left.unwrap_or(ty))?;
        if matches!(candidate.make, Make::Compare(_)) && left.ty.oid != ty.oid {
            ty = if implicitly(left.ty, ty) {
                ty
            } else {
                left.base()
            };
            left = self.coerced(left, ty)?;
        }
        let array = self.coerced(array, ty.array().ok_or_else(not_an_array)?)?;
        let Some(quantified) = Quantified::new(sign, all, ty) else {
            return Err(Error::unsupported(format!("{sign} ANY or ALL")));
        };
        let array = self.flat(array)?;
        Ok(Typed::bool(quantified.call(left.expr, array)))
    }

    /// The same with an operator that is no comparison.
    fn operated(
        &self,
        sign: &str,
        all: bool,
        left: Typed,
        array: Typed,
        element: PgType,
    ) -> Result<Typed> {
        // The same for the same types: expressions that are written alike are alike.
        let sides = [("left", left.ty), ("right", element)];
        let sides = sides.map(|(side, ty)| (format!("\0{side} {}", ty.oid), ty));
        let fields: Fields = sides
            .iter()
            .map(|(name, ty)| ty.field(name, true))
            .collect();
        for field in &fields {
            let column = Column::new_unqualified(field.name());
            self.register(&column, field, "an operand".to_owned());
        }
        let schema = DFSchema::from_unqualified_fields(fields, HashMap::new()).converted()?;
        let rows = LogicalPlan::EmptyRelation(EmptyRelation {
            produce_one_row: false,
            schema: Arc::new(schema),
        });
        let [a, b] = sides.map(|(name, ty)| Typed::new(plain(&name), ty));
        let holds = self.operate(sign, a, b)?;
        if !holds.is(PgType::BOOL) {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                "op ANY/ALL (array) requires operator to yield boolean",
            ));
        }
        let plan = project(vec![holds.expr.alias("holds")], rows)?;
        let plan = semantics::coerce(self.scope, plan).converted()?;
        let LogicalPlan::Projection(mut projection) = plan else {
            return Err(Error::unsupported(format!("{sign} ANY or ALL")));
        };
        let operator = create_physical_expr(
            &projection.expr.remove(0).unalias(),
            projection.input.schema(),
            self.scope.state.execution_props(),
            &PhysicalPlanningContext::default(),
        )
        .converted()?;
        let quantified = Operated::new(sign, all, operator);
        Ok(Typed::bool(quantified.call(left.expr, array.expr)))
    }
}
