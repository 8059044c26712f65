//! The statements of PL/pgSQL.

use sqlparser::tokenizer::Token;

use super::reader::{Reader, expression};
use super::{Parser, cursors, end_label, raise};
use crate::base::{Error, Result, SqlState};
use crate::engine::command::{Command, Statement};
use crate::engine::parse::parse;
use crate::engine::plpgsql::{
    Action, Case, Diagnostic, Dynamic, Expression, Into, Loop, Repeat, Returns, Source, Step,
    Target,
};

impl Parser {
    pub(super) fn step(&mut self, reader: &mut Reader) -> Result<Step> {
        let line = reader.line();
        let action = self.action(reader)?;
        Ok(Step { line, action })
    }

    fn action(&mut self, reader: &mut Reader) -> Result<Action> {
        let label = reader.label()?;
        match reader.word(0).as_deref() {
            Some("DECLARE" | "BEGIN") => {
                let block = self.block(reader, label)?;
                reader.semicolon()?;
                return Ok(Action::Block(block));
            }
            Some("LOOP" | "WHILE" | "FOR" | "FOREACH") => return self.repeated(reader, label),
            _ if label.is_some() => return Err(reader.syntax_error()),
            _ => {}
        }
        if let Some(assignment) = assignment(reader)? {
            return Ok(assignment);
        }
        let word = reader.word(0).unwrap_or_default();
        match word.as_str() {
            "IF" => self.condition(reader),
            "CASE" => self.case(reader),
            "NULL" => {
                reader.skip();
                reader.semicolon()?;
                Ok(Action::Nothing)
            }
            "EXIT" | "CONTINUE" => {
                reader.skip();
                self.leave(reader, word == "EXIT")
            }
            "RETURN" => {
                reader.skip();
                self.returned(reader)
            }
            "RAISE" => {
                reader.skip();
                raise::raise(reader)
            }
            "ASSERT" => {
                reader.skip();
                let ends = [Token::Comma, Token::SemiColon];
                let condition = reader.expression(&[], &ends)?;
                let message = match reader.accept_token(&Token::Comma) {
                    true => Some(reader.expression(&[], &[Token::SemiColon])?),
                    false => None,
                };
                reader.semicolon()?;
                Ok(Action::Assert { condition, message })
            }
            "PERFORM" => {
                reader.skip();
                reader.last_expression().map(Action::Perform)
            }
            "EXECUTE" => {
                reader.skip();
                executed(reader)
            }
            "GET" => {
                reader.skip();
                diagnostics(reader)
            }
            "OPEN" => {
                reader.skip();
                cursors::open(reader)
            }
            "FETCH" | "MOVE" => cursors::fetch(reader),
            "CLOSE" => {
                reader.skip();
                let cursor = reader.name()?;
                reader.semicolon()?;
                Ok(Action::Close(cursor))
            }
            "COMMIT" | "ROLLBACK" => end(reader, word == "COMMIT"),
            _ => sql(reader),
        }
    }

    /// IF
    fn condition(&mut self, reader: &mut Reader) -> Result<Action> {
        reader.expect("IF")?;
        let mut arms = Vec::new();
        loop {
            let condition = reader.expression(&["THEN"], &[])?;
            reader.expect("THEN")?;
            arms.push((condition, self.steps(reader, ARM_ENDS)?));
            if !(reader.accept("ELSIF") || reader.accept("ELSEIF")) {
                break;
            }
        }
        let otherwise = match reader.accept("ELSE") {
            true => self.steps(reader, &["END"])?,
            false => Vec::new(),
        };
        reader.expect("END IF")?;
        reader.semicolon()?;
        Ok(Action::If { arms, otherwise })
    }

