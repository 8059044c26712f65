//! What stands around a token.

use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Word};

use crate::types::PgType;

/// A place among tokens.
pub(super) struct Here<'t> {
    pub(super) tokens: &'t [TokenWithSpan],
    pub(super) index: usize,
}

impl Here<'_> {
    pub(super) fn token(&self, ahead: usize) -> Option<&Token> {
        self.tokens
            .get(self.index + ahead)
            .map(|token| &token.token)
    }

    pub(super) fn is(&self, ahead: usize, token: &Token) -> bool {
        self.token(ahead) == Some(token)
    }

    /// An unquoted word, in capitals.
    pub(super) fn word(&self, ahead: usize) -> Option<String> {
        match self.token(ahead)? {
            Token::Word(Word {
                value,
                quote_style: None,
                ..
            }) => Some(value.to_ascii_uppercase()),
            _ => None,
        }
    }

    pub(super) fn words(&self, ahead: usize, count: usize) -> String {
        (ahead..ahead + count)
            .filter_map(|ahead| self.word(ahead))
            .collect::<Vec<_>>()
            .join(" ")
    }

    pub(super) fn before(&self) -> Option<&Token> {
        self.tokens
            .get(self.index.checked_sub(1)?)
            .map(|token| &token.token)
    }

    pub(super) fn after(&self, token: &Token) -> bool {
        self.before() == Some(token)
    }

    /// Whether this unquoted word, in capitals, stands before.
    pub(super) fn after_word(&self, word: &str) -> bool {
        matches!(self.before(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if value.eq_ignore_ascii_case(word))
    }

    /// Whether a window frame's bound ends here.
    pub(super) fn after_frame(&self) -> bool {
        matches!(self.before(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if ["ROW", "PRECEDING", "FOLLOWING"]
                .iter()
                .any(|end| value.eq_ignore_ascii_case(end)))
    }

    /// Whether a query may begin here.
    pub(super) fn begins_query(&self) -> bool {
        let begins = [
            "UNION",
            "ALL",
            "DISTINCT",
            "EXCEPT",
            "INTERSECT",
            "AS",
            "FOR",
        ];
        match self.before() {
            None | Some(Token::LParen) => true,
            Some(Token::Word(word)) if word.quote_style.is_none() => {
                begins
                    .iter()
                    .any(|begin| word.value.eq_ignore_ascii_case(begin))
                    || self.after_target()
            }
            Some(Token::Word(_) | Token::RParen) => self.after_target(),
            _ => false,
        }
    }

    /// Whether the target of an INSERT stands before.
    pub(super) fn after_target(&self) -> bool {
        let first = self.tokens.first().map(|token| token.token.to_string());
        first.is_some_and(|first| first.eq_ignore_ascii_case("INSERT")) && self.index > 2
    }

    /// `type 'text'`, with a type sqlparser does not know: a user's, or one of these.
    pub(super) fn types_a_string(&self, word: &str) -> bool {
        const TYPES: &[&str] = &[
            "BPCHAR",
            "CID",
            "JSONPATH",
            "NAME",
            "OID",
            "REGPROC",
            "REGPROCEDURE",
            "REGROLE",
            "REGTYPE",
            "TID",
            "XID",
        ];
        let named = matches!(self.token(0), Some(Token::Word(word))
            if word.keyword == Keyword::NoKeyword);
        (named || TYPES.contains(&word))
            && matches!(
                self.token(1),
                Some(Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_))
            )
            && !matches!(self.before(), Some(Token::Period | Token::DoubleColon))
    }

    /// `INTERVAL (digits) 'text'`
    pub(super) fn is_precise_interval(&self) -> bool {
        self.is(1, &Token::LParen)
            && matches!(self.token(2), Some(Token::Number(..)))
            && self.is(3, &Token::RParen)
            && matches!(
                self.token(4),
                Some(Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_))
            )
    }

    /// `INTERVAL 'text' word`, where the word is no field of intervals.
    pub(super) fn is_interval_with_label(&self) -> bool {
        const LABELS: [&str; 26] = [
            "YEARS",
            "MONTHS",
            "WEEK",
            "WEEKS",
            "DAYS",
            "HOURS",
            "MINUTES",
            "SECONDS",
            "CENTURY",
            "DECADE",
            "DOW",
            "DOY",
            "EPOCH",
            "ISODOW",
            "ISOYEAR",
            "JULIAN",
            "MICROSECOND",
            "MICROSECONDS",
            "MILLENIUM",
            "MILLENNIUM",
            "MILLISECOND",
            "MILLISECONDS",
            "NANOSECOND",
            "NANOSECONDS",
            "QUARTER",
            "TIMEZONE",
        ];
        let text = matches!(
            self.token(1),
            Some(Token::SingleQuotedString(_) | Token::EscapedStringLiteral(_))
        );
        text && self
            .word(2)
            .is_some_and(|word| LABELS.contains(&word.as_str()))
    }

    pub(super) fn after_group(&self) -> bool {
        matches!(self.before(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if value.eq_ignore_ascii_case("GROUP"))
    }

    /// Whether this word is the SET of an UPDATE: of a statement, or of ON CONFLICT.
    pub(super) fn follows_update(&self) -> bool {
        let mut depth = 0_usize;
        for at in (0..self.index).rev() {
            match &self.tokens[at].token {
                Token::RParen => depth += 1,
                Token::LParen if depth == 0 => return false,
                Token::LParen => depth -= 1,
                Token::Word(word) if depth == 0 && word.keyword == Keyword::UPDATE => return true,
                Token::Word(word) if depth == 0 && word.keyword == Keyword::SET => return false,
                _ => {}
            }
        }
        false
    }

    /// Whether what stands before may be an operand.
    pub(super) fn after_operand(&self) -> bool {
        match self.before() {
            Some(Token::Word(word)) => {
                word.quote_style.is_some()
                    || ![
                        "SELECT", "AS", "DISTINCT", "ALL", "BY", "WHERE", "AND", "OR", "NOT",
                    ]
                    .iter()
                    .any(|other| word.value.eq_ignore_ascii_case(other))
            }
            Some(
                Token::RParen
                | Token::RBracket
                | Token::Number(..)
                | Token::SingleQuotedString(_)
                | Token::Placeholder(_),
            ) => true,
            _ => false,
        }
    }

    /// Whether this word, reserved elsewhere, is the name of a column: behind AS, and at its item's
    /// end.
    pub(super) fn is_label(&self) -> bool {
        let behind = matches!(self.before(), Some(Token::Word(Word { value, quote_style: None, .. }))
            if value.eq_ignore_ascii_case("AS"));
        let ends = match self.token(1) {
            None | Some(Token::Comma | Token::RParen) => true,
            _ => matches!(
                self.word(1).as_deref(),
                Some("FROM" | "WHERE" | "GROUP" | "ORDER" | "LIMIT" | "UNION")
            ),
        };
        behind && ends
    }

    /// Whether what stands before may be a type's name.
    pub(super) fn after_type(&self) -> bool {
        matches!(self.before(), Some(Token::Word(_) | Token::RParen))
    }

    /// Whether what stands before is a built-in type's name: what follows belongs to the type.
    pub(super) fn after_built_in_type(&self) -> bool {
        const WORDS: &[&str] = &[
            "bigint",
            "char",
            "dec",
            "decimal",
            "float",
            "int",
            "precision",
            "smallint",
            "time",
            "timestamp",
            "varying",
            "zone",
        ];
        let mut before = self.tokens[..self.index]
            .iter()
            .rev()
            .map(|token| &token.token);
        let mut last = before.next();
        if last == Some(&Token::RParen) {
            let inside = before.by_ref();
            let modifier = |token: &&Token| matches!(token, Token::Number(..) | Token::Comma);
            last = match inside.find(|token| !modifier(token)) {
                Some(Token::LParen) => before.next(),
                _ => None,
            };
        }
        match last {
            Some(Token::Word(Word {
                value,
                quote_style: None,
                ..
            })) => {
                let word = value.to_ascii_lowercase();
                word != "any"
                    && (WORDS.contains(&word.as_str()) || PgType::by_name(&word).is_some())
            }
            _ => false,
        }
    }

    /// `.*` behind a name, where something is done to the row of that name.
    pub(super) fn is_operand_star(&self) -> bool {
        let named = self.index > 0
            && matches!(self.tokens[self.index - 1].token, Token::Word(_))
            && self.is(0, &Token::Period)
            && self.is(1, &Token::Mul);
        let behind = self.tokens.get(self.index + 2).map(|token| &token.token);
        named
            && match behind {
                Some(Token::Word(word)) if word.quote_style.is_none() => {
                    let word = word.value.to_ascii_uppercase();
                    ["IS", "IN", "NOT", "ISNULL", "NOTNULL"].contains(&word.as_str())
                }
                Some(
                    Token::DoubleColon
                    | Token::Eq
                    | Token::Neq
                    | Token::Lt
                    | Token::LtEq
                    | Token::Gt
                    | Token::GtEq,
                ) => true,
                _ => false,
            }
    }

    /// `.*` behind a row that is not named as a relation is.
    pub(super) fn is_row_star(&self) -> bool {
        if !self.is(0, &Token::Period) || !self.is(1, &Token::Mul) {
            return false;
        }
        // Fields of fields stand in between.
        let mut tokens = self.tokens[..self.index].iter().rev();
        loop {
            match tokens.next().map(|token| &token.token) {
                Some(Token::RParen | Token::RBracket) => return true,
                Some(Token::Word(_)) => {}
                _ => return false,
            }
            if tokens.next().map(|token| &token.token) != Some(&Token::Period) {
                return false;
            }
        }
    }
}
