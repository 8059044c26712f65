//! Window functions.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, ExprSchemable, LogicalPlan, SortExpr, Window, WindowFrame, WindowFunctionDefinition,
};
use sqlparser::ast::{self, NamedWindowExpr, WindowSpec, WindowType};

use super::frame::{Made, framed, over_keys};
use super::level::{Clause, Level};
use super::query::{plain, project};
use super::{Analyst, Converted, place};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::{EXCLUDE_CURRENT_ROW, EXCLUDE_GROUP, EXCLUDE_TIES, fold};
use crate::functions::{self, Exclude};

impl Analyst<'_> {
    /// The WINDOW clause.
    pub(super) fn define_windows(
        &self,
        level: &Level<'_>,
        definitions: &[ast::NamedWindowDefinition],
    ) -> Result<()> {
        let mut windows: HashMap<String, WindowSpec> = HashMap::new();
        for ast::NamedWindowDefinition(name, definition) in definitions {
            let name = fold(name);
            if windows.contains_key(&name) {
                return Err(Error::new(
                    SqlState::WINDOWING_ERROR,
                    format!("window \"{name}\" is already defined"),
                ));
            }
            let spec = match definition {
                NamedWindowExpr::WindowSpec(spec) => based_on(spec, &windows)?,
                NamedWindowExpr::NamedWindow(other) => named(&windows, other)?,
            };
            windows.insert(name, spec);
        }
        *level.windows.borrow_mut() = windows;
        Ok(())
    }

    /// A call with OVER.
    pub(super) fn window_call(
        &self,
        level: &Level<'_>,
        fun: WindowFunctionDefinition,
        args: Vec<Expr>,
        over: &WindowType,
        filter: Option<Expr>,
        null_treatment: Option<NullTreatment>,
    ) -> Result<Expr> {
        let spec = {
            let windows = level.windows.borrow();
            match over {
                WindowType::NamedWindow(name) => named(&windows, name)?,
                WindowType::WindowSpec(spec) => based_on(spec, &windows)?,
            }
        };
        let exclude = excluded(&spec);
        let anew = match &fun {
            WindowFunctionDefinition::AggregateUDF(function) => {
                let own: Vec<&Expr> = args.iter().collect();
                let schema = self.schema_for(&own)?;
                let ty = args.first().and_then(|arg| arg.get_type(&schema).ok());
                !functions::goes_back(function.name(), ty.as_ref())
            }
            WindowFunctionDefinition::WindowUDF(_) => false,
        };
        let (partition_by, order, frame) = level.within(Clause::Window, || {
            let partition_by = spec
                .partition_by
                .iter()
                .map(|expr| {
                    let value = self.expression(level, expr)?;
                    let value = self.settled(value)?;
                    self.equality_types(value.base(), value.base())
                        .map_err(|_| super::operator::no_equality(value.base()))?;
                    self.order_key(value, false)
                })
                .collect::<Result<Vec<_>>>()?;
            let mut order = Vec::new();
            for item in &spec.order_by {
                let value = self.expression(level, &item.expr)?;
                let value = self.settled(value)?;
                self.ordering_exists(value.base())?;
                order.push((item, value));
            }
            let frame = self.frame(level, spec.window_frame.as_ref(), exclude, &order, anew)?;
            Ok::<_, Error>((partition_by, order, frame))
        })?;
        let order_by: Vec<SortExpr> = order
            .into_iter()
            .map(|(item, value)| {
                let ty = value.ty;
                let key = self.order_key(value, false)?;
                self.sort_keys(item, ty, key)
            })
            .collect::<Result<Vec<_>>>()?
            .concat();
        let (fun, args, window_frame, filter) = match frame {
            Made::Native(frame) => {
                let keys: Vec<&Expr> = order_by.iter().map(|key| &key.expr).collect();
                let schema = self.schema_for(&keys)?;
                // What has no type here says so elsewhere.
                let types = keys.iter().filter_map(|key| key.get_type(&schema).ok());
                let types: Vec<DataType> = types.collect();
                (fun, args, over_keys(frame, &types), filter)
            }
            Made::Own(frame, offsets, counted) => {
                let parts = (frame, offsets, counted);
                let zone = self.scope.context.style.time_zone;
                let (fun, args) = framed(parts, &fun, args, filter, &order_by, zone)?;
                (fun, args, WindowFrame::new(None), None)
            }
        };
        Ok(Expr::WindowFunction(Box::new(WindowFunction {
            fun,
            params: WindowFunctionParams {
                args,
                partition_by,
                order_by,
                window_frame,
                filter: filter.map(Box::new),
                null_treatment,
                distinct: false,
            },
        })))
    }

    /// Computes the window functions; `exprs` then refer to their columns.
    pub(super) fn windowed(&self, plan: LogicalPlan, exprs: &mut [Expr]) -> Result<LogicalPlan> {
        let mut calls: Vec<Expr> = Vec::new();
        for expr in exprs.iter() {
            expr.apply(|part| {
                if matches!(part, Expr::WindowFunction(_)) {
                    if !calls.contains(part) {
                        calls.push(part.clone());
                    }
                    return Ok(TreeNodeRecursion::Jump);
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .converted()?;
        }
        if calls.is_empty() {
            return Ok(plan);
        }
        let names: Vec<String> = calls
            .iter()
            .map(|_| format!("\0window{}", self.number()))
            .collect();
        let (plan, made) = self.found_out(plan, &calls)?;
        // One node for each way the rows are partitioned and ordered.
        let mut groups: Vec<(&WindowFunction, Vec<Expr>)> = Vec::new();
        for (call, name) in made.iter().zip(&names) {
            let Expr::WindowFunction(function) = call else {
                continue;
            };
            let aliased = call.clone().alias(name);
            let same = groups.iter_mut().find(|(known, _)| {
                known.params.partition_by == function.params.partition_by
                    && known.params.order_by == function.params.order_by
            });
            match same {
                Some((_, list)) => list.push(aliased),
                None => groups.push((function.as_ref(), vec![aliased])),
            }
        }
        let mut plan = plan;
        for (_, list) in groups {
            plan = Window::try_new(list, Arc::new(plan))
                .map(LogicalPlan::Window)
                .converted()?;
        }
        for expr in exprs.iter_mut() {
            let replaced = expr.clone().transform_down(|part| {
                match calls.iter().position(|call| *call == part) {
                    Some(index) => Ok(Transformed::new(
                        plain(&names[index]),
                        true,
                        TreeNodeRecursion::Jump,
                    )),
                    None => Ok(Transformed::no(part)),
                }
            });
            *expr = replaced.converted()?.data;
        }
        Ok(plan)
    }

    /// Arguments that a query finds out become columns first; so do keys with an operator
    /// in them, as DataFusion does not know an order by one again that has a function
    /// below it.
    fn found_out(&self, plan: LogicalPlan, calls: &[Expr]) -> Result<(LogicalPlan, Vec<Expr>)> {
        let mut extra: Vec<(Expr, String)> = Vec::new();
        let mut made = calls.to_vec();
        for call in &mut made {
            let Expr::WindowFunction(function) = call else {
                continue;
            };
            let params = &mut function.params;
            for arg in params.args.iter_mut() {
                if super::subquery::has_subquery(arg) {
                    let name = format!("\0offset{}", self.number());
                    extra.push((arg.clone(), name.clone()));
                    *arg = plain(&name);
                }
            }
            let ordered = params.order_by.iter_mut().map(|key| &mut key.expr);
            for key in params.partition_by.iter_mut().chain(ordered) {
                if !compares(key)? {
                    continue;
                }
                let known = extra.iter().position(|(known, _)| known == key);
                let known = known.unwrap_or_else(|| {
                    extra.push((key.clone(), format!("\0key{}", self.number())));
                    extra.len() - 1
                });
                *key = plain(&extra[known].1);
            }
        }
        if extra.is_empty() {
            return Ok((plan, made));
        }
        let mut all: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        all.extend(extra.into_iter().map(|(expr, name)| expr.alias(name)));
        Ok((project(all, plan)?, made))
    }
}

/// Whether an operator stands in an expression.
fn compares(expr: &Expr) -> Result<bool> {
    expr.exists(|part| Ok(matches!(part, Expr::BinaryExpr(_))))
        .converted()
}

/// What a window's frame leaves out: the mark that `parse::patch` leaves of EXCLUDE.
fn excluded(spec: &WindowSpec) -> Exclude {
    match spec.window_name.as_ref().map(|name| name.value.as_str()) {
        Some(EXCLUDE_CURRENT_ROW) => Exclude::CurrentRow,
        Some(EXCLUDE_GROUP) => Exclude::Group,
        Some(EXCLUDE_TIES) => Exclude::Ties,
        _ => Exclude::Nothing,
    }
}

/// The window a name means.
fn named(windows: &HashMap<String, WindowSpec>, name: &ast::Ident) -> Result<WindowSpec> {
    let place = place::starts(name.span);
    let name = fold(name);
    windows.get(&name).cloned().ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("window \"{name}\" does not exist"),
        )
        .or_at(place)
    })
}

