//! CREATE INDEX. An index that is not unique is kept for tools to see and changes nothing; a unique
//! one is enforced.

use std::sync::Arc;

use super::alter::owned_table;
use super::column_type::check_shown_type;
use super::constraint::{
    check_comparable, choose_name, columns_read, is_taken, joined, key_columns,
};
use super::family_parts::is_divided;
use super::{collation, relation_of, skipping, tag};
use crate::base::{Error, Result, SqlState};
use crate::catalog::{
    Change, Index, IndexPart, IndexedBy, Relation, RelationKind, Timing, index_columns,
};
use crate::database::LockMode;
use crate::engine::definition::CreateIndex;
use crate::engine::{ExpressionKind, parse_expression, suggested_name};
use crate::pg_catalog::{self, OperatorClass};
use crate::session::dispatch::Run;
use crate::session::{CommandTag, Session};
use crate::statement::StatementContext;
use crate::types::PgType;

/// Access methods PostgreSQL has.
const METHODS: &[&str] = &["btree", "hash", "gist", "gin", "spgist", "brin"];

impl Session {
    /// CREATE INDEX
    pub(in crate::session) async fn create_index(
        &mut self,
        create: &CreateIndex,
        run: Run<'_>,
    ) -> Result<CommandTag> {
        if create.concurrently {
            self.refuse_in_block("CREATE INDEX CONCURRENTLY")?;
        }
        let context = self.context()?;
        let done = tag("CREATE INDEX");
        let relation = relation_of(&context, &create.table)?;
        match relation.kind {
            RelationKind::Table { .. } | RelationKind::Materialized { .. } => {}
            RelationKind::View(_) | RelationKind::Foreign { .. } | RelationKind::Sequence(_) => {
                return Err(Error::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot create index on relation \"{}\"", relation.name),
                )
                .detail(format!(
                    "This operation is not supported for {}s.",
                    relation.kind_name()
                )));
            }
        }
        let oid = relation.oid;
        owned_table(&context, relation)?;
        self.lock(oid, LockMode::Exclusive, run.interrupt).await?;
        self.refuse_in_use(oid, "CREATE INDEX")?;
        let context = self.context()?;
        let Some(before) = context.snapshot.relation(oid).cloned() else {
            return Err(Error::internal("creating an index", "the table is gone"));
        };
        let columns = columns_of(create)?;
        let name = match &create.name {
            Some(name) => name.clone(),
            None => choose_name(&before.name, Some(&joined(&columns)), "idx", |name| {
                is_taken(&context, &before, name)
            }),
        };
        if create.if_not_exists && is_taken(&context, &before, &name) {
            self.report(skipping(
                SqlState::DUPLICATE_TABLE,
                format!("relation \"{name}\" already exists, skipping"),
            ));
            return Ok(done);
        }
        if is_taken(&context, &before, &name) {
            return Err(Error::new(
                SqlState::DUPLICATE_TABLE,
                format!("relation \"{name}\" already exists"),
            ));
        }
        let named = (name, columns);
        let mut index = self
            .index_of(&context, &before, create, named, &run)
            .await?;
        index.invalid = create.only && is_divided(&context, &before);
        super::family_parts::check_unique(&before, &index)?;
        let mut after = Relation::clone(&before);
        after.constraints.indexes.push(index);
        let after = Arc::new(after);
        self.check_rows_of(&context, &before, &after, &run).await?;
        let change = Change::SetConstraints {
            relation: oid,
            constraints: after.constraints.clone(),
        };
        self.push(vec![change], Vec::new())?;
        if !create.only {
            self.share_parts(oid, &before, &run).await?;
        }
        Ok(done)
    }

    async fn index_of(
        &self,
        context: &Arc<StatementContext>,
        relation: &Relation,
        create: &CreateIndex,
        (name, columns): (String, Vec<String>),
        run: &Run<'_>,
    ) -> Result<Index> {
        if !METHODS.contains(&create.method.as_str()) {
            return Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("access method \"{}\" does not exist", create.method),
            ));
        }
        if create.method != "btree" && create.unique {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "access method \"{}\" does not support unique indexes",
                    create.method
                ),
            ));
        }
        if ["hash", "spgist"].contains(&create.method.as_str()) && create.parts.len() > 1 {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "access method \"{}\" does not support multicolumn indexes",
                    create.method
                ),
            ));
        }
        if ["hash", "gin", "brin"].contains(&create.method.as_str()) && !create.include.is_empty() {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!(
                    "access method \"{}\" does not support included columns",
                    create.method
                ),
            ));
        }
        let mut parts = Vec::with_capacity(create.parts.len());
        let mut reads = Vec::new();
        for (part, column) in create.parts.iter().zip(&columns) {
            let mut ty = None;
            let mut collation = None;
            let operators;
            let of = match &part.of {
                Ok(column) => {
                    let column = relation.column(column).ok_or_else(|| {
                        Error::new(
                            SqlState::UNDEFINED_COLUMN,
                            format!("column \"{column}\" does not exist"),
                        )
                    })?;
                    if let Some(name) = &part.collation {
                        let own = column.collation;
                        collation = collation::beside(column.ty, own, name)?;
                    }
                    operators = chosen(column.ty, &create.method, part.operators.as_deref())?;
                    IndexedBy::Column(column.attnum)
                }
                Err(expression) => {
                    let kind = ExpressionKind::IndexExpression;
                    reads.extend(columns_read(relation, expression)?);
                    let expression = &self.kept(kind, context, relation, expression, run).await?;
                    let words = "functions in index expression must be marked IMMUTABLE";
                    let found = self
                        .rule_type(kind, context, relation, expression, Some(words), run)
                        .await?;
                    if found != PgType::UNKNOWN {
                        check_shown_type(context, column, found)?;
                    }
                    ty = Some(found);
                    collation = collation::of(found, part.collation.as_ref())?;
                    operators = chosen(found, &create.method, part.operators.as_deref())?;
                    IndexedBy::Expression(expression.clone())
                }
            };
            parts.push(IndexPart {
                of,
                descending: part.descending,
                nulls_first: part.nulls_first,
                collation,
                operators,
                ty,
            });
        }
        let mut kept_predicate = None;
        if let Some(predicate) = &create.predicate {
            let kind = ExpressionKind::IndexPredicate;
            reads.extend(columns_read(relation, predicate)?);
            let predicate = &self.kept(kind, context, relation, predicate, run).await?;
            kept_predicate = Some(predicate.clone());
            let words = "functions in index predicate must be marked IMMUTABLE";
            let ty = self
                .rule_type(kind, context, relation, predicate, Some(words), run)
                .await?;
            if ty != PgType::BOOL && ty != PgType::UNKNOWN {
                return Err(Error::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("argument of WHERE must be type boolean, not type {ty}"),
                ));
            }
        }
        Ok(Index {
            oid: self.shared.database.new_oid(),
            name,
            parts,
            unique: create.unique,
            nulls_not_distinct: create.nulls_not_distinct,
            primary: false,
            constraint: None,
            method: create.method.clone(),
            predicate: kept_predicate,
            include: key_columns(relation, &create.include, "index")?,
            reads,
            timing: Timing::NotDeferrable,
            parameters: create.parameters.clone(),
            invalid: false,
            columns,
        })
    }
}

