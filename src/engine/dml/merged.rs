//! What MERGE did: rows of each table that come, change and go, one after the other in the order of
//! their pairs, and rows on their way to partitions.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::compute::interleave_record_batch;
use arrow::record_batch::RecordBatch;

use super::destinations::{Destinations, Sending};
use super::fire::{Told, sees_after};
use super::intake::with_keys;
use super::keys::{Keys, chosen};
use super::merge::Action;
use super::merging::Merging;
use super::met::address_batch;
use super::route::taken;
use super::sink::Sink;
use super::work::{Work, keeps_changed};
use super::{DmlKind, rows};
use crate::base::{Error, Result, SqlState};
use crate::catalog::TriggerEvent;
use crate::engine::Engine;

/// What the clauses make of the pairs.
#[derive(Default)]
pub(super) struct Outcome {
    pub(super) made: Vec<Made>,
    pub(super) arrivals: Vec<Arrival>,
    /// The first pair that row security forbids what is done with it.
    hidden: Option<(u64, Error)>,
}

/// What a clause makes of rows of one table.
pub(super) struct Made {
    /// The clause's number.
    pub(super) clause: usize,
    /// The table's number among the members.
    pub(super) member: usize,
    /// The pair of each row.
    pub(super) pairs: Vec<u64>,
    pub(super) rows: Turned,
}

/// Rows of one table, in its shape.
pub(super) enum Turned {
    /// Inserted.
    Come(RecordBatch),
    /// What they were, and what they are.
    Changed(RecordBatch, RecordBatch),
    /// Deleted.
    Gone(RecordBatch),
    /// On their way to another partition.
    Left(RecordBatch),
}

/// Rows of a partitioned table on their way to its partitions.
pub(super) struct Arrival {
    /// What the statement does with them.
    pub(super) by: TriggerEvent,
    /// In the shape of the table.
    pub(super) rows: RecordBatch,
    /// Where they come from, if they have been in a partition.
    pub(super) left: Option<Left>,
}

/// Rows that left a partition, in its shape: what they were, and what they are.
pub(super) struct Left {
    pub(super) member: usize,
    pub(super) old: RecordBatch,
    pub(super) new: RecordBatch,
}

/// What is to be done with one pair: which pair, what is made of it, which of the rows made.
type Deed = (u64, usize, usize);

impl Outcome {
    /// Takes a pair that row security forbids what is done with it.
    pub(super) fn hide(&mut self, hidden: Option<(u64, Error)>) {
        if let Some((pair, error)) = hidden
            && self.hidden.as_ref().is_none_or(|(first, _)| pair < *first)
        {
            self.hidden = Some((pair, error));
        }
    }

    /// What is to be done, in the order of the pairs.
    fn deeds(&self) -> Vec<Deed> {
        let made = self.made.iter().enumerate();
        let deeds = made.flat_map(|(place, made)| {
            let pairs = made.pairs.iter().enumerate();
            pairs.map(move |(row, pair)| (*pair, place, row))
        });
        let mut deeds: Vec<Deed> = deeds.collect();
        deeds.sort_unstable();
        deeds
    }
}

impl Turned {
    /// What rows were.
    fn before(&self) -> Option<&RecordBatch> {
        match self {
            Self::Come(_) => None,
            Self::Changed(old, _) | Self::Gone(old) | Self::Left(old) => Some(old),
        }
    }

    /// What rows of the table they are.
    fn after(&self) -> Option<&RecordBatch> {
        match self {
            Self::Come(new) | Self::Changed(_, new) => Some(new),
            Self::Gone(_) | Self::Left(_) => None,
        }
    }

    /// What happens to rows of their table, and what the statement does with them.
    fn events(&self) -> (TriggerEvent, TriggerEvent) {
        use TriggerEvent::{Delete, Insert, Update};
        match self {
            Self::Come(_) => (Insert, Insert),
            Self::Changed(..) => (Update, Update),
            Self::Gone(_) => (Delete, Delete),
            Self::Left(_) => (Delete, Update),
        }
    }
}

impl Engine {
    /// Does what the clauses make of the pairs; gives how many rows that are.
    pub(super) async fn settle_merge(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        outcome: Outcome,
        work: &mut Work,
    ) -> Result<u64> {
        let deeds = outcome.deeds();
        let Outcome {
            made,
            arrivals,
            hidden,
        } = outcome;
        if let Some((_, error)) = hidden {
            return Err(error);
        }
        let kinds: Vec<DmlKind> = merging.merge.kinds().collect();
        for member in &merging.members {
            work.on_all(&member.relation, &kinds);
        }
        for run in deeds.chunk_by(|one, next| one.1 == next.1) {
            let made = &made[run[0].1];
            let relation = &merging.members[made.member].relation;
            let (event, by) = made.rows.events();
            let told = Told::of(&merging.table, by);
            if !told.all && !sees_after(relation, event) {
                continue;
            }
            let rows: Vec<u64> = run.iter().map(|(_, _, row)| *row as u64).collect();
            let of = |rows_of: Option<&RecordBatch>| {
                let of = rows_of.map(|of| chosen(of, &rows));
                of.transpose()
            };
            let (old, new) = (of(made.rows.before())?, of(made.rows.after())?);
            let own = work.on_all(relation, &kinds);
            own.note_seen(told, event, old, new);
        }
        for number in 0..merging.members.len() {
            let own = deeds
                .iter()
                .filter(|(_, place, _)| made[*place].member == number);
            let own: Vec<Deed> = own.copied().collect();
            if !own.is_empty() {
                let done = self.settle_member(merging, number, &made, &own, work);
                Box::pin(done).await?;
            }
        }
        let stayed = deeds.iter().filter(|(_, place, _)| {
            let rows = &made[*place].rows;
            !matches!(rows, Turned::Left(_))
        });
        let arrived = self.settle_arrivals(merging, arrivals, work).await?;
        Ok(stayed.count() as u64 + arrived)
    }

