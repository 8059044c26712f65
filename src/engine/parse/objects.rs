//! Statements about objects: CREATE, ALTER, DROP, TRUNCATE, COMMENT.

use sqlparser::tokenizer::Token;

use super::constraints::{column, default, generation, new_timing, table_constraint};
use super::cursor::Cursor;
use super::types::written_column_type;
use super::{
    aggregates, built_in, casts, domains, family, operators, ownership, policies, roles, routines,
    sequences, statistics, tables, triggers, tuning, user_types, views,
};
use crate::base::limits::TABLE_COLUMNS_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{
    Alter, AlterAction, Command, CreateForeignTable, CreateSchema, Drop, ObjectKind, ObjectName,
};

/// CREATE …
pub(super) fn create(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("CREATE")?;
    let or_replace = cursor.accept("OR REPLACE");
    let scope = cursor.accept("LOCAL") || cursor.accept("GLOBAL");
    let temporary = cursor.accept("TEMPORARY") || cursor.accept("TEMP");
    if scope && !temporary {
        return Err(cursor.syntax_error());
    }
    let word = cursor.word().ok_or_else(|| cursor.syntax_error())?;
    match word.as_str() {
        "VIEW" => views::create_view(cursor, or_replace, temporary),
        "RECURSIVE" if cursor.second_word().as_deref() == Some("VIEW") => {
            views::create_recursive(cursor, or_replace, temporary)
        }
        "FUNCTION" | "PROCEDURE" if !temporary => routines::create(cursor, or_replace),
        "AGGREGATE" if !temporary => aggregates::create(cursor, or_replace),
        "TRIGGER" | "CONSTRAINT" if !temporary => triggers::create(cursor, or_replace),
        _ if or_replace => Err(Error::unsupported(format!("CREATE OR REPLACE {word}"))),
        "TABLE" => tables::create(cursor, temporary, false),
        "UNLOGGED" if !temporary && cursor.accept("UNLOGGED") => match cursor.word().as_deref() {
            Some("SEQUENCE") => sequences::create_sequence(cursor, false, true),
            Some("MATERIALIZED") => Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "materialized views cannot be unlogged",
            )),
            _ => tables::create(cursor, false, true),
        },
        "SEQUENCE" => sequences::create_sequence(cursor, temporary, false),
        _ if temporary => Err(Error::unsupported(format!("CREATE TEMPORARY {word}"))),
        "SCHEMA" => create_schema(cursor),
        "TYPE" => user_types::create(cursor),
        "DOMAIN" => domains::create(cursor),
        "ROLE" | "USER" | "GROUP" if cursor.second_word().as_deref() != Some("MAPPING") => {
            roles::create(cursor)
        }
        "FOREIGN" if cursor.accept("FOREIGN TABLE") => create_foreign_table(cursor),
        "INDEX" | "UNIQUE" => sequences::create_index(cursor),
        "POLICY" => policies::create(cursor),
        "OPERATOR" => operators::create(cursor),
        "CAST" => casts::create(cursor),
        "STATISTICS" => statistics::create(cursor),
        "MATERIALIZED" => {
            cursor.expect("MATERIALIZED VIEW")?;
            sequences::create_materialized(cursor)
        }
        "RECURSIVE" | "FOREIGN" | "EVENT" | "TEXT" | "ACCESS" | "USER" => Err(Error::unsupported(
            format!("CREATE {word} {}", cursor.second_word().unwrap_or_default()),
        )),
        "EXTENSION" => built_in::create_extension(cursor),
        "COLLATION" | "CONVERSION" | "DATABASE" | "LANGUAGE" | "PUBLICATION" | "RULE"
        | "SERVER" | "SUBSCRIPTION" | "TABLESPACE" | "TRANSFORM" | "TRUSTED" | "PROCEDURAL" => {
            Err(Error::unsupported(format!("CREATE {word}")))
        }
        _ => Err(cursor.syntax_error()),
    }
}

fn create_schema(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("SCHEMA")?;
    let if_not_exists = cursor.if_not_exists();
    let named = cursor.word().as_deref() != Some("AUTHORIZATION");
    let name = named.then(|| cursor.name()).transpose()?;
    let authorized = cursor.accept("AUTHORIZATION");
    let owner = authorized.then(|| roles::role(cursor)).transpose()?;
    let mut elements = Vec::new();
    while matches!(cursor.word().as_deref(), Some("CREATE" | "GRANT")) {
        if if_not_exists {
            return Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "CREATE SCHEMA IF NOT EXISTS cannot include schema elements",
            )
            .at(cursor.position()));
        }
        elements.push(super::element(cursor)?);
    }
    // Each after what it may be of.
    elements.sort_by_key(|element| match &element.command {
        Command::CreateSequence(_) => 0,
        Command::CreateTable(_) => 1,
        Command::CreateView(_) => 2,
        Command::CreateIndex(_) => 3,
        _ => 4,
    });
    Ok(Command::CreateSchema(CreateSchema {
        name,
        owner,
        if_not_exists,
        elements,
    }))
}

