//! WITH whose queries change rows: each of them runs once and to its end, in the order written,
//! and what it returns is what the others see of it.
//!
//! Its rows stand in for its name in every query made for the rest of the statement. A query of
//! such a WITH that changes nothing stays part of whatever reads it; if that is more than one, it
//! runs by itself, too, so that all readers see the same rows.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::datasource::empty::EmptyTable;
use sqlparser::ast::{self, SelectItem, SetExpr};

use super::names::{Names, mentions};
use super::returning::joined_batch;
use super::values::Parameters;
use super::values::settle_used;
use super::work::Work;
use super::{Body, DmlKind, rows, target};
use crate::base::{Error, Oid, Result, SqlState};
use crate::engine::analyze::{SILENT, misplaced, reads};
use crate::engine::command::{Dml, DmlAction};
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::parse::{changes_rows, is_change};
use crate::engine::{Bound, Engine, Rows};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

/// A query of WITH that runs by itself.
#[derive(Debug, Clone)]
pub(super) struct Step {
    /// What the statement calls it.
    pub(super) shown: String,
    /// The relation that stands for its rows.
    name: String,
    /// Its columns.
    schema: SchemaRef,
    /// Whether the statement itself reads it, be it through others. What nobody reads runs last.
    pub(super) is_read: bool,
    pub(super) body: Body,
}

/// The rows of a step.
pub(super) struct Found {
    name: String,
    rows: Arc<dyn TableProvider>,
}

/// What a statement runs with.
#[derive(Clone, Copy)]
pub(super) struct Given<'a> {
    pub(super) context: &'a Arc<StatementContext>,
    pub(super) types: &'a [PgType],
    pub(super) parameters: &'a [ArrayRef],
    pub(super) interrupt: &'a Interrupt,
}

impl Engine {
    /// Binds what of WITH runs by itself. The names are for the rest of the statement.
    pub(super) async fn bind_steps(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        dml: &Dml,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
        targets: &mut Vec<(Oid, DmlKind)>,
    ) -> Result<(Names, Vec<Step>)> {
        let Some(with) = dml.with.as_ref().filter(|with| changes_rows(with)) else {
            return Ok((Names::of(dml.with.clone()), Vec::new()));
        };
        let mut names = Names::default();
        let mut steps: Vec<Step> = Vec::new();
        let reached = reached(with, &dml.action);
        for (place, cte) in with.cte_tables.iter().enumerate() {
            let shown = target::fold(&cte.alias.name);
            let position = target::position(&cte.alias);
            check_name(with, place, &shown, position)?;
            let change = is_change(&cte.query.body);
            let later = &with.cte_tables[place + 1..];
            let read = later.iter().map(|cte| mentions(&cte.query, &shown));
            let read = read.sum::<usize>() + mentions_of(&dml.action, &shown);
            if !change && read < 2 {
                names.push(cte.clone(), with);
                continue;
            }
            let body = if change {
                let (action, names) = part_of(&cte.query, &names, position)?;
                let part = self
                    .bind_part(context, &action, names, parameters, needs)
                    .await?;
                targets.extend(part.targets());
                Body::Change(part)
            } else {
                let mut names = names.clone();
                names.push(cte.clone(), with);
                let all = super::select_from(vec![everything()], &shown, None);
                let query = names.around(all);
                let bound = self
                    .bind_with(context, &query, parameters.known(), &names.locals)
                    .await?;
                settle_used(parameters, &query, &bound);
                needs.extend(bound.needs.iter().cloned());
                Body::Query(bound)
            };
            let answer = match &body {
                Body::Change(part) => part.returning.as_ref(),
                Body::Query(query) => Some(query),
            };
            let name = match answer {
                Some(_) => format!("\0with{place}"),
                None => SILENT.to_owned(),
            };
            let schema = columns(answer);
            names.push(renamed(cte, answer, &name, &shown, change)?, with);
            names.locals.push(LocalRelation {
                name: name.clone(),
                relation: Oid::INVALID,
                origins: Vec::new(),
                rows: LocalRows::Provider(Arc::new(EmptyTable::new(schema.clone()))),
            });
            steps.push(Step {
                shown,
                name,
                schema,
                is_read: reached[place],
                body,
            });
        }
        Ok((names, steps))
    }

