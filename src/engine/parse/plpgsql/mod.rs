//! PL/pgSQL: the body of a function or a `DO` to a tree (PostgreSQL manual, "PL/pgSQL — SQL
//! Procedural Language").
//!
//! What is SQL in it is cut out as PostgreSQL does, at words and signs, and read by the parser of
//! SQL. What commons does not carry out (cursors) is refused here, by name.

mod conditions;
mod cursors;
mod declare;
mod raise;
mod reader;
mod steps;

pub use raise::condition;
pub use steps::check as check_plpgsql;

use sqlparser::ast;
use sqlparser::tokenizer::Token;

use crate::base::limits::BLOCK_DEPTH_MAX;
use crate::base::{Error, Result, SqlState};
use crate::engine::parse::SUBSCRIPTED;
use crate::engine::plpgsql::{Block, Condition, Declaration, Declared, Handler, Returns, Step};
use reader::Reader;

/// The block that a body is; `name` is what messages call it.
///
/// # Errors
/// `42601`; `0A000` for what is not supported.
pub fn parse_plpgsql(name: &str, body: &str, returns: Returns) -> Result<Block> {
    let mut reader = Reader::new(name, body)?;
    if reader.accept_token(&Token::Sharp) {
        return Err(Error::unsupported("a compiler option of PL/pgSQL"));
    }
    let label = reader.label()?;
    if !matches!(reader.word(0).as_deref(), Some("DECLARE" | "BEGIN")) {
        return Err(reader.syntax_error());
    }
    let block = Parser {
        returns,
        around: Vec::new(),
        cursors: Vec::new(),
        depth: 0,
    }
    .block(&mut reader, label)?;
    reader.accept_token(&Token::SemiColon);
    match reader.at_end() {
        true => Ok(block),
        false => Err(reader.syntax_error()),
    }
}

/// A query of a call as that of an array with an element replaced: the call's arguments are the
/// array, the value, and for each subscript whether it is a slice, and its bounds.
pub fn subscripted(mut query: Box<ast::Query>) -> Box<ast::Query> {
    if let ast::SetExpr::Select(select) = query.body.as_mut()
        && let [ast::SelectItem::UnnamedExpr(ast::Expr::Function(call))] =
            select.projection.as_mut_slice()
    {
        call.name = ast::ObjectName::from(vec![ast::Ident::with_quote('"', SUBSCRIPTED)]);
    }
    query
}

/// Reads what nests.
struct Parser {
    returns: Returns,
    /// The blocks and loops around, and whether each is a loop.
    around: Vec<(Option<String>, bool)>,
    /// The names of variables that are cursors with a query.
    cursors: Vec<String>,
    depth: usize,
}

impl Parser {
    /// A block from DECLARE or BEGIN to END, and its label behind that.
    fn block(&mut self, reader: &mut Reader, label: Option<String>) -> Result<Block> {
        let mut declarations = Vec::new();
        while reader.accept("DECLARE") {
            while reader.word(0).as_deref() != Some("BEGIN") {
                if reader.word(0).as_deref() == Some("DECLARE") {
                    break;
                }
                let declaration = declare::declaration(reader)?;
                let name = &declaration.name;
                if matches!(declaration.declared, Declared::Cursor { .. }) {
                    self.cursors.push(name.clone());
                }
                if declarations
                    .iter()
                    .any(|known: &Declaration| known.name == *name)
                {
                    let message = format!("duplicate declaration at or near \"{name}\"");
                    return Err(reader.wrong(message));
                }
                declarations.push(declaration);
            }
        }
        reader.expect("BEGIN")?;
        self.around.push((label.clone(), false));
        let body = self.steps(reader, &["END", "EXCEPTION"])?;
        let mut handlers = Vec::new();
        if reader.accept("EXCEPTION") {
            while reader.accept("WHEN") {
                handlers.push(self.handler(reader)?);
            }
            if handlers.is_empty() {
                return Err(reader.syntax_error());
            }
        }
        reader.expect("END")?;
        self.around.pop();
        end_label(reader, label.as_deref())?;
        Ok(Block {
            label,
            declarations,
            body,
            handlers,
        })
    }

    fn handler(&mut self, reader: &mut Reader) -> Result<Handler> {
        let mut conditions = Vec::new();
        loop {
            let name = reader.name()?;
            if name == "others" {
                conditions.push(Condition::Others);
            } else if name == "sqlstate" {
                conditions.push(Condition::State(raise::state(reader)?));
            } else {
                let states = conditions::named(&name);
                if states.is_empty() {
                    return Err(raise::unrecognized(&name));
                }
                conditions.extend(states.into_iter().map(Condition::State));
            }
            if !reader.accept("OR") {
                break;
            }
        }
        reader.expect("THEN")?;
        let body = self.steps(reader, &["WHEN", "END"])?;
        Ok(Handler { conditions, body })
    }

    /// Statements up to one of these words.
    fn steps(&mut self, reader: &mut Reader, ends: &[&str]) -> Result<Vec<Step>> {
        self.depth += 1;
        if self.depth > BLOCK_DEPTH_MAX {
            return Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )
            .detail(format!(
                "Blocks, loops and conditions may nest {BLOCK_DEPTH_MAX} deep."
            )));
        }
        let mut steps = Vec::new();
        loop {
            if reader.at_end() {
                return Err(reader.syntax_error());
            }
            let word = reader.word(0);
            if word.is_some_and(|word| ends.contains(&word.as_str())) {
                break;
            }
            steps.push(self.step(reader)?);
        }
        self.depth -= 1;
        Ok(steps)
    }
}

/// The label that may be repeated behind END.
fn end_label(reader: &mut Reader, label: Option<&str>) -> Result<()> {
    let Some(name) = reader.name_ahead(0) else {
        return Ok(());
    };
    reader.skip();
    match label {
        Some(label) if label == name => Ok(()),
        Some(label) => Err(reader.wrong(format!(
            "end label \"{name}\" differs from block's label \"{label}\""
        ))),
        None => Err(reader.wrong(format!(
            "end label \"{name}\" specified for unlabeled block"
        ))),
    }
}
