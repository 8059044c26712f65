//! CREATE, ALTER and DROP OPERATOR.

use super::domain::usable;
use super::routine::{invalid, refuse_temporary};
use super::routine_type::{INTERNAL, type_of};
use super::tag;
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Definition, DefinitionBody, ObjectId, Operator};
use crate::engine::command::ObjectName;
use crate::engine::value_definition::{
    CreateOperator, Operand, OperatorAction, OperatorAttributes, OperatorSpec, OperatorStatement,
};
use crate::engine::{Support, signature};
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

impl Session {
    /// A statement about operators.
    pub(in crate::session) fn operator(
        &mut self,
        statement: &OperatorStatement,
    ) -> Result<CommandTag> {
        match statement {
            OperatorStatement::Create(name, create) => self.create_operator(name, create),
            OperatorStatement::Alter(spec, action) => self.alter_operator(spec, action),
            OperatorStatement::Drop {
                operators,
                if_exists,
                cascade,
            } => self.drop_operators(operators, *if_exists, *cascade),
        }
    }

    fn create_operator(
        &mut self,
        name: &ObjectName,
        create: &CreateOperator,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let snapshot = &context.snapshot;
        let schema =
            snapshot.resolve_creation_schema(&context.search_path, name.schema.as_deref())?;
        refuse_temporary(&context, schema)?;
        for attribute in &create.unknown {
            let message = format!("operator attribute \"{attribute}\" not recognized");
            self.warning(SqlState::SYNTAX_ERROR, message);
        }
        let of = &create.attributes;
        let left = operand(&context, of.left.as_ref())?;
        let right = operand(&context, of.right.as_ref())?;
        let Some(function) = &of.function else {
            return Err(invalid("operator function must be specified".to_owned()));
        };
        let Some(right) = right else {
            return Err(match left {
                None => invalid("operator argument types must be specified".to_owned()),
                Some(_) => invalid("operator right argument type must be specified".to_owned())
                    .detail("Postfix operators are not supported."),
            });
        };
        let operands: Vec<Oid> = left.into_iter().chain([right]).collect();
        for ty in &operands {
            usable(&context, snapshot.value_type(*ty))?;
        }
        let found = exact(&context, function, &operands)?;
        if found.set {
            return Err(Error::unsupported(
                "an operator over a function that returns a set",
            ));
        }
        found.callable(&context)?;
        usable(&context, snapshot.value_type(found.returns))?;
        let restrict = of.restrict.as_ref();
        let restrict = restrict
            .map(|name| estimator(&context, name, false))
            .transpose()?;
        let join = of.join.as_ref();
        let join = join
            .map(|name| estimator(&context, name, true))
            .transpose()?;
        check(of, left, found.returns)?;
        let old = operator_in(&context, schema, &name.name, left, right).cloned();
        if old
            .as_ref()
            .and_then(|old| old.operator())
            .is_some_and(|of| of.function.is_some())
        {
            return Err(Error::new(
                SqlState::DUPLICATE_FUNCTION,
                format!("operator {} already exists", name.name),
            ));
        }
        let oid = match &old {
            Some(shell) => shell.oid,
            None => self.shared.database.new_oid(),
        };
        let mut made = Definition {
            oid,
            name: name.name.clone(),
            schema,
            owner: old.as_ref().map_or(context.role, |old| old.owner),
            comment: old.as_ref().and_then(|old| old.comment.clone()),
            body: DefinitionBody::Operator(Operator {
                left,
                right,
                function: Some((found.oid, found.returns)),
                commutator: None,
                negator: None,
                restrict,
                join,
                merges: of.merges,
                hashes: of.hashes,
            }),
        };
        let place = (schema, oid);
        let commutator = left.zip(of.commutator.as_ref());
        let commutator = commutator.map(|(left, other)| {
            let own = (name.name.as_str(), Some(left), right);
            self.partner(&context, other, (Some(right), left), own, place)
        });
        let commutator = commutator.transpose()?;
        let negator = of.negator.as_ref().map(|other| {
            let own = (name.name.as_str(), left, right);
            self.partner(&context, other, (left, right), own, place)
        });
        let negator = negator.transpose()?;
        if negator.as_ref().is_some_and(|(other, _)| *other == oid) {
            return Err(invalid("operator cannot be its own negator".to_owned()));
        }
        if let DefinitionBody::Operator(operator) = &mut made.body {
            // What others said of it when it was only named stays said.
            let before = old.as_ref().and_then(|old| old.operator());
            operator.commutator = commutator.as_ref().map(|(other, _)| *other);
            operator.negator = negator.as_ref().map(|(other, _)| *other);
            if let Some(before) = before {
                operator.commutator = operator.commutator.or(before.commutator);
                operator.negator = operator.negator.or(before.negator);
            }
        }
        let links = [
            commutator.map(|of| (of, true)),
            negator.map(|of| (of, false)),
        ];
        let mut changes = Vec::new();
        for ((_, new), commutes) in links.iter().flatten() {
            let Some(mut shell) = new.clone() else {
                continue;
            };
            if let DefinitionBody::Operator(operator) = &mut shell.body {
                match commutes {
                    true => operator.commutator = Some(oid),
                    false => operator.negator = Some(oid),
                }
            }
            changes.push(Change::CreateDefinition(Box::new(shell)));
        }
        changes.push(match old {
            Some(old) => Change::AlterDefinition {
                was: Box::new(Definition::clone(&old)),
                now: Box::new(made),
            },
            None => Change::CreateDefinition(Box::new(made)),
        });
        self.push(changes, Vec::new())?;
        for ((other, new), commutes) in links.into_iter().flatten() {
            if new.is_none() && other != oid {
                self.link_back(other, oid, commutes)?;
            }
        }
        Ok(tag("CREATE OPERATOR"))
    }

