//! Ranges and multiranges: their operators, functions and constructors. PostgreSQL declares these
//! over types of every kind, and takes no argument that is not exactly of the type the others ask
//! for; so do we.

use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::ScalarFunction;
use sqlparser::ast;

use super::Analyst;
use super::coerce::{implicitly, not_unique, undetermined};
use super::from::part;
use super::operators::{COMPARISONS, Candidate, Make};
use super::set::Elements;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::functions::{self, Spanning};
use crate::types::PgType;

/// The operator of a sign over ranges, multiranges, and the values they are of.
pub(super) fn operator(sign: &str, left: PgType, right: PgType) -> Option<Candidate> {
    let candidate = |result: PgType, make: Make| Candidate {
        left: Some(left),
        right,
        result,
        make,
    };
    let says = |how: Spanning| Some(candidate(PgType::BOOL, Make::Span(how)));
    let is_of = |value: PgType, range: PgType| {
        range
            .subtype()
            .is_some_and(|subtype| subtype.oid == value.oid)
    };
    match sign {
        "@>" if is_of(right, left) => return says(Spanning::Holds),
        "<@" if is_of(left, right) => return says(Spanning::Held),
        _ => {}
    }
    let range = |ty: PgType| ty.range().unwrap_or(ty).oid;
    if !left.has_bounds() || !right.has_bounds() || range(left) != range(right) {
        return None;
    }
    if left.oid == right.oid {
        if let Some((_, op)) = COMPARISONS.iter().find(|(known, _)| *known == sign) {
            return Some(candidate(PgType::BOOL, Make::Compare(*op)));
        }
        let how = match (sign, left.is_range()) {
            ("+", true) => Some(Spanning::Joined),
            ("+", false) => Some(Spanning::United),
            ("-", true) => Some(Spanning::LeftOut),
            ("-", false) => Some(Spanning::Minus),
            ("*", _) => Some(Spanning::Shared),
            _ => None,
        };
        if let Some(how) = how {
            return Some(candidate(left, Make::Span(how)));
        }
    }
    says(match sign {
        "&&" => Spanning::Overlaps,
        "@>" => Spanning::Contains,
        "<@" => Spanning::Contained,
        "<<" => Spanning::Before,
        ">>" => Spanning::After,
        "&<" => Spanning::OverLeft,
        "&>" => Spanning::OverRight,
        "-|-" => Spanning::Adjacent,
        _ => return None,
    })
}

