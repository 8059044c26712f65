//! Rows of types that have a name: their fields, casts to them, comparisons of them.

use std::rc::Rc;
use std::sync::Arc;

use datafusion::logical_expr::{Expr, Operator};
use sqlparser::ast;

use super::Analyst;
use super::level::Level;
use super::set::Elements;
use super::typed::{self, Typed, binary, case};
use crate::base::{Error, Oid, Result, SqlState};
use crate::engine::dml::is_assignable;
use crate::engine::parse::fold;
use crate::engine::semantics::{self, row_key};
use crate::types::PgType;
use crate::types::pgtype::Shape;

/// How readily a value becomes one of another type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Readiness {
    /// By itself.
    Implicit,
    /// On being stored.
    Assignment,
    /// On being cast.
    Explicit,
}

impl Analyst<'_> {
    /// The fields of a row; `None` of what is none.
    pub(super) fn fields(&self, value: &Typed) -> Option<Rc<Vec<(String, Typed)>>> {
        if let Some(fields) = &value.row {
            return Some(fields.clone());
        }
        let shape = value.ty.shape()?;
        let names = self.field_names(value.ty)?;
        let types = shape.types();
        let fields = names.into_iter().zip(types.iter()).enumerate();
        let fields = fields.map(|(index, (name, ty))| {
            let field = semantics::field(value.expr.clone(), shape, index);
            (name, Typed::new(field, *ty))
        });
        Some(Rc::new(fields.collect()))
    }

    /// What the fields of rows of type `ty` are called.
    fn field_names(&self, ty: PgType) -> Option<Vec<String>> {
        if let Some(names) = ty.shape().and_then(Shape::names) {
            return Some(names.to_vec());
        }
        let names = self.scope.context.snapshot.field_names(ty.oid)?;
        Some(names.into_iter().map(str::to_owned).collect())
    }

    /// The row of a relation whose rows are of type `ty`.
    pub(super) fn row_of_relation(
        &self,
        fields: Vec<(String, Typed)>,
        ty: PgType,
    ) -> Result<Typed> {
        let types = ty.shape().map(|shape| shape.types()).unwrap_or_default();
        let alike = |((_, field), ty): (&(String, Typed), &PgType)| {
            field.ty.declared() == ty.declared() && field.ty.typmod == ty.typmod
        };
        // What the statement sees of it may be less than it has.
        if fields.len() != types.len() || !fields.iter().zip(types.iter()).all(alike) {
            return self.row_of(&fields);
        }
        let exprs = fields.iter().map(|(_, field)| field.expr.clone()).collect();
        Ok(Typed {
            row: Some(Rc::new(fields)),
            ..Typed::new(semantics::make(ty, exprs), ty)
        })
    }

    /// `row.name` as `name(row)`; `None` if no user's function has that name.
    pub(super) fn as_function(
        &self,
        level: &Level<'_>,
        row: ast::Expr,
        name: &ast::Ident,
    ) -> Result<Option<Typed>> {
        if self.routines(None, &fold(name)).is_empty() {
            return Ok(None);
        }
        let arg = ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(row));
        let parts = [fold(name)];
        match self.routine_call(level, &parts, &[arg]) {
            Ok(Some(call)) => self.routine_value(level, &call).map(Some),
            Ok(None) => Ok(None),
            Err(error) if error.state() == SqlState::UNDEFINED_FUNCTION => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether a row is surely there, and made where it stands.
    pub(super) fn is_there(row: &Typed) -> bool {
        semantics::is_made(&row.expr)
    }

    /// An array of rows as the arrays of their fields, which stand beside one another in FROM; any
    /// other array as it is.
    pub(super) fn spread_elements(
        &self,
        name: String,
        elements: Elements,
    ) -> Vec<(String, Elements)> {
        let names = self.scope.context.snapshot.field_names(elements.ty.oid);
        let (Some(shape), Some(names)) = (elements.ty.shape(), names) else {
            return vec![(name, elements)];
        };
        let types = shape.types();
        let fields = names.into_iter().zip(types.iter()).enumerate();
        fields
            .map(|(index, (name, ty))| {
                let array = elements.array.clone();
                let array = semantics::fields_of_elements(array, shape, index);
                (name.to_owned(), Elements { array, ty: *ty })
            })
            .collect()
    }

    /// Whether a value is a row.
    pub(super) fn is_row(value: &Typed) -> bool {
        value.row.is_some() || value.ty.is_composite()
    }

    /// A row written here as one of type `to`; `None` if `value` is no such row.
    ///
    /// # Errors
    /// `42846` if it has other fields.
    pub(super) fn row_as(
        &self,
        value: &Typed,
        to: PgType,
        readiness: Readiness,
    ) -> Result<Option<Typed>> {
        if !value.is(PgType::RECORD) || to.is(PgType::RECORD) {
            return Ok(None);
        }
        let (Some(fields), Some(shape)) = (self.fields(value), to.shape()) else {
            return Ok(None);
        };
        let types = shape.types();
        let refused = |detail: String| {
            Error::new(
                SqlState::CANNOT_COERCE,
                format!("cannot cast type record to {to}"),
            )
            .detail(detail)
        };
        if fields.len() != types.len() {
            let few = if fields.len() < types.len() {
                "few"
            } else {
                "many"
            };
            return Err(refused(format!("Input has too {few} columns.")));
        }
        let names = self
            .scope
            .context
            .snapshot
            .field_names(to.oid)
            .unwrap_or_default();
        let mut made = Vec::with_capacity(fields.len());
        for (index, ((_, field), ty)) in fields.iter().zip(types.iter()).enumerate() {
            let failed = |_| {
                refused(format!(
                    "Cannot cast type {} to {} in column {}.",
                    field.base(),
                    ty.plain(),
                    index + 1
                ))
            };
            let fits = match readiness {
                Readiness::Explicit => true,
                Readiness::Assignment => is_assignable(&self.scope.context.snapshot, field.ty, *ty),
                Readiness::Implicit => super::coerce::implicitly(field.ty, *ty),
            };
            let value = match field.is_unknown() || field.row.is_some() || fits {
                true => self.cast_as(field.clone(), *ty, readiness),
                false => Err(failed(())),
            };
            let value = value.map_err(|error| match error.state() {
                SqlState::CANNOT_COERCE => failed(()),
                _ => error,
            })?;
            let name = names.get(index).copied().unwrap_or_default();
            made.push((name.to_owned(), value));
        }
        let to = to.undomained();
        let exprs = made.iter().map(|(_, field)| field.expr.clone()).collect();
        let row = semantics::make(to, exprs);
        if !Self::is_there(value) {
            let there = value.expr.clone().is_not_null();
            return Ok(Some(Typed::new(case(vec![(there, row)], None), to)));
        }
        Ok(Some(Typed {
            row: Some(Rc::new(made)),
            ..Typed::new(row, to)
        }))
    }

    /// What is assigned to what is of the type with this number.
    pub(super) fn assigned_row(&self, value: Typed, ty: &str) -> Result<Typed> {
        let oid = ty.parse().ok().map(Oid);
        let Some(ty) = oid.and_then(|oid| self.scope.context.snapshot.pg_type(oid)) else {
            return Ok(value);
        };
        if typed::is_null(&value) {
            return typed::null(ty.undomained());
        }
        if value.is_unknown() && matches!(value.expr, Expr::Literal(..)) {
            return self.coerced(value, ty.undomained());
        }
        let row = self.row_as(&value, ty.undomained(), Readiness::Assignment)?;
        Ok(row.unwrap_or(value))
    }

    fn cast_as(&self, field: Typed, ty: PgType, readiness: Readiness) -> Result<Typed> {
        if let Some(row) = self.row_as(&field, ty, readiness)? {
            return self.in_domain(row, ty);
        }
        // Only where a cast is written is a text cut.
        let field = match readiness {
            Readiness::Explicit => field,
            _ => self.in_length(field, ty.undomained())?,
        };
        self.cast(field, ty)
    }

    /// A row as one without a type of its own; `to` is such a type.
    ///
    /// # Errors
    /// `0A000` if rows of other fields are wanted.
    pub(super) fn as_record(&self, value: Typed, to: PgType) -> Result<Typed> {
        one_kind_of_rows(&[value.ty, to])?;
        match (value.ty.shape(), to.shape()) {
            (None, Some(_)) if !typed::is_null(&value) => {
                Err(Error::unsupported("this row beside others"))
            }
            (None, Some(_)) => typed::null(to),
            (Some(_), None) if !value.is(PgType::RECORD) => {
                let names = self.field_names(value.ty).unwrap_or_default();
                let types = value.ty.shape().map(|shape| shape.types());
                let ty = PgType::record(&types.unwrap_or_default(), &names);
                let expr = typed::cast(value.expr, ty);
                Ok(Typed { expr, ty, ..value })
            }
            (_, None) => Ok(value),
            (Some(_), Some(_)) if value.ty == to => Ok(value),
            (Some(_), Some(_)) => {
                let expr = typed::cast(value.expr, to);
                Ok(Typed {
                    expr,
                    ty: to,
                    ..value
                })
            }
        }
    }

    /// `42883` if rows of a type have no equality, or none that commons knows.
    pub(super) fn row_equality(&self, ty: PgType) -> Result<()> {
        let Some(shape) = ty.shape() else {
            return Ok(());
        };
        for ty in shape.types().iter() {
            let of = ty.element().unwrap_or(*ty);
            if of.is(PgType::JSON) || super::coded::is_figure(of) {
                return Err(super::operator::no_equality(*ty));
            }
            self.row_equality(of)?;
        }
        Ok(())
    }

    /// A row as bytes that compare as it does, and what they are made of.
    fn compared_row(value: &Typed) -> Result<(Expr, Arc<[PgType]>)> {
        let shape = value.ty.shape().ok_or_else(|| {
            Error::unsupported("comparing a row whose fields are not known where it is read")
        })?;
        Ok((row_key(value.expr.clone()), shape.types()))
    }

    /// A comparison of rows of which one is of a type that has a name: as `record_eq` and its kin
    /// compare, to which NULL equals NULL; `None` if neither is.
    pub(super) fn compare_composites(
        &self,
        op: Operator,
        left: &Typed,
        right: &Typed,
    ) -> Result<Option<Typed>> {
        if !left.ty.is_composite() && !right.ty.is_composite() {
            return Ok(None);
        }
        let mut left = left.clone();
        let mut right = right.clone();
        // Beside a row a literal is one too, of which nothing says what it is made of.
        let to = |value: &Typed, other: &Typed| match value.unknown_text() {
            Some(_) => PgType::RECORD,
            None => other.base(),
        };
        if left.is_unknown() {
            let to = to(&left, &right);
            left = self.coerced(left, to)?;
        }
        if right.is_unknown() {
            let to = to(&right, &left);
            right = self.coerced(right, to)?;
        }
        if !Self::is_row(&left) || !Self::is_row(&right) {
            return Ok(None);
        }
        let (a, a_types) = Self::compared_row(&left)?;
        let (b, b_types) = Self::compared_row(&right)?;
        check_alike(&a_types, &b_types)?;
        let whole = left.ty;
        match op {
            Operator::Lt | Operator::LtEq | Operator::Gt | Operator::GtEq => {
                self.row_order(whole)?;
            }
            _ => self.row_equality(whole)?,
        }
        Ok(Some(Typed::bool(binary(a, op, b))))
    }

    /// `42883` if rows of a type have no order.
    pub(super) fn row_order(&self, ty: PgType) -> Result<()> {
        let Some(shape) = ty.shape() else {
            return Ok(());
        };
        for ty in shape.types().iter() {
            if ty.element().unwrap_or(*ty).is(PgType::JSON) {
                return Err(Error::new(
                    SqlState::UNDEFINED_FUNCTION,
                    format!("could not identify a comparison function for type {ty}"),
                ));
            }
        }
        self.row_equality(ty)
    }
}

