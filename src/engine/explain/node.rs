//! A plan's nodes as EXPLAIN shows them.

use crate::base::name::quote;

/// Cost of reading a page of 8 KiB, PostgreSQL's `seq_page_cost`: the unit of all costs.
const PAGE: f64 = 1.0;
/// Cost of a row, PostgreSQL's `cpu_tuple_cost`.
const ROW: f64 = 0.01;
/// Cost of comparing two values, PostgreSQL's `cpu_operator_cost`.
const COMPARISON: f64 = 0.0025;

/// One operator.
#[derive(Debug)]
pub(super) struct Node {
    /// `Hash Join`; what JSON calls "Node Type".
    pub(super) kind: &'static str,
    /// What the text puts before the kind: `Partial`, `Finalize`.
    pub(super) mode: Option<&'static str>,
    /// `Left`, `Semi`, …; inner joins have `Inner`.
    pub(super) join: Option<&'static str>,
    /// `Insert` of a node that changes a table.
    pub(super) operation: Option<String>,
    /// The table it reads or changes.
    pub(super) relation: Option<String>,
    /// The schema of that, if it is shown.
    pub(super) schema: Option<String>,
    /// What it does, by PostgreSQL's names: `Hash Cond`, `Filter`, `Sort Key`.
    pub(super) properties: Vec<(&'static str, Property)>,
    /// What its output is, for VERBOSE.
    pub(super) output: Vec<String>,
    /// Expected rows.
    pub(super) rows: f64,
    /// Expected bytes of a row.
    pub(super) width: usize,
    /// Expected cost until the first row, and of all.
    pub(super) cost: (f64, f64),
    /// What it did, if it was run.
    pub(super) actual: Option<Actual>,
    /// Whether what it did is known, where a statement was run.
    pub(super) is_counted: bool,
    /// Queries of WITH that run before it, by their names.
    pub(super) steps: Vec<(String, Node)>,
    /// Whence it takes rows.
    pub(super) children: Vec<Node>,
}

/// The value of a property.
#[derive(Debug)]
pub(super) enum Property {
    /// A condition or a name.
    One(String),
    /// Keys.
    Many(Vec<String>),
    /// A count.
    Number(u64),
}

/// What an operator did.
#[derive(Debug, Clone, Copy)]
pub(super) struct Actual {
    /// Milliseconds of computing until it had given its last row, its own alone.
    pub(super) millis: f64,
    /// Rows it gave.
    pub(super) rows: u64,
}

/// How an operator's cost follows from its input's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Work {
    /// Reads so many bytes.
    Read(usize),
    /// Passes rows on as they come.
    Stream,
    /// Gives nothing before it has seen all rows.
    Gather,
    /// Compares all rows with each other, then gives them.
    Sort,
    /// Meets every row of one input with every row of the other.
    Pairs,
}

impl Node {
    /// An operator over `children`.
    pub(super) fn new(kind: &'static str, children: Vec<Node>) -> Self {
        Self {
            kind,
            mode: None,
            join: None,
            operation: None,
            relation: None,
            schema: None,
            properties: Vec::new(),
            output: Vec::new(),
            rows: children.first().map_or(1.0, |child| child.rows),
            width: 0,
            cost: (0.0, 0.0),
            actual: None,
            is_counted: true,
            steps: Vec::new(),
            children,
        }
    }

    /// One row out of nothing.
    pub(super) fn result() -> Self {
        Self {
            cost: (0.0, ROW),
            ..Self::new("Result", Vec::new())
        }
    }

    /// A node that changes `table` by the rows of another.
    pub(super) fn changing(operation: &str, table: &str, source: Node) -> Self {
        Self {
            operation: Some(operation.to_owned()),
            relation: Some(table.to_owned()),
            rows: 0.0,
            cost: source.cost,
            ..Self::new("ModifyTable", vec![source])
        }
    }

    /// Says of it and all below that what they did is not known.
    pub(super) fn uncounted(&mut self) {
        self.is_counted = false;
        let steps = self.steps.iter_mut().map(|(_, step)| step);
        for node in self.children.iter_mut().chain(steps) {
            node.uncounted();
        }
    }

    /// Says what it did.
    pub(super) fn count(&mut self, millis: f64, rows: u64) {
        self.is_counted = true;
        self.actual = Some(Actual { millis, rows });
    }

    /// Adds what it does.
    pub(super) fn with(mut self, name: &'static str, value: Property) -> Self {
        self.properties.push((name, value));
        self
    }

    /// Computes its cost by the simplest of PostgreSQL's formulas.
    pub(super) fn priced(mut self, work: Work) -> Self {
        // Not `sum`, whose nothing is a negative zero.
        let total = |number: fn(&Node) -> f64| {
            let numbers = self.children.iter().map(number);
            numbers.fold(0.0, |total, number| total + number)
        };
        let (before, first) = (total(|child| child.cost.1), total(|child| child.cost.0));
        let taken = total(|child| child.rows);
        self.cost = match work {
            Work::Read(bytes) => (0.0, bytes as f64 / 8192.0 * PAGE + self.rows * ROW),
            Work::Stream => (first, before + taken * COMPARISON),
            Work::Gather => {
                let gathered = before + taken * COMPARISON;
                (gathered, gathered + self.rows * ROW)
            }
            Work::Sort => {
                let sorted = before + 2.0 * COMPARISON * taken * taken.max(2.0).log2();
                (sorted, sorted + taken * COMPARISON)
            }
            Work::Pairs => {
                let pairs: f64 = self.children.iter().map(|child| child.rows).product();
                (first, before + pairs * COMPARISON)
            }
        };
        self
    }

    /// What the text calls it: `Finalize HashAggregate`, `Hash Left Join`, `Seq Scan on t`.
    pub(super) fn title(&self) -> String {
        if let (Some(operation), Some(table)) = (&self.operation, &self.relation) {
            return format!("{operation} on {}", quote(table));
        }
        let mut title = match self.join {
            None | Some("Inner") => self.kind.to_owned(),
            Some(join) => match self.kind.strip_suffix(" Join") {
                Some(method) => format!("{method} {join} Join"),
                None => format!("{} {join} Join", self.kind),
            },
        };
        if let Some(mode) = self.mode {
            title.insert_str(0, &format!("{mode} "));
        }
        if let Some(relation) = &self.relation {
            title.push_str(" on ");
            if let Some(schema) = &self.schema {
                title.push_str(&format!("{}.", quote(schema)));
            }
            title.push_str(&quote(relation));
        }
        title
    }
}