impl Analyst<'_> {
    /// A function of ranges or multiranges over arguments of the types it takes.
    pub(super) fn spanning(
        &self,
        how: Spanning,
        args: Vec<Typed>,
        result: PgType,
    ) -> Result<Typed> {
        let of = match result.has_bounds() {
            true => Some(result),
            false => args.iter().map(|arg| arg.ty).find(|ty| ty.has_bounds()),
        };
        let args = args.into_iter().map(|arg| arg.expr).collect();
        let function = functions::spanning(how, of.unwrap_or(result), result);
        let call = Expr::ScalarFunction(ScalarFunction::new_udf(function, args));
        Ok(Typed::new(call, result))
    }

    /// The range or multirange type whose constructors have a name.
    fn constructed(&self, name: &str, written: &ast::ObjectName) -> Option<PgType> {
        if let Some(ty) = PgType::by_name(name).filter(|ty| ty.has_bounds()) {
            return Some(ty);
        }
        let parts: Vec<String> = written.0.iter().map(part).collect();
        if parts.join(".") != name {
            return None;
        }
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return None,
        };
        let snapshot = &self.scope.context.snapshot;
        let ty = snapshot.constructed(self.scope.path, schema, name)?;
        if let [ast::ObjectNamePart::Identifier(ident)] = written.0.as_slice()
            && let Some(own) = ty.constructors()
            && self.chain.is_none()
        {
            let function = (own.schema, own.name.clone());
            self.shared.called.borrow_mut().push((ident.span, function));
        }
        Some(ty.ty())
    }

    /// A call of a function of ranges; `None` if it is none.
    pub(super) fn range_call(
        &self,
        name: &str,
        written: &ast::ObjectName,
        args: &[Typed],
    ) -> Result<Option<Typed>> {
        if let Some(ty) = self.constructed(name, written) {
            return match ty.range() {
                Some(range) => self.multirange_of(name, args, (ty, range)),
                None => self.range_of(name, args, ty),
            };
        }
        if let Some(value) = self.operator_of_ranges(name, args)? {
            return Ok(Some(value));
        }
        let how = match (name, args.len()) {
            ("lower", 1) => Spanning::Lower,
            ("upper", 1) => Spanning::Upper,
            ("isempty", 1) => Spanning::IsEmpty,
            ("lower_inc", 1) => Spanning::LowerInclusive,
            ("upper_inc", 1) => Spanning::UpperInclusive,
            ("lower_inf", 1) => Spanning::LowerInfinite,
            ("upper_inf", 1) => Spanning::UpperInfinite,
            ("range_merge", 1 | 2) => Spanning::Merged,
            ("multirange", 1) => Spanning::Collected,
            _ => return Ok(None),
        };
        let args: Vec<Typed> = args.iter().cloned().map(Typed::undomained).collect();
        let Some(ty) = args.iter().find(|arg| !arg.is_unknown()).map(Typed::base) else {
            return match how {
                Spanning::Lower | Spanning::Upper => Ok(None),
                Spanning::Merged | Spanning::Collected => Err(undetermined()),
                _ => Err(not_unique(&format!("{name}(unknown)"))),
            };
        };
        if !ty.has_bounds() && matches!(how, Spanning::Lower | Spanning::Upper) {
            return Ok(None);
        }
        let fits = args
            .iter()
            .all(|arg| arg.is_unknown() || arg.ty.oid == ty.oid);
        let taken = match how {
            Spanning::Merged if args.len() == 1 => ty.is_multirange(),
            Spanning::Merged | Spanning::Collected => ty.is_range(),
            _ => ty.has_bounds(),
        };
        let subtype = ty.subtype().filter(|_| fits && taken);
        let Some(subtype) = subtype else {
            return Err(self.no_function(name, &args));
        };
        let result = match how {
            Spanning::Lower | Spanning::Upper => subtype,
            Spanning::Merged => ty.range().unwrap_or(ty),
            Spanning::Collected => ty.multirange().unwrap_or(ty),
            _ => PgType::BOOL,
        };
        let args = args
            .into_iter()
            .map(|arg| self.coerced(arg, ty))
            .collect::<Result<Vec<_>>>()?;
        if how == Spanning::Collected {
            let [range] =
                <[Typed; 1]>::try_from(args).map_err(|args| self.no_function(name, &args))?;
            return self.coerced(range, result).map(Some);
        }
        self.spanning(how, args, result).map(Some)
    }

    /// An operator by the name of its function: `range_overlaps(a, b)`.
    fn operator_of_ranges(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let ranges = args.iter().any(|arg| arg.ty.has_bounds());
        let operator = crate::pg_catalog::behind(name).filter(|_| ranges);
        let (Some(operator), [a, b]) = (operator, args) else {
            return Ok(None);
        };
        let fits = |arg: &Typed, wanted: PgType| match wanted.oid.0 {
            3831 => arg.is_unknown() || arg.ty.is_range(),
            4537 => arg.is_unknown() || arg.ty.is_multirange(),
            2283 => !arg.ty.has_bounds(),
            _ => false,
        };
        if !operator.left.is_some_and(|left| fits(a, left)) || !fits(b, operator.right) {
            return Ok(None);
        }
        self.operate(operator.sign, a.clone(), b.clone()).map(Some)
    }

    /// `int4range(lower, upper [, flags])`
    fn range_of(&self, name: &str, args: &[Typed], ty: PgType) -> Result<Option<Typed>> {
        if !matches!(args.len(), 2 | 3) {
            return Ok(None);
        }
        let subtype = ty.subtype().unwrap_or(PgType::INT8);
        let takes = [subtype, subtype, PgType::TEXT];
        let args = args
            .iter()
            .zip(takes)
            .map(|(arg, to)| {
                let arg = arg.clone().undomained();
                match arg.is_unknown() || implicitly(arg.ty, to) {
                    true => self.coerced(arg, to),
                    false => Err(self.no_function(name, args)),
                }
            })
            .collect::<Result<Vec<_>>>()?;
        self.spanning(Spanning::Made, args, ty).map(Some)
    }

    /// `int4multirange(range, …)`
    fn multirange_of(
        &self,
        name: &str,
        args: &[Typed],
        (ty, range): (PgType, PgType),
    ) -> Result<Option<Typed>> {
        let args: Vec<Typed> = args.iter().cloned().map(Typed::undomained).collect();
        match args.as_slice() {
            [] => return self.read("{}", ty).map(Some),
            [one] if one.ty.oid == range.oid => return self.coerced(one.clone(), ty).map(Some),
            // A cast by the type's name.
            [_] => return Ok(None),
            _ => {}
        }
        if !args
            .iter()
            .all(|arg| arg.is_unknown() || arg.ty.oid == range.oid)
        {
            return Err(self.no_function(name, &args));
        }
        let args = args
            .into_iter()
            .map(|arg| self.coerced(arg, range))
            .collect::<Result<Vec<_>>>()?;
        self.spanning(Spanning::Collected, args, ty).map(Some)
    }

    /// `int4multirange(VARIADIC ranges)`; `None` if it is another function.
    pub(super) fn collected_ranges(
        &self,
        name: &str,
        written: &ast::ObjectName,
        args: &[Typed],
        array: &Typed,
    ) -> Result<Option<Typed>> {
        let made = self.constructed(name, written);
        let made = made.filter(|ty| args.is_empty() && ty.is_multirange());
        let Some((ty, ranges)) = made.and_then(|ty| Some((ty, ty.range()?.array()?))) else {
            return Ok(None);
        };
        let array = array.clone().undomained();
        if !array.is_unknown() && array.ty.oid != ranges.oid {
            return Err(self.no_function(name, &[array]));
        }
        if self.dimensions(&array)? > 1 {
            return Err(Error::new(
                SqlState::CARDINALITY_VIOLATION,
                "multiranges cannot be constructed from multidimensional arrays",
            ));
        }
        let array = self.coerced(array, ranges)?;
        self.spanning(Spanning::Collected, vec![array], ty)
            .map(Some)
    }

    /// The ranges of a multirange, to be unnested.
    pub(super) fn ranges_of(&self, multirange: Typed, range: PgType) -> Result<Elements> {
        let ranges = range
            .array()
            .ok_or_else(|| Error::unsupported(format!("unnest({range})")))?;
        let array = self.spanning(Spanning::Ranges, vec![multirange], ranges)?;
        Ok(Elements {
            array: array.expr,
            ty: range,
        })
    }

    /// `42883` for an aggregate that does not take what it is given of ranges, or no ranges.
    pub(super) fn range_aggregate(&self, name: &str, args: &[Typed]) -> Result<()> {
        let gathers = matches!(name, "range_agg" | "range_intersect_agg");
        let takes = |arg: &Typed| match gathers {
            true => arg.ty.has_bounds(),
            // There is an order of ranges, but no smallest and largest of them.
            false => !matches!(name, "min" | "max") || !arg.ty.has_bounds(),
        };
        match args.iter().all(takes) {
            true => Ok(()),
            false => Err(self.no_function(name, args)),
        }
    }

    /// What an aggregate of ranges gives, as what it is.
    pub(super) fn range_gathered(result: Typed, name: &str, first: PgType) -> Typed {
        match first.multirange().filter(|_| name == "range_agg") {
            Some(multirange) => Typed::new(typed::cast(result.expr, multirange), multirange),
            None => Typed::new(result.expr, first),
        }
    }
}
