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

    pub(super) fn literal(&mut self, ty: Type) -> String {
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
            Type::Stamp => self
                .pick(&[
                    "timestamp '2024-01-01 10:00'",
                    "timestamp '2024-02-29 23:59:59.5'",
                    "NULL::timestamp",
                ])
                .to_owned(),
            Type::Span => self
                .pick(&[
                    "interval '1 day'",
                    "interval '-2 hours'",
                    "interval '1 month 3 days'",
                    "NULL::interval",
                ])
                .to_owned(),
            Type::Ints => self
                .pick(&[
                    "ARRAY[1,2,3]",
                    "ARRAY[]::int[]",
                    "ARRAY[2,NULL]",
                    "'{3}'::int[]",
                    "NULL::int[]",
                ])
                .to_owned(),
            Type::Json => self
                .pick(&[
                    r#"'{"a": 1, "b": [2, null]}'::jsonb"#,
                    r#"'[1, "x"]'::jsonb"#,
                    "'null'::jsonb",
                    "NULL::jsonb",
                ])
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
            Type::Int => match self.below(26) {
                0 => format!("({} + {})", of(self, ty), of(self, ty)),
                1 => format!("({} - {})", of(self, ty), of(self, ty)),
                2 => format!("({} * 2)", of(self, ty)),
                3 => format!("({} % 3)", of(self, ty)),
                4 => format!("length({})", of(self, Type::Text)),
                5 => format!("abs({})", of(self, ty)),
                6 => format!("cardinality({})", of(self, Type::Ints)),
                7 => format!("({})[{}]", of(self, Type::Ints), self.below(3)),
                8 => format!("strpos({}, 'o')", of(self, Type::Text)),
                9 => format!("({} - {})", of(self, Type::Date), of(self, Type::Date)),
                10 => format!("({} / 2)", of(self, ty)),
                11 => {
                    let op = self.pick(&["&", "|", "#"]);
                    format!("({} {op} {})", of(self, ty), of(self, ty))
                }
                12 => format!("({} >> 1)", of(self, ty)),
                13 => format!(
                    "extract({} FROM {})::int",
                    self.pick(&["year", "month", "dow", "doy", "week", "quarter"]),
                    of(self, Type::Date)
                ),
                14 => format!("({})::int", of(self, Type::Numeric)),
                15 => format!("({})::int", of(self, Type::Float)),
                16 => format!("ascii({})", of(self, Type::Text)),
                17 => format!("array_position({}, {})", of(self, Type::Ints), of(self, ty)),
                18 => format!("array_length({}, 1)", of(self, Type::Ints)),
                19 => format!("position('o' IN {})", of(self, Type::Text)),
                20 => format!("num_nulls({}, {})", of(self, ty), of(self, Type::Text)),
                21 => format!("width_bucket({}, 0, 10, 4)", of(self, Type::Numeric)),
                22 => format!("regexp_count({}, '[eo]')", of(self, Type::Text)),
                23 => format!("octet_length({})", of(self, Type::Text)),
                24 => format!("({})::boolean::int", of(self, ty)),
                _ => format!("(- {})", of(self, ty)),
            },
            Type::Big => match self.below(6) {
                0 => format!("({} + {})", of(self, ty), of(self, Type::Int)),
                1 => format!("({})::bigint", of(self, Type::Int)),
                2 => format!("({} / 3)", of(self, ty)),
                3 => format!("({} % 7)", of(self, ty)),
                4 => format!("({})::bigint", of(self, Type::Numeric)),
                _ => format!("({} - {})", of(self, ty), of(self, ty)),
            },
            Type::Numeric => match self.below(16) {
                0 => format!("({} + {})", of(self, ty), of(self, Type::Int)),
                1 => format!("({} * 2)", of(self, ty)),
                2 => format!("({} - {})", of(self, ty), of(self, ty)),
                3 => format!("round({}, 1)", of(self, ty)),
                4 => format!(
                    "{}({})",
                    self.pick(&["abs", "floor", "ceil", "trunc", "sign"]),
                    of(self, ty)
                ),
                5 => format!("({} / 3.0)", of(self, ty)),
                6 => format!("extract(epoch FROM {})", of(self, Type::Span)),
                7 => format!("extract(day FROM {})", of(self, Type::Date)),
                8 => format!("round({}, {})", of(self, ty), self.below(3)),
                9 => format!("mod({}, 3)", of(self, ty)),
                10 => format!("div({}, 2)", of(self, ty)),
                11 => {
                    format!("power({}, 2)", of(self, Type::Int)).replace("power(", "power(1.5 * ")
                }
                12 => format!("extract(hour FROM {})", of(self, Type::Stamp)),
                13 => format!("({})::numeric(12,1)", of(self, ty)),
                14 => format!("({} * {})", of(self, Type::Int), of(self, ty)),
                _ => format!("({})::numeric", of(self, Type::Int)),
            },
            Type::Float => match self.below(10) {
                0 => format!("({} + {})", of(self, ty), of(self, Type::Int)),
                1 => format!("({} * 0.5)", of(self, ty)),
                2 => format!("sqrt(abs({}))", of(self, ty)),
                3 => format!("floor({})", of(self, ty)),
                4 => format!("({})::float8", of(self, Type::Numeric)),
                // Nothing here may be a negative zero, which is equal to the other and looks
                // different.
                5 => format!(
                    "({}({}) + 0)",
                    self.pick(&["round", "trunc", "ceil", "sign", "abs"]),
                    of(self, ty)
                ),
                6 => format!("({} / 4)", of(self, ty)),
                7 => format!("date_part('day', {})", of(self, Type::Stamp)),
                8 => format!("(0 - {})", of(self, ty)),
                _ => format!("({})::float8", of(self, Type::Int)),
            },
            Type::Text => match self.below(44) {
                0 => format!("({} || {})", of(self, ty), of(self, ty)),
                1 => format!("upper({})", of(self, ty)),
                2 => format!("lower({})", of(self, ty)),
                3 => format!("substr({}, 1, 2)", of(self, ty)),
                4 => format!("({})::text", of(self, Type::Int)),
                5 => format!("replace({}, 'o', '00')", of(self, ty)),
                6 => format!(
                    "{}({}, {})",
                    self.pick(&["left", "right"]),
                    of(self, ty),
                    self.below(4)
                ),
                7 => format!(
                    "{}({})",
                    self.pick(&["reverse", "initcap", "btrim", "md5"]),
                    of(self, ty)
                ),
                8 => format!("lpad({}, 4, '*')", of(self, ty)),
                9 => format!("concat({}, {})", of(self, ty), of(self, Type::Int)),
                10 => format!("concat_ws('-', {}, {})", of(self, ty), of(self, ty)),
                11 => format!("split_part({}, 'e', 1)", of(self, ty)),
                12 => format!("to_char({}, 'YYYY-MM-DD')", of(self, Type::Date)),
                13 => format!("({} ->> 'a')", of(self, Type::Json)),
                14 => format!("array_to_string({}, ',')", of(self, Type::Ints)),
                15 => {
                    let from = [Type::Date, Type::Bool, Type::Stamp, Type::Span][self.below(4)];
                    format!("({})::text", of(self, from))
                }
                16 => format!("regexp_replace({}, '[aeo]', '-')", of(self, ty)),
                17 => format!("repeat({}, 2)", of(self, ty)),
                18 => format!("overlay({} PLACING 'xx' FROM 2 FOR 1)", of(self, ty)),
                19 => format!("substring({} FROM 2 FOR 2)", of(self, ty)),
                20 => format!("substring({} FROM 'o.')", of(self, ty)),
                21 => format!(
                    "trim({} 'o' FROM {})",
                    self.pick(&["BOTH", "LEADING"]),
                    of(self, ty)
                ),
                22 => format!("{}({}, 'eo')", self.pick(&["ltrim", "rtrim"]), of(self, ty)),
                23 => format!("translate({}, 'oe', '0')", of(self, ty)),
                24 => format!("rpad({}, 5, 'ab')", of(self, ty)),
                25 => format!(
                    "format('%s|%5s|%L', {}, {}, {})",
                    of(self, ty),
                    of(self, Type::Int),
                    of(self, ty)
                ),
                26 => format!(
                    "{}({})",
                    self.pick(&["quote_literal", "quote_ident", "quote_nullable"]),
                    of(self, ty)
                ),
                27 => format!(
                    "to_char({}, '{}')",
                    of(self, Type::Int),
                    self.pick(&["999", "S99", "FM09", "RN"])
                ),
                28 => format!("to_char({}, 'FM9990.00')", of(self, Type::Numeric)),
                29 => format!(
                    "to_char({}, '{}')",
                    of(self, Type::Stamp),
                    self.pick(&["HH24:MI:SS", "Day DD Mon", "IYYY-IW-ID", "YYYY\"Q\"Q MS"])
                ),
                30 => format!("({})::varchar(2)::text", of(self, ty)),
                31 => format!("({})::char(4)::text", of(self, ty)),
                32 => format!("({} #>> '{{b,0}}')", of(self, Type::Json)),
                33 => format!("jsonb_typeof({})", of(self, Type::Json)),
                34 => format!("({})::text", of(self, Type::Json)),
                35 => format!("({})::text", of(self, Type::Ints)),
                36 => format!("to_hex({})", of(self, Type::Int)),
                37 => format!("regexp_replace({}, '([eo])', '<\\1>', 'g')", of(self, ty)),
                38 => format!("split_part({}, 'o', -1)", of(self, ty)),
                39 => format!("encode(({})::bytea, 'hex')", of(self, ty)),
                40 => format!("chr(65 + abs({} % 26))", of(self, Type::Int)),
                41 => format!(
                    "(string_to_array({}, 'o'))[{}]",
                    of(self, ty),
                    self.below(3)
                ),
                42 => format!("pg_typeof({})::text", of(self, ty)),
                _ => format!("({} || {})", of(self, ty), of(self, Type::Int)),
            },
            Type::Date => match self.below(7) {
                0 => format!("({})::date", of(self, Type::Stamp)),
                1 => format!("make_date(2024, 1 + abs({} % 12), 28)", of(self, Type::Int)),
                2 => format!(
                    "date_trunc('{}', {})::date",
                    self.pick(&["week", "month", "quarter", "year", "decade"]),
                    of(self, ty)
                ),
                3 => format!("({} - {} % 100)", of(self, ty), of(self, Type::Int)),
                _ => format!("({} + {})", of(self, ty), self.below(40)),
            },
            Type::Stamp => match self.below(9) {
                0 => format!("({} + {})", of(self, Type::Date), of(self, Type::Span)),
                1 => format!("({} + {})", of(self, ty), of(self, Type::Span)),
                2 => format!(
                    "date_trunc('{}', {})",
                    self.pick(&["month", "hour", "week", "year", "minute"]),
                    of(self, ty)
                ),
                3 => format!("({} - {})", of(self, ty), of(self, Type::Span)),
                4 => format!("({} + time '10:30')", of(self, Type::Date)),
                5 => format!(
                    "date_bin('15 minutes', {}, timestamp '2001-01-01')",
                    of(self, ty)
                ),
                6 => format!(
                    "({} AT TIME ZONE 'UTC' AT TIME ZONE 'America/New_York')",
                    of(self, ty)
                ),
                _ => format!("({})::timestamp", of(self, Type::Date)),
            },
            Type::Span => match self.below(10) {
                0 => format!("({} - {})", of(self, Type::Stamp), of(self, Type::Stamp)),
                1 => format!("({} * 2)", of(self, ty)),
                2 => format!("({} + {})", of(self, ty), of(self, ty)),
                3 => format!("age({}, {})", of(self, Type::Stamp), of(self, Type::Stamp)),
                4 => format!(
                    "{}({})",
                    self.pick(&["justify_days", "justify_hours", "justify_interval"]),
                    of(self, ty)
                ),
                5 => format!("({} / 2)", of(self, ty)),
                6 => format!("({} * 1.5)", of(self, ty)),
                7 => format!("date_trunc('hour', {})", of(self, ty)),
                8 => format!("make_interval(days => {})", of(self, Type::Int)),
                _ => format!("(- {})", of(self, ty)),
            },
            Type::Ints => match self.below(13) {
                0 => format!("({} || {})", of(self, ty), of(self, Type::Int)),
                1 => format!("array_remove({}, 2)", of(self, ty)),
                2 => format!("ARRAY[{}, {}]", of(self, Type::Int), of(self, Type::Int)),
                3 => format!("({})[1:2]", of(self, ty)),
                4 => format!("({} || {})", of(self, ty), of(self, ty)),
                5 => format!("({} || {})", of(self, Type::Int), of(self, ty)),
                6 => format!("array_append({}, {})", of(self, ty), of(self, Type::Int)),
                7 => format!(
                    "array_replace({}, 2, {})",
                    of(self, ty),
                    of(self, Type::Int)
                ),
                8 => format!("array_positions({}, {})", of(self, ty), of(self, Type::Int)),
                9 => format!("({})[{}:]", of(self, ty), 1 + self.below(2)),
                10 => format!("array_fill({}, ARRAY[2])", of(self, Type::Int)),
                _ if depth > 0 => {
                    let inner = self.inner_column(Type::Int, columns, depth);
                    format!("ARRAY({inner} ORDER BY 1)")
                }
                _ => of(self, ty),
            },
            Type::Json => match self.below(12) {
                0 => format!("to_jsonb({})", of(self, Type::Int)),
                1 => format!("to_jsonb(({})::text)", of(self, Type::Text)),
                2 => format!(
                    "jsonb_build_object('k', {}, 't', {})",
                    of(self, Type::Int),
                    of(self, Type::Text)
                ),
                3 => format!("({} -> 'b')", of(self, ty)),
                4 => format!("({} || {})", of(self, ty), of(self, ty)),
                5 => format!("jsonb_strip_nulls({})", of(self, ty)),
                6 => {
                    let from = [Type::Date, Type::Ints, Type::Bool, Type::Stamp][self.below(4)];
                    format!("to_jsonb({})", of(self, from))
                }
                7 => format!("({} #> '{{b,0}}')", of(self, ty)),
                8 => format!("({} -> {})", of(self, ty), self.below(2)),
                9 => format!(
                    "jsonb_path_query_first({}, '$.{}')",
                    of(self, ty),
                    self.pick(&["a", "b[0]", "*", "b[*]"])
                ),
                10 => format!(
                    "jsonb_build_object('n', {}, 'j', {})",
                    of(self, Type::Numeric),
                    of(self, ty)
                ),
                _ => format!(
                    "jsonb_build_array({}, {})",
                    of(self, Type::Int),
                    of(self, Type::Bool)
                ),
            },
            Type::Bool => self.condition(size, columns, depth),
        }
    }

    /// What every type has: CASE, coalesce, a scalar subquery, …
    fn shared(&mut self, ty: Type, size: usize, columns: &Columns, depth: usize) -> String {
        let of = |generator: &mut Self, ty| generator.expr(ty, size, columns, depth);
        match self.below(8) {
            6 if ty != Type::Ints => format!(
                "(ARRAY[{}, {}])[{}]",
                of(self, ty),
                of(self, ty),
                1 + self.below(3)
            ),
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
            3 if ty != Type::Json => format!("nullif({}, {})", of(self, ty), of(self, ty)),
            4 if !matches!(ty, Type::Bool | Type::Json) => {
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
                Type::Int | Type::Float | Type::Text | Type::Date | Type::Stamp | Type::Span => {
                    format!("max({})", self.expr(ty, 1, &inner, 0))
                }
                _ => self.aggregate(ty, &inner, 0),
            };
            return format!("(SELECT {value} FROM {table} WHERE {condition})");
        }
        if ty == Type::Json {
            return self.literal(ty);
        }
        let value = self.expr(ty, 2, &visible, depth - 1);
        format!("(SELECT {value} FROM {table} WHERE {condition} ORDER BY 1 LIMIT 1)")
    }
}
