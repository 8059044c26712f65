//! Window functions of random queries.

use super::generator::{Columns, Generator, Type};

/// Frames that treat equal rows alike.
const PEERS: &[&str] = &[
    "",
    "",
    " RANGE BETWEEN CURRENT ROW AND UNBOUNDED FOLLOWING",
    " GROUPS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    " GROUPS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING",
    " RANGE UNBOUNDED PRECEDING EXCLUDE GROUP",
];

/// Frames that count rows, which must be in one order.
const ROWS: &[&str] = &[
    "",
    " ROWS UNBOUNDED PRECEDING",
    " ROWS BETWEEN 1 PRECEDING AND 1 FOLLOWING",
    " ROWS BETWEEN 2 PRECEDING AND 1 PRECEDING",
    " ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING",
    " ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING EXCLUDE CURRENT ROW",
    " ROWS BETWEEN 2 PRECEDING AND CURRENT ROW EXCLUDE TIES",
    " GROUPS BETWEEN CURRENT ROW AND 1 FOLLOWING",
];

impl Generator {
    /// A window function's value of a type.
    pub(super) fn window(&mut self, ty: Type, columns: &Columns) -> String {
        let compared = columns.iter().filter(|(_, ty)| *ty != Type::Json);
        let keys: Vec<String> = compared.map(|(name, _)| name.clone()).collect();
        if keys.is_empty() {
            return self.literal(ty);
        }
        let partition = match self.chance(70) {
            true => format!("PARTITION BY {} ", keys[self.below(keys.len())]),
            false => String::new(),
        };
        if matches!(ty, Type::Int | Type::Big) && self.chance(50) {
            return self.ranked(ty, &keys, &partition, columns);
        }
        let frame = match self.alike {
            true => self.pick(PEERS),
            false => self.pick(ROWS),
        };
        let over = format!("OVER ({partition}ORDER BY {}{frame})", total(columns));
        let value = self.expr(ty, 1, columns, 0);
        let filter = match self.chance(15) {
            true => format!(" FILTER (WHERE {})", self.expr(Type::Bool, 1, columns, 0)),
            false => String::new(),
        };
        if self.chance(50) {
            return match self.below(5) {
                0 | 1 if self.alike => format!("last_value({value}) {over}"),
                0 => format!("lag({value}) {over}"),
                1 => format!(
                    "lead({value}, {}, {}) {over}",
                    self.below(3),
                    self.literal(ty)
                ),
                2 => format!("first_value({value}) {over}"),
                3 => format!("last_value({value}) {over}"),
                _ => format!("nth_value({value}, {}) {over}", 1 + self.below(3)),
            };
        }
        match ty {
            Type::Int if self.alike => format!("(dense_rank() {over})::int"),
            Type::Int => format!("ntile({}) {over}", 1 + self.below(4)),
            Type::Big => match self.below(3) {
                0 if self.alike => format!("rank() {over}"),
                0 => format!("row_number() {over}"),
                1 => format!("count({value}){filter} {over}"),
                _ => format!(
                    "sum({}){filter} {over}",
                    self.expr(Type::Int, 1, columns, 0)
                ),
            },
            Type::Numeric => match self.below(2) {
                0 => format!(
                    "avg({}){filter} {over}",
                    self.expr(Type::Int, 1, columns, 0)
                ),
                _ => format!("sum({value}){filter} {over}"),
            },
            Type::Float => match self.below(4) {
                0 => format!("percent_rank() {over}"),
                1 => format!("cume_dist() {over}"),
                2 => format!("avg({value}){filter} {over}"),
                _ => format!("sum({value}){filter} {over}"),
            },
            Type::Text => format!("string_agg({value}, '-'){filter} {over}"),
            Type::Bool => format!("bool_or({value}){filter} {over}"),
            Type::Date | Type::Stamp => {
                format!("{}({value}){filter} {over}", self.pick(&["min", "max"]))
            }
            Type::Span => format!("sum({value}){filter} {over}"),
            Type::Ints => format!(
                "array_agg({}){filter} {over}",
                self.expr(Type::Int, 1, columns, 0)
            ),
            Type::Json => format!("jsonb_agg({value}){filter} {over}"),
        }
    }

    /// A number that equal rows share.
    fn ranked(&mut self, ty: Type, keys: &[String], partition: &str, columns: &Columns) -> String {
        let nulls = self.pick(&["", " DESC", " NULLS FIRST", " DESC NULLS LAST"]);
        let ints: Vec<&String> = columns
            .iter()
            .filter(|(_, ty)| *ty == Type::Int)
            .map(|(name, _)| name)
            .collect();
        let (key, frame) = match ints.is_empty() || self.chance(60) {
            true => (
                keys[self.below(keys.len())].clone(),
                self.pick(PEERS).to_owned(),
            ),
            false => (
                ints[self.below(ints.len())].clone(),
                format!(" RANGE BETWEEN {} PRECEDING AND 2 FOLLOWING", self.below(3)),
            ),
        };
        let over = format!("OVER ({partition}ORDER BY {key}{nulls}{frame})");
        let call = match self.below(6) {
            0 => "rank()".to_owned(),
            1 => "dense_rank()".to_owned(),
            2 => "count(*)".to_owned(),
            3 => format!("count({})", keys[self.below(keys.len())]),
            4 => format!("sum({})", self.expr(Type::Int, 1, columns, 0)),
            _ => {
                let condition = self.expr(Type::Bool, 1, columns, 0);
                format!("count(*) FILTER (WHERE {condition})")
            }
        };
        match ty {
            Type::Int => format!("({call} {over})::int"),
            _ => format!("{call} {over}"),
        }
    }
}

/// An order in which only equal rows are peers.
fn total(columns: &Columns) -> String {
    let keys: Vec<String> = columns
        .iter()
        .map(|(name, ty)| match ty {
            Type::Json => format!("{name}::text"),
            Type::Span | Type::Numeric => format!("{name}, {name}::text"),
            _ => name.clone(),
        })
        .collect();
    keys.join(", ")
}
