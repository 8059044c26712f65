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
mod array;
mod call;
mod coerce;
mod combine;
mod condition;
mod enums;
mod expression;
mod frame;
mod from;
mod function;
mod join;
mod level;
mod literal;
mod names;
mod numeric;
mod operator;
mod operators;
mod order;
mod query;
mod row;
mod sample;
mod select;
mod set;
mod special;
mod subquery;
mod typed;
mod window;
mod with;

use std::cell::{Cell, RefCell};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use arrow::datatypes::FieldRef;
use datafusion::common::{Column, DataFusionError};
use datafusion::logical_expr::expr::Placeholder;
use datafusion::logical_expr::{Expr, LogicalPlan};
use sqlparser::ast;
use sqlparser::tokenizer::Span;

use super::error::convert;
use super::scope::Scope;
use crate::base::{Error, Result, SqlState};
use crate::types::PgType;

pub(super) use names::item_name;
pub(super) use query::Output;
use typed::Typed;
pub(super) use with::{SILENT, misplaced, reads};

/// What a query means.
pub(super) struct Analysis {
    /// Its plan. Columns have unique names; what follows a NUL in one is not shown.
    pub(super) plan: LogicalPlan,
    /// What the plan's columns are called, and their types.
    pub(super) columns: Vec<Output>,
    /// Types its parameters got, by number; `None` where nothing said one.
    pub(super) parameters: BTreeMap<usize, Option<PgType>>,
}

/// Analyses a query as `scope` sees it. `declared` are the client's parameter types.
pub(super) fn analyse(
    scope: &Scope<'_>,
    query: &ast::Query,
    declared: &[Option<PgType>],
) -> Result<Analysis> {
    let analyst = Analyst {
        scope,
        aliases: RefCell::default(),
        columns: RefCell::default(),
        declared,
        parameters: RefCell::default(),
        numbers: Cell::new(0),
        literals: RefCell::default(),
        mentions: RefCell::default(),
    };
    let answer = analyst.query(query, None, None, query::Wanted::Answer)?;
    Ok(Analysis {
        plan: answer.plan,
        columns: answer.columns,
        parameters: analyst.parameters.into_inner(),
    })
}

/// One statement's analysis.
struct Analyst<'a> {
    scope: &'a Scope<'a>,
    /// How often each relation name was used.
    aliases: RefCell<HashMap<String, usize>>,
    /// What the columns of the plan are, and what the user calls them.
    columns: RefCell<HashMap<Column, (FieldRef, String)>>,
    declared: &'a [Option<PgType>],
    parameters: RefCell<BTreeMap<usize, Option<PgType>>>,
    numbers: Cell<usize>,
    /// Where each quoted literal stands; nothing for a text that stands in several places.
    literals: RefCell<HashMap<String, Option<Span>>>,
    /// Where each column was first named.
    mentions: RefCell<HashMap<Column, Span>>,
}

impl Analyst<'_> {
    /// A number no other part of the statement has.
    fn number(&self) -> usize {
        self.numbers.set(self.numbers.get() + 1);
        self.numbers.get()
    }

    /// A relation alias no other part of the plan has: the name itself the first time.
    fn alias(&self, name: &str) -> String {
        let mut aliases = self.aliases.borrow_mut();
        let uses = aliases.entry(name.to_owned()).or_default();
        *uses += 1;
        if *uses == 1 {
            name.to_owned()
        } else {
            format!("{name}\0{uses}")
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
        match self.literals.borrow().get(text) {
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
    match usize::try_from(span.start.column) {
        Ok(column) if column > 0 && error.fields().position.is_none() => error.at(column),
        _ => error,
    }
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
