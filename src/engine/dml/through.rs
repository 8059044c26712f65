//! Views that INSERT, UPDATE and DELETE reach through to a table, as PostgreSQL's automatically
//! updatable views: one table (or such a view), nothing but columns, expressions and WHERE.
//!
//! The statement is bound over the view's columns, computed from the table's; what it changes are
//! rows of the table. The caller needs the privilege on the view, the view's owner on what the view
//! reads.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{self, Expr, ObjectName, SelectItem, SetExpr, TableFactor};

use super::simple_view::simple;
use super::target;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{CheckOption, ObjectId, Privilege, Privileges, Relation, RelationKind};
use crate::engine::Engine;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// The table in a view's place.
const BASE: &str = "base";

/// A view with the table behind it.
#[derive(Debug, Clone)]
pub(super) struct Through {
    pub(super) view: Arc<Relation>,
    pub(super) base: Arc<Relation>,
    /// For each column of the view: its name, and what it is of the table.
    columns: Vec<(String, Expr)>,
    /// The view's conditions, and those of views it stands on.
    conditions: Vec<Expr>,
    /// What new rows must meet, with the view that says so.
    pub(super) checks: Vec<(String, Expr)>,
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
        privilege: Privilege,
    ) -> Result<Aim> {
        let named = target::resolve(context, name, verb)?;
        let mut needs = Vec::new();
        if name.0.len() > 1 {
            needs.push(target::schema_need(context, &named));
        }
        let through = match named.view() {
            Some(_) => Some(self.look_through(context, &named, verb, privilege, &mut needs)?),
            None => None,
        };
        let base = through.as_ref().map_or(&named, |through| &through.base);
        Ok(Aim {
            relation: base.clone(),
            named,
            through,
            needs,
        })
    }

    /// Looks through a view that is to be changed.
    ///
    /// # Errors
    /// `55000` for views that are not updatable, `0A000` for those that are in PostgreSQL only.
    fn look_through(
        &self,
        context: &StatementContext,
        view: &Arc<Relation>,
        verb: &str,
        privilege: Privilege,
        needs: &mut Vec<Need>,
    ) -> Result<Through> {
        let mut owners = Vec::new();
        let flat = self.flatten(context, view, verb, &mut owners)?;
        for (role, object) in owners {
            for wanted in [privilege, Privilege::Select] {
                needs.push(Need::Privilege {
                    role,
                    object: ObjectId::Relation(object),
                    any_of: Privileges::from(wanted),
                });
            }
        }
        let (mut conditions, mut checks, mut cascaded) = (Vec::new(), Vec::new(), false);
        for (name, option, own) in flat.levels {
            if cascaded || option.is_some() {
                checks.extend(
                    own.iter()
                        .map(|condition| (name.clone(), condition.clone())),
                );
            }
            cascaded |= option == Some(CheckOption::Cascaded);
            conditions.extend(own);
        }
        Ok(Through {
            view: view.clone(),
            base: flat.base,
            columns: flat.columns,
            conditions,
            checks,
        })
    }

    fn flatten(
        &self,
        context: &StatementContext,
        relation: &Arc<Relation>,
        verb: &str,
        owners: &mut Vec<(crate::base::Oid, crate::base::Oid)>,
    ) -> Result<Flat> {
        let RelationKind::View(view) = &relation.kind else {
            let columns = relation.columns.iter().map(|column| {
                let name = Expr::Identifier(target::quoted(&column.name));
                (column.name.clone(), name)
            });
            return Ok(Flat {
                columns: columns.collect(),
                base: relation.clone(),
                levels: Vec::new(),
            });
        };
        let query = self.parsed(&view.query)?;
        let (select, source) =
            simple(context, &query, view).map_err(|why| refused(relation, verb, why))??;
        let alias = source.alias;
        let read = match view.depends_on.as_slice() {
            [read] => context.snapshot.relation(*read),
            _ => None,
        };
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
        owners.push((relation.owner, read.oid));
        let seen = view.sees(read).unwrap_or_else(|| read.clone());
        let inner = self.flatten(context, read, verb, owners)?;
        // What the view's query calls each column, and what it is.
        let shown: Vec<(&str, &str)> = match &source.renamed {
            Some(renamed) => renamed
                .iter()
                .map(|(n, c)| (n.as_str(), c.as_str()))
                .collect(),
            None => {
                let names = seen.columns.iter().map(|column| column.name.as_str());
                names.map(|name| (name, name)).collect()
            }
        };
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
                    let columns = shown.iter().filter_map(|(name, _)| {
                        let expr = known.get(name)?;
                        Some(Expr::clone(expr))
                    });
                    expressions.extend(columns);
                }
                SelectItem::ExprWithAliases { .. } => {
                    return Err(Error::unsupported("changing this view"));
                }
            }
        }
        if expressions.len() != relation.columns.len() {
            return Err(Error::unsupported("changing this view"));
        }
        let mut own = Vec::new();
        if let Some(condition) = &select.selection {
            own.push(substituted(condition, &known, &alias)?);
        }
        let mut levels = vec![(relation.name.clone(), view.check_option, own)];
        levels.extend(inner.levels);
        let names = relation.columns.iter().map(|column| column.name.clone());
        Ok(Flat {
            base: inner.base,
            columns: names.zip(expressions).collect(),
            levels,
        })
    }
}

