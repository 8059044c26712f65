//! Which subqueries become dependent joins, and how the nodes they stand in change.

use std::sync::Arc;

use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::common::{Column, DFSchemaRef, JoinType, Result, ScalarValue};
use datafusion::execution::SessionState;
use datafusion::logical_expr::expr::{Exists, InSubquery};
use datafusion::logical_expr::expr_rewriter::NamePreserver;
use datafusion::logical_expr::utils::{conjunction, split_conjunction_owned};
use datafusion::logical_expr::{
    Case, Expr, Extension, Filter, Join, LogicalPlan, LogicalPlanBuilder, Operator, Projection,
    Subquery, Unnest, lit,
};

use super::node::{Dependent, Kind};
pub(in crate::engine) use super::plan::has_dependent;
use super::plan::{is_volatile, references, refers_from_inside, subquery_of};
use crate::engine::planning::Watch;
use crate::engine::semantics::safe_memberships;

/// How much is left to DataFusion.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::engine) enum Effort {
    /// What it is known to turn into joins.
    Joins,
    /// Nothing.
    Rows,
}

/// Makes dependent joins of the subqueries that depend on the rows around them.
pub(in crate::engine) fn lower(
    plan: LogicalPlan,
    state: &Arc<SessionState>,
    watch: &Watch,
    effort: Effort,
) -> Result<LogicalPlan> {
    let lowering = Lowering {
        state,
        watch: watch.repeated(),
        effort,
        numbers: std::cell::Cell::new(0),
    };
    lowering.plan(plan)
}

/// What a guard says of a row. Not a boolean, which the optimizer would make an AND of the
/// conditions of, whose order is then open.
const WANTED: Expr = Expr::Literal(ScalarValue::Int8(Some(1)), None);
const UNWANTED: Expr = Expr::Literal(ScalarValue::Int8(Some(0)), None);

struct Lowering<'a> {
    state: &'a Arc<SessionState>,
    watch: Arc<Watch>,
    effort: Effort,
    numbers: std::cell::Cell<usize>,
}

