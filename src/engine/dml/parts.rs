//! What the parts of a statement change, and how.

use std::sync::Arc;

use super::insert::Insert;
use super::steps::{Found, put_rows};
use super::through::Through;
use super::{DmlKind, Part, PartBody};
use crate::base::{Oid, Result};
use crate::catalog::Relation;
use crate::engine::Bound;

impl Part {
    pub(super) fn kind(&self) -> DmlKind {
        match &self.change {
            PartBody::Insert(_) => DmlKind::Insert,
            PartBody::Rewrite(rewrite) => rewrite.kind(),
            PartBody::Merge(_) => DmlKind::Merge,
        }
    }

    /// The table it changes, in which ways.
    pub(super) fn targets(&self) -> Vec<(Oid, DmlKind)> {
        let table = self.change.relation().oid;
        let mut targets = match &self.change {
            PartBody::Insert(Insert {
                router: Some(router),
                ..
            }) => {
                let leaves = router.leaves.iter();
                let leaves = leaves.map(|leaf| (leaf.oid, DmlKind::Insert));
                std::iter::once((table, DmlKind::Insert))
                    .chain(leaves)
                    .collect()
            }
            PartBody::Insert(insert) if insert.updates() => {
                vec![(table, DmlKind::Insert), (table, DmlKind::Update)]
            }
            PartBody::Insert(_) | PartBody::Rewrite(_) => vec![(table, self.kind())],
            PartBody::Merge(merge) => merge.kinds().map(|kind| (table, kind)).collect(),
        };
        targets.extend(self.below.iter().flat_map(Self::targets));
        targets
    }

    /// Puts rows in place of names of WITH.
    pub(super) fn put_rows(&mut self, found: &[Found]) -> Result<()> {
        let queries: Box<dyn Iterator<Item = &mut Bound>> = match &mut self.change {
            PartBody::Insert(insert) => Box::new(insert.queries()),
            PartBody::Rewrite(rewrite) => Box::new(rewrite.queries()),
            PartBody::Merge(merge) => Box::new(merge.queries()),
        };
        for query in queries.chain(self.returning.iter_mut()) {
            put_rows(query, found)?;
        }
        self.below
            .iter_mut()
            .try_for_each(|part| part.put_rows(found))
    }
}

impl PartBody {
    /// The view it was named by.
    pub(super) fn through(&self) -> Option<&Through> {
        match self {
            Self::Insert(insert) => insert.through.as_ref(),
            Self::Rewrite(rewrite) => rewrite.through.as_ref(),
            Self::Merge(_) => None,
        }
    }

    pub(super) fn relation(&self) -> &Arc<Relation> {
        match self {
            Self::Insert(insert) => &insert.relation,
            Self::Rewrite(rewrite) => &rewrite.relation,
            Self::Merge(merge) => &merge.relation,
        }
    }
}