impl Through {
    /// The view's rows made of those of a local relation that has the table's columns, and these
    /// further columns of it under names of their own.
    fn rows(&self, relation: &str, others: &[(String, String)]) -> ast::Query {
        let mut items: Vec<SelectItem> = others
            .iter()
            .map(|(column, name)| SelectItem::ExprWithAlias {
                expr: Expr::Identifier(target::quoted(column)),
                alias: target::quoted(name),
            })
            .collect();
        items.extend(
            self.columns
                .iter()
                .map(|(name, expr)| SelectItem::ExprWithAlias {
                    expr: expr.clone(),
                    alias: target::quoted(name),
                }),
        );
        let from = ast::TableWithJoins {
            relation: target::table(relation, Some(BASE)),
            joins: Vec::new(),
        };
        let conditions = self.conditions.iter().cloned();
        let selection = conditions.reduce(|left, right| Expr::BinaryOp {
            left: Box::new(Expr::Nested(Box::new(left))),
            op: ast::BinaryOperator::And,
            right: Box::new(Expr::Nested(Box::new(right))),
        });
        target::select(items, vec![from], selection)
    }

    /// The same as an item of FROM; `filtered` says whether rows the view does not show are left
    /// out.
    pub(super) fn table(
        &self,
        relation: &str,
        alias: &str,
        others: &[(String, String)],
        filtered: bool,
    ) -> TableFactor {
        let mut query = self.rows(relation, others);
        if !filtered && let SetExpr::Select(select) = query.body.as_mut() {
            select.selection = None;
        }
        TableFactor::Derived {
            lateral: false,
            subquery: Box::new(query),
            alias: Some(ast::TableAlias {
                explicit: true,
                name: target::quoted(alias),
                columns: Vec::new(),
                at: None,
            }),
            sample: None,
        }
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

    /// Names of the view's columns as those of the table's; all of the view's, if there are none.
    pub(super) fn renamed(&self, names: &mut Vec<ast::ObjectName>, verb: &str) -> Result<()> {
        if names.is_empty() {
            let all = self.view.columns.iter();
            // What is none of the table's is only missed if it is given a value.
            let all = all.map_while(|column| self.column(&column.name, verb).ok());
            *names = all.map(|name| vec![target::quoted(name)].into()).collect();
            return Ok(());
        }
        for name in names {
            self.rename(name, verb)?;
        }
        Ok(())
    }

    /// The targets of assignments as columns of the table.
    pub(super) fn reassigned(&self, assignments: &mut [ast::Assignment]) -> Result<()> {
        for assignment in assignments {
            // A view's columns have no defaults of their own.
            no_default(&mut assignment.value);
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

/// An expression over what a view reads as one over the table behind it.
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
        ControlFlow::Continue(()) => Ok(expr),
        ControlFlow::Break(()) => Err(Error::unsupported(
            "changing a view whose query has whole rows",
        )),
    }
}

fn column_of(expr: &Expr, known: &BTreeMap<&str, &Expr>) -> Option<Expr> {
    let ident = match expr {
        Expr::Identifier(ident) => ident,
        Expr::CompoundIdentifier(parts) => parts.last()?,
        _ => return None,
    };
    let of = known.get(target::fold(ident).as_str())?;
    Some(Expr::clone(of))
}

/// `55000`
fn refused(view: &Relation, verb: &str, why: &str) -> Error {
    let (doing, event) = match verb {
        "insert into" => ("inserting into the view", "INSERT"),
        "update" => ("updating the view", "UPDATE"),
        _ => ("deleting from the view", "DELETE"),
    };
    Error::new(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!("cannot {verb} view \"{}\"", view.name),
    )
    .detail(why)
    .hint(format!(
        "To enable {doing}, provide an INSTEAD OF {event} trigger or an unconditional ON {event} \
         DO INSTEAD rule."
    ))
}

impl Engine {
    /// Whether WITH CHECK OPTION fits a view about to be made.
    ///
    /// # Errors
    /// `0A000`
    pub fn check_updatable(&self, context: &StatementContext, view: &Arc<Relation>) -> Result<()> {
        let mut needs = Vec::new();
        let privilege = Privilege::Update;
        match self.look_through(context, view, "update", privilege, &mut needs) {
            Ok(_) => Ok(()),
            Err(error) if error.state() == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE => {
                let why = error.fields().detail.clone().unwrap_or_default();
                Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "WITH CHECK OPTION is supported only on automatically updatable views",
                )
                .hint(why))
            }
            Err(error) => Err(error),
        }
    }
}

/// NULL in place of DEFAULT, as the value or as one of several.
fn no_default(value: &mut Expr) {
    match value {
        Expr::Tuple(values) => values.iter_mut().for_each(no_default),
        value if target::is_default(value) => *value = Expr::value(ast::Value::Null),
        _ => {}
    }
}
