//! The functions behind operators: what `int4pl(1, 2)` means.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::data::File;
use crate::base::Oid;
use crate::types::PgType;

/// An operator, with the types its function takes.
#[derive(Debug, Clone, Copy)]
pub struct Operator {
    /// Its sign.
    pub sign: &'static str,
    /// `None` for a prefix operator.
    pub left: Option<PgType>,
    /// The right operand's.
    pub right: PgType,
}

/// Operators by the names of their functions.
static BEHIND: LazyLock<HashMap<&'static str, Operator>> = LazyLock::new(|| {
    let functions = File::new(include_str!("../../sql/pg_catalog/pg_proc.tsv"));
    let operators = File::new(include_str!("../../sql/pg_catalog/pg_operator.tsv"));
    let (Some(name), Some(sign)) = (functions.position("proname"), operators.position("oprname"))
    else {
        return HashMap::new();
    };
    let names: HashMap<Oid, &'static str> = functions
        .lines
        .iter()
        .filter_map(|line| Some((functions.oid(line, "oid"), *line.get(name)?)))
        .collect();
    // Of polymorphic types those of ranges, and what is in them.
    let known = |oid: Oid| {
        matches!(oid.0, 2283 | 3831 | 4537)
            || crate::types::pgtype::all().any(|info| info.oid == oid)
    };
    let mut behind = HashMap::new();
    for line in &operators.lines {
        let (left, right) = (
            operators.oid(line, "oprleft"),
            operators.oid(line, "oprright"),
        );
        let taken = known(right) && (left == Oid::INVALID || known(left));
        if let (true, Some(name), Some(sign)) = (
            taken,
            names.get(&operators.oid(line, "oprcode")),
            line.get(sign),
        ) {
            behind.entry(*name).or_insert(Operator {
                sign,
                left: (left != Oid::INVALID).then(|| PgType::of(left.0)),
                right: PgType::of(right.0),
            });
        }
    }
    behind
});

/// The operator whose function has this name.
pub fn behind(function: &str) -> Option<Operator> {
    BEHIND.get(function).copied()
}

/// PostgreSQL's own operators: by sign and operands, of which a prefix operator has no left one.
static KNOWN: LazyLock<HashMap<(&'static str, Oid, Oid), Oid>> = LazyLock::new(|| {
    let file = File::new(include_str!("../../sql/pg_catalog/pg_operator.tsv"));
    let Some(sign) = file.position("oprname") else {
        return HashMap::new();
    };
    let known = file.lines.iter().filter_map(|line| {
        let operands = (file.oid(line, "oprleft"), file.oid(line, "oprright"));
        let key = (*line.get(sign)?, operands.0, operands.1);
        Some((key, file.oid(line, "oid")))
    });
    known.collect()
});

/// PostgreSQL's own operator of a sign over two operands.
pub fn operator_oid(sign: &str, left: Oid, right: Oid) -> Option<Oid> {
    let known: &HashMap<(&str, Oid, Oid), Oid> = &KNOWN;
    known.get(&(sign, left, right)).copied()
}
