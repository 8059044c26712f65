//! What names mean inside one SELECT, and in the queries around it.
//!
//! A [`Level`] grows while FROM is read. Names are looked up in the nearest level first; what is
//! found further out becomes an outer reference, and every level it passes on the way notes it:
//! these are what ties a subquery to its surroundings.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::rc::Rc;

use datafusion::logical_expr::Expr;
use sqlparser::ast::{self, Spanned};
use sqlparser::tokenizer::Span;

use super::from::part;
use super::set::SetCall;
use super::typed::{self, Typed};
use super::with::Ctes;
use super::{Analyst, at, variables};
use crate::base::{Error, Oid, Result, SqlState};
use crate::engine::error::similar;
use crate::engine::expression_kind::ExpressionKind;
use crate::engine::local::OWN;
use crate::engine::parse::fold;
use crate::types::PgType;

/// A column that can be named.
#[derive(Debug, Clone)]
pub(super) struct Named {
    pub(super) name: String,
    pub(super) value: Typed,
}

impl Named {
    /// Whether it is of the engine's making, for its own use: part of no row and no `*`. No client
    /// can send the NUL its name begins with.
    pub(super) fn is_hidden(&self) -> bool {
        self.name.starts_with('\0')
    }
}

/// A relation of FROM that can qualify names.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) name: String,
    /// `schema.name` may be written too.
    pub(super) schema: Option<String>,
    pub(super) columns: Vec<Named>,
    /// The catalog's number of it, if it has system columns.
    pub(super) oid: Option<Oid>,
    /// Which table each row is of, where it may be several.
    pub(super) table: Option<Typed>,
    /// Where each row is, if the statement asks for that of any.
    pub(super) place: Option<Typed>,
    /// Which transaction deleted or locked each row, if that is known.
    pub(super) xmax: Option<Typed>,
    /// Whether JOIN puts others beside it: bare names are then those of the join, which has no
    /// system columns.
    pub(super) is_joined: bool,
    /// Whether an outer join makes rows without it.
    pub(super) null_supplied: bool,
    /// A column that is NULL in those rows alone; there is one if there are any.
    pub(super) certain: Option<Typed>,
    /// Whether its rows are single values: a function's.
    pub(super) scalar: bool,
    /// The type of its rows, if that has a name.
    pub(super) row: Option<PgType>,
}

/// Where an expression stands: what may be in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Clause {
    Select,
    Where,
    On,
    From,
    GroupBy,
    Having,
    OrderBy,
    Filter,
    Window,
    Limit,
    Offset,
    Values,
    Aggregate,
    WindowArgument,
    /// In no query at all.
    Of(ExpressionKind),
}

impl Clause {
    /// What PostgreSQL calls it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Select => "SELECT",
            Self::Where => "WHERE",
            Self::On => "JOIN conditions",
            Self::From => "functions in FROM",
            Self::GroupBy => "GROUP BY",
            Self::Having => "HAVING",
            Self::OrderBy => "ORDER BY",
            Self::Filter => "FILTER",
            Self::Window | Self::WindowArgument => "window definitions",
            Self::Limit => "LIMIT",
            Self::Offset => "OFFSET",
            Self::Values => "VALUES",
            Self::Aggregate => "aggregate function calls",
            Self::Of(kind) => kind.plural(),
        }
    }

    pub(super) fn allows_aggregates(self) -> bool {
        matches!(
            self,
            Self::Select | Self::Having | Self::OrderBy | Self::Window | Self::WindowArgument
        )
    }

    pub(super) fn allows_windows(self) -> bool {
        matches!(self, Self::Select | Self::OrderBy)
    }

    pub(super) fn allows_sets(self) -> bool {
        matches!(self, Self::Select | Self::OrderBy | Self::GroupBy)
    }
}

