//! The query behind a view, for whoever wants to make the view again: its text as its author wrote
//! it, except that it means the same wherever it is read.
//!
//! Tables, users' functions and types are named with their schema where their name alone would not
//! find them, and columns of
//! the view that are called otherwise than the query calls them are renamed around the query.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use sqlparser::ast::{
    self, ObjectName, ObjectNamePart, SelectItem, SetExpr, TableFactor, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use super::analyze::item_name;
use super::dml::{custom, full_name};
use super::parse::{fold, parse_query, renamed_sources, replaced};
use crate::base::name::quote;
use crate::base::{Oid, Result};
use crate::catalog::{Relation, SearchPath, View};
use crate::pg_catalog;
use crate::pg_catalog::names::{first_relation, relation_parts};
use crate::statement::StatementContext;

/// The text of a view's query without a semicolon at its end.
///
/// # Errors
/// `XX000` in practice never: what the catalog keeps can be parsed.
pub fn view_definition(
    context: &StatementContext,
    relation: &Relation,
    view: &View,
) -> Result<String> {
    let text = view.query.trim().trim_end_matches(';').trim_end();
    let query = parse_query(text)?;
    let meant = Meant { context, view };
    let text = renamed_sources(&query, text, |schema, name, has_alias| {
        meant.source(meant.relation(schema, name)?, has_alias)
    });
    let text = meant.in_full(&text)?;
    let columns = relation.columns.iter().map(|column| column.name.as_str());
    let own = meant.output_names(&query.body);
    if own.is_some_and(|own| own.iter().map(String::as_str).eq(columns.clone())) {
        return Ok(text);
    }
    let columns: Vec<_> = columns.map(quote).collect();
    Ok(format!(
        "SELECT *\n   FROM (\n{text}\n) AS {}({})",
        quote(&relation.name),
        columns.join(", ")
    ))
}

/// The text of a view's query with the full names of the users' functions and types in it, whoever
/// reads it.
///
/// # Errors
/// As [`view_definition`].
pub(super) fn in_full(context: &StatementContext, view: &View) -> Result<String> {
    let context = &StatementContext {
        search_path: SearchPath::only_system(),
        ..context.clone()
    };
    Meant { context, view }.in_full(&view.query)
}

/// What names in a view's body mean.
struct Meant<'a> {
    context: &'a StatementContext,
    view: &'a View,
}

