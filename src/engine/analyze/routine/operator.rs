//! Which of the users' operators an expression means, by PostgreSQL's rules: those of the sign
//! along the search path, PostgreSQL's own among them. What an operator computes is the call of its
//! function.

use std::sync::Arc;

use super::super::Analyst;
use super::super::coerce::undetermined;
use super::super::level::{Level, Relation};
use super::super::operator::{Choice, choose, no_operator};
use super::super::operators::OPERATORS;
use super::super::typed::Typed;
use super::Use;
use super::resolve::{Call, Generic, generic};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Definition, Operator};
use crate::privileges;
use crate::types::PgType;

/// A sign as it is written: `OPERATOR(schema.sign)` with its schema.
pub(in crate::engine::analyze) fn with_schema(schema: &str, sign: &str) -> String {
    format!("\0{schema}\0{sign}")
}

/// The schema, if it is written, and the sign.
pub(in crate::engine::analyze) fn schema_and_sign(written: &str) -> (Option<&str>, &str) {
    match written
        .strip_prefix('\0')
        .and_then(|rest| rest.split_once('\0'))
    {
        Some((schema, sign)) => (Some(schema), sign),
        None => (None, written),
    }
}

/// One way to read an operator.
struct Candidate {
    of: Arc<Definition>,
    takes: Vec<PgType>,
    generic: Generic,
}