    /// Does it to one table.
    async fn settle_member(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        number: usize,
        made: &[Made],
        deeds: &[Deed],
        work: &mut Work,
    ) -> Result<()> {
        let (context, interrupt) = (merging.given.context, merging.given.interrupt);
        let member = &merging.members[number];
        let relation = &member.relation;
        let referenced = keeps_changed(context, relation);
        let failed = |error| Error::internal("pairing rows", error);
        let kinds: Vec<DmlKind> = merging.merge.kinds().collect();
        let own = work.on_all(relation, &kinds);
        let keyed = own.current(context, interrupt).await?;
        let here = |made: &&Made| made.member == number;
        for made in made.iter().filter(here) {
            match &made.rows {
                Turned::Changed(old, new) => {
                    if referenced {
                        own.note_gone(old.clone(), Some(new.clone()));
                    }
                    if let Action::Update(assigned) = &merging.merge.clauses[made.clause].action {
                        own.changed.extend(merging.changed_in(relation, assigned));
                    }
                }
                Turned::Gone(old) if referenced => {
                    own.note_gone(old.clone(), None);
                }
                Turned::Come(_) | Turned::Gone(_) | Turned::Left(_) => {}
            }
        }
        let goes = |deed: &&Deed| made[deed.1].rows.before().is_some();
        let addressed: Vec<u64> = deeds.iter().filter(goes).map(|(pair, ..)| *pair).collect();
        if !addressed.is_empty() {
            let before = own.hits.count;
            let places = merging.addresses(&addressed)?;
            own.hits.add(&address_batch(&places)?)?;
            if own.hits.count - before != addressed.len() as u64 {
                return Err(twice());
            }
        }
        // The rows before and after, each in the order of the pairs.
        let none = RecordBatch::new_empty(rows::schema(relation));
        let gathered = |side: fn(&Turned) -> Option<&RecordBatch>| {
            let parts = made.iter().map(|made| match here(&made) {
                true => side(&made.rows).unwrap_or(&none),
                false => &none,
            });
            let parts: Vec<&RecordBatch> = parts.collect();
            let those = deeds
                .iter()
                .filter(|deed| side(&made[deed.1].rows).is_some());
            let those: Vec<(usize, usize)> = those.map(|(_, place, row)| (*place, *row)).collect();
            match those.is_empty() {
                true => Ok(none.clone()),
                false => interleave_record_batch(&parts, &those).map_err(failed),
            }
        };
        let (old, new) = (gathered(Turned::before)?, gathered(Turned::after)?);
        let broken = self
            .check_rows(context, relation, &member.rules, &new, interrupt)
            .await?;
        if let Some(keys) = Keys::open(self, context, &keyed, interrupt, |_| true).await? {
            let sound = broken.as_ref().map_or(new.num_rows(), |(row, _)| *row);
            let (come, gone) = (new.clone(), old);
            let order: Vec<(bool, bool)> = deeds
                .iter()
                .map(|(_, place, _)| &made[*place].rows)
                .map(|rows| (rows.before().is_some(), rows.after().is_some()))
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
        own.written.extend(sink.finish().await?);
        Ok(())
    }

    /// Gives rows to the partitions they are for; says how many came there.
    async fn settle_arrivals(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        arrivals: Vec<Arrival>,
        work: &mut Work,
    ) -> Result<u64> {
        let (merge, table) = (merging.merge, &merging.table);
        let (context, interrupt) = (merging.given.context, merging.given.interrupt);
        let Some(router) = merge.router.as_ref().filter(|_| !arrivals.is_empty()) else {
            return Ok(0);
        };
        let mut into = Destinations::default();
        let mut count = 0;
        for arrival in arrivals {
            let security = match arrival.by {
                TriggerEvent::Update => &merge.security.updated,
                _ => &merge.security.inserted,
            };
            let rules = merge.rules.with_security(security.clone());
            let sending = Sending {
                router,
                asked: (table, &rules),
                told: Told::of(table, arrival.by),
            };
            let came = into.take(self, context, &sending, work, &arrival.rows, interrupt);
            let came: Vec<usize> = came.await?.into_iter().flat_map(|of| of.numbers).collect();
            count += came.len() as u64;
            let Some(Left { member, old, new }) = arrival.left else {
                continue;
            };
            let relation = &merging.members[member].relation;
            if keeps_changed(context, relation) {
                let there: HashSet<usize> = came.iter().copied().collect();
                let lost: Vec<usize> = (0..old.num_rows())
                    .filter(|row| !there.contains(row))
                    .collect();
                let own = work.on(relation, DmlKind::Update);
                own.note_gone(taken(&old, &lost)?, None);
                own.note_gone(taken(&old, &came)?, Some(taken(&new, &came)?));
            }
        }
        into.finish(work).await?;
        Ok(count)
    }
}

fn twice() -> Error {
    Error::new(
        SqlState::CARDINALITY_VIOLATION,
        "MERGE command cannot affect row a second time",
    )
    .hint("Ensure that not more than one source row matches any one target row.")
}
