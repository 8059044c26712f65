//! Parse analysis: the tree sqlparser made becomes a plan whose names and types are PostgreSQL's.
//!
//! * Every relation of FROM gets an alias of its own in the whole statement, so a column of the
//!   plan means one thing wherever it stands, also as the outer reference of a subquery
//!   ([`level`]).
//! * Every expression has a PostgreSQL type. A quoted literal has none until something beside it
//!   asks for one ([`coerce`]); operators are chosen among candidates by PostgreSQL's rules
//!   ([`operator`]).
//! * Whatever is not understood is refused by name. Nothing is dropped.
//!
//! Not here: privileges (they are read off the scans), views (scans like any other until they are
//! permitted), and how subqueries are run.

mod aggregate;
mod aggregate_call;
mod arguments;
mod array;
mod call;
mod case;
mod cast;
mod clauses;
mod coded;
mod coerce;
mod combine;
mod comparison;
mod composite;
mod condition;
mod conditional;
mod deparse;
mod determined;
mod domains;
mod elements;
mod enums;
mod expressed;
mod expression;
mod frame;
mod from;
mod function;
mod join;
mod join_queries;
mod json_record;
mod json_subscript;
mod level;
mod literal;
mod locking;
mod names;
mod numeric;
mod once;
mod operator;
mod operators;
mod order;
mod ordered_set;
mod otherwise;
mod outer_aggregate;
mod overload;
mod parameter;
mod place;
mod plan_columns;
mod query;
mod ranges;
mod recursion;
mod relation;
mod routine;
mod row;
mod sample;
mod select;
mod set;
mod special;
mod subquery;
mod system_column;
mod traversal;
mod typed;
mod variables;
mod window;
mod window_function;
mod with;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::rc::Rc;
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::error::convert;
use super::expression_kind::ExpressionKind;
use super::scope::Scope;
use super::shared::{Definition, With};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Routine;
use crate::privileges::Need;
use crate::statement::{ArgumentNames, Arguments, StatementContext};
use crate::types::PgType;
use crate::types::coded::tid;

pub(crate) use deparse::Deparsed;
pub(super) use expression::{sign, strip};
use level::{Clause, Level};
pub(crate) use names::is_call;
pub(super) use names::item_name;
pub use names::suggested_name;
pub(super) use once::reads;
pub(super) use query::Output;
use routine::Chain;
pub(super) use routine::{ResultColumns, check_result, run_only, spread, surroundings};
pub use routine::{Support, signature};
pub(super) use row::row_items;
use system_column::Places;
pub use system_column::SYSTEM_COLUMNS;
pub(super) use system_column::TABLEOID;
use typed::Typed;
pub(super) use with::{SILENT, misplaced};

/// What a query means.
pub(super) struct Analysis {
    /// Its plan. Columns have unique names; what follows a NUL in one is not shown.
    pub(super) plan: LogicalPlan,
    /// What the plan's columns are called, and their types.
    pub(super) columns: Vec<Output>,
    /// Types its parameters got, by number; `None` where nothing said one.
    pub(super) parameters: BTreeMap<usize, Option<PgType>>,
    /// The users' functions it calls itself.
    pub(super) routines: Vec<Oid>,
    /// What calling functions needs.
    pub(super) needs: Vec<Need>,
    /// The columns of the catalog's relations that it names itself.
    pub(super) names: BTreeSet<(Oid, i16)>,
    /// The primary keys without which it would not be valid.
    pub(super) keys: BTreeSet<Oid>,
    /// Where it calls users' functions by their bare names, and which these are.
    pub(super) called: Vec<(Span, (Oid, String))>,
    /// The expressions that are kept, written out; `None` for those that are not.
    pub(super) deparsed: Vec<Option<Deparsed>>,
}

/// Analyses a query as `scope` sees it. `declared` are the client's parameter types.
pub(super) fn analyse(
    scope: &Scope<'_>,
    query: &ast::Query,
    declared: &[Option<PgType>],
) -> Result<Analysis> {
    match analysed(scope, query, declared, Places::Untold) {
        Err((_, Places::Wanted)) => analysed(scope, query, declared, Places::Told),
        done => done,
    }
    .map_err(|(error, _)| error)
}

