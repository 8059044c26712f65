//! What stands in FROM.

use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, SubqueryAlias};
use sqlparser::ast::{self, ObjectNamePart, TableFactor, TableWithJoins};

use super::level::{Level, Named, Relation};
use super::query::{Answer, Wanted};
use super::typed::Typed;
use super::{Analyst, Converted, locking, place};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::fold;
use crate::engine::semantics::guarded;
use crate::types::PgType;

/// Rows of FROM with the names for them.
pub(super) struct Source {
    pub(super) plan: LogicalPlan,
    pub(super) relations: Vec<Relation>,
    /// What an unqualified name may be, in the order of `*`.
    pub(super) columns: Vec<Named>,
    /// References to what stands to the left in FROM or further out.
    pub(super) outer: Vec<Expr>,
    /// How the rows are ordered.
    pub(super) order: Vec<datafusion::logical_expr::SortExpr>,
}

impl Analyst<'_> {
    /// The rows of a FROM clause; its names are added to the level.
    pub(super) fn from(
        &self,
        level: &Level<'_>,
        items: &[TableWithJoins],
    ) -> Result<Option<LogicalPlan>> {
        let mut all: Option<Source> = None;
        for item in items {
            let source = match &all {
                Some(left) => self.beside(level, left, || self.joined(level, item))?,
                None => self.joined(level, item)?,
            };
            all = Some(match all {
                Some(left) => self.crossed(level, left, source)?,
                None => self.first(level, source)?,
            });
        }
        let Some(all) = all else {
            return Ok(None);
        };
        level.relations.borrow_mut().extend(all.relations);
        level.columns.borrow_mut().extend(all.columns);
        *level.order.borrow_mut() = all.order;
        Ok(Some(all.plan))
    }

    /// Does something while the names of `left` can be seen, for LATERAL.
    pub(super) fn beside<T>(
        &self,
        level: &Level<'_>,
        left: &Source,
        work: impl FnOnce() -> Result<T>,
    ) -> Result<T> {
        let (relations, columns) = (level.relations.borrow().len(), level.columns.borrow().len());
        level
            .relations
            .borrow_mut()
            .extend(left.relations.iter().cloned());
        level
            .columns
            .borrow_mut()
            .extend(left.columns.iter().cloned());
        let done = work();
        level.relations.borrow_mut().truncate(relations);
        level.columns.borrow_mut().truncate(columns);
        done
    }

    /// The leftmost rows: nothing to the left to refer to.
    pub(super) fn first(&self, level: &Level<'_>, source: Source) -> Result<Source> {
        level.note(source.outer.iter().cloned());
        Ok(source)
    }

    /// One relation, subquery or function.
    pub(super) fn factor(&self, level: &Level<'_>, factor: &TableFactor) -> Result<Source> {
        match factor {
            TableFactor::Table {
                name,
                alias,
                args,
                with_hints,
                version,
                with_ordinality,
                partitions,
                json_path,
                sample,
                index_hints,
            } => {
                if version.is_some()
                    || !with_hints.is_empty()
                    || !partitions.is_empty()
                    || json_path.is_some()
                    || !index_hints.is_empty()
                {
                    return Err(Error::unsupported("this clause after a table name"));
                }
                match args {
                    Some(args) if args.settings.is_some() => {
                        Err(Error::unsupported("SETTINGS of a table function"))
                    }
                    Some(args) => self.function_rows(
                        level,
                        name,
                        &args.args,
                        *with_ordinality,
                        alias.as_ref(),
                    ),
                    None => {
                        let source = self.relation(level, name, alias.as_ref())?;
                        match sample {
                            Some(sample) => self.sampled(level, source, sample),
                            None => Ok(source),
                        }
                    }
                }
            }
            TableFactor::Function {
                name,
                args,
                with_ordinality,
                alias,
                ..
            } => self.function_rows(level, name, args, *with_ordinality, alias.as_ref()),
            TableFactor::Derived {
                lateral,
                subquery,
                alias,
                sample,
            } => {
                if sample.is_some() {
                    return Err(Error::new(
                        SqlState::SYNTAX_ERROR,
                        "syntax error at or near \"tablesample\"",
                    ));
                }
                self.derived(level, *lateral, subquery, alias.as_ref())
            }
            TableFactor::UNNEST {
                alias,
                array_exprs,
                with_offset,
                with_ordinality,
                ..
            } => {
                if *with_offset {
                    return Err(Error::unsupported("WITH OFFSET"));
                }
                self.unnested_rows(level, array_exprs, *with_ordinality, alias.as_ref())
            }
            TableFactor::NestedJoin {
                table_with_joins,
                alias,
            } => {
                let source = self.joined(level, table_with_joins)?;
                match alias {
                    Some(alias) => self.join_alias(source, alias),
                    None => Ok(source),
                }
            }
            TableFactor::TableFunction { .. } => Err(Error::unsupported("TABLE (function)")),
            TableFactor::JsonTable { .. } => Err(Error::unsupported("JSON_TABLE")),
            TableFactor::OpenJsonTable { .. } => Err(Error::unsupported("OPENJSON")),
            TableFactor::Pivot { .. } => Err(Error::unsupported("PIVOT")),
            TableFactor::Unpivot { .. } => Err(Error::unsupported("UNPIVOT")),
            TableFactor::MatchRecognize { .. } => Err(Error::unsupported("MATCH_RECOGNIZE")),
            TableFactor::XmlTable { .. } => Err(Error::unsupported("XMLTABLE")),
            TableFactor::SemanticView { .. } => Err(Error::unsupported("SEMANTIC_VIEW")),
        }
    }

    /// A subquery.
    fn derived(
        &self,
        level: &Level<'_>,
        lateral: bool,
        subquery: &ast::Query,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        if alias.is_none() {
            let what = if matches!(subquery.body.as_ref(), ast::SetExpr::Values(_)) {
                ("VALUES in FROM must have an alias", "(VALUES ...)")
            } else {
                ("subquery in FROM must have an alias", "(SELECT ...)")
            };
            return Err(Error::new(SqlState::SYNTAX_ERROR, what.0)
                .hint(format!("For example, FROM {} [AS] foo.", what.1))
                .or_at(place::parenthesis(subquery)));
        }
        let parent = if lateral { Some(level) } else { level.parent };
        let called = alias.map(|alias| fold(&alias.name)).unwrap_or_default();
        let locked = locking::pushed_down(level, subquery, &called);
        let subquery = locked.as_ref().unwrap_or(subquery);
        let answer = self.query(subquery, parent, level.ctes, Wanted::Ordered)?;
        let answer = answer.with_effects()?;
        self.named(answer, alias, "")
    }

    /// An answer as a relation of FROM.
    pub(super) fn named(
        &self,
        answer: Answer,
        alias: Option<&ast::TableAlias>,
        name: &str,
    ) -> Result<Source> {
        let columns = answer
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.ty))
            .collect();
        let before = answer.plan.schema().clone();
        let plan = guarded(answer.plan);
        let mut source = self.under_alias(plan, columns, alias, name)?;
        let after = source.plan.schema().clone();
        source.order = answer
            .order
            .into_iter()
            .filter_map(|key| {
                let Expr::Column(column) = &key.expr else {
                    return None;
                };
                let index = before.maybe_index_of_column(column)?;
                let expr = Expr::from(after.qualified_field(index));
                Some(datafusion::logical_expr::SortExpr { expr, ..key })
            })
            .collect();
        source.outer = answer.outer;
        Ok(source)
    }

    /// A plan under an alias of its own, with the user's names for its first columns.
    pub(super) fn under_alias(
        &self,
        plan: LogicalPlan,
        columns: Vec<(String, PgType)>,
        alias: Option<&ast::TableAlias>,
        name: &str,
    ) -> Result<Source> {
        let shown = match alias {
            Some(alias) => fold(&alias.name),
            None => name.to_owned(),
        };
        let renames = alias
            .map(|alias| alias.columns.as_slice())
            .unwrap_or_default();
        let is_shown = |(name, _): &&(String, PgType)| !name.starts_with('\0');
        let width = columns.iter().filter(is_shown).count();
        if renames.len() > width {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "table \"{shown}\" has {width} columns available but {} columns specified",
                    renames.len()
                ),
            ));
        }
        let unique = TableReference::bare(self.alias(&shown));
        let plan = SubqueryAlias::try_new(Arc::new(plan), unique.clone())
            .map(LogicalPlan::SubqueryAlias)
            .converted()?;
        let named: Vec<Named> = columns
            .into_iter()
            .enumerate()
            .map(|(index, (name, ty))| {
                let name = renames.get(index).map_or(name, |rename| fold(&rename.name));
                let field = plan.schema().field(index);
                let column = Column::new(Some(unique.clone()), field.name());
                self.register(
                    &column,
                    &plan.schema().fields()[index],
                    format!("{shown}.{name}"),
                );
                let value = Typed::new(Expr::Column(column), ty);
                Named { name, value }
            })
            .collect();
        Ok(Source {
            relations: vec![Relation::of_columns(shown, named.clone())],
            plan,
            columns: named,
            outer: Vec::new(),
            order: Vec::new(),
        })
    }
}

/// A name's part, folded.
pub(super) fn part(part: &ObjectNamePart) -> String {
    match part {
        ObjectNamePart::Identifier(ident) => fold(ident),
        ObjectNamePart::Function(function) => function.to_string(),
    }
}
