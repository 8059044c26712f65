//! Expressions.

use sqlparser::ast::{
    BinaryOperator, CastKind, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentClause,
    FunctionArgumentList, FunctionArguments, Ident, ObjectName, OrderByExpr, OrderByKind, Query,
    SelectItem, SetExpr, TableAlias, TableAliasColumnDef, TableFactor, TableWithJoins, Value,
    ValueWithSpan,
};

use super::names::is_call;
use super::relations::{joined, strip_pg_catalog};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::fold;
use crate::engine::scope::Scope;

/// Rewrites one expression whose parts are rewritten already.
pub(super) fn normalise(scope: &Scope<'_>, expression: &mut Expr) -> Result<()> {
    let replacement = match expression {
        Expr::AnyOp {
            left,
            compare_op,
            right,
            ..
        } => match (compare_op, subquery(right)) {
            (BinaryOperator::Eq, Some(query)) => Some(Expr::InSubquery {
                expr: left.clone(),
                subquery: query,
                negated: false,
            }),
            (op, Some(_)) => return Err(Error::unsupported(format!("{op} ANY (subquery)"))),
            (_, None) => None,
        },
        Expr::AllOp {
            left,
            compare_op,
            right,
        } => match (compare_op, subquery(right)) {
            (BinaryOperator::NotEq, Some(query)) => Some(Expr::InSubquery {
                expr: left.clone(),
                subquery: query,
                negated: true,
            }),
            (op, Some(_)) => return Err(Error::unsupported(format!("{op} ALL (subquery)"))),
            (_, None) => None,
        },
        Expr::Collate { expr, collation } => {
            check_collation(collation)?;
            Some(expr.as_ref().clone())
        }
        Expr::BinaryOp { op, .. } => {
            if let BinaryOperator::PGCustomBinaryOperator(parts) = op {
                *op = operator(parts)?;
            }
            None
        }
        Expr::Identifier(ident) if is_call(ident) => {
            let name = fold(ident);
            Some(call(
                if name == "user" {
                    "current_user"
                } else {
                    &name
                },
                Vec::new(),
            ))
        }
        Expr::Function(function) => normalise_function(scope, function)?,
        Expr::SimilarTo {
            negated,
            expr,
            pattern,
            escape_char,
        } => Some(similar_to(*negated, expr, pattern, escape_char.as_ref())?),
        Expr::Like {
            pattern,
            escape_char,
            ..
        }
        | Expr::ILike {
            pattern,
            escape_char,
            ..
        } if escape_char
            .as_ref()
            .is_some_and(|escape| escape.value != Value::SingleQuotedString("\\".into())) =>
        {
            // DataFusion escapes with a backslash only: the pattern is made to.
            if let Some(escape) = escape_char.take() {
                let escaped = vec![pattern.as_ref().clone(), Expr::Value(escape)];
                **pattern = call("like_escape", escaped);
            }
            None
        }
        Expr::AtTimeZone {
            timestamp,
            time_zone,
        } => {
            if crate::functions::scalar(scope.context, "timezone").is_none() {
                return Err(Error::unsupported("AT TIME ZONE"));
            }
            Some(call(
                "timezone",
                vec![time_zone.as_ref().clone(), timestamp.as_ref().clone()],
            ))
        }
        Expr::Cast { kind, .. } => match kind {
            CastKind::Cast | CastKind::DoubleColon => None,
            CastKind::TryCast | CastKind::SafeCast => return Err(Error::unsupported("TRY_CAST")),
        },
        Expr::Like { any: true, .. } | Expr::ILike { any: true, .. } => {
            return Err(Error::unsupported("LIKE ANY"));
        }
        Expr::InSubquery { expr, .. } if matches!(expr.as_ref(), Expr::Tuple(_)) => {
            return Err(Error::unsupported("(a, b) IN (subquery)"));
        }
        Expr::Value(ValueWithSpan {
            value: Value::Placeholder(name),
            ..
        }) if !is_parameter(name) => {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                format!("syntax error at or near \"{name}\""),
            ));
        }
        Expr::InUnnest { .. }
        | Expr::JsonAccess { .. }
        | Expr::RLike { .. }
        | Expr::Convert { .. }
        | Expr::Struct { .. }
        | Expr::Named { .. }
        | Expr::Dictionary(_)
        | Expr::Map(_)
        | Expr::MatchAgainst { .. }
        | Expr::OuterJoin(_)
        | Expr::Prior(_)
        | Expr::Lambda(_)
        | Expr::MemberOf(_)
        | Expr::IsNormalized { .. } => {
            return Err(Error::unsupported("this kind of expression")
                .detail(expression.to_string().chars().take(200).collect::<String>()));
        }
        _ => None,
    };
    if let Some(replacement) = replacement {
        *expression = replacement;
    }
    Ok(())
}

