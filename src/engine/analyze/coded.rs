//! Types whose values travel as codes: their conversions, and the functions and aggregates over
//! them, which stand apart from those of the Arrow types that hold the codes.

use std::sync::Arc;

use datafusion::logical_expr::{AggregateUDF, Expr};

use super::Analyst;
use super::coerce::{array_element, category, not_unique};
use super::operator::{Choice, choose};
use super::typed::{self, Typed};
use crate::base::{Error, Result};
use crate::functions;
use crate::types::PgType;
use crate::types::coded::{Code, bits};

/// Casts with a function of their own.
const CONVERSIONS: &[(PgType, PgType, &str)] = &[
    (PgType::BIT, PgType::INT4, "int4 bit"),
    (PgType::BIT, PgType::INT8, "int8 bit"),
    (PgType::INT4, PgType::BIT, "bit int4"),
    (PgType::INT8, PgType::BIT, "bit int8"),
    (PgType::BIT, PgType::VARBIT, "varbit bit"),
    (PgType::VARBIT, PgType::BIT, "bit bit"),
    (PgType::CIDR, PgType::INET, "inet cidr"),
    (PgType::INET, PgType::CIDR, "cidr inet"),
    (PgType::MACADDR, PgType::MACADDR8, "macaddr8 macaddr"),
    (PgType::MACADDR8, PgType::MACADDR, "macaddr macaddr8"),
    (PgType::INT4, PgType::MONEY, "money int4"),
    (PgType::INT8, PgType::MONEY, "money int8"),
    (PgType::NUMERIC, PgType::MONEY, "money numeric"),
    (PgType::MONEY, PgType::NUMERIC, "numeric money"),
    (PgType::XID8, PgType::XID, "xid xid8"),
    (PgType::POINT, PgType::BOX, "box geometry"),
    (PgType::LSEG, PgType::POINT, "point geometry"),
    (PgType::PATH, PgType::POLYGON, "polygon geometry"),
    (PgType::BOX, PgType::POINT, "point geometry"),
    (PgType::BOX, PgType::LSEG, "lseg geometry"),
    (PgType::BOX, PgType::POLYGON, "polygon geometry"),
    (PgType::BOX, PgType::CIRCLE, "circle geometry"),
    (PgType::POLYGON, PgType::POINT, "point geometry"),
    (PgType::POLYGON, PgType::PATH, "path geometry"),
    (PgType::POLYGON, PgType::BOX, "box geometry"),
    (PgType::POLYGON, PgType::CIRCLE, "circle geometry"),
    (PgType::CIRCLE, PgType::POINT, "point geometry"),
    (PgType::CIRCLE, PgType::BOX, "box geometry"),
    (PgType::CIRCLE, PgType::POLYGON, "polygon geometry"),
];

/// The function behind a cast.
pub(super) fn conversion(from: PgType, to: PgType) -> Option<&'static str> {
    CONVERSIONS
        .iter()
        .find(|(a, b, _)| a.oid == from.oid && b.oid == to.oid)
        .map(|(.., name)| *name)
}

/// Whether an aggregate of any type takes this one: not all that have an order have a smallest and
/// largest value.
pub(super) fn has(aggregate: &str, ty: PgType) -> bool {
    let unordered = [
        PgType::BIT,
        PgType::VARBIT,
        PgType::MACADDR,
        PgType::MACADDR8,
        PgType::TSVECTOR,
        PgType::TSQUERY,
    ];
    let unordered = is_figure(ty) || unordered.iter().any(|other| other.oid == ty.oid);
    !matches!(aggregate, "min" | "max") || !unordered
}

/// Whether values, or the elements of arrays, have neither an order nor an equality that sorting
/// and grouping could go by.
pub(super) fn is_figure(ty: PgType) -> bool {
    Code::of(ty.element().unwrap_or(ty)) == Some(Code::Figure)
}

fn is_coded(ty: PgType) -> bool {
    Code::of(ty).is_some() && ty.oid != PgType::TIMETZ.oid
}

