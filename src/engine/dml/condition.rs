//! Conditions of policies as they are kept: what of users they name stands there under its full
//! name, tables of subqueries included.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, Visit, Visitor};

use super::kept::{check_kept, full_name, in_full};
use super::rules::conditional;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Condition, ObjectId, Relation, Snapshot};
use crate::engine::parse::{fold, parse_expression, parse_query, renamed_sources, replaced};
use crate::engine::{Engine, ExpressionKind};
use crate::statement::StatementContext;

/// What makes a query of an expression.
const SELECT: &str = "SELECT ";

impl Engine {
    /// A condition on a row of `relation` as policies keep it.
    ///
    /// # Errors
    /// As binding a query over the table, with PostgreSQL's words for policies.
    pub async fn policy_condition(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        text: &str,
    ) -> Result<Condition> {
        let expression = parse_expression(text)?;
        let (query, local) = conditional(relation, expression.clone());
        let kind = ExpressionKind::Policy;
        let bound = self.bind_as(kind, context, &query, &[local]).await;
        let bound = bound.map_err(Error::without_position)?;
        if !bound.parameters.is_empty() {
            return Err(Error::new(
                SqlState::UNDEFINED_PARAMETER,
                "there is no parameter $1",
            ));
        }
        check_kept(context, &bound)?;
        let snapshot = &context.snapshot;
        let written = self
            .written_out(kind, context, Some(relation), &bound)
            .await;
        let (text, types) = match &written {
            Some(text) => in_full(context, &parse_expression(text)?, &[], text),
            None => in_full(context, &expression, &bound.called, text),
        };
        let query = parse_query(&format!("{SELECT}{text}"))?;
        let text = renamed_sources(&query, &format!("{SELECT}{text}"), |schema, name, _| {
            let path = &context.search_path;
            let found = snapshot.resolve_relation(path, schema, name).ok()?;
            Some(full_name(context, found.schema, &found.name))
        });
        let text = text.strip_prefix(SELECT).unwrap_or(&text).to_owned();
        let mut names: BTreeMap<Oid, BTreeSet<i16>> =
            BTreeMap::from([(relation.oid, BTreeSet::new())]);
        let mut routines = Vec::new();
        for oid in &bound.reads {
            match snapshot.relation(*oid) {
                Some(_) => drop(names.entry(*oid).or_default()),
                None if snapshot.routine(*oid).is_some() => routines.push(*oid),
                None => {}
            }
        }
        for (of, attnum) in &bound.names {
            if let Some(columns) = names.get_mut(of) {
                columns.insert(*attnum);
            }
        }
        let temporary = |oid: &Oid| snapshot.is_temporary(ObjectId::Relation(*oid));
        if !temporary(&relation.oid) && names.keys().any(temporary) {
            return Err(Error::unsupported(
                "a policy of a permanent table that reads a temporary one",
            ));
        }
        Ok(Condition {
            text,
            names,
            routines,
            types,
        })
    }
}

