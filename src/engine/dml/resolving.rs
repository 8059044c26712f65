//! INSERT … ON CONFLICT, run: the keys of the table, or of each partition, tell proposed rows
//! apart. Those that meet a row are dropped, or change that one.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, UInt32Array};
use arrow::compute::{concat_batches, interleave_record_batch};
use arrow::datatypes::{Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::catalog::TableProvider;

use super::assign::assign;
use super::conflict::{Conflict, MET, Update};
use super::destinations::{Came, in_given_order, names_of, nullable};
use super::fire::{Told, retain};
use super::insert::Insert;
use super::intake::{Written, with_keys};
use super::keys::{Address, Keys, chosen};
use super::met::{address_batch, fetch, settled, sort_out};
use super::returning::{joined_batch, joined_schema};
use super::route::{Sent, holds, shaped};
use super::rules::{Rules, of_table, table_column};
use super::security::Security;
use super::sink::Sink;
use super::work::{Work, keeps_changed};
use super::{DmlKind, rewrite, rows};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Relation, TriggerEvent};
use crate::engine::scan::{XMAX_COLUMN, family_schema};
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::types::PgType;

/// What a statement proposes rows with.
struct Proposing<'a> {
    /// The table it names.
    table: &'a Arc<Relation>,
    /// What that asks of rows.
    rules: &'a Rules,
    conflict: &'a Conflict,
    parameters: &'a [ArrayRef],
}

impl Proposing<'_> {
    /// Rows of a table as those of the one that the statement names.
    fn shown(&self, relation: &Relation, rows: &RecordBatch) -> Result<RecordBatch> {
        match relation.oid == self.table.oid {
            true => Ok(rows.clone()),
            false => shaped(rows, relation, self.table),
        }
    }
}

/// A table that takes rows: the one that the statement names, or a partition of it.
struct Recipient {
    relation: Arc<Relation>,
    /// What is asked of rows that come.
    rules: Rules,
    /// What the bound of a partition asks of rows that are there.
    bound: Option<Bound>,
    /// Of a partition: the table that the statement names, and what that asks of all rows.
    above: Option<(Relation, Rules)>,
    arbiters: Vec<Oid>,
}

/// What became of rows proposed to a table.
struct Resolved {
    relation: Arc<Relation>,
    /// The number of each in the statement.
    numbers: Vec<usize>,
    proposed: RecordBatch,
    /// Which of them are inserted.
    inserted: Vec<u64>,
    updated: Option<Updated>,
}

