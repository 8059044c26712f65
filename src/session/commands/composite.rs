//! CREATE TYPE … AS (…), and what ALTER TYPE does to the fields of such a type.

use super::column_type::check_column_type;
use super::domain::usable;
use super::tag;
use crate::base::name::quote;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Attribute, Change, Composite, TypeKind, UserType};
use crate::engine::TypeName;
use crate::engine::command::{AttributeAction, ObjectName};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

impl Session {
    /// CREATE TYPE … AS (…)
    pub(super) fn create_composite(
        &mut self,
        context: &StatementContext,
        schema: Oid,
        name: &str,
        fields: &[(String, TypeName)],
    ) -> Result<CommandTag> {
        if let Some(relation) = context.snapshot.relation_named(schema, name) {
            return Err(Error::new(
                SqlState::DUPLICATE_TABLE,
                format!("relation \"{}\" already exists", relation.name),
            ));
        }
        let database = self.shared.database.clone();
        let mut composite = Composite {
            relation: database.new_oid(),
            next_attnum: 1,
            attributes: Vec::new(),
        };
        for (field, ty) in fields {
            if composite.attribute(field).is_some() {
                return Err(Error::new(
                    SqlState::DUPLICATE_COLUMN,
                    format!("column \"{field}\" specified more than once"),
                ));
            }
            add(context, &mut composite, field, ty)?;
        }
        let ty = UserType {
            oid: database.new_oid(),
            array: database.new_oid(),
            name: name.to_owned(),
            schema,
            owner: context.role,
            acl: None,
            comment: None,
            kind: TypeKind::Composite(composite),
        };
        self.push(vec![Change::CreateType(Box::new(ty))], Vec::new())?;
        Ok(tag("CREATE TYPE"))
    }
}

/// The type a field is declared with.
fn field_type(context: &StatementContext, field: &str, ty: &TypeName) -> Result<PgType> {
    let ty = ty.resolve(&context.snapshot, &context.search_path)?;
    check_column_type(context, field, ty)?;
    usable(context, ty)?;
    Ok(ty)
}

fn add(
    context: &StatementContext,
    composite: &mut Composite,
    field: &str,
    ty: &TypeName,
) -> Result<()> {
    let ty = field_type(context, field, ty)?;
    let attnum = composite.next_attnum;
    composite.next_attnum = attnum
        .checked_add(1)
        .filter(|next| usize::try_from(*next).is_ok_and(|next| next <= FIELDS_MAX + 1))
        .ok_or_else(|| {
            Error::new(
                SqlState::TOO_MANY_COLUMNS,
                format!("tables can have at most {FIELDS_MAX} columns"),
            )
        })?;
    composite.attributes.push(Attribute {
        attnum,
        name: field.to_owned(),
        ty,
        comment: None,
    });
    Ok(())
}

/// As PostgreSQL's limit of columns.
const FIELDS_MAX: usize = 1600;

/// `42809`, `42P01` for what is no type that CREATE TYPE … AS (…) made.
pub(super) fn must_be_composite(context: &StatementContext, name: &ObjectName) -> Result<()> {
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    let schema = name.schema.as_deref();
    if let Some(ty) = snapshot.resolve_type(path, schema, &name.name)
        && ty.composite().is_some()
    {
        return Ok(());
    }
    let relation = snapshot.resolve_relation(path, schema, &name.name)?;
    Err(Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{}\" is not a composite type", relation.name),
    ))
}

/// `42809` for the type of a relation's rows.
pub(super) fn not_to_alter(context: &StatementContext, name: &ObjectName) -> Option<Error> {
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    let relation = snapshot.resolve_relation(path, name.schema.as_deref(), &name.name);
    let shown = quote(&relation.ok()?.name).into_owned();
    Some(
        Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("{shown} is a table's row type"),
        )
        .hint("Use ALTER TABLE instead."),
    )
}