/// The text of a condition of a policy of `table` once relations and columns are called as they are
/// in the second of two catalogs.
///
/// # Errors
/// As [`crate::engine::parse()`].
pub fn reworded_condition(
    (before, after): (&Snapshot, &Snapshot),
    table: &Relation,
    condition: &Condition,
) -> Result<String> {
    let mut text = condition.text.clone();
    for oid in condition.names.keys() {
        let (Some(old), Some(new)) = (before.relation(*oid), after.relation(*oid)) else {
            continue;
        };
        if *oid == table.oid {
            text = own_renamed(before, old, new, condition, &text)?;
        }
        let (was, is) = (before.qualified_name(old), after.qualified_name(new));
        let columns = old.columns.iter().filter_map(|then| {
            let now = new.columns.iter().find(|now| now.attnum == then.attnum)?;
            (now.name != then.name).then_some((then, now))
        });
        let moved: Vec<_> = columns.collect();
        if was.to_string() == is.to_string() && moved.is_empty() {
            continue;
        }
        // A table of a subquery keeps its old name there, and the columns named of it theirs.
        let source = match moved.is_empty() {
            true => is.to_string(),
            false => {
                let named = condition.names.get(oid);
                let list = new.columns.iter().filter_map(|now| {
                    let then = old.columns.iter().find(|then| then.attnum == now.attnum)?;
                    let is_named = named.is_some_and(|named| named.contains(&now.attnum));
                    is_named.then(|| match now.name == then.name {
                        true => quote(&now.name).into_owned(),
                        false => format!("{} AS {}", quote(&now.name), quote(&then.name)),
                    })
                });
                format!("(SELECT {} FROM {is})", list.collect::<Vec<_>>().join(", "))
            }
        };
        let query = parse_query(&format!("{SELECT}{text}"))?;
        let schema = before.schema(old.schema).map(|schema| schema.name.as_str());
        let written = renamed_sources(&query, &format!("{SELECT}{text}"), |of, name, has_alias| {
            if of != schema || name != old.name {
                return None;
            }
            Some(
                match has_alias || (moved.is_empty() && new.name == old.name) {
                    true => source.clone(),
                    false => format!("{source} AS {}", quote(&old.name)),
                },
            )
        });
        text = written.strip_prefix(SELECT).unwrap_or(&written).to_owned();
    }
    Ok(text)
}

/// The text with the policy's own table, and its columns, called as they are now.
fn own_renamed(
    before: &Snapshot,
    old: &Relation,
    new: &Relation,
    condition: &Condition,
    text: &str,
) -> Result<String> {
    let expression = parse_expression(text)?;
    for then in &old.columns {
        let now = new.columns.iter().find(|now| now.attnum == then.attnum);
        let Some(now) = now.filter(|now| now.name != then.name) else {
            continue;
        };
        // A bare name in a subquery is of what that reads, if that has such a column.
        let others = condition.names.keys().filter(|oid| **oid != old.oid);
        let shadowed = others
            .filter_map(|oid| before.relation(*oid))
            .any(|other| other.column(&then.name).is_some());
        let mut search = Mentions {
            table: &old.name,
            column: Some(&then.name),
            shadowed,
            depth: 0,
            found: Vec::new(),
        };
        let _ = expression.visit(&mut search);
        let found = search.found.into_iter();
        let words = found.map(|span| (span, quote(&now.name).into_owned()));
        return Ok(replaced(text, words.collect()));
    }
    if old.name != new.name {
        let mut search = Mentions {
            table: &old.name,
            column: None,
            shadowed: false,
            depth: 0,
            found: Vec::new(),
        };
        let _ = expression.visit(&mut search);
        let found = search.found.into_iter();
        let words = found.map(|span| (span, quote(&new.name).into_owned()));
        return Ok(replaced(text, words.collect()));
    }
    Ok(text.to_owned())
}

/// Where a table, or a column of it, is named.
struct Mentions<'a> {
    table: &'a str,
    /// The column; without it the table itself.
    column: Option<&'a str>,
    /// Whether a bare name in a subquery is none of the table's.
    shadowed: bool,
    depth: usize,
    found: Vec<sqlparser::tokenizer::Span>,
}

impl Visitor for Mentions<'_> {
    type Break = ();

    fn pre_visit_query(&mut self, _: &ast::Query) -> ControlFlow<()> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &ast::Query) -> ControlFlow<()> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        match (expr, self.column) {
            (ast::Expr::Identifier(ident), Some(column))
                if fold(ident) == column && (self.depth == 0 || !self.shadowed) =>
            {
                self.found.push(ident.span);
            }
            (ast::Expr::CompoundIdentifier(parts), column) => {
                if let [.., table, of] = parts.as_slice()
                    && fold(table) == self.table
                {
                    match column {
                        Some(column) if fold(of) == column => self.found.push(of.span),
                        Some(_) => {}
                        None => self.found.push(table.span),
                    }
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
