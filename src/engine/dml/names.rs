//! The names a WITH clause gives to a statement, carried to every query made for it.

use std::ops::ControlFlow;

use sqlparser::ast::{self, SetExpr};

use super::target;
use crate::engine::local::LocalRelation;

/// The names, and the relations of the statement alone that they stand for.
#[derive(Debug, Clone, Default)]
pub(super) struct Names {
    pub(super) with: Option<ast::With>,
    pub(super) locals: Vec<LocalRelation>,
}

impl Names {
    /// Those of a plain WITH clause, or of none.
    pub(super) fn of(with: Option<ast::With>) -> Self {
        Self {
            with,
            locals: Vec::new(),
        }
    }

    /// The query where the names can be seen. Its own WITH stays inside of them.
    pub(super) fn around(&self, mut query: ast::Query) -> ast::Query {
        let Some(with) = &self.with else {
            return query;
        };
        if query.with.is_none() {
            query.with = Some(with.clone());
            return query;
        }
        ast::Query {
            with: Some(with.clone()),
            body: Box::new(SetExpr::Query(Box::new(query))),
            order_by: None,
            limit_clause: None,
            fetch: None,
            locks: Vec::new(),
            for_clause: None,
            settings: None,
            format_clause: None,
            pipe_operators: Vec::new(),
        }
    }

    /// The relations, and these.
    pub(super) fn beside(&self, others: &[LocalRelation]) -> Vec<LocalRelation> {
        self.locals.iter().chain(others).cloned().collect()
    }

    /// These names with one more, after them.
    pub(super) fn push(&mut self, cte: ast::Cte, like: &ast::With) {
        let with = self.with.get_or_insert_with(|| ast::With {
            cte_tables: Vec::new(),
            ..like.clone()
        });
        with.cte_tables.push(cte);
    }
}

/// How often something mentions a relation by this bare name.
pub(super) fn mentions<T: ast::Visit>(node: &T, name: &str) -> usize {
    struct Counter<'n> {
        name: &'n str,
        count: usize,
    }
    impl ast::Visitor for Counter<'_> {
        type Break = ();

        fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
            if let [ast::ObjectNamePart::Identifier(ident)] = relation.0.as_slice()
                && target::fold(ident) == self.name
            {
                self.count += 1;
            }
            ControlFlow::Continue(())
        }

        fn pre_visit_query(&mut self, query: &ast::Query) -> ControlFlow<()> {
            // `TABLE x` has a name that is not visited.
            self.count += tables(&query.body, self.name);
            ControlFlow::Continue(())
        }
    }
    let mut counter = Counter { name, count: 0 };
    let _ = node.visit(&mut counter);
    counter.count
}

/// How often `TABLE name` stands in a set operation.
fn tables(body: &SetExpr, name: &str) -> usize {
    match body {
        SetExpr::Table(table) => {
            let named = table.table_name.as_deref().unwrap_or_default();
            let bare = table.schema_name.is_none();
            usize::from(bare && named.trim_matches('"').eq_ignore_ascii_case(name))
        }
        SetExpr::SetOperation { left, right, .. } => tables(left, name) + tables(right, name),
        _ => 0,
    }
}
