//! Users' aggregates in a query: the state is an aggregate of the plan's, and the final function is
//! called with it as any function is.

use std::sync::Arc;

use datafusion::common::Column;
use datafusion::logical_expr::expr::AggregateFunction;
use datafusion::logical_expr::{AggregateUDF, Expr, WindowFunctionDefinition};
use sqlparser::ast::{self, Function, FunctionArg, FunctionArgExpr};

use super::super::Analyst;
use super::super::aggregate::is_aggregated;
use super::super::aggregate_call::{Modifiers, check_place, check_repeated, ordered_by_arguments};
use super::super::coerce::undetermined;
use super::super::from::part;
use super::super::level::{Clause, Level};
use super::super::outer_aggregate::around;
use super::super::subquery::has_subquery;
use super::super::typed::{self, Typed};
use super::resolve::{Call, generic};
use super::result::ResultColumns;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Aggregate, AggregateKind, Routine};
use crate::engine::fold::{self, Steps};
use crate::functions;
use crate::pg_catalog::functions_named;
use crate::pg_catalog::relations::functions::by_oid;
use crate::types::PgType;

/// What a call means that has the name of a users' aggregate.
pub(in crate::engine::analyze) enum Meant {
    /// The aggregate, whose value this is.
    Aggregate(Typed),
    /// A users' function of the name, or `None` for one of PostgreSQL's.
    Function(Option<Call>),
    /// There is no users' aggregate of the name.
    Other,
}

/// A call as it is written.
#[derive(Clone, Copy)]
struct Written<'a> {
    function: &'a Function,
    list: &'a ast::FunctionArgumentList,
    modifiers: &'a Modifiers<'a>,
    name: &'a str,
    /// The arguments, those of WITHIN GROUP at the end.
    args: &'a [FunctionArg],
    star: bool,
}

impl Written<'_> {
    /// The clause that its arguments stand in if it is of an aggregate.
    fn inside(self) -> Clause {
        match self.function.over {
            Some(_) => Clause::WindowArgument,
            None => Clause::Aggregate,
        }
    }
}

