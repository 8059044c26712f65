//! Documents and queries made of text: parsed, and each word looked up in a configuration's
//! dictionaries.

use super::documents::packed;
use super::{QUERY, query};
use crate::base::{Error, Result, SqlState};
use crate::functions::call::short::{JSON, JSONB, OID, TEXT};
use crate::functions::call::{Call, functions};
use crate::functions::json_tree::{Json, Kind as Shape, parse};
use crate::functions::resolve::{Param, Returns};
use crate::pg_catalog::{Value, names};
use crate::types::PgType;
use crate::types::search::{
    Builder, Config, Dictionary, Kind, Lexeme, Operator, POSITION_MAX, POSITIONS_MAX, Parser,
    Position, Query, Read, Syntax, Vector, WORD_BYTES_MAX, limited, matches, read,
};

pub(super) const CONFIG: Param = Param::Is(PgType::REGCONFIG);
const DICTIONARY: Param = Param::Is(PgType::REGDICTIONARY);
/// `text[]`
const TEXT_ARRAY: PgType = PgType::of(1009);
/// `integer[]`
const INTEGERS: PgType = PgType::of(1007);
/// `regdictionary[]`
const DICTIONARIES: PgType = PgType::of(3770);

/// A function of text alone, or of a configuration and text.
macro_rules! of_text {
    ($($name:literal $now:literal $syntax:expr, $operator:expr;)*) => {
        functions! { pub(in crate::functions) QUERIES_NOW: $($now Stable {
            (TEXT) -> PgType::TSQUERY, strict, |call, row| {
                asked(current(call)?, call.must_text(0, row), $syntax, $operator)
            };
        })* }
        functions! { pub(in crate::functions) QUERIES: $($name Immutable {
            (CONFIG, TEXT) -> PgType::TSQUERY, strict, |call, row| {
                asked(config(call, row)?, call.must_text(1, row), $syntax, $operator)
            };
        })* }
    };
}

of_text! {
    "to_tsquery search" "to_tsquery search now" Syntax::Plain, Operator::Phrase(1);
    "plainto_tsquery search" "plainto_tsquery search now" Syntax::Words, Operator::And;
    "phraseto_tsquery search" "phraseto_tsquery search now" Syntax::Words, Operator::Phrase(1);
    "websearch_to_tsquery search" "websearch_to_tsquery search now" Syntax::Web, Operator::Phrase(1);
}