    /// The operator another names as its commutator or negator: made as a shell if it is not there
    /// yet.
    fn partner(
        &self,
        context: &StatementContext,
        name: &ObjectName,
        (left, right): (Option<Oid>, Oid),
        (own, own_left, own_right): (&str, Option<Oid>, Oid),
        (own_schema, own_oid): (Oid, Oid),
    ) -> Result<(Oid, Option<Definition>)> {
        let schema = context
            .snapshot
            .resolve_creation_schema(&context.search_path, name.schema.as_deref())?;
        let is_own = name.name == own && (left, right) == (own_left, own_right);
        if is_own && schema == own_schema {
            return Ok((own_oid, None));
        }
        if let Ok(found) = operator_of(context, name, left, right) {
            return match found {
                Found::Users(of) => Ok((of.oid, None)),
                Found::Own(oid) => Ok((oid, None)),
            };
        }
        let oid = self.shared.database.new_oid();
        let shell = Definition {
            oid,
            name: name.name.clone(),
            schema,
            owner: context.role,
            comment: None,
            body: DefinitionBody::Operator(Operator {
                left,
                right,
                function: None,
                commutator: None,
                negator: None,
                restrict: None,
                join: None,
                merges: false,
                hashes: false,
            }),
        };
        Ok((oid, Some(shell)))
    }

    /// Makes `to` the partner of an operator that has none yet.
    fn link_back(&mut self, of: Oid, to: Oid, commutes: bool) -> Result<()> {
        let context = self.context()?;
        let Some(was) = context.snapshot.definition(of).cloned() else {
            return Ok(());
        };
        let mut now = Definition::clone(&was);
        if let DefinitionBody::Operator(operator) = &mut now.body {
            let link = match commutes {
                true => &mut operator.commutator,
                false => &mut operator.negator,
            };
            if link.is_some() {
                return Ok(());
            }
            *link = Some(to);
        }
        let change = Change::AlterDefinition {
            was: Box::new(Definition::clone(&was)),
            now: Box::new(now),
        };
        // Whoever makes an operator may say whose partner it is.
        self.push_needing(vec![change], &[])
    }