/// A window that copies another and adds to it.
fn based_on(spec: &WindowSpec, windows: &HashMap<String, WindowSpec>) -> Result<WindowSpec> {
    let (mark, base_name) = match &spec.window_name {
        None => return Ok(spec.clone()),
        // EXCLUDE is written before the name of the window that is copied, if there is one.
        Some(name) => match name
            .value
            .strip_prefix('\0')
            .map(|rest| rest.split_once('\0'))
        {
            None => (None, name),
            Some(None) => return Ok(spec.clone()),
            Some(Some((mark, base))) => {
                let mark = ast::Ident::new(format!("\0{mark}"));
                (Some(mark), &ast::Ident::with_quote('"', base))
            }
        },
    };
    let base = named(windows, base_name)?;
    let wrong = |what: &str| {
        Err(Error::new(
            SqlState::WINDOWING_ERROR,
            format!("cannot {what} of window \"{}\"", fold(base_name)),
        )
        .or_at(place::before(base_name.span, "(")))
    };
    if !spec.partition_by.is_empty() {
        return wrong("override PARTITION BY clause");
    }
    if !spec.order_by.is_empty() && !base.order_by.is_empty() {
        return wrong("override ORDER BY clause");
    }
    if base.window_frame.is_some() {
        return Err(Error::new(
            SqlState::WINDOWING_ERROR,
            format!(
                "cannot copy window \"{}\" because it has a frame clause",
                fold(base_name)
            ),
        )
        .or_at(place::before(base_name.span, "(")));
    }
    Ok(WindowSpec {
        window_name: mark,
        partition_by: base.partition_by,
        order_by: if spec.order_by.is_empty() {
            base.order_by
        } else {
            spec.order_by.clone()
        },
        window_frame: spec.window_frame.clone(),
    })
}
