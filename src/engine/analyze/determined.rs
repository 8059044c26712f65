//! Columns that are known once their table's primary key is: GROUP BY the key is GROUP BY them all.

use datafusion::common::Column;
use datafusion::common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion::logical_expr::{Expr, Subquery};

use super::aggregate::Groups;
use super::{Analyst, Converted, Origin};
use crate::base::{Oid, Result};

impl Analyst<'_> {
    /// Adds to every grouping set the columns that `exprs` name and that are known once the set is:
    /// those of a table whose primary key all sets group by.
    pub(super) fn add_determined<'e>(
        &self,
        groups: &mut Groups,
        exprs: impl Iterator<Item = &'e Expr>,
    ) -> Result<()> {
        let Some((first, rest)) = groups.sets.split_first() else {
            return Ok(());
        };
        let everywhere = |key: &&Expr| rest.iter().all(|set| set.contains(key));
        let common: Vec<&Expr> = first.iter().filter(everywhere).collect();
        if common.is_empty() {
            return Ok(());
        }
        let mut found: Vec<Expr> = Vec::new();
        let mut note = |column: &Column| {
            let expr = Expr::Column(column.clone());
            if !common.contains(&&expr)
                && !found.contains(&expr)
                && let Some(key) = self.determined_by(column, &common)
            {
                if self.chain.is_none() {
                    self.shared.keys.borrow_mut().insert(key);
                }
                found.push(expr);
            }
        };
        let note_outer = |subquery: &Subquery, note: &mut dyn FnMut(&Column)| {
            for reference in &subquery.outer_ref_columns {
                if let Expr::OuterReferenceColumn(_, column) = reference {
                    note(column);
                }
            }
        };
        for expr in exprs {
            expr.apply(|part| {
                match part {
                    part if common.contains(&part) => return Ok(TreeNodeRecursion::Jump),
                    Expr::AggregateFunction(_) => return Ok(TreeNodeRecursion::Jump),
                    Expr::Column(column) => note(column),
                    Expr::ScalarSubquery(subquery) => note_outer(subquery, &mut note),
                    Expr::Exists(exists) => note_outer(&exists.subquery, &mut note),
                    Expr::InSubquery(within) => note_outer(&within.subquery, &mut note),
                    _ => {}
                }
                Ok(TreeNodeRecursion::Continue)
            })
            .converted()?;
        }
        for set in &mut groups.sets {
            set.extend(
                found
                    .iter()
                    .filter(|e| !set.contains(e))
                    .cloned()
                    .collect::<Vec<_>>(),
            );
        }
        Ok(())
    }

    /// The primary key that is grouped by, if it is that of the column's table.
    fn determined_by(&self, column: &Column, grouped: &[&Expr]) -> Option<Oid> {
        let origins = self.shared.origins.borrow();
        let origin = *origins.get(column)?;
        let table = self.scope.context.snapshot.relation(origin.relation)?;
        let key = table.constraints.primary()?;
        let is_grouped = |attnum: i16| {
            grouped.iter().any(|expr| match expr {
                Expr::Column(other) => {
                    other.relation == column.relation
                        && origins.get(other) == Some(&Origin { attnum, ..origin })
                }
                _ => false,
            })
        };
        // One that may be broken for a while says nothing.
        let sound = !key.timing.is_deferrable() && key.columns().all(is_grouped);
        sound.then_some(key.constraint).flatten()
    }
}
