//! DataFusion's operators as PostgreSQL's nodes.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::memory::DataSourceExec;
use datafusion::common::stats::Precision;
use datafusion::common::{JoinType, ScalarValue, Statistics};
use datafusion::physical_expr::expressions::Literal;
use datafusion::physical_expr::{PhysicalExpr, PhysicalSortExpr, ScalarFunctionExpr};
use datafusion::physical_plan::ExecutionPlan;
use datafusion::physical_plan::aggregates::{AggregateExec, AggregateMode};
use datafusion::physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion::physical_plan::empty::EmptyExec;
use datafusion::physical_plan::filter::FilterExec;
use datafusion::physical_plan::joins::utils::JoinFilter;
use datafusion::physical_plan::joins::{HashJoinExec, NestedLoopJoinExec, SortMergeJoinExec};
use datafusion::physical_plan::limit::{GlobalLimitExec, LocalLimitExec};
use datafusion::physical_plan::projection::ProjectionExec;
use datafusion::physical_plan::sorts::sort::SortExec;
use datafusion::physical_plan::sorts::sort_preserving_merge::SortPreservingMergeExec;
use datafusion::physical_plan::statistics::{StatisticsArgs, StatisticsContext};

use super::expression::{column_name, sort_key, sql};
use super::node::{Actual, Node, Property, Work};
use super::tables::Tables;
use crate::engine::semantics::OPAQUE;
use crate::engine::shared::SharedExec;

/// A condition on both sides of a join.
type On = [(Arc<dyn PhysicalExpr>, Arc<dyn PhysicalExpr>)];

/// The node of an operator and, below it, those of its inputs.
pub(super) fn node(plan: &dyn ExecutionPlan, tables: &Tables<'_>, analyze: bool) -> Node {
    let reader = Reader {
        tables,
        analyze,
        statistics: StatisticsContext::new(),
        shared: RefCell::default(),
        steps: RefCell::default(),
    };
    let mut node = reader.node(plan);
    node.steps = reader.steps.take();
    node
}

struct Reader<'a> {
    tables: &'a Tables<'a>,
    analyze: bool,
    statistics: StatisticsContext,
    /// Queries that are computed once and were met before, by number.
    shared: RefCell<BTreeSet<u64>>,
    /// The same with their plans, each after those it reads.
    steps: RefCell<Vec<(String, Node)>>,
}

