//! Calls put in their places: as a value, as an array of values, as rows of FROM.

use datafusion::functions_window::expr_fn::row_number;
use datafusion::logical_expr::{Expr, ExprFunctionExt, LogicalPlanBuilder};
use sqlparser::ast;

use super::super::from::Source;
use super::super::level::Level;
use super::super::query::{Answer, Output, Wanted, project};
use super::super::set::Elements;
use super::super::typed::{self, Typed};
use super::super::{Analyst, Converted, condition};
use super::body::{Body, run_only};
use super::resolve::Call;
use super::result::{ResultColumns, check_result, outputs};
use super::spread::{only_value, spread};
use super::{any_null, unless_null};
use crate::base::{Error, Result, SqlState};
use crate::catalog::Routine;
use crate::engine::dependent::is_volatile;
use crate::engine::semantics::is_one_row;
use crate::types::PgType;

impl Analyst<'_> {
    /// A call in an expression.
    pub(in crate::engine::analyze) fn routine_value(
        &self,
        level: &Level<'_>,
        call: &Call,
    ) -> Result<Typed> {
        let key: super::Key = (
            call.routine.oid,
            call.args
                .iter()
                .map(|arg| arg.as_ref().map(|arg| arg.expr.clone()))
                .collect(),
        );
        if self.chain.is_none() {
            let values = self.shared.values.borrow();
            if let Some((_, value)) = values.iter().find(|(known, _)| *known == key) {
                return Ok(value.clone());
            }
        }
        self.enter(call)?;
        let routine = &call.routine;
        if routine.procedure {
            return Err(is_procedure(self, routine));
        }
        let snapshot = &self.scope.context.snapshot;
        let wanted = ResultColumns::of(snapshot, routine, call.generic)?;
        if self.is_carried(call) {
            return self.carried_value(level, call, &wanted);
        }
        let body = self.body_of(routine)?;
        if routine.set {
            let elements = self.routine_elements(call, &body, &wanted)?;
            return self.set_column(level, elements);
        }
        if self.must_be_carried(call, &body)? {
            return self.carried_value(level, call, &wanted);
        }
        if let (true, ResultColumns::Value(ty, _)) = (body.value, &wanted) {
            return self.inlined(level, call, &body, &wanted, *ty);
        }
        let row = snapshot.value_type(routine.returns);
        // A row of one field may be given as that field.
        let fields = row.shape().map_or(0, |shape| shape.types().len());
        if body.value && fields > 1 && matches!(wanted, ResultColumns::Rows(_)) {
            let wanted = ResultColumns::Value(row, None);
            let value = self.inlined(level, call, &body, &wanted, row)?;
            return Ok(Typed {
                row: self.fields(&value),
                ..value
            });
        }
        let prepared = self.prepared(call, &body)?;
        let (wanted, answer) = match &wanted {
            // A row is one value.
            ResultColumns::Rows(columns) => {
                let row = row_type(row, columns);
                let answer = self.answered_row(call, &body, &prepared.args, row, &wanted)?;
                (ResultColumns::Value(row, None), answer)
            }
            ResultColumns::Record => self.answered_record(call, &body, &prepared.args)?,
            ResultColumns::Void | ResultColumns::Value(..) => {
                let answer = self.answered(call, &body, &prepared.args, &wanted, Wanted::Answer)?;
                (wanted, answer)
            }
        };
        let volatile = is_volatile(&answer.plan).converted()?;
        if volatile && !level.relations.borrow().is_empty() {
            // A subquery that refers to nothing outside is computed once, a function for each row.
            return self.carried_value(level, call, &wanted);
        }
        let once = prepared.once.map(|once| once.source);
        let args = &prepared.args;
        match &wanted {
            ResultColumns::Void if volatile => Err(run_only(routine)),
            ResultColumns::Void => typed::null(PgType::VOID),
            ResultColumns::Value(ty, _) => {
                let value = Typed::new(self.first_value(answer)?, ty.unmodified());
                let value = match routine.strict {
                    true => unless_null(args, value)?,
                    false => value,
                };
                let again = self.chain.is_none() && once.is_none() && !volatile;
                let value = self.over_once(once, value)?;
                let value = Typed {
                    row: self.fields(&value),
                    ..value
                };
                if again {
                    let mut values = self.shared.values.borrow_mut();
                    values.push((key, value.clone()));
                }
                Ok(value)
            }
            ResultColumns::Rows(_) | ResultColumns::Record => {
                Err(Error::internal("calling a function", "its row is no value"))
            }
        }
    }

    /// A body that only computes a value, in the place of the call.
    fn inlined(
        &self,
        _: &Level<'_>,
        call: &Call,
        body: &Body,
        wanted: &ResultColumns,
        ty: PgType,
    ) -> Result<Typed> {
        let routine = &call.routine;
        let prepared = self.prepared(call, body)?;
        let snapshot = &self.scope.context.snapshot;
        let Some(expression) = body.query.as_deref().and_then(only_value) else {
            return Err(Error::internal("calling a function", "no value"));
        };
        let value = self.as_body(routine, prepared.args.clone(), |inner, level| {
            let value = inner.expression(level, expression)?;
            let value = inner.settled(value)?;
            let output = [Output {
                name: String::new(),
                ty: value.ty,
            }];
            check_result(snapshot, routine, wanted, Some(&output))?;
            inner.coerced(value, ty)
        })?;
        let value = Typed::new(value.expr, ty.unmodified());
        let value = match routine.strict {
            true => unless_null(&prepared.args, value)?,
            false => value,
        };
        self.over_once(prepared.once.map(|once| once.source), value)
    }

    /// A value over arguments computed once.
    fn over_once(&self, once: Option<Source>, value: Typed) -> Result<Typed> {
        let Some(source) = once else {
            return Ok(value);
        };
        let name = format!("\0value{}", self.number());
        let plan = project(vec![value.expr.alias(&name)], source.plan)?;
        let answer = Answer {
            plan,
            columns: vec![Output { name, ty: value.ty }],
            order: Vec::new(),
            outer: source.outer,
        };
        Ok(Typed::new(self.scalar(answer)?, value.ty))
    }

    /// The first row of an answer of one column, NULL if there is none.
    fn first_value(&self, answer: Answer) -> Result<Expr> {
        let mut answer = answer;
        if !is_one_row(&answer.plan) {
            answer.plan = LogicalPlanBuilder::from(answer.plan)
                .limit(0, Some(1))
                .and_then(LogicalPlanBuilder::build)
                .converted()?;
        }
        let name = format!("\0value{}", self.number());
        let value = answer.column(0).expr.alias(name);
        answer.plan = project(vec![value], answer.plan)?;
        self.scalar(answer)
    }

    /// What the body answers, in the columns that the function declares.
    pub(super) fn answered(
        &self,
        call: &Call,
        body: &Body,
        args: &[Typed],
        wanted: &ResultColumns,
        order: Wanted,
    ) -> Result<Answer> {
        let routine = &call.routine;
        let snapshot = &self.scope.context.snapshot;
        self.as_body(routine, args.to_vec(), |inner, level| {
            for query in &body.before {
                let answer = inner.query(query, Some(level), None, Wanted::Answer)?;
                if is_volatile(&answer.plan).converted()? {
                    return Err(run_only(routine));
                }
            }
            let Some(query) = &body.query else {
                check_result(snapshot, routine, wanted, None)?;
                return inner.query(
                    crate::engine::parse_query("SELECT NULL")?.as_ref(),
                    None,
                    None,
                    Wanted::Answer,
                );
            };
            let query = match wanted {
                ResultColumns::Rows(_) => spread(query),
                _ => query.as_ref().clone(),
            };
            let answer = inner.query(&query, Some(level), None, order)?;
            check_result(snapshot, routine, wanted, Some(&answer.columns))?;
            match wanted {
                ResultColumns::Void | ResultColumns::Record => Ok(answer),
                ResultColumns::Value(ty, _) => inner.fitted(answer, &[(routine.name.clone(), *ty)]),
                ResultColumns::Rows(columns) => match answer.columns.as_slice() {
                    // Rows of the very type.
                    [row] if row.ty.is_composite() && row.ty.oid == routine.returns => Ok(answer),
                    _ => inner.fitted(answer, columns),
                },
            }
        })
    }

    /// An answer in columns of these types; what its order is told by stays behind them.
    fn fitted(&self, answer: Answer, columns: &[(String, PgType)]) -> Result<Answer> {
        let number = self.number();
        let mut exprs = Vec::new();
        for (index, (_, ty)) in columns.iter().enumerate() {
            self.register_output(&answer, index);
            let value = self.in_length(answer.column(index), ty.undomained())?;
            let value = self.coerced(value, *ty)?;
            exprs.push(value.expr.alias(format!("\0out{number}_{index}")));
        }
        answer.in_columns(exprs, outputs(columns))
    }

    /// The values of a function in `ROWS FROM`, as an array of them.
    pub(in crate::engine::analyze) fn routine_array(&self, call: &Call) -> Result<Elements> {
        self.enter(call)?;
        let routine = &call.routine;
        if routine.procedure {
            return Err(is_procedure(self, routine));
        }
        if !routine.set {
            return Err(Error::unsupported(format!(
                "ROWS FROM with {}, which returns no set",
                routine.name
            )));
        }
        let snapshot = &self.scope.context.snapshot;
        let wanted = ResultColumns::of(snapshot, routine, call.generic)?;
        if self.is_carried(call) {
            return self.carried_elements(call, &wanted);
        }
        let body = self.body_of(routine)?;
        self.routine_elements(call, &body, &wanted)
    }

    /// The values of a set, as an array of them.
    fn routine_elements(
        &self,
        call: &Call,
        body: &Body,
        wanted: &ResultColumns,
    ) -> Result<Elements> {
        let routine = &call.routine;
        let named = self.scope.context.snapshot.value_type(routine.returns);
        // Arrays would become one of more dimensions.
        let arrays = |ty: &PgType| super::super::coerce::array_element(*ty).is_some();
        let of_arrays = matches!(wanted, ResultColumns::Value(ty, _) if arrays(ty));
        if of_arrays || self.must_be_carried(call, body)? {
            return self.carried_elements(call, wanted);
        }
        let prepared = self.prepared(call, body)?;
        if prepared.once.is_some() {
            return self.carried_elements(call, wanted);
        }
        let args = &prepared.args;
        let (ty, answer) = match wanted {
            ResultColumns::Rows(columns) => {
                let ty = row_type(named, columns);
                (ty, self.answered_row(call, body, args, ty, wanted)?)
            }
            ResultColumns::Value(ty, _) => (
                *ty,
                self.answered(call, body, args, wanted, Wanted::Ordered)?,
            ),
            ResultColumns::Record => {
                let (_, answer) = self.answered_record(call, body, args)?;
                (answer.columns[0].ty, answer)
            }
            ResultColumns::Void => return Err(run_only(routine)),
        };
        let answer = self.unless_null_rows(routine, &prepared.args, answer)?;
        let array = self.collected(answer)?;
        Ok(Elements {
            array: array.expr,
            ty: ty.unmodified(),
        })
    }

    /// No rows where an argument of a strict function is NULL.
    fn unless_null_rows(
        &self,
        routine: &Routine,
        args: &[Typed],
        answer: Answer,
    ) -> Result<Answer> {
        let mut answer = answer;
        if let Some(null) = any_null(args).filter(|_| routine.strict) {
            let condition = self.as_outer(typed::not(null), &mut answer.outer)?;
            answer.plan = condition::filter(answer.plan, condition)?;
        }
        Ok(answer)
    }

    /// A call in FROM: its rows, their columns, and whether they are single values. `inner` is what
    /// the arguments were analysed in.
    pub(in crate::engine::analyze) fn routine_rows(
        &self,
        inner: &Level<'_>,
        call: &Call,
        alias: Option<&ast::TableAlias>,
        ordinality: bool,
    ) -> Result<(Answer, bool)> {
        let routine = &call.routine;
        if !routine.procedure && self.is_carried(call) {
            self.enter(call)?;
            let snapshot = &self.scope.context.snapshot;
            let mut wanted = ResultColumns::of(snapshot, routine, call.generic)?;
            if wanted == ResultColumns::Record {
                wanted = self.defined(alias)?;
            }
            return self.carried_rows(call, &wanted, ordinality);
        }
        if !routine.set && routine.returns != PgType::RECORD.oid {
            let snapshot = &self.scope.context.snapshot;
            let value = self.routine_value(inner, call)?;
            let wanted = ResultColumns::of(snapshot, routine, call.generic)?;
            let fields = match (&value.row, wanted) {
                (Some(fields), _) => fields.as_ref().clone(),
                (None, ResultColumns::Value(_, Some(name))) => vec![(name, value)],
                (None, _) => vec![(routine.name.clone(), value)],
            };
            return self.one_row_of(inner, fields, ordinality);
        }
        self.enter(call)?;
        if routine.procedure {
            return Err(is_procedure(self, routine));
        }
        let snapshot = &self.scope.context.snapshot;
        let mut wanted = ResultColumns::of(snapshot, routine, call.generic)?;
        if wanted == ResultColumns::Record {
            wanted = self.defined(alias)?;
        }
        let body = self.body_of(routine)?;
        let prepared = self.prepared(call, &body)?;
        let mut answer = self.answered(call, &body, &prepared.args, &wanted, Wanted::Ordered)?;
        if let ResultColumns::Rows(columns) = &wanted
            && let [row] = answer.columns.as_slice()
            && row.ty.is_composite()
            && row.ty.oid == routine.returns
        {
            answer = self.spread_row(answer, columns)?;
        }
        if wanted == ResultColumns::Void {
            return Err(run_only(routine));
        }
        if !routine.set {
            // One row, of NULLs if the body gives none.
            if prepared.once.is_some() || is_volatile(&answer.plan).converted()? {
                return self.carried_rows(call, &wanted, ordinality);
            }
            let ResultColumns::Rows(columns) = &wanted else {
                return Err(Error::internal("calling a function", "no rows"));
            };
            let mut fields = Vec::new();
            for (index, (name, ty)) in columns.iter().enumerate() {
                let column = answer.column(index).expr;
                let shown = format!("\0f{}", self.number());
                let one = Answer {
                    plan: project(vec![column.alias(shown)], answer.plan.clone())?,
                    columns: vec![answer.columns[index].clone()],
                    order: Vec::new(),
                    outer: answer.outer.clone(),
                };
                let value = Typed::new(self.first_value(one)?, ty.unmodified());
                let value = match routine.strict {
                    true => unless_null(&prepared.args, value)?,
                    false => value,
                };
                fields.push((name.clone(), value));
            }
            let (answer, _) = self.one_row_of(inner, fields, ordinality)?;
            return Ok((answer, false));
        }
        answer = self.unless_null_rows(routine, &prepared.args, answer)?;
        if let Some(once) = prepared.once {
            answer = self.beside_once(once.source, answer)?;
        }
        if ordinality {
            answer = self.numbered(answer)?;
        }
        inner.note(answer.outer.iter().cloned());
        let scalar = matches!(wanted, ResultColumns::Value(_, None));
        if let ResultColumns::Value(_, Some(name)) = &wanted {
            answer.columns[0].name.clone_from(name);
        }
        Ok((answer, scalar))
    }

    fn one_row_of(
        &self,
        _: &Level<'_>,
        fields: Vec<(String, Typed)>,
        ordinality: bool,
    ) -> Result<(Answer, bool)> {
        let scalar = fields.len() == 1;
        let number = self.number();
        let mut exprs = Vec::new();
        let mut columns = Vec::new();
        for (index, (name, value)) in fields.into_iter().enumerate() {
            exprs.push(value.expr.alias(format!("\0out{number}_{index}")));
            columns.push(Output { name, ty: value.ty });
        }
        if ordinality {
            exprs.push(typed::int8(1).expr.alias("ordinality"));
            columns.push(Output {
                name: "ordinality".to_owned(),
                ty: PgType::INT8,
            });
        }
        let plan = project(exprs, super::super::query::one_row())?;
        let answer = Answer {
            plan,
            columns,
            order: Vec::new(),
            outer: Vec::new(),
        };
        Ok((answer, scalar))
    }

    /// The rows of a body beside arguments computed once.
    fn beside_once(&self, once: Source, answer: Answer) -> Result<Answer> {
        let columns = answer.columns.clone();
        let right = self.named(answer, None, "\0body")?;
        let level = Level::new(None, None);
        let shown: Vec<Expr> = right
            .columns
            .iter()
            .take(columns.len())
            .map(|column| column.value.expr.clone())
            .collect();
        let order = right.order.clone();
        let joined = self.crossed(&level, once, right)?;
        let number = self.number();
        let exprs = shown
            .into_iter()
            .enumerate()
            .map(|(index, expr)| expr.alias(format!("\0out{number}_{index}")))
            .collect();
        let answer = Answer {
            plan: joined.plan,
            columns: Vec::new(),
            order,
            outer: joined.outer,
        };
        answer.in_columns(exprs, columns)
    }

    /// An answer with the number of each row as its last column.
    pub(super) fn numbered(&self, answer: Answer) -> Result<Answer> {
        let mut answer = answer;
        let name = format!("ordinality\0{}", self.number());
        let call = match answer.order.is_empty() {
            true => row_number(),
            false => row_number()
                .order_by(answer.order.clone())
                .build()
                .converted()?,
        };
        let call = call.alias(&name);
        let plan = LogicalPlanBuilder::from(answer.plan)
            .window(vec![call])
            .and_then(LogicalPlanBuilder::build)
            .converted()?;
        let count = answer.columns.len();
        let mut exprs: Vec<Expr> = plan.schema().iter().take(count).map(Expr::from).collect();
        let last = Expr::from(
            plan.schema()
                .qualified_field(plan.schema().fields().len() - 1),
        );
        let number = self.coerced(Typed::new(last, PgType::of(1)), PgType::INT8)?;
        exprs.push(number.expr.alias("ordinality"));
        answer.plan = project(exprs, plan)?;
        answer.order = Vec::new();
        answer.columns.push(Output {
            name: "ordinality".to_owned(),
            ty: PgType::INT8,
        });
        Ok(answer)
    }
}

