//! Range types that users make, and the multirange types made with them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::user_type::made_of;
use super::{SearchPath, Snapshot, TypeKind, UserType};
use crate::base::Oid;
use crate::types::pgtype::RangeFamily;

/// A range type: what PostgreSQL keeps in `pg_range` of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RangeType {
    /// The types made together.
    pub family: RangeFamily,
    /// The operator class that says in which order bounds are: `pg_opclass.oid`.
    pub operator_class: Oid,
    /// The collation of bounds, or none.
    pub collation: Oid,
    /// What says how far bounds are from each other, `pg_proc.oid`, or nothing.
    pub subtype_diff: Oid,
    /// What makes values of it.
    pub constructors: Constructors,
}

/// The multirange type of a range type.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MultirangeType {
    /// The types made together.
    pub family: RangeFamily,
    /// What makes values of it.
    pub constructors: Constructors,
}

/// The functions that make values of a type. They are called as the type was when it was made,
/// whatever it is renamed to and wherever it is moved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Constructors {
    /// The schema they are in.
    pub schema: Oid,
    /// Their name.
    pub name: String,
}

impl UserType {
    /// What a range type is.
    pub fn range(&self) -> Option<&RangeType> {
        if let TypeKind::Range(range) = &self.kind {
            return Some(range);
        }
        None
    }

    /// The types made together, of a range or multirange type.
    pub fn range_family(&self) -> Option<RangeFamily> {
        match &self.kind {
            TypeKind::Range(range) => Some(range.family),
            TypeKind::Multirange(multirange) => Some(multirange.family),
            TypeKind::Enum(_) | TypeKind::Domain(_) | TypeKind::Composite(_) => None,
        }
    }

    /// What makes values, of a range or multirange type.
    pub fn constructors(&self) -> Option<&Constructors> {
        match &self.kind {
            TypeKind::Range(range) => Some(&range.constructors),
            TypeKind::Multirange(multirange) => Some(&multirange.constructors),
            TypeKind::Enum(_) | TypeKind::Domain(_) | TypeKind::Composite(_) => None,
        }
    }

    /// The range type a multirange type was made with, and goes with.
    pub fn required_by(&self) -> Option<Oid> {
        if let TypeKind::Multirange(multirange) = &self.kind {
            return Some(multirange.family.range);
        }
        None
    }
}

impl Snapshot {
    /// The range or multirange type that functions of a name make values of: in `schema` if one is
    /// given, else first found along the path.
    pub fn constructed(
        &self,
        path: &SearchPath,
        schema: Option<&str>,
        name: &str,
    ) -> Option<&Arc<UserType>> {
        let mut schemas = path.candidates(self, schema).into_iter();
        schemas.find_map(|schema| {
            self.types().find(|ty| {
                let of = ty.constructors();
                of.is_some_and(|of| of.schema == schema && of.name == name)
            })
        })
    }

    /// Range types whose bounds are of a type, or of arrays of it.
    fn ranges_over(&self, ty: Oid) -> impl Iterator<Item = &Arc<UserType>> {
        self.types().filter(move |range| {
            let over = range.range().is_some().then(|| range.ty().subtype());
            over.flatten().and_then(made_of) == Some(ty)
        })
    }

    /// Domains and range types over a type.
    pub fn types_over(&self, ty: Oid) -> impl Iterator<Item = &Arc<UserType>> {
        self.domains_over(ty).chain(self.ranges_over(ty))
    }
}
