//! CREATE TYPE … AS RANGE.

use super::constraint::check_comparable;
use super::domain::usable;
use super::{collation, tag};
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::name::truncate;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{
    Change, Constructors, MultirangeType, ObjectId, RangeType, TypeKind, UserType,
};
use crate::engine::command::{NewRange, ObjectName};
use crate::pg_catalog::{self, OperatorClass};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::pgtype::{RangeFamily, Shape};

impl Session {
    /// CREATE TYPE … AS RANGE: a range type and its multirange type.
    pub(super) fn create_range(
        &mut self,
        context: &StatementContext,
        schema: Oid,
        name: &ObjectName,
        range: &NewRange,
    ) -> Result<CommandTag> {
        let (snapshot, path) = (&context.snapshot, &context.search_path);
        snapshot.check_type_name(schema, &name.name)?;
        let subtype = subtype(context, range)?;
        let operator_class = operator_class(subtype, range.operator_class.as_ref())?;
        let collation = collation(subtype, range.collation.as_ref())?;
        if range.canonical.is_some() {
            return Err(Error::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                "cannot specify a canonical function without a pre-created shell type",
            )
            .hint(
                "Create the type as a shell type, then create its canonicalization function, then \
                 do a full CREATE TYPE.",
            ));
        }
        let subtype_diff = match &range.subtype_diff {
            Some(function) => subtype_diff(context, subtype, function)?,
            None => Oid::INVALID,
        };
        usable(context, subtype)?;
        let multirange = match &range.multirange {
            Some(multirange) => Constructors {
                schema: snapshot.resolve_creation_schema(path, multirange.schema.as_deref())?,
                name: multirange.name.clone(),
            },
            None => {
                let multirange = multirange_name(&name.name);
                snapshot
                    .check_type_name(schema, &multirange)
                    .map_err(|error| {
                        error
                            .detail(format!(
                                "Failed while creating a multirange type for type \"{}\".",
                                name.name
                            ))
                            .hint(
                                "You can manually specify a multirange type name using the \
                                 \"multirange_type_name\" attribute.",
                            )
                    })?;
                Constructors {
                    schema,
                    name: multirange,
                }
            }
        };
        let range = Constructors {
            schema,
            name: name.name.clone(),
        };
        let database = self.shared.database.clone();
        let family = RangeFamily {
            range: database.new_oid(),
            range_array: database.new_oid(),
            multirange: database.new_oid(),
            multirange_array: database.new_oid(),
            subtype: Shape::of(&[subtype]),
        };
        let made = |oid, array, of: &Constructors, kind| {
            Change::CreateType(Box::new(UserType {
                oid,
                array,
                name: of.name.clone(),
                schema: of.schema,
                owner: context.role,
                acl: None,
                comment: None,
                kind,
            }))
        };
        let changes = vec![
            made(
                family.range,
                family.range_array,
                &range,
                TypeKind::Range(RangeType {
                    family,
                    operator_class,
                    collation,
                    subtype_diff,
                    constructors: range.clone(),
                }),
            ),
            made(
                family.multirange,
                family.multirange_array,
                &multirange,
                TypeKind::Multirange(MultirangeType {
                    family,
                    constructors: multirange.clone(),
                }),
            ),
        ];
        self.push(changes, Vec::new())?;
        Ok(tag("CREATE TYPE"))
    }
}

/// What bounds are of.
fn subtype(context: &StatementContext, range: &NewRange) -> Result<PgType> {
    let Some(subtype) = &range.subtype else {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "type attribute \"subtype\" is required",
        ));
    };
    let subtype = subtype
        .resolve(&context.snapshot, &context.search_path)
        .map_err(Error::without_position)?;
    if subtype.info().category == 'P' {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("range subtype cannot be {subtype}"),
        ));
    }
    let beneath = subtype.element().unwrap_or(subtype);
    let domains = |ty: PgType| ty.domain.is_some();
    if domains(subtype) || beneath.shape().is_some_and(|shape| shape.has(&domains)) {
        return Err(Error::unsupported("ranges over a domain"));
    }
    Ok(subtype.with_typmod(-1))
}