pub(super) fn check_columns(count: usize) -> Result<()> {
    if count > TABLE_COLUMNS_MAX {
        return Err(Error::new(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {TABLE_COLUMNS_MAX} columns"),
        ));
    }
    Ok(())
}

fn create_foreign_table(cursor: &mut Cursor) -> Result<Command> {
    let if_not_exists = cursor.if_not_exists();
    let name = cursor.object_name()?;
    tables::refuse_words(cursor, "CREATE FOREIGN TABLE", &["PARTITION OF"])?;
    // PostgreSQL wants the parentheses; without them the columns are read from the file.
    let columns = if cursor.sees(&Token::LParen) {
        cursor.parenthesised_or_none(column)?
    } else {
        Vec::new()
    };
    check_columns(columns.len())?;
    tables::refuse_words(cursor, "CREATE FOREIGN TABLE", &["INHERITS"])?;
    cursor.expect("SERVER")?;
    let server = cursor.name()?;
    let options = if cursor.accept("OPTIONS") {
        cursor.parenthesised(|cursor| Ok((cursor.any_word()?, cursor.string()?)))?
    } else {
        Vec::new()
    };
    Ok(Command::CreateForeignTable(CreateForeignTable {
        name,
        if_not_exists,
        columns,
        server,
        options,
    }))
}

/// `SCHEMA`, `TABLE`, `VIEW`, `FOREIGN TABLE`, `DATABASE`, …
pub(super) fn kind(cursor: &mut Cursor) -> Option<ObjectKind> {
    [
        ("SCHEMA", ObjectKind::Schema),
        ("TABLE", ObjectKind::Table),
        ("VIEW", ObjectKind::View),
        ("FOREIGN TABLE", ObjectKind::ForeignTable),
        ("DATABASE", ObjectKind::Database),
        ("MATERIALIZED VIEW", ObjectKind::MaterializedView),
        ("SEQUENCE", ObjectKind::Sequence),
        ("INDEX", ObjectKind::Index),
        ("TYPE", ObjectKind::Type),
        ("DOMAIN", ObjectKind::Domain),
    ]
    .into_iter()
    .find_map(|(words, kind)| cursor.accept(words).then_some(kind))
}

/// A name of this kind of object: schemas and databases have no dots.
pub(super) fn name_of(cursor: &mut Cursor, kind: ObjectKind) -> Result<ObjectName> {
    match kind {
        ObjectKind::Schema | ObjectKind::Database => Ok(ObjectName {
            schema: None,
            name: cursor.name()?,
        }),
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::ForeignTable
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Index
        | ObjectKind::Type
        | ObjectKind::Domain => cursor.object_name(),
    }
}

