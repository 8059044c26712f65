//! CREATE TYPE and ALTER TYPE.

use super::{skipping, tag};
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, ObjectId, TypeKind, UserType};
use crate::engine::command::{AlterType, CreateType, NewType, ObjectName, RoleSpec, TypeAction};
use crate::pg_catalog;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::enums::Labels;

impl Session {
    /// CREATE TYPE
    pub(in crate::session) fn create_type(&mut self, create: &CreateType) -> Result<CommandTag> {
        let context = self.context()?;
        let schema = context
            .snapshot
            .resolve_creation_schema(&context.search_path, create.name.schema.as_deref())?;
        let labels = match &create.kind {
            NewType::Enum(labels) => labels,
            NewType::Range(range) => {
                return self.create_range(&context, schema, &create.name, range);
            }
            NewType::Composite(fields) => {
                return self.create_composite(&context, schema, &create.name.name, fields);
            }
        };
        let database = self.shared.database.clone();
        let mut seen = std::collections::BTreeSet::new();
        if let Some(twice) = labels.iter().find(|label| !seen.insert(*label)) {
            return Err(Error::new(
                SqlState::UNIQUE_VIOLATION,
                "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"",
            )
            .detail(format!(
                "Key (enumtypid, enumlabel)=({}, {twice}) already exists.",
                Oid::INVALID
            )));
        }
        let (oid, array) = (database.new_oid(), database.new_oid());
        let labels = labels
            .iter()
            .map(|label| (database.new_oid(), label.clone()));
        let ty = UserType {
            oid,
            array,
            name: create.name.name.clone(),
            schema,
            owner: context.role,
            acl: None,
            comment: None,
            kind: TypeKind::Enum(Labels::new(labels)),
        };
        self.push(vec![Change::CreateType(Box::new(ty))], Vec::new())?;
        Ok(tag("CREATE TYPE"))
    }

    /// ALTER TYPE
    pub(in crate::session) fn alter_type(&mut self, alter: &AlterType) -> Result<CommandTag> {
        let context = self.context()?;
        let done = tag("ALTER TYPE");
        if matches!(
            alter.action,
            TypeAction::Attributes(_) | TypeAction::RenameAttribute { .. }
        ) {
            super::composite::must_be_composite(&context, &alter.name)?;
        }
        let was = type_of(&context, &alter.name).map_err(|error| match error.state() {
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
                super::composite::not_to_alter(&context, &alter.name).unwrap_or(error)
            }
            _ => error,
        })?;
        let owner = crate::privileges::Need::Owner {
            role: context.role,
            object: ObjectId::Type(was.oid),
        };
        crate::privileges::authorize(&context.snapshot, &[owner], ())?;
        let mut ty = was.clone();
        match &alter.action {
            TypeAction::AddValue {
                value,
                if_not_exists,
                place,
            } => {
                let labels = labels_of(&mut ty)?;
                if labels.named(value).is_some() {
                    let message = format!("enum label \"{value}\" already exists");
                    if *if_not_exists {
                        self.report(skipping(
                            SqlState::DUPLICATE_OBJECT,
                            format!("{message}, skipping"),
                        ));
                        return Ok(done);
                    }
                    return Err(Error::new(SqlState::DUPLICATE_OBJECT, message));
                }
                labels.add(self.shared.database.new_oid(), value.clone(), place)?;
            }
            TypeAction::RenameValue { from, to } => {
                labels_of(&mut ty)?.rename(from, to)?;
                refuse_texts(&context, &was, "RENAME VALUE")?;
            }
            TypeAction::Rename(name) => {
                ty.name.clone_from(name);
                refuse_texts(&context, &was, "RENAME")?;
            }
            TypeAction::SetSchema(name) => {
                let schema = context.snapshot.must_schema(name)?.oid;
                if schema == ty.schema {
                    return Ok(done);
                }
                ty.schema = schema;
                refuse_texts(&context, &was, "SET SCHEMA")?;
            }
            TypeAction::OwnerTo(spec) => {
                self.give_type(&context, &was, spec)?;
                return Ok(done);
            }
            TypeAction::RenameAttribute { from, to } => {
                super::composite::rename_attribute(&mut ty, from, to)?;
                refuse_texts(&context, &was, "RENAME ATTRIBUTE")?;
            }
            TypeAction::Attributes(actions) => {
                for action in actions {
                    let skipped = super::composite::alter_attribute(&context, &mut ty, action)?;
                    if let Some(skipped) = skipped {
                        self.notice(skipped);
                    }
                }
                if ty == was {
                    return Ok(done);
                }
            }
        }
        let change = Change::AlterType {
            was: Box::new(was),
            ty: Box::new(ty),
        };
        self.push(vec![change], Vec::new())?;
        Ok(done)
    }

    /// OWNER TO of a type or domain.
    pub(super) fn give_type(
        &mut self,
        context: &StatementContext,
        ty: &UserType,
        to: &RoleSpec,
    ) -> Result<()> {
        let change = Change::SetOwner {
            object: ObjectId::Type(ty.oid),
            owner: self.role_of(context, to)?,
        };
        self.push(vec![change], Vec::new())
    }
}

