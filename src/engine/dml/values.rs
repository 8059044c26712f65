//! The cells of VALUES and of defaults, evaluated without a plan where they are literals or
//! parameters: ten thousand rows of pandas' `to_sql` are parsed, grouped by how each column's
//! values were written, and converted group by group.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, UInt32Array};
use arrow::compute::{concat, interleave, take};
use arrow::datatypes::DataType;
use sqlparser::ast::{self, CastKind, DataType as SqlType, Expr, UnaryOperator, Value};

use super::assign::{assign, check_assignable, read_rows, read_values};
use super::target::{at, is_default, position, quoted};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Column, Snapshot};
use crate::engine::Bound;
use crate::engine::parse::{PINNED, built_in_type};
use crate::statement::StatementContext;
use crate::types::PgType;

/// One value to be stored, as it was written.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    /// A literal: its text, and its type if the literal has one. `None` as text is NULL.
    Literal {
        ty: Option<PgType>,
        text: Option<String>,
        /// Where it is in the statement; 0 where nobody knows.
        position: u32,
    },
    /// `$n`, from 0.
    Parameter(usize),
    /// Anything else: a column of one of the statement's queries.
    Computed { query: usize, column: usize },
}

impl Cell {
    pub(super) const NULL: Cell = Cell::Literal {
        ty: None,
        text: None,
        position: 0,
    };

    /// The cell of an expression, if it is a literal or a bare parameter.
    pub(super) fn of(expr: &Expr) -> Option<Cell> {
        let place = position(expr).and_then(|position| u32::try_from(position).ok());
        let place = place.unwrap_or(0);
        let literal = |ty, text: &str| {
            Some(Cell::Literal {
                ty,
                text: Some(text.to_owned()),
                position: place,
            })
        };
        match expr {
            Expr::Nested(inner) => Self::of(inner),
            Expr::Value(value) => match &value.value {
                Value::Null => Some(Cell::NULL),
                Value::Boolean(value) => {
                    literal(Some(PgType::BOOL), if *value { "true" } else { "false" })
                }
                Value::Number(digits, _) => number(digits.clone(), place),
                Value::Placeholder(name) => parameter(name).map(Cell::Parameter),
                value => literal(None, string(value)?),
            },
            Expr::UnaryOp {
                op: UnaryOperator::Minus,
                expr,
            } => match expr.as_ref() {
                Expr::Value(value) => match &value.value {
                    // A numeric zero has no sign, whatever it becomes.
                    Value::Number(digits, _) => match is_zero(digits) {
                        true => number(digits.clone(), place),
                        false => number(format!("-{digits}"), place),
                    },
                    _ => None,
                },
                _ => None,
            },
            Expr::TypedString(typed) => {
                let ty = literal_type(&typed.data_type)?;
                literal(Some(ty), string(&typed.value.value)?)
            }
            Expr::Cast {
                kind: CastKind::Cast | CastKind::DoubleColon,
                expr,
                data_type,
                array: false,
                format: None,
            } => {
                let ty = literal_type(data_type)?;
                match Self::of(expr)? {
                    Cell::Literal { ty: None, text, .. } => Some(Cell::Literal {
                        ty: Some(ty),
                        text,
                        position: place,
                    }),
                    Cell::Literal { ty: Some(_), .. }
                    | Cell::Parameter(_)
                    | Cell::Computed { .. } => None,
                }
            }
            _ => None,
        }
    }

    /// Checks the cell's type against the column's and settles that of a parameter nobody gave one.
    ///
    /// # Errors
    /// `42804`.
    pub(super) fn check(
        &self,
        snapshot: &Snapshot,
        column: &Column,
        parameters: &mut Parameters,
    ) -> Result<()> {
        match self {
            Cell::Literal { ty: Some(ty), .. } => {
                check_assignable(snapshot, &column.name, *ty, column.ty)
            }
            Cell::Literal { ty: None, .. } | Cell::Computed { .. } => Ok(()),
            Cell::Parameter(index) => {
                let ty = parameters.settle(*index, column.ty.plain());
                check_assignable(snapshot, &column.name, ty, column.ty)
            }
        }
    }
}

impl Cell {
    /// As [`Cell::check`]; a literal must also be readable as the column's type, whether or not
    /// any row comes to need it.
    ///
    /// # Errors
    /// `42804`, and as reading the literal.
    pub(super) fn examine(
        &self,
        context: &Arc<StatementContext>,
        column: &Column,
        parameters: &mut Parameters,
    ) -> Result<()> {
        self.check(&context.snapshot, column, parameters)?;
        match self {
            Cell::Literal {
                ty: None,
                text: Some(text),
                ..
            } => {
                let held = column.ty.plain().with_any_dimensions();
                read_values(context, &[Some(text)], held).map(drop)
            }
            _ => Ok(()),
        }
    }
}

