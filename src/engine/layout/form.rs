//! Calls, and forms with a grammar of their own.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, ObjectName, ObjectNamePart,
    TrimWhereField,
};

use super::simple::Parent;
use super::{Layout, shown_name};
use crate::base::Oid;
use crate::base::name::quote;
use crate::engine::analyze::{self, strip};
use crate::engine::parse::{VARIADIC, fold, is_filled_in};
use crate::pg_catalog::functions_named;

impl Layout<'_> {
    pub(super) fn call(&mut self, function: &Function) -> Option<()> {
        let plain = function.over.is_none()
            && function.filter.is_none()
            && function.within_group.is_empty()
            && !function.uses_odbc_syntax;
        if !plain {
            return None;
        }
        let [name] = function.name.0.as_slice() else {
            return self.users_call(function);
        };
        let ident = name.as_ident()?;
        let list = match &function.args {
            FunctionArguments::None => {
                self.push(&ident.value.to_uppercase());
                return Some(());
            }
            FunctionArguments::List(list) => list,
            FunctionArguments::Subquery(_) => return None,
        };
        let name = fold(ident);
        match ident.quote_style.is_none() && is_form(&name) {
            true => self.push(&name.to_uppercase()),
            false => self.push(&quote(&name)),
        }
        self.arguments(&list.args)
    }

    fn arguments(&mut self, args: &[FunctionArg]) -> Option<()> {
        self.push("(");
        for (index, arg) in args.iter().enumerate() {
            if index > 0 {
                self.push(", ");
            }
            match arg {
                FunctionArg::Unnamed(FunctionArgExpr::Expr(value)) => self.node(value)?,
                FunctionArg::Named {
                    name,
                    arg: FunctionArgExpr::Expr(value),
                    ..
                } => {
                    match name.value == VARIADIC {
                        true => self.push("VARIADIC "),
                        false => self.push(&format!("{} => ", shown_name(name))),
                    }
                    self.node(value)?;
                }
                _ => return None,
            }
        }
        self.push(")");
        Some(())
    }

    /// The call of a user's function, with its schema where its name alone does not find it.
    fn users_call(&mut self, function: &Function) -> Option<()> {
        let name: &ObjectName = &function.name;
        let [
            ObjectNamePart::Identifier(schema),
            ObjectNamePart::Identifier(name),
        ] = name.0.as_slice()
        else {
            return None;
        };
        let (schema, name) = (fold(schema), fold(name));
        let snapshot = &self.context.snapshot;
        let oid = snapshot.schema_named(&schema)?.oid;
        let mut path = self.context.search_path.lookup.iter();
        let own = !functions_named(&name).is_empty();
        let first = path.find(|schema| {
            own && **schema == Oid::PG_CATALOG
                || snapshot.routines_named(**schema, &name).next().is_some()
        });
        if first != Some(&oid) {
            self.push(&format!("{}.", quote(&schema)));
        }
        self.push(&quote(&name));
        match &function.args {
            FunctionArguments::List(list) => self.arguments(&list.args),
            _ => None,
        }
    }

    /// Forms with a grammar of their own.
    pub(super) fn form(&mut self, of: &Expr) -> Option<()> {
        let mut words = |parts: &[(&str, Option<&Expr>)]| -> Option<()> {
            for (word, part) in parts {
                let Some(part) = part else { continue };
                self.push(word);
                self.node(part)?;
            }
            Some(())
        };
        match of {
            Expr::AtTimeZone {
                timestamp,
                time_zone,
            } => {
                self.push("(");
                self.inside(timestamp, Parent::Other)?;
                self.push(" AT TIME ZONE ");
                self.inside(time_zone, Parent::Other)?;
            }
            Expr::Extract { field, expr, .. } => {
                let field = field.to_string().to_lowercase();
                let field = field.trim_matches('\'').to_owned();
                words(&[(&format!("EXTRACT({field} FROM "), Some(expr))])?;
            }
            Expr::Ceil { expr, .. } => words(&[("ceil(", Some(expr))])?,
            Expr::Floor { expr, .. } => words(&[("floor(", Some(expr))])?,
            Expr::Position { expr, r#in } => {
                words(&[("POSITION((", Some(expr)), (") IN (", Some(r#in))])?;
                self.push(")");
            }
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                special: false,
                shorthand: false,
            } => words(&[
                ("SUBSTRING(", Some(expr)),
                (" FROM ", substring_from.as_deref()),
                (" FOR ", substring_for.as_deref()),
            ])?,
            Expr::Substring {
                expr,
                substring_from,
                substring_for,
                shorthand,
                ..
            } => words(&[
                (
                    if *shorthand {
                        "substr("
                    } else {
                        "\"substring\"("
                    },
                    Some(expr),
                ),
                (", ", substring_from.as_deref()),
                (", ", substring_for.as_deref()),
            ])?,
            Expr::Trim {
                trim_where,
                trim_what,
                expr,
                trim_characters: None,
            } => {
                self.push(match trim_where {
                    Some(TrimWhereField::Leading) => "TRIM(LEADING",
                    Some(TrimWhereField::Trailing) => "TRIM(TRAILING",
                    Some(TrimWhereField::Both) | None => "TRIM(BOTH",
                });
                let mut words = |word: &str, part: &Expr| {
                    self.push(word);
                    self.node(part)
                };
                if let Some(what) = trim_what.as_deref().filter(|what| !is_filled_in(what)) {
                    words(" ", what)?;
                }
                words(" FROM ", expr)?;
            }
            Expr::Overlay {
                expr,
                overlay_what,
                overlay_from,
                overlay_for,
            } => words(&[
                ("OVERLAY(", Some(expr)),
                (" PLACING ", Some(overlay_what)),
                (" FROM ", Some(overlay_from)),
                (" FOR ", overlay_for.as_deref()),
            ])?,
            Expr::IsNormalized {
                expr,
                form,
                negated: false,
            } => {
                self.push("(");
                self.inside(expr, Parent::Other)?;
                let form = form.as_ref().map(|form| format!("{form} "));
                self.push(&format!(" IS {}NORMALIZED", form.unwrap_or_default()));
            }
            _ => return None,
        }
        self.push(")");
        Some(())
    }
}

/// Functions that are words of the grammar.
fn is_form(name: &str) -> bool {
    let forms = [
        "coalesce",
        "greatest",
        "least",
        "nullif",
        "row",
        "current_time",
        "current_timestamp",
        "localtime",
        "localtimestamp",
    ];
    forms.contains(&name)
}

/// Whether an expression is the call of a function, which an index needs no parentheses around.
pub(super) fn is_call(of: &Expr) -> bool {
    match strip(of) {
        Expr::Function(_)
        | Expr::Extract { .. }
        | Expr::Ceil { .. }
        | Expr::Floor { .. }
        | Expr::Position { .. }
        | Expr::Substring { .. }
        | Expr::Trim { .. }
        | Expr::Overlay { .. }
        | Expr::IsNormalized { .. }
        | Expr::AtTimeZone { .. } => true,
        Expr::Identifier(ident) => ident.quote_style.is_none() && analyze::is_call(ident),
        _ => false,
    }
}