impl Reader<'_> {
    fn node(&self, plan: &dyn ExecutionPlan) -> Node {
        if is_hidden(plan)
            && let [input] = plan.children()[..]
        {
            let mut node = self.node(input.as_ref());
            node.output = output(plan);
            return node;
        }
        if let Some(filter) = plan.downcast_ref::<FilterExec>() {
            return self.filter(plan, filter);
        }
        if let Some(node) = self.join(plan).or_else(|| self.sorted(plan)) {
            return node;
        }
        if let Some(scan) = plan.downcast_ref::<SharedExec>() {
            return self.shared(plan, scan);
        }
        let children = self.children(plan);
        let (node, work) = if let Some(scan) = plan.downcast_ref::<DataSourceExec>() {
            let node = match self.tables.name(scan.data_source().as_ref()) {
                Some((schema, table)) => Node {
                    relation: Some(table),
                    schema,
                    ..Node::new("Seq Scan", children)
                },
                None => Node::new("Scan", children),
            };
            (node, Work::Read(self.bytes(plan)))
        } else if let Some(aggregate) = plan.downcast_ref::<AggregateExec>() {
            (aggregated(aggregate, children), Work::Gather)
        } else if plan.is::<EmptyExec>() {
            let never = Property::One("false".to_owned());
            let node = Node {
                rows: 0.0,
                ..Node::result().with("One-Time Filter", never)
            };
            (node, Work::Stream)
        } else {
            let work = match plan.name() {
                "CrossJoinExec" => Work::Pairs,
                "RecursiveQueryExec" => Work::Gather,
                _ => Work::Stream,
            };
            (Node::new(title(plan.name()), children), work)
        };
        self.finished(node, plan, work)
    }

    /// A scan of what is computed once, by whoever reads it first.
    fn shared(&self, plan: &dyn ExecutionPlan, scan: &SharedExec) -> Node {
        let mut node = Node::new("CTE Scan", Vec::new());
        if let Some((id, name, query)) = scan.shared() {
            node.relation = Some(name.to_owned());
            if self.shared.borrow_mut().insert(id) {
                let step = self.node(query.as_ref());
                self.steps.borrow_mut().push((name.to_owned(), step));
            }
        }
        self.finished(node, plan, Work::Stream)
    }

    fn children(&self, plan: &dyn ExecutionPlan) -> Vec<Node> {
        let children = plan.children();
        children
            .into_iter()
            .map(|child| self.node(child.as_ref()))
            .collect()
    }

    /// A filter is a property of what it filters.
    fn filter(&self, plan: &dyn ExecutionPlan, filter: &FilterExec) -> Node {
        let mut node = self.node(filter.input().as_ref());
        // What lets every row through is there for the columns to be computed.
        if is_always(filter.predicate()) {
            node.output = output(plan);
            return node;
        }
        if node.properties.iter().any(|(name, _)| *name == "Filter") {
            // One that a barrier keeps apart from that of what is read.
            node = Node {
                rows: node.rows,
                width: node.width,
                cost: node.cost,
                actual: node.actual,
                ..Node::new("Subquery Scan", vec![node])
            };
        }
        let seen = node.actual.map(|actual| actual.rows);
        let condition = Property::One(sql(filter.predicate().as_ref()));
        node = node.with("Filter", condition);
        node.rows = self.rows(plan).unwrap_or(node.rows / 5.0).max(1.0);
        node.output = output(plan);
        if let (Some(seen), Some(own)) = (seen, self.actual(plan)) {
            let removed = seen.saturating_sub(own.rows);
            if removed > 0 {
                node = node.with("Rows Removed by Filter", Property::Number(removed));
            }
            let below = node.actual.map_or(0.0, |actual| actual.millis);
            node.actual = Some(Actual {
                millis: own.millis + below,
                rows: own.rows,
            });
        }
        node
    }

    /// Joins: PostgreSQL shows the input it goes through first, then the one it looks things up in,
    /// which is DataFusion's left one.
    fn join(&self, plan: &dyn ExecutionPlan) -> Option<Node> {
        let conditions = |node: Node, name: &'static str, on: &On, filter: Option<&JoinFilter>| {
            let mut keys: Vec<_> = on
                .iter()
                .map(|(left, right)| format!("({} = {})", sql(right.as_ref()), sql(left.as_ref())))
                .collect();
            let node = match keys.len() {
                0 => node,
                1 => node.with(name, Property::One(keys.remove(0))),
                _ => node.with(name, Property::One(format!("({})", keys.join(" AND ")))),
            };
            match filter {
                Some(filter) => node.with(
                    "Join Filter",
                    Property::One(sql(filter.expression().as_ref())),
                ),
                None => node,
            }
        };
        let (node, work) = if let Some(join) = plan.downcast_ref::<HashJoinExec>() {
            let built =
                Node::new("Hash", vec![self.node(join.left().as_ref())]).priced(Work::Gather);
            let below = built.children.first();
            let built = Node {
                width: below.map_or(0, |child| child.width),
                actual: below.and_then(|child| child.actual),
                ..built
            };
            let children = vec![self.node(join.right().as_ref()), built];
            let mut node = Node::new("Hash Join", children);
            node.join = Some(turned(*join.join_type()));
            (
                conditions(node, "Hash Cond", join.on(), join.filter()),
                Work::Stream,
            )
        } else if let Some(join) = plan.downcast_ref::<SortMergeJoinExec>() {
            let mut node = Node::new("Merge Join", self.children(plan));
            node.join = Some(straight(join.join_type()));
            let filter = join.filter().as_ref();
            (
                conditions(node, "Merge Cond", join.on(), filter),
                Work::Stream,
            )
        } else if let Some(join) = plan.downcast_ref::<NestedLoopJoinExec>() {
            let mut node = Node::new("Nested Loop", self.children(plan));
            node.join = Some(straight(*join.join_type()));
            (conditions(node, "", &[], join.filter()), Work::Pairs)
        } else {
            return None;
        };
        Some(self.finished(node, plan, work))
    }

    /// Sorts, and what keeps their order or cuts their rows.
    fn sorted(&self, plan: &dyn ExecutionPlan) -> Option<Node> {
        let keys = |keys: &[PhysicalSortExpr]| Property::Many(keys.iter().map(sort_key).collect());
        if let Some(sort) = plan.downcast_ref::<SortExec>() {
            let node = Node::new("Sort", self.children(plan)).with("Sort Key", keys(sort.expr()));
            let node = self.finished(node, plan, Work::Sort);
            return Some(match sort.fetch() {
                // Each of several sorts keeps that many for the merge, which is the limit.
                Some(_) if sort.preserve_partitioning() => node,
                Some(_) => self.limited(node),
                None => node,
            });
        }
        if let Some(merge) = plan.downcast_ref::<SortPreservingMergeExec>() {
            let node = Node::new("Gather Merge", self.children(plan));
            let node = node.with("Sort Key", keys(merge.expr()));
            let node = self.finished(node, plan, Work::Stream);
            return Some(match merge.fetch() {
                Some(_) => self.limited(node),
                None => node,
            });
        }
        if plan.is::<GlobalLimitExec>() || plan.is::<LocalLimitExec>() {
            let node = Node::new("Limit", self.children(plan));
            return Some(self.finished(node, plan, Work::Stream));
        }
        None
    }

    /// An operator that stops by itself after some rows, shown as PostgreSQL's two.
    fn limited(&self, node: Node) -> Node {
        let (rows, width, actual) = (node.rows, node.width, node.actual);
        let limit = Node::new("Limit", vec![node]).priced(Work::Stream);
        Node {
            rows,
            width,
            actual,
            ..limit
        }
    }

    /// A node with its numbers.
    fn finished(&self, mut node: Node, plan: &dyn ExecutionPlan, work: Work) -> Node {
        node.rows = self.rows(plan).unwrap_or(node.rows);
        node.width = width(plan);
        node.output = output(plan);
        node.actual = self.actual(plan);
        node.priced(work)
    }

    fn actual(&self, plan: &dyn ExecutionPlan) -> Option<Actual> {
        if !self.analyze {
            return None;
        }
        // What does not count has the rows it is known to have.
        let Some(metrics) = plan.metrics() else {
            return Some(Actual {
                millis: 0.0,
                rows: self.rows(plan)? as u64,
            });
        };
        Some(Actual {
            millis: metrics.elapsed_compute().unwrap_or(0) as f64 / 1e6,
            rows: metrics.output_rows().unwrap_or(0) as u64,
        })
    }

    fn estimates(&self, plan: &dyn ExecutionPlan) -> Option<Arc<Statistics>> {
        self.statistics.compute(plan, &StatisticsArgs::new()).ok()
    }

    fn rows(&self, plan: &dyn ExecutionPlan) -> Option<f64> {
        match self.estimates(plan)?.num_rows {
            Precision::Exact(rows) | Precision::Inexact(rows) => Some(rows as f64),
            Precision::Absent => None,
        }
    }

    fn bytes(&self, plan: &dyn ExecutionPlan) -> usize {
        match self
            .estimates(plan)
            .map(|statistics| statistics.total_byte_size)
        {
            Some(Precision::Exact(bytes) | Precision::Inexact(bytes)) => bytes,
            _ => self
                .rows(plan)
                .map_or(0, |rows| rows as usize * width(plan)),
        }
    }
}