    fn alter_operator(
        &mut self,
        spec: &OperatorSpec,
        action: &OperatorAction,
    ) -> Result<CommandTag> {
        let done = tag("ALTER OPERATOR");
        let context = self.context()?;
        let was = users(&context, spec)?;
        let object = ObjectId::Definition(was.oid);
        let mut now = Definition::clone(&was);
        match action {
            OperatorAction::OwnerTo(role) => {
                let owner = self.role_of(&context, role)?;
                self.push(vec![Change::SetOwner { object, owner }], Vec::new())?;
                return Ok(done);
            }
            OperatorAction::SetSchema(name) => {
                let schema = context.snapshot.must_schema(name)?.oid;
                refuse_temporary(&context, schema)?;
                now.schema = schema;
            }
            OperatorAction::Set { restrict, join } => {
                let DefinitionBody::Operator(operator) = &mut now.body else {
                    return Ok(done);
                };
                let of_join = |name: &Option<ObjectName>, join| {
                    let name = name.as_ref();
                    name.map(|name| estimator(&context, name, join)).transpose()
                };
                if let Some(name) = restrict {
                    operator.restrict = of_join(name, false)?;
                }
                if let Some(name) = join {
                    operator.join = of_join(name, true)?;
                }
            }
        }
        if now != *was {
            let change = Change::AlterDefinition {
                was: Box::new(Definition::clone(&was)),
                now: Box::new(now),
            };
            self.push(vec![change], Vec::new())?;
        }
        Ok(done)
    }

    fn drop_operators(
        &mut self,
        operators: &[OperatorSpec],
        if_exists: bool,
        cascade: bool,
    ) -> Result<CommandTag> {
        let context = self.context()?;
        let mut roots = Vec::new();
        for spec in operators {
            match users(&context, spec) {
                Ok(of) => roots.push(ObjectId::Definition(of.oid)),
                Err(error) if if_exists && is_missing(&error) => {
                    let name = &spec.name.name;
                    self.notice(match error.state() {
                        SqlState::UNDEFINED_FUNCTION => {
                            format!("operator {name} does not exist, skipping")
                        }
                        _ => format!("{}, skipping", error.message()),
                    });
                }
                Err(error) => return Err(error),
            }
        }
        self.drop_roots(&context, &roots, cascade)?;
        Ok(tag("DROP OPERATOR"))
    }
}

/// What a name and operands mean.
enum Found {
    Users(std::sync::Arc<Definition>),
    Own(Oid),
}

fn is_missing(error: &Error) -> bool {
    [
        SqlState::UNDEFINED_FUNCTION,
        SqlState::UNDEFINED_OBJECT,
        SqlState::INVALID_SCHEMA_NAME,
    ]
    .contains(&error.state())
}

/// An operand's type.
fn operand(context: &StatementContext, of: Option<&Operand>) -> Result<Option<Oid>> {
    let Some(of) = of else { return Ok(None) };
    if of.set {
        return Err(invalid(
            "SETOF type not allowed for operator argument".to_owned(),
        ));
    }
    type_of(context, &of.ty).map(Some)
}

/// What only some operators can have.
fn check(of: &OperatorAttributes, left: Option<Oid>, returns: Oid) -> Result<()> {
    let refuse = |text: &str| Err(invalid(text.to_owned()));
    if left.is_none() {
        for (said, text) in [
            (
                of.commutator.is_some(),
                "only binary operators can have commutators",
            ),
            (
                of.join.is_some(),
                "only binary operators can have join selectivity",
            ),
            (of.merges, "only binary operators can merge join"),
            (of.hashes, "only binary operators can hash"),
        ] {
            if said {
                return refuse(text);
            }
        }
    }
    if returns != PgType::BOOL.oid {
        for (said, text) in [
            (
                of.negator.is_some(),
                "only boolean operators can have negators",
            ),
            (
                of.restrict.is_some(),
                "only boolean operators can have restriction selectivity",
            ),
            (
                of.join.is_some(),
                "only boolean operators can have join selectivity",
            ),
            (of.merges, "only boolean operators can merge join"),
            (of.hashes, "only boolean operators can hash"),
        ] {
            if said {
                return refuse(text);
            }
        }
    }
    Ok(())
}

/// The function that takes exactly these types.
pub(super) fn exact(
    context: &StatementContext,
    name: &ObjectName,
    types: &[Oid],
) -> Result<Support> {
    let known = Support::named(context, name)?;
    known
        .into_iter()
        .find(|known| known.takes == types)
        .ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_FUNCTION,
                format!(
                    "function {} does not exist",
                    signature(&context.snapshot, name, types)
                ),
            )
        })
}

