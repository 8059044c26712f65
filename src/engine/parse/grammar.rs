//! PostgreSQL's grammar for sqlparser, with a bound on how long it may try.
//!
//! sqlparser reads some constructs by trying one reading and, if that fails, another; nested in one
//! another, the tries multiply, and a line of text would take hours. So every expression begun is
//! counted, and a statement that begins many more than it has tokens is given up. `f(expr => …)`,
//! which is not PostgreSQL's and would double the work at every level of nested calls, is off.

use std::any::TypeId;
use std::cell::Cell;

use sqlparser::ast;
use sqlparser::dialect::{Dialect, PostgreSqlDialect, Precedence};
use sqlparser::keywords::Keyword;
use sqlparser::parser::{Parser, ParserError};
use sqlparser::tokenizer::{Span, Token};

/// Expressions a statement may begin for each of its tokens, failed tries included.
const TRIES_PER_TOKEN: usize = 30;

thread_local! {
    /// Expressions that may still be begun. Parsing is synchronous, so one thread parses one
    /// statement at a time.
    static TRIES: Cell<usize> = const { Cell::new(0) };
}

/// Runs a parser within the bound for a statement of so many tokens.
pub(super) fn bounded<T>(tokens: usize, parse: impl FnOnce() -> T) -> T {
    TRIES.set(tokens.saturating_mul(TRIES_PER_TOKEN).saturating_add(1_000));
    parse()
}

/// Makes an item of GROUP BY of sets of columns.
type MakeSets = fn(Vec<Vec<ast::Expr>>) -> ast::Expr;

/// `GROUPING SETS (…)`, `ROLLUP (…)`, `CUBE (…)` and `()` of GROUP BY. sqlparser takes the first
/// parenthesis of `ROLLUP ((a)::int)` for that of several columns.
fn grouping(parser: &mut Parser) -> Option<Result<ast::Expr, ParserError>> {
    let word = |parser: &Parser, ahead: usize| match &parser.peek_nth_token_ref(ahead).token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let is = |parser: &Parser, ahead: usize, token: Token| {
        parser.peek_nth_token_ref(ahead).token == token
    };
    let (words, make): (usize, MakeSets) = match word(parser, 0) {
        Keyword::GROUPING if word(parser, 1) == Keyword::SETS => (2, ast::Expr::GroupingSets),
        Keyword::ROLLUP => (1, ast::Expr::Rollup),
        Keyword::CUBE => (1, ast::Expr::Cube),
        _ if is(parser, 0, Token::LParen) && is(parser, 1, Token::RParen) => {
            parser.advance_token();
            parser.advance_token();
            return Some(Ok(ast::Expr::Tuple(Vec::new())));
        }
        _ => return None,
    };
    if !is(parser, words, Token::LParen) {
        return None;
    }
    for _ in 0..=words {
        parser.advance_token();
    }
    let sets = parser
        .parse_comma_separated(grouping_set)
        .and_then(|sets| parser.expect_token(&Token::RParen).map(|_| sets));
    Some(sets.map(make))
}

/// One of them: columns in parentheses, or one column.
fn grouping_set(parser: &mut Parser) -> Result<Vec<ast::Expr>, ParserError> {
    Ok(match parser.parse_expr()? {
        ast::Expr::Tuple(several) => several,
        ast::Expr::Nested(one) => vec![*one],
        one => vec![one],
    })
}

/// `(VALUES …)` as a value. sqlparser takes VALUES for the name of a function.
fn values_subquery(parser: &mut Parser) -> Option<Result<ast::Expr, ParserError>> {
    let begins = parser.peek_token_ref().token == Token::LParen
        && matches!(&parser.peek_nth_token_ref(1).token, Token::Word(word)
            if word.keyword == Keyword::VALUES && word.quote_style.is_none())
        && parser.peek_nth_token_ref(2).token == Token::LParen;
    if !begins {
        return None;
    }
    parser.advance_token();
    let query = parser.parse_query();
    let query = query.and_then(|query| parser.expect_token(&Token::RParen).map(|_| query));
    Some(query.map(ast::Expr::Subquery))
}

