//! Rows as JSON; and `json_populate_record`, `json_to_record` and their kin: rows made of JSON, of
//! a type that an argument or the call's own column list says.

use datafusion::logical_expr::Expr;
use sqlparser::ast;

use super::Analyst;
use super::coerce::undetermined;
use super::from::Source;
use super::level::Level;
use super::query::{Answer, Output, one_row, plain, project};
use super::routine::ResultColumns;
use super::set::Elements;
use super::typed::{self, Typed};
use crate::base::{Error, Result, SqlState};
use crate::engine::semantics;
use crate::functions::{Populate, populate};
use crate::types::PgType;
use crate::types::pgtype::Shape;
use crate::types::text::refuse_domains;

/// The functions that take a row of the type they give; the second ones give sets.
const POPULATE: [&str; 4] = [
    "json_populate_record",
    "jsonb_populate_record",
    "json_populate_recordset",
    "jsonb_populate_recordset",
];
/// Those whose call says in a list of columns what they give.
const TO_RECORD: [&str; 4] = [
    "json_to_record",
    "jsonb_to_record",
    "json_to_recordset",
    "jsonb_to_recordset",
];

/// Names and types of fields.
type Fields = Vec<(String, PgType)>;

fn known(names: [&'static str; 4], name: &str) -> Option<&'static str> {
    names.into_iter().find(|known| *known == name)
}

impl Analyst<'_> {
    /// A row as a JSON object; `pretty` puts each of its fields on a line.
    pub(super) fn json_row(&self, row: Option<Typed>, binary: bool, pretty: bool) -> Result<Typed> {
        let Some(fields) = row.and_then(|row| self.fields(&row)) else {
            return Err(Error::unsupported("this as JSON"));
        };
        let ty = if binary { PgType::JSONB } else { PgType::JSON };
        let mut parts: Vec<Expr> = Vec::new();
        for (index, (name, value)) in fields.iter().enumerate() {
            let quoted = serde_json::Value::String(name.clone()).to_string();
            let separator = match index {
                0 => "{",
                _ if binary => ", ",
                _ if pretty => ",\n ",
                _ => ",",
            };
            let colon = if binary { ": " } else { ":" };
            parts.push(typed::text(&format!("{separator}{quoted}{colon}")).expr);
            let value = self.json_legible(self.settled(value.clone())?)?;
            let value = if Self::is_there(&value) {
                self.json_row(Some(value), binary, false)?
            } else {
                let arg = self.said(value)?;
                self.native(if binary { "to_jsonb" } else { "to_json" }, vec![arg])?
            };
            let shown = self.coerced(value, PgType::TEXT)?.expr;
            let filled = self.native("coalesce", vec![shown, typed::text("null").expr])?;
            parts.push(filled.expr);
        }
        parts.push(typed::text(if fields.is_empty() { "{}" } else { "}" }).expr);
        let text = self.native("concat", parts)?;
        Ok(Typed::new(typed::cast(text.expr, ty), ty))
    }

    /// A call of `json_populate_record` or its kin; `None` if it is none.
    fn populated(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        let Some(name) = known(POPULATE, name) else {
            return Ok(None);
        };
        let (base, json) = match args {
            [base, json] => (base, json),
            // The last argument has no effect any more.
            [base, json, text] if text.is(PgType::BOOL) && name.starts_with("json_") => {
                (base, json)
            }
            _ => return Err(self.no_function(name, args)),
        };
        let wanted = Populate {
            name,
            set: name.ends_with("set"),
            keeps: !name.ends_with("set"),
        };
        if base.is_unknown() {
            return Err(undetermined());
        }
        if base.is(PgType::RECORD) {
            return Err(Error::unsupported(format!("{name} with a row of no type")));
        }
        let ty = base.base().undomained();
        let Some(names) = self.scope.context.snapshot.field_names(ty.oid) else {
            return Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("first argument of {name} must be a row type"),
            ));
        };
        refuse_domains(ty)?;
        let json = self.json_argument(name, json, args)?;
        let names = names.into_iter().map(str::to_owned).collect();
        let base = base.expr.clone();
        let expr = populate(self.scope.context, wanted, ty, names, json, Some(base));
        Ok(Some(Typed::new(expr, ty)))
    }

    /// The JSON that a function of this name takes.
    fn json_argument(
        &self,
        name: &str,
        json: &Typed,
        args: &[Typed],
    ) -> Result<datafusion::logical_expr::Expr> {
        let ty = match name.starts_with("jsonb") {
            true => PgType::JSONB,
            false => PgType::JSON,
        };
        if !json.is_unknown() && !json.is(ty) {
            return Err(self.no_function(name, args));
        }
        Ok(self.coerced(json.clone(), ty)?.expr)
    }

    /// `json_populate_record` in an expression; `None` if it is none.
    pub(super) fn populated_row(&self, name: &str, args: &[Typed]) -> Result<Option<Typed>> {
        if name.ends_with("set") {
            return Ok(None);
        }
        if known(TO_RECORD, name).is_some() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "function returning record called in context that cannot accept type record",
            ));
        }
        self.populated(name, args)
    }

    /// `json_populate_recordset` as an array of its rows; `None` if it is none.
    pub(super) fn populated_set(&self, name: &str, args: &[Typed]) -> Result<Option<Elements>> {
        if !name.ends_with("set") {
            return Ok(None);
        }
        if known(TO_RECORD, name).is_some() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "set-valued function called in context that cannot accept a set",
            ));
        }
        let set = self.populated(name, args)?;
        Ok(set.map(|set| Elements {
            array: set.expr,
            ty: set.ty,
        }))
    }

    /// `json_to_record(…) AS (…)` and its kin in FROM; `None` if it is none.
    pub(super) fn record_columns(
        &self,
        name: &str,
        args: &[Typed],
        alias: Option<&ast::TableAlias>,
    ) -> Result<Option<(Typed, Fields)>> {
        let Some(name) = known(TO_RECORD, name) else {
            return Ok(None);
        };
        let [json] = args else {
            return Err(self.no_function(name, args));
        };
        let ResultColumns::Rows(columns) = self.defined(alias)? else {
            return Err(Error::internal("calling a function", "no columns"));
        };
        let types: Vec<PgType> = columns.iter().map(|(_, ty)| *ty).collect();
        let record = PgType::RECORD.oid;
        let ty = PgType::composite(record, record, Shape::of(&types));
        refuse_domains(ty)?;
        let wanted = Populate {
            name,
            set: name.ends_with("set"),
            keeps: false,
        };
        let names = columns.iter().map(|(name, _)| name.clone()).collect();
        let json = self.json_argument(name, json, args)?;
        let expr = populate(self.scope.context, wanted, ty, names, json, None);
        Ok(Some((Typed::new(expr, ty), columns)))
    }

    /// A relation of one row: a value's fields.
    pub(super) fn row_source(
        &self,
        inner: &Level<'_>,
        row: Typed,
        names: Vec<String>,
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
        name: &str,
    ) -> Result<Source> {
        let shape = row.ty.shape().unwrap_or_else(|| Shape::of(&[]));
        let number = self.number();
        let whole = format!("\0row{number}");
        let plan = project(vec![row.expr.alias(&whole)], one_row())?;
        let value = plain(&whole);
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for (index, (name, ty)) in names.into_iter().zip(shape.types().iter()).enumerate() {
            let field = semantics::field(value.clone(), shape, index);
            exprs.push(field.alias(format!("\0out{number}_{index}")));
            columns.push(Output { name, ty: *ty });
        }
        if ordinality {
            exprs.push(typed::int8(1).expr.alias("ordinality"));
            columns.push(Output {
                name: "ordinality".to_owned(),
                ty: PgType::INT8,
            });
        }
        let answer = Answer {
            plan: project(exprs, plan)?,
            columns,
            order: Vec::new(),
            outer: inner.outer.borrow().clone(),
        };
        self.named(answer, alias, name)
    }

    /// The arguments of a JSON aggregate as the JSON text it strings together.
    pub(super) fn as_json_text(&self, name: &str, args: &mut [Typed]) -> Result<()> {
        let ways: &[&str] = match name {
            "json_agg" => &["json_agg.item"],
            "jsonb_agg" => &["to_jsonb"],
            "json_object_agg" => &["json_object_agg.key", "to_json"],
            "jsonb_object_agg" => &["json_object_agg.key", "to_jsonb"],
            _ => return Ok(()),
        };
        for (arg, way) in args.iter_mut().zip(ways) {
            if Self::is_there(arg) {
                let row = self.json_row(Some(arg.clone()), name.starts_with("jsonb"), false)?;
                *arg = match *way {
                    // A row starts a line.
                    "json_agg.item" => {
                        self.native("concat", vec![typed::text("\n ").expr, row.expr])?
                    }
                    _ => row,
                };
                continue;
            }
            let value = self.said(self.json_legible(arg.clone())?)?;
            *arg = self.native(way, vec![value])?;
        }
        Ok(())
    }
}

/// An alias whose list of columns is complete, and has no types: names that are not there are
/// `names`. One of a single column would be taken for the name of that column else.
pub(super) fn listed(alias: Option<&ast::TableAlias>, names: &[String]) -> Option<ast::TableAlias> {
    let alias = alias?;
    let given = alias.columns.iter().map(|column| column.name.clone());
    let rest = names.iter().skip(alias.columns.len());
    let rest = rest.map(|name| ast::Ident::with_quote('"', name.as_str()));
    let columns = given.chain(rest).map(|name| ast::TableAliasColumnDef {
        name,
        data_type: None,
    });
    Some(ast::TableAlias {
        columns: columns.collect(),
        ..alias.clone()
    })
}
