//! Joins: conditions, USING and NATURAL, what stands to the left of LATERAL.

use std::sync::Arc;

use datafusion::common::{Column, JoinType};
use datafusion::logical_expr::{Expr, LogicalPlan, LogicalPlanBuilder, Subquery};
use sqlparser::ast::{self, JoinConstraint, JoinOperator, TableWithJoins};

use super::from::{Source, part};
use super::join_queries::JoinCondition;
use super::level::{Clause, Level, Named, Relation};
use super::query::project;
use super::typed::{Typed, and, boolean, case};
use super::{Analyst, Converted};
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::{JOIN_ALIAS, fold};

impl Analyst<'_> {
    /// An item of FROM: a relation and what is joined to it.
    pub(super) fn joined(&self, level: &Level<'_>, item: &TableWithJoins) -> Result<Source> {
        let mut left = self.factor(level, &item.relation)?;
        for join in &item.joins {
            if join.global {
                return Err(Error::unsupported("GLOBAL JOIN"));
            }
            let right = self.beside(level, &left, || self.factor(level, &join.relation))?;
            left = self.join(level, left, right, &join.join_operator)?;
            for relation in &mut left.relations {
                relation.is_joined = true;
            }
        }
        Ok(left)
    }

    /// `left, right`
    pub(super) fn crossed(&self, level: &Level<'_>, left: Source, right: Source) -> Result<Source> {
        self.join(
            level,
            left,
            right,
            &JoinOperator::CrossJoin(JoinConstraint::None),
        )
    }

    fn join(
        &self,
        level: &Level<'_>,
        mut left: Source,
        mut right: Source,
        operator: &JoinOperator,
    ) -> Result<Source> {
        let (join_type, constraint) = match operator {
            JoinOperator::Join(constraint) | JoinOperator::Inner(constraint) => {
                (JoinType::Inner, constraint)
            }
            JoinOperator::Left(constraint) | JoinOperator::LeftOuter(constraint) => {
                (JoinType::Left, constraint)
            }
            JoinOperator::Right(constraint) | JoinOperator::RightOuter(constraint) => {
                (JoinType::Right, constraint)
            }
            JoinOperator::FullOuter(constraint) => (JoinType::Full, constraint),
            JoinOperator::CrossJoin(JoinConstraint::None) => {
                (JoinType::Inner, &JoinConstraint::None)
            }
            _ => return Err(Error::unsupported("this kind of join")),
        };
        let is_cross = matches!(operator, JoinOperator::CrossJoin(_));
        if matches!(constraint, JoinConstraint::None) && !is_cross {
            let error = Error::new(SqlState::SYNTAX_ERROR, "syntax error behind JOIN");
            return Err(error.hint("A join has ON or USING; only CROSS JOIN has no condition."));
        }
        for relation in &right.relations {
            if left
                .relations
                .iter()
                .any(|known| known.name == relation.name && same_schema(known, relation))
            {
                return Err(specified_twice(&relation.name));
            }
        }
        if matches!(join_type, JoinType::Right | JoinType::Full) {
            self.refuse_recursion(&left.plan, "an outer join")?;
            self.mark(&mut left)?;
        }
        if matches!(join_type, JoinType::Left | JoinType::Full) {
            self.refuse_recursion(&right.plan, "an outer join")?;
            self.mark(&mut right)?;
        }
        let from_left = |reference: &Expr| {
            matches!(reference, Expr::OuterReferenceColumn(_, column)
                if left.plan.schema().maybe_index_of_column(column).is_some())
        };
        let tied = right.outer.iter().any(from_left);
        if tied && !matches!(join_type, JoinType::Inner | JoinType::Left) {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "invalid reference to FROM-clause entry for table \"{}\"",
                    left.relations.first().map_or("", |relation| &relation.name)
                ),
            )
            .detail("The combining JOIN type must be INNER or LEFT for a LATERAL reference."));
        }
        level.note(
            right
                .outer
                .iter()
                .filter(|reference| !from_left(reference))
                .cloned(),
        );
        let mut outer = left.outer.clone();
        outer.extend(
            right
                .outer
                .iter()
                .filter(|reference| !from_left(reference))
                .cloned(),
        );

        let mut relations: Vec<Relation> = left
            .relations
            .iter()
            .chain(&right.relations)
            .cloned()
            .collect();
        let mut shared: Vec<String> = match constraint {
            JoinConstraint::Using(names) => names
                .iter()
                .map(|name| name.0.iter().map(part).collect::<Vec<_>>().join("."))
                .collect(),
            JoinConstraint::Natural => left
                .columns
                .iter()
                .filter(|column| right.columns.iter().any(|other| other.name == column.name))
                .map(|column| column.name.clone())
                .collect(),
            JoinConstraint::On(_) | JoinConstraint::None => Vec::new(),
        };
        let alias = shared.last().and_then(|last| last.strip_prefix(JOIN_ALIAS));
        let alias = alias.map(str::to_owned);
        if alias.is_some() {
            shared.pop();
        }
        let twice = (1..shared.len()).find(|at| shared[..*at].contains(&shared[*at]));
        if let (Some(at), JoinConstraint::Using(_)) = (twice, constraint) {
            let message = format!(
                "column name \"{}\" appears more than once in USING clause",
                shared[at]
            );
            return Err(Error::new(SqlState::DUPLICATE_COLUMN, message));
        }
        let (columns, equal) = self.merged(&left, &right, &shared, join_type)?;
        if let Some(alias) = &alias
            && relations.iter().any(|known| known.name == *alias)
        {
            return Err(specified_twice(alias));
        }
        let condition = match constraint {
            JoinConstraint::On(condition) => {
                let together = Source {
                    plan: left.plan.clone(),
                    relations: relations.clone(),
                    columns: columns.clone(),
                    outer: Vec::new(),
                    order: Vec::new(),
                };
                let condition = self.beside(level, &together, || {
                    level.within(Clause::On, || {
                        let value = self.expression(level, condition)?;
                        self.condition(value, "JOIN/ON")
                    })
                })?;
                Some(condition)
            }
            JoinConstraint::Using(_) | JoinConstraint::Natural => equal,
            JoinConstraint::None => None,
        };
        let mut right_plan = if tied {
            LogicalPlan::Subquery(Subquery {
                subquery: Arc::new(right.plan),
                outer_ref_columns: right.outer,
                spans: Default::default(),
            })
        } else {
            right.plan
        };
        let sides: Vec<Expr> = [&left.plan, &right_plan]
            .into_iter()
            .flat_map(|plan| {
                plan.schema()
                    .iter()
                    .take(4)
                    .map(Expr::from)
                    .collect::<Vec<_>>()
            })
            .collect();
        let condition = match condition {
            Some(condition) => self.tied(condition, &sides)?,
            None => None,
        };
        let sides = (&mut left.plan, &mut right_plan);
        let JoinCondition { on, then, beside } = match condition {
            Some(condition) => self.without_queries(condition, join_type, sides)?,
            None => JoinCondition::default(),
        };
        let built = |builder: datafusion::error::Result<LogicalPlanBuilder>| {
            builder.and_then(LogicalPlanBuilder::build).converted()
        };
        let plan = match (beside, on, join_type) {
            (Some(condition), _, JoinType::Right) => {
                self.joined_beside(right_plan, left.plan, condition)?
            }
            (Some(condition), ..) => self.joined_beside(left.plan, right_plan, condition)?,
            (None, None, JoinType::Inner) => {
                built(LogicalPlanBuilder::from(left.plan).cross_join(right_plan))?
            }
            (None, condition, join_type) => {
                let condition = condition.unwrap_or_else(|| boolean(Some(true)));
                let builder = LogicalPlanBuilder::from(left.plan);
                built(builder.join_on(right_plan, join_type, [condition]))?
            }
        };
        let plan = match then {
            Some(condition) => self.filtered(plan, condition)?,
            None => plan,
        };
        let supplied = match join_type {
            JoinType::Left => left.relations.len()..relations.len(),
            JoinType::Right => 0..left.relations.len(),
            JoinType::Full => 0..relations.len(),
            _ => 0..0,
        };
        for relation in &mut relations[supplied] {
            relation.null_supplied = true;
        }
        if let Some(alias) = alias {
            relations.push(Relation::of_columns(
                alias,
                columns[..shared.len()].to_vec(),
            ));
        }
        Ok(Source {
            plan,
            relations,
            columns,
            outer,
            order: Vec::new(),
        })
    }

    /// Adds a column that tells the rows of a side of an outer join from those without it, where
    /// no column of its relations does.
    fn mark(&self, side: &mut Source) -> Result<()> {
        let mut unsure = side
            .relations
            .iter_mut()
            .filter(|relation| relation.certain.is_none() && !relation.scalar)
            .peekable();
        if unsure.peek().is_none() {
            return Ok(());
        }
        let there = self.with_column(&mut side.plan, "there", boolean(Some(true)))?;
        for relation in unsure {
            relation.certain = Some(Typed::bool(there.clone()));
        }
        Ok(())
    }

    /// Adds a value to a plan as a column that no user names; gives the column.
    pub(super) fn with_column(
        &self,
        plan: &mut LogicalPlan,
        what: &str,
        value: Expr,
    ) -> Result<Expr> {
        let name = format!("\0{what}{}", self.number());
        let mut exprs: Vec<Expr> = plan.schema().iter().map(Expr::from).collect();
        exprs.push(value.alias(&name));
        *plan = project(exprs, plan.clone())?;
        let column = Column::from_name(&name);
        let field = plan.schema().field_with_unqualified_name(&name);
        let field = field.converted()?.clone();
        self.register(&column, &field, name);
        Ok(Expr::Column(column))
    }

    /// The columns of a join, and the condition that shared ones are equal.
    fn merged(
        &self,
        left: &Source,
        right: &Source,
        shared: &[String],
        join_type: JoinType,
    ) -> Result<(Vec<Named>, Option<Expr>)> {
        let mut columns = Vec::with_capacity(left.columns.len() + right.columns.len());
        let mut condition: Option<Expr> = None;
        for name in shared {
            let (a, b) = (
                only(&left.columns, name, "left")?,
                only(&right.columns, name, "right")?,
            );
            self.note_names([a, b]);
            let (a, b) = (a.value.clone(), b.value.clone());
            let equal = self.operate("=", a.clone(), b.clone())?.expr;
            condition = Some(match condition {
                Some(so_far) => and(so_far, equal),
                None => equal,
            });
            let ty = self.common_type(&[&a, &b], "JOIN/USING")?;
            let (a, b) = (self.coerced(a, ty)?, self.coerced(b, ty)?);
            let value = match join_type {
                JoinType::Right => b,
                JoinType::Full => {
                    let mut both = self.one_type(vec![a, b], ty)?;
                    let (b, a) = (both.remove(1), both.remove(0));
                    let there = a.expr.clone().is_not_null();
                    Typed::new(case(vec![(there, a.expr)], Some(b.expr)), ty)
                }
                _ => a,
            };
            columns.push(Named {
                name: name.clone(),
                value,
            });
        }
        let rest = left.columns.iter().chain(&right.columns);
        columns.extend(
            rest.filter(|column| !shared.contains(&column.name))
                .cloned(),
        );
        Ok((columns, condition))
    }

    /// `(a JOIN b) AS alias`: only the alias names its columns.
    pub(super) fn join_alias(&self, source: Source, alias: &ast::TableAlias) -> Result<Source> {
        let name = fold(&alias.name);
        let mut columns = source.columns;
        if alias.columns.len() > columns.len() {
            return Err(Error::new(
                SqlState::INVALID_COLUMN_REFERENCE,
                format!(
                    "join expression \"{name}\" has {} columns available but {} columns specified",
                    columns.len(),
                    alias.columns.len()
                ),
            ));
        }
        for (column, rename) in columns.iter_mut().zip(&alias.columns) {
            column.name = fold(&rename.name);
        }
        Ok(Source {
            relations: vec![Relation {
                // Its row is written out of its columns, and is there without them, too.
                certain: Some(Typed::bool(boolean(Some(true)))),
                ..Relation::of_columns(name, columns.clone())
            }],
            columns,
            ..source
        })
    }
}

/// `42712`
fn specified_twice(name: &str) -> Error {
    let message = format!("table name \"{name}\" specified more than once");
    Error::new(SqlState::DUPLICATE_ALIAS, message)
}

/// Two relations of one name may stand beside one another if their schemas differ.
fn same_schema(a: &Relation, b: &Relation) -> bool {
    let schema = |relation: &Relation| {
        relation
            .schema
            .clone()
            .filter(|schema| !schema.starts_with('\0'))
    };
    match (schema(a), schema(b)) {
        (Some(a), Some(b)) => a == b,
        _ => true,
    }
}

/// The one column of a name on a side of USING.
fn only<'n>(columns: &'n [Named], name: &str, side: &str) -> Result<&'n Named> {
    let mut found = columns.iter().filter(|column| column.name == name);
    match (found.next(), found.next()) {
        (Some(column), None) => Ok(column),
        (Some(_), Some(_)) => Err(Error::new(
            SqlState::AMBIGUOUS_COLUMN,
            format!("common column name \"{name}\" appears more than once in {side} table"),
        )),
        (None, _) => Err(Error::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{name}\" specified in USING clause does not exist in {side} table"),
        )),
    }
}
