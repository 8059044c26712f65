//! `SELECT … FOR UPDATE` and its kin: the rows a query gives stay as they are until the
//! transaction is over.
//!
//! What is locked is the table: FOR UPDATE keeps other transactions from changing and deleting any
//! of its rows and from locking them so, FOR SHARE from changing and deleting. The lock is taken
//! before the query's view is pinned, so the rows it gives are the newest. Where somebody else
//! holds a table, SKIP LOCKED takes all of its rows for locked.

use std::borrow::Cow;
use std::time::Duration;

use sqlparser::ast::{
    self, JoinOperator, LockClause, LockType, NonBlock, SetExpr, Spanned, TableFactor,
    TableWithJoins,
};

use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Privilege, RelationKind};
use crate::database::{Isolation, LockMode};
use crate::engine::command::ObjectName;
use crate::engine::{fold, lock_mark, object_name, without_only};
use crate::observe::Interrupt;
use crate::privileges::{self, Need};
use crate::session::Session;
use crate::statement::StatementContext;

/// A query without its locking clauses, which are none of its meaning.
pub(in crate::session) fn unlocked(query: &ast::Query) -> Cow<'_, ast::Query> {
    if query.locks.is_empty() {
        return Cow::Borrowed(query);
    }
    let mut query = query.clone();
    let locks = std::mem::take(&mut query.locks);
    if let SetExpr::Select(select) = query.body.as_mut() {
        for clause in &locks {
            let of = clause.of.as_ref().and_then(|of| of.0.last()?.as_ident());
            let of = of.map(fold);
            for item in &mut select.from {
                mark(item, of.as_deref());
            }
        }
    }
    Cow::Owned(query)
}

/// Marks the tables of FROM whose rows are locked, all or the one that is called so: who locks rows
/// must be let change them.
fn mark(item: &mut TableWithJoins, of: Option<&str>) {
    let joined = item.joins.iter_mut().map(|join| &mut join.relation);
    for factor in std::iter::once(&mut item.relation).chain(joined) {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args: None,
                with_hints,
                ..
            } => {
                let called = match alias {
                    Some(alias) => Some(fold(&alias.name)),
                    None => name.0.last().and_then(|part| part.as_ident()).map(fold),
                };
                if of.is_none_or(|of| called.as_deref() == Some(of)) {
                    *with_hints = vec![lock_mark()];
                }
            }
            TableFactor::NestedJoin {
                table_with_joins, ..
            } => mark(table_with_joins, of),
            _ => {}
        }
    }
}

/// A table's name, and whether it is meant without what stands under it.
type TableName = (ObjectName, bool);

/// The lock of a table for its rows, and what to do where somebody else holds it.
type RowLock = (Oid, LockMode, Option<NonBlock>);

/// A table in FROM: what it is called there, and its name.
struct Named {
    called: String,
    name: Option<TableName>,
    /// Whether an outer join makes rows without it.
    nullable: bool,
}

impl Session {
    /// Takes the locks a query's clauses ask for. Gives whether SKIP LOCKED leaves no rows.
    ///
    /// # Errors
    /// `55P03` where NOWAIT finds somebody else's lock; `40001` under REPEATABLE READ if the table
    /// changed since the transaction began; `0A000` for what cannot be locked.
    pub(super) async fn lock_rows(
        &mut self,
        query: &ast::Query,
        derived_by: Option<&str>,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        let mut held = Vec::new();
        loop {
            let context = self.context()?;
            let mut wanted = self.row_locks(&context, query, derived_by)?;
            wanted.retain(|lock| !held.contains(lock));
            if wanted.is_empty() {
                return Ok(false);
            }
            if let Some(clause) = query.locks.first() {
                self.refuse_if_read_only(match clause.lock_type {
                    LockType::Update => "SELECT FOR UPDATE",
                    LockType::Share => "SELECT FOR SHARE",
                })?;
            }
            for lock in &wanted {
                if !self.lock_rows_of(&context, *lock, interrupt).await? {
                    return Ok(true);
                }
            }
            // What stands under a table may be more now.
            held.extend(wanted);
        }
    }

    /// Takes one of the locks; `false` where SKIP LOCKED finds somebody else's.
    async fn lock_rows_of(
        &mut self,
        context: &StatementContext,
        (table, mode, nonblock): RowLock,
        interrupt: &Interrupt,
    ) -> Result<bool> {
        if let Some(nonblock) = nonblock {
            let name = context.snapshot.relation(table).map(|of| of.name.as_str());
            let given_up = format!(
                "could not obtain lock on row in relation \"{}\"",
                name.unwrap_or_default()
            );
            let taken = self
                .lock_within(Duration::ZERO, &given_up, table, mode, interrupt)
                .await;
            match taken {
                Err(error)
                    if nonblock == NonBlock::SkipLocked
                        && error.state() == SqlState::LOCK_NOT_AVAILABLE =>
                {
                    return Ok(false);
                }
                taken => taken?,
            }
        } else {
            self.lock(table, mode, interrupt).await?;
        }
        let transaction = self.transaction()?;
        if transaction.isolation() != Isolation::ReadCommitted {
            transaction.must_be_current(table)?;
        }
        Ok(true)
    }

    /// The locks that a query's clauses ask for.
    fn row_locks(
        &self,
        context: &StatementContext,
        query: &ast::Query,
        derived_by: Option<&str>,
    ) -> Result<Vec<RowLock>> {
        let mut wanted = Vec::new();
        for clause in &query.locks {
            let mode = match clause.lock_type {
                LockType::Update => LockMode::Rewrite,
                LockType::Share => LockMode::Share,
            };
            for table in meant(query, clause, derived_by)? {
                let tables = self.lockable(context, &table, clause)?;
                let tables = tables.into_iter();
                wanted.extend(tables.map(|table| (table, mode, clause.nonblock)));
            }
        }
        Ok(wanted)
    }

