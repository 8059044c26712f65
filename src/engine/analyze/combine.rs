//! UNION, INTERSECT and EXCEPT; columns and values brought to one type.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::expr::{Cast, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Distinct, Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, SubqueryAlias, Union, Window,
    WindowFrame,
};
use sqlparser::ast::{SetExpr, SetOperator, SetQuantifier};

use super::level::Level;
use super::query::{Answer, Output, Tail, Wanted, project, row_number_udwf};
use super::typed::{self, Typed};
use super::with::Ctes;
use super::{Analyst, Converted, place};
use crate::base::{Error, Result, SqlState};
use crate::engine::semantics::key_of;
use crate::types::{PgType, dimensions};

impl Analyst<'_> {
    /// A parameter without a type in a select list gets its column's.
    fn learn_output(&self, answer: &Answer, index: usize, ty: PgType) {
        if let LogicalPlan::Projection(projection) = &answer.plan
            && let Some(Expr::Alias(alias)) = projection.expr.get(index)
            && let Expr::Placeholder(placeholder) = alias.expr.as_ref()
            && placeholder.field.is_none()
        {
            self.learn(&placeholder.id, ty);
        }
    }

    /// UNION, INTERSECT, EXCEPT.
    pub(super) fn combined(
        &self,
        (left, right): (&SetExpr, &SetExpr),
        op: SetOperator,
        quantifier: SetQuantifier,
        parent: Option<&Level<'_>>,
        ctes: Option<&Ctes<'_>>,
    ) -> Result<Answer> {
        let beside = right;
        let left = self.body(left, Tail::NONE, parent, ctes, Wanted::Arm)?;
        let right = self.body(right, Tail::NONE, parent, ctes, Wanted::Arm)?;
        let word = match op {
            SetOperator::Union => "UNION",
            SetOperator::Intersect => "INTERSECT",
            SetOperator::Except | SetOperator::Minus => "EXCEPT",
        };
        let all = match quantifier {
            SetQuantifier::All => true,
            SetQuantifier::Distinct | SetQuantifier::None => false,
            SetQuantifier::ByName | SetQuantifier::AllByName | SetQuantifier::DistinctByName => {
                return Err(Error::unsupported(format!("{word} BY NAME")));
            }
        };
        if left.columns.len() != right.columns.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("each {word} query must have the same number of columns"),
            )
            .or_at(place::column(beside, 0)));
        }
        let (left, right) = self.alike(left, right, word, beside)?;
        let columns = left.columns.clone();
        let mut outer = left.outer.clone();
        for reference in &right.outer {
            if !outer.contains(reference) {
                outer.push(reference.clone());
            }
        }
        if columns.is_empty() {
            return Err(Error::unsupported(format!("{word} of no columns")));
        }
        if !all {
            // Whether two rows are the same must be decidable.
            for column in &columns {
                self.equality_types(column.ty, column.ty)
                    .map_err(|_| super::operator::no_equality(column.ty))?;
            }
        }
        let plan = match (op, all) {
            (SetOperator::Union, _) => {
                let inputs = vec![Arc::new(left.plan), Arc::new(right.plan)];
                let union =
                    LogicalPlan::Union(Union::try_new_with_loose_types(inputs).converted()?);
                if all {
                    union
                } else {
                    LogicalPlan::Distinct(Distinct::All(Arc::new(union)))
                }
            }
            (SetOperator::Intersect, false) => LogicalPlanBuilder::intersect(
                self.aliased(left.plan)?,
                self.aliased(right.plan)?,
                false,
            )
            .converted()?,
            (SetOperator::Except | SetOperator::Minus, false) => LogicalPlanBuilder::except(
                self.aliased(left.plan)?,
                self.aliased(right.plan)?,
                false,
            )
            .converted()?,
            // Equal rows are told apart by counting them on each side.
            (SetOperator::Intersect, true) => LogicalPlanBuilder::intersect(
                self.aliased(counted(left.plan)?)?,
                self.aliased(counted(right.plan)?)?,
                true,
            )
            .converted()?,
            (SetOperator::Except | SetOperator::Minus, true) => LogicalPlanBuilder::except(
                self.aliased(counted(left.plan)?)?,
                self.aliased(counted(right.plan)?)?,
                true,
            )
            .converted()?,
        };
        let exprs = (0..columns.len())
            .map(|index| {
                let (qualifier, field) = plan.schema().qualified_field(index);
                Expr::from((qualifier, field)).alias(field.name())
            })
            .collect();
        let answer = Answer {
            plan: project(exprs, plan)?,
            columns,
            order: Vec::new(),
            outer,
        };
        // ORDER BY asks what they are now, not what the first query's were.
        for index in 0..answer.columns.len() {
            self.register_output(&answer, index);
        }
        Ok(answer)
    }

    /// Two answers with columns of the same types, named as the first's. `beside` is what the
    /// second was written as.
    pub(super) fn alike(
        &self,
        left: Answer,
        right: Answer,
        word: &str,
        beside: &SetExpr,
    ) -> Result<(Answer, Answer)> {
        let mut types = Vec::with_capacity(left.columns.len());
        for index in 0..left.columns.len() {
            let (a, b) = (left.column(index), right.column(index));
            let b = b.at(place::column(beside, index));
            let ty = self.common_type(&[&a, &b], word)?;
            for (value, answer) in [(a, &left), (b, &right)] {
                self.register_output(answer, index);
                let at = value.place.clone();
                self.to_common(value, ty, word)
                    .map_err(|error| error.or_at(at))?;
            }
            types.push(ty);
        }
        let names: Vec<String> = left
            .plan
            .schema()
            .fields()
            .iter()
            .map(|field| field.name().clone())
            .collect();
        let left = self.retyped(left, &types)?;
        let untyped = right
            .columns
            .iter()
            .position(|column| column.ty.oid == PgType::UNKNOWN.oid);
        let right = self.retyped(right, &types).map_err(|error| match untyped {
            Some(index) => error.or_at(place::column(beside, index)),
            None => error,
        })?;
        let arrow: Vec<DataType> = (0..types.len())
            .map(|index| {
                let of = |plan: &LogicalPlan| plan.schema().field(index).data_type().clone();
                one_arrow_type(&[of(&left.plan), of(&right.plan)], types[index])
            })
            .collect();
        let cast = |answer: Answer| -> Result<Answer> {
            let exprs = (0..types.len())
                .map(|index| {
                    let field = answer.plan.schema().field(index);
                    let column = Expr::from(answer.plan.schema().qualified_field(index));
                    let shown = field.data_type() == &arrow[index]
                        && PgType::of_field(field).oid == types[index].oid;
                    let column = if shown {
                        column
                    } else {
                        arrow_cast(column, &arrow[index], types[index])
                    };
                    column.alias(&names[index])
                })
                .collect();
            Ok(Answer {
                plan: project(exprs, answer.plan)?,
                ..answer
            })
        };
        Ok((cast(left)?, cast(right)?))
    }

    /// A plan under an alias nothing else has.
    pub(super) fn aliased(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        let alias = TableReference::bare(format!("\0{}", self.number()));
        SubqueryAlias::try_new(Arc::new(plan), alias)
            .map(LogicalPlan::SubqueryAlias)
            .converted()
    }

    /// Remembers what a column of an answer is: conversions ask.
    pub(super) fn register_output(&self, answer: &Answer, index: usize) {
        let named = answer.plan.schema().qualified_field(index);
        let shown = answer.columns[index].name.clone();
        self.register(&Column::from(named), named.1, shown);
    }

    /// The answer with its columns cast to `types`, without hidden columns.
    pub(super) fn retyped(&self, answer: Answer, types: &[PgType]) -> Result<Answer> {
        let mut columns = Vec::with_capacity(types.len());
        let mut exprs = Vec::with_capacity(types.len());
        for (index, ty) in types.iter().enumerate() {
            self.learn_output(&answer, index, *ty);
            self.register_output(&answer, index);
            let value = self.measured(answer.column(index), *ty)?;
            let value = self.coerced(value, *ty)?;
            let name = answer.plan.schema().field(index).name().clone();
            exprs.push(value.expr.alias(name));
            // Values of several lengths are of none.
            let ty = value.ty.with_typmod(ty.typmod);
            columns.push(Output {
                name: answer.columns[index].name.clone(),
                ty,
            });
        }
        Ok(Answer {
            plan: project(exprs, answer.plan)?,
            columns,
            order: Vec::new(),
            outer: answer.outer,
        })
    }

    /// Columns without a type become text.
    pub(super) fn settle(&self, answer: Answer) -> Result<Answer> {
        let unknown = |output: &Output| output.ty.oid == PgType::UNKNOWN.oid;
        if !answer.columns.iter().any(unknown) {
            return Ok(answer);
        }
        let types: Vec<PgType> = answer
            .columns
            .iter()
            .map(|output| {
                if unknown(output) {
                    PgType::TEXT
                } else {
                    output.ty
                }
            })
            .collect();
        self.retyped(answer, &types)
    }

    /// Values of one PostgreSQL type in one Arrow type.
    pub(super) fn one_type(&self, values: Vec<Typed>, ty: PgType) -> Result<Vec<Typed>> {
        let exprs: Vec<&Expr> = values.iter().map(|value| &value.expr).collect();
        let schema = self.schema_for(&exprs)?;
        let fields = exprs
            .iter()
            .map(|expr| expr.to_field(&schema).map(|(_, field)| field).converted())
            .collect::<Result<Vec<_>>>()?;
        let types: Vec<DataType> = fields
            .iter()
            .map(|field| field.data_type().clone())
            .collect();
        let arrow = one_arrow_type(&types, ty);
        // VALUES wants what fields say beyond their types to be the same, too.
        let alike = fields
            .iter()
            .all(|field| *field.data_type() == arrow && field.metadata() == fields[0].metadata());
        if alike {
            return Ok(values);
        }
        Ok(values
            .into_iter()
            .map(|value| Typed {
                expr: arrow_cast(value.expr.clone(), &arrow, ty),
                ..value
            })
            .collect())
    }
}

