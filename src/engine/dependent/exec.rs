//! Running a dependent join.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use arrow::array::{
    Array, ArrayRef, AsArray, BooleanArray, RecordBatch, UInt64Array, new_null_array,
};
use arrow::datatypes::{Int8Type, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::Session;
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{Column, Result, ScalarValue};
use datafusion::execution::context::QueryPlanner;
use datafusion::execution::{SendableRecordBatchStream, SessionState, TaskContext};
use datafusion::logical_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion::logical_expr::{LogicalPlan, UserDefinedLogicalNode};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties, collect,
};
use datafusion::physical_planner::{DefaultPhysicalPlanner, ExtensionPlanner, PhysicalPlanner};
use futures::StreamExt;

use super::lower::{Effort, has_dependent, lower};
use super::node::{Dependent, Kind};
use super::plan::{is_volatile, with_values};
use crate::base::{Error, SqlState};
use crate::engine::barrier;
use crate::engine::planning::{self, Watch};
use crate::engine::rules::reached;
use crate::engine::scope::external;
use crate::engine::semantics;

/// Answers of one subquery that are remembered, and rows of them all.
const ANSWERS_MAX: usize = 10_000;
const ROWS_MAX: usize = 1_000_000;

/// DataFusion's planner, with dependent joins and barriers.
#[derive(Debug)]
pub(in crate::engine) struct DependentPlanner;

#[async_trait]
impl QueryPlanner for DependentPlanner {
    async fn create_physical_plan(
        &self,
        plan: &LogicalPlan,
        session: &dyn Session,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        DefaultPhysicalPlanner::with_extension_planners(vec![Arc::new(Self)])
            .create_physical_plan(plan, session)
            .await
    }
}

#[async_trait]
impl ExtensionPlanner for DependentPlanner {
    async fn plan_extension(
        &self,
        _planner: &dyn PhysicalPlanner,
        node: &dyn UserDefinedLogicalNode,
        _logical: &[&LogicalPlan],
        inputs: &[Arc<dyn ExecutionPlan>],
        _session: &dyn Session,
        _context: &PhysicalPlanningContext,
    ) -> Result<Option<Arc<dyn ExecutionPlan>>> {
        if let Some(barrier) = barrier::lowered(node, inputs) {
            return Ok(Some(barrier));
        }
        let (Some(node), [input]) = (node.as_any().downcast_ref::<Dependent>(), inputs) else {
            return Ok(None);
        };
        let keys = node
            .keys
            .iter()
            .map(|key| node.input.schema().index_of_column(key))
            .collect::<Result<Vec<_>>>()?;
        let guard = node
            .guard
            .as_ref()
            .map(|guard| node.input.schema().index_of_column(guard))
            .transpose()?;
        let schema: SchemaRef = Arc::new(node.schema.as_arrow().clone());
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Some(Arc::new(DependentExec {
            input: input.clone(),
            work: Arc::new(Work {
                inner: node.inner.clone(),
                columns: node.keys.clone(),
                keys,
                guard,
                kind: node.kind.clone(),
                volatile: is_volatile(&node.inner)?,
                state: node.state.clone(),
                watch: node.watch.clone(),
                schema: Arc::new(node.schema.as_arrow().clone()),
            }),
            properties: Arc::new(properties),
        })))
    }
}

/// What is done for every row.
struct Work {
    inner: Arc<LogicalPlan>,
    columns: Vec<Column>,
    /// Where the columns are in the input.
    keys: Vec<usize>,
    /// Where the column is that says for which rows it is done.
    guard: Option<usize>,
    kind: Kind,
    /// Its answers are not to be remembered.
    volatile: bool,
    state: Arc<SessionState>,
    watch: Arc<Watch>,
    schema: SchemaRef,
}

/// The operator.
struct DependentExec {
    input: Arc<dyn ExecutionPlan>,
    work: Arc<Work>,
    properties: Arc<PlanProperties>,
}

impl fmt::Debug for DependentExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DependentExec({:?})", self.work.kind)
    }
}

impl DisplayAs for DependentExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DependentExec")
    }
}

impl ExecutionPlan for DependentExec {
    fn name(&self) -> &str {
        "DependentExec"
    }

    fn properties(&self) -> &Arc<PlanProperties> {
        &self.properties
    }

