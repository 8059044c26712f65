//! ALTER and DROP of functions and procedures.

use super::routine::refuse_temporary;
use super::routine_type::routine_of;
use super::tag;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Cascade, Change, Dependent, ObjectId, Routine};
use crate::engine::routine_definition::{AlterRoutine, RoutineAction, RoutineKind, RoutineSpec};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;

impl Session {
    /// ALTER FUNCTION, PROCEDURE, ROUTINE
    pub(in crate::session) fn alter_routine(&mut self, alter: &AlterRoutine) -> Result<CommandTag> {
        let context = self.context()?;
        let routine = routine_of(&context, &alter.routine)?.clone();
        let object = ObjectId::Routine(routine.oid);
        let altered = |routine: Routine, was: &Routine| Change::AlterRoutine {
            was: Box::new(was.clone()),
            routine: Box::new(routine),
        };
        let change = match &alter.action {
            RoutineAction::Rename(name) => Change::Rename {
                object,
                name: name.clone(),
            },
            RoutineAction::OwnerTo(spec) => Change::SetOwner {
                object,
                owner: self.role_of(&context, spec)?,
            },
            RoutineAction::SetSchema(name) => {
                let schema = context.snapshot.must_schema(name)?.oid;
                refuse_temporary(&context, schema)?;
                if schema == routine.schema {
                    return Ok(tag(format!("ALTER {}", alter.routine.kind.keyword())));
                }
                let mut next = Routine::clone(&routine);
                next.schema = schema;
                altered(next, &routine)
            }
            RoutineAction::Options(options) => {
                if routine.aggregate().is_some() {
                    return Err(is_aggregate(&routine));
                }
                let mut next = Routine::clone(&routine);
                self.apply_options(&context, &mut next, options)?;
                altered(next, &routine)
            }
        };
        self.push(vec![change], Vec::new())?;
        Ok(tag(format!("ALTER {}", alter.routine.kind.keyword())))
    }

    /// DROP FUNCTION, PROCEDURE, ROUTINE
    pub(in crate::session) fn drop_routines(
        &mut self,
        routines: &[RoutineSpec],
        if_exists: bool,
        cascade: bool,
    ) -> Result<CommandTag> {
        let word = routines.first().map_or("FUNCTION", |r| r.kind.keyword());
        let done = tag(format!("DROP {word}"));
        let context = self.context()?;
        let mut roots = Vec::new();
        for spec in routines {
            match routine_of(&context, spec) {
                Ok(routine)
                    if spec.kind == RoutineKind::Function && routine.aggregate().is_some() =>
                {
                    return Err(is_aggregate(routine)
                        .hint("Use DROP AGGREGATE to drop aggregate functions."));
                }
                Ok(routine) => {
                    let root = ObjectId::Routine(routine.oid);
                    if !roots.contains(&root) {
                        roots.push(root);
                    }
                }
                Err(error) if if_exists && is_missing(&error) => {
                    self.notice(skipped(&error, spec));
                }
                Err(error) => return Err(error),
            }
        }
        self.drop_roots(&context, &roots, cascade)?;
        Ok(done)
    }
}

/// `0A000` where it is not known which of several functions of a name a table calls.
pub(super) fn refuse_guesses(
    context: &StatementContext,
    roots: &[ObjectId],
    closure: &Cascade,
) -> Result<()> {
    let by_name = closure
        .others
        .iter()
        .any(|other| !matches!(other.object, Dependent::Object(_)));
    for root in roots {
        let ObjectId::Routine(oid) = root else {
            continue;
        };
        let Some(routine) = context.snapshot.routine(*oid) else {
            continue;
        };
        let named = context
            .snapshot
            .routines_named(routine.schema, &routine.name)
            .count();
        if by_name && named > 1 {
            return Err(Error::unsupported(format!(
                "DROP … CASCADE of one of several functions named {} that a table uses",
                routine.name
            )));
        }
    }
    Ok(())
}

/// `42809`
fn is_aggregate(routine: &Routine) -> Error {
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!("\"{}\" is an aggregate function", routine.name),
    )
}

fn is_missing(error: &Error) -> bool {
    [
        SqlState::UNDEFINED_FUNCTION,
        SqlState::INVALID_SCHEMA_NAME,
        SqlState::UNDEFINED_OBJECT,
    ]
    .contains(&error.state())
}

/// DROP … IF EXISTS says it in other words.
fn skipped(error: &Error, spec: &RoutineSpec) -> String {
    let message = error.message();
    match (&spec.types, error.state()) {
        (None, SqlState::UNDEFINED_FUNCTION) => {
            format!(
                "{} {}() does not exist, skipping",
                spec.kind.word(),
                spec.name
            )
        }
        _ => format!("{}, skipping", message.replace(", ", ",")),
    }
}
