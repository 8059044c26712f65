//! MERGE, run: the pairs found, shared out among the clauses, and what they make of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::Int64Type;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::assign::assign;
use super::feeds::Feed;
use super::fire::Told;
use super::intake::with_keys;
use super::keys::{Keys, chosen};
use super::merge::{Action, BoundMerge, Clause, PAIRS, TARGET};
use super::rekey::changed_columns;
use super::returning::{joined_batch, joined_schema};
use super::sink::Sink;
use super::steps::Given;
use super::values::Inputs;
use super::work::{Work, is_referenced};
use super::{DmlKind, rewrite, rows};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Relation, TriggerEvent};
use crate::engine::scan::addressed_provider;
use crate::engine::{Bound, Engine};

/// What is to be done with one pair: which pair, which clause, which of the clause's rows.
type Deed = (u64, usize, usize);

impl Engine {
    /// Runs it; gives how many rows were inserted, updated or deleted.
    pub(super) async fn execute_merge(
        self: &Arc<Self>,
        given: &Given<'_>,
        merge: &BoundMerge,
        work: &mut Work,
    ) -> Result<u64> {
        let (context, interrupt) = (given.context, given.interrupt);
        let relation = rewrite::current(context, &merge.relation)?;
        let root = context.database.store().root();
        let found = merge
            .query
            .clone()
            .with_rows(TARGET, addressed_provider(root, &relation))?;
        let found = self.all_rows(given, found).await?;
        let failed = |error| Error::internal("pairing rows", error);

        // Which pairs each clause takes, and what it makes of them.
        let segments = found.column(0);
        let mut open: Vec<u64> = (0..found.num_rows() as u64).collect();
        let mut deeds: Vec<Deed> = Vec::new();
        let mut made: Vec<RecordBatch> = Vec::with_capacity(merge.clauses.len());
        let referenced = is_referenced(context, &relation);
        // The first pair that row security forbids what is done with it.
        let mut hidden: Option<(u64, Error)> = None;
        let mut gone: Vec<(RecordBatch, Option<RecordBatch>)> = Vec::new();
        for (number, clause) in merge.clauses.iter().enumerate() {
            let wanted = |pair: &u64| segments.is_valid(*pair as usize) == clause.matched;
            let pairs: Vec<u64> = open.iter().copied().filter(wanted).collect();
            let taken = match pairs.is_empty() {
                true => RecordBatch::new_empty(rows::schema(&relation)),
                false => self.taken(given, merge, clause, &found, &pairs).await?,
            };
            let mut numbers = match taken.num_rows() {
                0 => Vec::new(),
                _ => numbers_of(&taken),
            };
            if !numbers.is_empty() {
                let gone: HashSet<u64> = numbers.iter().copied().collect();
                open.retain(|pair| !gone.contains(pair));
            }
            let batch = match &clause.action {
                _ if numbers.is_empty() => RecordBatch::new_empty(rows::schema(&relation)),
                Action::Nothing => RecordBatch::new_empty(rows::schema(&relation)),
                Action::Delete => {
                    let old = chosen_target(&relation, &found, &numbers)?;
                    let (event, rows) = (TriggerEvent::Delete, (Some(&old), None));
                    let shown = self.before_rows(context, &relation, event, &[], rows);
                    match shown.await? {
                        None => old,
                        Some(shown) => {
                            numbers = shown.left(&numbers);
                            shown.of(&old)?
                        }
                    }
                }
                Action::Update(assigned) => {
                    let old = chosen_target(&relation, &found, &numbers)?;
                    let mut arrays = old.columns().to_vec();
                    for (place, (index, from)) in assigned.iter().enumerate() {
                        let (array, to) = (taken.column(place + 1), relation.columns[*index].ty);
                        arrays[*index] = match from {
                            Some(from) => assign(context, array, *from, to)?,
                            None => rows::read_array(context, array, to)?,
                        };
                    }
                    let options = RecordBatchOptions::new().with_row_count(Some(numbers.len()));
                    let schema = rows::schema(&relation);
                    let mut new = RecordBatch::try_new_with_options(schema, arrays, &options)
                        .map_err(failed)?;
                    let assigned = assigned.iter().map(|(index, _)| *index);
                    let changed = changed_columns(&relation, assigned);
                    let (event, rows) = (TriggerEvent::Update, (Some(&old), Some(&new)));
                    let shown = self.before_rows(context, &relation, event, &changed, rows);
                    if let Some(shown) = shown.await? {
                        numbers = shown.left(&numbers);
                        new = shown.new.unwrap_or(new);
                    }
                    self.generate(context, &relation, &merge.rules, new, interrupt)
                        .await?
                }
                Action::Insert(feeds) => {
                    let inputs = Inputs {
                        context,
                        parameters: given.parameters,
                        parameter_types: given.types,
                        computed: &[],
                    };
                    let source = |place: usize, column: usize| {
                        let to = relation.columns[column].ty;
                        let array = taken.column(place + 1);
                        match &feeds.columns[column] {
                            Feed::Source(_, Some(from)) => assign(context, array, *from, to),
                            _ => rows::read_array(context, array, to),
                        }
                    };
                    let new = self
                        .complete(&inputs, feeds, numbers.len(), source, interrupt)
                        .await?;
                    let (event, rows) = (TriggerEvent::Insert, (None, Some(&new)));
                    let shown = self.before_rows(context, &relation, event, &[], rows);
                    match shown.await? {
                        None => new,
                        Some(shown) => {
                            numbers = shown.left(&numbers);
                            let new = shown.new.unwrap_or(new);
                            self.generate(context, &relation, &merge.rules, new, interrupt)
                                .await?
                        }
                    }
                }
            };
            let becomes = (numbers.as_slice(), &batch);
            let secured =
                Box::pin(self.check_merged(given, merge, clause, &found, becomes)).await?;
            if let Some((pair, error)) = secured
                && hidden.as_ref().is_none_or(|(first, _)| pair < *first)
            {
                hidden = Some((pair, error));
            }
            if referenced && !numbers.is_empty() {
                match &clause.action {
                    Action::Delete => gone.push((batch.clone(), None)),
                    Action::Update(_) => {
                        let old = chosen_target(&relation, &found, &numbers)?;
                        gone.push((old, Some(batch.clone())));
                    }
                    Action::Nothing | Action::Insert(_) => {}
                }
            }
            if !matches!(clause.action, Action::Nothing) {
                let pairs = numbers.iter().enumerate();
                deeds.extend(pairs.map(|(row, pair)| (*pair, number, row)));
            }
            made.push(batch);
        }
        deeds.sort_unstable();
        if let Some((_, error)) = hidden {
            return Err(error);
        }
        let kinds: Vec<DmlKind> = merge.kinds().collect();
        let work = work.on_all(&relation, &kinds);
        if deeds.is_empty() {
            return Ok(0);
        }
        let looked_at = !relation.triggers.is_empty();
        let runs = deeds.chunk_by(|one, next| one.1 == next.1);
        for run in runs.filter(|_| looked_at) {
            let clause = run[0].1;
            let rows: Vec<u64> = run.iter().map(|(_, _, row)| *row as u64).collect();
            let made = chosen(&made[clause], &rows)?;
            let (event, old, new) = match &merge.clauses[clause].action {
                Action::Nothing => continue,
                Action::Delete => (TriggerEvent::Delete, Some(made), None),
                Action::Insert(_) => (TriggerEvent::Insert, None, Some(made)),
                Action::Update(_) => {
                    let pairs: Vec<u64> = run.iter().map(|(pair, _, _)| *pair).collect();
                    let old = chosen_target(&relation, &found, &pairs)?;
                    (TriggerEvent::Update, Some(old), Some(made))
                }
            };
            work.note_seen(Told::of(&relation, event), event, old, new);
        }
        let keyed = work.current(context, interrupt).await?;
        for (old, new) in gone {
            work.note_gone(old, new);
        }
        for clause in &merge.clauses {
            if let Action::Update(assigned) = &clause.action {
                let assigned = assigned.iter().map(|(index, _)| *index);
                work.changed.extend(changed_columns(&relation, assigned));
            }
        }
        let addressed: Vec<u64> = deeds
            .iter()
            .filter(|(_, clause, _)| merge.clauses[*clause].matched)
            .map(|(pair, _, _)| *pair)
            .collect();
        if !addressed.is_empty() {
            let places = chosen(&found.project(&[0, 1]).map_err(failed)?, &addressed)?;
            let before = work.hits.count;
            work.hits.add(&places)?;
            if work.hits.count - before != addressed.len() as u64 {
                return Err(twice());
            }
        }
        let new: Vec<(usize, usize)> = deeds
            .iter()
            .filter(|(_, clause, _)| !matches!(merge.clauses[*clause].action, Action::Delete))
            .map(|(_, clause, row)| (*clause, *row))
            .collect();
        let parts: Vec<&RecordBatch> = made.iter().collect();
        let new = match new.is_empty() {
            true => RecordBatch::new_empty(rows::schema(&relation)),
            false => interleave_record_batch(&parts, &new).map_err(failed)?,
        };
        let rules = &merge.rules;
        let broken = self
            .check_rows(context, &relation, rules, &new, interrupt)
            .await?;
        if let Some(keys) = Keys::open(self, context, &keyed, interrupt, |_| true).await? {
            let old = chosen_target(&relation, &found, &addressed)?;
            let sound = broken.as_ref().map_or(new.num_rows(), |(row, _)| *row);
            let (come, gone) = (new.clone(), old);
            let order: Vec<(bool, bool)> = deeds
                .iter()
                .map(|(_, clause, _)| {
                    let clause = &merge.clauses[*clause];
                    (clause.matched, !matches!(clause.action, Action::Delete))
                })
                .collect();
            with_keys(keys, move |keys| {
                let (old, new) = (keys.of(&gone)?, keys.of(&come)?);
                let (mut next_old, mut next_new) = (0, 0);
                for (goes, comes) in order {
                    if goes {
                        keys.remove(&old, next_old);
                        next_old += 1;
                    }
                    if comes {
                        if next_new == sound {
                            break;
                        }
                        keys.take(&come, &new, next_new, 0)?;
                        next_new += 1;
                    }
                }
                keys.settle()
            })
            .await?;
        }
        if let Some((_, error)) = broken {
            return Err(error);
        }
        let mut sink = Sink::new(context.database.store().clone(), relation.clone());
        sink.write(new).await?;
        work.written.extend(sink.finish().await?);
        Ok(deeds.len() as u64)
    }

