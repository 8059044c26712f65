//! The table a statement changes: found, checked, and its columns as the statement names them.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use sqlparser::ast::{
    self, Expr, Ident, ObjectName, ObjectNamePart, SetExpr, TableAlias, TableFactor,
};

use crate::base::{Error, Oid, Place, Result, SqlState};
use crate::catalog::{ObjectId, Privilege, Relation, RelationKind};
pub(super) use crate::engine::parse::fold;
use crate::pg_catalog;
use crate::privileges::Need;
use crate::statement::StatementContext;

/// Where a node of the statement's AST starts: a 1-based character position, which the parser puts
/// into the spans' columns. `None` for what was generated.
pub(super) fn position(node: &impl ast::Spanned) -> Option<usize> {
    usize::try_from(node.span().start.column)
        .ok()
        .filter(|column| *column > 0)
}

/// The error, with its position if it has none.
pub(super) fn at(error: Error, position: Option<usize>) -> Error {
    match position {
        Some(position) => error.or_at(Place::At(position)),
        None => error,
    }
}

/// A name of one identifier.
///
/// # Errors
/// `42703` as PostgreSQL for `t.a`, which it reads as a field of column `t`.
pub(super) fn column_name(name: &ObjectName, relation: &Relation) -> Result<String> {
    match name.0.as_slice() {
        [ObjectNamePart::Identifier(ident)] => Ok(fold(ident)),
        [ObjectNamePart::Identifier(ident), ..] if relation.column(&fold(ident)).is_none() => {
            Err(at(no_such_column(&fold(ident), relation), position(name)))
        }
        _ => Err(Error::unsupported("assigning to a part of a column")),
    }
}

/// `42703` for a target column that is not there.
pub(super) fn no_such_column(name: &str, relation: &Relation) -> Error {
    Error::new(
        SqlState::UNDEFINED_COLUMN,
        format!(
            "column \"{name}\" of relation \"{}\" does not exist",
            relation.name
        ),
    )
}

/// The table or view `name` means, which the statement is to change.
///
/// # Errors
/// `42P01`, `3F000`; `0A000` for a foreign table.
pub(super) fn resolve(
    context: &StatementContext,
    name: &ObjectName,
    verb: &str,
) -> Result<Arc<Relation>> {
    let parts: Vec<String> = name
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) => Ok(fold(ident)),
            ObjectNamePart::Function(_) => Err(Error::unsupported("a function as a name")),
        })
        .collect::<Result<_>>()?;
    let (schema, table) = match parts.as_slice() {
        [table] => (None, table.as_str()),
        [schema, table] => (Some(schema.as_str()), table.as_str()),
        [database, schema, table] if *database == context.snapshot.database().name => {
            (Some(schema.as_str()), table.as_str())
        }
        _ => {
            return Err(Error::unsupported(format!(
                "cross-database reference \"{}\"",
                parts.join(".")
            )));
        }
    };
    let relation = match context
        .snapshot
        .resolve_relation(&context.search_path, schema, table)
    {
        Ok(relation) => relation.clone(),
        Err(error) => {
            return Err(if is_system(context, schema, table) {
                Error::new(
                    SqlState::INSUFFICIENT_PRIVILEGE,
                    format!("permission denied: \"{table}\" is a system catalog"),
                )
            } else {
                at(error, position(name))
            });
        }
    };
    if verb == "merge into"
        && let Some(kind) = unmergeable(&relation.kind)
    {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot execute MERGE on relation \"{}\"", relation.name),
        )
        .detail(format!("This operation is not supported for {kind}.")));
    }
    match relation.kind {
        RelationKind::Table { .. } | RelationKind::View(_) => Ok(relation),
        RelationKind::Foreign { .. } => Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot {verb} foreign table \"{}\"", relation.name),
        )
        .detail("Foreign tables are files read in place.")),
        RelationKind::Materialized { .. } => Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("cannot change materialized view \"{}\"", relation.name),
        )),
        RelationKind::Sequence(_) => Err(Error::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("cannot change sequence \"{}\"", relation.name),
        )),
    }
}

/// What MERGE cannot change, in the plural.
fn unmergeable(kind: &RelationKind) -> Option<&'static str> {
    match kind {
        RelationKind::Table { .. } => None,
        RelationKind::View(_) => Some("views"),
        RelationKind::Foreign { .. } => Some("foreign tables"),
        RelationKind::Materialized { .. } => Some("materialized views"),
        RelationKind::Sequence(_) => Some("sequences"),
    }
}

