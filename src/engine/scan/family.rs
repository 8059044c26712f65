//! The rows of a table with those of the tables that stand under it: one scan of each, one after
//! the other, with the columns of the table named, wherever each has them, and with the table that
//! each row is of.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, UInt32Array, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use async_trait::async_trait;
use datafusion::catalog::{Session, TableProvider};
use datafusion::common::tree_node::TreeNodeRecursion;
use datafusion::common::{DataFusionError, Result};
use datafusion::datasource::TableType;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::logical_expr::{Expr, TableProviderFilterPushDown};
use datafusion::physical_expr::{EquivalenceProperties, PhysicalExpr};
use datafusion::physical_plan::execution_plan::{Boundedness, EmissionType};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::{
    DisplayAs, DisplayFormatType, ExecutionPlan, ExecutionPlanProperties, Partitioning,
    PlanProperties,
};
use futures::{StreamExt, TryStreamExt};

use super::{ADDRESS, TableRows, hidden, hidden_field, place_field};
use crate::base::Oid;
use crate::catalog::Relation;
use crate::engine::memory::ServerPool;
use crate::types::PgType;

/// The hidden column that says which table a row is of. The NUL keeps it apart from every column a
/// client can name.
pub(in crate::engine) const TABLE_COLUMN: &str = "\0tableoid";
/// So many rows are worth to be read by several threads, in any order.
const MANY_ROWS: u64 = 100_000;

/// The columns of a family as its readers see them: those of `relation`, and [`TABLE_COLUMN`].
pub(in crate::engine) fn family_schema(relation: &Relation, members: &[Arc<Relation>]) -> Schema {
    let never_null = |name: &str| {
        let mut members = members.iter();
        members.all(|member| member.column(name).is_some_and(|column| column.not_null))
    };
    let columns = relation.columns.iter().map(|column| {
        let not_null = column.not_null && never_null(&column.name);
        column.ty.field(&column.name, !not_null)
    });
    let table: Field = PgType::OID.field(TABLE_COLUMN, false);
    Schema::new(columns.chain([table]).collect::<Vec<_>>())
}

/// The rows of `members` as rows of `relation`, each with its table.
pub(in crate::engine) fn family_provider(
    root: &Path,
    relation: &Relation,
    members: &[Arc<Relation>],
) -> Arc<dyn TableProvider> {
    let schema = family_schema(relation, members);
    Arc::new(FamilyRows::new(root, schema, members, &[]))
}

/// As [`family_provider`], with columns that may be kept decoded in the memory of `pool`; `placed`,
/// with [`PLACE_COLUMN`].
///
/// [`PLACE_COLUMN`]: super::PLACE_COLUMN
pub(in crate::engine) fn kept_family_provider(
    root: &Path,
    relation: &Relation,
    members: &[Arc<Relation>],
    placed: bool,
    pool: &Arc<ServerPool>,
) -> Arc<dyn TableProvider> {
    let schema = match placed {
        false => family_schema(relation, members),
        true => with_place(&family_schema(relation, members)),
    };
    let mut rows = FamilyRows::new(root, schema, members, hidden(placed));
    for member in &mut rows.members {
        member.scan.pool = Some(Arc::clone(pool));
    }
    Arc::new(rows)
}

/// As [`family_provider`], with the columns that say where each row is in its own table, as those
/// of [`addressed_provider`].
///
/// [`addressed_provider`]: super::addressed_provider
pub(in crate::engine) fn addressed_family_provider(
    root: &Path,
    relation: &Relation,
    members: &[Arc<Relation>],
) -> Arc<dyn TableProvider> {
    let own = family_schema(relation, members);
    let address = ADDRESS.iter().map(|name| Arc::new(hidden_field(name)));
    let fields = own.fields().iter().cloned().chain(address);
    let schema = Schema::new(fields.collect::<Vec<_>>());
    Arc::new(FamilyRows::new(root, schema, members, ADDRESS))
}

/// The columns of rows that say where they are.
pub(in crate::engine) fn with_place(schema: &Schema) -> Schema {
    let fields = schema.fields().iter().cloned();
    Schema::new(fields.chain([Arc::new(place_field())]).collect::<Vec<_>>())
}

/// The rows of `members` as rows of `relation`, whatever they may be NULL in.
pub(in crate::engine) fn members_provider(
    root: &Path,
    relation: &Relation,
    members: &[Arc<Relation>],
) -> Arc<dyn TableProvider> {
    let columns = relation.columns.iter();
    let fields = columns.map(|column| column.ty.field(&column.name, true));
    let schema = Schema::new(fields.collect::<Vec<_>>());
    Arc::new(FamilyRows::new(root, schema, members, &[]))
}

impl FamilyRows {
    fn new(
        root: &Path,
        schema: Schema,
        members: &[Arc<Relation>],
        hidden: &'static [&'static str],
    ) -> Self {
        let rows = members.iter().map(|member| Member {
            table: member.oid,
            rows: member.segments().iter().map(|segment| segment.rows).sum(),
            names: member
                .columns
                .iter()
                .map(|column| column.name.as_str())
                .chain(hidden.iter().copied())
                .map(str::to_owned)
                .collect(),
            scan: TableRows::new(root, member, hidden),
        });
        Self {
            schema: Arc::new(schema),
            members: rows.collect(),
        }
    }
}

/// The rows of one table of a family.
#[derive(Debug)]
struct Member {
    table: Oid,
    rows: u64,
    names: Vec<String>,
    scan: TableRows,
}

