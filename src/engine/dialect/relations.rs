//! What stands in FROM.

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName, ObjectNamePart,
    SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor,
};

use crate::base::{Error, Oid, Result};
use crate::engine::parse::fold;
use crate::engine::scope::Scope;

/// Functions DataFusion can scan.
const TABLE_FUNCTIONS: &[&str] = &["generate_series"];

/// Rewrites a relation of FROM, or refuses what DataFusion would ignore of it.
pub(super) fn normalise(scope: &Scope<'_>, factor: &mut TableFactor) -> Result<()> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args,
            with_hints,
            version,
            with_ordinality,
            partitions,
            json_path,
            sample,
            index_hints,
        } => {
            if sample.is_some() {
                return Err(Error::unsupported("TABLESAMPLE"));
            }
            if *with_ordinality {
                return Err(Error::unsupported("WITH ORDINALITY"));
            }
            if version.is_some()
                || !with_hints.is_empty()
                || !partitions.is_empty()
                || json_path.is_some()
                || !index_hints.is_empty()
            {
                return Err(Error::unsupported("this clause after a table name"));
            }
            if args.as_ref().is_some_and(|args| args.settings.is_some()) {
                return Err(Error::unsupported("SETTINGS of a table function"));
            }
            if args.is_some() {
                strip_pg_catalog(name);
                let function = joined(name);
                if crate::functions::is_table(&function) {
                    return Ok(());
                }
                // Several of PostgreSQL's views are functions too (`pg_timezone_names()`).
                let bare = args.as_ref().is_some_and(|args| args.args.is_empty());
                if bare && crate::pg_catalog::find(Oid::PG_CATALOG, &function).is_some() {
                    *name = ObjectName::from(vec![
                        Ident::with_quote('"', "pg_catalog"),
                        Ident::with_quote('"', &function),
                    ]);
                    *args = None;
                    return Ok(());
                }
                name_column(alias, &function);
                if function == "unnest" {
                    *factor = unnest(factor)?;
                    return Ok(());
                }
                if !TABLE_FUNCTIONS.contains(&function.as_str()) {
                    let set = args
                        .as_ref()
                        .and_then(|args| super::sets::unnested(name, &args.args, alias));
                    *factor = match set {
                        Some(set) => set,
                        None => one_row(scope, factor)?,
                    };
                }
            }
            Ok(())
        }
        TableFactor::Derived { sample, .. } => {
            if sample.is_some() {
                return Err(Error::unsupported("TABLESAMPLE"));
            }
            Ok(())
        }
        TableFactor::UNNEST {
            alias,
            array_exprs,
            with_offset,
            with_ordinality,
            ..
        } => {
            if *with_ordinality || *with_offset {
                return Err(Error::unsupported("WITH ORDINALITY"));
            }
            if array_exprs.len() == 1 {
                name_column(alias, "unnest");
            }
            Ok(())
        }
        TableFactor::NestedJoin { .. } => Ok(()),
        TableFactor::Function { name, .. } => {
            Err(Error::unsupported(format!("LATERAL {}", joined(name))))
        }
        TableFactor::TableFunction { .. } => Err(Error::unsupported("TABLE (function)")),
        TableFactor::JsonTable { .. } => Err(Error::unsupported("JSON_TABLE")),
        TableFactor::OpenJsonTable { .. } => Err(Error::unsupported("OPENJSON")),
        TableFactor::Pivot { .. } => Err(Error::unsupported("PIVOT")),
        TableFactor::Unpivot { .. } => Err(Error::unsupported("UNPIVOT")),
        TableFactor::MatchRecognize { .. } => Err(Error::unsupported("MATCH_RECOGNIZE")),
        TableFactor::XmlTable { .. } => Err(Error::unsupported("XMLTABLE")),
        TableFactor::SemanticView { .. } => Err(Error::unsupported("SEMANTIC_VIEW")),
    }
}

/// The only column of a function is called as the relation is, unless it is given a name.
fn name_column(alias: &mut Option<TableAlias>, function: &str) {
    let short = function.rsplit('.').next().unwrap_or(function);
    let alias = alias.get_or_insert_with(|| TableAlias {
        explicit: true,
        name: Ident::with_quote('"', short),
        columns: Vec::new(),
        at: None,
    });
    if alias.columns.is_empty() {
        alias.columns.push(TableAliasColumnDef {
            name: alias.name.clone(),
            data_type: None,
        });
    }
}

/// `pg_catalog.unnest(…)`, which sqlparser takes for any function.
fn unnest(factor: &TableFactor) -> Result<TableFactor> {
    let TableFactor::Table { alias, args, .. } = factor else {
        return Ok(factor.clone());
    };
    let array_exprs = args
        .iter()
        .flat_map(|args| &args.args)
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Ok(expression.clone()),
            _ => Err(Error::unsupported("named function arguments")),
        })
        .collect::<Result<Vec<_>>>()?;
    Ok(TableFactor::UNNEST {
        alias: alias.clone(),
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    })
}

/// A function of one value is a relation of one row.
fn one_row(scope: &Scope<'_>, factor: &TableFactor) -> Result<TableFactor> {
    let TableFactor::Table {
        name, alias, args, ..
    } = factor
    else {
        return Ok(factor.clone());
    };
    let function = joined(name);
    if crate::functions::scalar(scope.context, &function).is_none() {
        return Err(Error::new(
            crate::base::SqlState::UNDEFINED_FUNCTION,
            format!("function {function} does not exist"),
        )
        .hint("No function matches the given name. A function that gives rows must be one of: generate_series, unnest."));
    }
    let mut query = crate::engine::parse_query("SELECT x()")?;
    if let SetExpr::Select(select) = query.body.as_mut()
        && let Some(SelectItem::UnnamedExpr(Expr::Function(call))) = select.projection.first_mut()
    {
        call.name = name.clone();
        if let (FunctionArguments::List(list), Some(args)) = (&mut call.args, args) {
            list.args.clone_from(&args.args);
        }
    }
    Ok(TableFactor::Derived {
        lateral: false,
        subquery: query,
        alias: alias.clone(),
        sample: None,
    })
}

/// A function's name without `pg_catalog.`.
pub(super) fn strip_pg_catalog(name: &mut ObjectName) {
    if name.0.len() == 2
        && let Some(ObjectNamePart::Identifier(schema)) = name.0.first()
        && fold(schema) == "pg_catalog"
    {
        name.0.remove(0);
    }
}

/// A name folded, its parts joined by dots.
pub(super) fn joined(name: &ObjectName) -> String {
    name.0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => fold(ident),
            ObjectNamePart::Function(function) => function.to_string(),
        })
        .collect::<Vec<_>>()
        .join(".")
}
