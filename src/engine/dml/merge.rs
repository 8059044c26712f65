//! MERGE: the rows of a source beside the rows of the target they match, and for each of them what
//! the first clause that fits does.
//!
//! One query finds the pairs. Each clause is a query over the pairs that no clause before it took,
//! so that its expressions are worked out for its own rows only.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion::catalog::TableProvider;
use sqlparser::ast::{self, Expr, SelectItem};

use super::feeds::Feeds;
use super::insert::{check_given, is_ignored};
use super::names::Names;
use super::returning::Side;
use super::route::Router;
use super::rules::Rules;
use super::security::{Asked, Kind, Security};
use super::set::{assigned_columns, check_list};
use super::target::{self, at, is_default, position};
use super::values::{Parameters, given_types, is_untyped};
use super::{DmlKind, rewrite};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::{PolicyCommand, Privilege, Relation};
use crate::engine::command::{Merge, MergeAction, MergeClause, Overriding};
use crate::engine::guard::Guard;
use crate::engine::local::{LocalRelation, LocalRows, own_column, own_star};
use crate::engine::parse::without_only;
use crate::engine::scan::{
    ROW_COLUMN, SEGMENT_COLUMN, TABLE_COLUMN, addressed_family_provider, addressed_provider,
    family_schema,
};
use crate::engine::{Bound, Engine};
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

/// The target in the query that finds the pairs.
pub(super) const TARGET: &str = "\0target";
/// The pairs, for the clauses.
pub(super) const PAIRS: &str = "\0pairs";
/// The number of a pair.
const NUMBER: &str = "\0number";

/// A bound MERGE.
#[derive(Debug, Clone)]
pub(super) struct BoundMerge {
    pub(super) relation: Arc<Relation>,
    /// The tables whose rows are changed: the one named, unless it is partitioned, and those under
    /// it.
    pub(super) members: Vec<Arc<Relation>>,
    /// Where new rows of a partitioned table go.
    pub(super) router: Option<Router>,
    /// Segment, row and columns of the target, of a family the table that the row is of, then the
    /// columns of the source.
    pub(super) query: Bound,
    /// The target, if a clause may read it, and the source, whose last relation has the number.
    pub(super) sides: Vec<Side>,
    pub(super) clauses: Vec<Clause>,
    pub(super) rules: Rules,
    /// What row security asks of rows that are changed, and of what becomes of them; of rows that
    /// are deleted; of rows that are inserted.
    pub(super) security: Box<Secured>,
}

/// What row security asks.
#[derive(Debug, Clone, Default)]
pub(super) struct Secured {
    /// Of rows that are changed.
    pub(super) changed: Option<Box<Security>>,
    /// Of what becomes of them.
    pub(super) updated: Option<Box<Security>>,
    /// Of rows that are deleted.
    pub(super) deleted: Option<Box<Security>>,
    /// Of rows that are inserted.
    pub(super) inserted: Option<Box<Security>>,
}

#[derive(Debug, Clone)]
pub(super) struct Clause {
    pub(super) matched: bool,
    /// The number of each pair it takes, then the values of its action.
    pub(super) query: Bound,
    pub(super) action: Action,
}

#[derive(Debug, Clone)]
pub(super) enum Action {
    Nothing,
    Delete,
    /// The columns assigned, in the query's order; the type of each, `None` for an untyped literal.
    Update(Vec<(usize, Option<PgType>)>),
    Insert(Box<Feeds>),
}

