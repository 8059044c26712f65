//! Functions in FROM.
//!
//! A function that returns a set is computed as an array, or several beside one another, and
//! unnested. Its arguments may refer to what stands to the left of it.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::logical_expr::{Expr, LogicalPlan, SortExpr};
use sqlparser::ast::{self, FunctionArg, ObjectName};

use super::from::{Source, part};
use super::level::{Clause, Level};
use super::query::{Answer, Output, one_row, plain, project};
use super::set::Elements;
use super::typed::{self, Typed};
use super::{Analyst, Converted, json_record};
use crate::base::{Error, Oid, Result, SqlState};
use crate::engine::parse::ROWS_FROM;
use crate::engine::semantics;
use crate::engine::source::{RelationBody, RelationSource};
use crate::functions;
use crate::types::PgType;
use crate::types::pgtype::Shape;

impl Analyst<'_> {
    /// `name(args) [WITH ORDINALITY] [alias]`
    pub(super) fn function_rows(
        &self,
        level: &Level<'_>,
        name: &ObjectName,
        args: &[FunctionArg],
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let mut parts: Vec<String> = name.0.iter().map(part).collect();
        if parts.len() == 2 && parts[0] == "pg_catalog" {
            parts.remove(0);
        }
        let function = parts.join(".");
        super::call::check_callable(name)?;
        if function == ROWS_FROM {
            return self.rows_from(level, args, ordinality, alias);
        }
        // What follows is computed in a query of its own: what is to the left is outside of it.
        let inner = Level::new(Some(level), level.ctes);
        inner.clause.set(Clause::From);
        let written: Vec<String> = name.0.iter().map(part).collect();
        if let Some(call) = self.routine_call(&inner, &written, args)? {
            if call.routine.aggregate().is_some() {
                let error = Error::new(
                    SqlState::GROUPING_ERROR,
                    "aggregate functions are not allowed in functions in FROM",
                );
                return Err(match name.0.first().and_then(|part| part.as_ident()) {
                    Some(ident) => super::at(error, ident.span),
                    None => error,
                });
            }
            let (answer, scalar) = self.routine_rows(&inner, &call, alias, ordinality)?;
            let (answer, scalar) = match self.spread_domain(&answer)? {
                Some(spread) => (spread, false),
                None => (answer, scalar),
            };
            let Answer {
                plan,
                columns,
                order,
                ..
            } = answer;
            let name = &call.routine.name;
            let named = alias.filter(|alias| alias.columns.iter().all(|c| c.data_type.is_none()));
            let plain = alias.map(|alias| ast::TableAlias {
                columns: Vec::new(),
                ..alias.clone()
            });
            let alias = named.or(plain.as_ref());
            let mut source =
                self.function_source_in(&inner, (plan, columns, order), scalar, alias, name)?;
            let row = self.scope.context.snapshot.value_type(call.routine.returns);
            if let Some(relation) = source.relations.first_mut() {
                relation.row = row.is_composite().then_some(row);
            }
            return Ok(source);
        }
        let by_name = args
            .iter()
            .any(|arg| matches!(arg, FunctionArg::Named { .. }));
        let values = match functions::parameters(&function).filter(|_| by_name) {
            Some(parameters) => self.positional(&inner, parameters, args)?,
            None => args
                .iter()
                .map(|arg| self.argument(&inner, arg))
                .collect::<Result<Vec<_>>>()?,
        };
        if function == "pg_options_to_table"
            && let [array] = values.as_slice()
        {
            return self.option_rows(&inner, array.clone(), alias);
        }
        if functions::is_table(&function) {
            return self.constant_table(&function, values, ordinality, alias);
        }
        // Several of PostgreSQL's views are functions too (`pg_timezone_names()`).
        if values.is_empty()
            && let Some(relation) = crate::pg_catalog::find(Oid::PG_CATALOG, view_over(&function))
            && functions::scalar(self.scope.context, &function).is_none()
        {
            let source = RelationSource::new(RelationBody::System(relation), false);
            return self.scanned(source, alias, None, &function);
        }
        let plain_name = function.rsplit('.').next().unwrap_or(&function);
        if let Some(columns) = functions::set_as_arrays(&function) {
            let columns = columns
                .iter()
                .map(|(behind, column)| {
                    let array = self.scalar_call(&inner, behind, values.clone(), name)?;
                    Ok(((*column).to_owned(), set_elements(behind, array)))
                })
                .collect::<Result<Vec<_>>>()?;
            return self.rows_of(&inner, plain_name, columns, ordinality, alias);
        }
        let short = functions::set_column(plain_name).to_owned();
        if let Some((row, columns)) = self.record_columns(&function, &values, alias)? {
            let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
            let alias = json_record::listed(alias, &names);
            let alias = alias.as_ref();
            if !function.ends_with("set") {
                return self.row_source(&inner, row, names, ordinality, alias, &short);
            }
            let shape = row.ty.shape().unwrap_or_else(|| Shape::of(&[]));
            let columns = columns.into_iter().enumerate();
            let columns = columns
                .map(|(index, (name, ty))| {
                    let array = row.expr.clone();
                    let array = semantics::fields_of_elements(array, shape, index);
                    (name, Elements { array, ty })
                })
                .collect();
            return self.rows_of(&inner, plain_name, columns, ordinality, alias);
        }
        match self.elements(&function, values.clone())? {
            Some(elements) => {
                let row = elements.ty.is_composite().then_some(elements.ty);
                let columns = self.spread_elements(short, elements);
                let names: Vec<String> = columns.iter().map(|(name, _)| name.clone()).collect();
                let listed = row.and_then(|_| json_record::listed(alias, &names));
                let alias = listed.as_ref().or(alias);
                let mut source = self.rows_of(&inner, plain_name, columns, ordinality, alias)?;
                if let Some(relation) = source.relations.first_mut() {
                    relation.row = row;
                }
                Ok(source)
            }
            None => {
                let value = self.scalar_call(&inner, &function, values, name)?;
                let value = self.settled(value)?;
                if value.ty.is_composite()
                    && let Some(fields) = self.fields(&value)
                {
                    let row = value.ty;
                    let names = fields.iter().map(|(name, _)| name.clone()).collect();
                    let mut source =
                        self.row_source(&inner, value, names, ordinality, alias, &short)?;
                    if let Some(relation) = source.relations.first_mut() {
                        relation.row = Some(row);
                    }
                    return Ok(source);
                }
                self.one_value(&inner, &short, value, ordinality, alias)
            }
        }
    }

    /// `ROWS FROM (f(…), g(…))`
    fn rows_from(
        &self,
        level: &Level<'_>,
        calls: &[FunctionArg],
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let inner = Level::new(Some(level), level.ctes);
        inner.clause.set(Clause::From);
        let mut columns = Vec::with_capacity(calls.len());
        for call in calls {
            let FunctionArg::Unnamed(ast::FunctionArgExpr::Expr(ast::Expr::Function(call))) = call
            else {
                return Err(Error::unsupported("ROWS FROM with what is not a function"));
            };
            let mut parts: Vec<String> = call.name.0.iter().map(part).collect();
            if let ast::FunctionArguments::List(list) = &call.args
                && let Some(users) = self.routine_call(&inner, &parts, &list.args)?
            {
                let elements = self.routine_array(&users)?;
                columns.push((users.routine.name.clone(), elements));
                continue;
            }
            if parts.len() == 2 && parts[0] == "pg_catalog" {
                parts.remove(0);
            }
            let name = parts.join(".");
            let args = match &call.args {
                ast::FunctionArguments::List(list) => list
                    .args
                    .iter()
                    .map(|arg| self.argument(&inner, arg))
                    .collect::<Result<Vec<_>>>()?,
                _ => Vec::new(),
            };
            let Some(elements) = self.elements(&name, args)? else {
                return Err(Error::unsupported(format!("ROWS FROM with {name}")));
            };
            columns.extend(self.spread_elements(name, elements));
        }
        let name = columns
            .first()
            .map(|(name, _)| name.clone())
            .unwrap_or_default();
        self.rows_of(&inner, &name, columns, ordinality, alias)
    }

    /// `unnest(a, b, …)`
    pub(super) fn unnested_rows(
        &self,
        level: &Level<'_>,
        arrays: &[ast::Expr],
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let inner = Level::new(Some(level), level.ctes);
        inner.clause.set(Clause::From);
        let mut columns = Vec::with_capacity(arrays.len());
        for array in arrays {
            let value = self.expression(&inner, array)?;
            if value.is(PgType::TSVECTOR) {
                let behind = functions::set_as_arrays("unnest tsvector").unwrap_or_default();
                for (behind, column) in behind {
                    let array = self.native(behind, vec![value.expr.clone()])?;
                    columns.push(((*column).to_owned(), set_elements(behind, array)));
                }
                continue;
            }
            let Some(elements) = self.elements("unnest", vec![value])? else {
                return Err(Error::unsupported("unnest of this"));
            };
            columns.extend(self.spread_elements("unnest".to_owned(), elements));
        }
        self.rows_of(&inner, "unnest", columns, ordinality, alias)
    }

    /// The rows of arrays beside one another, of the function called `name`.
    fn rows_of(
        &self,
        inner: &Level<'_>,
        name: &str,
        columns: Vec<(String, Elements)>,
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let number = self.number();
        let mut arrays = Vec::new();
        let mut outputs = Vec::new();
        let mut longest: Option<Expr> = None;
        for (index, (called, elements)) in columns.iter().enumerate() {
            let column = format!("{called}\0{number}_{index}");
            if ordinality {
                let length = self.native("cardinality", vec![elements.array.clone()])?;
                let length = self.coerced(length, PgType::INT4)?.expr;
                longest = Some(match longest {
                    Some(other) => self.native("greatest", vec![other, length])?.expr,
                    None => length,
                });
            }
            arrays.push(elements.array.clone().alias(&column));
            outputs.push((column, called.clone(), elements.ty));
        }
        if let Some(longest) = longest {
            let args = vec![
                typed::int8(1),
                self.coerced(Typed::new(longest, PgType::INT4), PgType::INT8)?,
            ];
            let Some(count) = self.elements("generate_series", args)? else {
                return Err(Error::unsupported("WITH ORDINALITY"));
            };
            let column = format!("ordinality\0{number}");
            arrays.push(count.array.alias(&column));
            outputs.push((column, "ordinality".to_owned(), PgType::INT8));
        }
        let lists: Vec<String> = outputs.iter().map(|(column, ..)| column.clone()).collect();
        let plan = super::set::unnest(project(arrays, one_row())?, &lists)?;
        let exprs = outputs
            .iter()
            .map(|(column, _, _)| plain(column).alias(column))
            .collect();
        let scalar = columns.len() == 1;
        let plan = project(exprs, plan)?;
        let columns: Vec<Output> = outputs
            .into_iter()
            .map(|(_, name, ty)| Output { name, ty })
            .collect();
        self.function_source(inner, plan, columns, scalar, alias, name)
    }

    /// A function of one value is a relation of one row.
    fn one_value(
        &self,
        inner: &Level<'_>,
        name: &str,
        value: Typed,
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let ty = value.ty;
        let mut exprs = vec![value.expr.alias(format!("{name}\0{}", self.number()))];
        let mut columns = vec![Output {
            name: name.to_owned(),
            ty,
        }];
        if ordinality {
            exprs.push(typed::int8(1).expr.alias("ordinality"));
            columns.push(Output {
                name: "ordinality".to_owned(),
                ty: PgType::INT8,
            });
        }
        let plan = project(exprs, one_row())?;
        self.function_source(inner, plan, columns, true, alias, name)
    }

    /// A function's rows under its alias. A single column is called as the relation is, unless it
    /// is an argument of the function and has that one's name.
    fn function_source(
        &self,
        inner: &Level<'_>,
        plan: LogicalPlan,
        columns: Vec<Output>,
        scalar: bool,
        alias: Option<&ast::TableAlias>,
        name: &str,
    ) -> Result<Source> {
        self.function_source_in(inner, (plan, columns, Vec::new()), scalar, alias, name)
    }

    /// The same, of rows that have an order.
    fn function_source_in(
        &self,
        inner: &Level<'_>,
        (plan, mut columns, order): (LogicalPlan, Vec<Output>, Vec<SortExpr>),
        scalar: bool,
        alias: Option<&ast::TableAlias>,
        name: &str,
    ) -> Result<Source> {
        if scalar
            && let Some(alias) = alias
            && let Some(first) = columns.first_mut()
            && first.name == name
        {
            first.name = crate::engine::parse::fold(&alias.name);
        }
        let single = scalar && columns.len() == 1;
        let answer = Answer {
            plan,
            columns,
            order,
            outer: inner.outer.borrow().clone(),
        };
        let mut source = self.named(answer, alias, name)?;
        if let Some(relation) = source.relations.first_mut() {
            relation.scalar = single;
        }
        Ok(source)
    }

    /// `pg_options_to_table(array)`: each `name=value` in two columns.
    fn option_rows(
        &self,
        inner: &Level<'_>,
        array: Typed,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        let array = self.coerced(array, PgType::of(1009))?.expr;
        let list = format!("option\0{}", self.number());
        let plan = project(vec![array.alias(&list)], one_row())?;
        let plan = super::set::unnest(plan, std::slice::from_ref(&list))?;
        let element = || plain(&list);
        let field = plan.schema().field(0).clone();
        self.register(
            &datafusion::common::Column::new_unqualified(&list),
            &field,
            String::new(),
        );
        let sign = typed::text("=").expr;
        let name = self.native(
            "split_part",
            vec![element(), sign.clone(), typed::int8(1).expr],
        )?;
        let place = self.native("strpos", vec![element(), sign])?;
        let after = self.operate("+", place.clone(), typed::int4(1))?;
        let value = self.native("substr", vec![element(), after.expr])?;
        let given = self.operate(">", place, typed::int4(0))?;
        let value = Typed::new(
            typed::case(vec![(given.expr, value.expr)], None),
            PgType::TEXT,
        );
        let columns = ["option_name", "option_value"];
        let exprs = [name, value]
            .into_iter()
            .zip(columns)
            .map(|(value, name)| value.expr.alias(name))
            .collect();
        let plan = project(exprs, plan)?;
        let columns = columns
            .map(|name| Output {
                name: name.to_owned(),
                ty: PgType::TEXT,
            })
            .to_vec();
        self.function_source(inner, plan, columns, false, alias, "pg_options_to_table")
    }

    /// A function of several columns, called with constants.
    fn constant_table(
        &self,
        name: &str,
        args: Vec<Typed>,
        ordinality: bool,
        alias: Option<&ast::TableAlias>,
    ) -> Result<Source> {
        if ordinality {
            return Err(Error::unsupported(format!("{name} WITH ORDINALITY")));
        }
        let constants: Option<Vec<_>> = args
            .iter()
            .map(|arg| match &arg.expr {
                Expr::Literal(value, _) => Some(value.clone()),
                _ => None,
            })
            .collect();
        let rows: RecordBatch = match constants.and_then(|args| functions::table(name, &args)) {
            Some(rows) => rows?,
            None => {
                return Err(Error::unsupported(format!(
                    "{name} with arguments that are not constants"
                )));
            }
        };
        let call = format!("{name}({args:?})");
        let table = MemTable::try_new(rows.schema(), vec![vec![rows]]).converted()?;
        let provider: Arc<dyn TableProvider> = Arc::new(table);
        let source = RelationSource::new(RelationBody::Function(call, provider), false);
        self.scanned(source, alias, None, name)
    }
}

/// The view of `pg_catalog` that shows what a function answers, if one does; else the name itself.
fn view_over(function: &str) -> &str {
    match function {
        "pg_cursor" => "pg_cursors",
        "pg_lock_status" => "pg_locks",
        "pg_prepared_statement" => "pg_prepared_statements",
        "pg_show_all_settings" => "pg_settings",
        other => other,
    }
}

/// The elements of what a set-returning function's array has.
pub(super) fn set_elements(behind: &str, array: Typed) -> Elements {
    // Of an array of arrays the type says no more than an array's.
    let ty = match functions::is_set_of_arrays(behind) {
        true => array.ty,
        false => array.ty.element().unwrap_or(PgType::TEXT),
    };
    Elements {
        array: array.expr,
        ty,
    }
}