    /// Runs steps; their rows join those found so far.
    pub(super) async fn execute_steps(
        self: &Arc<Self>,
        given: &Given<'_>,
        steps: Vec<Step>,
        found: &mut Vec<Found>,
        work: &mut Work,
    ) -> Result<()> {
        for step in steps {
            let answer = match step.body {
                Body::Change(mut part) => {
                    part.put_rows(found)?;
                    self.execute_part(given, part, work).await?.1
                }
                Body::Query(mut query) => {
                    put_rows(&mut query, found)?;
                    let many = query.parameters.len().min(given.parameters.len());
                    let passed = &given.parameters[..many];
                    let rows = self.run(given.context, query, passed, given.interrupt);
                    Some(rows.await?)
                }
            };
            if let Some(answer) = answer {
                found.push(Found {
                    name: step.name,
                    rows: gathered(answer, &step.schema).await?,
                });
            }
        }
        Ok(())
    }
}

/// Puts rows in place of names of WITH.
pub(super) fn put_rows(query: &mut Bound, found: &[Found]) -> Result<()> {
    for Found { name, rows } in found {
        let with = query.clone().with_rows(name, rows.clone())?;
        *query = with;
    }
    Ok(())
}

/// All rows of an answer, as a relation.
async fn gathered(mut answer: Rows, schema: &SchemaRef) -> Result<Arc<dyn TableProvider>> {
    let mut batches = Vec::new();
    while let Some(batch) = answer.next().await? {
        let rows = batch.num_rows();
        batches.push(joined_batch(schema, batch.columns().to_vec(), rows)?);
    }
    rows::in_memory(schema.clone(), batches)
}

/// The change that a query of WITH is, and the names it sees.
fn part_of(
    query: &ast::Query,
    names: &Names,
    position: Option<usize>,
) -> Result<(DmlAction, Names)> {
    let action = match query.body.as_ref() {
        SetExpr::Insert(ast::Statement::Insert(insert)) => DmlAction::Insert {
            insert: Box::new(insert.clone()),
            overriding: None,
            inference: None,
        },
        SetExpr::Update(ast::Statement::Update(update)) => {
            DmlAction::Update(Box::new(update.clone()))
        }
        SetExpr::Delete(ast::Statement::Delete(delete)) => {
            DmlAction::Delete(Box::new(delete.clone()))
        }
        _ => {
            let error = Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "MERGE not supported in WITH query",
            );
            return Err(target::at(error, position));
        }
    };
    let mut names = names.clone();
    if let Some(own) = &query.with {
        if changes_rows(own) {
            return Err(target::at(misplaced(), position));
        }
        for cte in &own.cte_tables {
            let name = target::fold(&cte.alias.name);
            let outer = names.with.iter().flat_map(|with| &with.cte_tables);
            if outer
                .into_iter()
                .any(|cte| target::fold(&cte.alias.name) == name)
            {
                return Err(Error::unsupported("a name given twice by nested WITH"));
            }
            names.push(cte.clone(), own);
        }
    }
    Ok((action, names))
}