/// ALTER …
pub(super) fn alter(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("ALTER")?;
    let word = cursor.word().ok_or_else(|| cursor.syntax_error())?;
    if matches!(word.as_str(), "ROLE" | "USER" | "GROUP") {
        return roles::alter(cursor);
    }
    if word == "LARGE" {
        return ownership::large_object_owner(cursor);
    }
    if word == "DEFAULT" {
        return ownership::default_privileges(cursor);
    }
    if word == "TYPE" {
        return user_types::alter(cursor);
    }
    if word == "DOMAIN" {
        return domains::alter(cursor);
    }
    if word == "POLICY" {
        return policies::alter(cursor);
    }
    if word == "TRIGGER" {
        return triggers::alter(cursor);
    }
    if word == "AGGREGATE" {
        return aggregates::alter(cursor);
    }
    if word == "OPERATOR" {
        return operators::alter(cursor);
    }
    if word == "STATISTICS" {
        return statistics::alter(cursor);
    }
    if let Some(kind) = routines::kind(cursor) {
        return routines::alter(cursor, kind);
    }
    let Some(kind) = kind(cursor) else {
        return Err(match word.as_str() {
            "COLLATION" | "CONVERSION" | "EXTENSION" | "LANGUAGE" | "PUBLICATION" | "RULE"
            | "SERVER" | "SUBSCRIPTION" | "SYSTEM" | "TABLESPACE" => {
                Error::unsupported(format!("ALTER {word}"))
            }
            "MATERIALIZED" | "FOREIGN" | "EVENT" | "TEXT" => Error::unsupported(format!(
                "ALTER {word} {}",
                cursor.second_word().unwrap_or_default()
            )),
            _ => cursor.syntax_error(),
        });
    };
    let relation = !matches!(kind, ObjectKind::Schema | ObjectKind::Database);
    let if_exists = relation && cursor.if_exists();
    let (name, only) = match kind {
        ObjectKind::Table | ObjectKind::ForeignTable => cursor.table_name()?,
        _ => (name_of(cursor, kind)?, false),
    };
    let actions = if cursor.accept("RENAME TO") {
        vec![AlterAction::Rename(cursor.name()?)]
    } else if cursor.accept("OWNER TO") {
        vec![AlterAction::OwnerTo(roles::role(cursor)?)]
    } else if kind == ObjectKind::Database
        && matches!(cursor.word().as_deref(), Some("SET" | "RESET"))
        && cursor.second_word().as_deref() != Some("TABLESPACE")
    {
        return roles::settings(cursor, None, Some(name.name));
    } else if !relation {
        return Err(Error::unsupported(format!(
            "ALTER {word} … {}",
            cursor.word().unwrap_or_default()
        )));
    } else if cursor.accept("SET SCHEMA") {
        vec![AlterAction::SetSchema(cursor.name()?)]
    } else if cursor.accept("RENAME") {
        if cursor.accept("CONSTRAINT") {
            let from = cursor.name()?;
            cursor.expect("TO")?;
            let to = cursor.name()?;
            let actions = vec![AlterAction::RenameConstraint { from, to }];
            return Ok(Command::Alter(Alter {
                kind,
                name,
                only,
                if_exists,
                actions,
            }));
        }
        cursor.accept("COLUMN");
        let from = cursor.name()?;
        cursor.expect("TO")?;
        vec![AlterAction::RenameColumn {
            from,
            to: cursor.name()?,
        }]
    } else if kind == ObjectKind::Sequence {
        let options = sequences::sequence_options(cursor)?;
        if options.is_empty() {
            return Err(cursor.syntax_error());
        }
        vec![AlterAction::Sequence(options)]
    } else if kind == ObjectKind::Index && cursor.accept("ATTACH PARTITION") {
        vec![AlterAction::AttachIndex(cursor.object_name()?)]
    } else {
        cursor.list(|cursor| alter_action(cursor, &word))?
    };
    Ok(Command::Alter(Alter {
        kind,
        name,
        only,
        if_exists,
        actions,
    }))
}