/// `x sign ANY (…)`, `x sign ALL (…)`, with any operator.
fn quantified(
    parser: &mut Parser,
    left: &ast::Expr,
    precedence: u8,
) -> Option<Result<ast::Expr, ParserError>> {
    let quantifier = match &parser.peek_nth_token_ref(1).token {
        Token::Word(word) if word.quote_style.is_none() => word.keyword,
        _ => return None,
    };
    let sign = match &parser.peek_token_ref().token {
        Token::Word(_) | Token::Period | Token::DoubleColon | Token::LBracket => return None,
        sign => sign.to_string(),
    };
    if !matches!(quantifier, Keyword::ANY | Keyword::ALL | Keyword::SOME)
        || parser.peek_nth_token_ref(2).token != Token::LParen
    {
        return None;
    }
    parser.advance_token();
    parser.advance_token();
    let query = matches!(&parser.peek_nth_token_ref(1).token, Token::Word(word)
        if matches!(word.keyword, Keyword::SELECT | Keyword::WITH | Keyword::VALUES));
    let right = if query {
        parser.parse_subexpr(precedence)
    } else {
        parser.advance_token();
        let right = parser.parse_expr();
        right.and_then(|right| parser.expect_token(&Token::RParen).map(|_| right))
    };
    let (left, compare_op) = (Box::new(left.clone()), ast::BinaryOperator::Custom(sign));
    Some(right.map(|right| match quantifier {
        Keyword::ALL => ast::Expr::AllOp {
            left,
            compare_op,
            right: Box::new(right),
        },
        _ => ast::Expr::AnyOp {
            left,
            compare_op,
            right: Box::new(right),
            is_some: quantifier == Keyword::SOME,
        },
    }))
}

/// The words that name a column only behind AS, as `pg_get_keywords()` says; ISNULL, which is none
/// of sqlparser's, is another by now.
const NO_BARE_LABEL: &[Keyword] = &[
    Keyword::ARRAY,
    Keyword::AS,
    Keyword::CHAR,
    Keyword::CHARACTER,
    Keyword::CREATE,
    Keyword::DAY,
    Keyword::EXCEPT,
    Keyword::FETCH,
    Keyword::FILTER,
    Keyword::FOR,
    Keyword::FROM,
    Keyword::GRANT,
    Keyword::GROUP,
    Keyword::HAVING,
    Keyword::HOUR,
    Keyword::INTERSECT,
    Keyword::INTO,
    Keyword::LIMIT,
    Keyword::MINUTE,
    Keyword::MONTH,
    Keyword::NOTNULL,
    Keyword::OFFSET,
    Keyword::ON,
    Keyword::ORDER,
    Keyword::OVER,
    Keyword::OVERLAPS,
    Keyword::PRECISION,
    Keyword::RETURNING,
    Keyword::SECOND,
    Keyword::TO,
    Keyword::UNION,
    Keyword::VARYING,
    Keyword::WHERE,
    Keyword::WINDOW,
    Keyword::WITH,
    Keyword::WITHIN,
    Keyword::WITHOUT,
    Keyword::YEAR,
];

/// The grammar.
#[derive(Debug)]
pub(super) struct Grammar {
    postgresql: PostgreSqlDialect,
    /// Whether what stands right of a join may be one without parentheses.
    nested_joins: bool,
}

/// PostgreSQL's grammar.
pub(super) static GRAMMAR: Grammar = Grammar {
    postgresql: PostgreSqlDialect {},
    nested_joins: false,
};

/// The same with joins within joins that have no parentheses.
pub(super) static NESTED_JOINS: Grammar = Grammar {
    postgresql: PostgreSqlDialect {},
    nested_joins: true,
};

