//! What a name in a query may refer to, as a leaf of the bound plan.
//!
//! A [`RelationSource`] only knows its columns: binding reads no rows, and views stay closed.
//! `expand` opens them and puts in what can be scanned, after the caller was permitted.

use std::sync::Arc;

use arrow::datatypes::{Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::common::TableReference;
use datafusion::datasource::TableType;
use datafusion::logical_expr::TableSource;

use super::local::LocalRelation;
use super::scan::{PLACE_COLUMN, TABLE_COLUMN, family_schema, with_place};
use super::shared::SharedRelation;
use crate::base::Oid;
use crate::catalog::{Relation, RelationKind, Snapshot};
use crate::pg_catalog::SystemRelation;
use crate::privileges::{LockWait, RowLock};
use crate::statement::StatementContext;

/// A relation found by name.
pub(super) struct RelationSource {
    /// Which.
    pub(super) body: RelationBody,
    /// Whether its schema was written: then USAGE on the schema is needed too. A look-up along the
    /// search path only finds schemas the role may use.
    pub(super) qualified: bool,
    /// How its rows are locked, if they are.
    pub(super) lock: Option<RowLock>,
    /// The tables whose rows are read where others stand under the one named; none else.
    pub(super) members: Vec<Arc<Relation>>,
    /// Inside the body of a function: what the body sees. Its role's privileges count.
    pub(super) inside: Option<Arc<StatementContext>>,
    schema: SchemaRef,
}

/// What was found.
pub(super) enum RelationBody {
    /// A table, view or foreign table of the catalog.
    Stored(Arc<Relation>),
    /// A system relation.
    System(&'static SystemRelation),
    /// A relation of this statement alone.
    Local(LocalRelation),
    /// The rows of a table function; the text is its call, arguments included.
    Function(String, Arc<dyn TableProvider>),
    /// The rows of a query that is computed once.
    Shared(SharedRelation),
}

impl RelationSource {
    /// The source for a relation.
    pub(super) fn new(body: RelationBody, qualified: bool) -> Self {
        let schema = match &body {
            RelationBody::Stored(relation) => Arc::new(Schema::new(
                relation
                    .columns
                    .iter()
                    // A view's columns may be NULL whatever its tables say.
                    .map(|column| column.ty.field(&column.name, !column.not_null))
                    .collect::<Vec<_>>(),
            )),
            RelationBody::System(relation) => relation.arrow_schema(),
            RelationBody::Local(local) => local.provider().schema(),
            RelationBody::Function(_, provider) => provider.schema(),
            RelationBody::Shared(shared) => shared.schema.clone(),
        };
        Self {
            body,
            qualified,
            lock: None,
            members: Vec::new(),
            inside: None,
            schema,
        }
    }

    /// The same with the rows of what stands under the table, if anything does.
    pub(super) fn with_members(self, snapshot: &Snapshot) -> Self {
        let RelationBody::Stored(relation) = &self.body else {
            return self;
        };
        if !relation.is_partitioned() && !snapshot.has_children(relation.oid) {
            return self;
        }
        let members = snapshot.members(relation);
        Self {
            schema: Arc::new(family_schema(relation, &members)),
            members,
            ..self
        }
    }

    /// The same with rows that say where they are, of what is stored.
    pub(super) fn with_place(self) -> Self {
        let is_stored = |relation: &Relation| {
            let kind = &relation.kind;
            matches!(
                kind,
                RelationKind::Table { .. } | RelationKind::Materialized { .. }
            )
        };
        match &self.body {
            RelationBody::Stored(relation) if is_stored(relation) => Self {
                schema: Arc::new(with_place(&self.schema)),
                ..self
            },
            _ => self,
        }
    }

    /// Whether its rows say which table they are of.
    pub(super) fn is_family(&self) -> bool {
        self.schema.column_with_name(TABLE_COLUMN).is_some()
    }

    /// Whether its rows say where they are.
    pub(super) fn is_placed(&self) -> bool {
        matches!(self.body, RelationBody::Stored(_))
            && self.schema.column_with_name(PLACE_COLUMN).is_some()
    }

    /// The same inside the body of a function, which sees `context`.
    pub(super) fn within(self, context: Arc<StatementContext>) -> Self {
        Self {
            inside: Some(context),
            ..self
        }
    }

    /// Inside the body of a function: whose privileges count.
    pub(super) fn rights(&self) -> Option<Oid> {
        self.inside.as_ref().map(|context| context.role)
    }

    /// A name no other relation of any plan has: two scans are the same scan exactly if their names
    /// are equal, because DataFusion compares scans by name alone.
    pub(super) fn canonical_name(&self, snapshot: &Snapshot) -> TableReference {
        match &self.body {
            RelationBody::Stored(relation) => {
                let schema = snapshot
                    .schema(relation.schema)
                    .map_or("?", |schema| schema.name.as_str());
                let mut which = relation.oid.to_string();
                if let Some(lock) = self.lock {
                    which.push_str(match lock.wait {
                        LockWait::Skip => " locked, or skipped",
                        LockWait::Block | LockWait::Error => " locked",
                    });
                }
                if self.is_family() {
                    which.push_str(" and below");
                }
                if self.is_placed() {
                    which.push_str(" placed");
                }
                TableReference::full(which, schema, relation.name.as_str())
            }
            RelationBody::System(relation) => {
                let schema = snapshot
                    .schema(relation.schema)
                    .map_or("?", |schema| schema.name.as_str());
                TableReference::full(relation.oid.to_string(), schema, relation.name)
            }
            RelationBody::Local(local) => TableReference::bare(local.name.as_str()),
            RelationBody::Function(call, _) => TableReference::full("0", "", call.as_str()),
            RelationBody::Shared(shared) => shared.table(),
        }
    }
}

impl TableSource for RelationSource {
    fn schema(&self) -> SchemaRef {
        self.schema.clone()
    }

    fn table_type(&self) -> TableType {
        match &self.body {
            RelationBody::Stored(relation) => match relation.kind {
                RelationKind::View(_) => TableType::View,
                RelationKind::Table { .. }
                | RelationKind::Materialized { .. }
                | RelationKind::Sequence(_)
                | RelationKind::Foreign { .. } => TableType::Base,
            },
            RelationBody::System(_) => TableType::View,
            RelationBody::Local(_) | RelationBody::Function(_, _) | RelationBody::Shared(_) => {
                TableType::Temporary
            }
        }
    }
}
