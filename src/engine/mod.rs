//! The DataFusion adapter: text to plan to rows. DataFusion is a planner library and an executor
//! here, never the session layer.
//!
//! parse → bind → (privileges) → expand → analyse → optimise → execute

pub mod aggregate_definition;
mod analyze;
mod barrier;
#[cfg(test)]
mod bench;
mod bind;
pub mod command;
mod constant;
pub mod copy;
pub mod definition;
mod dependent;
pub mod dml;
mod error;
mod execute;
mod expand;
mod explain;
mod expression_kind;
mod fold;
mod foreign;
mod guard;
mod layout;
mod local;
mod memory;
mod numeric;
pub mod parse;
mod planning;
pub mod plpgsql;
mod recipe;
mod routine;
pub mod routine_definition;
mod rows;
mod rules;
mod runtime;
mod scan;
mod scans;
mod scope;
mod semantics;
mod shared;
mod source;
#[cfg(test)]
mod tests;
pub mod value_definition;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use dashmap::DashMap;
use datafusion::execution::SessionState;
use datafusion::logical_expr::LogicalPlan;
use sqlparser::ast;

use self::plpgsql::{Block, Returns};
use crate::base::{Oid, Result, Version};
use crate::observe::Interrupt;
use crate::privileges::{Authorized, Need};
use crate::statement::{ServerFiles, StatementContext};
use crate::types::PgType;

use memory::ServerPool;

pub(crate) use analyze::is_call;
pub use analyze::{SYSTEM_COLUMNS, Support, signature, suggested_name};
pub use command::{Command, Direction, ExplainOptions, Scroll, Statement};
pub use dml::{
    AfterEvent, Asked, BoundDml, ChangedRows, DmlKind, DmlResult, Gone, NamedTable, Orphan,
    Touched, assign_to, assigned, check_assignable, is_assignable, is_literal, reworded_condition,
    shaped, typed_default, view_base,
};
pub use explain::Explanation;
pub use expression_kind::ExpressionKind;
pub use guard::is_row_security_active;
pub use layout::laid_out;
pub use parse::{
    ARGUMENT, CurrentOf, FieldNames, TYPE_OF, TypeName, capital_value, check_plpgsql, condition,
    locate, original_position, parse, parse_expression, parse_nonstandard, parse_plpgsql,
    parse_query, redirect, rename_column, settle_default, subscripted, with_condition,
    without_void, written_type,
};
pub(crate) use parse::{fold, object_name};
pub use recipe::view_definition;
pub use routine::{
    BoundCall, Callee, check_runs, command_words, in_body, input_types, returned, statements,
};
pub use rows::Rows;

/// Name of the only database.
pub(crate) const DATABASE_NAME: &str = "commons";

/// What the engine may use.
#[derive(Debug, Clone)]
pub struct Options {
    /// Bytes all queries together may reserve.
    pub memory_bytes: usize,
    /// Threads that plan and execute.
    pub threads: usize,
    /// Where operators spill.
    pub temp_dir: PathBuf,
    /// Folders server files may be read from (foreign tables); empty: any the operating system lets
    /// us.
    pub file_roots: Vec<PathBuf>,
    /// Folders whose files COPY may read and write.
    pub copy_roots: Vec<PathBuf>,
}

/// The engine: a runtime with big stacks, a memory pool, function registries. Shared by all
/// sessions.
#[derive(Debug)]
pub struct Engine {
    options: Options,
    files: ServerFiles,
    /// Taken when the engine goes away.
    runtime: Option<tokio::runtime::Runtime>,
    /// What every statement's planning state starts from.
    template: SessionState,
    memory: Arc<ServerPool>,
    /// Bodies of views, by their text: parsed once.
    parses: DashMap<String, Arc<ast::Query>>,
    /// Bodies in PL/pgSQL, by the names and texts of their functions and what those give back.
    blocks: DashMap<(String, String, Returns), Arc<Block>>,
    /// Hashes of the keys of segments, for unique indexes.
    keys: Arc<dml::KeyCache>,
}

/// A column of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutputColumn {
    /// Name, as PostgreSQL would name it; names may repeat.
    pub name: String,
    /// Type.
    pub ty: PgType,
    /// The table it comes from unchanged, or [`Oid::INVALID`].
    pub table: Oid,
    /// The column's number in that table, or 0.
    pub attnum: i16,
}

/// A query with its names resolved: what it reads and what it answers, views still named.
#[derive(Debug, Clone)]
pub struct Bound {
    /// The plan; views are opaque scans. Its output has unique internal names; [`Bound::columns`]
    /// has the real ones.
    pub plan: LogicalPlan,
    /// What it needs.
    pub needs: Vec<Need>,
    /// Types of $1, $2, …
    pub parameters: Vec<PgType>,
    /// What it answers.
    pub columns: Vec<OutputColumn>,
    /// The relations it reads directly (for view dependencies), without system relations.
    pub reads: Vec<Oid>,
    /// The columns of relations that it names, also by `*`.
    pub names: BTreeSet<(Oid, i16)>,
    /// The first parameter that nothing here says the type of.
    pub(crate) undetermined: Option<usize>,
    /// The primary keys without which it would not be valid, as constraints.
    pub keys: BTreeSet<Oid>,
    /// Where it calls users' functions by their bare names, and these with their schemas.
    pub(crate) called: Vec<(sqlparser::tokenizer::Span, (Oid, String))>,
    /// The expressions that are kept, written out; `None` for those that are not.
    pub(crate) deparsed: Vec<Option<analyze::Deparsed>>,
    /// For whom rows of its tables are hidden.
    pub(crate) role: Oid,
    /// The table whose policy it is of: that cannot be read for it.
    pub(crate) of_policy: Option<Oid>,
    /// The catalog it was bound in; another version means: bind again.
    pub version: Version,
}

impl Engine {
    /// Resolves the names of a query. `declared` are the client's parameter types; they win over
    /// inferred ones. Runs on the engine's runtime, bounded in size, depth and time.
    ///
    /// # Errors
    /// PostgreSQL's for anything the query does wrong; `0A000` for what commons does not do.
    pub async fn bind(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: &ast::Query,
        declared: &[Option<PgType>],
    ) -> Result<Bound> {
        if let Some(bound) = self.bind_constant(context, query, declared) {
            return bound;
        }
        let bound = self.bind_with(context, query, declared, &[]).await?;
        bind::check_determined(&bound)?;
        Ok(bound)
    }

    /// Runs a permitted query: expands views as their owners, analyses, optimises, executes on the
    /// engine's runtime. The answer streams; dropping it stops the work. `parameters` is one
    /// single-row array per parameter, typed by
    /// `Bound::parameters`.
    ///
    /// # Errors
    /// As [`Engine::bind`], and `42501` if a view's owner may not read what the view reads.
    pub async fn execute(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Authorized<Bound>,
        parameters: &[arrow::array::ArrayRef],
        interrupt: &Interrupt,
    ) -> Result<Rows> {
        self.start(context, query.into_inner(), parameters, interrupt)
            .await
    }

    /// EXPLAIN: the plan; with ANALYZE the query runs and its rows are thrown away.
    ///
    /// # Errors
    /// As [`Engine::execute`].
    pub async fn explain(
        self: &Arc<Self>,
        context: &Arc<StatementContext>,
        query: Authorized<Bound>,
        parameters: &[arrow::array::ArrayRef],
        options: &ExplainOptions,
        interrupt: &Interrupt,
    ) -> Result<Explanation> {
        let query = query.into_inner();
        self.explanation(context, query, parameters, options, interrupt)
            .await
    }
}
