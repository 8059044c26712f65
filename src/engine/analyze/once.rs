//! Which WITH queries are computed once.
//!
//! PostgreSQL computes one once that is volatile or MATERIALIZED, and one that is read more than
//! once unless it is NOT MATERIALIZED. Here one that only reads a table and picks of it is put in
//! place all the same: computing that again is cheaper than keeping it, and nobody can tell.

use std::ops::ControlFlow;

use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::LogicalPlan;
use sqlparser::ast::{self, CteAsMaterialized, SetExpr, TableFactor, Visit, Visitor};
use sqlparser::tokenizer::Span;

use super::query::Answer;
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::catalog::RelationKind;
use crate::engine::dependent::is_volatile;
use crate::engine::parse::fold;
use crate::engine::semantics::is_of_found_last;
use crate::engine::shared::share;
use crate::engine::source::{RelationBody, RelationSource};

impl Analyst<'_> {
    /// The answer of a WITH query, as its `uses` readers read it.
    pub(super) fn read_by(&self, answer: Answer, cte: &ast::Cte, uses: usize) -> Result<Answer> {
        let volatile = is_volatile(&answer.plan).converted()?;
        let once = match cte.materialized {
            Some(CteAsMaterialized::Materialized) => true,
            Some(CteAsMaterialized::NotMaterialized) => volatile,
            None => volatile || uses > 1 && !is_cheap(&answer.plan)?,
        };
        if uses == 0 || !once {
            return Ok(answer);
        }
        if !answer.outer.is_empty() || self.working_table(&answer.plan)?.is_some() {
            // Other rows for every row around it.
            if volatile && uses > 1 {
                return Err(Error::unsupported(
                    "a volatile WITH query that depends on the query around it and is read more \
                     than once",
                ));
            }
            return Ok(answer);
        }
        let name = fold(&cte.alias.name);
        let (definition, scan) = share(&name, answer.plan, answer.columns.len()).converted()?;
        self.shared.once.borrow_mut().push(definition);
        Ok(Answer {
            plan: scan,
            columns: answer.columns,
            order: Vec::new(),
            outer: Vec::new(),
        })
    }

    /// The recursive query around a plan whose rows found last it reads.
    fn working_table(&self, plan: &LogicalPlan) -> Result<Option<String>> {
        let working = self.shared.working.borrow();
        if working.is_empty() {
            return Ok(None);
        }
        let mut found = None;
        plan.apply_with_subqueries(|plan| {
            if let LogicalPlan::TableScan(scan) = plan
                && is_of_found_last(scan)
            {
                let name = scan.table_name.table();
                found = working
                    .iter()
                    .find(|of| *of == name)
                    .cloned()
                    .or(found.take());
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .converted()?;
        // Behind the name stands which of several of that name it is.
        Ok(found.map(|of| of.split('\0').next().unwrap_or_default().to_owned()))
    }

    /// `42P19` for a recursive reference in such a place.
    pub(super) fn refuse_recursion(&self, plan: &LogicalPlan, place: &str) -> Result<()> {
        match self.working_table(plan)? {
            None => Ok(()),
            Some(name) => Err(Error::new(
                SqlState::INVALID_RECURSION,
                format!("recursive reference to query \"{name}\" must not appear within {place}"),
            )),
        }
    }
}

/// Whether a plan only reads rows of a table, or of VALUES, and picks of them.
fn is_cheap(plan: &LogicalPlan) -> Result<bool> {
    let mut cheap = true;
    plan.apply(|plan| {
        cheap &= match plan {
            LogicalPlan::Projection(_)
            | LogicalPlan::Filter(_)
            | LogicalPlan::SubqueryAlias(_)
            | LogicalPlan::Values(_)
            | LogicalPlan::EmptyRelation(_) => true,
            LogicalPlan::TableScan(scan) => scan
                .source
                .downcast_ref::<RelationSource>()
                .is_some_and(|source| match &source.body {
                    RelationBody::Stored(relation) => {
                        matches!(relation.kind, RelationKind::Table { .. })
                    }
                    RelationBody::Local(_) | RelationBody::Shared(_) => true,
                    RelationBody::System(_) | RelationBody::Function(..) => false,
                }),
            _ => false,
        };
        plan.apply_expressions(|expr| {
            cheap &= !expr.exists(|part| Ok(super::query::is_subquery(part)))?;
            Ok(TreeNodeRecursion::Continue)
        })
    })
    .converted()?;
    Ok(cheap)
}

/// Whether something reads a relation of this unqualified name.
pub(in crate::engine) fn reads(tree: &impl Visit, name: &str) -> bool {
    count(tree, name) > 0
}

/// How often a relation of this unqualified name is read; where a nearer name hides it, that is
/// counted too.
pub(super) fn count(tree: &impl Visit, name: &str) -> usize {
    references(tree, name).len()
}

/// Where a relation of this unqualified name is read, as above; empty where the text does not say.
pub(super) fn references(tree: &impl Visit, name: &str) -> Vec<Span> {
    struct Counter<'n>(&'n str, Vec<Span>);
    impl Counter<'_> {
        /// `TABLE name`, which is no factor.
        fn tables(&mut self, body: &SetExpr) {
            match body {
                SetExpr::SetOperation { left, right, .. } => {
                    self.tables(left);
                    self.tables(right);
                }
                SetExpr::Table(table) => {
                    let named = table.table_name.as_deref().unwrap_or_default();
                    let same = named.trim_matches('"').eq_ignore_ascii_case(self.0);
                    if same && table.schema_name.is_none() {
                        self.1.push(Span::empty());
                    }
                }
                _ => {}
            }
        }
    }
    impl Visitor for Counter<'_> {
        type Break = ();
        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
            self.tables(&query.body);
            ControlFlow::Continue(())
        }
        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
            if let TableFactor::Table {
                name, args: None, ..
            } = factor
                && let [ast::ObjectNamePart::Identifier(ident)] = name.0.as_slice()
                && fold(ident) == self.0
            {
                self.1.push(ident.span);
            }
            ControlFlow::Continue(())
        }
    }
    let mut counter = Counter(name, Vec::new());
    let _ = tree.visit(&mut counter);
    counter.1
}
