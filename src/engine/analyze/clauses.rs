//! Clauses of a SELECT that are not PostgreSQL's.

use sqlparser::ast::Select;

use crate::base::limits::EXPRESSION_DEPTH_MAX;
use crate::base::{Error, Result, SqlState};

/// Refuses them, and more relations than one query may join.
pub(super) fn check(select: &Select) -> Result<()> {
    let refused = [
        (select.top.is_some(), "SELECT TOP"),
        (select.exclude.is_some(), "SELECT * EXCLUDE"),
        (select.select_modifiers.is_some(), "a modifier of SELECT"),
        (!select.lateral_views.is_empty(), "LATERAL VIEW"),
        (select.prewhere.is_some(), "PREWHERE"),
        (!select.connect_by.is_empty(), "CONNECT BY"),
        (!select.cluster_by.is_empty(), "CLUSTER BY"),
        (!select.distribute_by.is_empty(), "DISTRIBUTE BY"),
        (!select.sort_by.is_empty(), "SORT BY"),
        (select.qualify.is_some(), "QUALIFY"),
        (select.value_table_mode.is_some(), "SELECT AS VALUE"),
    ];
    if let Some((_, what)) = refused.into_iter().find(|(present, _)| *present) {
        return Err(Error::unsupported(what));
    }
    if select.into.is_some() {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "SELECT ... INTO is not allowed here",
        ));
    }
    let relations: usize = select.from.iter().map(|from| 1 + from.joins.len()).sum();
    if relations > EXPRESSION_DEPTH_MAX {
        return Err(Error::new(
            SqlState::STATEMENT_TOO_COMPLEX,
            format!("a query can join at most {EXPRESSION_DEPTH_MAX} relations"),
        ));
    }
    Ok(())
}
