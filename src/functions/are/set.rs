//! Sets of characters: one character, `.`, bracket expressions, class escapes.

use std::fmt::Write;

/// A class of characters by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Alpha,
    Alnum,
    Ascii,
    Blank,
    Cntrl,
    Digit,
    Graph,
    Lower,
    Print,
    Punct,
    Space,
    Upper,
    Word,
    Xdigit,
}

/// Names of `[:name:]`.
pub(super) const CLASSES: &[(&str, Class)] = &[
    ("alpha", Class::Alpha),
    ("alnum", Class::Alnum),
    ("ascii", Class::Ascii),
    ("blank", Class::Blank),
    ("cntrl", Class::Cntrl),
    ("digit", Class::Digit),
    ("graph", Class::Graph),
    ("lower", Class::Lower),
    ("print", Class::Print),
    ("punct", Class::Punct),
    ("space", Class::Space),
    ("upper", Class::Upper),
    ("word", Class::Word),
    ("xdigit", Class::Xdigit),
];

/// Names of `[.name.]` that are longer than the character.
pub(super) const NAMES: &[(&str, char)] = &[
    ("NUL", '\0'),
    ("SOH", '\u{1}'),
    ("STX", '\u{2}'),
    ("ETX", '\u{3}'),
    ("EOT", '\u{4}'),
    ("ENQ", '\u{5}'),
    ("ACK", '\u{6}'),
    ("BEL", '\u{7}'),
    ("alert", '\u{7}'),
    ("BS", '\u{8}'),
    ("backspace", '\u{8}'),
    ("HT", '\t'),
    ("tab", '\t'),
    ("LF", '\n'),
    ("newline", '\n'),
    ("VT", '\u{b}'),
    ("vertical-tab", '\u{b}'),
    ("FF", '\u{c}'),
    ("form-feed", '\u{c}'),
    ("CR", '\r'),
    ("carriage-return", '\r'),
    ("ESC", '\u{1b}'),
    ("space", ' '),
    ("exclamation-mark", '!'),
    ("quotation-mark", '"'),
    ("number-sign", '#'),
    ("dollar-sign", '$'),
    ("percent-sign", '%'),
    ("ampersand", '&'),
    ("apostrophe", '\''),
    ("left-parenthesis", '('),
    ("right-parenthesis", ')'),
    ("asterisk", '*'),
    ("plus-sign", '+'),
    ("comma", ','),
    ("hyphen", '-'),
    ("hyphen-minus", '-'),
    ("period", '.'),
    ("full-stop", '.'),
    ("slash", '/'),
    ("solidus", '/'),
    ("zero", '0'),
    ("one", '1'),
    ("two", '2'),
    ("three", '3'),
    ("four", '4'),
    ("five", '5'),
    ("six", '6'),
    ("seven", '7'),
    ("eight", '8'),
    ("nine", '9'),
    ("colon", ':'),
    ("semicolon", ';'),
    ("less-than-sign", '<'),
    ("equals-sign", '='),
    ("greater-than-sign", '>'),
    ("question-mark", '?'),
    ("commercial-at", '@'),
    ("left-square-bracket", '['),
    ("backslash", '\\'),
    ("reverse-solidus", '\\'),
    ("right-square-bracket", ']'),
    ("circumflex", '^'),
    ("circumflex-accent", '^'),
    ("underscore", '_'),
    ("low-line", '_'),
    ("grave-accent", '`'),
    ("left-brace", '{'),
    ("left-curly-bracket", '{'),
    ("vertical-line", '|'),
    ("right-brace", '}'),
    ("right-curly-bracket", '}'),
    ("tilde", '~'),
    ("DEL", '\u{7f}'),
];

impl Class {
    fn has(self, c: char) -> bool {
        match self {
            Self::Alpha => c.is_alphabetic(),
            Self::Alnum => c.is_alphanumeric(),
            Self::Ascii => c.is_ascii(),
            Self::Blank => c == ' ' || c == '\t',
            Self::Cntrl => c.is_control(),
            Self::Digit => c.is_ascii_digit(),
            Self::Graph => !c.is_control() && !c.is_whitespace(),
            Self::Lower => c.is_lowercase(),
            Self::Print => !c.is_control(),
            Self::Punct => match c.is_ascii() {
                true => c.is_ascii_punctuation(),
                false => !c.is_alphanumeric() && !c.is_whitespace() && !c.is_control(),
            },
            Self::Space => c.is_whitespace(),
            Self::Upper => c.is_uppercase(),
            Self::Word => c.is_alphanumeric() || c == '_',
            Self::Xdigit => c.is_ascii_hexdigit(),
        }
    }

