//! `SEARCH` and `CYCLE`: a recursive query that keeps, with each row, how it came to it.
//!
//! As PostgreSQL does it (manual, "WITH Queries"), both terms are put into FROM and give more
//! columns: to search depth first, the rows gone through; breadth first, how many these are, and
//! the row; against cycles, the rows gone through, and whether this one is among them, from which
//! nothing more is found.

use std::borrow::Cow;

use sqlparser::ast::{
    self, Ident, SelectItem, SetExpr, SetOperator, TableAliasColumnDef, TableFactor,
};
use sqlparser::tokenizer::Span;

use super::level::Level;
use super::query::{Tail, Wanted};
use super::with::Ctes;
use super::{Analyst, at};
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::traversal::{CYCLE, SEARCH_BREADTH, SEARCH_DEPTH, SET, TO, USING};
use crate::engine::parse::{fold, parse_query};

/// Names that PostgreSQL gives the terms.
const LEFT: &str = "\"*TLOCRN*\"";
const RIGHT: &str = "\"*TROCRN*\"";

/// What one WITH item asks for.
struct Clauses {
    search: Option<Search>,
    cycle: Option<Cycle>,
}

struct Search {
    /// Where it stands.
    place: Span,
    depth_first: bool,
    columns: Vec<Ident>,
    sequence: Ident,
}

struct Cycle {
    /// Where it stands.
    place: Span,
    columns: Vec<Ident>,
    mark: Ident,
    /// The value of the mark in a cycle, and otherwise, as text of expressions.
    values: (String, String),
    path: Ident,
}

impl Analyst<'_> {
    /// A WITH item without its SEARCH and CYCLE clauses, whose query gives what they add; the item
    /// itself if it has none.
    pub(super) fn traversed<'c>(
        &self,
        cte: &'c ast::Cte,
        is_recursive: bool,
        parent: Option<&Level<'_>>,
        ctes: &Ctes<'_>,
    ) -> Result<Cow<'c, ast::Cte>> {
        let is_mark = |column: &TableAliasColumnDef| column.name.value.starts_with('\0');
        let Some(first) = cte.alias.columns.iter().position(is_mark) else {
            return Ok(Cow::Borrowed(cte));
        };
        let (listed, marks) = cte.alias.columns.split_at(first);
        let clauses = Clauses::of(marks);
        if !is_recursive {
            let error = Error::new(SqlState::SYNTAX_ERROR, "WITH query is not recursive");
            return Err(at(error, cte.alias.name.span));
        }
        let refused = |what: &str| {
            let message = format!("with a SEARCH or CYCLE clause, {what}");
            Error::new(SqlState::FEATURE_NOT_SUPPORTED, message)
        };
        let SetExpr::SetOperation {
            left,
            op: SetOperator::Union,
            set_quantifier,
            right,
        } = cte.query.body.as_ref()
        else {
            return Err(refused("the query must be a UNION of two queries"));
        };
        if matches!(left.as_ref(), SetExpr::SetOperation { .. }) {
            return Err(refused("the left side of the UNION must be a SELECT"));
        }
        let SetExpr::Select(next) = right.as_ref() else {
            return Err(refused("the right side of the UNION must be a SELECT"));
        };
        let columns = self.columns_of(cte, listed, left, parent, ctes)?;
        clauses.check(&columns)?;
        let added = clauses.added();

        let mut first_term = parse_query(&clauses.first_term(&columns))?;
        put(&mut first_term, (**left).clone());
        let mut next = next.clone();
        extend(&mut next, &fold(&cte.alias.name), &columns, &added)?;
        let mut next_term = parse_query(&clauses.next_term(&columns))?;
        put(&mut next_term, SetExpr::Select(next));

        let mut item = cte.clone();
        let names = columns.iter().chain(&added);
        item.alias.columns = names
            .map(|name| TableAliasColumnDef {
                name: Ident::with_quote('"', name),
                data_type: None,
            })
            .collect();
        item.query.body = Box::new(SetExpr::SetOperation {
            left: first_term.body,
            op: SetOperator::Union,
            set_quantifier: *set_quantifier,
            right: next_term.body,
        });
        Ok(Cow::Owned(item))
    }

    /// The names of the columns a WITH item has by itself.
    fn columns_of(
        &self,
        cte: &ast::Cte,
        listed: &[TableAliasColumnDef],
        left: &SetExpr,
        parent: Option<&Level<'_>>,
        ctes: &Ctes<'_>,
    ) -> Result<Vec<String>> {
        let inner;
        let ctes = match &cte.query.with {
            Some(with) => {
                inner = self.with(with, &cte.query, parent, Some(ctes))?;
                &inner
            }
            None => ctes,
        };
        let answer = self.body(left, Tail::NONE, parent, Some(ctes), Wanted::Arm)?;
        let mut names: Vec<String> = listed.iter().map(|column| fold(&column.name)).collect();
        let others = answer.columns.into_iter().skip(names.len());
        names.extend(others.map(|column| column.name));
        Ok(names)
    }
}

