//! Prepared statements, and plans that may be used again.
//!
//! A statement made by Parse or PREPARE is bound once, so that it can be described; the binding is
//! used again as long as nothing it stands on moved (catalog, role, search path). The permission is
//! asked for at every execution.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::{Session, StatementDescription, interruptible};
use crate::base::{Error, Oid, Result, SqlState, Version};
use crate::catalog::{SearchPath, Snapshot};
use crate::engine::command::Filled;
use crate::engine::{
    Bound, BoundDml, Command, CurrentOf, OutputColumn, Statement, parse_expression, with_condition,
    without_void,
};
use crate::observe::Interrupt;
use crate::statement::{PreparedStatement, StatementContext};
use crate::types::PgType;

/// A prepared statement.
#[derive(Debug)]
pub(super) struct Prepared {
    /// What it does; `None` for an empty query string.
    pub(super) statement: Option<Arc<Statement>>,
    /// Parameter types as the client declared them.
    pub(super) declared: Vec<Option<PgType>>,
    /// What binding it gave, the last time.
    pub(super) plan: Plan,
}

/// What binding a statement gives.
#[derive(Debug, Clone, Default)]
pub(super) struct Plan {
    /// Types of $1, $2, …
    pub(super) parameters: Vec<PgType>,
    /// What it answers, if it answers rows.
    pub(super) columns: Option<Arc<[OutputColumn]>>,
    /// The binding itself, where it can be run without binding again.
    pub(super) body: Body,
    /// What the binding stands on; `None` where there is no binding.
    pub(super) basis: Option<Basis>,
}

/// A binding that can be run.
#[derive(Debug, Clone, Default)]
pub(super) enum Body {
    /// A query.
    Query(Arc<Bound>),
    /// INSERT, UPDATE, DELETE.
    Dml(Arc<BoundDml>),
    /// Everything else is carried out from its command.
    #[default]
    Command,
}

/// What a binding stands on: if any of it moved, it is made again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Basis {
    version: Version,
    /// [`Session::epoch`]: the transaction's own changes, which the version does not count.
    epoch: u64,
    role: Oid,
    path: SearchPath,
}

impl Session {
    /// What a binding made in `context` stands on.
    pub(super) fn basis(&self, context: &StatementContext) -> Basis {
        Basis {
            version: context.snapshot.version(),
            epoch: self.epoch,
            role: context.role,
            path: context.search_path.clone(),
        }
    }

    /// Notes that the transaction's own view of the catalog changed.
    pub(super) fn catalog_moved(&mut self) {
        self.epoch += 1;
    }

