//! Expressions that are kept, laid out as PostgreSQL shows them (`ruleutils.c`).
//!
//! What the analysis has written out ([`super::analyze`], `deparse`) is laid out in full: every
//! operator in parentheses, every cast around parentheses. Pretty, only those parentheses stay that
//! PostgreSQL's `isSimpleNode` asks for. The full layout is read back as what it was.

mod form;
mod simple;

use sqlparser::ast::{
    AccessExpr, BinaryOperator, DataType, Expr, Ident, ObjectNamePart, Subscript, UnaryOperator,
    Value,
};

use self::simple::{Class, Logic, Parent, chain, class, is_bare, is_cut, is_simple, logic};
use super::analyze::{row_items, sign, strip};
use super::parse::{fold, parse_expression, written_type};
use crate::base::name::quote;
use crate::catalog::{SearchPath, without_stars};
use crate::pg_catalog::names;
use crate::statement::{LaidOut, StatementContext};

/// The text of an expression that is kept, under the names by which `context` finds what it names.
/// What cannot be laid out is its author's text, in parentheses.
pub fn laid_out(context: &StatementContext, text: &str, pretty: bool) -> LaidOut {
    // Whole rows stand there by themselves, as far as the grammar goes.
    let grammatical = without_stars(text);
    let rows = grammatical != text;
    let Ok(expression) = parse_expression(&grammatical) else {
        // Several of them.
        return LaidOut {
            text: text.to_owned(),
            is_call: false,
        };
    };
    // What was not written out may mean something else than its tree seems to.
    let is_written = is_written(context, text, &expression, rows);
    match layout(context, &expression, pretty, rows).filter(|_| is_written) {
        Some(text) => LaidOut {
            text,
            is_call: form::is_call(&expression),
        },
        None => LaidOut {
            text: match expression {
                Expr::Nested(_) => text.to_owned(),
                _ => format!("({text})"),
            },
            is_call: false,
        },
    }
}

/// Whether a text is one that was written out, of the expression that it is.
pub(super) fn is_written(
    context: &StatementContext,
    text: &str,
    expression: &Expr,
    rows: bool,
) -> bool {
    let full = layout(&context.under_system_path(), expression, false, rows);
    full.is_some_and(|full| full.trim_start() == text)
}

/// An expression laid out; `None` if it has parts that are not written so. `rows` says that `old`
/// and `new` by themselves are rows.
pub(super) fn layout(
    context: &StatementContext,
    of: &Expr,
    pretty: bool,
    rows: bool,
) -> Option<String> {
    let mut layout = Layout {
        context,
        pretty,
        rows,
        indent: 0,
        out: String::new(),
    };
    layout.node(of)?;
    Some(layout.out)
}

/// The spaces that a part of CASE is moved in.
const INDENT: usize = 4;

/// What is laid out so far.
struct Layout<'a> {
    context: &'a StatementContext,
    pretty: bool,
    /// Whether `old` and `new` are rows.
    rows: bool,
    indent: usize,
    out: String,
}

