//! The text of a query with one of the tables it reads called otherwise.

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
    let mut search = Search {
        is_meant,
        named: BTreeSet::new(),
        found: Vec::new(),
    };
    let _ = query.visit(&mut search);
    search.found.sort_unstable_by_key(|found| found.start);
    let characters: Vec<char> = text.chars().collect();
    let (mut redirected, mut next) = (String::new(), 0);
    for found in search.found {
        // Only WITH can have the bare name mean something else.
        if found.bare && search.named.contains(&found.name) {
            continue;
        }
        if found.start < next || found.end > characters.len() {
            continue;
        }
        redirected.extend(&characters[next..found.start]);
        if found.is_prefix {
            redirected.push_str(&quote(&found.name));
            next = found.end;
            continue;
        }
        redirected.push_str(with);
        if !found.has_alias {
            redirected.push_str(" AS ");
            redirected.push_str(&quote(&found.name));
        }
        next = found.end;
    }
    redirected.extend(&characters[next..]);
    Ok(redirected)
}

/// A place where the table is named, in characters from 0.
struct Found {
    start: usize,
    end: usize,
    name: String,
    bare: bool,
    has_alias: bool,
    /// Whether it stands before a column: the alias takes its place there.
    is_prefix: bool,
}

struct Search<F> {
    is_meant: F,
    /// Names WITH gives.
    named: BTreeSet<String>,
    found: Vec<Found>,
}

impl<F: Fn(Option<&str>, &str) -> bool> Visitor for Search<F> {
    type Break = ();

    fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
        let tables = query.with.iter().flat_map(|with| &with.cte_tables);
        self.named.extend(tables.map(|cte| fold(&cte.alias.name)));
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        if let ast::Expr::CompoundIdentifier(parts) = expr
            && let [schema, table, _] = parts.as_slice()
            && (self.is_meant)(Some(&fold(schema)), &fold(table))
        {
            self.found.push(Found {
                start: index(schema.span.start.column),
                end: index(table.span.end.column),
                name: fold(table),
                bare: false,
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
        let bare = fold(last);
        if (self.is_meant)(schema.as_deref(), &bare) {
            self.found.push(Found {
                start: index(first.span.start.column),
                end: index(last.span.end.column),
                name: bare,
                bare: schema.is_none(),
                has_alias: alias.is_some(),
                is_prefix: false,
            });
        }
        ControlFlow::Continue(())
    }
}

/// A place among a text's characters, from a parser's column.
fn index(column: u64) -> usize {
    usize::try_from(column).unwrap_or(1).saturating_sub(1)
}