    /// CASE
    fn case(&mut self, reader: &mut Reader) -> Result<Action> {
        reader.expect("CASE")?;
        let subject = match reader.word(0).as_deref() {
            Some("WHEN") => None,
            _ => Some(reader.expression(&["WHEN"], &[])?),
        };
        let mut arms = Vec::new();
        while reader.accept("WHEN") {
            let values = match subject {
                Some(_) => reader.expressions(&["THEN"], &[])?,
                None => vec![reader.expression(&["THEN"], &[])?],
            };
            reader.expect("THEN")?;
            arms.push((values, self.steps(reader, &["WHEN", "ELSE", "END"])?));
        }
        let otherwise = match reader.accept("ELSE") {
            true => Some(self.steps(reader, &["END"])?),
            false => None,
        };
        reader.expect("END CASE")?;
        reader.semicolon()?;
        Ok(Action::Case(Case {
            subject,
            arms,
            otherwise,
        }))
    }

    /// LOOP, WHILE, FOR, FOREACH
    fn repeated(&mut self, reader: &mut Reader, label: Option<String>) -> Result<Action> {
        let repeat = match reader.word(0).as_deref() {
            Some("WHILE") => {
                reader.skip();
                Repeat::While(reader.expression(&["LOOP"], &[])?)
            }
            Some("FOR") => {
                reader.skip();
                each_row(reader, &self.cursors)?
            }
            Some("FOREACH") => {
                reader.skip();
                let targets = targets(reader)?;
                let slice = match reader.accept("SLICE") {
                    true => reader.integer()?,
                    false => 0,
                };
                reader.expect("IN ARRAY")?;
                let array = reader.expression(&["LOOP"], &[])?;
                Repeat::Elements {
                    targets,
                    slice,
                    array,
                }
            }
            _ => Repeat::Forever,
        };
        reader.expect("LOOP")?;
        self.around.push((label.clone(), true));
        let body = self.steps(reader, &["END"])?;
        self.around.pop();
        reader.expect("END LOOP")?;
        end_label(reader, label.as_deref())?;
        reader.semicolon()?;
        Ok(Action::Loop(Loop {
            label,
            repeat,
            body,
        }))
    }

    /// After RETURN.
    fn returned(&self, reader: &mut Reader) -> Result<Action> {
        let Returns {
            value,
            outputs,
            set,
        } = self.returns;
        let mismatch = |message: &str| {
            Err(Error::new(SqlState::DATATYPE_MISMATCH, message).without_position())
        };
        if reader.accept("NEXT") {
            if !set {
                return mismatch("cannot use RETURN NEXT in a non-SETOF function");
            }
            let next = match reader.accept_token(&Token::SemiColon) {
                true => None,
                false => Some(reader.last_expression()?),
            };
            return match (outputs, &next) {
                (true, Some(_)) => {
                    mismatch("RETURN NEXT cannot have a parameter in function with OUT parameters")
                }
                (false, None) => Err(reader.wrong("missing expression at or near \";\"")),
                _ => Ok(Action::ReturnNext(next)),
            };
        }
        if reader.accept("QUERY") {
            if !set {
                return mismatch("cannot use RETURN QUERY in a non-SETOF function");
            }
            let source = if reader.accept("EXECUTE") {
                let text = reader.expression(&["USING"], &[Token::SemiColon])?;
                let using = using(reader, &[], &[Token::SemiColon])?;
                Source::Dynamic(Dynamic { text, using })
            } else {
                let start = reader.position();
                let end = reader.find(&[], &[Token::SemiColon]);
                let end = end.ok_or_else(|| reader.syntax_error_at_end())?;
                let statement = statement(reader.text(start, end), reader)?;
                reader.go_to(end);
                Source::Static(Box::new(statement))
            };
            reader.semicolon()?;
            return Ok(Action::ReturnQuery(source));
        }
        if reader.accept_token(&Token::SemiColon) {
            return match value && !outputs && !set {
                true => Err(reader.wrong("missing expression at or near \";\"")),
                false => Ok(Action::Return(None)),
            };
        }
        if set {
            let message = "RETURN cannot have a parameter in function returning set";
            return Err(Error::new(SqlState::DATATYPE_MISMATCH, message)
                .hint("Use RETURN NEXT or RETURN QUERY.")
                .without_position());
        }
        if outputs {
            return mismatch("RETURN cannot have a parameter in function with OUT parameters");
        }
        if !value {
            return mismatch("RETURN cannot have a parameter in function returning void");
        }
        reader
            .last_expression()
            .map(|value| Action::Return(Some(value)))
    }

