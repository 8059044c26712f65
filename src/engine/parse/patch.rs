//! PostgreSQL's grammar where sqlparser's ends: tokens put in other words before it reads them.
//!
//! Each of these has a reading sqlparser knows that means the same, or a mark the analysis
//! understands. What has neither and is known not to be supported is refused by name here.

use sqlparser::ast::{DollarQuotedString, Expr, Value};
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use super::cursor::folded;
use super::here::Here;
use crate::base::{Error, Result, SqlState};

/// The function whose arguments are the functions of `ROWS FROM (…)`. No client can send a NUL.
pub(crate) const ROWS_FROM: &str = "\0rows_from";

/// The names of windows whose frames leave rows out; behind another NUL the window's own name.
pub(crate) const EXCLUDE_CURRENT_ROW: &str = "\0exclude current row";
pub(crate) const EXCLUDE_GROUP: &str = "\0exclude group";
pub(crate) const EXCLUDE_TIES: &str = "\0exclude ties";

/// The item of a GROUP BY that takes each grouping set once.
pub(crate) const GROUP_BY_DISTINCT: &str = "\0distinct";

/// What stands, before its name, among the columns of USING for the relation they make.
pub(crate) const JOIN_ALIAS: &str = "\0as ";

/// The function of a LIMIT that lets rows in that are as good as its last.
pub(crate) const WITH_TIES: &str = "\0with ties";

/// The function whose argument is the cursor of `WHERE CURRENT OF cursor`.
pub(crate) const CURRENT_OF: &str = "\0current of";

/// The name of an argument that is an array of arguments.
pub(crate) const VARIADIC: &str = "\0variadic";

/// Whether this is the string of a window frame's bound that casts it, `'1 day'::interval
/// PRECEDING`: sqlparser takes such a string for an interval that ends there.
fn is_cast_bound(here: &Here<'_>) -> bool {
    matches!(here.token(0), Some(Token::SingleQuotedString(_)))
        && here.is(1, &Token::DoubleColon)
        && matches!(here.word(3).as_deref(), Some("PRECEDING" | "FOLLOWING"))
}

/// Whether options of the statement are written as typed strings are: `name 'value'`.
fn has_options(tokens: &[TokenWithSpan]) -> bool {
    let words = tokens.iter().filter_map(|token| match &token.token {
        Token::Word(word) if word.quote_style.is_none() => Some(word.value.to_uppercase()),
        _ => None,
    });
    let mut words = words.peekable();
    match words.peek().map(String::as_str) {
        Some("CREATE" | "ALTER") => {
            let over_rows = ["TABLE", "INDEX", "VIEW", "POLICY", "DOMAIN", "TRIGGER"];
            let head: Vec<String> = words.take(5).collect();
            let is = |word: &Token, what: &str| matches!(word, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(what));
            let mut pairs = tokens.windows(2);
            let listed =
                pairs.any(|of| is(&of[0].token, "OPTIONS") && of[1].token == Token::LParen);
            !head.iter().any(|word| over_rows.contains(&word.as_str()))
                || head.get(1).is_some_and(|word| word == "FOREIGN")
                || listed
        }
        Some(
            "COMMENT" | "COMMIT" | "COPY" | "DO" | "DROP" | "IMPORT" | "LOAD" | "NOTIFY"
            | "PREPARE" | "ROLLBACK" | "SECURITY" | "SET",
        ) => true,
        _ => false,
    }
}

/// The tag of the blank that stands where nobody wrote what TRIM takes away.
const FILLED_IN: &str = "\0blank";

/// Whether nobody wrote what TRIM takes away.
pub(crate) fn is_filled_in(what: &Expr) -> bool {
    match what {
        Expr::Value(value) => match &value.value {
            Value::DollarQuotedString(text) => text.tag.as_deref() == Some(FILLED_IN),
            _ => false,
        },
        _ => false,
    }
}

