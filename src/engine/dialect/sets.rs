//! Functions that return sets: in FROM and in select lists they are UNNEST of the array behind
//! them; a subquery over an array's elements is a function over the array.

use sqlparser::ast::{
    BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList,
    FunctionArguments, GroupByExpr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax,
    ObjectName, OneOrManyWithParens, Query, SelectItem, SetExpr, TableAlias, TableFactor, Value,
    VisitMut, VisitorMut,
};
use std::ops::ControlFlow;

use super::expressions::call;
use super::relations::joined;
use crate::functions::set_as_array;

/// `f(…)` of FROM as UNNEST, if `f` returns a set of one column; `pg_catalog.unnest(…)` likewise.
pub(super) fn unnested(
    name: &ObjectName,
    args: &[FunctionArg],
    alias: &Option<TableAlias>,
) -> Option<TableFactor> {
    let name = joined(name);
    let arguments: Option<Vec<Expr>> = args
        .iter()
        .map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expression)) => Some(expression.clone()),
            _ => None,
        })
        .collect();
    let array_exprs = if name == "unnest" {
        arguments?
    } else {
        let array = set_as_array(&name)?;
        vec![quoted_call(&array, arguments?)]
    };
    Some(TableFactor::UNNEST {
        alias: alias.clone(),
        array_exprs,
        with_offset: false,
        with_offset_alias: None,
        with_ordinality: false,
    })
}

/// `f(…)` of a select list as `unnest(…)`.
pub(super) fn in_select_list(function: &Function) -> Option<Expr> {
    let array = set_as_array(&joined(&function.name))?;
    let FunctionArguments::List(FunctionArgumentList { args, .. }) = &function.args else {
        return None;
    };
    let mut inner = quoted_call(&array, Vec::new());
    if let Expr::Function(inner) = &mut inner
        && let FunctionArguments::List(list) = &mut inner.args
    {
        list.args.clone_from(args);
    }
    Some(call("unnest", vec![inner]))
}

/// A call of a function whose name needs quotes.
fn quoted_call(name: &str, args: Vec<Expr>) -> Expr {
    let mut function = call(name, args);
    if let Expr::Function(function) = &mut function {
        function.name = ObjectName::from(vec![Ident::with_quote('"', name)]);
    }
    function
}

/// `ARRAY(SELECT f(x) FROM unnest(a) x)`: `a` with every element transformed. DataFusion cannot
/// join with the elements of an outer row's array, but it can do this.
pub(super) fn over_elements(query: &Query) -> Option<Expr> {
    let SetExpr::Select(select) = query.body.as_ref() else {
        return None;
    };
    let plain = query.with.is_none()
        && query.order_by.is_none()
        && query.limit_clause.is_none()
        && select.distinct.is_none()
        && select.having.is_none()
        && matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let ([from], true) = (select.from.as_slice(), plain) else {
        return None;
    };
    if !from.joins.is_empty() {
        return None;
    }
    let elements = Elements::of(&from.relation)?;
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_slice()
    else {
        return None;
    };
    let lambda = |body: &Expr| {
        let mut body = body.clone();
        let _ = VisitMut::visit(&mut body, &mut OverElement(&elements));
        Expr::Lambda(LambdaFunction {
            params: OneOrManyWithParens::One(LambdaFunctionParameter {
                name: elements.parameter.clone(),
                data_type: None,
            }),
            body: Box::new(body),
            syntax: LambdaSyntax::Arrow,
        })
    };
    let array = elements.array.clone();
    let kept = match &select.selection {
        Some(condition) => call("array_filter", vec![array, lambda(condition)]),
        None => array,
    };
    Some(call("array_transform", vec![kept, lambda(item)]))
}

/// A relation that is an array's elements, and what its columns are of one element.
struct Elements {
    array: Expr,
    relation: Ident,
    parameter: Ident,
    columns: Vec<(String, Expr)>,
}

impl Elements {
    /// `unnest(a) r(c)`, or `pg_options_to_table(a)`, whose elements are `name=value`.
    fn of(relation: &TableFactor) -> Option<Self> {
        match relation {
            TableFactor::UNNEST {
                alias: Some(alias),
                array_exprs,
                ..
            } => {
                let ([array], [column]) = (array_exprs.as_slice(), alias.columns.as_slice()) else {
                    return None;
                };
                let element = Expr::Identifier(column.name.clone());
                Some(Self {
                    array: array.clone(),
                    relation: alias.name.clone(),
                    parameter: column.name.clone(),
                    columns: vec![(column.name.value.clone(), element)],
                })
            }
            TableFactor::Table {
                name,
                alias,
                args: Some(args),
                ..
            } if joined(name) == "pg_options_to_table" => {
                let [FunctionArg::Unnamed(FunctionArgExpr::Expr(array))] = args.args.as_slice()
                else {
                    return None;
                };
                let parameter = Ident::with_quote('"', "\0option");
                let element = || Expr::Identifier(parameter.clone());
                let text = |text: &str| Expr::value(Value::SingleQuotedString(text.to_owned()));
                let number = |text: &str| Expr::value(Value::Number(text.to_owned(), false));
                let name = call("split_part", vec![element(), text("="), number("1")]);
                let past = Expr::BinaryOp {
                    left: Box::new(call("strpos", vec![element(), text("=")])),
                    op: BinaryOperator::Plus,
                    right: Box::new(number("1")),
                };
                let value = call("substr", vec![element(), past]);
                let relation = alias.as_ref().map(|alias| alias.name.clone());
                Some(Self {
                    array: array.clone(),
                    relation: relation.unwrap_or_else(|| Ident::new("pg_options_to_table")),
                    columns: vec![
                        ("option_name".to_owned(), name),
                        ("option_value".to_owned(), value),
                    ],
                    parameter,
                })
            }
            _ => None,
        }
    }

    /// What a column is of one element.
    fn column(&self, name: &Ident) -> Option<&Expr> {
        let found = self
            .columns
            .iter()
            .find(|(column, _)| *column == name.value);
        found.map(|(_, value)| value)
    }
}

/// Puts what the columns are of one element, a lambda's parameter, in place of their names.
struct OverElement<'a>(&'a Elements);

impl VisitorMut for OverElement<'_> {
    type Break = ();

    fn post_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        let value = match &*expression {
            Expr::Identifier(name) => self.0.column(name),
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [relation, name] if relation.value == self.0.relation.value => self.0.column(name),
                _ => None,
            },
            _ => None,
        };
        if let Some(value) = value {
            *expression = value.clone();
        }
        ControlFlow::Continue(())
    }
}
