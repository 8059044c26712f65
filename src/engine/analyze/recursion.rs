//! Where a query of WITH RECURSIVE may read itself, as PostgreSQL has it
//! (`checkWellFormedRecursion` in its `parse_cte.c`): once, and not where rows that are found later
//! would change what was answered before.

use sqlparser::ast::{self, Join, JoinOperator, SetExpr, SetOperator, SetQuantifier, TableFactor};
use sqlparser::tokenizer::Span;

use super::once::references;
use super::{at, place};
use crate::base::{Error, Place, Result, SqlState};
use crate::engine::parse::fold;

/// The terms of a query that reads itself.
pub(super) struct Terms<'q> {
    /// The one that does not.
    pub(super) first: &'q SetExpr,
    /// The one that is repeated.
    pub(super) next: &'q SetExpr,
    /// Whether a row that was found before is left out.
    pub(super) distinct: bool,
}

/// Where a query may not read itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Within {
    NonRecursiveTerm,
    Subquery,
    OuterJoin,
    Intersect,
    Except,
}

impl Within {
    fn shown(self) -> &'static str {
        match self {
            Self::NonRecursiveTerm => "its non-recursive term",
            Self::Subquery => "a subquery",
            Self::OuterJoin => "an outer join",
            Self::Intersect => "INTERSECT",
            Self::Except => "EXCEPT",
        }
    }
}

/// The terms of `query`, which is called `name` and reads itself.
///
/// # Errors
/// `42P19` if it is no UNION of them or reads itself where that means nothing, `0A000` for what
/// PostgreSQL has not in such queries either.
pub(super) fn terms<'q>(query: &'q ast::Query, name: &str, span: Span) -> Result<Terms<'q>> {
    let wrong = || {
        let error = Error::new(
            SqlState::INVALID_RECURSION,
            format!(
                "recursive query \"{name}\" does not have the form non-recursive-term UNION [ALL] \
                 recursive-term"
            ),
        );
        at(error, span)
    };
    let SetExpr::SetOperation {
        left,
        op: SetOperator::Union,
        set_quantifier,
        right,
    } = query.body.as_ref()
    else {
        return Err(wrong());
    };
    let distinct = match set_quantifier {
        SetQuantifier::All => false,
        SetQuantifier::Distinct | SetQuantifier::None => true,
        _ => return Err(wrong()),
    };
    let mut walk = Walk { name, seen: false };
    for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
        walk.query(&cte.query, Some(Within::Subquery))?;
    }
    walk.term(left, Some(Within::NonRecursiveTerm))?;
    walk.term(right, None)?;
    let unsupported = |what: &str, at: Option<&ast::Expr>| {
        let message = format!("{what} in a recursive query is not implemented");
        let error = Error::new(SqlState::FEATURE_NOT_SUPPORTED, message);
        Err(error.or_at(at.map_or(Place::Unknown, place::start)))
    };
    if query.order_by.is_some() {
        return unsupported("ORDER BY", None);
    }
    if let Some(clause) = &query.limit_clause {
        return match clause {
            ast::LimitClause::LimitOffset {
                offset: None,
                limit,
                ..
            } => unsupported("LIMIT", limit.as_ref()),
            ast::LimitClause::LimitOffset { offset, .. } => {
                unsupported("OFFSET", offset.as_ref().map(|offset| &offset.value))
            }
            ast::LimitClause::OffsetCommaLimit { .. } => unsupported("OFFSET", None),
        };
    }
    if query.fetch.is_some() {
        return unsupported("LIMIT", None);
    }
    if !query.locks.is_empty() {
        return unsupported("FOR UPDATE/SHARE", None);
    }
    Ok(Terms {
        first: left,
        next: right,
        distinct,
    })
}

/// A way through a query, in the order it is written.
struct Walk<'n> {
    name: &'n str,
    /// Whether the query was read before.
    seen: bool,
}

