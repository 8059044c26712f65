//! UPDATE and DELETE as queries: which rows they hit, by address, and what each hit row becomes.
//!
//! The target is read through an addressed scan under a name no client can write; everything else
//! in the statement (joins, subqueries, parameters) is bound as in any query. The segments with
//! hits are then written again without the hit rows. The caller holds the table's rewrite lock, so
//! no other transaction can have removed them meanwhile.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use sqlparser::ast::{self, Expr, FromTable, SelectItem};

use super::fire::{Told, sees_rows, tells};
use super::moved::touches_key;
use super::names::Names;
use super::rekey::changed_columns;
use super::returning::{Side, other_aliases};
use super::rows;
use super::rules::Rules;
use super::set::{assigned_columns, check_list};
use super::target;
use super::through::{Aim, THROUGH, Through};
use super::values::{Parameters, given_types, is_untyped, settle_used};
use super::work::keeps_changed;
use super::{DmlKind, PartBody};
use crate::base::{Error, Result};
use crate::catalog::{Index, Privilege, Relation, TriggerEvent};
use crate::engine::guard::limited;
use crate::engine::local::{LocalRelation, LocalRows, own_column, own_star};
use crate::engine::scan::{
    PLACE_COLUMN, ROW_COLUMN, SEGMENT_COLUMN, addressed_family_provider, addressed_provider,
};
use crate::engine::{Bound, Engine};
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

pub(super) use super::moved::{current, with_segments};

/// The target in the generated query.
pub(super) const TARGET: &str = "\0target";

/// The rows a change looks at, with their addresses.
pub(super) fn target_rows(
    context: &StatementContext,
    relation: &Arc<Relation>,
    through: Option<&Through>,
) -> Arc<dyn TableProvider> {
    let root = context.database.store().root();
    match through.is_some_and(|through| through.of_family.is_some()) {
        // Policies of the table named may ask which table a row is of.
        true => addressed_family_provider(root, relation, std::slice::from_ref(relation)),
        false => addressed_provider(root, relation),
    }
}

/// A bound UPDATE or DELETE.
#[derive(Debug, Clone)]
pub(super) struct Rewrite {
    pub(super) relation: Arc<Relation>,
    /// Whether the tables under it are left alone.
    pub(super) only: bool,
    /// What the statement calls the target.
    pub(super) alias: String,
    /// Segment, row; then for UPDATE the new row and for DELETE … RETURNING the old one; then for
    /// an UPDATE of keys the old row; then the columns of other relations that RETURNING may read.
    /// `None`: DELETE of all rows, answered from the catalog.
    pub(super) query: Option<Bound>,
    /// For each column of the rows in `query`: the type of its expression; `None` for an untyped
    /// literal.
    pub(super) types: Vec<Option<PgType>>,
    /// Whether new rows are written (UPDATE).
    pub(super) writes: bool,
    /// Columns that may get other values.
    pub(super) changed: Vec<i16>,
    /// Whether `query` has the old rows beside the new ones.
    pub(super) has_old: bool,
    /// Where rows of a partition go that its bound no longer lets stay: the partitioned table, and
    /// the bound.
    pub(super) moves: Option<(Arc<Relation>, Bound)>,
    /// Whether other tables refer to this one, so that rows that go must be known.
    pub(super) referenced: bool,
    /// The view it was named by.
    pub(super) through: Option<Through>,
    /// The other relations RETURNING may read.
    pub(super) others: Vec<Side>,
    pub(super) rules: Rules,
}

/// The parts of UPDATE and DELETE, brought to one shape.
pub(super) struct Parts {
    pub(super) name: ast::ObjectName,
    /// The table, under the one named, whose rows are meant.
    member: Option<Arc<Relation>>,
    alias: Option<String>,
    pub(super) others: Vec<ast::TableWithJoins>,
    pub(super) selection: Option<Expr>,
    /// UPDATE: the assignments. `None`: DELETE.
    pub(super) assignments: Option<Vec<ast::Assignment>>,
    pub(super) names: Names,
    pub(super) returning: Option<Vec<SelectItem>>,
}

impl Parts {
    /// What it does, in the words of messages and to triggers.
    pub(super) fn does(&self) -> (&'static str, TriggerEvent) {
        match self.assignments {
            Some(_) => ("update", TriggerEvent::Update),
            None => ("delete from", TriggerEvent::Delete),
        }
    }

