//! Constraints and indexes as they are declared: names made up, columns looked up, rows that are
//! there already checked.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast;

use super::keep::Orphans;
use super::no_column;
use crate::base::limits::NAME_BYTES_MAX;
use crate::base::name::{cut, quote, truncate};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{Change, Check, Generation, Relation, Timing};
use crate::engine::definition::{ConstraintClause, ConstraintDefinition};
use crate::engine::{ExpressionKind, FieldNames, parse_expression, parse_query};
use crate::privileges;
use crate::session::dispatch::Run;
use crate::session::{Session, interruptible};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::coded::Code;

impl Session {
    /// Adds what `definitions` say to `relation`: checks first, then the primary key, then the
    /// other keys, as PostgreSQL does. The columns of a primary key become NOT NULL.
    pub(super) async fn declare_constraints(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &mut Relation,
        definitions: &[ConstraintDefinition],
        run: &Run<'_>,
    ) -> Result<()> {
        for definition in definitions {
            if let ConstraintClause::Check {
                expression,
                no_inherit,
            } = &definition.clause
            {
                if *no_inherit && relation.is_partitioned() {
                    return Err(Error::new(
                        SqlState::INVALID_TABLE_DEFINITION,
                        format!(
                            "cannot add NO INHERIT constraint to partitioned table \"{}\"",
                            relation.name
                        ),
                    ));
                }
                let check = self
                    .check_of(context, relation, definition, expression, *no_inherit, run)
                    .await?;
                relation.constraints.checks.push(check);
            }
        }
        for wanted in [true, false] {
            for definition in definitions {
                match &definition.clause {
                    ConstraintClause::Key { primary, .. } if *primary == wanted => {
                        let index = self.key_of(context, relation, definition)?;
                        super::family_parts::check_unique(relation, &index)?;
                        relation.constraints.indexes.push(index);
                    }
                    ConstraintClause::OfIndex { primary, index } if *primary == wanted => {
                        self.make_key(context, relation, definition, index)?;
                    }
                    _ => {}
                }
            }
            let primary = relation.constraints.primary();
            let required: Vec<i16> = primary.into_iter().flat_map(|of| of.columns()).collect();
            for column in &mut relation.columns {
                column.not_null |= required.contains(&column.attnum);
            }
        }
        for definition in definitions {
            if let ConstraintClause::Foreign { .. } = &definition.clause {
                let key = self
                    .foreign_key_of(context, relation, definition, run)
                    .await?;
                relation.constraints.foreign.push(key);
            }
        }
        Ok(())
    }

    async fn check_of(
        &self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        definition: &ConstraintDefinition,
        expression: &str,
        no_inherit: bool,
        run: &Run<'_>,
    ) -> Result<Check> {
        let kind = ExpressionKind::Check;
        let columns = columns_read(relation, expression)?;
        let expression = &self.kept(kind, context, relation, expression, run).await?;
        let ty = self
            .rule_type(kind, context, relation, expression, None, run)
            .await?;
        check_condition(ty)?;
        let one = match columns.as_slice() {
            [one] => relation.columns.iter().find(|c| c.attnum == *one),
            _ => None,
        };
        let name = match &definition.name {
            Some(name) => name.clone(),
            None => choose_name(
                &relation.name,
                one.map(|column| column.name.as_str()),
                "check",
                |name| relation.constraints.is_named(name),
            ),
        };
        let new = context.snapshot.relation(relation.oid).is_none();
        if new && relation.constraints.checks.iter().any(|c| c.name == name) {
            return Err(Error::new(
                SqlState::DUPLICATE_OBJECT,
                format!("check constraint \"{name}\" already exists"),
            ));
        }
        refuse_named(relation, &name)?;
        Ok(Check {
            oid: self.shared.database.new_oid(),
            name,
            expression: expression.to_owned(),
            columns,
            no_inherit,
            // A new table has no rows that could break it.
            not_valid: definition.not_valid && !new,
        })
    }

