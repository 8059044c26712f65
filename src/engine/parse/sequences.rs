//! CREATE and ALTER SEQUENCE, CREATE INDEX, materialized views.

use sqlparser::tokenizer::Token;

use super::built_in_type;
use super::constraints::{nulls, parenthesised_text};
use super::cursor::Cursor;
use super::storage;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, ObjectName};
use crate::engine::definition::{
    CreateIndex, CreateMaterialized, CreateSequence, IndexPartDefinition, SequenceOption,
};

/// CREATE SEQUENCE
pub(super) fn create_sequence(
    cursor: &mut Cursor,
    temporary: bool,
    unlogged: bool,
) -> Result<Command> {
    cursor.expect("SEQUENCE")?;
    let if_not_exists = cursor.if_not_exists();
    Ok(Command::CreateSequence(CreateSequence {
        name: cursor.object_name()?,
        temporary,
        unlogged,
        if_not_exists,
        options: sequence_options(cursor)?,
    }))
}

/// The options of a sequence, up to the first word that is none.
pub(super) fn sequence_options(cursor: &mut Cursor) -> Result<Vec<SequenceOption>> {
    let mut options: Vec<SequenceOption> = Vec::new();
    while let Some(option) = sequence_option(cursor)? {
        let kind = std::mem::discriminant(&option);
        if options.iter().any(|o| std::mem::discriminant(o) == kind) {
            return Err(Error::new(
                SqlState::SYNTAX_ERROR,
                "conflicting or redundant options",
            ));
        }
        options.push(option);
    }
    Ok(options)
}

/// One option, if one comes next.
pub(super) fn sequence_option(cursor: &mut Cursor) -> Result<Option<SequenceOption>> {
    let option = if cursor.accept("AS") {
        let position = cursor.position();
        let ty = built_in_type(&cursor.data_type()?).map_err(|error| error.at(position))?;
        SequenceOption::Type(ty)
    } else if cursor.accept("INCREMENT") {
        cursor.accept("BY");
        SequenceOption::Increment(integer(cursor)?)
    } else if cursor.accept("MINVALUE") {
        SequenceOption::Min(Some(integer(cursor)?))
    } else if cursor.accept("NO MINVALUE") {
        SequenceOption::Min(None)
    } else if cursor.accept("MAXVALUE") {
        SequenceOption::Max(Some(integer(cursor)?))
    } else if cursor.accept("NO MAXVALUE") {
        SequenceOption::Max(None)
    } else if cursor.accept("START") {
        cursor.accept("WITH");
        SequenceOption::Start(integer(cursor)?)
    } else if cursor.accept("RESTART") {
        let with = cursor.accept("WITH");
        let number = cursor.word().is_none() && !ends_option(cursor);
        SequenceOption::Restart(if with || number {
            Some(integer(cursor)?)
        } else {
            None
        })
    } else if cursor.accept("CACHE") {
        SequenceOption::Cache(integer(cursor)?)
    } else if cursor.accept("CYCLE") {
        SequenceOption::Cycle(true)
    } else if cursor.accept("NO CYCLE") {
        SequenceOption::Cycle(false)
    } else if cursor.accept("SEQUENCE NAME") {
        SequenceOption::Name(cursor.object_name()?)
    } else if cursor.accept("OWNED BY") {
        if cursor.accept("NONE") {
            SequenceOption::OwnedBy(None)
        } else {
            SequenceOption::OwnedBy(Some(column_name(cursor)?))
        }
    } else {
        return Ok(None);
    };
    Ok(Some(option))
}

fn ends_option(cursor: &Cursor) -> bool {
    cursor.at_end() || cursor.sees(&Token::RParen) || cursor.sees(&Token::Comma)
}

/// `table.column`
fn column_name(cursor: &mut Cursor) -> Result<(ObjectName, String)> {
    let mut parts = vec![cursor.name()?];
    while cursor.accept_token(&Token::Period) {
        parts.push(cursor.name()?);
    }
    let column = parts.pop().unwrap_or_default();
    match (parts.pop(), parts.pop()) {
        (Some(name), schema) => Ok((ObjectName { schema, name }, column)),
        (None, _) => Err(
            Error::new(SqlState::SYNTAX_ERROR, "invalid OWNED BY option")
                .hint("Specify OWNED BY table.column or OWNED BY NONE."),
        ),
    }
}

fn integer(cursor: &mut Cursor) -> Result<i64> {
    let position = cursor.position();
    let number = cursor.number()?;
    number.parse().map_err(|_| {
        Error::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("value \"{number}\" is out of range for type bigint"),
        )
        .at(position)
    })
}

