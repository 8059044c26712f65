//! INSERT … ON CONFLICT: rows that meet one with the same key are dropped, or change that one.

use std::collections::BTreeSet;
use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, Int32Array, Int64Array};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::{DataType, Field, Int64Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use sqlparser::ast::{self, SelectItem};

use super::assign::assign;
use super::fire::Told;
use super::intake::{Written, with_keys};
use super::keys::{Address, Keys, Met, chosen};
use super::names::Names;
use super::rekey::changed_columns;
use super::returning::{Side, joined_batch, joined_schema};
use super::rules::Rules;
use super::security::{Kind, Security};
use super::set::{assigned_columns, check_list};
use super::sink::Sink;
use super::target::{self, position};
use super::values::{Parameters, given_type, is_untyped};
use super::work::{TableWork, is_referenced};
use super::{rewrite, rows};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{PolicyCommand, Privilege, Relation, TriggerEvent};
use crate::engine::local::own_column;
use crate::engine::scan::table_provider;
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::storage::read_segment;
use crate::types::PgType;

/// The rows met, beside those proposed.
const MET: &str = "\0met";
/// Number of a proposed row.
const NUMBER: &str = "\0number";

/// A bound ON CONFLICT.
#[derive(Debug, Clone)]
pub(super) struct Conflict {
    /// The indexes minded; all of them, if none is named.
    arbiters: Vec<Oid>,
    update: Option<Update>,
}

/// DO UPDATE
#[derive(Debug, Clone)]
struct Update {
    /// Number of the proposed row, then the values of the columns assigned, of rows that WHERE lets
    /// through.
    query: Bound,
    sides: Vec<Side>,
    /// Columns assigned, in the query's order; the type of each, `None` for an untyped literal.
    assigned: Vec<(usize, Option<PgType>)>,
    /// What row security asks of the rows met.
    met: Option<Box<Security>>,
    /// What it asks of what becomes of them.
    new: Option<Box<Security>>,
}

impl Update {
    /// The columns that get other values.
    fn changed(&self, relation: &Relation) -> Vec<i16> {
        changed_columns(relation, self.assigned.iter().map(|(index, _)| *index))
    }
}

impl Conflict {
    /// Asks of rows that are changed what the table's policies ask of `role`.
    pub(super) async fn secure(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        role: Oid,
        reads: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let Some(update) = &mut self.update else {
            return Ok(());
        };
        let select = reads.then_some((PolicyCommand::Select, true));
        let mut asked = vec![(PolicyCommand::Update, true)];
        asked.extend(select);
        update.met = engine
            .bind_security(context, relation, role, Kind::Met, &asked, needs)
            .await?;
        let mut asked = vec![(PolicyCommand::Update, false)];
        asked.extend(select);
        update.new = engine
            .bind_security(context, relation, role, Kind::New, &asked, needs)
            .await?;
        Ok(())
    }

    /// Whether rows of the table may change.
    pub(super) fn updates(&self) -> bool {
        self.update.is_some()
    }

    /// The columns that DO UPDATE assigns to.
    pub(super) fn assigned(&self, relation: &Relation) -> Vec<i16> {
        let update = self.update.as_ref();
        update.map_or_else(Vec::new, |update| update.changed(relation))
    }

    /// Every query in it.
    pub(super) fn queries(&mut self) -> impl Iterator<Item = &mut Bound> {
        self.update.iter_mut().map(|update| &mut update.query)
    }
}

/// The columns that DO UPDATE sets.
pub(super) fn set_on_conflict(relation: &Relation, on: &ast::OnConflict) -> BTreeSet<i16> {
    match &on.action {
        ast::OnConflictAction::DoUpdate(update) => target::assigned(relation, &update.assignments),
        ast::OnConflictAction::DoNothing => BTreeSet::new(),
    }
}

impl Engine {
    /// Binds ON CONFLICT.
    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    pub(super) async fn bind_conflict(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        insert: &ast::Insert,
        on: &ast::OnConflict,
        arbiters: Vec<Oid>,
        names: &Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Conflict> {
        let keys = relation.constraints.indexes.iter();
        let keys = keys.filter(|index| arbiters.contains(&index.oid));
        let read: BTreeSet<i16> = keys.flat_map(|index| index.columns()).collect();
        let ast::OnConflictAction::DoUpdate(update) = &on.action else {
            // Whether a row is there is read of its key.
            if !read.is_empty() {
                let need = target::needs_columns(context, relation, Privilege::Select, read);
                needs.push(need);
            }
            return Ok(Conflict {
                arbiters,
                update: None,
            });
        };
        if arbiters.is_empty() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            )
            .hint("For example, ON CONFLICT (column_name)."));
        }
        let alias = insert.table_alias.as_ref();
        let alias = alias.map_or_else(|| relation.name.clone(), |a| target::fold(&a.alias));
        let set = target::assigned(relation, &update.assignments);
        for (privilege, columns) in [(Privilege::Update, set), (Privilege::Select, read)] {
            let need = target::needs_columns(context, relation, privilege, columns);
            needs.push(need);
        }
        let fields: Vec<Field> = rows::schema(relation)
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect();
        let mut proposed = fields.clone();
        proposed.push(Field::new(NUMBER, DataType::Int64, false));
        let sides = vec![
            Side {
                alias,
                fields,
                relation: relation.oid,
                origins: target::origins_of(relation),
            },
            Side {
                alias: "excluded".to_owned(),
                fields: proposed,
                relation: relation.oid,
                origins: target::origins_of(relation),
            },
        ];
        let mut items = vec![SelectItem::UnnamedExpr(own_column("excluded", NUMBER))];
        let mut assigned = Vec::new();
        let mut places = Vec::new();
        let old = |name: &str| own_column(&sides[0].alias, name);
        let assignments = update.assignments.clone();
        for (index, expr) in assigned_columns(context, relation, assignments, old)? {
            let column = &relation.columns[index];
            assigned.push((index, is_untyped(context, column, &expr, parameters)?));
            places.push(position(&expr));
            items.push(SelectItem::UnnamedExpr(expr));
        }
        let selection = update.selection.clone();
        let query = self
            .bind_over(context, items, &sides, selection, names, MET, parameters)
            .await?;
        check_list(&query, assigned.len() + 1)?;
        needs.extend(query.needs.iter().cloned());
        let mut types = Vec::with_capacity(assigned.len());
        for (place, (index, untyped)) in assigned.into_iter().enumerate() {
            let column = &relation.columns[index];
            let given = given_type(&query, place + 1, column, untyped, || places[place]);
            types.push((index, given?));
        }
        Ok(Conflict {
            arbiters,
            update: Some(Update {
                query,
                sides,
                assigned: types,
                met: None,
                new: None,
            }),
        })
    }

    /// Runs it over the rows proposed: whole ones, in order.
    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    pub(super) async fn resolve_conflicts(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        work: &mut TableWork,
        rules: &Rules,
        conflict: &Conflict,
        proposed: Vec<RecordBatch>,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Written> {
        if conflict.update.is_some() && !work.is_untouched() {
            return Err(Error::unsupported(
                "ON CONFLICT DO UPDATE of a table that WITH changes",
            ));
        }
        let relation = &work.current(context, interrupt).await?;
        let schema = rows::schema(relation);
        let proposed = concat_batches(&schema, &proposed)
            .map_err(|error| Error::internal("collecting rows", error))?;
        let broken = self
            .check_rows(context, relation, rules, &proposed, interrupt)
            .await?;
        let sound = broken.as_ref().map_or(proposed.num_rows(), |(row, _)| *row);
        let updates = conflict.update.is_some();
        let (keys, inserted, met) =
            match Keys::open(self, context, relation, interrupt, |_| true).await? {
                None => (None, (0..sound as u64).collect(), Vec::new()),
                Some(keys) => {
                    let (rows, arbiters) = (proposed.slice(0, sound), conflict.arbiters.clone());
                    let sort = move |keys: &mut Keys| sort_out(keys, &rows, &arbiters, updates);
                    let (keys, (inserted, met)) = with_keys(keys, sort).await?;
                    (Some(keys), inserted, met)
                }
            };
        if let Some((_, error)) = broken {
            return Err(error);
        }
        let mut updated = None;
        if let (Some(update), Some(keys)) = (&conflict.update, keys)
            && !met.is_empty()
        {
            let found = self
                .update_met(
                    context, relation, rules, update, &proposed, met, keys, parameters, interrupt,
                )
                .await?;
            work.hits.add(&address_batch(&found.places)?)?;
            work.changed.extend(update.changed(relation));
            if is_referenced(context, relation) {
                work.note_gone(found.old.clone(), Some(found.rows.clone()));
            }
            updated = Some(found);
        }
        let come = chosen(&proposed, &inserted)?;
        note_in_order(work, relation, (&come, &inserted), updated.as_ref())?;
        let rows = in_order(&proposed, &inserted, updated.as_ref())?;
        let count = rows.num_rows() as u64;
        let mut sink = Sink::new(context.database.store().clone(), relation.clone());
        sink.write(rows).await?;
        let written = sink.finish().await?;
        let root = context.database.store().root();
        let returned = table_provider(root, &rewrite::with_segments(relation, &written));
        work.written.extend(written);
        Ok(Written {
            rows: count,
            returned,
        })
    }

    /// What DO UPDATE makes of the rows met.
    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    async fn update_met(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        rules: &Rules,
        update: &Update,
        proposed: &RecordBatch,
        met: Vec<(u64, Address)>,
        keys: Keys,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Updated> {
        let old = fetch(context, relation, &met).await?;
        let numbers: Vec<u64> = met.iter().map(|(number, _)| *number).collect();
        let excluded = chosen(proposed, &numbers)?;
        let mut arrays = old.columns().to_vec();
        arrays.extend(excluded.columns().iter().cloned());
        // Numbered by their place among the rows met.
        arrays.push(Arc::new(Int64Array::from_iter_values(0..met.len() as i64)));
        let schema = joined_schema(&update.sides);
        let batch = joined_batch(&schema, arrays, met.len())?;
        let query = update
            .query
            .clone()
            .with_rows(MET, rows::in_memory(schema, vec![batch])?)?;
        let passed = &parameters[..query.parameters.len().min(parameters.len())];
        let mut answer = self.run(context, query, passed, interrupt).await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await? {
            batches.push(batch);
        }
        let answer = match batches.first() {
            Some(first) => concat_batches(&first.schema(), &batches)
                .map_err(|error| Error::internal("collecting rows", error))?,
            None => return Updated::none(relation),
        };
        let (order, sources) = settled(&answer, &met)?;
        let old = chosen(&old, &sources)?;
        if let Some(security) = &update.met {
            let hidden =
                Box::pin(self.check_security(context, relation, security, &old, interrupt)).await?;
            if let Some((_, error)) = hidden {
                return Err(error);
            }
        }
        let rules = &rules.with_security(update.new.clone());
        let answer = chosen(&answer, &order)?;
        let mut arrays = old.columns().to_vec();
        for (place, (index, from)) in update.assigned.iter().enumerate() {
            let (array, to) = (answer.column(place + 1), relation.columns[*index].ty);
            arrays[*index] = match from {
                Some(from) => assign(context, array, *from, to)?,
                None => rows::read_array(context, array, to)?,
            };
        }
        let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
        let new = RecordBatch::try_new_with_options(rows::schema(relation), arrays, &options)
            .map_err(|error| Error::internal("building rows", error))?;
        let (event, changed) = (TriggerEvent::Update, update.changed(relation));
        let pair = (Some(&old), Some(&new));
        let shown = self.before_rows(context, relation, event, &changed, pair);
        let (old, new, sources) = match shown.await? {
            None => (old, new, sources),
            Some(shown) => {
                let (sources, old) = (shown.left(&sources), shown.of(&old)?);
                (old, shown.new.unwrap_or(new), sources)
            }
        };
        let new = self
            .generate(context, relation, rules, new, interrupt)
            .await?;
        if let Some((_, error)) = self
            .check_rows(context, relation, rules, &new, interrupt)
            .await?
        {
            return Err(error);
        }
        let (before, after) = (old.clone(), new.clone());
        with_keys(keys, move |keys| {
            let (gone, come) = (keys.of(&before)?, keys.of(&after)?);
            for row in 0..after.num_rows() {
                keys.remove(&gone, row);
                keys.take(&after, &come, row, 0)?;
            }
            keys.settle()
        })
        .await?;
        Ok(Updated {
            numbers: sources.iter().map(|s| met[*s as usize].0).collect(),
            places: sources.iter().map(|s| met[*s as usize].1).collect(),
            old,
            rows: new,
        })
    }
}

/// Rows that DO UPDATE changed.
struct Updated {
    /// The number of the row proposed for each.
    numbers: Vec<u64>,
    places: Vec<Address>,
    old: RecordBatch,
    rows: RecordBatch,
}

impl Updated {
    fn none(relation: &Relation) -> Result<Self> {
        Ok(Self {
            numbers: Vec::new(),
            places: Vec::new(),
            old: RecordBatch::new_empty(rows::schema(relation)),
            rows: RecordBatch::new_empty(rows::schema(relation)),
        })
    }
}

/// Proposed rows apart: the numbers of those to be inserted, and of those that met a row of the
/// table, with the row's place. Blocking.
type Sorted = (Vec<u64>, Vec<(u64, Address)>);

fn sort_out(
    keys: &mut Keys,
    rows: &RecordBatch,
    arbiters: &[Oid],
    updates: bool,
) -> Result<Sorted> {
    let of = keys.of(rows)?;
    let (mut inserted, mut met) = (Vec::new(), Vec::new());
    for row in 0..rows.num_rows() {
        match keys.find(&of, row, arbiters)? {
            None => {
                keys.take(rows, &of, row, row as u64)?;
                inserted.push(row as u64);
            }
            Some(_) if !updates => {}
            Some(Met::Stored(place)) => met.push((row as u64, place)),
            Some(Met::Made(_)) => return Err(twice()),
        }
    }
    if !updates {
        keys.settle()?;
    }
    Ok((inserted, met))
}

/// The rows WHERE let through, in the order of their proposals: their places in the answer, and
/// among the rows met.
fn settled(answer: &RecordBatch, met: &[(u64, Address)]) -> Result<(Vec<u64>, Vec<u64>)> {
    let through = answer.column(0).as_primitive::<Int64Type>();
    let mut places = vec![None; met.len()];
    for (place, number) in through.values().iter().enumerate() {
        places[*number as usize] = Some(place as u64);
    }
    let mut changed = HashSet::new();
    let (mut order, mut sources) = (Vec::new(), Vec::new());
    for (source, (_, address)) in met.iter().enumerate() {
        if changed.contains(address) {
            return Err(twice());
        }
        if let Some(place) = places[source] {
            changed.insert(*address);
            order.push(place);
            sources.push(source as u64);
        }
    }
    Ok((order, sources))
}

fn twice() -> Error {
    Error::new(
        SqlState::CARDINALITY_VIOLATION,
        "ON CONFLICT DO UPDATE command cannot affect row a second time",
    )
    .hint(
        "Ensure that no rows proposed for insertion within the same command have duplicate \
         constrained values.",
    )
}

/// The rows of the table that were met, in that order.
async fn fetch(
    context: &Arc<StatementContext>,
    relation: &Arc<Relation>,
    met: &[(u64, Address)],
) -> Result<RecordBatch> {
    let (root, relation) = (context.database.store().root().to_owned(), relation.clone());
    let places: Vec<Address> = met.iter().map(|(_, place)| *place).collect();
    let work = move || -> Result<RecordBatch> {
        let mut segments: Vec<usize> = places.iter().map(|(segment, _)| *segment).collect();
        segments.sort_unstable();
        segments.dedup();
        let mut parts = Vec::with_capacity(segments.len());
        for segment in &segments {
            let stored = &relation.segments()[*segment];
            let batches = read_segment(&root, stored, &relation.columns)?;
            let batches = batches.collect::<Result<Vec<_>>>()?;
            parts.push(
                concat_batches(&rows::schema(&relation), &plain(&relation, batches)?)
                    .map_err(|error| Error::internal("reading rows", error))?,
            );
        }
        let indices: Vec<(usize, usize)> = places
            .iter()
            .map(|(segment, row)| {
                let part = segments.binary_search(segment).unwrap_or(0);
                (part, *row as usize)
            })
            .collect();
        let parts: Vec<&RecordBatch> = parts.iter().collect();
        interleave_record_batch(&parts, &indices)
            .map_err(|error| Error::internal("reading rows", error))
    };
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("reading rows", error))?
}

