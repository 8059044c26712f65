//! Columns of text files, from their names and a sample of their values.

use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::sync::Arc;

use serde_json::Value;

use super::delimited::Splitter;
use super::files::File;
use super::infer::{self, Guess};
use super::options::{CsvOptions, FileOptions, Format};
use super::record::{Chunk, Trouble};
use super::text::{Lines, at_line, json_object, open};
use crate::base::{Error, Oid, Result, SqlState};
use crate::catalog::Column;
use crate::observe::{Transfer, TransferKind};
use crate::types::PgType;

/// Bytes looked at to guess types: a smaller file is read whole, so that no later line contradicts
/// the guess.
const GUESS_BYTES: usize = 64 * 1024 * 1024;

/// The columns of a text file. Blocking.
///
/// # Errors
/// As reading it.
pub(super) fn infer(file: &File, options: &FileOptions) -> Result<Vec<Column>> {
    let unseen = Arc::new(Transfer::new(TransferKind::Files, Oid::INVALID));
    let input = open(file, options, &unseen)?;
    let name = file.path.display().to_string();
    match options.format {
        Format::Csv => infer_csv(&name, input, &options.csv),
        Format::Json => infer_json(&name, input),
        Format::Parquet => Err(Error::internal("reading a text file", "it is Parquet")),
    }
}

fn infer_csv(name: &str, input: Box<dyn Read + Send>, options: &CsvOptions) -> Result<Vec<Column>> {
    let in_file = |trouble: Trouble| at_line(trouble.error, name, trouble.line);
    let mut splitter = Splitter::new(input, options);
    let mut first = Chunk::default();
    if !splitter.next(&mut first).map_err(in_file)? {
        return Err(Error::new(
            SqlState::BAD_COPY_FILE_FORMAT,
            format!("file \"{name}\" is empty"),
        )
        .hint("Declare the columns in CREATE FOREIGN TABLE."));
    }
    let width = first.width(0);
    let header = (0..width)
        .map(|field| first.field(0, field).map(|field| field.text.to_owned()))
        .collect::<Result<Vec<_>>>()
        .map_err(|error| at_line(error, name, 1))?;
    let has_header = options.header.unwrap_or_else(|| looks_like_header(&header));
    let mut guesses = vec![Guess::default(); width];
    let mut chunk = if has_header { Chunk::default() } else { first };
    let mut bytes = 0;
    let mut more = true;
    while more && bytes < GUESS_BYTES {
        while more && !chunk.is_full() {
            more = splitter.next(&mut chunk).map_err(in_file)?;
        }
        for record in 0..chunk.records() {
            for (field, guess) in guesses.iter_mut().enumerate().take(chunk.width(record)) {
                let field = chunk
                    .field(record, field)
                    .map_err(|error| at_line(error, name, chunk.line(record)))?;
                if field.quoted || !options.is_null(field.text) {
                    guess.see(field.text);
                }
            }
        }
        bytes += chunk.len();
        chunk = Chunk::default();
    }
    let names = match has_header {
        true => header,
        false => vec![String::new(); width],
    };
    infer::columns(names, guesses.iter().map(Guess::ty).collect())
}

/// A first line is a header if its fields are different words and none is a value of another type
/// than text.
fn looks_like_header(fields: &[String]) -> bool {
    let mut names = HashSet::new();
    fields.iter().all(|field| {
        let mut guess = Guess::default();
        guess.see(field);
        guess.ty() == PgType::TEXT && names.insert(field.trim())
    })
}

fn infer_json(name: &str, input: Box<dyn Read + Send>) -> Result<Vec<Column>> {
    let mut lines = Lines::new(input);
    let mut names: Vec<String> = Vec::new();
    let mut guesses: HashMap<String, Guess> = Default::default();
    let mut bytes = 0;
    loop {
        let mut chunk = Chunk::default();
        let more = lines
            .next(&mut chunk)
            .map_err(|trouble| at_line(trouble.error, name, trouble.line))?;
        if !more || bytes > GUESS_BYTES {
            break;
        }
        bytes += chunk.len();
        let object = chunk
            .field(0, 0)
            .and_then(|field| json_object(field.text))
            .map_err(|error| at_line(error, name, chunk.line(0)))?;
        for (key, value) in object {
            let guess = match guesses.get_mut(&key) {
                Some(guess) => guess,
                None => {
                    names.push(key.clone());
                    guesses.entry(key).or_default()
                }
            };
            match value {
                Value::Null => {}
                Value::Array(_) | Value::Object(_) => guess.see_nested(),
                Value::String(text) => guess.see(&text),
                value => guess.see(&value.to_string()),
            }
        }
    }
    let types = names.iter().map(|name| guesses[name].ty()).collect();
    infer::columns(names, types)
}