impl Analyst<'_> {
    /// A call that may be of a users' aggregate.
    pub(in crate::engine::analyze) fn users_aggregate(
        &self,
        level: &Level<'_>,
        function: &Function,
        list: &ast::FunctionArgumentList,
        modifiers: &Modifiers<'_>,
    ) -> Result<Meant> {
        let parts: Vec<String> = function.name.0.iter().map(part).collect();
        let (schema, name) = match parts.as_slice() {
            [name] => (None, name),
            [schema, name] => (Some(schema.as_str()), name),
            _ => return Ok(Meant::Other),
        };
        let known = self.routines(schema, name);
        if !known.iter().any(|known| known.aggregate().is_some()) {
            return Ok(Meant::Other);
        }
        let star = matches!(
            list.args.as_slice(),
            [FunctionArg::Unnamed(FunctionArgExpr::Wildcard)]
        );
        let mut args = match star {
            true => Vec::new(),
            false => list.args.clone(),
        };
        let within = &function.within_group;
        let sorted = within.iter().map(|item| item.expr.clone());
        args.extend(sorted.map(|expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))));
        let written = Written {
            function,
            list,
            modifiers,
            name,
            args: &args,
            star,
        };
        let own = schema.is_none() && functions::aggregate(name).is_none();
        let own = own && !functions_named(name).is_empty();
        if own || known.iter().any(|known| known.aggregate().is_none()) {
            return self.function_or_aggregate(level, written);
        }
        if let Some(value) = self.users_outer_aggregate(level, written)? {
            return Ok(Meant::Aggregate(value));
        }
        Ok(match self.aggregate_in(level, written)? {
            Some(value) => Meant::Aggregate(value),
            None => Meant::Function(None),
        })
    }

    /// A call whose arguments' types tell whether it is of an aggregate or a function. What may
    /// stand in them depends on that, so they are read as a function's, and looked at again.
    fn function_or_aggregate(&self, level: &Level<'_>, written: Written<'_>) -> Result<Meant> {
        let sets = level.sets.borrow().len();
        let noted: Vec<usize> = around(level).map(|of| of.outer.borrow().len()).collect();
        let call = self.users_call(level, written.function, written.args)?;
        let Some(call) = call else {
            return Ok(Meant::Function(None));
        };
        if call.routine.aggregate().is_none() {
            return Ok(Meant::Function((!written.star).then_some(call)));
        }
        if written.function.over.is_none() {
            if level.sets.borrow().len() > sets {
                return Err(super::super::set::within_aggregate());
            }
            // If it belongs to a query around, nothing here refers to that.
            let cut = around(level).zip(noted);
            let cut: Vec<Vec<Expr>> = cut
                .map(|(of, noted)| of.outer.borrow_mut().split_off(noted))
                .collect();
            if let Some(value) = self.users_outer_aggregate(level, written)? {
                return Ok(Meant::Aggregate(value));
            }
            around(level).zip(cut).for_each(|(of, cut)| of.note(cut));
        }
        for arg in call.args.iter().flatten() {
            if super::has_window(&arg.expr)? {
                check_place(written.inside(), true)?;
            }
        }
        let value = self.users_aggregated(level, written, &call)?;
        value.map_or_else(
            || Ok(Meant::Function(None)),
            |value| Ok(Meant::Aggregate(value)),
        )
    }

    /// The value of one that belongs to a query around.
    fn users_outer_aggregate(
        &self,
        level: &Level<'_>,
        written: Written<'_>,
    ) -> Result<Option<Typed>> {
        if written.function.over.is_some() {
            return Ok(None);
        }
        let parts = (written.function, written.list, written.modifiers);
        let again = |query: &Level<'_>| self.aggregate_in(query, written);
        self.outer_aggregate(level, parts, written.name, &again)
    }

    /// The value of one that belongs to this query; `None` if it is of one of PostgreSQL's own.
    fn aggregate_in(&self, level: &Level<'_>, written: Written<'_>) -> Result<Option<Typed>> {
        let call = level.within(written.inside(), || {
            self.users_call(level, written.function, written.args)
        })?;
        match call {
            Some(call) => self.users_aggregated(level, written, &call),
            None => Ok(None),
        }
    }

    /// The value of one whose arguments are known; `None` if it is none.
    fn users_aggregated(
        &self,
        level: &Level<'_>,
        written: Written<'_>,
        call: &Call,
    ) -> Result<Option<Typed>> {
        let Written {
            function,
            list,
            modifiers,
            name,
            args,
            star,
        } = written;
        let over = function.over.is_some();
        let inside = written.inside();
        let routine = Arc::clone(&call.routine);
        let Some(aggregate) = routine.aggregate() else {
            return Ok(None);
        };
        check_place(level.clause.get(), over)?;
        check_repeated(level, over)?;
        if args.is_empty() && !star {
            return Err(wrong(format!(
                "{name}(*) must be used to call a parameterless aggregate function"
            )));
        }
        check_kind(aggregate, written, call)?;
        self.enter(call)?;
        let order = level.within(inside, || {
            self.aggregate_order(level, modifiers.order, false)
        })?;
        let filter = self.aggregate_filter(level, function)?;
        let given: Vec<Typed> = call.args.iter().flatten().cloned().collect();
        if !over && given.iter().any(|arg| is_aggregated(&arg.expr)) {
            return Err(super::super::aggregate_call::nested_calls());
        }
        let (direct, rows) = given.split_at(aggregate.direct);
        let types = &call.types[aggregate.direct..];
        let folded = self.folded(call, aggregate, types)?;
        let mut exprs: Vec<Expr> = Vec::with_capacity(rows.len());
        for (arg, ty) in rows.iter().zip(types) {
            exprs.push(typed::cast(arg.expr.clone(), *ty));
        }
        if exprs.is_empty() {
            // Something has to tell how many rows there are.
            exprs.push(typed::int8(1).expr);
        }
        let state = self.actual(call, aggregate.plain.state)?;
        let expr = match &function.over {
            Some(window) => {
                let fun = WindowFunctionDefinition::AggregateUDF(folded);
                self.window_call(level, fun, exprs, window, filter, modifiers.nulls)?
            }
            None => {
                let mut order = order;
                if modifiers.distinct {
                    let told = self.told_apart(rows)?;
                    ordered_by_arguments(list, modifiers, told, &mut order)?;
                }
                Expr::AggregateFunction(AggregateFunction::new_udf(
                    folded,
                    exprs,
                    modifiers.distinct,
                    filter.map(Box::new),
                    order,
                    None,
                ))
            }
        };
        let value = Typed::new(expr, state.unmodified());
        self.concluded(level, call, aggregate, value, direct)
            .map(Some)
    }

    /// What the final function makes of the last state.
    fn concluded(
        &self,
        level: &Level<'_>,
        call: &Call,
        aggregate: &Aggregate,
        state: Typed,
        direct: &[Typed],
    ) -> Result<Typed> {
        let Some(finish) = aggregate.plain.finish else {
            let row = self.fields(&state);
            return Ok(Typed { row, ..state });
        };
        let mut args = vec![state];
        args.extend(direct.iter().cloned());
        if aggregate.plain.extra {
            for ty in &call.types[aggregate.direct..] {
                args.push(typed::null(ty.unmodified())?);
            }
        }
        self.supporting(level, finish, args, call.routine.owner)
    }

    /// The state as an aggregate of the plan's.
    fn folded(
        &self,
        call: &Call,
        aggregate: &Aggregate,
        types: &[PgType],
    ) -> Result<Arc<AggregateUDF>> {
        let plain = &aggregate.plain;
        let state = self.actual(call, plain.state)?;
        let all: Vec<PgType> = std::iter::once(state)
            .chain(types.iter().copied())
            .collect();
        let mut columns = Vec::with_capacity(all.len());
        for (index, ty) in all.iter().enumerate() {
            let name = fold::column(index);
            let column = Column::new_unqualified(&name);
            self.register(&column, &Arc::new(ty.field(&name, true)), String::new());
            columns.push(Typed::new(Expr::Column(column), ty.unmodified()));
        }
        let level = Level::new(None, None);
        let owner = call.routine.owner;
        let into = |value: Typed| {
            let value = self.coerced(value, state)?;
            Ok::<_, Error>(typed::cast(value.expr, state))
        };
        let start = match &plain.initial {
            Some(text) => into(typed::unknown(Some(text)))?,
            None => typed::null(state.unmodified())?.expr,
        };
        let strict = self.is_strict(plain.function);
        let first = match columns.get(1) {
            Some(first) if strict && plain.initial.is_none() => Some(into(first.clone())?),
            Some(_) | None => None,
        };
        let next = into(self.supporting(&level, plain.function, columns, owner)?)?;
        let steps = Steps {
            aggregate: call.routine.oid,
            strict,
            state,
            arguments: types.to_vec(),
            start,
            first,
            next,
        };
        fold::fold(self.scope, steps)
    }

    /// A call of one of the functions an aggregate is made of, which its owner may call.
    fn supporting(
        &self,
        level: &Level<'_>,
        function: Oid,
        args: Vec<Typed>,
        owner: Oid,
    ) -> Result<Typed> {
        let snapshot = &self.scope.context.snapshot;
        let Some(routine) = snapshot.routine(function).cloned() else {
            return self.supporting_own(level, function, args);
        };
        let declared = routine.input_types();
        let given: Vec<PgType> = args.iter().map(Typed::base).collect();
        let generic = generic(&declared, &given).ok_or_else(undetermined)?;
        let types = declared
            .iter()
            .map(|ty| generic.actual(snapshot, *ty).ok_or_else(undetermined))
            .collect::<Result<Vec<_>>>()?;
        let args = args.into_iter().zip(&types).map(|(arg, ty)| {
            let value = self.coerced(arg, *ty)?;
            let row = self.fields(&value);
            Ok(Some(Typed { row, ..value }))
        });
        let call = Call {
            args: args.collect::<Result<_>>()?,
            types,
            generic,
            qualified: false,
            caller: Some(owner),
            routine,
        };
        // What is more than a value is carried out for each row.
        let is_value = |routine: &Routine| Ok::<_, Error>(self.body_of(routine)?.value);
        if !self.is_carried(&call) && is_value(&call.routine)? {
            let value = self.routine_value(level, &call)?;
            if !has_subquery(&value.expr) {
                return Ok(value);
            }
        }
        self.enter(&call)?;
        let wanted = ResultColumns::of(snapshot, &call.routine, call.generic)?;
        self.carried_value(level, &call, &wanted)
    }

    /// The same of PostgreSQL's own.
    pub(super) fn supporting_own(
        &self,
        level: &Level<'_>,
        function: Oid,
        args: Vec<Typed>,
    ) -> Result<Typed> {
        let missing = || {
            let what = format!("function {function} as part of an aggregate");
            Error::unsupported(what)
        };
        let own = by_oid(function).ok_or_else(missing)?;
        let args = args.into_iter().zip(&own.arguments).map(|(arg, ty)| {
            match Routine::is_polymorphic(*ty) || ty.0 == ANY {
                true => Ok(arg),
                false => self.coerced(arg, PgType::of(ty.0)),
            }
        });
        let written = ast::ObjectName::from(vec![ast::Ident::new(own.name)]);
        self.scalar_call(level, own.name, args.collect::<Result<_>>()?, &written)
    }

    /// Whether a function gives NULL for NULL.
    fn is_strict(&self, function: Oid) -> bool {
        let snapshot = &self.scope.context.snapshot;
        match snapshot.routine(function) {
            Some(routine) => routine.strict,
            None => by_oid(function).is_some_and(|own| own.strict),
        }
    }

    /// What a type of the aggregate is in a call.
    fn actual(&self, call: &Call, ty: Oid) -> Result<PgType> {
        let snapshot = &self.scope.context.snapshot;
        let actual = call.generic.actual(snapshot, ty);
        actual.ok_or_else(undetermined)
    }
}

