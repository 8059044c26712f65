//! Functions and procedures users make.
//!
//! A body is SQL text, or a block of PL/pgSQL. One that was written as a string is looked up where
//! and when it is called; one that is part of the statement (`RETURN …`, `BEGIN ATOMIC …`) means
//! what it meant when it was made, as a view's does, and depends on what it reads.

use serde::{Deserialize, Serialize};

use super::acl::Acl;
use super::aggregate::Aggregate;
use super::object::View;
use super::snapshot::Snapshot;
use crate::base::Oid;
use crate::base::name::quote;
use crate::types::PgType;

/// A function or procedure: what PostgreSQL keeps in `pg_proc`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Routine {
    /// Identity.
    pub oid: Oid,
    /// Name; several routines of a schema may share it, with other input types.
    pub name: String,
    /// The schema it is in.
    pub schema: Oid,
    /// Who owns it.
    pub owner: Oid,
    /// Grants, or the default (PUBLIC: EXECUTE).
    pub acl: Option<Acl>,
    /// COMMENT ON FUNCTION.
    pub comment: Option<String>,
    /// Whether it is a procedure.
    pub procedure: bool,
    /// Parameters as written, those of RETURNS TABLE behind the others.
    pub parameters: Vec<Parameter>,
    /// `pg_proc.prorettype`
    pub returns: Oid,
    /// RETURNS SETOF and RETURNS TABLE.
    pub set: bool,
    /// IMMUTABLE, STABLE or VOLATILE.
    pub volatility: Volatility,
    /// STRICT: NULL for a NULL argument, without a call.
    pub strict: bool,
    /// SECURITY DEFINER: the body has the owner's rights.
    pub security_definer: bool,
    /// LEAKPROOF; kept, and of no consequence.
    pub leakproof: bool,
    /// PARALLEL; kept, and of no consequence.
    pub parallel: Parallel,
    /// COST; kept, and of no consequence.
    pub cost: f32,
    /// ROWS; kept, and of no consequence.
    pub rows: f32,
    /// The search path it is run with (SET search_path), if it has one of its own.
    pub search_path: Option<Vec<String>>,
    /// What it does.
    pub body: RoutineBody,
    /// How many times it was created or replaced; 1 at first.
    pub publication: u64,
}

/// What a routine does.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum RoutineBody {
    /// `AS '…'`: statements, separated by semicolons.
    Text(String),
    /// `RETURN expression` (as `SELECT expression`): the query.
    Return(View),
    /// `BEGIN ATOMIC … END`: the statements, separated by semicolons.
    Atomic(View),
    /// `AS '…'` in PL/pgSQL: a block.
    Procedural(String),
    /// Of an aggregate: other functions.
    Aggregate(Box<Aggregate>),
}

/// A parameter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameter {
    /// Name; empty if it has none.
    pub name: String,
    /// Which way values go.
    pub mode: ParameterMode,
    /// Type.
    pub ty: Oid,
    /// DEFAULT, as SQL text.
    pub default: Option<String>,
}

/// Which way a parameter's values go.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum ParameterMode {
    /// IN
    In,
    /// OUT
    Out,
    /// INOUT
    InOut,
    /// VARIADIC
    Variadic,
    /// A column of RETURNS TABLE.
    Table,
}

/// How much a routine's answer may differ between calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Volatility {
    /// IMMUTABLE
    Immutable,
    /// STABLE
    Stable,
    /// VOLATILE
    Volatile,
}

/// PARALLEL
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Parallel {
    /// SAFE
    Safe,
    /// RESTRICTED
    Restricted,
    /// UNSAFE
    Unsafe,
}

/// Types that are none of a value: polymorphic ones, and those that only stand for a result.
const PSEUDO: &[(u32, &str)] = &[
    (2249, "record"),
    (2276, "any"),
    (2277, "anyarray"),
    (2278, "void"),
    (2279, "trigger"),
    (2281, "internal"),
    (2283, "anyelement"),
    (2776, "anynonarray"),
    (3500, "anyenum"),
    (3831, "anyrange"),
    (4537, "anymultirange"),
    (4538, "anycompatiblemultirange"),
    (5077, "anycompatible"),
    (5078, "anycompatiblearray"),
    (5079, "anycompatiblenonarray"),
    (5080, "anycompatiblerange"),
];

impl Routine {
    /// The OID of a pseudo-type.
    pub fn pseudo_type(name: &str) -> Option<Oid> {
        PSEUDO
            .iter()
            .find(|(_, known)| *known == name)
            .map(|(oid, _)| Oid(*oid))
    }

    /// Whether a type takes what it is from each call.
    pub fn is_polymorphic(ty: Oid) -> bool {
        matches!(
            ty.0,
            2277 | 2283 | 2776 | 3500 | 3831 | 4537 | 4538 | 5077..=5080
        )
    }