    fn apply_expressions(
        &self,
        _visit: &mut dyn FnMut(&Arc<dyn PhysicalExpr>) -> Result<TreeNodeRecursion>,
    ) -> Result<TreeNodeRecursion> {
        Ok(TreeNodeRecursion::Continue)
    }

    fn children(&self) -> Vec<&Arc<dyn ExecutionPlan>> {
        vec![&self.input]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let [input] = barrier::one(children)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(self.work.schema.clone()),
            Partitioning::UnknownPartitioning(input.output_partitioning().partition_count()),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(Self {
            input,
            work: self.work.clone(),
            properties: Arc::new(properties),
        }))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let input = self.input.execute(partition, context.clone())?;
        let schema = self.work.schema.clone();
        let state = Answers {
            work: self.work.clone(),
            context,
            known: HashMap::new(),
            rows: 0,
        };
        let stream = futures::stream::unfold(
            (input, state, false),
            |(mut input, mut answers, over)| async move {
                if over {
                    return None;
                }
                let batch = match input.next().await? {
                    Ok(batch) => answers.batch(batch).await,
                    Err(error) => Err(error),
                };
                let over = batch.is_err();
                Some((batch, (input, answers, over)))
            },
        );
        Ok(Box::pin(RecordBatchStreamAdapter::new(schema, stream)))
    }
}

/// The answers for the values seen so far.
struct Answers {
    work: Arc<Work>,
    context: Arc<TaskContext>,
    known: HashMap<Vec<ScalarValue>, RecordBatch>,
    rows: usize,
}

impl Answers {
    /// The rows of a batch with what the subquery gives for each.
    async fn batch(&mut self, batch: RecordBatch) -> Result<RecordBatch> {
        let mut answers = Vec::with_capacity(batch.num_rows());
        let guard = self.work.guard.map(|index| batch.column(index));
        let guard = guard.map(|guard| guard.as_primitive::<Int8Type>());
        for row in 0..batch.num_rows() {
            let wanted = guard.is_none_or(|guard| guard.is_valid(row) && guard.value(row) == 1);
            answers.push(if wanted {
                self.answer(&batch, row).await?
            } else {
                self.work.nothing()
            });
        }
        let work = &self.work;
        let mut columns: Vec<ArrayRef>;
        match &work.kind {
            Kind::Exists(_) => {
                columns = batch.columns().to_vec();
                let found: BooleanArray = answers
                    .iter()
                    .map(|answer| Some(answer.num_rows() > 0))
                    .collect();
                columns.push(Arc::new(found));
            }
            Kind::Value(_) => {
                columns = batch.columns().to_vec();
                let ty = work.schema.field(batch.num_columns()).data_type();
                let mut values: Vec<ArrayRef> = Vec::with_capacity(answers.len());
                for answer in &answers {
                    values.push(match answer.num_rows() {
                        0 => new_null_array(ty, 1),
                        1 => answer.column(0).clone(),
                        _ => {
                            return Err(external(Error::new(
                                SqlState::CARDINALITY_VIOLATION,
                                "more than one row returned by a subquery used as an expression",
                            )));
                        }
                    });
                }
                columns.push(joined(&values, ty)?);
            }
            Kind::Rows(left) => {
                let mut outside = Vec::new();
                let width = work.schema.fields().len() - batch.num_columns();
                let mut inside: Vec<Vec<ArrayRef>> = vec![Vec::new(); width];
                for (row, answer) in answers.iter().enumerate() {
                    let row = u64::try_from(row).unwrap_or(u64::MAX);
                    let count = answer.num_rows();
                    if count == 0 && *left {
                        outside.push(row);
                        for (index, column) in inside.iter_mut().enumerate() {
                            let field = work.schema.field(batch.num_columns() + index);
                            column.push(new_null_array(field.data_type(), 1));
                        }
                        continue;
                    }
                    outside.extend(std::iter::repeat_n(row, count));
                    for (index, column) in inside.iter_mut().enumerate() {
                        column.push(answer.column(index).clone());
                    }
                }
                let outside = UInt64Array::from(outside);
                columns = batch
                    .columns()
                    .iter()
                    .map(|column| arrow::compute::take(column, &outside, None))
                    .collect::<std::result::Result<Vec<_>, _>>()?;
                for (index, arrays) in inside.iter().enumerate() {
                    let field = work.schema.field(batch.num_columns() + index);
                    columns.push(joined(arrays, field.data_type())?);
                }
                let options =
                    arrow::array::RecordBatchOptions::new().with_row_count(Some(outside.len()));
                return made(&work.schema, columns, &options);
            }
        }
        let options =
            arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        made(&work.schema, columns, &options)
    }