/// What of a WITH clause's names must be so.
fn check_name(with: &ast::With, place: usize, name: &str, position: Option<usize>) -> Result<()> {
    let (before, here) = (&with.cte_tables[..place], &with.cte_tables[place]);
    if before
        .iter()
        .any(|cte| target::fold(&cte.alias.name) == name)
    {
        let error = Error::new(
            SqlState::DUPLICATE_ALIAS,
            format!("WITH query name \"{name}\" specified more than once"),
        );
        return Err(target::at(error, position));
    }
    if !with.recursive {
        return Ok(());
    }
    if is_change(&here.query.body) && reads(&here.query, name) {
        let error = Error::new(
            SqlState::INVALID_RECURSION,
            format!("recursive query \"{name}\" must not contain data-modifying statements"),
        );
        return Err(target::at(error, position));
    }
    if before.iter().any(|cte| reads(&cte.query, name)) {
        return Err(Error::unsupported(
            "a WITH RECURSIVE query that reads a later one",
        ));
    }
    Ok(())
}

/// Which queries of a WITH the statement itself reads, be it through others.
fn reached(with: &ast::With, action: &DmlAction) -> Vec<bool> {
    let mut reached = vec![false; with.cte_tables.len()];
    for (place, cte) in with.cte_tables.iter().enumerate().rev() {
        let name = target::fold(&cte.alias.name);
        let later = with.cte_tables.iter().zip(&reached).skip(place + 1);
        let mut readers = later.filter(|(_, reached)| **reached);
        reached[place] = mentions_of(action, &name) > 0
            || readers.any(|(cte, _)| mentions(&cte.query, &name) > 0);
    }
    reached
}

/// How often the statement itself mentions a name.
fn mentions_of(action: &DmlAction, name: &str) -> usize {
    match action {
        DmlAction::Insert { insert, .. } => mentions(insert.as_ref(), name),
        DmlAction::Update(update) => mentions(update.as_ref(), name),
        DmlAction::Delete(delete) => mentions(delete.as_ref(), name),
        DmlAction::Query(query) => mentions(query.as_ref(), name),
        DmlAction::Merge(merge) => {
            let mut count = mentions(&merge.source, name) + mentions(&merge.on, name);
            for clause in &merge.clauses {
                // Clauses are bound apart from each other, whatever they mention.
                count += clause
                    .condition
                    .iter()
                    .map(|c| mentions(c, name))
                    .sum::<usize>();
                count += usize::from(!matches!(
                    clause.action,
                    crate::engine::command::MergeAction::Nothing
                ));
            }
            count
        }
    }
}

/// `*`
fn everything() -> SelectItem {
    SelectItem::Wildcard(ast::WildcardAdditionalOptions::default())
}

/// The columns of an answer, under names of their own; one that nobody reads where there is none.
fn columns(answer: Option<&Bound>) -> SchemaRef {
    let Some(answer) = answer else {
        let field = PgType::INT4.field("c0", true);
        return Arc::new(Schema::new(vec![field]));
    };
    let types = answer.plan.schema().fields().iter().zip(&answer.columns);
    let fields = types.enumerate().map(|(index, (field, column))| {
        let shape: Field = column.ty.field(&format!("c{index}"), true);
        shape.with_data_type(field.data_type().clone())
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A query of WITH that reads the rows of a step, its columns called as the step's.
fn renamed(
    cte: &ast::Cte,
    answer: Option<&Bound>,
    name: &str,
    shown: &str,
    change: bool,
) -> Result<ast::Cte> {
    let mut cte = cte.clone();
    let all = super::select_from(vec![everything()], name, None);
    *cte.query = all;
    let Some(answer) = answer else {
        return Ok(cte);
    };
    let given = cte.alias.columns.len();
    if given > answer.columns.len() {
        return Err(Error::new(
            SqlState::INVALID_COLUMN_REFERENCE,
            format!(
                "WITH query \"{shown}\" has {} columns available but {given} columns specified",
                answer.columns.len()
            ),
        ));
    }
    // A query that ran under its own name has its columns renamed already.
    let from = if change { given } else { 0 };
    cte.alias.columns.truncate(from);
    let names = answer.columns.iter().skip(from);
    cte.alias
        .columns
        .extend(names.map(|column| ast::TableAliasColumnDef {
            name: target::quoted(&column.name),
            data_type: None,
        }));
    cte.materialized = None;
    Ok(cte)
}
