//! Columns of arrays that are given one which they do not hold: one of other dimensions than
//! declared, or one whose places do not count from 1. PostgreSQL's columns hold any; ours hold
//! lists, which is what nearly all arrays are, until the first of the others comes. From then on
//! the column keeps arrays that tell their dimensions, and nobody sees a difference but in what
//! Arrow is given.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::DataType;

use super::alter::as_server;
use super::family::kin;
use super::table::stored_name;
use crate::base::{Error, Oid, Result};
use crate::catalog::{Change, Column, Relation, RelationKind};
use crate::database::LockMode;
use crate::engine::{Statement, parse_query};
use crate::observe::Interrupt;
use crate::privileges;
use crate::session::prepared::Plan;
use crate::session::{Session, interruptible};
use crate::types::{dimensions, shaped};

impl Session {
    /// The plan for these parameters: another, if there are arrays among them that are not what the
    /// plan takes.
    pub(in crate::session) async fn plan_over(
        &mut self,
        statement: &Statement,
        plan: Plan,
        mut values: Vec<ArrayRef>,
        interrupt: &Interrupt,
    ) -> Result<(Plan, Vec<ArrayRef>)> {
        let mut types = plan.parameters.clone();
        let mut told = false;
        for (value, ty) in values.iter_mut().zip(&mut types) {
            if !ty.has_lists() || *value.data_type() == DataType::Null {
                continue;
            }
            *value = match shaped::refitted(value, &ty.data_type()) {
                Ok(same) if dimensions(same.data_type()) == dimensions(&ty.data_type()) => same,
                _ => {
                    *ty = ty.with_any_dimensions();
                    told = true;
                    shaped::converted(value, &ty.data_type())?
                }
            };
        }
        if !told {
            return Ok((plan, values));
        }
        let declared: Vec<_> = types.into_iter().map(Some).collect();
        Ok((self.plan(statement, &declared, interrupt).await?, values))
    }

    /// Tells the array columns of some tables, of the type that `error` speaks of (0: of any), to
    /// hold arrays of any dimensions.
    ///
    /// # Errors
    /// `error` if there is nothing to tell, or it cannot be told.
    pub(super) async fn widen(
        &mut self,
        tables: Vec<Oid>,
        error: Error,
        interrupt: &Interrupt,
    ) -> Result<()> {
        let Some(of) = error.fields().beyond_lists else {
            return Err(error);
        };
        let mut told = false;
        let context = self.context()?;
        // Columns that are read as one hold the same arrays.
        let mut all: Vec<Oid> = tables
            .into_iter()
            .flat_map(|of| kin(&context, of))
            .collect();
        all.sort_unstable();
        all.dedup();
        for table in all {
            self.lock(table, LockMode::Exclusive, interrupt).await?;
            let context = self.context()?;
            let Some(relation) = context.snapshot.relation(table).cloned() else {
                continue;
            };
            let wide = |column: &&Column| {
                let held = of == Oid::INVALID || column.ty.oid == of;
                held && column.ty.has_lists() && !column.ty.has_any_dimensions()
            };
            let columns: Vec<Column> = relation
                .columns
                .iter()
                .filter(wide)
                .map(|column| self.told_column(column))
                .collect();
            if columns.is_empty() || !matches!(relation.kind, RelationKind::Table { .. }) {
                continue;
            }
            let changes = self.rewritten(&relation, columns, interrupt).await?;
            if self.push(changes, Vec::new()).is_err() {
                return Err(error);
            }
            told = true;
        }
        match told {
            true => Ok(()),
            false => Err(error),
        }
    }

    /// A column told to hold arrays of any dimensions.
    pub(super) fn told_column(&self, column: &Column) -> Column {
        Column {
            ty: column.ty.with_any_dimensions(),
            stored_name: format!(
                "{}_{}",
                stored_name(&column.name, column.attnum),
                self.shared.database.new_oid()
            ),
            ..column.clone()
        }
    }

    /// A relation whose columns of arrays all hold such of any dimensions, and what makes it so.
    pub(super) fn told(&self, relation: &Relation) -> (Arc<Relation>, Vec<Change>) {
        let mut after = Relation::clone(relation);
        let mut changes = Vec::new();
        let columns = after.columns.iter_mut();
        for column in columns.filter(|c| c.ty.has_lists() && !c.ty.has_any_dimensions()) {
            *column = self.told_column(column);
            changes.push(Change::AlterColumn {
                relation: relation.oid,
                column: column.clone(),
            });
        }
        (Arc::new(after), changes)
    }

    /// A table with its rows written anew, some of its columns being these.
    async fn rewritten(
        &mut self,
        relation: &Arc<Relation>,
        columns: Vec<Column>,
        interrupt: &Interrupt,
    ) -> Result<Vec<Change>> {
        let context = self.context()?;
        let server = as_server(&context);
        let all = format!(
            "SELECT {} FROM ONLY {}",
            relation
                .columns
                .iter()
                .map(|column| super::constraint::shown(&column.name))
                .collect::<Vec<_>>()
                .join(", "),
            context.snapshot.qualified_name(relation)
        );
        let engine = self.shared.engine.clone();
        let query = parse_query(&all)?;
        let bound = interruptible(interrupt, engine.bind(&server, &query, &[])).await?;
        let query = privileges::authorize(&server.snapshot, &bound.needs.clone(), bound)?;
        let mut after = Relation::clone(relation);
        for column in &columns {
            let mut own = after.columns.iter_mut();
            if let Some(own) = own.find(|own| own.attnum == column.attnum) {
                *own = column.clone();
            }
        }
        after.kind = RelationKind::Table {
            segments: Arc::from([]),
        };
        let after = Arc::new(after);
        let work = engine.fill(&server, &after, query, &[], interrupt);
        let (added, _) = interruptible(interrupt, work).await?;
        let mut changes: Vec<_> = Change::emptying(relation).into_iter().collect();
        changes.extend(columns.into_iter().map(|column| Change::AlterColumn {
            relation: relation.oid,
            column,
        }));
        changes.extend(added);
        Ok(changes)
    }
}