/// As [`analyse`], of tables whose rows say where they are, or do not; with an error comes whether
/// they should.
fn analysed(
    scope: &Scope<'_>,
    query: &ast::Query,
    declared: &[Option<PgType>],
    places: Places,
) -> std::result::Result<Analysis, (Error, Places)> {
    let analyst = Analyst::new(scope, declared);
    analyst.shared.places.set(places);
    let done = analyst.analysis(query);
    done.map_err(|error| (error, analyst.shared.places.get()))
}

/// A call of a function whose body is carried out statement by statement.
pub(super) struct RoutineCall {
    /// The function.
    pub(super) routine: Arc<Routine>,
    /// Types of its inputs in this call.
    pub(super) types: Vec<PgType>,
    /// What it answers.
    pub(super) result: ResultColumns,
    /// The query of one row that computes its arguments; without any, of a column of no matter.
    pub(super) arguments: Analysis,
}

/// Analyses a call as `scope` sees it; `None` if it is not one of a function that `wanted` says is
/// to be carried out.
pub(super) fn analyse_call(
    scope: &Scope<'_>,
    function: &ast::Function,
    declared: &[Option<PgType>],
    wanted: impl Fn(&Routine) -> bool,
) -> Result<Option<RoutineCall>> {
    let ast::FunctionArguments::List(list) = &function.args else {
        return Ok(None);
    };
    let parts: Vec<String> = function.name.0.iter().map(from::part).collect();
    let analyst = Analyst::new(scope, declared);
    let (schema, name) = match parts.as_slice() {
        [name] => (None, name),
        [schema, name] => (Some(schema.as_str()), name),
        _ => return Ok(None),
    };
    if !analyst.routines(schema, name).iter().any(|r| wanted(r)) {
        return Ok(None);
    }
    let around = match &scope.context.arguments {
        Some(arguments) => Some(analyst.around(scope.context, arguments)?),
        None => None,
    };
    let level = Level::new(around.as_ref(), None);
    if let Some(kind) = analyst.kind.take() {
        level.clause.set(Clause::Of(kind));
    }
    let Some(call) = analyst.routine_call(&level, &parts, &list.args)? else {
        return Ok(None);
    };
    if !wanted(&call.routine) {
        return Ok(None);
    }
    let (types, result, answer) = analyst.called(&call)?;
    Ok(Some(RoutineCall {
        routine: Arc::clone(&call.routine),
        types,
        result,
        arguments: Analysis {
            plan: With::over(answer.plan, analyst.shared.once.take()),
            columns: answer.columns,
            parameters: analyst.parameters.into_inner(),
            routines: Vec::new(),
            needs: analyst.shared.needs.take(),
            names: analyst.shared.names.take(),
            keys: analyst.shared.keys.take(),
            called: analyst.shared.called.take(),
            deparsed: Vec::new(),
        },
    }))
}

/// Sees that an aggregate about to be made can be computed.
pub(super) fn check_aggregate(scope: &Scope<'_>, routine: &Routine) -> Result<()> {
    Analyst::new(scope, &[]).check_aggregate(routine)
}

/// One statement's analysis, or that of a function's body inside it.
struct Analyst<'a> {
    scope: &'a Scope<'a>,
    shared: Rc<Shared>,
    declared: &'a [Option<PgType>],
    parameters: RefCell<BTreeMap<usize, Option<PgType>>>,
    /// Inside a function's body what `$1`, `$2`, … are there, in terms of its [`Level`].
    arguments: Option<Vec<typed::Typed>>,
    /// The functions whose bodies this is in.
    chain: Option<&'a Chain<'a>>,
    /// In a function's body: what it reads.
    reading: RefCell<BTreeMap<Oid, BTreeSet<i16>>>,
    /// A number of the body; 0 is the statement.
    body: usize,
    /// Where the expressions stand that the outermost SELECT is made of, until that is analysed.
    kind: Cell<Option<ExpressionKind>>,
}

/// Where a column of the plan comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Origin {
    /// The relation of the catalog.
    relation: Oid,
    /// Its column.
    attnum: i16,
    /// The [`Analyst::body`] that reads it.
    body: usize,
}

