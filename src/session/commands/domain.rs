//! CREATE DOMAIN and ALTER DOMAIN.

use std::sync::Arc;

use super::alter::as_server;
use super::constraint::choose_name;
use super::table::Place;
use super::user_type::{refuse_texts, type_of};
use super::{collation, skipping, tag};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::user_type::{Domain, DomainCheck, made_of};
use crate::catalog::{
    Change, Column, ObjectId, Persistence, Privilege, Relation, RelationKind, TypeKind, UserType,
};
use crate::database::LockMode;
use crate::engine::command::{AlterDomain, CreateDomain, DomainAction, ObjectName};
use crate::engine::{ExpressionKind, capital_value, parse_query, rename_column};
use crate::pg_catalog::names;
use crate::privileges::{self, Need};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

impl Session {
    /// CREATE DOMAIN
    pub(in crate::session) async fn create_domain(
        &mut self,
        create: &CreateDomain,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let schema = context
            .snapshot
            .resolve_creation_schema(&context.search_path, create.name.schema.as_deref())?;
        let base = create
            .ty
            .resolve(&context.snapshot, &context.search_path)
            .map_err(Error::without_position)?;
        usable(&context, base)?;
        let name = create.name.name.clone();
        if base.info().category == 'P' {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("\"{base}\" is not a valid base type for a domain"),
            ));
        }
        let default = match &create.default {
            Some(default) => Some(
                self.domain_default(&context, &name, default, base, &run)
                    .await?,
            ),
            None => None,
        };
        let mut domain = Domain {
            base,
            collation: collation::of(base, create.collation.as_ref())?,
            default,
            not_null: create.not_null,
            checks: Vec::new(),
        };
        for (check, expression) in &create.checks {
            let check = self
                .check_of_domain(&context, &name, &domain, check.as_deref(), expression, &run)
                .await?;
            domain.checks.push(check);
        }
        let database = self.shared.database.clone();
        let ty = UserType {
            oid: database.new_oid(),
            array: database.new_oid(),
            name,
            schema,
            owner: context.role,
            acl: None,
            comment: None,
            kind: TypeKind::Domain(domain),
        };
        self.push(vec![Change::CreateType(Box::new(ty))], Vec::new())?;
        Ok(tag("CREATE DOMAIN"))
    }

    /// The default of a domain as it is kept.
    async fn domain_default(
        &mut self,
        context: &Arc<StatementContext>,
        domain: &str,
        default: &str,
        base: PgType,
        run: &Run<'_>,
    ) -> Result<String> {
        let default = self.kept_default(context, default, base, run).await?;
        self.check_default(context, domain, &default, base, run)
            .await?;
        Ok(default)
    }

    /// A constraint of a domain, its condition being one over VALUE.
    async fn check_of_domain(
        &self,
        context: &Arc<StatementContext>,
        domain: &str,
        of: &Domain,
        name: Option<&str>,
        expression: &str,
        run: &Run<'_>,
    ) -> Result<DomainCheck> {
        let taken = |name: &str| of.checks.iter().any(|check| check.name == name);
        let name = match name {
            Some(name) if taken(name) => {
                return Err(Error::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!("constraint \"{name}\" for domain \"{domain}\" already exists"),
                ));
            }
            Some(name) => name.to_owned(),
            None => choose_name(domain, None, "check", taken),
        };
        let expression = &capital_value(expression)?;
        let value = Column {
            attnum: 1,
            name: "value".to_owned(),
            stored_name: "value".to_owned(),
            ty: of.base.undomained(),
            collation: None,
            not_null: false,
            default: None,
            generation: None,
            comment: None,
        };
        let place = Place {
            schema: Oid::PUBLIC_SCHEMA,
            persistence: Persistence::Temporary,
            unlogged: false,
        };
        let kind = RelationKind::Table {
            segments: Arc::from([]),
        };
        let row = self.new_relation(domain, place, vec![value], kind);
        let kind = ExpressionKind::Check;
        let expression = &self.kept(kind, context, &row, expression, run).await?;
        let ty = self
            .rule_type(kind, context, &row, expression, None, run)
            .await?;
        if ty.oid != PgType::BOOL.oid && ty.oid != PgType::UNKNOWN.oid {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("argument of CHECK must be type boolean, not type {ty}"),
            ));
        }
        Ok(DomainCheck {
            oid: self.shared.database.new_oid(),
            name,
            expression: expression.to_owned(),
            not_valid: false,
            comment: None,
        })
    }

    /// ALTER DOMAIN
    pub(in crate::session) async fn alter_domain(
        &mut self,
        alter: &AlterDomain,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag("ALTER DOMAIN");
        let (was, mut domain) = domain_of(&context, &alter.name)?;
        let owner = Need::Owner {
            role: context.role,
            object: ObjectId::Type(was.oid),
        };
        privileges::authorize(&context.snapshot, &[owner], ())?;
        let mut ty = was.clone();
        match &alter.action {
            DomainAction::SetDefault(default) => {
                domain.default = match default {
                    Some(default) => {
                        let base = domain.base;
                        let kept = self.domain_default(&context, &was.name, default, base, &run);
                        Some(kept.await?)
                    }
                    None => None,
                };
            }
            DomainAction::SetNotNull(not_null) => {
                if *not_null && !domain.not_null {
                    self.check_columns(&context, &was, None, &run).await?;
                }
                domain.not_null = *not_null;
            }
            DomainAction::AddCheck {
                name,
                expression,
                not_valid,
            } => {
                let name = name.as_deref();
                let mut check = self
                    .check_of_domain(&context, &was.name, &domain, name, expression, &run)
                    .await?;
                check.not_valid = *not_valid;
                if !not_valid {
                    self.check_columns(&context, &was, Some(&check.expression), &run)
                        .await?;
                }
                domain.checks.push(check);
            }
            DomainAction::Validate(name) => {
                let Some(check) = domain.checks.iter_mut().find(|check| check.name == *name) else {
                    return Err(no_constraint(name, &was.name));
                };
                if std::mem::take(&mut check.not_valid) {
                    let expression = check.expression.clone();
                    self.check_columns(&context, &was, Some(&expression), &run)
                        .await?;
                }
            }
            DomainAction::DropCheck { name, if_exists } => {
                let Some(at) = domain.checks.iter().position(|check| check.name == *name) else {
                    let missing = no_constraint(name, &was.name);
                    if *if_exists {
                        let message = format!("{}, skipping", missing.message());
                        self.report(skipping(SqlState::SUCCESSFUL_COMPLETION, message));
                        return Ok(done);
                    }
                    return Err(missing);
                };
                domain.checks.remove(at);
            }
            DomainAction::RenameCheck { from, to } => {
                let taken = domain.checks.iter().any(|check| check.name == *to);
                let check = domain.checks.iter_mut().find(|check| check.name == *from);
                let Some(check) = check else {
                    return Err(no_such_constraint(from, was.ty()));
                };
                if taken {
                    return Err(Error::new(
                        SqlState::DUPLICATE_OBJECT,
                        format!("constraint \"{to}\" for domain {} already exists", was.ty()),
                    ));
                }
                check.name.clone_from(to);
            }
            DomainAction::Rename(name) => {
                ty.name.clone_from(name);
                refuse_texts(&context, &was, "RENAME")?;
            }
            DomainAction::SetSchema(name) => {
                ty.schema = context.snapshot.must_schema(name)?.oid;
                refuse_texts(&context, &was, "SET SCHEMA")?;
            }
            DomainAction::OwnerTo(spec) => {
                self.give_type(&context, &was, spec)?;
                return Ok(done);
            }
        }
        ty.kind = TypeKind::Domain(domain);
        if ty == was {
            return Ok(done);
        }
        let change = Change::AlterType {
            was: Box::new(was),
            ty: Box::new(ty),
        };
        self.push(vec![change], Vec::new())?;
        Ok(done)
    }

    /// `23514` or `23502` if a column of the domain has a value that a new constraint forbids: a
    /// condition over VALUE, or NOT NULL. The tables stay locked, so that none comes in meanwhile.
    async fn check_columns(
        &mut self,
        context: &Arc<StatementContext>,
        domain: &UserType,
        condition: Option<&str>,
        run: &Run<'_>,
    ) -> Result<()> {
        let columns = context.snapshot.columns_of_domain(domain.oid);
        for (table, _) in &columns {
            self.lock(*table, LockMode::Exclusive, run.interrupt)
                .await?;
        }
        let context = self.context()?;
        let server = as_server(&context);
        let column_of = |table: Oid, attnum: i16| {
            let relation = server.snapshot.relation(table)?;
            let column = relation.columns.iter().find(|c| c.attnum == attnum)?;
            Some((relation, column))
        };
        let columns: Vec<_> = columns
            .into_iter()
            .filter_map(|(table, attnum)| column_of(table, attnum))
            .collect();
        for (relation, column) in &columns {
            if column.ty.domain.is_some_and(|of| of.array.is_some()) {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!(
                        "cannot alter type \"{}\" because column \"{}.{}\" uses it",
                        domain.name, relation.name, column.name
                    ),
                ));
            }
        }
        for (relation, column) in columns {
            let forbidden = match condition {
                Some(condition) => {
                    format!("NOT ({})", rename_column(condition, "value", &column.name)?)
                }
                None => format!("{} IS NULL", quote(&column.name)),
            };
            let query = parse_query(&format!(
                "SELECT 1 FROM ONLY {} WHERE {forbidden} LIMIT 1",
                server.snapshot.qualified_name(relation)
            ))?;
            if self.finds(&server, &query, run).await? {
                let (state, what) = match condition {
                    Some(_) => (
                        SqlState::CHECK_VIOLATION,
                        "values that violate the new constraint",
                    ),
                    None => (SqlState::NOT_NULL_VIOLATION, "null values"),
                };
                return Err(Error::new(
                    state,
                    format!(
                        "column \"{}\" of table \"{}\" contains {what}",
                        column.name, relation.name
                    ),
                ));
            }
        }
        Ok(())
    }

    /// Reads all values of a column that has come to be of a domain.
    ///
    /// # Errors
    /// `23502`, `23514` of one that the domain forbids.
    pub(super) async fn check_domain_of(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        column: &Column,
        run: &Run<'_>,
    ) -> Result<()> {
        let empty = relation.segments().iter().all(|segment| segment.rows == 0);
        if column.ty.domain.is_none() || empty {
            return Ok(());
        }
        let query = parse_query(&format!(
            "SELECT count(CAST(CAST({} AS {}) AS {})) FROM ONLY {}",
            quote(&column.name),
            names::written(context, column.ty.undomained()),
            names::written(context, column.ty),
            context.snapshot.qualified_name(relation)
        ))?;
        self.finds(&as_server(context), &query, run).await.map(drop)
    }
}

