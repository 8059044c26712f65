//! An Arrow IPC stream, message by message.
//!
//! A message is taken whole, so its size bounds the memory a copy takes; what it claims of itself
//! is checked before anything is allocated for it. What is inside is checked by the decoder.

use std::io::Read;
use std::sync::Arc;

use arrow::buffer::Buffer;
use arrow::ipc::convert::fb_to_schema;
use arrow::ipc::reader::StreamDecoder;
use arrow::ipc::{CompressionType, Message, MessageHeader, RecordBatch, root_as_message};

use super::CopyOptions;
use super::lines::bad;
use super::loaded::Loaded;
use super::matched::{Matched, guarded, unreadable};
use super::target::{Fill, Target};
use super::text::{joined, rest_of};
use crate::base::{Error, Result, SqlState};
use crate::catalog::Relation;
use crate::observe::Transfer;
use crate::statement::StatementContext;

/// What the data should be.
const WHAT: &str = "an Arrow IPC stream";
/// Bytes of a message's description at most.
const METADATA_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Rows of one message at most: columns without values take no bytes.
const ROWS_MAX: i64 = 1 << 27;
/// Before a message's length; older streams leave it out.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// The end of a stream.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
/// Bytes before a compressed buffer: its length when it is not.
const LENGTH_BYTES: usize = 8;

/// Takes an Arrow stream. Everything here blocks.
pub(super) struct StreamLoader {
    target: Target,
    by_position: bool,
    /// Bytes not yet consumed.
    buffer: Vec<u8>,
    decoder: StreamDecoder,
    /// Once the stream's schema is known.
    matched: Option<Matched>,
    /// Bytes of a message at most, uncompressed.
    bytes_max: usize,
    ended: bool,
}

impl StreamLoader {
    pub(super) fn new(
        context: Arc<StatementContext>,
        relation: Arc<Relation>,
        columns: Vec<usize>,
        options: &CopyOptions,
        transfer: Arc<Transfer>,
        fill: Fill,
    ) -> Result<Self> {
        // A message is in memory as bytes, as arrays, and on its way to the disk.
        let memory = fill.engine.options().memory_bytes;
        Ok(Self {
            target: Target::new(context, relation, columns, transfer, Some(fill))?,
            by_position: options.by_position,
            buffer: Vec::new(),
            decoder: StreamDecoder::new(),
            matched: None,
            bytes_max: (memory / 4).clamp(16 << 20, 256 << 20),
            ended: false,
        })
    }

    /// Takes bytes; `closed` with the last.
    ///
    /// # Errors
    /// `22P04`, `54000` for a message too large, and those of the values.
    pub(super) fn feed(&mut self, bytes: Vec<u8>, closed: bool) -> Result<()> {
        let buffer = joined(std::mem::take(&mut self.buffer), bytes);
        let mut start = 0;
        while start < buffer.len() {
            if self.ended {
                return Err(bad("received copy data after the end of the Arrow stream"));
            }
            match self.message(&buffer[start..])? {
                Some(length) => start += length,
                None if closed => return Err(bad("unexpected EOF in COPY data")),
                None => break,
            }
        }
        self.buffer = rest_of(buffer, start);
        Ok(())
    }

    /// The rows, as segments.
    pub(super) fn finish(mut self) -> Result<Loaded> {
        self.feed(Vec::new(), true)?;
        if !self.buffer.is_empty() {
            return Err(bad("unexpected EOF in COPY data"));
        }
        if !self.ended {
            // The mark at the end may be left out.
            self.decode(Buffer::from(&END))?;
        }
        if self.matched.is_none() {
            return Err(unreadable(WHAT, &"they have no schema"));
        }
        self.target.finish()
    }

    /// Takes one message, if it is there whole; gives its length.
    fn message(&mut self, rest: &[u8]) -> Result<Option<usize>> {
        let prefix = if rest.starts_with(&CONTINUATION) {
            4
        } else {
            0
        };
        let Some((length, _)) = rest[prefix.min(rest.len())..].split_first_chunk::<4>() else {
            return Ok(None);
        };
        let metadata = u32::from_le_bytes(*length) as usize;
        let start = prefix + 4;
        if metadata == 0 {
            self.ended = true;
            self.decode(Buffer::from(&END))?;
            return Ok(Some(start));
        }
        if metadata > METADATA_BYTES_MAX {
            return Err(unreadable(
                WHAT,
                &"a message is described in too many bytes",
            ));
        }
        let Some(description) = rest.get(start..start + metadata) else {
            return Ok(None);
        };
        let message = root_as_message(description).map_err(|error| {
            let refused = unreadable(WHAT, &error);
            // Some versions of polars misplace what views of text need.
            match error.to_string().contains("unaligned") {
                true => refused.hint(
                    "With polars, write_ipc_stream(…, compat_level=pl.CompatLevel.oldest()), or \
                     to_arrow() and pyarrow's writer.",
                ),
                false => refused,
            }
        })?;
        let body = self.check(&message)?;
        let total = start + metadata + body;
        let Some(body) = rest.get(start + metadata..total) else {
            return Ok(None);
        };
        self.check_body(&message, body)?;
        if let Some(schema) = message.header_as_schema() {
            let schema = guarded(WHAT, || Ok(fb_to_schema(schema)))?;
            self.matched = Some(Matched::new(&schema, &self.target, self.by_position)?);
        }
        self.decode(Buffer::from(&rest[..total]))?;
        Ok(Some(total))
    }

