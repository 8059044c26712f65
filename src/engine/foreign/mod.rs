//! Files of the server's file system as foreign tables: CSV, JSON lines and Parquet, one file, a
//! folder or a glob.
//!
//! Files are found and opened anew at every scan, read in a stream, never copied. Who may name
//! files is decided when the foreign table is made; reading it later needs SELECT alone. Text files
//! are read by our own readers, so that a broken line is reported with its number, column and
//! value.

mod delimited;
mod files;
mod infer;
mod options;
mod provider;
mod record;
mod sample;
#[cfg(test)]
mod tests;
mod text;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use datafusion::object_store::local::LocalFileSystem;

use super::Engine;
use crate::base::{Error, Result, SqlState};
use crate::catalog::Column;
use options::{FileOptions, Format};

pub(super) use provider::foreign_provider;

/// The columns of the files a foreign table's OPTIONS name: those of the first file, by name.
///
/// # Errors
/// `58P01` no such file, `42501` outside `roots`, and what reading the file fails with.
pub(super) async fn infer_columns(
    options: &BTreeMap<String, String>,
    roots: Vec<PathBuf>,
) -> Result<Vec<Column>> {
    let options = FileOptions::new(options)?;
    let format = options.format;
    let work = move || {
        let mut found = files::find(&options, &roots)?;
        let first = found.swap_remove(0);
        let columns = match options.format {
            Format::Csv | Format::Json => sample::infer(&first, &options)?,
            Format::Parquet => Vec::new(),
        };
        Ok((first, columns))
    };
    let (first, columns) = tokio::task::spawn_blocking(work)
        .await
        .map_err(|error| Error::internal("reading a file's columns", error))??;
    let columns = match format {
        Format::Csv | Format::Json => columns,
        Format::Parquet => {
            let schema = provider::parquet_schema(&LocalFileSystem::new(), &first).await?;
            let types = schema
                .fields()
                .iter()
                .map(|field| infer::of_arrow(field))
                .collect::<Result<Vec<_>>>()?;
            let names = schema.fields().iter().map(|f| f.name().clone()).collect();
            infer::columns(names, types)?
        }
    };
    if columns.is_empty() {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            "the file has no columns",
        ));
    }
    Ok(columns)
}

impl Engine {
    /// The columns of the files that OPTIONS of a foreign table name, for `CREATE FOREIGN TABLE`
    /// without columns.
    ///
    /// # Errors
    /// `42704`/`22023` wrong options, `58P01` no such file, `42501` a file the server may not read,
    /// `22P04`, `22P02`.
    pub async fn infer_foreign(
        self: &Arc<Self>,
        options: &BTreeMap<String, String>,
    ) -> Result<Vec<Column>> {
        infer_columns(options, self.options().file_roots.clone()).await
    }

    /// Checks OPTIONS of a foreign table whose columns are declared: the options exist, and so do
    /// the files.
    ///
    /// # Errors
    /// As [`Engine::infer_foreign`].
    pub async fn check_foreign(self: &Arc<Self>, options: &BTreeMap<String, String>) -> Result<()> {
        let options = FileOptions::new(options)?;
        let roots = self.options().file_roots.clone();
        tokio::task::spawn_blocking(move || files::find(&options, &roots))
            .await
            .map_err(|error| Error::internal("looking for files", error))??;
        Ok(())
    }
}
