//! Writing rows as segments.
//!
//! Rows start in memory; once there are too many they go to a Parquet file, and on into the next
//! file when one has enough. Files are LZ4: unpacking it costs a third of what zstd's fastest level
//! does, and the scans of a hot working set are bound by the processor, not by the disk.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::Arc;

use arrow::array::ArrayRef;
use arrow::datatypes::SchemaRef;
use arrow::record_batch::RecordBatch;
use parquet::arrow::ArrowSchemaConverter;
use parquet::arrow::ArrowWriter;
use parquet::arrow::arrow_writer::{ArrowRowGroupWriterFactory, ArrowWriterOptions};
use parquet::basic::{Compression, LogicalType, Type as PhysicalType};
use parquet::errors::ParquetError;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::SerializedFileWriter;
use parquet::schema::types::{ColumnPath, SchemaDescriptor, Type};

use super::columns::Encoder;
use super::statistics::{self, Counts};
use super::{Store, files, form, memory};
use crate::base::limits::{
    MEMORY_SEGMENT_BYTES_MAX, ROW_GROUP_BYTES_MAX, ROW_GROUP_ROWS, SEGMENT_ROWS_MAX,
};
use crate::base::{Error, Result, SegmentId, SqlState};
use crate::catalog::{Column, Location, Persistence, Relation, Segment};

/// Takes batches of one relation's rows and makes segments of them: small totals stay in memory,
/// larger ones become Parquet files (not yet fsynced; [`seal`] does that at commit). Dropping an
/// unfinished writer removes its files.
#[derive(Debug)]
pub struct SegmentWriter {
    store: Arc<Store>,
    relation: Arc<Relation>,
    schema: SchemaRef,
    waiting: Vec<RecordBatch>,
    waiting_bytes: u64,
    file: Option<FileWriter>,
    finished: Vec<Arc<Segment>>,
    rows: u64,
}

impl SegmentWriter {
    /// A writer for rows of `relation`: batches must have its columns, in order, typed by
    /// `ty.data_type()`.
    pub fn new(store: Arc<Store>, relation: Arc<Relation>) -> Self {
        Self {
            schema: form::memory_schema(&relation.columns),
            store,
            relation,
            waiting: Vec::new(),
            waiting_bytes: 0,
            file: None,
            finished: Vec::new(),
            rows: 0,
        }
    }

    /// Adds rows. Blocking.
    ///
    /// # Errors
    /// `58030` I/O, `53100` disk full.
    pub fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        if batch.num_rows() == 0 {
            return Ok(());
        }
        let batch = self.named(batch)?;
        self.rows += batch.num_rows() as u64;
        if self.file.is_some() || !self.finished.is_empty() {
            return self.write_file(&batch);
        }
        self.waiting_bytes += memory::batch_bytes(&batch);
        self.waiting.push(batch);
        if self.waiting_bytes >= MEMORY_SEGMENT_BYTES_MAX as u64 {
            self.waiting_bytes = 0;
            for batch in std::mem::take(&mut self.waiting) {
                self.write_file(&batch)?;
            }
        }
        Ok(())
    }

    /// The batch under the names and types it is stored with.
    fn named(&self, batch: &RecordBatch) -> Result<RecordBatch> {
        // Parquet has no rows without columns.
        if self.schema.fields().is_empty() {
            return Err(Error::unsupported("a row of a table without columns"));
        }
        let columns = batch
            .columns()
            .iter()
            .zip(self.schema.fields())
            .map(|(array, field)| form::store(array, field.data_type()))
            .collect::<Result<Vec<_>>>()?;
        RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error| Error::internal("taking rows for storage", error))
    }

    fn write_file(&mut self, batch: &RecordBatch) -> Result<()> {
        let mut rest = batch.clone();
        while rest.num_rows() > 0 {
            let file = match &mut self.file {
                Some(file) => file,
                None => self
                    .file
                    .insert(FileWriter::create(&self.store, &self.relation, true)?),
            };
            let room = SEGMENT_ROWS_MAX
                .saturating_sub(file.rows)
                .min(rest.num_rows());
            file.write(&rest.slice(0, room))?;
            rest = rest.slice(room, rest.num_rows() - room);
            if file.rows >= SEGMENT_ROWS_MAX
                && let Some(full) = self.file.take()
            {
                self.finished.push(full.finish()?);
            }
        }
        Ok(())
    }

    /// Rows so far.
    pub fn rows(&self) -> u64 {
        self.rows
    }

    /// The segments, for [`crate::catalog::Change::AddSegments`].
    ///
    /// # Errors
    /// As [`SegmentWriter::write`].
    pub fn finish(mut self) -> Result<Vec<Arc<Segment>>> {
        if let Some(file) = self.file.take() {
            self.finished.push(file.finish()?);
        }
        if !self.waiting.is_empty() {
            self.finished.push(Arc::new(Segment {
                id: SegmentId::new(),
                rows: self.rows,
                bytes: self.waiting_bytes,
                location: Location::Memory(memory::merge_batches(&[], &self.waiting)?),
                columns: Vec::new(),
            }));
        }
        Ok(std::mem::take(&mut self.finished))
    }
}