    /// Parse message: at most one statement. `types` are the declared parameter OIDs (0:
    /// unspecified).
    ///
    /// # Errors
    /// `42P05` name taken, `42601` more than one statement, and parse errors.
    pub async fn prepare(&mut self, name: &str, sql: &str, types: &[Oid]) -> Result<()> {
        let interrupt = self.start(sql)?;
        let mut statements = self.parse(sql)?;
        if statements.len() > 1 {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "cannot insert multiple commands into a prepared statement",
            ));
        }
        let snapshot = self.bystander()?.snapshot.clone();
        let declared = types
            .iter()
            .map(|oid| declared_type(&snapshot, *oid))
            .collect::<Result<Vec<_>>>()?;
        if name.is_empty() {
            self.prepared.remove(name);
        }
        let statement = statements.pop().map(Arc::new);
        self.add_prepared(name, statement.clone(), declared, false, &interrupt)
            .await
            .map_err(|error| match &statement {
                Some(statement) => super::located(error, statement),
                None => error,
            })
    }

    /// Keeps a statement under a name, bound. `from_sql`: PREPARE asked for it.
    pub(super) async fn add_prepared(
        &mut self,
        name: &str,
        statement: Option<Arc<Statement>>,
        declared: Vec<Option<PgType>>,
        from_sql: bool,
        interrupt: &Interrupt,
    ) -> Result<()> {
        if let Some(statement) = &statement {
            self.check_not_failed(&statement.command)?;
        }
        if self.prepared.contains_key(name) {
            return Err(Error::new(
                SqlState::DUPLICATE_PREPARED_STATEMENT,
                format!("prepared statement \"{name}\" already exists"),
            ));
        }
        let statement = statement.map(|of| match without_void(&of.command, &declared) {
            Some(command) => Arc::new(Statement {
                command,
                ..Statement::clone(&of)
            }),
            None => of,
        });
        let mut prepared = Prepared {
            statement,
            declared,
            plan: Plan::default(),
        };
        if let Some(statement) = prepared.statement.clone() {
            prepared.plan = self.plan(&statement, &prepared.declared, interrupt).await?;
        }
        let listed = PreparedStatement {
            text: match from_sql {
                true => self.activity.doing().query,
                false => prepared
                    .statement
                    .as_ref()
                    .map_or_else(String::new, |statement| statement.text.clone()),
            },
            time: self.statement_time,
            parameters: prepared.plan.parameters.iter().map(|ty| ty.oid).collect(),
            from_sql,
        };
        self.prepared.insert(name, prepared, listed);
        Ok(())
    }

    /// A prepared statement, bound against the catalog as it is now. The columns it was described
    /// with must not have changed.
    ///
    /// # Errors
    /// `26000` no such statement, `25P02`, `0A000` "cached plan must not change result type", and
    /// bind errors.
    pub(super) async fn fresh(&mut self, name: &str, interrupt: &Interrupt) -> Result<Planned> {
        let prepared = self.prepared.get(name).ok_or_else(|| no_statement(name))?;
        let Some(statement) = prepared.statement.clone() else {
            return Ok(Planned {
                statement: None,
                plan: Plan::default(),
            });
        };
        self.check_not_failed(&statement.command)?;
        let Some(basis) = self.prepared.get(name).and_then(|p| p.plan.basis.clone()) else {
            // Nothing was bound, so nothing can be stale; what it answers may still depend on the
            // session's state.
            let declared = self.declared(name);
            let plan = self.plan(&statement, &declared, interrupt).await?;
            return Ok(Planned {
                statement: Some(statement),
                plan,
            });
        };
        let context = self.context()?;
        if basis != self.basis(&context) {
            // Types the client was told of stay what they were.
            let declared = self.declared(name);
            let plan = self.plan(&statement, &declared, interrupt).await?;
            if let Some(prepared) = self.prepared.get_mut(name) {
                if !same_columns(prepared.plan.columns.as_deref(), plan.columns.as_deref()) {
                    return Err(Error::new(
                        SqlState::FEATURE_NOT_SUPPORTED,
                        "cached plan must not change result type",
                    )
                    // asyncpg prepares again when it reads this.
                    .routine("RevalidateCachedQuery"));
                }
                prepared.plan = plan;
            }
        }
        Ok(Planned {
            statement: Some(statement),
            plan: self
                .prepared
                .get(name)
                .map(|prepared| prepared.plan.clone())
                .unwrap_or_default(),
        })
    }

    /// The parameter types of a prepared statement: declared, and where not, as inferred when it
    /// was made.
    fn declared(&self, name: &str) -> Vec<Option<PgType>> {
        let Some(prepared) = self.prepared.get(name) else {
            return Vec::new();
        };
        let count = prepared.declared.len().max(prepared.plan.parameters.len());
        (0..count)
            .map(|index| {
                let inferred = || prepared.plan.parameters.get(index).copied();
                prepared
                    .declared
                    .get(index)
                    .copied()
                    .flatten()
                    .or_else(inferred)
            })
            .collect()
    }

    /// Binds a statement as far as describing it needs. Commands without a query in them are not
    /// bound.
    pub(super) async fn plan(
        &mut self,
        statement: &Statement,
        declared: &[Option<PgType>],
        interrupt: &Interrupt,
    ) -> Result<Plan> {
        let engine = self.shared.engine.clone();
        // What stands inside another statement (EXPLAIN, CREATE TABLE AS, DECLARE, COPY) is bound
        // for its parameters and bound again when the statement runs.
        let inner = match &statement.command {
            Command::Query(query) => {
                let context = self.context()?;
                if let Some(plan) =
                    Box::pin(self.plan_call(&context, query, declared, interrupt)).await?
                {
                    return Ok(plan);
                }
                let bound =
                    interruptible(interrupt, engine.bind(&context, query, declared)).await?;
                let plan = Plan {
                    parameters: bound.parameters.clone(),
                    columns: Some(bound.columns.clone().into()),
                    body: Body::Query(Arc::new(bound)),
                    basis: Some(self.basis(&context)),
                };
                return Ok(plan);
            }
            Command::Dml(dml) => {
                let context = self.context()?;
                // Which row it is says the cursor when the statement runs.
                let some_row = match CurrentOf::of(dml) {
                    Some(_) => Some(with_condition(dml, parse_expression("false")?)),
                    None => None,
                };
                let dml = some_row.as_ref().unwrap_or(dml);
                let bound =
                    interruptible(interrupt, engine.bind_dml(&context, dml, declared)).await?;
                let plan = Plan {
                    parameters: bound.parameters.clone(),
                    columns: bound.columns.clone(),
                    body: Body::Dml(Arc::new(bound)),
                    basis: Some(self.basis(&context)),
                };
                return Ok(plan);
            }
            Command::Call(call) => {
                let context = self.context()?;
                let work = engine.bind_call(&context, call, declared, true);
                let bound = interruptible(interrupt, work).await?;
                return Ok(Plan {
                    parameters: bound
                        .as_ref()
                        .map(|bound| bound.arguments.parameters.clone())
                        .unwrap_or_default(),
                    columns: bound
                        .and_then(|bound| bound.callee.columns())
                        .map(Into::into),
                    body: Body::Command,
                    basis: None,
                });
            }
            Command::CreateTableAs(create) => match &create.filled {
                Filled::Query(query) => Some(Statement {
                    command: Command::Query(query.clone()),
                    ..statement.clone()
                }),
                Filled::Execute { .. } => None,
            },
            Command::Explain(explain) => Some((*explain.statement).clone()),
            Command::Declare { query, .. } => Some((**query).clone()),
            _ => None,
        };
        let columns = self.utility_columns(&statement.command, interrupt).await?;
        let parameters = match inner {
            Some(inner) => {
                Box::pin(self.plan(&inner, declared, interrupt))
                    .await?
                    .parameters
            }
            // A client may declare parameters of a statement that has none.
            None => Vec::new(),
        };
        Ok(Plan {
            parameters,
            columns,
            body: Body::Command,
            basis: None,
        })
    }

    /// The plan of a query that calls a function to be carried out; `None` of any other.
    async fn plan_call(
        &self,
        context: &Arc<StatementContext>,
        query: &sqlparser::ast::Query,
        declared: &[Option<PgType>],
        interrupt: &Interrupt,
    ) -> Result<Option<Plan>> {
        if context.snapshot.routines().next().is_none() {
            return Ok(None);
        }
        let Some(sole) = super::commands::sole_call(query) else {
            return Ok(None);
        };
        let engine = self.shared.engine.clone();
        let work = engine.bind_call(context, &sole.function, declared, false);
        let bound = interruptible(interrupt, work).await?;
        let Some(bound) = bound.filter(|bound| sole.is_for(&bound.callee)) else {
            return Ok(None);
        };
        Ok(Some(Plan {
            parameters: bound.arguments.parameters.clone(),
            columns: Some(sole.columns(&bound.callee).into()),
            body: Body::Command,
            basis: None,
        }))
    }

    /// Describe 'S'.
    ///
    /// # Errors
    /// `26000` no such statement, and bind errors.
    pub async fn describe_statement(&mut self, name: &str) -> Result<StatementDescription> {
        let interrupt = self.interrupt();
        let planned = self.fresh(name, &interrupt).await?;
        Ok(StatementDescription {
            parameters: planned.plan.parameters,
            columns: planned.plan.columns,
        })
    }

    /// Close 'S'. Closing what does not exist is no error.
    pub fn close_statement(&mut self, name: &str) {
        self.prepared.remove(name);
    }
}

