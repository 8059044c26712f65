//! OIDs to names and back: regclass, regtype, regproc, regnamespace, regrole.

use std::sync::Arc;

use crate::base::{Oid, Result};
use crate::statement::StatementContext;
use crate::types::PgType;
use crate::types::text::RegNames;

/// Prints OIDs as names the way PostgreSQL's `regclassout` and its kin do: qualified only if not visible.
#[derive(Debug, Clone)]
pub struct Names {
    context: Arc<StatementContext>,
}

impl Names {
    /// Names as seen by a statement.
    pub fn new(context: Arc<StatementContext>) -> Self {
        Self { context }
    }
}

impl RegNames for Names {
    fn name(&self, reg: PgType, oid: Oid) -> Option<String> {
        let _ = (&self.context, reg, oid);
        todo!()
    }
}

/// Reads a name (or number) as an OID of type `reg`: `'team.delays'::regclass`.
///
/// # Errors
/// `42P01`, `42704`, `3F000`, `42883`: no such object.
pub fn parse_reg(context: &StatementContext, reg: PgType, text: &str) -> Result<Oid> {
    let _ = (context, reg, text);
    todo!()
}
