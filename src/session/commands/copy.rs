//! COPY from and to the client, and files of the server.

use std::sync::Arc;

use sqlparser::ast;

use super::copy_options::copy_options;
use super::dml::change_locks;
use super::keep::Done;
use super::{no_column, relation_of, tag};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Column, Privilege, Relation, RelationKind, TriggerEvent};
use crate::engine::command::{Copy, CopyDirection, CopySource, DmlAction, ObjectName};
use crate::engine::copy::{CopyIn, CopyWriter, Loaded, load_file, write_file};
use crate::engine::{DmlKind, NamedTable, Rows, is_row_security_active, parse_query};
use crate::observe::{Interrupt, Transfer, TransferKind};
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::serve::Changing;
use crate::session::{
    CommandTag, CopyInResponse, CopyOutResponse, Response, Session, interruptible,
};
use crate::statement::StatementContext;

impl Session {
    /// COPY
    pub(in crate::session) async fn copy(&mut self, copy: &Copy, run: Run<'_>) -> Result<Response> {
        if copy.file.is_some() {
            self.check_file_rights(copy.direction)?;
        }
        match (&copy.source, copy.direction) {
            (CopySource::Table { .. }, CopyDirection::From) => {
                self.copy_in(copy, run.interrupt).await
            }
            (CopySource::Table { name, columns }, CopyDirection::To) => {
                let context = self.context()?;
                let query = table_query(&context, name, columns)?;
                let relation = relation_of(&context, name).ok().cloned();
                let (context, rows) = self.open_query(&query, &run).await?;
                self.copy_out(copy, context, rows, relation.as_deref(), run.interrupt)
                    .await
            }
            (CopySource::Query(query), CopyDirection::To) => {
                let (context, rows) = self.open_query(query, &run).await?;
                self.copy_out(copy, context, rows, None, run.interrupt)
                    .await
            }
            (CopySource::Dml(dml), CopyDirection::To) => {
                let returning = match &dml.action {
                    DmlAction::Insert { insert, .. } => insert.returning.is_some(),
                    DmlAction::Update(update) => update.returning.is_some(),
                    DmlAction::Delete(delete) => delete.returning.is_some(),
                    DmlAction::Merge(_) => {
                        return Err(Error::unsupported("MERGE in COPY"));
                    }
                    DmlAction::Query(_) => true,
                };
                if !returning {
                    return Err(Error::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        "COPY query must have a RETURNING clause",
                    ));
                }
                let interrupt = run.interrupt;
                let Response::Rows(answer) = self.dml(dml, run).await? else {
                    return Err(Error::internal("copying", "RETURNING gave no rows"));
                };
                let context = self.context()?;
                self.copy_out(copy, context, answer.rows, None, interrupt)
                    .await
            }
            (CopySource::Query(_) | CopySource::Dml(_), CopyDirection::From) => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "COPY query INTO is not supported",
            )),
        }
    }

    /// Whether the role may read or write files of the server at all.
    fn check_file_rights(&mut self, direction: CopyDirection) -> Result<()> {
        let context = self.context()?;
        let (of, does) = match direction {
            CopyDirection::From => ("pg_read_server_files", "from"),
            CopyDirection::To => ("pg_write_server_files", "to"),
        };
        let need = Need::Predefined {
            role: context.role,
            of,
            to: format!("COPY {does} a file"),
        };
        privileges::authorize(&context.snapshot, &[need], ()).map_err(|_| {
            Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!(
                    "must be superuser or have privileges of the {of} role to COPY {does} a file"
                ),
            )
            .hint(
                "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for \
                 anyone.",
            )
        })?;
        Ok(())
    }

    /// COPY FROM a file begins anew where a column is to hold arrays it did not hold.
    async fn copy_in(&mut self, copy: &Copy, interrupt: &Interrupt) -> Result<Response> {
        let mut again = false;
        loop {
            match self.copy_in_once(copy, again, interrupt).await {
                Err(error) if copy.file.is_some() && error.fields().beyond_lists.is_some() => {
                    self.told_of(copy, error, interrupt).await?;
                    again = true;
                }
                done => return done,
            }
        }
    }

    /// Tells the table that a copy goes to to hold what it did not.
    async fn told_of(&mut self, copy: &Copy, error: Error, interrupt: &Interrupt) -> Result<()> {
        let CopySource::Table { name, .. } = &copy.source else {
            return Err(error);
        };
        let context = self.context()?;
        let table = relation_of(&context, name)?.oid;
        self.widen(vec![table], error, interrupt).await
    }

    /// `again` says that it begins anew.
    async fn copy_in_once(
        &mut self,
        copy: &Copy,
        again: bool,
        interrupt: &Interrupt,
    ) -> Result<Response> {
        let CopySource::Table { name, columns } = &copy.source else {
            return Err(Error::internal("copying", "there is no table"));
        };
        let context = self.context()?;
        let relation = relation_of(&context, name)?;
        let chosen = |column: &&Column| match columns.as_slice() {
            [] => column.expression().is_none(),
            names => names.contains(&column.name),
        };
        let written = relation.columns.iter().filter(chosen);
        let need = Need::Columns {
            role: context.role,
            relation: relation.oid,
            any_of: Privilege::Insert.into(),
            columns: written.map(|column| column.attnum).collect(),
        };
        privileges::authorize(&context.snapshot, &[need], ())?;
        self.refuse_changing(&context, &[], &[relation.oid])?;
        match &relation.kind {
            RelationKind::Table { .. } => {}
            RelationKind::View(_) if relation.is_done_instead(TriggerEvent::Insert) => {}
            RelationKind::View(_) => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot copy to view \"{}\"", relation.name),
                )
                .hint("To enable copying to a view, provide an INSTEAD OF INSERT trigger."));
            }
            RelationKind::Foreign { .. }
            | RelationKind::Materialized { .. }
            | RelationKind::Sequence(_) => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!(
                        "cannot copy to {} \"{}\"",
                        relation.kind_name(),
                        relation.name
                    ),
                ));
            }
        }
        if is_row_security_active(&context, relation)? {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "COPY FROM not supported with row-level security",
            )
            .hint("Use INSERT statements instead."));
        }
        let oid = relation.oid;
        let locks = |context: &StatementContext| {
            let relation = context.snapshot.relation(oid);
            // A partitioned table's rows are its partitions'.
            let only = relation.is_none_or(|of| !of.is_partitioned());
            let tables = context.snapshot.meant(oid, only).into_iter();
            tables
                .flat_map(|table| change_locks(context, table, DmlKind::Insert))
                .collect()
        };
        self.lock_wanted(interrupt, locks).await?;
        if !again {
            let named = [NamedTable {
                table: oid,
                event: TriggerEvent::Insert,
                changed: Vec::new(),
            }];
            Box::pin(self.before_statement(&named, interrupt)).await?;
        }
        let context = self.context()?;
        // Looked up again: it may have changed while the lock was waited for.
        let relation = context
            .snapshot
            .relation(oid)
            .ok_or_else(|| Error::internal("copying", "the table is gone"))?
            .clone();
        let chosen = chosen_columns(&relation, columns)?;
        let names: Vec<&str> = chosen
            .iter()
            .map(|index| relation.columns[*index].name.as_str())
            .collect();
        let client = context.settings.client_encoding();
        let (options, freeze) = copy_options(
            &copy.options,
            copy.direction,
            &names,
            Some(&relation),
            client,
        )?;
        if freeze.0 && relation.is_partitioned() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot perform COPY FREEZE on a partitioned table",
            ));
        }
        // PostgreSQL says so when the first row comes.
        let refused = (freeze.0 && !self.transaction()?.is_fresh(oid)).then(|| {
            Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                "cannot perform COPY FREEZE because the table was not created or truncated in the \
                 current subtransaction",
            )
        });
        let engine = self.shared.engine.clone();
        let work = engine.bind_copy(&context, &relation, &chosen, copy.condition.as_deref());
        let (fill, needs) = interruptible(interrupt, work).await?;
        privileges::authorize(&context.snapshot, &needs, ())?;
        let kind = match &copy.file {
            Some(_) => TransferKind::CopyFromFile,
            None => TransferKind::CopyFrom,
        };
        let transfer = Arc::new(Transfer::new(kind, oid));
        self.activity.begin_transfer(&transfer);
        let into = match refused {
            Some(error) => CopyIn::refused(chosen.len(), &options, error),
            None => CopyIn::new(context, relation, chosen, options, transfer.clone(), fill),
        };
        let Some(path) = copy.file.clone() else {
            return Ok(Response::CopyIn(CopyInResponse {
                table: oid,
                copy: into,
                asked: Box::new(copy.clone()),
            }));
        };
        let open = blocking(move || engine.open_copied(&path));
        let file = interruptible(interrupt, open).await?;
        let load = load_file(into, file, &transfer, interrupt);
        let mut loaded = interruptible(interrupt, load).await?;
        let loaded = loaded.finish().await?;
        self.copied(oid, loaded).await.map(Response::Done)
    }

    /// The end of a COPY FROM STDIN the client finished: loads the rows; gives the tag.
    ///
    /// # Errors
    /// As [`crate::engine::copy::CopyIn::finish`].
    pub async fn finish_copy_in(&mut self, mut copy: CopyInResponse) -> Result<CommandTag> {
        let mut loaded = copy.copy.finish().await;
        let kept: Option<bytes::Bytes> = copy.copy.take_kept().map(Into::into);
        while let (Err(error), Some(bytes)) = (&loaded, &kept)
            && error.fields().beyond_lists.is_some()
        {
            let interrupt = self.interrupt();
            self.told_of(&copy.asked, error.clone(), &interrupt).await?;
            let again = Box::pin(self.copy_in_once(&copy.asked, true, &interrupt)).await?;
            let Response::CopyIn(mut again) = again else {
                return Err(Error::internal("copying", "it was no copy"));
            };
            loaded = match again.copy.write(bytes.clone()).await {
                Ok(()) => again.copy.finish().await,
                Err(error) => Err(error),
            };
        }
        let loaded = loaded?;
        self.copied(copy.table, loaded).await
    }

    /// Rows that were loaded become the table's.
    async fn copied(&mut self, table: Oid, loaded: Loaded) -> Result<CommandTag> {
        let interrupt = self.interrupt();
        let Some(copied) = loaded.watched else {
            let done = Done::copied(table, &loaded.changes);
            self.push_needing(loaded.changes, &[])?;
            Box::pin(self.keep_promises(done, &interrupt)).await?;
            return Ok(tag(format!("COPY {}", loaded.rows)));
        };
        let context = self.context()?;
        let relation = context.snapshot.relation(table);
        let tables = match relation.filter(|relation| relation.view().is_none()) {
            Some(table) => context.snapshot.meant(table.oid, false),
            None => Vec::new(),
        };
        let before = self.changing.len();
        let adds = copied.only_adds_to();
        self.changing
            .push(Changing::new(tables, false).adding(adds));
        let engine = self.shared.engine.clone();
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.insert_copied(&calling, copied, &interrupt);
        let result = self.serving(&mut queue, &interrupt, work).await;
        self.changing.truncate(before);
        let result = result?;
        self.push_needing(result.changes, &[])?;
        let done = Done {
            touched: result.touched,
            events: result.events,
        };
        Box::pin(self.keep_promises(done, &interrupt)).await?;
        Ok(tag(format!("COPY {}", result.rows)))
    }

    async fn copy_out(
        &self,
        copy: &Copy,
        context: Arc<StatementContext>,
        rows: Rows,
        relation: Option<&Relation>,
        interrupt: &Interrupt,
    ) -> Result<Response> {
        let columns = rows.columns().clone();
        let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
        let client = context.settings.client_encoding();
        let (options, _) = copy_options(&copy.options, copy.direction, &names, relation, client)?;
        let table = relation.map_or(Oid::INVALID, |relation| relation.oid);
        let kind = match &copy.file {
            Some(_) => TransferKind::CopyToFile,
            None => TransferKind::CopyTo,
        };
        let transfer = Arc::new(Transfer::new(kind, table));
        self.activity.begin_transfer(&transfer);
        let writer = CopyWriter::new(context, columns, options)?;
        let Some(path) = copy.file.clone() else {
            return Ok(Response::CopyOut(Box::new(CopyOutResponse {
                rows,
                transfer,
                writer,
            })));
        };
        let engine = self.shared.engine.clone();
        let file = blocking(move || engine.create_copied(&path)).await?;
        let written = write_file(rows, writer, file, &transfer);
        let rows = interruptible(interrupt, written).await?;
        Ok(Response::Done(tag(format!("COPY {rows}"))))
    }
}

