//! What the parts of a statement change, and how.

use std::sync::Arc;

use super::fire::NamedTable;
use super::steps::{Found, put_rows};
use super::through::Through;
use super::{DmlKind, Part, PartBody};
use crate::base::{Oid, Result};
use crate::catalog::{Relation, TriggerEvent};
use crate::engine::Bound;

impl Part {
    pub(super) fn kind(&self) -> DmlKind {
        match &self.change {
            PartBody::Insert(_) => DmlKind::Insert,
            PartBody::Rewrite(rewrite) => rewrite.kind(),
            PartBody::Instead(instead) => instead.kind(),
            PartBody::Merge(_) => DmlKind::Merge,
        }
    }

    /// The table it changes, in which ways.
    pub(super) fn targets(&self) -> Vec<(Oid, DmlKind)> {
        let table = self.change.relation().oid;
        let mut targets = match &self.change {
            PartBody::Insert(insert) => {
                let leaves = insert.router.iter().flat_map(|router| &router.leaves);
                let leaves = leaves.map(|leaf| leaf.oid);
                let kinds: &[DmlKind] = match insert.updates() {
                    true => &[DmlKind::Insert, DmlKind::Update],
                    false => &[DmlKind::Insert],
                };
                std::iter::once(table)
                    .chain(leaves)
                    .flat_map(|table| kinds.iter().map(move |kind| (table, *kind)))
                    .collect()
            }
            PartBody::Rewrite(_) | PartBody::Instead(_) => {
                vec![(table, self.kind())]
            }
            PartBody::Merge(merge) => {
                let tables = merge.tables();
                tables
                    .flat_map(|table| merge.kinds().map(move |kind| (table, kind)))
                    .collect()
            }
        };
        targets.extend(self.below.iter().flat_map(Self::targets));
        targets
    }

    /// The table it names, with what it does there, in the order in which triggers are told before.
    pub(super) fn named(&self) -> Vec<NamedTable> {
        let table = self.change.relation().oid;
        let named = |event, changed| NamedTable {
            table,
            event,
            changed,
        };
        match &self.change {
            PartBody::Insert(insert) => {
                let update = insert.conflict.as_ref().filter(|_| insert.updates());
                let changed = update.map(|of| of.assigned(&insert.relation));
                std::iter::once(named(TriggerEvent::Insert, Vec::new()))
                    .chain(changed.map(|changed| named(TriggerEvent::Update, changed)))
                    .collect()
            }
            PartBody::Rewrite(rewrite) => vec![match rewrite.writes {
                true => named(TriggerEvent::Update, rewrite.changed.clone()),
                false => named(TriggerEvent::Delete, Vec::new()),
            }],
            PartBody::Instead(instead) => vec![match instead.kind() {
                DmlKind::Update => named(TriggerEvent::Update, instead.changed.clone()),
                _ => named(TriggerEvent::Delete, Vec::new()),
            }],
            PartBody::Merge(merge) => {
                let kinds: Vec<DmlKind> = merge.kinds().collect();
                let all = [
                    (DmlKind::Insert, TriggerEvent::Insert),
                    (DmlKind::Update, TriggerEvent::Update),
                    (DmlKind::Delete, TriggerEvent::Delete),
                ];
                let events = all.into_iter().filter(|(kind, _)| kinds.contains(kind));
                events
                    .map(|(_, event)| named(event, merge.assigned()))
                    .collect()
            }
        }
    }

    /// Puts rows in place of names of WITH.
    pub(super) fn put_rows(&mut self, found: &[Found]) -> Result<()> {
        for query in self.change.queries().chain(self.returning.iter_mut()) {
            put_rows(query, found)?;
        }
        self.below
            .iter_mut()
            .try_for_each(|part| part.put_rows(found))
    }
}

impl PartBody {
    /// What an UPDATE or DELETE calls what it names.
    pub(super) fn alias(&self) -> String {
        match self {
            Self::Rewrite(rewrite) => rewrite.alias.clone(),
            Self::Instead(instead) => instead.alias.clone(),
            Self::Insert(_) | Self::Merge(_) => String::new(),
        }
    }

    /// The view it was named by.
    pub(super) fn through(&self) -> Option<&Through> {
        match self {
            Self::Insert(insert) => insert.through.as_ref(),
            Self::Rewrite(rewrite) => rewrite.through.as_ref(),
            Self::Instead(instead) => instead.through.as_ref(),
            Self::Merge(_) => None,
        }
    }

    pub(super) fn relation(&self) -> &Arc<Relation> {
        match self {
            Self::Insert(insert) => &insert.relation,
            Self::Rewrite(rewrite) => &rewrite.relation,
            Self::Instead(instead) => &instead.view,
            Self::Merge(merge) => &merge.relation,
        }
    }
}

impl PartBody {
    /// The queries that its rows and values come from.
    pub(super) fn queries(&mut self) -> Box<dyn Iterator<Item = &mut Bound> + '_> {
        match self {
            Self::Insert(insert) => Box::new(insert.queries()),
            Self::Rewrite(rewrite) => Box::new(rewrite.queries()),
            Self::Instead(instead) => Box::new(std::iter::once(&mut instead.query)),
            Self::Merge(merge) => Box::new(merge.queries()),
        }
    }
}