impl Lowering<'_> {
    fn plan(&self, plan: LogicalPlan) -> Result<LogicalPlan> {
        plan.transform_down_up(
            |plan| {
                // What is LATERAL is looked into when it is run: a dependent join in it would hide
                // what it refers to further out.
                let next = match plan {
                    LogicalPlan::Subquery(_) => TreeNodeRecursion::Jump,
                    _ => TreeNodeRecursion::Continue,
                };
                Ok(Transformed::new(plan, false, next))
            },
            |plan| self.node(plan),
        )
        .map(|transformed| transformed.data)
    }

    fn name(&self, what: &str) -> String {
        self.numbers.set(self.numbers.get() + 1);
        format!("\0{what}{}", self.numbers.get())
    }

    fn node(&self, plan: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
        if let LogicalPlan::Join(join) = plan {
            return self.join(join);
        }
        let kept = match &plan {
            LogicalPlan::Filter(_) => Position::Filter,
            LogicalPlan::Projection(_) => Position::Projection,
            _ => Position::Other,
        };
        let safe = match &plan {
            LogicalPlan::Filter(filter) => safe_memberships(&filter.predicate),
            _ => Vec::new(),
        };
        let mut wanted = false;
        plan.apply_expressions(|expr| {
            expr.apply(|part| {
                wanted |= subquery_of(part).is_some();
                Ok(TreeNodeRecursion::Continue)
            })
        })?;
        let inputs = plan.inputs();
        let (true, [input]) = (wanted, inputs.as_slice()) else {
            return Ok(Transformed::no(plan));
        };
        let mut rows = (*input).clone();
        let before = plan.schema().clone();
        let names = NamePreserver::new(&plan);
        let place = Place {
            position: kept,
            safe: &safe,
            guard: None,
        };
        let exprs = plan
            .expressions()
            .into_iter()
            .map(|expr| {
                let name = names.save(&expr);
                let expr = self.expr(expr, &mut rows, place)?;
                Ok(name.restore(expr))
            })
            .collect::<Result<Vec<_>>>()?;
        let changed = plan.with_new_exprs(exprs, vec![rows])?;
        Ok(Transformed::yes(only(changed, &before)?))
    }

    /// The expression with its dependent subqueries as columns, which `rows` then has.
    fn expr(&self, expr: Expr, rows: &mut LogicalPlan, place: Place<'_>) -> Result<Expr> {
        let done = expr.transform_down(|part| {
            let jump = |expr| Ok(Transformed::new(expr, true, TreeNodeRecursion::Jump));
            let Some(subquery) = subquery_of(&part) else {
                return match part {
                    Expr::Case(case) if case.expr.is_none() && self.is_lazy(&case, rows)? => {
                        jump(self.case(case, rows, place)?)
                    }
                    part => Ok(Transformed::no(part)),
                };
            };
            if !self.is_dependent(subquery, rows.schema())? {
                // It may have dependent ones inside.
                let inside = self.plan(subquery.subquery.as_ref().clone())?;
                return jump(self.sought(with_plan(part, inside), rows, place)?);
            }
            if self.effort == Effort::Joins && is_joinable(&part, place.position, place.safe)? {
                let inside = self.plan(subquery.subquery.as_ref().clone())?;
                return jump(self.sought(with_plan(part, inside), rows, place)?);
            }
            jump(self.attach(part, rows, place.guard)?)
        })?;
        Ok(done.data)
    }

    /// `value IN (…)` with the dependent subqueries of its value as columns; else what it was.
    fn sought(&self, expr: Expr, rows: &mut LogicalPlan, place: Place<'_>) -> Result<Expr> {
        let Expr::InSubquery(mut within) = expr else {
            return Ok(expr);
        };
        let place = Place {
            guard: place.guard,
            ..Place::default()
        };
        within.expr = Box::new(self.expr(*within.expr, rows, place)?);
        Ok(Expr::InSubquery(within))
    }

    /// Whether a branch of a CASE has a dependent subquery, which only the rows that take the
    /// branch want.
    fn is_lazy(&self, case: &Case, rows: &LogicalPlan) -> Result<bool> {
        let branches = case.when_then_expr.iter().map(|(_, then)| then);
        let mut found = false;
        for branch in branches.chain(&case.else_expr) {
            branch.apply(|part| {
                if let Some(subquery) = subquery_of(part) {
                    found |= self.is_dependent(subquery, rows.schema())?;
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(found)
    }

    /// A CASE whose branches' subqueries run for the rows that take the branch.
    fn case(&self, case: Case, rows: &mut LogicalPlan, place: Place<'_>) -> Result<Expr> {
        // What is known to come before, as a CASE of its own: no condition is asked of a row that
        // an earlier one takes.
        let mut before: Vec<(Box<Expr>, Box<Expr>)> = Vec::new();
        if let Some(guard) = place.guard {
            let out = guard.clone().not_eq(WANTED);
            before.push((Box::new(out), Box::new(UNWANTED)));
        }
        let chosen = |before: &[_], otherwise: &Expr| match before {
            [] => None,
            _ => Some(Expr::Case(Case::new(
                None,
                before.to_vec(),
                Some(Box::new(otherwise.clone())),
            ))),
        };
        let mut branches = Vec::with_capacity(case.when_then_expr.len());
        for (when, then) in case.when_then_expr {
            let guard = chosen(&before, &WANTED);
            let when = Box::new(self.expr(*when, rows, place.guarded(guard.as_ref()))?);
            before.push((when.clone(), Box::new(WANTED)));
            let guard = chosen(&before, &UNWANTED);
            let then = self.expr(*then, rows, place.guarded(guard.as_ref()))?;
            if let Some((_, taken)) = before.last_mut() {
                **taken = UNWANTED;
            }
            branches.push((when, Box::new(then)));
        }
        let guard = chosen(&before, &WANTED);
        let otherwise = case
            .else_expr
            .map(|expr| self.expr(*expr, rows, place.guarded(guard.as_ref())))
            .transpose()?;
        Ok(Expr::Case(Case::new(
            None,
            branches,
            otherwise.map(Box::new),
        )))
    }

    fn is_dependent(&self, subquery: &Subquery, rows: &DFSchemaRef) -> Result<bool> {
        if subquery.outer_ref_columns.is_empty() {
            return Ok(false);
        }
        let known = |column: &Column| rows.maybe_index_of_column(column).is_some();
        Ok(!references(&subquery.subquery, &known)?.is_empty())
    }

    /// A subquery as a column of the rows.
    fn attach(&self, subquery: Expr, rows: &mut LogicalPlan, guard: Option<&Expr>) -> Result<Expr> {
        let guard = guard.map(|guard| self.beside(guard, rows)).transpose()?;
        Ok(match subquery {
            Expr::ScalarSubquery(subquery) => {
                let name = self.name("value");
                self.dependent(rows, &subquery, Kind::Value(name.clone()), guard)?;
                column(&name)
            }
            Expr::Exists(Exists { subquery, negated }) => {
                let name = self.name("exists");
                self.dependent(rows, &subquery, Kind::Exists(name.clone()), guard)?;
                if negated {
                    Expr::Not(Box::new(column(&name)))
                } else {
                    column(&name)
                }
            }
            Expr::InSubquery(InSubquery {
                expr,
                subquery,
                negated,
            }) => {
                // True if some item is equal, else NULL if some might be.
                let mut value = *expr;
                if value.column_refs().is_empty() || !matches!(value, Expr::Column(_)) {
                    value = self.expr(value, rows, Place::default())?;
                }
                let item = Expr::from(subquery.subquery.schema().qualified_field(0));
                let value = as_outer(value, rows.schema())?;
                let equal = Expr::BinaryExpr(datafusion::logical_expr::BinaryExpr::new(
                    Box::new(value),
                    Operator::Eq,
                    Box::new(item),
                ));
                let mut found = |condition: Expr| -> Result<Expr> {
                    let name = self.name("in");
                    let plan = Filter::try_new(condition, subquery.subquery.clone())?;
                    let filtered = Subquery {
                        subquery: Arc::new(LogicalPlan::Filter(plan)),
                        ..subquery.clone()
                    };
                    self.dependent(rows, &filtered, Kind::Exists(name.clone()), guard.clone())?;
                    Ok(column(&name))
                };
                let (yes, maybe) = (found(equal.clone())?, found(equal.is_null())?);
                Expr::Case(Case::new(
                    None,
                    vec![
                        (Box::new(yes), Box::new(lit(!negated))),
                        (
                            Box::new(maybe),
                            Box::new(Expr::Literal(ScalarValue::Boolean(None), None)),
                        ),
                    ],
                    Some(Box::new(lit(negated))),
                ))
            }
            other => other,
        })
    }

    /// A value as one more column of the rows.
    fn beside(&self, value: &Expr, rows: &mut LogicalPlan) -> Result<Column> {
        let name = self.name("wanted");
        let mut columns: Vec<Expr> = rows.schema().iter().map(Expr::from).collect();
        columns.push(value.clone().alias(&name));
        *rows = LogicalPlan::Projection(Projection::try_new(columns, Arc::new(rows.clone()))?);
        Ok(Column::new_unqualified(name))
    }

    /// Puts a dependent join over the rows.
    fn dependent(
        &self,
        rows: &mut LogicalPlan,
        subquery: &Subquery,
        kind: Kind,
        guard: Option<Column>,
    ) -> Result<()> {
        let schema = rows.schema().clone();
        let known = |column: &Column| schema.maybe_index_of_column(column).is_some();
        let keys = references(&subquery.subquery, &known)?;
        let node = Dependent::try_new(
            rows.clone(),
            subquery.subquery.clone(),
            keys,
            kind,
            guard,
            self.state.clone(),
            self.watch.clone(),
        )?;
        *rows = LogicalPlan::Extension(Extension {
            node: Arc::new(node),
        });
        Ok(())
    }

    fn join(&self, join: Join) -> Result<Transformed<LogicalPlan>> {
        let before = join.schema.clone();
        if let LogicalPlan::Subquery(subquery) = join.right.as_ref() {
            return self.lateral(&join, subquery).map(Transformed::yes);
        }
        let terms: Vec<Expr> = join
            .filter
            .clone()
            .into_iter()
            .flat_map(split_conjunction_owned)
            .collect();
        let has = |expr: &Expr| expr.exists(|part| Ok(subquery_of(part).is_some()));
        let mut with = Vec::new();
        let mut without = Vec::new();
        for term in terms {
            if has(&term)? {
                with.push(term);
            } else {
                without.push(term);
            }
        }
        if with.is_empty() || join.join_type != JoinType::Inner {
            return Ok(Transformed::no(LogicalPlan::Join(join)));
        }
        // What an inner join keeps, a filter over it keeps.
        let joined = LogicalPlan::Join(Join {
            filter: conjunction(without),
            ..join
        });
        let Some(condition) = conjunction(with) else {
            return Ok(Transformed::no(joined));
        };
        let filter = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(joined))?);
        let lowered = self.node(filter)?.data;
        Ok(Transformed::yes(only(lowered, &before)?))
    }

    /// `left JOIN LATERAL subquery ON …`
    fn lateral(&self, join: &Join, subquery: &Subquery) -> Result<LogicalPlan> {
        let mut rows = join.left.as_ref().clone();
        let condition = conjunction(
            join.on
                .iter()
                .map(|(left, right)| left.clone().eq(right.clone()))
                .chain(join.filter.clone()),
        );
        if join.join_type == JoinType::Inner {
            if let Some(unnested) = unnest_beside(&rows, &subquery.subquery)? {
                rows = unnested;
            } else {
                self.dependent(&mut rows, subquery, Kind::Rows(false), None)?;
            }
            return Ok(match condition {
                Some(condition) => {
                    let filter = LogicalPlan::Filter(Filter::try_new(condition, Arc::new(rows))?);
                    self.node(filter)?.data
                }
                None => rows,
            });
        }
        // The condition of a left join decides which rows inside there are.
        let mut subquery = subquery.clone();
        if let Some(condition) = condition
            && condition != lit(true)
        {
            let condition = as_outer(condition, rows.schema())?;
            let filter = Filter::try_new(condition, subquery.subquery.clone())?;
            subquery.subquery = Arc::new(LogicalPlan::Filter(filter));
        }
        self.dependent(&mut rows, &subquery, Kind::Rows(true), None)?;
        Ok(rows)
    }
}

/// Where a subquery stands.
#[derive(Debug, Clone, Copy, Default)]
struct Place<'a> {
    position: Position,
    /// Memberships that DataFusion's joins get right.
    safe: &'a [Expr],
    /// For which rows it is wanted, if not for all.
    guard: Option<&'a Expr>,
}

