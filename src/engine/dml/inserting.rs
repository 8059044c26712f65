//! INSERT, run: the rows of its source made whole, looked at by triggers, and taken by the table,
//! its partitions, or the triggers of a view.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;

use super::assign::assign;
use super::conflict::Conflict;
use super::destinations::{Destinations, Sending, given_back, in_given_order};
use super::feeds::Feed;
use super::fire::{NamedTable, Told};
use super::insert::{Insert, Source};
use super::intake::{Intake, Written};
use super::route::Router;
use super::values::{Cell, Inputs};
use super::work::Work;
use super::{DmlKind, DmlResult, rows};
use crate::base::Result;
use crate::catalog::TriggerEvent;
use crate::engine::copy::CopiedRows;
use crate::engine::{Engine, Rows};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::types::PgType;

impl Engine {
    /// Adds rows that COPY brought to a table whose triggers look at them, or gives them to those
    /// of a view.
    ///
    /// # Errors
    /// As [`Engine::execute_dml`].
    pub async fn insert_copied(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        copied: CopiedRows,
        interrupt: &Interrupt,
    ) -> Result<DmlResult> {
        let insert = Insert {
            relation: copied.relation,
            source: Source::Copied(copied.batches),
            feeds: copied.feeds,
            computed: Vec::new(),
            conflict: None,
            through: None,
            reads_target: false,
            router: copied.router,
            returning: false,
        };
        let mut work = Work::default();
        let written = self.execute_insert(context, &insert, &mut work, &[], &[], interrupt);
        let mut rows = written.await?.rows;
        if let (Some(_), Source::Copied(all)) = (insert.relation.view(), &insert.source) {
            // To PostgreSQL a view takes whatever its triggers are shown.
            rows = all.iter().map(|batch| batch.num_rows() as u64).sum();
        }
        work.note_done(NamedTable {
            table: insert.relation.oid,
            event: TriggerEvent::Insert,
            changed: Vec::new(),
        });
        let (changes, touched, events) = work.finish(context, interrupt).await?;
        Ok(DmlResult {
            changes,
            touched,
            events,
            rows,
            returning: None,
        })
    }

