//! Functions that return sets, as arrays that are unnested.
//!
//! In a select list they run side by side; one that ends early gives NULL until the longest ends.
//! One inside the arguments of another is unnested first.

use datafusion::common::{Column, UnnestOptions};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Projection};
use std::sync::Arc;

use super::coerce::{category, not_unique};
use super::level::{Clause, Level};
use super::operator::{Choice, choose};
use super::query::plain;
use super::typed::{self, Typed};
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::engine::semantics;
use crate::functions;
use crate::types::shaped::innermost;
use crate::types::{PgType, dimensions};

/// The array behind a call.
#[derive(Clone)]
pub(super) struct Elements {
    pub(super) array: Expr,
    /// The elements' type.
    pub(super) ty: PgType,
}

/// A call in a select list.
pub(super) struct SetCall {
    pub(super) array: Expr,
    /// The column its elements become.
    pub(super) column: String,
    /// How many calls deep its arguments go.
    pub(super) depth: usize,
}

/// What the columns of calls in a select list are named.
const PREFIX: &str = "\0set";

/// Whether this is such a column.
pub(super) fn is_set_column(column: &Column) -> bool {
    column.relation.is_none() && column.name.starts_with(PREFIX)
}

/// An element of a set as what it is.
fn element(column: Expr, ty: PgType) -> Typed {
    // What takes arrays apart forgets what rows in them are rows of.
    let value = match ty.is_composite() {
        true => typed::cast(column, ty),
        false => column,
    };
    Typed::new(value, ty)
}