fn is_parameter(name: &str) -> bool {
    name.strip_prefix('$')
        .is_some_and(|digits| digits.parse::<u32>().is_ok())
}

/// The query of `(SELECT …)`.
fn subquery(expression: &Expr) -> Option<Box<Query>> {
    match expression {
        Expr::Subquery(query) => Some(query.clone()),
        Expr::Nested(inner) => subquery(inner),
        _ => None,
    }
}

/// Text is compared by bytes, which is what these collations say; others are not there.
fn check_collation(collation: &ObjectName) -> Result<()> {
    let name = joined(collation);
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

/// `OPERATOR(pg_catalog.~)`
fn operator(parts: &[String]) -> Result<BinaryOperator> {
    let (sign, schema) = match parts {
        [sign] => (sign, None),
        [schema, sign] => (sign, Some(schema.as_str())),
        _ => return Err(Error::unsupported("this operator")),
    };
    if schema.is_some_and(|schema| schema != "pg_catalog") {
        return Err(Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("operator does not exist: {}", parts.join(".")),
        ));
    }
    Ok(match sign.as_str() {
        "=" => BinaryOperator::Eq,
        "<>" | "!=" => BinaryOperator::NotEq,
        "<" => BinaryOperator::Lt,
        "<=" => BinaryOperator::LtEq,
        ">" => BinaryOperator::Gt,
        ">=" => BinaryOperator::GtEq,
        "+" => BinaryOperator::Plus,
        "-" => BinaryOperator::Minus,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "%" => BinaryOperator::Modulo,
        "||" => BinaryOperator::StringConcat,
        "~" => BinaryOperator::PGRegexMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "~~" => BinaryOperator::PGLikeMatch,
        "~~*" => BinaryOperator::PGILikeMatch,
        "!~~" => BinaryOperator::PGNotLikeMatch,
        "!~~*" => BinaryOperator::PGNotILikeMatch,
        "@>" => BinaryOperator::AtArrow,
        "<@" => BinaryOperator::ArrowAt,
        _ => {
            return Err(Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!("operator does not exist: {sign}"),
            ));
        }
    })
}

fn normalise_function(scope: &Scope<'_>, function: &mut Function) -> Result<Option<Expr>> {
    if function.uses_odbc_syntax || !matches!(function.parameters, FunctionArguments::None) {
        return Err(Error::unsupported("this form of function call"));
    }
    strip_pg_catalog(&mut function.name);
    let name = joined(&function.name);
    if let Some(unnested) = super::sets::in_select_list(function) {
        return Ok(Some(unnested));
    }
    match &mut function.args {
        FunctionArguments::Subquery(query) => {
            if name != "array" {
                return Err(Error::unsupported("a subquery as function argument"));
            }
            if let Some(transformed) = super::sets::over_elements(query) {
                return Ok(Some(else_empty(transformed)));
            }
            return array_of(scope, query).map(Some);
        }
        FunctionArguments::List(list) => {
            for arg in &list.args {
                if let FunctionArg::Named { .. } | FunctionArg::ExprNamed { .. } = arg {
                    return Err(Error::unsupported("named function arguments"));
                }
            }
        }
        FunctionArguments::None => {
            // `CURRENT_USER` and its kin are calls without parentheses.
            function.args = FunctionArguments::List(FunctionArgumentList {
                duplicate_treatment: None,
                args: Vec::new(),
                clauses: Vec::new(),
            });
            if name == "user" {
                function.name = ObjectName::from(vec![Ident::new("current_user")]);
            }
        }
    }
    // DataFusion looks at the first part of a dotted name only.
    if function.name.0.len() > 1 {
        function.name = ObjectName::from(vec![Ident::with_quote('"', joined(&function.name))]);
    }
    Ok(None)
}

