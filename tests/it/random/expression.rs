//! Expressions of random queries.

use super::generator::{Columns, Generator, Type};

impl Generator {
    pub(super) fn column(&mut self, ty: Type, columns: &Columns) -> Option<String> {
        let fitting: Vec<&String> = columns
            .iter()
            .filter(|(_, of)| *of == ty)
            .map(|(name, _)| name)
            .collect();
        if fitting.is_empty() {
            return None;
        }
        Some(fitting[self.below(fitting.len())].clone())
    }

    fn literal(&mut self, ty: Type) -> String {
        match ty {
            Type::Int => self
                .pick(&["0", "1", "2", "3", "-1", "10", "NULL::int"])
                .to_owned(),
            Type::Big => self
                .pick(&["0::bigint", "10::bigint", "20::bigint", "NULL::bigint"])
                .to_owned(),
            Type::Numeric => self
                .pick(&["1.5", "0.0", "-2.25", "3.00", "NULL::numeric"])
                .to_owned(),
            Type::Float => self
                .pick(&["0.5::float8", "1::float8", "-4.5::float8"])
                .to_owned(),
            Type::Text => self
                .pick(&["'one'", "'two'", "''", "'a b'", "NULL::text", "'three'"])
                .to_owned(),
            Type::Bool => self.pick(&["true", "false", "NULL::boolean"]).to_owned(),
            Type::Date => self
                .pick(&["date '2024-01-01'", "date '2024-02-29'", "NULL::date"])
                .to_owned(),
        }
    }

    pub(super) fn expr(
        &mut self,
        ty: Type,
        size: usize,
        columns: &Columns,
        depth: usize,
    ) -> String {
        if size == 0 || self.chance(25) {
            if self.chance(70)
                && let Some(column) = self.column(ty, columns)
            {
                return column;
            }
            return self.literal(ty);
        }
        if self.chance(18) {
            return self.shared(ty, size - 1, columns, depth);
        }
        let size = size - 1;
        let of = |generator: &mut Self, ty| generator.expr(ty, size, columns, depth);
        match ty {
            Type::Int => match self.below(7) {
                0 => format!("({} + {})", of(self, ty), of(self, ty)),
                1 => format!("({} - {})", of(self, ty), of(self, ty)),
                2 => format!("({} * 2)", of(self, ty)),
                3 => format!("({} % 3)", of(self, ty)),
                4 => format!("length({})", of(self, Type::Text)),
                5 => format!("abs({})", of(self, ty)),
                _ => format!("(- {})", of(self, ty)),
            },
            Type::Big => match self.below(3) {
                0 => format!("({} + {})", of(self, ty), of(self, Type::Int)),
                1 => format!("({})::bigint", of(self, Type::Int)),
                _ => format!("({} - {})", of(self, ty), of(self, ty)),
            },
            Type::Numeric => match self.below(4) {
                0 => format!("({} + {})", of(self, ty), of(self, Type::Int)),
                1 => format!("({} * 2)", of(self, ty)),
                2 => format!("({} - {})", of(self, ty), of(self, ty)),
                _ => format!("({})::numeric", of(self, Type::Int)),
            },
            Type::Float => match self.below(3) {
                0 => format!("({} + {})", of(self, ty), of(self, Type::Int)),
                1 => format!("({} * 0.5)", of(self, ty)),
                _ => format!("({})::float8", of(self, Type::Int)),
            },
            Type::Text => match self.below(6) {
                0 => format!("({} || {})", of(self, ty), of(self, ty)),
                1 => format!("upper({})", of(self, ty)),
                2 => format!("lower({})", of(self, ty)),
                3 => format!("substr({}, 1, 2)", of(self, ty)),
                4 => format!("({})::text", of(self, Type::Int)),
                _ => format!("({} || {})", of(self, ty), of(self, Type::Int)),
            },
            Type::Date => format!("({} + {})", of(self, ty), self.below(40)),
            Type::Bool => self.condition(size, columns, depth),
        }
    }

    /// What every type has: CASE, coalesce, a scalar subquery, …
    fn shared(&mut self, ty: Type, size: usize, columns: &Columns, depth: usize) -> String {
        let of = |generator: &mut Self, ty| generator.expr(ty, size, columns, depth);
        match self.below(6) {
            0 => format!(
                "CASE WHEN {} THEN {} ELSE {} END",
                of(self, Type::Bool),
                of(self, ty),
                of(self, ty)
            ),
            1 => format!(
                "CASE {} WHEN {} THEN {} END",
                of(self, Type::Int),
                of(self, Type::Int),
                of(self, ty)
            ),
            2 => format!("coalesce({}, {})", of(self, ty), of(self, ty)),
            3 => format!("nullif({}, {})", of(self, ty), of(self, ty)),
            4 if ty != Type::Bool => {
                let call = self.pick(&["greatest", "least"]);
                format!("{call}({}, {})", of(self, ty), of(self, ty))
            }
            _ if depth > 0 => self.scalar(ty, columns, depth),
            _ => of(self, ty),
        }
    }