    /// In the `regex` crate's words, within brackets.
    fn written(self) -> &'static str {
        match self {
            Self::Alpha => "\\p{Alphabetic}",
            Self::Alnum => "\\p{Alphabetic}\\p{N}",
            Self::Ascii => "\\x00-\\x7F",
            Self::Blank => " \\t",
            Self::Cntrl => "\\p{Cc}",
            Self::Digit => "0-9",
            Self::Graph => "[^\\p{Cc}\\s]",
            Self::Lower => "\\p{Lowercase}",
            Self::Print => "\\P{Cc}",
            Self::Punct => "[:punct:][^\\x00-\\x7F\\p{Alphabetic}\\p{N}\\s\\p{Cc}]",
            Self::Space => "\\s",
            Self::Upper => "\\p{Uppercase}",
            Self::Word => "\\p{Alphabetic}\\p{N}_",
            Self::Xdigit => "0-9A-Fa-f",
        }
    }
}

/// What a set has.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    Range(char, char),
    Class(Class),
    /// All but the class: `\D` within brackets.
    Not(Class),
}

/// A set of characters.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Set {
    pub(super) items: Vec<Item>,
    pub(super) negated: bool,
    /// Not among the set whatever else is: `[^a]` where lines count.
    pub(super) no_newline: bool,
    pub(super) ignore_case: bool,
}

/// Whether a character is part of a word.
pub(super) fn is_word(c: char) -> bool {
    Class::Word.has(c)
}

/// A character in both cases.
fn cases(c: char) -> [char; 3] {
    let mut lower = c.to_lowercase();
    let mut upper = c.to_uppercase();
    let single = |mut all: Box<dyn Iterator<Item = char>>| match (all.next(), all.next()) {
        (Some(one), None) => one,
        _ => c,
    };
    [
        c,
        single(Box::new(lower.by_ref())),
        single(Box::new(upper.by_ref())),
    ]
}

/// Whether two characters are the same but for their case.
pub(super) fn same(a: char, b: char, ignore_case: bool) -> bool {
    a == b || ignore_case && cases(a).iter().any(|a| cases(b).contains(a))
}

impl Set {
    pub(super) fn of(c: char, ignore_case: bool) -> Self {
        Self {
            items: vec![Item::Range(c, c)],
            ignore_case,
            ..Self::default()
        }
    }

    pub(super) fn class(class: Class, negated: bool) -> Self {
        Self {
            items: vec![Item::Class(class)],
            negated,
            ..Self::default()
        }
    }

    pub(super) fn has(&self, c: char) -> bool {
        if self.no_newline && c == '\n' {
            return false;
        }
        let listed = |c: char| {
            self.items.iter().any(|item| match item {
                // The cases of what is written count, not those of the text.
                Item::Range(from, to) if from == to && self.ignore_case => {
                    cases(*from).contains(&c)
                }
                Item::Range(from, to) => {
                    (*from..=*to).contains(&c)
                        || self.ignore_case && cases(c).iter().any(|c| (*from..=*to).contains(c))
                }
                Item::Class(class) => class.has(c),
                Item::Not(class) => !class.has(c),
            })
        };
        let found = listed(c);
        found != self.negated
    }

    /// In the `regex` crate's words.
    pub(super) fn write(&self, out: &mut String) {
        if self.items.is_empty() {
            out.push_str(match (self.negated, self.no_newline) {
                (true, true) => "[^\\n]",
                (true, false) => "(?s:.)",
                (false, _) => "[a&&b]",
            });
            return;
        }
        // Whole ranges in any case are the crate's business.
        let wide = |item: &Item| matches!(item, Item::Range(from, to) if from != to);
        let folds = self.ignore_case && self.items.iter().any(wide);
        if folds {
            out.push_str("(?i:");
        }
        out.push_str(if self.negated { "[^" } else { "[" });
        if self.negated && self.no_newline {
            out.push_str("\\n");
        }
        for item in &self.items {
            match item {
                Item::Range(one, to) if one == to && self.ignore_case => {
                    for c in cases(*one) {
                        let _ = write!(out, "\\x{{{:x}}}", u32::from(c));
                    }
                }
                Item::Range(from, to) => {
                    let (from, to) = (u32::from(*from), u32::from(*to));
                    // Writing to a string does not fail.
                    let _ = write!(out, "\\x{{{from:x}}}-\\x{{{to:x}}}");
                }
                Item::Class(class) => out.push_str(class.written()),
                Item::Not(class) => {
                    out.push_str("[^");
                    out.push_str(class.written());
                    out.push(']');
                }
            }
        }
        out.push(']');
        if folds {
            out.push(')');
        }
    }
}
