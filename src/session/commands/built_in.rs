//! Objects that users cannot make: DROP of those that are not there, and CREATE EXTENSION of what
//! is there already, as dumps and scripts that clean up say them.

use super::alter::as_server;
use super::{relation_of, skipping, tag};
use crate::base::name::{quote, quote_literal};
use crate::base::{Error, Result, SqlState};
use crate::catalog::RelationKind;
use crate::engine::command::{BuiltInKind, BuiltInName, DropBuiltIn, ObjectName};
use crate::engine::parse_query;
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

/// Nobody may drop what has a lower OID: `FirstUnpinnedObjectId`.
const UNPINNED: u32 = 12_000;

/// The rule that a view is.
const RETURN: &str = "_RETURN";

impl Session {
    /// DROP of objects that users cannot make.
    ///
    /// # Errors
    /// `42704` and its kin for what is not there, unless IF EXISTS was said; PostgreSQL's for what
    /// nobody may drop; `0A000` for what somebody might there.
    pub(in crate::session) async fn drop_built_in(
        &mut self,
        drop: &DropBuiltIn,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let kind = drop.kind;
        if matches!(kind, BuiltInKind::Database | BuiltInKind::Tablespace) {
            self.refuse_in_block(kind.drop_tag())?;
        }
        for object in &drop.objects {
            let missing = match self.missing(kind, object, drop.if_exists, &run).await? {
                Some(missing) => missing,
                None => return Err(self.undroppable(kind, object, &run).await?),
            };
            if !drop.if_exists {
                return Err(missing);
            }
            self.notice(format!("{}, skipping", missing.message()));
        }
        Ok(tag(kind.drop_tag()))
    }

    /// What is to be said if an object is not there.
    async fn missing(
        &mut self,
        kind: BuiltInKind,
        object: &BuiltInName,
        if_exists: bool,
        run: &Run<'_>,
    ) -> Result<Option<Error>> {
        let context = self.context()?;
        let of = object.of.as_ref().filter(|_| if_exists);
        let schema = object.name.schema.as_ref();
        if let Some(schema) = schema.or(of.and_then(|of| of.schema.as_ref()))
            && context.snapshot.schema_named(schema).is_none()
        {
            let message = format!("schema \"{schema}\" does not exist");
            return Ok(Some(Error::new(SqlState::INVALID_SCHEMA_NAME, message)));
        }
        let name = &object.name;
        if kind == BuiltInKind::Rule {
            let Some(table) = &object.of else {
                return Err(Error::internal("dropping a rule", "of no table"));
            };
            return Ok(match relation_of(&context, table) {
                Err(error) => Some(error),
                Ok(relation)
                    if name.name == RETURN && matches!(relation.kind, RelationKind::View(_)) =>
                {
                    None
                }
                Ok(_) => Some(Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("rule \"{name}\" for relation \"{table}\" does not exist"),
                )),
            });
        }
        let server = as_server(&context);
        if let Some(method) = &object.of {
            let of = BuiltInName {
                name: method.clone(),
                of: None,
            };
            let query = parse_query(&search(BuiltInKind::AccessMethod, &of))?;
            if !self.finds(&server, &query, run).await? {
                let message = format!("access method \"{method}\" does not exist");
                return Err(Error::new(SqlState::UNDEFINED_OBJECT, message));
            }
        }
        let query = parse_query(&search(kind, object))?;
        if self.finds(&server, &query, run).await? {
            return Ok(None);
        }
        let noun = kind.noun();
        let message = match &object.of {
            Some(method) => {
                format!("{noun} \"{name}\" does not exist for access method \"{method}\"")
            }
            None if kind == BuiltInKind::Collation && !if_exists => {
                format!("{noun} \"{name}\" for encoding \"UTF8\" does not exist")
            }
            None => format!("{noun} \"{name}\" does not exist"),
        };
        let state = match kind {
            BuiltInKind::Database => SqlState::INVALID_CATALOG_NAME,
            _ => SqlState::UNDEFINED_OBJECT,
        };
        Ok(Some(Error::new(state, message)))
    }

    /// Why an object that is there is not dropped.
    async fn undroppable(
        &mut self,
        kind: BuiltInKind,
        object: &BuiltInName,
        run: &Run<'_>,
    ) -> Result<Error> {
        let name = quote(&object.name.name);
        let required = |what: String| {
            let message = format!("cannot drop {what}");
            Error::new(SqlState::DEPENDENT_OBJECTS_STILL_EXIST, message)
        };
        let noun = kind.noun();
        let pinned = {
            let query = format!("{} AND oid < {UNPINNED}", search(kind, object));
            let query = parse_query(&query)?;
            let server = as_server(self.context()?.as_ref());
            kind != BuiltInKind::Rule && self.finds(&server, &query, run).await?
        };
        Ok(match (kind, &object.of) {
            (BuiltInKind::Database, _) => Error::new(
                SqlState::OBJECT_IN_USE,
                "cannot drop the currently open database",
            ),
            (BuiltInKind::Tablespace, _) => Error::new(
                SqlState::INSUFFICIENT_PRIVILEGE,
                format!("permission denied for tablespace {}", object.name.name),
            ),
            (BuiltInKind::Rule, Some(view)) => required(format!(
                "rule {RETURN} on view {view} because view {view} requires it"
            ))
            .hint(format!("You can drop view {view} instead.")),
            (_, of) if pinned => {
                let of = of
                    .as_ref()
                    .map(|method| format!(" for access method {method}"));
                let of = of.unwrap_or_default();
                required(format!(
                    "{noun} {name}{of} because it is required by the database system"
                ))
            }
            (BuiltInKind::Language, _) => required(format!(
                "language {name} because extension {name} requires it"
            ))
            .hint(format!("You can drop extension {name} instead.")),
            _ => Error::unsupported(format!("{} {name}", kind.drop_tag())),
        })
    }

    /// CREATE EXTENSION
    ///
    /// # Errors
    /// `42710` for one that is there; `0A000` for any other, as PostgreSQL says it where one is not
    /// installed.
    pub(in crate::session) async fn create_extension(
        &mut self,
        name: &str,
        if_not_exists: bool,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        if !self.has_extension(&context, name, &run).await? {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("extension \"{name}\" is not available"),
            ));
        }
        let message = format!("extension \"{name}\" already exists");
        if !if_not_exists {
            return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
        }
        let state = SqlState::DUPLICATE_OBJECT;
        self.report(skipping(state, format!("{message}, skipping")));
        Ok(tag("CREATE EXTENSION"))
    }

    async fn has_extension(
        &mut self,
        context: &StatementContext,
        name: &str,
        run: &Run<'_>,
    ) -> Result<bool> {
        let object = BuiltInName {
            name: ObjectName {
                schema: None,
                name: name.to_owned(),
            },
            of: None,
        };
        let query = parse_query(&search(BuiltInKind::Extension, &object))?;
        self.finds(&as_server(context), &query, run).await
    }
}