/// The order of bounds. No order but that of the type itself is supported; for text, all are.
fn operator_class(subtype: PgType, name: Option<&ObjectName>) -> Result<Oid> {
    let there_is_none = |error: Error| {
        error.hint(
            "You must specify an operator class for the range type or define a default operator \
             class for the subtype.",
        )
    };
    let Some(name) = name else {
        check_comparable(subtype).map_err(there_is_none)?;
        return match pg_catalog::order_class(subtype, None) {
            Oid::INVALID => Err(there_is_none(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "data type {subtype} has no default operator class for access method \"btree\""
                ),
            ))),
            class => Ok(class),
        };
    };
    let missing = || {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("operator class \"{name}\" does not exist for access method \"btree\""),
        )
    };
    if !matches!(name.schema.as_deref(), None | Some("pg_catalog")) {
        return Err(missing());
    }
    match pg_catalog::operator_class("btree", subtype, &name.name) {
        OperatorClass::Missing => Err(missing()),
        OperatorClass::OfOtherTypes => Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!("operator class \"{name}\" does not accept data type {subtype}"),
        )),
        OperatorClass::Other if pg_catalog::collation_of(subtype) == Oid::INVALID => Err(
            Error::unsupported(format!("ranges in the order of operator class \"{name}\"")),
        ),
        OperatorClass::Default | OperatorClass::Other => {
            Ok(pg_catalog::order_class(subtype, Some(&name.name)))
        }
    }
}

/// The collation of bounds.
fn collation(subtype: PgType, name: Option<&ObjectName>) -> Result<Oid> {
    let own = pg_catalog::collation_of(subtype);
    match name {
        None => Ok(own),
        Some(_) if own == Oid::INVALID => Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            "range collation specified but subtype does not support collation",
        )),
        Some(name) => collation::named(name),
    }
}

/// The function that says how far bounds are from each other. Nothing asks it: it is for indexes
/// that commons does not have.
fn subtype_diff(context: &StatementContext, subtype: PgType, name: &ObjectName) -> Result<Oid> {
    let shown = format!("{name}({subtype}, {subtype})");
    let takes = [subtype.oid; 2];
    let (snapshot, path) = (&context.snapshot, &context.search_path);
    let users = path.candidates(snapshot, name.schema.as_deref());
    let mut users = users
        .into_iter()
        .flat_map(|schema| snapshot.routines_named(schema, &name.name));
    if users.any(|routine| routine.input_types() == takes) {
        return Err(Error::unsupported(
            "a subtype_diff function that users made",
        ));
    }
    let function = pg_catalog::function(&name.name, &takes)
        .filter(|_| matches!(name.schema.as_deref(), None | Some("pg_catalog")));
    let Some((oid, result)) = function else {
        return Err(Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function {shown} does not exist"),
        ));
    };
    if result != PgType::FLOAT8.oid {
        return Err(Error::new(
            SqlState::INVALID_OBJECT_DEFINITION,
            format!("range subtype diff function {shown} must return type double precision"),
        ));
    }
    Ok(oid)
}

/// What a multirange type is called unless told otherwise.
fn multirange_name(range: &str) -> String {
    match range.split_once("range") {
        Some((before, behind)) => truncate(&format!("{before}multirange{behind}")).to_owned(),
        None => {
            let rest = "_multirange";
            let mut kept = NAME_BYTES_MAX - rest.len();
            while !range.is_char_boundary(kept.min(range.len())) {
                kept -= 1;
            }
            format!("{}{rest}", &range[..kept.min(range.len())])
        }
    }
}

/// `2BP01` for a multirange type, which goes with its range type.
pub(super) fn must_be_droppable(context: &StatementContext, ty: &UserType) -> Result<()> {
    let Some(range) = ty.required_by() else {
        return Ok(());
    };
    let [multirange, range] =
        [ty.oid, range].map(|oid| super::drop::describe(context, ObjectId::Type(oid)));
    Err(Error::new(
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
        format!("cannot drop {multirange} because {range} requires it"),
    )
    .hint(format!("You can drop {range} instead.")))
}
