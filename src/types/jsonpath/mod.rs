//! SQL/JSON paths, type `jsonpath`: what one says (PostgreSQL manual, 9.16.2), read from text and
//! written as PostgreSQL writes it. Running one is the business of functions.

mod lexer;
mod parser;
mod write;

use super::Numeric;
use crate::base::{Error, SqlState};

/// A path.
#[derive(Debug, Clone, PartialEq)]
pub struct Path {
    /// `lax`, not `strict`: arrays are unwrapped, and what is not there is no error.
    pub lax: bool,
    /// What it says.
    pub expr: Expr,
}

/// What is asked for, step by step: a start and steps from there.
#[derive(Debug, Clone, PartialEq)]
pub struct Expr {
    /// Where it starts.
    pub start: Start,
    /// What is done with each item on the way.
    pub steps: Vec<Step>,
}

/// Where an expression starts.
#[derive(Debug, Clone, PartialEq)]
pub enum Start {
    /// `$`
    Root,
    /// `@`
    Current,
    /// `last`
    Last,
    /// `$name`
    Variable(String),
    /// `null`
    Null,
    /// `true`, `false`
    Bool(bool),
    /// A number.
    Number(Numeric),
    /// A string.
    String(String),
    /// An operator over two expressions.
    Binary(Binary, Box<Expr>, Box<Expr>),
    /// `+` or, if true, `-`.
    Sign(bool, Box<Expr>),
    /// `!`
    Not(Box<Expr>),
    /// `is unknown`
    IsUnknown(Box<Expr>),
    /// `exists`
    Exists(Box<Expr>),
    /// `like_regex`: the pattern and its flags.
    Like(Box<Expr>, String, String),
}

/// Operators of two operands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // They are named after themselves.
pub enum Binary {
    Or,
    And,
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    StartsWith,
    Plus,
    Minus,
    Times,
    Over,
    Remainder,
}

/// What is done with each item.
#[derive(Debug, Clone, PartialEq)]
pub enum Step {
    /// `.name`
    Key(String),
    /// `.*`
    AnyKey,
    /// `[*]`
    AnyItem,
    /// `[from to to, …]`
    Items(Vec<(Expr, Option<Expr>)>),
    /// `.**{from to to}`; `u32::MAX` is `last`.
    Any(u32, u32),
    /// `? (condition)`
    Filter(Box<Expr>),
    /// `.name()`
    Method(Method),
    /// `.datetime(template)`
    DateTime(Option<String>),
}

/// Methods without arguments.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs)] // They are named after themselves.
pub enum Method {
    Type,
    Size,
    Abs,
    Floor,
    Ceiling,
    Double,
    KeyValue,
}

impl Method {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Type => "type",
            Self::Size => "size",
            Self::Abs => "abs",
            Self::Floor => "floor",
            Self::Ceiling => "ceiling",
            Self::Double => "double",
            Self::KeyValue => "keyvalue",
        }
    }
}

impl Binary {
    /// Its sign.
    pub fn sign(self) -> &'static str {
        match self {
            Self::Or => "||",
            Self::And => "&&",
            Self::Equal => "==",
            Self::NotEqual => "!=",
            Self::Less => "<",
            Self::LessOrEqual => "<=",
            Self::Greater => ">",
            Self::GreaterOrEqual => ">=",
            Self::StartsWith => "starts with",
            Self::Plus => "+",
            Self::Minus => "-",
            Self::Times => "*",
            Self::Over => "/",
            Self::Remainder => "%",
        }
    }

    /// How tightly it binds.
    fn priority(self) -> u8 {
        match self {
            Self::Or => 0,
            Self::And => 1,
            Self::Equal
            | Self::NotEqual
            | Self::Less
            | Self::LessOrEqual
            | Self::Greater
            | Self::GreaterOrEqual
            | Self::StartsWith => 2,
            Self::Plus | Self::Minus => 3,
            Self::Times | Self::Over | Self::Remainder => 4,
        }
    }
}

fn syntax(message: impl Into<String>) -> Error {
    Error::new(SqlState::SYNTAX_ERROR, message.into())
}