impl<'a> Place<'a> {
    fn guarded(self, guard: Option<&'a Expr>) -> Self {
        Self { guard, ..self }
    }
}

/// The node an expression is of.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum Position {
    Filter,
    Projection,
    #[default]
    Other,
}

fn column(name: &str) -> Expr {
    Expr::Column(Column::new_unqualified(name))
}

/// The plan with the columns of `schema` and no others.
fn only(plan: LogicalPlan, schema: &DFSchemaRef) -> Result<LogicalPlan> {
    if plan.schema().fields().len() == schema.fields().len() {
        return Ok(plan);
    }
    let columns: Vec<Expr> = schema.iter().map(Expr::from).collect();
    Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection)
}

/// The same subquery over another plan.
fn with_plan(expr: Expr, plan: LogicalPlan) -> Expr {
    let plan = Arc::new(plan);
    match expr {
        Expr::ScalarSubquery(mut subquery) => {
            subquery.subquery = plan;
            Expr::ScalarSubquery(subquery)
        }
        Expr::Exists(mut exists) => {
            exists.subquery.subquery = plan;
            Expr::Exists(exists)
        }
        Expr::InSubquery(mut within) => {
            within.subquery.subquery = plan;
            Expr::InSubquery(within)
        }
        other => other,
    }
}