/// A domain with a comment on one of its constraints.
pub(super) fn commented(
    context: &StatementContext,
    name: &ObjectName,
    constraint: &str,
    text: Option<&str>,
) -> Result<Change> {
    let (was, mut domain) = domain_of(context, name)?;
    let check = domain
        .checks
        .iter_mut()
        .find(|check| check.name == constraint);
    let Some(check) = check else {
        return Err(no_such_constraint(constraint, was.ty()));
    };
    check.comment = text.filter(|text| !text.is_empty()).map(str::to_owned);
    let ty = UserType {
        kind: TypeKind::Domain(domain),
        ..was.clone()
    };
    Ok(Change::AlterType {
        was: Box::new(was),
        ty: Box::new(ty),
    })
}

/// The domain a statement changes.
///
/// # Errors
/// `42704`, `42809`.
fn domain_of(context: &StatementContext, name: &ObjectName) -> Result<(UserType, Domain)> {
    let not_one = |shown: String| {
        Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("{shown} is not a domain"),
        )
    };
    let found = type_of(context, name).map_err(|error| match error.state() {
        // Of a type that is no user's.
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST => not_one(name.to_string()),
        _ => error,
    })?;
    let shown = || not_one(quote(&found.name).into_owned());
    let domain = found.domain().cloned().ok_or_else(shown)?;
    Ok((found, domain))
}

/// `42501` without USAGE on a type.
pub(super) fn usable(context: &StatementContext, ty: PgType) -> Result<()> {
    let needs: Vec<Need> = made_of(ty)
        // Everybody may use the type of a relation's rows.
        .filter(|oid| context.snapshot.relation_with_rows(*oid).is_none())
        .map(|oid| Need::Privilege {
            role: context.role,
            object: ObjectId::Type(oid),
            any_of: Privilege::Usage.into(),
        })
        .into_iter()
        .collect();
    privileges::authorize(&context.snapshot, &needs, ()).map(drop)
}

/// `42704`
fn no_constraint(name: &str, domain: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("constraint \"{name}\" of domain \"{domain}\" does not exist"),
    )
}

/// `42704`, where the constraint is looked up by itself.
fn no_such_constraint(name: &str, domain: PgType) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("constraint \"{name}\" for domain {domain} does not exist"),
    )
}

/// `42809`
pub(super) fn not_a_domain(name: &str) -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{name}\" is not a domain"),
    )
}
