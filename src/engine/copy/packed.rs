//! COPY … TO as an Arrow IPC stream or a Parquet file, batch by batch.
//!
//! Encoding takes a while, so it is done on a blocking thread. Parquet's row groups are bounded in
//! rows and bytes, so that memory is.

use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::datatypes::Schema;
use arrow::ipc::CompressionType;
use arrow::ipc::writer::{IpcWriteOptions, StreamEncoder};
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression as Codec, ZstdLevel};
use parquet::file::properties::WriterProperties;

use super::adopt::neutral;
use super::offer;
use super::{Compression, CopyFormat, CopyOptions};
use crate::base::limits::ROW_GROUP_ROWS;
use crate::base::{Error, Result};
use crate::engine::OutputColumn;
use crate::pg_catalog::names::Names;
use crate::statement::StatementContext;
use crate::types::Style;

/// Bytes of a Parquet row group in memory before it is written.
const ROW_GROUP_BYTES: usize = 64 * 1024 * 1024;

/// Writes batches as Arrow or Parquet.
pub struct PackedWriter(Option<Box<Packer>>);

struct Packer {
    style: Style,
    names: Names,
    columns: Arc<[OutputColumn]>,
    schema: Arc<Schema>,
    encoder: Encoder,
}

enum Encoder {
    Arrow(Box<StreamEncoder>),
    Parquet(Box<ArrowWriter<Vec<u8>>>),
}

impl PackedWriter {
    pub(super) fn new(
        context: &Arc<StatementContext>,
        columns: &Arc<[OutputColumn]>,
        options: &CopyOptions,
    ) -> Result<Self> {
        let schema = Arc::new(offer::schema(columns, options));
        let encoder = match options.format {
            CopyFormat::Parquet => Encoder::Parquet(Box::new(parquet(&schema, options)?)),
            _ => Encoder::Arrow(Box::new(arrow(&schema, options)?)),
        };
        Ok(Self(Some(Box::new(Packer {
            style: neutral(context),
            names: Names::new(Arc::clone(context)),
            columns: Arc::clone(columns),
            schema,
            encoder,
        }))))
    }

    /// The bytes that a batch adds, in pieces.
    ///
    /// # Errors
    /// As [`offer::offer`].
    pub async fn write(&mut self, batch: RecordBatch) -> Result<Vec<Buffer>> {
        let mut packer = self.0.take().ok_or_else(broken)?;
        let work = move || {
            let pieces = packer.write(&batch)?;
            Ok((packer, pieces))
        };
        let (packer, pieces) = tokio::task::spawn_blocking(work).await.map_err(failed)??;
        self.0 = Some(packer);
        Ok(pieces)
    }

    /// The bytes at the end.
    ///
    /// # Errors
    /// `XX000`
    pub async fn finish(mut self) -> Result<Vec<Buffer>> {
        let packer = self.0.take().ok_or_else(broken)?;
        let work = move || packer.finish();
        tokio::task::spawn_blocking(work).await.map_err(failed)?
    }
}

impl Packer {
    fn write(&mut self, batch: &RecordBatch) -> Result<Vec<Buffer>> {
        let batch = offer::offer(
            batch,
            &self.columns,
            &self.schema,
            (&self.style, &self.names),
        )?;
        match &mut self.encoder {
            Encoder::Arrow(encoder) => encoder.encode(&batch).map_err(failed),
            Encoder::Parquet(writer) => {
                writer.write(&batch).map_err(failed)?;
                if writer.in_progress_size() >= ROW_GROUP_BYTES {
                    writer.flush().map_err(failed)?;
                }
                let bytes = std::mem::take(writer.inner_mut());
                Ok(match bytes.is_empty() {
                    true => Vec::new(),
                    false => vec![Buffer::from_vec(bytes)],
                })
            }
        }
    }

    fn finish(self) -> Result<Vec<Buffer>> {
        match self.encoder {
            Encoder::Arrow(encoder) => encoder.finish().map_err(failed),
            Encoder::Parquet(writer) => {
                let bytes = writer.into_inner().map_err(failed)?;
                Ok(vec![Buffer::from_vec(bytes)])
            }
        }
    }
}

fn arrow(schema: &Schema, options: &CopyOptions) -> Result<StreamEncoder> {
    let codec = match options.compression {
        Compression::None | Compression::Snappy => None,
        Compression::Lz4 => Some(CompressionType::LZ4_FRAME),
        Compression::Zstd => Some(CompressionType::ZSTD),
    };
    let settings = IpcWriteOptions::default()
        .try_with_compression(codec)
        .map_err(failed)?;
    StreamEncoder::try_new_with_options(schema, settings).map_err(failed)
}

fn parquet(schema: &Arc<Schema>, options: &CopyOptions) -> Result<ArrowWriter<Vec<u8>>> {
    let codec = match options.compression {
        Compression::None => Codec::UNCOMPRESSED,
        Compression::Lz4 => Codec::LZ4_RAW,
        Compression::Zstd => Codec::ZSTD(ZstdLevel::default()),
        Compression::Snappy => Codec::SNAPPY,
    };
    let properties = WriterProperties::builder()
        .set_compression(codec)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_created_by(concat!("commons ", env!("CARGO_PKG_VERSION")).to_owned())
        .build();
    ArrowWriter::try_new(Vec::new(), Arc::clone(schema), Some(properties)).map_err(failed)
}

fn failed(error: impl std::fmt::Display) -> Error {
    Error::internal("writing COPY data", error)
}

fn broken() -> Error {
    failed("it failed before and its error was given")
}
