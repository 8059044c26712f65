//! How far a bulk transfer is: the data of `pg_stat_progress_copy`.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::Oid;

/// What moves rows in bulk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TransferKind {
    /// COPY … FROM STDIN
    CopyFrom,
    /// COPY … TO STDOUT
    CopyTo,
    /// COPY … FROM a file of the server's.
    CopyFromFile,
    /// COPY … TO a file of the server's.
    CopyToFile,
    /// A statement that reads text files of a foreign table.
    Files,
}

impl TransferKind {
    /// `pg_stat_progress_copy.command`; PostgreSQL knows all but the last.
    pub fn command(self) -> &'static str {
        match self {
            Self::CopyFrom | Self::CopyFromFile => "COPY FROM",
            Self::CopyTo | Self::CopyToFile => "COPY TO",
            Self::Files => "SELECT",
        }
    }

    /// `pg_stat_progress_copy.type`
    pub fn medium(self) -> &'static str {
        match self {
            Self::CopyFrom | Self::CopyTo => "PIPE",
            Self::CopyFromFile | Self::CopyToFile | Self::Files => "FILE",
        }
    }
}

/// One transfer's counters, written by whoever moves the rows and read by whoever asks.
#[derive(Debug)]
pub struct Transfer {
    /// What moves them.
    pub kind: TransferKind,
    /// The table, or [`Oid::INVALID`] for a query's answer.
    pub relation: Oid,
    bytes: AtomicU64,
    bytes_total: AtomicU64,
    rows: AtomicU64,
}

impl Transfer {
    /// Nothing moved yet.
    pub fn new(kind: TransferKind, relation: Oid) -> Self {
        Self {
            kind,
            relation,
            bytes: AtomicU64::new(0),
            bytes_total: AtomicU64::new(0),
            rows: AtomicU64::new(0),
        }
    }

    /// More bytes were moved.
    pub fn add_bytes(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    /// More rows were moved.
    pub fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    /// How many bytes there are, where that is known beforehand.
    pub fn expect_bytes(&self, bytes: u64) {
        self.bytes_total.store(bytes, Ordering::Relaxed);
    }

    /// Bytes moved.
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Bytes there are; 0 if that is not known.
    pub fn bytes_total(&self) -> u64 {
        self.bytes_total.load(Ordering::Relaxed)
    }

    /// Rows moved.
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }
}