/// A statement and its binding, ready to run.
#[derive(Debug)]
pub(super) struct Planned {
    /// `None` for an empty query string.
    pub(super) statement: Option<Arc<Statement>>,
    /// Its binding.
    pub(super) plan: Plan,
}

/// Prepared statements by name; the unnamed one is "".
#[derive(Debug, Default)]
pub(super) struct PreparedStatements {
    by_name: HashMap<String, Prepared>,
    /// The named ones, as others are told of them.
    listed: Arc<BTreeMap<String, PreparedStatement>>,
}

impl PreparedStatements {
    /// The named ones, as the session is told of them.
    pub(super) fn listed(&self) -> &Arc<BTreeMap<String, PreparedStatement>> {
        &self.listed
    }

    /// Whether there is one.
    pub(super) fn contains_key(&self, name: &str) -> bool {
        self.by_name.contains_key(name)
    }

    /// One by name.
    pub(super) fn get(&self, name: &str) -> Option<&Prepared> {
        self.by_name.get(name)
    }

    /// One by name, to bind it anew.
    pub(super) fn get_mut(&mut self, name: &str) -> Option<&mut Prepared> {
        self.by_name.get_mut(name)
    }

    /// All of them, to bind them anew.
    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = &mut Prepared> {
        self.by_name.values_mut()
    }

