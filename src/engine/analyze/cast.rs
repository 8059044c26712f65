//! The casts users have made. All of them are made only where a statement asks for them.

use std::sync::Arc;

use super::Analyst;
use super::coerce::{array_element, vector_element};
use super::routine::{Generic, Use};
use super::typed::{self, Typed};
use crate::base::{Error, Oid, Result};
use crate::catalog::{Cast, CastMethod, Definition};
use crate::types::PgType;

impl Analyst<'_> {
    /// The users' cast from one type to another. A text that is kept means none, and a view those
    /// that were there when it was made.
    fn cast_seen(&self, from: Oid, to: Oid) -> Option<(&Arc<Definition>, &Cast)> {
        if from == to || self.scope.path.kept {
            return None;
        }
        let view = self.scope.view;
        let found = self.scope.context.snapshot.cast(from, to)?;
        view.is_none_or(|view| view.depends_on.contains(&found.0.oid))
            .then_some(found)
    }

    /// `value::to` as a user has said; `None` if none has.
    pub(super) fn users_cast(&self, value: &Typed, to: PgType) -> Result<Option<Typed>> {
        if value.is_unknown() {
            return Ok(None);
        }
        self.check_elements(value.ty, to)?;
        let Some((of, cast)) = self.cast_seen(value.ty.oid, to.oid) else {
            return Ok(None);
        };
        self.shared.uses.borrow_mut().push(Use {
            routine: of.oid,
            direct: self.chain.is_none(),
        });
        let value = value.clone().undomained();
        let function = match cast.method {
            CastMethod::Function(function) => function,
            CastMethod::InOut | CastMethod::Binary => {
                let text = self.coerced(value, PgType::TEXT)?;
                let held = to.with_any_dimensions();
                let read = typed::recast(text.expr, PgType::TEXT, held);
                return Ok(Some(Typed::new(read, to)));
            }
        };
        let snapshot = &self.scope.context.snapshot;
        let takes = super::routine::takes(snapshot, function);
        let mut args = vec![value];
        if takes.len() > 1 {
            args.push(typed::int4(to.typmod));
        }
        if takes.len() > 2 {
            // Whether the cast was asked for.
            args.push(Typed::bool(typed::boolean(Some(true))));
        }
        let args = args.into_iter().zip(&takes);
        let args = args.map(|(arg, ty)| self.coerced(arg, snapshot.value_type(*ty)));
        let args = args.collect::<Result<Vec<_>>>()?;
        let cast = self.operated_by(function, args, Generic::default())?;
        self.coerced(cast, to).map(Some)
    }

    /// `0A000` for an array whose elements a users' cast would have to convert.
    fn check_elements(&self, from: PgType, to: PgType) -> Result<()> {
        let element = |ty| array_element(ty).or_else(|| vector_element(ty));
        let (Some(from), Some(to)) = (element(from), array_element(to)) else {
            return Ok(());
        };
        match self.cast_seen(from.oid, to.oid) {
            Some(_) => Err(Error::unsupported(format!(
                "casting an array with the cast from {from} to {to}, which a user made"
            ))),
            None => Ok(()),
        }
    }
}