/// `"any"`
const ANY: u32 = 2276;

fn wrong(message: String) -> Error {
    Error::new(SqlState::WRONG_OBJECT_TYPE, message)
}

/// Whether a call says what calls of its kind of aggregate have to say, and nothing else.
fn check_kind(aggregate: &Aggregate, written: Written<'_>, call: &Call) -> Result<()> {
    let Written {
        function,
        modifiers,
        ..
    } = written;
    let name = &call.routine.name;
    let sorted = function.within_group.len();
    if aggregate.kind == AggregateKind::Normal {
        if sorted > 0 {
            return Err(wrong(format!(
                "{name} is not an ordered-set aggregate, so it cannot have WITHIN GROUP"
            )));
        }
        if function.over.is_none() {
            return Ok(());
        }
        let what = match (modifiers.distinct, modifiers.order.is_empty()) {
            (true, _) => "DISTINCT is not implemented for window functions",
            (false, false) => "aggregate ORDER BY is not implemented for window functions",
            (false, true) => return Ok(()),
        };
        return Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, what));
    }
    if sorted == 0 {
        return Err(wrong(format!(
            "WITHIN GROUP is required for ordered-set aggregate {name}"
        )));
    }
    if function.over.is_some() {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("OVER is not supported for ordered-set aggregate {name}"),
        ));
    }
    if modifiers.distinct {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "cannot use DISTINCT with WITHIN GROUP",
        ));
    }
    let given = written.args.len() - sorted;
    if given != aggregate.direct {
        let types: Vec<String> = call.types.iter().map(ToString::to_string).collect();
        let plural = if aggregate.direct == 1 { "" } else { "s" };
        return Err(Error::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function {name}({}) does not exist", types.join(", ")),
        )
        .hint(format!(
            "There is an ordered-set aggregate {name}, but it requires {} direct \
             argument{plural}, not {given}.",
            aggregate.direct
        )));
    }
    Ok(())
}
