//! What a function answers, and whether its body does.

use super::super::coerce::undetermined;
use super::super::query::Output;
use super::resolve::Generic;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Routine, Snapshot};
use crate::engine::dml::is_assignable;
use crate::types::PgType;

/// What a call answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::engine) enum ResultColumns {
    /// Nothing.
    Void,
    /// Values, and what their column is called if the function says so.
    Value(PgType, Option<String>),
    /// Rows.
    Rows(Vec<(String, PgType)>),
    /// Rows of which only the call says what they are.
    Record,
}

impl ResultColumns {
    /// The same of a function that is carried out, whose arrays have the dimensions they come to
    /// have. The rows of a type have its fields.
    pub(super) fn held(self, snapshot: &Snapshot, routine: &Routine) -> Self {
        match self {
            Self::Value(ty, name) => Self::Value(ty.with_any_dimensions(), name),
            Self::Rows(columns) if snapshot.value_type(routine.returns).shape().is_none() => {
                let columns = columns.into_iter();
                let held = columns.map(|(name, ty)| (name, ty.with_any_dimensions()));
                Self::Rows(held.collect())
            }
            other => other,
        }
    }

    pub(in crate::engine) fn of(
        snapshot: &Snapshot,
        routine: &Routine,
        generic: Generic,
    ) -> Result<Self> {
        let actual = |ty: Oid| generic.actual(snapshot, ty).ok_or_else(undetermined);
        let outputs: Vec<_> = routine.outputs().collect();
        if routine.returns == PgType::VOID.oid {
            return Ok(Self::Void);
        }
        let one = |declared: Oid, name: Option<String>| {
            let ty = actual(declared)?;
            let names = snapshot.field_names(ty.oid);
            Ok(match (ty.shape(), names) {
                (Some(shape), Some(names)) if ty.oid == declared => Self::Rows(
                    names
                        .into_iter()
                        .map(str::to_owned)
                        .zip(shape.types().iter().copied())
                        .collect(),
                ),
                _ => Self::Value(ty, name),
            })
        };
        match outputs.as_slice() {
            [] if routine.returns == PgType::RECORD.oid => Ok(Self::Record),
            [] => one(routine.returns, None),
            [output] if routine.returns != PgType::RECORD.oid => {
                let name = Some(output.name.clone()).filter(|name| !name.is_empty());
                one(output.ty, name)
            }
            many => many
                .iter()
                .enumerate()
                .map(|(index, output)| {
                    let name = match output.name.is_empty() {
                        true => format!("column{}", index + 1),
                        false => output.name.clone(),
                    };
                    Ok((name, actual(output.ty)?))
                })
                .collect::<Result<_>>()
                .map(Self::Rows),
        }
    }
}

/// Checks the columns of a body's last statement (`None`: it answers nothing) against what the
/// function answers.
///
/// # Errors
/// `42P13`
pub(in crate::engine) fn check_result(
    snapshot: &Snapshot,
    routine: &Routine,
    wanted: &ResultColumns,
    columns: Option<&[Output]>,
) -> Result<()> {
    let declared = snapshot.type_name(routine.returns);
    let mismatch = |detail: String| {
        Err(Error::new(
            SqlState::INVALID_FUNCTION_DEFINITION,
            format!("return type mismatch in function declared to return {declared}"),
        )
        .detail(detail))
    };
    let shown = |ty: PgType| snapshot.type_name(ty.declared());
    if *wanted == ResultColumns::Void {
        return Ok(());
    }
    let Some(columns) = columns else {
        return mismatch(
            "Function's final statement must be SELECT or INSERT/UPDATE/DELETE RETURNING.".into(),
        );
    };
    match wanted {
        ResultColumns::Void | ResultColumns::Record => Ok(()),
        ResultColumns::Value(ty, _) => {
            let [column] = columns else {
                return mismatch("Final statement must return exactly one column.".into());
            };
            let written = column.ty.is(PgType::RECORD) && ty.is_composite();
            if is_assignable(snapshot, column.ty, *ty) || written {
                return Ok(());
            }
            mismatch(format!("Actual return type is {}.", shown(column.ty)))
        }
        ResultColumns::Rows(wanted) => {
            if let [row] = columns
                && row.ty.is_composite()
                && row.ty.oid == routine.returns
            {
                return Ok(());
            }
            for (index, column) in columns.iter().enumerate() {
                let Some((_, ty)) = wanted.get(index) else {
                    return mismatch("Final statement returns too many columns.".into());
                };
                if !is_assignable(snapshot, column.ty, *ty) {
                    return mismatch(format!(
                        "Final statement returns {} instead of {} at column {}.",
                        shown(column.ty),
                        shown(*ty),
                        index + 1
                    ));
                }
            }
            if columns.len() < wanted.len() {
                return mismatch("Final statement returns too few columns.".into());
            }
            Ok(())
        }
    }
}

/// The columns a function answers.
pub(super) fn outputs(columns: &[(String, PgType)]) -> Vec<Output> {
    columns
        .iter()
        .map(|(name, ty)| Output {
            name: name.clone(),
            ty: ty.unmodified(),
        })
        .collect()
}
