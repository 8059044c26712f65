//! What domains ask of the values of columns.

use std::sync::Arc;

use arrow::record_batch::RecordBatch;

use super::rules::{Rules, is_false};
use crate::base::{Error, Result};
use crate::catalog::user_type::Rule;
use crate::catalog::{Column, Constraints, Relation};
use crate::engine::parse::parse_expression;
use crate::engine::{Bound, Engine};
use crate::functions::domain_violation;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// What the domain of a column asks of its values.
#[derive(Debug, Clone)]
pub(super) struct OfDomain {
    /// The column's position.
    position: usize,
    /// A table of nothing but the value.
    value: Arc<Relation>,
    /// In the order of the query's columns.
    rules: Vec<Rule>,
    query: Bound,
}

impl Engine {
    /// What the domains of a table's columns ask.
    pub(super) async fn bind_domains(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Relation,
    ) -> Result<Vec<OfDomain>> {
        let mut bound = Vec::new();
        for (position, column) in relation.columns.iter().enumerate() {
            let Some(domain) = column.ty.domain else {
                continue;
            };
            let rules = context.snapshot.domain_rules(domain);
            if rules.is_empty() {
                continue;
            }
            let mut value = relation.clone();
            value.constraints = Constraints::NONE;
            value.columns = vec![Column {
                name: "value".to_owned(),
                ty: column.ty.undomained(),
                ..column.clone()
            }];
            let value = Arc::new(value);
            // Those of domains under arrays have been made queries over the elements.
            let conditions = rules.iter().map(|rule| parse_expression(&rule.condition));
            let conditions = conditions.collect::<Result<_>>()?;
            let query = self.bind_expressions(context, &value, conditions).await?;
            bound.push(OfDomain {
                position,
                value,
                rules,
                query,
            });
        }
        Ok(bound)
    }

    /// The first row with a value that its domain forbids.
    pub(super) async fn check_domains(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        rules: &Rules,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Option<(usize, Error)>> {
        let mut first: Option<(usize, Error)> = None;
        for domain in &rules.domains {
            let values = batch
                .project(&[domain.position])
                .map_err(|error| Error::internal("examining rows", error))?;
            let answer = self
                .examine(context, &domain.value, &domain.query, &values, interrupt)
                .await?;
            let rows = first.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
            let broken = (0..rows).find_map(|row| {
                let at = answer.iter().position(|array| is_false(array, row))?;
                Some((row, &domain.rules[at]))
            });
            if let Some((row, rule)) = broken {
                let error = domain_violation(&context.snapshot, rule.domain, rule.check.as_deref());
                first = Some((row, error));
            }
        }
        Ok(first)
    }
}
