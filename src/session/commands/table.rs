//! CREATE TABLE, CREATE TABLE AS, and what tables, views and foreign tables have in
//! common when made.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast;

use super::column_type::{check_column_name, check_column_type, check_shown_type};
use super::constraint::stored;
use super::key::without_repeated_keys;
use super::on_commit::check_on_commit;
use super::query::check_parameters;
use super::sequence::OfColumn;
use super::tuning::compression;
use super::{collation, skipping, tag};
use crate::base::limits::{COLUMNS_MAX, TABLE_COLUMNS_MAX};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, Column, Generation, Parameters, Persistence, Relation, RelationKind, Snapshot, Tuning,
};
use crate::engine::command::{CreateTable, ObjectName};
use crate::engine::definition::{ColumnDefinition, GenerationClause};
use crate::engine::{ExpressionKind, OutputColumn, parse_expression, parse_query};
use crate::pg_catalog::names;
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;

/// Where a new relation goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place {
    pub(super) schema: Oid,
    pub(super) persistence: Persistence,
    pub(super) unlogged: bool,
}

impl Session {
    /// CREATE TABLE
    pub(in crate::session) async fn create_table(
        &mut self,
        create: &CreateTable,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        self.lock_parents(create, &run).await?;
        let context = self.context()?;
        let done = tag("CREATE TABLE");
        self.say_no_effect(&create.storage);
        check_on_commit(create.temporary, create.on_commit)?;
        let Some(mut place) = self.place(
            &context,
            &create.name,
            create.temporary,
            create.if_not_exists,
        )?
        else {
            return Ok(done);
        };
        place.unlogged = create.unlogged;
        let mut changes = self.table_changes(&context, create, place, &run).await?;
        let mut divided = None;
        if let Some(Change::CreateRelation(table)) = changes.last_mut() {
            table.tuning.parameters = of_main_table(&create.storage);
            self.note_on_commit(table.oid, create.on_commit);
            divided = table.family.parents.first().copied();
        }
        self.push(changes, Vec::new())?;
        if let Some(table) = divided.filter(|_| create.partition_of.is_some()) {
            self.divide_keys(table)?;
        }
        Ok(done)
    }