    /// After EXIT and CONTINUE.
    fn leave(&self, reader: &mut Reader, exit: bool) -> Result<Action> {
        let label = match reader.word(0).as_deref() {
            Some("WHEN") => None,
            _ => reader.name_ahead(0),
        };
        let word = if exit { "EXIT" } else { "CONTINUE" };
        let of = |label: &String| {
            self.around
                .iter()
                .rev()
                .find(|(of, _)| of.as_ref() == Some(label))
        };
        match &label {
            None if !self.around.iter().any(|(_, is_loop)| *is_loop) => {
                let unless = if exit { ", unless it has a label" } else { "" };
                let message = format!("{word} cannot be used outside a loop{unless}");
                return Err(reader.wrong(message));
            }
            None => {}
            Some(label) => match of(label) {
                None => {
                    return Err(reader.wrong(format!(
                        "there is no label \"{label}\" attached to any block or loop enclosing \
                         this statement"
                    )));
                }
                Some((_, false)) if !exit => {
                    let message = format!("block label \"{label}\" cannot be used in CONTINUE");
                    return Err(reader.wrong(message));
                }
                Some(_) => {}
            },
        }
        if label.is_some() {
            reader.skip();
        }
        let when = match reader.accept("WHEN") {
            true => Some(reader.expression(&[], &[Token::SemiColon])?),
            false => None,
        };
        reader.semicolon()?;
        Ok(Action::Leave { exit, label, when })
    }
}

/// What ends the statements of IF and ELSIF.
const ARM_ENDS: &[&str] = &["ELSIF", "ELSEIF", "ELSE", "END"];

/// `target := value;` or `target = value;`, if that is what comes.
fn assignment(reader: &mut Reader) -> Result<Option<Action>> {
    let start = reader.position();
    if reader.name_ahead(0).is_none() {
        return Ok(None);
    }
    let target = target(reader)?;
    let assigned = reader.accept_token(&Token::Assignment) || reader.accept_token(&Token::Eq);
    let Some(target) = target.filter(|_| assigned) else {
        reader.go_to(start);
        return Ok(None);
    };
    let value = reader.expression(&[], &[Token::SemiColon])?;
    let text = reader.text(start, reader.position());
    reader.semicolon()?;
    Ok(Some(Action::Assign {
        target,
        value,
        text,
    }))
}

/// What can be assigned to, if that is what comes.
fn target(reader: &mut Reader) -> Result<Option<Target>> {
    let mut names = vec![reader.name()?];
    while reader.token(0) == &Token::Period && reader.name_ahead(1).is_some() {
        reader.skip();
        names.push(reader.name()?);
    }
    let mut subscripts = Vec::new();
    while reader.accept_token(&Token::LBracket) {
        let ends = [Token::RBracket, Token::Colon];
        if reader.find(&[], &ends).is_none() || ends.contains(reader.token(0)) {
            return Ok(None);
        }
        let first = reader.expression(&[], &ends)?;
        let second = match reader.accept_token(&Token::Colon) {
            true if reader.token(0) == &Token::RBracket => return Ok(None),
            true => Some(reader.expression(&[], &[Token::RBracket])?),
            false => None,
        };
        reader.expect_token(&Token::RBracket)?;
        subscripts.push((first, second));
    }
    Ok(Some(Target { names, subscripts }))
}

/// `target, …`
pub(super) fn targets(reader: &mut Reader) -> Result<Vec<Target>> {
    let mut found = Vec::new();
    loop {
        match target(reader)? {
            Some(target) if target.subscripts.is_empty() => found.push(target),
            _ => return Err(reader.syntax_error()),
        }
        if !reader.accept_token(&Token::Comma) {
            return Ok(found);
        }
    }
}

