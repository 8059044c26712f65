//! Window functions.

use std::collections::HashMap;
use std::sync::Arc;

use datafusion::common::ScalarValue;
use datafusion::common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::expr::{NullTreatment, WindowFunction, WindowFunctionParams};
use datafusion::logical_expr::{
    Expr, LogicalPlan, SortExpr, Window, WindowFrame, WindowFrameBound, WindowFrameUnits,
    WindowFunctionDefinition,
};
use sqlparser::ast::{self, NamedWindowExpr, WindowSpec, WindowType};

use super::coerce::category;
use super::level::{Clause, Level};
use super::query::plain;
use super::typed::Typed;
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::fold;
use crate::types::PgType;

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
        let (partition_by, order, frame) = level.within(Clause::Window, || {
            let partition_by = spec
                .partition_by
                .iter()
                .map(|expr| {
                    let value = self.expression(level, expr)?;
                    let value = self.settled(value)?;
                    self.equality_types(value.base(), value.base())
                        .map_err(|_| super::operator::no_equality(value.base()))?;
                    self.key(value)
                })
                .collect::<Result<Vec<_>>>()?;
            let mut order = Vec::new();
            for item in &spec.order_by {
                let value = self.expression(level, &item.expr)?;
                let value = self.settled(value)?;
                self.ordering_exists(value.base())?;
                order.push((item, value));
            }
            let frame = self.frame(level, spec.window_frame.as_ref(), &order)?;
            Ok::<_, Error>((partition_by, order, frame))
        })?;
        let order_by: Vec<SortExpr> = order
            .into_iter()
            .map(|(item, value)| {
                let key = self.key(value)?;
                self.sort_expr(item, key)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Expr::WindowFunction(Box::new(WindowFunction {
            fun,
            params: WindowFunctionParams {
                args,
                partition_by,
                order_by,
                window_frame: frame,
                filter: filter.map(Box::new),
                null_treatment,
                distinct: false,
            },
        })))
    }

    fn frame(
        &self,
        level: &Level<'_>,
        frame: Option<&ast::WindowFrame>,
        order: &[(&ast::OrderByExpr, Typed)],
    ) -> Result<WindowFrame> {
        let Some(frame) = frame else {
            return Ok(WindowFrame::new((!order.is_empty()).then_some(false)));
        };
        let units = match frame.units {
            ast::WindowFrameUnits::Rows => WindowFrameUnits::Rows,
            ast::WindowFrameUnits::Range => WindowFrameUnits::Range,
            ast::WindowFrameUnits::Groups => WindowFrameUnits::Groups,
        };
        let wrong = |message: &str| Error::new(SqlState::WINDOWING_ERROR, message);
        if units == WindowFrameUnits::Groups && order.is_empty() {
            return Err(wrong("GROUPS mode requires an ORDER BY clause"));
        }
        let end = frame
            .end_bound
            .clone()
            .unwrap_or(ast::WindowFrameBound::CurrentRow);
        use ast::WindowFrameBound as Bound;
        match (&frame.start_bound, &end) {
            (Bound::Following(None), _) => {
                return Err(wrong("frame start cannot be UNBOUNDED FOLLOWING"));
            }
            (_, Bound::Preceding(None)) => {
                return Err(wrong("frame end cannot be UNBOUNDED PRECEDING"));
            }
            (Bound::CurrentRow, Bound::Preceding(_)) => {
                return Err(wrong(
                    "frame starting from current row cannot have preceding rows",
                ));
            }
            (Bound::Following(_), Bound::CurrentRow | Bound::Preceding(_)) => {
                return Err(wrong(
                    "frame starting from following row cannot have preceding rows",
                ));
            }
            _ => {}
        }
        let offset_range = units == WindowFrameUnits::Range
            && [&frame.start_bound, &end].iter().any(|bound| {
                matches!(bound, Bound::Preceding(Some(_)) | Bound::Following(Some(_)))
            });
        if offset_range && order.len() != 1 {
            return Err(wrong(
                "RANGE with offset PRECEDING/FOLLOWING requires exactly one ORDER BY column",
            ));
        }
        let bound = |bound: &Bound| -> Result<WindowFrameBound> {
            Ok(match bound {
                Bound::CurrentRow => WindowFrameBound::CurrentRow,
                Bound::Preceding(None) => WindowFrameBound::Preceding(unbounded(units, order)),
                Bound::Following(None) => WindowFrameBound::Following(unbounded(units, order)),
                Bound::Preceding(Some(offset)) => {
                    WindowFrameBound::Preceding(self.offset(level, offset, units, order, true)?)
                }
                Bound::Following(Some(offset)) => {
                    WindowFrameBound::Following(self.offset(level, offset, units, order, false)?)
                }
            })
        };
        Ok(WindowFrame::new_bounds(
            units,
            bound(&frame.start_bound)?,
            bound(&end)?,
        ))
    }

    /// The distance of a frame's bound.
    fn offset(
        &self,
        level: &Level<'_>,
        offset: &ast::Expr,
        units: WindowFrameUnits,
        order: &[(&ast::OrderByExpr, Typed)],
        start: bool,
    ) -> Result<ScalarValue> {
        let value = self.expression(level, offset)?;
        let _ = start;
        let value = if units == WindowFrameUnits::Range {
            let ordered = order
                .first()
                .map_or(PgType::INT8, |(_, value)| value.base());
            let ty = match category(ordered) {
                'N' => ordered,
                'D' if ordered.oid != PgType::TIME.oid => PgType::INTERVAL,
                _ => {
                    return Err(Error::unsupported(format!(
                        "RANGE with an offset over {ordered}"
                    )));
                }
            };
            self.coerced(value, ty)?
        } else {
            self.as_integer(value, PgType::INT8, units_name(units))?
        };
        let folded = self.constant(value.expr)?;
        let Some(literal) = folded else {
            return Err(Error::unsupported("a frame offset that is not a constant"));
        };
        if literal.is_null() {
            return Err(Error::new(
                SqlState::NULL_VALUE_NOT_ALLOWED,
                "frame starting offset must not be null",
            ));
        }
        let negative = match &literal {
            ScalarValue::Int64(Some(value)) => *value < 0,
            ScalarValue::Int32(Some(value)) => *value < 0,
            ScalarValue::Int16(Some(value)) => *value < 0,
            ScalarValue::Float64(Some(value)) => *value < 0.0,
            ScalarValue::Decimal128(Some(value), ..) => *value < 0,
            ScalarValue::IntervalMonthDayNano(Some(value)) => {
                value.months < 0 || value.days < 0 || value.nanoseconds < 0
            }
            _ => false,
        };
        if negative {
            return Err(Error::new(
                SqlState::INVALID_PRECEDING_OR_FOLLOWING_SIZE,
                if units == WindowFrameUnits::Range {
                    "invalid preceding or following size in window function"
                } else if start {
                    "frame starting offset must not be negative"
                } else {
                    "frame ending offset must not be negative"
                },
            ));
        }
        Ok(match literal {
            ScalarValue::Int64(Some(value)) if units != WindowFrameUnits::Range => {
                ScalarValue::UInt64(Some(value.unsigned_abs()))
            }
            literal => literal,
        })
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
        // One node for each way the rows are partitioned and ordered.
        let mut groups: Vec<(&WindowFunction, Vec<Expr>)> = Vec::new();
        for (call, name) in calls.iter().zip(&names) {
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
}

fn units_name(units: WindowFrameUnits) -> &'static str {
    match units {
        WindowFrameUnits::Rows => "ROWS",
        WindowFrameUnits::Range => "RANGE",
        WindowFrameUnits::Groups => "GROUPS",
    }
}