    /// Takes the rows of a whole message. Those of one without a body come with the next.
    fn decode(&mut self, mut bytes: Buffer) -> Result<()> {
        while !bytes.is_empty() {
            let decoder = &mut self.decoder;
            let batch = guarded(WHAT, || {
                decoder
                    .decode(&mut bytes)
                    .map_err(|error| unreadable(WHAT, &error))
            })?;
            if let (Some(batch), Some(matched)) = (batch, &mut self.matched) {
                matched.take(&mut self.target, &batch)?;
            }
        }
        Ok(())
    }

    /// What a message claims of itself; gives the length of its body.
    fn check(&self, message: &Message<'_>) -> Result<usize> {
        let body = usize::try_from(message.bodyLength())
            .map_err(|_| unreadable(WHAT, &"a message has a negative length"))?;
        if body > self.bytes_max {
            return Err(self.too_large());
        }
        match message.header_type() {
            MessageHeader::Schema if self.matched.is_none() => {}
            MessageHeader::RecordBatch | MessageHeader::DictionaryBatch
                if self.matched.is_some() => {}
            _ => return Err(unreadable(WHAT, &"a message is not where it belongs")),
        }
        if let Some(batch) = rows_of(message)
            && !(0..=ROWS_MAX).contains(&batch.length())
        {
            return Err(self.too_large());
        }
        Ok(body)
    }

    /// Whether a message's buffers are inside its body, and how large they are uncompressed.
    fn check_body(&self, message: &Message<'_>, body: &[u8]) -> Result<()> {
        let Some(batch) = rows_of(message) else {
            return Ok(());
        };
        let codec = batch.compression().map(|compression| compression.codec());
        let mut total = 0_usize;
        for buffer in batch.buffers().iter().flatten() {
            let range = usize::try_from(buffer.offset()).ok().and_then(|start| {
                let length = usize::try_from(buffer.length()).ok()?;
                body.get(start..start.checked_add(length)?)
            });
            let Some(bytes) = range else {
                return Err(unreadable(WHAT, &"a buffer is outside of its message"));
            };
            total = total.saturating_add(match codec {
                Some(codec) => uncompressed(bytes, codec)?,
                None => bytes.len(),
            });
            if total > self.bytes_max {
                return Err(self.too_large());
            }
        }
        Ok(())
    }

    fn too_large(&self) -> Error {
        let bytes = self.bytes_max;
        Error::new(
            SqlState::PROGRAM_LIMIT_EXCEEDED,
            format!("a record batch of the Arrow stream is larger than {bytes} bytes"),
        )
        .hint(
            "Send smaller record batches, for example \
             writer.write_table(table, max_chunksize=65536).",
        )
    }
}

/// The rows of a message, of a dictionary's too.
fn rows_of<'a>(message: &Message<'a>) -> Option<RecordBatch<'a>> {
    let dictionary = message.header_as_dictionary_batch();
    message
        .header_as_record_batch()
        .or_else(|| dictionary.and_then(|dictionary| dictionary.data()))
}

/// How many bytes a compressed buffer has when it is not.
fn uncompressed(buffer: &[u8], codec: CompressionType) -> Result<usize> {
    let Some((length, data)) = buffer.split_first_chunk::<LENGTH_BYTES>() else {
        return match buffer.is_empty() {
            true => Ok(0),
            false => Err(unreadable(WHAT, &"a compressed buffer is too short")),
        };
    };
    let wrong = || unreadable(WHAT, &"a compressed buffer has another length than it says");
    let claimed = match i64::from_le_bytes(*length) {
        // Not compressed after all.
        -1 => return Ok(data.len()),
        length => usize::try_from(length).map_err(|_| wrong())?,
    };
    // The decoder would go on for as long as a frame says; Zstandard it stops.
    if codec == CompressionType::LZ4_FRAME {
        let mut frames = lz4_flex::frame::FrameDecoder::new(data).take(claimed as u64 + 1);
        let found = std::io::copy(&mut frames, &mut std::io::sink());
        if found.map_err(|error| unreadable(WHAT, &error))? != claimed as u64 {
            return Err(wrong());
        }
    }
    Ok(claimed)
}
