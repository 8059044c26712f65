//! CREATE TABLE AS: a table made of a query's rows.

use std::sync::Arc;

use sqlparser::ast;

use super::on_commit::check_on_commit;
use super::table::{of_main_table, stored_columns};
use super::tag;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, RelationKind};
use crate::engine::command::{Command, CreateTableAs, Filled};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};

impl Session {
    /// CREATE TABLE AS, SELECT INTO
    pub(in crate::session) async fn create_table_as(
        &mut self,
        create: &CreateTableAs,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let query = match &create.filled {
            Filled::Query(query) => query,
            Filled::Execute { name, arguments } => {
                return self
                    .create_table_executing(create, (name, arguments), run)
                    .await;
            }
        };
        let context = self.context()?;
        self.say_no_effect(&create.storage);
        check_on_commit(create.temporary, create.on_commit)?;
        let Some(mut place) = self.place(
            &context,
            &create.name,
            create.temporary,
            create.if_not_exists,
        )?
        else {
            return Ok(tag("CREATE TABLE AS"));
        };
        place.unlogged = create.unlogged;
        // The permission to read is asked for before the table is there to be seen.
        let (context, bound) = self.locked_query(query, &run).await?;
        let columns = stored_columns(&context, &bound.columns, &create.columns)?;
        let query = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let mut relation = self.new_relation(
            &create.name.name,
            place,
            columns,
            RelationKind::Table {
                segments: Arc::from([]),
            },
        );
        relation.tuning.parameters = of_main_table(&create.storage);
        self.note_on_commit(relation.oid, create.on_commit);
        self.push(
            vec![Change::CreateRelation(Box::new(relation.clone()))],
            Vec::new(),
        )?;
        if !create.with_data {
            return Ok(tag("CREATE TABLE AS"));
        }
        let engine = self.shared.engine.clone();
        let relation = Arc::new(relation);
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.fill(&calling, &relation, query, run.parameters, run.interrupt);
        let (changes, rows) = self.serving(&mut queue, run.interrupt, work).await?;
        self.push_needing(changes, &[])?;
        Ok(tag(format!("SELECT {rows}")))
    }

    /// CREATE TABLE AS EXECUTE
    async fn create_table_executing(
        &mut self,
        create: &CreateTableAs,
        (name, arguments): (&str, &[ast::Expr]),
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let no_query = || {
            let message = "prepared statement is not a SELECT";
            Error::new(SqlState::WRONG_OBJECT_TYPE, message)
        };
        let executed = self.executed(name, arguments, &run).await?;
        let (statement, plan, values) = executed.ok_or_else(no_query)?;
        let Command::Query(query) = &statement.command else {
            return Err(no_query());
        };
        let create = CreateTableAs {
            filled: Filled::Query(query.clone()),
            ..create.clone()
        };
        let run = Run {
            statement: &statement,
            plan: Some(plan),
            parameters: &values,
            interrupt: run.interrupt,
        };
        Box::pin(self.create_table_as(&create, run)).await
    }
}