impl Clauses {
    /// The clauses that stand among the names of an item's columns.
    fn of(marks: &[TableAliasColumnDef]) -> Self {
        let mut names = marks.iter().map(|column| &column.name).peekable();
        let mut clauses = Self {
            search: None,
            cycle: None,
        };
        while let Some(begin) = names.next() {
            let mut columns = Vec::new();
            while let Some(name) = names.next_if(|name| name.value != SET) {
                columns.push(name.clone());
            }
            names.next();
            let Some(set) = names.next().cloned() else {
                break;
            };
            if begin.value != CYCLE {
                clauses.search = Some(Search {
                    place: begin.span,
                    depth_first: begin.value == SEARCH_DEPTH,
                    columns,
                    sequence: set,
                });
                debug_assert!([SEARCH_DEPTH, SEARCH_BREADTH].contains(&begin.value.as_str()));
                continue;
            }
            let mut values = ("true".to_owned(), "false".to_owned());
            if names.next_if(|name| name.value == TO).is_some()
                && let (Some(is), Some(is_not)) = (names.next(), names.next())
            {
                values = (is.value.clone(), is_not.value.clone());
            }
            names.next_if(|name| name.value == USING);
            let Some(path) = names.next().cloned() else {
                break;
            };
            clauses.cycle = Some(Cycle {
                place: begin.span,
                columns,
                mark: set,
                values,
                path,
            });
        }
        clauses
    }

    /// The names of the columns that the clauses add, in their order.
    fn added(&self) -> Vec<String> {
        let search = self.search.iter().map(|search| &search.sequence);
        let cycle = self
            .cycle
            .iter()
            .flat_map(|cycle| [&cycle.mark, &cycle.path]);
        search.chain(cycle).map(fold).collect()
    }

    /// Whether the clauses name what there is, and add what there is not.
    fn check(&self, columns: &[String]) -> Result<()> {
        if let Some(search) = &self.search {
            known("search", &search.columns, columns)
                .and_then(|()| unused("search sequence", &search.sequence, columns))
                .map_err(|error| at(error, search.place))?;
        }
        if let Some(cycle) = &self.cycle {
            known("cycle", &cycle.columns, columns)
                .and_then(|()| unused("cycle mark", &cycle.mark, columns))
                .and_then(|()| unused("cycle path", &cycle.path, columns))
                .and_then(|()| differ(("cycle mark", &cycle.mark), ("cycle path", &cycle.path)))
                .map_err(|error| at(error, cycle.place))?;
        }
        if let (Some(search), Some(cycle)) = (&self.search, &self.cycle) {
            let sequence = ("search sequence", &search.sequence);
            differ(sequence, ("cycle mark", &cycle.mark))
                .and_then(|()| differ(sequence, ("cycle path", &cycle.path)))
                .map_err(|error| at(error, search.place))?;
        }
        Ok(())
    }

