//! Rows that refer to nothing: what foreign keys are checked with.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::Array;
use arrow::datatypes::Schema;
use arrow::record_batch::RecordBatch;
use sqlparser::ast;

use super::keys::describe_values;
use super::work::Gone;
use super::{BoundDml, rewrite, rows, target};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Column, ForeignAction, ForeignKey, Relation, Segment};
use crate::engine::Engine;
use crate::engine::command::{Command, DmlAction};
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::parse::{parse, parse_query};
use crate::engine::scan::table_provider;
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::types::PgType;

/// The rows looked at.
const REFERRING: &str = "\0referring";

/// A row that refers to nothing.
#[derive(Debug)]
pub struct Orphan {
    /// The values of its key as messages have them; `None` for a key that is NULL in part where
    /// MATCH FULL was said.
    pub values: Option<String>,
}

/// Rows that may refer to nothing.
#[derive(Debug, Clone, Copy)]
pub enum Referring<'a> {
    /// Those of segments.
    Stored(&'a [Arc<Segment>]),
    /// Those that an UPDATE gave other keys.
    Changed(&'a Gone),
}

/// Rows that are gone, in the generated statements.
const GONE: &str = "\0gone";

impl Engine {
    /// Looks for a row of `from` that referred to one of the rows gone from `parent`, and refers to
    /// nothing now (RESTRICT does not ask for that). Gives its key's values as messages have them.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    #[expect(clippy::too_many_arguments, reason = "the parts of one question")]
    pub async fn stranded(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        parent: &Arc<Relation>,
        from: &Arc<Relation>,
        key: &ForeignKey,
        gone: &Gone,
        action: ForeignAction,
        interrupt: &Interrupt,
    ) -> Result<Option<String>> {
        let columns = columns_of(from, key);
        let list: Vec<String> = columns
            .iter()
            .map(|c| format!("c.{}", quote(&c.name)))
            .collect();
        let mut text = format!(
            "SELECT {} FROM ONLY {} AS c WHERE EXISTS (SELECT 1 FROM gone AS g WHERE {})",
            list.join(", "),
            context.snapshot.qualified_name(from),
            referred(from, key)
        );
        if action != ForeignAction::Restrict {
            text.push_str(&format!(" AND {}", orphan_condition(context, from, key)?));
        }
        text.push_str(" LIMIT 1");
        let mut query = parse_query(&text)?;
        put_name(query.as_mut(), "gone", GONE);
        let local = gone_rows(parent, gone)?;
        let bound = self
            .bind_with(&context.outside(), &query, &[], &[local])
            .await?;
        let mut answer = self.run(context, bound, &[], interrupt).await?;
        while let Some(batch) = answer.next().await? {
            if batch.num_rows() > 0 {
                return describe_values(context, &types_of(&columns), |i| batch.column(i), 0)
                    .map(Some);
            }
        }
        Ok(None)
    }

    /// Binds what a foreign key does to the rows of `from` that referred to rows gone from
    /// `parent`.
    ///
    /// # Errors
    /// As [`Engine::bind_dml`].
    pub async fn bind_consequence(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        parent: &Arc<Relation>,
        from: &Arc<Relation>,
        key: &ForeignKey,
        gone: &Gone,
        action: ForeignAction,
    ) -> Result<BoundDml> {
        // A partitioned table's rows are its partitions'.
        let only = if from.is_partitioned() { "" } else { "ONLY " };
        let child = format!("{only}{}", context.snapshot.qualified_name(from));
        let referred = referred(from, key);
        let set = |to: &dyn Fn(i16) -> String| {
            let columns = columns_of(from, key);
            let columns = columns.iter().zip(&key.references);
            let some = !gone.is_update() && !key.delete_sets.is_empty();
            let columns: Vec<String> = columns
                .filter(|(column, _)| !some || key.delete_sets.contains(&column.attnum))
                .map(|(column, attnum)| format!("{} = {}", quote(&column.name), to(*attnum)))
                .collect();
            format!(
                "UPDATE {child} AS c SET {} FROM gone AS g WHERE {referred}",
                columns.join(", ")
            )
        };
        let text = match action {
            ForeignAction::Cascade if gone.is_update() => set(&|attnum| format!("g.n{attnum}")),
            ForeignAction::Cascade => {
                format!("DELETE FROM {child} AS c USING gone AS g WHERE {referred}")
            }
            ForeignAction::SetNull => set(&|_| "NULL".to_owned()),
            ForeignAction::SetDefault => set(&|_| "DEFAULT".to_owned()),
            ForeignAction::NoAction | ForeignAction::Restrict => {
                return Err(Error::internal(
                    "following a foreign key",
                    "it does nothing",
                ));
            }
        };
        let Some(Command::Dml(mut dml)) = parse(&text)?.pop().map(|one| one.command) else {
            return Err(Error::internal(
                "following a foreign key",
                "not a statement",
            ));
        };
        match &mut dml.action {
            DmlAction::Update(update) => put_name(update.as_mut(), "gone", GONE),
            DmlAction::Delete(delete) => put_name(delete.as_mut(), "gone", GONE),
            _ => {}
        }
        self.bind_dml_over(context, &dml, &[], vec![gone_rows(parent, gone)?])
            .await
    }

    /// Looks for a row `among` some of `relation` whose key is not there in the table referred
    /// to. Whoever asks may read both.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn orphan(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        among: Referring<'_>,
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
        put_name(query.as_mut(), "referring", REFERRING);
        let rows = match among {
            Referring::Stored(segments) => {
                let root = context.database.store().root();
                table_provider(root, &rewrite::with_segments(relation, segments))
            }
            Referring::Changed(rows) => {
                let new = rows.new.iter().cloned().collect();
                rows::in_memory(rows::schema(relation), new)?
            }
        };
        let local = LocalRelation {
            name: REFERRING.to_owned(),
            relation: relation.oid,
            origins: Vec::new(),
            rows: LocalRows::Provider(rows),
        };
        let bound = self
            .bind_with(&context.outside(), &query, &[], &[local])
            .await?;
        let mut answer = self.run(context, bound, &[], interrupt).await?;
        while let Some(batch) = answer.next().await? {
            if batch.num_rows() == 0 {
                continue;
            }
            let partly = batch.columns().iter().any(|array| array.is_null(0));
            let values = match partly {
                true => None,
                false => Some(describe_values(
                    context,
                    &types_of(&columns),
                    |i| batch.column(i),
                    0,
                )?),
            };
            return Ok(Some(Orphan { values }));
        }
        Ok(None)
    }
}