impl Analyst<'_> {
    /// What a users' operator makes of its operands; `None` if none of theirs is meant.
    pub(in crate::engine::analyze) fn users_operated(
        &self,
        written: &str,
        left: Option<&Typed>,
        right: &Typed,
    ) -> Result<Option<Typed>> {
        let snapshot = &self.scope.context.snapshot;
        let (schema, sign) = schema_and_sign(written);
        if let Some(schema) = schema
            && snapshot.schema_named(schema).is_none()
        {
            return Err(Error::new(
                SqlState::INVALID_SCHEMA_NAME,
                format!("schema \"{schema}\" does not exist"),
            ));
        }
        if schema == Some("pg_catalog") {
            return Ok(None);
        }
        let named = schema.and_then(|schema| snapshot.schema_named(schema));
        let need = named.and_then(|schema| self.schema_need(schema.oid));
        privileges::authorize(snapshot, need.as_slice(), ())?;
        self.shared.needs.borrow_mut().extend(need);
        let known = self.operators_seen(schema, sign, left.is_some());
        if known.is_empty() && schema.is_none() {
            return Ok(None);
        }
        let operands: Vec<&Typed> = left.into_iter().chain([right]).collect();
        let given: Vec<PgType> = operands.iter().map(|value| value.ty).collect();
        let shown = || match left {
            Some(left) => format!("{} {sign} {}", left.base(), right.base()),
            None => format!("{sign} {}", right.base()),
        };
        let chosen = match self.chosen(&known, schema.is_none(), sign, &given) {
            Choice::One(Some(chosen)) => chosen,
            Choice::One(None) => return Ok(None),
            Choice::None if schema.is_some() => return Err(no_operator(&shown())),
            Choice::None => return Ok(None),
            Choice::Many => {
                return Err(Error::new(
                    SqlState::AMBIGUOUS_FUNCTION,
                    format!("operator is not unique: {}", shown()),
                )
                .hint(
                    "Could not choose a best candidate operator. You might need to add explicit \
                     type casts.",
                ));
            }
        };
        let operator = chosen.of.operator();
        let Some((function, _)) = operator.and_then(|operator| operator.function) else {
            return Err(Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("operator is only a shell: {}", shown()),
            ));
        };
        self.shared.uses.borrow_mut().push(Use {
            routine: chosen.of.oid,
            direct: self.chain.is_none(),
        });
        let args = operands.into_iter().zip(&chosen.takes);
        let args = args.map(|(value, ty)| self.coerced(value.clone(), *ty));
        let args = args.collect::<Result<Vec<_>>>()?;
        self.operated_by(function, args, chosen.generic).map(Some)
    }

    /// Whether there are users' operators of this sign to choose among.
    pub(in crate::engine::analyze) fn has_users_operators(&self, sign: &str) -> bool {
        !self.operators_seen(None, sign, true).is_empty()
    }

    /// `0A000` if a users' operator would be meant where a value is compared with many.
    pub(in crate::engine::analyze) fn check_own_operator(
        &self,
        sign: &str,
        left: PgType,
        right: PgType,
    ) -> Result<()> {
        let known = self.operators_seen(None, sign, true);
        if known.is_empty() {
            return Ok(());
        }
        match self.chosen(&known, true, sign, &[left, right]) {
            Choice::One(Some(_)) | Choice::Many => Err(Error::unsupported(format!(
                "operator {sign}, which a user made, with many values at once"
            ))),
            Choice::One(None) | Choice::None => Ok(()),
        }
    }

    /// The call of the function behind an operator.
    pub(in crate::engine::analyze) fn operated_by(
        &self,
        function: Oid,
        args: Vec<Typed>,
        generic: Generic,
    ) -> Result<Typed> {
        // What stands in an expression of a query is computed for each of its rows.
        let level = Level::new(None, None);
        let row = Relation::of_columns("\0row".to_owned(), Vec::new());
        level.relations.borrow_mut().push(row);
        let snapshot = &self.scope.context.snapshot;
        let Some(routine) = snapshot.routine(function).cloned() else {
            return self.supporting_own(&level, function, args);
        };
        let types = routine.input_types();
        let types = types.iter().map(|ty| generic.actual(snapshot, *ty));
        let types = types.map(|ty| ty.ok_or_else(undetermined));
        let args = args.into_iter().map(|value| {
            let row = self.fields(&value);
            Some(Typed { row, ..value })
        });
        let call = Call {
            args: args.collect(),
            types: types.collect::<Result<_>>()?,
            generic,
            qualified: false,
            caller: None,
            routine,
        };
        self.routine_value(&level, &call)
    }

    /// The users' operators of a sign, the first on the path first.
    fn operators_seen(
        &self,
        schema: Option<&str>,
        sign: &str,
        binary: bool,
    ) -> Vec<Arc<Definition>> {
        let snapshot = &self.scope.context.snapshot;
        let mut found: Vec<Arc<Definition>> = Vec::new();
        let operands = |of: &Operator| (of.left, of.right);
        for schema in self.scope.path.candidates(snapshot, schema) {
            for (of, operator) in snapshot.operators_of(sign) {
                if of.schema != schema || operator.left.is_some() != binary {
                    continue;
                }
                let pinned = self
                    .scope
                    .view
                    .is_none_or(|view| view.depends_on.contains(&of.oid));
                let same = |other: &Arc<Definition>| {
                    other.operator().map(operands) == Some(operands(operator))
                };
                if pinned && !found.iter().any(same) {
                    found.push(Arc::clone(of));
                }
            }
        }
        found
    }

    /// The operator the operands fit best: `None` in `One` is one of PostgreSQL's.
    fn chosen(
        &self,
        known: &[Arc<Definition>],
        own: bool,
        sign: &str,
        given: &[PgType],
    ) -> Choice<Option<Candidate>> {
        let snapshot = &self.scope.context.snapshot;
        let base: Vec<PgType> = given
            .iter()
            .map(|ty| ty.undomained().unmodified())
            .collect();
        let candidates: Vec<Candidate> = known
            .iter()
            .filter_map(|of| {
                let operator = of.operator()?;
                let declared: Vec<Oid> =
                    operator.left.into_iter().chain([operator.right]).collect();
                let generic = generic(&declared, &base)?;
                // Of literals alone nothing says what they are.
                let takes = declared.iter().map(|ty| generic.actual(snapshot, *ty));
                let takes = takes.map(|ty| ty.unwrap_or(PgType::UNKNOWN));
                Some(Candidate {
                    of: Arc::clone(of),
                    takes: takes.collect(),
                    generic,
                })
            })
            .collect();
        if candidates.is_empty() {
            return Choice::None;
        }
        // One side that is unknown is first taken for what the other is.
        let unknown = |ty: &PgType| ty.oid == PgType::UNKNOWN.oid;
        let told: Vec<PgType> = match given {
            [a, b] if unknown(a) && !unknown(b) => vec![*b, *b],
            [a, b] if unknown(b) && !unknown(a) => vec![*a, *a],
            given => given.to_vec(),
        };
        let is_told = told != given;
        let exact = |takes: &[PgType]| {
            let same = |plain: fn(PgType) -> PgType| {
                let mut pairs = takes.iter().zip(&told);
                let same = |(to, ty): (&PgType, &PgType)| {
                    !unknown(ty) && to.declared() == plain(*ty).declared()
                };
                takes.len() == told.len() && pairs.all(same)
            };
            same(|ty| ty) || is_told && same(PgType::undomained)
        };
        let of_own: Vec<Vec<PgType>> = match own {
            true => OPERATORS
                .get(sign)
                .into_iter()
                .flatten()
                .map(|of| of.left.into_iter().chain([of.right]).collect())
                .collect(),
            false => Vec::new(),
        };
        let place = |schema: Oid| self.scope.path.lookup.iter().position(|of| *of == schema);
        let own_place = place(Oid::PG_CATALOG);
        let own_is_exact = of_own.iter().any(|takes| exact(takes));
        let mut candidates = candidates;
        if let Some(index) = candidates.iter().position(|of| exact(&of.takes)) {
            let hidden = own_is_exact && own_place < place(candidates[index].of.schema);
            return Choice::One((!hidden).then(|| candidates.swap_remove(index)));
        }
        if own_is_exact {
            return Choice::One(None);
        }
        let users = candidates.len();
        let lists = candidates.iter().map(|of| of.takes.clone());
        let lists: Vec<(Vec<PgType>, usize)> = lists
            .chain(of_own)
            .enumerate()
            .map(|(at, takes)| (takes, at))
            .collect();
        match choose(&lists, &base) {
            Choice::One(index) if index < users => Choice::One(Some(candidates.swap_remove(index))),
            Choice::One(_) => Choice::One(None),
            Choice::None => Choice::None,
            Choice::Many => Choice::Many,
        }
    }
}
