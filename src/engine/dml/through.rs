//! Views that INSERT, UPDATE and DELETE reach through to a table, as PostgreSQL's automatically
//! updatable views: one table (or such a view), nothing but columns, expressions and WHERE.
//!
//! The statement is bound over the view's columns, computed from the table's; what it changes are
//! rows of the table. The caller needs the privilege on the view, the view's owner on what the view
//! reads.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, Expr, ObjectName, SelectItem};

use super::set::set_defaults;
use super::simple_view::{event_of, refused, simple};
use super::target;
use super::updatable::{columns_of, name_of};
use super::values::pinned;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{CheckOption, ObjectId, Privilege, Relation, RelationKind};
use crate::engine::Engine;
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::parse::without_only;
use crate::engine::recipe::in_full;
use crate::engine::scans::reading;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// The table in a view's place.
const BASE: &str = "base";

/// The view, as a relation of the statement's own.
pub(super) const THROUGH: &str = "\0through";

/// A view with the table behind it.
#[derive(Debug, Clone)]
pub(super) struct Through {
    pub(super) view: Arc<Relation>,
    pub(super) base: Arc<Relation>,
    /// For each column of the view: its name, and what it is of the table.
    columns: Vec<(String, Expr)>,
    /// What new rows must meet, with the view that says so.
    pub(super) checks: Vec<(String, Expr)>,
    /// What is read on whose behalf, from the outermost view inwards.
    levels: Vec<Level>,
    /// Where the table stands under the one whose rows were meant: that one.
    pub(super) of_family: Option<Arc<Relation>>,
}

/// What a view reads.
#[derive(Debug, Clone)]
struct Level {
    /// Whose privileges count.
    role: Oid,
    /// The relation.
    read: Oid,
    /// The columns of it that the view's query names, if that is known.
    reads: Option<BTreeSet<i16>>,
    /// Which column of it a column of the view is.
    columns: BTreeMap<i16, i16>,
    /// The view's own conditions, over the table at the bottom.
    conditions: Vec<Expr>,
    /// Whether they come before whatever is said of the view's rows.
    is_barrier: bool,
}

impl Level {
    fn privilege(&self, privilege: Privilege) -> Need {
        Need::Privilege {
            role: self.role,
            object: ObjectId::Relation(self.read),
            any_of: privilege.into(),
        }
    }
}

/// What a view is of what it reads, all the way down.
struct Flat {
    base: Arc<Relation>,
    columns: Vec<(String, Expr)>,
    /// From the outermost view inwards.
    levels: Vec<(String, Option<CheckOption>, Vec<Expr>)>,
}

/// What a statement changes.
pub(super) struct Aim {
    /// What it names: a table, or a view of one.
    pub(super) named: Arc<Relation>,
    /// Whether the tables under it are left alone.
    pub(super) only: bool,
    /// The view, if it is one.
    pub(super) through: Option<Through>,
    /// The table whose rows are changed.
    pub(super) relation: Arc<Relation>,
    /// What it needs so far, beside the privilege on what it names.
    pub(super) needs: Vec<Need>,
}

impl Engine {
    /// What an INSERT, UPDATE or DELETE names, seen through if it is a view.
    ///
    /// # Errors
    /// As [`target::resolve`] and [`Engine::look_through`].
    pub(super) fn aim(
        &self,
        context: &StatementContext,
        name: &ObjectName,
        verb: &str,
        member: Option<&Arc<Relation>>,
    ) -> Result<Aim> {
        let (only, name) = without_only(name);
        let named = target::resolve(context, &name, verb)?;
        let mut needs = Vec::new();
        if name.0.len() > 1 {
            needs.push(target::schema_need(context, &named));
        }
        let mut through = match named.view() {
            // Its triggers do it.
            Some(_) if named.is_done_instead(event_of(verb)) => None,
            Some(_) => Some(self.look_through(context, &named, verb)?),
            None => None,
        };
        if let Some(member) = member {
            let through = through.get_or_insert_with(|| Through::of_table(&named));
            through.of_family = Some(Arc::clone(&through.base));
            through.base = Arc::clone(member);
        }
        let base = through.as_ref().map_or(&named, |through| &through.base);
        Ok(Aim {
            relation: base.clone(),
            named,
            only,
            through,
            needs,
        })
    }