/// Puts a statement's tokens in words sqlparser knows.
pub(super) fn patch(tokens: &mut Vec<TokenWithSpan>) -> Result<()> {
    let mut index = 0;
    let queries = !has_options(tokens);
    while index < tokens.len() {
        let here = Here { tokens, index };
        if is_cast_bound(&here) {
            let span = tokens[index].span;
            tokens.insert(index, TokenWithSpan::new(Token::LParen, span));
            tokens.insert(index + 2, TokenWithSpan::new(Token::RParen, span));
            index += 3;
            continue;
        }
        match here.word(0).as_deref() {
            // A call that whoever carries the statement out puts a condition in the place of.
            Some("CURRENT")
                if here.word(1).as_deref() == Some("OF")
                    && matches!(here.token(2), Some(Token::Word(_)))
                    && here.after_word("WHERE") =>
            {
                tokens[index].token = Token::make_word(CURRENT_OF, Some('"'));
                tokens[index + 1].token = Token::LParen;
                let span = tokens[index + 2].span;
                tokens.insert(index + 3, TokenWithSpan::new(Token::RParen, span));
            }
            Some("BETWEEN") => match here.word(1).as_deref() {
                Some("ASYMMETRIC") => {
                    tokens.remove(index + 1);
                }
                // No operator of PostgreSQL is written so any more: it marks the lower bound.
                Some("SYMMETRIC") => tokens[index + 1].token = Token::DoubleExclamationMark,
                _ => {}
            },
            Some("BOTH" | "LEADING" | "TRAILING") if here.word(1).as_deref() == Some("FROM") => {
                let blank = Token::DollarQuotedString(DollarQuotedString {
                    value: " ".to_owned(),
                    tag: Some(FILLED_IN.to_owned()),
                });
                let span = tokens[index].span;
                tokens.insert(index + 1, TokenWithSpan::new(blank, span));
            }
            Some("TRIM")
                if here.is(1, &Token::LParen) && here.word(2).as_deref() == Some("FROM") =>
            {
                tokens.remove(index + 2);
            }
            // Words of the grammar to sqlparser, functions to whoever writes their schema.
            Some("PG_CATALOG")
                if here.is(1, &Token::Period)
                    && here.is(3, &Token::LParen)
                    && matches!(
                        here.word(2).as_deref(),
                        Some("SUBSTRING" | "SUBSTR" | "OVERLAY" | "CEIL" | "FLOOR" | "TRIM")
                    ) =>
            {
                tokens.drain(index..index + 2);
            }
            Some("USING") if here.is(1, &Token::LParen) => join_alias(tokens, index),
            Some("FETCH") if index > 0 => row_count(tokens, index),
            Some("USING") => {
                let direction = match here.token(1).map(Token::to_string).as_deref() {
                    Some("<" | "~<~") => Some("ASC"),
                    Some(">" | "~>~") => Some("DESC"),
                    _ => None,
                };
                if let Some(direction) = direction {
                    tokens.remove(index);
                    tokens[index].token = word(direction);
                }
            }
            Some("BY") if here.word(1).as_deref() == Some("DISTINCT") && here.after_group() => {
                tokens[index + 1].token = quoted(GROUP_BY_DISTINCT);
                let span = tokens[index].span;
                tokens.insert(index + 2, TokenWithSpan::new(Token::Comma, span));
            }
            Some("BY")
                if here.word(1).as_deref() == Some("ALL")
                    && here.after_group()
                    && !matches!(here.token(2), None | Some(Token::RParen)) =>
            {
                tokens.remove(index + 1);
            }
            // `f(a, VARIADIC b)`, which is no parameter of a function to be made.
            Some("VARIADIC")
                if matches!(here.before(), Some(Token::LParen | Token::Comma))
                    && !super::routines::names_routine(here.tokens) =>
            {
                tokens[index].token = quoted(VARIADIC);
                let span = tokens[index].span;
                tokens.insert(index + 1, TokenWithSpan::new(Token::Assignment, span));
            }
            Some("FOR") => {
                index = super::locking::locking(tokens, index);
                continue;
            }
            Some("TABLESAMPLE")
                if here.is(2, &Token::LParen)
                    && !matches!(here.word(1).as_deref(), Some("SYSTEM" | "BERNOULLI")) =>
            {
                let name = match here.token(1) {
                    Some(Token::Word(word)) => word.value.to_ascii_lowercase(),
                    _ => String::new(),
                };
                return Err(Error::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!("tablesample method {name} does not exist"),
                ));
            }
            Some("SUBSTRING") if here.is(1, &Token::LParen) => substring(tokens, index),
            Some("SET") if here.follows_update() => super::subscripts::lower(tokens, index),
            Some("EXCLUDE") if here.after_frame() => match here.words(1, 2).as_str() {
                "NO OTHERS" => {
                    tokens.drain(index..index + 3);
                    continue;
                }
                "CURRENT ROW" => {
                    tokens.drain(index..index + 3);
                    mark_window(tokens, index, EXCLUDE_CURRENT_ROW);
                    continue;
                }
                other if other.starts_with("GROUP") => {
                    tokens.drain(index..index + 2);
                    mark_window(tokens, index, EXCLUDE_GROUP);
                    continue;
                }
                other if other.starts_with("TIES") => {
                    tokens.drain(index..index + 2);
                    mark_window(tokens, index, EXCLUDE_TIES);
                    continue;
                }
                _ => {}
            },
            Some("SEARCH" | "CYCLE") if here.after(&Token::RParen) => {
                if let Some(next) = super::traversal::among_columns(tokens, index) {
                    index = next;
                    continue;
                }
            }
            Some("ROWS")
                if here.word(1).as_deref() == Some("FROM") && here.is(2, &Token::LParen) =>
            {
                tokens.remove(index + 1);
                tokens[index].token = quoted(ROWS_FROM);
            }
            Some(name @ ("ARRAY" | "TABLE")) if here.is_label() => {
                tokens[index].token = quoted(&name.to_ascii_lowercase());
            }
            // sqlparser reads `TABLE t` only where nothing follows.
            Some("TABLE") if here.begins_query() => {
                let span = tokens[index].span;
                tokens[index].token = word("SELECT");
                let rest = [Token::Mul, word("FROM")].map(|token| TokenWithSpan::new(token, span));
                tokens.splice(index + 1..index + 1, rest);
                super::star::bare_table(tokens, index + 3);
            }
            // `int ARRAY` is the type `int[]`; what makes an array is followed by its elements.
            Some("ARRAY")
                if here.after_type()
                    && !here.is(1, &Token::LBracket)
                    && !here.is(1, &Token::LParen) =>
            {
                let span = tokens[index].span;
                tokens[index].token = Token::LBracket;
                tokens.insert(index + 1, TokenWithSpan::new(Token::RBracket, span));
            }
            // `int ARRAY[4]`: how many elements there may be is not checked, as in PostgreSQL.
            Some("ARRAY")
                if here.after_built_in_type()
                    && here.is(1, &Token::LBracket)
                    && matches!(here.token(2), Some(Token::Number(..)))
                    && here.is(3, &Token::RBracket) =>
            {
                tokens.remove(index);
            }
            Some("NATIONAL") if matches!(here.word(1).as_deref(), Some("CHARACTER" | "CHAR")) => {
                tokens.remove(index);
            }
            Some("COLLATION")
                if here.word(1).as_deref() == Some("FOR") && here.is(2, &Token::LParen) =>
            {
                tokens.remove(index + 1);
                tokens[index].token = quoted("pg_collation_for");
            }
            // A name for what stands before: these are fields of an interval to sqlparser alone.
            Some("INTERVAL") if here.is_interval_with_label() => {
                if let Some(name) = here.word(2) {
                    tokens[index + 2].token = quoted(&name.to_ascii_lowercase());
                }
            }
            // `FROM f() AS (a int)`: the relation is called as the function is.
            Some("AS") if here.is(1, &Token::LParen) && here.after(&Token::RParen) => {
                if super::star::in_from(tokens, index)
                    && let Some(name) = called(tokens, index - 1)
                {
                    tokens.insert(index + 1, name);
                }
            }
            // sqlparser forgets the precision of `INTERVAL(3) 'text'`.
            Some("INTERVAL") if here.is_precise_interval() => {
                let span = tokens[index].span;
                let plain = |token: Token| TokenWithSpan::new(token, span);
                let text = tokens.remove(index + 4);
                // Where the text ends, so does what was written.
                let end = TokenWithSpan::new(Token::RParen, text.span);
                let rest = [plain(Token::LParen), text, plain(word("AS"))];
                tokens.insert(index + 4, end);
                tokens.splice(index..index, [plain(word("CAST"))].into_iter().chain(rest));
            }
            Some(name) if queries && here.types_a_string(name) => {
                let span = tokens[index].span;
                let (ty, text) = (tokens[index].clone(), tokens[index + 1].clone());
                let plain = |token: Token| TokenWithSpan::new(token, span);
                let end = TokenWithSpan::new(Token::RParen, text.span);
                let cast = [
                    plain(word("CAST")),
                    plain(Token::LParen),
                    text,
                    plain(word("AS")),
                    ty,
                    end,
                ];
                tokens.splice(index..index + 2, cast);
            }
            Some("ISNULL") if here.after_operand() => {
                let span = tokens[index].span;
                tokens[index].token = word("IS");
                tokens.insert(index + 1, TokenWithSpan::new(word("NULL"), span));
            }
            _ => {}
        }
        // `row.*` with something done to it is the row.
        if (Here { tokens, index }).is_operand_star() {
            tokens.drain(index..=index + 1);
        }
        // `(row).*`: all fields, under a name that none has.
        if (Here { tokens, index }).is_row_star() {
            tokens[index + 1].token = quoted(super::FIELDS);
        }
        index += 1;
    }
    Ok(())
}

