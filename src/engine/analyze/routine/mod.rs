//! The users' functions in a query: each call is the body in its place.
//!
//! The body is analysed in a surrounding of its own: it sees its parameters, as the columns of a
//! relation of the function's name, and nothing of the query that calls. An argument stands where
//! its parameter is named; one that must be computed once is computed in a relation of one row
//! first.
//!
//! A body that only computes a value becomes that value; any other becomes a subquery, of which a
//! function of one value takes the first row. What has side effects is not computed here: such a
//! function is called alone and carried out by the session.

mod aggregate;
mod body;
mod carried;
mod composite;
mod operator;
mod resolve;
mod result;
mod rows;
mod spread;
mod support;

use std::rc::Rc;
use std::sync::Arc;

use datafusion::common::tree_node::TreeNode;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::logical_expr::Expr;

use super::level::{Level, Named, Relation};
use super::query::{Answer, Output, one_row, project};
use super::typed::{self, Typed};
use super::{Analyst, Converted};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Privileges, Routine, SearchPath};
use crate::engine::parse::parse_expression;
use crate::engine::scans::reading;
use crate::engine::scope::{Inside, Scope};
use crate::privileges::{self, Need};
use crate::statement::StatementContext;
use crate::types::PgType;

pub(super) use aggregate::Meant;
pub(super) use body::Body;
pub(in crate::engine) use body::run_only;
pub(super) use operator::{schema_and_sign, with_schema};
pub(super) use resolve::{Call, Generic, generic};
pub(in crate::engine) use result::{ResultColumns, check_result};
pub(in crate::engine) use spread::spread;
pub(super) use support::takes;
pub use support::{Support, signature};

/// A call: the function, and its arguments as far as they are given.
pub(super) type Key = (Oid, Vec<Option<Expr>>);

/// How large an argument may be that stands in several places.
const REPEATED_NODES_MAX: usize = 16;

/// Calls inside one another, and in one statement, that are put in their places.
const DEPTH_MAX: usize = 32;
const CALLS_MAX: usize = 2_000;

/// A use of a function by a statement.
#[derive(Debug, Clone)]
pub(super) struct Use {
    /// Which.
    pub(super) routine: Oid,
    /// Whether the statement itself calls it, and not a function it calls.
    pub(super) direct: bool,
}

/// The functions being put in their places, from the outermost.
pub(super) struct Chain<'a> {
    routine: Oid,
    outer: Option<&'a Chain<'a>>,
}

impl Chain<'_> {
    fn contains(&self, routine: Oid) -> bool {
        self.routine == routine || self.outer.is_some_and(|outer| outer.contains(routine))
    }

    fn depth(&self) -> usize {
        1 + self.outer.map_or(0, Chain::depth)
    }
}

/// A call ready to be put in its place.
pub(super) struct Prepared {
    /// Values of the parameters.
    pub(super) args: Vec<Typed>,
    /// A relation of one row that computes those that are computed once.
    pub(super) once: Option<Once>,
}

/// Arguments computed once.
pub(super) struct Once {
    pub(super) source: super::from::Source,
}

