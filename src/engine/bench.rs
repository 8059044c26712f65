//! A place to try statements below the session: a database in a temporary folder, an engine, and
//! changes applied as they come, without transactions.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::{Command, Engine, Options, Rows, parse};
use crate::base::limits::THREAD_STACK_BYTES;
use crate::base::{Oid, Result, SessionId, SqlState};
use crate::catalog::{Change, Column, Persistence, Relation, RelationKind, Snapshot};
use crate::database::Database;
use crate::observe::{Interrupt, Sessions};
use crate::pg_catalog::names::Names;
use crate::privileges::{authorize, search_path};
use crate::settings::Settings;
use crate::statement::StatementContext;
use crate::storage::seal;
use crate::types::PgType;
use crate::types::text::TextColumn;

pub(super) const INT: PgType = PgType::INT4;
pub(super) const TEXT: PgType = PgType::TEXT;

/// A column without NOT NULL and DEFAULT.
pub(super) fn plain(name: &str, ty: PgType) -> (&str, PgType, bool, Option<&str>) {
    (name, ty, false, None)
}

/// A database, an engine, and the snapshot statements have made so far.
pub(super) struct Bench {
    pub(super) directory: tempfile::TempDir,
    pub(super) database: Arc<Database>,
    pub(super) engine: Arc<Engine>,
    pub(super) snapshot: Arc<Snapshot>,
    pub(super) files: bool,
}

impl Bench {
    pub(super) fn new(files: bool) -> Self {
        let directory = tempfile::tempdir().expect("a directory");
        let (database, _) = Database::open(&directory.path().join("data")).expect("opens");
        let options = Options {
            memory_bytes: 256 << 20,
            threads: 2,
            temp_dir: directory.path().join("tmp"),
            file_roots: vec![directory.path().to_owned()],
            copy_roots: Vec::new(),
        };
        let engine = Engine::new(database.clone(), options).expect("starts");
        let snapshot = database.snapshot();
        Self {
            directory,
            database,
            engine,
            snapshot,
            files,
        }
    }

    pub(super) fn apply(&mut self, changes: &[Change]) {
        self.snapshot = Arc::new(self.snapshot.apply(changes).expect("applies"));
    }

    /// CREATE TABLE in public: `name type [not null] [default text]` for each column.
    pub(super) fn table(
        &mut self,
        name: &str,
        columns: &[(&str, PgType, bool, Option<&str>)],
    ) -> Oid {
        let relation = self.relation(
            name,
            columns,
            RelationKind::Table {
                segments: Arc::new([]),
            },
        );
        let oid = relation.oid;
        self.apply(&[Change::CreateRelation(Box::new(relation))]);
        oid
    }

    pub(super) fn relation(
        &self,
        name: &str,
        columns: &[(&str, PgType, bool, Option<&str>)],
        kind: RelationKind,
    ) -> Relation {
        let columns: Vec<Column> = columns
            .iter()
            .zip(1..)
            .map(|((name, ty, not_null, default), attnum)| Column {
                attnum,
                name: (*name).into(),
                stored_name: (*name).into(),
                ty: *ty,
                collation: None,
                not_null: *not_null,
                default: default.map(Into::into),
                generation: None,
                comment: None,
            })
            .collect();
        Relation {
            oid: self.database.new_oid(),
            row_type: self.database.new_oid(),
            name: name.into(),
            schema: Oid::PUBLIC_SCHEMA,
            owner: Oid::SUPERUSER,
            acl: None,
            comment: None,
            next_attnum: columns.len() as i16 + 1,
            columns,
            persistence: Persistence::Permanent,
            publication: 1,
            column_acls: std::collections::BTreeMap::new(),
            tuning: crate::catalog::Tuning::default(),
            constraints: crate::catalog::Constraints::NONE,
            row_security: Default::default(),
            triggers: Vec::new(),
            family: Default::default(),
            kind,
        }
    }