/// The type of the rows a function gives: the one it is declared to return, if that says of what
/// they are.
fn row_type(declared: PgType, columns: &[(String, PgType)]) -> PgType {
    if declared.is_composite() {
        return declared;
    }
    let (names, types): (Vec<String>, Vec<PgType>) = columns.iter().cloned().unzip();
    let types: Vec<PgType> = types.into_iter().map(PgType::unmodified).collect();
    PgType::record(&types, &names)
}

/// `42809`
fn is_procedure(analyst: &Analyst<'_>, routine: &Routine) -> Error {
    let snapshot = &analyst.scope.context.snapshot;
    Error::new(
        SqlState::WRONG_OBJECT_TYPE,
        format!(
            "{} is a procedure",
            snapshot.signature(routine, None).replace(',', ", ")
        ),
    )
    .hint("To call a procedure, use CALL.")
}

impl Analyst<'_> {
    /// The columns a call says itself: `AS t(a integer, b text)`.
    pub(in crate::engine::analyze) fn defined(
        &self,
        alias: Option<&ast::TableAlias>,
    ) -> Result<ResultColumns> {
        let columns = alias
            .map(|alias| alias.columns.as_slice())
            .unwrap_or_default();
        let typed: Option<Vec<_>> = columns
            .iter()
            .map(|column| {
                Some((
                    crate::engine::parse::fold(&column.name),
                    column.data_type.as_ref()?,
                ))
            })
            .collect();
        match typed.filter(|columns| !columns.is_empty()) {
            Some(columns) => columns
                .into_iter()
                .map(|(name, ty)| Ok((name, self.resolve_type(ty)?)))
                .collect::<Result<_>>()
                .map(ResultColumns::Rows),
            None => Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "a column definition list is required for functions returning \"record\"",
            )),
        }
    }
}