    /// Runs it.
    pub(super) async fn execute_insert(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        insert: &Insert,
        work: &mut Work,
        parameter_types: &[PgType],
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Written> {
        let relation = super::rewrite::current(context, &insert.relation)?;
        let mut computed = Vec::with_capacity(insert.computed.len());
        for query in &insert.computed {
            computed.push(
                self.single_row(context, query.clone(), parameters, interrupt)
                    .await?,
            );
        }
        let inputs = Inputs {
            context,
            parameters,
            parameter_types,
            computed: &computed,
        };
        let mut rest = match &insert.source {
            Source::Values(cells) => Rest::Cells(Some(cells)),
            Source::Query(query) => {
                let passed = &parameters[..query.parameters.len().min(parameters.len())];
                Rest::Answer(self.run(context, query.clone(), passed, interrupt).await?)
            }
            Source::Copied(batches) => Rest::Batches(batches.iter()),
        };
        if relation.view().is_some() {
            // What triggers do is nothing to a query that is still running.
            let mut given = Vec::new();
            while let Some(batch) = self.given(&inputs, insert, &mut rest, interrupt).await? {
                given.push(batch);
            }
            return self.insert_instead(context, insert, given).await;
        }
        if insert.updates() {
            work.on(&relation, DmlKind::Update);
        }
        let own = work.on(&relation, DmlKind::Insert);
        let rules = &insert.feeds.rules;
        let told = Told::of(&relation, TriggerEvent::Insert);
        let mut takes = match (&insert.router, &insert.conflict) {
            (_, Some(conflict)) => Takes::Proposals(conflict, Vec::new()),
            (Some(router), None) => Takes::Partitions {
                router,
                into: Destinations::default(),
                rows: 0,
                returned: Vec::new(),
            },
            (None, None) => {
                let keyed = own.current(context, interrupt).await?;
                let intake = Intake::new(self, context, &keyed, rules, interrupt);
                Takes::Table(Box::new(intake.await?))
            }
        };
        while let Some(batch) = self.given(&inputs, insert, &mut rest, interrupt).await? {
            match &mut takes {
                Takes::Table(intake) => {
                    let left = self.before_insert(context, &relation, rules, batch, interrupt);
                    let (batch, _) = left.await?;
                    let own = work.on(&relation, DmlKind::Insert);
                    intake.take_seen((own, told), batch, interrupt).await?;
                }
                Takes::Proposals(_, proposed) if insert.router.is_some() => proposed.push(batch),
                Takes::Proposals(_, proposed) => {
                    let left = self.before_insert(context, &relation, rules, batch, interrupt);
                    proposed.push(left.await?.0);
                }
                Takes::Partitions {
                    router,
                    into,
                    rows,
                    returned,
                } => {
                    let sending = Sending {
                        router,
                        asked: (&relation, rules),
                        told,
                    };
                    let came = into.take(self, context, &sending, work, &batch, interrupt);
                    let came = came.await?;
                    *rows += came.iter().map(|of| of.rows.num_rows() as u64).sum::<u64>();
                    if insert.returning {
                        returned.push(in_given_order(&relation, &came)?);
                    }
                }
            }
        }
        match takes {
            Takes::Table(intake) => intake.finish(work.on(&relation, DmlKind::Insert)).await,
            Takes::Partitions {
                into,
                rows,
                returned,
                ..
            } => {
                into.finish(work).await?;
                Ok(Written {
                    rows,
                    returned: given_back(&relation, returned)?,
                })
            }
            Takes::Proposals(conflict, proposed) => {
                let asked = (insert, conflict);
                self.resolve_conflicts(context, asked, work, proposed, parameters, interrupt)
                    .await
            }
        }
    }
}

/// Who takes the rows.
enum Takes<'i> {
    /// The table.
    Table(Box<Intake>),
    /// Its partitions.
    Partitions {
        router: &'i Router,
        into: Destinations,
        /// So many came so far.
        rows: u64,
        /// What RETURNING reads of them.
        returned: Vec<RecordBatch>,
    },
    /// ON CONFLICT, all at once.
    Proposals(&'i Conflict, Vec<RecordBatch>),
}

/// What is still to come of a source.
enum Rest<'i> {
    Cells(Option<&'i Vec<Vec<Cell>>>),
    Answer(Rows),
    Batches(std::slice::Iter<'i, RecordBatch>),
}

impl Engine {
    /// The next rows of the source, whole: with what the table gives where nothing is given.
    async fn given(
        self: &Arc<Self>,
        inputs: &Inputs<'_>,
        insert: &Insert,
        rest: &mut Rest<'_>,
        interrupt: &Interrupt,
    ) -> Result<Option<RecordBatch>> {
        let relation = &insert.relation;
        let feeds = &insert.feeds;
        let batch = match rest {
            Rest::Batches(batches) => return Ok(batches.next().cloned()),
            Rest::Cells(cells) => {
                let Some(cells) = cells.take() else {
                    return Ok(None);
                };
                let source = |position: usize, column: usize| {
                    let cells = cells.iter().map(|row| &row[position]);
                    inputs.column(&relation.columns[column], cells)
                };
                self.complete(inputs, feeds, cells.len(), source, interrupt)
                    .await?
            }
            Rest::Answer(answer) => {
                let Some(batch) = answer.next().await? else {
                    return Ok(None);
                };
                let source = |position: usize, column: usize| {
                    let to = relation.columns[column].ty;
                    let array = batch.column(position);
                    match &feeds.columns[column] {
                        Feed::Source(_, Some(from)) => assign(inputs.context, array, *from, to),
                        _ => rows::read_array(inputs.context, array, to),
                    }
                };
                self.complete(inputs, feeds, batch.num_rows(), source, interrupt)
                    .await?
            }
        };
        Ok(Some(batch))
    }
}
