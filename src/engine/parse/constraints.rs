//! Column definitions and constraints, of CREATE TABLE and ALTER TABLE.

use sqlparser::tokenizer::Token;

use super::TypeName;
use super::cursor::Cursor;
use super::sequences::sequence_options;
use super::storage;
use super::types::written_column_type;
use crate::base::{Error, Result, SqlState};
use crate::catalog::{ForeignAction, Timing};
use crate::engine::definition::{
    ColumnDefinition, ConstraintClause, ConstraintDefinition, GenerationClause, LikeOptions,
};
use crate::types::PgType;

/// A column definition.
pub(super) fn column(cursor: &mut Cursor) -> Result<ColumnDefinition> {
    let name = cursor.name()?;
    column_rest(cursor, name)
}

/// A column definition after its name.
pub(super) fn column_rest(cursor: &mut Cursor, name: String) -> Result<ColumnDefinition> {
    let serial = match cursor.word().as_deref() {
        Some("SERIAL" | "SERIAL4") => Some(PgType::INT4),
        Some("BIGSERIAL" | "SERIAL8") => Some(PgType::INT8),
        Some("SMALLSERIAL" | "SERIAL2") => Some(PgType::INT2),
        _ => None,
    };
    let ty = match serial {
        Some(ty) => {
            cursor.any_word()?;
            TypeName::Known(ty)
        }
        None => written_column_type(cursor)?,
    };
    if let TypeName::Known(ty) = &ty
        && ty.info().category == 'P'
    {
        return Err(Error::new(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{name}\" has pseudo-type {ty}"),
        ));
    }
    let compression = compression(cursor)?;
    let column = constrained(cursor, name, ty, serial.is_some())?;
    Ok(ColumnDefinition {
        compression,
        ..column
    })
}

/// `COMPRESSION method`, if it comes next.
fn compression(cursor: &mut Cursor) -> Result<Option<String>> {
    let said = cursor.accept("COMPRESSION");
    said.then(|| cursor.any_word()).transpose()
}

/// What is said of a column that a partition has of its table: a name and constraints.
pub(super) fn column_options(cursor: &mut Cursor) -> Result<ColumnDefinition> {
    let name = cursor.name()?;
    cursor.accept("WITH OPTIONS");
    constrained(cursor, name, TypeName::Known(PgType::UNKNOWN), false)
}

/// A column definition after its type.
fn constrained(
    cursor: &mut Cursor,
    name: String,
    ty: TypeName,
    serial: bool,
) -> Result<ColumnDefinition> {
    let mut column = ColumnDefinition {
        name,
        ty,
        serial,
        compression: None,
        collation: None,
        not_null: false,
        default: None,
        generation: None,
        constraints: Vec::new(),
    };
    let mut null = false;
    loop {
        let constraint = cursor.accept("CONSTRAINT");
        let name = constraint.then(|| cursor.name()).transpose()?;
        if cursor.accept("NOT NULL") {
            column.not_null = true;
        } else if cursor.accept("NULL") {
            null = true;
        } else if cursor.accept("DEFAULT") {
            if column.default.is_some() {
                return Err(twice("default", &column));
            }
            column.default = Some(default(cursor)?);
        } else if cursor.word().as_deref() == Some("GENERATED") {
            if column.generation.is_some() {
                let what = match column.generation {
                    Some(GenerationClause::Identity { .. }) => "identity",
                    Some(GenerationClause::Stored(_)) | None => "generation",
                };
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    format!(
                        "multiple {what} specifications for column \"{}\" of this table",
                        column.name
                    ),
                ));
            }
            column.generation = Some(generation(cursor)?);
        } else if let Some(clause) = column_clause(cursor, &column.name)? {
            let attributes = attributes(cursor)?;
            if attributes.not_valid {
                return Err(cursor.syntax_error());
            }
            let check = matches!(clause, ConstraintClause::Check { .. });
            if check && attributes.timing().is_deferrable() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "misplaced DEFERRABLE clause",
                ));
            }
            column.constraints.push(attributes.of(name, clause)?);
            continue;
        } else if !constraint && cursor.accept("COLLATE") {
            if column.collation.is_some() {
                return Err(Error::new(
                    SqlState::SYNTAX_ERROR,
                    "multiple COLLATE clauses not allowed",
                ));
            }
            column.collation = Some(cursor.object_name()?);
        } else if let Some(word @ ("STORAGE" | "OPTIONS" | "EXCLUDE")) = cursor.word().as_deref() {
            return Err(Error::unsupported(format!("{word} in a column definition")));
        } else if constraint {
            return Err(cursor.syntax_error());
        } else {
            break;
        }
    }
    if null && column.not_null {
        return Err(Error::new(
            SqlState::SYNTAX_ERROR,
            format!(
                "conflicting NULL/NOT NULL declarations for column \"{}\"",
                column.name
            ),
        ));
    }
    let of_its_own = [column.default.is_some(), column.serial];
    let defaults = of_its_own.into_iter().filter(|given| *given).count();
    if defaults + usize::from(column.generation.is_some()) > 1 {
        return Err(match &column.generation {
            None => twice("default", &column),
            Some(GenerationClause::Identity { .. }) => Error::new(
                SqlState::SYNTAX_ERROR,
                format!(
                    "both default and identity specified for column \"{}\" of this table",
                    column.name
                ),
            ),
            Some(GenerationClause::Stored(_)) => Error::new(
                SqlState::SYNTAX_ERROR,
                format!(
                    "both default and generation expression specified for column \"{}\" of this \
                     table",
                    column.name
                ),
            ),
        });
    }
    Ok(column)
}