/// After FOR, up to LOOP.
fn each_row(reader: &mut Reader, cursors: &[String]) -> Result<Repeat> {
    let targets = targets(reader)?;
    reader.expect("IN")?;
    if reader.accept("EXECUTE") {
        let text = reader.expression(&["USING", "LOOP"], &[])?;
        let using = using(reader, &["LOOP"], &[])?;
        let of = Source::Dynamic(Dynamic { text, using });
        return Ok(Repeat::Rows { targets, of });
    }
    let start = reader.position();
    if let Some(cursor) = reader.name_ahead(0).filter(|name| cursors.contains(name)) {
        reader.skip();
        let arguments = cursors::arguments(reader)?;
        let [target] = <[Target; 1]>::try_from(targets)
            .map_err(|_| reader.wrong("cursor FOR loop must have only one target variable"))?;
        return Ok(Repeat::Cursor {
            target,
            cursor,
            arguments,
        });
    }
    let end = reader.find(&["LOOP"], &[]);
    let end = end.ok_or_else(|| reader.wrong("missing \"LOOP\" at end of SQL expression"))?;
    let Some((before, after)) = reader.around_dots(end) else {
        let statement = statement(reader.text(start, end), reader)?;
        reader.go_to(end);
        let of = Source::Static(Box::new(statement));
        return Ok(Repeat::Rows { targets, of });
    };
    let [Target { names, .. }] = targets.as_slice() else {
        return Err(reader.wrong("integer FOR loop must have only one target variable"));
    };
    let [variable] = names.as_slice() else {
        return Err(reader.syntax_error());
    };
    let reverse = reader.accept("REVERSE");
    let before = match reverse {
        true => before.trim_start()["reverse".len()..].to_owned(),
        false => before,
    };
    let by = match reader.find(&["BY", "LOOP"], &[]) {
        Some(by) if by < end => {
            reader.go_to(by + 1);
            Some(reader.expression(&["LOOP"], &[])?)
        }
        _ => None,
    };
    let to = match &by {
        // The text after the dots goes on to BY.
        Some(by) => {
            let upto = after.len().saturating_sub(by.text.len());
            let after = after.get(..upto).unwrap_or_default().trim_end();
            let word = after.len().saturating_sub("by".len());
            after.get(..word).unwrap_or_default().to_owned()
        }
        None => after,
    };
    reader.go_to(end);
    Ok(Repeat::Count {
        variable: variable.clone(),
        reverse,
        from: expression(before)?,
        to: expression(to)?,
        by,
    })
}

/// After EXECUTE: INTO and USING come in either order.
fn executed(reader: &mut Reader) -> Result<Action> {
    let text = reader.expression(&["INTO", "USING"], &[Token::SemiColon])?;
    let (mut found, mut values) = (None, Vec::new());
    loop {
        if found.is_none() && reader.accept("INTO") {
            found = Some(into(reader)?);
        } else if values.is_empty() && reader.word(0).as_deref() == Some("USING") {
            values = using(reader, &["INTO"], &[Token::SemiColon])?;
        } else {
            break;
        }
    }
    reader.semicolon()?;
    Ok(Action::Execute {
        what: Dynamic {
            text,
            using: values,
        },
        into: found,
    })
}

pub(super) fn using(
    reader: &mut Reader,
    words: &[&str],
    signs: &[Token],
) -> Result<Vec<Expression>> {
    match reader.accept("USING") {
        true => reader.expressions(words, signs),
        false => Ok(Vec::new()),
    }
}

/// After INTO.
fn into(reader: &mut Reader) -> Result<Into> {
    let strict = reader.accept("STRICT");
    let targets = targets(reader)?;
    Ok(Into { strict, targets })
}