/// Whether PostgreSQL has no such operator: it computes columns and hands rows over as part of
/// every node.
fn is_hidden(plan: &dyn ExecutionPlan) -> bool {
    plan.is::<ProjectionExec>()
        || (plan.is::<CoalescePartitionsExec>() && plan.fetch().is_none())
        || matches!(
            plan.name(),
            "BarrierExec"
                | "OneByOneExec"
                | "RepartitionExec"
                | "CoalesceBatchesExec"
                | "CooperativeExec"
                | "BufferExec"
                | "NullSuppliedExec"
        )
}

fn aggregated(aggregate: &AggregateExec, children: Vec<Node>) -> Node {
    let groups = aggregate.group_expr();
    let kind = match groups.is_empty() {
        true => "Aggregate",
        false if groups.has_grouping_set() => "MixedAggregate",
        false => "HashAggregate",
    };
    let mut node = Node::new(kind, children);
    if groups.is_empty() {
        node.rows = 1.0;
    }
    node.mode = match aggregate.mode() {
        AggregateMode::Partial => Some("Partial"),
        AggregateMode::Final | AggregateMode::FinalPartitioned => Some("Finalize"),
        _ => None,
    };
    if groups.is_empty() {
        return node;
    }
    let keys = groups.expr().iter().map(|(key, _)| sql(key.as_ref()));
    node.with("Group Key", Property::Many(keys.collect()))
}

