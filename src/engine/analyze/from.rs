//! What stands in FROM.

use std::sync::Arc;

use datafusion::common::{Column, TableReference};
use datafusion::logical_expr::{Expr, LogicalPlan, SubqueryAlias, TableScanBuilder};
use sqlparser::ast::{self, ObjectName, ObjectNamePart, TableFactor, TableWithJoins};

use super::level::{Level, Named, Relation};
use super::query::{Answer, Wanted};
use super::system_column::Places;
use super::typed::{self, Typed};
use super::{Analyst, Converted, Origin, place};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{self, ObjectId, Privilege};
use crate::engine::barrier::Barrier;
use crate::engine::local::{LocalRelation, LocalRows, is_lock_mark};
use crate::engine::parse::{fold, without_only};
use crate::engine::scan::{PLACE_COLUMN, TABLE_COLUMN};
use crate::engine::semantics::guarded;
use crate::engine::source::{RelationBody, RelationSource};
use crate::privileges::{self, Need};
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
                let is_locked = matches!(with_hints.as_slice(), [hint] if is_lock_mark(hint));
                if version.is_some()
                    || !with_hints.is_empty() && !is_locked
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
                        let source = self.relation(level, name, alias.as_ref(), is_locked)?;
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

    /// A relation by its name: a WITH query or one of the catalog.
    fn relation(
        &self,
        level: &Level<'_>,
        name: &ObjectName,
        alias: Option<&ast::TableAlias>,
        is_locked: bool,
    ) -> Result<Source> {
        let (only, name) = without_only(name);
        let name = name.as_ref();
        let parts: Vec<String> = name.0.iter().map(part).collect();
        let (schema, short) = match parts.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            [database, schema, name] if database == crate::engine::DATABASE_NAME => {
                (Some(schema.as_str()), name)
            }
            _ => {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!(
                        "cross-database references are not implemented: \"{}\"",
                        parts.join(".")
                    ),
                ));
            }
        };
        if schema.is_none()
            && let Some(entry) = level.ctes.and_then(|ctes| ctes.find(short))
        {
            if entry.silent {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("WITH query \"{short}\" does not have a RETURNING clause"),
                ));
            }
            let answer = Answer {
                plan: entry.plan,
                columns: entry.columns,
                order: Vec::new(),
                outer: entry.outer,
            };
            return self.named(answer, alias, short);
        }
        let Some(mut source) = self.scope.find(schema, short) else {
            let span = match name.0.first() {
                Some(ObjectNamePart::Identifier(ident)) => ident.span,
                _ => sqlparser::tokenizer::Span::empty(),
            };
            let snapshot = &self.scope.context.snapshot;
            let ty = snapshot.resolve_type(self.scope.path, schema, short);
            let error = match ty.filter(|ty| ty.composite().is_some()) {
                Some(ty) => Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is a composite type", ty.name),
                ),
                None => Error::new(
                    SqlState::UNDEFINED_TABLE,
                    format!("relation \"{}\" does not exist", parts.join(".")),
                ),
            };
            return Err(super::at(error, span));
        };
        source.is_locked = is_locked;
        if !only {
            source = source.with_members(&self.scope.context.snapshot);
        }
        if self.shared.places.get() == Places::Told {
            source = source.with_place();
        }
        // Inside a function's body it is asked at once: not every statement that calls functions
        // looks at what they read.
        if let (Some(role), RelationBody::Stored(relation)) = (source.rights(), &source.body) {
            if source.qualified {
                let need = Need::Privilege {
                    role,
                    object: ObjectId::Schema(relation.schema),
                    any_of: Privilege::Usage.into(),
                };
                privileges::authorize(&self.scope.context.snapshot, &[need], ())?;
            }
            let mut reading = self.reading.borrow_mut();
            reading.entry(relation.oid).or_default();
        }
        if let RelationBody::Local(local) = &source.body
            && let LocalRows::Query {
                query,
                barrier,
                table,
            } = &local.rows
        {
            return self.local_query(local, query, (*barrier, *table), alias);
        }
        self.scanned(source, alias, schema, short)
    }

    /// A relation of the statement's own that is a query over others.
    fn local_query(
        &self,
        local: &LocalRelation,
        query: &ast::Query,
        (barrier, table): (bool, Option<Oid>),
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let was_closed = self.shared.is_closed.replace(true);
        let answer = self.query(query, None, None, Wanted::Ordered);
        self.shared.is_closed.set(was_closed);
        let mut answer = answer?;
        if barrier {
            answer.plan = Barrier::over(answer.plan);
        }
        let mut source = self.named(answer, alias, &local.name)?;
        self.note_origins(&source.columns, local.origins.iter().copied());
        if let (Some(table), Some(relation)) = (table, source.relations.first_mut()) {
            relation.oid = Some(local.relation);
            relation.table = Some(table_of(table));
            relation.place = hidden(&relation.columns, PLACE_COLUMN);
        }
        Ok(source)
    }

    /// Notes which columns of the catalog are named.
    pub(super) fn note_names<'n>(&self, columns: impl IntoIterator<Item = &'n Named>) {
        let origins = self.shared.origins.borrow();
        for column in columns {
            let parts = column.value.expr.column_refs();
            for origin in parts.into_iter().filter_map(|part| origins.get(part)) {
                // An argument of a function was named by who calls it.
                if origin.body == self.body {
                    self.note_read(origin.relation, origin.attnum);
                }
            }
        }
    }

    /// Notes that a column of a relation is read: by the statement, or by the body of the function
    /// that this is.
    pub(super) fn note_read(&self, relation: Oid, attnum: i16) {
        if self.chain.is_some() {
            let mut reading = self.reading.borrow_mut();
            reading.entry(relation).or_default().insert(attnum);
        } else if !self.shared.is_closed.get() {
            self.shared.names.borrow_mut().insert((relation, attnum));
        }
    }

    /// Remembers which columns of the catalog columns of the plan are.
    fn note_origins(&self, columns: &[Named], of: impl Iterator<Item = Option<(Oid, i16)>>) {
        let mut origins = self.shared.origins.borrow_mut();
        for (column, of) in columns.iter().zip(of) {
            if let (Expr::Column(column), Some((relation, attnum))) = (&column.value.expr, of) {
                let origin = Origin {
                    relation,
                    attnum,
                    body: self.body,
                };
                origins.insert(column.clone(), origin);
            }
        }
    }

    /// A scan of a relation.
    pub(super) fn scanned(
        &self,
        source: RelationSource,
        alias: Option<&ast::TableAlias>,
        schema: Option<&str>,
        name: &str,
    ) -> Result<Source> {
        let snapshot = self.scope.context.snapshot.clone();
        let own_name = match &source.body {
            RelationBody::Local(local) => snapshot
                .relation(local.relation)
                .map(|relation| (relation.schema, &relation.name)),
            _ => None,
        };
        let (oid, in_schema) = match &source.body {
            RelationBody::System(relation) => (
                (relation.kind == 'r').then_some(relation.oid),
                Some(relation.schema),
            ),
            RelationBody::Stored(relation) => (
                (relation.relkind() != 'v').then_some(relation.oid),
                Some(relation.schema),
            ),
            RelationBody::Local(local) => (Some(local.relation), None),
            RelationBody::Function(..) | RelationBody::Shared(_) => (None, None),
        };
        let in_schema: Option<String> = in_schema
            .and_then(|schema: Oid| snapshot.schema(schema))
            .map(|schema| schema.name.to_string())
            .or_else(|| schema.map(str::to_owned));
        let origins: Vec<Option<(Oid, i16)>> = match &source.body {
            RelationBody::Stored(relation) => {
                let columns = relation.columns.iter();
                columns
                    .map(|column| Some((relation.oid, column.attnum)))
                    .collect()
            }
            RelationBody::Local(local) => local.origins.clone(),
            _ => Vec::new(),
        };
        let row = match &source.body {
            RelationBody::Stored(relation) => Some(relation.row_ty()),
            RelationBody::Local(local) => snapshot
                .relation(local.relation)
                .map(|relation| relation.row_ty()),
            RelationBody::System(_) | RelationBody::Function(..) | RelationBody::Shared(_) => None,
        };
        // Rows of the statement's own keep such columns under their hidden names.
        let is_stored = matches!(source.body, RelationBody::Stored(_));
        let (is_family, is_placed) = (is_stored && source.is_family(), source.is_placed());
        let never_null = |columns: &[catalog::Column]| columns.iter().position(|c| c.not_null);
        let certain = match &source.body {
            RelationBody::System(relation) => never_null(&relation.columns),
            // Columns of the engine's own are there in every row.
            RelationBody::Stored(relation) if is_family || is_placed => {
                Some(relation.columns.len())
            }
            RelationBody::Stored(relation) => never_null(&relation.columns),
            _ => None,
        };
        let scan = TableScanBuilder::new(source.canonical_name(&snapshot), Arc::new(source))
            .build()
            .map(LogicalPlan::TableScan)
            .converted()?;
        let columns = scan
            .schema()
            .fields()
            .iter()
            .map(|field| (field.name().clone(), PgType::of_column(field)))
            .collect();
        let mut named = self.under_alias(scan, columns, alias, name)?;
        let certain = certain.and_then(|index| named.columns.get(index));
        let certain = certain.map(|column| column.value.clone());
        let mut own = |there: bool| match there {
            true => named.columns.pop().map(|column| column.value),
            false => None,
        };
        let place = own(is_placed);
        let table = own(is_family);
        self.note_origins(&named.columns, origins.into_iter());
        if let Some(relation) = named.relations.first_mut() {
            relation.oid = oid;
            relation.row = row;
            relation.columns.truncate(named.columns.len());
            relation.table = table.or_else(|| hidden(&relation.columns, TABLE_COLUMN));
            relation.place = place.or_else(|| hidden(&relation.columns, PLACE_COLUMN));
            relation.certain = certain;
            relation.schema = match alias {
                // The target of a change goes by its own name where it was given no other.
                Some(alias) if own_name.is_some_and(|(_, own)| *own == *fold(&alias.name)) => {
                    own_name
                        .and_then(|(schema, _)| snapshot.schema(schema))
                        .map(|schema| schema.name.to_string())
                }
                // Under an alias the relation's own name means nothing any more.
                Some(_) => Some(format!("\0{name}")),
                None => in_schema,
            };
        }
        Ok(named)
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
        let answer = self.query(subquery, parent, level.ctes, Wanted::Ordered)?;
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

/// The column of this hidden name, if there is one.
fn hidden(columns: &[Named], name: &str) -> Option<Typed> {
    let mut columns = columns.iter();
    let column = columns.find(|column| column.name == name)?;
    Some(column.value.clone())
}

/// The number of a table, as `tableoid` gives it.
fn table_of(table: Oid) -> Typed {
    let number = datafusion::common::ScalarValue::UInt32(Some(table.0));
    typed::literal(number, PgType::OID)
}

/// A name's part, folded.
pub(super) fn part(part: &ObjectNamePart) -> String {
    match part {
        ObjectNamePart::Identifier(ident) => fold(ident),
        ObjectNamePart::Function(function) => function.to_string(),
    }
}
