//! WITH: named queries, and queries that read themselves.

use std::cell::RefCell;
use std::sync::Arc;

use datafusion::common::TableReference;
use datafusion::common::metadata::FieldMetadata;
use datafusion::datasource::cte_worktable::CteWorkTable;
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::expr::{Alias, Cast};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, TableScanBuilder};
use sqlparser::ast::{self, SetExpr, TableFactor};

use super::level::Level;
use super::once::count;
use super::query::{Answer, Output, Tail, Wanted, project};
use super::recursion::{self, Terms};
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::{fold, is_change};
use crate::engine::semantics;
use crate::types::PgType;

/// The names one WITH clause gives, and those of the clauses around it.
pub(super) struct Ctes<'p> {
    parent: Option<&'p Ctes<'p>>,
    entries: RefCell<Vec<Entry>>,
}

/// One named query.
#[derive(Clone)]
pub(super) struct Entry {
    name: String,
    pub(super) plan: LogicalPlan,
    pub(super) columns: Vec<Output>,
    pub(super) outer: Vec<Expr>,
    /// Whether it is a statement that answers nothing, so that nothing may read it.
    pub(super) silent: bool,
    /// Whether it is what the query found last that reads it.
    pub(super) itself: bool,
}

impl<'p> Ctes<'p> {
    /// The nearest query of a name.
    pub(super) fn find(&self, name: &str) -> Option<Entry> {
        let entries = self.entries.borrow();
        match entries.iter().rev().find(|entry| entry.name == name) {
            Some(entry) => Some(entry.clone()),
            None => self.parent?.find(name),
        }
    }
}

impl Analyst<'_> {
    /// The names of a WITH clause of `query`.
    pub(super) fn with<'p>(
        &self,
        with: &ast::With,
        query: &ast::Query,
        parent: Option<&Level<'_>>,
        ctes: Option<&'p Ctes<'p>>,
    ) -> Result<Ctes<'p>> {
        let own = Ctes {
            parent: ctes,
            entries: RefCell::default(),
        };
        for cte in &with.cte_tables {
            let name = fold(&cte.alias.name);
            if own.entries.borrow().iter().any(|entry| entry.name == name) {
                return Err(super::at(
                    Error::new(
                        SqlState::DUPLICATE_ALIAS,
                        format!("WITH query name \"{name}\" specified more than once"),
                    ),
                    cte.alias.name.span,
                ));
            }
            if cte.from.is_some() {
                return Err(Error::unsupported("this form of WITH"));
            }
            if is_change(&cte.query.body) {
                // At the top of a statement they were put out of the way before.
                let error = match parent.is_some() || ctes.is_some() {
                    true => misplaced(),
                    false => Error::unsupported("a data-modifying WITH in this statement"),
                };
                return Err(super::at(error, cte.alias.name.span));
            }
            let cte = self.traversed(cte, with.recursive, parent, &own)?;
            let cte = cte.as_ref();
            let itself = count(&cte.query, &name);
            let answer = if with.recursive && itself > 0 {
                self.recursive(cte, &name, parent, &own)?
            } else {
                let answer = self.query(&cte.query, parent, Some(&own), Wanted::Ordered)?;
                let answer = answer.with_effects()?;
                self.renamed(answer, cte, &name)?
            };
            let uses = count(query, &name).saturating_sub(itself);
            let answer = self.read_by(answer, cte, uses)?;
            own.entries.borrow_mut().push(Entry {
                name,
                plan: answer.plan,
                columns: answer.columns,
                outer: answer.outer,
                silent: is_silent(&cte.query),
                itself: false,
            });
        }
        Ok(own)
    }

    /// An answer with the column names its WITH item gives.
    fn renamed(&self, mut answer: Answer, cte: &ast::Cte, name: &str) -> Result<Answer> {
        let names = &cte.alias.columns;
        if names.len() > answer.columns.len() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "WITH query \"{name}\" has {} columns available but {} columns specified",
                    answer.columns.len(),
                    names.len()
                ),
            ));
        }
        for (column, alias) in answer.columns.iter_mut().zip(names) {
            column.name = fold(&alias.name);
        }
        Ok(answer)
    }

    /// A query that reads itself: a first term, and one that is repeated over the rows found last.
    fn recursive(
        &self,
        cte: &ast::Cte,
        name: &str,
        parent: Option<&Level<'_>>,
        ctes: &Ctes<'_>,
    ) -> Result<Answer> {
        let Terms {
            first: left,
            next: right,
            distinct,
        } = recursion::terms(&cte.query, name, cte.alias.name.span)?;
        let inner;
        let ctes = match &cte.query.with {
            Some(with) => {
                inner = self.with(with, &cte.query, parent, Some(ctes))?;
                &inner
            }
            None => ctes,
        };
        let first = self.body(left, Tail::NONE, parent, Some(ctes), Wanted::Arm)?;
        let first = self.settle(first)?;
        let first = self.renamed(nullable(first)?, cte, name)?;
        let first = opened(first)?;
        // The rows found last, under the same column names.
        let table = self.alias(name);
        let schema = Arc::new(first.plan.schema().as_arrow().clone());
        let source = provider_as_source(Arc::new(CteWorkTable::new(&table, schema)));
        let scan = TableScanBuilder::new(table.as_str(), source)
            .build()
            .map(LogicalPlan::TableScan)
            .converted()?;
        ctes.entries.borrow_mut().push(Entry {
            name: name.to_owned(),
            plan: scan,
            columns: first.columns.clone(),
            outer: Vec::new(),
            silent: false,
            itself: true,
        });
        self.shared.working.borrow_mut().push(table.clone());
        let next = self.body(right, Tail::NONE, parent, Some(ctes), Wanted::Arm);
        self.shared.working.borrow_mut().pop();
        ctes.entries.borrow_mut().pop();
        let next = next?;
        if next.columns.len() != first.columns.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "each UNION query must have the same number of columns",
            )
            .or_at(super::place::column(right, 0)));
        }
        for index in 0..first.columns.len() {
            let (a, b) = (first.column(index), next.column(index));
            let overall = self.common_type(&[&a, &b], "UNION")?;
            if (overall.oid, overall.typmod) != (a.ty.oid, a.ty.typmod) {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!(
                        "recursive query \"{name}\" column {} has type {} in non-recursive term \
                         but type {overall} overall",
                        index + 1,
                        a.ty
                    ),
                )
                .hint("Cast the output of the non-recursive term to the correct type.")
                .or_at(super::place::column(left, index)));
            }
        }
        let types: Vec<_> = first.columns.iter().map(|column| column.ty).collect();
        let next = self.retyped(next, &types)?;
        let next = like_fields(next, &first.plan)?;
        let mut outer = first.outer;
        for reference in next.outer {
            if !outer.contains(&reference) {
                outer.push(reference);
            }
        }
        let plan = LogicalPlanBuilder::from(first.plan)
            .to_recursive_query(table, next.plan, distinct)
            .and_then(LogicalPlanBuilder::build)
            .converted()?;
        let exprs = (0..first.columns.len())
            .map(|index| {
                let (qualifier, field) = plan.schema().qualified_field(index);
                Expr::from((qualifier, field)).alias(field.name())
            })
            .collect();
        Ok(Answer {
            plan: project(exprs, plan)?,
            columns: first.columns,
            order: Vec::new(),
            outer,
        })
    }
}