    /// The table CREATE TABLE makes, and the sequences that come with it.
    async fn table_changes(
        &mut self,
        context: &Arc<StatementContext>,
        create: &CreateTable,
        place: Place,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let mut taken = self.taken_over(context, create)?;
        let parents = self.parents_of(context, create, place.persistence)?;
        let is_partition = create.partition_of.is_some();
        let mut own_constraints = create.constraints.clone();
        let legacy = match parents.is_empty() {
            true => None,
            false => {
                taken.constraints.append(&mut own_constraints);
                Some(self.merge_parents(context, parents, is_partition, &mut taken)?)
            }
        };
        let mut relation = self.new_relation(
            &create.name.name,
            place,
            columns_of(context, &taken.columns)?,
            RelationKind::Table {
                segments: Arc::from([]),
            },
        );
        for (attnum, comment) in &taken.comments {
            for column in relation.columns.iter_mut().filter(|c| c.attnum == *attnum) {
                column.comment = Some(comment.clone());
            }
        }
        for (column, definition) in relation.columns.iter().zip(&taken.columns) {
            if let Some(method) = &definition.compression {
                let letter = compression(column.ty, method)?;
                relation.tuning.column(column.attnum).compression = letter;
            }
        }
        let mut changes = Vec::new();
        let mut sequences = Vec::new();
        for (index, definition) in taken.columns.iter().enumerate() {
            let made = self
                .fill_definition(context, &mut relation, index, definition, &sequences, run)
                .await?;
            if let Some(sequence) = made {
                sequences.push(sequence.name.clone());
                changes.push(Change::CreateRelation(Box::new(sequence)));
            }
        }
        // One may be named before the definition that says it is generated.
        for column in &relation.columns {
            if let Some(expression) = column.expression() {
                stored(&relation, &column.name, expression)?;
            }
        }
        if let Some(clause) = &create.partition_by {
            if !create.inherits.is_empty() {
                return Err(Error::new(
                    SqlState::INVALID_OBJECT_DEFINITION,
                    "cannot create partitioned table as inheritance child",
                ));
            }
            let key = self.partition_key(context, &relation, clause, run).await?;
            relation.family.key = Some(key);
        }
        let own = taken.columns.iter().flat_map(|c| &c.constraints);
        let own = own.chain(&own_constraints).cloned();
        let constraints = match legacy {
            // Its own are among those of its parents.
            Some(_) => without_repeated_keys(own.chain(taken.constraints)),
            None => {
                let mut constraints = without_repeated_keys(own);
                constraints.extend(taken.constraints);
                constraints
            }
        };
        self.declare_constraints(context, &mut relation, &constraints, run)
            .await?;
        for (table, index) in &taken.indexes {
            self.take_index(context, (table, index), &mut relation)?;
        }
        if let Some(legacy) = legacy {
            self.check_restated(context, &relation, &legacy.restated, run)
                .await?;
            let key = relation.family.key.take();
            relation.family = legacy.family(&relation);
            relation.family.key = key;
            if let (Some((_, clause)), Some(parent)) =
                (&create.partition_of, legacy.parents.first())
            {
                let bound = self
                    .partition_bound(context, parent, &relation.name, clause, run)
                    .await?;
                self.check_default_partition(context, parent, &bound, run)
                    .await?;
                relation.family.bound = Some(bound);
                let parts = self.parts_for(context, parent, &relation, |_| true)?;
                (relation.constraints, relation.family.parts_of) = parts;
                relation.triggers = self.shared_triggers(parent, &relation)?;
            }
        }
        changes.push(Change::CreateRelation(Box::new(relation)));
        Ok(changes)
    }