/// Stored batches under the schema rows have on their way in.
fn plain(relation: &Relation, batches: Vec<RecordBatch>) -> Result<Vec<RecordBatch>> {
    let schema = rows::schema(relation);
    let batches = batches.into_iter().map(|batch| {
        let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        RecordBatch::try_new_with_options(schema.clone(), batch.columns().to_vec(), &options)
    });
    batches
        .collect::<Result<_, _>>()
        .map_err(|error| Error::internal("reading rows", error))
}

/// Notes inserted and updated rows in the order of their proposals.
fn note_in_order(
    work: &mut TableWork,
    relation: &Relation,
    (come, inserted): (&RecordBatch, &[u64]),
    updated: Option<&Updated>,
) -> Result<()> {
    if relation.triggers.is_empty() {
        return Ok(());
    }
    let numbers = inserted.iter().enumerate();
    let mut order: Vec<(u64, bool, u64)> = numbers
        .map(|(row, number)| (*number, false, row as u64))
        .collect();
    let numbers = updated.iter().flat_map(|of| of.numbers.iter().enumerate());
    order.extend(numbers.map(|(row, number)| (*number, true, row as u64)));
    order.sort_unstable();
    for run in order.chunk_by(|one, next| one.1 == next.1) {
        let rows: Vec<u64> = run.iter().map(|(_, _, row)| *row).collect();
        let (event, old, new) = match updated.filter(|_| run[0].1) {
            Some(updated) => (
                TriggerEvent::Update,
                Some(chosen(&updated.old, &rows)?),
                chosen(&updated.rows, &rows)?,
            ),
            None => (TriggerEvent::Insert, None, chosen(come, &rows)?),
        };
        work.note_seen(Told::of(relation, event), event, old, Some(new));
    }
    Ok(())
}

