//! Running a path: each step takes an item and hands on what it finds there, one by one, until
//! whoever asked has enough.

use std::sync::Arc;

use super::item::{Item, place};
use super::method::{double, moment};
use crate::base::{Error, Result, SqlState};
use crate::functions::json_tree::{Tree, insert};
use crate::statement::StatementContext;
use crate::types::Numeric;
use crate::types::jsonpath::{Binary, Expr, Method, Path, Start, Step};

/// Why a run ends early.
#[derive(Debug)]
pub(super) enum Stop {
    /// The document is not as the path wants it; a filter takes that for "unknown", and a silent
    /// call for nothing.
    Path(Error),
    /// Anything else.
    Error(Error),
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

pub(super) type Done<T> = std::result::Result<T, Stop>;

/// Takes an item; says whether it wants more.
pub(super) type Sink<'s, 'a> = &'s mut dyn FnMut(Item<'a>) -> Done<bool>;

/// Values within each other that a run goes into at most.
const DEPTH_MAX: usize = 2_000;

/// One run of a path.
pub(super) struct Run<'a> {
    path: &'a Path,
    root: &'a Tree,
    variables: Option<&'a Tree>,
    /// Whether moments without a zone may be taken for the session's.
    pub(super) zoned: bool,
    pub(super) context: &'a Arc<StatementContext>,
    /// The sizes of the arrays around: what `last` is the end of.
    sizes: Vec<usize>,
    /// What is not there is no error: lax, or below `.**`.
    forgiving: bool,
    depth: usize,
}

/// Where an item stands.
#[derive(Clone, Copy)]
pub(super) struct At<'i, 'a> {
    /// `@`
    pub(super) current: &'i Item<'a>,
}

pub(super) fn problem(state: SqlState, message: impl Into<String>) -> Stop {
    Stop::Path(Error::new(state, message.into()))
}

impl<'a> Run<'a> {
    pub(super) fn new(
        path: &'a Path,
        root: &'a Tree,
        variables: Option<&'a Tree>,
        zoned: bool,
        context: &'a Arc<StatementContext>,
    ) -> Self {
        Self {
            path,
            root,
            variables,
            zoned,
            context,
            sizes: Vec::new(),
            forgiving: path.lax,
            depth: 0,
        }
    }

    pub(super) fn lax(&self) -> bool {
        self.path.lax
    }

    /// Everything the path finds.
    pub(super) fn all(&mut self, sink: Sink<'_, 'a>) -> Done<()> {
        let path = self.path;
        let root = Item::Part(self.root);
        self.expr(&path.expr, At { current: &root }, sink).map(drop)
    }