/// Examines what an expression gives a column; whether it leaves its type to the column, as a bare
/// literal does.
///
/// # Errors
/// As [`Cell::examine`], where the expression stands.
pub(super) fn is_untyped(
    context: &Arc<StatementContext>,
    column: &Column,
    expr: &Expr,
    parameters: &mut Parameters,
) -> Result<bool> {
    let cell = Cell::of(expr);
    if let Some(cell) = &cell {
        cell.examine(context, column, parameters)
            .map_err(|error| at(error, position(expr)))?;
    }
    Ok(matches!(cell, Some(Cell::Literal { ty: None, .. })))
}

/// As [`given_type`], of the columns of an answer from `first` on: the columns they are for,
/// whether they are untyped, and where they are written.
pub(super) fn given_types<'a>(
    snapshot: &Snapshot,
    query: &Bound,
    first: usize,
    given: impl IntoIterator<Item = (&'a Column, bool, Option<usize>)>,
) -> Result<Vec<Option<PgType>>> {
    let given = given.into_iter().enumerate();
    given
        .map(|(index, (column, untyped, position))| {
            given_type(snapshot, query, first + index, column, untyped, || position)
        })
        .collect()
}

/// The type of what a query's answer at a place gives a column; `None` if it is `untyped`.
///
/// # Errors
/// `42804`, at the position.
pub(super) fn given_type(
    snapshot: &Snapshot,
    query: &Bound,
    place: usize,
    column: &Column,
    untyped: bool,
    position: impl FnOnce() -> Option<usize>,
) -> Result<Option<PgType>> {
    let output = &query.columns[place];
    let null = query.plan.schema().field(place).data_type() == &DataType::Null;
    if !untyped && !null {
        check_assignable(snapshot, &column.name, output.ty, column.ty)
            .map_err(|error| at(error, position()))?;
    }
    Ok((!untyped).then_some(output.ty))
}

/// The text of a string literal.
pub(super) fn string(value: &Value) -> Option<&str> {
    match value {
        Value::SingleQuotedString(text)
        | Value::EscapedStringLiteral(text)
        | Value::UnicodeStringLiteral(text)
        | Value::NationalStringLiteral(text) => Some(text),
        Value::DollarQuotedString(quoted) => Some(&quoted.value),
        _ => None,
    }
}

/// The index of `$n`.
pub(super) fn parameter(name: &str) -> Option<usize> {
    name.strip_prefix('$')?
        .parse::<usize>()
        .ok()
        .and_then(|number| number.checked_sub(1))
}

/// A type a string literal is read as directly. An explicit cast to `varchar(n)` cuts silently, and
/// `numeric(p,s)`, arrays and reg* have rules of their own: those are left to the planner.
fn literal_type(data_type: &SqlType) -> Option<PgType> {
    let ty = built_in_type(data_type).ok()?;
    (ty.typmod < 0 && ty.element().is_none() && !ty.is_reg()).then_some(ty)
}

/// A number, typed as PostgreSQL types it: the first of integer, bigint, numeric that holds it.
fn number(digits: String, position: u32) -> Option<Cell> {
    let plain = digits
        .strip_prefix('-')
        .unwrap_or(&digits)
        .bytes()
        .all(|byte| byte.is_ascii_digit());
    // Hexadecimal, underscores and the like are the planner's.
    let decimal = digits
        .bytes()
        .all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'+' | b'.' | b'e' | b'E'));
    if !decimal {
        return None;
    }
    let ty = if plain && digits.parse::<i32>().is_ok() {
        PgType::INT4
    } else if plain && digits.parse::<i64>().is_ok() {
        PgType::INT8
    } else {
        PgType::NUMERIC
    };
    Some(Cell::Literal {
        ty: Some(ty),
        text: Some(digits),
        position,
    })
}

/// Types of $1, $2, … as they become known.
#[derive(Debug, Default)]
pub(super) struct Parameters {
    types: Vec<Option<PgType>>,
}

impl Parameters {
    pub(super) fn new(declared: &[Option<PgType>]) -> Self {
        Self {
            types: declared.to_vec(),
        }
    }

    /// The type of a parameter: as known, else `ty` from now on.
    pub(super) fn settle(&mut self, index: usize, ty: PgType) -> PgType {
        if self.types.len() <= index {
            self.types.resize(index + 1, None);
        }
        *self.types[index].get_or_insert(ty)
    }

