//! Which names in an expression are those of fields, and not of columns: `b` in `(c).b`.

use std::collections::HashSet;

use sqlparser::ast::{AccessExpr, Expr};

/// The fields' names met so far, by where they are: what names a field is visited before its name.
#[derive(Debug, Default)]
pub struct FieldNames(HashSet<usize>);

impl FieldNames {
    /// Looks at a part of an expression, parts before their parts; whether it is a field's name.
    pub fn is_one(&mut self, part: &Expr) -> bool {
        if let Expr::CompoundFieldAccess { access_chain, .. } = part {
            self.0
                .extend(access_chain.iter().filter_map(|access| match access {
                    AccessExpr::Dot(name) => Some(std::ptr::from_ref(name).addr()),
                    AccessExpr::Subscript(_) => None,
                }));
        }
        self.0.contains(&std::ptr::from_ref(part).addr())
    }
}