    /// Keeps one.
    pub(super) fn insert(&mut self, name: &str, prepared: Prepared, listed: PreparedStatement) {
        self.by_name.insert(name.to_owned(), prepared);
        if !name.is_empty() {
            Arc::make_mut(&mut self.listed).insert(name.to_owned(), listed);
        }
    }

    /// Forgets one.
    pub(super) fn remove(&mut self, name: &str) -> Option<Prepared> {
        if self.listed.contains_key(name) {
            Arc::make_mut(&mut self.listed).remove(name);
        }
        self.by_name.remove(name)
    }

    /// Forgets all.
    pub(super) fn clear(&mut self) {
        self.by_name.clear();
        self.listed = Arc::default();
    }
}

/// `26000`
pub(super) fn no_statement(name: &str) -> Error {
    let message = if name.is_empty() {
        "unnamed prepared statement does not exist".to_owned()
    } else {
        format!("prepared statement \"{name}\" does not exist")
    };
    // postgres.js prepares again when it reads this.
    Error::new(SqlState::INVALID_SQL_STATEMENT_NAME, message).routine("FetchPreparedStatement")
}

/// A declared parameter type; `unknown` leaves the choice to the binder, as in PostgreSQL.
pub(super) fn declared_type(snapshot: &Snapshot, oid: Oid) -> Result<Option<PgType>> {
    if oid == Oid::INVALID || oid == PgType::UNKNOWN.oid {
        return Ok(None);
    }
    snapshot.pg_type(oid).map(Some).ok_or_else(|| {
        Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("type with OID {oid} does not exist"),
        )
    })
}

/// Whether two descriptions promise the client the same rows.
fn same_columns(old: Option<&[OutputColumn]>, new: Option<&[OutputColumn]>) -> bool {
    match (old, new) {
        (None, None) => true,
        (Some(old), Some(new)) => {
            old.len() == new.len()
                && old.iter().zip(new).all(|(old, new)| {
                    // That arrays now tell their dimensions is nothing clients see.
                    let held = new.ty.more_dimensions;
                    let old_ty = PgType {
                        more_dimensions: held,
                        ..old.ty
                    };
                    old.name == new.name && old_ty == new.ty
                })
        }
        (Some(_), None) | (None, Some(_)) => false,
    }
}