/// The rows' columns as a subquery sees them.
fn as_outer(expr: Expr, rows: &DFSchemaRef) -> Result<Expr> {
    expr.transform(|part| {
        Ok(match part {
            Expr::Column(column) => match rows.maybe_index_of_column(&column) {
                Some(index) => {
                    let field = rows.qualified_field(index).1.clone();
                    Transformed::yes(Expr::OuterReferenceColumn(field, column))
                }
                None => Transformed::no(Expr::Column(column)),
            },
            part => Transformed::no(part),
        })
    })
    .map(|transformed| transformed.data)
}

/// Whether DataFusion makes a join of a dependent subquery in this place.
fn is_joinable(expr: &Expr, position: Position, safe: &[Expr]) -> Result<bool> {
    let (subquery, fits) = match expr {
        Expr::ScalarSubquery(subquery) => (
            subquery,
            matches!(position, Position::Filter | Position::Projection),
        ),
        Expr::Exists(exists) => (&exists.subquery, position == Position::Filter),
        Expr::InSubquery(within) => (
            &within.subquery,
            position == Position::Filter && safe.contains(expr) && !within.negated,
        ),
        _ => return Ok(false),
    };
    if !fits || refers_from_inside(subquery)? || is_volatile(&subquery.subquery)? {
        return Ok(false);
    }
    let scalar = matches!(expr, Expr::ScalarSubquery(_));
    is_plain(&subquery.subquery, scalar)
}

