//! The dependent join as a node of logical plans.

use std::cmp::Ordering;
use std::collections::HashSet;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::{Column, DFSchema, DFSchemaRef, Result, TableReference};
use datafusion::execution::SessionState;
use datafusion::logical_expr::{
    Expr, LogicalPlan, UserDefinedLogicalNode, UserDefinedLogicalNodeCore,
};

use crate::engine::barrier::one;
use crate::engine::planning::Watch;

/// What becomes of the subquery's rows.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    /// One value behind the columns of the row outside, NULL if there is no row inside.
    Value(String),
    /// Whether there is a row inside.
    Exists(String),
    /// The row outside with every row inside; `true`: also if there is none.
    Rows(bool),
}

/// For every row of `input`, the rows of `inner`.
#[derive(Clone)]
pub(super) struct Dependent {
    pub(super) input: LogicalPlan,
    /// Not an input: it cannot be optimised before its outer references have values.
    pub(super) inner: Arc<LogicalPlan>,
    /// Columns of the input that the subquery refers to.
    pub(super) keys: Vec<Column>,
    pub(super) kind: Kind,
    /// Column of the input, an int8: the subquery is wanted for the rows where it is 1. All, if
    /// there is none.
    pub(super) guard: Option<Column>,
    pub(super) schema: DFSchemaRef,
    /// Plans the subquery.
    pub(super) state: Arc<SessionState>,
    /// Stops planning it.
    pub(super) watch: Arc<Watch>,
}

/// The plan a dependent join runs for every row, which is none of its inputs.
pub(in crate::engine) fn inner(node: &dyn UserDefinedLogicalNode) -> Option<&LogicalPlan> {
    let node = node.as_any().downcast_ref::<Dependent>()?;
    Some(&node.inner)
}

impl Dependent {
    pub(super) fn try_new(
        input: LogicalPlan,
        inner: Arc<LogicalPlan>,
        keys: Vec<Column>,
        kind: Kind,
        guard: Option<Column>,
        state: Arc<SessionState>,
        watch: Arc<Watch>,
    ) -> Result<Self> {
        let mut fields: Vec<(Option<TableReference>, FieldRef)> = input
            .schema()
            .iter()
            .map(|(qualifier, field)| (qualifier.cloned(), field.clone()))
            .collect();
        match &kind {
            Kind::Value(name) => {
                let value = inner.schema().field(0).as_ref().clone();
                fields.push((None, Arc::new(value.with_name(name).with_nullable(true))));
            }
            Kind::Exists(name) => {
                fields.push((None, Arc::new(Field::new(name, DataType::Boolean, false))));
            }
            Kind::Rows(_) => fields.extend(inner.schema().iter().map(|(qualifier, field)| {
                let field = field.as_ref().clone().with_nullable(true);
                (qualifier.cloned(), Arc::new(field))
            })),
        }
        let metadata = input.schema().metadata().clone();
        let schema = Arc::new(DFSchema::new_with_metadata(fields, metadata)?);
        Ok(Self {
            input,
            inner,
            keys,
            kind,
            guard,
            schema,
            state,
            watch,
        })
    }
}

impl fmt::Debug for Dependent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        UserDefinedLogicalNodeCore::fmt_for_explain(self, f)
    }
}

impl PartialEq for Dependent {
    fn eq(&self, other: &Self) -> bool {
        self.input == other.input
            && self.inner == other.inner
            && self.keys == other.keys
            && self.kind == other.kind
            && self.guard == other.guard
    }
}

impl Eq for Dependent {}

impl Hash for Dependent {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.input.hash(state);
        self.inner.hash(state);
        self.keys.hash(state);
        self.kind.hash(state);
        self.guard.hash(state);
    }
}

impl PartialOrd for Dependent {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        (self == other).then_some(Ordering::Equal)
    }
}

impl UserDefinedLogicalNodeCore for Dependent {
    fn name(&self) -> &str {
        "Dependent"
    }

    fn inputs(&self) -> Vec<&LogicalPlan> {
        vec![&self.input]
    }

    fn schema(&self) -> &DFSchemaRef {
        &self.schema
    }

    fn expressions(&self) -> Vec<Expr> {
        Vec::new()
    }

    /// What is asked of the rows outside alone is asked before the subquery runs for them.
    fn prevent_predicate_push_down_columns(&self) -> HashSet<String> {
        let outside = self.input.schema().fields().len();
        let inside = self.schema.fields().iter().skip(outside);
        inside.map(|field| field.name().clone()).collect()
    }

    fn fmt_for_explain(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Nested Loop: {:?}", self.kind)
    }

    fn with_exprs_and_inputs(&self, _exprs: Vec<Expr>, inputs: Vec<LogicalPlan>) -> Result<Self> {
        let [input] = one(inputs)?;
        Self::try_new(
            input,
            self.inner.clone(),
            self.keys.clone(),
            self.kind.clone(),
            self.guard.clone(),
            self.state.clone(),
            self.watch.clone(),
        )
    }
}
