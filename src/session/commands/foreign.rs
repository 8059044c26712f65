//! CREATE FOREIGN TABLE: files of the server, read in place.

use std::collections::BTreeMap;

use super::table::columns_of;
use super::tag;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Change, RelationKind};
use crate::engine::command::CreateForeignTable;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};

/// The one foreign server: the server's own file system.
const FILES: &str = "files";

impl Session {
    /// CREATE FOREIGN TABLE
    pub(in crate::session) async fn create_foreign_table(
        &mut self,
        create: &CreateForeignTable,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag("CREATE FOREIGN TABLE");
        if create.server != FILES {
            return Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("server \"{}\" does not exist", create.server),
            )
            .hint("The only foreign server is \"files\"."));
        }
        // Asked before anything is said of the file, even whether there is one.
        let need = Need::Predefined {
            role: context.role,
            of: "pg_read_server_files",
            to: "read files of the server".into(),
        };
        privileges::authorize(&context.snapshot, &[need], ())?;
        let Some(place) = self.place(&context, &create.name, false, create.if_not_exists)? else {
            return Ok(done);
        };
        let mut options = BTreeMap::new();
        for (name, value) in &create.options {
            if options.insert(name.clone(), value.clone()).is_some() {
                return Err(Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!("option \"{name}\" provided more than once"),
                ));
            }
        }
        let engine = self.shared.engine.clone();
        let columns = if create.columns.is_empty() {
            interruptible(run.interrupt, engine.infer_foreign(&options)).await?
        } else {
            interruptible(run.interrupt, engine.check_foreign(&options)).await?;
            let mut columns = columns_of(&context, &create.columns)?;
            for column in &mut columns {
                // Looked for in the files under this name, whatever the column is called later.
                column.stored_name.clone_from(&column.name);
            }
            columns
        };
        let relation = self.new_relation(
            &create.name.name,
            place,
            columns,
            RelationKind::Foreign {
                server: create.server.clone(),
                options,
            },
        );
        self.push(vec![Change::CreateRelation(Box::new(relation))], Vec::new())?;
        Ok(done)
    }
}
