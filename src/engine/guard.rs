//! Row security: a table's rows behind the conditions of its policies.
//!
//! The conditions are put between a scan and whatever else the statement says when the plan is
//! expanded, for whoever reads the table there: inside a view its owner, inside a function the role
//! it runs as. Nothing that stands above is evaluated for rows that are hidden.

use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::common::DataFusionError;
use datafusion::common::tree_node::Transformed;
use datafusion::logical_expr::expr::Cast;
use datafusion::logical_expr::{Expr as PlanExpr, LogicalPlan, LogicalPlanBuilder};
use sqlparser::ast::{self, Expr, SelectItem};

use super::barrier::Barrier;
use super::bind::bind;
use super::dml::{and_all, guarded_query, or_all};
use super::error::convert;
use super::expand::Expander;
use super::local::{LocalRelation, LocalRows, own_column};
use super::parse::parse_expression;
use super::scope::{Scope, external};
use super::source::{RelationBody, RelationSource};
use super::{Bound, semantics};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Condition, ObjectId, Policy, PolicyCommand, Relation, SearchPath, View};
use crate::privileges::{self, Need};
use crate::statement::StatementContext;

/// The rows behind the conditions.
const ROWS: &str = "\0guarded";

/// Which rows of a table are to be left out.
#[derive(Debug, Clone)]
pub(super) struct Guard {
    /// The table.
    pub(super) relation: Arc<Relation>,
    /// For whom.
    pub(super) role: Oid,
    /// What is done with its rows: the policies for all of it must let them through.
    pub(super) commands: Vec<PolicyCommand>,
}

/// Whether a table's policies say which of its rows are for `role`.
///
/// # Errors
/// `42501` if they do and the session wants to be told.
pub(super) fn limited(context: &StatementContext, role: Oid, relation: &Relation) -> Result<bool> {
    if !privileges::is_limited(&context.snapshot, role, relation) {
        return Ok(false);
    }
    if context.settings.applies_row_security() {
        return Ok(true);
    }
    let error = Error::new(
        SqlState::INSUFFICIENT_PRIVILEGE,
        format!(
            "query would be affected by row-level security policy for table \"{}\"",
            relation.name
        ),
    );
    let owner = privileges::has_privileges_of(&context.snapshot, role, relation.owner);
    Err(match owner {
        true => error.hint(
            "To disable the policy for the table's owner, use ALTER TABLE NO FORCE ROW LEVEL \
             SECURITY.",
        ),
        false => error,
    })
}

/// Whether a table's policies say which of its rows are for who asks.
///
/// # Errors
/// `42501` if they do and the session wants to be told.
pub fn is_row_security_active(context: &StatementContext, relation: &Relation) -> Result<bool> {
    limited(context, context.role, relation)
}

/// A condition as SQL; nothing of its meaning hangs on a search path.
fn expression(condition: &Condition) -> Result<Expr> {
    Ok(Expr::Nested(Box::new(parse_expression(&condition.text)?)))
}

/// What rows that are there must meet for a command: each condition, with the name of the policy it
/// is of, unless it is of several.
pub(super) fn conditions(
    context: &StatementContext,
    role: Oid,
    relation: &Relation,
    command: PolicyCommand,
    of: impl Fn(&Policy) -> Option<&Condition>,
) -> Result<Conditions> {
    let found = privileges::policies(&context.snapshot, role, relation, command);
    let mut all = Conditions::default();
    let permissive = found.permissive.iter().filter_map(|policy| of(policy));
    let mut parts = Vec::new();
    for condition in permissive {
        parts.push(expression(condition)?);
        all.note(condition);
    }
    all.permissive = match or_all(parts) {
        Some(any) => any,
        None => {
            // Nobody lets anything through, and the others are not asked.
            all.permissive = Expr::value(ast::Value::Boolean(false));
            return Ok(all);
        }
    };
    for policy in &found.restrictive {
        if let Some(condition) = of(policy) {
            all.restrictive
                .push((policy.name.clone(), expression(condition)?));
            all.note(condition);
        }
    }
    Ok(all)
}

/// What rows must meet.
#[derive(Debug)]
pub(super) struct Conditions {
    /// Of the permissive policies together.
    pub(super) permissive: Expr,
    /// Of each restrictive policy.
    pub(super) restrictive: Vec<(String, Expr)>,
    /// What all this reads and calls.
    depends_on: Vec<Oid>,
}

impl Default for Conditions {
    fn default() -> Self {
        Self {
            permissive: Expr::value(ast::Value::Boolean(false)),
            restrictive: Vec::new(),
            depends_on: Vec::new(),
        }
    }
}

impl Conditions {
    fn note(&mut self, condition: &Condition) {
        self.depends_on.extend(condition.names.keys());
        self.depends_on.extend(&condition.routines);
    }