/// `USING (a) AS k`: the name is put among the columns, behind a NUL.
fn join_alias(tokens: &mut Vec<TokenWithSpan>, using: usize) {
    let listed = tokens.iter().skip(using + 2);
    let count = listed
        .take_while(|token| matches!(token.token, Token::Word(_) | Token::Comma))
        .count();
    let close = using + 2 + count;
    let here = Here {
        tokens,
        index: close,
    };
    let (true, Some("AS"), Some(Token::Word(name))) = (
        count > 0 && here.is(0, &Token::RParen),
        here.word(1).as_deref(),
        here.token(2),
    ) else {
        return;
    };
    let begins_query = ["SELECT", "VALUES", "TABLE", "WITH"].contains(
        &(Here {
            tokens,
            index: using + 2,
        })
        .word(0)
        .unwrap_or_default()
        .as_str(),
    );
    if begins_query {
        return;
    }
    let name = folded(name);
    let span = tokens[close + 2].span;
    tokens.drain(close + 1..close + 3);
    // What is kept of the text ends where its last token does.
    tokens[close].span = span;
    let mark = [Token::Comma, quoted(&format!("{JOIN_ALIAS}{name}"))];
    tokens.splice(
        close..close,
        mark.map(|token| TokenWithSpan::new(token, span)),
    );
}

