//! Forms with a grammar of their own: EXTRACT, SUBSTRING … FROM, TRIM, LIKE … ESCAPE, SIMILAR TO,
//! AT TIME ZONE, COLLATE.

use sqlparser::ast::{
    CeilFloorKind, Expr as Ast, FunctionArg, FunctionArgExpr, FunctionArguments, NormalizationForm,
    ObjectName, ObjectNamePart, TrimWhereField, ValueWithSpan,
};

use super::Analyst;
use super::coerce::{category, not_unique};
use super::level::Level;
use super::subquery::negated_if;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::functions;
use crate::types::PgType;
use crate::types::coded::bits;

impl Analyst<'_> {
    /// `expr COLLATE collation`
    pub(super) fn collated(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        collation: &ObjectName,
    ) -> Result<Typed> {
        check_collation(collation)?;
        let value = self.expression(level, expr)?;
        if value.is_unknown() {
            return self.coerced(value, PgType::TEXT);
        }
        if super::coerce::category(value.ty) != 'S' {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("collations are not supported by type {}", value.base()),
            ));
        }
        Ok(value)
    }

    /// `expr IS [NOT] [form] NORMALIZED`
    pub(super) fn is_normalized(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        form: Option<&NormalizationForm>,
        negated: bool,
    ) -> Result<Typed> {
        let analysed = |expression: &Ast| self.expression(level, expression);
        let text = analysed(expr)?;
        let mut args = vec![self.coerced(text, PgType::TEXT)?.expr];
        args.extend(
            form.as_ref()
                .map(|form| typed::text(&form.to_string()).expr),
        );
        let is = self.native("is_normalized", args)?;
        Ok(Typed::bool(negated_if(is.expr, negated)))
    }

    pub(super) fn special_form(&self, level: &Level<'_>, expression: &Ast) -> Result<Typed> {
        let analysed = |expression: &Ast| self.expression(level, expression);
        let call = |name: &str, args: Vec<Typed>| {
            let written = ObjectName::from(vec![sqlparser::ast::Ident::new(name)]);
            self.scalar_call(level, name, args, &written)
        };
        match expression {
            Ast::Extract { field, expr, .. } => {
                let field = field.to_string().to_lowercase();
                let field = field.trim_matches('\'').to_owned();
                let value = analysed(expr)?;
                if value.is_unknown() {
                    return Err(not_unique("pg_catalog.extract(unknown, unknown)"));
                }
                let name = if functions::scalar(self.scope.context, "extract").is_some() {
                    "extract"
                } else {
                    "date_part"
                };
                let part = call(name, vec![typed::unknown(Some(&field)), value])?;
                self.coerced(part, PgType::NUMERIC)
            }
            Ast::Ceil { expr, field } => self.rounded(level, "ceil", expr, field),
            Ast::Floor { expr, field } => self.rounded(level, "floor", expr, field),
            Ast::Position { expr, r#in } => {
                let (part, whole) = (analysed(expr)?, analysed(r#in)?);
                if whole.is(PgType::BYTEA) || part.is(PgType::BYTEA) {
                    let args = self.resolved("position", "f", vec![whole, part])?;
                    let place =
                        self.native("strpos", args.into_iter().map(|arg| arg.expr).collect())?;
                    return self.coerced(place, PgType::INT4);
                }
                let name = match [&whole, &part].iter().any(|value| bits::is(value.ty)) {
                    true => "position",
                    false => "strpos",
                };
                call(name, vec![whole, part])
            }
            Ast::Substring {
                expr,
                substring_from,
                substring_for,
                shorthand,
                ..
            } => {
                let mut args = vec![analysed(expr)?];
                match (substring_from, substring_for) {
                    (Some(from), None) => args.push(analysed(from)?),
                    (Some(from), Some(count)) => {
                        args.push(analysed(from)?);
                        args.push(analysed(count)?);
                    }
                    (None, Some(count)) => {
                        args.push(typed::int4(1));
                        args.push(analysed(count)?);
                    }
                    (None, None) => {}
                }
                if *shorthand {
                    // Of these there are none with patterns.
                    return call("substr", args);
                }
                // DataFusion's `substring` knows positions, not patterns.
                let by_pattern = args
                    .get(1)
                    .is_some_and(|from| category(from.ty) == 'S' || from.unknown_text().is_some());
                if by_pattern && !self.is_ours("substring") {
                    return Err(Error::unsupported("SUBSTRING with a pattern"));
                }
                call("substring", args)
            }
            Ast::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters,
            } => {
                let name = match trim_where {
                    Some(TrimWhereField::Leading) => "ltrim",
                    Some(TrimWhereField::Trailing) => "rtrim",
                    Some(TrimWhereField::Both) | None => "btrim",
                };
                let mut args = vec![analysed(expr)?];
                if let Some(what) = trim_what {
                    args.push(analysed(what)?);
                }
                for what in trim_characters.iter().flatten() {
                    args.push(analysed(what)?);
                }
                call(name, args)
            }
            Ast::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => {
                let mut args = vec![
                    analysed(expr)?,
                    analysed(overlay_what)?,
                    analysed(overlay_from)?,
                ];
                if let Some(count) = overlay_for {
                    args.push(analysed(count)?);
                }
                call("overlay", args)
            }
            _ => Err(Error::unsupported("this kind of expression")),
        }
    }

    /// Whether a function is one of commons' own, with PostgreSQL's overloads.
    fn is_ours(&self, name: &str) -> bool {
        functions::scalar(self.scope.context, name)
            .is_some_and(|function| functions::rebind(self.scope.context, &function).is_some())
    }

    fn rounded(
        &self,
        level: &Level<'_>,
        name: &str,
        expr: &Ast,
        field: &CeilFloorKind,
    ) -> Result<Typed> {
        match field {
            CeilFloorKind::DateTimeField(sqlparser::ast::DateTimeField::NoDateTime) => {
                let value = self.expression(level, expr)?;
                let written = ObjectName::from(vec![sqlparser::ast::Ident::new(name)]);
                self.scalar_call(level, name, vec![value], &written)
            }
            _ => Err(Error::unsupported(format!("{name} with a field or scale"))),
        }
    }

    /// `time AT TIME ZONE zone`
    pub(super) fn at_time_zone(&self, time: Typed, zone: Typed) -> Result<Typed> {
        if functions::scalar(self.scope.context, "timezone").is_none() {
            return Err(Error::unsupported("AT TIME ZONE"));
        }
        let time = if time.is_unknown() || time.is(PgType::DATE) {
            self.coerced(time, PgType::TIMESTAMPTZ)?
        } else if time.is(PgType::TIME) {
            self.coerced(time, PgType::TIMETZ)?
        } else {
            time
        };
        let zone = self.settled(zone)?;
        self.native("timezone", vec![zone.expr, self.said(time)?])
    }

    /// `x [NOT] LIKE pattern [ESCAPE escape]`
    pub(super) fn like(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        pattern: &Ast,
        escape: Option<&ValueWithSpan>,
        negated: bool,
        insensitive: bool,
    ) -> Result<Typed> {
        let sign = match (negated, insensitive) {
            (false, false) => "~~",
            (true, false) => "!~~",
            (false, true) => "~~*",
            (true, true) => "!~~*",
        };
        // `LIKE ALL (…)` reads like a call of a function of that name.
        if let (Ast::Function(function), None) = (pattern, escape)
            && let [ObjectNamePart::Identifier(name)] = function.name.0.as_slice()
            && name.quote_style.is_none()
            && matches!(name.value.to_lowercase().as_str(), "all" | "any" | "some")
        {
            let all = name.value.eq_ignore_ascii_case("all");
            let operand = match &function.args {
                FunctionArguments::List(list) => match list.args.as_slice() {
                    [FunctionArg::Unnamed(FunctionArgExpr::Expr(operand))] => operand.clone(),
                    _ => return Err(Error::unsupported("LIKE ALL of this")),
                },
                FunctionArguments::Subquery(query) => Ast::Subquery(query.clone()),
                FunctionArguments::None => return Err(Error::unsupported("LIKE ALL of this")),
            };
            return self.any_or_all(level, expr, sign, &operand, all);
        }
        let value = self.expression(level, expr)?;
        let mut pattern = self.expression(level, pattern)?;
        if let Some(escape) = escape {
            let escape = self.literal(level, escape)?;
            if escape.unknown_text() != Some("\\") {
                // DataFusion escapes with a backslash only: the pattern is made to.
                let pattern_text = self.coerced(pattern, PgType::TEXT)?;
                let escape = self.coerced(escape, PgType::TEXT)?;
                pattern = self.native("like_escape", vec![pattern_text.expr, escape.expr])?;
            }
        }
        self.operate(sign, value, pattern)
    }

    /// `x [NOT] SIMILAR TO pattern [ESCAPE escape]`
    pub(super) fn similar(
        &self,
        level: &Level<'_>,
        expr: &Ast,
        pattern: &Ast,
        escape: Option<&ValueWithSpan>,
        negated: bool,
    ) -> Result<Typed> {
        let value = self.expression(level, expr)?;
        let pattern = self.expression(level, pattern)?;
        let mut args = vec![self.coerced(pattern, PgType::TEXT)?.expr];
        if let Some(escape) = escape {
            let escape = self.literal(level, escape)?;
            args.push(self.coerced(escape, PgType::TEXT)?.expr);
        }
        let pattern = self.native("similar_to_escape", args)?;
        self.operate(if negated { "!~" } else { "~" }, value, pattern)
    }
}

/// Text is compared by bytes, which is what these collations say; others are not there.
pub(super) fn check_collation(collation: &ObjectName) -> Result<()> {
    let parts: Vec<String> = collation.0.iter().map(super::from::part).collect();
    let name = parts.join(".");
    let known = ["default", "c", "posix", "ucs_basic", "c.utf-8", "c.utf8"];
    let short = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    if known.contains(&short.to_lowercase().as_str()) {
        return Ok(());
    }
    Err(Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("collation \"{name}\" for encoding \"UTF8\" does not exist"),
    )
    .hint("Text is ordered by its bytes: COLLATE \"C\" is the only collation."))
}