/// Inserted and updated rows in the order of their proposals.
fn in_order(
    proposed: &RecordBatch,
    inserted: &[u64],
    updated: Option<&Updated>,
) -> Result<RecordBatch> {
    let Some(updated) = updated else {
        return chosen(proposed, inserted);
    };
    let mut indices: Vec<(u64, (usize, usize))> = inserted
        .iter()
        .map(|number| (*number, (0, *number as usize)))
        .collect();
    let numbers = updated.numbers.iter().enumerate();
    indices.extend(numbers.map(|(row, number)| (*number, (1, row))));
    indices.sort_unstable();
    let indices: Vec<_> = indices.into_iter().map(|(_, index)| index).collect();
    interleave_record_batch(&[proposed, &updated.rows], &indices)
        .map_err(|error| Error::internal("putting rows in order", error))
}

/// Places as [`super::hits::Hits`] takes them.
fn address_batch(places: &[Address]) -> Result<RecordBatch> {
    let segments = Int32Array::from_iter_values(places.iter().map(|(segment, _)| *segment as i32));
    let rows = Int64Array::from_iter_values(places.iter().map(|(_, row)| *row as i64));
    RecordBatch::try_from_iter([
        ("segment", Arc::new(segments) as ArrayRef),
        ("row", Arc::new(rows) as ArrayRef),
    ])
    .map_err(|error| Error::internal("addressing rows", error))
}