fn composite_mut(ty: &mut UserType) -> Result<&mut Composite> {
    match &mut ty.kind {
        TypeKind::Composite(composite) => Ok(composite),
        TypeKind::Enum(_) | TypeKind::Domain(_) | TypeKind::Range(_) | TypeKind::Multirange(_) => {
            Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!("\"{}\" is not a composite type", ty.name),
            ))
        }
    }
}

fn already(field: &str, ty: &str) -> Error {
    Error::new(
        SqlState::DUPLICATE_COLUMN,
        format!("column \"{field}\" of relation \"{ty}\" already exists"),
    )
}

/// RENAME ATTRIBUTE
pub(super) fn rename_attribute(ty: &mut UserType, from: &str, to: &str) -> Result<()> {
    let name = ty.name.clone();
    let composite = composite_mut(ty)?;
    let taken = composite.attribute(to).is_some();
    let mut attributes = composite.attributes.iter_mut();
    let attribute = attributes.find(|attribute| attribute.name == from);
    let attribute = attribute.ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{from}\" does not exist"),
        )
    })?;
    if taken {
        return Err(already(to, &name));
    }
    to.clone_into(&mut attribute.name);
    Ok(())
}

/// ADD, DROP, ALTER ATTRIBUTE; what there is to say of one that was passed over.
pub(super) fn alter_attribute(
    context: &StatementContext,
    ty: &mut UserType,
    action: &AttributeAction,
) -> Result<Option<String>> {
    let own = ty.oid;
    let name = ty.name.clone();
    let composite = composite_mut(ty)?;
    let missing = |field: &str| {
        Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{field}\" of relation \"{name}\" does not exist"),
        )
    };
    let itself = |ty: PgType| {
        let made = ty.element().unwrap_or(ty);
        let within = |inner: PgType| inner.oid == own;
        match made.oid == own || made.shape().is_some_and(|shape| shape.has(&within)) {
            true => Err(Error::new(
                SqlState::INVALID_TABLE_DEFINITION,
                format!(
                    "composite type {} cannot be made a member of itself",
                    quote(&name)
                ),
            )),
            false => Ok(()),
        }
    };
    match action {
        AttributeAction::Add(field, of) => {
            if composite.attribute(field).is_some() {
                return Err(already(field, &name));
            }
            add(context, composite, field, of)?;
            if let Some(added) = composite.attributes.last() {
                itself(added.ty)?;
            }
        }
        AttributeAction::Drop {
            name: field,
            if_exists,
        } => {
            if composite.attribute(field).is_none() {
                let error = missing(field);
                if *if_exists {
                    return Ok(Some(format!("{}, skipping", error.message())));
                }
                return Err(error);
            }
            composite
                .attributes
                .retain(|attribute| attribute.name != *field);
        }
        AttributeAction::SetType(field, of) => {
            let to = field_type(context, field, of)?;
            itself(to)?;
            let mut attributes = composite.attributes.iter_mut();
            let attribute = attributes.find(|attribute| attribute.name == *field);
            attribute.ok_or_else(|| missing(field))?.ty = to;
        }
    }
    Ok(None)
}

/// COMMENT ON COLUMN of a field; `None` if `name` is no type that CREATE TYPE … AS (…) made.
pub(super) fn commented(
    context: &StatementContext,
    name: &ObjectName,
    field: &str,
    text: Option<&str>,
) -> Result<Option<Change>> {
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    let found = snapshot.resolve_type(path, name.schema.as_deref(), &name.name);
    let Some(was) = found.filter(|ty| ty.composite().is_some()) else {
        return Ok(None);
    };
    let mut ty = UserType::clone(was);
    let mut attributes = composite_mut(&mut ty)?.attributes.iter_mut();
    let attribute = attributes.find(|attribute| attribute.name == field);
    let attribute = attribute.ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!(
                "column \"{field}\" of relation \"{}\" does not exist",
                was.name
            ),
        )
    })?;
    attribute.comment = text.filter(|text| !text.is_empty()).map(str::to_owned);
    Ok(Some(Change::AlterType {
        was: Box::new(UserType::clone(was)),
        ty: Box::new(ty),
    }))
}
