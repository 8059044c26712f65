//! Views whose triggers carry out what is done to them: INSTEAD OF.
//!
//! The rows of the view that a statement is about are found by a query over the view; what becomes
//! of each is shown to the triggers, and what those give back is what RETURNING reads.

use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::record_batch::RecordBatch;
use datafusion::catalog::TableProvider;
use sqlparser::ast::{self, SelectItem};

use super::insert::Insert;
use super::intake::Written;
use super::returning::{Side, joined_batch, joined_schema, other_aliases};
use super::rewrite::{Parts, TARGET, sides};
use super::set::{assigned_columns, check_list};
use super::through::{THROUGH, Through};
use super::values::{Parameters, given_types, is_untyped, settle_used};
use super::{DmlKind, rows, target};
use crate::base::{Error, Result};
use crate::catalog::{Privilege, Relation, TriggerEvent};
use crate::engine::local::{LocalRelation, LocalRows, own_column, own_star};
use crate::engine::parse::without_only;
use crate::engine::{Bound, Engine};
use crate::observe::Interrupt;
use crate::privileges::Need;
use crate::statement::StatementContext;
use crate::types::PgType;

/// A bound UPDATE or DELETE of a view whose triggers do it.
#[derive(Debug, Clone)]
pub(super) struct Instead {
    pub(super) view: Arc<Relation>,
    /// What the statement calls it.
    pub(super) alias: String,
    /// The row as it is; for UPDATE the row it is to become; then the columns of other relations
    /// that RETURNING may read.
    pub(super) query: Bound,
    /// UPDATE: for each column of the new row the type of its expression; `None` for an untyped
    /// literal.
    types: Option<Vec<Option<PgType>>>,
    /// Columns that UPDATE assigns to.
    pub(super) changed: Vec<i16>,
    /// The view that is named, if it is another.
    pub(super) through: Option<Through>,
    /// The other relations RETURNING may read.
    pub(super) others: Vec<Side>,
}

impl Instead {
    /// UPDATE or DELETE.
    pub(super) fn kind(&self) -> DmlKind {
        match self.types {
            Some(_) => DmlKind::Update,
            None => DmlKind::Delete,
        }
    }
}

impl Engine {
    /// The view that an UPDATE or DELETE is of, if its triggers do it, with that through which it
    /// is named, if that is another.
    pub(super) fn done_instead(
        &self,
        context: &StatementContext,
        parts: &Parts,
    ) -> Result<Option<(Arc<Relation>, Option<Through>)>> {
        let (verb, event) = parts.does();
        let (_, name) = without_only(&parts.name);
        let named = target::resolve(context, &name, verb)?;
        if named.view().is_none() || named.is_done_instead(event) {
            let done = named.is_done_instead(event);
            return Ok(done.then_some((named, None)));
        }
        // What stands against it is said where it is changed as a table.
        let through = self.look_through(context, &named, verb).ok();
        let through = through.filter(|through| through.base.view().is_some());
        Ok(through.map(|through| (Arc::clone(&through.base), Some(through))))
    }

    /// Binds UPDATE and DELETE of such a view.
    pub(super) async fn bind_instead(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        (view, through): (Arc<Relation>, Option<Through>),
        mut parts: Parts,
        parameters: &mut Parameters,
    ) -> Result<(Instead, Vec<Need>)> {
        let named = through
            .as_ref()
            .map_or(&view, |through| &through.view)
            .clone();
        let mut needs = Vec::new();
        let (_, name) = without_only(&parts.name);
        if name.0.len() > 1 {
            needs.push(target::schema_need(context, &named));
        }
        let set = parts.assignments.as_ref();
        let set = set.map(|assignments| target::assigned(&named, assignments));
        let privilege = match set {
            Some(_) => Privilege::Update,
            None => Privilege::Delete,
        };
        let of_owners = through.as_ref().map(|it| it.needs(privilege, set.as_ref()));
        needs.push(match set {
            Some(set) => target::needs_columns(context, &named, privilege, set),
            None => target::needs(context, &named, privilege),
        });
        needs.extend(of_owners.into_iter().flatten());
        if let (Some(through), Some(assignments)) = (&through, &mut parts.assignments) {
            through.reassigned(context, assignments)?;
        }
        let alias = parts.bare_names(context, &named);
        // Beside the columns of the view that is named those of its own have names that nobody can
        // write.
        let hidden = |name: &str| match through {
            Some(_) => format!("\0view {name}"),
            None => name.to_owned(),
        };
        let own = |name: &str| own_column(&alias, &hidden(name));
        let columns = view.columns.iter();
        let mut items: Vec<SelectItem> = columns
            .map(|column| SelectItem::UnnamedExpr(own(&column.name)))
            .collect();
        let mut changed = Vec::new();
        let mut untyped = Vec::new();
        let mut places = Vec::new();
        let updates = parts.assignments.is_some();
        if let Some(assignments) = parts.assignments.take() {
            let mut assigned = assigned_columns(context, &view, assignments, own)?;
            changed.extend(assigned.keys().map(|index| view.columns[*index].attnum));
            for (index, column) in view.columns.iter().enumerate() {
                let Some(mut expr) = assigned.remove(&index) else {
                    items.push(SelectItem::UnnamedExpr(own(&column.name)));
                    untyped.push(false);
                    places.push(None);
                    continue;
                };
                parts.bare(context, &named, &mut expr);
                untyped.push(is_untyped(context, column, &expr, parameters)?);
                places.push(target::position(&expr));
                items.push(SelectItem::UnnamedExpr(expr));
            }
        }
        let mut locals = parts.names.beside(&[LocalRelation {
            name: TARGET.to_owned(),
            relation: view.oid,
            origins: target::origins_of(&view),
            rows: LocalRows::View(Arc::clone(&view)),
        }]);
        let rows = match &through {
            None => TARGET,
            Some(through) => {
                let columns = view.columns.iter().map(|column| column.name.clone());
                let names: Vec<_> = columns.map(|name| (name.clone(), hidden(&name))).collect();
                locals.extend(through.locals(TARGET, &names, true));
                THROUGH
            }
        };
        let mut from = vec![ast::TableWithJoins {
            relation: target::table(rows, Some(&alias)),
            joins: Vec::new(),
        }];
        from.extend(parts.others.iter().cloned());
        let mut others: Vec<Side> = Vec::new();
        let own_items = items.len();
        if let Some(returning) = &parts.returning
            && !parts.others.is_empty()
        {
            if through.is_some() {
                return Err(Error::unsupported(
                    "RETURNING of a view changed beside other relations",
                ));
            }
            for ident in other_aliases(&parts.others, returning)? {
                items.push(own_star(&ident));
                let (from, names) = (from.clone(), &parts.names);
                let side = self.bind_side(context, &ident, from, names, &locals, parameters);
                others.push(side.await?);
            }
        }
        let width = own_items + others.iter().map(|side| side.fields.len()).sum::<usize>();
        let query = target::select(items, from, parts.selection.take());
        let query = parts.names.around(query);
        let bound = self
            .bind_with(context, &query, parameters.known(), &locals)
            .await?;
        check_list(&bound, width)?;
        settle_used(parameters, &query, &bound);
        needs.extend(bound.needs.iter().cloned());
        needs.extend(through.iter().flat_map(|it| it.read_by(&bound.needs)));
        let given = view.columns.iter().zip(untyped).zip(places);
        let given = given.map(|((column, untyped), place)| (column, untyped, place));
        let types = given_types(&context.snapshot, &bound, view.columns.len(), given)?;
        let instead = Instead {
            view,
            alias,
            query: bound,
            types: updates.then_some(types),
            changed,
            through,
            others,
        };
        Ok((instead, needs))
    }

