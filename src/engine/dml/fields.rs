//! Columns of rows: what is assigned to one, and to fields of one.
//!
//! A row that a statement writes has no type until it is stored; the mark around an expression says
//! of which it is to be. Assigning to a field is assigning the whole row with one field otherwise.

use std::collections::BTreeMap;

use sqlparser::ast::{self, AccessExpr, Expr, ObjectName, ObjectNamePart, SetExpr};

use super::target::{at, fold, is_default, no_such_column, position, quoted};
use super::values::Cell;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{Column, Relation};
use crate::engine::parse::ASSIGNED;
use crate::statement::StatementContext;
use crate::types::PgType;

/// An expression that is assigned to a column.
pub(super) fn assigned(column: &Column, expr: Expr) -> Expr {
    of_type(column.ty, expr)
}

fn of_type(ty: PgType, expr: Expr) -> Expr {
    // A literal is read as what it is stored as, unless a field's domain asks something of it.
    let read = Cell::of(&expr).is_some_and(|cell| !asks(ty, &cell));
    if !ty.is_composite() || read || is_default(&expr) {
        return expr;
    }
    Expr::Prefixed {
        prefix: quoted(&format!("{ASSIGNED}{}", ty.declared())),
        value: Box::new(expr),
    }
}

/// Whether a cell is a literal of a type of rows of whose fields domains ask something.
pub(super) fn asks(ty: PgType, cell: &Cell) -> bool {
    matches!(cell, Cell::Literal { .. }) && ty.has_domains()
}

/// A query of one value as that of what is assigned to what is of type `ty`.
pub fn assign_to(query: &mut ast::Query, ty: PgType) {
    if let SetExpr::Select(select) = query.body.as_mut()
        && let [ast::SelectItem::UnnamedExpr(value)] = select.projection.as_mut_slice()
    {
        *value = of_type(ty, value.clone());
    }
}

/// The column that a name with fields begins with, and the fields; `None` of a name alone.
///
/// # Errors
/// `42703` if there is no such column.
pub(super) fn path<'r>(
    name: &ObjectName,
    relation: &'r Relation,
) -> Result<Option<(usize, &'r Column, Vec<String>)>> {
    let mut parts = name.0.iter().map(|part| match part {
        ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
        ObjectNamePart::Function(_) => Err(Error::unsupported("assigning to this")),
    });
    let first = parts.next().transpose()?.unwrap_or_default();
    let fields = parts.collect::<Result<Vec<_>>>()?;
    if fields.is_empty() {
        return Ok(None);
    }
    let mut columns = relation.columns.iter().enumerate();
    match columns.find(|(_, column)| column.name == first) {
        Some((index, column)) => Ok(Some((index, column, fields))),
        None => Err(at(no_such_column(&first, relation), position(name))),
    }
}

/// `base`, a row of column `name`, with the field at the end of `path` being `value`.
///
/// # Errors
/// `42804`, `42703` if there is no such field; `0A000` for DEFAULT.
pub(super) fn with_field(
    context: &StatementContext,
    (name, ty): (&str, PgType),
    base: &Expr,
    path: &[String],
    value: Expr,
) -> Result<Expr> {
    let Some((field, rest)) = path.split_first() else {
        return Ok(of_type(ty, value));
    };
    if is_default(&value) {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot set a subfield to DEFAULT",
        ));
    }
    let shape = ty.undomained().shape();
    let names = context.snapshot.field_names(ty.oid);
    let (Some(shape), Some(names)) = (shape, names) else {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "cannot assign to field \"{field}\" of column \"{name}\" because its type {} is \
                 not a composite type",
                ty.plain()
            ),
        ));
    };
    if !names.contains(&field.as_str()) {
        return Err(Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!(
                "cannot assign to field \"{field}\" of column \"{name}\" because there is no such \
                 column in data type {}",
                ty.plain()
            ),
        ));
    }
    let mut value = Some(value);
    let mut fields = Vec::with_capacity(names.len());
    for (own, of) in names.iter().zip(shape.types().iter()) {
        let old = Expr::CompoundFieldAccess {
            root: Box::new(Expr::Nested(Box::new(base.clone()))),
            access_chain: vec![AccessExpr::Dot(Expr::Identifier(quoted(own)))],
        };
        fields.push(match value.take_if(|_| own == field) {
            Some(value) => with_field(context, (own, *of), &old, rest, value)?,
            None => old,
        });
    }
    Ok(of_type(ty, Expr::Tuple(fields)))
}

/// An INSERT that names fields of columns, as one that names columns.
///
/// # Errors
/// As [`with_field`]; `0A000` unless its rows are VALUES.
pub(super) fn without_fields(
    context: &StatementContext,
    relation: &Relation,
    insert: &ast::Insert,
) -> Result<Option<ast::Insert>> {
    if insert.columns.iter().all(|name| name.0.len() == 1) {
        return Ok(None);
    }
    let mut paths = Vec::with_capacity(insert.columns.len());
    for name in &insert.columns {
        paths.push(path(name, relation)?);
    }
    let mut insert = insert.clone();
    let values = insert
        .source
        .as_mut()
        .and_then(|query| match query.body.as_mut() {
            SetExpr::Values(values) => Some(values),
            _ => None,
        });
    let Some(values) = values else {
        return Err(Error::unsupported(
            "INSERT of a query into fields of columns",
        ));
    };
    let mut columns: Vec<ObjectName> = Vec::new();
    // Where in the new list each of the old one went.
    let mut places: BTreeMap<usize, usize> = BTreeMap::new();
    let mut targets = Vec::with_capacity(paths.len());
    for (name, path) in insert.columns.iter().zip(&paths) {
        let place = match path {
            Some((index, ..)) => *places.entry(*index).or_insert_with(|| {
                columns.push(ObjectName(name.0[..1].to_vec()));
                columns.len() - 1
            }),
            None => {
                columns.push(name.clone());
                columns.len() - 1
            }
        };
        targets.push(place);
    }
    for row in &mut values.rows {
        if row.content.len() != targets.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                match row.content.len() > targets.len() {
                    true => "INSERT has more expressions than target columns",
                    false => "INSERT has more target columns than expressions",
                },
            ));
        }
        let mut made: Vec<Option<Expr>> = vec![None; columns.len()];
        let cells = std::mem::take(&mut row.content);
        let named = insert.columns.iter().zip(&paths);
        for ((cell, place), (name, path)) in cells.into_iter().zip(&targets).zip(named) {
            made[*place] = Some(match path {
                None => cell,
                Some((_, column, fields)) => {
                    let so_far = made[*place].take();
                    let base = so_far.unwrap_or_else(|| typed_null(column.ty));
                    let of = (column.name.as_str(), column.ty);
                    with_field(context, of, &base, fields, cell)
                        .map_err(|error| at(error, position(name)))?
                }
            });
        }
        row.content = made.into_iter().flatten().collect();
    }
    insert.columns = columns;
    Ok(Some(insert))
}

/// NULL of a type of rows.
fn typed_null(ty: PgType) -> Expr {
    Expr::Prefixed {
        prefix: quoted(&format!("{ASSIGNED}{}", ty.declared())),
        value: Box::new(Expr::value(ast::Value::Null)),
    }
}
