//! Reads a path.

use super::lexer::{Token, split};
use super::{Binary, Expr, Method, Path, Start, Step, syntax};
use crate::base::{Error, Result, SqlState};
use crate::types::Numeric;

/// Parts within each other at most.
const DEPTH_MAX: usize = 300;
/// Operators at most: a chain of them is as deep as it is long.
const OPERATORS_MAX: usize = 1_000;

impl Path {
    /// Reads a path.
    ///
    /// # Errors
    /// `42601` and what its parts are refused with.
    pub fn parse(text: &str) -> Result<Self> {
        let tokens = split(text)?;
        if tokens.is_empty() {
            return Err(Error::new(
                SqlState::INVALID_TEXT_REPRESENTATION,
                format!("invalid input syntax for type jsonpath: \"{text}\""),
            ));
        }
        let mut parser = Parser {
            tokens,
            at: 0,
            depth: 0,
            operators: 0,
            current: 0,
            subscripts: 0,
        };
        let strict = parser.word("strict");
        if !strict {
            parser.word("lax");
        }
        let (expr, _) = parser.either()?;
        match parser.peek() {
            None => Ok(Self { lax: !strict, expr }),
            Some(_) => Err(parser.wrong()),
        }
    }
}

/// Whether an expression is a condition.
type Condition = bool;