    /// Parameters a call gives values for, in order.
    pub fn inputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|p| p.mode.is_input())
    }

    /// Parameters that are part of the result, in order.
    pub fn outputs(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters.iter().filter(|p| p.mode.is_output())
    }

    /// The parameters that a call has arguments for: the outputs of a procedure, too, though
    /// nothing reads what is given for those.
    pub fn arguments(&self) -> impl Iterator<Item = &Parameter> {
        self.parameters
            .iter()
            .filter(|parameter| match parameter.mode {
                ParameterMode::Out => self.procedure,
                mode => mode.is_input(),
            })
    }

    /// `pg_proc.proargtypes`: what tells routines of one name apart.
    pub fn input_types(&self) -> Vec<Oid> {
        self.inputs().map(|parameter| parameter.ty).collect()
    }

    /// Whether the last input takes any number of arguments.
    pub fn is_variadic(&self) -> bool {
        self.parameters
            .iter()
            .any(|p| p.mode == ParameterMode::Variadic)
    }

    /// The text of the body, as its author wrote it.
    pub fn source(&self) -> &str {
        match &self.body {
            RoutineBody::Text(text) | RoutineBody::Procedural(text) => text,
            RoutineBody::Return(view) | RoutineBody::Atomic(view) => &view.query,
            RoutineBody::Aggregate(_) => "aggregate_dummy",
        }
    }

    /// What its body was when it was made, if it is kept to that.
    pub fn bound(&self) -> Option<&View> {
        match &self.body {
            RoutineBody::Text(_) | RoutineBody::Procedural(_) | RoutineBody::Aggregate(_) => None,
            RoutineBody::Return(view) | RoutineBody::Atomic(view) => Some(view),
        }
    }

    /// What it is made of, if it is an aggregate.
    pub fn aggregate(&self) -> Option<&Aggregate> {
        match &self.body {
            RoutineBody::Aggregate(aggregate) => Some(aggregate),
            RoutineBody::Text(_)
            | RoutineBody::Return(_)
            | RoutineBody::Atomic(_)
            | RoutineBody::Procedural(_) => None,
        }
    }

    /// The language it is written in, and its OID in `pg_language`.
    pub fn language(&self) -> (&'static str, Oid) {
        match self.body {
            RoutineBody::Procedural(_) => ("plpgsql", Oid(13563)),
            RoutineBody::Aggregate(_) => ("internal", Oid(12)),
            RoutineBody::Text(_) | RoutineBody::Return(_) | RoutineBody::Atomic(_) => {
                ("sql", Oid(14))
            }
        }
    }

    /// The word of messages: "function", "procedure", "aggregate".
    pub fn kind_name(&self) -> &'static str {
        match self.aggregate() {
            Some(_) => "aggregate",
            None => self.kind_described(),
        }
    }

    /// The same where an aggregate is a function like others: in what depends on what.
    pub fn kind_described(&self) -> &'static str {
        if self.procedure {
            "procedure"
        } else {
            "function"
        }
    }

    /// Whether a type of its signature is `ty`.
    pub(super) fn takes_or_gives(&self, ty: Oid) -> bool {
        self.returns == ty || self.parameters.iter().any(|p| p.ty == ty)
    }

    /// Whether it is made of `oid`: its body reads it, or a type of its is the relation's row.
    pub(super) fn depends_on(&self, oid: Oid, row_type: Option<Oid>) -> bool {
        self.bound()
            .is_some_and(|view| view.depends_on.contains(&oid))
            || self
                .aggregate()
                .is_some_and(|aggregate| aggregate.functions().any(|function| function == oid))
            || row_type.is_some_and(|row| self.takes_or_gives(row))
    }
}

impl ParameterMode {
    /// IN, INOUT, VARIADIC.
    pub fn is_input(self) -> bool {
        matches!(self, Self::In | Self::InOut | Self::Variadic)
    }

    /// OUT, INOUT, and the columns of RETURNS TABLE.
    pub fn is_output(self) -> bool {
        matches!(self, Self::Out | Self::InOut | Self::Table)
    }

    /// `pg_proc.proargmodes`
    pub fn letter(self) -> char {
        match self {
            Self::In => 'i',
            Self::Out => 'o',
            Self::InOut => 'b',
            Self::Variadic => 'v',
            Self::Table => 't',
        }
    }
}

impl Snapshot {
    /// A type's name as messages have it; rows of relations go by the relation's name.
    pub fn type_name(&self, ty: Oid) -> String {
        let known = PgType::of(ty.0);
        if known.info().oid == ty {
            return known.to_string();
        }
        if let Some((_, name)) = PSEUDO.iter().find(|(oid, _)| *oid == ty.0) {
            return (*name).to_owned();
        }
        if let Some(made) = self.user_type(ty) {
            return quote(&made.name).into_owned();
        }
        if let Some(made) = self.types().find(|made| made.array == ty) {
            return format!("{}[]", quote(&made.name));
        }
        self.relations()
            .find(|relation| relation.row_type == ty)
            .map_or_else(|| "???".to_owned(), |r| quote(&r.name).into_owned())
    }

    /// `name(integer, text)`, for messages; `schema` in front if it is given.
    pub fn signature(&self, routine: &Routine, schema: Option<&str>) -> String {
        let types: Vec<String> = routine
            .input_types()
            .into_iter()
            .map(|ty| self.type_name(ty))
            .collect();
        let schema = schema.map_or_else(String::new, |schema| format!("{}.", quote(schema)));
        format!("{schema}{}({})", quote(&routine.name), types.join(","))
    }
}

/// Whether an expression calls a routine by its qualified name. The text may say so within a
/// literal too: then what depends on it depends on one too many.
pub(super) fn calls(text: &str, qualified: &str) -> bool {
    let mut from = 0;
    while let Some(at) = text[from..].find(qualified) {
        let (start, end) = (from + at, from + at + qualified.len());
        let before = text[..start].chars().next_back();
        let part_of_name = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '"' | '.');
        if text[end..].trim_start().starts_with('(') && !before.is_some_and(part_of_name) {
            return true;
        }
        from = end;
    }
    false
}