    /// The first pair whose rows row security does not let a clause touch or make.
    async fn check_merged(
        self: &Arc<Self>,
        given: &Given<'_>,
        merge: &BoundMerge,
        clause: &Clause,
        found: &RecordBatch,
        (pairs, new): (&[u64], &RecordBatch),
    ) -> Result<Option<(u64, Error)>> {
        let security = &merge.security;
        let (old, new_of) = match clause.action {
            Action::Nothing => (None, None),
            Action::Delete => (security.deleted.as_ref(), None),
            Action::Update(_) => (security.changed.as_ref(), security.updated.as_ref()),
            Action::Insert(_) => (None, security.inserted.as_ref()),
        };
        if pairs.is_empty() {
            return Ok(None);
        }
        let (context, relation) = (given.context, &merge.relation);
        let mut first: Option<(usize, Error)> = None;
        if let Some(security) = old {
            let rows = chosen_target(relation, found, pairs)?;
            first = self
                .check_security(context, relation, security, &rows, given.interrupt)
                .await?;
        }
        if let Some(security) = new_of {
            let until = first.as_ref().map_or(new.num_rows(), |(row, _)| *row);
            let rows = new.slice(0, until);
            let broken = self.check_security(context, relation, security, &rows, given.interrupt);
            first = broken.await?.or(first);
        }
        Ok(first.and_then(|(row, error)| Some((*pairs.get(row)?, error))))
    }