impl Engine {
    /// Binds MERGE.
    pub(super) async fn bind_merge(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        merge: &Merge,
        names: &Names,
        parameters: &mut Parameters,
    ) -> Result<(BoundMerge, Vec<Need>)> {
        let (only, name) = without_only(&merge.table);
        let relation = target::resolve(context, &name, "merge into")?;
        let members = match (only, relation.is_partitioned()) {
            (false, _) => context.snapshot.members(&relation),
            (true, false) => vec![Arc::clone(&relation)],
            (true, true) => Vec::new(),
        };
        let router = match relation.is_partitioned() {
            true => Some(self.bind_router(context, &relation).await?),
            false => None,
        };
        let mut merge = Merge {
            table: name.into_owned(),
            ..merge.clone()
        };
        let alias = merge.alias.as_ref().map(target::fold);
        if alias.is_none() {
            let schema = context.snapshot.schema(relation.schema);
            let schema = schema.map_or("", |schema| schema.name.as_str());
            unqualify(&mut merge, schema, &relation.name);
        }
        let alias = alias.unwrap_or_else(|| relation.name.clone());
        let mut needs = Vec::new();
        if merge.table.0.len() > 1 {
            needs.push(target::schema_need(context, &relation));
        }
        needs.extend(needs_of(context, &merge, &relation));
        refuse_unreachable(&merge.clauses)?;

        let source = merge.source.clone();
        let aliases = super::returning::aliases(std::slice::from_ref(&source))
            .ok_or_else(|| Error::unsupported("MERGE with this source"))?;
        if aliases.iter().any(|other| target::fold(other) == alias) {
            let error = Error::new(
                SqlState::DUPLICATE_ALIAS,
                format!("name \"{alias}\" specified more than once"),
            );
            return Err(
                error.detail("The name is used both as MERGE target table and data source.")
            );
        }
        let mut sides = Vec::with_capacity(aliases.len() + 1);
        for ident in &aliases {
            let from = vec![source.clone()];
            let side = self.bind_side(context, ident, from, names, &names.locals, parameters);
            sides.push(side.await?);
        }
        let family = match is_family(&relation, &members) {
            true => Some(family_schema(&relation, &members)),
            false => None,
        };
        let rows = target_rows(context, &relation, &members);
        let query = self
            .bind_pairs(
                context,
                &merge,
                (&relation, rows, &alias),
                &aliases,
                names,
                parameters,
            )
            .await?;
        needs.extend(query.needs.iter().cloned());

        let Some(last) = sides.last_mut() else {
            return Err(Error::unsupported("MERGE with this source"));
        };
        last.fields.push(Field::new(NUMBER, DataType::Int64, false));
        let number = SelectItem::UnnamedExpr(own_column(&last.alias, NUMBER));
        let mut target = rewrite::sides(&relation, &alias, &[]);
        if let (Some(family), [side]) = (family, target.as_mut_slice()) {
            let fields = family.fields().iter();
            side.fields = fields.map(|field| field.as_ref().clone()).collect();
        }
        let pairs: Vec<Side> = target.into_iter().chain(sides.iter().cloned()).collect();
        let mut clauses = Vec::with_capacity(merge.clauses.len());
        for clause in &merge.clauses {
            let sides = if clause.matched { &pairs } else { &sides };
            let clause = self.bind_clause(
                context,
                &relation,
                clause,
                number.clone(),
                sides,
                names,
                parameters,
                &mut needs,
            );
            clauses.push(clause.await?);
        }
        let mut rules = self.bind_rules(context, &relation).await?;
        rules.given = given(&relation, &merge.clauses);
        for clause in &mut clauses {
            if let Action::Insert(feeds) = &mut clause.action {
                feeds.rules.given.clone_from(&rules.given);
            }
        }
        let merge = BoundMerge {
            relation,
            members,
            router,
            query,
            sides: pairs,
            clauses,
            rules,
            security: Box::default(),
        };
        Ok((merge, needs))
    }

