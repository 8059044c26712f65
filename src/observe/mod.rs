//! Saying what happens: who runs what ([`status`]), metrics, logs.

pub mod metrics;
pub mod status;

pub use status::{Activity, Interrupt, Sessions};
