//! Groups and aggregates of random queries.

use super::generator::{Columns, Generator, Type};

impl Generator {
    pub(super) fn grouped(
        &mut self,
        from: &str,
        filter: &str,
        types: &[Type],
        columns: &Columns,
        depth: usize,
    ) -> String {
        let mut keys = Vec::new();
        let items: Vec<String> = types
            .iter()
            .map(|ty| {
                // Of equal intervals that look different any may be shown.
                if matches!(ty, Type::Json | Type::Span) || self.chance(60) {
                    return self.aggregate(*ty, columns, depth);
                }
                if self.chance(20) {
                    let key = self.expr(*ty, 1, columns, 0);
                    if columns.iter().any(|(name, _)| key.contains(name.as_str())) {
                        keys.push(key.clone());
                        return key;
                    }
                }
                match self.column(*ty, columns) {
                    Some(column) => {
                        keys.push(column.clone());
                        column
                    }
                    None => self.aggregate(*ty, columns, depth),
                }
            })
            .collect();
        let mut text = format!("SELECT {} FROM {from}{filter}", items.join(", "));
        if !keys.is_empty() {
            keys.sort();
            keys.dedup();
            let first = keys[0].clone();
            // PostgreSQL 15 takes a key that it knows the value of for one in all grouping sets and
            // does not sort by it.
            let known = |key: &String| {
                ["coalesce(", "CASE", "NULL", "true", "false", "ROW("]
                    .iter()
                    .any(|part| key.contains(part))
            };
            let plain = keys.iter().any(known);
            let keys = keys.join(", ");
            let by = match self.below(10) {
                _ if plain => keys,
                0 => format!("ROLLUP ({keys})"),
                1 => format!("CUBE ({keys})"),
                2 => format!("GROUPING SETS (({keys}), ())"),
                3 => format!("GROUPING SETS (({first}), ({keys}), ()), {first}"),
                4 => format!("DISTINCT ROLLUP ({keys}), ROLLUP ({first})"),
                _ => keys,
            };
            text.push_str(&format!(" GROUP BY {by}"));
        }
        if self.chance(25) {
            let condition = match self.below(3) {
                0 => {
                    let value = self.aggregate(Type::Int, columns, 0);
                    format!("{value} > {}", self.below(3))
                }
                1 => self.aggregate(Type::Bool, columns, 0),
                _ => {
                    let count = self.pick(&["count(*)", "count(DISTINCT 1)"]);
                    format!("{count} > {}", self.below(3))
                }
            };
            text.push_str(&format!(" HAVING {condition}"));
        }
        text
    }

    pub(super) fn aggregate(&mut self, ty: Type, columns: &Columns, depth: usize) -> String {
        let filter = if self.chance(15) {
            let condition = self.expr(Type::Bool, 1, columns, 0);
            format!(" FILTER (WHERE {condition})")
        } else {
            String::new()
        };
        let distinct = if self.chance(15) { "DISTINCT " } else { "" };
        let arg = |generator: &mut Self, ty| generator.expr(ty, 2, columns, depth.min(1));
        let call = match ty {
            Type::Int => match self.below(4) {
                0 | 1 => {
                    let call = self.pick(&["min", "max", "bit_and", "bit_or"]);
                    format!("{call}({})", arg(self, ty))
                }
                _ => self.within(ty, columns),
            },
            Type::Big => match self.below(4) {
                0 | 1 => {
                    let of = self.ty();
                    format!("count({distinct}{})", arg(self, of))
                }
                2 => "count(*)".to_owned(),
                _ => format!("sum({distinct}{})", arg(self, Type::Int)),
            },
            Type::Numeric => match self.below(4) {
                0 => format!("sum({distinct}{})", arg(self, Type::Numeric)),
                1 => format!("sum({distinct}{})", arg(self, Type::Big)),
                2 => format!("avg({distinct}{})", arg(self, Type::Int)),
                _ => {
                    let call = self.pick(&["var_pop", "stddev_pop", "var_samp", "stddev"]);
                    format!("{call}({})", arg(self, Type::Int))
                }
            },
            Type::Float => match self.below(4) {
                0 => format!("avg({})", arg(self, ty)),
                1 => format!(
                    "percentile_cont(0.25) WITHIN GROUP (ORDER BY {})",
                    arg(self, ty)
                ),
                _ => format!("max({})", arg(self, ty)),
            },
            Type::Text => match self.below(5) {
                0 => {
                    let arg = arg(self, ty);
                    format!("string_agg({distinct}({arg})::text, ',' ORDER BY ({arg})::text)")
                }
                1 => {
                    let (arg, by) = (arg(self, ty), arg(self, Type::Int));
                    format!("string_agg({arg}, '' ORDER BY {by} DESC, {arg})")
                }
                2 => self.within(ty, columns),
                _ => format!("min({})", arg(self, ty)),
            },
            Type::Bool => {
                let call = self.pick(&["bool_and", "bool_or", "every"]);
                format!("{call}({})", arg(self, ty))
            }
            Type::Date | Type::Stamp => match self.below(3) {
                0 => self.within(ty, columns),
                _ => format!("{}({})", self.pick(&["min", "max"]), arg(self, ty)),
            },
            Type::Span => {
                let call = self.pick(&["min", "max", "sum", "avg"]);
                format!("{call}({})", arg(self, ty))
            }
            Type::Ints => {
                let arg = arg(self, Type::Int);
                let order = self.pick(&["", " DESC", " NULLS FIRST"]);
                format!("array_agg({distinct}{arg} ORDER BY {arg}{order})")
            }
            Type::Json => match self.below(2) {
                0 => {
                    let arg = arg(self, Type::Int);
                    format!("jsonb_agg({arg} ORDER BY {arg})")
                }
                _ => {
                    let (key, value) = (arg(self, Type::Text), arg(self, Type::Int));
                    let key = format!("coalesce({key}, '-')");
                    format!("jsonb_object_agg({key}, {value} ORDER BY {key}, {value})")
                }
            },
        };
        format!("{call}{filter}")
    }

    /// An ordered-set aggregate.
    fn within(&mut self, ty: Type, columns: &Columns) -> String {
        let value = self.expr(ty, 1, columns, 0);
        let order = self.pick(&["", " DESC"]);
        let call = self.pick(&["mode()", "percentile_disc(0.5)", "percentile_disc(0.1)"]);
        format!("{call} WITHIN GROUP (ORDER BY {value}{order})")
    }
}