    /// The query that finds the pairs, of a table's rows, which the statement calls so.
    async fn bind_pairs(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        merge: &Merge,
        (relation, rows, alias): (&Arc<Relation>, Arc<dyn TableProvider>, &str),
        aliases: &[ast::Ident],
        names: &Names,
        parameters: &mut Parameters,
    ) -> Result<Bound> {
        let own = |name: &str| SelectItem::UnnamedExpr(own_column(alias, name));
        let mut items = vec![own(SEGMENT_COLUMN), own(ROW_COLUMN)];
        items.extend(relation.columns.iter().map(|column| own(&column.name)));
        let of_family = rows.schema().column_with_name(TABLE_COLUMN).is_some();
        items.extend(of_family.then(|| own(TABLE_COLUMN)));
        items.extend(aliases.iter().map(own_star));
        let on = ast::JoinConstraint::On(merge.on.clone());
        let unmatched = merge.clauses.iter().any(|clause| !clause.matched);
        let mut source = merge.source.clone();
        source.joins.push(ast::Join {
            relation: target::table(TARGET, Some(alias)),
            global: false,
            join_operator: match unmatched {
                true => ast::JoinOperator::LeftOuter(on),
                false => ast::JoinOperator::Inner(on),
            },
        });
        let query = names.around(target::select(items, vec![source], None));
        let local = LocalRelation {
            name: TARGET.to_owned(),
            relation: relation.oid,
            origins: target::origins_of(relation),
            rows: LocalRows::Provider(rows),
        };
        let locals = names.beside(&[local]);
        let bound = self
            .bind_with(context, &query, parameters.known(), &locals)
            .await?;
        super::values::settle_used(parameters, &query, &bound);
        Ok(bound)
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one clause")]
    async fn bind_clause(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        relation: &Arc<Relation>,
        clause: &MergeClause,
        number: SelectItem,
        sides: &[Side],
        names: &Names,
        parameters: &mut Parameters,
        needs: &mut Vec<Need>,
    ) -> Result<Clause> {
        let given: Vec<(usize, Expr)> = match &clause.action {
            MergeAction::Nothing | MergeAction::Delete => Vec::new(),
            MergeAction::Update(assignments) => {
                let old = |name: &str| {
                    let target = sides.first().map_or("", |side| side.alias.as_str());
                    own_column(target, name)
                };
                let assigned = assigned_columns(context, relation, assignments.clone(), old)?;
                assigned.into_iter().collect()
            }
            MergeAction::Insert {
                columns,
                overriding,
                values,
            } => given_values(relation, columns, *overriding, values.as_deref())?,
        };
        let mut items = vec![number];
        let mut untyped = Vec::with_capacity(given.len());
        for (index, expr) in &given {
            let column = &relation.columns[*index];
            untyped.push(is_untyped(context, column, expr, parameters)?);
            items.push(SelectItem::UnnamedExpr(expr.clone()));
        }
        let condition = clause.condition.clone();
        let query = self
            .bind_over(context, items, sides, condition, names, PAIRS, parameters)
            .await?;
        check_list(&query, given.len() + 1)?;
        needs.extend(query.needs.iter().cloned());
        let written = given.iter().zip(untyped);
        let written = written
            .map(|((index, expr), untyped)| (&relation.columns[*index], untyped, position(expr)));
        let types = given_types(&context.snapshot, &query, 1, written)?;
        let indexes = given.iter().map(|(index, _)| *index);
        let types: Vec<_> = indexes.zip(types).collect();
        let action = match &clause.action {
            MergeAction::Nothing => Action::Nothing,
            MergeAction::Delete => Action::Delete,
            MergeAction::Update(_) => Action::Update(types),
            MergeAction::Insert { .. } => {
                let given = |index: usize| {
                    let place = types.iter().position(|(column, _)| *column == index)?;
                    Some((place, types[place].1))
                };
                let feeds = self.bind_feeds(context, relation, given, needs).await?;
                Action::Insert(Box::new(feeds))
            }
        };
        Ok(Clause {
            matched: clause.matched,
            query,
            action,
        })
    }
}

impl BoundMerge {
    /// Hides rows of the table from who merges, and asks of rows what its policies ask; `reads`
    /// says whether the statement reads the table, too.
    pub(super) async fn secure(
        &mut self,
        engine: &Arc<Engine>,
        context: &Arc<StatementContext>,
        reads: bool,
        needs: &mut Vec<Need>,
    ) -> Result<()> {
        let (role, relation) = (context.role, Arc::clone(&self.relation));
        if reads {
            let guard = Guard {
                relation: Arc::clone(&relation),
                role,
                commands: vec![PolicyCommand::Select],
            };
            self.query = self.query.clone().behind(TARGET, &guard)?;
        }
        let kinds: Vec<DmlKind> = self.kinds().collect();
        if kinds.contains(&DmlKind::Update) {
            let asked = [(PolicyCommand::Update, true)];
            self.security.changed = engine
                .bind_security(context, &relation, role, Kind::Target, &asked, needs)
                .await?;
            let asked = [(PolicyCommand::Update, false)];
            let select = reads.then_some((PolicyCommand::Select, true));
            let asked: Vec<Asked> = asked.into_iter().chain(select).collect();
            self.security.updated = engine
                .bind_security(context, &relation, role, Kind::New, &asked, needs)
                .await?;
        }
        if kinds.contains(&DmlKind::Delete) {
            let asked = [(PolicyCommand::Delete, true)];
            self.security.deleted = engine
                .bind_security(context, &relation, role, Kind::Target, &asked, needs)
                .await?;
        }
        if kinds.contains(&DmlKind::Insert) {
            let asked = [(PolicyCommand::Insert, false)];
            self.security.inserted = engine
                .bind_security(context, &relation, role, Kind::New, &asked, needs)
                .await?;
        }
        Ok(())
    }

