//! `pg_proc`: PostgreSQL's own functions that commons has, under PostgreSQL's OIDs, the team verbs,
//! and the functions users made.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use arrow::record_batch::RecordBatch;

use super::super::data::File;
use super::objects::acl;
use super::{build, concat, from_file};
use crate::base::name::quote;
use crate::base::{Oid, Result};
use crate::catalog::{Parallel, ParameterMode, Routine, RoutineBody, Volatility};
use crate::pg_catalog::{SystemRelation, Value};
use crate::statement::StatementContext;
use crate::types::PgType;

static FUNCTIONS: LazyLock<File> =
    LazyLock::new(|| File::new(include_str!("../../../sql/pg_catalog/pg_proc.tsv")));

pub(super) fn pg_proc(
    relation: &SystemRelation,
    context: &StatementContext,
) -> Result<RecordBatch> {
    let mut parts = vec![own(relation)?];
    if context.snapshot.routines().next().is_some() {
        parts.push(users(relation, context)?);
    }
    parts.push(super::ranges::pg_proc(relation, context)?);
    concat(&parts)
}

/// Users' functions.
fn users(relation: &SystemRelation, context: &StatementContext) -> Result<RecordBatch> {
    let snapshot = &context.snapshot;
    let routines: Vec<_> = snapshot.routines().cloned().collect();
    let oids = |oids: Vec<Oid>| Value::List(oids.into_iter().map(Value::from).collect());
    let texts = |texts: Vec<String>| Value::List(texts.into_iter().map(Value::from).collect());
    let all_in = |routine: &Routine| {
        routine
            .parameters
            .iter()
            .all(|p| p.mode == ParameterMode::In)
    };
    build::<Arc<Routine>>(
        relation,
        &routines,
        &[
            ("oid", &|routine| routine.oid.into()),
            ("proname", &|routine| (&routine.name).into()),
            ("pronamespace", &|routine| routine.schema.into()),
            ("proowner", &|routine| routine.owner.into()),
            ("prolang", &|routine| routine.language().1.into()),
            ("procost", &|routine| f64::from(routine.cost).into()),
            ("prorows", &|routine| f64::from(routine.rows).into()),
            ("provariadic", &|routine| {
                let last = routine
                    .parameters
                    .iter()
                    .find(|p| p.mode == ParameterMode::Variadic);
                last.map_or(Oid::INVALID, |p| match p.ty.0 {
                    2277 => Oid(2283),
                    5078 => Oid(5077),
                    _ => {
                        let element = context.snapshot.value_type(p.ty).declared_element();
                        element.map_or(Oid::INVALID, PgType::declared)
                    }
                })
                .into()
            }),
            ("prokind", &|routine| {
                match (routine.procedure, routine.aggregate()) {
                    (true, _) => 'p',
                    (false, Some(_)) => 'a',
                    (false, None) => 'f',
                }
                .into()
            }),
            ("prosecdef", &|routine| routine.security_definer.into()),
            ("proleakproof", &|routine| routine.leakproof.into()),
            ("proisstrict", &|routine| routine.strict.into()),
            ("proretset", &|routine| routine.set.into()),
            ("provolatile", &|routine| {
                match routine.volatility {
                    Volatility::Immutable => 'i',
                    Volatility::Stable => 's',
                    Volatility::Volatile => 'v',
                }
                .into()
            }),
            ("proparallel", &|routine| {
                match routine.parallel {
                    Parallel::Safe => 's',
                    Parallel::Restricted => 'r',
                    Parallel::Unsafe => 'u',
                }
                .into()
            }),
            ("pronargs", &|routine| count(routine.inputs().count())),
            ("pronargdefaults", &|routine| {
                count(routine.inputs().filter(|p| p.default.is_some()).count())
            }),
            ("prorettype", &|routine| routine.returns.into()),
            ("proargtypes", &|routine| oids(routine.input_types())),
            ("proallargtypes", &|routine| match all_in(routine) {
                true => Value::Null,
                false => oids(routine.parameters.iter().map(|p| p.ty).collect()),
            }),
            ("proargmodes", &|routine| match all_in(routine) {
                true => Value::Null,
                false => {
                    let modes = routine.parameters.iter();
                    texts(modes.map(|p| p.mode.letter().to_string()).collect())
                }
            }),
            (
                "proargnames",
                &|routine| match routine.parameters.iter().all(|p| p.name.is_empty()) {
                    true => Value::Null,
                    false => texts(routine.parameters.iter().map(|p| p.name.clone()).collect()),
                },
            ),
            ("proargdefaults", &|routine| {
                let defaults: Vec<String> = routine
                    .inputs()
                    .filter_map(|parameter| parameter.default.clone())
                    .collect();
                match defaults.is_empty() {
                    true => Value::Null,
                    false => defaults.join(", ").into(),
                }
            }),
            ("prosrc", &|routine| match &routine.body {
                RoutineBody::Text(text) | RoutineBody::Procedural(text) => text.clone().into(),
                RoutineBody::Return(_) | RoutineBody::Atomic(_) => String::new().into(),
                RoutineBody::Aggregate(_) => routine.source().to_owned().into(),
            }),
            ("prosqlbody", &|routine| match routine.bound() {
                Some(view) => view.query.clone().into(),
                None => Value::Null,
            }),
            ("proconfig", &|routine| match &routine.search_path {
                Some(path) => {
                    let names: Vec<_> = path.iter().map(|name| quote(name)).collect();
                    texts(vec![format!("search_path={}", names.join(", "))])
                }
                None => Value::Null,
            }),
            ("proacl", &|routine| acl(snapshot, routine.acl.as_ref())),
        ],
    )
}