fn twice(what: &str, column: &ColumnDefinition) -> Error {
    Error::new(
        SqlState::SYNTAX_ERROR,
        format!(
            "multiple {what} values specified for column \"{}\"",
            column.name
        ),
    )
}

/// The text of a DEFAULT expression, up to what follows it in a column definition.
pub(super) fn default(cursor: &mut Cursor) -> Result<String> {
    let start = cursor.position();
    cursor.default_expression()?;
    Ok(cursor.text_since(start))
}

/// `GENERATED …`
pub(super) fn generation(cursor: &mut Cursor) -> Result<GenerationClause> {
    cursor.expect("GENERATED")?;
    let always = cursor.accept("ALWAYS");
    if !always {
        cursor.expect("BY DEFAULT")?;
    }
    cursor.expect("AS")?;
    if cursor.accept("IDENTITY") {
        let mut options = Vec::new();
        if cursor.accept_token(&Token::LParen) {
            options = sequence_options(cursor)?;
            cursor.expect_token(&Token::RParen)?;
        }
        return Ok(GenerationClause::Identity { always, options });
    }
    if !always {
        return Err(cursor.syntax_error());
    }
    let expression = parenthesised_text(cursor)?;
    cursor.expect("STORED")?;
    Ok(GenerationClause::Stored(expression))
}

/// `(expression)`, as its text.
pub(super) fn parenthesised_text(cursor: &mut Cursor) -> Result<String> {
    cursor.expect_token(&Token::LParen)?;
    let start = cursor.position();
    cursor.expression()?;
    let text = cursor.text_since(start);
    cursor.expect_token(&Token::RParen)?;
    Ok(text)
}

/// A column's constraint; `None` if none comes next.
fn column_clause(cursor: &mut Cursor, column: &str) -> Result<Option<ConstraintClause>> {
    let columns = vec![column.to_owned()];
    let clause = if cursor.accept("PRIMARY KEY") {
        key(cursor, true, false, (columns, Vec::new()))?
    } else if cursor.accept("UNIQUE") {
        let nulls_not_distinct = nulls(cursor)?;
        key(cursor, false, nulls_not_distinct, (columns, Vec::new()))?
    } else if cursor.accept("CHECK") {
        check(cursor)?
    } else if cursor.word().as_deref() == Some("REFERENCES") {
        references(cursor, columns)?
    } else {
        return Ok(None);
    };
    Ok(Some(clause))
}

/// The rest of a key over columns, which includes others.
fn key(
    cursor: &mut Cursor,
    primary: bool,
    nulls_not_distinct: bool,
    (columns, include): (Vec<String>, Vec<String>),
) -> Result<ConstraintClause> {
    let parameters = storage::of_index(cursor, "btree")?;
    if cursor.accept("USING INDEX") && !storage::tablespace(cursor)? {
        return Err(cursor.syntax_error());
    }
    Ok(ConstraintClause::Key {
        primary,
        columns,
        include,
        nulls_not_distinct,
        parameters,
    })
}

