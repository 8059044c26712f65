//! Rows made of JSON objects: what `json_populate_record` and its kin compute.
//!
//! A field takes what the object has under its name. What is not a string there is taken by its
//! text; objects and arrays become rows and arrays where those are wanted.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray, ListArray, new_null_array};
use arrow::buffer::{NullBuffer, OffsetBuffer};
use arrow::compute::kernels::zip::zip;
use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::DataFusionError;
use datafusion::logical_expr::expr::ScalarFunction;
use datafusion::logical_expr::{
    ColumnarValue, Expr, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature,
    Volatility,
};

use super::call::{evaluated, external};
use super::json_tree::{Json, Kind, parse};
use crate::base::{Error, Result, SqlState};
use crate::statement::StatementContext;
use crate::types::pgtype::Shape;
use crate::types::text::parse_column;
use crate::types::{PgType, fitted, row};

/// What a call asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Wanted {
    /// The function, for messages.
    pub(crate) name: &'static str,
    /// A row for each object of an array, in an array; else a row of one object.
    pub(crate) set: bool,
    /// Whether a NULL in the place of the JSON leaves what there is of a row; else there is none.
    pub(crate) keeps: bool,
}

/// A call: `json`, text, as rows with fields of these names; `base` is a row with what is missing.
pub(crate) fn populate(
    context: &Arc<StatementContext>,
    wanted: Wanted,
    ty: PgType,
    names: Vec<String>,
    json: Expr,
    base: Option<Expr>,
) -> Expr {
    let mut args = vec![json];
    args.extend(base);
    let function = Populate {
        wanted,
        ty,
        names,
        context: context.clone(),
        signature: Signature::any(args.len(), Volatility::Stable),
    };
    Expr::ScalarFunction(ScalarFunction::new_udf(
        Arc::new(ScalarUDF::new_from_impl(function)),
        args,
    ))
}

/// The same call in another statement.
pub(super) fn rebind(
    context: &Arc<StatementContext>,
    function: &ScalarUDF,
) -> Option<Arc<ScalarUDF>> {
    let populate = function.inner().downcast_ref::<Populate>()?;
    Some(Arc::new(ScalarUDF::new_from_impl(Populate {
        wanted: populate.wanted,
        ty: populate.ty,
        names: populate.names.clone(),
        context: context.clone(),
        signature: populate.signature.clone(),
    })))
}

struct Populate {
    wanted: Wanted,
    ty: PgType,
    names: Vec<String>,
    context: Arc<StatementContext>,
    signature: Signature,
}

impl std::fmt::Debug for Populate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.wanted.name)
    }
}

impl PartialEq for Populate {
    fn eq(&self, other: &Self) -> bool {
        self.wanted == other.wanted
            && self.ty == other.ty
            && self.names == other.names
            && self.context.style == other.context.style
    }
}

impl Eq for Populate {}

impl Hash for Populate {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self.wanted, self.ty, &self.names).hash(state);
    }
}

/// What JSON is, for messages.
fn kind(json: &Json<'_>) -> &'static str {
    match json.kind {
        Kind::Object(_) => "an object",
        Kind::Array(_) => "an array",
        _ => "a scalar",
    }
}

fn cannot_call(name: &str, on: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("cannot call {name} on {on}"),
    )
}

impl Populate {
    fn shape(&self) -> Shape {
        self.ty.shape().unwrap_or_else(|| Shape::of(&[]))
    }

