//! A Parquet file: its description is at its end, so what a client sends is put aside on disk
//! first.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::CopyOptions;
use super::loaded::Loaded;
use super::matched::{Matched, guarded, unreadable};
use super::target::{Fill, Target};
use super::values::BATCH_ROWS;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Relation;
use crate::observe::Transfer;
use crate::statement::StatementContext;

/// What the data should be.
const WHAT: &str = "a Parquet file";

/// Takes a Parquet file. Everything here blocks.
pub(super) struct SpoolLoader {
    target: Target,
    by_position: bool,
    file: File,
}

impl SpoolLoader {
    pub(super) fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        options: &CopyOptions,
        transfer: Arc<Transfer>,
        fill: Fill,
    ) -> Result<Self> {
        let file = nameless(&fill.engine.options().temp_dir)?;
        Ok(Self {
            target: Target::new(context, relation, columns, transfer, Some(fill))?,
            by_position: options.by_position,
            file,
        })
    }

    /// Reads this file instead of one that is sent.
    pub(super) fn read_from(&mut self, file: File) {
        self.file = file;
    }

    /// Takes bytes.
    ///
    /// # Errors
    /// `53100` disk full, `58030` I/O.
    pub(super) fn feed(&mut self, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all(bytes)
            .map_err(|error| put_aside(&error))
    }

    /// The rows, as segments.
    ///
    /// # Errors
    /// `22P04`, and those of the values.
    pub(super) fn finish(self) -> Result<Loaded> {
        let Self {
            mut target,
            by_position,
            file,
        } = self;
        let builder = guarded(WHAT, || {
            ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| unreadable(WHAT, &error))
        })?;
        let mut matched = Matched::new(builder.schema(), &target, by_position)?;
        let mut batches = guarded(WHAT, || {
            let builder = builder.with_batch_size(BATCH_ROWS);
            builder.build().map_err(|error| unreadable(WHAT, &error))
        })?;
        let mut next = || {
            guarded(WHAT, || {
                batches
                    .next()
                    .transpose()
                    .map_err(|error| unreadable(WHAT, &error))
            })
        };
        while let Some(batch) = next()? {
            matched.take(&mut target, &batch)?;
        }
        target.finish()
    }
}

/// A file that is gone when it is closed.
fn nameless(folder: &Path) -> Result<File> {
    let path = folder.join(format!("copy-{}", uuid::Uuid::new_v4()));
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .create_new(true)
        .open(&path)
        .map_err(|error| put_aside(&error))?;
    std::fs::remove_file(&path).map_err(|error| put_aside(&error))?;
    Ok(file)
}

fn put_aside(error: &std::io::Error) -> Error {
    let state = match error.kind() {
        std::io::ErrorKind::StorageFull => SqlState::DISK_FULL,
        _ => SqlState::IO_ERROR,
    };
    Error::new(state, format!("could not write to temporary file: {error}"))
}
