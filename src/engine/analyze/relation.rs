//! Relations of FROM by their names: WITH queries, those of the catalog, those of the statement's
//! own.

use std::sync::Arc;

use datafusion::logical_expr::{Expr, LogicalPlan, TableScanBuilder, lit};
use sqlparser::ast::{self, ObjectName, ObjectNamePart};

use super::from::{Source, part};
use super::level::{Level, Named};
use super::query::{Answer, Wanted};
use super::system_column::{self, Places};
use super::typed::{self, Typed};
use super::{Analyst, Converted, Origin, locking};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog;
use crate::catalog::{ObjectId, Privilege};
use crate::engine::barrier::Barrier;
use crate::engine::local::{LocalRelation, LocalRows};
use crate::engine::parse::{fold, without_only};
use crate::engine::scan::{PLACE_COLUMN, TABLE_COLUMN, XMAX_COLUMN};
use crate::engine::source::{RelationBody, RelationSource};
use crate::privileges::{self, LockWait, Need, RowLock};
use crate::types::PgType;

impl Analyst<'_> {
    /// A relation by its name: a WITH query or one of the catalog.
    pub(super) fn relation(
        &self,
        level: &Level<'_>,
        name: &ObjectName,
        alias: Option<&ast::TableAlias>,
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
            if entry.itself {
                level.repeats.set(true);
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
        let called = alias.map_or_else(|| short.clone(), |alias| fold(&alias.name));
        source.lock = locking::asked(level, &called, only);
        if let Some(lock) = source.lock {
            if self.scope.view.is_some() {
                return Err(Error::unsupported("FOR UPDATE and FOR SHARE in a view"));
            }
            locking::check_lockable(&source.body, lock)?;
        }
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
        let skips = |lock: RowLock| lock.wait == LockWait::Skip;
        let skipped = source.lock.is_some_and(skips) && self.is_skipped(&source);
        let mut source = self.scanned(source, alias, schema, short)?;
        if skipped {
            source.plan = self.filtered(source.plan, lit(false))?;
        }
        Ok(source)
    }

    /// Whether somebody else has locked rows of a table.
    fn is_skipped(&self, source: &RelationSource) -> bool {
        let skipped = &self.scope.context.skipped;
        let RelationBody::Stored(relation) = &source.body else {
            return false;
        };
        let mut tables = source.members.iter().chain([relation]);
        tables.any(|table| skipped.contains(&table.oid))
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
        // Rows that a statement can read are deleted by nobody.
        let is_there = matches!(
            source.body,
            RelationBody::Stored(_) | RelationBody::System(_)
        );
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
            relation.xmax = match is_there {
                true => Some(system_column::no_transaction()),
                false => hidden(&relation.columns, XMAX_COLUMN),
            };
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
