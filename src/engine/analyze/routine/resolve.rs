//! Which of the users' functions a call means, by PostgreSQL's rules: those of the name along the
//! search path, PostgreSQL's own among them; arguments by place and by name, defaults, VARIADIC;
//! then the candidate whose parameters the arguments fit best.

use std::sync::Arc;

use sqlparser::ast::{FunctionArg, FunctionArgExpr};

use super::super::Analyst;
use super::super::coerce::{array_element, not_unique, undetermined, vector_element};
use super::super::level::Level;
use super::super::operator::{Choice, choose};
use super::super::typed::Typed;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Routine, Snapshot};
use crate::engine::parse::{VARIADIC, fold};
use crate::pg_catalog;
use crate::types::PgType;

/// A call with its function found.
pub(in crate::engine::analyze) struct Call {
    pub(in crate::engine::analyze) routine: Arc<Routine>,
    /// A value of the right type for each input parameter; `None` where its default stands.
    pub(super) args: Vec<Option<Typed>>,
    /// The input parameters' types in this call.
    pub(super) types: Vec<PgType>,
    /// What polymorphic results are.
    pub(super) generic: Generic,
    /// Whether the schema was written.
    pub(super) qualified: bool,
    /// Who must have the right to call it, where that is not whoever's rights count here.
    pub(super) caller: Option<Oid>,
}

impl Call {
    /// The input parameters' types.
    pub(in crate::engine::analyze) fn input_types(&self) -> &[PgType] {
        &self.types
    }

    /// The input parameters' types as a function that is carried out holds them: arrays have the
    /// dimensions they come with.
    pub(super) fn held_types(&self) -> Vec<PgType> {
        let types = self.types.iter();
        types.map(|ty| ty.with_any_dimensions()).collect()
    }
}

/// What the polymorphic types are in one call.
#[derive(Debug, Clone, Copy, Default)]
pub(in crate::engine) struct Generic {
    element: Option<PgType>,
    /// The range type, if a range or multirange is among the arguments.
    range: Option<PgType>,
    compatible: Option<PgType>,
    /// That among arguments that are compatible; nothing converts ranges.
    compatible_range: Option<PgType>,
}

impl Generic {
    /// What a type is in this call.
    pub(in crate::engine::analyze) fn actual(self, snapshot: &Snapshot, ty: Oid) -> Option<PgType> {
        match ty.0 {
            2283 | 2776 | 3500 => self.element,
            2277 => self.element.and_then(PgType::array),
            3831 => self.range(),
            4537 => self.range().and_then(PgType::multirange),
            5080 => self.compatible_range(),
            4538 => self.compatible_range().and_then(PgType::multirange),
            5077 | 5079 => self.compatible,
            5078 => self.compatible.and_then(PgType::array),
            _ => Some(snapshot.value_type(ty)),
        }
    }

    fn range(self) -> Option<PgType> {
        self.range
            .or_else(|| self.element.and_then(PgType::range_over))
    }

    fn compatible_range(self) -> Option<PgType> {
        self.compatible_range
            .or_else(|| self.compatible.and_then(PgType::range_over))
    }
}

/// An argument as written.
struct Given {
    name: Option<String>,
    value: Typed,
}

/// One way to read a call.
struct Candidate {
    routine: Option<Arc<Routine>>,
    /// For each argument of the call, what it is converted to.
    takes: Vec<PgType>,
    /// What others are compared with it by: of a polymorphic type no more is known than that.
    compared: Vec<PgType>,
    /// For each argument, which of [`Routine::arguments`] it is for.
    places: Vec<usize>,
    expanded: bool,
    /// Whether what it takes depends on the call.
    polymorphic: bool,
    defaults: usize,
    generic: Generic,
}

impl Candidate {
    /// Of two that take the same the one where this is less is meant.
    fn plainness(&self) -> (bool, bool, usize) {
        (self.polymorphic, self.expanded, self.defaults)
    }
}