    /// Looks through a view that is to be changed.
    ///
    /// # Errors
    /// `55000` for views that are not updatable, `0A000` for those that are in PostgreSQL only.
    pub(super) fn look_through(
        &self,
        context: &StatementContext,
        view: &Arc<Relation>,
        verb: &str,
    ) -> Result<Through> {
        let mut levels = Vec::new();
        let flat = self.flatten(context, view, verb, &mut levels)?;
        let (mut checks, mut cascaded) = (Vec::new(), false);
        for (name, option, own) in flat.levels {
            if cascaded || option.is_some() {
                checks.extend(
                    own.iter()
                        .map(|condition| (name.clone(), condition.clone())),
                );
            }
            cascaded |= option == Some(CheckOption::Cascaded);
        }
        Ok(Through {
            view: view.clone(),
            base: flat.base,
            columns: flat.columns,
            checks,
            levels,
            of_family: None,
        })
    }

    fn flatten(
        &self,
        context: &StatementContext,
        relation: &Arc<Relation>,
        verb: &str,
        owners: &mut Vec<Level>,
    ) -> Result<Flat> {
        // What a view's triggers do to it is done as to a table.
        let is_bottom = !owners.is_empty() && relation.is_done_instead(event_of(verb));
        let view = match &relation.kind {
            RelationKind::View(view) if !is_bottom => view,
            _ => {
                let columns = relation.columns.iter().map(|column| {
                    let name = Expr::Identifier(target::quoted(&column.name));
                    (column.name.clone(), name)
                });
                return Ok(Flat {
                    columns: columns.collect(),
                    base: relation.clone(),
                    levels: Vec::new(),
                });
            }
        };
        let query = self.parsed(&in_full(context, view)?)?;
        let (select, source) =
            simple(context, &query, view).map_err(|why| refused(relation, verb, why))??;
        let only = source.only;
        let alias = source.alias.clone();
        let mut reads = view.depends_on.iter();
        let read = reads.find_map(|oid| context.snapshot.relation(*oid));
        let single = "Views that do not select from a single table or view are not automatically \
                      updatable.";
        let Some(read) = read else {
            return Err(refused(relation, verb, single));
        };
        match read.kind {
            RelationKind::Table { .. } | RelationKind::View(_) => {}
            RelationKind::Materialized { .. }
            | RelationKind::Foreign { .. }
            | RelationKind::Sequence(_) => return Err(refused(relation, verb, single)),
        }
        if only && context.snapshot.has_children(read.oid) {
            return Err(Error::unsupported(
                "changing a view over ONLY a table that others stand under",
            ));
        }
        let place = owners.len();
        owners.push(Level {
            role: match relation.is_security_invoker() {
                true => context.role,
                false => relation.owner,
            },
            read: read.oid,
            reads: view.names.get(&read.oid).cloned(),
            columns: BTreeMap::new(),
            conditions: Vec::new(),
            is_barrier: relation.is_security_barrier(),
        });
        let seen = view.sees(read).unwrap_or_else(|| read.clone());
        let inner = self.flatten(context, read, verb, owners)?;
        let shown = source.shown(&seen);
        let known: BTreeMap<&str, &Expr> = shown
            .iter()
            .filter_map(|(name, column)| {
                let found = inner.columns.iter().find(|(of, _)| of == column)?;
                Some((*name, &found.1))
            })
            .collect();
        let mut expressions = Vec::new();
        for item in &select.projection {
            match item {
                SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => {
                    expressions.push(substituted(expr, &known, &alias)?);
                }
                SelectItem::Wildcard(_) | SelectItem::QualifiedWildcard(..) => {
                    for (name, _) in &shown {
                        if let Some(expr) = known.get(name) {
                            expressions.push(Expr::clone(expr));
                        }
                    }
                }
                SelectItem::ExprWithAliases { .. } => {
                    return Err(Error::unsupported("changing this view"));
                }
            }
        }
        if expressions.len() != relation.columns.len() {
            return Err(Error::unsupported("changing this view"));
        }
        owners[place].columns = columns_of(relation, select, &shown, &seen);
        let mut own = Vec::new();
        if let Some(condition) = &select.selection {
            own.push(substituted(condition, &known, &alias)?);
        }
        owners[place].conditions.clone_from(&own);
        let mut levels = vec![(relation.name.clone(), relation.check_option(), own)];
        levels.extend(inner.levels);
        let names = relation.columns.iter().map(|column| column.name.clone());
        Ok(Flat {
            base: with_defaults(inner.base, relation, &expressions),
            columns: names.zip(expressions).collect(),
            levels,
        })
    }
}

impl Through {
    /// A table as a view of itself: of its columns where another table has them.
    fn of_table(table: &Arc<Relation>) -> Self {
        let columns = table.columns.iter().map(|column| {
            let name = Expr::Identifier(target::quoted(&column.name));
            (column.name.clone(), name)
        });
        Self {
            view: Arc::clone(table),
            base: Arc::clone(table),
            columns: columns.collect(),
            checks: Vec::new(),
            levels: Vec::new(),
            of_family: None,
        }
    }