impl Analyst<'_> {
    /// The array behind a set-returning function; `None` if `name` is none.
    pub(super) fn elements(&self, name: &str, args: Vec<Typed>) -> Result<Option<Elements>> {
        match name {
            "unnest" => {
                let [array] = <[Typed; 1]>::try_from(args)
                    .map_err(|args| self.no_function("unnest", &args))?;
                if array.is_unknown() {
                    return Err(not_unique("unnest(unknown)"));
                }
                if let Some(ty) = array.ty.range() {
                    return self.ranges_of(array, ty).map(Some);
                }
                let Some(ty) = array.ty.declared_element() else {
                    return Err(self.no_function("unnest", &[array]));
                };
                Ok(Some(Elements {
                    array: self.flat(array)?,
                    ty,
                }))
            }
            "generate_series" => self.series(args).map(Some),
            name if name.ends_with("_recordset") => self.populated_set(name, &args),
            _ => {
                let Some(array_name) = functions::set_as_array(name) else {
                    return Ok(None);
                };
                let args = args.into_iter().map(|arg| arg.expr).collect();
                let array = self.native(&array_name, args)?;
                // A set of arrays is an array of arrays, whose type says no more than an array's.
                let ty = match functions::is_set_of_arrays(name) {
                    true => array.ty,
                    false => array.ty.element().unwrap_or(PgType::TEXT),
                };
                Ok(Some(Elements {
                    array: array.expr,
                    ty,
                }))
            }
        }
    }

    /// An array of one dimension.
    pub(super) fn flat(&self, array: Typed) -> Result<Expr> {
        let held = self.held(&array)?;
        Ok(match innermost(&held) {
            Some(item) if dimensions(&held) != 1 => {
                let item = (item.clone(), array.base());
                semantics::flattened(self.scope.context, array.expr, item)
            }
            _ => array.expr,
        })
    }

    /// `generate_series(from, to [, step])`
    fn series(&self, args: Vec<Typed>) -> Result<Elements> {
        use PgType as T;
        let kinds: [(T, T, &'static str); 5] = [
            (T::INT4, T::INT4, "generate_series_int4"),
            (T::INT8, T::INT8, "generate_series_int8"),
            (T::NUMERIC, T::NUMERIC, "generate_series_numeric"),
            (T::TIMESTAMP, T::INTERVAL, "generate_series_timestamp"),
            (T::TIMESTAMPTZ, T::INTERVAL, "generate_series_timestamptz"),
        ];
        let time = |ty: T| category(ty) == 'D';
        let candidates: Vec<(Vec<T>, usize)> = kinds
            .iter()
            .enumerate()
            // A step is an interval for times, and there is no series of times without one.
            .filter(|(_, (ty, ..))| args.len() == 3 || !time(*ty))
            .map(|(index, (ty, step, _))| {
                let takes = [*ty, *ty, *step];
                (takes[..args.len().min(3)].to_vec(), index)
            })
            .collect();
        let types: Vec<T> = args.iter().map(Typed::base).collect();
        let (ty, step, name) = match choose(&candidates, &types) {
            Choice::One(index) => kinds[index],
            Choice::None => return Err(self.no_function("generate_series", &args)),
            Choice::Many => {
                let shown: Vec<String> = types.iter().map(ToString::to_string).collect();
                return Err(not_unique(&format!(
                    "generate_series({})",
                    shown.join(", ")
                )));
            }
        };
        let mut args = args;
        if args.len() == 2 {
            args.push(typed::int4(1));
        }
        let args = args
            .into_iter()
            .zip([ty, ty, step])
            .map(|(arg, to)| Ok(self.coerced(arg, to)?.expr))
            .collect::<Result<Vec<_>>>()?;
        let mut args = args;
        if ty.oid == T::TIMESTAMPTZ.oid {
            // Days are as long as the session's clock says.
            let zone = self.scope.context.settings.show("TimeZone")?;
            args.push(typed::text(&zone).expr);
        }
        let function = semantics::computed(name)
            .ok_or_else(|| Error::unsupported("generate_series over this type"))?;
        Ok(Elements {
            array: function.call(args),
            ty,
        })
    }

    /// A set-returning function in a select list: the column that its elements will be.
    pub(super) fn set_column(&self, level: &Level<'_>, elements: Elements) -> Result<Typed> {
        use arrow::datatypes::DataType;
        use datafusion::logical_expr::ExprSchemable;
        if level.clause.get() == Clause::Aggregate {
            return Err(within_aggregate());
        }
        if !level.clause.get().allows_sets() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "set-returning functions are not allowed in {}",
                    level.clause.get().name()
                ),
            ));
        }
        // What is grouped or ordered by is what the list shows.
        let shown = matches!(level.clause.get(), Clause::GroupBy | Clause::OrderBy);
        let sets = level.sets.borrow();
        let known = sets
            .iter()
            .find(|call| shown && call.array == elements.array);
        if let Some(call) = known {
            return Ok(element(plain(&call.column), elements.ty));
        }
        drop(sets);
        let column = format!("{PREFIX}{}", self.number());
        let mut depth = 0;
        for call in level.sets.borrow().iter() {
            let inside = elements
                .array
                .column_refs()
                .iter()
                .any(|used| used.relation.is_none() && used.name == call.column);
            if inside {
                depth = depth.max(call.depth + 1);
            }
        }
        let schema = self.schema_for(&[&elements.array])?;
        let field = match elements.array.get_type(&schema).converted()? {
            DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
                item
            }
            _ => Arc::new(elements.ty.field(&column, true)),
        };
        let reference = Column::new_unqualified(&column);
        self.register(&reference, &field, String::new());
        level.sets.borrow_mut().push(SetCall {
            array: elements.array,
            column: column.clone(),
            depth,
        });
        Ok(element(plain(&column), elements.ty))
    }

    /// The rows of the plan multiplied by what its set-returning functions give.
    pub(super) fn multiplied(
        &self,
        mut plan: LogicalPlan,
        calls: &[SetCall],
        arrays: &[Expr],
    ) -> Result<LogicalPlan> {
        let deepest = calls.iter().map(|call| call.depth).max();
        for depth in 0..=deepest.unwrap_or(0) {
            let mut exprs: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
            let mut lists = Vec::new();
            for (call, array) in calls
                .iter()
                .zip(arrays)
                .filter(|(call, _)| call.depth == depth)
            {
                exprs.push(array.clone().alias(&call.column));
                lists.push(call.column.clone());
            }
            if lists.is_empty() {
                continue;
            }
            plan = Projection::try_new(exprs, Arc::new(plan))
                .map(LogicalPlan::Projection)
                .converted()?;
            plan = unnest(plan, &lists)?;
        }
        Ok(plan)
    }

    /// `42883` for a call.
    pub(super) fn no_function(&self, name: &str, args: &[Typed]) -> Error {
        let types: Vec<String> = args.iter().map(|arg| arg.base().to_string()).collect();
        Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function {name}({}) does not exist", types.join(", ")),
        )
        .hint(
            "No function matches the given name and argument types. You might need to add explicit \
             type casts.",
        )
    }
}

/// No set-returning function was called since there were `before` of them.
pub(super) fn none_since(level: &Level<'_>, before: usize, inside: &str) -> Result<()> {
    if level.sets.borrow().len() == before {
        return Ok(());
    }
    Err(Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("set-returning functions are not allowed in {inside}"),
    )
    .hint("You might be able to move the set-returning function into a LATERAL FROM item."))
}

/// A plan with some of its columns unnested side by side.
pub(super) fn unnest(plan: LogicalPlan, columns: &[String]) -> Result<LogicalPlan> {
    let columns = columns.iter().map(Column::new_unqualified).collect();
    let options = UnnestOptions::new().with_preserve_nulls(false);
    LogicalPlanBuilder::from(plan)
        .unnest_columns_with_options(columns, options)
        .and_then(LogicalPlanBuilder::build)
        .converted()
}

/// `0A000` for a set-returning function in an aggregate's arguments.
pub(super) fn within_aggregate() -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        "aggregate function calls cannot contain set-returning function calls",
    )
    .hint("You might be able to move the set-returning function into a LATERAL FROM item.")
}