impl Analyst<'_> {
    /// The users' function a call means; `None` if it means one of PostgreSQL's.
    pub(in crate::engine::analyze) fn routine_call(
        &self,
        level: &Level<'_>,
        parts: &[String],
        args: &[FunctionArg],
    ) -> Result<Option<Call>> {
        let snapshot = &self.scope.context.snapshot;
        let (schema, name) = match parts {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return Ok(None),
        };
        let known = self.routines(schema, name);
        if known.is_empty() {
            return Ok(None);
        }
        let mut variadic = false;
        let mut given = Vec::with_capacity(args.len());
        for arg in args {
            let (name, value) = match arg {
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(value),
                    ..
                } => (Some(fold(name)), self.expression(level, value)?),
                other => (None, self.argument(level, other)?),
            };
            if name.as_deref() == Some(VARIADIC) {
                variadic = true;
                given.push(Given { name: None, value });
                continue;
            }
            if name.is_none() && given.iter().any(|other: &Given| other.name.is_some()) {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "positional argument cannot follow named argument",
                ));
            }
            if name.is_some() && given.iter().any(|other| other.name == name) {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!(
                        "argument name \"{}\" used more than once",
                        name.unwrap_or_default()
                    ),
                ));
            }
            given.push(Given { name, value });
        }
        let types: Vec<PgType> = given.iter().map(|one| base_type(snapshot, one)).collect();
        let mut candidates: Vec<Candidate> = Vec::new();
        let own = match schema {
            None => pg_catalog::functions_named(name),
            Some(_) => Vec::new(),
        };
        // Of two that take the same, the one earlier on the path hides the other.
        let lookup = &self.scope.path.lookup;
        let place = |schema: Oid| lookup.iter().position(|other| *other == schema);
        let own_place = place(Oid::PG_CATALOG);
        let own: Vec<Vec<Oid>> = own
            .into_iter()
            .filter(|types| {
                let hides = |routine: &&Arc<Routine>| {
                    place(routine.schema) < own_place && routine.input_types() == *types
                };
                schema.is_some() || !known.iter().any(|routine| hides(&routine))
            })
            .collect();
        for routine in known {
            if own.iter().any(|types| *types == routine.input_types()) {
                continue;
            }
            if let Some(candidate) = candidate(snapshot, &routine, &given, &types, variadic) {
                let same = candidates.iter().position(|other| {
                    other.takes == candidate.takes && other.places == candidate.places
                });
                match same {
                    // The plainer reading, else the one earlier on the path.
                    Some(index) => {
                        let other = &candidates[index];
                        if candidate.plainness() < other.plainness() {
                            candidates[index] = candidate;
                        }
                    }
                    None => candidates.push(candidate),
                }
            }
        }
        if !given.iter().any(|one| one.name.is_some()) {
            for types in own.iter().filter(|types| types.len() == given.len()) {
                let takes: Vec<PgType> = types.iter().map(|ty| PgType::of(ty.0)).collect();
                candidates.push(Candidate {
                    routine: None,
                    compared: takes.clone(),
                    takes,
                    places: (0..types.len()).collect(),
                    expanded: false,
                    polymorphic: false,
                    defaults: 0,
                    generic: Generic::default(),
                });
            }
        }
        let lists: Vec<(Vec<PgType>, usize)> = candidates
            .iter()
            .enumerate()
            .map(|(index, candidate)| (candidate.compared.clone(), index))
            .collect();
        // A domain is exactly itself, and for every other choice what it is over.
        let declared = |candidate: &Candidate| {
            let mut pairs = candidate.takes.iter().zip(&given);
            pairs.all(|(to, one)| to.declared() == one.value.ty.declared())
        };
        let of_domain = given.iter().any(|one| one.value.ty.domain.is_some());
        let exact = candidates.iter().position(|of| of_domain && declared(of));
        let choice = match exact {
            Some(index) => Choice::One(index),
            None => choose(&lists, &types),
        };
        let chosen = match choice {
            Choice::One(index) => candidates.swap_remove(index),
            Choice::None if own.is_empty() => {
                return Err(unknown_call(snapshot, &parts.join("."), &given));
            }
            // What PostgreSQL's functions take is known better where they are called.
            Choice::None => return Ok(None),
            Choice::Many => {
                let shown = shown_call(snapshot, &parts.join("."), &given);
                return Err(not_unique(&shown));
            }
        };
        let Some(routine) = chosen.routine.clone() else {
            return Ok(None);
        };
        self.with_parameters(routine, chosen, given, schema.is_some())
            .map(Some)
    }

    /// The arguments in the order of the parameters, converted.
    fn with_parameters(
        &self,
        routine: Arc<Routine>,
        chosen: Candidate,
        given: Vec<Given>,
        qualified: bool,
    ) -> Result<Call> {
        let inputs: Vec<Oid> = routine.input_types();
        let taken: Vec<_> = routine
            .arguments()
            .map(|parameter| parameter.mode)
            .collect();
        let mut args: Vec<Option<Typed>> = vec![None; inputs.len()];
        let mut rest = Vec::new();
        for ((one, place), ty) in given.into_iter().zip(&chosen.places).zip(&chosen.takes) {
            let value = self.coerced(one.value, *ty)?;
            // The body names its fields.
            let row = self.fields(&value);
            let value = Typed { row, ..value };
            if chosen.expanded && *place + 1 == taken.len() {
                rest.push(value);
            } else if taken[*place].is_input() {
                let before = taken[..*place].iter();
                let input = before.filter(|mode| mode.is_input()).count();
                args[input] = Some(value);
            }
        }
        let snapshot = &self.scope.context.snapshot;
        let types = inputs
            .iter()
            .map(|ty| {
                chosen
                    .generic
                    .actual(snapshot, *ty)
                    .ok_or_else(undetermined)
            })
            .collect::<Result<Vec<_>>>()?;
        if !rest.is_empty() {
            let array = self.array_of(rest)?;
            let ty = types.last().copied().unwrap_or(PgType::TEXT);
            if let Some(last) = args.last_mut() {
                *last = Some(self.coerced(array, ty)?);
            }
        }
        Ok(Call {
            routine,
            args,
            types,
            generic: chosen.generic,
            qualified,
            caller: None,
        })
    }

    /// The functions of a name that can be seen, in the order of the path.
    pub(in crate::engine::analyze) fn routines(
        &self,
        schema: Option<&str>,
        name: &str,
    ) -> Vec<Arc<Routine>> {
        let snapshot = &self.scope.context.snapshot;
        let mut found: Vec<Arc<Routine>> = Vec::new();
        for schema in self.scope.path.candidates(snapshot, schema) {
            for routine in snapshot.routines_named(schema, name) {
                let pinned = self
                    .scope
                    .view
                    .is_none_or(|view| view.depends_on.contains(&routine.oid));
                let types = routine.input_types();
                let hidden = found.iter().any(|other| other.input_types() == types);
                if pinned && !hidden {
                    found.push(routine.clone());
                }
            }
        }
        found
    }
}

