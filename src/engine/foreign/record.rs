//! Records of text on their way to columns, and what is wrong with them.

use crate::base::{Error, Result, SqlState};

/// Records together in one batch at most.
pub(super) const CHUNK_RECORDS: usize = 8192;
/// Bytes of text in one chunk, beyond which it is closed early.
pub(super) const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// Some records: their fields' text in one buffer.
#[derive(Debug, Default)]
pub(super) struct Chunk {
    text: Vec<u8>,
    fields: Vec<Field>,
    records: Vec<Record>,
}

#[derive(Debug, Clone, Copy)]
struct Field {
    start: usize,
    end: usize,
    quoted: bool,
}

#[derive(Debug, Clone, Copy)]
struct Record {
    first_field: usize,
    line: u64,
}

/// One field of one record.
#[derive(Debug, Clone, Copy)]
pub(super) struct FieldText<'a> {
    pub(super) text: &'a str,
    pub(super) quoted: bool,
}

/// An error and the line it is on.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) line: u64,
    pub(super) error: Error,
}

impl Chunk {
    /// Bytes of text so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Records so far.
    pub(super) fn records(&self) -> usize {
        self.records.len()
    }

    /// Whether another record should go to another chunk.
    pub(super) fn is_full(&self) -> bool {
        self.records.len() >= CHUNK_RECORDS || self.text.len() >= CHUNK_BYTES
    }

    pub(super) fn begin_record(&mut self, line: u64) {
        self.records.push(Record {
            first_field: self.fields.len(),
            line,
        });
    }

    pub(super) fn extend(&mut self, bytes: &[u8]) {
        self.text.extend_from_slice(bytes);
    }

    pub(super) fn end_field(&mut self, start: usize, quoted: bool) {
        self.fields.push(Field {
            start,
            end: self.text.len(),
            quoted,
        });
    }

    /// The line a record starts on.
    pub(super) fn line(&self, record: usize) -> u64 {
        self.records[record].line
    }

    /// How many fields a record has.
    pub(super) fn width(&self, record: usize) -> usize {
        let end = self
            .records
            .get(record + 1)
            .map_or(self.fields.len(), |next| next.first_field);
        end - self.records[record].first_field
    }

    /// A field.
    ///
    /// # Errors
    /// `22021` if it is not UTF-8.
    pub(super) fn field(&self, record: usize, field: usize) -> Result<FieldText<'_>> {
        let field = self.fields[self.records[record].first_field + field];
        let bytes = &self.text[field.start..field.end];
        match std::str::from_utf8(bytes) {
            Ok(text) => Ok(FieldText {
                text,
                quoted: field.quoted,
            }),
            Err(error) => {
                let shown: Vec<String> = bytes[error.valid_up_to()..]
                    .iter()
                    .take(4)
                    .map(|byte| format!("0x{byte:02x}"))
                    .collect();
                Err(Error::new(
                    SqlState::CHARACTER_NOT_IN_REPERTOIRE,
                    format!(
                        "invalid byte sequence for encoding \"UTF8\": {}",
                        shown.join(" ")
                    ),
                ))
            }
        }
    }
}
