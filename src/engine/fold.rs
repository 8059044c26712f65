//! Users' aggregates as DataFusion knows them: an expression takes the state and the arguments of a
//! row to the next state. What the final function makes of the last state is computed outside.
//!
//! Rows are kept until the answer is asked for, as [`crate::functions::Kept`] does it, because what
//! only takes single rows in cannot put together what two threads have done.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, new_null_array};
use arrow::datatypes::{DataType, Field, FieldRef, Schema};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use chrono::DateTime;
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{DFSchema, DFSchemaRef, DataFusionError, ScalarValue};
use datafusion::logical_expr::execution_props::ExecutionProps;
use datafusion::logical_expr::function::{AccumulatorArgs, StateFieldsArgs};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::simplify::SimplifyContext;
use datafusion::logical_expr::utils::AggregateOrderSensitivity;
use datafusion::logical_expr::{
    Accumulator, AggregateUDF, AggregateUDFImpl, EmptyRelation, Expr, LogicalPlan,
    LogicalPlanBuilder, Signature, Volatility, WindowFunctionDefinition,
};
use datafusion::optimizer::simplify_expressions::ExprSimplifier;
use datafusion::physical_expr::create_physical_expr;
use datafusion::physical_plan::PhysicalExpr;

use super::error::convert;
use super::scope::Scope;
use super::semantics;
use crate::base::{Error, Oid, Result};
use crate::functions::{FOLD, Framed, Kept, Over, framed, framed_of, scalar_value};
use crate::observe::Interrupt;
use crate::statement::StatementContext;
use crate::types::PgType;

type Outcome<T> = std::result::Result<T, DataFusionError>;

/// What an aggregate does with a row, in expressions over the columns [`column`] names.
pub(super) struct Steps {
    /// The aggregate.
    pub(super) aggregate: Oid,
    /// Whether rows with NULLs are passed over.
    pub(super) strict: bool,
    /// What the state is.
    pub(super) state: PgType,
    /// What the arguments are.
    pub(super) arguments: Vec<PgType>,
    /// The state before any row.
    pub(super) start: Expr,
    /// The state that the first row makes by itself, where there is none before.
    pub(super) first: Option<Expr>,
    /// The next state.
    pub(super) next: Expr,
}

/// The name of a column the steps see: the state, and behind it the arguments.
pub(super) fn column(index: usize) -> String {
    format!("\0step{index}")
}

/// The aggregate of these steps.
pub(super) fn fold(scope: &Scope<'_>, steps: Steps) -> Result<Arc<AggregateUDF>> {
    let types = std::iter::once(&steps.state).chain(&steps.arguments);
    let fields = types
        .enumerate()
        .map(|(index, ty)| ty.field(&column(index), true));
    let schema = DFSchema::try_from(Schema::new(fields.collect::<Vec<_>>())).map_err(convert)?;
    let exprs = [Some(steps.start), steps.first, Some(steps.next)];
    let exprs = exprs.into_iter().flatten().enumerate();
    let exprs: Vec<Expr> = exprs
        .map(|(index, expr)| expr.alias(format!("\0made{index}")))
        .collect();
    let rows = LogicalPlan::EmptyRelation(EmptyRelation {
        produce_one_row: true,
        schema: Arc::new(schema),
    });
    let plan = LogicalPlanBuilder::from(rows)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .and_then(|plan| semantics::before_coercion(plan, scope.watch))
        .and_then(|plan| semantics::coerce(scope, plan))
        .map_err(convert)?;
    let LogicalPlan::Projection(projection) = plan else {
        return Err(Error::unsupported("such a transition function"));
    };
    let shown: Vec<String> = steps
        .arguments
        .iter()
        .map(|ty| ty.oid.to_string())
        .collect();
    // What DataFusion has no computation of, it makes something else of.
    let schema = Arc::clone(projection.input.schema());
    let context = SimplifyContext::builder()
        .with_config_options(scope.state.config_options().clone())
        .with_schema(Arc::clone(&schema));
    let simplifier = ExprSimplifier::new(context.build());
    let exprs = projection.expr.into_iter();
    let exprs = exprs.map(|expr| simplifier.simplify(expr));
    let exprs = exprs.collect::<Outcome<Vec<_>>>().map_err(convert)?;
    let fold = Fold {
        name: format!("{FOLD}{}({})", steps.aggregate, shown.join(",")),
        strict: steps.strict,
        state: steps.state.unmodified(),
        schema,
        exprs,
        made: Vec::new(),
        interrupt: scope.context.interrupt.clone(),
        signature: Signature::user_defined(Volatility::Immutable),
    };
    fold.in_statement(scope.context)
        .map(|fold| Arc::new(AggregateUDF::new_from_impl(fold)))
        .map_err(convert)
}