impl Layout<'_> {
    fn push(&mut self, text: &str) {
        self.out.push_str(text);
    }

    /// A node that stands in another.
    fn inside(&mut self, of: &Expr, parent: Parent) -> Option<()> {
        if self.pretty && !is_simple(of, parent) {
            self.push("(");
            self.node(of)?;
            self.push(")");
            return Some(());
        }
        self.node(of)
    }

    fn open(&mut self) {
        if !self.pretty {
            self.push("(");
        }
    }

    fn close(&mut self) {
        if !self.pretty {
            self.push(")");
        }
    }

    /// The word of a form that has lines of its own.
    fn line(&mut self, word: &str) {
        let length = self.out.trim_end_matches(' ').len();
        self.out.truncate(length);
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n(' ', self.indent));
        self.push(word);
    }

    fn node(&mut self, of: &Expr) -> Option<()> {
        match of {
            Expr::Nested(inner) => self.node(inner)?,
            Expr::Identifier(ident) => self.name(ident)?,
            Expr::CompoundIdentifier(parts) => {
                let parts: Vec<_> = parts.iter().map(shown_name).collect();
                self.push(&parts.join("."));
            }
            Expr::Value(value) => self.value(&value.value)?,
            Expr::Cast {
                expr, data_type, ..
            } => {
                let ty = self.type_name(data_type)?;
                match expr.as_ref() {
                    constant if is_bare(constant, &ty) => self.node(constant)?,
                    operand => {
                        // The text between, which is not shown, has parentheses of its own.
                        let between = self.pretty && is_cut(data_type);
                        let between = between && !is_simple(operand, Parent::Cast);
                        if between {
                            self.push("(");
                        }
                        self.open();
                        self.inside(operand, Parent::Cast)?;
                        self.close();
                        if between {
                            self.push(")");
                        }
                    }
                }
                self.push("::");
                self.push(&ty);
            }
            Expr::BinaryOp { left, op, right } => self.binary(of, left, op, right)?,
            Expr::UnaryOp {
                op: UnaryOperator::Not,
                expr,
            } => {
                self.open();
                self.push("NOT ");
                self.inside(expr, Parent::Logic(Logic::Not))?;
                self.close();
            }
            Expr::UnaryOp { op, expr } => {
                self.open();
                self.push(&op.to_string());
                self.push(" ");
                self.inside(expr, Parent::Operator(Class::Plain, false))?;
                self.close();
            }
            Expr::IsNull(inner) => self.test(inner, "NULL")?,
            Expr::IsNotNull(inner) => self.test(inner, "NOT NULL")?,
            Expr::IsTrue(inner) => self.test(inner, "TRUE")?,
            Expr::IsNotTrue(inner) => self.test(inner, "NOT TRUE")?,
            Expr::IsFalse(inner) => self.test(inner, "FALSE")?,
            Expr::IsNotFalse(inner) => self.test(inner, "NOT FALSE")?,
            Expr::IsUnknown(inner) => self.test(inner, "UNKNOWN")?,
            Expr::IsNotUnknown(inner) => self.test(inner, "NOT UNKNOWN")?,
            Expr::IsDistinctFrom(left, right) => {
                self.open();
                self.inside(left, Parent::Other)?;
                self.push(" IS DISTINCT FROM ");
                self.inside(right, Parent::Other)?;
                self.close();
            }
            Expr::AnyOp {
                left,
                compare_op,
                right,
                ..
            } => self.quantified(left, compare_op, "ANY", right)?,
            Expr::AllOp {
                left,
                compare_op,
                right,
            } => self.quantified(left, compare_op, "ALL", right)?,
            Expr::Collate { expr, collation } => {
                self.open();
                self.inside(expr, Parent::Other)?;
                self.push(" COLLATE ");
                let parts: Vec<_> = collation.0.iter().map(shown_part).collect();
                self.push(&parts.into_iter().collect::<Option<Vec<_>>>()?.join("."));
                self.close();
            }
            Expr::Tuple(items) => {
                self.push("ROW(");
                self.all(items.iter())?;
                self.push(")");
            }
            Expr::Array(array) => {
                self.push("ARRAY[");
                self.all(array.elem.iter())?;
                self.push("]");
            }
            Expr::CompoundFieldAccess { root, access_chain } => self.access(root, access_chain)?,
            Expr::Case {
                operand,
                conditions,
                else_result,
                ..
            } => {
                self.line("CASE");
                self.indent += INDENT;
                if let Some(operand) = operand {
                    self.push(" ");
                    self.node(operand)?;
                }
                for branch in conditions {
                    self.line("WHEN ");
                    self.node(&branch.condition)?;
                    self.push(" THEN ");
                    self.node(&branch.result)?;
                }
                self.line("ELSE ");
                match else_result {
                    Some(otherwise) => self.node(otherwise)?,
                    None => return None,
                }
                self.indent -= INDENT;
                self.line("END");
            }
            Expr::Function(function) => self.call(function)?,
            other => self.form(other)?,
        }
        Some(())
    }

    /// Nodes with commas between them.
    fn all<'e>(&mut self, items: impl Iterator<Item = &'e Expr>) -> Option<()> {
        for (index, item) in items.enumerate() {
            if index > 0 {
                self.push(", ");
            }
            self.node(item)?;
        }
        Some(())
    }

    fn test(&mut self, inner: &Expr, what: &str) -> Option<()> {
        self.open();
        self.inside(inner, Parent::Other)?;
        self.push(" IS ");
        self.push(what);
        self.close();
        Some(())
    }

    fn quantified(
        &mut self,
        left: &Expr,
        op: &BinaryOperator,
        word: &str,
        right: &Expr,
    ) -> Option<()> {
        self.open();
        self.inside(left, Parent::Other)?;
        self.push(&format!(" {} {word} (", sign(op).ok()?));
        self.inside(right, Parent::Other)?;
        self.push(")");
        self.close();
        Some(())
    }

    fn binary(
        &mut self,
        whole: &Expr,
        left: &Expr,
        op: &BinaryOperator,
        right: &Expr,
    ) -> Option<()> {
        if let Some(logic) = logic(whole) {
            let word = if logic == Logic::And { " AND " } else { " OR " };
            self.open();
            for (index, part) in chain(whole, logic).into_iter().enumerate() {
                if index > 0 {
                    self.push(word);
                }
                self.inside(part, Parent::Logic(logic))?;
            }
            self.close();
            return Some(());
        }
        if let BinaryOperator::Overlaps = op {
            let (Expr::Tuple(left), Expr::Tuple(right)) = (strip(left), strip(right)) else {
                return None;
            };
            self.push("((");
            self.all(left.iter())?;
            self.push(") OVERLAPS (");
            self.all(right.iter())?;
            self.push("))");
            return Some(());
        }
        let sign = sign(op).ok()?;
        if sign.starts_with('\0') {
            return None;
        }
        // Rows have parentheses in any case.
        let rows = row_items(left).is_some() && row_items(right).is_some();
        let class = class(&sign);
        if rows {
            self.push("(");
        } else {
            self.open();
        }
        self.inside(left, Parent::Operator(class, true))?;
        self.push(&format!(" {sign} "));
        self.inside(right, Parent::Operator(class, false))?;
        if rows {
            self.push(")");
        } else {
            self.close();
        }
        Some(())
    }

    fn access(&mut self, root: &Expr, chain: &[AccessExpr]) -> Option<()> {
        let dot = matches!(chain.first(), Some(AccessExpr::Dot(_)));
        match strip(root) {
            Expr::Identifier(ident) if !dot => self.name(ident)?,
            root => {
                self.push("(");
                self.node(root)?;
                self.push(")");
            }
        }
        for access in chain {
            match access {
                AccessExpr::Dot(Expr::Identifier(field)) => {
                    self.push(".");
                    self.push(&shown_name(field));
                }
                AccessExpr::Subscript(Subscript::Index { index }) => {
                    self.push("[");
                    self.node(index)?;
                    self.push("]");
                }
                AccessExpr::Subscript(Subscript::Slice {
                    lower_bound,
                    upper_bound,
                    stride: None,
                }) => {
                    self.push("[");
                    if let Some(bound) = lower_bound {
                        self.node(bound)?;
                    }
                    self.push(":");
                    if let Some(bound) = upper_bound {
                        self.node(bound)?;
                    }
                    self.push("]");
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn name(&mut self, ident: &Ident) -> Option<()> {
        let bare = ident.quote_style.is_none();
        match bare && super::analyze::is_call(ident) {
            true => self.push(&ident.value.to_uppercase()),
            false if bare && ident.value == "VALUE" => self.push("VALUE"),
            false if self.rows && matches!(fold(ident).as_str(), "old" | "new") => {
                self.push(&fold(ident));
                self.push(".*");
            }
            false => self.push(&shown_name(ident)),
        }
        Some(())
    }

    fn value(&mut self, value: &Value) -> Option<()> {
        match value {
            Value::Number(text, _) => self.push(text),
            Value::SingleQuotedString(text) => {
                let text = text.replace('\'', "''");
                self.push(&format!("'{text}'"));
            }
            Value::Boolean(value) => self.push(if *value { "true" } else { "false" }),
            Value::Null => self.push("NULL"),
            _ => return None,
        }
        Some(())
    }

    /// A type by the name it is found under.
    fn type_name(&self, data_type: &DataType) -> Option<String> {
        let snapshot = &self.context.snapshot;
        let ty = written_type(data_type).ok()?;
        let full = ty.resolve(snapshot, &SearchPath::only_system());
        let ty = full.or_else(|_| ty.resolve(snapshot, &self.context.search_path));
        let ty = ty.ok()?;
        Some(names::written(self.context, ty))
    }
}

fn shown_name(ident: &Ident) -> String {
    quote(&fold(ident)).into_owned()
}

fn shown_part(part: &ObjectNamePart) -> Option<String> {
    let ident = part.as_ident()?;
    // Collations' names are as they are written.
    Some(match ident.quote_style {
        Some(_) => format!("\"{}\"", ident.value.replace('"', "\"\"")),
        None => shown_name(ident),
    })
}