/// `ARRAY(SELECT …)`: an aggregate over the subquery, and an empty array where that gives NULL.
fn array_of(scope: &Scope<'_>, query: &Query) -> Result<Expr> {
    let mut query = query.clone();
    let (projection, order) = match query.body.as_mut() {
        SetExpr::Select(select)
            if query.with.is_none()
                && query.limit_clause.is_none()
                && select.distinct.is_none()
                && select.having.is_none()
                && matches!(&select.group_by,
                    sqlparser::ast::GroupByExpr::Expressions(by, _) if by.is_empty())
                && !select
                    .projection
                    .iter()
                    .any(|item| has_aggregate(scope, item)) =>
        {
            let order = query.order_by.take().map(|order| order.kind);
            (&mut select.projection, order)
        }
        // Anything more than a plain SELECT is aggregated from outside.
        _ => return array_of_derived(query),
    };
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        projection.as_slice()
    else {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "subquery must return only one column",
        ));
    };
    let item = item.clone();
    let order = match order {
        Some(OrderByKind::Expressions(order)) => order
            .into_iter()
            .map(|order| OrderByExpr {
                expr: match &order.expr {
                    // ORDER BY 1, or by the output's name.
                    Expr::Value(ValueWithSpan {
                        value: Value::Number(_, _),
                        ..
                    }) => item.clone(),
                    _ => order.expr.clone(),
                },
                ..order
            })
            .collect(),
        Some(OrderByKind::All(_)) | None => Vec::new(),
    };
    *projection = vec![SelectItem::UnnamedExpr(array_agg(item, order))];
    Ok(or_empty(query))
}

fn array_of_derived(query: Query) -> Result<Expr> {
    let mut outer = crate::engine::parse_query("SELECT 1 FROM x")?;
    if let SetExpr::Select(select) = outer.body.as_mut() {
        let alias = Ident::with_quote('"', "\0q");
        let column = Ident::with_quote('"', "\0c");
        select.projection = vec![SelectItem::UnnamedExpr(array_agg(
            Expr::CompoundIdentifier(vec![alias.clone(), column.clone()]),
            Vec::new(),
        ))];
        select.from = vec![TableWithJoins {
            relation: TableFactor::Derived {
                lateral: false,
                subquery: Box::new(query),
                alias: Some(TableAlias {
                    explicit: true,
                    name: alias,
                    columns: vec![TableAliasColumnDef {
                        name: column,
                        data_type: None,
                    }],
                    at: None,
                }),
                sample: None,
            },
            joins: Vec::new(),
        }];
    }
    Ok(or_empty(*outer))
}

fn or_empty(query: Query) -> Expr {
    else_empty(Expr::Subquery(Box::new(query)))
}

/// An array, or an empty one where it is NULL.
fn else_empty(array: Expr) -> Expr {
    call(
        "coalesce",
        vec![
            array,
            Expr::Array(sqlparser::ast::Array {
                elem: Vec::new(),
                named: true,
            }),
        ],
    )
}

