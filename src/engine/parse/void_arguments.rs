//! Parameters that clients declare as `void`: JDBC counts what a function gives back among what is
//! given to it. As in PostgreSQL (`ParseFuncOrColumn`) calls do without them.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, TableFactor, Value, VisitMut,
    VisitorMut,
};

use crate::engine::command::Command;
use crate::types::PgType;

/// A command without the arguments that are parameters declared as `void`.
pub fn without_void(command: &Command, declared: &[Option<PgType>]) -> Option<Command> {
    let is_void = |ty: &Option<PgType>| ty.is_some_and(|ty| ty.oid == PgType::VOID.oid);
    if !declared.iter().any(is_void) {
        return None;
    }
    let mut without = Without { declared };
    let mut command = command.clone();
    let _: ControlFlow<Infallible> = match &mut command {
        Command::Query(query) => query.visit(&mut without),
        Command::Call(call) => {
            without.function(call);
            call.visit(&mut without)
        }
        _ => return None,
    };
    Some(command)
}

struct Without<'a> {
    declared: &'a [Option<PgType>],
}

impl Without<'_> {
    fn is_void(&self, arg: &FunctionArg) -> bool {
        let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = arg else {
            return false;
        };
        let Value::Placeholder(name) = &value.value else {
            return false;
        };
        let number = name.strip_prefix('$').and_then(|of| of.parse().ok());
        let index = number.and_then(|number: usize| number.checked_sub(1));
        let declared = index.and_then(|index| self.declared.get(index).copied());
        declared
            .flatten()
            .is_some_and(|ty| ty.oid == PgType::VOID.oid)
    }

    fn function(&self, function: &mut Function) {
        if let FunctionArguments::List(list) = &mut function.args {
            list.args.retain(|arg| !self.is_void(arg));
        }
    }
}

impl VisitorMut for Without<'_> {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expression: &mut Expr) -> ControlFlow<Infallible> {
        if let Expr::Function(function) = expression {
            self.function(function);
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Infallible> {
        let args = match factor {
            TableFactor::Table {
                args: Some(args), ..
            } => &mut args.args,
            TableFactor::Function { args, .. } => args,
            _ => return ControlFlow::Continue(()),
        };
        args.retain(|arg| !self.is_void(arg));
        ControlFlow::Continue(())
    }
}