/// `[CONSTRAINT name] PRIMARY KEY (…)` and the like; `None` if none comes next.
pub(super) fn table_constraint(cursor: &mut Cursor) -> Result<Option<ConstraintDefinition>> {
    let named = cursor.accept("CONSTRAINT");
    let name = named.then(|| cursor.name()).transpose()?;
    let clause = if cursor.accept("PRIMARY KEY") {
        table_key(cursor, true)?
    } else if cursor.accept("UNIQUE") {
        table_key(cursor, false)?
    } else if cursor.accept("CHECK") {
        check(cursor)?
    } else if cursor.accept("FOREIGN KEY") {
        let columns = cursor.parenthesised(Cursor::name)?;
        references(cursor, columns)?
    } else if cursor.word().as_deref() == Some("EXCLUDE") {
        return Err(Error::unsupported("EXCLUDE constraint"));
    } else if named {
        return Err(cursor.syntax_error());
    } else {
        return Ok(None);
    };
    attributes(cursor)?.of(name, clause).map(Some)
}

fn table_key(cursor: &mut Cursor, primary: bool) -> Result<ConstraintClause> {
    if cursor.accept("USING INDEX") {
        let index = cursor.name()?;
        return Ok(ConstraintClause::OfIndex { primary, index });
    }
    let nulls_not_distinct = !primary && nulls(cursor)?;
    let columns = cursor.parenthesised(Cursor::name)?;
    let include = if cursor.accept("INCLUDE") {
        cursor.parenthesised(Cursor::name)?
    } else {
        Vec::new()
    };
    key(cursor, primary, nulls_not_distinct, (columns, include))
}

/// `NULLS [NOT] DISTINCT`
pub(super) fn nulls(cursor: &mut Cursor) -> Result<bool> {
    if cursor.accept("NULLS NOT DISTINCT") {
        return Ok(true);
    }
    cursor.accept("NULLS DISTINCT");
    Ok(false)
}

fn check(cursor: &mut Cursor) -> Result<ConstraintClause> {
    let expression = parenthesised_text(cursor)?;
    let no_inherit = cursor.accept("NO INHERIT");
    Ok(ConstraintClause::Check {
        expression,
        no_inherit,
    })
}

fn references(cursor: &mut Cursor, columns: Vec<String>) -> Result<ConstraintClause> {
    cursor.expect("REFERENCES")?;
    let table = cursor.object_name()?;
    let references = if cursor.sees(&Token::LParen) {
        cursor.parenthesised(Cursor::name)?
    } else {
        Vec::new()
    };
    let mut full = false;
    if cursor.accept("MATCH") {
        match cursor.any_word()?.as_str() {
            "full" => full = true,
            "simple" => {}
            word => {
                return Err(Error::unsupported(format!("MATCH {}", word.to_uppercase())));
            }
        }
    }
    let (mut on_delete, mut on_update) = (ForeignAction::NoAction, ForeignAction::NoAction);
    let mut delete_sets = Vec::new();
    let (mut says_delete, mut says_update) = (false, false);
    loop {
        if !says_delete && cursor.accept("ON DELETE") {
            says_delete = true;
            (on_delete, delete_sets) = action(cursor)?;
        } else if !says_update && cursor.accept("ON UPDATE") {
            says_update = true;
            let columns;
            (on_update, columns) = action(cursor)?;
            if !columns.is_empty() {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!(
                        "a column list with {} is only supported for ON DELETE actions",
                        on_update.words()
                    ),
                ));
            }
        } else {
            break;
        }
    }
    Ok(ConstraintClause::Foreign {
        columns,
        table,
        references,
        on_delete,
        delete_sets,
        on_update,
        full,
    })
}

/// What happens, and which columns are set, if not all.
fn action(cursor: &mut Cursor) -> Result<(ForeignAction, Vec<String>)> {
    let action = if cursor.accept("NO ACTION") {
        ForeignAction::NoAction
    } else if cursor.accept("RESTRICT") {
        ForeignAction::Restrict
    } else if cursor.accept("CASCADE") {
        ForeignAction::Cascade
    } else if cursor.accept("SET NULL") {
        ForeignAction::SetNull
    } else if cursor.accept("SET DEFAULT") {
        ForeignAction::SetDefault
    } else {
        return Err(cursor.syntax_error());
    };
    let sets = matches!(action, ForeignAction::SetNull | ForeignAction::SetDefault);
    let columns = match sets && cursor.sees(&Token::LParen) {
        true => cursor.parenthesised(Cursor::name)?,
        false => Vec::new(),
    };
    Ok((action, columns))
}

/// What may follow any constraint.
#[derive(Default)]
struct Attributes {
    deferrable: Option<bool>,
    deferred: Option<bool>,
    not_valid: bool,
}

impl Attributes {
    fn timing(&self) -> Timing {
        match (self.deferrable, self.deferred) {
            (_, Some(true)) => Timing::Deferred,
            (Some(true), _) => Timing::Immediate,
            (Some(false) | None, Some(false) | None) => Timing::NotDeferrable,
        }
    }

