//! Functions that return sets: in FROM and in select lists they are UNNEST of the array behind
//! them; a subquery over an array's elements is a function over the array.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArgumentList, FunctionArguments,
    GroupByExpr, Ident, LambdaFunction, LambdaFunctionParameter, LambdaSyntax, ObjectName,
    OneOrManyWithParens, Query, SelectItem, SetExpr, TableAlias, TableFactor, VisitMut, VisitorMut,
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
/// join with the elements of
/// an outer row's array, but it can do this.
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
    let TableFactor::UNNEST {
        alias: Some(alias),
        array_exprs,
        ..
    } = &from.relation
    else {
        return None;
    };
    let ([array], [column], true) = (
        array_exprs.as_slice(),
        alias.columns.as_slice(),
        from.joins.is_empty(),
    ) else {
        return None;
    };
    let [SelectItem::UnnamedExpr(item) | SelectItem::ExprWithAlias { expr: item, .. }] =
        select.projection.as_slice()
    else {
        return None;
    };
    let lambda = |body: &Expr| {
        let mut body = body.clone();
        let _ = VisitMut::visit(
            &mut body,
            &mut Unqualified {
                relation: &alias.name,
                column: &column.name,
            },
        );
        Expr::Lambda(LambdaFunction {
            params: OneOrManyWithParens::One(LambdaFunctionParameter {
                name: column.name.clone(),
                data_type: None,
            }),
            body: Box::new(body),
            syntax: LambdaSyntax::Arrow,
        })
    };
    let kept = match &select.selection {
        Some(condition) => call("array_filter", vec![array.clone(), lambda(condition)]),
        None => array.clone(),
    };
    Some(call("array_transform", vec![kept, lambda(item)]))
}

/// Turns `relation.column` into `column`: a lambda's parameter has no qualifier.
struct Unqualified<'a> {
    relation: &'a Ident,
    column: &'a Ident,
}

impl VisitorMut for Unqualified<'_> {
    type Break = ();

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<()> {
        if let Expr::CompoundIdentifier(parts) = &*expression
            && let [relation, column] = parts.as_slice()
            && relation.value == self.relation.value
            && column.value == self.column.value
        {
            *expression = Expr::Identifier(self.column.clone());
        }
        ControlFlow::Continue(())
    }
}
