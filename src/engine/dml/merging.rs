//! MERGE, run: the pairs found, shared out among the clauses, and what they make of them.

use std::collections::HashSet;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, UInt64Array};
use arrow::compute::{concat_batches, take};
use arrow::datatypes::{Int32Type, Int64Type, UInt32Type};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};

use super::assign::assign;
use super::destinations::names_of;
use super::feeds::{Feed, Feeds};
use super::fire::retain;
use super::keys::{Address, chosen};
use super::merge::{Action, BoundMerge, Clause, PAIRS, TARGET, target_rows};
use super::merged::{Arrival, Left, Made, Outcome, Turned};
use super::met::fetch;
use super::rekey::changed_columns;
use super::returning::{joined_batch, joined_schema};
use super::route::{shaped, taken};
use super::rules::{Rules, of_table};
use super::security::Security;
use super::steps::Given;
use super::values::Inputs;
use super::work::Work;
use super::{rewrite, rows};
use crate::base::{Error, Result};
use crate::catalog::{Relation, TriggerEvent};
use crate::engine::{Bound, Engine};
use crate::types::PgType;

/// A MERGE that runs.
pub(super) struct Merging<'a> {
    pub(super) given: &'a Given<'a>,
    pub(super) merge: &'a BoundMerge,
    /// The table it names.
    pub(super) table: Arc<Relation>,
    pub(super) members: Vec<Member>,
    /// The pairs.
    pub(super) found: RecordBatch,
}

/// A table whose rows are changed.
pub(super) struct Member {
    pub(super) relation: Arc<Relation>,
    pub(super) rules: Rules,
    /// What the bound of a partition asks of rows that stay in it.
    bound: Option<Bound>,
}

/// Rows that an UPDATE changes: their pairs, what they were, and what they become.
struct Changed {
    pairs: Vec<u64>,
    old: RecordBatch,
    new: RecordBatch,
}

impl Merging<'_> {
    /// The member that has the target's row of a pair.
    fn member_of(&self, pair: u64) -> Result<usize> {
        if !self.merge.is_family() {
            return Ok(0);
        }
        let tables = self.found.column(2 + self.table.columns.len());
        let table = tables.as_primitive::<UInt32Type>().value(pair as usize);
        let mut members = self.members.iter();
        members
            .position(|member| member.relation.oid.0 == table)
            .ok_or_else(|| Error::internal("pairing rows", "a row of a table that is not there"))
    }

    /// Pairs by the member that has the target's row of each: their places among those given.
    fn by_member(&self, pairs: &[u64]) -> Result<Vec<(usize, Vec<usize>)>> {
        let mut places: Vec<Vec<usize>> = vec![Vec::new(); self.members.len()];
        for (place, pair) in pairs.iter().enumerate() {
            places[self.member_of(*pair)?].push(place);
        }
        let places = places.into_iter().enumerate();
        Ok(places.filter(|(_, places)| !places.is_empty()).collect())
    }

    /// The target's rows of pairs, as they are in a member.
    async fn old(&self, member: &Member, pairs: &[u64]) -> Result<RecordBatch> {
        let (table, relation) = (&self.table, &member.relation);
        let mut columns = relation.columns.iter();
        if !columns.all(|column| table.column(&column.name).is_some()) {
            // A table that inherits has columns of its own.
            let places = self.addresses(pairs)?;
            let places: Vec<(u64, Address)> = pairs.iter().copied().zip(places).collect();
            return fetch(self.given.context, relation, &places).await;
        }
        let rows = chosen(&self.found, pairs)?;
        let arrays = rows.columns()[2..2 + table.columns.len()].to_vec();
        let options = RecordBatchOptions::new().with_row_count(Some(pairs.len()));
        let rows = RecordBatch::try_new_with_options(rows::schema(table), arrays, &options)
            .map_err(|error| Error::internal("pairing rows", error))?;
        match relation.oid == table.oid {
            true => Ok(rows),
            false => shaped(&rows, table, relation),
        }
    }

    /// Where the target's rows of pairs are in their table.
    pub(super) fn addresses(&self, pairs: &[u64]) -> Result<Vec<Address>> {
        let segments = self.found.column(0).as_primitive::<Int32Type>();
        let numbers = self.found.column(1).as_primitive::<Int64Type>();
        let address = |pair: &u64| {
            let (segment, number) = (
                segments.value(*pair as usize),
                numbers.value(*pair as usize),
            );
            Some((usize::try_from(segment).ok()?, u64::try_from(number).ok()?))
        };
        let places: Option<Vec<Address>> = pairs.iter().map(address).collect();
        places.ok_or_else(|| Error::internal("addressing rows", "a row outside its table"))
    }

    /// The columns of a table that get other values where these of the table named do.
    pub(super) fn changed_in(
        &self,
        relation: &Relation,
        assigned: &[(usize, Option<PgType>)],
    ) -> Vec<i16> {
        let names = assigned
            .iter()
            .map(|(index, _)| &self.table.columns[*index].name);
        let own = names.filter_map(|name| {
            let mut columns = relation.columns.iter();
            columns.position(|column| column.name == *name)
        });
        changed_columns(relation, own)
    }

    /// Rows of a member as those of the table that is named.
    fn shown(&self, member: &Member, rows: &RecordBatch) -> Result<RecordBatch> {
        match member.relation.oid == self.table.oid {
            true => Ok(rows.clone()),
            false => shaped(rows, &member.relation, &self.table),
        }
    }
}