/// PostgreSQL's name of a join whose inputs it would show the other way round.
fn turned(join: JoinType) -> &'static str {
    straight(join.swap())
}

fn straight(join: JoinType) -> &'static str {
    match join {
        JoinType::Inner => "Inner",
        JoinType::Left => "Left",
        JoinType::Right => "Right",
        JoinType::Full => "Full",
        JoinType::LeftSemi => "Semi",
        JoinType::RightSemi => "Right Semi",
        JoinType::LeftAnti => "Anti",
        JoinType::RightAnti => "Right Anti",
        JoinType::LeftMark => "Mark",
        JoinType::RightMark => "Right Mark",
    }
}

/// Other operators, in PostgreSQL's words where it has some.
fn title(name: &str) -> &'static str {
    match name {
        "CrossJoinExec" | "DependentExec" => "Nested Loop",
        "CoalescePartitionsExec" => "Gather",
        "UnionExec" | "InterleaveExec" => "Append",
        "WindowAggExec" | "BoundedWindowAggExec" => "WindowAgg",
        "PlaceholderRowExec" => "Result",
        "RecursiveQueryExec" => "Recursive Union",
        "WorkTableExec" => "WorkTable Scan",
        "UnnestExec" => "ProjectSet",
        "ScalarSubqueryExec" => "InitPlan",
        _ => "Custom Scan",
    }
}

/// Bytes of a row: PostgreSQL's length of each type, 32 for those of any length.
fn width(plan: &dyn ExecutionPlan) -> usize {
    plan.schema()
        .fields()
        .iter()
        .map(|field| {
            let length = crate::types::PgType::of_field(field).info().len;
            usize::try_from(length).unwrap_or(32)
        })
        .sum()
}

fn output(plan: &dyn ExecutionPlan) -> Vec<String> {
    plan.schema()
        .fields()
        .iter()
        .map(|field| column_name(field.name()))
        .collect()
}

/// Whether a condition is true, whatever columns it is tied to.
fn is_always(condition: &Arc<dyn PhysicalExpr>) -> bool {
    let first = condition
        .downcast_ref::<ScalarFunctionExpr>()
        .filter(|call| call.name() == OPAQUE)
        .and_then(|call| call.args().first());
    let literal = first.and_then(|first| first.downcast_ref::<Literal>());
    literal.is_some_and(|literal| *literal.value() == ScalarValue::Boolean(Some(true)))
}
