//! Expressions of PL/pgSQL, and where their values go.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, new_null_array};
use arrow::datatypes::Int32Type;
use sqlparser::ast;

use super::deep::Deep;
use super::frame::{BoundCursor, Field, Frame, Place, Value, Variable};
use super::function::unset;
use crate::base::name::quote;
use crate::base::{Error, Result, SqlState};
use crate::engine::plpgsql::{Declaration, Declared, Expression, Target, VariableType};
use crate::engine::{OutputColumn, Rows, assigned, parse_expression, parse_query, subscripted};
use crate::session::commands::{no_column, sole_call, text_of};
use crate::session::dispatch::Run;
use crate::session::{Response, Session};
use crate::types::PgType;
use crate::types::text::parse_value;

/// One row of an answer, or none.
pub(super) struct Row {
    pub(super) columns: Arc<[OutputColumn]>,
    /// A value of each column, if there is a row.
    pub(super) values: Option<Vec<ArrayRef>>,
}

/// What an expression comes to, as the variable that it is given to holds it.
pub(super) enum Computed {
    Value(PgType, ArrayRef),
    Row(Row),
}

impl Row {
    /// A row that is NULL.
    fn none() -> Self {
        Self {
            columns: Arc::default(),
            values: None,
        }
    }
}

impl Session {
    /// Opens a query that may name variables.
    pub(super) async fn rows_of(
        &mut self,
        frame: &Frame,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<Rows> {
        let (arguments, values) = frame.arguments();
        let run = Run {
            statement: run.statement,
            plan: None,
            parameters: &values,
            interrupt: run.interrupt,
        };
        self.variables = Some(arguments);
        let opened = Deep::new(self.called_or_opened(query, &run)).await;
        self.variables = None;
        opened.map_err(|error| frame.explained(error))
    }

    /// What a function that is called alone answers, or what a query does.
    async fn called_or_opened(&mut self, query: &ast::Query, run: &Run<'_>) -> Result<Rows> {
        if let Some(call) = sole_call(query)
            && let Some(Response::Rows(answer)) = self.routine_query(call, run).await?
        {
            return Ok(answer.rows);
        }
        self.open_query(query, run).await.map(|(_, rows)| rows)
    }

    /// The value of an expression, and its type.
    ///
    /// # Errors
    /// `42601` if there are several columns; `21000` if there are several rows.
    pub(super) async fn value(
        &mut self,
        frame: &Frame,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<(PgType, ArrayRef)> {
        let rows = self.rows_of(frame, query, run).await?;
        let (row, more) = first(rows).await?;
        let [column] = row.columns.as_ref() else {
            let message = format!("query returned {} columns", row.columns.len());
            return Err(Error::new(SqlState::SYNTAX_ERROR, message));
        };
        if more {
            return Err(Error::new(
                SqlState::CARDINALITY_VIOLATION,
                "query returned more than one row",
            ));
        }
        let value = match row.values.and_then(|values| values.into_iter().next()) {
            Some(value) => value,
            None => new_null_array(&column.ty.data_type(), 1),
        };
        Ok((column.ty, value))
    }

    /// The value of an expression as one of this type.
    pub(super) async fn value_as(
        &mut self,
        frame: &Frame,
        expression: &Expression,
        ty: PgType,
        run: &Run<'_>,
    ) -> Result<ArrayRef> {
        let (from, value) = self
            .value(frame, &expression.query, run)
            .await
            .map_err(|error| in_expression(error, &expression.text))?;
        let context = self.context()?;
        assigned(&context, &value, from, ty)
    }

    /// Whether a condition is true.
    pub(super) async fn truth(
        &mut self,
        frame: &Frame,
        expression: &Expression,
        run: &Run<'_>,
    ) -> Result<bool> {
        let work = self.value_as(frame, expression, PgType::BOOL, run);
        let value = work.await?;
        let value = value.as_boolean();
        Ok(value.is_valid(0) && value.value(0))
    }

    /// A whole number; `None` is NULL.
    pub(super) async fn number(
        &mut self,
        frame: &Frame,
        expression: &Expression,
        run: &Run<'_>,
    ) -> Result<Option<i32>> {
        let work = self.value_as(frame, expression, PgType::INT4, run);
        let value = work.await?;
        let value = value.as_primitive::<Int32Type>();
        Ok(value.is_valid(0).then(|| value.value(0)))
    }

    /// A value as text; `None` is NULL.
    pub(super) async fn text(
        &mut self,
        frame: &Frame,
        expression: &Expression,
        run: &Run<'_>,
    ) -> Result<Option<String>> {
        let (ty, value) = self
            .value(frame, &expression.query, run)
            .await
            .map_err(|error| in_expression(error, &expression.text))?;
        text_of(&self.context()?, &value, ty)
    }

    /// `target := value`
    pub(super) async fn assign(
        &mut self,
        frame: &mut Frame,
        (target, value, text): (&Target, &Expression, &str),
        run: &Run<'_>,
    ) -> Result<()> {
        let place = frame.place(&target.names)?;
        settable(frame, place)?;
        let within = |error: Error| match error.position() {
            Some(_) => error,
            None if error.state() == SqlState::NULL_VALUE_NOT_ALLOWED => error,
            None => error.within(format!("PL/pgSQL assignment \"{text}\"")),
        };
        let element = match target.subscripts.is_empty() {
            true => None,
            false => Some(with_element(target, value).map_err(within)?),
        };
        let whole = place.field.is_none() && element.is_none();
        let row = frame.variable(place).value.row_word().filter(|_| whole);
        let query = element.as_ref().unwrap_or(&value.query);
        let work = self.computed(frame, row, query, run);
        let computed = work.await.map_err(within)?;
        let done = self.put_computed(frame, place, computed, run).await;
        done.map_err(within)
    }

    /// What an expression comes to for a variable; `row` is what that is called if it holds a row.
    async fn computed(
        &mut self,
        frame: &Frame,
        row: Option<&'static str>,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<Computed> {
        let value = self.value(frame, query, run).await?;
        self.shaped(row, value, run).await
    }

    /// A value for a variable; `row` is what that is called if it holds a row.
    pub(super) async fn shaped(
        &mut self,
        row: Option<&'static str>,
        (ty, value): (PgType, ArrayRef),
        run: &Run<'_>,
    ) -> Result<Computed> {
        match row {
            None => Ok(Computed::Value(ty, value)),
            Some(_) if value.is_null(0) => Ok(Computed::Row(Row::none())),
            Some(row) if !ty.is_composite() => Err(Error::new(
                SqlState::DATATYPE_MISMATCH,
                format!("cannot assign non-composite value to a {row} variable"),
            )),
            Some(_) => self.fields(ty, value, run).await.map(Computed::Row),
        }
    }

    pub(super) async fn put_computed(
        &mut self,
        frame: &mut Frame,
        place: Place,
        computed: Computed,
        run: &Run<'_>,
    ) -> Result<()> {
        match computed {
            Computed::Row(row) => self.put_row(frame, place, row, run).await,
            Computed::Value(from, value) => self.put(frame, place, (from, &value), run).await,
        }
    }

    /// A row by its fields.
    pub(super) async fn fields(&mut self, ty: PgType, row: ArrayRef, run: &Run<'_>) -> Result<Row> {
        let inner = Frame::of("v", Value::Single(ty, row));
        let query = parse_query("SELECT (v).*")?;
        let rows = self.rows_of(&inner, &query, run).await?;
        first(rows).await.map(|(row, _)| row)
    }

    /// Gives a variable, or a field, a value.
    pub(super) async fn put(
        &mut self,
        frame: &mut Frame,
        place: Place,
        (from, value): (PgType, &ArrayRef),
        run: &Run<'_>,
    ) -> Result<()> {
        let context = self.context()?;
        let ty = frame.ty(place).unwrap_or(from);
        let value = assigned(&context, value, from, ty)?;
        let variable = frame.variable(place);
        if variable.not_null && value.is_null(0) {
            return Err(not_null(&variable.name));
        }
        self.check_domain(ty, &value, run).await?;
        if let (Value::Row(of, fields), Some(index)) = (&variable.value, place.field) {
            let mut fields = fields.clone();
            if let Some(field) = fields.get_mut(index) {
                field.value = value.clone();
            }
            self.check_domain_of_rows(*of, &fields, false, run).await?;
        }
        frame.set(place, value);
        Ok(())
    }

    /// Gives a row variable the fields of a row, by their order.
    pub(super) async fn put_row(
        &mut self,
        frame: &mut Frame,
        place: Place,
        row: Row,
        run: &Run<'_>,
    ) -> Result<()> {
        let context = self.context()?;
        let variable = frame.variable(place);
        let null = row.values.is_none() && row.columns.is_empty();
        if null && variable.not_null {
            return Err(not_null(&variable.name));
        }
        let nulls = || {
            row.columns
                .iter()
                .map(|of| new_null_array(&of.ty.data_type(), 1))
        };
        let values = row.values.clone().unwrap_or_else(|| nulls().collect());
        let fields = match &variable.value {
            Value::Single(..) => return Ok(()),
            Value::Record(None) if row.columns.is_empty() => return Ok(()),
            Value::Record(Some(fields)) if row.columns.is_empty() => fields
                .iter()
                .map(|field| Field {
                    value: new_null_array(field.value.data_type(), 1),
                    ..field.clone()
                })
                .collect(),
            Value::Record(_) => row
                .columns
                .iter()
                .zip(values)
                .map(|(column, value)| Field {
                    name: column.name.clone(),
                    ty: column.ty,
                    value,
                })
                .collect(),
            Value::Row(of, fields) => {
                let (of, fields) = (*of, fields.clone());
                let mut given = row.columns.iter().zip(values);
                let mut made = Vec::with_capacity(fields.len());
                for field in &fields {
                    let value = match given.next() {
                        Some((column, value)) => assigned(&context, &value, column.ty, field.ty)?,
                        None => new_null_array(&field.ty.data_type(), 1),
                    };
                    self.check_domain(field.ty, &value, run).await?;
                    made.push(Field {
                        value,
                        ..field.clone()
                    });
                }
                self.check_domain_of_rows(of, &made, null, run).await?;
                made
            }
        };
        frame.set_row(place, fields, null);
        Ok(())
    }

    /// Gives the targets of INTO and FOR a row: to one of them that is a row the whole of it, else
    /// a column to each.
    pub(super) async fn put_into(
        &mut self,
        frame: &mut Frame,
        targets: &[Target],
        row: Row,
        run: &Run<'_>,
    ) -> Result<()> {
        let places: Vec<Place> = targets
            .iter()
            .map(|target| frame.place(&target.names))
            .collect::<Result<_>>()?;
        for place in &places {
            settable(frame, *place)?;
        }
        if let [place] = places.as_slice()
            && place.field.is_none()
            && !matches!(frame.variable(*place).value, Value::Single(..))
        {
            return self.put_row(frame, *place, row, run).await;
        }
        for (index, place) in places.into_iter().enumerate() {
            let ty = row.columns.get(index).map(|column| column.ty);
            let value = row.values.as_ref().and_then(|values| values.get(index));
            let from = ty.or_else(|| frame.ty(place)).unwrap_or(PgType::TEXT);
            match value {
                Some(value) => self.put(frame, place, (from, value), run).await?,
                None => {
                    let to = frame.ty(place).unwrap_or(from);
                    let null = new_null_array(&to.data_type(), 1);
                    self.put(frame, place, (to, &null), run).await?;
                }
            }
        }
        Ok(())
    }

    /// A text as the value of a variable.
    pub(super) async fn put_text(
        &mut self,
        frame: &mut Frame,
        target: &Target,
        text: Option<&str>,
        run: &Run<'_>,
    ) -> Result<()> {
        let place = frame.place(&target.names)?;
        settable(frame, place)?;
        let context = self.context()?;
        let value = match text {
            Some(text) => parse_value(text, PgType::TEXT, &context.style, 0)?,
            None => new_null_array(&PgType::TEXT.data_type(), 1),
        };
        self.put(frame, place, (PgType::TEXT, &value), run).await
    }

    /// A variable of DECLARE.
    pub(super) async fn declare_variable(
        &mut self,
        frame: &mut Frame,
        declaration: &Declaration,
        run: &Run<'_>,
    ) -> Result<()> {
        let name = &declaration.name;
        let (ty, constant, not_null, default) = match &declaration.declared {
            Declared::Alias(of) => return frame.alias(name, of),
            Declared::Cursor {
                scroll,
                arguments,
                query,
            } => {
                let context = self.context()?;
                let mut types = Vec::with_capacity(arguments.len());
                for (argument, ty) in arguments {
                    let Value::Single(ty, _) = self.starting(frame, ty)? else {
                        return Err(Error::unsupported("a row as an argument of a cursor"));
                    };
                    types.push((argument.clone(), ty));
                }
                // It is called as the variable is.
                let value = parse_value(name, PgType::REFCURSOR, &context.style, 0)?;
                let mut variable =
                    Variable::new(name.clone(), Value::Single(PgType::REFCURSOR, value));
                variable.cursor = Some(Arc::new(BoundCursor {
                    scroll: *scroll,
                    arguments: types,
                    query: query.clone(),
                }));
                frame.declare(variable);
                return Ok(());
            }
            Declared::Variable {
                ty,
                constant,
                not_null,
                default,
            } => (ty, *constant, *not_null, default),
        };
        let value = self.starting(frame, ty)?;
        let variable = Variable {
            constant,
            not_null,
            ..Variable::new(name.clone(), value)
        };
        // What it starts with cannot name it.
        if let Some(default) = default {
            let work = self.computed(frame, variable.value.row_word(), &default.query, run);
            let computed = work.await;
            let computed = computed.map_err(|error| in_expression(error, &default.text))?;
            frame.declare(variable);
            let place = frame.place(std::slice::from_ref(name))?;
            return self.put_computed(frame, place, computed, run).await;
        }
        if let Value::Single(ty, null) = &variable.value {
            self.check_domain(*ty, &null.clone(), run).await?;
        }
        frame.declare(variable);
        Ok(())
    }

    /// What a variable of a type starts as.
    fn starting(&mut self, frame: &Frame, ty: &VariableType) -> Result<Value> {
        let context = self.context()?;
        let snapshot = &context.snapshot;
        let ty = match ty {
            VariableType::Record => return Ok(Value::Record(None)),
            VariableType::Cursor => return Ok(Value::null(PgType::REFCURSOR)),
            VariableType::Named(name) => {
                let found = name.resolve(snapshot, &context.search_path);
                found.map_err(Error::without_position)?
            }
            VariableType::Row(name) => {
                let relation = snapshot.resolve_relation(
                    &context.search_path,
                    name.schema.as_deref(),
                    &name.name,
                )?;
                snapshot.value_type(relation.row_type)
            }
            VariableType::Like(names) => match (frame.place(names), names.as_slice()) {
                (Ok(place), _) => match frame.ty(place) {
                    Some(ty) => ty,
                    None => return Ok(Value::Record(None)),
                },
                (Err(_), [.., relation, column]) => {
                    let schema = names
                        .len()
                        .checked_sub(3)
                        .map(|index| names[index].as_str());
                    let relation =
                        snapshot.resolve_relation(&context.search_path, schema, relation)?;
                    let found = relation.column(column);
                    let found = found.ok_or_else(|| no_column(relation, column))?;
                    found.ty
                }
                (Err(error), _) => return Err(error),
            },
        };
        Ok(unset(&context, ty))
    }
}

/// The first row of an answer, and whether there are more.
pub(super) async fn first(mut rows: Rows) -> Result<(Row, bool)> {
    let columns = rows.columns().clone();
    let mut values: Option<Vec<ArrayRef>> = None;
    let mut more = false;
    while let Some(batch) = rows.next().await? {
        let mut rest = batch.num_rows();
        if values.is_none() && rest > 0 {
            values = Some(batch.columns().iter().map(|of| of.slice(0, 1)).collect());
            rest -= 1;
        }
        if rest > 0 {
            more = true;
            break;
        }
    }
    Ok((Row { columns, values }, more))
}

/// The query of an array with an element, or a slice, replaced.
fn with_element(target: &Target, value: &Expression) -> Result<Box<ast::Query>> {
    let names: Vec<_> = target.names.iter().map(|name| quote(name)).collect();
    let value = match parse_expression(&value.text) {
        Ok(_) => value.text.clone(),
        Err(_) => format!("(SELECT {})", value.text),
    };
    let mut arguments = vec![names.join("."), value];
    for (first, second) in &target.subscripts {
        arguments.push(second.is_some().to_string());
        let subscripts = [Some(first), second.as_ref()];
        let subscripts = subscripts.into_iter().flatten();
        arguments.extend(subscripts.map(|of| format!("({})", of.text)));
    }
    let query = parse_query(&format!("SELECT f({})", arguments.join(", ")))?;
    Ok(subscripted(query))
}

/// Says of an error which expression it is of, unless it is of how that is written.
pub(super) fn in_expression(error: Error, text: &str) -> Error {
    match error.position() {
        Some(_) => error.without_position(),
        None => error.within(format!("SQL expression \"{text}\"")),
    }
}

/// `22005` for a constant.
pub(super) fn settable(frame: &Frame, place: Place) -> Result<()> {
    let variable = frame.variable(place);
    if !variable.constant {
        return Ok(());
    }
    Err(Error::new(
        SqlState::ERROR_IN_ASSIGNMENT,
        format!("variable \"{}\" is declared CONSTANT", variable.name),
    )
    .without_position())
}

/// `22004`
fn not_null(name: &str) -> Error {
    Error::new(
        SqlState::NULL_VALUE_NOT_ALLOWED,
        format!("null value cannot be assigned to variable \"{name}\" declared NOT NULL"),
    )
}