/// The type of an argument; of a row, the relation's whose row it may be is not known here.
fn base_type(_: &Snapshot, given: &Given) -> PgType {
    given.value.base()
}

/// How a function would take the arguments; `None` if it cannot.
fn candidate(
    snapshot: &Snapshot,
    routine: &Arc<Routine>,
    given: &[Given],
    types: &[PgType],
    variadic: bool,
) -> Option<Candidate> {
    let taken: Vec<_> = routine.arguments().collect();
    let named = given.iter().any(|one| one.name.is_some());
    let expanded = routine.is_variadic() && !variadic && !named && given.len() >= taken.len();
    if variadic && !routine.is_variadic() {
        return None;
    }
    let mut places = Vec::with_capacity(given.len());
    for (index, one) in given.iter().enumerate() {
        let place = match &one.name {
            Some(name) => taken.iter().position(|parameter| parameter.name == *name)?,
            None if expanded => index.min(taken.len() - 1),
            None => index,
        };
        let again = places.contains(&place) && !(expanded && place + 1 == taken.len());
        if place >= taken.len() || again {
            return None;
        }
        places.push(place);
    }
    let missing: Vec<_> = (0..taken.len())
        .filter(|place| !places.contains(place))
        .collect();
    if missing.iter().any(|place| taken[*place].default.is_none()) {
        return None;
    }
    let declared: Vec<Oid> = places.iter().map(|place| taken[*place].ty).collect();
    let element_of = |index: usize, ty: Oid| {
        if expanded && places[index] + 1 == taken.len() {
            element(snapshot, ty)
        } else {
            ty
        }
    };
    let declared: Vec<Oid> = declared
        .into_iter()
        .enumerate()
        .map(|(index, ty)| element_of(index, ty))
        .collect();
    let generic = generic(&declared, types)?;
    let takes = declared
        .iter()
        .zip(given)
        .map(|(ty, one)| {
            // Of literals alone nothing says what they are: that is found out when it is chosen.
            let actual = generic.actual(snapshot, *ty).unwrap_or(PgType::UNKNOWN);
            // A row that is written is taken for one of any type, and for nothing else.
            let written = one.value.row.is_some() && one.value.is(PgType::RECORD);
            (!written || actual.is_composite() || actual.is(PgType::UNKNOWN)).then_some(actual)
        })
        .collect::<Option<Vec<_>>>()?;
    let polymorphic = |ty: &Oid| Routine::is_polymorphic(*ty);
    let pairs = declared.iter().zip(&takes);
    let compared = pairs.map(|(ty, actual)| match polymorphic(ty) {
        true => PgType::UNKNOWN,
        false => *actual,
    });
    Some(Candidate {
        routine: Some(routine.clone()),
        compared: compared.collect(),
        takes,
        places,
        expanded,
        polymorphic: declared.iter().any(polymorphic),
        defaults: missing.len(),
        generic,
    })
}