impl Meant<'_> {
    /// The query's text with the users' functions and types that it names in full, where their
    /// names alone would not find them now.
    fn in_full(&self, text: &str) -> Result<String> {
        let snapshot = &self.context.snapshot;
        let lookup = &self.context.search_path.lookup;
        let mut hidden: BTreeMap<String, String> = BTreeMap::new();
        for oid in &self.view.depends_on {
            let Some(routine) = snapshot.routine(*oid) else {
                continue;
            };
            let has = |schema: &Oid| snapshot.routines_named(*schema, &routine.name).next();
            let first = lookup.iter().find(|schema| has(schema).is_some());
            if first != Some(&routine.schema) {
                let full = full_name(self.context, routine.schema, &routine.name);
                hidden.insert(routine.name.clone(), full);
            }
        }
        let mut types: BTreeMap<String, String> = BTreeMap::new();
        for oid in &self.view.types {
            let Some(ty) = snapshot.user_type(*oid) else {
                continue;
            };
            let has = |schema: &&Oid| snapshot.type_named(**schema, &ty.name).is_some();
            if lookup.iter().find(has) != Some(&ty.schema) {
                let full = full_name(self.context, ty.schema, &ty.name);
                // What makes ranges is called as their type is.
                hidden.insert(ty.name.clone(), full.clone());
                types.insert(ty.name.clone(), full);
            }
        }
        if hidden.is_empty() {
            return Ok(text.to_owned());
        }
        let query = parse_query(text)?;
        let mut search = Bare {
            routines: &hidden,
            types: &types,
            found: Vec::new(),
        };
        let _ = query.visit(&mut search);
        Ok(replaced(text, search.found))
    }

    /// The relation a name in FROM is the name of.
    fn relation(&self, schema: Option<&str>, name: &str) -> Option<Oid> {
        let snapshot = &self.context.snapshot;
        let within = |schema: &str| {
            let schema = snapshot.schema_named(schema)?.oid;
            let system = || pg_catalog::find(schema, name).map(|relation| relation.oid);
            let stored = || {
                let relation = snapshot.relation_named(schema, name)?;
                let is_read = self.view.depends_on.contains(&relation.oid);
                is_read.then_some(relation.oid)
            };
            system().or_else(stored)
        };
        match schema {
            Some(schema) => within(schema),
            None => self
                .view
                .search_path
                .iter()
                .find_map(|schema| within(schema)),
        }
    }

    /// What stands for the relation in FROM where names are looked up now; `None` if what is
    /// written will do. Columns added since the view was made are none of it, also where it says
    /// `*`.
    fn source(&self, oid: Oid, has_alias: bool) -> Option<String> {
        let snapshot = &self.context.snapshot;
        let (schema, name) = relation_parts(snapshot, oid)?;
        let visible = first_relation(snapshot, &self.context.search_path, name) == Some(oid);
        let schema = snapshot.schema(schema)?;
        let full = format!("{}.{}", quote(&schema.name), quote(name));
        if let Some(relation) = snapshot.relation(oid) {
            let seen = self.columns(relation);
            if seen.len() != relation.columns.len() {
                let seen: Vec<_> = seen.iter().map(|name| quote(name)).collect();
                let alias = match has_alias {
                    true => String::new(),
                    false => format!(" AS {}", quote(name)),
                };
                return Some(format!("(SELECT {} FROM {full}){alias}", seen.join(", ")));
            }
        }
        (!visible).then_some(full)
    }

    /// The relation's columns that were there when the view was made.
    fn columns<'r>(&self, relation: &'r Relation) -> Vec<&'r str> {
        let next = self.view.next_attnums.get(&relation.oid).copied();
        let seen = relation
            .columns
            .iter()
            .filter(|column| next.is_none_or(|next| column.attnum < next));
        seen.map(|column| column.name.as_str()).collect()
    }

    /// What the query itself calls its columns; `None` if that is not plain to see.
    fn output_names(&self, body: &SetExpr) -> Option<Vec<String>> {
        match body {
            SetExpr::Select(select) => {
                let mut names = Vec::new();
                for item in &select.projection {
                    match item {
                        SelectItem::Wildcard(_) => names.extend(self.all_names(select)?),
                        SelectItem::QualifiedWildcard(..) | SelectItem::ExprWithAliases { .. } => {
                            return None;
                        }
                        item => names.push(item_name(item)?),
                    }
                }
                Some(names)
            }
            SetExpr::Query(query) => self.output_names(&query.body),
            SetExpr::SetOperation { left, .. } => self.output_names(left),
            _ => None,
        }
    }

    /// The columns of `*` over tables that are not joined by columns of one name.
    fn all_names(&self, select: &ast::Select) -> Option<Vec<String>> {
        let mut names = Vec::new();
        for table in &select.from {
            names.extend(self.factor_names(&table.relation)?);
            for join in &table.joins {
                match &join.join_operator {
                    ast::JoinOperator::CrossJoin(_) => {}
                    ast::JoinOperator::Join(ast::JoinConstraint::On(_))
                    | ast::JoinOperator::Inner(ast::JoinConstraint::On(_))
                    | ast::JoinOperator::Left(ast::JoinConstraint::On(_))
                    | ast::JoinOperator::LeftOuter(ast::JoinConstraint::On(_))
                    | ast::JoinOperator::Right(ast::JoinConstraint::On(_))
                    | ast::JoinOperator::RightOuter(ast::JoinConstraint::On(_))
                    | ast::JoinOperator::FullOuter(ast::JoinConstraint::On(_)) => {}
                    _ => return None,
                }
                names.extend(self.factor_names(&join.relation)?);
            }
        }
        Some(names)
    }

    fn factor_names(&self, factor: &TableFactor) -> Option<Vec<String>> {
        let TableFactor::Table {
            name,
            alias,
            args: None,
            ..
        } = factor
        else {
            return None;
        };
        if alias
            .as_ref()
            .is_some_and(|alias| !alias.columns.is_empty())
        {
            return None;
        }
        let parts: Option<Vec<String>> = name.0.iter().map(|p| p.as_ident().map(fold)).collect();
        let (schema, name) = match parts?.as_slice() {
            [name] => (None, name.clone()),
            [schema, name] => (Some(schema.clone()), name.clone()),
            _ => return None,
        };
        let relation = self
            .context
            .snapshot
            .relation(self.relation(schema.as_deref(), &name)?)?;
        let seen = self.columns(relation);
        Some(seen.into_iter().map(str::to_owned).collect())
    }
}

/// Where bare names of functions and types stand, and their full names.
struct Bare<'a> {
    routines: &'a BTreeMap<String, String>,
    types: &'a BTreeMap<String, String>,
    found: Vec<(Span, String)>,
}

impl Bare<'_> {
    fn note(&mut self, name: &ObjectName, full: &BTreeMap<String, String>) {
        if let [ObjectNamePart::Identifier(ident)] = name.0.as_slice()
            && let Some(full) = full.get(&fold(ident))
        {
            self.found.push((ident.span, full.clone()));
        }
    }
}

impl Visitor for Bare<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expr: &ast::Expr) -> ControlFlow<()> {
        match expr {
            ast::Expr::Function(call) => self.note(&call.name, self.routines),
            ast::Expr::Cast { data_type, .. } => {
                if let Some(name) = custom(data_type) {
                    self.note(name, self.types);
                }
            }
            ast::Expr::TypedString(typed) => {
                if let Some(name) = custom(&typed.data_type) {
                    self.note(name, self.types);
                }
            }
            _ => {}
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        match factor {
            TableFactor::Table {
                name,
                args: Some(_),
                ..
            }
            | TableFactor::Function { name, .. } => self.note(name, self.routines),
            _ => {}
        }
        ControlFlow::Continue(())
    }
}