    /// What names in the conditions may mean.
    pub(super) fn view<'a>(all: impl Iterator<Item = &'a Self>) -> View {
        View {
            query: String::new(),
            search_path: Vec::new(),
            depends_on: all.flat_map(|of| of.depends_on.iter().copied()).collect(),
            next_attnums: Default::default(),
            names: Default::default(),
            keys: Default::default(),
            types: Vec::new(),
            check_option: None,
        }
    }
}

/// Names of what policies read were found when they were made.
pub(super) fn is_of_schema(need: &Need) -> bool {
    matches!(
        need,
        Need::Privilege {
            object: ObjectId::Schema(_),
            ..
        }
    )
}

impl Expander<'_> {
    /// The rows of `provider`, which are a table's, without those that are hidden.
    pub(super) fn guarded(
        &self,
        guard: &Guard,
        provider: &Arc<dyn TableProvider>,
        depth: usize,
    ) -> std::result::Result<LogicalPlan, DataFusionError> {
        let relation = &guard.relation;
        let of = guard.commands.iter().map(|command| {
            conditions(self.context, guard.role, relation, *command, |policy| {
                policy.using.as_ref()
            })
        });
        let of: Vec<Conditions> = of.collect::<Result<_>>().map_err(external)?;
        let view = Conditions::view(of.iter());
        let all = of.into_iter().flat_map(|of| {
            let restrictive = of.restrictive.into_iter().map(|(_, condition)| condition);
            restrictive.chain([of.permissive])
        });
        let schema = provider.schema();
        let items = schema.fields().iter();
        let items = items.map(|field| own_column(&relation.name, field.name()));
        let items = items.map(SelectItem::UnnamedExpr).collect();
        let query = guarded_query(items, ROWS, &relation.name, and_all(all.collect()));
        let local = [LocalRelation {
            name: ROWS.to_owned(),
            relation: relation.oid,
            origins: Vec::new(),
            rows: LocalRows::Provider(Arc::clone(provider)),
        }];
        let context = self.context.outside();
        let path = SearchPath::only_system();
        let scope = Scope {
            context: &context,
            role: guard.role,
            path: &path,
            local: &local,
            view: Some(&view),
            state: self.state,
            watch: self.watch,
            inside: None,
            kind: None,
        };
        let hidden = |error: Error| external(error.without_position());
        let mut bound = bind(&scope, &query, &[]).map_err(hidden)?;
        bound.needs.retain(|need| !is_of_schema(need));
        privileges::authorize(&context.snapshot, &bound.needs, ()).map_err(hidden)?;
        self.guarding.borrow_mut().push(relation.oid);
        let plan = self.expand_at(bound.plan, depth + 1);
        self.guarding.borrow_mut().pop();
        let plan = semantics::guarded(plan?);
        let columns = plan.schema().iter().zip(schema.fields());
        let columns = columns.map(|((qualifier, field), wanted)| {
            let column = PlanExpr::from((qualifier, field));
            let column = match field.data_type() == wanted.data_type() {
                true => column,
                false => PlanExpr::Cast(Cast::new_from_field(Box::new(column), wanted.clone())),
            };
            column.alias(wanted.name())
        });
        let columns: Vec<PlanExpr> = columns.collect();
        let plan = LogicalPlanBuilder::from(plan).project(columns)?.build()?;
        Ok(Barrier::over(plan))
    }

    /// What is to be left out of a table for who reads it here; `None` is nothing.
    ///
    /// # Errors
    /// `42P17` if this is for a policy of the table itself; as [`limited`].
    pub(super) fn guard(
        &self,
        relation: &Arc<Relation>,
        role: Oid,
        commands: Vec<PolicyCommand>,
    ) -> Result<Option<Guard>> {
        if !limited(self.context, role, relation)? {
            return Ok(None);
        }
        if self.guarding.borrow().contains(&relation.oid) {
            return Err(Error::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "infinite recursion detected in policy for relation \"{}\"",
                    relation.name
                ),
            ));
        }
        Ok(Some(Guard {
            relation: Arc::clone(relation),
            role,
            commands,
        }))
    }
}

impl Bound {
    /// The same query with rows of the local relation `name` left out.
    ///
    /// # Errors
    /// `XX000` if the plan cannot be rebuilt.
    pub(super) fn behind(mut self, name: &str, guard: &Guard) -> Result<Self> {
        let replaced = self.plan.transform_up_with_subqueries(|plan| match plan {
            LogicalPlan::TableScan(mut scan) if scan.table_name.table() == name => {
                if let Some(source) = scan.source.downcast_ref::<RelationSource>()
                    && let RelationBody::Local(local) = &source.body
                {
                    let local = LocalRelation {
                        rows: LocalRows::Guarded(local.provider(), guard.clone()),
                        ..local.clone()
                    };
                    scan.source = Arc::new(RelationSource::new(RelationBody::Local(local), false));
                }
                Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
            }
            plan => Ok(Transformed::no(plan)),
        });
        self.plan = replaced.map_err(convert)?.data;
        Ok(self)
    }
}