/// What all parts of a statement have in common, the bodies of functions included.
#[derive(Default)]
struct Shared {
    /// How often each relation name was used.
    aliases: RefCell<HashMap<String, usize>>,
    /// What the columns of the plan are, and what the user calls them.
    columns: RefCell<HashMap<Column, (FieldRef, String)>>,
    numbers: Cell<usize>,
    /// Where each quoted literal stands; nothing for a text that stands in several places.
    literals: RefCell<HashMap<String, Option<Span>>>,
    /// Where each column was first named.
    mentions: RefCell<HashMap<Column, Span>>,
    /// Which columns of the catalog columns of the plan are.
    origins: RefCell<HashMap<Column, Origin>>,
    /// Those of them that the statement itself names, and not a function it calls.
    names: RefCell<BTreeSet<(Oid, i16)>>,
    /// Primary keys by which columns are known once per group, in the statement itself.
    keys: RefCell<BTreeSet<Oid>>,
    /// Users' functions called.
    uses: RefCell<Vec<routine::Use>>,
    /// What calling them needs, and what their bodies do.
    needs: RefCell<Vec<Need>>,
    /// Where the statement itself calls users' functions by their bare names, and these with their
    /// schemas.
    called: RefCell<Vec<(Span, (Oid, String))>>,
    /// The expressions that are kept, written out.
    deparsed: RefCell<Vec<Option<Deparsed>>>,
    /// Whether what is being written out may come to something else another time.
    mutable: Cell<bool>,
    /// Whether functions in it are their bodies.
    inlines: Cell<bool>,
    /// How many calls there were.
    calls: Cell<usize>,
    /// What calls in the statement itself became: the same call twice is the same expression.
    values: RefCell<Vec<(routine::Key, Typed)>>,
    /// Queries that are computed once, each after those it reads.
    once: RefCell<Vec<Definition>>,
    /// What the recursive terms being analysed read the rows found last from.
    working: RefCell<Vec<String>>,
    /// Whether names are none of the statement's: those of a [`LocalRelation`] that is a query.
    ///
    /// [`LocalRelation`]: super::local::LocalRelation
    is_closed: Cell<bool>,
    /// Whether the rows of tables say where they are.
    places: Cell<Places>,
}

impl<'a> Analyst<'a> {
    /// Of a statement by itself.
    fn new(scope: &'a Scope<'a>, declared: &'a [Option<PgType>]) -> Self {
        Self {
            scope,
            shared: Rc::default(),
            declared,
            parameters: RefCell::default(),
            arguments: None,
            chain: None,
            reading: RefCell::default(),
            body: 0,
            kind: Cell::new(scope.kind),
        }
    }
}