fn is_system(context: &StatementContext, schema: Option<&str>, table: &str) -> bool {
    let schemas: Vec<Oid> = match schema {
        Some(schema) => context
            .snapshot
            .schema_named(schema)
            .map(|schema| schema.oid)
            .into_iter()
            .collect(),
        None => context.search_path.lookup.clone(),
    };
    schemas
        .into_iter()
        .any(|schema| pg_catalog::find(schema, table).is_some())
}

/// What using `privilege` on the table needs; USAGE on its schema included where the name says the
/// schema.
pub(super) fn needs(context: &StatementContext, relation: &Relation, privilege: Privilege) -> Need {
    Need::Privilege {
        role: context.role,
        object: ObjectId::Relation(relation.oid),
        any_of: privilege.into(),
    }
}

/// The columns that assignments are to.
pub(super) fn assigned(relation: &Relation, assignments: &[ast::Assignment]) -> BTreeSet<i16> {
    let names = assignments.iter().flat_map(|of| match &of.target {
        ast::AssignmentTarget::ColumnName(name) => std::slice::from_ref(name),
        ast::AssignmentTarget::Tuple(names) => names.as_slice(),
    });
    columns_of(relation, names)
}

/// The columns that an INSERT gives `width` values.
pub(super) fn inserted(relation: &Relation, names: &[ObjectName], width: usize) -> BTreeSet<i16> {
    match names {
        [] => {
            let all = relation.columns.iter().map(|column| column.attnum);
            all.take(width).collect()
        }
        names => columns_of(relation, names.iter().take(width)),
    }
}

/// The columns that names begin with: fields and elements may follow.
fn columns_of<'n>(
    relation: &Relation,
    names: impl Iterator<Item = &'n ObjectName>,
) -> BTreeSet<i16> {
    let columns = names.filter_map(|name| relation.column(&fold(name.0.first()?.as_ident()?)));
    columns.map(|column| column.attnum).collect()
}

/// As [`needs`], of these columns alone: they may have been granted without the others.
pub(super) fn needs_columns(
    context: &StatementContext,
    relation: &Relation,
    privilege: Privilege,
    columns: BTreeSet<i16>,
) -> Need {
    Need::Columns {
        role: context.role,
        relation: relation.oid,
        any_of: privilege.into(),
        columns,
    }
}

/// The columns of the table as [`LocalRelation::origins`] of its rows, in their order.
///
/// [`LocalRelation::origins`]: crate::engine::local::LocalRelation::origins
pub(super) fn origins_of(relation: &Relation) -> Vec<Option<(Oid, i16)>> {
    let columns = relation.columns.iter();
    columns
        .map(|column| Some((relation.oid, column.attnum)))
        .collect()
}

/// USAGE on the table's schema.
pub(super) fn schema_need(context: &StatementContext, relation: &Relation) -> Need {
    Need::Privilege {
        role: context.role,
        object: ObjectId::Schema(relation.schema),
        any_of: Privilege::Usage.into(),
    }
}

/// Whether an expression is the keyword DEFAULT.
pub(super) fn is_default(expr: &Expr) -> bool {
    matches!(expr, Expr::Identifier(ident)
        if ident.quote_style.is_none() && ident.value.eq_ignore_ascii_case("default"))
}

/// Cuts `schema.table.column` down to `table.column` where it means the target, which the generated
/// query knows by its bare name only.
pub(super) fn unqualify<T: ast::VisitMut>(node: &mut T, schema: &str, table: &str) {
    let _: ControlFlow<()> = ast::visit_expressions_mut(node, |expr| {
        if let Expr::CompoundIdentifier(parts) = expr
            && parts.len() == 3
            && fold(&parts[0]) == schema
            && fold(&parts[1]) == table
        {
            parts.remove(0);
        }
        ControlFlow::Continue(())
    });
}

/// A quoted identifier.
pub(super) fn quoted(name: &str) -> Ident {
    Ident::with_quote('"', name)
}

/// `FROM "relation" AS "alias"`, without anything else.
pub(super) fn table(relation: &str, alias: Option<&str>) -> TableFactor {
    TableFactor::Table {
        name: ObjectName::from(vec![quoted(relation)]),
        alias: alias.map(|alias| TableAlias {
            explicit: true,
            name: quoted(alias),
            columns: Vec::new(),
            at: None,
        }),
        args: None,
        with_hints: Vec::new(),
        version: None,
        with_ordinality: false,
        partitions: Vec::new(),
        json_path: None,
        sample: None,
        index_hints: Vec::new(),
    }
}

