//! Text files to batches: one thread reads and splits, the engine's threads convert, in order and
//! in bounded memory.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::sync::Arc;

use arrow::array::{Array, ArrayRef};
use arrow::datatypes::SchemaRef;
use arrow::record_batch::{RecordBatch, RecordBatchOptions};
use datafusion::common::DataFusionError;
use datafusion::common::runtime::SpawnedTask;
use datafusion::execution::{SendableRecordBatchStream, TaskContext};
use datafusion::physical_plan::stream::RecordBatchStreamAdapter;
use datafusion::physical_plan::streaming::PartitionStream;
use futures::StreamExt;
use serde_json::Value;

use super::delimited::Splitter;
use super::files::{File, cannot_open};
use super::options::{FileOptions, Format};
use super::record::{Chunk, Trouble};
use crate::base::{Error, Result, SqlState};
use crate::catalog::Column;
use crate::observe::Transfer;
use crate::types::text::parse_column;
use crate::types::{PgType, Style};

/// Chunks read ahead of conversion.
const READ_AHEAD: usize = 2;
/// Bytes of one JSON line at most.
const LINE_BYTES_MAX: u64 = 64 * 1024 * 1024;
/// Bytes of a value shown in an error at most.
const SHOWN_BYTES: usize = 100;

/// Some text files, read one after the other as one partition of a scan.
#[derive(Debug)]
pub(super) struct TextFiles {
    pub(super) files: Vec<File>,
    pub(super) options: Arc<FileOptions>,
    /// The table's columns; dropped ones keep their place by attnum.
    pub(super) columns: Arc<[Column]>,
    /// How many fields a line has that nobody named: the table's columns, dropped ones too.
    pub(super) width: usize,
    /// Which columns are wanted.
    pub(super) projection: Vec<usize>,
    /// Their schema.
    pub(super) schema: SchemaRef,
    pub(super) style: Arc<Style>,
    /// Batches converted at once.
    pub(super) parallelism: usize,
    /// Counts what is read, by all partitions.
    pub(super) transfer: Arc<Transfer>,
}

impl PartitionStream for TextFiles {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _: Arc<TaskContext>) -> SendableRecordBatchStream {
        let (sender, receiver) = tokio::sync::mpsc::channel(READ_AHEAD);
        let plan = Arc::new(Plan {
            options: self.options.clone(),
            columns: self.columns.clone(),
            width: self.width,
            projection: self.projection.clone(),
            schema: self.schema.clone(),
            style: self.style.clone(),
            now: chrono::Utc::now().timestamp_micros(),
        });
        let files = self.files.clone();
        let transfer = self.transfer.clone();
        let converted = self.transfer.clone();
        let reading = plan.clone();
        let reader = SpawnedTask::spawn_blocking(move || {
            for file in files {
                // A send that fails means nobody wants the rest.
                let send = |piece| sender.blocking_send(Ok(piece)).is_ok();
                match reading.read(&file, &transfer, send) {
                    Ok(true) => {}
                    Ok(false) => return,
                    Err(error) => {
                        let _ = sender.blocking_send(Err(error));
                        return;
                    }
                }
            }
        });
        let pieces = futures::stream::unfold((receiver, reader), |(mut receiver, reader)| async {
            receiver
                .recv()
                .await
                .map(|piece| (piece, (receiver, reader)))
        });
        let batches = pieces
            .map(move |piece| {
                let plan = plan.clone();
                SpawnedTask::spawn(async move { plan.convert(&piece?) })
            })
            .buffered(self.parallelism.max(1))
            .map(move |done| match done {
                Ok(batch) => batch
                    .inspect(|batch| converted.add_rows(batch.num_rows()))
                    .map_err(|error| DataFusionError::External(Box::new(error))),
                Err(error) => Err(DataFusionError::ExecutionJoin(Box::new(error))),
            });
        Box::pin(RecordBatchStreamAdapter::new(self.schema.clone(), batches))
    }
}