    /// What is known so far.
    pub(super) fn known(&self) -> &[Option<PgType>] {
        &self.types
    }

    /// All types, once everything was bound.
    ///
    /// # Errors
    /// `42P18` if one was never used where it would get a type.
    pub(super) fn finish(self) -> Result<Vec<PgType>> {
        self.types
            .into_iter()
            .enumerate()
            .map(|(index, ty)| {
                ty.ok_or_else(|| {
                    Error::new(
                        SqlState::INDETERMINATE_DATATYPE,
                        format!("could not determine data type of parameter ${}", index + 1),
                    )
                })
            })
            .collect()
    }
}

/// What cells are evaluated with.
pub(super) struct Inputs<'a> {
    pub(super) context: &'a Arc<StatementContext>,
    /// One single-row array for each parameter.
    pub(super) parameters: &'a [ArrayRef],
    pub(super) parameter_types: &'a [PgType],
    /// For each query: its single row, column by column, with types.
    pub(super) computed: &'a [Vec<(ArrayRef, PgType)>],
}

/// Cells of one column that were written alike, and are converted together.
enum Group<'a> {
    /// Literals: of a type, or of none.
    Texts(Option<PgType>, Vec<Option<&'a str>>, Vec<u32>),
    /// Single values with a type.
    Arrays(PgType, Vec<&'a ArrayRef>),
}

impl Inputs<'_> {
    /// One column's cells as the column stores them.
    ///
    /// # Errors
    /// As [`assign`].
    pub(super) fn column<'a>(
        &self,
        column: &Column,
        cells: impl Iterator<Item = &'a Cell>,
    ) -> Result<ArrayRef> {
        let mut groups: Vec<Group> = Vec::new();
        let mut places: Vec<(usize, usize)> = Vec::new();
        for cell in cells {
            places.push(match cell {
                Cell::Literal { ty, text, position } => {
                    // Numbers keep all their digits on the way into numeric, float and text.
                    let as_written = |ty: &PgType| {
                        is_number(*ty)
                            && (reads_numbers(column.ty)
                                || column.ty.info().category == 'S' && is_canonical(text))
                    };
                    let ty = ty.filter(|ty| !as_written(ty));
                    push_text(&mut groups, ty, text.as_deref(), *position)
                }
                Cell::Parameter(index) => {
                    let (Some(array), Some(ty)) = (
                        self.parameters.get(*index),
                        self.parameter_types.get(*index),
                    ) else {
                        return Err(Error::new(
                            SqlState::UNDEFINED_PARAMETER,
                            format!("there is no parameter ${}", index + 1),
                        ));
                    };
                    push_array(&mut groups, *ty, array)
                }
                Cell::Computed { query, column } => {
                    let (array, ty) = &self.computed[*query][*column];
                    push_array(&mut groups, *ty, array)
                }
            });
        }
        let arrays = groups
            .iter()
            .map(|group| self.convert(column, group))
            .collect::<Result<Vec<_>>>()?;
        if let [array] = arrays.as_slice() {
            return Ok(array.clone());
        }
        let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
        interleave(&arrays, &places)
            .map_err(|error| Error::internal("putting values in order", error))
    }

    fn convert(&self, column: &Column, group: &Group<'_>) -> Result<ArrayRef> {
        match group {
            Group::Texts(ty, texts, places) => {
                let read = read_rows(self.context, texts, ty.unwrap_or(column.ty));
                let array = read.map_err(|(row, error)| {
                    let place = places.get(row).map_or(0, |place| *place as usize);
                    at(error, Some(place).filter(|place| *place > 0))
                })?;
                match ty {
                    Some(ty) => assign(self.context, &array, *ty, column.ty),
                    None => Ok(array),
                }
            }
            Group::Arrays(ty, arrays) => {
                let arrays: Vec<&dyn Array> = arrays.iter().map(|array| array.as_ref()).collect();
                let array =
                    concat(&arrays).map_err(|error| Error::internal("joining values", error))?;
                assign(self.context, &array, *ty, column.ty)
            }
        }
    }
}

fn push_text<'a>(
    groups: &mut Vec<Group<'a>>,
    ty: Option<PgType>,
    text: Option<&'a str>,
    place: u32,
) -> (usize, usize) {
    // NULL fits any group, so that a column of numbers and NULLs stays one.
    let position = groups
        .iter_mut()
        .position(|group| matches!(group, Group::Texts(of, ..) if *of == ty || text.is_none()));
    let index = position.unwrap_or_else(|| {
        groups.push(Group::Texts(ty, Vec::new(), Vec::new()));
        groups.len() - 1
    });
    let Group::Texts(_, texts, places) = &mut groups[index] else {
        unreachable!("only groups of texts were looked for");
    };
    texts.push(text);
    places.push(place);
    (index, texts.len() - 1)
}

