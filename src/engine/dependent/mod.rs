//! Subqueries that depend on the row around them, run row by row where nothing better is known.
//!
//! DataFusion turns some correlated subqueries into joins, and `semantics::apply` more of them.
//! What is left becomes a dependent join: for every different set of values the subquery refers
//! to, its plan is run with these values in it, and the answer is remembered. That is slow for many
//! different values, and right for every subquery, however deep it refers outwards.

mod exec;
mod lower;
mod node;
mod plan;

pub(super) use exec::{DependentPlanner, optimised};
pub(super) use node::inner;
pub(super) use plan::{is_volatile, refers_from_inside};