    /// Whether its target's rows are those of several tables, or of partitions.
    pub(super) fn is_family(&self) -> bool {
        is_family(&self.relation, &self.members)
    }

    /// How many columns the target has in the query that finds the pairs, beside a row's address.
    pub(super) fn width(&self) -> usize {
        self.relation.columns.len() + usize::from(self.is_family())
    }

    /// The tables that it changes, each once.
    pub(super) fn tables(&self) -> impl Iterator<Item = Oid> + '_ {
        let leaves = self.router.iter().flat_map(|router| &router.leaves);
        let all = std::iter::once(&self.relation)
            .chain(&self.members)
            .chain(leaves);
        let all: BTreeSet<Oid> = all.map(|table| table.oid).collect();
        all.into_iter()
    }

    /// The query that finds the pairs, for EXPLAIN.
    pub(super) fn query(&self) -> &Bound {
        &self.query
    }

    /// Every query in it that names of WITH may stand in.
    pub(super) fn queries(&mut self) -> impl Iterator<Item = &mut Bound> {
        let clauses = self.clauses.iter_mut().map(|clause| &mut clause.query);
        std::iter::once(&mut self.query).chain(clauses)
    }

    /// The columns that it assigns to.
    pub(super) fn assigned(&self) -> Vec<i16> {
        let assigned = self
            .clauses
            .iter()
            .filter_map(|clause| match &clause.action {
                Action::Update(assigned) => Some(assigned),
                Action::Nothing | Action::Delete | Action::Insert(_) => None,
            });
        let assigned = assigned.flatten().map(|(index, _)| *index);
        super::rekey::changed_columns(&self.relation, assigned)
    }

    /// In which ways it changes its table.
    pub(super) fn kinds(&self) -> impl Iterator<Item = DmlKind> + '_ {
        [DmlKind::Insert, DmlKind::Update, DmlKind::Delete]
            .into_iter()
            .filter(|kind| self.clauses.iter().any(|c| c.kind() == Some(*kind)))
    }
}

impl Clause {
    fn kind(&self) -> Option<DmlKind> {
        match self.action {
            Action::Nothing => None,
            Action::Delete => Some(DmlKind::Delete),
            Action::Update(_) => Some(DmlKind::Update),
            Action::Insert(_) => Some(DmlKind::Insert),
        }
    }
}

/// Whether the rows of a table are those of several tables, or of partitions.
fn is_family(relation: &Relation, members: &[Arc<Relation>]) -> bool {
    relation.is_partitioned() || members.len() > 1
}