/// One SELECT's names.
pub(super) struct Level<'p> {
    pub(super) parent: Option<&'p Level<'p>>,
    pub(super) ctes: Option<&'p Ctes<'p>>,
    pub(super) relations: RefCell<Vec<Relation>>,
    /// What an unqualified name may be, in the order of `*`.
    pub(super) columns: RefCell<Vec<Named>>,
    /// References to levels further out that were made from here or from further in.
    pub(super) outer: RefCell<Vec<Expr>>,
    pub(super) clause: Cell<Clause>,
    /// Whether its names are those of a function's parameters, which are no columns.
    pub(super) parameters: bool,
    /// Whether a name of these that a column has, too, is ambiguous.
    pub(super) contests: bool,
    /// Aggregates of this query that stand in subqueries of it, and what they are called there.
    pub(super) lifted: RefCell<Vec<(String, Expr)>>,
    /// Set-returning functions of the select list.
    pub(super) sets: RefCell<Vec<SetCall>>,
    /// WINDOW definitions, resolved.
    pub(super) windows: RefCell<HashMap<String, ast::WindowSpec>>,
    /// How the rows of FROM are ordered, if a subquery there says so.
    pub(super) order: RefCell<Vec<datafusion::logical_expr::SortExpr>>,
    /// What locks the rows of FROM.
    pub(super) locks: RefCell<Vec<ast::LockClause>>,
    /// Whether its rows are those that a recursive query found last, which it is repeated over.
    pub(super) repeats: Cell<bool>,
}

impl<'p> Level<'p> {
    pub(super) fn new(parent: Option<&'p Level<'p>>, ctes: Option<&'p Ctes<'p>>) -> Self {
        Self {
            parent,
            ctes,
            relations: RefCell::default(),
            columns: RefCell::default(),
            outer: RefCell::default(),
            clause: Cell::new(Clause::Select),
            parameters: false,
            contests: false,
            lifted: RefCell::default(),
            sets: RefCell::default(),
            windows: RefCell::default(),
            order: RefCell::default(),
            locks: RefCell::default(),
            repeats: Cell::default(),
        }
    }

    /// Does something in a clause.
    pub(super) fn within<T>(&self, clause: Clause, work: impl FnOnce() -> T) -> T {
        let before = self.clause.replace(clause);
        let done = work();
        self.clause.set(before);
        done
    }

    /// Notes references to further out.
    pub(super) fn note(&self, references: impl IntoIterator<Item = Expr>) {
        let mut outer = self.outer.borrow_mut();
        for reference in references {
            if !outer.contains(&reference) {
                outer.push(reference);
            }
        }
    }

    /// The levels from here outwards.
    fn outwards(&self) -> impl Iterator<Item = (usize, &Level<'p>)> {
        let mut next = Some(self);
        std::iter::from_fn(move || {
            let here = next?;
            next = here.parent;
            Some(here)
        })
        .enumerate()
    }

    /// Whether a variable has the name, or that of a row of which this is a field.
    fn is_contested(&self, relation: Option<&str>, name: &str) -> bool {
        let variables = self.outwards().find(|(_, level)| level.contests);
        variables.is_some_and(|(_, level)| match relation {
            None => level
                .columns
                .borrow()
                .iter()
                .any(|known| known.name == name),
            Some(relation) => level.relations.borrow().iter().any(|known| {
                let mut fields = known.columns.iter();
                known.name == relation && fields.any(|field| field.name == name)
            }),
        })
    }

    /// The relation a qualifier means, and how far out it is.
    fn relation(&self, schema: Option<&str>, name: &str) -> Result<Option<(usize, Relation)>> {
        for (depth, level) in self.outwards() {
            let relations = level.relations.borrow();
            let mut found = relations.iter().filter(|relation| {
                relation.name == name
                    && schema.is_none_or(|schema| relation.schema.as_deref() == Some(schema))
            });
            match (found.next(), found.next()) {
                (Some(relation), None) => return Ok(Some((depth, relation.clone()))),
                (Some(_), Some(_)) => {
                    return Err(Error::new(
                        SqlState::AMBIGUOUS_ALIAS,
                        format!("table reference \"{name}\" is ambiguous"),
                    ));
                }
                (None, _) => {}
            }
        }
        Ok(None)
    }

