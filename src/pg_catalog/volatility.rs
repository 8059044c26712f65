//! Whether PostgreSQL's own functions, operators and casts always come to the same
//! (`pg_proc.provolatile`).

use std::collections::{HashMap, HashSet};
use std::sync::LazyLock;

use super::data::File;
use crate::base::Oid;
use crate::types::PgType;

const ANY_ELEMENT: Oid = Oid(2283);
const ANY_COMPATIBLE: Oid = Oid(5077);
const ANY_ARRAY: Oid = Oid(2277);
const ANY_ENUM: Oid = Oid(3500);
const ANY_RANGE: Oid = Oid(3831);
const ANY_MULTIRANGE: Oid = Oid(4537);
const ANY_COMPATIBLE_ARRAY: Oid = Oid(5078);

/// The immutable functions.
static IMMUTABLE: LazyLock<HashSet<Oid>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_proc.tsv"));
    let volatility = file.position("provolatile");
    let lines = file.lines.iter();
    let immutable = lines.filter(|line| volatility.and_then(|at| line.get(at)) == Some(&"i"));
    immutable.map(|line| file.oid(line, "oid")).collect()
});

/// The functions behind operators, by sign and operands.
static OPERATORS: LazyLock<HashMap<(&'static str, Oid, Oid), Oid>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_operator.tsv"));
    let sign = file.position("oprname");
    let behind = file.lines.iter().filter_map(|line| {
        let sign = *line.get(sign?)?;
        let key = (sign, file.oid(line, "oprleft"), file.oid(line, "oprright"));
        Some((key, file.oid(line, "oprcode")))
    });
    behind.collect()
});

/// The functions behind casts; none behind one that changes nothing.
static CASTS: LazyLock<HashMap<(Oid, Oid), Option<Oid>>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_cast.tsv"));
    let method = file.position("castmethod");
    let behind = file.lines.iter().filter_map(|line| {
        let key = (file.oid(line, "castsource"), file.oid(line, "casttarget"));
        Some(match *line.get(method?)? {
            "b" => (key, None),
            "f" => (key, Some(file.oid(line, "castfunc"))),
            _ => return None,
        })
    });
    behind.collect()
});

/// The functions that write and read types.
static TEXTS: LazyLock<HashMap<Oid, (Oid, Oid)>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_type.tsv"));
    let texts = file.lines.iter().map(|line| {
        let functions = (file.oid(line, "typoutput"), file.oid(line, "typinput"));
        (file.oid(line, "oid"), functions)
    });
    texts.collect()
});

/// Whether a function always comes to the same.
pub fn is_immutable(function: Oid) -> bool {
    IMMUTABLE.contains(&function)
}

/// Whether an operator does; without a left operand it is a prefix operator.
pub fn is_immutable_operator(sign: &str, left: Option<PgType>, right: PgType) -> bool {
    let operators: &HashMap<(&str, Oid, Oid), Oid> = &OPERATORS;
    let lefts = left.map_or(vec![Oid::INVALID], kinds);
    let rights = kinds(right);
    let pairs = lefts
        .iter()
        .flat_map(|left| rights.iter().map(move |right| (*left, *right)));
    let mut behind = pairs.filter_map(|(left, right)| operators.get(&(sign, left, right)));
    behind
        .next()
        .is_some_and(|function| is_immutable(*function))
}

/// What operators of a type are declared for.
fn kinds(ty: PgType) -> Vec<Oid> {
    let mut kinds = vec![ty.oid];
    match ty {
        _ if ty.element().is_some() => kinds.extend([ANY_ARRAY, ANY_COMPATIBLE_ARRAY]),
        _ if ty.is_enum() => kinds.push(ANY_ENUM),
        _ if ty.is_range() => kinds.push(ANY_RANGE),
        _ if ty.is_multirange() => kinds.push(ANY_MULTIRANGE),
        _ => {}
    }
    kinds.extend([ANY_ELEMENT, ANY_COMPATIBLE]);
    kinds
}

/// Whether a cast does, be it by way of the value's text.
pub fn is_immutable_cast(from: PgType, to: PgType) -> bool {
    let (from, to) = (from.plain(), to.plain());
    if from.oid == to.oid {
        return true;
    }
    match CASTS.get(&(from.oid, to.oid)) {
        Some(None) => return true,
        Some(Some(function)) => return is_immutable(*function),
        None => {}
    }
    if let (Some(from), Some(to)) = (from.element(), to.element()) {
        return is_immutable_cast(from, to);
    }
    match (TEXTS.get(&from.oid), TEXTS.get(&to.oid)) {
        (Some((written, _)), Some((_, read))) => is_immutable(*written) && is_immutable(*read),
        _ => false,
    }
}
