//! Every fixed bound of the system: name, unit, value and why. What an operator may change is in
//! `config.toml` instead.

/// Blocks, loops and conditions of PL/pgSQL inside each other: each is a call of the interpreter.
pub const BLOCK_DEPTH_MAX: usize = 50;
/// Bytes of a name (PostgreSQL's NAMEDATALEN - 1).
pub const NAME_BYTES_MAX: usize = 63;
/// Bytes of one frame before login: startup packets and passwords are small, attackers' are not.
pub const PRE_LOGIN_FRAME_BYTES_MAX: usize = 16 * 1024;
/// Bytes of a statement's text.
pub const STATEMENT_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Tokens of one statement, checked before parsing.
pub const STATEMENT_TOKENS_MAX: usize = 1_000_000;
/// Stack of a thread that handles statements. What the bounds below let through is parsed, cloned,
/// planned and dropped recursively; the memory is only touched by those who nest that deep.
pub const THREAD_STACK_BYTES: usize = 32 * 1024 * 1024;
/// Depth of nested expressions, subqueries and set operations.
pub const EXPRESSION_DEPTH_MAX: usize = 400;
/// Terms joined by AND, OR or UNION in one expression: planning time grows faster than linearly
/// with them.
pub const EXPRESSION_TERMS_MAX: usize = 4_000;
/// Other operators in a row, which cannot be regrouped into a balanced tree as AND and OR can.
pub const EXPRESSION_CHAIN_MAX: usize = 400;
/// UNIONs, INTERSECTs and EXCEPTs of one statement: a chain of them nests as deep as it is long.
pub const SET_OPERATIONS_MAX: usize = 500;
/// Depth of subqueries inside expressions of each other: the optimizer looks at every one once for
/// each it is in, and at those in it again.
pub const SUBQUERY_DEPTH_MAX: usize = 16;
/// Operators and parts of expressions of one statement's plan, with all it is made of in place:
/// views can double with each other.
pub const PLAN_PARTS_MAX: usize = 400_000;
/// Parts of an expression that is put in several places: the operand of BETWEEN, NULLIF, CASE.
pub const REPEATED_PARTS_MAX: usize = 20_000;
/// Joins of one statement's plan, those that subqueries become included: statistics are derived
/// for every one from all below it.
pub const PLAN_JOINS_MAX: usize = 400;
/// How long one statement may be planned, in time its thread computes; what the bounds above let
/// through takes a fraction of it, unless it was made to take longer.
pub const PLANNING_TIME_MAX: std::time::Duration = std::time::Duration::from_secs(4);
/// Columns of a table (PostgreSQL's MaxHeapAttributeNumber).
pub const TABLE_COLUMNS_MAX: usize = 1_600;
/// Columns of a view or a result (PostgreSQL's MaxTupleAttributeNumber is 1,664).
pub const COLUMNS_MAX: usize = 1_664;
/// Parameters of one statement: the protocol counts them in 16 bits.
pub const PARAMETERS_MAX: usize = 65_535;
/// Bytes of a NOTIFY payload (PostgreSQL: 8,000 exclusive).
pub const NOTIFY_PAYLOAD_BYTES_MAX: usize = 7_999;
/// Notices waiting in one session's mailbox before the session is told and disconnected.
pub const MAILBOX_NOTICES_MAX: usize = 10_000;
/// Functions that call functions amid queries: each holds a thread.
pub const CALL_DEPTH_MAX: usize = 100;
/// Threads that calls amid queries may hold, of all sessions together.
pub const WAITING_CALLS_MAX: usize = 4_000;
/// How deep views may stand on views.
pub const VIEW_DEPTH_MAX: usize = 32;
/// Bytes of output collected before they are written to the socket.
pub const FLUSH_BYTES: usize = 64 * 1024;
/// Rows within rows: every level doubles the quotes of a row's text.
pub const ROW_DEPTH_MAX: usize = 20;
/// Bytes of the text of a row.
pub const ROW_TEXT_BYTES_MAX: usize = 128 * 1024 * 1024;
/// Bytes of uncommitted rows a transaction keeps in memory for one table before they become a file.
pub const MEMORY_SEGMENT_BYTES_MAX: usize = 32 * 1024 * 1024;
/// Rows of one Parquet row group (DuckDB's and DuckLake's customary size).
pub const ROW_GROUP_ROWS: usize = 122_880;
/// Bytes of rows in memory after which a row group ends earlier: its encoded columns are kept until
/// it does.
pub const ROW_GROUP_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// Rows of one segment at most; a bulk load larger than this becomes several.
pub const SEGMENT_ROWS_MAX: usize = 8 * ROW_GROUP_ROWS;