impl Grammar {
    /// `@ a + b`: the operators that have no place of their own in PostgreSQL's grammar bind less
    /// than arithmetic does, also before their operand.
    fn prefix_operator(&self, parser: &mut Parser) -> Option<Result<ast::Expr, ParserError>> {
        use ast::UnaryOperator as Op;
        if let Some(operator) = custom_prefix(parser) {
            let operand = parser.parse_subexpr(self.prec_value(Precedence::PgOther));
            return Some(operand.map(|operand| ast::Expr::Prefixed {
                prefix: ast::Ident::new(format!("{PREFIX_OPERATOR}{operator}")),
                value: Box::new(operand),
            }));
        }
        let op = match parser.peek_token_ref().token {
            Token::AtSign => Op::PGAbs,
            Token::Tilde => Op::BitwiseNot,
            Token::PGSquareRoot => Op::PGSquareRoot,
            Token::PGCubeRoot => Op::PGCubeRoot,
            Token::Sharp => Op::Hash,
            Token::AtDashAt => Op::AtDashAt,
            Token::AtAt => Op::DoubleAt,
            Token::DoubleExclamationMark => Op::PGPrefixFactorial,
            Token::QuestionMarkDash => Op::QuestionDash,
            Token::QuestionPipe => Op::QuestionPipe,
            _ => return None,
        };
        parser.advance_token();
        let operand = parser.parse_subexpr(self.prec_value(Precedence::PgOther));
        Some(operand.map(|operand| ast::Expr::UnaryOp {
            op,
            expr: Box::new(operand),
        }))
    }
}

/// What the name of a prefix operator that sqlparser does not know begins with.
pub(crate) const PREFIX_OPERATOR: &str = "\0prefix operator ";

/// Reads such an operator, or one in `OPERATOR(…)`: its sign, with its schema.
fn custom_prefix(parser: &mut Parser) -> Option<String> {
    match &parser.peek_token_ref().token {
        Token::CustomBinaryOperator(sign) => {
            let sign = sign.clone();
            parser.advance_token();
            return Some(sign);
        }
        Token::ExclamationMark => {
            parser.advance_token();
            return Some("!".to_owned());
        }
        Token::Word(word) if word.keyword == Keyword::OPERATOR && word.quote_style.is_none() => {}
        _ => return None,
    }
    let token = |parser: &Parser, ahead: usize| parser.peek_nth_token_ref(ahead).token.clone();
    if token(parser, 1) != Token::LParen {
        return None;
    }
    let (schema, at) = match (token(parser, 2), token(parser, 3)) {
        (Token::Word(schema), Token::Period) => {
            let schema = super::fold(&schema.into_ident(Span::empty()));
            (format!("\0{schema}\0"), 4)
        }
        _ => (String::new(), 2),
    };
    if token(parser, at + 1) != Token::RParen {
        return None;
    }
    let sign = token(parser, at).to_string();
    for _ in 0..at + 2 {
        parser.advance_token();
    }
    Some(format!("{schema}{sign}"))
}

fn is_query(expr: Option<&ast::Expr>) -> bool {
    matches!(expr, Some(ast::Expr::Subquery(_)))
}

macro_rules! as_postgresql {
    ($($name:ident)*) => {
        $(fn $name(&self) -> bool {
            self.postgresql.$name()
        })*
    };
}

impl Dialect for Grammar {
    fn dialect(&self) -> TypeId {
        // sqlparser asks for PostgreSQL by type in many places.
        self.postgresql.dialect()
    }

    fn supports_left_associative_joins_without_parens(&self) -> bool {
        !self.nested_joins
    }

    fn parse_prefix(&self, parser: &mut Parser) -> Option<Result<ast::Expr, ParserError>> {
        let left = TRIES.get();
        if left == 0 {
            // The one error that no further reading is tried after.
            return Some(Err(ParserError::RecursionLimitExceeded));
        }
        TRIES.set(left - 1);
        values_subquery(parser)
            .or_else(|| grouping(parser))
            .or_else(|| self.prefix_operator(parser))
    }

