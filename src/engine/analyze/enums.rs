//! Enumerated types in calls: the functions over them, and which functions take them at all.

use arrow::array::{ArrayRef, Int64Array};
use datafusion::common::ScalarValue;
use datafusion::logical_expr::Expr;
use sqlparser::ast::{self, Spanned};

use super::coerce::array_element;
use super::operators::{COMPARISONS, Candidate, Make};
use super::typed::{self, Typed};
use super::{Analyst, Converted, place};
use crate::base::{Error, Place, Result, SqlState};
use crate::engine::parse::written_type;
use crate::engine::semantics::converted;
use crate::functions::scalar_value;
use crate::types::PgType;
use crate::types::shaped::Extent;

/// Functions of any type that look at a value's text.
const READ_TEXT: &[&str] = &[
    "array_to_json",
    "array_to_string",
    "concat",
    "concat_ws",
    "format",
    "json_build_array",
    "json_build_object",
    "jsonb_build_array",
    "jsonb_build_object",
    "quote_literal",
    "quote_nullable",
    "row_to_json",
    "to_json",
    "to_jsonb",
];
/// Functions of any type that look at nothing but the value.
const READ_VALUES: &[&str] = &[
    "array_dims",
    "array_length",
    "array_lower",
    "array_ndims",
    "array_position",
    "array_positions",
    "array_upper",
    "cardinality",
    "num_nonnulls",
    "num_nulls",
    "pg_column_size",
];
/// Functions that give an array like the one they take.
const GIVE_ARRAYS: &[&str] = &[
    "array_append",
    "array_cat",
    "array_prepend",
    "array_remove",
    "array_replace",
    "trim_array",
];
/// Functions of times with a zone.
const READ_TIMES: &[&str] = &["current_time", "date_part", "extract", "timetz", "timezone"];
/// Aggregates of any type.
const AGGREGATES: &[&str] = &[
    "array_agg",
    "count",
    "cume_dist within group",
    "dense_rank within group",
    "json_agg",
    "json_object_agg",
    "jsonb_agg",
    "jsonb_object_agg",
    "max",
    "min",
    "mode",
    "percent_rank within group",
    "percentile_disc",
    "rank within group",
];

/// The comparison of two values of one enum, or of one type of rows.
pub(super) fn comparison(sign: &str, left: PgType, right: PgType) -> Option<Candidate> {
    let (_, op) = COMPARISONS.iter().find(|(known, _)| *known == sign)?;
    let known = left.is_enum() || left.is_composite();
    (known && left.oid == right.oid).then_some(Candidate {
        left: Some(left),
        right,
        result: PgType::BOOL,
        make: Make::Compare(*op),
    })
}