    /// The pairs a clause takes of those offered: its query's answer.
    async fn taken(
        self: &Arc<Self>,
        given: &Given<'_>,
        merge: &BoundMerge,
        clause: &Clause,
        found: &RecordBatch,
        pairs: &[u64],
    ) -> Result<RecordBatch> {
        let sides = match clause.matched {
            true => &merge.sides[..],
            false => &merge.sides[1..],
        };
        let skipped = match clause.matched {
            true => 2,
            false => 2 + merge.relation.columns.len(),
        };
        let offered = chosen(found, pairs)?;
        let mut arrays = offered.columns()[skipped..].to_vec();
        let numbers = Int64Array::from_iter_values(pairs.iter().map(|pair| *pair as i64));
        arrays.push(Arc::new(numbers) as ArrayRef);
        let schema = joined_schema(sides);
        let batch = joined_batch(&schema, arrays, pairs.len())?;
        let query = clause
            .query
            .clone()
            .with_rows(PAIRS, rows::in_memory(schema, vec![batch])?)?;
        self.all_rows(given, query).await
    }

    /// All rows of a query in one batch.
    async fn all_rows(self: &Arc<Self>, given: &Given<'_>, query: Bound) -> Result<RecordBatch> {
        let schema = query.plan.schema().as_arrow().clone();
        let passed = &given.parameters[..query.parameters.len().min(given.parameters.len())];
        let mut answer = self
            .run(given.context, query, passed, given.interrupt)
            .await?;
        let mut batches = Vec::new();
        while let Some(batch) = answer.next().await? {
            batches.push(batch);
        }
        match batches.first() {
            None => Ok(RecordBatch::new_empty(Arc::new(schema))),
            Some(first) => concat_batches(&first.schema(), &batches)
                .map_err(|error| Error::internal("collecting rows", error)),
        }
    }
}

/// The target's columns of some pairs.
fn chosen_target(relation: &Relation, found: &RecordBatch, pairs: &[u64]) -> Result<RecordBatch> {
    let rows = chosen(found, pairs)?;
    let arrays = rows.columns()[2..2 + relation.columns.len()].to_vec();
    let options = RecordBatchOptions::new().with_row_count(Some(pairs.len()));
    RecordBatch::try_new_with_options(rows::schema(relation), arrays, &options)
        .map_err(|error| Error::internal("pairing rows", error))
}

fn numbers_of(taken: &RecordBatch) -> Vec<u64> {
    let numbers = taken.column(0).as_primitive::<Int64Type>();
    numbers
        .values()
        .iter()
        .map(|number| *number as u64)
        .collect()
}

fn twice() -> Error {
    Error::new(
        SqlState::CARDINALITY_VIOLATION,
        "MERGE command cannot affect row a second time",
    )
    .hint("Ensure that not more than one source row matches any one target row.")
}