    /// A subquery of one value, tied to the rows around it or not.
    fn scalar(&mut self, ty: Type, columns: &Columns, depth: usize) -> String {
        let (table, inner) = self.table();
        let mut visible = inner.clone();
        visible.extend(columns.iter().cloned());
        let condition = self.expr(Type::Bool, 2, &visible, depth - 1);
        if self.chance(70) {
            let value = match ty {
                Type::Int | Type::Float | Type::Text | Type::Date => {
                    format!("max({})", self.expr(ty, 1, &inner, 0))
                }
                _ => self.aggregate(ty, &inner, 0),
            };
            return format!("(SELECT {value} FROM {table} WHERE {condition})");
        }
        let value = self.expr(ty, 2, &visible, depth - 1);
        format!("(SELECT {value} FROM {table} WHERE {condition} ORDER BY 1 LIMIT 1)")
    }

    fn condition(&mut self, size: usize, columns: &Columns, depth: usize) -> String {
        let ty = self.ty();
        let of = |generator: &mut Self, ty| generator.expr(ty, size, columns, depth);
        match self.below(16) {
            0 | 1 => {
                let (left, right) = (of(self, ty), of(self, ty));
                format!(
                    "({left} {} {right})",
                    self.pick(&["=", "<>", "<", "<=", ">", ">="])
                )
            }
            2 => {
                let numbers = [Type::Int, Type::Big, Type::Numeric, Type::Float];
                let (a, b) = (numbers[self.below(4)], numbers[self.below(4)]);
                let (left, right) = (of(self, a), of(self, b));
                format!("({left} {} {right})", self.pick(&["=", "<", ">="]))
            }
            3 => format!("({} AND {})", of(self, Type::Bool), of(self, Type::Bool)),
            4 => format!("({} OR {})", of(self, Type::Bool), of(self, Type::Bool)),
            5 => format!("(NOT {})", of(self, Type::Bool)),
            6 => {
                let test = self.pick(&["IS NULL", "IS NOT NULL"]);
                format!("({} {test})", of(self, ty))
            }
            7 => format!(
                "({} {}IN ({}, {}))",
                of(self, ty),
                self.pick(&["", "NOT "]),
                of(self, ty),
                self.literal(ty)
            ),
            8 => format!(
                "({} BETWEEN {} AND {})",
                of(self, ty),
                of(self, ty),
                of(self, ty)
            ),
            9 => {
                let pattern = self.pick(&["'%o%'", "'t%'", "'_w_'", "''", "'%'"]);
                let like = self.pick(&["LIKE", "NOT LIKE", "ILIKE"]);
                format!("({} {like} {pattern})", of(self, Type::Text))
            }
            10 => {
                let test = self.pick(&["IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
                format!("({} {test} {})", of(self, ty), of(self, ty))
            }
            11 => {
                let test = self.pick(&["IS TRUE", "IS NOT TRUE", "IS UNKNOWN", "IS NOT FALSE"]);
                format!("({} {test})", of(self, Type::Bool))
            }
            12 => {
                let op = self.pick(&["=", "<", "<=", "<>"]);
                format!(
                    "(({}, {}) {op} ({}, {}))",
                    of(self, Type::Int),
                    of(self, ty),
                    of(self, Type::Int),
                    of(self, ty)
                )
            }
            _ if depth == 0 => format!("({} = {})", of(self, ty), of(self, ty)),
            13 => {
                let (table, inner) = self.table();
                let mut visible = inner;
                visible.extend(columns.iter().cloned());
                let condition = self.expr(Type::Bool, 2, &visible, depth - 1);
                let not = self.pick(&["", "NOT "]);
                format!("({not}EXISTS (SELECT 1 FROM {table} WHERE {condition}))")
            }
            14 => {
                let value = of(self, ty);
                let inner = self.inner_column(ty, columns, depth);
                format!("({value} {}IN ({inner}))", self.pick(&["", "NOT "]))
            }
            _ => {
                let value = of(self, ty);
                let inner = self.inner_column(ty, columns, depth);
                let op = self.pick(&["=", "<", ">", "<>", ">="]);
                let quantifier = self.pick(&["ANY", "ALL"]);
                format!("({value} {op} {quantifier} ({inner}))")
            }
        }
    }

    /// A subquery of one column.
    fn inner_column(&mut self, ty: Type, columns: &Columns, depth: usize) -> String {
        let (table, inner) = self.table();
        let mut visible = inner.clone();
        if self.chance(50) {
            visible.extend(columns.iter().cloned());
        }
        let value = self.expr(ty, 1, &inner, 0);
        if self.chance(60) {
            let condition = self.expr(Type::Bool, 2, &visible, depth - 1);
            format!("SELECT {value} FROM {table} WHERE {condition}")
        } else {
            format!("SELECT {value} FROM {table}")
        }
    }
}
