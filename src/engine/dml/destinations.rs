//! The partitions that rows of a statement come to: each takes its rows once its triggers have
//! looked at them.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::compute::concat_batches;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;

use super::fire::{Told, retain, sees_rows};
use super::intake::Intake;
use super::route::{Router, Sent, shaped, taken};
use super::rules::{Rules, of_table, table_column};
use super::work::Work;
use super::{DmlKind, rows};
use crate::base::{Error, Result};
use crate::catalog::{Relation, Segment, TriggerEvent};
use crate::engine::scan::family_schema;
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::statement::StatementContext;

/// Where rows of a table go, and what is asked of them on the way.
pub(super) struct Sending<'a> {
    pub(super) router: &'a Router,
    /// The table whose rows are asked, by these rules of its own, once triggers have left them;
    /// the rest is for the partitions to ask.
    pub(super) asked: (&'a Relation, &'a Rules),
    /// For whom they are noted.
    pub(super) told: Told,
}

/// Rows that came to a partition, in its shape.
pub(super) struct Came {
    pub(super) leaf: Arc<Relation>,
    /// The number of each among those that were sent.
    pub(super) numbers: Vec<usize>,
    pub(super) rows: RecordBatch,
}

/// The partitions that rows of a statement came to.
#[derive(Default)]
pub(super) struct Destinations {
    open: Vec<Open>,
}

/// A partition that rows come to.
struct Open {
    leaf: Arc<Relation>,
    rules: Rules,
    intake: Intake,
}

impl Destinations {
    /// Takes rows of a router's table; gives those that came to a partition, as they are there.
    ///
    /// # Errors
    /// For the first row at fault of those sent to one partition.
    pub(super) async fn take(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        sending: &Sending<'_>,
        work: &mut Work,
        batch: &RecordBatch,
        interrupt: &Interrupt,
    ) -> Result<Vec<Came>> {
        let router = sending.router;
        let mut leaves = router.leaves.iter();
        // Triggers see rows in the order in which the statement makes them.
        let in_order = sending.told.all || leaves.any(|of| sees_rows(of, TriggerEvent::Insert));
        let (sent, lost) = match in_order {
            true => {
                let sent = engine.route_in_order(context, router, batch, interrupt);
                sent.await?
            }
            false => engine.route(context, router, batch, interrupt).await?,
        };
        let mut pieces: Vec<(usize, Came)> = Vec::with_capacity(sent.len());
        for Sent {
            leaf,
            mut numbers,
            rows,
        } in sent
        {
            let place = self.opened(engine, context, sending, work, &leaf, interrupt);
            let place = place.await?;
            let Open { leaf, rules, .. } = &self.open[place];
            let (rows, kept) = engine
                .before_insert(context, leaf, rules, rows, interrupt)
                .await?;
            retain(&mut numbers, kept.as_ref());
            if rows.num_rows() > 0 {
                let leaf = Arc::clone(leaf);
                let came = Came {
                    leaf,
                    numbers,
                    rows,
                };
                pieces.push((place, came));
            }
        }
        self.ask(engine, context, sending, &pieces, interrupt)
            .await?;
        for (place, open) in self.open.iter_mut().enumerate() {
            let own = pieces.iter().filter(|(of, _)| *of == place);
            let own: Vec<&RecordBatch> = own.map(|(_, of)| &of.rows).collect();
            if let Some(first) = own.first() {
                let rows = concat_batches(&first.schema(), own)
                    .map_err(|error| Error::internal("giving rows to a partition", error))?;
                open.intake.take(rows, interrupt).await?;
            }
        }
        let mut came = Vec::with_capacity(pieces.len());
        for (_, of) in pieces {
            let own = work.on(&of.leaf, DmlKind::Insert);
            let rows = Some(of.rows.clone());
            own.note_seen(sending.told, TriggerEvent::Insert, None, rows);
            came.push(of);
        }
        match lost {
            Some((_, error)) => Err(error),
            None => Ok(came),
        }
    }

    /// The place of a partition, which is opened if it is not yet.
    async fn opened(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        sending: &Sending<'_>,
        work: &mut Work,
        leaf: &Arc<Relation>,
        interrupt: &Interrupt,
    ) -> Result<usize> {
        if let Some(place) = self.open.iter().position(|of| of.leaf.oid == leaf.oid) {
            return Ok(place);
        }
        let leaf = super::rewrite::current(context, leaf)?;
        let keyed = work.on(&leaf, DmlKind::Insert);
        let keyed = keyed.current(context, interrupt).await?;
        let (rules, _) = engine.rules_in(context, &leaf, sending.asked).await?;
        let intake = Intake::new(engine, context, &keyed, &rules, interrupt).await?;
        self.open.push(Open {
            leaf,
            rules,
            intake,
        });
        Ok(self.open.len() - 1)
    }