    /// The constraint with them, if it is one that can have them.
    fn of(&self, name: Option<String>, clause: ConstraintClause) -> Result<ConstraintDefinition> {
        let timing = self.timing();
        let kind = match &clause {
            ConstraintClause::Key { primary, .. } | ConstraintClause::OfIndex { primary, .. } => {
                match primary {
                    true => "PRIMARY KEY",
                    false => "UNIQUE",
                }
            }
            ConstraintClause::Check { .. } => "CHECK",
            ConstraintClause::Foreign { .. } => "FOREIGN KEY",
        };
        let cannot = |what: &str| {
            Err(Error::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                format!("{kind} constraints cannot be marked {what}"),
            ))
        };
        if kind == "CHECK" && timing.is_deferrable() {
            return cannot("DEFERRABLE");
        }
        if self.not_valid && matches!(kind, "PRIMARY KEY" | "UNIQUE") {
            return cannot("NOT VALID");
        }
        if self.not_valid && timing.is_deferrable() {
            return Err(Error::unsupported("a DEFERRABLE constraint NOT VALID"));
        }
        Ok(ConstraintDefinition {
            name,
            clause,
            timing,
            not_valid: self.not_valid,
        })
    }
}

fn attributes(cursor: &mut Cursor) -> Result<Attributes> {
    let mut found = Attributes::default();
    let wrong = |cursor: &Cursor, message: &str| {
        Err(Error::new(SqlState::SYNTAX_ERROR, message).at(cursor.position()))
    };
    loop {
        let deferrable = match cursor.word().as_deref() {
            Some("DEFERRABLE") => Some(true),
            Some("NOT") if cursor.second_word().as_deref() == Some("DEFERRABLE") => Some(false),
            _ => None,
        };
        if let Some(deferrable) = deferrable {
            if found.deferrable.is_some() {
                return wrong(
                    cursor,
                    "multiple DEFERRABLE/NOT DEFERRABLE clauses not allowed",
                );
            }
            if !deferrable && found.deferred == Some(true) {
                return wrong(
                    cursor,
                    "constraint declared INITIALLY DEFERRED must be DEFERRABLE",
                );
            }
            cursor.accept("NOT");
            cursor.expect("DEFERRABLE")?;
            found.deferrable = Some(deferrable);
            continue;
        }
        if cursor.word().as_deref() == Some("INITIALLY") {
            let deferred = cursor.second_word().as_deref() == Some("DEFERRED");
            if found.deferred.is_some() {
                return wrong(
                    cursor,
                    "multiple INITIALLY IMMEDIATE/DEFERRED clauses not allowed",
                );
            }
            if deferred && found.deferrable == Some(false) {
                return wrong(
                    cursor,
                    "constraint declared INITIALLY DEFERRED must be DEFERRABLE",
                );
            }
            if !cursor.accept("INITIALLY DEFERRED") {
                cursor.expect("INITIALLY IMMEDIATE")?;
            }
            found.deferred = Some(deferred);
            continue;
        }
        if !cursor.accept("NOT VALID") {
            return Ok(found);
        }
        found.not_valid = true;
    }
}

/// The timing that ALTER CONSTRAINT gives; `None` if it says nothing.
pub(super) fn new_timing(cursor: &mut Cursor) -> Result<Option<Timing>> {
    let found = attributes(cursor)?;
    if found.not_valid {
        return Err(Error::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            "FOREIGN KEY constraints cannot be marked NOT VALID",
        ));
    }
    let said = found.deferrable.is_some() || found.deferred.is_some();
    Ok(said.then(|| found.timing()))
}

/// `INCLUDING … EXCLUDING …` after LIKE.
pub(super) fn like_options(cursor: &mut Cursor) -> Result<LikeOptions> {
    let mut options = LikeOptions::default();
    loop {
        let including = cursor.accept("INCLUDING");
        if !including && !cursor.accept("EXCLUDING") {
            return Ok(options);
        }
        match cursor.any_word()?.as_str() {
            "all" => {
                options = LikeOptions {
                    comments: including,
                    compression: including,
                    constraints: including,
                    defaults: including,
                    generated: including,
                    identity: including,
                    indexes: including,
                };
            }
            "comments" => options.comments = including,
            "compression" => options.compression = including,
            "constraints" => options.constraints = including,
            "defaults" => options.defaults = including,
            "generated" => options.generated = including,
            "identity" => options.identity = including,
            "indexes" => options.indexes = including,
            // There is nothing of the kind to take over.
            "statistics" | "storage" => {}
            _ => return Err(cursor.syntax_error()),
        }
    }
}