fn count(number: usize) -> Value {
    i64::try_from(number).map_or(Value::Null, Value::Int)
}

/// PostgreSQL's own.
fn own(relation: &SystemRelation) -> Result<RecordBatch> {
    from_file(
        relation,
        &FUNCTIONS,
        &[
            ("proowner", Oid::SUPERUSER.into()),
            ("prolang", 12.into()),
            ("procost", 1.0.into()),
            ("proparallel", 's'.into()),
        ],
    )
}

/// What there is to say about a function by its OID.
#[derive(Debug)]
pub struct Function {
    /// Schema.
    pub schema: Oid,
    /// Name.
    pub name: &'static str,
    /// Argument types.
    pub arguments: Vec<Oid>,
    /// Argument names, or none.
    pub argument_names: Vec<&'static str>,
    /// Result type.
    pub result: Oid,
    /// Returns a set.
    pub set: bool,
    /// `f`, `a`, `w`
    pub kind: &'static str,
    /// Gives NULL for NULL.
    pub strict: bool,
    /// Whether the last argument stands for any number of them, one at least.
    pub variadic: bool,
    /// How many of the last arguments need not be given.
    pub defaults: usize,
}

static BY_OID: LazyLock<HashMap<Oid, Function>> = LazyLock::new(|| {
    let text = |line: &[&'static str], column| {
        FUNCTIONS
            .position(column)
            .and_then(|index| line.get(index).copied())
            .filter(|text| *text != "\\N")
            .unwrap_or("")
    };
    FUNCTIONS
        .lines
        .iter()
        .map(|line| {
            let function = Function {
                schema: FUNCTIONS.oid(line, "pronamespace"),
                name: text(line, "proname"),
                arguments: text(line, "proargtypes")
                    .split_whitespace()
                    .filter_map(|oid| oid.parse().ok().map(Oid))
                    .collect(),
                argument_names: text(line, "proargnames")
                    .trim_matches(['{', '}'])
                    .split(',')
                    .filter(|name| !name.is_empty())
                    .map(|name| name.trim_matches('"'))
                    .collect(),
                result: FUNCTIONS.oid(line, "prorettype"),
                set: text(line, "proretset") == "t",
                kind: text(line, "prokind"),
                strict: text(line, "proisstrict") == "t",
                variadic: FUNCTIONS.oid(line, "provariadic") != Oid::INVALID,
                defaults: text(line, "pronargdefaults").parse().unwrap_or(0),
            };
            (FUNCTIONS.oid(line, "oid"), function)
        })
        .collect()
});

impl Function {
    /// Whether it can be called with so many arguments.
    pub fn takes(&self, count: usize) -> bool {
        let all = self.arguments.len();
        match self.variadic {
            true => count >= all,
            false => (all.saturating_sub(self.defaults)..=all).contains(&count),
        }
    }
}

/// A function by its OID.
pub fn by_oid(oid: Oid) -> Option<&'static Function> {
    BY_OID.get(&oid)
}

/// The functions of a schema.
pub(super) fn of_schema(schema: Oid) -> impl Iterator<Item = Oid> {
    let within = move |(_, function): &(&Oid, &Function)| function.schema == schema;
    BY_OID.iter().filter(within).map(|(oid, _)| *oid)
}

static BY_NAME: LazyLock<HashMap<&'static str, Vec<Oid>>> = LazyLock::new(|| {
    let mut named: HashMap<&'static str, Vec<Oid>> = HashMap::new();
    for (oid, function) in BY_OID.iter() {
        named.entry(function.name).or_default().push(*oid);
    }
    named.values_mut().for_each(|oids| oids.sort_unstable());
    named
});

/// All functions of a name, by OID.
pub fn by_name(name: &str) -> Vec<(Oid, &'static Function)> {
    let oids = BY_NAME.get(name).into_iter().flatten();
    oids.filter_map(|oid| Some((*oid, BY_OID.get(oid)?)))
        .collect()
}
