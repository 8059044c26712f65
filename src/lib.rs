//! commons: a team's shared memory over the PostgreSQL protocol.
//!
//! The modules below stand in dependency order: a module imports only modules above it
//! (`tests/it/tidy.rs` checks).

// A test that unwraps a wrong answer fails, which is what tests are for.
#![cfg_attr(test, allow(clippy::unwrap_used))]

// F0 words
pub mod base;
pub mod observe;

// F1 rules: pure
pub mod types;

pub mod catalog;
pub mod privileges;
pub mod settings;

// F2 things: bytes at rest, mailboxes, remembered answers
pub mod cache;
pub mod notify;
pub mod storage;

// F3 truth
pub mod database;

pub mod calls;
pub mod statement;

// F4 engine: the only floor that says `datafusion::`
pub mod pg_catalog;

pub mod functions;

pub mod engine;

// F5 talk
pub mod session;
pub mod wire;

// F6 process
pub mod server;