/// CREATE [UNIQUE] INDEX
pub(super) fn create_index(cursor: &mut Cursor) -> Result<Command> {
    let unique = cursor.accept("UNIQUE");
    cursor.expect("INDEX")?;
    // Nothing is locked for longer than the statement anyway.
    cursor.accept("CONCURRENTLY");
    let if_not_exists = cursor.if_not_exists();
    let name = match cursor.word().as_deref() {
        Some("ON") => None,
        _ => Some(cursor.name()?),
    };
    cursor.expect("ON")?;
    let (table, only) = cursor.table_name()?;
    let method = if cursor.accept("USING") {
        cursor.name()?
    } else {
        "btree".to_owned()
    };
    let parts = cursor.parenthesised(index_part)?;
    let include = if cursor.accept("INCLUDE") {
        cursor.parenthesised(Cursor::name)?
    } else {
        Vec::new()
    };
    let nulls_not_distinct = nulls(cursor)?;
    let parameters = storage::of_index(cursor, &method)?;
    if cursor.word().as_deref() == Some("TABLESPACE") {
        return Err(Error::unsupported("CREATE INDEX … TABLESPACE"));
    }
    let predicate = if cursor.accept("WHERE") {
        let start = cursor.position();
        cursor.expression()?;
        Some(cursor.text_since(start))
    } else {
        None
    };
    Ok(Command::CreateIndex(CreateIndex {
        name,
        if_not_exists,
        unique,
        table,
        only,
        method,
        parts,
        include,
        nulls_not_distinct,
        parameters,
        predicate,
    }))
}

fn index_part(cursor: &mut Cursor) -> Result<IndexPartDefinition> {
    let of = if cursor.sees(&Token::LParen) {
        Err(parenthesised_text(cursor)?)
    } else if cursor.sees_after_sign(&[]) {
        // A function call may stand without parentheses of its own.
        let start = cursor.position();
        cursor.expression()?;
        Err(cursor.text_since(start))
    } else {
        Ok(cursor.name()?)
    };
    let collation = cursor.accept("COLLATE");
    let collation = collation.then(|| cursor.object_name()).transpose()?;
    let ends = matches!(cursor.word().as_deref(), Some("ASC" | "DESC" | "NULLS"));
    let operators = match cursor.word() {
        Some(_) if !ends => Some(cursor.object_name()?.name),
        _ => None,
    };
    let descending = cursor.accept("DESC");
    if !descending {
        cursor.accept("ASC");
    }
    let nulls_first = if cursor.accept("NULLS FIRST") {
        true
    } else if cursor.accept("NULLS LAST") {
        false
    } else {
        descending
    };
    Ok(IndexPartDefinition {
        of,
        collation,
        operators,
        descending,
        nulls_first,
    })
}

/// CREATE MATERIALIZED VIEW, from VIEW on.
pub(super) fn create_materialized(cursor: &mut Cursor) -> Result<Command> {
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.object_name()?;
    let columns = if cursor.sees(&Token::LParen) {
        cursor.parenthesised(Cursor::name)?
    } else {
        Vec::new()
    };
    if let Some(word @ ("WITH" | "USING" | "TABLESPACE")) = cursor.word().as_deref() {
        return Err(Error::unsupported(format!(
            "CREATE MATERIALIZED VIEW … {word}"
        )));
    }
    cursor.expect("AS")?;
    let start = cursor.position();
    let query = cursor.query()?;
    let text = cursor.text_since(start);
    Ok(Command::CreateMaterialized(CreateMaterialized {
        name,
        if_not_exists,
        columns,
        query,
        text,
        with_data: with_data(cursor),
    }))
}

/// `WITH [NO] DATA`
fn with_data(cursor: &mut Cursor) -> bool {
    if cursor.accept("WITH NO DATA") {
        return false;
    }
    cursor.accept("WITH DATA");
    true
}

/// REFRESH MATERIALIZED VIEW
pub(super) fn refresh(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("REFRESH MATERIALIZED VIEW")?;
    let concurrently = cursor.accept("CONCURRENTLY");
    let name = cursor.object_name()?;
    let with_data = with_data(cursor);
    if concurrently && !with_data {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            "REFRESH options CONCURRENTLY and WITH NO DATA cannot be used together",
        ));
    }
    Ok(Command::Refresh {
        name,
        concurrently,
        with_data,
    })
}
