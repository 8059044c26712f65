//! COLLATE in definitions. Text compares by code point whatever the collation, so one is only
//! remembered: for the catalog, and for whoever dumps it.

use crate::base::{Error, Oid, Result, SqlState};
use crate::engine::command::ObjectName;
use crate::pg_catalog;
use crate::types::PgType;

/// What COLLATE makes of a type, where that is not the type's own collation.
///
/// # Errors
/// `42804` for a type without collations; `42704` for a collation that is not there.
pub(super) fn of(ty: PgType, name: Option<&ObjectName>) -> Result<Option<Oid>> {
    match name {
        Some(name) => beside(ty, None, name),
        None => Ok(None),
    }
}

/// What COLLATE makes of what has a type and perhaps a collation of its own, where that is another.
///
/// # Errors
/// As [`of`].
pub(super) fn beside(ty: PgType, own: Option<Oid>, name: &ObjectName) -> Result<Option<Oid>> {
    let found = named(name)?;
    let of_type = pg_catalog::collation_of(ty);
    if of_type == Oid::INVALID {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "collations are not supported by type {}",
                ty.with_typmod(-1)
            ),
        ));
    }
    // A domain's own collation is known only where the catalog is.
    let other = ty.domain.is_some() || found != own.unwrap_or(of_type);
    Ok(other.then_some(found))
}

/// A collation as COLLATE names it.
pub(super) fn written(collation: Oid) -> Option<ObjectName> {
    Some(ObjectName {
        schema: Some("pg_catalog".to_owned()),
        name: pg_catalog::collation_name(collation)?.to_owned(),
    })
}

/// Two definitions of what is to be one column of a type.
///
/// # Errors
/// `42P21` if they have different collations.
pub(super) fn meet(what: &str, ty: PgType, of: (Option<Oid>, Option<Oid>)) -> Result<()> {
    if of.0 == of.1 {
        return Ok(());
    }
    let name = |collation: Option<Oid>| {
        let collation = collation.unwrap_or_else(|| pg_catalog::collation_of(ty));
        pg_catalog::collation_name(collation).unwrap_or_default()
    };
    Err(Error::new(
        SqlState::COLLATION_MISMATCH,
        format!("{what} has a collation conflict"),
    )
    .detail(format!("\"{}\" versus \"{}\"", name(of.0), name(of.1))))
}

/// A table has a column of its parent otherwise.
pub(super) fn differs(child: &str, column: &str) -> Error {
    Error::new(
        SqlState::COLLATION_MISMATCH,
        format!("child table \"{child}\" has different collation for column \"{column}\""),
    )
}

/// A collation by its name.
///
/// # Errors
/// `42704`
pub(super) fn named(name: &ObjectName) -> Result<Oid> {
    pg_catalog::collation_named(&name.name)
        .filter(|_| matches!(name.schema.as_deref(), None | Some("pg_catalog")))
        .ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("collation \"{name}\" for encoding \"UTF8\" does not exist"),
            )
        })
}
