//! Small objects that say how values are handled: operators, casts and statistics users make.
//!
//! They are kept in one place, because all of them are only said and named: nothing is granted on
//! them, and no rows are stored with them.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::snapshot::Snapshot;
use crate::base::name::quote;
use crate::base::{Error, Oid, SqlState};

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Definition {
    /// Identity.
    pub oid: Oid,
    /// Name; casts have none.
    pub name: String,
    /// The schema it is in; casts are in none.
    pub schema: Oid,
    /// Who owns it; casts are nobody's, and say the bootstrap superuser here.
    pub owner: Oid,
    /// COMMENT ON
    pub comment: Option<String>,
    /// What it is.
    pub body: DefinitionBody,
}

/// What a definition is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum DefinitionBody {
    /// CREATE OPERATOR
    Operator(Operator),
    /// CREATE CAST
    Cast(Cast),
    /// CREATE STATISTICS
    Statistics(Statistics),
}

/// An operator: what PostgreSQL keeps in `pg_operator`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Operator {
    /// The left operand's type; `None` of a prefix operator.
    pub left: Option<Oid>,
    /// The right operand's type.
    pub right: Oid,
    /// The function behind it, and what that gives; `None` where another operator has named this
    /// one and nobody has made it yet.
    pub function: Option<(Oid, Oid)>,
    /// COMMUTATOR
    pub commutator: Option<Oid>,
    /// NEGATOR
    pub negator: Option<Oid>,
    /// RESTRICT; kept, and of no consequence.
    pub restrict: Option<Oid>,
    /// JOIN; kept, and of no consequence.
    pub join: Option<Oid>,
    /// MERGES; kept, and of no consequence.
    pub merges: bool,
    /// HASHES; kept, and of no consequence.
    pub hashes: bool,
}

/// A cast: what PostgreSQL keeps in `pg_cast`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cast {
    /// From this type.
    pub source: Oid,
    /// To this one.
    pub target: Oid,
    /// How.
    pub method: CastMethod,
    /// Where it is made without being asked for.
    pub made: CastMade,
}

/// Extended statistics: what PostgreSQL keeps in `pg_statistic_ext`. Kept, and of no consequence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Statistics {
    /// Of which table.
    pub relation: Oid,
    /// Of which columns, in order.
    pub columns: Vec<i16>,
    /// Of which kinds, in PostgreSQL's order.
    pub kinds: Vec<StatisticKind>,
    /// SET STATISTICS; -1 is the default.
    pub target: i32,
}

/// A kind of extended statistics.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum StatisticKind {
    /// How many different combinations there are.
    Distinct,
    /// Which columns follow from others.
    Dependencies,
    /// Which combinations are there most often.
    MostCommon,
}

impl StatisticKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Distinct, Self::Dependencies, Self::MostCommon];

    /// The word of statements.
    pub fn word(self) -> &'static str {
        match self {
            Self::Distinct => "ndistinct",
            Self::Dependencies => "dependencies",
            Self::MostCommon => "mcv",
        }
    }

    /// `pg_statistic_ext.stxkind`
    pub fn letter(self) -> char {
        match self {
            Self::Distinct => 'd',
            Self::Dependencies => 'f',
            Self::MostCommon => 'm',
        }
    }
}

/// How a cast is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CastMethod {
    /// WITH FUNCTION
    Function(Oid),
    /// WITHOUT FUNCTION
    Binary,
    /// WITH INOUT
    InOut,
}

/// Where a cast is made without being asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum CastMade {
    /// Nowhere.
    Explicit,
    /// AS ASSIGNMENT
    Assignment,
    /// AS IMPLICIT
    Implicit,
}

/// All definitions.
pub(super) type Definitions = Arc<DefinitionMap>;

/// Definitions by OID, and the indexes that expressions look operators and casts up in.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct DefinitionMap {
    all: BTreeMap<Oid, Arc<Definition>>,
    signs: BTreeMap<String, Vec<Oid>>,
    casts: BTreeMap<(Oid, Oid), Oid>,
}

impl DefinitionMap {
    fn new(all: BTreeMap<Oid, Arc<Definition>>) -> Self {
        let mut made = Self {
            all,
            ..Self::default()
        };
        made.index();
        made
    }

    /// Changes definitions, which are rare enough for the indexes to be made again.
    pub(super) fn change<T>(&mut self, work: impl FnOnce(&mut Map) -> T) -> T {
        let done = work(&mut self.all);
        self.index();
        done
    }

    /// A definition, to change what no index holds.
    pub(super) fn get_mut(&mut self, oid: Oid) -> Option<&mut Definition> {
        self.all.get_mut(&oid).map(Arc::make_mut)
    }

    fn index(&mut self) {
        self.signs.clear();
        self.casts.clear();
        for of in self.all.values() {
            match &of.body {
                DefinitionBody::Operator(_) => {
                    self.signs.entry(of.name.clone()).or_default().push(of.oid);
                }
                DefinitionBody::Cast(cast) => {
                    self.casts.insert((cast.source, cast.target), of.oid);
                }
                DefinitionBody::Statistics(_) => {}
            }
        }
    }
}

/// Definitions by OID.
pub(super) type Map = BTreeMap<Oid, Arc<Definition>>;

impl CastMethod {
    /// `pg_cast.castmethod`
    pub fn letter(self) -> char {
        match self {
            Self::Function(_) => 'f',
            Self::Binary => 'b',
            Self::InOut => 'i',
        }
    }
}

impl CastMade {
    /// `pg_cast.castcontext`
    pub fn letter(self) -> char {
        match self {
            Self::Explicit => 'e',
            Self::Assignment => 'a',
            Self::Implicit => 'i',
        }
    }
}