    /// The rows of some objects; a field that an object has not is what `base` has.
    fn rows(&self, objects: &[&Json<'_>], base: Option<&[Option<&[u8]>]>) -> Result<ArrayRef> {
        let types = self.shape().types();
        let mut columns = Vec::with_capacity(types.len());
        for (index, (name, ty)) in self.names.iter().zip(types.iter()).enumerate() {
            let mut texts = Vec::with_capacity(objects.len());
            let mut there = Vec::with_capacity(objects.len());
            for object in objects {
                let field = object.field(name);
                there.push(field.is_some());
                texts.push(match field {
                    Some(field) => self.text(field, *ty, name)?,
                    None => None,
                });
            }
            let texts: Vec<_> = texts.iter().map(Option::as_deref).collect();
            let context = &self.context;
            let column = parse_column(&texts, *ty, &context.style, context.transaction_time)
                .map_err(|failure| failure.error)?;
            let column = fitted(column, *ty).map_err(|(_, error)| error)?;
            columns.push(match base {
                Some(base) if there.contains(&false) => {
                    let old = row::field(base, &types, index)?;
                    zip(&BooleanArray::from(there), &column, &old)
                        .map_err(|error| Error::internal("filling a row", error))?
                }
                _ => column,
            });
        }
        row::build(&columns, &types, objects.len(), None)
    }

    /// The text that the input function of a type reads; `None` is NULL.
    fn text(&self, json: &Json<'_>, ty: PgType, name: &str) -> Result<Option<String>> {
        if matches!(json.kind, Kind::Null) {
            return Ok(None);
        }
        if ty.is(PgType::JSON) || ty.is(PgType::JSONB) {
            return Ok(Some(json.raw.to_owned()));
        }
        if let Kind::String(text) = &json.kind {
            return Ok(Some(text.clone().into_owned()));
        }
        if let Some(shape) = ty.shape() {
            let Kind::Object(_) = &json.kind else {
                return Err(cannot_call("populate_composite", kind(json)));
            };
            let snapshot = &self.context.snapshot;
            let names = snapshot.field_names(ty.oid).unwrap_or_default();
            let mut out = String::from("(");
            for (index, (name, ty)) in names.iter().zip(shape.types().iter()).enumerate() {
                if index > 0 {
                    out.push(',');
                }
                if let Some(field) = json.field(name)
                    && let Some(text) = self.text(field, *ty, name)?
                {
                    quote(&text, &mut out);
                }
            }
            out.push(')');
            return Ok(Some(out));
        }
        if ty.info().category == 'A' && ty.element().is_some() {
            let Kind::Array(items) = &json.kind else {
                return Err(Error::new(
                    SqlState::INVALID_TEXT_REPRESENTATION,
                    "expected JSON array",
                )
                .hint(format!("See the value of key \"{name}\".")));
            };
            return self.array(items, ty, name).map(Some);
        }
        Ok(Some(json.raw.to_owned()))
    }

    fn array(&self, items: &[Json<'_>], ty: PgType, name: &str) -> Result<String> {
        let element = ty.element().unwrap_or(PgType::TEXT);
        let mut out = String::from("{");
        for (index, item) in items.iter().enumerate() {
            if index > 0 {
                out.push(',');
            }
            match &item.kind {
                Kind::Array(inner) if !element.is(PgType::JSON) && !element.is(PgType::JSONB) => {
                    out.push_str(&self.array(inner, ty, name)?);
                }
                _ => match self.text(item, element, name)? {
                    Some(text) => quote_backslash(&text, &mut out),
                    None => out.push_str("NULL"),
                },
            }
        }
        out.push('}');
        Ok(out)
    }

    fn one(&self, texts: &[Option<&str>], base: Option<&[Option<&[u8]>]>) -> Result<ArrayRef> {
        let empty = parse("{}")?;
        let read: Vec<Option<Json<'_>>> = texts
            .iter()
            .map(|text| text.map(parse).transpose())
            .collect::<Result<_>>()?;
        let mut objects = Vec::with_capacity(read.len());
        let mut there = Vec::with_capacity(read.len());
        for (index, json) in read.iter().enumerate() {
            let kept = base.is_some_and(|base| base[index].is_some());
            there.push(json.is_some() || self.wanted.keeps && kept);
            objects.push(match json {
                None => &empty,
                Some(object) if matches!(object.kind, Kind::Object(_)) => object,
                Some(json) => return Err(cannot_call(self.wanted.name, kind(json))),
            });
        }
        let rows = self.rows(&objects, base)?;
        let there = BooleanArray::from(there);
        let null = new_null_array(rows.data_type(), rows.len());
        zip(&there, &rows, &null).map_err(|error| Error::internal("making rows", error))
    }

    fn set(&self, texts: &[Option<&str>], base: Option<&[Option<&[u8]>]>) -> Result<ArrayRef> {
        let read: Vec<Option<Json<'_>>> = texts
            .iter()
            .map(|text| text.map(parse).transpose())
            .collect::<Result<_>>()?;
        let mut objects = Vec::new();
        let mut bases = Vec::new();
        let mut lengths = Vec::with_capacity(read.len());
        for (index, json) in read.iter().enumerate() {
            let items = match json {
                None => &[],
                Some(json) => match &json.kind {
                    Kind::Array(items) => items.as_slice(),
                    _ => return Err(cannot_call(self.wanted.name, kind(json))),
                },
            };
            lengths.push(items.len());
            for item in items {
                if !matches!(item.kind, Kind::Object(_)) {
                    return Err(Error::new(
                        SqlState::INVALID_PARAMETER_VALUE,
                        format!(
                            "argument of {} must be an array of objects",
                            self.wanted.name
                        ),
                    ));
                }
                objects.push(item);
                bases.push(base.and_then(|base| base[index]));
            }
        }
        let rows = self.rows(&objects, base.map(|_| bases.as_slice()))?;
        let nulls: NullBuffer = read.iter().map(Option::is_some).collect();
        let item = Arc::new(self.ty.field("item", true));
        ListArray::try_new(item, OffsetBuffer::from_lengths(lengths), rows, Some(nulls))
            .map(|list| Arc::new(list) as ArrayRef)
            .map_err(|error| Error::internal("making rows", error))
    }

    fn returned(&self, name: &str) -> Field {
        let field = self.ty.field(name, true);
        match self.wanted.set {
            true => {
                let item = Arc::new(field.with_name("item"));
                Field::new(name, DataType::List(item), true)
            }
            false => field,
        }
    }
}

/// A field's text, as `record_in` reads it.
fn quote(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push(c);
        }
        out.push(c);
    }
    out.push('"');
}

/// An element's text, as `array_in` reads it.
fn quote_backslash(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
}

impl ScalarUDFImpl for Populate {
    fn name(&self) -> &str {
        self.wanted.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _types: &[DataType]) -> Result<DataType, DataFusionError> {
        Ok(self.returned("item").data_type().clone())
    }

    fn return_field_from_args(&self, _: ReturnFieldArgs) -> Result<FieldRef, DataFusionError> {
        Ok(Arc::new(self.returned(self.wanted.name)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue, DataFusionError> {
        evaluated(&args, |arrays, _| {
            let json = arrow::compute::cast(&arrays[0], &DataType::Utf8View)?;
            let texts: Vec<Option<&str>> = json.as_string_view().iter().collect();
            let base = arrays.get(1).map(|base| row::values(base.as_ref()));
            let made = base.transpose().and_then(|base| match self.wanted.set {
                true => self.set(&texts, base.as_deref()),
                false => self.one(&texts, base.as_deref()),
            });
            made.map_err(external)
        })
    }
}
