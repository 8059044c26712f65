//! `TABLESAMPLE method (percent) [REPEATABLE (seed)]`

use std::sync::Arc;

use datafusion::logical_expr::expr::{ScalarFunction, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{Expr, Filter, LogicalPlan, Operator, Window, WindowFrame};
use sqlparser::ast::{self, TableSampleKind};

use super::from::Source;
use super::level::Level;
use super::query::{plain, project, row_number_udwf};
use super::typed::{self, binary};
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::functions::{SAMPLE_PERCENT, SAMPLE_PLACE};
use crate::types::PgType;

impl Analyst<'_> {
    /// Some of the rows of a table.
    pub(super) fn sampled(
        &self,
        level: &Level<'_>,
        source: Source,
        sample: &TableSampleKind,
    ) -> Result<Source> {
        let (TableSampleKind::AfterTableAlias(sample) | TableSampleKind::BeforeTableAlias(sample)) =
            sample;
        let (Some(_), Some(quantity), None, None) = (
            &sample.name,
            &sample.quantity,
            &sample.bucket,
            &sample.offset,
        ) else {
            return Err(Error::unsupported("this form of TABLESAMPLE"));
        };
        if quantity.unit.is_some() || !quantity.parenthesized {
            return Err(Error::unsupported("this form of TABLESAMPLE"));
        }
        if source
            .relations
            .first()
            .is_none_or(|relation| relation.oid.is_none())
        {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "TABLESAMPLE clause can only be applied to tables and materialized views",
            ));
        }
        let percent = self.expression(level, &quantity.value)?;
        let percent = self.coerced(percent, PgType::FLOAT8)?;
        let percent = self.native(SAMPLE_PERCENT, vec![percent.expr])?.expr;
        let columns: Vec<Expr> = source.plan.schema().iter().map(Expr::from).collect();
        let (plan, place) = match &sample.seed {
            None => (source.plan, self.native("random", Vec::new())?.expr),
            Some(seed) => {
                let seed = self.expression(level, &ast::Expr::Value(seed.value.clone()))?;
                let seed = self.coerced(seed, PgType::FLOAT8)?.expr;
                self.placed(source.plan, &columns, seed)?
            }
        };
        let place = match sample.seed {
            None => binary(place, Operator::Multiply, typed::float8(100.0).expr),
            Some(_) => place,
        };
        let plan = Filter::try_new(binary(place, Operator::Lt, percent), Arc::new(plan))
            .map(LogicalPlan::Filter)
            .converted()?;
        Ok(Source {
            plan: project(columns, plan)?,
            ..source
        })
    }

    /// The rows with a number of each that only depends on the row and the seed.
    fn placed(
        &self,
        plan: LogicalPlan,
        columns: &[Expr],
        seed: Expr,
    ) -> Result<(LogicalPlan, Expr)> {
        let number = self.number();
        let (text, nth) = (format!("\0text{number}"), format!("\0nth{number}"));
        let mut parts = Vec::new();
        for column in columns {
            let shown = typed::cast(column.clone(), PgType::TEXT);
            parts.push(self.native("quote_nullable", vec![shown])?.expr);
        }
        let row = self.native("concat", parts)?.expr;
        let mut all = columns.to_vec();
        all.push(row.alias(&text));
        let plan = project(all, plan)?;
        let counted = Expr::WindowFunction(Box::new(WindowFunction {
            fun: row_number_udwf(),
            params: WindowFunctionParams {
                args: Vec::new(),
                partition_by: vec![plain(&text)],
                order_by: Vec::new(),
                window_frame: WindowFrame::new(None),
                filter: None,
                null_treatment: None,
                distinct: false,
            },
        }));
        let plan = Window::try_new(vec![counted.alias(&nth)], Arc::new(plan))
            .map(LogicalPlan::Window)
            .converted()?;
        let nth = typed::cast(plain(&nth), PgType::INT8);
        let place = crate::functions::scalar(self.scope.context, SAMPLE_PLACE)
            .ok_or_else(|| Error::internal("sampling", "there is no such function"))?;
        let args = vec![plain(&text), nth, seed];
        Ok((
            plan,
            Expr::ScalarFunction(ScalarFunction::new_udf(place, args)),
        ))
    }
}