/// How text becomes batches.
#[derive(Debug)]
struct Plan {
    options: Arc<FileOptions>,
    columns: Arc<[Column]>,
    width: usize,
    projection: Vec<usize>,
    schema: SchemaRef,
    style: Arc<Style>,
    /// When reading began, for values like `today`.
    now: i64,
}

/// Records of one file, and where in a record each wanted column is.
#[derive(Debug)]
struct Piece {
    file: Arc<str>,
    chunk: Chunk,
    layout: Arc<Layout>,
}

/// Where columns are in a record of one file.
#[derive(Debug)]
struct Layout {
    /// For each projected column.
    places: Vec<usize>,
    /// Fields of a record.
    width: usize,
}

impl Plan {
    /// Reads a file to its end, or until `send` says stop (then false).
    fn read(
        &self,
        file: &File,
        transfer: &Arc<Transfer>,
        send: impl Fn(Piece) -> bool,
    ) -> Result<bool> {
        let name: Arc<str> = file.path.display().to_string().into();
        let input = open(file, &self.options, transfer)?;
        match self.options.format {
            Format::Csv => self.read_csv(&name, input, send),
            Format::Json => self.read_json(&name, input, send),
            Format::Parquet => Err(Error::internal("reading a text file", "it is Parquet")),
        }
    }