    /// The table with the policies of the one whose rows were meant, if it stands under that.
    pub(super) fn secured(&self) -> Option<Arc<Relation>> {
        let meant = self.of_family.as_ref()?;
        Some(Arc::new(Relation {
            oid: meant.oid,
            name: meant.name.clone(),
            owner: meant.owner,
            row_security: meant.row_security.clone(),
            ..Relation::clone(&self.base)
        }))
    }

    /// The view, made of the rows of a local relation that has the table's columns, with these
    /// further columns of it under names of their own; `filtered` says whether rows the view does
    /// not show are left out. The last is the view; each reads the one before it.
    pub(super) fn locals(
        &self,
        relation: &str,
        others: &[(String, String)],
        filtered: bool,
    ) -> Vec<LocalRelation> {
        let mut locals: Vec<LocalRelation> = Vec::new();
        let mut from = relation.to_owned();
        let mut conditions = Vec::new();
        let levels = self.levels.iter().rev().filter(|_| filtered);
        for level in levels {
            conditions.extend(level.conditions.iter().cloned());
            if level.is_barrier && !conditions.is_empty() {
                let hidden = others.iter().map(|(column, _)| column.as_str());
                let columns = self.base.columns.iter().map(|of| of.name.as_str());
                let mut names: Vec<&str> = hidden.chain(columns).collect();
                names.sort_unstable();
                names.dedup();
                let items = names
                    .into_iter()
                    .map(|name| SelectItem::UnnamedExpr(Expr::Identifier(target::quoted(name))));
                let query = rows(items.collect(), &from, std::mem::take(&mut conditions));
                from = format!("{THROUGH}{}", locals.len());
                locals.push(LocalRelation {
                    name: from.clone(),
                    relation: Oid::INVALID,
                    origins: Vec::new(),
                    rows: LocalRows::Query {
                        query: Box::new(query),
                        barrier: true,
                        table: None,
                    },
                });
            }
        }
        let item = |expr, name: &str| SelectItem::ExprWithAlias {
            expr,
            alias: target::quoted(name),
        };
        let hidden = others
            .iter()
            .map(|(column, name)| item(Expr::Identifier(target::quoted(column)), name));
        let shown = self.columns.iter();
        let shown = shown.map(|(name, expr)| item(expr.clone(), name));
        let query = rows(hidden.chain(shown).collect(), &from, conditions);
        let hidden = others.iter().map(|_| None);
        locals.push(LocalRelation {
            name: THROUGH.to_owned(),
            relation: self.view.oid,
            origins: hidden.chain(target::origins_of(&self.view)).collect(),
            rows: LocalRows::Query {
                query: Box::new(query),
                barrier: false,
                table: (self.view.view().is_none()).then_some(self.base.oid),
            },
        });
        locals
    }

    /// For whom rows of the table are hidden.
    pub(super) fn reader(&self, caller: Oid) -> Oid {
        self.levels.last().map_or(caller, |level| level.role)
    }

    /// What owners of views must be allowed if a query that needs this reads the outermost: all
    /// that the views' own queries name. Who only writes through a view reads nothing.
    pub(super) fn read_by(&self, query: &[Need]) -> Vec<Need> {
        let reads_it = |need: &Need| match need {
            Need::Columns {
                relation, any_of, ..
            } => *relation == self.view.oid && any_of.contains(Privilege::Select),
            _ => false,
        };
        if !query.iter().any(reads_it) {
            return Vec::new();
        }
        let levels = self.levels.iter();
        levels
            .map(|level| match &level.reads {
                Some(reads) => reading(level.role, level.read, reads.clone()),
                None => level.privilege(Privilege::Select),
            })
            .collect()
    }

    /// What owners of views must be allowed so that somebody may use `privilege` on these columns
    /// of the outermost, or on it as a whole.
    pub(super) fn needs(&self, privilege: Privilege, columns: Option<&BTreeSet<i16>>) -> Vec<Need> {
        let mut needs = Vec::new();
        let mut columns = columns.cloned();
        for level in &self.levels {
            if let Some(columns) = &mut columns {
                let of = columns
                    .iter()
                    .filter_map(|attnum| level.columns.get(attnum));
                *columns = of.copied().collect();
            }
            needs.push(match &columns {
                Some(columns) => Need::Columns {
                    role: level.role,
                    relation: level.read,
                    any_of: privilege.into(),
                    columns: columns.clone(),
                },
                None => level.privilege(privilege),
            });
        }
        needs
    }

