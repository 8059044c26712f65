//! Makes queries that mean something: every expression has the type its place asks for.
//!
//! Avoided is what two right answers may differ in: a LIMIT over rows that are not fully ordered,
//! divisions that may fail in an order of evaluation, sums that overflow.

/// Small tables with NULLs, repeated values, and values that meet across tables.
pub(super) const TABLES: &str = "
CREATE TABLE a (i int, j bigint, n numeric(8,2), f double precision, s text, b boolean, d date);
INSERT INTO a VALUES
 (1, 10, 1.50, 0.5, 'one', true, '2024-01-01'), (2, 20, -2.25, 1.25, 'two', false, '2024-02-29'),
 (3, NULL, 3.00, NULL, 'three', NULL, '2023-12-31'), (NULL, 40, NULL, -4.5, NULL, true, NULL),
 (5, 50, 0.00, 2, '', false, '2024-01-01'), (2, 21, 10.10, -0.25, 'Two', true, '2025-06-15'),
 (-7, 0, -0.01, 100, 'a b', NULL, '1999-12-31'), (3, 3, 3.33, 3.5, 'three', false, '2024-03-01');
CREATE TABLE b (i int, k smallint, t text, v varchar(5), m numeric, ts timestamp);
INSERT INTO b VALUES
 (1, 1, 'one', 'x', 1, '2024-01-01 10:00'), (2, 2, 'zwei', 'yy', 2.5, '2024-01-02 00:00'),
 (2, NULL, 'two', NULL, NULL, NULL), (4, 4, NULL, 'zzz', -1.125, '2023-12-31 23:59:59'),
 (NULL, 5, 'five', 'x', 0, '2024-01-01 10:00'), (3, -3, 'three', 'abcde', 7, NULL);
CREATE TABLE c (i int, x int, s text);
INSERT INTO c VALUES (1, 100, 'one'), (1, 200, 'uno'), (3, NULL, NULL), (NULL, 5, 'two'), (9, -1, '');
";

