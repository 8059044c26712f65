//! The table of settings: PostgreSQL 15's names, categories, contexts and defaults, for those that
//! clients use.
//!
//! Sorted by lower-cased name, because look-ups search it by halves.

use super::Context;
use super::Kind::{self, Bool, Enum, List, Text};
use super::Setting;

const BEHAVIOR: &str = "Client Connection Defaults / Statement Behavior";
const LOCALE: &str = "Client Connection Defaults / Locale and Formatting";
const OTHER: &str = "Client Connection Defaults / Other Defaults";
const CONNECTION: &str = "Connections and Authentication / Connection Settings";
const AUTHENTICATION: &str = "Connections and Authentication / Authentication";
const SSL: &str = "Connections and Authentication / SSL";
const PRESET: &str = "Preset Options";
const METHOD: &str = "Query Tuning / Planner Method Configuration";
const COST: &str = "Query Tuning / Planner Cost Constants";
const PLANNER: &str = "Query Tuning / Other Planner Options";
const GENETIC: &str = "Query Tuning / Genetic Query Optimizer";
const MEMORY: &str = "Resource Usage / Memory";
const DISK: &str = "Resource Usage / Disk";
const ASYNC: &str = "Resource Usage / Asynchronous Behavior";
const WHEN: &str = "Reporting and Logging / When to Log";
const WHAT: &str = "Reporting and Logging / What to Log";
const PREVIOUS: &str = "Version and Platform Compatibility / Previous PostgreSQL Versions";
const CLIENTS: &str = "Version and Platform Compatibility / Other Platforms and Clients";
const WAL: &str = "Write-Ahead Log / Settings";
const LOCKS: &str = "Lock Management";
const STATISTICS: &str = "Statistics / Cumulative Query and Index Statistics";
const ERRORS: &str = "Error Handling";
const DEVELOPER: &str = "Developer Options";
const MONITORING: &str = "Statistics / Monitoring";
const PRELOAD: &str = "Client Connection Defaults / Shared Library Preloading";
const TITLE: &str = "Reporting and Logging / Process Title";
const VACUUM: &str = "Resource Usage / Cost-Based Vacuum Delay";
const SENDING: &str = "Replication / Sending Servers";

/// PostgreSQL's integers have 32 bits.
const INT_MAX: i64 = i32::MAX as i64;
const TIMEOUT: Kind = integer(0, INT_MAX, "ms");
const ISOLATION: Kind = Enum(&[
    "serializable",
    "repeatable read",
    "read committed",
    "read uncommitted",
]);
const CLIENT_LEVEL: Kind = Enum(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "log", "notice", "warning", "error",
]);
const LEVEL: Kind = Enum(&[
    "debug5", "debug4", "debug3", "debug2", "debug1", "info", "notice", "warning", "error", "log",
    "fatal", "panic",
]);

const fn integer(min: i64, max: i64, unit: &'static str) -> Kind {
    Kind::Integer { min, max, unit }
}

const fn real(min: f64, max: f64, unit: &'static str) -> Kind {
    Kind::Real { min, max, unit }
}

/// One entry a setting: `"name" = default, context, category, kind, "description";`, with
/// `reported` in front if the client is told of changes.
macro_rules! settings {
    (@reported reported) => { true };
    (@reported) => { false };
    ($($($reported:ident)? $name:literal = $default:expr, $context:ident, $category:ident,
        $kind:expr, $description:literal;)*) => {
        pub(super) const TABLE: &[Setting] = &[$(Setting {
            name: $name,
            default: $default,
            description: $description,
            category: $category,
            context: Context::$context,
            kind: $kind,
            reported: settings!(@reported $($reported)?),
        }),*];
    };
}

/// Begins with PostgreSQL's number, because clients read it there.
const SERVER_VERSION: &str = concat!("15.13 (commons ", env!("CARGO_PKG_VERSION"), ")");

