//! What stands in FROM.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArguments, Ident, ObjectName, ObjectNamePart, Query, SelectItem,
    SetExpr, TableAlias, TableAliasColumnDef, TableFactor, TableFunctionArgs, Value, Visit,
    Visitor,
};

use crate::base::{Error, Oid, Result};
use crate::engine::parse::fold;
use crate::engine::scope::Scope;
use crate::functions;

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
                let constant = args.as_ref().is_some_and(is_constant);
                match function.as_str() {
                    // DataFusion's series is a stream where its bounds are known; else it is an
                    // array, unnested.
                    "generate_series" if constant => name_column(alias, &function),
                    name if name == "unnest" || functions::set_as_array(name).is_some() => {
                        name_column(alias, name);
                        if let Some(rows) = unnested(factor) {
                            *factor = rows;
                        }
                    }
                    name if functions::scalar(scope.context, name).is_some() => {
                        name_column(alias, name);
                        *factor = one_row(factor)?;
                    }
                    _ => return Err(no_such(&function)),
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

/// A function that returns a set as UNNEST of the array behind it.
fn unnested(factor: &TableFactor) -> Option<TableFactor> {
    match factor {
        TableFactor::Table {
            name,
            alias,
            args: Some(args),
            ..
        } => super::sets::unnested(name, &args.args, alias),
        _ => None,
    }
}

fn no_such(function: &str) -> Error {
    Error::new(
        crate::base::SqlState::UNDEFINED_FUNCTION,
        format!("function {function} does not exist"),
    )
    .hint("No function matches the given name and argument types. You might need to add explicit type casts.")
}

/// A function of one value is a relation of one row.
fn one_row(factor: &TableFactor) -> Result<TableFactor> {
    let TableFactor::Table { alias, .. } = factor else {
        return Ok(factor.clone());
    };
    let mut query = crate::engine::parse_query("SELECT x()")?;
    if let SetExpr::Select(select) = query.body.as_mut() {
        select.projection = vec![SelectItem::UnnamedExpr(Expr::Function(as_call(factor)?))];
    }
    Ok(TableFactor::Derived {
        lateral: false,
        subquery: query,
        alias: alias.clone(),
        sample: None,
    })
}

/// A function in FROM as a call in an expression.
fn as_call(factor: &TableFactor) -> Result<Function> {
    let Expr::Function(mut function) = crate::engine::parse_expression("x()")? else {
        return Err(Error::unsupported("this function in FROM"));
    };
    if let TableFactor::Table { name, args, .. } = factor {
        function.name = name.clone();
        if let (FunctionArguments::List(list), Some(args)) = (&mut function.args, args) {
            list.args.clone_from(&args.args);
        }
    }
    Ok(function)
}

/// Whether arguments can be known before anything runs.
fn is_constant(args: &TableFunctionArgs) -> bool {
    struct Finder;
    impl Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<()> {
            ControlFlow::Break(())
        }
        fn pre_visit_expr(&mut self, expression: &Expr) -> ControlFlow<()> {
            let unknown = match expression {
                Expr::Identifier(_) | Expr::CompoundIdentifier(_) => true,
                Expr::Value(value) => matches!(value.value, Value::Placeholder(_)),
                _ => false,
            };
            if unknown {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
    args.args.visit(&mut Finder).is_continue()
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