impl Analyst<'_> {
    /// The type an AST names.
    pub(super) fn resolve_type(&self, ty: &ast::DataType) -> Result<PgType> {
        let place = match ty {
            ast::DataType::Custom(name, _) => place::starts(name.span()),
            _ => Place::Unknown,
        };
        written_type(ty)?
            .resolve(&self.scope.context.snapshot, self.scope.path)
            .map_err(|error| error.or_at(place))
    }

    /// `enum_first` and its kin; `None` for any other function.
    pub(super) fn enum_call(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let known = matches!(
            (name, args.len()),
            ("enum_first" | "enum_last" | "enum_range", 1) | ("enum_range", 2)
        );
        if !known {
            return Ok(None);
        }
        let ty = match args.iter().find(|arg| !arg.is_unknown()) {
            Some(arg) if arg.ty.is_enum() => arg.base(),
            Some(_) => return Err(self.no_function(name, args)),
            None => return Err(self.no_function(name, args)),
        };
        if args
            .iter()
            .any(|arg| !arg.is_unknown() && arg.ty.oid != ty.oid)
        {
            return Err(self.no_function(name, args));
        }
        let labels = self.scope.context.snapshot.enums().labels(ty);
        if labels.iter().next().is_none() {
            return Err(Error::new(
                SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
                format!("enum {ty} contains no values"),
            ));
        }
        let end = |label: Option<&crate::types::enums::Label>| {
            let position = ScalarValue::Int64(label.map(|label| label.position));
            Ok(Some(typed::literal(position, ty)))
        };
        match name {
            "enum_first" => return end(labels.iter().next()),
            "enum_last" => return end(labels.iter().next_back()),
            _ => {}
        }
        let (mut from, mut to) = (None, None);
        if let [first, last] = args {
            from = self.bound(first, ty)?;
            to = self.bound(last, ty)?;
        }
        let positions: ArrayRef = std::sync::Arc::new(Int64Array::from_iter_values(
            labels
                .iter()
                .map(|label| label.position)
                .filter(|at| from.is_none_or(|from| from <= *at) && to.is_none_or(|to| *at <= to)),
        ));
        let whole = ty.array().unwrap_or(ty);
        let rows = [Some(Extent::of_list(positions.len()))];
        let list = crate::types::text::build_list(positions, &rows, ty)?;
        let value = scalar_value(&list).converted()?;
        Ok(Some(typed::literal(value, whole)))
    }

    /// A constant end of `enum_range`; `None` is NULL, which is no end.
    fn bound(&self, value: &Typed, ty: PgType) -> Result<Option<i64>> {
        match self.coerced(value.clone(), ty)?.expr {
            Expr::Literal(ScalarValue::Int64(position), _) => Ok(position),
            _ => Err(Error::unsupported("enum_range over columns")),
        }
    }

    /// A label, or an array of them, as text; any other value as it is.
    pub(super) fn legible(&self, value: Typed) -> Result<Typed> {
        if !value.ty.is_encoded() {
            return Ok(value);
        }
        let to = match array_element(value.ty) {
            Some(_) => PgType::TEXT.array().unwrap_or(PgType::TEXT),
            None => PgType::TEXT,
        };
        // As it is shown, which is not what a cast makes of an address.
        let ty = value.ty;
        let shown = converted(self.scope.context, self.said(value)?, ty, to);
        Ok(Typed::new(shown, to))
    }

    /// As [`Self::legible`], but rows, which JSON is made of as they are.
    pub(super) fn json_legible(&self, value: Typed) -> Result<Typed> {
        let of = array_element(value.ty).unwrap_or(value.ty);
        match of.is_composite() {
            true => Ok(value),
            false => self.legible(value),
        }
    }

    /// The arguments of a function as it takes them; `42883` if it takes no enums.
    pub(super) fn enum_arguments(&self, name: &str, args: Vec<Typed>) -> Result<Vec<Typed>> {
        if !args.iter().any(|arg| arg.ty.is_encoded()) {
            return Ok(args);
        }
        if name.starts_with("quote_") {
            return args
                .into_iter()
                .map(|arg| self.coerced(arg, PgType::TEXT))
                .collect();
        }
        if READ_TEXT.contains(&name) {
            let json = name.contains("json");
            return args
                .into_iter()
                .map(|arg| match json {
                    true => self.json_legible(arg),
                    false => self.legible(arg),
                })
                .collect();
        }
        if READ_VALUES.contains(&name) || GIVE_ARRAYS.contains(&name) {
            // A literal beside an enum, or beside an array of it, is one.
            let element = args.iter().find_map(|arg| match arg.ty.is_encoded() {
                true => Some(array_element(arg.ty).unwrap_or(arg.base())),
                false => None,
            });
            let compares = [
                "array_position",
                "array_positions",
                "array_remove",
                "array_replace",
            ];
            if let Some(element) = element
                && compares.contains(&name)
                && super::coded::is_figure(element)
            {
                return Err(super::operator::no_equality(element));
            }
            return args
                .into_iter()
                .map(|arg| match (arg.unknown_text(), element) {
                    (Some(_), Some(element)) => self.coerced(arg, element),
                    _ => Ok(arg),
                })
                .collect();
        }
        if READ_TIMES.contains(&name) && !args.iter().any(|arg| arg.ty.is_made()) {
            let said = |arg: Typed| Ok(Typed::new(self.said(arg.clone())?, arg.ty));
            return args.into_iter().map(said).collect();
        }
        // What else the name may mean: a cast, an operator's function.
        if crate::functions::scalar(self.scope.context, name).is_none() {
            return Ok(args);
        }
        Err(self.no_function(name, &args))
    }

    /// What a function makes of `args` as what it is.
    pub(super) fn enum_result(name: &str, args: &[PgType], result: Typed) -> Typed {
        let array = args
            .iter()
            .find(|ty| ty.is_encoded() && array_element(**ty).is_some());
        match array {
            Some(array) if GIVE_ARRAYS.contains(&name) => Typed::new(result.expr, array.plain()),
            _ => result,
        }
    }

    /// `42883` for an aggregate that takes no enums.
    pub(super) fn enum_aggregate(&self, name: &str, args: &[Typed]) -> Result<()> {
        self.range_aggregate(name, args)?;
        let any = |name: &str| AGGREGATES.contains(&name) || name.starts_with("range_");
        let takes =
            |arg: &Typed| !arg.ty.is_encoded() || any(name) && super::coded::has(name, arg.ty);
        match args.iter().all(takes) {
            true => Ok(()),
            false => Err(self.no_function(name, args)),
        }
    }
}