    /// What row security and views ask of rows, whatever partition they come to.
    async fn ask(
        &self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        sending: &Sending<'_>,
        pieces: &[(usize, Came)],
        interrupt: &Interrupt,
    ) -> Result<()> {
        let (table, rules) = sending.asked;
        let rules = rules.of_all_tables();
        if rules.is_empty() || pieces.is_empty() {
            return Ok(());
        }
        let table = nullable(table);
        let rows = pieces
            .iter()
            .map(|(_, of)| of_table(&shaped(&of.rows, &of.leaf, &table)?, of.leaf.oid))
            .collect::<Result<Vec<_>>>()?;
        let rows = concat_batches(&rows[0].schema(), &rows)
            .map_err(|error| Error::internal("giving rows to a partition", error))?;
        match engine
            .check_rows(context, &table, &rules, &rows, interrupt)
            .await?
        {
            Some((_, error)) => Err(error),
            None => Ok(()),
        }
    }

    /// The end: the rows are part of the work. Gives them, by partition.
    pub(super) async fn finish(self, work: &mut Work) -> Result<Vec<Arc<Relation>>> {
        let mut written = Vec::with_capacity(self.open.len());
        for Open { leaf, intake, .. } in self.open {
            let work = work.on(&leaf, DmlKind::Insert);
            let before = work.written.len();
            intake.finish(work).await?;
            let segments: Vec<Arc<Segment>> = work.written[before..].to_vec();
            written.push(Arc::new(super::rewrite::with_segments(&leaf, &segments)));
        }
        Ok(written)
    }
}

impl Engine {
    /// What a partition asks of rows that come to it by way of a table that asks this, and beside
    /// that its bound, which matters again where a row is changed.
    pub(super) async fn rules_in(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        leaf: &Arc<Relation>,
        (table, asked): (&Relation, &Rules),
    ) -> Result<(Rules, Option<Bound>)> {
        let mut rules = self.bind_rules(context, leaf).await?;
        rules.given = names_of(table, leaf, &asked.given);
        let bound = rules.bound.clone();
        if !leaf.may_rewrite(TriggerEvent::Insert) {
            // It was chosen by its bound.
            rules.bound = None;
        }
        Ok((rules, bound))
    }
}

/// What RETURNING reads of rows that came to partitions.
pub(super) fn given_back(
    table: &Relation,
    rows: Vec<RecordBatch>,
) -> Result<Arc<dyn TableProvider>> {
    rows::in_memory(Arc::new(family_schema(table, &[])), rows)
}

/// Rows that came to partitions as rows of their table, in the order in which they were sent, each
/// with its partition.
pub(super) fn in_given_order(table: &Relation, came: &[Came]) -> Result<RecordBatch> {
    let failed = |error| Error::internal("gathering rows of partitions", error);
    let schema = Arc::new(family_schema(table, &[]));
    let mut batches = Vec::with_capacity(came.len());
    for of in came {
        let mut arrays = shaped(&of.rows, &of.leaf, table)?.columns().to_vec();
        arrays.push(table_column(of.leaf.oid, of.numbers.len()));
        batches.push(RecordBatch::try_new(schema.clone(), arrays).map_err(failed)?);
    }
    let rows = concat_batches(&schema, &batches).map_err(failed)?;
    let numbers: Vec<usize> = came.iter().flat_map(|of| &of.numbers).copied().collect();
    let mut order: Vec<usize> = (0..numbers.len()).collect();
    order.sort_by_key(|row| numbers[*row]);
    taken(&rows, &order)
}

/// Columns of a partition that have the names of columns given to its table.
pub(super) fn names_of(table: &Relation, leaf: &Relation, given: &BTreeSet<i16>) -> BTreeSet<i16> {
    let columns = table.columns.iter();
    let columns = columns.filter(|column| given.contains(&column.attnum));
    columns
        .filter_map(|column| leaf.column(&column.name))
        .map(|column| column.attnum)
        .collect()
}

/// A table that lets everything be NULL.
pub(super) fn nullable(table: &Relation) -> Relation {
    let mut table = table.clone();
    for column in &mut table.columns {
        column.not_null = false;
    }
    table
}
