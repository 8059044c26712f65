//! Rows that refer to nothing: what foreign keys are checked with.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::Array;
use sqlparser::ast;

use super::keys::describe_values;
use super::{rewrite, target};
use crate::base::name::quote;
use crate::base::{Error, Result};
use crate::catalog::{Column, ForeignKey, Relation, Segment};
use crate::engine::Engine;
use crate::engine::local::LocalRelation;
use crate::engine::parse::parse_query;
use crate::engine::scan::table_provider;
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// The rows looked at.
const REFERRING: &str = "\0referring";

/// A row that refers to nothing.
#[derive(Debug)]
pub struct Orphan {
    /// The values of its key as messages have them; `None` for a key that is NULL in part where
    /// MATCH FULL was said.
    pub values: Option<String>,
}

impl Engine {
    /// Looks for a row among `segments` of `relation` whose key is not there in the table referred
    /// to. Whoever asks may read both.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn orphan(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        segments: &[Arc<Segment>],
        key: &ForeignKey,
        interrupt: &Interrupt,
    ) -> Result<Option<Orphan>> {
        let columns = columns_of(relation, key);
        let list: Vec<String> = columns
            .iter()
            .map(|c| format!("c.{}", quote(&c.name)))
            .collect();
        let mut condition = orphan_condition(context, relation, key)?;
        if key.full && list.len() > 1 {
            let null = |is: &str| -> String {
                let each: Vec<String> = list.iter().map(|c| format!("{c} {is}")).collect();
                format!("({})", each.join(" OR "))
            };
            condition = format!(
                "({condition}) OR ({} AND {})",
                null("IS NULL"),
                null("IS NOT NULL")
            );
        }
        let text = format!(
            "SELECT {} FROM referring AS c WHERE {condition} LIMIT 1",
            list.join(", ")
        );
        let mut query = parse_query(&text)?;
        let _: ControlFlow<()> = ast::visit_relations_mut(query.as_mut(), |name| {
            if name.to_string() == "referring" {
                *name = ast::ObjectName::from(vec![target::quoted(REFERRING)]);
            }
            ControlFlow::Continue(())
        });
        let root = context.database.store().root();
        let rows = rewrite::with_segments(relation, segments);
        let local = LocalRelation {
            name: REFERRING.to_owned(),
            relation: relation.oid,
            provider: table_provider(root, &rows),
        };
        let bound = self.bind_with(context, &query, &[], &[local]).await?;
        let mut answer = self.run(context, bound, &[], interrupt).await?;
        while let Some(batch) = answer.next().await? {
            if batch.num_rows() == 0 {
                continue;
            }
            let partly = batch.columns().iter().any(|array| array.is_null(0));
            let values = match partly {
                true => None,
                false => Some(describe_values(context, &columns, |i| batch.column(i), 0)?),
            };
            return Ok(Some(Orphan { values }));
        }
        Ok(None)
    }
}

/// The condition that a row `c` of `relation` refers to nothing, as text.
///
/// # Errors
/// `XX000` if the table referred to is not there.
pub fn orphan_condition(
    context: &StatementContext,
    relation: &Relation,
    key: &ForeignKey,
) -> Result<String> {
    let Some(parent) = context.snapshot.relation(key.table) else {
        return Err(Error::internal(
            "following a foreign key",
            "its table is gone",
        ));
    };
    let columns = columns_of(relation, key);
    let mut conditions: Vec<String> = columns
        .iter()
        .map(|column| format!("c.{} IS NOT NULL", quote(&column.name)))
        .collect();
    let pairs: Vec<String> = columns
        .iter()
        .zip(&key.references)
        .filter_map(|(column, attnum)| {
            let to = parent.columns.iter().find(|c| c.attnum == *attnum)?;
            Some(format!("p.{} = c.{}", quote(&to.name), quote(&column.name)))
        })
        .collect();
    conditions.push(format!(
        "NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        context.snapshot.qualified_name(parent),
        pairs.join(" AND ")
    ));
    Ok(conditions.join(" AND "))
}

fn columns_of(relation: &Relation, key: &ForeignKey) -> Vec<Column> {
    key.columns
        .iter()
        .filter_map(|attnum| relation.columns.iter().find(|c| c.attnum == *attnum))
        .cloned()
        .collect()
}
