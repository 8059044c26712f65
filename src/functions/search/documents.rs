//! What compares, changes, joins and takes apart documents and queries.

use super::{CHAR, CHARS, QUERY, VECTOR, query, vector};
use crate::base::{Error, Result, SqlState};
use crate::functions::call::short::{INT, TEXT, TEXTS};
use crate::functions::call::{Call, functions};
use crate::functions::jsonb::texts;
use crate::functions::resolve::Returns;
use crate::pg_catalog::Value;
use crate::types::PgType;
use crate::types::search::{
    DISTANCE_MAX, Lexeme, Node, Operator, Query, Vector, matches, rewritten, weight_of,
};

/// `text[]`
const TEXT_ARRAY: PgType = PgType::of(1009);
/// `smallint[]`
const NUMBERS: PgType = PgType::of(1005);

functions! { pub(in crate::functions) LIST:
    "@@ search" Immutable {
        (VECTOR, QUERY) -> PgType::BOOL, strict, |call, row| found(call, row, 0, 1);
        (QUERY, VECTOR) -> PgType::BOOL, strict, |call, row| found(call, row, 1, 0);
    }
    "@@@ search" Immutable {
        (VECTOR, QUERY) -> PgType::BOOL, strict, |call, row| found(call, row, 0, 1);
        (QUERY, VECTOR) -> PgType::BOOL, strict, |call, row| found(call, row, 1, 0);
    }
    "|| search" Immutable {
        (VECTOR, VECTOR) -> PgType::TSVECTOR, strict, |call, row| {
            Ok(vector(call, 0, row).followed_by(vector(call, 1, row))?.into())
        };
        (QUERY, QUERY) -> PgType::TSQUERY, strict, |call, row| joined(call, row, Operator::Or);
    }
    "&& search" Immutable {
        (QUERY, QUERY) -> PgType::TSQUERY, strict, |call, row| joined(call, row, Operator::And);
    }
    "<-> search" Immutable {
        (QUERY, QUERY) -> PgType::TSQUERY, strict, |call, row| joined(call, row, Operator::Phrase(1));
    }
    "!! search" Immutable {
        (QUERY) -> PgType::TSQUERY, strict, |call, row| {
            let root = query(call, 0, row).root;
            packed(&Query { root: root.map(|root| Node::Not(Box::new(root))) })
        };
    }
    "@> search" Immutable {
        (QUERY, QUERY) -> PgType::BOOL, strict, |call, row| {
            Ok(query(call, 0, row).contains(&query(call, 1, row)).into())
        };
    }
    "<@ search" Immutable {
        (QUERY, QUERY) -> PgType::BOOL, strict, |call, row| {
            Ok(query(call, 1, row).contains(&query(call, 0, row)).into())
        };
    }
    "tsvector_cmp search" Immutable {
        (VECTOR, VECTOR) -> PgType::INT4, strict, |call, row| {
            Ok((call.bytes(0, row).cmp(call.bytes(1, row)) as i32).into())
        };
    }
    "tsquery_cmp search" Immutable {
        (QUERY, QUERY) -> PgType::INT4, strict, |call, row| {
            let [a, b] = [0, 1].map(|arg| Query::key(call.bytes(arg, row)));
            Ok((a.cmp(b) as i32).into())
        };
    }
    "length search" Immutable {
        (VECTOR) -> PgType::INT4, strict, |call, row| counted(vector(call, 0, row).lexemes.len());
    }
    "strip search" Immutable {
        (VECTOR) -> PgType::TSVECTOR, strict, |call, row| Ok(vector(call, 0, row).stripped().into());
    }
    "setweight search" Immutable {
        (VECTOR, CHAR) -> PgType::TSVECTOR, strict, |call, row| {
            Ok(vector(call, 0, row).weighted(weight(call, row)?, None).into())
        };
        (VECTOR, CHAR, TEXTS) -> PgType::TSVECTOR, strict, |call, row| {
            let words = words(call, 2, row)?;
            Ok(vector(call, 0, row).weighted(weight(call, row)?, Some(&words)).into())
        };
    }
    "ts_delete search" Immutable {
        (VECTOR, TEXT) -> PgType::TSVECTOR, strict, |call, row| {
            let word = call.must_text(1, row).to_owned();
            Ok(vector(call, 0, row).without(&[word]).into())
        };
        (VECTOR, TEXTS) -> PgType::TSVECTOR, strict, |call, row| {
            Ok(vector(call, 0, row).without(&words(call, 1, row)?).into())
        };
    }
    "ts_filter search" Immutable { (VECTOR, CHARS) -> PgType::TSVECTOR, strict, filtered; }
    "tsvector_to_array search" Immutable {
        (VECTOR) -> TEXT_ARRAY, strict, |call, row| lexemes(call, row, |one| one.word.into());
    }
    "array_to_tsvector search" Immutable { (TEXTS) -> PgType::TSVECTOR, strict, of_words; }
    "unnest.lexeme" Immutable {
        (VECTOR) -> TEXT_ARRAY, strict, |call, row| lexemes(call, row, |one| one.word.into());
    }
    "unnest.positions" Immutable {
        (VECTOR) => Returns::SetOf(NUMBERS), strict, |call, row| lexemes(call, row, |one| {
            each(&one, |position| i64::from(position.place).into())
        });
    }
    "unnest.weights" Immutable {
        (VECTOR) => Returns::SetOf(TEXT_ARRAY), strict, |call, row| lexemes(call, row, |one| {
            each(&one, |position| position.letter().into())
        });
    }
    "numnode search" Immutable {
        (QUERY) -> PgType::INT4, strict, |call, row| counted(query(call, 0, row).size());
    }
    "querytree search" Immutable {
        (QUERY) -> PgType::TEXT, strict, |call, row| Ok(query(call, 0, row).indexable().into());
    }
    "tsquery_phrase search" Immutable {
        (QUERY, QUERY) -> PgType::TSQUERY, strict, |call, row| joined(call, row, Operator::Phrase(1));
        (QUERY, QUERY, INT) -> PgType::TSQUERY, strict, |call, row| {
            let distance = call.int(2, row).unwrap_or_default();
            let known = i16::try_from(distance).ok();
            match known.filter(|_| (0..=DISTANCE_MAX).contains(&distance)) {
                Some(distance) => joined(call, row, Operator::Phrase(distance)),
                None => Err(invalid(format!(
                    "distance in phrase operator must be an integer value between zero and \
                     {DISTANCE_MAX} inclusive"
                ))),
            }
        };
    }
    "ts_rewrite search" Immutable {
        (QUERY, QUERY, QUERY) -> PgType::TSQUERY, strict, |call, row| {
            let [sought, by] = [1, 2].map(|arg| query(call, arg, row));
            packed(&rewritten(query(call, 0, row), &sought, &by)?)
        };
        (QUERY, TEXT) -> PgType::TSQUERY, strict, |_, _| {
            Err(Error::unsupported("ts_rewrite() with a query of its own"))
        };
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(SqlState::INVALID_PARAMETER_VALUE, message)
}

fn counted(count: usize) -> Result<Value> {
    Ok(i32::try_from(count).unwrap_or(i32::MAX).into())
}

/// A query as a value.
pub(super) fn packed(query: &Query) -> Result<Value> {
    query.pack().map(Value::Bytes)
}

fn found(call: &Call<'_>, row: usize, document: usize, sought: usize) -> Result<Value> {
    Ok(matches(&vector(call, document, row), &query(call, sought, row)).into())
}

fn joined(call: &Call<'_>, row: usize, operator: Operator) -> Result<Value> {
    packed(&query(call, 0, row).joined(operator, query(call, 1, row)))
}

/// The weight in the second argument.
fn weight(call: &Call<'_>, row: usize) -> Result<u8> {
    let letter = call.must_text(1, row).bytes().next().unwrap_or(0);
    weight_of(letter).ok_or_else(|| {
        Error::new(
            SqlState::INTERNAL_ERROR,
            format!("unrecognized weight: {}", letter.cast_signed()),
        )
    })
}

/// The words of an array; there are none where it has NULLs.
fn words(call: &Call<'_>, arg: usize, row: usize) -> Result<Vec<String>> {
    Ok(texts(call, arg, row)?.into_iter().flatten().collect())
}

fn null(what: &str) -> Error {
    Error::new(
        SqlState::NULL_VALUE_NOT_ALLOWED,
        format!("{what} array may not contain nulls"),
    )
}

fn filtered(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut weights = 0;
    for letter in texts(call, 1, row)? {
        let letter = letter.ok_or_else(|| null("weight"))?;
        match weight_of(letter.bytes().next().unwrap_or(0)) {
            Some(weight) => weights |= 1 << weight,
            None => return Err(invalid(format!("unrecognized weight: \"{letter}\""))),
        }
    }
    Ok(vector(call, 0, row).filtered(weights).into())
}

fn of_words(call: &Call<'_>, row: usize) -> Result<Value> {
    let mut lexemes = Vec::new();
    for word in texts(call, 0, row)? {
        let word = word.ok_or_else(|| null("lexeme"))?;
        if word.is_empty() {
            return Err(Error::new(
                SqlState::ZERO_LENGTH_CHARACTER_STRING,
                "lexeme array may not contain empty strings",
            ));
        }
        lexemes.push(Lexeme {
            word,
            positions: Vec::new(),
        });
    }
    Ok(Vector::of(lexemes)?.into())
}

fn lexemes(call: &Call<'_>, row: usize, of: impl Fn(Lexeme) -> Value) -> Result<Value> {
    let lexemes = vector(call, 0, row).lexemes;
    Ok(Value::List(lexemes.into_iter().map(of).collect()))
}

/// Something of each of a word's positions; NULL if it has none.
fn each(lexeme: &Lexeme, of: impl Fn(&crate::types::search::Position) -> Value) -> Value {
    match lexeme.positions.as_slice() {
        [] => Value::Null,
        positions => Value::List(positions.iter().map(of).collect()),
    }
}