settings! {
    "allow_in_place_tablespaces" = "off", Superuser, DEVELOPER, Bool,
        "Accepted without effect.";
    "allow_system_table_mods" = "off", Superuser, DEVELOPER, Bool,
        "Accepted without effect.";
    reported "application_name" = "", User, WHAT, Text,
        "Name of the client's program, shown in pg_stat_activity and in logs.";
    "array_nulls" = "on", User, PREVIOUS, Bool,
        "Whether NULL without quotes in the text of an array means a null element.";
    "backend_flush_after" = "0", User, ASYNC, integer(0, 256, "8kB"),
        "Accepted without effect.";
    "backslash_quote" = "safe_encoding", User, PREVIOUS, Enum(&["safe_encoding", "on", "off"]),
        "Whether \\' may stand for a quote in escape strings.";
    "backtrace_functions" = "", Superuser, DEVELOPER, Text,
        "Accepted without effect.";
    "block_size" = "8192", Internal, PRESET, integer(8192, 8192, ""),
        "Size of a disk block in PostgreSQL, for clients that ask.";
    "bytea_output" = "hex", User, BEHAVIOR, Enum(&["escape", "hex"]),
        "Text format of bytea values.";
    "check_function_bodies" = "on", User, BEHAVIOR, Bool,
        "Whether a function's body is checked when the function is created.";
    "client_connection_check_interval" = "0", User, CONNECTION, TIMEOUT,
        "Accepted; a client that goes away always stops its query.";
    reported "client_encoding" = "UTF8", User, LOCALE, Text,
        "Encoding of what the client sends and receives; only UTF8 is spoken.";
    "client_min_messages" = "notice", User, BEHAVIOR, CLIENT_LEVEL,
        "Least level of the messages the client is sent.";
    "commit_delay" = "0", Superuser, WAL, integer(0, 100000, ""),
        "Accepted without effect: there is no log that is written ahead.";
    "commit_siblings" = "5", User, WAL, integer(0, 1000, ""),
        "Accepted without effect: there is no log that is written ahead.";
    "compute_query_id" = "auto", Superuser, MONITORING, Enum(&["auto", "regress", "on", "off"]),
        "Accepted without effect.";
    "constraint_exclusion" = "partition", User, PLANNER, Enum(&["partition", "on", "off"]),
        "Accepted without effect: segments are skipped by their statistics.";
    "cpu_index_tuple_cost" = "0.005", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    "cpu_operator_cost" = "0.0025", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    "cpu_tuple_cost" = "0.01", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    "cursor_tuple_fraction" = "0.1", User, PLANNER, real(0.0, 1.0, ""),
        "Accepted without effect on plans.";
    "data_checksums" = "off", Internal, PRESET, Bool,
        "Whether stored pages carry checksums.";
    reported "DateStyle" = "ISO, MDY", User, LOCALE, Text,
        "Format of dates and times, and order of day and month when read.";
    "deadlock_timeout" = "1s", Superuser, LOCKS, integer(1, INT_MAX, "ms"),
        "Accepted without effect: deadlocks are found when a lock is asked for.";
    "debug_discard_caches" = "0", Superuser, DEVELOPER, integer(0, 0, ""),
        "Accepted without effect.";
    "debug_pretty_print" = "on", User, WHAT, Bool,
        "Accepted without effect: plans are not logged.";
    "debug_print_parse" = "off", User, WHAT, Bool,
        "Accepted without effect: plans are not logged.";
    "debug_print_plan" = "off", User, WHAT, Bool,
        "Accepted without effect: plans are not logged.";
    "debug_print_rewritten" = "off", User, WHAT, Bool,
        "Accepted without effect: plans are not logged.";
    "default_statistics_target" = "100", User, PLANNER, integer(1, 10000, ""),
        "Accepted without effect: statistics are exact.";
    "default_table_access_method" = "heap", User, BEHAVIOR, Text,
        "How new tables are stored; there is one way, under PostgreSQL's usual name.";
    "default_tablespace" = "", User, BEHAVIOR, Text,
        "Where new tables are stored; there is one place.";
    "default_text_search_config" = "pg_catalog.english", User, LOCALE, Text,
        "Text search configuration used where none is named.";
    "default_toast_compression" = "pglz", User, BEHAVIOR, Enum(&["pglz", "lz4"]),
        "Accepted without effect: columns are compressed by their segments.";
    "default_transaction_deferrable" = "off", User, BEHAVIOR, Bool,
        "Whether new transactions are deferrable, which only matters to serializable ones.";
    "default_transaction_isolation" = "read committed", User, BEHAVIOR, ISOLATION,
        "Isolation level of new transactions.";
    reported "default_transaction_read_only" = "off", User, BEHAVIOR, Bool,
        "Whether new transactions are read-only.";
    "dynamic_library_path" = "$libdir", Superuser, OTHER, Text,
        "Accepted without effect: no libraries are loaded.";
    "effective_cache_size" = "4GB", User, COST, integer(1, INT_MAX, "8kB"),
        "Accepted without effect on plans.";
    "effective_io_concurrency" = "1", User, ASYNC, integer(0, 1000, ""),
        "Accepted without effect.";
    "enable_async_append" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_bitmapscan" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_gathermerge" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_hashagg" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_hashjoin" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_incremental_sort" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_indexonlyscan" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_indexscan" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_material" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_memoize" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_mergejoin" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_nestloop" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_parallel_append" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_parallel_hash" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_partition_pruning" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_partitionwise_aggregate" = "off", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_partitionwise_join" = "off", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_seqscan" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_sort" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "enable_tidscan" = "on", User, METHOD, Bool,
        "Accepted without effect on plans.";
    "escape_string_warning" = "on", User, PREVIOUS, Bool,
        "Accepted without effect: backslashes in plain strings are ordinary characters.";
    "exit_on_error" = "off", User, ERRORS, Bool,
        "Accepted without effect.";
    "extra_float_digits" = "1", User, LOCALE, integer(-15, 3, ""),
        "Digits of floating-point values: above 0 the shortest exact text.";
    "force_parallel_mode" = "off", User, DEVELOPER, Enum(&["off", "on", "regress"]),
        "Accepted without effect on plans.";
    "from_collapse_limit" = "8", User, PLANNER, integer(1, INT_MAX, ""),
        "Accepted without effect on plans.";
    "geqo" = "on", User, GENETIC, Bool,
        "Accepted without effect on plans.";
    "geqo_effort" = "5", User, GENETIC, integer(1, 10, ""),
        "Accepted without effect on plans.";
    "geqo_generations" = "0", User, GENETIC, integer(0, INT_MAX, ""),
        "Accepted without effect on plans.";
    "geqo_pool_size" = "0", User, GENETIC, integer(0, INT_MAX, ""),
        "Accepted without effect on plans.";
    "geqo_seed" = "0", User, GENETIC, real(0.0, 1.0, ""),
        "Accepted without effect on plans.";
    "geqo_selection_bias" = "2", User, GENETIC, real(1.5, 2.0, ""),
        "Accepted without effect on plans.";
    "geqo_threshold" = "12", User, GENETIC, integer(2, INT_MAX, ""),
        "Accepted without effect on plans.";
    "gin_fuzzy_search_limit" = "0", User, OTHER, integer(0, INT_MAX, ""),
        "Accepted without effect.";
    "gin_pending_list_limit" = "4MB", User, BEHAVIOR, integer(64, INT_MAX, "kB"),
        "Accepted without effect.";
    "hash_mem_multiplier" = "2", User, MEMORY, real(1.0, 1000.0, ""),
        "Accepted without effect: a query's memory is bounded by the server's budget.";
    "idle_in_transaction_session_timeout" = "0", User, BEHAVIOR, TIMEOUT,
        "How long a session may idle in a transaction before it is ended; 0 is for ever.";
    "idle_session_timeout" = "0", User, BEHAVIOR, TIMEOUT,
        "How long a session may idle outside a transaction before it is ended; 0 is for ever.";
    "ignore_checksum_failure" = "off", Superuser, DEVELOPER, Bool,
        "Accepted without effect.";
    reported "in_hot_standby" = "off", Internal, PRESET, Bool,
        "Whether the server is a standby.";
    reported "integer_datetimes" = "on", Internal, PRESET, Bool,
        "Whether times are integers in the protocol.";
    reported "IntervalStyle" = "postgres", User, LOCALE,
        Enum(&["postgres", "postgres_verbose", "sql_standard", "iso_8601"]),
        "Text format of intervals.";
    reported "is_superuser" = "off", Internal, PRESET, Bool,
        "Whether the current user is superuser.";
    "jit" = "on", User, PLANNER, Bool,
        "Accepted without effect.";
    "jit_above_cost" = "100000", User, COST, real(-1.0, f64::MAX, ""),
        "Accepted without effect.";
    "jit_dump_bitcode" = "off", Superuser, DEVELOPER, Bool,
        "Accepted without effect.";
    "jit_expressions" = "on", User, DEVELOPER, Bool,
        "Accepted without effect.";
    "jit_inline_above_cost" = "500000", User, COST, real(-1.0, f64::MAX, ""),
        "Accepted without effect.";
    "jit_optimize_above_cost" = "500000", User, COST, real(-1.0, f64::MAX, ""),
        "Accepted without effect.";
    "jit_tuple_deforming" = "on", User, DEVELOPER, Bool,
        "Accepted without effect.";
    "join_collapse_limit" = "8", User, PLANNER, integer(1, INT_MAX, ""),
        "Accepted without effect on plans.";
    "lc_collate" = "C", Internal, PRESET, Text,
        "Collation of the database: by code point.";
    "lc_ctype" = "C.UTF-8", Internal, PRESET, Text,
        "Character classes of the database.";
    "lc_messages" = "C", Superuser, LOCALE, Text,
        "Language of messages; there is one.";
    "lc_monetary" = "C", User, LOCALE, Text,
        "Locale of money amounts.";
    "lc_numeric" = "C", User, LOCALE, Text,
        "Locale of numbers in to_char.";
    "lc_time" = "C", User, LOCALE, Text,
        "Locale of names of days and months in to_char.";
    "listen_addresses" = "localhost", Postmaster, CONNECTION, Text,
        "Addresses the server listens on.";
    "lo_compat_privileges" = "off", Superuser, PREVIOUS, Bool,
        "Whether everybody may read and write every large object, as before PostgreSQL 9.0.";
    "local_preload_libraries" = "", User, PRELOAD, Text,
        "Accepted without effect: no libraries are loaded.";
    "lock_timeout" = "0", User, BEHAVIOR, TIMEOUT,
        "How long a statement may wait for a lock; 0 is for ever.";
    "log_duration" = "off", Superuser, WHAT, Bool,
        "Accepted without effect: every statement's duration is in the metrics.";
    "log_error_verbosity" = "default", Superuser, WHAT, Enum(&["terse", "default", "verbose"]),
        "Accepted without effect: the log is structured.";
    "log_executor_stats" = "off", Superuser, MONITORING, Bool,
        "Accepted without effect: the log is structured.";
    "log_lock_waits" = "off", Superuser, WHAT, Bool,
        "Accepted without effect: the log is structured.";
    "log_min_duration_sample" = "-1", Superuser, WHEN, integer(-1, INT_MAX, "ms"),
        "Accepted without effect: the log is structured.";
    "log_min_duration_statement" = "-1", Superuser, WHEN, integer(-1, INT_MAX, "ms"),
        "Statements that take longer are logged; -1 logs none.";
    "log_min_error_statement" = "error", Superuser, WHEN, LEVEL,
        "Least level of errors whose statements are logged.";
    "log_min_messages" = "warning", Superuser, WHEN, LEVEL,
        "Least level of messages that are logged.";
    "log_parameter_max_length" = "-1", Superuser, WHAT, integer(-1, 1073741823, "B"),
        "Accepted without effect: the log is structured.";
    "log_parameter_max_length_on_error" = "0", User, WHAT, integer(-1, 1073741823, "B"),
        "Accepted without effect: the log is structured.";
    "log_parser_stats" = "off", Superuser, MONITORING, Bool,
        "Accepted without effect: the log is structured.";
    "log_planner_stats" = "off", Superuser, MONITORING, Bool,
        "Accepted without effect: the log is structured.";
    "log_replication_commands" = "off", Superuser, WHAT, Bool,
        "Accepted without effect: the log is structured.";
    "log_statement" = "none", Superuser, WHAT, Enum(&["none", "ddl", "mod", "all"]),
        "Kinds of statements that are logged.";
    "log_statement_sample_rate" = "1", Superuser, WHEN, real(0.0, 1.0, ""),
        "Accepted without effect: the log is structured.";
    "log_statement_stats" = "off", Superuser, MONITORING, Bool,
        "Accepted without effect: the log is structured.";
    "log_temp_files" = "-1", Superuser, WHAT, integer(-1, INT_MAX, "kB"),
        "Accepted without effect: the log is structured.";
    "log_transaction_sample_rate" = "0", Superuser, WHEN, real(0.0, 1.0, ""),
        "Accepted without effect: the log is structured.";
    "logical_decoding_work_mem" = "64MB", User, MEMORY, integer(64, INT_MAX, "kB"),
        "Accepted without effect.";
    "maintenance_io_concurrency" = "10", User, ASYNC, integer(0, 1000, ""),
        "Accepted without effect.";
    "maintenance_work_mem" = "64MB", User, MEMORY, integer(1024, INT_MAX, "kB"),
        "Accepted without effect: a query's memory is bounded by the server's budget.";
    "max_connections" = "100", Postmaster, CONNECTION, integer(1, 262143, ""),
        "How many sessions there may be at once.";
    "max_function_args" = "100", Internal, PRESET, integer(100, 100, ""),
        "Most arguments of a function.";
    "max_identifier_length" = "63", Internal, PRESET, integer(63, 63, ""),
        "Most bytes of a name.";
    "max_index_keys" = "32", Internal, PRESET, integer(32, 32, ""),
        "Most columns of an index.";
    "max_locks_per_transaction" = "64", Postmaster, LOCKS, integer(10, INT_MAX, ""),
        "Accepted without effect: locks are not counted.";
    "max_parallel_maintenance_workers" = "2", User, ASYNC, integer(0, 1024, ""),
        "Accepted without effect.";
    "max_parallel_workers" = "8", User, ASYNC, integer(0, 1024, ""),
        "Accepted without effect: threads are shared by all queries.";
    "max_parallel_workers_per_gather" = "2", User, ASYNC, integer(0, 1024, ""),
        "Accepted without effect: threads are shared by all queries.";
    "max_prepared_transactions" = "0", Postmaster, MEMORY, integer(0, 262143, ""),
        "How many prepared transactions there may be: none.";
    "max_stack_depth" = "2MB", Superuser, MEMORY, integer(100, INT_MAX, "kB"),
        "Accepted without effect: how deep a statement may be nested is fixed.";
    "max_worker_processes" = "8", Postmaster, ASYNC, integer(0, 262143, ""),
        "Accepted without effect: the server is one process.";
    "min_parallel_index_scan_size" = "512kB", User, COST, integer(0, 715827882, "8kB"),
        "Accepted without effect on plans.";
    "min_parallel_table_scan_size" = "8MB", User, COST, integer(0, 715827882, "8kB"),
        "Accepted without effect on plans.";
    "parallel_leader_participation" = "on", User, ASYNC, Bool,
        "Accepted without effect on plans.";
    "parallel_setup_cost" = "1000", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    "parallel_tuple_cost" = "0.1", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    "password_encryption" = "scram-sha-256", User, AUTHENTICATION,
        Enum(&["scram-sha-256", "argon2id"]),
        "How new passwords are kept.";
    "plan_cache_mode" = "auto", User, PLANNER,
        Enum(&["auto", "force_generic_plan", "force_custom_plan"]),
        "Accepted without effect on plans.";
    "port" = "5432", Postmaster, CONNECTION, integer(1, 65535, ""),
        "Port the server listens on.";
    "quote_all_identifiers" = "off", User, PREVIOUS, Bool,
        "Whether SQL the server prints quotes every name.";
    "random_page_cost" = "4", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    "recursive_worktable_factor" = "10", User, PLANNER, real(0.001, 1_000_000.0, ""),
        "Accepted without effect on plans.";
    "role" = "none", Internal, PRESET, Text,
        "Role chosen by SET ROLE.";
    "row_security" = "on", User, BEHAVIOR, Bool,
        "Whether row security policies apply; there are none.";
    "search_path" = "\"$user\", public", User, BEHAVIOR, List,
        "Schemas in which names without a schema are looked up.";
    "seq_page_cost" = "1", User, COST, real(0.0, f64::MAX, ""),
        "Accepted without effect on plans.";
    reported "server_encoding" = "UTF8", Internal, PRESET, Text,
        "Encoding of the database.";
    reported "server_version" = SERVER_VERSION, Internal, PRESET, Text,
        "The PostgreSQL version whose behaviour is followed, and the server's own.";
    "server_version_num" = "150013", Internal, PRESET, integer(150013, 150013, ""),
        "The PostgreSQL version whose behaviour is followed, as a number.";
    reported "session_authorization" = "", Internal, PRESET, Text,
        "The session's user.";
    "session_preload_libraries" = "", Superuser, PRELOAD, Text,
        "Accepted without effect: no libraries are loaded.";
    "session_replication_role" = "origin", Superuser, BEHAVIOR,
        Enum(&["origin", "replica", "local"]),
        "Accepted without effect: there are no triggers.";
    "shared_buffers" = "128MB", Postmaster, MEMORY, integer(16, 1073741823, "8kB"),
        "Shown for clients that ask: all memory is one budget, set when the server starts.";
    "ssl" = "off", Postmaster, SSL, Bool,
        "Whether connections may be encrypted.";
    reported "standard_conforming_strings" = "on", User, PREVIOUS, Bool,
        "Whether backslashes in plain strings are ordinary characters; they are.";
    "statement_timeout" = "0", User, BEHAVIOR, TIMEOUT,
        "How long a statement may run; 0 is for ever.";
    "stats_fetch_consistency" = "cache", User, STATISTICS, Enum(&["none", "cache", "snapshot"]),
        "Accepted without effect.";
    "superuser_reserved_connections" = "0", Postmaster, CONNECTION, integer(0, 262143, ""),
        "Sessions kept free for superusers.";
    "synchronize_seqscans" = "on", User, PREVIOUS, Bool,
        "Accepted without effect: scans start at the first segment.";
    "synchronous_commit" = "on", User, WAL,
        Enum(&["local", "remote_write", "remote_apply", "on", "off"]),
        "Accepted; every commit is on disk before it is acknowledged.";
    "tcp_keepalives_count" = "0", User, CONNECTION, integer(0, INT_MAX, ""),
        "Accepted without effect: the server chooses.";
    "tcp_keepalives_idle" = "0", User, CONNECTION, integer(0, INT_MAX, "s"),
        "Accepted without effect: the server chooses.";
    "tcp_keepalives_interval" = "0", User, CONNECTION, integer(0, INT_MAX, "s"),
        "Accepted without effect: the server chooses.";
    "tcp_user_timeout" = "0", User, CONNECTION, TIMEOUT,
        "Accepted without effect: the server chooses.";
    "temp_buffers" = "8MB", User, MEMORY, integer(100, 1073741823, "8kB"),
        "Accepted without effect: temporary tables are ordinary segments.";
    "temp_file_limit" = "-1", Superuser, DISK, integer(-1, INT_MAX, "kB"),
        "Accepted without effect: the limit of spilled data is the server's.";
    "temp_tablespaces" = "", User, BEHAVIOR, Text,
        "Where temporary tables are stored; there is one place.";
    reported "TimeZone" = "UTC", User, LOCALE, Text,
        "Time zone in which timestamps with time zone are shown and read.";
    "timezone_abbreviations" = "Default", User, LOCALE, Text,
        "Set of abbreviations of time zones; there is one.";
    "trace_notify" = "off", User, DEVELOPER, Bool,
        "Accepted without effect.";
    "trace_sort" = "off", User, DEVELOPER, Bool,
        "Accepted without effect.";
    "track_activities" = "on", Superuser, STATISTICS, Bool,
        "Accepted; what sessions run is always shown in pg_stat_activity.";
    "track_counts" = "on", Superuser, STATISTICS, Bool,
        "Accepted without effect: what there are of statistics is always kept.";
    "track_functions" = "none", Superuser, STATISTICS, Enum(&["none", "pl", "all"]),
        "Accepted without effect.";
    "track_io_timing" = "off", Superuser, STATISTICS, Bool,
        "Accepted without effect.";
    "track_wal_io_timing" = "off", Superuser, STATISTICS, Bool,
        "Accepted without effect.";
    "transaction_deferrable" = "off", User, BEHAVIOR, Bool,
        "Whether the current transaction is deferrable.";
    "transaction_isolation" = "read committed", User, BEHAVIOR, ISOLATION,
        "Isolation level of the current transaction.";
    "transaction_read_only" = "off", User, BEHAVIOR, Bool,
        "Whether the current transaction is read-only.";
    "transform_null_equals" = "off", User, CLIENTS, Bool,
        "Whether x = NULL means x IS NULL.";
    "update_process_title" = "on", Superuser, TITLE, Bool,
        "Accepted without effect.";
    "vacuum_cost_delay" = "0", User, VACUUM, real(0.0, 100.0, "ms"),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_cost_limit" = "200", User, VACUUM, integer(1, 10000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_cost_page_dirty" = "20", User, VACUUM, integer(0, 10000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_cost_page_hit" = "1", User, VACUUM, integer(0, 10000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_cost_page_miss" = "2", User, VACUUM, integer(0, 10000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_failsafe_age" = "1600000000", User, BEHAVIOR, integer(0, 2100000000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_freeze_min_age" = "50000000", User, BEHAVIOR, integer(0, 1000000000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_freeze_table_age" = "150000000", User, BEHAVIOR, integer(0, 2000000000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_multixact_failsafe_age" = "1600000000", User, BEHAVIOR, integer(0, 2100000000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_multixact_freeze_min_age" = "5000000", User, BEHAVIOR, integer(0, 1000000000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "vacuum_multixact_freeze_table_age" = "150000000", User, BEHAVIOR, integer(0, 2000000000, ""),
        "Accepted without effect: VACUUM has nothing to freeze and no delay.";
    "wal_block_size" = "8192", Internal, PRESET, integer(8192, 8192, ""),
        "Size of a log block in PostgreSQL, for clients that ask.";
    "wal_compression" = "off", Superuser, WAL, Enum(&["pglz", "lz4", "zstd", "on", "off"]),
        "Accepted without effect: there is no log that is written ahead.";
    "wal_consistency_checking" = "", Superuser, DEVELOPER, Text,
        "Accepted without effect: there is no log that is written ahead.";
    "wal_init_zero" = "on", Superuser, WAL, Bool,
        "Accepted without effect: there is no log that is written ahead.";
    "wal_recycle" = "on", Superuser, WAL, Bool,
        "Accepted without effect: there is no log that is written ahead.";
    "wal_sender_timeout" = "1min", User, SENDING, TIMEOUT,
        "Accepted without effect: there is no log that is written ahead.";
    "wal_skip_threshold" = "2MB", User, WAL, integer(0, INT_MAX, "kB"),
        "Accepted without effect: there is no log that is written ahead.";
    "work_mem" = "4MB", User, MEMORY, integer(64, INT_MAX, "kB"),
        "Accepted without effect: a query's memory is bounded by the server's budget.";
    "xmlbinary" = "base64", User, BEHAVIOR, Enum(&["base64", "hex"]),
        "Accepted without effect: there is no type xml.";
    "xmloption" = "content", User, BEHAVIOR, Enum(&["content", "document"]),
        "Accepted without effect: there is no type xml.";
    "zero_damaged_pages" = "off", Superuser, DEVELOPER, Bool,
        "Accepted without effect.";
}