    /// An expression over a row of `relation` as the catalog keeps it.
    pub(super) async fn kept(
        &self,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: &Relation,
        expression: &str,
        run: &Run<'_>,
    ) -> Result<String> {
        let relation = Arc::new(relation.clone());
        let engine = &self.shared.engine;
        let work = engine.kept(kind, context, Some(&relation), expression);
        interruptible(run.interrupt, work).await
    }

    /// The type of an expression over a table's columns.
    pub(super) async fn rule_type(
        &self,
        kind: ExpressionKind,
        context: &Arc<StatementContext>,
        relation: &Relation,
        expression: &str,
        immutable: Option<&str>,
        run: &Run<'_>,
    ) -> Result<PgType> {
        let relation = Arc::new(relation.clone());
        let engine = &self.shared.engine;
        let work = engine.rule_type(kind, context, &relation, expression, immutable);
        interruptible(run.interrupt, work).await
    }

    /// Checks the rows of a table against what was added to it: `relation` has it, the catalog does
    /// not yet.
    pub(super) async fn check_rows_of(
        &mut self,
        context: &Arc<StatementContext>,
        before: &Relation,
        relation: &Arc<Relation>,
        run: &Run<'_>,
    ) -> Result<()> {
        if relation.segments().iter().all(|segment| segment.rows == 0) {
            return Ok(());
        }
        let server = super::alter::as_server(context);
        for (old, new) in before.columns.iter().zip(&relation.columns) {
            if new.not_null && !old.not_null {
                self.check_no_nulls(context, relation, new, run).await?;
            }
        }
        for check in &relation.constraints.checks {
            if before
                .constraints
                .checks
                .iter()
                .any(|old| old.oid == check.oid && old.not_valid == check.not_valid)
                || check.not_valid
            {
                continue;
            }
            let query = parse_query(&format!(
                "SELECT 1 FROM ONLY {} WHERE NOT ({}) LIMIT 1",
                context.snapshot.qualified_name(relation),
                check.expression
            ))?;
            if self.finds(&server, &query, run).await? {
                let name = context.snapshot.qualified_name(relation);
                return Err(Error::new(
                    SqlState::CHECK_VIOLATION,
                    format!(
                        "check constraint \"{}\" of relation \"{}\" is violated by some row",
                        check.name, relation.name
                    ),
                )
                .table(name.schema, name.name)
                .constraint(&check.name));
            }
        }
        for key in &relation.constraints.foreign {
            if before
                .constraints
                .foreign
                .iter()
                .any(|old| old.oid == key.oid && old.not_valid == key.not_valid)
                || key.not_valid
            {
                continue;
            }
            let all = (relation.segments(), Orphans::All);
            self.refuse_orphans(context, relation, key, all, run.interrupt)
                .await?;
        }
        for index in relation.constraints.unique() {
            if before
                .constraints
                .indexes
                .iter()
                .all(|old| old.oid != index.oid)
            {
                let engine = self.shared.engine.clone();
                let (calling, mut queue) = context.calling(self.acting_role());
                let work = engine.check_index(&calling, relation, index.oid, true);
                self.serving(&mut queue, run.interrupt, work).await?;
            }
        }
        Ok(())
    }