/// Runs what waits for the disk.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("opening a COPY file", error))?
}

/// Indexes of the columns named, or all.
fn chosen_columns(relation: &Relation, names: &[String]) -> Result<Vec<usize>> {
    if names.is_empty() {
        let made = |index: &usize| relation.columns[*index].expression().is_some();
        return Ok((0..relation.columns.len()).filter(|i| !made(i)).collect());
    }
    let mut chosen = Vec::with_capacity(names.len());
    for name in names {
        let index = relation
            .columns
            .iter()
            .position(|column| column.name == *name)
            .ok_or_else(|| no_column(relation, name))?;
        if relation.columns[index].expression().is_some() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!("column \"{name}\" is a generated column"),
            )
            .detail("Generated columns cannot be used in COPY."));
        }
        if chosen.contains(&index) {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{name}\" specified more than once"),
            ));
        }
        chosen.push(index);
    }
    Ok(chosen)
}

/// What COPY table TO reads. Views and foreign tables are copied by a query only, as in PostgreSQL;
/// system relations are not in the snapshot and go straight to the binder.
fn table_query(
    context: &StatementContext,
    name: &ObjectName,
    columns: &[String],
) -> Result<Box<ast::Query>> {
    let found: Option<&Arc<Relation>> = relation_of(context, name).ok();
    if let Some(relation) = found {
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!(
                    "cannot copy from {} \"{}\"",
                    relation.kind_name(),
                    relation.name
                ),
            )
            .hint("Try the COPY (SELECT ...) TO variant."));
        }
        if relation.is_partitioned() {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("cannot copy from partitioned table \"{}\"", relation.name),
            )
            .hint("Try the COPY (SELECT ...) TO variant."));
        }
        chosen_columns(relation, columns)?;
    }
    let made = found.is_some_and(|relation| {
        let mut columns = relation.columns.iter();
        columns.any(|column| column.expression().is_some())
    });
    let list = if let Some(relation) = found
        && columns.is_empty()
        && made
    {
        let columns = relation.columns.iter().filter(|c| c.expression().is_none());
        columns
            .map(|column| quote(&column.name))
            .collect::<Vec<_>>()
            .join(", ")
    } else if columns.is_empty() {
        "*".to_owned()
    } else {
        columns
            .iter()
            .map(|column| quote(column))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let table = match &name.schema {
        Some(schema) => format!("{}.{}", quote(schema), quote(&name.name)),
        None => quote(&name.name).into_owned(),
    };
    parse_query(&format!("SELECT {list} FROM ONLY {table}"))
}
