//! Every metric, declared in one place.

use crate::base::Version;

/// Connections open now.
pub const CONNECTIONS_OPEN: &str = "commons_connections_open";
/// Statements ended, by outcome.
pub const STATEMENTS_TOTAL: &str = "commons_statements_total";
/// How long statements took, seconds.
pub const STATEMENT_SECONDS: &str = "commons_statement_duration_seconds";
/// Logins refused.
pub const LOGIN_FAILURES_TOTAL: &str = "commons_login_failures_total";
/// Notices delivered to mailboxes.
pub const NOTICES_DELIVERED_TOTAL: &str = "commons_notices_delivered_total";
/// Version of the catalog: commits since genesis.
pub const CATALOG_VERSION: &str = "commons_catalog_version";

/// How a statement ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It was answered.
    Success,
    /// It failed.
    Error,
    /// It was cancelled or timed out.
    Canceled,
}

/// Tells the recorder what the metrics mean.
pub fn describe() {
    metrics::describe_gauge!(CONNECTIONS_OPEN, "Connections open now.");
    metrics::describe_counter!(STATEMENTS_TOTAL, "Statements ended, by outcome.");
    metrics::describe_histogram!(STATEMENT_SECONDS, "How long statements took.");
    metrics::describe_counter!(LOGIN_FAILURES_TOTAL, "Logins refused.");
    metrics::describe_counter!(NOTICES_DELIVERED_TOTAL, "Notices delivered to mailboxes.");
    metrics::describe_gauge!(
        CATALOG_VERSION,
        "Version of the catalog: commits since genesis."
    );
}

/// Takes the gauges' values as of now.
pub fn sample(connections: usize, version: Version) {
    metrics::gauge!(CONNECTIONS_OPEN).set(connections as f64);
    metrics::gauge!(CATALOG_VERSION).set(version.0 as f64);
}

/// Counts a statement that ended.
pub fn statement(outcome: Outcome, took: std::time::Duration) {
    let outcome = match outcome {
        Outcome::Success => "success",
        Outcome::Error => "error",
        Outcome::Canceled => "canceled",
    };
    metrics::counter!(STATEMENTS_TOTAL, "outcome" => outcome).increment(1);
    metrics::histogram!(STATEMENT_SECONDS).record(took);
}

/// Counts a refused login.
pub fn login_failure() {
    metrics::counter!(LOGIN_FAILURES_TOTAL).increment(1);
}

/// Counts notices delivered.
pub fn notices_delivered(count: u64) {
    metrics::counter!(NOTICES_DELIVERED_TOTAL).increment(count);
}