fn alter_action(cursor: &mut Cursor, of: &str) -> Result<AlterAction> {
    let word = cursor.word().ok_or_else(|| cursor.syntax_error())?;
    if cursor.accept("OWNER TO") {
        return Ok(AlterAction::OwnerTo(roles::role(cursor)?));
    }
    if let Some(tune) = tuning::of_relation(cursor)? {
        return Ok(AlterAction::Tune(tune));
    }
    if let Some(action) = triggers::of_table(cursor)? {
        return Ok(action);
    }
    if let Some(action) = policies::of_table(cursor) {
        return Ok(AlterAction::RowSecurity(action));
    }
    if let Some(action) = family::alter_action(cursor)? {
        return Ok(action);
    }
    if cursor.accept("ADD") {
        if let Some(constraint) = table_constraint(cursor)? {
            return Ok(AlterAction::AddConstraint(constraint));
        }
        cursor.accept("COLUMN");
        let if_not_exists = cursor.if_not_exists();
        return Ok(AlterAction::AddColumn {
            column: column(cursor)?,
            if_not_exists,
        });
    }
    if cursor.accept("VALIDATE CONSTRAINT") {
        return Ok(AlterAction::ValidateConstraint(cursor.name()?));
    }
    if cursor.accept("ALTER CONSTRAINT") {
        let name = cursor.name()?;
        let timing = new_timing(cursor)?.ok_or_else(|| cursor.syntax_error())?;
        return Ok(AlterAction::AlterConstraint { name, timing });
    }
    if cursor.accept("DROP") {
        if cursor.accept("CONSTRAINT") {
            let if_exists = cursor.if_exists();
            return Ok(AlterAction::DropConstraint {
                name: cursor.name()?,
                if_exists,
                cascade: cursor.cascade(),
            });
        }
        cursor.accept("COLUMN");
        let if_exists = cursor.if_exists();
        return Ok(AlterAction::DropColumn {
            name: cursor.name()?,
            if_exists,
            cascade: cursor.cascade(),
        });
    }
    if cursor.accept("ALTER") {
        cursor.accept("COLUMN");
        let column = cursor.name()?;
        if let Some(tune) = tuning::of_column(cursor, &column)? {
            return Ok(AlterAction::Tune(tune));
        }
        for not_null in [true, false] {
            if cursor.accept(if not_null {
                "SET NOT NULL"
            } else {
                "DROP NOT NULL"
            }) {
                return Ok(AlterAction::SetNotNull { column, not_null });
            }
        }
        if cursor.accept("SET DEFAULT") {
            let default = Some(default(cursor)?);
            return Ok(AlterAction::SetDefault { column, default });
        }
        if cursor.accept("DROP DEFAULT") {
            let default = None;
            return Ok(AlterAction::SetDefault { column, default });
        }
        if cursor.accept("SET DATA TYPE") || cursor.accept("TYPE") {
            let ty = written_column_type(cursor)?;
            let collation = cursor.accept("COLLATE");
            let collation = collation.then(|| cursor.object_name()).transpose()?;
            let using = if cursor.accept("USING") {
                let start = cursor.position();
                cursor.expression()?;
                Some(cursor.text_since(start))
            } else {
                None
            };
            return Ok(AlterAction::SetType {
                column,
                ty,
                collation,
                using,
            });
        }
        if cursor.accept("DROP IDENTITY") {
            let if_exists = cursor.if_exists();
            return Ok(AlterAction::DropIdentity { column, if_exists });
        }
        if cursor.accept("DROP EXPRESSION") {
            let if_exists = cursor.if_exists();
            return Ok(AlterAction::DropExpression { column, if_exists });
        }
        if cursor.word().as_deref() == Some("ADD") {
            cursor.expect("ADD")?;
            let clause = generation(cursor)?;
            return Ok(AlterAction::AddIdentity { column, clause });
        }
        let (always, options) = sequences::identity_options(cursor)?;
        if always.is_some() || !options.is_empty() {
            return Ok(AlterAction::SetIdentity {
                column,
                always,
                options,
            });
        }
        return Err(Error::unsupported(format!(
            "ALTER {of} … ALTER COLUMN … {}",
            cursor.word().unwrap_or_default()
        )));
    }
    match word.as_str() {
        "SET" | "RESET" | "ENABLE" | "DISABLE" | "CLUSTER" | "VALIDATE" | "REPLICA" | "FORCE"
        | "OF" | "NOT" | "OPTIONS" => Err(Error::unsupported(format!("ALTER {of} … {word}"))),
        "NO" => {
            let next = cursor.second_word().unwrap_or_default();
            Err(Error::unsupported(format!("ALTER {of} … {word} {next}")))
        }
        _ => Err(cursor.syntax_error()),
    }
}

/// DROP …
pub(super) fn drop(cursor: &mut Cursor) -> Result<Command> {
    cursor.expect("DROP")?;
    let word = cursor.word().ok_or_else(|| cursor.syntax_error())?;
    if matches!(word.as_str(), "ROLE" | "USER" | "GROUP")
        && cursor.second_word().as_deref() != Some("MAPPING")
    {
        return roles::drop(cursor);
    }
    if word == "OWNED" {
        return ownership::drop(cursor);
    }
    if word == "POLICY" {
        return policies::drop(cursor);
    }
    if word == "TRIGGER" {
        return triggers::drop(cursor);
    }
    if word == "AGGREGATE" {
        return aggregates::drop(cursor);
    }
    if let Some(drop) = built_in::drop(cursor)? {
        return Ok(drop);
    }
    if word == "OPERATOR" {
        return operators::drop(cursor);
    }
    if word == "CAST" {
        return casts::drop(cursor);
    }
    if word == "STATISTICS" {
        return statistics::drop(cursor);
    }
    if let Some(kind) = routines::kind(cursor) {
        return routines::drop(cursor, kind);
    }
    let kind = match kind(cursor) {
        Some(kind) => kind,
        None => {
            return Err(match word.as_str() {
                "TRANSFORM" => Error::unsupported("DROP TRANSFORM"),
                "USER" => Error::unsupported("DROP USER MAPPING"),
                _ => cursor.syntax_error(),
            });
        }
    };
    if kind == ObjectKind::Index {
        cursor.accept("CONCURRENTLY");
    }
    let if_exists = cursor.if_exists();
    let names = cursor.list(|cursor| name_of(cursor, kind))?;
    Ok(Command::Drop(Drop {
        kind,
        names,
        if_exists,
        cascade: cursor.cascade(),
    }))
}
