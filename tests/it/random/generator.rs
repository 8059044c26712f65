//! Makes queries that mean something: every expression has the type its place asks for.
//!
//! Avoided is what two right answers may differ in: a LIMIT over rows that are not fully ordered,
//! divisions that may fail in an order of evaluation, sums that overflow.

/// A statement and whether its rows have one order.
pub(super) struct Query {
    pub(super) text: String,
    pub(super) ordered: bool,
    /// The table it changes.
    pub(super) changes: Option<&'static str>,
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
    Stamp,
    Span,
    Ints,
    Json,
}

/// The everyday types, and the others.
const TYPES: [Type; 7] = [
    Type::Int,
    Type::Big,
    Type::Numeric,
    Type::Float,
    Type::Text,
    Type::Bool,
    Type::Date,
];
const OTHERS: [Type; 4] = [Type::Stamp, Type::Span, Type::Ints, Type::Json];

/// What can be named.
pub(super) type Columns = Vec<(String, Type)>;

/// A source of choices: xorshift, so that a seed is a query.
pub(super) struct Generator {
    state: u64,
    aliases: usize,
    /// WITH queries that can be read.
    named: Vec<(String, Columns)>,
    /// Whether rows may be equal in all their columns: then none of them is before another.
    pub(super) alike: bool,
}