impl Engine {
    /// Runs it; gives how many rows were inserted, updated or deleted.
    pub(super) async fn execute_merge(
        self: &Arc<Self>,
        given: &Given<'_>,
        merge: &BoundMerge,
        work: &mut Work,
    ) -> Result<u64> {
        let merging = self.begin_merge(given, merge).await?;
        let segments = merging.found.column(0);
        let mut open: Vec<u64> = (0..merging.found.num_rows() as u64).collect();
        let mut outcome = Outcome::default();
        for (number, clause) in merge.clauses.iter().enumerate() {
            let wanted = |pair: &u64| segments.is_valid(*pair as usize) == clause.matched;
            let offered: Vec<u64> = open.iter().copied().filter(wanted).collect();
            if offered.is_empty() {
                continue;
            }
            let values = self.taken(&merging, clause, &offered).await?;
            if values.num_rows() == 0 {
                continue;
            }
            let pairs = numbers_of(&values);
            let gone: HashSet<u64> = pairs.iter().copied().collect();
            open.retain(|pair| !gone.contains(pair));
            let turn = (number, pairs, &values);
            match &clause.action {
                Action::Nothing => {}
                Action::Delete => self.merge_deletes(&merging, turn, &mut outcome).await?,
                Action::Update(assigned) => {
                    let work = self.merge_updates(&merging, turn, assigned, &mut outcome);
                    Box::pin(work).await?;
                }
                Action::Insert(feeds) => {
                    let work = self.merge_inserts(&merging, turn, feeds, &mut outcome);
                    Box::pin(work).await?;
                }
            }
        }
        Box::pin(self.settle_merge(&merging, outcome, work)).await
    }