/// After GET.
fn diagnostics(reader: &mut Reader) -> Result<Action> {
    let stacked = reader.accept("STACKED");
    if !stacked {
        reader.accept("CURRENT");
    }
    reader.expect("DIAGNOSTICS")?;
    let mut items = Vec::new();
    loop {
        let target = target(reader)?.ok_or_else(|| reader.syntax_error())?;
        if !reader.accept_token(&Token::Assignment) {
            reader.expect_token(&Token::Eq)?;
        }
        let known = [
            ("ROW_COUNT", false, Diagnostic::RowCount),
            ("PG_CONTEXT", false, Diagnostic::Context),
            ("RETURNED_SQLSTATE", true, Diagnostic::State),
            ("MESSAGE_TEXT", true, Diagnostic::Message),
            ("PG_EXCEPTION_DETAIL", true, Diagnostic::Detail),
            ("PG_EXCEPTION_HINT", true, Diagnostic::Hint),
            ("PG_EXCEPTION_CONTEXT", true, Diagnostic::ErrorContext),
            ("COLUMN_NAME", true, Diagnostic::Column),
            ("CONSTRAINT_NAME", true, Diagnostic::Constraint),
            ("PG_DATATYPE_NAME", true, Diagnostic::DataType),
            ("TABLE_NAME", true, Diagnostic::Table),
            ("SCHEMA_NAME", true, Diagnostic::Schema),
        ];
        let found = known.into_iter().find(|(word, _, _)| reader.accept(word));
        let Some((word, of_error, item)) = found else {
            return Err(reader.wrong("unrecognized GET DIAGNOSTICS item"));
        };
        if of_error != stacked {
            let form = if stacked { "STACKED" } else { "CURRENT" };
            return Err(reader.wrong(format!(
                "diagnostics item {word} is not allowed in GET {form} DIAGNOSTICS"
            )));
        }
        items.push((target, item));
        if !reader.accept_token(&Token::Comma) {
            break;
        }
    }
    reader.semicolon()?;
    Ok(Action::Diagnostics { stacked, items })
}

/// COMMIT and ROLLBACK.
fn end(reader: &mut Reader, commit: bool) -> Result<Action> {
    reader.skip();
    let chain = if reader.accept("AND NO CHAIN") {
        false
    } else {
        reader.accept("AND CHAIN")
    };
    reader.semicolon()?;
    Ok(Action::End { commit, chain })
}

/// A statement of SQL; its INTO, which is not SQL's, is taken out.
fn sql(reader: &mut Reader) -> Result<Action> {
    let start = reader.position();
    let end = reader.find(&[], &[Token::SemiColon]);
    let end = end.ok_or_else(|| reader.syntax_error_at_end())?;
    let mut found = None;
    let mut text = reader.text(start, end);
    while let Some(place) = reader.find(&["INTO"], &[]) {
        if place >= end {
            break;
        }
        // INSERT INTO and MERGE INTO are SQL's own.
        reader.go_to(place.saturating_sub(1));
        let own = place > start && matches!(reader.word(0).as_deref(), Some("INSERT" | "MERGE"));
        reader.go_to(place + 1);
        if own {
            continue;
        }
        if found.is_some() {
            return Err(reader.wrong("INTO specified more than once"));
        }
        found = Some(into(reader)?);
        let rest = reader.position();
        text = format!("{} {}", reader.text(start, place), reader.text(rest, end));
    }
    reader.go_to(start);
    let statement = statement(text, reader)?;
    reader.go_to(end);
    reader.semicolon()?;
    Ok(Action::Sql {
        statement: Box::new(statement),
        into: found,
    })
}

/// The one statement that a text is.
pub(super) fn statement(text: String, reader: &Reader) -> Result<Statement> {
    let mut statements = parse(&text).map_err(Error::without_position)?.into_iter();
    let (Some(statement), None) = (statements.next(), statements.next()) else {
        return Err(reader.syntax_error());
    };
    check(&statement)?;
    Ok(statement)
}

/// `0A000` for statements that PL/pgSQL does not have.
///
/// # Errors
/// As PostgreSQL's.
pub fn check(statement: &Statement) -> Result<()> {
    let refused = match &statement.command {
        command if command.transaction_word().is_some() => {
            "unsupported transaction command in PL/pgSQL"
        }
        Command::Copy(copy) if copy.file.is_none() => "cannot COPY to/from client in PL/pgSQL",
        _ => return Ok(()),
    };
    Err(Error::new(SqlState::FEATURE_NOT_SUPPORTED, refused).without_position())
}