    fn missing_from(&self, name: &str) -> Error {
        // A relation that has an alias is only known by it.
        let hidden = self.outwards().find_map(|(_, level)| {
            level
                .relations
                .borrow()
                .iter()
                .find(|relation| relation.hides(name))
                .map(|relation| relation.name.clone())
        });
        match hidden {
            Some(alias) => Error::new(
                SqlState::UNDEFINED_TABLE,
                format!("invalid reference to FROM-clause entry for table \"{name}\""),
            )
            .hint(format!(
                "Perhaps you meant to reference the table alias \"{alias}\"."
            )),
            None => {
                // One of the name is there, in another schema than the reference says.
                let there = |level: &Level<'_>| {
                    let relations = level.relations.borrow();
                    relations.iter().any(|relation| relation.name == name)
                };
                if self.outwards().any(|(_, level)| there(level)) {
                    return Error::new(
                        SqlState::UNDEFINED_TABLE,
                        format!("invalid reference to FROM-clause entry for table \"{name}\""),
                    )
                    .hint(format!(
                        "There is an entry for table \"{name}\", but it cannot be referenced from \
                         this part of the query."
                    ));
                }
                Error::new(
                    SqlState::UNDEFINED_TABLE,
                    format!("missing FROM-clause entry for table \"{name}\""),
                )
            }
        }
    }
}

/// `42702` for a name that several columns have.
pub(super) fn ambiguous(name: &str, span: Span) -> Error {
    at(
        Error::new(
            SqlState::AMBIGUOUS_COLUMN,
            format!("column reference \"{name}\" is ambiguous"),
        ),
        span,
    )
}

impl Relation {
    /// Of columns that a name qualifies, and of no table of the catalog.
    pub(super) fn of_columns(name: String, columns: Vec<Named>) -> Self {
        Self {
            name,
            schema: None,
            columns,
            oid: None,
            table: None,
            place: None,
            xmax: None,
            is_joined: false,
            null_supplied: false,
            certain: None,
            scalar: false,
            row: None,
        }
    }

    /// Whether this is the relation `name` under another name.
    fn hides(&self, name: &str) -> bool {
        self.schema
            .as_deref()
            .and_then(|schema| schema.strip_prefix('\0'))
            .is_some_and(|hidden| hidden == name)
    }
}