/// Whether only filters right below projections tie a plan to its surroundings.
fn is_plain(plan: &LogicalPlan, scalar: bool) -> Result<bool> {
    let mut tied = false;
    plan.apply(|plan| {
        plan.apply_expressions(|expr| {
            tied |= expr.contains_outer();
            Ok(TreeNodeRecursion::Continue)
        })
    })?;
    if !tied {
        return Ok(true);
    }
    let free = |exprs: &[Expr]| !exprs.iter().any(Expr::contains_outer);
    Ok(match plan {
        LogicalPlan::Projection(projection) => {
            free(&projection.expr) && is_plain(&projection.input, scalar)?
        }
        LogicalPlan::SubqueryAlias(alias) => is_plain(&alias.input, scalar)?,
        LogicalPlan::Filter(filter) => is_plain(&filter.input, scalar)?,
        LogicalPlan::Aggregate(aggregate) => {
            scalar
                && aggregate.group_expr.is_empty()
                && free(&aggregate.aggr_expr)
                && is_plain(&aggregate.input, false)?
        }
        LogicalPlan::Join(join) => {
            join.join_type == JoinType::Inner
                && join.filter.iter().all(|filter| !filter.contains_outer())
                && is_plain(&join.left, scalar)?
                && is_plain(&join.right, scalar)?
        }
        _ => false,
    })
}

/// `left, unnest(array of left)`: the arrays beside the rows, unnested with them. `None` if the
/// subquery is something else.
fn unnest_beside(rows: &LogicalPlan, inner: &LogicalPlan) -> Result<Option<LogicalPlan>> {
    let LogicalPlan::SubqueryAlias(alias) = inner else {
        return Ok(None);
    };
    let LogicalPlan::Projection(shown) = alias.input.as_ref() else {
        return Ok(None);
    };
    let LogicalPlan::Unnest(Unnest {
        input,
        exec_columns,
        options,
        ..
    }) = shown.input.as_ref()
    else {
        return Ok(None);
    };
    let LogicalPlan::Projection(arrays) = input.as_ref() else {
        return Ok(None);
    };
    if !matches!(arrays.input.as_ref(), LogicalPlan::EmptyRelation(_)) {
        return Ok(None);
    }
    let known = |column: &Column| rows.schema().maybe_index_of_column(column).is_some();
    let mut inside = true;
    let arrays = arrays
        .expr
        .iter()
        .map(|expr| {
            expr.clone()
                .transform(|part| {
                    Ok(match part {
                        Expr::OuterReferenceColumn(_, column) if known(&column) => {
                            Transformed::yes(Expr::Column(column))
                        }
                        part => {
                            // A reference further out, or a subquery that may have one.
                            inside &= subquery_of(&part).is_none()
                                && !matches!(part, Expr::OuterReferenceColumn(..));
                            Transformed::no(part)
                        }
                    })
                })
                .map(|transformed| transformed.data)
        })
        .collect::<Result<Vec<_>>>()?;
    if !inside {
        return Ok(None);
    }
    let mut columns: Vec<Expr> = rows.schema().iter().map(Expr::from).collect();
    let mut result = columns.clone();
    columns.extend(arrays);
    let plan = LogicalPlanBuilder::from(rows.clone())
        .project(columns)?
        .unnest_columns_with_options(exec_columns.clone(), options.clone())?
        .build()?;
    for (expr, (qualifier, field)) in shown.expr.iter().zip(alias.schema.iter()) {
        let value = expr.clone().unalias();
        result.push(value.alias_qualified(qualifier.cloned(), field.name()));
    }
    Projection::try_new(result, Arc::new(plan))
        .map(LogicalPlan::Projection)
        .map(Some)
}