/// The rows of a family.
#[derive(Debug)]
struct FamilyRows {
    schema: SchemaRef,
    members: Vec<Member>,
}

#[async_trait]
impl TableProvider for FamilyRows {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    fn supports_filters_pushdown(
        &self,
        filters: &[&Expr],
    ) -> Result<Vec<TableProviderFilterPushDown>> {
        Ok(vec![TableProviderFilterPushDown::Inexact; filters.len()])
    }

    async fn scan(
        &self,
        state: &dyn Session,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let projection = match projection {
            Some(projection) => projection.clone(),
            None => (0..self.schema.fields().len()).collect(),
        };
        let schema = Arc::new(self.schema.project(&projection)?);
        let mut inputs = Vec::with_capacity(self.members.len());
        for member in &self.members {
            let has = |name: &str| member.names.iter().any(|own| own == name);
            // They only decide what is skipped.
            let known = |filter: &&Expr| filter.column_refs().iter().all(|c| has(&c.name));
            let filters: Vec<Expr> = filters.iter().filter(known).cloned().collect();
            let mut wanted = Vec::new();
            let columns = projection.iter().map(|index| {
                let name = self.schema.field(*index).name();
                if name == TABLE_COLUMN {
                    return Taken::Table;
                }
                let Some(of) = member.names.iter().position(|own| own == name) else {
                    return Taken::Nothing;
                };
                wanted.push(of);
                Taken::Column(wanted.len() - 1)
            });
            let columns = columns.collect();
            let plan = member.scan.scan(state, Some(&wanted), &filters, limit);
            inputs.push(Input {
                plan: plan.await?,
                table: member.table,
                columns,
            });
        }
        let rows: u64 = self.members.iter().map(|member| member.rows).sum();
        Ok(Arc::new(FamilyExec::new(schema, inputs, rows > MANY_ROWS)))
    }
}

/// What a column of the family is of a member's.
#[derive(Debug, Clone, Copy)]
enum Taken {
    Column(usize),
    Table,
    Nothing,
}

/// A member's rows.
#[derive(Debug, Clone)]
struct Input {
    plan: Arc<dyn ExecutionPlan>,
    table: Oid,
    columns: Vec<Taken>,
}

/// Reads members one after the other, or all at once where they are big.
struct FamilyExec {
    inputs: Vec<Input>,
    at_once: bool,
    properties: Arc<PlanProperties>,
}

impl FamilyExec {
    fn new(schema: SchemaRef, inputs: Vec<Input>, at_once: bool) -> Self {
        let parts = |input: &Input| input.plan.output_partitioning().partition_count();
        let partitions = match at_once {
            true => inputs.iter().map(parts).sum(),
            false => 1,
        };
        let properties = PlanProperties::new(
            EquivalenceProperties::new(schema),
            Partitioning::UnknownPartitioning(partitions),
            EmissionType::Incremental,
            Boundedness::Bounded,
        );
        Self {
            inputs,
            at_once,
            properties: Arc::new(properties),
        }
    }
}

impl fmt::Debug for FamilyExec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FamilyExec({})", self.inputs.len())
    }
}

impl DisplayAs for FamilyExec {
    fn fmt_as(&self, _t: DisplayFormatType, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FamilyExec")
    }
}

impl ExecutionPlan for FamilyExec {
    fn name(&self) -> &str {
        "FamilyExec"
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
        self.inputs.iter().map(|input| &input.plan).collect()
    }

    fn benefits_from_input_partitioning(&self) -> Vec<bool> {
        vec![false; self.inputs.len()]
    }

    fn with_new_children(
        self: Arc<Self>,
        children: Vec<Arc<dyn ExecutionPlan>>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let inputs = self.inputs.iter().zip(children);
        let inputs = inputs.map(|(input, plan)| Input {
            plan,
            ..input.clone()
        });
        let new = Self::new(self.schema(), inputs.collect(), self.at_once);
        Ok(Arc::new(new))
    }

    fn execute(
        &self,
        partition: usize,
        context: Arc<TaskContext>,
    ) -> Result<SendableRecordBatchStream> {
        let mut parts = Vec::new();
        for input in &self.inputs {
            let count = input.plan.output_partitioning().partition_count();
            parts.extend((0..count).map(|part| (input.clone(), part)));
        }
        if self.at_once {
            let one = parts.into_iter().nth(partition);
            parts = one.into_iter().collect();
        }
        let schema = self.schema();
        let shown = Arc::clone(&schema);
        let rows = futures::stream::iter(parts).map(move |(input, part)| {
            let schema = Arc::clone(&schema);
            let rows = input.plan.execute(part, Arc::clone(&context))?;
            Ok::<_, DataFusionError>(rows.map(move |batch| as_family(&schema, &input, &batch?)))
        });
        Ok(Box::pin(RecordBatchStreamAdapter::new(
            shown,
            rows.try_flatten(),
        )))
    }
}

fn as_family(schema: &SchemaRef, input: &Input, batch: &RecordBatch) -> Result<RecordBatch> {
    let rows = batch.num_rows();
    let columns = input.columns.iter().zip(schema.fields());
    let arrays = columns.map(|(taken, field)| -> ArrayRef {
        match taken {
            Taken::Column(index) => Arc::clone(batch.column(*index)),
            Taken::Table => Arc::new(UInt32Array::from(vec![input.table.0; rows])),
            Taken::Nothing => new_null_array(field.data_type(), rows),
        }
    });
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        arrays.collect(),
        &options,
    )?)
}
