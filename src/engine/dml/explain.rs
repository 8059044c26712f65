//! EXPLAIN of statements that change rows: the plans of their queries under nodes naming what they
//! do.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::{Body, BoundDml, DmlKind, Part, PartBody};
use crate::base::Result;
use crate::base::name::quote;
use crate::engine::{Bound, Engine, ExplainOptions, Explanation};
use crate::observe::Interrupt;
use crate::privileges::Authorized;
use crate::statement::StatementContext;

impl Engine {
    /// EXPLAIN of a statement that changes rows. Changes nothing, also with ANALYZE.
    ///
    /// # Errors
    /// As [`Engine::explain`].
    pub async fn explain_dml(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        statement: Authorized<BoundDml>,
        parameters: &[ArrayRef],
        options: &ExplainOptions,
        interrupt: &Interrupt,
    ) -> Result<Explanation> {
        interrupt.check()?;
        let statement = statement.into_inner();
        let options = &ExplainOptions {
            analyze: false,
            ..*options
        };
        let given = (context, parameters, options, interrupt);
        let main = self.explain_body(given, &statement.body).await?;
        let mut steps = Vec::with_capacity(statement.steps.len());
        for step in &statement.steps {
            let inner = self.explain_body(given, &step.body).await?;
            steps.push((quote(&step.shown).into_owned(), inner));
        }
        Ok(main.after(steps))
    }

    async fn explain_body(
        self: &Arc<Self>,
        given: (
            &Arc<StatementContext>,
            &[ArrayRef],
            &ExplainOptions,
            &Interrupt,
        ),
        body: &Body,
    ) -> Result<Explanation> {
        let (context, parameters, options, interrupt) = given;
        let explained = |query: &Bound| {
            let passed = &parameters[..query.parameters.len().min(parameters.len())];
            self.explanation(context, query.clone(), passed, options, interrupt)
        };
        let part = match body {
            Body::Query(query) => return explained(query).await,
            Body::Change(part) => part,
        };
        let (word, query) = described(part);
        let table = part.change.relation().name.to_string();
        Ok(match query {
            None => Explanation::change(word, &table),
            Some(query) => explained(query).await?.changing(word, &table),
        })
    }
}

/// What a part does, and the query it stands on.
fn described(part: &Part) -> (&'static str, Option<&Bound>) {
    match &part.change {
        PartBody::Insert(insert) => ("Insert", insert.query()),
        PartBody::Rewrite(rewrite) if part.kind() == DmlKind::Update => ("Update", rewrite.query()),
        PartBody::Rewrite(rewrite) => ("Delete", rewrite.query()),
        PartBody::Instead(instead) => match instead.kind() {
            DmlKind::Update => ("Update", Some(&instead.query)),
            _ => ("Delete", Some(&instead.query)),
        },
        PartBody::Merge(merge) => ("Merge", Some(merge.query())),
    }
}