    /// The rows of the subquery for one row outside.
    async fn answer(&mut self, batch: &RecordBatch, row: usize) -> Result<RecordBatch> {
        let work = self.work.clone();
        let key = work
            .keys
            .iter()
            .map(|index| {
                let column = batch.column(*index);
                ScalarValue::try_from_array(column, row)
            })
            .collect::<Result<Vec<_>>>()?;
        if let Some(known) = self.known.get(&key) {
            return Ok(known.clone());
        }
        let answer = work.run(&key, &self.context).await?;
        if work.volatile {
            return Ok(answer);
        }
        self.rows += answer.num_rows();
        if self.known.len() >= ANSWERS_MAX || self.rows > ROWS_MAX {
            self.known.clear();
            self.rows = answer.num_rows();
        }
        self.known.insert(key, answer.clone());
        Ok(answer)
    }
}

impl Work {
    /// No rows of the subquery.
    fn nothing(&self) -> RecordBatch {
        RecordBatch::new_empty(Arc::new(self.inner.schema().as_arrow().clone()))
    }

    /// Plans and runs the subquery with values for what it refers to.
    async fn run(&self, values: &[ScalarValue], context: &Arc<TaskContext>) -> Result<RecordBatch> {
        let plan = with_values(&self.inner, &self.columns, values)?;
        // What was tied from further in may now be joined like any other subquery.
        let plan = semantics::before_coercion(plan, &self.watch)?;
        let plan = reached(optimised(plan, &self.state, &self.watch)?)?;
        let schema: SchemaRef = Arc::new(plan.schema().as_arrow().clone());
        let physical = DependentPlanner
            .create_physical_plan(&plan, self.state.as_ref())
            .await?;
        let batches = collect(physical, context.clone()).await?;
        let batches: Vec<RecordBatch> = batches
            .into_iter()
            .map(|batch| {
                let options =
                    arrow::array::RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
                made(&schema, batch.columns().to_vec(), &options)
            })
            .collect::<Result<_>>()?;
        Ok(arrow::compute::concat_batches(&schema, &batches)?)
    }
}

/// An optimised plan whose dependent subqueries are joins, or run row by row.
pub(in crate::engine) fn optimised(
    plan: LogicalPlan,
    state: &SessionState,
    watch: &Arc<Watch>,
) -> Result<LogicalPlan> {
    let optimise = |plan: LogicalPlan| planning::optimised(plan, state, watch);
    if !has_dependent(&plan)? {
        return optimise(plan);
    }
    let shared = Arc::new(state.clone());
    let joins = lower(plan.clone(), &shared, watch, Effort::Joins).and_then(optimise);
    if let Ok(plan) = joins
        && !has_dependent(&plan)?
    {
        return Ok(plan);
    }
    // What failed for taking too long fails again.
    optimise(lower(plan, &shared, watch, Effort::Rows)?)
}

/// Arrays one behind the other.
fn joined(arrays: &[ArrayRef], ty: &arrow::datatypes::DataType) -> Result<ArrayRef> {
    let arrays = arrays
        .iter()
        .map(|array| {
            if array.data_type() == ty {
                Ok(array.clone())
            } else {
                arrow::compute::cast(array, ty)
            }
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let all: Vec<&dyn arrow::array::Array> = arrays.iter().map(AsRef::as_ref).collect();
    if all.is_empty() {
        return Ok(arrow::array::new_empty_array(ty));
    }
    Ok(arrow::compute::concat(&all)?)
}

/// A batch of columns, whatever their fields say of NULL.
fn made(
    schema: &SchemaRef,
    columns: Vec<ArrayRef>,
    options: &arrow::array::RecordBatchOptions,
) -> Result<RecordBatch> {
    let columns = columns
        .into_iter()
        .zip(schema.fields())
        .map(|(column, field)| {
            if column.data_type() == field.data_type() {
                Ok(column)
            } else {
                arrow::compute::cast(&column, field.data_type())
            }
        })
        .collect::<std::result::Result<Vec<_>, _>>()?;
    Ok(RecordBatch::try_new_with_options(
        schema.clone(),
        columns,
        options,
    )?)
}
