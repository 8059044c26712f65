//! Every metric, declared in one place.

use crate::base::Version;

/// Connections open now.
pub const CONNECTIONS_OPEN: &str = "commons_connections_open";
/// Version of the catalog: commits since genesis.
pub const CATALOG_VERSION: &str = "commons_catalog_version";

/// Tells the recorder what the metrics mean.
pub fn describe() {
    metrics::describe_gauge!(CONNECTIONS_OPEN, "Connections open now.");
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