/// The answer with columns that may be NULL, as those of the term that is repeated may.
fn nullable(mut answer: Answer) -> Result<Answer> {
    let schema = answer.plan.schema().clone();
    if schema.fields().iter().all(|field| field.is_nullable()) {
        return Ok(answer);
    }
    let exprs = (0..schema.fields().len()).map(|index| {
        let (qualifier, field) = schema.qualified_field(index);
        let column = Expr::from((qualifier, field));
        match semantics::computed("nullable") {
            Some(nullable) if !field.is_nullable() => {
                nullable.call(vec![column]).alias(field.name())
            }
            _ => column.alias(field.name()),
        }
    });
    answer.plan = project(exprs.collect(), answer.plan)?;
    Ok(answer)
}

/// The answer with columns whose fields say what those of `first` say.
/// Numerics as such that keep their own digits: what later rows come to is not known.
fn opened(answer: Answer) -> Result<Answer> {
    let exprs = answer.columns.iter().enumerate().map(|(index, output)| {
        let (qualifier, field) = answer.plan.schema().qualified_field(index);
        let column = Expr::from((qualifier, field));
        // Those of a declared scale have that in every row.
        let is_numeric = |ty: PgType| ty.oid == PgType::NUMERIC.oid && ty.typmod < 0;
        let numeric = is_numeric(output.ty) || output.ty.element().is_some_and(is_numeric);
        match numeric {
            true => {
                let ty = output.ty.undomained().unmodified();
                super::typed::recast(column, ty, ty).alias(field.name())
            }
            false => Expr::Alias(Alias::new(column, None::<TableReference>, field.name())),
        }
    });
    Ok(Answer {
        plan: project(exprs.collect(), answer.plan.clone())?,
        ..answer
    })
}

fn like_fields(answer: Answer, first: &LogicalPlan) -> Result<Answer> {
    let exprs = (0..answer.columns.len())
        .map(|index| {
            let wanted = first.schema().field(index);
            let (qualifier, field) = answer.plan.schema().qualified_field(index);
            let column = Expr::from((qualifier, field));
            let alias = Alias::new(column, None::<TableReference>, field.name());
            if field.metadata() == wanted.metadata() && field.data_type() == wanted.data_type() {
                return Expr::Alias(alias);
            }
            let cast = Cast::new_from_field(alias.expr, wanted.clone());
            let metadata = FieldMetadata::from(wanted.metadata().clone());
            Expr::Cast(cast).alias_with_metadata(field.name(), Some(metadata))
        })
        .collect();
    Ok(Answer {
        plan: project(exprs, answer.plan)?,
        ..answer
    })
}

/// `0A000` for a statement that changes rows in a WITH that is not the statement's own.
pub(in crate::engine) fn misplaced() -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "WITH clause containing a data-modifying statement must be at the top level",
    )
}

/// What stands for the rows of a statement in WITH that has no RETURNING. No client can send a NUL.
pub(in crate::engine) const SILENT: &str = "\0silent";

fn is_silent(query: &ast::Query) -> bool {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return false;
    };
    select.from.first().is_some_and(|from| {
        matches!(&from.relation, TableFactor::Table { name, .. }
            if name.0.last().and_then(|part| part.as_ident()).is_some_and(|i| i.value == SILENT))
    })
}