functions! { pub(in crate::functions) LIST:
    "to_tsvector search now" Stable {
        (TEXT) -> PgType::TSVECTOR, strict, |call, row| {
            document(current(call)?, call.must_text(0, row))
        };
        (JSON) -> PgType::TSVECTOR, strict, |call, row| of_json(call, row, current(call)?, 0, STRINGS);
        (JSONB) -> PgType::TSVECTOR, strict, |call, row| of_json(call, row, current(call)?, 0, STRINGS);
    }
    "to_tsvector search" Immutable {
        (CONFIG, TEXT) -> PgType::TSVECTOR, strict, |call, row| {
            document(config(call, row)?, call.must_text(1, row))
        };
        (CONFIG, JSON) -> PgType::TSVECTOR, strict, |call, row| {
            of_json(call, row, config(call, row)?, 1, STRINGS)
        };
        (CONFIG, JSONB) -> PgType::TSVECTOR, strict, |call, row| {
            of_json(call, row, config(call, row)?, 1, STRINGS)
        };
    }
    "json_to_tsvector search now" Stable {
        (JSON, JSONB) -> PgType::TSVECTOR, strict, |call, row| {
            of_json(call, row, current(call)?, 0, filter(call, 1, row)?)
        };
    }
    "json_to_tsvector search" Immutable {
        (CONFIG, JSON, JSONB) -> PgType::TSVECTOR, strict, |call, row| {
            of_json(call, row, config(call, row)?, 1, filter(call, 2, row)?)
        };
    }
    "jsonb_to_tsvector search now" Stable {
        (JSONB, JSONB) -> PgType::TSVECTOR, strict, |call, row| {
            of_json(call, row, current(call)?, 0, filter(call, 1, row)?)
        };
    }
    "jsonb_to_tsvector search" Immutable {
        (CONFIG, JSONB, JSONB) -> PgType::TSVECTOR, strict, |call, row| {
            of_json(call, row, config(call, row)?, 1, filter(call, 2, row)?)
        };
    }
    "@@ search now" Stable {
        (TEXT, QUERY) -> PgType::BOOL, strict, |call, row| {
            let document = vector(current(call)?, [call.must_text(0, row)], false)?;
            Ok(matches(&document, &query(call, 1, row)).into())
        };
        (TEXT, TEXT) -> PgType::BOOL, strict, |call, row| {
            let config = current(call)?;
            let sought = words(config, call.must_text(1, row), Syntax::Words, Operator::And)?;
            let document = vector(config, [call.must_text(0, row)], false)?;
            Ok(matches(&document, &sought).into())
        };
    }
    "get_current_ts_config" Stable {
        () -> PgType::REGCONFIG, strict, |call, _| Ok(current(call)?.oid().into());
    }
    "ts_lexize search" Immutable {
        (DICTIONARY, TEXT) -> TEXT_ARRAY, strict, |call, row| {
            let oid = call.oid(0, row)?.map_or(0, |oid| oid.0);
            let dictionary = Dictionary::of(oid)
                .ok_or_else(|| lost(format!("text search dictionary {oid}")))?;
            lexemes(dictionary, call.must_text(1, row))
        };
    }
    "ts_parse.tokid" Immutable {
        (TEXT, TEXT) -> INTEGERS, strict, |call, row| parsed(call, row, |kind, _| kind.number().into());
        (OID, TEXT) -> INTEGERS, strict, |call, row| parsed(call, row, |kind, _| kind.number().into());
    }
    "ts_parse.token" Immutable {
        (TEXT, TEXT) -> TEXT_ARRAY, strict, |call, row| parsed(call, row, |_, text| text.to_owned().into());
        (OID, TEXT) -> TEXT_ARRAY, strict, |call, row| parsed(call, row, |_, text| text.to_owned().into());
    }
    "ts_token_type.tokid" Immutable {
        (TEXT) -> INTEGERS, strict, |call, row| kinds(call, row, |kind| kind.number().into());
        (OID) -> INTEGERS, strict, |call, row| kinds(call, row, |kind| kind.number().into());
    }
    "ts_token_type.alias" Immutable {
        (TEXT) -> TEXT_ARRAY, strict, |call, row| kinds(call, row, |kind| kind.alias().into());
        (OID) -> TEXT_ARRAY, strict, |call, row| kinds(call, row, |kind| kind.alias().into());
    }
    "ts_token_type.description" Immutable {
        (TEXT) -> TEXT_ARRAY, strict, |call, row| kinds(call, row, |kind| kind.description().into());
        (OID) -> TEXT_ARRAY, strict, |call, row| kinds(call, row, |kind| kind.description().into());
    }
    "ts_debug.alias" Stable {
        (CONFIG, TEXT) -> TEXT_ARRAY, strict, |call, row| looked_at(call, row, |_, kind, _| Ok(kind.alias().into()));
        (TEXT) -> TEXT_ARRAY, strict, |call, row| looked_at(call, row, |_, kind, _| Ok(kind.alias().into()));
    }
    "ts_debug.description" Stable {
        (CONFIG, TEXT) -> TEXT_ARRAY, strict, |call, row| looked_at(call, row, |_, kind, _| Ok(kind.description().into()));
        (TEXT) -> TEXT_ARRAY, strict, |call, row| looked_at(call, row, |_, kind, _| Ok(kind.description().into()));
    }
    "ts_debug.token" Stable {
        (CONFIG, TEXT) -> TEXT_ARRAY, strict, |call, row| looked_at(call, row, |_, _, text| Ok(text.to_owned().into()));
        (TEXT) -> TEXT_ARRAY, strict, |call, row| looked_at(call, row, |_, _, text| Ok(text.to_owned().into()));
    }
    "ts_debug.dictionaries" Stable {
        (CONFIG, TEXT) => Returns::SetOf(DICTIONARIES), strict, |call, row| looked_at(call, row, all_asked);
        (TEXT) => Returns::SetOf(DICTIONARIES), strict, |call, row| looked_at(call, row, all_asked);
    }
    "ts_debug.dictionary" Stable {
        (CONFIG, TEXT) -> DICTIONARIES, strict, |call, row| looked_at(call, row, answering);
        (TEXT) -> DICTIONARIES, strict, |call, row| looked_at(call, row, answering);
    }
    "ts_debug.lexemes" Stable {
        (CONFIG, TEXT) => Returns::SetOf(TEXT_ARRAY), strict, |call, row| looked_at(call, row, answer);
        (TEXT) => Returns::SetOf(TEXT_ARRAY), strict, |call, row| looked_at(call, row, answer);
    }
}

fn lost(what: String) -> Error {
    Error::new(
        SqlState::INTERNAL_ERROR,
        format!("cache lookup failed for {what}"),
    )
}

/// The configuration that is the first argument.
pub(super) fn config(call: &Call<'_>, row: usize) -> Result<Config> {
    let oid = call.oid(0, row)?.map_or(0, |oid| oid.0);
    Config::of(oid).ok_or_else(|| lost(format!("text search configuration {oid}")))
}