impl Analyst<'_> {
    /// What belongs to the outermost level, as seen from `level`.
    pub(super) fn seen_within(&self, level: &Level<'_>, value: Typed) -> Result<Typed> {
        let depth = level.outwards().count() - 1;
        self.seen(level, value, depth)
    }

    /// What was found `depth` levels out, as seen from `level`.
    pub(super) fn seen(&self, level: &Level<'_>, value: Typed, depth: usize) -> Result<Typed> {
        if depth == 0 {
            return Ok(value);
        }
        let mut references = Vec::new();
        let expr = self.as_outer(value.expr, &mut references)?;
        let mut next = Some(level);
        for _ in 0..depth {
            let Some(here) = next else { break };
            here.note(references.iter().cloned());
            next = here.parent;
        }
        let row = match value.row {
            Some(fields) => {
                let fields = fields
                    .iter()
                    .map(|(name, field)| {
                        Ok((name.clone(), self.seen(level, field.clone(), depth)?))
                    })
                    .collect::<Result<Vec<_>>>()?;
                Some(Rc::new(fields))
            }
            None => None,
        };
        Ok(Typed {
            expr,
            ty: value.ty,
            row,
            place: value.place,
        })
    }

    /// The columns of `*`.
    pub(super) fn every_column(&self, level: &Level<'_>) -> Vec<Named> {
        let columns = level.columns.borrow();
        let shown = columns.iter().filter(|column| !column.is_hidden());
        self.note_names(shown.clone());
        shown.cloned().collect()
    }

    /// `name.*` where one value belongs: the row of the relation.
    pub(super) fn star_row(&self, level: &Level<'_>, name: &ast::ObjectName) -> Result<Typed> {
        let parts: Vec<String> = name.0.iter().map(part).collect();
        let (schema, relation) = match parts.as_slice() {
            [relation] => (None, relation),
            [schema, relation] => (Some(schema.as_str()), relation),
            _ => return Err(Error::unsupported("this form of *")),
        };
        match level.relation(schema, relation)? {
            Some((depth, relation)) => self.whole_row(level, relation, depth),
            None => Err(at(level.missing_from(relation), name.span())),
        }
    }

    /// The columns of the relation `name`, for `name.*`.
    pub(super) fn starred(&self, level: &Level<'_>, name: &ast::ObjectName) -> Result<Vec<Named>> {
        let parts: Vec<String> = name.0.iter().map(part).collect();
        let (schema, relation) = match parts.as_slice() {
            [own, relation] if own == OWN => (None, relation),
            [relation] => (None, relation),
            [schema, relation] | [_, schema, relation] => (Some(schema.as_str()), relation),
            _ => return Err(Error::unsupported("this form of *")),
        };
        let Some((depth, relation)) = level.relation(schema, relation)? else {
            return Err(at(level.missing_from(relation), name.span()));
        };
        let shown = || relation.columns.iter().filter(|column| !column.is_hidden());
        if parts.first().is_none_or(|part| part != OWN) {
            self.note_names(shown());
        }
        shown()
            .cloned()
            .map(|column| {
                Ok(Named {
                    value: self.seen(level, column.value, depth)?,
                    name: column.name,
                })
            })
            .collect()
    }

    /// A column of a statement's target, which stands before what else it reads.
    pub(super) fn target_column(&self, level: &Level<'_>, name: &str) -> Result<Option<Typed>> {
        let columns = level.columns.borrow();
        let Some(column) = columns.iter().find(|column| column.name == name) else {
            return Ok(None);
        };
        self.note_names([column]);
        self.seen(level, column.value.clone(), 0).map(Some)
    }

    /// An unqualified name.
    pub(super) fn column(&self, level: &Level<'_>, ident: &ast::Ident) -> Result<Typed> {
        let name = fold(ident);
        for (depth, level_out) in level.outwards() {
            let columns = level_out.columns.borrow();
            let mut found = columns.iter().filter(|column| column.name == name);
            match (found.next(), found.next()) {
                (Some(column), None) => {
                    if !level_out.contests && level.is_contested(None, &name) {
                        return Err(variables::ambiguous(&name, ident.span));
                    }
                    self.note_names([column]);
                    return self.seen(level, column.value.clone(), depth);
                }
                (Some(_), Some(_)) => {
                    return Err(ambiguous(&name, ident.span));
                }
                (None, _) => {}
            }
            let relations = level_out.relations.borrow();
            let has = |of: &&Relation| !of.is_joined && of.has_system_column(&name);
            let mut having = relations.iter().filter(has);
            match (having.next(), having.next()) {
                (Some(relation), None) => {
                    if let Some(value) = self.system_column(relation, &name)? {
                        return self.seen(level, value, depth);
                    }
                }
                (Some(_), Some(_)) => {
                    return Err(ambiguous(&name, ident.span));
                }
                (None, _) => {}
            }
        }
        // The name of a relation is its row.
        if let Some((depth, relation)) = level.relation(None, &name)? {
            return self.whole_row(level, relation, depth);
        }
        Err(at(self.no_column(level, None, &name), ident.span))
    }

    /// `relation.column`, `schema.relation.column`.
    pub(super) fn qualified(&self, level: &Level<'_>, parts: &[ast::Ident]) -> Result<Typed> {
        let names: Vec<String> = parts.iter().map(fold).collect();
        let (schema, relation, name) = match names.as_slice() {
            [own, relation, name] if own == OWN => (None, relation, name),
            [relation, name] => (None, relation, name),
            [schema, relation, name] => (Some(schema.as_str()), relation, name),
            [database, schema, relation, name] if database == crate::engine::DATABASE_NAME => {
                (Some(schema.as_str()), relation, name)
            }
            [_, _, _, _] => {
                let error = Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!(
                        "cross-database references are not implemented: {}",
                        names.join(".")
                    ),
                );
                return Err(at(error, parts[0].span));
            }
            _ => {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!(
                        "improper qualified name (too many dotted names): {}",
                        names.join(".")
                    ),
                ));
            }
        };
        let span = parts
            .first()
            .map(|part| part.span)
            .unwrap_or(sqlparser::tokenizer::Span::empty());
        let Some((depth, found)) = level.relation(schema, relation)? else {
            return Err(at(level.missing_from(relation), span));
        };
        let mut columns = found.columns.iter().filter(|column| column.name == *name);
        match (columns.next(), columns.next()) {
            (Some(column), None) => {
                let variables = level.outwards().nth(depth);
                if variables.is_none_or(|(_, level)| !level.contests)
                    && level.is_contested(Some(relation), name)
                {
                    let shown = format!("{relation}.{name}");
                    return Err(variables::ambiguous(&shown, span));
                }
                if names.first().is_none_or(|part| part != OWN) {
                    self.note_names([column]);
                }
                self.seen(level, column.value.clone(), depth)
            }
            (Some(_), Some(_)) => Err(ambiguous(name, span)),
            (None, _) => match self.system_column(&found, name)? {
                Some(value) => self.seen(level, value, depth),
                None => {
                    let row = ast::Expr::Identifier(parts[parts.len() - 2].clone());
                    match self.as_function(level, row, &parts[parts.len() - 1])? {
                        Some(value) => Ok(value),
                        None => Err(at(self.no_column(level, Some(relation), name), span)),
                    }
                }
            },
        }
    }

    /// The row of a relation.
    fn whole_row(&self, level: &Level<'_>, mut relation: Relation, depth: usize) -> Result<Typed> {
        relation.columns.retain(|column| !column.is_hidden());
        self.note_names(&relation.columns);
        if relation.scalar
            && let [column] = relation.columns.as_slice()
        {
            return self.seen(level, column.value.clone(), depth);
        }
        let fields = relation
            .columns
            .into_iter()
            .map(|column| Ok((column.name, self.seen(level, column.value, depth)?)))
            .collect::<Result<Vec<_>>>()?;
        let row = match relation.row {
            Some(ty) => self.row_of_relation(fields, ty)?,
            None => self.row_of(&fields)?,
        };
        match relation.certain.filter(|_| relation.null_supplied) {
            Some(certain) => {
                // A row that an outer join had to supply is NULL.
                let there = self.seen(level, certain, depth)?.expr.is_not_null();
                let expr = typed::case(vec![(there, row.expr)], None);
                Ok(Typed { expr, ..row })
            }
            None => Ok(row),
        }
    }

    fn no_column(&self, level: &Level<'_>, relation: Option<&str>, name: &str) -> Error {
        let shown = match relation {
            Some(relation) => format!("{relation}.{name}"),
            None => format!("\"{name}\""),
        };
        let error = Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column {shown} does not exist"),
        );
        let relations = level.relations.borrow();
        let columns = relations.iter().flat_map(|found| {
            found
                .columns
                .iter()
                .filter(|column| !column.is_hidden())
                .map(|column| (Some(found.name.as_str()), column.name.as_str()))
        });
        match similar(name, columns) {
            Some(hint) => error.hint(hint),
            None => error,
        }
    }
}