    /// What the statement calls what it names, whose schema is cut off where it is said.
    pub(super) fn bare_names(&mut self, context: &StatementContext, named: &Relation) -> String {
        let mut others = std::mem::take(&mut self.others);
        let mut selection = self.selection.take();
        others
            .iter_mut()
            .for_each(|part| self.bare(context, named, part));
        selection
            .iter_mut()
            .for_each(|part| self.bare(context, named, part));
        (self.others, self.selection) = (others, selection);
        self.alias.clone().unwrap_or_else(|| named.name.clone())
    }

    /// The same for a part of it.
    pub(super) fn bare<T: ast::VisitMut>(
        &self,
        context: &StatementContext,
        named: &Relation,
        part: &mut T,
    ) {
        if self.alias.is_none()
            && let Some(schema) = context.snapshot.schema(named.schema)
        {
            target::unqualify(part, &schema.name, &named.name);
        }
    }
}

impl Engine {
    /// Binds UPDATE.
    pub(super) async fn bind_update(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        update: &ast::Update,
        names: Names,
        member: Option<&Arc<Relation>>,
        parameters: &mut Parameters,
    ) -> Result<(PartBody, Vec<Need>)> {
        if update.or.is_some() || update.output.is_some() {
            return Err(Error::unsupported("UPDATE OR … and OUTPUT"));
        }
        if !update.order_by.is_empty() || update.limit.is_some() {
            return Err(Error::unsupported("UPDATE … ORDER BY or LIMIT"));
        }
        let (name, alias) = target::single_table(&update.table)?;
        let others = match &update.from {
            None => Vec::new(),
            Some(ast::UpdateTableFromKind::AfterSet(from)) => from.clone(),
            Some(ast::UpdateTableFromKind::BeforeSet(_)) => {
                return Err(Error::unsupported("UPDATE … FROM before SET"));
            }
        };
        let parts = Parts {
            name,
            member: member.cloned(),
            alias,
            others,
            selection: update.selection.clone(),
            assignments: Some(update.assignments.clone()),
            names,
            returning: update.returning.clone(),
        };
        Box::pin(self.bind_parts(context, parts, parameters)).await
    }

    /// Binds DELETE.
    pub(super) async fn bind_delete(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        delete: &ast::Delete,
        names: Names,
        member: Option<&Arc<Relation>>,
        parameters: &mut Parameters,
    ) -> Result<(PartBody, Vec<Need>)> {
        if delete.output.is_some() || !delete.order_by.is_empty() || delete.limit.is_some() {
            return Err(Error::unsupported("DELETE … ORDER BY, LIMIT or OUTPUT"));
        }
        let FromTable::WithFromKeyword(from) = &delete.from else {
            return Err(Error::unsupported("DELETE without FROM"));
        };
        let [table] = from.as_slice() else {
            return Err(Error::unsupported("DELETE FROM several tables"));
        };
        let (name, alias) = target::single_table(table)?;
        let parts = Parts {
            name,
            member: member.cloned(),
            alias,
            others: delete.using.clone().unwrap_or_default(),
            selection: delete.selection.clone(),
            assignments: None,
            names,
            returning: delete.returning.clone(),
        };
        Box::pin(self.bind_parts(context, parts, parameters)).await
    }

    async fn bind_parts(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        parts: Parts,
        parameters: &mut Parameters,
    ) -> Result<(PartBody, Vec<Need>)> {
        if let Some(view) = self.done_instead(context, &parts)? {
            let bound = Box::pin(self.bind_instead(context, view, parts, parameters));
            let (bound, needs) = bound.await?;
            return Ok((PartBody::Instead(bound), needs));
        }
        let (bound, needs) = self.bind_rewrite(context, parts, parameters).await?;
        Ok((PartBody::Rewrite(bound), needs))
    }