/// The condition that a row `c` of `relation` refers to nothing, as text.
fn orphan_condition(
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
    // What stands under a table is none of it to a foreign key, unless it is all there is.
    let only = match parent.is_partitioned() {
        true => "",
        false => "ONLY ",
    };
    conditions.push(format!(
        "NOT EXISTS (SELECT 1 FROM {only}{} AS p WHERE {})",
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

/// Puts a name no client can write in place of one of our own.
fn put_name<T: ast::VisitMut>(node: &mut T, from: &str, to: &str) {
    let _: ControlFlow<()> = ast::visit_relations_mut(node, |name| {
        if name.to_string() == from {
            *name = ast::ObjectName::from(vec![target::quoted(to)]);
        }
        ControlFlow::Continue(())
    });
}

/// The condition that a row `c` of `from` referred to a row `g` that is gone.
fn referred(from: &Relation, key: &ForeignKey) -> String {
    let columns = columns_of(from, key);
    let pairs = columns.iter().zip(&key.references);
    let conditions: Vec<String> = pairs
        .map(|(column, attnum)| format!("c.{} = g.o{attnum}", quote(&column.name)))
        .collect();
    conditions.join(" AND ")
}

/// The rows that are gone: their columns as they were (`o` and the number) and, after an UPDATE,
/// as they are (`n`).
fn gone_rows(parent: &Relation, gone: &Gone) -> Result<LocalRelation> {
    let parts = [("o", Some(&gone.old)), ("n", gone.new.as_ref())];
    let (mut fields, mut arrays) = (Vec::new(), Vec::new());
    for (letter, batch) in parts {
        let Some(batch) = batch else { continue };
        for (column, array) in parent.columns.iter().zip(batch.columns()) {
            let name = format!("{letter}{}", column.attnum);
            let field = column.ty.field(&name, true);
            fields.push(field.with_data_type(array.data_type().clone()));
            arrays.push(Arc::clone(array));
        }
    }
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(schema.clone(), arrays)
        .map_err(|error| Error::internal("following a foreign key", error))?;
    Ok(LocalRelation {
        name: GONE.to_owned(),
        relation: Oid::INVALID,
        origins: Vec::new(),
        rows: LocalRows::Provider(rows::in_memory(schema, vec![batch])?),
    })
}

fn types_of(columns: &[Column]) -> Vec<PgType> {
    columns.iter().map(|column| column.ty).collect()
}