/// A call of a users' aggregate in another statement; `None` if it is none.
pub(super) fn rebind(context: &Arc<StatementContext>, call: &Expr) -> Outcome<Option<Expr>> {
    let again = |function: &Arc<AggregateUDF>| -> Outcome<Option<Arc<AggregateUDF>>> {
        let Some(fold) = function.inner().downcast_ref::<Fold>() else {
            return Ok(None);
        };
        let fold = fold.in_statement(context)?;
        Ok(Some(Arc::new(AggregateUDF::new_from_impl(fold))))
    };
    Ok(match call {
        Expr::AggregateFunction(call) => again(&call.func)?.map(|func| {
            let mut call = call.clone();
            call.func = func;
            Expr::AggregateFunction(call)
        }),
        Expr::WindowFunction(call) => {
            let fun = match &call.fun {
                WindowFunctionDefinition::AggregateUDF(function) => {
                    again(function)?.map(WindowFunctionDefinition::AggregateUDF)
                }
                WindowFunctionDefinition::WindowUDF(function) => match framed_of(function) {
                    Some(of) => {
                        let over = match &of.over {
                            Over::Aggregate(function) => again(function)?.map(Over::Aggregate),
                            Over::First | Over::Last | Over::Nth => None,
                        };
                        Some(WindowFunctionDefinition::WindowUDF(framed(Framed {
                            over: over.unwrap_or_else(|| of.over.clone()),
                            zone: context.style.time_zone,
                            ..of.clone()
                        })))
                    }
                    None => None,
                },
            };
            fun.map(|fun| {
                let mut call = call.clone();
                call.fun = fun;
                Expr::WindowFunction(call)
            })
        }
        _ => None,
    })
}

#[derive(Debug, Clone)]
struct Fold {
    /// Of the aggregate, and of what its arguments are in this call.
    name: String,
    strict: bool,
    state: PgType,
    /// Of the columns the expressions see.
    schema: DFSchemaRef,
    /// What [`Steps`] has: start, perhaps first, next.
    exprs: Vec<Expr>,
    /// The same, to be evaluated.
    made: Vec<Arc<dyn PhysicalExpr>>,
    interrupt: Interrupt,
    signature: Signature,
}

impl PartialEq for Fold {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.exprs == other.exprs
    }
}

impl Eq for Fold {}

impl Hash for Fold {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl Fold {
    /// The same, called by a statement.
    fn in_statement(&self, context: &Arc<StatementContext>) -> Outcome<Self> {
        let exprs = self.exprs.iter().cloned().map(|expr| {
            let rebound = expr.transform_up(|expr| {
                let Expr::ScalarFunction(mut call) = expr else {
                    return Ok(Transformed::no(expr));
                };
                if let Some(function) = semantics::rebound(context, &call.func) {
                    call.func = function;
                }
                Ok(Transformed::yes(Expr::ScalarFunction(call)))
            });
            rebound.map(|rebound| rebound.data)
        });
        let exprs = exprs.collect::<Outcome<Vec<_>>>()?;
        let mut props = ExecutionProps::new();
        props.query_execution_start_time =
            DateTime::from_timestamp_micros(context.transaction_time);
        let planning = PhysicalPlanningContext::default();
        let made = exprs.iter();
        let made = made.map(|expr| create_physical_expr(expr, &self.schema, &props, &planning));
        Ok(Self {
            made: made.collect::<Outcome<_>>()?,
            exprs,
            interrupt: context.interrupt.clone(),
            ..self.clone()
        })
    }

    /// What one of the expressions makes of a state and the arguments of a row.
    fn step(&self, which: usize, columns: Vec<ArrayRef>) -> Outcome<ArrayRef> {
        let fields = columns.iter().enumerate();
        let fields = fields.map(|(index, column_of)| {
            Field::new(column(index), column_of.data_type().clone(), true)
        });
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let one = RecordBatchOptions::new().with_row_count(Some(1));
        let row = RecordBatch::try_new_with_options(schema, columns, &one)?;
        self.made[which].evaluate(&row)?.into_array(1)
    }