/// A query and whether its rows have one order.
pub(super) struct Query {
    pub(super) text: String,
    pub(super) ordered: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Type {
    Int,
    Big,
    Numeric,
    Float,
    Text,
    Bool,
    Date,
}

const TYPES: [Type; 7] = [
    Type::Int,
    Type::Big,
    Type::Numeric,
    Type::Float,
    Type::Text,
    Type::Bool,
    Type::Date,
];

/// What can be named.
pub(super) type Columns = Vec<(String, Type)>;

/// A source of choices: xorshift, so that a seed is a query.
pub(super) struct Generator {
    state: u64,
    aliases: usize,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let mut generator = Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            aliases: 0,
        };
        for _ in 0..8 {
            generator.next();
        }
        generator
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state
    }

    pub(super) fn below(&mut self, n: usize) -> usize {
        usize::try_from(self.next() >> 11).unwrap_or(0) % n
    }

    pub(super) fn chance(&mut self, percent: usize) -> bool {
        self.below(100) < percent
    }

    pub(super) fn pick<'x>(&mut self, from: &[&'x str]) -> &'x str {
        from[self.below(from.len())]
    }

    fn alias(&mut self) -> String {
        self.aliases += 1;
        format!("t{}", self.aliases)
    }

    pub(super) fn ty(&mut self) -> Type {
        TYPES[self.below(TYPES.len())]
    }

    /// A whole query.
    pub(super) fn query(&mut self) -> Query {
        if self.chance(12) {
            return self.set_operation();
        }
        let with = self.chance(10);
        let (mut text, width) = self.select(&Vec::new(), 2, None);
        if with {
            text = format!("WITH w AS ({text}) SELECT * FROM w");
        }
        let ordered = self.chance(60);
        if ordered {
            text.push_str(&self.order(width));
        }
        Query { text, ordered }
    }

    /// ORDER BY every column, which leaves no choice; perhaps a LIMIT.
    fn order(&mut self, width: usize) -> String {
        let keys: Vec<String> = (1..=width)
            .map(|position| {
                let direction =
                    self.pick(&["", " DESC", " ASC", " NULLS FIRST", " DESC NULLS LAST"]);
                format!("{position}{direction}")
            })
            .collect();
        let mut text = format!(" ORDER BY {}", keys.join(", "));
        if self.chance(30) {
            text.push_str(&format!(" LIMIT {}", self.below(6)));
        }
        if self.chance(15) {
            text.push_str(&format!(" OFFSET {}", self.below(3)));
        }
        text
    }

    fn set_operation(&mut self) -> Query {
        let types: Vec<Type> = (0..1 + self.below(3)).map(|_| self.ty()).collect();
        let operator = self.pick(&[
            "UNION",
            "UNION ALL",
            "INTERSECT",
            "EXCEPT",
            "INTERSECT ALL",
            "EXCEPT ALL",
        ]);
        let (left, _) = self.select(&Vec::new(), 1, Some(&types));
        let (right, width) = self.select(&Vec::new(), 1, Some(&types));
        let mut text = format!("({left}) {operator} ({right})");
        let ordered = self.chance(70);
        if ordered {
            text.push_str(&self.order(width));
        }
        Query { text, ordered }
    }

    /// A SELECT without ORDER BY, and how many columns it has.
    fn select(&mut self, outer: &Columns, depth: usize, types: Option<&[Type]>) -> (String, usize) {
        let (from, columns) = self.from(outer, depth);
        let types: Vec<Type> = match types {
            Some(types) => types.to_vec(),
            None => (0..1 + self.below(4)).map(|_| self.ty()).collect(),
        };
        let mut visible = columns.clone();
        visible.extend(outer.iter().cloned());
        let filter = if self.chance(60) {
            format!(" WHERE {}", self.expr(Type::Bool, 3, &visible, depth))
        } else {
            String::new()
        };
        let grouped = types.iter().all(|ty| *ty != Type::Date) && self.chance(25);
        if grouped {
            return (
                self.grouped(&from, &filter, &types, &columns, depth),
                types.len(),
            );
        }
        let windows = depth > 1 && self.chance(12);
        let items: Vec<String> = types
            .iter()
            .map(|ty| {
                let item = if windows && matches!(ty, Type::Big | Type::Int) {
                    self.window(*ty, &columns)
                } else {
                    self.expr(*ty, 3, &visible, depth)
                };
                if self.chance(20) {
                    format!("{item} AS x{}", self.below(3))
                } else {
                    item
                }
            })
            .collect();
        let distinct = if self.chance(12) { "DISTINCT " } else { "" };
        let text = format!("SELECT {distinct}{} FROM {from}{filter}", items.join(", "));
        (text, types.len())
    }

    fn window(&mut self, ty: Type, columns: &Columns) -> String {
        let keys: Vec<&str> = columns.iter().map(|(name, _)| name.as_str()).collect();
        let over = format!(
            "OVER (PARTITION BY {} ORDER BY {})",
            keys[self.below(keys.len())],
            keys[self.below(keys.len())],
        );
        let call = self.pick(&["rank()", "dense_rank()", "count(*)"]);
        match ty {
            Type::Int => format!("({call} {over})::int"),
            _ => format!("{call} {over}"),
        }
    }

    fn grouped(
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
                if self.chance(40)
                    && let Some(column) = self.column(*ty, columns)
                {
                    keys.push(column.clone());
                    return column;
                }
                self.aggregate(*ty, columns, depth)
            })
            .collect();
        let mut text = format!("SELECT {} FROM {from}{filter}", items.join(", "));
        if !keys.is_empty() {
            keys.sort();
            keys.dedup();
            text.push_str(&format!(" GROUP BY {}", keys.join(", ")));
        }
        if self.chance(25) {
            let count = self.pick(&["count(*)", "count(DISTINCT 1)"]);
            text.push_str(&format!(" HAVING {count} > {}", self.below(3)));
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
        match ty {
            Type::Int => {
                let arg = arg(self, Type::Int);
                let call = self.pick(&["min", "max"]);
                format!("{call}({arg}){filter}")
            }
            Type::Big => {
                if self.chance(50) {
                    let arg = {
                        let ty = self.ty();
                        arg(self, ty)
                    };
                    format!("count({distinct}{arg}){filter}")
                } else {
                    format!("sum({distinct}{}){filter}", arg(self, Type::Int))
                }
            }
            Type::Numeric => {
                let of = if self.chance(50) {
                    Type::Numeric
                } else {
                    Type::Big
                };
                format!("sum({distinct}{}){filter}", arg(self, of))
            }
            Type::Float => format!("max({}){filter}", arg(self, Type::Float)),
            Type::Text => {
                let arg = arg(self, Type::Text);
                if self.chance(30) {
                    format!("string_agg({arg}, ',' ORDER BY {arg}){filter}")
                } else {
                    format!("min({arg}){filter}")
                }
            }
            Type::Bool => {
                let call = self.pick(&["bool_and", "bool_or", "every"]);
                format!("{call}({}){filter}", arg(self, Type::Bool))
            }
            Type::Date => format!("min({}){filter}", arg(self, Type::Date)),
        }
    }

    /// A table under an alias of its own.
    pub(super) fn table(&mut self) -> (String, Columns) {
        let alias = self.alias();
        let (table, columns): (&str, &[(&str, Type)]) = match self.below(3) {
            0 => (
                "a",
                &[
                    ("i", Type::Int),
                    ("j", Type::Big),
                    ("n", Type::Numeric),
                    ("f", Type::Float),
                    ("s", Type::Text),
                    ("b", Type::Bool),
                    ("d", Type::Date),
                ],
            ),
            1 => (
                "b",
                &[("i", Type::Int), ("t", Type::Text), ("m", Type::Numeric)],
            ),
            _ => (
                "c",
                &[("i", Type::Int), ("x", Type::Int), ("s", Type::Text)],
            ),
        };
        let columns = columns
            .iter()
            .map(|(name, ty)| (format!("{alias}.{name}"), *ty))
            .collect();
        (format!("{table} {alias}"), columns)
    }

    fn relation(&mut self, outer: &Columns, depth: usize) -> (String, Columns) {
        if depth == 0 || self.chance(75) {
            return self.table();
        }
        let alias = self.alias();
        if self.chance(20) {
            let text = format!(
                "generate_series({}, {}) {alias}(g)",
                self.below(3),
                self.below(5)
            );
            return (text, vec![(format!("{alias}.g"), Type::Int)]);
        }
        let types: Vec<Type> = (0..1 + self.below(3)).map(|_| self.ty()).collect();
        let (text, _) = self.select(&Vec::new(), depth - 1, Some(&types));
        let _ = outer;
        let names: Vec<String> = (0..types.len()).map(|index| format!("c{index}")).collect();
        let columns = types
            .iter()
            .zip(&names)
            .map(|(ty, name)| (format!("{alias}.{name}"), *ty))
            .collect();
        (format!("({text}) {alias}({})", names.join(", ")), columns)
    }

    fn from(&mut self, outer: &Columns, depth: usize) -> (String, Columns) {
        let (mut text, mut columns) = self.relation(outer, depth);
        for _ in 0..self.below(3).min(depth) {
            let (right, more) = if self.chance(10) {
                self.lateral(&columns)
            } else {
                self.relation(outer, depth.saturating_sub(1))
            };
            let kind = self.pick(&["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN"]);
            let kind = if right.starts_with("LATERAL") && kind != "CROSS JOIN" {
                "LEFT JOIN"
            } else {
                kind
            };
            if kind == "CROSS JOIN" {
                text = format!("{text} CROSS JOIN {right}");
                columns.extend(more);
                continue;
            }
            let left_key = self.column(Type::Int, &columns);
            let right_key = self.column(Type::Int, &more);
            let equal = match (left_key, right_key) {
                (Some(left), Some(right)) => format!("{left} = {right}"),
                _ if kind == "FULL JOIN" => "1 = 1".to_owned(),
                _ => "true".to_owned(),
            };
            let mut both = columns.clone();
            both.extend(more.iter().cloned());
            // PostgreSQL joins fully on equality alone.
            let on = if kind != "FULL JOIN" && self.chance(30) {
                let more = self.expr(Type::Bool, 2, &both, 0);
                format!("{equal} AND {more}")
            } else if kind == "FULL JOIN" && !equal.contains('.') {
                columns = both;
                text = format!("{text} CROSS JOIN {right}");
                continue;
            } else {
                equal
            };
            text = format!("{text} {kind} {right} ON {on}");
            columns = both;
        }
        (text, columns)
    }

    /// A subquery over what stands to its left.
    fn lateral(&mut self, left: &Columns) -> (String, Columns) {
        let alias = self.alias();
        let value = self.expr(Type::Int, 2, left, 0);
        let (table, columns) = self.table();
        let mut visible = columns.clone();
        visible.extend(left.iter().cloned());
        let text = match self.below(3) {
            0 => format!("SELECT {value} AS g"),
            1 => format!(
                "SELECT max({}) AS g FROM {table} WHERE {}",
                self.expr(Type::Int, 1, &columns, 0),
                self.expr(Type::Bool, 2, &visible, 0)
            ),
            _ => {
                let key = self.expr(Type::Int, 1, &visible, 0);
                format!(
                    "SELECT {key} AS g FROM {table} ORDER BY 1 LIMIT {}",
                    self.below(3)
                )
            }
        };
        (
            format!("LATERAL ({text}) {alias}"),
            vec![(format!("{alias}.g"), Type::Int)],
        )
    }
}
