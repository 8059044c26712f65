//! Random statements that change a table.

use super::generator::{Columns, Generator, Query, Type};

/// The tables that are changed, with the columns that are given values.
const CHANGED: &[(&str, &[(&str, Type)])] = &[
    (
        "a",
        &[
            ("i", Type::Int),
            ("j", Type::Big),
            ("f", Type::Float),
            ("s", Type::Text),
            ("b", Type::Bool),
            ("d", Type::Date),
            ("r", Type::Ints),
        ],
    ),
    (
        "b",
        &[("i", Type::Int), ("t", Type::Text), ("ts", Type::Stamp)],
    ),
    (
        "c",
        &[("i", Type::Int), ("x", Type::Int), ("s", Type::Text)],
    ),
];

impl Generator {
    /// INSERT … SELECT, UPDATE … FROM or DELETE … USING.
    pub(super) fn change(&mut self) -> Query {
        let (table, all) = CHANGED[self.below(CHANGED.len())];
        let with = if self.chance(15) {
            self.with()
        } else {
            String::new()
        };
        let own: Columns = all
            .iter()
            .map(|(name, ty)| (format!("{table}.{name}"), *ty))
            .collect();
        let mut some: Vec<(&str, Type)> = all.to_vec();
        while some.len() > 1 && self.chance(60) {
            some.remove(self.below(some.len()));
        }
        let (text, visible) = match self.below(3) {
            0 => {
                let types: Vec<Type> = some.iter().map(|(_, ty)| *ty).collect();
                let names: Vec<&str> = some.iter().map(|(name, _)| *name).collect();
                let (rows, _) = self.select(&Vec::new(), 1, Some(&types));
                let names = names.join(", ");
                (format!("INSERT INTO {table} ({names}) {rows}"), own)
            }
            1 => self.update(table, &some, own),
            _ => self.delete(table, own),
        };
        let returning = match self.chance(70) {
            true => {
                let items: Vec<String> = (0..1 + self.below(3))
                    .map(|_| {
                        let ty = self.ty();
                        self.expr(ty, 2, &visible, 1)
                    })
                    .collect();
                format!(" RETURNING {}", items.join(", "))
            }
            false => String::new(),
        };
        Query {
            text: format!("{with}{text}{returning}"),
            ordered: false,
            changes: Some(table),
        }
    }

    fn update(&mut self, table: &str, some: &[(&str, Type)], own: Columns) -> (String, Columns) {
        let mut visible = own;
        let mut from = String::new();
        let mut tie = String::new();
        if self.chance(60) {
            // No row may meet two.
            let (inner, columns) = self.table();
            let key = self
                .column(Type::Int, &columns)
                .unwrap_or_else(|| "1".to_owned());
            let value = self.aggregate(Type::Int, &columns, 0);
            let text = self.aggregate(Type::Text, &columns, 0);
            let by = match key.as_str() {
                "1" => String::new(),
                key => format!(" GROUP BY {key}"),
            };
            from = format!(" FROM (SELECT {key}, {value}, {text} FROM {inner}{by}) u(k, v, w)");
            tie = format!("{table}.i = u.k AND ");
            visible.push(("u.k".to_owned(), Type::Int));
            visible.push(("u.v".to_owned(), Type::Int));
            visible.push(("u.w".to_owned(), Type::Text));
        }
        let sets: Vec<String> = some
            .iter()
            .map(|(name, ty)| format!("{name} = {}", self.expr(*ty, 2, &visible, 1)))
            .collect();
        let sets = match some {
            [(one, a), (two, b)] if self.chance(50) => format!(
                "({one}, {two}) = (SELECT {}, {})",
                self.expr(*a, 2, &visible, 1),
                self.expr(*b, 2, &visible, 1)
            ),
            _ => sets.join(", "),
        };
        let condition = self.expr(Type::Bool, 2, &visible, 1);
        let text = format!("UPDATE {table} SET {sets}{from} WHERE {tie}{condition}");
        (text, visible)
    }

    fn delete(&mut self, table: &str, own: Columns) -> (String, Columns) {
        let mut visible = own.clone();
        let mut using = String::new();
        if self.chance(50) {
            let (other, columns) = self.table();
            using = format!(" USING {other}");
            visible.extend(columns);
        }
        let condition = self.expr(Type::Bool, 2, &visible, 1);
        // Of several rows met, any may be the one that is returned.
        (format!("DELETE FROM {table}{using} WHERE {condition}"), own)
    }
}