/// The function that says how many rows an operator leaves.
fn estimator(context: &StatementContext, name: &ObjectName, join: bool) -> Result<Oid> {
    let oid = PgType::OID.oid;
    let long = [INTERNAL, oid, INTERNAL, PgType::INT2.oid, INTERNAL];
    let short = [INTERNAL, oid, INTERNAL, PgType::INT2.oid];
    let restrict = [INTERNAL, oid, INTERNAL, PgType::INT4.oid];
    let found = match join {
        true => exact(context, name, &long).or_else(|_| exact(context, name, &short)),
        false => exact(context, name, &restrict),
    }?;
    if found.returns != PgType::FLOAT8.oid {
        let which = if join { "join" } else { "restriction" };
        return Err(invalid(format!(
            "{which} estimator function {name} must return type double precision"
        )));
    }
    found.callable(context)?;
    Ok(found.oid)
}

/// The users' operator of a schema.
fn operator_in<'a>(
    context: &'a StatementContext,
    schema: Oid,
    name: &str,
    left: Option<Oid>,
    right: Oid,
) -> Option<&'a std::sync::Arc<Definition>> {
    let mut operators = context.snapshot.operators();
    let is = |of: &Definition, operator: &Operator| {
        of.schema == schema && of.name == name && operator.left == left && operator.right == right
    };
    operators
        .find(|(of, operator)| is(of, operator))
        .map(|(of, _)| of)
}

/// The operator a statement names.
fn operator_of(
    context: &StatementContext,
    name: &ObjectName,
    left: Option<Oid>,
    right: Oid,
) -> Result<Found> {
    let snapshot = &context.snapshot;
    if let Some(schema) = &name.schema
        && snapshot.schema_named(schema).is_none()
    {
        return Err(Error::new(
            SqlState::INVALID_SCHEMA_NAME,
            format!("schema \"{schema}\" does not exist"),
        ));
    }
    for schema in context
        .search_path
        .candidates(snapshot, name.schema.as_deref())
    {
        if let Some(of) = operator_in(context, schema, &name.name, left, right) {
            return Ok(Found::Users(of.clone()));
        }
        let operands = (left.unwrap_or(Oid::INVALID), right);
        if schema == Oid::PG_CATALOG
            && let Some(oid) = crate::pg_catalog::operator_oid(&name.name, operands.0, operands.1)
        {
            return Ok(Found::Own(oid));
        }
    }
    let shown = match left {
        Some(left) => format!(
            "{} {name} {}",
            snapshot.type_name(left),
            snapshot.type_name(right)
        ),
        None => format!("{name} {}", snapshot.type_name(right)),
    };
    Err(Error::new(
        SqlState::UNDEFINED_FUNCTION,
        format!("operator does not exist: {shown}"),
    ))
}

/// The users' operator a statement names.
///
/// # Errors
/// `42883`; `2BP01` for one of PostgreSQL's own.
pub(super) fn users(
    context: &StatementContext,
    spec: &OperatorSpec,
) -> Result<std::sync::Arc<Definition>> {
    let left = spec
        .left
        .as_ref()
        .map(|ty| type_of(context, ty))
        .transpose()?;
    let right = type_of(context, &spec.right)?;
    match operator_of(context, &spec.name, left, right)? {
        Found::Users(of) => Ok(of),
        Found::Own(_) => {
            let snapshot = &context.snapshot;
            let left = left.map_or_else(|| "NONE".to_owned(), |ty| snapshot.type_name(ty));
            Err(Error::new(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot drop operator {}({left},{}) because it is required by the database \
                     system",
                    spec.name.name,
                    snapshot.type_name(right)
                ),
            ))
        }
    }
}

/// What a statement is called.
pub(in crate::session) fn tag_of(statement: &OperatorStatement) -> &'static str {
    match statement {
        OperatorStatement::Create(..) => "CREATE OPERATOR",
        OperatorStatement::Alter(..) => "ALTER OPERATOR",
        OperatorStatement::Drop { .. } => "DROP OPERATOR",
    }
}
