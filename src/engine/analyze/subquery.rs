//! Subqueries in expressions.

use std::sync::Arc;

use datafusion::logical_expr::expr::{AggregateFunction, Exists, InSubquery};
use datafusion::logical_expr::{Aggregate, Expr, LogicalPlan, SortExpr, Subquery};
use sqlparser::ast;

use super::level::{Clause, Level};
use super::query::{Answer, Wanted, project};
use super::typed::{Typed, and, boolean, case, not};
use super::{Analyst, Converted, place};
use crate::base::limits::SUBQUERY_DEPTH_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::semantics;

impl Analyst<'_> {
    /// A query inside an expression of `level`.
    fn inner(&self, level: &Level<'_>, query: &ast::Query, wanted: Wanted) -> Result<Answer> {
        if let Clause::Of(kind) = level.clause.get()
            && !kind.allows_subqueries()
        {
            return Err(kind.no_subquery().or_at(place::parenthesis(query)));
        }
        let around = std::iter::successors(Some(level), |level| level.parent);
        if around.count() > SUBQUERY_DEPTH_MAX {
            let deep = Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "subqueries in expressions are nested too deep",
            );
            return Err(deep.detail(format!("They may be nested {SUBQUERY_DEPTH_MAX} deep.")));
        }
        let answer = self.query(query, Some(level), level.ctes, wanted)?;
        self.refuse_recursion(&answer.plan, "a subquery")?;
        // What it answers may be compared with what stands here.
        for (index, output) in answer.columns.iter().enumerate() {
            if let Expr::Column(column) = answer.column(index).expr {
                let field = &answer.plan.schema().fields()[index];
                self.register(&column, field, output.name.clone());
            }
        }
        Ok(answer)
    }

    /// A query that must give one column.
    fn one_column(&self, level: &Level<'_>, query: &ast::Query, wanted: Wanted) -> Result<Answer> {
        let answer = self.inner(level, query, wanted)?;
        if answer.columns.len() == 1 {
            Ok(answer)
        } else {
            Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "subquery must return only one column",
            )
            .or_at(place::parenthesis(query)))
        }
    }

    /// `(SELECT …)` as a value.
    pub(super) fn scalar_subquery(&self, level: &Level<'_>, query: &ast::Query) -> Result<Typed> {
        let answer = self.one_column(level, query, Wanted::Answer)?;
        let ty = answer.columns[0].ty;
        Ok(Typed::new(self.scalar(answer)?, ty))
    }

    /// An answer of one column as a value.
    pub(super) fn scalar(&self, answer: Answer) -> Result<Expr> {
        let mut answer = answer;
        // No row is NULL, also where no value is, or none will be once the plan is optimised.
        if !semantics::is_one_row(&answer.plan)
            && let Some(nullable) = semantics::computed("nullable")
        {
            let name = format!("\0value{}", self.number());
            let value = nullable.call(vec![answer.column(0).expr]).alias(name);
            answer.plan = project(vec![value], answer.plan)?;
        }
        Ok(Expr::ScalarSubquery(answer.into_subquery()))
    }

    pub(super) fn exists(&self, level: &Level<'_>, query: &ast::Query) -> Result<Typed> {
        let answer = self.inner(level, query, Wanted::Answer)?;
        Ok(Typed::bool(exists(answer.into_subquery())))
    }

    /// `ARRAY(SELECT …)`
    pub(super) fn array_subquery(&self, level: &Level<'_>, query: &ast::Query) -> Result<Typed> {
        let answer = self.one_column(level, query, Wanted::Ordered)?;
        self.collected(answer)
    }

    /// The values of an answer as an array, in the answer's order; an empty one if there are none.
    pub(super) fn collected(&self, answer: Answer) -> Result<Typed> {
        let element = answer.columns[0].ty;
        let ty = if super::coerce::array_element(element).is_some() {
            element
        } else {
            element.array().ok_or_else(|| {
                Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("could not find array type for data type {element}"),
                )
            })?
        };
        let mut value = self.measured(answer.column(0), element.unmodified())?.expr;
        let mut name = "array_agg";
        if super::coerce::array_element(element).is_some() {
            value = super::typed::cast(value, element.plain().with_any_dimensions());
            name = crate::functions::OF_ARRAYS;
        }
        let collect = crate::functions::aggregate(name)
            .ok_or_else(|| Error::unsupported("ARRAY (subquery)"))?;
        let all = aggregate_call(collect, vec![value], answer.order.clone());
        let name = format!("\0array{}", self.number());
        let plan = Aggregate::try_new(Arc::new(answer.plan), Vec::new(), vec![all.alias(name)])
            .map(LogicalPlan::Aggregate)
            .converted()?;
        let array = Expr::ScalarSubquery(Subquery {
            subquery: Arc::new(plan),
            outer_ref_columns: answer.outer,
            spans: Default::default(),
        });
        let filled = semantics::computed("array_or_empty")
            .ok_or_else(|| Error::unsupported("ARRAY (subquery)"))?;
        Ok(Typed::new(filled.call(vec![array]), ty))
    }

    /// `value [NOT] IN (SELECT …)`
    pub(super) fn in_subquery(
        &self,
        level: &Level<'_>,
        value: Typed,
        query: &ast::Query,
        negated: bool,
    ) -> Result<Typed> {
        if Self::is_written(&value) {
            return self.row_in_subquery(level, value, query, negated);
        }
        let answer = self.inner(level, query, Wanted::Answer)?;
        match answer.columns.len() {
            1 => {}
            0 => return Err(columns_differ(false)),
            _ => return Err(columns_differ(true)),
        }
        let column = answer.column(0);
        // Also of NOT IN, which is the negation of this.
        self.check_own_operator("=", value.ty, column.ty)?;
        let base = |typed: &Typed| typed.base();
        if super::coded::is_figure(base(&value)) || super::coded::is_figure(base(&column)) {
            self.binary_candidate("=", base(&value), base(&column))?;
            return Err(Error::unsupported(format!(
                "{} IN (SELECT …)",
                value.base()
            )));
        }
        let ty = self.equality_types(base(&value), base(&column))?;
        let mut value = self.coerced(value, ty)?;
        let mut item = self.coerced(column.clone(), ty)?;
        if super::coerce::array_element(ty).is_some()
            && (self.has_array_key(&value)? || self.has_array_key(&item)?)
        {
            let held = ty.plain().with_any_dimensions();
            value.expr = super::typed::cast(value.expr, held);
            item.expr = super::typed::cast(item.expr, held);
        }
        let (value, item) = match ty.oid == crate::types::PgType::NUMERIC.oid {
            true => self.numeric_keys(value, item)?,
            false => (self.key(value)?, self.key(item)?),
        };
        // Of VALUES DataFusion does not find the column.
        let listed = matches!(answer.plan, LogicalPlan::Values(_));
        let plan = if item == column.expr && !listed {
            answer.plan
        } else {
            let name = format!("\0item{}", self.number());
            project(vec![item.alias(name)], answer.plan)?
        };
        Ok(Typed::bool(Expr::InSubquery(InSubquery {
            expr: Box::new(value),
            subquery: Subquery {
                subquery: Arc::new(plan),
                outer_ref_columns: answer.outer,
                spans: Default::default(),
            },
            negated,
        })))
    }

    /// `value sign ANY (SELECT …)`, or `ALL`.
    pub(super) fn quantified(
        &self,
        level: &Level<'_>,
        value: Typed,
        sign: &str,
        all: bool,
        query: &ast::Query,
    ) -> Result<Typed> {
        match (sign, all) {
            ("=", false) => return self.in_subquery(level, value, query, false),
            ("<>" | "!=", true) => return self.in_subquery(level, value, query, true),
            _ if Self::is_written(&value) => {
                return Err(Error::unsupported(format!(
                    "a row {sign} {} (subquery)",
                    if all { "ALL" } else { "ANY" }
                )));
            }
            _ => {}
        }
        let answer = self.inner(level, query, Wanted::Answer)?;
        if answer.columns.len() != 1 {
            return Err(columns_differ(answer.columns.len() > 1));
        }
        if super::coerce::array_element(answer.columns[0].ty).is_some() {
            return self.quantified_arrays(value, sign, all, answer);
        }
        let array = self.collected(answer)?;
        self.over_elements(sign, all, value, array)
    }

    /// `value sign ANY (SELECT array …)`: decided by some row, else NULL if some row might have.
    fn quantified_arrays(
        &self,
        value: Typed,
        sign: &str,
        all: bool,
        answer: Answer,
    ) -> Result<Typed> {
        let mut outer = answer.outer.clone();
        let value = self.settled(value)?;
        let value = Typed::new(self.as_outer(value.expr, &mut outer)?, value.ty);
        let holds = self.operate(sign, value, answer.column(0))?.expr;
        let unknown = holds.clone().is_null();
        let decides = negated_if(holds, all);
        let decided = case(
            vec![
                (among(&answer, &outer, decides)?, boolean(Some(!all))),
                (among(&answer, &outer, unknown)?, boolean(None)),
            ],
            Some(boolean(Some(all))),
        );
        Ok(Typed::bool(decided))
    }

    /// `(a, b) [NOT] IN (SELECT …)`: true if some row is equal, else NULL if some row might be.
    fn row_in_subquery(
        &self,
        level: &Level<'_>,
        value: Typed,
        query: &ast::Query,
        negated: bool,
    ) -> Result<Typed> {
        let Some(fields) = value.row else {
            return Err(Error::unsupported("IN (subquery)"));
        };
        let answer = self.inner(level, query, Wanted::Answer)?;
        if answer.columns.len() != fields.len() {
            return Err(columns_differ(answer.columns.len() > fields.len()));
        }
        let mut outer = answer.outer.clone();
        let mut equal: Option<Expr> = None;
        for (index, (_, field)) in fields.iter().enumerate() {
            if super::aggregate::is_aggregated(&field.expr) {
                return Err(Error::unsupported("a row of aggregates IN (subquery)"));
            }
            let field = Typed::new(self.as_outer(field.expr.clone(), &mut outer)?, field.ty);
            let one = self.operate("=", field, answer.column(index))?.expr;
            equal = Some(match equal {
                Some(so_far) => and(so_far, one),
                None => one,
            });
        }
        let equal = equal.unwrap_or_else(|| boolean(Some(true)));
        let unknown = equal.clone().is_null();
        let found = case(
            vec![
                (among(&answer, &outer, equal)?, boolean(Some(!negated))),
                (among(&answer, &outer, unknown)?, boolean(None)),
            ],
            Some(boolean(Some(negated))),
        );
        Ok(Typed::bool(found))
    }

    /// `(a, b) = (SELECT …)`: the row the subquery gives.
    pub(super) fn row_of_subquery(&self, level: &Level<'_>, query: &ast::Query) -> Result<Typed> {
        let answer = self.inner(level, query, Wanted::Answer)?;
        let mut fields = Vec::with_capacity(answer.columns.len());
        for index in 0..answer.columns.len() {
            let column = answer.column(index);
            let one = Answer {
                plan: project(
                    vec![column.expr.alias(format!("\0f{index}"))],
                    answer.plan.clone(),
                )?,
                columns: vec![answer.columns[index].clone()],
                order: Vec::new(),
                outer: answer.outer.clone(),
            };
            let name = answer.columns[index].name.clone();
            fields.push((name, Typed::new(self.scalar(one)?, column.ty)));
        }
        self.written_row(fields)
    }
}

