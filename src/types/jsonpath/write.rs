//! Writes a path as PostgreSQL does.

use std::fmt::{Display, Formatter, Result, Write};

use super::{Expr, Path, Start, Step};

impl Display for Path {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        if !self.lax {
            f.write_str("strict ")?;
        }
        write_expr(&self.expr, true, f)
    }
}

/// How tightly an expression binds.
fn priority(expr: &Expr) -> u8 {
    match &expr.start {
        Start::Binary(op, ..) => op.priority(),
        Start::Sign(..) => 5,
        _ => 6,
    }
}

fn write_expr(expr: &Expr, brackets: bool, f: &mut Formatter<'_>) -> Result {
    write_start(&expr.start, brackets || !expr.steps.is_empty(), f)?;
    expr.steps.iter().try_for_each(|step| write_step(step, f))
}

fn write_start(start: &Start, brackets: bool, f: &mut Formatter<'_>) -> Result {
    let (open, close) = if brackets { ("(", ")") } else { ("", "") };
    match start {
        Start::Root => f.write_char('$'),
        Start::Current => f.write_char('@'),
        Start::Last => f.write_str("last"),
        Start::Variable(name) => {
            f.write_char('$')?;
            write_string(name, f)
        }
        Start::Null => f.write_str("null"),
        Start::Bool(value) => write!(f, "{value}"),
        Start::Number(number) => write!(f, "{number}"),
        Start::String(text) => write_string(text, f),
        Start::Binary(op, left, right) => {
            f.write_str(open)?;
            write_expr(left, priority(left) <= op.priority(), f)?;
            write!(f, " {} ", op.sign())?;
            write_expr(right, priority(right) <= op.priority(), f)?;
            f.write_str(close)
        }
        Start::Sign(minus, inner) => {
            f.write_str(open)?;
            f.write_char(if *minus { '-' } else { '+' })?;
            write_expr(inner, priority(inner) <= 5, f)?;
            f.write_str(close)
        }
        Start::Not(inner) => {
            f.write_str("!(")?;
            write_expr(inner, false, f)?;
            f.write_char(')')
        }
        Start::IsUnknown(inner) => {
            f.write_char('(')?;
            write_expr(inner, false, f)?;
            f.write_str(") is unknown")
        }
        Start::Exists(inner) => {
            f.write_str("exists (")?;
            write_expr(inner, false, f)?;
            f.write_char(')')
        }
        Start::Like(inner, pattern, flags) => {
            f.write_str(open)?;
            write_expr(inner, priority(inner) <= 2, f)?;
            f.write_str(" like_regex ")?;
            write_string(pattern, f)?;
            if !flags.is_empty() {
                f.write_str(" flag \"")?;
                for letter in "ismxq".chars().filter(|letter| flags.contains(*letter)) {
                    f.write_char(letter)?;
                }
                f.write_char('"')?;
            }
            f.write_str(close)
        }
    }
}

fn write_step(step: &Step, f: &mut Formatter<'_>) -> Result {
    match step {
        Step::Key(key) => {
            f.write_char('.')?;
            write_string(key, f)
        }
        Step::AnyKey => f.write_str(".*"),
        Step::AnyItem => f.write_str("[*]"),
        Step::Items(items) => {
            f.write_char('[')?;
            for (index, (from, to)) in items.iter().enumerate() {
                if index > 0 {
                    f.write_char(',')?;
                }
                write_expr(from, false, f)?;
                if let Some(to) = to {
                    f.write_str(" to ")?;
                    write_expr(to, false, f)?;
                }
            }
            f.write_char(']')
        }
        Step::Any(0, u32::MAX) => f.write_str(".**"),
        Step::Any(u32::MAX, u32::MAX) => f.write_str(".**{last}"),
        Step::Any(from, to) if from == to => write!(f, ".**{{{from}}}"),
        Step::Any(u32::MAX, to) => write!(f, ".**{{last to {to}}}"),
        Step::Any(from, u32::MAX) => write!(f, ".**{{{from} to last}}"),
        Step::Any(from, to) => write!(f, ".**{{{from} to {to}}}"),
        Step::Filter(condition) => {
            f.write_str("?(")?;
            write_expr(condition, false, f)?;
            f.write_char(')')
        }
        Step::Method(method) => write!(f, ".{}()", method.name()),
        Step::DateTime(template) => {
            f.write_str(".datetime(")?;
            if let Some(template) = template {
                write_string(template, f)?;
            }
            f.write_char(')')
        }
    }
}

fn write_string(text: &str, f: &mut Formatter<'_>) -> Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\u{8}' => f.write_str("\\b")?,
            '\u{c}' => f.write_str("\\f")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\t' => f.write_str("\\t")?,
            c if c < ' ' => write!(f, "\\u{:04x}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_char('"')
}
