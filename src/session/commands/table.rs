//! CREATE TABLE, CREATE TABLE AS, TRUNCATE, and what tables, views and foreign tables have in
//! common when made.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast;

use super::query::check_parameters;
use super::{relation_of, skipping, tag};
use crate::base::limits::{COLUMNS_MAX, TABLE_COLUMNS_MAX};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, Column, ObjectId, Persistence, Privilege, Privileges, Relation, RelationKind,
};
use crate::database::LockMode;
use crate::engine::command::{ColumnDefinition, CreateTable, CreateTableAs, ObjectName};
use crate::engine::{OutputColumn, parse_query};
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;

/// Where a new relation goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) schema: Oid,
    pub(super) persistence: Persistence,
}

impl Session {
    /// CREATE TABLE
    pub(in crate::session) async fn create_table(
        &mut self,
        create: &CreateTable,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag("CREATE TABLE");
        let Some(place) = self.place(
            &context,
            &create.name,
            create.temporary,
            create.if_not_exists,
        )?
        else {
            return Ok(done);
        };
        for column in &create.columns {
            if let Some(default) = &column.default {
                self.check_default(&context, default, column.ty, &run)
                    .await?;
            }
        }
        let relation = self.new_relation(
            &create.name.name,
            place,
            columns_of(&create.columns)?,
            RelationKind::Table {
                segments: Arc::from([]),
            },
        );
        self.push(vec![Change::CreateRelation(Box::new(relation))], Vec::new())?;
        Ok(done)
    }

    /// CREATE TABLE AS, SELECT INTO
    pub(in crate::session) async fn create_table_as(
        &mut self,
        create: &CreateTableAs,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let Some(place) = self.place(
            &context,
            &create.name,
            create.temporary,
            create.if_not_exists,
        )?
        else {
            return Ok(tag("CREATE TABLE AS"));
        };
        // The permission to read is asked for before the table is there to be seen.
        let bound = self.bound_query(&context, &create.query, &run).await?;
        let columns = output_columns(&bound.columns, &create.columns)?;
        let query = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let relation = self.new_relation(
            &create.name.name,
            place,
            columns,
            RelationKind::Table {
                segments: Arc::from([]),
            },
        );
        self.push(
            vec![Change::CreateRelation(Box::new(relation.clone()))],
            Vec::new(),
        )?;
        if !create.with_data {
            return Ok(tag("CREATE TABLE AS"));
        }
        let engine = self.shared.engine.clone();
        let relation = Arc::new(relation);
        let work = engine.fill(&context, &relation, query, run.parameters, run.interrupt);
        let (changes, rows) = interruptible(run.interrupt, work).await?;
        self.push_needing(changes, &[])?;
        Ok(tag(format!("SELECT {rows}")))
    }

    /// Where a new relation goes, and whether it may have the name; `None` (with a NOTICE) if it is
    /// there already and IF NOT EXISTS was said.
    pub(super) fn place(
        &mut self,
        context: &StatementContext,
        name: &ObjectName,
        temporary: bool,
        if_not_exists: bool,
    ) -> Result<Option<Place>> {
        let schema = name.schema.as_deref();
        let into_temporary = schema == Some("pg_temp")
            || schema.is_some_and(|schema| {
                context.snapshot.schema_named(schema).map(|s| s.oid)
                    == context.search_path.temporary
                    && context.search_path.temporary.is_some()
            });
        if temporary && schema.is_some() && !into_temporary {
            return Err(Error::new(
                SqlState::INVALID_TABLE_DEFINITION,
                "cannot create temporary relation in non-temporary schema",
            ));
        }
        let place = if temporary || into_temporary {
            Place {
                schema: self.temporary_schema()?,
                persistence: Persistence::Temporary,
            }
        } else {
            Place {
                schema: context
                    .snapshot
                    .resolve_creation_schema(&context.search_path, schema)?,
                persistence: Persistence::Permanent,
            }
        };
        let view = self.transaction()?.view();
        if if_not_exists && view.relation_named(place.schema, &name.name).is_some() {
            self.report(skipping(
                SqlState::DUPLICATE_TABLE,
                format!("relation \"{}\" already exists, skipping", name.name),
            ));
            return Ok(None);
        }
        Ok(Some(place))
    }

    /// A relation to be, owned by the current role.
    pub(super) fn new_relation(
        &self,
        name: &str,
        place: Place,
        columns: Vec<Column>,
        kind: RelationKind,
    ) -> Relation {
        Relation {
            oid: self.shared.database.new_oid(),
            row_type: self.shared.database.new_oid(),
            name: name.to_owned(),
            schema: place.schema,
            owner: self.values.current_role(),
            acl: None,
            comment: None,
            next_attnum: columns.iter().map(|c| c.attnum).max().unwrap_or(0) + 1,
            columns,
            persistence: place.persistence,
            publication: 1,
            kind,
        }
    }

    /// A column's DEFAULT must be an expression over nothing that fits the column.
    pub(super) async fn check_default(
        &self,
        context: &Arc<StatementContext>,
        default: &str,
        ty: PgType,
        run: &Run<'_>,
    ) -> Result<()> {
        check_default_shape(default)?;
        let query = parse_query(&format!("SELECT CAST(({default}) AS {ty})"))?;
        let work = self.shared.engine.bind(context, &query, &[]);
        let bound = interruptible(run.interrupt, work).await?;
        check_parameters(bound.parameters.len(), 0)?;
        privileges::authorize(&context.snapshot, &bound.needs, ()).map(drop)
    }