fn push_array<'a>(groups: &mut Vec<Group<'a>>, ty: PgType, array: &'a ArrayRef) -> (usize, usize) {
    let position = groups.iter_mut().position(|group| {
        matches!(group, Group::Arrays(of, arrays)
            if *of == ty && arrays.first().is_none_or(|one| one.data_type() == array.data_type()))
    });
    let index = position.unwrap_or_else(|| {
        groups.push(Group::Arrays(ty, Vec::new()));
        groups.len() - 1
    });
    let Group::Arrays(_, arrays) = &mut groups[index] else {
        unreachable!("only groups of arrays were looked for");
    };
    arrays.push(array);
    (index, arrays.len() - 1)
}

fn is_number(ty: PgType) -> bool {
    [PgType::INT4, PgType::INT8, PgType::NUMERIC].contains(&ty)
}

/// Whether a number is written as PostgreSQL writes it: `1.50` is, `.5`, `5.` and `1e3` are not.
fn is_canonical(text: &Option<String>) -> bool {
    text.as_deref().is_some_and(|text| {
        let digits = text.strip_prefix('-').unwrap_or(text);
        let (whole, decimals) = digits.split_once('.').unwrap_or((digits, "0"));
        let all_digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
        all_digits(whole)
            && all_digits(decimals)
            && (whole == "0" || !whole.starts_with('0'))
            && text != "-0"
    })
}

fn reads_numbers(ty: PgType) -> bool {
    [PgType::NUMERIC.oid, PgType::FLOAT4.oid, PgType::FLOAT8.oid].contains(&ty.oid)
}

/// One value `rows` times.
pub(super) fn repeat(value: &ArrayRef, rows: usize) -> Result<ArrayRef> {
    let indexes = UInt32Array::from(vec![0; rows]);
    take(value, &indexes, None).map_err(|error| Error::internal("repeating a value", error))
}

/// A column's default, or its domain's: what DEFAULT and a column left out stand for.
///
/// # Errors
/// As parsing the stored expression.
pub(super) fn default_of(context: &StatementContext, column: &Column) -> Result<Option<Expr>> {
    let domain = column.ty.domain;
    column
        .default
        .as_deref()
        .or_else(|| context.snapshot.domain_default(domain?))
        .map(crate::engine::parse::parse_expression)
        .transpose()
        .map(|expr| expr.filter(|expr| !is_default(expr)).map(pinned))
        .map(|expr| expr.map(|expr| super::fields::assigned(column, expr)))
}

/// The expression with its names meaning what they meant when it was kept.
pub(super) fn pinned(expr: Expr) -> Expr {
    match Cell::of(&expr) {
        Some(_) => expr,
        None => Expr::Prefixed {
            prefix: quoted(PINNED),
            value: Box::new(expr),
        },
    }
}

/// Whether an expression is a literal whose type nobody says: it takes the type it is used as.
///
/// # Errors
/// As parsing it.
pub fn is_literal(text: &str) -> Result<bool> {
    let expr = crate::engine::parse::parse_expression(text)?;
    Ok(matches!(
        Cell::of(&expr),
        Some(Cell::Literal { ty: None, .. })
    ))
}

/// The indexes of the parameters that `query` uses.
pub(super) fn used_parameters<T: ast::Visit>(query: &T) -> BTreeSet<usize> {
    let mut used = BTreeSet::new();
    let _: ControlFlow<()> = ast::visit_expressions(query, |expr| {
        if let Expr::Value(value) = expr
            && let Value::Placeholder(name) = &value.value
            && let Some(index) = parameter(name)
        {
            used.insert(index);
        }
        ControlFlow::Continue(())
    });
    used
}

/// Takes over the types of the parameters that `query` uses.
pub(super) fn settle_used<T: ast::Visit>(parameters: &mut Parameters, query: &T, bound: &Bound) {
    for index in used_parameters(query) {
        if let Some(ty) = bound.parameters.get(index) {
            parameters.settle(index, *ty);
        }
    }
}

/// Whether a number is zero as it is written.
fn is_zero(digits: &str) -> bool {
    let mantissa = digits.split(['e', 'E']).next().unwrap_or_default();
    mantissa.chars().all(|c| matches!(c, '0' | '.'))
}