/// The configuration of who names none.
pub(super) fn current(call: &Call<'_>) -> Result<Config> {
    let name = call.context.settings.show("default_text_search_config")?;
    let oid = names::parse_reg(call.context, PgType::REGCONFIG, &name)?.0;
    Config::of(oid).ok_or_else(|| lost(format!("text search configuration {oid}")))
}

/// Goes through the words of a text: what stands for each, and its place, from one on behind
/// `place`. Words that say nothing have places too.
fn each_word(
    config: Config,
    text: &str,
    place: &mut i64,
    mut found: impl FnMut(String, u16) -> Result<()>,
) -> Result<()> {
    each_token(config, text, place, |_, lexeme| match lexeme {
        Some((lexeme, place)) => found(lexeme, place),
        None => Ok(()),
    })
}

/// As [`each_word`], through all that the text is made of.
pub(super) fn each_token<'t>(
    config: Config,
    text: &'t str,
    place: &mut i64,
    mut found: impl FnMut((Kind, &'t str), Option<(String, u16)>) -> Result<()>,
) -> Result<()> {
    let mut parser = Parser::new(text);
    while let Some((kind, token)) = parser.next_token()? {
        // PostgreSQL leaves out what is too long, with a notice.
        if token.len() > WORD_BYTES_MAX {
            continue;
        }
        let Some(dictionary) = config.dictionary(kind) else {
            found((kind, token), None)?;
            continue;
        };
        *place += 1;
        let lexeme = dictionary.lexeme(token)?;
        found((kind, token), lexeme.map(|word| (word, limited(*place))))?;
    }
    Ok(())
}

/// The document that texts are, the next behind the last; with a place between them if they are
/// parts of one value.
fn vector<'a>(
    config: Config,
    texts: impl IntoIterator<Item = &'a str>,
    apart: bool,
) -> Result<Vector> {
    let mut words: Vec<(String, u16)> = Vec::new();
    let mut place = 0;
    for text in texts {
        let before = words.len();
        each_word(config, text, &mut place, |word, place| {
            words.push((word, place));
            Ok(())
        })?;
        if apart && words.len() > before {
            place += 1;
        }
    }
    words.sort();
    let mut lexemes: Vec<Lexeme> = Vec::new();
    for (word, place) in words {
        let position = Position { place, weight: 0 };
        match lexemes.last_mut() {
            Some(last) if last.word == word => {
                let end = last.positions.last().map_or(0, |last| last.place);
                if last.positions.len() < POSITIONS_MAX - 1 && end != POSITION_MAX && end != place {
                    last.positions.push(position);
                }
            }
            _ => lexemes.push(Lexeme {
                word,
                positions: vec![position],
            }),
        }
    }
    Vector::of(lexemes)
}

fn document(config: Config, text: &str) -> Result<Value> {
    Ok(vector(config, [text], false)?.into())
}

/// What of a json value is looked at.
#[derive(Debug, Clone, Copy, Default)]
struct Filter {
    strings: bool,
    numbers: bool,
    booleans: bool,
    keys: bool,
}

const STRINGS: Filter = Filter {
    strings: true,
    numbers: false,
    booleans: false,
    keys: false,
};

/// What an argument says is looked at.
fn filter(call: &Call<'_>, arg: usize, row: usize) -> Result<Filter> {
    let invalid = |message: String| Error::new(SqlState::INVALID_PARAMETER_VALUE, message);
    let hinted = |message: String| {
        invalid(message).hint(
            "Possible values are: \"string\", \"numeric\", \"boolean\", \"key\", and \"all\".",
        )
    };
    let wanted = parse(call.must_text(arg, row))?;
    let flags = match &wanted.kind {
        Shape::Array(items) => items.iter().collect(),
        Shape::Object(_) => {
            return Err(invalid(
                "wrong flag type, only arrays and scalars are allowed".to_owned(),
            ));
        }
        _ => vec![&wanted],
    };
    let mut filter = Filter::default();
    for flag in flags {
        let Shape::String(_) = &flag.kind else {
            return Err(hinted("flag array element is not a string".to_owned()));
        };
        let flag = flag.text().unwrap_or_default();
        match flag.to_ascii_lowercase().as_str() {
            "all" => {
                filter = Filter {
                    strings: true,
                    numbers: true,
                    booleans: true,
                    keys: true,
                };
            }
            "string" => filter.strings = true,
            "numeric" => filter.numbers = true,
            "boolean" => filter.booleans = true,
            "key" => filter.keys = true,
            _ => return Err(hinted(format!("wrong flag in flag array: \"{flag}\""))),
        }
    }
    Ok(filter)
}