impl Analyst<'_> {
    /// The right to look into a schema that is written. What a view or a kept body names was found
    /// when it was made.
    fn schema_need(&self, schema: Oid) -> Option<Need> {
        let bound = self.scope.inside.is_some_and(|inside| inside.bound);
        let asks = !bound && self.scope.view.is_none();
        asks.then(|| Need::Privilege {
            role: self.scope.role,
            object: ObjectId::Schema(schema),
            any_of: Privileges::from(Privilege::Usage),
        })
    }

    /// Asks for the right to call, and sees that calls do not go on for ever.
    fn enter(&self, call: &Call) -> Result<()> {
        let routine = &call.routine;
        let context = self.scope.context;
        if routine.returns.0 == 2279 {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "trigger functions can only be called as triggers",
            ));
        }
        let mut needs = Vec::new();
        if call.qualified {
            needs.extend(self.schema_need(routine.schema));
        }
        needs.push(Need::Privilege {
            role: call.caller.unwrap_or(context.role),
            object: ObjectId::Routine(routine.oid),
            any_of: Privileges::from(Privilege::Execute),
        });
        // Asked at once: the body is nobody's business who may not call it.
        privileges::authorize(&context.snapshot, &needs, ())?;
        self.shared.uses.borrow_mut().push(Use {
            routine: routine.oid,
            direct: self.chain.is_none(),
        });
        self.shared.needs.borrow_mut().extend(needs);
        let calls = self.shared.calls.get() + 1;
        self.shared.calls.set(calls);
        let depth = self.chain.map_or(0, Chain::depth);
        if depth > DEPTH_MAX || calls > CALLS_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )
            .detail(format!(
                "Functions may call functions {DEPTH_MAX} deep, {CALLS_MAX} in a statement."
            ))
            .hint("WITH RECURSIVE repeats a query as often as it finds something."));
        }
        Ok(())
    }

    /// What the body of a function sees: whose rights count, and where names are looked up.
    fn surroundings(&self, routine: &Routine) -> Arc<StatementContext> {
        surroundings(self.scope.context, routine)
    }

    /// Does something where names mean what they meant when the expression was kept: users'
    /// functions and types stand in it under their full names, everything else is PostgreSQL's.
    pub(super) fn pinned<T>(&self, work: impl FnOnce(&Analyst<'_>) -> Result<T>) -> Result<T> {
        let path = SearchPath::only_system();
        let scope = Scope {
            path: &path,
            view: None,
            inside: Some(Inside { bound: true }),
            kind: None,
            ..*self.scope
        };
        let analyst = Analyst {
            scope: &scope,
            shared: Rc::clone(&self.shared),
            declared: &[],
            parameters: Default::default(),
            arguments: None,
            chain: self.chain,
            reading: Default::default(),
            body: self.body,
            kind: Default::default(),
        };
        work(&analyst)
    }

    /// Does something as the function's body.
    fn as_body<T>(
        &self,
        routine: &Routine,
        args: Vec<Typed>,
        work: impl FnOnce(&Analyst<'_>, &Level<'_>) -> Result<T>,
    ) -> Result<T> {
        let context = self.surroundings(routine);
        let path = body_path(&context, routine);
        let scope = Scope {
            context: &context,
            role: context.role,
            path: &path,
            local: &[],
            view: routine.bound(),
            state: self.scope.state,
            watch: self.scope.watch,
            inside: Some(Inside {
                bound: routine.bound().is_some(),
            }),
            kind: None,
        };
        let chain = Chain {
            routine: routine.oid,
            outer: self.chain,
        };
        let analyst = Analyst {
            scope: &scope,
            shared: Rc::clone(&self.shared),
            declared: &[],
            parameters: Default::default(),
            arguments: Some(args.clone()),
            chain: Some(&chain),
            reading: Default::default(),
            body: self.number(),
            kind: Default::default(),
        };
        let level = parameter_level(routine, args);
        let done = work(&analyst, &level).map_err(Error::without_position)?;
        analyst.may_read()?;
        Ok(done)
    }

    /// Asks for the right to read what the body of a function reads.
    fn may_read(&self) -> Result<()> {
        let context = self.scope.context;
        let needs: Vec<Need> = self
            .reading
            .take()
            .into_iter()
            .map(|(relation, columns)| reading(context.role, relation, columns))
            .collect();
        privileges::authorize(&context.snapshot, &needs, ())?;
        self.shared.needs.borrow_mut().extend(needs);
        Ok(())
    }

    /// A call that is carried out: the types of its inputs, what it answers, and the row of its
    /// arguments.
    pub(super) fn called(&self, call: &Call) -> Result<(Vec<PgType>, ResultColumns, Answer)> {
        self.enter(call)?;
        let snapshot = &self.scope.context.snapshot;
        let result = ResultColumns::of(snapshot, &call.routine, call.generic)?;
        let result = result.held(snapshot, &call.routine);
        let args = self.argument_values(call)?;
        let mut exprs = vec![typed::int4(0).expr.alias("argument0")];
        let mut columns = vec![Output {
            name: "argument0".to_owned(),
            ty: PgType::INT4,
        }];
        for (index, arg) in args.into_iter().enumerate() {
            let name = format!("argument{}", index + 1);
            exprs.push(arg.expr.alias(&name));
            columns.push(Output { name, ty: arg.ty });
        }
        let answer = Answer {
            plan: project(exprs, one_row())?,
            columns,
            order: Vec::new(),
            outer: Vec::new(),
        };
        Ok((call.held_types(), result, answer))
    }

    /// The values of the parameters, defaults included.
    fn argument_values(&self, call: &Call) -> Result<Vec<Typed>> {
        let inputs: Vec<_> = call.routine.inputs().collect();
        call.args
            .iter()
            .zip(inputs)
            .zip(&call.types)
            .map(|((value, input), ty)| match (value, &input.default) {
                (Some(value), _) => Ok(value.clone()),
                (None, Some(default)) => {
                    let expression = parse_expression(default)?;
                    // The caller computes it; its names were found when the function was made.
                    let level = Level::new(None, None);
                    let value = self.pinned(|pinned| pinned.expression(&level, &expression))?;
                    self.coerced(value, *ty)
                }
                (None, None) => Err(Error::internal("calling a function", "a missing argument")),
            })
            .collect()
    }

    /// Whether the arguments of a call are such that its body cannot stand in its place: only after
    /// grouping is it known what an aggregate is.
    fn must_be_carried(&self, call: &Call, body: &Body) -> Result<bool> {
        for (index, arg) in call.args.iter().enumerate() {
            let Some(arg) = arg else { continue };
            if !super::aggregate::is_aggregated(&arg.expr) && !has_window(&arg.expr)? {
                continue;
            }
            let costly = has_subquery(&arg.expr)? || arg.expr.is_volatile();
            let large = costly || nodes(&arg.expr)? > 8 * REPEATED_NODES_MAX;
            if !body.value || large && body.uses(&call.routine, index) > 1 {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Values for the parameters that may stand anywhere in the body, any number of times: what
    /// cannot is computed once before.
    fn prepared(&self, call: &Call, body: &Body) -> Result<Prepared> {
        let args = self.argument_values(call)?;
        let mut once = Vec::new();
        for (index, arg) in args.iter().enumerate() {
            let uses = body.uses(&call.routine, index);
            let costly = has_subquery(&arg.expr)? || arg.expr.is_volatile();
            let small = nodes(&arg.expr)? <= REPEATED_NODES_MAX;
            let stays = match body.value {
                // In the place of a value anything may stand; what is not always the same, once.
                true => uses <= 1 || !costly && small,
                false => !costly && small,
            };
            if super::aggregate::is_aggregated(&arg.expr) || has_window(&arg.expr)? {
                if self.must_be_carried(call, body)? {
                    return Err(Error::unsupported(format!(
                        "such an aggregate as an argument of function {}",
                        call.routine.name
                    )));
                }
            } else if !stays {
                once.push(index);
            }
        }
        if once.is_empty() {
            return Ok(Prepared { args, once: None });
        }
        let mut args = args;
        let mut references = Vec::new();
        let mut exprs = Vec::with_capacity(once.len());
        let mut columns = Vec::with_capacity(once.len());
        for index in &once {
            let name = format!("argument{index}");
            let expr = args[*index].expr.clone();
            inner_references(&expr, &mut references)?;
            let expr = self.as_outer(expr, &mut references)?;
            exprs.push(expr.alias(&name));
            columns.push((name, args[*index].ty));
        }
        let plan = project(exprs, one_row())?;
        let plan = crate::engine::semantics::guarded(plan);
        let mut source = self.under_alias(plan, columns, None, "\0arguments")?;
        source.outer = references;
        for (index, column) in once.iter().zip(&source.columns) {
            let value = column.value.clone();
            let row = self.fields(&value);
            args[*index] = Typed { row, ..value };
        }
        let once = Some(Once { source });
        Ok(Prepared { args, once })
    }
}

/// What the body of `routine` sees when it is called from a statement.
pub(in crate::engine) fn surroundings(
    context: &Arc<StatementContext>,
    routine: &Routine,
) -> Arc<StatementContext> {
    if !routine.security_definer && routine.search_path.is_none() {
        return context.clone();
    }
    let role = match routine.security_definer {
        true => routine.owner,
        false => context.role,
    };
    let names = match &routine.search_path {
        Some(names) => names.clone(),
        None => context.settings.search_path(),
    };
    let mut settings = context.settings.clone();
    if routine.search_path.is_some() {
        let names: Vec<String> = names
            .iter()
            .map(|name| crate::base::name::quote(name).into_owned())
            .collect();
        // The value was checked when the function was made.
        let _ = Arc::make_mut(&mut settings).set("search_path", &names.join(", "), false);
    }
    let temporary = context.search_path.temporary;
    Arc::new(StatementContext {
        role,
        search_path: privileges::search_path(&context.snapshot, role, &names, temporary),
        settings,
        in_routine: true,
        ..StatementContext::clone(context)
    })
}

/// Where names of the body are looked up.
fn body_path(context: &StatementContext, routine: &Routine) -> crate::catalog::SearchPath {
    match routine.bound() {
        // They were found when the function was made, by its owner.
        Some(view) => privileges::search_path(
            &context.snapshot,
            routine.owner,
            &view.search_path,
            context.search_path.temporary,
        ),
        None => context.search_path.clone(),
    }
}

/// The parameters as what the body's queries stand in.
pub(super) fn parameter_level<'p>(routine: &Routine, args: Vec<Typed>) -> Level<'p> {
    let mut level = Level::new(None, None);
    level.parameters = true;
    let columns: Vec<Named> = routine
        .inputs()
        .zip(args)
        .filter(|(input, _)| !input.name.is_empty())
        .map(|(input, value)| Named {
            name: input.name.clone(),
            value,
        })
        .collect();
    level.columns.borrow_mut().extend(columns.iter().cloned());
    // Rows can be named as relations are: `a.x` is column x of argument a.
    for column in &columns {
        if let Some(fields) = &column.value.row {
            let fields = fields.iter().map(|(name, value)| Named {
                name: name.clone(),
                value: value.clone(),
            });
            let row = Relation::of_columns(column.name.clone(), fields.collect());
            level.relations.borrow_mut().push(row);
        }
    }
    let all = Relation::of_columns(routine.name.clone(), columns);
    level.relations.borrow_mut().push(all);
    level
}

/// The parts of an expression.
fn nodes(expr: &Expr) -> Result<usize> {
    let mut count = 0;
    expr.apply(|_| {
        count += 1;
        Ok(TreeNodeRecursion::Continue)
    })
    .converted()?;
    Ok(count)
}

/// Whether a subquery stands in an expression.
fn has_subquery(expr: &Expr) -> Result<bool> {
    let is = |part: &Expr| {
        matches!(
            part,
            Expr::ScalarSubquery(_) | Expr::Exists(_) | Expr::InSubquery(_)
        )
    };
    expr.exists(|part| Ok(is(part))).converted()
}

fn has_window(expr: &Expr) -> Result<bool> {
    expr.exists(|part| Ok(matches!(part, Expr::WindowFunction(_))))
        .converted()
}

/// References to the surroundings that subqueries of an expression make.
fn inner_references(expr: &Expr, references: &mut Vec<Expr>) -> Result<()> {
    expr.apply(|part| {
        let subquery = match part {
            Expr::ScalarSubquery(subquery) => Some(subquery),
            Expr::Exists(exists) => Some(&exists.subquery),
            Expr::InSubquery(within) => Some(&within.subquery),
            _ => None,
        };
        for reference in subquery.into_iter().flat_map(|s| &s.outer_ref_columns) {
            if !references.contains(reference) {
                references.push(reference.clone());
            }
        }
        Ok(TreeNodeRecursion::Continue)
    })
    .converted()
    .map(drop)
}

/// NULL where an argument is, without the body.
pub(super) fn unless_null(args: &[Typed], value: Typed) -> Result<Typed> {
    let Some(condition) = any_null(args) else {
        return Ok(value);
    };
    let null = typed::null(value.ty.unmodified())?.expr;
    let expr = typed::case(vec![(condition, null)], Some(value.expr));
    Ok(Typed::new(expr, value.ty))
}

/// Whether any of the arguments is NULL; `None` if none can be.
pub(super) fn any_null(args: &[Typed]) -> Option<Expr> {
    args.iter()
        .filter(|arg| match &arg.expr {
            Expr::Literal(value, _) => value.is_null(),
            _ => !Analyst::is_there(arg),
        })
        .map(|arg| arg.expr.clone().is_null())
        .reduce(typed::or)
}