    /// The column of the table that a column of the view is.
    ///
    /// # Errors
    /// `42703`; `0A000` if it is none.
    pub(super) fn column(&self, name: &str, verb: &str) -> Result<&str> {
        let found = self.columns.iter().find(|(column, _)| column == name);
        let Some((_, expr)) = found else {
            return Err(target::no_such_column(name, &self.view));
        };
        match expr {
            Expr::Identifier(ident) => Ok(&ident.value),
            _ => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "cannot {verb} column \"{name}\" of view \"{}\"",
                    self.view.name
                ),
            )
            .detail("View columns that are not columns of their base relation are not updatable.")),
        }
    }

    /// Names of the view's columns as those of the table's; all of the view's, if there are none,
    /// up to one that is none of the table's: its name. It is only missed if it is given a value.
    pub(super) fn renamed(
        &self,
        names: &mut Vec<ast::ObjectName>,
        verb: &str,
    ) -> Result<Option<&str>> {
        if names.is_empty() {
            for column in &self.view.columns {
                match self.column(&column.name, verb) {
                    Ok(name) => names.push(vec![target::quoted(name)].into()),
                    Err(_) => return Ok(Some(&column.name)),
                }
            }
            return Ok(None);
        }
        for name in names {
            self.rename(name, verb)?;
        }
        Ok(None)
    }

    /// The targets of assignments as columns of the table.
    pub(super) fn reassigned(
        &self,
        context: &StatementContext,
        assignments: &mut [ast::Assignment],
    ) -> Result<()> {
        for assignment in assignments {
            set_defaults(context, &self.view, assignment)?;
            match &mut assignment.target {
                ast::AssignmentTarget::ColumnName(name) => self.rename(name, "update")?,
                ast::AssignmentTarget::Tuple(names) => {
                    for name in names {
                        self.rename(name, "update")?;
                    }
                }
            }
        }
        Ok(())
    }

    fn rename(&self, name: &mut ast::ObjectName, verb: &str) -> Result<()> {
        let position = target::position(name);
        let column = target::column_name(name, &self.view)?;
        let of = self.column(&column, verb).map_err(|error| {
            match error.state().is_about_the_statement() {
                true => target::at(error, position),
                false => error,
            }
        })?;
        *name = vec![target::quoted(of)].into();
        Ok(())
    }
}

/// `SELECT items FROM relation AS base WHERE conditions`
fn rows(items: Vec<SelectItem>, relation: &str, conditions: Vec<Expr>) -> ast::Query {
    let from = ast::TableWithJoins {
        relation: target::table(relation, Some(BASE)),
        joins: Vec::new(),
    };
    let selection = conditions.into_iter().reduce(|left, right| Expr::BinaryOp {
        left: Box::new(Expr::Nested(Box::new(left))),
        op: ast::BinaryOperator::And,
        right: Box::new(Expr::Nested(Box::new(right))),
    });
    target::select(items, vec![from], selection)
}

/// The table behind a view with the defaults that the view's columns have instead of its own.
fn with_defaults(base: Arc<Relation>, view: &Relation, expressions: &[Expr]) -> Arc<Relation> {
    let mut base = base;
    for (column, expr) in view.columns.iter().zip(expressions) {
        let (Some(default), Expr::Identifier(of)) = (&column.default, expr) else {
            continue;
        };
        let mut columns = Arc::make_mut(&mut base).columns.iter_mut();
        if let Some(own) = columns.find(|own| own.name == of.value) {
            own.default = Some(default.clone());
        }
    }
    base
}

/// An expression over what a view reads as one over the table behind it: what it names means what
/// that meant to the view's author.
fn substituted(expr: &Expr, known: &BTreeMap<&str, &Expr>, alias: &str) -> Result<Expr> {
    let mut expr = expr.clone();
    if let Some(of) = column_of(&expr, known) {
        return Ok(of);
    }
    let visited = ast::visit_expressions_mut(&mut expr, |expr| {
        if let Expr::Identifier(ident) = expr
            && !known.contains_key(target::fold(ident).as_str())
            && target::fold(ident) == alias
        {
            return ControlFlow::Break(());
        }
        if let Some(of) = column_of(expr, known) {
            *expr = match of {
                Expr::Identifier(_) => of,
                of => Expr::Nested(Box::new(of)),
            };
        }
        ControlFlow::Continue(())
    });
    match visited {
        ControlFlow::Continue(()) => Ok(pinned(expr)),
        ControlFlow::Break(()) => Err(Error::unsupported(
            "changing a view whose query has whole rows",
        )),
    }
}

fn column_of(expr: &Expr, known: &BTreeMap<&str, &Expr>) -> Option<Expr> {
    let of = known.get(target::fold(name_of(expr)?).as_str())?;
    Some(Expr::clone(of))
}