impl Walk<'_> {
    fn query(&mut self, query: &ast::Query, within: Option<Within>) -> Result<()> {
        for cte in query.with.iter().flat_map(|with| &with.cte_tables) {
            if fold(&cte.alias.name) == self.name {
                // From here on the name means that one.
                return Ok(());
            }
            self.query(&cte.query, within)?;
        }
        self.term(&query.body, within)?;
        self.subqueries(&query.order_by, within)?;
        self.subqueries(&query.limit_clause, within)
    }

    fn term(&mut self, term: &SetExpr, within: Option<Within>) -> Result<()> {
        match term {
            SetExpr::Select(select) => self.select(select, within),
            SetExpr::Query(query) => self.query(query, within),
            SetExpr::SetOperation {
                left,
                op,
                right,
                set_quantifier,
            } => {
                let all = *set_quantifier == SetQuantifier::All;
                let (of_left, of_right) = match op {
                    SetOperator::Intersect if all => {
                        (Some(Within::Intersect), Some(Within::Intersect))
                    }
                    SetOperator::Except if all => (Some(Within::Except), Some(Within::Except)),
                    SetOperator::Except => (None, Some(Within::Except)),
                    _ => (None, None),
                };
                self.term(left, within.or(of_left))?;
                self.term(right, within.or(of_right))
            }
            other => match references(other, self.name).first() {
                Some(span) => self.read(*span, within),
                None => Ok(()),
            },
        }
    }

    fn select(&mut self, select: &ast::Select, within: Option<Within>) -> Result<()> {
        self.subqueries(&select.distinct, within)?;
        self.subqueries(&select.projection, within)?;
        for from in &select.from {
            self.joined(from, within)?;
        }
        self.subqueries(&select.selection, within)?;
        self.subqueries(&select.group_by, within)?;
        self.subqueries(&select.having, within)?;
        self.subqueries(&select.named_window, within)
    }

    fn joined(&mut self, from: &ast::TableWithJoins, within: Option<Within>) -> Result<()> {
        // What stands before a join that makes rows without its left side is in that, too.
        let supplied = |joins: &[Join]| {
            let outer = |join: &Join| {
                matches!(
                    join.join_operator,
                    JoinOperator::Right(_)
                        | JoinOperator::RightOuter(_)
                        | JoinOperator::FullOuter(_)
                )
            };
            joins.iter().any(outer).then_some(Within::OuterJoin)
        };
        self.factor(&from.relation, within.or(supplied(&from.joins)))?;
        for (index, join) in from.joins.iter().enumerate() {
            let own = matches!(
                join.join_operator,
                JoinOperator::Left(_) | JoinOperator::LeftOuter(_) | JoinOperator::FullOuter(_)
            );
            let outer = own.then_some(Within::OuterJoin);
            let behind = supplied(&from.joins[index + 1..]);
            self.factor(&join.relation, within.or(outer).or(behind))?;
            self.subqueries(&join.join_operator, within)?;
        }
        Ok(())
    }

    fn factor(&mut self, factor: &TableFactor, within: Option<Within>) -> Result<()> {
        match factor {
            TableFactor::Table {
                name, args: None, ..
            } => match name.0.as_slice() {
                [ast::ObjectNamePart::Identifier(ident)] if fold(ident) == self.name => {
                    self.read(ident.span, within)
                }
                _ => Ok(()),
            },
            TableFactor::Derived { subquery, .. } => self.query(subquery, within),
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => self.joined(table_with_joins, within),
            other => self.subqueries(other, within),
        }
    }

    /// Expressions, whose subqueries may not read it.
    fn subqueries(&mut self, part: &impl ast::Visit, within: Option<Within>) -> Result<()> {
        match references(part, self.name).first() {
            Some(span) => self.read(*span, within.or(Some(Within::Subquery))),
            None => Ok(()),
        }
    }

    /// The query reads itself here.
    fn read(&mut self, span: Span, within: Option<Within>) -> Result<()> {
        let what = match within {
            Some(within) => format!("within {}", within.shown()),
            None if self.seen => "more than once".to_owned(),
            None => {
                self.seen = true;
                return Ok(());
            }
        };
        let name = self.name;
        let message = format!("recursive reference to query \"{name}\" must not appear {what}");
        Err(at(Error::new(SqlState::INVALID_RECURSION, message), span))
    }
}
