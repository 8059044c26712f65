//! Shared queries in physical plans.

use std::fmt;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use arrow::datatypes::{Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result, Statistics};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::Expr;
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, Partitioning, PlanProperties, execute_stream,
};

use super::buffer::Buffer;
use super::node::SharedRelation;

/// A shared query in one execution of a statement.
pub(in crate::engine) struct Slot {
    relation: SharedRelation,
    /// Set before anything that reads it is planned.
    settled: OnceLock<Settled>,
    /// A plain mutex: held to start the query, never over an await.
    buffer: Mutex<Option<Arc<Buffer>>>,
}

struct Settled {
    plan: Arc<dyn ExecutionPlan>,
    /// Which columns of the query the plan has.
    columns: Vec<usize>,
    /// What is known of its rows: found once, for these queries read each other many times over.
    statistics: Arc<Statistics>,
}

impl Slot {
    /// Not planned yet.
    pub(in crate::engine) fn new(relation: SharedRelation) -> Self {
        Self {
            relation,
            settled: OnceLock::new(),
            buffer: Mutex::new(None),
        }
    }

    pub(super) fn id(&self) -> u64 {
        self.relation.id
    }

    /// The columns that can be read.
    pub(super) fn schema(&self) -> &SchemaRef {
        &self.relation.schema
    }

    /// Says how the query's columns `columns` are computed.
    pub(super) fn settle(&self, plan: Arc<dyn ExecutionPlan>, columns: Vec<usize>) -> Result<()> {
        let known = StatisticsContext::new().compute(plan.as_ref(), &StatisticsArgs::new())?;
        let settled = Settled {
            plan,
            columns,
            statistics: Arc::new(Arc::unwrap_or_clone(known).to_inexact()),
        };
        // Planned once an execution, so there is nothing there yet.
        let _ = self.settled.set(settled);
        Ok(())
    }

    fn settled(&self) -> Result<&Settled> {
        self.settled.get().ok_or_else(|| {
            DataFusionError::Internal("a shared query is read before it is planned".to_owned())
        })
    }

    /// The rows, computed from the first time on that somebody asks for them.
    fn buffer(&self, context: &Arc<TaskContext>) -> Result<Arc<Buffer>> {
        let mut buffer = self.buffer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(buffer) = buffer.as_ref() {
            return Ok(buffer.clone());
        }
        let Settled { plan, columns, .. } = self.settled()?;
        let stream = execute_stream(plan.clone(), context.clone())?;
        let schema = Arc::new(self.relation.schema.project(columns)?);
        let new = Arc::new(Buffer::new(&self.relation.name, schema, stream, context));
        *buffer = Some(new.clone());
        Ok(new)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Slot({})", self.relation.id)
    }
}

/// A shared query's rows as a table.
#[derive(Debug)]
pub(in crate::engine) struct SharedRows {
    slot: Arc<Slot>,
}

impl SharedRows {
    pub(in crate::engine) fn new(slot: Arc<Slot>) -> Self {
        Self { slot }
    }

    pub(super) fn slot(&self) -> &Arc<Slot> {
        &self.slot
    }
}

#[async_trait]
impl TableProvider for SharedRows {
    fn schema(&self) -> SchemaRef {
        self.slot.schema().clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Temporary
    }

    async fn scan(
        &self,
        _state: &dyn Session,
        projection: Option<&Vec<usize>>,
        _filters: &[Expr],
        _limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let all = (0..self.slot.schema().fields().len()).collect();
        let wanted = projection.unwrap_or(&all);
        let columns = &self.slot.settled()?.columns;
        let positions = wanted
            .iter()
            .map(|index| columns.binary_search(index))
            .collect::<std::result::Result<Vec<_>, _>>()
            .map_err(|_| {
                DataFusionError::Internal("a column of a shared query is not computed".to_owned())
            })?;
        let schema: Schema = self.slot.schema().project(wanted)?;
        let properties = PlanProperties::new(
            EquivalenceProperties::new(Arc::new(schema)),
            Partitioning::UnknownPartitioning(1),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Ok(Arc::new(SharedExec {
            slot: self.slot.clone(),
            positions,
            properties: Arc::new(properties),
        }))
    }
}

/// Reads a shared query.
pub(in crate::engine) struct SharedExec {
    slot: Arc<Slot>,
    /// Columns among those the query's plan has.
    positions: Vec<usize>,
    properties: Arc<PlanProperties>,
}

impl SharedExec {
    /// The number of the query, its name and its plan.
    pub(in crate::engine) fn shared(&self) -> Option<(u64, &str, &Arc<dyn ExecutionPlan>)> {
        let settled = self.slot.settled().ok()?;
        Some((self.slot.id(), &self.slot.relation.name, &settled.plan))
    }
}

impl fmt::Debug for SharedExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedExec({:?})", self.slot)
    }
}

impl DisplayAs for SharedExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SharedExec: {}", self.slot.relation.name)
    }
}

impl ExecutionPlan for SharedExec {
    fn name(&self) -> &str {
        "SharedExec"
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
        // Its plan is no child: it is planned, optimised and run by itself.
        Vec::new()
    }

    fn with_new_children(
        self: Arc<Self>,
        _children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        Ok(self)
    }

    fn statistics_from_inputs(
        &self,
        _inputs: &[Arc<Statistics>],
        _args: &StatisticsArgs,
    ) -> Result<Arc<Statistics>> {
        let statistics = Statistics::clone(&self.slot.settled()?.statistics);
        Ok(Arc::new(statistics.project(Some(&self.positions))))
    }

    fn execute(
        &self,
        _partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let buffer = self.slot.buffer(&context)?;
        Ok(buffer.read(self.schema(), self.positions.clone()))
    }
}
