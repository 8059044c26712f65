//! FOR UPDATE and its kin: which relations of a SELECT's FROM have their rows locked.
//!
//! A locking clause means all relations of FROM, or those that OF names, and of subqueries there
//! what these read. The rules are those of PostgreSQL's `transformLockingClause`.

use sqlparser::ast::{
    self, JoinOperator, LockClause, LockType, NonBlock, Select, SetExpr, Spanned, TableFactor,
    TableWithJoins,
};

use super::level::Level;
use super::place;
use crate::base::{Error, Place, Result, SqlState};
use crate::catalog::{Relation, RelationKind};
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::parse::fold;
use crate::engine::source::RelationBody;
use crate::privileges::{LockStrength, LockWait, RowLock};

/// How strongly a clause locks.
fn strength(clause: &LockClause) -> LockStrength {
    match clause.lock_type {
        LockType::Update => LockStrength::Update,
        LockType::Share => LockStrength::Share,
    }
}

/// What a clause does where somebody else has locked rows.
fn wait(clause: &LockClause) -> LockWait {
    match clause.nonblock {
        None => LockWait::Block,
        Some(NonBlock::SkipLocked) => LockWait::Skip,
        Some(NonBlock::Nowait) => LockWait::Error,
    }
}

/// What OF names, if the clause has it.
fn named(clause: &LockClause) -> Option<String> {
    let last = clause.of.as_ref()?.0.last()?.as_ident()?;
    Some(fold(last))
}

/// The clauses that mean what is called so in FROM.
fn meaning<'c>(
    clauses: &'c [LockClause],
    called: &'c str,
) -> impl Iterator<Item = &'c LockClause> + 'c {
    clauses
        .iter()
        .filter(move |clause| named(clause).is_none_or(|of| of == called))
}

/// The lock of a relation that is called so, of several clauses the strictest.
pub(super) fn asked(level: &Level<'_>, called: &str, only: bool) -> Option<RowLock> {
    let clauses = level.locks.borrow();
    Some(RowLock {
        strength: meaning(&clauses, called).map(strength).max()?,
        wait: meaning(&clauses, called).map(wait).max()?,
        only,
    })
}

/// A subquery of FROM with the clauses that mean it, if there are any.
pub(super) fn pushed_down(
    level: &Level<'_>,
    subquery: &ast::Query,
    called: &str,
) -> Option<ast::Query> {
    let clauses = level.locks.borrow();
    let mut meaning = meaning(&clauses, called).peekable();
    meaning.peek()?;
    // Behind VALUES a clause would be an error, but here it is none.
    if matches!(subquery.body.as_ref(), SetExpr::Values(_)) {
        return None;
    }
    let mut subquery = subquery.clone();
    subquery.locks.extend(meaning.map(|clause| LockClause {
        of: None,
        ..clause.clone()
    }));
    Some(subquery)
}

/// Sees that the rows of what was found can be locked.
///
/// # Errors
/// `42809` for what has no rows that change, `0A000` for what commons does not lock.
pub(super) fn check_lockable(body: &RelationBody, lock: RowLock) -> Result<()> {
    let words = words(lock.strength);
    let unsupported = |name: &str| {
        let what = format!("{words} of \"{name}\", which is not a table,");
        Err(Error::unsupported(what))
    };
    match body {
        RelationBody::Stored(relation) => match relation.kind {
            RelationKind::Table { .. } => Ok(()),
            RelationKind::Materialized { .. } => Err(of_wrong_kind(relation, "materialized view")),
            RelationKind::Sequence(_) => Err(of_wrong_kind(relation, "sequence")),
            RelationKind::View(_) | RelationKind::Foreign { .. } => unsupported(&relation.name),
        },
        RelationBody::System(relation) => unsupported(relation.name),
        // A table that the statement changes is locked for that.
        RelationBody::Local(LocalRelation {
            rows: LocalRows::Query { table: Some(_), .. },
            ..
        }) => Ok(()),
        RelationBody::Local(_) => Err(inapplicable(words, "a named tuplestore")),
        RelationBody::Function(..) | RelationBody::Shared(_) => Ok(()),
    }
}

fn of_wrong_kind(relation: &Relation, kind: &str) -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("cannot lock rows in {kind} \"{}\"", relation.name),
    )
}

/// The first words of a clause.
fn words(strength: LockStrength) -> &'static str {
    match strength {
        LockStrength::Update => "FOR UPDATE",
        LockStrength::Share => "FOR SHARE",
    }
}