impl Engine {
    /// Runs it over the rows proposed: whole ones, in order.
    pub(super) async fn resolve_conflicts(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        (insert, conflict): (&Insert, &Conflict),
        work: &mut Work,
        proposed: Vec<RecordBatch>,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Written> {
        let table = rewrite::current(context, &insert.relation)?;
        let proposed = concat_batches(&rows::schema(&table), &proposed)
            .map_err(|error| Error::internal("collecting rows", error))?;
        let proposing = Proposing {
            table: &table,
            rules: &insert.feeds.rules,
            conflict,
            parameters,
        };
        let (sent, lost) = match &insert.router {
            Some(router) => self.route(context, router, &proposed, interrupt).await?,
            None => (vec![Sent::all(&table, proposed)], None),
        };
        let mut all = Vec::with_capacity(sent.len());
        for sent in sent {
            let resolved = self.resolve_in(context, &proposing, work, sent, interrupt);
            all.push(resolved.await?);
        }
        if let Some((_, error)) = lost {
            return Err(error);
        }
        note_in_order(work, &table, &all)?;
        let met: BTreeSet<usize> = all.iter().flat_map(Resolved::met).collect();
        let mut came = Vec::with_capacity(all.len());
        for resolved in all {
            let rows = resolved.in_order()?;
            let (store, relation) = (context.database.store().clone(), resolved.relation);
            let mut sink = Sink::new(store, relation.clone());
            sink.write(rows.rows.clone()).await?;
            let written = sink.finish().await?;
            work.on(&relation, DmlKind::Insert).written.extend(written);
            came.push(rows);
        }
        let returned = insert
            .returning
            .then(|| returned(context, &table, &came, &met));
        let returned = returned.transpose()?.into_iter().collect();
        Ok(Written {
            rows: came.iter().map(|of| of.rows.num_rows() as u64).sum(),
            returned: met_provider(&table, returned)?,
        })
    }

    /// Settles what becomes of rows for one table.
    async fn resolve_in(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        proposing: &Proposing<'_>,
        work: &mut Work,
        sent: Sent,
        interrupt: &Interrupt,
    ) -> Result<Resolved> {
        let conflict = proposing.conflict;
        let updates = conflict.updates();
        let recipient = self.recipient(context, proposing, &sent.leaf).await?;
        let relation = &recipient.relation;
        if updates {
            work.on(relation, DmlKind::Update);
        }
        let own = work.on(relation, DmlKind::Insert);
        if updates && !own.is_untouched() {
            return Err(Error::unsupported(
                "ON CONFLICT DO UPDATE of a table that WITH changes",
            ));
        }
        let keyed = own.current(context, interrupt).await?;
        let (mut numbers, mut proposed) = (sent.numbers, sent.rows);
        if recipient.above.is_some() {
            let rules = &recipient.rules;
            let left = self.before_insert(context, relation, rules, proposed, interrupt);
            let kept;
            (proposed, kept) = left.await?;
            retain(&mut numbers, kept.as_ref());
        }
        let security = &proposing.rules.security;
        let broken = self
            .check_in(context, &recipient, security, &proposed, interrupt)
            .await?;
        let sound = broken.as_ref().map_or(proposed.num_rows(), |(row, _)| *row);
        let (keys, inserted, met) =
            match Keys::open(self, context, &keyed, interrupt, |_| true).await? {
                None => (None, (0..sound as u64).collect(), Vec::new()),
                Some(keys) => {
                    let (rows, arbiters) = (proposed.slice(0, sound), recipient.arbiters.clone());
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
            let changed = update.changed(proposing.table).into_iter().collect();
            let changed = names_of(proposing.table, relation, &changed);
            let changed: Vec<i16> = changed.into_iter().collect();
            let asked = (update, &*changed);
            let found = self
                .update_met(
                    context, proposing, &recipient, asked, &proposed, met, keys, interrupt,
                )
                .await?;
            let own = work.on(relation, DmlKind::Insert);
            own.hits.add(&address_batch(&found.places)?)?;
            own.changed.extend(changed);
            if keeps_changed(context, relation) {
                own.note_gone(found.old.clone(), Some(found.rows.clone()));
            }
            updated = Some(found);
        }
        Ok(Resolved {
            relation: recipient.relation,
            numbers,
            proposed,
            inserted,
            updated,
        })
    }

    /// The table that takes rows, with what it asks of them.
    async fn recipient(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        proposing: &Proposing<'_>,
        relation: &Arc<Relation>,
    ) -> Result<Recipient> {
        let (table, asked) = (proposing.table, proposing.rules);
        let arbiters = &proposing.conflict.arbiters;
        if relation.oid == table.oid {
            return Ok(Recipient {
                relation: Arc::clone(relation),
                rules: asked.clone(),
                bound: asked.bound.clone(),
                above: None,
                arbiters: arbiters.clone(),
            });
        }
        let relation = rewrite::current(context, relation)?;
        let (rules, bound) = self.rules_in(context, &relation, (table, asked)).await?;
        let own = relation.constraints.unique().map(|index| index.oid);
        let own: Vec<Oid> = own
            .filter(|oid| is_part(context, &relation, *oid, arbiters))
            .collect();
        if own.len() < arbiters.len() {
            return Err(Error::internal(
                "ON CONFLICT",
                "a partition without its index",
            ));
        }
        Ok(Recipient {
            relation,
            rules,
            bound,
            above: Some((nullable(table), asked.of_all_tables())),
            arbiters: own,
        })
    }

    /// Looks at what rows must be, with this row security: the first row at fault.
    async fn check_in(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        recipient: &Recipient,
        security: &Option<Box<Security>>,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Option<(usize, Error)>> {
        let Recipient {
            relation, rules, ..
        } = recipient;
        let Some((table, asked)) = &recipient.above else {
            let rules = rules.with_security(security.clone());
            let checked = self.check_rows(context, relation, &rules, batch, interrupt);
            return checked.await;
        };
        let shown = of_table(&shaped(batch, relation, table)?, relation.oid)?;
        let asked = asked.with_security(security.clone());
        let first = self.check_rows(context, table, &asked, &shown, interrupt);
        let first = first.await?;
        let sound = first.as_ref().map_or(batch.num_rows(), |(row, _)| *row);
        let sound = batch.slice(0, sound);
        let own = self.check_rows(context, relation, rules, &sound, interrupt);
        Ok(own.await?.or(first))
    }

    /// What DO UPDATE makes of the rows met; these columns of the table get other values.
    #[expect(clippy::too_many_arguments, reason = "the parts of one statement")]
    async fn update_met(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        proposing: &Proposing<'_>,
        recipient: &Recipient,
        (update, changed): (&Update, &[i16]),
        proposed: &RecordBatch,
        met: Vec<(u64, Address)>,
        keys: Keys,
        interrupt: &Interrupt,
    ) -> Result<Updated> {
        let (table, relation) = (proposing.table, &recipient.relation);
        let old = fetch(context, relation, &met).await?;
        let shown = proposing.shown(relation, &old)?;
        let numbers: Vec<u64> = met.iter().map(|(number, _)| *number).collect();
        let excluded = proposing.shown(relation, &chosen(proposed, &numbers)?)?;
        let mut arrays = shown.columns().to_vec();
        if table.is_partitioned() {
            arrays.push(table_column(relation.oid, met.len()));
        }
        arrays.extend(excluded.columns().iter().cloned());
        // Numbered by their place among the rows met.
        arrays.push(Arc::new(Int64Array::from_iter_values(0..met.len() as i64)));
        let schema = joined_schema(&update.sides);
        let batch = joined_batch(&schema, arrays, met.len())?;
        let query = update
            .query
            .clone()
            .with_rows(MET, rows::in_memory(schema, vec![batch])?)?;
        let parameters = proposing.parameters;
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
        let (old, shown) = (chosen(&old, &sources)?, chosen(&shown, &sources)?);
        if let Some(security) = &update.met {
            let rows = of_table(&shown, relation.oid)?;
            let hidden =
                Box::pin(self.check_security(context, table, security, &rows, interrupt)).await?;
            if let Some((_, error)) = hidden {
                return Err(error);
            }
        }
        let answer = chosen(&answer, &order)?;
        let mut arrays = shown.columns().to_vec();
        for (place, (index, from)) in update.assigned.iter().enumerate() {
            let (array, to) = (answer.column(place + 1), table.columns[*index].ty);
            arrays[*index] = match from {
                Some(from) => assign(context, array, *from, to)?,
                None => rows::read_array(context, array, to)?,
            };
        }
        let options = RecordBatchOptions::new().with_row_count(Some(order.len()));
        let new = RecordBatch::try_new_with_options(rows::schema(table), arrays, &options)
            .map_err(|error| Error::internal("building rows", error))?;
        let new = match &recipient.above {
            None => new,
            Some(_) => shaped(&new, table, relation)?,
        };
        let event = TriggerEvent::Update;
        let pair = (Some(&old), Some(&new));
        let shown = self.before_rows(context, relation, event, changed, pair);
        let (old, new, sources) = match shown.await? {
            None => (old, new, sources),
            Some(shown) => {
                let (sources, old) = (shown.left(&sources), shown.of(&old)?);
                (old, shown.new.unwrap_or(new), sources)
            }
        };
        let new = self
            .generate(context, relation, &recipient.rules, new, interrupt)
            .await?;
        self.check_updated(context, recipient, update, &new, interrupt)
            .await?;
        let (before, after) = (old.clone(), new.clone());
        with_keys(keys, move |keys| {
            keys.replace(&before, &after)?;
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

    /// Looks at what rows have become.
    async fn check_updated(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        recipient: &Recipient,
        update: &Update,
        new: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let relation = &recipient.relation;
        if let Some(bound) = &recipient.bound {
            let answer = self.examine(context, relation, bound, new, interrupt);
            let answer = answer.await?;
            if (0..new.num_rows()).any(|row| !holds(&answer[0], row)) {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "invalid ON UPDATE specification",
                )
                .detail(
                    "The result tuple would appear in a different partition than the original \
                     tuple.",
                ));
            }
        }
        let checked = self.check_in(context, recipient, &update.new, new, interrupt);
        match checked.await? {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }
}

/// The rows that RETURNING reads of a statement with ON CONFLICT.
pub(super) fn met_provider(
    table: &Relation,
    rows: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>> {
    rows::in_memory(met_schema(table), rows)
}

fn met_schema(table: &Relation) -> SchemaRef {
    let rows = match table.is_partitioned() {
        true => Arc::new(family_schema(table, &[])),
        false => rows::schema(table),
    };
    let xmax = Arc::new(PgType::XID.field(XMAX_COLUMN, false));
    let fields = rows.fields().iter().cloned().chain([xmax]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// The rows inserted and updated, in the order of their proposals; those `met` were locked by the
/// statement's transaction before it changed them, as their `xmax` says.
fn returned(
    context: &StatementContext,
    table: &Relation,
    came: &[Came],
    met: &BTreeSet<usize>,
) -> Result<RecordBatch> {
    let rows = match (table.is_partitioned(), came) {
        (false, [came]) => came.rows.clone(),
        _ => in_given_order(table, came)?,
    };
    let mut numbers: Vec<usize> = came.iter().flat_map(|of| &of.numbers).copied().collect();
    numbers.sort_unstable();
    let own = u32::try_from(context.snapshot.version().0).unwrap_or(u32::MAX);
    let xmax = numbers.iter().map(|number| match met.contains(number) {
        true => own.max(1),
        false => 0,
    });
    let mut arrays = rows.columns().to_vec();
    arrays.push(Arc::new(UInt32Array::from_iter_values(xmax)));
    let options = RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
    RecordBatch::try_new_with_options(met_schema(table), arrays, &options)
        .map_err(|error| Error::internal("building rows", error))
}

/// Whether an index of a partition is a part of one of these, of tables above it.
fn is_part(context: &StatementContext, partition: &Arc<Relation>, index: Oid, of: &[Oid]) -> bool {
    let above = context.snapshot.partition_ancestors(partition);
    let mut tables = std::iter::once(partition).chain(above.iter());
    let part = tables.try_fold(index, |index, table| {
        let above = table.family.parts_of.get(&index).copied();
        match above {
            Some(above) if of.contains(&above) => Err(true),
            Some(above) => Ok(above),
            None => Err(false),
        }
    });
    part == Err(true)
}

impl Resolved {
    /// The numbers, in the statement, of proposals for which another row changed.
    fn met(&self) -> impl Iterator<Item = usize> {
        let numbers = self.updated.iter().flat_map(|updated| &updated.numbers);
        numbers.map(|number| self.numbers[*number as usize])
    }

    /// Inserted and updated rows in the order of their proposals.
    fn in_order(&self) -> Result<Came> {
        let inserted = self.inserted.iter();
        let mut indices: Vec<(u64, (usize, usize))> = inserted
            .map(|number| (*number, (0, *number as usize)))
            .collect();
        let mut batches = vec![&self.proposed];
        if let Some(updated) = &self.updated {
            let numbers = updated.numbers.iter().enumerate();
            indices.extend(numbers.map(|(row, number)| (*number, (1, row))));
            indices.sort_unstable();
            batches.push(&updated.rows);
        }
        let (order, indices): (Vec<u64>, Vec<_>) = indices.into_iter().unzip();
        let rows = match self.updated {
            None => chosen(&self.proposed, &order)?,
            Some(_) => interleave_record_batch(&batches, &indices)
                .map_err(|error| Error::internal("putting rows in order", error))?,
        };
        Ok(Came {
            leaf: Arc::clone(&self.relation),
            numbers: order.iter().map(|of| self.numbers[*of as usize]).collect(),
            rows,
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

/// Notes inserted and updated rows in the order of their proposals.
fn note_in_order(work: &mut Work, table: &Relation, all: &[Resolved]) -> Result<()> {
    let mut order: Vec<(usize, (usize, bool), u64)> = Vec::new();
    for (place, of) in all.iter().enumerate() {
        if of.relation.triggers.is_empty() && table.triggers.is_empty() {
            continue;
        }
        let numbers = of.inserted.iter();
        order.extend(numbers.map(|row| (of.numbers[*row as usize], (place, false), *row)));
        let numbers = of
            .updated
            .iter()
            .flat_map(|of| of.numbers.iter().enumerate());
        order.extend(numbers.map(|(row, number)| {
            let number = of.numbers[*number as usize];
            (number, (place, true), row as u64)
        }));
    }
    order.sort_unstable();
    for run in order.chunk_by(|one, next| one.1 == next.1) {
        let rows: Vec<u64> = run.iter().map(|(_, _, row)| *row).collect();
        let (place, is_update) = run[0].1;
        let of = &all[place];
        let (event, old, new) = match of.updated.as_ref().filter(|_| is_update) {
            Some(updated) => (
                TriggerEvent::Update,
                Some(chosen(&updated.old, &rows)?),
                chosen(&updated.rows, &rows)?,
            ),
            None => (TriggerEvent::Insert, None, chosen(&of.proposed, &rows)?),
        };
        let own = work.on(&of.relation, DmlKind::Insert);
        own.note_seen(Told::of(table, event), event, old, Some(new));
    }
    Ok(())
}