/// The operator class of a part, if it is not the one its type has anyway. Whichever it is, equal
/// values are the same ones.
///
/// # Errors
/// `42704` no such class; `42804` one for other types; as [`check_operators`].
fn chosen(ty: PgType, method: &str, class: Option<&str>) -> Result<Option<String>> {
    let Some(class) = class else {
        return check_operators(ty, method).map(|()| None);
    };
    match pg_catalog::operator_class(method, ty, class) {
        OperatorClass::Default => Ok(None),
        OperatorClass::Other => Ok(Some(class.to_owned())),
        OperatorClass::OfOtherTypes => Err(Error::new(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "operator class \"{class}\" does not accept data type {}",
                ty.with_typmod(-1)
            ),
        )),
        OperatorClass::Missing => Err(Error::new(
            SqlState::UNDEFINED_OBJECT,
            format!("operator class \"{class}\" does not exist for access method \"{method}\""),
        )),
    }
}

/// `42704` for types an access method has no default operator class for. Whatever the method, an
/// index changes no answer; tools only expect it to be there.
fn check_operators(ty: PgType, method: &str) -> Result<()> {
    let plain = PgType::of(ty.oid.0);
    let there = match method {
        "gin" => ty.element().is_some() || [PgType::JSONB, PgType::TSVECTOR].contains(&plain),
        "gist" => {
            let search = [PgType::TSVECTOR, PgType::TSQUERY].contains(&plain);
            search || plain.is_range() || plain.is_multirange()
        }
        "spgist" => plain == PgType::TEXT || plain == PgType::INET || plain.is_range(),
        _ => return check_comparable(ty),
    };
    if there {
        return Ok(());
    }
    Err(Error::new(
        SqlState::UNDEFINED_OBJECT,
        format!("data type {plain} has no default operator class for access method \"{method}\""),
    )
    .hint(
        "You must specify an operator class for the index or define a default operator class for \
         the data type.",
    ))
}

/// What the columns of a new index are called.
fn columns_of(create: &CreateIndex) -> Result<Vec<String>> {
    let parts = create.parts.iter().map(|part| match &part.of {
        Ok(column) => Ok(column.clone()),
        Err(text) => {
            let name = suggested_name(&parse_expression(text)?);
            Ok(name.unwrap_or_else(|| "expr".to_owned()))
        }
    });
    let include = create.include.iter().cloned().map(Ok);
    let names: Vec<String> = parts.chain(include).collect::<Result<_>>()?;
    Ok(index_columns(names.iter().map(String::as_str)))
}