/// Sees that the clauses fit the SELECT behind which they stand. `derived_by` is what makes its
/// rows others than those of its tables.
///
/// # Errors
/// `0A000` where rows are none of a table, `42P01` for a name that is not in FROM.
pub(super) fn check(
    level: &Level<'_>,
    select: &Select,
    derived_by: Option<&'static str>,
) -> Result<()> {
    for clause in level.locks.borrow().iter() {
        let words = words(strength(clause));
        if let Some(what) = shape(select).or(derived_by) {
            return Err(not_allowed(words, what).without_position());
        }
        let mut items = Vec::new();
        for item in &select.from {
            joined(item, &mut items);
        }
        let of = clause.of.as_ref();
        let place = of.map_or(Place::Elsewhere, |of| place::starts(of.span()));
        if of.is_some_and(|of| of.0.len() > 1) {
            let message = format!("{words} must specify unqualified relation names");
            return Err(Error::new(SqlState::SYNTAX_ERROR, message).or_at(place));
        }
        let Some(wanted) = named(clause) else {
            if items.iter().any(|item| item.is_rows && item.nullable) {
                return Err(inapplicable(words, NULLABLE).without_position());
            }
            continue;
        };
        let Some(item) = items.iter().find(|item| item.called == wanted) else {
            let message =
                format!("relation \"{wanted}\" in {words} clause not found in FROM clause");
            return Err(Error::new(SqlState::UNDEFINED_TABLE, message).or_at(place));
        };
        let of_with = item
            .word
            .as_ref()
            .is_some_and(|word| level.ctes.is_some_and(|ctes| ctes.find(word).is_some()));
        let what = match (of_with, item.is_rows, item.nullable) {
            (true, _, _) => "a WITH query",
            (_, false, _) => "a function",
            (_, _, true) => return Err(inapplicable(words, NULLABLE).without_position()),
            (false, true, false) => continue,
        };
        return Err(inapplicable(words, what).or_at(place));
    }
    Ok(())
}

/// Refuses clauses behind what is no SELECT.
pub(super) fn check_body(body: &SetExpr, clauses: &[LockClause]) -> Result<()> {
    let Some(clause) = clauses.first() else {
        return Ok(());
    };
    let words = words(strength(clause));
    match body {
        SetExpr::Values(_) => Err(inapplicable(words, "VALUES").without_position()),
        SetExpr::SetOperation { .. } => {
            Err(not_allowed(words, "UNION/INTERSECT/EXCEPT").without_position())
        }
        _ => Ok(()),
    }
}

/// A clause by which a SELECT makes rows of its own.
fn shape(select: &Select) -> Option<&'static str> {
    let grouped = match &select.group_by {
        ast::GroupByExpr::Expressions(items, modifiers) => {
            !items.is_empty() || !modifiers.is_empty()
        }
        ast::GroupByExpr::All(_) => true,
    };
    let clauses = [
        (select.distinct.is_some(), "DISTINCT clause"),
        (grouped, "GROUP BY clause"),
        (select.having.is_some(), "HAVING clause"),
    ];
    clauses
        .into_iter()
        .find_map(|(present, what)| present.then_some(what))
}

const NULLABLE: &str = "the nullable side of an outer join";

fn inapplicable(words: &str, what: &str) -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("{words} cannot be applied to {what}"),
    )
}

fn not_allowed(words: &str, what: &str) -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("{words} is not allowed with {what}"),
    )
}

/// Something in FROM.
struct Item {
    /// What it is called there.
    called: String,
    /// The word that alone names it, as it does a WITH query.
    word: Option<String>,
    /// Whether it has rows that can be locked: it is a relation or a subquery.
    is_rows: bool,
    /// Whether an outer join makes rows without it.
    nullable: bool,
}

/// What stands in an item of FROM with what is joined to it.
fn joined(item: &TableWithJoins, items: &mut Vec<Item>) {
    let first = items.len();
    factor(&item.relation, items);
    for join in &item.joins {
        let before = items.len();
        factor(&join.relation, items);
        let (left, right) = match &join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (false, true),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (true, false),
            JoinOperator::FullOuter(_) => (true, true),
            _ => (false, false),
        };
        for item in &mut items[first..before] {
            item.nullable |= left;
        }
        for item in &mut items[before..] {
            item.nullable |= right;
        }
    }
}

fn factor(factor_of: &TableFactor, items: &mut Vec<Item>) {
    let (alias, is_rows) = match factor_of {
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => return joined(table_with_joins, items),
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => {
            let (_, name) = crate::engine::parse::without_only(name);
            let last = name.0.last().and_then(|part| part.as_ident());
            let called = alias.as_ref().map(|alias| &alias.name).or(last);
            items.push(Item {
                called: called.map(fold).unwrap_or_default(),
                word: last.filter(|_| name.0.len() == 1).map(fold),
                is_rows: true,
                nullable: false,
            });
            return;
        }
        TableFactor::Derived { alias, .. } => (alias, true),
        TableFactor::Table { alias, .. }
        | TableFactor::Function { alias, .. }
        | TableFactor::UNNEST { alias, .. } => (alias, false),
        _ => return,
    };
    items.push(Item {
        called: alias.as_ref().map(|of| fold(&of.name)).unwrap_or_default(),
        word: None,
        is_rows,
        nullable: false,
    });
}
