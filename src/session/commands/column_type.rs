//! Which types columns can have.

use crate::base::{Error, Result, SqlState};
use crate::engine::SYSTEM_COLUMNS;
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::coded::tid;

/// `42701` for the name of a column that every table has.
pub(super) fn check_column_name(name: &str) -> Result<()> {
    match SYSTEM_COLUMNS.contains(&name) {
        false => Ok(()),
        true => Err(Error::new(
            SqlState::DUPLICATE_COLUMN,
            format!("column name \"{name}\" conflicts with a system column name"),
        )),
    }
}

/// `42P16` for types no column can have; `0A000` for those that none can that is stored.
pub(super) fn check_column_type(context: &StatementContext, name: &str, ty: PgType) -> Result<()> {
    if tid::is(ty) {
        return tid::refuse();
    }
    check_shown_type(context, name, ty)
}

/// `42P16` for types no column can have.
pub(super) fn check_shown_type(context: &StatementContext, name: &str, ty: PgType) -> Result<()> {
    // A row that says its fields is a pseudo-type all the same.
    let info = match ty.is(PgType::RECORD) {
        true => PgType::RECORD.info(),
        false => ty.info(),
    };
    if info.category == 'P' || info.category == 'X' {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{name}\" has pseudo-type {}", info.name),
        ));
    }
    super::domain::usable(context, ty)
}
