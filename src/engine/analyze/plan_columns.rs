//! The columns of the plan: what each is, and what the user calls it.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, FieldRef};
use datafusion::common::tree_node::{Transformed, TreeNode};
use datafusion::common::{Column, DFSchema, TableReference};
use datafusion::logical_expr::Expr;
use datafusion::logical_expr::expr::{Exists, InSubquery};

use super::{Analyst, Converted};
use crate::base::Result;

impl Analyst<'_> {
    /// An expression over a query's columns as a subquery of it sees them; the references are
    /// added to `references`.
    pub(super) fn as_outer(&self, expr: Expr, references: &mut Vec<Expr>) -> Result<Expr> {
        self.as_outer_where(expr, references, |_| true)
    }

    /// As [`Self::as_outer`], for those of the columns of which it `is` so.
    pub(super) fn as_outer_where(
        &self,
        expr: Expr,
        references: &mut Vec<Expr>,
        is: impl Fn(&Column) -> bool,
    ) -> Result<Expr> {
        let mut note = |outer: &Expr| {
            if !references.contains(outer) {
                references.push(outer.clone());
            }
        };
        let transformed = expr
            .transform(|part| {
                let outer = match part {
                    Expr::Column(column) if !is(&column) => {
                        return Ok(Transformed::no(Expr::Column(column)));
                    }
                    Expr::Column(column) => {
                        let field = self.field_of(&column);
                        Expr::OuterReferenceColumn(field, column)
                    }
                    part @ Expr::OuterReferenceColumn(..) => part,
                    part => {
                        // What a subquery refers to is further out now.
                        if let Expr::ScalarSubquery(subquery)
                        | Expr::Exists(Exists { subquery, .. })
                        | Expr::InSubquery(InSubquery { subquery, .. }) = &part
                        {
                            subquery.outer_ref_columns.iter().for_each(&mut note);
                        }
                        return Ok(Transformed::no(part));
                    }
                };
                note(&outer);
                Ok(Transformed::yes(outer))
            })
            .converted()?;
        Ok(transformed.data)
    }

    /// Remembers what a column of the plan is and what the user calls it.
    pub(super) fn register(&self, column: &Column, field: &FieldRef, shown: String) {
        self.shared
            .columns
            .borrow_mut()
            .insert(column.clone(), (field.clone(), shown));
    }

    /// The field of a column of the plan.
    pub(super) fn field_of(&self, column: &Column) -> FieldRef {
        self.shared.columns.borrow().get(column).map_or_else(
            || Arc::new(Field::new(column.name(), DataType::Null, true)),
            |(field, _)| field.clone(),
        )
    }

    /// What the user calls a column of the plan.
    pub(super) fn shown(&self, column: &Column) -> String {
        self.shared.columns.borrow().get(column).map_or_else(
            || {
                column
                    .name
                    .split('\0')
                    .next()
                    .unwrap_or_default()
                    .to_owned()
            },
            |(_, shown)| shown.clone(),
        )
    }

    /// A schema of every column an expression may refer to, for asking its type.
    pub(super) fn schema_for(&self, exprs: &[&Expr]) -> Result<DFSchema> {
        let mut fields: Vec<(Option<TableReference>, FieldRef)> = Vec::new();
        let columns = self.shared.columns.borrow();
        for expr in exprs {
            for column in expr.column_refs() {
                let known = fields.iter().any(|(relation, field)| {
                    *relation == column.relation && field.name() == &column.name
                });
                if !known && let Some((field, _)) = columns.get(column) {
                    let field = field.as_ref().clone().with_name(&column.name);
                    fields.push((column.relation.clone(), Arc::new(field)));
                }
            }
        }
        DFSchema::new_with_metadata(fields, HashMap::new()).converted()
    }
}