/// The bound at the end of the partition, in the type the other bound has.
fn unbounded(units: WindowFrameUnits, order: &[(&ast::OrderByExpr, Typed)]) -> ScalarValue {
    let _ = order;
    match units {
        WindowFrameUnits::Rows | WindowFrameUnits::Groups => ScalarValue::UInt64(None),
        WindowFrameUnits::Range => ScalarValue::Null,
    }
}

/// The window a name means.
fn named(windows: &HashMap<String, WindowSpec>, name: &ast::Ident) -> Result<WindowSpec> {
    let name = fold(name);
    windows.get(&name).cloned().ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("window \"{name}\" does not exist"),
        )
    })
}

/// A window that copies another and adds to it.
fn based_on(spec: &WindowSpec, windows: &HashMap<String, WindowSpec>) -> Result<WindowSpec> {
    let Some(base_name) = &spec.window_name else {
        return Ok(spec.clone());
    };
    let base = named(windows, base_name)?;
    let wrong = |what: &str| {
        Err(Error::new(
            SqlState::WINDOWING_ERROR,
            format!("cannot {what} of window \"{}\"", fold(base_name)),
        ))
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
        ));
    }
    Ok(WindowSpec {
        window_name: None,
        partition_by: base.partition_by,
        order_by: if spec.order_by.is_empty() {
            base.order_by
        } else {
            spec.order_by.clone()
        },
        window_frame: spec.window_frame.clone(),
    })
}