    /// `x IS DISTINCT FROM y OR z`: sqlparser takes everything after FROM for the right side.
    ///
    /// `x IN ((SELECT …), y)`: sqlparser takes the first parenthesis for that of `IN (SELECT …)`.
    ///
    /// `x @> ANY (…)`, `x OPERATOR(pg_catalog.=) ANY (…)`: sqlparser knows ANY behind few bare
    /// signs only.
    fn parse_infix(
        &self,
        parser: &mut Parser,
        expr: &ast::Expr,
        precedence: u8,
    ) -> Option<Result<ast::Expr, ParserError>> {
        let keyword = |parser: &Parser, ahead: usize| match &parser.peek_nth_token_ref(ahead).token
        {
            Token::Word(word) => word.keyword,
            _ => Keyword::NoKeyword,
        };
        if keyword(parser, 0) == Keyword::IS {
            let not = usize::from(keyword(parser, 1) == Keyword::NOT);
            if keyword(parser, not + 1) != Keyword::DISTINCT
                || keyword(parser, not + 2) != Keyword::FROM
            {
                return None;
            }
            for _ in 0..not + 3 {
                parser.advance_token();
            }
            let left = Box::new(expr.clone());
            let right = parser.parse_subexpr(self.prec_value(Precedence::Is));
            return Some(right.map(|right| match not {
                0 => ast::Expr::IsDistinctFrom(left, Box::new(right)),
                _ => ast::Expr::IsNotDistinctFrom(left, Box::new(right)),
            }));
        }
        if let Some(quantified) = qualified_quantified(parser, expr, precedence) {
            return Some(quantified);
        }
        // sqlparser knows it behind an operand, not behind an operator.
        if keyword(parser, 0) == Keyword::COLLATE {
            parser.advance_token();
            let collation = parser.parse_object_name(false);
            return Some(collation.map(|collation| ast::Expr::Collate {
                expr: Box::new(expr.clone()),
                collation,
            }));
        }
        if let Some(quantified) = quantified(parser, expr, precedence) {
            return Some(quantified);
        }
        let negated = keyword(parser, 0) == Keyword::NOT;
        let ahead = usize::from(negated);
        let doubled = keyword(parser, ahead) == Keyword::IN
            && parser.peek_nth_token_ref(ahead + 1).token == Token::LParen
            && parser.peek_nth_token_ref(ahead + 2).token == Token::LParen;
        if !doubled {
            return None;
        }
        let list = parser.maybe_parse(|parser| {
            for _ in 0..=ahead {
                parser.advance_token();
            }
            parser.expect_token(&Token::LParen)?;
            let list = parser.parse_comma_separated(Parser::parse_expr)?;
            parser.expect_token(&Token::RParen)?;
            Ok(list)
        });
        match list {
            Ok(Some(list)) if list.len() > 1 || !is_query(list.first()) => {
                Some(Ok(ast::Expr::InList {
                    expr: Box::new(expr.clone()),
                    list,
                    negated,
                }))
            }
            Ok(Some(list)) => match list.into_iter().next() {
                Some(ast::Expr::Subquery(subquery)) => Some(Ok(ast::Expr::InSubquery {
                    expr: Box::new(expr.clone()),
                    subquery,
                    negated,
                })),
                _ => None,
            },
            Ok(None) => None,
            Err(error) => Some(Err(error)),
        }
    }

    /// Whether a word names a column without AS before it.
    fn is_column_alias(&self, kw: &Keyword, _parser: &mut Parser) -> bool {
        !NO_BARE_LABEL.contains(kw)
    }

    /// `CREATE SCHEMA s CREATE VIEW v AS SELECT 1 FROM t CREATE …`
    fn is_table_alias(&self, kw: &Keyword, parser: &mut Parser) -> bool {
        !matches!(kw, Keyword::CREATE | Keyword::GRANT)
            && self.postgresql.is_table_alias(kw, parser)
    }

    fn supports_group_by_expr(&self) -> bool {
        // What it would read, [`grouping`] reads.
        false
    }

    fn supports_named_fn_args_with_expr_name(&self) -> bool {
        false
    }