    fn read_csv(
        &self,
        name: &Arc<str>,
        input: Box<dyn Read + Send>,
        send: impl Fn(Piece) -> bool,
    ) -> Result<bool> {
        let in_file = |trouble: Trouble| at_line(trouble.error, name, trouble.line);
        let mut splitter = Splitter::new(input, &self.options.csv);
        let mut chunk = Chunk::default();
        if !splitter.next(&mut chunk).map_err(in_file)? {
            return Ok(true);
        }
        let (layout, has_header) = self.layout(&chunk)?;
        let layout = Arc::new(layout);
        if has_header {
            chunk = Chunk::default();
        }
        let mut more = true;
        while more {
            while more && !chunk.is_full() {
                more = splitter.next(&mut chunk).map_err(in_file)?;
            }
            if chunk.records() > 0 {
                let piece = Piece {
                    file: name.clone(),
                    chunk: std::mem::take(&mut chunk),
                    layout: layout.clone(),
                };
                if !send(piece) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    /// Where columns are, from the first record; and whether that is a header.
    fn layout(&self, first: &Chunk) -> Result<(Layout, bool)> {
        let width = first.width(0);
        let names = (0..width)
            .map(|field| {
                first
                    .field(0, field)
                    .map(|field| field.text.trim().to_lowercase())
            })
            .collect::<Result<Vec<_>>>()?;
        let place = |column: &Column| {
            let wanted = column.stored_name.trim().to_lowercase();
            names.iter().position(|name| *name == wanted)
        };
        let all_named = self.columns.iter().all(|column| place(column).is_some());
        let has_header = self.options.csv.header.unwrap_or(all_named);
        let by_name = has_header && all_named;
        let places = self
            .projection
            .iter()
            .map(|&index| {
                let column = &self.columns[index];
                place(column)
                    .filter(|_| by_name)
                    .unwrap_or(column.attnum as usize - 1)
            })
            .collect();
        let layout = Layout {
            places,
            width: if by_name { width } else { self.width },
        };
        Ok((layout, has_header))
    }

    fn read_json(
        &self,
        name: &Arc<str>,
        input: Box<dyn Read + Send>,
        send: impl Fn(Piece) -> bool,
    ) -> Result<bool> {
        let layout = Arc::new(Layout {
            places: Vec::new(),
            width: 1,
        });
        let mut lines = Lines::new(input);
        let mut more = true;
        while more {
            let mut chunk = Chunk::default();
            while more && !chunk.is_full() {
                more = lines
                    .next(&mut chunk)
                    .map_err(|trouble| at_line(trouble.error, name, trouble.line))?;
            }
            if chunk.records() > 0 {
                let piece = Piece {
                    file: name.clone(),
                    chunk,
                    layout: layout.clone(),
                };
                if !send(piece) {
                    return Ok(false);
                }
            }
        }
        Ok(true)
    }

    fn convert(&self, piece: &Piece) -> Result<RecordBatch> {
        let (rows, arrays) = match self.options.format {
            Format::Json => self.convert_json(piece)?,
            Format::Csv | Format::Parquet => self.convert_csv(piece)?,
        };
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options)
            .map_err(|error| Error::internal("building rows of a file", error))
    }

    fn convert_csv(&self, piece: &Piece) -> Result<(usize, Vec<ArrayRef>)> {
        let Piece { chunk, layout, .. } = piece;
        let mut records = Vec::with_capacity(chunk.records());
        for record in 0..chunk.records() {
            let width = chunk.width(record);
            if width == layout.width {
                records.push(record);
                continue;
            }
            // An empty line, as editors leave at the end.
            if width == 1 && chunk.field(record, 0)?.text.is_empty() {
                continue;
            }
            let message = if width > layout.width {
                "extra data after last expected column".to_owned()
            } else {
                let missing = self.columns.iter().find(|c| c.attnum as usize == width + 1);
                match missing {
                    Some(column) => format!("missing data for column \"{}\"", column.name),
                    None => format!("{width} fields instead of {}", layout.width),
                }
            };
            let error = Error::new(SqlState::BAD_COPY_FILE_FORMAT, message);
            return Err(at_line(error, &piece.file, chunk.line(record)));
        }
        let mut arrays = Vec::with_capacity(self.projection.len());
        for (&index, &place) in self.projection.iter().zip(&layout.places) {
            let column = &self.columns[index];
            let mut texts = Vec::with_capacity(records.len());
            for &record in &records {
                let field = chunk
                    .field(record, place)
                    .map_err(|error| at_line(error, &piece.file, chunk.line(record)))?;
                let null = !field.quoted && self.options.csv.is_null(field.text);
                texts.push((!null).then_some(field.text));
            }
            let line = |row: usize| chunk.line(records[row]);
            arrays.push(self.parse(&piece.file, column, &texts, line)?);
        }
        Ok((records.len(), arrays))
    }

    fn convert_json(&self, piece: &Piece) -> Result<(usize, Vec<ArrayRef>)> {
        let chunk = &piece.chunk;
        let mut objects = Vec::with_capacity(chunk.records());
        for record in 0..chunk.records() {
            let object = chunk
                .field(record, 0)
                .and_then(|field| json_object(field.text))
                .map_err(|error| at_line(error, &piece.file, chunk.line(record)))?;
            objects.push(object);
        }
        let mut arrays = Vec::with_capacity(self.projection.len());
        for &index in &self.projection {
            let column = &self.columns[index];
            let texts: Vec<Option<String>> = objects
                .iter()
                .map(|object| object.get(&column.stored_name))
                .map(|value| value.and_then(|value| json_text(value, column.ty)))
                .collect();
            let texts: Vec<Option<&str>> = texts.iter().map(Option::as_deref).collect();
            arrays.push(self.parse(&piece.file, column, &texts, |row| chunk.line(row))?);
        }
        Ok((objects.len(), arrays))
    }

    fn parse(
        &self,
        file: &str,
        column: &Column,
        texts: &[Option<&str>],
        line: impl Fn(usize) -> u64,
    ) -> Result<ArrayRef> {
        let array = parse_column(texts, column.ty, &self.style, self.now).map_err(|trouble| {
            let value = texts
                .get(trouble.row)
                .copied()
                .flatten()
                .unwrap_or_default();
            trouble.error.context(format!(
                "file {file}, line {}, column {}: \"{}\"",
                line(trouble.row),
                column.name,
                shortened(value)
            ))
        })?;
        // Scans say that the column has no NULLs, so a file must keep that promise.
        if let Some(row) = (0..array.len()).find(|&row| column.not_null && array.is_null(row)) {
            let error = Error::new(
                SqlState::NOT_NULL_VIOLATION,
                format!(
                    "null value in column \"{}\" violates not-null constraint",
                    column.name
                ),
            )
            .column(&column.name);
            return Err(at_line(error, file, line(row)));
        }
        Ok(array)
    }
}

pub(super) fn at_line(error: Error, file: &str, line: u64) -> Error {
    error.context(format!("file {file}, line {line}"))
}

fn shortened(text: &str) -> &str {
    let mut end = text.len().min(SHOWN_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// Counts bytes as they come from disk, before they are unpacked.
struct Counted {
    file: fs::File,
    transfer: Arc<Transfer>,
}

impl Read for Counted {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.file.read(buffer)?;
        self.transfer.add_bytes(read);
        Ok(read)
    }
}

/// Opens a file, unpacking it as it is read.
pub(super) fn open(
    file: &File,
    options: &FileOptions,
    transfer: &Arc<Transfer>,
) -> Result<Box<dyn Read + Send>> {
    let handle = fs::File::open(&file.path).map_err(|error| cannot_open(&file.path, &error))?;
    let counted = Counted {
        file: handle,
        transfer: transfer.clone(),
    };
    options
        .compression_of(&file.path.to_string_lossy())
        .convert_read(counted)
        .map_err(|error| {
            Error::new(
                SqlState::IO_ERROR,
                format!("could not unpack \"{}\": {error}", file.path.display()),
            )
        })
}

/// Lines of a JSON file, blank ones left out.
pub(super) struct Lines {
    input: BufReader<Box<dyn Read + Send>>,
    line: u64,
    buffer: Vec<u8>,
}

impl Lines {
    pub(super) fn new(input: Box<dyn Read + Send>) -> Self {
        Self {
            input: BufReader::with_capacity(256 * 1024, input),
            line: 0,
            buffer: Vec::new(),
        }
    }

    /// Appends the next line to `chunk` as a record of one field; false at the end.
    pub(super) fn next(&mut self, chunk: &mut Chunk) -> Result<bool, Trouble> {
        loop {
            self.line += 1;
            self.buffer.clear();
            let line = self.line;
            let trouble = |error| Trouble { line, error };
            let read = (&mut self.input)
                .take(LINE_BYTES_MAX)
                .read_until(b'\n', &mut self.buffer)
                .map_err(|error| {
                    let message = format!("could not read: {error}");
                    trouble(Error::new(SqlState::IO_ERROR, message))
                })?;
            if read == 0 {
                return Ok(false);
            }
            if read as u64 == LINE_BYTES_MAX {
                return Err(trouble(Error::new(
                    SqlState::PROGRAM_LIMIT_EXCEEDED,
                    format!("a line is longer than {LINE_BYTES_MAX} bytes"),
                )));
            }
            let text = self.buffer.trim_ascii();
            if text.is_empty() {
                continue;
            }
            chunk.begin_record(line);
            let start = chunk.len();
            chunk.extend(text);
            chunk.end_field(start, true);
            return Ok(true);
        }
    }
}

pub(super) fn json_object(text: &str) -> Result<serde_json::Map<String, Value>> {
    match serde_json::from_str(text) {
        Ok(Value::Object(object)) => Ok(object),
        Ok(_) => Err(Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            "a line is JSON but not an object",
        )
        .hint("The format is one JSON object on each line.")),
        Err(error) => Err(Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            "invalid input syntax for type json",
        )
        .detail(error.to_string())
        .hint("The format is one JSON object on each line.")),
    }
}

/// A JSON value as the text of a PostgreSQL type; `None` is NULL.
fn json_text(value: &Value, ty: PgType) -> Option<String> {
    let is_json = [PgType::JSON.oid, PgType::JSONB.oid].contains(&ty.oid);
    match value {
        Value::Null => None,
        value if is_json => Some(value.to_string()),
        Value::String(text) => Some(text.clone()),
        Value::Array(values) => match ty.element() {
            Some(element) => {
                let elements = values.iter().map(|value| match json_text(value, element) {
                    None => "NULL".to_owned(),
                    Some(text) if matches!(value, Value::Array(_)) => text,
                    Some(text) => {
                        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
                    }
                });
                Some(format!("{{{}}}", elements.collect::<Vec<_>>().join(",")))
            }
            None => Some(value.to_string()),
        },
        value => Some(value.to_string()),
    }
}
