//! `ts_headline`: what of a document shows that a query was found in it.

use super::texts::{CONFIG, config, current, each_token};
use super::{QUERY, query};
use crate::base::{Error, Result, SqlState};
use crate::functions::call::short::{JSON, JSONB, TEXT};
use crate::functions::call::{Call, functions};
use crate::functions::json_tree::{Json, Kind, Tree, parse, quoted};
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::search::{Config, HeadlineOptions, Query, add_to_headline, headline, is_space};

functions! { pub(in crate::functions) HEADLINES:
    "ts_headline search now" Stable {
        (TEXT, QUERY) -> PgType::TEXT, strict, |call, row| of_text(call, row, current(call)?, 0);
        (TEXT, QUERY, TEXT) -> PgType::TEXT, strict, |call, row| of_text(call, row, current(call)?, 0);
        (JSON, QUERY) -> PgType::JSON, strict, |call, row| of_json(call, row, current(call)?, 0);
        (JSON, QUERY, TEXT) -> PgType::JSON, strict, |call, row| of_json(call, row, current(call)?, 0);
        (JSONB, QUERY) -> PgType::JSONB, strict, |call, row| of_jsonb(call, row, current(call)?, 0);
        (JSONB, QUERY, TEXT) -> PgType::JSONB, strict, |call, row| of_jsonb(call, row, current(call)?, 0);
    }
    "ts_headline search" Immutable {
        (CONFIG, TEXT, QUERY) -> PgType::TEXT, strict, |call, row| of_text(call, row, config(call, row)?, 1);
        (CONFIG, TEXT, QUERY, TEXT) -> PgType::TEXT, strict, |call, row| of_text(call, row, config(call, row)?, 1);
        (CONFIG, JSON, QUERY) -> PgType::JSON, strict, |call, row| of_json(call, row, config(call, row)?, 1);
        (CONFIG, JSON, QUERY, TEXT) -> PgType::JSON, strict, |call, row| of_json(call, row, config(call, row)?, 1);
        (CONFIG, JSONB, QUERY) -> PgType::JSONB, strict, |call, row| of_jsonb(call, row, config(call, row)?, 1);
        (CONFIG, JSONB, QUERY, TEXT) -> PgType::JSONB, strict, |call, row| of_jsonb(call, row, config(call, row)?, 1);
    }
}

/// What a call says beside the document.
struct Asked {
    config: Config,
    query: Query,
    options: HeadlineOptions,
}

impl Asked {
    /// Of a call whose document is argument `at`.
    fn new(call: &Call<'_>, row: usize, config: Config, at: usize) -> Result<Self> {
        let given = call.text(at + 2, row).map_or(Ok(Vec::new()), parameters)?;
        Ok(Self {
            config,
            query: query(call, at + 1, row),
            options: HeadlineOptions::new(&given)?,
        })
    }

    fn headline(&self, text: &str) -> Result<String> {
        let mut words = Vec::new();
        each_token(self.config, text, &mut 0, |token, lexeme| {
            let lexeme = lexeme.as_ref().map(|(word, place)| (word.as_str(), *place));
            add_to_headline(&mut words, token, lexeme, &self.query);
            Ok(())
        })?;
        Ok(headline(words, &self.query, &self.options))
    }

    /// A json value with the headlines of its strings.
    fn within(&self, json: &Json<'_>, out: &mut String) -> Result<()> {
        match &json.kind {
            Kind::Object(fields) => {
                out.push('{');
                for (index, (key, value)) in fields.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    quoted(key, out);
                    out.push(':');
                    self.within(value, out)?;
                }
                out.push('}');
            }
            Kind::Array(items) => {
                out.push('[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        out.push(',');
                    }
                    self.within(item, out)?;
                }
                out.push(']');
            }
            Kind::String(_) => quoted(&self.headline(&json.text().unwrap_or_default())?, out),
            _ => out.push_str(json.raw),
        }
        Ok(())
    }
}

fn of_text(call: &Call<'_>, row: usize, config: Config, at: usize) -> Result<Value> {
    let asked = Asked::new(call, row, config, at)?;
    asked.headline(call.must_text(at, row)).map(Value::from)
}

fn of_json(call: &Call<'_>, row: usize, config: Config, at: usize) -> Result<Value> {
    let asked = Asked::new(call, row, config, at)?;
    let mut out = String::new();
    asked.within(&parse(call.must_text(at, row))?, &mut out)?;
    Ok(out.into())
}

fn of_jsonb(call: &Call<'_>, row: usize, config: Config, at: usize) -> Result<Value> {
    let asked = Asked::new(call, row, config, at)?;
    let (mut shown, mut out) = (String::new(), String::new());
    asked.within(&parse(call.must_text(at, row))?, &mut shown)?;
    Tree::parse(&shown)?.write(&mut out);
    Ok(out.into())
}

/// `Name = value, Name = 'value'`: names are words, values may be quoted either way.
fn parameters(text: &str) -> Result<Vec<(String, String)>> {
    let wrong = || {
        Error::new(
            SqlState::SYNTAX_ERROR,
            format!("invalid parameter list format: \"{text}\""),
        )
    };
    let mut given = Vec::new();
    let mut rest = text.trim_start_matches(|c: char| is_space(c) || c == ',');
    while !rest.is_empty() {
        let (name, after) = word(rest, &['=']).ok_or_else(wrong)?;
        let after = after.trim_start_matches(is_space);
        let after = after.strip_prefix('=').ok_or_else(wrong)?;
        let after = after.trim_start_matches(is_space);
        let (value, after) = word(after, &[',']).ok_or_else(wrong)?;
        given.push((name, value));
        rest = after.trim_start_matches(|c: char| is_space(c) || c == ',');
    }
    Ok(given)
}

/// A word, quoted or up to white space or one of some signs, and what follows.
fn word<'t>(text: &'t str, ends: &[char]) -> Option<(String, &'t str)> {
    let quote = text.chars().next()?;
    if !matches!(quote, '\'' | '"') {
        let end = text.find(|c: char| is_space(c) || ends.contains(&c));
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        return (!word.is_empty()).then(|| (word.to_owned(), rest));
    }
    let mut word = String::new();
    let mut chars = text.char_indices().skip(1).peekable();
    while let Some((index, c)) = chars.next() {
        match c {
            '\\' if quote == '\'' => word.push(chars.next()?.1),
            c if c != quote => word.push(c),
            _ if chars.next_if(|(_, next)| *next == quote).is_some() => word.push(quote),
            _ => return Some((word, &text[index + 1..])),
        }
    }
    None
}