/// The query that has a row if an object is there.
fn search(kind: BuiltInKind, object: &BuiltInName) -> String {
    // The catalog, and how the names of its columns begin.
    let (catalog, column) = match kind {
        BuiltInKind::AccessMethod => ("pg_am", "am"),
        BuiltInKind::Collation => ("pg_collation", "coll"),
        BuiltInKind::Conversion => ("pg_conversion", "con"),
        BuiltInKind::Database => ("pg_database", "dat"),
        BuiltInKind::EventTrigger => ("pg_event_trigger", "evt"),
        BuiltInKind::Extension => ("pg_extension", "ext"),
        BuiltInKind::ForeignDataWrapper => ("pg_foreign_data_wrapper", "fdw"),
        BuiltInKind::Language => ("pg_language", "lan"),
        BuiltInKind::OperatorClass => ("pg_opclass", "opc"),
        BuiltInKind::OperatorFamily => ("pg_opfamily", "opf"),
        BuiltInKind::Publication => ("pg_publication", "pub"),
        BuiltInKind::Rule => ("pg_rewrite", "rule"),
        BuiltInKind::Server => ("pg_foreign_server", "srv"),
        BuiltInKind::Subscription => ("pg_subscription", "sub"),
        BuiltInKind::Tablespace => ("pg_tablespace", "spc"),
        BuiltInKind::SearchConfiguration => ("pg_ts_config", "cfg"),
        BuiltInKind::SearchDictionary => ("pg_ts_dict", "dict"),
        BuiltInKind::SearchParser => ("pg_ts_parser", "prs"),
        BuiltInKind::SearchTemplate => ("pg_ts_template", "tmpl"),
    };
    let name = quote_literal(&object.name.name);
    let mut query = format!("SELECT 1 FROM pg_catalog.{catalog} WHERE {column}name = {name}");
    if let Some(schema) = &object.name.schema {
        let schema = quote_literal(schema);
        query.push_str(&format!(
            " AND {column}namespace = (SELECT oid FROM pg_catalog.pg_namespace \
             WHERE nspname = {schema})"
        ));
    }
    if let Some(method) = &object.of {
        let method = quote_literal(&method.name);
        query.push_str(&format!(
            " AND {column}method = (SELECT oid FROM pg_catalog.pg_am WHERE amname = {method})"
        ));
    }
    query
}
