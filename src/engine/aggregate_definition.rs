//! What CREATE AGGREGATE says, as written: names not looked up yet.

use sqlparser::ast;

use super::command::ObjectName;
use super::routine_definition::ParameterDefinition;
use crate::catalog::{Modify, Parallel};

/// CREATE AGGREGATE
#[derive(Debug, Clone)]
pub struct CreateAggregate {
    /// Name.
    pub name: ObjectName,
    /// OR REPLACE
    pub or_replace: bool,
    /// What it takes; `None` of the old syntax, which says it by BASETYPE.
    pub arguments: Option<AggregateArguments>,
    /// Everything else.
    pub attributes: AggregateAttributes,
    /// Attributes there are none of.
    pub unknown: Vec<String>,
}

/// `(a, b ORDER BY c)`
#[derive(Debug, Clone, Default)]
pub struct AggregateArguments {
    /// Those of a plain aggregate, or before ORDER BY.
    pub direct: Vec<ParameterDefinition>,
    /// Those behind ORDER BY, if that is written.
    pub sorted: Option<Vec<ParameterDefinition>>,
}

/// What an aggregate is made of.
#[derive(Debug, Clone, Default)]
pub struct AggregateAttributes {
    /// SFUNC and its kin.
    pub plain: TransitionAttributes,
    /// MSFUNC and its kin.
    pub moving: TransitionAttributes,
    /// MINVFUNC
    pub inverse: Option<ObjectName>,
    /// BASETYPE
    pub base: Option<BaseType>,
    /// COMBINEFUNC
    pub combine: Option<ObjectName>,
    /// SERIALFUNC
    pub serialize: Option<ObjectName>,
    /// DESERIALFUNC
    pub deserialize: Option<ObjectName>,
    /// SORTOP
    pub sort_operator: Option<ObjectName>,
    /// PARALLEL
    pub parallel: Option<Parallel>,
    /// HYPOTHETICAL
    pub hypothetical: bool,
}

/// BASETYPE
#[derive(Debug, Clone)]
pub enum BaseType {
    /// ANY: no argument.
    Any,
    /// A type.
    Of(ast::DataType),
}

/// How an aggregate is computed.
#[derive(Debug, Clone, Default)]
pub struct TransitionAttributes {
    /// SFUNC
    pub function: Option<ObjectName>,
    /// STYPE
    pub state: Option<ast::DataType>,
    /// SSPACE
    pub space: Option<i32>,
    /// INITCOND
    pub initial: Option<String>,
    /// FINALFUNC
    pub finish: Option<ObjectName>,
    /// FINALFUNC_EXTRA
    pub extra: bool,
    /// FINALFUNC_MODIFY
    pub modify: Option<Modify>,
}
