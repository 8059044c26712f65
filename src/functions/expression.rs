//! Expressions as PostgreSQL lays them out, as far as that is a matter of parentheses: the catalog
//! keeps what authors wrote.

use crate::base::Oid;
use crate::base::name::quote;
use crate::statement::StatementContext;

/// An expression as `pg_get_expr` and definitions show it: in parentheses if an operator is at its
/// top, pretty without them and without those around what is cast.
pub(super) fn shown(text: &str, pretty: bool) -> String {
    let bare = without_parentheses(text);
    if pretty {
        return plain_casts(bare);
    }
    match has_operator(bare) {
        true => format!("({bare})"),
        false => bare.to_owned(),
    }
}

/// An expression that names users' functions and types in full, with the bare names of those that
/// are found under them.
pub(super) fn visible(context: &StatementContext, text: &str) -> String {
    let snapshot = &context.snapshot;
    let path = &context.search_path;
    let mut shown = text.to_owned();
    for schema in &path.lookup {
        let Some(named) = snapshot.schema(*schema) else {
            continue;
        };
        let prefix = format!("{}.", quote(&named.name));
        let first = |name: &str| {
            let has = |schema: &Oid| {
                snapshot.type_named(*schema, name).is_some()
                    || snapshot.routines_named(*schema, name).next().is_some()
            };
            path.lookup.iter().find(|schema| has(schema)) == Some(schema)
        };
        let mut from = 0;
        while let Some(at) = Unquoted::of(&shown[from..])
            .map(|(at, _)| from + at)
            .find(|at| starts_word(&shown, *at) && shown[*at..].starts_with(&prefix))
        {
            let name = &shown[at + prefix.len()..];
            let end = name.find(|c: char| !(c.is_alphanumeric() || c == '_' || c == '$'));
            if first(&name[..end.unwrap_or(name.len())]) {
                shown.replace_range(at..at + prefix.len(), "");
            }
            from = at + 1;
        }
    }
    shown
}

/// Whether a word begins at a place.
fn starts_word(text: &str, at: usize) -> bool {
    let part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$' | '.' | '"');
    !text[..at].chars().next_back().is_some_and(part)
}

/// The text without parentheses around all of it.
fn without_parentheses(text: &str) -> &str {
    let text = text.trim();
    let inner = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'));
    match inner {
        Some(inner) if closing(text) + 1 == text.len() => without_parentheses(inner),
        Some(_) | None => text,
    }
}

/// Where the parenthesis a text begins with is closed.
fn closing(text: &str) -> usize {
    let mut depth = 0_usize;
    let unquoted = Unquoted::of(text);
    for (at, c) in unquoted {
        match c {
            '(' => depth += 1,
            ')' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return at;
                }
            }
            _ => {}
        }
    }
    text.len()
}

/// Whether an operator joins what is in no parentheses.
fn has_operator(text: &str) -> bool {
    let mut depth = 0_usize;
    let mut word = String::new();
    let mut started = false;
    for (_, c) in Unquoted::of(text).chain([(text.len(), ' ')]) {
        if c.is_alphanumeric() || c == '_' {
            word.push(c.to_ascii_uppercase());
            started = true;
            continue;
        }
        let joins = [
            "AND", "OR", "NOT", "IS", "IN", "LIKE", "ILIKE", "BETWEEN", "SIMILAR",
        ];
        if depth == 0 && joins.contains(&word.as_str()) {
            return true;
        }
        word.clear();
        match c {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '+' | '-' | '*' | '/' | '%' | '<' | '>' | '=' | '!' | '~' | '&' | '|' | '#' | '@'
            | '^' | '?'
                if depth == 0 && (started || c != '-') =>
            {
                return true;
            }
            _ => {}
        }
        started |= !c.is_whitespace();
    }
    false
}

/// `(x)::type` as `x::type` where `x` is one word.
fn plain_casts(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some(at) = Unquoted::of(rest)
        .find(|(_, c)| *c == '(')
        .map(|(at, _)| at)
    {
        let (head, tail) = rest.split_at(at);
        let end = closing(tail);
        let inner = tail.get(1..end).unwrap_or_default();
        let after = tail.get(end + 1..).unwrap_or_default();
        let word = |c: char| c.is_alphanumeric() || matches!(c, '_' | '"' | '.');
        let is_call = head.chars().next_back().is_some_and(word);
        let is_word = !inner.is_empty() && inner.chars().all(word);
        plain.push_str(head);
        if is_word && !is_call && after.starts_with("::") {
            plain.push_str(inner);
            rest = after;
        } else {
            plain.push('(');
            rest = &tail[1..];
        }
    }
    plain.push_str(rest);
    plain
}

/// The characters of a text that are in no quotes, with where they are.
struct Unquoted<'a> {
    characters: std::str::CharIndices<'a>,
    quote: Option<char>,
}

impl<'a> Unquoted<'a> {
    fn of(text: &'a str) -> Self {
        Self {
            characters: text.char_indices(),
            quote: None,
        }
    }
}

impl Iterator for Unquoted<'_> {
    type Item = (usize, char);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (at, c) = self.characters.next()?;
            match self.quote {
                Some(open) if c == open => self.quote = None,
                Some(_) => {}
                None if c == '\'' || c == '"' => self.quote = Some(c),
                None => return Some((at, c)),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parentheses_are_postgresqls() {
        for (text, full, pretty) in [
            ("small * 2", "(small * 2)", "small * 2"),
            ("((small * 2))", "(small * 2)", "small * 2"),
            ("'a + b'::text", "'a + b'::text", "'a + b'::text"),
            ("now()", "now()", "now()"),
            ("-1", "-1", "-1"),
            ("(a) OR (b)", "((a) OR (b))", "(a) OR (b)"),
            (
                "lower((note)::text)",
                "lower((note)::text)",
                "lower(note::text)",
            ),
            (
                "(amount > (0)::numeric)",
                "(amount > (0)::numeric)",
                "amount > 0::numeric",
            ),
            ("f(x)::text", "f(x)::text", "f(x)::text"),
            ("x IS NOT NULL", "(x IS NOT NULL)", "x IS NOT NULL"),
        ] {
            assert_eq!(shown(text, false), full, "{text}");
            assert_eq!(shown(text, true), pretty, "{text}");
        }
    }
}
