//! Arrays: literals, elements, slices; fields of rows.

use datafusion::logical_expr::{Expr, ExprSchemable, SortExpr};
use sqlparser::ast::{self, Expr as Ast, Subscript};

use super::Analyst;
use super::coerce::array_element;
use super::level::Level;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::fold;
use crate::functions::has_array_key;
use crate::types::{PgType, dimensions, ragged};
use arrow::datatypes::DataType;

impl Analyst<'_> {
    /// The Arrow type of an array, which says how many dimensions it has.
    pub(super) fn held(&self, array: &Typed) -> Result<DataType> {
        let schema = self.schema_for(&[&array.expr])?;
        // Columns of a set operation are not known by name.
        let held = array.expr.get_type(&schema);
        Ok(held.unwrap_or_else(|_| array.ty.data_type()))
    }

    /// Dimensions of an array.
    pub(super) fn dimensions(&self, array: &Typed) -> Result<usize> {
        self.held(array).map(|held| dimensions(&held))
    }

    /// The least or greatest of arrays that are compared by a key: the first in this order, of
    /// those that are there.
    ///
    /// # Errors
    /// `0A000` for what cannot be found so.
    pub(super) fn array_extreme(
        &self,
        name: &str,
        args: &[Typed],
        windowed: bool,
    ) -> Result<Option<(SortExpr, Expr)>> {
        let ("min" | "max", [arg]) = (name, args) else {
            return Ok(None);
        };
        let encoded = array_element(arg.ty).is_some_and(PgType::is_encoded);
        if !encoded && !self.has_array_key(arg)? {
            return Ok(None);
        }
        if windowed {
            return Err(Error::unsupported(format!(
                "{name}({}) as a window function",
                arg.base()
            )));
        }
        let key = self.key(arg.clone())?;
        let first = SortExpr::new(key, name == "min", false);
        Ok(Some((first, arg.expr.clone().is_not_null())))
    }

    /// An array that says of which type its elements are, where only the type says how they
    /// compare, what they are in JSON, or what they are called.
    pub(super) fn told_elements(&self, value: Typed) -> Result<Typed> {
        let tells = |element: PgType| {
            let plain = [PgType::JSON, PgType::JSONB, PgType::TSQUERY];
            plain.iter().any(|ty| element.is(*ty)) || element.is_reg() || element.is_composite()
        };
        if !array_element(value.ty).is_some_and(tells) {
            return Ok(value);
        }
        let held = value.base().with_dimensions(self.dimensions(&value)?);
        let expr = typed::cast(value.expr, held);
        Ok(Typed { expr, ..value })
    }

    /// Whether a value is an array that is compared by a key.
    pub(super) fn has_array_key(&self, value: &Typed) -> Result<bool> {
        let keyed = |element: PgType| element.is(PgType::JSONB) || element.is(PgType::TSQUERY);
        Ok(match array_element(value.ty) {
            Some(element) => {
                keyed(element) || element.is_composite() || has_array_key(&self.held(value)?)
            }
            None => false,
        })
    }

    /// `ARRAY[…]`
    pub(super) fn array(&self, level: &Level<'_>, elements: &[Ast]) -> Result<Typed> {
        self.array_as(level, elements, None)
    }

    /// An array literal; `wanted` is the element type of a cast around it.
    pub(super) fn array_as(
        &self,
        level: &Level<'_>,
        elements: &[Ast],
        wanted: Option<PgType>,
    ) -> Result<Typed> {
        if elements.is_empty() {
            let Some(element) = wanted else {
                return Err(Error::new(
                    SqlState::INDETERMINATE_DATATYPE,
                    "cannot determine type of empty array",
                )
                .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[]."));
            };
            let ty = element.array().unwrap_or(element);
            return self.coerced(typed::unknown(Some("{}")), ty);
        }
        let lengths: std::collections::BTreeSet<_> = elements
            .iter()
            .filter_map(|element| match element {
                Ast::Array(inner) => Some(inner.elem.len()),
                _ => None,
            })
            .collect();
        if lengths.len() > 1 {
            return Err(ragged());
        }
        let values = elements
            .iter()
            .map(|element| match element {
                Ast::Array(inner) => self.array_as(level, &inner.elem, wanted),
                element => self.expression(level, element),
            })
            .collect::<Result<Vec<_>>>()?;
        let Some(wanted) = wanted else {
            return self.array_of(values);
        };
        let is_array = |value: &Typed| array_element(value.ty).is_some();
        // Beside arrays a literal is one, too.
        let nests = values.iter().any(is_array);
        let beside = wanted.array().filter(|_| nests).unwrap_or(wanted);
        let values = values
            .into_iter()
            .map(|value| match &value {
                array if is_array(array) => Ok(value),
                literal if literal.is_unknown() => self.cast(value, beside),
                _ => self.cast(value, wanted),
            })
            .collect::<Result<Vec<_>>>()?;
        self.array_of(values)
    }

    /// The type of arrays over a domain, if `element` is one.
    pub(super) fn arrays_over(&self, element: PgType) -> Option<PgType> {
        let domain = element.domain.filter(|domain| domain.array.is_none())?;
        let snapshot = &self.scope.context.snapshot;
        snapshot.user_type(domain.oid)?.array_ty()
    }

    /// Values as the elements of an array.
    pub(super) fn array_of(&self, values: Vec<Typed>) -> Result<Typed> {
        let (values, element) = self.in_common(values, "ARRAY")?;
        let values = values
            .into_iter()
            .map(|value| self.measured(value, element.unmodified()));
        let values = values.collect::<Result<Vec<_>>>()?;
        let values = self.one_type(values, element)?;
        let of_domain = self.arrays_over(element);
        let element = element.plain();
        // An array of arrays has the type of an array.
        let ty = if array_element(element).is_some() {
            element
        } else {
            element.array().ok_or_else(|| {
                Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("could not find array type for data type {element}"),
                )
            })?
        };
        let written = |expr: &Expr| match expr {
            Expr::ScalarFunction(call) => call.func.name() == "make_array",
            _ => false,
        };
        let nests = array_element(values[0].ty).is_some();
        let args: Vec<Expr> = values.into_iter().map(|value| value.expr).collect();
        if nests && !args.iter().all(written) {
            let held = ty.with_any_dimensions();
            let args = args.into_iter().map(|arg| typed::cast(arg, held)).collect();
            let function = crate::engine::semantics::computed("array_of_arrays")
                .ok_or_else(|| Error::internal("making an array", "no function"))?;
            return Ok(Typed::new(function.call(args), of_domain.unwrap_or(ty)));
        }
        let made = self.native("make_array", args)?;
        // The function forgets what its elements say of themselves beyond their Arrow type.
        let says_more = ty.element().is_some_and(|element| {
            element.data_type() != DataType::Utf8View
                && !element.field("", true).metadata().is_empty()
        });
        if says_more {
            let held = ty.with_dimensions(self.dimensions(&made)?);
            let expr = typed::cast(made.expr, held);
            return Ok(Typed::new(expr, of_domain.unwrap_or(ty)));
        }
        Ok(Typed::new(made.expr, of_domain.unwrap_or(ty)))
    }

    /// The arguments of a function, an array that has no type of its own being one of the values
    /// beside it.
    pub(super) fn with_array(&self, name: &str, mut args: Vec<Typed>) -> Result<Vec<Typed>> {
        let (array, element) = match (name, args.len()) {
            ("array_append", 2) => (0, 1),
            ("array_prepend", 2) => (1, 0),
            _ => return Ok(args),
        };
        let element = args[element].ty;
        if !args[array].is_unknown() || element.oid == PgType::UNKNOWN.oid {
            return Ok(args);
        }
        if let Some(ty) = element.plain().array() {
            args[array] = self.coerced(args[array].clone(), ty)?;
        }
        Ok(args)
    }

    /// An array with an element or a slice of it replaced; what `parse::patch` leaves of
    /// `SET array[…] = value`.
    pub(super) fn subscripted(
        &self,
        level: &Level<'_>,
        args: &[ast::FunctionArg],
    ) -> Result<Typed> {
        let mut args = args.iter().map(|arg| match arg {
            ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(expr)) => Ok(expr),
            _ => Err(Error::unsupported("this in a subscript")),
        });
        let missing = || Error::internal("assigning to a subscript", "an argument is missing");
        let mut next = || args.next().transpose();
        let written = next()?.ok_or_else(missing)?;
        let own = match written {
            Ast::Identifier(name) => self.target_column(level, &fold(name))?,
            _ => None,
        };
        let array = match own {
            Some(array) => array,
            None => self.expression(level, written)?,
        };
        let name = match written {
            Ast::Identifier(name) => fold(name),
            _ => String::new(),
        };
        if array.is(PgType::JSONB) {
            let value = self.expression(level, next()?.ok_or_else(missing)?)?;
            let value = self.assigned(value, PgType::JSONB, &name)?;
            let mut path = Vec::new();
            while let Some(kind) = next()? {
                if matches!(kind, Ast::Value(value) if value.value == ast::Value::Boolean(true)) {
                    return Err(super::json_subscript::no_slices());
                }
                path.push(next()?.ok_or_else(missing)?);
            }
            return self.json_with_part(level, array.undomained(), value, &path);
        }
        let Some(element) = array_element(array.ty).or_else(|| part(array.ty)) else {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "cannot subscript type {} because it does not support subscripting",
                    array.base()
                ),
            ));
        };
        let value = self.expression(level, next()?.ok_or_else(missing)?)?;
        let subscript = |expr: &Ast, left_out: i32| -> Result<Expr> {
            if matches!(expr, Ast::Value(value) if value.value == ast::Value::Boolean(false)) {
                return Ok(typed::int4(left_out).expr);
            }
            let value = self.expression(level, expr)?;
            Ok(self
                .as_integer(value, PgType::INT4, "array subscript")?
                .expr)
        };
        let mut subscripts: Vec<(Option<Expr>, Expr)> = Vec::new();
        while let Some(kind) = next()? {
            let first = subscript(next()?.ok_or_else(missing)?, i32::MIN)?;
            let sliced =
                matches!(kind, Ast::Value(value) if value.value == ast::Value::Boolean(true));
            subscripts.push(match sliced {
                true => {
                    let last = subscript(next()?.ok_or_else(missing)?, i32::MAX)?;
                    (Some(first), last)
                }
                false => (None, first),
            });
        }
        let sliced = subscripts.iter().any(|(from, _)| from.is_some());
        let wanted = match sliced {
            true => array.base(),
            // What is too long is found out where the array is stored; a cast would cut it.
            false if super::coerce::category(element) == 'N' => element,
            false => element.with_typmod(-1),
        };
        let value = self.assigned(value, wanted, &name)?;
        if part(array.ty).is_some() {
            return match <[_; 1]>::try_from(subscripts) {
                Ok([(None, at)]) => {
                    let array = self.said(array)?;
                    self.native("[]= geometry", vec![array, at, value])
                }
                Ok(_) => Err(Error::unsupported("a slice of a fixed-length array")),
                Err(_) => Err(Error::new(
                    SqlState::ARRAY_SUBSCRIPT_ERROR,
                    "wrong number of array subscripts",
                )),
            };
        }
        let held = array.base().plain().with_any_dimensions();
        let value = match sliced {
            true => typed::cast(value, held),
            false => value,
        };
        let mut parts = vec![typed::cast(array.expr.clone(), held), value];
        for (from, to) in subscripts {
            // Among slices a plain subscript is the slice up to it.
            parts.extend(match (sliced, from) {
                (true, from) => vec![from.unwrap_or_else(|| typed::int4(1).expr), to],
                (false, _) => vec![to],
            });
        }
        let name = if sliced {
            "array_set_slice"
        } else {
            "array_set_element"
        };
        let function = crate::engine::semantics::computed(name)
            .ok_or_else(|| Error::internal("assigning to a subscript", name))?;
        Ok(Typed::new(function.call(parts), array.ty))
    }

    /// A value as an element of an array it is put into, or a part of jsonb.
    fn assigned(&self, value: Typed, to: PgType, name: &str) -> Result<Expr> {
        let fits = value.is_unknown()
            || crate::engine::dml::is_assignable(&self.scope.context.snapshot, value.ty, to);
        if !fits {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "subscripted assignment to \"{name}\" requires type {to} but expression is of \
                     type {}",
                    value.base()
                ),
            )
            .hint("You will need to rewrite or cast the expression."));
        }
        let value = match value.is_unknown() {
            true => self.coerced(value, to)?,
            false => self.cast(value, to)?,
        };
        Ok(value.expr)
    }

    /// `array[i]`, `array[i:j]`, `(row).field`
    pub(super) fn access(
        &self,
        level: &Level<'_>,
        root: &Ast,
        chain: &[ast::AccessExpr],
    ) -> Result<Typed> {
        // PostgreSQL's grammar has no subscripts of ARRAY[…] without parentheses.
        if let (Ast::Array(_), Some(ast::AccessExpr::Subscript(_))) = (root, chain.first()) {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "syntax error at or near \"[\"",
            ));
        }
        let mut value = self.expression(level, root)?;
        let whole = chain;
        let mut chain = chain.iter().peekable();
        while let Some(access) = chain.next() {
            // All subscripts of an array belong together: how many there are matters.
            if let ast::AccessExpr::Subscript(first) = access
                && let of = part(value.ty)
                && (of.is_some() || value.ty.element().is_some() || value.is(PgType::JSONB))
            {
                let mut subscripts = vec![first];
                while let Some(ast::AccessExpr::Subscript(next)) = chain.peek() {
                    subscripts.push(next);
                    chain.next();
                }
                value = match of {
                    None if value.is(PgType::JSONB) => {
                        self.json_part(level, value.undomained(), &subscripts)?
                    }
                    Some(of) => self.part(level, value, of, &subscripts)?,
                    None => self.subscripts(level, value, &subscripts)?,
                };
                continue;
            }
            value = match access {
                ast::AccessExpr::Dot(Ast::Identifier(name)) => {
                    let is_row = Self::is_row(&value);
                    match self.field(value, &fold(name)) {
                        Err(error) if is_row && error.state() == SqlState::UNDEFINED_COLUMN => {
                            let before = whole.len() - chain.len() - 1;
                            let row = match before {
                                0 => root.clone(),
                                before => Ast::CompoundFieldAccess {
                                    root: Box::new(root.clone()),
                                    access_chain: whole[..before].to_vec(),
                                },
                            };
                            match self.as_function(level, row, name)? {
                                Some(value) => value,
                                None => return Err(error),
                            }
                        }
                        field => field?,
                    }
                }
                ast::AccessExpr::Dot(_) => return Err(Error::unsupported("this field access")),
                ast::AccessExpr::Subscript(subscript) => self.subscript(level, value, subscript)?,
            };
        }
        Ok(value)
    }

    /// `array[i][j]`, or with a slice among them `array[i:j][k]`, where a plain subscript is the
    /// slice up to it.
    fn subscripts(
        &self,
        level: &Level<'_>,
        array: Typed,
        subscripts: &[&Subscript],
    ) -> Result<Typed> {
        let index = |expr: &Ast| -> Result<Expr> {
            let value = self.expression(level, expr)?;
            let value = self.as_integer(value, PgType::INT4, "subscript")?;
            Ok(self.coerced(value, PgType::INT4)?.expr)
        };
        let sliced = subscripts
            .iter()
            .any(|subscript| matches!(subscript, Subscript::Slice { .. }));
        // Slices of vectors are arrays.
        let array = match super::coerce::vector_element(array.ty).and_then(PgType::array) {
            Some(ty) if sliced => self.coerced(array, ty)?,
            _ => array,
        };
        let ty = array.base();
        let element = array.ty.declared_element().unwrap_or(ty);
        let mut args = vec![array.expr];
        for subscript in subscripts {
            match subscript {
                Subscript::Index { index: at } if sliced => {
                    args.extend([typed::int4(1).expr, index(at)?]);
                }
                Subscript::Index { index: at } => args.push(index(at)?),
                Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride: None,
                } => {
                    args.push(match lower_bound {
                        Some(lower) => index(lower)?,
                        None => typed::int4(i32::MIN).expr,
                    });
                    args.push(match upper_bound {
                        Some(upper) => index(upper)?,
                        None => typed::int4(i32::MAX).expr,
                    });
                }
                Subscript::Slice { .. } => return Err(Error::unsupported("a slice with a stride")),
            }
        }
        Ok(match sliced {
            true => Typed::new(self.native("slice", args)?.expr, ty),
            false => Typed::new(self.native("subscript", args)?.expr, element),
        })
    }

    /// `point[0]`; more subscripts than one lead nowhere.
    fn part(
        &self,
        level: &Level<'_>,
        whole: Typed,
        of: PgType,
        subscripts: &[&Subscript],
    ) -> Result<Typed> {
        let mut indexes = Vec::new();
        for subscript in subscripts {
            let Subscript::Index { index } = subscript else {
                return Err(Error::unsupported("a slice of a fixed-length array"));
            };
            let index = self.expression(level, index)?;
            let index = self.as_integer(index, PgType::INT4, "subscript")?;
            indexes.push(self.coerced(index, PgType::INT4)?.expr);
        }
        match <[Expr; 1]>::try_from(indexes) {
            Ok([index]) => self.native("[] geometry", vec![self.said(whole)?, index]),
            Err(_) => typed::null(of),
        }
    }

    fn subscript(&self, level: &Level<'_>, array: Typed, subscript: &Subscript) -> Result<Typed> {
        if array.is(PgType::NAME)
            && let Subscript::Index { index } = subscript
        {
            let index = self.expression(level, index)?;
            let index = self.as_integer(index, PgType::INT4, "subscript")?;
            let index = self.coerced(index, PgType::INT4)?.expr;
            let letter = self.native("name_letter", vec![array.expr, index])?;
            return Ok(Typed::new(letter.expr, PgType::CHAR));
        }
        Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "cannot subscript type {} because it does not support subscripting",
                array.base()
            ),
        ))
    }
}

/// What subscripts of a geometric value give, of the types that have them.
fn part(ty: PgType) -> Option<PgType> {
    match ty.info().name {
        "point" | "line" => Some(PgType::FLOAT8),
        "lseg" | "box" => Some(PgType::POINT),
        _ => None,
    }
}