impl Generator {
    pub(super) fn new(seed: u64) -> Self {
        let mut generator = Self {
            state: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            aliases: 0,
            named: Vec::new(),
            alike: false,
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
        if self.chance(20) {
            return OTHERS[self.below(OTHERS.len())];
        }
        TYPES[self.below(TYPES.len())]
    }

    /// A type whose values are compared.
    pub(super) fn compared(&mut self) -> Type {
        loop {
            let ty = self.ty();
            if ty != Type::Json {
                return ty;
            }
        }
    }

    /// A type of which equal values look the same, so that ordering by them leaves no choice.
    pub(super) fn told_apart(&mut self) -> Type {
        loop {
            let ty = self.ty();
            if !matches!(ty, Type::Json | Type::Span | Type::Ints) {
                return ty;
            }
        }
    }

    /// A whole query.
    pub(super) fn query(&mut self) -> Query {
        if self.chance(8) {
            return self.change();
        }
        let with = if self.chance(20) {
            self.with()
        } else {
            String::new()
        };
        let mut query = if self.chance(12) {
            self.set_operation()
        } else {
            self.plain()
        };
        query.text.insert_str(0, &with);
        query
    }

    fn plain(&mut self) -> Query {
        let ordered = self.chance(60);
        let types: Vec<Type> = (0..1 + self.below(4))
            .map(|_| match ordered {
                true => self.told_apart(),
                false => self.ty(),
            })
            .collect();
        let (mut text, width) = self.select(&Vec::new(), 2, Some(&types));
        if ordered {
            if self.chance(8)
                && let Some(rest) = text.strip_prefix("SELECT ")
                && !rest.starts_with("DISTINCT")
            {
                text = format!("SELECT DISTINCT ON (1) {rest}");
            }
            text.push_str(&self.order(width));
        }
        Query {
            text,
            ordered,
            changes: None,
        }
    }

    /// WITH queries that what follows may read, once or more often.
    pub(super) fn with(&mut self) -> String {
        let mut items = Vec::new();
        if self.chance(25) {
            let union = self.pick(&["UNION", "UNION ALL"]);
            let (first, step, last) = (self.below(3), 1 + self.below(2), self.below(5));
            items.push(format!(
                "r(g) AS (SELECT {first} {union} SELECT g + {step} FROM r WHERE g < {last})"
            ));
            self.named
                .push(("r".to_owned(), vec![("g".to_owned(), Type::Int)]));
        }
        for index in 0..1 + self.below(2) {
            let types: Vec<Type> = (0..1 + self.below(3)).map(|_| self.ty()).collect();
            let (text, _) = self.select(&Vec::new(), 1, Some(&types));
            let names: Vec<String> = (0..types.len()).map(|index| format!("k{index}")).collect();
            let how = self.pick(&["", "", "MATERIALIZED ", "NOT MATERIALIZED "]);
            items.push(format!("w{index}({}) AS {how}({text})", names.join(", ")));
            let columns = names.into_iter().zip(types).collect();
            self.named.push((format!("w{index}"), columns));
        }
        let recursive = if items[0].starts_with('r') {
            "RECURSIVE "
        } else {
            ""
        };
        format!("WITH {recursive}{} ", items.join(", "))
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
        let types: Vec<Type> = (0..1 + self.below(3)).map(|_| self.told_apart()).collect();
        let operator = self.pick(&[
            "UNION",
            "UNION ALL",
            "INTERSECT",
            "EXCEPT",
            "INTERSECT ALL",
            "EXCEPT ALL",
        ]);
        let (left, right) = (self.arm(&types), self.arm(&types));
        let mut text = format!("({left}) {operator} ({right})");
        if self.chance(20) {
            let operator = self.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]);
            text = format!("{text} {operator} ({})", self.arm(&types));
        }
        let width = types.len();
        let ordered = self.chance(70);
        if ordered {
            text.push_str(&self.order(width));
        }
        Query {
            text,
            ordered,
            changes: None,
        }
    }

    /// One side of a set operation, perhaps the first rows of an order.
    fn arm(&mut self, types: &[Type]) -> String {
        let (mut text, width) = self.select(&Vec::new(), 1, Some(types));
        if self.chance(25) {
            text.push_str(&self.order(width));
        }
        text
    }

    /// A SELECT without ORDER BY, and how many columns it has.
    pub(super) fn select(
        &mut self,
        outer: &Columns,
        depth: usize,
        types: Option<&[Type]>,
    ) -> (String, usize) {
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
        let grouped = self.chance(25);
        if grouped {
            return (
                self.grouped(&from, &filter, &types, &columns, depth),
                types.len(),
            );
        }
        let windows = depth > 0 && self.chance(20);
        let items: Vec<String> = types
            .iter()
            .map(|ty| {
                let item = if windows && self.chance(70) {
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
        let distinct = match self.chance(12) && !types.contains(&Type::Span) {
            true => "DISTINCT ",
            false => "",
        };
        let text = format!("SELECT {distinct}{} FROM {from}{filter}", items.join(", "));
        (text, types.len())
    }

    /// A table under an alias of its own.
    pub(super) fn table(&mut self) -> (String, Columns) {
        let alias = self.alias();
        if !self.named.is_empty() && self.chance(40) {
            self.alike = true;
            let at = self.below(self.named.len());
            let (name, columns) = &self.named[at];
            let columns = columns
                .iter()
                .map(|(name, ty)| (format!("{alias}.{name}"), *ty))
                .collect();
            return (format!("{name} {alias}"), columns);
        }
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
                    ("p", Type::Span),
                    ("r", Type::Ints),
                ],
            ),
            1 => (
                "b",
                &[
                    ("i", Type::Int),
                    ("t", Type::Text),
                    ("m", Type::Numeric),
                    ("ts", Type::Stamp),
                ],
            ),
            _ => (
                "c",
                &[
                    ("i", Type::Int),
                    ("x", Type::Int),
                    ("s", Type::Text),
                    ("q", Type::Json),
                ],
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
        self.alike = true;
        if self.chance(10) {
            let text = format!(
                "unnest({}) {alias}(g)",
                self.expr(Type::Ints, 1, &Vec::new(), 0)
            );
            return (text, vec![(format!("{alias}.g"), Type::Int)]);
        }
        let types: Vec<Type> = (0..1 + self.below(3)).map(|_| self.compared()).collect();
        let text = match self.below(8) {
            0 => {
                let row = |generator: &mut Self| {
                    let values: Vec<String> =
                        types.iter().map(|ty| generator.literal(*ty)).collect();
                    format!("({})", values.join(", "))
                };
                let rows: Vec<String> = (0..1 + self.below(3)).map(|_| row(self)).collect();
                format!("VALUES {}", rows.join(", "))
            }
            1 if !types.contains(&Type::Span) => {
                let (left, _) = self.select(&Vec::new(), depth - 1, Some(&types));
                let (right, _) = self.select(&Vec::new(), depth - 1, Some(&types));
                let operator = self.pick(&["UNION", "UNION ALL", "INTERSECT", "EXCEPT"]);
                format!("({left}) {operator} ({right})")
            }
            _ => self.select(&Vec::new(), depth - 1, Some(&types)).0,
        };
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
        let types: Vec<Type> = (0..1 + self.below(2)).map(|_| self.told_apart()).collect();
        let (table, columns) = self.table();
        let mut visible = columns.clone();
        visible.extend(left.iter().cloned());
        let over = |generator: &mut Self, columns: &Columns| {
            let values = types.iter().map(|ty| generator.expr(*ty, 2, columns, 0));
            values.collect::<Vec<_>>().join(", ")
        };
        let text = match self.below(4) {
            0 => format!("SELECT {}", over(self, left)),
            // No row twice: window functions that count rows need an order of all.
            1 => format!(
                "VALUES ({}) UNION VALUES ({})",
                over(self, left),
                over(self, left)
            ),
            2 => {
                let values = types.iter().map(|ty| self.aggregate(*ty, &columns, 0));
                let values = values.collect::<Vec<_>>().join(", ");
                let condition = self.expr(Type::Bool, 2, &visible, 1);
                format!("SELECT {values} FROM {table} WHERE {condition}")
            }
            _ => {
                let values = over(self, &visible);
                let order = self.order(types.len());
                format!("SELECT DISTINCT {values} FROM {table}{order}")
            }
        };
        let names: Vec<String> = (0..types.len()).map(|index| format!("g{index}")).collect();
        let columns = types.iter().zip(&names);
        let columns = columns.map(|(ty, name)| (format!("{alias}.{name}"), *ty));
        (
            format!("LATERAL ({text}) {alias}({})", names.join(", ")),
            columns.collect(),
        )
    }
}
