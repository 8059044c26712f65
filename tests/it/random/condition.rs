//! Conditions of random queries, and the subqueries in them.

use super::generator::{Columns, Generator, Type};

impl Generator {
    pub(super) fn condition(&mut self, size: usize, columns: &Columns, depth: usize) -> String {
        let ty = self.compared();
        let of = |generator: &mut Self, ty| generator.expr(ty, size, columns, depth);
        match self.below(40) {
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
            16 => {
                let op = self.pick(&["= ANY", "<> ALL", "> ANY", "<= ALL"]);
                format!("({} {op} ({}))", of(self, Type::Int), of(self, Type::Ints))
            }
            17 => {
                let op = self.pick(&["@>", "<@", "&&", "="]);
                format!("({} {op} {})", of(self, Type::Ints), of(self, Type::Ints))
            }
            18 => {
                let op = self.pick(&["~", "!~", "~*"]);
                format!("({} {op} '[ot]$')", of(self, Type::Text))
            }
            19 => format!("({} ? 'a')", of(self, Type::Json)),
            20 => format!("({} IS NOT NULL)", of(self, Type::Json)),
            24 => {
                let op = self.pick(&["@>", "<@", "=", "<>"]);
                format!("({} {op} {})", of(self, Type::Json), of(self, Type::Json))
            }
            25 => format!("({} ?| ARRAY['a', 'x'])", of(self, Type::Json)),
            26 => {
                let pattern = self.pick(&["t%", "(one|two)", "%[eo]", "_{3}"]);
                format!("({} SIMILAR TO '{pattern}')", of(self, Type::Text))
            }
            27 => format!(
                "starts_with({}, {})",
                of(self, Type::Text),
                of(self, Type::Text)
            ),
            28 => {
                let test = self.pick(&["IS NULL", "IS NOT NULL"]);
                format!("(ROW({}, {}) {test})", of(self, Type::Int), of(self, ty))
            }
            29 => {
                let row = |generator: &mut Self| {
                    format!("({}, {})", of(generator, Type::Int), of(generator, ty))
                };
                let not = self.pick(&["", "NOT "]);
                format!("({} {not}IN ({}, {}))", row(self), row(self), row(self))
            }
            30 => {
                let test = self.pick(&["IS DISTINCT FROM", "IS NOT DISTINCT FROM"]);
                let row = |generator: &mut Self| {
                    format!("ROW({}, {})", of(generator, Type::Text), of(generator, ty))
                };
                format!("({} {test} {})", row(self), row(self))
            }
            31 => format!(
                "({} NOT BETWEEN SYMMETRIC {} AND {})",
                of(self, ty),
                of(self, ty),
                of(self, ty)
            ),
            32 => {
                let (left, right) = (of(self, Type::Text), of(self, Type::Text));
                format!("({left} COLLATE \"C\" < {right})")
            }
            33 => format!("({} ^@ 't')", of(self, Type::Text)),
            34 => format!(
                "({} = ANY (ARRAY[{}, {}]))",
                of(self, Type::Text),
                of(self, Type::Text),
                of(self, Type::Text)
            ),
            35 => format!("({} LIKE ANY (ARRAY['%o', 't%']))", of(self, Type::Text)),
            _ if depth == 0 => format!("({} = {})", of(self, ty), of(self, ty)),
            21 => {
                let (x, y) = (of(self, Type::Int), of(self, ty));
                let (table, inner) = self.table();
                let (p, q) = (
                    self.expr(Type::Int, 1, &inner, 0),
                    self.expr(ty, 1, &inner, 0),
                );
                let not = self.pick(&["", "NOT "]);
                format!("(({x}, {y}) {not}IN (SELECT {p}, {q} FROM {table}))")
            }
            22 => {
                let (x, y) = (of(self, Type::Int), of(self, Type::Text));
                let (table, inner) = self.table();
                let mut visible = inner.clone();
                visible.extend(columns.iter().cloned());
                let condition = self.expr(Type::Bool, 2, &visible, depth - 1);
                let (p, q) = (
                    self.expr(Type::Int, 1, &inner, 0),
                    self.expr(Type::Text, 1, &inner, 0),
                );
                format!("(({x}, {y}) = (SELECT max({p}), min({q}) FROM {table} WHERE {condition}))")
            }
            36 => {
                let (x, y) = (of(self, Type::Int), of(self, ty));
                let (table, inner) = self.table();
                let mut visible = inner.clone();
                visible.extend(columns.iter().cloned());
                let condition = self.expr(Type::Bool, 2, &visible, depth - 1);
                let (p, q) = (
                    self.expr(Type::Int, 1, &inner, 0),
                    self.expr(ty, 1, &visible, 0),
                );
                let not = self.pick(&["", "NOT "]);
                format!("(({x}, {y}) {not}IN (SELECT {p}, {q} FROM {table} WHERE {condition}))")
            }
            37 => {
                let types = [self.told_apart()];
                let (left, right) = (
                    self.select(columns, depth - 1, Some(&types)).0,
                    self.select(columns, depth - 1, Some(&types)).0,
                );
                let operator = self.pick(&["UNION ALL", "INTERSECT", "EXCEPT"]);
                let not = self.pick(&["", "NOT "]);
                format!("({not}EXISTS (({left}) {operator} ({right})))")
            }
            38 => {
                let value = of(self, ty);
                let (inner, _) = self.select(columns, depth - 1, Some(&[ty]));
                format!("({value} {}IN ({inner}))", self.pick(&["", "NOT "]))
            }
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
    pub(super) fn inner_column(&mut self, ty: Type, columns: &Columns, depth: usize) -> String {
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