impl Drop for SegmentWriter {
    fn drop(&mut self) {
        if !self.finished.is_empty() {
            self.finished.clear();
            self.store.discard();
        }
    }
}

/// Makes `segments` (in memory or files) durable files of `relation`: in-memory ones are merged
/// into as few files as possible, every file and every directory touched is fsynced. Order is kept.
///
/// # Errors
/// `58030` I/O, `53100` disk full.
pub fn seal(
    store: &Arc<Store>,
    relation: &Arc<Relation>,
    segments: &[Arc<Segment>],
) -> Result<Vec<Arc<Segment>>> {
    let sealed = to_files(store, relation, segments)?;
    if relation.persistence == Persistence::Permanent {
        for path in sealed.iter().filter_map(|segment| files::path_of(segment)) {
            store.files().sync(path)?;
        }
    }
    Ok(sealed)
}

/// A segment in memory as a file that is not durable yet: for a transaction that holds too many
/// rows.
///
/// # Errors
/// `58030` I/O, `53100` disk full.
pub fn spill(
    store: &Arc<Store>,
    relation: &Arc<Relation>,
    segment: &Arc<Segment>,
) -> Result<Arc<Segment>> {
    let files = to_files(store, relation, std::slice::from_ref(segment))?;
    match <[Arc<Segment>; 1]>::try_from(files) {
        Ok([file]) => Ok(file),
        // More rows than one file holds: leave them in memory, the commit splits them.
        Err(_) => Ok(Arc::clone(segment)),
    }
}

fn to_files(
    store: &Arc<Store>,
    relation: &Arc<Relation>,
    segments: &[Arc<Segment>],
) -> Result<Vec<Arc<Segment>>> {
    let mut sealed = Vec::new();
    let mut open: Option<FileWriter> = None;
    for segment in segments {
        let Location::Memory(batches) = &segment.location else {
            if let Some(file) = open.take() {
                sealed.push(file.finish()?);
            }
            sealed.push(Arc::clone(segment));
            continue;
        };
        for batch in batches {
            let file = match &mut open {
                Some(file) => file,
                None => open.insert(FileWriter::create(store, relation, false)?),
            };
            file.write(batch)?;
            if file.rows >= SEGMENT_ROWS_MAX
                && let Some(full) = open.take()
            {
                sealed.push(full.finish()?);
            }
        }
    }
    if let Some(file) = open {
        sealed.push(file.finish()?);
    }
    Ok(sealed)
}

/// One Parquet file being written. Dropping it unfinished removes the file.
struct FileWriter {
    store: Arc<Store>,
    id: SegmentId,
    path: PathBuf,
    columns: Vec<Column>,
    schema: SchemaRef,
    /// `None` once finished.
    writer: Option<SerializedFileWriter<File>>,
    groups: ArrowRowGroupWriterFactory,
    encoder: Encoder,
    /// Of the row group that is open: rows, and bytes in memory.
    group: Option<(usize, u64)>,
    counts: Vec<Counts>,
    rows: usize,
}