    /// VALIDATE CONSTRAINT
    pub(super) async fn validate_constraint(
        &mut self,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        name: &str,
        run: &Run<'_>,
    ) -> Result<Vec<Change>> {
        let mut after = Relation::clone(relation);
        let constraints = &mut after.constraints;
        let check = constraints.checks.iter_mut().find(|c| c.name == name);
        let key = constraints.foreign.iter_mut().find(|key| key.name == name);
        let not_valid = match (check, key) {
            (Some(check), _) => &mut check.not_valid,
            (None, Some(key)) => &mut key.not_valid,
            (None, None) if relation.constraints.is_named(name) => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!(
                        "constraint \"{name}\" of relation \"{}\" is not a foreign key or check \
                         constraint",
                        relation.name
                    ),
                ));
            }
            (None, None) => return Err(no_constraint(relation, name)),
        };
        if !std::mem::take(not_valid) {
            return Ok(Vec::new());
        }
        let after = Arc::new(after);
        self.check_rows_of(context, relation, &after, run).await?;
        Ok(vec![Change::SetConstraints {
            relation: relation.oid,
            constraints: after.constraints.clone(),
        }])
    }

    /// Whether a query has any row.
    pub(super) async fn finds(
        &mut self,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        run: &Run<'_>,
    ) -> Result<bool> {
        let engine = self.shared.engine.clone();
        let work = engine.bind(context, query, &[]);
        let bound = interruptible(run.interrupt, work)
            .await
            .map_err(Error::without_position)?;
        let authorized = privileges::authorize(&context.snapshot, &bound.needs.clone(), bound)?;
        let (calling, mut queue) = context.calling(self.acting_role());
        let work = engine.execute(&calling, authorized, &[], run.interrupt);
        let rows = self.serving(&mut queue, run.interrupt, work).await?;
        let mut rows = self.served(&mut queue, run.interrupt, rows).await?;
        while let Some(batch) = rows.next().await.map_err(Error::without_position)? {
            if batch.num_rows() > 0 {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// ALTER CONSTRAINT
pub(super) fn altered_constraint(
    relation: &Relation,
    name: &str,
    timing: Timing,
) -> Result<Vec<Change>> {
    let mut constraints = relation.constraints.clone();
    match constraints.foreign.iter_mut().find(|key| key.name == name) {
        Some(key) => key.timing = timing,
        None if relation.constraints.is_named(name) => {
            return Err(Error::new(
                SqlState::WRONG_OBJECT_TYPE,
                format!(
                    "constraint \"{name}\" of relation \"{}\" is not a foreign key constraint",
                    relation.name
                ),
            ));
        }
        None => return Err(no_constraint(relation, name)),
    }
    Ok(vec![Change::SetConstraints {
        relation: relation.oid,
        constraints,
    }])
}

/// `42704`
fn no_constraint(relation: &Relation, name: &str) -> Error {
    Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!(
            "constraint \"{name}\" of relation \"{}\" does not exist",
            relation.name
        ),
    )
}

/// The columns of a key, each once, of types that can be compared.
pub(super) fn key_columns(relation: &Relation, names: &[String], of: &str) -> Result<Vec<i16>> {
    let mut attnums = Vec::with_capacity(names.len());
    for name in names {
        let column = relation.column(name).ok_or_else(|| {
            Error::new(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{name}\" named in key does not exist"),
            )
        })?;
        if attnums.contains(&column.attnum) {
            return Err(Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{name}\" appears twice in {of} constraint"),
            ));
        }
        check_comparable(column.ty)?;
        attnums.push(column.attnum);
    }
    Ok(attnums)
}

/// `42704` for types without a default B-tree operator class.
pub(super) fn check_comparable(ty: PgType) -> Result<()> {
    let of = ty.element().unwrap_or(ty);
    let plain = of.plain();
    let unordered = [
        PgType::JSON,
        PgType::XID,
        PgType::CID,
        PgType::ACLITEM,
        PgType::REFCURSOR,
    ];
    if unordered.contains(&plain) || Code::of(plain) == Some(Code::Figure) {
        return Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "data type {} has no default operator class for access method \"btree\"",
                ty.plain()
            ),
        )
        .hint(
            "You must specify an operator class for the index or define a default operator \
             class for the data type.",
        ));
    }
    Ok(())
}

/// The columns an expression reads.
///
/// # Errors
/// `42601`
pub(super) fn columns_read(relation: &Relation, expression: &str) -> Result<Vec<i16>> {
    let parsed = parse_expression(expression)?;
    let mut read = BTreeSet::new();
    let mut fields = FieldNames::default();
    let _: ControlFlow<()> = ast::visit_expressions(&parsed, |expr| {
        if fields.is_one(expr) {
            return ControlFlow::Continue(());
        }
        let ident = match expr {
            ast::Expr::Identifier(ident) => ident,
            ast::Expr::CompoundIdentifier(parts) => match parts.last() {
                Some(ident) => ident,
                None => return ControlFlow::Continue(()),
            },
            _ => return ControlFlow::Continue(()),
        };
        let name = crate::engine::parse::fold(ident);
        // What is no column may be a word such as `current_user`; the binder knows.
        if let Some(column) = relation.column(&name) {
            read.insert(column.attnum);
        }
        ControlFlow::Continue(())
    });
    Ok(read.into_iter().collect())
}