/// `42809` for a type that is no enum.
fn labels_of(ty: &mut UserType) -> Result<&mut Labels> {
    match &mut ty.kind {
        TypeKind::Enum(labels) => Ok(labels),
        TypeKind::Domain(_)
        | TypeKind::Composite(_)
        | TypeKind::Range(_)
        | TypeKind::Multirange(_) => Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("{} is not an enum", quote(&ty.name)),
        )),
    }
}

/// The bodies of views, and the defaults and conditions of tables, are kept as their authors wrote
/// them: a name or label in them must keep its meaning.
pub(super) fn refuse_texts(context: &StatementContext, ty: &UserType, doing: &str) -> Result<()> {
    let snapshot = &context.snapshot;
    let mut users: Vec<Oid> = snapshot
        .views_of_type(ty.oid)
        .map(|view| view.oid)
        .collect();
    for (table, _) in snapshot.columns_of_type(ty.oid) {
        users.extend(snapshot.dependants(table.oid).map(|view| view.oid));
        let says = table.columns.iter().any(|column| {
            column.default.is_some() && column.sequences().is_empty()
                || column.expression().is_some()
        });
        let constraints = &table.constraints;
        let partial = constraints
            .indexes
            .iter()
            .any(|index| index.predicate.is_some());
        if says || partial || !constraints.checks.is_empty() {
            users.push(table.oid);
        }
    }
    users.sort_unstable();
    users.dedup();
    if users.is_empty() {
        return Ok(());
    }
    let lines: Vec<String> = users
        .iter()
        .map(|oid| {
            format!(
                "{} may say it.",
                snapshot.describe(ObjectId::Relation(*oid))
            )
        })
        .collect();
    Err(
        Error::unsupported(format!("ALTER TYPE … {doing} of a type that is in use"))
            .detail(lines.join("\n"))
            .hint(
                "Drop the views, defaults and conditions first and create them again afterwards.",
            ),
    )
}

/// The user's type a name means.
///
/// # Errors
/// `42704`; `2BP01` and `42809` for types that are no user's to change.
pub(super) fn type_of(context: &StatementContext, name: &ObjectName) -> Result<UserType> {
    let snapshot = &context.snapshot;
    let schema = name.schema.as_deref();
    let built_in = || PgType::by_name(&name.name);
    let system = match schema {
        None | Some("pg_catalog") => built_in(),
        Some(_) => None,
    };
    if let Some(ty) = system {
        return Err(Error::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop type {ty} because it is required by the database system"),
        ));
    }
    if let Some(ty) = snapshot.resolve_type(&context.search_path, schema, &name.name) {
        return Ok(UserType::clone(ty));
    }
    if let Some(schema) = schema
        && snapshot.schema_named(schema).is_none()
        && pg_catalog::layout::schema_oid(schema).is_none()
    {
        return Err(Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" does not exist"),
        ));
    }
    if let Ok(relation) = snapshot.resolve_relation(&context.search_path, schema, &name.name) {
        let kind = relation.kind_name();
        let shown = quote(&relation.name);
        return Err(Error::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop type {shown} because {kind} {shown} requires it"),
        )
        .hint(format!("You can drop {kind} {shown} instead.")));
    }
    let named = snapshot.resolve_value_type(&context.search_path, schema, &name.name);
    if let Some(array) = named
        && let Some(element) = array.ty().element()
        && let Some(over) = pg_catalog::names::type_name(context, element)
    {
        let shown = over;
        return Err(Error::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop type {shown}[] because type {shown} requires it"),
        )
        .hint(format!("You can drop type {shown} instead.")));
    }
    Err(Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("type \"{name}\" does not exist"),
    ))
}