/// Whether a condition holds for some row of an answer.
fn among(answer: &Answer, outer: &[Expr], condition: Expr) -> Result<Expr> {
    let plan = super::condition::filter(answer.plan.clone(), condition)?;
    Ok(exists(Subquery {
        subquery: Arc::new(plan),
        outer_ref_columns: outer.to_vec(),
        spans: Default::default(),
    }))
}

fn exists(subquery: Subquery) -> Expr {
    Expr::Exists(Exists {
        subquery,
        negated: false,
    })
}

/// An aggregate without DISTINCT and FILTER.
pub(super) fn aggregate_call(
    function: Arc<datafusion::logical_expr::AggregateUDF>,
    args: Vec<Expr>,
    order: Vec<SortExpr>,
) -> Expr {
    Expr::AggregateFunction(AggregateFunction::new_udf(
        function, args, false, None, order, None,
    ))
}

fn columns_differ(many: bool) -> Error {
    Error::new(
        SqlState::SYNTAX_ERROR,
        if many {
            "subquery has too many columns"
        } else {
            "subquery has too few columns"
        },
    )
}

/// `NOT (…)` of what may be NULL stays NULL.
pub(super) fn negated_if(expr: Expr, negated: bool) -> Expr {
    if negated { not(expr) } else { expr }
}

/// Whether there is a subquery in an expression.
pub(super) fn has_subquery(expr: &Expr) -> bool {
    use datafusion::common::tree_node::TreeNode;
    expr.exists(|part| {
        Ok(matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
        ))
    })
    .unwrap_or(true)
}