    fn supports_named_fn_args_with_assignment_operator(&self) -> bool {
        true
    }

    fn identifier_quote_style(&self, identifier: &str) -> Option<char> {
        self.postgresql.identifier_quote_style(identifier)
    }

    fn is_delimited_identifier_start(&self, ch: char) -> bool {
        self.postgresql.is_delimited_identifier_start(ch)
    }

    fn is_identifier_start(&self, ch: char) -> bool {
        self.postgresql.is_identifier_start(ch)
    }

    fn is_identifier_part(&self, ch: char) -> bool {
        self.postgresql.is_identifier_part(ch)
    }

    fn is_reserved_for_identifier(&self, keyword: Keyword) -> bool {
        self.postgresql.is_reserved_for_identifier(keyword)
    }

    fn is_custom_operator_part(&self, ch: char) -> bool {
        self.postgresql.is_custom_operator_part(ch)
    }

    fn get_next_precedence(&self, parser: &Parser) -> Option<Result<u8, ParserError>> {
        self.postgresql.get_next_precedence(parser)
    }

    fn prec_value(&self, precedence: Precedence) -> u8 {
        self.postgresql.prec_value(precedence)
    }

    as_postgresql! {
        supports_filter_during_aggregation
        allow_extract_custom
        allow_extract_single_quotes
        supports_create_index_with_clause
        supports_explain_with_utility_options
        supports_listen_notify
        supports_factorial_operator
        supports_bitwise_shift_operators
        supports_comment_on
        supports_load_extension
        supports_named_fn_args_with_colon_operator
        supports_empty_projections
        supports_nested_comments
        supports_string_escape_constant
        supports_numeric_literal_underscores
        supports_array_typedef_with_brackets
        supports_geometric_types
        supports_set_names
        supports_alter_column_type_using
        supports_notnull_operator
        supports_interval_options
        supports_insert_table_alias
        supports_create_table_like_parenthesized
        supports_select_wildcard_with_alias
        supports_comma_separated_trim
        supports_xml_expressions
        supports_comment_optimizer_hint
    }
}

/// `OPERATOR(schema.sign) ANY (…)` behind `left`, with ALL and SOME.
fn qualified_quantified(
    parser: &mut Parser,
    left: &ast::Expr,
    precedence: u8,
) -> Option<Result<ast::Expr, ParserError>> {
    let keyword = |token: &Token| match token {
        Token::Word(word) => word.keyword,
        _ => Keyword::NoKeyword,
    };
    let token = |ahead: usize| &parser.peek_nth_token_ref(ahead).token;
    if keyword(token(0)) != Keyword::OPERATOR || *token(1) != Token::LParen {
        return None;
    }
    let mut parts = Vec::new();
    let mut ahead = 2;
    while *token(ahead + 1) == Token::Period {
        let Token::Word(schema) = token(ahead) else {
            return None;
        };
        parts.push(super::fold(&schema.clone().into_ident(Span::empty())));
        ahead += 2;
    }
    parts.push(token(ahead).to_string());
    let quantifier = keyword(token(ahead + 2));
    if *token(ahead + 1) != Token::RParen
        || !matches!(quantifier, Keyword::ANY | Keyword::ALL | Keyword::SOME)
    {
        return None;
    }
    for _ in 0..ahead + 3 {
        parser.advance_token();
    }
    // The parentheses are those of a subquery, or stand around an array.
    let right = match parser.parse_subexpr(precedence) {
        Ok(ast::Expr::Nested(array)) => array,
        Ok(right) => Box::new(right),
        Err(error) => return Some(Err(error)),
    };
    let (left, compare_op) = (
        Box::new(left.clone()),
        ast::BinaryOperator::PGCustomBinaryOperator(parts),
    );
    Some(Ok(match quantifier {
        Keyword::ALL => ast::Expr::AllOp {
            left,
            compare_op,
            right,
        },
        _ => ast::Expr::AnyOp {
            left,
            compare_op,
            right,
            is_some: quantifier == Keyword::SOME,
        },
    }))
}