/// `42710` for a constraint's name that is in use.
pub(super) fn refuse_named(relation: &Relation, name: &str) -> Result<()> {
    if relation.constraints.is_named(name) {
        return Err(Error::new(
            SqlState::DUPLICATE_OBJECT,
            format!(
                "constraint \"{name}\" for relation \"{}\" already exists",
                relation.name
            ),
        ));
    }
    Ok(())
}

/// Whether a relation or index of the table's schema has a name, the table itself included.
pub(super) fn is_taken(context: &StatementContext, relation: &Relation, name: &str) -> bool {
    name == relation.name
        || relation.constraints.indexes.iter().any(|i| i.name == name)
        || is_relation(context, relation.schema, name)
}

/// Whether a relation or index of a schema has a name.
pub(super) fn is_relation(context: &StatementContext, schema: Oid, name: &str) -> bool {
    context.snapshot.relation_named(schema, name).is_some()
        || context.snapshot.index_named(schema, name).is_some()
}

/// A name as PostgreSQL makes them up: `table_column_label`, cut to fit, numbered if taken.
pub(super) fn choose_name(
    first: &str,
    second: Option<&str>,
    label: &str,
    taken: impl Fn(&str) -> bool,
) -> String {
    for number in 0_u32.. {
        let label = match number {
            0 => label.to_owned(),
            number => format!("{label}{number}"),
        };
        let name = object_name(first, second, &label);
        if !taken(&name) {
            return name;
        }
    }
    unreachable!("numbers do not run out before names do")
}

/// Names of columns as one; those that would be cut off are left away.
pub(super) fn joined(names: &[String]) -> String {
    let mut joined = String::new();
    for name in names {
        if joined.len() > NAME_BYTES_MAX {
            break;
        }
        if !joined.is_empty() {
            joined.push('_');
        }
        joined.push_str(name);
    }
    joined
}

/// `first_second_label`, the longer of the first two cut until it fits.
fn object_name(first: &str, second: Option<&str>, label: &str) -> String {
    let overhead = label.len() + 1 + usize::from(second.is_some());
    let room = NAME_BYTES_MAX.saturating_sub(overhead);
    let (mut one, mut two) = (first.len(), second.map_or(0, str::len));
    while one + two > room {
        if one > two {
            one -= 1;
        } else {
            two -= 1;
        }
    }
    let name = match second {
        Some(second) => format!("{}_{}_{label}", cut(first, one), cut(second, two)),
        None => format!("{}_{label}", cut(first, one)),
    };
    truncate(&name).to_owned()
}

/// The generation of a stored generated column.
pub(super) fn stored(relation: &Relation, column: &str, expression: &str) -> Result<Generation> {
    let columns = columns_read(relation, expression)?;
    for attnum in &columns {
        let Some(read) = relation.columns.iter().find(|c| c.attnum == *attnum) else {
            return Err(no_column(relation, column));
        };
        if read.expression().is_some() || read.name == column {
            return Err(Error::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "cannot use generated column {} in column generation expression",
                    format_args!("\"{}\"", read.name)
                ),
            )
            .detail("A generated column cannot reference another generated column."));
        }
    }
    Ok(Generation::Stored {
        expression: expression.to_owned(),
        columns,
    })
}

/// A column's name as it stands in statements.
pub(super) fn shown(column: &str) -> String {
    quote(column).into_owned()
}

/// `42804` for a CHECK that is no condition.
pub(super) fn check_condition(ty: PgType) -> Result<()> {
    if ty == PgType::BOOL || ty == PgType::UNKNOWN {
        return Ok(());
    }
    Err(Error::new(
        SqlState::DATATYPE_MISMATCH,
        format!("argument of CHECK must be type boolean, not type {ty}"),
    ))
}