    /// The query around the term that is not recursive, with another one in its place.
    fn first_term(&self, columns: &[String]) -> String {
        let mut items: Vec<String> = columns.iter().map(|name| of(LEFT, name)).collect();
        if let Some(search) = &self.search {
            items.push(match search.depth_first {
                true => format!("ARRAY[{}]", row(LEFT, None, &search.columns)),
                false => row(LEFT, Some("0::pg_catalog.int8"), &search.columns),
            });
        }
        if let Some(cycle) = &self.cycle {
            items.push(cycle.values.1.clone());
            items.push(format!("ARRAY[{}]", row(LEFT, None, &cycle.columns)));
        }
        let names = listed(columns.iter());
        format!(
            "SELECT {} FROM (SELECT 1) {LEFT}({names})",
            items.join(", ")
        )
    }

    /// The query around the recursive term, with another one in its place.
    fn next_term(&self, columns: &[String]) -> String {
        let mut items: Vec<String> = columns.iter().map(|name| of(RIGHT, name)).collect();
        if let Some(search) = &self.search {
            let sequence = of(RIGHT, &fold(&search.sequence));
            items.push(match search.depth_first {
                true => appended(&sequence, &row(RIGHT, None, &search.columns)),
                false => {
                    let depth = format!("({sequence}).f1 + 1");
                    row(RIGHT, Some(&depth), &search.columns)
                }
            });
        }
        let mut condition = String::new();
        if let Some(cycle) = &self.cycle {
            let (is, is_not) = &cycle.values;
            let (mark, path) = (&fold(&cycle.mark), &fold(&cycle.path));
            let (mark, path) = (of(RIGHT, mark), of(RIGHT, path));
            let row = row(RIGHT, None, &cycle.columns);
            items.push(format!(
                "CASE WHEN {row} OPERATOR(pg_catalog.=) ANY ({path}) THEN {is} ELSE {is_not} END"
            ));
            items.push(appended(&path, &row));
            condition = format!(" WHERE {mark} <> {is}");
        }
        let added = self.added();
        let names = listed(columns.iter().chain(&added));
        let items = items.join(", ");
        format!("SELECT {items} FROM (SELECT 1) {RIGHT}({names}){condition}")
    }
}

/// A column of a relation.
fn of(relation: &str, column: &str) -> String {
    format!("{relation}.{}", quote(column))
}

fn listed<'n>(names: impl Iterator<Item = &'n String>) -> String {
    let names: Vec<_> = names.map(|name| quote(name)).collect();
    names.join(", ")
}

/// A row of columns of a relation, behind another value if there is one.
fn row(relation: &str, first: Option<&str>, columns: &[Ident]) -> String {
    let columns = columns.iter().map(|column| of(relation, &fold(column)));
    let fields: Vec<String> = first
        .map(str::to_owned)
        .into_iter()
        .chain(columns)
        .collect();
    format!("ROW({})", fields.join(", "))
}

fn appended(array: &str, element: &str) -> String {
    format!("pg_catalog.array_append({array}, {element})")
}

/// `42601` if one of `named` is no column, `42701` if one is named twice.
fn known(clause: &str, named: &[Ident], columns: &[String]) -> Result<()> {
    for (index, name) in named.iter().enumerate() {
        let folded = fold(name);
        if !columns.contains(&folded) {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("{clause} column \"{folded}\" not in WITH query column list"),
            ));
        }
        if named[..index].iter().any(|other| fold(other) == folded) {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("{clause} column \"{folded}\" specified more than once"),
            ));
        }
    }
    Ok(())
}

fn unused(what: &str, name: &Ident, columns: &[String]) -> Result<()> {
    let folded = fold(name);
    if !columns.contains(&folded) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::SYNTAX_ERROR,
        format!("{what} column name \"{folded}\" already used in WITH query column list"),
    ))
}