    async fn bind_rewrite(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        mut parts: Parts,
        parameters: &mut Parameters,
    ) -> Result<(Rewrite, Vec<Need>)> {
        let (verb, event) = parts.does();
        let privilege = match event {
            TriggerEvent::Update => Privilege::Update,
            _ => Privilege::Delete,
        };
        let Aim {
            named,
            only,
            through,
            relation,
            mut needs,
        } = self.aim(context, &parts.name, verb, parts.member.as_ref())?;
        let set = parts.assignments.as_ref();
        let set = set.map(|assignments| target::assigned(&named, assignments));
        let of_owners = through.as_ref().map(|it| it.needs(privilege, set.as_ref()));
        needs.push(match set {
            Some(set) => target::needs_columns(context, &named, privilege, set),
            None => target::needs(context, &named, privilege),
        });
        needs.extend(of_owners.into_iter().flatten());
        if let (Some(through), Some(assignments)) = (&through, &mut parts.assignments) {
            through.reassigned(context, assignments)?;
        }
        let set_columns = match &parts.assignments {
            Some(assignments) => target::assigned(&relation, assignments),
            None => BTreeSet::new(),
        };
        let alias = parts.bare_names(context, &named);

        let referenced = keeps_changed(context, &relation);
        let of_family = through
            .as_ref()
            .and_then(|through| through.of_family.clone());
        let meant = of_family.as_ref().unwrap_or(&relation);
        let mut fires = sees_rows(&relation, event) || tells(meant, event);
        let everything = !referenced
            && !fires
            && through.is_none()
            && !limited(context, context.role, &relation)?
            && parts.assignments.is_none()
            && parts.selection.is_none()
            && parts.others.is_empty()
            && parts.names.with.is_none()
            && parts.returning.is_none();
        if everything {
            let rewrite = Rewrite {
                relation,
                only,
                alias,
                query: None,
                types: Vec::new(),
                writes: false,
                changed: Vec::new(),
                has_old: false,
                moves: None,
                referenced: false,
                through: None,
                others: Vec::new(),
                rules: Rules::default(),
            };
            return Ok((rewrite, needs));
        }

        // Beside a view's columns those of its table have names that nobody can write.
        let hidden = |name: &str| match through {
            Some(_) if !name.starts_with('\0') => format!("\0table {name}"),
            _ => name.to_owned(),
        };
        let own = |name: &str| SelectItem::UnnamedExpr(own_column(&alias, &hidden(name)));
        let mut items = vec![own(SEGMENT_COLUMN), own(ROW_COLUMN)];
        let mut untyped = Vec::new();
        let mut places = Vec::new();
        let mut changed = Vec::new();
        let mut has_old = false;
        let mut moves = None;
        let mut rules = Rules::default();
        if let Some(assignments) = parts.assignments.take() {
            let old = |name: &str| own_column(&alias, &hidden(name));
            let mut assigned = assigned_columns(context, &relation, assignments, old)?;
            changed = changed_columns(&relation, assigned.keys().copied());
            let parted = of_family.as_ref().filter(|table| table.is_partitioned());
            let moving = parted.filter(|_| {
                let rewritten = relation.may_rewrite(TriggerEvent::Update);
                rewritten || touches_key(context, &relation, &changed)
            });
            fires |= moving.is_some_and(|table| {
                let leaves = context.snapshot.members(table);
                let arrive = |leaf: &Arc<Relation>| sees_rows(leaf, TriggerEvent::Insert);
                sees_rows(&relation, TriggerEvent::Delete) || leaves.iter().any(arrive)
            });
            for (index, column) in relation.columns.iter().enumerate() {
                match assigned.remove(&index) {
                    None => {
                        items.push(own(&column.name));
                        untyped.push(false);
                        places.push(None);
                    }
                    Some(mut expr) => {
                        parts.bare(context, &named, &mut expr);
                        untyped.push(is_untyped(context, column, &expr, parameters)?);
                        places.push(target::position(&expr));
                        items.push(SelectItem::UnnamedExpr(expr));
                    }
                }
            }
            let touches = |index: &Index| index.depends_on(&changed);
            has_old = fires || relation.constraints.unique().any(touches);
            if has_old {
                items.extend(relation.columns.iter().map(|column| own(&column.name)));
            }
            rules = self
                .bind_rules_of(context, &relation, through.as_ref())
                .await?;
            rules.given = set_columns;
            if parted.is_some() {
                let bound = rules.bound.take();
                moves = moving.and_then(|table| Some((Arc::clone(table), bound?)));
            }
        } else if parts.returning.is_some() || referenced || fires {
            for column in &relation.columns {
                items.push(own(&column.name));
                untyped.push(false);
                places.push(None);
            }
        }
        let rows = target_rows(context, &relation, through.as_ref());
        let mut locals = parts.names.beside(&[LocalRelation {
            name: TARGET.to_owned(),
            relation: relation.oid,
            origins: target::origins_of(&relation),
            rows: LocalRows::Provider(rows),
        }]);
        let changed_rows = match &through {
            None => TARGET,
            Some(through) => {
                let columns = relation.columns.iter().map(|column| column.name.as_str());
                let own = [SEGMENT_COLUMN, ROW_COLUMN, PLACE_COLUMN];
                let names = own.into_iter().chain(columns);
                let names: Vec<_> = names.map(|name| (name.to_owned(), hidden(name))).collect();
                locals.extend(through.locals(TARGET, &names, true));
                THROUGH
            }
        };
        let mut from = vec![ast::TableWithJoins {
            relation: target::table(changed_rows, Some(&alias)),
            joins: Vec::new(),
        }];
        from.extend(parts.others.iter().cloned());
        let mut others = Vec::new();
        if let Some(returning) = &parts.returning
            && !parts.others.is_empty()
        {
            if let Some(through) = &through {
                return Err(Error::unsupported(match &through.of_family {
                    Some(_) => "RETURNING of several tables changed beside other relations",
                    None => "RETURNING of a view changed beside other relations",
                }));
            }
            let aliases = other_aliases(&parts.others, returning)?;
            for ident in aliases {
                items.push(own_star(&ident));
                let side = self.bind_side(
                    context,
                    &ident,
                    from.clone(),
                    &parts.names,
                    &locals,
                    parameters,
                );
                others.push(side.await?);
            }
        }
        let width = items.len() - others.len()
            + others
                .iter()
                .map(|side: &Side| side.fields.len())
                .sum::<usize>();
        let query = target::select(items, from, parts.selection.take());
        let query = parts.names.around(query);
        let bound = self
            .bind_with(context, &query, parameters.known(), &locals)
            .await?;
        check_list(&bound, width)?;
        settle_used(parameters, &query, &bound);
        needs.extend(bound.needs.iter().cloned());
        needs.extend(through.iter().flat_map(|it| it.read_by(&bound.needs)));

        let given = relation.columns.iter().zip(untyped).zip(places);
        let given = given.map(|((column, untyped), place)| (column, untyped, place));
        let types = given_types(&context.snapshot, &bound, 2, given)?;
        let rewrite = Rewrite {
            writes: privilege == Privilege::Update,
            relation,
            only,
            alias,
            query: Some(bound),
            types,
            changed,
            has_old,
            moves,
            referenced,
            through,
            others,
            rules,
        };
        Ok((rewrite, needs))
    }
}