    /// The state before any row.
    fn begin(&self) -> Outcome<State> {
        let fields = self.schema.fields().iter();
        let nulls = fields.map(|field| new_null_array(field.data_type(), 1));
        Ok(State {
            value: self.step(0, nulls.collect())?,
            awaits_first: self.made.len() > 2,
        })
    }

    /// The state after more rows.
    fn after(&self, state: State, columns: &[ArrayRef]) -> Outcome<State> {
        let mut state = state;
        let rows = columns.first().map_or(0, |column| column.len());
        let arguments = self.schema.fields().len() - 1;
        for row in 0..rows {
            self.interrupt.check().map_err(super::scope::external)?;
            let values = columns.iter().take(arguments);
            let values: Vec<ArrayRef> = values.map(|column| column.slice(row, 1)).collect();
            if self.strict && values.iter().any(|value| value.is_null(0)) {
                continue;
            }
            let which = match state.awaits_first {
                true => 1,
                false if self.strict && state.value.is_null(0) => break,
                false => self.made.len() - 1,
            };
            let columns = std::iter::once(state.value).chain(values).collect();
            state = State {
                value: self.step(which, columns)?,
                awaits_first: false,
            };
        }
        Ok(state)
    }
}

impl AggregateUDFImpl for Fold {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, types: &[DataType]) -> Outcome<Vec<DataType>> {
        Ok(types.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Outcome<DataType> {
        Ok(self.state.data_type())
    }

    fn return_field(&self, _: &[FieldRef]) -> Outcome<FieldRef> {
        Ok(Arc::new(self.state.field(&self.name, true)))
    }

    fn accumulator(&self, args: AccumulatorArgs) -> Outcome<Box<dyn Accumulator>> {
        Ok(Box::new(Folding {
            fold: self.clone(),
            kept: Kept::new(&args)?,
            state: None,
        }))
    }

    fn state_fields(&self, args: StateFieldsArgs) -> Outcome<Vec<FieldRef>> {
        Ok(Kept::fields(&args))
    }

    fn order_sensitivity(&self) -> AggregateOrderSensitivity {
        // As of the aggregates that keep their rows.
        AggregateOrderSensitivity::Beneficial
    }

    fn with_beneficial_ordering(
        self: Arc<Self>,
        _beneficial_ordering: bool,
    ) -> Outcome<Option<Arc<dyn AggregateUDFImpl>>> {
        // Rows are sorted at the end, however they came.
        Ok(Some(self))
    }
}

/// What has become of the rows so far.
#[derive(Debug)]
struct State {
    /// One value.
    value: ArrayRef,
    /// Whether the next row makes the state by itself.
    awaits_first: bool,
}

/// One group.
#[derive(Debug)]
struct Folding {
    fold: Fold,
    kept: Kept,
    /// After the rows that are no longer kept, if there were such.
    state: Option<State>,
}

impl Accumulator for Folding {
    fn update_batch(&mut self, values: &[ArrayRef]) -> Outcome<()> {
        self.kept.add(values)
    }

    fn merge_batch(&mut self, states: &[ArrayRef]) -> Outcome<()> {
        self.kept.merge(states)
    }

    fn state(&mut self) -> Outcome<Vec<ScalarValue>> {
        if self.state.is_some() {
            let what = "handing on the rows of an aggregate";
            let error = Error::internal(what, "they are no longer kept");
            return Err(super::scope::external(error));
        }
        self.kept.state()
    }

    /// May be asked for again after more rows: over a window frame that grows.
    fn evaluate(&mut self) -> Outcome<ScalarValue> {
        if !self.kept.is_plain() {
            let rows = self.kept.sorted()?;
            let state = self.fold.after(self.fold.begin()?, &rows)?;
            return scalar_value(&state.value);
        }
        let rows = self.kept.taken()?;
        let before = match self.state.take() {
            Some(state) => state,
            None => self.fold.begin()?,
        };
        let state = self.fold.after(before, &rows)?;
        let value = scalar_value(&state.value);
        self.state = Some(state);
        value
    }

    fn size(&self) -> usize {
        let state = self.state.as_ref();
        let state = state.map_or(0, |state| state.value.get_array_memory_size());
        self.kept.size() + size_of::<Self>() + state
    }
}
