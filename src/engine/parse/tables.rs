//! CREATE TABLE.

use sqlparser::tokenizer::Token;

use super::constraints::{column_options, column_rest, like_options, table_constraint};
use super::cursor::Cursor;
use super::objects::check_columns;
use super::session::executed;
use super::{family, storage};
use crate::base::{Error, Result, SqlState};
use crate::catalog::Parameters;
use crate::engine::command::{Command, CreateTable, CreateTableAs, Filled, ObjectName, OnCommit};
use crate::engine::definition::{ColumnDefinition, ConstraintDefinition, Like, LikeOptions};

/// `CREATE TABLE`, behind CREATE and what may follow that.
pub(super) fn create(cursor: &mut Cursor, temporary: bool, unlogged: bool) -> Result<Command> {
    cursor.expect("TABLE")?;
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.object_name()?;
    if cursor.accept("PARTITION OF") {
        return partition_of(cursor, name, temporary, unlogged, if_not_exists);
    }
    // `(a, b) AS SELECT` and `(a int, b int)` differ after the first name.
    let mut names = Vec::new();
    if cursor.sees(&Token::LParen) {
        cursor.expect_token(&Token::LParen)?;
        let elements = if cursor.sees(&Token::RParen) {
            Vec::new()
        } else {
            cursor
                .list(table_element)
                .map_err(|error| naming(error, &name.name))?
        };
        cursor.expect_token(&Token::RParen)?;
        let mut create = CreateTable {
            name: name.clone(),
            temporary,
            unlogged,
            if_not_exists,
            columns: Vec::new(),
            constraints: Vec::new(),
            likes: Vec::new(),
            inherits: Vec::new(),
            partition_of: None,
            partition_by: None,
            storage: Vec::new(),
            on_commit: None,
        };
        let count = elements.len();
        for element in elements {
            match element {
                Element::Column(column) => create.columns.push(*column),
                Element::Constraint(constraint) => create.constraints.push(constraint),
                Element::Like(table, including) => create.likes.push(Like {
                    position: create.columns.len(),
                    table,
                    including,
                }),
                Element::Name(name) => names.push(name),
            }
        }
        if names.is_empty() {
            check_columns(create.columns.len())?;
            create.inherits = family::inherits(cursor)?;
            create.partition_by = family::partition_by(cursor)?;
            if create.partition_by.is_some() && cursor.word().as_deref() == Some("USING") {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "specifying a table access method is not supported on a partitioned table",
                ));
            }
            let partitioned = create.partition_by.is_some();
            (create.storage, create.on_commit) = table_options(cursor, partitioned)?;
            return Ok(Command::CreateTable(create));
        }
        if names.len() < count {
            return Err(cursor.syntax_error());
        }
    }
    refuse_words(cursor, "CREATE TABLE", &["OF"])?;
    let (storage, on_commit) = table_options(cursor, false)?;
    cursor.expect("AS")?;
    let filled = match cursor.accept("EXECUTE") {
        true => {
            let (name, arguments) = executed(cursor)?;
            Filled::Execute { name, arguments }
        }
        false => Filled::Query(cursor.query()?),
    };
    let with_data = if cursor.accept("WITH NO DATA") {
        false
    } else {
        cursor.accept("WITH DATA");
        true
    };
    Ok(Command::CreateTableAs(CreateTableAs {
        selected: false,
        name,
        temporary,
        unlogged,
        if_not_exists,
        columns: names,
        filled,
        with_data,
        storage,
        on_commit,
    }))
}

/// What may stand between a table's columns and AS: the access method, storage parameters, what
/// becomes of a temporary table at commit, and the tablespace.
fn table_options(cursor: &mut Cursor, partitioned: bool) -> Result<(Parameters, Option<OnCommit>)> {
    storage::access_method(cursor)?;
    let parameters = storage::of_table(cursor)?;
    let on_commit = if cursor.accept("ON COMMIT DROP") {
        Some(OnCommit::Drop)
    } else if cursor.accept("ON COMMIT DELETE ROWS") {
        Some(OnCommit::DeleteRows)
    } else {
        cursor.accept("ON COMMIT PRESERVE ROWS");
        None
    };
    if storage::tablespace(cursor)? && partitioned {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot specify default tablespace for partitioned relations",
        ));
    }
    Ok((parameters, on_commit))
}

/// `0A000` if one of these clauses comes next.
pub(super) fn refuse_words(cursor: &mut Cursor, of: &str, clauses: &[&str]) -> Result<()> {
    match clauses.iter().find(|words| cursor.accept(words)) {
        Some(words) => Err(Error::unsupported(format!("{of} … {words}"))),
        None => Ok(()),
    }
}

/// An error about a column that only now is known to be of which table.
fn naming(error: Error, table: &str) -> Error {
    match error.message().strip_suffix(" of this table") {
        Some(head) => Error::new(error.state(), format!("{head} of table \"{table}\"")),
        None => error,
    }
}

/// What stands in the parentheses of CREATE TABLE.
enum Element {
    Column(Box<ColumnDefinition>),
    Constraint(ConstraintDefinition),
    Like(ObjectName, LikeOptions),
    /// Only a name: of CREATE TABLE AS.
    Name(String),
}

fn table_element(cursor: &mut Cursor) -> Result<Element> {
    if cursor.accept("LIKE") {
        let table = cursor.object_name()?;
        return Ok(Element::Like(table, like_options(cursor)?));
    }
    if let Some(constraint) = table_constraint(cursor)? {
        return Ok(Element::Constraint(constraint));
    }
    let name = cursor.name()?;
    if cursor.sees(&Token::Comma) || cursor.sees(&Token::RParen) {
        return Ok(Element::Name(name));
    }
    column_rest(cursor, name).map(|column| Element::Column(Box::new(column)))
}

/// `CREATE TABLE name PARTITION OF …`, behind OF.
fn partition_of(
    cursor: &mut Cursor,
    name: ObjectName,
    temporary: bool,
    unlogged: bool,
    if_not_exists: bool,
) -> Result<Command> {
    let parent = cursor.object_name()?;
    let (mut columns, mut constraints) = (Vec::new(), Vec::new());
    if cursor.sees(&Token::LParen) {
        cursor.parenthesised(|cursor| {
            match table_constraint(cursor)? {
                Some(constraint) => constraints.push(constraint),
                None => columns.push(column_options(cursor)?),
            }
            Ok(())
        })?;
    }
    let bound = family::bound(cursor)?;
    let partition_by = family::partition_by(cursor)?;
    let (storage, on_commit) = table_options(cursor, partition_by.is_some())?;
    Ok(Command::CreateTable(CreateTable {
        name,
        temporary,
        unlogged,
        if_not_exists,
        columns,
        constraints,
        likes: Vec::new(),
        inherits: Vec::new(),
        partition_of: Some((parent, bound)),
        partition_by,
        storage,
        on_commit,
    }))
}