/// `0A000` if among values of these types, or elements of them, are rows without a type of their
/// own that are not made of the same: in one column or array nothing would say of what.
pub(super) fn one_kind_of_rows(types: &[PgType]) -> Result<()> {
    let rows = |ty: &PgType| {
        let row = ty.element().unwrap_or(*ty);
        row.shape().map(|shape| shape.types())
    };
    let mut shapes = types.iter().filter_map(rows);
    let Some(first) = shapes.next() else {
        return Ok(());
    };
    let alike = |other: Arc<[PgType]>| {
        let mut pairs = other.iter().zip(first.iter());
        other.len() == first.len() && pairs.all(|(a, b)| a.oid == b.oid)
    };
    match shapes.all(alike) {
        true => Ok(()),
        false => Err(Error::unsupported("rows of different columns in one")),
    }
}

/// `42804` if rows of fields of these types cannot be compared.
pub(super) fn check_alike(left: &[PgType], right: &[PgType]) -> Result<()> {
    let pairs = left.iter().zip(right).enumerate();
    for (index, (a, b)) in pairs {
        if a.declared() != b.declared() {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "cannot compare dissimilar column types {} and {} at record column {}",
                    a.unmodified(),
                    b.unmodified(),
                    index + 1
                ),
            ));
        }
    }
    if left.len() != right.len() {
        return Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            "cannot compare record types with different numbers of columns",
        ));
    }
    Ok(())
}