    pub(super) fn context(&self) -> Arc<StatementContext> {
        let path = search_path(&self.snapshot, Oid::SUPERUSER, &["public".to_owned()], None);
        Arc::new(StatementContext {
            snapshot: self.snapshot.clone(),
            role: Oid::SUPERUSER,
            session_role: Oid::SUPERUSER,
            search_path: path,
            settings: Arc::new(Settings::new()),
            style: Arc::default(),
            statement_time: 0,
            transaction_time: 0,
            session: SessionId(1),
            sessions: Arc::new(Sessions::new(0)),
            database: self.database.clone(),
            listening: Arc::default(),
            prepared: Arc::default(),
            cursors: Arc::default(),
            effects: Arc::default(),
            last_values: Arc::default(),
            random: Arc::default(),
            interrupt: Interrupt::new(),
            files: None,
            large_objects: None,
            read_only: false,
            reads: None,
            constraint_modes: Arc::default(),
            view_definition: super::view_definition,
            view_base: super::view_base,
            laid_out: super::laid_out,
            in_routine: false,
            arguments: None,
            calls: None,
            skipped: Arc::default(),
            trigger_depth: 0,
            transitions: Arc::from([]),
        })
    }

    pub(super) async fn answer(
        &mut self,
        sql: &str,
        parameters: &[(PgType, ArrayRef)],
    ) -> Result<String> {
        let statements = parse(sql)?;
        let context = self.context();
        let interrupt = Interrupt::new();
        let declared: Vec<_> = parameters.iter().map(|(ty, _)| Some(*ty)).collect();
        let arrays: Vec<_> = parameters.iter().map(|(_, array)| array.clone()).collect();
        match &statements[0].command {
            Command::Query(query) => {
                let bound = self.engine.bind(&context, query, &declared).await?;
                let permitted = authorize(&self.snapshot, &bound.needs.clone(), bound)?;
                let rows = self
                    .engine
                    .execute(&context, permitted, &arrays, &interrupt)
                    .await?;
                print(&context, rows).await
            }
            Command::Dml(statement) => {
                let bound = self.engine.bind_dml(&context, statement, &declared).await?;
                let target = bound.targets[0].0;
                let permitted = authorize(&self.snapshot, &bound.needs.clone(), bound)?;
                let result = self
                    .engine
                    .execute_dml(&context, permitted, &arrays, &interrupt)
                    .await?;
                let shown = match result.returning {
                    Some(rows) => print(&context, rows).await?,
                    None => result.rows.to_string(),
                };
                self.apply(&result.changes);
                if self.files {
                    self.seal(target);
                }
                Ok(shown)
            }
            other => panic!("not a case for this test: {other:?}"),
        }
    }

    /// Rows as `a,b;c,d`, NULL as nothing, or the number of rows changed.
    pub(super) async fn ask(&mut self, sql: &str) -> String {
        self.answer(sql, &[])
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    pub(super) async fn fail(&mut self, sql: &str) -> (SqlState, String) {
        match self.answer(sql, &[]).await {
            Ok(answer) => panic!("{sql}: answered {answer}"),
            Err(error) => (error.state(), error.to_string()),
        }
    }

    pub(super) fn seal(&mut self, table: Oid) {
        let relation = self.snapshot.relation(table).expect("exists").clone();
        if relation.segments().is_empty() {
            return;
        }
        let sealed = seal(self.database.store(), &relation, relation.segments()).expect("seals");
        self.apply(&[
            Change::RemoveSegments {
                relation: table,
                segments: relation.segments().iter().map(|s| s.id).collect(),
            },
            Change::AddSegments {
                relation: table,
                segments: sealed,
            },
        ]);
    }
}

async fn print(context: &Arc<StatementContext>, mut rows: Rows) -> Result<String> {
    let names = Names::new(context.clone());
    let mut lines = Vec::new();
    while let Some(batch) = rows.next().await? {
        let columns = batch
            .columns()
            .iter()
            .zip(rows.columns().iter())
            .map(|(array, column)| {
                TextColumn::new(array.as_ref(), column.ty, &context.style, &names)
            })
            .collect::<Result<Vec<_>>>()?;
        for row in 0..batch.num_rows() {
            let mut values = Vec::new();
            for column in &columns {
                let mut text = Vec::new();
                column.write(row, &mut text)?;
                values.push(String::from_utf8(text).expect("text"));
            }
            lines.push(values.join(","));
        }
    }
    Ok(lines.join(";"))
}

/// Runs a case on threads with stacks like the engine's own.
pub(super) fn on_engine_stack<F: Future<Output = ()>>(case: impl FnOnce() -> F + Send + 'static) {
    let run = || {
        tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .thread_stack_size(THREAD_STACK_BYTES)
            .enable_all()
            .build()
            .expect("a runtime")
            .block_on(case());
    };
    std::thread::Builder::new()
        .stack_size(THREAD_STACK_BYTES)
        .spawn(run)
        .expect("a thread")
        .join()
        .expect("the case passes");
}