    /// TRUNCATE
    pub(in crate::session) async fn truncate(
        &mut self,
        names: &[ObjectName],
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let mut needs = Vec::new();
        let mut tables = Vec::new();
        for name in names {
            let relation = relation_of(&context, name)?;
            if !matches!(relation.kind, RelationKind::Table { .. }) {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a table", relation.name),
                ));
            }
            needs.push(Need::Privilege {
                role: context.role,
                object: ObjectId::Relation(relation.oid),
                any_of: Privileges::from(Privilege::Truncate),
            });
            if !tables.contains(&relation.oid) {
                tables.push(relation.oid);
            }
        }
        privileges::authorize(&context.snapshot, &needs, ())?;
        for table in &tables {
            self.lock(*table, LockMode::Exclusive, run.interrupt)
                .await?;
        }
        let context = self.context()?;
        let changes = tables
            .iter()
            .filter_map(|table| context.snapshot.relation(*table))
            .filter(|relation| !relation.segments().is_empty())
            .map(|relation| Change::RemoveSegments {
                relation: relation.oid,
                segments: relation.segments().iter().map(|s| s.id).collect(),
            })
            .collect();
        self.push_needing(changes, &needs)?;
        Ok(tag("TRUNCATE TABLE"))
    }
}

/// `0A000` for what a DEFAULT cannot hold.
fn check_default_shape(default: &str) -> Result<()> {
    let expression = crate::engine::parse_expression(default)?;
    let refused = ast::visit_expressions(&expression, |expression| match expression {
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => {
            ControlFlow::Break("column reference")
        }
        ast::Expr::Subquery(_) | ast::Expr::Exists { .. } | ast::Expr::InSubquery { .. } => {
            ControlFlow::Break("subquery")
        }
        _ => ControlFlow::Continue(()),
    });
    match refused {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(what) => Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot use {what} in DEFAULT expression"),
        )),
    }
}

/// Columns as CREATE TABLE says.
pub(super) fn columns_of(definitions: &[ColumnDefinition]) -> Result<Vec<Column>> {
    numbered(
        definitions
            .iter()
            .map(|definition| {
                check_column_type(&definition.name, definition.ty)?;
                Ok(Column {
                    attnum: 0,
                    name: definition.name.clone(),
                    stored_name: String::new(),
                    ty: definition.ty,
                    not_null: definition.not_null,
                    default: definition.default.clone(),
                    comment: None,
                })
            })
            .collect::<Result<_>>()?,
    )
}

/// Columns of a query's answer, the first of them under other `names` if there are some.
pub(super) fn output_columns(columns: &[OutputColumn], names: &[String]) -> Result<Vec<Column>> {
    if names.len() > columns.len() {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "too many column names were specified",
        ));
    }
    numbered(
        columns
            .iter()
            .enumerate()
            .map(|(index, column)| {
                let name = names.get(index).unwrap_or(&column.name);
                let ty = match column.ty {
                    PgType::UNKNOWN => PgType::TEXT,
                    ty => ty,
                };
                check_column_type(name, ty)?;
                Ok(Column {
                    attnum: 0,
                    name: name.clone(),
                    stored_name: String::new(),
                    ty,
                    not_null: false,
                    default: None,
                    comment: None,
                })
            })
            .collect::<Result<_>>()?,
    )
}

/// Gives new columns their numbers and the names they are stored under.
fn numbered(mut columns: Vec<Column>) -> Result<Vec<Column>> {
    // Views may have a few more; `Snapshot::apply` knows. Numbers must fit either way.
    if columns.len() > COLUMNS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {TABLE_COLUMNS_MAX} columns"),
        ));
    }
    let mut seen = BTreeSet::new();
    for (column, attnum) in columns.iter_mut().zip(1_i16..) {
        column.attnum = attnum;
        // Readers of the files (DuckDB) take upper and lower case for the same.
        let plain = !ends_in_number(&column.name) && seen.insert(column.name.to_lowercase());
        column.stored_name = if plain {
            column.name.clone()
        } else {
            stored_name(&column.name, attnum)
        };
    }
    Ok(columns)
}

/// A name no other column of the relation was ever stored under: numbers are never given twice, and
/// no plain stored name ends in a number.
pub(super) fn stored_name(name: &str, attnum: i16) -> String {
    format!("{name}_{attnum}")
}

fn ends_in_number(name: &str) -> bool {
    let head = name.trim_end_matches(|c: char| c.is_ascii_digit());
    head.len() < name.len() && head.ends_with('_')
}

/// `42P16` for types no column can have.
pub(super) fn check_column_type(name: &str, ty: PgType) -> Result<()> {
    let info = ty.info();
    if info.category == 'P' || info.category == 'X' {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{name}\" has pseudo-type {}", info.name),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{ends_in_number, stored_name};

    #[test]
    fn stored_names_never_meet() {
        assert!(ends_in_number("x_3"));
        assert!(!ends_in_number("x3"));
        assert!(!ends_in_number("x_"));
        assert_eq!(stored_name("x_3", 1), "x_3_1");
    }
}