impl std::fmt::Debug for FileWriter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("FileWriter")
            .field("path", &self.path)
            .field("rows", &self.rows)
            .finish_non_exhaustive()
    }
}

impl FileWriter {
    /// A file; of many rows, so that encoding them on threads is worth it.
    fn create(store: &Arc<Store>, relation: &Arc<Relation>, is_bulk: bool) -> Result<Self> {
        let id = SegmentId::new();
        let schema = form::file_schema(&relation.columns);
        let parquet_schema = parquet_schema(&schema, &relation.columns)?;
        let (path, file) = store.files().create(relation, id)?;
        let options = ArrowWriterOptions::new()
            .with_properties(properties(&schema))
            .with_parquet_schema(parquet_schema);
        let begun = ArrowWriter::try_new_with_options(file, Arc::clone(&schema), options)
            .and_then(ArrowWriter::into_serialized_writer);
        let (writer, groups) = begun.map_err(|error| {
            store.files().abandon(&path);
            parquet_error("write", &path, error)
        })?;
        Ok(Self {
            store: Arc::clone(store),
            id,
            path,
            columns: relation.columns.clone(),
            counts: vec![Counts::default(); relation.columns.len()],
            encoder: Encoder::new(Arc::clone(&schema), is_bulk),
            schema,
            writer: Some(writer),
            groups,
            group: None,
            rows: 0,
        })
    }

    /// `batch` has stored names and in-memory types, and the columns the relation had when it was
    /// made: columns added since are NULL in it.
    fn write(&mut self, batch: &RecordBatch) -> Result<()> {
        let rows = batch.num_rows();
        let mut arrays = Vec::with_capacity(self.columns.len());
        for (column, field) in self.columns.iter().zip(self.schema.fields()) {
            let array = match batch.column_by_name(&column.stored_name) {
                Some(array) => form::store(array, field.data_type())?,
                None => arrow::array::new_null_array(field.data_type(), rows),
            };
            arrays.push(array);
        }
        for (counts, array) in self.counts.iter_mut().zip(&arrays) {
            counts.add(array);
        }
        self.encode(&arrays, rows, memory::batch_bytes(batch))
            .map_err(|error| self.failed(error))?;
        self.rows += rows;
        Ok(())
    }

    /// Adds rows to row groups.
    fn encode(
        &mut self,
        arrays: &[ArrayRef],
        rows: usize,
        bytes: u64,
    ) -> std::result::Result<(), ParquetError> {
        let mut start = 0;
        while start < rows {
            let (in_group, in_bytes) = match self.group {
                Some(group) => group,
                None => {
                    let index = match &self.writer {
                        Some(writer) => writer.flushed_row_groups().len(),
                        None => 0,
                    };
                    self.encoder
                        .begin(self.groups.create_column_writers(index)?)?;
                    (0, 0)
                }
            };
            let count = (ROW_GROUP_ROWS - in_group).min(rows - start);
            let part: Vec<ArrayRef> = arrays.iter().map(|a| a.slice(start, count)).collect();
            self.encoder.write(&part)?;
            start += count;
            let group = (in_group + count, in_bytes + bytes);
            self.group = Some(group);
            if group.0 >= ROW_GROUP_ROWS || group.1 >= ROW_GROUP_BYTES_MAX {
                self.end_group()?;
            }
        }
        Ok(())
    }

    fn end_group(&mut self) -> std::result::Result<(), ParquetError> {
        if self.group.take().is_none() {
            return Ok(());
        }
        let chunks = self.encoder.end()?;
        if let Some(writer) = &mut self.writer {
            let mut group = writer.next_row_group()?;
            for chunk in chunks {
                chunk.append_to_row_group(&mut group)?;
            }
            group.close()?;
        }
        Ok(())
    }