/// What an element of a VARIADIC parameter is.
fn element(snapshot: &Snapshot, ty: Oid) -> Oid {
    match ty.0 {
        2277 => Oid(2283),
        5078 => Oid(5077),
        _ => snapshot
            .value_type(ty)
            .declared_element()
            .map_or(ty, PgType::declared),
    }
}

/// What the polymorphic parameters are; `None` if the arguments do not agree.
pub(in crate::engine::analyze) fn generic(declared: &[Oid], types: &[PgType]) -> Option<Generic> {
    let mut generic = Generic::default();
    let mut unknown_compatible = false;
    for (ty, from) in declared.iter().zip(types) {
        let is_unknown = from.oid == PgType::UNKNOWN.oid;
        match ty.0 {
            2283 | 2776 | 2277 | 3500 | 3831 | 4537 if is_unknown => {}
            4538 | 5077..=5080 if is_unknown => unknown_compatible = true,
            2283 | 2776 | 2277 | 3500 | 3831 | 4537 => {
                let element = match ty.0 {
                    3831 | 4537 => of_range(&mut generic.range, *from, ty.0 == 3831)?,
                    2277 => item(*from)?,
                    2776 if item(*from).is_some() => return None,
                    3500 if !from.is_enum() => return None,
                    _ => *from,
                };
                match generic.element {
                    None => generic.element = Some(element),
                    Some(known) if known.oid == element.oid => {}
                    Some(_) => return None,
                }
            }
            4538 | 5077..=5080 => {
                let element = match ty.0 {
                    4538 | 5080 => of_range(&mut generic.compatible_range, *from, ty.0 == 5080)?,
                    5078 => item(*from)?,
                    5079 if item(*from).is_some() => return None,
                    _ => *from,
                };
                generic.compatible = Some(match generic.compatible {
                    None => element,
                    Some(known) => common(known, element)?,
                });
            }
            _ => {}
        }
    }
    if unknown_compatible && generic.compatible.is_none() {
        generic.compatible = Some(PgType::TEXT);
    }
    let other = |known: PgType| generic.compatible.is_none_or(|ty| ty.oid != known.oid);
    let bounds = generic.compatible_range.and_then(PgType::subtype);
    if bounds.is_some_and(other) {
        return None;
    }
    Some(generic)
}

/// The element of what `anyarray` takes: vectors are arrays there.
fn item(ty: PgType) -> Option<PgType> {
    array_element(ty).or_else(|| vector_element(ty))
}

/// The type a range or multirange is over, whose range type is what is `known` already; `None` if
/// it is another one, or the value no such.
fn of_range(known: &mut Option<PgType>, value: PgType, is_range: bool) -> Option<PgType> {
    let range = match is_range {
        true => Some(value).filter(|ty| ty.is_range()),
        false => value.range(),
    }?;
    if known.is_some_and(|known| known.oid != range.oid) {
        return None;
    }
    *known = Some(range);
    range.subtype()
}

/// The one of two types that both are converted to.
fn common(a: PgType, b: PgType) -> Option<PgType> {
    use super::super::coerce::implicitly;
    if implicitly(b, a) {
        Some(a)
    } else if implicitly(a, b) {
        Some(b)
    } else {
        None
    }
}

/// `name(integer, b => text)`
fn shown_call(snapshot: &Snapshot, name: &str, given: &[Given]) -> String {
    let types: Vec<String> = given
        .iter()
        .map(|one| {
            let ty = snapshot.type_name(one.value.ty.declared());
            match &one.name {
                Some(name) => format!("{name} => {ty}"),
                None => ty,
            }
        })
        .collect();
    format!("{name}({})", types.join(", "))
}

/// `42883`
fn unknown_call(snapshot: &Snapshot, name: &str, given: &[Given]) -> Error {
    Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!(
            "function {} does not exist",
            shown_call(snapshot, name, given)
        ),
    )
    .hint(
        "No function matches the given name and argument types. You might need to add explicit \
         type casts.",
    )
}