impl Analyst<'_> {
    /// What the statement means.
    fn analysis(&self, query: &ast::Query) -> Result<Analysis> {
        // A statement of a function's body, carried out by itself.
        let around = match &self.scope.context.arguments {
            Some(arguments) if self.scope.view.is_none() => {
                Some(self.around(self.scope.context, arguments)?)
            }
            Some(_) | None => None,
        };
        let wanted = match self.scope.view {
            Some(_) => query::Wanted::Answer,
            None => query::Wanted::Shown,
        };
        let answer = self.query(query, around.as_ref(), None, wanted)?;
        let is_place = |ty: &Option<PgType>| ty.is_some_and(tid::is);
        if self.parameters.borrow().values().any(is_place) {
            return tid::refuse();
        }
        let uses = self.shared.uses.take();
        Ok(Analysis {
            plan: With::over(answer.plan, self.shared.once.take()),
            columns: answer.columns,
            parameters: self.parameters.take(),
            routines: uses
                .iter()
                .filter(|used| used.direct)
                .map(|used| used.routine)
                .collect(),
            needs: self.shared.needs.take(),
            names: self.shared.names.take(),
            keys: self.shared.keys.take(),
            called: self.shared.called.take(),
            deparsed: self.shared.deparsed.take(),
        })
    }

    /// A number no other part of the statement has.
    fn number(&self) -> usize {
        let numbers = &self.shared.numbers;
        numbers.set(numbers.get() + 1);
        numbers.get()
    }

    /// A relation alias no other part of the plan has: the name itself the first time.
    fn alias(&self, name: &str) -> String {
        let mut aliases = self.shared.aliases.borrow_mut();
        let uses = aliases.entry(name.to_owned()).or_default();
        *uses += 1;
        if *uses == 1 {
            name.to_owned()
        } else {
            format!("{name}\0{uses}")
        }
    }

    /// The parameters of the function whose statement this is, as what it stands in.
    fn around(&self, _: &StatementContext, arguments: &Arguments) -> Result<Level<'_>> {
        let values = arguments
            .types
            .iter()
            .enumerate()
            .map(|(index, ty)| {
                let mut known = self.parameters.borrow_mut();
                known.insert(index + 1, Some(*ty));
                drop(known);
                let value = self.parameter(&format!("${}", index + 1))?;
                let row = self.fields(&value);
                Ok(Typed { row, ..value })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(match &arguments.names {
            ArgumentNames::Inputs(routine) => routine::parameter_level(routine, values),
            ArgumentNames::Numbers => Level::new(None, None),
            ArgumentNames::Variables(scopes) => variables::level(scopes, &values)?,
        })
    }

    /// `$n` where it stands: a parameter of the statement, or of the function whose body this is.
    fn placeholder(&self, level: &Level<'_>, id: &str) -> Result<Typed> {
        let Some(arguments) = &self.arguments else {
            return self.parameter(id);
        };
        let number = id.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let value = number
            .and_then(|number| number.checked_sub(1))
            .and_then(|index| arguments.get(index));
        match value {
            Some(value) => self.seen_within(level, value.clone()),
            None => Err(no_parameter(id)),
        }
    }

    /// `$n`, of the client's type if it declared one.
    fn parameter(&self, id: &str) -> Result<Typed> {
        let number = id.strip_prefix('$').and_then(|n| n.parse::<usize>().ok());
        let Some(number) = number.filter(|n| (1..=crate::base::limits::PARAMETERS_MAX).contains(n))
        else {
            return Err(
                if id
                    .strip_prefix('$')
                    .is_some_and(|n| n.parse::<u64>().is_ok())
                {
                    Error::new(
                        SqlState::UNDEFINED_PARAMETER,
                        format!("there is no parameter {id}"),
                    )
                } else {
                    Error::new(
                        SqlState::SYNTAX_ERROR,
                        format!("syntax error at or near \"{id}\""),
                    )
                },
            );
        };
        let known = self
            .declared
            .get(number - 1)
            .copied()
            .flatten()
            .or_else(|| self.parameters.borrow().get(&number).copied().flatten());
        self.parameters.borrow_mut().entry(number).or_insert(known);
        let expr = |ty: Option<PgType>| {
            Expr::Placeholder(Placeholder::new_with_field(
                format!("${number}"),
                ty.map(|ty| Arc::new(ty.field("", true))),
            ))
        };
        Ok(match known {
            Some(ty) => Typed::new(expr(Some(ty)), ty),
            None => Typed::new(expr(None), PgType::UNKNOWN),
        })
    }

    /// An error about a literal, at its place.
    fn at_literal(&self, error: Error, text: &str) -> Error {
        match self.shared.literals.borrow().get(text) {
            Some(Some(span)) => at(error, *span),
            _ => error,
        }
    }

    /// Says the type of a parameter that had none.
    fn learn(&self, id: &str, ty: PgType) -> Expr {
        let number = id.trim_start_matches('$').parse().unwrap_or(0);
        let mut parameters = self.parameters.borrow_mut();
        let known = parameters.entry(number).or_default();
        let ty = *known.get_or_insert(PgType { typmod: -1, ..ty });
        Expr::Placeholder(Placeholder::new_with_field(
            id.to_owned(),
            Some(Arc::new(ty.field("", true))),
        ))
    }
}

/// An AST node's place in the statement, for an error.
fn at(error: Error, span: Span) -> Error {
    error.or_at(place::starts(span))
}

/// DataFusion's result as ours.
trait Converted<T> {
    /// Its error as PostgreSQL's.
    fn converted(self) -> Result<T>;
}

impl<T> Converted<T> for std::result::Result<T, DataFusionError> {
    fn converted(self) -> Result<T> {
        self.map_err(convert)
    }
}

/// `42P02`
fn no_parameter(id: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_PARAMETER,
        format!("there is no parameter {id}"),
    )
}
