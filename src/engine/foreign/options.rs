//! OPTIONS of a foreign table on server `files`: read, checked, and completed from the file's name.

use std::collections::BTreeMap;

use datafusion::datasource::file_format::file_compression_type::FileCompressionType;

use crate::base::{Error, Result, SqlState};

/// Every option, for the hint of a wrong one.
const NAMES: &str = "path, format, compression, header, delimiter, quote, escape, null";

/// How a file is read.
#[derive(Debug, Clone)]
pub(super) struct FileOptions {
    /// A file, a folder or a glob pattern.
    pub(super) path: String,
    pub(super) format: Format,
    /// `None`: by each file's name.
    pub(super) compression: Option<FileCompressionType>,
    pub(super) csv: CsvOptions,
}

/// What is in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// Delimited text; only this one has a header, a delimiter and quotes.
    Csv,
    /// One JSON object on each line.
    Json,
    /// Parquet
    Parquet,
}

/// How delimited text is read.
#[derive(Debug, Clone)]
pub(super) struct CsvOptions {
    /// `None`: the first line is one if it looks like one.
    pub(super) header: Option<bool>,
    pub(super) delimiter: u8,
    pub(super) quote: u8,
    pub(super) escape: u8,
    /// What unquoted text is NULL; without it nothing at all and `NA`.
    pub(super) null: Option<String>,
}

impl CsvOptions {
    /// Whether an unquoted field is NULL.
    pub(super) fn is_null(&self, field: &str) -> bool {
        match &self.null {
            Some(null) => field == null,
            None => field.is_empty() || field == "NA",
        }
    }
}

impl FileOptions {
    /// Reads OPTIONS.
    ///
    /// # Errors
    /// `42704` an option that does not exist, `22023` a value that means nothing.
    pub(super) fn new(options: &BTreeMap<String, String>) -> Result<Self> {
        if let Some(name) = options
            .keys()
            .find(|name| !NAMES.split(", ").any(|known| known == name.as_str()))
        {
            return Err(Error::new(
                SqlState::UNDEFINED_OBJECT,
                format!("invalid option \"{name}\""),
            )
            .hint(format!("Valid options in this context are: {NAMES}")));
        }
        let Some(path) = options.get("path") else {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                "path is required for foreign tables of server \"files\"",
            ));
        };
        let (stem, _) = split_compression(path);
        let extension = extension(stem);
        let format = match options.get("format") {
            Some(name) => format_named(name).ok_or_else(|| {
                bad("format", name)
                    .hint("Formats are csv, json (one object on each line) and parquet.")
            })?,
            None => format_named(extension).ok_or_else(|| {
                Error::new(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("the name \"{path}\" does not say what format the file has"),
                )
                .hint("Add the option format: csv, json or parquet.")
            })?,
        };
        if format != Format::Csv
            && let Some(name) = ["header", "delimiter", "quote", "escape", "null"]
                .into_iter()
                .find(|name| options.contains_key(*name))
        {
            return Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("option \"{name}\" is for format csv only"),
            ));
        }
        let compression = match options.get("compression").map(|name| name.to_lowercase()) {
            None => None,
            Some(name) => Some(compression_named(&name).ok_or_else(|| bad("compression", &name))?),
        };
        let header = match options.get("header").map(|value| value.to_lowercase()) {
            None => None,
            Some(value) => match value.as_str() {
                "true" | "on" | "yes" | "1" => Some(true),
                "false" | "off" | "no" | "0" => Some(false),
                "auto" => None,
                _ => return Err(bad("header", &value)),
            },
        };
        let tab = extension == "tsv" || extension == "tab";
        let delimiter = byte(options, "delimiter", if tab { b'\t' } else { b',' })?;
        let quote = byte(options, "quote", b'"')?;
        let escape = byte(options, "escape", quote)?;
        if delimiter == quote || [b'\n', b'\r'].contains(&delimiter) {
            return Err(bad(
                "delimiter",
                &options.get("delimiter").cloned().unwrap_or_default(),
            ));
        }
        Ok(Self {
            path: path.clone(),
            format,
            compression,
            csv: CsvOptions {
                header,
                delimiter,
                quote,
                escape,
                null: options.get("null").cloned(),
            },
        })
    }

    /// How one file is compressed.
    pub(super) fn compression_of(&self, name: &str) -> FileCompressionType {
        self.compression
            .unwrap_or_else(|| split_compression(name).1)
    }

    /// Whether a file found in a folder belongs to the table.
    pub(super) fn takes(&self, name: &str) -> bool {
        format_named(extension(split_compression(name).0)) == Some(self.format)
    }
}

fn bad(option: &str, value: &str) -> Error {
    Error::new(
        SqlState::INVALID_PARAMETER_VALUE,
        format!("invalid value for option \"{option}\": \"{value}\""),
    )
}

fn byte(options: &BTreeMap<String, String>, name: &str, default: u8) -> Result<u8> {
    match options.get(name).map(String::as_str) {
        None => Ok(default),
        Some("\\t" | "tab") => Ok(b'\t'),
        Some(text) => match text.as_bytes() {
            [byte] if byte.is_ascii() => Ok(*byte),
            _ => Err(Error::new(
                SqlState::INVALID_PARAMETER_VALUE,
                format!("{name} must be a single one-byte character"),
            )),
        },
    }
}

fn format_named(name: &str) -> Option<Format> {
    match name.to_lowercase().as_str() {
        "csv" | "tsv" | "tab" | "txt" => Some(Format::Csv),
        "json" | "ndjson" | "jsonl" => Some(Format::Json),
        "parquet" | "pq" => Some(Format::Parquet),
        _ => None,
    }
}

fn compression_named(name: &str) -> Option<FileCompressionType> {
    match name {
        "none" => Some(FileCompressionType::UNCOMPRESSED),
        "gzip" | "gz" => Some(FileCompressionType::GZIP),
        "zstd" | "zst" => Some(FileCompressionType::ZSTD),
        "bzip2" | "bz2" => Some(FileCompressionType::BZIP2),
        "xz" => Some(FileCompressionType::XZ),
        _ => None,
    }
}

/// A file's name without the suffix of its compression, and that.
fn split_compression(name: &str) -> (&str, FileCompressionType) {
    match name.rsplit_once('.') {
        Some((stem, suffix)) => match compression_named(&suffix.to_lowercase()) {
            Some(compression) if suffix.to_lowercase() != "none" => (stem, compression),
            _ => (name, FileCompressionType::UNCOMPRESSED),
        },
        None => (name, FileCompressionType::UNCOMPRESSED),
    }
}

fn extension(name: &str) -> &str {
    let file = name.rsplit('/').next().unwrap_or(name);
    file.rsplit_once('.').map_or("", |(_, extension)| extension)
}