    fn finish(mut self) -> Result<Arc<Segment>> {
        self.end_group().map_err(|error| self.failed(error))?;
        let Some(mut writer) = self.writer.take() else {
            return Err(Error::internal("finishing a segment", "it is finished"));
        };
        let written = writer
            .finish()
            .and_then(|metadata| Ok((metadata, file_size(writer.inner())?)));
        let (metadata, (bytes, footer_bytes)) = match written {
            Ok(written) => written,
            Err(error) => {
                self.store.files().abandon(&self.path);
                return Err(self.failed(error));
            }
        };
        let columns = statistics::collect(&metadata, &self.schema, &self.columns, &self.counts)
            .inspect_err(|_| self.store.files().abandon(&self.path))?;
        let segment = Arc::new(Segment {
            id: self.id,
            rows: self.rows as u64,
            bytes,
            location: Location::File {
                path: self.path.clone(),
                footer_bytes,
            },
            columns,
        });
        self.store
            .files()
            .finished(&self.path, Arc::downgrade(&segment));
        Ok(segment)
    }

    fn failed(&self, error: ParquetError) -> Error {
        parquet_error("write", &self.path, error)
    }
}

impl Drop for FileWriter {
    fn drop(&mut self) {
        if self.writer.take().is_some() {
            self.store.files().abandon(&self.path);
        }
    }
}

fn properties(schema: &SchemaRef) -> WriterProperties {
    let floats = schema
        .fields()
        .iter()
        .filter(|field| statistics::is_float(field.data_type()));
    let builder = WriterProperties::builder()
        .set_compression(Compression::LZ4_RAW)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        // Statistics of pages give the page index, which point queries skip by.
        .set_statistics_enabled(EnabledStatistics::Page)
        .set_created_by(concat!("commons ", env!("CARGO_PKG_VERSION")).to_owned());
    floats
        .fold(builder, |builder, field| {
            let column = ColumnPath::new(vec![field.name().clone()]);
            builder.set_column_statistics_enabled(column, EnabledStatistics::None)
        })
        .build()
}

/// The Parquet schema of a file: Arrow's own conversion, with UUID columns marked as such, which
/// Arrow's does not do.
fn parquet_schema(schema: &SchemaRef, columns: &[Column]) -> Result<SchemaDescriptor> {
    let failed = |error: ParquetError| Error::internal("making a file's schema", error);
    let plain = ArrowSchemaConverter::new()
        .convert(schema)
        .map_err(failed)?;
    let root = plain.root_schema();
    let fields = root
        .get_fields()
        .iter()
        .zip(columns)
        .map(|(field, column)| {
            if column.ty.oid != crate::types::PgType::UUID.oid {
                return Ok(Arc::clone(field));
            }
            let info = field.get_basic_info();
            Type::primitive_type_builder(field.name(), PhysicalType::FIXED_LEN_BYTE_ARRAY)
                .with_repetition(info.repetition())
                .with_length(16)
                .with_logical_type(Some(LogicalType::Uuid))
                .with_id(info.has_id().then(|| info.id()))
                .build()
                .map(Arc::new)
        })
        .collect::<Result<Vec<_>, _>>()
        .map_err(failed)?;
    Type::group_type_builder(root.name())
        .with_fields(fields)
        .build()
        .map(|root| SchemaDescriptor::new(Arc::new(root)))
        .map_err(failed)
}

/// The size of a finished file, and of its footer without the eight bytes after it: length and
/// magic.
fn file_size(file: &File) -> std::result::Result<(u64, u64), ParquetError> {
    let bytes = file.metadata()?.len();
    let mut length = [0; 4];
    file.read_exact_at(&mut length, bytes.saturating_sub(8))?;
    Ok((bytes, u64::from(u32::from_le_bytes(length))))
}

/// An error of the Parquet library: the disk's if the disk is behind it.
pub(super) fn parquet_error(doing: &str, path: &std::path::Path, error: ParquetError) -> Error {
    let source = match &error {
        ParquetError::External(source) => source.downcast_ref::<std::io::Error>(),
        _ => None,
    };
    match source {
        Some(source) => files::io_error(doing, path, source),
        None => Error::new(
            SqlState::DATA_CORRUPTED,
            format!("could not {doing} file \"{}\": {error}", path.display()),
        ),
    }
}
