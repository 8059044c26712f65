//! Which of PostgreSQL's own functions of a name a call means, by PostgreSQL's rules: the
//! candidates are those of `pg_proc`, and the one chosen says what arguments without a type are.

use super::Analyst;
use super::coerce::{category, not_unique, undetermined};
use super::operator::{Choice, choose};
use super::routine::{Generic, generic};
use super::typed::Typed;
use crate::base::{Oid, Result};
use crate::catalog::Routine;
use crate::pg_catalog::relations::functions::{Function, by_name};
use crate::pg_catalog::volatility;
use crate::types::PgType;

/// `"any"`: whatever it is, and as it is.
const ANY: Oid = Oid(2276);

/// One of the functions, as the call would have it.
struct Candidate {
    /// What it takes, as many as the call has.
    arguments: Vec<Oid>,
    generic: Generic,
    /// Whether it always comes to the same.
    immutable: bool,
}

impl Candidate {
    /// `None` if it takes not so many, or what is polymorphic cannot be what the arguments are.
    fn new((oid, function): (Oid, &Function), types: &[PgType]) -> Option<Self> {
        if !function.takes(types.len()) {
            return None;
        }
        let mut arguments = function.arguments.clone();
        if function.variadic
            && let Some(last) = arguments.pop()
        {
            let element = known(last).and_then(PgType::element);
            arguments.resize(types.len(), element.map_or(ANY, PgType::declared));
        }
        arguments.truncate(types.len());
        let generic = generic(&arguments, types)?;
        Some(Self {
            arguments,
            generic,
            immutable: volatility::is_immutable(oid),
        })
    }

    /// What the candidates are compared by: of a polymorphic type no more is known than that.
    fn takes(&self) -> Vec<PgType> {
        let known = |ty: &Oid| known(*ty).unwrap_or(PgType::UNKNOWN);
        self.arguments.iter().map(known).collect()
    }
}

/// A type values are of; `None` for those that stand for others, and for types there are none of.
fn known(ty: Oid) -> Option<PgType> {
    let plain = PgType::of(ty.0);
    (plain.info().oid == ty && !Routine::is_polymorphic(ty) && ty != ANY).then_some(plain)
}

impl Analyst<'_> {
    /// The arguments of a call of one of PostgreSQL's own functions of a kind (`pg_proc.prokind`):
    /// those without a type are of the one that the function meant takes, and so are the others
    /// unless it is an aggregate, which finds its type by itself.
    ///
    /// # Errors
    /// `42725` if several fit equally well, `42804` where nothing says what a polymorphic type is,
    /// `42883` if none fits.
    pub(super) fn resolved(&self, name: &str, kind: &str, args: Vec<Typed>) -> Result<Vec<Typed>> {
        let Some(meant) = self.meant(name, kind, &args)? else {
            return Ok(args);
        };
        let snapshot = &self.scope.context.snapshot;
        let pairs = args.into_iter().zip(&meant.arguments);
        pairs
            .map(|(arg, ty)| match known(*ty) {
                Some(ty) if arg.is_unknown() || kind != "a" && !arg.is(ty) => self.coerced(arg, ty),
                None if arg.is_unknown() && Routine::is_polymorphic(*ty) => {
                    let actual = meant.generic.actual(snapshot, *ty);
                    self.coerced(arg, actual.ok_or_else(undetermined)?)
                }
                _ => Ok(arg),
            })
            .collect()
    }

    /// The function that is meant; `None` if there are none of the name, or the call is a cast.
    fn meant(&self, name: &str, kind: &str, args: &[Typed]) -> Result<Option<Candidate>> {
        let mut named = by_name(name);
        named.retain(|(_, own)| own.schema == Oid::PG_CATALOG && own.kind == kind);
        if named.is_empty() {
            return Ok(None);
        }
        // The argument of a type's name is cast if it is a literal, or of such a type already.
        if let ([arg], Some(ty)) = (args, PgType::by_name(name)) {
            let texts = category(ty) == 'S' && category(arg.base()) == 'S';
            if arg.is_unknown() || arg.is(ty) || texts {
                return Ok(None);
            }
        }
        let types: Vec<PgType> = args.iter().map(Typed::base).collect();
        let mut candidates: Vec<Candidate> = named
            .into_iter()
            .filter_map(|own| Candidate::new(own, &types))
            .collect();
        let lists = candidates.iter().map(Candidate::takes).zip(0..);
        let lists: Vec<(Vec<PgType>, usize)> = lists.collect();
        match choose(&lists, &types) {
            Choice::One(index) => Ok(Some(candidates.swap_remove(index))),
            Choice::None if is_read(name, args) => Ok(None),
            Choice::None => Err(self.no_function(name, args)),
            Choice::Many => {
                let types: Vec<String> = types.iter().map(PgType::to_string).collect();
                Err(not_unique(&format!("{name}({})", types.join(", "))))
            }
        }
    }

    /// What the function that a call means, which is written out, takes: `None` in place of a type
    /// is whatever there is, and without a list nothing is known of it.
    ///
    /// # Errors
    /// As [`Self::resolved`].
    pub(super) fn parameter_types(
        &self,
        name: &str,
        args: &[Typed],
    ) -> Result<Option<Vec<Option<PgType>>>> {
        let Some(meant) = self.meant(name, "f", args)? else {
            return Ok(None);
        };
        self.note(meant.immutable);
        let snapshot = &self.scope.context.snapshot;
        let pairs = meant.arguments.iter().zip(args);
        let types = pairs.map(|(ty, arg)| match known(*ty) {
            Some(ty) => Some(ty),
            None if Routine::is_polymorphic(*ty) && arg.is_unknown() => {
                meant.generic.actual(snapshot, *ty)
            }
            None => None,
        });
        Ok(Some(types.collect()))
    }
}

/// Whether a call is the cast of one value by way of its text, which a type's name asks for where
/// no function of that name takes the value.
fn is_read(name: &str, args: &[Typed]) -> bool {
    let ([arg], Some(ty)) = (args, PgType::by_name(name)) else {
        return false;
    };
    category(ty) == 'S' || category(arg.base()) == 'S'
}