impl Definition {
    /// The operator it is.
    pub fn operator(&self) -> Option<&Operator> {
        match &self.body {
            DefinitionBody::Operator(operator) => Some(operator),
            DefinitionBody::Cast(_) | DefinitionBody::Statistics(_) => None,
        }
    }

    /// The cast it is.
    pub fn cast(&self) -> Option<&Cast> {
        match &self.body {
            DefinitionBody::Cast(cast) => Some(cast),
            DefinitionBody::Operator(_) | DefinitionBody::Statistics(_) => None,
        }
    }

    /// The statistics it is.
    pub fn statistics(&self) -> Option<&Statistics> {
        match &self.body {
            DefinitionBody::Statistics(statistics) => Some(statistics),
            DefinitionBody::Operator(_) | DefinitionBody::Cast(_) => None,
        }
    }

    /// The word of messages.
    pub fn kind_name(&self) -> &'static str {
        match self.body {
            DefinitionBody::Operator(_) => "operator",
            DefinitionBody::Cast(_) => "cast",
            DefinitionBody::Statistics(_) => "statistics object",
        }
    }

    /// The types it is for.
    pub fn types(&self) -> Vec<Oid> {
        match &self.body {
            DefinitionBody::Operator(operator) => {
                let gives = operator.function.map(|(_, gives)| gives);
                let types = [operator.left, Some(operator.right), gives];
                types.into_iter().flatten().collect()
            }
            DefinitionBody::Cast(cast) => vec![cast.source, cast.target],
            DefinitionBody::Statistics(_) => Vec::new(),
        }
    }

    /// The functions it is made of.
    pub fn functions(&self) -> Vec<Oid> {
        match &self.body {
            DefinitionBody::Operator(operator) => {
                let function = operator.function.map(|(function, _)| function);
                let functions = [function, operator.restrict, operator.join];
                functions.into_iter().flatten().collect()
            }
            DefinitionBody::Cast(cast) => match cast.method {
                CastMethod::Function(function) => vec![function],
                CastMethod::Binary | CastMethod::InOut => Vec::new(),
            },
            DefinitionBody::Statistics(_) => Vec::new(),
        }
    }
}

impl Snapshot {
    /// The same with definitions, as recovery reads them.
    #[must_use]
    pub fn with_definitions(mut self, list: impl IntoIterator<Item = Definition>) -> Self {
        let list = list.into_iter().map(|of| (of.oid, Arc::new(of)));
        self.definitions = Arc::new(DefinitionMap::new(list.collect()));
        self
    }

    /// All definitions, by OID.
    pub fn definitions(&self) -> impl Iterator<Item = &Arc<Definition>> {
        self.definitions.all.values()
    }

    /// Definition by OID.
    pub fn definition(&self, oid: Oid) -> Option<&Arc<Definition>> {
        self.definitions.all.get(&oid)
    }

    /// The operators users have made, with what they are called and where.
    pub fn operators(&self) -> impl Iterator<Item = (&Arc<Definition>, &Operator)> {
        self.definitions()
            .filter_map(|of| Some((of, of.operator()?)))
    }

    /// The operators of a sign that users have made.
    pub fn operators_of(&self, sign: &str) -> impl Iterator<Item = (&Arc<Definition>, &Operator)> {
        let oids = self.definitions.signs.get(sign).into_iter().flatten();
        let found = oids.filter_map(|oid| self.definition(*oid));
        found.filter_map(|of| Some((of, of.operator()?)))
    }

    /// The casts users have made.
    pub fn casts(&self) -> impl Iterator<Item = (&Arc<Definition>, &Cast)> {
        self.definitions().filter_map(|of| Some((of, of.cast()?)))
    }

    /// The cast users have made from one type to another.
    pub fn cast(&self, source: Oid, target: Oid) -> Option<(&Arc<Definition>, &Cast)> {
        let of = self.definition(*self.definitions.casts.get(&(source, target))?)?;
        Some((of, of.cast()?))
    }

    /// `42710` for a cast that is there.
    pub fn duplicate_cast(&self, source: Oid, target: Oid) -> Error {
        Error::new(
            SqlState::DUPLICATE_OBJECT,
            format!(
                "cast from type {} to type {} already exists",
                self.type_name(source),
                self.type_name(target)
            ),
        )
    }

    /// The statistics of a table.
    pub fn statistics_of(
        &self,
        table: Oid,
    ) -> impl Iterator<Item = (&Arc<Definition>, &Statistics)> {
        self.definitions()
            .filter_map(|of| Some((of, of.statistics()?)))
            .filter(move |(_, statistics)| statistics.relation == table)
    }

    /// A definition as messages name it; `schema` in front of an operator's name if it is given.
    pub fn definition_name(&self, of: &Definition, schema: Option<&str>) -> String {
        match &of.body {
            DefinitionBody::Operator(operator) => {
                let schema = schema.map_or_else(String::new, |name| format!("{}.", quote(name)));
                let left = operator.left.map(|ty| self.type_name(ty));
                format!(
                    "operator {schema}{}({},{})",
                    of.name,
                    left.unwrap_or_else(|| "NONE".to_owned()),
                    self.type_name(operator.right)
                )
            }
            DefinitionBody::Cast(cast) => format!(
                "cast from {} to {}",
                self.type_name(cast.source),
                self.type_name(cast.target)
            ),
            DefinitionBody::Statistics(_) => {
                let schema = schema.map_or_else(String::new, |name| format!("{}.", quote(name)));
                format!("statistics object {schema}{}", quote(&of.name))
            }
        }
    }
}

/// `42704`
pub(super) fn missing_definition(oid: Oid) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("object with OID {oid} does not exist"),
    )
}