    /// What an expression finds; false once nobody wants more.
    pub(super) fn expr(
        &mut self,
        expr: &'a Expr,
        at: At<'_, 'a>,
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        let steps = &expr.steps;
        let unwrap = self.path.lax;
        match &expr.start {
            Start::Root => {
                let root = Item::Part(self.root);
                self.steps(steps, root, unwrap, sink)
            }
            Start::Current => self.steps(steps, at.current.clone(), unwrap, sink),
            Start::Last => {
                let last = i64::try_from(self.sizes.last().copied().unwrap_or(0)).unwrap_or(0) - 1;
                self.steps(steps, Item::of_number(&Numeric::from(last)), unwrap, sink)
            }
            Start::Variable(name) => {
                let value = self.variable(name)?;
                self.steps(steps, value, unwrap, sink)
            }
            Start::Null => self.steps(steps, Item::Made(Tree::Null), unwrap, sink),
            Start::Bool(value) => self.steps(steps, Item::Made(Tree::Bool(*value)), unwrap, sink),
            Start::Number(number) => self.steps(steps, Item::of_number(number), unwrap, sink),
            Start::String(text) => {
                self.steps(steps, Item::Made(Tree::String(text.clone())), unwrap, sink)
            }
            Start::Binary(op, left, right) if op.is_arithmetic() => {
                let result = self.arithmetic(*op, left, right, at)?;
                self.steps(steps, Item::of_number(&result), unwrap, sink)
            }
            Start::Sign(minus, inner) => {
                let items = self.unwrapped(inner, at)?;
                for item in items {
                    let Some(number) = item.number() else {
                        let sign = if *minus { "-" } else { "+" };
                        return Err(problem(
                            SqlState::SQL_JSON_NUMBER_NOT_FOUND,
                            format!(
                                "operand of unary jsonpath operator {sign} is not a numeric value"
                            ),
                        ));
                    };
                    let number = if *minus { number.negated() } else { number };
                    if !self.steps(steps, Item::of_number(&number), unwrap, sink)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Start::Binary(..)
            | Start::Not(_)
            | Start::IsUnknown(_)
            | Start::Exists(_)
            | Start::Like(..) => {
                let answer = self.condition(expr, at)?;
                let item = Item::Made(answer.map_or(Tree::Null, Tree::Bool));
                self.steps(steps, item, unwrap, sink)
            }
        }
    }

    /// Everything an expression finds, arrays taken apart where the path is lax.
    pub(super) fn unwrapped(&mut self, expr: &'a Expr, at: At<'_, 'a>) -> Done<Vec<Item<'a>>> {
        let lax = self.path.lax;
        let mut items = Vec::new();
        self.expr(expr, at, &mut |item| {
            match item.elements() {
                Some(elements) if lax => items.extend(elements),
                _ => items.push(item),
            }
            Ok(true)
        })?;
        Ok(items)
    }

    pub(super) fn collected(&mut self, expr: &'a Expr, at: At<'_, 'a>) -> Done<Vec<Item<'a>>> {
        let mut items = Vec::new();
        self.expr(expr, at, &mut |item| {
            items.push(item);
            Ok(true)
        })?;
        Ok(items)
    }

    fn variable(&self, name: &str) -> Done<Item<'a>> {
        let found = match self.variables {
            Some(Tree::Object(fields)) => fields.iter().find(|(known, _)| known == name),
            _ => None,
        };
        match found {
            Some((_, value)) => Ok(Item::Part(value)),
            None => Err(Stop::Error(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("could not find jsonpath variable \"{name}\""),
            ))),
        }
    }

    fn arithmetic(
        &mut self,
        op: Binary,
        left: &'a Expr,
        right: &'a Expr,
        at: At<'_, 'a>,
    ) -> Done<Numeric> {
        let operand = |run: &mut Self, expr: &'a Expr, side: &str| {
            let items = run.unwrapped(expr, at)?;
            match items.as_slice() {
                [item] => item.number(),
                _ => None,
            }
            .ok_or_else(|| {
                problem(
                    SqlState::SINGLETON_SQL_JSON_ITEM_REQUIRED,
                    format!(
                        "{side} operand of jsonpath operator {} is not a single numeric value",
                        op.sign()
                    ),
                )
            })
        };
        let left = operand(self, left, "left")?;
        let right = operand(self, right, "right")?;
        let result = match op {
            Binary::Plus => Ok(left.plus(&right)),
            Binary::Minus => Ok(left.plus(&right.negated())),
            Binary::Times => Ok(left.times(&right)),
            Binary::Over => left.over(&right),
            _ => left.remainder(&right),
        };
        result.map_err(Stop::Path)
    }

    /// What steps find from an item on.
    fn steps(
        &mut self,
        steps: &'a [Step],
        item: Item<'a>,
        unwrap: bool,
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        let Some((step, rest)) = steps.split_first() else {
            return sink(item);
        };
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(Stop::Error(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )));
        }
        let done = self.step(step, rest, steps, item, unwrap, sink);
        self.depth -= 1;
        done
    }

    /// The same steps over each element of an array.
    fn each(
        &mut self,
        steps: &'a [Step],
        items: Vec<Item<'a>>,
        unwrap: bool,
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        for item in items {
            if !self.steps(steps, item, unwrap, sink)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn step(
        &mut self,
        step: &'a Step,
        rest: &'a [Step],
        steps: &'a [Step],
        item: Item<'a>,
        unwrap: bool,
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        let lax = self.path.lax;
        // Where an object or a scalar is wanted, an array stands for its elements.
        let wants_elements = !matches!(
            step,
            Step::AnyItem
                | Step::Items(_)
                | Step::Any(..)
                | Step::Method(Method::Type | Method::Size)
        );
        if wants_elements
            && unwrap
            && let Some(elements) = item.elements()
        {
            return self.each(steps, elements, false, sink);
        }
        match step {
            Step::Key(name) => match item.field(name) {
                Some(Some(value)) => self.steps(rest, value, lax, sink),
                Some(None) if self.forgiving => Ok(true),
                Some(None) => Err(problem(
                    SqlState::SQL_JSON_MEMBER_NOT_FOUND,
                    format!("JSON object does not contain key \"{name}\""),
                )),
                None if self.forgiving => Ok(true),
                None => Err(problem(
                    SqlState::SQL_JSON_MEMBER_NOT_FOUND,
                    "jsonpath member accessor can only be applied to an object",
                )),
            },
            Step::AnyKey => match item.fields() {
                Some(fields) => {
                    let values = fields.into_iter().map(|(_, value)| value).collect();
                    self.each(rest, values, lax, sink)
                }
                None if self.forgiving => Ok(true),
                None => Err(problem(
                    SqlState::SQL_JSON_OBJECT_NOT_FOUND,
                    "jsonpath wildcard member accessor can only be applied to an object",
                )),
            },
            Step::AnyItem => match item.elements() {
                Some(elements) => self.each(rest, elements, lax, sink),
                None if lax => self.steps(rest, item, lax, sink),
                None if self.forgiving => Ok(true),
                None => Err(problem(
                    SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                    "jsonpath wildcard array accessor can only be applied to an array",
                )),
            },
            Step::Items(items) => self.subscripts(items, rest, item, sink),
            Step::Any(from, to) => {
                let forgave = std::mem::replace(&mut self.forgiving, true);
                let done = self.below(rest, item, 0, (*from, *to), sink);
                self.forgiving = forgave;
                done
            }
            Step::Filter(condition) => {
                let at = At { current: &item };
                match self.condition(condition, at)? {
                    Some(true) => self.steps(rest, item, lax, sink),
                    _ => Ok(true),
                }
            }
            Step::Method(method) => self.method(*method, rest, item, sink),
            Step::DateTime(template) => {
                let moment = moment(&item, template.as_deref())?;
                self.steps(rest, Item::Moment(moment), lax, sink)
            }
        }
    }

    /// `.**`: the item itself on level 0, then what is in it.
    fn below(
        &mut self,
        rest: &'a [Step],
        item: Item<'a>,
        level: u32,
        (from, to): (u32, u32),
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        if level > to {
            return Ok(true);
        }
        let leaf = !item.is_container();
        if (level >= from || from == u32::MAX && to == u32::MAX && leaf)
            && !self.steps(rest, item.clone(), self.path.lax, sink)?
        {
            return Ok(false);
        }
        if level < to && !leaf {
            for child in item.children() {
                if !self.below(rest, child, level + 1, (from, to), sink)? {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn subscripts(
        &mut self,
        items: &'a [(Expr, Option<Expr>)],
        rest: &'a [Step],
        item: Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        let lax = self.path.lax;
        let elements = match item.elements() {
            Some(elements) => elements,
            // What is no array is one of itself.
            None if lax => vec![item.clone()],
            None if self.forgiving => return Ok(true),
            None => {
                return Err(problem(
                    SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                    "jsonpath array accessor can only be applied to an array",
                ));
            }
        };
        self.sizes.push(elements.len());
        let done = self.subscripted(items, rest, &item, &elements, sink);
        self.sizes.pop();
        done
    }

    fn subscripted(
        &mut self,
        items: &'a [(Expr, Option<Expr>)],
        rest: &'a [Step],
        item: &Item<'a>,
        elements: &[Item<'a>],
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        let at = At { current: item };
        let size = i64::try_from(elements.len()).unwrap_or(i64::MAX);
        for (from, to) in items {
            let from = self.index(from, at)?;
            let to = match to {
                Some(to) => self.index(to, at)?,
                None => from,
            };
            if !self.forgiving && (from < 0 || from > to || to >= size) {
                return Err(problem(
                    SqlState::INVALID_SQL_JSON_SUBSCRIPT,
                    "jsonpath array subscript is out of bounds",
                ));
            }
            for index in from.max(0)..=to.min(size - 1) {
                let element = usize::try_from(index).ok().and_then(|at| elements.get(at));
                if let Some(element) = element
                    && !self.steps(rest, element.clone(), self.path.lax, sink)?
                {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn index(&mut self, expr: &'a Expr, at: At<'_, 'a>) -> Done<i64> {
        let items = self.collected(expr, at)?;
        let number = match items.as_slice() {
            [item] => item.number(),
            _ => None,
        };
        let Some(number) = number else {
            return Err(problem(
                SqlState::INVALID_SQL_JSON_SUBSCRIPT,
                "jsonpath array subscript is not a single numeric value",
            ));
        };
        number
            .truncated(0)
            .to_string()
            .parse::<i32>()
            .map(i64::from)
            .map_err(|_| {
                problem(
                    SqlState::INVALID_SQL_JSON_SUBSCRIPT,
                    "jsonpath array subscript is out of integer range",
                )
            })
    }

    fn method(
        &mut self,
        method: Method,
        rest: &'a [Step],
        item: Item<'a>,
        sink: Sink<'_, 'a>,
    ) -> Done<bool> {
        let lax = self.path.lax;
        let name = method.name();
        let result = match method {
            Method::Type => Item::Made(Tree::String(item.type_name().to_owned())),
            Method::Size => {
                let size = match item.elements() {
                    Some(elements) => elements.len(),
                    None if lax || self.forgiving => 1,
                    None => {
                        return Err(problem(
                            SqlState::SQL_JSON_ARRAY_NOT_FOUND,
                            "jsonpath item method .size() can only be applied to an array",
                        ));
                    }
                };
                Item::Made(Tree::Number(size.to_string()))
            }
            Method::Abs | Method::Floor | Method::Ceiling => {
                let Some(number) = item.number() else {
                    return Err(problem(
                        SqlState::NON_NUMERIC_SQL_JSON_ITEM,
                        format!(
                            "jsonpath item method .{name}() can only be applied to a numeric value"
                        ),
                    ));
                };
                Item::of_number(&match method {
                    Method::Abs => number.abs(),
                    Method::Floor => number.floor(),
                    _ => number.ceil(),
                })
            }
            Method::Double => double(item)?,
            Method::KeyValue => return self.key_values(rest, &item, sink),
        };
        self.steps(rest, result, lax, sink)
    }

    fn key_values(&mut self, rest: &'a [Step], item: &Item<'a>, sink: Sink<'_, 'a>) -> Done<bool> {
        let Some(fields) = item.fields() else {
            return Err(problem(
                SqlState::SQL_JSON_OBJECT_NOT_FOUND,
                "jsonpath item method .keyvalue() can only be applied to an object",
            ));
        };
        let place = match item {
            Item::Part(tree) => place(self.root, tree).unwrap_or(0),
            _ => 0,
        };
        for (name, value) in fields {
            let mut object = Vec::new();
            insert(&mut object, "key", Tree::String(name));
            insert(&mut object, "value", value.into_tree());
            insert(&mut object, "id", Tree::Number(place.to_string()));
            let made = Item::Made(Tree::Object(object));
            if !self.steps(rest, made, self.path.lax, sink)? {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

impl Binary {
    fn is_arithmetic(self) -> bool {
        matches!(
            self,
            Self::Plus | Self::Minus | Self::Times | Self::Over | Self::Remainder
        )
    }
}

/// Whether a condition holds, of which errors make "unknown".
pub(super) fn or_unknown<T>(done: Done<T>) -> Result<Option<T>> {
    match done {
        Ok(value) => Ok(Some(value)),
        Err(Stop::Path(_)) => Ok(None),
        Err(Stop::Error(error)) => Err(error),
    }
}
