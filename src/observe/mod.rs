//! Saying what happens: who runs what ([`status`]), metrics, logs.

pub mod metrics;
pub mod status;
pub mod transfer;

pub use metrics::{login_refused, notices_delivered, statement_completed, statement_failed};
pub use status::{Activity, Interrupt, Sessions};
pub use transfer::{Transfer, TransferKind};
