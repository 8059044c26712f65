//! The text of a query with tables it reads called otherwise.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use sqlparser::ast::{self, TableFactor, Visit, Visitor};

use super::{fold, parse_query};
use crate::base::Result;
use crate::base::name::quote;

/// A query's text with `with` in place of every table in FROM whose name `is_meant` (schema, if
/// written, and name); the table keeps its old name as alias where it has none.
///
/// # Errors
/// As [`super::parse`].
pub fn redirect(
    text: &str,
    is_meant: impl Fn(Option<&str>, &str) -> bool,
    with: &str,
) -> Result<String> {
    let query = parse_query(text)?;
    Ok(replaced(&query, text, |found| {
        if !is_meant(found.schema.as_deref(), &found.name) {
            return None;
        }
        Some(match found.has_alias {
            true => with.to_owned(),
            false => format!("{with} AS {}", quote(&found.name)),
        })
    }))
}

/// A query's text with what `with` gives in place of every table in FROM (by schema, if written,
/// name, and whether it has an alias); `None` leaves it as it is.
pub(crate) fn renamed_sources(
    query: &ast::Query,
    text: &str,
    with: impl Fn(Option<&str>, &str, bool) -> Option<String>,
) -> String {
    replaced(query, text, |found| {
        with(found.schema.as_deref(), &found.name, found.has_alias)
    })
}

/// The text with what `with` gives in place of the tables it gives something for.
fn replaced(query: &ast::Query, text: &str, with: impl Fn(&Found) -> Option<String>) -> String {
    let mut search = Search {
        named: BTreeSet::new(),
        found: Vec::new(),
    };
    let _ = query.visit(&mut search);
    search.found.sort_unstable_by_key(|found| found.start);
    let characters: Vec<char> = text.chars().collect();
    let (mut redirected, mut next) = (String::new(), 0);
    for found in search.found {
        // Only WITH can have the bare name mean something else.
        if found.schema.is_none() && search.named.contains(&found.name) {
            continue;
        }
        if found.start < next || found.end > characters.len() {
            continue;
        }
        let Some(with) = with(&found) else { continue };
        redirected.extend(&characters[next..found.start]);
        redirected.push_str(&match found.is_prefix {
            true => quote(&found.name).into_owned(),
            false => with,
        });
        next = found.end;
    }
    redirected.extend(&characters[next..]);
    redirected
}

/// A place where a table is named, in characters from 0.
struct Found {
    start: usize,
    end: usize,
    schema: Option<String>,
    name: String,
    has_alias: bool,
    /// Whether it stands before a column: the alias takes its place there.
    is_prefix: bool,
}

struct Search {
    /// Names WITH gives.
    named: BTreeSet<String>,
    found: Vec<Found>,
}

impl Visitor for Search {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.named.extend(tables.map(|cte| fold(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::CompoundIdentifier(parts) = expr
            && let [schema, table, _] = parts.as_slice()
        {
            self.found.push(Found {
                start: index(schema.span.start.column),
                end: index(table.span.end.column),
                schema: Some(fold(schema)),
                name: fold(table),
                has_alias: true,
                is_prefix: true,
            });
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let idents: Vec<&ast::Ident> = name.0.iter().filter_map(|part| part.as_ident()).collect();
        let (Some(first), Some(last)) = (idents.first(), idents.last()) else {
            return ControlFlow::Continue(());
        };
        let schema = match idents.as_slice() {
            [.., schema, _] => Some(fold(schema)),
            _ => None,
        };
        self.found.push(Found {
            start: index(first.span.start.column),
            end: index(last.span.end.column),
            schema,
            name: fold(last),
            has_alias: alias.is_some(),
            is_prefix: false,
        });
        ControlFlow::Continue(())
    }
}

/// A place among a text's characters, from a parser's column.
fn index(column: u64) -> usize {
    usize::try_from(column).unwrap_or(1).saturating_sub(1)
}