    /// A table whose rows may be locked by who asks, with all that stand under it.
    fn lockable(
        &self,
        context: &StatementContext,
        (name, only): &TableName,
        clause: &LockClause,
    ) -> Result<Vec<Oid>> {
        let relation = super::relation_of(context, name)?;
        if !matches!(relation.kind, RelationKind::Table { .. }) {
            return Err(Error::unsupported(format!(
                "{} of \"{}\", which is not a table,",
                words(clause),
                relation.name
            )));
        }
        let need = Need::Columns {
            role: context.role,
            relation: relation.oid,
            any_of: Privilege::Update.into(),
            columns: std::collections::BTreeSet::new(),
        };
        privileges::authorize(&context.snapshot, &[need], ())?;
        Ok(context.snapshot.meant(relation.oid, *only))
    }
}

/// The clause's first words.
fn words(clause: &LockClause) -> &'static str {
    match clause.lock_type {
        LockType::Update => "FOR UPDATE",
        LockType::Share => "FOR SHARE",
    }
}

/// The tables a clause means.
fn meant(
    query: &ast::Query,
    clause: &LockClause,
    derived_by: Option<&str>,
) -> Result<Vec<TableName>> {
    let words = words(clause);
    let refused = |what: &str| {
        Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("{words} is not allowed with {what}"),
        ))
    };
    let select = match query.body.as_ref() {
        SetExpr::Select(select) => select,
        SetExpr::Values(_) => return Err(inapplicable(words, "VALUES")),
        _ => return refused("UNION/INTERSECT/EXCEPT"),
    };
    if select.distinct.is_some() {
        return refused("DISTINCT clause");
    }
    let grouped = match &select.group_by {
        ast::GroupByExpr::Expressions(items, modifiers) => {
            !items.is_empty() || !modifiers.is_empty()
        }
        ast::GroupByExpr::All(_) => true,
    };
    if grouped {
        return refused("GROUP BY clause");
    }
    if select.having.is_some() {
        return refused("HAVING clause");
    }
    if let Some(what) = derived_by {
        return refused(what);
    }
    let mut named = Vec::new();
    for item in &select.from {
        joined(item, &mut named)?;
    }
    // What WITH names is not locked.
    let with: Vec<String> = query
        .with
        .iter()
        .flat_map(|with| &with.cte_tables)
        .map(|cte| fold(&cte.alias.name))
        .collect();
    for table in &mut named {
        let of_with = |(name, _): &TableName| name.schema.is_none() && with.contains(&name.name);
        if table.name.as_ref().is_some_and(of_with) {
            table.name = None;
        }
    }
    let Some(of) = &clause.of else {
        // A subquery's tables would have to be locked as well.
        if let Some(table) = named.iter().find(|table| table.called.starts_with('\0')) {
            let what = &table.called[1..];
            return Err(Error::unsupported(format!("{words} of {what}")));
        }
        if named.iter().any(|table| table.nullable) {
            return Err(inapplicable(words, NULLABLE));
        }
        return Ok(named.into_iter().filter_map(|table| table.name).collect());
    };
    let wanted =
        of.0.last()
            .and_then(|part| part.as_ident())
            .map(fold)
            .unwrap_or_default();
    match named.into_iter().find(|table| table.called == wanted) {
        Some(Named { nullable: true, .. }) => Err(inapplicable(words, NULLABLE)),
        Some(Named {
            name: Some(name), ..
        }) => Ok(vec![name]),
        Some(_) => Err(Error::unsupported(format!("{words} of a query's name"))),
        None => Err(Error::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{wanted}\" in {words} clause not found in FROM clause"),
        )
        .at(usize::try_from(of.span().start.column).unwrap_or(0))),
    }
}

const NULLABLE: &str = "the nullable side of an outer join";

fn inapplicable(words: &str, what: &str) -> Error {
    Error::new(
        SqlState::FEATURE_NOT_SUPPORTED,
        format!("{words} cannot be applied to {what}"),
    )
}

/// The tables of an item of FROM with what is joined to it.
fn joined(item: &TableWithJoins, named: &mut Vec<Named>) -> Result<()> {
    let first = named.len();
    factor(&item.relation, named)?;
    for join in &item.joins {
        let before = named.len();
        factor(&join.relation, named)?;
        let (left, right) = match &join.join_operator {
            JoinOperator::Left(_) | JoinOperator::LeftOuter(_) => (false, true),
            JoinOperator::Right(_) | JoinOperator::RightOuter(_) => (true, false),
            JoinOperator::FullOuter(_) => (true, true),
            _ => (false, false),
        };
        for table in &mut named[first..before] {
            table.nullable |= left;
        }
        for table in &mut named[before..] {
            table.nullable |= right;
        }
    }
    Ok(())
}

fn factor(factor_of: &TableFactor, named: &mut Vec<Named>) -> Result<()> {
    match factor_of {
        TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } => {
            let (only, _) = without_only(name);
            let name = object_name(name)?;
            named.push(Named {
                called: match alias {
                    Some(alias) => fold(&alias.name),
                    None => name.name.clone(),
                },
                name: Some((name, only)),
                nullable: false,
            });
        }
        TableFactor::NestedJoin {
            table_with_joins, ..
        } => joined(table_with_joins, named)?,
        TableFactor::Derived { .. } => named.push(Named {
            called: "\0a subquery".to_owned(),
            name: None,
            nullable: false,
        }),
        // Functions have no rows to lock.
        _ => {}
    }
    Ok(())
}