struct Parser {
    tokens: Vec<(Token, String)>,
    at: usize,
    depth: usize,
    operators: usize,
    /// Filters around this place: where `@` means something.
    current: usize,
    /// Subscripts around this place: where `last` means something.
    subscripts: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at).map(|(token, _)| token)
    }

    fn wrong(&self) -> Error {
        syntax(match self.tokens.get(self.at) {
            Some((_, text)) => format!("syntax error at or near \"{text}\" of jsonpath input"),
            None => "syntax error at end of jsonpath input".to_owned(),
        })
    }

    fn sign(&mut self, sign: &str) -> bool {
        let there = matches!(self.peek(), Some(Token::Sign(next)) if *next == sign);
        self.at += usize::from(there);
        there
    }

    fn must(&mut self, sign: &str) -> Result<()> {
        match self.sign(sign) {
            true => Ok(()),
            false => Err(self.wrong()),
        }
    }

    fn is_word(&self, word: &str) -> bool {
        matches!(self.peek(), Some(Token::Word(next)) if next.eq_ignore_ascii_case(word))
    }

    fn word(&mut self, word: &str) -> bool {
        let there = self.is_word(word);
        self.at += usize::from(there);
        there
    }

    /// Counts an operator.
    fn longer(&mut self) -> Result<()> {
        self.operators += 1;
        self.bounded()
    }

    fn deeper(&mut self) -> Result<()> {
        self.depth += 1;
        self.bounded()
    }

    fn bounded(&self) -> Result<()> {
        match self.depth > DEPTH_MAX || self.operators > OPERATORS_MAX {
            true => Err(Error::new(
                SqlState::STATEMENT_TOO_COMPLEX,
                "stack depth limit exceeded",
            )),
            false => Ok(()),
        }
    }

    fn condition(&mut self) -> Result<Expr> {
        match self.either()? {
            (expr, true) => Ok(expr),
            (_, false) => Err(self.wrong()),
        }
    }

    fn value(&mut self) -> Result<Expr> {
        self.deeper()?;
        let value = self.sum()?;
        self.depth -= 1;
        match value {
            (expr, false) => Ok(expr),
            (_, true) => Err(self.wrong()),
        }
    }

    fn either(&mut self) -> Result<(Expr, Condition)> {
        self.deeper()?;
        let (mut left, mut condition) = self.both()?;
        while matches!(self.peek(), Some(Token::Sign("||"))) {
            if !condition {
                return Err(self.wrong());
            }
            self.at += 1;
            let (right, true) = self.both()? else {
                return Err(self.wrong());
            };
            self.longer()?;
            left = binary(Binary::Or, left, right);
            condition = true;
        }
        self.depth -= 1;
        Ok((left, condition))
    }

    fn both(&mut self) -> Result<(Expr, Condition)> {
        let (mut left, mut condition) = self.compared()?;
        while matches!(self.peek(), Some(Token::Sign("&&"))) {
            if !condition {
                return Err(self.wrong());
            }
            self.at += 1;
            let (right, true) = self.compared()? else {
                return Err(self.wrong());
            };
            self.longer()?;
            left = binary(Binary::And, left, right);
            condition = true;
        }
        Ok((left, condition))
    }

    fn compared(&mut self) -> Result<(Expr, Condition)> {
        if self.sign("!") {
            // What is negated stands in parentheses.
            let exists = self.is_word("exists");
            if !exists && !matches!(self.peek(), Some(Token::Sign("("))) {
                return Err(self.wrong());
            }
            let (expr, true) = self.delimited()? else {
                return Err(self.wrong());
            };
            return Ok((alone(Start::Not(Box::new(expr))), true));
        }
        let (left, condition) = self.sum()?;
        if condition {
            return Ok((left, true));
        }
        let op = match self.peek() {
            Some(Token::Sign("==" | "=")) => Binary::Equal,
            Some(Token::Sign("!=" | "<>")) => Binary::NotEqual,
            Some(Token::Sign("<")) => Binary::Less,
            Some(Token::Sign("<=")) => Binary::LessOrEqual,
            Some(Token::Sign(">")) => Binary::Greater,
            Some(Token::Sign(">=")) => Binary::GreaterOrEqual,
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("starts") => {
                self.at += 1;
                if !self.word("with") {
                    return Err(self.wrong());
                }
                let start = match self.peek() {
                    Some(Token::String(text)) => Start::String(text.clone()),
                    Some(Token::Variable(name)) => Start::Variable(name.clone()),
                    _ => return Err(self.wrong()),
                };
                self.at += 1;
                return Ok((binary(Binary::StartsWith, left, alone(start)), true));
            }
            Some(Token::Word(word)) if word.eq_ignore_ascii_case("like_regex") => {
                self.at += 1;
                return self.like(left);
            }
            _ => return Ok((left, false)),
        };
        self.at += 1;
        let right = self.value()?;
        Ok((binary(op, left, right), true))
    }

    fn like(&mut self, left: Expr) -> Result<(Expr, Condition)> {
        let Some(Token::String(pattern)) = self.peek().cloned() else {
            return Err(self.wrong());
        };
        self.at += 1;
        let mut flags = String::new();
        if self.word("flag") {
            let Some(Token::String(letters)) = self.peek().cloned() else {
                return Err(self.wrong());
            };
            self.at += 1;
            for letter in letters.chars() {
                if !"ismxq".contains(letter) {
                    return Err(
                        syntax("invalid input syntax for type jsonpath").detail(format!(
                            "Unrecognized flag character \"{letter}\" in LIKE_REGEX predicate."
                        )),
                    );
                }
                if !flags.contains(letter) {
                    flags.push(letter);
                }
            }
            if flags.contains('x') && !flags.contains('q') {
                return Err(Error::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "XQuery \"x\" flag (expanded regular expressions) is not implemented",
                ));
            }
        }
        Ok((alone(Start::Like(Box::new(left), pattern, flags)), true))
    }

    fn sum(&mut self) -> Result<(Expr, Condition)> {
        let (mut left, condition) = self.product()?;
        if condition {
            return Ok((left, true));
        }
        loop {
            let op = match self.peek() {
                Some(Token::Sign("+")) => Binary::Plus,
                Some(Token::Sign("-")) => Binary::Minus,
                _ => return Ok((left, false)),
            };
            self.at += 1;
            let (right, false) = self.product()? else {
                return Err(self.wrong());
            };
            self.longer()?;
            left = binary(op, left, right);
        }
    }

    fn product(&mut self) -> Result<(Expr, Condition)> {
        let (mut left, condition) = self.signed()?;
        if condition {
            return Ok((left, true));
        }
        loop {
            let op = match self.peek() {
                Some(Token::Sign("*")) => Binary::Times,
                Some(Token::Sign("/")) => Binary::Over,
                Some(Token::Sign("%")) => Binary::Remainder,
                _ => return Ok((left, false)),
            };
            self.at += 1;
            let (right, false) = self.signed()? else {
                return Err(self.wrong());
            };
            self.longer()?;
            left = binary(op, left, right);
        }
    }

    fn signed(&mut self) -> Result<(Expr, Condition)> {
        let minus = match self.peek() {
            Some(Token::Sign("+")) => false,
            Some(Token::Sign("-")) => true,
            _ => return self.delimited(),
        };
        self.at += 1;
        self.deeper()?;
        let (inner, false) = self.signed()? else {
            return Err(self.wrong());
        };
        self.depth -= 1;
        // A sign before a number is the number's.
        if let Expr {
            start: Start::Number(number),
            steps,
        } = &inner
            && steps.is_empty()
        {
            let number = if minus {
                number.negated()
            } else {
                number.clone()
            };
            return Ok((alone(Start::Number(number)), false));
        }
        Ok((alone(Start::Sign(minus, Box::new(inner))), false))
    }

    /// Something in parentheses, EXISTS, or a start, with its steps.
    fn delimited(&mut self) -> Result<(Expr, Condition)> {
        if self.word("exists") {
            self.must("(")?;
            let inner = self.value()?;
            self.must(")")?;
            return Ok((alone(Start::Exists(Box::new(inner))), true));
        }
        if self.sign("(") {
            let (inner, condition) = self.either()?;
            self.must(")")?;
            if condition && self.is_word("is") {
                self.at += 1;
                if !self.word("unknown") {
                    return Err(self.wrong());
                }
                return Ok((alone(Start::IsUnknown(Box::new(inner))), true));
            }
            if !self.begins_step() {
                return Ok((inner, condition));
            }
            // Steps behind steps are steps of the same.
            let mut expr = inner;
            self.steps(&mut expr)?;
            return Ok((expr, false));
        }
        let start = match self.peek().ok_or_else(|| self.wrong())? {
            Token::Sign("$") => Start::Root,
            Token::Sign("@") => {
                if self.current == 0 {
                    return Err(syntax("@ is not allowed in root expressions"));
                }
                Start::Current
            }
            Token::Variable(name) => Start::Variable(name.clone()),
            Token::String(text) => Start::String(text.clone()),
            Token::Number(text) => match Numeric::parse(text.trim_end_matches('.')) {
                Some(number) => Start::Number(number),
                None => return Err(self.wrong()),
            },
            Token::Word(word) => match word.as_str() {
                "null" => Start::Null,
                "true" => Start::Bool(true),
                "false" => Start::Bool(false),
                word if word.eq_ignore_ascii_case("last") => {
                    if self.subscripts == 0 {
                        return Err(syntax("LAST is allowed only in array subscripts"));
                    }
                    Start::Last
                }
                _ => return Err(self.wrong()),
            },
            Token::Sign(_) => return Err(self.wrong()),
        };
        self.at += 1;
        let mut expr = alone(start);
        self.steps(&mut expr)?;
        Ok((expr, false))
    }

    fn begins_step(&self) -> bool {
        matches!(self.peek(), Some(Token::Sign("." | "[" | "?")))
    }

    fn steps(&mut self, expr: &mut Expr) -> Result<()> {
        while self.begins_step() {
            let step = if self.sign("[") {
                self.subscript()?
            } else if self.sign("?") {
                self.must("(")?;
                self.current += 1;
                let condition = self.condition()?;
                self.current -= 1;
                self.must(")")?;
                Step::Filter(Box::new(condition))
            } else {
                self.at += 1;
                self.member()?
            };
            expr.steps.push(step);
        }
        Ok(())
    }

    fn subscript(&mut self) -> Result<Step> {
        if self.sign("*") {
            self.must("]")?;
            return Ok(Step::AnyItem);
        }
        self.subscripts += 1;
        let mut items = Vec::new();
        loop {
            let from = self.value()?;
            let to = match self.word("to") {
                true => Some(self.value()?),
                false => None,
            };
            items.push((from, to));
            if !self.sign(",") {
                break;
            }
        }
        self.subscripts -= 1;
        self.must("]")?;
        Ok(Step::Items(items))
    }

    fn member(&mut self) -> Result<Step> {
        if self.sign("*") {
            return Ok(Step::AnyKey);
        }
        if self.sign("**") {
            if !self.sign("{") {
                return Ok(Step::Any(0, u32::MAX));
            }
            let from = self.level()?;
            let to = match self.word("to") {
                true => self.level()?,
                false => from,
            };
            self.must("}")?;
            return Ok(Step::Any(from, to));
        }
        let key = match self.peek().cloned() {
            Some(Token::String(text)) => {
                self.at += 1;
                return Ok(Step::Key(text));
            }
            Some(Token::Word(word)) => word,
            _ => return Err(self.wrong()),
        };
        self.at += 1;
        if !matches!(self.peek(), Some(Token::Sign("("))) {
            return Ok(Step::Key(key));
        }
        let step = match key.to_ascii_lowercase().as_str() {
            "type" => Step::Method(Method::Type),
            "size" => Step::Method(Method::Size),
            "abs" => Step::Method(Method::Abs),
            "floor" => Step::Method(Method::Floor),
            "ceiling" => Step::Method(Method::Ceiling),
            "double" => Step::Method(Method::Double),
            "keyvalue" => Step::Method(Method::KeyValue),
            "datetime" => Step::DateTime(None),
            _ => return Err(self.wrong()),
        };
        self.at += 1;
        let step = match (step, self.peek().cloned()) {
            (Step::DateTime(_), Some(Token::String(template))) => {
                self.at += 1;
                Step::DateTime(Some(template))
            }
            (step, _) => step,
        };
        self.must(")")?;
        Ok(step)
    }

    fn level(&mut self) -> Result<u32> {
        if self.word("last") {
            return Ok(u32::MAX);
        }
        match self.peek() {
            Some(Token::Number(text)) => match text.parse::<u32>() {
                Ok(level) => {
                    self.at += 1;
                    Ok(level)
                }
                Err(_) => Err(self.wrong()),
            },
            _ => Err(self.wrong()),
        }
    }
}

fn alone(start: Start) -> Expr {
    Expr {
        start,
        steps: Vec::new(),
    }
}

fn binary(op: Binary, left: Expr, right: Expr) -> Expr {
    alone(Start::Binary(op, Box::new(left), Box::new(right)))
}
