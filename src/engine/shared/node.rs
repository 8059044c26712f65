//! Shared queries in logical plans: who reads them, and where they hang.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering as Memory};

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::common::tree_node::Transformed;
use datafusion::common::{DFSchemaRef, DataFusionError, Result, TableReference};
use datafusion::logical_expr::{
    Expr, Extension, LogicalPlan, Projection, TableScanBuilder, UserDefinedLogicalNodeCore,
};

use crate::base::Oid;
use crate::engine::scans;
use crate::engine::source::{RelationBody, RelationSource};

/// Shared queries numbered so far, in this process: plans of different statements and of nested
/// views meet in one.
static NUMBERED: AtomicU64 = AtomicU64::new(0);

/// The rows of a shared query, as a leaf of the plans that read them.
#[derive(Debug, Clone)]
pub(in crate::engine) struct SharedRelation {
    /// Which query.
    pub(in crate::engine) id: u64,
    /// What the user calls it.
    pub(in crate::engine) name: String,
    /// Its columns, under names of their own.
    pub(in crate::engine) schema: SchemaRef,
    /// Where each column comes from unchanged.
    pub(in crate::engine) origins: Vec<Option<(Oid, i16)>>,
}

impl SharedRelation {
    /// What scans of it are called: equal for the same query alone.
    pub(in crate::engine) fn table(&self) -> TableReference {
        TableReference::full("0", "\0with", self.id.to_string())
    }
}

/// A shared query.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(in crate::engine) struct Definition {
    pub(in crate::engine) id: u64,
    pub(in crate::engine) plan: LogicalPlan,
}

/// Makes a shared query of the first `width` columns of a plan: the query, and a scan of it.
pub(in crate::engine) fn share(
    name: &str,
    plan: LogicalPlan,
    width: usize,
) -> Result<(Definition, LogicalPlan)> {
    let id = NUMBERED.fetch_add(1, Memory::Relaxed);
    let own = |index: usize| format!("{}\0{index}", plan.schema().field(index).name());
    let columns = (0..width)
        .map(|index| Expr::from(plan.schema().qualified_field(index)).alias(own(index)))
        .collect();
    let origins = (0..width)
        .map(|index| scans::origin(&plan, index))
        .collect();
    let plan = Projection::try_new(columns, Arc::new(plan)).map(LogicalPlan::Projection)?;
    let fields: Vec<_> = plan
        .schema()
        .fields()
        .iter()
        .map(|field| field.as_ref().clone().with_nullable(true))
        .collect();
    let relation = SharedRelation {
        id,
        name: name.to_owned(),
        schema: Arc::new(Schema::new(fields)),
        origins,
    };
    let table = relation.table();
    let source = RelationSource::new(RelationBody::Shared(relation), false);
    let scan = TableScanBuilder::new(table, Arc::new(source))
        .build()
        .map(LogicalPlan::TableScan)?;
    Ok((Definition { id, plan }, scan))
}

/// A plan, and the shared queries it reads, each after those it reads itself.
#[derive(Clone, PartialEq, Eq)]
pub(in crate::engine) struct With {
    definitions: Vec<Definition>,
    body: LogicalPlan,
}

impl With {
    /// Hangs shared queries over a plan.
    pub(in crate::engine) fn over(body: LogicalPlan, definitions: Vec<Definition>) -> LogicalPlan {
        if definitions.is_empty() {
            return body;
        }
        LogicalPlan::Extension(Extension {
            node: Arc::new(Self { definitions, body }),
        })
    }
}

/// What a plan answers, without the shared queries that hang over it.
pub(in crate::engine) fn body_of(plan: &LogicalPlan) -> &LogicalPlan {
    match plan {
        LogicalPlan::Extension(extension) => match extension.node.as_any().downcast_ref::<With>() {
            Some(with) => &with.body,
            None => plan,
        },
        plan => plan,
    }
}

/// Takes the shared queries out of a plan: each comes after those it reads.
pub(in crate::engine) fn hoist(plan: LogicalPlan) -> Result<(Vec<Definition>, LogicalPlan)> {
    let mut definitions = Vec::new();
    let body = plan
        .transform_up_with_subqueries(|plan| {
            let LogicalPlan::Extension(extension) = &plan else {
                return Ok(Transformed::no(plan));
            };
            let Some(with) = extension.node.as_any().downcast_ref::<With>() else {
                return Ok(Transformed::no(plan));
            };
            // Those inside have been taken out before.
            definitions.extend(with.definitions.iter().cloned());
            Ok(Transformed::yes(with.body.clone()))
        })?
        .data;
    Ok((definitions, body))
}

impl fmt::Debug for With {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UserDefinedLogicalNodeCore::fmt_for_explain(self, f)
    }
}

impl Hash for With {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.definitions.hash(state);
        self.body.hash(state);
    }
}

impl PartialOrd for With {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for With {
    fn name(&self) -> &str {
        "With"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        let definitions = self.definitions.iter().map(|definition| &definition.plan);
        definitions.chain([&self.body]).collect()
    }

    fn schema(&self) -> &DFSchemaRef {
        self.body.schema()
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "With: {}", self.definitions.len())
    }

    fn with_exprs_and_inputs(
        &self,
        _exprs: Vec<Expr>,
        mut inputs: Vec<LogicalPlan>,
    ) -> Result<Self> {
        let body = inputs
            .pop()
            .filter(|_| inputs.len() == self.definitions.len());
        let Some(body) = body else {
            return Err(DataFusionError::Internal(
                "WITH has its queries and one more".to_owned(),
            ));
        };
        let definitions = self
            .definitions
            .iter()
            .zip(inputs)
            .map(|(definition, plan)| Definition {
                id: definition.id,
                plan,
            })
            .collect();
        Ok(Self { definitions, body })
    }
}