/// `SELECT projection FROM from WHERE selection`
pub(super) fn select(
    projection: Vec<ast::SelectItem>,
    from: Vec<ast::TableWithJoins>,
    selection: Option<Expr>,
) -> ast::Query {
    let select = ast::Select {
        select_token: ast::helpers::attached_token::AttachedToken::empty(),
        optimizer_hints: Vec::new(),
        distinct: None,
        select_modifiers: None,
        top: None,
        top_before_distinct: false,
        projection,
        exclude: None,
        into: None,
        from,
        lateral_views: Vec::new(),
        prewhere: None,
        selection,
        connect_by: Vec::new(),
        group_by: ast::GroupByExpr::Expressions(Vec::new(), Vec::new()),
        cluster_by: Vec::new(),
        distribute_by: Vec::new(),
        sort_by: Vec::new(),
        having: None,
        named_window: Vec::new(),
        qualify: None,
        window_before_qualify: false,
        value_table_mode: None,
        flavor: ast::SelectFlavor::Standard,
    };
    ast::Query {
        with: None,
        body: Box::new(ast::SetExpr::Select(Box::new(select))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

/// The one plain table of `UPDATE t [AS a]`, `DELETE FROM t [AS a]`.
pub(super) fn single_table(
    table: &ast::TableWithJoins,
) -> Result<(ast::ObjectName, Option<String>)> {
    let refuse = || Error::unsupported("changing more than one table at once");
    if !table.joins.is_empty() {
        return Err(refuse());
    }
    match &table.relation {
        TableFactor::Table {
            name,
            alias,
            args: None,
            with_hints,
            version: None,
            with_ordinality: false,
            partitions,
            json_path: None,
            sample: None,
            index_hints,
        } if with_hints.is_empty() && partitions.is_empty() && index_hints.is_empty() => {
            let alias = match alias {
                Some(alias) if !alias.columns.is_empty() => return Err(refuse()),
                Some(alias) => Some(fold(&alias.name)),
                None => None,
            };
            Ok((name.clone(), alias))
        }
        _ => Err(refuse()),
    }
}

/// What sqlparser reads of INSERT beyond PostgreSQL's.
///
/// # Errors
/// `0A000`
pub(super) fn refuse_extensions(insert: &ast::Insert) -> Result<()> {
    let refused = [
        (insert.or.is_some() || insert.ignore, "INSERT OR …"),
        (insert.replace_into, "REPLACE"),
        (insert.overwrite, "INSERT OVERWRITE"),
        (!insert.assignments.is_empty(), "INSERT … SET"),
        (insert.partitioned.is_some(), "INSERT … PARTITION"),
        (!insert.after_columns.is_empty(), "INSERT … PARTITION"),
        (insert.output.is_some(), "INSERT … OUTPUT"),
        (insert.priority.is_some(), "INSERT with a priority"),
        (insert.insert_alias.is_some(), "INSERT … AS after VALUES"),
        (insert.settings.is_some(), "INSERT … SETTINGS"),
        (insert.format_clause.is_some(), "INSERT … FORMAT"),
        (insert.multi_table_insert_type.is_some(), "INSERT ALL"),
    ];
    match refused.into_iter().find(|(present, _)| *present) {
        Some((_, what)) => Err(Error::unsupported(what)),
        None => Ok(()),
    }
}

/// Where an item of a SELECT list starts.
pub(super) fn item_position(query: &ast::Query, item: usize) -> Option<usize> {
    match query.body.as_ref() {
        SetExpr::Select(select) => select.projection.get(item).and_then(position),
        _ => None,
    }
}

/// The positions of the columns that a list names; of all, if it is empty.
pub(super) fn named_columns(relation: &Relation, names: &[ast::ObjectName]) -> Result<Vec<usize>> {
    if names.is_empty() {
        return Ok((0..relation.columns.len()).collect());
    }
    let mut targets = Vec::with_capacity(names.len());
    for name in names {
        let place = position(name);
        let name = column_name(name, relation)?;
        let index = relation
            .columns
            .iter()
            .position(|column| column.name == name)
            .ok_or_else(|| at(no_such_column(&name, relation), place))?;
        if targets.contains(&index) {
            let error = Error::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{name}\" specified more than once"),
            );
            return Err(at(error, place));
        }
        targets.push(index);
    }
    Ok(targets)
}
