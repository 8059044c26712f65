//! Rows: ROW(…), whole rows of relations, comparisons between them.

use std::rc::Rc;

use datafusion::logical_expr::{Expr, Operator};
use sqlparser::ast::{self, Expr as Ast};

use super::Analyst;
use super::coded::is_figure;
use super::expression::strip;
use super::level::Level;
use super::select::Target;
use super::typed::{self, Typed, and, boolean, not, or};
use crate::base::limits::ROW_DEPTH_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::{FIELDS, fold};
use crate::engine::semantics;
use crate::types::PgType;

impl Analyst<'_> {
    /// A row of these fields, without a type of its own.
    pub(super) fn row_of(&self, fields: &[(String, Typed)]) -> Result<Typed> {
        let mut types = Vec::with_capacity(fields.len());
        let mut names = Vec::with_capacity(fields.len());
        let mut exprs = Vec::with_capacity(fields.len());
        for (name, field) in fields {
            names.push(name.clone());
            // A parameter takes the type of what it will be compared with.
            if field.is_unknown() && matches!(field.expr, Expr::Placeholder(_)) {
                types.push(PgType::TEXT);
                exprs.push(field.expr.clone());
                continue;
            }
            let value = match field.is(PgType::VOID) {
                // Nothing is shown as a text without characters.
                true => {
                    let text = typed::cast(field.expr.clone(), PgType::TEXT);
                    self.native("coalesce", vec![text, typed::text("").expr])?
                }
                false => self.settled(field.clone())?,
            };
            let ty = match value.ty.has_lists() {
                true => value.ty.with_dimensions(self.dimensions(&value)?),
                false => value.ty,
            };
            exprs.push(typed::cast(value.expr, ty));
            types.push(match field.is_unknown() {
                true => PgType::UNKNOWN,
                false => ty,
            });
        }
        let ty = PgType::record(&types, &names);
        if ty
            .shape()
            .is_some_and(|shape| shape.depth() > ROW_DEPTH_MAX)
        {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "rows are nested too deeply",
            ));
        }
        Ok(Typed::new(semantics::make(ty, exprs), ty))
    }

    /// A row that was written field by field: it compares so, too.
    pub(super) fn written_row(&self, fields: Vec<(String, Typed)>) -> Result<Typed> {
        Ok(Typed {
            row: Some(Rc::new(fields.clone())),
            ..self.row_of(&fields)?
        })
    }

    /// Whether a row was written field by field.
    pub(super) fn is_written(value: &Typed) -> bool {
        value.row.is_some() && value.is(PgType::RECORD)
    }

    /// `(a, b)`, `ROW(a, b)`
    pub(super) fn row(&self, level: &Level<'_>, items: &[ast::Expr]) -> Result<Typed> {
        let mut fields = Vec::with_capacity(items.len());
        for item in items {
            // `ROW(t.*)` is the fields of t.
            match self.row_star(level, item)? {
                Some(targets) => fields.extend(
                    targets
                        .into_iter()
                        .map(|target| (String::new(), target.value)),
                ),
                None => fields.push((String::new(), self.expression(level, item)?)),
            }
        }
        for (index, (name, _)) in fields.iter_mut().enumerate() {
            *name = format!("f{}", index + 1);
        }
        self.written_row(fields)
    }

    /// `(row).name`
    pub(super) fn field(&self, row: Typed, name: &str) -> Result<Typed> {
        if name == FIELDS {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "row expansion via \"*\" is not supported here",
            ));
        }
        let Some(fields) = self.fields(&row) else {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!(
                    "column notation .{name} applied to type {}, which is not a composite type",
                    row.base()
                ),
            ));
        };
        fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.clone())
            .ok_or_else(|| {
                let message = match row.ty.is_composite() && !row.is(PgType::RECORD) {
                    true => format!("column \"{name}\" not found in data type {}", row.base()),
                    false => format!("could not identify column \"{name}\" in record data type"),
                };
                Error::new(SqlState::UNDEFINED_COLUMN, message)
            })
    }

    /// `(row).*` or `relation.*` in a list; `None` if the expression is neither.
    pub(super) fn row_star(
        &self,
        level: &Level<'_>,
        expression: &ast::Expr,
    ) -> Result<Option<Vec<Target>>> {
        match expression {
            ast::Expr::QualifiedWildcard(name, _) => {
                let columns = self.starred(level, name)?;
                Ok(Some(
                    columns
                        .into_iter()
                        .map(|column| Target {
                            name: column.name,
                            value: column.value,
                        })
                        .collect(),
                ))
            }
            ast::Expr::CompoundFieldAccess { root, access_chain } => {
                match access_chain.as_slice() {
                    [
                        before @ ..,
                        ast::AccessExpr::Dot(ast::Expr::Identifier(all)),
                    ] if all.value == FIELDS => {
                        let value = match before {
                            [] => self.expression(level, root)?,
                            before => self.access(level, root, before)?,
                        };
                        self.fields_of(value).map(Some)
                    }
                    _ => Ok(None),
                }
            }
            _ => Ok(None),
        }
    }

    fn pairs(&self, left: &Typed, right: &Typed) -> Result<Vec<(Typed, Typed)>> {
        let (Some(a), Some(b)) = (&left.row, &right.row) else {
            return Err(super::operator::no_operator("record = record"));
        };
        if a.len() != b.len() {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "unequal number of entries in row expressions",
            ));
        }
        if a.is_empty() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot compare rows of zero length",
            ));
        }
        Ok(a.iter()
            .zip(b.iter())
            .map(|((_, a), (_, b))| (a.clone(), b.clone()))
            .collect())
    }

    /// A comparison of rows: the first pair that differs decides.
    pub(super) fn compare_rows(&self, op: Operator, left: Typed, right: Typed) -> Result<Typed> {
        let pairs = self.pairs(&left, &right)?;
        let figure = |(a, b): &(Typed, Typed)| is_figure(a.ty) || is_figure(b.ty);
        if let Some((a, b)) = pairs.iter().find(|pair| pairs.len() > 1 && figure(pair)) {
            let sign = op.to_string();
            self.operate(&sign, a.clone(), b.clone())?;
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("could not determine interpretation of row comparison operator {sign}"),
            )
            .hint("Row comparison operators must be associated with btree operator families."));
        }
        let apply = |sign: &str, (a, b): &(Typed, Typed)| -> Result<Expr> {
            Ok(self.operate(sign, a.clone(), b.clone())?.expr)
        };
        // To tell which row is less, all pairs but the last are compared twice.
        if !matches!(op, Operator::Eq | Operator::NotEq) {
            for (a, b) in pairs.iter().rev().skip(1) {
                self.scope.watch.repeat(&a.expr)?;
                self.scope.watch.repeat(&b.expr)?;
            }
        }
        let mut result: Option<Expr> = None;
        for pair in pairs.iter().rev() {
            let so_far = result.take();
            result = Some(match op {
                Operator::Eq => {
                    let equal = apply("=", pair)?;
                    so_far.map_or(equal.clone(), |rest| and(equal, rest))
                }
                Operator::NotEq => {
                    let differ = apply("<>", pair)?;
                    so_far.map_or(differ.clone(), |rest| or(differ, rest))
                }
                op => {
                    let strict = match op {
                        Operator::Lt | Operator::LtEq => "<",
                        _ => ">",
                    };
                    match so_far {
                        None => apply(&op.to_string(), pair)?,
                        Some(rest) => or(apply(strict, pair)?, and(apply("=", pair)?, rest)),
                    }
                }
            });
        }
        Ok(Typed::bool(result.unwrap_or_else(|| boolean(None))))
    }

    /// IS [NOT] DISTINCT FROM between rows.
    pub(super) fn distinct_rows(&self, left: Typed, right: Typed, negated: bool) -> Result<Typed> {
        let mut same: Option<Expr> = None;
        for (a, b) in self.pairs(&left, &right)? {
            let one = self.distinct(a, b, true)?.expr;
            same = Some(match same {
                Some(so_far) => and(so_far, one),
                None => one,
            });
        }
        let same = same.unwrap_or_else(|| boolean(Some(true)));
        Ok(Typed::bool(if negated { same } else { not(same) }))
    }

    /// `row IS [NOT] NULL`: every field is, or every field is not.
    pub(super) fn row_is_null(&self, fields: &[(String, Typed)], negated: bool) -> Typed {
        let mut result: Option<Expr> = None;
        for (_, field) in fields {
            let one = if negated {
                field.expr.clone().is_not_null()
            } else {
                field.expr.clone().is_null()
            };
            result = Some(match result {
                Some(so_far) => and(so_far, one),
                None => one,
            });
        }
        Typed::bool(result.unwrap_or_else(|| boolean(Some(true))))
    }

    /// `(s1, e1) OVERLAPS (s2, e2)`
    pub(super) fn overlaps(&self, left: Typed, right: Typed) -> Result<Typed> {
        let wrong = |side: &str| {
            Error::new(
                SqlState::SYNTAX_ERROR,
                format!("wrong number of parameters on {side} side of OVERLAPS expression"),
            )
        };
        let ends = |value: &Typed, side: &str| -> Result<(Typed, Typed)> {
            match value.row.as_ref().map(|fields| fields.as_slice()) {
                Some([(_, start), (_, end)]) => {
                    // An interval counts from the start.
                    let end = if end.is(PgType::INTERVAL) {
                        self.operate("+", start.clone(), end.clone())?
                    } else {
                        end.clone()
                    };
                    Ok((start.clone(), end))
                }
                _ => Err(wrong(side)),
            }
        };
        let (a, b) = ends(&left, "left")?;
        let (c, d) = ends(&right, "right")?;
        let (values, _) = self.in_common(vec![a, b, c, d], "OVERLAPS")?;
        let [a, b, c, d]: [Typed; 4] = values
            .try_into()
            .map_err(|_| Error::unsupported("OVERLAPS"))?;
        for end in [&a, &b, &c, &d] {
            self.scope.watch.repeat(&end.expr)?;
        }
        // Each period with its earlier end first; a NULL end counts as unknown.
        let less = |x: &Typed, y: &Typed| self.operate("<", x.clone(), y.clone());
        let swap = |x: &Typed, y: &Typed| -> Result<(Expr, Expr)> {
            let later = or(
                self.operate(">", x.clone(), y.clone())?.expr,
                x.expr.clone().is_null(),
            );
            let first =
                super::typed::case(vec![(later.clone(), y.expr.clone())], Some(x.expr.clone()));
            let last = super::typed::case(vec![(later, x.expr.clone())], Some(y.expr.clone()));
            Ok((first, last))
        };
        let ty = a.ty;
        let (s1, e1) = swap(&a, &b)?;
        let (s2, e2) = swap(&c, &d)?;
        let of = |expr: &Expr| Typed::new(expr.clone(), ty);
        let greater = self.operate(">", of(&s1), of(&s2))?.expr;
        let smaller = less(&of(&s1), &of(&s2))?.expr;
        let equal = self.operate("=", of(&s1), of(&s2))?.expr;
        let both = and(e1.clone().is_not_null(), e2.clone().is_not_null());
        let overlaps = super::typed::case(
            vec![
                (
                    greater,
                    super::typed::case(
                        vec![
                            (less(&of(&s1), &of(&e2))?.expr, boolean(Some(true))),
                            (
                                or(e1.clone().is_null(), e2.clone().is_null()),
                                boolean(None),
                            ),
                        ],
                        Some(boolean(Some(false))),
                    ),
                ),
                (
                    smaller,
                    super::typed::case(
                        vec![
                            (less(&of(&s2), &of(&e1))?.expr, boolean(Some(true))),
                            (or(e1.is_null(), e2.is_null()), boolean(None)),
                        ],
                        Some(boolean(Some(false))),
                    ),
                ),
                (
                    equal,
                    super::typed::case(vec![(both, boolean(Some(true)))], Some(boolean(None))),
                ),
            ],
            Some(boolean(None)),
        );
        Ok(Typed::bool(overlaps))
    }
}

/// Options of `*` that are not PostgreSQL's.
pub(super) fn check_wildcard(options: &ast::WildcardAdditionalOptions) -> Result<()> {
    if options.opt_ilike.is_some()
        || options.opt_exclude.is_some()
        || options.opt_except.is_some()
        || options.opt_replace.is_some()
        || options.opt_rename.is_some()
    {
        return Err(Error::unsupported("an option after *"));
    }
    Ok(())
}

/// The fields of a row that is written, `(a, b)` or `ROW(a, b)`.
pub(in crate::engine) fn row_items(expression: &Ast) -> Option<Vec<&Ast>> {
    match strip(expression) {
        Ast::Tuple(items) => Some(items.iter().collect()),
        Ast::Function(call) => {
            let [ast::ObjectNamePart::Identifier(name)] = call.name.0.as_slice() else {
                return None;
            };
            let ast::FunctionArguments::List(list) = &call.args else {
                return None;
            };
            let is_row = name.quote_style.is_none() && fold(name) == "row";
            let items = list.args.iter().map(|arg| match arg {
                ast::FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(item)) => Some(item),
                _ => None,
            });
            is_row.then(|| items.collect())?
        }
        _ => None,
    }
}