/// `FETCH FIRST (n) ROWS …`, where n is no plain constant, is a LIMIT.
fn row_count(tokens: &mut Vec<TokenWithSpan>, fetch: usize) {
    let here = Here {
        tokens,
        index: fetch,
    };
    if !matches!(here.word(1).as_deref(), Some("FIRST" | "NEXT")) {
        return;
    }
    let from = fetch + 2;
    let end = match here.token(2) {
        Some(Token::LParen) => parenthesis(tokens, from).map(|(close, _)| close),
        Some(Token::Plus | Token::Minus) => Some(from + 1),
        _ => None,
    };
    let Some(end) = end else {
        return;
    };
    let tail = Here { tokens, index: end };
    let rows = matches!(tail.word(1).as_deref(), Some("ROW" | "ROWS"));
    let (ties, length) = match tail.words(2, 2).as_str() {
        "WITH TIES" => (true, 3),
        other if other.starts_with("ONLY") => (false, 2),
        _ => return,
    };
    if !rows {
        return;
    }
    let span = tokens[fetch].span;
    let plain = |token: Token| TokenWithSpan::new(token, span);
    // What is kept of the text ends where its last token does.
    let last = tokens[end + length].span;
    tokens.drain(end + 1..end + length);
    tokens[end + 1] = TokenWithSpan::new(Token::RParen, last);
    let mut before = vec![plain(word("LIMIT"))];
    before.extend(ties.then(|| plain(quoted(WITH_TIES))));
    before.push(plain(Token::LParen));
    tokens.splice(fetch..from, before);
}