impl Analyst<'_> {
    /// A value as one of another type, if one of the two is such a type and has a function for it.
    pub(super) fn recoded(&self, value: &Typed, to: PgType) -> Result<Option<Typed>> {
        let address = |ty: PgType| [PgType::INET.oid, PgType::CIDR.oid].contains(&ty.oid);
        if let (Some(a), Some(b)) = (array_element(value.ty), array_element(to))
            && a.oid != b.oid
            && (conversion(a, b).is_some() || address(a) && category(b) == 'S')
        {
            // Of the elements there is no function here; these travel alike.
            let alike = a.oid == PgType::CIDR.oid && b.oid == PgType::INET.oid;
            return match bits::is(a) && bits::is(b) || alike {
                true => Ok(None),
                false => Err(Error::unsupported(format!("a cast from {a}[] to {b}[]"))),
            };
        }
        let fits = value.ty.oid == to.oid && bits::is(to);
        // As text an address has its mask always.
        let name = match conversion(value.ty, to) {
            Some(name) => name,
            None if address(value.ty) && category(to) == 'S' => {
                let address = self.coerced(value.clone(), PgType::INET)?;
                let text = self.native("text inet", vec![self.said(address)?])?;
                return self.coerced(text, to).map(Some);
            }
            None if fits && to.oid == PgType::BIT.oid => "bit bit",
            None if fits => "varbit bit",
            None => return Ok(None),
        };
        let mut args = vec![self.said(value.clone())?];
        if bits::is(to) {
            args.push(typed::int4(to.typmod).expr);
            if bits::is(value.ty) {
                args.push(typed::boolean(Some(true)));
            }
        }
        let converted = self.native(name, args)?;
        Ok(Some(match bits::is(to) {
            true => Typed::new(converted.expr, to),
            false => self.coerced(converted, to)?,
        }))
    }

    /// A call of a function over such types; `None` if it is one of others.
    pub(super) fn coded_call(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let any = args.iter().any(|arg| is_coded(arg.ty));
        let other = functions::scalar(self.scope.context, name).is_some();
        let is_type = PgType::by_name(name).is_some();
        if !any && (other || is_type && args.len() == 1) {
            return Ok(None);
        }
        let known = functions::coded(name);
        if known.is_empty() {
            return Ok(None);
        }
        let candidates: Vec<(Vec<PgType>, usize)> = known
            .iter()
            .enumerate()
            .map(|(index, (_, takes))| (takes.clone(), index))
            .collect();
        let types: Vec<PgType> = args.iter().map(Typed::base).collect();
        let (behind, takes) = match choose(&candidates, &types) {
            Choice::One(index) => &known[index],
            // A cast in the spelling of a call.
            Choice::None if is_type => return Ok(None),
            Choice::None => return Err(self.no_function(name, args)),
            Choice::Many => {
                let shown: Vec<String> = types.iter().map(PgType::to_string).collect();
                return Err(not_unique(&format!("{name}({})", shown.join(", "))));
            }
        };
        let args: Vec<Expr> = args
            .iter()
            .zip(takes)
            .map(|(arg, ty)| self.said(self.coerced(arg.clone(), *ty)?))
            .collect::<Result<_>>()?;
        self.native(behind, args).map(Some)
    }

    /// An aggregate over such types that is none of others.
    pub(super) fn coded_aggregate(
        &self,
        name: &str,
        args: &mut [Typed],
    ) -> Result<Option<Arc<AggregateUDF>>> {
        let [arg] = args else { return Ok(None) };
        let (family, ty) = match arg.ty {
            ty if bits::is(ty) => ("bit", PgType::BIT),
            ty if ty.oid == PgType::MONEY.oid => ("money", PgType::MONEY),
            // There is none of networks but that of addresses.
            ty if ty.oid == PgType::CIDR.oid && matches!(name, "min" | "max") => {
                *arg = self.coerced(arg.clone(), PgType::INET)?;
                return Ok(None);
            }
            _ => return Ok(None),
        };
        let Some(aggregate) = functions::aggregate(&format!("{name} {family}")) else {
            return Ok(None);
        };
        *arg = self.coerced(arg.clone(), ty)?;
        Ok(Some(aggregate))
    }
}
