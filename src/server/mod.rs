//! The process: configuration, first start, listener, admin endpoint, signals, demo, command line.

mod admin;
mod bootstrap;
pub mod cli;
pub mod config;
mod demo;
mod init;
mod listener;
mod progress;
mod run;

pub use bootstrap::{Administrator, set_password};
pub use config::Config;
pub use run::{Server, start};