    /// Runs it.
    pub(super) async fn execute_instead(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        instead: &Instead,
        parameters: &[ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Written> {
        let view = super::rewrite::current(context, &instead.view)?;
        let width = view.columns.len();
        let passed = &parameters[..instead.query.parameters.len().min(parameters.len())];
        // What triggers do is nothing to a query that is still running.
        let mut answer = self
            .run(context, instead.query.clone(), passed, interrupt)
            .await?;
        let mut found = Vec::new();
        while let Some(batch) = answer.next().await? {
            found.push(batch);
        }
        let schema = match instead.others.is_empty() {
            true => rows::schema(&view),
            false => joined_schema(&sides(&view, &instead.alias, &instead.others)),
        };
        let own: Vec<_> = view.columns.iter().map(|column| Some(column.ty)).collect();
        let (mut count, mut returned) = (0, Vec::new());
        for batch in found.iter().filter(|batch| batch.num_rows() > 0) {
            let old = &batch.columns()[..width];
            let old = rows::held(context, &view, old, &own, batch.num_rows())?;
            let (event, new, after) = match &instead.types {
                None => (TriggerEvent::Delete, None, width),
                Some(types) => {
                    let new = &batch.columns()[width..2 * width];
                    let new = rows::held(context, &view, new, types, batch.num_rows())?;
                    (TriggerEvent::Update, Some(new), 2 * width)
                }
            };
            let rows = (Some(&old), new.as_ref());
            let shown = self.before_rows(context, &view, event, &instead.changed, rows);
            let others = batch.project(&(after..batch.num_columns()).collect::<Vec<_>>());
            let others = others.map_err(|error| Error::internal("building rows", error))?;
            let (rows, others) = match shown.await? {
                None => (new.unwrap_or(old), others),
                Some(shown) => {
                    let others = shown.of(&others)?;
                    let rows = match new {
                        Some(new) => shown.new.unwrap_or(new),
                        None => shown.of(&old)?,
                    };
                    (rows, others)
                }
            };
            count += rows.num_rows() as u64;
            let mut arrays = rows.columns().to_vec();
            arrays.extend(others.columns().iter().cloned());
            returned.push(joined_batch(&schema, arrays, rows.num_rows())?);
        }
        let returned: Arc<dyn TableProvider> = rows::in_memory(schema, returned)?;
        Ok(Written {
            rows: count,
            returned,
        })
    }

    /// Rows given to a view go to its triggers.
    pub(super) async fn insert_instead(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        insert: &Insert,
        given: Vec<RecordBatch>,
    ) -> Result<Written> {
        let view = &insert.relation;
        let (mut count, mut returned) = (0, Vec::with_capacity(given.len()));
        for batch in given {
            let rows = (None, Some(&batch));
            let shown = self.before_rows(context, view, TriggerEvent::Insert, &[], rows);
            let left = match shown.await? {
                None => batch,
                Some(shown) => shown.new.unwrap_or(batch),
            };
            count += left.num_rows() as u64;
            returned.push(left);
        }
        Ok(Written {
            rows: count,
            returned: rows::in_memory(rows::schema(view), returned)?,
        })
    }
}