fn array_agg(item: Expr, order: Vec<OrderByExpr>) -> Expr {
    let mut call = call("array_agg", vec![item]);
    if let Expr::Function(function) = &mut call
        && let FunctionArguments::List(list) = &mut function.args
        && !order.is_empty()
    {
        list.clauses.push(FunctionArgumentClause::OrderBy(order));
    }
    call
}

/// Whether an item calls an aggregate function outside of subqueries.
fn has_aggregate(scope: &Scope<'_>, item: &SelectItem) -> bool {
    struct Finder {
        depth: usize,
        found: bool,
    }
    impl sqlparser::ast::Visitor for Finder {
        type Break = ();
        fn pre_visit_query(&mut self, _: &Query) -> std::ops::ControlFlow<()> {
            self.depth += 1;
            std::ops::ControlFlow::Continue(())
        }
        fn post_visit_query(&mut self, _: &Query) -> std::ops::ControlFlow<()> {
            self.depth -= 1;
            std::ops::ControlFlow::Continue(())
        }
        fn pre_visit_expr(&mut self, expression: &Expr) -> std::ops::ControlFlow<()> {
            if self.depth == 0
                && let Expr::Function(function) = expression
                && function.over.is_none()
                && crate::functions::aggregate(&joined(&function.name)).is_some()
            {
                self.found = true;
                return std::ops::ControlFlow::Break(());
            }
            std::ops::ControlFlow::Continue(())
        }
    }
    let _ = scope;
    let mut finder = Finder {
        depth: 0,
        found: false,
    };
    let _ = sqlparser::ast::Visit::visit(item, &mut finder);
    finder.found
}

/// `x SIMILAR TO 'pattern'` as an anchored regular expression.
fn similar_to(
    negated: bool,
    expr: &Expr,
    pattern: &Expr,
    escape: Option<&ValueWithSpan>,
) -> Result<Expr> {
    let Expr::Value(ValueWithSpan {
        value: Value::SingleQuotedString(pattern),
        ..
    }) = pattern
    else {
        return Err(Error::unsupported(
            "SIMILAR TO with a pattern that is not a literal",
        ));
    };
    let escape = match escape.map(|escape| &escape.value) {
        None => Some('\\'),
        Some(Value::SingleQuotedString(text)) if text.chars().count() <= 1 => text.chars().next(),
        Some(_) => {
            return Err(
                Error::new(SqlState::INVALID_ESCAPE_SEQUENCE, "invalid escape string")
                    .hint("Escape string must be empty or one character."),
            );
        }
    };
    let mut regex = String::from("^(?:");
    let mut in_class = false;
    let mut chars = pattern.chars();
    while let Some(c) = chars.next() {
        match c {
            c if Some(c) == escape => {
                if let Some(next) = chars.next() {
                    regex.push_str(&regex::escape(&next.to_string()));
                }
            }
            ']' if in_class => {
                in_class = false;
                regex.push(']');
            }
            c if in_class => regex.push(c),
            '[' => {
                in_class = true;
                regex.push('[');
            }
            '%' => regex.push_str(".*"),
            '_' => regex.push('.'),
            '(' => regex.push_str("(?:"),
            '.' | '^' | '$' | '\\' => {
                regex.push('\\');
                regex.push(c);
            }
            c => regex.push(c),
        }
    }
    regex.push_str(")$");
    Ok(Expr::BinaryOp {
        left: Box::new(expr.clone()),
        op: if negated {
            BinaryOperator::PGRegexNotMatch
        } else {
            BinaryOperator::PGRegexMatch
        },
        right: Box::new(Expr::value(Value::SingleQuotedString(regex))),
    })
}

/// A plain function call.
pub(super) fn call(name: &str, args: Vec<Expr>) -> Expr {
    Expr::Function(Function {
        name: ObjectName::from(vec![Ident::new(name)]),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args
                .into_iter()
                .map(|arg| FunctionArg::Unnamed(FunctionArgExpr::Expr(arg)))
                .collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}
