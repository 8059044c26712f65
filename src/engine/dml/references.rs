//! Rows that refer to nothing: what foreign keys are checked with.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{Field, Schema};
use arrow::record_batch::RecordBatch;
use sqlparser::ast;

use super::keys::describe_values;
use super::work::Gone;
use super::{BoundDml, rewrite, rows, target};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Column, ForeignAction, ForeignKey, Relation, Segment, Snapshot};
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
/// Keys of theirs that are not there in the table referred to.
const MET: &str = "\0met";

/// A row that refers to nothing.
#[derive(Debug)]
pub struct Orphan {
    /// The values of its key as messages have them; `None` for a key that is NULL in part where
    /// MATCH FULL was said.
    pub values: Option<String>,
    /// What it referred to is gone.
    pub stranded: bool,
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
        let mut text = format!(
            "SELECT {} FROM ONLY {} AS c WHERE EXISTS (SELECT 1 FROM gone AS g WHERE {})",
            of_columns("c", &columns).join(", "),
            context.snapshot.qualified_name(from),
            referred(from, key)
        );
        if action != ForeignAction::Restrict {
            text.push_str(&format!(" AND {}", orphan_condition(context, from, key)?));
        }
        text.push_str(" LIMIT 1");
        let gone = gone_rows(parent, gone)?;
        let found = self.rows_of(context, &text, &gone, GONE, interrupt).await?;
        let values = |batch: &RecordBatch| {
            describe_values(context, &types_of(&columns), |i| batch.column(i), 0)
        };
        found.first().map(values).transpose()
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

    /// Looks for a row `among` some segments of `relation` whose key is not there in the table
    /// referred to. Whoever asks may read both.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn orphan(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        among: &[Arc<Segment>],
        key: &ForeignKey,
        interrupt: &Interrupt,
    ) -> Result<Option<Orphan>> {
        let columns = columns_of(relation, key);
        let list = of_columns("c", &columns);
        let rows = referring(context, relation, among);
        if key.full && list.len() > 1 {
            let null = |is: &str| -> String {
                let each: Vec<String> = list.iter().map(|c| format!("{c} {is}")).collect();
                format!("({})", each.join(" OR "))
            };
            let text = format!(
                "SELECT 1 FROM referring AS c WHERE {} AND {} LIMIT 1",
                null("IS NULL"),
                null("IS NOT NULL")
            );
            let found = self.rows_of(context, &text, &rows, REFERRING, interrupt);
            if !found.await?.is_empty() {
                return Ok(Some(Orphan {
                    values: None,
                    stranded: false,
                }));
            }
        }
        // Which one is told is the same whenever it is asked.
        let text = format!(
            "SELECT {list} FROM referring AS c WHERE {} ORDER BY {list} LIMIT 1",
            orphan_condition(context, relation, key)?,
            list = list.join(", ")
        );
        let found = self.rows_of(context, &text, &rows, REFERRING, interrupt);
        found_orphan(context, &columns, &found.await?, false)
    }

    /// As [`Engine::orphan`], where one was `found`, of which something is known: what referred to
    /// nothing already `before` (NOT VALID, or triggers did not fire) may go on doing so, unlike
    /// what has become so, or more often so.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    #[expect(clippy::too_many_arguments, reason = "the parts of one question")]
    pub async fn new_orphan(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        among: &[Arc<Segment>],
        before: &Arc<Snapshot>,
        key: &ForeignKey,
        found: Orphan,
        interrupt: &Interrupt,
    ) -> Result<Option<Orphan>> {
        let tables = (
            same_key(before, context, relation.oid, &key.columns),
            same_key(before, context, key.table, &key.references),
        );
        let (Some(from), Some(to)) = tables else {
            return Ok(Some(found));
        };
        let columns = columns_of(relation, key);
        let list = of_columns("c", &columns);
        let text = format!(
            "SELECT DISTINCT {}, {} FROM referring AS c WHERE {}",
            list.join(", "),
            number_of(&context.snapshot, relation, &columns, &list),
            orphan_condition(context, relation, key)?
        );
        let rows = referring(context, relation, among);
        let now = self.rows_of(context, &text, &rows, REFERRING, interrupt);
        let met = met_keys(&columns, now.await?)?;
        let keys: Vec<String> = (0..columns.len()).map(|at| format!("m.k{at}")).collect();
        let more = number_of(before, from, &chosen(from, &key.columns), &keys);
        let more = format!("m.n > {more}");
        let referred = equal(&of_columns("p", &chosen(to, &key.references)), &keys);
        let text = format!(
            "SELECT {list}, {more} FROM met AS m \
             WHERE {more} OR EXISTS (SELECT 1 FROM {} AS p WHERE {referred}) \
             ORDER BY {} DESC, {list} LIMIT 1",
            parent_table(before, to),
            keys.len() + 1,
            list = keys.join(", "),
        );
        let then = Arc::new(StatementContext {
            snapshot: Arc::clone(before),
            ..StatementContext::clone(context)
        });
        let found = self.rows_of(&then, &text, &met, MET, interrupt).await?;
        let more = found.first().and_then(|batch| batch.columns().last());
        let stranded = more.is_some_and(|more| !more.as_boolean().value(0));
        found_orphan(context, &columns, &found, stranded)
    }

    /// The rows of a generated query over `local`, which it names by the word it has in `place` of.
    async fn rows_of(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        text: &str,
        local: &LocalRelation,
        place: &str,
        interrupt: &Interrupt,
    ) -> Result<Vec<RecordBatch>> {
        let mut query = parse_query(text)?;
        put_name(query.as_mut(), place.trim_start_matches('\0'), place);
        let bound = self
            .bind_with(&context.outside(), &query, &[], std::slice::from_ref(local))
            .await?;
        let mut answer = self.run(context, bound, &[], interrupt).await?;
        let mut rows = Vec::new();
        while let Some(batch) = answer.next().await? {
            if batch.num_rows() > 0 {
                rows.push(batch);
            }
        }
        Ok(rows)
    }
}