    /// The tables as they are, and the pairs.
    async fn begin_merge<'a>(
        self: &Arc<Self>,
        given: &'a Given<'a>,
        merge: &'a BoundMerge,
    ) -> Result<Merging<'a>> {
        let context = given.context;
        let table = rewrite::current(context, &merge.relation)?;
        let mut members = Vec::with_capacity(merge.members.len());
        for member in &merge.members {
            let relation = rewrite::current(context, member)?;
            let (mut rules, mut bound) = (merge.rules.clone(), None);
            if relation.oid != table.oid {
                rules = self.bind_rules(context, &relation).await?;
                rules.given = names_of(&table, &relation, &merge.rules.given);
                bound = rules.bound.take();
            }
            members.push(Member {
                relation,
                rules,
                bound,
            });
        }
        let tables: Vec<Arc<Relation>> = members.iter().map(|of| of.relation.clone()).collect();
        let rows = target_rows(context, &table, &tables);
        let query = merge.query.clone().with_rows(TARGET, rows)?;
        Ok(Merging {
            found: self.all_rows(given, query).await?,
            given,
            merge,
            table,
            members,
        })
    }

    /// What WHEN MATCHED THEN DELETE takes of these pairs.
    async fn merge_deletes(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        (clause, pairs, _): (usize, Vec<u64>, &RecordBatch),
        outcome: &mut Outcome,
    ) -> Result<()> {
        let (context, event) = (merging.given.context, TriggerEvent::Delete);
        for (number, places) in merging.by_member(&pairs)? {
            let member = &merging.members[number];
            let mut pairs: Vec<u64> = places.iter().map(|place| pairs[*place]).collect();
            let mut old = merging.old(member, &pairs).await?;
            let security = merging.merge.security.deleted.as_deref();
            let hidden = self
                .first_hidden(merging, member, security, &old, &pairs)
                .await?;
            outcome.hide(hidden);
            let rows = (Some(&old), None);
            let shown = self.before_rows(context, &member.relation, event, &[], rows);
            if let Some(shown) = shown.await? {
                (pairs, old) = (shown.left(&pairs), shown.of(&old)?);
            }
            outcome.made.push(Made {
                clause,
                member: number,
                pairs,
                rows: Turned::Gone(old),
            });
        }
        Ok(())
    }

    /// What WHEN MATCHED THEN UPDATE makes of these pairs.
    async fn merge_updates(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        (clause, pairs, values): (usize, Vec<u64>, &RecordBatch),
        assigned: &[(usize, Option<PgType>)],
        outcome: &mut Outcome,
    ) -> Result<()> {
        let (context, table) = (merging.given.context, &merging.table);
        let failed = |error| Error::internal("pairing rows", error);
        let mut set: Vec<(&str, ArrayRef)> = Vec::with_capacity(assigned.len());
        for (place, (index, from)) in assigned.iter().enumerate() {
            let (array, column) = (values.column(place + 1), &table.columns[*index]);
            let array = match from {
                Some(from) => assign(context, array, *from, column.ty)?,
                None => rows::read_array(context, array, column.ty)?,
            };
            set.push((column.name.as_str(), array));
        }
        for (number, places) in merging.by_member(&pairs)? {
            let member = &merging.members[number];
            let relation = &member.relation;
            let mut pairs: Vec<u64> = places.iter().map(|place| pairs[*place]).collect();
            let mut old = merging.old(member, &pairs).await?;
            let mut arrays = old.columns().to_vec();
            let places: UInt64Array = places.iter().map(|place| Some(*place as u64)).collect();
            for (name, array) in &set {
                let mut columns = relation.columns.iter();
                let index = columns.position(|column| column.name == *name);
                let index = index.ok_or_else(|| Error::internal("pairing rows", "a column"))?;
                arrays[index] = take(array, &places, None).map_err(failed)?;
            }
            let mut new = RecordBatch::try_new(old.schema(), arrays).map_err(failed)?;
            let changed = merging.changed_in(relation, assigned);
            let security = &merging.merge.security;
            let hidden = self
                .first_hidden(merging, member, security.changed.as_deref(), &old, &pairs)
                .await?;
            if let Some((first, _)) = &hidden {
                // The statement fails there: what comes after is not done.
                let sound = pairs.iter().position(|pair| pair == first);
                let sound = sound.unwrap_or(pairs.len());
                pairs.truncate(sound);
                (old, new) = (old.slice(0, sound), new.slice(0, sound));
            }
            outcome.hide(hidden);
            let (event, rows) = (TriggerEvent::Update, (Some(&old), Some(&new)));
            let shown = self.before_rows(context, relation, event, &changed, rows);
            if let Some(shown) = shown.await? {
                (pairs, old) = (shown.left(&pairs), shown.of(&old)?);
                new = shown.new.unwrap_or(new);
            }
            let interrupt = merging.given.interrupt;
            let new = self
                .generate(context, relation, &member.rules, new, interrupt)
                .await?;
            let rows = Changed { pairs, old, new };
            self.part_merged(merging, (clause, number), rows, outcome)
                .await?;
        }
        Ok(())
    }

    /// Rows of a partition that UPDATE changed: those that stay, and those that go to another.
    async fn part_merged(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        (clause, number): (usize, usize),
        rows: Changed,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let member = &merging.members[number];
        let (relation, Changed { pairs, old, new }) = (&member.relation, rows);
        let given = merging.given;
        let bound = member.bound.as_ref();
        let stays = self
            .within(given.context, relation, bound, &new, given.interrupt)
            .await?;
        let (here, away): (Vec<usize>, Vec<usize>) =
            (0..new.num_rows()).partition(|row| stays[*row]);
        let of = |rows: &[usize]| -> Vec<u64> { rows.iter().map(|row| pairs[*row]).collect() };
        let (pairs_here, mut leaving) = (of(&here), of(&away));
        let staying = taken(&new, &here)?;
        // Rows that go are looked at where they come.
        let security = merging.merge.security.updated.as_deref();
        let hidden = self.first_hidden(merging, member, security, &staying, &pairs_here);
        outcome.hide(hidden.await?);
        outcome.made.push(Made {
            clause,
            member: number,
            pairs: pairs_here,
            rows: Turned::Changed(taken(&old, &here)?, staying),
        });
        if away.is_empty() {
            return Ok(());
        }
        let (mut old, mut new) = (taken(&old, &away)?, taken(&new, &away)?);
        let (event, rows) = (TriggerEvent::Delete, (Some(&old), None));
        let shown = self.before_rows(given.context, relation, event, &[], rows);
        if let Some(shown) = shown.await? {
            leaving = shown.left(&leaving);
            (old, new) = (shown.of(&old)?, shown.of(&new)?);
        }
        outcome.made.push(Made {
            clause,
            member: number,
            pairs: leaving,
            rows: Turned::Left(old.clone()),
        });
        outcome.arrivals.push(Arrival {
            by: TriggerEvent::Update,
            rows: merging.shown(member, &new)?,
            left: Some(Left {
                member: number,
                old,
                new,
            }),
        });
        Ok(())
    }

    /// What WHEN NOT MATCHED THEN INSERT makes of these pairs.
    async fn merge_inserts(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        (clause, mut pairs, values): (usize, Vec<u64>, &RecordBatch),
        feeds: &Feeds,
        outcome: &mut Outcome,
    ) -> Result<()> {
        let Given {
            context,
            types,
            parameters,
            interrupt,
        } = *merging.given;
        let inputs = Inputs {
            context,
            parameters,
            parameter_types: types,
            computed: &[],
        };
        let source = |place: usize, column: usize| {
            let to = merging.table.columns[column].ty;
            let array = values.column(place + 1);
            match &feeds.columns[column] {
                Feed::Source(_, Some(from)) => assign(context, array, *from, to),
                _ => rows::read_array(context, array, to),
            }
        };
        let new = self
            .complete(&inputs, feeds, pairs.len(), source, interrupt)
            .await?;
        let mut members = merging.members.iter();
        let home = members.position(|member| member.relation.oid == merging.table.oid);
        let Some(home) = home else {
            outcome.arrivals.push(Arrival {
                by: TriggerEvent::Insert,
                rows: new,
                left: None,
            });
            return Ok(());
        };
        let member = &merging.members[home];
        let (new, kept) = self
            .before_insert(context, &member.relation, &member.rules, new, interrupt)
            .await?;
        retain(&mut pairs, kept.as_ref());
        let security = merging.merge.security.inserted.as_deref();
        let hidden = self.first_hidden(merging, member, security, &new, &pairs);
        outcome.hide(hidden.await?);
        outcome.made.push(Made {
            clause,
            member: home,
            pairs,
            rows: Turned::Come(new),
        });
        Ok(())
    }

    /// The first pair whose row, of a member, row security lets nobody touch or make so.
    async fn first_hidden(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        member: &Member,
        security: Option<&Security>,
        rows: &RecordBatch,
        pairs: &[u64],
    ) -> Result<Option<(u64, Error)>> {
        let Some(security) = security.filter(|_| rows.num_rows() > 0) else {
            return Ok(None);
        };
        let rows = of_table(&merging.shown(member, rows)?, member.relation.oid)?;
        let Given {
            context, interrupt, ..
        } = *merging.given;
        let first = self
            .check_security(context, &merging.table, security, &rows, interrupt)
            .await?;
        Ok(first.and_then(|(row, error)| Some((*pairs.get(row)?, error))))
    }

    /// The pairs a clause takes of those offered: its query's answer.
    async fn taken(
        self: &Arc<Self>,
        merging: &Merging<'_>,
        clause: &Clause,
        pairs: &[u64],
    ) -> Result<RecordBatch> {
        let merge = merging.merge;
        let (sides, skipped) = match clause.matched {
            true => (&merge.sides[..], 2),
            false => (&merge.sides[1..], 2 + merge.width()),
        };
        let offered = chosen(&merging.found, pairs)?;
        let mut arrays = offered.columns()[skipped..].to_vec();
        let numbers = Int64Array::from_iter_values(pairs.iter().map(|pair| *pair as i64));
        arrays.push(Arc::new(numbers) as ArrayRef);
        let schema = joined_schema(sides);
        let batch = joined_batch(&schema, arrays, pairs.len())?;
        let query = clause
            .query
            .clone()
            .with_rows(PAIRS, rows::in_memory(schema, vec![batch])?)?;
        self.all_rows(merging.given, query).await
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

fn numbers_of(taken: &RecordBatch) -> Vec<u64> {
    let numbers = taken.column(0).as_primitive::<Int64Type>();
    numbers
        .values()
        .iter()
        .map(|number| *number as u64)
        .collect()
}