/// The rows of the target, each with its address.
pub(super) fn target_rows(
    context: &StatementContext,
    relation: &Relation,
    members: &[Arc<Relation>],
) -> Arc<dyn TableProvider> {
    let root = context.database.store().root();
    match is_family(relation, members) {
        true => addressed_family_provider(root, relation, members),
        false => addressed_provider(root, relation),
    }
}

/// The columns that clauses give values.
fn given(relation: &Relation, clauses: &[MergeClause]) -> BTreeSet<i16> {
    let of = clauses.iter().map(|clause| match &clause.action {
        MergeAction::Nothing | MergeAction::Delete => BTreeSet::new(),
        MergeAction::Update(assignments) => target::assigned(relation, assignments),
        MergeAction::Insert {
            columns, values, ..
        } => {
            let count = values.as_ref().map_or(0, Vec::len);
            target::inserted(relation, columns, count)
        }
    });
    of.flatten().collect()
}

/// What changing its target needs.
fn needs_of(context: &StatementContext, merge: &Merge, relation: &Relation) -> Vec<Need> {
    let mut needs = Vec::new();
    for clause in &merge.clauses {
        let (privilege, columns) = match &clause.action {
            MergeAction::Nothing => continue,
            MergeAction::Delete => {
                needs.push(target::needs(context, relation, Privilege::Delete));
                continue;
            }
            MergeAction::Update(assignments) => {
                (Privilege::Update, target::assigned(relation, assignments))
            }
            MergeAction::Insert {
                columns, values, ..
            } => {
                let count = values.as_ref().map_or(0, Vec::len);
                (
                    Privilege::Insert,
                    target::inserted(relation, columns, count),
                )
            }
        };
        needs.push(target::needs_columns(context, relation, privilege, columns));
    }
    needs
}

/// `42601` for a clause after one of its kind that takes everything.
fn refuse_unreachable(clauses: &[MergeClause]) -> Result<()> {
    let mut done = [false, false];
    for clause in clauses {
        let done = &mut done[usize::from(clause.matched)];
        if *done {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "unreachable WHEN clause specified after unconditional WHEN clause",
            ));
        }
        *done = clause.condition.is_none();
    }
    Ok(())
}

/// The values INSERT gives, by column of the relation.
fn given_values(
    relation: &Relation,
    columns: &[ast::ObjectName],
    overriding: Option<Overriding>,
    values: Option<&[Expr]>,
) -> Result<Vec<(usize, Expr)>> {
    let Some(values) = values else {
        return Ok(Vec::new());
    };
    let targets = super::target::named_columns(relation, columns)?;
    super::set::check_count(columns, values.len(), targets.len())
        .map_err(|error| at(error, values.get(targets.len()).and_then(position)))?;
    let mut given = Vec::with_capacity(values.len());
    for (index, expr) in targets.into_iter().zip(values) {
        let column = &relation.columns[index];
        if is_default(expr) || is_ignored(column, overriding) {
            continue;
        }
        check_given(column, overriding)?;
        given.push((index, super::fields::assigned(column, expr.clone())));
    }
    Ok(given)
}

/// Cuts `schema.table.column` down to `table.column`, everywhere.
fn unqualify(merge: &mut Merge, schema: &str, table: &str) {
    target::unqualify(&mut merge.on, schema, table);
    for clause in &mut merge.clauses {
        if let Some(condition) = &mut clause.condition {
            target::unqualify(condition, schema, table);
        }
        match &mut clause.action {
            MergeAction::Update(assignments) => {
                for assignment in assignments {
                    target::unqualify(&mut assignment.value, schema, table);
                }
            }
            MergeAction::Insert {
                values: Some(values),
                ..
            } => {
                for value in values {
                    target::unqualify(value, schema, table);
                }
            }
            MergeAction::Nothing | MergeAction::Delete | MergeAction::Insert { .. } => {}
        }
    }
}