/// The orphan that a query found, whose answer begins with its key.
fn found_orphan(
    context: &Arc<StatementContext>,
    columns: &[Column],
    found: &[RecordBatch],
    stranded: bool,
) -> Result<Option<Orphan>> {
    let Some(batch) = found.first() else {
        return Ok(None);
    };
    let value = |i: usize| batch.column(i);
    Ok(Some(Orphan {
        values: Some(describe_values(context, &types_of(columns), value, 0)?),
        stranded,
    }))
}

/// The rows of some segments, to be looked at.
fn referring(
    context: &StatementContext,
    relation: &Relation,
    among: &[Arc<Segment>],
) -> LocalRelation {
    let root = context.database.store().root();
    let rows = table_provider(root, &rewrite::with_segments(relation, among));
    LocalRelation {
        name: REFERRING.to_owned(),
        relation: relation.oid,
        origins: Vec::new(),
        rows: LocalRows::Provider(rows),
    }
}

/// A table referred to, in FROM. What stands under it is none of it to a foreign key, unless it is
/// all there is.
fn parent_table(snapshot: &Snapshot, parent: &Relation) -> String {
    let only = if parent.is_partitioned() { "" } else { "ONLY " };
    format!("{only}{}", snapshot.qualified_name(parent))
}

/// A table as it was `before`, if it was there and had some columns of these types.
fn same_key<'a>(
    before: &'a Snapshot,
    context: &StatementContext,
    table: Oid,
    attnums: &[i16],
) -> Option<&'a Arc<Relation>> {
    let (then, now) = (before.relation(table)?, context.snapshot.relation(table)?);
    let (was, is) = (chosen(then, attnums), chosen(now, attnums));
    let same = was.len() == attnums.len() && types_of(&was) == types_of(&is);
    same.then_some(then)
}

/// A subquery: how many rows of a table have these values in some columns. NULL is one of them.
fn number_of(
    snapshot: &Snapshot,
    table: &Relation,
    columns: &[Column],
    values: &[String],
) -> String {
    let pairs = of_columns("s", columns).into_iter().zip(values);
    let same: Vec<String> = pairs
        .map(|(column, value)| format!("{column} IS NOT DISTINCT FROM {value}"))
        .collect();
    format!(
        "(SELECT count(*) FROM ONLY {} AS s WHERE {})",
        snapshot.qualified_name(table),
        same.join(" AND ")
    )
}

/// Keys as `k0`, `k1`, … with a number `n` each.
fn met_keys(columns: &[Column], rows: Vec<RecordBatch>) -> Result<LocalRelation> {
    let failed = |error| Error::internal("following a foreign key", error);
    let keys = columns.iter().enumerate();
    let mut fields: Vec<Field> = keys
        .map(|(at, column)| column.ty.field(&format!("k{at}"), true))
        .collect();
    fields.push(PgType::INT8.field("n", true));
    let taken = rows.first().map(RecordBatch::schema);
    let types = taken.iter().flat_map(|schema| schema.fields().iter());
    let typed = fields.into_iter().zip(types);
    let fields: Vec<Field> = typed
        .map(|(field, of)| field.with_data_type(of.data_type().clone()))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let rows = rows
        .into_iter()
        .map(|batch| RecordBatch::try_new(Arc::clone(&schema), batch.columns().to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    Ok(LocalRelation {
        name: MET.to_owned(),
        relation: Oid::INVALID,
        origins: Vec::new(),
        rows: LocalRows::Provider(rows::in_memory(schema, rows)?),
    })
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
    let columns = of_columns("c", &columns_of(relation, key));
    let mut conditions: Vec<String> = columns
        .iter()
        .map(|column| format!("{column} IS NOT NULL"))
        .collect();
    let referred = of_columns("p", &chosen(parent, &key.references));
    conditions.push(format!(
        "NOT EXISTS (SELECT 1 FROM {} AS p WHERE {})",
        parent_table(&context.snapshot, parent),
        equal(&referred, &columns)
    ));
    Ok(conditions.join(" AND "))
}

fn columns_of(relation: &Relation, key: &ForeignKey) -> Vec<Column> {
    chosen(relation, &key.columns)
}

/// Columns of a table by their names behind its alias.
fn of_columns(alias: &str, columns: &[Column]) -> Vec<String> {
    let columns = columns.iter();
    columns
        .map(|column| format!("{alias}.{}", quote(&column.name)))
        .collect()
}

/// The condition that these are those, each.
fn equal(these: &[String], those: &[String]) -> String {
    let pairs = these.iter().zip(those);
    let pairs: Vec<String> = pairs
        .map(|(this, that)| format!("{this} = {that}"))
        .collect();
    pairs.join(" AND ")
}

fn chosen(relation: &Relation, attnums: &[i16]) -> Vec<Column> {
    attnums
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
    let gone = key.references.iter();
    let gone: Vec<String> = gone.map(|attnum| format!("g.o{attnum}")).collect();
    equal(&of_columns("c", &columns_of(from, key)), &gone)
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