    /// Default and generation of the column `index` of a relation, as its definition says; the
    /// sequence that comes with it, if one does.
    pub(super) async fn fill_definition(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &mut Relation,
        index: usize,
        definition: &ColumnDefinition,
        taken: &[String],
        run: &Run<'_>,
    ) -> Result<Option<Relation>> {
        let Column { attnum, ty, .. } = relation.columns[index];
        if let Some(default) = &definition.default {
            let is_none = is_no_default(default, ty)?;
            let default = self.kept_default(context, default, ty, run).await?;
            self.check_default(context, &definition.name, &default, ty, run)
                .await?;
            relation.columns[index].default = Some(default).filter(|_| !is_none);
        }
        let identity = match &definition.generation {
            Some(GenerationClause::Stored(expression)) => {
                stored(relation, &definition.name, expression)?;
                let kind = ExpressionKind::Generation;
                let expression = &crate::engine::typed_default(context, expression, ty.declared())?;
                let expression = &self.kept(kind, context, relation, expression, run).await?;
                let generation = stored(relation, &definition.name, expression)?;
                let words = "generation expression is not immutable";
                let ty = self
                    .rule_type(kind, context, relation, expression, Some(words), run)
                    .await?;
                check_kept(
                    &context.snapshot,
                    &definition.name,
                    ty,
                    relation.columns[index].ty,
                )?;
                relation.columns[index].generation = Some(generation);
                return Ok(None);
            }
            Some(GenerationClause::Identity { always, options }) => Some((*always, options)),
            None if definition.serial => None,
            None => return Ok(None),
        };
        let place = Place {
            schema: relation.schema,
            persistence: relation.persistence,
            unlogged: relation.tuning.unlogged,
        };
        let sequence = self.column_sequence(
            context,
            place,
            &relation.name,
            &OfColumn {
                name: &definition.name,
                ty,
                owner: (relation.oid, attnum),
                identity: identity.map(|(_, options)| options.as_slice()),
            },
            taken,
        )?;
        let column = &mut relation.columns[index];
        column.not_null = true;
        match identity {
            Some((always, _)) => {
                column.generation = Some(Generation::Identity {
                    always,
                    sequence: sequence.oid,
                });
            }
            None => column.default = Some(format!("nextval('{}'::regclass)", sequence.oid)),
        }
        Ok(Some(sequence))
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
                unlogged: false,
            }
        } else {
            Place {
                schema: context
                    .snapshot
                    .resolve_creation_schema(&context.search_path, schema)?,
                persistence: Persistence::Permanent,
                unlogged: false,
            }
        };
        let view = self.transaction()?.view();
        let there = view.relation_named(place.schema, &name.name).is_some()
            || view.index_named(place.schema, &name.name).is_some();
        if if_not_exists && there {
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
            owner: self.acting_role(),
            acl: None,
            comment: None,
            next_attnum: columns.iter().map(|c| c.attnum).max().unwrap_or(0) + 1,
            columns,
            persistence: place.persistence,
            publication: 1,
            column_acls: BTreeMap::new(),
            tuning: Tuning {
                unlogged: place.unlogged,
                ..Tuning::default()
            },
            constraints: crate::catalog::Constraints::NONE,
            row_security: Default::default(),
            triggers: Vec::new(),
            family: Default::default(),
            kind,
        }
    }

    /// A DEFAULT for what is of a type as the catalog keeps it.
    pub(super) async fn kept_default(
        &self,
        context: &Arc<StatementContext>,
        default: &str,
        ty: PgType,
        run: &Run<'_>,
    ) -> Result<String> {
        let kind = ExpressionKind::Default;
        refuse_columns(kind, &parse_expression(default)?)?;
        let default = &crate::engine::typed_default(context, default, ty.declared())?;
        let work = self.shared.engine.kept(kind, context, None, default);
        let default = interruptible(run.interrupt, work).await?;
        crate::engine::settle_default(&default, |name| {
            names::parse_reg(context, PgType::REGCLASS, name)
        })
    }

    /// A column's DEFAULT must be an expression over nothing that fits the column.
    pub(super) async fn check_default(
        &mut self,
        context: &Arc<StatementContext>,
        column: &str,
        default: &str,
        ty: PgType,
        run: &Run<'_>,
    ) -> Result<()> {
        let kind = ExpressionKind::Default;
        refuse_columns(kind, &parse_expression(default)?)?;
        let mut query = parse_query(&format!("SELECT ({default})"))?;
        crate::engine::assign_to(&mut query, ty);
        let engine = &self.shared.engine;
        let work = engine.bind_expressions_of(kind, context, &query);
        let bound = interruptible(run.interrupt, work)
            .await
            .map_err(Error::without_position)?;
        check_parameters(bound.parameters.len(), 0)?;
        privileges::authorize(&context.snapshot, &bound.needs, ())?;
        let literal = crate::engine::is_literal(default)?;
        if let Some(output) = bound.columns.first()
            && !literal
        {
            let fits = crate::engine::check_assignable(&context.snapshot, column, output.ty, ty);
            return fits.map_err(|error| {
                let from = output.ty.with_typmod(-1);
                Error::new(
                    error.state(),
                    format!(
                        "column \"{column}\" is of type {} but default expression is of type {from}",
                        ty.with_typmod(-1)
                    ),
                )
                .hint("You will need to rewrite or cast the expression.")
            });
        }
        // A literal is read as the column's type now, so that a wrong one is no surprise later. Its
        // domain looks at it when it is used.
        let written = names::written(context, ty.undomained());
        let query = parse_query(&format!("SELECT CAST(({default}) AS {written})"))?;
        let server = super::alter::as_server(context);
        self.finds(&server, &query, run).await.map(drop)
    }
}