/// Adds the texts of a json value that are looked at.
fn gather(json: &Json<'_>, filter: Filter, texts: &mut Vec<String>) {
    match &json.kind {
        Shape::Object(fields) => {
            for (key, value) in fields {
                if filter.keys {
                    texts.push(key.to_string());
                }
                gather(value, filter, texts);
            }
        }
        Shape::Array(items) => items.iter().for_each(|item| gather(item, filter, texts)),
        Shape::String(_) if filter.strings => texts.extend(json.text()),
        Shape::Number if filter.numbers => texts.extend(json.text()),
        Shape::Bool(_) if filter.booleans => texts.extend(json.text()),
        _ => {}
    }
}

fn of_json(
    call: &Call<'_>,
    row: usize,
    config: Config,
    arg: usize,
    filter: Filter,
) -> Result<Value> {
    let mut texts = Vec::new();
    gather(&parse(call.must_text(arg, row))?, filter, &mut texts);
    Ok(vector(config, texts.iter().map(String::as_str), true)?.into())
}

/// A query from text.
fn words(config: Config, text: &str, syntax: Syntax, operator: Operator) -> Result<Query> {
    let read = read(text, syntax, &mut |builder, word| {
        put(config, operator, builder, word)
    });
    read.map(|(query, _)| query)
}

/// Puts what stands for a word, or for several, into a query.
fn put(config: Config, operator: Operator, builder: &mut Builder<'_>, word: Read) -> Result<()> {
    let mut found: Vec<(String, u16)> = Vec::new();
    each_word(config, &word.word, &mut 0, |lexeme, place| {
        found.push((lexeme, place));
        Ok(())
    })?;
    if found.is_empty() {
        builder.stop();
        return Ok(());
    }
    let mut last = 0;
    let mut several = false;
    for (lexeme, place) in found {
        // Words that say nothing keep their places, so that distances stay right.
        while last > 0 && last + 1 < place {
            builder.stop();
            if several {
                builder.join(operator)?;
            }
            several = true;
            last += 1;
        }
        last = place;
        builder.word(lexeme, word.weights, word.prefix)?;
        if several {
            builder.join(operator)?;
        }
        several = true;
    }
    Ok(())
}

fn asked(config: Config, text: &str, syntax: Syntax, operator: Operator) -> Result<Value> {
    packed(&words(config, text, syntax, operator)?)
}

/// Refuses parsers that are not there.
fn check_parser(call: &Call<'_>, row: usize) -> Result<()> {
    const DEFAULT: i64 = 3722;
    let (known, missing) = match call.int(0, row) {
        Some(oid) => (oid == DEFAULT, lost(format!("text search parser {oid}"))),
        None => {
            let name = call.must_text(0, row);
            (
                matches!(name, "default" | "pg_catalog.default"),
                Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("text search parser \"{name}\" does not exist"),
                ),
            )
        }
    };
    if known { Ok(()) } else { Err(missing) }
}

fn parsed(call: &Call<'_>, row: usize, of: impl Fn(Kind, &str) -> Value) -> Result<Value> {
    check_parser(call, row)?;
    let mut parser = Parser::new(call.must_text(1, row));
    let mut values = Vec::new();
    while let Some((kind, token)) = parser.next_token()? {
        values.push(of(kind, token));
    }
    Ok(Value::List(values))
}

fn kinds(call: &Call<'_>, row: usize, of: impl Fn(Kind) -> Value) -> Result<Value> {
    check_parser(call, row)?;
    Ok(Value::List(
        Kind::ALL.iter().map(|kind| of(*kind)).collect(),
    ))
}

/// What a dictionary makes of a word.
fn lexemes(dictionary: Dictionary, word: &str) -> Result<Value> {
    let lexeme = dictionary.lexeme(word)?;
    Ok(Value::List(lexeme.into_iter().map(Value::from).collect()))
}

/// Something of each token of a text, and of the dictionary it is looked up in.
fn looked_at(
    call: &Call<'_>,
    row: usize,
    of: impl Fn(Option<Dictionary>, Kind, &str) -> Result<Value>,
) -> Result<Value> {
    let (config, text) = match call.len() {
        1 => (current(call)?, call.must_text(0, row)),
        _ => (config(call, row)?, call.must_text(1, row)),
    };
    let mut parser = Parser::new(text);
    let mut values = Vec::new();
    while let Some((kind, token)) = parser.next_token()? {
        values.push(of(config.dictionary(kind), kind, token)?);
    }
    Ok(Value::List(values))
}

fn all_asked(dictionary: Option<Dictionary>, _: Kind, _: &str) -> Result<Value> {
    let oids = dictionary.into_iter().map(|one| one.oid().into());
    Ok(Value::List(oids.collect()))
}

fn answering(dictionary: Option<Dictionary>, _: Kind, _: &str) -> Result<Value> {
    Ok(dictionary.map(Dictionary::oid).into())
}

fn answer(dictionary: Option<Dictionary>, _: Kind, token: &str) -> Result<Value> {
    match dictionary {
        Some(dictionary) => lexemes(dictionary, token),
        None => Ok(Value::Null),
    }
}
