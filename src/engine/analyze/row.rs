//! Rows: ROW(…), whole rows of relations, comparisons between them.

use std::rc::Rc;

use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::{Expr, Operator};
use sqlparser::ast;

use super::Analyst;
use super::level::Level;
use super::select::Target;
use super::typed::{self, Typed, and, boolean, not, or};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::FIELDS;
use crate::engine::semantics;
use crate::types::PgType;
use crate::types::pgtype::Shape;

/// What the columns are named that carry the fields of a row out of a subquery.
const FIELD: &str = "\0field";

impl Analyst<'_> {
    /// A row of these fields; shown, it is PostgreSQL's text of one.
    pub(super) fn row_of(&self, fields: Vec<(String, Typed)>) -> Result<Typed> {
        let parts = fields
            .iter()
            .map(|(_, field)| {
                // A parameter takes the type of what it will be compared with.
                if field.is_unknown() && matches!(field.expr, Expr::Placeholder(_)) {
                    return Ok(field.expr.clone());
                }
                let settled = self.settled(field.clone())?;
                Ok(self.coerced(settled, PgType::TEXT)?.expr)
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(Typed {
            row: Some(Rc::new(fields)),
            ..Typed::new(semantics::row_text(parts), PgType::RECORD)
        })
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
        self.row_of(fields)
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
                let message = match row.ty.is_composite() {
                    true => format!("column \"{name}\" not found in data type {}", row.base()),
                    false => format!("could not identify column \"{name}\" in record data type"),
                };
                Error::new(SqlState::UNDEFINED_COLUMN, message)
            })
    }

    /// Adds the fields of rows among the first `outputs` targets, for a query around to name.
    pub(super) fn keep_fields(&self, targets: &mut Vec<Target>, outputs: usize) {
        for index in 0..outputs {
            // What has a type of its own says its fields itself.
            if targets[index].value.ty.is_composite() {
                continue;
            }
            let Some(fields) = targets[index].value.row.clone() else {
                continue;
            };
            if fields.iter().any(|(_, field)| field.is_unknown()) {
                continue;
            }
            targets.extend(fields.iter().map(|(name, field)| Target {
                name: format!("{FIELD}{index}\0{name}"),
                value: Typed::new(typed::cast(field.expr.clone(), field.ty), field.ty),
            }));
        }
    }

    /// A row without a type of its own as bytes that tell its fields, which a client may ask for in
    /// binary format; any other value as it is.
    pub(super) fn said_row(&self, value: Typed) -> Result<Typed> {
        let Some(fields) = value.row.as_ref().filter(|_| value.is(PgType::RECORD)) else {
            return Ok(value);
        };
        let mut types = Vec::with_capacity(fields.len());
        let mut exprs = Vec::with_capacity(fields.len());
        for (_, field) in fields.iter() {
            let unknown = field.is_unknown();
            let field = self.said_row(self.settled(field.clone())?)?;
            // What has no bytes, or none that tell its fields, leaves the row a text.
            let untold = field.ty.is(PgType::RECORD) && !field.ty.is_composite();
            if untold || field.is(PgType::VOID) {
                return Ok(value);
            }
            types.push(if unknown { PgType::UNKNOWN } else { field.ty });
            exprs.push(typed::cast(field.expr, field.ty));
        }
        let ty = PgType::composite(PgType::RECORD.oid, PgType::RECORD.oid, Shape::of(&types));
        Ok(Typed::new(semantics::make(ty, exprs), ty))
    }

    /// The fields that [`Analyst::keep_fields`] kept of output `index`, in a relation of a plan.
    pub(super) fn kept_fields(
        &self,
        plan: &DFSchema,
        relation: &TableReference,
        index: usize,
    ) -> Option<Rc<Vec<(String, Typed)>>> {
        let prefix = format!("{FIELD}{index}\0");
        let mut fields = Vec::new();
        for field in plan.fields() {
            let Some(rest) = field.name().strip_prefix(&prefix) else {
                continue;
            };
            let name = rest.split('\0').next().unwrap_or_default();
            let column = Column::new(Some(relation.clone()), field.name());
            self.register(&column, field, name.to_owned());
            let value = Typed::new(Expr::Column(column), PgType::of_field(field));
            fields.push((name.to_owned(), value));
        }
        (!fields.is_empty()).then(|| Rc::new(fields))
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
        let apply = |sign: &str, (a, b): &(Typed, Typed)| -> Result<Expr> {
            Ok(self.operate(sign, a.clone(), b.clone())?.expr)
        };
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