/// The parameters of a table without those of the table beside it for long values, which is not
/// there.
pub(super) fn of_main_table(parameters: &Parameters) -> Parameters {
    let own = parameters.iter();
    let own = own.filter(|(name, _)| !name.starts_with("toast."));
    own.cloned().collect()
}

/// `42804` for a generated column whose expression does not fit it.
pub(super) fn check_kept(
    snapshot: &Snapshot,
    column: &str,
    from: PgType,
    to: PgType,
) -> Result<()> {
    if from == PgType::UNKNOWN {
        return Ok(());
    }
    crate::engine::check_assignable(snapshot, column, from, to).map_err(|error| {
        Error::new(
            error.state(),
            format!(
                "column \"{column}\" is of type {} but default expression is of type {}",
                to.with_typmod(-1),
                from.with_typmod(-1)
            ),
        )
        .hint("You will need to rewrite or cast the expression.")
    })
}

/// `0A000` for an expression that reads columns where there are none.
pub(super) fn refuse_columns(kind: ExpressionKind, expression: &ast::Expr) -> Result<()> {
    let mut fields = crate::engine::FieldNames::default();
    let refused = ast::visit_expressions(expression, |expression| match expression {
        part if fields.is_one(part) => ControlFlow::Continue(()),
        ast::Expr::Identifier(ident) if crate::engine::is_call(ident) => ControlFlow::Continue(()),
        ast::Expr::Identifier(_) | ast::Expr::CompoundIdentifier(_) => {
            ControlFlow::Break(kind.no_column())
        }
        ast::Expr::Subquery(_) | ast::Expr::Exists { .. } | ast::Expr::InSubquery { .. } => {
            ControlFlow::Break(kind.no_subquery())
        }
        _ => ControlFlow::Continue(()),
    });
    match refused {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// Columns as CREATE TABLE says.
pub(super) fn columns_of(
    context: &StatementContext,
    definitions: &[ColumnDefinition],
) -> Result<Vec<Column>> {
    numbered(
        definitions
            .iter()
            .map(|definition| {
                let ty = definition
                    .ty
                    .resolve(&context.snapshot, &context.search_path)?;
                check_column_name(&definition.name)?;
                check_column_type(context, &definition.name, ty)?;
                Ok(Column {
                    attnum: 0,
                    name: definition.name.clone(),
                    stored_name: String::new(),
                    ty,
                    collation: collation::of(ty, definition.collation.as_ref())?,
                    not_null: definition.not_null,
                    default: None,
                    generation: None,
                    comment: None,
                })
            })
            .collect::<Result<_>>()?,
    )
}

/// As [`output_columns`], of an answer that is stored.
pub(super) fn stored_columns(
    context: &StatementContext,
    columns: &[OutputColumn],
    names: &[String],
) -> Result<Vec<Column>> {
    let columns = output_columns(context, columns, names)?;
    for column in &columns {
        check_column_name(&column.name)?;
        check_column_type(context, &column.name, column.ty)?;
    }
    Ok(columns)
}

/// Columns of a query's answer, the first of them under other `names` if there are some.
pub(super) fn output_columns(
    context: &StatementContext,
    columns: &[OutputColumn],
    names: &[String],
) -> Result<Vec<Column>> {
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
                check_shown_type(context, name, ty)?;
                Ok(Column {
                    attnum: 0,
                    name: name.clone(),
                    stored_name: String::new(),
                    ty,
                    collation: None,
                    not_null: false,
                    default: None,
                    generation: None,
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

/// Whether a DEFAULT says no more than that there is none: NULL, of a type that asks nothing more
/// of it.
pub(super) fn is_no_default(default: &str, ty: PgType) -> Result<bool> {
    let plain = ty.domain.is_none() && ty.typmod < 0;
    let mut expr = parse_expression(default)?;
    while let ast::Expr::Nested(inner) = expr {
        expr = *inner;
    }
    let null = matches!(expr, ast::Expr::Value(of) if of.value == ast::Value::Null);
    Ok(plain && null)
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