/// The Arrow type that holds values of all of `types`, which are all `ty` to PostgreSQL.
fn one_arrow_type(types: &[DataType], ty: PgType) -> DataType {
    let Some(first) = types.first() else {
        return ty.data_type();
    };
    if types.iter().all(|other| other == first) {
        return first.clone();
    }
    let depth = dimensions(first);
    if types.iter().any(|other| dimensions(other) != depth) {
        return ty.with_any_dimensions().data_type();
    }
    // Numerics of several scales: each value keeps its own digits.
    ty.with_dimensions(depth).data_type()
}

/// A cast to an Arrow type that stays `ty` to PostgreSQL.
fn arrow_cast(expr: Expr, arrow: &DataType, ty: PgType) -> Expr {
    match typed::cast(expr, ty) {
        // It says what it is: DataFusion would keep what the operand says.
        Expr::Cast(Cast { expr, field }) => {
            let field = field.as_ref().clone().with_data_type(arrow.clone());
            Expr::Cast(Cast::new_from_field(expr, Arc::new(field)))
        }
        other => other,
    }
}

/// The plan with a number behind its columns that counts equal rows.
fn counted(plan: LogicalPlan) -> Result<LogicalPlan> {
    let schema = plan.schema();
    let columns = schema.iter().map(Expr::from);
    let columns = columns.map(|column| key_of(&column, schema).unwrap_or(column));
    let number = Expr::WindowFunction(Box::new(WindowFunction {
        fun: row_number_udwf(),
        params: WindowFunctionParams {
            args: Vec::new(),
            partition_by: columns.collect(),
            order_by: Vec::new(),
            window_frame: WindowFrame::new(None),
            filter: None,
            null_treatment: None,
            distinct: false,
        },
    }));
    Window::try_new(vec![number.alias("\0n")], Arc::new(plan))
        .map(LogicalPlan::Window)
        .converted()
}