fn differ(first: (&str, &Ident), second: (&str, &Ident)) -> Result<()> {
    if fold(first.1) != fold(second.1) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::SYNTAX_ERROR,
        format!(
            "{} column name and {} column name are the same",
            first.0, second.0
        ),
    ))
}

/// Puts `term` where `around` reads from.
fn put(around: &mut ast::Query, term: SetExpr) {
    if let SetExpr::Select(select) = around.body.as_mut()
        && let Some(from) = select.from.first_mut()
        && let TableFactor::Derived { subquery, .. } = &mut from.relation
    {
        *subquery.body = term;
    }
}

/// Makes the recursive term give `added`, of the rows of `name` that it reads.
fn extend(term: &mut ast::Select, name: &str, columns: &[String], added: &[String]) -> Result<()> {
    let mut read = None;
    let mut relations = Vec::new();
    let mut is_merged = false;
    for from in &term.from {
        let joined = from.joins.iter().map(|join| &join.relation);
        for relation in std::iter::once(&from.relation).chain(joined) {
            let alias = match relation {
                TableFactor::Table { alias, .. } | TableFactor::Derived { alias, .. } => {
                    alias.as_ref().map(|alias| alias.name.clone())
                }
                _ => None,
            };
            let table = match relation {
                TableFactor::Table {
                    name, args: None, ..
                } => match name.0.as_slice() {
                    [part] => part.as_ident(),
                    _ => None,
                },
                _ => None,
            };
            let called = alias.or(table.cloned());
            if table.is_some_and(|table| fold(table) == name) {
                read = called.clone();
            }
            relations.push(called);
        }
        is_merged |= from.joins.iter().any(merges_columns);
    }
    let Some(read) = read else {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"{name}\" \
                 must be at the top level of its right-hand SELECT"
            ),
        ));
    };
    let column = |name: &String| {
        let name = Ident::with_quote('"', name);
        SelectItem::UnnamedExpr(ast::Expr::CompoundIdentifier(vec![read.clone(), name]))
    };
    let mut items = Vec::new();
    for item in std::mem::take(&mut term.projection) {
        match &item {
            // What is added is not among what `*` stands for.
            SelectItem::Wildcard(options) => {
                for relation in &relations {
                    let Some(relation) = relation.as_ref().filter(|_| !is_merged) else {
                        return Err(Error::unsupported("* in this query with SEARCH or CYCLE"));
                    };
                    if *relation == read {
                        items.extend(columns.iter().map(column));
                    } else {
                        let name = ast::ObjectName::from(vec![relation.clone()]);
                        items.push(SelectItem::QualifiedWildcard(
                            ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                            options.clone(),
                        ));
                    }
                }
            }
            SelectItem::QualifiedWildcard(
                ast::SelectItemQualifiedWildcardKind::ObjectName(name),
                _,
            ) if name.0.len() == 1
                && name.0[0]
                    .as_ident()
                    .is_some_and(|part| fold(part) == fold(&read)) =>
            {
                items.extend(columns.iter().map(column));
            }
            _ => items.push(item),
        }
    }
    items.extend(added.iter().map(column));
    term.projection = items;
    Ok(())
}

/// Whether a join makes one column of two.
fn merges_columns(join: &ast::Join) -> bool {
    use ast::JoinOperator::{
        CrossJoin, FullOuter, Inner, Join, Left, LeftOuter, Right, RightOuter,
    };
    match &join.join_operator {
        Join(constraint)
        | Inner(constraint)
        | Left(constraint)
        | LeftOuter(constraint)
        | Right(constraint)
        | RightOuter(constraint)
        | FullOuter(constraint)
        | CrossJoin(constraint) => matches!(
            constraint,
            ast::JoinConstraint::Using(_) | ast::JoinConstraint::Natural
        ),
        _ => true,
    }
}