/// The name of the function whose arguments end at `close`.
fn called(tokens: &[TokenWithSpan], close: usize) -> Option<TokenWithSpan> {
    let mut depth = 0_usize;
    for at in (0..=close).rev() {
        match &tokens[at].token {
            Token::RParen | Token::RBracket => depth += 1,
            Token::LParen | Token::LBracket => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            let name = tokens.get(at.checked_sub(1)?)?;
            return matches!(name.token, Token::Word(_)).then(|| name.clone());
        }
    }
    None
}

/// Marks the window whose definition `index` stands in, by its name.
fn mark_window(tokens: &mut Vec<TokenWithSpan>, index: usize, mark: &str) {
    let mut depth = 0_usize;
    for at in (0..index).rev() {
        match &tokens[at].token {
            Token::RParen => depth += 1,
            Token::LParen if depth > 0 => depth -= 1,
            Token::LParen => {
                let begins = |word: &Word| {
                    word.quote_style.is_none()
                        && ["PARTITION", "ORDER", "ROWS", "RANGE", "GROUPS"]
                            .iter()
                            .any(|first| word.value.eq_ignore_ascii_case(first))
                };
                match tokens.get_mut(at + 1).map(|next| &mut next.token) {
                    Some(Token::Word(word)) if !begins(word) => {
                        let name = folded(word);
                        tokens[at + 1].token = quoted(&format!("{mark}\0{name}"));
                    }
                    _ => {
                        let span = tokens[at].span;
                        tokens.insert(at + 1, TokenWithSpan::new(quoted(mark), span));
                    }
                }
                return;
            }
            _ => {}
        }
    }
}

/// The end of the parenthesis that opens at `open`, and the places of words directly in it.
pub(super) fn parenthesis(
    tokens: &[TokenWithSpan],
    open: usize,
) -> Option<(usize, Vec<(usize, String)>)> {
    let mut depth = 0_usize;
    let mut words = Vec::new();
    for (at, token) in tokens.iter().enumerate().skip(open) {
        match &token.token {
            Token::LParen | Token::LBracket => depth += 1,
            Token::RParen | Token::RBracket => {
                depth -= 1;
                if depth == 0 {
                    return Some((at, words));
                }
            }
            Token::Word(word) if depth == 1 && word.quote_style.is_none() => {
                words.push((at, word.value.to_ascii_uppercase()));
            }
            _ => {}
        }
    }
    None
}

/// `SUBSTRING(x SIMILAR y ESCAPE z)` is a call, and `SUBSTRING(x FOR n FROM m)` has an order.
fn substring(tokens: &mut Vec<TokenWithSpan>, index: usize) {
    let Some((end, words)) = parenthesis(tokens, index + 1) else {
        return;
    };
    let find = |wanted: &str| {
        words
            .iter()
            .find(|(_, word)| word == wanted)
            .map(|(at, _)| *at)
    };
    if let (Some(similar), Some(escape)) = (find("SIMILAR"), find("ESCAPE"))
        && !words.contains(&(similar + 1, "TO".to_owned()))
    {
        tokens[similar].token = Token::Comma;
        tokens[escape].token = Token::Comma;
        tokens[index].token = quoted("substring");
        return;
    }
    if let (Some(length), Some(from)) = (find("FOR"), find("FROM"))
        && length < from
    {
        let counted: Vec<_> = tokens.drain(length..from).collect();
        let at = end - counted.len();
        tokens.splice(at..at, counted);
    }
}

pub(super) fn quoted(name: &str) -> Token {
    Token::Word(Word {
        value: name.to_owned(),
        quote_style: Some('"'),
        keyword: Keyword::NoKeyword,
    })
}

pub(super) fn word(text: &str) -> Token {
    Token::make_word(text, None)
}