impl Rewrite {
    /// UPDATE or DELETE.
    pub(super) fn kind(&self) -> DmlKind {
        match self.writes {
            true => DmlKind::Update,
            false => DmlKind::Delete,
        }
    }

    /// For whom rows it changes are noted.
    pub(super) fn told(&self) -> Told {
        let through = self.through.as_ref();
        let meant = through.and_then(|through| through.of_family.as_ref());
        let event = match self.writes {
            true => TriggerEvent::Update,
            false => TriggerEvent::Delete,
        };
        Told::of(meant.unwrap_or(&self.relation), event)
    }

    /// Every query in it that names of WITH may stand in.
    pub(super) fn queries(&mut self) -> impl Iterator<Item = &mut Bound> {
        self.query.iter_mut()
    }

    /// The query that finds the rows, for EXPLAIN.
    pub(super) fn query(&self) -> Option<&Bound> {
        self.query.as_ref()
    }
}

/// The target and the others, as RETURNING sees them.
pub(super) fn sides(relation: &Relation, alias: &str, others: &[Side]) -> Vec<Side> {
    let target = Side {
        alias: alias.to_owned(),
        fields: rows::schema(relation)
            .fields()
            .iter()
            .map(|field| field.as_ref().clone())
            .collect(),
        relation: relation.oid,
        origins: target::origins_of(relation),
    };
    std::iter::once(target)
        .chain(others.iter().cloned())
        .collect()
}
