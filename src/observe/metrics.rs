//! Every metric, declared in one place.

use crate::base::{SqlState, Version};

/// Connections open now.
pub const CONNECTIONS_OPEN: &str = "commons_connections_open";
/// Version of the catalog: commits since genesis.
pub const CATALOG_VERSION: &str = "commons_catalog_version";

/// Statements answered, by how they ended.
pub const STATEMENTS: &str = "commons_statements_total";
/// Connections refused before they were one, by SQLSTATE.
pub const LOGINS_REFUSED: &str = "commons_logins_refused_total";
/// Notices put into mailboxes.
pub const NOTICES_DELIVERED: &str = "commons_notices_delivered_total";

/// Tells the recorder what the metrics mean.
pub fn describe() {
    metrics::describe_gauge!(CONNECTIONS_OPEN, "Connections open now.");
    metrics::describe_gauge!(
        CATALOG_VERSION,
        "Version of the catalog: commits since genesis."
    );
    metrics::describe_counter!(STATEMENTS, "Statements answered, by how they ended.");
    metrics::describe_counter!(
        LOGINS_REFUSED,
        "Connections refused before they were one, by SQLSTATE."
    );
    metrics::describe_counter!(NOTICES_DELIVERED, "Notices put into mailboxes.");
}

/// Takes the gauges' values as of now.
pub fn sample(connections: usize, version: Version) {
    metrics::gauge!(CONNECTIONS_OPEN).set(connections as f64);
    metrics::gauge!(CATALOG_VERSION).set(version.0 as f64);
}

/// A statement was carried out.
pub fn statement_completed() {
    metrics::counter!(STATEMENTS, "outcome" => "completed").increment(1);
}

/// A statement failed.
pub fn statement_failed() {
    metrics::counter!(STATEMENTS, "outcome" => "failed").increment(1);
}

/// A connection was refused.
pub fn login_refused(state: SqlState) {
    metrics::counter!(LOGINS_REFUSED, "sqlstate" => state.code().to_owned()).increment(1);
}

/// Notices were put into mailboxes.
pub fn notices_delivered(count: u64) {
    metrics::counter!(NOTICES_DELIVERED).increment(count);
}
